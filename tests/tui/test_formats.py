"""Pairs, gaps, lines that belong nowhere, faded derivations and variants, key by key."""

from __future__ import annotations

import json

import pytest
from textual.widgets import Input
from tui_support import BANK, CHAPTER, Learner, answer_keys, asks, learning, open_quiz, progress, seed_quiz

from tutor.course import load
from tutor.course.fading import faded
from tutor.course.grade import rights
from tutor.course.model import Distractor, Pair, Question, WrongAnswer
from tutor.course.variants import drawn, variant
from tutor.paths import content_dir
from tutor.progress import events as log
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.today import TodayScreen
from tutor.tui.widgets.answers import DIVIDER, AnswerList, ClozeAnswer, OrderAnswer
from tutor.tui.widgets.gaps import GapChoice, GapFields
from tutor.tui.widgets.match import MatchAnswer

MATCH = Question(
    id="match",
    type="match",
    prompt="What goes with what?",
    objectives=("la.svd",),
    difficulty=1,
    explanation="So it is.",
    lesson="svd#1",
    hints=("a", "b", "c"),
    pairs=(
        Pair(id="a", left="day", right="sun", feedback="The sun is up by day."),
        Pair(id="b", left="night", right="moon", feedback="The moon is seen at night."),
        Pair(id="c", left="dusk", right="star", wrong=(WrongAnswer(answer="sun", feedback="It has gone down."),)),
    ),
    distractors=(Distractor(id="x", text="rain", feedback="It falls at any time."),),
)


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


@pytest.fixture
def with_match(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank has a match of words, whose lines are easily told apart on the screen."""
    bank = load.load_questions(content_dir(), CHAPTER)
    monkeypatch.setattr("tutor.tui.screens.quiz.load_questions", lambda *_: bank | {"match": MATCH})


async def test_a_number_gives_a_partner_and_goes_to_the_next_line(with_match: None) -> None:
    seed_quiz("match")
    async with learning((80, 24)) as learner:
        answer = (await open_quiz(learner)).answer
        assert isinstance(answer, MatchAnswer)
        sides = rights(MATCH)
        number = {sides[at]: str(place + 1) for place, at in enumerate(answer.order)}
        await learner.press("enter")
        await learner.sees("Give every line a partner first: its number does that.")
        await learner.press(number["moon"], number["rain"])
        assert (answer.chosen, answer.query_one(AnswerList).highlighted) == ([1, 3, None], 2)
        await learner.press("9", "enter")
        assert given() == []
        # Left and taken up again, with the same partners.
        answer = (await back(learner)).answer
        assert isinstance(answer, MatchAnswer)
        assert json.loads(draft()) == answer.chosen == [1, 3, None]
        await learner.press("c", number["sun"], "enter")
        assert [event.response for event in given()] == [(1, 3, 0)]
        await learner.sees("0 of 3 pairs right.", "The moon is seen at night.", "It falls at any time.", "gone down.")
        assert learner.part("#answer").count("✗") == 3
        await learner.press("1")
        assert answer.chosen == [1, 3, 0], "a judged answer stays as it was judged"
        await learner.press("r", "a", number["sun"], "b", number["moon"], "c", number["star"], "enter")
        await learner.sees("✓ Right")
        assert given()[-1].outcome == "right"


async def test_space_and_arrows_turn_through_the_partners(with_match: None) -> None:
    seed_quiz("match")
    async with learning((80, 24)) as learner:
        answer = (await open_quiz(learner)).answer
        assert isinstance(answer, MatchAnswer)
        await learner.press("space", "space", "down", "left")
        assert answer.chosen == [answer.order[1], answer.order[-1], None]
        await learner.press("right", "up", "backspace")
        assert answer.chosen == [None, answer.order[0], None]
        before = answer.chosen
        for text in ("", "nonsense", "{}", "[99]", "[0, 1]", "[true, 1, 2]", "[1.0, 1, 2]", "null", "[0, 1, 9]"):
            answer.restore(text)
            assert answer.chosen == before, text
        await learner.press("backspace", "down", "backspace")
        assert draft() == "", "what is empty is no half-given answer"


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
        await learner.press(*"d_k", "enter")
        await learner.sees("✓ Right")
        for text in ("", "nonsense", "{}", '{"order": 1, "gaps": 2}', json.dumps({"order": wanted[::-1], "gaps": []})):
            answer.restore(text)
            assert answer.response() == (*wanted, "d_k"), text


async def test_each_round_asks_a_variant_of_its_own_and_keeps_it() -> None:
    question = BANK["la-attn-mix"]
    seed_quiz(question.id, seed=3)
    async with learning((100, 40)) as learner:
        screen = await open_quiz(learner)
        asked = await asks(learner, screen)
        assert asked == variant(question, 3) != variant(question, 1)
        assert question.template is not None
        await learner.sees(f"{drawn(question.template, 3)['v']:g}.")
        screen = await back(learner)
        assert await asks(learner, screen) == asked
        await learner.press(*answer_keys(screen, right=True))
        await learner.sees("✓ Right", f"Answer: {asked.answer}")
