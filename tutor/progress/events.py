"""The kinds of event in the log. Each is a row that is written once and never changed."""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base: something that happened to an item (a lesson, a question, a lab, a quiz's context)."""

    item: str


class Page(Event, frozen=True, tag="page"):
    """A page of the lesson `item` was turned to; pages count from 1."""

    page: int
    pages: int


class Answer(Event, frozen=True, tag="answer"):
    """A readable answer to the question `item`."""

    response: Any
    outcome: str
    score: float
    context: str
    quiz: str = ""
    hints: int = 0
    revealed: bool = False


class Hint(Event, frozen=True, tag="hint"):
    """The `number`-th hint of the question `item` was shown."""

    number: int


class Reveal(Event, frozen=True, tag="reveal"):
    """The answer of the question `item` was shown on request."""


class Prediction(Event, frozen=True, tag="prediction"):
    """The learner committed to a number before the first run of the lab `item`."""

    value: float


class LabRun(Event, frozen=True, tag="lab_run"):
    """A run of the lab `item`; with params, seed and changes it can be replayed exactly."""

    params: dict[str, Any]
    seed: int
    changes: tuple[tuple[int, str, Any], ...]
    steps: int
    scalars: dict[str, float]
    checks: dict[str, bool]
    done: bool


class QuizStart(Event, frozen=True, tag="quiz_start"):
    """A quiz was begun; `item` is its context, e.g. `checkpoint:linear-algebra`."""

    quiz: str
    questions: tuple[str, ...]
    seed: int


def kind(event: Event) -> str:
    """The event's name in the log, e.g. `answer`."""
    return str(event.__struct_config__.tag)
