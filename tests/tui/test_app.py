"""The application itself: how it starts, what it counts, and how it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tui_support import CHAPTER, learning, progress

from tutor import paths
from tutor.course.load import load_chapter, load_lesson
from tutor.errors import TutorError
from tutor.progress import events as log
from tutor.progress import store as store_module
from tutor.progress.store import Store
from tutor.tui import app as module
from tutor.tui.app import IDLE_SECONDS, TutorApp
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.map import MapScreen
from tutor.tui.screens.today import TodayScreen

LESSONS = load_chapter(paths.content_dir(), CHAPTER).lessons


def newer(path: Path) -> None:
    Store.open(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()


def no_database(path: Path) -> None:
    path.write_bytes(b"something else entirely\n" * 300)


SPOILT = pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (foreign, "not a progress file of genai-tutor"),
        (newer, "newer genai-tutor"),
        (no_database, "not a progress file"),
    ],
    ids=["foreign", "newer", "no database"],
)


@SPOILT
async def test_a_database_that_is_not_ours_ends_the_app_and_stays(
    home: Path, spoil: Callable[[Path], None], says: str
) -> None:
    home.mkdir()
    path = home / "progress.db"
    spoil(path)
    before = path.read_bytes()
    async with learning() as learner:
        await learner.leaves()
        assert learner.app.failure.startswith(f"{path}: ")
        assert says in learner.app.failure
        assert "\n" not in learner.app.failure
    assert path.read_bytes() == before
    assert list(home.iterdir()) == [path]


async def test_a_read_only_database_ends_the_app_and_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    path = home / "progress.db"
    Store.open(path).close()
    before = path.read_bytes()
    # What the system says of a file without the right to write; root may write them all.
    monkeypatch.setattr(store_module, "may_write", lambda place: place.is_dir())
    async with learning() as learner:
        await learner.leaves()
        assert learner.app.failure.startswith(f"{path}: cannot be written")
    assert path.read_bytes() == before


@SPOILT
async def test_a_key_typed_ahead_meets_the_same_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None], says: str
) -> None:
    home.mkdir()
    spoil(home / "progress.db")
    monkeypatch.setattr(TutorApp, "_after_first_paint", lambda app: None)
    app = TutorApp(start_host=False)
    async with app.run_test() as pilot:
        await pilot.press("enter")
        assert says in app.failure


async def test_what_cannot_be_opened_is_said(first_chapter_only: Path) -> None:
    async with learning() as learner:
        for target, says in [
            ("lesson:nowhere", "no lesson 'nowhere'"),
            ("lab:svd", "did you mean svd-digits"),
            ("practice:nowhere", "no lesson 'nowhere'"),
            ("checkpoint:nowhere", "no chapter 'nowhere'"),
            ("checkpoint:calculus", "has no content yet"),
            ("somewhere", "nothing to open at 'somewhere'"),
        ]:
            learner.app.open_target(target)
            await learner.hears(says)
            assert isinstance(learner.app.screen, TodayScreen)


async def test_learning_time_is_the_time_between_keys_without_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    async with learning() as learner:
        await learner.press("enter")
        await learner.on(LessonScreen)
        assert learner.app.store.seconds(CHAPTER) == 0
        clock.now += 50
        await learner.press("n")
        await learner.sees("page 2 of")
        assert learner.app.store.seconds(CHAPTER) == 50
        # A long break: it counts only as long as a page may take to read.
        clock.now += 3600
        await learner.press("n")
        await learner.sees("page 3 of")
        assert learner.app.store.seconds(CHAPTER) == 50 + IDLE_SECONDS
        # Keys in between keep the clock running.
        for _ in range(3):
            clock.now += IDLE_SECONDS - 1
            await learner.press("down")
        await learner.press("n")
        await learner.sees("page 4 of")
        assert learner.app.store.seconds(CHAPTER) == 50 + IDLE_SECONDS + 3 * (IDLE_SECONDS - 1)
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert sum(row.seconds for row in learner.app.store.events()) == learner.app.store.seconds(CHAPTER)


async def test_two_at_once_see_each_other_and_do_not_block() -> None:
    async with learning() as first:
        await first.press("enter")
        await first.on(LessonScreen)
        async with learning() as second:
            await second.sees("Enter continues with")
            await second.chooses(f"lesson:{LESSONS[1]}")
            await second.press("n")
            await second.sees("page 2 of")
            await first.press("n")
            await first.sees("page 2 of")
            await second.press("escape")
            await second.on(TodayScreen)
            total = len(load_lesson(paths.content_dir(), CHAPTER, LESSONS[0]).pages)
            await second.sees(f"page 2 of {total}")
    with progress() as store:
        pages = [(row.event.item, row.event.page) for row in store.events("page") if isinstance(row.event, log.Page)]
    assert pages == [(LESSONS[0], 1), (LESSONS[1], 1), (LESSONS[1], 2), (LESSONS[0], 2)]


@pytest.mark.parametrize("keys", [[], ["m"], ["enter"], ["question_mark"], ["ctrl+p"], ["end", "enter"]])
async def test_ctrl_q_leaves_from_every_screen(keys: list[str]) -> None:
    async with learning() as learner:
        await learner.press(*keys)
        await learner.leaves("ctrl+q")
        assert learner.app.failure == ""
    # The file is closed: another program finds all of it in one file.
    assert not paths.database().with_name("progress.db-wal").exists()


async def test_what_cannot_be_kept_on_leaving_is_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    async with learning() as learner:
        await learner.press("m")
        await learner.on(MapScreen)

        def full() -> None:
            raise TutorError("the disk is full")

        monkeypatch.setattr(MapScreen, "put_away", staticmethod(full), raising=False)
        await learner.leaves("ctrl+q")
        assert learner.app.failure == "the disk is full"


async def test_a_new_learner_gets_a_folder_and_nothing_else(home: Path) -> None:
    assert not home.exists()
    async with learning() as learner:
        await learner.leaves("q")
    assert [file.name for file in home.iterdir()] == ["progress.db"]
