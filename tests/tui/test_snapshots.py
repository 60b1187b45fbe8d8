"""How the screens look: pictures to be judged by eye once and compared from then on.

After a wanted change: `pytest tests/tui/test_snapshots.py --snapshot-update`, then look at what changed.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import Input, TextArea
from tui_support import Learner, answer_keys, charts, drawn, open_quiz

from tutor import paths
from tutor.course.load import load_chapter
from tutor.labs.protocol import Frame
from tutor.progress import events as log
from tutor.progress.store import Store
from tutor.settings import Settings, save_settings
from tutor.tui.app import TutorApp
from tutor.tui.screens.ask_plan import StartScreen
from tutor.tui.screens.help import HelpScreen
from tutor.tui.screens.lab import LabScreen
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.map import MapScreen
from tutor.tui.screens.plan import PlanScreen
from tutor.tui.screens.statistics import StatisticsScreen
from tutor.tui.widgets.math_markdown import CodeBlock, FormulaBlock

SMALL, LARGE = (80, 24), (120, 40)
ROUNDING = 1e-9
MOMENT = datetime(2026, 2, 2, 18, tzinfo=UTC)
"""The learner's clock."""
Way = Callable[[Learner], Awaitable[None]]


async def today(learner: Learner) -> None:
    await learner.sees("0 of 14 steps")


async def plan(learner: Learner) -> None:
    """With the dialog of the first start on it."""
    await learner.press("p")
    await learner.on(PlanScreen)
    await learner.press("c")
    await learner.on(StartScreen)


async def course_map(learner: Learner) -> None:
    await learner.press("m")
    await learner.on(MapScreen)


async def statistics(learner: Learner) -> None:
    """Of three weeks in which three questions were asked four times."""
    for day in (21, 18, 10, 3):
        store = Store.open(paths.database(), clock=lambda day=day: MOMENT - timedelta(days=day))
        for at, outcome in enumerate(("right", "right", "wrong")):
            given: Any = {"outcome": outcome, "confidence": (0.25, 0.95, 0.75)[at], "objectives": ("la.svd",)}
            answer = log.Answer(item=f"q{at}", response="", score=0.0, context="review", quiz="", **given)
            store.record(answer, chapter="linear-algebra", seconds=2400.0)
        store.close()
    await learner.press("s")
    screen = await learner.on(StatisticsScreen)
    await learner.until(lambda: screen.pictures, "for the charts")
    await learner.until(
        lambda: all(len(screen.pictures.get(view.chart_id, ())) == view.size.height for view in charts(learner)),
        "for the charts in their places",
    )


async def lesson(learner: Learner) -> None:
    """A page with formulas and code."""
    learner.app.open_target("lesson:whitening#2")
    screen = await learner.on(LessonScreen)
    await learner.until(lambda: screen.query(CodeBlock) and screen.query(FormulaBlock), "for code and formulas")
    await learner.sees("page 2 of", "n/p Page")


async def derivation(learner: Learner) -> None:
    """A page that waits before its second step."""
    learner.app.open_target("lesson:whitening#3")
    await learner.sees("page 3 of", "next of 3 steps")
    await learner.press("space")
    await learner.sees("next of 2 steps")


def seed(learner: Learner, *questions: str) -> None:
    """Begin a checkpoint of these questions by the learner's clock, which verdicts tell the days of."""
    learner.app.store.start_quiz("checkpoint:linear-algebra", questions, 1, chapter="linear-algebra")


async def quiz_asked(learner: Learner) -> None:
    seed(learner, *load_chapter(paths.content_dir(), "linear-algebra").checkpoint)
    await open_quiz(learner)
    await learner.sees("question 1 of 12", "Hand in")


async def quiz_verdict(learner: Learner) -> None:
    seed(learner, "la-sigma-2x2")
    screen = await open_quiz(learner)
    await learner.press(*answer_keys(screen, False))
    await learner.until(lambda: screen.query_one("#explanation").display, "for the explanation")
    await learner.sees("✗ Wrong", "Try again")
    await learner.settle()
    # Whether there is more to read is known once the explanation has been laid out.
    body = screen.query_one("#quiz-body")
    await learner.until(lambda: ("Space Read on" in learner.words) is body.show_vertical_scrollbar, "for its key")


async def lab(learner: Learner) -> None:
    """The end of a run: what stands there then does not depend on the pace."""
    await learner.chooses("lab:svd-digits")
    screen = await learner.on(LabScreen)
    await learner.until(lambda: screen.frame, "for the first frame")
    await learner.press("plus", "plus", "plus", "space", *"0.5", "enter")
    await learner.until(lambda: screen.frame is not None and screen.frame.done, "for the end of the run")
    await learner.sees("You predicted 0.5")
    # The outcome has taken a few rows from the charts.
    await drawn(learner, screen)
    await learner.app.host.aclose()
    assert screen.frame is not None
    await learner.pilot.pause()
    screen._arrived(without_rounding(screen.frame))


def without_rounding(frame: Frame) -> Frame:
    """A frame in which figures at the level of rounding, which differ from machine to machine, are 0."""
    checks = [
        check._replace(measured=0.0 if abs(check.measured) < ROUNDING else check.measured) for check in frame.checks
    ]
    return replace(frame, checks=checks)


async def help_of_the_lesson(learner: Learner) -> None:
    await lesson(learner)
    await learner.press("question_mark")
    await learner.on(HelpScreen)


@pytest.fixture
def looks(
    first_chapter_only: Path, snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., bool]:
    """Compare what stands on the screen at the end of a way with its picture."""

    class Fixed(random.Random):
        """The quiz is shuffled by a seed from the system; here always the same."""

        def __init__(self) -> None:
            super().__init__(7)

    monkeypatch.setattr(random, "SystemRandom", Fixed)
    opened = Store.open
    monkeypatch.setattr(Store, "open", lambda path, **options: opened(path, **{"clock": lambda: MOMENT, **options}))

    def compare(way: Way, size: tuple[int, int], theme: str) -> bool:
        paths.home()
        save_settings(paths.settings_file(), Settings(), theme=theme)
        app = TutorApp(start_host=False)
        app.animation_level = "none"

        async def before(pilot: Pilot[Any]) -> None:
            learner = Learner(app, pilot)
            await learner.until(lambda: app.store_ready, "for the store")
            await way(learner)
            for field in app.screen.query("Input, TextArea"):
                assert isinstance(field, Input | TextArea)
                field.cursor_blink = False
            await learner.settle()

        return snap_compare(app, terminal_size=size, run_before=before)

    return compare


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    "way",
    [today, plan, course_map, statistics, lesson, derivation, quiz_asked, quiz_verdict, lab, help_of_the_lesson],
    ids=lambda way: way.__name__,
)
def test_dark(looks: Callable[..., bool], way: Way, size: tuple[int, int]) -> None:
    assert looks(way, size, "dark")


@pytest.mark.parametrize("way", [today, statistics, lesson, lab], ids=lambda way: way.__name__)
def test_light(looks: Callable[..., bool], way: Way) -> None:
    assert looks(way, LARGE, "light")
