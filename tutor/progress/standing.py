"""Where the learner stands in each chapter: done, here, begun, ahead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tutor.course.load import ContentError, is_written
from tutor.course.model import Course
from tutor.progress.plan import agenda, chapter_progress
from tutor.progress.store import Store

State = Literal["done", "here", "begun", "ahead", "unreadable"]
MARKS: dict[State, str] = {"done": "✓", "here": "▶", "begun": "◐", "ahead": "○", "unreadable": "!"}


@dataclass(frozen=True)
class Standing:
    """How far a chapter is."""

    state: State
    done: int = 0
    total: int = 0

    @property
    def text(self) -> str:
        """In a few words, with a sign that does not need colour."""
        words = {"done": "done", "here": "here", "begun": "begun", "ahead": "ahead", "unreadable": "unreadable"}
        steps = f" {self.done}/{self.total}" if self.total and self.state != "done" else ""
        return f"{MARKS[self.state]} {words[self.state]}{steps}"


def standing(content: Path, course: Course, store: Store) -> dict[str, Standing]:
    """The standing of every chapter, by its id."""
    try:
        now = agenda(content, course, store)
        here = now.chapter.id if now.next is not None else ""
    except ContentError:
        here = ""
    found: dict[str, Standing] = {}
    for stub in course.chapters:
        if not is_written(content, stub.id):
            found[stub.id] = Standing("ahead")
            continue
        try:
            progress = chapter_progress(content, stub.id, store)
        except ContentError:
            found[stub.id] = Standing("unreadable")
            continue
        if stub.id == here:
            state: State = "here"
        elif progress.done == progress.total:
            state = "done"
        else:
            state = "begun" if progress.started else "ahead"
        found[stub.id] = Standing(state, progress.done, progress.total)
    return found
