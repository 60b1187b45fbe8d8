"""Laws in the plane with an exact density: what a fitted flow is held against.

eight   ⅛ Σ_j N(2 (cos jπ/4, sin jπ/4), ¼² I), j = 0 … 7
moons   a point uniform on one of two half circles, plus Gaussian noise:
        p(x) = ½ Σ_arcs ∫ N(x; arc(t), σ² I) dt/π      by Gauss–Legendre quadrature in t
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Name = Literal["eight", "moons"]
RADIUS, SD = 2.0, 0.25
SCALE, NOISE = 1.4, 0.14
"""Radius of a half circle of the moons, and the standard deviation σ of the noise around it."""


def arc(which: int, t: Array) -> Array:
    """Points (2, n) on half circle 0 (open below) or 1 (open above), t in 0 … π; they turn into each other at 180°."""
    sign = 1.0 if which == 0 else -1.0
    return sign * SCALE * np.stack([np.cos(t) - 0.5, np.sin(t) - 0.25])


def centres() -> Array:
    """(2, 8)"""
    angle = np.arange(8) * math.pi / 4
    return RADIUS * np.stack([np.cos(angle), np.sin(angle)])


def draw(name: Name, n: int, rng: np.random.Generator) -> Array:
    """n independent points as columns (2, n)."""
    if name == "eight":
        return np.asarray(centres()[:, rng.integers(0, 8, n)] + SD * rng.standard_normal((2, n)))
    t = rng.uniform(0.0, math.pi, n)
    points = np.where(rng.integers(0, 2, n) == 0, arc(0, t), arc(1, t))
    return np.asarray(points + NOISE * rng.standard_normal((2, n)))


@cache
def _components(name: Name) -> tuple[Array, Array, float]:
    """The law as a mixture of round Gaussians: (centres (2, m), log weights (m,), standard deviation)."""
    if name == "eight":
        return centres(), np.full(8, -math.log(8)), SD
    # 72 nodes on a half circle of 31 σ: the integrand is smooth on the scale σ, and the rule exact to 1e-13.
    nodes, weights = np.polynomial.legendre.leggauss(72)
    t = 0.5 * math.pi * (nodes + 1)
    return np.hstack([arc(0, t), arc(1, t)]), np.log(np.tile(weights / 4, 2)), NOISE


def log_density(name: Name, x: Array) -> Array:
    """log p(x) in nats for x (2, n)."""
    mu, log_w, sd = _components(name)
    # log N up to a constant, for every point and centre: ‖x‖² − 2 xᵀμ + ‖μ‖² is one matrix product.
    squares = np.sum(x**2, axis=0)[:, None] - 2 * x.T @ mu + np.sum(mu**2, axis=0)
    logs = log_w - squares / (2 * sd**2)
    top = logs.max(axis=1)
    return np.asarray(top + np.log(np.exp(logs - top[:, None]).sum(axis=1)) - math.log(2 * math.pi * sd**2))


@cache
def entropy(name: Name) -> float:
    """H(p) = −E log p in nats, by the trapezoidal rule over a box that holds all but 1e-12 of the mass."""
    side = np.linspace(-4.0, 4.0, 121)
    total = 0.0
    for y in side:
        log_p = log_density(name, np.stack([side, np.full_like(side, y)]))
        total -= float(np.sum(np.exp(log_p) * log_p))
    return total * float(side[1] - side[0]) ** 2
