from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tutor.course.load import ContentError, load_course
from tutor.labs import registry
from tutor.progress import events as log
from tutor.progress.plan import LAB_MINUTES, QUESTION_MINUTES, Agenda, agenda, chapter_progress, next_step, steps
from tutor.progress.store import Store

COURSE = """
format_version = 1
title = "A course"
chapters = [
    { id = "one", number = 1, title = "One", part = "All" },
    { id = "two", number = 2, title = "Two", part = "All" },
    { id = "three", number = 3, title = "Three", part = "All" },
]
weeks = [
    { first = 1, last = 1, chapter = "one", focus = "first things", hours = [6, 8] },
    { first = 2, last = 3, chapter = "two", focus = "second things", hours = [5, 6] },
    { first = 4, last = 4, chapter = "three", focus = "last things", hours = [1, 2] },
]
"""


def write_chapter(content: Path, number: int, chapter: str, lessons: dict[str, tuple[int, list[str]]]) -> None:
    folder = content / f"{number:02d}-{chapter}"
    (folder / "lessons").mkdir(parents=True)
    labs = [lab for _, named in lessons.values() for lab in named]
    extra = ["attention-scaling"] if number == 1 else []
    checkpoint = [f"q{n}" for n in range(4)] if number == 1 else []
    (folder / "chapter.toml").write_text(
        f'id = "{chapter}"\nnumber = {number}\ntitle = "{chapter.title()}"\nwhy = "because"\nobjectives = []\n'
        f"lessons = {list(lessons)}\nlabs = {labs + extra}\ncheckpoint = {checkpoint}\n"
    )
    for place, (lesson, (pages, named)) in enumerate(lessons.items(), 1):
        text = "\n---\n".join(f"## Page {page}\n" for page in range(1, pages + 1))
        (folder / "lessons" / f"{lesson}.md").write_text(
            f'+++\nid = "{lesson}"\ntitle = "Lesson {lesson}"\nsection = "{number}.{place}"\nminutes = 30\n'
            f"labs = {named}\n+++\n{text}"
        )


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "course.toml").write_text(COURSE)
    write_chapter(folder, 1, "one", {"a": (5, ["svd-digits"]), "b": (3, ["whitening"]), "c": (2, [])})
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "progress.db")
    yield store
    store.close()


def now(content: Path, store: Store) -> Agenda:
    return agenda(content, load_course(content), store)


def read(store: Store, lesson: str, page: int, pages: int) -> None:
    store.record(log.Page(item=lesson, page=page, pages=pages), chapter="one", seconds=60.0)


def run_lab(store: Store, lab: str, done: bool) -> None:
    run = log.LabRun(item=lab, params={}, seed=0, changes=(), steps=1, scalars={}, checks={}, done=done)
    store.record(run, chapter="one")


def take_quiz(store: Store, answers: list[str]) -> None:
    quiz = store.start_quiz("checkpoint:one", [f"q{n}" for n in range(4)], seed=0, chapter="one")
    for n, outcome in enumerate(answers):
        given = log.Answer(item=f"q{n}", response="x", outcome=outcome, score=0.0, context="checkpoint:one", quiz=quiz)  # type: ignore[arg-type]
        store.record(given, chapter="one")


def test_each_lesson_is_followed_by_its_labs_and_the_checkpoint_ends_the_chapter(content: Path, store: Store) -> None:
    rows = steps(content, "one", store)
    assert [row.target for row in rows] == [
        "lesson:a",
        "lab:svd-digits",
        "lesson:b",
        "lab:whitening",
        "lesson:c",
        "lab:attention-scaling",
        "checkpoint:one",
    ]
    assert {row.state for row in rows} == {"open"}
    assert [row.label for row in rows if row.kind == "lesson"] == ["Lesson a", "Lesson b", "Lesson c"]
    assert [row.label for row in rows if row.kind == "lab"] == [
        registry.get(row.target.removeprefix("lab:")).title for row in rows if row.kind == "lab"
    ]
    assert [row.minutes for row in rows] == [30, LAB_MINUTES, 30, LAB_MINUTES, 30, LAB_MINUTES, 4 * QUESTION_MINUTES]


def test_a_newcomer_starts_at_the_first_lesson_of_week_one(content: Path, store: Store) -> None:
    plan = now(content, store)
    assert (plan.week, plan.weeks, plan.chapter.id, plan.focus) == (1, 4, "one", "first things")
    assert (plan.planned_hours, plan.seconds) == ((6, 8), 0.0)
    assert plan.next == plan.steps[0]
    assert not chapter_progress(content, "one", store).started


def test_a_lesson_goes_on_at_its_page_with_what_is_left_of_its_minutes(content: Path, store: Store) -> None:
    read(store, "a", 1, 5)
    read(store, "a", 4, 5)
    read(store, "a", 2, 5)
    step = now(content, store).next
    assert step is not None
    assert (step.target, step.state, step.progress) == ("lesson:a", "started", "page 2 of 5")
    assert step.minutes == pytest.approx(30 * 2 / 5)
    assert now(content, store).seconds == 180.0
    read(store, "a", 5, 5)
    following = now(content, store).next
    assert following is not None
    assert following.target == "lab:svd-digits"
    assert now(content, store).steps[0].state == "done"


