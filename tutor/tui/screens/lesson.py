"""A lesson: one page at a time, with formulas to copy, code to run, and the way to the lab and the questions."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tutor.course.load import load_chapter, load_lesson
from tutor.course.markup import plain
from tutor.course.model import Chapter, Lesson
from tutor.errors import TutorError
from tutor.progress import events as log
from tutor.progress.store import steps_draft
from tutor.tui.drawing import until_left
from tutor.tui.format import bar
from tutor.tui.names import describe
from tutor.tui.screens.dialog import HELP_KEY, Dialog
from tutor.tui.scrolling import read_on
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.math_markdown import CodeBlock, FormulaBlock, MathMarkdown, Pause, Result, Settled, follow, links
from tutor.tui.widgets.row import Row, cell
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

AHEAD_SECONDS = 0.1
"""How long a page is on the screen before the next one is prepared."""
RUN_SECONDS = 20.0
"""Time that a page's code may take; `import torch` alone takes two seconds of it, or more on a busy machine."""


class PageLink(Static):
    """A link of the page, listed at its foot so that the keyboard reaches it."""

    app: TutorApp

    def __init__(self, target: str, text: str, where: str, key: str) -> None:
        label = Text("→ ")
        label.append(text)
        label.append(f"  {where}", style="dim")
        if key:
            label.append(f"  {key}", style="bold")
        super().__init__(label)
        self.target = target

    def on_click(self) -> None:
        """Open it."""
        follow(self.app, self.target)


