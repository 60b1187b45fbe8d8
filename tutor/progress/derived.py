"""What follows from the log: one function that carries a row of it into the derived tables, live and in a rebuild."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from tutor.progress import mastery
from tutor.progress.events import (
    Answer,
    Hint,
    LabRun,
    Logged,
    Page,
    Prediction,
    QuizStart,
    Reset,
    Reveal,
    ReviewSettings,
)
from tutor.progress.mastery import Mastery
from tutor.progress.review import Card, answered, local_time, logged_day

TABLES = (
    "lesson_state",
    "question_state",
    "quiz_state",
    "lab_state",
    "time_spent",
    "cards",
    "attempts",
    "mastery",
    "mastery_changes",
    "review_settings",
)


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


def spend(db: sqlite3.Connection, row: Logged) -> None:
    """Count the time of a row, which it took even if it was taken back."""
    if row.seconds > 0:
        db.execute(
            "INSERT INTO time_spent (chapter, day, seconds) VALUES (?, ?, ?) "
            "ON CONFLICT (chapter, day) DO UPDATE SET seconds = seconds + excluded.seconds",
            (row.chapter, local_time(row).date().isoformat(), row.seconds),
        )


def apply(db: sqlite3.Connection, row: Logged) -> None:
    """Bring the derived tables up to date with one row of the log, which must come after all those applied before."""
    spend(db, row)
    match row.event:
        case Page(item=lesson, page=page, pages=pages):
            db.execute(
                "INSERT INTO lesson_state (lesson, page, furthest, pages, at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (lesson) DO UPDATE SET page = excluded.page, furthest = max(furthest, excluded.furthest), "
                "pages = excluded.pages, at = excluded.at",
                (lesson, page, page, pages, row.at),
            )
        case Answer() as answer:
            db.execute(
                "INSERT INTO question_state (question, attempts, right, last_outcome, first_at, last_at) "
                "VALUES (?, 1, ?, ?, ?, ?) ON CONFLICT (question) DO UPDATE SET attempts = attempts + 1, "
                "right = right + excluded.right, last_outcome = excluded.last_outcome, "
                "first_at = coalesce(first_at, excluded.first_at), last_at = excluded.last_at",
                (answer.item, answer.outcome == "right", answer.outcome, row.at, row.at),
            )
            _answer_quiz(db, answer)
            _answer_card(db, row, answer)
            _master(db, row, answer)
        case Hint(item=question, number=number):
            db.execute(
                "INSERT INTO question_state (question, hints) VALUES (?, ?) "
                "ON CONFLICT (question) DO UPDATE SET hints = max(hints, excluded.hints)",
                (question, number),
            )
        case Reveal(item=question) as reveal:
            db.execute(
                "INSERT INTO question_state (question, revealed) VALUES (?, 1) "
                "ON CONFLICT (question) DO UPDATE SET revealed = revealed + 1",
                (question,),
            )
            _master(db, row, reveal)
        case Prediction(item=lab, value=value):
            db.execute(
                "INSERT INTO lab_state (lab, prediction, at) VALUES (?, ?, ?) "
                "ON CONFLICT (lab) DO UPDATE SET prediction = excluded.prediction, at = excluded.at",
                (lab, value, row.at),
            )
        case LabRun(item=lab, done=done):
            db.execute(
                "INSERT INTO lab_state (lab, runs, finished, at) VALUES (?, 1, ?, ?) ON CONFLICT (lab) DO UPDATE "
                "SET runs = runs + 1, finished = finished + excluded.finished, at = excluded.at",
                (lab, done, row.at),
            )
        case QuizStart(item=context, questions=questions, seed=seed, objectives=objectives):
            db.execute(
                "INSERT INTO quiz_state (id, context, at, seed, position, questions, answers, mixed) "
                "VALUES (?, ?, ?, ?, 0, ?, '[]', ?)",
                (row.id, context, row.at, seed, _json(questions), len(set(objectives)) > 1),
            )
        case ReviewSettings() as chosen:
            _put(db, "review_settings", msgspec.structs.asdict(chosen))
        case Reset() as reset:
            _reset(db, row, reset)
        case _:
            pass  # undone rows are left out by who reads the log; plan and flags are read from it


def _answer_quiz(db: sqlite3.Connection, answer: Answer) -> None:
    """Keep the first answer to each question of a quiz; what belongs to no known quiz counts for the question alone."""
    found = db.execute(f"SELECT {QUIZ_COLUMNS} FROM quiz_state WHERE id = ?", (answer.quiz,)).fetchone()
    if found is None:
        return
    quiz = quiz_state(found)
    answered = {given.question for given in quiz.answers}
    if answer.item not in quiz.questions or answer.item in answered:
        return
    given = QuizAnswer(answer.item, answer.outcome, answer.score, answer.hints, answer.revealed)
    answered.add(answer.item)
    position = next((at for at, question in enumerate(quiz.questions) if question not in answered), len(quiz.questions))
    db.execute(
        "UPDATE quiz_state SET position = ?, answers = ? WHERE id = ?",
        (position, _json((*quiz.answers, given)), quiz.id),
    )


def _answer_card(db: sqlite3.Connection, row: Logged, answer: Answer) -> None:
    step = answered(card(db, answer.item), row, review_settings(db))
    _put(db, "cards", {**msgspec.structs.asdict(step.card), "objectives": _json(step.card.objectives)})
    _put(
        db,
        "attempts",
        {
            "id": row.id,
            "at": row.at,
            "day": logged_day(row),
            "question": answer.item,
            "chapter": row.chapter,
            "source": answer.context.partition(":")[0],
            "kind": step.kind,
            "grade": int(step.grade),
            "right": answer.outcome == "right" and not answer.revealed,
            "seconds": row.seconds,
            "confidence": answer.confidence,
            "expected": step.expected,
        },
    )


MIXED = frozenset({"review", "checkpoint"})
"""Contexts that can be mixed practice; a lesson's questions are about what was just read."""


