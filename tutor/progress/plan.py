"""The plan: the steps of a chapter in order, what is done, what comes next, and how it stands with the weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from tutor.course.load import is_written, load_chapter, load_lesson
from tutor.course.model import Chapter, Course, Week
from tutor.labs.registry import title
from tutor.progress.events import Event, PlanStart, Skip
from tutor.progress.queue import Due, due, today
from tutor.progress.schedule import Calendar, Missed, calendar
from tutor.progress.store import Store

LAB_MINUTES = 20
QUESTION_MINUTES = 2.5
ASKED = "plan:asked"
"""Draft that holds which question about the plan was put last and left open, so that it does not stand in the way."""
Kind = Literal["review", "lesson", "lab", "checkpoint"]
State = Literal["done", "started", "open"]


@dataclass(frozen=True)
class Step:
    """A review, a lesson, a lab or the checkpoint, as a line of Today."""

    kind: Kind
    target: str
    """What `open_target` takes, e.g. `lesson:svd`."""
    section: str
    label: str
    state: State
    progress: str
    """How far, e.g. `page 3 of 7`; empty when not begun."""
    minutes: float
    """What is left of it."""
    whole: float
    """Minutes that all of it takes."""
    at: str = ""
    """When it was last touched; empty when never."""


@dataclass(frozen=True)
class ChapterProgress:
    """How far a chapter is."""

    done: int
    total: int
    started: bool


@dataclass(frozen=True)
class Agenda:
    """What Today shows."""

    week: int
    """Week of the plan that it is by the calendar, from 1."""
    weeks: int
    chapter: Chapter
    """The first with something left, whatever the week."""
    planned: Week
    """The weeks that the plan has for this chapter."""
    focus: str
    planned_hours: tuple[float, float]
    """For this chapter."""
    seconds: float
    """Spent on this chapter."""
    hours_left: tuple[float, float]
    """Least and most hours for all that is left of the course."""
    calendar: Calendar
    today: date
    end: date
    """The plan's last day."""
    missed: Missed | None
    """The question to put after missed weeks; None when there is nothing to ask."""
    due: Due
    steps: tuple[Step, ...]
    next: Step | None
    finished: str
    """What to say when nothing is left."""

    @property
    def review(self) -> Step | None:
        """The reviews that are offered today; None when there are none."""
        if not self.due.offered:
            return None
        progress = str(self.due.offered)
        if self.due.total > self.due.offered:
            progress += f" of {self.due.total}"
        return Step("review", "review", "", "Review", "open", progress, self.due.minutes, self.due.minutes)

    @property
    def first(self) -> Step | None:
        """What to do first: the reviews, then what comes next in the chapter.

        Reviews lose by waiting and are few; and to recall what came earlier helps to learn what comes next (the
        forward testing effect: Szpunar 2008, Pastötter & Bäuml 2014). What was only shown a while ago waits until the
        step is done.
        """
        if self.due.total == self.due.shown:
            return self.next or self.review
        return self.review or self.next


def steps(content: Path, chapter_id: str, store: Store) -> tuple[Step, ...]:
    """The steps of a chapter: each lesson followed by its labs, then the checkpoint; raises ContentError."""
    chapter = load_chapter(content, chapter_id)
    rows: list[Step] = []
    placed: set[str] = set()
    for lesson_id in chapter.lessons:
        rows.append(_lesson_step(content, chapter_id, lesson_id, store))
        for lab_id in load_lesson(content, chapter_id, lesson_id).head.labs:
            if lab_id not in placed:
                placed.add(lab_id)
                rows.append(_lab_step(lab_id, store))
    rows += [_lab_step(lab_id, store) for lab_id in chapter.labs if lab_id not in placed]
    if chapter.checkpoint:
        rows.append(_checkpoint_step(chapter, store))
    return tuple(rows)


