"""Lists that leave Enter to their screen; among them the steps of a chapter with how far each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tutor.tui.format import minutes
from tutor.tui.widgets.row import Row, cell

if TYPE_CHECKING:
    from tutor.progress.plan import Step

MARKS = {"done": "✓", "started": "◐", "open": "○"}
KINDS = {"review": "due", "lesson": "", "lab": "lab", "checkpoint": "quiz"}


class ScreenList(OptionList, inherit_bindings=False):
    """A list that leaves Enter to its screen; a key with priority instead would overtake the arrows before it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in OptionList.BINDINGS if isinstance(binding, Binding) and binding.key != "enter"
    ]

    def on_resize(self) -> None:
        """Keep the mark on the screen when there is less room."""
        self.call_after_refresh(self.scroll_to_highlight)


class StepList(ScreenList):
    """The steps of a chapter; the id of a line is what `open_target` takes."""

    _next: str | None = None

    def show(self, steps: tuple[Step, ...], following: Step | None) -> None:
        """Draw the steps. The mark follows what comes next when that has changed, and else stays where it is."""
        target = following.target if following is not None else None
        marked = self.highlighted_option.id if self.highlighted_option is not None and target == self._next else target
        self._next = target
        self.clear_options()
        self.add_options([Option(_row(step), id=step.target) for step in steps])
        targets = [step.target for step in steps]
        self.highlighted = targets.index(marked) if marked in targets else 0


def _row(step: Step) -> Row:
    return Row(
        cell(MARKS[step.state], width=1),
        cell(step.section or KINDS[step.kind], "dim", 4),
        cell(step.label, width=0),
        cell(step.progress, "dim", right=True),
        cell(minutes(step.minutes), "dim", 8, right=True),
    )
