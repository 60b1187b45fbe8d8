"""The evidence lower bound on a model of which everything is known: z ~ N(0, 1), x given z ~ N(z², s²).

    log p(x) = ELBO(q) + KL(q ‖ p(z|x)),     ELBO(q) = E_q[log p(x, z) − log q(z)]            for every density q(z)

The sign of z is lost in x, so the posterior p(z|x) has two peaks ±√(x − s²/2) as soon as x > s²/2. Here q is a mixture
q(z) = Σ_m w_m N(z; μ_m, σ_m²), for M = 1 a Gaussian. Its parameters: θ = (logits of w, μ, log σ), shape (3, M).

Two unbiased estimates of ∇ELBO, both from z_m = μ_m + σ_m ε and f(z) = log p(x, z) − log q(z):

    reparameterised   ∂/∂μ_m = w_m E f′(z_m),   ∂/∂log σ_m = w_m E[f′(z_m) σ_m ε]        (Roeder, Wu & Duvenaud 2017)
    score function    ∂/∂μ_m = w_m E[f(z_m) ε/σ_m],   ∂/∂log σ_m = w_m E[f(z_m) (ε² − 1)]           (Williams 1992)

Both drop the term −E_q[∂_θ log q] = −∂_θ ∫ q = 0. More samples give a tighter bound (Burda, Grosse & Salakhutdinov
2016):   L_K = E log (1/K) Σ_k p(x, z_k) / q(z_k),   ELBO = L_1 ≤ L_2 ≤ … → log p(x).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Estimator = Literal["reparameterised", "score function"]
LOG_2PI = math.log(2 * math.pi)
GRID = np.linspace(-16.0, 16.0, 16_001)
"""Points of the trapezoidal rule in z: beyond ±16 neither the prior nor a q with σ ≤ 1.5 has mass that counts."""


class Parts(NamedTuple):
    """q by name, each (M,)."""

    log_w: Array
    mu: Array
    log_sd: Array


def parts(theta: Array) -> Parts:
    """Split θ (3, M); the weights are the softmax of the logits."""
    return Parts(theta[0] - np.logaddexp.reduce(theta[0]), theta[1], theta[2])


def log_joint(z: Array, x: float, s: float) -> Array:
    """log p(x, z) = log N(z; 0, 1) + log N(x; z², s²)."""
    return np.asarray(-0.5 * z**2 - 0.5 * ((x - z**2) / s) ** 2 - LOG_2PI - math.log(s))


def log_q(theta: Array, z: Array) -> tuple[Array, Array]:
    """(log q(z), its derivative in z) for z of any shape."""
    p = parts(theta)
    u = (z[..., None] - p.mu) / np.exp(p.log_sd)
    logs = p.log_w - 0.5 * u**2 - p.log_sd - 0.5 * LOG_2PI
    total = np.logaddexp.reduce(logs, axis=-1)
    share = np.exp(logs - total[..., None])
    return total, -np.sum(share * u / np.exp(p.log_sd), axis=-1)


def _f(theta: Array, z: Array, x: float, s: float) -> tuple[Array, Array]:
    """(f, f′) of f = log p(x, z) − log q(z)."""
    value, slope = log_q(theta, z)
    return log_joint(z, x, s) - value, -z + 2 * z * (x - z**2) / s**2 - slope


def log_evidence(x: float, s: float) -> float:
    """log p(x) = log ∫ p(x, z) dz by the trapezoidal rule, exact to rounding for s ≥ 0.05."""
    logs = log_joint(GRID, x, s)
    return float(logs.max() + math.log(np.trapezoid(np.exp(logs - logs.max()), GRID)))


def posterior(z: Array, x: float, s: float) -> Array:
    """p(z|x) = p(x, z) / p(x)."""
    return np.asarray(np.exp(log_joint(z, x, s) - log_evidence(x, s)))


def peaks(x: float, s: float) -> float:
    """|z| of the posterior's peaks: 0, or √(x − s²/2) on both sides if x > s²/2."""
    return math.sqrt(max(0.0, x - 0.5 * s * s))


