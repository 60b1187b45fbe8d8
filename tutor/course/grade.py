"""Grades a response to a question: a pure function of the two."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal

from tutor.course.expression import Node, Unreadable, equivalent, evaluate, number, parse, sample, undefined
from tutor.course.model import Item, Question, Symbol

Response = str | tuple[int, ...] | tuple[str, ...] | tuple[bool, ...]
"""Typed text or `true`/`false`; indices of marked choices; ids of the items in order; a tick for each rubric point."""

PASS = 2 / 3
"""Share of the rubric at which a self-graded answer counts as right."""


@dataclass(frozen=True)
class Verdict:
    """What came of a response. `unreadable` is never an attempt."""

    outcome: Literal["right", "wrong", "unreadable"]
    score: float = 0.0
    message: str = ""
    feedback: str = ""
    first_wrong: int | None = None
    """Position of the first line that cannot stand where it stands (`order`)."""


def grade(question: Question, response: Response) -> Verdict:
    """Grade a response; `unreadable` when it cannot be read as an answer to this question."""
    match question.type:
        case "single_choice" | "multiple_choice":
            return _choices(question, frozenset(response))
        case "true_false":
            return _true_false(question, str(response))
        case "numeric":
            return _numeric(question, str(response))
        case "expression":
            return _expression(question, str(response))
        case "order":
            return _order(question, tuple(str(item) for item in response))
        case "self_graded":
            return _self_graded(question, tuple(bool(tick) for tick in response))


def _choices(question: Question, marked: frozenset[object]) -> Verdict:
    one = question.type == "single_choice"
    if not marked or not marked <= set(range(len(question.choices))) or (one and len(marked) > 1):
        return Verdict("unreadable", message=f"Mark {'one option' if one else 'at least one option'}.")
    right = frozenset(at for at, choice in enumerate(question.choices) if choice.correct)
    if marked == right:
        return Verdict("right", 1.0)
    feedback = " ".join(choice.feedback for at, choice in enumerate(question.choices) if at in marked - right)
    if one:
        return Verdict("wrong", feedback=feedback)
    missed, wrong = len(right - marked), len(marked - right)
    # The share of right options found less the share of wrong ones marked: to mark all of them is worth nothing.
    score = max(0.0, len(marked & right) / len(right) - wrong / (len(question.choices) - len(right)))
    parts = []
    if wrong:
        parts.append(f"{wrong} marked that {'does' if wrong == 1 else 'do'} not belong")
    if missed:
        parts.append(f"{missed} missing")
    return Verdict("wrong", score, message=", ".join(parts) + ".", feedback=feedback)


def _true_false(question: Question, response: str) -> Verdict:
    if response not in {"true", "false"}:
        return Verdict("unreadable", message="Expected true or false.")
    if response == question.answer:
        return Verdict("right", 1.0)
    feedback = next((wrong.feedback for wrong in question.wrong if wrong.answer == response), "")
    return Verdict("wrong", feedback=feedback)


def width(question: Question, answer: float) -> float:
    """How far from an answer a value may lie."""
    return question.tolerance * (abs(answer) if question.tolerance_type == "relative" else 1.0)


def close(question: Question, value: float, answer: float) -> bool:
    """Whether a value lies within the question's tolerance of an answer."""
    bound = width(question, answer)
    # Rounding is relative to what is compared; only beside a bare 0 is there nothing to compare it with.
    return abs(value - answer) <= bound + 1e-9 * (max(abs(answer), bound) or 1.0)


def _numeric(question: Question, response: str) -> Verdict:
    try:
        value = number(response)
    except Unreadable as error:
        return Verdict("unreadable", message=f"{error}. Expected a number such as 0.25, 1/3, 2e-3 or sqrt(2).")
    if any(close(question, value, number(answer)) for answer in (question.answer, *question.alternatives)):
        return Verdict("right", 1.0)
    for wrong in question.wrong:
        if close(question, value, number(wrong.answer)):
            return Verdict("wrong", feedback=wrong.feedback)
    return Verdict("wrong", feedback=_slip(question, value))


def _slip(question: Question, value: float) -> str:
    """Name the slip that explains the value whatever the question; empty when none does, or more than one."""
    answer = number(question.answer)
    if answer == 0 or value == 0:
        return ""
    slips = []
    if close(question, -value, answer):
        slips.append("The size is right; check the sign.")
    if close(question, value / 100, answer) or close(question, value * 100, answer):
        slips.append("It is off by a factor of 100: a share and a percentage are mixed up (50 % can be typed as 50%).")
    if close(question, 1 / value, answer):
        slips.append("That is one over the right answer: check what is divided by what.")
    return slips[0] if len(slips) == 1 else ""


