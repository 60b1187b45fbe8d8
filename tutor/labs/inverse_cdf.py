"""Uniform numbers in, any law out: sampling by F⁻¹, tested by Kolmogorov–Smirnov or χ² against the law itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import inverse_cdf

    Array = npt.NDArray[np.float64]

STEPS = 100
FIRST = 20
"""Samples after the first step."""
SHOWN = 5
"""Newest draws whose way from u to x is drawn."""
ALARM = 1.95
"""√n D beyond which one right sampler in 1,000 is called wrong."""
BINS = 40
OUTCOMES = 13
VIEWS = {"exponential": (0.0, 6.0), "cauchy": (-8.0, 8.0), "mixture": (-4.5, 5.0), "discrete": (0.0, OUTCOMES + 1.0)}
"""Part of the line that is drawn."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    law: str = param(
        "exponential",
        "exponential of mean 1, Cauchy, a mixture of two Gaussians, or 13 tokens with p ∝ 1/k",
        choices=("exponential", "cauchy", "mixture", "discrete"),
    )
    samples: int = param(20_000, "samples in the end", low=500, high=50_000, scale="log")
    solver: str = param(
        "formula",
        "how F(x) = u is solved; the mixture has no formula and takes Newton, tokens are always searched",
        choices=("formula", "newton", "bisection"),
    )
    fault: float = param(
        0.0, "a bug: samples too wide by this share (tokens: temperature too high)", low=0.0, high=0.3, step=0.01
    )


class State(NamedTuple):
    """The draws so far."""

    u: Array
    """(n_max,) all uniform numbers of the run."""
    x: Array
    """(n_max,) what became of them; NaN: still to come."""
    n: int
    round_trip: float
    """Largest |F(F⁻¹(u)) − u| met, or for tokens 1 if one was ever wrong."""
    errors: tuple[tuple[float, ...], tuple[float, ...]]
    """Largest |F(x) − u| by iteration for bisection and for Newton, at 199 evenly spread u."""
    steps: int


def _law(params: Params) -> inverse_cdf.Law | None:
    """The law on the line; None for tokens."""
    from kernels import inverse_cdf

    match params.law:
        case "exponential":
            return inverse_cdf.exponential()
        case "cauchy":
            return inverse_cdf.cauchy()
        case "mixture":
            return inverse_cdf.mixture([0.3, 0.7], [-2.0, 1.5], [0.6, 1.0])
    return None


