"""Show me the code: the kernels of a lab, exactly as they are on disk."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from tests_support import rest_in_full
from tui_support import CHAPTER, learning

from tutor.course.load import load_chapter
from tutor.labs.registry import get
from tutor.paths import content_dir
from tutor.tui.screens.lab import LabScreen
from tutor.tui.screens.source import SourceScreen

LABS = load_chapter(content_dir(), CHAPTER).labs


def on_disk(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


@pytest.mark.parametrize("lab", rest_in_full(LABS))
async def test_the_files_stand_there_line_by_line(lab: str) -> None:
    modules = get(lab).source
    # Higher than any file is long.
    async with learning((140, max(len(on_disk(module).splitlines()) for module in modules) + 10)) as learner:
        await learner.chooses(f"lab:{lab}")
        await learner.on(LabScreen)
        await learner.press("s")
        source = await learner.on(SourceScreen)
        for module in modules:
            await learner.sees(module.replace(".", "/") + ".py")
            shown = {" ".join(line.strip("│ ").split(maxsplit=1)).rstrip() for line in learner.text.splitlines()[1:]}
            for number, line in enumerate(on_disk(module).splitlines(), 1):
                assert f"{number} {line.strip()}".strip() in shown
            await learner.press("y")
            assert learner.app.clipboard == source.text == on_disk(module)
            await learner.press("tab")
        await learner.press("escape")
        await learner.on(LabScreen)


async def test_it_scrolls_and_closes() -> None:
    async with learning((100, 24)) as learner:
        await learner.chooses("lab:svd-digits")
        await learner.on(LabScreen)
        for key in ("escape", "s", "q"):
            await learner.press("s")
            screen = await learner.on(SourceScreen)
            body = screen.query_one("#source-body")
            await learner.press("pagedown")
            await learner.until(lambda body=body: body.scroll_y > 0, "for the next page")
            await learner.press("G")
            await learner.until(lambda body=body: body.scroll_y == body.max_scroll_y, "for the end")
            await learner.sees(" ".join(on_disk("kernels.svd").splitlines()[-1].split()))
            await learner.press("g")
            await learner.until(lambda body=body: body.scroll_y == 0, "for the top")
            await learner.press(key)
            await learner.on(LabScreen)


async def test_several_files_are_gone_through_in_a_ring() -> None:
    async with learning() as learner:
        screen = SourceScreen(("kernels.svd", "kernels.whitening"))
        learner.app.push_screen(screen)
        await learner.sees("kernels/svd.py 1 of 2", "Next file")
        await learner.press("tab")
        await learner.sees("kernels/whitening.py 2 of 2")
        assert screen.text == on_disk("kernels.whitening")
        await learner.press("n")
        await learner.sees("kernels/svd.py 1 of 2")


async def test_one_file_has_no_next() -> None:
    async with learning() as learner:
        learner.app.push_screen(SourceScreen(("kernels.svd",)))
        await learner.sees("kernels/svd.py")
        assert "Next file" not in learner.words
        await learner.press("tab", "n")
        await learner.sees("kernels/svd.py")
