"""Sliced Wasserstein distance between samples and an exact mixture of Gaussians, without a second sample.

    SW₁ = mean over directions u of W₁(uᵀx, uᵀy)         W₁(P, Q) = ∫₀¹ |F_P⁻¹(p) − F_Q⁻¹(p)| dp      (in one dimension)

A projection of N(μ, s² I) on a unit vector is N(uᵀμ, s²), so the law of uᵀy is a mixture on the line; its quantiles
stand against the sorted projections. True samples are not at 0 either: their floor, ∝ 1/√n, belongs beside it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from kernels import gaussian

Array = npt.NDArray[np.floating]


def directions(count: int) -> Array:
    """(count, 2) unit vectors, evenly over half a turn: u and −u give the same distance."""
    angle = np.arange(count) * math.pi / count
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def quantiles(u: Array, centres: Array, s: float, n: int) -> Array:
    """F⁻¹((i + ½)/n), i = 0 … n − 1, of uᵀy for equal weights at the centres (m, 2), by a table of F; shape (n,)."""
    means = np.unique(np.round(centres @ u, 12), return_counts=True)
    y = np.linspace(means[0][0] - 7 * s, means[0][-1] + 7 * s, 1501)
    F = gaussian.Phi((y[:, None] - means[0]) / s) @ means[1] / len(centres)
    return np.interp((np.arange(n) + 0.5) / n, F, y)


def distance(x: Array, u: Array, q: Array) -> float:
    """W₁ of the projections of x (n, 2) on u (2,) from the law with the n quantiles q."""
    return float(np.mean(np.abs(np.sort(x @ u) - q)))
