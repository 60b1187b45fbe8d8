"""Reads `content/` into the objects of `model`; all problems of a file come at once, as `file:line: message`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tutor.course.model import Chapter, Course, Lesson, LessonHead, Question
from tutor.errors import TutorError

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
        at = re.search(r"at line (\d+)", str(error))
        line = first_line + (int(at[1]) - 1 if at else 0)
        raise ContentError([Problem(str(path), line, f"not TOML: {error}")]) from None


def convert(data: object, kind: type[T], path: Path, line: int) -> T:
    """Turn decoded TOML into a content object; raises ContentError naming the key that is wrong."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ContentError([Problem(str(path), line, str(error))]) from None


@lru_cache(maxsize=4)
def load_course(content: Path) -> Course:
    """Read `course.toml`; raises ContentError."""
    path = content / "course.toml"
    return convert(parse_toml(read_text(path), path), Course, path, 1)


def chapter_dir(content: Path, chapter_id: str) -> Path | None:
    """The folder `NN-ID` of a chapter; None when its content is not written."""
    for path in content.glob(f"[0-9][0-9]-{chapter_id}/chapter.toml"):
        return path.parent
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
    return convert(parse_toml(read_text(path), path), Chapter, path, 1)


@lru_cache(maxsize=256)
def load_lesson(content: Path, chapter_id: str, lesson_id: str) -> Lesson:
    """Read a lesson: `+++` TOML `+++`, then pages of Markdown split by lines `---`; raises ContentError."""
    path = _written(content, chapter_id) / "lessons" / f"{lesson_id}.md"
    text = read_text(path)
    parts = re.match(r"\+\+\+\n(.*?)^\+\+\+\n(.*)", text, re.DOTALL | re.MULTILINE)
    if parts is None:
        raise ContentError([Problem(str(path), 1, "must start with front matter between two lines +++")])
    head = convert(parse_toml(parts[1], path, 2), LessonHead, path, 2)
    if head.id != lesson_id:
        raise ContentError([Problem(str(path), 2, f"id {head.id!r} differs from the file's name {lesson_id!r}")])
    return Lesson(head=head, pages=split_pages(parts[2]), path=str(path))


def split_pages(text: str) -> tuple[str, ...]:
    """Split Markdown at lines `---` that stand outside code fences."""
    pages: list[list[str]] = [[]]
    fence = ""
    for line in text.splitlines():
        mark = re.match(r"\s{0,3}(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        if line.rstrip() == "---" and not fence:
            pages.append([])
        else:
            pages[-1].append(line)
    return tuple("\n".join(page).strip() + "\n" for page in pages)


def find_lesson(content: Path, course: Course, lesson_id: str) -> str:
    """The id of the chapter that holds a lesson; raises TutorError when none does."""
    for stub in course.chapters:
        if is_written(content, stub.id) and lesson_id in load_chapter(content, stub.id).lessons:
            return stub.id
    raise TutorError(f"The course has no lesson {lesson_id!r}")


@lru_cache(maxsize=32)
def load_questions(content: Path, chapter_id: str) -> dict[str, Question]:
    """Read a chapter's question bank by id, in the file's order; raises ContentError with every problem in it."""
    path = _written(content, chapter_id) / "questions.toml"
    text = read_text(path)
    data = parse_toml(text, path)
    problems = [Problem(str(path), 1, f"unknown key {key!r}") for key in data if key != "questions"]
    questions: dict[str, Question] = {}
    for item, line in zip(data.get("questions", []), question_lines(text), strict=False):
        try:
            question = convert(item, Question, path, line)
        except ContentError as error:
            problems += [Problem(p.file, p.line, f"{item.get('id', 'question')}: {p.message}") for p in error.problems]
            continue
        if question.id in questions:
            problems.append(Problem(str(path), line, f"the id {question.id!r} is used twice"))
        questions[question.id] = question
    if problems:
        raise ContentError(problems)
    return questions


def question_lines(text: str) -> list[int]:
    """The line on which each `[[questions]]` table begins."""
    return [n for n, line in enumerate(text.splitlines(), 1) if line.strip() == "[[questions]]"]
