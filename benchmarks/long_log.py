"""What 100,000 answers in the log cost: Today, an answer, an undo, the statistics, and all that is derived anew.

The log is that of a learner who answers every question of the course again and again for two years. Today is opened in
turn on this log and on one that holds a plan and nothing else: from the start of the program until the learner's own
figures are painted. Its figures alone (the agenda and what is due) are timed as well; here the log with answers has 395
cards more to look at. All but these starts and the commit of an answer, which waits for the disk, is processor time.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from support.learner import TUTOR
from support.report import figure, machine, median_ratio, quantile
from support.terminal import PtySession

from tutor import paths
from tutor.course.load import load_course, load_questions
from tutor.progress.events import Answer, PlanStart, encode, uuid7
from tutor.progress.plan import agenda
from tutor.progress.queue import review_queue
from tutor.progress.statistics import statistics
from tutor.progress.store import Store
from tutor.progress.transfer import export, import_file

ROWS = 100_000
CONTENT = paths.content_dir()
COURSE = load_course(CONTENT)
BANK = [(stub.id, question) for stub in COURSE.chapters for question in load_questions(CONTENT, stub.id).values()]


def answer(rng: random.Random, quiz: str = "") -> tuple[str, Answer]:
    """An answer to any question of the course, right in four of five, with its chapter."""
    chapter, question = rng.choice(BANK)
    right = rng.random() < 0.8
    return chapter, Answer(
        item=question.id,
        response=f"sigma^2/{rng.randrange(97)} + sqrt(2)",
        outcome="right" if right else "wrong",
        score=float(right),
        context="review",
        quiz=quiz,
        confidence=rng.choice([None, 0.25, 0.5, 0.75, 0.95]),
        objectives=question.objectives,
    )


def fill(path: Path, rows: int) -> None:
    """Put answers of the last two years into the log, and derive the tables from them."""
    Store.open(path).close()
    rng = random.Random(1)
    start = (datetime.now(UTC) - timedelta(days=730)).replace(microsecond=0)
    db = sqlite3.connect(path)
    with db:
        for number in range(rows):
            at = start + number * timedelta(milliseconds=729 * 86_400_000 // rows)
            chapter, event = answer(rng)
            kind, item, data = encode(event)
            stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            db.execute(
                "INSERT INTO events (id, at, offset, kind, item, chapter, seconds, data) "
                "VALUES (?, ?, 0, ?, ?, ?, 20, ?)",
                (uuid7(round(1000 * at.timestamp())), stamp, kind, item, chapter, data),
            )
    db.close()


def opened(home: Path) -> float:
    """Milliseconds from the start of the program until Today shows the learner's own figures."""
    with PtySession(TUTOR, env={"GENAI_TUTOR_HOME": str(home)}) as session:
        return 1000 * (session.wait_for("left, ends") - session.started)


def timed(job: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Milliseconds."""
    begun = clock()
    job()
    return 1000 * (clock() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=200, help="how often each is measured (default 200)")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where the files are made (default: here)")
    parser.add_argument("--starts", type=int, default=9, help="how often the program is started (default 9)")
    chosen = parser.parse_args()
    print(f"{ROWS:,} answers to {len(BANK)} questions; {machine()}")
    with TemporaryDirectory(prefix=".long-log-", dir=chosen.folder) as name:
        folder = Path(name)
        homes = {name: folder / name for name in ("long", "none")}
        for name, rows in (("long", ROWS), ("none", 0)):
            homes[name].mkdir()
            fill(homes[name] / "progress.db", rows)
        long, none = (Store.open(home / "progress.db") for home in homes.values())
        print(f"derived anew              {figure(timed(long.rebuild), 'ms')}")

        for store in (long, none):
            store.record(PlanStart(start=datetime.now().date().isoformat(), weeks=12))
        starts: dict[str, list[float]] = {name: [] for name in homes}
        for _ in range(chosen.starts):
            for name, home in homes.items():
                starts[name].append(opened(home))
        for name, label in (("none", "none"), ("long", f"{ROWS:,}")):
            print(f"{f'Today opened, {label}':25} {figure(quantile(starts[name], 0.5), 'ms')} in the median")
        print(f"{'Today opened, ratio':25} {median_ratio(starts['long'], starts['none'])}, target ≤ 1.2")

        today: dict[Store, list[float]] = {long: [], none: []}
        agenda(CONTENT, COURSE, none)
        for _ in range(chosen.n):
            for store, times in today.items():
                times.append(timed(partial(agenda, CONTENT, COURSE, store)))
        print(f"its figures, none         {figure(quantile(today[none], 0.5), 'ms')} in the median")
        print(f"its figures, {ROWS:,}      {figure(quantile(today[long], 0.5), 'ms')} in the median")
        print(f"its figures, ratio        {median_ratio(today[long], today[none])}")

        rng = random.Random(2)
        events = [answer(rng) for _ in range(chosen.n)]
        commits, work = [], []
        for chapter, event in events:
            begun = time.process_time()
            commits.append(timed(partial(long.record, event, chapter=chapter, seconds=20.0), time.perf_counter))
            work.append(1000 * (time.process_time() - begun))
        undos = [timed(long.undo) for _ in range(10)]
        print(
            f"an answer                 {figure(quantile(commits, 0.5), 'ms')} in the median, "
            f"{figure(quantile(commits, 0.99), 'ms')} p99, target ≤ 10 ms; {figure(quantile(work, 0.5), 'ms')} of work"
        )
        print(f"undo of an answer         {figure(quantile(undos, 0.5), 'ms')} in the median")
        print(f"the review's queue        {figure(timed(lambda: review_queue(long)), 'ms')}")
        print(f"statistics                {figure(timed(lambda: statistics(CONTENT, COURSE, long)), 'ms')}")
        print(f"export                    {figure(timed(lambda: export(long, folder / 'log.json')), 'ms')}")
        print(f"import into an empty one  {figure(timed(lambda: import_file(none, folder / 'log.json')), 'ms')}")
        long.close()
        none.close()


if __name__ == "__main__":
    main()
