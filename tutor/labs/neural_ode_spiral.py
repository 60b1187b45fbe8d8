"""A field learned from short noisy pieces of its paths, then asked to go on for much longer than it has seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import mlp, optimizers

    Array = npt.NDArray[Any]

DECAY, TURN = 0.3, 2.0
"""The true field is A x with A = [[−0.3, −2], [2, −0.3]]: from (1, 0) it leads along e^{−0.3 t} (cos 2t, sin 2t)."""
EVERY = 0.2
"""Seconds between two observations, and the solver's step in training."""
ASKED = 8.0
"""Seconds that the learned field is asked for."""
WIDTH = 32
ITERATIONS = 1200
IN_A_STEP = 6
"""Iterations in one step of the lab."""
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
"""Of Dormand–Prince, at which both gradients are compared after the training."""
ATTEMPTS = 300
"""Steps that Dormand–Prince may try to the end of a piece; a field that needs more is no longer sensible."""
TOO_FAR = 1e3
"""Misfit beyond which the fit has diverged: the data lie in the unit disc."""
COMPARED = 32
"""Pieces over which both gradients are compared."""
GRID = 24


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    pieces: int = param(64, "pieces of paths that are observed", low=8, high=128, scale="log")
    seconds: float = param(1.0, "length of a piece", low=0.4, high=2.0, step=0.2, unit="s")
    noise: float = param(0.03, "standard deviation of each observation", low=0.0, high=0.3, step=0.01)
    lr: float = param(0.05, "Adam's first step; falls to 0 as a cosine", low=1e-3, high=1.0, scale="log", live=True)
    gradient: str = param("backprop", "how it is computed in training", choices=("backprop", "adjoint"), live=True)


class Data(NamedTuple):
    """What was observed, and the best that a fit to it can be expected to do."""

    times: Array
    """(k + 1,)"""
    Y: Array
    """(k + 1, pieces, 2)"""
    error: float
    """Standard error of both parts of the eigenvalues, had one known that the field is linear (Cramér–Rao)."""


class Compared(NamedTuple):
    """Both gradients at one tolerance."""

    rtol: float
    apart: float
    """‖difference‖ / ‖gradient‖; not a number if a solver gave up."""
    kept: tuple[int, int]
    """Numbers that each kept: backprop, adjoint."""


class State(NamedTuple):
    """The weights of the network and the starts of the pieces, which are fitted too."""

    data: Data
    fit: optimizers.State
    misfit: float
    """Mean squared distance of a coordinate from its observation."""
    compared: tuple[Compared, ...]
    diverged: int
    """Iteration at which the fit was lost; 0: it was not."""
    steps: int


def _net() -> mlp.Net:
    from kernels import mlp

    return mlp.Net((2, WIDTH, 2), "silu")


def _matrix() -> Array:
    import numpy as np

    return np.array([[-DECAY, -TURN], [TURN, -DECAY]])


def _exact(times: Array, start: Array) -> Array:
    """e^{At} x₀ = e^{−0.3 t} · (x₀ turned by 2t), for starts (…, 2); shape (times, …, 2)."""
    import numpy as np

    turned = np.exp((-DECAY + 1j * TURN) * times).reshape(-1, *([1] * (start.ndim - 1)))
    z = turned * (start[..., 0] + 1j * start[..., 1])
    return np.stack([z.real, z.imag], axis=-1)


def init(params: Params, rng: np.random.Generator) -> State:
    """Pieces that begin anywhere in the unit disc; each coordinate of each observation has its own noise."""
    import numpy as np

    from kernels import mlp, optimizers

    radius, angle = np.sqrt(rng.uniform(0, 1, params.pieces)), rng.uniform(0, 2 * math.pi, params.pieces)
    start = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    times = EVERY * np.arange(round(params.seconds / EVERY) + 1)
    X = _exact(times, start)
    Y = X + params.noise * rng.standard_normal(X.shape)
    weights = mlp.init(_net(), rng)
    data = Data(times, Y, _standard_error(times, start, params.noise))
    return State(data, optimizers.init(np.concatenate([weights, Y[0].ravel()])), math.nan, (), 0, 0)


def _standard_error(times: Array, start: Array, noise: float) -> float:
    """Of −0.3 and of 2, fitted by least squares with the unknown starts: noise / √information.

    In complex numbers a piece is x₀ e^{λt}: dx/dλ = t x, of which the part along dx/dx₀ = e^{λt} teaches nothing.
    """
    import numpy as np

    size = np.exp(-2 * DECAY * times)
    t = times - np.sum(size * times) / np.sum(size)
    information = np.sum(size * t**2) * np.sum(start**2)
    return noise / math.sqrt(float(information))


