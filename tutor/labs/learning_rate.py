"""Every learning rate at once: where gradient descent is stable, which rate is best, and what schedules are for."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

GRID = 220
"""Learning rates of the sweep: 0.01, 0.02 … 2.20 over λ_max = 1."""
SPACING = 0.01
SCHEDULES = ("constant", "cosine", "warm-up + cosine")
PEAKS = 24
"""Peak learning rates tried with each schedule."""
COPIES = 200
"""Runs with independent gradient noise, over which losses are averaged."""
START = 2.0
"""Where the noisy runs start, in both directions."""
FAR = 1e3
"""An error this large will not come back."""
WORST = 30.0
"""Losses of the noisy runs are cut off here."""
TOP, BOTTOM = 10.0, 1e-12
"""Losses of the sweep that are drawn."""
ROUNDING = 1e-24
"""A loss this small has no best learning rate any more."""
MARKS = 12
"""Points of an exact curve that are drawn."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    condition: float = param(100.0, "λ_max over λ_min (λ_max = 1)", low=1.0, high=1000.0, scale="log")
    steps: int = param(50, "budget: steps of every run", low=10, high=500, step=10)
    lr: float = param(1.9, "the rate whose errors are drawn", low=0.01, high=2.2, step=0.05, live=True)
    noise: float = param(0.2, "schedules: standard deviation of the gradient noise", low=0.0, high=1.0, step=0.05)
    sharp: float = param(1.0, "schedules: how much steeper the loss is at the start", low=0.0, high=10.0, step=0.5)
    warmup: float = param(0.1, "schedules: share of the steps that warm up", low=0.0, high=0.5, step=0.05)


class State(NamedTuple):
    """Runs of all learning rates, side by side."""

    w: Array
    """(GRID, 2) weights of plain gradient descent on the quadratic, one row a learning rate."""
    before: Array
    """(GRID, 2) the same, one step ago."""
    near: Array
    """(41, 2) errors of runs without noise on the steep loss, at rates around its edge."""
    c: Array
    """(3, PEAKS, copies, 2) errors of the noisy runs: schedule, peak rate, copy, direction."""
    rates: Array
    """(steps, 3, PEAKS) their learning rates."""
    losses: Array
    """(steps + 1, 3, PEAKS) their losses, averaged over the copies."""
    errors: Array
    """(3, PEAKS) standard error of the last ones."""
    best: tuple[int, int, int]
    """Which peak serves each schedule best, found with other noise."""
    steps: int
    rng: np.random.Generator


def _peaks(params: Params) -> Array:
    import numpy as np

    return np.asarray(np.geomspace(0.1 * _near(params)[1], 2.5, PEAKS), dtype=np.float64)


def _lrs() -> Array:
    import numpy as np

    return np.asarray(SPACING * np.arange(1, GRID + 1), dtype=np.float64)


def _quadratic(params: Params) -> Any:
    from kernels import quadratic

    return quadratic.rotated(params.condition, 30.0)


def _near(params: Params) -> tuple[Array, float]:
    """Learning rates around the edge at the start of the noisy runs, 1 % apart, and that edge."""
    import numpy as np

    from kernels import steep_start

    edge = steep_start.edge(_quadratic(params).lam, params.sharp, np.full(2, START))
    # Half a step off the edge itself, where nothing grows or shrinks.
    return np.asarray(edge * (1 + 0.01 * (np.arange(-20, 21) + 0.5)), dtype=np.float64), edge


def init(params: Params, rng: np.random.Generator) -> State:
    """Start all runs; find each schedule's best peak with noise of its own."""
    import numpy as np

    from kernels import schedules

    f = _quadratic(params)
    w = np.tile(f.w_star + f.Q @ np.ones(2), (GRID, 1))
    warm = min(round(params.warmup * params.steps), params.steps - 1)
    shapes = (
        schedules.constant(params.steps, 1.0),
        schedules.cosine(params.steps, 1.0),
        schedules.cosine(params.steps, 1.0, warmup=warm),
    )
    rates = np.stack(shapes, axis=1)[:, :, None] * _peaks(params)
    c = np.full((3, PEAKS, 20 if params.noise else 1, 2), START)
    for lr in rates:
        c = _moved(params, c, lr, rng)
    best = tuple(int(at) for at in _mean_loss(params, c)[0].argmin(axis=1))
    c = np.full((3, PEAKS, COPIES if params.noise else 1, 2), START)
    losses = np.full((params.steps + 1, 3, PEAKS), np.nan)
    losses[0], errors = _mean_loss(params, c)
    near = np.full((len(_near(params)[0]), 2), START)
    return State(w, w, near, c, rates, losses, errors, (best[0], best[1], best[2]), 0, rng)


