"""The best Gaussian for a mixture of two: by KL(p‖q), by KL(q‖p), and what gradient descent makes of each.

    p = w N(−a, s²) + (1−w) N(a, s²)          q = N(m, e^{2ρ}),  fitted

    forward   KL(p‖q) = −H(p) + E_p[−log q]    needs samples of p, no density: maximum likelihood
    reverse   KL(q‖p) = −H(q) + E_q[−log p]    needs log p to a constant, no samples of p: variational inference

Forward: the gradient (−(μ_p−m)/e^{2ρ}, 1 − E_p(x−m)²/e^{2ρ}) is 0 only where mean and variance are those of p: q must
cover all of p. Reverse, with x = m + e^ρ ε and the score s_p = (log p)′: (−E s_p(x), −1 − E[s_p(x) e^ρ ε]). It pays for
q where p is small, and nothing for p where q is small, so that it may settle on one mode.

Steps follow the natural gradient (Amari 1998): the gradient over the Fisher information of q, e^{−2ρ} for m, 2 for ρ.
Covering and seeking: Bishop 2006, ch. 10.1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
EPS = np.linspace(-8.5, 8.5, 1701)
"""Standard normal nodes: for smooth functions the trapezoidal rule is exact to rounding here."""
WEIGHTS = np.exp(-0.5 * EPS**2) / np.sum(np.exp(-0.5 * EPS**2))
LONGEST = 0.3
"""Longest step, in units of q's own width: far from the optimum the curvature there says little."""


class Mixture(NamedTuple):
    """The law p."""

    w: float
    """Weight of the left mode."""
    a: float
    """The modes are at ∓a."""
    s: float
    """Standard deviation of each."""


class Fit(NamedTuple):
    """The law q = N(m, e^{2ρ})."""

    m: float
    rho: float


def log_density(p: Mixture, x: Array) -> Array:
    """log p(x) in nats."""
    left, right = _log_modes(p, x)
    return np.asarray(np.logaddexp(left, right))


def _log_modes(p: Mixture, x: Array) -> tuple[Array, Array]:
    constant = math.log(p.s * math.sqrt(2 * math.pi))
    left = math.log(p.w) - 0.5 * ((x + p.a) / p.s) ** 2 - constant
    return left, math.log1p(-p.w) - 0.5 * ((x - p.a) / p.s) ** 2 - constant


def score(p: Mixture, x: Array) -> Array:
    """d/dx log p(x) = (a t − x)/s², t = P(right mode | x) − P(left mode | x)."""
    left, right = _log_modes(p, x)
    return np.asarray((p.a * np.tanh(0.5 * (right - left)) - x) / p.s**2)


def moments(p: Mixture) -> tuple[float, float]:
    """Mean (1 − 2w) a and variance s² + 4 w (1−w) a² of p."""
    return (1 - 2 * p.w) * p.a, p.s**2 + 4 * p.w * (1 - p.w) * p.a**2


def sample(p: Mixture, n: int, rng: np.random.Generator) -> Array:
    """n draws of p."""
    return np.asarray(np.where(rng.random(n) < p.w, -p.a, p.a) + p.s * rng.standard_normal(n))


def entropy(p: Mixture) -> float:
    """H(p) = −E_p log p in nats, by quadrature over each mode."""
    left, right = (log_density(p, centre + p.s * EPS) for centre in (-p.a, p.a))
    return float(-p.w * (WEIGHTS @ left) - (1 - p.w) * (WEIGHTS @ right))


def forward_kl(p: Mixture, q: Fit) -> float:
    """KL(p‖q) in nats: −H(p) + ½ ln 2π + ρ + E_p(x−m)² / (2e^{2ρ})."""
    mean, variance = moments(p)
    return (
        -entropy(p) + 0.5 * math.log(2 * math.pi) + q.rho + 0.5 * (variance + (mean - q.m) ** 2) * math.exp(-2 * q.rho)
    )


def reverse_kl(p: Mixture, q: Fit) -> float:
    """KL(q‖p) in nats: −½ ln 2πe − ρ − E_q log p, by quadrature over q."""
    x = q.m + math.exp(q.rho) * EPS
    return -0.5 * math.log(2 * math.pi * math.e) - q.rho - float(WEIGHTS @ log_density(p, x))


def forward_gradient(p: Mixture, q: Fit, x: Array | None = None) -> tuple[float, float]:
    """∂KL(p‖q)/∂(m, ρ): exact, or estimated from draws x of p."""
    mean, variance = moments(p)
    if x is not None:
        mean, variance = float(x.mean()), float(x.var())
    precision = math.exp(-2 * q.rho)
    return -(mean - q.m) * precision, 1 - (variance + (mean - q.m) ** 2) * precision


def reverse_gradient(p: Mixture, q: Fit, eps: Array | None = None) -> tuple[float, float]:
    """∂KL(q‖p)/∂(m, ρ): by quadrature, or estimated from standard normal draws eps (reparameterisation)."""
    weights, nodes = (WEIGHTS, EPS) if eps is None else (np.full(len(eps), 1 / len(eps)), eps)
    s = score(p, q.m + math.exp(q.rho) * nodes)
    return -float(weights @ s), -1 - math.exp(q.rho) * float(weights @ (s * nodes))


def step(q: Fit, gradient: tuple[float, float], lr: float) -> Fit:
    """Natural gradient descent: m ← m − η e^{2ρ} g_m, ρ ← ρ − η g_ρ / 2, at most LONGEST widths at a time."""
    along = -lr * math.exp(q.rho) * gradient[0], -0.5 * lr * gradient[1]
    shrink = min(1.0, LONGEST / max(math.hypot(*along), 1e-300))
    return Fit(q.m + shrink * along[0] * math.exp(q.rho), q.rho + shrink * along[1])


def reverse_minimum(p: Mixture, start: Fit, tolerance: float = 1e-8) -> Fit:
    """The minimum of KL(q‖p) that natural gradient descent falls into; full steps, halved if one goes up."""
    q, value, lr = start, reverse_kl(p, start), 1.0
    for _ in range(500):
        gradient = reverse_gradient(p, q)
        if max(abs(gradient[0]) * math.exp(q.rho), abs(gradient[1])) < tolerance:
            break
        tried = step(q, gradient, lr)
        higher = reverse_kl(p, tried)
        if higher <= value + 1e-14:
            q, value, lr = tried, higher, min(1.0, 2 * lr)
        else:
            lr /= 2
            if lr < 1e-6:
                break
    return q
