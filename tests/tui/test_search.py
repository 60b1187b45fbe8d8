"""Search as a learner uses it: type, choose, open, come back."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input
from tui_support import BANK, CHAPTER, Learner, asks, learning

from tutor import paths
from tutor.course import search as module
from tutor.course.search import build, index_path
from tutor.tui.screens.help import HelpScreen
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.reference import ReferenceScreen
from tutor.tui.screens.search import SearchScreen
from tutor.tui.screens.today import TodayScreen

CONTENT = paths.content_dir()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The index of the course."""
    file = tmp_path_factory.mktemp("index") / "search.db"
    build(CONTENT, file)
    return file.read_bytes()


@pytest.fixture
def indexed(made: bytes) -> Path:
    """The index where the app finds it."""
    index_path().write_bytes(made)
    return index_path()


async def types(learner: Learner, words: str, found: str) -> SearchScreen:
    screen = await learner.on(SearchScreen)
    await learner.press(*words)
    await looked(learner, screen)
    await learner.sees(found)
    return screen


async def looked(learner: Learner, screen: SearchScreen) -> None:
    """Wait until the results are those of all that was typed."""
    await learner.until(lambda: not [worker for worker in screen.workers if worker.group == "look"], "for the results")


def marked(learner: Learner) -> str:
    """The row with the sign."""
    return next((line for line in learner.text.splitlines() if "❯" in line), "")


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.full)])
async def test_a_page_is_found_opened_and_the_results_wait(indexed: Path, size: tuple[int, int]) -> None:
    async with learning(size) as learner:
        await learner.press("slash")
        screen = await types(learner, "rotation of white", "Any rotation of white is white")
        assert "▸" in learner.text
        assert screen.results[0].target == "lesson:whitening#5"
        await learner.sees("↑↓ Choose ⏎ Open Esc Back")
        await learner.press("f1")
        await learner.on(HelpScreen)
        await learner.sees("⏎ Open what is marked", "↑↓ The next result")
        await learner.press("escape")
        await learner.press("enter")
        lesson = await learner.on(LessonScreen)
        assert (lesson.lesson_id, lesson.page) == ("whitening", 5)
        await learner.press("escape")
        await learner.on(SearchScreen)
        await learner.sees("Any rotation of white is white")
        await learner.press("escape")
        await learner.on(TodayScreen)


async def test_the_arrows_choose_while_one_types_on(indexed: Path) -> None:
    async with learning((80, 24)) as learner:
        await learner.press("f12")
        screen = await types(learner, "schrodinger", "Schrödinger bridge")
        await learner.until(lambda: "Schrödinger bridge" in marked(learner), "for the mark")
        await learner.press("down")
        await learner.until(lambda: "equation" in marked(learner), "for the mark")
        await learner.press("enter")
        reference = await learner.on(ReferenceScreen)
        await learner.until(lambda: reference.entry is not None and reference.entry.id == "schrodinger-bridge")
        await learner.press("escape")
        await learner.on(SearchScreen)
        await learner.press("space", *"zzzz")
        await learner.until(lambda: screen.results, "for results")
        await learner.press(*["backspace"] * 16)
        await learner.misses("results")
        await learner.press("enter", "down", "pagedown")
        await learner.on(SearchScreen)


async def test_nothing_found_is_said_and_no_text_is_an_operator(indexed: Path) -> None:
    async with learning((80, 24)) as learner:
        await learner.press("slash")
        screen = await types(learner, "qqqq", "Nothing found")
        field = screen.query_one(Input)
        for text in ('"', "svd* OR (", "[/bold]", "🙂", "x" * 10_000, "NEAR(svd"):
            field.value = text
            await learner.settle()
        await learner.sees("np.linalg.▸svd◂")


async def test_the_index_is_made_the_first_time_and_when_it_is_damaged() -> None:
    assert not index_path().exists()
    async with learning((80, 24)) as learner:
        await learner.press("slash")
        screen = await types(learner, "svd", "Singular value decomposition")
        index_path().write_bytes(b"not a database at all" * 100)
        await learner.press("backspace", "backspace")
        await learner.until(lambda: screen.results and "▸SVD◂" not in learner.text, "for the new index")
        assert index_path().read_bytes().startswith(b"SQLite format 3")
        assert paths.database().exists()


async def test_an_index_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutor.tui.screens.search.command", lambda content, index: ["false"])
    async with learning((80, 24)) as learner:
        await learner.press("slash")
        await learner.on(SearchScreen)
        await learner.sees("the search index cannot be made (its process was ended)")
        await learner.press(*"svd")
        await learner.sees("cannot be made")
        await learner.press("escape")
        await learner.on(TodayScreen)


async def test_one_may_leave_while_the_index_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutor.tui.screens.search.command", lambda content, index: ["sleep", "1000"])
    async with learning((80, 24)) as learner:
        await learner.press("slash")
        await learner.on(SearchScreen)
        await learner.sees("Reading the course")
        await learner.press("escape")
        await learner.on(TodayScreen)
        await learner.press("slash")
        await learner.sees("Reading the course")
        await learner.leaves("ctrl+q")


async def test_where_text_is_typed_a_slash_is_text(indexed: Path) -> None:
    from tui_support import seed_quiz

    seed_quiz("la-sigma-2x2")
    async with learning((80, 24)) as learner:
        await learner.chooses(f"checkpoint:{CHAPTER}")
        quiz = await learner.on(QuizScreen)
        await learner.until(lambda: quiz.query(Input), "for the question")
        await learner.press(*"1/3")
        await learner.until(lambda: quiz.query_one(Input).value == "1/3", "for the answer")
        await learner.press("f12")
        await learner.on(SearchScreen)
        await learner.press("escape")
        await learner.on(QuizScreen)
        assert quiz.query_one(Input).value == "1/3"


async def test_the_palette_offers_it(indexed: Path) -> None:
    async with learning((80, 24)) as learner:
        await learner.commands("search", "Search")
        await learner.on(SearchScreen)


def test_the_module_that_makes_it_is_the_one_that_reads_it() -> None:
    assert module.command(CONTENT, index_path())[-3:] == ["tutor.course.search", str(CONTENT), str(index_path())]


async def test_a_question_is_asked_and_asked_anew_the_next_time(indexed: Path) -> None:
    async with learning((80, 24)) as learner:
        await learner.press("slash")
        screen = await learner.on(SearchScreen)
        await learner.press(*"whitening")
        await looked(learner, screen)
        ways = {f"question:{question.id}" for question in BANK.values() if question.type != "self_graded"}
        at = next(at for at, result in enumerate(screen.results) if result.target in ways)
        await learner.press(*["down"] * at, "enter")
        for _ in range(2):
            quiz = await learner.on(QuizScreen)
            question = await asks(learner, quiz)
            assert f"question:{question.id}" == screen.results[at].target
            assert quiz.question is question
            await learner.press("f4")
            await learner.until(lambda quiz=quiz: quiz.verdict is not None, "for the verdict")  # type: ignore[misc]
            await learner.press("enter")
            await learner.sees("0 of 1 right")
            await learner.press("enter")
            await learner.on(SearchScreen)
            await learner.press("enter")
