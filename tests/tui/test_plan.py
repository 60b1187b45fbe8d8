"""The plan: chosen at first start, mended after missed weeks, seen and changed on its screen."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tui_support import CHAPTER, COURSE, Learner, learning, progress

from tutor import paths
from tutor.progress import events as log
from tutor.progress.plan import State, Step
from tutor.progress.queue import today
from tutor.progress.schedule import Calendar, calendar
from tutor.progress.store import Store, local_now
from tutor.tui.app import TutorApp
from tutor.tui.format import day
from tutor.tui.screens import plan as plan_screen
from tutor.tui.screens.ask_plan import MissedScreen, StartScreen
from tutor.tui.screens.chapter import ChapterScreen
from tutor.tui.screens.help import HelpScreen
from tutor.tui.screens.map import MapScreen
from tutor.tui.screens.plan import PlanScreen
from tutor.tui.screens.today import TodayScreen

ASKED = pytest.mark.asked


def plan() -> Calendar:
    with progress() as store:
        return calendar(COURSE, store)


def study_day() -> date:
    with progress() as store:
        return today(store)


def earlier(days: int, *rows: log.Event) -> None:
    """Write events as if they had happened some days ago."""
    store = Store.open(paths.database(), clock=lambda: local_now() - timedelta(days=days))
    try:
        for row in rows:
            store.record(row, chapter=CHAPTER)
    finally:
        store.close()


PAGE = log.Page(item="svd", page=1, pages=8)


@ASKED
async def test_the_first_start_asks_and_enter_takes_twelve_weeks_from_today() -> None:
    async with learning((80, 24)) as learner:
        await learner.on(StartScreen)
        end = study_day() + timedelta(days=83)
        await learner.sees("Welcome", "Esc the defaults")
        await learner.sees("69–87 h", "12 weeks", "today", f"The last day is {end:%a} {day(end)}")
        # The keys of Today, which are dead now, are covered by those of the dialog.
        assert learner.text.splitlines()[-1].split() == ["⏎", "Begin", "Esc", "Not", "now", "?", "Help"]
        await learner.press("question_mark")
        await learner.on(HelpScreen)
        await learner.sees("Your plan", "Take this plan", "Seven steps up")
        await learner.press("escape")
        await learner.on(StartScreen)
        await learner.press("enter")
        await learner.on(TodayScreen)
        await learner.sees(f"69–87 h left, ends {day(end)}", "Enter starts")
    assert (plan().chosen, plan().start, plan().weeks, plan().end) == (True, study_day(), 12, end)
    async with learning((80, 24)) as learner:
        await learner.sees("Enter starts")
        assert isinstance(learner.app.screen, TodayScreen)


@ASKED
async def test_another_day_and_pace_are_chosen_with_the_arrows() -> None:
    async with learning((80, 24)) as learner:
        await learner.on(StartScreen)
        await learner.press("right", "right", "left", "pagedown", "down", *["left"] * 4)
        await learner.sees("in 8 days", "10 weeks", "7–9 h a week")
        await learner.press("enter")
        await learner.on(TodayScreen)
        await learner.sees("Week 1 of 10")
    assert (plan().start, plan().weeks) == (study_day() + timedelta(days=8), 10)
    assert plan().stretches[6].last == plan().stretches[6].first


@ASKED
async def test_who_begins_weeks_back_is_told_the_week_and_not_asked_at_once() -> None:
    async with learning((80, 24)) as learner:
        await learner.on(StartScreen)
        await learner.press(*["pageup"] * 2, "left")
        await learner.sees("15 days ago", "that makes this week 3")
        await learner.press("enter")
        await learner.on(TodayScreen)
        await learner.sees("Week 3 of 12", "missed; p helps")
        await learner.press("m", "escape")
        await learner.on(TodayScreen)
        await learner.press("p")
        await learner.sees("w Missed weeks")


@ASKED
async def test_a_question_left_open_is_not_put_again() -> None:
    async with learning() as learner:
        await learner.on(StartScreen)
        await learner.press("escape")
        await learner.on(TodayScreen)
        await learner.press("m", "escape")
        await learner.on(TodayScreen)
    assert not plan().chosen
    with progress() as store:
        assert store.events() == []
    async with learning() as learner:
        await learner.sees("Enter starts")
        assert isinstance(learner.app.screen, TodayScreen)


@ASKED
async def test_no_question_stands_before_a_key_that_was_pressed_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TutorApp, "_after_first_paint", lambda app: None)
    app = TutorApp(start_host=False)
    async with app.run_test() as pilot:
        learner = Learner(app, pilot)
        await learner.press("m")
        await learner.on(MapScreen)
        assert app.open_store()
        await learner.settle()
        assert isinstance(app.screen, MapScreen)


@ASKED
async def test_who_has_begun_without_a_plan_is_not_asked() -> None:
    earlier(1, PAGE)
    async with learning() as learner:
        await learner.sees("Enter continues")
        assert isinstance(learner.app.screen, TodayScreen)
        await learner.press("p")
        await learner.on(PlanScreen)
        await learner.sees("You have not chosen a plan")
        assert learner.text.splitlines()[0].split()[:2] == [str(plan().start.day), f"{plan().start:%b}"]


@ASKED
@pytest.mark.parametrize(
    ("answer", "kinds", "moved"),
    [("shift", {"plan_shift"}, 22), ("catch_up", {"plan_catch_up"}, 0), ("skip", {"skip"}, 0), ("leave", set(), 0)],
)
async def test_after_missed_weeks_one_dialog_says_what_each_answer_means(
    answer: str, kinds: set[str], moved: int
) -> None:
    start = study_day() - timedelta(days=22)
    earlier(22, log.PlanStart(start=start.isoformat(), weeks=12), PAGE)
    end = plan().end
    async with learning((80, 24)) as learner:
        screen = await learner.on(MissedScreen)
        assert screen.missed.weeks == 3
        await learner.sees(
            "3 weeks further on",
            f"ends {day(end + timedelta(days=22))} instead of {day(end)}",
            f"ends {day(end)} as planned; 8–10 h a week",
        )
        names = "Linear Algebra, Calculus and Differential Equations, Optimisation"
        assert f"leaves out {names}, 17–22 h" in learner.part("#answers")
        lines = learner.text.splitlines()
        at = next(at for at, line in enumerate(lines) if "leaves out" in line)
        # The second line stands below the first.
        assert lines[at + 1].index("Differential") == lines[at].index("ends")
        at = ["shift", "catch_up", "skip", "leave"].index(answer)
        await learner.press(*["down"] * at, "enter")
        await learner.on(TodayScreen)
        await learner.sees("3 weeks missed; p helps" if answer == "leave" else f"ends {day(end + timedelta(moved))}")
        await learner.sees({"shift": "Week 1 of 12", "skip": "Neural Networks"}.get(answer, "Week 4 of 12"))
    with progress() as store:
        rows = store.events()[2:]
    assert {type(row.event).__struct_config__.tag for row in rows} == kinds
    assert plan().end == end + timedelta(days=moved)
    async with learning((80, 24)) as learner:
        await learner.sees("Enter")
        assert isinstance(learner.app.screen, TodayScreen)


async def test_the_plan_has_dates_and_every_change_can_be_taken_back() -> None:
    start = study_day()
    with progress() as store:
        store.record(log.PlanStart(start=start.isoformat(), weeks=12))
    async with learning((80, 24)) as learner:
        await learner.press("p")
        await learner.on(PlanScreen)
        await learner.sees("week 1 of 12", "69–87 h left, 6–7 h a week")
        spans = plan().spans()
        for stretch, (first, last) in zip(plan().stretches, spans, strict=True):
            row = next(" ".join(line.split()) for line in learner.text.splitlines() if _title(stretch.chapter) in line)
            assert f"{first.day} {first:%b} – {last.day} {last:%b}" in row
        assert (spans[0][0], spans[-1][1]) == (start, plan().end)

        await learner.press("down", "x")
        await learner.sees("left out", "Calculus and Differential Equations is left out, as you chose", "63–79 h left")
        await learner.press("x")
        await learner.misses("left out")
        assert plan().skipped == ()
        await learner.press("x", "u")
        await learner.misses("left out")

        await learner.press("c")
        await learner.on(StartScreen)
        await learner.press("down", "left", "enter")
        await learner.on(PlanScreen)
        await learner.sees("week 1 of 11")
        await learner.press("u")
        await learner.sees("week 1 of 12")
        await learner.press("enter")
        assert (await learner.on(ChapterScreen)).chapter_id == "calculus"


def _title(chapter: str) -> str:
    return next(stub.title for stub in COURSE.chapters if stub.id == chapter)


async def test_a_chapter_that_is_finished_has_its_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = plan_screen.steps

    def finished(content: Path, chapter: str, store: Store) -> tuple[Step, ...]:
        state: State = "done" if chapter == "calculus" else "open"
        return tuple(dataclasses.replace(row, state=state) for row in rows(content, chapter, store))

    monkeypatch.setattr(plan_screen, "steps", finished)
    async with learning((80, 24)) as learner:
        await learner.press("p")
        await learner.sees("✓ Week 2")
        assert learner.text.count("✓") == 1
        assert "▸ " in learner.text


async def test_missed_weeks_can_be_answered_later() -> None:
    earlier(22, log.PlanStart(start=(study_day() - timedelta(days=22)).isoformat(), weeks=12), PAGE)
    async with learning((80, 24)) as learner:
        await learner.press("p")
        await learner.on(PlanScreen)
        await learner.sees("w says what to do", "w Missed weeks")
        await learner.press("w")
        await learner.on(MissedScreen)
        await learner.press("enter")
        await learner.on(PlanScreen)
        await learner.sees("week 1 of 12", "Shifted by 22 days")
        await learner.misses("w Missed weeks")


def test_what_a_shift_repeats_has_its_dates_of_the_last_time() -> None:
    start = study_day() - timedelta(days=20)
    earlier(20, log.PlanStart(start=start.isoformat(), weeks=12))
    earlier(0, log.PlanShift(days=14))
    spans = plan().spans()
    assert spans[0] == (start + timedelta(days=20), start + timedelta(days=20))
    assert all(after[0] == before[1] + timedelta(days=1) for before, after in pairwise(spans))
    assert spans[-1][1] == plan().end == start + timedelta(days=97)


@pytest.mark.parametrize("due", [1, 25])
async def test_reviews_come_first_and_then_the_next_step(due: int, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(TutorApp, "open_target", lambda app, target: opened.append(target))
    given: dict[str, Any] = {"response": "", "outcome": "right", "score": 1.0, "context": "lesson:svd", "quiz": ""}
    earlier(10, PAGE, *(log.Answer(item=f"q{n}", objectives=("o",), **given) for n in range(due)))
    async with learning((80, 24)) as learner:
        count, noun = ("1", "question") if due == 1 else ("20 of 25", "questions")
        await learner.sees(f"Enter reviews {count} {noun} about {min(due, 20)} min then continues with SVD")
        steps = learner.app.screen.query_one("#steps").region
        lines = learner.text.splitlines()[steps.y : steps.bottom]
        assert " ".join(lines[0].split()) == f"○ due Review {count} {min(due, 20)} min"
        # Most of the chapter is seen without scrolling.
        assert len(lines) >= 10
        await learner.press("enter")
        await learner.press("down", "down", "down", "enter")
    assert opened == ["review", "lesson:svd"]
