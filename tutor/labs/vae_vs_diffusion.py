"""Five generative models on the same data, with the same time to train and the same measures beside the floor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs import contenders
from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import planar

    Array = npt.NDArray[np.floating[Any]]

PART = 25.0
"""Milliseconds of training in a step."""
POINTS = 4000
SHOWN = 400
FLOORS = 8
"""Sets of true samples, for the floor."""
HELD, PIECES = 1024, 16
"""Fresh points whose likelihood is taken, and the pieces this is cut into."""
ROWS = ("true data", "Gaussian", "VAE", "VAE+diffusion", "diffusion", "flow matching", "GAN")
SHORT = ("data", "Gauss", "VAE", "V+D", "diff", "flow", "GAN")
"""Names of the rows below the bars of a chart."""
COLUMNS = ("SW₁", "off %", "least", "−log p", "NLL", "calls")
MOMENTS = ("FD", "radius", "angle", "off %")
LATENT = contenders.KINDS.index("latent")


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    source: str = param("ring", "a ring, or nine Gaussians", choices=("ring", "grid"))
    seconds: float = param(1.5, "training time of each model", low=0.1, high=20.0, scale="log", unit="s")
    show: str = param(
        "all in turn",
        "whose samples are drawn",
        choices=("all in turn", "gaussian", *contenders.KINDS),
        live=True,
    )


class Result(NamedTuple):
    """The samples of a model (or of the Gaussian, or true ones) and their measures."""

    x: Array
    """(SHOWN, 2) some of them."""
    measures: planar.Measures
    frechet: float
    radius: float
    angle: float


class State(NamedTuple):
    """One model after the other is trained, sampled and, where that is possible, asked for its likelihood."""

    floors: tuple[Result, ...]
    gaussian: Result | None
    training: contenders.Training | None
    results: tuple[Result, ...]
    """Of the models that are trained, in order."""
    held: Array
    """(HELD, 2) the same fresh points for all."""
    likelihoods: tuple[Array, ...]
    """log p_θ of the held-out points of each model that has been asked; empty where there is none."""
    pending: Array
    """Those of the model that is being asked."""
    steps: int
    rng: np.random.Generator


def _name(params: Params) -> planar.Name:
    return "ring" if params.source == "ring" else "grid"


def init(params: Params, rng: np.random.Generator) -> State:
    """The first model before its first update."""
    import numpy as np

    from kernels import planar

    name = _name(params)
    first = contenders.begin(contenders.KINDS[0], name, params.seconds, rng)
    return State((), None, first, (), planar.draw(name, HELD, rng), (), np.empty(0), 0, rng)


def step(params: Params, state: State) -> State:
    """The floor and the Gaussian; then a part of a model's training, its samples, or a part of its likelihood."""
    import copy

    import numpy as np

    from kernels import planar

    state = state._replace(steps=state.steps + 1, rng=copy.deepcopy(state.rng))
    name, rng = _name(params), state.rng
    if len(state.floors) < FLOORS:
        return state._replace(floors=(*state.floors, _result(name, planar.draw(name, POINTS, rng))))
    if state.gaussian is None:
        x = math.sqrt(planar.variance(name)) * rng.standard_normal((POINTS, 2))
        return state._replace(gaussian=_result(name, x))
    training = state.training
    if training is None:
        return state
    if contenders.left(training) > 0:
        return state._replace(training=contenders.advance(training, PART, rng))
    at = len(state.likelihoods)
    if len(state.results) == at:
        return state._replace(results=(*state.results, _result(name, contenders.sample(training, POINTS, rng))))
    start = len(state.pending)
    values = contenders.log_likelihood(training, state.held[start : start + HELD // PIECES], rng)
    pending = np.concatenate([state.pending, values]) if values is not None else state.pending
    if values is not None and len(pending) < HELD:
        return state._replace(pending=pending)
    following = None
    if at + 1 < len(contenders.KINDS):
        following = contenders.begin(contenders.KINDS[at + 1], name, params.seconds, rng)
    return state._replace(likelihoods=(*state.likelihoods, pending), pending=np.empty(0), training=following)


def _result(name: planar.Name, x: Array) -> Result:
    import numpy as np

    from kernels import planar

    if not np.isfinite(x).all():
        return Result(x[:SHOWN], planar.measure(name, x), math.nan, math.nan, math.nan)
    radius, angle = planar.ring_measures(x) if name == "ring" else (math.nan, math.nan)
    return Result(x[:SHOWN], planar.measure(name, x), planar.frechet(name, x), radius, angle)


def _left(params: Params, state: State) -> int:
    left = FLOORS - len(state.floors) + (state.gaussian is None)
    at = len(state.likelihoods)
    for k in range(at, len(contenders.KINDS)):
        ahead = 1000 * params.seconds
        if k == at and state.training is not None:
            ahead = contenders.left(state.training)
        asked = PIECES if contenders.KINDS[k] in {"vae", "diffusion", "flow"} else 1
        if k == at:
            asked -= len(state.pending) // (HELD // PIECES)
        left += math.ceil(ahead / PART) + (len(state.results) <= k) + asked
    return left


def done(params: Params, state: State) -> bool:
    """Whether all models are trained and measured."""
    return state.training is None


def total(params: Params, state: State) -> int:
    """Steps taken and to come; a model's updates may not divide evenly into steps."""
    return state.steps if done(params, state) else state.steps + _left(params, state)


def _line(result: Result | None, nll: float, calls: float) -> list[float]:
    if result is None:
        return [math.nan] * len(COLUMNS)
    m = result.measures
    return [m.sw1, 100 * m.off, m.least, m.nll, nll, calls]


def _floor(state: State) -> list[float]:
    import numpy as np

    if not state.floors:
        return [math.nan] * 4
    return [
        float(np.mean([each.measures.sw1 for each in state.floors])),
        float(np.mean([each.measures.off for each in state.floors])) * 100,
        float(np.mean([each.measures.least for each in state.floors])),
        float(np.mean([each.measures.nll for each in state.floors])),
    ]


def _likelihood(state: State, k: int) -> float:
    """−mean log p_θ of the held-out points for model k; NaN where there is none."""
    known = k < len(state.likelihoods) and len(state.likelihoods[k])
    return -float(state.likelihoods[k].mean()) if known else math.nan


def frame(params: Params, state: State) -> Frame:
    """The table, the samples of one model over the exact density, and the measures as bars."""
    import copy

    import numpy as np

    from kernels import planar

    name = _name(params)
    gaussian_nll = math.nan
    if state.gaussian is not None:
        v = planar.variance(name)
        gaussian_nll = float(np.mean(0.5 * np.sum(state.held**2, axis=1) / v)) + math.log(2 * math.pi * v)
    results = [*state.results, *[None] * (len(contenders.KINDS) - len(state.results))]
    table = [[*_floor(state), planar.entropy(name), math.nan], _line(state.gaussian, gaussian_nll, 0.0)]
    for k, kind in enumerate(contenders.KINDS):
        table.append(_line(results[k], _likelihood(state, k), contenders.CALLS[kind]))
    floors = state.floors
    means = [float(np.mean([each[i] for each in floors])) if floors else math.nan for i in (2, 3, 4)]
    moments = [[*means, _floor(state)[1]]]
    moments += [
        [each.frechet, each.radius, each.angle, 100 * each.measures.off] if each else [math.nan] * len(MOMENTS)
        for each in (state.gaussian, *results)
    ]
    reach = 3.2 if name == "ring" else 8.5
    side = np.linspace(-reach, reach, 41)
    places = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    logs = planar.log_density(name, places).reshape(41, 41) / math.log(10)
    shown, whose = _shown(params, state, copy.deepcopy(state.rng))
    numbers = np.array(table)
    known = np.isfinite(numbers[:, 0])
    arrays: dict[str, Any] = {
        "table": numbers,
        "moments": np.array(moments),
        "x": shown[:, 0],
        "y": shown[:, 1],
        "density": logs - logs.max(),
        "density_extent": np.array([-reach, reach, -reach, reach]),
        "row": np.arange(1, len(ROWS) + 1)[known],
        "off": numbers[known, 1] / 100,
        "sw1": numbers[known, 0],
        "ends": np.array([0.5, len(ROWS) + 0.5]),
        "sw1_floor": np.full(2, numbers[0, 0]) if known[0] else np.empty(0),
    }
    scalars = {"trained": float(len(state.results)), "off_exact": planar.off_exact(name)}
    for key, row in zip(("gaussian", *contenders.KINDS), table[1:], strict=True):
        scalars |= {f"sw1_{key}": row[0], f"off_{key}": row[1] / 100, f"nll_{key}": row[4]}
    return Frame(state.steps, scalars, arrays, _note(params, state, whose))


def _shown(params: Params, state: State, rng: np.random.Generator) -> tuple[Array, str]:
    """Some samples of the model asked for, or of the one that is being trained or was trained last; and its name."""
    import numpy as np

    if params.show == "gaussian" and state.gaussian is not None:
        return state.gaussian.x, ROWS[1]
    if params.show in contenders.KINDS:
        k = contenders.KINDS.index(params.show)
        if k < len(state.results):
            return state.results[k].x, ROWS[2 + k]
    training = state.training
    at = len(state.results)
    if training is not None and at == len(state.likelihoods) and (training.updates or training.base is not None):
        if training.base is not None and not training.updates:
            return contenders.sample(training.base, SHOWN, rng), "VAE under the diffusion"
        return contenders.sample(training, SHOWN, rng), ROWS[2 + at]
    if state.results:
        return state.results[-1].x, ROWS[1 + at]
    return (state.gaussian.x, ROWS[1]) if state.gaussian is not None else (np.empty((0, 2)), "nothing yet")


def _note(params: Params, state: State, whose: str) -> str:
    if len(state.floors) < FLOORS or state.gaussian is None:
        return "the floor: what true samples get in each measure"
    at = len(state.likelihoods)
    training = state.training
    if training is None:
        off = [each.measures.off for each in state.results]
        return (
            f"off the data: VAE {off[0]:.1%}, diffusion in its latent space {off[1]:.1%}, diffusion {off[2]:.1%}, flow"
            f" matching {off[3]:.1%}, GAN {off[4]:.1%}, data {_floor(state)[1] / 100:.2%} (drawn: {whose})"
        )
    if contenders.left(training) > 0:
        spent = params.seconds - contenders.left(training) / 1000
        return f"{ROWS[2 + at]}: {spent:.1f} of {params.seconds:g} s of training (drawn: {whose})"
    return f"{ROWS[2 + at]}: measuring samples and likelihood"


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """What is known of the rows of the table: by closed form, by information theory and by topology."""
    import numpy as np

    from kernels import planar

    if not done(params, state) or state.gaussian is None:
        return ()
    name = _name(params)
    exact = planar.gaussian_off(name)
    error = math.sqrt(exact * (1 - exact) / POINTS)
    rows = [Check("Gaussian: share off", state.gaussian.measures.off, exact, 4 * error, error=error)]
    floor = [each.frechet for each in state.floors]
    # Its moments are right, so all that this distance sees is chance, as for true samples.
    limit = float(np.mean(floor) + 4 * np.std(floor, ddof=1)) + 8 * planar.variance(name) / POINTS
    rows.append(Check("Gaussian: FD, true sets' range", state.gaussian.frechet, limit, 0.0, "<="))
    off = planar.off_exact(name)
    error = math.sqrt(off / (POINTS * FLOORS))
    rows.append(Check("true samples: share off", _floor(state)[1] / 100, off, 4 * error, error=error))
    truth = planar.log_density(name, state.held)
    for kind in ("vae", "diffusion", "flow"):
        gap = truth - state.likelihoods[contenders.KINDS.index(kind)]
        error = float(gap.std(ddof=1)) / math.sqrt(HELD)
        label = "VAE: −ELBO − H" if kind == "vae" else f"{ROWS[2 + contenders.KINDS.index(kind)]}: KL(data‖model)"
        rows.append(Check(label, float(gap.mean()), 0.0, 4 * error + 0.01, ">=", error))
    results = [each.measures.off for each in state.results]
    if params.seconds >= 1.0:
        rows.append(Check("off: VAE over VAE+diffusion", results[0] / max(results[LATENT], 1e-4), 1.5, 0.0, ">="))
        for kind in ("diffusion", "flow"):
            k = contenders.KINDS.index(kind)
            rows.append(Check(f"off: {ROWS[2 + k]}", results[k], off, 0.06, "<="))
    return tuple(rows)


LAB = Lab(
    id="vae-vs-diffusion",
    title="One table: VAE, diffusion, flow, GAN",
    chapter="diffusion",
    section="9.4",
    lesson="unified-view",
    summary=(
        "The same data, the same training time, the same measures: a VAE, diffusion in its latent space, diffusion,"
        " flow matching and a GAN, between true samples and a plain Gaussian."
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
            "table",
            "Same data, same training time",
            kind="table",
            images=(
                (
                    "least: smallest of 9 shares × 9; −log p: exact density at samples; NLL: model's, of fresh data",
                    "table",
                ),
            ),
            rows=ROWS,
            columns=COLUMNS,
        ),
        Chart(
            "samples",
            "Samples; exact log₁₀ density behind",
            series=(Series("samples", "y", "x", "points"),),
            backdrop="density",
            image_range=(-4.0, 0.0),
        ),
        Chart(
            "off",
            "Share off the data",
            series=(Series("", "off", "row", "bars"),),
            x_range=(0.5, len(ROWS) + 0.5),
            x_names=tuple(enumerate(SHORT, start=1)),
            y_range=(0.0, 1.0),
        ),
        Chart(
            "sw1",
            "Sliced W₁ from the exact law",
            series=(Series("", "sw1", "row", "bars"), Series("true samples", "sw1_floor", "ends", "dashed")),
            x_range=(0.5, len(ROWS) + 0.5),
            x_names=tuple(enumerate(SHORT, start=1)),
        ),
        Chart(
            "moments",
            "Fréchet distance, beside what it misses",
            kind="table",
            images=(("FD sees mean and covariance alone; radius: W₁; angle: √n·KS, 0.1 % above 1.95", "moments"),),
            rows=ROWS,
            columns=MOMENTS,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "Of the data 0.3 % are more than 3 sd off the ring, of a VAE's samples some 5 %. Spend half of the same"
            " training time on the VAE and half on a diffusion of its codes: what share is off now? (0 to 1)"
        ),
        scalar="off_latent",
        low=0.0,
        high=1.0,
        chart="off",
        why=(
            "Well below the VAE's share. The VAE's samples miss because its prior covers codes that no data have; the"
            " diffusion learns where the codes are, and the same decoder then makes few misses."
        ),
    ),
    explain="df-lab-vae-vs-diffusion",
    source=(
        "kernels.planar",
        "kernels.vae",
        "kernels.edm",
        "kernels.reverse",
        "kernels.flow_matching",
        "kernels.gan",
        "kernels.ode_likelihood",
    ),
    quick={"seconds": 0.5},
)
