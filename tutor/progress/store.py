"""The learner's progress: an append-only log in SQLite, the tables derived from it, and drafts beside it.

Every row is committed, and on the disk, before `record` returns; a draft survives the end of the program. Two programs
may write to one file at once. A store belongs to the thread that opened it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from tutor.errors import TutorError
from tutor.paths import may_write
from tutor.progress import journal, states
from tutor.progress.derived import apply
from tutor.progress.events import Event, Logged, QuizStart, Reset, ReviewSettings, Undo, decode, encode, uuid7
from tutor.progress.mastery import Mastery
from tutor.progress.review import Card
from tutor.progress.states import (
    CARD_COLUMNS,
    QUIZ_COLUMNS,
    LabState,
    LessonState,
    MasteryChange,
    QuestionState,
    QuizAnswer,
    QuizState,
    quiz_state,
    read_card,
)

__all__ = ["LabState", "LessonState", "MasteryChange", "QuestionState", "QuizAnswer", "QuizState", "Store"]

APPLICATION_ID = int.from_bytes(b"gTut", "big")
"""Stands in the header of the file, so that one of another program is recognised."""

VERSION = 2
"""Format of the file: the number of migrations."""

BUSY_SECONDS = 10.0
"""How long to wait for another program that writes; its own writes take milliseconds."""

LOOKED_THROUGH = 16 * 2**20
"""Bytes up to which all of a file is checked when it is opened, at some 2 ms a megabyte: years of learning."""

GROWING = {"events", "attempts", "mastery_changes"}
"""Tables that grow with every answer; those of a larger file are trusted until they are read."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def steps_draft(lesson: str, page: int | str) -> str:
    """The draft that holds how many steps of a page's derivation were shown."""
    return f"steps:{lesson}#{page}"


def local_now() -> datetime:
    """The time, with the offset of the place."""
    return datetime.now().astimezone()


