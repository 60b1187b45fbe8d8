"""The command palette finds every place of the course."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests_support import rest_in_full
from textual.command import CommandList, CommandPalette
from tui_support import CHAPTER, Learner, learning

from tutor import paths
from tutor.course.load import load_chapter, load_lesson
from tutor.tui.screens.chapter import ChapterScreen
from tutor.tui.screens.help import HelpScreen
from tutor.tui.screens.lab import LabScreen
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.map import MapScreen
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.today import TodayScreen

LINEAR_ALGEBRA = load_chapter(paths.content_dir(), CHAPTER)


async def offers(learner: Learner) -> list[str]:
    """All that the palette offers while nothing is typed."""
    await learner.press("ctrl+p")
    palette = await learner.on(CommandPalette)
    found = palette.query_one(CommandList)
    await learner.until(lambda: any("Today" in str(option.prompt) for option in found.options), "for the offers")
    return [str(option.prompt).splitlines()[0].strip() for option in found.options]


async def test_it_offers_every_lesson_lab_and_checkpoint() -> None:
    async with learning() as learner:
        offered = await offers(learner)
        for lesson in LINEAR_ALGEBRA.lessons:
            head = load_lesson(paths.content_dir(), CHAPTER, lesson).head
            assert f"Lesson {head.section} {head.title}" in offered
        for lab in LINEAR_ALGEBRA.labs:
            assert f"Lab {lab}" in offered
        assert f"Checkpoint {LINEAR_ALGEBRA.title}" in offered
        assert f"Chapter {LINEAR_ALGEBRA.number} {LINEAR_ALGEBRA.title}" in offered
        assert {"Today", "Course map", "Dark or light", "Help", "Quit"} <= set(offered)
        await learner.press("escape")
        await learner.on(TodayScreen)


@pytest.mark.parametrize("lesson", rest_in_full(LINEAR_ALGEBRA.lessons, 2))
async def test_it_opens_a_lesson(lesson: str) -> None:
    head = load_lesson(paths.content_dir(), CHAPTER, lesson).head
    async with learning() as learner:
        await learner.commands(head.title[-16:].lower(), f"Lesson {head.section} {head.title}")
        assert (await learner.on(LessonScreen)).lesson_id == lesson
        assert len(learner.app.screen_stack) == 2


@pytest.mark.parametrize("lab", LINEAR_ALGEBRA.labs)
async def test_it_opens_a_lab(lab: str) -> None:
    async with learning() as learner:
        await learner.commands(f"lab {lab[:5]}", f"Lab {lab}")
        assert (await learner.on(LabScreen)).lab.id == lab


async def test_it_opens_checkpoint_map_and_help() -> None:
    async with learning() as learner:
        await learner.commands("checkp", f"Checkpoint {LINEAR_ALGEBRA.title}")
        assert (await learner.on(QuizScreen)).context == f"checkpoint:{CHAPTER}"
        await learner.press("escape")
        await learner.on(TodayScreen)
        await learner.commands("map", "Course map")
        await learner.on(MapScreen)
        await learner.commands("help", "Help")
        await learner.on(HelpScreen)
        await learner.sees("The whole course; below")
        await learner.press("escape")
        await learner.on(MapScreen)
        await learner.commands("dark", "Dark or light")
        await learner.until(lambda: learner.app.theme == "light", "for the light theme")


async def test_today_is_reached_from_anywhere() -> None:
    async with learning() as learner:
        await learner.press("m", "enter")
        await learner.on(ChapterScreen)
        await learner.press("enter")
        await learner.on(LessonScreen)
        await learner.press("a")
        await learner.on(QuizScreen)
        await learner.commands("today", "Today")
        await learner.on(TodayScreen)
        assert len(learner.app.screen_stack) == 1


async def test_it_quits() -> None:
    async with learning() as learner:
        await learner.press("ctrl+p")
        await learner.on(CommandPalette)
        await learner.press(*"quit")
        await learner.sees("Leave; everything is saved")
        await learner.leaves("enter", "enter")


@pytest.mark.parametrize("spoilt", ["chapter.toml", "lessons/svd.md", "questions.toml"])
async def test_what_cannot_be_read_does_not_hide_the_rest(course_copy: Path, spoilt: str) -> None:
    (course_copy / "01-linear-algebra" / spoilt).write_text("+++\nid = 'x\n+++\n", encoding="utf-8")
    async with learning() as learner:
        offered = await offers(learner)
        assert {"Today", "Course map", "Quit"} <= set(offered)
        assert ("Lesson svd" in offered) == (spoilt == "lessons/svd.md")
        assert ("Lab whitening" in offered) == (spoilt != "chapter.toml")
