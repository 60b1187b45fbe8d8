"""How well an objective is known, by Khan's names, and why.

Counted are the last five questions tried on it, each by its latest answer: right 1, right with a hint ½, wrong or
shown 0. Below 70 % it is `attempted`, below 100 % `familiar`, at 100 % of at least three questions `proficient`. It
is `mastered` when a question is answered rightly again, unaided, on a later day, in mixed practice. Each answer can
also lower it. A right answer on the day on which the same question was missed or shown counts for nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec

from tutor.progress.events import Answer, Logged, Reveal
from tutor.progress.review import PRACTICE, local_time, logged_day, study_day

Level = Literal["attempted", "familiar", "proficient", "mastered"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From low to high."""

WINDOW = 5
ENOUGH = 3
"""Questions without which nothing is called proficient."""


class Mastery(msgspec.Struct, frozen=True):
    """How well an objective is known."""

    objective: str
    level: Level
    reason: str
    """Why it stands at this level, in a few words."""
    question: str
    """The question whose answer brought it to this level; empty after a reset."""
    at: str
    """Since when it is at this level."""
    window: tuple[tuple[str, float], ...]
    """The last questions with what each is worth, the latest last."""
    proficient: str
    """Local time, to the minute, at which 100 % was reached; empty below."""
    day: str
    """Study day of the last answer."""
    missed: tuple[str, ...]
    """Questions missed or shown on that day."""

    @property
    def share(self) -> float:
        """The share that is right, from 0 to 1."""
        return sum(worth for _, worth in self.window) / len(self.window)


def step(state: Mastery | None, objective: str, row: Logged, *, mixed: bool) -> Mastery | None:
    """Carry an answer, or that one was shown, into the mastery of an objective; `mixed` is the kind of quiz."""
    event = row.event
    assert isinstance(event, Answer | Reveal)
    if isinstance(event, Answer) and event.context in PRACTICE:
        return state
    day = logged_day(row)
    missed = state.missed if state is not None and state.day >= day else ()
    right = isinstance(event, Answer) and event.outcome == "right" and not event.revealed
    if right and event.item in missed:
        return state
    if isinstance(event, Answer) and event.outcome == "right" and event.revealed:
        return state
    helped = isinstance(event, Answer) and event.hints > 0
    worth = (0.5 if helped else 1.0) if right else 0.0
    window = tuple(entry for entry in (state.window if state else ()) if entry[0] != event.item)
    window = (*window, (event.item, worth))[-WINDOW:]
    now = local_time(row).replace(tzinfo=None)
    earned = _level(window)
    before = state.level if state is not None else None
    proficient = (
        "" if earned != "proficient" else (state.proficient if state and state.proficient else now.isoformat()[:16])
    )
    level: Level = earned
    reason = _reason(window, right, helped)
    if earned == "proficient" and state is not None and state.proficient:
        if before == "mastered":
            level = "mastered"
        elif worth == 1.0 and mixed and _is_later_day(now, state.proficient):
            level, reason = "mastered", "right again on a later day, among questions on other things"
    changed = level != before
    if level == before == "mastered":
        assert state is not None
        reason = state.reason  # what it was earned by
    return Mastery(
        objective=objective,
        level=level,
        reason=reason,
        question=event.item if changed or state is None else state.question,
        at=row.at if changed or state is None else state.at,
        window=window,
        proficient=proficient,
        day=max(day, state.day) if state is not None else day,
        missed=missed if right else (*(name for name in missed if name != event.item), event.item),
    )


def _is_later_day(now: datetime, proficient: str) -> bool:
    """Whether a local time is on a later day than another, by the calendar and by what the learner did."""
    then = datetime.fromisoformat(proficient)
    return then.date() < now.date() and study_day(then) < study_day(now)


def forget(state: Mastery, questions: frozenset[str], at: str) -> Mastery | None:
    """The mastery without some questions; None when nothing is left of it."""
    window = tuple(entry for entry in state.window if entry[0] not in questions)
    if window == state.window:
        return state
    if not window:
        return None
    earned = _level(window)
    keeps = earned == "proficient" and state.proficient
    level: Level = state.level if keeps else earned
    return msgspec.structs.replace(
        state,
        level=level,
        reason=state.reason if level == state.level else "questions on it were reset",
        question=state.question if level == state.level else "",
        at=state.at if level == state.level else at,
        window=window,
        proficient=state.proficient if keeps else "",
    )


def _level(window: tuple[tuple[str, float], ...]) -> Level:
    share = sum(worth for _, worth in window) / len(window)
    if share == 1.0 and len(window) >= ENOUGH:
        return "proficient"
    return "familiar" if share >= 0.7 else "attempted"


def _reason(window: tuple[tuple[str, float], ...], right: bool, helped: bool) -> str:
    points = sum(worth for _, worth in window)
    last = "right with a hint" if right and helped else "right" if right else "missed"
    if len(window) == 1:
        return f"one question tried, {last}"
    return f"{points:g} of the last {len(window)} questions right; the latest was {last}"
