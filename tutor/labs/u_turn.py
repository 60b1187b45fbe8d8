"""Noise a sample up to a time, turn round, come back: does it return to its mode? Both scores, and theory."""

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

    from kernels import vp
    from tutor.labs.grid_model import Training

    Array = npt.NDArray[np.floating]

TIMES = (0.1, 0.2, 0.3, 0.37, 0.43, 0.5, 0.6, 0.75, 0.9)
"""VP times at which walkers turn round."""
ASKED = 4
"""Of them, the one that the prediction asks about."""
AT_ONCE = 8
"""Steps of the sampler in a step of the lab."""
SHOWN = 500
GRID = (56, 36)
REACH = 9.5
STEP_BIAS = 0.02
"""What the sampler's finite steps may shift a share by."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    way: str = param("sde", "back by the reverse SDE or by the probability-flow ODE", choices=("sde", "ode"))
    std: float = param(0.5, "standard deviation of each mode", low=0.3, high=1.5, step=0.1)
    walkers: int = param(2000, "walkers that start from the data", low=200, high=4000, scale="log")
    steps: int = param(
        96, "steps of the way back (a quarter of them for Heun on the ODE)", low=16, high=512, scale="log"
    )
    show: int = param(ASKED + 1, "turn that is drawn: 1 is the earliest", low=1, high=len(TIMES), live=True)
    updates: int = param(grid_model.UPDATES, "steps of Adam, if no model is kept", low=200, high=48_000, scale="log")


class Turn(NamedTuple):
    """The walkers of one turn, by both scores."""

    x0: Array
    """(n, 2) where they began."""
    modes: Any
    """(n,) the mode each was drawn from."""
    back: tuple[Array, Array]
    """Learned and exact: at first where they turned, at last where they came out."""
    i: int
    """Steps back."""


class State(NamedTuple):
    """Training if need be, then one turn after the other."""

    training: Training
    turns: tuple[Turn, ...]
    shares: Array
    """(len(TIMES), 2) share that is in its mode again: learned, exact; NaN: not yet."""
    steps: int
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """The kept model of score-9grid for this seed, or a new network."""
    import numpy as np

    recipe = grid_model.Recipe(params.std, "edm", params.updates, int(rng.integers(2**31)))
    return State(grid_model.begin(recipe), (), np.full((len(TIMES), 2), np.nan), 0, rng)


def _process() -> vp.Schedule:
    from kernels import reverse

    return reverse.process("EDM")


def _steps(params: Params) -> int:
    return params.steps if params.way == "sde" else params.steps // 4


def _grid(params: Params, at: int) -> npt.NDArray[np.float64]:
    """Noise levels from the turn back to 0, dense near 0."""
    import numpy as np

    from kernels import reverse

    high = _sigma(TIMES[at])
    low = min(reverse.SIGMA_MIN, 0.1 * high)
    return np.append(np.linspace(high ** (1 / 7), low ** (1 / 7), _steps(params)) ** 7, 0.0)


def _sigma(t: float) -> float:
    """σ/α at VP time t: where the signal is left at its scale, this is the noise that has come in."""
    return float(grid_model.sigma_of(t))


def step(params: Params, state: State) -> State:
    """Some steps of Adam, or of the way back of both groups."""
    from kernels import gaussian_grid, reverse

    state = state._replace(steps=state.steps + 1)
    if grid_model.steps_left(state.training):
        return state._replace(training=grid_model.advance(state.training))
    rng = copy.deepcopy(state.rng)
    turns = state.turns
    if not turns or turns[-1].i == _steps(params):
        x0, modes = gaussian_grid.draw(params.walkers, params.std, rng)
        noised: Array = x0 + _sigma(TIMES[len(turns)]) * rng.standard_normal(x0.shape)
        turns = (*turns, Turn(x0, modes, (noised, noised), 0))
    at, turn = len(turns) - 1, turns[-1]
    ts, s = _grid(params, at), _process()
    method: Any = "euler-maruyama" if params.way == "sde" else "heun"
    back: list[Array] = []
    i = min(turn.i + AT_ONCE, _steps(params))
    for which, x in enumerate(turn.back):
        scores = _scores(state.training, which)
        way = reverse.State(x, turn.i)
        while way.i < i:
            way = reverse.step(s, scores, way, ts, method, rng)
        back.append(way.x)
    turn = turn._replace(back=(back[0], back[1]), i=i)
    shares = state.shares
    if i == _steps(params):
        shares = shares.copy()
        shares[at] = [_same(x, turn.modes, params.std).mean() for x in turn.back]
    return state._replace(turns=(*turns[:-1], turn), shares=shares, rng=rng)


def _scores(training: Training, which: int) -> Any:
    from kernels import gaussian_grid

    if which:
        return lambda x, sigma: gaussian_grid.score(x, training.recipe.std, sigma)
    return lambda x, sigma: (grid_model.denoise(training, x, sigma) - x) / sigma**2


def _same(x: Array, modes: Any, std: float) -> Array:
    """The chance that each point is of its old mode: 0 or 1 unless modes overlap."""
    import numpy as np

    from kernels import gaussian_grid

    return np.asarray(gaussian_grid.responsibilities(x, std)[np.arange(len(x)), modes])


def _left(params: Params, state: State) -> int:
    if state.training.diverged:
        return 0
    a_turn = -(-_steps(params) // AT_ONCE)
    taken = max(0, len(state.turns) - 1) * a_turn + (-(-state.turns[-1].i // AT_ONCE) if state.turns else 0)
    return grid_model.steps_left(state.training) + len(TIMES) * a_turn - taken


def done(params: Params, state: State) -> bool:
    """Whether all turns are made."""
    return _left(params, state) == 0


def total(params: Params, state: State) -> int:
    """Steps taken and to come."""
    return state.steps + _left(params, state)


@cache
def _theory(std: float, way: str, times: tuple[float, ...]) -> Array:
    import numpy as np

    from kernels import speciation

    chance = speciation.by_sde if way == "sde" else speciation.by_ode
    return np.array([chance(_sigma(t), std) for t in times])


CURVE = tuple(0.02 + 0.96 * at / 40 for at in range(41))


def frame(params: Params, state: State) -> Frame:
    """Shares by time, walkers of one turn, and who went where."""
    import numpy as np

    from kernels import gaussian_grid

    curve, theory = np.array(CURVE), _theory(params.std, params.way, CURVE)
    other = _theory(params.std, "ode" if params.way == "sde" else "sde", CURVE)
    made = np.isfinite(state.shares[:, 0])
    arrays: dict[str, Any] = {
        "t": np.array(TIMES)[made],
        "learned": state.shares[made, 0],
        "exact": state.shares[made, 1],
        "curve": curve,
        "theory": theory,
        "other": other,
        "chance": np.full_like(curve, 1 / 9),
        "updates": state.training.curve[:, 0],
        "excess": state.training.curve[:, 1],
        **dict.fromkeys(("same_x", "same_y", "moved_x", "moved_y"), np.empty(0)),
        "where": np.zeros((9, 9)),
    }
    side = np.linspace(-REACH, REACH, GRID[0]), np.linspace(-REACH, REACH, GRID[1])
    plane = np.stack(np.meshgrid(*side), axis=-1).reshape(-1, 2)
    sigma = 0.0
    at = min(params.show, len(state.turns)) - 1
    if at >= 0:
        turn = state.turns[at]
        x = turn.back[0]
        sigma = float(_grid(params, at)[turn.i])
        nearest = gaussian_grid.responsibilities(x, params.std).argmax(axis=1)
        same = (nearest == turn.modes)[:SHOWN]
        arrays |= {
            "same_x": x[:SHOWN, 0][same],
            "same_y": x[:SHOWN, 1][same],
            "moved_x": x[:SHOWN, 0][~same],
            "moved_y": x[:SHOWN, 1][~same],
        }
        counts = np.zeros((9, 9))
        np.add.at(counts, (turn.modes, nearest), 1.0)
        arrays["where"] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    logs = gaussian_grid.log_density(plane, params.std, sigma).reshape(GRID[::-1]) / math.log(10)
    arrays["density"] = logs - logs.max()
    arrays["density_extent"] = np.array([-REACH, REACH, -REACH, REACH])
    half = float(np.interp(-0.5, -theory, curve))
    scalars = {"half_time": half, "updates": float(state.training.updates)}
    if np.isfinite(state.shares[ASKED, 0]):
        scalars["share_asked"] = float(state.shares[ASKED, 0])
        scalars["theory_asked"] = float(_theory(params.std, params.way, TIMES)[ASKED])
    return Frame(state.steps, scalars, arrays, _note(params, state, at, half))


def _note(params: Params, state: State, at: int, half: float) -> str:
    training = state.training
    if training.diverged:
        return f"diverged at step {training.diverged} of Adam"
    problem = f"; {training.problem}" if training.problem else ""
    if grid_model.steps_left(training):
        return f"no model is kept for this seed: training, {training.updates} of {params.updates} steps{problem}"
    if at < 0:
        return f"{'model kept from before' if training.kept else 'model trained'}; the walkers set out{problem}"
    if not done(params, state):
        t = TIMES[len(state.turns) - 1]
        return f"turned at t = {t:g}, where σ/α = {_sigma(t):.2f}; on the way back{problem}"
    share = state.shares[at, 0]
    truth = _theory(params.std, params.way, TIMES)[at]
    return (
        f"turned at t = {TIMES[at]:g}: {share:.1%} are in their mode again (exact {truth:.1%});"
        f" half return from t = {half:.2f}: there the mode is decided{problem}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The shares of both groups against quadrature."""
    import numpy as np

    if not done(params, state) or state.training.diverged:
        return ()
    truth = _theory(params.std, params.way, TIMES)
    error = np.sqrt(truth * (1 - truth) / params.walkers)
    worst = int(np.argmax(error))
    coarse = STEP_BIAS * max(1.0, 96 / params.steps)
    rough = max(1.0, math.sqrt(grid_model.UPDATES / params.updates))
    rows = []
    for which, name, bias in ((1, "exact score", coarse), (0, "learned score", coarse + 0.01 * rough)):
        measured = state.shares[:, which]
        farthest = int(np.argmax(np.abs(measured - truth) / (bias + 4.5 * error)))
        rows.append(
            Check(
                f"{name}: P(same) at t = {TIMES[farthest]:g}, the worst",
                float(measured[farthest]),
                float(truth[farthest]),
                bias + 4.5 * float(error[farthest]),
                error=float(error[farthest]),
            )
        )
    half_truth = float(np.interp(-0.5, -truth, TIMES))
    half = float(np.interp(-0.5, -np.minimum.accumulate(state.shares[:, 0]), TIMES))
    slope = abs(float(np.interp(half_truth, TIMES, np.gradient(truth, TIMES))))
    wide = (coarse + 0.01 * rough + 4.5 * float(error[worst])) / max(slope, 0.5)
    return (*rows, Check("time from which half return", half, half_truth, wide))


