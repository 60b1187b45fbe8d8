"""The likelihood of a diffusion model: its probability-flow ODE is a flow, and a flow has a density (Song et al. 2021).

    dx/dl = x − D(x; σ),  l = ln σ           d log p/dl = −div (x − D) = −(2 − div D)        in the plane

From x at a small σ up to where only noise is left, whose density is known.
"""

from __future__ import annotations

import math

import numpy as np

from kernels import edm, tangent
from kernels.edm import Array

LEAST, MOST = 0.01, 80.0


def denoise_and_divergence(m: edm.Model, theta: Array, x: Array, sigma: float) -> tuple[Array, Array]:
    """(D (n, 2), div D (n,)): one tangent of the network for each coordinate."""
    part = x.astype(theta.dtype)
    level = np.full((len(x), 1), sigma, dtype=theta.dtype)
    skip, scale, _ = (float(each[0, 0]) for each in edm.scales(m, level))
    seen = edm.inputs(m, part, level)
    # Inputs are linear in x, but for those of the noise, which stand behind it.
    noise = slice(2, 3 + 2 * len(edm.FREQUENCIES))
    total = np.full(len(x), 2 * skip)
    for axis in range(2):
        e = np.zeros_like(part)
        e[:, axis] = 1
        along = edm.inputs(m, e, level)
        along[:, noise] = 0
        F, dF, _ = tangent.forward(m.net, theta, seen, along)
        total += scale * dF[:, axis]
    return skip * x + scale * F.astype(x.dtype), total


def log_likelihood(m: edm.Model, theta: Array, x: Array, steps: int) -> Array:
    """log p_θ(x) (n,) in nats for x (n, 2), by the classical Runge–Kutta method in ln σ."""
    h = math.log(MOST / LEAST) / steps

    def slope(x: Array, sigma: float) -> tuple[Array, Array]:
        """(dx/dl, what −log p loses)."""
        D, div = denoise_and_divergence(m, theta, x, sigma)
        return x - D, 2 - div

    gained = np.zeros(len(x))
    for k in range(steps):
        low, middle, high = (LEAST * math.exp((k + part) * h) for part in (0.0, 0.5, 1.0))
        v1, g1 = slope(x, low)
        v2, g2 = slope(x + 0.5 * h * v1, middle)
        v3, g3 = slope(x + 0.5 * h * v2, middle)
        v4, g4 = slope(x + h * v3, high)
        x = x + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        gained += h / 6 * (g1 + 2 * g2 + 2 * g3 + g4)
    v = MOST**2 + m.data_sd**2
    return np.asarray(-0.5 * np.sum(x * x, axis=1) / v - math.log(2 * math.pi * v) + gained)
