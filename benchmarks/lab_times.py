"""Processor time of every lab's default run, as `genai-tutor lab ID` does it: start, frames and checks, no drawing."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from support.report import machine

from tutor.labs import registry

TARGET = 15.0
LONGER = {"score-9grid": 120.0, "digits-diffusion": 120.0}
"""Capstones that may take longer."""


def run(lab: str, seed: int) -> tuple[float, bool]:
    """Seconds of processor time, and whether all checks passed."""
    with TemporaryDirectory() as home:
        child = subprocess.Popen(
            [sys.executable, "-m", "tutor", "lab", lab, "--seed", str(seed)],
            env={**os.environ, "GENAI_TUTOR_HOME": home},
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, child.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labs", nargs="*", metavar="LAB", help="which labs (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the runs (default 0)")
    given = parser.parse_args()
    print(f"processor time of a default run; {machine()}")
    print(f"{'lab':24} {'seconds':>8} {'target':>8}  of target  checks")
    for lab in given.labs or registry.LABS:
        seconds, passed = run(lab, given.seed)
        target = LONGER.get(lab, TARGET)
        verdict = "pass" if passed else "DO NOT PASS"
        print(
            f"{lab:24} {seconds:8.2f} {'≤ ' + format(target, 'g'):>8}  {seconds / target:9.2f}  {verdict}", flush=True
        )


if __name__ == "__main__":
    main()
