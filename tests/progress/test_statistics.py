"""Figures held against sums made by hand from the log."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from progress_support import Clock, answer

from tutor import paths
from tutor.course.load import load_course
from tutor.labs.registry import get
from tutor.progress import events as log
from tutor.progress.statistics import Statistics, statistics, wilson
from tutor.progress.store import Store

CONTENT = paths.content_dir()
COURSE = load_course(CONTENT)


def now(store: Store) -> Statistics:
    return statistics(CONTENT, COURSE, store)


def test_without_anything_done_there_are_empty_charts_and_no_errors(store: Store) -> None:
    found = now(store)
    assert len(found.weeks) == 12
    assert sum(week.planned[1] for week in found.weeks) == pytest.approx(87)
    assert len(found.days) == len(found.forecast) == 30
    assert found.days[-1].day == found.forecast[0][0] == date(2026, 3, 2)
    assert {day.retention for day in found.days} == {None}
    assert (found.overconfidence, found.brier, found.retention, found.predictions) == (None, None, None, ())
    assert [row.objectives for row in found.mastery if any(row.levels)] == []


def test_time_stands_in_its_week_beside_what_was_planned(store: Store, clock: Clock) -> None:
    store.record(log.PlanStart(start="2026-03-02", weeks=12))
    store.record(log.Page(item="svd", page=1, pages=9), chapter="linear-algebra", seconds=3600)
    clock.forward(days=8)
    store.record(log.Page(item="svd", page=2, pages=9), chapter="linear-algebra", seconds=1800)
    clock.forward(days=13)
    store.record(log.PlanShift(days=14))
    weeks = now(store).weeks
    assert [week.hours for week in weeks[:4]] == [1.0, 0.5, 0.0, 0.0]
    assert [week.week for week in weeks[:5]] == [1, 2, 3, 2, 3]
    assert weeks[0].planned == (6, 8)
    assert len(weeks) == 14
    assert weeks[-1].start + timedelta(days=6) == date(2026, 3, 2) + timedelta(days=14 * 7 - 1)
    halves = [week for week in weeks if week.chapter == "stochastic-processes"]
    assert [week.planned for week in halves] == [(5, 6), (5, 6)]


def test_reviews_and_retention_by_day(store: Store, clock: Clock) -> None:
    for item in ("q1", "q2", "q3", "q4"):
        store.record(answer(item, context="lesson:l"))
    clock.forward(days=2)
    for item, outcome in (("q1", "right"), ("q2", "wrong"), ("q2", "right"), ("q3", "right")):
        store.record(answer(item, outcome))
    store.record(answer("q4", context="cram"))
    found = now(store)
    first, last = found.days[-3], found.days[-1]
    assert (first.answers, first.new, first.reviews, first.retention) == (4, 4, 0, None)
    assert (last.answers, last.new, last.reviews, last.recalled) == (5, 0, 3, 2)
    assert last.retention == found.retention == pytest.approx(2 / 3)
    assert last.expected == pytest.approx(3 * 0.9, abs=0.1)


def test_the_forecast_adds_up_to_the_cards(store: Store, clock: Clock) -> None:
    for n in range(10):
        store.record(answer(f"question-{n}", "wrong" if n < 3 else "right"))
    clock.forward(days=1)
    forecast = now(store).forecast
    assert [count for _, count in forecast[:3]] == [3, 7, 0]
    clock.forward(days=10)
    assert [count for _, count in now(store).forecast[:2]] == [10, 0]
    store.record(answer("question-0", "wrong", revealed=True))
    assert [count for _, count in now(store).forecast[:2]] == [10, 0]  # its answer was shown: other numbers today


def test_mastery_by_chapter(store: Store) -> None:
    for n in range(3):
        store.record(answer(f"a{n}", objectives=["la.svd"]))
    store.record(answer("b", "wrong", objectives=["la.whitening"]))
    store.record(answer("c", objectives=["opt.descent"]))
    rows = {row.chapter: row for row in now(store).mastery}
    assert rows["linear-algebra"].levels == (1, 0, 1, 0)
    assert rows["linear-algebra"].objectives == 6
    assert rows["optimization"].levels == (0, 1, 0, 0)


def test_calibration_compares_what_was_said_with_what_was_true(store: Store) -> None:
    for n in range(10):
        store.record(answer(f"sure-{n}", "wrong" if n < 4 else "right", confidence=0.95))
    for n in range(4):
        store.record(answer(f"guess-{n}", "right" if n == 0 else "wrong", confidence=0.25))
    store.record(answer("silent", "wrong"))
    found = now(store)
    bins = {level.name: level for level in found.calibration}
    assert [level.name for level in found.calibration] == list(log.CONFIDENCE)
    assert (bins["certain"].answers, bins["certain"].right, bins["certain"].share) == (10, 6, 0.6)
    assert bins["certain"].low < 0.6 < bins["certain"].high < 0.95  # overconfident beyond chance
    assert (bins["guess"].share, bins["unsure"].share) == (0.25, None)
    assert found.overconfidence == pytest.approx((10 * 0.95 + 4 * 0.25 - 7) / 14)
    brier = 4 * 0.95**2 + 6 * 0.05**2 + 3 * 0.25**2 + 0.75**2
    assert found.brier == pytest.approx(brier / 14)


def test_calibration_leaves_out_what_was_said_knowing_more(store: Store, clock: Clock) -> None:
    clock.forward(hours=17.5)  # 3:30, half an hour before the study day ends
    quiz = store.start_quiz("review", ["q1", "q2", "q3"], 0)
    store.record(answer("q1", "wrong", quiz=quiz, confidence=0.95))
    store.record(answer("q1", quiz=quiz, confidence=0.95))  # practice
    store.record(answer("q2", "wrong", quiz=quiz))
    store.record(answer("q3", "right", quiz=quiz, confidence=0.95, revealed=True))
    clock.forward(hours=1)
    for item in ("q1", "q2", "q3"):
        store.record(answer(item, quiz=quiz, confidence=0.95))  # a second try on the next study day
    store.record(answer("q1", context="cram", quiz=quiz, confidence=0.95))
    assert [(level.name, level.answers, level.right) for level in now(store).calibration if level.answers] == [
        ("certain", 1, 0)
    ]
    clock.forward(days=1)
    store.record(answer("q3", quiz=store.start_quiz("review", ["q3"], 1), confidence=0.95))
    assert now(store).calibration[-1].answers == 2


def run(lab: str, value: float, done: bool = True) -> log.LabRun:
    scalars = {get(lab).prediction.scalar: value}
    return log.LabRun(item=lab, params={}, seed=0, changes=(), steps=1, scalars=scalars, checks={}, done=done)


def test_predictions_in_labs_are_held_against_the_first_full_run(store: Store) -> None:
    asked = get("whitening").prediction
    span = asked.high - asked.low
    store.record(log.Prediction(item="whitening", value=asked.low, confidence=0.95))
    store.record(run("whitening", asked.low + span, done=False))
    store.record(run("whitening", asked.low + 0.05 * span))
    store.record(run("whitening", asked.high))
    store.record(log.Prediction(item="svd-digits", value=get("svd-digits").prediction.low, confidence=0.5))
    store.record(log.Prediction(item="a lab that is gone", value=1.0))
    whitening, digits = now(store).predictions
    assert (whitening.lab, digits.lab) == ("whitening", "svd-digits")
    assert whitening.error == pytest.approx(0.05)
    assert (whitening.right, digits.right, digits.measured) == (True, False, None)
    assert {level.name: level.answers for level in now(store).calibration if level.answers} == {"certain": 1}
    store.record(log.Reset(item="lab:whitening", labs=("whitening",)))
    assert [row.lab for row in now(store).predictions] == ["svd-digits"]


@given(st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_the_share_and_narrows(pair: tuple[int, int]) -> None:
    right, total = pair
    low, high = wilson(right, total)
    assert 0 <= low <= high <= 1
    if total:
        assert low <= right / total <= high
        wide, narrow = wilson(right, total), wilson(100 * right, 100 * total)
        assert narrow[1] - narrow[0] < wide[1] - wide[0]
    else:
        assert (low, high) == (0, 1)
