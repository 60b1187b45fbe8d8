"""The weeks of the plan as days of a calendar: pace, start and end, what was missed, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import uuid4

import msgspec

from tutor.course.model import Course, Week
from tutor.progress.events import PlanCatchUp, PlanShift, PlanStart, Reset, Skip
from tutor.progress.review import logged_day, study_day
from tutor.progress.store import Store

FASTER = 2
"""By how many weeks the course may be shortened."""
LONGEST_SHIFT = 36_600
"""Days; so that every day of a plan is one that a calendar has."""


def paces(course: Course) -> tuple[int, ...]:
    """The numbers of weeks that the course may take."""
    most = course.weeks[-1].last
    return tuple(range(max(len(course.weeks), most - FASTER), most + 1))


def stretches(course: Course, weeks: int) -> tuple[Week, ...]:
    """The weeks of each chapter at a pace.

    As many weeks as are to be saved are taken, one by one, from the chapter that has then the fewest hours a week. So
    chapter 9 has three weeks in twelve and two in eleven, and in ten chapter 7 has one instead of two.
    """
    lengths = [week.last - week.first + 1 for week in course.weeks]
    while sum(lengths) > weeks:
        longer = [at for at, length in enumerate(lengths) if length > 1]
        if not longer:
            break
        lengths[min(longer, key=lambda at: course.weeks[at].hours[1] / (lengths[at] - 1))] -= 1
    found, first = [], 1
    for week, length in zip(course.weeks, lengths, strict=True):
        found.append(msgspec.structs.replace(week, first=first, last=first + length - 1))
        first += length
    return tuple(found)


@dataclass(frozen=True)
class Calendar:
    """When what is planned."""

    start: date
    weeks: int
    chosen: bool
    """Whether the learner chose it; else it begins with the first thing done, at the slowest pace."""
    stretches: tuple[Week, ...]
    shifts: tuple[tuple[date, int], ...]
    """(Study day on which it was done, by how many days.)"""
    accepted: int
    """Weeks behind that the learner means to catch up."""
    skipped: tuple[tuple[str, str], ...]
    """(Chapter, why.)"""

    @property
    def end(self) -> date:
        """The last day of the plan."""
        return self.start + timedelta(days=7 * self.weeks - 1 + self._moved(date.max))

    def week(self, day: date) -> int:
        """Which week of the plan a day is in; beyond the last one when the plan is over, at least 1."""
        return self._gone(day) // 7 + 1

    def day_of_week(self, day: date) -> int:
        """How many days of its week of the plan are over before a day, 0 to 6."""
        return self._gone(day) % 7

    def _gone(self, day: date) -> int:
        return max(0, (day - self.start).days - self._moved(day))

    def _moved(self, day: date) -> int:
        days = sum(days for on, days in self.shifts if on <= day)
        return max(-LONGEST_SHIFT, min(days, LONGEST_SHIFT))

    def stretch(self, week: int) -> Week:
        """The chapter that is planned for a week."""
        return next((stretch for stretch in self.stretches if stretch.last >= week), self.stretches[-1])

    def spans(self) -> tuple[tuple[date, date], ...]:
        """The first and the last day of each chapter's weeks; of those that a shift repeats, the last time.

        Both are the plan's end where a shift to an earlier day left none of them.
        """
        found: dict[int, tuple[date, date]] = {}
        before = None
        for day in (self.start + timedelta(days=n) for n in range((self.end - self.start).days + 1)):
            at = self.stretches.index(self.stretch(self.week(day)))
            found[at] = (found[at][0] if at == before else day, day)
            before = at
        return tuple(found.get(at, (self.end, self.end)) for at in range(len(self.stretches)))

    def is_skipped(self, chapter: str) -> bool:
        """Whether a chapter is left out."""
        return any(name == chapter for name, _ in self.skipped)


def calendar(course: Course, store: Store) -> Calendar:
    """The plan as the log has it."""
    start, weeks, chosen = None, paces(course)[-1], False
    shifts: list[tuple[date, int]] = []
    accepted = 0
    skipped: dict[str, str] = {}
    began = ""
    for row in store.effective("plan_start", "plan_shift", "plan_catch_up", "skip", "reset"):
        match row.event:
            case PlanStart(start=day, weeks=pace):
                start, weeks, chosen = date.fromisoformat(day), pace, True
                shifts, accepted = [], 0
            case PlanShift(days=days):
                shifts.append((date.fromisoformat(logged_day(row)), days))
                accepted = 0
            case PlanCatchUp(behind=behind):
                accepted = behind
            case Skip(item=chapter, why=why):
                skipped[chapter] = why
                accepted = 0
            case Reset(everything=True):
                start, weeks, chosen, shifts, accepted, skipped = None, paces(course)[-1], False, [], 0, {}
                began = row.at
            case Reset(chapters=chapters):
                skipped = {name: why for name, why in skipped.items() if name not in chapters}
    if start is None:
        first = store.first_after(began)
        start = date.fromisoformat(logged_day(first)) if first is not None else study_day(store.now())
    known = paces(course)
    weeks = min(max(weeks, known[0]), known[-1])
    return Calendar(start, weeks, chosen, stretches(course, weeks), tuple(shifts), accepted, tuple(skipped.items()))


@dataclass(frozen=True)
class Missed:
    """The plan has run ahead of the learner: one question with three answers, none of them a reproach."""

    weeks: int
    """How many weeks behind."""
    end: date
    """The plan's end as it stands: it stays when the learner catches up or skips."""
    days: int
    """By how many days a shift moves the plan: what was missed then begins today and has its whole week."""
    hours_a_week: tuple[float, float]
    """What catching up until the end would take."""
    chapters: tuple[str, ...]
    """What skipping would leave out."""

    @property
    def shifted_end(self) -> date:
        """Its end when the plan is shifted."""
        return self.end + timedelta(days=self.days)

    @property
    def shift(self) -> tuple[PlanShift]:
        """To record when the plan is to move."""
        return (PlanShift(days=self.days),)

    @property
    def catch_up(self) -> tuple[PlanCatchUp]:
        """To record when the end is to stay."""
        return (PlanCatchUp(behind=self.weeks),)

    @property
    def skip(self) -> tuple[Skip, ...]:
        """To record, one by one, when the learner wants to go on with this week's chapter; one decision."""
        decision = uuid4().hex
        return tuple(Skip(item=chapter, why="missed", decision=decision) for chapter in self.chapters)
