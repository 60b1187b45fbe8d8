"""From pressing play to the lab's first frame on the screen, with the host warm, and with the tutor just started.

The peer of play is a key that the same screen answers without the host: the mark moving in the list of knobs. The
peer of the tutor just started, whose host is still loading, is the same with a warm host.
"""

from __future__ import annotations

import argparse
import statistics

from support.learner import DOWN, TUTOR, full_speed, learner, open_lab
from support.report import Row, machine, print_table
from support.terminal import PtySession

LABS = {"svd-digits": "held out", "whitening": "d ⟲", "attention-scaling": "d max"}
"""Each lab with its second knob, which is painted again when the mark moves to it."""


def warm(env: dict[str, str], knob: str) -> dict[str, float]:
    """Seconds of play, of opening the lab again, and of a key that needs no host."""
    with PtySession(TUTOR, env=env) as session:
        open_lab(session)
        session.send("\x1b")
        session.wait_for("continues with")
        session.read_for(0.5)
        session.forget()
        pressed = session.send("\r")
        opened = session.wait_for("step 0/") - pressed
        full_speed(session)
        session.read_for(0.5)
        session.forget()
        pressed = session.send(DOWN)
        moved = session.wait_for(knob) - pressed
        session.read_for(0.5)
        session.forget()
        pressed = session.send(" ")
        return {"play": session.wait_for("▶ running") - pressed, "open": opened, "key": moved}


def cold(env: dict[str, str]) -> dict[str, float]:
    """Seconds from Enter on Today, as soon as it stands there, to the lab's frame, and to play, pressed then."""
    with PtySession(TUTOR, env=env) as session:
        session.wait_for("continues with")
        pressed = session.send("\r")
        opened = session.wait_for("step 0/")
        session.send(" ")
        return {"cold open": opened - pressed, "cold play": session.wait_for("▶ running") - pressed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="runs of each lab (default 5)")
    runs = parser.parse_args().n
    times: dict[str, dict[str, list[float]]] = {lab: {} for lab in LABS}
    for _ in range(runs):
        for lab, found in times.items():
            with learner(lab) as env:
                for name, seconds in (warm(env, LABS[lab]) | cold(env)).items():
                    found.setdefault(name, []).append(1000 * seconds)

    rows = []
    for lab, found in times.items():
        middle = {name: statistics.median(values) for name, values in found.items()}
        rows += [
            Row(f"{lab}: play, host warm / a key without host", middle["play"], middle["key"], target="≤ 300 ms"),
            Row(f"{lab}: open, tutor just started / host warm", middle["cold open"], middle["open"]),
            Row(f"{lab}: open and play, tutor just started / open", middle["cold play"], middle["cold open"]),
        ]
    print(f"key → first frame on the screen, 120×40, median of {runs}; {machine()}")
    print_table(rows, ours="first", peer="second")
    worst = max(max(found["play"]) for found in times.values())
    print(f"slowest play with a warm host: {worst:.0f} ms")


if __name__ == "__main__":
    main()
