"""The course map: the whole plan, and the way into what is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import OptionList
from tui_support import CHAPTER, COURSE, Learner, learning, progress

from tutor import paths
from tutor.course.load import is_written, load_chapter, load_lesson
from tutor.progress import events as log
from tutor.progress.plan import steps
from tutor.tui.screens.chapter import ChapterScreen
from tutor.tui.screens.lab import LabScreen
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.map import MapScreen
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.today import TodayScreen
from tutor.tui.widgets.chapter_about import ChapterAbout


def lines(learner: Learner) -> list[str]:
    """The rows of the list, white space as one blank, without the marks of the objectives at their ends."""
    weeks = learner.app.screen.query_one("#weeks").region
    return [" ".join(line.split()).rstrip(" ·") for line in learner.text.splitlines()[weeks.y : weeks.bottom]]


def about(learner: Learner) -> str:
    region = learner.app.screen.query_one("#map-about").region
    return " ".join(" ".join(learner.text.splitlines()[region.y : region.bottom]).split())


def chapter_at(learner: Learner) -> str | None:
    option = learner.app.screen.query_one(OptionList).highlighted_option
    return None if option is None else option.id


async def test_all_weeks_and_chapters_of_the_course_stand_there() -> None:
    assert (COURSE.weeks[-1].last, len(COURSE.chapters)) == (12, 9)
    async with learning((100, 40)) as learner:
        await learner.press("m")
        await learner.on(MapScreen)
        await learner.sees(COURSE.title, "12 weeks, 69–87 h", *dict.fromkeys(stub.part for stub in COURSE.chapters))
        rows = lines(learner)
        for week in COURSE.weeks:
            stub = next(stub for stub in COURSE.chapters if stub.id == week.chapter)
            span = f"Week {week.first}" if week.first == week.last else f"Week {week.first}–{week.last}"
            state = "○ open" if is_written(paths.content_dir(), stub.id) else "planned"
            hours = f"{week.hours[0]:g}–{week.hours[1]:g} h"
            assert f"{span} {stub.number} {stub.title} {hours} {state}" in rows


async def test_weeks_are_those_of_the_learners_own_pace() -> None:
    with progress() as store:
        store.record(log.PlanStart(start=store.now().date().isoformat(), weeks=10))
    async with learning((100, 40)) as learner:
        await learner.press("m")
        await learner.on(MapScreen)
        await learner.sees("10 weeks, 69–87 h", "Week 7 7 Stochastic Processes", "Week 9–10 9 Score-Based Diffusion")
        await learner.press("end", "enter")
        await learner.on(ChapterScreen)
        await learner.sees("Week 9–10, 12–15 h")


async def test_the_arrows_reach_every_chapter_and_say_its_focus() -> None:
    async with learning((80, 24)) as learner:
        await learner.press("m")
        await learner.on(MapScreen)
        for place, week in enumerate(COURSE.weeks):
            if place:
                await learner.press("down")
            await learner.until(lambda week=week: week.focus in about(learner), f"for {week.focus!r}")
            assert chapter_at(learner) == week.chapter
            assert ("Planned; its lessons are not written yet." in about(learner)) != is_written(
                paths.content_dir(), week.chapter
            )


async def test_a_planned_chapter_cannot_be_opened_and_says_so(first_chapter_only: Path) -> None:
    async with learning() as learner:
        await learner.press("m")
        await learner.on(MapScreen)
        assert "Week 2 2 Calculus and Differential Equations 6–8 h planned" in lines(learner)
        await learner.press("down", "enter")
        await learner.hears(
            "Chapter 2, Calculus and Differential Equations, is planned for week 2; it has no lessons yet."
        )
        assert isinstance(learner.app.screen, MapScreen)
        assert len(learner.app.screen_stack) == 2


async def test_a_written_chapter_opens_with_the_mark_where_it_was_left() -> None:
    lesson = load_chapter(paths.content_dir(), CHAPTER).lessons[1]
    total = len(load_lesson(paths.content_dir(), CHAPTER, lesson).pages)
    async with learning() as learner:
        await learner.chooses(f"lesson:{lesson}")
        await learner.press("n", "n")
        await learner.sees(f"page 3 of {total}")
        await learner.press("escape")
        await learner.on(TodayScreen)
        await learner.press("m", "enter")
        await learner.on(ChapterScreen)
        await learner.press("enter")
        screen = await learner.on(LessonScreen)
        assert (screen.lesson_id, screen.page) == (lesson, 3)
        await learner.press("escape")
        await learner.on(ChapterScreen)
        await learner.press("escape")
        await learner.on(MapScreen)
        assert "Week 1 1 Linear Algebra 6–8 h ◐ 0/14 steps" in lines(learner)
        await learner.press("escape")
        await learner.on(TodayScreen)


async def test_every_step_of_a_chapter_that_is_not_the_current_one_can_be_opened() -> None:
    with progress() as store:
        rows = steps(paths.content_dir(), "calculus", store)
    async with learning((80, 24)) as learner:
        await learner.press("m", "down", "enter")
        await learner.on(ChapterScreen)
        for row in rows:
            await learner.sees(row.label)
            assert chapter_at(learner) == row.target
            await learner.press("down")
        assert chapter_at(learner) == rows[0].target
        lab = next(row.target for row in rows if row.target.startswith("lab:"))
        await learner.press(*["down"] * [row.target for row in rows].index(lab), "enter")
        assert (await learner.on(LabScreen)).lab.id == lab.removeprefix("lab:")
        await learner.press("escape")
        await learner.on(ChapterScreen)
        assert chapter_at(learner) == lab
        await learner.press("end", "enter")
        assert (await learner.on(QuizScreen)).context == "checkpoint:calculus"
        await learner.press("escape")
        await learner.on(ChapterScreen)
        await learner.press("escape")
        await learner.on(MapScreen)


@pytest.mark.parametrize("opened", ["map", "chapter"])
async def test_what_a_chapter_is_for_can_be_read_to_its_end(opened: str) -> None:
    chapter = load_chapter(paths.content_dir(), CHAPTER)
    # A scroll bar may stand between two rows of it.
    end = " ".join(chapter.objectives[-1].text.split()[-3:])
    async with learning((80, 24)) as learner:
        await learner.press("m", *(["enter"] if opened == "chapter" else []))
        await learner.on(ChapterScreen if opened == "chapter" else MapScreen)
        await learner.sees("Space Read on")
        assert end not in learner.words
        text = learner.app.screen.query_one(ChapterAbout)
        while text.scroll_y < text.max_scroll_y:
            before = text.scroll_y
            await learner.press("space")
            await learner.until(lambda before=before: text.scroll_y > before, "for the text to scroll")
        await learner.sees(end)
        await learner.press("space")
        await learner.until(lambda: text.scroll_y == 0, "for the top of the text")


async def test_a_text_that_is_seen_whole_offers_no_scrolling() -> None:
    async with learning((120, 60)) as learner:
        await learner.press("m")
        await learner.on(MapScreen)
        await learner.sees("After it you can")
        await learner.misses("Read on")


async def test_progress_made_elsewhere_shows_when_the_map_is_seen_again() -> None:
    last = load_chapter(paths.content_dir(), CHAPTER).lessons[-1]
    async with learning() as learner:
        await learner.press("m")
        await learner.on(MapScreen)
        assert "Week 1 1 Linear Algebra 6–8 h ○ open" in lines(learner)
        with progress() as other:
            other.record(log.Page(item=last, page=9, pages=9))
        await learner.press("question_mark", "escape")
        await learner.on(MapScreen)
        await learner.until(lambda: "Week 1 1 Linear Algebra 6–8 h ◐ 1/14 steps" in lines(learner), "for the progress")
        assert chapter_at(learner) == CHAPTER


@pytest.mark.parametrize("spoilt", ["chapter.toml", "lessons/svd.md"])
async def test_a_chapter_that_cannot_be_read_is_said_and_the_map_stays(course_copy: Path, spoilt: str) -> None:
    file = course_copy / "01-linear-algebra" / spoilt
    file.write_text("+++\nid = 'x\n+++\n", encoding="utf-8")
    async with learning() as learner:
        await learner.press("m")
        await learner.on(MapScreen)
        assert "Week 1 1 Linear Algebra 6–8 h unreadable" in lines(learner)
        await learner.press("enter")
        await learner.hears(f"{file}:")
        assert isinstance(learner.app.screen, MapScreen)


@pytest.mark.parametrize("opened", ["map", "chapter"])
async def test_a_placement_quiz_left_in_the_middle_is_offered_until_it_is_done(opened: str) -> None:
    [question] = load_chapter(paths.content_dir(), CHAPTER).checkpoint[:1]
    with progress() as store:
        quiz = store.start_quiz(f"placement:{CHAPTER}", (question,), 1, chapter=CHAPTER)
        objective = load_chapter(paths.content_dir(), CHAPTER).objectives[0].id
        store.record(
            log.Answer(
                item=question,
                response="",
                outcome="right",
                score=1.0,
                context=f"placement:{CHAPTER}",
                quiz="",
                objectives=(objective,),
            ),
            chapter=CHAPTER,
        )
        store.record(log.Page(item="svd", page=2, pages=8), chapter=CHAPTER)
    async with learning((100, 34)) as learner:
        await learner.press("m", *(["enter"] if opened == "chapter" else []))
        await learner.sees("Its placement quiz is open: v goes on with it", "v Test out")
        await learner.press("v")
        screen = await learner.on(QuizScreen)
        assert screen.context == f"placement:{CHAPTER}"
        with progress() as store:
            open_one = store.open_quiz(screen.context)
            assert open_one is not None
            assert open_one.id == quiz
