"""Brownian paths and the density of many: variance, the two variations, the heat kernel and an explicit scheme."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import brownian

    Array = npt.NDArray[np.float64]

FRAMES = 64
T = 1.0
SHOWN = 3
REACH = 6.0
"""The heat equation is solved out to so many standard deviations of the end."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    D: float = param(0.5, "diffusion constant: Var x(t) = 2 D t", low=0.05, high=2.0, scale="log")
    steps: int = param(1024, "steps from t = 0 to 1, rounded to a power of 2", low=64, high=4096, scale="log")
    paths: int = param(2000, "independent paths", low=100, high=5000, scale="log")
    noise: str = param("gaussian", "law of one increment", choices=("gaussian", "coin"))
    r: float = param(0.4, "heat scheme: D·dt/dx² of its steps", low=0.1, high=0.7, step=0.05, live=True)
    cells: int = param(60, "heat scheme: cells on either side", low=20, high=150, scale="log", step=1.25)


class State(NamedTuple):
    """The paths, and the density on its grid."""

    walk: brownian.State
    half: Array
    """(n,) where the paths were at t = 1/2."""
    shown: Array
    """(SHOWN, k) the first paths at all times so far."""
    variances: tuple[float, ...]
    u: Array
    """(2 cells + 1,) density by the explicit scheme."""
    u_time: float
    u_steps: int
    diverged: tuple[int, float]
    """Step at which the scheme left all bounds and its r then; 0: it has not."""
    steps: int
    rng: np.random.Generator


def _dx(params: Params) -> float:
    return REACH * math.sqrt(2 * params.D * T) / params.cells


def _count(params: Params) -> int:
    """Steps of the walk: a power of two, so that meshes can be halved."""
    return int(2 ** round(math.log2(params.steps)))


def init(params: Params, rng: np.random.Generator) -> State:
    """All paths at 0; mass 1 in the middle cell."""
    import numpy as np

    from kernels import brownian, heat

    levels = int(math.log2(_count(params))) - 3
    u = heat.delta(params.cells, _dx(params))
    walk = brownian.init(params.paths, levels)
    return State(walk, np.zeros(params.paths), np.zeros((SHOWN, 1)), (0.0,), u, 0.0, 0, (0, 0.0), 0, rng)


