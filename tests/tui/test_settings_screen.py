"""Settings and your data: chosen with the arrows, kept at once; begun anew with counts first, and undone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Tree
from tui_support import CHAPTER, Learner, asks, learning, progress

from tutor import paths
from tutor.progress import events as log
from tutor.progress.events import ReviewSettings
from tutor.settings import Settings, load_settings
from tutor.tui.screens.data import DataScreen, ForgetScreen
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.settings import LOOKS, REVIEWS, SettingsScreen
from tutor.tui.screens.today import TodayScreen
from tutor.tui.widgets.dials import Dials


async def marks(learner: Learner, name: str) -> None:
    """Go to a setting with the arrows."""
    dials = learner.app.screen.query_one(Dials)
    names = [option.id for option in dials.options]
    assert dials.highlighted is not None
    by = names.index(name) - dials.highlighted
    await learner.press(*["down" if by > 0 else "up"] * abs(by))


def reviews() -> ReviewSettings:
    with progress() as store:
        return store.review_settings()


async def test_every_setting_that_has_few_values_stands_there_with_its_help() -> None:
    async with learning((80, 24)) as learner:
        await learner.press("o")
        await learner.on(SettingsScreen)
        assert {*LOOKS, "data"} == {field.name for field in dataclasses.fields(Settings)}
        assert set(REVIEWS) == set(ReviewSettings.__struct_fields__) - {"item"}
        await learner.sees("Formulas in plain ASCII ◂ off ▸")
        for name in [*LOOKS, *REVIEWS]:
            await marks(learner, name)
            text = LOOKS[name][1] if name in LOOKS else REVIEWS[name][3]
            await learner.until(lambda text=text: text in learner.part("#settings-help"), f"for {text!r}")


async def test_the_arrows_change_how_reviews_are_scheduled_within_the_limits() -> None:
    async with learning((80, 24)) as learner:
        await learner.press("o")
        await learner.on(SettingsScreen)
        await marks(learner, "retention")
        await learner.press("right", "right", "left")
        assert reviews().retention == 0.91
        await learner.press("pagedown", "right")
        await learner.sees("0.97")
        await learner.press(*["pageup"] * 5)
        await learner.sees("0.70")
        await marks(learner, "cap")
        await learner.press("pagedown", "left")
        await learner.sees("at most 26")
        await marks(learner, "fuzz")
        await learner.press("enter")
        assert reviews() == ReviewSettings(retention=0.70, cap=26, fuzz=False)
        rows = len(learner.app.store.events())
        await marks(learner, "retention")
        await learner.press("left")
        assert len(learner.app.store.events()) == rows


async def test_how_it_looks_is_kept_in_the_settings_file() -> None:
    async with learning((80, 24)) as learner:
        await learner.press("o")
        await learner.on(SettingsScreen)
        await marks(learner, "theme")
        await learner.press("right")
        assert learner.app.theme == "light"
        await marks(learner, "ascii_math")
        await learner.press("left")
        await learner.press("escape")
        await learner.on(TodayScreen)
    assert load_settings(paths.settings_file()) == Settings(theme="light", ascii_math=True)


def some_progress() -> None:
    given: Any = {"response": "", "outcome": "right", "score": 1.0, "context": "lesson:svd", "quiz": ""}
    with progress() as store:
        store.record(log.Page(item="svd", page=3, pages=8), chapter=CHAPTER, seconds=1800.0)
        store.record(log.Page(item="whitening", page=1, pages=8), chapter=CHAPTER)
        store.record(log.Answer(item="la-sigma-2x2", **given), chapter=CHAPTER)
        store.record(log.Flag(item="la-sigma-2x2", note="a sign [/bold] is wrong"), chapter=CHAPTER)


async def goes(learner: Learner, target: str) -> None:
    """Open all branches and put the cursor on a node."""
    tree = learner.app.screen.query_one(Tree)
    tree.root.expand_all()
    await learner.settle()
    nodes = [tree.get_node_at_line(line) for line in range(tree.last_line + 1)]
    at = next(line for line, node in enumerate(nodes) if node is not None and str(node.data).startswith(target))
    await learner.press(*["down"] * (at - tree.cursor_line))
    assert str(tree.cursor_node.data).startswith(target)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("all", "1 answer, 1 review card, 2 lessons, 0.5 h"),
        (f"chapter:{CHAPTER}", "1 answer, 1 review card, 2 lessons, 0.5 h"),
        ("lesson:svd", "1 answer, 1 review card, 1 lesson"),
        ("question:la-sigma-2x2", "1 answer, 1 review card"),
    ],
)
async def test_what_is_forgotten_is_counted_first_and_comes_back(target: str, says: str) -> None:
    some_progress()
    async with learning((80, 24)) as learner:
        await learner.press("o", "d")
        await learner.on(DataScreen)
        before = learner.app.store.query("SELECT * FROM lesson_state ORDER BY lesson")
        await goes(learner, target)
        await learner.until(lambda: f"x would forget {says}" in learner.part("#data-counts"), "for the counts")
        await learner.press("x")
        await learner.on(ForgetScreen)
        await learner.sees(f"This forgets {says}.")
        await learner.press("escape")
        await learner.on(DataScreen)
        assert learner.app.store.events(kind="reset") == []
        await learner.press("x")
        await learner.on(ForgetScreen)
        await learner.press("enter")
        await learner.on(DataScreen)
        [row] = learner.app.store.effective("reset")
        assert row.event.item == target
        await learner.until(lambda: "Forgotten; u brings it back." in learner.part("#data-counts"), "for the news")
        assert f"x would forget {says}" not in learner.part("#data-counts")
        assert learner.app.screen.query_one(Tree).root.children[0].is_expanded
        await learner.press("u")
        await learner.until(lambda: "It is all back." in learner.part("#data-counts"), "for the news")
        await learner.misses("u Undo")
        if not target.startswith("question:"):
            # A question that was forgotten has no line; the mark then stands on its neighbour.
            assert f"x would forget {says}." in learner.part("#data-counts")
        assert learner.app.store.query("SELECT * FROM lesson_state ORDER BY lesson") == before
        assert learner.app.store.effective("reset") == []


async def test_what_was_not_touched_cannot_be_forgotten() -> None:
    async with learning((80, 24)) as learner:
        learner.app.open_target("data")
        await learner.on(DataScreen)
        await learner.sees("There is nothing to forget")
        await learner.misses("x Begin anew")
        await learner.press("x", "u")
        assert learner.app.store.events() == []


async def test_flags_are_listed_and_can_be_taken_back() -> None:
    some_progress()
    async with learning((80, 24)) as learner:
        learner.app.open_target("data")
        await learner.on(DataScreen)
        await learner.sees("Flagged: 1 question", "la-sigma-2x2 a sign [/bold] is wrong")
        await goes(learner, "flag:")
        await learner.press("enter")
        assert (await asks(learner, await learner.on(QuizScreen))).id == "la-sigma-2x2"
        await learner.press("escape")
        await learner.on(DataScreen)
        await learner.press("x")
        await learner.misses("Flagged")
        assert learner.app.store.effective("flag") == []


async def test_e_writes_an_export_and_says_where(home: Path) -> None:
    some_progress()
    async with learning((80, 24)) as learner:
        learner.app.open_target("data")
        await learner.on(DataScreen)
        await learner.press("e")
        await learner.sees("Exported 4 rows to ")
    [file] = home.glob("progress-*.json")
    assert len(json.loads(file.read_text("utf-8"))["events"]) == 4
