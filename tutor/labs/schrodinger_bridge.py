"""A Schrödinger bridge in one dimension: Sinkhorn's plan, the paths between its ends, and every noise in between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import mixture_1d, sinkhorn

    Array = npt.NDArray[np.float64]

REACH = 6.0
NODES = 400
"""On ±REACH. Even, so that none lies at 0 and the mass on either side of it is counted right."""
COARSE = 200
"""Nodes for the curves against σ."""
SINGLE = 12
"""Sweeps that are taken one a step, to be watched; later ones are taken MANY a step."""
MANY = 6
ENOUGH = 1e-11
"""Error of the row sums at which the plan is taken for found."""
MOST = 6000
PARTICLES = 4000
SHOWN = 6
SIGMAS = 25
LOW, HIGH = 0.1, 10.0
ALARM = 2.3
"""√n D of Kolmogorov and Smirnov that a right law exceeds once in 20,000 runs."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    sigma: float = param(0.6, "noise σ of the Brownian motion", low=LOW, high=HIGH, scale="log", step=1.26, live=True)
    start: str = param("two modes", "law of x(0)", choices=("two modes", "gaussian"))
    ends: str = param("schrodinger", "how x(0) and x(1) are paired", choices=("schrodinger", "independent"))
    paths: str = param(
        "bridges",
        "exact bridges, bridges by Euler, or the SDE with the bridge's drift",
        choices=("bridges", "euler", "drift"),
        live=True,
    )
    steps: int = param(40, "time steps of a path", low=4, high=200, scale="log")


class Grid(NamedTuple):
    """Both laws on nodes."""

    x: Array
    a: Array
    b: Array
    C: Array
    """Cost ½ (x − y)²."""


class Row(NamedTuple):
    """The plan at one σ."""

    sigma: float
    cost: float
    correlation: float
    crossing: float


class Rate(NamedTuple):
    """How fast the sweeps converge at the end."""

    exact: float
    """s² of the slowest mode that is there."""
    measured: float
    """Factor of the error in a sweep, from the first to the last of them that are late and above rounding."""
    first: int
    last: int


class State(NamedTuple):
    """First the plan, then the paths, then the plans at all σ."""

    grid: Grid
    sigma: float
    """The σ and the kind of paths that are being worked at; another one starts the work again."""
    paths: str
    potentials: sinkhorn.State
    offs: tuple[float, ...]
    """Error of the row sums that each sweep but the first has found."""
    rate: Rate | None
    pi: Array | None
    density: Array | None
    """(SLICES, HEIGHTS) p_t(x)."""
    walkers: Array | None
    """(3, PARTICLES) x(0), x(t) and the end x(1) that a bridge leads to."""
    shown: Array
    """(SHOWN, k) the first walkers at all times so far."""
    middle: Array | None
    """Where the walkers were at t = ½, or at the first time after it."""
    coarse: Grid
    swept: sinkhorn.State
    rows: tuple[Row, ...]
    taken: int
    rng: np.random.Generator


SLICES, HEIGHTS = 41, 61
"""Times and places of the density behind the paths."""


def _law(params: Params) -> mixture_1d.Mixture:
    import numpy as np

    from kernels import mixture_1d

    if params.start == "gaussian":
        return mixture_1d.Mixture(np.array([1.0]), np.array([-1.0]), np.array([0.8]))
    return mixture_1d.Mixture(np.full(2, 0.5), np.array([-2.0, 2.0]), np.full(2, 0.35))


def _end(params: Params) -> tuple[float, float]:
    """Mean and standard deviation of x(1), a Gaussian."""
    return (1.0, 0.4) if params.start == "gaussian" else (0.0, 0.45)


def _grid(params: Params, nodes: int) -> Grid:
    import numpy as np

    from kernels import gaussian, mixture_1d

    x = np.linspace(-REACH, REACH, nodes)
    a = np.exp(mixture_1d.log_density(_law(params), x))
    mean, sd = _end(params)
    b = gaussian.phi((x - mean) / sd)
    return Grid(x, a / a.sum(), b / b.sum(), 0.5 * (x[:, None] - x) ** 2)