def _moved(params: Params, c: Array, lr: Array, rng: np.random.Generator) -> Array:
    """One noisy step at rates lr (…) of errors c (…, copies, 2); what is lost stays where it is."""
    import numpy as np

    from kernels import steep_start

    g = steep_start.gradient(_quadratic(params).lam, params.sharp, c)
    # The same noise for every schedule and rate: they are compared on equal terms.
    g += params.noise * rng.standard_normal(c.shape[-2:])
    lost = np.abs(c).max(axis=-1, keepdims=True) > FAR
    return np.asarray(np.where(lost, c, c - lr[..., None, None] * g))


def _mean_loss(params: Params, c: Array) -> tuple[Array, Array]:
    """Loss averaged over the copies, and its standard error; cut off where runs are lost."""
    import numpy as np

    from kernels import steep_start

    each = np.minimum(steep_start.loss(_quadratic(params).lam, params.sharp, c), WORST)
    copies = each.shape[-1]
    spread = each.std(axis=-1, ddof=1) if copies > 1 else np.zeros(each.shape[:-1])
    return each.mean(axis=-1), np.asarray(spread / math.sqrt(copies))


def step(params: Params, state: State) -> State:
    """One step of every run."""
    import copy

    import numpy as np

    from kernels import quadratic, steep_start

    f = _quadratic(params)
    rng = copy.deepcopy(state.rng)
    w = state.w - _lrs()[:, None] * quadratic.gradient(f, state.w)
    lrs, _ = _near(params)
    lost = np.abs(state.near) > FAR
    g = steep_start.gradient(f.lam, params.sharp, state.near)
    near = np.where(lost, state.near, state.near - lrs[:, None] * g)
    c = _moved(params, state.c, state.rates[state.steps], rng)
    losses = state.losses.copy()
    losses[state.steps + 1], errors = _mean_loss(params, c)
    return state._replace(
        w=w, before=state.w, near=near, c=c, losses=losses, errors=errors, steps=state.steps + 1, rng=rng
    )


def done(params: Params, state: State) -> bool:
    """Whether the budget is spent."""
    return state.steps >= params.steps


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return params.steps


def _best(losses: Array) -> float:
    """The learning rate with the least loss, between grid points by a parabola through the logarithms."""
    import numpy as np

    lrs = _lrs()
    at = int(losses.argmin())
    if losses[at] < ROUNDING:
        return math.nan
    if not 0 < at < GRID - 1:
        return float(lrs[at])
    left, mid, right = np.log(np.maximum(losses[at - 1 : at + 2], 1e-300))
    bend = left - 2 * mid + right
    return float(lrs[at] + SPACING * (0.5 * (left - right) / bend if bend > 0 else 0.0))


@functools.lru_cache(maxsize=1000)
def _best_exact(condition: float, steps: int) -> float:
    """The best learning rate for so many steps; NaN once nothing is left to gain."""
    import numpy as np

    from kernels import quadratic

    f = quadratic.rotated(condition, 30.0)
    w0 = f.w_star + f.Q @ np.ones(2)
    lr = quadratic.best_for(f, w0, steps)
    return lr if quadratic.loss(f, quadratic.iterate(f, w0, lr, steps)) > ROUNDING else math.nan


