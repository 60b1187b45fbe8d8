"""Gradients through an ODE whose right-hand side is a network: dy/dt = f_θ(y), with a loss L of y at some times.

Backpropagation through the solver is the chain rule over its steps: exact for what was computed, but every stage of
every step is kept until the way back. The adjoint method keeps only y(T) and solves backwards in time

    dy/dt = f_θ(y)        da/dt = −(∂f/∂y)ᵀ a        dg/dt = −(∂f/∂θ)ᵀ a        from a(T) = ∂L/∂y(T), g(T) = 0

where a jumps by ∂L/∂y(t) at each earlier time that the loss looks at; then a(0) = ∂L/∂y(0) and g(0) = ∂L/∂θ. Its memory
does not grow with the steps. It costs a second solve, and its gradient is that of the exact flow, not of the numbers
the solver computed: the two agree to the solver's error (Chen et al. 2018; Pontryagin et al. 1962).

A ResNet is the special case of Euler's method with steps of length 1 and other weights in each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels import mlp, ode
from kernels.mlp import Array, Net

Solver = Callable[[ode.Slope, npt.NDArray[Any], float, float], npt.NDArray[Any]]
"""Takes (f, y(t₀), t₀, t₁) to y(t₁)."""


class Path(NamedTuple):
    """A solution on a grid of times, with what the way back needs."""

    times: npt.NDArray[np.float64]
    ys: list[Array]
    """The states (rows, d) at these times."""
    caches: list[list[mlp.Cache]]
    """For each step, what the network kept at each of its stages."""


class Gradient(NamedTuple):
    """Derivatives of the loss, and the memory that they took."""

    theta: Array
    y0: Array
    kept: int
    """Most numbers kept at one time: those of the networks' caches, the adjoint and the gradient of θ."""


def weights(theta: Array, step: int) -> Array:
    """θ in one step: the same in all for a vector (P,), a row of its own for (steps, P)."""
    return np.asarray(theta if theta.ndim == 1 else theta[step])


def forward(net: Net, theta: Array, y0: Array, times: npt.ArrayLike, m: ode.Method) -> Path:
    """Solve dy/dt = f_θ(y) for all rows of y0 (rows, d), one step of the method m from each time to the next."""
    times = np.asarray(times, dtype=float)
    ys, caches = [y0], []
    for i, h in enumerate(np.diff(times).tolist()):
        kept: list[mlp.Cache] = []

        def f(t: float, y: Array, i: int = i, kept: list[mlp.Cache] = kept) -> Array:
            """f_θ(y) in step i; what the network kept goes on the list."""
            slope, cache = mlp.forward(net, weights(theta, i), y)
            kept.append(cache)
            return slope

        ys.append(ode.combine(ys[-1], h * m.b, ode.stages(f, times[i], ys[-1], h, m)))
        caches.append(kept)
    return Path(times, ys, caches)


def backward(net: Net, theta: Array, path: Path, m: ode.Method, losses: Mapping[int, Array]) -> Gradient:
    """Backpropagation through the solver, for losses[i] = ∂L/∂y at the i-th time of the path.

    A step is y′ = y + h Σ b_i k_i with k_i = f(y + h Σ_j a_ij k_j): the adjoint of each stage, last one first, goes
    through the network and on to y and to the stages before it.
    """
    g = np.zeros_like(theta)
    a = losses.get(len(path.caches), np.zeros_like(path.ys[-1]))
    for i in range(len(path.caches) - 1, -1, -1):
        h = float(path.times[i + 1] - path.times[i])
        slopes = [h * b * a for b in m.b.tolist()]
        for stage in range(len(slopes) - 1, -1, -1):
            to_theta, to_y = mlp.backward(net, weights(theta, i), path.caches[i][stage], slopes[stage])
            weights(g, i)[:] += to_theta
            a = a + to_y
            for j, coefficient in enumerate(m.a[stage, :stage].tolist()):
                if coefficient:
                    slopes[j] = slopes[j] + h * coefficient * to_y
        if i in losses:
            a = a + losses[i]
    kept = sum(mlp.numbers(cache) for step in path.caches for cache in step)
    return Gradient(g, a, kept + a.size + g.size)


def adjoint(
    net: Net, theta: Array, end: Array, times: npt.ArrayLike, losses: Mapping[int, Array], solve: Solver
) -> Gradient:
    """The same by the adjoint method, from the state `end` at the last time alone.

    θ is one vector (P,). `solve` is asked to go backwards from each time that the loss looks at to the one before.
    """
    times = np.asarray(times, dtype=float)
    n, kept = end.size, 0

    def slope(t: float, s: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The right-hand side for s = (y, a, g) in one vector."""
        nonlocal kept
        f, cache = mlp.forward(net, theta, s[:n].reshape(end.shape))
        to_theta, to_y = mlp.backward(net, theta, cache, s[n : 2 * n].reshape(end.shape))
        kept = max(kept, mlp.numbers(cache) + s.size)
        return np.concatenate([f.ravel(), -to_y.ravel(), -to_theta])

    s = np.concatenate([end.ravel(), np.zeros_like(end).ravel(), np.zeros_like(theta)])
    stops = sorted({0, len(times) - 1, *losses}, reverse=True)
    for at, before in zip(stops, [*stops[1:], None], strict=True):
        if at in losses:
            s[n : 2 * n] += losses[at].ravel()
        if before is not None:
            s = solve(slope, s, float(times[at]), float(times[before]))
    return Gradient(s[2 * n :], s[n : 2 * n].reshape(end.shape), kept)
