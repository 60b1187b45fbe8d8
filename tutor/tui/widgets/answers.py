"""The ways to answer a question by keyboard: choose, type, put in order, or write and grade oneself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option
from textual.widgets.text_area import Edit, EditResult

from tutor.course import arrays
from tutor.course.grade import Response, Verdict, is_number, passing, present
from tutor.course.markup import plain
from tutor.course.model import Question
from tutor.tui.widgets.gaps import GapFields

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

LETTERS = "abcdefghijklmnop"
DIGITS = "123456789"
DIVIDER = "—"
"""Stands in an order for the line below which lies what belongs nowhere."""
CARRY = {"up": -1, "down": 1, "home": -99, "pageup": -99, "end": 99, "pagedown": 99}
"""How far a key carries a line at most; all that would move the cursor alone."""
BELOW = "──── carry below here what belongs nowhere ────"


class Answer(Widget):
    """Base of all answer widgets: holds what the learner has chosen or typed so far."""

    app: TutorApp

    class Submitted(Message):
        """The learner hands the answer in."""

    def __init__(self, question: Question, seed: int, keep: Callable[[str], None]) -> None:
        super().__init__()
        self.question = question
        self.seed = seed
        self.keep = keep
        """Takes what `restore` needs, at every change. No message: it has to be kept before it is drawn."""

    def written(self, text: str) -> str:
        """A text of the question as it is drawn, its formulas in ASCII where the learner wants that."""
        return plain(text, self.app.settings.ascii_math)

    def response(self) -> Response | None:
        """What to grade, or None while there is nothing yet."""
        raise NotImplementedError

    def restore(self, draft: str) -> None:
        """Put back what `keep` was given; a draft that cannot be read is ignored."""
        raise NotImplementedError

    def focus_input(self) -> None:
        """Put the cursor where the answer is given."""
        raise NotImplementedError

    def refused(self, verdict: Verdict) -> None:
        """Put the cursor at what could not be read, where that is one place of several; the answer stays open."""

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Mark the answer as graded and keep it on the screen; None opens it again."""
        raise NotImplementedError


