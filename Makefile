# Each target sets up what it needs, in .venv, and is quick when that is already there.
#   PYTHON=python3.12              another interpreter
#   PIP_FLAGS="--extra-index-url …" more options for pip, e.g. to choose PyTorch's CPU build
#   JOBS=4                         processes for the tests

PYTHON ?= python3
PIP_FLAGS ?=
JOBS ?= 2
ifeq ($(CI),true)
# Every CI run measures against the same PyTorch.
TORCH ?= torch==2.13.0
endif

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS)

.DEFAULT_GOAL := run
.PHONY: run test test-full check bench clean

run: $(VENV)/.installed-run
	@$(PY) -m tutor

test: $(VENV)/.installed-dev
	@$(PY) -m pytest -q -n $(JOBS) --dist loadgroup

test-full: $(VENV)/.installed-dev
	@$(PY) -m pytest -q -n $(JOBS) --dist loadgroup --full

check: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m tutor check

bench: $(VENV)/.installed-bench
	@for file in benchmarks/*.py; do echo "== $$file"; $(PY) $$file || exit 1; done

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c pass >/dev/null 2>&1 || \
	  { echo "$(PYTHON) does not run: install Python 3.11 or newer, or name yours: make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11: install a newer one, or name yours: make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make environments: install its venv module (Debian, Ubuntu: python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed-run: pyproject.toml $(VENV)/.made
	@echo "Installing genai-tutor and what it needs into $(VENV) (once; PyTorch is large, this takes minutes) ..." >&2
	@$(if $(TORCH),$(PIP) $(TORCH))
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.made
	@echo "Installing genai-tutor and its test tools into $(VENV) (once; PyTorch is large, this takes minutes) ..." >&2
	@$(if $(TORCH),$(PIP) $(TORCH))
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed-run

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@$(PIP) --editable '.[dev,bench]'
	@touch $@
