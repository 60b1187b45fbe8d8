"""Laws on the line with everything known about them: what a fitted density is held against.

For data with law p and any model q:  −E_p[log q] = H(p) + KL(p‖q) ≥ H(p).  The entropy H is the floor of the negative
log-likelihood; the best Gaussian (same mean and variance) only gets down to ½ log(2πe · variance).

    laplace   ½ e^(−|x|)                                entropy 1 + ln 2
    bimodal   ½ N(−2, ½²) + ½ N(2, ½²)                  entropy by quadrature
    gumbel    e^(−x − e^(−x)), skewed to the right      entropy 1 + γ   (γ = 0.5772…)
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from kernels.gaussian import Phi

Array = npt.NDArray[np.float64]
Name = Literal["laplace", "bimodal", "gumbel"]
MODE, SD = 2.0, 0.5
RANGES = {"laplace": (-25.0, 25.0), "bimodal": (-7.0, 7.0), "gumbel": (-4.5, 28.0)}
"""All but about 1e-11 of the mass."""
VARIANCES = {"laplace": 2.0, "bimodal": MODE**2 + SD**2, "gumbel": math.pi**2 / 6}


def draw(name: Name, n: int, rng: np.random.Generator) -> Array:
    """n independent samples."""
    match name:
        case "laplace":
            return rng.laplace(size=n)
        case "bimodal":
            return MODE * (2.0 * rng.integers(0, 2, n) - 1) + SD * rng.standard_normal(n)
        case "gumbel":
            return rng.gumbel(size=n)


def log_density(name: Name, x: Array) -> Array:
    """log p(x) in nats."""
    match name:
        case "laplace":
            return np.asarray(-np.abs(x) - math.log(2))
        case "bimodal":
            pair = np.logaddexp(-0.5 * ((x - MODE) / SD) ** 2, -0.5 * ((x + MODE) / SD) ** 2)
            return np.asarray(pair - math.log(2 * SD * math.sqrt(2 * math.pi)))
        case "gumbel":
            return np.asarray(-x - np.exp(-x))


def distribution(name: Name, x: Array) -> Array:
    """F(x) = P(X ≤ x)."""
    match name:
        case "laplace":
            half = 0.5 * np.exp(-np.abs(x))
            return np.where(x < 0, half, 1 - half)
        case "bimodal":
            return np.asarray(0.5 * Phi((x - MODE) / SD) + 0.5 * Phi((x + MODE) / SD))
        case "gumbel":
            return np.asarray(np.exp(-np.exp(-x)))


def grid(name: Name, points: int = 4001) -> Array:
    """Evenly spaced points over all but about 1e-11 of the mass, for quadrature; Laplace's kink at 0 is one of them."""
    return np.linspace(*RANGES[name], points)


def kl(name: Name, log_q: Array, x: Array) -> float:
    """KL(p‖q) = ∫ p (log p − log q) dx in nats by the trapezoidal rule, from log q at the points of `grid`."""
    log_p = log_density(name, x)
    return float(np.trapezoid(np.exp(log_p) * (log_p - log_q), x))


def entropy(name: Name) -> float:
    """H(p) = −E log p in nats."""
    match name:
        case "laplace":
            return 1 + math.log(2)
        case "bimodal":
            x = grid(name)
            # KL(p‖p²) as a number, p² being no density: ∫ p (log p − 2 log p) = H(p).
            return kl(name, 2 * log_density(name, x), x)
        case "gumbel":
            return 1 + float(np.euler_gamma)


def best_gaussian(name: Name) -> float:
    """−E log N(x; mean, variance) = ½ log(2πe · variance): the floor for Gaussians."""
    return 0.5 * math.log(2 * math.pi * math.e * VARIANCES[name])