def frame(params: Params, state: State) -> Frame:
    """Losses and factors by learning rate, errors of one rate, and the three schedules."""
    import numpy as np

    from kernels import quadratic

    f, k, lrs = _quadratic(params), state.steps, _lrs()
    w0 = f.w_star + f.Q @ np.ones(2)
    losses = quadratic.loss(f, state.w)
    exact = quadratic.loss(f, quadratic.iterate(f, w0, lrs, k))
    # What is off the picture at the top has diverged, what is below has arrived.
    seen = exact < TOP
    thin = np.flatnonzero(seen)[4::16]
    best_rate, fastest = quadratic.best_rate(f)
    factors = quadratic.rate(f, lrs)
    # Much beyond the edge the factor is simply lr − 1, and would hide the rest.
    slow = factors < 1.05
    run = _run(params, k)
    marked = np.unique(np.linspace(0, k, min(k + 1, MARKS)).astype(int))
    bests = np.array([_best_exact(params.condition, int(t)) for t in marked[1:]])
    errors = np.array([quadratic.coordinates(f, quadratic.iterate(f, w0, params.lr, int(t))) for t in marked])
    peaks = _peaks(params)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.linalg.norm(quadratic.coordinates(f, state.w), axis=1) / np.linalg.norm(
            quadratic.coordinates(f, state.before), axis=1
        )
    arrays: dict[str, Any] = {
        "lrs": lrs,
        "lrs_seen": lrs[seen],
        "sweep": np.maximum(losses[seen], BOTTOM),
        "lrs_exact": lrs[thin],
        "sweep_exact": np.maximum(exact[thin], BOTTOM),
        "edge_x": np.full(2, quadratic.edge(1.0)),
        "edge_y": np.array([max(float(losses.min()), BOTTOM), TOP]),
        "lrs_slow": lrs[slow],
        "factor": factor[slow] if k else np.empty(0),
        "factor_exact": factors[slow],
        "best_rate_x": np.array([best_rate]),
        "best_rate_y": np.array([fastest]),
        "at": np.arange(k + 1),
        "steep": run[:, 1],
        "flat": run[:, 0],
        "marked": np.tile(marked, 2),
        "errors_exact": np.concatenate([errors[:, 1], errors[:, 0]]),
        "t": np.arange(params.steps),
        "best_at": marked[1:][np.isfinite(bests)],
        "best_marks": bests[np.isfinite(bests)],
        "peaks": peaks,
    }
    for at in range(3):
        best = state.best[at]
        arrays[f"rate_{at}"] = state.rates[:, at, best]
        arrays[f"loss_{at}"] = state.losses[: k + 1, at, best]
        arrays[f"end_{at}"] = state.losses[k, at]
    exact_noisy = [_exact(params, state, at) for at in range(3)] if params.sharp == 0 else []
    arrays["noisy_at"] = np.tile(marked, len(exact_noisy))
    arrays["noisy_exact"] = np.concatenate([e[marked] for e in exact_noisy]) if exact_noisy else np.empty(0)
    scalars = {
        "best": _best(losses) if k else math.nan,
        "best_rate": best_rate,
        "loss_at_best": float(losses.min()),
    }
    for at, name in enumerate(("constant", "cosine", "warmed")):
        scalars[f"{name}_peak"] = float(peaks[state.best[at]])
        scalars[f"{name}_loss"] = float(state.losses[k, at, state.best[at]])
    return Frame(k, scalars, arrays, _note(params, state, scalars))


def _run(params: Params, k: int) -> Array:
    """Errors along the two directions (k + 1, 2) of a run at the chosen rate."""
    import numpy as np

    from kernels import optimizers, quadratic

    f = _quadratic(params)
    state = optimizers.init(f.w_star + f.Q @ np.ones(2))
    rows = [quadratic.coordinates(f, state.w)]
    for _ in range(k):
        state = optimizers.sgd(state, quadratic.gradient(f, state.w), params.lr)
        rows.append(quadratic.coordinates(f, state.w))
    return np.array(rows)


