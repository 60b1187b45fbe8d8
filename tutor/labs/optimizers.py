"""Four optimisers on one loss, each with its best learning rate: paths, losses, and what bias correction corrects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import optimizers, quadratic

    Array = npt.NDArray[np.float64]

STEPS = 100
METHODS = ("SGD", "momentum", "RMSProp", "Adam")
BETA = 0.9
"""Momentum's β and Adam's β₁."""
BETA1, BETA2 = 0.9, 0.999
"""Adam's; RMSProp's α is β₂ here, so that the two differ by momentum and correction alone."""
COPIES = 200
"""Runs with independent noise, of which the first is drawn and all are averaged."""
POINTS = 50
"""Samples of each class for the logistic regression."""
GRID = 33
"""Learning rates that are tried for each method before the run, and then 9 between the best one's neighbours."""
LOOK = 4
"""Steps after which such a trial looks at its loss."""
WORST = 100.0
"""Losses in the comparison of learning rates are cut off at this many times the first."""
MARKS = 12
"""Points of an exact curve that are drawn."""
SIDE = 48
"""Rows and columns of the loss behind the paths."""
LOST = 1e8
"""A loss this many times the first is called divergence."""
FLOOR = 1e-18
"""Excess losses below this share of the first are rounding, and are drawn here."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    problem: str = param(
        "quadratic", "quadratic valley, or logistic regression on two Gaussians", choices=("quadratic", "logistic")
    )
    condition: float = param(
        100.0, "largest over smallest curvature; logistic: variances of the features", low=1, high=1000, scale="log"
    )
    angle: float = param(30.0, "how far the valley is turned from the axes", low=0, high=90, step=15, unit="°")
    noise: float = param(0.0, "standard deviation of the noise in each gradient", low=0.0, high=1.0, step=0.05)
    correct: bool = param(True, "bias correction of Adam and RMSProp")
    scale: float = param(1.0, "all learning rates, over each method's best", low=0.1, high=10.0, step=1.1, scale="log")


class Problem(NamedTuple):
    """A loss of two weights, with everything that is known about it."""

    f: quadratic.Quadratic | None
    """The quadratic; None for the logistic regression."""
    X: Array
    y: Array
    start: Array
    best: Array
    """(2,) the minimum: known, or Newton's."""
    least: float
    """The loss there."""
    top: float
    """λ_max there."""
    steepest: float
    """λ_max at the start."""
    rates: tuple[float, ...]
    """The learning rate with the least geometric mean of the loss over the run, for each method."""
    tried: Array
    """(4, GRID) learning rates."""
    left: Array
    """(4, GRID) the geometric mean of the excess loss over such a run."""
    ground: Array
    """(SIDE, SIDE) decades of the excess loss, in bands."""
    extent: Array
    edges: tuple[float, ...]
    """The learning rates beyond which SGD and momentum diverge; none for the logistic regression."""


class State(NamedTuple):
    """Where the methods are."""

    problem: Problem
    states: tuple[optimizers.State, ...]
    """Each with weights (copies, 2)."""
    paths: Array
    """(4, STEPS + 1, 2) weights of the first copy; NaN: not yet, or lost."""
    losses: Array
    """(4, STEPS + 1) excess loss, averaged over the copies."""
    errors: Array
    """(4,) standard error of the last loss."""
    lost: tuple[int, ...]
    """The step at which a method diverged; 0: it has not."""
    steps: int
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """Make the loss, find its minimum, and each method's best learning rate."""
    import numpy as np

    from kernels import optimizers

    problem = _tuned(params, _problem(params, rng), rng)
    copies = COPIES if params.noise else 1
    paths = np.full((4, STEPS + 1, 2), np.nan)
    paths[:, 0] = problem.start
    losses = np.full((4, STEPS + 1), np.nan)
    losses[:, 0] = _excess(problem, problem.start)
    states = (optimizers.init(np.tile(problem.start, (copies, 1))),) * 4
    return State(problem, states, paths, losses, np.zeros(4), (0,) * 4, 0, rng)


