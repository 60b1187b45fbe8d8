"""The command line as a user meets it: stdout is data, stderr is messages, exit codes are 0, 1, 2 and 130."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cli_support import ROOT, SCRIPT, Terminal, refused, run
from tests_support import leave_plan_open, mnist

import tutor
from tutor import cli, paths
from tutor.course.load import load_course
from tutor.labs import registry
from tutor.labs.spec import Check, params_of
from tutor.progress import events
from tutor.progress.store import Store

VERBS = (
    "anki",
    "check",
    "export",
    "flag",
    "import",
    "lab",
    "labs",
    "mastery",
    "picture",
    "placement",
    "plan",
    "reference",
    "reset",
    "review",
    "search",
    "stats",
    "today",
    "undo",
    "where",
)
LABS = tuple(registry.LABS)
QUICK = ("whitening", "attention-scaling", "ode-solvers", "inverse-cdf", "importance-sampling")
EACH_LAB = [lab_id if lab_id in QUICK else pytest.param(lab_id, marks=pytest.mark.full) for lab_id in LABS]


def lines(text: str) -> list[dict[str, Any]]:
    """Parse JSON lines; what JSON does not know, as NaN, is refused."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def inside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process."""
    monkeypatch.setattr(sys, "argv", ["genai-tutor", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    written = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return subprocess.CompletedProcess(arguments, left.value.code, written.out, written.err)


# -- verbs ---


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    done = run("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"genai-tutor {tutor.__version__}\n", "")
    assert metadata.version("genai-tutor") == tutor.__version__


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_verb(tmp_path: Path, flag: str) -> None:
    done = run(flag, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^  (\w+) ", done.stdout.partition("Commands:")[2], re.MULTILINE) == list(VERBS)
    assert "..." not in done.stdout.partition("Commands:")[2]


def test_labs_are_listed_one_a_line_in_the_order_of_the_course(tmp_path: Path) -> None:
    done = run("labs", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        [lab_id, registry.get(lab_id).title] for lab_id in LABS
    ]
    rows = [json.loads(line) for line in run("labs", "--json", cwd=tmp_path).stdout.splitlines()]
    assert [(row["id"], row["title"]) for row in rows] == [(lab_id, registry.get(lab_id).title) for lab_id in LABS]
    assert {row["chapter"] for row in rows} <= {chapter.id for chapter in load_course(paths.content_dir()).chapters}


def test_where_says_where_everything_is(tmp_path: Path, home: Path) -> None:
    done = run("where", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert dict(line.split("\t") for line in done.stdout.splitlines()) == {
        "home": str(home),
        "progress": str(home / "progress.db"),
        "settings": str(home / "settings.toml"),
        "content": str(paths.content_dir()),
    }


def test_without_a_choice_data_live_in_the_data_directory_of_the_platform(tmp_path: Path) -> None:
    env = {"GENAI_TUTOR_HOME": "", "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "share")}
    first = run("where", cwd=tmp_path, env=env).stdout.splitlines()[0]
    assert first.startswith(f"home\t{tmp_path}/")
    assert first.endswith("/genai-tutor")


def test_status_follows_the_learner(tmp_path: Path, home: Path) -> None:
    fresh = lines(run("status", "--json", cwd=tmp_path).stdout)[0]
    assert fresh["week"] == 1
    assert fresh["weeks"] == 12
    assert fresh["chapter"] == "linear-algebra"
    assert fresh["hours_spent"] == 0
    assert {step["state"] for step in fresh["steps"]} == {"open"}
    assert fresh["next"] == fresh["steps"][0]["target"]

    store = Store.open(home / "progress.db")
    lesson = fresh["steps"][1]["target"].removeprefix("lesson:")
    store.record(events.Page(item=lesson, page=2, pages=9), chapter=fresh["chapter"], seconds=5400)
    store.close()
    later = lines(run("status", "--json", cwd=tmp_path).stdout)[0]
    assert later["hours_spent"] == 1.5
    assert later["next"] == f"lesson:{lesson}"
    assert later["steps"][1]["state"] == "started"
    text = run("status", cwd=tmp_path)
    assert (text.returncode, text.stderr) == (0, "")
    assert "Week 1 of 12" in text.stdout
    assert "1.5 spent" in text.stdout
    assert f"Next: {later['steps'][1]['label']}" in text.stdout


def test_check_says_what_is_wrong_where_and_fails(tmp_path: Path) -> None:
    shutil.copy(paths.content_dir() / "course.toml", tmp_path)
    good = run("check", str(tmp_path), cwd=tmp_path)
    assert (good.returncode, good.stdout) == (0, ""), good
    course = tmp_path / "course.toml"
    course.write_text(course.read_text(encoding="utf-8").replace("first = 2", "first = 3", 1), encoding="utf-8")
    bad = run("check", str(tmp_path), cwd=tmp_path)
    assert bad.returncode == 1
    assert re.match(rf"{re.escape(str(course))}:\d+: .*week", bad.stdout)
    assert bad.stderr.startswith(f"{len(bad.stdout.splitlines())} problem")
    none = run("check", str(tmp_path), "--chapter", "nonsense", cwd=tmp_path)
    assert (none.returncode, none.stdout, none.stderr.count("\n")) == (2, "", 1)


def test_commands_of_the_readme_exist(tmp_path: Path) -> None:
    readme = "".join(re.findall(r"^```\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE))
    shown = re.findall(r"^genai-tutor (\w+(?: [a-z]+-[a-z]+(?: --\w+ \d+)*)?)", readme, re.MULTILINE)
    assert {command.split()[0] for command in shown} == set(VERBS)
    for command in shown:
        done = run(*command.split(), "--help", cwd=tmp_path)
        assert done.returncode == 0, (command, done.stderr)
    targets = set(re.findall(r"^make ([\w-]+)", readme, re.MULTILINE))
    assert targets == set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)) - {"clean"}


# -- labs ---


@pytest.mark.parametrize("lab_id", EACH_LAB)
def test_a_lab_tells_its_run_as_json_and_the_same_seed_tells_it_again(tmp_path: Path, lab_id: str) -> None:
    first, again, other = (run("lab", lab_id, "--json", "--seed", seed, cwd=tmp_path) for seed in ("7", "7", "8"))
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == again.stdout
    assert first.stdout.splitlines()[:-1] != other.stdout.splitlines()[:-1]
    *frames, last = lines(first.stdout)
    assert [frame["step"] for frame in frames] == list(range(last["steps"] + 1))
    assert last["lab"] == lab_id
    assert last["seed"] == 7
    assert last["ok"] is True
    assert last["params"] == {knob.name: knob.default for knob in params_of(registry.get(lab_id).params)}
    assert len(last["checks"]) >= 3
    for check in last["checks"]:
        rebuilt = Check(**{key: value for key, value in check.items() if key != "ok"})
        assert rebuilt.ok is check["ok"] is True


@pytest.mark.parametrize("lab_id", LABS)
def test_every_parameter_is_an_option(
    lab_id: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = inside(monkeypatch, capsys, "lab", lab_id, "--help").stdout
    for knob in params_of(registry.get(lab_id).params):
        assert f"--{knob.name.replace('_', '-')}" in told


@pytest.mark.parametrize("lab_id", EACH_LAB)
def test_naming_the_defaults_changes_nothing(tmp_path: Path, lab_id: str) -> None:
    named = [
        word
        for knob in params_of(registry.get(lab_id).params)
        for word in (f"--{knob.name.replace('_', '-')}", str(knob.default))
    ]
    plain, full = (run("lab", lab_id, "--json", *given, cwd=tmp_path) for given in ([], named))
    assert plain.returncode == 0
    assert plain.stdout == full.stdout


def test_a_check_that_fails_is_exit_1(tmp_path: Path) -> None:
    arguments = ("lab", "whitening", "--formula", "without n-1")
    told = run(*arguments, cwd=tmp_path)
    assert (told.returncode, told.stderr) == (1, "")
    assert told.stdout.startswith("✗ ")
    data = run(*arguments, "--json", cwd=tmp_path)
    assert (data.returncode, data.stderr) == (1, "")
    last = lines(data.stdout)[-1]
    assert last["ok"] is False
    assert not all(check["ok"] for check in last["checks"])


@pytest.mark.parametrize("checks", [(), (Check("undefined", float("nan"), 0.0, 1.0),)])
def test_a_lab_that_measured_nothing_has_not_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], checks: tuple[Check, ...]
) -> None:
    lab = dataclasses.replace(registry.get("whitening"), checks=lambda params, state: checks)
    monkeypatch.setattr(registry, "get", lambda lab_id: lab)
    done = inside(monkeypatch, capsys, "lab", "whitening", "--json")
    assert done.returncode == 1
    last = lines(done.stdout)[-1]
    assert last["ok"] is False
    assert [check["measured"] for check in last["checks"]] == [None] * len(checks)


def test_a_mistake_of_ours_is_not_taken_for_a_check_that_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(params: Any, rng: Any) -> Any:
        raise ValueError("shape [/bold]")

    lab = dataclasses.replace(registry.get("whitening"), init=fail)
    monkeypatch.setattr(registry, "get", lambda lab_id: lab)
    done = inside(monkeypatch, capsys, "lab", "whitening")
    assert done.returncode == 2
    assert "ValueError: shape [/bold]\n" in done.stderr
    assert "report" in done.stderr.splitlines()[-1]


def test_what_is_not_a_number_is_null(tmp_path: Path) -> None:
    *frames, last = lines(run("lab", "svd-digits", "--json", "--held-out", "0", "--k", "2", cwd=tmp_path).stdout)
    assert frames[-1]["scalars"]["held_error"] is None
    assert frames[-1]["scalars"]["rank"] == 2
    assert last["ok"] is True


@pytest.mark.parametrize("columns", [40, 80, 500])
def test_charts_fit_the_terminal_and_carry_no_colour_into_a_file(tmp_path: Path, columns: int) -> None:
    done = run("lab", "svd-digits", "--chart", cwd=tmp_path, env={"COLUMNS": str(columns)})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    drawn = [line for line in done.stdout.partition("✓")[0].splitlines() if line]
    assert {len(line) for line in drawn} == {min(columns, 120)}
    for chart in registry.get("svd-digits").charts:
        assert chart.title[: columns - 1] in done.stdout
    assert "✓ " in done.stdout


@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_charts_on_a_terminal_are_coloured_unless_no_color(tmp_path: Path, no_color: str, colored: bool) -> None:
    with Terminal([SCRIPT, "lab", "whitening", "--chart"], tmp_path, {"NO_COLOR": no_color}) as terminal:
        assert terminal.wait() == 0
    assert (b"\x1b[38;" in terminal.output) is colored
    assert "✓ " in terminal.text


# -- what cannot be done ---


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        ("--nope", ["--nope", "--help"]),
        ("statu", ["statu", "--help"]),
        ("labs more", ["more"]),
        ("lab", LABS),
        ("lab svd", ["'svd'", "svd-digits"]),
        ("lab nosuch", ["'nosuch'; see `genai-tutor labs`"]),
        ("flag la-code", ["'la-code'; did you mean la-codes"]),
        ("reset lesson:svdd", ["'svdd'; did you mean svd?"]),
        ("plan --leave-out difusion", ["'difusion'", "diffusion"]),
        ("lab Whitning", ["'Whitning'", "whitening"]),
        ("lab svd-digits --kk 3", ["--kk", "lab svd-digits --help"]),
        ("lab svd-digits --k", ["--k"]),
        ("lab svd-digits --k many", ["--k:", "'many'", "from 1 to 64"]),
        ("lab svd-digits --k 0", ["--k:", "from 1 to 64"]),
        ("lab svd-digits --k 65", ["--k:", "1 to 64"]),
        ("lab svd-digits --held-out nan", ["--held-out:", "from 0 to 0.5"]),
        ("lab svd-digits --rival maybe", ["--rival:", "on or off"]),
        ("lab svd-digits --seed -1", ["--seed", "-1"]),
        ("lab svd-digits --seed x", ["--seed", "'x'"]),
        ("lab svd-digits --json --chart", ["--json", "--chart"]),
        ("lab svd-digits --data nowhere", ["--data: nowhere is not a folder"]),
        ("lab whitening --mode both", ["--mode:", "pca, zca"]),
        ("--data nowhere labs", ["--data: nowhere is not a folder"]),
        ("check nowhere", ["nowhere"]),
        ("status --chart", ["--chart", "status --help"]),
    ],
)
def test_a_wrong_word_gets_one_line_that_names_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    fragments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(inside(monkeypatch, capsys, *arguments.split()), *fragments)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_home_that_cannot_be_one_gets_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("kept")
    env = {"GENAI_TUTOR_HOME": str(tmp_path / place)}
    refused(run("status", cwd=tmp_path, env=env), str(tmp_path / place), "GENAI_TUTOR_HOME")
    assert run("where", cwd=tmp_path, env=env).stdout.startswith(f"home\t{tmp_path / place}\n")
    assert (tmp_path / "file").read_text() == "kept"


def newer(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()


def torn(path: Path) -> None:
    Store.open(path).close()
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.write_bytes(b"not a database at all\n" * 50), "not a progress file"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.mkdir(), "is a folder"),
        (foreign, "not a progress file of genai-tutor"),
        (newer, "newer genai-tutor"),
        (torn, "damaged"),
    ],
    ids=["text", "empty", "folder", "foreign", "newer", "torn"],
)
def test_progress_that_cannot_be_used_is_named_and_left_alone(
    tmp_path: Path, home: Path, spoil: Any, says: str
) -> None:
    home.mkdir()
    path = home / "progress.db"
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    refused(run("status", cwd=tmp_path), str(path), says)
    with Terminal([SCRIPT], tmp_path) as terminal:
        assert terminal.wait() == 2
    assert terminal.last_words.strip().startswith(f"genai-tutor: {path}: ")
    assert "Traceback" not in terminal.text
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.fixture
def unprivileged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The learner's folder, while the process has not the rights of root, to whom everything is writable."""
    place = Path(tempfile.mkdtemp())
    monkeypatch.setenv("GENAI_TUTOR_HOME", str(place))
    Store.open(place / "progress.db").close()
    root = os.geteuid() == 0
    if root:
        for path in (place, *place.iterdir()):
            os.chown(path, 65534, -1)
        os.seteuid(65534)
    try:
        yield place
    finally:
        place.chmod(0o755)
        if root:
            os.seteuid(0)
        shutil.rmtree(place)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_read_only_is_read_and_stays_as_it_is(
    unprivileged: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    path = unprivileged / "progress.db"
    before = path.read_bytes()
    path.chmod(0o444)
    if what == "folder":
        unprivileged.chmod(0o555)
    for verb in ("where", "labs", "status", "stats", "mastery", "plan", "review", "picture"):
        done = inside(monkeypatch, capsys, verb)
        assert (done.returncode, done.stderr) == (0, ""), verb
    for verb in ("plan --pace 11", "review --cap 5", "flag la-codes"):
        refused(inside(monkeypatch, capsys, *verb.split()), str(path), "cannot be written", "GENAI_TUTOR_HOME")
    assert path.read_bytes() == before
    assert list(unprivileged.iterdir()) == [path]


def test_settings_that_cannot_be_read_are_named_with_the_line(tmp_path: Path, home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("# mine\ntheme = 'sepia'\n")
    refused(run("lab", "svd-digits", cwd=tmp_path), f"{home / 'settings.toml'}:2:", "dark or light")
    for verb in ("status", "labs"):
        done = run(verb, cwd=tmp_path)
        assert done.returncode == 0
        assert done.stdout
        assert done.stderr.startswith(f"genai-tutor: {home / 'settings.toml'}:2: ")
        assert done.stderr.count("\n") == 1


# -- MNIST ---


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    folder = tmp_path / "mnist"
    folder.mkdir()
    mnist(folder, 150)
    return folder


def test_a_lab_uses_mnist_once(tmp_path: Path, home: Path, digits: Path) -> None:
    done = run("lab", "svd-digits", "--data", "mnist", "--k", "100", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    *frames, last = lines(done.stdout)
    assert last["ok"] is True
    assert last["params"]["k"] == 100
    assert last["params"]["data"] == "mnist"
    assert frames[-1]["scalars"]["rank"] == 100
    refused(run("lab", "svd-digits", "--k", "100", cwd=tmp_path), "1 to 64")


def test_mnist_is_remembered_until_it_is_forgotten(tmp_path: Path, home: Path, digits: Path) -> None:
    settings = home / "settings.toml"
    assert run("--data", "mnist", "where", cwd=tmp_path).returncode == 0
    assert tomllib.loads(settings.read_text())["data"] == str(digits)
    arguments = ("lab", "svd-digits", "--k", "3", "--json")
    assert lines(run(*arguments, cwd=ROOT).stdout)[-1]["params"]["data"] == str(digits)
    assert lines(run(*arguments, "--data", "", cwd=ROOT).stdout)[-1]["params"]["data"] == ""
    moved = digits.rename(tmp_path / "elsewhere")
    line = refused(run(*arguments, cwd=ROOT), str(digits), str(settings))
    assert "genai-tutor --data" in line
    assert moved.is_dir()
    assert run("--data", "", "where", cwd=tmp_path).returncode == 0
    assert tomllib.loads(settings.read_text())["data"] == ""
    assert run(*arguments, cwd=ROOT).returncode == 0


def cut(folder: Path) -> str:
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    return path.name


def cut_gzip(folder: Path) -> str:
    import gzip

    path = folder / "train-labels-idx1-ubyte"
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes())[:-9])
    path.unlink()
    return packed.name


def missing(folder: Path) -> str:
    path = folder / "t10k-labels-idx1-ubyte"
    path.unlink()
    return path.name


def not_idx(folder: Path) -> str:
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(b"<!doctype html>" * 100)
    return path.name


def mismatched(folder: Path) -> str:
    path = folder / "train-labels-idx1-ubyte"
    path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]))
    return "(3,)"


