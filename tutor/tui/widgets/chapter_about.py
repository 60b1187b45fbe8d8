"""What a chapter is for, in a text that scrolls below a list that keeps the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tutor.course.load import is_written, load_chapter
from tutor.course.model import Week
from tutor.errors import TutorError
from tutor.tui.format import flowing, level_mark

if TYPE_CHECKING:
    from tutor.course.model import Chapter
    from tutor.progress.mastery import Mastery
    from tutor.tui.app import TutorApp

SOLID = ("proficient", "mastered")


class ChapterAbout(VerticalScroll, can_focus=False):
    """The focus of a chapter, its reason, what it builds on and what the learner can do after it, with how well."""

    app: TutorApp

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="about-text", markup=False)

    def show(self, week: Week, *, placement: str = "") -> None:
        """Draw the chapter of a week from its beginning; `placement`: whether to offer that quiz, as in the plan."""
        content = self.app.content_dir
        text = Text()
        text.append(f"{week.focus}\n", style="bold")
        if is_written(content, week.chapter):
            try:
                chapter = load_chapter(content, week.chapter)
            except TutorError as error:
                text.append(str(error))
            else:
                text.append(f"{flowing(chapter.why)}\n\n")
                states = self.app.store.all_mastery() if self.app.store_ready else {}
                text.append_text(self._advice(chapter, states))
                if placement == "new":
                    text.append("Do you know this already? v opens a short quiz that can leave it out.\n\n")
                elif placement == "open":
                    text.append("Its placement quiz is open: v goes on with it.\n\n")
                text.append("After it you can", style="bold")
                for objective in chapter.objectives:
                    state = states.get(objective.id)
                    text.append(f"\n{level_mark(state)} ")
                    text.append("" if state is None else f"{state.level}: ", style="dim")
                    text.append(f"{objective.text[:1].lower()}{objective.text[1:]}")
        else:
            text.append("Planned; its lessons are not written yet.", style="dim")
        self.query_one("#about-text", Static).update(text)
        self.scroll_home(animate=False)

    def _advice(self, chapter: Chapter, states: dict[str, Mastery]) -> Text:
        """What the chapter builds on and how well that is known: advice, not a gate."""
        known = []
        for name in chapter.prerequisites:
            if not is_written(self.app.content_dir, name):
                continue
            objectives = load_chapter(self.app.content_dir, name).objectives
            good = sum(states[o.id].level in SOLID for o in objectives if o.id in states)
            if good < len(objectives):
                known.append(f"{self.app.chapter_stub(name).title} ({good} of {len(objectives)} proficient)")
        if not known:
            return Text()
        return Text(f"It builds on {', '.join(known)}. That is advice: you may begin.\n\n", style="dim")
