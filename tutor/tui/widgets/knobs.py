"""The parameters of a lab as a list: arrows choose and change, Enter types a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tutor.labs.spec import Param, Value
from tutor.tui.widgets.row import Row, cell


class Knobs(OptionList):
    """Shows each parameter with its value; calls `turned` when the learner changes one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", "Less", key_display="←", show=False, tooltip="Lower the marked parameter"),
        Binding("right,l", "turn(1)", "More", key_display="→", show=False, tooltip="Raise the marked parameter"),
        Binding("shift+left", "turn(-10)", "Much less", show=False, tooltip="Ten steps down"),
        Binding("shift+right", "turn(10)", "Much more", show=False, tooltip="Ten steps up"),
    ]

    class TypeValue(Message):
        """The learner wants to type the value of a parameter."""

        def __init__(self, param: Param) -> None:
            super().__init__()
            self.param = param

    def __init__(self, params: tuple[Param, ...], turned: Callable[[str, Value], object], id: str) -> None:
        super().__init__(id=id, markup=False)
        self.params = params
        self.turned = turned
        """Takes a name and its new value, and shows it. No message: the next key press counts on from there."""
        self.values: dict[str, Value] = {}
        self.limits: dict[str, tuple[float, float]] = {}

    def show(self, values: Mapping[str, Value], limits: Mapping[str, tuple[float, float]]) -> None:
        """Draw the values; `limits` narrow the declared ranges."""
        if dict(values) == self.values and dict(limits) == self.limits:
            return
        self.values, self.limits = dict(values), dict(limits)
        at = self.highlighted
        self.clear_options()
        self.add_options([Option(self._row(knob), id=knob.name) for knob in self.params])
        self.highlighted = at if at is not None else 0

    def _row(self, knob: Param) -> Row:
        value = written(knob, self.values[knob.name])
        label = Text(knob.name.replace("_", " "))
        if not knob.live:
            label.append(" ⟲", style="dim")
        return Row(cell(label, width=0), cell(f"{value} {knob.unit}".strip(), "bold", right=True))

    def action_turn(self, by: int) -> None:
        """Change the marked parameter by so many presses."""
        if self.highlighted is None:
            return
        knob = self.params[self.highlighted]
        if knob.kind == "path":
            self.post_message(self.TypeValue(knob))
            return
        value = self.values[knob.name]
        for _ in range(abs(by) if knob.kind in {"int", "float"} else 1):
            value = knob.nudged(value, 1 if by > 0 else -1)
        if knob.name in self.limits:
            low, high = self.limits[knob.name]
            value = type(value)(min(max(float(value), low), high))
        if value != self.values[knob.name]:
            self.turned(knob.name, value)

    def action_select(self) -> None:
        """Enter: flip a switch, or type the value."""
        if self.highlighted is None:
            return
        knob = self.params[self.highlighted]
        if knob.kind in {"bool", "choice"}:
            self.action_turn(1)
        else:
            self.post_message(self.TypeValue(knob))


def written(knob: Param, value: Value) -> str:
    """Write a value as the learner would type it."""
    match knob.kind:
        case "bool":
            return "on" if value else "off"
        case "float":
            return f"{float(value):.4g}"
        case "path":
            return str(value).rstrip("/").rsplit("/", 1)[-1] if value else "shipped"
        case _:
            return str(value)
