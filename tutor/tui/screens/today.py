"""Today: the week, the hours, what is left of the chapter, and one key that continues."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import OptionList, Static

from tutor.course.load import ContentError
from tutor.tui.format import bar, flowing, hours, hours_range, minutes
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.steps import StepList

if TYPE_CHECKING:
    from tutor.progress.plan import Agenda
    from tutor.tui.app import TutorApp


class TodayScreen(Screen[None]):
    """Start-up lands here."""

    app: TutorApp
    TITLE = "Today"
    HELP = (
        "Today shows where you are in the twelve weeks and what comes next.\n"
        "Enter continues there; the arrows choose something else of this chapter. The map leads to all chapters."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "continue", "Continue", tooltip="Open what is marked"),
        Binding("m", "map", "Map", tooltip="The twelve weeks and nine chapters"),
        Binding("t", "app.theme", "Dark/light", tooltip="Switch between dark and light"),
        Binding("q", "app.quit", "Quit", tooltip="Leave; everything is saved"),
    ]

    VERTICAL_BREAKPOINTS = [(0, "-list"), (9, "-low"), (18, "-high"), (32, "-tall")]
    """Rows from which there is room for more than the steps."""

    _plan: Agenda | None = None

    def compose(self) -> ComposeResult:
        """Draw what the course says; what the learner did is filled in by `refresh_agenda`."""
        with Vertical(id="today"):
            yield Static(id="week", markup=False)
            yield Static(id="focus", markup=False)
            yield Static(id="facts", markup=False)
            yield Static(id="next", markup=False)
            yield StepList(id="steps", markup=False)
            yield Static(id="why", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show the first week at once and the learner's own figures as soon as they can be read."""
        week = self.app.course.weeks[0]
        stub = self.app.chapter_stub(week.chapter)
        self._draw_week(week.first, stub.number, stub.title, week.focus)
        self.query_one(OptionList).focus()
        self.watch(self.app, "store_ready", self._store_ready, init=False)

    def _store_ready(self, ready: bool) -> None:
        if ready and self.app.screen is self:
            self.refresh_agenda()

    def on_screen_resume(self) -> None:
        """Show what has changed while another screen was open."""
        if self.app.store_ready:
            self.refresh_agenda()

    def refresh_agenda(self) -> None:
        """Read progress and draw the chapter's steps, the hours and what comes next."""
        from tutor.progress.plan import agenda

        try:
            plan = agenda(self.app.content_dir, self.app.course, self.app.store)
        except ContentError as error:
            self._plan = None
            problem = self.query_one("#next", Static)
            problem.update(Text(str(error), style="bold"))
            problem.add_class("-problem")
            return
        self.query_one("#next").remove_class("-problem")
        self._plan = plan
        self._draw_week(plan.week, plan.chapter.number, plan.chapter.title, plan.focus)
        self._draw_plan()
        self.query_one(StepList).show(plan.steps, plan.next)
        self.query_one("#why", Static).update(Text(flowing(plan.chapter.why)))

    def _draw_week(self, week: int, number: int, title: str, focus: str) -> None:
        weeks = self.app.course.weeks[-1].last
        text = Text()
        text.append(f"Week {week} of {weeks}", style="bold")
        text.append(f"   Chapter {number}\n")
        text.append(title, style="bold")
        self.query_one("#week", Static).update(text)
        self.query_one("#focus", Static).update(Text(focus))

    def on_resize(self) -> None:
        """Draw to the new width what depends on it."""
        self.call_after_refresh(self._draw_plan)

    def _draw_plan(self) -> None:
        if self._plan is not None:
            self._draw_facts(self._plan)
            self._draw_next(self._plan)

    def _draw_facts(self, plan: Agenda) -> None:
        facts = self.query_one("#facts", Static)
        width = min(24, max(4, facts.content_size.width - 27))
        table = Table.grid(padding=(0, 2))
        done = sum(step.state == "done" for step in plan.steps)
        spent = plan.seconds / 3600
        least, most = plan.planned_hours
        hours_done = Text(f"{hours(spent)} of {hours_range(least, most)}")
        table.add_row(Text("Hours"), Text(bar(spent / most, width)), hours_done)
        share = done / len(plan.steps) if plan.steps else 0.0
        table.add_row(Text("Chapter"), Text(bar(share, width)), Text(f"{done} of {len(plan.steps)} steps"))
        facts.update(table)

    def _draw_next(self, plan: Agenda) -> None:
        """What Enter opens; how far it is and how long it takes stand together, on the same line or below."""
        line = self.query_one("#next", Static)
        if plan.next is None:
            line.update(Text(plan.finished, style="bold"))
            return
        key, verb = "Enter", "continues with" if plan.next.state == "started" else "starts"
        left = f"about {minutes(plan.next.minutes)}"
        if plan.next.state == "started":
            left = f"{plan.next.progress}, {left}"
        text = Text.assemble((key, "bold reverse"), f"  {verb} ", (plan.next.label, "bold"))
        fits = text.cell_len + 2 + len(left) <= line.content_size.width
        text.append("  " if fits else f"\n{' ' * (len(key) + 2)}")
        text.append(left, style="dim")
        line.update(text)

    def action_continue(self) -> None:
        """Open the marked step; before progress is read, wait for nothing and read it now."""
        if not self.app.store_ready:
            if not self.app.open_store():
                return
            self.refresh_agenda()
        option = self.query_one(OptionList).highlighted_option
        if option is not None and option.id is not None:
            self.app.open_target(option.id)

    def action_map(self) -> None:
        """Open the course map."""
        self.app.open_target("map")
