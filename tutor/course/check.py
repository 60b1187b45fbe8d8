"""The author's linter: everything in `content/` that can be checked by machine, all problems at once.

Answers that can be computed are recomputed from the question's `verify` expression, over numpy and our kernels. It is
Python written by the course's authors, as trusted as the rest of the package; what a learner types never comes here.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from tutor.course import markup
from tutor.course.expression import Unreadable, evaluate, number, parse, sample
from tutor.course.grade import Response, close, first_wrong, grade
from tutor.course.load import (
    ContentError,
    Problem,
    chapter_dir,
    load_chapter,
    load_course,
    load_lesson,
    load_questions,
    question_lines,
    read_text,
)
from tutor.course.model import Chapter, Course, Lesson, Question

Runner = Callable[[str], tuple[bool, str]]
"""Runs a code block; returns whether it ended well, and its output or the error."""

PAGE_LINES = 62
CODE_WIDTH = 78
FORMULA_WIDTH = 76
HINTS = 3
RUBRIC = (3, 5)

_FENCE = re.compile(r"^(```+)([^\n]*)\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\((lab|lesson|checkpoint|practice):([^)#]+)(?:#([^)]*))?\)")


class _Names(dict[str, Any]):
    """The names that a `verify` expression may use."""

    def __init__(self, **values: Any) -> None:
        import numpy as np

        super().__init__(np=np, math=math, kernels=_Kernels(), **values)


class _Kernels:
    def __getattr__(self, name: str) -> Any:
        return import_module(f"kernels.{name}")


class _Checker:
    def __init__(self, content: Path, labs: Collection[str], run: Runner | None) -> None:
        self.content = content
        self.labs = labs
        self.run = run
        self.problems: list[Problem] = []
        self.lessons: dict[str, Lesson] = {}
        self.chapters: dict[str, Chapter] = {}
        self.seen: dict[str, str] = {}

    @cached_property
    def course(self) -> Course | None:
        try:
            return load_course(self.content)
        except ContentError as error:
            self.problems += error.problems
            return None

    def everything(self) -> list[Problem]:
        course = self.course
        if course is None:
            return self.problems
        self.whole(course)
        banks: dict[str, dict[str, Question]] = {}
        for stub in course.chapters:
            if chapter_dir(self.content, stub.id) is not None:
                self.read(stub.id, banks)
        for chapter_id, chapter in self.chapters.items():
            self.chapter(chapter, banks.get(chapter_id, {}))
        for lesson in self.lessons.values():
            self.lesson(lesson, banks)
        for chapter_id, bank in banks.items():
            self.bank(chapter_id, bank)
        return sorted(set(self.problems))

    def whole(self, course: Course) -> None:
        path = self.content / "course.toml"
        ids = [stub.id for stub in course.chapters]
        for chapter_id, count in Counter(ids).items():
            if count > 1:
                self.say(path, 1, f"the chapter id {chapter_id!r} is used twice")
        at = 1
        for week in course.weeks:
            if week.chapter not in ids:
                self.say(path, 1, f"week {week.first} is for the chapter {week.chapter!r}, which is not listed")
            if week.first != at or week.last < week.first or week.hours[0] > week.hours[1]:
                self.say(path, 1, f"week {week.first}: weeks must follow each other, hours go from least to most")
            at = week.last + 1
        for folder in sorted(self.content.glob("[0-9][0-9]-*")):
            if folder.name[3:] not in ids:
                self.say(folder, 1, "belongs to no chapter of course.toml")

    def read(self, chapter_id: str, banks: dict[str, dict[str, Question]]) -> None:
        try:
            chapter = load_chapter(self.content, chapter_id)
        except ContentError as error:
            self.problems += error.problems
            return
        self.chapters[chapter_id] = chapter
        for lesson_id in chapter.lessons:
            try:
                self.lessons[lesson_id] = load_lesson(self.content, chapter_id, lesson_id)
            except ContentError as error:
                self.problems += error.problems
        try:
            banks[chapter_id] = load_questions(self.content, chapter_id)
        except ContentError as error:
            self.problems += error.problems

    def say(self, path: Path, line: int, message: str) -> None:
        self.problems.append(Problem(str(path), line, message))

    # -- chapters and lessons ---

    def chapter(self, chapter: Chapter, bank: Mapping[str, Question]) -> None:
        folder = chapter_dir(self.content, chapter.id)
        assert folder is not None  # it was read from there
        path = folder / "chapter.toml"
        objectives = {objective.id for objective in chapter.objectives}
        tested = {name for question in bank.values() for name in question.objectives}
        for name in sorted(objectives - tested):
            self.say(path, 1, f"no question tests the objective {name!r}")
        for question in chapter.checkpoint:
            if question not in bank:
                self.say(path, 1, f"the checkpoint asks {question!r}, which is not in the bank")
        for lab in chapter.labs:
            if lab not in self.labs:
                self.say(path, 1, f"there is no lab {lab!r}")
        for file in sorted((folder / "lessons").glob("*.md")):
            if file.stem not in chapter.lessons:
                self.say(file, 1, "is not among the chapter's lessons")

    def lesson(self, lesson: Lesson, banks: Mapping[str, Mapping[str, Question]]) -> None:
        path = Path(lesson.path)
        known = {question for bank in banks.values() for question in bank}
        for question in lesson.head.questions:
            if question not in known:
                self.say(path, 2, f"asks {question!r}, which is not in the bank")
        for lab in lesson.head.labs:
            if lab not in self.labs:
                self.say(path, 2, f"there is no lab {lab!r}")
        objectives = {o.id for chapter in self.chapters.values() for o in chapter.objectives}
        for name in lesson.head.objectives:
            if name not in objectives:
                self.say(path, 2, f"there is no objective {name!r}")
        for at, (page, line) in enumerate(_pages_with_lines(lesson), 1):
            lines = page.count("\n")
            if lines > PAGE_LINES:
                self.say(path, line, f"page {at} has {lines} lines, at most {PAGE_LINES} are comfortable")
            if not page.startswith("## "):
                self.say(path, line, f"page {at} must begin with a heading `## …`")
            self.text(path, line, page)
            self.code(path, line, page)

    def text(self, path: Path, line: int, text: str) -> None:
        """Formulas render, links lead somewhere."""
        display, inline = markup.formulas(text)
        for latex in display + inline:
            trouble = markup.problem(latex) if latex in display else _inline_problem(latex)
            if trouble:
                self.say(path, line + _line_of(text, latex), f"the formula {_short(latex)} {trouble}")
        for latex in display:
            width = max(map(len, markup.render_block(latex).splitlines()), default=0)
            if width > FORMULA_WIDTH:
                self.say(path, line + _line_of(text, latex), f"the formula {_short(latex)} is {width} columns wide")
        for kind, target, page in _LINK.findall(text):
            missing = self.missing(kind, target, page)
            if missing:
                self.say(path, line + _line_of(text, f"{kind}:{target}"), missing)

    def missing(self, kind: str, target: str, page: str) -> str:
        """What is wrong with a link; empty when nothing is."""
        if kind == "lab":
            return "" if target in self.labs else f"there is no lab {target!r}"
        if kind == "checkpoint":
            return "" if target in self.chapters else f"there is no chapter {target!r}"
        lesson = self.lessons.get(target)
        if lesson is None:
            return f"there is no lesson {target!r}"
        if page and not (page.isdigit() and 1 <= int(page) <= len(lesson.pages)):
            return f"the lesson {target!r} has no page {page!r}"
        return ""

    def code(self, path: Path, line: int, page: str) -> None:
        """Code is narrow enough; runnable blocks run and print what the page says they print."""
        fences = list(_FENCE.finditer(page))
        for at, fence in enumerate(fences):
            info, body = fence[2].strip(), fence[3]
            first = line + page[: fence.start()].count("\n")
            for offset, row in enumerate(body.splitlines(), 1):
                if len(row) > CODE_WIDTH:
                    self.say(path, first + offset, f"code is {len(row)} columns wide, at most {CODE_WIDTH} are shown")
            if info == "output" and (at == 0 or fences[at - 1][2].strip() != "python run"):
                self.say(path, first, "an output block must follow a block `python run`")
            if info != "python run":
                continue
            said = fences[at + 1] if at + 1 < len(fences) and fences[at + 1][2].strip() == "output" else None
            if said is None or page[fence.end() : said.start()].strip():
                self.say(path, first, "a block `python run` must be followed by its output block")
            elif self.run is not None:
                good, printed = self.run(body)
                if not good:
                    self.say(path, first, f"the code fails: {printed.strip()}")
                elif printed.rstrip() != said[3].rstrip():
                    self.say(path, first, f"the code prints {printed.rstrip()!r}, the page says {said[3].rstrip()!r}")

    # -- questions ---

    def bank(self, chapter_id: str, bank: Mapping[str, Question]) -> None:
        folder = chapter_dir(self.content, chapter_id)
        assert folder is not None  # it was read from there
        path = folder / "questions.toml"
        objectives = {objective.id for objective in self.chapters[chapter_id].objectives}
        for question, line in zip(bank.values(), question_lines(read_text(path)), strict=True):
            if question.id in self.seen:
                self.say(path, line, f"{question.id}: the id is also used in {self.seen[question.id]}")
            self.seen[question.id] = str(path)
            for message in [*self.place(question, objectives), *problems_of(question)]:
                self.say(path, line, f"{question.id}: {message}")
            for text in _texts(question):
                before = len(self.problems)
                self.text(path, line, text)
                # Inside a table the line is the question's.
                self.problems[before:] = [
                    Problem(p.file, line, f"{question.id}: {p.message}") for p in self.problems[before:]
                ]

    def place(self, question: Question, objectives: Collection[str]) -> Iterator[str]:
        """Where the question belongs."""
        for name in question.objectives:
            if name not in objectives:
                yield f"there is no objective {name!r}"
        if not question.objectives:
            yield "names no objective"
        lesson, _, page = question.lesson.partition("#")
        missing = self.missing("lesson", lesson, page)
        if missing:
            yield missing


def check_content(content: Path, labs: Collection[str], run: Runner | None = None) -> list[Problem]:
    """Everything that is wrong with the content, sorted by file and line.

    `labs` are the ids that exist; `run` runs code blocks (None: they are not run).
    """
    return _Checker(content, labs, run).everything()


def problems_of(question: Question) -> list[str]:
    """What is wrong with a question taken by itself."""
    problems = list(_form(question))
    try:
        problems += _by_type(question)
    except Exception as error:  # an author's expression may raise anything
        problems.append(f"cannot be checked: {type(error).__name__}: {error}")
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
    if re.search(r"(?<![*\w])not(?![*\w])", question.prompt):
        yield "has a lower-case “not” in its prompt, which is read over; write **not** or turn the question round"
    if any(not wrong.feedback.strip() for wrong in question.wrong):
        yield "has a wrong answer without feedback"


def _by_type(question: Question) -> list[str]:
    match question.type:
        case "single_choice" | "multiple_choice":
            return [*_choices(question), *_claim(question)]
        case "true_false":
            return [*_true_false(question), *_claim(question)]
        case "numeric":
            return _numeric(question)
        case "expression":
            return _expression(question)
        case "order":
            return _order(question)
        case "self_graded":
            return _self_graded(question)


def _choices(question: Question) -> Iterator[str]:
    right = [at for at, choice in enumerate(question.choices) if choice.correct]
    if question.type == "single_choice" and len(right) != 1:
        yield f"has {len(right)} right choices, one is needed"
    if not right or len(right) == len(question.choices):
        yield "needs right and wrong choices"
    for choice in question.choices:
        if choice.correct and choice.feedback:
            yield f"the right choice {_short(choice.text)} has feedback; why it is right belongs into the explanation"
        if not choice.correct and not choice.feedback.strip():
            yield f"the wrong choice {_short(choice.text)} has no feedback"
        if question.shuffle and not choice.fixed and re.search(r"\b(all|none|both) of the (above|below)", choice.text):
            yield f"the choice {_short(choice.text)} names others by place, and choices are shuffled"
    texts = Counter(choice.text.strip() for choice in question.choices)
    yield from (f"the choice {_short(text)} stands twice" for text, count in texts.items() if count > 1)
    if grade(question, tuple(right)).outcome != "right":
        yield "the right choices are graded wrong"


def _true_false(question: Question) -> Iterator[str]:
    other = {"true": "false", "false": "true"}.get(question.answer)
    if other is None:
        yield f"the answer {question.answer!r} must be true or false"
    elif [wrong.answer for wrong in question.wrong] != [other]:
        yield f"needs one wrong answer, {other!r}, with feedback"


def _claim(question: Question) -> Iterator[str]:
    """A choice question's `verify` states as an expression that what is marked right is so."""
    if question.verify and not bool(_eval(question.verify)):
        yield f"verify is false: {question.verify}"


