"""Figures as the benchmarks print them: medians, quantiles, and a table of ours beside the peer's."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One figure beside its peer's, both in `unit`."""

    name: str
    ours: float
    peer: float
    unit: str = "ms"
    target: str = ""


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that a `share` of them do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def median_ratio(ours: Sequence[float], peer: Sequence[float]) -> str:
    """The ratio pair by pair: its median and its range, which shows the noise."""
    ratios = [a / b for a, b in zip(ours, peer, strict=True)]
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


def print_table(rows: Sequence[Row], ours: str = "ours", peer: str = "peer") -> None:
    """Print name, ours, peer, ratio and, where there is one, the target."""
    width = max(len(row.name) for row in rows)
    print(f"{'':{width}}  {ours:>12} {peer:>12} {'ratio':>7}  target")
    for row in rows:
        own, beside = figure(row.ours, row.unit), figure(row.peer, row.unit)
        print(f"{row.name:{width}}  {own:>12} {beside:>12} {row.ours / row.peer:>7.2f}  {row.target}".rstrip())


def figure(value: float, unit: str) -> str:
    """A value with the three digits that count."""
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def machine() -> str:
    """The class of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}, load {load:.1f}"
    )
