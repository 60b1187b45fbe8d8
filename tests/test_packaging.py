"""The wheel holds all that the tutor needs and runs where the checkout is not; the Makefile sets up once."""

from __future__ import annotations

import ast
import email.message
import email.parser
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from cli_support import ROOT, Terminal, run
from tests_support import leave_plan_open

import tutor
from tutor import paths
from tutor.course.load import load_lesson

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def build(target: str, source: Path, folder: Path) -> Path:
    """Build a wheel or sdist from a source tree, which stays as it is; no network is needed."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def info(wheel: Path) -> email.message.Message:
    (name,) = [name for name in files(wheel) if name.endswith(".dist-info/METADATA")]
    return email.parser.BytesParser().parsebytes(files(wheel)[name])


def test_the_wheel_holds_code_kernels_data_and_course_and_nothing_else(wheel: Path) -> None:
    expected = {}
    for folder, place in (("tutor", "tutor"), ("kernels", "kernels"), ("content", "tutor/content")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                expected[f"{place}/{path.relative_to(ROOT / folder).as_posix()}"] = path.read_bytes()
    packed = files(wheel)
    assert {name: data for name, data in packed.items() if ".dist-info/" not in name} == expected
    # Of each kind, one that nothing runs without.
    for name in ("kernels/data/digits.npz", "tutor/content/course.toml", "tutor/tui/app.tcss", "tutor/cli.py"):
        assert packed[name]


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    about = info(wheel)
    assert about["Name"] == "genai-tutor"
    assert about["Version"] == tutor.__version__
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "MIT AND CC-BY-4.0"
    packed = files(wheel)
    licences = {name.partition("/licenses/")[2]: data for name, data in packed.items() if "/licenses/" in name}
    assert licences == {name: (ROOT / name).read_bytes() for name in about.get_all("License-File", [])}
    assert b"Alpaydin" in licences["kernels/data/LICENSE-digits.txt"]
    assert b"MIT License" in licences["LICENSE"]


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            path = tmp_path / "source" / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if (content := packed.extractfile(member)) is not None:
                path.write_bytes(content.read())
    (source,) = (tmp_path / "source").iterdir()
    again = files(build("wheel", source, tmp_path / "again"))
    assert again == files(wheel)
    assert (source / "tests" / Path(__file__).name).is_file()


def imported(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).partition(".")[0])
    return names


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    sources = [path.read_text("utf-8") for folder in ("tutor", "kernels") for path in ROOT.glob(f"{folder}/**/*.py")]
    for lesson in ROOT.glob("content/*/lessons/*.md"):
        # Blocks that do not run show also what one writes at work with other libraries.
        sources += re.findall(r"^```python run\n(.*?)^```", lesson.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    names = set[str]().union(*map(imported, sources)) - sys.stdlib_module_names - {"tutor", "kernels"}
    providers = metadata.packages_distributions()
    used = {name: {canonical(provider) for provider in providers.get(name, [name])} for name in names}
    lines = PYPROJECT["project"]["dependencies"] + PYPROJECT["project"]["optional-dependencies"]["anki"]
    declared = {canonical(re.split(r"[<>=!~ ;\[]", line)[0]) for line in lines}
    assert {name for name, provided_by in used.items() if not provided_by & declared} == set()
    assert declared - set[str]().union(*used.values()) == set()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# -- installed ---


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the commands of a fresh environment: the wheel, its dependencies, but not the checkout."""
    place = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    # A path file is read, those in the folder that it names are not: one of them leads to the checkout.
    (library,) = place.glob("lib/python*/site-packages")
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (library / "dependencies.pth").write_text("\n".join(lent) + "\n")
    return place / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to start from, and nothing in the environment that leads back."""
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_it_is_the_installed_one_that_runs(scripts: Path, elsewhere: Path) -> None:
    program = "import json, sys, tutor, kernels; print(json.dumps([tutor.__file__, kernels.__file__, sys.path]))"
    done = run("-c", program, cwd=elsewhere, command=[str(scripts / "python")])
    assert done.returncode == 0, done.stderr
    where_tutor, where_kernels, path = json.loads(done.stdout)
    assert Path(where_tutor).is_relative_to(scripts.parent)
    assert Path(where_kernels).is_relative_to(scripts.parent)
    assert str(ROOT) not in path


def test_an_installed_tutor_needs_no_checkout(scripts: Path, elsewhere: Path, home: Path) -> None:
    command = [str(scripts / "genai-tutor")]
    assert run("--version", cwd=elsewhere, command=command).stdout == f"genai-tutor {tutor.__version__}\n"
    places = dict(line.split("\t") for line in run("where", cwd=elsewhere, command=command).stdout.splitlines())
    assert Path(places["content"]).is_relative_to(scripts.parent)
    listed = run("labs", cwd=elsewhere, command=command)
    assert listed.returncode == 0
    assert listed.stdout == run("labs", cwd=ROOT).stdout
    lab = run("lab", "svd-digits", "--json", cwd=elsewhere, command=command)
    assert (lab.returncode, lab.stderr) == (0, "")
    assert lab.stdout == run("lab", "svd-digits", "--json", cwd=ROOT).stdout
    status = run("status", "--json", cwd=elsewhere, command=command)
    assert json.loads(status.stdout)["week"] == 1
    assert list(elsewhere.iterdir()) == []


def test_an_installed_tutor_opens_reads_and_runs_labs(scripts: Path, elsewhere: Path, home: Path) -> None:
    lesson = load_lesson(paths.content_dir(), "linear-algebra", "matrices")
    leave_plan_open(home)
    with Terminal([str(scripts / "genai-tutor")], elsewhere, rows=40, columns=120) as terminal:
        terminal.wait_for("○ +1.1 ")
        # The first step is the first lesson.
        terminal.send("\r")
        terminal.wait_for(re.escape(lesson.pages[0].splitlines()[0].lstrip("# ")))
        terminal.send("\x1b")
        terminal.wait_for(f"page 1 of {len(lesson.pages)}")
        terminal.send("\x11")
        assert terminal.wait() == 0
    assert terminal.last_words.strip() == ""
    host = "import asyncio\nfrom tutor.labs.client import LabHost\n" + HOST
    done = run("-c", host, cwd=elsewhere, command=[str(scripts / "python")])
    assert (done.returncode, done.stdout, done.stderr) == (0, "svd-digits\n", "")
    assert list(elsewhere.iterdir()) == []


HOST = """
async def main():
    host, frames = LabHost(), asyncio.Queue()
    host.on_frame = frames.put_nowait
    host.open("svd-digits", {}, 0, layout=[("spectrum", 60, 20)], theme="dark", speed=1.0)
    print((await asyncio.wait_for(frames.get(), 60)).lab)
    await host.aclose()
