"""The plan in days: paces, weeks, missed weeks and the three ways to go on."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from progress_support import Clock

from tutor import paths
from tutor.course.load import load_course
from tutor.progress import events as log
from tutor.progress.plan import Agenda, agenda, steps
from tutor.progress.schedule import calendar, paces, stretches
from tutor.progress.store import Store

CONTENT = paths.content_dir()
COURSE = load_course(CONTENT)
MONDAY = date(2026, 3, 2)


def now(store: Store) -> Agenda:
    return agenda(CONTENT, COURSE, store)


def finish(store: Store, chapter: str) -> None:
    for step in steps(CONTENT, chapter, store):
        if step.kind == "lesson":
            store.record(log.Page(item=step.target.removeprefix("lesson:"), page=99, pages=99), chapter=chapter)
        elif step.kind == "lab":
            run = log.LabRun(
                item=step.target.removeprefix("lab:"),
                params={},
                seed=0,
                changes=(),
                steps=1,
                scalars={},
                checks={},
                done=True,
            )
            store.record(run, chapter=chapter)
        else:
            quiz = store.start_quiz(step.target, ["q"], 0)
            answer = log.Answer(item="q", response="x", outcome="right", score=1.0, context=step.target, quiz=quiz)
            store.record(answer, chapter=chapter)


def test_the_guide_spreads_chapters_7_and_9() -> None:
    assert paces(COURSE) == (10, 11, 12)
    weeks = {pace: {week.chapter: (week.first, week.last) for week in stretches(COURSE, pace)} for pace in (10, 11, 12)}
    assert (weeks[12]["stochastic-processes"], weeks[12]["diffusion"]) == ((7, 8), (10, 12))
    assert (weeks[11]["stochastic-processes"], weeks[11]["diffusion"]) == ((7, 8), (10, 11))
    assert (weeks[10]["stochastic-processes"], weeks[10]["diffusion"]) == ((7, 7), (9, 10))
    assert stretches(COURSE, 12) == COURSE.weeks


@pytest.mark.parametrize("pace", [10, 11, 12])
def test_the_weeks_of_a_pace_follow_one_another_and_lose_no_chapter(pace: int) -> None:
    rows = stretches(COURSE, pace)
    assert [row.chapter for row in rows] == [week.chapter for week in COURSE.weeks]
    assert [week for row in rows for week in range(row.first, row.last + 1)] == list(range(1, pace + 1))
    assert [row.hours for row in rows] == [week.hours for week in COURSE.weeks]


def test_without_a_choice_the_plan_begins_with_the_first_thing_done(store: Store, clock: Clock) -> None:
    plan = calendar(COURSE, store)
    assert (plan.start, plan.weeks, plan.chosen) == (MONDAY, 12, False)
    assert plan.end == MONDAY + timedelta(days=83)
    clock.forward(days=3)
    store.record(log.Page(item="svd", page=1, pages=9))
    clock.forward(days=8)
    plan = calendar(COURSE, store)
    assert (plan.start, plan.week(date(2026, 3, 13))) == (date(2026, 3, 5), 2)


def test_start_and_pace_are_chosen_and_changed(store: Store) -> None:
    store.record(log.PlanStart(start="2026-04-06", weeks=11))
    plan = calendar(COURSE, store)
    assert (plan.start, plan.weeks, plan.chosen, plan.end) == (date(2026, 4, 6), 11, True, date(2026, 6, 21))
    assert plan.week(MONDAY) == 1  # before it begins
    store.record(log.PlanShift(days=7))
    assert calendar(COURSE, store).end == date(2026, 6, 28)
    store.record(log.PlanStart(start="2026-04-06", weeks=10))
    assert calendar(COURSE, store).end == date(2026, 6, 14)
    store.undo()
    assert calendar(COURSE, store).end == date(2026, 6, 28)
    store.undo()
    store.undo()
    assert not calendar(COURSE, store).chosen


@given(st.integers(0, 400), st.integers(1, 12))
def test_weeks_are_counted_by_sevens(days: int, pace: int) -> None:
    from tutor.progress.schedule import Calendar

    plan = Calendar(MONDAY, pace, True, COURSE.weeks, (), 0, ())
    week = plan.week(MONDAY + timedelta(days=days))
    assert 7 * (week - 1) <= days < 7 * week
    assert (week <= pace) == (MONDAY + timedelta(days=days) <= plan.end)


def test_three_weeks_away_put_one_question(store: Store, clock: Clock) -> None:
    store.record(log.PlanStart(start="2026-03-02", weeks=12))
    assert now(store).missed is None
    assert now(store).hours_left == (sum(w.hours[0] for w in COURSE.weeks), sum(w.hours[1] for w in COURSE.weeks))
    clock.forward(days=6)
    assert now(store).missed is None
    clock.forward(days=15)
    plan = now(store)
    assert (plan.week, plan.weeks, plan.chapter.id, plan.end) == (4, 12, "linear-algebra", date(2026, 5, 24))
    missed = plan.missed
    assert missed is not None
    assert (missed.weeks, missed.end, missed.shifted_end) == (3, date(2026, 5, 24), date(2026, 6, 14))
    assert missed.chapters == ("linear-algebra", "calculus", "optimization")
    assert missed.hours_a_week == (pytest.approx(69 / 9), pytest.approx(87 / 9))


def test_to_shift_moves_the_end_and_asks_no_more(store: Store, clock: Clock) -> None:
    store.record(log.PlanStart(start="2026-03-02", weeks=12))
    clock.forward(days=21)
    missed = now(store).missed
    assert missed is not None
    for event in missed.shift:
        store.record(event)
    plan = now(store)
    assert (plan.week, plan.end, plan.missed, plan.chapter.id) == (1, missed.shifted_end, None, "linear-algebra")
    clock.forward(days=7)
    again = now(store).missed
    assert again is not None
    assert again.weeks == 1


@pytest.mark.parametrize("late", range(14, 22))
def test_what_was_missed_begins_on_the_day_of_the_shift(store: Store, clock: Clock, late: int) -> None:
    store.record(log.PlanStart(start="2026-03-02", weeks=12))
    clock.forward(days=late)
    missed = now(store).missed
    assert missed is not None
    for event in missed.shift:
        store.record(event)
    today = MONDAY + timedelta(days=late)
    assert calendar(COURSE, store).spans()[0] == (today, today + timedelta(days=6))
    assert now(store).end == missed.shifted_end == today + timedelta(days=83)
    clock.forward(days=6)
    assert now(store).missed is None
    clock.forward(days=1)
    assert now(store).missed is not None


def test_a_shift_after_midnight_counts_for_the_study_day(store: Store, clock: Clock) -> None:
    store.record(log.PlanStart(start="2026-03-02", weeks=12))
    clock.forward(days=21, hours=16)  # two in the night
    missed = now(store).missed
    assert missed is not None
    for event in missed.shift:
        store.record(event)
    plan = now(store)
    assert (plan.week, plan.missed, plan.calendar.spans()[0][0]) == (1, None, plan.today)


def test_to_catch_up_keeps_the_end_and_asks_again_only_when_more_is_missed(store: Store, clock: Clock) -> None:
    store.record(log.PlanStart(start="2026-03-02", weeks=12))
    clock.forward(days=21)
    missed = now(store).missed
    assert missed is not None
    for event in missed.catch_up:
        store.record(event)
    plan = now(store)
    assert (plan.week, plan.end, plan.missed) == (4, missed.end, None)
    finish(store, "linear-algebra")
    clock.forward(days=7)
    assert now(store).missed is None  # a week later and a chapter further: no further behind
    clock.forward(days=7)
    again = now(store).missed
    assert again is not None
    assert again.weeks == 4


def test_to_skip_goes_on_with_this_weeks_chapter(store: Store, clock: Clock) -> None:
    store.record(log.PlanStart(start="2026-03-02", weeks=12))
    clock.forward(days=21)
    missed = now(store).missed
    assert missed is not None
    for event in missed.skip:
        store.record(event)
    plan = now(store)
    assert (plan.chapter.id, plan.end, plan.missed) == ("neural-networks", missed.end, None)
    assert plan.hours_left == (69 - 17, 87 - 22)
    store.undo()  # one decision, one undo
    assert now(store).chapter.id == "linear-algebra"
    assert now(store).calendar.skipped == ()
    assert store.undoable() == store.events("plan_start")[0]


def test_a_chapter_skipped_with_others_can_be_taken_in_alone(store: Store, clock: Clock) -> None:
    store.record(log.PlanStart(start="2026-03-02", weeks=12))
    clock.forward(days=21)
    for _ in range(2):
        missed = now(store).missed
        assert missed is not None
        for event in missed.skip:
            store.record(event)
        (calculus,) = store.effective("skip", item="calculus")
        store.undo(calculus.id)
        assert [name for name, _ in calendar(COURSE, store).skipped] == ["linear-algebra", "optimization"]
        store.undo(kinds=["skip"])
        assert calendar(COURSE, store).skipped == ()


def test_a_chapter_skipped_by_placement_is_passed_over(store: Store) -> None:
    store.record(log.Skip(item="linear-algebra", why="placement"))
    assert now(store).chapter.id == "calculus"
    assert calendar(COURSE, store).is_skipped("linear-algebra")
    store.record(log.Reset(item="chapter:linear-algebra", chapters=("linear-algebra",)))
    assert now(store).chapter.id == "linear-algebra"


def test_who_is_ahead_is_asked_nothing(store: Store) -> None:
    finish(store, "linear-algebra")
    finish(store, "calculus")
    plan = now(store)
    assert (plan.week, plan.chapter.id, plan.missed) == (1, "optimization", None)
    # A lab that another chapter also has is done there as well.
    assert 69 - 14 < plan.hours_left[0] <= 69 - 12
    assert 87 - 18 < plan.hours_left[1] <= 87 - 16


def test_when_the_plan_is_over_there_is_still_a_way_on(store: Store, clock: Clock) -> None:
    store.record(log.PlanStart(start="2026-03-02", weeks=10))
    clock.forward(days=365)
    plan = now(store)
    assert (plan.week, plan.weeks) == (10, 10)
    assert plan.missed is not None
    assert "diffusion" not in plan.missed.chapters  # something is left to go on with
    for event in plan.missed.shift:
        store.record(event)
    assert now(store).missed is None
    assert now(store).end > date(2027, 3, 2)


def test_after_a_reset_of_all_the_plan_begins_anew(store: Store, clock: Clock) -> None:
    store.record(log.PlanStart(start="2026-01-05", weeks=10))
    store.record(log.Skip(item="calculus", why="chosen"))
    clock.forward(days=40)
    store.record(log.Reset(item="all", everything=True))
    plan = calendar(COURSE, store)
    assert (plan.start, plan.weeks, plan.chosen, plan.skipped) == (date(2026, 4, 11), 12, False, ())
