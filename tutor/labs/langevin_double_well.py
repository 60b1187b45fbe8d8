"""Thousands of Langevin walkers over two wells, live over the exact Boltzmann density, with every law known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import fokker_planck, hops

    Array = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

EDGE, CELL = 3.2, 1 / 80
"""The grid of the exact laws: at D ≤ 1 the Boltzmann law has less than 1e-8 beyond. A walker that leaves it is lost."""
CORE = 1.0
"""A hop is counted from x ≤ −1 to x ≥ 1, or back."""
BIN = 0.1
FRAME_TIME = 0.2
MOVES = 400_000
"""Moves of single walkers in a step at most, so that it stays short."""
TRACED = 3
TRACE = 200


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    D: float = param(0.3, "temperature; the barrier is ¼ high", low=0.05, high=1.0, scale="log", step=1.25, live=True)
    tilt: float = param(0.15, "force to the right: deepens the right well", low=-0.3, high=0.3, step=0.05, live=True)
    dt: float = param(0.01, "step size h of the sampler", low=0.005, high=0.5, scale="log", live=True)
    method: str = param("ULA", "ULA: every step is taken; MALA: Metropolis decides", choices=("ULA", "MALA"), live=True)
    walkers: int = param(5000, "how many", low=100, high=20_000, scale="log")
    start: str = param("left well", "where all begin", choices=("left well", "right well", "top"))
    time: float = param(30.0, "end of the run", low=1.0, high=60.0, step=10.0, live=True)


class State(NamedTuple):
    """Walkers and the exact law of where they are; what was counted since D or tilt last changed."""

    x: Array
    """(n,) positions; NaN for walkers that were lost."""
    in_right: Mask
    """(n,) whether the core visited last was the right one."""
    made: npt.NDArray[np.int_]
    """(2, n) hops to the right and to the left since the last change."""
    stay: Array
    """(2,) walkers × time that belonged to the left and to the right core since then."""
    law: hops.Law
    t: float
    since: float
    """Time of the last change."""
    reference: tuple[float, float]
    """Mean of φ₁ over the walkers, and over the exact law, at that time."""
    rate: tuple[float, float, float]
    """λ₁ as measured by the walkers, its standard error, and what the law of this sampler would give.

    NaN: not yet; negative: the walkers were too close to rest to tell."""
    well: tuple[float, float]
    """D and tilt of the last step."""
    moves: tuple[int, int]
    """Accepted and all moves of the last step."""
    trace: Array
    """(TRACED + 1, k) recent times, and where the first walkers were."""
    steps: int
    rng: np.random.Generator


def _cells() -> Array:
    import numpy as np

    return np.arange(-EDGE + CELL / 2, EDGE, CELL)


@lru_cache(maxsize=8)
def _matrix(method: str, D: float, tilt: float, dt: float, cell: float = CELL) -> Array:
    """The sampler's transition matrix between the cells."""
    import numpy as np

    from kernels import double_well, langevin

    x = np.arange(-EDGE + cell / 2, EDGE, cell)
    if method == "ULA":
        return langevin.ula_matrix(lambda at: double_well.dU(at, tilt), x, D, dt)
    return langevin.mala_matrix(lambda at: double_well.U(at, tilt), lambda at: double_well.dU(at, tilt), x, D, dt)


@lru_cache(maxsize=64)
def _modes(D: float, tilt: float, cell: float = CELL) -> fokker_planck.Modes:
    """The two slowest modes of the Fokker–Planck operator, and the Boltzmann law of the cells."""
    import numpy as np

    from kernels import double_well, fokker_planck

    return fokker_planck.modes(double_well.U(np.arange(-EDGE + cell / 2, EDGE, cell), tilt), D, cell, 2)


@lru_cache(maxsize=8)
def _own_law(D: float, tilt: float, dt: float, cell: float = CELL) -> Array:
    """What ULA settles in, instead of the Boltzmann law."""
    from kernels import langevin

    return langevin.quasi_stationary(_matrix("ULA", D, tilt, dt, cell), _modes(D, tilt, cell).law)


