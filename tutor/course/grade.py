"""Grades a response to a question: a pure function of the two."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from tutor.course import arrays
from tutor.course.expression import Node, Unreadable, equivalent, evaluate, parse, sample, undefined
from tutor.course.model import Gap, Question, Symbol
from tutor.course.numeric import grade_numeric
from tutor.course.ordering import first_wrong, grade_order
from tutor.course.text import grade_text
from tutor.course.verdict import Response as Response
from tutor.course.verdict import Verdict as Verdict

PASS = 2 / 3
"""Share of the rubric at which a self-graded answer counts as right."""


def grade(question: Question, response: Response) -> Verdict:
    """Grade a response; `unreadable` when it cannot be read as an answer to this question."""
    match question.type:
        case "single_choice" | "multiple_choice":
            return _choices(question, frozenset(response))
        case "true_false":
            return _true_false(question, str(response))
        case "numeric":
            return grade_numeric(question, str(response))
        case "expression":
            return _expression(question, str(response))
        case "short_answer":
            return grade_text(question, str(response))
        case "tracing":
            return _tracing(question, str(response))
        case "match":
            return _match(question, tuple(response))
        case "cloze":
            return _gaps(question, tuple(str(text) for text in response))
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


def _expression(question: Question, response: str) -> Verdict:
    names = [symbol.name for symbol in question.symbols]
    try:
        formula = parse(response, names)
    except Unreadable as error:
        return Verdict("unreadable", message=error.expecting(f"a formula in {', '.join(names)}"))
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


def is_number(text: str) -> bool:
    """Whether an answer of code is a number or an array; else it is text as it is printed."""
    try:
        arrays.read(text)
    except Unreadable:
        return False
    return True


def _tracing(question: Question, response: str) -> Verdict:
    if is_number(question.answer):
        return grade_numeric(question, response)
    given = _printed(response)
    if not given:
        return Verdict("unreadable", message="Expected what the code prints.")
    if given in {_printed(answer) for answer in (question.answer, *question.alternatives)}:
        return Verdict("right", 1.0)
    return Verdict("wrong", feedback=next((w.feedback for w in question.wrong if _printed(w.answer) == given), ""))


def _printed(text: str) -> str:
    """Output without what is not seen: blanks, ends of lines, quotes, case."""
    return " ".join(text.casefold().replace("'", "").replace('"', "").replace(",", " ").split())


def rights(question: Question) -> tuple[str, ...]:
    """The right sides of a `match` from which the learner chooses; a response gives their indices."""
    return tuple(dict.fromkeys([pair.right for pair in question.pairs] + [line.text for line in question.distractors]))


def _match(question: Question, chosen: tuple[object, ...]) -> Verdict:
    sides = rights(question)
    if len(chosen) != len(question.pairs) or not all(at in range(len(sides)) for at in chosen):
        return Verdict("unreadable", message="Give every line its partner first.")
    said = {pair.right: pair.feedback for pair in reversed(question.pairs)}
    said |= {line.text: line.feedback for line in question.distractors}
    parts = []
    for pair, at in zip(question.pairs, chosen, strict=True):
        side = sides[int(str(at))]
        if side == pair.right:
            parts.append(Verdict("right", 1.0))
            continue
        own = next((wrong.feedback for wrong in pair.wrong if wrong.answer == side), "")
        parts.append(Verdict("wrong", feedback=own or said[side]))
    return _together(parts, "pairs")


def _together(parts: Sequence[Verdict], name: str) -> Verdict:
    good = sum(part.outcome == "right" for part in parts)
    if good == len(parts):
        return Verdict("right", 1.0, parts=tuple(parts))
    return Verdict("wrong", good / len(parts), f"{good} of {len(parts)} {name} right.", parts=tuple(parts))


def gap_question(question: Question, gap: Gap) -> Question:
    """A gap as a question of its own."""
    return Question(
        id=f"{question.id}:{gap.name}",
        type=gap.type,
        prompt=question.prompt,
        objectives=question.objectives,
        difficulty=question.difficulty,
        explanation=question.explanation,
        lesson=question.lesson,
        hints=question.hints,
        choices=gap.choices,
        answer=gap.answer,
        alternatives=gap.alternatives,
        tolerance=gap.tolerance,
        tolerance_type=gap.tolerance_type,
        wrong=gap.wrong,
        symbols=gap.symbols,
        verify=gap.verify,
    )


def _gaps(question: Question, texts: tuple[str, ...]) -> Verdict:
    """Grade what fills the gaps; one that cannot be read, or is empty, spends no try."""
    if len(texts) != len(question.gaps):
        return Verdict("unreadable", message="Fill in every gap first.")
    parts: list[Verdict] = []
    for gap, text in zip(question.gaps, texts, strict=True):
        if not text.strip():
            message = f"The gap {gap.name} is empty."
            return Verdict("unreadable", message=message, parts=(*parts, Verdict("unreadable")))
        asked = gap_question(question, gap)
        if gap.type == "single_choice":
            part = grade(asked, (int(text),) if text.isdecimal() else ())
        else:
            part = grade(asked, text)
        if part.outcome == "unreadable":
            return Verdict("unreadable", message=f"{gap.name}: {part.message}", parts=(*parts, part))
        parts.append(part)
    return _together(parts, "gaps")


def _order(question: Question, response: tuple[str, ...]) -> Verdict:
    """The lines first; then, when they are in order, their gaps."""
    if not question.gaps:
        return grade_order(question, response)
    count = len(response) - len(question.gaps)
    filled = _gaps(question, response[max(count, 0) :])
    order = grade_order(question, response[: max(count, 0)])
    if "unreadable" in {order.outcome, filled.outcome}:
        return order if order.outcome == "unreadable" else filled
    if order.outcome == "wrong":
        score = (order.score + filled.score) / 2
        return Verdict("wrong", score, filled.message, order.feedback, order.first_wrong, filled.parts)
    if filled.outcome == "wrong":
        message = f"The order is right. {filled.message}"
        return Verdict("wrong", (1 + filled.score) / 2, message, parts=filled.parts)
    return Verdict("right", 1.0, parts=filled.parts)


def passing(points: int) -> int:
    """How many points of a rubric make a self-graded answer right."""
    return math.ceil(PASS * points - 1e-9)


def _self_graded(question: Question, ticks: tuple[bool, ...]) -> Verdict:
    if len(ticks) != len(question.rubric):
        return Verdict("unreadable", message="Grade your answer against every point first.")
    score = sum(ticks) / len(ticks)
    message = f"{sum(ticks)} of {len(ticks)} points."
    if sum(ticks) >= passing(len(ticks)):
        return Verdict("right", score, message)
    missing = [point for point, tick in zip(question.rubric, ticks, strict=True) if not tick]
    return Verdict("wrong", score, message, feedback="Missing: " + " · ".join(missing))


def present(question: Question, seed: int) -> tuple[int, ...] | tuple[str, ...]:
    """The order in which choices, lines or the right sides of pairs are shown: shuffled by the seed.

    `fixed` choices and given lines stay at their place. An `order` question is never shown in a right order.
    """
    rng = random.Random(f"{question.id}:{seed}")
    if question.type == "order":
        given = [item.id for item in question.items if item.given]
        loose = [item.id for item in question.items if not item.given]
        shown = loose + [line.id for line in question.distractors]
        while len(loose) > 1 and first_wrong(question.items, (*given, *(i for i in shown if i in loose))) is None:
            rng.shuffle(shown)
        return (*given, *shown)
    if question.type == "match":
        return tuple(rng.sample(range(len(rights(question))), len(rights(question))))
    places = list(range(len(question.choices)))
    if question.shuffle:
        free = [at for at in places if not question.choices[at].fixed]
        mixed = free[:]
        rng.shuffle(mixed)
        for at, to in zip(free, mixed, strict=True):
            places[at] = to
    return tuple(places)
