"""A quiz: one question at a time, saved before its verdict is drawn, left and resumed at the keystroke."""

from __future__ import annotations

import random
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Static
from textual.widgets.option_list import Option

from tutor.course.fading import instance
from tutor.course.grade import Response, Verdict, grade
from tutor.course.load import find_lesson, load_chapter, load_lesson, load_questions
from tutor.course.markup import plain
from tutor.course.model import Question
from tutor.errors import TutorError
from tutor.progress import events as log
from tutor.tui.drawing import until_left
from tutor.tui.format import bar
from tutor.tui.right_answer import right_answer
from tutor.tui.widgets.answers import Answer, ChoiceAnswer, ClozeAnswer, SelfGradedAnswer, answer_widget
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.match import MatchAnswer
from tutor.tui.widgets.math_markdown import MathMarkdown
from tutor.tui.widgets.steps import ScreenList

if TYPE_CHECKING:
    from tutor.progress.store import QuizState
    from tutor.tui.app import TutorApp


class QuizScreen(Screen[None]):
    """Asks the questions of a context (a checkpoint, a lesson's practice, a lab) in order."""

    app: TutorApp
    HELP = (
        "Every answer is saved before you see the verdict; leave with Esc whenever you like and you come back "
        "to the same question with what you had typed.\n\n"
        "Choices: Space marks the line under the cursor, a letter or number marks its line, Enter hands in what is "
        "marked.\n"
        "Order: Space picks a line up, the arrows carry it, Enter hands in; lines that belong nowhere are carried "
        "below the divider.\n"
        "Numbers and formulas: type as you would write: 1/3, 2e-3, sqrt(2), 50%, sigma^2, [1, 2; 3, 4].\n"
        "Pairs: a number gives the line under the cursor its partner.\n"
        "Gaps: Enter goes to the next empty gap, and hands in after the last; the arrows move between them.\n"
        "Free recall: write your answer, F2 compares it with the model answer, then tick what yours contains.\n"
        "At the end the arrows mark a question and l opens the lesson that teaches it."
    )
    CSS_PATH = "quiz.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", "Next", tooltip="Go to the next question"),
        Binding("enter", "done", "Done", tooltip="Back to where you were"),
        Binding("r", "retry", "Try again", tooltip="Answer once more; your answer is kept"),
        Binding("f3", "hint", "Hint", key_display="F3", tooltip="Show the next of three hints"),
        Binding(
            "f4",
            "reveal",
            "Show answer",
            key_display="F4",
            tooltip="Give up on this one and see the answer; it counts as wrong",
        ),
        Binding("l", "lesson", "Lesson", tooltip="Read the page that teaches this again"),
        Binding("w", "again", "New round", tooltip="Take the quiz again from the start"),
        Binding("escape", "leave", "Leave", tooltip="Leave; the quiz waits where it is"),
    ]

    def __init__(
        self, title: str, context: str, chapter_id: str, questions: dict[str, Question], ids: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.heading = title
        self.context = context
        self.chapter_id = chapter_id
        self.bank = questions
        self.ids = ids
        self.quiz: QuizState | None = None
        self.at = 0
        self.answer: Answer | None = None
        self.verdict: Verdict | None = None
        self.hints = 0
        self.revealed = False
        self._asked: dict[tuple[str, str], Question] = {}

    @classmethod
    def checkpoint(cls, content: Path, chapter_id: str) -> Self:
        """The checkpoint of a chapter; raises TutorError when its content cannot be read."""
        chapter = load_chapter(content, chapter_id)
        bank = load_questions(content, chapter_id)
        return cls(
            f"Chapter {chapter.number} checkpoint", f"checkpoint:{chapter_id}", chapter_id, bank, chapter.checkpoint
        )

    @classmethod
    def practice(cls, content: Path, chapter_id: str, lesson_id: str) -> Self:
        """The practice questions of a lesson; raises TutorError when it has none."""
        head = load_lesson(content, chapter_id, lesson_id).head
        if not head.questions:
            raise TutorError(f"Lesson {head.title} has no practice questions")
        bank = load_questions(content, chapter_id)
        return cls(f"{head.section} {head.title}: practice", f"lesson:{lesson_id}", chapter_id, bank, head.questions)

    @classmethod
    def explain(cls, content: Path, chapter_id: str, lab_id: str, question_id: str) -> Self:
        """The question asked after a lab."""
        bank = load_questions(content, chapter_id)
        return cls(f"Explain what {lab_id} showed", f"lab:{lab_id}", chapter_id, bank, (question_id,))

    def compose(self) -> ComposeResult:
        """A line that says where, the question, the way to answer it, and what comes back."""
        yield Static(id="quiz-head", markup=False)
        with VerticalScroll(id="quiz-body", can_focus=False), Vertical(id="quiz-page"):
            yield MathMarkdown("", id="prompt")
            yield Vertical(id="answer")
            yield Static(id="unread", markup=False)
            yield MathMarkdown("", id="hints")
            yield Static(id="verdict", markup=False)
            yield MathMarkdown("", id="explanation")
        with Vertical(id="summary"):
            yield Static(id="score", markup=False)
            yield ScreenList(id="outcomes", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Take up the quiz that was left, show how the last one ended, or start one."""
        self.set_reactive(Screen.title, self.heading)
        quiz = self.app.store.last_quiz(self.context)
        if quiz is None or any(question not in self.bank for question in quiz.questions):
            quiz = self._start()
        self._take(quiz)

    def _start(self) -> QuizState:
        seed = random.SystemRandom().randrange(2**31)
        quiz_id = self.app.store.start_quiz(
            self.context,
            self.ids,
            seed,
            objectives=sorted({name for question in self.ids for name in self.bank[question].objectives}),
            chapter=self.chapter_id,
            seconds=self.app.active_seconds(),
        )
        quiz = self.app.store.quiz(quiz_id)
        assert quiz is not None  # it was started in the line above
        return quiz

    def _take(self, quiz: QuizState) -> None:
        self.quiz = quiz
        # The draft of a question that is answered is a second try, left in the middle.
        drafts = (self.app.store.draft(f"quiz:{quiz.id}:{question}") for question in quiz.questions)
        self.at = next((at for at, draft in enumerate(drafts) if draft), quiz.position)
        self.show()

    # -- drawing ---

    @property
    def question(self) -> Question | None:
        """The question on the screen; None on the summary."""
        if self.quiz is None or self.at >= len(self.quiz.questions):
            return None
        return self.asked(self.quiz.questions[self.at])

    def asked(self, question_id: str) -> Question:
        """The question as this quiz asks it: with its numbers, or as far faded as it was right before."""
        assert self.quiz is not None
        key = (self.quiz.id, question_id)
        if key not in self._asked:
            question = self.bank[question_id]
            self._asked[key] = instance(question, self._number(question))
        return self._asked[key]

    def _number(self, question: Question) -> int:
        assert self.quiz is not None
        if not question.fades:
            return self.quiz.seed
        rows = self.app.store.events("answer", question.id)
        answers = [row.event for row in rows if isinstance(row.event, log.Answer) and row.at < self.quiz.at]
        return sum(answer.outcome == "right" for answer in answers)

    @property
    def draft_key(self) -> str:
        """Where the half-given answer to this question is kept."""
        assert self.quiz is not None
        return f"quiz:{self.quiz.id}:{self.quiz.questions[self.at]}"

    @work(exclusive=True, group="show", exit_on_error=True)
    @until_left
    async def show(self) -> None:
        """Draw the question at `at`, or the summary after the last one."""
        self.verdict, self.hints, self.revealed = None, 0, False
        question = self.question
        self.query_one("#quiz-body").can_focus = False
        holder = self.query_one("#answer", Vertical)
        await holder.remove_children()
        self.answer = None
        for name in ("#unread", "#hints", "#verdict", "#explanation"):
            self.query_one(name).display = False
        self.query_one("#quiz-body").display = question is not None
        self.query_one("#summary").display = question is None
        self._draw_head()
        if question is None:
            self._summarise()
            return
        await self.query_one("#prompt", MathMarkdown).update(question.prompt)
        assert self.quiz is not None
        answer = answer_widget(question, self.quiz.seed + self.at, self._keep)
        await holder.mount(answer)
        draft = self.app.store.draft(self.draft_key)
        if draft:
            answer.restore(draft)
        self.answer = answer
        self.hints = self._hints_shown(question)
        await self._draw_hints(question)
        self.query_one("#quiz-body").scroll_home(animate=False)
        answer.focus_input()
        self.refresh_bindings()

    def _hints_shown(self, question: Question) -> int:
        """How many hints stood on the screen when this quiz was left."""
        assert self.quiz is not None
        rows = [row for row in self.app.store.events("hint", question.id) if row.at >= self.quiz.at]
        return max((row.event.number for row in rows if isinstance(row.event, log.Hint)), default=0)

    async def _draw_hints(self, question: Question) -> None:
        widget = self.query_one("#hints", MathMarkdown)
        shown = [f"**Hint {n}:** {text}" for n, text in enumerate(question.hints[: self.hints], 1)]
        await widget.update("\n\n".join(shown))
        widget.display = bool(shown)

    def _draw_head(self) -> None:
        assert self.quiz is not None
        total = len(self.quiz.questions)
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(justify="right", no_wrap=True)
        question = self.question
        if question is None:
            row.add_row(Text(self.heading, style="bold"), Text("done"))
        else:
            place = Text(f"question {self.at + 1} of {total}  ")
            place.append(f"difficulty {question.difficulty}/10  {bar((self.at + 1) / total, 12)}", style="dim")
            row.add_row(Text(self.heading, style="bold"), place)
        self.query_one("#quiz-head", Static).update(row)

    def _summarise(self) -> None:
        """List the questions with how they were answered; the first that was not right is marked."""
        assert self.quiz is not None
        outcomes = {answer.question: answer.outcome for answer in self.quiz.answers}
        right = [outcomes.get(question) == "right" for question in self.quiz.questions]
        head = Text(f"{sum(right)} of {len(right)} right at the first try\n", style="bold")
        head.append("✓ right  ✗ wrong  ↻ right at a later try", style="dim not bold")
        self.query_one("#score", Static).update(head)
        rows = self.query_one(ScreenList)
        rows.clear_options()
        for question_id, good in zip(self.quiz.questions, right, strict=True):
            rows.add_option(Option(self._outcome(self.asked(question_id), good)))
        rows.highlighted = right.index(False) if False in right else 0
        rows.focus()
        self.refresh_bindings()

    def _outcome(self, question: Question, good: bool) -> Table:
        """A line of the summary: how a question was answered, and below a wrong one what to read."""
        state = self.app.store.question(question.id)
        later = not good and state is not None and state.last_outcome == "right"
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(width=1)
        row.add_column(ratio=1)
        text = Text(_first_line(question, self.app.settings.ascii_math))
        if not good and question.lesson:
            text.append(f"\nread {self._lesson_name(question.lesson)}", style="dim italic")
        row.add_row(Text("✓" if good else "↻" if later else "✗"), text)
        return row

    def _lesson_name(self, target: str) -> str:
        """The title and page of a lesson, as `1.3 SVD: the directions that matter, page 6`."""
        lesson_id, _, page = target.partition("#")
        try:
            chapter_id = find_lesson(self.app.content_dir, self.app.course, lesson_id)
            head = load_lesson(self.app.content_dir, chapter_id, lesson_id).head
        except TutorError:
            return lesson_id
        return f"{head.section} {head.title}" + (f", page {page}" if page else "")

    # -- answering ---

    def _keep(self, draft: str) -> None:
        """Keep the half-given answer at every keystroke, before it is drawn."""
        self.app.store.save_draft(self.draft_key, draft)
        self.query_one("#unread").display = False

    def on_answer_submitted(self) -> None:
        """Grade, save, and only then draw."""
        question, answer = self.question, self.answer
        if question is None or answer is None or self.verdict is not None:
            return
        response = answer.response()
        if response is None:
            self._remark(_what_first(answer))
            return
        verdict = grade(question, response)
        if verdict.outcome == "unreadable":
            help_key = " F1 opens help." if response == "?" else ""
            message = f"{verdict.message[:1].upper()}{verdict.message[1:]}"
            self._remark(f"{message} It does not count as an answer.{help_key}")
            return
        self._record(question, response, verdict.outcome, verdict.score)
        self._draw_verdict(question, verdict)

    def _remark(self, message: str) -> None:
        """Say below the answer why it was not graded."""
        note = self.query_one("#unread", Static)
        note.update(Text(message))
        note.display = True
        self.call_after_refresh(note.scroll_visible, animate=False)

    def _record(
        self, question: Question, response: Response | None, outcome: Literal["right", "wrong"], score: float
    ) -> None:
        assert self.quiz is not None
        self.app.store.record(
            log.Answer(
                item=question.id,
                response=response,
                outcome=outcome,
                score=score,
                context=self.context,
                quiz=self.quiz.id,
                hints=self.hints,
                revealed=self.revealed,
                objectives=question.objectives,
            ),
            chapter=self.chapter_id,
            seconds=self.app.active_seconds(),
            draft=self.draft_key,
        )
        quiz = self.app.store.quiz(self.quiz.id)
        assert quiz is not None
        self.quiz = quiz

    def _draw_verdict(self, question: Question, verdict: Verdict) -> None:
        self.verdict = verdict
        if self.answer is not None:
            self.answer.show_verdict(verdict)
        text = Text()
        if verdict.outcome == "right":
            text.append("✓ Right", style="bold")
        else:
            text.append("✗ Not yet" if question.type == "self_graded" else "✗ Wrong", style="bold reverse")
        if verdict.message:
            text.append(f"  {verdict.message}")
        if verdict.feedback and not question.choices:
            # A choice has its reason beside it, as have pairs and gaps.
            text.append(f"\n{plain(verdict.feedback, self.app.settings.ascii_math)}")
        self.query_one("#unread").display = False
        shown = self.query_one("#verdict", Static)
        shown.update(text)
        shown.set_class(verdict.outcome == "right", "right")
        shown.set_class(verdict.outcome == "wrong", "wrong")
        shown.display = True
        self._explain(question)
        self.query_one("#quiz-body").can_focus = True
        self.query_one("#quiz-body").focus()
        self.refresh_bindings()

    @work(exclusive=True, group="explain", exit_on_error=True)
    @until_left
    async def _explain(self, question: Question) -> None:
        wrong = self.verdict is not None and self.verdict.outcome == "wrong"
        parts = [*right_answer(question, wrong), question.explanation]
        widget = self.query_one("#explanation", MathMarkdown)
        await widget.update("\n\n".join(parts))
        if self.verdict is None or self.question is not question:
            return  # the learner has gone on meanwhile
        widget.display = True
        self.call_after_refresh(self.query_one("#verdict").scroll_visible, animate=False, top=False)

    # -- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the keys that do something now."""
        question = self.question
        asking = question is not None and self.verdict is None
        match action:
            case "next":
                return self.verdict is not None
            case "retry":
                return self.verdict is not None and self.verdict.outcome == "wrong"
            case "hint":
                compared = isinstance(self.answer, SelfGradedAnswer) and self.answer.compared
                return asking and not compared and question is not None and self.hints < len(question.hints)
            case "reveal":
                return asking and question is not None and question.type != "self_graded"
            case "lesson":
                return self.verdict is not None or question is None
            case "done" | "again":
                return question is None
            case _:
                return True

    def action_next(self) -> None:
        """Go on to the next question, or to the summary after the last one."""
        self.at += 1
        self.show()

    def action_retry(self) -> None:
        """Open the same question again with the answer kept."""
        self.verdict = None
        if self.answer is not None:
            self.answer.show_verdict(None)
            self.answer.focus_input()
        for name in ("#verdict", "#explanation"):
            self.query_one(name).display = False
        self.refresh_bindings()

    def action_hint(self) -> None:
        """Show one more hint; the ones before stay."""
        question = self.question
        if question is None or self.hints >= len(question.hints):
            return
        self.hints += 1
        self.app.store.record(
            log.Hint(item=question.id, number=self.hints),
            chapter=self.chapter_id,
            seconds=self.app.active_seconds(),
        )
        self.refresh_bindings()
        self._show_hints(question)

    @work(exclusive=True, group="hints", exit_on_error=True)
    @until_left
    async def _show_hints(self, question: Question) -> None:
        await self._draw_hints(question)
        self.call_after_refresh(self.query_one("#hints").scroll_visible, animate=False)

    def action_reveal(self) -> None:
        """Record that the answer was shown, count it as wrong, and show it."""
        question = self.question
        if question is None:
            return
        self.revealed = True
        self.app.store.record(
            log.Reveal(item=question.id, objectives=question.objectives), chapter=self.chapter_id, seconds=0.0
        )
        verdict = Verdict(outcome="wrong", score=0.0, message="Shown on request.", feedback="")
        self._record(question, None, "wrong", 0.0)
        self._draw_verdict(question, verdict)

    def action_lesson(self) -> None:
        """Open the page that teaches what was asked; in the summary, what the marked line asked."""
        question = self.question
        if question is None and self.quiz is not None:
            question = self.bank[self.quiz.questions[self.query_one(ScreenList).highlighted or 0]]
        if question is not None and question.lesson:
            self.app.open_target(f"lesson:{question.lesson}")

    def action_done(self) -> None:
        """Leave the summary."""
        self.dismiss()

    def action_again(self) -> None:
        """Start a new round of the same quiz."""
        self._take(self._start())

    def action_leave(self) -> None:
        """Leave; the quiz waits."""
        self.dismiss()


def _what_first(answer: Answer) -> str:
    """What to do before an answer can be handed in."""
    match answer:
        case ChoiceAnswer():
            return "Mark an option first: Space or its letter marks it."
        case SelfGradedAnswer():
            return "Write your answer first."
        case MatchAnswer():
            return "Give every line a partner first: its number does that."
        case ClozeAnswer():
            return "Fill in the gaps first."
        case _:
            return "Nothing to hand in yet."


def _first_line(question: Question, ascii: bool) -> str:
    """The beginning of a question, as much as a line of 80 columns holds."""
    opening, _, _ = plain(question.prompt, ascii).strip().partition("\n\n")
    return textwrap.shorten(opening, 68, placeholder=" …")
