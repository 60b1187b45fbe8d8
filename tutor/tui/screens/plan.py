"""The plan: the chapters in their weeks with dates and hours, what was left out or moved, and how to change it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tutor.course.load import is_written
from tutor.errors import TutorError
from tutor.progress.plan import Agenda, agenda, leave_out, steps, take_in
from tutor.tui.format import bar, count, day, hours_range, weeks
from tutor.tui.screens.ask_plan import MissedScreen, StartScreen
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.row import Row, cell
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

CHANGES = ("plan_start", "plan_shift", "plan_catch_up", "skip")
"""Kinds of rows in the log that make the plan."""


class PlanScreen(Screen[None]):
    """All weeks with their dates."""

    app: TutorApp
    TITLE = "Plan"
    HELP = (
        "The chapters in the weeks that your plan has for them. ▸ is where the calendar is, ✓ what you have finished.\n"
        "c changes the first day and the pace, x leaves the marked chapter out or takes it in again, w answers for "
        "missed weeks, u takes back the last change. Enter opens the marked chapter.\n"
        "The plan is advice: every chapter can be opened at any time."
    )
    CSS_PATH = "plan.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="Open the marked chapter"),
        Binding("c", "change", "Change", tooltip="Change the first day and the pace"),
        Binding("x", "leave_out", "Leave out", tooltip="Leave the marked chapter out of the plan, or take it in again"),
        Binding("w", "missed", "Missed weeks", tooltip="Shift the plan, catch up, or skip"),
        Binding("u", "undo", "Undo", tooltip="Take back the last change of the plan"),
        Binding("a", "app.open('review:ahead')", "Review ahead", tooltip="Review ahead of time; reschedules nothing"),
        Binding("r", "app.open('review:cram')", "Cram", tooltip="Repeat what you know least; reschedules nothing"),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high")]

    plan: Agenda | None = None

    def compose(self) -> ComposeResult:
        """The dates, the weeks, and what was changed."""
        yield Static(id="plan-dates", markup=False)
        yield ScreenList(id="plan-weeks", markup=False)
        yield Static(id="plan-changes", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Draw the plan and stand on this week's chapter."""
        self.query_one(ScreenList).focus()
        self._draw()

    def on_screen_resume(self) -> None:
        """Show what was done meanwhile."""
        self._draw()

    def _draw(self) -> None:
        try:
            plan = agenda(self.app.content_dir, self.app.course, self.app.store)
        except TutorError as error:
            self.query_one("#plan-dates", Static).update(Text(str(error)))
            return
        self.plan = plan
        self.query_one("#plan-dates", Static).update(self._dates(plan))
        listed = self.query_one(OptionList)
        at = listed.highlighted
        now = plan.calendar.stretches.index(plan.calendar.stretch(plan.week))
        spans = plan.calendar.spans()
        listed.clear_options()
        listed.add_options(
            [
                Option(self._row(plan, at, *spans[at], now=at == now), id=stretch.chapter)
                for at, stretch in enumerate(plan.calendar.stretches)
            ]
        )
        listed.highlighted = now if at is None else at
        self.query_one("#plan-changes", Static).update(self._changes(plan))
        self.refresh_bindings()

    def _dates(self, plan: Agenda) -> Text:
        dates = plan.calendar
        least, most = plan.hours_left
        text = Text(f"{day(dates.start)} to {day(dates.end)}", style="bold")
        text.append(f"   week {plan.week} of {plan.weeks}   {bar(plan.week / plan.weeks, 12)}\n", "not bold")
        remaining = plan.weeks - plan.week + 1
        a_week = hours_range(round(least / remaining), round(most / remaining))
        return text.append(f"{hours_range(round(least), round(most))} left, {a_week} a week", "dim not bold")

    def _row(self, plan: Agenda, at: int, first: date, last: date, *, now: bool) -> Row:
        stretch = plan.calendar.stretches[at]
        stub = self.app.chapter_stub(stretch.chapter)
        out = plan.calendar.is_skipped(stub.id)
        return Row(
            cell(("▸" if now else " ") + ("✓" if self._done(stub.id) else " "), width=2),
            cell(weeks(stretch), "dim", 10),
            cell(f"{first.day:>2} {first:%b} – {last.day:>2} {last:%b}", width=16),
            cell(f"{stub.number}  {stub.title}", "dim" if out else "bold", 0),
            cell("left out" if out else hours_range(*stretch.hours), "dim", 8, right=True),
        )

    def _done(self, chapter: str) -> bool:
        if not is_written(self.app.content_dir, chapter):
            return False
        rows = steps(self.app.content_dir, chapter, self.app.store)
        return bool(rows) and all(row.state == "done" for row in rows)

    def _changes(self, plan: Agenda) -> Text:
        """What makes this plan another than the course's."""
        dates = plan.calendar
        lines = []
        if not dates.chosen:
            lines.append("You have not chosen a plan: it begins with the first thing you do. c chooses.")
        for on, days in dates.shifts:
            lines.append(f"Shifted by {count(days, 'day')} on {day(on)}.")
        why = {"placement": "by its placement quiz", "missed": "after missed weeks", "chosen": "as you chose"}
        for chapter, reason in dates.skipped:
            lines.append(f"{self.app.chapter_stub(chapter).title} is left out, {why[reason]}.")
        if dates.accepted:
            lines.append(f"You are catching up {count(dates.accepted, 'week')}.")
        if plan.missed is not None:
            lines.append(f"The plan is {count(plan.missed.weeks, 'week')} further on than you are: w says what to do.")
        return Text("\n".join(lines))

    # -- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what there is to do."""
        match action:
            case "missed":
                return self.plan is not None and self.plan.missed is not None
            case "undo":
                return bool(self.app.store.effective(*CHANGES))
            case _:
                return True

    def _marked(self) -> str | None:
        option = self.query_one(OptionList).highlighted_option
        return None if option is None else option.id

    def action_open(self) -> None:
        """Open the marked chapter."""
        if (chapter := self._marked()) is not None:
            self.app.open_target(f"chapter:{chapter}")

    def action_change(self) -> None:
        """Choose the first day and the pace."""
        if self.plan is not None:
            self.app.push_screen(StartScreen(self.plan.calendar.start, self.plan.weeks))

    def action_missed(self) -> None:
        """Choose what to do about missed weeks."""
        if self.plan is not None and self.plan.missed is not None:
            self.app.push_screen(MissedScreen(self.plan.missed))

    def action_leave_out(self) -> None:
        """Leave the marked chapter out; when it is left out already, take it in again."""
        chapter = self._marked()
        if chapter is None:
            return
        if self.plan is not None and self.plan.calendar.is_skipped(chapter):
            take_in(self.app.store, chapter)
        else:
            leave_out(self.app.store, chapter)
        self._draw()

    def action_undo(self) -> None:
        """Take back the last change."""
        self.app.store.undo(kinds=CHANGES)
        self._draw()
