"""A ResNet and two Neural ODEs learn three spiral arms; then the same weights are run with other numbers of steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import mlp, ode, optimizers

    Array = npt.NDArray[Any]

ARMS = 3
PER_ARM = 200
"""Training points of an arm, and as many test points."""
SIZE = 2.0
"""Radius of the spiral."""
WIDTH = 32
"""Hidden units of f."""
ITERATIONS = 400
EVALUATIONS = 80
"""Of f, with its gradient, in one step of the lab for each model: four iterations at depth 20."""
LR = 0.01
RUNS = (2, 5, 10, 20, 40, 80, 160, 320, 640)
"""Euler steps with which the trained weights are run again."""
FINE = 160
"""Steps that the prediction asks about."""
MEMORY = (5, 10, 20, 40, 80, 160)
"""Euler steps at which both gradients of the Neural ODE are taken and their memory counted."""
GRID = 32
"""Decision regions are drawn from GRID × GRID points."""
EDGE = 2.3
SHOWN = 60
"""Points of each arm that are drawn."""
FOLLOWED, MOMENTS = 5, 40
"""Points of each arm whose paths are drawn, and the RK4 steps in which they are followed."""
MODELS = ("resnet", "euler", "rk4")


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    depth: int = param(20, "evaluations of f: blocks, Euler steps, 4 × RK4 steps", low=4, high=40, step=4)
    augment: int = param(1, "dimensions added to the plane, 0 at the start", low=0, high=3)
    turns: float = param(1.0, "turns of each arm", low=0.25, high=1.5, step=0.25)
    noise: float = param(0.15, "standard deviation of the angle", low=0.0, high=0.6, step=0.05, unit="rad")
    steps: int = param(0, "Euler steps when drawing Neural ODEs (0: as trained)", low=0, high=160, step=10, live=True)


class Points(NamedTuple):
    """Points of the plane and the arms that they belong to."""

    x: Array
    """(n, 2)"""
    arm: Array
    """(n,) 0, 1, 2"""


class Model(NamedTuple):
    """Weights of f and of the linear layer behind it, in Adam's hands."""

    fit: optimizers.State
    loss: float
    accuracy: float
    """Both on the points of the last iteration, before it."""


class Memory(NamedTuple):
    """Both gradients of the RK4-trained Neural ODE, solved with so many Euler steps."""

    steps: int
    kept: tuple[int, int]
    """Numbers that backpropagation and the adjoint kept."""
    apart: float
    """‖difference‖ / ‖gradient‖ of the weights."""


class State(NamedTuple):
    """Data, the three models, and what is measured after the training."""

    train: Points
    test: Points
    models: tuple[Model, ...]
    """ResNet; Neural ODE trained with Euler; the same with RK4."""
    runs: tuple[tuple[int, float, float, float], ...]
    """(Euler steps, test accuracy of the Euler-trained, of the RK4-trained, its distance from the exact flow)"""
    exact: Array
    """(m, d) where the exact flow of the RK4-trained field takes every tenth test point; empty before."""
    memory: tuple[Memory, ...]
    steps: int


def _field(params: Params) -> mlp.Net:
    from kernels import mlp

    d = 2 + params.augment
    return mlp.Net((d, WIDTH, d))


def _head(params: Params) -> mlp.Net:
    from kernels import mlp

    return mlp.Net((2 + params.augment, ARMS))


def _method(name: str) -> ode.Method:
    from kernels import ode

    return ode.RK4 if name == "rk4" else ode.EULER


