"""A chapter: all its lessons, labs and its checkpoint, and how far each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from tutor.errors import TutorError
from tutor.progress.placement import offer
from tutor.progress.plan import Step, next_step, steps
from tutor.tui.format import hours_range, weeks
from tutor.tui.scrolling import read_round
from tutor.tui.widgets.chapter_about import ChapterAbout
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.steps import StepList

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp


class ChapterScreen(Screen[None]):
    """The steps of any chapter, whichever week it is; `rows` are its steps as they stand when it is opened."""

    app: TutorApp
    HELP = (
        "The lessons, labs and checkpoint of one chapter; below them, what the chapter is for.\n"
        "The mark stands on what comes next; the arrows choose anything else. Each objective has a mark: · not tried, "
        "◔ attempted, ◑ familiar, ◕ proficient, ● mastered."
    )
    CSS_PATH = "chapter.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="Open what is marked"),
        Binding("k", "mastery", "How well", tooltip="How well you know each objective of the chapter, and why"),
        Binding("v", "placement", "Test out", tooltip="A short quiz that can leave the chapter out of the plan"),
        Binding("space", "read_on", "Read on", tooltip="Scroll the text below the list; at its end back to the top"),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]

    def __init__(self, chapter_id: str, rows: tuple[Step, ...]) -> None:
        super().__init__()
        self.chapter_id = chapter_id
        self.rows = rows

    def compose(self) -> ComposeResult:
        """Lay out the title, the steps and what the chapter is for."""
        yield Static(id="chapter-title", markup=False)
        yield StepList(id="steps", markup=False)
        yield ChapterAbout(id="chapter-about")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Draw the chapter and stand on what comes next."""
        stub, week = self.app.chapter_stub(self.chapter_id), self.app.week_of(self.chapter_id)
        self.set_reactive(Screen.title, f"Chapter {stub.number}: {stub.title}")
        title = Text(f"Chapter {stub.number}  {stub.title}", style="bold")
        title.append(f"\n{weeks(week)}, {hours_range(*week.hours)}", style="dim not bold")
        self.query_one("#chapter-title", Static).update(title)
        self._draw()
        self.query_one(StepList).focus()
        self.watch(self.query_one(ChapterAbout), "show_vertical_scrollbar", self.refresh_bindings, init=False)

    def on_screen_resume(self) -> None:
        """Show progress made while a step was open."""
        try:
            self.rows = steps(self.app.content_dir, self.chapter_id, self.app.store)
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
        self._draw()

    def _draw(self) -> None:
        self.query_one(StepList).show(self.rows, next_step(self.rows))
        self.query_one(ChapterAbout).show(self.app.week_of(self.chapter_id), placement=self._placement())
        self.refresh_bindings()

    def _placement(self) -> str:
        return offer(self.chapter_id, self.rows, self.app.store)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to read on where there is more to read, and the placement quiz where the plan does."""
        if action == "placement":
            return bool(self._placement())
        return action != "read_on" or self.query_one(ChapterAbout).show_vertical_scrollbar

    def action_mastery(self) -> None:
        """Say how well the chapter is known."""
        self.app.open_target(f"mastery:{self.chapter_id}")

    def action_placement(self) -> None:
        """Open the placement quiz."""
        self.app.open_target(f"placement:{self.chapter_id}")

    def action_read_on(self) -> None:
        """Scroll the text below the list."""
        read_round(self.query_one(ChapterAbout))

    def action_open(self) -> None:
        """Open the marked step."""
        option = self.query_one(StepList).highlighted_option
        if option is not None and option.id is not None:
            self.app.open_target(option.id)
