"""Statistics as charts for the lab host to draw: what is in each, and its numbers. No numpy."""

from __future__ import annotations

import dataclasses

from tutor.labs.spec import Chart, Series
from tutor.progress.statistics import Statistics

SMOOTHED = 7
"""Days over which the share of recalled reviews is averaged."""
FAR = 2
"""How often as high as all else what waits may be and still be drawn: one point would flatten the rest."""
DOTS = 100
"""Points of the range drawn around a level of confidence: so many that they are drawn as a line."""

TIME = Chart(
    "time",
    "Hours a week, and what the plan has for it",
    series=(
        Series("spent", "hours", "week", "bars"),
        Series("planned at most", "most", "week", "points"),
        Series("at least", "least", "week", "points"),
    ),
    x_label="week of the plan",
    x_whole=True,
)
REVIEWS = Chart(
    "reviews",
    "Questions answered again, and falling due",
    series=(Series("answered again", "reviewed", "day", "bars"), Series("falling due", "due", "ahead", "points")),
    x_label="days from today",
    x_whole=True,
)
RECALL = Chart(
    "recall",
    "Share of the reviews that you recalled",
    series=(
        Series("on a day", "share", "reviewed_on", "points"),
        Series(f"in {SMOOTHED} days", "smooth", "smoothed_on"),
        Series("asked for", "wanted", "span", "dashed"),
    ),
    x_label="days from today",
    y_range=(0.0, 1.0),
)
CALIBRATION = Chart(
    "calibration",
    "How sure you were, and how often you were right",
    series=(
        Series("as sure as right", "diagonal", "diagonal", "dashed"),
        Series("95 % range", "between", "around", "points"),
        Series("you", "right", "stated", "points"),
    ),
    x_label="how sure",
    x_range=(0.0, 1.0),
    y_range=(0.0, 1.0),
)
CHARTS = (TIME, REVIEWS, RECALL, CALIBRATION)


def filled(found: Statistics) -> tuple[Chart, ...]:
    """The charts that there is something to draw in."""
    reviews = any(day.reviews for day in found.days)
    full = {
        "time": any(week.hours for week in found.weeks),
        "reviews": reviews or any(count for _, count in found.forecast),
        "recall": reviews,
        "calibration": any(level.answers for level in found.calibration),
    }
    # Half a week around the first and the last, so that their bars have room.
    time = dataclasses.replace(TIME, x_range=(0.5, len(found.weeks) + 0.5))
    reviewed = REVIEWS
    if (waiting := found.forecast[0][1]) and not _in_scale(found):
        reviewed = dataclasses.replace(REVIEWS, title=f"{REVIEWS.title}; {waiting:,} due now")
    return tuple(chart for chart in (time, reviewed, *CHARTS[2:]) if full[chart.id])


def _in_scale(found: Statistics) -> bool:
    """Whether what is due now can be drawn beside the days before and after."""
    others = [day.reviews for day in found.days] + [count for _, count in found.forecast[1:]]
    return found.forecast[0][1] <= FAR * max(others) or not any(others)


def arrays(found: Statistics, retention: float) -> dict[str, list[float]]:
    """The series of all charts by name; `retention` is the share of reviews that the learner asks for."""
    days, ahead = len(found.days), len(found.forecast)
    reviewed = [day.reviews for day in found.days]
    due = [(at, count) for at, (_, count) in enumerate(found.forecast) if count and (at or _in_scale(found))]
    kept = [(at - days + 1, day) for at, day in enumerate(found.days) if day.reviews]
    smooth = []
    for at, _ in kept:
        near = [other for when, other in kept if at - SMOOTHED < when <= at]
        smooth.append(sum(other.recalled for other in near) / sum(other.reviews for other in near))
    said = [level for level in found.calibration if level.answers]
    return {
        "week": [float(at + 1) for at in range(len(found.weeks))],
        "hours": [week.hours for week in found.weeks],
        "least": [week.planned[0] for week in found.weeks],
        "most": [week.planned[1] for week in found.weeks],
        "day": [float(at) for at in range(1 - days, ahead)],
        "reviewed": [float(count) for count in reviewed] + [0.0] * (ahead - 1),
        "ahead": [float(at) for at, _ in due],
        "due": [float(count) for _, count in due],
        "reviewed_on": [float(at) for at, _ in kept],
        "share": [day.recalled / day.reviews for _, day in kept],
        "smoothed_on": [float(at) for at, _ in kept],
        "smooth": smooth,
        "span": [float(1 - days), 0.0],
        "wanted": [retention, retention],
        "diagonal": [0.0, 1.0],
        "stated": [level.stated for level in said],
        "right": [level.right / level.answers for level in said],
        "around": [level.stated for level in said for _ in range(DOTS)],
        "between": [level.low + (level.high - level.low) * dot / (DOTS - 1) for level in said for dot in range(DOTS)],
    }