def _pace(params: Params) -> int:
    """Iterations in one step of the lab."""
    return min(8, max(1, EVALUATIONS // params.depth))


def _taken(params: Params, name: str) -> int:
    """Steps that cost `depth` evaluations of f."""
    return params.depth // 4 if name == "rk4" else params.depth


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw both sets of points and the first weights."""
    import numpy as np

    from kernels import mlp, optimizers

    train, test = _spiral(params, rng), _spiral(params, rng)
    models = []
    for name in MODELS:
        blocks = params.depth if name == "resnet" else 1
        parts = [mlp.init(_field(params), rng, np.float32) for _ in range(blocks)]
        parts.append(mlp.init(_head(params), rng, np.float32))
        models.append(Model(optimizers.init(np.concatenate(parts)), math.nan, math.nan))
    return State(train, test, tuple(models), (), np.empty((0, 2)), (), 0)


def _spiral(params: Params, rng: np.random.Generator) -> Points:
    """Arm k is at the angle 2πk/3 + 2π · turns · r, with noise, for radii r between 0.1 and 1 (times SIZE)."""
    import numpy as np

    r = rng.uniform(0.1, 1.0, (ARMS, PER_ARM))
    angle = 2 * np.pi * (np.arange(ARMS)[:, None] / ARMS + params.turns * r)
    angle = angle + params.noise * rng.standard_normal(r.shape)
    x = SIZE * np.stack([r * np.cos(angle), r * np.sin(angle)], axis=-1).reshape(-1, 2)
    return Points(x.astype(np.float32), np.repeat(np.arange(ARMS), PER_ARM))


def _bayes(noise: float) -> float:
    """The best possible accuracy: the nearest arm in angle is right while the noise, wound on the circle, is < π/3."""
    if noise == 0:
        return 1.0
    third, scale = math.pi / 3, noise * math.sqrt(2)
    wound = range(-2, 3)
    return sum(
        (math.erf((third + 2 * math.pi * k) / scale) - math.erf((-third + 2 * math.pi * k) / scale)) / 2 for k in wound
    )


def _weights(params: Params, name: str, w: Array) -> tuple[Array, Array]:
    """(θ of f: one row a block for the ResNet, one vector for a Neural ODE; θ of the linear layer)"""
    from kernels import mlp

    cut = len(w) - mlp.count(_head(params))
    theta = w[:cut].reshape(params.depth, -1) if name == "resnet" else w[:cut]
    return theta, w[cut:]


def _lifted(params: Params, x: Array) -> Array:
    import numpy as np

    return np.concatenate([x, np.zeros((len(x), params.augment), x.dtype)], axis=1)


def step(params: Params, state: State) -> State:
    """Iterations of Adam; afterwards one of the measurements."""
    pace = _pace(params)
    at = state.steps * pace
    state = state._replace(steps=state.steps + 1)
    if at < ITERATIONS:
        models = state.models
        for iteration in range(at, min(at + pace, ITERATIONS)):
            models = tuple(
                _improved(params, state.train, *pair, iteration) for pair in zip(MODELS, models, strict=True)
            )
        return state._replace(models=models)
    if not len(state.exact):
        return state._replace(exact=_exact(params, state))
    if len(state.runs) < len(RUNS):
        return state._replace(runs=(*state.runs, _run(params, state, RUNS[len(state.runs)])))
    return state._replace(memory=(*state.memory, _remember(params, state, MEMORY[len(state.memory)])))


def _improved(params: Params, data: Points, name: str, model: Model, iteration: int) -> Model:
    """One step of Adam on the mean cross-entropy −log softmax(z)_arm of every second training point, in turn."""
    import numpy as np

    from kernels import mlp, neural_ode, optimizers

    theta, last = _weights(params, name, model.fit.w)
    steps, m = _taken(params, name), _method(name)
    data = Points(*(part[iteration % 2 :: 2] for part in data))
    path = neural_ode.forward(_field(params), theta, _lifted(params, data.x), np.linspace(0, 1, steps + 1), m)
    z, cache = mlp.forward(_head(params), last, path.ys[-1])
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(z))
    accuracy = float(np.mean(z.argmax(axis=1) == data.arm))
    loss = float(-np.mean(np.log(np.maximum(p[rows, data.arm], 1e-30))))
    p[rows, data.arm] -= 1  # ∂loss/∂z = (p − one-hot) / n
    to_last, to_y = mlp.backward(_head(params), last, cache, p / len(z))
    found = neural_ode.backward(_field(params), theta, path, m, {steps: to_y})
    lr = LR * 0.5 * (1 + math.cos(math.pi * iteration / ITERATIONS))
    return Model(optimizers.adam(model.fit, np.concatenate([found.theta.ravel(), to_last]), lr), loss, accuracy)


def _flow(params: Params, name: str, w: Array, x: Array, steps: int = 0) -> list[Array]:
    """The states from x (n, 2) to the linear layer; `steps` Euler steps instead of those of the training."""
    from kernels import ode

    theta, _ = _weights(params, name, w)
    count, m = (steps, ode.EULER) if steps and name != "resnet" else (_taken(params, name), _method(name))
    h, ys = 1.0 / count, [_lifted(params, x)]
    for i in range(count):

        def f(t: float, y: Array, i: int = i) -> Array:
            return _slope(params, theta, i, y)

        ys.append(ode.step(f, ode.State(i * h, ys[-1], 0), h, m).y)
    return ys


def _slope(params: Params, theta: Array, i: int, y: Array) -> Array:
    from kernels import mlp, neural_ode

    return mlp.forward(_field(params), neural_ode.weights(theta, i), y)[0]


def _decided(params: Params, name: str, w: Array, x: Array, steps: int = 0) -> Array:
    """The arm that each point is given to."""
    from kernels import mlp

    _, last = _weights(params, name, w)
    z = mlp.forward(_head(params), last, _flow(params, name, w, x, steps)[-1])[0]
    arm: Array = z.argmax(axis=1)
    return arm


def _accuracy(params: Params, name: str, state: State, steps: int = 0) -> float:
    """On the test points."""
    w = state.models[MODELS.index(name)].fit.w
    return float((_decided(params, name, w, state.test.x, steps) == state.test.arm).mean())


# -- measured after the training ---


def _precise(params: Params, state: State) -> tuple[Array, Array]:
    """The RK4-trained weights and every tenth test point, in float64."""
    import numpy as np

    w = state.models[2].fit.w.astype(np.float64)
    return w, state.test.x[::10].astype(np.float64)


def _exact(params: Params, state: State) -> Array:
    """Where the flow of the RK4-trained field takes these points, by Dormand–Prince."""
    from kernels import dormand_prince

    w, x = _precise(params, state)
    theta, _ = _weights(params, "rk4", w)
    start = _lifted(params, x)
    end: Array = dormand_prince.solve(lambda t, y: _slope(params, theta, 0, y), start, [0.0, 1.0], 1e-8, 1e-8).ys[-1]
    return end


def _run(params: Params, state: State, steps: int) -> tuple[int, float, float, float]:
    import numpy as np

    w, x = _precise(params, state)
    end = _flow(params, "rk4", w, x, steps)[-1]
    # Accuracies beyond 160 steps do not change visibly, and would take long.
    few = min(steps, FINE)
    euler, rk4 = (_accuracy(params, name, state, few) for name in ("euler", "rk4"))
    return steps, euler, rk4, float(np.sqrt(np.mean((end - state.exact) ** 2)))


def _remember(params: Params, state: State, steps: int) -> Memory:
    """Both gradients of Σ y(1)²/2n, a loss as good as any, for every second training point."""
    import numpy as np

    from kernels import neural_ode, ode

    theta, _ = _weights(params, "rk4", state.models[2].fit.w)
    net, times, x = _field(params), np.linspace(0, 1, steps + 1), state.train.x[::2]
    path = neural_ode.forward(net, theta, _lifted(params, x), times, ode.EULER)
    losses = {steps: path.ys[-1] / len(x)}
    back = neural_ode.backward(net, theta, path, ode.EULER, losses)

    def euler(f: ode.Slope, s: Array, t0: float, t1: float) -> Array:
        for t in np.linspace(t0, t1, steps, endpoint=False).tolist():
            s = s + (t1 - t0) / steps * f(t, s)
        return s

    with np.errstate(all="ignore"):
        adjoint = neural_ode.adjoint(net, theta, path.ys[-1], times, losses, euler)
        apart = float(np.linalg.norm(adjoint.theta - back.theta) / np.linalg.norm(back.theta))
    return Memory(steps, (back.kept, adjoint.kept), apart)


def total(params: Params, state: State) -> int:
    """Training, the exact flow, the runs with other steps, and the memory."""
    return -(-ITERATIONS // _pace(params)) + 1 + len(RUNS) + len(MEMORY)


def done(params: Params, state: State) -> bool:
    """Whether all is measured."""
    return state.steps >= total(params, state)


# -- what is shown ---


def frame(params: Params, state: State) -> Frame:
    """Decision regions, accuracies and losses."""
    import numpy as np

    side = np.linspace(-EDGE, EDGE, GRID, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    arrays: dict[str, Any] = {}
    scalars: dict[str, float] = {}
    for name, model in zip(MODELS, state.models, strict=True):
        steps = 0 if name == "resnet" else params.steps
        arrays[f"{name}_regions"] = _decided(params, name, model.fit.w, grid, steps).reshape(GRID, GRID)
        arrays[f"{name}_regions_extent"] = np.array([-EDGE, EDGE, -EDGE, EDGE])
        scalars[f"{name}_test"] = _accuracy(params, name, state, steps)
        scalars[f"{name}_train"] = model.accuracy
        scalars[f"{name}_loss"] = model.loss
    followed: list[Array] = []
    for arm in range(ARMS):
        of_arm = state.train.x[state.train.arm == arm]
        arrays[f"x{arm}"], arrays[f"y{arm}"] = of_arm[:SHOWN].T
        followed.append(of_arm[:FOLLOWED])
    flow = _followed(params, state, np.concatenate(followed))
    for arm in range(ARMS):
        part = flow[:, arm * FOLLOWED : (arm + 1) * FOLLOWED]
        arrays[f"flow_x{arm}"], arrays[f"flow_y{arm}"] = part[..., 0].ravel(), part[..., 1].ravel()
    table = np.array(state.runs).reshape(-1, 4).T
    shown = table[0] <= FINE
    arrays |= {
        "runs": table[0],
        "runs_shown": table[0][shown],
        "euler_runs": table[1][shown],
        "rk4_runs": table[2][shown],
        "distance": table[3],
        "bayes": np.full(int(shown.sum()), _bayes(params.noise)),
        "memory_steps": np.array([m.steps for m in state.memory], dtype=float),
        "backprop_kept": np.array([m.kept[0] for m in state.memory], dtype=float),
        "adjoint_kept": np.array([m.kept[1] for m in state.memory], dtype=float),
        "apart": np.array([m.apart for m in state.memory]),
    }
    if FINE in table[0]:
        scalars["fine"] = float(table[1][list(table[0]).index(FINE)])
    return Frame(state.steps, scalars, arrays, _note(params, state, scalars))


def _followed(params: Params, state: State, x: Array) -> Array:
    """(MOMENTS + 1, n, 2 + augment) the paths of these points in the RK4-trained field."""
    import numpy as np

    from kernels import ode

    theta, _ = _weights(params, "rk4", state.models[2].fit.w)
    times = np.linspace(0.0, 1.0, MOMENTS + 1)
    return ode.solve(lambda t, y: _slope(params, theta, 0, y), _lifted(params, x), times, ode.RK4)


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    drawn = f", drawn with {params.steps} Euler steps" if params.steps else ""
    note = (
        f"test accuracy: ResNet {scalars['resnet_test']:.1%}, Neural ODE by Euler {scalars['euler_test']:.1%},"
        f" by RK4 {scalars['rk4_test']:.1%}{drawn}"
    )
    fine = next((row for row in state.runs if row[0] == FINE), None)
    if fine:
        note += f". With {FINE} Euler steps: trained by Euler {fine[1]:.1%}, by RK4 {fine[2]:.1%}"
    return note


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Accuracies against Bayes, Euler's order on the trained field, and memory against its count."""
    if not done(params, state):
        return ()
    import numpy as np

    from kernels import mlp

    bayes, n = _bayes(params.noise), ARMS * PER_ARM
    rows = []
    for name, label in zip(MODELS, ("ResNet", "Neural ODE, Euler", "Neural ODE, RK4"), strict=True):
        # As trained, whatever is drawn. Learned from 600 points: a few hundredths may be missing, hardly any gained.
        measured = _accuracy(params, name, state)
        error = math.sqrt(measured * (1 - measured) / n)
        rows.append(Check(f"test accuracy (best: Bayes'), {label}", measured, bayes, 0.03 + 4 * error, error=error))
    table = np.array(state.runs).T
    if np.isfinite(table[3][-2:]).all():
        slope = math.log2(float(table[3][-2] / table[3][-1]))
        rows.append(Check("order of Euler on the RK4-trained field", slope, 1.0, 0.15))
    net, rows_of_data = _field(params), len(state.train.x[::2])
    d, p = net.sizes[0], mlp.count(net)
    # Each evaluation keeps the inputs of both layers of f; both ways keep ∂L/∂y and ∂L/∂θ, the adjoint also y.
    cache = rows_of_data * (d + WIDTH)
    off = max(
        max(abs(m.kept[0] - (m.steps * cache + rows_of_data * d + p)) for m in state.memory),
        max(abs(m.kept[1] - (cache + 2 * rows_of_data * d + p)) for m in state.memory),
    )
    rows.append(Check("numbers kept off the count, largest", off, 0, 0))
    return tuple(rows)


def _arms(x: str, y: str) -> tuple[Series, ...]:
    return tuple(Series(f"arm {arm + 1}", f"{y}{arm}", f"{x}{arm}", "points") for arm in range(ARMS))


LAB = Lab(
    id="resnet-vs-neural-ode",
    title="ResNet against Neural ODE",
    chapter="calculus",
    section="2.2",
    lesson="flow-or-steps",
    summary=(
        "Three spiral arms. A ResNet has weights of its own in each block; a Neural ODE has one field f and a solver."
        " All evaluate f equally often."
    ),
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart("resnet", "Decision regions: ResNet", series=_arms("x", "y"), x_label="x₁", y_label="x₂",
              backdrop="resnet_regions", backdrop_kind="regions"),
        Chart("rk4", "Decision regions: Neural ODE by RK4", series=_arms("x", "y"), x_label="x₁", y_label="x₂",
              backdrop="rk4_regions", backdrop_kind="regions"),
        Chart("euler", "Decision regions: Neural ODE by Euler", series=_arms("x", "y"), x_label="x₁", y_label="x₂",
              backdrop="euler_regions", backdrop_kind="regions"),
        Chart(
            "runs",
            "Test accuracy with other Euler steps",
            series=(
                Series("trained by Euler", "euler_runs", "runs_shown"),
                Series("trained by RK4", "rk4_runs", "runs_shown"),
                Series("best possible", "bayes", "runs_shown", "dashed"),
            ),
            x_label="steps",
            x_log=True,
            y_range=(0.0, 1.05),
        ),
        Chart("flow", "Neural ODE by RK4: paths of 15 points", series=_arms("flow_x", "flow_y"), x_label="x₁",
              y_label="x₂"),
        Chart(
            "memory",
            "Numbers kept for one gradient",
            series=(
                Series("backprop", "backprop_kept", "memory_steps"),
                Series("adjoint", "adjoint_kept", "memory_steps"),
            ),
            x_label="Euler steps",
        ),
        Chart(
            "price",
            "Adjoint off backprop, relative",
            series=(Series("", "apart", "memory_steps"),),
            x_label="Euler steps",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "order",
            "Euler off the exact flow (r.m.s.)",
            series=(Series("", "distance", "runs"),),
            x_label="steps",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "accuracy",
            "Accuracy in training (dashed) and test",
            series=(
                Series("ResNet", "resnet_test"),
                Series("Neural ODE, Euler", "euler_test"),
                Series("Neural ODE, RK4", "rk4_test"),
                Series("", "resnet_train", style="dashed"),
                Series("", "euler_train", style="dashed"),
                Series("", "rk4_train", style="dashed"),
            ),
            x_label="step",
            y_range=(0.0, 1.05),
        ),
        Chart(
            "loss",
            "Loss on the training points",
            series=(
                Series("ResNet", "resnet_loss"),
                Series("Neural ODE, Euler", "euler_loss"),
                Series("Neural ODE, RK4", "rk4_loss"),
            ),
            x_label="step",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "A Neural ODE is trained with 20 Euler steps and classifies all points well. The same weights then run with"
            " 160 Euler steps, eight times as precisely. Test accuracy? (0 to 1; guessing gives 0.33)"
        ),
        scalar="fine",
        low=0.0,
        high=1.0,
        chart="runs",
        why=(
            "The loss saw only what 20 steps of 1/20 do, errors included, and training made use of these errors. The"
            " true flow of the same f is another map. Trained by RK4, whose steps are precise, it is nearly the same."
        ),
    ),
    explain="calc-lab-resnet-vs-neural-ode",
    source=("kernels.neural_ode", "kernels.ode", "kernels.mlp"),
)  # fmt: skip
