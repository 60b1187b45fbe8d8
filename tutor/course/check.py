"""The author's linter: everything in `content/` that can be checked by machine, all problems at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from tutor.course import markup
from tutor.course.check_question import problems_of, short, texts, twice
from tutor.course.check_reference import check_reference, missing_entry
from tutor.course.check_whole import whole_problems
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
from tutor.course.spelling import misspelt
from tutor.errors import TutorError

Runner = Callable[[str], tuple[bool, str]]
"""Runs a code block; returns whether it ended well, and its output or the error."""

LESSON_PAGES = 8
PAGE_LINES = 62
CODE_WIDTH = 72
FORMULA_WIDTH = 76
_FENCE = re.compile(r"^(```+)([^\n]*)\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


class _Block(NamedTuple):
    """A runnable block with the output that its page shows."""

    path: Path
    line: int
    code: str
    below: int
    """The line on which the output begins."""
    output: str


class _Checker:
    def __init__(self, content: Path, labs: Collection[str], tell: Callable[[str], None]) -> None:
        self.content = content
        self.tell = tell
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
        self.read_all(course)
        for chapter_id in self.chapters:
            self.of_chapter(chapter_id)
        check_reference(self, course)
        if run is not None:
            self.runs(run)
        return sorted(set(self.problems))

    def one(self, chapter_id: str, run: Runner | None) -> list[Problem]:
        """What is wrong in the folder of one chapter; of the others only what its links and ids need is read."""
        try:
            course = load_course(self.content)
        except ContentError as error:
            return error.problems
        stub = next((stub for stub in course.chapters if chapter_id in {stub.id, str(stub.number)}), None)
        if stub is None:
            known = ", ".join(stub.id for stub in course.chapters)
            raise TutorError(f"there is no chapter {chapter_id!r}; there are {known}")
        if chapter_dir(self.content, stub.id) is None:
            raise TutorError(f"chapter {stub.id!r} has no content yet")
        self.read_all(course)
        for name, bank in self.banks.items():
            if name != stub.id:
                self.seen |= dict.fromkeys(bank.lines, str(self.folder(name) / "questions.toml"))
        if stub.id in self.chapters:
            self.of_chapter(stub.id)
        self.problems += misspelt(self.content, structs.replace(course, chapters=(stub,)))
        self.problems += whole_problems(self.content, course)
        if run is not None:
            self.runs(run)
        folder = self.folder(stub.id)
        return sorted({found for found in self.problems if folder in [Path(found.file), *Path(found.file).parents]})

    def read_all(self, course: Course) -> None:
        for stub in course.chapters:
            if chapter_dir(self.content, stub.id) is not None:
                self.read(stub)

    def of_chapter(self, chapter_id: str) -> None:
        chapter = self.chapters[chapter_id]
        self.tell(f"chapter {chapter.number}: answers and formulas")
        self.chapter(chapter_id, chapter)
        for lesson in dict.fromkeys(chapter.lessons):
            if lesson in self.lessons:
                self.lesson(self.lessons[lesson])
        if chapter_id in self.banks:
            self.bank(chapter_id, self.banks[chapter_id])

    def say(self, path: Path, line: int, message: str) -> None:
        self.problems.append(Problem(str(path), line, message))

    def whole(self, course: Course) -> None:
        path = self.content / "course.toml"
        text = read_text(path)
        ids = [stub.id for stub in course.chapters]
        for chapter_id in twice(ids):
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
            for name in twice(names):
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
            if any(question in chapter.checkpoint for chapter in self.chapters.values()):
                self.say(path, 2, f"practises {question!r}, which is kept for the checkpoint")
        for lab in lesson.head.labs:
            if lab not in self.labs:
                self.say(path, 2, f"there is no lab {lab!r}")
        objectives = {o.id for chapter in self.chapters.values() for o in chapter.objectives}
        for name in lesson.head.objectives:
            if name not in objectives and not self.unread:
                self.say(path, 2, f"there is no objective {name!r}")
        if len(lesson.pages) > LESSON_PAGES:
            self.say(path, 2, f"has {len(lesson.pages)} pages: more than {LESSON_PAGES} are two lessons")
        for at, (page, line) in enumerate(_pages_with_lines(lesson), 1):
            # A mark at which the page waits is not read as lines.
            lines = page.count("\n") - 2 * page.count(f"\n{markup.PAUSE}\n")
            if lines > PAGE_LINES:
                self.say(path, line, f"page {at} has {lines} lines, at most {PAGE_LINES} are comfortable")
            if not page.startswith("## "):
                self.say(path, line, f"page {at} must begin with a heading `## …`")
            self.text(path, line, page)
            self.pauses(path, line, page)
            self.code(path, line, page)

    def pauses(self, path: Path, line: int, page: str) -> None:
        """Marks at which a page waits stand alone, with something above, between and below them."""
        rows = ["", *_FENCE.sub(lambda fence: re.sub(r"[^\n]", "x", fence[0]), page).splitlines()[1:], ""]
        last, seen = 0, False
        for at, row in enumerate(rows):
            if markup.PAUSE not in row or row.strip(" >-*") != markup.PAUSE:
                seen = seen or bool(row.strip())
                continue
            if row != markup.PAUSE or rows[at - 1].strip() or rows[at + 1].strip():
                self.say(path, line + at, f"a mark {markup.PAUSE} stands alone between two blank lines, in no list")
            elif not seen:
                self.say(path, line + at, f"nothing stands between this mark {markup.PAUSE} and what is above it")
            last, seen = at, False
        if last and not seen:
            self.say(path, line + last, f"nothing stands below this mark {markup.PAUSE}")

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
                self.say(path, at, f"the formula {short(latex)} {trouble}")
        for latex in inline:
            trouble = markup.inline_problem(latex)
            if trouble:
                self.say(path, line + _line_of(text, f"${latex}$"), f"the formula {short(latex)} {trouble}")
        for target in _LINK.findall(markup.prose(text)):
            trouble = self.missing(target)
            if trouble:
                self.say(path, line + _line_of(text, f"({target})"), trouble)

    def missing(self, target: str) -> str:
        """What is wrong with the target of a link; empty when nothing is."""
        kind, _, rest = target.partition(":")
        name, _, page = rest.partition("#")
        match kind:
            case "http" | "https" | "mailto" | "today" | "map" | "picture":
                return ""
            case "lab":
                return "" if rest in self.labs else f"there is no lab {rest!r}"
            case "checkpoint":
                return "" if rest in self.chapters or rest in self.unread else f"there is no chapter {rest!r}"
            case "reference":
                return missing_entry(self.content, rest)
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
            folder = Path()
            for block in self.blocks:
                if block.path.parents[1] != folder:
                    folder = block.path.parents[1]
                    self.tell(f"chapter {int(folder.name[:2])}: code of the lessons")
                good, printed = next(ends)
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
            for text in texts(question):
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


def check_content(
    content: Path,
    labs: Collection[str],
    run: Runner | None = None,
    chapter: str | None = None,
    tell: Callable[[str], None] = lambda doing: None,
) -> list[Problem]:
    """Everything that is wrong with the content, sorted by file and line.

    `labs` are the ids that exist; `run` runs code blocks, several at a time in threads (None: they are not run).
    With `chapter`, its id or number, only what is wrong in its folder; raises TutorError when there is none.
    `tell` hears what is done now, a few words for each chapter.
    """
    checker = _Checker(content, labs, tell)
    return checker.everything(run) if chapter is None else checker.one(chapter, run)


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