def init(params: Params, rng: np.random.Generator) -> State:
    """Both laws on a grid, nothing known yet."""
    import numpy as np

    from kernels import sinkhorn

    grid, coarse = _grid(params, NODES), _grid(params, COARSE)
    return State(
        grid,
        params.sigma,
        params.paths,
        sinkhorn.init(NODES, NODES),
        (),
        None,
        None,
        None,
        None,
        np.empty((SHOWN, 0)),
        None,
        coarse,
        sinkhorn.init(COARSE, COARSE),
        (),
        0,
        rng,
    )


def step(params: Params, state: State) -> State:
    """A few of Sinkhorn's sweeps, or one time step of all paths, or sweeps at the next of all σ."""
    import copy

    import numpy as np

    state = state._replace(taken=state.taken + 1, rng=copy.deepcopy(state.rng))
    if params.sigma != state.sigma:
        # The potentials for the old σ are a good start for the new one.
        state = state._replace(sigma=params.sigma, offs=(), rate=None, pi=None, density=None, walkers=None)
    if params.paths != state.paths:
        state = state._replace(paths=params.paths, walkers=None)
    if state.pi is None:
        return _sweep(params, state)
    if state.walkers is None:
        return _depart(params, state._replace(shown=np.empty((SHOWN, 0)), middle=None))
    if state.shown.shape[1] <= params.steps:
        return _walk(params, state)
    return _next_sigma(state)


def _sweep(params: Params, state: State) -> State:
    import numpy as np

    from kernels import sinkhorn

    grid, eps = state.grid, state.sigma**2
    potentials, offs = state.potentials, list(state.offs)
    for _ in range(1 if len(offs) < SINGLE else MANY):
        potentials = sinkhorn.step(potentials, grid.C, eps, grid.a, grid.b)
        if math.isfinite(potentials.off):
            offs.append(potentials.off)
        if potentials.off <= ENOUGH or len(offs) >= MOST:
            pi = sinkhorn.plan(potentials, grid.C, eps, grid.a, grid.b)
            rate = _rate(params, grid, pi, np.array(offs))
            return state._replace(potentials=potentials, offs=tuple(offs), rate=rate, pi=pi)
    return state._replace(potentials=potentials, offs=tuple(offs))


def _rate(params: Params, grid: Grid, pi: Array, offs: Array) -> Rate | None:
    """None where convergence is too fast to be measured."""
    import numpy as np

    from kernels import sinkhorn

    late = np.flatnonzero((offs < 1e-5) & (offs > 1e-10))
    if len(late) < 3:
        return None
    first, last = int(late[0]), int(late[-1])
    if params.start == "two modes":
        # Laws that are symmetric about 0 make errors that are: only even functions count, functions of |x| and |y|.
        half = len(pi) // 2
        folded = (pi + pi[::-1, ::-1])[:half]
        s = sinkhorn.correlations(folded[:, :half] + folded[:, : -half - 1 : -1], 2 * grid.a[:half], 2 * grid.b[:half])
    else:
        # Every second node suffices for the slow modes, which are smooth.
        s = sinkhorn.correlations(4 * pi[::2, ::2], 2 * grid.a[::2], 2 * grid.b[::2])
    return Rate(float(s[1] ** 2), float((offs[last] / offs[first]) ** (1 / (last - first))), first, last)


def _log_weights(state: State) -> tuple[Array, Array]:
    import numpy as np

    eps = state.sigma**2
    with np.errstate(divide="ignore"):
        return np.log(state.grid.a) + state.potentials.f / eps, np.log(state.grid.b) + state.potentials.g / eps


def _heights(state: State) -> Array:
    """Places that the paths can be at: wider for strong noise."""
    import numpy as np

    return np.linspace(-1.0, 1.0, HEIGHTS) * (3.2 + 1.5 * state.sigma)


