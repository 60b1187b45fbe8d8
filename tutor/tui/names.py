"""What places of the course are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutor.course.load import find_lesson, load_lesson
from tutor.errors import TutorError

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp


def lesson_name(app: TutorApp, target: str) -> str:
    """The title and page of a lesson, as `1.3 SVD: the directions that matter, page 6`."""
    lesson_id, _, page = target.partition("#")
    try:
        chapter_id = find_lesson(app.content_dir, app.course, lesson_id)
        head = load_lesson(app.content_dir, chapter_id, lesson_id).head
    except TutorError:
        return lesson_id
    return f"{head.section} {head.title}" + (f", page {page}" if page else "")


def describe(app: TutorApp, target: str) -> str:
    """Say where a link leads: a lesson by its title, a lab as `lab whitening`, the web by its address."""
    kind, _, rest = target.partition(":")
    if kind == "lesson":
        return lesson_name(app, rest)
    return target if kind in {"http", "https", "mailto"} else f"{kind} {rest}".strip()
