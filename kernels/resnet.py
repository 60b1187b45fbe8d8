"""A deep ReLU network with or without skip connections and normalisation, and every derivative written out.

    h₀ = x W_in + b_in      F_l(h) = φ(N(φ(N(h)) A_l + a_l)) B_l + b_l      logits = φ(N(h_L)) W_out + b_out
    h_{l+1} = h_l + F_l(h_l)    with skip          h_{l+1} = F_l(h_l)    without          φ = max(0, ·)

for l = 0 … L − 1 blocks of two layers each; N scales each row to mean 0 and variance 1, or does nothing. Activation
comes before the weights (He et al. 2016), so that with skip nothing but additions stands between input and output:

    ∂L/∂h_l = ∂L/∂h_{l+1} (I + ∂F_l/∂h_l)    with skip          ∂L/∂h_{l+1} ∂F_l/∂h_l    without

With weights of variance σ²/n, σ the gain, a layer with ReLU multiplies the mean square of what passes it, forwards and
backwards, by q = σ²/2. A block without skip multiplies by q²: with PyTorch's default σ² = 1/3 that is 1/36, and twenty
of them leave nothing. A block with skip multiplies by 1 + q², which is nearly 1. See `kernels.gradient_flow`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
EPS = 1e-5
"""Added to the variance in N, so that a row of equal numbers is not divided by 0."""


class Net(NamedTuple):
    """The shape of a network."""

    depth: int
    """L, blocks of two layers."""
    width: int
    skip: bool = True
    norm: bool = False
    inputs: int = 2
    outputs: int = 3


def shapes(net: Net) -> list[tuple[int, int]]:
    """(rows, columns) of every weight matrix: input, A_0, B_0 … A_{L−1}, B_{L−1}, output."""
    inner = [(net.width, net.width)] * (2 * net.depth)
    return [(net.inputs, net.width), *inner, (net.width, net.outputs)]


def count(net: Net) -> int:
    """Number of parameters."""
    return sum((n + 1) * m for n, m in shapes(net))


def layers(net: Net, theta: Array) -> list[tuple[Array, Array]]:
    """Weights (n, m) and bias (m,) of each layer, as views into the one vector theta."""
    parts, at = [], 0
    for n, m in shapes(net):
        parts.append((theta[at : at + n * m].reshape(n, m), theta[at + n * m : at + (n + 1) * m]))
        at += (n + 1) * m
    return parts


def init(net: Net, rng: np.random.Generator, gain: float, dtype: npt.DTypeLike = np.float64) -> Array:
    """Weights from N(0, gain²/n) with n inputs, biases 0; the input layer always with variance 1/n."""
    theta = np.zeros(count(net), dtype)
    for at, (W, _) in enumerate(layers(net, theta)):
        W[:] = (gain if at else 1.0) / math.sqrt(len(W)) * rng.standard_normal(W.shape)
    return theta


class Half(NamedTuple):
    """What one layer φ(N(h)) W + b keeps for the way back."""

    z: Array
    """N(h)"""
    scale: Array | None
    """1 / standard deviation of each row, if there is a normalisation."""
    x: Array
    """φ(z)"""


def _into(net: Net, h: Array) -> Half:
    if not net.norm:
        return Half(h, None, np.maximum(h, 0))
    centred = h - h.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + EPS)
    z = centred * scale
    return Half(z, scale, np.maximum(z, 0))


def _back(half: Half, G: Array) -> Array:
    """From ∂L/∂φ(N(h)) to ∂L/∂h."""
    G = G * (half.z > 0)
    if half.scale is None:
        return G
    # The normalised row has mean 0 and length √n: what would change either does not pass.
    along = (G * half.z).mean(axis=1, keepdims=True)
    return np.asarray((G - G.mean(axis=1, keepdims=True) - half.z * along) * half.scale)


def forward(net: Net, theta: Array, X: Array) -> tuple[Array, list[Half], list[Array]]:
    """Logits (rows, outputs) for X (rows, inputs); what `backward` needs; and h_0 … h_L."""
    (W, b), *inner, (V, c) = layers(net, theta)
    h = X @ W + b
    halves: list[Half] = []
    hs: list[Array] = [h]
    for at in range(0, len(inner), 2):
        (A, a), (B, b) = inner[at : at + 2]
        first = _into(net, h)
        second = _into(net, first.x @ A + a)
        F = second.x @ B + b
        h = h + F if net.skip else F
        halves += [first, second]
        hs.append(h)
    last = _into(net, h)
    return last.x @ V + c, [*halves, last], hs


def backward(net: Net, theta: Array, X: Array, halves: list[Half], G: Array) -> tuple[Array, list[Array]]:
    """From G = ∂L/∂logits: ∂L/∂theta, and ∂L/∂h_l for l = 0 … L."""
    gradient = np.empty_like(theta)
    parts, slots = layers(net, theta), layers(net, gradient)

    def through(at: int, x: Array, G: Array) -> Array:
        """Store the gradient of layer `at` for its input x, and return that of x."""
        np.matmul(x.T, G, out=slots[at][0])
        np.sum(G, axis=0, out=slots[at][1])
        return np.asarray(G @ parts[at][0].T)

    G = _back(halves[-1], through(len(parts) - 1, halves[-1].x, G))
    Gs = [G]
    for at in range(len(halves) - 2, 0, -2):
        first, second = halves[at - 1], halves[at]
        inner = _back(second, through(at + 1, second.x, G))
        inner = _back(first, through(at, first.x, inner))
        G = G + inner if net.skip else inner
        Gs.append(G)
    through(0, X, G)
    return gradient, Gs[::-1]


def cross_entropy(logits: Array, labels: npt.NDArray[np.integer]) -> tuple[float, Array]:
    """Mean −ln p_label in nats with p = softmax(logits), and its gradient (p − one-hot) / rows."""
    z = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    rows = np.arange(len(z))
    loss = float(np.mean(np.log(total[:, 0]) - z[rows, labels]))
    G = e / total
    G[rows, labels] -= 1
    return loss, G / len(z)