def _depart(params: Params, state: State) -> State:
    """Draw the pairs of ends, and tabulate the density that is to be seen in between."""
    import numpy as np

    from kernels import gaussian, mixture_1d, schrodinger

    grid, pi = state.grid, state.pi
    assert pi is not None
    if params.ends == "independent":
        pi = grid.a[:, None] * grid.b
    x, y = schrodinger.sample_plan(pi, grid.x, grid.x, PARTICLES, state.rng)
    places, weights = _heights(state), _log_weights(state)
    mean, sd = _end(params)
    between = [
        schrodinger.density(places, t, state.sigma, (grid.x, grid.x), weights)
        for t in np.linspace(0.0, 1.0, SLICES)[1:-1].tolist()
    ]
    first, last = np.exp(mixture_1d.log_density(_law(params), places)), gaussian.phi((places - mean) / sd) / sd
    return state._replace(walkers=np.stack([x, x, y]), density=np.stack([first, *between, last]), shown=x[:SHOWN, None])


def _walk(params: Params, state: State) -> State:
    import numpy as np

    from kernels import schrodinger

    assert state.walkers is not None
    x0, x, y = state.walkers
    k = state.shown.shape[1]
    if k == params.steps + 1:
        return state
    t, u = (k - 1) / params.steps, k / params.steps
    z = state.rng.standard_normal(PARTICLES)
    match params.paths:
        case "bridges":
            x = schrodinger.advance(x, y, t, u, state.sigma, z)
        case "euler":
            x = schrodinger.advance_euler(x, y, t, u, state.sigma, z)
        case _:
            pull = schrodinger.drift(x, t, state.sigma, state.grid.x, _log_weights(state)[1])
            x = x + pull * (u - t) + state.sigma * math.sqrt(u - t) * z
    middle = x if state.middle is None and u >= 0.5 else state.middle
    shown = np.concatenate([state.shown, x[:SHOWN, None]], axis=1)
    return state._replace(walkers=np.stack([x0, x, y]), shown=shown, middle=middle)


def _row(sigma: float, grid: Grid, pi: Array) -> Row:
    import numpy as np

    x = grid.x
    m0, m1 = float(grid.a @ x), float(grid.b @ x)
    v0, v1 = float(grid.a @ x**2) - m0**2, float(grid.b @ x**2) - m1**2
    c = float(x @ pi @ x) - m0 * m1
    cost = v0 + v1 + (m0 - m1) ** 2 - 2 * c
    return Row(sigma, cost, c / math.sqrt(v0 * v1), float(pi[np.ix_(x < 0, x > 0)].sum()))


def _sigmas() -> list[float]:
    import numpy as np

    return [float(s) for s in np.geomspace(HIGH, LOW, SIGMAS)]


def _next_sigma(state: State) -> State:
    """Sweeps at the largest σ whose plan is not known yet, from the potentials of the one before."""
    from kernels import sinkhorn

    if len(state.rows) == SIGMAS:
        return state
    sigma, grid, potentials = _sigmas()[len(state.rows)], state.coarse, state.swept
    for _ in range(6 * MANY):
        potentials = sinkhorn.step(potentials, grid.C, sigma**2, grid.a, grid.b)
        if potentials.off <= ENOUGH:
            row = _row(sigma, grid, sinkhorn.plan(potentials, grid.C, sigma**2, grid.a, grid.b))
            return state._replace(swept=potentials, rows=(*state.rows, row))
    return state._replace(swept=potentials)


def _fresh(params: Params, state: State) -> bool:
    """Whether what is there belongs to these parameters."""
    return params.sigma == state.sigma and params.paths == state.paths


def _arrived(params: Params, state: State) -> bool:
    return _fresh(params, state) and state.walkers is not None and state.shown.shape[1] > params.steps


def done(params: Params, state: State) -> bool:
    """Whether plan, paths and all σ are done."""
    return _arrived(params, state) and len(state.rows) == SIGMAS


def total(params: Params, state: State) -> int:
    """Steps taken and to come; how many sweeps it takes is a guess until they are over."""
    left = SIGMAS - len(state.rows)
    if not _fresh(params, state) or state.walkers is None:
        left += params.steps + 1
    else:
        left += params.steps + 1 - state.shown.shape[1]
    if params.sigma != state.sigma or state.pi is None:
        left += max(1, SINGLE - len(state.offs))
    return state.taken + left