@pytest.mark.parametrize("spoil", [cut, cut_gzip, missing, not_idx, mismatched])
def test_files_that_are_not_mnist_are_named_and_not_remembered(
    tmp_path: Path,
    home: Path,
    digits: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Any,
) -> None:
    name = spoil(digits)
    for arguments in (["lab", "svd-digits", "--data", str(digits)], ["--data", str(digits), "labs"]):
        refused(inside(monkeypatch, capsys, *arguments), "--data: ", str(digits), name)
    assert not (home / "settings.toml").exists()


# -- terminals, pipes and signals ---


def test_without_a_terminal_it_says_so_and_remembers_nothing(tmp_path: Path, home: Path, digits: Path) -> None:
    refused(run(cwd=tmp_path), "not a terminal", "--help")
    refused(run("--data", str(digits), cwd=tmp_path), "not a terminal")
    assert not (home / "settings.toml").exists()


def test_the_screen_is_not_drawn_into_a_file(tmp_path: Path) -> None:
    with Terminal(["/bin/sh", "-c", f"exec '{SCRIPT}' 2>errors"], tmp_path) as terminal:
        assert terminal.wait() == 2
    assert "not a terminal" in (tmp_path / "errors").read_text()


@pytest.mark.parametrize("env", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"NO_COLOR": "1"}], ids=str)
def test_it_opens_in_a_terminal_and_leaves_nothing_behind(tmp_path: Path, home: Path, env: dict[str, str]) -> None:
    leave_plan_open(home)
    with Terminal([SCRIPT], tmp_path, env) as terminal:
        terminal.wait_for("Week 1 of 12")
        terminal.wait_for("○ +1.1 ")
        terminal.send("\x11")
        assert terminal.wait() == 0
    assert terminal.last_words.strip() == ""
    assert "\\u" not in terminal.text
    assert (home / "progress.db").is_file()


