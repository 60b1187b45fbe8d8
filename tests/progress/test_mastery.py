"""Mastery: what raises it, what lowers it, and what can never reach the top."""

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from progress_support import OBJECTIVES, Act, Clock, acts, answer, live

from tutor.progress import events as log
from tutor.progress.mastery import ENOUGH, LEVELS, WINDOW, Mastery
from tutor.progress.store import Store


def state(store: Store, objective: str = "o1") -> Mastery:
    found = store.mastery(objective)
    assert found is not None
    return found


def ask(store: Store, items: str, outcome: str = "right", context: str = "lesson:l", **fields: object) -> None:
    """Answer questions on `o1`, named by a letter each; in one quiz about two objectives unless it is a lesson's."""
    names = [f"on-o1-{letter}" for letter in items]
    quiz = ""
    if not context.startswith("lesson"):
        quiz = store.start_quiz(context, [*names, "on-o2"], 1, objectives=["o1", "o2"])
    for name in names:
        store.record(answer(name, outcome, context, quiz=quiz, objectives=["o1"], **fields))


@pytest.mark.parametrize(
    ("right", "wrong", "level"),
    [
        ("", "a", "attempted"),
        ("a", "", "familiar"),
        ("ab", "", "familiar"),
        ("abc", "", "proficient"),
        ("abcde", "", "proficient"),
        ("ab", "c", "attempted"),
        ("abc", "d", "familiar"),
        ("abcd", "e", "familiar"),
        ("abc", "de", "attempted"),
    ],
)
def test_levels_by_share(store: Store, right: str, wrong: str, level: str) -> None:
    assert store.mastery("o1") is None
    ask(store, wrong, "wrong")
    ask(store, right)
    found = state(store)
    assert found.level == level
    assert found.share == len(right) / len(right + wrong)
    assert (found.level == "proficient") == (not wrong and len(right) >= ENOUGH)


def test_only_the_last_five_questions_count_each_by_its_latest_answer(store: Store, clock: Clock) -> None:
    ask(store, "abc", "wrong")
    clock.forward(days=1)
    ask(store, "abc")
    assert (state(store).level, state(store).share) == ("proficient", 1.0)
    ask(store, "d", "wrong")
    assert state(store).level == "familiar"
    ask(store, "efgh")
    assert len(state(store).window) == WINDOW
    assert state(store).level == "familiar"
    ask(store, "i")
    assert state(store).level == "proficient"


def test_a_hint_counts_half(store: Store) -> None:
    ask(store, "ab")
    ask(store, "c", hints=1)
    assert state(store).share == pytest.approx(2.5 / 3)
    assert state(store).level == "familiar"
    assert "2.5 of the last 3" in state(store).reason
    assert "hint" in state(store).reason


def test_mastered_is_right_again_on_a_later_day_in_mixed_practice_and_can_be_lost(store: Store, clock: Clock) -> None:
    levels = []
    ask(store, "abc")
    levels.append(state(store).level)
    ask(store, "d", context="review")  # the same day
    levels.append(state(store).level)
    clock.forward(days=2)
    ask(store, "a")  # not mixed
    levels.append(state(store).level)
    ask(store, "b", context="review", hints=1)  # not unaided
    levels.append(state(store).level)
    clock.forward(days=2)
    ask(store, "b", context="review")
    levels.append(state(store).level)
    clock.forward(days=2)
    ask(store, "c", context="checkpoint:c")
    levels.append(state(store).level)
    clock.forward(days=90)
    ask(store, "a", "wrong", context="review")
    levels.append(state(store).level)
    assert levels == ["proficient", "proficient", "proficient", "familiar", "proficient", "mastered", "familiar"]
    changes = store.mastery_changes("o1")
    steps = [(change.before, change.after) for change in reversed(changes)]
    assert [after for _, after in steps] == [
        *("familiar", "proficient", "familiar", "proficient", "mastered", "familiar")
    ]
    assert all(before == last for (before, _), (_, last) in zip(steps[1:], steps[:-1], strict=True))
    assert all(change.reason and change.question for change in changes)
    assert "missed" in changes[0].reason
    assert "later day" in changes[1].reason


@pytest.mark.parametrize(
    ("first", "hours", "level"),
    [
        (23.5, 3, "proficient"),  # another calendar day, the same study day
        (3.5, 1, "proficient"),  # another study day, the same calendar day
        (1, 24, "mastered"),  # one o'clock in the night, two nights running
        (23.5, 6, "mastered"),
    ],
)
def test_a_later_day_is_one_by_the_calendar_and_by_sleep(
    store: Store, clock: Clock, first: float, hours: float, level: str
) -> None:
    clock.now = clock.now.replace(hour=0) + timedelta(hours=first)
    ask(store, "abc")
    clock.forward(hours=hours)
    ask(store, "d", context="review")
    assert state(store).level == level


