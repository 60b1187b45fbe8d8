"""What is wrong with a question taken by itself.

Answers that can be computed are recomputed from the question's `verify` expression, over `np`, `math` and `kernels`:
the value of a `numeric` answer (an array for a vector or a matrix); that of an `expression` over its symbols; for an
`order` without `needs` a dict with a value for the id of each line, which must ascend; for a `match` a dict with the
figure or the text of the right side for the id of each pair; for choices whether what the key says is so, for true or
false whether the statement is; in `tracing` the value that is asked for, in the code's own names. It is Python written
by the course's authors, as trusted as the rest of the package; what a learner types never comes here.

A question with variants is checked with the numbers of so many seeds.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import combinations, pairwise
from typing import Any

from tutor.course import arrays, markup
from tutor.course.expression import CONSTANTS, FUNCTIONS, Name, Unreadable, evaluate, number, parse, sample
from tutor.course.fading import MARKS, faded
from tutor.course.grade import Response, gap_question, grade, is_number, rights
from tutor.course.model import Gap, Question
from tutor.course.numeric import close, width
from tutor.course.ordering import first_wrong
from tutor.course.text import key
from tutor.course.trace import FENCE, traced
from tutor.course.variants import drawn, shortest, variant

HINTS = 3
RUBRIC = (3, 5)
SEEDS = 100
"""So many variants of a question are checked."""
LEAST_VARIANTS = 4
SIDES = 9

OWN_KEYS = {
    "choices": {"single_choice", "multiple_choice"},
    "answer": {"true_false", "numeric", "expression", "short_answer", "tracing", "self_graded"},
    "alternatives": {"numeric", "expression", "short_answer", "tracing"},
    "tolerance": {"numeric", "tracing", "match"},
    "wrong": {"true_false", "numeric", "expression", "short_answer", "tracing"},
    "symbols": {"expression"},
    "items": {"order"},
    "fades": {"order"},
    "pairs": {"match"},
    "distractors": {"match", "order"},
    "gaps": {"cloze"},
    "after": {"tracing"},
    "rubric": {"self_graded"},
}
"""Keys that only some types of question have."""
_FIGURE = re.compile(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?")
_UNSIGHTLY = re.compile(r"\d(?:\.\d+)?e[-+]\d+|[-+−] ?-\d|\bnan\b|\binf\b")
"""Figures that nobody would write so."""


class _Names(dict[str, Any]):
    """The names that a `verify` expression may use."""

    def __init__(self, **values: Any) -> None:
        import numpy as np

        super().__init__(np=np, math=math, kernels=_Kernels(), **values)


class _Kernels:
    def __getattr__(self, name: str) -> Any:
        return import_module(f"kernels.{name}")


def problems_of(question: Question) -> list[str]:
    """What is wrong with a question taken by itself."""
    template = question.template or question
    return variant_problems(template) if template.variants else _sound(question)


def variant_problems(question: Question) -> list[str]:
    """What is wrong with the first variant of a question that has a problem."""
    written = {figure for text in texts(question) for figure in _UNSIGHTLY.findall(text)}
    asked = set()
    for seed in range(SEEDS):
        try:
            one = variant(question, seed)
        except Unreadable as error:
            return [f"variant {seed}: {error}"]
        problems = _sound(one)
        problems += [
            f"writes {figure}; give the number a format, such as {{{{x:.2f}}}}"
            for text in texts(one)
            for figure in _UNSIGHTLY.findall(text)
            if figure not in written
        ]
        if problems:
            numbers = ", ".join(f"{name} = {shortest(value)}" for name, value in drawn(question, seed).items())
            return [f"variant {seed} ({numbers}): {problem}" for problem in problems]
        asked.add(one.prompt)
    if len(asked) < LEAST_VARIANTS:
        return [f"has only {len(asked)} different variants in {SEEDS}, at least {LEAST_VARIANTS} are needed"]
    return []


def _sound(question: Question) -> list[str]:
    problems = list(_form(question))
    try:
        for problem in _by_type(question):
            problems.append(problem)  # noqa: PERF402 - what is found before an exception counts
    except Exception as error:  # an author's expression may raise anything
        problems.append(f"cannot be checked: {type(error).__name__}: {' '.join(str(error).split())}")
    return problems


def _form(question: Question) -> Iterator[str]:
    if not 1 <= question.difficulty <= 10:
        yield "difficulty must be 1 to 10"
    if question.type != "self_graded" and len(question.hints) != HINTS:
        yield f"has {len(question.hints)} hints, {HINTS} are needed, from vague to concrete"
    if any(not hint.strip() for hint in question.hints):
        yield "has an empty hint"
    if not question.explanation.strip():
        yield "has no explanation"
    if re.search(r"(?<![*\w])not(?![*\w])", markup.prose(question.prompt)):
        yield "has a lower-case “not” in its prompt, which is read over; write **not** or turn the question round"
    if any(not wrong.feedback.strip() for wrong in question.wrong):
        yield "has a wrong answer without feedback"
    for name, types in OWN_KEYS.items():
        if getattr(question, name) and question.type not in types:
            yield f"is {question.type}: {name!r} has no meaning there"


def _by_type(question: Question) -> Iterator[str]:
    match question.type:
        case "single_choice" | "multiple_choice":
            yield from _choices(question)
            yield from _claim(question)
        case "true_false":
            yield from _true_false(question)
        case "numeric":
            yield from _numeric(question)
        case "expression":
            yield from _expression(question)
        case "short_answer":
            yield from _short_answer(question)
        case "tracing":
            yield from _tracing(question)
        case "match":
            yield from _match(question)
        case "cloze":
            yield from _cloze(question)
        case "order":
            yield from _order(question)
        case "self_graded":
            yield from _self_graded(question)


def _choices(question: Question) -> Iterator[str]:
    right = [at for at, choice in enumerate(question.choices) if choice.correct]
    if question.type == "single_choice" and len(right) != 1:
        yield f"has {len(right)} right choices, one is needed"
    if not right or len(right) == len(question.choices):
        yield "needs right and wrong choices"
    for choice in question.choices:
        if choice.correct and choice.feedback:
            yield f"the right choice {short(choice.text)} has feedback; why it is right belongs into the explanation"
        if not choice.correct and not choice.feedback.strip():
            yield f"the wrong choice {short(choice.text)} has no feedback"
        by_place = re.search(r"\b(all|none|both|neither) of the (above|below)", choice.text, re.IGNORECASE)
        if question.shuffle and not choice.fixed and by_place:
            yield f"the choice {short(choice.text)} names others by place, and choices are shuffled"
    for text in twice(choice.text.strip() for choice in question.choices):
        yield f"the choice {short(text)} stands twice"
    if grade(question, tuple(right)).outcome != "right":
        yield "the right choices are graded wrong"


def _true_false(question: Question) -> Iterator[str]:
    other = {"true": "false", "false": "true"}.get(question.answer)
    if other is None:
        yield f"the answer {question.answer!r} must be true or false"
    elif [wrong.answer for wrong in question.wrong] != [other]:
        yield f"needs one wrong answer, {other!r}, with feedback"
    elif question.verify and bool(_eval(question.verify)) != (question.answer == "true"):
        yield f"verify says that the statement is {other}: {question.verify}"


def _claim(question: Question) -> Iterator[str]:
    """A choice question's `verify` states as an expression that what is marked right is so."""
    if question.verify and not bool(_eval(question.verify)):
        yield f"verify is false: {question.verify}"


