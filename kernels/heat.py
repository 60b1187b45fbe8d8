"""The heat equation: how the density of Brownian particles spreads, exactly and on a grid.

    u_t = D u_xx,  u(x, 0) = δ(x)    ⇒    u(x, t) = exp(−x² / 4Dt) / √(4πDt),  the density of N(0, 2Dt)

Explicit scheme (forward in time, central in space) with r = D dt / dx²:

    u_i ← u_i + r (u_{i+1} − 2 u_i + u_{i−1}) = r u_{i−1} + (1 − 2r) u_i + r u_{i+1}

For r ≤ 1/2 all three weights are ≥ 0: the scheme *is* a random walk that steps left or right with probability r each.
A wave e^{ikx} is multiplied by 1 − 4 r sin²(k dx / 2); for r > 1/2 the shortest wave grows in absolute value, and the
grid's sawtooth swallows the solution. The limit is dt ≤ dx² / 2D (Courant, Friedrichs & Lewy 1928).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def kernel(x: Array, D: float, t: float) -> Array:
    """The density of N(0, 2Dt) for t > 0."""
    return np.asarray(np.exp(-(x**2) / (4 * D * t)) / math.sqrt(4 * math.pi * D * t))


def delta(cells: int, dx: float) -> Array:
    """(2 cells + 1,) mass 1 in the middle cell: height 1/dx."""
    u = np.zeros(2 * cells + 1)
    u[cells] = 1.0 / dx
    return u


def step(u: Array, r: float) -> Array:
    """One step of the explicit scheme; nothing passes the ends, so that the mass Σ u dx is kept for any r."""
    flow = r * np.diff(u)
    return np.asarray(u + np.diff(flow, prepend=0.0, append=0.0))


def growth(r: float) -> float:
    """The factor of the shortest wave, |1 − 4r|: above 1 exactly if r > 1/2."""
    return abs(1 - 4 * r)
