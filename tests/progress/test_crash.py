"""Death at any moment, and two programs at once."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from tutor.progress import events as log
from tutor.progress.derived import TABLES
from tutor.progress.store import Store

ROOT = Path(__file__).parents[2]
WRITER = Path(__file__).with_name("writer.py")
BOOT = f"import sys, runpy; sys.path.insert(0, {str(ROOT)!r}); sys.argv.pop(0); runpy.run_path(sys.argv[0])"


def start(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BOOT, str(WRITER), str(path), name, str(count)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert pipe(child.stdout).readline() == "ready\n"
    return child


def pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def go(child: subprocess.Popen[str]) -> None:
    pipe(child.stdin).write("\n")
    pipe(child.stdin).flush()


def assert_sound(path: Path) -> None:
    """The file is whole and its derived tables are what the log says."""
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        before = {table: sorted(db.execute(f"SELECT * FROM {table}").fetchall()) for table in TABLES}
    db.close()
    store = Store.open(path)
    store.rebuild()
    store.close()
    with sqlite3.connect(path) as db:
        assert {table: sorted(db.execute(f"SELECT * FROM {table}").fetchall()) for table in TABLES} == before
    db.close()


def kill_and_look(path: Path, rng: random.Random, acknowledged: set[str]) -> None:
    """Let a child write, kill it at a random moment, and hold the file against what it said was committed."""
    child = start(path, "learner", 0)
    go(child)
    lines = [pipe(child.stdout).readline() for _ in range(rng.randrange(60))]
    time.sleep(rng.uniform(0, 0.003))  # a random phase of the commit that is under way
    child.kill()
    lines += pipe(child.stdout).readlines()
    child.wait()
    said = [line.rstrip("\n").split(" ", 1) for line in lines if line.endswith("\n")]
    acknowledged |= {text for kind, text in said if kind == "event"}

    store = Store.open(path)
    rows = store.events()
    ids = [row.id for row in rows]
    assert len(ids) == len(set(ids))
    assert acknowledged <= set(ids)
    # One row may have been committed without its line getting out; and the quiz is started once, which is not said.
    unsaid = [row for row in rows if row.id not in acknowledged and not isinstance(row.event, log.QuizStart)]
    assert len(unsaid) <= 1
    acknowledged |= {row.id for row in unsaid}

    if said and said[-1][0] == "draft":
        answered = any(isinstance(row.event, log.Answer) and row.event.response == said[-1][1] for row in unsaid)
        assert store.draft("learner") == ("" if answered else said[-1][1])
    store.close()
    assert_sound(path)


@pytest.mark.parametrize("kills", [5, pytest.param(200, marks=pytest.mark.full)])
def test_nothing_is_lost_or_doubled_by_kill_9(tmp_path: Path, kills: int) -> None:
    rng = random.Random(kills)
    acknowledged: set[str] = set()
    for _ in range(kills):
        kill_and_look(tmp_path / "progress.db", rng, acknowledged)


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=pytest.mark.full)])
def test_a_program_killed_while_it_makes_the_file_locks_nobody_out(tmp_path: Path, kills: int) -> None:
    rng = random.Random(kills)
    for n in range(kills):
        path = tmp_path / f"{n}.db"
        child = start(path, "learner", 0)
        go(child)
        time.sleep(rng.uniform(0, 0.012))  # making the file takes about that long
        child.kill()
        child.communicate()
        store = Store.open(path)
        store.record(log.Page(item="svd", page=2, pages=5))
        assert store.lesson("svd") is not None
        store.close()
        assert_sound(path)


def test_two_programs_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "progress.db"
    children = [start(path, name, 100) for name in ("left", "right")]
    for child in children:
        go(child)
    outputs = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    said = {line.removeprefix("event ") for output in outputs for line in output.splitlines() if line[:6] == "event "}
    store = Store.open(path)
    rows = [row for row in store.events() if not isinstance(row.event, log.QuizStart)]
    assert len(rows) == 400
    assert {row.id for row in rows} == said
    assert len({row.at for row in rows}) == 400
    for name in ("left", "right"):
        quiz = store.open_quiz(name)
        assert quiz is not None
        assert quiz.position == 100
        assert store.draft(name) == ""
    assert store.seconds("c") == pytest.approx(200 * 0.25)
    store.close()
    assert_sound(path)


@pytest.mark.parametrize("rounds", [1, pytest.param(25, marks=pytest.mark.full)])
def test_six_programs_make_the_file_at_once(tmp_path: Path, rounds: int) -> None:
    for n in range(rounds):
        path = tmp_path / f"{n}.db"
        children = [start(path, f"learner-{k}", 2) for k in range(6)]
        for child in children:
            go(child)
        for child in children:
            child.communicate()
        assert [child.returncode for child in children] == [0] * 6
        store = Store.open(path)
        assert len(store.events("answer")) == 12
        store.close()
        assert_sound(path)
