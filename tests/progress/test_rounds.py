"""Rounds: what each asks, with which numbers, how it goes on after a break, and what can be taken back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from progress_support import Clock, tables

from tutor import paths
from tutor.course.load import load_chapter, load_course, load_questions
from tutor.course.model import Question
from tutor.errors import TutorError
from tutor.progress import events as log
from tutor.progress import queue
from tutor.progress.review import LEECH_LAPSES, Grade
from tutor.progress.round import TYPED, Round, Scheduled, locate
from tutor.progress.rounds import MOST, explain, round_for, unread
from tutor.progress.store import Store

CONTENT = paths.content_dir()
COURSE = load_course(CONTENT)
CHAPTER = "linear-algebra"
BANK = load_questions(CONTENT, CHAPTER)
VARIES = next(question for question in BANK.values() if question.template is not None and question.template.variants)
FIXED = next(question for question in BANK.values() if question.template is None and question.type == "single_choice")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "progress.db"


@pytest.fixture
def store(file: Path, clock: Clock) -> Iterator[Store]:
    store = Store.open(file, clock)
    yield store
    store.close()


def opened(store: Store, target: str) -> Round:
    """The round of a target as the app opens it."""
    round_ = round_for(target, CONTENT, COURSE, store)
    if not round_.take_up():
        round_.begin(seed=1)
    return round_


def learned(store: Store, clock: Clock, *questions: Question, right: bool = True) -> None:
    """Questions answered in a lesson; a month later all are due."""
    for question in questions:
        answer = log.Answer(
            item=question.id,
            response=question.answer,
            outcome="right" if right else "wrong",
            score=float(right),
            context="lesson:x",
            quiz="",
            objectives=question.objectives,
        )
        store.record(answer, chapter=CHAPTER, seconds=20)
    clock.forward(days=30)


def right(round_: Round, **fields: object) -> Scheduled:
    return round_.answer("1", "right", 1.0, **fields)  # type: ignore[arg-type]


def wrong(round_: Round, **fields: object) -> Scheduled:
    return round_.answer("0", "wrong", 0.0, **fields)  # type: ignore[arg-type]


def test_a_review_asks_what_is_due_and_moves_it(store: Store, clock: Clock) -> None:
    learned(store, clock, VARIES, FIXED)
    round_ = opened(store, "review")
    assert round_.quiz is not None
    assert set(round_.quiz.questions) == {VARIES.id, FIXED.id}
    while round_.asked is not None:
        done = right(round_)
        assert (done.kind, done.grade, done.moved) == ("review", Grade.GOOD, True)
        assert done.card.due == (queue.today(store) + timedelta(days=done.days[Grade.GOOD])).isoformat()
        assert store.events("answer")[-1].chapter == CHAPTER
        round_.go_on()
    assert queue.due(store).total == 0
    # What is done is not shown again: the next review has nothing to ask.
    assert opened(store, "review").quiz is None


def test_a_review_goes_on_where_it_was_and_another_day_has_another_queue(store: Store, clock: Clock) -> None:
    questions = list(BANK.values())[:4]
    learned(store, clock, *questions)
    round_ = opened(store, "review")
    right(round_)
    round_.go_on()
    store.save_draft(round_.draft_key, "half")
    asked = round_.asked
    again = opened(store, "review")
    assert (again.quiz, again.asked) == (round_.quiz, asked)
    clock.forward(days=1)
    later = opened(store, "review")
    assert later.quiz is not None
    assert later.quiz.id != again.quiz.id  # type: ignore[union-attr]
    assert len(later.quiz.questions) == 3
    # The half-typed answer stands under the same question, which is asked first.
    assert later.asked == asked
    assert store.draft(later.draft_key) == "half"


def test_a_question_has_other_numbers_each_time_and_the_files_first(store: Store, clock: Clock) -> None:
    prompts = []
    for _ in range(4):
        round_ = explain(CONTENT, COURSE, store, CHAPTER, "lab", VARIES.id)
        round_.begin(seed=1)
        assert round_.asked is not None
        prompts.append(round_.asked.question.prompt)
        given = right(round_)
        assert store.events("answer", VARIES.id)[-1].event.variant == round_.asked.number  # type: ignore[union-attr]
        assert given.card.question == VARIES.id
        clock.forward(days=365)
    assert prompts[0] == VARIES.prompt
    assert all(before != after for before, after in itertools.pairwise(prompts))


def test_other_numbers_are_a_clean_question_that_is_found_again(store: Store, clock: Clock) -> None:
    learned(store, clock, VARIES)
    round_ = opened(store, "review")
    assert round_.asked is not None
    before = round_.asked
    round_.hint(1, 1.0)
    round_.reveal()
    assert round_.seen() == (1, True)
    done = wrong(round_, hints=1, revealed=True)
    assert done.card.fresh
    assert queue.due(store).offered == 1, "it is queued again at once"
    round_.other_numbers()
    assert round_.asked.question.prompt != before.question.prompt
    assert round_.seen() == (0, False)
    assert opened(store, "review").asked == round_.asked, "nothing was typed yet"
    store.save_draft(round_.draft_key, "4")
    again = opened(store, "review")
    assert again.asked == round_.asked
    assert store.draft(again.draft_key) == "4"
    assert again.seen() == (0, False)
    assert not right(again).card.fresh
    assert again.quiz is not None
    assert [given.outcome for given in again.quiz.answers] == ["wrong"]
    assert opened(store, "review").asked is None, "it was answered"


def test_a_second_try_is_found_again_before_anything_is_typed(store: Store, clock: Clock) -> None:
    learned(store, clock, VARIES, FIXED)
    round_ = opened(store, "review")
    first = round_.asked
    wrong(round_)
    round_.try_again()
    again = opened(store, "review")
    assert again.asked == first
    assert again.draft_key == round_.draft_key
    again.go_on()
    assert opened(store, "review").asked == again.asked != first


def test_undo_restores_the_rows_exactly(store: Store, clock: Clock, file: Path) -> None:
    learned(store, clock, VARIES, FIXED)
    round_ = opened(store, "review")
    before, asked = tables(file), round_.asked
    right(round_, confidence=0.5)
    round_.go_on()
    assert round_.undo() is not None
    assert tables(file) == before
    assert round_.asked == asked
    assert not round_.can_undo
    assert round_.undo() is None
    if round_.asked is not None and round_.asked.question.type in TYPED:
        assert store.draft(round_.draft_key) == "1", "what was typed is there again"
    # Also what another start finds.
    wrong(round_)
    again = opened(store, "review")
    assert again.can_undo
    again.undo()
    assert (tables(file), again.asked) == (before, asked)


def test_what_was_shown_stays_shown_when_the_answer_is_taken_back(store: Store, clock: Clock) -> None:
    learned(store, clock, FIXED)
    round_ = opened(store, "review")
    round_.reveal()
    wrong(round_, revealed=True)
    round_.undo()
    assert round_.seen() == (0, True)


@pytest.mark.parametrize("grade", [Grade.HARD, Grade.EASY])
def test_the_learners_word_counts_as_if_it_had_been_the_grade(
    store: Store, clock: Clock, file: Path, grade: Grade
) -> None:
    learned(store, clock, FIXED)
    round_ = opened(store, "review")
    done = right(round_, seconds=30.0)
    assert round_.grades(done) == {Grade.HARD, Grade.EASY}
    again = round_.regrade(done, grade)
    assert (again.grade, again.before, again.days) == (grade, done.before, done.days)
    assert again.card.due == (queue.today(store) + timedelta(days=done.days[grade])).isoformat()
    assert round_.grades(again) == {Grade.HARD, Grade.GOOD, Grade.EASY} - {grade}
    assert round_.regrade(again, Grade.GOOD).card == done.card
    live = tables(file)
    store.rebuild()
    assert tables(file) == live
    assert round_.quiz is not None
    assert len(round_.quiz.answers) == 1


def test_only_a_right_answer_that_moved_a_card_can_be_graded_anew(store: Store, clock: Clock) -> None:
    first = opened(store, f"practice:{load_chapter(CONTENT, CHAPTER).lessons[0]}")
    assert first.grades(right(first)) == {Grade.HARD}, "Easy is for what was met before"
    assert first.grades(right(first)) == frozenset(), "it moved nothing"
    first.go_on()
    assert first.grades(right(first, hints=1)) == frozenset(), "help makes it hard"
    learned(store, clock, FIXED)
    review = opened(store, "review")
    assert review.grades(wrong(review)) == frozenset()


def test_amending_is_done_as_a_whole_or_not_at_all(store: Store, file: Path) -> None:
    row = store.record(
        log.Answer(item="q", response="1", outcome="right", score=1.0, context="review", quiz=""), seconds=5
    )
    store.undo(row)
    before, events = tables(file), store.events()
    with pytest.raises(ValueError, match="cannot be undone"):
        store.amend(row, log.Answer(item="q", response="1", outcome="right", score=1.0, context="review", quiz=""))
    assert (tables(file), store.events()) == (before, events)


@pytest.mark.parametrize("target", ["review:ahead", f"review:cram:{CHAPTER}", "review:cram"])
def test_practice_reschedules_nothing(store: Store, clock: Clock, target: str) -> None:
    learned(store, clock, FIXED)
    review = opened(store, "review")
    right(review)
    due = [(card.question, card.day, card.due, card.stability) for card in store.cards()]
    round_ = opened(store, target)
    assert round_.quiz is not None
    assert round_.quiz.questions == (FIXED.id,)
    assert not wrong(round_).moved
    assert [(card.question, card.day, card.due, card.stability) for card in store.cards()] == due
    assert store.events("answer")[-1].event.context == target.split(":")[1]  # type: ignore[union-attr]


def test_the_days_share_ends_and_more_can_be_had(store: Store, clock: Clock) -> None:
    questions = list(BANK.values())[:3]
    learned(store, clock, *questions)
    store.record(log.ReviewSettings(cap=2))
    round_ = opened(store, "review")
    while round_.asked is not None:
        wrong(round_)
        right(round_)  # a second try is no second review
        round_.go_on()
    assert (queue.due(store).offered, queue.due(store).total) == (0, 1)
    assert opened(store, "review").quiz is None
    more = opened(store, "review:more")
    assert more.quiz is not None
    assert len(more.quiz.questions) == 1 <= MOST


def test_a_checkpoint_asks_the_selection_and_finds_earlier_chapters_again(store: Store) -> None:
    round_ = opened(store, "checkpoint:optimization")
    assert round_.quiz is not None
    wanted = queue.select_checkpoint(CONTENT, COURSE, "optimization", 1)
    assert round_.quiz.questions == wanted.ids
    assert round_.quiz.mixed
    again = opened(store, "checkpoint:optimization")
    for name, chapter in zip(wanted.ids, wanted.chapters, strict=True):
        asked = again.look(name)
        assert asked is not None
        assert asked.chapter == chapter
    assert sum(chapter != "optimization" for chapter in wanted.chapters) >= 0.3 * len(wanted.ids)
    again.at = next(at for at, chapter in enumerate(wanted.chapters) if chapter != "optimization")
    card = right(again).card
    assert card.chapter == wanted.chapters[again.at]


def test_a_leech_is_told_when_it_is_forgotten_once_more(store: Store, clock: Clock) -> None:
    learned(store, clock, FIXED)
    told = []
    for _ in range(LEECH_LAPSES + 1):
        round_ = opened(store, "review")
        told.append(wrong(round_).leech)
        assert not wrong(round_).leech, "a second try on one day is no lapse"
        clock.forward(days=30)
    assert told == [False] * (LEECH_LAPSES - 1) + [True, True]


def test_a_derivation_fades_as_often_as_it_was_right(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    import msgspec

    from tutor.course.model import Fade
    from tutor.progress import round as module

    order = next(question for question in BANK.values() if question.type == "order")
    fades = (Fade(name=order.items[-1].id, type="numeric", text="③ ①", answer="1"),)
    fading = msgspec.structs.replace(order, fades=fades)
    monkeypatch.setattr(module, "locate", lambda *_: (fading, CHAPTER))
    numbers = []
    for outcome in (True, False, True, True):
        learned(store, clock, fading, right=outcome)
        clock.forward(days=365)
        round_ = opened(store, "review")
        assert round_.asked is not None
        numbers.append(round_.asked.number)
        assert bool(round_.asked.question.gaps) == (round_.asked.number > 0)
    assert numbers == [1, 1, 2, 3]


def test_what_a_lesson_has_not_been_read_to_its_end(store: Store) -> None:
    lessons = load_chapter(CONTENT, CHAPTER).lessons
    assert [head.id for head in unread(CONTENT, store, CHAPTER)] == list(lessons)
    store.record(log.Page(item=lessons[0], page=1, pages=2))
    assert len(unread(CONTENT, store, CHAPTER)) == len(lessons)
    store.record(log.Page(item=lessons[0], page=99, pages=99))
    assert [head.id for head in unread(CONTENT, store, CHAPTER)] == list(lessons[1:])


@pytest.mark.parametrize(
    "target", ["review:later", "review:ahead:x", "review:cram:nowhere", "placement:nowhere", "practice:nowhere", "x"]
)
def test_what_cannot_be_asked_is_said(store: Store, target: str) -> None:
    with pytest.raises(TutorError):
        round_for(target, CONTENT, COURSE, store)


def test_a_question_that_moved_to_another_chapter_is_found() -> None:
    assert locate(CONTENT, COURSE, FIXED.id, "calculus") == (FIXED, CHAPTER)
    assert locate(CONTENT, COURSE, "never-was") is None
