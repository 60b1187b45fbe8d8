"""Kernels beside the libraries that an engineer uses at work: processor time of both in turn, and their errors."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from support.report import figure, machine, median_ratio

SHORT = 0.05
"""A call that takes less seconds is repeated until so much has passed, and its mean is taken."""
LONG = 6.0
"""A pair gets no further round once its rounds have taken so many seconds."""
NAME = 54
"""Columns for the name of a case."""


class Case(NamedTuple):
    """The same task for a kernel and for a library."""

    name: str
    library: str
    ours: Callable[[], Any]
    peer: Callable[[], Any]
    error: str
    """What is compared of the two results."""
    measure: Callable[[Any], float]
    """That of a result, ours or the library's."""
    slower: str = ""
    """Why ours takes longer, where it does: one sentence."""


class Found(NamedTuple):
    """What came out for a case: milliseconds in each round, and the errors."""

    case: Case
    ours: list[float]
    peer: list[float]
    errors: tuple[float, float]

    @property
    def ratio(self) -> float:
        """The median over the rounds."""
        return statistics.median(a / b for a, b in zip(self.ours, self.peer, strict=True))


def main(doc: str | None, cases: Callable[[], Iterator[Case]]) -> None:
    """Measure the cases with one thread each, print them one by one, and say at the end why some are slower."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("-n", type=int, default=7, help="rounds of each pair, fewer if they are long (default 7)")
    parser.add_argument("-k", default="", metavar="TEXT", help="only cases whose name or library contains this")
    given = parser.parse_args()
    with threadpool_limits(1):
        print(f"processor time, one thread, median of up to {given.n} rounds in turn; {machine()}")
        print(f"{'':{NAME}}  {'library':36} {'kernel':>9} {'library':>9}  {'ratio [range]':20}  errors of both")
        slower: list[Found] = []
        for case in cases():
            if given.k not in f"{case.name} {case.library}":
                continue
            found = measured(case, given.n)
            ours, peer = (figure(statistics.median(times), "ms") for times in (found.ours, found.peer))
            wrong = f"{case.error}: {found.errors[0]:.1e}, {found.errors[1]:.1e}"
            ratio = median_ratio(found.ours, found.peer)
            print(f"{case.name:{NAME}}  {case.library:36} {ours:>9} {peer:>9}  {ratio:20}  {wrong}", flush=True)
            if found.ratio > 1.0:
                slower.append(found)
    if slower:
        print("\nslower than the library, and why:")
    for reason in dict.fromkeys(found.case.slower for found in slower):
        print(f"  {reason or 'NO REASON IS GIVEN'}:")
        for found in slower:
            if found.case.slower == reason:
                print(f"{found.ratio:9.2f}  {found.case.name}")


def measured(case: Case, rounds: int) -> Found:
    """Milliseconds of processor time of a call of each, in turn. A first call warms up and gives the errors."""
    errors = (case.measure(case.ours()), case.measure(case.peer()))
    times: tuple[list[float], list[float]] = ([], [])
    begun = time.process_time()
    while len(times[0]) < rounds and (not times[0] or time.process_time() - begun < LONG):
        for call, found in zip((case.ours, case.peer), times, strict=True):
            found.append(1000 * seconds(call))
    return Found(case, *times, errors)


def seconds(call: Callable[[], object]) -> float:
    """Processor time of a call."""
    calls, begun = 0, time.process_time()
    while (passed := time.process_time() - begun) < SHORT or not calls:
        call()
        calls += 1
    return passed / calls