def _eval(expression: str, **values: Any) -> Any:
    # A dict subclass as globals: comprehensions and lambdas see the names as well.
    return eval(expression.strip(), _Names(**values))


def _graded(question: Question) -> list[str]:
    """The real grader takes every right answer and refuses every wrong one, for the reason given."""
    verdicts = {answer: grade(question, answer).outcome for answer in (question.answer, *question.alternatives)}
    problems = [f"the right answer {a!r} is graded {outcome}" for a, outcome in verdicts.items() if outcome != "right"]
    for wrong in question.wrong:
        verdict = grade(question, wrong.answer)
        if verdict.outcome != "wrong":
            problems.append(f"the wrong answer {wrong.answer!r} is graded {verdict.outcome}")
        elif verdict.feedback != wrong.feedback:
            problems.append(f"the wrong answer {wrong.answer!r} gets the feedback of another one")
    return problems


def _numeric(question: Question) -> list[str]:
    problems = _graded(question)
    try:
        answer = number(question.answer)
    except Unreadable as error:
        return [f"the answer cannot be read: {error}"]
    if answer != int(answer) and question.tolerance == 0:
        problems.append("the answer is no whole number and has no tolerance")
    if question.tolerance < 0:
        problems.append("the tolerance is negative")
    if not question.verify:
        return [*problems, "has no verify that recomputes the answer"]
    value = float(_eval(question.verify))
    # The key must be right to the last digit that is written, so half the tolerance is allowed at most.
    if not (math.isfinite(value) and close(question, value, answer)):
        problems.append(f"verify gives {value!r}, the answer is {question.answer}")
    elif question.tolerance and abs(value - answer) > 0.5 * _width(question, answer):
        problems.append(f"verify gives {value!r}: {question.answer} is too coarse for its tolerance")
    return problems