def step(params: Params, state: State) -> State:
    """A few iterations of Adam; afterwards one comparison of the two gradients a step."""
    import numpy as np

    from kernels import optimizers

    at = state.steps * IN_A_STEP
    state = state._replace(steps=state.steps + 1)
    if at >= ITERATIONS:
        if state.diverged:
            return state
        rtol = TOLERANCES[len(state.compared)]
        try:
            compared = _compare(state, rtol)
        except RuntimeError:  # a solver gave up
            compared = Compared(rtol, math.nan, (0, 0))
        return state._replace(compared=(*state.compared, compared))
    for iteration in range(at, at + IN_A_STEP):
        if state.diverged:
            break
        with np.errstate(all="ignore"):
            misfit, gradient = _gradient(params, state)
        if not (misfit < TOO_FAR and np.isfinite(gradient).all()):
            return state._replace(diverged=iteration + 1)
        lr = params.lr * 0.5 * (1 + math.cos(math.pi * iteration / ITERATIONS))
        state = state._replace(fit=optimizers.adam(state.fit, gradient, lr), misfit=misfit)
    return state


def _parts(state: State) -> tuple[Array, Array]:
    """(weights of the network, starts of the pieces)"""
    from kernels import mlp

    cut = mlp.count(_net())
    return state.fit.w[:cut], state.fit.w[cut:].reshape(-1, 2)


def _gradient(params: Params, state: State) -> tuple[float, Array]:
    """The mean squared misfit, and half its gradient in weights and starts; one RK4 step to each observation."""
    import numpy as np

    from kernels import neural_ode, ode

    theta, start = _parts(state)
    times, Y, _ = state.data
    path = neural_ode.forward(_net(), theta, start, times, ode.RK4)
    off = np.stack(path.ys) - Y
    losses = dict(enumerate(off / off.size))
    if params.gradient == "backprop":
        found = neural_ode.backward(_net(), theta, path, ode.RK4, losses)
    else:

        def rk4(f: ode.Slope, s: Array, t0: float, t1: float) -> Array:
            return ode.step(f, ode.State(t0, s, 0), t1 - t0, ode.RK4).y

        found = neural_ode.adjoint(_net(), theta, path.ys[-1], times, losses, rk4)
    return float(np.mean(off**2)), np.concatenate([found.theta, found.y0.ravel()])


def _compare(state: State, rtol: float) -> Compared:
    """Backpropagation through the steps that Dormand–Prince takes to the last observation, and the adjoint."""
    import numpy as np

    from kernels import dormand_prince, mlp, neural_ode, ode

    net, (theta, start), end = _net(), _parts(state), float(state.data.times[-1])
    start, Y = start[:COMPARED], state.data.Y[-1, :COMPARED]

    def f(t: float, y: Array) -> Array:
        return mlp.forward(net, theta, y)[0]

    def solve(f: ode.Slope, s: Array, t0: float, t1: float) -> Array:
        found: Array = dormand_prince.solve(f, s, [t0, t1], rtol, rtol, ATTEMPTS).ys[-1]
        return found

    grid = dormand_prince.solve(f, start, [0.0, end], rtol, rtol, ATTEMPTS).grid
    path = neural_ode.forward(net, theta, start, grid, dormand_prince.METHOD)
    off = (path.ys[-1] - Y) / Y.size
    back = neural_ode.backward(net, theta, path, dormand_prince.METHOD, {len(grid) - 1: off})
    adjoint = neural_ode.adjoint(net, theta, path.ys[-1], [0.0, end], {1: off}, solve)
    one, two = (np.concatenate([g.theta, g.y0.ravel()]) for g in (back, adjoint))
    apart = float(np.linalg.norm(one - two) / np.linalg.norm(one))
    return Compared(rtol, apart, (back.kept, adjoint.kept))


def total(params: Params, state: State) -> int:
    """Steps of training, and one for each tolerance."""
    return ITERATIONS // IN_A_STEP + len(TOLERANCES)


def done(params: Params, state: State) -> bool:
    """Whether both are through."""
    return state.steps >= total(params, state)


