"""Leapfrog (velocity Verlet): a method made for the energy, for motion d²q/dt² = −U′(q).

    p ← p − h/2 U′(q)        q ← q + h p        p ← p − h/2 U′(q)

Each line shears the plane (q, p), so areas keep their size exactly, and running with −h undoes a step. That is why the
energy H = p²/2 + U(q) does not drift: the steps follow, up to terms that are smaller than any power of h, the exact
motion of a slightly different energy,

    H̃ = H + h² ( p² U″(q) / 12 − U′(q)² / 24 ) + O(h⁴)

(Hairer, Lubich & Wanner 2006, ch. IX). Euler has no such energy: it creates some in every step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]


class State(NamedTuple):
    """Where it is and how fast it moves (mass 1): arrays of one shape."""

    q: Array
    p: Array


def init(q: npt.ArrayLike, p: npt.ArrayLike) -> State:
    """Start at q with momentum p."""
    return State(np.asarray(q, dtype=np.float64), np.asarray(p, dtype=np.float64))


def step(dU: Function, state: State, h: float) -> State:
    """One step in the potential with derivative dU = U′; `h` < 0 goes back in time."""
    p = state.p - h / 2 * dU(state.q)
    q = state.q + h * p
    return State(q, p - h / 2 * dU(q))


def energy(U: Function, state: State) -> Array:
    """H = p²/2 + U(q)."""
    return np.asarray(state.p**2 / 2 + U(state.q))


def shadow(U: Function, dU: Function, ddU: Function, state: State, h: float) -> Array:
    """H̃ to order h²: the energy that leapfrog with step h keeps better by two orders than H."""
    correction = state.p**2 * ddU(state.q) / 12 - dU(state.q) ** 2 / 24
    return np.asarray(energy(U, state) + h**2 * correction)
