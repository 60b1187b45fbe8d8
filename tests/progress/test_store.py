import hashlib
import itertools
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutor.errors import TutorError
from tutor.progress import events as log
from tutor.progress import store as module
from tutor.progress.derived import TABLES
from tutor.progress.store import APPLICATION_ID, VERSION, Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store.open(path)
    yield store
    store.close()


def answer(item: str, outcome: str = "right", quiz: str = "", response: log.Response = "1/3") -> log.Answer:
    score = 1.0 if outcome == "right" else 0.0
    return log.Answer(item=item, response=response, outcome=outcome, score=score, context="c", quiz=quiz)  # type: ignore[arg-type]


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    db = sqlite3.connect(path)
    try:
        return {table: sorted(db.execute(f"SELECT * FROM {table}").fetchall()) for table in TABLES}
    finally:
        db.close()


# -- what is remembered ---


def test_a_lesson_remembers_its_page_and_the_furthest_one(store: Store) -> None:
    assert store.lesson("svd") is None
    for page in (1, 2, 5, 3):
        store.record(log.Page(item="svd", page=page, pages=6), chapter="la")
    state = store.lesson("svd")
    assert state is not None
    assert (state.page, state.furthest, state.pages) == (3, 5, 6)
    assert store.lesson("whitening") is None


def test_a_question_counts_attempts_hints_and_reveals(store: Store) -> None:
    store.record(log.Hint(item="q", number=1))
    store.record(log.Hint(item="q", number=2))
    only_hints = store.question("q")
    assert only_hints is not None
    assert (only_hints.attempts, only_hints.hints, only_hints.last_outcome, only_hints.first_at) == (0, 2, None, None)
    store.record(answer("q", "wrong"))
    store.record(log.Reveal(item="q"))
    store.record(answer("q", "right"))
    state = store.question("q")
    assert state is not None
    assert (state.attempts, state.right, state.last_outcome, state.hints, state.revealed) == (2, 1, "right", 2, 1)
    first, last = store.events("answer")
    assert (state.first_at, state.last_at) == (first.at, last.at)


def test_a_quiz_keeps_the_first_answer_to_each_question_and_stands_at_the_first_open_one(store: Store) -> None:
    quiz_id = store.start_quiz("checkpoint:la", ["a", "b", "c"], seed=11, chapter="la")
    store.record(answer("a", "wrong", quiz_id))
    store.record(answer("a", "right", quiz_id))
    store.record(answer("elsewhere", "right", quiz_id))
    store.record(answer("c", "right", quiz_id))
    quiz = store.quiz(quiz_id)
    assert quiz is not None
    assert quiz == store.open_quiz("checkpoint:la")
    assert (quiz.questions, quiz.seed, quiz.position, quiz.done) == (("a", "b", "c"), 11, 1, False)
    assert [(given.question, given.outcome) for given in quiz.answers] == [("a", "wrong"), ("c", "right")]
    store.record(answer("b", "right", quiz_id))
    quiz = store.quiz(quiz_id)
    assert quiz is not None
    assert (quiz.position, quiz.done) == (3, True)
    assert store.open_quiz("checkpoint:la") is None
    assert store.last_quiz("checkpoint:la") == quiz


def test_a_new_quiz_takes_the_place_of_an_unfinished_one(store: Store) -> None:
    store.start_quiz("lesson:svd", ["a", "b"], seed=1)
    second = store.start_quiz("lesson:svd", ["a"], seed=2)
    store.start_quiz("lesson:whitening", ["z"], seed=3)
    assert store.open_quiz("lesson:svd") == store.quiz(second)
    store.record(answer("a", quiz=second))
    assert store.open_quiz("lesson:svd") is None


