"""How many independent draws a correlated sequence is worth: autocorrelation time, effective sample size, R̂.

    ρ(k) = Cov(f_t, f_{t+k}) / Var f,   τ = 1 + 2 Σ_{k≥1} ρ(k),   ESS = n / τ,   error of the mean √(τ Var f / n)

ρ(k) is noise for large k, and the sum over all lags of one finite sequence is always 0: it is cut at the first window
M ≥ c max(1, τ(M)), which leaves little of the sum away (Sokal 1997). Its standard error is about τ √(2 (2M + 1) / n).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
CUT = 10.0


class Time(NamedTuple):
    """An autocorrelation time with its standard error."""

    tau: float
    error: float
    window: int
    rho: Array
    """ρ(0), ρ(1), … about the common mean of all chains."""


def autocorrelations(f: Array, lags: int) -> Array:
    """ρ(0 … lags − 1) of chains f (chains, n) of one law, about their common mean; NaN if f never changes."""
    chains, n = f.shape
    lags = min(lags, n)
    # By the fast Fourier transform, padded with zeros so that the ends do not meet.
    size = 1 << (2 * n - 1).bit_length()
    F = np.fft.rfft(f - f.mean(), size, axis=1)
    sums = np.fft.irfft(np.abs(F) ** 2, size, axis=1)[:, :lags].sum(axis=0)
    covariance = sums / (chains * (n - np.arange(lags)))
    return np.asarray(covariance / covariance[0]) if covariance[0] > 0 else np.full(lags, np.nan)


def autocorrelation_time(f: Array) -> Time:
    """τ of chains f (chains, n) that have forgotten their start; NaN if they are too short to tell (n < 4 c τ)."""
    chains, n = f.shape
    rho = autocorrelations(f, max(1, n // 4))
    taus = 2 * np.cumsum(rho) - 1
    wide = np.flatnonzero(np.arange(len(taus)) >= CUT * np.maximum(taus, 1.0))
    if not len(wide):
        return Time(np.nan, np.nan, 0, rho)
    M = int(wide[0])
    tau = float(taus[M])
    return Time(tau, abs(tau) * float(np.sqrt(2 * (2 * M + 1) / (chains * n))), M, rho)


def r_hat(f: Array) -> float:
    """√(W + B)/√W of half chains, W their mean variance, B the variance of their means: 1 if all tell the same story.

    Chains f (chains, n) are cut in halves, so that one that drifts is found out too (Gelman et al. 2013).
    """
    half = f.shape[1] // 2
    parts = np.concatenate([f[:, :half], f[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean()
    between = parts.mean(axis=1).var(ddof=1)
    return float(np.sqrt(1 + between / within - 1 / half)) if within > 0 else float("nan")
