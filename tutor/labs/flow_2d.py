"""Coupling layers learn moons or eight Gaussians: exact density, exact inverse, and the filaments no flow can cut."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import optimizers

    Array = npt.NDArray[np.floating]

UPDATES = 4000
"""Steps of Adam in a run."""
BATCH = 256
WARM = 100
"""Steps over which the learning rate rises to its full size."""
LONGEST = 3.0
"""Gradients longer than this are shortened to it, so that a single batch cannot throw a flow off."""
WORK = 12_000
"""Layers × units × steps of Adam in one step of the lab, so that it stays short for every network."""
HELD = 4000
"""Held-out points."""
SHOWN = 400
"""Samples drawn."""
REACH = 3.2
"""The square that is drawn is ± this."""
GRID = (56, 36)
RARE = 0.001
"""A sample counts as stray if the data's density there is lower than at all but this share of the data."""
SIDE, BOX = 901, 4.5
"""At the end the density is summed over SIDE² points of ±BOX."""
DECADES = (-4.0, 0.0)
"""log₁₀ density from dark to bright: on a linear scale the filaments would not be seen."""
INSIDE = (0.25, 0.5, 0.75, 0.95)
"""Shares of N(0, I) inside the circles that are carried along."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    law: str = param("eight", "eight Gaussians on a ring, or two moons", choices=("eight", "moons"))
    layers: int = param(12, "coupling layers", low=2, high=16)
    units: int = param(32, "hidden units of each conditioner", low=4, high=64, scale="log")
    lr: float = param(0.01, "learning rate of Adam at its peak", low=1e-4, high=0.1, scale="log", live=True)
    through: int = param(
        16, "layers that the drawn noise has gone through on its way to data", low=0, high=16, live=True
    )


class State(NamedTuple):
    """The flow in training, then the sum of its density over a grid."""

    adam: optimizers.State
    held: Array
    """(2, HELD)"""
    true: Array
    """(HELD,) exact log-density of the held-out points."""
    noise: Array
    """(2, HELD) standard normal points, of which the samples are made."""
    first: float
    """KL(data‖model) of the flow as it began."""
    updates: int
    rows: int
    """Rows of the grid that are summed."""
    mass: float
    diverged: int
    """Step at which the loss was no longer finite; 0: it is."""
    steps: int
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """A flow near the identity; held-out data and noise, in its precision."""
    import numpy as np

    from kernels import coupling, optimizers, targets_2d

    law: Any = params.law
    held = targets_2d.draw(law, HELD, rng).astype(np.float32)
    noise = rng.standard_normal((2, HELD), dtype=np.float32)
    theta = coupling.init(params.layers, params.units, rng)
    true = targets_2d.log_density(law, held.astype(np.float64))
    first = float(np.mean(true - coupling.log_density(theta, held)))
    return State(optimizers.init(theta), held, true, noise, first, 0, 0, 0.0, 0, 0, rng)


def _per_step(params: Params) -> int:
    """Steps of Adam in a step of the lab, and also rows of the grid: one row costs about as much."""
    return max(5, min(40, WORK // (params.layers * params.units)))


def step(params: Params, state: State) -> State:
    """Some steps of Adam on fresh data; at the end some rows of the grid."""
    import copy

    import numpy as np

    from kernels import coupling, optimizers, targets_2d

    state = state._replace(steps=state.steps + 1)
    if state.updates >= UPDATES:
        side = np.linspace(-BOX, BOX, SIDE, dtype=np.float32)
        rows = side[state.rows : state.rows + _per_step(params)]
        # Row by row: what a row needs stays in the processor's cache.
        sums = [np.exp(coupling.log_density(state.adam.w, np.stack([side, np.full_like(side, y)]))).sum() for y in rows]
        cell = (2 * BOX / (SIDE - 1)) ** 2
        return state._replace(rows=state.rows + len(rows), mass=state.mass + float(np.sum(sums, dtype=float)) * cell)
    rng = copy.deepcopy(state.rng)
    adam, updates = state.adam, state.updates
    count = min(_per_step(params), UPDATES - updates)
    law: Any = params.law
    fresh = targets_2d.draw(law, BATCH * count, rng).astype(np.float32)
    for batch in np.split(fresh, count, axis=1):
        lr = params.lr * min(1.0, (updates + 1) / WARM) * 0.5 * (1 + math.cos(math.pi * updates / UPDATES))
        with np.errstate(all="ignore"):
            loss, gradient = coupling.gradient(adam.w, batch)
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            # The last good flow stays to be seen.
            return state._replace(adam=adam, updates=updates, diverged=updates + 1, rng=rng)
        gradient *= min(1.0, LONGEST / float(np.linalg.norm(gradient)))
        adam = optimizers.adam(adam, gradient, lr, beta2=0.99)
        updates += 1
    return state._replace(adam=adam, updates=updates, rng=rng)


def total(params: Params, state: State) -> int:
    """Steps taken and to come."""
    if state.diverged:
        return state.steps
    training = -(-(UPDATES - state.updates) // _per_step(params))
    return state.steps + training + -(-(SIDE - state.rows) // _per_step(params))


def done(params: Params, state: State) -> bool:
    """Whether the flow is trained and its density summed, or training has failed."""
    return state.rows >= SIDE or state.diverged > 0


@cache
def _known(law: Any) -> tuple[Array, Array, Array, float]:
    """Of the data's law: log₁₀ density on the grid that is drawn, a path and the same on it, and the edge of RARE."""
    import numpy as np

    from kernels import targets_2d

    side = np.linspace(-4.0, 4.0, 121)
    plane = np.stack(np.meshgrid(side, side)).reshape(2, -1)
    logs = np.sort(targets_2d.log_density(law, plane))
    below = np.cumsum(np.exp(logs)) * (side[1] - side[0]) ** 2
    rare = float(logs[np.searchsorted(below, RARE)])
    t = np.linspace(0.0, 1.0, 121)
    if law == "eight":
        # From one mode through the hole to the one opposite.
        path = targets_2d.RADIUS * np.stack([1 - 2 * t, np.zeros_like(t)])
    else:
        # From the top of one moon straight to the bottom of the other.
        path = np.outer(targets_2d.arc(0, np.array(math.pi / 2)), 1 - t)
        path += np.outer(targets_2d.arc(1, np.array(math.pi / 2)), t)
    truth = targets_2d.log_density(law, _plane()).reshape(GRID[::-1])
    return truth / math.log(10), path, targets_2d.log_density(law, path) / math.log(10), rare


