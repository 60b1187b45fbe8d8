"""The two questions about the plan: when to begin and how fast, and what to do about missed weeks."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.padding import Padding
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tutor.errors import TutorError
from tutor.progress.events import PlanStart
from tutor.progress.plan import ASKED, Agenda, choose, mend, missed_key
from tutor.progress.queue import today
from tutor.progress.schedule import Missed, paces
from tutor.tui.format import count, day, hours_range
from tutor.tui.screens.dialog import HELP_KEY, Dialog
from tutor.tui.widgets.dials import Dial, Dials
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.progress.store import Store
    from tutor.tui.app import TutorApp

BEGIN = "begin"
EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)


def question(store: Store, plan: Agenda) -> StartScreen | MissedScreen | None:
    """The question to put now; None when there is none, or when it was left open before."""
    asked = store.draft(ASKED)
    if plan.missed is not None and asked != missed_key(plan.missed):
        return MissedScreen(plan.missed)
    if not plan.calendar.chosen and not asked and store.first_after("") is None:
        return StartScreen(today(store), plan.weeks, welcome=True)
    return None


class StartScreen(Dialog[None]):
    """Asks for the first day and the pace; Enter takes what stands there."""

    app: TutorApp
    TITLE = "Your plan"
    HELP = (
        "When you begin, and how many weeks you want to take. Up and down mark one of the two, left and right change "
        "it; Page Up and Page Down change the day by a week and take the pace to its slowest or fastest.\n"
        "The key p on Today changes both later; what you have done stays."
    )
    CSS_PATH = "ask_plan.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Begin", tooltip="Take this plan"),
        Binding("escape", "leave", "Not now", tooltip="Leave it open: the plan begins with the first thing you do"),
        HELP_KEY,
    ]

    def __init__(self, start: date, weeks: int, *, welcome: bool = False) -> None:
        super().__init__()
        self.welcome = welcome
        self.start = start
        self.weeks = weeks

    def compose(self) -> ComposeResult:
        """The two dials, and what they mean."""
        with Vertical(id="ask"):
            yield Static(Text(self.TITLE, style="bold"), id="ask-title")
            yield Static(id="ask-about", markup=False)
            yield Dials(self._turn, id="dials")
            yield Static(id="ask-end", markup=False)
            yield Static(id="ask-foot", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Draw the plan as it is."""
        least, most = self._hours()
        about = f"takes {hours_range(least, most)}. When do you begin, and how fast?"
        later = "decides later"
        if self.welcome:
            about = f"Welcome: the mathematics of generative AI in lessons, labs and questions. It {about}"
            later = "the defaults"
        else:
            about = f"The course {about}"
        self.query_one("#ask-about", Static).update(Text(about))
        foot = f"↑↓ mark, ←→ change, Enter takes this plan, Esc {later}.\np on Today changes it at any time."
        self.query_one("#ask-foot", Static).update(Text(foot))
        self._draw()
        self.query_one(Dials).focus()

    def _hours(self) -> tuple[float, float]:
        weeks = self.app.course.weeks
        return sum(week.hours[0] for week in weeks), sum(week.hours[1] for week in weeks)

    def _draw(self) -> None:
        least, most = self._hours()
        away = (self.start - today(self.app.store)).days
        when = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(away)
        when = when or (f"in {away} days" if away > 0 else f"{-away} days ago")
        pace = f"{least / self.weeks:.0f}–{most / self.weeks:.0f} h a week"
        self.query_one(Dials).show(
            [
                Dial("start", "First day", f"{self.start:%a} {day(self.start)}", when),
                Dial("weeks", "Pace", f"{self.weeks} weeks", pace),
            ]
        )
        end = self.start + timedelta(days=7 * self.weeks - 1)
        text = Text.assemble("The last day is ", (f"{end:%a} {day(end)}", "bold"))
        week = -away // 7 + 1
        if 1 < week <= self.weeks:
            text.append("; that makes this ").append(f"week {week}", "bold")
        self.query_one("#ask-end", Static).update(text)

    def _turn(self, name: str, by: int) -> None:
        if name == "start":
            self.start = min(max(self.start + timedelta(days=by), EARLIEST), LATEST)
        else:
            allowed = paces(self.app.course)
            self.weeks = min(max(self.weeks + by, allowed[0]), allowed[-1])
        self._draw()

    def action_accept(self) -> None:
        """Keep the plan."""
        start = PlanStart(start=self.start.isoformat(), weeks=self.weeks)
        with suppress(TutorError):  # Today says what cannot be read
            choose(self.app.content_dir, self.app.course, self.app.store, start)
        self.dismiss()

    def action_leave(self) -> None:
        """Do not ask this again."""
        self.app.store.save_draft(ASKED, BEGIN)
        self.dismiss()


class MissedScreen(Dialog[None]):
    """Says what can be done about missed weeks, each with what it means; nothing has to be done."""

    app: TutorApp
    TITLE = "The plan has run ahead of you"
    HELP = (
        "Weeks went by without the course: that happens. Choose what the plan is to do; Enter takes what is marked.\n"
        "Each can be undone: p on Today opens the plan, u there takes the answer back."
    )
    CSS_PATH = "ask_plan.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Choose", tooltip="Take what is marked"),
        Binding("escape", "leave", "Not now", tooltip="Change nothing; you are asked again when one more week went by"),
        HELP_KEY,
    ]

    def __init__(self, missed: Missed) -> None:
        super().__init__()
        self.missed = missed

    def compose(self) -> ComposeResult:
        """What happened, and the answers."""
        with Vertical(id="ask"):
            yield Static(Text(self.TITLE, style="bold"), id="ask-title")
            yield Static(id="ask-about", markup=False)
            yield ScreenList(id="answers", markup=False)
            yield Static(id="ask-foot", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Write each answer with its dates and hours."""
        missed = self.missed
        about = f"It is {count(missed.weeks, 'week')} further on than you are. What you have learned stays learned."
        self.query_one("#ask-about", Static).update(Text(about))
        least, most = (max(1, round(hours)) for hours in missed.hours_a_week)
        answers = [
            ("shift", "Shift", f"the same pace; ends {day(missed.shifted_end)} instead of {day(missed.end)}"),
            ("catch_up", "Catch up", f"ends {day(missed.end)} as planned; {hours_range(least, most)} a week"),
        ]
        if missed.chapters:
            names = ", ".join(self.app.chapter_stub(chapter).title for chapter in missed.chapters)
            weeks = [self.app.week_of(chapter) for chapter in missed.chapters]
            saved = hours_range(sum(week.hours[0] for week in weeks), sum(week.hours[1] for week in weeks))
            answers.append(("skip", "Skip", f"ends {day(missed.end)}; leaves out {names}, {saved}"))
        answers.append(("leave", "Not now", "the plan stays as it is; p on Today asks again"))
        listed = self.query_one(OptionList)
        listed.add_options(
            [Option(Group(Text(name, "bold"), Padding(Text(text), (0, 0, 0, 2))), id=id) for id, name, text in answers]
        )
        listed.highlighted = 0
        listed.focus()
        self.query_one("#ask-foot", Static).update(Text("Enter takes what is marked. To undo it: p on Today, then u."))

    def action_choose(self) -> None:
        """Record the answer, row by row."""
        option = self.query_one(OptionList).highlighted_option
        if option is None or option.id is None or option.id == "leave":
            self.action_leave()
            return
        mend(self.app.store, getattr(self.missed, option.id))
        self.dismiss()

    def action_leave(self) -> None:
        """Do not ask again until one more week is missed."""
        self.app.store.save_draft(ASKED, missed_key(self.missed))
        self.dismiss()
