"""Small things that several test modules need."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels import datasets
from tutor.labs import registry
from tutor.labs.run import Run
from tutor.labs.spec import make_params
from tutor.progress.store import Store


def rest_in_full(values: Iterable[Any], quick: int = 1) -> list[Any]:
    """Parameters of a test of which all but the first few are tried in long runs only."""
    return [value if at < quick else pytest.param(value, marks=pytest.mark.full) for at, value in enumerate(values)]


def finish(run: Run[Any, Any]) -> Run[Any, Any]:
    """Run to the end."""
    while not run.done:
        run.advance()
    return run


@functools.cache
def _finished(lab_id: str, seed: int, values: tuple[tuple[str, Any], ...]) -> Run[Any, Any]:
    lab = registry.get(lab_id)
    return finish(Run(lab, make_params(lab, {**lab.quick, **dict(values)}), seed))


def finished(lab_id: str, seed: int = 0, **values: Any) -> Run[Any, Any]:
    """A run at its end, of a long lab the short one; made once a process: to look at, not to change.

    Tests of one lab that share it are one `xdist_group`, named as the lab.
    """
    return _finished(lab_id, seed, tuple(sorted(values.items())))


def mnist(folder: Path, n: int) -> None:
    """Write four IDX files with n made-up images."""
    rng = np.random.default_rng(0)
    for part, name in datasets.MNIST_FILES.items():
        array = rng.integers(0, 256, (n, 28, 28)) if "images" in part else rng.integers(0, 10, n)
        head = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
        (folder / name).write_bytes(head + array.astype(np.uint8).tobytes())


def leave_plan_open(home: Path) -> None:
    """Let the program ask nothing about the plan when it starts: it did, and no answer was given."""
    home.mkdir(parents=True, exist_ok=True)
    store = Store.open(home / "progress.db")
    store.save_draft("plan:asked", "begin")
    store.close()
