"""A round of questions: what it asks, how it is begun and taken up again, and what of it goes into the log.

All that is done to a round is in the log when the call returns: a program that is killed goes on where it was.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from tutor.course.fading import instance
from tutor.course.load import chapter_dir, is_written, load_questions
from tutor.course.model import Course, Question
from tutor.course.variants import drawn
from tutor.errors import no_such
from tutor.progress import queue
from tutor.progress.events import Answer, Hint, Response, Reveal
from tutor.progress.review import PRACTICE, Card, Grade, logged_day, next_days
from tutor.progress.store import QuizState, Store

TYPED = frozenset({"numeric", "expression", "short_answer", "tracing"})
"""Types whose answer is the text that was typed."""


@dataclass(frozen=True)
class Asked:
    """A question as a round asks it."""

    question: Question
    chapter: str
    number: int
    """Which numbers it has, or how far it is faded."""

    @property
    def varies(self) -> bool:
        """Whether it can be asked with other numbers."""
        return bool((self.question.template or self.question).variants)


@dataclass(frozen=True)
class Scheduled:
    """What an answer did to the card of its question."""

    before: Card | None
    card: Card
    grade: Grade
    kind: Literal["new", "review", "practice"]
    days: dict[Grade, int]
    """After how many days the question would have come back for each grade."""

    @property
    def moved(self) -> bool:
        """Whether the card has a new date."""
        return self.before is None or self.before.reps != self.card.reps

    @property
    def leech(self) -> bool:
        """Whether it was forgotten once more, and so often that its lesson will help more than asking again."""
        return self.card.leech and self.before is not None and self.card.lapses > self.before.lapses


class _Given(NamedTuple):
    """An answer of the round as the log has it."""

    row: str
    answer: Answer
    chapter: str


@dataclass
class Round:
    """Questions of one kind, asked one after the other."""

    content: Path
    course: Course
    store: Store
    title: str
    context: str
    """Of the quizzes that it starts, e.g. `checkpoint:calculus` or `review`."""
    choose: Callable[[int], queue.Selection]
    """What to ask, from a seed."""
    chapter: str = ""
    """Where its questions are looked for first; empty for a review."""
    chapters: tuple[str, ...] = ()
    """Whose questions it may ask besides."""
    quiz: QuizState | None = None
    """What is being asked; None before it begins, and when there is nothing to ask."""
    at: int = 0
    """Index of the question that is asked."""
    _given: list[_Given] = field(default_factory=list)
    """Answers that can be taken back, the latest last."""
    _numbers: dict[str, int] = field(default_factory=dict)
    """Numbers that the learner asked for."""
    _asked: dict[tuple[str, int], Asked | None] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The context without what it is about."""
        return self.context.partition(":")[0]

    @property
    def reschedules(self) -> bool:
        """Whether an answer moves a card."""
        return self.kind not in PRACTICE

    @property
    def queued(self) -> bool:
        """Whether it asks what is in the queue of the day, not a list of its own."""
        return self.kind == "review" or not self.reschedules

    @property
    def asks_anew(self) -> bool:
        """Whether it begins anew when it is opened once more after its end, instead of showing how it ended."""
        return self.queued or self.kind == "question"

    # -- beginning ---

    def load(self) -> None:
        """Read the banks of its chapters, which takes a while; may be done in a thread. Raises ContentError."""
        for chapter in self.chapters:
            load_questions(self.content, chapter)

    def take_up(self) -> bool:
        """Go on with the round that was left, or show how the last one ended; False when there is neither.

        A queue is of one study day; a question that is looked up once more is asked once more.
        """
        quiz = self.store.last_quiz(self.context)
        if quiz is None:
            return False
        if (self.queued and not self._is_of_today(quiz)) or (self.asks_anew and not self._is_left(quiz)):
            return False
        self._enter(quiz)
        if any(self.look(question) is None for question in quiz.questions):
            self.quiz = None
            return False
        last = self.store.undoable()
        if last is not None and isinstance(last.event, Answer) and last.event.quiz == quiz.id:
            self._given.append(_Given(last.id, last.event, last.chapter))
        name, _, number = self.store.draft(self._place_key).partition("#")
        if name in quiz.questions:
            self.at = quiz.questions.index(name)
            self._numbers |= {name: int(number)} if number.isdecimal() else {}
            return True
        # The draft of a question that is answered is a second try, left in the middle.
        for at, question in enumerate(quiz.questions):
            self._numbers |= self._drafted(question)
            if self.store.draft(self._key(question)):
                self.at = at
                break
        return True

    def begin(self, seed: int, seconds: float = 0.0) -> None:
        """Start a new round; `quiz` stays None when there is nothing to ask."""
        left = self.store.open_quiz(self.context) if self.queued else None
        selection = self.choose(seed)
        if not selection.questions:
            self.quiz = None
            return
        quiz_id = self.store.start_quiz(
            self.context,
            selection.ids,
            seed,
            objectives=selection.objectives,
            chapter=self.chapter,
            seconds=seconds,
        )
        quiz = self.store.quiz(quiz_id)
        assert quiz is not None  # it was started in the line above
        self._enter(quiz)
        # What was half typed in the queue of another day goes on.
        for at, question in enumerate(selection.ids if left is not None else ()):
            assert left is not None
            draft = self.store.draft(f"quiz:{left.id}:{question}")
            if draft:
                self.store.save_draft(self._key(question), draft)
                self.at = at

    def _enter(self, quiz: QuizState) -> None:
        self.quiz = quiz
        self.at = quiz.position
        self._given, self._numbers, self._asked = [], {}, {}

    def _is_of_today(self, quiz: QuizState) -> bool:
        """Whether it was begun on this study day."""
        row = next(row for row in self.store.events("quiz_start", self.context) if row.id == quiz.id)
        return logged_day(row) == queue.today(self.store).isoformat()

    def _is_left(self, quiz: QuizState) -> bool:
        """Whether something of it is left, be it a second try half typed."""
        start = f"quiz:{quiz.id}:"
        return not quiz.done or bool(
            self.store.query("SELECT 1 FROM drafts WHERE substr(key, 1, ?) = ? LIMIT 1", len(start), start)
        )

    # -- asking ---

    @property
    def asked(self) -> Asked | None:
        """The question that is asked; None when all were."""
        if self.quiz is None or self.at >= len(self.quiz.questions):
            return None
        return self.look(self.quiz.questions[self.at])

    def look(self, question_id: str) -> Asked | None:
        """A question as this round asks it; None when the course has it no longer."""
        number = self._numbers.get(question_id)
        key = (question_id, -1 if number is None else number)
        if key not in self._asked:
            self._asked[key] = self._find(question_id, number)
        return self._asked[key]

    def _find(self, question_id: str, number: int | None) -> Asked | None:
        card = self.store.card(question_id)
        found = locate(self.content, self.course, question_id, self.chapter or (card.chapter if card else ""))
        if found is None:
            return None
        question, chapter = found
        if number is None:
            number = self._number(question)
        return Asked(instance(question, number), chapter, number)

    def _number(self, question: Question) -> int:
        """Other numbers than before this round; of a derivation, how often it was right before."""
        assert self.quiz is not None
        given = [
            row.event
            for row in self.store.effective("answer", item=question.id)
            if row.at < self.quiz.at and isinstance(row.event, Answer)
        ]
        if question.fades:
            return sum(answer.outcome == "right" and not answer.revealed for answer in given)
        return _other_number(question, given[-1].variant) if given else 0

    def _key(self, question_id: str) -> str:
        assert self.quiz is not None
        number = self._numbers.get(question_id)
        return f"quiz:{self.quiz.id}:{question_id}" + ("" if number is None else f"#{number}")

    def _drafted(self, question_id: str) -> dict[str, int]:
        """The numbers with which a question stands half answered, if they are not those that it began with."""
        assert self.quiz is not None
        start = f"quiz:{self.quiz.id}:{question_id}#"
        for (key,) in self.store.query("SELECT key FROM drafts WHERE substr(key, 1, ?) = ?", len(start), start):
            if key[len(start) :].isdecimal():
                return {question_id: int(key[len(start) :])}
        return {}

    @property
    def draft_key(self) -> str:
        """Where the half-given answer to the question is kept."""
        assert self.quiz is not None
        return self._key(self.quiz.questions[self.at])

    @property
    def _place_key(self) -> str:
        """Where it is kept that an answered question is asked again, be nothing typed yet."""
        assert self.quiz is not None
        return f"quiz:{self.quiz.id}:"

    def seen(self) -> tuple[int, bool]:
        """How many hints stand beside the question as it is asked now, and whether its answer was shown."""
        asked = self.asked
        assert asked is not None
        assert self.quiz is not None
        name = asked.question.id
        since = self.quiz.at
        for row in self.store.effective("answer", item=name):
            event = row.event
            if isinstance(event, Answer) and event.quiz == self.quiz.id and event.variant != asked.number:
                since = max(since, row.at)
        hints = [row.event for row in self.store.events("hint", name) if row.at >= since]
        number = max((hint.number for hint in hints if isinstance(hint, Hint)), default=0)
        return number, any(row.at >= since for row in self.store.events("reveal", name))

    def go_on(self) -> None:
        """Ask the next question."""
        self.store.save_draft(self._place_key, "")
        self.at += 1

    def try_again(self) -> None:
        """Ask the same question once more, as it is."""
        self.store.save_draft(self._place_key, self.draft_key.removeprefix(self._place_key))

    def other_numbers(self) -> None:
        """Ask the same question with other numbers."""
        asked = self.asked
        assert asked is not None
        self._numbers[asked.question.id] = _other_number(asked.question, asked.number)
        self.try_again()

    # -- what happens ---

    def hint(self, number: int, seconds: float) -> None:
        """Record that a hint was shown."""
        asked = self.asked
        assert asked is not None
        self.store.record(Hint(item=asked.question.id, number=number), chapter=asked.chapter, seconds=seconds)

    def reveal(self) -> None:
        """Record that the answer was shown on request; the answer that counts as wrong is another row."""
        asked = self.asked
        assert asked is not None
        self.store.record(
            Reveal(item=asked.question.id, objectives=asked.question.objectives), chapter=asked.chapter, seconds=0.0
        )

    def answer(
        self,
        response: Response,
        outcome: Literal["right", "wrong"],
        score: float,
        *,
        hints: int = 0,
        revealed: bool = False,
        confidence: float | None = None,
        seconds: float = 0.0,
    ) -> Scheduled:
        """Record an answer; what it did to the card of the question."""
        asked = self.asked
        assert asked is not None
        assert self.quiz is not None
        question = asked.question
        before = self.store.card(question.id)
        answer = Answer(
            item=question.id,
            response=response,
            outcome=outcome,
            score=score,
            context=self.context if self.reschedules else self.kind,
            quiz=self.quiz.id,
            hints=hints,
            revealed=revealed,
            confidence=confidence,
            variant=asked.number,
            objectives=question.objectives,
        )
        row = self.store.record(answer, chapter=asked.chapter, seconds=seconds, draft=self.draft_key)
        self.store.save_draft(self._place_key, "")
        self._given.append(_Given(row, answer, asked.chapter))
        self._refresh()
        return self._scheduled(row, question.id, before)

    def _scheduled(self, row: str, question: str, before: Card | None) -> Scheduled:
        card = self.store.card(question)
        assert card is not None  # every answer makes or moves one
        ((kind, grade),) = self.store.query("SELECT kind, grade FROM attempts WHERE id = ?", row)
        days = next_days(question, before, queue.today(self.store), self.store.review_settings())
        return Scheduled(before, card, Grade(grade), kind, days)

    def _refresh(self) -> None:
        assert self.quiz is not None
        self.quiz = self.store.quiz(self.quiz.id)
        assert self.quiz is not None

    def grades(self, done: Scheduled) -> frozenset[Grade]:
        """Grades that the learner may give a right answer instead; Easy only what was met before and needed no hint."""
        if not done.moved or done.grade is Grade.AGAIN or not self._given or self._given[-1].answer.hints:
            return frozenset()
        return frozenset({Grade.HARD, Grade.GOOD} | ({Grade.EASY} if done.kind == "review" else set())) - {done.grade}

    def regrade(self, done: Scheduled, grade: Grade) -> Scheduled:
        """Put the last answer, with the learner's own grade, in the place of itself."""
        row, answer, chapter = self._given.pop()
        answer = msgspec.structs.replace(answer, grade=int(grade))
        row = self.store.amend(row, answer, chapter=chapter)
        self._given.append(_Given(row, answer, chapter))
        self._refresh()
        return self._scheduled(row, answer.item, done.before)

    @property
    def can_undo(self) -> bool:
        """Whether an answer of this round can be taken back."""
        return bool(self._given)

    def undo(self) -> Answer | None:
        """Take the last answer back and stand at its question, with the numbers it had and what was typed."""
        if not self._given:
            return None
        row, answer, _ = self._given.pop()
        if self.store.undo(row) is None:
            return None
        self._refresh()
        assert self.quiz is not None
        self.at = self.quiz.questions.index(answer.item)
        asked = self.asked
        if asked is not None and asked.number != answer.variant:
            self._numbers[answer.item] = answer.variant
        if asked is not None and asked.question.type in TYPED and isinstance(answer.response, str):
            self.store.save_draft(self.draft_key, answer.response)
        return answer


