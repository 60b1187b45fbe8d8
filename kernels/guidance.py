"""Guidance of a diffusion model by a classifier, and the two laws that it is taken for (Dhariwal & Nichol 2021).

    guided score        s_w(x; σ) = ∇ log p_σ(x) + w ∇ log p_σ(y | x)       = (1 − w) ∇ log p_σ(x) + w ∇ log p_σ(x | y)
    w = 0: unconditional    w = 1: exactly p(x | y)    w > 1: "guided"    (Ho & Salimans' w is ours less 1)

    tilted density      q_w(x) ∝ p(x) p(y | x)^w          at σ = 0 its score is s_w(x; 0)

At σ > 0, s_w is *not* the score of q_w with noise: the noisy tilt is a convolution, and powers do not commute with it.
So samples of the guided flow do not follow q_w unless w is 0 or 1. On the nine modes, with y one of them, all factors
split over the two coordinates, so both laws are known on the line: q_w by quadrature, the guided flow by carrying
quantiles (an ODE on the line keeps their order).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels import gaussian, gaussian_grid

Array = npt.NDArray[np.floating]
MODES = np.array([-6.0, 0.0, 6.0])


class Law(NamedTuple):
    """A law on the line by its quantiles at evenly spread shares (i + ½)/n."""

    x: Array

    @property
    def mean(self) -> float:
        """E x."""
        return float(self.x.mean())

    @property
    def sd(self) -> float:
        """The standard deviation."""
        return float(self.x.std())


def classifier_score(x: Array, k: int, s: float, sigma: npt.ArrayLike) -> Array:
    """∇ log p_σ(y = k | x) = (μ_k − Σ_j r_j μ_j)/(s² + σ²) for x (n, 2): from the mean of all modes towards the one."""
    r = gaussian_grid.responsibilities(x, s, sigma)
    return np.asarray((gaussian_grid.CENTRES[k] - r @ gaussian_grid.CENTRES) / (s * s + np.asarray(sigma) ** 2))


def denoiser_shift(x: Array, k: int, s: float, sigma: float, w: float) -> Array:
    """What guidance adds to a denoiser: σ² w ∇ log p_σ(y | x), by Tweedie's formula."""
    return np.asarray(sigma**2 * w * classifier_score(x, k, s, sigma))


def _responsibilities(x: Array, v: float) -> Array:
    logs = -((x[:, None] - MODES) ** 2) / (2 * v)
    e = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def tilted(m: int, s: float, w: float, n: int = 400) -> Law:
    """q_w ∝ p(x) r_m(x)^w for mode m ∈ {0, 1, 2} on the line, by quadrature."""
    x = np.linspace(MODES[0] - 12 * s, MODES[-1] + 12 * s, 20_001)
    logs = -((x[:, None] - MODES) ** 2) / (2 * s * s)
    top = logs.max(axis=1)
    log_p = top + np.log(np.exp(logs - top[:, None]).sum(axis=1))
    log_q = log_p + w * (logs[:, m] - log_p)
    cumulative = np.cumsum(np.exp(log_q - log_q.max()))
    return Law(np.interp((np.arange(n) + 0.5) / n, cumulative / cumulative[-1], x))


def guided(m: int, s: float, w: float, n: int = 400, sigma_max: float = 80.0, steps: int = 200) -> Law:
    """Where the guided probability-flow ODE takes the quantiles of N(0, σ_max² + Var x₀), by RK4 in ln σ."""
    variance = gaussian_grid.variance(s)
    x = math.sqrt(sigma_max**2 + variance) * gaussian.Phi_inverse((np.arange(n) + 0.5) / n)
    u = np.linspace(math.log(sigma_max), math.log(1e-3), steps + 1)

    def v(x: Array, u: float) -> Array:
        """dx/d ln σ = −σ² s_w."""
        noise = math.exp(2 * u)
        mean = _responsibilities(x, s * s + noise) @ MODES
        return np.asarray(-noise / (s * s + noise) * ((1 - w) * mean + w * MODES[m] - x))

    for a, b in zip(u[:-1].tolist(), u[1:].tolist(), strict=True):
        h = b - a
        k1 = v(x, a)
        k2 = v(x + h / 2 * k1, a + h / 2)
        k3 = v(x + h / 2 * k2, a + h / 2)
        k4 = v(x + h * k3, b)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return Law(np.asarray(x))
