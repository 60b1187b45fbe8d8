"""A mixture of round Gaussians, p(x) = Σ_k w_k N(x; μ_k, s_k² I): the law whose score is known in closed form.

    ∇ log p(x) = Σ_k r_k(x) (μ_k − x)/s_k²,      r_k(x) = w_k N(x; μ_k, s_k² I) / p(x)

Gaussian noise keeps it a mixture: x + σ ε has the same weights and means, and variances s_k² + σ².
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Mixture(NamedTuple):
    """The law."""

    w: Array
    """(K,) weights that sum to 1."""
    mu: Array
    """(K, d)"""
    sd: Array
    """(K,)"""


def blurred(p: Mixture, sigma: float) -> Mixture:
    """The law of x + σ ε with ε ~ N(0, I)."""
    return p._replace(sd=np.sqrt(p.sd**2 + sigma**2))


def draw(p: Mixture, n: int, rng: np.random.Generator) -> Array:
    """n independent points (n, d)."""
    which = rng.choice(len(p.w), n, p=p.w)
    return np.asarray(p.mu[which] + p.sd[which, None] * rng.standard_normal((n, p.mu.shape[1])))


def log_density_and_score(p: Mixture, x: Array) -> tuple[Array, Array]:
    """(log p(x) (n,), ∇ log p(x) (n, d)) for x (n, d)."""
    d = x.shape[1]
    away = p.mu - x[:, None, :]
    logs = np.log(p.w) - 0.5 * np.sum(away**2, axis=2) / p.sd**2 - d * np.log(p.sd) - 0.5 * d * math.log(2 * math.pi)
    log_p = np.logaddexp.reduce(logs, axis=1)
    share = np.exp(logs - log_p[:, None])
    return log_p, np.sum((share / p.sd**2)[:, :, None] * away, axis=1)
