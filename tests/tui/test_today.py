"""Today: the figures, the marks, and the one key that continues."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList
from tui_support import (
    BANK,
    CHAPTER,
    COURSE,
    Learner,
    answer_keys,
    learning,
    open_quiz,
    progress,
    screen_text,
    seed_quiz,
)

from tutor import paths
from tutor.course.load import load_chapter, load_lesson
from tutor.labs.client import LabHost
from tutor.labs.registry import get
from tutor.progress import events as log
from tutor.progress.plan import agenda
from tutor.progress.store import Store
from tutor.settings import load_settings
from tutor.tui.app import TutorApp
from tutor.tui.screens.lab import LabScreen
from tutor.tui.screens.lesson import LessonScreen, PickScreen
from tutor.tui.screens.map import MapScreen
from tutor.tui.screens.today import TodayScreen

WEEK = COURSE.weeks[0]
LESSONS = load_chapter(paths.content_dir(), CHAPTER).lessons


def head(lesson: str) -> Any:
    return load_lesson(paths.content_dir(), CHAPTER, lesson).head


def pages(lesson: str) -> int:
    return len(load_lesson(paths.content_dir(), CHAPTER, lesson).pages)


def row(learner: Learner, label: str) -> str:
    """The line of Today on which a step stands, its white space as one blank."""
    steps = learner.app.screen.query_one("#steps").region
    lines = learner.text.splitlines()[steps.y : steps.bottom]
    return next(" ".join(line.split()) for line in lines if label in line)


def marked(learner: Learner) -> str | None:
    option = learner.app.screen.query_one("#steps", OptionList).highlighted_option
    return None if option is None else option.id


async def test_the_week_stands_before_progress_is_read_and_the_figures_after(monkeypatch: pytest.MonkeyPatch) -> None:
    before: list[str] = []
    real = Store.open

    def opening(path: Path, **options: Any) -> Store:
        before.append(screen_text(app))
        return real(path, **options)

    monkeypatch.setattr(Store, "open", opening)
    app = TutorApp(start_host=False)
    async with app.run_test(size=(100, 34)) as pilot:
        learner = Learner(app, pilot)
        await learner.sees("0 of 14 steps")
        [first_paint] = before
        for text in ("Week 1 of 12", "Chapter 1", "Linear Algebra", WEEK.focus):
            assert text in first_paint
        assert "steps" not in first_paint
        await learner.sees("Week 1 of 12", WEEK.focus, "0 h of 6–8 h", "Enter starts " + head(LESSONS[0]).title)
        assert marked(learner) == f"lesson:{LESSONS[0]}"


async def test_enter_is_obeyed_before_progress_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with progress() as store:
        store.record(log.Page(item=LESSONS[2], page=2, pages=pages(LESSONS[2])))
    monkeypatch.setattr(TutorApp, "_after_first_paint", lambda app: None)
    app = TutorApp(start_host=False)
    async with app.run_test() as pilot:
        learner = Learner(app, pilot)
        assert not app.store_ready
        await learner.press("enter")
        lesson = await learner.on(LessonScreen)
        assert (lesson.lesson_id, lesson.page) == (LESSONS[2], 2)


async def test_the_chapter_is_listed_in_the_order_of_the_plan() -> None:
    with progress() as store:
        plan = agenda(paths.content_dir(), COURSE, store)
    async with learning() as learner:
        await learner.sees("0 of 14 steps")
        text = learner.words
        at = [text.index(step.label, text.index("Chapter", 60)) for step in plan.steps]
        assert at == sorted(at)
        assert len(at) == len(LESSONS) + 3 + 1
        for step in plan.steps:
            assert row(learner, step.label).startswith("○")


async def test_enter_continues_and_the_arrows_choose() -> None:
    async with learning() as learner:
        await learner.press("enter")
        lesson = await learner.on(LessonScreen)
        assert lesson.lesson_id == LESSONS[0]
        await learner.press("n")
        await learner.sees(f"page 2 of {pages(LESSONS[0])}")
        await learner.press("escape")
        await learner.on(TodayScreen)
        await learner.sees(f"Enter continues with {head(LESSONS[0]).title} page 2 of {pages(LESSONS[0])}")
        await learner.press("enter")
        await learner.sees(f"page 2 of {pages(LESSONS[0])}")
        await learner.press("escape")
        await learner.chooses(f"lesson:{LESSONS[3]}")
        assert (await learner.on(LessonScreen)).lesson_id == LESSONS[3]


async def test_marks_and_progress_change_with_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    last = LESSONS[-1]
    lab = get("svd-digits")
    async with learning() as learner:
        await learner.press("enter")
        await learner.on(LessonScreen)
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert row(learner, head(LESSONS[0]).title).startswith("◐")
        assert f"page 1 of {pages(LESSONS[0])}" in row(learner, head(LESSONS[0]).title)

        await learner.press("enter")
        await learner.on(LessonScreen)
        await learner.press("o")
        await learner.on(PickScreen)
        await learner.press("end", "enter")
        await learner.sees(f"page {pages(last)} of {pages(last)}")
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert row(learner, head(last).title).startswith("✓")
        await learner.sees("1 of 14 steps")

        with monkeypatch.context() as held:
            # A host that is slow to run: so far there is the prediction only.
            held.setattr(LabHost, "play", lambda host: None)
            await learner.chooses("lab:svd-digits")
            screen = await learner.on(LabScreen)
            await learner.until(lambda: screen.frame, "for the first frame")
            await learner.press("space", ".", "5", "enter")
            await learner.on(LabScreen)
            await learner.press("escape")
            await learner.on(TodayScreen)
            assert row(learner, lab.title).startswith("◐")
            assert "predicted" in row(learner, lab.title)

        await learner.chooses("lab:svd-digits")
        screen = await learner.on(LabScreen)
        await learner.until(lambda: screen.frame, "for the first frame")
        await learner.press("full_stop")
        await learner.until(lambda: screen.frame is not None and screen.frame.step == 1, "for a step")
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert row(learner, lab.title).startswith("◐")
        assert "1 run" in row(learner, lab.title)

        await learner.chooses("lab:svd-digits")
        screen = await learner.on(LabScreen)
        await learner.until(lambda: screen.frame, "for the first frame")
        await learner.press("plus", "plus", "plus", "space")
        await learner.until(lambda: screen.frame is not None and screen.frame.done, "for the end of the run")
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert row(learner, lab.title).startswith("✓")
        assert "2 runs" in row(learner, lab.title)
        await learner.sees("2 of 14 steps")

        seed_quiz("la-sigma-2x2", "la-null-space")
        quiz = await open_quiz(learner)
        await learner.press(*answer_keys(quiz, False))
        await learner.until(lambda: quiz.verdict, "for the verdict")
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert row(learner, "Checkpoint").startswith("◐")
        assert "question 2 of 2" in row(learner, "Checkpoint")


async def test_a_finished_chapter_says_so_and_keeps_its_result(first_chapter_only: Path) -> None:
    chapter = load_chapter(paths.content_dir(), CHAPTER)
    with progress() as store:
        for lesson in LESSONS:
            store.record(log.Page(item=lesson, page=pages(lesson), pages=pages(lesson)))
        for lab in chapter.labs:
            store.record(log.LabRun(item=lab, params={}, seed=0, changes=(), steps=1, scalars={}, checks={}, done=True))
        quiz = store.start_quiz(f"checkpoint:{CHAPTER}", chapter.checkpoint, 1)
        for at, question in enumerate(chapter.checkpoint):
            outcome: Any = "wrong" if at == 0 else "right"
            store.record(log.Answer(item=question, response="", outcome=outcome, score=0.0, context="", quiz=quiz))
    async with learning() as learner:
        await learner.sees("14 of 14 steps", "Chapter 1 is done. Week 2 is Calculus and Differential Equations")
        assert "11 of 12 right" in row(learner, "Checkpoint")
        await learner.press("enter")
        assert (await learner.on(LessonScreen)).lesson_id == LESSONS[0]


async def test_the_mark_follows_the_plan_but_not_before_it_moves() -> None:
    async with learning() as learner:
        await learner.press(*["down"] * 4)
        chosen = marked(learner)
        assert chosen == "lab:svd-digits"
        await learner.press("m")
        await learner.on(MapScreen)
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert marked(learner) == chosen
        # From the lesson that was chosen the learner goes on to another one: that is what continues now.
        await learner.chooses(f"lesson:{LESSONS[2]}")
        await learner.on(LessonScreen)
        await learner.press("o")
        await learner.on(PickScreen)
        await learner.press("end", "up", "enter")
        lesson = await learner.on(LessonScreen)
        await learner.until(lambda: lesson.lesson_id == LESSONS[-1], "for the last lesson")
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert marked(learner) == f"lesson:{LESSONS[-1]}"
        # A lab that was only looked at changes nothing: the mark stays where the learner put it.
        await learner.chooses("lab:whitening")
        await learner.on(LabScreen)
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert marked(learner) == "lab:whitening"
        await learner.sees(f"Enter continues with {head(LESSONS[-1]).title}")


async def test_what_continues_is_broken_where_it_can_be_read() -> None:
    """The longest title of the chapter, in the usual 80 columns."""
    longest = max(LESSONS, key=lambda lesson: len(head(lesson).title))
    with progress() as store:
        store.record(log.Page(item=longest, page=2, pages=pages(longest)))
    async with learning((80, 24)) as learner:
        await learner.sees(f"Enter continues with {head(longest).title}")
        region = learner.app.screen.query_one("#next").region
        lines = [line.strip() for line in learner.text.splitlines()[region.y : region.bottom]]
        assert lines[0].endswith(head(longest).title)
        assert re.fullmatch(rf"page 2 of {pages(longest)}, about \d+ min", lines[1])
        await learner.pilot.resize_terminal(120, 40)
        await learner.sees(f"{head(longest).title} page 2 of {pages(longest)}, about")


@pytest.mark.parametrize("size", [(20, 6), (40, 12), (40, 17), (40, 18), (80, 24)], ids=str)
async def test_the_steps_keep_three_rows_and_the_footer_the_way_out(size: tuple[int, int]) -> None:
    with progress() as store:
        store.record(log.Page(item=LESSONS[3], page=2, pages=pages(LESSONS[3])))
    async with learning(size) as learner:
        await learner.until(lambda: marked(learner) == f"lesson:{LESSONS[3]}", "for the steps")
        steps = learner.app.screen.query_one("#steps", OptionList)
        await learner.until(lambda: steps.region.height >= 3, "for three rows of steps")
        assert learner.app.screen.query_one("#today").region.contains_region(steps.region)
        at = steps.highlighted
        assert at is not None
        await learner.until(lambda: steps.scroll_y <= at < steps.scroll_y + steps.size.height, "for the marked step")
        footer = learner.text.splitlines()[-1]
        assert "q Quit" in footer
        assert "? Help" in footer
        assert ("o Settings" in footer) == (size[0] >= 80)
        await learner.press("enter")
        assert (await learner.on(LessonScreen)).lesson_id == LESSONS[3]


async def test_hours_are_those_of_the_log() -> None:
    with progress() as store:
        store.record(log.Page(item=LESSONS[0], page=1, pages=pages(LESSONS[0])), chapter=CHAPTER, seconds=2.5 * 3600)
    async with learning() as learner:
        await learner.sees("2.5 h of 6–8 h")


async def test_t_changes_the_theme_and_it_is_remembered() -> None:
    async with learning() as learner:
        assert learner.app.theme == "dark"
        await learner.press("t")
        assert learner.app.theme == "light"
        assert load_settings(paths.settings_file()).theme == "light"
    async with learning() as learner:
        assert learner.app.theme == "light"
        await learner.press("t")
        assert load_settings(paths.settings_file()).theme == "dark"


async def test_settings_that_cannot_be_written_leave_the_app_open() -> None:
    async with learning() as learner:
        paths.settings_file().write_text("theme = [", encoding="utf-8")
        await learner.press("t")
        await learner.hears("not remembered")
        assert learner.app.theme == "light"
        assert paths.settings_file().read_text(encoding="utf-8") == "theme = ["


@pytest.mark.parametrize("spoilt", ["chapter.toml", f"lessons/{LESSONS[1]}.md"])
async def test_a_broken_file_is_named_and_the_app_lives(course_copy: Path, spoilt: str) -> None:
    file = course_copy / "01-linear-algebra" / spoilt
    file.write_text('+++\nid = "x\n+++\n', encoding="utf-8")
    async with learning((140, 34)) as learner:
        line = 1 if spoilt == "chapter.toml" else 2
        # A long path is broken where the line ends.
        said = f"{file}:{line}:notTOML".replace(" ", "")
        await learner.until(lambda: said in "".join(learner.text.split()), f"for {said}")
        await learner.press("enter", "down", "enter")
        assert isinstance(learner.app.screen, TodayScreen)
        await learner.press("m")
        await learner.on(MapScreen)
        await learner.sees("unreadable")
        await learner.press("enter")
        await learner.hears(f"{file}:{line}:")
        assert isinstance(learner.app.screen, MapScreen)
        await learner.press("escape")
        await learner.on(TodayScreen)
        await learner.leaves("q")


async def test_broken_questions_keep_only_the_quiz_shut(course_copy: Path) -> None:
    file = course_copy / "01-linear-algebra" / "questions.toml"
    question = next(iter(BANK.values()))
    file.write_text(
        file.read_text(encoding="utf-8").replace(f'type = "{question.type}"', 'type = "riddle"', 1), "utf-8"
    )
    async with learning() as learner:
        await learner.press("end", "enter")
        await learner.hears(f"{file}:")
        await learner.hears("riddle")
        assert isinstance(learner.app.screen, TodayScreen)
        await learner.press("home", "enter")
        await learner.on(LessonScreen)


async def test_q_leaves() -> None:
    async with learning() as learner:
        await learner.leaves("q")
        assert learner.app.failure == ""
        assert learner.app.return_code == 0


async def test_the_footer_of_a_small_terminal_names_search_and_settings() -> None:
    async with learning((80, 24)) as learner:
        await learner.sees("/ Search", "o Settings", "q Quit", "? Help")
        await learner.press("p")
        await learner.sees("a Review ahead")
    async with learning((120, 40)) as learner:
        await learner.sees("a Review ahead", "r Cram", "? Help")
