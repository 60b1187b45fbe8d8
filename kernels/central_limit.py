"""Sums of independent variables, with their exact density at every number of terms, on the way to the Gaussian.

S = X₁ + … + X_k, independent, each with mean m and variance v; standardised Y = (S − k m) / √(k v) has mean 0, variance
1, and its law tends to N(0, 1) (central limit theorem). How fast depends on the terms: the largest gap between the two
distribution functions falls as 1/√k for skewed terms and as 1/k for symmetric ones with a density (Edgeworth).

    exponential   m = v = 1            S ~ Gamma(k):  s^(k−1) e^(−s) / (k−1)!
    uniform       m = 1/2, v = 1/12    S ~ Irwin–Hall(k), which is the cardinal B-spline of order k
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Term = Literal["exponential", "uniform"]
MOMENTS = {"exponential": (1.0, 1.0), "uniform": (0.5, 1.0 / 12.0)}
"""(mean, variance) of a term."""


def draw(term: Term, k: int, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Standardised sums Y of k terms each."""
    mean, variance = MOMENTS[term]
    S = np.zeros(shape)
    # Term by term: memory for one of them only.
    for _ in range(k):
        S += rng.standard_exponential(shape) if term == "exponential" else rng.random(shape)
    return np.asarray((S - k * mean) / math.sqrt(k * variance))


def density(term: Term, k: int, y: npt.ArrayLike) -> Array:
    """The exact density of Y at y."""
    s, scale = _unstandardised(term, k, y)
    return scale * (_gamma(k, s) if term == "exponential" else _splines(k, s)[0])


def distribution(term: Term, k: int, y: npt.ArrayLike) -> Array:
    """The exact distribution function P(Y ≤ y)."""
    s, _ = _unstandardised(term, k, y)
    if term == "exponential":
        # P(S > s) is the chance of at most k − 1 events of a Poisson process up to s: Σ_j<k s^j e^(−s) / j!
        return np.asarray(np.where(s > 0, 1.0 - sum(_gamma(j + 1, s) for j in range(k)), 0.0))
    # The integral of a B-spline is the sum of the next order's over the shifts to its left.
    return np.asarray(np.clip(np.sum(_splines(k + 1, np.where(s < k, s, k)), axis=0), 0.0, 1.0))


def skewness(term: Term, k: int) -> float:
    """E Y³: 2/√k for exponential terms, 0 for uniform ones."""
    return 2.0 / math.sqrt(k) if term == "exponential" else 0.0


def excess_kurtosis(term: Term, k: int) -> float:
    """E Y⁴ − 3: that of one term (6 or −6/5) over k."""
    return (6.0 if term == "exponential" else -1.2) / k


def support(term: Term, k: int) -> tuple[float, float]:
    """The least and the greatest Y that are possible."""
    mean, variance = MOMENTS[term]
    low = -mean * math.sqrt(k / variance)
    return low, math.inf if term == "exponential" else -low


def _unstandardised(term: Term, k: int, y: npt.ArrayLike) -> tuple[Array, float]:
    mean, variance = MOMENTS[term]
    scale = math.sqrt(k * variance)
    return k * mean + scale * np.asarray(y, dtype=np.float64), scale


def _gamma(k: int, s: Array) -> Array:
    """s^(k−1) e^(−s) / (k−1)! for s > 0, else 0."""
    inside = np.where(s > 0, s, 1.0)
    # In logarithms, so that neither the power nor the factorial overflows.
    return np.where(s > 0, np.exp((k - 1) * np.log(inside) - inside - math.lgamma(k)), 0.0)


def _splines(k: int, s: Array) -> Array:
    """N_k(s − j) for j = 0 … k, shape (k + 1, …), with N₁ the indicator of [0, 1).

    Cox–de Boor: N_m(s) = (s N_{m−1}(s) + (m − s) N_{m−1}(s − 1)) / (m − 1). Where it counts all terms are positive, so
    that nothing cancels, as it does in the alternating sum of the textbook formula.
    """
    shifted = s - np.arange(2 * k + 1.0).reshape(-1, *[1] * s.ndim)
    N = ((shifted >= 0) & (shifted < 1)).astype(np.float64)
    for m in range(2, k + 1):
        left = shifted[: len(N) - 1]
        N = (left * N[:-1] + (m - left) * N[1:]) / (m - 1)
    return np.asarray(N[: k + 1])
