"""Pairs, gaps, lines that belong nowhere, faded derivations and variants, key by key."""

from __future__ import annotations

import json

from textual.widgets import Input
from tui_support import BANK, CHAPTER, Learner, answer_keys, asks, learning, open_quiz, progress, seed_quiz

from tutor.course.fading import faded
from tutor.course.grade import rights
from tutor.course.load import load_questions
from tutor.course.variants import variant
from tutor.paths import content_dir
from tutor.progress import events as log
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.today import TodayScreen
from tutor.tui.widgets.answers import DIVIDER, AnswerList, ClozeAnswer, OrderAnswer
from tutor.tui.widgets.gaps import GapChoice, GapFields
from tutor.tui.widgets.match import MatchAnswer

MATCH = load_questions(content_dir(), "information-theory")["it-bits-match"]


def draft() -> str:
    with progress() as store:
        quiz = store.last_quiz(f"checkpoint:{CHAPTER}")
        assert quiz is not None
        return store.draft(f"quiz:{quiz.id}:{quiz.questions[0]}")


def given() -> list[log.Answer]:
    with progress() as store:
        return [row.event for row in store.events("answer") if isinstance(row.event, log.Answer)]


async def back(learner: Learner) -> QuizScreen:
    """Leave the quiz and open it again."""
    await learner.press("escape")
    await learner.on(TodayScreen)
    return await open_quiz(learner)


async def test_a_number_gives_a_partner_and_goes_to_the_next_line() -> None:
    seed_quiz(MATCH.id)
    async with learning((80, 30)) as learner:
        answer = (await open_quiz(learner)).answer
        assert isinstance(answer, MatchAnswer)
        sides = rights(MATCH)
        assert sides == ("1", "3", "3/2", "0", "2", "8")
        number = {sides[at]: str(place + 1) for place, at in enumerate(answer.order)}
        await learner.press("enter")
        await learner.sees("Give every line a partner first: press the number")
        await learner.press(number["3"], number["8"])
        assert (answer.chosen, answer.query_one(AnswerList).highlighted) == ([1, 5, None, None], 2)
        await learner.press("9", "enter")
        assert given() == []
        # Left and taken up again, with the same partners.
        answer = (await back(learner)).answer
        assert isinstance(answer, MatchAnswer)
        assert json.loads(draft()) == answer.chosen == [1, 5, None, None]
        await learner.press("c", number["1"], number["0"], "enter")
        assert [event.response for event in given()] == [(1, 5, 0, 3)]
        await learner.sees("1 of 4 pairs right.", "That is the number of symbols.")
        assert [learner.part("#answer").count(mark) for mark in "✓✗"] == [1, 3]
        await learner.press("1")
        assert answer.chosen == [1, 5, 0, 3], "a judged answer stays as it was judged"


async def test_space_and_arrows_turn_through_the_partners() -> None:
    seed_quiz(MATCH.id)
    async with learning((80, 24)) as learner:
        answer = (await open_quiz(learner)).answer
        assert isinstance(answer, MatchAnswer)
        await learner.press("space", "space", "down", "left")
        assert answer.chosen == [answer.order[1], answer.order[-1], None, None]
        await learner.press("right", "up", "backspace")
        assert answer.chosen == [None, answer.order[0], None, None]
        before = answer.chosen
        for text in (
            "",
            "nonsense",
            "{}",
            "[99]",
            "[0, 1]",
            "[true, 1, 2, 3]",
            "[1.0, 1, 2, 3]",
            "null",
            "[0, 1, 2, 9]",
        ):
            answer.restore(text)
            assert answer.chosen == before, text
        await learner.press("backspace", "down", "backspace")
        assert draft() == "", "what is empty is no half-given answer"


async def test_a_match_is_answered_right_after_a_second_look() -> None:
    seed_quiz(MATCH.id)
    async with learning((80, 30)) as learner:
        screen = await open_quiz(learner)
        answer = screen.answer
        assert isinstance(answer, MatchAnswer)
        await learner.press(*"1111", "enter")
        assert screen.verdict is not None
        assert screen.verdict.outcome == "wrong"
        await learner.press("r", "a", *answer_keys(screen, right=True))
        await learner.sees("✓ Right")
        assert given()[-1].response == (0, 1, 2, 3)


async def test_gaps_are_filled_one_after_the_other_and_kept() -> None:
    question = BANK["la-pca-cloze"]
    seed_quiz(question.id)
    async with learning((80, 24)) as learner:
        answer = (await open_quiz(learner)).answer
        assert isinstance(answer, ClozeAnswer)
        choice = answer.query_one(GapChoice)
        assert choice.has_focus
        await learner.press("enter")
        assert given() == []
        letter = "abc"[choice.order.index(0)]
        await learner.press(letter, "enter", *"s^2/n", "down", *"9/1")
        assert json.loads(draft()) == ["0", "s^2/n", "9/1"]
        answer = (await back(learner)).answer
        assert isinstance(answer, ClozeAnswer)
        assert answer.response() == ("0", "s^2/n", "9/1")
        await learner.press("down", "down", "4", "enter")
        await learner.sees("2 of 3 gaps right.")
        assert [event.response for event in given()] == [("0", "s^2/n", "9/14")]
        assert [learner.part("#answer").count(mark) for mark in "✓✗"] == [2, 1]
        # Once more, with what was typed still there.
        await learner.press("r", "down", *["backspace"], *"(n-1)", "enter")
        await learner.sees("✓ Right")
        assert given()[-1].response == ("0", "s^2/(n-1)", "9/14")


