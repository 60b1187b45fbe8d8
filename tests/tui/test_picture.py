"""The big picture: every chapter in it, where the learner stands, and the way into the chapters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tui_support import COURSE, Learner, learning, progress

from tutor import cli_verbs, paths
from tutor.course.load import load_chapter
from tutor.course.picture import COLUMNS, ROWS, beside, boxes, drawn, load_picture, picture_path, picture_problems
from tutor.progress import events as log
from tutor.tui.screens.chapter import ChapterScreen
from tutor.tui.screens.map import MapScreen
from tutor.tui.screens.picture import PictureScreen

CONTENT = paths.content_dir()
DRAWING = load_picture(CONTENT).drawing
BOXES = boxes(DRAWING)


def test_every_chapter_has_its_box_and_the_drawing_fits() -> None:
    assert picture_problems(CONTENT, COURSE) == []
    assert sorted(BOXES) == [stub.number for stub in COURSE.chapters]
    rows = drawn(DRAWING, {number: f"state {number}" for number in BOXES}, marked=5)
    assert len(rows) <= ROWS
    assert max(map(len, rows)) <= COLUMNS
    text = "\n".join(rows)
    for number in BOXES:
        assert f"state {number}" in text
    assert text.count("┏") == text.count("┛") == 1


def test_a_state_never_breaks_the_drawing() -> None:
    plain = drawn(DRAWING, {})
    long = drawn(DRAWING, dict.fromkeys(BOXES, "x" * 200))
    assert [len(row) for row in long] == [len(row) for row in plain]
    for box in BOXES.values():
        assert long[box.top + 2][box.right] == plain[box.top + 2][box.right]


def test_the_arrows_reach_every_box_and_stop_at_the_edges() -> None:
    seen, todo = {1}, [1]
    while todo:
        at = todo.pop()
        for way in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            to = beside(DRAWING, at, *way)
            if to not in seen:
                seen.add(to)
                todo.append(to)
    assert seen == set(BOXES)
    assert (beside(DRAWING, 1, -1, 0), beside(DRAWING, 1, 0, -1), beside(DRAWING, 9, 1, 0)) == (1, 1, 9)
    assert (beside(DRAWING, 1, 0, 1), beside(DRAWING, 1, 1, 0), beside(DRAWING, 6, 1, 0)) == (2, 5, 8)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("5 Probability", "0 Probability", "chapter 0 has no box, or a box is of no chapter"),
        ("│                  │", "│ something        │", "has no free row below its title"),
        ('chapter = "diffusion"', 'chapter = "calculus"', "is no chapter, or is told of twice"),
        ('gives = "samples', 'takes = "samples', "unknown field `takes`"),
        (" FOUNDATIONS", " FOUNDATIONS" + " " * 80, "columns of 78"),
    ],
)
def test_a_slip_in_the_picture_is_said(course_copy: Path, old: str, new: str, said: str) -> None:
    path = picture_path(course_copy)
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    assert any(said in str(problem) for problem in picture_problems(course_copy, COURSE))


async def stands(learner: Learner, *texts: str) -> PictureScreen:
    screen = await learner.on(PictureScreen)
    await learner.sees(*texts)
    return screen


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.full)])
async def test_it_shows_where_one_stands_and_opens_chapters(size: tuple[int, int]) -> None:
    lessons = load_chapter(CONTENT, "calculus").lessons
    with progress() as store:
        store.record(log.Page(item=lessons[0], page=1, pages=9), chapter="calculus")
    async with learning(size) as learner:
        await learner.press("m", "b")
        screen = await stands(learner, "▶ here", "◐ begun", "○ ahead", "9 Diffusion", "1 Linear Algebra")
        for node in load_picture(CONTENT).nodes:
            number = next(stub.number for stub in COURSE.chapters if stub.id == node.chapter)
            await learner.press(str(number))
            await learner.until(lambda node=node: node.gives[-20:] in learner.words, f"for {node.chapter}")
        await learner.press("1", "right", "down", "down", "right")
        await learner.until(lambda: screen.marked == 9, "for chapter 9")
        await learner.press("enter")
        assert (await learner.on(ChapterScreen)).chapter_id == "diffusion"
        await learner.press("escape")
        await learner.on(PictureScreen)
        await learner.press("escape")
        await learner.on(MapScreen)


async def test_a_chapter_without_content_is_said(first_chapter_only: Path) -> None:
    async with learning((80, 24)) as learner:
        learner.app.open_target("picture")
        await stands(learner, "○ ahead")
        await learner.press("9", "enter")
        await learner.hears("Chapter 9, Score-Based Diffusion, has no lessons yet.")


async def test_a_spoilt_picture_is_said(course_copy: Path) -> None:
    picture_path(course_copy).write_text("drawing = 1\n", "utf-8")
    async with learning((80, 24)) as learner:
        learner.app.open_target("picture")
        await stands(learner, "Expected `str`, got `int`")
        await learner.press("right", "5", "enter")
        await learner.on(PictureScreen)


def test_the_verb_draws_it_and_says_the_same_as_json() -> None:
    run = CliRunner().invoke
    assert "▶ here 0/" in run(cli_verbs.app, ["picture"]).output
    rows = json.loads(run(cli_verbs.app, ["picture", "--json"]).output)["chapters"]
    assert [row["chapter"] for row in rows] == [stub.id for stub in COURSE.chapters]
    assert rows[0]["state"] == "here"
    assert rows[8]["needs"] == ["probability", "stochastic-processes", "energy-models"]