def test_a_lesson_that_grew_since_is_not_done_and_one_that_shrank_is(content: Path, store: Store) -> None:
    read(store, "a", 4, 4)
    read(store, "b", 7, 9)
    states = {row.target: row.state for row in steps(content, "one", store)}
    assert (states["lesson:a"], states["lesson:b"]) == ("started", "done")


def test_what_was_begun_last_comes_first(content: Path, store: Store) -> None:
    read(store, "a", 2, 5)
    store.record(log.Prediction(item="whitening", value=1.0))
    step = next_step(steps(content, "one", store))
    assert step is not None
    assert step.target == "lab:whitening"
    read(store, "a", 3, 5)
    step = next_step(steps(content, "one", store))
    assert step is not None
    assert step.target == "lesson:a"


def test_a_lab_is_done_when_a_run_went_to_its_end(content: Path, store: Store) -> None:
    states = []
    run_lab(store, "svd-digits", done=False)
    states.append(steps(content, "one", store)[1].state)
    run_lab(store, "svd-digits", done=True)
    states.append(steps(content, "one", store)[1].state)
    run_lab(store, "svd-digits", done=False)
    states.append(steps(content, "one", store)[1].state)
    assert states == ["started", "done", "done"]


def test_a_checkpoint_goes_on_at_the_first_open_question(content: Path, store: Store) -> None:
    take_quiz(store, ["right", "wrong"])
    step = steps(content, "one", store)[-1]
    assert (step.state, step.progress, step.minutes) == ("started", "question 3 of 4", 2 * QUESTION_MINUTES)
    take_quiz(store, ["right", "wrong", "right", "right"])
    step = steps(content, "one", store)[-1]
    assert (step.state, step.progress) == ("done", "3 of 4 right")


def finish_chapter_one(store: Store) -> None:
    for lesson, pages in {"a": 5, "b": 3, "c": 2}.items():
        read(store, lesson, pages, pages)
    for lab in ("svd-digits", "whitening", "attention-scaling"):
        run_lab(store, lab, done=True)
    take_quiz(store, ["right"] * 4)


def test_when_all_that_is_written_is_done_it_says_what_the_plan_has_next(content: Path, store: Store) -> None:
    finish_chapter_one(store)
    plan = now(content, store)
    assert plan.next is None
    assert {row.state for row in plan.steps} == {"done"}
    assert "Two" in plan.finished
    assert "2" in plan.finished
    progress = chapter_progress(content, "one", store)
    assert (progress.done, progress.total) == (7, 7)


def test_the_next_written_chapter_follows_a_finished_one(content: Path, store: Store) -> None:
    finish_chapter_one(store)
    write_chapter(content, 2, "two", {"d": (2, [])})
    plan = now(content, store)
    assert (plan.planned.first, plan.chapter.id, plan.seconds) == (2, "two", 0.0)
    assert plan.week == 1  # by the calendar: the learner is ahead
    assert plan.next is not None
    assert plan.next.target == "lesson:d"


def test_what_was_shown_a_while_ago_waits_until_the_step_is_done(content: Path, store: Store, tmp_path: Path) -> None:
    shown = log.Answer(item="q1", response=None, outcome="wrong", score=0.0, context="lesson:a", quiz="", revealed=True)
    store.record(shown, chapter="one")
    plan = now(content, store)
    assert (plan.due.total, plan.due.shown) == (1, 1)
    assert plan.first is plan.next
    with closing(Store.open(tmp_path / "progress.db", lambda: datetime.now(UTC) + timedelta(days=9))) as late:
        plan = now(content, late)
    # By then it is due by its date.
    assert plan.due.total > plan.due.shown == 0
    assert plan.first == plan.review


def test_a_lesson_that_cannot_be_read_is_an_error_and_not_a_gap(content: Path, store: Store) -> None:
    (content / "01-one" / "lessons" / "b.md").unlink()
    with pytest.raises(ContentError, match=r"b\.md"):
        now(content, store)


def test_of_a_chapter_that_lies_ahead_no_lesson_is_read_and_all_its_hours_are_left(content: Path, store: Store) -> None:
    write_chapter(content, 2, "two", {"d": (2, []), "e": (2, ["mcmc"])})
    broken = content / "02-two/lessons/d.md"
    sound = broken.read_text()
    broken.write_text("no front matter")
    ahead = now(content, store)
    assert ahead.hours_left == (6 + 5, 8 + 6)
    assert ahead.next is not None
    assert ahead.next.target == "lesson:a"
    for lesson, pages in (("a", 5), ("b", 3)):
        read(store, lesson, pages, pages)
    assert now(content, store).hours_left[0] < 6 + 5
    # The lesson, its lab, or the checkpoint: whichever is begun, the chapter's lessons are needed.
    store.record(log.Prediction(item="mcmc", value=0.5), chapter="two", seconds=1.0)
    with pytest.raises(ContentError):
        now(content, store)
    broken.write_text(sound)
    assert now(content, store).hours_left[1] > 6
