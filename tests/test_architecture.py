"""Rules of the house that no single module can keep: who loads whom, and what no file may contain.

The import contracts (`lint-imports`, in `make check`) read the source; these tests import, and so see what libraries
bring along.
"""

from __future__ import annotations

import ast
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NUMERIC = {"numpy", "torch", "plotext"}
SCREEN = {"textual", "tutor.tui"}


def modules(package: str) -> list[str]:
    """The package and every module in it, by name."""
    path = ROOT.joinpath(*package.split("."))
    if not path.is_dir():
        return [package]
    found = pkgutil.walk_packages([str(path)], f"{package}.")
    return [package, *(module.name for module in found)]


def loaded_by(*names: str) -> set[str]:
    """What a fresh interpreter has in `sys.modules` once it has imported these."""
    program = f"import importlib, json, sys\nfor name in {names!r}: importlib.import_module(name)\n"
    program += "print(json.dumps(list(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_the_command_line_starts_light() -> None:
    assert loaded_by("tutor.cli").isdisjoint(NUMERIC | {"textual", "sqlite_utils"})


def test_the_screen_needs_no_numerics_to_open() -> None:
    assert loaded_by(*modules("tutor.tui")).isdisjoint(NUMERIC | {"sqlite_utils"})


def test_what_the_screen_uses_of_labs_and_exercises_is_light() -> None:
    names = [
        "tutor.labs.spec",
        "tutor.labs.registry",
        "tutor.labs.client",
        "tutor.exercises.child",
        "tutor.progress.store",
    ]
    assert loaded_by(*names).isdisjoint(NUMERIC | SCREEN | {"sqlite_utils"})


@pytest.mark.parametrize("package", ["course", "progress", "labs", "exercises", "settings", "paths", "errors"])
def test_only_the_screen_knows_textual(package: str) -> None:
    assert loaded_by(*modules(f"tutor.{package}")).isdisjoint(SCREEN)


def test_kernels_are_mathematics_only() -> None:
    assert loaded_by(*modules("kernels")).isdisjoint({"tutor", "textual", "rich", "click", "plotext"})


@pytest.mark.parametrize("file", sorted(ROOT.glob("kernels/**/*.py")), ids=lambda file: file.name)
def test_kernels_explain_what_they_offer(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), file
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{file}:{node.lineno}: {node.name}"


def repository_files() -> list[Path]:
    """Files that are or could be committed; none outside a clone."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    files = repository_files()
    if not files:
        pytest.skip("not in a git clone")
    # Written so that this file does not contain what it looks for.
    homes = r"(?<![\w.~-])/(?:home|Users|root|work|opt|mnt)/[\w.-]+"
    registries = r"https?://[^\s/\"']*(?:pythonhosted|[p]ypi|download[.]pytorch|artifactory|[/.]index)[^\s\"']*"
    pattern = re.compile(f"{homes}|{registries}")
    # A short path, such as that of a clone in the root directory, is too ordinary a text to look for.
    here = str(ROOT) if len(ROOT.parts) > 3 else None
    found = []
    for file in files:
        text = file.read_text(encoding="utf-8", errors="ignore")
        for number, line in enumerate(text.splitlines(), 1):
            match = pattern.search(line)
            if match or (here is not None and here in line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {match.group() if match else here}")
    assert found == []
