"""What the garbage collector goes through: nothing keeps widgets that have gone."""

from __future__ import annotations

import gc
import weakref

from tests.tui_support import learning
from tutor.tui import collector
from tutor.tui.screens.lesson import LessonScreen


class Ring:
    """Something that only the collector gives back."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_spared_stays_until_all_is_settled() -> None:
    ring = Ring()
    seen = weakref.ref(ring)
    collector.spare()
    try:
        del ring
        gc.collect()
        assert seen() is not None
        collector.settle()
        assert seen() is None
    finally:
        gc.unfreeze()


async def test_pages_that_were_turned_are_given_back() -> None:
    async with learning() as learner:
        learner.app.open_target("lesson:svd#1")
        screen = await learner.on(LessonScreen)
        await learner.until(lambda: screen._ahead == ("svd", 2), "for the page and the next one")
        painted = [weakref.ref(widget._styles_cache) for widget in screen.text.query("*")]
        await learner.press("n")
        await learner.until(lambda: screen._ahead == ("svd", 3), "for the next page and the one after it")
        await learner.settle()
        gc.collect()
        assert painted
        assert not [lines for lines in painted if lines() is not None]
