"""Help: on every screen its own keys, first and with words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.screen import Screen
from tui_support import BANK, CHAPTER, Learner, learning, progress

from tutor.tui.screens.chapter import ChapterScreen
from tutor.tui.screens.help import FOOT, HelpScreen
from tutor.tui.screens.lab import LabScreen
from tutor.tui.screens.lesson import LessonScreen, PickScreen
from tutor.tui.screens.map import MapScreen
from tutor.tui.screens.predict import PredictScreen
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.source import SourceScreen
from tutor.tui.screens.today import TodayScreen

Way = Callable[[Learner], Awaitable[None]]


async def today(learner: Learner) -> None:
    await learner.on(TodayScreen)


async def course_map(learner: Learner) -> None:
    await learner.press("m")
    await learner.on(MapScreen)


async def lesson(learner: Learner) -> None:
    await learner.press("enter")
    await learner.on(LessonScreen)
    await learner.sees("run (r)")


async def lab(learner: Learner) -> None:
    await learner.chooses("lab:svd-digits")
    screen = await learner.on(LabScreen)
    await learner.until(lambda: screen.frame, "for the first frame")


async def source(learner: Learner) -> None:
    await lab(learner)
    await learner.press("s")
    await learner.on(SourceScreen)


async def quiz(learner: Learner) -> None:
    statement = next(question for question in BANK.values() if question.type == "true_false")
    with progress() as store:
        if store.last_quiz(f"checkpoint:{CHAPTER}") is None:
            store.start_quiz(f"checkpoint:{CHAPTER}", (statement.id,), 1)
    await learner.chooses(f"checkpoint:{CHAPTER}")
    screen = await learner.on(QuizScreen)
    await learner.until(lambda: screen.answer, "for the question")


async def quiz_verdict(learner: Learner) -> None:
    await quiz(learner)
    await learner.press("a", "enter")
    await learner.sees("Answer:")


async def chapter(learner: Learner) -> None:
    await course_map(learner)
    await learner.press("enter")
    await learner.on(ChapterScreen)


async def prediction(learner: Learner) -> None:
    await lab(learner)
    await learner.press("space")
    await learner.on(PredictScreen)


async def contents(learner: Learner) -> None:
    await lesson(learner)
    await learner.press("o")
    await learner.on(PickScreen)


def explained(screen: Screen[Any]) -> list[str]:
    """What is said of each thing that the screen's own keys do now."""
    # Copying selected text is what every text has, and so not told.
    declared = {getattr(binding, "action", "") for binding in screen.BINDINGS} - {"screen.copy_text"}
    texts: dict[str, str] = {}
    for active in screen.active_bindings.values():
        if active.node is screen and active.enabled and active.binding.action in declared:
            texts.setdefault(active.binding.action, active.binding.tooltip or active.binding.description)
    return list(texts.values())


@pytest.mark.parametrize(
    ("way", "keys"),
    [
        (
            today,
            {"⏎": "Open what is marked", "m": "All chapters, and how well you know them", "t": "Switch between dark"},
        ),
        (course_map, {"⏎": "Open the marked chapter", "Esc": "Back to where you were"}),
        (chapter, {"⏎": "Open what is marked", "Esc": "Back to where you were"}),
        (lesson, {"Tab": "Next formula, code or link", "y": "Copy the formula's LaTeX", "r": "Run"}),
        (
            lab,
            {
                "Space": "Run, or hold",
                ".": "One step",
                "g": "Start again with the next seed",
                "z": "One chart large",
                "→": "Raise the marked",
            },
        ),
        (source, {"y": "Copy the file", "Esc s q": "Back to the lab"}),
        (quiz, {"F3": "Show the next of three hints", "F4": "Give up on this one", "⏎": "Hand in the answer"}),
        (quiz_verdict, {"⏎": "Go to the next question", "l": "Read the page that teaches this"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_help_begins_with_the_keys_of_the_screen(way: Way, keys: dict[str, str]) -> None:
    # High enough for all of it.
    async with learning((110, 70)) as learner:
        await way(learner)
        below: Any = learner.app.screen
        own = explained(below)
        assert own
        await learner.press("question_mark")
        await learner.on(HelpScreen)
        shown = learner.part("#help")
        assert shown.startswith(f"{below.title} {' '.join(below.HELP.split())}")
        for name, text in keys.items():
            assert f" {name} {text}" in shown
        at = [shown.index(text) for text in own]
        assert max(at) < shown.index("Open the command palette")
        await learner.sees(FOOT)


@pytest.mark.parametrize("key", ["escape", "question_mark", "q", "enter"])
async def test_help_closes(key: str) -> None:
    async with learning() as learner:
        await learner.press("question_mark")
        await learner.on(HelpScreen)
        await learner.press(key)
        await learner.on(TodayScreen)
        assert len(learner.app.screen_stack) == 1


async def test_help_scrolls_where_it_does_not_fit() -> None:
    async with learning((80, 24)) as learner:
        await lab(learner)
        await learner.press("question_mark")
        await learner.on(HelpScreen)
        await learner.sees(FOOT)
        assert "Open the command palette" not in learner.words
        await learner.press("end")
        await learner.sees("Open the command palette", FOOT)


async def test_a_question_mark_can_be_typed_and_f1_helps_there() -> None:
    numeric = next(question for question in BANK.values() if question.type == "numeric")
    with progress() as store:
        store.start_quiz(f"checkpoint:{CHAPTER}", (numeric.id,), 1)
    async with learning() as learner:
        await quiz(learner)
        await learner.sees("F1 Help")
        assert "? Help" not in learner.words
        await learner.press("question_mark")
        assert isinstance(learner.app.screen, QuizScreen)
        assert learner.app.screen.answer is not None
        assert learner.app.screen.answer.response() == "?"
        await learner.press("f1")
        await learner.on(HelpScreen)
        await learner.sees("type as you would write")
        await learner.press("f1")
        await learner.on(QuizScreen)


@pytest.mark.parametrize(("way", "key"), [(prediction, "f1"), (contents, "question_mark")])
async def test_a_dialog_names_its_keys_and_the_one_that_helps(way: Way, key: str) -> None:
    async with learning((80, 24)) as learner:
        await way(learner)
        below: Any = learner.app.screen
        await learner.sees(f"{'F1' if key == 'f1' else '?'} Help")
        await learner.press(key)
        await learner.on(HelpScreen)
        await learner.sees(str(below.title), "Keys of this dialog")


@pytest.mark.parametrize("way", [today, course_map, chapter, lesson, lab, source, quiz, prediction, contents])
async def test_f1_helps_everywhere(way: Way) -> None:
    # High enough for all of it.
    async with learning((110, 70)) as learner:
        await way(learner)
        below: Any = learner.app.screen
        await learner.press("f1")
        await learner.on(HelpScreen)
        assert " ".join(below.HELP.split()) in learner.part("#help")
        await learner.press("f1")
        assert await learner.on(type(below)) is below
