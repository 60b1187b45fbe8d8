"""Stochastic differential equations, stepped by Euler–Maruyama and by Milstein.

    dx = f(x, t) dt + g(x, t) dW        drift f: where x goes on average;  diffusion g: how much it is shaken (Itô)

    Euler–Maruyama   x ← x + f h + g ΔW                           ΔW ~ N(0, h)
    Milstein         x ← x + f h + g ΔW + ½ g g_x (ΔW² − h)       one noise to each coordinate

With n steps of size h = T/n an error C hᵖ has a slope p on logarithmic axes (Kloeden & Platen 1992):

    strong   E|x_n − x(T)|           the same path        Euler–Maruyama ½ (1 if g does not depend on x), Milstein 1
    weak     |E φ(x_n) − E φ(x(T))|  the law only         both 1, for smooth φ

Test equation: dx = μ x dt + σ x dW (geometric Brownian motion) has x(T) = x₀ exp((μ − σ²/2) T + σ W(T)), and
E x(T) = x₀ e^{μT}.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Field = Callable[[Array, float], Array | float]


def euler_maruyama(f: Field, g: Field, x: Array, t: float, h: float, dW: Array) -> Array:
    """One step from time t to t + h with the increments dW of x's shape."""
    return np.asarray(x + f(x, t) * h + g(x, t) * dW)


def milstein(f: Field, g: Field, g_x: Field, x: Array, t: float, h: float, dW: Array) -> Array:
    """One step with the next term of the Itô–Taylor expansion; g_x = ∂g/∂x."""
    return np.asarray(x + f(x, t) * h + g(x, t) * dW + 0.5 * g(x, t) * g_x(x, t) * (dW**2 - h))


def solve(f: Field, g: Field, x: Array, T: float, dW: Array, g_x: Field | None = None) -> Array:
    """x(T) from x(0) = x with equal steps, one for each row of dW (n, …); Milstein if g_x is given."""
    h = T / len(dW)
    for i, increment in enumerate(dW):
        t = i * h
        x = euler_maruyama(f, g, x, t, h, increment) if g_x is None else milstein(f, g, g_x, x, t, h, increment)
    return x


def coarser(dW: Array, factor: int) -> Array:
    """The same Brownian paths seen with `factor` times fewer steps: neighbouring increments (n, …) are added."""
    return np.asarray(dW.reshape(len(dW) // factor, factor, *dW.shape[1:]).sum(axis=1))


def gbm_exact(x0: float, mu: float, sigma: float, T: float, W: Array) -> Array:
    """The solution of dx = μ x dt + σ x dW at T on the paths that end in W(T)."""
    return np.asarray(x0 * np.exp((mu - 0.5 * sigma**2) * T + sigma * W))


def order(h: npt.ArrayLike, error: npt.ArrayLike) -> float:
    """The slope of log error against log h: p for an error C hᵖ."""
    return float(np.polyfit(np.log(h), np.log(error), 1)[0])


def ou_exact(x: Array, theta: float, sigma: float, h: float, dW: Array, z: Array) -> Array:
    """An exact step of dx = −θ x dt + σ dW on the path with increments dW; z are standard normals, independent of dW.

    x(t+h) = e^{−θh} x + ξ with ξ = σ ∫ e^{−θ(h−s)} dW_s,
    Var ξ = σ² (1 − e^{−2θh}) / 2θ,  Cov(ξ, ΔW) = σ (1 − e^{−θh}) / θ.
    """
    shared = sigma * -np.expm1(-theta * h) / theta
    variance = sigma**2 * -np.expm1(-2 * theta * h) / (2 * theta)
    rest = np.sqrt(max(0.0, variance - shared**2 / h))
    return np.asarray(np.exp(-theta * h) * x + shared / h * dW + rest * z)
