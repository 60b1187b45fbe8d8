"""Today: the week, the hours, reviews that are due, what is left of the chapter, and one key that continues."""

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
from tutor.tui.format import bar, count, day, flowing, hours, hours_range, minutes
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.steps import StepList

if TYPE_CHECKING:
    from tutor.progress.plan import Agenda, Step
    from tutor.tui.app import TutorApp


NAME = 7
"""Cells for the name of a fact."""


class TodayScreen(Screen[None]):
    """Start-up lands here."""

    app: TutorApp
    TITLE = "Today"
    HELP = (
        "Today shows where you are in your plan and what comes next.\n"
        "Enter does what is marked: as a rule the reviews that are due, which take minutes and lose by waiting; a "
        "lesson that is begun comes before questions whose answer you have only just seen. The arrows choose "
        "something else of this chapter; the map leads to all chapters, the plan changes start and pace."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "continue", "Continue", tooltip="Open what is marked"),
        Binding("m", "app.open('map')", "Map", tooltip="All chapters, and how well you know them"),
        Binding("p", "app.open('plan')", "Plan", tooltip="Your weeks with their dates; start, pace, what was missed"),
        Binding(
            "s", "app.open('statistics')", "Statistics", tooltip="Time, reviews, mastery and calibration as charts"
        ),
        Binding("slash", "search", "Search", key_display="/", tooltip="Search the whole course"),
        Binding("o", "app.open('settings')", "Settings", tooltip="How it looks, how reviews are scheduled"),
        Binding("t", "app.theme", "Dark/light", show=False, tooltip="Switch between dark and light"),
        Binding("q", "app.quit", "Quit", tooltip="Leave; everything is saved"),
        # In a narrow footer these two go first; the plan shows them too.
        Binding("a", "app.open('review:ahead')", "Review ahead", tooltip="Review ahead of time; reschedules nothing"),
        Binding("r", "app.open('review:cram')", "Cram", tooltip="Repeat what you know least; reschedules nothing"),
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
        self._draw_week(week.first, self.app.course.weeks[-1].last, stub.number, stub.title, week.focus)
        self.query_one(OptionList).focus()
        self.watch(self.app, "store_ready", self._store_ready, init=False)

    def _store_ready(self, ready: bool) -> None:
        if ready and self.app.screen is self:
            self.refresh_agenda()
            self._ask()

    def on_screen_resume(self) -> None:
        """Show what has changed while another screen was open."""
        if self.app.store_ready:
            self.refresh_agenda()
            self._ask()

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
        self._draw_week(plan.week, plan.weeks, plan.chapter.number, plan.chapter.title, plan.focus)
        self._draw_plan()
        review = plan.review
        self.query_one(StepList).show(plan.steps if review is None else (review, *plan.steps), plan.first)
        self.query_one("#why", Static).update(Text(flowing(plan.chapter.why)))

    def _ask(self) -> None:
        """Ask about the plan when it is time to: before anything was done, and after missed weeks."""
        from tutor.tui.screens.ask_plan import question

        if self._plan is not None and (screen := question(self.app.store, self._plan)) is not None:
            self.app.push_screen(screen, lambda _: self.refresh_agenda())

    def _draw_week(self, week: int, weeks: int, number: int, title: str, focus: str) -> None:
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
        done = sum(step.state == "done" for step in plan.steps)
        spent = plan.seconds / 3600
        least, most = plan.planned_hours
        rows = [
            ("Hours", spent / most, f"{hours(spent)} of {hours_range(least, most)}"),
            ("Chapter", done / len(plan.steps) if plan.steps else 0.0, f"{done} of {len(plan.steps)} steps"),
            ("Plan", plan.week / plan.weeks, self._plan_line(plan, facts.content_size.width - 24)),
        ]
        longest = max(len(text) for _, _, text in rows)
        width = min(24, max(4, facts.content_size.width - NAME - 4 - longest))
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, min_width=NAME)
        table.add_column(no_wrap=True, min_width=width)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, share, text in rows:
            table.add_row(Text(name), Text(bar(share, width)), Text(text))
        facts.update(table)

    def _plan_line(self, plan: Agenda, width: int) -> str:
        """The hours left and the end; after missed weeks the key that helps."""
        if plan.missed is not None:
            return f"{count(plan.missed.weeks, 'week')} missed; p helps"
        least, most = plan.hours_left
        text = f"{hours_range(round(least), round(most))} left, ends {day(plan.end)}"
        return text if len(text) <= width else f"ends {day(plan.end)}"

    def _draw_next(self, plan: Agenda) -> None:
        """What Enter does; how far it is and how long it takes stand together, on the same line or below."""
        line = self.query_one("#next", Static)
        review = plan.review
        if review is None:
            line.update(Text(plan.finished, style="bold") if plan.next is None else self._doing(plan.next, "Enter"))
            return
        waits = plan.first is plan.next
        noun = "question" if plan.due.total == 1 else "questions"
        reviews = Text.assemble(("then " if waits else "Enter", "" if waits else "bold reverse"), "  reviews ")
        reviews.append(f"{review.progress} {noun}", "bold").append(f"  about {minutes(review.minutes)}", "dim")
        lines = [reviews]
        if plan.next is not None:
            step = self._doing(plan.next, "Enter" if waits else "then ", whole=False)
            lines = [step, reviews] if waits else [reviews, step]
        line.update(Text("\n").join(lines))

    def _doing(self, step: Step, key: str, *, whole: bool = True) -> Text:
        """What a step does; `whole`: also how far it is and how long it takes, below when the line is too short."""
        started = step.state == "started"
        text = Text.assemble((key, "bold reverse" if key == "Enter" else ""), "  ")
        text.append("continues with " if started else "starts ").append(step.label, "bold")
        left = f"{step.progress}, " if started else ""
        left += f"about {minutes(step.minutes)}"
        fits = text.cell_len + 2 + len(left) <= self.query_one("#next", Static).content_size.width
        if whole or fits:
            text.append("  " if fits else f"\n{' ' * (len(key) + 2)}")
            text.append(left, style="dim")
        return text

    def action_search(self) -> None:
        """Search the course."""
        self.app.action_search()

    def action_continue(self) -> None:
        """Open the marked step; before progress is read, wait for nothing and read it now."""
        if not self.app.store_ready:
            if not self.app.open_store():
                return
            self.refresh_agenda()
        option = self.query_one(OptionList).highlighted_option
        if option is not None and option.id is not None:
            self.app.open_target(option.id)
