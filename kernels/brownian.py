"""Brownian motion on a mesh of times, and the two ways to measure how much a path moves.

    W(0) = 0,  W(t + dt) − W(t) ~ N(0, dt) independent of the past,  paths continuous (almost surely)
    dx = √(2D) dW    ⇒    Var x(t) = 2 D t,   Cov(x(s), x(t)) = 2 D min(s, t)

    quadratic variation  Σ (Δx)²  →  2 D t           the same for almost every path
    total variation      Σ |Δx|   ≈  t √(4D / π dt)  →  ∞ as dt → 0: no path has a finite length or a derivative

The quadratic variation of n increments has mean 2 D t and variance 2 (2 D t)² / n. Any independent increments with mean
0 and variance 2 D dt have the same limit (Donsker 1951): a coin does as well as a Gaussian.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Noise = Literal["gaussian", "coin"]


class State(NamedTuple):
    """Many paths, and for meshes dt, 2 dt, 4 dt … how much they have moved so far."""

    x: Array
    """(n,) where the paths are."""
    last: Array
    """(levels, n) where they were at the last time of each mesh."""
    quadratic: Array
    """(levels, n) Σ (Δx)² on each mesh."""
    total: Array
    """(levels, n) Σ |Δx| on each mesh."""
    steps: int


def init(n: int, levels: int) -> State:
    """n paths at 0, watched on the meshes dt, 2 dt, …, 2^(levels−1) dt."""
    zeros = np.zeros((levels, n))
    return State(np.zeros(n), zeros, zeros, zeros, 0)


def increments(n: int, D: float, dt: float, noise: Noise, rng: np.random.Generator) -> Array:
    """(n,) independent increments with mean 0 and variance 2 D dt."""
    size = math.sqrt(2 * D * dt)
    if noise == "coin":
        return np.asarray(size * (2.0 * rng.integers(0, 2, n) - 1.0))
    return size * rng.standard_normal(n)


def step(state: State, dx: Array) -> State:
    """Add increments dx (n,) to the paths, and to the variations of every mesh that has a time here."""
    x, steps = state.x + dx, state.steps + 1
    last, quadratic, total = state.last.copy(), state.quadratic.copy(), state.total.copy()
    for level in range(len(last)):
        if steps % 2**level:
            break
        move = x - last[level]
        quadratic[level] += move**2
        total[level] += np.abs(move)
        last[level] = x
    return State(x, last, quadratic, total, steps)


def total_variation(D: float, t: float, dt: float) -> float:
    """E Σ |Δx| = (t/dt) E|Δx| = t √(4 D / (π dt)) for Gaussian increments."""
    return t * math.sqrt(4 * D / (math.pi * dt))


def covariance(D: float, s: float, t: float) -> float:
    """Cov(x(s), x(t)) = 2 D min(s, t): up to the earlier time the two have moved together."""
    return 2 * D * min(s, t)
