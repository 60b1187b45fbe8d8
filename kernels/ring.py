"""A thin ring in the plane: radius ~ N(R, s²), angle uniform. Its law is known; its shape has a hole.

    p(x) = N(r; R, s²) / (2π r)  with r = |x|,        H = −E log p = ½ log(2πe s²) + log 2π + E log r

(The mass of the radius below 0 must not count: s ≤ R/6.)
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def draw(radius: float, sd: float, n: int, rng: np.random.Generator) -> Array:
    """n independent points (n, 2)."""
    r = radius + sd * rng.standard_normal(n)
    angle = rng.uniform(0.0, 2 * math.pi, n)
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


def log_density(radius: float, sd: float, x: Array) -> Array:
    """log p(x) in nats for x (n, 2)."""
    r = np.hypot(x[:, 0], x[:, 1])
    return np.asarray(-0.5 * ((r - radius) / sd) ** 2 - 0.5 * math.log(2 * math.pi * sd**2) - np.log(2 * math.pi * r))


def entropy(radius: float, sd: float) -> float:
    """H in nats, E log r by Gauss–Hermite quadrature."""
    at, weight = np.polynomial.hermite_e.hermegauss(40)
    mean_log = float(weight @ np.log(radius + sd * at)) / math.sqrt(2 * math.pi)
    return 0.5 * math.log(2 * math.pi * math.e * sd**2) + math.log(2 * math.pi) + mean_log


def variance(radius: float, sd: float) -> float:
    """The variance of each coordinate, ½ E r²."""
    return 0.5 * (radius**2 + sd**2)
