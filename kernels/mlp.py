"""A small network with every derivative written out, its parameters in one flat vector.

    x₀ = x        z_l = x_{l−1} W_l + b_l        x_l = φ(z_l)          (the last layer without φ)

Backwards, from G = ∂L/∂(output):   ∂L/∂W_l = x_{l−1}ᵀ G_l,   ∂L/∂b_l = Σ_rows G_l,   G_{l−1} = (G_l W_lᵀ) ⊙ φ′(z_{l−1})

Rows are samples. A flat vector lets an optimiser, an ODE solver or a file treat all parameters alike. The arithmetic is
done in the precision of that vector.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
Activation = Literal["tanh", "silu", "relu"]


class Net(NamedTuple):
    """The shape of a network."""

    sizes: tuple[int, ...]
    """Widths from input to output."""
    activation: Activation = "tanh"


def count(net: Net) -> int:
    """Number of parameters: Σ (inputs + 1) · outputs over the layers."""
    return sum((n + 1) * m for n, m in zip(net.sizes, net.sizes[1:], strict=False))


def layers(net: Net, theta: Array) -> list[tuple[Array, Array]]:
    """The weights (n, m) and bias (m,) of each layer, as views into theta: writing to them writes theta.

    Raises ValueError if theta has not exactly the parameters of this network.
    """
    if theta.shape != (count(net),):
        raise ValueError(f"theta has shape {theta.shape}; {count(net)} parameters in one vector are needed")
    parts, at = [], 0
    for n, m in zip(net.sizes, net.sizes[1:], strict=False):
        W = theta[at : at + n * m].reshape(n, m)
        parts.append((W, theta[at + n * m : at + (n + 1) * m]))
        at += (n + 1) * m
    return parts


def init(net: Net, rng: np.random.Generator, dtype: npt.DTypeLike = np.float64, last: float = 1.0) -> Array:
    """Weights with standard deviation 1/√inputs (√2/√inputs for ReLU), biases 0; `last` scales the last layer."""
    theta = np.zeros(count(net), dtype)
    parts = layers(net, theta)
    gain = np.sqrt(2.0) if net.activation == "relu" else 1.0
    for at, (W, _) in enumerate(parts):
        scale = last if at == len(parts) - 1 else gain
        W[:] = scale / np.sqrt(len(W)) * rng.standard_normal(W.shape)
    return theta


def phi(net: Net, z: Array) -> Array:
    """The activation."""
    match net.activation:
        case "tanh":
            return np.asarray(np.tanh(z))
        case "silu":
            return z * sigmoid(z)
        case "relu":
            return np.maximum(z, 0)


def dphi(net: Net, z: Array, x: Array) -> Array:
    """Its derivative at z, where x = φ(z)."""
    match net.activation:
        case "tanh":
            return 1 - x * x
        case "silu":
            s = sigmoid(z)
            return s + x * (1 - s)
        case "relu":
            return (z > 0).astype(z.dtype)


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^(−z))."""
    # By tanh, which does not overflow.
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


class Cache(NamedTuple):
    """What `forward` keeps for `backward`."""

    xs: list[Array]
    """The input of each layer."""
    zs: list[Array]
    """Its output before φ, without the last layer's; empty for tanh, whose derivative follows from xs."""


def numbers(cache: Cache) -> int:
    """How many numbers are kept."""
    return sum(a.size for a in [*cache.xs, *cache.zs])


def forward(net: Net, theta: Array, X: Array) -> tuple[Array, Cache]:
    """The outputs (rows, sizes[-1]) for inputs X (rows, sizes[0])."""
    xs: list[Array] = []
    zs: list[Array] = []
    parts = layers(net, theta)
    for at, (W, b) in enumerate(parts):
        xs.append(X)
        X = X @ W + b
        if at < len(parts) - 1:
            if net.activation != "tanh":
                zs.append(X)
            X = phi(net, X)
    return X, Cache(xs, zs)


def backward(net: Net, theta: Array, cache: Cache, G: Array) -> tuple[Array, Array]:
    """From G = ∂L/∂(outputs): (∂L/∂theta, ∂L/∂X)."""
    gradient = np.empty_like(theta)
    parts = layers(net, theta)
    slots = layers(net, gradient)
    for at in range(len(parts) - 1, -1, -1):
        x = cache.xs[at]
        np.matmul(x.T, G, out=slots[at][0])
        np.sum(G, axis=0, out=slots[at][1])
        G = G @ parts[at][0].T
        if at:
            G = G * dphi(net, cache.zs[at - 1] if cache.zs else x, x)
    return gradient, G
