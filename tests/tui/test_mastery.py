"""How well each objective is known: on the map, and on the screen that says why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from textual.widgets import Static
from tui_support import BANK, CHAPTER, Learner, learning, progress

from tutor import paths
from tutor.course.load import load_chapter, load_lesson
from tutor.progress import events as log
from tutor.progress.objectives import lesson_of, standings
from tutor.progress.store import Store, local_now
from tutor.tui.format import LEVEL_MARKS
from tutor.tui.screens.chapter import ChapterScreen
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.map import MapScreen
from tutor.tui.screens.mastery import MasteryScreen
from tutor.tui.screens.quiz import QuizScreen

OBJECTIVES = load_chapter(paths.content_dir(), CHAPTER).objectives


def answers(objective: str, *outcomes: str, days: int = 5, quiz: str = "") -> None:
    """Answer questions that are said to test one objective, each another, some days ago."""
    store = Store.open(paths.database(), clock=lambda: local_now() - timedelta(days=days))
    try:
        if quiz:
            quiz = store.start_quiz("review", [f"q{n}" for n in range(len(outcomes))], 1, objectives=("a", "b"))
        for at, outcome in enumerate(outcomes):
            given: Any = {"response": "", "outcome": outcome, "score": 0.0, "context": "review", "quiz": quiz}
            store.record(log.Answer(item=f"q{at}", objectives=(objective,), **given), chapter=CHAPTER)
    finally:
        store.close()


def levels() -> None:
    """One objective at each level, in the order of the levels."""
    answers(OBJECTIVES[0].id, "right", "wrong")
    answers(OBJECTIVES[1].id, "right", "right", "right", "wrong")
    answers(OBJECTIVES[2].id, "right", "right", "right")
    answers(OBJECTIVES[3].id, "right", "right", "right")
    answers(OBJECTIVES[3].id, "right", days=1, quiz="mixed")


def row(learner: Learner, text: str) -> str:
    return next(" ".join(line.split()) for line in learner.text.splitlines() if text in line)


def about(learner: Learner) -> str:
    """The text below the list, also what is out of sight."""
    return str(learner.app.screen.query_one("#about-text", Static).content)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_the_map_has_a_mark_for_every_objective_and_names_the_levels(size: tuple[int, int]) -> None:
    levels()
    async with learning(size) as learner:
        await learner.press("m")
        await learner.on(MapScreen)
        marks = "".join(LEVEL_MARKS[level] for level in ("attempted", "familiar", "proficient", "mastered", "", ""))
        await learner.until(lambda: row(learner, "1  Linear Algebra").endswith(marks), "for the marks")
        assert len(set(LEVEL_MARKS.values())) == 5
        assert row(learner, "2  Calculus").endswith("○ open ·····")
        for objective, level in zip(OBJECTIVES, ("attempted", "familiar", "proficient", "mastered"), strict=False):
            assert f"{LEVEL_MARKS[level]} {level}: {objective.text[:1].lower()}{objective.text[1:]}" in about(learner)


async def test_every_objective_says_where_it_stands_why_and_what_would_raise_it() -> None:
    levels()
    async with learning((80, 24)) as learner:
        await learner.press("m", "k")
        await learner.on(MasteryScreen)
        await learner.sees("2 of 6 objectives proficient or mastered")
        for mark, level, share, raises, why in [
            ("◔", "attempted", "50 %", "without a hint, make it proficient", "familiar → attempted"),
            ("◑", "familiar", "75 %", "without a hint, make it proficient", "proficient → familiar"),
            ("◕", "proficient", "100 %", "A right answer on a later day", "3 of the last 3 questions right"),
            ("●", "mastered", "100 %", "a wrong answer would lower it", "right again on a later day"),
            ("·", "not tried", "", "Answer a question on it", ""),
        ]:
            listed = learner.part("#objectives")
            assert f"{mark} {level}{share and ' '}{share}" in listed
            await learner.until(
                lambda raises=raises, why=why: raises in learner.part("#mastery-about") and why in learner.words,
                f"for {raises!r}",
            )
            await learner.press("down")


async def test_enter_practises_and_what_came_of_it_is_there_on_the_way_back() -> None:
    lesson = lesson_of(paths.content_dir(), CHAPTER, OBJECTIVES[1].id)
    head = load_lesson(paths.content_dir(), CHAPTER, lesson).head
    assert any(OBJECTIVES[1].id in BANK[name].objectives for name in head.questions)
    async with learning((80, 24)) as learner:
        learner.app.open_target(f"mastery:{CHAPTER}")
        await learner.on(MasteryScreen)
        await learner.sees("0 of 6 objectives", "not tried")
        await learner.press("down", "enter")
        quiz = await learner.on(QuizScreen)
        assert quiz.context == f"lesson:{lesson}"
        await learner.press("escape")
        await learner.on(MasteryScreen)
        answers(OBJECTIVES[1].id, "right", days=0)
        await learner.press("l")
        assert (await learner.on(LessonScreen)).lesson_id == lesson
        await learner.press("escape")
        await learner.on(MasteryScreen)
        await learner.sees("◑ familiar 100 %", "Right answers to 2 other questions on it")


@pytest.mark.parametrize("opened", ["map", "chapter"])
async def test_a_chapter_not_begun_offers_its_placement_quiz_and_says_what_it_builds_on(opened: str) -> None:
    async with learning((80, 30)) as learner:
        await learner.press("m", "down", *(["enter"] if opened == "chapter" else []))
        await learner.on(ChapterScreen if opened == "chapter" else MapScreen)
        await learner.sees("v Test out")
        assert "It builds on Linear Algebra (0 of 6 proficient). That is advice: you may begin." in about(learner)
        await learner.press("v")
        assert (await learner.on(QuizScreen)).context == "placement:calculus"


async def test_a_chapter_that_was_begun_offers_no_placement_quiz() -> None:
    with progress() as store:
        store.record(log.Page(item="svd", page=1, pages=8), chapter=CHAPTER)
    async with learning((80, 24)) as learner:
        await learner.press("m")
        await learner.on(MapScreen)
        await learner.sees("k How well")
        await learner.misses("v Test out")
        await learner.press("v", "enter")
        await learner.on(ChapterScreen)
        await learner.misses("v Test out")


def test_the_changes_of_an_objective_come_newest_first_and_only_its_own() -> None:
    levels()
    with progress() as store:
        rows = standings(paths.content_dir(), CHAPTER, store)
    assert [row.objective for row in rows] == list(OBJECTIVES)
    assert [change.after for change in rows[3].changes] == ["mastered", "proficient", "familiar"]
    assert all(change.objective == row.objective.id for row in rows for change in row.changes)
    assert rows[4].changes == rows[5].changes == ()
