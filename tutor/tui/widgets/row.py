"""A line of a list in columns. A table of Rich would lay out and draw itself anew each time its height is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text
from textual.content import Content
from textual.visual import Visual

if TYPE_CHECKING:
    from textual.css.styles import RulesMap
    from textual.strip import Strip
    from textual.style import Style
    from textual.visual import RenderOptions

GAP = 1
"""Cells between columns."""


class Cell(NamedTuple):
    """What stands in a column; a text that is too long ends in an ellipsis."""

    text: Content
    width: int | None = None
    """In cells. None: as wide as the text; 0: what the others leave."""
    right: bool = False
    """Whether the text stands at the right end."""


def cell(text: str | Text, style: str = "", width: int | None = None, *, right: bool = False) -> Cell:
    """A cell of text that is not markup."""
    content = Content.styled(text, style) if isinstance(text, str) else Content.from_rich_text(text)
    return Cell(content, width, right)


class Row(Visual):
    """Cells side by side on one line, across the whole width."""

    def __init__(self, *cells: Cell) -> None:
        self.cells = cells

    def _laid_out(self, width: int) -> Content:
        widths = [each.text.cell_length if each.width is None else each.width for each in self.cells]
        left = max(0, width - sum(widths) - GAP * (len(widths) - 1))
        line = []
        for each, room in zip(self.cells, widths, strict=True):
            room = left if each.width == 0 else room
            text = each.text.truncate(room, ellipsis=True)
            spare = room - text.cell_length
            line.append(text.pad_left(spare) if each.right else text.pad_right(spare))
        return Content(" " * GAP).join(line).truncate(width)

    def render_strips(self, width: int, height: int | None, style: Style, options: RenderOptions) -> list[Strip]:
        """Draw the line."""
        return self._laid_out(width).render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """All there is."""
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        """One line."""
        return 1