def _other_number(question: Question, number: int) -> int:
    """The next seed whose numbers are others than those of `number`; 0 where they never vary."""
    template = question.template or question
    if not template.variants:
        return 0
    before = drawn(template, number)
    return next((n for n in range(number + 1, number + 100) if drawn(template, n) != before), number + 1)


def locate(content: Path, course: Course, question: str, chapter: str = "") -> tuple[Question, str] | None:
    """A question by its id and its chapter, looked for in `chapter` first; None when the course has it no longer."""
    # To read a bank takes a hundred times as long as to see whether the id stands in its file.
    others = (stub.id for stub in course.chapters if stub.id != chapter and _has(content, stub.id, question))
    for name in itertools.chain([chapter] if chapter else [], others):
        if is_written(content, name):
            found = load_questions(content, name).get(question)
            if found is not None:
                return found, name
    return None


def find_question(content: Path, course: Course, question: str) -> tuple[Question, str]:
    """A question by its id and its chapter; raises TutorError, with ids that are alike, when the course has none."""
    found = locate(content, course, question)
    if found is None:
        written = [stub.id for stub in course.chapters if is_written(content, stub.id)]
        known = [name for chapter in written for name in load_questions(content, chapter)]
        raise no_such("The course has no question", question, known)
    return found


def _has(content: Path, chapter: str, question: str) -> bool:
    folder = chapter_dir(content, chapter)
    try:
        return folder is not None and question.encode() in (folder / "questions.toml").read_bytes()
    except OSError:
        return True  # what is wrong with it is said by who reads it
