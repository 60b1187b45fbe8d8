"""Beginning something anew: what a reset would forget, counted first, and the row of the log that forgets it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tutor.course.load import find_lesson, is_written, load_chapter, load_lesson, load_questions
from tutor.course.model import Course
from tutor.errors import TutorError
from tutor.progress.events import Reset
from tutor.progress.round import find_question
from tutor.progress.store import Store


@dataclass(frozen=True)
class Forgotten:
    """What a reset forgets. Undo brings it back."""

    answers: int
    cards: int
    lessons: int
    labs: int
    seconds: float
    """Time spent that no longer counts; only a chapter's or all of it."""

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to forget."""
        return not (self.answers or self.cards or self.lessons or self.labs or self.seconds)


def scope(content: Path, course: Course, target: str) -> Reset:
    """The reset of `question:ID`, `lesson:ID` with its practice, `lab:ID`, `chapter:ID` or `all`.

    Raises TutorError when the course has no such thing.
    """
    kind, _, name = target.partition(":")
    match kind:
        case "all" if not name:
            return Reset(item="all", everything=True)
        case "question":
            return Reset(item=target, questions=(find_question(content, course, name)[0].id,), contexts=(target,))
        case "lesson":
            chapter = find_lesson(content, course, name)
            head = load_lesson(content, chapter, name).head
            contexts = (f"lesson:{name}", *_alone(head.questions))
            return Reset(item=target, lessons=(name,), questions=head.questions, contexts=contexts)
        case "lab":
            from tutor.labs.registry import get

            return Reset(item=target, labs=(get(name).id,), contexts=(f"lab:{name}",))
        case "chapter":
            return _chapter(content, course, name)
        case _:
            raise TutorError(f"{target}: reset takes question:ID, lesson:ID, lab:ID, chapter:ID or all")


def _chapter(content: Path, course: Course, name: str) -> Reset:
    if not any(stub.id == name for stub in course.chapters) or not is_written(content, name):
        raise TutorError(f"the course has no chapter {name!r}; it has {', '.join(c.id for c in course.chapters)}")
    chapter = load_chapter(content, name)
    quizzes = [f"checkpoint:{name}", f"placement:{name}"]
    quizzes += [f"lesson:{lesson}" for lesson in chapter.lessons] + [f"lab:{lab}" for lab in chapter.labs]
    questions = tuple(load_questions(content, name))
    quizzes += _alone(questions)
    return Reset(
        item=f"chapter:{name}",
        questions=questions,
        lessons=chapter.lessons,
        labs=chapter.labs,
        contexts=tuple(quizzes),
        chapters=(name,),
    )


def _alone(questions: Iterable[str]) -> Iterator[str]:
    """The contexts in which questions are asked alone."""
    return (f"question:{question}" for question in questions)


def forgotten(store: Store, reset: Reset) -> Forgotten:
    """Count what a reset would forget."""

    def count(table: str, column: str, names: Iterable[str], what: str = "count(*)") -> float:
        if reset.everything:
            return float(store.query(f"SELECT {what} FROM {table}")[0][0])
        query = f"SELECT {what} FROM {table} WHERE {column} = ?"
        return float(sum(store.query(query, name)[0][0] for name in names))

    return Forgotten(
        answers=int(count("attempts", "question", reset.questions)),
        cards=int(count("cards", "question", reset.questions)),
        lessons=int(count("lesson_state", "lesson", reset.lessons)),
        labs=int(count("lab_state", "lab", reset.labs)),
        seconds=count("time_spent", "chapter", reset.chapters, "total(seconds)"),
    )
