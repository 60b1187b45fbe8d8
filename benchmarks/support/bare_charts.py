"""The peer of the running lab: a bare Textual app of the same shape, its text replaced 30 times a second.

A lab's charts take 88×34 cells at 120×40; half of them change with each update. Down moves the mark in the list.
"""

from itertools import count

from rich.text import Text
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.widgets import Footer, OptionList, Static

COLUMNS, ROWS, PARTS = 88, 34, 8
COLOURS = ("#7fb0f5", "#e5b567", "#8fc983")


class BareCharts(App[None]):
    CSS = "#charts { width: 88; } OptionList { width: 1fr; } #head { height: 1; } Horizontal { height: 1fr; }"
    BINDINGS = [(key, "none", name) for key, name in zip("abcdefg", ("Play", "Step", "Restart") * 3, strict=False)]

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with Horizontal():
            yield Static(id="charts")
            yield OptionList("keys", "d max", "show")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = 0
        self.query_one(OptionList).focus()
        self.steps = count()
        self.set_interval(1 / 30, self.update)

    def update(self) -> None:
        step = next(self.steps)
        text = Text()
        for row in range(ROWS):
            for part in range(PARTS):
                mark = chr(0x2801 + (7 * step + row + part) % 250) if part % 2 else "⠿"
                text.append(mark * (COLUMNS // PARTS), COLOURS[part % 3])
            text.append("\n")
        self.query_one("#charts", Static).update(text)
        self.query_one("#head", Static).update(f"▶ running  step {step}/")


BareCharts().run()
