"""Reads `content/` into the objects of `model`; all problems of a file come at once, as `file:line: message`."""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from tutor.course.model import Chapter, Course, Lesson, LessonHead, Question
from tutor.errors import TutorError, no_such

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Problem:
    """Something an author has to mend."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class ContentError(TutorError):
    """A content file cannot be used; `problems` lists all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = problems


def read_text(path: Path) -> str:
    """Read a UTF-8 file; raises ContentError when it is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContentError([Problem(str(path), 1, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise ContentError([Problem(str(path), 1, f"is not UTF-8 (byte {error.start})")]) from None


def parse_toml(text: str, path: Path, first_line: int = 1) -> dict[str, Any]:
    """Parse TOML; raises ContentError with the line of a syntax error."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).rpartition(" (at ")
        at = re.match(r"line (\d+)", place)
        line = int(at[1]) if at else text.rstrip().count("\n") + 1
        raise ContentError([Problem(str(path), first_line - 1 + line, f"not TOML: {message}")]) from None


def convert(data: object, kind: type[T], path: Path, line: int, text: str = "") -> T:
    """Turn decoded TOML into a content object; raises ContentError naming the key that is wrong.

    `line` is where the data begin in the file. With their `text` the key's own line is found.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        at = line - 1 + _line_of(text, str(error)) if text else line
        raise ContentError([Problem(str(path), at, str(error))]) from None


# Strings and comments are passed over: what looks like a key inside them is none.
_TOML = re.compile(
    r"""'{3}.*?'{3}|"{3}(?:\\.|.)*?"{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*"""
    r"|^[ \t]*\[\[[ \t]*(?P<table>[\w.-]+)[ \t]*\]\]|^[ \t]*(?P<key>[\w-]+)[ \t]*=",
    re.DOTALL | re.MULTILINE,
)


def _places(text: str, kind: str) -> list[tuple[int, str]]:
    """(line, name) of every `table` header or every `key` that begins a line of a TOML text."""
    found, line, counted = [], 1, 0
    for at in _TOML.finditer(text):
        if at[kind]:
            line, counted = line + text.count("\n", counted, at.start()), at.start()
            found.append((line, at[kind]))
    return found


def table_lines(text: str, name: str) -> list[int]:
    """The line on which each table `[[name]]` of a TOML text begins."""
    return [line for line, table in _places(text, "table") if table == name]


def _line_of(text: str, message: str) -> int:
    """The line of the key that a message of msgspec is about; the line of its table when it has no line of its own."""
    where = re.search(r"`\$\.(\w+)(?:\[(\d+)\])?([^`]*)`", message)
    unknown = re.search(r"unknown field `([^`]+)`", message)
    names = [unknown[1]] if unknown else []
    start = 1
    if where:
        names += [*reversed(re.findall(r"\.(\w+)", where[3])), where[1]]
        tables = table_lines(text, where[1])
        if where[2] and int(where[2]) < len(tables):
            start = tables[int(where[2])]
    keys = [(line, key) for line, key in _places(text, "key") if line >= start]
    return next((line for name in names for line, key in keys if key == name), start)


@lru_cache(maxsize=4)
def load_course(content: Path) -> Course:
    """Read `course.toml`; raises ContentError."""
    path = content / "course.toml"
    text = read_text(path)
    return convert(parse_toml(text, path), Course, path, 1, text)


def chapter_dir(content: Path, chapter_id: str) -> Path | None:
    """The folder `NN-ID` of a chapter; None when its content is not written."""
    # A glob would take ten times as long, and this is asked for every lesson.
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(content)):
            if name[2:] == f"-{chapter_id}" and name[:2].isdecimal() and (content / name / "chapter.toml").exists():
                return content / name
    return None


def is_written(content: Path, chapter_id: str) -> bool:
    """Whether a chapter has lessons, or is only announced in `course.toml`."""
    return chapter_dir(content, chapter_id) is not None


def _written(content: Path, chapter_id: str) -> Path:
    folder = chapter_dir(content, chapter_id)
    if folder is None:
        raise TutorError(f"Chapter {chapter_id!r} has no content yet")
    return folder


@lru_cache(maxsize=32)
def load_chapter(content: Path, chapter_id: str) -> Chapter:
    """Read a chapter's `chapter.toml`; raises ContentError, or TutorError when the chapter is not written."""
    path = _written(content, chapter_id) / "chapter.toml"
    text = read_text(path)
    return convert(parse_toml(text, path), Chapter, path, 1, text)


@lru_cache(maxsize=256)
def load_lesson(content: Path, chapter_id: str, lesson_id: str) -> Lesson:
    """Read a lesson: `+++` TOML `+++`, then pages of Markdown split by lines `---`; raises ContentError."""
    path = _written(content, chapter_id) / "lessons" / f"{lesson_id}.md"
    text = read_text(path)
    parts = re.match(r"\+\+\+\n(.*?)^\+\+\+\n(.*)", text, re.DOTALL | re.MULTILINE)
    if parts is None:
        raise ContentError([Problem(str(path), 1, "must start with front matter between two lines +++")])
    head = convert(parse_toml(parts[1], path, 2), LessonHead, path, 2, parts[1])
    if head.id != lesson_id:
        raise ContentError([Problem(str(path), 2, f"id {head.id!r} differs from the file's name {lesson_id!r}")])
    return Lesson(head=head, pages=split_pages(parts[2]), path=str(path))


# A search for a newline is much faster than one for the place before a line, and this reads the whole course.
_MARK = re.compile(r"\n(?:[ \t]{0,3}(?P<fence>`{3,}|~{3,})(?P<rest>[^\n]*)|---[^\S\n]*)(?=\n|\Z)")


def split_pages(text: str) -> tuple[str, ...]:
    """Split Markdown at lines `---` that stand outside code fences."""
    pages: list[str] = []
    start, fence = 0, ""
    text = "\n" + text
    for mark in _MARK.finditer(text):
        if mark["fence"] and not fence:
            fence = mark["fence"]
        elif mark["fence"]:
            whole = mark["fence"] + mark["rest"].strip()
            if whole.startswith(fence) and not whole.strip(fence[0]):
                fence = ""
        elif not fence:
            pages.append(text[start : mark.start()])
            start = mark.end() + 1
    pages.append(text[start:])
    return tuple(page.strip() + "\n" for page in pages)


def find_lesson(content: Path, course: Course, lesson_id: str) -> str:
    """The id of the chapter that holds a lesson; raises TutorError when none does."""
    known: list[str] = []
    for stub in course.chapters:
        if is_written(content, stub.id):
            known += load_chapter(content, stub.id).lessons
            if lesson_id in known:
                return stub.id
    raise no_such("The course has no lesson", lesson_id, known)


@dataclass(frozen=True)
class Bank:
    """A question bank as far as it can be read, and what is wrong with the rest."""

    questions: Mapping[str, Question]
    """By id, in the file's order."""
    lines: Mapping[str, int]
    """The line on which each question begins, by id; also of those that cannot be read."""
    problems: tuple[Problem, ...]


@lru_cache(maxsize=32)
def read_bank(content: Path, chapter_id: str) -> Bank:
    """Read what can be read of a chapter's `questions.toml`; raises ContentError when it is no list of questions."""
    from tutor.course.expression import Unreadable
    from tutor.course.variants import variant

    path = _written(content, chapter_id) / "questions.toml"
    text = read_text(path)
    data = parse_toml(text, path)
    places = _places(text, "table") + _places(text, "key")
    problems = [
        Problem(str(path), next((line for line, name in places if name == key), 1), f"unknown key {key!r}")
        for key in data
        if key != "questions"
    ]
    items = data.get("questions", [])
    starts = table_lines(text, "questions")
    if not isinstance(items, list) or len(starts) != len(items):
        raise ContentError([*problems, Problem(str(path), 1, "each question must begin with a line [[questions]]")])
    questions: dict[str, Question] = {}
    lines: dict[str, int] = {}
    for item, line in zip(items, starts, strict=True):
        name = str(item.get("id", "question"))
        if name in lines:
            problems.append(Problem(str(path), line, f"the id {name!r} is used twice"))
            continue
        lines[name] = line
        try:
            if "template" in item:
                raise ContentError([Problem(str(path), line, "Object contains unknown field `template`")])
            # Shown anywhere without a thought of variants, a question has the numbers of the file.
            questions[name] = variant(convert(item, Question, path, line), 0)
        except Unreadable as error:
            problems.append(Problem(str(path), line, f"{name}: variants: {error}"))
        except ContentError as error:
            problems += [Problem(p.file, p.line, f"{name}: {p.message}") for p in error.problems]
    return Bank(MappingProxyType(questions), MappingProxyType(lines), tuple(problems))


def load_questions(content: Path, chapter_id: str) -> dict[str, Question]:
    """A chapter's questions by id, in the file's order; raises ContentError with every problem of the file."""
    bank = read_bank(content, chapter_id)
    if bank.problems:
        raise ContentError(list(bank.problems))
    return dict(bank.questions)
