"""What the derived tables hold, as objects, and how their rows are read."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from tutor.progress.events import ReviewSettings
from tutor.progress.mastery import Mastery
from tutor.progress.review import Card


class LessonState(msgspec.Struct, frozen=True):
    """How far a lesson was read; pages count from 1."""

    lesson: str
    page: int
    """Opened last."""
    furthest: int
    pages: int
    """How many it had when it was last read."""
    at: str


class QuestionState(msgspec.Struct, frozen=True):
    """What came of a question so far; it may have been looked at (hints, answer shown) before any attempt."""

    question: str
    attempts: int
    right: int
    last_outcome: str | None
    first_at: str | None
    last_at: str | None
    hints: int
    """Highest number of a hint shown."""
    revealed: int
    """How often the answer was shown on request."""


class QuizAnswer(msgspec.Struct, frozen=True):
    """The first answer to a question of a quiz; later tries show in the question's own state."""

    question: str
    outcome: str
    score: float
    hints: int
    revealed: bool


class QuizState(msgspec.Struct, frozen=True):
    """A quiz that was started."""

    id: str
    context: str
    at: str
    seed: int
    position: int
    """Index of the first question without an answer; the number of questions when there is none."""
    questions: tuple[str, ...]
    answers: tuple[QuizAnswer, ...]
    mixed: bool
    """Whether its questions test more than one objective."""

    @property
    def done(self) -> bool:
        """Whether every question was answered."""
        return self.position >= len(self.questions)


class LabState(msgspec.Struct, frozen=True):
    """What was done in a lab."""

    lab: str
    runs: int
    finished: int
    """Runs that went to their end."""
    prediction: float | None
    at: str

    @property
    def done(self) -> bool:
        """Whether a run went to its end."""
        return self.finished > 0


class MasteryChange(msgspec.Struct, frozen=True):
    """An objective rose or fell."""

    id: str
    """The row of the log that did it."""
    objective: str
    at: str
    before: str
    """Empty when it was the first answer."""
    after: str
    reason: str
    question: str


def columns(struct: type[msgspec.Struct]) -> str:
    """The columns of a table whose rows are read into such a struct."""
    return ", ".join(f'"{name}"' for name in struct.__struct_fields__)


QUIZ_COLUMNS = columns(QuizState)
CARD_COLUMNS = columns(Card)
MASTERY_COLUMNS = columns(Mastery)


def quiz_state(row: tuple[str, str, str, int, int, str, str, int]) -> QuizState:
    """Read a row of `QUIZ_COLUMNS`."""
    quiz, context, at, seed, position, questions, answers, mixed = row
    return QuizState(
        quiz,
        context,
        at,
        seed,
        position,
        msgspec.json.decode(questions, type=tuple[str, ...]),
        msgspec.json.decode(answers, type=tuple[QuizAnswer, ...]),
        bool(mixed),
    )


def card(db: sqlite3.Connection, question: str) -> Card | None:
    """The card of a question; None before its first answer."""
    found = db.execute(f"SELECT {CARD_COLUMNS} FROM cards WHERE question = ?", (question,)).fetchone()
    return None if found is None else read_card(found)


def read_card(row: tuple[Any, ...]) -> Card:
    """Read a row of `CARD_COLUMNS`."""
    values = dict(zip(Card.__struct_fields__, row, strict=True))
    values["objectives"] = msgspec.json.decode(values["objectives"], type=tuple[str, ...])
    values["fresh"] = bool(values["fresh"])
    return Card(**values)


def objective_mastery(db: sqlite3.Connection, objective: str) -> Mastery | None:
    """The mastery of an objective; None before its first answer."""
    found = db.execute(f"SELECT {MASTERY_COLUMNS} FROM mastery WHERE objective = ?", (objective,)).fetchone()
    return None if found is None else _read_mastery(found)


def all_mastery(db: sqlite3.Connection) -> list[Mastery]:
    """The mastery of all objectives that were tried."""
    rows = db.execute(f"SELECT {MASTERY_COLUMNS} FROM mastery ORDER BY objective").fetchall()
    return [_read_mastery(row) for row in rows]


def _read_mastery(row: tuple[Any, ...]) -> Mastery:
    values = dict(zip(Mastery.__struct_fields__, row, strict=True))
    values["window"] = msgspec.json.decode(values["window"], type=tuple[tuple[str, float], ...])
    values["missed"] = msgspec.json.decode(values["missed"], type=tuple[str, ...])
    return Mastery(**values)


def review_settings(db: sqlite3.Connection) -> ReviewSettings:
    """How reviews are scheduled now."""
    found = db.execute("SELECT retention, cap, fuzz FROM review_settings").fetchone()
    if found is None:
        return ReviewSettings()
    retention, cap, fuzz = found
    return ReviewSettings(retention=retention, cap=cap, fuzz=bool(fuzz))
