"""A denoiser that learns at every noise level: preconditioning of the network and the loss (Karras et al. 2022).

    x = x₀ + σ ε,  ε ~ N(0, I)                   D(x; σ) = c_skip x + c_out F_θ(c_in x, noise features)

    "edm"       c_skip = d²/(σ² + d²),  c_out = σ d/√(σ² + d²)        d = sd of the data: target of F has variance 1
    "epsilon"   c_skip = 1,  c_out = −σ                               F guesses the noise ε
    both        c_in = 1/√(σ² + d²)                                   so that the network sees variance 1

    loss = E |D(x; σ) − x₀|² / c_out² = E |F_θ − F*|²,   F* = (x₀ − c_skip x)/c_out,   ln σ ~ N(m, S²)

The best D is E[x₀ | x], whatever the weights over σ; then (D − x)/σ² = ∇ log p_σ(x) (denoising score matching, Vincent
2011). The loss of the best D is not 0: x₀ cannot be known from x.

A target with less noise: of the batch x₁ … x_R one, at random, became x. Given x and the batch it was x_i with chance
w_i ∝ exp(−|x − x_i|²/2σ²), so x̄ = Σ w_i x_i is E[x₀ | x, batch]. Then E[x̄ | x] = E[x₀ | x]: the same best D, without
bias, and with less variance (Rao–Blackwell; compare Xu, Tong & Jaakkola 2023).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from kernels import mlp

Array = npt.NDArray[np.floating]
Kind = Literal["edm", "epsilon"]
FREQUENCIES = (1, 2, 4)
CHUNK = 1000
"""Rows that go through the network at a time: what they need stays in the processor's cache."""


class Model(NamedTuple):
    """What turns a network's output into a denoiser."""

    net: mlp.Net
    data_sd: float
    kind: Kind = "edm"
    products: bool = False
    """Whether the network also sees every coordinate times every noise feature: its first layer then depends on σ."""


def model(
    dims: int, hidden: tuple[int, ...], data_sd: float, kind: Kind = "edm", products: bool = False, extra: int = 0
) -> Model:
    """A SiLU network from x (dims) to x, with `extra` more inputs (labels)."""
    noise = 1 + 2 * len(FREQUENCIES)
    inputs = dims + noise + extra + (dims * noise if products else 0)
    return Model(mlp.Net((inputs, *hidden, dims), "silu"), data_sd, kind, products)


class Preconditioned(Protocol):
    """What the scales depend on."""

    @property
    def data_sd(self) -> float:
        """d."""

    @property
    def kind(self) -> Kind:
        """What the network guesses."""


def scales(m: Preconditioned, sigma: Array) -> tuple[Array, Array, Array]:
    """(c_skip, c_out, c_in), each of sigma's shape."""
    total = np.sqrt(sigma * sigma + m.data_sd**2)
    if m.kind == "epsilon":
        return np.ones_like(sigma), -sigma, 1 / total
    return (m.data_sd / total) ** 2, sigma * m.data_sd / total, 1 / total


def inputs(m: Model, x: Array, sigma: Array, extra: Array | None = None) -> Array:
    """For x (n, d) and sigma (n, 1): c_in x, then c = ln(σ/data_sd)/4, sin and cos of kπc/1.5, products, extra."""
    seen = x * scales(m, sigma)[2]
    c = np.log(sigma / m.data_sd) / 4
    waves = [wave(k * math.pi / 1.5 * c) for k in FREQUENCIES for wave in (np.sin, np.cos)]
    noise = np.concatenate([c, *waves], axis=1)
    parts = [seen, noise]
    if m.products:
        parts.append((seen[:, :, None] * noise[:, None, :]).reshape(len(x), -1))
    if extra is not None:
        parts.append(extra)
    return np.concatenate(parts, axis=1)


def denoise(m: Model, theta: Array, x: Array, sigma: npt.ArrayLike, extra: Array | None = None) -> Array:
    """D(x; σ) for x (n, d), in theta's precision inside and x's outside; sigma a number or (n, 1)."""
    out = np.empty_like(x)
    sigmas = np.broadcast_to(np.asarray(sigma, dtype=theta.dtype), (len(x), 1))
    for at in range(0, len(x), CHUNK):
        rows = slice(at, at + CHUNK)
        part, s = x[rows].astype(theta.dtype), sigmas[rows]
        skip, scale, _ = scales(m, s)
        F, _ = mlp.forward(m.net, theta, inputs(m, part, s, None if extra is None else extra[rows]))
        out[rows] = skip * part + scale * F
    return out


def pooled(x: Array, sigma: Array, batch: Array) -> Array:
    """x̄ = Σ w_i x_i for x (n, d), sigma (n, 1), batch (R, d): E[x₀ | x, batch]. Shape (n, d)."""
    # |x − x_i|² without |x|², which is the same for all i.
    logs = (x @ batch.T - 0.5 * np.sum(batch * batch, axis=1)) / (sigma * sigma)
    logs -= logs.max(axis=1, keepdims=True)
    w = np.exp(logs, out=logs)
    return np.asarray(w @ batch / w.sum(axis=1, keepdims=True))


def gradient(
    m: Model, theta: Array, x: Array, sigma: Array, target: Array, extra: Array | None = None
) -> tuple[float, Array]:
    """The mean over rows and coordinates of |F_θ − F*|² with x₀ = target, and its gradient in theta."""
    skip, scale, _ = scales(m, sigma)
    F, cache = mlp.forward(m.net, theta, inputs(m, x, sigma, extra))
    miss = F - (target - skip * x) / scale
    slope, _ = mlp.backward(m.net, theta, cache, (2 / miss.size) * miss)
    return float(np.mean(miss * miss)), slope
