"""Diffusion from the loss to the samples: a denoiser learns nine Gaussians, then noise becomes data; all held exact."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs import grid_model
from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import reverse
    from tutor.labs.grid_model import Training

    Array = npt.NDArray[np.floating]

DIRECTIONS = 64
"""Projections of the sliced Wasserstein distance."""
AT_ONCE = 16
"""Of them in a step of the lab, which sorts the samples once for each."""
FLOORS = 10
"""True sets of the same size, for the distance that even true samples have."""
NEAR = 4.0
"""Farther from every centre than this many sd of a mode is off the modes."""
FAR = 1e6
"""Samples are stopped here."""
SHOWN = 800
PREVIEW, PREVIEW_EVERY = (400, 16), 5
"""Samples and steps of Heun drawn from the model while it trains, every so many steps of the lab."""
GRID = (56, 36)
REACH = 9.5
"""The square around the data that is drawn is ± this."""
ARROWS = (11, 7)
DECADES = (-6.0, 0.0)
"""log₁₀ of the density, of its maximum, from dark to bright."""
GATES = {"excess": 6e-4, "nll": 0.03, "off": 0.0022, "sd": 0.02}
"""What the usual model reaches."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    updates: int = param(grid_model.UPDATES, "steps of Adam", low=200, high=48_000, scale="log")
    predict: str = param(
        "edm", "what the network predicts: EDM's mix of data and noise, or the noise", choices=("edm", "epsilon")
    )
    std: float = param(0.5, "standard deviation of each mode", low=0.3, high=1.5, step=0.1)
    sampler: str = param(
        "heun",
        "probability-flow ODE by Heun or Euler, or the reverse SDE",
        choices=("heun", "euler", "euler-maruyama"),
        live=True,
    )
    process: str = param("EDM", "noising process and its time grid", choices=("EDM", "VP", "VE"), live=True)
    steps: int = param(96, "steps from noise to data", low=2, high=1024, scale="log", live=True)
    score: str = param(
        "learned",
        "learned; exact (closed form); guide: what the target (x₀ − x_t)/σ² teaches at best (choose VP)",
        choices=("learned", "exact", "guide"),
        live=True,
    )
    samples: int = param(20_000, "samples drawn", low=500, high=20_000, scale="log")
    sigma: float = param(
        1.0, "noise level at which the score field is drawn", low=0.05, high=20, scale="log", live=True
    )


class Setting(NamedTuple):
    """What the samples depend on besides the model."""

    sampler: str
    process: str
    steps: int
    score: str


class Result(NamedTuple):
    """What the samples are worth."""

    shares: Array
    """(9,) of all samples, those off the modes not counted to any."""
    off: float
    sd: float
    """Per coordinate, of the samples that are not off."""
    nll: float
    """−mean log p of the samples under the exact law."""
    distance: float
    excess: float


class State(NamedTuple):
    """Training, then samples on their way, then their measures."""

    training: Training
    preview: Array
    """Samples by the model as it is in training."""
    few: float
    """Modes that four steps of Heun find."""
    setting: Setting | None
    way: reverse.State | None
    rng: np.random.Generator | None
    """Of the sampler."""
    slices: Array
    """(FLOORS + 1, DIRECTIONS) W₁ of each projection: of the samples, then of the true sets; NaN: not yet."""
    result: Result | None
    steps: int


def init(params: Params, rng: np.random.Generator) -> State:
    """The kept model for this seed and recipe, or a new network."""
    import numpy as np

    seed = int(rng.integers(2**31))
    recipe = grid_model.Recipe(params.std, params.predict, params.updates, seed)
    slices = np.full((FLOORS + 1, DIRECTIONS), np.nan)
    training = grid_model.begin(recipe)
    return State(training, _preview(training), math.nan, None, None, None, slices, None, 0)


def _preview(training: Training) -> Array:
    return _drawn(training, 4, *PREVIEW)


def _drawn(training: Training, purpose: int, count: int, steps: int) -> Array:
    """Samples of the model as it is, by Heun."""
    import numpy as np

    from kernels import gaussian_grid, reverse

    s = reverse.process("EDM")
    rng = _rng(training, purpose)
    x = reverse.start(s, gaussian_grid.variance(training.recipe.std), (count, 2), rng)
    scores = _scores(Setting("heun", "EDM", steps, "learned"), training)
    with np.errstate(all="ignore"):
        return reverse.sample(s, scores, x, reverse.times(s, steps), "heun", rng)


