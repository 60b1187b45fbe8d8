"""A note on what is wrong with a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from tutor.progress.events import Flag
from tutor.tui.screens.dialog import TYPING_HELP_KEY, Dialog
from tutor.tui.widgets.footer import KeyFooter

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

LONGEST = 2000
"""Characters of a note, as the log takes it."""


class FlagScreen(Dialog[bool]):
    """Takes a short note and flags the question; true when it did."""

    app: TutorApp
    TITLE = "Flag a question"
    CSS_PATH = "flag.tcss"
    HELP = "A flag says that something is wrong with a question; `genai-tutor flag` lists them with their notes."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", tooltip="Back without a flag; what was typed is kept"),
        TYPING_HELP_KEY,
    ]

    def __init__(self, question: str, chapter: str) -> None:
        super().__init__()
        self.question = question
        self.chapter = chapter

    @property
    def draft_key(self) -> str:
        """Where the note is kept while it is typed."""
        return f"flag:{self.question}"

    def compose(self) -> ComposeResult:
        """A box with one line to type."""
        with Vertical(id="flag"):
            yield Static(Text("What is wrong with this question?", style="bold"))
            yield Static(Text(self.question), classes="muted")
            yield Input(placeholder="a short note, or nothing", max_length=LONGEST, select_on_focus=False, id="note")
            yield Static(Text("Enter flags it · Esc goes back without"), classes="muted")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Put back a note that was half typed."""
        line = self.query_one(Input)
        line.value = self.app.store.draft(self.draft_key)
        line.cursor_position = len(line.value)
        line.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what is typed."""
        self.app.store.save_draft(self.draft_key, event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Flag the question."""
        self.app.store.record(
            Flag(item=self.question, note=event.value.strip()),
            chapter=self.chapter,
            seconds=self.app.active_seconds(),
            draft=self.draft_key,
        )
        self.dismiss(True)

    def action_leave(self) -> None:
        """Leave without a flag."""
        self.dismiss(False)