class ListAnswer(Answer):
    """Base of the answers given in a list of lines."""

    def __init__(self, question: Question, seed: int, keep: Callable[[str], None]) -> None:
        super().__init__(question, seed, keep)
        self.verdict: Verdict | None = None

    def compose(self) -> ComposeResult:
        """One list, as high as its lines."""
        yield AnswerList(id="lines", markup=False)

    def on_mount(self) -> None:
        """Draw the lines."""
        self.draw()

    def focus_input(self) -> None:
        """Put the cursor into the list."""
        self.query_one(AnswerList).focus()

    def rows(self) -> list[Table]:
        """The lines to draw."""
        raise NotImplementedError

    def on_key(self, event: events.Key) -> None:
        """Take a key before the list does; none by itself."""

    def draw(self) -> None:
        """Draw the lines anew and keep the cursor where it is."""
        lines = self.query_one(AnswerList)
        at = lines.highlighted
        rows = self.rows()  # drawn while the list still knows its cursor
        lines.clear_options()
        lines.add_options([Option(row) for row in rows])
        lines.highlighted = at if at is not None else 0

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Draw the reasons beside the lines, or take them away."""
        self.verdict = verdict
        self.draw()


def place_of(character: str | None, lines: int, own: str = "") -> int | None:
    """The line that a letter (a, b, ...) or a number (1, 2, ...) names; None when there is no such line.

    `own` are other letters that the lines have.
    """
    for names in (own[:lines], LETTERS[:lines], DIGITS[:lines]):
        if character and character in names:
            return names.index(character)
    return None


def _row(mark: str, name: str, text: str, reason: str = "", style: str = "") -> Table:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(width=1)
    row.add_column(width=1, style="dim")
    row.add_column(ratio=1)
    body = Text(text, style=style)
    if reason:
        body.append(f"\n{reason}", style="italic not bold")
    row.add_row(Text(mark), Text(name), body)
    return row


class ChoiceAnswer(ListAnswer):
    """Options: one or several may be marked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space", "mark", "Mark", tooltip="Mark the line under the cursor; its letter or number marks a line too"
        ),
    ]

    def __init__(self, question: Question, seed: int, keep: Callable[[str], None]) -> None:
        super().__init__(question, seed, keep)
        self.several = question.type == "multiple_choice"
        if question.type == "true_false":
            self.order: tuple[int, ...] = (0, 1)
            self.texts: tuple[str, ...] = ("True", "False")
            self.names = "tf"
        else:
            self.order = tuple(int(at) for at in present(question, seed))
            self.texts = tuple(choice.text for choice in question.choices)
            self.names = LETTERS
        self.marked: set[int] = set()

    def rows(self) -> list[Table]:
        """Options with their marks; after the verdict with their reasons."""
        rows = []
        for place, at in enumerate(self.order):
            on = at in self.marked
            mark = ("☑" if on else "☐") if self.several else ("◉" if on else "○")
            rows.append(
                _row(mark, self.names[place], self.written(self.texts[at]), self._reason(at), "bold" if on else "")
            )
        return rows

    def _reason(self, at: int) -> str:
        """What an option is, and where several can be right, what was made of it."""
        if self.verdict is None or self.question.type == "true_false":
            return ""
        choice = self.question.choices[at]
        on = at in self.marked
        # Where nothing was marked the answer was shown on request: nothing was missed or left.
        judged = self.several and bool(self.marked)
        if choice.correct:
            return "✗ missed: it is right" if judged and not on else "✓ right"
        return f"{'✓ rightly left' if judged and not on else '✗ wrong'}: {self.written(choice.feedback)}"

    def on_key(self, event: events.Key) -> None:
        """Letters and numbers mark a line; Enter hands in what is marked, wherever the cursor stands."""
        if self.verdict is not None:
            return
        if event.key == "enter":
            self.post_message(self.Submitted())
        elif (place := place_of(event.character, len(self.order), self.names)) is not None:
            self.query_one(AnswerList).highlighted = place
            self._mark(self.order[place])
        else:
            return
        event.stop()
        event.prevent_default()

    def action_mark(self) -> None:
        """Mark the line under the cursor."""
        at = self.query_one(AnswerList).highlighted
        if self.verdict is None and at is not None:
            self._mark(self.order[at])

    def _mark(self, at: int) -> None:
        if self.several:
            self.marked ^= {at}
        else:
            self.marked = {at}
        self.keep(json.dumps(sorted(self.marked)))
        self.draw()

    def response(self) -> Response | None:
        """Indices of the marked options, or `true` / `false`."""
        if not self.marked:
            return None
        if self.question.type == "true_false":
            return "true" if 0 in self.marked else "false"
        return tuple(sorted(self.marked))

    def restore(self, draft: str) -> None:
        """Mark the options of the draft."""
        self.marked = {at for at in _ints(draft) if at in self.order}
        self.draw()