def _setting(params: Params) -> Setting:
    return Setting(params.sampler, params.process, params.steps, params.score)


def _scores(setting: Setting, training: Training) -> Any:
    """∇ log p_t by the chosen denoiser, as a function of x and t."""
    from kernels import gaussian_grid, reverse

    s = reverse.process(setting.process)

    def denoiser(x: Array, sigma: float) -> Array:
        # The wrong target by the exact denoiser, too: it drives the points to where no network has been trained.
        if setting.score != "learned":
            return gaussian_grid.denoise(x, training.recipe.std, sigma)
        return grid_model.denoise(training, x, sigma)

    if setting.score == "guide":
        return reverse.guides_target(s, denoiser)
    return lambda x, t: reverse.score(s, denoiser, x, t)


def _rng(training: Training, purpose: int) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng([training.recipe.seed, purpose])


def step(params: Params, state: State) -> State:
    """Some steps of Adam; then one of the sampler for all samples; then some projections."""
    import numpy as np

    from kernels import gaussian_grid, reverse

    state = state._replace(steps=state.steps + 1)
    training = state.training
    if grid_model.steps_left(training):
        training = grid_model.advance(training)
        last = not grid_model.steps_left(training)
        preview = _preview(training) if last or state.steps % PREVIEW_EVERY == 0 else state.preview
        return state._replace(training=training, preview=preview)
    setting = _setting(params)
    s = reverse.process(setting.process)
    rng = state.rng
    if state.way is None or rng is None or setting != state.setting:
        rng = _rng(training, 1)
        x = reverse.start(s, gaussian_grid.variance(params.std), (params.samples, 2), rng)
        slices = state.slices.copy()
        slices[0] = np.nan
        few = state.few if math.isfinite(state.few) else _modes_of_four_steps(training)
        state = state._replace(
            setting=setting, way=reverse.State(x, 0), rng=rng, slices=slices, result=None, few=few
        )  # fmt: skip
    assert state.way is not None
    if state.way.i < setting.steps:
        rng = copy.deepcopy(rng)
        method: Any = setting.sampler
        with np.errstate(all="ignore"):
            way = reverse.step(s, _scores(setting, training), state.way, reverse.times(s, setting.steps), method, rng)
        # Far outside is far enough: what comes after stays finite.
        x = np.clip(np.nan_to_num(way.x, nan=FAR), -FAR, FAR)
        return state._replace(way=way._replace(x=x), rng=rng)
    row, column = divmod(int(np.flatnonzero(np.isnan(state.slices))[0]), DIRECTIONS)
    x = state.way.x if row == 0 else gaussian_grid.draw(params.samples, params.std, _rng(training, 100 + row))[0]
    slices = state.slices.copy()
    slices[row, column : column + AT_ONCE] = _slices(x, params.std, range(column, column + AT_ONCE))
    state = state._replace(slices=slices)
    return state._replace(result=_result(state, params)) if not _left(params, state) else state


def _modes_of_four_steps(training: Training) -> float:
    import numpy as np

    x = _drawn(training, 2, 1000, 4)
    nearest, distance = _nearest(x)
    found = np.bincount(nearest[distance < NEAR * training.recipe.std], minlength=9)
    return float(np.sum(found >= 10))


def _nearest(x: Array) -> tuple[Any, Array]:
    """The nearest centre of each point and its distance."""
    import numpy as np

    from kernels import gaussian_grid

    squares = np.stack([np.sum((x - centre) ** 2, axis=1) for centre in gaussian_grid.CENTRES], axis=1)
    return squares.argmin(axis=1), np.sqrt(squares.min(axis=1))


@cache
def _quantiles(n: int, std: float, index: int) -> Array:
    from kernels import gaussian_grid, sliced

    return sliced.quantiles(sliced.directions(DIRECTIONS)[index], gaussian_grid.CENTRES, std, n).astype("float32")


def _slices(x: Array, std: float, indices: range) -> list[float]:
    from kernels import sliced

    u = sliced.directions(DIRECTIONS)
    return [sliced.distance(x, u[at], _quantiles(len(x), std, at)) for at in indices]


def _left(params: Params, state: State) -> int:
    """Steps until everything is measured; true sets, once measured, serve every sampler."""
    import numpy as np

    if state.training.diverged:
        return 0
    fresh = state.way is None or state.setting != _setting(params)
    under_way = params.steps if fresh or state.way is None else params.steps - state.way.i
    own = DIRECTIONS if fresh else int(np.isnan(state.slices[0]).sum())
    missing = own + int(np.isnan(state.slices[1:]).sum())
    return grid_model.steps_left(state.training) + under_way + missing // AT_ONCE