class PickScreen(Dialog[str | None]):
    """A list to choose one thing from."""

    HELP = "The arrows choose, Enter opens."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="Open what is marked"),
        Binding("escape", "dismiss(None)", "Close", tooltip="Back, and open nothing"),
        HELP_KEY,
    ]

    def __init__(self, title: str, rows: list[tuple[str, Text]], marked: str = "") -> None:
        super().__init__()
        self.heading = title
        self.rows = rows
        self.marked = marked

    def compose(self) -> ComposeResult:
        """Lay out a title and the list."""
        with Vertical(id="pick"):
            yield Static(Text(self.heading), id="pick-title")
            yield ScreenList(*(Option(text, id=row) for row, text in self.rows), id="pick-list", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Stand on the row of where the learner is."""
        self.set_reactive(Screen.title, self.heading)
        options = self.query_one(OptionList)
        ids = [row for row, _ in self.rows]
        options.highlighted = ids.index(self.marked) if self.marked in ids else 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with what was clicked."""
        self.dismiss(event.option_id)

    def action_open(self) -> None:
        """Close with the choice."""
        option = self.query_one(OptionList).highlighted_option
        self.dismiss(None if option is None else option.id)


class Page(Settled, Vertical):
    """All that scrolls together."""


class LessonScreen(Screen[None], inherit_bindings=False):
    """Reads a lesson; `page` (from 1) opens a certain page, otherwise the remembered one."""

    app: TutorApp
    HELP = (
        "Space reads on: it scrolls, and turns the page at its end. n and p turn pages at once. A derivation waits "
        "before each step, so that you can find it yourself: Space shows it, u shows all of them, and then hides them "
        "for another try.\n"
        "Tab marks what can be acted on: formulas, code, links. y copies the marked formula or code, r runs the "
        "marked code in a process of its own, Enter opens the marked link. Without a mark, y and r take the first "
        "that is on the screen. The left and right arrows move a marked block that is wider than the page."
    )
    CSS_PATH = "lesson.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Page", key_display="n/p", tooltip="Next page; after the last one, the next lesson"),
        Binding("right", "sideways(1)", "Next", show=False, tooltip="Next page"),
        Binding("p", "previous", "Previous", show=False, tooltip="Previous page"),
        Binding("left", "sideways(-1)", "Previous", show=False, tooltip="Previous page"),
        Binding(
            "space",
            "read_on",
            "Read on",
            show=False,
            tooltip="Show the next step, scroll down, at the end turn the page",
        ),
        Binding("u", "unfold", "Unfold", tooltip="Show all steps of the derivation"),
        Binding("u", "fold", "Fold", tooltip="Hide the steps of the derivation, to find them yourself"),
        Binding("tab", "mark(1)", "Mark", tooltip="Next formula, code or link"),
        Binding("shift+tab", "mark(-1)", "Mark", show=False, tooltip="The formula, code or link before"),
        Binding("enter", "open", "Open", tooltip="Open the marked link"),
        Binding("r", "run", "Run", tooltip="Run the code"),
        Binding("y", "copy", "Copy", tooltip="Copy the formula's LaTeX or the code"),
        Binding("l", "lab", "Lab", tooltip="Open the lab of this lesson"),
        Binding("a", "practice", "Quiz", tooltip="Answer the practice questions of this lesson"),
        Binding("o", "contents", "List", tooltip="Go to any page of this chapter"),
        Binding("escape", "stop", "Stop", tooltip="Stop the code that runs"),
        Binding("escape", "leave", "Back", tooltip="Back to where you were"),
        Binding("ctrl+c,super+c", "screen.copy_text", "Copy selection", show=False, tooltip="Copy the selected text"),
        Binding("down,j", "scroll('down')", "Down", show=False, tooltip="Scroll down"),
        Binding("up,k", "scroll('up')", "Up", show=False, tooltip="Scroll up"),
        Binding("pagedown", "scroll('page_down')", "Screen down", show=False, tooltip="Scroll a screen down"),
        Binding("pageup", "scroll('page_up')", "Screen up", show=False, tooltip="Scroll a screen up"),
        Binding("home", "scroll('home')", "Top", show=False, tooltip="Top of the page"),
        Binding("end", "scroll('end')", "End", show=False, tooltip="End of the page"),
    ]

    def __init__(self, chapter_id: str, lesson_id: str, page: int | None = None) -> None:
        super().__init__()
        self.chapter_id = chapter_id
        self.lesson_id = lesson_id
        self.page = page or 0
        self.chapter: Chapter | None = None
        self.lesson: Lesson | None = None
        self.marked: FormulaBlock | CodeBlock | PageLink | None = None
        self.running: CodeBlock | None = None
        self.text, self.ahead = (MathMarkdown("", runnable=True) for _ in range(2))
        """What is read; and, out of sight, the page that comes next."""
        self.page_links: list[tuple[str, str]] = []
        self.waiting: Pause | None = None
        self.steps = 0
        self.shown: list[FormulaBlock | CodeBlock] = []
        """Formulas and code that can be seen: not those of steps to come."""
        self._results: dict[tuple[str, int, int], Result] = {}
        self._drawing = asyncio.Lock()
        self._drawn: tuple[str, int] | None = None
        self._ahead: tuple[str, int] | None = None
        self._scroll_saver: Timer | None = None

    def compose(self) -> ComposeResult:
        """A line that says where, and the page below it."""
        yield Static(id="lesson-head", markup=False)
        with VerticalScroll(id="lesson-body", can_focus=False), Page(id="lesson-page"):
            yield Static(id="lesson-problem", markup=False)
            yield self.text
            yield self.ahead
            yield Vertical(id="lesson-links")
            yield Static(id="lesson-end", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Open the page that was asked for, or the one where the learner left."""
        self.watch(self.query_one("#lesson-body"), "scroll_y", self._scrolled, init=False)
        self._open(self.lesson_id, self.page)

    # -- pages ---

    def _open(self, lesson_id: str, page: int) -> None:
        """Turn to a page of a lesson; page 0 is the remembered one, a negative page counts from the end."""
        try:
            chapter = load_chapter(self.app.content_dir, self.chapter_id)
            lesson = load_lesson(self.app.content_dir, self.chapter_id, lesson_id)
            scroll = 0.0
            if page == 0:
                page, scroll = self._remembered(lesson_id)
        except TutorError as error:
            self._fail(error)
            return
        self.chapter, self.lesson = chapter, lesson
        self.lesson_id = lesson_id
        pages = len(lesson.pages)
        self.page = min(max(page if page > 0 else pages + 1 + page, 1), pages)
        self.set_reactive(Screen.title, f"{lesson.head.section} {lesson.head.title}")
        self._record(log.Page(item=lesson_id, page=self.page, pages=pages))
        self._draw(scroll)

    def _remembered(self, lesson_id: str) -> tuple[int, float]:
        """(page, line at its top) where the learner left the lesson."""
        state = self.app.store.lesson(lesson_id)
        if state is None:
            return 1, 0.0
        page, _, line = self.app.store.draft(f"scroll:{lesson_id}").partition(":")
        return state.page, float(line) if page == str(state.page) else 0.0

    def _fail(self, error: TutorError) -> None:
        """Say what is wrong; a page that is open stays."""
        if self.lesson is not None:
            self.notify(str(error), title="This lesson cannot be shown", severity="error", markup=False, timeout=15)
            return
        problem = self.query_one("#lesson-problem", Static)
        problem.update(Text(f"This lesson cannot be shown.\n{error}"))
        problem.display = True
        self.refresh_bindings()

    def _record(self, event: log.Page) -> None:
        try:
            self.app.store.record(event, chapter=self.chapter_id, seconds=self.app.active_seconds())
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False)

    def _draw_head(self) -> None:
        assert self.lesson is not None
        total = len(self.lesson.pages)
        place = Text(f"page {self.page} of {total}  ")
        place.append(bar(self.page / total, 12), style="dim")
        title = f"{self.lesson.head.section} {self.lesson.head.title}"
        self.query_one("#lesson-head", Static).update(Row(cell(title, "bold", 0), cell(place, right=True)))

    @work(group="draw")
    @until_left
    async def _draw(self, scroll: float) -> None:
        """Draw the page that is open by then: of pages turned in a hurry only the last one."""
        async with self._drawing:
            lesson, wanted = self.lesson, (self.lesson_id, self.page)
            if lesson is None or wanted == self._drawn:
                return
            self.workers.cancel_group(self, "run")
            self.marked = self.running = None
            text = lesson.pages[self.page - 1]
            self.page_links = links(text, self.app.settings.ascii_math)
            body = self.query_one("#lesson-body")
            with self.app.batch_update():
                self._draw_head()
                if wanted == self._ahead:
                    self.text, self.ahead, self._ahead = self.ahead, self.text, None
                else:
                    await self.text.update(text)
                self.text.display, self.ahead.display = True, False
                self._show_steps(self._unfolded())
                holder = self.query_one("#lesson-links", Vertical)
                await holder.remove_children()
                await holder.mount_all(self._links())
                self._draw_end()
                for place, block in enumerate(self.text.actionable):
                    result = self._results.get((*wanted, place))
                    if result is not None and isinstance(block, CodeBlock):
                        block.show_result(result)
                body.scroll_home(animate=False, immediate=True)
            self._drawn = wanted
            self.refresh_bindings()
            if scroll:
                self.call_after_refresh(body.scroll_to, y=scroll, animate=False)
            self.set_timer(AHEAD_SECONDS, self._prepare)

    @work(group="draw")
    @until_left
    async def _prepare(self) -> None:
        """Make the widgets of the next page, out of sight: turning to it then takes half the time."""
        async with self._drawing:
            lesson, following = self.lesson, (self.lesson_id, self.page + 1)
            drawn = self._drawn == (self.lesson_id, self.page)
            if lesson is not None and drawn and self.page < len(lesson.pages) and self._ahead != following:
                self._ahead = None
                await self.ahead.update(lesson.pages[self.page])
                self._ahead = following

    def _links(self) -> list[PageLink]:
        labs = self._labs()
        return [
            PageLink(
                target, text, describe(self.app, target), "l" if len(labs) == 1 and target == f"lab:{labs[0]}" else ""
            )
            for target, text in self.page_links
        ]

    def _draw_end(self) -> None:
        """After the last page, say what comes next and with which key."""
        assert self.lesson is not None
        head = self.lesson.head
        end = self.query_one("#lesson-end", Static)
        end.display = self.page == len(self.lesson.pages)
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        if head.questions:
            many = "1 question" if len(head.questions) == 1 else f"{len(head.questions)} questions"
            table.add_row("a", Text(f"Practise: {many}"))
        if labs := self._labs():
            table.add_row("l", Text(f"Lab: {', '.join(labs)}"))
        following = self._neighbour(1)
        if following is not None:
            table.add_row("n", Text(f"Next lesson: {self._lesson_title(following)}"))
        elif self.chapter is not None and self.chapter.checkpoint:
            table.add_row("n", Text(f"Checkpoint of chapter {self.chapter.number}"))
        table.add_row("Esc", Text("Back"))
        end.border_title = f"End of {head.section} {head.title}"
        end.update(table)

    def _lesson_title(self, lesson_id: str) -> str:
        try:
            head = load_lesson(self.app.content_dir, self.chapter_id, lesson_id).head
        except TutorError:
            return lesson_id
        return f"{head.section} {head.title}"

    def _neighbour(self, by: int) -> str | None:
        """The lesson before or after this one in the chapter."""
        if self.chapter is None or self.lesson_id not in self.chapter.lessons:
            return None
        at = self.chapter.lessons.index(self.lesson_id) + by
        return self.chapter.lessons[at] if 0 <= at < len(self.chapter.lessons) else None

    # -- place within the page ---

    def _scrolled(self) -> None:
        if self._scroll_saver is not None:
            self._scroll_saver.stop()
        self._scroll_saver = self.set_timer(0.3, self._save_scroll)

    def _save_scroll(self) -> None:
        if self._drawn == (self.lesson_id, self.page):
            line = round(self.query_one("#lesson-body").scroll_y)
            try:
                self.app.store.save_draft(f"scroll:{self.lesson_id}", f"{self.page}:{line}")
            except TutorError as error:
                self.notify(str(error), severity="error", markup=False)

    # -- steps of a derivation ---

    @property
    def _steps_draft(self) -> str:
        return steps_draft(self.lesson_id, self.page)

    def _unfolded(self) -> int:
        """How many steps of this page the learner has seen."""
        kept = self.app.store.draft(self._steps_draft)
        return int(kept) if kept.isdecimal() else 0

    def _unfold(self, steps: int) -> None:
        """Show so many steps, and bring the newest onto the screen."""
        before = self.waiting
        assert before is not None
        self._keep_steps(steps)
        blocks = self.text.children
        first = blocks[blocks.index(before) + 1]
        last = self.waiting or self.query_one(Page)  # of all steps the page's end, so that the next Space turns it
        self.call_after_refresh(self._bring_step, first, last)

    def _keep_steps(self, steps: int) -> None:
        self._show_steps(steps)
        try:
            self.app.store.save_draft(self._steps_draft, str(steps))
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False)
        self.refresh_bindings()

    def _show_steps(self, steps: int) -> None:
        self.steps, self.waiting = steps, self.text.unfold(steps)
        self.shown = [
            block for block in self.text.actionable if all(node.display for node in block.ancestors_with_self)
        ]

    def _bring_step(self, first: Widget, last: Widget) -> None:
        """Scroll to the end of a step, but not past its beginning."""
        body = self.query_one("#lesson-body")
        by = min(last.region.bottom - body.region.bottom, first.region.y - body.region.y)
        body.scroll_relative(y=max(0, by), animate=False)

    # -- what can be acted on ---

    def _actionable(self) -> list[FormulaBlock | CodeBlock | PageLink]:
        return [*self.shown, *self.query(PageLink)]

    def _runnable(self) -> list[CodeBlock]:
        return [block for block in self.shown if isinstance(block, CodeBlock) and block.can_run]

    def _mark(self, block: FormulaBlock | CodeBlock | PageLink) -> None:
        if self.marked is not None:
            self.marked.remove_class("-current")
        self.marked = block
        block.add_class("-current")
        self.refresh_bindings()

    def _on_screen(self, block: FormulaBlock | CodeBlock | PageLink) -> bool:
        return block.region.overlaps(self.query_one("#lesson-body").region)

    def _bring(self, block: FormulaBlock | CodeBlock | PageLink, *, end: bool = False) -> None:
        """Scroll a block onto the screen; of one that is too tall its top, or with `end` its end (the output)."""
        if not block.is_attached:
            return
        body = self.query_one("#lesson-body")
        by = max(0, block.region.bottom - body.region.bottom)
        top = block.region.y - body.region.y
        if top < by and not end:
            by = top
        body.scroll_relative(y=by, animate=False)

    def _labs(self) -> list[str]:
        """The labs that `l` may mean: the page's, or else the lesson's."""
        linked = [target.removeprefix("lab:") for target, _ in self.page_links if target.startswith("lab:")]
        return linked or list(self.lesson.head.labs if self.lesson is not None else ())

    # -- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the keys that do something on this page."""
        if action == "leave":
            return self.running is None
        if action == "stop":
            return self.running is not None
        lesson_keys = {"next", "previous", "sideways", "read_on", "mark", "open", "run", "copy", "lab", "practice"}
        if action not in lesson_keys | {"contents", "scroll", "unfold", "fold"}:
            return True
        if self.lesson is None:
            return False
        match action:
            case "next":
                last = self.page == len(self.lesson.pages)
                return not last or self._neighbour(1) is not None or bool(self.chapter and self.chapter.checkpoint)
            case "previous":
                return self.page > 1 or self._neighbour(-1) is not None
            case "unfold":
                return self.waiting is not None and self._drawn == (self.lesson_id, self.page)
            case "fold":
                return self.waiting is None and bool(self.text.pauses) and self._drawn == (self.lesson_id, self.page)
            case "mark":
                return bool(self._actionable())
            case "open":
                return isinstance(self.marked, PageLink)
            case "run":
                return bool(self._runnable()) and self.running is None
            case "copy":
                return bool(self.shown) and not isinstance(self.marked, PageLink)
            case "lab":
                return bool(self._labs())
            case "practice":
                return bool(self.lesson.head.questions)
            case _:
                return True

    def action_next(self) -> None:
        """Turn the page; after the last one open the next lesson, after the last lesson the checkpoint."""
        assert self.lesson is not None
        following = self._neighbour(1)
        if self.page < len(self.lesson.pages):
            self._open(self.lesson_id, self.page + 1)
        elif following is not None:
            self._open(following, 1)
        else:
            self.app.open_target(f"checkpoint:{self.chapter_id}")

    def action_previous(self) -> None:
        """Turn back; from the first page to the end of the lesson before."""
        before = self._neighbour(-1)
        if self.page > 1:
            self._open(self.lesson_id, self.page - 1)
        elif before is not None:
            self._open(before, -1)

    async def action_sideways(self, by: int) -> None:
        """Move the marked block if it is wider than the page, else turn the page."""
        if isinstance(self.marked, FormulaBlock | CodeBlock) and self.marked.overflows:
            self.marked.scroll_sideways(8 * by)
        else:
            await self.run_action("next" if by > 0 else "previous")

    def action_read_on(self) -> None:
        """Show the next step, or scroll a screenful; at the end of the page turn it.

        The end of the lesson is not passed by accident.
        """
        assert self.lesson is not None
        body = self.query_one("#lesson-body")
        drawn = self._drawn == (self.lesson_id, self.page)
        if self.waiting is not None and drawn and self.waiting.region.bottom <= body.region.bottom:
            self._unfold(self.steps + 1)
        elif not read_on(body) and self.page < len(self.lesson.pages):
            self.action_next()

    def action_unfold(self) -> None:
        """Show all steps of the derivation."""
        self._unfold(len(self.text.pauses))

    def action_fold(self) -> None:
        """Hide the steps of the derivation."""
        self._keep_steps(0)
        if self.marked is not None and self.marked not in self._actionable():
            self.marked.remove_class("-current")
            self.marked = None
        assert self.waiting is not None
        self.call_after_refresh(self.query_one("#lesson-body").scroll_to_widget, self.waiting, animate=False)

    def action_scroll(self, way: str) -> None:
        """Scroll within the page."""
        body = self.query_one("#lesson-body")
        scroll = {
            "down": body.scroll_down,
            "up": body.scroll_up,
            "page_down": body.scroll_page_down,
            "page_up": body.scroll_page_up,
            "home": body.scroll_home,
            "end": body.scroll_end,
        }
        scroll[way](animate=False)

    def action_mark(self, by: int) -> None:
        """Go to the next thing that can be acted on; at first to one that is on the screen."""
        blocks = self._actionable()
        if self.marked in blocks:
            at = (blocks.index(self.marked) + by) % len(blocks)
        else:
            seen = [at for at, block in enumerate(blocks) if self._on_screen(block)]
            at = (seen[0] if by > 0 else seen[-1]) if seen else 0
        self._mark(blocks[at])
        self._bring(blocks[at])

    def action_open(self) -> None:
        """Open the marked link."""
        if isinstance(self.marked, PageLink):
            follow(self.app, self.marked.target)

    def action_copy(self) -> None:
        """Copy the marked formula or code, or the first one on the screen."""
        blocks = self.shown
        block = self.marked if self.marked in blocks else next(filter(self._on_screen, blocks), blocks[0])
        assert isinstance(block, FormulaBlock | CodeBlock)
        self._mark(block)
        self.app.copy_to_clipboard(block.copy_text)
        first, *more = block.copy_text.splitlines()
        self.notify(f"{first}{' …' if more else ''}", title=f"Copied the {block.copy_name}", markup=False, timeout=2)

    def action_lab(self) -> None:
        """Open the lab of the marked link, of the page or of the lesson; ask when there are several."""
        if isinstance(self.marked, PageLink) and self.marked.target.startswith("lab:"):
            self.app.open_target(self.marked.target)
            return
        labs = self._labs()
        if len(labs) == 1:
            self.app.open_target(f"lab:{labs[0]}")
            return

        def chosen(target: str | None) -> None:
            if target is not None:
                self.app.open_target(target)

        self.app.push_screen(PickScreen("Labs", [(f"lab:{lab}", Text(lab)) for lab in labs]), chosen)

    def action_practice(self) -> None:
        """Open the practice questions."""
        self.app.open_target(f"practice:{self.lesson_id}")

    def action_contents(self) -> None:
        """List all pages of the chapter and go to the chosen one."""
        assert self.chapter is not None
        rows: list[tuple[str, Text]] = []
        for lesson_id in self.chapter.lessons:
            try:
                lesson = load_lesson(self.app.content_dir, self.chapter_id, lesson_id)
            except TutorError:
                rows.append((lesson_id, Text(f"{lesson_id} cannot be read", style="dim")))
                continue
            rows.append((lesson_id, Text(f"{lesson.head.section} {lesson.head.title}", style="bold")))
            for number, text in enumerate(lesson.pages, 1):
                title = plain(text.partition("\n")[0].lstrip("# "), self.app.settings.ascii_math)
                rows.append((f"{lesson_id}#{number}", Text(f"{number:>4}  {title}")))

        def chosen(row: str | None) -> None:
            if row is not None:
                lesson_id, _, page = row.partition("#")
                self._open(lesson_id, int(page or 0))

        title = f"Chapter {self.chapter.number}: {self.chapter.title}"
        self.app.push_screen(PickScreen(title, rows, f"{self.lesson_id}#{self.page}"), chosen)

    def action_leave(self) -> None:
        """Remember the place and go back."""
        self._save_scroll()
        self.dismiss()

    # -- running code ---

    def action_run(self) -> None:
        """Run the marked code, or the first on the screen, or the first of the page."""
        blocks = self._runnable()
        marked = self.marked
        block = marked if isinstance(marked, CodeBlock) and marked.can_run else None
        if block is None:
            block = next(filter(self._on_screen, blocks), blocks[0])
        self.running = block
        self._mark(block)
        self._run(block, (self.lesson_id, self.page, self.text.actionable.index(block)))

    def action_stop(self) -> None:
        """Stop the code that runs."""
        self.workers.cancel_group(self, "run")

    @work(group="run")
    async def _run(self, block: CodeBlock, place: tuple[str, int, int]) -> None:
        from tutor.exercises.child import arun_code

        block.show_running()
        self.call_after_refresh(self._bring, block)
        began = time.monotonic()
        try:
            done = await arun_code(block.code, seconds=RUN_SECONDS)
            result = self._results[place] = Result(done.output, done.error, done.seconds)
        except asyncio.CancelledError:  # nothing is left of the run; that it was stopped is still to be drawn
            result = Result("", "Stopped.", time.monotonic() - began)
        except OSError as error:
            result = Result("", f"Python could not be started: {error.strerror}", 0.0)
        if self.running is block:
            self.running = None
            self.refresh_bindings()
        if block.is_attached:
            block.show_result(result)
            self.call_after_refresh(self._bring, block, end=True)