def _tokens(temperature: float = 1.0) -> Array:
    """p_k ∝ k^(−1/T), k = 1 … 13: the words of a language are about so frequent (Zipf)."""
    import numpy as np

    weights = np.arange(1.0, OUTCOMES + 1) ** (-1.0 / temperature)
    return np.asarray(weights / weights.sum())


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw the uniform numbers."""
    import numpy as np

    from kernels import inverse_cdf

    law = _law(params)
    errors: tuple[tuple[float, ...], ...] = ((), ())
    if law is not None:
        u = np.arange(1, 200) / 200
        errors = tuple(inverse_cdf.solve(law, u, newton).errors for newton in (False, True))
    u = rng.random(params.samples)
    return State(u, np.full(params.samples, np.nan), 0, 0.0, (errors[0], errors[1]), 0)


def step(params: Params, state: State) -> State:
    """Invert F for the next uniform numbers; their number grows by the same factor each step."""
    import numpy as np

    from kernels import inverse_cdf

    steps = state.steps + 1
    n = round(FIRST * (params.samples / FIRST) ** (steps / STEPS))
    u = state.u[state.n : n]
    law = _law(params)
    if law is None:
        # What a correct search returns lies between the sums before and after it.
        right = inverse_cdf.discrete(u, _tokens())
        sums = np.concatenate([[0.0], np.cumsum(_tokens())])
        off = float(np.any((u < sums[right] - 1e-15) | (u > sums[right + 1] + 1e-15)))
        new = 1.0 + inverse_cdf.discrete(u, _tokens(1 + params.fault))
    else:
        if params.solver == "formula" and law.inverse is not None:
            new = law.inverse(u)
        else:
            new = inverse_cdf.solve(law, u, params.solver != "bisection").x
        off = float(np.abs(law.cdf(new) - u).max(initial=0.0))
        new = new * (1 + params.fault)
    x = state.x.copy()
    x[state.n : n] = new
    return state._replace(x=x, n=n, round_trip=max(state.round_trip, off), steps=steps)


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STEPS


def done(params: Params, state: State) -> bool:
    """Whether all samples are drawn."""
    return state.steps >= STEPS


class Verdict(NamedTuple):
    """A test of the samples so far."""

    statistic: float
    limit: float
    p_value: float


def _test(params: Params, state: State) -> Verdict:
    import numpy as np

    from kernels import goodness_of_fit

    law = _law(params)
    if law is None:
        counts = np.bincount(state.x[: state.n].astype(int), minlength=OUTCOMES + 1)[1:]
        statistic = goodness_of_fit.chi_square(counts, _tokens())
        limit = goodness_of_fit.chi_square_limit(OUTCOMES - 1)
        return Verdict(statistic, limit, goodness_of_fit.chi_square_tail(statistic, OUTCOMES - 1))
    F = law.cdf(np.sort(state.x[: state.n]))
    statistic = math.sqrt(state.n) * goodness_of_fit.kolmogorov_smirnov(F).D
    return Verdict(statistic, ALARM, goodness_of_fit.kolmogorov_tail(statistic))


def _moments(params: Params) -> tuple[float, float, float]:
    """Exact (mean, standard deviation, median); NaN where there is none."""
    import numpy as np

    from kernels import inverse_cdf

    match params.law:
        case "exponential":
            return 1.0, 1.0, math.log(2)
        case "cauchy":
            return math.nan, math.nan, 0.0
        case "mixture":
            law = _law(params)
            assert law is not None
            mean = 0.3 * -2.0 + 0.7 * 1.5
            variance = 0.3 * (0.6**2 + 4.0) + 0.7 * (1.0 + 1.5**2) - mean**2
            return mean, math.sqrt(variance), float(inverse_cdf.solve(law, np.array([0.5])).x[0])
    p, k = _tokens(), np.arange(1, OUTCOMES + 1)
    mean = float(p @ k)
    return mean, math.sqrt(float(p @ (k - mean) ** 2)), float(k[np.searchsorted(np.cumsum(p), 0.5)])


def frame(params: Params, state: State) -> Frame:
    """F with the newest draws, bars against the density, the gap between the distribution functions."""
    import numpy as np

    low, high = VIEWS[params.law]
    law = _law(params)
    n, x = state.n, np.sort(state.x[: state.n])
    if law is None:
        p = _tokens()
        k = np.arange(1.0, OUTCOMES + 1)
        curve_x = np.repeat(np.concatenate([[low], k, [high]]), 2)[1:-1]
        curve_F = np.repeat(np.concatenate([[0.0], np.cumsum(p)]), 2)
        # Tokens have no density: their probabilities stand beside the bars as points.
        pdf_x, pdf = k, p
        bars_x, width = k, 1.0
        edges = np.arange(OUTCOMES + 1) + 0.5
    else:
        curve_x = np.linspace(low, high, 241)
        curve_F, pdf_x, pdf = law.cdf(curve_x), curve_x, law.pdf(curve_x)
        edges = np.linspace(low, high, BINS + 1)
        bars_x, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    counts = np.histogram(x, edges)[0]
    bars = counts / (max(n, 1) * width)
    arrays: dict[str, Any] = {
        "curve_x": curve_x,
        "curve_F": curve_F,
        "pdf_x": pdf_x,
        "pdf": pdf,
        "bars_x": bars_x,
        "bars": bars,
        # Charts take their axes from these: the part of the line that is drawn depends on the law.
        "unit_extent": np.array([low, high, 0.0, 1.0]),
        "area_extent": np.array([low, high, 0.0, 1.25 * float(pdf.max())]),
        "bisection_iteration": np.arange(len(state.errors[0])),
        "bisection_error": np.array(state.errors[0]),
        "newton_iteration": np.arange(len(state.errors[1])),
        "newton_error": np.array(state.errors[1]),
    }
    for place in range(SHOWN):
        # Each draw has its place and colour: in from the left at height u, across to F, down to x.
        at = max(0, n - SHOWN) + place
        drawn = at < n
        way_x = [low, *2 * [float(np.clip(state.x[at], low, high))]] if drawn else []
        arrays[f"way{place}_x"] = np.array(way_x)
        arrays[f"way{place}_u"] = np.array([state.u[at], state.u[at], 0.0] if drawn else [])
    arrays |= _against(params, x)
    mean, _, median = _moments(params)
    scalars = {"n": float(n)}
    note = "u in on the left, across to F, down to x = F⁻¹(u): where F is steep, many u land on few x"
    if n:
        test = _test(params, state)
        scalars |= {
            "mean": float(x.mean()),
            "median": float(np.median(x)),
            "exact_mean": mean,
            "exact_median": median,
            "statistic": test.statistic,
            "limit": test.limit,
            "p_value": test.p_value,
        }
        name = "χ²" if law is None else "√n·D"
        note = (
            f"n = {n}: {name} = {test.statistic:.2f}, alarm above {test.limit:.2f};"
            f" a right sampler exceeds {test.statistic:.2f} in {test.p_value:.1%} of runs"
        )
        if params.fault and test.statistic <= test.limit:
            note += f". The bug of {params.fault:.0%} is still hidden in the noise of {n} samples"
        elif params.fault:
            note += f". {n} samples are enough to see a bug of {params.fault:.0%}"
        elif params.law == "cauchy":
            note += ". The mean never settles: a Cauchy law has none"
    return Frame(state.steps, scalars, arrays, note)


def _against(params: Params, x: Array) -> dict[str, Any]:
    """F_n beside F and, enlarged by √n, their difference; for tokens each share's distance from p in its own sd."""
    import numpy as np

    from kernels import goodness_of_fit

    low, high = VIEWS[params.law]
    n = len(x)
    if not n:
        names = ("ecdf_x", "ecdf", "gap_x", "gap", "bridge_u", "bridge", "ends", "above", "below")
        return {name: np.array([]) for name in names}
    seen = np.linspace(low, high, 201)
    ecdf = np.searchsorted(x, seen, side="right") / n
    law = _law(params)
    if law is None:
        p = _tokens()
        shares = np.bincount(x.astype(int), minlength=OUTCOMES + 1)[1:] / n
        return {
            "ecdf_x": seen,
            "ecdf": ecdf,
            "gap_x": np.array([]),
            "gap": np.array([]),
            "bridge_u": np.cumsum(p) - 0.5 * p,
            # At the edge of the chart rather than outside.
            "bridge": np.clip((shares - p) / np.sqrt(p * (1 - p) / n), -3.0, 3.0),
            **{name: np.array([]) for name in ("ends", "above", "below")},
        }
    F = law.cdf(x)
    gap = goodness_of_fit.kolmogorov_smirnov(F)
    top = (gap.at + (1 if gap.above else 0)) / n
    picks = np.unique(np.linspace(0, n - 1, min(n, 400)).astype(int))
    return {
        "ecdf_x": seen,
        "ecdf": ecdf,
        "gap_x": np.full(2, np.clip(x[gap.at], low, high)),
        "gap": np.array([F[gap.at], top]),
        "bridge_u": F[picks],
        "bridge": math.sqrt(n) * ((picks + 0.5) / n - F[picks]),
        "ends": np.array([0.0, 1.0]),
        "above": np.full(2, ALARM),
        "below": np.full(2, -ALARM),
    }


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The test's statistic below its alarm, the round trip through F, and the moments that exist."""
    import numpy as np

    law = _law(params)
    n = state.n
    # χ² needs at least about 5 expected in each cell.
    if n < (200 if law is not None else 5 / _tokens().min()):
        return ()
    x = state.x[:n]
    test = _test(params, state)
    name = "χ², 12 degrees of freedom" if law is None else "√n·D (Kolmogorov–Smirnov)"
    rows = [Check(name, test.statistic, test.limit, 0.0, "<=")]
    if law is None:
        rows.append(Check("tokens that F does not allow", state.round_trip, 0.0, 0.0))
    else:
        rows.append(Check("F(F⁻¹(u)) off u, largest", state.round_trip, 0.0, 1e-12))
    mean, sd, median = _moments(params)
    # 4.5 standard errors: a false alarm in about 1 of 150,000 checks.
    if not math.isnan(mean):
        error = sd / math.sqrt(n)
        rows.append(Check("mean", float(x.mean()), mean, 4.5 * error, error=error))
    if law is not None:
        error = 0.5 / (float(law.pdf(np.array([median]))[0]) * math.sqrt(n))
        rows.append(Check("median = F⁻¹(½)", float(np.median(x)), median, 4.5 * error, error=error))
    return tuple(rows)


