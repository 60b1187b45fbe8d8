"""What is said around a round: before it, at its head while it runs, and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from tutor.course.load import load_chapter
from tutor.progress.events import CONFIDENT, Answer
from tutor.progress.placement import is_passed, unaided
from tutor.progress.plan import QUESTION_MINUTES
from tutor.progress.queue import EARLIER_FROM, PLACEMENT_PASS, due, review_seconds
from tutor.progress.rounds import unread
from tutor.progress.schedule import calendar
from tutor.tui.format import bar, minutes

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from tutor.progress.round import Round
    from tutor.tui.app import TutorApp


BAR, LEAST = 12, 4
"""So many cells the bar at the head has at most, and at least: shorter it says nothing."""


@dataclass(frozen=True)
class Head:
    """The line above a question: what the round is, where in it the learner is, and that as a bar where there is room.

    The bar gives way before the title is cut.
    """

    title: Text
    place: Text
    share: float | None = None
    """How far the round is; None where no bar is drawn."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it as wide as there is room."""
        place = self.place.copy()
        room = min(options.max_width - self.title.cell_len - place.cell_len - 3, BAR)
        if self.share is not None and room >= LEAST:
            place.append(f"  {bar(self.share, room)}", style="dim")
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(justify="right", no_wrap=True)
        row.add_row(self.title, place)
        yield row


def head(app: TutorApp, round_: Round) -> Head:
    """What stands above the question; of a queue also about how long the rest takes."""
    title = _title(round_)
    asked = round_.asked
    if asked is None or round_.quiz is None:
        return Head(title, Text("done" if round_.quiz is not None else ""))
    total = len(round_.quiz.questions)
    place = Text(f"question {round_.at + 1} of {total}  ")
    share = (round_.at + 1) / total
    if not round_.queued:
        return Head(title, place.append(f"difficulty {asked.question.difficulty}/10", style="dim"), share)
    rest = review_seconds(app.store) * (total - round_.at) / 60
    return Head(title, place.append(f"about {minutes(rest)}", style="dim"), share if round_.reschedules else None)


def _title(round_: Round) -> Text:
    """What the round is, and that its answers change no date where that is so."""
    text = Text(round_.title, style="bold")
    return text if round_.reschedules else text.append("  reschedules nothing", style="italic not bold")


def intro_text(app: TutorApp, round_: Round) -> Text | None:
    """What to know before a round begins; None when it can begin at once."""
    if round_.kind == "placement":
        return _placement_intro(app, round_)
    if round_.kind != "checkpoint":
        return None
    chapter = load_chapter(round_.content, round_.chapter)
    heads = unread(round_.content, app.store, round_.chapter)
    if not heads or app.store.last_quiz(round_.context) is not None:
        return None
    size = len(chapter.checkpoint)
    text = Text()
    text.append(f"{len(chapter.lessons) - len(heads)} of {len(chapter.lessons)} lessons read\n\n", style="bold")
    text.append(
        f"The checkpoint asks about all of chapter {chapter.number}"
        + (" and about earlier chapters" if chapter.number >= EARLIER_FROM else "")
        + f": about {size} questions, {minutes(size * QUESTION_MINUTES)}. "
        "The advice is to read these first:\n\n"
    )
    for head in heads:
        text.append(f"  {head.section} {head.title}", style="bold").append(f"  {minutes(head.minutes)}\n", style="dim")
    text.append("\nAdvice, not a gate: ")
    return _keys(text, ("Enter", "begins all the same"), ("l", "reads the first"), ("Esc", "goes back"))


def _placement_intro(app: TutorApp, round_: Round) -> Text:
    chapter = load_chapter(round_.content, round_.chapter)
    text = Text()
    text.append(f"Do you know chapter {chapter.number} already? {chapter.title}\n\n", style="bold")
    text.append(
        f"Up to two questions on each of its {len(chapter.objectives)} objectives, without hints. With "
        f"{100 * PLACEMENT_PASS:.0f} % right you can leave the chapter out of your plan. That is a rough measure, and "
        "nothing is closed to you either way; what you answer here comes back in your reviews.\n\n"
        "Do not guess: F4 shows an answer and counts as wrong, and what is missing is named at the end.\n\n"
    )
    return _keys(text, ("Enter", "begins"), ("Esc", "goes back"))


def _keys(text: Text, *keys: tuple[str, str]) -> Text:
    for at, (key, does) in enumerate(keys):
        text.append(" · " if at else "").append(key, style="bold reverse").append(f" {does}")
    return text


