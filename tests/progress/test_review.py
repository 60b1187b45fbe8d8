"""When questions come back: grades, intervals, the day's queue, and what must not move a card."""

import itertools
from datetime import date, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from progress_support import Clock, answer

from tutor.progress import events as log
from tutor.progress.queue import Due, ahead_queue, cram_queue, due, leeches, review_queue, review_seconds, today
from tutor.progress.review import (
    LEECH_LAPSES,
    Card,
    Grade,
    answered,
    grade_of,
    interleaved,
    next_days,
    recall,
    study_day,
)
from tutor.progress.store import Store

EXACT = log.ReviewSettings(fuzz=False)


def card_of(store: Store, question: str = "q1") -> Card:
    card = store.card(question)
    assert card is not None
    return card


def row(day: date, outcome: str = "right", **fields: object) -> log.Logged:
    at = f"{day}T12:00:00.000Z"
    return log.Logged("0", at, 0, "c", 60.0, answer("q1", outcome, **fields))


# -- grades ---


@pytest.mark.parametrize(
    ("fields", "seconds", "first", "grade"),
    [
        ({"outcome": "wrong"}, 5, False, Grade.AGAIN),
        ({"outcome": "wrong", "hints": 3, "confidence": 0.25}, 5, False, Grade.AGAIN),
        ({"revealed": True}, 5, False, Grade.AGAIN),
        ({"hints": 1}, 5, False, Grade.HARD),
        ({"hints": 1, "confidence": 0.95}, 5, False, Grade.HARD),
        ({"confidence": 0.25}, 5, False, Grade.HARD),
        ({}, 5, False, Grade.GOOD),
        ({"confidence": 0.5}, 5, False, Grade.GOOD),
        ({"confidence": 0.75}, 5, False, Grade.GOOD),
        ({"confidence": 0.95}, 20, False, Grade.EASY),
        ({"confidence": 0.95}, 20.1, False, Grade.GOOD),
        ({"confidence": 0.95}, 0, False, Grade.GOOD),
        ({"confidence": 0.95}, 5, True, Grade.GOOD),
        ({"grade": 4, "confidence": 0.25}, 500, True, Grade.EASY),
        ({"grade": 2, "confidence": 0.95}, 5, False, Grade.HARD),
        ({"grade": 4, "outcome": "wrong"}, 5, False, Grade.AGAIN),
        ({"grade": 4, "revealed": True}, 5, False, Grade.AGAIN),
    ],
)
def test_the_grade_of_an_answer(fields: dict[str, object], seconds: float, first: bool, grade: Grade) -> None:
    given = {"outcome": "right", **fields}
    assert grade_of(answer("q1", **given), seconds, first=first) is grade  # type: ignore[arg-type]


# -- intervals ---


def test_good_four_times(store: Store, clock: Clock) -> None:
    store.record(EXACT)
    waits = []
    for _ in range(4):
        promised = next_days("q1", store.card("q1"), today(store), store.review_settings())[Grade.GOOD]
        store.record(answer("q1"))
        wait = (date.fromisoformat(card_of(store).due) - today(store)).days
        assert wait == promised
        waits.append(wait)
        clock.forward(days=wait)
    assert waits == [2, 11, 46, 163]


def test_fuzz_stays_near_and_is_the_same_for_the_same_card() -> None:
    day = date(2026, 3, 2)
    waits: dict[str, list[int]] = {}
    for n in range(60):
        for _ in range(2):
            card = None
            at, found = day, []
            for _ in range(4):
                logged = log.Logged("0", f"{at}T12:00:00.000Z", 0, "c", 60.0, answer(f"question-{n}"))
                card = answered(card, logged, log.ReviewSettings()).card
                found.append((date.fromisoformat(card.due) - at).days)
                at = date.fromisoformat(card.due)
            assert waits.setdefault(f"question-{n}", found) == found
    first, second, third, fourth = (set(column) for column in zip(*waits.values(), strict=True))
    assert first == {2}
    assert second >= {10, 11, 12}
    assert second <= set(range(9, 14))
    assert len(third) > 3
    assert all(34 <= wait <= 62 for wait in third)
    assert all(110 <= wait <= 230 for wait in fourth)


