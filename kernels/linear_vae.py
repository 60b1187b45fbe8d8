"""The linear β-VAE, where everything is known: what the loss is, where its minimum lies, which latents collapse.

    encoder  q(z|x) = N(V x, diag δ)      decoder  p(x|z) = N(W z, σ² I)      prior  p(z) = N(0, I)

for centred data with covariance C = U Λ Uᵀ. No samples are needed: with M = E z zᵀ = V C Vᵀ + diag δ

    distortion  E‖x − W z‖² = tr C − 2 tr(W V C) + tr(Wᵀ W M)
    KL of latent j          = ½ ((V C Vᵀ)_jj + δ_j − 1 − ln δ_j)
    L = distortion / (2σ²) + β Σ_j KL_j

Its minimum, with θ = β σ²: each latent takes one of the k leading directions u with λ > θ,

    w = u √(λ − θ)       v = u √(λ − θ) / λ       δ = θ / λ       KL = ½ ln(λ/θ)

and stays switched off (w = v = 0, δ = 1, KL = 0) if λ ≤ θ: posterior collapse, as the optimum and not as a failure of
training (Lucas et al. 2019, for β = 1). Distortion and rate then lie on the Gaussian's rate–distortion curve. For
β = 1 the decoder is probabilistic PCA with this σ² (Tipping & Bishop 1999) and q is its exact posterior.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Parts(NamedTuple):
    """The parameters, in this order in one vector."""

    W: Array
    """(d, k)"""
    V: Array
    """(k, d)"""
    log_delta: Array
    """(k,) log-variances of the encoder, the same for all x."""


class Terms(NamedTuple):
    """What the loss is made of."""

    distortion: float
    kl: Array
    """(k,) nats of each latent; their sum is the rate."""


def parts(theta: Array, d: int) -> Parts:
    """W, V and log δ as views into the vector of k (2d + 1) parameters."""
    k = len(theta) // (2 * d + 1)
    return Parts(
        theta[: d * k].reshape(d, k), theta[d * k : 2 * d * k].reshape(k, d), theta[2 * d * k : (2 * d + 1) * k]
    )


def join(p: Parts) -> Array:
    """The vector of the parameters."""
    return np.concatenate([p.W.ravel(), p.V.ravel(), p.log_delta])


def init(d: int, k: int, rng: np.random.Generator) -> Array:
    """Small random weights, δ = 1/e."""
    return np.concatenate([0.1 * rng.standard_normal(2 * d * k), np.full(k, -1.0)])


def gradient(theta: Array, C: Array, beta: float, sigma: float) -> tuple[Terms, Array]:
    """(terms, ∂L/∂theta) for the covariance C (d, d)."""
    W, V, log_delta = parts(theta, len(C))
    delta = np.exp(log_delta)
    VC = V @ C
    spread = VC @ V.T  # V C Vᵀ
    WM = W @ spread + W * delta
    distortion = float(np.trace(C) - 2 * np.sum(W * VC.T) + np.sum(W * WM))
    kl = 0.5 * (np.diag(spread) + np.expm1(log_delta) - log_delta)
    dW = (WM - VC.T) / sigma**2
    dV = ((W.T @ W) @ VC - W.T @ C) / sigma**2 + beta * VC
    d_log_delta = 0.5 * (np.sum(W * W, axis=0) * delta / sigma**2 + beta * np.expm1(log_delta))
    return Terms(distortion, kl), join(Parts(dW, dV, d_log_delta))


def loss(terms: Terms, beta: float, sigma: float) -> float:
    """L = distortion / (2σ²) + β Σ KL."""
    return float(terms.distortion / (2 * sigma**2) + beta * np.sum(terms.kl))


def optimum(C: Array, k: int, beta: float, sigma: float) -> Array:
    """Parameters at the minimum: latent j takes the j-th largest eigenvalue, if it is above θ = β σ²."""
    lam, U = np.linalg.eigh(C)
    lam, U = lam[::-1][:k], U[:, ::-1][:, :k]
    theta = beta * sigma**2
    on = lam > theta
    safe = np.where(on, lam, 1.0)
    root = np.sqrt(np.where(on, lam - theta, 0.0))
    return join(Parts(U * root, (U * (root / safe)).T, np.log(np.where(on, theta / safe, 1.0))))


def elbo(terms: Terms, d: int, sigma: float) -> float:
    """E_x[E_q log p(x|z) − KL(q‖prior)] in nats, whatever β it was trained with."""
    return float(-terms.distortion / (2 * sigma**2) - 0.5 * d * math.log(2 * math.pi * sigma**2) - np.sum(terms.kl))


def log_likelihood(theta: Array, C: Array, sigma: float) -> float:
    """E_x log N(x; 0, W Wᵀ + σ² I): what the ELBO of these weights bounds; the gap is E_x KL(q(z|x) ‖ p(z|x))."""
    W = parts(theta, len(C)).W
    S = W @ W.T + sigma**2 * np.eye(len(C))
    return float(-0.5 * (np.trace(np.linalg.solve(S, C)) + np.linalg.slogdet(S)[1] + len(C) * math.log(2 * math.pi)))
