"""Draws from another law, weighted back: a rare tail and a posterior, with the exact answer and the best proposal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

STEPS = 80
FIRST, LAST = 20, 20_000
"""Draws after the first and the last step, for each contender."""
SHOWN = 300
"""Draws whose weights are drawn."""
FLOOR = 1e-6
"""Bottom of the charts with a logarithmic axis: draws that do not count lie there."""
NOISE = 0.5
"""Standard deviation σ of the observation in the posterior task; its prior is N(0, 1) in each dimension."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    task: str = param(
        "tail", "tail: P(x > c), x ~ N(0,1); posterior: θ ~ N(0,1), c seen with noise ½", choices=("tail", "posterior")
    )
    c: float = param(4.0, "tail: the threshold; posterior: what was observed, in each dimension", low=0.0, high=6.0)
    mean: float = param(4.0, "mean m of the proposal N(m, s²)", low=-2.0, high=8.0, step=0.2, live=True)
    sd: float = param(1.0, "standard deviation s of the proposal", low=0.3, high=4.0, step=0.1, live=True)
    dimensions: int = param(1, "independent dimensions of the posterior (1 for the tail)", low=1, high=20)


class State(NamedTuple):
    """All standard normal draws of the run, of which the first n have been used."""

    z: Array
    """(LAST, d) for the proposal: x = m + s z."""
    plain: Array
    """(LAST, d) for the rival, which draws from N(0, 1) itself."""
    n: int
    steps: int


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw everything at once, so that a proposal that is turned shows the same draws moved."""
    shape = (LAST, params.dimensions if params.task == "posterior" else 1)
    plain = rng.standard_normal(shape)
    return State(rng.standard_normal(shape), plain, 0, 0)


def step(params: Params, state: State) -> State:
    """More draws, their number growing by the same factor each step."""
    steps = state.steps + 1
    return state._replace(n=round(FIRST * (LAST / FIRST) ** ((steps - 1) / (STEPS - 1))), steps=steps)


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STEPS


def done(params: Params, state: State) -> bool:
    """Whether all draws are used."""
    return state.steps >= STEPS


def _log_normal(x: Array, m: float, s: float) -> Array:
    """log N(x; m, s² I) for rows x."""
    import numpy as np

    from kernels import importance

    constant = x.shape[-1] * (0.5 * importance.LOG_2PI + math.log(s))
    return np.asarray(-0.5 * np.sum(((x - m) / s) ** 2, axis=-1) - constant)


def _log_a(params: Params, x: Array, m: float, s: float) -> Array:
    """log of what is averaged, for draws x of N(m, s²): h w for the tail, prior · likelihood / q for the posterior."""
    import numpy as np

    log_w = _log_normal(x, 0.0, 1.0) - _log_normal(x, m, s)
    if params.task == "tail":
        return np.where(x[:, 0] > params.c, log_w, -np.inf)
    return np.asarray(log_w + _log_normal(x, params.c, NOISE))


class Exact(NamedTuple):
    """Exact answers for a proposal N(m, s²)."""

    log_value: float
    """log of P(x > c), or of the evidence."""
    log_ratio2: float
    """log E[a²]/E[a]²: n/ESS for large n; n times the squared relative error is this ratio less 1. +∞: no variance."""
    log_ratio4: float
    """log E[a⁴]/E[a]⁴."""


def _exact(params: Params, m: float, s: float) -> Exact:
    from kernels import importance

    if params.task == "tail":
        log_p = importance.log_tail(params.c)
        second, fourth = (importance.log_tail_moment(k, params.c, m, s) for k in (2, 4))
        return Exact(log_p, second - 2 * log_p, fourth - 4 * log_p)
    d = params.dimensions
    law = importance.posterior(params.c, 1.0, NOISE)
    second, fourth = (d * importance.log_gaussian_moment(k, law.mean, law.variance, m, s) for k in (2, 4))
    return Exact(d * law.log_evidence, second, fourth)


def _log_gain(params: Params, m: float, s: float) -> float:
    """log of how many times as many draws the rival needs for the same error; −∞ if the variance is infinite."""
    ours, rival = _exact(params, m, s).log_ratio2, _exact(params, 0.0, 1.0).log_ratio2
    if not math.isfinite(ours):
        return -math.inf
    # Var = E[a]² (ratio − 1); expm1 for ratios close to 1.
    return _log_expm1(rival) - _log_expm1(ours)


def _log_expm1(x: float) -> float:
    return x if x > 30 else math.log(max(math.expm1(x), 1e-300))


def _best(params: Params) -> float:
    """The best mean for proposals of this width."""
    from kernels import importance

    if params.task == "tail":
        return importance.best_mean(params.c, params.sd)
    law = importance.posterior(params.c, 1.0, NOISE)
    return law.mean if 2 * params.sd**2 > law.variance else math.nan


def frame(params: Params, state: State) -> Frame:
    """The laws, the weights, estimate and effective sample size so far, and how good other proposals would be."""
    import numpy as np

    from kernels import importance

    m, s, n = params.mean, params.sd, state.n
    exact = _exact(params, m, s)
    x = m + s * state.z[:n]
    log_a = _log_a(params, x, m, s)
    rival = _log_a(params, state.plain[:n], 0.0, 1.0)
    grid = np.linspace(-4.0, 9.0, 261)
    line = grid[:, None]
    # The ideal law, in the first coordinate: p beyond c, or the posterior.
    if params.task == "tail":
        beyond = np.concatenate([[params.c, params.c], grid[grid > params.c]])
        ideal = beyond, np.exp(_log_normal(beyond[:, None], 0.0, 1.0) - exact.log_value)
        ideal[1][0] = FLOOR
    else:
        law = importance.posterior(params.c, 1.0, NOISE)
        ideal = grid, np.exp(_log_normal(line, law.mean, math.sqrt(law.variance)))
    means = np.linspace(-2.0, 8.0, 101)
    gains = np.array([_log_gain(params, float(mean), s) for mean in means]) / math.log(10)
    useful = gains > -2.0
    best = _best(params)
    laws = {
        "p": (grid, np.exp(_log_normal(line, 0.0, 1.0))),
        "q": (grid, np.exp(_log_normal(line, m, s))),
        "ideal": ideal,
    }
    arrays: dict[str, Any] = {
        "draw_x": x[:SHOWN, 0],
        # As shares of the exact value: 1 is what each draw should say.
        "draw_a": np.exp(np.clip(log_a[:SHOWN] - exact.log_value, math.log(FLOOR), 700.0)),
        "means": means[useful],
        "gains": gains[useful],
        "here_x": np.array([m]),
        "here": np.array([_log_gain(params, m, s)]) / math.log(10),
        "best_x": np.array([best]),
        "best": np.array([_log_gain(params, best, s) if math.isfinite(best) else math.nan]) / math.log(10),
    }
    for name, (at, density) in laws.items():
        seen = density >= FLOOR
        arrays[f"{name}_x"], arrays[name] = at[seen], density[seen]
    arrays |= _concentration(log_a, rival)
    gain = _log_gain(params, m, s)
    scalars = {"n": float(n), "log_gain": gain / math.log(10) if math.isfinite(gain) else math.nan}
    if n:
        scalars |= {
            "one": 1.0,
            "exact_ess": math.exp(-exact.log_ratio2) if math.isfinite(gain) else math.nan,
            "ratio": float(np.exp(log_a - exact.log_value).mean()),
            "rival_ratio": float(np.exp(rival - exact.log_value).mean()),
            "ess": importance.ess(log_a) / n,
            # None has counted yet: nothing to show on a logarithmic axis.
            "rival_ess": importance.ess(rival) / n or math.nan,
        }
    return Frame(state.steps, scalars, arrays, _note(params, state, exact, log_a, rival))


def _concentration(log_a: Array, rival: Array) -> dict[str, Array]:
    """Share of the whole sum that the largest draws hold, against how many they are."""
    import numpy as np

    from kernels import importance

    rows: dict[str, Array] = {}
    for name, logs in (("", log_a), ("rival_", rival)):
        counted = len(logs) > 0 and logs.max() > -np.inf
        shares = np.cumsum(np.sort(importance.normalise(logs))[::-1]) if counted else np.empty(0)
        at = np.unique(np.geomspace(1, len(logs), 80).astype(int)) if counted else np.empty(0, int)
        rows[f"{name}top"], rows[f"{name}held"] = at / max(len(logs), 1), shares[at - 1]
    return rows


def _note(params: Params, state: State, exact: Exact, log_a: Array, rival: Array) -> str:
    import numpy as np

    from kernels import importance

    n, tail = state.n, params.task == "tail"
    if not math.isfinite(exact.log_ratio2):
        # The edge is where twice the proposal's variance is that of the ideal law.
        least = math.sqrt(0.5 * (1.0 if tail else importance.posterior(0.0, 1.0, NOISE).variance))
        return f"s = {params.sd:g} ≤ {least:.3f}: the weights have infinite variance, and no error bar can be trusted"
    if not n:
        return "each draw x of the proposal q will count as p(x)/q(x) draws of p"
    what = f"P(x > {params.c:g})" if tail else "the evidence"
    ratio = float(np.exp(log_a - exact.log_value).mean())
    plain = (
        f"Of as many plain draws {int(np.sum(rival > -np.inf))} fell beyond c"
        if tail
        else f"Drawing from the prior: ESS {importance.ess(rival):.0f}"
    )
    return (
        f"n = {n}: {what} = {_scientific(exact.log_value)}, estimated {ratio:.3f} of it;"
        f" ESS {importance.ess(log_a):.0f}. {plain}"
    )


def _scientific(log_value: float) -> str:
    """A number given by its logarithm, also when it is too small for a float."""
    power = math.floor(log_value / math.log(10))
    return f"{math.exp(log_value - power * math.log(10)):.3f}e{power}" if power < -3 else f"{math.exp(log_value):.4f}"


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Estimates against exact values with *exact* standard errors; 4.5 of them, a false alarm in 150,000.

    Left out where the variance is infinite, or so few draws count that a mean of them is far from normal.
    """
    import numpy as np

    from kernels import importance

    n = state.n
    m, s = params.mean, params.sd
    exact = _exact(params, m, s)
    if n * math.exp(-exact.log_ratio2) < 100:
        return ()
    # E[a⁴] / E[a²]²: how far a single draw can stand out. Over n it says how normal a mean of n draws is.
    kurtosis = math.exp(min(exact.log_ratio4 - 2 * exact.log_ratio2, 700.0))
    if kurtosis > 0.05 * n:
        return ()
    x = m + s * state.z[:n]
    log_a = _log_a(params, x, m, s)
    a = np.exp(log_a - exact.log_value)
    error = math.sqrt(math.expm1(exact.log_ratio2) / n)
    name = f"P(x > {params.c:g}), estimate / exact" if params.task == "tail" else "evidence, estimate / exact"
    rows = [Check(name, float(a.mean()), 1.0, 4.5 * error, error=error)]
    error = math.sqrt(max(0.0, kurtosis - 1) / n)
    if error < 0.1:
        second = float(np.mean(a**2)) / math.exp(exact.log_ratio2)
        rows.append(Check("E(hw)², estimate / exact", second, 1.0, 4.5 * error, error=error))
    if params.task == "posterior":
        name, truth = "posterior mean of θ₁", importance.posterior(params.c, 1.0, NOISE).mean
    else:
        # E[x | x > c] = φ(c) / P(x > c)
        name = f"E[x | x > {params.c:g}]"
        truth = math.exp(float(_log_normal(np.array([params.c]), 0.0, 1.0)) - exact.log_value)
    mean = importance.self_normalised(x[:, 0], log_a)
    rows.append(Check(name, mean.value, truth, 4.5 * mean.error, error=mean.error))
    return tuple(rows)


