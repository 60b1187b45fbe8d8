"""The progress file: an append-only log in SQLite, drafts beside it, and the tables derived from it.

A connection belongs to the thread that opened it. sqlite-utils is imported only when a migration is due: it loads numpy
where that is installed, which would cost every start a tenth of a second.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from tutor.errors import TutorError
from tutor.progress.derived import TABLES, apply
from tutor.progress.events import Event, QuizStart, kind

APPLICATION_ID = 0x67_41_54_31
"""Marks our files ("gAT1")."""
SCHEMA = 1
"""`user_version` of the newest migration."""
BUSY_MS = 3000

T = TypeVar("T")


@dataclass(frozen=True)
class LessonState:
    """Where the learner is in a lesson; pages count from 1."""

    lesson: str
    page: int
    furthest: int
    pages: int
    at: str

    @property
    def done(self) -> bool:
        """Whether the last page was reached."""
        return self.furthest >= self.pages


@dataclass(frozen=True)
class QuestionState:
    """All answers to a question, summed up."""

    question: str
    attempts: int
    right: int
    last_outcome: str
    first_at: str
    last_at: str
    hints: int
    revealed: int


@dataclass(frozen=True)
class QuizAnswer:
    """The first answer to a question in a quiz."""

    question: str
    outcome: str
    score: float
    response: Any


@dataclass(frozen=True)
class QuizState:
    """A quiz that was begun. `position` is the first question without an answer."""

    id: str
    context: str
    seed: int
    questions: tuple[str, ...]
    position: int
    done: bool
    at: str
    answers: tuple[QuizAnswer, ...]


@dataclass(frozen=True)
class LabState:
    """What the learner did in a lab."""

    lab: str
    runs: int
    done: bool
    prediction: float | None
    at: str


class Store:
    """Progress of one learner."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, making or migrating it as needed.

        Raises TutorError, and leaves the file as it is, when it is not ours, newer, damaged or cannot be written.
        """
        _inspect(path)
        try:
            # Transactions are opened and closed by hand: see `_transaction`.
            db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
            db.row_factory = sqlite3.Row
            version = db.execute("pragma user_version").fetchone()[0]
            if version > SCHEMA:
                raise _newer(path)
            # WAL with NORMAL survives the death of the process at any point, and readers never wait for a writer.
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = normal")
            if version < SCHEMA:
                _migrate(db)
        except sqlite3.Error as error:
            raise _unusable(path, error) from None
        return cls(db, path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from None

    # -- writing ---

    def record(self, event: Event, *, chapter: str, seconds: float = 0.0, draft: str = "") -> str:
        """Write an event and what follows from it, in one transaction; returns its id.

        `seconds` is the active time since the last event; `draft` names a draft that this event makes obsolete.
        """
        body = msgspec.to_builtins(event)
        body.pop("type")
        identity = _uuid7()
        row: dict[str, Any] = {
            "id": identity,
            "kind": kind(event),
            "item": body.pop("item"),
            "chapter": chapter,
            "seconds": max(0.0, seconds),
            "data": json.dumps(body, ensure_ascii=False, sort_keys=True),
        }
        with self._transaction():
            row["at"], row["offset"] = self._next_time()
            self._db.execute(
                "insert into events (id, at, offset, kind, item, chapter, seconds, data)"
                " values (:id, :at, :offset, :kind, :item, :chapter, :seconds, :data)",
                row,
            )
            apply(self._db, row)
            if draft:
                self._db.execute("delete from drafts where key = ?", (draft,))
        return identity

    def _next_time(self) -> tuple[str, int]:
        """(now in UTC, local offset in minutes); always later than the newest event, even if the clock was set back."""
        now = datetime.now(UTC)
        newest = self._db.execute("select max(at) from events").fetchone()[0]
        if newest is not None:
            now = max(now, datetime.fromisoformat(newest) + timedelta(microseconds=1))
        offset = now.astimezone().utcoffset()
        return now.isoformat(timespec="microseconds"), round(offset.total_seconds() / 60) if offset else 0

    def start_quiz(
        self, context: str, questions: tuple[str, ...], seed: int, *, chapter: str, seconds: float = 0.0
    ) -> str:
        """Begin a quiz; returns its id."""
        quiz = _uuid7()
        self.record(
            QuizStart(item=context, quiz=quiz, questions=questions, seed=seed), chapter=chapter, seconds=seconds
        )
        return quiz

    def save_draft(self, key: str, text: str) -> None:
        """Keep half-typed text under a key, replacing what was there."""
        with self._transaction():
            self._db.execute(
                "insert into drafts values (?, ?, ?) on conflict do update set text = excluded.text, at = excluded.at",
                (key, text, datetime.now(UTC).isoformat(timespec="microseconds")),
            )

    def rebuild(self) -> None:
        """Derive all tables again from the log."""
        with self._transaction():
            for table in TABLES:
                self._db.execute(f"delete from {table}")
            for row in self._db.execute("select * from events order by at, id").fetchall():
                apply(self._db, row)

    # -- reading ---

    def draft(self, key: str) -> str:
        """The text kept under a key; empty when there is none."""
        row = self._row("select text from drafts where key = ?", key)
        return "" if row is None else str(row["text"])

    def lesson(self, lesson: str) -> LessonState | None:
        """Where the learner is in a lesson; None when it was never opened."""
        return self._one(LessonState, "select * from lesson_state where lesson = ?", lesson)

    def question(self, question: str) -> QuestionState | None:
        """The answers to a question, summed up; None when there are none."""
        return self._one(QuestionState, "select * from question_state where question = ?", question)

    def lab(self, lab: str) -> LabState | None:
        """What was done in a lab; None when it was never run."""
        row = self._row("select * from lab_state where lab = ?", lab)
        return None if row is None else LabState(**{**dict(row), "done": bool(row["done"])})

    def quiz(self, quiz: str) -> QuizState | None:
        """A quiz by its id."""
        return self._quiz(self._row("select * from quiz_state where quiz = ?", quiz))

    def open_quiz(self, context: str) -> QuizState | None:
        """The newest quiz of a context that was begun and is not done."""
        query = "select * from quiz_state where context = ? and not done order by at desc limit 1"
        return self._quiz(self._row(query, context))

    def last_quiz(self, context: str) -> QuizState | None:
        """The newest quiz of a context, done or not."""
        query = "select * from quiz_state where context = ? order by at desc limit 1"
        return self._quiz(self._row(query, context))

    def seconds(self, chapter: str) -> float:
        """Active time spent on a chapter."""
        row = self._row("select coalesce(sum(seconds), 0) as total from time_spent where chapter = ?", chapter)
        return 0.0 if row is None else float(row["total"])

    def events(self) -> list[dict[str, Any]]:
        """The whole log, oldest first."""
        rows = self._rows("select * from events order by at, id")
        return [{**dict(row), "data": json.loads(row["data"])} for row in rows]

    def derived(self) -> dict[str, list[tuple[Any, ...]]]:
        """The derived tables as they stand, for comparing with a rebuild."""
        return {table: sorted(map(tuple, self._rows(f"select * from {table}")), key=repr) for table in TABLES}

    def _quiz(self, row: sqlite3.Row | None) -> QuizState | None:
        if row is None:
            return None
        answers = self._rows(
            "select question, outcome, score, response from quiz_answer where quiz = ? order by rowid", row["quiz"]
        )
        return QuizState(
            id=row["quiz"],
            context=row["context"],
            seed=row["seed"],
            questions=tuple(json.loads(row["questions"])),
            position=row["position"],
            done=bool(row["done"]),
            at=row["at"],
            answers=tuple(
                QuizAnswer(a["question"], a["outcome"], a["score"], json.loads(a["response"])) for a in answers
            ),
        )

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from None

    def _row(self, query: str, *values: object) -> sqlite3.Row | None:
        rows = self._rows(query, *values)
        return rows[0] if rows else None

    def _one(self, shape: Callable[..., T], query: str, *values: object) -> T | None:
        row = self._row(query, *values)
        return None if row is None else shape(**dict(row))


def _inspect(path: Path) -> None:
    """Look at the file before SQLite does: opening alone may write beside it."""
    if path.is_dir():
        raise TutorError(f"{path}: is a folder; progress is kept in a file of this name")
    if not path.exists():
        return
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise TutorError(f"{path}: cannot be written; make it writable or set GENAI_TUTOR_HOME to another folder")
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise TutorError(f"{path}: cannot be read ({error.strerror})") from None
    if not header:
        return
    ours = header.startswith(b"SQLite format 3\0") and int.from_bytes(header[68:72], "big") == APPLICATION_ID
    if not ours:
        raise TutorError(f"{path}: is not a progress file of genai-tutor; move it away or set GENAI_TUTOR_HOME")
    if int.from_bytes(header[60:64], "big") > SCHEMA:
        raise _newer(path)


def _newer(path: Path) -> TutorError:
    return TutorError(f"{path}: was written by a newer genai-tutor; update genai-tutor to open it")


def _unusable(path: Path, error: sqlite3.Error) -> TutorError:
    text = str(error)
    if "locked" in text:
        return TutorError(f"{path}: another program keeps it locked; close that and try again")
    if "readonly" in text:
        return TutorError(f"{path}: cannot be written; make it writable or set GENAI_TUTOR_HOME to another folder")
    return TutorError(f"{path}: cannot be used ({text}); move it away to start anew, or restore a copy")


def _migrate(db: sqlite3.Connection) -> None:
    from sqlite_utils import Database

    from tutor.progress.migrations import migrations

    db.execute(f"pragma application_id = {APPLICATION_ID}")
    migrations.apply(Database(db))
    db.execute(f"pragma user_version = {SCHEMA}")
    # The identity must stand in the file itself, not in the log beside it: `_inspect` reads it there.
    db.execute("pragma wal_checkpoint(truncate)")


def _uuid7() -> str:
    from uuid6 import uuid7

    return str(uuid7())