def _problem(params: Params, rng: np.random.Generator) -> Problem:
    import numpy as np

    from kernels import logistic, quadratic

    none = np.empty((0, 0))
    if params.problem == "quadratic":
        # The start has nearly the same error along the valley and across it, so that both matter.
        c = np.array([2.5, 1.0]) * (1 + 0.15 * rng.uniform(-1, 1, 2))
        f = quadratic.rotated(params.condition, params.angle)
        start, best = f.w_star + f.Q @ c, f.w_star
        edges = (quadratic.edge(1.0), quadratic.edge(1.0, BETA))
        problem = Problem(f, none, none, start, best, 0.0, 1.0, 1.0, (), none, none, none, none, edges)
    else:
        X, y = logistic.two_gaussians(POINTS, rng, (1.0, params.condition**-0.5))
        while True:
            try:
                best = logistic.newton(X, y)
                break
            except ValueError:  # separable by chance: other points
                X, y = logistic.two_gaussians(POINTS, rng, (1.0, params.condition**-0.5))
        start, least = np.zeros(2), float(logistic.loss(X, y, best))
        top, steepest = (float(np.linalg.eigvalsh(logistic.hessian(X, w))[-1]) for w in (best, start))
        problem = Problem(None, X, y, start, best, least, top, steepest, (), none, none, none, none, ())
    low, high = np.minimum(problem.start, best), np.maximum(problem.start, best)
    room = 0.45 * np.maximum(high - low, 0.3 * (high - low).max() if problem.f else high - low)
    low, high = low - room, high + room
    x, y = np.meshgrid(np.linspace(low[0], high[0], SIDE), np.linspace(low[1], high[1], SIDE))
    decades = np.log10(np.maximum(_excess(problem, np.stack([x, y], axis=-1)), 1e-300))
    # Bands of half a decade: their edges are the contours.
    ground = np.maximum(np.floor(2 * decades), np.floor(2 * decades.max()) - 9) / 2
    return problem._replace(ground=ground, extent=np.array([low[0], high[0], low[1], high[1]]))


def _excess(problem: Problem, w: Array) -> Array:
    """f(w) − f(w*) for w (…, 2), not below 0."""
    import numpy as np

    from kernels import logistic, quadratic

    if problem.f is not None:
        return quadratic.loss(problem.f, w)
    return np.maximum(logistic.loss(problem.X, problem.y, w) - problem.least, 0.0)


def _gradient(problem: Problem, w: Array) -> Array:
    from kernels import logistic, quadratic

    return quadratic.gradient(problem.f, w) if problem.f else logistic.gradient(problem.X, problem.y, w)


def _moved(method: int, state: optimizers.State, g: Array, lr: Any, correct: bool) -> optimizers.State:
    from kernels import optimizers

    match METHODS[method]:
        case "SGD":
            return optimizers.sgd(state, g, lr)
        case "momentum":
            return optimizers.momentum(state, g, lr, BETA)
        case "RMSProp":
            return optimizers.rmsprop(state, g, lr, BETA2, correct=correct)
        case _:
            return optimizers.adam(state, g, lr, BETA1, BETA2, correct=correct)


def _tuned(params: Params, problem: Problem, rng: np.random.Generator) -> Problem:
    """Try a grid of learning rates with each method, for as many steps as the run will take."""
    import numpy as np

    copies = 4 if params.noise else 1
    noise = params.noise * rng.standard_normal((STEPS, copies, 2))
    far = float(np.abs(problem.start - problem.best).max())
    rates, tried, left = [], [], []
    for method in range(4):
        # Gradient steps are measured by the curvature, Adam's and RMSProp's by the distance to go.
        slow, fast = (0.01 / problem.steepest, 4.0 / problem.top) if method < 2 else (1e-3 * far, far)
        grid = np.geomspace(slow, fast, GRID)
        losses = _end(params, problem, method, grid, noise)
        at = int(losses.argmin())
        finer = np.geomspace(grid[max(at - 1, 0)], grid[min(at + 1, GRID - 1)], 11)
        rates.append(float(finer[_end(params, problem, method, finer, noise).argmin()]))
        tried.append(grid)
        left.append(losses)
    return problem._replace(rates=tuple(rates), tried=np.array(tried), left=np.array(left))