class OrderAnswer(ListAnswer):
    """Lines to put in order: space picks a line up, the arrows carry it, space puts it down.

    What belongs nowhere is carried below a divider; the gaps of faded lines stand below the list.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "carry", "Pick up", tooltip="Pick the line up, or put it down; the arrows carry it"),
    ]

    def __init__(self, question: Question, seed: int, keep: Callable[[str], None]) -> None:
        super().__init__(question, seed, keep)
        self.order = [str(item) for item in present(question, seed)]
        if question.distractors:
            self.order.append(DIVIDER)
        self.given = sum(item.given for item in question.items)
        """So many lines stand at their place from the start."""
        self.carried = False

    def compose(self) -> ComposeResult:
        """The list, and the gaps if there are any."""
        yield from super().compose()
        if self.question.gaps:
            yield GapFields(self.question, self.seed, self._tell)

    def on_mount(self) -> None:
        """The cursor stands on the first line that can be carried."""
        super().on_mount()
        self.query_one(AnswerList).highlighted = self.given

    def rows(self) -> list[Table]:
        """The lines as they stand; after a wrong verdict the first wrong one is marked."""
        texts = {item.id: item.text for item in self.question.items}
        texts |= {line.id: line.text for line in self.question.distractors}
        lines = self.query_one(AnswerList)
        wrong = self.verdict.first_wrong if self.verdict is not None else None
        below = self.order.index(DIVIDER) if DIVIDER in self.order else len(self.order)
        rows = []
        for place, item in enumerate(self.order):
            held = self.carried and place == lines.highlighted
            mark = "✗" if place == wrong else "↕" if held else "▪" if place < self.given else " "
            if place == below:
                rows.append(_row(mark, "", BELOW, style="bold reverse" if held else "dim"))
                continue
            name = str(place + 1) if place < below else "–"
            style = "bold reverse" if held else "dim" if place < self.given or place > below else ""
            rows.append(_row(mark, name, self.written(texts[item]), style=style))
        return rows

    def on_key(self, event: events.Key) -> None:
        """Carry, hand in."""
        if self.verdict is not None:
            return
        lines = self.query_one(AnswerList)
        at = lines.highlighted
        if at is None or not lines.has_focus:
            return
        if self.carried and event.key in CARRY:
            to = min(max(at + CARRY[event.key], self.given), len(self.order) - 1)
            if to != at:
                self.order.insert(to, self.order.pop(at))
                self._tell()
                lines.highlighted = to
                self.draw()
        elif self.question.gaps and event.key == "down" and at == len(self.order) - 1:
            self.query_one(GapFields).fields[0].focus()
        elif event.key == "enter":
            self.carried = False
            self.draw()
            if not self.question.gaps or not self.query_one(GapFields).focus_first():
                self.post_message(self.Submitted())
        else:
            return
        event.stop()
        event.prevent_default()

    def on_gap_fields_filled(self, event: GapFields.Filled) -> None:
        """Hand in."""
        event.stop()
        self.post_message(self.Submitted())

    def on_gap_fields_above(self, event: GapFields.Above) -> None:
        """Go back to the lines."""
        event.stop()
        lines = self.query_one(AnswerList)
        lines.highlighted = len(self.order) - 1
        lines.focus()

    def refused(self, verdict: Verdict) -> None:
        """Go to the gap that could not be read."""
        if self.question.gaps:
            self.query_one(GapFields).refused(verdict)

    def action_carry(self) -> None:
        """Pick up the line under the cursor, or put it down; a given line stays."""
        at = self.query_one(AnswerList).highlighted
        if self.verdict is None and at is not None and at >= self.given:
            self.carried = not self.carried
            self.draw()

    def _tell(self) -> None:
        gaps = self.question.gaps
        kept = {"order": self.order, "gaps": self.query_one(GapFields).texts} if gaps else self.order
        self.keep(json.dumps(kept, ensure_ascii=False))

    def response(self) -> Response | None:
        """The ids of the lines above the divider, top to bottom, and what fills the gaps."""
        above = self.order[: self.order.index(DIVIDER)] if DIVIDER in self.order else self.order
        return (*above, *(self.query_one(GapFields).texts if self.question.gaps else ()))

    def restore(self, draft: str) -> None:
        """Put the lines as the draft has them, and what filled the gaps."""
        try:
            order = json.loads(draft)
        except ValueError:
            return
        if self.question.gaps and isinstance(order, dict):
            gaps = order.get("gaps")
            self.query_one(GapFields).restore([str(text) for text in gaps] if isinstance(gaps, list) else [])
            order = order.get("order")
        if not isinstance(order, list) or sorted(map(str, order)) != sorted(self.order):
            return
        if order[: self.given] == self.order[: self.given]:
            self.order = [str(item) for item in order]
            self.draw()

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Point at the first wrong line, and say of each gap what came of it."""
        self.carried = False  # it may be handed in while a line is carried
        super().show_verdict(verdict)
        if self.question.gaps:
            self.query_one(GapFields).show(verdict)


class ClozeAnswer(Answer):
    """The gaps of a text that stands above."""

    def compose(self) -> ComposeResult:
        """A field for each gap."""
        yield GapFields(self.question, self.seed, self._tell)

    def focus_input(self) -> None:
        """Put the cursor into the first empty gap, or into the first one."""
        fields = self.query_one(GapFields)
        if not fields.focus_first():
            fields.fields[0].focus()

    def _tell(self) -> None:
        texts = self.query_one(GapFields).texts
        self.keep(json.dumps(texts, ensure_ascii=False) if any(texts) else "")

    def on_gap_fields_filled(self, event: GapFields.Filled) -> None:
        """Hand in."""
        event.stop()
        self.post_message(self.Submitted())

    def response(self) -> Response | None:
        """What fills each gap."""
        texts = self.query_one(GapFields).texts
        return texts if any(text.strip() for text in texts) else None

    def restore(self, draft: str) -> None:
        """Put back what filled the gaps."""
        try:
            texts = json.loads(draft)
        except ValueError:
            return
        if isinstance(texts, list):
            self.query_one(GapFields).restore([str(text) for text in texts])

    def refused(self, verdict: Verdict) -> None:
        """Go to the gap that could not be read."""
        self.query_one(GapFields).refused(verdict)

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Say of each gap what came of it."""
        self.query_one(GapFields).show(verdict)


class AnswerList(OptionList):
    """An option list whose keys its parent sees first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Hand in", tooltip="Hand in the answer"),
    ]

    async def _on_key(self, event: events.Key) -> None:
        parent = self.parent
        if isinstance(parent, ListAnswer | SelfGradedAnswer):
            parent.on_key(event)


