"""A question with other numbers: draws its parameters from a seed and writes them into its texts."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from tutor.course import arrays
from tutor.course.expression import Unreadable, evaluate, parse
from tutor.course.model import Parameter, Question

PLACEHOLDER = re.compile(r"\{\{([^{}]+)\}\}")
_FORMAT = re.compile(r"\.\d[fg]")
_CALCULATED = frozenset(["numeric", "expression", "tracing"])
"""Types whose answers are formulas: what is put into them keeps all its digits."""


def variant(question: Question, seed: int) -> Question:
    """The question with the numbers that belong to a seed; itself when it has no variants.

    Seed 0 takes the first value of every parameter: these are the numbers of the file.
    """
    template = question.template or question
    if not template.variants:
        return question
    values = drawn(template, seed)
    data = msgspec.to_builtins(template)
    for key in ("variants", "template"):
        data.pop(key)
    filled = msgspec.convert(_filled(data, values), Question)
    return msgspec.structs.replace(filled, template=template)


def drawn(question: Question, seed: int) -> dict[str, float]:
    """The parameters of a question with variants; raises Unreadable for a formula that has no value."""
    rng = random.Random(f"{question.id}:variant:{seed}")
    values: dict[str, float] = {}
    for parameter in question.variants:
        if parameter.formula:
            values[parameter.name] = _value(parameter.formula, values)
            continue
        choices = _choices(parameter)
        values[parameter.name] = float(rng.choice(choices) if seed else choices[0])
    return values


def _choices(parameter: Parameter) -> tuple[float, ...]:
    if parameter.values:
        return parameter.values
    if parameter.step <= 0 or parameter.high < parameter.low:
        raise Unreadable(f"the parameter {parameter.name} needs values, or low, high and step, or a formula")
    count = int((parameter.high - parameter.low) / parameter.step + 1e-9) + 1
    return tuple(round(parameter.low + at * parameter.step, 12) for at in range(count))


def _value(formula: str, values: Mapping[str, float]) -> float:
    value = evaluate(parse(formula, list(values)), values)
    if value != value:
        raise Unreadable(f"“{formula}” has no value")
    return value


def _filled(data: Any, values: Mapping[str, float], key: str = "", calculated: bool = False) -> Any:
    """A question, or a part of it, with the numbers in its texts. `key` is where it stands."""
    if isinstance(data, dict):
        calculated = data.get("type", "expression" if calculated else "") in _CALCULATED
        filled = {name: _filled(part, values, name, calculated) for name, part in data.items()}
        # What the learner is shown as the answer is a number where it can be written as one.
        if "{{" in str(data.get("answer", "")) and calculated and data.get("type") != "expression":
            filled["answer"] = _simplest(filled["answer"])
        return filled
    if isinstance(data, list | tuple):
        return [_filled(part, values, key, calculated) for part in data]
    if isinstance(data, str) and "{{" in data:
        exact = key == "verify" or (calculated and key in {"answer", "alternatives"})
        return PLACEHOLDER.sub(partial(_written, values=values, exact=exact), data)
    return data


def _written(place: re.Match[str], values: Mapping[str, float], exact: bool) -> str:
    formula, _, digits = place[1].partition(":")
    value = _value(formula, values)
    if digits and not _FORMAT.fullmatch(digits):
        raise Unreadable(f"“{digits}” is no format such as .2f or .3g")
    if digits:
        return f"{value:{digits}}"
    if exact:
        text = str(int(value)) if value.is_integer() else repr(value)
        return f"({text})" if value < 0 else text
    return shortest(value)


def shortest(value: float) -> str:
    """A number as it is put into a sentence: whole, or in full when six digits hold it, or else to four digits."""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = f"{value:.6g}"
    return text if float(text) == value else f"{value:.4g}"


def _simplest(answer: str) -> str:
    """An answer as a number, a vector or a matrix of numbers, if that loses no digit."""
    try:
        value = arrays.read(answer)
    except Unreadable:
        return answer  # words, printed by code
    texts = [[f"{entry:.9g}" for entry in row] for row in value.rows]
    figures = [float(text) for row in texts for text in row]
    if any(abs(figure - entry) > 1e-13 * abs(entry) for figure, entry in zip(figures, value.entries, strict=True)):
        return answer
    return arrays.written(texts, value.shape)
