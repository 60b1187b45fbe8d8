"""Flow matching on nine modes: a field learned from straight lines, its exact counterpart, and the steps it needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from kernels import flow_matching, optimizers, planar

    Array = npt.NDArray[np.floating[Any]]

HIDDEN = (64, 64, 64)
BATCH = 256
PER_STEP = 40
WARM = 200
EMA = 0.02
"""The average of the weights forgets half within this share of the run."""
POINTS = 4000
SHOWN = 400
PATHS, FLIGHTS = 6, 60
"""Paths that are drawn, and those of which they are the most bent."""
FLOORS = 6
"""Sets of true samples for the floor."""
PROBE = 2000
FINAL_PROBE = 20_000
COSTS = (1, 2, 4, 8, 16, 32, 64)
"""Evaluations of the field a sample, for the curves."""
CURVES = ("flow_euler", "flow_heun", "vp_euler", "edm_heun", "learned")
CURVE_POINTS = 1500
FOUND = 0.1
"""A mode is reached by so much of its due share."""
HELD, PIECES, ODE_STEPS = 1024, 16, 40
"""Held-out points for the likelihood, the pieces they are taken in, and steps of their ODE."""
SAME = 400
"""Points that are sent through both exact ODEs."""
REACH = 8.5
GRID = (61, 41)


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    updates: int = param(5000, "steps of Adam", low=100, high=20_000, scale="log")
    lr: float = param(0.008, "learning rate at its highest", low=1e-4, high=0.1, scale="log")
    field: str = param("learned", "the velocity that moves the samples", choices=("learned", "exact"), live=True)
    method: str = param("heun", "Euler: one evaluation a step; Heun: two", choices=("heun", "euler"), live=True)
    steps: int = param(32, "steps from noise to data", low=1, high=128, scale="log", live=True)


class Flight(NamedTuple):
    """Samples on their way."""

    setting: tuple[str, str, int]
    """Field, method and steps."""
    x: Array
    """(POINTS, 2)"""
    taken: int
    followed: npt.NDArray[np.int_]
    """(PATHS,) points whose paths are drawn."""
    paths: Array
    """(k, PATHS, 2) where they have been at all times so far."""
    measures: planar.Measures | None


class State(NamedTuple):
    """First training, then samples, then what is measured once."""

    adam: optimizers.State
    mean: Array
    """Averaged weights: those that samples are made with."""
    updates: int
    diverged: int
    flight: Flight | None
    floors: tuple[planar.Measures, ...]
    curves: Array
    """(CURVES, COSTS) sliced W₁; NaN: not known yet."""
    modes: Array
    """(CURVES, COSTS) modes that are reached."""
    spread_of_one: float
    """Root mean square distance from the mean of the data at which one Euler step with the exact field ends."""
    apart: float
    """Median distance between where flow matching and where diffusion take the same noise, both exact."""
    log_ratios: Array
    """(k,) log p − log p_θ of held-out points."""
    final: tuple[float, float, float]
    """On fresh points: excess error, the exact field's loss and its standard error."""
    steps: int
    rng: np.random.Generator


def _sd() -> float:
    from kernels import planar

    return math.sqrt(planar.variance("grid"))


@cache
def _model() -> flow_matching.Model:
    from kernels import flow_matching

    return flow_matching.model(HIDDEN, _sd())


def _denoise(x: Array, sigma: float) -> Array:
    from kernels import gaussian_grid, planar

    return gaussian_grid.denoise(x, planar.SD, sigma)


def _exact(x: Array, t: float) -> Array:
    from kernels import flow_matching

    return flow_matching.exact(_denoise, _sd(), x, t)


def _field(state: State, which: str) -> Callable[[Array, float], Array]:
    from kernels import flow_matching

    return _exact if which == "exact" else lambda x, t: flow_matching.velocity(_model(), state.mean, x, t)


