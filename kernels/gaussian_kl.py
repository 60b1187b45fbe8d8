"""KL divergence between Gaussians, in nats, in closed form.

    one dimension   KL(N(μ₁, σ₁²) ‖ N(μ₂, σ₂²)) = ln(σ₂/σ₁) + (σ₁² + (μ₁ − μ₂)²) / (2σ₂²) − ½
    d dimensions    KL(N(μ₁, Σ₁) ‖ N(μ₂, Σ₂)) = ½ [ tr(Σ₂⁻¹Σ₁) + (μ₂−μ₁)ᵀ Σ₂⁻¹ (μ₂−μ₁) − d + ln(det Σ₂ / det Σ₁) ]

Where it comes from: KL = E₁[log p₁ − log p₂], and E₁ of the quadratic form of p₂ is tr(Σ₂⁻¹Σ₁) plus that of the mean.
It is symmetric for equal covariances, then half the squared Mahalanobis distance of the means, and in general not.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def normal(mu1: npt.ArrayLike, sd1: npt.ArrayLike, mu2: npt.ArrayLike, sd2: npt.ArrayLike) -> Array:
    """KL(N(μ₁, σ₁²) ‖ N(μ₂, σ₂²)), entry by entry; for independent coordinates the sum is the KL of the vectors."""
    ratio = np.divide(sd1, sd2)
    far = np.subtract(mu1, mu2) / np.asarray(sd2, dtype=np.float64)
    # ½ (r² − 1) − ln r: nearly 0 for r ≈ 1, so that the parts are taken as small numbers too.
    return np.asarray(0.5 * (ratio - 1) * (ratio + 1) - np.log(ratio) + 0.5 * far**2)


def multivariate(mu1: Array, S1: Array, mu2: Array, S2: Array) -> float:
    """KL(N(μ₁, Σ₁) ‖ N(μ₂, Σ₂)). Raises LinAlgError if a covariance is not positive definite."""
    L1, L2 = np.linalg.cholesky(S1), np.linalg.cholesky(S2)
    # With Σ = L Lᵀ: tr(Σ₂⁻¹Σ₁) = ‖L₂⁻¹L₁‖², the quadratic form is ‖L₂⁻¹(μ₂−μ₁)‖², log det Σ = 2 Σ log L_ii.
    A, b = np.linalg.solve(L2, L1), np.linalg.solve(L2, mu2 - mu1)
    log_det = 2 * float(np.sum(np.log(np.diag(L2)) - np.log(np.diag(L1))))
    return 0.5 * (float(np.sum(A**2)) + float(b @ b) - len(mu1) + log_det)


def entropy(sd: npt.ArrayLike) -> Array:
    """Differential entropy ½ ln(2πe σ²) in nats: the largest at this variance, and negative for σ < 0.242."""
    return np.asarray(0.5 * math.log(2 * math.pi * math.e) + np.log(sd))