def _end(params: Params, problem: Problem, method: int, grid: Array, noise: Array) -> Array:
    """The geometric mean of the excess loss over the run, for each learning rate of a grid."""
    import numpy as np

    from kernels import optimizers

    state = optimizers.init(np.tile(problem.start, (len(grid), noise.shape[1], 1)))
    first = float(_excess(problem, problem.start))
    mean = np.zeros(len(grid))
    with np.errstate(all="ignore"):
        for k, kick in enumerate(noise, start=1):
            g = _gradient(problem, state.w) + kick
            state = _moved(method, state, g, grid[:, None, None], params.correct)
            if k % LOOK == 0:
                excess = np.nan_to_num(_excess(problem, state.w).mean(axis=1), nan=np.inf)
                mean += np.log(np.clip(excess, FLOOR * first, WORST * first)) * LOOK / STEPS
    return np.asarray(np.exp(mean))


def _lr(params: Params, state: State, method: int) -> float:
    return params.scale * state.problem.rates[method]


def step(params: Params, state: State) -> State:
    """One step of each method that has not diverged; all copies of all methods see the same noise."""
    import copy

    rng = copy.deepcopy(state.rng)
    problem = state.problem
    kick = params.noise * rng.standard_normal(state.states[0].w.shape)
    k = state.steps + 1
    paths, losses, errors = state.paths.copy(), state.losses.copy(), state.errors.copy()
    states, lost = list(state.states), list(state.lost)
    for method in range(4):
        if lost[method]:
            continue
        g = _gradient(problem, states[method].w) + kick
        states[method] = _moved(method, states[method], g, _lr(params, state, method), params.correct)
        excess = _excess(problem, states[method].w)
        if not excess.max() < LOST * losses[method, 0]:
            lost[method] = k
            continue
        paths[method, k] = states[method].w[0]
        losses[method, k] = excess.mean()
        errors[method] = excess.std(ddof=1) / math.sqrt(len(excess)) if len(excess) > 1 else 0.0
    return State(problem, tuple(states), paths, losses, errors, tuple(lost), k, rng)


def done(params: Params, state: State) -> bool:
    """Whether all steps are taken, or all methods lost."""
    return state.steps >= STEPS


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STEPS


def _exact(params: Params, state: State, method: int) -> Array:
    """The exact (expected) loss of SGD and momentum on the quadratic, step by step."""
    import numpy as np

    from kernels import quadratic

    assert state.problem.f is not None
    rates = np.full(state.steps, _lr(params, state, method))
    with np.errstate(all="ignore"):
        return quadratic.expected_loss(
            state.problem.f, state.problem.start, rates, BETA if method else 0.0, params.noise
        )


def _first_steps(n: int, correct: bool) -> tuple[Array, Array]:
    """|w_t − w_(t−1)| / η of RMSProp and Adam for a constant gradient, t = 1 … n, run by the kernel."""
    import numpy as np

    from kernels import optimizers

    sizes = []
    for method in (2, 3):
        state, row = optimizers.init(np.zeros(1)), []
        for _ in range(n):
            after = _moved(method, state, np.ones(1), 1.0, correct)
            row.append(abs(float(after.w[0] - state.w[0])))
            state = after
        sizes.append(np.array(row))
    return sizes[0], sizes[1]


def _first_steps_exact(n: int) -> tuple[Array, Array]:
    """The same uncorrected, in closed form: 1/√(1−β₂ᵗ) and (1−β₁ᵗ)/√(1−β₂ᵗ)."""
    import numpy as np

    t = np.arange(1, n + 1)
    return 1 / np.sqrt(1 - BETA2**t), (1 - BETA1**t) / np.sqrt(1 - BETA2**t)