class Learned(NamedTuple):
    """The field as it is now, held against the true one."""

    x: Array
    """(GRID,) both axes of a square around the unit disc."""
    wrong: Array
    """(GRID, GRID) |f − Ax| over the root mean square of |Ax| in the disc."""
    error: float
    """Root mean square of that in the disc."""
    eigenvalue: complex
    """Of the matrix nearest to the field in the disc."""
    path: Array
    """(times, 2) from (1, 0) over ASKED seconds."""


def _learned(state: State) -> Learned:
    import numpy as np

    from kernels import mlp, ode

    net, (theta, _), A = _net(), _parts(state), _matrix()
    x = np.linspace(-1.1, 1.1, GRID)
    points = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    inside = np.sum(points**2, axis=1) <= 1.0
    with np.errstate(all="ignore"):
        field = mlp.forward(net, theta, points)[0]
        scale = math.sqrt(float(np.mean(np.sum((points[inside] @ A.T) ** 2, axis=1))))
        wrong = np.linalg.norm(field - points @ A.T, axis=1) / scale
        nearest = np.linalg.lstsq(points[inside], field[inside], rcond=None)[0].T
        value = complex(max(np.linalg.eigvals(nearest), key=lambda z: z.imag))
        path = ode.solve(
            lambda t, y: mlp.forward(net, theta, y)[0], np.array([[1.0, 0.0]]), np.linspace(0, ASKED, 81), ode.RK4
        )[:, 0]
    error = math.sqrt(float(np.mean(wrong[inside] ** 2)))
    return Learned(x, wrong.reshape(GRID, GRID), error, value, path)


