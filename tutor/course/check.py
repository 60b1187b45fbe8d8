"""The author's linter: everything in `content/` that can be checked by machine, all problems at once.

Answers that can be computed are recomputed from the question's `verify` expression, over `np`, `math` and `kernels`:
the value of a `numeric` answer; that of an `expression` over its symbols; for an `order` without `needs` a dict with a
value for the id of each line, which must ascend; for choices whether what the key says is so, for true or false whether
the statement is. It is Python written by the course's authors, as trusted as the rest of the package; what a learner
types never comes here.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from tutor.course import markup
from tutor.course.expression import CONSTANTS, FUNCTIONS, Name, Unreadable, evaluate, number, parse, sample
from tutor.course.grade import Response, close, first_wrong, grade, width
from tutor.course.load import (
    Bank,
    ContentError,
    Problem,
    chapter_dir,
    load_chapter,
    load_course,
    load_lesson,
    read_bank,
    read_text,
    table_lines,
)
from tutor.course.model import Chapter, ChapterStub, Course, Lesson, Question

Runner = Callable[[str], tuple[bool, str]]
"""Runs a code block; returns whether it ended well, and its output or the error."""

PAGE_LINES = 62
CODE_WIDTH = 72
FORMULA_WIDTH = 76
HINTS = 3
RUBRIC = (3, 5)

OWN_KEYS = {
    "choices": {"single_choice", "multiple_choice"},
    "answer": {"true_false", "numeric", "expression", "self_graded"},
    "alternatives": {"numeric", "expression"},
    "tolerance": {"numeric"},
    "wrong": {"true_false", "numeric", "expression"},
    "symbols": {"expression"},
    "items": {"order"},
    "rubric": {"self_graded"},
}
"""Keys that only some types of question have."""

_FENCE = re.compile(r"^(```+)([^\n]*)\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


class _Names(dict[str, Any]):
    """The names that a `verify` expression may use."""

    def __init__(self, **values: Any) -> None:
        import numpy as np

        super().__init__(np=np, math=math, kernels=_Kernels(), **values)


class _Kernels:
    def __getattr__(self, name: str) -> Any:
        return import_module(f"kernels.{name}")


class _Block(NamedTuple):
    """A runnable block with the output that its page shows."""

    path: Path
    line: int
    code: str
    below: int
    """The line on which the output begins."""
    output: str


class _Checker:
    def __init__(self, content: Path, labs: Collection[str]) -> None:
        self.content = content
        self.labs = labs
        self.blocks: list[_Block] = []
        self.problems: list[Problem] = []
        self.chapters: dict[str, Chapter] = {}
        self.lessons: dict[str, Lesson] = {}
        self.banks: dict[str, Bank] = {}
        self.unread: set[str] = set()
        """Chapters of which something cannot be read: what is not found may stand there."""
        self.seen: dict[str, str] = {}

    def everything(self, run: Runner | None) -> list[Problem]:
        try:
            course = load_course(self.content)
        except ContentError as error:
            return error.problems
        self.whole(course)
        for stub in course.chapters:
            if chapter_dir(self.content, stub.id) is not None:
                self.read(stub)
        for chapter_id, chapter in self.chapters.items():
            self.chapter(chapter_id, chapter)
        for lesson in self.lessons.values():
            self.lesson(lesson)
        for chapter_id, bank in self.banks.items():
            self.bank(chapter_id, bank)
        if run is not None:
            self.runs(run)
        return sorted(set(self.problems))

    def say(self, path: Path, line: int, message: str) -> None:
        self.problems.append(Problem(str(path), line, message))

    def whole(self, course: Course) -> None:
        path = self.content / "course.toml"
        text = read_text(path)
        ids = [stub.id for stub in course.chapters]
        for chapter_id in _twice(ids):
            self.say(path, 1, f"the chapter id {chapter_id!r} is used twice")
        # Weeks may also be written as one array, without a line of their own.
        lines = table_lines(text, "weeks") or [1] * len(course.weeks)
        at = 1
        for week, line in zip(course.weeks, lines, strict=True):
            if week.chapter not in ids:
                self.say(path, line, f"week {week.first} is for the chapter {week.chapter!r}, which is not listed")
            if week.first != at or week.last < week.first:
                self.say(path, line, f"week {week.first} does not follow the one before it")
            if week.hours[0] > week.hours[1]:
                self.say(path, line, f"week {week.first}: hours go from least to most")
            at = week.last + 1
        for folder in sorted(self.content.glob("[0-9][0-9]-*")):
            if folder.name[3:] not in ids:
                self.say(folder, 1, "belongs to no chapter of course.toml")

    def read(self, stub: ChapterStub) -> None:
        try:
            chapter = load_chapter(self.content, stub.id)
        except ContentError as error:
            self.problems += error.problems
            self.unread.add(stub.id)
            return
        self.chapters[stub.id] = chapter
        folder = self.folder(stub.id)
        if (chapter.id, chapter.number, chapter.title) != (stub.id, stub.number, stub.title):
            self.say(folder / "chapter.toml", 1, "id, number or title differ from those in course.toml")
        if int(folder.name[:2]) != stub.number:
            self.say(folder, 1, f"is the folder of chapter {stub.number}")
        for lesson_id in chapter.lessons:
            try:
                self.lessons[lesson_id] = load_lesson(self.content, stub.id, lesson_id)
            except ContentError as error:
                self.problems += error.problems
        try:
            self.banks[stub.id] = read_bank(self.content, stub.id)
            self.problems += self.banks[stub.id].problems
        except ContentError as error:
            self.problems += error.problems
            self.unread.add(stub.id)

    def folder(self, chapter_id: str) -> Path:
        folder = chapter_dir(self.content, chapter_id)
        assert folder is not None  # it was read from there
        return folder

    # -- chapters and lessons ---

    def chapter(self, chapter_id: str, chapter: Chapter) -> None:
        folder = self.folder(chapter_id)
        path = folder / "chapter.toml"
        bank = self.banks.get(chapter_id)
        if bank is not None:
            tested = {name for question in bank.questions.values() for name in question.objectives}
            for objective in chapter.objectives:
                if objective.id not in tested and not bank.problems:
                    self.say(path, 1, f"no question tests the objective {objective.id!r}")
            for question in chapter.checkpoint:
                if question not in bank.lines:
                    self.say(path, 1, f"the checkpoint asks {question!r}, which is not in the bank")
        named = {
            "objective": [objective.id for objective in chapter.objectives],
            "lesson": chapter.lessons,
            "lab": chapter.labs,
            "question of the checkpoint": chapter.checkpoint,
        }
        for kind, names in named.items():
            for name in _twice(names):
                self.say(path, 1, f"the {kind} {name!r} is listed twice")
        for lab in chapter.labs:
            if lab not in self.labs:
                self.say(path, 1, f"there is no lab {lab!r}")
        for file in sorted((folder / "lessons").glob("*.md")):
            if file.stem not in chapter.lessons:
                self.say(file, 1, "is not among the chapter's lessons")

    def lesson(self, lesson: Lesson) -> None:
        path = Path(lesson.path)
        known = {question for bank in self.banks.values() for question in bank.lines}
        for question in lesson.head.questions:
            if question not in known and not self.unread:
                self.say(path, 2, f"asks {question!r}, which is not in the bank")
        for lab in lesson.head.labs:
            if lab not in self.labs:
                self.say(path, 2, f"there is no lab {lab!r}")
        objectives = {o.id for chapter in self.chapters.values() for o in chapter.objectives}
        for name in lesson.head.objectives:
            if name not in objectives and not self.unread:
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
        """Formulas render, also on one row; links lead somewhere."""
        display, inline = markup.formulas(text)
        for latex in display:
            at = line + _line_of(text, latex)
            # In ASCII mode a display formula stands on one row as well.
            trouble = markup.inline_problem(latex) or markup.problem(latex)
            width = max(map(len, markup.render_block(latex).splitlines()), default=0)
            if not trouble and width > FORMULA_WIDTH:
                trouble = f"is {width} columns wide, at most {FORMULA_WIDTH} are shown"
            if trouble:
                self.say(path, at, f"the formula {_short(latex)} {trouble}")
        for latex in inline:
            trouble = markup.inline_problem(latex)
            if trouble:
                self.say(path, line + _line_of(text, f"${latex}$"), f"the formula {_short(latex)} {trouble}")
        for target in _LINK.findall(markup.prose(text)):
            trouble = self.missing(target)
            if trouble:
                self.say(path, line + _line_of(text, f"({target})"), trouble)

    def missing(self, target: str) -> str:
        """What is wrong with the target of a link; empty when nothing is."""
        kind, _, rest = target.partition(":")
        name, _, page = rest.partition("#")
        match kind:
            case "http" | "https" | "mailto" | "today" | "map":
                return ""
            case "lab":
                return "" if rest in self.labs else f"there is no lab {rest!r}"
            case "checkpoint":
                return "" if rest in self.chapters or rest in self.unread else f"there is no chapter {rest!r}"
            case "practice":
                return self.lost(rest)
            case "lesson":
                lesson = self.lessons.get(name)
                if lesson is None:
                    return self.lost(name)
                if page and not (page.isdigit() and 1 <= int(page) <= len(lesson.pages)):
                    return f"the lesson {name!r} has no page {page!r}"
                return ""
        return f"there is nothing to open at {target!r}"

    def lost(self, lesson: str) -> str:
        """Says that there is no such lesson, unless it is only that it cannot be read."""
        named = {name for chapter in self.chapters.values() for name in chapter.lessons}
        return "" if lesson in named or self.unread else f"there is no lesson {lesson!r}"

    def code(self, path: Path, line: int, page: str) -> None:
        """Code is narrow enough; runnable blocks run and print what the page says they print."""
        fences = list(_FENCE.finditer(page))
        infos = [" ".join(fence[2].split()) for fence in fences]
        for at, fence in enumerate(fences):
            first = line + page.count("\n", 0, fence.start())
            for offset, row in enumerate(fence[3].splitlines(), 1):
                if len(row) > CODE_WIDTH:
                    self.say(path, first + offset, f"code is {len(row)} columns wide, at most {CODE_WIDTH} are shown")
            if infos[at] == "output" and (at == 0 or infos[at - 1] != "python run"):
                self.say(path, first, "an output block must follow a block `python run`")
            if infos[at] != "python run":
                continue
            said = fences[at + 1] if "output" in infos[at + 1 : at + 2] else None
            if said is None or page[fence.end() : said.start()].strip():
                self.say(path, first, "a block `python run` must be followed by its output block")
            else:
                below = line + page.count("\n", 0, said.start()) + 1
                self.blocks.append(_Block(path, first, fence[3], below, said[3]))

    def runs(self, run: Runner) -> None:
        """All runnable blocks run, as many at a time as there are cores."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            ends = pool.map(run, [block.code for block in self.blocks])
            for block, (good, printed) in zip(self.blocks, ends, strict=True):
                if good:
                    self.output(block.path, block.below, printed.rstrip(), block.output.rstrip())
                else:
                    self.say(block.path, block.line, f"the code fails: {' '.join(printed.split())}")

    def output(self, path: Path, line: int, printed: str, said: str) -> None:
        """The first line in which the output differs from what stands at `line` and below it."""
        rows, expected = printed.splitlines(), said.splitlines()
        for at in range(max(len(rows), len(expected))):
            row, wanted = (repr(text[at]) if at < len(text) else "nothing" for text in (rows, expected))
            if row != wanted:
                self.say(path, line + min(at, len(expected)), f"the code prints {row}, the page says {wanted}")
                return

    # -- questions ---

    def bank(self, chapter_id: str, bank: Bank) -> None:
        path = self.folder(chapter_id) / "questions.toml"
        for question in bank.questions.values():
            line = bank.lines[question.id]
            if question.id in self.seen:
                self.say(path, line, f"{question.id}: the id is also used in {self.seen[question.id]}")
            self.seen[question.id] = str(path)
            for message in [*self.place(question, self.chapters[chapter_id]), *problems_of(question)]:
                self.say(path, line, f"{question.id}: {message}")
            before = len(self.problems)
            for text in _texts(question):
                self.text(path, line, text)
            # Inside a table the line is the question's.
            self.problems[before:] = [
                Problem(p.file, line, f"{question.id}: {p.message}") for p in self.problems[before:]
            ]

    def place(self, question: Question, chapter: Chapter) -> Iterator[str]:
        """Where the question belongs."""
        objectives = {objective.id for objective in chapter.objectives}
        for name in question.objectives:
            if name not in objectives:
                yield f"there is no objective {name!r}"
        if not question.objectives:
            yield "names no objective"
        if not question.lesson and not chapter.lessons:
            return
        missing = self.missing(f"lesson:{question.lesson}")
        if missing:
            yield missing


