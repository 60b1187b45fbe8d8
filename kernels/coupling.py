"""A normalizing flow in the plane: affine coupling layers (Dinh, Sohl-Dickstein & Bengio 2017, “RealNVP”).

A layer keeps one coordinate a and moves the other, b, by a shift and a scale that depend on a only:

    a′ = a,   b′ = b e^(s(a)) + t(a)      Jacobian triangular, log |det| = s(a)
    inverse   b = (b′ − t(a)) e^(−s(a))   as cheap as forwards: s and t are only ever evaluated, never inverted

Layers take turns in which coordinate they keep. All of them together are z = f(x), from data to N(0, I), with

    log p(x) = −½ ‖f(x)‖² − log 2π + Σ_layers s        and samples x = f⁻¹(z), z ~ N(0, I).

The conditioner is a network with one hidden layer of H units, (r, t) = V tanh(W (a, 1)) + c and s = S tanh(r/S), kept
within ±S so that a single layer cannot blow up. Any network would do.

Points are columns: x has shape (2, n). One row of θ (layers, 4H + 2) holds W (H, 2), V (2, H) and c (2, 1) of a layer.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""Floats; the arithmetic is done in the precision of θ and x. (Complex ones too: all functions here are analytic.)"""
S = 2.0
"""Bound of a layer's log-scale s."""


class Layer(NamedTuple):
    """The parameters of one conditioner: views into a row of θ."""

    W: Array
    V: Array
    c: Array


def layer(row: Array) -> Layer:
    """Read one row of θ."""
    H = (len(row) - 2) // 4
    return Layer(row[: 2 * H].reshape(H, 2), row[2 * H : 4 * H].reshape(2, H), row[4 * H :].reshape(2, 1))


def init(layers: int, H: int, rng: np.random.Generator, dtype: npt.DTypeLike = np.float32) -> Array:
    """θ of a flow that is nearly the identity, whose hidden units bend at places spread over a in ±3."""
    theta = np.zeros((layers, 4 * H + 2), dtype)
    for row in theta:
        W, V, _ = layer(row)
        W[:, 0] = 3.0 * rng.standard_normal(H)
        W[:, 1] = -W[:, 0] * rng.uniform(-3.0, 3.0, H)
        V[:] = 0.01 * rng.standard_normal(V.shape) / math.sqrt(H)
    return theta


class Kept(NamedTuple):
    """What a layer's backward pass needs from its forward pass."""

    net: Layer
    a1: Array
    """(2, n) the kept coordinate and ones."""
    b: Array
    h: Array
    """(H, n) hidden units."""
    q: Array
    """tanh(r/S) = s/S."""
    scale: Array
    """e^s."""


def condition(net: Layer, a: Array) -> tuple[Array, Array, Array, Array]:
    """(a with ones, hidden units, tanh(r/S), t) for a (n,)."""
    a1 = np.array([a, np.ones_like(a)])
    h = np.tanh(net.W @ a1)
    r, t = net.V @ h + net.c
    return a1, h, np.tanh(r / S), t


def forward(theta: Array, x: Array) -> tuple[Array, Array, list[Kept]]:
    """(f(x) (2, n), log |det ∂f/∂x| (n,), what `gradient` needs)."""
    z = [x[0], x[1]]
    log_det = np.zeros_like(x[0])
    kept = []
    for at, row in enumerate(theta):
        a, b = z[at % 2], z[1 - at % 2]
        net = layer(row)
        a1, h, q, t = condition(net, a)
        scale = np.exp(S * q)
        z[1 - at % 2] = b * scale + t
        log_det = log_det + S * q
        kept.append(Kept(net, a1, b, h, q, scale))
    return np.array(z), log_det, kept


def inverse(theta: Array, z: Array, first: int = 0) -> Array:
    """x with f(x) = z for z (2, n). `first` > 0 stops early: the point as it is before that layer of f."""
    x = [z[0], z[1]]
    for at in range(len(theta) - 1, first - 1, -1):
        _, _, q, t = condition(layer(theta[at]), x[at % 2])
        x[1 - at % 2] = (x[1 - at % 2] - t) * np.exp(-S * q)
    return np.array(x)


def log_density(theta: Array, x: Array) -> Array:
    """log p(x) in nats for x (2, n)."""
    z, log_det, _ = forward(theta, x)
    return np.asarray(-0.5 * np.sum(z**2, axis=0) - math.log(2 * math.pi) + log_det)


def gradient(theta: Array, x: Array) -> tuple[float, Array]:
    """(loss, ∂loss/∂θ) for the loss −mean log p(x), by walking the layers backwards.

    With D = ∂loss/∂(a′, b′), at first z/n, and each layer's own −1/n from its term −mean s of the loss:

        ∂t = D_b,   ∂s = D_b b e^s − 1/n,   ∂r = ∂s (1 − q²),   (∂V, ∂c, ∂h) from (∂r, ∂t),   ∂W = (∂h ⊙ (1−h²)) (a, 1)ᵀ
        D_a ← D_a + W_aᵀ (∂h ⊙ (1−h²)),   D_b ← D_b e^s
    """
    z, log_det, kept = forward(theta, x)
    n = x.shape[1]
    loss = 0.5 * np.mean(np.sum(z**2, axis=0)) - np.mean(log_det) + math.log(2 * math.pi)
    D = z / n
    gradient = np.empty_like(theta)
    for at in range(len(theta) - 1, -1, -1):
        net, a1, b, h, q, scale = kept[at]
        into = layer(gradient[at])
        d_a, d_b = D[at % 2], D[1 - at % 2]
        d_r = (d_b * b * scale - 1 / n) * (1 - q * q)
        out = np.array([d_r, d_b])
        into.V[:] = out @ h.T
        into.c[:, 0] = out.sum(axis=1)
        d_h = (net.V.T @ out) * (1 - h * h)
        into.W[:] = d_h @ a1.T
        D[at % 2] = d_a + net.W[:, 0] @ d_h
        D[1 - at % 2] = d_b * scale
    return float(loss), gradient
