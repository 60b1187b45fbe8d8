"""Dormand–Prince 5(4): a Runge–Kutta method that chooses its own steps.

Six slopes give a solution of order 5; with a seventh, which is the next step's first, the same slopes give another of
order 4. Their difference estimates the error of the step:

    e = h Σ_i (b_i − b̂_i) k_i        ratio = rms( e / (atol + rtol · max(|y|, |y_new|)) )

The step is accepted if ratio ≤ 1, and either way the next one is h · 0.9 · ratio^(−1/5), at most 10 times longer and at
least 0.2 times as long. The tolerance bounds the error of a step; what is left at the end depends on how the problem
carries errors along (Dormand & Prince 1980; Hairer, Nørsett & Wanner 1993, ch. II.4–6).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels import ode
from kernels.ode import Array, Slope

METHOD = ode.method(
    "Dormand–Prince",
    5,
    [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
)
ERROR = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])
"""b − b̂ for the seven slopes."""
DENSE = np.array(
    [
        -12715105075 / 11282082432,
        0.0,
        87487479700 / 32700410799,
        -10690763975 / 1880347072,
        701980252875 / 199316789632,
        -1453857185 / 822651844,
        69997945 / 29380423,
    ]
)
"""The last term of the interpolant of order 4 between the ends of a step (Hairer's)."""


class State(NamedTuple):
    """Where the solution is, and the step that led there."""

    t: float
    y: Array
    slope: Array
    """f(t, y), the first slope of the next step."""
    h: float
    """Length of the next attempt; negative when going back in time."""
    evaluations: int
    accepted: int
    rejected: int
    ratio: float
    """Estimated error of the last attempt over what is tolerated."""
    last: tuple[float, Array, list[Array]]
    """(t, y, slopes) at the beginning of the last accepted step, for the values inside it."""


def rms(x: Array) -> float:
    """√(mean |x_i|²)."""
    return float(np.sqrt(np.mean(np.abs(x) ** 2))) if x.size else 0.0


def init(f: Slope, t: float, y: npt.ArrayLike, end: float, rtol: float, atol: float) -> State:
    """Start at y(t) towards `end`, with a first step guessed from the sizes of y, f and f's change (Hairer et al.)."""
    y = ode.init(t, y).y
    slope = f(t, y)
    scale = atol + rtol * np.abs(y)
    d0, d1 = rms(y / scale), rms(slope / scale)
    direction = float(np.sign(end - t))
    h0 = min(0.01 * d0 / d1 if d0 > 1e-5 and d1 > 1e-5 else 1e-6, abs(end - t))
    ahead = f(t + direction * h0, y + direction * h0 * slope)
    d2 = rms((ahead - slope) / scale) / h0 if h0 else 0.0
    h1 = (0.01 / max(d1, d2)) ** (1 / 5) if max(d1, d2) > 1e-15 else max(1e-6, h0 * 1e-3)
    return State(t, y, slope, direction * min(100 * h0, h1, abs(end - t)), 2, 0, 0, 0.0, (t, y, [slope]))


def step(f: Slope, state: State, rtol: float, atol: float) -> State:
    """One attempt: on success t moves on by h, else it stays; h is adapted in both cases."""
    t, y, h = state.t, state.y, state.h
    k = [state.slope]
    for a, c in zip(METHOD.a[1:], METHOD.c[1:], strict=True):
        k.append(f(t + c * h, ode.combine(y, h * a, k)))
    new = ode.combine(y, h * METHOD.b, k)
    k.append(f(t + h, new))
    error = ode.combine(np.zeros_like(y), h * ERROR, k)
    ratio = rms(error / (atol + rtol * np.maximum(np.abs(y), np.abs(new))))
    factor = min(10.0, max(0.2, 0.9 * ratio ** (-1 / 5))) if ratio > 0 else 10.0
    if ratio <= 1.0:
        if not state.ratio <= 1.0:
            factor = min(1.0, factor)  # no longer at once after a failure
        return State(
            t + h, new, k[-1], h * factor, state.evaluations + 6, state.accepted + 1, state.rejected, ratio, (t, y, k)
        )
    # A ratio that is not a number (overflow) is a failure too, and says nothing about the size of the next step.
    factor = min(1.0, factor) if np.isfinite(ratio) else 0.2
    return state._replace(
        h=h * factor, evaluations=state.evaluations + 6, rejected=state.rejected + 1, ratio=float(ratio)
    )


def between(state: State, t: float) -> Array:
    """y at a time inside the last accepted step, by the interpolant of order 4."""
    start, y, k = state.last
    h = state.t - start
    theta = (t - start) / h
    rise = state.y - y
    bend = h * k[0] - rise
    lift = ode.combine(np.zeros_like(y), h * DENSE, k)
    inner = rise - h * k[-1] - bend + (1 - theta) * lift
    return np.asarray(y + theta * (rise + (1 - theta) * (bend + theta * inner)))


class Solution(NamedTuple):
    """What `solve` found, and what it cost."""

    ys: Array
    """(times, …) the solution at the times asked for."""
    grid: npt.NDArray[np.float64]
    """The times at which the accepted steps begin and end."""
    evaluations: int
    rejected: int


def solve(
    f: Slope, y0: npt.ArrayLike, times: npt.ArrayLike, rtol: float = 1e-6, atol: float = 1e-9, most: int = 100_000
) -> Solution:
    """Solve from times[0], where y = y0, through all times (rising or falling) to the last, which is met exactly.

    Raises ValueError for times that are not in order, RuntimeError when `most` attempts are not enough or the steps
    become too short to move t (the solution may end there).
    """
    times = np.asarray(times, dtype=float)
    if len(times) < 2 or not (np.all(np.diff(times) > 0) or np.all(np.diff(times) < 0)):
        raise ValueError("times must be at least two, rising or falling")
    start, end = float(times[0]), float(times[-1])
    sign = np.sign(end - start)
    state = init(f, start, y0, end, rtol, atol)
    ys, grid = [state.y], [start]
    while state.t != end:
        if state.accepted + state.rejected >= most:
            raise RuntimeError(f"not at t = {end:g} after {most} attempts: reached {state.t:g}, steps of {state.h:.1e}")
        if abs(state.h) < 1e-14 * max(abs(state.t), abs(end - start)):
            raise RuntimeError(f"the steps became too short at t = {state.t:g}")
        last = sign * (state.t + 1.01 * state.h - end) >= 0
        state = step(f, state._replace(h=end - state.t) if last else state, rtol, atol)
        if state.accepted < len(grid):
            continue
        if last:
            state = state._replace(t=end)  # t + (end − t) may miss `end` by a rounding
        grid.append(state.t)
        while len(ys) < len(times) and sign * (times[len(ys)] - state.t) <= 0:
            at = float(times[len(ys)])
            ys.append(state.y if at == state.t else between(state, at))
    return Solution(np.stack(ys), np.array(grid), state.evaluations, state.rejected)
