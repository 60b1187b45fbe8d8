"""Paints a chart that the lab host has already drawn into styled runs of text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

Line = Sequence[tuple[str, str]]


@lru_cache(maxsize=4096)
def _style(name: str) -> Style:
    return Style.parse(name) if name else Style.null()


class ChartView(Widget):
    """Shows one picture; lines that did not change are not painted again."""

    class Placed(Message):
        """The view has got room on the screen, or another room than before."""

    def __init__(self, chart_id: str) -> None:
        super().__init__(id=f"chart-{chart_id}")
        self.chart_id = chart_id
        self._lines: list[Line] = []
        self._base: Style | None = None
        """The widget's own style, which takes longer to find than a row to paint."""

    def notify_style_update(self) -> None:
        """Find the style again."""
        self._base = None
        super().notify_style_update()

    def on_show(self) -> None:
        """Tell that there is room now."""
        self.post_message(self.Placed())

    def on_resize(self) -> None:
        """Tell that the room is another."""
        self.post_message(self.Placed())

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the picture."""
        before, self._lines = self._lines, list(lines)
        if len(before) != len(lines):
            self.refresh()
            return
        width = self.size.width
        changed = [y for y, (old, new) in enumerate(zip(before, lines, strict=True)) if old != new]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        """One row of the picture on the widget's own background."""
        base = self._base = self._base or self.rich_style
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, base)
        strip = Strip([Segment(text, base + _style(style)) for text, style in self._lines[y]])
        return strip.adjust_cell_length(width, base)
