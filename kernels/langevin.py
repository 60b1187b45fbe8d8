"""Langevin sampling with a finite step h: unadjusted (ULA), which is a little wrong, and adjusted (MALA), which is not.

    dx = −U′(x) dt + √(2D) dW  has the stationary law  p ∝ e^{−U/D}.  One step of Euler–Maruyama:

    ULA     x ← x − h U′(x) + √(2 D h) z,   z ~ N(0, 1)                    its stationary law is off by O(h)
    MALA    take that as a *proposal* y with density q(y|x) = N(y; x − h U′(x), 2 D h) and accept it with probability
            min(1, e^{−(U(y) − U(x))/D} q(x|y) / q(y|x)): then p is stationary for every h (Roberts & Tweedie 1996)

On U = x²/2, D = 1 ULA's variance is 1/(1 − h/2). Where U grows faster than x² ULA has no stationary law at all: for
U′ = x³ − x a walker beyond |x| = √(1 + 2/h) is thrown farther out at each step. It takes very long if h is small.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kernels import metropolis

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]


def ula(dU: Function, x: Array, D: float, h: float, rng: np.random.Generator) -> Array:
    """One unadjusted step of all walkers x."""
    return np.asarray(x - h * dU(x) + np.sqrt(2 * D * h) * rng.standard_normal(x.shape))


def log_acceptance(U: Function, dU: Function, x: Array, y: Array, D: float, h: float) -> Array:
    """log of p(y) q(x|y) / (p(x) q(y|x)); the normalisation of q cancels."""
    there = (y - x + h * dU(x)) ** 2
    back = (x - y + h * dU(y)) ** 2
    return np.asarray((U(x) - U(y)) / D + (there - back) / (4 * D * h))


def mala(
    U: Function, dU: Function, x: Array, D: float, h: float, rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """One adjusted step: (new x, which moves were accepted)."""
    y = ula(dU, x, D, h, rng)
    taken = metropolis.accept(log_acceptance(U, dU, x, y, D, h), rng)
    return np.where(taken, y, x), taken


# -- the same steps as transition matrices between the cells of a grid: P[i, j] = P(x_i → cell j) ---


def ula_matrix(dU: Function, grid: Array, D: float, h: float) -> Array:
    """ULA between cells; rows sum to less than 1 where a step leaves the grid. Needs cells no wider than √(2 D h)."""
    width = grid[1] - grid[0]
    move = grid[None, :] - (grid - h * dU(grid))[:, None]
    return np.asarray(np.exp(-(move**2) / (4 * D * h)) * (width / np.sqrt(4 * np.pi * D * h)))


def mala_matrix(U: Function, dU: Function, grid: Array, D: float, h: float) -> Array:
    """MALA between cells: e^{−U/D} is its stationary law exactly, on any grid, by detailed balance."""
    logs = log_acceptance(U, dU, grid[:, None], grid[None, :], D, h)
    return metropolis.with_rejections(ula_matrix(dU, grid, D, h) * np.exp(np.minimum(0.0, logs)))


def quasi_stationary(P: Array, guess: Array, iterations: int = 100) -> Array:
    """The law p that a step changes in its mass alone: p P = θ p with the largest θ ≤ 1; from a first guess p > 0.

    Without leaks θ = 1 and p is stationary. Inverse iteration: near θ one factor of (I − P)⁻¹ dwarfs the others.
    """
    inverse = np.linalg.inv((1 + 1e-9) * np.eye(len(P)) - P)
    p = guess / guess.sum()
    for _ in range(iterations):
        new = p @ inverse
        new /= new.sum()
        if np.abs(new - p).sum() < 1e-12:
            break
        p = new
    return np.asarray(new)
