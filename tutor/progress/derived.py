"""What is derived from the log: `apply` folds one event into the tables; folding all of them rebuilds the tables."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

TABLES: dict[str, tuple[dict[str, type], str | tuple[str, ...]]] = {
    "lesson_state": ({"lesson": str, "page": int, "furthest": int, "pages": int, "at": str}, "lesson"),
    "question_state": (
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
        "question",
    ),
    "quiz_state": (
        {"quiz": str, "context": str, "seed": int, "questions": str, "position": int, "done": int, "at": str},
        "quiz",
    ),
    "quiz_answer": (
        {"quiz": str, "question": str, "outcome": str, "score": float, "response": str},
        ("quiz", "question"),
    ),
    "lab_state": ({"lab": str, "runs": int, "done": int, "prediction": float, "at": str}, "lab"),
    "time_spent": ({"chapter": str, "day": str, "seconds": float}, ("chapter", "day")),
}
"""Table → (columns, primary key)."""


def apply(db: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    """Fold one event of the log, given as a row, into the derived tables."""
    data = json.loads(row["data"])
    item, at = row["item"], row["at"]
    db.execute(
        "insert into time_spent values (:chapter, :day, :seconds)"
        " on conflict do update set seconds = seconds + :seconds",
        {"chapter": row["chapter"], "day": at[:10], "seconds": row["seconds"]},
    )
    match row["kind"]:
        case "page":
            db.execute(
                "insert into lesson_state values (:lesson, :page, :page, :pages, :at) on conflict do update set"
                " page = :page, furthest = max(furthest, :page), pages = :pages, at = :at",
                {"lesson": item, "page": data["page"], "pages": data["pages"], "at": at},
            )
        case "answer":
            right = data["outcome"] == "right"
            _touch_question(db, item, at)
            db.execute(
                "update question_state set attempts = attempts + 1, right = right + ?, last_outcome = ?, last_at = ?"
                " where question = ?",
                (right, data["outcome"], at, item),
            )
            if data["quiz"]:
                _answer_in_quiz(db, item, at, data)
        case "hint":
            _touch_question(db, item, at)
            db.execute("update question_state set hints = hints + 1 where question = ?", (item,))
        case "reveal":
            _touch_question(db, item, at)
            db.execute("update question_state set revealed = revealed + 1 where question = ?", (item,))
        case "prediction":
            db.execute(
                "insert into lab_state values (?, 0, 0, ?, ?)"
                " on conflict do update set prediction = excluded.prediction, at = excluded.at",
                (item, data["value"], at),
            )
        case "lab_run":
            db.execute(
                "insert into lab_state values (?, 1, ?, null, ?)"
                " on conflict do update set runs = runs + 1, done = max(done, excluded.done), at = excluded.at",
                (item, data["done"], at),
            )
        case "quiz_start":
            db.execute(
                "insert into quiz_state values (?, ?, ?, ?, 0, ?, ?)",
                (data["quiz"], item, data["seed"], json.dumps(data["questions"]), not data["questions"], at),
            )


def _touch_question(db: sqlite3.Connection, question: str, at: str) -> None:
    db.execute("insert or ignore into question_state values (?, 0, 0, '', ?, ?, 0, 0)", (question, at, at))


def _answer_in_quiz(db: sqlite3.Connection, question: str, at: str, data: Mapping[str, Any]) -> None:
    # Only the first answer counts in a quiz; later tries are practice.
    db.execute(
        "insert or ignore into quiz_answer values (?, ?, ?, ?, ?)",
        (data["quiz"], question, data["outcome"], data["score"], json.dumps(data["response"])),
    )
    row = db.execute("select questions from quiz_state where quiz = ?", (data["quiz"],)).fetchone()
    if row is None:
        return
    questions = json.loads(row[0])
    answered = {q for (q,) in db.execute("select question from quiz_answer where quiz = ?", (data["quiz"],))}
    position = next((at for at, q in enumerate(questions) if q not in answered), len(questions))
    db.execute(
        "update quiz_state set position = ?, done = ?, at = ? where quiz = ?",
        (position, position == len(questions), at, data["quiz"]),
    )
