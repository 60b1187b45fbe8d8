"""Exact answers for a Markov chain whose transition matrix fits into memory.

    P[i, j] = P(x' = j | x = i),   π P = π                        stationary law
    (Pᵏ f)(i) = E[f(x_k) | x_0 = i]  →  E_π f                     how the start is forgotten: burn-in
    ρ(k) = Cov(f(x_0), f(x_k)) / Var f                            in the stationary chain
    τ = 1 + 2 Σ_{k≥1} ρ(k),   Var(mean of n) ≈ τ Var f / n        n correlated draws are worth n / τ independent ones

With f centred, Σ_{k≥0} Pᵏ f = g solves (I − P) g = f, E_π g = 0; then τ = 2 E_π[f g] / Var f − 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def stationary(P: Array) -> Array:
    """π with π P = π and Σ π = 1, for a chain that can get from every state to every other."""
    A = np.eye(len(P)) - P.T
    A[0] = 1.0  # one equation of π (I − P) = 0 is redundant: the sum takes its place
    right = np.zeros(len(P))
    right[0] = 1.0
    return np.asarray(np.linalg.solve(A, right))


def autocorrelation_time(P: Array, pi: Array, f: Array) -> float:
    """τ of f in the stationary chain; 1 for independent draws, below 1 if draws alternate."""
    centred = f - pi @ f
    # Adding the projector on constants makes I − P invertible and sets E_π g = 0.
    g = np.linalg.solve(np.eye(len(P)) - P + np.outer(np.ones(len(P)), pi), centred)
    return float(2 * (pi @ (centred * g)) / (pi @ centred**2) - 1)


def autocorrelations(P: Array, pi: Array, f: Array, lags: int) -> Array:
    """ρ(0), ρ(1), …, ρ(lags − 1)."""
    centred = f - pi @ f
    g, rho = centred, []
    for _ in range(lags):
        rho.append(pi @ (centred * g))
        g = P @ g
    return np.array(rho) / rho[0]


def forget(P: Array, start: Array, f: Array, n: int) -> Array:
    """E f(x_0), E f(x_1), …, E f(x_{n−1}) for x_0 drawn from the law `start`."""
    law, means = start, []
    for _ in range(n):
        means.append(law @ f)
        law = law @ P
    return np.array(means)


def total_variation(p: Array, q: Array) -> float:
    """½ Σ |p − q|: the largest difference in the probability of any event."""
    return float(0.5 * np.abs(p - q).sum())
