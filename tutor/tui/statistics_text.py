"""The numbers below each chart of the statistics, and what is said while there are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich.text import Text

from tutor.progress.mastery import LEVELS
from tutor.progress.pictures import CHARTS
from tutor.progress.statistics import CLOSE, Statistics
from tutor.tui.format import count, hours, hours_range

SHADES = {"mastered": "█", "proficient": "▓", "familiar": "▒", "attempted": "░", "": "·"}
"""How an objective of each level is drawn, from best to not tried."""
CELLS = 2
"""Cells of an objective."""
NAME = 27
"""Cells for the title of a chapter."""

EMPTY: Mapping[str, str] = {
    "time": "Here will stand the hours you spend each week, beside those of your plan. They are counted while you "
    "read, run labs and answer.",
    "reviews": "Here will stand what you answer again on later days, and what falls due in the next 30 days. Every "
    "question comes back from the first answer on.",
    "recall": "Here will stand which share of the questions you still knew when they came back: from your first "
    "review on.",
    "calibration": "Here will stand how sure you were against how often you were right. Say how sure you are when "
    "you answer, with F6 to F9.",
}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _time(found: Statistics) -> Text:
    spent = sum(week.hours for week in found.weeks)
    past = [week for week in found.weeks if week.start <= found.days[-1].day]
    text = Text.assemble((hours(spent), "bold"), f" in {count(len(past), 'week')}; ")
    least, most = (sum(week.planned[at] for week in past) for at in (0, 1))
    text.append(f"the plan has {hours_range(round(least), round(most))} for them.")
    if past:
        now = past[-1]
        planned = hours_range(*(round(value) for value in now.planned))
        text.append(f"\nThis week {hours(now.hours)} of {planned}.", "dim")
    return text


def _reviews(found: Statistics) -> Text:
    reviews, new = sum(day.reviews for day in found.days), sum(day.new for day in found.days)
    text = Text.assemble((f"{reviews:,}", "bold"), f" answered again and {count(new, 'new question')} in ")
    text.append(f"{len(found.days)} days.\n")
    due = [number for _, number in found.forecast]
    text.append(f"Due now {due[0]:,}, tomorrow {due[1]:,}, in {len(due)} days {sum(due):,}.", "dim")
    return text


def _recall(found: Statistics) -> Text:
    reviews = sum(day.reviews for day in found.days)
    recalled, expected = sum(day.recalled for day in found.days), sum(day.expected for day in found.days)
    text = Text.assemble((_percent(recalled / reviews), "bold"), f" of {count(reviews, 'review')} recalled, ")
    text.append(f"{_percent(expected / reviews)} were expected.")
    if found.leeches:
        are = "is" if found.leeches == 1 else "are"
        text.append(f"\n{count(found.leeches, 'question')} {are} forgotten again and again; k lists.", "dim")
    return text


def _mastery(found: Statistics) -> Text:
    text = Text("Objectives of each chapter\n", style="bold")
    for chapter in found.mastery:
        title = chapter.title if len(chapter.title) <= NAME else f"{chapter.title[: NAME - 1]}…"
        text.append(f"{chapter.number}  {title:<{NAME}} ", "not bold")
        tried: dict[str, int] = dict(zip(LEVELS, chapter.levels, strict=True))
        tried_not = chapter.objectives - sum(tried.values())
        for level, shade in SHADES.items():
            text.append(shade * CELLS * tried.get(level, tried_not), "not bold" if level else "dim not bold")
        text.append("\n")
    for level, shade in SHADES.items():
        text.append(f"{shade} {level or 'none'} ", "dim not bold")
    total = sum(chapter.objectives for chapter in found.mastery)
    sums = dict(
        zip(LEVELS, (sum(values) for values in zip(*(c.levels for c in found.mastery), strict=True)), strict=True)
    )
    text.append(f"\n{sums['mastered']}", "bold").append(
        f" of {total} mastered, {sums['proficient']} proficient.", "not bold"
    )
    return text


def _calibration(found: Statistics) -> Text:
    text = Text()
    for level in found.calibration:
        if level.share is not None:
            text.append(f"{level.name} ({_percent(level.stated)}): ", "dim")
            text.append(f"{level.right} of {level.answers} right, {_percent(level.share)}\n")
    if found.overconfidence is not None and found.brier is not None:
        points = round(100 * found.overconfidence)
        way = f"{count(abs(points), 'point')} too {'sure' if points > 0 else 'unsure'}" if points else "just right"
        text.append(f"On the whole {way}", "bold").append(f" (Brier {found.brier:.2f}; always ½: 0.25).")
    return text


def _labs(found: Statistics) -> str:
    """What came of the predictions in labs, stated with a confidence or without."""
    run = [row for row in found.predictions if row.measured is not None]
    close = sum(row.right for row in run)
    said = f"\nIn labs {close} of {count(len(run), 'prediction')} within {_percent(CLOSE)} of the range."
    return said if run else ""


_NUMBERS: Mapping[str, Callable[[Statistics], Text]] = {
    "time": _time,
    "reviews": _reviews,
    "recall": _recall,
    "mastery": _mastery,
    "calibration": _calibration,
}


def numbers(part: str, found: Statistics, *, empty: bool) -> Text:
    """What stands below the chart of a part, or in its place while there is nothing to draw."""
    if empty:
        title = next(chart.title for chart in CHARTS if chart.id == part)
        text = Text.assemble((f"{title}\n", "bold"), (EMPTY[part], "dim"))
    else:
        text = _NUMBERS[part](found)
    if part == "calibration":
        text.append(_labs(found), "dim")
    return text
