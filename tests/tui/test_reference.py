"""The reference: found by typing, drawn in two dimensions, and a way into lessons and labs."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList
from tui_support import Learner, learning

from tutor import paths
from tutor.course.reference import KINDS, entries, find
from tutor.tui.screens.lab import LabScreen
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.reference import ReferenceScreen
from tutor.tui.screens.today import TodayScreen
from tutor.tui.widgets.math_markdown import FormulaBlock

CONTENT = paths.content_dir()


def listed(learner: Learner) -> list[str]:
    """The ids of the entries in the list."""
    options = learner.app.screen.query_one("#entries", OptionList).options
    return [option.id for option in options if option.id]


async def stands_on(learner: Learner, kind: str, name: str) -> ReferenceScreen:
    """Wait until an entry is drawn."""
    screen = await learner.on(ReferenceScreen)
    entry = find(CONTENT, kind, name)
    await learner.until(lambda: screen.entry == entry, f"for {name}")
    await learner.until(lambda: entry.title[:20] in learner.part("#entry"), f"for {name} to be drawn")
    return screen


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.full)])
async def test_an_equation_is_found_drawn_copied_and_leads_to_its_lesson_and_lab(size: tuple[int, int]) -> None:
    async with learning(size) as learner:
        await learner.press("f5")
        await learner.on(ReferenceScreen)
        await learner.press("slash", *"lang tempe")
        await learner.until(lambda: listed(learner) == ["langevin"], "for the filter")
        screen = await stands_on(learner, "equations", "langevin")
        [formula] = screen.query(FormulaBlock)
        assert "dx = -∇E(x) dt + ╰┘2D  dW" in formula.drawn
        await learner.sees("E: the energy", "Z: the constant")
        await learner.press("enter")
        await learner.sees("l Lab")
        await learner.press("y")
        await learner.until(lambda: learner.app.clipboard == screen.entry.latex, "for the copy")  # type: ignore[union-attr]
        await learner.press("enter")
        lesson = await learner.on(LessonScreen)
        assert (lesson.lesson_id, lesson.page) == ("langevin", 3)
        await learner.press("escape")
        await learner.on(ReferenceScreen)
        await learner.press("l")
        assert (await learner.on(LabScreen)).lab.id == "langevin-double-well"
        await learner.press("escape")
        await learner.on(ReferenceScreen)
        await learner.press("escape")
        await learner.until(lambda: len(listed(learner)) > 50, "for the filter to be cleared")
        await stands_on(learner, "equations", "langevin")
        await learner.press("escape")
        await learner.on(TodayScreen)


async def test_tab_goes_round_the_parts_and_each_keeps_its_place() -> None:
    async with learning((80, 24)) as learner:
        await learner.press("f5", "down")
        second = listed(learner)[1]
        await stands_on(learner, "equations", second)
        for kind in [*KINDS][1:]:
            await learner.press("tab")
            assert set(listed(learner)) == {entry.id for entry in entries(CONTENT, kind)}
            await stands_on(learner, kind, listed(learner)[0])
        await learner.press("tab")
        await stands_on(learner, "equations", second)
        await learner.press("shift+tab")
        await stands_on(learner, "next-steps", "1")


async def test_greek_is_typed_by_name_and_what_is_not_there_is_said() -> None:
    async with learning((80, 24)) as learner:
        learner.app.open_target("reference:glossary")
        await learner.on(ReferenceScreen)
        await learner.press("slash", *"kappa")
        await learner.until(lambda: "symbol-kappa" in listed(learner), "for κ")
        await learner.press(*"zz")
        await learner.sees("Nothing here holds “kappazz”")
        assert listed(learner) == []
        await learner.press("enter", "l", "y", "space", "left")
        await learner.on(ReferenceScreen)
        await learner.press("escape")
        await learner.until(lambda: len(listed(learner)) > 100, "for all entries")


async def test_hostile_words_are_only_words() -> None:
    async with learning((80, 24)) as learner:
        await learner.press("f5", "slash")
        screen = await learner.on(ReferenceScreen)
        for words in ("[/bold]", "[red]x", "\\sigma(", "*", "“”'\"", "x" * 10_000, "🙂"):
            screen.query_one(Input).value = words
            await learner.settle()
        await learner.sees("Nothing here holds")


async def test_an_entry_is_opened_by_its_name_and_a_wrong_one_is_said() -> None:
    async with learning((120, 40)) as learner:
        learner.app.open_target("reference:equations#none")
        await learner.hears("The reference has no 'none' among its key equations")
        await learner.on(TodayScreen)
        learner.app.open_target("reference:further-reading#ho-2020")
        screen = await stands_on(learner, "further-reading", "ho-2020")
        await learner.press("y")
        await learner.until(lambda: learner.app.clipboard == "https://arxiv.org/abs/2006.11239", "for the address")
        assert not screen.check_action("lab", ())


async def test_a_spoilt_part_is_said_and_the_others_stay(course_copy: Path) -> None:
    file = course_copy / "reference" / "glossary.toml"
    file.write_text("[[terms]]\nid = 1\n", "utf-8")
    async with learning((80, 24)) as learner:
        await learner.press("f5", "tab")
        await learner.sees("Expected `str`, got `int`")
        await learner.press("tab")
        await learner.sees("True is.")


async def test_a_long_entry_is_read_on_with_space() -> None:
    async with learning((80, 24)) as learner:
        learner.app.open_target("reference:equations#flow")
        screen = await stands_on(learner, "equations", "flow")
        body = screen.query_one("#entry")
        assert "only continuous ones" not in learner.words
        await learner.until(lambda: body.max_scroll_y > 0, "for the text")
        while body.scroll_y < body.max_scroll_y:
            before = body.scroll_y
            await learner.press("space")
            await learner.until(lambda before=before: body.scroll_y > before, "for the text to scroll")
        await learner.sees("Lab flow-2d")
        await learner.press("space")
        await learner.until(lambda: body.scroll_y == 0, "for the top")
