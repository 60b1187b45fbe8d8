"""What maps do to a Gaussian: exact densities after tanh, after a linear map, and of sums on their way to the bell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import central_limit

    Array = npt.NDArray[np.float64]

STEPS = 60
FIRST, LAST = 50, 20_000
"""Samples after the first and the last step."""
CLOUD = 400
"""Points drawn."""
BINS = 40
GRID = (56, 36)
"""Columns and rows at which the exact density is drawn."""
TABLE = 401
"""Points at which the exact law of one coordinate is tabulated."""
ANGLE = math.pi / 6


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    map: str = param(
        "tanh",
        "y = tanh x by entry; y = A x; or, without x, standardised sums of random terms",
        choices=("tanh", "linear", "sum of exponentials", "sum of uniforms"),
    )
    sd: float = param(
        1.0, "standard deviation of each entry of x (tanh, linear)", low=0.1, high=4.0, step=0.1, live=True
    )
    correlation: float = param(
        0.6, "correlation of x₁ and x₂ (tanh, linear)", low=-0.95, high=0.95, step=0.05, live=True
    )
    stretch: float = param(
        2.0, "A stretches the first axis by this and turns by 30° (linear)", low=0.2, high=5.0, step=0.2, live=True
    )
    terms: int = param(4, "terms of each sum", low=1, high=64, scale="log")


class State(NamedTuple):
    """All draws of the run, of which the first n have arrived."""

    draws: Array
    """(LAST, 2) standard normal draws, or the finished sums."""
    single: Array
    """(CLOUD, 2) for sums, some standardised single terms."""
    tables: Array
    """(2, 3, TABLE) for a single term and for the sum: y, exact density, distribution function; empty for maps."""
    n: int
    steps: int


class Law1D(NamedTuple):
    """The exact law of y₁, tabulated."""

    y: Array
    density: Array
    distribution: Array
    sd: float


def _term(params: Params) -> central_limit.Term | None:
    """The law of the terms; None if y is a map of x."""
    match params.map:
        case "sum of exponentials":
            return "exponential"
        case "sum of uniforms":
            return "uniform"
    return None


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw everything at once, so that a knob that is turned shows the same draws mapped otherwise."""
    import numpy as np

    from kernels import central_limit

    term = _term(params)
    if term is None:
        return State(rng.standard_normal((LAST, 2)), np.empty((0, 2)), np.empty(0), 0, 0)
    draws = central_limit.draw(term, params.terms, (LAST, 2), rng)
    single = central_limit.draw(term, 1, (CLOUD, 2), rng)
    tables = []
    for k in (1, params.terms):
        low, high = central_limit.support(term, k)
        # Jumps and kinks of the density at the ends of the support are points of the table.
        y = np.linspace(max(low, -7.0), min(high, 12.0), TABLE)
        tables.append([y, central_limit.density(term, k, y), central_limit.distribution(term, k, y)])
    return State(draws, single, np.array(tables), 0, 0)


def step(params: Params, state: State) -> State:
    """More samples arrive, their number growing by the same factor each step."""
    steps = state.steps + 1
    return state._replace(n=round(FIRST * (LAST / FIRST) ** ((steps - 1) / (STEPS - 1))), steps=steps)


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STEPS


def done(params: Params, state: State) -> bool:
    """Whether all samples are there."""
    return state.steps >= STEPS


def _sigma(params: Params) -> Array:
    """Covariance of x."""
    import numpy as np

    return params.sd**2 * np.array([[1.0, params.correlation], [params.correlation, 1.0]])


def _matrix(params: Params) -> Array:
    """A: stretch along the first axis, then a turn by 30°. det A = stretch."""
    import numpy as np

    cos, sin = math.cos(ANGLE), math.sin(ANGLE)
    return np.array([[cos, -sin], [sin, cos]]) @ np.diag([params.stretch, 1.0])


def _samples(params: Params, state: State) -> tuple[Array, Array]:
    """(x, y): the draws before and after the map, or some single terms and the sums."""
    import numpy as np

    draws = state.draws[: state.n]
    if _term(params) is not None:
        return state.single[: state.n], draws
    x = draws @ np.linalg.cholesky(_sigma(params)).T
    return x, np.tanh(x) if params.map == "tanh" else x @ _matrix(params).T