def frame(params: Params, state: State) -> Frame:
    """The learned path beside the true one, the error of the field, and the fit so far."""
    import numpy as np

    learned = _learned(state)
    t = np.linspace(0, ASKED, 81)
    exact = _exact(t, np.array([1.0, 0.0]))
    Y = state.data.Y
    arrays: dict[str, Any] = {
        "t": t,
        "exact_1": exact[:, 0],
        "exact_2": exact[:, 1],
        "learned_1": learned.path[:, 0],
        "learned_2": learned.path[:, 1],
        "seen_1": Y[:, :60, 0].ravel(),
        "seen_2": Y[:, :60, 1].ravel(),
        "wrong": 100 * learned.wrong,
        "wrong_extent": np.array([-1.1, 1.1, -1.1, 1.1]),
        "off": np.linalg.norm(learned.path - exact, axis=1),
        "rtol": np.array([c.rtol for c in state.compared]),
        "apart": np.array([c.apart for c in state.compared]),
    }
    k = len(state.data.times) - 1
    scalars = {
        "misfit": math.sqrt(state.misfit) if state.misfit >= 0 else math.nan,
        # Of the k + 1 observations of each coordinate one is spent on its start.
        "floor": params.noise * math.sqrt(k / (k + 1)),
        "field_error": 100 * learned.error,
        "decay": learned.eigenvalue.real,
        "turn": learned.eigenvalue.imag,
        "true_decay": -DECAY,
        "true_turn": TURN,
        "radius": float(np.linalg.norm(learned.path[-1])),
        "true_radius": math.exp(-DECAY * ASKED),
        "iteration": float(min(max(1, state.steps * IN_A_STEP), ITERATIONS)),
        "astray": float(arrays["off"].max()),
    }
    return Frame(state.steps, scalars, arrays, _note(params, state, scalars))


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    if state.diverged:
        return f"diverged at iteration {state.diverged}: lr {params.lr:g} is too large, the field grew out of bounds"
    eigenvalues = f"{scalars['decay']:.3f} ± {scalars['turn']:.3f}i"
    if state.compared:
        last = state.compared[-1]
        if math.isnan(last.apart):
            return (
                f"eigenvalues {eigenvalues}: the field became so steep that Dormand–Prince gave up at {last.rtol:.0e}"
            )
        return (
            f"field error {scalars['field_error']:.1f} %, eigenvalues {eigenvalues}. At tolerance {last.rtol:.0e} the"
            f" gradients agree to {last.apart:.0e}; backprop keeps {last.kept[0]:,} numbers, adjoint {last.kept[1]:,}"
        )
    return (
        f"iteration {min(state.steps * IN_A_STEP, ITERATIONS)} of {ITERATIONS}: field error"
        f" {scalars['field_error']:.1f} %, eigenvalues {eigenvalues} (true −0.3 ± 2i)"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The learned field against the true one, and the two gradients against each other."""
    if not done(params, state) or state.diverged:
        return ()
    learned = _learned(state)
    if not math.isfinite(learned.path.sum()):
        return ()
    import numpy as np

    error = state.data.error
    astray = learned.path - _exact(np.linspace(0, ASKED, len(learned.path)), np.array([1.0, 0.0]))
    # The network does not know that the field is linear, so it errs more than a linear fit would, by a third as was
    # seen, and a hundredth is left of its training: six standard errors of that fit and this hundredth.
    tolerance = 6 * error + 0.01
    at = next((c for c in state.compared if c.rtol == 1e-8), None)
    rows = [
        Check("decay: real part of the eigenvalues", learned.eigenvalue.real, -DECAY, tolerance, error=error),
        Check("turn: imaginary part", learned.eigenvalue.imag, TURN, tolerance, error=error),
        Check("field error in the unit disc", learned.error, 0.0, tolerance),
        Check(f"path astray until t = {ASKED:g}", float(np.linalg.norm(astray, axis=1).max()), 0.0, 2 * tolerance),
    ]
    if at and math.isfinite(at.apart):
        rows.append(Check("adjoint off backprop at rtol 1e−8", at.apart, 0.0, 1e-6))
    return tuple(rows)


LAB = Lab(
    id="neural-ode-spiral",
    title="Neural ODE from glimpses",
    chapter="calculus",
    section="2.3",
    lesson="adjoint-at-work",
    summary=(
        "A network f learns dx/dt = f(x) from noisy pieces of spirals, one second long, by gradients through the"
        " solver. Then it must go on alone to t = 8."
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
            "path",
            "From (1, 0) for 8 s, and what was seen",
            series=(
                Series("seen", "seen_2", "seen_1", "points"),
                Series("learned", "learned_2", "learned_1"),
                Series("true", "exact_2", "exact_1", "dashed"),
            ),
            x_label="x₁",
            y_label="x₂",
            x_range=(-1.2, 1.2),
            y_range=(-1.2, 1.2),
            equal=True,
        ),
        Chart(
            "wrong",
            "Where the field is wrong",
            series=(
                Series("learned path", "learned_2", "learned_1"),
                Series("true path", "exact_2", "exact_1", "dashed"),
            ),
            x_label="x₁",
            y_label="x₂",
            backdrop="wrong",
            image_range=(0.0, 20.0),
            scale="%",
        ),
        Chart(
            "future",
            "x₁(t): seen 1 s at a time, asked for 8",
            series=(Series("learned", "learned_1", "t"), Series("true", "exact_1", "t", "dashed")),
            x_label="t",
        ),
        Chart(
            "radius",
            "Distance from the centre at t = 8",
            series=(Series("learned", "radius", "iteration"), Series("true", "true_radius", "iteration", "dashed")),
            x_label="iteration",
            x_log=True,
            y_range=(0.0, 1.0),
        ),
        Chart(
            "eigenvalues",
            "Eigenvalues: −0.3 ± 2i in truth",
            series=(
                Series("turn", "turn", "iteration"),
                Series("decay", "decay", "iteration"),
                Series("true", "true_turn", "iteration", "dashed"),
                Series("", "true_decay", "iteration", "dashed"),
            ),
            x_label="iteration",
            x_log=True,
        ),
        Chart(
            "misfit",
            "Misfit to what was seen (r.m.s.)",
            series=(Series("misfit", "misfit", "iteration"), Series("noise alone", "floor", "iteration", "dashed")),
            x_label="iteration",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "gradients",
            "Adjoint off backprop, by tolerance",
            series=(Series("difference", "apart", "rtol"), Series("tolerance", "rtol", "rtol", "dashed")),
            x_label="rtol",
            x_log=True,
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "The true field is dx/dt = Ax with A = [[−0.3, −2], [2, −0.3]]. The network sees noisy pieces of 1 s. Where"
            " is its path from (1, 0) at t = 8: how far from the centre?"
        ),
        scalar="radius",
        low=0.0,
        high=10.0,
        chart="radius",
        why=(
            "The eigenvalues −0.3 ± 2i say it all: the path turns by 2 rad/s and shrinks as e^{−0.3 t}, to e^{−2.4} ="
            " 0.09 at t = 8. A field that is right to a percent keeps to that, although no piece was longer than 1 s."
        ),
    ),
    explain="calc-lab-neural-ode-spiral",
    source=("kernels.neural_ode", "kernels.mlp"),
)