def init(params: Params, rng: np.random.Generator) -> State:
    """A random network."""
    import numpy as np

    from kernels import mlp, optimizers

    theta = mlp.init(_model().net, rng, np.float32, last=0.1)
    nan = math.nan
    curves = np.full((len(CURVES), len(COSTS)), nan)
    # Heun takes two evaluations a step at least.
    for name in ("flow_heun", "edm_heun"):
        curves[CURVES.index(name), 0] = math.inf
    return State(
        optimizers.init(theta), theta, 0, 0, None, (), curves, curves, nan, nan, np.empty(0), (nan, nan, nan), 0, rng
    )


def step(params: Params, state: State) -> State:
    """Forty updates; then a step of all samples; then, one after the other, what is measured."""
    import copy

    import numpy as np

    state = state._replace(steps=state.steps + 1, rng=copy.deepcopy(state.rng))
    if state.updates < params.updates:
        return _train(params, state)
    if state.flight is None or state.flight.setting != _setting(params):
        x = _sd() * state.rng.standard_normal((POINTS, 2))
        followed = _bent(x[:FLIGHTS])
        return state._replace(flight=Flight(_setting(params), x, 0, followed, x[None, followed], None))
    if state.flight.measures is None:
        return _fly(state, state.flight)
    missing = np.argwhere(np.isnan(state.curves))
    if len(missing):
        return _compare(state, int(missing[0, 0]), int(missing[0, 1]))
    if len(state.floors) < FLOORS:
        from kernels import planar

        return state._replace(floors=(*state.floors, *planar.floor("grid", POINTS, 1, state.rng)))
    if math.isnan(state.apart):
        return state._replace(apart=_apart(state))
    if len(state.log_ratios) < HELD:
        return _likelihood(state)
    return state._replace(final=_errors(state, FINAL_PROBE, state.rng))


def _bent(x: Array) -> npt.NDArray[np.int_]:
    """Those of the starts x whose exact paths are longest beside the straight way to their end."""
    import numpy as np

    from kernels import flow_matching

    here, length = x, np.zeros(len(x))
    for k in range(16):
        there = flow_matching.step(_exact, here, k / 16, (k + 1) / 16, "heun")
        length += np.linalg.norm(there - here, axis=1)
        here = there
    return np.argsort(np.linalg.norm(here - x, axis=1) - length)[:PATHS]


def _setting(params: Params) -> tuple[str, str, int]:
    return params.field, params.method, params.steps


