"""What a learner does on the screens of the tutor, and what the log says of it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from terminal.driver import SGR, Terminal, wait_until

from tutor.progress.derived import TABLES
from tutor.progress.events import Event
from tutor.progress.store import Store

CHAPTER = "linear-algebra"
BOLD = re.compile(r"\x1b\[1[;m]")
STEP = re.compile(r"^\s+[○◐✓] ")
Row = tuple[Any, ...]


# -- the log ---


def prepare(home: Path, *events: Event) -> list[str]:
    """Write events as if they had happened earlier; return their ids."""
    store = Store.open(home / "progress.db")
    try:
        return [store.record(event, chapter=CHAPTER) for event in events]
    finally:
        store.close()


def keep(home: Path, key: str, text: str) -> None:
    """Write a draft as if it had been left earlier."""
    store = Store.open(home / "progress.db")
    try:
        store.save_draft(key, text)
    finally:
        store.close()


def log(home: Path) -> list[Row]:
    """All rows of the log as they are on disk: (id, at, kind, item, data)."""
    with closing(sqlite3.connect(f"{(home / 'progress.db').as_uri()}?mode=ro", uri=True)) as db:
        return db.execute("SELECT id, at, kind, item, data FROM events ORDER BY at, id").fetchall()


def draft(home: Path, key: str) -> str:
    """A draft as it is on disk."""
    with closing(sqlite3.connect(f"{(home / 'progress.db').as_uri()}?mode=ro", uri=True)) as db:
        found = db.execute("SELECT text FROM drafts WHERE key = ?", (key,)).fetchone()
    return "" if found is None else str(found[0])


def typed(home: Path, key: str) -> str:
    """The text of a draft of free recall."""
    return str(json.loads(draft(home, key))["text"])


def assert_sound(home: Path) -> None:
    """The file is whole, no row is there twice, and what is derived from the log follows from it."""
    path = home / "progress.db"
    rows = log(home)
    assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == len(rows)

    def derived() -> list[list[Row]]:
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return [sorted(db.execute(f"SELECT * FROM {table}").fetchall()) for table in TABLES]

    before = derived()
    store = Store.open(path)
    store.rebuild()
    store.close()
    assert derived() == before


# -- the screens ---


def choose(terminal: Terminal, label: str) -> None:
    """On Today, move the mark to a step and open it."""
    for _ in range(20):
        marked = _marked(terminal)
        if label not in marked:
            terminal.press("Down")
            wait_until(lambda before=marked: _marked(terminal) not in {"", before})
            continue
        terminal.press("Enter")
        # A lesson is named a moment after its screen has opened.
        screen = terminal.wait_for(lambda screen: heading(screen).strip() and "m Map" not in footer(screen))
        if label.lower() in heading(screen).lower():
            return
        # Today was drawn anew, with the mark on what is next, between the look and the key.
        terminal.press("Escape")
        terminal.wait_for("m Map")
    raise AssertionError(f"{label!r} is not among the steps:\n{terminal.screen()}")


def _marked(terminal: Terminal) -> str:
    for row in terminal.styled().split("\n"):
        text = SGR.sub("", row)
        if STEP.match(text) and BOLD.search(row):
            return text
    return ""


def heading(screen: str) -> str:
    """The first row, which names the screen."""
    return screen.partition("\n")[0]


def footer(screen: str) -> str:
    """The last row, which says what keys there are."""
    return screen.rstrip("\n").rpartition("\n")[2]


def answerable(number: int) -> Callable[[str], bool]:
    """Whether the question of this number is on the screen and takes keys."""
    return lambda screen: (
        f"question {number} of" in screen and any(key in footer(screen) for key in ("Hand in", "Compare"))
    )


def is_drawn(screen: str) -> bool:
    """Whether a page of a lesson is all there: what it offers is known only then."""
    return any(key in footer(screen) for key in ("Mark", "Unfold", "Fold"))


def readable(page: int) -> Callable[[str], bool]:
    """Whether this page of a lesson is on the screen and takes keys."""
    return lambda screen: f"page {page} of" in screen and is_drawn(screen)


def box(screen: str) -> list[str]:
    """The rows inside the last frame on the screen, without blanks around them."""
    rows = screen.split("\n")
    top = max((at for at, row in enumerate(rows) if "╭" in row), default=len(rows))
    inside: list[str] = []
    for row in rows[top + 1 :]:
        left = rows[top].index("╭")
        if row[left : left + 1] == "╰":
            break
        inside.append(row[left + 1 :].partition("│")[0].strip())
    return inside


def pages(rows: Sequence[Row], lesson: str) -> list[Row]:
    """The rows of the log that say which page of a lesson was opened."""
    return [row for row in rows if row[2:4] == ("page", lesson)]