def frame(params: Params, state: State) -> Frame:
    """Paths over the loss, losses by step, losses by learning rate, and step sizes for a constant gradient."""
    import numpy as np

    problem, k = state.problem, state.steps
    first = float(state.losses[0, 0])
    rmsprop, adam = _first_steps(60, correct=False)
    rmsprop_exact, adam_exact = _first_steps_exact(60)
    marked = np.linspace(1, 60, MARKS).astype(int)
    arrays: dict[str, Any] = {
        "loss": problem.ground,
        "loss_extent": problem.extent,
        "best_x": problem.best[:1],
        "best_y": problem.best[1:],
        "t": np.arange(1, 61),
        "rmsprop_raw": rmsprop,
        "adam_raw": adam,
        "t_exact": np.tile(marked, 2),
        "exact_steps": np.concatenate([rmsprop_exact[marked - 1], adam_exact[marked - 1]]),
        "corrected": np.ones(60),
        "at": np.arange(k + 1),
    }
    scalars = {"adam_first": float(adam[0]), "rmsprop_first": float(rmsprop[0]), "adam_peak": float(adam.max())}
    for method, name in enumerate(METHODS):
        arrays[f"{name}_x"] = state.paths[method, : k + 1, 0]
        arrays[f"{name}_y"] = state.paths[method, : k + 1, 1]
        arrays[f"{name}_tried"] = problem.tried[method]
        arrays[f"{name}_left"] = problem.left[method]
        arrays[f"{name}_loss"] = np.maximum(state.losses[method, : k + 1], FLOOR * first)
        scalars[f"{name}_lr"] = _lr(params, state, method)
        scalars[f"{name}_excess"] = float(state.losses[method, k])
    if problem.f is not None:
        exact = np.concatenate([_exact(params, state, method) for method in range(2)])
        # Marks on the exact curves of both, as far as the methods have come.
        marked = np.unique(np.linspace(0, k, min(k + 1, MARKS)).astype(int))
        at = np.concatenate([marked, marked + k + 1])
        at = at[exact[at] < LOST * first]
        arrays |= {"exact_at": at % (k + 1), "exact": np.maximum(exact[at], FLOOR * first)}
    return Frame(k, scalars, arrays, _note(params, state))


def _note(params: Params, state: State) -> str:
    problem, k = state.problem, state.steps
    said = []
    for method, edge in enumerate(problem.edges):
        lr, name = _lr(params, state, method), METHODS[method]
        rule = "2/λ_max" if method == 0 else "2(1+β)/λ_max"
        if state.lost[method]:
            said.append(f"{name} diverged at step {state.lost[method]}: lr {lr:.3g} > {rule} = {edge:.3g}")
        elif lr > edge and k:
            said.append(f"{name} is diverging: lr {lr:.3g} > {rule} = {edge:.3g}")
    if said:
        return "; ".join(said) + ". Steps of Adam and RMSProp stay below 32 lr: they may swing, but cannot explode"
    if not k:
        rates = ", ".join(f"{name} {_lr(params, state, m):.2g}" for m, name in enumerate(METHODS))
        factor = "each method's best" if params.scale == 1 else f"{params.scale:.3g} × each method's best"
        return f"Learning rates, {factor} for {STEPS} steps: {rates}"
    if _jumps(state):
        return (
            f"Step {k}: RMSProp jumps. √v̂ has shrunk with the gradients, until lr/√v̂ times the curvature passed 2;"
            " the large gradients of the jump fill v̂ again"
        )
    losses = ", ".join(f"{name} {state.losses[m, k]:.1e}" for m, name in enumerate(METHODS))
    return f"Step {k}, loss above the minimum: {losses}"


