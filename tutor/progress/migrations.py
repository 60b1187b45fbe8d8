"""The tables, as sqlite-utils migrations. Imported only when a file has to be made or brought up to date.

Each entry of `MIGRATIONS` raises `store.VERSION` by one and is never changed after a release.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("progress")


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing, inside the transaction that the caller has begun."""
    MIGRATIONS.apply(Database(connection, recursive_triggers=False, execute_plugins=False))


def _log_and_first_tables(db: Database) -> None:
    events = {
        "id": str,
        "at": str,
        "offset": int,
        "kind": str,
        "item": str,
        "chapter": str,
        "seconds": float,
        "data": str,
    }
    db["events"].create(events, pk="id", not_null=events)
    db["events"].create_index(["at", "id"])
    db["drafts"].create({"key": str, "text": str, "at": str}, pk="key", not_null={"text", "at"})

    lesson = {"lesson": str, "page": int, "furthest": int, "pages": int, "at": str}
    db["lesson_state"].create(lesson, pk="lesson", not_null=lesson)
    db["question_state"].create(
        {
            "question": str,
            "attempts": int,
            "right": int,
            "last_outcome": str,
            "first_at": str,
            "last_at": str,
            "hints": int,
            "revealed": int,
        },
        pk="question",
        not_null={"attempts", "right", "hints", "revealed"},
        defaults={"attempts": 0, "right": 0, "hints": 0, "revealed": 0},
    )
    quiz = {"id": str, "context": str, "at": str, "seed": int, "position": int, "questions": str, "answers": str}
    db["quiz_state"].create(quiz, pk="id", not_null=quiz)
    db["quiz_state"].create_index(["context", "at"])
    db["lab_state"].create(
        {"lab": str, "runs": int, "finished": int, "prediction": float, "at": str},
        pk="lab",
        not_null={"runs", "finished", "at"},
        defaults={"runs": 0, "finished": 0},
    )
    db["time_spent"].create({"chapter": str, "day": str, "seconds": float}, pk=("chapter", "day"), not_null={"seconds"})


MIGRATIONS(name="log and first tables")(_log_and_first_tables)


def _review_and_mastery(db: Database) -> None:
    """Tables that a rebuild fills; the log gains the indexes that undo and the plan read it by."""
    db["events"].create_index(["item", "at"])
    db["events"].create_index(["kind", "at"])
    db["time_spent"].create_index(["chapter", "seconds"])  # Today sums a chapter without reading its days
    db["quiz_state"].add_column("mixed", int, not_null_default=0)

    card = {
        "question": str,
        "chapter": str,
        "objectives": str,
        "stability": float,
        "difficulty": float,
        "day": str,
        "due": str,
        "grade": int,
        "reps": int,
        "lapses": int,
        "variant": int,
        "fresh": int,
    }
    db["cards"].create(card, pk="question", not_null=card)
    db["cards"].create_index(["due"])
    db["cards"].create_index(["fresh"])
    attempt = {
        "id": str,
        "at": str,
        "day": str,
        "question": str,
        "chapter": str,
        "source": str,
        "kind": str,
        "grade": int,
        "right": int,
        "seconds": float,
        "confidence": float,
        "expected": float,
    }
    db["attempts"].create(attempt, pk="id", not_null=set(attempt) - {"confidence", "expected"})
    db["attempts"].create_index(["source", "day"])
    db["attempts"].create_index(["question"])
    mastery = {
        "objective": str,
        "level": str,
        "reason": str,
        "question": str,
        "at": str,
        "window": str,
        "proficient": str,
        "day": str,
        "missed": str,
    }
    db["mastery"].create(mastery, pk="objective", not_null=mastery)
    change = {"id": str, "objective": str, "at": str, "before": str, "after": str, "reason": str, "question": str}
    db["mastery_changes"].create(change, pk=("id", "objective"), not_null=change)
    db["review_settings"].create(
        {"item": str, "retention": float, "cap": int, "fuzz": int}, pk="item", not_null={"retention", "cap", "fuzz"}
    )


MIGRATIONS(name="review and mastery")(_review_and_mastery)
