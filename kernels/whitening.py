"""Whitening: a linear map after which the sample covariance is the identity.

With centred X_c = X − mean (n × d) and its SVD X_c = U S Vᵀ, the sample covariance is C = X_cᵀ X_c / (n − 1)
= V Λ Vᵀ with λ_i = s_i² / (n − 1). Then z = Λ^(−1/2) Vᵀ (x − mean) is white, and so is every rotation of it:

    PCA  W = Λ^(−1/2) Vᵀ        coordinates along the principal axes
    ZCA  W = V Λ^(−1/2) Vᵀ      of all white versions the closest to x (Kessy, Lewin & Strimmer 2018)

The factor (n − 1) matters: without it, U has covariance I / (n − 1).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mode = Literal["pca", "zca"]
RANK_TOLERANCE = 1e-8
"""Singular values below this share of the largest are rounding: their directions carry no data."""


class Whitener(NamedTuple):
    """The map x ↦ (x − mean) Wᵀ."""

    mean: Array
    """(d,)"""
    W: Array
    """(m, d); m = d for ZCA, the rank of the data for PCA."""
    variances: Array
    """(rank,) λ_i, largest first."""


def fit(X: npt.ArrayLike, mode: Mode = "pca", eps: float = 0.0, exact: bool = True) -> Whitener:
    """Estimate the whitening of data X (n, d) from its own mean and covariance.

    Scales by (λ + eps)^(−1/2): with eps > 0 direction i keeps the variance λ_i / (λ_i + eps) < 1, and small noisy
    directions are not blown up. Directions without variance are left out (PCA) or mapped to 0 (ZCA).
    `exact=False` leaves the factor n − 1 away, as is often written; the covariance is then I / (n − 1).

    Raises ValueError for fewer than two rows, entries that are not finite, eps < 0, or data without any variance.
    """
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or len(X) < 2:
        raise ValueError(f"X has shape {X.shape}; a matrix (n, d) with n >= 2 is needed")
    if not np.isfinite(X).all():
        raise ValueError("X has entries that are not finite")
    if eps < 0:
        raise ValueError(f"eps = {eps} is negative")
    mean = X.mean(axis=0)
    _, s, Vt = np.linalg.svd(X - mean, full_matrices=False)
    rank = int(np.sum(s > RANK_TOLERANCE * s[0])) if s[0] > 0 else 0
    if rank == 0:
        raise ValueError("X has no variance: all rows are equal")
    s, Vt = s[:rank], Vt[:rank]
    variances = s**2 / (len(X) - 1)
    scale = 1.0 / np.sqrt(variances + eps) if exact else 1.0 / s
    W = scale[:, None] * Vt
    return Whitener(mean, Vt.T @ W if mode == "zca" else W, variances)


def transform(whitener: Whitener, X: npt.ArrayLike) -> Array:
    """z = W (x − mean) for every row of X (n, d); returns (n, m)."""
    return np.asarray((np.asarray(X, dtype=np.float64) - whitener.mean) @ whitener.W.T)


def covariance(X: npt.ArrayLike) -> Array:
    """The sample covariance X_cᵀ X_c / (n − 1) of data X (n, d); shape (d, d)."""
    X = np.asarray(X, dtype=np.float64)
    centred = X - X.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(X) - 1))


def ellipse(mean: Array, C: Array, points: int = 64) -> Array:
    """The one-standard-deviation ellipse of a 2-D covariance C: mean + C^(1/2) (cos t, sin t); shape (points, 2)."""
    values, axes = np.linalg.eigh(C)
    t = np.linspace(0.0, 2.0 * np.pi, points)
    circle = np.stack([np.cos(t), np.sin(t)])
    return np.asarray(mean + ((axes * np.sqrt(np.maximum(values, 0.0))) @ circle).T)
