"""The course map: twelve weeks, nine chapters, and how far the learner is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tutor.course.load import is_written, load_chapter
from tutor.course.model import ChapterStub, Week
from tutor.errors import TutorError
from tutor.progress.plan import ChapterProgress, chapter_progress
from tutor.tui.format import flowing, hours_range
from tutor.tui.screens.today import ScreenList
from tutor.tui.widgets.footer import KeyFooter

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp


class MapScreen(Screen[None]):
    """All weeks in one list; a written chapter opens."""

    app: TutorApp
    TITLE = "Course map"
    HELP = (
        "The plan of the whole course; below the list, what the marked chapter is for.\n"
        "Enter opens the marked chapter where you left it. One marked “planned” has no lessons yet: its week, focus "
        "and hours are the plan."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open chapter", tooltip="Open the marked chapter"),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the title, the list and what the marked chapter is for."""
        yield Static(id="map-title", markup=False)
        yield ScreenList(id="weeks", markup=False)
        yield Static(id="map-about", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Fill the list and stand on the first chapter that can be opened."""
        course = self.app.course
        least = sum(week.hours[0] for week in course.weeks)
        most = sum(week.hours[1] for week in course.weeks)
        title = Table.grid(expand=True)
        title.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        title.add_column(no_wrap=True)
        total = f"{course.weeks[-1].last} weeks, {hours_range(least, most)}"
        title.add_row(Text(course.title, style="bold"), Text(total, style="dim"))
        self.query_one("#map-title", Static).update(title)
        self._fill()
        self.query_one(OptionList).focus()
        self.watch(self.app, "store_ready", self._fill, init=False)

    def on_screen_resume(self) -> None:
        """Show progress made while a chapter was open."""
        self._fill()

    def _fill(self) -> None:
        weeks = self.query_one(OptionList)
        at = weeks.highlighted
        options: list[Option | None] = []
        part = ""
        for week in self.app.course.weeks:
            stub = self.app.chapter_stub(week.chapter)
            if stub.part != part:
                part = stub.part
                options.append(Option(Text(part, style="bold"), disabled=True))
            options.append(Option(self._row(week, stub), id=stub.id))
        weeks.clear_options()
        weeks.add_options(options)
        weeks.highlighted = at if at is not None else 1

    def _row(self, week: Week, stub: ChapterStub) -> Table:
        written = is_written(self.app.content_dir, stub.id)
        state = "" if written else "planned"
        if written and self.app.store_ready:
            try:
                state = _state(chapter_progress(self.app.content_dir, stub.id, self.app.store))
            except TutorError:
                state = "unreadable"
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(width=10, no_wrap=True, style="dim")
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(width=9, justify="right", no_wrap=True, style="dim")
        row.add_column(width=12, justify="right", no_wrap=True)
        span = f"Week {week.first}" if week.first == week.last else f"Week {week.first}–{week.last}"
        title = Text(f"{stub.number}  {stub.title}", style="bold" if written else "")
        row.add_row(Text(span), title, Text(hours_range(*week.hours)), Text(state, style="" if written else "dim"))
        return row

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what the marked chapter is for."""
        if event.option_id is None:
            return
        week = next(week for week in self.app.course.weeks if week.chapter == event.option_id)
        text = Text()
        text.append(f"{week.focus}\n", style="bold")
        if is_written(self.app.content_dir, week.chapter):
            try:
                chapter = load_chapter(self.app.content_dir, week.chapter)
            except TutorError as error:
                text.append(str(error))
            else:
                if not chapter.lessons:
                    text.append("Its labs are here; its lessons are not written yet.\n", style="dim")
                text.append(f"{flowing(chapter.why)}\n\n")
                text.append("After it you can\n", style="bold")
                for objective in chapter.objectives:
                    text.append(f"· {objective.text[:1].lower()}{objective.text[1:]}\n")
        else:
            text.append("Planned; its lessons are not written yet.", style="dim")
        self.query_one("#map-about", Static).update(text)

    def action_open(self) -> None:
        """Open the chapter where the learner left it, or say that it is not written."""
        option = self.query_one(OptionList).highlighted_option
        if option is None or option.id is None:
            return
        stub = self.app.chapter_stub(option.id)
        if not is_written(self.app.content_dir, stub.id):
            week = next(week for week in self.app.course.weeks if week.chapter == stub.id)
            self.notify(
                f"Chapter {stub.number}, {stub.title}, is planned for week {week.first}; it has no lessons yet.",
                markup=False,
            )
            return
        try:
            target = chapter_progress(self.app.content_dir, stub.id, self.app.store).target
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
            return
        self.app.open_target(target)


def _state(progress: ChapterProgress) -> str:
    if progress.done == progress.total:
        return "✓ done"
    if progress.done == 0 and not progress.started:
        return "○ open"
    return f"◐ {progress.done}/{progress.total} steps"
