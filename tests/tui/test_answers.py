"""The ways to answer, key by key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from textual.widgets import Input, TextArea
from tui_support import BANK, CHAPTER, Learner, learning, open_quiz, progress, seed_quiz

from tutor.course.grade import present
from tutor.course.load import load_chapter
from tutor.course.markup import plain
from tutor.course.ordering import first_wrong
from tutor.paths import content_dir
from tutor.progress import events as log
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.today import TodayScreen
from tutor.tui.widgets.answers import LETTERS, Answer, AnswerList, ChoiceAnswer, OrderAnswer

CHECKPOINT = load_chapter(content_dir(), CHAPTER).checkpoint


def first(kind: str) -> str:
    return next(question for question in CHECKPOINT if BANK[question].type == kind)


async def asked(learner: Learner, kind: str) -> Any:
    """Open a question of this type and return the widget in which it is answered."""
    screen = await open_quiz(learner)
    assert screen.question is not None
    assert screen.question.type == kind
    return screen.answer


def draft() -> str:
    """What another program finds of the half-given answer."""
    with progress() as store:
        quiz = store.last_quiz(f"checkpoint:{CHAPTER}")
        assert quiz is not None
        return store.draft(f"quiz:{quiz.id}:{quiz.questions[0]}")


def given() -> list[object]:
    with progress() as store:
        return [row.event.response for row in store.events("answer") if isinstance(row.event, log.Answer)]


async def test_one_option_at_a_time_by_letter_or_space() -> None:
    seed_quiz(first("single_choice"))
    async with learning() as learner:
        answer = await asked(learner, "single_choice")
        assert answer.response() is None
        await learner.press("c")
        assert answer.response() == (answer.order[2],)
        assert learner.part("#answer").count("◉") == 1
        await learner.press("a")
        assert answer.response() == (answer.order[0],)
        await learner.press("down", "space")
        assert answer.response() == (answer.order[1],)
        assert json.loads(draft()) == [answer.order[1]]
        # A letter for which there is no option does nothing.
        await learner.press("p", "7")
        assert answer.response() == (answer.order[1],)
        assert given() == []


@pytest.mark.parametrize("kind", ["single_choice", "true_false"])
async def test_enter_hands_in_what_is_marked_wherever_the_cursor_stands(kind: str) -> None:
    seed_quiz(first(kind))
    async with learning() as learner:
        answer = await asked(learner, kind)
        await learner.press("b", "up", "enter")
        assert given() == ["false" if kind == "true_false" else (answer.order[1],)]
        one, two = "tf" if kind == "true_false" else "ab"
        assert learner.part("#answer").index(f"◉ {two}") > learner.part("#answer").index(f"○ {one}")


@pytest.mark.parametrize("kind", ["single_choice", "true_false"])
async def test_enter_with_nothing_marked_spends_no_try(kind: str) -> None:
    """A second Enter on “Next” falls on the question that comes."""
    seed_quiz(first(kind))
    async with learning() as learner:
        answer = await asked(learner, kind)
        await learner.press("enter", "down", "enter")
        await learner.sees("Mark an option first: Space or its letter marks it.", "⏎ Hand in", "Space Mark")
        assert given() == []
        assert answer.response() is None
        assert draft() == ""
        await learner.press("space")
        assert "Mark an option first" not in learner.words
        await learner.press("enter")
        assert given() == ["false" if kind == "true_false" else (answer.order[1],)]


@pytest.mark.parametrize("kind", ["single_choice", "multiple_choice", "true_false"])
async def test_a_number_marks_its_line(kind: str) -> None:
    seed_quiz(first(kind))
    async with learning() as learner:
        answer = await asked(learner, kind)
        await learner.press("2", "9")
        assert answer.response() == ("false" if kind == "true_false" else (answer.order[1],))
        assert answer.query_one(AnswerList).highlighted == 1


def outcome_of(learner: Learner, answer: ChoiceAnswer, at: int) -> str:
    """The word of the verdict below an option."""
    line = f"{LETTERS[answer.order.index(at)]} {plain(answer.question.choices[at].text)} "
    _, _, below = learner.part("#answer").partition(line)
    return below.split()[1].rstrip(":")


async def test_a_statement_is_judged_by_its_own_letters() -> None:
    seed_quiz(first("true_false"))
    async with learning() as learner:
        answer = await asked(learner, "true_false")
        assert "t True" in learner.part("#answer")
        for letter, response in (("t", "true"), ("f", "false"), ("a", "true"), ("f", "false")):
            await learner.press(letter)
            assert answer.response() == response
        await learner.press("enter")
        await learner.sees(f"Answer: {answer.question.answer.capitalize()}")


async def test_a_verdict_says_of_each_option_what_was_made_of_it() -> None:
    question = BANK[first("multiple_choice")]
    seed_quiz(question.id)
    async with learning((100, 60)) as learner:
        answer = await asked(learner, "multiple_choice")
        right = [at for at, choice in enumerate(question.choices) if choice.correct]
        wrong = [at for at, choice in enumerate(question.choices) if not choice.correct]
        await learner.press(*(LETTERS[answer.order.index(at)] for at in (right[0], wrong[0])), "enter")
        await learner.sees("✗ Wrong")
        expected = dict.fromkeys(right, "missed") | dict.fromkeys(wrong, "rightly")
        expected |= {right[0]: "right", wrong[0]: "wrong"}
        assert set(expected.values()) == {"right", "wrong", "missed", "rightly"}
        for at, word in expected.items():
            assert outcome_of(learner, answer, at) == word


@pytest.mark.parametrize("kind", ["single_choice", "multiple_choice"])
async def test_an_answer_shown_on_request_says_of_each_option_what_it_is(kind: str) -> None:
    question = BANK[first(kind)]
    seed_quiz(question.id)
    async with learning((100, 60)) as learner:
        answer = await asked(learner, kind)
        await learner.press("f4")
        await learner.sees("◇ Shown")
        for at, choice in enumerate(question.choices):
            assert outcome_of(learner, answer, at) == ("right" if choice.correct else "wrong")


async def test_enter_does_not_mark_where_several_can_be_right() -> None:
    seed_quiz(first("multiple_choice"))
    async with learning() as learner:
        answer = await asked(learner, "multiple_choice")
        await learner.press("down", "enter")
        assert given() == []
        await learner.press("space", "a", "d", "a")
        assert set(answer.response()) == {answer.order[1], answer.order[3]}
        assert learner.part("#answer").count("☑") == 2
        await learner.press("enter")
        assert given() == [tuple(sorted((answer.order[1], answer.order[3])))]


@pytest.mark.parametrize("seed", [1, 2])
async def test_options_are_shuffled_by_the_seed_of_the_quiz(seed: int) -> None:
    question = BANK[first("single_choice")]
    assert present(question, 1) != present(question, 2)
    seed_quiz(question.id, seed=seed)
    async with learning() as learner:
        answer = await asked(learner, "single_choice")
        assert isinstance(answer, ChoiceAnswer)
        assert answer.order == present(question, seed)
        shown = [learner.part("#answer").index(question.choices[at].text) for at in answer.order]
        assert shown == sorted(shown)


async def test_a_line_is_picked_up_carried_and_put_down() -> None:
    seed_quiz(first("order"))
    async with learning() as learner:
        answer = await asked(learner, "order")
        assert isinstance(answer, OrderAnswer)
        a, b, c, *rest = answer.order
        assert first_wrong(answer.question.items, tuple(answer.order)) is not None
        # Without picking up, the arrows only move the cursor.
        await learner.press("down", "up")
        assert answer.response() == (a, b, c, *rest)
        await learner.press("space")
        assert "↕" in learner.part("#answer")
        await learner.press("down", "down")
        assert answer.response() == (b, c, a, *rest)
        await learner.press("space")
        assert "↕" not in learner.part("#answer")
        await learner.press("up")
        assert answer.response() == (b, c, a, *rest)
        await learner.press("space", "up")
        assert answer.response() == (c, b, a, *rest)
        # At the top it can go no higher.
        await learner.press("up", "up")
        assert answer.response() == (c, b, a, *rest)
        assert json.loads(draft()) == [c, b, a, *rest]
        await learner.press("enter")
        assert given() == [(c, b, a, *rest)]
        await learner.press("space", "down")
        assert answer.response() == (c, b, a, *rest), "a judged order stays as it was judged"


async def test_a_carried_line_stops_at_the_bottom() -> None:
    seed_quiz(first("order"))
    async with learning() as learner:
        answer = await asked(learner, "order")
        a, *rest = answer.order
        await learner.press("space", *["down"] * (len(rest) + 2))
        assert answer.response() == (*rest, a)
        assert answer.query_one(AnswerList).highlighted == len(rest)


async def test_a_line_is_carried_to_either_end() -> None:
    seed_quiz(first("order"))
    async with learning() as learner:
        answer = await asked(learner, "order")
        a, b, *rest = answer.order
        await learner.press("down", "space", "end")
        assert answer.response() == (a, *rest, b)
        await learner.press("pageup")
        assert answer.response() == (b, a, *rest)
        await learner.press("pagedown", "up", "home", "space", "end")
        assert answer.response() == (b, a, *rest)
        assert answer.query_one(AnswerList).highlighted == len(rest) + 1


async def test_letters_are_typed_into_a_line_and_do_nothing_else() -> None:
    seed_quiz(first("expression"))
    async with learning() as learner:
        answer = await asked(learner, "expression")
        # Every one of these is a key of the screen or of the app elsewhere.
        await learner.press(*"rwlqmt?d ")
        assert isinstance(learner.app.screen, QuizScreen)
        assert answer.query_one(Input).value == "rwlqmt?d "
        assert draft() == "rwlqmt?d "
        await learner.press(*["backspace"] * 9)
        assert draft() == ""
        assert answer.response() is None


async def test_free_recall_compares_only_what_was_written() -> None:
    question = BANK[first("self_graded")]
    seed_quiz(question.id)
    async with learning((100, 60)) as learner:
        answer = await asked(learner, "self_graded")
        assert "Model answer" not in learner.words
        await learner.press("f2")
        assert not answer.compared, "there is nothing to compare yet"
        await learner.press(*"one", "enter", *"two [/b]", "f2")
        await learner.sees("Model answer", "one", "two [/b]")
        assert answer.response() == (False,) * len(question.rubric)
        # What was written can no longer be changed; letters and space tick.
        await learner.press("a", "c", "down", "space", "c")
        assert answer.query_one(TextArea).text == "one\ntwo [/b]"
        marks = {answer.query_one(AnswerList).highlighted, 0}
        assert answer.response() == tuple(at in marks for at in range(len(question.rubric)))
        # Back to the text, and to the rubric as it was ticked.
        ticks = answer.response()
        await learner.press("f2", *"!")
        assert answer.query_one(TextArea).text == "one\ntwo [/b]!"
        await learner.misses("Model answer")
        assert answer.response() is None
        await learner.press("f2", "enter")
        assert given() == [ticks]


async def test_the_rubric_is_on_the_screen_also_after_coming_back() -> None:
    question = BANK[first("self_graded")]
    seed_quiz(question.id)
    async with learning((80, 24)) as learner:
        await asked(learner, "self_graded")
        await learner.press("f2")
        await learner.sees("Write your answer first", "F2 Compare", "F3 Hint")
        await learner.press("x", "f2")
        rubric = [plain(point) for point in question.rubric]
        await learner.sees(*rubric, "Space Tick")
        for gone in ("F2 Compare", "F3 Hint", "Write your answer first"):
            assert gone not in learner.words
        await learner.press("f3", "escape")
        await learner.on(TodayScreen)
        await learner.press("enter")
        await learner.on(QuizScreen)
        await learner.sees(*rubric, "Space Tick")
        assert "F2 Compare" not in learner.words
        assert "Hint 1" not in learner.words


@pytest.mark.parametrize("ticks", [3, 4])
async def test_two_thirds_of_the_rubric_are_right(ticks: int) -> None:
    question = BANK[first("self_graded")]
    assert len(question.rubric) == 5
    seed_quiz(question.id)
    async with learning((100, 60)) as learner:
        await asked(learner, "self_graded")
        await learner.press("x", "f2")
        await learner.sees("4 of 5 pass.")
        await learner.press(*"abcde"[:ticks], "enter")
        await learner.sees(f"{ticks} of 5 points.", "✓ Right" if ticks >= 4 else "✗ Not yet")
        for at, point in enumerate(question.rubric):
            assert (point in learner.part("#verdict")) == (ticks < 4 and at >= ticks)


@pytest.mark.parametrize("kind", ["single_choice", "multiple_choice", "true_false", "order", "self_graded"])
async def test_a_draft_that_cannot_be_read_is_as_none(kind: str) -> None:
    """Another version may have left it."""
    seed_quiz(first(kind))
    async with learning() as learner:
        answer: Answer = await asked(learner, kind)
        before = answer.response()
        for text in ("", "nonsense", "{}", "[99]", '["x"]', '{"text": 1}', "null", "3"):
            answer.restore(text)
            assert answer.response() == before, text
        await learner.press("down")
        assert learner.app.screen.is_running