class Store:
    """An open progress file. All methods raise TutorError when the file cannot be used, in one line that says why."""

    def __init__(self, connection: sqlite3.Connection, path: Path, clock: Callable[[], datetime]) -> None:
        self._db = connection
        self._path = path
        self._clock = clock

    @classmethod
    def open(cls, path: Path, clock: Callable[[], datetime] = local_now) -> Self:
        """Open a progress file, made when it is missing, brought up to date when it is older.

        Raises TutorError, and leaves the file and its folder as they are, when it belongs to another program, was
        written by a newer version, is damaged or cannot be written.
        """
        with _explained(path):
            if not may_write(path.parent):
                raise TutorError(_not_writable(path))
            if not path.exists():
                _make(path)
            _look(path)
            if not may_write(path):
                raise TutorError(_not_writable(path))
            db = _connect(path, "mode=rw")
            try:
                _sound(db, path)
                _known(db, path)
                if _version(db) < VERSION:
                    _migrate(db, clock())
            except BaseException:
                db.close()
                raise
            return cls(db, path, clock)

    @classmethod
    def read(cls, path: Path, clock: Callable[[], datetime] = local_now) -> Self:
        """Open a copy in memory of a progress file that is there; the file and its folder stay as they are.

        What would write raises TutorError; a file of an older version is brought up to date in memory alone. Raises
        TutorError as `open` does, but not because nothing can be written.
        """
        with _explained(path):
            _look(path)
            db = sqlite3.connect(":memory:", isolation_level=None)
            try:
                _copy(path, db)
                _sound(db, path)
                _known(db, path)
                if _version(db) < VERSION:
                    _migrate(db, None)
                db.execute("PRAGMA query_only = ON")
            except BaseException:
                db.close()
                raise
            return cls(db, path, clock)

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._db.close()

    # -- writing ---

    def record(self, event: Event, *, chapter: str = "", seconds: float = 0.0, draft: str = "") -> str:
        """Append an event to the log and carry it into the derived tables; returns the id of the row.

        `seconds` is the time spent learning since the last event; `draft` names a draft that this makes obsolete.
        It is done as a whole or not at all. Raises ValueError for an event whose fields are not what its class says.
        """
        return self._append([event], chapter, seconds, draft)[-1]

    def amend(self, identity: str, event: Event, *, chapter: str = "") -> str:
        """Put an event in the place of a row that can be taken back, in one step; returns the id of the new row.

        Raises ValueError when the row cannot be taken back.
        """
        return self._append([Undo(item=identity), event], chapter, 0.0, "")[-1]

    def _append(self, events: Sequence[Event], chapter: str, seconds: float, draft: str) -> list[str]:
        if not 0.0 <= seconds < float("inf"):
            raise ValueError(f"seconds = {seconds}")
        coded = [encode(event) for event in events]
        stored = [decode(kind, item, data) for kind, item, data in coded]
        now = self._clock()
        offset = round((now.utcoffset() or timedelta()) / timedelta(minutes=1))
        rows = []
        with self._transaction(durable=True) as db:
            for event, (kind, item, data) in zip(stored, coded, strict=True):
                target: Logged | None = None
                if isinstance(event, Undo):
                    target = journal.undoable(db, event.item)
                    if target is None:
                        raise ValueError(f"{event.item} cannot be undone")
                milliseconds = (now - EPOCH) // MILLISECOND
                (last,) = db.execute("SELECT max(at) FROM events").fetchone()
                if last is not None:
                    # Rows stand in order also when the clock was set back or two were written in one millisecond.
                    milliseconds = max(milliseconds, (datetime.fromisoformat(last) - EPOCH) // MILLISECOND + 1)
                row = Logged(uuid7(milliseconds), _utc(milliseconds), offset, chapter, float(seconds), event)
                _insert(db, row, kind, item, data)
                if target is not None:
                    journal.take_back(db, target)
                else:
                    apply(db, row)
                if isinstance(event, Reset):
                    _fold(db, event)
                rows.append(row.id)
            db.execute("DELETE FROM drafts WHERE key = ?", (draft,))
        return rows

    def start_quiz(
        self,
        context: str,
        questions: Sequence[str],
        seed: int,
        *,
        objectives: Sequence[str] = (),
        chapter: str = "",
        seconds: float = 0.0,
    ) -> str:
        """Record the start of a quiz and return its id; it takes the place of an unfinished one of the same context.

        `objectives` are all that its questions test: only among two or more can an answer show mastery.
        """
        start = QuizStart(item=context, questions=tuple(questions), seed=seed, objectives=tuple(objectives))
        return self.record(start, chapter=chapter, seconds=seconds)

    def save_draft(self, key: str, text: str) -> None:
        """Keep half-typed text; an empty one is dropped. It is on the disk with the next event at the latest."""
        with self._transaction(durable=False) as db:
            if text:
                at = _utc((self._clock() - EPOCH) // MILLISECOND)
                db.execute(
                    "INSERT INTO drafts (key, text, at) VALUES (?, ?, ?) "
                    "ON CONFLICT (key) DO UPDATE SET text = excluded.text, at = excluded.at",
                    (key, text, at),
                )
            else:
                db.execute("DELETE FROM drafts WHERE key = ?", (key,))

    def undo(self, identity: str = "", *, kinds: Sequence[str] = journal.UNDOABLE) -> Logged | None:
        """Take back a row of the log; returns it, or None when there is none.

        By default it is the latest of the `kinds` that can be, with all rows that were one decision with it.
        Answers, resets, flags and changes of the plan can be taken back. All that followed from the row is gone, to
        the last digit; the row itself stays in the log, and so does the time it took.
        """
        with _explained(self._path):
            row = journal.undoable(self._db, identity) if identity else journal.last_undoable(self._db, kinds)
            if row is None:
                return None
            rows = [row] if identity else journal.decision(self._db, row)
        self._append([Undo(item=one.id) for one in rows], row.chapter, 0.0, "")
        return row

    def merge(self, rows: Sequence[Logged]) -> int:
        """Add rows of another log that this one has not, and derive everything again; returns how many they were.

        Raises ValueError, and changes nothing, when a row differs from the one that the log has under its id.
        """
        new = 0
        with self._transaction(durable=True) as db:
            for row in rows:
                kind, item, data = encode(row.event)
                known = next(journal.read(db, "id = ?", row.id), None)
                if known is not None and known != row:
                    raise ValueError(f"the row {row.id} differs from the one in the log")
                if known is None:
                    new += 1
                    _insert(db, row, kind, item, data)
            if new:
                journal.rebuild(db)
        return new

    def rebuild(self) -> None:
        """Derive all tables again from the log."""
        with self._transaction(durable=True) as db:
            journal.rebuild(db)

    # -- reading ---

    def draft(self, key: str) -> str:
        """Half-typed text; empty when there is none."""
        rows = self.query("SELECT text FROM drafts WHERE key = ?", key)
        return str(rows[0][0]) if rows else ""

    def lesson(self, lesson: str) -> LessonState | None:
        """How far a lesson was read; None when it was never opened."""
        rows = self.query(_select(LessonState, "lesson_state") + " WHERE lesson = ?", lesson)
        return LessonState(*rows[0]) if rows else None

    def question(self, question: str) -> QuestionState | None:
        """What came of a question; None when it was never answered, hinted at or shown."""
        rows = self.query(_select(QuestionState, "question_state") + " WHERE question = ?", question)
        return QuestionState(*rows[0]) if rows else None

    def quiz(self, quiz: str) -> QuizState | None:
        """A quiz by its id."""
        rows = self.query(f"SELECT {QUIZ_COLUMNS} FROM quiz_state WHERE id = ?", quiz)
        return quiz_state(rows[0]) if rows else None

    def last_quiz(self, context: str) -> QuizState | None:
        """The quiz of a context that was started last, done or not."""
        query = f"SELECT {QUIZ_COLUMNS} FROM quiz_state WHERE context = ? ORDER BY at DESC, id DESC LIMIT 1"
        rows = self.query(query, context)
        return quiz_state(rows[0]) if rows else None

    def open_quiz(self, context: str) -> QuizState | None:
        """The quiz of a context that was started last, if it is not done."""
        quiz = self.last_quiz(context)
        return None if quiz is None or quiz.done else quiz

    def lab(self, lab: str) -> LabState | None:
        """What was done in a lab; None when there was neither prediction nor run."""
        rows = self.query(_select(LabState, "lab_state") + " WHERE lab = ?", lab)
        return LabState(*rows[0]) if rows else None

    def seconds(self, chapter: str) -> float:
        """Time spent on a chapter."""
        return float(self.query("SELECT total(seconds) FROM time_spent WHERE chapter = ?", chapter)[0][0])

    def now(self) -> datetime:
        """The time by the learner's clock, with its offset."""
        return self._clock()

    def card(self, question: str) -> Card | None:
        """When a question is to be asked again, and with which numbers; None before its first answer."""
        with _explained(self._path):
            return states.card(self._db, question)

    def cards(self, where: str = "TRUE", *values: str | int) -> list[Card]:
        """The cards that meet a condition of SQL over the columns of `Card`, which may end in ORDER BY and LIMIT."""
        return [read_card(row) for row in self.query(f"SELECT {CARD_COLUMNS} FROM cards WHERE {where}", *values)]

    def mastery(self, objective: str) -> Mastery | None:
        """How well an objective is known and why; None when no question on it was tried."""
        with _explained(self._path):
            return states.objective_mastery(self._db, objective)

    def all_mastery(self) -> dict[str, Mastery]:
        """All objectives that were tried, by id."""
        with _explained(self._path):
            return {known.objective: known for known in states.all_mastery(self._db)}

    def mastery_changes(self, objective: str = "", limit: int = 50) -> list[MasteryChange]:
        """The latest rises and falls, of one objective or all, the newest first."""
        query = f"SELECT {states.columns(MasteryChange)} FROM mastery_changes WHERE ? IN ('', objective)"
        rows = self.query(f"{query} ORDER BY at DESC, id DESC LIMIT ?", objective, limit)
        return [MasteryChange(*row) for row in rows]

    def review_settings(self) -> ReviewSettings:
        """How reviews are scheduled now; `record` a `ReviewSettings` to change it."""
        with _explained(self._path):
            return states.review_settings(self._db)

    def effective(self, *kinds: str, item: str = "") -> list[Logged]:
        """The rows of some kinds in order, of one item or all, without those that were taken back."""
        where = f"kind IN ({', '.join('?' * len(kinds))})" + " AND item = ?" * bool(item)
        values = (*kinds, item) if item else kinds
        with _explained(self._path):
            return list(journal.effective(self._db, where, *values))

    def first_after(self, at: str) -> Logged | None:
        """The first row of the log that is later than a time as it stands in the log; with an empty one, the first."""
        with _explained(self._path):
            found = self._db.execute("SELECT id FROM events WHERE at > ? ORDER BY at, id LIMIT 1", (at,)).fetchone()
            return None if found is None else next(journal.read(self._db, "id = ?", found[0]))

    def undoable(self) -> Logged | None:
        """What `undo` would take back."""
        with _explained(self._path):
            return journal.last_undoable(self._db)

    def events(self, kind: str | None = None, item: str | None = None) -> list[Logged]:
        """The log in order, all of it or one kind (as in `events`: `answer`, `page` …) or one item."""
        wanted = {"kind": kind, "item": item}
        given = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(f"{column} = ?" for column in given) or "TRUE"
        with _explained(self._path):
            return list(journal.read(self._db, where, *given.values()))

    def query(self, sql: str, *values: str | int | float) -> list[tuple[Any, ...]]:
        """Rows of the derived tables, for those who count and sum them."""
        with _explained(self._path):
            return self._db.execute(sql, values).fetchall()

    # -- within ---

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """Commit all that is done inside, or nothing; a durable one also outlives a power failure."""
        with _explained(self._path):
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with _immediate(self._db):
                yield self._db


def _insert(db: sqlite3.Connection, row: Logged, kind: str, item: str, data: str) -> None:
    db.execute(
        "INSERT INTO events (id, at, offset, kind, item, chapter, seconds, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (row.id, row.at, row.offset, kind, item, row.chapter, row.seconds, data),
    )


def _fold(db: sqlite3.Connection, reset: Reset) -> None:
    """Let the derivations of what is begun anew wait at their first step again; an undo leaves them folded."""
    starts = ["steps:"] if reset.everything else [steps_draft(lesson, "") for lesson in reset.lessons]
    for start in starts:
        db.execute("DELETE FROM drafts WHERE substr(key, 1, ?) = ?", (len(start), start))


def _select(state: type[LessonState | QuestionState | LabState], table: str) -> str:
    return f"SELECT {states.columns(state)} FROM {table}"


def _utc(milliseconds: int) -> str:
    return (EPOCH + milliseconds * MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def _immediate(db: sqlite3.Connection) -> Iterator[None]:
    """Take the right to write first, so that what is read inside is still true when it is written."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


# -- opening ---


def _connect(path: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )


def _make(path: Path) -> None:
    """Make a progress file elsewhere and put it in place when it is complete, unless another program was faster."""
    try:
        with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            new = Path(folder) / path.name
            db = _connect(new, "mode=rwc")
            try:
                db.execute("PRAGMA journal_mode = WAL")
                _migrate(db, None)
            finally:
                db.close()
            try:
                os.link(new, path)
            except FileExistsError:
                return
            except OSError:
                os.rename(new, path)  # a file system without hard links
    except OSError as error:
        raise TutorError(f"{path}: cannot be made ({error.strerror})") from error


def _look(path: Path) -> None:
    """Raise TutorError unless the file is ours to use; neither locks it nor puts a file beside it."""
    if path.is_dir():
        raise TutorError(_not_writable(path))
    if path.exists() and path.stat().st_size == 0:
        # Not begun in: it may be what a full disk or a broken copy has left, and who learned here has to know.
        raise TutorError(f"{path}: is empty; put a copy of your progress in its place, or remove it to begin anew")
    db = _connect(path, "mode=ro&immutable=1")
    try:
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = _version(db)
    finally:
        db.close()
    if application != APPLICATION_ID:
        raise TutorError(f"{path}: is not a progress file of genai-tutor; move it away")
    if version > VERSION:
        raise TutorError(_newer(path, version))


def _copy(path: Path, target: sqlite3.Connection) -> None:
    """Copy all that was committed, also where neither the file nor its folder can be written."""
    log, shared = (path.with_name(f"{path.name}-{ending}") for ending in ("wal", "shm"))
    with ExitStack() as stack:
        if not log.exists():
            # Nobody has it open; SQLite would make a log, and fail where it cannot.
            options = "mode=ro&immutable=1"
        elif shared.exists():
            options = "mode=ro"  # shared with whoever writes
        else:
            # Left by a program that was ended, or copied so: SQLite reads it only where it may put a file beside it.
            folder = Path(stack.enter_context(TemporaryDirectory()))
            for file in (path, log):
                (folder / file.name).write_bytes(file.read_bytes())
            path, options = folder / path.name, "mode=rw"
        source = _connect(path, options)
        stack.callback(source.close)
        source.backup(target)


def _sound(db: sqlite3.Connection, path: Path) -> None:
    """Raise TutorError when an open file is damaged."""
    if path.stat().st_size <= LOOKED_THROUGH:
        checks = ["PRAGMA quick_check(1)"]
    else:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        checks = [f"PRAGMA quick_check({name})" for name in tables if name not in GROWING]
    for check in checks:
        damage = db.execute(check).fetchone()[0]
        if damage != "ok":
            raise TutorError(_damaged(path, damage.splitlines()[-1]))


def _known(db: sqlite3.Connection, path: Path) -> None:
    """Raise TutorError when a file has had more migrations than the number of its format says."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone() is None:
        return
    query = "SELECT count(*) FROM _sqlite_migrations WHERE migration_set = 'progress'"
    applied = int(db.execute(query).fetchone()[0])
    if applied > _version(db):
        raise TutorError(_newer(path, applied))


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _migrate(db: sqlite3.Connection, now: datetime | None) -> None:
    """Bring a file up to date, a copy of it put beside it first; a new one (`now` is None) needs none."""
    from tutor.progress.migrations import migrate

    with _immediate(db):
        version = _version(db)
        if version >= VERSION:
            return  # another program has done it by now
        if now is not None:
            _back_up(db, f"v{version}-{now.date().isoformat()}")
        migrate(db)
        journal.rebuild(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")


def _back_up(db: sqlite3.Connection, name: str) -> None:
    """Copy the file as it was last committed to one of that name beside it, whole or not at all."""
    path = Path(db.execute("PRAGMA database_list").fetchone()[2])
    copy = path.with_name(f"{path.stem}-{name}{path.suffix}")
    try:
        with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            new = Path(folder) / copy.name
            source, target = _connect(path, "mode=ro"), _connect(new, "mode=rwc")
            try:
                source.backup(target)
            finally:
                source.close()
                target.close()
            os.replace(new, copy)
    except OSError as error:
        raise TutorError(f"{copy}: cannot be made ({error.strerror}); nothing was changed") from error


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an error of SQLite into a TutorError; a mistake in the use of it passes through."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                line = _damaged(path, str(error))
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                line = _not_writable(path)
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                line = f"{path}: another program has held it for {BUSY_SECONDS:g} s; close that one"
            case sqlite3.SQLITE_FULL:
                line = f"{path}: the disk is full; nothing more can be saved"
            case sqlite3.SQLITE_IOERR:
                line = f"{path}: {error}; check the disk"
            case _:
                raise
        raise TutorError(line) from error


def _damaged(path: Path, reason: str) -> str:
    return f"{path}: is damaged, or not a progress file ({reason}); put a copy back, or move it away to begin anew"


def _newer(path: Path, version: int) -> str:
    return f"{path}: was written by a newer genai-tutor (format {version}, this one reads {VERSION}); update this one"


def _not_writable(path: Path) -> str:
    what = "is a folder" if path.is_dir() else "cannot be written"
    return f"{path}: {what}; set GENAI_TUTOR_HOME to a folder that can be written"
