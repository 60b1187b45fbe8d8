"""How well each objective of a chapter is known, why, and what would raise it; Enter practises it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tutor.course.markup import plain
from tutor.errors import TutorError
from tutor.progress.objectives import Standing, lesson_of, standings
from tutor.tui.format import day, level_mark
from tutor.tui.scrolling import read_round
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.row import Row, cell
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp


class MasteryScreen(Screen[None]):
    """The objectives in a list, and all about the marked one below it."""

    app: TutorApp
    TITLE = "How well you know it"
    HELP = (
        "Each objective stands at a level that follows from the last five questions tried on it: ◔ attempted below "
        "70 %, ◑ familiar below 100 %, ◕ proficient when all of at least three are right, ● mastered when one is "
        "answered rightly again on a later day, in mixed practice. It can fall again.\n"
        "Enter practises the marked objective in its lesson's questions, c repeats what you have answered of the "
        "whole chapter, least known first, l opens the lesson."
    )
    CSS_PATH = "mastery.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "practise", "Practise", tooltip="The practice questions of the lesson that teaches this"),
        Binding("l", "lesson", "Lesson", tooltip="Open the lesson that teaches this"),
        Binding("c", "cram", "Cram", tooltip="Repeat what you have answered of this chapter, least known first"),
        Binding("space", "read_on", "Read on", show=False, tooltip="Scroll the text; at its end back to the top"),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]

    def __init__(self, chapter_id: str) -> None:
        super().__init__()
        self.chapter_id = chapter_id
        self.rows: dict[str, Standing] = {}

    def compose(self) -> ComposeResult:
        """The chapter, its objectives, and the marked one in full."""
        yield Static(id="mastery-title", markup=False)
        yield ScreenList(id="objectives", markup=False)
        with VerticalScroll(id="mastery-about", can_focus=False):
            yield Static(id="mastery-text", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Stand on the first objective."""
        self.query_one(ScreenList).focus()
        self._draw()

    def on_screen_resume(self) -> None:
        """Show what practice has changed."""
        self._draw()

    def _draw(self) -> None:
        stub = self.app.chapter_stub(self.chapter_id)
        try:
            rows = standings(self.app.content_dir, self.chapter_id, self.app.store)
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
            rows = ()
        self.rows = {row.objective.id: row for row in rows}
        known = sum(row.state is not None and row.state.level in {"proficient", "mastered"} for row in rows)
        title = Text(f"Chapter {stub.number}  {stub.title}", style="bold")
        title.append(f"\n{known} of {len(rows)} objectives proficient or mastered", "dim not bold")
        self.query_one("#mastery-title", Static).update(title)
        listed = self.query_one(OptionList)
        at = listed.highlighted
        listed.clear_options()
        listed.add_options([Option(_row(row), id=row.objective.id) for row in rows])
        if rows:
            listed.highlighted = at or 0

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say all about the marked objective."""
        row = self.rows.get(event.option_id or "")
        if row is not None:
            self.query_one("#mastery-text", Static).update(self._about(row))
            self.query_one("#mastery-about").scroll_home(animate=False)

    def _about(self, row: Standing) -> Group:
        text = Text(f"{plain(row.objective.text, self.app.settings.ascii_math)}\n", style="bold")
        if row.state is not None:
            marks = "".join("✓" if worth == 1 else "½" if worth else "✗" for _, worth in row.state.window)
            text.append(f"{level_mark(row.state)} {row.state.level}", "not bold")
            text.append(f"   the questions that count, the latest last: {marks}\n", "dim not bold")
        text.append(f"→ {row.raises}\n", "not bold")
        if row.changes:
            text.append("\nWhat changed it", "bold")
        changes = Table.grid(expand=True, padding=(0, 2, 0, 0))
        changes.add_column(width=11, no_wrap=True)
        changes.add_column(width=22, no_wrap=True)
        changes.add_column(ratio=1, style="dim")
        for change in row.changes:
            when = day(datetime.fromisoformat(change.at).astimezone().date())
            before = f"{change.before} → " if change.before else ""
            why = f"{change.reason} ({change.question})" if change.question else change.reason
            changes.add_row(Text(when), Text(f"{before}{change.after}"), Text(why))
        return Group(text, changes)

    # -- keys ---

    def _lesson(self) -> str:
        option = self.query_one(OptionList).highlighted_option
        if option is None or option.id is None:
            return ""
        try:
            found = lesson_of(self.app.content_dir, self.chapter_id, option.id)
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
            return ""
        if not found:
            self.notify("No lesson asks about this yet.", markup=False)
        return found

    def action_practise(self) -> None:
        """Ask the lesson's questions."""
        if lesson := self._lesson():
            self.app.open_target(f"practice:{lesson}")

    def action_lesson(self) -> None:
        """Open the lesson."""
        if lesson := self._lesson():
            self.app.open_target(f"lesson:{lesson}")

    def action_cram(self) -> None:
        """Repeat what was answered of the chapter."""
        self.app.open_target(f"review:cram:{self.chapter_id}")

    def action_read_on(self) -> None:
        """Scroll a screenful; from the end back to the top."""
        read_round(self.query_one("#mastery-about"))


def _row(row: Standing) -> Row:
    return Row(
        cell(level_mark(row.state), width=1),
        cell("not tried" if row.state is None else row.state.level, "dim" if row.state is None else "", 10),
        cell("" if row.state is None else f"{100 * row.state.share:.0f} %", "dim", 5, right=True),
        cell(plain(row.objective.text), width=0),
    )