def _width(question: Question, answer: float) -> float:
    return question.tolerance * (abs(answer) if question.tolerance_type == "relative" else 1.0) + 1e-12


def _expression(question: Question) -> list[str]:
    if not question.symbols:
        return ["names no symbols"]
    if any(not symbol.low < symbol.high for symbol in question.symbols):
        return ["a symbol's domain is empty"]
    problems = _graded(question)
    if not question.verify:
        return [*problems, "has no verify that recomputes the answer"]
    formula = parse(question.answer, [symbol.name for symbol in question.symbols])
    for point in sample(question.symbols, seed=1, points=20):
        value, truth = evaluate(formula, point), float(_eval(question.verify, **point))
        if not math.isclose(value, truth, rel_tol=1e-8, abs_tol=1e-10):
            at = ", ".join(f"{name} = {x:.3g}" for name, x in point.items())
            return [*problems, f"at {at} verify gives {truth:.6g}, the answer {value:.6g}"]
    return problems


def _order(question: Question) -> list[str]:
    items = question.items
    ids = [item.id for item in items]
    problems = []
    if len(items) < 3:
        problems.append("has fewer than three lines to order")
    if len(set(ids)) != len(ids):
        problems.append("uses an item id twice")
    problems += [f"the line {item.id!r} needs {need!r}, which is no line" for item in items for need in item.needs
                 if need not in ids]  # fmt: skip
    if problems:
        return problems
    if first_wrong(items, tuple(ids)) is not None:
        problems.append("the order as written is not a right one")
    if any(item.needs for item in items):
        return problems
    if not question.verify:
        return [*problems, "has neither needs nor a verify with one value a line, ascending"]
    values = [float(value) for value in _eval(question.verify)]
    if len(values) != len(items) or not all(a < b for a, b in pairwise(values)):
        problems.append(f"verify gives {values}; one value a line is needed, ascending")
    return problems