@pytest.mark.parametrize("arguments", [["labs"], ["--help"], ["lab", "svd-digits", "--json"], ["status"]], ids=" ".join)
def test_a_reader_that_left_is_no_mistake(tmp_path: Path, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([SCRIPT, *arguments], cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_mistake_that_nobody_reads_of_is_still_one(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([SCRIPT, "lab", "svd"], cwd=tmp_path, stdout=writer, stderr=writer, check=False)
    finally:
        os.close(writer)
    assert done.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("arguments", ["labs", "lab whitening --json"])
def test_an_output_that_is_full_gets_one_line(tmp_path: Path, arguments: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [SCRIPT, *arguments.split()], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert re.fullmatch(r"genai-tutor: .*No space left.*\n", done.stderr)


@pytest.mark.parametrize(("closed", "code"), [("labs >&-", 0), ("<&-", 2), (">&-", 2), ("2>&-", 2)])
def test_a_stream_that_is_closed_does_no_harm(tmp_path: Path, closed: str, code: int) -> None:
    done = run("-c", f"exec '{SCRIPT}' {closed}", cwd=tmp_path, command=["/bin/sh"])
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_a_lab_without_a_traceback(tmp_path: Path) -> None:
    # Seconds of work; where the tests run in the background, children would ignore the signal.
    command = [SCRIPT, *["lab", "attention-scaling", "--keys", "256", "--d-max", "4096", "--json"]]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip() == ""


# -- languages and places ---


def test_an_ascii_locale_is_no_obstacle(tmp_path: Path) -> None:
    env = {"LC_ALL": "C", "PYTHONUTF8": "0"}
    for arguments in ("labs", "status", "lab svd-digits --chart", "lab attention-scaling --json"):
        here, there = (run(*arguments.split(), cwd=tmp_path, env=given) for given in ({}, env))
        assert (there.returncode, there.stderr) == (0, "")
        assert there.stdout == here.stdout
    assert not here.stdout.isascii()


def test_an_encoding_without_mathematics_shows_question_marks(tmp_path: Path) -> None:
    env = {"PYTHONIOENCODING": "latin-1"}
    done = run("labs", cwd=tmp_path, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "what ?d? is for" in done.stdout
    here, there = (run("lab", "svd-digits", "--json", cwd=tmp_path, env=given).stdout for given in ({}, env))
    assert there.isascii()
    assert lines(there) == lines(here)
    refused(run("lab", "svd-digits", "--chart", cwd=tmp_path, env=env), "UTF-8", "LC_ALL")


def test_a_path_that_is_no_text_is_written_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / os.fsdecode(b"caf\xe9")
    for env in ({}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        done = run("where", cwd=tmp_path, env={**env, "GENAI_TUTOR_HOME": str(home)})
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"home\t{home}\n")
    assert run("status", cwd=tmp_path, env={"GENAI_TUTOR_HOME": str(home)}).returncode == 0


@pytest.mark.parametrize(
    ("command", "packages"),
    [([SCRIPT], ["kernels", "tutor"]), ([sys.executable, "-m", "tutor"], ["kernels"])],
    ids=["genai-tutor", "python -m tutor"],
)
def test_a_folder_of_the_same_name_is_not_taken_for_ours(
    tmp_path: Path, command: list[str], packages: list[str]
) -> None:
    for name in packages:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise ImportError('the wrong {name}')")
    done = run("lab", "whitening", cwd=tmp_path, command=command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("✓ ")


def test_the_module_is_the_command(tmp_path: Path) -> None:
    for arguments in ([], ["labs"], ["lab", "svd"]):
        script = run(*arguments, cwd=tmp_path)
        module = run(*arguments, cwd=tmp_path, command=[sys.executable, "-m", "tutor"])
        assert (script.returncode, script.stdout, script.stderr) == (module.returncode, module.stdout, module.stderr)