class AnswerLine(Input):
    """An input whose Enter stands in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Hand in", tooltip="Hand in the answer"),
    ]

    def watch_value(self, value: str) -> None:
        """Keep what is typed, before it is drawn."""
        if self.has_focus and isinstance(self.parent, Answer):
            self.parent.keep(value)


class AnswerArea(TextArea):
    """A text area whose every edit is kept."""

    def edit(self, edit: Edit) -> EditResult:
        """Keep what is typed, before it is drawn."""
        result = super().edit(edit)
        if isinstance(self.parent, SelfGradedAnswer):
            self.parent.tell()
        return result


class TextAnswer(Answer):
    """A number or a formula on one line."""

    def compose(self) -> ComposeResult:
        """An input with what it takes as its placeholder."""
        yield AnswerLine(placeholder=_takes(self.question), id="line", select_on_focus=False)

    def focus_input(self) -> None:
        """Put the cursor into the input."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand in."""
        event.stop()
        self.post_message(self.Submitted())

    def response(self) -> Response | None:
        """What is typed."""
        return self.query_one(Input).value.strip() or None

    def restore(self, draft: str) -> None:
        """Put back what was typed, the cursor at its end."""
        line = self.query_one(Input)
        line.value = draft
        line.cursor_position = len(draft)

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Keep the text and take the cursor away, or give it back."""
        self.query_one(Input).disabled = verdict is not None


def _takes(question: Question) -> str:
    """What may be typed for a question."""
    match question.type:
        case "expression":
            return "a formula in " + ", ".join(symbol.name for symbol in question.symbols)
        case "short_answer":
            return "a word or a few; case and hyphens do not matter"
        case "tracing" if not is_number(question.answer):
            return "what is printed"
        case _:
            shape = arrays.read(question.answer).shape
            return "a number: 0.25, 1/3, 2e-3, sqrt(2), 50%" if not shape else arrays.described(shape)


class SelfGradedAnswer(Answer):
    """Free recall: write, compare with the model answer (F2), then tick what your text contains."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Tick", tooltip="Tick the point under the cursor; its letter or number ticks one too"),
        Binding("f2", "compare", "Compare", key_display="F2", tooltip="Show the model answer and grade your own"),
        Binding("f2", "write", "Write on", key_display="F2", tooltip="Hide the model answer and go on writing"),
    ]

    def __init__(self, question: Question, seed: int, keep: Callable[[str], None]) -> None:
        super().__init__(question, seed, keep)
        self.ticked: set[int] = set()
        self.verdict: Verdict | None = None

    def compose(self) -> ComposeResult:
        """A text area, and below it, once compared, the model answer and the rubric."""
        yield AnswerArea(id="text", tab_behavior="focus", soft_wrap=True)
        with Vertical(id="compare"):
            yield Static(Text("Model answer", style="bold"))
            yield Static(Text(self.written(self.question.answer)), id="model")
            points = len(self.question.rubric)
            says = f"Which of these does your text say? {passing(points)} of {points} pass. Space ticks, Enter records."
            yield Static(Text(says, style="bold"))
            yield AnswerList(id="lines", markup=False)

    def on_mount(self) -> None:
        """Hide the model answer until it is asked for."""
        self.query_one("#compare").display = False

    @property
    def compared(self) -> bool:
        """Whether the model answer is shown."""
        return bool(self.query_one("#compare").display)

    def focus_input(self) -> None:
        """Put the cursor into the text, or into the rubric once compared, and have it on the screen."""
        place = self.query_one(AnswerList if self.compared else TextArea)
        place.focus()
        if self.compared:
            self.call_after_refresh(place.scroll_visible, animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer comparing before it is done, ticking after it."""
        ticking = self.compared and self.query_one(AnswerList).has_focus
        writing = {"compare": not self.compared, "write": self.compared and self.verdict is None}
        return (writing | {"tick": ticking}).get(action, True)

    def action_compare(self) -> None:
        """Show the model answer; the text stays beside it and cannot change meanwhile."""
        if not self.query_one(TextArea).text.strip():
            self.post_message(self.Submitted())
            return
        self.query_one(TextArea).read_only = True
        self.query_one("#compare").display = True
        self.draw()
        self.focus_input()
        self.tell()
        self.refresh_bindings()

    def action_write(self) -> None:
        """Hide the model answer and open the text again; what was ticked is kept."""
        self._open_text()
        self.focus_input()
        self.tell()
        self.refresh_bindings()

    def _open_text(self) -> None:
        self.query_one(TextArea).read_only = False
        self.query_one("#compare").display = False

    def draw(self) -> None:
        """Draw the rubric with its ticks."""
        lines = self.query_one(AnswerList)
        at = lines.highlighted
        lines.clear_options()
        for place, point in enumerate(self.question.rubric):
            on = place in self.ticked
            row = _row("☑" if on else "☐", LETTERS[place], self.written(point), style="bold" if on else "")
            lines.add_option(Option(row))
        lines.highlighted = at if at is not None else 0

    def on_key(self, event: events.Key) -> None:
        """Tick and record; only the rubric listens, the text takes its own keys."""
        if not self.compared or self.verdict is not None or not self.query_one(AnswerList).has_focus:
            return
        if event.key == "enter":
            self.post_message(self.Submitted())
        elif (place := place_of(event.character, len(self.question.rubric))) is not None:
            self._tick(place)
        else:
            return
        event.stop()
        event.prevent_default()

    def action_tick(self) -> None:
        """Tick the point under the cursor, or take its tick away."""
        at = self.query_one(AnswerList).highlighted
        if self.verdict is None and at is not None:
            self._tick(at)

    def _tick(self, place: int) -> None:
        self.ticked ^= {place}
        self.draw()
        self.tell()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Keep also what was undone or done again."""
        event.stop()
        self.tell()

    def tell(self) -> None:
        """Keep the text and the ticks."""
        draft = {"text": self.query_one(TextArea).text, "compared": self.compared, "ticked": sorted(self.ticked)}
        self.keep(json.dumps(draft, ensure_ascii=False))

    def response(self) -> Response | None:
        """For each point of the rubric whether it was ticked; None before comparing."""
        if not self.compared:
            return None
        return tuple(place in self.ticked for place in range(len(self.question.rubric)))

    def restore(self, draft: str) -> None:
        """Put back the text, and the comparison if it had begun."""
        try:
            kept = json.loads(draft)
            text, compared, ticked = str(kept["text"]), bool(kept["compared"]), kept["ticked"]
        except (ValueError, KeyError, TypeError):
            return
        area = self.query_one(TextArea)
        with self.prevent(TextArea.Changed):
            area.text = text
        area.move_cursor(area.document.end)
        self.ticked = {at for at in ticked if at in range(len(self.question.rubric))}
        if compared:
            self.action_compare()

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Stop ticking; None opens text and rubric again."""
        self.verdict = verdict
        if verdict is None:
            self._open_text()


def _ints(draft: str) -> list[int]:
    try:
        value = json.loads(draft)
    except ValueError:
        return []
    return [at for at in value if isinstance(at, int)] if isinstance(value, list) else []


def answer_widget(question: Question, seed: int, keep: Callable[[str], None]) -> Answer:
    """The widget in which a question of this type is answered."""
    from tutor.tui.widgets.match import MatchAnswer  # it builds on this module

    match question.type:
        case "single_choice" | "multiple_choice" | "true_false":
            return ChoiceAnswer(question, seed, keep)
        case "order":
            return OrderAnswer(question, seed, keep)
        case "match":
            return MatchAnswer(question, seed, keep)
        case "cloze":
            return ClozeAnswer(question, seed, keep)
        case "self_graded":
            return SelfGradedAnswer(question, seed, keep)
        case _:
            return TextAnswer(question, seed, keep)
