"""The course map: twelve weeks, nine chapters, and how far the learner is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from tutor.course.load import is_written
from tutor.course.model import ChapterStub, Week
from tutor.errors import TutorError
from tutor.progress.plan import ChapterProgress, chapter_progress
from tutor.tui.format import hours_range

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp


class MapScreen(Screen[None]):
    """All weeks in one list; a written chapter opens."""

    app: TutorApp
    HELP = (
        "The plan of the whole course. Enter opens the marked chapter where you left it.\n"
        "A chapter marked 'planned' has no lessons yet: its week, focus and hours are the plan."
    )
    CSS_PATH = "map.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open chapter", tooltip="Open the marked chapter", priority=True),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the title, the list and the total."""
        yield Static(Text(self.app.course.title, style="bold"), id="map-title")
        yield OptionList(id="weeks", markup=False)
        yield Static(id="map-total", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Fill the list and stand on the first chapter that can be opened."""
        course = self.app.course
        least = sum(week.hours[0] for week in course.weeks)
        most = sum(week.hours[1] for week in course.weeks)
        self.query_one("#map-total", Static).update(f"{course.weeks[-1].last} weeks, {hours_range(least, most)} in all")
        self._fill()
        weeks = self.query_one(OptionList)
        weeks.focus()

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
                options.append(Option(Text(part.upper(), style="bold dim"), disabled=True))
            options.append(Option(self._row(week, stub), id=stub.id))
        weeks.clear_options()
        weeks.add_options(options)
        weeks.highlighted = at if at is not None else 1

    def _row(self, week: Week, stub: ChapterStub) -> Table:
        written = is_written(self.app.content_dir, stub.id)
        state = "planned"
        if written:
            try:
                state = _state(chapter_progress(self.app.content_dir, stub.id, self.app.store))
            except TutorError:
                state = "cannot be read"
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(width=9, no_wrap=True, style="dim")
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(width=9, justify="right", no_wrap=True, style="dim")
        row.add_column(width=12, justify="right", no_wrap=True)
        span = f"Week {week.first}" if week.first == week.last else f"Week {week.first}–{week.last}"
        title = Text(f"{stub.number}  {stub.title}", style="bold" if written else "")
        title.append(f"  {week.focus}", style="dim not bold")
        row.add_row(Text(span), title, Text(hours_range(*week.hours)), Text(state, style="" if written else "dim"))
        return row

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
        self.app.open_target(chapter_progress(self.app.content_dir, stub.id, self.app.store).target)


def _state(progress: ChapterProgress) -> str:
    if progress.done == progress.total:
        return "✓ done"
    if progress.done == 0 and not progress.started:
        return "○ open"
    return f"◐ {progress.done}/{progress.total} steps"