def _jumps(state: State) -> bool:
    """Whether RMSProp's loss is ten times what it was at its least, and was so only lately."""
    import numpy as np

    row = state.losses[METHODS.index("RMSProp"), : state.steps + 1]
    return bool(state.problem.f is not None and row[-1] > 10 * np.nanmin(row) and not state.errors.any())


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """SGD and momentum against their exact losses, first steps against their closed form, Newton's minimum."""
    import numpy as np

    from kernels import logistic

    k, problem = state.steps, state.problem
    if k == 0:
        return ()
    rows = []
    first = float(state.losses[0, 0])
    for method in range(2) if problem.f is not None else ():
        if state.lost[method]:
            continue
        truth, measured = float(_exact(params, state, method)[-1]), float(state.losses[method, k])
        name = f"{METHODS[method]}: {'E f' if params.noise else 'f'} at step {k}"
        # The mean of COPIES skewed losses: five standard errors. Without noise: rounding, against the largest loss met.
        error = float(state.errors[method])
        rounding = 1e-9 * truth + 1e-15 * max(first, float(np.nanmax(state.losses[method])))
        rows.append(Check(name, measured, truth, 5 * error + rounding, error=error))
    for method, size in ((2, 1.0), (3, 1 - BETA1)):
        truth = 1.0 if params.correct else size / math.sqrt(1 - BETA2)
        # ε = 1e-8 beside a gradient of 1e-3 or more, and the difference of two rounded weights.
        moved = np.abs(state.paths[method, 1] - state.paths[method, 0]).max() / _lr(params, state, method)
        rows.append(Check(f"{METHODS[method]}: first step / lr", float(moved), truth, 1e-3 * truth))
    adam = _first_steps(60, correct=False)[1]
    peak = float(_first_steps_exact(60)[1].max())
    rows.append(Check("Adam uncorrected, constant g: peak / lr", float(adam.max()), peak, 1e-6))
    if problem.f is None:
        slope = np.abs(logistic.gradient(problem.X, problem.y, problem.best)).max()
        rows.append(Check("‖∇f‖ at Newton's minimum", float(slope), 0.0, 1e-12))
    return tuple(rows)


LAB = Lab(
    id="optimizers",
    title="Optimisers, each at its best",
    chapter="optimization",
    section="3.1",
    lesson="adam",
    summary=(
        "SGD, momentum, RMSProp and Adam on one loss from one start, each with the learning rate"
        f" that serves it best for {STEPS} steps."
    ),
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        *(
            Chart(
                f"paths_{at}",
                f"Paths over the loss: {' and '.join(pair)}",
                series=(
                    *(Series(name, f"{name}_y", f"{name}_x") for name in pair),
                    Series("minimum", "best_y", "best_x", "points"),
                ),
                x_label="w₁",
                y_label="w₂",
                backdrop="loss",
                scale="log₁₀ f",
            )
            for at, pair in enumerate((METHODS[:2], METHODS[2:]), start=1)
        ),
        Chart(
            "losses",
            "Loss above the minimum",
            series=(
                *(Series(name, f"{name}_loss", "at") for name in METHODS),
                Series("exact", "exact", "exact_at", "points"),
            ),
            x_label="step",
            y_log=True,
        ),
        Chart(
            "correction",
            "Step / lr, constant g, uncorrected",
            series=(
                Series("RMSProp", "rmsprop_raw", "t"),
                Series("Adam", "adam_raw", "t"),
                Series("corrected", "corrected", "t", "dashed"),
                Series("exact", "exact_steps", "t_exact", "points"),
            ),
            x_label="step t",
            y_log=True,
        ),
        Chart(
            "rates",
            "Loss over the run (geom. mean), by lr",
            series=tuple(Series(name, f"{name}_left", f"{name}_tried") for name in METHODS),
            x_label="learning rate",
            x_log=True,
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "Adam without bias correction (β₁ = 0.9, β₂ = 0.999) sees the same gradient g at every step."
            " How long is its first step, in units of the learning rate?"
        ),
        scalar="adam_first",
        low=0.0,
        high=1000.0,
        chart="correction",
        why=(
            "m = 0.1 g is ten times too small, but √v = √0.001 |g| is 32 times too small: the first step is"
            " 0.1/√0.001 = 3.16 lr, and step 12 even 6.6 lr. Without correction Adam starts too fast."
        ),
    ),
    explain="opt-lab-optimizers",
    source=("kernels.optimizers", "kernels.quadratic", "kernels.logistic"),
)
