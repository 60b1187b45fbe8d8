"""The plan: the steps of a chapter in order, what is done, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tutor.course.load import is_written, load_chapter, load_lesson
from tutor.course.model import Chapter, Course, Week
from tutor.progress.store import Store

LAB_MINUTES = 20
QUESTION_MINUTES = 2.5
Kind = Literal["lesson", "lab", "checkpoint"]
State = Literal["done", "started", "open"]


@dataclass(frozen=True)
class Step:
    """A lesson, a lab or the checkpoint, as a line of Today."""

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
    at: str = ""
    """When it was last touched; empty when never."""


@dataclass(frozen=True)
class ChapterProgress:
    """How far a chapter is."""

    done: int
    total: int
    started: bool
    labs_only: bool
    """Whether its lessons are not written yet."""


@dataclass(frozen=True)
class Agenda:
    """What Today shows."""

    week: int
    weeks: int
    chapter: Chapter
    focus: str
    planned_hours: tuple[float, float]
    seconds: float
    steps: tuple[Step, ...]
    next: Step | None
    finished: str
    """What to say when nothing is left."""


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
        at="" if state is None else state.at,
    )


def _lab_step(lab_id: str, store: Store) -> Step:
    from tutor.labs.registry import get

    state = store.lab(lab_id)
    done = state is not None and state.done
    return Step(
        kind="lab",
        target=f"lab:{lab_id}",
        section="",
        label=get(lab_id).title,
        state="done" if done else "open" if state is None else "started",
        progress="" if state is None else "predicted" if not state.runs else f"{state.runs} run{'s'[: state.runs > 1]}",
        minutes=LAB_MINUTES,
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
            f"{right} of {len(quiz.questions)} right" if quiz.done else f"question {quiz.position + 1} of {total}"
        )
    return Step(
        kind="checkpoint",
        target=context,
        section="",
        label="Checkpoint",
        state=state,
        progress=progress,
        minutes=QUESTION_MINUTES * (left or total),
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
    rows = steps(content, chapter_id, store)
    return ChapterProgress(
        done=sum(row.state == "done" for row in rows),
        total=len(rows),
        started=any(row.state != "open" for row in rows),
        labs_only=not any(row.kind == "lesson" for row in rows),
    )


def agenda(content: Path, course: Course, store: Store) -> Agenda:
    """What to do now: the first written chapter with something left, or the last one; raises ContentError."""
    written = [week for week in course.weeks if is_written(content, week.chapter)]
    found = [(week, steps(content, week.chapter, store)) for week in written]
    week, rows = next(((w, r) for w, r in found if next_step(r) is not None), found[-1])
    chapter = load_chapter(content, week.chapter)
    return Agenda(
        week=week.first,
        weeks=course.weeks[-1].last,
        chapter=chapter,
        focus=week.focus,
        planned_hours=week.hours,
        seconds=store.seconds(chapter.id),
        steps=rows,
        next=next_step(rows),
        finished=_finished(course, week, chapter),
    )


def _finished(course: Course, week: Week, chapter: Chapter) -> str:
    later = [other for other in course.weeks if other.first > week.last]
    if not later:
        return "You have finished the course."
    title = next(stub.title for stub in course.chapters if stub.id == later[0].chapter)
    return f"Chapter {chapter.number} is done. Week {later[0].first} is {title}; its lessons are not written yet."