def _eval(expression: str, **values: Any) -> Any:
    import numpy as np

    # A dict subclass as globals: comprehensions and lambdas see the names as well.
    with np.errstate(all="ignore"):
        return eval(expression.strip(), _Names(**values))


def _unreadable(question: Question, read: Callable[[str], object]) -> Iterator[str]:
    for text in (question.answer, *question.alternatives, *(wrong.answer for wrong in question.wrong)):
        try:
            read(text)
        except Unreadable as error:
            yield f"the answer {text!r} cannot be read: {error}"


def _graded(question: Question) -> Iterator[str]:
    """The real grader takes every right answer and refuses every wrong one, for the reason given."""
    for text in (question.answer, *question.alternatives):
        outcome = grade(question, text).outcome
        if outcome != "right":
            yield f"the right answer {text!r} is graded {outcome}"
    for wrong in question.wrong:
        verdict = grade(question, wrong.answer)
        if verdict.outcome != "wrong":
            yield f"the wrong answer {wrong.answer!r} is graded {verdict.outcome}"
        elif verdict.feedback != wrong.feedback:
            yield f"the wrong answer {wrong.answer!r} gets the feedback of another one"


def _numeric(question: Question) -> Iterator[str]:
    unreadable = list(_unreadable(question, arrays.read))
    if unreadable:
        yield from unreadable
        return
    yield from _graded(question)
    yield from _tolerance(question)
    if not question.verify:
        yield "has no verify that recomputes the answer"
        return
    yield from _computed(question, _eval(question.verify), "verify gives")


