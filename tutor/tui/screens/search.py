"""Search: full text over lessons, equations, glossary and questions, as one types."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tutor.course.search import (
    KINDS,
    IndexDamagedError,
    Result,
    command,
    failure,
    index_path,
    is_ready,
    search,
    words_of,
)
from tutor.errors import TutorError
from tutor.tui.drawing import until_left
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

PAUSE_SECONDS = 0.08
"""How long typing must rest before it is looked for."""
LEFT = 13
"""Columns in which stands what a result is and where."""


class QueryLine(Input):
    """The line that is typed into; its own arrows and Enter would hide those of the list from the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.open", "Open", tooltip="Open what is marked"),
        Binding("down", "screen.move('down')", "Choose", key_display="↑↓", tooltip="The next result"),
        Binding("up", "screen.move('up')", "Up", show=False, tooltip="The result before"),
        Binding("pagedown", "screen.move('page_down')", "Page down", show=False, tooltip="A page of results on"),
        Binding("pageup", "screen.move('page_up')", "Page up", show=False, tooltip="A page of results back"),
    ]


class SearchScreen(Screen[None]):
    """A line to type into, and below it what is found; the index is made when there is none of this content."""

    app: TutorApp
    TITLE = "Search"
    HELP = (
        "Type words; what holds all of them comes first, in titles before in texts. A word finds all that begin with "
        "it, accents do not matter, and Greek letters are found by name: sigma finds σ.\n"
        "The arrows choose, Enter opens the page, the equation, or asks the question. Hits stand between ▸ and ◂. Esc "
        "goes back."
    )
    CSS_PATH = "search.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Result] = []
        self._marked = -1
        self._ready = False
        self._making = asyncio.Lock()

    def compose(self) -> ComposeResult:
        """The line, how many were found, and the results."""
        yield QueryLine(id="query", placeholder="Search lessons, equations, glossary and questions")
        yield Static(id="found", markup=False)
        yield ScreenList(id="results", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Make the index while the first words are typed."""
        self.query_one(Input).focus()
        self._look("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as one types."""
        self._look(event.value)

    @work(exclusive=True, group="look")
    @until_left
    async def _look(self, query: str) -> None:
        """Find and draw, unless by then something else is typed."""
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            found = await self._found(query)
        except TutorError as error:
            self._draw(query, [], str(error))
        else:
            self._draw(query, found, "")

    async def _found(self, query: str) -> list[Result]:
        index = index_path()
        await self._prepare()
        try:
            return await asyncio.to_thread(search, index, query)
        except IndexDamagedError:
            self._ready = False
            await self._prepare(anew=True)
            return await asyncio.to_thread(search, index, query)

    async def _prepare(self, *, anew: bool = False) -> None:
        """Make the index in a process of its own, unless it is there."""
        content, index = self.app.content_dir, index_path()
        # Only one is made, however often what is typed changes meanwhile.
        async with self._making:
            if self._ready or (not anew and await asyncio.to_thread(is_ready, content, index)):
                self._ready = True
                return
            self.query_one("#found", Static).update(Text("Reading the course … (once)"))
            program, *arguments = command(content, index)
            process = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                _, said = await process.communicate()
            except asyncio.CancelledError:
                process.kill()
                raise
            if process.returncode:
                raise TutorError(failure(index, said.decode(errors="replace")))
            self._ready = True

    def _draw(self, query: str, found: list[Result], problem: str) -> None:
        self.results, self._marked = found, -1
        listed = self.query_one(ScreenList)
        listed.clear_options()
        listed.add_options([Option(_row(result)) for result in found])
        listed.highlighted = 0 if found else None
        text = Text()
        if problem:
            text.append(problem, "bold")
        elif found:
            many = "1 result" if len(found) == 1 else f"{len(found)} results, the best first"
            text.append(f"{many}   ↑↓ choose, Enter opens", "dim")
        elif words_of(query):
            text.append("Nothing found. Try fewer or shorter words.", "bold")
        self.query_one("#found", Static).update(text)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to open where there is something."""
        return bool(self.results) if action in {"open", "move"} else True

    def action_move(self, way: str) -> None:
        """Move the mark while the line keeps the focus."""
        listed = self.query_one(ScreenList)
        match way:
            case "down":
                listed.action_cursor_down()
            case "up":
                listed.action_cursor_up()
            case "page_down":
                listed.action_page_down()  # type: ignore[no-untyped-call]
            case _:
                listed.action_page_up()  # type: ignore[no-untyped-call]

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Put the sign before the marked result: the line keeps the focus, and colour alone would not do."""
        at, listed = event.option_index, self.query_one(ScreenList)
        for place in {at, self._marked} - {-1}:
            if place < len(self.results):
                listed.replace_option_prompt_at_index(place, _row(self.results[place], place == at))
        self._marked = at

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open what was clicked."""
        self.app.open_target(self.results[event.option_index].target)

    def action_open(self) -> None:
        """Open the marked result; the search stays below it."""
        at = self.query_one(ScreenList).highlighted
        if at is not None:
            self.app.open_target(self.results[at].target)


def _row(result: Result, marked: bool = False) -> Text:
    """What was found and the stretch of text, with the hits between two signs; before them what and where it is."""
    row = Text(f"{'❯' if marked else ' '} ")
    row.append(f"{KINDS[result.kind]:{LEFT}}", "dim").append(f"{result.title}\n  ", "bold")
    row.append(f"{result.place:{LEFT}}", "dim")
    for piece, hit in result.snippet:
        row.append(f"▸{piece}◂" if hit else piece, "bold" if hit else "")
    return row
