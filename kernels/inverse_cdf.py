"""Sampling by the inverse of the distribution function: if U is uniform on (0, 1), X = F⁻¹(U) has distribution F.

For an increasing F:  P(F⁻¹(U) ≤ x) = P(U ≤ F(x)) = F(x).  In general F⁻¹(u) = min {x : F(x) ≥ u}, which also covers
discrete laws. It needs one dimension, and an inverse: a formula, a root of F(x) = u, or a search.

    exponential, rate λ     F(x) = 1 − e^(−λx)             F⁻¹(u) = −ln(1−u) / λ
    Cauchy, scale γ         F(x) = 1/2 + arctan(x/γ) / π   F⁻¹(u) = γ tan(π (u − 1/2))
    Gaussian mixture        F(x) = Σ w_k Φ((x−μ_k)/σ_k)    no formula: bisection, or Newton inside a bracket
    discrete, p_1 … p_m     F(k) = p_1 + … + p_k           binary search in the sums

(Devroye 1986, ch. II.2 and III.2.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.gaussian import Phi, phi

Array = npt.NDArray[np.float64]


class Law(NamedTuple):
    """A continuous law on the line."""

    cdf: Callable[[Array], Array]
    pdf: Callable[[Array], Array]
    inverse: Callable[[Array], Array] | None
    """The formula for F⁻¹, where there is one."""


def exponential(rate: float = 1.0) -> Law:
    """p(x) = λ e^(−λx) for x ≥ 0."""
    return Law(
        # expm1 and log1p keep their precision where e^(−λx) or 1 − u is close to 1.
        lambda x: np.where(x > 0, -np.expm1(-rate * np.maximum(x, 0.0)), 0.0),
        lambda x: np.where(x >= 0, rate * np.exp(-rate * np.maximum(x, 0.0)), 0.0),
        lambda u: np.asarray(-np.log1p(-u) / rate),
    )


def cauchy(scale: float = 1.0) -> Law:
    """p(x) = 1 / (π γ (1 + (x/γ)²)); its tails are so heavy that it has no mean."""
    return Law(
        lambda x: np.asarray(0.5 + np.arctan(x / scale) / math.pi),
        lambda x: np.asarray(1.0 / (math.pi * scale * (1.0 + (x / scale) ** 2))),
        lambda u: np.asarray(scale * np.tan(math.pi * (u - 0.5))),
    )


def mixture(weights: npt.ArrayLike, means: npt.ArrayLike, sds: npt.ArrayLike) -> Law:
    """Σ w_k N(μ_k, σ_k²): F is a sum of known functions, but its inverse is none."""
    w, mu, sd = (np.asarray(a, dtype=np.float64) for a in (weights, means, sds))
    return Law(
        lambda x: np.asarray(Phi((x[..., None] - mu) / sd) @ w),
        lambda x: np.asarray(phi((x[..., None] - mu) / sd) @ (w / sd)),
        None,
    )


class Roots(NamedTuple):
    """Solutions of F(x) = u."""

    x: Array
    errors: tuple[float, ...]
    """Largest |F(x) − u| after 0, 1, 2 … iterations."""


def bracket(cdf: Callable[[Array], Array], u: Array) -> tuple[Array, Array]:
    """Ends (low, high) with F(low) ≤ u ≤ F(high), found by doubling from ±1."""
    low, high = np.full_like(u, -1.0), np.full_like(u, 1.0)
    # 2¹⁰⁰ is beyond what a u of 53 bits can ask for in any law used here.
    for _ in range(100):
        below, above = cdf(low) > u, cdf(high) < u
        if not (below.any() or above.any()):
            break
        low, high = np.where(below, 2 * low, low), np.where(above, 2 * high, high)
    return low, high


def solve(law: Law, u: Array, newton: bool = True, tolerance: float = 1e-13, most: int = 200) -> Roots:
    """x with |F(x) − u| ≤ tolerance, for u (n,) in (0, 1).

    Bisection halves the bracket every time: about 3.3 iterations a digit. Newton's step x − (F(x) − u) / p(x) doubles
    the digits near the root, but where p is small it leaps out of the bracket: then the midpoint is taken instead.
    """
    low, high = bracket(law.cdf, u)
    x = 0.5 * (low + high)
    errors = []
    for _ in range(most):
        off = law.cdf(x) - u
        errors.append(float(np.abs(off).max(initial=0.0)))
        if errors[-1] <= tolerance:
            break
        low, high = np.where(off < 0, x, low), np.where(off < 0, high, x)
        middle = 0.5 * (low + high)
        if newton:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                leap = x - off / law.pdf(x)
            # Comparisons with NaN are false, so a step from where p = 0 is a midpoint, too.
            x = np.where((leap >= low) & (leap <= high), leap, middle)
        else:
            x = middle
    return Roots(x, tuple(errors))


def discrete(u: Array, p: Array) -> npt.NDArray[np.int_]:
    """For each u in [0, 1) the first k (from 0) with p_0 + … + p_k > u: outcome k with probability p_k."""
    sums = np.cumsum(p)
    # Rounding may leave the last sum just below 1: no u may fall behind it.
    sums[-1] = 1.0
    # Binary search takes log₂ m comparisons. Strictly above u, so that no outcome of probability 0 is ever drawn.
    return np.asarray(np.searchsorted(sums, u, side="right"))
