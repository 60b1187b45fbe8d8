"""When a question comes back: FSRS-6 over study days, one card a question.

A study day begins at four in the morning, so that an evening is one day. A right answer moves a card only when it is
the first of its question or on a later study day than the last one: minutes after the explanation it says nothing about
memory. A wrong one always does. `ahead` and `cram` never do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec

from tutor.progress.events import CONFIDENCE, CONFIDENT, Answer, Logged, ReviewSettings

if TYPE_CHECKING:
    import fsrs

DAY_STARTS = timedelta(hours=4)
LEECH_LAPSES = 8
"""Lapses from which a question is better learned anew from its lesson than asked again."""
EASY_SECONDS = 20.0
PRACTICE = frozenset({"ahead", "cram"})
"""Contexts whose answers do not reschedule."""


class Grade(IntEnum):
    """FSRS's four grades."""

    AGAIN = 1
    HARD = 2
    GOOD = 3
    EASY = 4


class Card(msgspec.Struct, frozen=True):
    """When and how a question is to be asked again."""

    question: str
    chapter: str
    objectives: tuple[str, ...]
    stability: float
    """Days after which the chance of recall is 0.90."""
    difficulty: float
    day: str
    """Study day of the last answer that moved it."""
    due: str
    """Study day from which it is due."""
    grade: int
    """The last grade."""
    reps: int
    lapses: int
    variant: int
    """The numbers to ask it with next time."""
    fresh: bool
    """Its answer was shown: it is to be tried with other numbers, today if there is time."""

    @property
    def leech(self) -> bool:
        """Whether to send the learner back to the lesson."""
        return self.lapses >= LEECH_LAPSES


def study_day(at: datetime) -> date:
    """The study day of a local time."""
    return (at - DAY_STARTS).date()


def logged_day(row: Logged) -> str:
    """The study day of a row of the log, where the learner was."""
    return study_day(local_time(row)).isoformat()


def local_time(row: Logged) -> datetime:
    """The time of a row as the learner's clock showed it."""
    return datetime.fromisoformat(row.at) + timedelta(minutes=row.offset)


def grade_of(answer: Answer, seconds: float, *, first: bool) -> Grade:
    """The grade of an answer.

    Wrong or shown: Again. Right with a hint or as a guess: Hard, never for a failure. Right: Good. Easy is only for a
    question met before, answered without help, `certain` and within 20 seconds: an answer right after the lesson is
    easy for everybody, and an Easy given too soon is paid for with a long wait. Of a right answer the learner's own
    word counts before all this.
    """
    if answer.outcome == "wrong" or answer.revealed:
        return Grade.AGAIN
    if answer.grade is not None:
        return Grade(answer.grade)
    if answer.hints or (answer.confidence is not None and answer.confidence <= CONFIDENCE["guess"]):
        return Grade.HARD
    certain = answer.confidence is not None and answer.confidence >= CONFIDENCE["certain"]
    return Grade.EASY if certain and not first and 0 < seconds <= EASY_SECONDS else Grade.GOOD


class Step(msgspec.Struct, frozen=True):
    """What an answer did to a card."""

    card: Card
    kind: Literal["new", "review", "practice"]
    """First of the question; on a later study day; or neither, which says nothing about memory."""
    grade: Grade
    expected: float | None
    """The chance of recall that was expected of a review."""


def answered(card: Card | None, row: Logged, settings: ReviewSettings) -> Step:
    """Carry an answer into the card of its question; the first one makes it."""
    answer = row.event
    assert isinstance(answer, Answer)
    grade = grade_of(answer, row.seconds, first=card is None)
    today = logged_day(row)
    if card is None:
        card = _moved(None, answer, row.chapter, today, grade, settings)
        return Step(card, "new", grade, None)
    today = max(today, card.day)  # a clock that was set back
    later = today > card.day
    if answer.context in PRACTICE or (grade is not Grade.AGAIN and not later):
        return Step(msgspec.structs.replace(card, variant=answer.variant + 1, fresh=False), "practice", grade, None)
    expected = recall(card, today) if later else None
    return Step(
        _moved(card, answer, row.chapter, today, grade, settings), "review" if later else "practice", grade, expected
    )


def _moved(card: Card | None, answer: Answer, chapter: str, today: str, grade: Grade, settings: ReviewSettings) -> Card:
    memory = _memory(card, grade, today, settings.retention)
    assert memory.stability is not None
    assert memory.difficulty is not None
    reps = card.reps + 1 if card else 1
    days = (memory.due.date() - date.fromisoformat(today)).days
    if grade is Grade.AGAIN and (answer.revealed or (answer.confidence or 0.0) >= CONFIDENT):
        days = 1  # a confident error fades back unless it is rehearsed at once
    else:
        days = _spread(days, grade, f"{answer.item}:{reps}", settings)
    lapsed = card is not None and grade is Grade.AGAIN and today > card.day
    return Card(
        question=answer.item,
        chapter=chapter or (card.chapter if card else ""),
        objectives=answer.objectives or (card.objectives if card else ()),
        stability=memory.stability,
        difficulty=memory.difficulty,
        day=today,
        due=_plus(today, days),
        grade=int(grade),
        reps=reps,
        lapses=(card.lapses if card else 0) + lapsed,
        variant=answer.variant + 1,
        fresh=answer.revealed,
    )