@lru_cache(maxsize=8)
def _bias(D: float, tilt: float) -> tuple[Array, Array]:
    """(step sizes, E[x²] of the law ULA settles in)."""
    import numpy as np

    # Close together where the bias bends.
    steps, squares = np.concatenate([np.geomspace(0.01, 0.1, 5), np.geomspace(0.12, 0.5, 8)]), []
    for h in steps.tolist():
        # Cells no wider than a step, √(2Dh) at D = 0.05 and more above: the coarser, the sooner it is done.
        cell = 1 / 40 if h < 0.025 else 1 / 20
        x = np.arange(-EDGE + cell / 2, EDGE, cell)
        squares.append(float(_own_law.__wrapped__(D, tilt, h, cell) @ x**2))
    return steps, np.array(squares)


@lru_cache(maxsize=8)
def _rates(tilt: float) -> tuple[Array, Array, Array, Array]:
    """(1/D, λ₁, 1/T(−1→1) + 1/T(1→−1), Kramers' sum of rates)."""
    import numpy as np

    from kernels import double_well

    D = np.geomspace(0.05, 1.0, 10)
    slow = [_modes.__wrapped__(float(d), tilt, 1 / 20).rates[1] for d in D]
    cores = [_core_rate(float(d), tilt) for d in D]
    return 1 / D, np.array(slow), np.array(cores), np.array([sum(double_well.kramers(float(d), tilt)) for d in D])


@lru_cache(maxsize=64)
def _core_rate(D: float, tilt: float) -> float:
    from kernels import double_well

    return sum(1 / double_well.passage_time(D, tilt, a, -a, 0.02) for a in (-CORE, CORE))


def init(params: Params, rng: np.random.Generator) -> State:
    """All walkers at one place."""
    import numpy as np

    from kernels import hops

    at = {"left well": -CORE, "right well": CORE, "top": 0.0}[params.start]
    x, cells = np.full(params.walkers, at), _cells()
    # A point on the edge of two cells is half in each.
    law = np.where(np.abs(cells - at) < CELL, 0.5, 0.0)
    side = hops.start(law, cells)
    if params.start != "top":
        side = hops.Law(np.stack([law, 0 * law] if at < 0 else [0 * law, law]), side.hops)
    in_right = np.full(params.walkers, at > 0)
    if params.start == "top":
        # On the top nobody has been in a core: half of the walkers count as coming from either.
        in_right = np.arange(params.walkers) % 2 == 1
    none = np.zeros((2, params.walkers), dtype=int)
    empty = (math.nan, math.nan, math.nan)
    state = State(
        x, in_right, none, np.zeros(2), side, 0.0, 0.0, (0.0, 0.0), empty, (0.0, 0.0), (0, 0), np.empty((4, 0)), 0, rng
    )
    return _changed(params, _traced(state))


def _traced(state: State) -> State:
    import numpy as np

    column = np.concatenate([[state.t], state.x[:TRACED]])[:, None]
    return state._replace(trace=np.concatenate([state.trace, column], axis=1)[:, -TRACE:])


def _phi(params: Params, x: Array) -> Array:
    """The slowest mode at the walkers: E φ₁ decays as e^{−λ₁ t}, whatever the start."""
    import numpy as np

    return np.asarray(np.interp(x, _cells(), _modes(params.D, params.tilt).phi[1]))


def _alive(state: State) -> Array:
    import numpy as np

    return state.x[np.isfinite(state.x)]


def _changed(params: Params, state: State) -> State:
    """Count anew: the energy is another one."""
    import numpy as np

    x = _alive(state)
    p = state.law.p.sum(axis=0)
    walkers = float(_phi(params, x).mean()) if len(x) else 0.0
    exact = float(_modes(params.D, params.tilt).phi[1] @ p / max(p.sum(), 1e-300))
    return state._replace(
        made=np.zeros_like(state.made),
        stay=np.zeros(2),
        law=state.law._replace(hops=np.zeros(2)),
        since=state.t,
        reference=(walkers, exact),
        rate=(math.nan, math.nan, math.nan),
        well=(params.D, params.tilt),
    )