def _lesson_step(content: Path, chapter_id: str, lesson_id: str, store: Store) -> Step:
    lesson = load_lesson(content, chapter_id, lesson_id)
    state = store.lesson(lesson_id)
    pages = len(lesson.pages)
    furthest = min(state.furthest, pages) if state is not None else 0
    done = state is not None and furthest >= pages
    progress = "" if state is None else f"{pages} pages" if done else f"page {min(state.page, pages)} of {pages}"
    left = 0 if done else pages - max(furthest - 1, 0)
    return Step(
        kind="lesson",
        target=f"lesson:{lesson_id}",
        section=lesson.head.section,
        label=lesson.head.title,
        state="done" if done else "open" if state is None else "started",
        progress=progress,
        minutes=lesson.head.minutes if done else lesson.head.minutes * left / pages,
        whole=lesson.head.minutes,
        at="" if state is None else state.at,
    )


def _lab_step(lab_id: str, store: Store) -> Step:
    state = store.lab(lab_id)
    done = state is not None and state.done
    return Step(
        kind="lab",
        target=f"lab:{lab_id}",
        section="",
        label=title(lab_id),
        state="done" if done else "open" if state is None else "started",
        progress="" if state is None else "predicted" if not state.runs else f"{state.runs} run{'s'[: state.runs > 1]}",
        minutes=LAB_MINUTES,
        whole=LAB_MINUTES,
        at="" if state is None else state.at,
    )


def _checkpoint_step(chapter: Chapter, store: Store) -> Step:
    context = f"checkpoint:{chapter.id}"
    total = len(chapter.checkpoint)
    quiz = store.last_quiz(context)
    state: State = "open" if quiz is None else "done" if quiz.done else "started"
    progress = f"{total} questions"
    left = total
    if quiz is not None:
        left = len(quiz.questions) - quiz.position
        right = sum(answer.outcome == "right" for answer in quiz.answers)
        progress = (
            f"{right} of {len(quiz.questions)} right"
            if quiz.done
            else f"question {quiz.position + 1} of {len(quiz.questions)}"
        )
    return Step(
        kind="checkpoint",
        target=context,
        section="",
        label="Checkpoint",
        state=state,
        progress=progress,
        minutes=QUESTION_MINUTES * (left or total),
        whole=QUESTION_MINUTES * total,
        at="" if quiz is None else quiz.at,
    )


def next_step(rows: tuple[Step, ...]) -> Step | None:
    """The step that was begun last and is not done; else the first that is not done; None when all are."""
    started = [row for row in rows if row.state == "started"]
    if started:
        return max(started, key=lambda row: row.at)
    return next((row for row in rows if row.state == "open"), None)


def chapter_progress(content: Path, chapter_id: str, store: Store) -> ChapterProgress:
    """How far a chapter is; raises ContentError."""
    return progress_of(steps(content, chapter_id, store))


def progress_of(rows: Sequence[Step]) -> ChapterProgress:
    """How far a chapter with these steps is."""
    return ChapterProgress(
        done=sum(row.state == "done" for row in rows),
        total=len(rows),
        started=any(row.state != "open" for row in rows),
    )


def agenda(content: Path, course: Course, store: Store) -> Agenda:
    """What to do now: the first written chapter with something left, or the last one; raises ContentError."""
    plan = calendar(course, store)
    day = today(store)
    written = [week for week in plan.stretches if is_written(content, week.chapter)]
    begun = _begun(store)
    # All lessons of a chapter are read to find its steps; of one that lies ahead it is enough to know that.
    found = {
        week.chapter: steps(content, week.chapter, store)
        for week in written
        if not _lies_ahead(load_chapter(content, week.chapter), begun)
    }
    open_ones = [w for w in written if w.chapter not in found or next_step(found[w.chapter]) is not None]
    wanted = [w for w in open_ones if not plan.is_skipped(w.chapter)]
    week = (wanted or open_ones or written[-1:])[0]
    chapter = load_chapter(content, week.chapter)
    rows = found.get(week.chapter) or steps(content, week.chapter, store)
    left = _hours_left([(w, found.get(w.chapter, ())) for w in wanted])
    return Agenda(
        week=min(plan.week(day), plan.weeks),
        weeks=plan.weeks,
        chapter=chapter,
        planned=week,
        focus=week.focus,
        planned_hours=week.hours,
        seconds=store.seconds(chapter.id),
        hours_left=left,
        calendar=plan,
        today=day,
        end=plan.end,
        missed=_missed(plan, day, wanted, left),
        due=due(store),
        steps=rows,
        next=next_step(rows),
        finished=_finished(course, week, chapter),
    )


