"""Linear regression with an L1 penalty, whose minimum has weights that are exactly 0 (Tibshirani 1996).

    F(w) = ‖Xw − y‖² / (2n) + λ ‖w‖₁           least where g_i = −λ sign(w_i) for w_i ≠ 0, and |g_i| ≤ λ for w_i = 0

with g = Xᵀ(Xw − y)/n, the gradient of the smooth part (for X (n, d), y (n,)); L is the largest eigenvalue of XᵀX/n.

    subgradient   w ← w − η (g + λ sign w)                 jumps about 0 and never lands on it
    ISTA          w ← S(w − g/L, λ/L)                      S shrinks towards 0 by λ/L and stops there: a proximal step
    FISTA         the same from z = w + μ (w − w_before)                                   (Beck & Teboulle 2009)

F(w_k) − F* ≤ L‖w₀ − w*‖² / (2k) for ISTA, 2L‖w₀ − w*‖² / (k+1)² for FISTA.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class State(NamedTuple):
    """What the next step of any of the three methods needs."""

    w: Array
    """(d,)"""
    before: Array
    """(d,) the weights one step earlier."""
    t: float
    """FISTA's t_k, from which its momentum (t_k − 1)/t_{k+1} follows."""
    k: int
    """Steps taken."""


def init(w: Array) -> State:
    """Start at w (d,)."""
    return State(w.copy(), w.copy(), 1.0, 0)


def gradient(X: Array, y: Array, w: Array) -> Array:
    """g = Xᵀ(Xw − y)/n, the gradient of the smooth part."""
    return np.asarray(X.T @ (X @ w - y) / len(X))


def objective(X: Array, y: Array, w: Array, lam: float) -> float:
    """F(w)."""
    return float(np.sum((X @ w - y) ** 2) / (2 * len(X)) + lam * np.abs(w).sum())


def lipschitz(X: Array) -> float:
    """L: no curvature of the smooth part is larger."""
    return float(np.linalg.eigvalsh(X.T @ X / len(X))[-1])


def soft_threshold(w: Array, t: float) -> Array:
    """S(w, t) = sign(w) max(|w| − t, 0): the minimiser of ½(u − w)² + t|u|. For XᵀX = nI it is the whole answer."""
    return np.asarray(np.sign(w) * np.maximum(np.abs(w) - t, 0.0))


def subgradient(state: State, X: Array, y: Array, lam: float, L: float) -> State:
    """w ← w − (g + λ sign w) / (L √(k+1)). With a step that does not fall it would not even converge."""
    slope = gradient(X, y, state.w) + lam * np.sign(state.w)
    return State(state.w - slope / (L * math.sqrt(state.k + 1)), state.w, state.t, state.k + 1)


def ista(state: State, X: Array, y: Array, lam: float, L: float) -> State:
    """w ← S(w − g/L, λ/L): a gradient step for the smooth part, an exact step for the penalty."""
    return State(soft_threshold(state.w - gradient(X, y, state.w) / L, lam / L), state.w, state.t, state.k + 1)


def fista(state: State, X: Array, y: Array, lam: float, L: float) -> State:
    """ISTA's step from z = w + (t_k − 1)/t_{k+1} (w − w_before), with t_{k+1} = (1 + √(1 + 4 t_k²))/2."""
    t = (1 + math.sqrt(1 + 4 * state.t**2)) / 2
    # `before` is w_{k−1}: at the first step it equals w, and there is no momentum.
    z = state.w + (state.t - 1) / t * (state.w - state.before)
    return State(soft_threshold(z - gradient(X, y, z) / L, lam / L), state.w, t, state.k + 1)


def kkt_residual(X: Array, y: Array, w: Array, lam: float) -> float:
    """By how much w misses the conditions of the minimum: max |g_i + λ sign w_i| and, at zeros, max(|g_i| − λ, 0)."""
    g = gradient(X, y, w)
    return float(np.where(w != 0, np.abs(g + lam * np.sign(w)), np.maximum(np.abs(g) - lam, 0.0)).max())


def largest(X: Array, y: Array) -> float:
    """λ_max = max |Xᵀy| / n: from here on every weight is 0."""
    return float(np.abs(X.T @ y).max() / len(X))


def path(X: Array, y: Array) -> tuple[Array, Array]:
    """The minimisers for all λ at once: knots λ_1 > … > λ_m = 0 (m,) and weights (m, d), straight lines in between.

    Homotopy (Osborne, Presnell & Turlach 2000): with the signs s of the active weights A fixed, g_A = −λ s gives
    w_A(λ) = G_AA⁻¹ (c_A − λ s), G = XᵀX/n, c = Xᵀy/n. Going down in λ, the next knot is where a weight reaches 0 and
    leaves, or where some |g_j| reaches λ and j joins. Needs columns that are linearly independent.
    """
    n, d = X.shape
    G, c = X.T @ X / n, X.T @ y / n
    w, lam = np.zeros(d), float(np.abs(c).max())
    active, left = [int(np.abs(c).argmax())], -1
    knots, weights = [lam], [w]
    while lam > 0:
        r = c - G @ w  # −g: the correlation of each feature with the residual
        signs = np.sign(r[active])
        slope = np.zeros(d)
        slope[active] = np.linalg.solve(G[np.ix_(active, active)], signs)  # −dw/dλ
        a = G @ slope
        with np.errstate(divide="ignore", invalid="ignore"):
            meet = np.array([_positive((lam - r) / (1 - a)), _positive((lam + r) / (1 + a))])  # r_j = λ, r_j = −λ
            leave = _positive(-w / slope)
        # Active features have |r| = λ all along; one that has just left touches it from below, and may meet −r next.
        meet[:, active] = np.inf
        if left >= 0:
            meet[0 if r[left] > 0 else 1, left] = np.inf
        join = meet.min(axis=0)
        down = min(float(join.min()), float(leave.min()), lam)
        lam, w = max(lam - down, 0.0), w + down * slope
        left = -1
        if down == leave.min():
            left = int(leave.argmin())
            active.remove(left)
            w[left] = 0.0
        elif down == join.min():
            active.append(int(join.argmin()))
        knots.append(lam)
        weights.append(w)
    return np.array(knots), np.array(weights)


def _positive(step: Array) -> Array:
    """Steps that go down in λ; all others never."""
    return np.where(np.isfinite(step) & (step > 1e-14), step, np.inf)


def at(knots: Array, weights: Array, lam: float) -> Array:
    """The minimiser for one λ, read off the path; shape (d,)."""
    below = int(np.clip(np.searchsorted(-knots, -lam), 1, len(knots) - 1))
    high, low = knots[below - 1], knots[below]
    if lam >= high:
        return np.asarray(weights[below - 1])
    return np.asarray(weights[below] + (lam - low) / (high - low) * (weights[below - 1] - weights[below]))


def ridge(X: Array, y: Array, lam: float) -> Array:
    """The minimiser with the penalty ½λ‖w‖² instead: (XᵀX/n + λI)⁻¹ Xᵀy/n. It shrinks, and leaves nothing at 0."""
    n, d = X.shape
    return np.asarray(np.linalg.solve(X.T @ X / n + lam * np.eye(d), X.T @ y / n))