def _train(params: Params, state: State) -> State:
    import numpy as np

    from kernels import flow_matching, optimizers, planar

    m, adam, mean = _model(), state.adam, state.mean.copy()
    warm = min(WARM, params.updates // 4)
    last = min(state.updates + PER_STEP, params.updates)
    for k in range(state.updates, last):
        x1 = planar.draw("grid", BATCH, state.rng).astype(np.float32)
        x, t, target = flow_matching.pair(m, x1, state.rng)
        with np.errstate(all="ignore"):
            loss, gradient = flow_matching.gradient(m, adam.w, x, t, target)
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            return state._replace(adam=adam, mean=mean, updates=k, diverged=k + 1)
        rate = params.lr * min(1.0, (k + 1) / warm) * 0.5 * (1 + math.cos(math.pi * k / params.updates))
        adam = optimizers.adam(adam, gradient, rate, beta2=0.99)
        share = min(0.5 ** (1 / (EMA * params.updates)), k / (9 + k))
        mean += np.float32(1 - share) * (adam.w - mean)
    return state._replace(adam=adam, mean=mean, updates=last)


def _fly(state: State, flight: Flight) -> State:
    import numpy as np

    from kernels import flow_matching, planar

    which, method, steps = flight.setting
    t, u = flight.taken / steps, (flight.taken + 1) / steps
    with np.errstate(all="ignore"):
        x = flow_matching.step(_field(state, which), flight.x, t, u, "heun" if method == "heun" else "euler")
    paths = np.concatenate([flight.paths, x[None, flight.followed]])
    measures = planar.measure("grid", x) if flight.taken + 1 == steps else None
    return state._replace(flight=flight._replace(x=x, taken=flight.taken + 1, paths=paths, measures=measures))


def _compare(state: State, row: int, column: int) -> State:
    """One point of the curves: from the same noise, by another method or with more evaluations."""
    import numpy as np

    from kernels import flow_matching, planar, reverse, vp

    name, cost = CURVES[row], COSTS[column]
    z = np.random.default_rng([9, 4]).standard_normal((CURVE_POINTS, 2))
    if name in {"flow_euler", "flow_heun", "learned"}:
        field = _field(state, "learned" if name == "learned" else "exact")
        heun = name == "flow_heun" or (name == "learned" and cost > 1)
        x = flow_matching.sample(field, _sd() * z, cost // 2 if heun else cost, "heun" if heun else "euler")
        if name == "flow_euler" and cost == 1:
            state = state._replace(spread_of_one=float(np.sqrt(np.mean(np.sum(x * x, axis=1)))))
    else:
        s = vp.vp() if name == "vp_euler" else reverse.edm()
        # The last step of EDM's Heun is a single evaluation.
        times = reverse.times(s, cost if name == "vp_euler" else (cost + 1) // 2)
        x = z * math.sqrt(float(s.alpha(times[0])) ** 2 * planar.variance("grid") + float(s.variance(times[0])))

        def score(x: Array, t: float) -> Array:
            return reverse.score(s, _denoise, x, t)

        x = reverse.sample(s, score, x, times, "euler" if name == "vp_euler" else "heun", state.rng)
    curves, modes = state.curves.copy(), state.modes.copy()
    measures = planar.measure("grid", x)
    curves[row, column] = measures.sw1
    modes[row, column] = np.sum(measures.shares > FOUND / 9)
    return state._replace(curves=curves, modes=modes)


def _apart(state: State) -> float:
    """Median distance between the ends of both exact ODEs, from the same noise at σ = 80.

    The median, for points near the border of two modes may go either way by a small error of the steps.
    """
    import numpy as np

    from kernels import flow_matching, reverse

    s = reverse.edm()
    times = reverse.times(s, 40)
    noise = float(times[0]) * state.rng.standard_normal((SAME, 2))

    def score(x: Array, t: float) -> Array:
        return reverse.score(s, _denoise, x, t)

    diffused = reverse.sample(s, score, noise, times, "heun", state.rng)
    start = _sd() / (_sd() + float(times[0]))
    flown = flow_matching.sample(_exact, start * noise, 80, "heun", start)
    return float(np.median(np.linalg.norm(diffused - flown, axis=1)))


def _likelihood(state: State) -> State:
    import numpy as np

    from kernels import flow_matching, planar

    x = planar.draw("grid", HELD // PIECES, state.rng)
    with np.errstate(all="ignore"):
        model = flow_matching.log_likelihood(_model(), state.mean, x, ODE_STEPS)
    return state._replace(log_ratios=np.concatenate([state.log_ratios, planar.log_density("grid", x) - model]))


def _errors(state: State, n: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """(excess error E|v − v*|², loss of v*, its standard error), means over coordinates in units of d²."""
    import numpy as np

    from kernels import flow_matching, gaussian_grid, planar
    from kernels.mlp import forward

    m, d = _model(), _sd()
    excess, loss, squares = 0.0, 0.0, 0.0
    for _ in range(n // 1000):
        x, t, target = flow_matching.pair(m, planar.draw("grid", 1000, rng), rng)
        sigma = d * (1 - t) / t
        best = (gaussian_grid.denoise(x / t, planar.SD, sigma) - x) / (1 - t)
        seen = flow_matching.inputs(m, x.astype(np.float32), t.astype(np.float32))
        with np.errstate(all="ignore"):
            learned = d * forward(m.net, state.mean, seen)[0]
            excess += float(np.mean((learned - best) ** 2)) / d**2
        each = np.mean((target - best) ** 2, axis=1) / d**2
        loss += float(each.mean())
        squares += float(np.mean(each**2))
    pieces = n // 1000
    mean = loss / pieces
    return excess / pieces, mean, math.sqrt(max(0.0, squares / pieces - mean**2) / n)


@cache
def _floor_of_loss() -> float:
    """∫ mmse(σ(t)) / (1−t)² dt / d²: what no field can learn, for x₁ − x₀ = (x₁ − x_t)/(1−t)."""
    import numpy as np

    from kernels import gaussian_grid, planar

    nodes, weights = np.polynomial.legendre.leggauss(48)
    t = 0.5 * (nodes + 1)
    left = gaussian_grid.mmse(planar.SD, _sd() * (1 - t) / t)
    return float(np.sum(0.5 * weights * left / (1 - t) ** 2)) / _sd() ** 2


def _left(params: Params, state: State) -> int:
    import numpy as np

    if state.diverged:
        return 0
    left = -(-(params.updates - state.updates) // PER_STEP)
    if state.flight is None or state.flight.setting != _setting(params):
        left += params.steps + 1
    else:
        left += params.steps - state.flight.taken
    left += int(np.isnan(state.curves).sum()) + FLOORS - len(state.floors) + int(math.isnan(state.apart))
    left += (HELD - len(state.log_ratios)) // (HELD // PIECES)
    return left + int(math.isnan(state.final[0]))


def done(params: Params, state: State) -> bool:
    """Whether everything is measured, or training has failed."""
    return _left(params, state) == 0


def total(params: Params, state: State) -> int:
    """Steps taken and to come."""
    return state.steps + _left(params, state)


@cache
def _density(t: float) -> Array:
    """log₁₀ of the density of x_t, its maximum at 0, on the grid that is drawn."""
    import numpy as np

    from kernels import gaussian_grid, planar

    t = max(t, 1e-3)
    x, y = np.meshgrid(np.linspace(-REACH, REACH, GRID[0]), np.linspace(-REACH, REACH, GRID[1]))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    logs = gaussian_grid.log_density(points / t, planar.SD, _sd() * (1 - t) / t) / math.log(10)
    return np.asarray((logs - logs.max()).reshape(GRID[::-1]))


def frame(params: Params, state: State) -> Frame:
    """Samples over the exact density, their paths, errors, and quality against cost."""
    import copy

    import numpy as np

    from kernels import flow_matching

    flight = state.flight
    with np.errstate(all="ignore"):
        if flight is None:
            x: Array = _sd() * np.random.default_rng(7).standard_normal((SHOWN, 2))
            x, t = flow_matching.sample(_field(state, "learned"), x, 6, "heun"), 1.0
        else:
            x, t = flight.x[:SHOWN], flight.taken / flight.setting[2]
        excess = _errors(state, PROBE, copy.deepcopy(state.rng))[0]
    costs = np.array(COSTS, dtype=float)
    arrays: dict[str, Any] = {
        "x": x[:, 0],
        "y": x[:, 1],
        "density": _density(round(t, 3)),
        "density_extent": np.array([-REACH, REACH, -REACH, REACH]),
        "cost": costs,
    }
    for name, values, modes in zip(CURVES, state.curves, state.modes, strict=True):
        known = np.isfinite(values)
        arrays |= {name: values[known], f"{name}_cost": costs[known], f"{name}_modes": modes[known]}
    for k in range(PATHS):
        arrays[f"path_x{k}"] = flight.paths[:, k, 0] if flight else np.empty(0)
        arrays[f"path_y{k}"] = flight.paths[:, k, 1] if flight else np.empty(0)
    floor = _floor_of_loss()
    scalars = {
        "updates": float(state.updates),
        "excess": excess,
        "loss": floor + excess,
        "floor": floor,
        "t": t,
        "modes_of_one": float(state.modes[CURVES.index("flow_euler"), 0]),
    }
    if state.floors:
        scalars["sw1_floor"] = float(np.mean([each.sw1 for each in state.floors]))
        arrays["floor_line"] = np.full(len(COSTS), scalars["sw1_floor"] * math.sqrt(POINTS / CURVE_POINTS))
    arrays["part"] = np.arange(1, 10)
    error = math.sqrt(8 / 81 / POINTS)
    arrays["share_low"], arrays["share_high"] = np.full(9, 1 / 9 - 4 * error), np.full(9, 1 / 9 + 4 * error)
    arrays["shares"] = np.empty(0)
    if flight is not None and flight.measures is not None:
        arrays["shares"] = flight.measures.shares
        scalars |= {"sw1": flight.measures.sw1, "off": flight.measures.off, "least": flight.measures.least}
    if len(state.log_ratios):
        scalars["kl"] = float(state.log_ratios.mean())
    return Frame(state.steps, scalars, arrays, _note(params, state, scalars))


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    flight = state.flight
    if state.diverged:
        return f"diverged at update {state.diverged}: lr = {params.lr:g} threw the network out of what floats can hold"
    if state.updates < params.updates:
        return (
            f"{state.updates} of {params.updates} updates: loss {scalars['loss']:.4f}, of which {scalars['floor']:.4f}"
            " nobody can learn"
        )
    if flight is None or flight.setting != _setting(params):
        return f"{POINTS} samples start from noise"
    if flight.measures is None:
        return f"t = {scalars['t']:.2f}: {params.method}, {params.steps} steps with the {params.field} field"
    if not done(params, state):
        return "measuring: quality against cost, true samples, both ODEs, likelihood"
    calls = params.steps * (2 if params.method == "heun" else 1)
    return (
        f"{calls} evaluations a sample: sliced W₁ {scalars['sw1']:.3f} (true samples {scalars['sw1_floor']:.3f}),"
        f" off the modes {scalars['off']:.1%}; KL(data‖model) = {scalars['kl']:.3f}. One exact Euler step finds"
        f" {scalars['modes_of_one']:.0f} mode"
    )


GATES = {"excess": 0.008, "sw1": 0.08, "shares": 7.0, "off": 0.03, "kl": 0.08}
"""What the default training stays below, with room for its luck."""


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The learned field against the exact one, the samples against their law, and what is exact about the method."""
    import numpy as np

    from kernels import planar

    flight = state.flight
    if not done(params, state) or state.diverged or flight is None or flight.measures is None:
        return ()
    excess, loss, error = state.final
    rows = [
        Check("loss of the exact field", loss, _floor_of_loss(), 4 * error, error=error),
        Check("one exact Euler step, off E[x₁]", state.spread_of_one, 0.0, 1e-3),
        Check("ends: flow against diffusion, median", state.apart, 0.0, 0.05),
    ]
    # A shorter training is farther off; one of another rate may be anywhere.
    slack = max(1.0, 5000 / params.updates) * (1.0 if 0.002 <= params.lr <= 0.02 else math.inf)
    if math.isfinite(slack):
        rows.append(Check("E|v − v*|²/d²", excess, 0.0, GATES["excess"] * slack))
        kl = state.log_ratios
        error = float(kl.std(ddof=1)) / math.sqrt(len(kl))
        tolerance = GATES["kl"] * slack + 4 * error
        rows.append(Check("KL(data‖model), nats", float(kl.mean()), 0.0, tolerance, error=error))
    if params.steps * (2 if params.method == "heun" else 1) < 32 or not math.isfinite(slack):
        return tuple(rows)
    m, true = flight.measures, np.array([each.sw1 for each in state.floors])
    if params.field == "exact":
        slack = 1.0
    limit = float(true.mean() + 4 * true.std(ddof=1))
    worst = float(np.abs(m.shares - 1 / 9).max()) / math.sqrt(8 / 81 / POINTS)
    rows += [
        Check("sliced W₁, true sets' mean + 4 sd", m.sw1, limit, GATES["sw1"] * slack, "<="),
        Check("shares: farthest from 1/9, in errors", worst, 0.0, GATES["shares"] * slack),
        Check("share off the modes", m.off, planar.off_exact("grid"), GATES["off"] * slack, "<="),
    ]
    return tuple(rows)


LAB = Lab(
    id="flow-matching",
    title="Flow matching on nine modes",
    chapter="diffusion",
    section="9.4",
    lesson="flow-matching",
    summary=(
        "Noise and data are joined by straight lines; a network learns the mean speed at every place and time. Is the"
        " flow straight, too, and how many steps does it need?"
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
            "samples",
            "Samples at t; exact log₁₀ density behind",
            series=(Series("samples", "y", "x", "points"),),
            backdrop="density",
            image_range=(-4.0, 0.0),
        ),
        Chart(
            "cost",
            "Sliced W₁ against evaluations a sample",
            series=(
                Series("true samples", "floor_line", "cost", "dashed"),
                Series("flow, Euler", "flow_euler", "flow_euler_cost"),
                Series("flow, Heun", "flow_heun", "flow_heun_cost"),
                Series("VP, Euler", "vp_euler", "vp_euler_cost"),
                Series("EDM, Heun", "edm_heun", "edm_heun_cost"),
                Series("learned flow", "learned", "learned_cost", "points"),
            ),
            x_label="evaluations; all but the last exact",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "paths",
            "Six paths, the most bent of 60",
            series=tuple(Series("", f"path_y{k}", f"path_x{k}") for k in range(PATHS)),
            x_range=(-REACH, REACH),
            y_range=(-REACH, REACH),
        ),
        Chart(
            "excess",
            "Loss minus its floor: E|v − v*|²/d²",
            series=(Series("", "excess", "updates"),),
            x_label="updates",
            y_log=True,
        ),
        Chart(
            "loss",
            "Loss, and the part nobody can learn",
            series=(Series("exact field", "floor", "updates", "dashed"), Series("network", "loss", "updates")),
            x_label="updates",
            y_range=(0.0, 2.0),
        ),
        Chart(
            "shares",
            "Share of each mode; dashed: 1/9 ± 4 errors",
            series=(
                Series("samples", "shares", "part", "bars"),
                Series("", "share_low", "part", "dashed"),
                Series("", "share_high", "part", "dashed"),
            ),
            x_label="mode",
        ),
        Chart(
            "modes",
            "Modes reached, by evaluations a sample",
            series=(
                Series("flow, Euler", "flow_euler_modes", "flow_euler_cost"),
                Series("flow, Heun", "flow_heun_modes", "flow_heun_cost"),
                Series("VP, Euler", "vp_euler_modes", "vp_euler_cost"),
                Series("EDM, Heun", "edm_heun_modes", "edm_heun_cost"),
            ),
            x_label="evaluations, all exact",
            x_log=True,
            y_range=(0.0, 9.5),
        ),
    ),
    prediction=Prediction(
        prompt=(
            "All lines from noise to data are straight. Take the exact field and go from t = 0 to 1 in ONE Euler step:"
            " how many of the nine modes do the samples reach?"
        ),
        scalar="modes_of_one",
        low=0.0,
        high=9.0,
        chart="modes",
        why=(
            "At t = 0 nothing is known of x₁: v(x, 0) = E[x₁] − x, and one step takes every x to E[x₁], the middle. The"
            " lines are straight, but v is their mean, and the paths of the mean bend."
        ),
    ),
    explain="df-lab-flow-matching",
    source=("kernels.flow_matching", "kernels.gaussian_grid", "kernels.planar", "kernels.tangent", "kernels.mlp"),
    quick={"updates": 1500},
)
