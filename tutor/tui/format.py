"""How numbers and short texts are written on the screens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from tutor.course.markup import plain
from tutor.course.model import Week

if TYPE_CHECKING:
    from tutor.progress.mastery import Mastery


def bar(share: float, width: int) -> str:
    """Draw a share of 0..1 as a bar of `width` cells; what is beyond 1 is drawn as full."""
    cells = min(max(share, 0.0), 1.0) * width
    full = int(cells)
    half = "╸" if cells - full >= 0.5 else ""
    return "━" * full + half + "┈" * (width - full - len(half))


def hours(value: float) -> str:
    """Write hours with one decimal, whole ones without."""
    return f"{value:.1f}".removesuffix(".0") + " h"


def hours_range(least: float, most: float) -> str:
    """Write a range of hours, e.g. `6–8 h`."""
    return f"{least:g} h" if least == most else f"{least:g}–{most:g} h"


def minutes(value: float) -> str:
    """Write minutes, e.g. `12 min`, `1 h` or `1 h 20`."""
    whole = max(1, round(value))
    if whole < 60:
        return f"{whole} min"
    return f"{whole // 60} h {whole % 60:02d}" if whole % 60 else f"{whole // 60} h"


def time_left(seconds: float) -> str:
    """Write a time that is estimated, e.g. `40 s` (to ten) or `3 min`."""
    tens = max(1, round(seconds / 10)) * 10
    return f"{tens} s" if tens < 100 else minutes(seconds / 60)


def day(value: date) -> str:
    """Write a day, e.g. `7 Sep 2026`."""
    return f"{value.day} {value:%b %Y}"


def count(number: int, name: str) -> str:
    """Write a number of things, e.g. `1 answer` or `2,000 answers`."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def weeks(week: Week) -> str:
    """Write when a chapter has its turn, e.g. `Week 3` or `Week 7–8`."""
    return f"Week {week.first}" if week.first == week.last else f"Week {week.first}–{week.last}"


LEVEL_MARKS: Mapping[str, str] = {"": "·", "attempted": "◔", "familiar": "◑", "proficient": "◕", "mastered": "●"}
"""How well an objective is known; without a level it was not tried."""


def level_mark(state: Mastery | None) -> str:
    """The mark of an objective's level."""
    return LEVEL_MARKS["" if state is None else state.level]


def flowing(markdown: str) -> str:
    """Write Markdown as plain text whose paragraphs are lines, to be wrapped to the width there is."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", plain(markdown).strip())
