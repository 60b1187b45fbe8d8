"""A line in columns fits its width, whatever stands in it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from tutor.tui.widgets.row import Row, cell

TEXTS = st.text("ab é✓→漢[/bold]", max_size=12)
CELLS = st.lists(st.tuples(TEXTS, st.none() | st.integers(0, 9), st.booleans()), min_size=1, max_size=5)


def drawn(row: Row, width: int) -> str:
    return row._laid_out(width).plain


def test_one_column_takes_what_the_others_leave() -> None:
    row = Row(cell("✓", width=1), cell("singular values", "bold", 0), cell("3 min", "dim", 8, right=True))
    assert drawn(row, 30) == "✓ singular values        3 min"
    assert drawn(row, 20) == "✓ singular…    3 min"


def test_brackets_are_text() -> None:
    assert drawn(Row(cell("[red]x[/]", width=0), cell(Text("[b]", "bold"))), 16) == "[red]x[/]    [b]"


@given(cells=CELLS, width=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_it_never_is_wider_than_there_is_room(cells: list[tuple[str, int | None, bool]], width: int) -> None:
    row = Row(*(cell(text, width=room, right=right) for text, room, right in cells))
    assert row._laid_out(width).cell_length <= width