def done(params: Params, state: State) -> bool:
    """Whether the samples of the present settings are measured, or training has failed."""
    return _left(params, state) == 0


def total(params: Params, state: State) -> int:
    """Steps taken and to come."""
    return state.steps + _left(params, state)


def _result(state: State, params: Params) -> Result:
    import numpy as np

    from kernels import gaussian_grid

    assert state.way is not None
    x = state.way.x
    nearest, distance = _nearest(x)
    on = distance < NEAR * params.std
    shares = np.bincount(nearest[on], minlength=9) / len(x)
    sd = math.sqrt(float(np.mean(distance[on] ** 2)) / 2) if on.any() else 0.0
    nll = -float(np.mean(gaussian_grid.log_density(x, params.std)))
    rng = _rng(state.training, 3)
    # Ten times the points that are watched in training, and none of these.
    probe = grid_model.draw_probe(params.std, 10 * grid_model.PROBE, rng)
    excess = grid_model.by_level(state.training._replace(probe=probe))[:, 0].mean()
    return Result(shares, float(np.mean(~on)), sd, nll, float(state.slices[0].mean()), float(excess))


@cache
def _places(reach: float, columns: int, rows: int) -> Array:
    """(columns · rows, 2) points of a grid over the square ± reach."""
    import numpy as np

    x, y = np.meshgrid(np.linspace(-reach, reach, columns), np.linspace(-reach, reach, rows))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _density(std: float, sigma: float, reach: float) -> Array:
    """log₁₀ p_σ, its maximum at 0, on the grid that is drawn."""
    import numpy as np

    from kernels import gaussian_grid

    logs = gaussian_grid.log_density(_places(reach, *GRID), std, sigma).reshape(GRID[::-1]) / math.log(10)
    return np.asarray(logs - logs.max())


def _picture(params: Params, state: State) -> dict[str, Any]:
    """Samples under way over the exact density at their time; in training, a preview by the model as it is."""
    import numpy as np

    from kernels import gaussian_grid, reverse

    if state.way is None or state.setting is None:
        x = state.preview
        sigma = 0.0
    else:
        s = reverse.process(state.setting.process)
        t = reverse.times(s, state.setting.steps)[state.way.i]
        alpha = float(s.alpha(t))
        # Undoing the scale shows all processes alike: signal plus noise of sd σ/α.
        x, sigma = state.way.x[:SHOWN] / alpha, float(s.sigma(t)) / alpha
    reach = REACH * math.sqrt(1 + sigma**2 / gaussian_grid.variance(params.std))
    away = np.minimum(np.abs(x).max(axis=1), FAR)
    if np.median(away) > reach:
        # Most of them have left: a wider view shows where to.
        reach = 1.1 * float(np.quantile(away, 0.95))
    return {
        "x": x[:, 0],
        "y": x[:, 1],
        "density": _density(params.std, sigma, reach),
        "density_extent": np.array([-reach, reach, -reach, reach]),
    }


def _field(params: Params, state: State) -> dict[str, Any]:
    """Arrows along the learned score, and where the exact one would put their tips."""
    import numpy as np

    from kernels import gaussian_grid

    at = _places(0.92 * REACH, *ARROWS)
    longest = 0.8 * 2 * 0.92 * REACH / (ARROWS[0] - 1)

    def arrow(D: Array) -> Array:
        pull = D - at
        length = np.linalg.norm(pull, axis=1, keepdims=True)
        return np.asarray(pull * np.minimum(1.0, longest / np.maximum(length, 1e-12)))

    with np.errstate(all="ignore"):
        learned = arrow(grid_model.denoise(state.training, at, params.sigma))
    shaft = np.nan_to_num(at + np.linspace(0.0, 1.0, 9)[:, None, None] * learned).reshape(-1, 2)
    tip = at + arrow(gaussian_grid.denoise(at, params.std, params.sigma))
    return {
        "shaft_x": shaft[:, 0],
        "shaft_y": shaft[:, 1],
        "tip_x": tip[:, 0],
        "tip_y": tip[:, 1],
        "noisy": _density(params.std, params.sigma, REACH),
        "noisy_extent": np.array([-REACH, REACH, -REACH, REACH]),
    }