def _transport(params: Params, grid: Grid) -> tuple[Array, float, float]:
    """The optimal map F₁⁻¹(F₀(x)) on the nodes, its cost W₂², and the cost of the independent plan."""
    import numpy as np

    from kernels import gaussian, mixture_1d

    mean, sd = _end(params)
    u = np.clip(mixture_1d.distribution(_law(params), grid.x), 1e-16, 1 - 1e-16)
    y = mean + sd * gaussian.Phi_inverse(u)
    law = _law(params)
    apart = law.variance + sd**2 + (law.mean - mean) ** 2
    return y, float(grid.a @ (grid.x - y) ** 2), apart


def frame(params: Params, state: State) -> Frame:
    """Paths over the density, the plan, what each σ costs, and Sinkhorn's error."""
    import numpy as np

    grid, n = state.grid, state.shown.shape[1]
    best_y, best, apart = _transport(params, grid)
    times = np.linspace(0.0, 1.0, params.steps + 1)
    inside = np.flatnonzero(np.abs(grid.x) < 3.2)[::4]
    arrays: dict[str, Any] = {
        "time": times[:n],
        "sweep": np.arange(2, len(state.offs) + 2),
        "off": np.array(state.offs),
        "best_x": grid.x[np.abs(grid.x) < 3.2],
        "best_y": best_y[np.abs(grid.x) < 3.2],
        "sigmas": np.array([row.sigma for row in state.rows]),
        "costs": np.array([row.cost for row in state.rows]),
        "crossings": np.array([row.crossing for row in state.rows]),
        "ends_of_sigma": np.array([LOW, HIGH]),
        "best_line": np.full(2, best),
        "apart_line": np.full(2, apart),
        "quarter_line": np.full(2, float(grid.a[grid.x < 0].sum() * grid.b[grid.x > 0].sum())),
    }
    arrays |= {f"path{k}": state.shown[k] for k in range(SHOWN)}
    scalars: dict[str, float] = {
        "sweeps": float(state.potentials.sweeps),
        "sigma": state.sigma,
        "best": best,
        "apart": apart,
    }
    if state.pi is None:
        note = "nothing is known yet: f = g = 0"
        if state.potentials.sweeps:
            note = f"sweep {state.potentials.sweeps}: the columns are exact"
        if state.offs:
            note += f", the rows were off by {state.offs[-1]:.1e} before it"
        return Frame(state.taken, scalars, arrays, note)
    row = _row(state.sigma, grid, state.pi)
    scalars |= {"cost": row.cost, "correlation": row.correlation, "crossing": row.crossing}
    picture = state.pi if params.ends == "schrodinger" else grid.a[:, None] * grid.b
    # Square roots, or nothing but the peaks would be seen.
    picture = np.sqrt(picture[np.ix_(inside, inside)])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_end = (state.pi @ grid.x) / grid.a
    arrays |= {
        "plan": picture.T / picture.max(),
        "plan_extent": np.array([grid.x[inside[0]], grid.x[inside[-1]]] * 2),
        "mean_x": grid.x[inside],
        "mean_y": mean_end[inside],
        "now_sigma": np.array([state.sigma]),
        "now_cost": np.array([row.cost]),
        "now_crossing": np.array([row.crossing]),
    }
    if state.rate is not None:
        first, last = state.rate.first, state.rate.last
        arrays["rate_x"] = np.array([first + 2.0, last + 2.0])
        arrays["rate_y"] = state.offs[last] * state.rate.exact ** np.array([first - last, 0.0])
    if state.walkers is None or state.density is None:
        return Frame(state.taken, scalars, arrays, f"the plan is found after {state.potentials.sweeps} sweeps")
    places = _heights(state)
    edges = np.linspace(places[0], places[-1], 50)
    t = (n - 1) / params.steps
    at = t * (SLICES - 1)
    low = min(int(at), SLICES - 2)
    exact = state.density[low] + (at - low) * (state.density[low + 1] - state.density[low])
    arrays |= {
        # Each time on its own scale: a density that spreads out would fade away.
        "density": np.sqrt(state.density / state.density.max(axis=1, keepdims=True)).T,
        "density_extent": np.array([0.0, 1.0, places[0], places[-1]]),
        "bars_x": 0.5 * (edges[1:] + edges[:-1]),
        "bars": np.histogram(state.walkers[1], edges)[0] / (PARTICLES * (edges[1] - edges[0])),
        "places": places,
        "exact": exact,
    }
    scalars["t"] = t
    note = f"t = {t:.2f}: {PARTICLES} paths on their way, σ = {state.sigma:g}"
    if _arrived(params, state):
        x0, x, y = state.walkers
        scalars["crossed"] = float(np.mean((x0 < 0) & (x > 0)))
        scalars["missed"] = float(np.sqrt(np.mean((x - y) ** 2))) if params.paths != "drift" else math.nan
        note = (
            f"E|x₁−x₀|² = {row.cost:.3f}, between {best:.3f} (σ → 0, optimal transport) and {apart:.3f} (σ → ∞,"
            f" independent); {row.crossing:.1%} start below 0 and end above"
        )
        if params.ends == "independent" and params.paths != "drift":
            note = (
                f"both ends have the right law, but {scalars['crossed']:.0%} start below 0 and end above, of the bridge"
                f" {row.crossing:.1%}: at t = ½ the density is another"
            )
        elif params.paths == "euler":
            note = f"by Euler the paths miss their ends by {scalars['missed']:.3f} r.m.s.; σ√Δt = {_miss(params):.3f}"
    return Frame(state.taken, scalars, arrays, note)


