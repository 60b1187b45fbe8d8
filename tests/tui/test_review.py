"""Review, placement and what stands around a verdict: by keyboard, on the real screens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from textual.widgets import Input
from tui_support import BANK, CHAPTER, Learner, answer_keys, asks, learning, progress, seed_quiz

from tutor import paths
from tutor.course.load import load_chapter, load_lesson
from tutor.course.model import Question
from tutor.progress import events as log
from tutor.progress import store as store_module
from tutor.progress.queue import due, today
from tutor.progress.review import LEECH_LAPSES
from tutor.progress.schedule import calendar
from tutor.progress.store import Store
from tutor.tui.screens.flag import FlagScreen
from tutor.tui.screens.help import HelpScreen
from tutor.tui.screens.leeches import LeechesScreen
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.quiz_summary import first_line
from tutor.tui.screens.today import TodayScreen

TALL = (100, 60)
NUMERIC = next(q for q in BANK.values() if q.type == "numeric" and q.template is not None and q.template.variants)
CHOICE = next(q for q in BANK.values() if q.type == "single_choice")
STATEMENT = next(q for q in BANK.values() if q.type == "true_false")


def learned(*questions: Question, days: int = 30, lapses: int = 0) -> None:
    """Questions that were answered in a lesson some days ago, and then forgotten so many times."""
    now = store_module.local_now()
    at = [now - timedelta(days=days)]
    store = Store.open(paths.database(), lambda: at[0])
    try:
        for number in range(lapses + 1):
            at[0] = now - timedelta(days=days * (1 - number / (lapses + 1)))
            for question in questions:
                fields = {"response": None, "context": "lesson:x", "quiz": "", "objectives": question.objectives}
                outcome, score = ("wrong", 0.0) if number else ("right", 1.0)
                store.record(
                    log.Answer(item=question.id, outcome=outcome, score=score, **fields),  # type: ignore[arg-type]
                    chapter=CHAPTER,
                    seconds=20,
                )
    finally:
        store.close()


async def opened(learner: Learner, target: str) -> QuizScreen:
    learner.app.open_target(target)
    screen = await learner.on(QuizScreen)
    await asks(learner, screen)
    return screen


async def judged(learner: Learner, screen: QuizScreen) -> None:
    await learner.until(lambda: screen.query_one("#explanation").display, "for the explanation")
    await learner.settle()


async def test_a_review_from_the_first_question_to_what_comes_tomorrow() -> None:
    learned(CHOICE, STATEMENT)
    async with learning(TALL) as learner:
        screen = await opened(learner, "review")
        await learner.sees("Review question 1 of 2 about 2 min")
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)
        done = screen.scheduled
        assert done is not None
        assert (done.kind, done.moved) == ("review", True)
        # The grade that was taken, the day, and what the other grades would have given.
        days = done.days
        assert days is not None
        await learner.sees(
            f"Comes back in {days[done.grade]} days", f"as Good (Again {days[1]} d, Hard {days[2]} d, Easy"
        )
        await learner.press("h")
        await learner.sees(f"Comes back in {days[2]} days", "as Hard")
        with progress() as store:
            card = store.card(done.card.question)
            assert card is not None
            assert card.due == (today(store) + timedelta(days=days[2])).isoformat()  # type: ignore[index]
        await learner.press("enter")
        await asks(learner, screen)
        await learner.press(*answer_keys(screen, False))
        await judged(learner, screen)
        await learner.sees("Comes back tomorrow,")
        await learner.press("enter")
        await learner.sees("1 of 2 recalled", "Nothing more is due today. Tomorrow: 1.")
        await learner.press("enter")
        await learner.on(TodayScreen)
        learner.app.open_target("review")
        await learner.on(QuizScreen)
        await learner.sees("Nothing to ask now.", "Tomorrow: 1.")


async def test_how_sure_is_said_in_the_key_that_hands_in() -> None:
    learned(NUMERIC, STATEMENT)
    async with learning(TALL) as learner:
        screen = await opened(learner, "review")
        await learner.sees("Or hand in as F6 guess F7 unsure F8 fairly sure F9 certain")
        # What cannot be read costs nothing, however sure one is; nothing to hand in neither.
        await learner.press("f9")
        await learner.sees("Mark an option" if screen.question is not None and screen.question.choices else "first")
        assert screen.verdict is None
        await learner.press(*answer_keys(screen, False)[:-1], "f9")
        await judged(learner, screen)
        await learner.sees("You were certain: such errors return unless they are rehearsed", "Comes back tomorrow,")
        await learner.press("enter")
        await asks(learner, screen)
        # Who does not want to say it presses what they always press.
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)
        await learner.press("enter")
        await learner.sees("1 confident error comes back tomorrow")
    with progress() as store:
        given = [row.event for row in store.events("answer")][2:]
    assert [answer.confidence for answer in given if isinstance(answer, log.Answer)] == [0.95, None]


async def test_a_shown_answer_is_asked_again_with_other_numbers_and_half_of_it_survives() -> None:
    learned(NUMERIC)
    async with learning(TALL) as learner:
        screen = await opened(learner, "review")
        await learner.press("f4")
        await judged(learner, screen)
        await learner.sees(
            "Again: the answer was shown; asked with other numbers today if there is time,",
            "n Other numbers",
        )
        before = learner.part("#prompt")
        await learner.press("n")
        question = await asks(learner, screen)
        await learner.until(lambda: learner.part("#prompt") != before, "for other numbers")
        await learner.press("1", "7")
    async with learning(TALL) as learner:  # as after a kill
        screen = await opened(learner, "review")
        assert screen.question == question
        assert screen.query_one(Input).value == "17"
        assert (screen.hints, screen.revealed) == (0, False)
        await learner.press("backspace", "backspace", *answer_keys(screen, True))
        await judged(learner, screen)
        await learner.sees("✓ Right", "Today's first answer counts: it comes back")
        with progress() as store:
            given = [row.event for row in store.events("answer", NUMERIC.id)][1:]
            assert not due(store).total
        assert [(a.outcome, a.revealed) for a in given if isinstance(a, log.Answer)] == [
            ("wrong", True),
            ("right", False),
        ]


async def test_the_last_answer_is_taken_back_from_the_verdict_and_from_the_end() -> None:
    learned(STATEMENT)
    with progress() as store:
        before = store.card(STATEMENT.id)
    async with learning(TALL) as learner:
        screen = await opened(learner, "review")
        for where in ("verdict", "end"):
            await learner.press(*answer_keys(screen, False))
            await judged(learner, screen)
            if where == "end":
                await learner.press("enter")
                await learner.sees("0 of 1 recalled")
            await learner.press("u")
            await asks(learner, screen)
            await learner.sees("Taken back: that answer counts for nothing.")
            with progress() as store:
                assert store.card(STATEMENT.id) == before
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)
        await learner.sees("✓ Right", "as Good")


async def test_a_question_is_flagged_with_a_note_that_survives() -> None:
    learned(STATEMENT)
    async with learning(TALL) as learner:
        screen = await opened(learner, "review")
        await learner.press(*answer_keys(screen, True))
        await judged(learner, screen)
        await learner.press("f")
        await learner.on(FlagScreen)
        await learner.press(*"odd [/b]", "escape")
        await learner.on(QuizScreen)
        await learner.press("f")
        flagging = await learner.on(FlagScreen)
        assert flagging.query_one(Input).value == "odd [/b]"
        await learner.press("f1")
        await learner.on(HelpScreen)
        await learner.sees("Flag a question")
        await learner.press("escape")
        await learner.on(FlagScreen)
        await learner.press("enter")
        await learner.on(QuizScreen)
        await learner.hears("Flagged")
        # It is the answer that u takes back, not the flag.
        await learner.press("u")
        await asks(learner, screen)
        with progress() as store:
            flags = [row.event for row in store.effective("flag")]
            assert flags == [log.Flag(item=STATEMENT.id, note="odd [/b]")]
            assert store.draft(flagging.draft_key) == ""
            assert [row.event.context for row in store.effective("answer")] == ["lesson:x"]  # type: ignore[union-attr]


async def test_a_leech_leads_back_to_its_lesson() -> None:
    learned(STATEMENT, days=60, lapses=LEECH_LAPSES - 1)
    lesson, _, page = STATEMENT.lesson.partition("#")
    head = load_lesson(paths.content_dir(), CHAPTER, lesson).head
    async with learning(TALL) as learner:
        screen = await opened(learner, "review")
        await learner.press(*answer_keys(screen, False))
        await judged(learner, screen)
        told = f"Forgotten {LEECH_LAPSES} times: {head.section} {head.title}, page {page} will help"
        await learner.sees(told)
        await learner.press("l")
        reading = await learner.on(LessonScreen)
        assert (reading.lesson_id, reading.page) == (lesson, int(page))
        await learner.press("escape")
        await learner.on(QuizScreen)
        await learner.press("enter")
        await learner.sees("1 question is forgotten again and again", "k Leeches")
        await learner.press("k")
        await learner.on(LeechesScreen)
        await learner.sees("1 question, each better", f"{LEECH_LAPSES}× {first_line(STATEMENT, False)[:40]}")
        await learner.press("enter")
        await learner.on(LessonScreen)
        await learner.press("escape", "a")
        await asks(learner, await learner.on(QuizScreen))
        await learner.press("escape")
        await learner.on(LeechesScreen)


async def test_without_leeches_their_list_says_so() -> None:
    async with learning((80, 24)) as learner:
        await learner.commands("forgotten again", "Forgotten again and again")
        await learner.on(LeechesScreen)
        await learner.sees(f"None: no question was forgotten {LEECH_LAPSES} times.")
        await learner.press("enter", "a", "escape")
        await learner.on(TodayScreen)


@pytest.mark.parametrize("target", ["review:ahead", f"review:cram:{CHAPTER}"])
async def test_practice_says_that_it_reschedules_nothing(target: str) -> None:
    learned(STATEMENT, days=0)
    with progress() as store:
        [before] = store.cards()
    async with learning((80, 24)) as learner:
        screen = await opened(learner, target)
        await learner.sees("reschedules nothing question 1 of 1 about 1 min")
        await learner.press(*answer_keys(screen, False))
        await judged(learner, screen)
        await learner.sees("Practice: it comes back")
        await learner.press("enter")
        await learner.sees("0 of 1 right", "This was practice: nothing was rescheduled.")
    with progress() as store:
        [after] = store.cards()
    assert (after.due, after.stability, after.lapses) == (before.due, before.stability, before.lapses)


async def test_nothing_to_review_is_said() -> None:
    async with learning((80, 24)) as learner:
        for target in ("review", "review:ahead", "review:cram"):
            learner.app.open_target(target)
            await learner.on(QuizScreen)
            await learner.sees("Nothing to review yet.")
            await learner.press("enter")
            await learner.on(TodayScreen)


@pytest.mark.parametrize("right", [True, False])
async def test_placement_can_leave_a_chapter_out_and_says_so(right: bool) -> None:
    seed_quiz(STATEMENT.id, CHOICE.id, context=f"placement:{CHAPTER}")
    async with learning(TALL) as learner:
        screen = await opened(learner, f"placement:{CHAPTER}")
        assert "Hint" not in learner.part("KeyFooter")
        for _ in range(2):
            await asks(learner, screen)
            await learner.press(*answer_keys(screen, right), "enter")
        if not right:
            await learner.sees("0 of 2 right", "With 80 % the chapter could be left out.")
            await learner.press("s")
            with progress() as store:
                assert not store.effective("skip")
            return
        await learner.sees("2 of 2 right", "s leaves chapter 1 out of your plan")
        await learner.press("s")
        await learner.sees("Chapter 1 is left out of your plan")
        with progress() as store:
            assert calendar(learner.app.course, store).skipped == ((CHAPTER, "placement"),)
        await learner.press("u")
        await learner.sees("s leaves chapter 1 out of your plan")
        with progress() as store:
            assert not calendar(learner.app.course, store).is_skipped(CHAPTER)


async def test_a_checkpoint_before_the_lessons_advises_and_lets_one_go_on() -> None:
    lessons = load_chapter(paths.content_dir(), CHAPTER).lessons
    with progress() as store:
        store.record(log.Page(item=lessons[0], page=99, pages=99))
    async with learning((80, 24)) as learner:
        learner.app.open_target(f"checkpoint:{CHAPTER}")
        screen = await learner.on(QuizScreen)
        await learner.sees(f"1 of {len(lessons)} lessons read", "Advice, not a gate")
        await learner.press("l")
        assert (await learner.on(LessonScreen)).lesson_id == lessons[1]
        await learner.press("escape")
        await learner.on(QuizScreen)
        assert screen.round.quiz is None
        await learner.press("enter")
        await asks(learner, screen)
        await learner.sees("question 1 of")


async def test_the_summary_lists_by_objective_what_went_wrong_first() -> None:
    ids = (STATEMENT.id, CHOICE.id, NUMERIC.id)
    seed_quiz(*ids)
    async with learning(TALL) as learner:
        screen = await opened(learner, f"checkpoint:{CHAPTER}")
        for right in (True, False, True):
            await asks(learner, screen)
            await learner.press(*answer_keys(screen, right), "enter")
        await learner.sees("2 of 3 right at the first try")
        objectives = {one.id: one.text for one in load_chapter(paths.content_dir(), CHAPTER).objectives}
        shown = learner.part("#outcomes")
        places = [shown.index(objectives[BANK[name].objectives[0]][:40]) for name in ids]
        if BANK[ids[1]].objectives[0] != BANK[ids[0]].objectives[0]:
            assert places[1] < places[0]
        assert shown.count("✗") == 1
        assert shown.count("read ") >= 1


async def test_an_order_handed_in_with_a_line_in_hand_lets_it_go() -> None:
    seed_quiz(next(q for q in BANK.values() if q.type == "order").id)
    async with learning(TALL) as learner:
        screen = await opened(learner, f"checkpoint:{CHAPTER}")
        await learner.press("space", "down")
        await learner.sees("↕")
        await learner.press("f7")
        await judged(learner, screen)
        assert "↕" not in learner.text