def _master(db: sqlite3.Connection, row: Logged, event: Answer | Reveal) -> None:
    mixed = False
    if isinstance(event, Answer) and event.context.partition(":")[0] in MIXED:
        quiz = db.execute("SELECT mixed FROM quiz_state WHERE id = ?", (event.quiz,)).fetchone()
        mixed = quiz is not None and bool(quiz[0])
    for objective in event.objectives:
        before = objective_mastery(db, objective)
        after = mastery.step(before, objective, row, mixed=mixed)
        if after is not None and after != before:
            _put_mastery(db, row, before, after)


def _put_mastery(db: sqlite3.Connection, row: Logged, before: Mastery | None, after: Mastery) -> None:
    _put(
        db,
        "mastery",
        {**msgspec.structs.asdict(after), "window": _json(after.window), "missed": _json(after.missed)},
    )
    if before is None or before.level != after.level:
        change = MasteryChange(
            row.id, after.objective, row.at, before.level if before else "", after.level, after.reason, after.question
        )
        _put(db, "mastery_changes", msgspec.structs.asdict(change))


def _reset(db: sqlite3.Connection, row: Logged, reset: Reset) -> None:
    if reset.everything:
        for table in TABLES:
            if table != "review_settings":
                db.execute(f"DELETE FROM {table}")
        return
    for table, column, names in (
        ("lesson_state", "lesson", reset.lessons),
        ("question_state", "question", reset.questions),
        ("cards", "question", reset.questions),
        ("attempts", "question", reset.questions),
        ("lab_state", "lab", reset.labs),
        ("quiz_state", "context", reset.contexts),
        ("time_spent", "chapter", reset.chapters),
    ):
        db.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(name,) for name in names])
    gone = frozenset(reset.questions)
    for before in all_mastery(db) if gone else ():
        after = mastery.forget(before, gone, row.at)
        if after is None:
            db.execute("DELETE FROM mastery WHERE objective = ?", (before.objective,))
            db.execute("DELETE FROM mastery_changes WHERE objective = ?", (before.objective,))
        elif after != before:
            _put_mastery(db, row, before, after)


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


def _put(db: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    """Write a row in the place of the one with its key."""
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))


def _columns(struct: type[msgspec.Struct]) -> str:
    return ", ".join(f'"{name}"' for name in struct.__struct_fields__)


QUIZ_COLUMNS = _columns(QuizState)
CARD_COLUMNS = _columns(Card)
MASTERY_COLUMNS = _columns(Mastery)


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


def _json(value: Iterable[object]) -> str:
    return msgspec.json.encode(value).decode()
