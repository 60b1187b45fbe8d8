"""Today: the week, the hours, what is left of the chapter, and one key that continues."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tutor.course.load import ContentError
from tutor.tui.format import bar, flowing, hours, hours_range, minutes
from tutor.tui.widgets.footer import KeyFooter

if TYPE_CHECKING:
    from tutor.progress.plan import Agenda, Step
    from tutor.tui.app import TutorApp

MARKS = {"done": "✓", "started": "◐", "open": "○"}
TALL = 32
"""Rows at which the chapter's reason fits below its steps."""
KINDS = {"lesson": "", "lab": "lab", "checkpoint": "quiz"}


class ScreenList(OptionList, inherit_bindings=False):
    """A list that leaves Enter to its screen; a key with priority instead would overtake the arrows before it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in OptionList.BINDINGS if isinstance(binding, Binding) and binding.key != "enter"
    ]


class TodayScreen(Screen[None]):
    """Start-up lands here."""

    app: TutorApp
    TITLE = "Today"
    HELP = (
        "Today shows where you are in the twelve weeks and what comes next.\n"
        "Enter continues there; the arrows choose something else of this chapter."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "continue", "Continue", tooltip="Open what is marked"),
        Binding("m", "map", "Course map", tooltip="The twelve weeks and nine chapters"),
        Binding("t", "app.theme", "Dark/light", tooltip="Switch between dark and light"),
        Binding("q", "app.quit", "Quit", tooltip="Leave; everything is saved"),
    ]

    def compose(self) -> ComposeResult:
        """Draw what the course says; what the learner did is filled in by `refresh_agenda`."""
        with Vertical(id="today"):
            yield Static(id="week", markup=False)
            yield Static(id="facts", markup=False)
            yield Static(id="next", markup=False)
            yield ScreenList(id="steps", markup=False)
            yield Static(id="why", markup=False)
        yield KeyFooter()

    def on_resize(self, event: events.Resize) -> None:
        """Say what the chapter is for where there is room to spare."""
        self.query_one("#why").display = event.size.height >= TALL

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
            self.query_one("#next", Static).update(Text(str(error), style="bold"))
            return
        self._draw_week(plan.week, plan.chapter.number, plan.chapter.title, plan.focus)
        self._draw_facts(plan)
        self._draw_next(plan)
        self._draw_steps(plan)
        self.query_one("#why", Static).update(Text(flowing(plan.chapter.why)))

    def _draw_week(self, week: int, number: int, title: str, focus: str) -> None:
        weeks = self.app.course.weeks[-1].last
        text = Text()
        text.append(f"Week {week} of {weeks}", style="bold")
        text.append(f"   Chapter {number}\n")
        text.append(title, style="bold")
        text.append(f"\n{focus}", style="dim")
        self.query_one("#week", Static).update(text)

    def _draw_facts(self, plan: Agenda) -> None:
        table = Table.grid(padding=(0, 2))
        done = sum(step.state == "done" for step in plan.steps)
        spent = plan.seconds / 3600
        least, most = plan.planned_hours
        table.add_row(Text("Hours"), Text(bar(spent / most, 24)), Text(f"{hours(spent)} of {hours_range(least, most)}"))
        share = done / len(plan.steps) if plan.steps else 0.0
        table.add_row(Text("Chapter"), Text(bar(share, 24)), Text(f"{done} of {len(plan.steps)} steps"))
        self.query_one("#facts", Static).update(table)

    def _draw_next(self, plan: Agenda) -> None:
        text = Text()
        if plan.next is None:
            text.append(plan.finished, style="bold")
        else:
            text.append("Enter", style="bold reverse")
            verb = "continues with" if plan.next.state == "started" else "starts"
            text.append(f"  {verb} ")
            text.append(plan.next.label, style="bold")
            if plan.next.state == "started":
                text.append(f", {plan.next.progress}")
            text.append(f"  about {minutes(plan.next.minutes)}", style="dim")
        self.query_one("#next", Static).update(text)

    def _draw_steps(self, plan: Agenda) -> None:
        steps = self.query_one(OptionList)
        marked = None
        options = []
        for at, step in enumerate(plan.steps):
            options.append(Option(self._row(step), id=step.target))
            if plan.next is not None and step.target == plan.next.target:
                marked = at
        chosen = steps.highlighted_option.id if steps.highlighted_option and self._moved(plan) is False else None
        steps.clear_options()
        steps.add_options(options)
        if chosen is not None:
            steps.highlighted = steps.get_option_index(chosen)
        else:
            steps.highlighted = marked if marked is not None else 0
        self._next_target = plan.next.target if plan.next is not None else None

    _next_target: str | None = None

    def _moved(self, plan: Agenda) -> bool:
        """Whether the plan has moved on since it was last drawn, so that the mark follows it."""
        return self._next_target != (plan.next.target if plan.next is not None else None)

    def _row(self, step: Step) -> Table:
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(width=1)
        row.add_column(width=4, style="dim")
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(justify="right", no_wrap=True, style="dim")
        row.add_column(justify="right", width=8, no_wrap=True, style="dim")
        row.add_row(
            Text(MARKS[step.state]),
            Text(step.section or KINDS[step.kind]),
            Text(step.label),
            Text(step.progress),
            Text(minutes(step.minutes)),
        )
        return row

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