def _tolerance(question: Question) -> Iterator[str]:
    entries = arrays.read(question.answer).entries
    if question.tolerance == 0 and any(entry != int(entry) for entry in entries):
        yield "the answer is no whole number and has no tolerance"
    if question.tolerance < 0:
        yield "the tolerance is negative"
    relative = question.tolerance_type == "relative"
    stated = f"±{100 * question.tolerance:g} %" if relative else f"±{question.tolerance:g}"
    if question.tolerance > 0 and stated not in question.prompt:
        yield f"the prompt does not state the tolerance, {stated}"


def _computed(question: Question, found: Any, said: str) -> Iterator[str]:
    """The key must be right to the last digit that is written, so half the tolerance is allowed at most."""
    import numpy as np

    answer = arrays.read(question.answer)
    values = np.asarray(found, dtype=float)
    shown = repr(values.item()) if values.size == 1 else str(values.tolist())
    if (values.size != 1) if not answer.shape else (values.shape != answer.shape):
        yield f"{said} {shown}, of another shape than the answer {question.answer}"
        return
    pairs = list(zip(values.ravel().tolist(), answer.entries, strict=True))
    if not all(math.isfinite(value) and close(question, value, entry) for value, entry in pairs):
        yield f"{said} {shown}, the answer is {question.answer}"
    elif question.tolerance and any(abs(x - y) > 0.5 * width(question, y) + 1e-12 for x, y in pairs):
        yield f"{said} {shown}: {question.answer} is too coarse for its tolerance"


def _expression(question: Question) -> Iterator[str]:
    names = [symbol.name for symbol in question.symbols]
    if not names:
        yield "names no symbols"
        return
    for symbol in question.symbols:
        if symbol.name in CONSTANTS or symbol.name in FUNCTIONS:
            yield f"the symbol {symbol.name!r} hides what {symbol.name} means everywhere else"
        try:
            readable = parse(symbol.name, names) == Name(symbol.name)
        except Unreadable:
            readable = False
        if not readable:
            yield f"the symbol {symbol.name!r} cannot be typed, or is another one's spelling"
    if any(not symbol.low < symbol.high for symbol in question.symbols):
        yield "a symbol's domain is empty"
        return
    unreadable = list(_unreadable(question, lambda text: parse(text, names)))
    if unreadable:
        yield from unreadable
        return
    yield from _graded(question)
    if not question.verify:
        yield "has no verify that recomputes the answer"
        return
    formula = parse(question.answer, names)
    points = sample(question.symbols, seed=1, points=20)
    truths = [float(_eval(question.verify, **point)) for point in points]
    # What verify computes from whole matrices is exact to rounding of their size.
    rounding = 1e-10 * max(map(abs, truths))
    for point, truth in zip(points, truths, strict=True):
        value = evaluate(formula, point)
        if not math.isclose(value, truth, rel_tol=1e-8, abs_tol=rounding):
            at = ", ".join(f"{name} = {x:.3g}" for name, x in point.items())
            yield f"at {at} verify gives {truth:.6g}, the answer {value:.6g}"
            return


def _order(question: Question) -> Iterator[str]:
    items = question.items
    ids = [item.id for item in items]
    strange = [line.id for line in question.distractors]
    if len(items) < 3:
        yield "has fewer than three lines to order"
    for name in twice(ids + strange):
        yield f"uses the item id {name!r} twice"
    for text in twice([item.text.strip() for item in items] + [line.text.strip() for line in question.distractors]):
        yield f"has two lines {short(text)}"
    unknown = [(item.id, need) for item in items for need in item.needs if need not in ids]
    for name, need in unknown:
        yield f"the line {name!r} needs {need!r}, which is no line"
    if unknown or len(set(ids)) != len(ids):
        return
    if first_wrong(items, tuple(ids)) is not None:
        yield "the order as written is not a right one"
    given = [item.given for item in items]
    if given != sorted(given, reverse=True):
        yield "the given lines are not the first ones"
    if question.fades:
        yield from _fades(question)
    if any(item.needs for item in items):
        if question.distractors:
            yield from _distractors(question)
        return
    if question.distractors:
        yield "has distractors, but its lines do not say what they need"
    if not question.verify:
        yield "has neither needs nor a verify with a value for each line"
        return
    # By id: a plain list would say nothing about which line stands where.
    found = _eval(question.verify)
    if not isinstance(found, dict) or set(found) != set(ids):
        yield "verify must give a dict with a value for the id of each line"
        return
    values = {name: float(found[name]) for name in ids}
    if not all(a < b for a, b in pairwise(values.values())):
        yield f"verify gives {values}, which does not ascend"