def frame(params: Params, state: State) -> Frame:
    """Samples, score field, errors, shares; all beside what is exact."""
    import numpy as np

    training = state.training
    levels = grid_model.levels()
    curve = training.curve
    floor = float(grid_model.floors(params.std).mean())
    arrays = {
        **_picture(params, state),
        **_field(params, state),
        "updates": curve[:, 0],
        "excess": curve[:, 1],
        "loss": curve[:, 2],
        "floor_x": np.array([0.0, float(params.updates)]),
        "floor_y": np.array([floor, floor]),
        "level": levels,
        "level_error": training.errors[:, 0],
        "level_zero": 1 - grid_model.floors(params.std),
        "mode": np.arange(1, 10),
        **dict.fromkeys(("shares", "share_low", "share_high"), np.empty(0)),
        "far": np.empty(0),
        "far_density": np.empty(0),
        "far_exact_x": np.linspace(0.02, 6.0, 120),
    }
    r = arrays["far_exact_x"]
    arrays["far_exact"] = r * np.exp(-0.5 * r * r)
    scalars = {
        "excess_now": float(curve[-1, 1]),
        "loss_now": float(curve[-1, 2]),
        "floor": floor,
        "updates": float(training.updates),
    }
    if math.isfinite(state.few):
        scalars["modes_of_4_steps"] = state.few
    result = state.result
    if result is not None and state.way is not None:
        error = math.sqrt(8 / 81 / params.samples)
        distance = _nearest(state.way.x)[1] / params.std
        edges = np.linspace(0.0, 6.0, 31)
        counts = np.histogram(distance, edges)[0]
        seen = counts > 0
        arrays |= {
            "shares": result.shares,
            "share_low": np.full(9, 1 / 9 - 4 * error),
            "share_high": np.full(9, 1 / 9 + 4 * error),
            "far": (0.5 * (edges[1:] + edges[:-1]))[seen],
            "far_density": (counts / len(distance) / (edges[1] - edges[0]))[seen],
        }
        scalars |= {
            "sliced_w1": result.distance,
            "sliced_w1_floor": float(np.median(state.slices[1:].mean(axis=1))),
            "off_modes": result.off,
            "mode_sd": result.sd,
            "nll": result.nll,
            "excess": result.excess,
            "fewest": float(result.shares.min()),
            "most": float(result.shares.max()),
        }
    return Frame(state.steps, scalars, arrays, _note(params, state, scalars))


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    import numpy as np

    training = state.training
    problem = f"; {training.problem}" if training.problem else ""
    if training.diverged:
        return f"diverged at step {training.diverged} of Adam"
    if grid_model.steps_left(training):
        return (
            f"{training.updates} of {params.updates} steps: loss {scalars['loss_now']:.4f}, of which"
            f" {scalars['floor']:.4f} nobody can learn; score error {scalars['excess_now']:.2g}{problem}"
        )
    kept = "model kept from before; " if training.kept else ""
    if state.way is None or state.setting is None or state.setting != _setting(params):
        return f"{kept}{params.samples} samples start from noise{problem}"
    if state.way.i < state.setting.steps:
        evaluations = (2 * state.setting.steps - 1) if state.setting.sampler == "heun" else state.setting.steps
        return (
            f"{kept}step {state.way.i} of {state.setting.steps} by {state.setting.sampler}, {evaluations} calls of"
            f" the network in all{problem}"
        )
    if state.result is None:
        return "measuring the samples, and true samples for the floor"
    if params.score == "guide" and params.process == "VP":
        # Two of three modes on either axis are at ±6.
        mean = (12 + params.std * math.sqrt(2 / math.pi)) / 3
        return (
            f"the target (x₀ − x_t)/σ² forgets α: it pulls to x₀, not to α x₀; {state.result.off:.0%} of the samples"
            f" are off the modes, their mean |x| is {np.abs(state.way.x).mean():.1f} (data: {mean:.1f})"
        )
    return (
        f"sliced W₁ {scalars['sliced_w1']:.3f} (true samples {scalars['sliced_w1_floor']:.3f}); off the modes"
        f" {state.result.off:.2%} (exact 0.03 %); score error {state.result.excess:.2g}{problem}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The learned score against the exact one, and the samples against their law."""
    import numpy as np

    from kernels import gaussian_grid

    result, n = state.result, params.samples
    if result is None or not done(params, state):
        return ()
    # A shorter training has a larger error: noise in the gradients averages out like 1/steps.
    slack = max(1.0, grid_model.UPDATES / params.updates)
    outside = math.exp(-(NEAR**2) / 2)
    sd = params.std * math.sqrt(1 - 0.5 * NEAR**2 * outside / (1 - outside))
    true = state.slices[1:].mean(axis=1)
    # A distance between laws goes with the root of the score's squared error.
    spread = 4 * slack**0.5
    share_error = math.sqrt(8 / 81 / n)
    on = 1 / 9 * (1 - outside)
    worst = float(np.abs(result.shares - on).max()) / share_error
    nll_error = 1 / math.sqrt(n)
    return (
        Check("score error E var_t|s − s*|²", result.excess, 0.0, GATES["excess"] * slack),
        Check(
            f"sliced W₁, true sets' mean + {spread:.2g} sd",
            result.distance,
            float(true.mean()),
            spread * float(true.std(ddof=1)),
            "<=",
        ),
        Check("shares: farthest from 1/9, in errors", worst, 0.0, 4.0 + 2 * (slack > 1)),
        Check("sd inside a mode", result.sd, sd, GATES["sd"] * sd * slack**0.5, error=result.sd / math.sqrt(2 * n)),
        Check(
            "share off the modes",
            result.off,
            outside,
            GATES["off"] * slack - outside + 4 * math.sqrt(GATES["off"] / n),
            "<=",
            error=math.sqrt(max(result.off, 1 / n) / n),
        ),
        Check(
            "−mean log p(samples) (entropy)",
            result.nll,
            gaussian_grid.entropy(params.std),
            GATES["nll"] * slack + 4 * nll_error,
            error=nll_error,
        ),
    )


LAB = Lab(
    id="score-9grid",
    title="Diffusion: from noise to nine modes",
    chapter="diffusion",
    section="9.1",
    lesson="score-sde",
    summary=(
        "A network learns to remove noise at every level; that is the score. Run backwards in time, it turns noise into"
        " data. Every number has its exact value beside it."
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
            "Samples; exact log₁₀ density behind",
            series=(Series("samples", "y", "x", "points"),),
            backdrop="density",
            image_range=DECADES,
        ),
        Chart(
            "field",
            "Learned score; ■ tips of the exact one",
            series=(Series("learned", "shaft_y", "shaft_x", "points"), Series("exact", "tip_y", "tip_x", "points")),
            backdrop="noisy",
            image_range=DECADES,
        ),
        Chart(
            "excess",
            "Loss minus its floor = score error",
            series=(Series("E var_t|s − s*|²", "excess", "updates"),),
            x_label="steps of Adam",
            y_log=True,
        ),
        Chart(
            "loss",
            "Loss on held-out points",
            series=(Series("exact score", "floor_y", "floor_x", "dashed"), Series("network", "loss", "updates")),
            x_label="steps of Adam",
            y_range=(0.0, 1.1),
        ),
        Chart(
            "levels",
            "Score error by noise level",
            series=(
                Series("answering 0", "level_zero", "level", "dashed"),
                Series("learned", "level_error", "level"),
            ),
            x_label="σ/α",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "shares",
            "Share of each mode; dashed: 1/9 ± 4 errors",
            series=(
                Series("samples", "shares", "mode", "bars"),
                Series("", "share_low", "mode", "dashed"),
                Series("", "share_high", "mode", "dashed"),
            ),
            x_label="mode",
        ),
        Chart(
            "far",
            "Distance from the centre, in sd",
            series=(
                Series("exact", "far_exact", "far_exact_x", "dashed"),
                Series("samples", "far_density", "far", "points"),
            ),
            x_label="distance / sd",
            y_log=True,
            y_range=(1e-5, 1.0),
        ),
    ),
    prediction=Prediction(
        prompt=(
            "The loss E σ²|s − target|², a mean over coordinates, is 1 for a network that answers 0. What is it for the"
            " exact score? (0 to 1)"
        ),
        scalar="floor",
        low=0.0,
        high=1.0,
        chart="loss",
        why=(
            "The target is the score of x given x₀, and x₀ cannot be known from x. What is left is the variance of x₀"
            " given x, over σ², averaged over t: 0.37 for modes of sd 0.5. A loss that stops falling may be perfect:"
            " only loss minus floor tells."
        ),
    ),
    explain="df-lab-score-9grid",
    source=(
        "kernels.edm",
        "kernels.reverse",
        "kernels.gaussian_grid",
        "kernels.vp",
        "kernels.sliced",
        "kernels.mlp",
        "kernels.optimizers",
    ),
    quick={"updates": 1000, "samples": 4000, "steps": 32},
)
