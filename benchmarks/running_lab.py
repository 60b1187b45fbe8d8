"""Chart frames a second and the time from a key to its paint, at 120×40, while a lab runs at full speed.

Keys are sent at random moments, whether or not the last was answered; each moves the mark in the list of knobs. What
is painted is recorded with the times at which it arrived and read afterwards: a key is answered when the paint in
which the mark stands one further is complete. A run that ends is begun again at once. Peers: the same app idle on the
same screen, and a bare Textual app whose text is replaced 30 times a second.
"""

from __future__ import annotations

import argparse
import bisect
import random
import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from support.learner import DOWN, TUTOR, full_speed, learner, open_lab
from support.report import Row, machine, print_table, quantile
from support.terminal import Cell, PtySession, Screen

BARE = [sys.executable, str(Path(__file__).parent / "support" / "bare_charts.py")]
GAPS = (0.05, 0.11)
"""Seconds between two keys: as fast as a key repeats when it is held down, at random."""
SETTLE = 1.0
PAUSES = 10
"""Pauses in a round."""
PLAY, RESTART = " ", "r"


class Scene(NamedTuple):
    """What is on the screen while keys are pressed."""

    name: str
    knobs: tuple[str, ...]
    """The lines in which the mark moves."""
    lab: str = ""
    running: bool = True
    values: tuple[str, ...] = ()
    """Typed into the knobs, in their order, before the run."""


ATTENTION = ("keys", "d max", "show")
LONGEST = Scene("attention-scaling, largest", ATTENTION, "attention-scaling", values=("256", "4096", "4096"))
"""Its runs last for seconds, as its steps take tens of milliseconds; all others are over in less than one."""
SCENES = (
    Scene("bare app, 30 updates a second", ATTENTION),
    Scene("attention-scaling, idle", ATTENTION, "attention-scaling", running=False),
    Scene("attention-scaling", ATTENTION, "attention-scaling"),
    LONGEST,
    Scene("svd-digits", ("k", "held out", "rival", "data"), "svd-digits"),
    Scene("whitening", ("source", "d", "condition", "mode", "eps", "formula"), "whitening"),
)


class Found(NamedTuple):
    """What came of one scene."""

    latencies: list[float]
    """Milliseconds from each key to its paint."""
    gaps: list[float]
    """Milliseconds between two frames of one run."""
    bytes_per_second: float


@contextmanager
def staged(scene: Scene) -> Iterator[PtySession]:
    """A terminal in which the scene is on, and the mark on the first knob."""
    if not scene.lab:
        with PtySession(BARE) as session:
            session.wait_for("▶ running")
            session.read_for(SETTLE)
            yield session
        return
    with learner(scene.lab) as env, PtySession(TUTOR, env=env) as session:
        open_lab(session)
        full_speed(session)
        for value in scene.values:
            session.send("\r")
            session.wait_until(lambda screen: bool(screen.rows_with("╭─ ")))
            session.send(f"{value}\r")
            session.wait_until(lambda screen: not screen.rows_with("╭─ "))
            session.send(DOWN)
        session.read_for(SETTLE)
        if scene.running:
            session.forget()
            session.send(PLAY)
            session.wait_for("▶ running")
        yield session


def press(scene: Scene, session: PtySession, keys: int, rng: random.Random) -> Found:
    """Press Down so often; then read from what was painted when each was answered."""
    rows = [place_of(knob, session.screen()) for knob in scene.knobs]
    begun = time.perf_counter()
    due = begun + rng.uniform(*GAPS)
    sent: list[float] = []
    looked = len(session.chunks)
    asked = False
    while len(sent) < keys:
        if time.perf_counter() >= due:
            sent.append(session.send(DOWN))
            due += rng.uniform(*GAPS)
        session.read(due - time.perf_counter())
        for _, data in session.chunks[looked:]:
            done, running = data.rfind("✓ done".encode()), data.rfind("▶ running".encode())
            if done > running and not asked:
                session.send(PLAY)
            asked = done > running or (asked and running < 0)
        looked = len(session.chunks)
    ended = time.perf_counter()
    session.read_for(SETTLE)
    answered, frames = read_paints(session, rows, sent)
    if len(answered) != keys:
        raise RuntimeError(f"{scene.name}: {keys} keys, {len(answered)} answers")
    return Found(
        [1000 * (at - pressed) for pressed, at in zip(sent, answered, strict=True)],
        [1000 * (b - a) for (a, m), (b, n) in pairwise(frames) if n > m],
        sum(len(data) for at, data in session.chunks if begun <= at <= ended) / (ended - begun),
    )