def _self_graded(question: Question) -> Iterator[str]:
    if not RUBRIC[0] <= len(question.rubric) <= RUBRIC[1]:
        yield f"has {len(question.rubric)} rubric points, {RUBRIC[0]} to {RUBRIC[1]} are needed"
    if not question.answer.strip():
        yield "has no model answer"
    full: Response = tuple(True for _ in question.rubric)
    if question.rubric and grade(question, full).outcome != "right":
        yield "an answer with all points is graded wrong"


def _short_answer(question: Question) -> Iterator[str]:
    for text in (question.answer, *question.alternatives, *(wrong.answer for wrong in question.wrong)):
        if not key(text):
            yield f"the answer {text!r} has no letters"
    if is_number(question.answer):
        yield f"the answer {question.answer!r} is a number: this is a numeric question"
    yield from _graded(question)
    yield from _some_wrong(question)
    if question.verify and grade(question, str(_eval(question.verify))).outcome != "right":
        yield f"verify gives {_eval(question.verify)!r}, which is graded wrong"


def _some_wrong(question: Question) -> Iterator[str]:
    """Without a wrong answer beside it, nobody would notice a right one that is not."""
    if not question.wrong:
        yield "declares no wrong answer"


def _tracing(question: Question) -> Iterator[str]:
    blocks = FENCE.findall(question.prompt)
    if len(blocks) != 1:
        yield f"has {len(blocks)} blocks ```python in its prompt, one is needed"
        return
    if question.after is not None and not question.verify:
        yield "names a moment, but no verify that says what is asked there"
        return
    yield from _graded(question)
    yield from _some_wrong(question)
    found = traced(blocks[0], question.verify.strip(), question.after)
    if not is_number(question.answer):
        if grade(question, str(found)).outcome != "right":
            yield f"the code gives {found!r}, the answer is {question.answer!r}"
        return
    yield from _tolerance(question)
    if isinstance(found, str):
        if re.search(r"\w", _FIGURE.sub("", found)):
            yield f"the code prints {found!r}, the answer is {question.answer!r}"
            return
        found = [float(figure) for figure in _FIGURE.findall(found)]
        found = found[0] if len(found) == 1 else found
    yield from _computed(question, found, "the code gives")


def _match(question: Question) -> Iterator[str]:
    pairs, sides = question.pairs, rights(question)
    if len(pairs) < 3:
        yield "has fewer than three pairs"
    if len({pair.right for pair in pairs}) < 2:
        yield "has only one right side"
    if len(sides) > SIDES:
        yield f"has {len(sides)} right sides, and a single digit chooses one: at most {SIDES}"
    for name in twice([pair.id for pair in pairs] + [line.id for line in question.distractors]):
        yield f"uses the id {name!r} twice"
    for text in twice(pair.left for pair in pairs):
        yield f"has two lines {short(text)}"
    for text in twice([line.text for line in question.distractors] + list({pair.right for pair in pairs})):
        yield f"has two right sides {short(text)}"
    said = {pair.right for pair in pairs if pair.feedback.strip()}
    said |= {line.text for line in question.distractors if line.feedback.strip()}
    for pair in pairs:
        declared = {wrong.answer for wrong in pair.wrong if wrong.feedback.strip()}
        if pair.right in declared:
            yield f"{pair.id}: its own right side {short(pair.right)} is declared wrong"
        for text in sorted(declared - set(sides)):
            yield f"{pair.id}: {short(text)} is no right side"
        for side in sides:
            if side not in declared | said | {pair.right}:
                yield f"{pair.id}: nothing explains why {short(side)} is wrong there"
    if grade(question, tuple(sides.index(pair.right) for pair in pairs)).outcome != "right":
        yield "the right pairs are graded wrong"
    if question.verify:
        yield from _paired(question)
        return
    for one, other in combinations(pairs, 2):
        crossed = {wrong.answer for wrong in one.wrong} & {other.right}
        crossed |= {wrong.answer for wrong in other.wrong} & {one.right}
        if one.right != other.right and not crossed:
            yield f"nobody would notice {one.id!r} and {other.id!r} exchanged: give one of them a wrong, or a verify"


