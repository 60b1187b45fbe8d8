"""What can happen: one class for each kind of row in the log, so that nothing else can be written into it.

A kind, once released, keeps its name and its fields; a new field has a default. A new kind needs a new version of the
file (see `store.VERSION`), so that an older program does not meet it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Value = bool | int | float | str
"""A parameter of a lab."""

Response = str | tuple[bool | int | str, ...] | None
"""What was answered, as the grader takes it; None when the answer was shown on request."""

Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
"""A local date, e.g. `2026-01-31`."""

CONFIDENCE: Mapping[str, float] = {"guess": 0.25, "unsure": 0.5, "fairly sure": 0.75, "certain": 0.95}
"""What a learner can say before the verdict, and the chance of being right that it states."""

CONFIDENT = 0.75
"""From here on an error is a confident one."""


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of all kinds; `item` is the id of what it is about."""

    item: str


class Page(Event, tag="page", frozen=True):
    """Page `page` (from 1) of the lesson `item`, which has `pages`, was opened."""

    page: Count
    pages: Count


class Answer(Event, tag="answer", frozen=True):
    """The question `item` was answered. What cannot be read is not an answer and is never recorded."""

    response: Response
    outcome: Literal["right", "wrong"]
    score: Share
    context: str
    """Where it was asked: `checkpoint:CHAPTER`, `lesson:LESSON`, `lab:LAB`, `placement:CHAPTER`, `question:ID` alone,
    `review`, or `ahead` and `cram`, which practise without rescheduling."""
    quiz: str
    hints: Annotated[int, Meta(ge=0)] = 0
    """How many hints stood on the screen."""
    revealed: bool = False
    """The answer was shown before this one was given."""
    confidence: Share | None = None
    """The chance of being right that was stated before the verdict (see `CONFIDENCE`); None when nothing was said."""
    grade: Annotated[int, Meta(ge=2, le=4)] | None = None
    """How a right answer came, by the learner's own word (Hard, Good, Easy); None leaves it to `review.grade_of`."""
    variant: Annotated[int, Meta(ge=0)] = 0
    """Which numbers it was asked with; 0 as it is written."""
    objectives: tuple[str, ...] = ()
    """What the question tests, kept here so that mastery follows from the log alone."""


class Hint(Event, tag="hint", frozen=True):
    """Hint `number` (from 1) of the question `item` was shown."""

    number: Count


class Reveal(Event, tag="reveal", frozen=True):
    """The answer to the question `item` was shown on request."""

    objectives: tuple[str, ...] = ()


class Prediction(Event, tag="prediction", frozen=True):
    """A prediction was made for the lab `item`."""

    value: float
    confidence: Share | None = None


class LabRun(Event, tag="lab_run", frozen=True):
    """The lab `item` ran; parameters, seed and changes replay it."""

    params: Mapping[str, Value]
    seed: int
    changes: tuple[tuple[int, str, Value], ...]
    """(step, parameter, new value), in order."""
    steps: int
    scalars: Mapping[str, float | None]
    """Of the last frame; None where it was not finite."""
    checks: Mapping[str, bool]
    done: bool


class QuizStart(Event, tag="quiz_start", frozen=True):
    """A quiz of the context `item` began; the id of this row is the quiz's id. It ends with its last answer."""

    questions: tuple[str, ...]
    seed: int
    objectives: tuple[str, ...] = ()
    """All that its questions test; practice is mixed when there are two or more."""


class Undo(Event, tag="undo", frozen=True):
    """The row with the id `item` counts for nothing from now on; the time it took still does."""


class Reset(Event, tag="reset", frozen=True):
    """What was done before counts for nothing: `item` says of what, e.g. `lesson:svd`, the lists say which rows."""

    questions: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()
    labs: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    """Quizzes of these contexts."""
    chapters: tuple[str, ...] = ()
    """Time spent on these, and that they were skipped."""
    everything: bool = False
    """All of it, and the plan; settings and flags stay."""


class Flag(Event, tag="flag", frozen=True):
    """Something is wrong with the question `item`."""

    note: Annotated[str, Meta(max_length=2000)] = ""


class ReviewSettings(Event, tag="review_settings", frozen=True, kw_only=True):
    """How reviews are scheduled from now on; `item` is `review`."""

    item: str = "review"
    retention: Annotated[float, Meta(ge=0.70, le=0.97)] = 0.90
    """The chance of recall at which a question is asked again."""
    cap: Annotated[int, Meta(ge=1, le=500)] = 20
    """Most reviews a day."""
    fuzz: bool = True
    """Whether intervals are spread a little, so that what was learned together does not come back together."""


class PlanStart(Event, tag="plan_start", frozen=True, kw_only=True):
    """The plan begins on a day and takes so many weeks; `item` is `plan`. Shifts made before count no more."""

    start: Day
    weeks: Count
    item: str = "plan"

    def __post_init__(self) -> None:
        if not 2000 <= date.fromisoformat(self.start).year < 2200:
            raise ValueError("a plan begins between 2000 and 2199")


class PlanShift(Event, tag="plan_shift", frozen=True, kw_only=True):
    """The rest of the plan moves by so many days; `item` is `plan`."""

    days: Annotated[int, Meta(ge=-3660, le=3660)]
    item: str = "plan"


class PlanCatchUp(Event, tag="plan_catch_up", frozen=True, kw_only=True):
    """To be so many weeks behind is known and accepted: the end stays; `item` is `plan`."""

    behind: Count
    item: str = "plan"


class Skip(Event, tag="skip", frozen=True):
    """The chapter `item` is left out of the plan."""

    why: Literal["placement", "missed", "chosen"]
    decision: str = ""
    """Rows that share it are one decision, which `undo` takes back as a whole; a row alone has none."""


AnyEvent = (
    Page
    | Answer
    | Hint
    | Reveal
    | Prediction
    | LabRun
    | QuizStart
    | Undo
    | Reset
    | Flag
    | ReviewSettings
    | PlanStart
    | PlanShift
    | PlanCatchUp
    | Skip
)


class Logged(msgspec.Struct, frozen=True):
    """A row of the log."""

    id: str
    """UUIDv7 of `at`."""
    at: str
    """UTC, e.g. `2026-01-31T09:05:00.123Z`; text order is time order."""
    offset: int
    """Local time minus UTC, in minutes."""
    chapter: str
    seconds: float
    """Time spent learning since the row before."""
    event: AnyEvent


def encode(event: Event) -> tuple[str, str, str]:
    """Return kind, item and the other fields as JSON; a number that is not finite becomes null."""
    fields = msgspec.to_builtins(event)
    return fields.pop("kind"), fields.pop("item"), msgspec.json.encode(fields).decode()


def decode(kind: str, item: str, data: str) -> AnyEvent:
    """Read what `encode` wrote; raises ValueError for what is not an event."""
    event: AnyEvent = msgspec.convert({**msgspec.json.decode(data), "kind": kind, "item": item}, AnyEvent)
    return event


def uuid7(milliseconds: int) -> str:
    """A random id that sorts by the given Unix time (RFC 9562, version 7)."""
    noise = int.from_bytes(os.urandom(10), "big")
    high, low = noise >> 68, noise & ((1 << 62) - 1)
    digits = f"{milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