@given(st.lists(st.tuples(st.sampled_from(list(Grade)), st.integers(0, 90)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_better_grade_never_comes_back_sooner(history: list[tuple[Grade, int]]) -> None:
    day, card = date(2026, 3, 2), None
    for grade, wait in history:
        day += timedelta(days=wait)
        after = next_days("q1", card, day, EXACT)
        assert 1 <= after[Grade.AGAIN] <= after[Grade.HARD] <= after[Grade.GOOD] <= after[Grade.EASY]
        fields: dict[Grade, dict[str, object]] = {
            Grade.AGAIN: {"outcome": "wrong"},
            Grade.HARD: {"hints": 1},
            Grade.GOOD: {},
            Grade.EASY: {"confidence": 0.95},
        }
        card = answered(card, row(day, **fields[grade]), EXACT).card  # type: ignore[arg-type]
        assert 0.0 < recall(card, day.isoformat()) <= 1.0
        assert 1.0 <= card.difficulty <= 10.0


def test_a_lower_retention_waits_longer(store: Store, clock: Clock) -> None:
    after = {}
    for retention in (0.70, 0.90, 0.97):
        store.record(log.ReviewSettings(retention=retention, fuzz=False))
        assert store.review_settings().retention == retention
        card = answered(None, row(date(2026, 3, 2)), store.review_settings()).card
        card = answered(card, row(date(2026, 3, 4)), store.review_settings()).card
        after[retention] = date.fromisoformat(card.due)
    assert after[0.70] > after[0.90] > after[0.97]


@pytest.mark.parametrize("fields", [{"retention": 0.69}, {"retention": 0.98}, {"retention": 0.0}, {"cap": 0}])
def test_settings_that_make_no_sense_are_not_written(store: Store, fields: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        store.record(log.ReviewSettings(**fields))  # type: ignore[arg-type]
    assert store.events() == []
    assert store.review_settings() == log.ReviewSettings()


def test_a_study_day_begins_at_four(store: Store, clock: Clock) -> None:
    place = timezone(timedelta(hours=5, minutes=45))
    assert study_day(datetime(2026, 3, 3, 3, 59, tzinfo=place)) == date(2026, 3, 2)
    assert study_day(datetime(2026, 3, 3, 4, 0, tzinfo=place)) == date(2026, 3, 3)
    clock.now = datetime(2026, 3, 2, 23, 30, tzinfo=place)
    store.record(EXACT)
    store.record(answer("q1"))
    clock.now = datetime(2026, 3, 4, 3, 30, tzinfo=place)
    assert due(store).total == 0
    clock.now = datetime(2026, 3, 4, 4, 30, tzinfo=place)
    assert due(store).total == 1


def test_a_clock_set_back_moves_nothing_back(store: Store, clock: Clock) -> None:
    store.record(answer("q1"))
    clock.forward(days=5)
    store.record(answer("q1"))
    before = card_of(store)
    clock.forward(days=-5)
    store.record(answer("q1"))
    assert card_of(store) == msgspec.structs.replace(before, variant=before.variant)
    assert next_days("q1", before, date(2026, 3, 2), EXACT)[Grade.AGAIN] >= 1


# -- what moves a card and what does not ---


@pytest.mark.parametrize("context", ["lesson:l", "checkpoint:c", "lab:whitening", "placement:c", "review"])
def test_every_question_first_answered_becomes_a_card(store: Store, context: str) -> None:
    assert store.card("q1") is None
    store.record(answer("q1", context=context), chapter="c")
    card = card_of(store)
    assert (card.chapter, card.objectives, card.reps, card.lapses, card.due) == ("c", ("o1",), 1, 0, "2026-03-04")


@pytest.mark.parametrize("context", ["ahead", "cram"])
@pytest.mark.parametrize("outcome", ["right", "wrong"])
def test_practice_beside_the_plan_reschedules_nothing(store: Store, clock: Clock, context: str, outcome: str) -> None:
    store.record(answer("q1"))
    before = card_of(store)
    clock.forward(days=1)
    store.record(answer("q1", outcome, context=context, confidence=0.95, variant=4))
    assert card_of(store) == msgspec.structs.replace(before, variant=5)
    assert store.query("SELECT kind FROM attempts ORDER BY at") == [("new",), ("practice",)]
    assert due(store).reviewed == 0


def test_a_right_answer_minutes_after_the_explanation_moves_nothing(store: Store, clock: Clock) -> None:
    store.record(answer("q1", "wrong"))
    before = card_of(store)
    for minutes in (1, 60):
        clock.forward(minutes=minutes)
        store.record(answer("q1"))
        assert (card_of(store).due, card_of(store).stability) == (before.due, before.stability)
    clock.forward(days=1)
    store.record(answer("q1"))
    assert card_of(store).due > before.due


def test_a_confident_error_comes_back_tomorrow(store: Store, clock: Clock) -> None:
    store.record(EXACT)
    said = {"q1": 0.25, "q2": 0.75, "q3": 0.95, "q4": None}
    for wait in (2, 11, 46, 163):
        for question in said:
            store.record(answer(question))
        clock.forward(days=wait)
    due_days = {}
    for question, confidence in said.items():
        store.record(answer(question, "wrong", confidence=confidence))
        due_days[question] = (date.fromisoformat(card_of(store, question).due) - today(store)).days
    assert (due_days["q2"], due_days["q3"]) == (1, 1)
    assert due_days["q1"] == due_days["q4"] > 1


def test_a_revealed_answer_is_again_and_queues_other_numbers_today(store: Store, clock: Clock) -> None:
    store.record(EXACT)
    store.record(answer("q1", "wrong", context="checkpoint:c", response=None, revealed=True, variant=2))
    card = card_of(store)
    assert (card.grade, card.due, card.fresh, card.variant) == (Grade.AGAIN, "2026-03-03", True, 3)
    assert review_queue(store) == (card,)
    store.record(answer("q1", variant=card.variant))
    after = card_of(store)
    assert (after.fresh, after.due, after.variant) == (False, "2026-03-03", 4)
    assert review_queue(store) == ()
    clock.forward(days=1)
    assert [card.question for card in review_queue(store)] == ["q1"]


def test_eight_lapses_make_a_leech(store: Store, clock: Clock) -> None:
    store.record(answer("q1", "wrong"))
    for lapses in range(1, LEECH_LAPSES + 1):
        assert leeches(store) == ()
        clock.forward(days=1)
        store.record(answer("q1", "wrong"))
        store.record(answer("q1", "wrong"))  # the same day, the same lapse
        assert card_of(store).lapses == lapses
    assert [card.question for card in leeches(store)] == ["q1"]
    assert card_of(store).leech
    assert due(store).leeches == 1


# -- the day's queue ---


def fill(store: Store, clock: Clock, count: int, objectives: int = 7) -> None:
    for n in range(count):
        given = answer(f"question-{n:03}", context="lesson:l", objectives=[f"o{n % objectives}"])
        store.record(given, chapter=f"c{n % 2}", seconds=30)


def test_of_500_overdue_20_are_offered(store: Store, clock: Clock) -> None:
    fill(store, clock, 500)
    clock.forward(days=60)
    before = due(store)
    assert before == Due(total=500, offered=20, reviewed=0, minutes=20.0, leeches=0, tomorrow=0)
    queue = review_queue(store)
    assert len({card.question for card in queue}) == 20
    for card in queue[:5]:
        store.record(answer(card.question), seconds=45)
    after = due(store)
    assert (after.total, after.offered, after.reviewed) == (495, 15, 5)
    assert after.minutes == pytest.approx(15 * (5 * 45 + 5 * 60) / 10 / 60)
    assert not {card.question for card in queue[:5]} & {card.question for card in review_queue(store)}
    for card in review_queue(store):
        store.record(answer(card.question))
    assert (due(store).offered, review_queue(store)) == (0, ())
    clock.forward(days=1)
    assert due(store).offered == 20
    store.record(log.ReviewSettings(cap=3))
    assert len(review_queue(store)) == due(store).offered == 3


def test_questions_that_left_the_course_are_not_asked(store: Store, clock: Clock) -> None:
    fill(store, clock, 30)
    clock.forward(days=3)
    known = {f"question-{n:03}" for n in range(25, 40)}
    assert {card.question for card in review_queue(store, known)} == {f"question-{n:03}" for n in range(25, 30)}


def test_ahead_takes_what_is_due_next_and_cram_what_is_known_least(store: Store, clock: Clock) -> None:
    store.record(EXACT)
    for question, outcome in (("q1", "wrong"), ("q2", "right"), ("q4", "right")):
        store.record(answer(question, outcome), chapter="c")
    clock.forward(days=2)
    store.record(answer("q4"), chapter="c")
    store.record(answer("q6"), chapter="d")
    assert {card.question for card in review_queue(store)} == {"q1", "q2"}
    assert [card.question for card in ahead_queue(store)] == ["q6", "q4"]
    assert [card.question for card in ahead_queue(store, limit=1)] == ["q6"]
    assert [card.question for card in cram_queue(store, limit=1)] == ["q1"]
    assert {card.question for card in cram_queue(store, "c")} == {"q1", "q2", "q4"}


def test_the_pace_is_the_learners_own(store: Store, clock: Clock) -> None:
    assert review_seconds(store) == 60.0
    for n, seconds in enumerate((20.0, 40.0, 5000.0)):
        store.record(answer(f"q{n}"), seconds=seconds)
    assert review_seconds(store) == pytest.approx((20 + 40 + 180 + 5 * 60) / 8)


# -- interleaving ---


def meetings(sets: list[frozenset[str]], order: tuple[int, ...]) -> int:
    return sum(bool(sets[a] & sets[b]) for a, b in itertools.pairwise(order))


SETS = st.frozensets(st.sampled_from("abcd"), min_size=1, max_size=2)


@given(st.lists(SETS, max_size=7))
@settings(max_examples=150, deadline=None)
def test_no_neighbours_share_an_objective_when_it_can_be_avoided(sets: list[frozenset[str]]) -> None:
    order = interleaved(sets)
    assert sorted(order) == list(range(len(sets)))
    best = min((meetings(sets, candidate) for candidate in itertools.permutations(range(len(sets)))), default=0)
    assert (meetings(sets, order) == 0) == (best == 0)


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_with_one_objective_each_the_meetings_are_as_few_as_can_be(names: list[str]) -> None:
    sets = [frozenset(name) for name in names]
    most = max(names.count(name) for name in names)
    order = interleaved(sets)
    assert meetings(sets, order) == max(0, 2 * most - len(names) - 1)
    for name in set(names):
        places = [at for at in order if names[at] == name]
        assert places == sorted(places)  # of one class the most urgent first


@given(st.lists(st.frozensets(st.sampled_from("abcdefgh"), max_size=3), min_size=15, max_size=20))
@settings(max_examples=40, deadline=None)
def test_a_full_queue_is_ordered_within_its_budget(sets: list[frozenset[str]]) -> None:
    assert sorted(interleaved(sets)) == list(range(len(sets)))
    assert interleaved(sets) == interleaved(sets)
