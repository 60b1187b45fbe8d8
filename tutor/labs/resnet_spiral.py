"""The same deep network with and without skip connections: its gradients before training, and what it learns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import optimizers, resnet

    Array = npt.NDArray[Any]

PER_ARM = 200
TURNS = 0.8
BATCH = 128
ITERATIONS = 250
LR = 3e-3
WARMUP = 20
WORK = 4800
"""Blocks × (width + 16) of all iterations in one step of the lab, so that a step stays short at any size."""
LOOK = 5
"""Iterations of large networks before one looks at them."""
PROBES = 25
"""Random initialisations whose gradients are measured."""
PROBE_ROWS = 30
"""Points at which they are measured."""
SIDE = 24
"""Rows and columns of each picture of decision regions."""
RADIUS = 1.1
"""Half the side of the square that is drawn."""
SHOWN = 45
"""Points of each arm that are drawn."""
MARKS = 8
"""Points of the exact curves that are drawn."""
PYTORCH = 0.577
"""PyTorch's default: weights with variance 1/(3n)."""
VANISHED = -10.0
"""Powers of ten that the gradient loses without skip before the first block certainly learns nothing."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    depth: int = param(20, "blocks of two layers", low=2, high=40, step=2)
    width: int = param(32, "units in each layer", low=16, high=48, step=16)
    gain: float = param(PYTORCH, "σ: weights have variance σ²/n (PyTorch 0.577, He 1.414)", low=0.3, high=1.6, step=0.1)
    norm: bool = param(False, "normalise each row before every ReLU")
    noise: float = param(0.2, "standard deviation of the angle", low=0.0, high=0.6, step=0.05, unit="rad")


class State(NamedTuple):
    """Two networks in training, one with skip and one without, and the gradients of others that are not trained."""

    X: Array
    y: Array
    test_X: Array
    test_y: Array
    nets: tuple[resnet.Net, ...]
    """With skip, without."""
    fits: tuple[optimizers.State, ...]
    losses: Array
    """(2,) on the test points, as are the accuracies."""
    accuracies: Array
    flows: tuple[Array, ...]
    """For each initialisation (2, L + 1): ln of the gradient at each h_l over that at h_L."""
    regions: Array
    """(SIDE, 2 SIDE) the class that each network sees: left with skip, right without."""
    iteration: int
    seen: int
    """The iteration after which loss, accuracy and regions were computed last."""
    steps: int
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw both sets of points; start the two networks from the same random weights."""
    import numpy as np

    from kernels import optimizers, resnet, spiral

    X, y = spiral.draw(PER_ARM, rng, params.noise, TURNS)
    test_X, test_y = spiral.draw(PER_ARM, rng, params.noise, TURNS)
    nets = tuple(resnet.Net(params.depth, params.width, skip, params.norm) for skip in (True, False))
    theta = resnet.init(nets[0], rng, params.gain, np.float32)
    fits = (optimizers.init(theta),) * 2
    X, test_X = X.astype(np.float32), test_X.astype(np.float32)
    none = np.full(2, np.nan)
    state = State(X, y, test_X, test_y, nets, fits, none, none, (), np.empty((0, 0)), 0, 0, 0, rng)
    return _looked(_probed(params, state, rng))


def _probed(params: Params, state: State, rng: np.random.Generator) -> State:
    """Measure the gradient at every block of one more pair of networks as they start."""
    import numpy as np

    from kernels import gradient_flow, resnet

    pair = np.full((2, 1), np.nan)
    # In a narrow network all units may be silent, and nothing at all comes back: then another one is drawn.
    while not np.isfinite(pair).all():
        x = state.X[rng.integers(len(state.X), size=PROBE_ROWS)].astype(np.float64)
        # The gradient of a random combination of the outputs: a loss would add its own scale.
        G = rng.standard_normal((PROBE_ROWS, state.nets[0].outputs))
        theta = resnet.init(state.nets[0], rng, params.gain)
        halves = [resnet.forward(net, theta, x)[1] for net in state.nets]
        flows = [resnet.backward(net, theta, x, h, G)[1] for net, h in zip(state.nets, halves, strict=True)]
        pair = np.array([gradient_flow.measured(flow) for flow in flows])
    return state._replace(flows=(*state.flows, pair))