def _law(params: Params, state: State) -> Law1D:
    """The exact law of y₁."""
    import numpy as np

    from kernels import gaussian

    if _term(params) is not None:
        y, density, distribution = state.tables[1]
        return Law1D(y, density, distribution, 1.0)
    if params.map == "linear":
        _, after = gaussian.linear(_matrix(params), 0.0, np.zeros(2), _sigma(params))
        sd = math.sqrt(after[0, 0])
        y = np.linspace(-6 * sd, 6 * sd, TABLE)
        return Law1D(y, gaussian.phi(y / sd) / sd, gaussian.Phi(y / sd), sd)
    # Evenly spread in x, so that the table is fine where y = tanh x crowds towards ±1.
    x = np.linspace(-8 * params.sd, 8 * params.sd, TABLE)
    x = x[np.abs(x) < 18]
    y = np.tanh(x)
    # 1 − tanh² as 1/cosh²: exact also where y rounds to ±1.
    density = gaussian.phi(x / params.sd) / params.sd * np.cosh(x) ** 2
    return Law1D(y, density, gaussian.Phi(x / params.sd), math.sqrt(_tanh_moment(params.sd)))


def _tanh_moment(sd: float) -> float:
    """E tanh²(x) for x ~ N(0, sd²)."""
    import numpy as np

    from kernels import gaussian

    z = np.linspace(-9.0, 9.0, 2001)
    return float(np.trapezoid(np.tanh(sd * z) ** 2 * gaussian.phi(z), z))


def _product_moment(params: Params) -> float:
    """E[tanh x₁ tanh x₂], by the product trapezoidal rule over x = L z."""
    import numpy as np

    from kernels import gaussian

    z = np.linspace(-8.0, 8.0, 161)
    L = np.linalg.cholesky(_sigma(params))
    first, second = np.tanh(L[0, 0] * z)[:, None], np.tanh(L[1, 0] * z[:, None] + L[1, 1] * z)
    weights = gaussian.phi(z) * (z[1] - z[0])
    return float(weights @ (first * second) @ weights)


def _plane(params: Params, state: State, law: Law1D) -> tuple[Array, Array, Array]:
    """(extent, exact density of y in the plane, the same of x) on the grid that is drawn."""
    import numpy as np

    from kernels import gaussian

    columns, rows = GRID
    match params.map:
        case "tanh":
            reach = 1.0
        case "linear":
            reach = 3.2 * math.sqrt(float((_matrix(params) @ _sigma(params) @ _matrix(params).T).diagonal().max()))
        case _:
            reach = 3.5

    def points(reach: float) -> Array:
        # Centres of the cells: at the border itself tanh's density is 0.
        x = reach * ((np.arange(columns) + 0.5) / columns * 2 - 1)
        y = reach * ((np.arange(rows) + 0.5) / rows * 2 - 1)
        return np.stack(np.meshgrid(x, y), axis=-1)

    at = points(reach)
    before = np.exp(gaussian.log_density(points(3.2 * params.sd), 0.0, _sigma(params)))
    if params.map == "tanh":
        after = np.exp(gaussian.tanh_log_density(at, _sigma(params)))
    elif params.map == "linear":
        mean, covariance = gaussian.linear(_matrix(params), 0.0, np.zeros(2), _sigma(params))
        after = np.exp(gaussian.log_density(at, mean, covariance))
    else:
        # Independent coordinates: the density is a product. Before: of single terms.
        y, density, _ = state.tables[0]
        before = np.prod(np.interp(at, y, density, left=0.0, right=0.0), axis=-1)
        after = np.prod(np.interp(at, law.y, law.density, left=0.0, right=0.0), axis=-1)
    return np.array([-reach, reach, -reach, reach]), after, before


def _map(params: Params, law: Law1D) -> tuple[Array, Array, Array]:
    """The increasing map from N(0, 1) to the law of y₁, and its slope: where it is steep the density is thin."""
    import numpy as np

    from kernels import gaussian

    z = np.linspace(-3.0, 3.0, 121)
    if params.map == "tanh":
        y = np.tanh(params.sd * z)
        return z, y, params.sd * (1 - y**2)
    if params.map == "linear":
        return z, law.sd * z, np.full_like(z, law.sd)
    # The quantile of Φ(z), from the table; its slope is φ(z) / p(y).
    y = np.interp(gaussian.Phi(z), law.distribution, law.y)
    with np.errstate(divide="ignore", invalid="ignore"):
        return z, y, gaussian.phi(z) / np.interp(y, law.y, law.density)


