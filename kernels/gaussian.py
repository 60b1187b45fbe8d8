"""The Gaussian, and what maps make of it: linear ones keep it a Gaussian, others bend its density by their Jacobian.

    log N(x; μ, Σ) = −½ (x−μ)ᵀ Σ⁻¹ (x−μ) − ½ log det Σ − (d/2) log 2π

Linear map: if x ~ N(μ, Σ) then y = A x + b ~ N(A μ + b, A Σ Aᵀ). With Σ = L Lᵀ (Cholesky) and z ~ N(0, I) this makes
every Gaussian out of the standard one: x = μ + L z.

Any smooth one-to-one map y = f(x): the same mass on a piece that is |det ∂f/∂x| times as large, hence

    p_y(y) = p_x(f⁻¹(y)) / |det ∂f/∂x|    taken at x = f⁻¹(y)
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# numpy has no erf; the standard library's is exact to rounding.
_erfc = np.frompyfunc(math.erfc, 1, 1)
_quantile = np.frompyfunc(NormalDist().inv_cdf, 1, 1)


def phi(x: npt.ArrayLike) -> Array:
    """The standard normal density e^(−x²/2) / √(2π)."""
    return np.asarray(np.exp(-0.5 * np.square(x)) / math.sqrt(2 * math.pi))


def Phi(x: npt.ArrayLike) -> Array:
    """The standard normal distribution function, with full relative precision in the lower tail."""
    return np.asarray(0.5 * np.asarray(_erfc(-np.asarray(x, dtype=np.float64) / math.sqrt(2)), dtype=np.float64))


def Phi_inverse(u: npt.ArrayLike) -> Array:
    """The standard normal quantile of u: ∓∞ at 0 and 1. Raises ValueError outside 0 … 1."""
    u = np.asarray(u, dtype=np.float64)
    if not ((u >= 0) & (u <= 1)).all():
        raise ValueError("u must lie in 0 … 1")
    inside = (u > 0) & (u < 1)
    x = np.asarray(_quantile(np.where(inside, u, 0.5)), dtype=np.float64)
    return np.asarray(np.where(inside, x, np.where(u > 0, np.inf, -np.inf)))


def log_density(x: Array, mu: Array | float, Sigma: Array) -> Array:
    """log N(x; μ, Σ) in nats for every row of x (…, d). Raises LinAlgError if Σ is not positive definite."""
    L = np.linalg.cholesky(Sigma)
    # Σ⁻¹ is never formed: z = L⁻¹ (x − μ) is white, and log det Σ = 2 Σ_i log L_ii.
    z = np.linalg.solve(L, (x - mu)[..., None])[..., 0]
    d = z.shape[-1]
    return np.asarray(-0.5 * np.sum(z**2, axis=-1) - np.sum(np.log(np.diag(L))) - 0.5 * d * math.log(2 * math.pi))


def sample(mu: Array | float, Sigma: Array, n: int, rng: np.random.Generator) -> Array:
    """n draws of N(μ, Σ) as rows (n, d): x = μ + L z with Σ = L Lᵀ."""
    L = np.linalg.cholesky(Sigma)
    return np.asarray(mu + rng.standard_normal((n, len(L))) @ L.T)


def linear(A: Array, b: Array | float, mu: Array, Sigma: Array) -> tuple[Array, Array]:
    """Mean and covariance of y = A x + b for x ~ N(μ, Σ): (A μ + b, A Σ Aᵀ)."""
    return np.asarray(A @ mu + b), np.asarray(A @ Sigma @ A.T)


def covariance_error(Sigma: Array, n: int) -> Array:
    """Standard errors of the sample covariance of n Gaussian draws: √((Σ_ij² + Σ_ii Σ_jj) / (n − 1)), shape (d, d)."""
    variances = np.diag(Sigma)
    return np.asarray(np.sqrt((Sigma**2 + np.outer(variances, variances)) / (n - 1)))


def tanh_log_density(y: Array, Sigma: Array) -> Array:
    """log density of y = tanh(x), entry by entry, for x ~ N(0, Σ) and y (…, d) inside (−1, 1)ᵈ.

    dy/dx = 1 − tanh² x = 1 − y² in each entry, so log p_y(y) = log N(artanh y; 0, Σ) − Σ_i log(1 − y_i²).
    At ±1 the Gaussian's tail wins over the vanishing slope: the density is 0 there, whatever Σ.
    """
    return np.asarray(log_density(np.arctanh(y), 0.0, Sigma) - np.sum(np.log1p(-(y**2)), axis=-1))


def tanh_mode(sd: float) -> float:
    """Where the density of tanh(x), x ~ N(0, sd²), is largest: |y| of its mode or pair of modes.

    In terms of x, d/dx log p_y = 2 tanh x − x/sd², so modes solve x = 2 sd² tanh x: at 0 alone if sd ≤ 1/√2, else at
    two points ±x ≠ 0, and 0 is a dip between them.
    """
    slope = 2.0 * sd**2
    if slope <= 1.0:
        return 0.0
    # x − slope · tanh x is convex for x > 0: Newton from the right of its zero, at x = slope, falls onto it.
    x = slope
    for _ in range(100):
        t = math.tanh(x)
        x, last = x - (x - slope * t) / (1.0 - slope * (1.0 - t * t)), x
        if abs(x - last) <= 1e-15 * x:
            break
    return math.tanh(x)
