"""A mixture of Gaussians on the line, with everything known about it.

    p(x) = Σ_k w_k N(x; m_k, s_k²)        score (log p)' = Σ_k P(k | x) (m_k − x) / s_k²

P(k | x), the probability that x came from component k, are softmax weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.gaussian import Phi

Array = npt.NDArray[np.float64]


class Mixture(NamedTuple):
    """Weights (K,) with sum 1, means (K,) and standard deviations (K,)."""

    w: Array
    m: Array
    s: Array

    @property
    def mean(self) -> float:
        """E x."""
        return float(self.w @ self.m)

    @property
    def variance(self) -> float:
        """Var x = Σ w (s² + m²) − (E x)²."""
        return float(self.w @ (self.s**2 + self.m**2)) - self.mean**2


def _logs(p: Mixture, x: Array) -> Array:
    """(…, K) log of w_k N(x; m_k, s_k²)."""
    z = (x[..., None] - p.m) / p.s
    return np.asarray(np.log(p.w) - np.log(p.s) - 0.5 * z**2 - 0.5 * np.log(2 * np.pi))


def log_density(p: Mixture, x: Array) -> Array:
    """log p(x) for x of any shape."""
    return np.asarray(np.logaddexp.reduce(_logs(p, x), axis=-1))


def responsibilities(p: Mixture, x: Array) -> Array:
    """(…, K) P(k | x)."""
    logs = _logs(p, x)
    return np.asarray(np.exp(logs - np.logaddexp.reduce(logs, axis=-1, keepdims=True)))


def score(p: Mixture, x: Array) -> Array:
    """d log p / dx: each component pulls x towards its mean, as strongly as it is likely to own x."""
    return np.asarray(np.sum(responsibilities(p, x) * (p.m - x[..., None]) / p.s**2, axis=-1))


def distribution(p: Mixture, x: Array) -> Array:
    """F(x) = P(X ≤ x)."""
    return np.asarray(np.sum(p.w * Phi((x[..., None] - p.m) / p.s), axis=-1))


def draw(p: Mixture, n: int, rng: np.random.Generator) -> Array:
    """n independent samples: first the component, then the Gaussian."""
    k = rng.choice(len(p.w), n, p=p.w)
    return np.asarray(p.m[k] + p.s[k] * rng.standard_normal(n))


def noised(p: Mixture, alpha: float, sigma: float) -> Mixture:
    """The law of α x + σ ε with ε ~ N(0, 1): a mixture again."""
    return Mixture(p.w, alpha * p.m, np.sqrt((alpha * p.s) ** 2 + sigma**2))
