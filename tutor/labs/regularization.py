"""L1 with and without the proximal step, L2 beside it, and weight decay that is or is not L2."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import lasso, optimizers

    Array = npt.NDArray[np.float64]

STEPS = 200
INNER = 10
"""Iterations of the three L1 methods in a step of the lab."""
D = 20
TRUE = {2: 2.0, 9: -1.5, 15: 1.0}
"""The weights that are not 0."""
METHODS = ("subgradient", "ISTA", "FISTA")
LR = 0.01
"""Learning rate of SGD and Adam in the comparison of decays."""
SHRINKERS = ("SGD + L2", "SGD, decay", "Adam + L2", "AdamW")
TAME = 70.0
"""Up to this ratio of largest to smallest curvature 2,000 proximal steps end within 1e-11; at 100 they miss by 1e-9."""
MARKS = 12
"""Points of an exact curve that are drawn."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    lam: float = param(
        0.2, "λ of the L1 penalty, over the λ_max that makes all weights 0", low=0.001, high=1.0, scale="log"
    )
    n: int = param(60, "samples", low=40, high=400, step=20)
    rho: float = param(0.3, "correlation of neighbouring features", low=0.0, high=0.95, step=0.05)
    noise: float = param(1.0, "standard deviation of the noise in y", low=0.0, high=3.0, step=0.1)
    decay: float = param(0.5, "L2 or weight decay for SGD and Adam", low=0.01, high=5.0, scale="log")


