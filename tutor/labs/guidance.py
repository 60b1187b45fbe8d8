"""Classifier guidance on the nine modes: what it really samples, beside the tilted density it is taken for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs import grid_model
from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import guidance, reverse
    from tutor.labs.grid_model import Training

    Array = npt.NDArray[np.floating]

WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
TARGETS = {"corner": 8, "middle": 4}
"""Modes that can be asked for: at (6, 6), which has neighbours on one side only, and at (0, 0)."""
STEPS, AT_ONCE = 32, 4
"""Steps of the usual sampler, and how many of them are taken in a step of the lab."""
SHOWN = 600
GRID = (56, 36)
ASKED = 2.0
CHECKED = (1.0, 2.0, 3.0, 5.0, 8.0)
"""Weights at which the samples are held against the guided flow's exact law."""
BIAS = 0.02
"""What score and sampler may be off at w = 1, as a share of the modes' sd."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    target: str = param("corner", "the mode that is asked for", choices=("corner", "middle"))
    std: float = param(0.5, "standard deviation of each mode", low=0.3, high=1.5, step=0.1)
    samples: int = param(3000, "samples at each weight", low=500, high=8000, scale="log")
    steps: int = param(STEPS, "steps of Heun from noise to data", low=8, high=256, scale="log")
    show: float = param(
        2.0, "weight that is drawn: 0 unconditional, 1 conditional", low=0.0, high=8.0, step=0.5, live=True
    )
    updates: int = param(grid_model.UPDATES, "steps of Adam, if no model is kept", low=200, high=48_000, scale="log")


class State(NamedTuple):
    """Training if need be, then samples at one weight after the other, then the exact laws."""

    training: Training
    groups: tuple[reverse.State, ...]
    laws: tuple[tuple[guidance.Law, guidance.Law], ...]
    """(tilted, guided) of the first coordinate at each weight."""
    steps: int


def init(params: Params, rng: np.random.Generator) -> State:
    """The kept model of score-9grid for this seed, or a new network."""
    recipe = grid_model.Recipe(params.std, "edm", params.updates, int(rng.integers(2**31)))
    return State(grid_model.begin(recipe), (), (), 0)


def step(params: Params, state: State) -> State:
    """Some steps of Adam, or of the sampler; at the end of each weight its exact laws."""
    import numpy as np

    from kernels import gaussian_grid, reverse
    from kernels import guidance as g

    state = state._replace(steps=state.steps + 1)
    training = state.training
    if grid_model.steps_left(training):
        return state._replace(training=grid_model.advance(training))
    s = reverse.process("EDM")
    groups = state.groups
    if len(state.laws) < len(groups) and groups[-1].i == params.steps:
        w, mode = WEIGHTS[len(groups) - 1], _line_mode(params)
        laws = (g.tilted(mode, params.std, w), g.guided(mode, params.std, w))
        return state._replace(laws=(*state.laws, laws))
    if not groups or groups[-1].i == params.steps:
        # The same noise at every weight: what differs is the guidance.
        rng = np.random.default_rng([training.recipe.seed, 5])
        x = reverse.start(s, gaussian_grid.variance(params.std), (params.samples, 2), rng)
        groups = (*groups, reverse.State(x, 0))
    w, k = WEIGHTS[len(groups) - 1], TARGETS[params.target]

    def denoiser(x: Array, sigma: float) -> Array:
        return grid_model.denoise(training, x, sigma) + g.denoiser_shift(x, k, params.std, sigma, w)

    way, ts = groups[-1], reverse.times(s, params.steps)
    rng = np.random.default_rng(0)
    for _ in range(min(AT_ONCE, params.steps - way.i)):
        way = reverse.step(s, lambda x, t: reverse.score(s, denoiser, x, t), way, ts, "heun", rng)
    return state._replace(groups=(*groups[:-1], way))


def _line_mode(params: Params) -> int:
    return 2 if params.target == "corner" else 1


def _left(params: Params, state: State) -> int:
    if state.training.diverged:
        return 0
    a_weight = -(-params.steps // AT_ONCE) + 1
    taken = len(state.laws)
    taken += sum(-(-way.i // AT_ONCE) for way in state.groups)
    return grid_model.steps_left(state.training) + len(WEIGHTS) * a_weight - taken


def done(params: Params, state: State) -> bool:
    """Whether all weights are sampled."""
    return _left(params, state) == 0


def total(params: Params, state: State) -> int:
    """Steps taken and to come."""
    return state.steps + _left(params, state)


def _nearest(show: float, count: int) -> int:
    """The sampled weight nearest to the one asked for; −1: none yet."""
    return min(range(count), key=lambda at: abs(WEIGHTS[at] - show), default=-1)


@cache
def _tilted_density(std: float, k: int, w: float, low: tuple[float, float], high: tuple[float, float]) -> Array:
    """log₁₀ of p(x) p(y|x)^w, its maximum at 0, on the grid that is drawn."""
    import numpy as np

    from kernels import gaussian_grid

    side = np.linspace(low[0], high[0], GRID[0]), np.linspace(low[1], high[1], GRID[1])
    plane = np.stack(np.meshgrid(*side), axis=-1).reshape(-1, 2)
    logs = gaussian_grid.log_modes(plane, std**2)
    all_modes = gaussian_grid.log_density(plane, std)
    tilt = (all_modes + w * (logs[:, k] - all_modes)).reshape(GRID[::-1]) / math.log(10)
    return np.asarray(tilt - tilt.max())


def frame(params: Params, state: State) -> Frame:
    """Samples over the tilted density; mean, sd and density by weight; all beside both laws."""
    import numpy as np

    from kernels import gaussian_grid

    k = TARGETS[params.target]
    centre = gaussian_grid.CENTRES[k]
    finished = len(state.laws)
    at = _nearest(params.show, finished) if finished else len(state.groups) - 1
    x = state.groups[at].x if at >= 0 else np.empty((0, 2))
    low, high = (-9.5, -9.5), (9.5, 9.5)
    if finished and WEIGHTS[at] >= 1:
        reach = max(3.5 * params.std, 1.3 * float(np.abs(x - centre).max()))
        low = (float(centre[0]) - reach, float(centre[1]) - reach)
        high = (float(centre[0]) + reach, float(centre[1]) + reach)
    measured = np.array([[way.x[:, 0].mean(), way.x[:, 0].std()] for way in state.groups[:finished]]).reshape(-1, 2)
    exact = np.array([[law.mean, law.sd] for pair in state.laws for law in pair]).reshape(-1, 4)
    weight = WEIGHTS[at] if finished else WEIGHTS[max(0, len(state.groups) - 1)]
    arrays: dict[str, Any] = {
        "x": x[:SHOWN, 0],
        "y": x[:SHOWN, 1],
        "tilt": _tilted_density(params.std, k, weight, low, high),
        "tilt_extent": np.array([low[0], high[0], low[1], high[1]]),
        "w": np.array(WEIGHTS[:finished]),
        "mean": measured[:, 0],
        "sd": measured[:, 1],
        "tilted_mean": exact[:, 0],
        "tilted_sd": exact[:, 1],
        "guided_mean": exact[:, 2],
        "guided_sd": exact[:, 3],
        **dict.fromkeys(("share", "sample_q", "tilted_q", "guided_q"), np.empty(0)),
        "updates": state.training.curve[:, 0],
        "excess": state.training.curve[:, 1],
    }
    scalars = {"updates": float(state.training.updates)}
    if finished:
        tilted, guided = state.laws[at]
        take = np.linspace(4, len(tilted.x) - 5, 60).astype(int)
        arrays |= {
            "share": (take + 0.5) / len(tilted.x),
            "sample_q": np.quantile(x[:, 0], (take + 0.5) / len(tilted.x)),
            "tilted_q": tilted.x[take],
            "guided_q": guided.x[take],
        }
        scalars |= {"mean_shown": float(x[:, 0].mean()), "sd_shown": float(x[:, 0].std())}
    if finished > WEIGHTS.index(ASKED):
        scalars["mean_asked"] = float(measured[WEIGHTS.index(ASKED), 0])
        scalars["sd_asked"] = float(measured[WEIGHTS.index(ASKED), 1])
    return Frame(state.steps, scalars, arrays, _note(params, state, at))


def _note(params: Params, state: State, at: int) -> str:
    training = state.training
    problem = f"; {training.problem}" if training.problem else ""
    if training.diverged:
        return f"diverged at step {training.diverged} of Adam"
    if grid_model.steps_left(training):
        return f"no model is kept for this seed: training, {training.updates} of {params.updates} steps{problem}"
    if not state.laws:
        return f"{'model kept from before' if training.kept else 'model trained'}; sampling with w = 0{problem}"
    tilted, guided = state.laws[at]
    x = state.groups[at].x[:, 0]
    return (
        f"w = {WEIGHTS[at]:g}: x has mean {x.mean():.2f}, sd {x.std():.3f}; guided flow {guided.mean:.2f},"
        f" {guided.sd:.3f}; tilted density {tilted.mean:.2f}, {tilted.sd:.3f}{problem}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Mean and sd at several weights against the guided flow's exact law, and its distance from the tilted one."""
    if not done(params, state) or state.training.diverged:
        return ()
    # The mean at w = 8 is off by .21 after 2,000 updates and by .05 after 6,000 (root mean square over seeds).
    rough = max(1.0, grid_model.UPDATES / params.updates) * max(1.0, (STEPS / params.steps) ** 2)
    rows = []
    for w in CHECKED:
        at = WEIGHTS.index(w)
        x, guided = state.groups[at].x[:, 0], state.laws[at][1]
        error = guided.sd / math.sqrt(len(x))
        # Beside the noise, errors of score and sampler, which guidance takes w times.
        bias = BIAS * params.std * rough * w
        for name, measured, truth, noise in (
            ("mean", x.mean(), guided.mean, error),
            ("sd", x.std(), guided.sd, error / math.sqrt(2)),
        ):
            rows.append(Check(f"{name} of x at w = {w:g}", float(measured), truth, bias + 4 * noise, error=noise))
    tilted, guided = state.laws[WEIGHTS.index(2.0)]
    rows.append(Check("sd at w = 2 below the tilted density's", guided.sd, 0.9 * tilted.sd, 0.0, "<="))
    return tuple(rows)


