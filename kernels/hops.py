"""Counting hops from one well to the other: from core to core, so that jitter on the barrier does not count.

A walker belongs to the core it visited last: A is x ≤ a, B is x ≥ b. When a walker of A enters B, it has hopped.
In equilibrium each way is gone ν = 1 / (T(a → b) + T(b → a)) times per unit time and walker, with T the mean
first-passage times: for a deep well 1/T is its rate of escape.

The expected counts of a chain with transition matrix P are exact: split its law into p_A + p_B, of walkers that were in
A or in B last. What p_A sends into B is counted and goes over to p_B, and the other way round.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Law(NamedTuple):
    """Probabilities of cells (2, N), by the core visited last (A, B), and the expected hops per walker so far."""

    p: Array
    hops: Array
    """(2,) A → B and B → A."""


def start(p: Array, x: Array, middle: float = 0.0) -> Law:
    """Split cell probabilities p (N,) at centres x: what is left of the middle counts as A's."""
    return Law(np.stack([np.where(x < middle, p, 0.0), np.where(x < middle, 0.0, p)]), np.zeros(2))


def advance(law: Law, P: Array, x: Array, a: float, b: float) -> Law:
    """One step of the chain with transition matrix P."""
    p_A, p_B = law.p @ P
    to_B, to_A = np.where(x >= b, p_A, 0.0), np.where(x <= a, p_B, 0.0)
    return Law(np.stack([p_A - to_B + to_A, p_B - to_A + to_B]), law.hops + np.array([to_B.sum(), to_A.sum()]))


def visit(in_B: npt.NDArray[np.bool_], x: Array, a: float, b: float) -> npt.NDArray[np.bool_]:
    """Which walkers at x (n,) belong to B now, from which did before; where the two differ a hop was made."""
    return (in_B & (x > a)) | (x >= b)
