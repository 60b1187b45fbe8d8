"""What is said around a verdict: how sure one was, what came of it, when the question comes back and why then."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from rich.text import Text

from tutor.course.grade import Verdict
from tutor.course.markup import plain
from tutor.course.model import Question
from tutor.progress.events import CONFIDENCE, CONFIDENT
from tutor.progress.review import Grade
from tutor.progress.round import Round, Scheduled

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

SURE_KEYS = dict(zip(("f6", "f7", "f8", "f9"), CONFIDENCE, strict=True))
"""Keys that hand in and say how sure the learner is."""
GRADES = {Grade.AGAIN: "Again", Grade.HARD: "Hard", Grade.GOOD: "Good", Grade.EASY: "Easy"}


def sure_line() -> Text:
    """How to say how sure one is, without a key more."""
    text = Text("Or hand in as", style="dim")
    for key, level in SURE_KEYS.items():
        text.append(f"  {key.upper()}", style="bold not dim").append(f" {level}")
    return text


def verdict_text(app: TutorApp, question: Question, verdict: Verdict, *, shown: bool = False) -> Text:
    """Right or wrong, or `shown` on request, and what is to be said of the answer."""
    text = Text()
    if shown:
        return text.append("◇ Shown", style="bold").append("  It counts as not known.")
    if verdict.outcome == "right":
        text.append("✓ Right", style="bold")
    else:
        text.append("✗ Not yet" if question.type == "self_graded" else "✗ Wrong", style="bold reverse")
    if verdict.message:
        text.append(f"  {verdict.message}")
    if verdict.feedback and not question.choices:
        # A choice has its reason beside it, as have pairs and gaps.
        text.append(f"\n{plain(verdict.feedback, app.settings.ascii_math)}")
    return text


def _day_text(day: date) -> str:
    """A day of the calendar, as `Tue 3 Feb`."""
    return f"{day:%a} {day.day} {day:%b}"


def _in_days(days: int) -> str:
    """How long to wait, as `tomorrow` or `in 11 days`."""
    return "today" if days <= 0 else "tomorrow" if days == 1 else f"in {days} days"


def schedule(round_: Round, done: Scheduled, today: date) -> Text:
    """When the question is asked again, with the grade that was taken and what the others would have given."""
    due = date.fromisoformat(done.card.due)
    text = Text()
    if not done.moved:
        why = "Practice" if not round_.reschedules else "Today's first answer counts"
        when = "it is due as before" if due <= today else f"it comes back {_day_text(due)} as before"
        text.append(f"{why}: {when}.")
        return text
    when = f"{_in_days((due - today).days)}, {_day_text(due)}"
    if done.card.fresh:
        text.append(GRADES[done.grade], style="bold")
        asked = round_.asked
        how = "with other numbers" if asked is not None and asked.varies else "once more"
        return text.append(f": the answer was shown; asked {how} today if there is time, else {when}")
    text.append(f"Comes back {when}, as ").append(GRADES[done.grade], style="bold")
    # Easy is told only where it could be said.
    told = {*Grade} - {Grade.EASY, done.grade} | round_.grades(done) & {Grade.EASY}
    others = ", ".join(f"{GRADES[grade]} {days} d" for grade, days in done.days.items() if grade in told)
    text.append(f"  ({others})", style="dim")
    return text


def reasons(done: Scheduled, wrong: bool, confidence: float | None, lesson: str) -> list[str]:
    """Why it comes back so soon, and what would help."""
    lines = []
    # A right answer after a shown one is graded Again too, and is no error.
    if wrong and not done.card.fresh and confidence is not None and confidence >= CONFIDENT and done.moved:
        name = next(name for name, share in CONFIDENCE.items() if share == confidence)
        lines.append(f"You were {name}: such errors return unless they are rehearsed, so it is asked again tomorrow.")
    if done.leech and lesson:
        lines.append(f"Forgotten {done.card.lapses} times: {lesson} will help more than asking again; l opens it.")
    return lines
