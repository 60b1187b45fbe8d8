"""The reference: equations, glossary, confusions, further reading and next steps, filtered as one types."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tutor.course.load import find_lesson, load_lesson
from tutor.course.markup import plain
from tutor.course.reference import KINDS, Entry, entries, matching
from tutor.errors import TutorError
from tutor.tui.drawing import until_left
from tutor.tui.scrolling import read_round
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.math_markdown import FormulaBlock, MathMarkdown
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

REST_SECONDS = 0.04
"""How long the mark must rest on an entry before it is drawn: who holds an arrow down waits for nothing."""
SIDEWAYS = 8


class ReferenceScreen(Screen[None]):
    """A list of entries, and the marked one in full; `wanted` is the entry to stand on."""

    app: TutorApp
    TITLE = "Reference"
    HELP = (
        "Tab goes to the next part: equations, glossary, confusions, reading, next steps.\n"
        "/ starts the filter: type, and only what holds all your words stays (sigma finds σ). Enter or the down arrow "
        "goes back to the list, Esc clears the filter.\n"
        "Enter opens the lesson that teaches it, l the lab, y copies the LaTeX of an equation or the address of a "
        "paper. Space reads on in a long entry; the left and right arrows move a formula that is wider than its place."
    )
    CSS_PATH = "reference.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "lesson", "Lesson", tooltip="Open the lesson that teaches this"),
        Binding("l", "lab", "Lab", tooltip="Open the lab that shows this"),
        Binding("y", "copy", "Copy", tooltip="Copy the equation's LaTeX or the paper's address"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Keep only the entries that hold your words"),
        Binding("tab", "part(1)", "Next part", tooltip="Go to the next part"),
        Binding("shift+tab", "part(-1)", "Part before", show=False, tooltip="Go to the part before"),
        Binding("space", "read_on", "Read on", show=False, tooltip="Scroll the entry; at its end back to the top"),
        Binding("right", "sideways(1)", "Right", show=False, tooltip="Move a wide formula"),
        Binding("left", "sideways(-1)", "Left", show=False, tooltip="Move a wide formula"),
        Binding("escape", "leave", "Back", tooltip="Clear the filter; without one, back to where you were"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]

    def __init__(self, kind: str = "equations", wanted: str = "") -> None:
        super().__init__()
        self.kind = kind
        self.entry: Entry | None = None
        """What the mark stands on; None when nothing is left."""
        self._found: dict[str, Entry] = {}
        self._marked = {kind: wanted}
        """On what the mark stood in each part."""
        self._drawing = asyncio.Lock()
        self._wanted: tuple[Entry | None, str] = (None, "")

    def compose(self) -> ComposeResult:
        """The parts, the filter, and the list with the marked entry beside or below it."""
        yield Static(id="parts", markup=False)
        yield Input(id="filter", placeholder="/ to filter", compact=True)
        with Horizontal(id="reference"):
            yield ScreenList(id="entries", markup=False)
            with VerticalScroll(id="entry", can_focus=False), Vertical(id="entry-page"):
                yield Static(id="entry-title", markup=False)
                yield MathMarkdown("", id="entry-text")
                yield Static(id="entry-places", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Fill the list and stand on the entry that was asked for."""
        self.query_one(ScreenList).focus()
        self._fill()

    # -- the list ---

    def _fill(self) -> None:
        """Draw the parts and the entries of this part that the filter leaves."""
        words = self.query_one(Input).value
        found: list[Entry] = []
        problem = ""
        try:
            found = matching(entries(self.app.content_dir, self.kind), words)
        except TutorError as error:
            problem = str(error)
        self._draw_parts(len(found))
        listed = self.query_one(ScreenList)
        listed.clear_options()
        chapter = ""
        for entry in found:
            if entry.chapter and entry.chapter != chapter:
                chapter = entry.chapter
                listed.add_option(Option(Text(self.app.chapter_stub(chapter).title, style="bold"), disabled=True))
            listed.add_option(Option(self._row(entry), id=entry.id))
        self._found = {entry.id: entry for entry in found}
        ids = [option.id for option in listed.options]
        wanted = self._marked.get(self.kind)
        first = next((at for at, name in enumerate(ids) if name), None)
        listed.highlighted = ids.index(wanted) if wanted and wanted in ids else first
        if listed.highlighted is None:
            self.entry = None
            self._show(None, problem or f"Nothing here holds “{words}”. Tab looks in the next part.")
            self.refresh_bindings()

    def _row(self, entry: Entry) -> Text:
        """The title; of the glossary also the beginning of what it says."""
        row = Text(entry.title)
        if entry.kind == "glossary":
            row.append(f"  {plain(entry.text, self.app.settings.ascii_math)}", "dim")
        return row

    def _draw_parts(self, count: int) -> None:
        row = Text(no_wrap=True, overflow="ellipsis")
        for kind, title in KINDS.items():
            here = kind == self.kind
            row.append("  " if row else "")
            row.append(f"[{title} {count}]" if here else title, "bold reverse" if here else "dim")
        self.query_one("#parts", Static).update(row)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        self._fill()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the list."""
        self.query_one(ScreenList).focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the entry that the mark stands on."""
        entry = self._found.get(event.option_id or "")
        if entry is None:
            return
        self._marked[self.kind] = entry.id
        self.entry = entry
        self.refresh_bindings()
        self._show(entry, "")

    # -- the entry ---

    @work(group="entry")
    @until_left
    async def _show(self, entry: Entry | None, instead: str) -> None:
        """Draw an entry, or what to say instead, unless by then another is wanted."""
        wanted = self._wanted = (entry, instead)
        await asyncio.sleep(REST_SECONDS)
        # A drawing that has begun is not cut short: Markdown would be left half mounted.
        async with self._drawing:
            if self._wanted is not wanted:
                return
            self.query_one("#entry-title", Static).update(Text(entry.title if entry is not None else ""))
            await self.query_one(MathMarkdown).update(entry.text if entry is not None else "")
            self.query_one("#entry-places", Static).update(self._places(entry) if entry is not None else Text(instead))
            self.query_one("#entry").scroll_home(animate=False, immediate=True)

    def _places(self, entry: Entry) -> Text:
        """Where it is taught and run, with the key that leads there."""
        text = Text()
        lesson, _, page = entry.lesson.partition("#")
        if lesson:
            where = f", page {page}" if page else ""
            text.append("→ ").append(f"{self._lesson_title(lesson)}{where}").append("  Enter\n", "bold")
        if entry.lab:
            text.append("→ ").append(f"Lab {entry.lab}").append("  l" if lesson else "  l, Enter", "bold")
        return text

    def _lesson_title(self, lesson: str) -> str:
        content = self.app.content_dir
        try:
            head = load_lesson(content, find_lesson(content, self.app.course, lesson), lesson).head
        except TutorError:
            return f"Lesson {lesson}"
        return f"{head.section} {head.title}"

    # -- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the keys that do something for this entry."""
        entry = self.entry
        typing = isinstance(self.focused, Input)
        match action:
            case "lesson":
                return not typing and entry is not None and bool(entry.lesson or entry.lab)
            case "lab":
                return entry is not None and bool(entry.lab)
            case "copy":
                return entry is not None and bool(entry.latex or entry.link)
            case _:
                return True

    def action_lesson(self) -> None:
        """Open the lesson, or the lab of what has no lesson yet."""
        if self.entry is not None:
            self.app.open_target(f"lesson:{self.entry.lesson}" if self.entry.lesson else f"lab:{self.entry.lab}")

    def action_lab(self) -> None:
        """Open the lab."""
        if self.entry is not None:
            self.app.open_target(f"lab:{self.entry.lab}")

    def action_copy(self) -> None:
        """Copy the LaTeX, or the address of a paper."""
        if self.entry is not None:
            text = self.entry.latex or self.entry.link
            self.app.copy_to_clipboard(text)
            self.notify(text, title="Copied the LaTeX" if self.entry.latex else "Copied", markup=False, timeout=2)

    def action_filter(self) -> None:
        """Type into the filter."""
        self.query_one(Input).focus()

    def action_part(self, by: int) -> None:
        """Go to another part, round from the last to the first."""
        kinds = list(KINDS)
        self.kind = kinds[(kinds.index(self.kind) + by) % len(kinds)]
        self._fill()

    def action_read_on(self) -> None:
        """Scroll a screenful; from the end back to the top."""
        read_round(self.query_one("#entry"))

    def action_sideways(self, by: int) -> None:
        """Move the formulas that are wider than their place."""
        for block in self.query(FormulaBlock):
            block.scroll_sideways(SIDEWAYS * by)

    def action_leave(self) -> None:
        """Clear the filter; without one go back."""
        field = self.query_one(Input)
        if field.value or field.has_focus:
            field.value = ""
            self.query_one(ScreenList).focus()
        else:
            self.dismiss()

    def key_down(self) -> None:
        """From the filter to the list."""
        if isinstance(self.focused, Input):
            self.query_one(ScreenList).focus()