def test_a_lab_keeps_prediction_runs_and_a_replayable_record(store: Store) -> None:
    assert store.lab("svd-digits") is None
    store.record(log.Prediction(item="svd-digits", value=21.0))
    run = log.LabRun(
        item="svd-digits",
        params={"k": 20, "centred": True, "share": 0.5, "data": ""},
        seed=3,
        changes=((4, "k", 30),),
        steps=61,
        scalars={"error": 0.25, "ratio": math.nan, "top": math.inf},
        checks={"Eckart–Young": True},
        done=False,
    )
    store.record(run)
    state = store.lab("svd-digits")
    assert state is not None
    assert (state.prediction, state.runs, state.done) == (21.0, 1, False)
    store.record(msgspec.structs.replace(run, done=True))
    state = store.lab("svd-digits")
    assert state is not None
    assert (state.prediction, state.runs, state.done) == (21.0, 2, True)
    (first, _) = store.events("lab_run", "svd-digits")
    assert first.event == msgspec.structs.replace(run, scalars={"error": 0.25, "ratio": None, "top": None})


def test_a_draft_lives_until_its_answer_is_recorded(store: Store, path: Path) -> None:
    assert store.draft("quiz:1:q") == ""
    for text in ("s", "sq", "sqrt(2) [/bold] ' \x00 √2", "sqrt(2"):
        store.save_draft("quiz:1:q", text)
        assert store.draft("quiz:1:q") == text
    store.save_draft("other", "kept")
    store.close()
    again = Store.open(path)
    assert again.draft("quiz:1:q") == "sqrt(2"
    again.record(answer("q"), draft="quiz:1:q")
    assert (again.draft("quiz:1:q"), again.draft("other")) == ("", "kept")
    again.save_draft("other", "")
    assert again.draft("other") == ""
    again.close()


@pytest.mark.parametrize(
    ("event", "seconds"),
    [
        (log.Page(item="svd", page=0, pages=3), 0.0),
        (log.Page(item="svd", page="2", pages=3), 0.0),  # type: ignore[arg-type]
        (answer("q", "unreadable"), 0.0),
        (log.Prediction(item="svd-digits", value=math.nan), 0.0),
        (log.Event(item="nothing in particular"), 0.0),
        (log.Hint(item="q", number=1), -1.0),
        (log.Hint(item="q", number=1), math.nan),
        (log.Hint(item="q", number=1), math.inf),
    ],
)
def test_what_is_not_an_event_is_not_written(store: Store, event: log.Event, seconds: float) -> None:
    with pytest.raises(ValueError):
        store.record(event, seconds=seconds)
    assert store.events() == []


# -- time and order ---