LAB = Lab(
    id="u-turn",
    title="U-turn: when is the mode decided?",
    chapter="diffusion",
    section="9.2",
    lesson="reverse-process",
    summary=(
        "Noise samples up to a time, then run the learned process back. Turned early, they return to their mode; turned"
        " late, they may come out anywhere. The chance is known exactly."
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
            "share",
            "Share that returns to its mode",
            series=(
                Series("exact chance", "theory", "curve", "dashed"),
                Series("exact score", "exact", "t", "points"),
                Series("learned score", "learned", "t", "points"),
                Series("the other way back", "other", "curve", "dashed"),
                Series("", "chance", "curve", "dashed"),
            ),
            x_label="t at the turn (VP)",
            x_range=(0.0, 1.0),
            y_range=(0.0, 1.0),
        ),
        Chart(
            "walkers",
            "Walkers of one turn, coming back",
            series=(
                Series("own mode", "same_y", "same_x", "points"),
                Series("another", "moved_y", "moved_x", "points"),
            ),
            backdrop="density",
            image_range=(-6.0, 0.0),
        ),
        Chart(
            "where",
            "From mode (row) to mode (column)",
            kind="heat",
            images=(("share of those that set out there", "where"),),
            image_range=(0.0, 1.0),
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
            "At VP time 0.43, α = 0.39: neighbouring modes are 2.3 apart and the noise has sd 0.92. Turned there, what"
            " share of the samples comes back to its own mode of nine? (0 to 1)"
        ),
        scalar="share_asked",
        low=0.0,
        high=1.0,
        chart="share",
        why=(
            "The reverse SDE draws x₀ anew given x_t, so a point returns with the chance that x_t gives to its mode:"
            " E Σ r_k² = 0.63. The flow ODE, which sends it to the likeliest mode here, is right in 0.74."
        ),
    ),
    explain="df-lab-u-turn",
    source=("kernels.speciation", "kernels.reverse", "kernels.gaussian_grid", "kernels.edm"),
    quick={"updates": 1000, "walkers": 1000},
)