@pytest.mark.parametrize("quiz", ["alone", "unknown"])
def test_a_quiz_on_one_objective_is_not_mixed(store: Store, clock: Clock, quiz: str) -> None:
    ask(store, "abc")
    clock.forward(days=2)
    identity = store.start_quiz("review", ["on-o1-a"], 1, objectives=["o1"]) if quiz == "alone" else "nobody knows"
    store.record(answer("on-o1-a", quiz=identity, objectives=["o1"]))
    assert state(store).level == "proficient"


@pytest.mark.parametrize("context", ["ahead", "cram"])
def test_practice_beside_the_plan_changes_nothing(store: Store, clock: Clock, context: str) -> None:
    ask(store, "abc")
    before = state(store)
    clock.forward(days=2)
    ask(store, "a", "wrong", context=context)
    ask(store, "abc", context=context)
    assert state(store) == before


def test_right_after_the_answer_was_seen_counts_for_nothing(store: Store, clock: Clock) -> None:
    ask(store, "abc", "wrong")
    ask(store, "abc")
    ask(store, "abc", context="review")
    assert state(store).share == 0
    store.record(log.Reveal(item="on-o1-d", objectives=("o1",)))
    ask(store, "d")
    ask(store, "d", revealed=True)
    assert state(store).share == 0
    clock.forward(days=1)
    ask(store, "abcd")
    assert state(store).share == 1


HISTORIES = st.lists(acts(resets=False), min_size=1, max_size=40)


def eager(history: list[Act]) -> list[Act]:
    """The same learner, but nearly always right: so that the top is in reach."""
    acts = []
    for act in history:
        event = act.event
        if isinstance(event, log.Answer) and len(acts) % 7:
            event = answer(event.item, "right", "review", revealed=event.revealed)
        acts.append(Act(event, act.hours, act.offset, act.seconds, quiz="last"))
    return acts


@given(HISTORIES, st.booleans())
@settings(max_examples=40, deadline=None)
def test_nothing_is_mastered_within_one_calendar_day(history: list[Act], good: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        store = Store.open(Path(folder) / "progress.db", clock)
        live(store, clock, eager(history) if good else history)
        for objective in ("o1", "o2", "o3"):
            days: dict[str, set[date]] = {}
            for change in reversed(store.mastery_changes(objective, limit=1000)):
                if change.after == "mastered":
                    rows = [row for row in store.effective("answer") if objective in row.event.objectives]  # type: ignore[union-attr]
                    right = [row for row in rows if row.at <= change.at and row.event.outcome == "right"]  # type: ignore[union-attr]
                    found = {(datetime.fromisoformat(r.at) + timedelta(minutes=r.offset)).date() for r in right}
                    assert len(found) >= 2
                    last = next(row for row in rows if row.id == change.id).event
                    assert isinstance(last, log.Answer)
                    assert (last.revealed, last.hints, last.outcome) == (False, 0, "right")
                    days[objective] = found
        store.close()


@given(st.lists(st.tuples(st.sampled_from(sorted(OBJECTIVES)), st.floats(0, 23.9)), max_size=30))
@settings(max_examples=15, deadline=None)
def test_one_calendar_day_is_not_enough_whatever_the_hour(answers: list[tuple[str, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        store = Store.open(Path(folder) / "progress.db", clock)
        quiz = store.start_quiz("review", sorted(OBJECTIVES), 1, objectives=["o1", "o2", "o3"])
        for item, hour in sorted(answers, key=lambda pair: pair[1]):
            clock.now = Clock.now.replace(hour=0) + timedelta(hours=hour)
            store.record(answer(item, quiz=quiz))
        assert all(found.level != "mastered" for found in store.all_mastery().values())
        store.close()


@given(st.lists(st.tuples(st.sampled_from(sorted(OBJECTIVES)), st.booleans()), max_size=30))
@settings(max_examples=15, deadline=None)
def test_no_path_to_mastered_leads_through_reveals(answers: list[tuple[str, bool]]) -> None:
    """Every answer is seen first: by a reveal on the same day, or by one that the answer itself names."""
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        store = Store.open(Path(folder) / "progress.db", clock)
        quiz = store.start_quiz("review", sorted(OBJECTIVES), 1, objectives=["o1", "o2", "o3"])
        for item, before in answers:
            clock.forward(days=3)
            if before:
                store.record(log.Reveal(item=item, objectives=OBJECTIVES[item]))
            store.record(answer(item, revealed=not before, quiz=quiz))
        found = store.all_mastery().values()
        assert all(objective.level == "attempted" for objective in found)
        store.close()


def test_the_top_is_in_reach(store: Store, clock: Clock) -> None:
    """Else the properties above would say nothing."""
    quiz = store.start_quiz("review", sorted(OBJECTIVES), 1, objectives=["o1", "o2", "o3"])
    for _ in range(2):
        for item in sorted(OBJECTIVES):
            store.record(answer(item, quiz=quiz))
        clock.forward(days=1)
    assert [store.all_mastery()[name].level for name in ("o1", "o2", "o3")] == ["mastered", "mastered", "familiar"]
    assert LEVELS == ("attempted", "familiar", "proficient", "mastered")