async def test_a_gap_that_cannot_be_read_spends_no_try_and_is_named() -> None:
    seed_quiz("la-pca-cloze")
    async with learning((80, 24)) as learner:
        answer = (await open_quiz(learner)).answer
        assert isinstance(answer, ClozeAnswer)
        await learner.press("a", "enter", *"sx", "enter", *"1", "enter")
        await learner.sees("②: “sx” is not known here", "It does not count as an answer.")
        assert given() == []
        before = answer.response()
        for text in ("", "nonsense", "{}", "[1]", "null", "3"):
            answer.restore(text)
            assert answer.response() == before, text


async def test_what_belongs_nowhere_is_carried_below_the_divider() -> None:
    question = BANK["la-variance-order"]
    strange = {line.id for line in question.distractors}
    seed_quiz(question.id)
    async with learning((100, 34)) as learner:
        screen = await open_quiz(learner)
        answer = screen.answer
        assert isinstance(answer, OrderAnswer)
        assert answer.order[-1] == DIVIDER
        assert set(answer.response() or ()) == {item.id for item in question.items} | strange
        await learner.press("space", *["down"] * len(answer.order), "space")
        assert answer.order[-2] == DIVIDER
        # An order is put right line by line: what is strange goes to the end.
        wanted = [item.id for item in question.items] + [DIVIDER, *sorted(strange)]
        answer.restore(json.dumps(wanted))
        await learner.press("enter")
        await learner.sees("✓ Right")
        assert given()[-1].response == tuple(item.id for item in question.items)


async def test_a_strange_line_in_the_order_is_pointed_at_with_its_reason() -> None:
    question = BANK["la-variance-order"]
    seed_quiz(question.id)
    async with learning((100, 40)) as learner:
        answer = (await open_quiz(learner)).answer
        assert isinstance(answer, OrderAnswer)
        lines = [item.id for item in question.items]
        answer.restore(json.dumps([lines[0], "sd", *lines[1:], DIVIDER, "unit"]))
        await learner.press("enter")
        await learner.sees("Line 2 belongs nowhere: It is variances that add up.")
        assert given()[-1].score == 1 / (len(lines) + 1)


async def test_a_derivation_that_was_right_comes_back_faded() -> None:
    question = BANK["la-variance-order"]
    seed_quiz(question.id)
    async with learning((100, 40)) as learner:
        screen = await open_quiz(learner)
        answer = screen.answer
        assert isinstance(answer, OrderAnswer)
        wanted = [item.id for item in question.items]
        answer.restore(json.dumps([*wanted, DIVIDER, *(line.id for line in question.distractors)]))
        await learner.press("enter")
        await learner.sees("✓ Right")
    seed_quiz(question.id, seed=2)
    async with learning((100, 40)) as learner:
        screen = await open_quiz(learner)
        asked = await asks(learner, screen)
        answer = screen.answer
        assert isinstance(answer, OrderAnswer)
        assert asked == faded(question, 1)
        given_lines = [item.id for item in asked.items if item.given]
        assert given_lines == answer.order[: answer.given] == wanted[: answer.given]
        assert answer.query_one(AnswerList).highlighted == answer.given
        # A given line is not picked up, and nothing is carried above it.
        await learner.press("up", "space", "down")
        assert not answer.carried
        await learner.press("space", *["up"] * 9, "space")
        assert answer.order[: answer.given] == given_lines
        answer.restore(json.dumps({"order": wanted, "gaps": ["sqrt(d_k)"]}))
        # Enter goes to the gap while it is empty, and hands in when it is filled.
        await learner.press("enter")
        await learner.sees("The order is right. 0 of 1 gaps right.", "That is the standard deviation.")
        assert given()[-1].response == (*wanted, "sqrt(d_k)")
        await learner.press("r")
        field = answer.query_one(GapFields).fields[0]
        assert isinstance(field, Input)
        field.put("")
        await learner.press("enter")
        assert field.has_focus
        # From the gap back to the lines, and down to it again; a refusal leads to it too.
        lines = answer.query_one(AnswerList)
        await learner.press("up")
        assert (lines.has_focus, lines.highlighted) == (True, len(wanted) - 1)
        await learner.press("down")
        assert field.has_focus
        await learner.press("up", "f8")
        await learner.sees("The gap ① is empty.")
        assert field.has_focus
        await learner.press(*"d_k", "enter")
        await learner.sees("✓ Right")
        for text in ("", "nonsense", "{}", '{"order": 1, "gaps": 2}', json.dumps({"order": wanted[::-1], "gaps": []})):
            answer.restore(text)
            assert answer.response() == (*wanted, "d_k"), text


async def test_a_question_that_was_answered_comes_back_with_other_numbers() -> None:
    question = BANK["la-attn-mix"]
    seed_quiz(question.id)
    async with learning((100, 40)) as learner:
        screen = await open_quiz(learner)
        assert await asks(learner, screen) == variant(question, 0) == question
        await learner.press(*answer_keys(screen, right=True))
        await learner.sees("✓ Right")
    seed_quiz(question.id, seed=2)
    async with learning((100, 40)) as learner:
        screen = await open_quiz(learner)
        asked = await asks(learner, screen)
        assert asked.prompt != question.prompt
        assert asked.template == question.template
        # Left and taken up again, the numbers are the same.
        screen = await back(learner)
        assert await asks(learner, screen) == asked
        await learner.press(*answer_keys(screen, right=True))
        await learner.sees("✓ Right", f"Answer: {asked.answer}")
    first, second = given()
    assert (first.variant, variant(question, second.variant)) == (0, asked)