def _plane() -> npt.NDArray[np.float64]:
    """(2, columns · rows) points of the grid that is drawn."""
    import numpy as np

    columns, rows = GRID
    x, y = np.meshgrid(np.linspace(-REACH, REACH, columns), np.linspace(-REACH, REACH, rows))
    return np.stack([x.ravel(), y.ravel()])


def _circle(share: float) -> Array:
    """(2, 181) the circle around z = 0 with this share of N(0, I) inside: 1 − e^(−r²/2) = share."""
    import numpy as np

    t = np.linspace(0.0, 2 * math.pi, 181)
    return (math.sqrt(-2 * math.log1p(-share)) * np.stack([np.cos(t), np.sin(t)])).astype(np.float32)


def frame(params: Params, state: State) -> Frame:
    """Model and data in the plane, samples under way, the loss against the entropy, and the filaments."""
    import numpy as np

    from kernels import coupling, targets_2d

    law: Any = params.law
    truth, path, path_true, rare = _known(law)
    theta = state.adam.w
    drawn = min(params.through, params.layers)
    first = params.layers - drawn
    with np.errstate(all="ignore"):
        model = coupling.log_density(theta, _plane().astype(np.float32)).reshape(GRID[::-1]) / math.log(10)
        samples = coupling.inverse(theta, state.noise)
        under_way = coupling.inverse(theta, state.noise[:, :SHOWN], first)
        rings = [coupling.inverse(theta, _circle(share), first) for share in INSIDE]
        z, log_det, _ = coupling.forward(theta, state.held)
        radius = np.linalg.norm(z, axis=0)
        logs = -0.5 * radius.astype(np.float64) ** 2 - math.log(2 * math.pi) + log_det
        # In parts: what they need stays in the processor's cache.
        parts = np.array_split(samples.astype(np.float64), 16, axis=1)
        stray = sum(int(np.sum(targets_2d.log_density(law, part) < rare)) for part in parts) / HELD
        on_path = coupling.log_density(theta, path.astype(np.float32)) / math.log(10)
    radius.sort()
    shares = (np.arange(80) + 0.5) / 80
    square = np.array([-REACH, REACH, -REACH, REACH])
    arrays: dict[str, Any] = {
        "model": model,
        "model_extent": square,
        "truth": truth,
        "truth_extent": square,
        "data_x": state.held[0, :SHOWN],
        "data_y": state.held[1, :SHOWN],
        "sample_x": under_way[0],
        "sample_y": under_way[1],
        **{f"ring{at}_x": ring[0] for at, ring in enumerate(rings)},
        **{f"ring{at}_y": ring[1] for at, ring in enumerate(rings)},
        "square_extent": square,
        "path": np.linspace(0.0, 1.0, path.shape[1]),
        "path_true": path_true,
        "path_model": on_path,
        "share": shares,
        "radius": radius[(shares * HELD).astype(int)],
        "exact_radius": np.sqrt(-2 * np.log1p(-shares)),
    }
    kl = float(np.mean(state.true - logs))
    floor = targets_2d.entropy(law)
    scalars = {
        "updates": float(state.updates),
        "loss": floor + kl,
        "floor": floor,
        "kl": kl,
        "stray": 100 * stray,
        "stray_true": 100 * RARE,
        "median_radius": float(np.median(radius)),
    }
    return Frame(state.steps, scalars, arrays, _note(params, state, kl, stray))