def elbo(theta: Array, x: float, s: float, nodes: int = 100) -> float:
    """ELBO(q) = Σ_m w_m E[f(z_m)] by Gauss–Hermite quadrature in each ε; for M = 1 exact."""
    at, weight = np.polynomial.hermite_e.hermegauss(nodes)
    p = parts(theta)
    f, _ = _f(theta, p.mu + np.exp(p.log_sd) * at[:, None], x, s)
    return float(np.exp(p.log_w) @ (weight @ f)) / math.sqrt(2 * math.pi)


def gap(theta: Array, x: float, s: float) -> float:
    """KL(q ‖ p(z|x)) by the trapezoidal rule."""
    log_density, _ = log_q(theta, GRID)
    return float(np.trapezoid(np.exp(log_density) * (log_density - log_joint(GRID, x, s)), GRID)) + log_evidence(x, s)


def elbo_gaussian(mu: Array, sd: Array, x: float, s: float) -> Array:
    """The ELBO of q = N(μ, σ²) in closed form, from E z² = μ² + σ² and E z⁴ = μ⁴ + 6 μ²σ² + 3 σ⁴."""
    second = mu**2 + sd**2
    fourth = mu**4 + 6 * mu**2 * sd**2 + 3 * sd**4
    error = x * x - 2 * x * second + fourth
    return np.asarray(-0.5 * second - 0.5 * error / s**2 - 0.5 * LOG_2PI - math.log(s) + np.log(sd) + 0.5)


@lru_cache(maxsize=32)
def best_gaussian(x: float, s: float) -> tuple[float, float, float]:
    """(ELBO, μ, σ) of the best q = N(μ, σ²): by search on a grid that shrinks around the best point. μ ≥ 0."""
    mu, log_sd, width = 1.5, -1.0, (1.5, 3.0)
    best = -math.inf
    for _ in range(30):
        mus = np.maximum(0.0, mu + width[0] * np.linspace(-1, 1, 41))[:, None]
        logs = log_sd + width[1] * np.linspace(-1, 1, 41)
        values = elbo_gaussian(mus, np.exp(logs), x, s)
        at = np.unravel_index(values.argmax(), values.shape)
        best, mu, log_sd = float(values[at]), float(mus[at[0], 0]), float(logs[at[1]])
        width = (width[0] * 0.5, width[1] * 0.5)
    return best, mu, math.exp(log_sd)


def gradients(theta: Array, x: float, s: float, eps: Array, estimator: Estimator) -> Array:
    """One estimate of ∇ELBO for each row of standard normal draws eps (n, M); shape (n, 3, M).

    The logits have ∂ELBO/∂logit_m = w_m (E f(z_m) − Σ_j w_j E f(z_j)) with both estimators.
    """
    p = parts(theta)
    w, sd = np.exp(p.log_w), np.exp(p.log_sd)
    f, slope = _f(theta, p.mu + sd * eps, x, s)
    if estimator == "reparameterised":
        d_mu, d_log_sd = slope, slope * sd * eps
    else:
        # The mean of the other rows is a baseline: independent of this one, so it costs no bias and saves variance.
        n = len(f)
        f_less = f - (f.sum(axis=0) - f) / (n - 1) if n > 1 else f
        d_mu, d_log_sd = f_less * eps / sd, f_less * (eps**2 - 1)
    d_logit = f - np.sum(w * f, axis=1, keepdims=True)
    return np.asarray(w * np.stack([d_logit, d_mu, d_log_sd], axis=1))


def sample(theta: Array, n: int, rng: np.random.Generator) -> Array:
    """n draws of q."""
    p = parts(theta)
    which = (rng.random(n)[:, None] > np.cumsum(np.exp(p.log_w))[:-1]).sum(axis=1)
    return np.asarray(p.mu[which] + np.exp(p.log_sd)[which] * rng.standard_normal(n))


def log_weights(theta: Array, x: float, s: float, z: Array) -> Array:
    """log p(x, z)/q(z) for draws z of q."""
    return _f(theta, z, x, s)[0]


def importance_bound(log_w: Array) -> tuple[float, float]:
    """(estimate of L_K, its standard error) from log-weights (n, K) of independent draws."""
    values = np.logaddexp.reduce(log_w, axis=1) - math.log(log_w.shape[1])
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
