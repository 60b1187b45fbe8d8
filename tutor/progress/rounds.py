"""Which rounds of questions there are, and what each of them asks."""

from __future__ import annotations

from pathlib import Path

from tutor.course.load import find_lesson, is_written, load_chapter, load_lesson, load_questions
from tutor.course.model import Course, LessonHead
from tutor.errors import TutorError
from tutor.progress import queue
from tutor.progress.review import PRACTICE
from tutor.progress.round import Round, find_question, locate
from tutor.progress.store import Store

MOST = 20
"""Questions of a round beyond the day's share, or of one that reschedules nothing."""
TITLES = {"": "Review", "more": "Review", "ahead": "Review ahead", "cram": "Cram"}
"""The modes of a review."""


def round_for(target: str, content: Path, course: Course, store: Store) -> Round:
    """The round that a target of the app names; raises TutorError when there is none.

    It is `practice:LESSON`, `question:ID`, `checkpoint:CHAPTER`, `placement:CHAPTER`, `review`, `review:more` (beyond
    the day's cap), `review:ahead` or `review:cram[:CHAPTER]`.
    """
    kind, _, rest = target.partition(":")
    match kind:
        case "practice":
            chapter = find_lesson(content, course, rest)
            return practice(content, course, store, chapter, rest)
        case "question":
            return alone(content, course, store, rest)
        case "checkpoint" | "placement":
            return of_chapter(content, course, store, kind, rest)
        case "review":
            mode, _, chapter = rest.partition(":")
            if mode in TITLES and (not chapter or mode == "cram"):
                return review(content, course, store, mode, chapter)
    raise TutorError(f"There is nothing to open at {target!r}")


def practice(content: Path, course: Course, store: Store, chapter: str, lesson: str) -> Round:
    """The practice questions of a lesson; raises TutorError when it has none."""
    head = load_lesson(content, chapter, lesson).head
    if not head.questions:
        raise TutorError(f"Lesson {head.title} has no practice questions")
    title = f"{head.section} {head.title}: practice"
    return _listed(content, course, store, title, f"lesson:{lesson}", chapter, head.questions)


def alone(content: Path, course: Course, store: Store, question: str) -> Round:
    """One question of the bank; raises TutorError when the course has none of that id."""
    _, chapter = find_question(content, course, question)
    title = f"A question of chapter {_number(course, chapter)}"
    return _listed(content, course, store, title, f"question:{question}", chapter, (question,))


def explain(content: Path, course: Course, store: Store, chapter: str, lab: str, question: str) -> Round:
    """The question asked after a lab."""
    return _listed(content, course, store, f"Explain what {lab} showed", f"lab:{lab}", chapter, (question,))


def _listed(
    content: Path, course: Course, store: Store, title: str, context: str, chapter: str, ids: tuple[str, ...]
) -> Round:
    bank = load_questions(content, chapter)
    missing = [name for name in ids if name not in bank]
    if missing:
        raise TutorError(f"{title}: the chapter has no question {missing[0]!r}")
    selection = queue.Selection(tuple(bank[name] for name in ids), (chapter,) * len(ids))
    return Round(content, course, store, title, context, lambda seed: selection, chapter)


def of_chapter(content: Path, course: Course, store: Store, kind: str, chapter: str) -> Round:
    """The checkpoint or the placement quiz of a chapter."""
    number = _number(course, chapter)
    if not load_chapter(content, chapter).checkpoint:
        raise TutorError(f"Chapter {number} has no {kind} yet")
    load_questions(content, chapter)  # what is wrong with it is said before a screen opens

    def choose(seed: int) -> queue.Selection:
        if kind == "placement":
            return queue.select_placement(content, chapter, seed)
        return queue.select_checkpoint(content, course, chapter, seed)

    title = f"Chapter {number} {kind}"
    earlier = tuple(
        stub.id
        for stub in course.chapters
        if kind == "checkpoint" and queue.EARLIER_FROM <= number > stub.number and is_written(content, stub.id)
    )
    return Round(content, course, store, title, f"{kind}:{chapter}", choose, chapter, earlier)


def _number(course: Course, chapter: str) -> int:
    number = next((stub.number for stub in course.chapters if stub.id == chapter), None)
    if number is None:
        raise TutorError(f"The course has no chapter {chapter!r}")
    return number


def review(content: Path, course: Course, store: Store, mode: str = "", chapter: str = "") -> Round:
    """What is due, of the day's share or `more`; or, rescheduling nothing, `ahead` and `cram` (a chapter or all)."""
    title = f"Cram chapter {_number(course, chapter)}" if chapter else TITLES[mode]
    practice = mode if mode in PRACTICE else "review"
    context = f"{practice}:{chapter}" if chapter else practice

    asked = [str(name) for (name,) in store.query("SELECT DISTINCT chapter FROM cards")]
    chapters = tuple(name for name in asked if is_written(content, name))

    def choose(seed: int) -> queue.Selection:
        # A question that has moved to a chapter of which nothing was answered is found when that has changed.
        known = frozenset(question for name in chapters for question in load_questions(content, name))
        match mode:
            case "ahead":
                cards = queue.ahead_queue(store, known, MOST)
            case "cram":
                cards = queue.cram_queue(store, chapter, known, MOST)
            case _:
                cards = queue.review_queue(store, known, MOST if mode == "more" else None)
        found = [locate(content, course, card.question, card.chapter) for card in cards]
        pairs = [pair for pair in found if pair is not None]
        return queue.Selection(tuple(question for question, _ in pairs), tuple(name for _, name in pairs))

    return Round(content, course, store, title, context, choose, chapters=chapters)


def unread(content: Path, store: Store, chapter: str) -> tuple[LessonHead, ...]:
    """The lessons of a chapter that were not read to their end."""
    found = []
    for lesson_id in load_chapter(content, chapter).lessons:
        lesson, state = load_lesson(content, chapter, lesson_id), store.lesson(lesson_id)
        if state is None or state.furthest < len(lesson.pages):
            found.append(lesson.head)
    return tuple(found)
