"""What follows from the log: one function that carries a row of it into the derived tables, live and in a rebuild."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from tutor.progress.events import Answer, Hint, LabRun, Logged, Page, Prediction, QuizStart, Reveal

TABLES = ("lesson_state", "question_state", "quiz_state", "lab_state", "time_spent")


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


def apply(db: sqlite3.Connection, row: Logged) -> None:
    """Bring the derived tables up to date with one row of the log, which must come after all those applied before."""
    if row.seconds > 0:
        local = datetime.fromisoformat(row.at) + timedelta(minutes=row.offset)
        db.execute(
            "INSERT INTO time_spent (chapter, day, seconds) VALUES (?, ?, ?) "
            "ON CONFLICT (chapter, day) DO UPDATE SET seconds = seconds + excluded.seconds",
            (row.chapter, local.date().isoformat(), row.seconds),
        )
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
        case Hint(item=question, number=number):
            db.execute(
                "INSERT INTO question_state (question, hints) VALUES (?, ?) "
                "ON CONFLICT (question) DO UPDATE SET hints = max(hints, excluded.hints)",
                (question, number),
            )
        case Reveal(item=question):
            db.execute(
                "INSERT INTO question_state (question, revealed) VALUES (?, 1) "
                "ON CONFLICT (question) DO UPDATE SET revealed = revealed + 1",
                (question,),
            )
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
        case QuizStart(item=context, questions=questions, seed=seed):
            db.execute(
                "INSERT INTO quiz_state (id, context, at, seed, position, questions, answers) "
                "VALUES (?, ?, ?, ?, 0, ?, '[]')",
                (row.id, context, row.at, seed, _json(questions)),
            )


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


QUIZ_COLUMNS = ", ".join(QuizState.__struct_fields__)


def quiz_state(row: tuple[str, str, str, int, int, str, str]) -> QuizState:
    """Read a row of `QUIZ_COLUMNS`."""
    quiz, context, at, seed, position, questions, answers = row
    return QuizState(
        quiz,
        context,
        at,
        seed,
        position,
        msgspec.json.decode(questions, type=tuple[str, ...]),
        msgspec.json.decode(answers, type=tuple[QuizAnswer, ...]),
    )


def _json(value: Iterable[object]) -> str:
    return msgspec.json.encode(value).decode()
