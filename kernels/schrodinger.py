"""The Schrödinger bridge: Brownian motion with noise σ, told where it starts and where it has to end.

Of all processes on 0 ≤ t ≤ 1 with x(0) ~ p₀ and x(1) ~ p₁, the one nearest to σ W in KL (Schrödinger 1931):

    which ends belong together   π(x, y), Sinkhorn's plan at cost ½(x − y)² and ε = σ²
    what happens in between      the Brownian bridge from x to y: x_t ~ N((1−t) x + t y, σ² t(1−t))

As one process, without looking at y:   dx = σ² ∂_x log φ(x, t) dt + σ dW

    φ(x, t) = ∫ N(y; x, σ²(1−t)) e^{g(y)/ε} p₁(y) dy        backwards: what a start at (x, t) is worth
    φ̂(x, t) = ∫ N(x; x', σ² t) e^{f(x')/ε} p₀(x') dx'       forwards
    p_t(x) = c φ φ̂                                          (Fortet 1940; c comes from Sinkhorn's missing 1/√(2πε))

That such a drift exists is special: bridges between ends that are paired in another way are not Markov.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def advance(x: Array, y: Array, t: float, u: float, sigma: float, z: Array) -> Array:
    """From time t to u ≤ 1 on the bridge to y, exactly: mean x + (y − x)(u−t)/(1−t), variance σ² (u−t)(1−u)/(1−t)."""
    share = (u - t) / (1 - t)
    return np.asarray(x + share * (y - x) + sigma * math.sqrt((1 - u) * share) * z)


def advance_euler(x: Array, y: Array, t: float, u: float, sigma: float, z: Array) -> Array:
    """The same by Euler–Maruyama on dx = (y − x)/(1−t) dt + σ dW: its last step lands on y + σ √(1−t) z, not on y."""
    return np.asarray(x + (y - x) / (1 - t) * (u - t) + sigma * math.sqrt(u - t) * z)


def log_phi(x: Array, nodes: Array, log_weights: Array, variance: float) -> tuple[Array, Array]:
    """log Σ_j w_j N(x; y_j, v) and its derivative, for x (k,) and nodes y (m,).

    With log w = g/ε + log b this is φ at v = σ²(1−t), with f/ε + log a it is φ̂ at v = σ² t. The nodes stand for a
    density while √v is not below their spacing.
    """
    apart = nodes - x[:, None]
    logs = log_weights - 0.5 * apart**2 / variance
    top = logs.max(axis=1, keepdims=True)
    e = np.exp(logs - top)
    total = e.sum(axis=1)
    slope = np.sum(e * apart, axis=1) / (total * variance)
    return np.asarray(top[:, 0] + np.log(total) - 0.5 * math.log(2 * math.pi * variance)), np.asarray(slope)


def density(x: Array, t: float, sigma: float, nodes: tuple[Array, Array], log_weights: tuple[Array, Array]) -> Array:
    """p_t(x) for 0 < t < 1, x (k,): nodes and log weights (f/ε + log a, g/ε + log b) of the start and of the end."""
    forwards, _ = log_phi(x, nodes[0], log_weights[0], sigma**2 * t)
    backwards, _ = log_phi(x, nodes[1], log_weights[1], sigma**2 * (1 - t))
    return np.asarray(np.exp(forwards + backwards + 0.5 * math.log(2 * math.pi * sigma**2)))


def drift(x: Array, t: float, sigma: float, nodes: Array, log_weights: Array) -> Array:
    """σ² ∂_x log φ(x, t) = E[y − x | x_t = x] / (1−t): where the ends to come pull, on average."""
    return sigma**2 * log_phi(x, nodes, log_weights, sigma**2 * (1 - t))[1]


def mixed_variance(v0: float, v1: float, c: float, sigma: float, t: float) -> float:
    """Var x_t = (1−t)² v0 + t² v1 + 2t(1−t) c + σ² t(1−t), for any pairing of the ends with covariance c."""
    return (1 - t) ** 2 * v0 + t**2 * v1 + 2 * t * (1 - t) * c + sigma**2 * t * (1 - t)


def sample_plan(pi: Array, x: Array, y: Array, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """n pairs (x₀, x₁) from a plan on evenly spaced nodes, spread evenly over the nodes' cells."""
    flat = np.cumsum(pi.ravel())
    cell = np.minimum(np.searchsorted(flat, rng.uniform(0.0, flat[-1], n), side="right"), pi.size - 1)
    i, j = np.divmod(cell, pi.shape[1])
    spread = rng.uniform(-0.5, 0.5, (2, n))
    return x[i] + spread[0] * (x[1] - x[0]), y[j] + spread[1] * (y[1] - y[0])
