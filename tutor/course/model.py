"""What a course is made of: frozen objects decoded from the files in `content/`.

Every class here is a file's or a table's shape; unknown keys are errors. Texts are Markdown with `$…$` mathematics.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

QuestionType = Literal[
    "single_choice", "multiple_choice", "true_false", "numeric", "expression", "order", "self_graded"
]

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z")]
"""A name for good. Some are names of files: no separators, so that none leads out of the content."""


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all content objects: immutable, and an unknown key is an error."""


class Week(Frozen, frozen=True):
    """A stretch of the schedule: one or more weeks spent on one chapter."""

    first: int
    last: int
    chapter: str
    focus: str
    hours: tuple[float, float]
    """Least and most hours planned for the whole stretch."""


class ChapterStub(Frozen, frozen=True):
    """A chapter as `course.toml` announces it, whether or not its content is written."""

    id: Id
    number: int
    title: str
    part: str


class Course(Frozen, frozen=True):
    """`content/course.toml`."""

    format_version: int
    title: str
    weeks: tuple[Week, ...]
    chapters: tuple[ChapterStub, ...]


class Objective(Frozen, frozen=True):
    """Something the learner can do after the chapter; questions name the objectives they test."""

    id: Id
    text: str


class Chapter(Frozen, frozen=True):
    """`content/NN-name/chapter.toml`."""

    id: Id
    number: int
    title: str
    why: str
    objectives: tuple[Objective, ...]
    lessons: tuple[Id, ...]
    """Lesson ids, in reading order; the file is `lessons/ID.md`."""
    labs: tuple[str, ...]
    checkpoint: tuple[str, ...]
    """Question ids, in the order they are asked."""
    prerequisites: tuple[str, ...] = ()


class LessonHead(Frozen, frozen=True):
    """The `+++` front matter of a lesson."""

    id: Id
    title: str
    section: str
    minutes: int
    objectives: tuple[str, ...] = ()
    labs: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    """Asked from the lesson's last page, as practice."""


class Lesson(Frozen, frozen=True):
    """A lesson: its head and its pages of Markdown."""

    head: LessonHead
    pages: tuple[str, ...]
    path: str = ""


class Choice(Frozen, frozen=True):
    """An option of a choice question. Wrong ones explain why; right ones carry no feedback."""

    text: str
    correct: bool = False
    feedback: str = ""
    fixed: bool = False
    """Stays at its place when the others are shuffled."""


class WrongAnswer(Frozen, frozen=True):
    """A wrong answer that learners really give, and why it is wrong."""

    answer: str
    feedback: str


class Item(Frozen, frozen=True):
    """A line to put in order. `needs` names the ids of lines that must stand above it."""

    id: str
    text: str
    needs: tuple[str, ...] = ()


class Symbol(Frozen, frozen=True):
    """A variable of an `expression` question with the domain it is sampled from."""

    name: str
    low: float
    high: float
    meaning: str = ""


class Question(Frozen, frozen=True):
    """One question, defined once and used by lesson, checkpoint, review and statistics."""

    id: Id
    type: QuestionType
    prompt: str
    objectives: tuple[str, ...]
    difficulty: int
    explanation: str
    lesson: str
    """`LESSON-ID` or `LESSON-ID#PAGE` (pages count from 1): what to read again. Empty in a chapter without lessons."""
    hints: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    shuffle: bool = True
    answer: str = ""
    """Right answer, written as a learner would type it; `true`/`false`; the model answer of `self_graded`."""
    alternatives: tuple[str, ...] = ()
    tolerance: float = 0.0
    tolerance_type: Literal["absolute", "relative"] = "absolute"
    wrong: tuple[WrongAnswer, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    items: tuple[Item, ...] = ()
    """Lines of an `order` question, in one right order."""
    rubric: tuple[str, ...] = ()
    verify: str = ""
    """Python over `np` and `kernels` that recomputes the answer; see `tutor.course.check`."""
    checkpoint: int = 0
    """1-based number among the guide's checkpoint questions of the chapter; 0 if it is none of them."""