def nothing_text(app: TutorApp, round_: Round) -> Text:
    """Why there is nothing to ask."""
    if not app.store.query("SELECT 1 FROM cards LIMIT 1"):
        return Text(
            "Nothing to review yet.\n\nEvery question that you answer, in a lesson or a checkpoint, comes back here "
            "when it is about to be forgotten."
        )
    match round_.kind:
        case "ahead":
            return Text("All that you have answered is due already: there is nothing to review ahead.")
        case "cram":
            return Text("Nothing of this has been answered yet: there is nothing to practise.")
        case _:
            text = Text("Nothing to ask now.\n\n", style="bold")
            return text.append_text(_what_comes(app))


def end_text(app: TutorApp, round_: Round, skipped: bool) -> Text:
    """How a round ended and what comes of it."""
    assert round_.quiz is not None
    total = len(round_.quiz.questions)
    right = sum(given.outcome == "right" for given in round_.quiz.answers)
    text = Text()
    match round_.kind:
        case "placement":
            text.append_text(_placement_end(round_, skipped))
        case "review":
            text.append(f"{right} of {total} recalled\n", style="bold")
            text.append_text(_what_comes(app))
        case "ahead" | "cram":
            text.append(f"{right} of {total} right\n", style="bold")
            text.append("This was practice: nothing was rescheduled.")
        case _:
            text.append(f"{right} of {total} right at the first try", style="bold")
    confident = _confident_errors(app, round_)
    if confident:
        does = "errors come" if confident > 1 else "error comes"
        text.append(f"\n{confident} confident {does} back tomorrow: that is when it helps most.")
    return text.append("\n✓ right  ✗ wrong  ↻ right at a later try", style="dim not bold")


def may_skip(round_: Round) -> bool:
    """Whether it is a placement quiz that says that its chapter can be left out."""
    return round_.kind == "placement" and round_.quiz is not None and is_passed(round_.quiz)


def left_out(app: TutorApp, round_: Round) -> str:
    """The row of the log by which the chapter of a placement quiz is left out of the plan; empty when it is not."""
    if round_.kind != "placement" or not calendar(app.course, app.store).is_skipped(round_.chapter):
        return ""
    return app.store.effective("skip", item=round_.chapter)[-1].id


def _placement_end(round_: Round, skipped: bool) -> Text:
    assert round_.quiz is not None
    number = load_chapter(round_.content, round_.chapter).number
    text = Text()
    text.append(f"{unaided(round_.quiz)} of {len(round_.quiz.questions)} right\n", style="bold")
    share = f"{100 * PLACEMENT_PASS:.0f} %"
    if skipped:
        text.append(f"Chapter {number} is left out of your plan; it stays open to you. u takes that back.")
    elif may_skip(round_):
        text.append(f"At {share} the chapter can be left out: s leaves chapter {number} out of your plan, ⏎ keeps it.")
    else:
        text.append(
            f"With {share} the chapter could be left out. It is worth your time: begin with the pages named below; "
            "what you know already reads quickly."
        )
    return text


def _what_comes(app: TutorApp) -> Text:
    """What is still due, and what falls due tomorrow."""
    left = due(app.store)
    text = Text()
    if left.offered:
        fresh = app.store.query("SELECT count(*) FROM cards WHERE fresh")[0][0]
        text.append(f"{left.offered} more due")
        if fresh:
            text.append(f", {fresh} after a shown answer")
        text.append(": w goes on.")
    elif left.total:
        text.append(f"Enough for today: {left.reviewed} reviewed. {left.total} more wait; w asks them all the same.")
    else:
        text.append("Nothing more is due today.")
    text.append(f" Tomorrow: {left.tomorrow}.")
    if left.leeches:
        are = "question is" if left.leeches == 1 else "questions are"
        text.append(f" {left.leeches} {are} forgotten again and again; k lists what to read.")
    return text


def _confident_errors(app: TutorApp, round_: Round) -> int:
    assert round_.quiz is not None
    if not round_.reschedules:
        return 0
    # Not by what counts as recalled: a right answer after a shown one is none, and still no error.
    return sum(
        any(
            isinstance(event := row.event, Answer)
            and row.at > round_.quiz.at
            and event.outcome == "wrong"
            and (event.confidence or 0.0) >= CONFIDENT
            for row in app.store.effective("answer", item=question)
        )
        for question in round_.quiz.questions
    )


def can_go_on(app: TutorApp, round_: Round) -> bool:
    """Whether another round can begin here."""
    if round_.kind == "review":
        return due(app.store).total > 0
    return round_.quiz is not None
