"""Two laws in the plane that are known exactly, and one set of measures for samples of any model of them.

ring   radius ~ N(2, 0.1²), angle uniform             (kernels/ring.py)
grid   1/9 Σ N(μ_k, 0.5² I), μ_k ∈ {−6, 0, 6}²         (kernels/gaussian_grid.py)

    SW₁     mean over directions u of W₁ between samples and law, both projected on u: where the mass is, at large
    off     share of samples where hardly any data are: > 3 sd from the ring (data: 0.27 %), > 4 sd from every centre
            of the grid (data: 0.034 %)
    shares  of the nine modes, or of nine equal sectors of the ring: the data have 1/9 each
    −E log p(x) over the samples, p the exact law: H for the data. Each point far off costs much, and too narrow
            modes lower it: it is not a distance.

None is 0 for true samples but by luck: their values at the same n, the floor, belong beside them.
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels import gaussian, gaussian_grid, goodness_of_fit, ring, sliced

Array = npt.NDArray[np.floating]
Name = Literal["ring", "grid"]
RADIUS, WIDTH, SD = 2.0, 0.1, 0.5
DIRECTIONS = 12
PARTS = 9
RING_OFF, GRID_OFF = 3.0, 4.0
"""Distance from the ring, or from the nearest centre, in sd, beyond which a sample is off."""


class Measures(NamedTuple):
    """How samples compare with their law."""

    sw1: float
    off: float
    shares: Array
    """(9,) of all samples that are not off."""
    nll: float
    """−mean log p(x), in nats."""

    @property
    def least(self) -> float:
        """The smallest share times 9: 1 for the data, 0 when a mode is missed."""
        return PARTS * float(self.shares.min())


def draw(name: Name, n: int, rng: np.random.Generator) -> Array:
    """n independent points (n, 2)."""
    return ring.draw(RADIUS, WIDTH, n, rng) if name == "ring" else gaussian_grid.draw(n, SD, rng)[0]


def variance(name: Name) -> float:
    """Of each coordinate."""
    return ring.variance(RADIUS, WIDTH) if name == "ring" else gaussian_grid.variance(SD)


def log_density(name: Name, x: Array) -> Array:
    """log p(x) (n,) in nats."""
    if name == "ring":
        # Where a sample sits on the centre exactly, the density is infinite; the floor of the radius avoids it.
        return ring.log_density(RADIUS, WIDTH, np.where(np.hypot(*x.T)[:, None] < 1e-12, 1e-12, x))
    return gaussian_grid.log_density(x, SD)


@cache
def entropy(name: Name) -> float:
    """H in nats."""
    return ring.entropy(RADIUS, WIDTH) if name == "ring" else gaussian_grid.entropy(SD)


def off_exact(name: Name) -> float:
    """The share of the data that is off: erfc(3/√2), or e^(−4²/2) where modes do not overlap."""
    return math.erfc(RING_OFF / math.sqrt(2)) if name == "ring" else math.exp(-0.5 * GRID_OFF**2)


def parts(name: Name, x: Array) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.bool_]]:
    """(mode or sector of each sample, whether it is on the data)."""
    if name == "ring":
        angle = np.arctan2(x[:, 1], x[:, 0]) / (2 * math.pi) + 0.5
        return np.minimum((angle * PARTS).astype(int), PARTS - 1), np.abs(np.hypot(*x.T) - RADIUS) <= RING_OFF * WIDTH
    squares = np.sum((x[:, None] - gaussian_grid.CENTRES) ** 2, axis=2)
    return squares.argmin(axis=1), squares.min(axis=1) <= (GRID_OFF * SD) ** 2


@cache
def _quantiles(name: Name, n: int) -> Array:
    """(DIRECTIONS, n) of the law's projections at (i + ½)/n."""
    if name == "grid":
        u = sliced.directions(DIRECTIONS)
        return np.stack([sliced.quantiles(each, gaussian_grid.CENTRES, SD, n) for each in u])
    # P(r cos θ ≤ y) = E[1 − arccos(y/r)/π], the same for all directions.
    r = RADIUS + WIDTH * np.linspace(-6.0, 6.0, 241)
    weight = np.exp(-0.5 * np.linspace(-6.0, 6.0, 241) ** 2)
    y = np.linspace(-RADIUS - 6 * WIDTH, RADIUS + 6 * WIDTH, 2001)
    F = (1 - np.arccos(np.clip(y[:, None] / r, -1.0, 1.0)) / math.pi) @ weight / weight.sum()
    return np.tile(np.interp((np.arange(n) + 0.5) / n, F, y), (DIRECTIONS, 1))


