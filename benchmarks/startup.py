"""Time from starting the process to the first answered key, against a bare Textual app with the same widgets.

"Interactive" is the first key answered on the screen: it is written before either program reads keys. genai-tutor
answers `m` with the course map; the bare app with a screen of the same widgets, or (stricter) with one changed line.
All run in turn in terminals of one size.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from support.learner import TUTOR
from support.report import Row, machine, median_ratio, print_table
from support.terminal import PtySession

BARE = [sys.executable, str(Path(__file__).parent / "support" / "bare_app.py")]
MAP = "Week 10"
"""Stands on the course map alone."""


def key_at_once(command: list[str], key: str, answer: str, home: str) -> tuple[float, float]:
    """Milliseconds from the start to the answer to a key that was waiting all the time; the same of processor time."""
    with PtySession(command, env={"GENAI_TUTOR_HOME": home}) as session:
        session.send(key)
        answered = session.wait_for(answer)
    return 1000 * (answered - session.started), 1000 * session.processor_seconds


def key_at_first_sight(command: list[str], sight: str, key: str, answer: str, home: str) -> tuple[float, float]:
    """Milliseconds to the first paint, and from a key pressed then to its answer."""
    with PtySession(command, env={"GENAI_TUTOR_HOME": home}) as session:
        painted = session.wait_for(sight)
        pressed = session.send(key)
        return 1000 * (painted - session.started), 1000 * (session.wait_for(answer) - pressed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="runs of each, in turn (default 5)")
    runs = parser.parse_args().n
    times: dict[str, list[float]] = {}
    with TemporaryDirectory() as home:
        # Once unmeasured: compiled files and the progress file are there from then on.
        key_at_once(TUTOR, "m", MAP, home)
        key_at_once(BARE, "m", "SCREEN-OPENED", home)
        for _ in range(runs):
            with TemporaryDirectory() as fresh:
                found = {
                    "bare line": key_at_once(BARE, "c", "LINE-CHANGED", home)[0],
                    "new learner": key_at_once(TUTOR, "m", MAP, fresh)[0],
                }
            found["key"], found["cpu"] = key_at_once(TUTOR, "m", MAP, home)
            found["bare key"], found["bare cpu"] = key_at_once(BARE, "m", "SCREEN-OPENED", home)
            found["paint"], found["sight"] = key_at_first_sight(TUTOR, "Week 1 of", "m", MAP, home)
            found["bare paint"], found["bare sight"] = key_at_first_sight(BARE, "Step 0", "m", "SCREEN-OPENED", home)
            for name, value in found.items():
                times.setdefault(name, []).append(value)

    middle = {name: statistics.median(values) for name, values in times.items()}
    print(f"start-up, median of {runs}; {machine()}")
    print_table(
        [
            Row("start → first paint", middle["paint"], middle["bare paint"]),
            Row("start → first key answered", middle["key"], middle["bare key"], target="≤ 1.25×"),
            Row("… in processor time", middle["cpu"], middle["bare cpu"]),
            Row("… the bare app changing one line", middle["key"], middle["bare line"]),
            Row("… at the first start ever", middle["new learner"], middle["bare key"]),
            Row("key at first sight → answered", middle["sight"], middle["bare sight"]),
        ],
        ours="genai-tutor",
        peer="bare app",
    )
    print(f"first key answered, ratio run by run: {median_ratio(times['key'], times['bare key'])}")


if __name__ == "__main__":
    main()
