"""What can happen: one class for each kind of row in the log, so that nothing else can be written into it.

A kind, once released, keeps its name and its fields; a new field has a default. A new kind needs a new version of the
file (see `store.VERSION`), so that an older program does not meet it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Value = bool | int | float | str
"""A parameter of a lab."""

Response = str | tuple[bool | int | str, ...] | None
"""What was answered, as the grader takes it; None when the answer was shown on request."""

Count = Annotated[int, Meta(ge=1)]


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
    score: Annotated[float, Meta(ge=0, le=1)]
    context: str
    """Where it was asked: `checkpoint:CHAPTER`, `lesson:LESSON` or `lab:LAB`."""
    quiz: str
    hints: Annotated[int, Meta(ge=0)] = 0
    """How many hints stood on the screen."""
    revealed: bool = False
    """The answer was shown before this one was given."""


class Hint(Event, tag="hint", frozen=True):
    """Hint `number` (from 1) of the question `item` was shown."""

    number: Count


class Reveal(Event, tag="reveal", frozen=True):
    """The answer to the question `item` was shown on request."""


class Prediction(Event, tag="prediction", frozen=True):
    """A prediction was made for the lab `item`."""

    value: float


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


AnyEvent = Page | Answer | Hint | Reveal | Prediction | LabRun | QuizStart


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