def measure(name: Name, x: Array) -> Measures:
    """All measures of samples x (n, 2); those of samples that are not finite are NaN, off is 1."""
    if not np.isfinite(x).all():
        return Measures(math.nan, 1.0, np.zeros(PARTS), math.nan)
    which, on = parts(name, x)
    shares = np.bincount(which[on], minlength=PARTS) / len(x)
    u, q = sliced.directions(DIRECTIONS), _quantiles(name, len(x))
    sw1 = float(np.mean([sliced.distance(x, u[k], q[k]) for k in range(DIRECTIONS)]))
    return Measures(sw1, 1 - float(on.mean()), shares, -float(np.mean(log_density(name, x))))


@cache
def best_value(name: Name) -> float:
    """E_p log p/(p+q) + E_q log q/(p+q) = −log 4 + 2 JS(p ‖ q), q = N(0, d² I) of the same variance, by quadrature."""
    d = math.sqrt(variance(name))
    if name == "ring":
        # Both depend on the radius alone; most of p is where the nodes are densest.
        edges = [1e-9, RADIUS - 7 * WIDTH, RADIUS + 7 * WIDTH, 12.0]
        nodes, weights = np.polynomial.legendre.leggauss(200)
        at = [0.5 * (a + b) + 0.5 * (b - a) * nodes for a, b in itertools.pairwise(edges)]
        w = [0.5 * (b - a) * weights for a, b in itertools.pairwise(edges)]
        r = np.concatenate(at)
        rows, area = [np.stack([r, np.zeros_like(r)], axis=1)], 2 * math.pi * r * np.concatenate(w)
    else:
        side = np.linspace(-7 * d, 7 * d, 241)
        rows = [np.stack([side, np.full_like(side, y)], axis=1) for y in side]
        area = np.full_like(side, (side[1] - side[0]) ** 2)
    total = 0.0
    for x in rows:
        log_p = log_density(name, x)
        log_q = -0.5 * np.sum((x / d) ** 2, axis=1) - math.log(2 * math.pi * d * d)
        both = np.logaddexp(log_p, log_q)
        total += float(np.sum(area * (np.exp(log_p) * (log_p - both) + np.exp(log_q) * (log_q - both))))
    return total


def floor(name: Name, n: int, sets: int, rng: np.random.Generator) -> list[Measures]:
    """The measures of so many sets of n true samples."""
    return [measure(name, draw(name, n, rng)) for _ in range(sets)]


def frechet(name: Name, x: Array) -> float:
    """|m|² + tr(S + v I − 2 √(v S)): the Fréchet distance between Gaussians with the samples' moments and the data's.

    Mean m and covariance S of the samples, 0 and v I of the data, are all that it sees.
    """
    v = variance(name)
    values = np.maximum(np.linalg.eigvalsh(np.cov(x.T)), 0.0)
    return float(np.sum(x.mean(axis=0) ** 2) + np.sum((np.sqrt(values) - math.sqrt(v)) ** 2))


def gaussian_off(name: Name) -> float:
    """The share of N(0, v I), v the data's variance, that is off: exact for the ring, by quadrature for the grid."""
    v = variance(name)
    if name == "ring":
        low, high = (RADIUS - RING_OFF * WIDTH), (RADIUS + RING_OFF * WIDTH)
        return 1 - math.exp(-0.5 * low**2 / v) + math.exp(-0.5 * high**2 / v)
    # The discs do not overlap: the integral of the density over each, in polar coordinates about its centre.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    r = 0.5 * GRID_OFF * SD * (nodes + 1)
    angle = np.arange(64) * (2 * math.pi / 64)
    ring_points = np.stack([np.outer(r, np.cos(angle)), np.outer(r, np.sin(angle))], axis=-1)
    at = gaussian_grid.CENTRES[:, None, None] + ring_points
    density = np.exp(-0.5 * np.sum(at**2, axis=-1) / v) / (2 * math.pi * v)
    on = np.sum(density.sum(axis=(0, 2)) * r * weights) * 0.5 * GRID_OFF * SD * (2 * math.pi / 64)
    return 1 - float(on)


def ring_measures(x: Array) -> tuple[float, float]:
    """(W₁ of the radius from its law, √n times the Kolmogorov–Smirnov distance of the angle from uniform)."""
    n = len(x)
    p = (np.arange(n) + 0.5) / n
    radius = float(np.mean(np.abs(np.sort(np.hypot(*x.T)) - RADIUS - WIDTH * gaussian.Phi_inverse(p))))
    u = np.sort(np.arctan2(x[:, 1], x[:, 0])) / (2 * math.pi) + 0.5
    return radius, math.sqrt(n) * goodness_of_fit.kolmogorov_smirnov(np.asarray(u, dtype=np.float64)).D