def pause(session: PtySession, times: int, rng: random.Random) -> list[float]:
    """Milliseconds from the pause key, which only the host can answer, to the paint that says so."""
    found = []
    for _ in range(times):
        session.send(RESTART)
        session.read_for(rng.uniform(0.3, 0.6))
        session.forget()
        pressed = session.send(PLAY)
        found.append(1000 * (session.wait_for("■ paused") - pressed))
        session.send(PLAY)
        session.wait_for("▶ running")
    return found


def read_paints(
    session: PtySession, rows: list[tuple[int, int]], sent: list[float]
) -> tuple[list[float], list[tuple[float, int]]]:
    """When each key was answered, and when each frame of a run was painted, with its step."""
    answered: list[float] = []
    frames: list[tuple[float, int]] = []
    first = 0
    before: list[Cell] = []
    for at, screen in session.paints():
        cells = [screen.cells[row][column] for row, column in rows]
        painted = [new is not old for new, old in zip(cells, before, strict=False)]
        before = cells
        place = marked(cells)
        if at < sent[0]:
            first = first if place is None else place
            continue
        if any(painted) and place is not None:
            # Several keys may be answered by one paint: as many as were pressed and bring the mark to where it is.
            pressed = bisect.bisect(sent, at)
            answers = pressed - (first + pressed - place) % len(rows)
            answered += [at] * (answers - len(answered))
        step = re.search(r"(?:▶ running|✓ done) +step (\d+)/", screen.line(0))
        if step and (not frames or frames[-1][1] != int(step[1])):
            frames.append((at, int(step[1])))
    return answered, frames


def place_of(knob: str, screen: Screen) -> tuple[int, int]:
    """Row and column in which a knob's name begins: after the line that ends the charts."""
    for row in range(len(screen.cells)):
        if found := re.search(rf"[│▊] ({knob})\b", screen.line(row)):
            return row, found.start(1)
    raise LookupError(f"no knob {knob!r} on the screen:\n{screen.text()}")


def marked(cells: list[Cell]) -> int | None:
    """Which of the knobs has another style than the rest."""
    styles = [style for _, style in cells]
    return next((at for at, style in enumerate(styles) if styles.count(style) == 1), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=300, help="keys in each scene (default 300)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which the scenes take turns (default 3)")
    chosen = parser.parse_args()
    rng = random.Random(0)
    found: dict[str, list[Found]] = {scene.name: [] for scene in SCENES}
    used: dict[str, list[float]] = {scene.name: [] for scene in SCENES}
    pauses: list[float] = []
    for _ in range(chosen.rounds):
        for scene in SCENES:
            with staged(scene) as session:
                found[scene.name].append(press(scene, session, -(-chosen.keys // chosen.rounds), rng))
            used[scene.name].append(1000 * session.processor_seconds)
        # In terminals of their own, as the pauses are no part of what the scenes use.
        with staged(LONGEST) as session:
            pauses += pause(session, PAUSES, rng)

    latency = {name: [ms for part in parts for ms in part.latencies] for name, parts in found.items()}
    gaps = {name: [ms for part in parts for ms in part.gaps] for name, parts in found.items()}
    bare, idle, *labs = (scene.name for scene in SCENES)
    print(f"120×40, {len(latency[bare])} keys in each scene; {machine()}")
    rows = [Row("bare app: key → paint, p50", quantile(latency[bare], 0.5), quantile(latency[idle], 0.5))]
    rows += [Row("bare app: key → paint, p99", quantile(latency[bare], 0.99), quantile(latency[idle], 0.99))]
    for name in labs:
        for share, target in ((0.5, ""), (0.99, "≤ 50 ms")):
            label = f"{name}: key → paint, p{100 * share:.0f}"
            rows.append(Row(label, quantile(latency[name], share), quantile(latency[idle], share), target=target))
    for share in (0.5, 0.99):
        label = f"{LONGEST.name}: pause → paused, p{100 * share:.0f}"
        rows.append(Row(label, quantile(pauses, share), quantile(latency[idle], share)))
    print_table(rows, ours="running", peer="app idle")
    print_table(
        [
            Row(
                f"{name}: frames a second",
                1000 / statistics.mean(gaps[name]),
                1000 / statistics.mean(gaps[bare]),
                "/s",
                "≥ 20 /s",
            )
            for name in labs
        ],
        ours="genai-tutor",
        peer="bare app",
    )
    for name in (bare, idle, *labs):
        size = statistics.median(part.bytes_per_second for part in found[name])
        spread = ", ".join(f"{quantile(part.latencies, 0.99):.0f}" for part in found[name])
        print(f"{name}: p99 by round {spread} ms; {len(gaps[name])} frames; {size / 1000:.0f} kB/s")
    for name in labs:
        # What the screen's process used beyond what it uses on the same screen, for the same keys, when the lab rests.
        beyond = (sum(used[name]) - sum(used[idle])) / len(gaps[name])
        print(f"{name}: {beyond:.1f} ms of the screen's processor time a frame")


if __name__ == "__main__":
    main()