def _miss(params: Params) -> float:
    return params.sigma / math.sqrt(params.steps)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The plan against both laws, its limits or closed form, and the paths against the exact density."""
    import numpy as np

    from kernels import goodness_of_fit, schrodinger, sinkhorn

    if state.pi is None or params.sigma != state.sigma:
        return ()
    grid, pi = state.grid, state.pi
    off = max(float(np.abs(pi.sum(axis=1) - grid.a).sum()), float(np.abs(pi.sum(axis=0) - grid.b).sum()))
    rows = [Check("plan's sums off both laws", off, 0.0, 1e-10)]
    if state.rate is not None:
        rows.append(Check("error's factor a sweep = s²", state.rate.measured, state.rate.exact, 0.01))
    row = _row(state.sigma, grid, pi)
    law, sd = _law(params), _end(params)[1]
    c = row.correlation * math.sqrt(law.variance) * sd
    if params.start == "gaussian":
        exact = sinkhorn.gaussian_covariance(float(law.s[0]), sd, state.sigma**2)
        rows.append(Check("Cov(x₀, x₁), closed form", c, exact, 1e-6))
    else:
        _, best, apart = _transport(params, grid)
        rows.append(Check("E|x₁−x₀|² against W₂²", row.cost, best, 1e-6, ">="))
        rows.append(Check("E|x₁−x₀|² against independent", row.cost, apart, 1e-6, "<="))
    if not _arrived(params, state) or state.walkers is None or state.middle is None:
        return tuple(rows)
    x0, x, y = state.walkers
    n = PARTICLES
    t = math.ceil(params.steps / 2) / params.steps
    variance = schrodinger.mixed_variance(law.variance, sd**2, c, state.sigma, t)
    squares = (state.middle - state.middle.mean()) ** 2
    error = float(squares.std()) / math.sqrt(n)
    # Euler's steps have a bias of first order; the exact bridges have none.
    bias = 0.0 if params.paths == "bridges" else 2 * state.sigma**2 / params.steps + 0.02 * variance
    rows.append(Check(f"Var x at t = {t:g}", float(squares.mean()), variance, 4 * error + bias, error=error))
    if params.paths == "bridges":
        D = goodness_of_fit.kolmogorov_smirnov(_distribution(state, t, np.sort(state.middle))).D
        rows.append(Check(f"√n D at t = {t:g}", math.sqrt(n) * D, ALARM, 0.0, "<="))
    share = float(np.mean((x0 < 0) & (x > 0)))
    error = math.sqrt(max(row.crossing, 1 / n) / n)
    if params.paths == "bridges":
        rows.append(Check("P(x₀ < 0 < x₁) of the paths", share, row.crossing, 4 * error, error=error))
    if params.paths != "drift":
        missed = float(np.sqrt(np.mean((x - y) ** 2)))
        miss = 0.0 if params.paths == "bridges" else _miss(params)
        error = miss / math.sqrt(2 * n)
        name = "end missed, r.m.s." if params.paths == "bridges" else "end missed, r.m.s.: σ√Δt"
        rows.append(Check(name, missed, miss, 4 * error + 1e-9, error=error))
    else:
        squares = (x - x.mean()) ** 2
        error = float(squares.std()) / math.sqrt(n)
        # Euler's last step ends at E[y | x] and adds σ² Δt, instead of what Var[y | x] is.
        bias = state.sigma**2 / params.steps + 2 * sd**2 / params.steps
        name = "Var x(1), Euler's bias ≤ σ²Δt"
        rows.append(Check(name, float(squares.mean()), sd**2, 4 * error + bias, error=error))
    return tuple(rows)


def _distribution(state: State, t: float, x: Array) -> Array:
    """P(x_t ≤ x) by the trapezoidal rule."""
    import numpy as np

    from kernels import schrodinger

    reach = REACH + 2.5 * state.sigma
    fine = np.linspace(-reach, reach, 801)
    p = schrodinger.density(fine, t, state.sigma, (state.grid.x, state.grid.x), _log_weights(state))
    F = np.concatenate([[0.0], np.cumsum(0.5 * (p[1:] + p[:-1]))]) * (fine[1] - fine[0])
    return np.asarray(np.interp(x, fine, F))


LAB = Lab(
    id="schrodinger-bridge",
    title="Schrödinger bridge",
    chapter="diffusion",
    section="9.4",
    lesson="bridges",
    summary="Two laws and a noise σ: which ends belong together, and how do paths of that noise go from end to end?",
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
            "Paths over the exact density p_t(x)",
            series=tuple(Series("", f"path{k}", "time") for k in range(SHOWN)),
            x_label="t (each time on its own scale)",
            backdrop="density",
            image_range=(0.0, 1.0),
        ),
        Chart(
            "plan",
            "Plan: which x(1) belongs to which x(0)",
            series=(
                Series("σ → 0: optimal map", "best_y", "best_x", "dashed"),
                Series("mean end", "mean_y", "mean_x"),
            ),
            x_label="x(0); up: x(1)",
            backdrop="plan",
            image_range=(0.0, 1.0),
        ),
        Chart(
            "cost",
            "E|x₁−x₀|² against the noise σ",
            series=(
                Series("optimal transport W₂²", "best_line", "ends_of_sigma", "dashed"),
                Series("independent", "apart_line", "ends_of_sigma", "dashed"),
                Series("plan", "costs", "sigmas"),
                Series("this σ", "now_cost", "now_sigma", "points"),
            ),
            x_label="σ",
            x_log=True,
        ),
        Chart(
            "crossing",
            "P(x₀ < 0 < x₁) against the noise σ",
            series=(
                Series("independent", "quarter_line", "ends_of_sigma", "dashed"),
                Series("plan", "crossings", "sigmas"),
                Series("this σ", "now_crossing", "now_sigma", "points"),
            ),
            x_label="σ",
            x_log=True,
        ),
        Chart(
            "now",
            "Where the paths are now, and p_t",
            series=(Series("paths", "bars", "bars_x", "bars"), Series("exact", "exact", "places")),
            x_label="x",
        ),
        Chart(
            "sinkhorn",
            "Sinkhorn: how far the row sums are off",
            series=(Series("s² a sweep", "rate_y", "rate_x", "dashed"), Series("measured", "off", "sweep")),
            x_label="sweep",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "Half of the paths start near −2, half near 2; all end near 0 (sd 0.45). With noise σ = 0.6, what share"
            " starts below 0 and ends above 0? (independent ends: 0.25)"
        ),
        scalar="crossing",
        low=0.0,
        high=0.5,
        chart="crossing",
        why=(
            "Crossing costs a longer way: pairs are weighted by e^(−(x−y)²/(2σ²)). With σ → 0 nobody crosses, for the"
            " optimal map keeps the order; with σ → ∞ the way no longer counts and a quarter does."
        ),
    ),
    explain="df-lab-schrodinger-bridge",
    source=("kernels.sinkhorn", "kernels.schrodinger"),
)