asyncio.run(main())
"""


@pytest.mark.full
def test_the_installed_course_is_right(scripts: Path, elsewhere: Path) -> None:
    done = run("check", cwd=elsewhere, command=[str(scripts / "genai-tutor")])
    assert (done.returncode, done.stdout) == (0, ""), done


# -- make ---

PYTHON = """#!/bin/sh
# Stands for Python: notes what it is asked to do, and makes an environment with itself in it.
case "$*" in
  "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *sys.version_info*) exit $OLD ;;
  "-c import venv, ensurepip") exit $BARE ;;
  *) test "$2" = pass || echo "$*" >>calls ;;
esac
"""


class Clone:
    """A folder with the Makefile and an interpreter that only notes what it is asked to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        self.python = folder / "python"
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)

    def make(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        return subprocess.run(
            ["make", f"PYTHON={self.python}", *arguments],
            cwd=self.folder,
            env={**inherited, "OLD": "0", "BARE": "0", **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        """What the interpreter in the environment was asked to do since the last look."""
        path = self.folder / "calls"
        noted = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return noted


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    return Clone(tmp_path)


def test_make_sets_up_once(clone: Clone) -> None:
    assert clone.make().returncode == 0
    install, opened = clone.calls()
    assert install.startswith("-m pip install")
    assert install.endswith("--editable .")
    assert opened == "-m tutor"
    assert clone.make("run").returncode == 0
    assert clone.calls() == ["-m tutor"]
    assert clone.make("test").returncode == 0
    install, tested = clone.calls()
    assert install.endswith("--editable .[dev]")
    assert tested.startswith("-m pytest")
    for target, expected in (("test", tested), ("test-full", f"{tested} --full"), ("run", "-m tutor")):
        assert clone.make(target).returncode == 0
        assert clone.calls() == [expected]


def test_make_sets_up_again_when_the_dependencies_changed_or_the_last_time_failed(clone: Clone) -> None:
    clone.make("test")
    clone.calls()
    later = (clone.folder / ".venv" / ".installed-dev").stat().st_mtime + 10
    os.utime(clone.folder / "pyproject.toml", (later, later))
    clone.make("test")
    assert len(clone.calls()) == 2
    shutil.rmtree(clone.folder / ".venv")
    (clone.folder / "python").write_text(PYTHON.replace("*) test", '"-m pip"*) exit 1 ;;\n  *) test'))
    assert clone.make("run").returncode != 0
    assert clone.calls() == []
    shutil.rmtree(clone.folder / ".venv" / "bin")
    (clone.folder / ".venv" / ".made").unlink()
    clone.python.write_text(PYTHON)
    assert clone.make("run").returncode == 0
    assert clone.calls()[-1] == "-m tutor"


def test_make_passes_on_what_pip_should_know_and_ci_pins_pytorch(clone: Clone) -> None:
    clone.make("run", "PIP_FLAGS=--no-cache-dir --pre")
    assert "--no-cache-dir --pre --editable ." in clone.calls()[0]
    shutil.rmtree(clone.folder / ".venv")
    clone.make("test", CI="true")
    pinned, install, _ = clone.calls()
    assert re.search(r" torch==\d+\.\d+\.\d+$", pinned)
    assert install.endswith("--editable .[dev]")


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        (["PYTHON=no-such-python"], {}, "no-such-python does not run: install Python 3.11 or newer"),
        ([], {"OLD": "1"}, "older than Python 3.11"),
        ([], {"BARE": "1"}, "python3-venv"),
    ],
)
@pytest.mark.parametrize("target", ["run", "test"])
def test_make_says_what_is_missing(
    clone: Clone, arguments: list[str], env: dict[str, str], says: str, target: str
) -> None:
    done = clone.make(target, *arguments, **env)
    assert done.returncode != 0
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert says in first
    assert "make PYTHON=" in first or "venv" in first
    assert second.startswith("make: ***")
    assert not (clone.folder / ".venv").exists()