LAB = Lab(
    id="importance-sampling",
    title="Importance sampling",
    chapter="probability",
    section="5.1",
    lesson="effective-draws",
    summary="Draws come from a proposal q and count p/q each; the rival draws as many from N(0, 1) itself.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "laws",
            "p, proposal q, and the ideal q*",
            series=(
                Series("p = N(0,1)", "p", "p_x"),
                Series("q = N(m,s²)", "q", "q_x"),
                Series("ideal", "ideal", "ideal_x"),
            ),
            x_label="x",
            x_range=(-4.0, 9.0),
            y_range=(FLOOR, 10.0),
            y_log=True,
        ),
        Chart(
            "estimate",
            "Estimate ÷ exact value",
            series=(
                Series("exact", "one", "n", "dashed"),
                Series("draws of N(0,1)", "rival_ratio", "n"),
                Series("draws of q", "ratio", "n"),
            ),
            x_label="draws n",
            x_log=True,
            y_range=(0.0, 3.0),
        ),
        Chart(
            "weights",
            "What each draw of q counts (1: exact)",
            series=(Series("", "draw_a", "draw_x", "points"),),
            x_label="x",
            x_range=(-4.0, 9.0),
            y_range=(FLOOR, 1e4),
            y_log=True,
        ),
        Chart(
            "gain",
            "log₁₀ of draws saved, by the mean of q",
            series=(
                Series("exact, this s", "gains", "means"),
                Series("best mean", "best", "best_x", "points"),
                Series("yours", "here", "here_x", "points"),
            ),
            x_label="mean m of q",
            x_range=(-2.0, 8.0),
        ),
        Chart(
            "ess",
            "Effective share of the draws, ESS/n",
            series=(
                Series("q: exact, n → ∞", "exact_ess", "n", "dashed"),
                Series("q", "ess", "n"),
                Series("N(0,1)", "rival_ess", "n"),
            ),
            x_label="draws n",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "concentration",
            "Share of the sum in the largest draws",
            series=(Series("q", "held", "top"), Series("N(0,1)", "rival_held", "rival_top")),
            x_label="share of draws",
            x_log=True,
            y_range=(0.0, 1.0),
        ),
    ),
    prediction=Prediction(
        prompt=(
            "P(x > 4) = 3.2e−5 for x ~ N(0, 1). For the same error, how many times fewer draws does N(4, 1) need,"
            " weighted, than plain draws of N(0, 1)? Give log₁₀ of the factor (0: no gain, 2: a hundred times fewer)."
        ),
        scalar="log_gain",
        low=-2.0,
        high=12.0,
        chart="gain",
        why=(
            "Of plain draws 1 in 31,600 counts, for all; of N(4, 1) half count, for e^(8−4x) each. The variance falls"
            " from P(1−P) = 3.2e−5 to 4.5e−9: 7,000 times."
        ),
    ),
    explain="pr-lab-importance-sampling",
    source=("kernels.importance",),
)
