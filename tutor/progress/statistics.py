"""Figures for a person to look at: time against the plan, reviews and retention, mastery, calibration. Plain data.

Nothing here is kept: it is counted from the derived tables when it is asked for.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import msgspec

from tutor.course.load import is_written, load_chapter
from tutor.course.model import Course
from tutor.progress.events import CONFIDENCE, LabRun, Prediction, Reset
from tutor.progress.mastery import LEVELS
from tutor.progress.queue import leeches, today
from tutor.progress.schedule import calendar
from tutor.progress.store import Store

CLOSE = 0.1
"""A lab's prediction is right within this share of the range it was asked in."""


@dataclass(frozen=True)
class WeekTime:
    """A week of the calendar since the plan began."""

    start: date
    week: int
    """Week of the plan; the same again for weeks by which the plan was shifted."""
    chapter: str
    hours: float
    planned: tuple[float, float]
    """Least and most hours planned for it."""


@dataclass(frozen=True)
class DayReviews:
    """What was answered on a study day."""

    day: date
    answers: int
    new: int
    """Questions met for the first time."""
    reviews: int
    """Questions met before, on an earlier day."""
    recalled: int
    """Of the reviews."""
    expected: float
    """How many of the reviews the scheduler expected to be recalled."""

    @property
    def retention(self) -> float | None:
        """The share of reviews recalled; None on a day without any."""
        return self.recalled / self.reviews if self.reviews else None


@dataclass(frozen=True)
class ChapterMastery:
    """How many objectives of a chapter stand at each level."""

    chapter: str
    number: int
    title: str
    objectives: int
    levels: tuple[int, int, int, int]
    """Attempted, familiar, proficient, mastered; the rest was not tried."""


@dataclass(frozen=True)
class Calibration:
    """What was said before the verdict, and what was true."""

    name: str
    stated: float
    """The chance of being right that it states."""
    answers: int
    right: int
    low: float
    high: float
    """95 % interval of the true share (Wilson); 0 and 1 without answers."""

    @property
    def share(self) -> float | None:
        """The share that was right; None without answers."""
        return self.right / self.answers if self.answers else None


@dataclass(frozen=True)
class LabPrediction:
    """What was predicted before a lab's first run, and what its first full run then gave."""

    lab: str
    predicted: float
    measured: float | None
    """None while no run went to its end."""
    error: float | None
    """Distance, as a share of the range in which the prediction was asked."""
    confidence: float | None

    @property
    def right(self) -> bool:
        """Whether it was close."""
        return self.error is not None and self.error <= CLOSE


@dataclass(frozen=True)
class Statistics:
    """All of it."""

    weeks: tuple[WeekTime, ...]
    days: tuple[DayReviews, ...]
    """The last days, one a day, the newest last."""
    forecast: tuple[tuple[date, int], ...]
    """(Day, cards that fall due on it) for today, with all that is overdue, and the days to come."""
    mastery: tuple[ChapterMastery, ...]
    calibration: tuple[Calibration, ...]
    """From guess to certain; predictions in labs for which a confidence was stated count in."""
    overconfidence: float | None
    """Mean of what was stated minus the share that was right; None before anything was stated."""
    brier: float | None
    """Mean squared distance of what was stated from what was true: 0 is perfect, always saying ½ gives ¼."""
    predictions: tuple[LabPrediction, ...]
    retention: float | None
    """Share of all reviews of the days shown that were recalled."""
    leeches: int
    """Questions that were forgotten again and again."""


def statistics(content: Path, course: Course, store: Store, days: int = 30) -> Statistics:
    """Count everything, `days` back and `days` ahead; raises ContentError."""
    now = today(store)
    predictions = lab_predictions(store)
    shown = _days(store, now, days)
    reviews = sum(day.reviews for day in shown)
    stated, bins = _calibration(store, predictions)
    return Statistics(
        weeks=_weeks(course, store, now),
        days=shown,
        forecast=_forecast(store, now, days),
        mastery=_mastery(content, course, store),
        calibration=bins,
        overconfidence=sum(said - right for said, right in stated) / len(stated) if stated else None,
        brier=sum((said - right) ** 2 for said, right in stated) / len(stated) if stated else None,
        predictions=predictions,
        retention=sum(day.recalled for day in shown) / reviews if reviews else None,
        leeches=len(leeches(store)),
    )


