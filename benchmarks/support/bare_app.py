"""The peer of the start-up benchmark: a bare Textual app with the widgets and keys of Today, and nothing behind them.

`m` opens a second screen with the widgets and keys of the course map; `c` changes one line.
"""

from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static


class SecondScreen(Screen[None]):
    BINDINGS = [("enter", "none", "Open chapter"), ("escape", "dismiss", "Back"), ("question_mark", "none", "Help")]

    def compose(self) -> ComposeResult:
        yield Static("Course")
        yield OptionList(*[f"Week {n}" for n in range(12)])
        yield Static("SCREEN-OPENED")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()


class BareApp(App[None]):
    BINDINGS = [
        ("enter", "none", "Continue"),
        ("m", "second", "Course map"),
        ("c", "change", "Dark/light"),
        ("q", "quit", "Quit"),
        ("question_mark", "none", "Help"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("Week")
            yield Static("Facts")
            yield Static("Next", id="next")
            yield OptionList(*[f"Step {n}" for n in range(9)])
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def action_second(self) -> None:
        self.push_screen(SecondScreen())

    def action_change(self) -> None:
        self.query_one("#next", Static).update("LINE-CHANGED")


BareApp().run()