def _expression(question: Question, response: str) -> Verdict:
    names = [symbol.name for symbol in question.symbols]
    try:
        formula = parse(response, names)
    except Unreadable as error:
        return Verdict("unreadable", message=f"{error}. Expected a formula in {', '.join(names)}.")
    nowhere = undefined(formula, question.symbols)
    if nowhere:
        return Verdict("unreadable", message=f"This formula has no value: {nowhere}.")
    for answer in (question.answer, *question.alternatives):
        if equivalent(formula, parse(answer, names), question.symbols):
            return Verdict("right", 1.0)
    for wrong in question.wrong:
        if equivalent(formula, parse(wrong.answer, names), question.symbols):
            return Verdict("wrong", feedback=wrong.feedback)
    return Verdict("wrong", feedback=_example(question, formula, parse(question.answer, names)))


def _example(question: Question, formula: Node, answer: Node) -> str:
    """A point at which the formula is plainly not the right one; empty when no sampled point shows it."""
    for point in sample(question.symbols):
        short = {symbol.name: _short(point[symbol.name], symbol) for symbol in question.symbols}
        value, truth = evaluate(formula, short), evaluate(answer, short)
        if math.isnan(truth) or math.isclose(value, truth, rel_tol=1e-3):
            continue
        at = ", ".join(f"{name} = {x:.6g}" for name, x in short.items())
        given = "has no value" if math.isnan(value) else f"gives {value:.4g}"
        return f"For {at} your formula {given}; it should give {truth:.4g}."
    return ""


def _short(value: float, symbol: Symbol) -> float:
    """A value with few digits, which is easier to check by hand, if the domain is wide enough for that."""
    rounded = (float(f"{value:.{digits}g}") for digits in (2, 4, 6))
    return next((short for short in rounded if symbol.low <= short <= symbol.high), value)


def _order(question: Question, order: tuple[str, ...]) -> Verdict:
    items = {item.id: item for item in question.items}
    if sorted(order) != sorted(items):
        return Verdict("unreadable", message="Some lines are missing or stand twice.")
    at = first_wrong(question.items, order)
    if at is None:
        return Verdict("right", 1.0)
    if not any(item.needs for item in question.items):
        return Verdict("wrong", at / len(order), feedback=f"Line {at + 1} is the first out of place.", first_wrong=at)
    above = set(order[:at])
    missing = next(items[need].text for need in items[order[at]].needs if need not in above)
    feedback = f"Line {at + 1} stands too early: it needs “{missing}” above it."
    return Verdict("wrong", at / len(order), feedback=feedback, first_wrong=at)


def first_wrong(items: tuple[Item, ...], order: tuple[str, ...]) -> int | None:
    """Position of the first line that may not stand where it stands; None when the order is right.

    With `needs` any order that respects them is right; without any, only the order as written is.
    """
    needs = {item.id: frozenset(item.needs) for item in items}
    if not any(needs.values()):
        written = tuple(item.id for item in items)
        return next((at for at, item in enumerate(order) if item != written[at]), None)
    above: set[str] = set()
    for at, item in enumerate(order):
        if not needs[item] <= above:
            return at
        above.add(item)
    return None


def _self_graded(question: Question, ticks: tuple[bool, ...]) -> Verdict:
    if len(ticks) != len(question.rubric):
        return Verdict("unreadable", message="Grade your answer against every point first.")
    score = sum(ticks) / len(ticks)
    message = f"{sum(ticks)} of {len(ticks)} points."
    if score >= PASS - 1e-9:
        return Verdict("right", score, message)
    missing = [point for point, tick in zip(question.rubric, ticks, strict=True) if not tick]
    return Verdict("wrong", score, message, feedback="Missing: " + " · ".join(missing))


def present(question: Question, seed: int) -> tuple[int, ...] | tuple[str, ...]:
    """The order in which choices or items are shown: shuffled by the seed, `fixed` choices at their place.

    An `order` question is never shown in a right order.
    """
    rng = random.Random(f"{question.id}:{seed}")
    if question.type == "order":
        shown = [item.id for item in question.items]
        while len(shown) > 1 and first_wrong(question.items, tuple(shown)) is None:
            rng.shuffle(shown)
        return tuple(shown)
    places = list(range(len(question.choices)))
    if question.shuffle:
        free = [at for at in places if not question.choices[at].fixed]
        mixed = free[:]
        rng.shuffle(mixed)
        for at, to in zip(free, mixed, strict=True):
            places[at] = to
    return tuple(places)
