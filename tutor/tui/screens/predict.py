"""Predict first: the number that the learner commits to before a lab runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from tutor.course.expression import Unreadable, number
from tutor.course.markup import plain
from tutor.labs.spec import Prediction
from tutor.tui.screens.dialog import TYPING_HELP_KEY, Dialog
from tutor.tui.widgets.footer import KeyFooter

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp


class PredictLine(Input):
    """An input that keeps what is typed before it is drawn, and whose Enter stands in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Run", tooltip="Keep the prediction and run the lab"),
    ]

    def watch_value(self, value: str) -> None:
        """Keep it."""
        if self.has_focus and isinstance(self.screen, PredictScreen):
            self.screen.app.store.save_draft(self.screen.draft, value)


class PredictScreen(Dialog[float | None]):
    """Asks for one number; Esc goes back without running. What is typed is kept as the draft `draft`."""

    app: TutorApp
    TITLE = "Predict first"
    HELP = (
        "Say what you expect before you see it: a number such as 0.25, 1/3, 2e-3, sqrt(2) or 50%.\n"
        "Enter keeps it and runs the lab."
    )
    CSS_PATH = "lab.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", tooltip="Back, without a run"),
        TYPING_HELP_KEY,
    ]

    def __init__(self, prediction: Prediction, draft: str) -> None:
        super().__init__()
        self.prediction = prediction
        self.draft = draft

    def compose(self) -> ComposeResult:
        """The question, the input and what happens with it."""
        asked = self.prediction
        unit = f" {asked.unit}" if asked.unit else ""
        with Vertical(id="predict"):
            yield Static(Text(self.TITLE, style="bold"), id="predict-title")
            yield Static(Text(plain(asked.prompt, self.app.settings.ascii_math)))
            yield PredictLine(
                self.app.store.draft(self.draft),
                placeholder=f"a number from {asked.low:g} to {asked.high:g}{unit}",
                id="predict-line",
                select_on_focus=False,
            )
            yield Static(id="predict-unread", markup=False)
            yield Static(
                "Enter keeps it and runs the lab; it is drawn on the chart. A wrong guess costs nothing "
                "and makes what you see stick.",
                id="predict-foot",
            )
        yield KeyFooter()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Read the number; what cannot be read is said and asked again."""
        event.stop()
        asked = self.prediction
        note = self.query_one("#predict-unread", Static)
        try:
            value = number(event.value)
        except Unreadable as error:
            note.update(Text(f"{error}. F1 helps." if event.value.strip() == "?" else str(error)))
        else:
            if asked.low <= value <= asked.high:
                self.dismiss(value)
                return
            percent = " A percentage is typed as 25%." if asked.high == 1 else ""
            note.update(Text(f"It lies between {asked.low:g} and {asked.high:g}.{percent}"))
        note.display = True