LAB = Lab(
    id="inverse-cdf",
    title="Sampling by the inverse CDF",
    chapter="probability",
    section="5.1",
    lesson="sampling",
    summary="Uniform u go through F⁻¹ and come out with distribution F; a test says whether they really do.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "map",
            "u in on the left, x = F⁻¹(u) below",
            series=(
                Series("", "curve_F", "curve_x"),
                *(Series("", f"way{place}_u", f"way{place}_x") for place in range(SHOWN)),
            ),
            x_label="x",
            y_label="u",
            backdrop="unit",
        ),
        Chart(
            "histogram",
            "Samples (bars) and the exact law",
            series=(Series("samples", "bars", "bars_x", "bars"), Series("exact", "pdf", "pdf_x")),
            x_label="x",
            y_label="p",
            backdrop="area",
        ),
        Chart(
            "ecdf",
            "F, samples' F_n, and largest gap D",
            series=(
                Series("F", "curve_F", "curve_x", "dashed"),
                Series("F_n", "ecdf", "ecdf_x"),
                Series("D", "gap", "gap_x"),
            ),
            x_label="x",
            backdrop="unit",
        ),
        Chart(
            "bridge",
            "√n (F_n − F); tokens: off p in sd",
            series=(
                Series("", "bridge", "bridge_u", "points"),
                Series("", "above", "ends", "dashed"),
                Series("", "below", "ends", "dashed"),
            ),
            x_label="F(x)",
            x_range=(0.0, 1.0),
            y_range=(-3.0, 3.0),
        ),
        Chart(
            "statistic",
            "√n·D (tokens: χ²), and its alarm",
            series=(Series("alarm (1 in 1,000)", "limit", "n", "dashed"), Series("measured", "statistic", "n")),
            x_label="samples n",
            x_log=True,
        ),
        Chart(
            "centre",
            "Mean and median of the samples",
            series=(
                Series("exact mean", "exact_mean", "n", "dashed"),
                Series("exact median", "exact_median", "n", "dashed"),
                Series("mean", "mean", "n"),
                Series("median", "median", "n"),
            ),
            x_label="samples n",
            x_log=True,
        ),
        Chart(
            "solve",
            "Solving F(x) = u: largest error left",
            series=(
                Series("bisection", "bisection_error", "bisection_iteration"),
                Series("Newton in a bracket", "newton_error", "newton_iteration"),
            ),
            x_label="iteration",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=("The law is exponential with mean 1: F(x) = 1 − e^(−x). Below which x will half of the samples lie?"),
        scalar="median",
        low=0.0,
        high=10.0,
        chart="centre",
        why="F⁻¹ increases, so the median of u, ½, goes to the median of x: F⁻¹(½) = ln 2 = 0.69, not the mean 1.",
    ),
    explain="pr-lab-inverse-cdf",
    source=("kernels.inverse_cdf", "kernels.goodness_of_fit"),
)