def _note(params: Params, state: State, kl: float, stray: float) -> str:
    if state.diverged:
        return f"diverged at step {state.diverged} of Adam: lr = {params.lr:g} is too large for this flow"
    if not kl < state.first + 0.1:
        return f"worse than at the start, KL {kl:.3g} against {state.first:.3g}: lr = {params.lr:g} is too large"
    if state.updates < UPDATES:
        return (
            f"{state.updates} of {UPDATES} steps of Adam: KL(data‖model) = {kl:.3f} nats,"
            f" {stray:.1%} of the samples are where data hardly ever are"
        )
    if not done(params, state):
        return f"trained; summing the density over {SIDE}² points: {state.rows} of {SIDE} rows"
    return (
        f"KL(data‖model) = {kl:.3f} nats; {stray:.1%} of samples lie in filaments (data: {RARE:.1%}):"
        " a continuous, invertible map bends the plane but cannot tear it"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Inverse and Jacobian to rounding, total mass, and the fit."""
    import numpy as np

    from kernels import coupling

    if not done(params, state) or state.diverged:
        return ()
    theta = state.adam.w.astype(np.float64)
    # In double precision: training in single is enough, claims to rounding are not.
    x = state.held.astype(np.float64)
    z, log_det, _ = coupling.forward(theta, x)
    ratio = state.true - (-0.5 * np.sum(z**2, axis=0) - math.log(2 * math.pi) + log_det)
    if not np.isfinite(ratio).all():
        return ()
    error = float(ratio.std()) / math.sqrt(HELD)
    # Complex step: f(x + ih) = f(x) + ih f′(x) gives derivatives to rounding, without a difference.
    few, h = x[:, :200], 1e-30
    columns = [coupling.forward(theta, few + 1j * h * e[:, None])[0].imag / h for e in np.eye(2)]
    det = columns[0][0] * columns[1][1] - columns[0][1] * columns[1][0]
    # Folds of the density thinner than a cell of the grid cost its sum something: 6e-5 at most in five runs.
    return (
        Check("f⁻¹(f(x)) off x, largest", float(np.abs(coupling.inverse(theta, z) - x).max()), 0.0, 1e-10),
        Check("log|det| off the Jacobian's", float(np.abs(np.log(np.abs(det)) - log_det[:200]).max()), 0.0, 1e-10),
        Check(f"∫ p over {SIDE}² points", state.mass, 1.0, 2e-4),
        Check("KL(data‖model), held-out", float(ratio.mean()), 0.0, 0.1, error=error),
        Check(
            "median ‖f(x)‖ = √(2 ln 2)", float(np.median(np.linalg.norm(z, axis=0))), math.sqrt(2 * math.log(2)), 0.15
        ),
    )


LAB = Lab(
    id="flow-2d",
    title="A flow in the plane",
    chapter="probability",
    section="5.2",
    lesson="coupling-flows",
    summary="Coupling layers learn to turn data into a round Gaussian; run backwards, they turn noise into data.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "model",
            "Density of the model, and data",
            series=(Series("data", "data_y", "data_x", "points"),),
            x_label="x₁",
            y_label="x₂",
            scale="log₁₀ p",
            backdrop="model",
            image_range=DECADES,
        ),
        Chart(
            "samples",
            "Noise on its way to the data's density",
            series=(Series("samples", "sample_y", "sample_x", "points"),),
            x_label="x₁",
            scale="log₁₀ p",
            backdrop="truth",
            image_range=DECADES,
        ),
        Chart(
            "rings",
            "Circles around z = 0, carried along",
            series=tuple(Series(f"{share:.0%}", f"ring{at}_y", f"ring{at}_x") for at, share in enumerate(INSIDE)),
            x_label="x₁",
            backdrop="square",
            equal=True,
        ),
        Chart(
            "filaments",
            "log₁₀ density on a path between modes",
            series=(Series("data", "path_true", "path", "dashed"), Series("model", "path_model", "path")),
            x_label="along the path",
            y_range=(-6.0, 0.5),
        ),
        Chart(
            "loss",
            "−mean log p, held out (nats)",
            series=(Series("entropy", "floor", "updates", "dashed"), Series("model", "loss", "updates")),
            x_label="steps of Adam",
        ),
        Chart(
            "radius",
            "Radius ‖f(x)‖ of held-out data",
            series=(Series("exact", "exact_radius", "share", "dashed"), Series("data", "radius", "share")),
            x_label="share of the data inside",
            x_range=(0.0, 1.0),
        ),
        Chart(
            "stray",
            "Samples where data hardly are (%)",
            series=(Series("data", "stray_true", "updates", "dashed"), Series("model", "stray", "updates")),
            x_label="steps of Adam",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "Once the flow is right, z = f(x) of the data is N(0, I) in the plane. Which circle |z| = r has half of the"
            " data inside?"
        ),
        scalar="median_radius",
        low=0.0,
        high=5.0,
        chart="radius",
        why=(
            "‖z‖² is the sum of two squared normals: P(‖z‖ < r) = 1 − e^(−r²/2), which is ½ at r = √(2 ln 2) = 1.18."
            " Maps move mass but do not change it: the image of that circle holds half of the samples."
        ),
    ),
    explain="pr-lab-flow-2d",
    source=("kernels.coupling", "kernels.targets_2d", "kernels.optimizers"),
)
