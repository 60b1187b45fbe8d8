"""Importance sampling: expectations under p from draws of another law q, each draw weighted by w(x) = p(x) / q(x).

    E_p[h] = ∫ h p dx = ∫ h (p/q) q dx = E_q[h w]        for any q > 0 wherever h p ≠ 0

    p known to a constant Z:    Ẑ = (1/n) Σ w̃_i,   Ê = Σ w̃_i h_i / Σ w̃_i   with w̃ = Z p / q      (self-normalised)
    variance of (1/n) Σ h_i w_i:   (E_q[(h w)²] − E_p[h]²) / n;   least for q* ∝ |h| p (0 if h ≥ 0), and maybe infinite
    effective sample size:   ESS = (Σ a_i)² / Σ a_i²   with a = h w for the question h, or a = w for whatever question;
                             n for equal a, 1 if one draw carries all; for n → ∞, ESS / n → E[a]² / E[a²]

What comes out is weighted samples: to get samples, draw from them again with these weights. (Kong 1992 for the ESS;
Owen 2013, ch. 9.)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
LOG_2PI = math.log(2 * math.pi)


class Estimate(NamedTuple):
    """An estimate with its standard error, itself estimated from the same draws."""

    value: float
    error: float


def mean(a: Array) -> Estimate:
    """(1/n) Σ a_i with standard error √(variance / n), for a = h w of n ≥ 2 draws: unbiased if the w are normalised."""
    return Estimate(float(a.mean()), float(a.std(ddof=1)) / math.sqrt(len(a)))


def normalise(log_w: Array) -> Array:
    """Weights with sum 1 from logarithms, which may lack a constant and be far from what exp can hold."""
    w = np.exp(log_w - log_w.max())
    return np.asarray(w / w.sum())


def self_normalised(h: Array, log_w: Array) -> Estimate:
    """Ê = Σ w_i h_i / Σ w_i, and its error √(Σ w_i² (h_i − Ê)²) for weights of sum 1 (delta method; bias O(1/n))."""
    w = normalise(log_w)
    value = float(np.sum(w * h))
    return Estimate(value, math.sqrt(float(np.sum((w * (h - value)) ** 2))))


def log_evidence(log_w: Array) -> float:
    """log Ẑ = log (1/n) Σ w̃_i."""
    top = float(log_w.max())
    return top + math.log(float(np.exp(log_w - top).mean()))


def ess(log_a: Array) -> float:
    """(Σ a_i)² / Σ a_i² from log a_i; −∞ for a_i = 0, and 0 if all are."""
    top = float(log_a.max(initial=-math.inf))
    if top == -math.inf:
        return 0.0
    a = np.exp(log_a - top)
    return float(a.sum() ** 2 / np.sum(a**2))


# -- exact answers for Gaussians: what the estimates are held against ---


def log_tail(x: float) -> float:
    """log P(N(0, 1) > x), also where the probability itself is below the smallest float."""
    if x < 25:
        return math.log(0.5 * math.erfc(x / math.sqrt(2)))
    # Asymptotic series; the next term is below 1e-10 here.
    r = 1 / x**2
    return -0.5 * x**2 - math.log(x) - 0.5 * LOG_2PI + math.log1p(-r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r))))


def log_tail_moment(k: int, c: float, m: float, s: float) -> float:
    """log E_q[(h w)^k] for p = N(0, 1), q = N(m, s²) and h = 1 beyond c, else 0; +∞ if it diverges.

    The integrand p^k q^(1−k) is exp(−½ a x² − b x + g) / √(2π) with a = k − (k−1)/s², and its tail is as heavy as a is
    small: a narrow proposal has weights that grow faster than its draws get rare. k = 1 is the tail probability.
    """
    a = k - (k - 1) / s**2
    b = (k - 1) * m / s**2
    g = (k - 1) * (0.5 * m**2 / s**2 + math.log(s))
    if a > 0:
        return g + 0.5 * b**2 / a - 0.5 * math.log(a) + log_tail(math.sqrt(a) * (c + b / a))
    if a == 0 and b > 0:
        return g - b * c - math.log(b) - 0.5 * LOG_2PI
    return math.inf


def best_mean(c: float, s: float) -> float:
    """The m for which N(m, s²) gives the tail beyond c ≥ 0 with least variance; NaN if none has a finite one.

    For s = 1, E_q[(h w)²] = e^(m²) P(X > c + m), and the best m is a little beyond c.
    """
    # Golden section: the logarithm of the second moment is convex in m.
    low, high = 0.0, c + 10.0 * max(1.0, s)
    if not math.isfinite(log_tail_moment(2, c, high, s)):
        return math.nan
    ratio = 0.5 * (math.sqrt(5) - 1)
    for _ in range(80):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if log_tail_moment(2, c, left, s) < log_tail_moment(2, c, right, s):
            high = right
        else:
            low = left
    return 0.5 * (low + high)


class Posterior(NamedTuple):
    """N(mean, variance) for θ, and the density of the observation."""

    mean: float
    variance: float
    log_evidence: float


def posterior(y: float, tau: float, sigma: float) -> Posterior:
    """Prior θ ~ N(0, τ²), one observation y given θ ~ N(θ, σ²): precisions add, and y ~ N(0, τ² + σ²)."""
    total = tau**2 + sigma**2
    return Posterior(y * tau**2 / total, (tau * sigma) ** 2 / total, -0.5 * (y**2 / total + math.log(total) + LOG_2PI))


def log_gaussian_moment(k: int, mean: float, variance: float, m: float, s: float) -> float:
    """log E_q[w^k] for p = N(mean, variance), q = N(m, s²) on the line; +∞ if k/variance ≤ (k−1)/s².

    In d dimensions with independent coordinates it is d times as large: ESS / n falls exponentially with d.
    """
    a = k / variance - (k - 1) / s**2
    if a <= 0:
        return math.inf
    # p^k q^(1−k) is a Gaussian in x − m with precision a; δ is how far off the proposal's mean is.
    delta = mean - m
    b = k * delta / variance
    constant = -0.5 * k * delta**2 / variance - 0.5 * k * math.log(variance) + (k - 1) * math.log(s)
    return constant + 0.5 * b**2 / a - 0.5 * math.log(a)