def _begun(store: Store) -> frozenset[str]:
    """The lessons, labs and checkpoints that there is anything about."""
    query = (
        "SELECT 'lesson:' || lesson FROM lesson_state UNION SELECT 'lab:' || lab FROM lab_state "
        "UNION SELECT context FROM quiz_state"
    )
    return frozenset(target for (target,) in store.query(query))


def _lies_ahead(chapter: Chapter, begun: frozenset[str]) -> bool:
    """Whether nothing of a chapter with lessons was begun."""
    targets = {f"checkpoint:{chapter.id}", *(f"lesson:{lesson}" for lesson in chapter.lessons)}
    return bool(chapter.lessons) and begun.isdisjoint(targets | {f"lab:{lab}" for lab in chapter.labs})


def _hours_left(found: list[tuple[Week, tuple[Step, ...]]]) -> tuple[float, float]:
    """The planned hours of the chapters, each as far as its steps are not done; without steps it lies ahead."""
    least = most = 0.0
    for week, rows in found:
        whole = sum(row.whole for row in rows)
        share = min(1.0, sum(row.minutes for row in rows if row.state != "done") / whole) if whole else 1.0
        least += share * week.hours[0]
        most += share * week.hours[1]
    return least, most


def _missed(plan: Calendar, day: date, left: list[Week], hours: tuple[float, float]) -> Missed | None:
    now = plan.week(day)
    behind = now - left[0].last if left else 0
    if behind <= plan.accepted:
        return None
    weeks = max(1, plan.weeks - now + 1)
    return Missed(
        weeks=behind,
        end=plan.end,
        days=7 * behind + plan.day_of_week(day),
        hours_a_week=(hours[0] / weeks, hours[1] / weeks),
        chapters=tuple(week.chapter for week in left if week.last < now and week is not left[-1]),
    )


# -- changes ---


def missed_key(missed: Missed) -> str:
    """What `ASKED` holds when the question about these missed weeks was left open."""
    return f"missed:{missed.weeks}"


def choose(content: Path, course: Course, store: Store, start: PlanStart) -> None:
    """Begin a plan. Whoever begins in the past knows it: nothing is asked before one more week went by."""
    store.record(start, draft=ASKED)
    missed = agenda(content, course, store).missed
    if missed is not None:
        store.save_draft(ASKED, missed_key(missed))


def mend(store: Store, events: Sequence[Event]) -> None:
    """Record an answer to missed weeks, row by row."""
    for event in events:
        store.record(event, draft=ASKED)


def leave_out(store: Store, chapter: str) -> None:
    """Leave a chapter out of the plan."""
    store.record(Skip(item=chapter, why="chosen"))


def take_in(store: Store, chapter: str) -> None:
    """Take a chapter that was left out into the plan again."""
    for row in store.effective("skip", item=chapter):
        store.undo(row.id)


def _finished(course: Course, week: Week, chapter: Chapter) -> str:
    later = [other for other in course.weeks if other.first > week.last]
    if not later:
        return "You have finished the course."
    title = next(stub.title for stub in course.chapters if stub.id == later[0].chapter)
    return f"Chapter {chapter.number} is done. Week {later[0].first} is {title}; its lessons are not written yet."