def frame(params: Params, state: State) -> Frame:
    """Samples over the exact density, in the plane and for one coordinate; the map and its slope."""
    import numpy as np

    from kernels import gaussian

    law = _law(params, state)
    x, y = _samples(params, state)
    extent, after, before = _plane(params, state, law)
    reach = float(extent[1])
    edges = np.linspace(-reach, reach, BINS + 1)
    inside = np.abs(law.y) < reach
    z, image, slope = _map(params, law)
    same = gaussian.phi(law.y / law.sd) / law.sd
    arrays: dict[str, Any] = {
        "y1": y[:CLOUD, 0],
        "y2": y[:CLOUD, 1],
        "x1": x[:CLOUD, 0],
        "x2": x[:CLOUD, 1],
        "after": np.sqrt(after),
        "after_extent": extent,
        "before": np.sqrt(before),
        "before_extent": extent if _term(params) else np.array([-1.0, 1.0, -1.0, 1.0]) * 3.2 * params.sd,
        "bars_y": 0.5 * (edges[1:] + edges[:-1]),
        "bars": np.histogram(y[:, 0], edges)[0] / (max(state.n, 1) * (edges[1] - edges[0])),
        "law_y": law.y[inside],
        "density": law.density[inside],
        "same": same[inside],
        "line_extent": np.array([-reach, reach, 0.0, 1.3 * float(law.density[inside].max())]),
        "z": z,
        "image": image,
        "slope": slope,
    }
    exact = float(np.abs(law.distribution - gaussian.Phi(law.y / law.sd)).max())
    # Not on a logarithmic axis: the gap of a Gaussian to itself, and what is there before the first sample.
    scalars = {"n": float(state.n), "exact_gap": exact if exact > 1e-9 and state.n else math.nan}
    if params.map == "tanh":
        scalars["mode"] = gaussian.tanh_mode(params.sd)
    if state.n:
        scalars["law_gap"], scalars["gauss_gap"] = _gaps(params, law, x, y)
    return Frame(state.steps, scalars, arrays, _note(params, exact))


def _gaps(params: Params, law: Law1D, x: Array, y: Array) -> tuple[float, float]:
    """Largest distance of the samples' distribution function of y₁ from the exact one, and from the Gaussian's."""
    import numpy as np

    from kernels import gaussian, goodness_of_fit

    first = np.sort(y[:, 0])
    if params.map == "tanh":
        # tanh increases: F(y) is Φ(x/sd), also where y is too close to ±1 for a table.
        F = gaussian.Phi(np.sort(x[:, 0]) / params.sd)
    else:
        F = np.interp(first, law.y, law.distribution)
    return (
        goodness_of_fit.kolmogorov_smirnov(F).D,
        goodness_of_fit.kolmogorov_smirnov(gaussian.Phi(first / law.sd)).D,
    )


