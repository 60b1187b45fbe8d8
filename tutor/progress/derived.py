"""What follows from the log: one function that carries a row of it into the derived tables, live and in a rebuild."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import cache
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
from tutor.progress.review import answered, logged_day
from tutor.progress.states import (
    QUIZ_COLUMNS,
    MasteryChange,
    QuizAnswer,
    all_mastery,
    card,
    objective_mastery,
    quiz_state,
    review_settings,
)

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


def spend(db: sqlite3.Connection, row: Logged) -> None:
    """Count the time of a row, which it took even if it was taken back."""
    if row.seconds > 0:
        db.execute(
            "INSERT INTO time_spent (chapter, day, seconds) VALUES (?, ?, ?) "
            "ON CONFLICT (chapter, day) DO UPDATE SET seconds = seconds + excluded.seconds",
            (row.chapter, logged_day(row), row.seconds),
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
            master(db, row, answer)
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
            master(db, row, reveal)
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


def master(db: sqlite3.Connection, row: Logged, event: Answer | Reveal) -> None:
    """Carry an answer, or that one was shown, into the mastery of its objectives."""
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


def _put(db: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    """Write a row in the place of the one with its key."""
    db.execute(_insert(table, tuple(values)), tuple(values.values()))


@cache
def _insert(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"


def _json(value: Iterable[object]) -> str:
    return msgspec.json.encode(value).decode()
