"""Placement quizzes: whether to offer one, how each ended, and whether its chapter can be left out of the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tutor.course.load import is_written, load_chapter
from tutor.course.model import Course
from tutor.progress.plan import Step
from tutor.progress.queue import passes_placement
from tutor.progress.schedule import calendar
from tutor.progress.states import QuizState
from tutor.progress.store import Store


@dataclass(frozen=True)
class Placement:
    """How the placement quiz of a chapter stands: the one that was begun last."""

    chapter: str
    state: Literal["new", "open", "done"]
    questions: int
    """0 as long as none was begun."""
    answered: int
    right: int
    """Without hint or answer shown."""
    passed: bool
    left_out: bool
    """Whether the chapter is left out of the plan, for whatever reason."""


def unaided(quiz: QuizState) -> int:
    """How many questions were right at the first try without hint or answer shown."""
    return sum(given.outcome == "right" and not given.hints and not given.revealed for given in quiz.answers)


def is_passed(quiz: QuizState) -> bool:
    """Whether a placement quiz says that its chapter can be left out."""
    return quiz.done and passes_placement(unaided(quiz), len(quiz.questions))


def placements(content: Path, course: Course, store: Store) -> tuple[Placement, ...]:
    """All chapters that have such a quiz; raises ContentError."""
    plan = calendar(course, store)
    found = []
    for stub in course.chapters:
        if not is_written(content, stub.id) or not load_chapter(content, stub.id).checkpoint:
            continue
        quiz, out = store.last_quiz(f"placement:{stub.id}"), plan.is_skipped(stub.id)
        if quiz is None:
            found.append(Placement(stub.id, "new", 0, 0, 0, False, out))
            continue
        state: Literal["open", "done"] = "done" if quiz.done else "open"
        asked, given = len(quiz.questions), len(quiz.answers)
        found.append(Placement(stub.id, state, asked, given, unaided(quiz), is_passed(quiz), out))
    return tuple(found)


def offer(chapter_id: str, rows: Sequence[Step], store: Store) -> Literal["", "new", "open"]:
    """Whether to offer the placement quiz of a chapter: one left open, or a new one until a lesson is begun."""
    if not any(row.kind == "checkpoint" for row in rows):
        return ""
    if store.open_quiz(f"placement:{chapter_id}") is not None:
        return "open"
    return "" if any(row.kind == "lesson" and row.state != "open" for row in rows) else "new"
