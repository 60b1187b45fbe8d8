"""Forward-mode derivatives of a small network, and gradients of what is made of them: second derivatives.

Along a direction v of the input, ẋ₀ = v, every layer of kernels/mlp.py has a tangent:

    z_l = x_{l−1} W_l + b_l        ż_l = ẋ_{l−1} W_l
    x_l = φ(z_l)                   ẋ_l = φ′(z_l) ż_l                so that in the end ẏ = (∂y/∂x) v

Backwards, from G = ∂L/∂y and Ġ = ∂L/∂ẏ:

    ∂L/∂W_l = x_{l−1}ᵀ G + ẋ_{l−1}ᵀ Ġ        (G, Ġ) ← (G Wᵀ ⊙ φ′ + Ġ Wᵀ ⊙ φ″ ż,  Ġ Wᵀ ⊙ φ′)

So a penalty ½ |∂D/∂x|² on a discriminator has the gradient in θ of ẏ along v = ∂D/∂x, v held fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kernels import mlp
from kernels.mlp import Array


class Cache(NamedTuple):
    """What `forward` keeps for `backward`, layer by layer."""

    xs: list[Array]
    dxs: list[Array]
    slopes: Sequence[tuple[Array, Array, Array]]
    """(φ′, φ″, ż) of each layer but the last."""


def curvature(net: mlp.Net, z: Array, x: Array) -> Array:
    """φ″(z), where x = φ(z). Raises ValueError for relu, which has none."""
    match net.activation:
        case "tanh":
            return np.asarray(-2 * x * (1 - x * x))
        case "silu":
            s = mlp.sigmoid(z)
            return np.asarray(s * (1 - s) * (2 + z * (1 - 2 * s)))
        case _:
            raise ValueError("relu has no second derivative")


def forward(net: mlp.Net, theta: Array, X: Array, V: Array) -> tuple[Array, Array, Cache]:
    """(y, ẏ) (rows, outputs) for inputs X and directions V (rows, inputs)."""
    xs: list[Array] = []
    dxs: list[Array] = []
    slopes: list[tuple[Array, Array, Array]] = []
    parts = mlp.layers(net, theta)
    for at, (W, b) in enumerate(parts):
        xs.append(X)
        dxs.append(V)
        Z, V = X @ W + b, V @ W
        X = Z
        if at < len(parts) - 1:
            X = mlp.phi(net, Z)
            first = mlp.dphi(net, Z, X)
            slopes.append((first, curvature(net, Z, X), V))
            V = first * V
    return X, V, Cache(xs, dxs, slopes)


def backward(net: mlp.Net, theta: Array, cache: Cache, G: Array, dG: Array) -> Array:
    """∂L/∂theta from G = ∂L/∂y and dG = ∂L/∂ẏ."""
    gradient = np.empty_like(theta)
    parts, slots = mlp.layers(net, theta), mlp.layers(net, gradient)
    for at in range(len(parts) - 1, -1, -1):
        slots[at][0][:] = cache.xs[at].T @ G + cache.dxs[at].T @ dG
        slots[at][1][:] = G.sum(axis=0)
        if at:
            first, second, dz = cache.slopes[at - 1]
            G, dG = G @ parts[at][0].T, dG @ parts[at][0].T
            G, dG = G * first + dG * second * dz, dG * first
    return gradient
