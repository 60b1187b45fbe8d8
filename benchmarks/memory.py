"""Resident memory of the tutor and its lab host, against a bare Textual app and a Python with the same libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.learner import TUTOR, full_speed, learner, open_lab
from support.report import Row, machine, print_table
from support.terminal import PtySession

SUPPORT = Path(__file__).parent / "support"
LIBRARIES = "import numpy, plotext, msgspec; print('loaded', flush=True); input()"


def resident(pid: int) -> tuple[float, float]:
    """MB of a process, and of its children together."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in listing.splitlines()]
    own = sum(size for process, _, size in rows if process == pid)
    return own / 1024, sum(size for _, parent, size in rows if parent == pid) / 1024


def main() -> None:
    with PtySession([sys.executable, str(SUPPORT / "bare_charts.py")]) as session:
        session.wait_for("▶ running")
        session.read_for(2.0)
        bare, _ = resident(session.pid)
    with PtySession([sys.executable, "-c", LIBRARIES]) as session:
        session.wait_for("loaded")
        libraries, _ = resident(session.pid)
    rows = []
    for lab in ("svd-digits", "whitening", "attention-scaling"):
        with learner(lab) as env, PtySession(TUTOR, env=env) as session:
            open_lab(session)
            full_speed(session)
            session.forget()
            session.send(" ")
            session.wait_for("✓ done")
            screen, host = resident(session.pid)
        rows += [
            Row(f"{lab}: screen / bare app", screen, bare, "MB"),
            Row(f"{lab}: host / numpy and plotext", host, libraries, "MB"),
        ]
    print(f"resident memory after a run; {machine()}")
    print_table(rows, ours="genai-tutor")


if __name__ == "__main__":
    main()
