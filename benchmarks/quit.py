"""From the quit key to the end of the process while a lab runs at full speed, against a bare Textual app quitting."""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from support.learner import QUIT, TUTOR, full_speed, learner, open_lab
from support.report import Row, machine, print_table
from support.terminal import PtySession

BARE = [sys.executable, str(Path(__file__).parent / "support" / "bare_charts.py")]
LABS = ("svd-digits", "whitening", "attention-scaling")


def quit_lab(lab: str, running: bool) -> float:
    """Milliseconds from the key to the end of the process."""
    with learner(lab) as env, PtySession(TUTOR, env=env) as session:
        open_lab(session)
        full_speed(session)
        if running:
            session.forget()
            session.send(" ")
            session.wait_for("▶ running")
        pressed = session.send(QUIT)
        return 1000 * (session.wait_for_exit() - pressed)


def quit_bare() -> float:
    """The same for the bare app while its text is replaced 30 times a second."""
    with PtySession(BARE) as session:
        session.wait_for("▶ running")
        pressed = session.send(QUIT)
        return 1000 * (session.wait_for_exit() - pressed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="runs of each, in turn (default 5)")
    runs = parser.parse_args().n
    times: dict[str, list[float]] = {}
    bare = []
    for _ in range(runs):
        for lab in LABS:
            times.setdefault(f"{lab}, running", []).append(quit_lab(lab, running=True))
        times.setdefault(f"{LABS[0]}, idle", []).append(quit_lab(LABS[0], running=False))
        bare.append(quit_bare())

    print(f"quit key → end of the process, median of {runs}; {machine()}")
    peer = statistics.median(bare)
    print_table(
        [Row(name, statistics.median(values), peer, target="< 500 ms") for name, values in times.items()],
        ours="genai-tutor",
        peer="bare app",
    )
    print(f"slowest: {max(max(values) for values in times.values()):.0f} ms")


if __name__ == "__main__":
    main()
