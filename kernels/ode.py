"""Fixed-step Runge–Kutta methods for dy/dt = f(t, y): Euler, Heun, and the classic method of order 4.

    k_i = f(t + c_i h, y + h Σ_{j<i} a_ij k_j)          y(t + h) ≈ y + h Σ_i b_i k_i

A method is its table of coefficients (Butcher). Order p means that the error at a fixed time falls as h^p. On the test
equation dy/dt = λ y every such method multiplies y by a polynomial R(hλ) in each step; what should decay does so only
where |R(hλ)| ≤ 1, however accurate the method is for small h (Hairer & Wanner 1996, ch. IV.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""Real or complex; a state may have any shape."""
Slope = Callable[[float, Array], Array]
"""f(t, y), of the shape of y."""


class Method(NamedTuple):
    """The coefficients of an explicit method with s stages: a_ij = 0 for j ≥ i."""

    name: str
    a: Array
    """(s, s)"""
    b: Array
    """(s,)"""
    c: Array
    """(s,) the sums of a's rows."""
    order: int


def method(name: str, order: int, b: list[float], *rows: list[float]) -> Method:
    """A method from the rows of a below the first, which is 0."""
    a = np.zeros((len(b), len(b)))
    for i, row in enumerate(rows, 1):
        a[i, : len(row)] = row
    return Method(name, a, np.array(b), a.sum(axis=1), order)


EULER = method("Euler", 1, [1.0])
HEUN = method("Heun", 2, [1 / 2, 1 / 2], [1.0])
RK4 = method("RK4", 4, [1 / 6, 1 / 3, 1 / 3, 1 / 6], [1 / 2], [0.0, 1 / 2], [0.0, 0.0, 1.0])


class State(NamedTuple):
    """Where the solution is."""

    t: float
    y: Array
    evaluations: int
    """Calls of f so far: what a step costs."""


def init(t: float, y: npt.ArrayLike) -> State:
    """Start at y(t); whole numbers become floats."""
    y = np.asarray(y)
    return State(t, y if np.iscomplexobj(y) else np.asarray(y, dtype=np.result_type(y, np.float32)), 0)


def stages(f: Slope, t: float, y: Array, h: float, m: Method) -> list[Array]:
    """The slopes k_1 … k_s of one step."""
    k: list[Array] = []
    for a, c in zip(m.a, m.c, strict=True):
        k.append(f(t + c * h, combine(y, h * a, k)))
    return k


def combine(y: Array, weights: Array, k: list[Array]) -> Array:
    """y + Σ_j weights_j k_j over the slopes that are there; zero weights cost nothing."""
    for weight, slope in zip(weights.tolist(), k, strict=False):
        if weight:
            y = y + weight * slope
    return y


def step(f: Slope, state: State, h: float, m: Method) -> State:
    """One step of length h, which is negative when going back in time."""
    k = stages(f, state.t, state.y, h, m)
    return State(state.t + h, combine(state.y, h * m.b, k), state.evaluations + len(k))


def solve(f: Slope, y0: npt.ArrayLike, times: npt.ArrayLike, m: Method) -> Array:
    """y at all the given times, one step from each to the next; shape (times, …)."""
    times = np.asarray(times, dtype=float)
    state = init(float(times[0]), y0)
    ys = [state.y]
    for h in np.diff(times).tolist():
        state = step(f, state, h, m)
        ys.append(state.y)
    return np.stack(ys)


def stability(m: Method, z: npt.ArrayLike) -> Array:
    """R(z) = 1 + Σ_{k≥0} z^(k+1) bᵀ Aᵏ 1: a step multiplies y by it when dy/dt = λ y and z = hλ.

    Euler 1 + z, Heun 1 + z + z²/2, RK4 the exponential series to z⁴/24. The exact factor is e^z.
    """
    z = np.asarray(z)
    powers = np.ones(len(m.b))  # Aᵏ 1
    R, zk = np.ones_like(z * 1.0), z * 1.0
    for _ in m.b:
        R, zk, powers = R + zk * (m.b @ powers), zk * z, m.a @ powers
    return np.asarray(R)


def largest_stable(m: Method, direction: complex = -1.0) -> float:
    """The largest r with |R(s · direction)| ≤ 1 for all 0 ≤ s ≤ r, for a direction of length 1; 0 if r < 0.0025.

    Along −1 it is 2 for Euler and Heun, 2.785 for RK4; along i it is 0, 0 and √8.
    """
    # |R|² − 1 is a polynomial in s; its first sign change from − to + is the limit.
    s = np.linspace(0.0, 10.0, 4001)
    excess = np.abs(stability(m, s * direction)) - 1.0
    # A little room for rounding, where |R| stays at 1 to high order (RK4 along i).
    outside = np.flatnonzero(excess > 1e-12)
    if not len(outside) or outside[0] <= 1:
        return 0.0
    low, high = float(s[outside[0] - 1]), float(s[outside[0]])
    while high - low > 1e-13:
        middle = (low + high) / 2
        low, high = (middle, high) if abs(stability(m, middle * direction)) <= 1.0 else (low, middle)
    return low