def next_days(question: str, card: Card | None, today: date, settings: ReviewSettings) -> dict[Grade, int]:
    """After how many days the question would come back for each grade; what would happen, fuzz and all."""
    day = max(today.isoformat(), card.day) if card else today.isoformat()
    reps = card.reps + 1 if card else 1
    days = {
        grade: (_memory(card, grade, day, settings.retention).due.date() - date.fromisoformat(day)).days
        for grade in Grade
    }
    return {grade: _spread(n, grade, f"{question}:{reps}", settings) for grade, n in days.items()}


def recall(card: Card, today: str) -> float:
    """The chance that the question would be answered rightly today."""
    return _scheduler(0.9).get_card_retrievability(_as_fsrs(card), _midnight(max(today, card.day)))


def warm() -> None:
    """Load the scheduler before the first answer has to wait for it."""
    _scheduler(0.9)


@lru_cache(maxsize=4)
def _scheduler(retention: float) -> fsrs.Scheduler:
    import fsrs

    # Steps of minutes are for people who stay with one card; here the explanation has just been read.
    return fsrs.Scheduler(desired_retention=retention, learning_steps=(), relearning_steps=(), enable_fuzzing=False)


def _as_fsrs(card: Card) -> fsrs.Card:
    import fsrs

    return fsrs.Card(
        card_id=1,
        state=fsrs.State.Review,
        stability=card.stability,
        difficulty=card.difficulty,
        due=_midnight(card.due),
        last_review=_midnight(card.day),
    )


def _memory(card: Card | None, grade: Grade, today: str, retention: float) -> fsrs.Card:
    import fsrs

    now = _midnight(today)
    before = fsrs.Card(card_id=1, due=now) if card is None else _as_fsrs(card)
    return _scheduler(retention).review_card(before, fsrs.Rating(int(grade)), now)[0]


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), tzinfo=UTC)


def _plus(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _spread(days: int, grade: Grade, seed: str, settings: ReviewSettings) -> int:
    """Fuzz an interval as FSRS does, seeded by the card, so that the same log gives the same dates."""
    if days < 3 or grade is Grade.AGAIN or not settings.fuzz:
        return days
    bands = ((2.5, 7.0, 0.15), (7.0, 20.0, 0.10), (20.0, float("inf"), 0.05))
    delta = 1.0 + sum(factor * max(min(days, end) - start, 0.0) for start, end, factor in bands)
    least, most = max(2, round(days - delta)), round(days + delta)
    # A hash, not `random`, whose numbers may differ from one Python to the next.
    return least + int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "big") % (most - least + 1)


def interleave(rows: Sequence[Card]) -> tuple[Card, ...]:
    """Order cards so that no two neighbours share an objective when that can be avoided; see `interleaved`."""
    return tuple(rows[at] for at in interleaved([frozenset(card.objectives) for card in rows]))


def interleaved(objectives: Sequence[frozenset[str]], budget: int = 5_000) -> tuple[int, ...]:
    """An order of the given sets in which no two neighbours meet when there is one; positions into the sequence.

    Depth-first: next comes what meets the most of what is left (the largest class must be spread first), and a dead
    end is remembered. Equal sets are one class, taken in the order given. If the search finds none within its
    budget, the same choice is made with as few meetings as it allows.
    """
    waiting: dict[frozenset[str], list[int]] = {}
    for at, names in enumerate(objectives):
        waiting.setdefault(names, []).append(at)
    classes = list(waiting)
    counts = [len(waiting[names]) for names in classes]
    meets = [[bool(a & b) for b in classes] for a in classes]

    def pressure(at: int) -> int:
        return sum(count for other, count in enumerate(counts) if meets[at][other])

    def choices(last: int) -> list[int]:
        free = [at for at, count in enumerate(counts) if count and (last < 0 or not meets[last][at])]
        return sorted(free, key=lambda at: (-pressure(at), waiting[classes[at]][0]))

    dead: set[tuple[tuple[int, ...], int]] = set()

    def search(last: int, left: int) -> list[int] | None:
        if not left:
            return []
        state = (tuple(counts), last)
        if state in dead or len(dead) >= budget:
            return None
        for at in choices(last):
            counts[at] -= 1
            rest = search(at, left - 1)
            counts[at] += 1
            if rest is not None:
                return [at, *rest]
        dead.add(state)
        return None

    order = search(-1, len(objectives))
    if order is None:
        order = []
        while any(counts):
            last = order[-1] if order else -1
            left = [at for at, count in enumerate(counts) if count]
            at = (choices(last) or sorted(left, key=lambda at: (-pressure(at), waiting[classes[at]][0])))[0]
            counts[at] -= 1
            order.append(at)
    taken = {at: iter(waiting[names]) for at, names in enumerate(classes)}
    return tuple(next(taken[at]) for at in order)
