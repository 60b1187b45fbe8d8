"""A list of things to choose: up and down mark one, left and right change it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets.option_list import Option

from tutor.tui.widgets.row import Row, cell
from tutor.tui.widgets.steps import ScreenList

LABEL, VALUE = 16, 20
"""Least cells, so that the lines stand below each other."""


class Dial(NamedTuple):
    """A line of the list."""

    name: str
    label: str
    value: str
    note: str = ""
    """What the value means, beside it."""


class Dials(ScreenList):
    """Shows each dial with its value; calls `turned` with a name and by how many steps."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", "Less", key_display="←", show=False, tooltip="Lower what is marked"),
        Binding("right,l", "turn(1)", "More", key_display="→", show=False, tooltip="Raise what is marked"),
        Binding("shift+left,pageup", "turn(-7)", "Much less", show=False, tooltip="Seven steps down (a date: a week)"),
        Binding("shift+right,pagedown", "turn(7)", "Much more", show=False, tooltip="Seven steps up (a date: a week)"),
    ]

    def __init__(self, turned: Callable[[str, int], object], id: str) -> None:
        super().__init__(id=id, markup=False)
        self.turned = turned

    def show(self, dials: Sequence[Dial]) -> None:
        """Draw the dials; the mark stays."""
        at = self.highlighted
        self.clear_options()
        width = max(LABEL, *(cell_len(dial.label) for dial in dials))
        self.add_options([Option(_row(dial, width), id=dial.name) for dial in dials])
        self.highlighted = min(at or 0, len(dials) - 1)

    def action_turn(self, by: int) -> None:
        """Change what is marked."""
        option = self.highlighted_option
        if option is not None and option.id is not None:
            self.turned(option.id, by)


def _row(dial: Dial, width: int) -> Row:
    value = Text.assemble("◂ ", (dial.value, "bold"), " ▸")
    return Row(
        cell(dial.label, width=width), cell(value, width=max(VALUE, value.cell_len)), cell(dial.note, "dim", width=0)
    )
