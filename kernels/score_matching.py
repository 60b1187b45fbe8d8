"""Score matching: fit an energy to data without its partition function.

    p(x) = e^(−E(x))/Z      ⇒      s(x) = ∇ log p(x) = −∇E(x):  Z is gone

The aim, ½ E|s − ∇ log p_data|², contains the unknown score of the data. Two losses that do not, each equal to an aim
of this form up to a constant that does not depend on s:

    implicit    E[½ |s(x)|² + tr ∇s(x)]                  = ½ E|s − ∇ log p|²  − ½ E|∇ log p|²       (Hyvärinen 2005)
    denoising   E ½ |s(x + σε) + ε/σ|²                   = ½ E|s − ∇ log p_σ|² + ½ (d/σ² − E|∇ log p_σ|²)
                                                           with p_σ the law of x + σε                  (Vincent 2011)

The energy here is a network with one hidden layer, so that every derivative can be written down:

    E(x) = Σ_k a_k log cosh u_k + ½ e^γ |x|²,   u = W x + b;     with t = tanh u:

    s(x) = −Wᵀ(a ⊙ t) − e^γ x        tr ∇s(x) = −Σ_k a_k |w_k|² (1 − t_k²) − d e^γ

The last term makes e^(−E) integrable for every θ = (W, a, b, γ).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Parts(NamedTuple):
    """The parameters by name: views into θ."""

    W: Array
    """(K, d)"""
    a: Array
    b: Array
    gamma: Array


def parts(theta: Array, d: int) -> Parts:
    """Split θ (K(d + 2) + 1,)."""
    K = (len(theta) - 1) // (d + 2)
    cut = K * d
    return Parts(theta[:cut].reshape(K, d), theta[cut : cut + K], theta[cut + K : cut + 2 * K], theta[-1:])


def init(x: Array, K: int, rng: np.random.Generator) -> Array:
    """Nearly the energy of one wide Gaussian, with the bends of the K units where the data x (n, d) are."""
    d = x.shape[1]
    theta = np.zeros(K * (d + 2) + 1)
    p = parts(theta, d)
    p.W[:] = 2.0 * rng.standard_normal((K, d)) / np.sqrt(d)
    p.a[:] = 0.1 * rng.standard_normal(K)
    p.b[:] = -np.sum(p.W * x[rng.integers(0, len(x), K)], axis=1)
    p.gamma[:] = -np.log(x.var(axis=0).mean())
    return theta


def energy(theta: Array, x: Array) -> Array:
    """E(x) for x (n, d)."""
    p = parts(theta, x.shape[1])
    u = x @ p.W.T + p.b
    # log cosh u = |u| + log(1 + e^(−2|u|)) − log 2 does not overflow.
    bend = np.abs(u) + np.log1p(np.exp(-2 * np.abs(u))) - np.log(2)
    return np.asarray(bend @ p.a + 0.5 * np.exp(p.gamma) * np.sum(x**2, axis=1))


def score(theta: Array, x: Array) -> tuple[Array, Array]:
    """(s(x) (n, d), tr ∇s(x) (n,)) for x (n, d)."""
    d = x.shape[1]
    p = parts(theta, d)
    t = np.tanh(x @ p.W.T + p.b)
    c = np.exp(p.gamma)
    return -(p.a * t) @ p.W - c * x, -(1 - t**2) @ (p.a * np.sum(p.W**2, axis=1)) - d * c


def backward(theta: Array, x: Array, G: Array, H: Array) -> Array:
    """∂L/∂θ from G = ∂L/∂s (n, d) and H = ∂L/∂(tr ∇s) (n,), for inputs x (n, d)."""
    d = x.shape[1]
    p = parts(theta, d)
    t = np.tanh(x @ p.W.T + p.b)
    g = 1 - t**2
    squares = np.sum(p.W**2, axis=1)
    P = G @ p.W.T
    u = g * (2 * H[:, None] * p.a * squares * t - p.a * P)  # ∂L/∂u
    grad = np.empty_like(theta)
    at = parts(grad, d)
    at.W[:] = u.T @ x - p.a[:, None] * (t.T @ G) - 2 * (p.a * (H @ g))[:, None] * p.W
    at.a[:] = -np.sum(t * P, axis=0) - squares * (H @ g)
    at.b[:] = u.sum(axis=0)
    at.gamma[:] = -np.exp(p.gamma) * (np.sum(G * x) + d * H.sum())
    return grad


def implicit(theta: Array, x: Array, trace: float = 1.0) -> tuple[float, Array]:
    """(loss, ∂loss/∂θ) of E[½|s|² + tr ∇s] on data x (n, d). `trace` = 0 leaves the second term out."""
    s, tr = score(theta, x)
    n = len(x)
    loss = 0.5 * float(np.mean(np.sum(s**2, axis=1))) + trace * float(tr.mean())
    return loss, backward(theta, x, s / n, np.full(n, trace / n))


def denoising(theta: Array, x: Array, sigma: float, eps: Array) -> tuple[float, Array]:
    """(loss, ∂loss/∂θ) of E ½|s(x + σε) + ε/σ|² on data x and standard normal noise eps (n, d)."""
    noisy = x + sigma * eps
    s, _ = score(theta, noisy)
    error = s + eps / sigma
    n = len(x)
    return 0.5 * float(np.mean(np.sum(error**2, axis=1))), backward(theta, noisy, error / n, np.zeros(n))
