"""Gradient descent on a quadratic, where everything is known: f(w) = ½ (w − w*)ᵀ H (w − w*).

In the eigenvectors of H the coordinates c of the error w − w* do not see each other. Along one with curvature λ, with
learning rate η, momentum β (0: plain gradient descent) and gradient noise ξ of variance s²,

    m ← β m + λ c + ξ,   c ← c − η m       so       (c, m) ← A (c, m) + ξ (−η, 1),   A = [1 − ηλ   −ηβ]
                                                                                         [  λ        β ]
and the second moments follow exactly: S ← A S Aᵀ + s² (−η, 1)(−η, 1)ᵀ, E f = ½ Σ λ S_cc. Without momentum that reads
c_k = (1 − ηλ)ᵏ c_0: stable for η < 2/λ_max, and the worst of the factors |1 − ηλ| is least at η = 2/(λ_min + λ_max).

Sources: Polyak 1964; Nesterov, Lectures on Convex Optimization, 2.1; Goh, Why Momentum Really Works, 2017.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Quadratic(NamedTuple):
    """H = Q diag(λ) Qᵀ and the minimum w*."""

    Q: Array
    """(d, d) eigenvectors, one a column."""
    lam: Array
    """(d,) curvatures λ > 0, ascending."""
    w_star: Array
    """(d,)"""


def rotated(condition: float, degrees: float = 0.0, w_star: npt.ArrayLike = (0.0, 0.0)) -> Quadratic:
    """Two weights with curvatures λ = 1/κ and 1: a valley along the first axis, turned by an angle.

    Raises ValueError for κ < 1.
    """
    if not condition >= 1:
        raise ValueError(f"condition = {condition}; the largest curvature over the smallest is at least 1")
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    Q = np.array([[cos, -sin], [sin, cos]])
    return Quadratic(Q, np.array([1.0 / condition, 1.0]), np.asarray(w_star, dtype=np.float64))


def coordinates(f: Quadratic, w: Array) -> Array:
    """c = Qᵀ (w − w*), the error along the eigenvectors, for w (…, d)."""
    return np.asarray((w - f.w_star) @ f.Q)


def loss(f: Quadratic, w: Array) -> Array:
    """f(w) = ½ Σ λ c² for w (…, d); shape (…)."""
    return np.asarray(0.5 * np.sum(f.lam * coordinates(f, w) ** 2, axis=-1))


def gradient(f: Quadratic, w: Array) -> Array:
    """∇f = H (w − w*) = Q λ c for w (…, d)."""
    return np.asarray(f.lam * coordinates(f, w) @ f.Q.T)


def iterate(f: Quadratic, w0: Array, lr: npt.ArrayLike, k: int) -> Array:
    """Where gradient descent from w0 (d,) is after k steps: w_k = w* + Q (1 − ηλ)ᵏ c_0. Shape (…, d) for lr (…)."""
    shrunk = (1 - np.multiply.outer(np.asarray(lr, dtype=np.float64), f.lam)) ** k * coordinates(f, w0)
    return np.asarray(f.w_star + shrunk @ f.Q.T)


def expected_loss(
    f: Quadratic, w0: Array, rates: npt.ArrayLike, beta: float = 0.0, noise: float = 0.0, nesterov: bool = False
) -> Array:
    """E f(w_k) for k = 0 … n, starting at w0 (d,), with a learning rate for each step: rates (n, …).

    `noise` is the standard deviation s of the Gaussian noise in each coordinate of each gradient. Further axes of
    `rates` are further runs. Shape (n + 1, …).
    """
    rates = np.asarray(rates, dtype=np.float64)
    lam = f.lam.reshape(-1, *[1] * (rates.ndim - 1))
    c = coordinates(f, w0).reshape(lam.shape) + np.zeros(rates.shape[1:])
    cc, cm, mm = c * c, np.zeros_like(c), np.zeros_like(c)
    losses = [0.5 * np.sum(lam * cc, axis=0)]
    for lr in rates:
        # First m ← β m + λ c + ξ, then c ← c − η (m or, with Nesterov, λ c + ξ + β m): moments of (c, m, g = λ c + ξ).
        gg, cg, mg = lam**2 * cc + noise**2, lam * cc, lam * cm
        cm, mm, mg = beta * cm + cg, beta**2 * mm + 2 * beta * mg + gg, beta * mg + gg
        if nesterov:
            cu, uu, mu = cg + beta * cm, gg + 2 * beta * mg + beta**2 * mm, mg + beta * mm
        else:
            cu, uu, mu = cm, mm, mm
        cc, cm = cc - 2 * lr * cu + lr**2 * uu, cm - lr * mu
        losses.append(0.5 * np.sum(lam * cc, axis=0))
    return np.array(losses)


def rate(f: Quadratic, lr: npt.ArrayLike, beta: float = 0.0) -> Array:
    """The factor by which the error shrinks a step in the long run: the largest spectral radius of A over λ.

    Shape of lr. Without momentum max |1 − ηλ|. With it, √β as long as (1−√β)²/λ ≤ η ≤ (1+√β)²/λ for every λ.
    """
    product = np.multiply.outer(np.asarray(lr, dtype=np.float64), f.lam)
    # The eigenvalues z of A solve z² − (1 + β − ηλ) z + β = 0.
    half = (1 + beta - product) / 2
    root = np.sqrt((half**2 - beta).astype(complex))
    return np.asarray(np.maximum(np.abs(half + root), np.abs(half - root)).max(axis=-1))


def edge(largest: float, beta: float = 0.0, nesterov: bool = False) -> float:
    """The learning rate beyond which the error along λ_max grows: 2(1+β)/λ_max, for Nesterov 2(1+β)/((1+2β) λ_max)."""
    return 2 * (1 + beta) / ((1 + 2 * beta if nesterov else 1) * largest)


def best_rate(f: Quadratic) -> tuple[float, float]:
    """(η, rate) of the best worst case of gradient descent: 2/(λ_min + λ_max), (κ − 1)/(κ + 1)."""
    low, high = float(f.lam[0]), float(f.lam[-1])
    return 2 / (low + high), (high - low) / (high + low)


def best_momentum(f: Quadratic) -> tuple[float, float]:
    """(η, β) of the best rate of momentum, √β = (√κ − 1)/(√κ + 1), at η = (2/(√λ_min + √λ_max))²."""
    low, high = math.sqrt(f.lam[0]), math.sqrt(f.lam[-1])
    return (2 / (low + high)) ** 2, ((high - low) / (high + low)) ** 2


def best_for(f: Quadratic, w0: Array, steps: int) -> float:
    """The learning rate that leaves the least loss after so many steps of gradient descent from w0 (d,).

    f(w_k) = ½ Σ λ (1 − ηλ)²ᵏ c² is convex in η: its derivative is brought to 0 by bisection.
    """
    weight = f.lam**2 * coordinates(f, w0) ** 2
    low, high = 0.0, edge(float(f.lam[-1]))
    for _ in range(60):
        lr = (low + high) / 2
        factor = 1 - lr * f.lam
        # Only the sign counts, so the largest factor is divided out: high powers would vanish.
        if np.sum(weight * (factor / (np.abs(factor).max() or 1.0)) ** (2 * steps - 1)) > 0:
            low = lr
        else:
            high = lr
    return (low + high) / 2
