"""The objectives of a chapter: how well each is known and why, what would raise it, and where it is taught."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tutor.course.load import load_chapter, load_lesson, load_questions
from tutor.course.model import Objective
from tutor.progress.mastery import ENOUGH, Mastery
from tutor.progress.states import MasteryChange
from tutor.progress.store import Store


@dataclass(frozen=True)
class Standing:
    """How an objective stands."""

    objective: Objective
    state: Mastery | None
    """None before the first question on it."""
    changes: tuple[MasteryChange, ...]
    """Its rises and falls, the latest first."""

    @property
    def raises(self) -> str:
        """What would bring it to the next level, as a sentence."""
        if self.state is None:
            return "Answer a question on it."
        match self.state.level:
            case "mastered":
                return "Nothing is left to do; a wrong answer would lower it."
            case "proficient":
                return "A right answer on a later day, in a review or a checkpoint, makes it mastered."
            case _ if self.state.share == 1.0:
                more = ENOUGH - len(self.state.window)
                return f"Right answers to {more} other question{'s'[: more > 1]} on it make it proficient."
            case _:
                return "Right answers to the questions that count, without a hint, make it proficient."


def standings(content: Path, chapter_id: str, store: Store) -> tuple[Standing, ...]:
    """The objectives of a chapter in its order; raises ContentError."""
    states = store.all_mastery()
    return tuple(
        Standing(
            objective,
            states.get(objective.id),
            tuple(store.mastery_changes(objective.id)) if objective.id in states else (),
        )
        for objective in load_chapter(content, chapter_id).objectives
    )


def lesson_of(content: Path, chapter_id: str, objective: str) -> str:
    """The lesson that asks most about an objective; empty when none does. Raises ContentError."""
    bank = load_questions(content, chapter_id)
    asked: Counter[str] = Counter()
    for lesson in load_chapter(content, chapter_id).lessons:
        head = load_lesson(content, chapter_id, lesson).head
        asked[lesson] = sum(objective in bank[name].objectives for name in head.questions if name in bank)
    return next((lesson for lesson, count in asked.most_common(1) if count), "")
