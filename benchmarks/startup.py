"""Time from starting the process to the first answered key, against a bare Textual app with the same widgets.

The key is written at once; the app answers as soon as it reads keys. Both are run in turn in the same terminal
size; the median of the paired ratios is printed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pty_session import PtySession

HERE = Path(__file__).parent


def answered(command: list[str], text: str, env: dict[str, str]) -> float:
    with PtySession(command, env=env) as session:
        time.sleep(0.01)
        session.send("m")
        return session.wait_for(text) - session.started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="pairs of runs (default 5)")
    pairs = parser.parse_args().n
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as home:
        env = {"GENAI_TUTOR_HOME": home}
        for counted in range(-1, pairs):
            a = answered([sys.executable, "-m", "tutor"], "69–87 h in all", env)
            b = answered([sys.executable, str(HERE / "bare_app.py")], "KEY-ANSWERED", env)
            if counted >= 0:
                ours.append(a)
                bare.append(b)
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    print(
        f"first key answered, seconds, median of {pairs}: genai-tutor {statistics.median(ours):.3f}, "
        f"bare app {statistics.median(bare):.3f}; ratio {statistics.median(ratios):.2f} "
        f"[{min(ratios):.2f}, {max(ratios):.2f}]"
    )


if __name__ == "__main__":
    main()
