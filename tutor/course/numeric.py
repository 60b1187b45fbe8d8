"""Grades numbers, vectors and matrices."""

from __future__ import annotations

from tutor.course import arrays
from tutor.course.arrays import Array
from tutor.course.expression import Unreadable, number
from tutor.course.model import Question
from tutor.course.verdict import Verdict


def width(question: Question, answer: float) -> float:
    """How far from an answer a value may lie."""
    return question.tolerance * (abs(answer) if question.tolerance_type == "relative" else 1.0)


def close(question: Question, value: float, answer: float) -> bool:
    """Whether a value lies within the question's tolerance of an answer."""
    bound = width(question, answer)
    # Rounding is relative to what is compared; only beside a bare 0 is there nothing to compare it with.
    return abs(value - answer) <= bound + 1e-9 * (max(abs(answer), bound) or 1.0)


def grade_numeric(question: Question, response: str) -> Verdict:
    """Grade a number, or an array of the shape of the answer; one of another shape is no attempt."""
    shape = arrays.read(question.answer).shape
    if shape:
        return _array(question, response, shape)
    try:
        value = number(response)
    except Unreadable as error:
        return Verdict("unreadable", message=error.expecting(arrays.described(())))
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


def _array(question: Question, response: str, shape: arrays.Shape) -> Verdict:
    try:
        given = arrays.read(response)
    except Unreadable as error:
        return Verdict("unreadable", message=error.expecting(arrays.described(shape)))
    value = arrays.fit(given, shape)
    if value is None:
        return Verdict("unreadable", message=f"This is {_counted(given.shape)}. Expected {arrays.described(shape)}.")
    if any(not _off(question, value, _fitted(text, shape)) for text in (question.answer, *question.alternatives)):
        return Verdict("right", 1.0)
    answer = _fitted(question.answer, shape)
    off = _off(question, value, answer)
    total = len(value.entries)
    score = 1 - len(off) / total
    for wrong in question.wrong:
        if not _off(question, value, _fitted(wrong.answer, shape)):
            return Verdict("wrong", score, feedback=wrong.feedback)
    transposed = Array(tuple(zip(*value.rows, strict=True)), shape)
    if len(shape) == 2 and shape[0] == shape[1] > 1 and not _off(question, transposed, answer):
        return Verdict("wrong", score, feedback="Rows and columns are exchanged: that is the transpose.")
    if not _off(question, Array(tuple(tuple(-x for x in row) for row in value.rows), shape), answer):
        return Verdict("wrong", score, feedback="The sizes are right; check the sign.")
    row, column = divmod(off[0], len(value.rows[0]))
    first = f"row {row + 1}, column {column + 1}" if len(shape) == 2 else f"number {column + 1}"
    found = f"{total - len(off)} of {total} numbers are right; the first to look at again is {first}."
    return Verdict("wrong", score, feedback=found if len(off) < total else "")


def _fitted(text: str, shape: arrays.Shape) -> Array:
    """An answer of the question in the shape of its first one."""
    value = arrays.fit(arrays.read(text), shape)
    if value is None:
        raise Unreadable(f"“{text}” has another shape than the answer")
    return value


def _off(question: Question, value: Array, answer: Array) -> list[int]:
    """The places at which a value is not close to an answer."""
    pairs = zip(value.entries, answer.entries, strict=True)
    return [at for at, (x, y) in enumerate(pairs) if not close(question, x, y)]


def _counted(shape: arrays.Shape) -> str:
    match shape:
        case ():
            return "one number"
        case (length,):
            return f"a list of {length} numbers"
        case _:
            return f"a matrix of {shape[0]} × {shape[1]} numbers"