def _per_step(params: Params) -> int:
    return max(1, min(round(FRAME_TIME / params.dt), MOVES // params.walkers))


def step(params: Params, state: State) -> State:
    """Some steps of the sampler for all walkers, and of their exact law."""
    import copy

    import numpy as np

    from kernels import double_well, hops, langevin

    if state.well != (params.D, params.tilt):
        state = _changed(params, state)
    rng = copy.deepcopy(state.rng)
    P, cells = _matrix(params.method, params.D, params.tilt, params.dt), _cells()
    x, in_right, law = state.x, state.in_right, state.law
    made, stay = state.made.copy(), state.stay.copy()
    accepted = moves = 0
    times = _per_step(params)
    for _ in range(times):
        alive = np.isfinite(x)
        moves += int(alive.sum())
        if params.method == "ULA":
            x = langevin.ula(lambda at: double_well.dU(at, params.tilt), x, params.D, params.dt, rng)
            accepted = moves
        else:
            x, taken = langevin.mala(
                lambda at: double_well.U(at, params.tilt),
                lambda at: double_well.dU(at, params.tilt),
                x,
                params.D,
                params.dt,
                rng,
            )
            accepted += int(taken.sum())
        x = np.where(np.abs(x) < EDGE, x, np.nan)
        # A walker that was lost makes no hop.
        now = np.where(np.isfinite(x), hops.visit(in_right, x, -CORE, CORE), in_right)
        made[0] += now & ~in_right
        made[1] += ~now & in_right
        stay += params.dt * np.array([np.sum(alive & ~now), np.sum(alive & now)])
        in_right = now
        law = hops.advance(law, P, cells, -CORE, CORE)
    state = state._replace(
        x=x,
        in_right=in_right,
        made=made,
        stay=stay,
        law=law,
        t=state.t + times * params.dt,
        moves=(accepted, moves),
        steps=state.steps + 1,
        rng=rng,
    )
    return _traced(_timed(params, state))


def _timed(params: Params, state: State) -> State:
    """After one relaxation time, where its error is least, read λ₁ off the decay of the mean of φ₁."""

    found, elapsed = _modes(params.D, params.tilt), state.t - state.since
    first, first_exact = state.reference
    x = _alive(state)
    if not math.isnan(state.rate[0]) or elapsed < 1 / found.rates[1] or len(x) < 2:
        return state
    phi = _phi(params, x)
    mean, p = float(phi.mean()), state.law.p.sum(axis=0)
    exact = float(found.phi[1] @ p / p.sum())
    error = float(phi.std()) / math.sqrt(len(x))
    # From a start too close to rest nothing can be read.
    if abs(first) * math.exp(-1) < 10 * error or mean / first <= 0 or exact / first_exact <= 0:
        return state._replace(rate=(-1.0, math.nan, math.nan))
    return state._replace(
        rate=(-math.log(mean / first) / elapsed, error / abs(mean) / elapsed, -math.log(exact / first_exact) / elapsed)
    )


def total(params: Params, state: State) -> int:
    """Steps so far and those that are left."""
    if not len(_alive(state)):
        return state.steps
    return state.steps + max(0, math.ceil((params.time - state.t) / (_per_step(params) * params.dt) - 1e-9))


def done(params: Params, state: State) -> bool:
    """Whether the time is over, or no walker is left."""
    return total(params, state) == state.steps


def _edges() -> Array:
    import numpy as np

    return np.linspace(-EDGE, EDGE, round(2 * EDGE / BIN) + 1)


def frame(params: Params, state: State) -> Frame:
    """Histogram and laws, share of the right well, rates and biases."""
    import numpy as np

    from kernels import double_well, markov

    cells, found = _cells(), _modes(params.D, params.tilt)
    x = _alive(state)
    n = max(len(x), 1)
    shares = np.histogram(x, _edges())[0] / n
    per_bin = round(BIN / CELL)
    target = found.law.reshape(-1, per_bin).sum(axis=1)
    mass = float(state.law.p.sum())
    now = state.law.p.sum(axis=0) / max(mass, 1e-300)
    own = _own_law(params.D, params.tilt, params.dt) if params.method == "ULA" else found.law
    sizes, squares = _bias(params.D, params.tilt)
    inverse, slow, cores, kramers = _rates(params.tilt)
    escape = sum(double_well.kramers(params.D, params.tilt))
    # Each once it is known.
    measured, hopping = (np.array([rate / escape] if rate > 0 else []) for rate in (state.rate[0], _hop_rate(state)))
    view = slice(None, None, 4)
    peak = max(float(found.law.max()) / CELL, 0.3)
    times, paths = state.trace[0], state.trace[1:]
    arrays: dict[str, Any] = {
        "bars_x": 0.5 * (_edges()[1:] + _edges()[:-1]),
        "bars": shares / BIN,
        "x": cells[view],
        "boltzmann": found.law[view] / CELL,
        # The first laws are a point: their peaks would hide all the rest.
        "now": np.minimum(now[view] / CELL, 1.4 * peak),
        "density_extent": np.array([-2.4, 2.4, 0.0, 1.4 * peak]),
        "sizes": sizes,
        "ula": squares,
        "exact_line": np.full(len(sizes), found.law @ cells**2),
        "here_dt": np.array([params.dt]),
        "here": np.array([float(np.mean(x**2)) if len(x) else math.nan]),
        "inverse": inverse,
        # Over Kramers' sum of rates: over many powers of ten the curves could not be told apart.
        "slow": slow / kramers,
        "cores": cores / kramers,
        "kramers": np.ones(len(inverse)),
        "here_D": np.array([1 / params.D]),
        "slow_measured": measured,
        "cores_measured": hopping,
        "trace_t": times,
    }
    arrays |= {f"path{k}": paths[k] for k in range(TRACED)}
    right = cells > 0
    scalars = {
        "t": state.t,
        "right": float(np.mean(x > 0)) if len(x) else math.nan,
        "right_now": float(now[right].sum()),
        "right_rest": float(found.law[right].sum()),
        "distance": markov.total_variation(shares, target),
        "distance_now": max(markov.total_variation(now.reshape(-1, per_bin).sum(axis=1), target), 1e-6),
        # What counting n independent walkers in bins costs: half the sum of the mean absolute errors.
        "floor": 0.5 * float(np.sqrt(2 * target * (1 - target) / (math.pi * n)).sum()),
        "bias": max(markov.total_variation(own, found.law), 1e-6) if params.method == "ULA" else math.nan,
        "lambda": float(found.rates[1]),
        "acceptance": state.moves[0] / state.moves[1] if state.moves[1] else math.nan,
        "lost": float(len(state.x) - len(x)),
    }
    return Frame(state.steps, scalars, arrays, _note(params, state, scalars))


def _hop_rate(state: State) -> float:
    """Hops per time spent in either core's care, both directions together."""
    if not state.made.any() or not state.stay.all():
        return math.nan
    return float((state.made.sum(axis=1) / state.stay).sum())


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    limit = math.sqrt(1 + 2 / params.dt)
    if scalars["lost"]:
        return (
            f"{scalars['lost']:.0f} of {params.walkers} walkers diverged by t = {state.t:.1f}: beyond"
            f" |x| = √(1 + 2/h) = {limit:.2f} a step of h = {params.dt:g} overshoots to a larger |x|"
        )
    note = (
        f"t = {state.t:.1f}: {scalars['right']:.3f} of the walkers in the right well, in the end"
        f" {scalars['right_rest']:.3f}; relaxation time {1 / scalars['lambda']:.2f}."
    )
    if params.method == "ULA":
        return note + f" ULA at h = {params.dt:g} settles {scalars['bias']:.4f} away (total variation)"
    taken = "" if math.isnan(scalars["acceptance"]) else f", {scalars['acceptance']:.1%} of its moves accepted"
    return note + f" MALA has no bias at any h{taken}"


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Walkers against the exact law of the sampler at this time; 4.5 standard errors, a false alarm in 150,000."""
    import numpy as np

    from kernels import goodness_of_fit

    x, cells = np.sort(_alive(state)), _cells()
    n, mass = len(x), float(state.law.p.sum())
    if state.steps == 0 or n < 50 or mass < 1e-3:
        return ()
    law = state.law.p.sum(axis=0) / mass
    rows = []
    share = float(law[cells > 0].sum())
    error = math.sqrt(share * (1 - share) / n)
    if n * min(share, 1 - share) > 20:
        rows.append(Check("share in the right well", float(np.mean(x > 0)), share, 4.5 * error, error=error))
    second = float(law @ cells**2)
    error = math.sqrt(max(0.0, float(law @ cells**4) - second**2) / n)
    rows.append(Check("E[x²]", float(np.mean(x**2)), second, 4.5 * error, error=error))
    # The law's distribution function at the walkers; P(√n D > 2.2) = 1.2e-4 if they have it.
    cdf = np.interp(x, np.append(cells - CELL / 2, EDGE), np.concatenate([[0.0], np.cumsum(law)]))
    gap = goodness_of_fit.kolmogorov_smirnov(np.clip(cdf, 0.0, 1.0))
    if state.t > 0.1:
        rows.append(Check("√n·KS against the law at t", math.sqrt(n) * gap.D, 2.2, 0.0, "<="))
    counts = state.made.sum(axis=0)
    if counts.sum() > 100:
        error = float(counts.std(ddof=1)) / math.sqrt(len(counts))
        expected = float(state.law.hops.sum())
        rows.append(Check("hops per walker", float(counts.mean()), expected, 4.5 * error, error=error))
    if state.rate[0] > 0:
        value, error, own = state.rate
        truth = float(_modes(*state.well).rates[1])
        # A large step shifts the rate: then the walkers are held against the sampler's own.
        shift = abs(own - truth)
        if shift < error:
            rows.append(Check("relaxation rate λ₁", value, truth, 4.5 * error + shift, error=error))
        else:
            rows.append(Check(f"relaxation rate at this h, not {truth:.3g}", value, own, 4.5 * error, error=error))
    return tuple(rows)


LAB = Lab(
    id="langevin-double-well",
    title="Langevin walkers in a double well",
    chapter="stochastic-processes",
    section="7.3",
    lesson="langevin",
    summary="Walkers go downhill and are shaken; they settle in e^(−U/D), and hop for ever.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "density",
            "Walkers over the Boltzmann density",
            series=(
                Series("walkers", "bars", "bars_x", "bars"),
                Series("e^(−U/D)/Z", "boltzmann", "x", "dashed"),
                Series("exact law now", "now", "x"),
            ),
            x_label="x",
            backdrop="density",
        ),
        Chart(
            "right",
            "Share of walkers in the right well",
            series=(
                Series("at rest", "right_rest", "t", "dashed"),
                Series("exact", "right_now", "t"),
                Series("walkers", "right", "t"),
            ),
            x_label="time t",
            y_range=(0.0, 1.0),
        ),
        Chart(
            "rates",
            "Rates between wells ÷ Kramers' formula",
            series=(
                Series("λ₁, exact", "slow", "inverse"),
                Series("hops −1↔1, exact", "cores", "inverse"),
                Series("Kramers", "kramers", "inverse", "dashed"),
                Series("λ₁, walkers", "slow_measured", "here_D", "points"),
                Series("hops, walkers", "cores_measured", "here_D", "points"),
            ),
            x_label="1/D",
        ),
        Chart(
            "bias",
            "E[x²] in the end, by step size h",
            series=(
                Series("exact, and MALA", "exact_line", "sizes", "dashed"),
                Series("ULA, exact", "ula", "sizes"),
                Series("walkers now", "here", "here_dt", "points"),
            ),
            x_label="h",
            x_log=True,
        ),
        Chart(
            "paths",
            "Three walkers: long waits, quick hops",
            series=tuple(Series("", f"path{k}", "trace_t") for k in range(TRACED)),
            x_label="time t",
            y_range=(-2.2, 2.2),
        ),
        Chart(
            "distance",
            "Distance from e^(−U/D)/Z (variation)",
            series=(
                Series("counting noise", "floor", "t", "dashed"),
                Series("ULA's bias", "bias", "t", "dashed"),
                Series("exact law", "distance_now", "t"),
                Series("histogram", "distance", "t"),
            ),
            x_label="time t",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "U(x) = (x² − 1)²/4 − 0.15 x at temperature D = 0.3; all walkers start in the left well, the shallower one."
            " What share of them is in the right well once they have settled?"
        ),
        scalar="right_rest",
        low=0.0,
        high=1.0,
        chart="right",
        why=(
            "The wells are about 2 · 0.15 = 0.3 = D apart in energy, so the right one has about e¹ times as many"
            " walkers: e/(1 + e) = 0.73, and 0.69 exactly, as this barrier is low and the wells wide. They do not all"
            " collect there: noise carries them back too."
        ),
    ),
    explain="sp-lab-langevin",
    source=("kernels.langevin", "kernels.double_well", "kernels.fokker_planck", "kernels.hops"),
)
