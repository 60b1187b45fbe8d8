"""Your data: where they are and how to take them along, what can be begun anew, and the questions you flagged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Static, Tree
from textual.widgets.tree import TreeNode

from tutor import paths
from tutor.course.load import is_written, load_chapter, load_lesson
from tutor.errors import TutorError
from tutor.labs import registry
from tutor.progress.events import Flag
from tutor.progress.queue import today
from tutor.progress.reset import Forgotten, forgotten, scope
from tutor.tui.drawing import until_left
from tutor.tui.format import count, hours
from tutor.tui.screens.dialog import HELP_KEY, Dialog
from tutor.tui.widgets.footer import KeyFooter

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

FLAG = "flag:"


def written(gone: Forgotten) -> str:
    """What a reset forgets, counted, e.g. `12 answers, 3 lessons, 1.5 h`; empty when it is nothing."""
    named = (
        (gone.answers, "answer"),
        (gone.cards, "review card"),
        (gone.lessons, "lesson"),
        (gone.labs, "lab"),
    )
    parts = [count(number, name) for number, name in named if number]
    return ", ".join([*parts, hours(gone.seconds / 3600)] if gone.seconds else parts)


class DataScreen(Screen[None]):
    """A tree of all that can be begun anew, and the flags; `data` of a node is what `scope` takes, or a flag's row."""

    app: TutorApp
    TITLE = "Your data"
    HELP = (
        "The arrows move, Enter opens a branch: chapters hold lessons, labs and the questions you answered; on a "
        "question Enter asks it. x begins what is marked anew: it says first what would be forgotten, and u brings it "
        "back. On a flagged question x takes the flag back.\n"
        "e writes all your progress to one file; `genai-tutor import FILE` adds it to another machine's."
    )
    CSS_PATH = "data.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "forget", "Begin anew", tooltip="Forget what was done of what is marked; asks first"),
        Binding("u", "undo", "Undo", tooltip="Bring back what was forgotten last"),
        Binding("e", "export", "Export", tooltip="Write all your progress to one file"),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]

    _undoing = False
    """Whether it is being brought back."""

    def compose(self) -> ComposeResult:
        """Where the data are, the tree, and what would be forgotten."""
        yield Static(id="data-files", markup=False)
        yield Tree[str]("All your progress", data="all", id="data-tree")
        yield Static(id="data-counts", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show the chapters."""
        text = Text("Your data", style="bold")
        text.append(f"\nAll progress is in {paths.database()}", "dim not bold")
        self.query_one("#data-files", Static).update(text)
        self._fill()
        self._say()
        self.query_one(Tree).focus()

    def _fill(self) -> None:
        """Build the tree as it stands now; what was unfolded and the mark stay where they were."""
        tree = self.query_one(Tree)
        line = tree.cursor_line
        unfolded = {_place(node) for node in _nodes(tree.root) if node.is_expanded}
        tree.clear()
        tree.root.expand()
        for stub in self.app.course.chapters:
            if is_written(self.app.content_dir, stub.id):
                branch = tree.root.add(Text(f"{stub.number}  {stub.title}"), data=f"chapter:{stub.id}")
                try:
                    self._fill_chapter(branch, stub.id)
                except TutorError as error:
                    branch.add_leaf(Text(str(error)))
        flags = [row for row in self.app.store.effective("flag") if isinstance(row.event, Flag)]
        if flags:
            branch = tree.root.add(Text(f"Flagged: {count(len(flags), 'question')}"), expand=True)
            for row in flags:
                assert isinstance(row.event, Flag)
                branch.add_leaf(Text(f"{row.event.item}  {row.event.note}"), data=f"{FLAG}{row.id}")
        for node in _nodes(tree.root):
            if _place(node) in unfolded:
                node.expand()
        with self.prevent(Tree.NodeHighlighted):
            tree.unselect()
            tree.move_cursor_to_line(min(max(line, 0), tree.last_line))

    def _fill_chapter(self, branch: TreeNode[str], chapter_id: str) -> None:
        chapter = load_chapter(self.app.content_dir, chapter_id)
        for lesson in chapter.lessons:
            head = load_lesson(self.app.content_dir, chapter_id, lesson).head
            branch.add_leaf(Text(f"{head.section}  {head.title}"), data=f"lesson:{lesson}")
        for lab in chapter.labs:
            branch.add_leaf(Text(f"lab  {registry.title(lab)}"), data=f"lab:{lab}")
        cards = self.app.store.cards("chapter = ? ORDER BY question", chapter_id)
        if cards:
            answered = branch.add(Text(f"{count(len(cards), 'question')} answered"))
            for card in cards:
                answered.add_leaf(Text(card.question), data=f"question:{card.question}")

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[str]) -> None:
        """Count what would be forgotten."""
        self._say()

    def on_tree_node_selected(self, event: Tree.NodeSelected[str]) -> None:
        """Ask a question that is chosen; a branch opens by itself."""
        kind, _, name = (event.node.data or "").partition(":")
        if f"{kind}:" == FLAG:
            name = next((row.event.item for row in self.app.store.effective("flag") if row.id == name), "")
        if name and (kind == "question" or f"{kind}:" == FLAG):
            self.app.open_target(f"question:{name}")

    def _say(self, news: str = "") -> None:
        """What x would do to what is marked, after the news."""
        target = self._target()
        text = ""
        if target.startswith(FLAG):
            text = "x takes the flag back."
        elif target:
            gone = self._counted(target)
            text = f"x would forget {written(gone)}." if gone and not gone.nothing else "There is nothing to forget."
        self.query_one("#data-counts", Static).update(Text(f"{news} {text}".strip()))
        self.refresh_bindings()

    def _target(self) -> str:
        node = self.query_one(Tree).cursor_node
        return (node.data or "") if node is not None else ""

    def _counted(self, target: str) -> Forgotten | None:
        try:
            return forgotten(self.app.store, scope(self.app.content_dir, self.app.course, target))
        except TutorError:
            return None

    # -- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what there is to do; nothing that writes while something is being brought back."""
        if self._undoing and action in {"forget", "undo", "export"}:
            return False
        match action:
            case "forget":
                target = self._target()
                gone = None if not target or target.startswith(FLAG) else self._counted(target)
                return target.startswith(FLAG) or (gone is not None and not gone.nothing)
            case "undo":
                return bool(self.app.store.effective("reset"))
            case _:
                return True

    def action_forget(self) -> None:
        """Ask, then forget; a flag is taken back at once."""
        target = self._target()
        if target.startswith(FLAG):
            self.app.store.undo(target.removeprefix(FLAG))
            self._fill()
            self._say("The flag is taken back.")
            return
        gone = self._counted(target)
        if gone is not None:
            node = self.query_one(Tree).cursor_node
            name = str(node.label) if node is not None else target
            self.app.push_screen(ForgetScreen(name, written(gone)), lambda yes: self._forget(target, yes))

    def _forget(self, target: str, yes: bool | None) -> None:
        if yes:
            self.app.store.record(scope(self.app.content_dir, self.app.course, target))
            self._fill()
            self._say("Forgotten; u brings it back.")

    @work(group="undo", exit_on_error=False)
    @until_left
    async def action_undo(self) -> None:
        """Bring back what was forgotten last: all is derived anew from the log, which takes seconds when it is long."""
        if self._undoing:
            return
        self._undoing = True
        self.refresh_bindings()
        self.query_one("#data-counts", Static).update(Text("Bringing it back …"))
        try:
            await asyncio.to_thread(_undo_reset)
            news = "It is all back."
        except TutorError as error:
            news = str(error)
        self._undoing = False
        self._fill()
        self._say(news)

    def action_export(self) -> None:
        """Write the log to a file named after the day."""
        from tutor.progress.transfer import export

        path = paths.home() / f"progress-{today(self.app.store)}.json"
        try:
            rows = export(self.app.store, path)
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
        else:
            self.query_one("#data-counts", Static).update(Text(f"Exported {count(rows, 'row')} to {path}"))


def _undo_reset() -> None:
    """With a store of this thread's own."""
    from tutor.progress.store import Store

    store = Store.open(paths.database())
    try:
        store.undo(kinds=("reset",))
    finally:
        store.close()


def _nodes(node: TreeNode[str]) -> Iterator[TreeNode[str]]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _place(node: TreeNode[str]) -> str:
    """What stays of a node when the tree is built anew; a branch without data is the only one of its parent."""
    return node.data or f"{node.parent and node.parent.data}/"


class ForgetScreen(Dialog[bool]):
    """Says what would be forgotten; Enter does it."""

    TITLE = "Begin anew"
    HELP = "What was done of it is forgotten, and nothing else. It is never lost: u brings it back."
    CSS_PATH = "data.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "dismiss(True)", "Forget", tooltip="Forget it"),
        Binding("escape", "dismiss(False)", "Back", tooltip="Keep it"),
        HELP_KEY,
    ]

    def __init__(self, name: str, counted: str) -> None:
        super().__init__()
        self.subject = name
        self.counted = counted

    def compose(self) -> ComposeResult:
        """The question, what is at stake, and the way back."""
        with Vertical(id="forget"):
            yield Static(Text.assemble(("Begin anew: ", "bold"), (self.subject, "bold")), id="forget-title")
            yield Static(Text(f"This forgets {self.counted}."))
            yield Static(Text("Enter forgets it, Esc keeps it. Undo brings it back at any time."), id="forget-foot")
        yield KeyFooter()