class State(NamedTuple):
    """Three methods on the lasso, and four ways to shrink weights."""

    X: Array
    """(n, 20)"""
    y: Array
    lam: float
    L: float
    """Largest curvature."""
    mu: float
    """Smallest curvature."""
    knots: Array
    """The exact path: where it bends, and the weights there."""
    weights: Array
    start: Array
    methods: tuple[lasso.State, ...]
    zeros: Array
    """(3, STEPS + 1) exact zeros."""
    gaps: Array
    """(3, STEPS + 1) objective above its minimum."""
    shrinkers: tuple[optimizers.State, ...]
    """Each with 21 weights, of which the last belongs to a feature that is always 0."""
    dead: Array
    """(4, STEPS + 1) that last weight."""
    steps: int


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw the data; follow the exact path; start everywhere at the same random weights."""
    import numpy as np

    from kernels import lasso, optimizers

    fresh = rng.standard_normal((params.n, D))
    X = fresh.copy()
    for j in range(1, D):
        X[:, j] = params.rho * X[:, j - 1] + math.sqrt(1 - params.rho**2) * fresh[:, j]
    truth = np.zeros(D)
    truth[list(TRUE)] = list(TRUE.values())
    y = X @ truth + params.noise * rng.standard_normal(params.n)
    knots, weights = lasso.path(X, y)
    lam = params.lam * lasso.largest(X, y)
    start = rng.standard_normal(D)
    curvature = np.linalg.eigvalsh(X.T @ X / params.n)
    shrinker = optimizers.init(np.append(start, 1.0))
    zeros, gaps, dead = (np.full((rows, STEPS + 1), np.nan) for rows in (3, 3, 4))
    state = State(
        X,
        y,
        lam,
        float(curvature[-1]),
        float(curvature[0]),
        knots,
        weights,
        start,
        (lasso.init(start),) * 3,
        zeros,
        gaps,
        (shrinker,) * 4,
        dead,
        0,
    )
    return _recorded(state)


def _recorded(state: State) -> State:
    """The state with zeros, gaps and the dead weight of this step written down."""
    import numpy as np

    from kernels import lasso

    zeros, gaps, dead = state.zeros.copy(), state.gaps.copy(), state.dead.copy()
    least = lasso.objective(state.X, state.y, _exact(state), state.lam)
    for at, method in enumerate(state.methods):
        zeros[at, state.steps] = np.sum(method.w == 0)
        gaps[at, state.steps] = lasso.objective(state.X, state.y, method.w, state.lam) - least
    for at, shrinker in enumerate(state.shrinkers):
        dead[at, state.steps] = shrinker.w[-1]
    return state._replace(zeros=zeros, gaps=gaps, dead=dead)


def _exact(state: State) -> Array:
    from kernels import lasso

    return lasso.at(state.knots, state.weights, state.lam)


def step(params: Params, state: State) -> State:
    """Ten iterations of each L1 method, one step of each way to shrink."""
    import numpy as np

    from kernels import lasso, optimizers

    X, y = state.X, state.y
    methods = []
    for method, move in zip(state.methods, (lasso.subgradient, lasso.ista, lasso.fista), strict=True):
        for _ in range(INNER):
            method = move(method, X, y, state.lam, state.L)
        methods.append(method)
    shrunk = []
    for name, old in zip(SHRINKERS, state.shrinkers, strict=True):
        # The data say nothing about the last weight: its gradient is 0.
        g = np.append(lasso.gradient(X, y, old.w[:D]), 0.0)
        match name:
            case "SGD + L2":
                new = optimizers.sgd(old, g, LR, decay=params.decay)
            case "SGD, decay":
                new = optimizers.sgd(old._replace(w=old.w * (1 - LR * params.decay)), g, LR)
            case "Adam + L2":
                new = optimizers.adam(old, g, LR, decay=params.decay)
            case _:
                new = optimizers.adamw(old, g, LR, decay=params.decay)
        shrunk.append(new)
    return _recorded(state._replace(methods=tuple(methods), shrinkers=tuple(shrunk), steps=state.steps + 1))


def done(params: Params, state: State) -> bool:
    """Whether all steps are taken."""
    return state.steps >= STEPS


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STEPS


def _bounds(state: State, k: Array) -> tuple[Array, Array]:
    """What ISTA and FISTA may miss the minimum by after k iterations, at most."""
    import numpy as np

    far = float(np.sum((state.start - _exact(state)) ** 2))
    return state.L * far / (2 * k), 2 * state.L * far / (k + 1) ** 2


def frame(params: Params, state: State) -> Frame:
    """Weights on a log scale, zeros and gaps by iteration, the exact path, and the weight without data."""
    import numpy as np

    from kernels import lasso

    k = state.steps
    index, iterations = np.arange(1, D + 1), INNER * np.arange(k + 1)
    exact = _exact(state)
    top = float(state.knots[0])
    shares = np.geomspace(1.0, 1e-3, 60)
    path = np.array([lasso.at(state.knots, state.weights, share * top) for share in shares])
    others = [j for j in range(D) if j not in TRUE]
    bounds = _bounds(state, np.maximum(iterations[1:], 1))
    ridge = lasso.ridge(state.X, state.y, state.lam)
    arrays: dict[str, Any] = {
        "iteration": iterations[1:],
        "truth_zeros": np.full(k, float(np.sum(exact == 0))),
        "bound_ista": bounds[0],
        "bound_fista": bounds[1],
        "share": shares,
        "others": path[:, others].ravel(),
        "others_share": np.repeat(shares, len(others)),
        "now_share": np.full(D, params.lam),
        "now": state.methods[2].w,
        "t": np.arange(k + 1),
        "marked": np.unique(np.linspace(0, k, min(k + 1, MARKS)).astype(int)),
        "ridge": np.abs(ridge),
        "index": index,
    }
    arrays["shrunk_exact"] = (1 - LR * params.decay) ** arrays["marked"]
    for rank, j in enumerate(TRUE):
        arrays[f"path_{rank}"] = path[:, j]
    for at, name in enumerate(METHODS):
        w = state.methods[at].w
        arrays[f"{name}_index"], arrays[f"{name}_size"] = index[w != 0], np.abs(w[w != 0])
        arrays[f"{name}_zeros"] = state.zeros[at, 1 : k + 1]
        arrays[f"{name}_gap"] = np.maximum(state.gaps[at, 1 : k + 1], 1e-16)
    for at, name in enumerate(SHRINKERS):
        arrays[name] = state.dead[at, : k + 1]
    scalars = {
        "subgradient_zeros": float(state.zeros[0, k]),
        "proximal_zeros": float(state.zeros[2, k]),
        "exact_zeros": float(np.sum(exact == 0)),
        "ridge_zeros": float(np.sum(ridge == 0)),
        "kkt": lasso.kkt_residual(state.X, state.y, state.methods[2].w, state.lam),
        "adam_l2_dead": float(state.dead[2, k]),
        "adamw_dead": float(state.dead[3, k]),
    }
    return Frame(k, scalars, arrays, _note(params, state, scalars))


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    if not state.steps:
        return f"λ = {state.lam:.3g}: the exact minimum has {scalars['exact_zeros']:.0f} zeros among {D} weights"
    return (
        f"Iteration {INNER * state.steps}: exact zeros: subgradient {scalars['subgradient_zeros']:.0f},"
        f" proximal {scalars['proximal_zeros']:.0f}, L2 {scalars['ridge_zeros']:.0f}. A weight without data is at"
        f" {scalars['adamw_dead']:.2f} by AdamW, {scalars['adam_l2_dead']:.2f} by Adam + L2"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The exact path's optimality, the proximal methods against it and their bounds, decay against its closed form."""
    import numpy as np

    from kernels import lasso

    k = state.steps
    if k == 0:
        return ()
    exact, iterations = _exact(state), INNER * k
    ista, fista = (float(bound[0]) for bound in _bounds(state, np.array([float(iterations)])))
    rows = [
        Check("KKT residual of the exact path", lasso.kkt_residual(state.X, state.y, exact, state.lam), 0.0, 1e-10),
        Check("ISTA: F − F*", float(state.gaps[1, k]), ista, 1e-12, "<="),
        Check("FISTA: F − F*", float(state.gaps[2, k]), fista, 1e-12, "<="),
    ]
    if state.L / state.mu < TAME and k == STEPS:
        residual = lasso.kkt_residual(state.X, state.y, state.methods[2].w, state.lam)
        rows.append(Check("FISTA: KKT residual", residual, 0.0, 1e-10))
        rows.append(Check("FISTA: exact zeros", float(state.zeros[2, k]), float(np.sum(exact == 0)), 0.0))
    rows.append(Check("subgradient: exact zeros", float(state.zeros[0, k]), 0.0, 0.0))
    shrunk = (1 - LR * params.decay) ** k
    off = float(np.abs(state.shrinkers[0].w - state.shrinkers[1].w).max())
    rows += [
        Check("SGD: L2 off decay, largest", off, 0.0, 1e-12),
        Check("AdamW, no data: (1−ηλ)ᵏ", float(state.dead[3, k]), shrunk, 1e-12),
        # ε = 1e-8 beside a gradient of `decay` ≥ 0.01.
        Check("Adam + L2, no data: first step / η", float(1 - state.dead[2, 1]) / LR, 1.0, 1e-5),
    ]
    return tuple(rows)


