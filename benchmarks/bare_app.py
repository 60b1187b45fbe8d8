"""The peer of the start-up benchmark: a bare Textual app with the widgets that Today has, and nothing behind them."""

from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.widgets import Footer, OptionList, Static


class BareApp(App[None]):
    BINDINGS = [("m", "answer", "Answer"), ("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("Week")
            yield Static("Facts")
            yield Static("Next", id="next")
            yield OptionList(*[f"Step {n}" for n in range(9)])
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def action_answer(self) -> None:
        self.query_one("#next", Static).update("KEY-ANSWERED")


BareApp().run()