def _exact(params: Params, state: State, at: int) -> Array:
    """The exact expected loss of a schedule at its best peak (k + 1,), for the quadratic (sharp = 0)."""
    import numpy as np

    from kernels import quadratic

    f = _quadratic(params)
    rates = state.rates[: state.steps, at, state.best[at]]
    return quadratic.expected_loss(f, f.w_star + f.Q @ np.full(2, START), rates, noise=params.noise)


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    from kernels import quadratic

    k, edge = state.steps, quadratic.edge(1.0)
    if params.lr > edge:
        factor = params.lr - 1
        return (
            f"lr {params.lr:.3g} > 2/λ_max = {edge:g}: diverging. The error along the steepest direction"
            f" changes sign and grows by {factor:.3g} a step, {factor**k:.3g} times in {k} steps"
        )
    if k == 0:
        return f"All learning rates start at once, {params.steps} steps each; stable is lr < 2/λ_max = {edge:g}"
    best = "many rates have arrived" if math.isnan(scalars["best"]) else f"lr {scalars['best']:.3f} has the least loss"
    return (
        f"After {k} steps {best}; the best worst-case rate is at 2/(λ_min+λ_max) = {scalars['best_rate']:.3f}."
        f" Noisy runs: the start is stable for lr < {_near(params)[1]:.2g}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Losses and the best rate of the sweep, the edge at the steep start, and expected losses where they are known."""
    import numpy as np

    from kernels import quadratic

    k, f = state.steps, _quadratic(params)
    if k == 0:
        return ()
    w0 = f.w_star + f.Q @ np.ones(2)
    losses = quadratic.loss(f, state.w)
    rows = []
    # Beyond the edge, and where the error is still far above rounding.
    for lr in (0.5, 2.2):
        truth = float(quadratic.loss(f, quadratic.iterate(f, w0, lr, k)))
        measured = float(losses[round(lr / SPACING) - 1])
        rows.append(Check(f"f after {k} steps at lr {lr}", measured, truth, 1e-9 * truth + 1e-28))
    if losses.min() > ROUNDING and not math.isnan(_best_exact(params.condition, k)):
        # The loss is convex in lr: the grid's best is off by one point at most, the parabola by another half.
        rows.append(Check(f"best lr for {k} steps", _best(losses), _best_exact(params.condition, k), 1.5 * SPACING))
    lrs, edge = _near(params)
    grown = np.flatnonzero(np.abs(state.near).max(axis=1) > START)
    measured = float(lrs[grown[0]] - 0.005 * edge) if len(grown) else math.nan
    rows.append(Check("largest stable lr at the steep start", measured, edge, 0.006 * edge))
    if params.sharp == 0:
        for at, name in enumerate(SCHEDULES):
            best = state.best[at]
            truth, error = float(_exact(params, state, at)[-1]), float(state.errors[at, best])
            # Means of COPIES skewed losses: five standard errors.
            tolerance = 5 * error + 1e-9 * truth + 1e-25
            rows.append(Check(f"E f, {name}", float(state.losses[k, at, best]), truth, tolerance, error=error))
    return tuple(rows)


LAB = Lab(
    id="learning-rate",
    title="Learning rates: edge and best",
    chapter="optimization",
    section="3.2",
    lesson="schedules",
    summary=(
        "Gradient descent with 220 learning rates at once on a quadratic valley, and three schedules with gradient"
        " noise on a loss that is steep at the start."
    ),
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "sweep",
            "Loss so far, by learning rate",
            series=(
                Series("measured", "sweep", "lrs_seen"),
                Series("2/λ_max", "edge_y", "edge_x"),
                Series("exact", "sweep_exact", "lrs_exact", "points"),
            ),
            x_label="learning rate · λ_max",
            x_range=(0.0, 2.2),
            y_log=True,
        ),
        Chart(
            "ends",
            "Noisy runs: loss now, by peak lr",
            series=tuple(Series(name, f"end_{at}", "peaks") for at, name in enumerate(SCHEDULES)),
            x_label="peak learning rate",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "best",
            "Best constant lr for so many steps",
            series=(
                Series("2/(λ_min+λ_max)", "best_rate", "step", "dashed"),
                Series("measured", "best"),
                Series("exact", "best_marks", "best_at", "points"),
            ),
            x_label="steps",
        ),
        Chart(
            "noisy",
            "Noisy runs: loss at the best peak lr",
            series=(
                *(Series(name, f"loss_{at}", "at") for at, name in enumerate(SCHEDULES)),
                Series("exact (sharp = 0)", "noisy_exact", "noisy_at", "points"),
            ),
            x_label="step",
            y_log=True,
        ),
        Chart(
            "factor",
            "Factor of the error in one step, by lr",
            series=(
                Series("max |1 − lr·λ|", "factor_exact", "lrs_slow", "dashed"),
                Series("measured", "factor", "lrs_slow"),
                Series("2/(λ_min+λ_max)", "best_rate_y", "best_rate_x", "points"),
            ),
            x_label="learning rate · λ_max",
        ),
        Chart(
            "errors",
            "Error in each direction at the chosen lr",
            series=(
                Series("steepest", "steep", "at"),
                Series("flattest", "flat", "at"),
                Series("(1 − lr·λ)ᵏ", "errors_exact", "marked", "points"),
            ),
            x_label="step k",
        ),
        Chart(
            "schedules",
            "Learning rates by step, at their best",
            series=tuple(Series(name, f"rate_{at}", "t") for at, name in enumerate(SCHEDULES)),
            x_label="step",
        ),
    ),
    prediction=Prediction(
        prompt=(
            "Curvatures from λ_min = 0.01 to λ_max = 1, equal errors at the start. Which constant learning rate leaves"
            " the least loss after 50 steps? (The best worst-case rate is at 2/(λ_min+λ_max) = 1.980.)"
        ),
        scalar="best",
        low=0.0,
        high=2.2,
        chart="best",
        why=(
            "At 1.980 both directions shrink by 0.980 a step, but the steep one carries 100 times the loss. A smaller"
            " rate damps it in time and hardly slows the flat one: 1.894. With more steps the best moves to 1.980."
        ),
    ),
    explain="opt-lab-learning-rate",
    source=("kernels.quadratic", "kernels.schedules", "kernels.steep_start"),
)