def _looked(state: State) -> State:
    """Both networks' loss, accuracy and decision regions, as they are now."""
    import numpy as np

    from kernels import resnet

    axis = np.linspace(-RADIUS, RADIUS, SIDE, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    losses, accuracies, regions = [], [], []
    for net, fit in zip(state.nets, state.fits, strict=True):
        with np.errstate(all="ignore"):
            logits = resnet.forward(net, fit.w, state.test_X)[0]
            losses.append(resnet.cross_entropy(logits, state.test_y)[0])
            accuracies.append(np.mean(logits.argmax(axis=1) == state.test_y))
            regions.append(resnet.forward(net, fit.w, grid)[0].argmax(axis=1).reshape(SIDE, SIDE))
    return state._replace(
        losses=np.array(losses),
        accuracies=np.array(accuracies),
        regions=np.concatenate(regions, axis=1),
        seen=state.iteration,
    )


def _inner(params: Params) -> int:
    """Iterations in one step of the lab."""
    return max(1, min(10, WORK // (params.depth * (params.width + 16) * (2 if params.norm else 1))))


def _heavy(params: Params) -> bool:
    """Whether a single iteration fills a step: then looking at the networks takes a step of its own."""
    return _inner(params) == 1


def step(params: Params, state: State) -> State:
    """A few iterations of both networks on the same batches, and one more measured initialisation."""
    import copy

    import numpy as np

    from kernels import optimizers, resnet, schedules

    rng = copy.deepcopy(state.rng)
    state = state._replace(steps=state.steps + 1, rng=rng)
    if _heavy(params) and (state.steps % (LOOK + 1) == 0 or state.iteration >= ITERATIONS):
        return _looked(state)
    rates = schedules.cosine(ITERATIONS, LR, warmup=WARMUP)
    fits = list(state.fits)
    iteration = state.iteration
    for _ in range(min(_inner(params), ITERATIONS - iteration)):
        rows = rng.integers(len(state.X), size=BATCH)
        for at, net in enumerate(state.nets):
            with np.errstate(all="ignore"):
                logits, halves, _ = resnet.forward(net, fits[at].w, state.X[rows])
                _, G = resnet.cross_entropy(logits, state.y[rows])
                g, _ = resnet.backward(net, fits[at].w, state.X[rows], halves, G)
                fits[at] = optimizers.adam(fits[at], g, float(rates[iteration]))
        iteration += 1
    state = state._replace(fits=tuple(fits), iteration=iteration)
    # In turn, so that no step has to do all.
    if not _heavy(params) and (iteration == ITERATIONS or state.steps % 2 == 0):
        return _looked(state)
    return _probed(params, state, rng) if len(state.flows) < PROBES else state


def done(params: Params, state: State) -> bool:
    """Whether the budget is spent."""
    return state.iteration >= ITERATIONS and state.seen == state.iteration


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return ITERATIONS + ITERATIONS // LOOK if _heavy(params) else -(-ITERATIONS // _inner(params))


def _expected(params: Params, state: State) -> Array:
    """(2, L + 1) what `flows` should be on average."""
    import numpy as np

    from kernels import gradient_flow

    # The input layer has variance 1/2 for two inputs.
    squares = np.maximum(np.sum(state.X.astype(np.float64) ** 2, axis=1) / 2, 1e-12)
    return np.array([gradient_flow.expected(net, params.gain, squares) for net in state.nets])


def _flow(state: State) -> tuple[Array, Array]:
    """Mean over the initialisations (2, L + 1) and its standard error."""
    import numpy as np

    flows = np.array(state.flows)
    spread = flows.std(axis=0, ddof=1) if len(flows) > 1 else np.full(flows.shape[1:], np.nan)
    return flows.mean(axis=0), spread / math.sqrt(len(flows))


def frame(params: Params, state: State) -> Frame:
    """Regions with test points, gradients by block, and both networks' progress."""
    import numpy as np

    from kernels import spiral

    flow, _ = _flow(state)
    theory = _expected(params, state)
    marked = np.unique(np.linspace(0, params.depth, MARKS).astype(int))
    right = 2 * RADIUS
    axis = np.linspace(-RADIUS, RADIUS, 2 * SIDE)
    exact = spiral.best(np.stack(np.meshgrid(axis, axis), axis=-1), TURNS)
    arrays: dict[str, Any] = {
        "regions": state.regions,
        "regions_extent": np.array([-RADIUS, 3 * RADIUS, -RADIUS, RADIUS]),
        "exact": exact,
        "exact_extent": np.array([-RADIUS, RADIUS, -RADIUS, RADIUS]),
        "block": np.arange(params.depth + 1),
        # Logarithms are drawn, as no axis reaches 1e-70.
        "skip": flow[0] / math.log(10),
        "plain": flow[1] / math.log(10),
        "theory": theory[:, marked].ravel() / math.log(10),
        "theory_block": np.tile(marked, 2),
    }
    for arm in range(3):
        points = state.test_X[state.test_y == arm][:SHOWN]
        arrays[f"arm{arm}_x"] = np.concatenate([points[:, 0], points[:, 0] + right])
        arrays[f"arm{arm}_y"] = np.tile(points[:, 1], 2)
        arrays[f"arm{arm}_x1"], arrays[f"arm{arm}_y1"] = points[:, 0], points[:, 1]
    scalars = {
        "iteration": float(state.iteration),
        "best_accuracy": spiral.best_accuracy(params.noise),
        "guessing": math.log(3),
        "skip_flow": float(flow[0, 0] / math.log(10)),
        "plain_flow": float(flow[1, 0] / math.log(10)),
    }
    if state.seen == state.iteration:
        for at, name in enumerate(("skip", "plain")):
            scalars[f"{name}_loss"] = float(state.losses[at])
            scalars[f"{name}_accuracy"] = float(state.accuracies[at])
    return Frame(state.steps, scalars, arrays, _note(state, scalars))


def _note(state: State, scalars: dict[str, float]) -> str:
    at = (
        f"gradient at the first block over the last: 10^{scalars['skip_flow']:.1f} with skip,"
        f" 10^{scalars['plain_flow']:.1f} without"
    )
    if state.iteration == 0:
        return f"Before training, {at}"
    return (
        f"Iteration {state.seen}: test accuracy {state.accuracies[0]:.1%} with skip, {state.accuracies[1]:.1%} without;"
        f" {at}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Gradients at the first block against theory, accuracy against the best possible, and guessing where it must."""
    from kernels import spiral

    if len(state.flows) < 5:
        return ()
    mean, error = _flow(state)
    theory = _expected(params, state)
    rows = []
    for at, name in enumerate(("with skip", "without")):
        # Five standard errors of few draws, and what theory to first order in 1/n leaves out.
        scatter = float(error[at, 0]) / math.log(10)
        truth, value = (float(row[at, 0]) / math.log(10) for row in (theory, mean))
        rows.append(
            Check(f"log₁₀ gradient first/last, {name}", value, truth, 5 * scatter + 2 / params.width, error=scatter)
        )
    best, n = spiral.best_accuracy(params.noise), len(state.test_y)
    # The best possible accuracy on these n points scatters, too: four standard errors, and one point.
    room = 4 * math.sqrt(best * (1 - best) / n) + 1 / n
    rows.append(Check("test accuracy, with skip", float(state.accuracies[0]), best, room, "<="))
    if theory[1, 0] / math.log(10) < VANISHED and not params.norm:
        # Nothing reaches the output but its bias, and the best constant guess costs ln 3.
        rows.append(Check("loss without skip: ln 3", float(state.losses[1]), math.log(3), 0.01))
    return tuple(rows)


LAB = Lab(
    id="resnet-spiral",
    title="Depth with and without skip",
    chapter="neural-networks",
    section="4.2",
    lesson="clean-path",
    summary=(
        "Two deep networks with the same weights at the start, the same data and the same Adam learn three spiral arms;"
        " one adds its input back after every block."
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
            "regions",
            "Decision regions",
            series=tuple(Series(f"arm {arm + 1}", f"arm{arm}_y", f"arm{arm}_x", "points") for arm in range(3)),
            x_names=((0.0, "with skip"), (2 * RADIUS, "without")),
            y_label="x₂",
            backdrop="regions",
            backdrop_kind="regions",
        ),
        Chart(
            "flow",
            "log₁₀ gradient at h_l over that at h_L",
            series=(
                Series("with skip", "skip", "block"),
                Series("without", "plain", "block"),
                Series("theory", "theory", "theory_block", "points"),
            ),
            x_label="block l (input 0)",
        ),
        Chart(
            "loss",
            "Loss on test points (nats)",
            series=(
                Series("guessing: ln 3", "guessing", "iteration", "dashed"),
                Series("with skip", "skip_loss", "iteration"),
                Series("without", "plain_loss", "iteration"),
            ),
            x_label="iteration",
            y_log=True,
        ),
        Chart(
            "accuracy",
            "Test accuracy",
            series=(
                Series("best possible", "best_accuracy", "iteration", "dashed"),
                Series("with skip", "skip_accuracy", "iteration"),
                Series("without", "plain_accuracy", "iteration"),
            ),
            x_label="iteration",
            y_range=(0.0, 1.0),
        ),
        Chart(
            "exact",
            "The best possible regions",
            series=tuple(Series(f"arm {arm + 1}", f"arm{arm}_y1", f"arm{arm}_x1", "points") for arm in range(3)),
            x_label="x₁",
            y_label="x₂",
            backdrop="exact",
            backdrop_kind="regions",
        ),
    ),
    prediction=Prediction(
        prompt=(
            "20 blocks of two ReLU layers, weights of variance 1/(3n), no skip, no normalisation. How large is the"
            " gradient at the input of the first block, over that behind the last? As a power of ten (0: equal; −3: a"
            " thousandth)"
        ),
        scalar="plain_flow",
        low=-60.0,
        high=10.0,
        chart="flow",
        why=(
            "Variance 1/(3n) and a ReLU that silences half the units: a layer multiplies a length by √(1/6), a block by"
            " 1/6. Twenty blocks: (1/6)²⁰ = 10^−15.6, and a little less at finite width."
        ),
    ),
    explain="nn-lab-resnet-spiral",
    source=("kernels.resnet", "kernels.gradient_flow", "kernels.spiral"),
)
