"""The quiz: every type by keyboard, saved before it is judged, left and resumed at the keystroke."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import Input
from tui_support import (
    BANK,
    CHAPTER,
    COURSE,
    Learner,
    answer_keys,
    asks,
    learning,
    open_quiz,
    progress,
    seed_quiz,
)

from tutor import paths
from tutor.course.load import load_chapter, load_lesson
from tutor.course.markup import plain
from tutor.course.model import Question
from tutor.progress import events as log
from tutor.progress.queue import select_checkpoint
from tutor.progress.store import Store
from tutor.tui.format import bar
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.quiz_summary import first_line
from tutor.tui.screens.today import TodayScreen
from tutor.tui.widgets.math_markdown import MathMarkdown

CHECKPOINT = load_chapter(paths.content_dir(), CHAPTER).checkpoint
TYPES = ("single_choice", "multiple_choice", "true_false", "numeric", "expression", "order", "self_graded")
TALL = (100, 70)
"""Where a question, its options with their reasons and its explanation fit without scrolling."""


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], asyncio.Event]:
    """Holds back what is drawn into the text of an id until the event is set."""
    update = MathMarkdown.update

    def hold(text: str) -> asyncio.Event:
        go_on = asyncio.Event()

        async def updating(widget: MathMarkdown, markdown: str) -> None:
            if widget.id == text:
                await go_on.wait()
            await update(widget, markdown)

        monkeypatch.setattr(MathMarkdown, "update", updating)
        return go_on

    return hold


def first(kind: str) -> Question:
    """The first question of a type in the checkpoint."""
    return next(BANK[question] for question in CHECKPOINT if BANK[question].type == kind)


def answers(question: str | None = None) -> list[log.Answer]:
    """The answers that another program finds in the log."""
    with progress() as store:
        return [row.event for row in store.events("answer", question) if isinstance(row.event, log.Answer)]


def says(learner: Learner, text: str, part: str) -> bool:
    return " ".join(plain(text).split()) in learner.part(part)


async def judged(learner: Learner, screen: QuizScreen) -> None:
    await learner.until(lambda: screen.query_one("#explanation").display, "for the explanation")
    await learner.settle()


def lesson_of(question: Question) -> str:
    """Title and page of what teaches a question."""
    lesson, _, page = question.lesson.partition("#")
    head = load_lesson(paths.content_dir(), CHAPTER, lesson).head
    return f"{head.section} {head.title}, page {page}"


def footer(screen: QuizScreen) -> set[str]:
    shown = [active.binding for active in screen.active_bindings.values() if active.binding.show and active.enabled]
    return {binding.description for binding in shown} - {"Help", "Leave"}


class Watch:
    """Sees to it that an answer is on the disk while no verdict stands on the screen."""

    def __init__(self) -> None:
        self.screen: QuizScreen | None = None
        self.saved: list[str] = []
        """Ids of the questions whose answer another program found in the file, before the verdict was drawn."""

    def verdict_is_drawn(self) -> bool:
        assert self.screen is not None
        return bool(self.screen.query_one("#verdict").display)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    record = Store.record

    def recording(store: Store, event: log.Event, **options: Any) -> str:
        if not isinstance(event, log.Answer):
            return record(store, event, **options)
        assert not watch.verdict_is_drawn()
        row = record(store, event, **options)
        assert not watch.verdict_is_drawn()
        db = sqlite3.connect(f"file:{paths.database()}?mode=ro", uri=True)
        watch.saved.extend(item for (item,) in db.execute("SELECT item FROM events WHERE id = ?", (row,)))
        db.close()
        return row

    monkeypatch.setattr(Store, "record", recording)
    return watch


def one_of_each() -> tuple[str, ...]:
    return tuple(first(kind).id for kind in TYPES)


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize(
    "ids",
    [one_of_each(), pytest.param(CHECKPOINT, marks=pytest.mark.full)],
    ids=["one of each", "the whole checkpoint"],
)
async def test_every_type_is_answered_by_keyboard_and_saved_before_it_is_judged(
    ids: tuple[str, ...], right: bool, watch: Watch
) -> None:
    seed_quiz(*ids)
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        watch.screen = screen
        for place, question_id in enumerate(ids, 1):
            question = await asks(learner, screen)
            assert question.id == question_id
            await learner.sees(f"question {place} of {len(ids)}")
            await learner.press(*answer_keys(screen, right))
            await judged(learner, screen)
            assert watch.saved == list(ids[:place])
            [given] = answers(question_id)
            assert (given.outcome, given.hints, given.revealed) == ("right" if right else "wrong", 0, False)
            check_verdict(learner, screen, question, right)
            await learner.press("enter")
        score = len(ids) if right else 0
        await learner.sees(f"{score} of {len(ids)} right at the first try")
        again = re.findall(r"read \d[^✓✗↻]+, page \d+", learner.part("#summary"))
        assert len(again) == len(ids) - score
        await learner.press("enter")
        await learner.on(TodayScreen)
        await learner.sees(f"✓ quiz Checkpoint {score} of {len(ids)} right")


def check_verdict(learner: Learner, screen: QuizScreen, question: Question, right: bool) -> None:
    verdict = learner.part("#verdict")
    assert ("✓ Right" in verdict) == right
    assert learner.part("#explanation")
    match question.type:
        case "single_choice" | "multiple_choice":
            # Every option says why, whichever was marked.
            for choice in question.choices:
                expected = choice.feedback
                if choice.correct:
                    expected = "✓ right" if right or question.type == "single_choice" else "✗ missed: it is right"
                assert says(learner, expected, "#answer")
        case "numeric" | "expression":
            assert learner.part("#explanation").startswith(f"Answer: {question.answer}")
            # The learner's own answer stays on the screen.
            assert says(learner, question.answer if right else question.wrong[0].answer, "#answer")
        case "true_false":
            assert learner.part("#explanation").startswith(f"Answer: {question.answer.capitalize()}")
        case "order" if not right:
            assert "Line " in verdict
            assert "✗" in learner.part("#answer")
            assert "A right order:" in learner.part("#explanation")
        case "self_graded":
            assert f"{len(question.rubric) if right else 0} of {len(question.rubric)} points." in verdict
            assert "mine" in learner.part("#answer")
    if not right and question.type in {"numeric", "expression", "true_false"}:
        assert says(learner, question.wrong[0].feedback, "#verdict")


@pytest.mark.parametrize(
    ("kind", "keys", "expected"),
    [
        ("numeric", [*"2,5 x", "enter"], "Expected a number such as"),
        ("expression", [*"d*(1", "enter"], "Expected a formula in d, m."),
        ("expression", [*"q", "enter"], "Expected a formula in d, m."),
        ("expression", [*"?", "enter"], "It does not count as an answer. F1 opens help."),
        ("numeric", [*"?", "enter"], "It does not count as an answer. F1 opens help."),
    ],
)
async def test_what_cannot_be_read_is_no_answer_and_says_what_was_expected(
    kind: str, keys: list[str], expected: str
) -> None:
    question = first(kind)
    seed_quiz(question.id)
    async with learning() as learner:
        screen = await open_quiz(learner)
        await learner.press(*keys)
        await learner.sees(expected, "It does not count as an answer.")
        assert screen.verdict is None
        assert answers() == []
        assert screen.query_one(Input).value == "".join(keys[:-1])
        # It goes when the learner goes on, and a right answer is still the first try.
        await learner.press(*["backspace"] * (len(keys) - 1))
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)
        assert "does not count" not in learner.words
        assert [given.outcome for given in answers()] == ["right"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("numeric", "Nothing to hand in yet."),
        ("multiple_choice", "Mark an option first: Space or its letter marks it."),
    ],
)
async def test_nothing_is_handed_in_before_there_is_an_answer(kind: str, expected: str) -> None:
    seed_quiz(first(kind).id)
    async with learning() as learner:
        screen = await open_quiz(learner)
        await learner.press("enter")
        await learner.sees(expected)
        assert answers() == []
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)
        assert expected not in learner.words
        assert [given.outcome for given in answers()] == ["right"]


async def test_hints_stay_and_come_back() -> None:
    question = first("numeric")
    seed_quiz(question.id)
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        await learner.press("3")
        for number in (1, 2):
            await learner.press("f3")
            await learner.until(lambda number=number: learner.part("#hints").count("Hint ") == number, "for a hint")
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        await learner.until(lambda: learner.part("#hints").count("Hint ") == 2, "for the hints")
        await learner.press("f3")
        await learner.until(lambda: learner.part("#hints").count("Hint ") == 3, "for the last hint")
        assert "Hint" not in footer(screen)
        await learner.press("f3")
        with progress() as store:
            assert [row.event for row in store.events("hint")] == [
                log.Hint(item=question.id, number=number) for number in (1, 2, 3)
            ]
        assert screen.query_one(Input).value == "3"
        await learner.press("backspace", *answer_keys(screen, True))
        await judged(learner, screen)
        assert answers()[0].hints == 3
        await learner.press("enter")
        await learner.sees("1 of 1 right")
        # A new round begins without them.
        await learner.press("w")
        await asks(learner, screen)
        assert screen.hints == 0
        assert not screen.query_one("#hints").display


async def test_an_answer_that_was_shown_counts_as_wrong() -> None:
    question = first("numeric")
    seed_quiz(question.id)
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        await learner.press("f4")
        await judged(learner, screen)
        await learner.sees("◇ Shown It counts as not known.", f"Answer: {question.answer}")
        with progress() as store:
            assert [type(row.event) for row in store.events()][1:] == [log.Reveal, log.Answer]
        await learner.press("r", *answer_keys(screen, True)[:-1], "f8")
        await judged(learner, screen)
        await learner.sees("✓ Right", "today if there is time, else")
        assert "such errors" not in learner.words
        assert [(given.outcome, given.revealed, given.response) for given in answers()] == [
            ("wrong", True, None),
            ("right", True, question.answer),
        ]
        await learner.press("enter")
        await learner.sees("0 of 1 right at the first try", "↻ ")
        assert "confident error" not in learner.words


async def test_free_recall_is_shown_on_request_until_it_is_compared() -> None:
    question = first("self_graded")
    seed_quiz(question.id)
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        await learner.press("f2")
        await learner.sees("let F4 show the model answer")
        await learner.press(*"words", "f2")
        assert "Show answer" not in footer(screen)
        await learner.press("f4")
        assert screen.verdict is None
        assert answers() == []
        await learner.press("f2", "f4")
        await judged(learner, screen)
        await learner.sees("◇ Shown", "Model answer:", " ".join(question.answer.split())[:40])
        (given,) = answers()
        assert (given.outcome, given.revealed) == ("wrong", True)


async def test_no_key_answers_a_question_that_is_not_seen_yet(held: Callable[[str], asyncio.Event]) -> None:
    numeric, other = first("numeric"), first("true_false")
    seed_quiz(numeric.id, other.id)
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)
        drawn = held("prompt")
        await learner.press("enter", "f4", "f3", "f9")
        drawn.set()
        await learner.until(lambda: screen.answer is not None, "for the second question")
        assert screen.verdict is None
        assert (screen.hints, len(answers())) == (0, 1)
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)


async def test_trying_again_keeps_what_was_typed() -> None:
    question = first("numeric")
    wrong = question.wrong[0].answer
    seed_quiz(question.id)
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        await learner.press(*answer_keys(screen, False))
        await judged(learner, screen)
        # What was typed can no longer be changed by accident.
        await learner.press("7")
        assert screen.query_one(Input).value == wrong
        await learner.press("r")
        assert screen.query_one(Input).value == wrong
        assert not screen.query_one("#verdict").display
        assert not screen.query_one("#explanation").display
        await learner.press(*["backspace"] * len(wrong), *answer_keys(screen, True))
        await judged(learner, screen)
        await learner.sees("✓ Right")
        assert "Try again" not in footer(screen)
        assert [given.response for given in answers()] == [wrong, question.answer]
        # The quiz counts the first try, the summary tells of the second.
        await learner.press("enter")
        await learner.sees("0 of 1 right at the first try", "↻ ")
        with progress() as store:
            quiz = store.last_quiz(f"checkpoint:{CHAPTER}")
            assert quiz is not None
            assert [given.outcome for given in quiz.answers] == ["wrong"]


@pytest.mark.parametrize("kind", ["single_choice", "multiple_choice", "true_false", "order", "self_graded"])
async def test_trying_again_keeps_marks_order_and_text(kind: str) -> None:
    seed_quiz(first(kind).id)
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        await learner.press(*answer_keys(screen, False))
        await judged(learner, screen)
        answer = screen.answer
        assert answer is not None
        before = answer.response()
        await learner.press("r")
        assert screen.verdict is None
        if kind == "self_graded":
            await learner.sees("mine")
            assert answer.response() is None
            await learner.press("f2")
        assert answer.response() == before
        assert "✗" not in learner.part("#answer")
        await learner.press("enter")
        await judged(learner, screen)
        assert [given.outcome for given in answers()] == ["wrong", "wrong"]


async def test_the_lesson_page_that_teaches_it_is_a_key_away() -> None:
    question = first("single_choice")
    seed_quiz(question.id)
    lesson, _, page = question.lesson.partition("#")
    async with learning() as learner:
        screen = await open_quiz(learner)
        await learner.press("l")
        assert learner.app.screen is screen, "before the answer the lesson would give it away"
        await learner.press(*answer_keys(screen, False))
        await judged(learner, screen)
        await learner.press("l")
        reading = await learner.on(LessonScreen)
        assert (reading.lesson_id, reading.page) == (lesson, int(page))
        await learner.press("escape")
        assert await learner.on(QuizScreen) is screen
        await learner.sees("✗ Wrong")
        await learner.press("enter")
        await learner.sees("0 of 1 right")


HALF = {
    "single_choice": ["b"],
    "multiple_choice": ["a", "c", "d", "c"],
    "true_false": ["b"],
    "numeric": [*"3."],
    "expression": [*"d*(1+"],
    "order": ["space", "down", "down"],
    "self_graded": [*"so far", "enter", *"[/b]"],
}


@pytest.mark.parametrize("kind", TYPES)
async def test_a_half_given_answer_waits_in_a_new_start(kind: str) -> None:
    question = first(kind)
    seed_quiz(question.id)
    async with learning() as learner:
        screen = await open_quiz(learner)
        fresh = learner.part("#answer")
        await learner.press(*HALF[kind])
        half = learner.part("#answer").replace("↕", "")
        assert half != fresh
        if kind in {"numeric", "self_graded"}:  # the others are left as by a closed terminal
            await learner.press("escape")
            await learner.on(TodayScreen)
    async with learning() as learner:
        screen = await open_quiz(learner)
        assert screen.question == question
        await learner.until(lambda: learner.part("#answer").split() == half.split(), "for the answer")
        assert answers() == []
        # It goes on at the very place.
        if kind == "numeric":
            await learner.press("5")
            assert screen.query_one(Input).value == "3.5"
            await learner.press("enter")
            assert [given.response for given in answers()] == ["3.5"]
            with progress() as store:
                assert store.draft(screen.draft_key) == ""


async def test_a_rubric_ticked_in_part_waits_too() -> None:
    question = first("self_graded")
    seed_quiz(question.id)
    async with learning(TALL) as learner:
        await open_quiz(learner)
        await learner.press(*"ab", "f2", "b", "down", "down", "space")
        await learner.sees("Model answer")
        half = learner.part("#answer")
        assert half.count("☑") == 2
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        await learner.until(lambda: learner.part("#answer") == half, "for the answer and its ticks")
        await learner.press("enter")
        await judged(learner, screen)
        assert [given.response for given in answers()] == [tuple(at in {1, 2} for at in range(len(question.rubric)))]


async def test_a_quiz_left_between_questions_goes_on_with_the_next() -> None:
    ids = (first("true_false").id, first("single_choice").id)
    seed_quiz(*ids)
    async with learning() as learner:
        screen = await open_quiz(learner)
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)
        await learner.press("escape")
        await learner.on(TodayScreen)
    async with learning() as learner:
        screen = await open_quiz(learner)
        assert screen.question == BANK[ids[1]]
        await learner.sees("question 2 of 2")
        await learner.press(*answer_keys(screen, True), "enter")
        await learner.sees("2 of 2 right at the first try")


async def test_a_finished_quiz_shows_its_end_until_a_new_round(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = (first("true_false").id, first("single_choice").id)
    seed_quiz(*ids)
    async with learning() as learner:
        screen = await open_quiz(learner)
        await learner.press(*answer_keys(screen, True), "enter")
        await asks(learner, screen)
        await learner.press(*answer_keys(screen, False), "enter")
        await learner.sees("1 of 2 right at the first try")
        await learner.press("escape")
        await learner.on(TodayScreen)
    async with learning() as learner:
        await learner.chooses(f"checkpoint:{CHAPTER}")
        screen = await learner.on(QuizScreen)
        await learner.sees("1 of 2 right at the first try", f"read {lesson_of(BANK[ids[1]])}")
        assert footer(screen) == {"Done", "Lesson", "New round", "Undo"}
        await learner.press("w")
        await asks(learner, screen)
        # A new round asks a selection of its own, whatever was asked before.
        await learner.sees(f"question 1 of {len(screen.round.quiz.questions)}")
        await learner.press("escape")
        await learner.on(TodayScreen)
    with progress() as store:
        starts = [row.event for row in store.events("quiz_start") if isinstance(row.event, log.QuizStart)]
    assert starts[0].questions == ids
    wanted = select_checkpoint(paths.content_dir(), COURSE, CHAPTER, starts[1].seed)
    assert (starts[1].questions, starts[1].objectives) == (wanted.ids, wanted.objectives)
    assert starts[0].seed != starts[1].seed


async def test_the_summary_opens_the_lesson_of_the_marked_question() -> None:
    ids = (first("true_false").id, first("single_choice").id, first("multiple_choice").id)
    seed_quiz(*ids)
    async with learning((80, 24)) as learner:
        screen = await open_quiz(learner)
        for right in (True, False, False):
            await asks(learner, screen)
            await learner.press(*answer_keys(screen, right), "enter")
        await learner.sees("1 of 3 right at the first try", "⏎ Done", "l Lesson")
        # The mark stands on the first that was not right.
        for question_id in ids[1:]:
            lesson, _, page = BANK[question_id].lesson.partition("#")
            await learner.sees(f"read {lesson_of(BANK[question_id])}")
            await learner.press("l")
            reading = await learner.on(LessonScreen)
            assert (reading.lesson_id, reading.page) == (lesson, int(page))
            await learner.press("escape")
            assert await learner.on(QuizScreen) is screen
            await learner.press("down")
        await learner.press("enter")
        await learner.on(TodayScreen)


@pytest.mark.parametrize("question", BANK.values(), ids=lambda question: question.id)
def test_a_question_is_cut_at_a_word(question: Question) -> None:
    line = first_line(question, ascii=False)
    words = plain(question.prompt).split()
    assert len(line) <= 68
    assert line.removesuffix(" …").split() == words[: len(line.removesuffix(" …").split())]


async def test_the_title_gives_way_to_where_the_learner_is() -> None:
    lesson = load_chapter(paths.content_dir(), CHAPTER).lessons[0]
    head = load_lesson(paths.content_dir(), CHAPTER, lesson).head
    async with learning((80, 24)) as learner:
        learner.app.open_target(f"practice:{lesson}")
        screen = await learner.on(QuizScreen)
        question = await asks(learner, screen)
        shown = learner.part("#quiz-head")
        # Of the title as much as there is room for, and no bar before it stands there whole.
        assert shown.startswith(f"{head.section} {head.title[:28]}")
        place = f"question 1 of {len(head.questions)} difficulty {question.difficulty}/10"
        assert shown.endswith(place)
        await learner.pilot.resize_terminal(110, 24)
        await learner.sees(f"{head.title}: practice question 1", f"{place} {bar(1 / len(head.questions), 12)}")
        await learner.pilot.resize_terminal(40, 12)
        await learner.sees(f"question 1 of {len(head.questions)} difficulty {question.difficulty}/10")


async def test_a_quiz_with_a_question_that_is_gone_begins_anew() -> None:
    seed_quiz("la-that-once-was", first("numeric").id)
    async with learning() as learner:
        await learner.chooses(f"checkpoint:{CHAPTER}")
        screen = await learner.on(QuizScreen)
        await asks(learner, screen)
        assert screen.round.quiz is not None
        assert "la-that-once-was" not in screen.round.quiz.questions


async def test_practice_asks_the_questions_of_the_lesson() -> None:
    lesson = load_chapter(paths.content_dir(), CHAPTER).lessons[0]
    head = load_lesson(paths.content_dir(), CHAPTER, lesson).head
    async with learning() as learner:
        await learner.press("enter")
        await learner.on(LessonScreen)
        await learner.press("a")
        screen = await learner.on(QuizScreen)
        question = await asks(learner, screen)
        assert screen.round.quiz is not None
        assert (question.id, screen.round.quiz.questions) == (head.questions[0], head.questions)
        await learner.sees(f"{head.section} {head.title}: practice", f"question 1 of {len(head.questions)}")
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)
        [given] = answers()
        assert given.context == f"lesson:{lesson}"
        await learner.press("escape")
        await learner.on(LessonScreen)


async def test_only_keys_that_do_something_are_offered() -> None:
    question = first("numeric")
    varies = question.template is not None and bool(question.template.variants)
    seed_quiz(question.id)
    async with learning((80, 24)) as learner:
        screen = await open_quiz(learner)
        assert footer(screen) == {"Hand in", "Hint", "Show answer"}
        await learner.press(*answer_keys(screen, False))
        await judged(learner, screen)
        others = {"Other numbers"} if varies else set()
        assert footer(screen) == {"Next", "Try again", "Lesson", "Undo", "Flag"} | others
        await learner.press("enter")
        await learner.sees("0 of 1 right")
        assert footer(screen) == {"Done", "Lesson", "New round", "Undo"}


async def test_a_verdict_is_seen_where_the_question_fills_the_screen() -> None:
    question = next(
        question for question in BANK.values() if question.type == "single_choice" and "```" in question.prompt
    )
    seed_quiz(question.id)
    async with learning((80, 24)) as learner:
        screen = await open_quiz(learner)
        await learner.press(*answer_keys(screen, False))
        await judged(learner, screen)
        await learner.sees("✗ Wrong")
        await learner.press("end")
        body = screen.query_one("#quiz-body")
        await learner.until(lambda: body.scroll_y == body.max_scroll_y > 0, "for the end of the page")


@pytest.mark.parametrize("leave", ["escape", "ctrl+q"])
@pytest.mark.parametrize(
    ("drawing", "keys"), [("prompt", []), ("hints", ["f3"]), ("explanation", ["5", "enter"])], ids=str
)
async def test_leaving_while_something_is_drawn(
    drawing: str, keys: list[str], leave: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_quiz(first("numeric").id)
    async with learning() as learner:
        update = MathMarkdown.update

        async def updating(widget: MathMarkdown, markdown: str) -> None:
            await update(widget, markdown)
            if widget.id == drawing and markdown:
                screen = widget.screen
                while screen.query("#quiz-page > *"):  # until the screen is being taken apart
                    await asyncio.sleep(0.01)

        monkeypatch.setattr(MathMarkdown, "update", updating)
        await learner.press("end", "enter")
        await learner.on(QuizScreen)
        await learner.press(*keys)
        if leave == "escape":
            await learner.press("escape")
            await learner.on(TodayScreen)
        else:
            await learner.leaves("ctrl+q")
            assert learner.app.return_code == 0


@pytest.mark.parametrize("key", ["enter", "r"])
async def test_an_explanation_that_comes_late_does_not_stand_under_the_next_try(
    key: str, held: Callable[[str], asyncio.Event]
) -> None:
    numeric, other = first("numeric"), first("true_false")
    seed_quiz(numeric.id, other.id)
    async with learning(TALL) as learner:
        screen = await open_quiz(learner)
        slow = held("explanation")
        await learner.press(*answer_keys(screen, False))
        await learner.sees("✗ Wrong")
        await learner.press(key)
        question = await asks(learner, screen)
        assert question == (other if key == "enter" else numeric)
        slow.set()
        await learner.until(
            lambda: not [worker for worker in screen.workers if worker.group == "explain"], "for the end"
        )
        assert not screen.query_one("#explanation").display
