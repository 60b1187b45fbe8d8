"""Lines to be given a partner: a number gives one to the line under the cursor."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from tutor.course.grade import Response, present, rights
from tutor.course.model import Question
from tutor.tui.widgets.answers import DIGITS, LETTERS, AnswerList, ListAnswer, place_of


class MatchAnswer(ListAnswer):
    """The left lines in a list, the right sides numbered below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space", "turn(1)", "Partner", tooltip="The next partner for this line; a number gives it that one at once"
        ),
        Binding("right", "turn(1)", "Next partner", show=False),
        Binding("left", "turn(-1)", "Partner before", show=False),
        Binding("backspace,delete", "clear", "Take away", show=False),
    ]

    def __init__(self, question: Question, seed: int, keep: Callable[[str], None]) -> None:
        super().__init__(question, seed, keep)
        self.sides = rights(question)
        self.order = [int(at) for at in present(question, seed)]
        self.chosen: list[int | None] = [None] * len(question.pairs)

    def compose(self) -> ComposeResult:
        """The list, and below it what there is to choose from."""
        yield from super().compose()
        yield Static(id="partners", markup=False)

    def draw(self) -> None:
        """Draw the lines, and the partners with those that are taken dimmed."""
        super().draw()
        table = Table.grid(expand=True, padding=(0, 1))
        table.add_column(width=2, justify="right")
        table.add_column(ratio=1)
        for place, at in enumerate(self.order):
            style = "dim" if at in self.chosen else ""
            table.add_row(Text(DIGITS[place], style="dim"), Text(self.written(self.sides[at]), style=style))
        partners = self.query_one("#partners", Static)
        partners.update(table)
        partners.display = self.verdict is None

    def rows(self) -> list[Table]:
        """Lines with their partners; after the verdict with what came of each."""
        rows = []
        for at, pair in enumerate(self.question.pairs):
            row = Table.grid(expand=True, padding=(0, 1))
            row.add_column(width=1)
            row.add_column(width=1, style="dim")
            row.add_column(ratio=1)
            row.add_column(width=3)
            row.add_column(ratio=1)
            side = self.chosen[at]
            partner = Text("·", "dim") if side is None else Text(self.written(self.sides[side]), "bold")
            left = Text(self.written(pair.left))
            mark, reason = self._outcome(at)
            if reason:
                partner.append(f"\n{reason}", style="italic not bold")
            number = "→" if side is None else f"→ {DIGITS[self.order.index(side)]}"
            row.add_row(Text(mark), Text(LETTERS[at]), left, Text(number, style="dim"), partner)
            rows.append(row)
        return rows

    def _outcome(self, at: int) -> tuple[str, str]:
        """The mark of a line and the words below its partner."""
        if self.verdict is None:
            return " ", ""
        pair = self.question.pairs[at]
        if not self.verdict.parts:
            return " ", f"right: {self.written(pair.right)}"
        part = self.verdict.parts[at]
        if part.outcome == "right":
            return "✓", ""
        return "✗", f"{self.written(part.feedback)}\nright: {self.written(pair.right)}"

    def on_key(self, event: events.Key) -> None:
        """A number gives a partner, a letter goes to its line, Enter hands in."""
        if self.verdict is not None:
            return
        lines = self.query_one(AnswerList)
        if event.key == "enter":
            self.post_message(self.Submitted())
        elif event.character and event.character in DIGITS[: len(self.order)]:
            self._give(self.order[DIGITS.index(event.character)])
            lines.highlighted = self._below(lines.highlighted or 0)
        elif (place := place_of(event.character, len(self.chosen))) is not None:
            lines.highlighted = place
        else:
            return
        event.stop()
        event.prevent_default()

    def _below(self, at: int) -> int:
        """The next line without a partner; when all have one the next line."""
        count = len(self.chosen)
        places = (place % count for place in range(at + 1, at + count))
        return next((place for place in places if self.chosen[place] is None), min(at + 1, count - 1))

    def action_turn(self, by: int) -> None:
        """Give the line the partner that stands below, or above, the one it has."""
        at = self.query_one(AnswerList).highlighted
        if self.verdict is None and at is not None:
            side = self.chosen[at]
            place = self.order.index(side) + by if side is not None else (0 if by > 0 else -1)
            self._give(self.order[place % len(self.order)])

    def action_clear(self) -> None:
        """Take the partner of the line away."""
        if self.verdict is None:
            self._give(None)

    def _give(self, side: int | None) -> None:
        at = self.query_one(AnswerList).highlighted
        if at is not None:
            self.chosen[at] = side
            self.keep(json.dumps(self.chosen) if self.chosen != [None] * len(self.chosen) else "")
            self.draw()

    def response(self) -> Response | None:
        """The index of the right side of each line; None until every line has one."""
        chosen = tuple(side for side in self.chosen if side is not None)
        return chosen if len(chosen) == len(self.chosen) else None

    def restore(self, draft: str) -> None:
        """Give the lines the partners of the draft."""
        try:
            kept = json.loads(draft)
        except ValueError:
            return
        sides = {None, *range(len(self.sides))}
        if isinstance(kept, list) and len(kept) == len(self.chosen) and all(_index(side) in sides for side in kept):
            self.chosen = kept
            self.draw()


def _index(side: object) -> object:
    """`True` and `1.0` are no indices, however equal they are to 1."""
    return side if side is None or type(side) is int else -1
