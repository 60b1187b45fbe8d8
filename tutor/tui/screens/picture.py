"""The big picture: the way from linear algebra to score-based diffusion, and where the learner stands on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Click
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import Static

from tutor.course.load import ContentError, is_written, load_chapter
from tutor.course.picture import Picture, beside, boxes, drawn, load_picture
from tutor.errors import TutorError
from tutor.progress.standing import standing
from tutor.tui.widgets.footer import KeyFooter

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp


class PictureScreen(Screen[None]):
    """The chapters as boxes with arrows between them."""

    app: TutorApp
    TITLE = "The big picture"
    HELP = (
        "How the chapters lead to score-based diffusion: an arrow says what one hands on to another. In each box "
        "stands where you are: ✓ done, ▶ here, ◐ begun, ○ ahead, with the steps done.\n"
        "The arrows go from box to box, a chapter's number goes to it, Enter opens the chapter."
    )
    CSS_PATH = "picture.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open chapter", tooltip="Open the marked chapter"),
        Binding("right", "go(1, 0)", "Go", key_display="←↑↓→", tooltip="Go to the chapter on the right"),
        Binding("left", "go(-1, 0)", "Left", show=False, tooltip="Go to the chapter on the left"),
        Binding("down", "go(0, 1)", "Down", show=False, tooltip="Go to the chapter below"),
        Binding("up", "go(0, -1)", "Up", show=False, tooltip="Go to the chapter above"),
        *(Binding(str(number), f"jump({number})", "Chapter", show=False) for number in range(1, 10)),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]

    VERTICAL_BREAKPOINTS = [(0, "-low"), (28, "-high")]

    def __init__(self) -> None:
        super().__init__()
        self.marked = 0
        """The number of the marked chapter; 0 until it is known where the learner is."""
        self.picture: Picture | None = None

    def compose(self) -> ComposeResult:
        """The drawing, and below it what the marked chapter is in it."""
        with VerticalScroll(id="picture-body", can_focus=False), Vertical(id="picture-page"):
            yield Static(id="picture", markup=False)
            yield Static(id="picture-about", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Draw it as soon as progress can be read."""
        self.watch(self.app, "store_ready", self._draw)

    def on_screen_resume(self) -> None:
        """Show progress made while a chapter was open."""
        self._draw()

    def _draw(self) -> None:
        content, course = self.app.content_dir, self.app.course
        try:
            self.picture = picture = load_picture(content)
        except ContentError as error:
            self.query_one("#picture-about", Static).update(Text(str(error), "bold"))
            return
        found = standing(content, course, self.app.store) if self.app.store_ready else {}
        states = {stub.number: found[stub.id].text for stub in course.chapters if stub.id in found}
        if not self.marked:
            here = [stub.number for stub in course.chapters if stub.id in found and found[stub.id].state == "here"]
            self.marked = here[0] if here else course.chapters[0].number
        place = boxes(picture.drawing)[self.marked]
        text = Text(no_wrap=True)
        for row, line in enumerate(drawn(picture.drawing, states, self.marked)):
            if place.top <= row <= place.bottom:
                text.append(line[: place.left])
                text.append(line[place.left : place.right + 1], "bold")
                text.append(line[place.right + 1 :])
            else:
                text.append(line, "bold" if row == 0 else "")
            text.append("\n")
        text.rstrip()
        self.query_one("#picture", Static).update(text)
        self.query_one("#picture-about", Static).update(self._about(picture))
        wanted = Region(place.left, place.top, place.right - place.left + 1, place.bottom - place.top + 1)
        self.query_one("#picture-body").scroll_to_region(wanted, animate=False)

    def _about(self, picture: Picture) -> Text:
        """The marked chapter: its ideas, what it needs and what it gives."""
        stub = next(stub for stub in self.app.course.chapters if stub.number == self.marked)
        text = Text.assemble((f"{stub.number} {stub.title}", "bold"))
        node = next((node for node in picture.nodes if node.chapter == stub.id), None)
        if node is None:
            return text
        text.append(f"  {node.ideas}. ")
        try:
            needs = load_chapter(self.app.content_dir, stub.id).prerequisites
        except TutorError:
            needs = ()
        numbers = [str(other.number) for other in self.app.course.chapters if other.id in needs]
        if numbers:
            text.append(f"Needs {', '.join(numbers)}. ", "dim")
        return text.append(f"Gives {node.gives}.")

    def action_go(self, columns: int, rows: int) -> None:
        """Go to the next box in a direction."""
        if self.picture is not None:
            self.action_jump(beside(self.picture.drawing, self.marked, columns, rows))

    def action_jump(self, number: int) -> None:
        """Mark a chapter by its number."""
        if self.picture is not None and number in boxes(self.picture.drawing):
            self.marked = number
            self._draw()

    def on_click(self, event: Click) -> None:
        """Mark the chapter that was clicked, or open the one that is marked."""
        offset = event.get_content_offset(self.query_one("#picture", Static))
        if offset is None or self.picture is None:
            return
        for number, box in boxes(self.picture.drawing).items():
            if box.holds(*offset):
                if number == self.marked:
                    self.action_open()
                else:
                    self.action_jump(number)

    def action_open(self) -> None:
        """Open the marked chapter, or say that it is not written."""
        stub = next((stub for stub in self.app.course.chapters if stub.number == self.marked), None)
        if stub is None:
            return
        if is_written(self.app.content_dir, stub.id):
            self.app.open_target(f"chapter:{stub.id}")
        else:
            self.notify(f"Chapter {stub.number}, {stub.title}, has no lessons yet.", markup=False)