class Clock:
    """A clock that shows what it is told, one moment after the other; the last for ever."""

    def __init__(self, *moments: datetime) -> None:
        self.moments = itertools.chain(moments, itertools.repeat(moments[-1]))

    def __call__(self) -> datetime:
        return next(self.moments)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_rows_stand_in_the_order_of_writing_whatever_the_clock_says(steps: list[int]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(milliseconds=ms) for ms in steps]
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "progress.db", Clock(*moments))
        ids = [store.record(log.Hint(item="q", number=n)) for n in range(1, len(moments) + 1)]
        rows = store.events()
        store.close()
    assert [row.id for row in rows] == ids == sorted(ids)
    ats = [row.at for row in rows]
    assert ats == sorted(set(ats))
    latest = start - timedelta(days=400)
    for row, moment in zip(rows, moments, strict=True):
        expected = max(moment, latest + timedelta(milliseconds=1))
        assert datetime.fromisoformat(row.at) == expected
        latest = expected
        identity = uuid.UUID(row.id)
        assert (identity.version, identity.variant) == (7, uuid.RFC_4122)
        assert identity.int >> 80 == (expected - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_ids_of_one_moment_differ() -> None:
    assert len({log.uuid7(1_767_225_600_000) for _ in range(1000)}) == 1000


def test_time_is_kept_in_utc_with_the_offset_and_counted_for_the_local_study_day(path: Path) -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    half_past_three, half_past_four = datetime(2026, 3, 2, 3, 30, tzinfo=zone), datetime(2026, 3, 2, 4, 30, tzinfo=zone)
    evening = datetime(2026, 3, 1, 22, 0, tzinfo=timezone(timedelta(hours=-3)))
    store = Store.open(path, Clock(half_past_three, half_past_four, evening))
    store.record(log.Page(item="svd", page=1, pages=2), chapter="la", seconds=2.0)
    store.record(log.Page(item="svd", page=1, pages=2), chapter="la", seconds=90.5)
    store.record(log.Page(item="svd", page=2, pages=2), chapter="la", seconds=30.0)
    store.record(log.Page(item="ode", page=1, pages=2), chapter="calculus", seconds=7.0)
    first, _, second, _ = store.events()
    assert (first.at, first.offset) == ("2026-03-01T21:45:00.000Z", 345)
    assert (second.at, second.offset) == ("2026-03-02T01:00:00.000Z", -180)
    assert (store.seconds("la"), store.seconds("calculus"), store.seconds("diffusion")) == (122.5, 7.0, 0.0)
    store.close()
    assert tables(path)["time_spent"] == [
        ("calculus", "2026-03-01", 7.0),
        ("la", "2026-03-01", 32.0),
        ("la", "2026-03-02", 90.5),
    ]


# -- derived from the log ---

ITEMS = st.sampled_from(["a", "b", "c"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
EVENTS = st.one_of(
    st.builds(log.Page, item=ITEMS, page=st.integers(1, 9), pages=st.integers(1, 9)),
    st.builds(
        log.Answer,
        item=ITEMS,
        response=TEXT | st.lists(st.integers(0, 5)).map(tuple) | st.lists(st.booleans()).map(tuple) | st.none(),
        outcome=st.sampled_from(["right", "wrong"]),
        score=st.floats(0, 1),
        context=st.just("checkpoint:c"),
        quiz=st.sampled_from(["first", "last", "unknown"]),
        hints=st.integers(0, 3),
        revealed=st.booleans(),
    ),
    st.builds(log.Hint, item=ITEMS, number=st.integers(1, 3)),
    st.builds(log.Reveal, item=ITEMS),
    st.builds(log.Prediction, item=ITEMS, value=st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(
        log.LabRun,
        item=ITEMS,
        params=st.dictionaries(TEXT, st.integers(0, 9) | st.booleans() | TEXT | st.floats(0, 1)),
        seed=st.integers(0, 2**31),
        changes=st.lists(st.tuples(st.integers(0, 99), TEXT, st.floats(0, 1) | st.integers(0, 9))).map(tuple),
        steps=st.integers(0, 99),
        scalars=st.dictionaries(TEXT, st.floats(0, 1) | st.none()),
        checks=st.dictionaries(TEXT, st.booleans()),
        done=st.booleans(),
    ),
    st.builds(
        log.QuizStart,
        item=st.sampled_from(["checkpoint:c", "lesson:l"]),
        questions=st.lists(ITEMS, unique=True).map(tuple),
        seed=st.integers(0, 2**31),
    ),
)


@given(st.lists(st.tuples(EVENTS, st.sampled_from(["", "la", "ode"]), st.floats(0, 100)), max_size=40))
@settings(max_examples=30, deadline=None)
def test_the_tables_are_what_the_log_says(rows: list[tuple[log.AnyEvent, str, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "progress.db"
        store = Store.open(path)
        written: list[log.AnyEvent] = []
        quizzes: list[str] = []
        for event, chapter, seconds in rows:
            if isinstance(event, log.Answer):
                known = {"first": quizzes[:1], "last": quizzes[-1:], "unknown": []}[event.quiz]
                event = msgspec.structs.replace(event, quiz=known[0] if known else "unknown")
            identity = store.record(event, chapter=chapter, seconds=seconds)
            if isinstance(event, log.QuizStart):
                quizzes.append(identity)
            written.append(event)
        logged = store.events()
        assert [row.event for row in logged] == written

        for item in "abc":
            pages = [event for event in written if isinstance(event, log.Page) and event.item == item]
            lesson = store.lesson(item)
            assert (lesson is None) == (not pages)
            if lesson is not None:
                assert (lesson.page, lesson.pages) == (pages[-1].page, pages[-1].pages)
                assert lesson.furthest == max(page.page for page in pages)
            answers = [event for event in written if isinstance(event, log.Answer) and event.item == item]
            hints = [event.number for event in written if isinstance(event, log.Hint) and event.item == item]
            reveals = [event for event in written if isinstance(event, log.Reveal) and event.item == item]
            question = store.question(item)
            assert (question is None) == (not answers and not hints and not reveals)
            if question is not None:
                assert question.attempts == len(answers)
                assert question.right == sum(event.outcome == "right" for event in answers)
                assert question.last_outcome == (answers[-1].outcome if answers else None)
                assert (question.hints, question.revealed) == (max(hints, default=0), len(reveals))
            runs = [event for event in written if isinstance(event, log.LabRun) and event.item == item]
            predictions = [event for event in written if isinstance(event, log.Prediction) and event.item == item]
            lab = store.lab(item)
            assert (lab is None) == (not runs and not predictions)
            if lab is not None:
                assert (lab.runs, lab.finished) == (len(runs), sum(event.done for event in runs))
                assert lab.prediction == (predictions[-1].value if predictions else None)
        for identity in quizzes:
            quiz = store.quiz(identity)
            assert quiz is not None
            first: dict[str, str] = {}
            for event in written:
                if isinstance(event, log.Answer) and event.quiz == identity and event.item in quiz.questions:
                    first.setdefault(event.item, event.outcome)
            assert {given.question: given.outcome for given in quiz.answers} == first
            assert quiz.done == (set(first) == set(quiz.questions))
            assert all(question in first for question in quiz.questions[: quiz.position])
            assert quiz.done or quiz.questions[quiz.position] not in first
        for chapter in ("la", "ode"):
            assert store.seconds(chapter) == pytest.approx(sum(s for _, c, s in rows if c == chapter))

        live = tables(path)
        store.rebuild()
        assert tables(path) == live
        assert store.events() == logged
        store.close()


# -- the file ---


def test_a_new_file_has_all_migrations_and_says_whose_it_is(store: Store, path: Path) -> None:
    from tutor.progress.migrations import MIGRATIONS

    db = sqlite3.connect(path)
    applied = [name for (name,) in db.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = 'progress'")]
    assert len(applied) == len(MIGRATIONS._migrations) == VERSION
    assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_after_closing_the_file_stands_alone(path: Path) -> None:
    store = Store.open(path)
    store.record(log.Reveal(item="q"))
    store.close()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_file_system_without_hard_links_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    filled(path, 2)
    store = Store.open(path)
    assert len(store.events()) == 2
    store.close()


def test_an_older_file_is_brought_up_to_date_and_keeps_its_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlite_utils import Migrations

    from tutor.progress import migrations

    filled(path, 3)
    newer = Migrations("progress")
    newer._migrations = [*migrations.MIGRATIONS._migrations]
    newer(name="flags")(lambda db: db["flags"].create({"question": str}, pk="question"))
    monkeypatch.setattr(migrations, "MIGRATIONS", newer)
    monkeypatch.setattr(module, "VERSION", VERSION + 1)
    for _ in range(2):
        store = Store.open(path)
        assert [row.event.item for row in store.events()] == ["question-0", "question-1", "question-2"]
        store.close()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)
    assert db.execute("SELECT count(*) FROM flags").fetchone() == (0,)
    db.close()


def test_a_migration_that_fails_leaves_the_older_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlite_utils import Migrations

    from tutor.progress import migrations

    def half_done(db: object) -> None:
        db["flags"].create({"question": str}, pk="question")  # type: ignore[index]
        raise RuntimeError("bug")

    filled(path, 3)
    broken = Migrations("progress")
    broken._migrations = [*migrations.MIGRATIONS._migrations]
    broken(name="flags")(half_done)
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", broken)
        patched.setattr(module, "VERSION", VERSION + 1)
        with pytest.raises(RuntimeError):
            Store.open(path)
    store = Store.open(path)
    assert len(store.events()) == 3
    store.close()
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'flags'").fetchone() == (0,)
    db.close()


def version_one(path: Path) -> None:
    """A file as the first format had it, with rows as its programs wrote them."""
    from sqlite_utils import Database

    from tutor.progress.migrations import MIGRATIONS

    db = Database(sqlite3.connect(path))
    first = type(MIGRATIONS)("progress")
    first._migrations = MIGRATIONS._migrations[:1]
    first.apply(db)
    quiz = "019538d0-0000-7000-8000-000000000001"
    fields = f'"score":1.0,"context":"checkpoint:la","quiz":"{quiz}","hints":0,"revealed":false}}'
    rows = [
        (quiz, "quiz_start", "checkpoint:la", '{"questions":["a","b"],"seed":3}'),
        (quiz[:-1] + "2", "answer", "a", '{"response":"1/3","outcome":"right",' + fields),
        (quiz[:-1] + "3", "reveal", "b", "{}"),
        (quiz[:-1] + "4", "prediction", "whitening", '{"value":0.5}'),
        (quiz[:-1] + "5", "page", "svd", '{"page":2,"pages":9}'),
    ]
    for at, (identity, kind, item, data) in enumerate(rows):
        stamp = f"2026-01-05T10:00:0{at}.000Z"
        row = (identity, stamp, 60, kind, item, "linear-algebra", 10.0, data)
        db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO drafts VALUES ('quiz:b', 'half-typed', '2026-01-05T10:00:09.000Z')")
    db.conn.commit()
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")
    db.conn.close()


def test_a_file_of_the_first_format_keeps_all_it_has_and_a_copy_of_it_stands_beside(path: Path) -> None:
    version_one(path)
    with path.open("rb") as file:
        before = file.read()
    store = Store.open(path, Clock(datetime(2026, 2, 3, 12, tzinfo=UTC)))
    assert [type(row.event).__name__ for row in store.events()] == [
        *("QuizStart", "Answer", "Reveal", "Prediction", "Page")
    ]
    card, quiz = store.card("a"), store.last_quiz("checkpoint:la")
    assert card is not None
    assert (card.reps, card.due, card.objectives) == (1, "2026-01-07", ())
    assert quiz is not None
    assert (quiz.position, quiz.seed, quiz.mixed) == (1, 3, False)
    assert (store.draft("quiz:b"), store.seconds("linear-algebra")) == ("half-typed", 50.0)
    live = tables(path)
    store.rebuild()
    store.close()
    assert tables(path) == live
    copy = path.with_name("progress-v1-2026-02-03.db")
    assert {file.name for file in path.parent.iterdir()} == {path.name, copy.name}
    old, kept = sqlite3.connect(":memory:"), sqlite3.connect(copy)
    old.deserialize(before)
    assert list(kept.iterdump()) == list(old.iterdump())
    assert kept.execute("PRAGMA user_version").fetchone() == (1,)
    old.close()
    kept.close()
    Store.open(path).close()
    assert len(list(path.parent.iterdir())) == 2  # once is enough


def test_where_no_copy_can_be_made_nothing_is_migrated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version_one(path)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse)
        with pytest.raises(TutorError, match=r"progress-v1-.*nothing was changed"):
            Store.open(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    store = Store.open(path)
    assert len(store.events()) == 5
    store.close()


def test_names_with_special_characters_are_just_names(tmp_path: Path) -> None:
    folder = tmp_path / "what? 100% #1 é"
    folder.mkdir()
    for _ in range(2):
        store = Store.open(folder / "progress.db")
        store.record(log.Reveal(item="q"))
        store.close()
    store = Store.open(folder / "progress.db")
    assert len(store.events()) == 2
    store.close()


def test_opening_an_existing_file_loads_neither_sqlite_utils_nor_numpy(store: Store, path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tutor.progress.store import Store; import tutor.progress.plan\n"
        f"Store.open(Path({str(path)!r})).close()\n"
        "print(sorted({'numpy', 'sqlite_utils', 'textual', 'torch'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout == "[]\n"


def test_a_store_belongs_to_its_thread(store: Store) -> None:
    raised: list[BaseException] = []

    def use() -> None:
        try:
            store.record(log.Reveal(item="q"))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert isinstance(raised[0], sqlite3.ProgrammingError)
    assert store.events() == []


def test_every_event_is_forced_to_the_disk_and_drafts_are_not(path: Path) -> None:
    store = Store.open(path)
    levels = []
    store._db.set_trace_callback(lambda sql: levels.append(sql) if "synchronous" in sql else None)
    store.save_draft("k", "x")
    store.record(log.Reveal(item="q"))
    assert levels == ["PRAGMA synchronous = NORMAL", "PRAGMA synchronous = FULL"]
    store.close()


# -- files that are refused ---


def filled(path: Path, rows: int = 200) -> None:
    store = Store.open(path)
    for n in range(rows):
        store.record(answer(f"question-{n}", response="x" * 200))
    store.close()


def text_file(path: Path) -> None:
    path.write_text("my notes on linear algebra\n" * 300)


def blank_file(path: Path) -> None:
    path.touch()


def dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere" / "progress.db")


def other_database(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE events (id INTEGER)")
    db.close()


def other_application(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA application_id = 252006674")
    db.close()


def other_with_log_beside(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        db = sqlite3.connect(made)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (a)")
        for ending in ("", "-wal", "-shm"):
            shutil.copy(f"{made}{ending}", f"{path}{ending}")
        db.close()


def newer(path: Path) -> None:
    filled(path, 3)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()


def newer_by_its_migrations(path: Path) -> None:
    filled(path, 3)
    db = sqlite3.connect(path)
    db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('progress', 'of later', '2027-01-01')"
    )
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def truncated(path: Path) -> None:
    filled(path)
    os.truncate(path, path.stat().st_size // 2)


def garbled_in_the_middle(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)


def garbled_head(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.write(b"\xa5" * 100)


def folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("kept")


def fingerprint(place: Path) -> dict[str, str]:
    return {
        str(file.relative_to(place)): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "folder"
        for file in place.rglob("*")
    }


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (text_file, "not a progress file"),
        (blank_file, "is empty"),
        (dangling_link, "cannot be written"),
        (other_database, "not a progress file"),
        (other_application, "not a progress file"),
        (other_with_log_beside, "not a progress file"),
        (newer, "newer"),
        (newer_by_its_migrations, "newer"),
        (truncated, "damaged"),
        (garbled_in_the_middle, "damaged"),
        (garbled_head, "damaged"),
        (folder, "is a folder"),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_line_and_is_left_alone(
    path: Path, make: Callable[[Path], None], says: str
) -> None:
    make(path)
    before = fingerprint(path.parent)
    with pytest.raises(TutorError, match=says) as caught:
        Store.open(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    if path.is_file():
        with pytest.raises(TutorError, match=says):
            Store.read(path)
    assert fingerprint(path.parent) == before


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder, while the process has not the rights of root, to whom everything is writable."""
    place = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(place, 65534, -1)
        os.seteuid(65534)
    try:
        yield place
    finally:
        place.chmod(0o755)
        if root:
            os.seteuid(0)
        shutil.rmtree(place)


@pytest.mark.parametrize("case", ["file", "folder", "both", "nothing there yet"])
def test_a_read_only_file_or_folder_gets_one_line_and_is_left_alone(unprivileged: Path, case: str) -> None:
    path = unprivileged / "progress.db"
    if case != "nothing there yet":
        filled(path, 3)
    if case in {"file", "both"}:
        path.chmod(0o444)
    if case != "file":
        unprivileged.chmod(0o555)
    before = fingerprint(unprivileged)
    with pytest.raises(TutorError, match="cannot be written") as caught:
        Store.open(path)
    assert "\n" not in str(caught.value)
    assert fingerprint(unprivileged) == before


@pytest.mark.parametrize("beside", ["nothing", "log", "log and index", "log in use"])
def test_what_cannot_be_written_is_read_with_all_that_was_committed(unprivileged: Path, beside: str) -> None:
    path = unprivileged / "progress.db"
    filled(path, 3)
    writer = Store.open(path)
    if beside != "nothing":
        writer.record(answer("in-the-log"))
        if beside != "log in use":  # as after the end of the machine
            kept = {file: file.read_bytes() for file in unprivileged.iterdir()}
            if beside == "log":
                kept = {file: data for file, data in kept.items() if not file.name.endswith("-shm")}
            writer.close()
            for file, data in kept.items():
                file.write_bytes(data)
    else:
        writer.close()
    for file in unprivileged.iterdir():
        file.chmod(0o444)
    unprivileged.chmod(0o555)
    before = fingerprint(unprivileged)
    store = Store.read(path)
    assert len(store.events()) == 3 + (beside != "nothing")
    with pytest.raises(TutorError, match="cannot be written"):
        store.record(answer("q"))
    with pytest.raises(TutorError, match="cannot be written"):
        store.save_draft("k", "half")
    store.close()
    after = fingerprint(unprivileged)
    if beside == "log in use":  # it holds the locks of who reads
        before["progress.db-shm"] = after["progress.db-shm"]
    assert after == before
    writer.close()


def test_an_older_file_is_read_without_a_change_of_it(path: Path) -> None:
    version_one(path)
    before = fingerprint(path.parent)
    store = Store.read(path)
    card = store.card("a")
    assert card is not None
    assert (card.reps, store.draft("quiz:b")) == (1, "half-typed")
    store.close()
    assert fingerprint(path.parent) == before


def test_a_file_that_nobody_may_read_gets_one_line(unprivileged: Path) -> None:
    path = unprivileged / "progress.db"
    filled(path, 3)
    path.chmod(0)
    with pytest.raises(TutorError, match=r"progress\.db"):
        Store.open(path)


def test_a_missing_folder_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(TutorError, match="cannot be written"):
        Store.open(tmp_path / "nowhere" / "progress.db")
    assert list(tmp_path.iterdir()) == []


# -- trouble while it is open ---


def test_a_file_held_by_another_program_gets_one_line_and_nothing_is_half_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    store = Store.open(path)
    store.save_draft("k", "half")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TutorError, match="another program"):
        store.record(answer("q"), draft="k")
    assert store.question("q") is None  # reading goes on meanwhile
    assert store.draft("k") == "half"
    other.execute("ROLLBACK")
    store.record(answer("q"), draft="k")
    assert len(store.events()) == 1
    store.close()
    other.close()


def test_a_full_disk_gets_one_line_and_nothing_is_half_written(store: Store, path: Path) -> None:
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    store.save_draft("k", "half")
    before = tables(path)
    with pytest.raises(TutorError, match="disk is full"):
        store.record(answer("q", response="x" * 20_000), draft="k")
    assert tables(path) == before
    assert store.draft("k") == "half"
    store._db.execute("PRAGMA max_page_count = 100000")
    store.record(answer("q", response="x" * 20_000), draft="k")
    assert len(store.events()) == 1


def test_an_event_that_cannot_be_derived_is_not_in_the_log_either(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("bug")

    with monkeypatch.context() as patched:
        patched.setattr(module, "apply", fail)
        with pytest.raises(RuntimeError):
            store.record(answer("q"))
    assert store.events() == []
    store.record(answer("q"))
    assert len(store.events()) == 1


@pytest.mark.parametrize("table", ["cards", "events"])
def test_of_a_large_file_the_log_is_checked_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr("tutor.progress.store.LOOKED_THROUGH", 0)
    path = tmp_path / "progress.db"
    store = Store.open(path)
    store.record(log.Page(item="svd", page=1, pages=2))
    store.close()
    db = sqlite3.connect(path)
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    if table == "cards":
        with pytest.raises(TutorError, match="damaged"):
            Store.open(path)
        return
    store = Store.open(path)
    with pytest.raises(TutorError, match="damaged"):
        store.events()
    store.close()
