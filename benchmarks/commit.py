"""The time to commit one answer, with the log empty and with 100,000 rows, against a bare INSERT as durable.

The peer is one row of the same size in a table of its own with the same settings (WAL, synchronous = FULL), on the
same disk, in turn. Both wait for the disk: on a file system in memory there is nothing to wait for.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from support.report import Row, machine, print_table, quantile

from tutor.progress.events import Answer, encode, uuid7
from tutor.progress.store import Store

ROWS = 100_000
QUESTIONS = [f"la-question-{n}" for n in range(12)]
CHAPTER = "linear-algebra"


def answer(number: int, quiz: str) -> Answer:
    """The `number`-th answer of a learner who goes through the checkpoint again and again."""
    return Answer(
        item=QUESTIONS[number % len(QUESTIONS)],
        response=f"sigma^2/{number % 97} + sqrt(2)",
        outcome="right" if number % 3 else "wrong",
        score=float(number % 3 > 0),
        context=f"checkpoint:{CHAPTER}",
        quiz=quiz,
    )


def fill(path: Path, rows: int) -> None:
    """Put so many answers of the past into the log, in one transaction, and derive the tables from them."""
    Store.open(path).close()
    start = datetime.now(UTC) - timedelta(days=90)
    db = sqlite3.connect(path)
    with db:
        for number in range(rows):
            at = start + number * timedelta(seconds=60)
            kind, item, data = encode(answer(number, ""))
            stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            db.execute(
                "INSERT INTO events (id, at, offset, kind, item, chapter, seconds, data) "
                "VALUES (?, ?, 0, ?, ?, ?, 5, ?)",
                (uuid7(round(1000 * at.timestamp())), stamp, kind, item, CHAPTER, data),
            )
    db.close()
    store = Store.open(path)
    store.rebuild()
    store.close()


class Bare:
    """One INSERT in a transaction of its own."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE events (id TEXT PRIMARY KEY, at TEXT, item TEXT, data TEXT)")

    def commit(self, number: int) -> None:
        """Append an answer."""
        _, item, data = encode(answer(number, uuid7(0)))
        now = time.time()
        self.db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (uuid7(round(1000 * now)), f"{now:.3f}", item, data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=300, help="answers at each size of the log (default 300)")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files are made (default: here)")
    chosen = parser.parse_args()
    times: dict[str, list[float]] = {}
    with TemporaryDirectory(prefix=".commit-", dir=chosen.folder) as folder:
        stores = {}
        for rows in (0, ROWS):
            path = Path(folder) / f"{rows}.db"
            fill(path, rows)
            stores[rows] = Store.open(path)
        bare = Bare(Path(folder) / "bare.db")
        quizzes: dict[int, str] = {}
        for number in range(chosen.n):
            for rows, store in stores.items():
                if number % len(QUESTIONS) == 0:
                    quizzes[rows] = store.start_quiz(f"checkpoint:{CHAPTER}", QUESTIONS, number, chapter=CHAPTER)
                key = f"quiz:{quizzes[rows]}:{QUESTIONS[number % len(QUESTIONS)]}"
                store.save_draft(key, "half-typed")
                given = answer(number, quizzes[rows])
                begun = time.perf_counter()
                store.record(given, chapter=CHAPTER, seconds=5.0, draft=key)
                times.setdefault(f"{rows:,} rows", []).append(1000 * (time.perf_counter() - begun))
            begun = time.perf_counter()
            bare.commit(number)
            times.setdefault("bare", []).append(1000 * (time.perf_counter() - begun))
        for store in stores.values():
            store.close()
        bare.db.close()

    print(f"commit of one answer, {chosen.n} at each size; {machine()}")
    print_table(
        [
            Row(f"log of {name}, {which}", quantile(values, share), quantile(times["bare"], share), target="≤ 10 ms")
            for name, values in times.items()
            if name != "bare"
            for which, share in (("median", 0.5), ("p99", 0.99))
        ],
        ours="Store.record",
        peer="bare INSERT",
    )


if __name__ == "__main__":
    main()
