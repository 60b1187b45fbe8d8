"""What came of a round: by objective, what went wrong first, and what to read again."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static
from textual.widgets.option_list import Option

from tutor.course.load import load_chapter
from tutor.course.markup import plain
from tutor.course.model import Question
from tutor.errors import TutorError
from tutor.tui.names import lesson_name
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.progress.round import Asked, Round
    from tutor.tui.app import TutorApp


class QuizSummary(Vertical):
    """A few lines on the whole, and a list of the questions; the list is hidden while there is none."""

    app: TutorApp

    def compose(self) -> ComposeResult:
        """The lines and the list."""
        yield Static(id="score", markup=False)
        yield ScreenList(id="outcomes", markup=False)

    def say(self, text: Text) -> None:
        """Show a text alone."""
        self.query_one("#score", Static).update(text)
        self.query_one(ScreenList).display = False

    def show(self, round_: Round, head: Text) -> None:
        """Draw how a round ended; the mark stands on the first question that was not right."""
        self.query_one("#score", Static).update(head)
        rows = self.query_one(ScreenList)
        rows.display = True
        rows.clear_options()
        first = None
        for objective, asked in by_objective(round_):
            good = sum(_right(round_, one) for one in asked)
            rows.add_option(Option(self._heading(objective, asked, good), disabled=True))
            for one in sorted(asked, key=lambda one: _right(round_, one)):
                right = _right(round_, one)
                if first is None and not right:
                    first = rows.option_count
                rows.add_option(Option(self._outcome(round_, one, right), id=one.question.id))
        rows.highlighted = first if first is not None else 1
        rows.focus()

    @property
    def marked(self) -> str:
        """The id of the question under the mark; empty when there is none."""
        option = self.query_one(ScreenList).highlighted_option
        return option.id or "" if option is not None else ""

    def _heading(self, objective: str, asked: list[Asked], good: int) -> Table:
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(justify="right", no_wrap=True)
        text = _objective_text(self.app, objective, asked[0].chapter)
        row.add_row(Text(text, style="bold"), Text(f"{good} of {len(asked)}"))
        return row

    def _outcome(self, round_: Round, asked: Asked, right: bool) -> Table:
        """A line for a question: how it was answered, and below a wrong one what to read."""
        state = self.app.store.question(asked.question.id)
        later = not right and state is not None and state.last_outcome == "right"
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(width=1)
        row.add_column(ratio=1)
        text = Text(first_line(asked.question, self.app.settings.ascii_math))
        if not right and asked.question.lesson:
            text.append(f"\nread {lesson_name(self.app, asked.question.lesson)}", style="dim italic")
        row.add_row(Text("✓" if right else "↻" if later else "✗"), text)
        return row


def by_objective(round_: Round) -> list[tuple[str, list[Asked]]]:
    """The questions under their first objective; objectives with errors come first."""
    groups: dict[str, list[Asked]] = {}
    assert round_.quiz is not None
    for name in round_.quiz.questions:
        asked = round_.look(name)
        if asked is not None:
            groups.setdefault(asked.question.objectives[0] if asked.question.objectives else "", []).append(asked)
    return sorted(groups.items(), key=lambda group: all(_right(round_, one) for one in group[1]))


def _right(round_: Round, asked: Asked) -> bool:
    assert round_.quiz is not None
    return any(given.question == asked.question.id and given.outcome == "right" for given in round_.quiz.answers)


def _objective_text(app: TutorApp, objective: str, chapter: str) -> str:
    try:
        known = load_chapter(app.content_dir, chapter).objectives
    except TutorError:
        known = ()
    return next((plain(one.text, app.settings.ascii_math) for one in known if one.id == objective), objective)


def first_line(question: Question, ascii: bool) -> str:
    """The beginning of a question, as much as a line of 80 columns holds."""
    opening, _, rest = plain(question.prompt, ascii).strip().partition("\n\n")
    if rest and opening[-1:] not in ".?!:":
        opening += " …"  # the sentence goes on after a formula or code
    return textwrap.shorten(opening, 68, placeholder=" …")
