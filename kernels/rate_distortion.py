"""How many nats a code must spend for a given squared error: the rate–distortion curve of a Gaussian, exactly.

    R(D) = min I(x; x̂)   over all p(x̂|x) with  E‖x − x̂‖² ≤ D                    (Shannon 1959)

For x ~ N(μ, C) with the eigenvalues λ_i of C the minimum is reverse water-filling (Kolmogorov 1956): one level θ for
all directions, and directions with less variance than θ are not coded at all,

    R = Σ_i ½ ln⁺(λ_i / θ)        D = Σ_i min(λ_i, θ)        dR/dD = −1/(2θ)

Of all laws with this covariance the Gaussian is the hardest to code: every other one has R(D) at or below this curve.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Point(NamedTuple):
    """A point of the curve."""

    rate: float
    """R in nats."""
    distortion: float
    """D = E‖x − x̂‖², summed over the entries of x."""


def rates(lam: Array, theta: float, k: int | None = None) -> Array:
    """½ ln⁺(λ_i / θ), the nats spent on each direction; with `k`, on the k largest only. θ > 0, λ in any order."""
    each = 0.5 * np.log(np.maximum(lam / theta, 1.0))
    if k is not None:
        each[np.argsort(-lam, kind="stable")[k:]] = 0.0
    return np.asarray(each)


def water_fill(lam: Array, theta: float, k: int | None = None) -> Point:
    """(R, D) at the level θ > 0; with `k`, of a code that may use only k directions."""
    each = rates(lam, theta, k)
    # What is not coded is lost whole: with a limit on the directions, also some with λ_i > θ.
    return Point(float(each.sum()), float(np.where(each > 0, theta, lam).sum()))


def level(lam: Array, distortion: float) -> float:
    """The θ at which Σ min(λ_i, θ) = D. Raises ValueError unless 0 < D ≤ Σ λ_i."""
    if not 0 < distortion <= lam.sum() * (1 + 1e-12):
        raise ValueError(f"D = {distortion} is outside 0 … Σλ = {lam.sum():.6g}")
    rising = np.sort(lam)
    d = len(rising)
    # D is piecewise linear in θ: with the m smallest drowned, D = Σ_{i≤m} λ_i + (d − m) θ.
    drowned = np.concatenate([[0.0], np.cumsum(rising)[:-1]])
    theta = (distortion - drowned) / (d - np.arange(d))
    fits = np.flatnonzero(theta <= rising * (1 + 1e-12))
    return float(theta[fits[0]]) if len(fits) else float(rising[-1])


def rate(lam: Array, distortion: float) -> float:
    """R(D) in nats; 0 for D ≥ Σ λ_i."""
    if distortion >= lam.sum():
        return 0.0
    return water_fill(lam, level(lam, distortion)).rate
