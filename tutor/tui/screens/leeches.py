"""Questions that were forgotten again and again: each is better learned anew from its lesson than asked once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tutor.errors import TutorError
from tutor.progress.queue import leeches
from tutor.progress.review import LEECH_LAPSES
from tutor.progress.round import locate
from tutor.tui.format import count
from tutor.tui.names import lesson_name
from tutor.tui.screens.quiz_summary import first_line
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.progress.review import Card
    from tutor.tui.app import TutorApp


class LeechesScreen(Screen[None]):
    """A list of them, the most often forgotten first."""

    app: TutorApp
    TITLE = "Forgotten again and again"
    HELP = (
        f"Questions that you knew and forgot {LEECH_LAPSES} times or more. To ask them once more helps little: read "
        "what teaches them, make an example of your own, then answer.\n"
        "Enter opens the page that teaches the marked question, a asks it. One that you know better now can be begun "
        "anew: your data, x."
    )
    CSS_PATH = "leeches.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "lesson", "Lesson", tooltip="Open the page that teaches this"),
        Binding("a", "ask", "Ask", tooltip="Ask the marked question"),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._lessons: dict[str, str] = {}
        """The page that teaches each question; empty where none does."""

    def compose(self) -> ComposeResult:
        """How many there are, and the list."""
        yield Static(id="leeches-title", markup=False)
        yield ScreenList(id="leeches", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Stand on the one that was forgotten most often."""
        self.query_one(ScreenList).focus()

    def on_screen_resume(self) -> None:
        """Show how they stand now."""
        listed = self.query_one(ScreenList)
        at = listed.highlighted
        listed.clear_options()
        listed.add_options([Option(self._row(card), id=card.question) for card in leeches(self.app.store)])
        listed.highlighted = min(at or 0, listed.option_count - 1) if listed.option_count else None
        text = Text(self.TITLE, style="bold")
        about = f"{count(listed.option_count, 'question')}, each better learned anew from its lesson"
        if not listed.option_count:
            about = f"None: no question was forgotten {LEECH_LAPSES} times."
        self.query_one("#leeches-title", Static).update(text.append(f"\n{about}", "dim not bold"))
        self.refresh_bindings()

    def _row(self, card: Card) -> Table:
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(width=4, justify="right", no_wrap=True)
        row.add_column(ratio=1)
        text = Text(card.question)
        self._lessons[card.question] = ""
        try:
            found = locate(self.app.content_dir, self.app.course, card.question, card.chapter)
        except TutorError as error:
            text.append(f"\n{error}")
        else:
            if found is not None:
                text = Text(first_line(found[0], self.app.settings.ascii_math))
                self._lessons[card.question] = found[0].lesson
                if found[0].lesson:
                    text.append(f"\nread {lesson_name(self.app, found[0].lesson)}", style="dim italic")
        row.add_row(Text(f"{card.lapses}×"), text)
        return row

    # -- keys ---

    def _marked(self) -> str:
        option = self.query_one(OptionList).highlighted_option
        return option.id or "" if option is not None else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what there is to do."""
        match action:
            case "lesson":
                return bool(self._lessons.get(self._marked()))
            case "ask":
                return bool(self._marked())
            case _:
                return True

    def on_option_list_option_highlighted(self) -> None:
        """Offer what there is to do with this one."""
        self.refresh_bindings()

    def action_lesson(self) -> None:
        """Open the page that teaches the marked question."""
        self.app.open_target(f"lesson:{self._lessons[self._marked()]}")

    def action_ask(self) -> None:
        """Ask the marked question alone."""
        self.app.open_target(f"question:{self._marked()}")