def _paired(question: Question) -> Iterator[str]:
    found = _eval(question.verify)
    ids = {pair.id for pair in question.pairs}
    if not isinstance(found, dict) or set(found) != ids:
        yield "verify must give a dict with a value for the id of each pair"
        return
    for pair in question.pairs:
        value = found[pair.id]
        for side in rights(question):
            fits = side == value if isinstance(value, str) else close(question, float(value), number(side.strip("$ ")))
            if fits != (side == pair.right):
                yield f"{pair.id}: verify gives {value!r}; {short(side)} {'fits it' if fits else 'does not'}"


def _gap(question: Question, gap: Gap) -> Iterator[str]:
    asked = gap_question(question, gap)
    for problem in _by_type(asked):
        yield f"{gap.name}: {problem}"
    for wrong in gap.wrong:
        if not wrong.feedback.strip():
            yield f"{gap.name}: has a wrong answer without feedback"
    for name in ("choices", "answer", "alternatives", "tolerance", "wrong", "symbols"):
        if getattr(gap, name) and gap.type not in OWN_KEYS[name]:
            yield f"{gap.name}: is {gap.type}: {name!r} has no meaning there"


def _cloze(question: Question) -> Iterator[str]:
    if not question.gaps:
        yield "has no gaps"
    if [gap.name for gap in question.gaps] != list(MARKS[: len(question.gaps)]):
        yield f"its gaps must be named {', '.join(MARKS[: max(len(question.gaps), 1)])}, in this order"
    for mark in MARKS:
        found, wanted = question.prompt.count(mark), sum(gap.name == mark for gap in question.gaps)
        if found != wanted:
            yield f"the prompt has {mark} {found} times, there is {'one' if wanted else 'no'} such gap"
    for gap in question.gaps:
        yield from _gap(question, gap)
    response = tuple(_right_text(gap) for gap in question.gaps)
    if question.gaps and grade(question, response).outcome != "right":
        yield "the right answers are graded wrong"


def _right_text(gap: Gap) -> str:
    """What fills a gap, as the grader takes it."""
    right = (str(at) for at, choice in enumerate(gap.choices) if choice.correct)
    return next(right, "") if gap.type == "single_choice" else gap.answer


def _fades(question: Question) -> Iterator[str]:
    lines = {item.id: item for item in question.items}
    if not any(item.needs for item in question.items):
        yield "has fades, but its lines do not say what they need"
        return
    for name in twice(fade.name for fade in question.fades):
        yield f"has two fades of the line {name!r}"
    for fade, mark in zip(question.fades, MARKS, strict=False):
        if fade.name not in lines:
            yield f"a fade is for the line {fade.name!r}, which is none"
        if [sign for sign in fade.text if sign in MARKS] != [mark]:
            yield f"the fade of {fade.name!r} must have the gap {mark} in its text, once"
        yield from _gap(question, fade)
    for level in range(1, len(question.fades) + 1):
        asked = faded(question, level)
        response = (*(item.id for item in asked.items), *map(_right_text, asked.gaps))
        if grade(asked, response).outcome != "right":
            yield f"faded {level} times the right answer is graded wrong"


def _distractors(question: Question) -> Iterator[str]:
    needed = {need for item in question.items for need in item.needs}
    for item in question.items:
        if not item.needs and item.id not in needed:
            yield f"the line {item.id!r} neither needs another nor is needed: does it belong there?"
    for line in question.distractors:
        if not line.feedback.strip():
            yield f"the distractor {line.id!r} has no feedback"


def texts(question: Question) -> Iterator[str]:
    """All texts of a question that are drawn with formulas."""
    yield question.prompt
    yield question.explanation
    yield from question.hints
    yield from (choice.text for choice in question.choices)
    yield from (choice.feedback for choice in question.choices)
    yield from (wrong.feedback for wrong in question.wrong)
    yield from (item.text for item in question.items)
    for pair in question.pairs:
        yield from (pair.left, pair.right, pair.feedback, *(wrong.feedback for wrong in pair.wrong))
    for line in question.distractors:
        yield from (line.text, line.feedback)
    yield from (fade.text for fade in question.fades)
    for gap in (*question.gaps, *question.fades):
        yield from (choice.text for choice in gap.choices)
        yield from (choice.feedback for choice in gap.choices)
        yield from (wrong.feedback for wrong in gap.wrong)
    yield from question.rubric
    if question.type == "self_graded":
        yield question.answer


def twice(names: Iterable[str]) -> list[str]:
    """The names that stand there more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def short(text: str) -> str:
    """The beginning of a text, in quotes."""
    flat = " ".join(text.split())
    return f"“{flat}”" if len(flat) <= 50 else f"“{flat[:49]}…”"
