"""The course map: all weeks and chapters, how far the learner is, and how well each objective is known."""

from __future__ import annotations

from collections.abc import Sequence
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
from tutor.tui.format import hours_range, level_mark, weeks
from tutor.tui.scrolling import read_round
from tutor.tui.widgets.chapter_about import ChapterAbout
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.row import Row, cell
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.progress.mastery import Mastery
    from tutor.progress.plan import ChapterProgress
    from tutor.tui.app import TutorApp

WIDE = 96
"""Columns from which there is room for the hours."""


class MapScreen(Screen[None]):
    """All weeks in one list; a chapter that is written at least in part opens."""

    app: TutorApp
    TITLE = "Course map"
    HELP = (
        "The whole course; below the list, what the marked chapter is for. Each objective of a chapter has a mark: "
        "· not tried, ◔ attempted, ◑ familiar, ◕ proficient, ● mastered. k says why.\n"
        "Enter opens the marked chapter: the list of its lessons and labs."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="Open the marked chapter"),
        Binding("k", "mastery", "How well", tooltip="How well you know each objective of the marked chapter, and why"),
        Binding("v", "placement", "Test out", tooltip="A short quiz that can leave the marked chapter out of the plan"),
        Binding("b", "picture", "Big picture", tooltip="The way to diffusion, and where you stand on it"),
        Binding("space", "read_on", "Read on", tooltip="Scroll the text below the list; at its end back to the top"),
        Binding("slash", "search", "Search", key_display="/", tooltip="Search the whole course"),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]

    def __init__(self) -> None:
        super().__init__()
        self._placement: dict[str, str] = {}
        """Chapters whose placement quiz is offered, and whether it is new or open."""
        self._wide = False

    def compose(self) -> ComposeResult:
        """Lay out the title, the list and what the marked chapter is for."""
        yield Static(id="map-title", markup=False)
        yield ScreenList(id="weeks", markup=False)
        yield ChapterAbout(id="map-about")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Take the keys; title and list are drawn each time the screen is shown."""
        self.query_one(OptionList).focus()
        self.watch(self.app, "store_ready", self._fill, init=False)
        self.watch(self.query_one(ChapterAbout), "show_vertical_scrollbar", self.refresh_bindings, init=False)

    def on_screen_resume(self) -> None:
        """Stand on the first chapter; later where one was, with the progress made while it was open."""
        self._fill()

    def _fill(self) -> None:
        weeks = self.query_one(OptionList)
        at = weeks.highlighted
        self._wide = self.app.size.width >= WIDE
        states = self.app.store.all_mastery() if self.app.store_ready else {}
        plan = self.app.weeks
        self._draw_title(plan)
        options: list[Option | None] = []
        part = ""
        for week in plan:
            stub = self.app.chapter_stub(week.chapter)
            if stub.part != part:
                part = stub.part
                options.append(Option(Text(part, style="bold"), disabled=True))
            options.append(Option(self._row(week, stub, states), id=stub.id))
        weeks.clear_options()
        weeks.add_options(options)
        weeks.highlighted = at if at is not None else 1

    def _draw_title(self, plan: Sequence[Week]) -> None:
        title = Table.grid(expand=True)
        title.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        title.add_column(no_wrap=True)
        least, most = (sum(week.hours[at] for week in plan) for at in (0, 1))
        total = f"{plan[-1].last} weeks, {hours_range(least, most)}"
        title.add_row(Text(self.app.course.title, style="bold"), Text(total, style="dim"))
        self.query_one("#map-title", Static).update(title)

    def on_resize(self) -> None:
        """Show what has room."""
        if self._wide != (self.size.width >= WIDE):
            self._fill()

    def _row(self, week: Week, stub: ChapterStub, states: dict[str, Mastery]) -> Row:
        written = is_written(self.app.content_dir, stub.id)
        state, marks = "" if written else "planned", ""
        if written and self.app.store_ready:
            # Here, for a map that is opened before progress is: the first key waits for no database.
            from tutor.progress.placement import offer
            from tutor.progress.plan import progress_of, steps

            try:
                rows = steps(self.app.content_dir, stub.id, self.app.store)
                objectives = load_chapter(self.app.content_dir, stub.id).objectives
                marks = "".join(level_mark(states.get(objective.id)) for objective in objectives)
                state = _state(progress_of(rows))
                self._placement[stub.id] = offer(stub.id, rows, self.app.store)
            except TutorError:
                state = "unreadable"
        cells = [
            cell(weeks(week), "dim", 10),
            cell(f"{stub.number}  {stub.title}", "bold" if written else "", 0),
            cell(hours_range(*week.hours), "dim", 9, right=True),
            cell(state, "" if written else "dim", 12, right=True),
            cell(marks, width=10),
        ]
        if not self._wide:
            del cells[2]
        return Row(*cells)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what the marked chapter is for."""
        if event.option_id is not None:
            week = self.app.week_of(event.option_id)
            self.query_one(ChapterAbout).show(week, placement=self._placement.get(event.option_id, ""))
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to read on where there is more to read, and a placement quiz as the chapter does."""
        chapter = self._marked()
        written = chapter is not None and is_written(self.app.content_dir, chapter)
        match action:
            case "read_on":
                return self.query_one(ChapterAbout).show_vertical_scrollbar
            case "mastery":
                return written
            case "placement":
                return bool(chapter and self._placement.get(chapter))
            case _:
                return True

    def _marked(self) -> str | None:
        option = self.query_one(OptionList).highlighted_option
        return None if option is None else option.id

    def action_mastery(self) -> None:
        """Say how well the chapter is known."""
        self.app.open_target(f"mastery:{self._marked()}")

    def action_placement(self) -> None:
        """Open the placement quiz."""
        self.app.open_target(f"placement:{self._marked()}")

    def action_read_on(self) -> None:
        """Scroll the text below the list."""
        read_round(self.query_one(ChapterAbout))

    def action_search(self) -> None:
        """Search the course."""
        self.app.action_search()

    def action_picture(self) -> None:
        """Show how the chapters hang together."""
        self.app.open_target("picture")

    def action_open(self) -> None:
        """Open the marked chapter, or say that it is not written."""
        chapter = self._marked()
        if chapter is None:
            return
        if is_written(self.app.content_dir, chapter):
            self.app.open_target(f"chapter:{chapter}")
            return
        stub, week = self.app.chapter_stub(chapter), self.app.week_of(chapter)
        self.notify(
            f"Chapter {stub.number}, {stub.title}, is planned for week {week.first}; it has no lessons yet.",
            markup=False,
        )


def _state(progress: ChapterProgress) -> str:
    mark = "✓" if progress.done == progress.total else "◐" if progress.started else "○"
    words = {"✓": "done", "○": "open", "◐": f"{progress.done}/{progress.total} steps"}
    return f"{mark} {words[mark]}"