def step(params: Params, state: State) -> State:
    """One sixty-fourth of the time, for the paths and for the scheme."""
    import copy

    import numpy as np

    from kernels import brownian, heat

    rng = copy.deepcopy(state.rng)
    dt = T / _count(params)
    walk, half, shown = state.walk, state.half, [state.shown]
    for _ in range(_count(params) // FRAMES):
        walk = brownian.step(walk, brownian.increments(params.paths, params.D, dt, params.noise, rng))  # type: ignore[arg-type]
        shown.append(walk.x[:SHOWN, None])
        if 2 * walk.steps == _count(params):
            half = walk.x
    u, time, count, diverged = state.u, state.u_time, state.u_steps, state.diverged
    h = params.r * _dx(params) ** 2 / params.D
    while not diverged[0] and time + h <= walk.steps * dt + 1e-12:
        u, time, count = heat.step(u, params.r), time + h, count + 1
        if np.abs(u).max() > 2 / _dx(params):
            diverged = (count, params.r)
    return State(
        walk,
        half,
        np.concatenate(shown, axis=1),
        (*state.variances, float(np.mean(walk.x**2))),
        u,
        time,
        count,
        diverged,
        state.steps + 1,
        rng,
    )


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return FRAMES


def done(params: Params, state: State) -> bool:
    """Whether t = 1 is reached."""
    return state.steps >= FRAMES


def frame(params: Params, state: State) -> Frame:
    """Paths, histogram and kernel, variations by mesh."""
    import numpy as np

    from kernels import brownian, heat

    walk, D, dt = state.walk, params.D, T / _count(params)
    t = walk.steps * dt
    sd_end = math.sqrt(2 * D * T)
    thin = max(1, _count(params) // 512)
    times = np.arange(state.shown.shape[1])[::thin] * dt
    edges = np.linspace(-3.5 * sd_end, 3.5 * sd_end, 43)
    x = np.linspace(-3.5 * sd_end, 3.5 * sd_end, 141)
    peak = heat.kernel(np.zeros(1), D, 0.25 * T)[0]
    kernel = heat.kernel(x, D, t) if t else np.full(len(x), np.nan)
    grid = np.arange(-params.cells, params.cells + 1) * _dx(params)
    seen = np.abs(grid) <= 3.5 * sd_end
    fan_t, fan_x = np.linspace(0.01, 1.0, 60) * T, np.linspace(-3.0, 3.0, 48) * sd_end
    cone = np.sqrt(2 * D * times)
    arrays: dict[str, Any] = {
        "time": times,
        "up": cone,
        "down": -cone,
        # Each time's density over its own peak.
        "fan": np.exp(-(fan_x[:, None] ** 2) / (4 * D * fan_t[None, :])),
        "fan_extent": np.array([0.0, T, -3.0 * sd_end, 3.0 * sd_end]),
        "bars_x": 0.5 * (edges[1:] + edges[:-1]),
        "bars": np.histogram(walk.x, edges)[0] / (params.paths * (edges[1] - edges[0])),
        "x": x,
        "kernel": np.minimum(kernel, 1.2 * peak)[np.isfinite(kernel)],
        "grid": grid[seen],
        "u": np.clip(state.u, -0.3 * peak, 1.2 * peak)[seen],
        "law_extent": np.array([-3.5 * sd_end, 3.5 * sd_end, -0.3 * peak if state.diverged[0] else 0.0, 1.2 * peak]),
        "t_frames": np.arange(len(state.variances)) * T / FRAMES,
        "variances": np.array(state.variances),
    }
    arrays |= {f"path{k}": state.shown[k, ::thin] for k in range(SHOWN)}
    # Meshes that have seen at least four increments.
    levels = [k for k in range(len(walk.total)) if walk.steps >> k >= 4]
    meshes = dt * 2.0 ** np.array(levels)
    covered = np.array([(walk.steps >> k << k) * dt for k in levels])
    arrays |= {
        "meshes": meshes,
        "quadratic": walk.quadratic[levels].mean(axis=1),
        "quadratic_one": walk.quadratic[levels, 0],
        "quadratic_exact": 2 * D * covered,
        "length": walk.total[levels].mean(axis=1),
        "length_exact": np.array([brownian.total_variation(D, s, m) for s, m in zip(covered, meshes, strict=True)]),
        "straight": np.full(len(levels), float(np.mean(np.abs(walk.x)))),
    }
    scalars = {
        "t": t,
        "exact": 2 * D * t,
        "variance": state.variances[-1],
        "quadratic_path": float(walk.quadratic[0, 0]),
        "length_path": float(walk.total[0].mean()),
    }
    return Frame(state.steps, scalars, arrays, _note(params, state, scalars))


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    if state.diverged[0]:
        step, r = state.diverged
        return (
            f"the heat scheme diverged at its step {step}: r = {r:g} > 1/2, so the shortest wave grows by"
            f" |1 − 4r| = {abs(1 - 4 * r):.2f} a step"
        )
    if not scalars["t"]:
        return "all paths start at 0"
    return (
        f"t = {scalars['t']:.2f}: variance {scalars['variance']:.3f} over the paths, {scalars['quadratic_path']:.3f} ="
        f" Σ(Δx)² along one path, 2Dt = {scalars['exact']:.3f}; yet Σ|Δx| is {scalars['length_path']:.1f}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Paths against 2Dt and the heat kernel, the scheme against its exact moments; 4.5 standard errors."""
    import numpy as np

    from kernels import brownian, gaussian, goodness_of_fit

    walk, D, dt = state.walk, params.D, T / _count(params)
    t, n, k = walk.steps * dt, params.paths, walk.steps
    if not k:
        return ()
    coin = params.noise == "coin"
    # A sum of k coins is flatter than a Gaussian: its fourth moment is σ⁴ (3 − 2/k).
    error = 2 * D * t * math.sqrt((2 - (2 / k if coin else 0)) / n)
    rows = [Check("Var x(t) = 2Dt", state.variances[-1], 2 * D * t, 4.5 * error, error=error)]
    # The coin's quadratic variation has no scatter at all.
    error = 0.0 if coin else 2 * D * t * math.sqrt(2 / (k * n))
    rows.append(Check("Σ(Δx)² = 2Dt", float(walk.quadratic[0].mean()), 2 * D * t, 4.5 * error + 1e-9 * D, error=error))
    if not coin:
        mean = brownian.total_variation(D, t, dt)
        error = math.sqrt(k * n * 2 * D * dt * (1 - 2 / math.pi)) / n
        rows.append(Check("Σ|Δx| on the finest mesh", float(walk.total[0].mean()), mean, 4.5 * error, error=error))
        z = np.sort(walk.x) / math.sqrt(2 * D * t)
        gap = goodness_of_fit.kolmogorov_smirnov(gaussian.Phi(z))
        # P(√n D > 2.2) = 1.2e-4 if the law is the heat kernel.
        rows.append(Check("√n·KS against the heat kernel", math.sqrt(n) * gap.D, 2.2, 0.0, "<="))
    if 2 * k >= _count(params) and t > 0.5:
        covariance = brownian.covariance(D, 0.5, t)
        error = math.sqrt((covariance**2 + 2 * D * t * D) / n)
        measured = float(np.mean(state.half * walk.x))
        rows.append(Check("Cov(x(½), x(t)) = 2D·½", measured, covariance, 4.5 * error, error=error))
    return (*rows, *_scheme_checks(params, state))


def _scheme_checks(params: Params, state: State) -> tuple[Check, ...]:
    import numpy as np

    from kernels import heat

    dx, N, r = _dx(params), state.u_steps, params.r
    if state.diverged[0] or N < 20:
        return ()
    grid = np.arange(-params.cells, params.cells + 1) * dx
    spread = float(np.sum(state.u * grid**2) * dx)
    exact = 2 * params.D * state.u_time
    # Beyond 6 standard deviations there is 2e-9 of the mass, which the closed ends reflect.
    rows = [
        Check("scheme: mass", float(state.u.sum() * dx), 1.0, 1e-9),
        Check("scheme: Σ x² u dx = 2Dt", spread, exact, 1e-5 * exact),
    ]
    # With one r all along the scheme is a walk of N steps with fourth cumulant 2r(1 − 6r) dx⁴ each.
    steady = abs(state.u_time - N * r * dx**2 / params.D) < 1e-9
    if steady and abs(1 - 4 * r) ** N < 1e-6:
        ratio = float(state.u[params.cells] / heat.kernel(np.zeros(1), params.D, state.u_time)[0])
        rows.append(Check("scheme / kernel at 0", ratio, 1 + (1 - 6 * r) / (16 * r * N), 1 / N**2 * 20))
    return tuple(rows)


LAB = Lab(
    id="brownian",
    title="Brownian motion and heat",
    chapter="stochastic-processes",
    section="7.1",
    lesson="heat-equation",
    summary="Paths of dx = √(2D) dW, how far and how roughly they move, and the density of many of them.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "paths",
            "Three paths, ±√(2Dt), density behind",
            series=(
                Series("", "path0", "time"),
                Series("", "path1", "time"),
                Series("", "path2", "time"),
                Series("±√(2Dt)", "up", "time", "dashed"),
                Series("", "down", "time", "dashed"),
            ),
            x_label="time t",
            backdrop="fan",
            image_range=(0.0, 1.6),
        ),
        Chart(
            "density",
            "Where the paths are, and the heat kernel",
            series=(
                Series("paths", "bars", "bars_x", "bars"),
                Series("heat kernel", "kernel", "x", "dashed"),
                Series("heat scheme", "u", "grid"),
            ),
            x_label="x",
            backdrop="law",
        ),
        Chart(
            "length",
            "Σ|Δx| on ever finer meshes",
            series=(
                Series("t√(4D/π dt)", "length_exact", "meshes", "dashed"),
                Series("measured", "length", "meshes", "points"),
                Series("mean |x(t)|", "straight", "meshes", "dashed"),
            ),
            x_label="mesh dt",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "quadratic",
            "Σ(Δx)² on ever finer meshes",
            series=(
                Series("2Dt", "quadratic_exact", "meshes", "dashed"),
                Series("one path", "quadratic_one", "meshes"),
                Series("mean of all", "quadratic", "meshes", "points"),
            ),
            x_label="mesh dt",
            x_log=True,
        ),
        Chart(
            "variance",
            "Var x(t) over paths; Σ(Δx)² along one",
            series=(
                Series("2Dt", "exact", "t", "dashed"),
                Series("over paths", "variance", "t"),
                Series("along one", "quadratic_path", "t"),
            ),
            x_label="time t",
        ),
    ),
    prediction=Prediction(
        prompt=(
            "A Brownian path from t = 0 to 1 with Var x(1) = 1 is cut into 1,024 steps. How long is the way it goes up"
            " and down in all, Σ|Δx|, on average?"
        ),
        scalar="length_path",
        low=0.0,
        high=2000.0,
        chart="length",
        why=(
            "Each step has standard deviation √(1/1024) = 1/32 and mean size 0.8/32: 1,024 of them add up to 0.8 · 32 ="
            " 25.5. With four times as many steps it is twice as long, and so on for ever."
        ),
    ),
    explain="sp-lab-brownian",
    source=("kernels.brownian", "kernels.heat"),
)
