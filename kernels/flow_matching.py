"""Flow matching: learn the mean speed of straight lines (Lipman et al. 2023; Liu et al. 2023; Albergo et al. 2023).

    x_t = (1−t) x₀ + t x₁,   x₀ ~ N(0, d² I) noise,  x₁ data,  drawn independently        dx_t/dt = x₁ − x₀

    loss = E |v_θ(x_t, t) − (x₁ − x₀)|²          least for   v(x, t) = E[x₁ − x₀ | x_t = x]
    sample:  dx/dt = v(x, t)  from t = 0 to 1    has the law of x_t at every t

Each line is straight; v is the *mean* over all lines through x, so the paths of dx/dt = v bend, and never cross.

With Gaussian noise this is a diffusion in other coordinates: x_t/t = x₁ + σ ε, σ = d (1−t)/t, so with the denoiser D
of kernels/edm.py   v = (D(x_t/t; σ) − x_t) / (1−t):   one trained model gives the other. What differs is the weight of
each noise level in the loss, and how steps are spaced.

Likelihood: along a path d log p/dt = −div v (the instantaneous change of variables).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels import mlp, tangent
from kernels.edm import CHUNK

Array = npt.NDArray[np.floating]
Field = Callable[[Array, float], Array]
Method = Literal["euler", "heun"]
FREQUENCIES = (1, 2, 4)


class Model(NamedTuple):
    """A network for the velocity, in units of the data's standard deviation d."""

    net: mlp.Net
    data_sd: float


def model(hidden: tuple[int, ...], data_sd: float) -> Model:
    """A SiLU network in the plane: x, t and waves of t, and x times each of these."""
    features = 1 + 2 * len(FREQUENCIES)
    return Model(mlp.Net((2 + features + 2 * features, *hidden, 2), "silu"), data_sd)


def pair(m: Model, x1: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """(x_t, t, x₁ − x₀) for a batch of data: t uniform, in the batch evenly spread; in x₁'s precision."""
    n = len(x1)
    t = ((np.arange(n) + rng.uniform(size=n)) / n).astype(x1.dtype)[:, None]
    x0 = (m.data_sd * rng.standard_normal(x1.shape)).astype(x1.dtype)
    return (1 - t) * x0 + t * x1, t, x1 - x0


def _features(t: Array) -> Array:
    waves = [wave(0.5 * math.pi * k * t) for k in FREQUENCIES for wave in (np.sin, np.cos)]
    return np.concatenate([2 * t - 1, *waves], axis=1)


def _scale(m: Model, t: Array) -> Array:
    """1 / sd of x_t: the network sees variance 1."""
    return np.asarray(1 / (m.data_sd * np.sqrt((1 - t) ** 2 + t**2)))


def inputs(m: Model, x: Array, t: Array) -> Array:
    """For x (n, 2) and t (n, 1)."""
    seen, time = x * _scale(m, t), _features(t)
    return np.concatenate([seen, time, (seen[:, :, None] * time[:, None, :]).reshape(len(x), -1)], axis=1)


def gradient(m: Model, theta: Array, x: Array, t: Array, target: Array) -> tuple[float, Array]:
    """The mean over rows and coordinates of |v_θ − target|² / d², and its gradient in theta."""
    F, seen = mlp.forward(m.net, theta, inputs(m, x, t))
    miss = F - target * (1 / m.data_sd)
    slope, _ = mlp.backward(m.net, theta, seen, (2 / miss.size) * miss)
    return float(np.mean(miss * miss)), slope


def velocity(m: Model, theta: Array, x: Array, t: float) -> Array:
    """v_θ(x, t) (n, 2), in theta's precision inside and x's outside."""
    out = np.empty_like(x)
    for at in range(0, len(x), CHUNK):
        part = x[at : at + CHUNK].astype(theta.dtype)
        when = np.full((len(part), 1), t, dtype=theta.dtype)
        out[at : at + CHUNK] = m.data_sd * mlp.forward(m.net, theta, inputs(m, part, when))[0]
    return out


def divergence(m: Model, theta: Array, x: Array, t: float) -> tuple[Array, Array]:
    """(v (n, 2), div v (n,)), the divergence from one tangent for each coordinate."""
    part = x.astype(theta.dtype)
    when = np.full((len(x), 1), t, dtype=theta.dtype)
    total = np.zeros(len(x))
    seen = inputs(m, part, when)
    for axis in range(2):
        # Inputs are linear in x: their change along an axis is what they are at a unit vector, without the times.
        e = np.zeros_like(part)
        e[:, axis] = 1
        along = inputs(m, e, when)
        along[:, 2 : 2 + when.shape[1] + 2 * len(FREQUENCIES)] = 0
        v, dv, _ = tangent.forward(m.net, theta, seen, along)
        total += m.data_sd * dv[:, axis]
    return m.data_sd * v.astype(x.dtype), total


def exact(denoise: Callable[[Array, float], Array], data_sd: float, x: Array, t: float) -> Array:
    """v = (D(x/t; d (1−t)/t) − x) / (1−t) from an exact denoiser; t = 0 and 1 are taken as just inside."""
    t = min(max(t, 1e-6), 1 - 1e-6)
    return np.asarray((denoise(x / t, data_sd * (1 - t) / t) - x) / (1 - t))


def step(field: Field, x: Array, t: float, u: float, method: Method) -> Array:
    """From time t to u: Euler with one v, Heun with two."""
    v = field(x, t)
    if method == "heun":
        v = 0.5 * (v + field(x + (u - t) * v, u))
    return np.asarray(x + (u - t) * v)


def sample(field: Field, x: Array, steps: int, method: Method, start: float = 0.0) -> Array:
    """All steps, evenly spaced, from noise x at t = start to t = 1."""
    times = np.linspace(start, 1.0, steps + 1).tolist()
    for t, u in itertools.pairwise(times):
        x = step(field, x, t, u, method)
    return x


def log_likelihood(m: Model, theta: Array, x: Array, steps: int) -> Array:
    """log p_θ(x) (n,) in nats: back to the noise by the midpoint rule, adding up div v."""
    lost = np.zeros(len(x))
    for k in range(steps, 0, -1):
        t, h = k / steps, 1 / steps
        half = x - 0.5 * h * velocity(m, theta, x, t)
        v, div = divergence(m, theta, half, t - 0.5 * h)
        x = x - h * v
        lost += h * div
    noise = -0.5 * np.sum((x / m.data_sd) ** 2, axis=1) - math.log(2 * math.pi * m.data_sd**2)
    return np.asarray(noise - lost)