def _note(params: Params, exact: float) -> str:
    from kernels import gaussian

    match params.map:
        case "tanh":
            mode = gaussian.tanh_mode(params.sd)
            middle = 1 / (params.sd * math.sqrt(2 * math.pi))
            if not mode:
                return (
                    f"sd {params.sd:g} ≤ 1/√2: one mode, at 0, of height {middle:.2f};"
                    f" the largest gap to a Gaussian's distribution function is {exact:.3f}"
                )
            return (
                f"sd {params.sd:g} > 1/√2: the slope 1 − y² crowds samples towards ±1: modes at ±{mode:.4g},"
                f" a dip to {middle:.2f} at 0, and still density 0 at ±1"
            )
        case "linear":
            return f"y = A x is Gaussian with covariance A Σ Aᵀ; det A = {params.stretch:g} divides the density"
    skew = 2 / math.sqrt(params.terms) if params.map == "sum of exponentials" else 0.0
    return (
        f"{params.terms} terms: skewness {skew:.2f}, the largest gap to Φ is {exact:.4f};"
        f" it falls as {'1/√terms' if skew else '1/terms'}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Exact law, moments and densities against the samples; 4.5 standard errors, a false alarm in 150,000."""
    import numpy as np

    from kernels import central_limit, gaussian

    n = state.n
    if n < 500:
        return ()
    law = _law(params, state)
    x, y = _samples(params, state)
    law_gap, gauss_gap = _gaps(params, law, x, y)
    rows = [Check("√n·D of y₁ against its exact law", math.sqrt(n) * law_gap, 1.95, 0.0, "<=")]
    if params.map == "linear":
        mean, covariance = gaussian.linear(_matrix(params), 0.0, np.zeros(2), _sigma(params))
        sample = np.cov(y.T)
        errors = gaussian.covariance_error(covariance, n)
        for i, j in ((0, 0), (0, 1), (1, 1)):
            error = float(errors[i, j])
            name = f"cov(y{'₁₂'[i]}, y{'₁₂'[j]}) = (A Σ Aᵀ){'₁₂'[i]}{'₁₂'[j]}"
            rows.append(Check(name, float(sample[i, j]), float(covariance[i, j]), 4.5 * error, error=error))
        drop = gaussian.log_density(x[:50], 0.0, _sigma(params)) - gaussian.log_density(y[:50], mean, covariance)
        off = float(np.abs(drop - math.log(params.stretch)).max())
        rows.append(Check("log p_x − log p_y off log|det A|", off, 0.0, 1e-10))
        return tuple(rows)
    if params.map == "tanh":
        beyond = 2 * float(gaussian.Phi(-math.atanh(0.9) / params.sd))
        products = y[:, 0] * y[:, 1]
        for name, values, truth in (
            ("P(|y₁| > 0.9)", np.abs(y[:, 0]) > 0.9, beyond),
            ("E y₁²", y[:, 0] ** 2, _tanh_moment(params.sd)),
            ("E y₁y₂", products, _product_moment(params)),
        ):
            # The spread of a rare event is known; that of the others is well estimated from the samples.
            spread = math.sqrt(truth * (1 - truth)) if name.startswith("P") else float(values.std())
            error = spread / math.sqrt(n)
            if name.startswith("P") and n * truth < 20:
                continue
            rows.append(Check(name, float(values.mean()), truth, 4.5 * error, error=error))
        return tuple(rows)
    term = _term(params)
    assert term is not None
    # The mean of Y² over n samples has variance (kurtosis − 1)/n.
    error = math.sqrt((central_limit.excess_kurtosis(term, params.terms) + 2) / n)
    rows.append(Check("E y₁²", float(np.mean(y[:, 0] ** 2)), 1.0, 4.5 * error, error=error))
    # By the triangle inequality the samples' gap to Φ is off the exact one by at most D.
    exact = float(np.abs(law.distribution - gaussian.Phi(law.y)).max())
    rows.append(Check("gap to Φ", gauss_gap, exact, 1.95 / math.sqrt(n)))
    return tuple(rows)


LAB = Lab(
    id="gaussian-transforms",
    title="What maps make of a Gaussian",
    chapter="probability",
    section="5.3",
    lesson="central-limit",
    summary="Samples arrive, are mapped, and lie on the exact density that the Jacobian gives.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "after",
            "After: samples on the density of y",
            series=(Series("y", "y2", "y1", "points"),),
            x_label="y₁",
            y_label="y₂",
            scale="√p",
            backdrop="after",
        ),
        Chart(
            "line",
            "Law of y₁: bars and exact density",
            series=(
                Series("samples", "bars", "bars_y", "bars"),
                Series("exact", "density", "law_y"),
                Series("Gaussian, same sd", "same", "law_y", "dashed"),
            ),
            x_label="y₁",
            backdrop="line",
        ),
        Chart(
            "map",
            "The map N(0,1) → y₁ and its Jacobian",
            series=(Series("y₁", "image", "z"), Series("slope dy₁/dz", "slope", "z")),
            x_label="z",
        ),
        Chart(
            "before",
            "Before: samples on the density of x",
            series=(Series("x", "x2", "x1", "points"),),
            x_label="x₁",
            y_label="x₂",
            scale="√p",
            backdrop="before",
        ),
        Chart(
            "gap",
            "Largest gap between the CDFs",
            series=(
                Series("exact law − Gaussian", "exact_gap", "n", "dashed"),
                Series("samples − Gaussian", "gauss_gap", "n"),
                Series("samples − exact law", "law_gap", "n"),
            ),
            x_label="samples n",
            x_log=True,
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "x ~ N(0, 1) is most likely near 0. Where is the density of y = tanh x largest: at which |y|, from 0 to 1?"
        ),
        scalar="mode",
        low=0.0,
        high=1.0,
        chart="map",
        why=(
            "Where tanh is flat it squeezes: p(y) = φ(x) / (1 − y²). For sd > 1/√2 this makes two modes, here at"
            " ±0.9575, where 2 tanh x = x. At ±1 the Gaussian's tail still wins."
        ),
    ),
    explain="pr-lab-gaussian-transforms",
    source=("kernels.gaussian", "kernels.central_limit"),
)