LAB = Lab(
    id="guidance",
    title="Guidance: what does it sample?",
    chapter="diffusion",
    section="9.3",
    lesson="guidance",
    summary=(
        "A classifier's gradient, w times, pulls samples to the mode that is asked for. It is said to sample"
        " p(x) p(y|x)^w. Both laws are exact here, and they differ."
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
            "Guided samples; tilted density behind",
            series=(Series("samples", "y", "x", "points"),),
            backdrop="tilt",
            image_range=(-6.0, 0.0),
        ),
        Chart(
            "mean",
            "Mean of x by weight w",
            series=(
                Series("guided flow, exact", "guided_mean", "w", "dashed"),
                Series("samples", "mean", "w", "points"),
                Series("tilted density", "tilted_mean", "w", "dashed"),
            ),
            x_label="w",
        ),
        Chart(
            "sd",
            "sd of x by weight w",
            series=(
                Series("guided flow, exact", "guided_sd", "w", "dashed"),
                Series("samples", "sd", "w", "points"),
                Series("tilted density", "tilted_sd", "w", "dashed"),
            ),
            x_label="w",
            y_log=True,
        ),
        Chart(
            "quantiles",
            "x by share of samples below it",
            series=(
                Series("guided flow, exact", "guided_q", "share", "dashed"),
                Series("samples", "sample_q", "share", "points"),
                Series("tilted density", "tilted_q", "share", "dashed"),
            ),
            x_label="share",
            x_range=(0.0, 1.0),
        ),
        Chart(
            "excess",
            "Loss minus its floor = score error",
            series=(Series("E var_t|s − s*|²", "excess", "updates"),),
            x_label="steps of Adam",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "Mode y at x = 6 has sd 0.5, and the modes hardly overlap: p(y|x) is 1 all over it, so p(x) p(y|x)² is the"
            " mode itself. What sd will samples have that are guided with w = 2?"
        ),
        scalar="sd_asked",
        low=0.0,
        high=1.0,
        chart="sd",
        why=(
            "0.33. At high noise the modes do overlap, and there the classifier's gradient is not 0: it pushes every"
            " sample away from the other modes and squeezes them together, long before the clean density could matter."
        ),
    ),
    explain="df-lab-guidance",
    source=("kernels.guidance", "kernels.reverse", "kernels.gaussian_grid", "kernels.edm"),
    quick={"updates": 2000, "samples": 1000},
)
