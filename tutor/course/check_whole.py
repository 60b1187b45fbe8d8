"""What the linter looks for over all chapters: names used twice, long titles, dollars that stay dollars."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tutor.course import markup
from tutor.course.load import ContentError, Problem, chapter_dir, load_chapter, load_lesson
from tutor.course.model import Course
from tutor.course.spelling import texts

TITLE = 48
"""Columns that a lesson's title has in the lists of the screens."""


def whole_problems(content: Path, course: Course) -> Iterator[Problem]:
    """Everything that one chapter alone does not show."""
    yield from _lessons(content, course)
    yield from _dollars(content, course)


def _lessons(content: Path, course: Course) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for stub in course.chapters:
        folder = chapter_dir(content, stub.id)
        if folder is None:
            continue
        try:
            chapter = load_chapter(content, stub.id)
        except ContentError:
            continue
        for name in chapter.lessons:
            path = str(folder / "lessons" / f"{name}.md")
            if seen.get(name, stub.id) != stub.id:
                yield Problem(path, 2, f"the lesson id {name!r} is also used in the chapter {seen[name]!r}")
            seen[name] = stub.id
            try:
                title = load_lesson(content, stub.id, name).head.title
            except ContentError:
                continue
            if len(title) > TITLE:
                yield Problem(path, 3, f"the title has {len(title)} columns, at most {TITLE} are shown")


def _dollars(content: Path, course: Course) -> Iterator[Problem]:
    for path, line, text in texts(content, course):
        for number, row in enumerate(text.splitlines(), line):
            cell = re.search(r"\$[^$|]*(?<!\\)\|[^$|]*\$", row) if row.startswith("|") else None
            if cell and row.count("$", 0, cell.start()) % 2 == 0:
                yield Problem(str(path), number, "a | in a formula ends the cell of a table: write \\mid")
        left = markup.prose(text).replace("\\$", "")
        if "$" in left:
            about = " ".join(left[max(0, left.index("$") - 20) :].split())[:40]
            yield Problem(str(path), line, f"a dollar begins or ends no formula: “{about}”")
