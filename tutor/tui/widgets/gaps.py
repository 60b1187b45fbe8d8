"""Gaps of a text or of a derivation: a line to type for each, or a few options to choose from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from tutor.course.grade import Verdict, gap_question, present
from tutor.course.markup import plain
from tutor.course.model import Gap, Question

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

LETTERS = "abcdefghi"
ROW = 66
"""So many columns of options stand on one row; else each has a row of its own."""
TAKES = {"numeric": "a number", "short_answer": "a word or a few"}


class GapFields(Vertical):
    """The gaps of a question, one below the other; Enter goes to the next empty one, and hands in after the last."""

    app: TutorApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Gap before", show=False),
        Binding("down", "move(1)", "Next gap", show=False),
    ]

    class Filled(Message):
        """Enter was pressed and no gap is empty."""

    class Above(Message):
        """Up was pressed in the first gap."""

    def __init__(self, question: Question, seed: int, changed: Callable[[], None]) -> None:
        super().__init__()
        self.question = question
        self.seed = seed
        self.changed = changed
        """Called at every change, before it is drawn."""

    def compose(self) -> ComposeResult:
        """A row for each gap: its mark, the field, and below it what came of it."""
        for gap in self.question.gaps:
            with Horizontal(classes="gap"):
                yield Static(Text(gap.name, style="bold"), classes="gap-mark")
                yield GapChoice(self.question, gap, self.seed) if gap.type == "single_choice" else GapLine(gap)
            yield Static(classes="gap-note", markup=False)

    def on_mount(self) -> None:
        """Notes appear with the verdict."""
        self.query(".gap-note").set(display=False)

    @property
    def fields(self) -> list[GapLine | GapChoice]:
        """The fields, top to bottom."""
        return [field for field in self.query("GapLine, GapChoice").results() if isinstance(field, GapLine | GapChoice)]

    @property
    def texts(self) -> tuple[str, ...]:
        """What fills each gap, as it is graded."""
        return tuple(field.text for field in self.fields)

    def restore(self, texts: list[str]) -> None:
        """Put back what filled the gaps; another number of texts is ignored."""
        if len(texts) == len(self.question.gaps):
            for field, text in zip(self.fields, texts, strict=True):
                field.put(text)

    def focus_first(self) -> bool:
        """Put the cursor into the first gap that is empty; False when none is."""
        empty = next((field for field in self.fields if not field.text.strip()), None)
        if empty is not None:
            empty.focus()
        return empty is not None

    def entered(self) -> None:
        """Go to the next empty gap, or say that there is none."""
        if not self.focus_first():
            self.post_message(self.Filled())

    def action_move(self, by: int) -> None:
        """Go to the gap above or below; above the first is what stands above the gaps."""
        fields = self.fields
        at = next((at for at, field in enumerate(fields) if field.has_focus), None)
        if at is None:
            return
        if 0 <= at + by < len(fields):
            fields[at + by].focus()
        elif by < 0:
            self.post_message(self.Above())

    def refused(self, verdict: Verdict) -> None:
        """Put the cursor into the gap that could not be read."""
        if verdict.parts:
            self.fields[len(verdict.parts) - 1].focus()

    def show(self, verdict: Verdict | None) -> None:
        """Say of each gap what came of it and take no more keys; None opens the gaps again."""
        for field in self.fields:
            field.disabled = verdict is not None
        parts = verdict.parts if verdict is not None else ()
        for at, note in enumerate(self.query(".gap-note").results(Static)):
            note.display = at < len(parts)
            if at < len(parts):
                right = parts[at].outcome == "right"
                reason = plain(parts[at].feedback, self.app.settings.ascii_math)
                note.update(Text("✓ right" if right else f"✗ wrong{': ' if reason else ''}{reason}", style="italic"))


class GapLine(Input):
    """A gap in which something is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Next / hand in", tooltip="Go to the next empty gap, or hand in"),
    ]

    def __init__(self, gap: Gap) -> None:
        takes = TAKES.get(gap.type) or "a formula in " + ", ".join(symbol.name for symbol in gap.symbols)
        super().__init__(placeholder=takes, select_on_focus=False, compact=True)

    @property
    def fields(self) -> GapFields:
        """The gaps that this one belongs to."""
        return next(node for node in self.ancestors if isinstance(node, GapFields))

    @property
    def text(self) -> str:
        """What is typed."""
        return self.value

    def put(self, text: str) -> None:
        """Type a text."""
        self.value = text
        self.cursor_position = len(text)

    def watch_value(self, value: str) -> None:
        """Keep what is typed, before it is drawn."""
        if self.has_focus:
            self.fields.changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on, or hand in."""
        event.stop()
        self.fields.entered()


class GapChoice(Static, can_focus=True):
    """A gap with a few options side by side: a letter or the arrows choose one."""

    app: TutorApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", "Option before", show=False),
        Binding("right,space", "turn(1)", "Choose", key_display="←→", tooltip="Choose an option; its letter does too"),
        Binding("enter", "enter", "Next / hand in", tooltip="Go to the next empty gap, or hand in"),
    ]

    def __init__(self, question: Question, gap: Gap, seed: int) -> None:
        super().__init__(markup=False)
        self.choices = gap.choices
        self.order = [int(at) for at in present(gap_question(question, gap), seed)]
        self.chosen: int | None = None

    def on_mount(self) -> None:
        """Draw the options."""
        self.draw()

    @property
    def fields(self) -> GapFields:
        """The gaps that this one belongs to."""
        return next(node for node in self.ancestors if isinstance(node, GapFields))

    @property
    def text(self) -> str:
        """The index of the chosen option; empty when there is none."""
        return "" if self.chosen is None else str(self.chosen)

    def put(self, text: str) -> None:
        """Choose the option of this index, if there is one."""
        self.chosen = int(text) if text.isdecimal() and int(text) < len(self.choices) else None
        self.draw()

    def draw(self) -> None:
        """The options, the chosen one marked."""
        options = [plain(self.choices[at].text, self.app.settings.ascii_math) for at in self.order]
        between = "   " if sum(map(len, options)) + 7 * len(options) <= ROW else "\n"
        shown = Text()
        for place, (at, option) in enumerate(zip(self.order, options, strict=True)):
            on = at == self.chosen
            shown.append(between if place else "")
            shown.append(f"{'◉' if on else '○'} {LETTERS[place]} {option}", style="bold" if on else "")
        self.update(shown)

    def on_key(self, event: events.Key) -> None:
        """A letter chooses its option."""
        if event.character and event.character in LETTERS[: len(self.order)]:
            event.stop()
            self._choose(LETTERS.index(event.character))

    def action_turn(self, by: int) -> None:
        """Choose the option beside the chosen one."""
        at = -1 if self.chosen is None else self.order.index(self.chosen)
        self._choose(max(at + by, 0) if self.chosen is None else (at + by) % len(self.order))

    def _choose(self, place: int) -> None:
        self.chosen = self.order[place]
        self.fields.changed()
        self.draw()

    def action_enter(self) -> None:
        """Go on, or hand in."""
        self.fields.entered()
