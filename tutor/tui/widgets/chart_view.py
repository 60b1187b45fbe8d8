"""Paints a chart that the lab host has already drawn into styled runs of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

    def __init__(self, chart_id: str, number: str = "") -> None:
        super().__init__(id=f"chart-{chart_id}")
        self.chart_id = chart_id
        self.number = number
        """Which of how many charts it is, written at the end of the first row where that is blank."""
        self._lines: list[Line] = []
        self._base: Style | None = None
        """The widget's own style, which takes longer to find than a row to paint."""
        self._strips: dict[int, Strip] = {}
        """Rows as they are painted, until they change."""

    def notify_style_update(self) -> None:
        """Find the style again."""
        self._base = None
        self._strips.clear()
        super().notify_style_update()

    def on_show(self) -> None:
        """Tell that there is room now."""
        self.post_message(self.Placed())

    def on_resize(self) -> None:
        """Tell that the room is another."""
        self._strips.clear()
        self.post_message(self.Placed())

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the picture."""
        before, self._lines = self._lines, self._numbered(lines)
        if len(before) != len(lines):
            self._strips.clear()
            self.refresh()
            return
        width = self.size.width
        changed = [y for y, (old, new) in enumerate(zip(before, self._lines, strict=True)) if old != new]
        for y in changed:
            self._strips.pop(y, None)
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def _numbered(self, lines: Sequence[Line]) -> list[Line]:
        """The picture with its number."""
        if not self.number or not lines or not lines[0]:
            return list(lines)
        *runs, (blank, style) = lines[0]
        if blank.strip() or len(blank) < len(self.number) + 2:
            return list(lines)
        room = blank[len(self.number) :]
        return [[*runs, (room, style), (self.number, "dim")], *lines[1:]]

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows of a part of the picture.

        A chart has neither border nor padding, so that it can do without Textual's own way, which decorates every
        row of every widget anew and takes three quarters of the time of a frame.
        """
        missing = [y for y in crop.line_range if y not in self._strips]
        if missing:
            self._paint(missing)
        rows = [self._strips[y] for y in crop.line_range]
        if crop.column_span == (0, self.size.width):
            return rows
        return [row.crop(*crop.column_span) for row in rows]

    def _paint(self, rows: Iterable[int]) -> None:
        """Make rows on the widget's own background."""
        base = self._base = self._base or self.rich_style
        filters = self.get_line_filters()
        background = self.background_colors[1]
        width = self.size.width
        for y in rows:
            line = self._lines[y] if y < len(self._lines) else ()
            strip = Strip([Segment(text, base + _style(style)) for text, style in line])
            strip = strip.adjust_cell_length(width, base)
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, background)
            self._strips[y] = strip