LAB = Lab(
    id="regularization",
    title="L1, L2 and weight decay",
    chapter="optimization",
    section="3.3",
    lesson="regularization",
    summary=(
        "A regression with 20 weights, 3 of them true: who finds the zeros? Beside it, what L2 and decay do to a weight"
        " that no data pull on."
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
            "sizes",
            "|w| of each weight; zeros not drawn",
            series=(
                Series("subgradient", "subgradient_size", "subgradient_index", "points"),
                Series("L2", "ridge", "index", "points"),
                Series("proximal (FISTA)", "FISTA_size", "FISTA_index", "points"),
            ),
            x_label="weight",
            x_range=(0.0, D + 1.0),
            y_log=True,
        ),
        Chart(
            "zeros",
            "Exact zeros among the 20 weights",
            series=(
                Series("exact minimum", "truth_zeros", "iteration", "dashed"),
                *(Series(name, f"{name}_zeros", "iteration") for name in METHODS),
            ),
            x_label="iteration",
            x_log=True,
            y_range=(0.0, float(D)),
        ),
        Chart(
            "gaps",
            "Objective above its minimum",
            series=(
                *(Series(name, f"{name}_gap", "iteration") for name in METHODS),
                Series("ISTA at most", "bound_ista", "iteration", "dashed"),
                Series("FISTA at most", "bound_fista", "iteration", "dashed"),
            ),
            x_label="iteration",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "path",
            "The exact minimum for every λ",
            series=(
                *(
                    Series(f"true {value:g}".replace("-", "−"), f"path_{rank}", "share")
                    for rank, value in enumerate(TRUE.values())
                ),
                Series("others", "others", "others_share", "points"),
                Series("FISTA at this λ", "now", "now_share", "points"),
            ),
            x_label="λ / λ_max",
            x_log=True,
        ),
        Chart(
            "decay",
            "A weight without data: L2 or decay",
            series=(
                Series("SGD + L2", "SGD + L2", "t"),
                Series("Adam + L2", "Adam + L2", "t"),
                Series("AdamW", "AdamW", "t"),
                Series("(1−ηλ)ᵏ", "shrunk_exact", "marked", "points"),
            ),
            x_label="step k",
        ),
    ),
    prediction=Prediction(
        prompt=(
            "20 weights, 17 of them useless, and a λ whose exact minimum has zeros in their place. Gradient descent,"
            " with λ·sign(w) added to the gradient, runs for 2,000 iterations. How many weights are exactly 0 then?"
        ),
        scalar="subgradient_zeros",
        low=0.0,
        high=20.0,
        chart="zeros",
        why=(
            "None: near 0 the sign pushes a weight across, to the other side, and back. The proximal step instead sets"
            " to 0 whatever the penalty would carry across."
        ),
    ),
    explain="opt-lab-regularization",
    source=("kernels.lasso", "kernels.optimizers"),
)
