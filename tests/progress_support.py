"""Learners for the tests: a clock that can be moved, and random histories of what they do."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
from hypothesis import strategies as st

from tutor.progress import events as log
from tutor.progress.derived import TABLES
from tutor.progress.store import Store

OBJECTIVES = {"q1": ("o1",), "q2": ("o1",), "q3": ("o1", "o2"), "q4": ("o2",), "q5": ("o2",), "q6": ("o3",)}
"""What the questions of these learners test."""


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def answer(item: str = "q1", outcome: str = "right", context: str = "review", **fields: object) -> log.Answer:
    given = {"response": "1", "score": float(outcome == "right"), "quiz": "", "objectives": OBJECTIVES.get(item, ())}
    return msgspec.convert(
        {"kind": "answer", "item": item, "outcome": outcome, "context": context, **given, **fields}, log.Answer
    )


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All derived tables of a file."""
    db = sqlite3.connect(path)
    try:
        return {table: sorted(db.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in TABLES}
    finally:
        db.close()


@dataclass(frozen=True)
class Act:
    """Something that a learner does: time passes, then the event; `None` takes back the latest that can be."""

    event: log.Event | None
    hours: float
    offset: int
    seconds: float
    quiz: str = field(default="", kw_only=True)
    """For an answer: `last` means in the quiz started last."""


ITEMS = st.sampled_from(sorted(OBJECTIVES))


@st.composite
def answers(draw: st.DrawFn) -> log.Answer:
    revealed = draw(st.integers(0, 5)) == 0
    outcome = "wrong" if revealed and draw(st.booleans()) else draw(st.sampled_from(["right", "right", "wrong"]))
    return answer(
        draw(ITEMS),
        outcome,
        draw(st.sampled_from(["review", "review", "checkpoint:c", "lesson:l", "cram", "ahead"])),
        hints=draw(st.sampled_from([0, 0, 0, 1])),
        revealed=revealed,
        confidence=draw(st.sampled_from([None, 0.25, 0.95])),
        grade=draw(st.sampled_from([None, None, 2, 4])),
        variant=draw(st.integers(0, 3)),
    )


QUIZZES = st.lists(ITEMS, unique=True, min_size=1, max_size=6).flatmap(
    lambda items: st.builds(
        log.QuizStart,
        item=st.sampled_from(["review", "checkpoint:c", "lesson:l"]),
        questions=st.just(tuple(items)),
        seed=st.integers(0, 99),
        objectives=st.just(tuple(sorted({name for item in items for name in OBJECTIVES[item]}))),
    )
)
RESETS = st.one_of(
    ITEMS.map(lambda item: log.Reset(item=f"question:{item}", questions=(item,))),
    st.just(log.Reset(item="lesson:l", lessons=("l",), questions=("q1", "q2"), contexts=("lesson:l",))),
    st.just(log.Reset(item="chapter:c", questions=("q3", "q4"), contexts=("checkpoint:c",), chapters=("c",))),
    st.just(log.Reset(item="all", everything=True)),
)
OTHERS = st.one_of(
    st.builds(log.Page, item=st.just("l"), page=st.integers(1, 5), pages=st.just(5)),
    st.builds(log.Hint, item=ITEMS, number=st.integers(1, 3)),
    ITEMS.map(lambda item: log.Reveal(item=item, objectives=OBJECTIVES[item])),
    st.builds(log.Prediction, item=st.just("whitening"), value=st.floats(0, 1)),
    st.builds(log.ReviewSettings, retention=st.floats(0.70, 0.97), cap=st.integers(1, 30), fuzz=st.booleans()),
    st.builds(log.Flag, item=ITEMS, note=st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
    st.builds(log.PlanShift, days=st.integers(-30, 30)),
    st.builds(log.Skip, item=st.just("c"), why=st.sampled_from(["placement", "missed", "chosen"])),
)


def acts(*, resets: bool = True, undos: bool = True) -> st.SearchStrategy[Act]:
    """One thing that a learner does."""
    kinds: list[st.SearchStrategy[log.Event | None]] = [answers(), answers(), answers(), QUIZZES, OTHERS]
    if resets:
        kinds.append(RESETS)
    if undos:
        kinds.append(st.none())
    return st.builds(
        Act,
        event=st.one_of(kinds),
        hours=st.sampled_from([0.0, 0.01, 1.0, 9.0, 24.0, 70.0, 700.0]),
        offset=st.sampled_from([0, 0, 0, 330, -600]),
        seconds=st.sampled_from([0.0, 5.0, 0.1, 40.0]),
        quiz=st.sampled_from(["", "last", "last"]),
    )


def live(store: Store, clock: Clock, history: list[Act]) -> list[str]:
    """Let a learner live; returns the ids of the rows written."""
    written: list[str] = []
    quiz = ""
    for act in history:
        clock.now = (clock.now + timedelta(hours=act.hours)).astimezone(timezone(timedelta(minutes=act.offset)))
        event = act.event
        if event is None:
            row = store.undo()
            written += [] if row is None else [store.events("undo")[-1].id]
            continue
        if isinstance(event, log.Answer) and act.quiz:
            event = msgspec.structs.replace(event, quiz=quiz)
        written.append(store.record(event, chapter="c" if act.quiz else "d", seconds=act.seconds))
        if isinstance(event, log.QuizStart):
            quiz = written[-1]
    return written
