"""An energy learnt without its partition function: implicit and denoising score matching against the exact score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import gaussian_mixture, optimizers

    Array = npt.NDArray[np.float64]

UPDATES = 3000
PER_STEP = 20
BATCH = 256
UNITS = 32
WEIGHTS, SD = (0.3, 0.7), 0.5
POINTS = 1201
"""Of the grid for quadrature."""
SHOWN = 201
"""Of them, drawn."""
FRESH = 20_000
"""Fresh points on which the identities are measured."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    loss: str = param("denoising", "what is minimised", choices=("denoising", "implicit", "implicit, with a bug"))
    sigma: float = param(0.5, "σ of the noise that denoising adds", low=0.05, high=2.0, scale="log", step=1.26)
    mode: float = param(2.0, "the data's modes are at ± this", low=0.0, high=5.0, step=0.5)
    samples: int = param(5000, "training points", low=50, high=20_000, scale="log")
    lr: float = param(0.02, "learning rate of Adam at the start", low=1e-3, high=0.5, scale="log", live=True)


class State(NamedTuple):
    """The energy in training."""

    x: Array
    """(n, 1)"""
    adam: optimizers.State
    updates: int
    diverged: int
    rng: np.random.Generator


def _law(params: Params) -> gaussian_mixture.Mixture:
    import numpy as np

    from kernels.gaussian_mixture import Mixture

    return Mixture(np.array(WEIGHTS), np.array([[-params.mode], [params.mode]]), np.array([SD, SD]))


def _aim(params: Params) -> gaussian_mixture.Mixture:
    """The law whose score the loss asks for: the data's, or for denoising that of the data with noise."""
    from kernels import gaussian_mixture

    return gaussian_mixture.blurred(_law(params), params.sigma) if params.loss == "denoising" else _law(params)


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw the data; start near the energy of one Gaussian."""
    from kernels import gaussian_mixture, optimizers, score_matching

    x = gaussian_mixture.draw(_law(params), params.samples, rng)
    return State(x, optimizers.init(score_matching.init(x, UNITS, rng)), 0, 0, rng)


def _loss(params: Params, theta: Array, x: Array, rng: np.random.Generator) -> tuple[float, Array]:
    from kernels import score_matching

    if params.loss == "denoising":
        return score_matching.denoising(theta, x, params.sigma, rng.standard_normal(x.shape))
    return score_matching.implicit(theta, x, trace=1.0 if params.loss == "implicit" else 0.0)


def step(params: Params, state: State) -> State:
    """Twenty steps of Adam on random batches."""
    import copy

    import numpy as np

    from kernels import optimizers

    rng = copy.deepcopy(state.rng)
    adam, updates = state.adam, state.updates
    for _ in range(PER_STEP):
        lr = params.lr * 0.5 * (1 + math.cos(math.pi * updates / UPDATES))
        batch = state.x[rng.integers(0, len(state.x), BATCH)]
        with np.errstate(all="ignore"):
            loss, gradient = _loss(params, adam.w, batch, rng)
        if not (math.isfinite(loss) and np.isfinite(gradient).all() and abs(float(adam.w[-1])) < 30):
            return state._replace(adam=adam, updates=updates, diverged=updates + 1, rng=rng)
        adam, updates = optimizers.adam(adam, gradient, lr), updates + 1
    return state._replace(adam=adam, updates=updates, rng=rng)


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return UPDATES // PER_STEP if not state.diverged else -(-state.diverged // PER_STEP)


def done(params: Params, state: State) -> bool:
    """Whether training is over, or has failed."""
    return state.updates >= UPDATES or state.diverged > 0


class _Exact(NamedTuple):
    """The law to be learnt and the model of it, on a grid."""

    x: Array
    p: Array
    score: Array
    model_score: Array
    model: Array
    """The model's density e^(−E)/Z, its Z by quadrature."""

    def mean(self, values: Array) -> float:
        """E_p by the trapezoidal rule."""
        import numpy as np

        return float(np.trapezoid(self.p * values, self.x))