def _weeks(course: Course, store: Store, now: date) -> tuple[WeekTime, ...]:
    plan = calendar(course, store)
    seconds: dict[int, float] = {}
    for day, total in store.query("SELECT day, total(seconds) FROM time_spent GROUP BY day ORDER BY day"):
        at = max(0, (date.fromisoformat(day) - plan.start).days // 7)  # what was done before counts for the first
        seconds[at] = seconds.get(at, 0.0) + total
    last = max((plan.end - plan.start).days // 7, (now - plan.start).days // 7, *seconds, 0)
    rows = []
    for at in range(last + 1):
        start = plan.start + timedelta(weeks=at)
        week = plan.week(start + timedelta(days=6))
        stretch = plan.stretch(week)
        length = stretch.last - stretch.first + 1
        planned = (0.0, 0.0)
        if week <= plan.weeks and not plan.is_skipped(stretch.chapter):
            planned = (stretch.hours[0] / length, stretch.hours[1] / length)
        rows.append(WeekTime(start, week, stretch.chapter, seconds.get(at, 0.0) / 3600, planned))
    return tuple(rows)


def _days(store: Store, now: date, days: int) -> tuple[DayReviews, ...]:
    first = now - timedelta(days=days - 1)
    found = {
        day: values
        for day, *values in store.query(
            "SELECT day, count(*), sum(kind = 'new'), sum(kind = 'review'), sum(kind = 'review' AND grade > 1), "
            "total(expected) FROM attempts WHERE day >= ? GROUP BY day",
            first.isoformat(),
        )
    }
    every = [first + timedelta(days=at) for at in range(days)]
    return tuple(DayReviews(day, *found.get(day.isoformat(), (0, 0, 0, 0, 0.0))) for day in every)


def _forecast(store: Store, now: date, days: int) -> tuple[tuple[date, int], ...]:
    rows = store.query(
        "SELECT CASE WHEN fresh THEN ? ELSE max(due, ?) END AS day, count(*) FROM cards WHERE due < ? GROUP BY 1",
        now.isoformat(),
        now.isoformat(),
        (now + timedelta(days=days)).isoformat(),
    )
    found = dict(rows)
    every = [now + timedelta(days=at) for at in range(days)]
    return tuple((day, int(found.get(day.isoformat(), 0))) for day in every)


def _mastery(content: Path, course: Course, store: Store) -> tuple[ChapterMastery, ...]:
    states = store.all_mastery()
    rows = []
    for stub in course.chapters:
        if not is_written(content, stub.id):
            continue
        objectives = [objective.id for objective in load_chapter(content, stub.id).objectives]
        count = Counter(states[name].level for name in objectives if name in states)
        attempted, familiar, proficient, mastered = (count[level] for level in LEVELS)
        levels = (attempted, familiar, proficient, mastered)
        rows.append(ChapterMastery(stub.id, stub.number, stub.title, len(objectives), levels))
    return tuple(rows)


def _calibration(
    store: Store, predictions: tuple[LabPrediction, ...]
) -> tuple[list[tuple[float, bool]], tuple[Calibration, ...]]:
    """All (stated, right), and the same by level; what lies between two levels counts for the nearer one."""
    stated = _stated(store)
    stated += [
        (row.confidence, row.right) for row in predictions if row.confidence is not None and row.measured is not None
    ]
    levels = list(CONFIDENCE.items())
    said: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for value, good in stated:
        name = min(levels, key=lambda level: abs(level[1] - value))[0]
        said[name] += 1
        right[name] += good
    bins = [
        Calibration(name, value, said[name], right[name], *wilson(right[name], said[name])) for name, value in levels
    ]
    return stated, tuple(bins)


class _Where(msgspec.Struct):
    """What the log, but not `attempts`, has of an answer."""

    quiz: str
    revealed: bool


def _stated(store: Store) -> list[tuple[float, bool]]:
    """(Stated, right) of the answers that say something about it.

    Those are neither practice nor after the answer was shown, and the first ones in their round: after a verdict it is
    known what was wrong.
    """
    rows = store.query(
        "SELECT attempts.question, attempts.kind, attempts.confidence, attempts.right, events.data "
        "FROM attempts JOIN events ON events.id = attempts.id ORDER BY attempts.at, attempts.id"
    )
    read = msgspec.json.Decoder(_Where).decode
    tried: set[tuple[str, str]] = set()
    found = []
    for question, kind, said, right, data in rows:
        where = read(data)
        again = (where.quiz, question) in tried
        if where.quiz:
            tried.add((where.quiz, question))
        if said is not None and kind != "practice" and not where.revealed and not again:
            found.append((float(said), bool(right)))
    return found


def wilson(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a share; (0, 1) when there is nothing to go by."""
    if total == 0:
        return 0.0, 1.0
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def lab_predictions(store: Store) -> tuple[LabPrediction, ...]:
    """The first prediction for each lab and the first full run after it, in the order of the predictions."""
    from tutor.labs.registry import LABS, get

    first: dict[str, Prediction] = {}
    measured: dict[str, float] = {}
    for row in store.effective("prediction", "lab_run", "reset"):
        event = row.event
        if isinstance(event, Reset):
            for name in list(first) if event.everything else event.labs:
                first.pop(name, None)
                measured.pop(name, None)
        if isinstance(event, Prediction) and event.item in LABS:
            first.setdefault(event.item, event)
        elif isinstance(event, LabRun) and event.done and event.item in first and event.item not in measured:
            scalar = event.scalars.get(get(event.item).prediction.scalar)
            if scalar is not None:
                measured[event.item] = scalar
    rows = []
    for name, event in first.items():
        asked = get(name).prediction
        value = measured.get(name)
        error = None if value is None else abs(value - event.value) / (asked.high - asked.low)
        rows.append(LabPrediction(name, event.value, value, error, event.confidence))
    return tuple(rows)