def check_content(content: Path, labs: Collection[str], run: Runner | None = None) -> list[Problem]:
    """Everything that is wrong with the content, sorted by file and line.

    `labs` are the ids that exist; `run` runs code blocks, several at a time in threads (None: they are not run).
    """
    return _Checker(content, labs).everything(run)


def problems_of(question: Question) -> list[str]:
    """What is wrong with a question taken by itself."""
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
    for key, types in OWN_KEYS.items():
        if getattr(question, key) and question.type not in types:
            yield f"is {question.type}: {key!r} has no meaning there"


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
            yield f"the right choice {_short(choice.text)} has feedback; why it is right belongs into the explanation"
        if not choice.correct and not choice.feedback.strip():
            yield f"the wrong choice {_short(choice.text)} has no feedback"
        by_place = re.search(r"\b(all|none|both|neither) of the (above|below)", choice.text, re.IGNORECASE)
        if question.shuffle and not choice.fixed and by_place:
            yield f"the choice {_short(choice.text)} names others by place, and choices are shuffled"
    for text in _twice(choice.text.strip() for choice in question.choices):
        yield f"the choice {_short(text)} stands twice"
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
    unreadable = list(_unreadable(question, number))
    if unreadable:
        yield from unreadable
        return
    yield from _graded(question)
    answer = number(question.answer)
    if answer != int(answer) and question.tolerance == 0:
        yield "the answer is no whole number and has no tolerance"
    if question.tolerance < 0:
        yield "the tolerance is negative"
    relative = question.tolerance_type == "relative"
    stated = f"±{100 * question.tolerance:g} %" if relative else f"±{question.tolerance:g}"
    if question.tolerance > 0 and stated not in question.prompt:
        yield f"the prompt does not state the tolerance, {stated}"
    if not question.verify:
        yield "has no verify that recomputes the answer"
        return
    value = float(_eval(question.verify))
    # The key must be right to the last digit that is written, so half the tolerance is allowed at most.
    if not (math.isfinite(value) and close(question, value, answer)):
        yield f"verify gives {value!r}, the answer is {question.answer}"
    elif question.tolerance and abs(value - answer) > 0.5 * width(question, answer) + 1e-12:
        yield f"verify gives {value!r}: {question.answer} is too coarse for its tolerance"


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
    if len(items) < 3:
        yield "has fewer than three lines to order"
    for name in _twice(ids):
        yield f"uses the item id {name!r} twice"
    for text in _twice(item.text.strip() for item in items):
        yield f"has two lines {_short(text)}"
    unknown = [(item.id, need) for item in items for need in item.needs if need not in ids]
    for name, need in unknown:
        yield f"the line {name!r} needs {need!r}, which is no line"
    if unknown or len(set(ids)) != len(ids):
        return
    if first_wrong(items, tuple(ids)) is not None:
        yield "the order as written is not a right one"
    if any(item.needs for item in items):
        return
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


def _line_of(text: str, part: str) -> int:
    at = text.find(part)
    return text[:at].count("\n") if at >= 0 else 0


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return f"“{flat}”" if len(flat) <= 50 else f"“{flat[:49]}…”"
