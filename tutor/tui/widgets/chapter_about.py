"""What a chapter is for, in a text that scrolls below a list that keeps the focus."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tutor.course.load import is_written, load_chapter
from tutor.course.model import Week
from tutor.errors import TutorError
from tutor.tui.format import flowing

OVERLAP = 1
"""Lines that stay when it is scrolled, so that the eye finds its place."""


class ChapterAbout(VerticalScroll, can_focus=False):
    """The focus of a chapter, its reason and what the learner can do after it."""

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="about-text", markup=False)

    def show(self, content: Path, week: Week) -> None:
        """Draw the chapter of a week from its beginning."""
        text = Text()
        text.append(f"{week.focus}\n", style="bold")
        if is_written(content, week.chapter):
            try:
                chapter = load_chapter(content, week.chapter)
            except TutorError as error:
                text.append(str(error))
            else:
                if not chapter.lessons:
                    text.append("Its labs are here; its lessons are not written yet.\n", style="dim")
                text.append(f"{flowing(chapter.why)}\n\n")
                text.append("After it you can", style="bold")
                for objective in chapter.objectives:
                    text.append(f"\n· {objective.text[:1].lower()}{objective.text[1:]}")
        else:
            text.append("Planned; its lessons are not written yet.", style="dim")
        self.query_one("#about-text", Static).update(text)
        self.scroll_home(animate=False)

    def read_on(self) -> None:
        """Scroll a screenful on; from the end back to the beginning."""
        if self.scroll_y < self.max_scroll_y:
            self.scroll_relative(y=max(1, self.size.height - OVERLAP), animate=False)
        else:
            self.scroll_home(animate=False)
