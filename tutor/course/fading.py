"""A derivation asked again: more of it is given, and what is left out has to be written, no longer only recognised."""

from __future__ import annotations

import math

import msgspec

from tutor.course.model import Fade, Gap, Item, Question
from tutor.course.variants import variant

LOOSE = 3
"""At least so many lines remain to be put in order."""
MARKS = "①②③④⑤⑥⑦⑧⑨"
"""How gaps are marked in a text."""


def instance(question: Question, number: int) -> Question:
    """The question as it is asked for the `number`-th time: the variant of that seed, or so far faded."""
    return faded(question, number) if question.fades else variant(question, number)


def faded(question: Question, level: int) -> Question:
    """An order after it was right `level` times: lines are given, and the first `level` fades have to be filled in.

    Level 0, and a question without fades, is the question itself; at most all fades are used.
    """
    level = min(level, len(question.fades))
    if level <= 0:
        return question
    places = [item.id for item in question.items]
    fades = sorted(question.fades[:level], key=lambda fade: places.index(fade.name))
    # Gaps are filled first to last as they are written, and numbered as they are read.
    old = "".join(MARKS[question.fades.index(fade)] for fade in fades)
    marks = str.maketrans(old, MARKS[: len(old)])
    texts = {fade.name: fade.text.translate(marks) for fade in fades}
    given = _given(question.items, level)
    items = tuple(
        msgspec.structs.replace(item, text=texts.get(item.id, item.text), given=at < given)
        for at, item in enumerate(question.items)
    )
    gaps = tuple(_gap(fade, mark) for fade, mark in zip(fades, MARKS, strict=False))
    return msgspec.structs.replace(question, items=items, gaps=gaps, distractors=(), fades=())


def _given(items: tuple[Item, ...], level: int) -> int:
    """How many lines stand there already: half of them, then half of the rest."""
    given = max(0, len(items) - max(LOOSE, math.ceil(len(items) / (1 << level))))
    # Of those that are loose one must need another, or every order of them would be right.
    while given > 0 and not _constrained(items[given:]):
        given -= 1
    return given


def _constrained(items: tuple[Item, ...]) -> bool:
    names = {item.id for item in items}
    return any(need in names for item in items for need in item.needs)


def _gap(fade: Fade, mark: str) -> Gap:
    fields = {name: getattr(fade, name) for name in Gap.__struct_fields__}
    return Gap(**(fields | {"name": mark}))
