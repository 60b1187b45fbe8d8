"""Optimal transport with entropy: Sinkhorn's iteration, in the log domain.

Between two laws on points, a (n,) and b (m,), at costs C (n, m), the plan π that minimises

    Σ π_ij C_ij + ε KL(π ‖ a bᵀ)        with row sums a and column sums b

has the form π_ij = a_i b_j exp((f_i + g_j − C_ij) / ε). Each sweep repairs the rows, then the columns:

    f_i ← −ε log Σ_j b_j exp((g_j − C_ij) / ε)        g_j ← −ε log Σ_i a_i exp((f_i − C_ij) / ε)

(Sinkhorn 1964; Cuturi 2013). The factors e^{f/ε} span hundreds of orders of magnitude when ε is small; their logarithms
do not. ε → 0 gives optimal transport, ε → ∞ the independent plan a bᵀ. (In POT this is ot.sinkhorn(a, b, C, reg=ε); for
costs twice as large, (x − y)² in place of ½(x − y)², ε is twice as large, too.)

How fast: near the end, the error shrinks in each sweep by s², with s < 1 a singular value of S = π / √(a bᵀ), the
correlation that one pair of functions φ(x), ψ(y) of zero mean can have under π. (The largest one is 1: φ = ψ = 1.)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class State(NamedTuple):
    """The potentials after so many sweeps."""

    f: Array
    """(n,)"""
    g: Array
    """(m,)"""
    off: float
    """Σ_i |row sum − a_i| before the last sweep's repair of the rows; ∞ before the first."""
    sweeps: int


def init(n: int, m: int) -> State:
    """f = g = 0."""
    return State(np.zeros(n), np.zeros(m), np.inf, 0)


def step(state: State, C: Array, eps: float, a: Array, b: Array) -> State:
    """One sweep. The columns are exact after it; what is left to do shows in the rows."""
    with np.errstate(divide="ignore", over="ignore"):
        log_a, log_b = np.log(a), np.log(b)
        f = -eps * _log_sum_exp((state.g - C) / eps + log_b)
        # The old row sums were a e^{(f_old − f_new)/ε}.
        off = float(a @ np.abs(np.expm1((state.f - f) / eps))) if state.sweeps else np.inf
        g = -eps * _log_sum_exp((f - C.T) / eps + log_a)
    return State(f, g, off, state.sweeps + 1)


def _log_sum_exp(logs: Array) -> Array:
    """log Σ_j exp(logs_ij), the largest term taken out first so that none overflows."""
    top = logs.max(axis=1)
    return np.asarray(top + np.log(np.exp(logs - top[:, None]).sum(axis=1)))


def plan(state: State, C: Array, eps: float, a: Array, b: Array) -> Array:
    """π (n, m)."""
    return np.asarray(a[:, None] * b * np.exp((state.f[:, None] + state.g - C) / eps))


def correlations(pi: Array, a: Array, b: Array) -> Array:
    """The singular values of S, largest first."""
    return np.asarray(np.linalg.svd(pi / np.sqrt(a[:, None] * b), compute_uv=False))


def gaussian_covariance(s0: float, s1: float, eps: float) -> float:
    """Cov(x, y) of the plan between N(·, s0²) and N(·, s1²) at cost ½(x − y)²: ½ (√(4 s0² s1² + ε²) − ε).

    The plan is Gaussian, and its inverse covariance matrix has −1/ε off the diagonal: c = (s0² s1² − c²) / ε.
    """
    p = 4 * s0**2 * s1**2
    # The same number as in the formula, without cancellation for large ε.
    return 0.5 * p / (math.sqrt(p + eps**2) + eps)