def _self_graded(question: Question) -> list[str]:
    problems = []
    if not RUBRIC[0] <= len(question.rubric) <= RUBRIC[1]:
        problems.append(f"has {len(question.rubric)} rubric points, {RUBRIC[0]} to {RUBRIC[1]} are needed")
    if not question.answer.strip():
        problems.append("has no model answer")
    full: Response = tuple(True for _ in question.rubric)
    if grade(question, full).outcome != "right":
        problems.append("an answer with all points is graded wrong")
    return problems


def _texts(question: Question) -> Iterator[str]:
    yield question.prompt
    yield question.explanation
    yield from question.hints
    yield from (choice.text for choice in question.choices)
    yield from (choice.feedback for choice in question.choices)
    yield from (wrong.feedback for wrong in question.wrong)
    yield from (item.text for item in question.items)
    yield from question.rubric
    if question.type == "self_graded":
        yield question.answer


def _pages_with_lines(lesson: Lesson) -> Iterator[tuple[str, int]]:
    """Pages with the line of the file on which each begins."""
    text = read_text(Path(lesson.path))
    at = 0
    for page in lesson.pages:
        at = text.index(page.rstrip("\n"), at)
        yield page, text[:at].count("\n") + 1
        at += len(page.rstrip("\n"))


def _inline_problem(latex: str) -> str:
    left = re.search(r"\\[A-Za-z]+", markup.inline(latex))
    return f"has {left[0]}, which cannot be written on one row" if left else ""


def _line_of(text: str, part: str) -> int:
    at = text.find(part)
    return text[:at].count("\n") if at >= 0 else 0


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return f"“{flat}”" if len(flat) <= 50 else f"“{flat[:49]}…”"
