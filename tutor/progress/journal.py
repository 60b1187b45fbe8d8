"""The log as it counts: rows in order without those taken back, the tables rebuilt from it, and taking a row back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from tutor.progress.derived import TABLES, apply, master, spend
from tutor.progress.events import Answer, Logged, Reveal, Skip, decode

UNDOABLE = ("answer", "reset", "flag", "skip", "plan_start", "plan_shift", "plan_catch_up")
"""Kinds that can be taken back. A page, a run or time spent is what happened; a setting is changed back."""

_COLUMNS = "id, at, offset, chapter, seconds, kind, item, data"
_DEAD = (
    "SELECT target.id FROM events AS undo JOIN events AS target ON target.id = undo.item "
    "WHERE undo.kind = 'undo' AND (target.at, target.id) < (undo.at, undo.id) "
    f"AND target.kind IN ({', '.join(repr(kind) for kind in UNDOABLE)})"
)


def read(db: sqlite3.Connection, where: str = "TRUE", *values: str) -> Iterator[Logged]:
    """Rows of the log in order, those taken back as well."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM events WHERE {where} ORDER BY at, id", values)
    for row, at, offset, chapter, seconds, kind, item, data in rows:
        yield Logged(row, at, offset, chapter, seconds, decode(kind, item, data))


def effective(db: sqlite3.Connection, where: str = "TRUE", *values: str) -> Iterator[Logged]:
    """Rows of the log in order that have not been taken back."""
    return read(db, f"({where}) AND id NOT IN ({_DEAD})", *values)


def rebuild(db: sqlite3.Connection) -> None:
    """Derive all tables again."""
    for table in TABLES:
        db.execute(f"DELETE FROM {table}")
    dead = {identity for (identity,) in db.execute(_DEAD)}
    for row in read(db):
        (spend if row.id in dead else apply)(db, row)


def last_undoable(db: sqlite3.Connection, kinds: Sequence[str] = UNDOABLE) -> Logged | None:
    """The latest row of some kinds that can be taken back and was not; None when there is none."""
    query = f"SELECT at, id FROM events WHERE kind = ? AND id NOT IN ({_DEAD}) ORDER BY at DESC, id DESC LIMIT 1"
    latest = [row for kind in kinds for row in db.execute(query, (kind,))]
    return next(read(db, "id = ?", max(latest)[1])) if latest else None


def decision(db: sqlite3.Connection, row: Logged) -> list[Logged]:
    """The rows, not taken back, that were one decision with this one, which is among them."""
    match row.event:
        case Skip(decision=name) if name:
            skips = effective(db, "kind = 'skip' AND instr(data, ?)", _quoted(name))
            return [skip for skip in skips if isinstance(skip.event, Skip) and skip.event.decision == name]
        case _:
            return [row]


def undoable(db: sqlite3.Connection, identity: str) -> Logged | None:
    """The row of that id if it can be taken back and was not."""
    row = next(effective(db, "id = ?", identity), None)
    return row if row is not None and type(row.event).__struct_config__.tag in UNDOABLE else None


def take_back(db: sqlite3.Connection, row: Logged) -> None:
    """Bring the derived tables to where they would be had this row, which an undo in the log names, not been written.

    Of an answer only its question, quiz and objectives are derived again, in a scratch database from the rows that
    can matter; that is quick however long the log is. A reset concerns everything.
    """
    match row.event:
        case Answer() as answer:
            _rederive(db, answer)
        case event if event.__struct_config__.tag == "reset":
            rebuild(db)
        case _:
            pass  # read from the log when it is asked for


def _rederive(db: sqlite3.Connection, answer: Answer) -> None:
    rows = [r.event for r in read(db, "item = ? AND kind IN ('answer', 'reveal')", answer.item)]
    objectives = {name for event in rows if isinstance(event, Answer | Reveal) for name in event.objectives}
    where = "kind IN ('quiz_start', 'reset', 'review_settings') OR item = ? OR instr(data, ?)"
    where += " OR (kind IN ('answer', 'reveal') AND (FALSE" + " OR instr(data, ?)" * len(objectives) + "))"
    # Ids stand in the JSON as they are, or escaped on both sides alike; a row too many does no harm.
    wanted = effective(db, where, answer.item, answer.quiz or "\0", *(_quoted(name) for name in objectives))
    scratch = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for table in TABLES:
            scratch.execute(db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0])
        scratch.execute("BEGIN")
        for row in wanted:
            event = row.event
            if isinstance(event, Answer) and event.item != answer.item and event.quiz != answer.quiz:
                master(scratch, row, event)  # all that it has to do with this question
            else:
                apply(scratch, row)
        for table, column, keys in (
            ("question_state", "question", {answer.item}),
            ("cards", "question", {answer.item}),
            ("attempts", "question", {answer.item}),
            ("quiz_state", "id", {answer.quiz}),
            ("mastery", "objective", objectives),
            ("mastery_changes", "objective", objectives),
        ):
            for key in sorted(keys):
                db.execute(f"DELETE FROM {table} WHERE {column} = ?", (key,))
                for values in scratch.execute(f"SELECT * FROM {table} WHERE {column} = ?", (key,)):
                    db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
    finally:
        scratch.close()


def _quoted(name: str) -> str:
    return msgspec.json.encode(name).decode()
