"""Are these samples from that law? Kolmogorov–Smirnov for continuous laws, χ² for counts.

    D_n = sup_x |F_n(x) − F(x)|,   F_n(x) = share of the n samples that are ≤ x

If F is right and continuous, F(X) is uniform: the law of D_n is the same for every F (not so for discrete ones). For
n → ∞, √n D_n is the largest distance from 0 of a Brownian bridge (Kolmogorov 1933):

    P(√n D_n > t) → 2 Σ_{j≥1} (−1)^(j−1) e^(−2 j² t²)          mean 0.87;  0.01 at t = 1.63,  0.001 at t = 1.95

    χ² = Σ_k (n_k − n p_k)² / (n p_k)                          mean m − 1 for m outcomes (Pearson 1900)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Gap(NamedTuple):
    """The largest distance between F_n and F."""

    D: float
    at: int
    """The sample (in ascending order) at which it is met."""
    above: bool
    """Whether F_n is above F there."""


def kolmogorov_smirnov(F: Array) -> Gap:
    """D_n from the values F(x₁) ≤ … ≤ F(x_n) of the hypothetical distribution function at the sorted samples.

    F_n jumps at each sample, so the supremum is met just after a jump (i/n − F) or just before one (F − (i−1)/n).
    """
    n = len(F)
    i = np.arange(1, n + 1)
    after, before = i / n - F, F - (i - 1) / n
    a, b = int(after.argmax()), int(before.argmax())
    return Gap(float(after[a]), a, True) if after[a] >= before[b] else Gap(float(before[b]), b, False)


def kolmogorov_tail(t: float) -> float:
    """lim P(√n D_n > t), to rounding."""
    if t <= 0:
        return 1.0
    if t < 1.0:
        # The same function by Poisson summation: this series converges fast where the other one is slow.
        q = math.pi**2 / (8 * t * t)
        return 1.0 - math.sqrt(2 * math.pi) / t * sum(math.exp(-((2 * j - 1) ** 2) * q) for j in range(1, 8))
    return 2 * sum(math.copysign(math.exp(-2 * j * j * t * t), 1 if j % 2 else -1) for j in range(1, 8))


def chi_square(counts: npt.ArrayLike, p: Array) -> float:
    """Σ (n_k − n p_k)² / (n p_k) for the counts n_k of outcomes with probabilities p_k > 0."""
    counts = np.asarray(counts, dtype=np.float64)
    expected = counts.sum() * p
    return float(np.sum((counts - expected) ** 2 / expected))


def chi_square_tail(x: float, freedom: int) -> float:
    """P(χ² > x) with so many degrees of freedom: the regularised Γ(a, x/2), a = freedom/2, by recursion in a.

    Q(a + 1, y) = Q(a, y) + y^a e^(−y) / Γ(a + 1), from Q(1, y) = e^(−y) or Q(1/2, y) = erfc(√y).
    """
    if x <= 0:
        return 1.0
    y = 0.5 * x
    a = 1.0 if freedom % 2 == 0 else 0.5
    tail = math.exp(-y) if a == 1.0 else math.erfc(math.sqrt(y))
    while a < 0.5 * freedom:
        tail += math.exp(a * math.log(y) - y - math.lgamma(a + 1))
        a += 1
    return tail


def chi_square_limit(freedom: int, alarm: float = 0.001) -> float:
    """The x that a right law exceeds with probability `alarm`."""
    low, high = 0.0, freedom + 40.0 * math.sqrt(freedom) + 40.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if chi_square_tail(middle, freedom) > alarm else (low, middle)
    return high
