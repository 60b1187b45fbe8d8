"""Nine round Gaussians in the plane, and everything about them after noise has come in: all in closed form.

    p(x) = 1/9 Σ_k N(x; μ_k, s² I),   μ_k ∈ {−6, 0, 6}²          clean data
    x_σ = x₀ + σ ε                     p_σ(x) = 1/9 Σ_k N(x; μ_k, (s² + σ²) I)

    r_k(x) ∝ exp(−‖x − μ_k‖² / 2(s² + σ²))                       the chance that x came from mode k
    D*(x; σ) = E[x₀ | x_σ = x] = Σ_k r_k (μ_k + s²/(s² + σ²) (x − μ_k))        the best denoiser
    ∇ log p_σ(x) = (D* − x) / σ² = Σ_k r_k (μ_k − x) / (s² + σ²)               the score (Tweedie's formula)

A process that scales its signal by α and adds noise of sd σ has p_t(x) = p_{σ/α}(x/α) / α²: this is all it needs.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

CENTRES = np.array([[x, y] for y in (-6.0, 0.0, 6.0) for x in (-6.0, 0.0, 6.0)])
"""(9, 2), row by row from the lower left; number 4 is the middle."""


def draw(n: int, s: float, rng: np.random.Generator) -> tuple[Array, npt.NDArray[np.int_]]:
    """n independent points (n, 2) and the mode of each (n,)."""
    k = rng.integers(0, len(CENTRES), n)
    return CENTRES[k] + s * rng.standard_normal((n, 2)), k


def log_modes(x: Array, v: npt.ArrayLike) -> Array:
    """log (1/9 N(x; μ_k, v I)) for x (n, 2) and v a number or (n, 1); shape (n, 9)."""
    # ‖x − μ‖² by one matrix product.
    squares = np.sum(x * x, axis=1, keepdims=True) - 2 * x @ CENTRES.T + np.sum(CENTRES**2, axis=1)
    return np.asarray(-squares / (2 * np.asarray(v)) - np.log(2 * math.pi * len(CENTRES) * np.asarray(v)))


def log_density(x: Array, s: float, sigma: npt.ArrayLike = 0.0) -> Array:
    """log p_σ(x) in nats, shape (n,)."""
    logs = log_modes(x, s * s + np.asarray(sigma) ** 2)
    top = logs.max(axis=1)
    return np.asarray(top + np.log(np.exp(logs - top[:, None]).sum(axis=1)))


def responsibilities(x: Array, s: float, sigma: npt.ArrayLike = 0.0) -> Array:
    """r_k(x), the posterior chance of each mode; shape (n, 9), rows add up to 1."""
    logs = log_modes(x, s * s + np.asarray(sigma) ** 2)
    e = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def denoise(x: Array, s: float, sigma: npt.ArrayLike) -> Array:
    """D*(x; σ) = E[x₀ | x_σ = x]; σ a number or (n, 1)."""
    keep = s * s / (s * s + np.asarray(sigma) ** 2)
    return np.asarray(keep * x + (1 - keep) * (responsibilities(x, s, sigma) @ CENTRES))


def score(x: Array, s: float, sigma: npt.ArrayLike) -> Array:
    """∇ log p_σ(x), shape (n, 2); σ = 0 gives the score of the data."""
    pulled = responsibilities(x, s, sigma) @ CENTRES - x
    return np.asarray(pulled / (s * s + np.asarray(sigma) ** 2))


def entropy(s: float) -> float:
    """−E log p in nats by the trapezoidal rule; ln 9 + ln 2πe s² up to the overlap of the modes."""
    side = np.linspace(-6 - 8 * s, 6 + 8 * s, 601)
    logs = np.stack([log_density(np.stack([side, np.full_like(side, y)], axis=1), s) for y in side])
    return float(-np.sum(np.exp(logs) * logs) * (side[1] - side[0]) ** 2)


def variance(s: float) -> float:
    """The variance of each coordinate: 24 + s²."""
    return float(np.var(CENTRES[:, 0])) + s * s


def mmse(s: float, sigma: npt.ArrayLike) -> Array:
    """E|x₀ − D*|² per coordinate at each σ: what even the best denoiser misses. By quadrature; shape of sigma.

    The law is a product of two equal ones, so one coordinate decides:  E Var(x₀ | x) with, for x = μ_k + …,
    Var(x₀ | x) = s²σ²/(s² + σ²) + (σ²/(s² + σ²))² Var(μ | x).
    """
    sigmas = np.asarray(sigma, dtype=np.float64)
    means, left = np.unique(CENTRES[:, 0]), []
    for each in sigmas.ravel():
        v = s * s + each**2
        z = np.linspace(-9.0, 9.0, 1201)
        # By symmetry between the modes' own widths: x = μ_j + √v z for each j.
        x = (means[:, None] + math.sqrt(v) * z).ravel()
        logs = -((x[:, None] - means) ** 2) / (2 * v)
        r = np.exp(logs - logs.max(axis=1, keepdims=True))
        r /= r.sum(axis=1, keepdims=True)
        spread = (r @ means**2 - (r @ means) ** 2).reshape(len(means), -1).mean(axis=0)
        p = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        left.append(s * s * each**2 / v + (each**2 / v) ** 2 * float(np.sum(p * spread)) * (z[1] - z[0]))
    return np.array(left).reshape(sigmas.shape)
