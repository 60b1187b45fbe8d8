"""A quiz: one question at a time, saved before its verdict is drawn, left and resumed at the keystroke."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from tutor.course.grade import Verdict, grade
from tutor.course.model import Question
from tutor.course.right_answer import right_answer
from tutor.errors import TutorError
from tutor.progress import events as log
from tutor.progress.events import CONFIDENCE
from tutor.progress.queue import due, leeches, today
from tutor.progress.review import Grade, warm
from tutor.progress.round import Round, Scheduled
from tutor.progress.rounds import review, unread
from tutor.tui.drawing import until_left
from tutor.tui.names import lesson_name
from tutor.tui.round_text import (
    can_go_on,
    end_text,
    head,
    intro_text,
    left_out,
    may_skip,
    nothing_text,
)
from tutor.tui.screens.quiz_summary import QuizSummary
from tutor.tui.scrolling import read_round
from tutor.tui.verdict_text import SURE_KEYS, reasons, schedule, sure_line, verdict_text
from tutor.tui.widgets.answers import Answer, ChoiceAnswer, ClozeAnswer, SelfGradedAnswer, answer_widget
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.match import MatchAnswer
from tutor.tui.widgets.math_markdown import MathMarkdown

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

QUICK_SECONDS = 0.2
"""What takes longer is announced."""
WARM_SECONDS = 0.5
"""After so long the scheduler is loaded, which the first answer would have to wait for."""
TAKEN_BACK = "Taken back: that answer counts for nothing. Answer anew."
SHOWN = " What was shown stays shown: a right answer is practice."


class QuizScreen(Screen[None]):
    """Asks the questions of a round (a checkpoint, a lesson's practice, a review, …) one after the other."""

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
        "Free recall: write your answer, F2 compares it with the model answer, then tick what yours contains; if you "
        "do not know, F4 shows it.\n"
        "How sure you are can be said in the same key that hands in: F6 a guess, F7 unsure, F8 fairly sure, F9 "
        "certain. Your statistics then show how far you can trust that, and a confident error comes back tomorrow.\n"
        "Below the verdict stands when the question comes back. Again is for a wrong answer, Hard for a right one "
        "with effort or hints, Good for a right one, Easy for one that came at once: the better, the longer the wait. "
        "u takes your last answer back.\n"
        "At the end the arrows mark a question and l opens the lesson that teaches it."
    )
    CSS_PATH = "quiz.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "Begin", tooltip="Begin with the first question"),
        Binding("enter", "next", "Next", tooltip="Go to the next question"),
        Binding("enter", "done", "Done", tooltip="Back to where you were"),
        Binding("s", "skip", "Leave it out", tooltip="Leave this chapter out of the plan; it stays open to you"),
        Binding("space", "read_on", "Read on", tooltip="Scroll the explanation; at its end back to the top"),
        Binding("r", "retry", "Try again", tooltip="Answer once more; your answer is kept"),
        Binding("n", "numbers", "Other numbers", tooltip="The same question with other numbers"),
        Binding("h", "regrade(2)", "Was hard", tooltip="Right, but with effort: ask again sooner"),
        Binding("g", "regrade(3)", "Was good", tooltip="Right as it should be: neither hard nor easy"),
        Binding("e", "regrade(4)", "Was easy", tooltip="Right at once: ask again later"),
        Binding("f3", "hint", "Hint", key_display="F3", tooltip="Show the next of three hints"),
        Binding(
            "f4",
            "reveal",
            "Show answer",
            key_display="F4",
            tooltip="Give up on this one and see the answer; it counts as wrong",
        ),
        Binding("l", "lesson", "Lesson", tooltip="Read the page that teaches this again"),
        Binding("k", "leeches", "Leeches", tooltip="The questions that are forgotten again and again"),
        Binding("w", "again", "New round", tooltip="Take the quiz again from the start"),
        Binding("u", "undo", "Undo", tooltip="Take your last answer back, as if it had not been given"),
        Binding("f", "flag", "Flag", tooltip="Note that something is wrong with this question"),
        *(
            Binding(key, f"sure('{level}')", level, show=False, tooltip=f"Hand in and say how sure: {level}")
            for key, level in SURE_KEYS.items()
        ),
        Binding("escape", "leave", "Leave", tooltip="Leave; the quiz waits where it is"),
    ]

    def __init__(self, round_: Round) -> None:
        super().__init__()
        self.round = round_
        self.answer: Answer | None = None
        self.verdict: Verdict | None = None
        self.scheduled: Scheduled | None = None
        """What the answer did to its card; None before the verdict."""
        self.hints = 0
        self.revealed = False
        self.before: Literal["", "loading", "begin", "nothing"] = "loading"
        """Why no round runs: it waits for its questions or for a word of the learner, or there is nothing to ask."""
        self.skipped = ""
        """The row of the log that left the chapter out of the plan."""

    def compose(self) -> ComposeResult:
        """A line that says where, the question, the way to answer it, and what comes back."""
        yield Static(head(self.app, self.round), id="quiz-head", markup=False)
        with VerticalScroll(id="quiz-body", can_focus=False), Vertical(id="quiz-page"):
            yield MathMarkdown("", id="prompt")
            yield Vertical(id="answer")
            yield Static(id="unread", markup=False)
            yield Static(sure_line(), id="sure", markup=False)
            yield MathMarkdown("", id="hints")
            yield Static(id="verdict", markup=False)
            yield MathMarkdown("", id="explanation")
        yield QuizSummary(id="summary")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Take up the round that was left, show how the last one ended, or begin one."""
        self.set_reactive(Screen.title, self.round.title)
        if self.round.chapters:
            self._load()
        else:
            self._open()
        # A moment later, so that the question is seen first.
        self.set_timer(WARM_SECONDS, warm)

    @work(exclusive=True, group="show", exit_on_error=True)
    @until_left
    async def _load(self) -> None:
        """Read many questions off the screen's thread, then open the round."""
        loading = asyncio.ensure_future(asyncio.to_thread(self.round.load))
        done, _ = await asyncio.wait({loading}, timeout=QUICK_SECONDS)
        if not done:
            self._notice(Text("Collecting the questions …", style="dim"))
        try:
            await loading
        except TutorError as error:
            self._leave_with(error)
            return
        self._open()

    def _open(self) -> None:
        """Take up the round that was left, or begin one, after a word about it where that is due."""
        try:
            if self.round.take_up():
                self.before = ""
            else:
                intro = intro_text(self.app, self.round)
                if intro is not None:
                    self.before = "begin"
                    self._notice(intro)
                    return
                self._begin()
        except TutorError as error:
            self._leave_with(error)
            return
        self.skipped = left_out(self.app, self.round)
        self.show()

    def _leave_with(self, error: TutorError) -> None:
        self.notify(str(error), severity="error", markup=False, timeout=10)
        self.dismiss()

    def _begin(self) -> None:
        self.round.begin(random.SystemRandom().randrange(2**31), self.app.active_seconds())
        self.before = "" if self.round.quiz is not None else "nothing"

    @property
    def context(self) -> str:
        """What is asked, as the log has it."""
        return self.round.context

    # -- drawing ---

    @property
    def question(self) -> Question | None:
        """The question on the screen; None before the first and after the last one."""
        asked = self.round.asked
        return None if asked is None else asked.question

    @property
    def draft_key(self) -> str:
        """Where the half-given answer to this question is kept."""
        return self.round.draft_key

    def _notice(self, text: Text) -> None:
        """Show a text in the place of a question."""
        self.query_one("#quiz-body").display = False
        summary = self.query_one(QuizSummary)
        summary.display = True
        summary.say(text)
        self._draw_head()
        self.refresh_bindings()

    @work(exclusive=True, group="show", exit_on_error=True)
    @until_left
    async def show(self, remark: str = "") -> None:
        """Draw the question at which the round stands, or the summary after the last one."""
        self.verdict, self.scheduled, self.hints, self.revealed = None, None, 0, False
        asked = self.round.asked
        self.query_one("#quiz-body").can_focus = False
        holder = self.query_one("#answer", Vertical)
        await holder.remove_children()
        self.answer = None
        for name in ("#sure", "#unread", "#hints", "#verdict", "#explanation"):
            self.query_one(name).display = False
        self.query_one("#quiz-body").display = asked is not None
        self.query_one("#summary").display = asked is None
        self._draw_head()
        if asked is None:
            self._summarise()
            return
        question = asked.question
        assert self.round.quiz is not None
        answer = answer_widget(question, self.round.quiz.seed + self.round.at, self._keep)
        draft = self.app.store.draft(self.draft_key)
        hints, revealed = self.round.seen()
        await self.query_one("#prompt", MathMarkdown).update(question.prompt)
        await holder.mount(answer)
        if draft:
            answer.restore(draft)
        # What is seen takes keys at once: the rest is drawn with the focus in place.
        self.answer, self.hints, self.revealed = answer, hints, revealed
        self.query_one("#quiz-body").scroll_home(animate=False)
        answer.focus_input()
        self.refresh_bindings()
        self.query_one("#sure").display = question.type != "self_graded"
        if remark:
            self._remark(remark)
        await self._draw_hints(question)

    async def _draw_hints(self, question: Question) -> None:
        widget = self.query_one("#hints", MathMarkdown)
        shown = [f"**Hint {n}:** {text}" for n, text in enumerate(question.hints[: self.hints], 1)]
        await widget.update("\n\n".join(shown))
        widget.display = bool(shown)

    def _draw_head(self) -> None:
        self.query_one("#quiz-head", Static).update(head(self.app, self.round))

    def _summarise(self) -> None:
        """Say how the round ended, or why there is none."""
        summary = self.query_one(QuizSummary)
        if self.round.quiz is None:
            summary.say(nothing_text(self.app, self.round))
        else:
            summary.show(self.round, end_text(self.app, self.round, bool(self.skipped)))
        self.refresh_bindings()

    # -- answering ---

    def _keep(self, draft: str) -> None:
        """Keep the half-given answer at every keystroke, before it is drawn."""
        self.app.store.save_draft(self.draft_key, draft)
        self.query_one("#unread").display = False

    def on_answer_submitted(self) -> None:
        """Hand in without a word on how sure the learner is."""
        self._hand_in(None)

    def _hand_in(self, confidence: float | None) -> None:
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
            answer.refused(verdict)
            return
        self.scheduled = self.round.answer(
            response,
            verdict.outcome,
            verdict.score,
            hints=self.hints,
            revealed=self.revealed,
            confidence=confidence,
            seconds=self.app.active_seconds(),
        )
        self._draw_verdict(question, verdict, confidence)

    def _remark(self, message: str) -> None:
        """Say below the answer why it was not graded."""
        note = self.query_one("#unread", Static)
        note.update(Text(message))
        note.display = True
        self.call_after_refresh(note.scroll_visible, animate=False)

    def _draw_verdict(
        self, question: Question, verdict: Verdict, confidence: float | None = None, *, shown: bool = False
    ) -> None:
        self.verdict = verdict
        if self.answer is not None:
            self.answer.show_verdict(verdict)
        for name in ("#unread", "#sure"):
            self.query_one(name).display = False
        self._draw_schedule(question, verdict, confidence, shown=shown)
        line = self.query_one("#verdict", Static)
        line.set_class(verdict.outcome == "right", "right")
        line.set_class(verdict.outcome == "wrong", "wrong")
        line.display = True
        self._explain(question)
        self.query_one("#quiz-body").can_focus = True
        self.query_one("#quiz-body").focus()
        self.refresh_bindings()

    def _draw_schedule(
        self, question: Question, verdict: Verdict, confidence: float | None, *, shown: bool = False
    ) -> None:
        """What came of the answer, and when the question comes back."""
        assert self.scheduled is not None
        text = verdict_text(self.app, question, verdict, shown=shown)
        lesson = lesson_name(self.app, question.lesson) if question.lesson else ""
        for reason in reasons(self.scheduled, verdict.outcome == "wrong", confidence, lesson):
            text.append(f"\n{reason}")
        text.append("\n")
        text.append_text(schedule(self.round, self.scheduled, today(self.app.store)))
        self.query_one("#verdict", Static).update(text)

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
        # Until the way to answer stands there, a key would be for what is not seen yet.
        asking = question is not None and self.answer is not None and self.verdict is None
        judged = self.verdict is not None
        ended = question is None and not self.before
        compared = isinstance(self.answer, SelfGradedAnswer) and self.answer.compared
        match action:
            case "next" | "flag":
                return judged
            case "retry":
                return self.verdict is not None and self.verdict.outcome == "wrong"
            case "numbers":
                asked = self.round.asked
                return self.verdict is not None and asked is not None and asked.varies
            case "hint":
                told = self.round.kind != "placement" and not compared
                return asking and told and question is not None and self.hints < len(question.hints)
            case "reveal":
                return asking and not compared
            case "sure":
                return asking and question is not None and question.type != "self_graded"
            case "read_on":
                return judged and self.query_one("#quiz-body", VerticalScroll).show_vertical_scrollbar
            case "lesson":
                return judged or ended or (self.before == "begin" and self.round.kind == "checkpoint")
            case "regrade":
                return self.scheduled is not None and parameters[0] in self.round.grades(self.scheduled)
            case "undo":
                return (judged or ended) and (self.round.can_undo or bool(self.skipped))
            case "begin":
                return self.before == "begin"
            case "done":
                return ended or self.before == "nothing"
            case "again":
                return (ended or self.before == "nothing") and can_go_on(self.app, self.round)
            case "leeches":
                # Where the text says so.
                told = (ended or self.before == "nothing") and self.round.kind == "review"
                return told and bool(leeches(self.app.store))
            case "skip":
                return ended and not self.skipped and may_skip(self.round)
            case _:
                return True

    def action_begin(self) -> None:
        """Begin the round whose introduction was shown."""
        self._begin()
        self.show()

    def action_read_on(self) -> None:
        """Scroll a screenful on; from the end back to the beginning."""
        read_round(self.query_one("#quiz-body"))

    def action_next(self) -> None:
        """Go on to the next question, or to the summary after the last one."""
        self.round.go_on()
        self.show()

    def action_retry(self) -> None:
        """Open the same question again with the answer kept."""
        self.round.try_again()
        self._open_answer()

    def _open_answer(self) -> None:
        self.verdict, self.scheduled = None, None
        if self.answer is not None:
            self.answer.show_verdict(None)
            self.answer.focus_input()
        for name in ("#verdict", "#explanation"):
            self.query_one(name).display = False
        question = self.question
        self.query_one("#sure").display = question is not None and question.type != "self_graded"
        self.refresh_bindings()

    def action_numbers(self) -> None:
        """Ask the same question with other numbers."""
        self.round.other_numbers()
        self.show()

    def action_sure(self, level: str) -> None:
        """Hand in and say how sure the learner is."""
        self._hand_in(CONFIDENCE[level])

    def action_regrade(self, grade: int) -> None:
        """Take the learner's own word for how a right answer came."""
        question = self.question
        if question is not None and self.verdict is not None and self.scheduled is not None:
            self.scheduled = self.round.regrade(self.scheduled, Grade(grade))
            self._draw_schedule(question, self.verdict, None)
            self.refresh_bindings()

    def action_hint(self) -> None:
        """Show one more hint; the ones before stay."""
        question = self.question
        if question is None or self.hints >= len(question.hints):
            return
        self.hints += 1
        self.round.hint(self.hints, self.app.active_seconds())
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
        self.round.reveal()
        verdict = Verdict(outcome="wrong", score=0.0, message="", feedback="")
        seconds = self.app.active_seconds()
        self.scheduled = self.round.answer(None, "wrong", 0.0, hints=self.hints, revealed=True, seconds=seconds)
        self._draw_verdict(question, verdict, shown=True)

    def action_undo(self) -> None:
        """Take the last answer back, or that the chapter was left out, and stand where it was given."""
        if self.skipped:
            self.app.store.undo(self.skipped)
            self.skipped = ""
            self._summarise()
            return
        judged, before = self.verdict is not None, self.round.asked
        if self.round.undo() is None:
            return
        if judged and self.round.asked is before:
            self._open_answer()
            self._remark(TAKEN_BACK + SHOWN * self.revealed)
        else:
            self.show(TAKEN_BACK)

    def action_flag(self) -> None:
        """Note that something is wrong with the question."""
        from tutor.tui.screens.flag import FlagScreen

        asked = self.round.asked
        if asked is not None:
            self.app.push_screen(FlagScreen(asked.question.id, asked.chapter), self._flagged)

    def _flagged(self, done: bool | None) -> None:
        if done:
            self.notify("Flagged; `genai-tutor flag` lists what you flagged.", markup=False)

    def action_lesson(self) -> None:
        """Open the page that teaches what was asked; in the summary, what the marked line asked."""
        if self.before == "begin":
            heads = unread(self.round.content, self.app.store, self.round.chapter)
            self.app.open_target(f"lesson:{heads[0].id}")
            return
        question = self.question
        if question is None:
            marked = self.round.look(self.query_one(QuizSummary).marked)
            question = None if marked is None else marked.question
        if question is not None and question.lesson:
            self.app.open_target(f"lesson:{question.lesson}")

    def action_skip(self) -> None:
        """Leave the chapter out of the plan."""
        self.skipped = self.app.store.record(log.Skip(item=self.round.chapter, why="placement"))
        self._summarise()

    def action_done(self) -> None:
        """Leave the summary."""
        self.dismiss()

    def action_leeches(self) -> None:
        """List what is forgotten again and again."""
        self.app.open_target("leeches")

    def action_again(self) -> None:
        """Begin a new round of the same kind; of a review what is still due, also beyond the day's share."""
        if self.round.kind == "review":
            mode = "" if due(self.app.store).offered else "more"
            self.round = review(self.round.content, self.round.course, self.app.store, mode)
        self.skipped = ""
        self._begin()
        self.show()

    def action_leave(self) -> None:
        """Leave; the quiz waits."""
        self.dismiss()


def _what_first(answer: Answer) -> str:
    """What to do before an answer can be handed in."""
    match answer:
        case ChoiceAnswer():
            return "Mark an option first: Space or its letter marks it."
        case SelfGradedAnswer():
            return "Write your answer first, or let F4 show the model answer."
        case MatchAnswer():
            return "Give every line a partner first: press the number of the partner that belongs to the marked line."
        case ClozeAnswer():
            return "Fill in the gaps first."
        case _:
            return "Nothing to hand in yet."