def _exact(params: Params, state: State) -> _Exact:
    import numpy as np

    from kernels import gaussian_mixture, score_matching

    aim = _aim(params)
    reach = params.mode + 8 * float(aim.sd[0])
    x = np.linspace(-reach, reach, POINTS)
    log_p, score = gaussian_mixture.log_density_and_score(aim, x[:, None])
    theta = state.adam.w
    with np.errstate(all="ignore"):
        model_score = score_matching.score(theta, x[:, None])[0][:, 0]
        E = score_matching.energy(theta, x[:, None])
        weight = np.exp(E.min() - E)
        model = weight / np.trapezoid(weight, x)
    return _Exact(x, np.exp(log_p), score[:, 0], model_score, model)


def _width(x: Array, p: Array) -> float:
    """Standard deviation of a density to the right of 0."""
    import numpy as np

    right = x >= 0
    x, p = x[right], p[right] / np.trapezoid(p[right], x[right])
    mean = float(np.trapezoid(p * x, x))
    return math.sqrt(max(0.0, float(np.trapezoid(p * (x - mean) ** 2, x))))


def _right(x: Array, p: Array) -> float:
    import numpy as np

    return float(np.trapezoid(np.where(x > 0, p, 0.0), x))


def frame(params: Params, state: State) -> Frame:
    """Score, density and energy, learnt and exact; the loss above its floor."""
    import numpy as np

    from kernels import gaussian_mixture

    exact = _exact(params, state)
    view = params.mode + 4 * SD + (params.sigma if params.loss == "denoising" else 0.0)
    x = np.linspace(-view, view, SHOWN)
    data_p = np.exp(gaussian_mixture.log_density_and_score(_law(params), x[:, None])[0])
    p, score, model, model_score = (
        np.interp(x, exact.x, values) for values in (exact.p, exact.score, exact.model, exact.model_score)
    )
    with np.errstate(all="ignore"):
        wrong = exact.mean((exact.model_score - exact.score) ** 2)
        fisher = exact.mean(exact.score**2)
        E, exact_E = -np.log(np.maximum(model, 1e-12)), -np.log(np.maximum(p, 1e-12))
    edges = np.linspace(-view, view, 51)
    limit = 1.3 * float(np.abs(score).max())
    # From the identities in the kernel; the loss itself, sampled, would hide small excesses in its noise.
    offset = 0.5 * (1 / params.sigma**2 - fisher) if params.loss == "denoising" else -0.5 * fisher
    arrays = {
        "x": x,
        "score": score,
        "model_score": np.clip(model_score, -limit, limit),
        "score_extent": np.array([-view, view, -limit, limit]),
        "p": p,
        "data_p": data_p,
        "model": model,
        "E": E - E.min(),
        "exact_E": exact_E - exact_E.min(),
        "energy_extent": np.array([-view, view, 0.0, 12.0]),
        "bins": 0.5 * (edges[1:] + edges[:-1]),
        "bars": np.histogram(state.x[:, 0], edges)[0] / (len(state.x) * (edges[1] - edges[0])),
    }
    scalars = {
        "updates": float(state.updates),
        "loss": 0.5 * wrong + offset,
        "floor": offset,
        "wrong": wrong / fisher,
        "right": _right(exact.x, exact.model),
        "right_exact": _right(exact.x, exact.p),
        "width": _width(exact.x, exact.model),
        "width_exact": _width(exact.x, exact.p),
    }
    note = (
        f"update {state.updates}: E|s − s*|² is {scalars['wrong']:.1%} of E|s*|²; the model puts"
        f" {scalars['right']:.2f} to the right of 0, the law {scalars['right_exact']:.2f}"
    )
    if state.diverged:
        note = f"diverged at update {state.diverged}: lr = {params.lr:g} is too large for this loss"
    elif params.loss == "denoising" and done(params, state):
        note += f"; with the noise its modes have sd {scalars['width']:.2f}, the data's {SD}"
    elif params.loss == "implicit, with a bug" and done(params, state):
        span = float(np.ptp((E - E.min())[np.abs(x) < params.mode + SD]))
        note = (
            f"the loss is near 0, its least value, and the energy is flat: it varies by {span:.2f} where the data are"
        )
    elif wrong > fisher and params.samples < 500 and state.updates:
        note += f"; the trace falls at the {params.samples} points only: overfitting"
    return Frame(state.updates // PER_STEP, scalars, arrays, note)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Both identities, loss = ½ E|s − s*|² + constant, on fresh data; then how good the score is."""
    import copy

    from kernels import gaussian_mixture, score_matching

    if not done(params, state) or state.diverged:
        return ()
    theta, law = state.adam.w, _law(params)
    rng = copy.deepcopy(state.rng)
    x = gaussian_mixture.draw(law, FRESH, rng)
    rows = []
    # Each difference is averaged point by point, so that what both sides share carries no noise.
    s, trace = score_matching.score(theta, x)
    _, exact_s = gaussian_mixture.log_density_and_score(law, x)
    d = (0.5 * s**2 - 0.5 * (s - exact_s) ** 2 + 0.5 * exact_s**2)[:, 0] + trace
    error = float(d.std(ddof=1)) / math.sqrt(FRESH)
    rows.append(Check("implicit loss − ½E|s−s*|² + ½E|s*|²", float(d.mean()), 0.0, 4 * error, error=error))
    sigma = params.sigma
    eps = rng.standard_normal(x.shape)
    s, _ = score_matching.score(theta, x + sigma * eps)
    _, exact_s = gaussian_mixture.log_density_and_score(gaussian_mixture.blurred(law, sigma), x + sigma * eps)
    d = (0.5 * (s + eps / sigma) ** 2 - 0.5 * (s - exact_s) ** 2 - 0.5 * (eps**2 / sigma**2 - exact_s**2))[:, 0]
    error = float(d.std(ddof=1)) / math.sqrt(FRESH)
    rows.append(Check("denoising loss − ½E|s−s*_σ|² − floor", float(d.mean()), 0.0, 4 * error, error=error))
    exact = _exact(params, state)
    wrong = exact.mean((exact.model_score - exact.score) ** 2) / exact.mean(exact.score**2)
    rows.append(Check("E|s − s*|² / E|s*|²", wrong, 0.0, 0.05))
    if params.loss == "denoising":
        rows.append(Check("sd right of 0", _width(exact.x, exact.model), _width(exact.x, exact.p), 0.05))
    return tuple(rows)


LAB = Lab(
    id="score-matching",
    title="Score matching without Z",
    chapter="energy-models",
    section="8.1",
    lesson="score-matching",
    summary="An energy network learns the slope of log p from samples alone; the exact score stands beside it.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "score",
            "Score s(x) = −E′(x), learnt and exact",
            series=(
                Series("exact", "score", "x", "dashed"),
                Series("learnt", "model_score", "x"),
            ),
            x_label="x",
            backdrop="score",
        ),
        Chart(
            "density",
            "Density e^(−E)/Z, with Z by quadrature",
            series=(
                Series("data", "bars", "bins", "bars"),
                Series("exact, as blurred", "p", "x", "dashed"),
                Series("learnt", "model", "x"),
            ),
            x_label="x",
        ),
        Chart(
            "energy",
            "Energy E(x), least value at 0",
            series=(Series("exact", "exact_E", "x", "dashed"), Series("learnt", "E", "x")),
            x_label="x",
            backdrop="energy",
        ),
        Chart(
            "loss",
            "The loss and its exact floor",
            series=(Series("floor", "floor", "updates", "dashed"), Series("loss", "loss", "updates")),
            x_label="updates",
        ),
        Chart(
            "wrong",
            "E|s − s*|² as a share of E|s*|²",
            series=(Series("", "wrong", "updates"),),
            x_label="updates",
            y_log=True,
        ),
        Chart(
            "width",
            "Standard deviation to the right of 0",
            series=(Series("exact", "width_exact", "updates", "dashed"), Series("model", "width", "updates")),
            x_label="updates",
        ),
        Chart(
            "right",
            "Mass to the right of 0",
            series=(Series("exact", "right_exact", "updates", "dashed"), Series("model", "right", "updates")),
            x_label="updates",
            y_range=(0.0, 1.0),
        ),
    ),
    prediction=Prediction(
        prompt=(
            "The data have two modes at ±2, each with standard deviation 0.5. Denoising adds noise with σ = 0.5. What"
            " standard deviation do the modes of the learnt density have?"
        ),
        scalar="width",
        low=0.0,
        high=3.0,
        chart="width",
        why=(
            "Denoising learns the score of the noisy data. Independent variances add: √(0.5² + 0.5²) = 0.71 (0.70 when"
            " cut off at 0). For the clean density σ must go to 0, where the loss gets noisy: hence many noise levels."
        ),
    ),
    explain="em-lab-score-matching",
    source=("kernels.score_matching", "kernels.gaussian_mixture"),
)
