"""A flow on the line learns a law by maximum likelihood, held against its entropy and the exact map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import optimizers

    Array = npt.NDArray[np.float64]

UPDATES = 1500
"""Steps of Adam in a run."""
PER_STEP = 10
BATCH = 512
HELD = 10_000
"""Held-out points."""
VIEWS = {"laplace": (-6.0, 6.0), "bimodal": (-4.0, 4.0), "gumbel": (-3.0, 7.0)}
SPAN = 2.7
"""|z| up to which the map is held against the exact one: all but 0.7 % of the data."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    law: str = param("laplace", "law of the data", choices=("laplace", "bimodal", "gumbel"))
    samples: int = param(10_000, "training points", low=50, high=20_000, scale="log")
    units: int = param(12, "tanh steps in the map", low=1, high=32)
    lr: float = param(
        0.05,
        "learning rate of Adam at the start; it falls to 0 as a cosine",
        low=1e-4,
        high=1.0,
        scale="log",
        live=True,
    )
    jacobian: bool = param(True, "keep log f′ in the loss; without it the loss is no likelihood", live=True)


class State(NamedTuple):
    """The map in training."""

    x: Array
    held: Array
    adam: optimizers.State
    updates: int
    diverged: int
    """Step at which the loss was no longer finite; 0: it is."""
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw training and held-out data; start with a nearly straight map."""
    from kernels import flow1d, optimizers, targets_1d

    x = targets_1d.draw(params.law, params.samples, rng)  # type: ignore[arg-type]
    held = targets_1d.draw(params.law, HELD, rng)  # type: ignore[arg-type]
    return State(x, held, optimizers.init(flow1d.init(x, params.units)), 0, 0, rng)


def step(params: Params, state: State) -> State:
    """Ten steps of Adam on random batches of the training data."""
    import copy

    import numpy as np

    from kernels import flow1d, optimizers

    rng = copy.deepcopy(state.rng)
    adam, updates = state.adam, state.updates
    for _ in range(PER_STEP):
        lr = params.lr * 0.5 * (1 + math.cos(math.pi * updates / UPDATES))
        batch = state.x[rng.integers(0, len(state.x), BATCH)]
        with np.errstate(all="ignore"):
            loss, gradient = flow1d.gradient(adam.w, batch, params.jacobian)
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            # The last good map stays to be seen.
            return state._replace(adam=adam, updates=updates, diverged=updates + 1, rng=rng)
        adam = optimizers.adam(adam, gradient, lr)
        updates += 1
    return state._replace(adam=adam, updates=updates, rng=rng)


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return UPDATES // PER_STEP if not state.diverged else -(-state.diverged // PER_STEP)


def done(params: Params, state: State) -> bool:
    """Whether training is over, or has failed."""
    return state.updates >= UPDATES or state.diverged > 0


def _kl(params: Params, state: State) -> float:
    """KL(p‖model) by quadrature."""
    import numpy as np

    from kernels import flow1d, targets_1d

    x = targets_1d.grid(params.law, 2001)  # type: ignore[arg-type]
    with np.errstate(all="ignore"):
        return targets_1d.kl(params.law, flow1d.log_density(state.adam.w, x), x)  # type: ignore[arg-type]


def frame(params: Params, state: State) -> Frame:
    """Learned against exact: map, Jacobian, density; the loss against its floor; what the data look like as z."""
    import numpy as np

    from kernels import flow1d, gaussian, targets_1d

    law: Any = params.law
    theta = state.adam.w
    low, high = VIEWS[law]
    x = np.linspace(low, high, 201)
    u = targets_1d.distribution(law, x)
    density = np.exp(targets_1d.log_density(law, x))
    floor = targets_1d.entropy(law)
    with np.errstate(all="ignore"):
        z, slope = flow1d.forward(theta, x)
        z_held, _ = flow1d.forward(theta, state.held)
        model = gaussian.phi(z) * slope
        exact_z = flow1d.exact_map(np.clip(u, 1e-12, 1 - 1e-12))
        exact_slope = density / gaussian.phi(exact_z)
        # What a sample costs more than under the true density, added to the entropy: the same on average as the mean
        # of −log p, without the noise that both densities share.
        train, held = (
            floor + float(np.mean(targets_1d.log_density(law, at) - flow1d.log_density(theta, at)))
            for at in (state.x, state.held)
        )
        kl = _kl(params, state)
        squeezed = 0.5 * float(np.mean(z_held**2)) + 0.5 * math.log(2 * math.pi)
    edges = np.linspace(-4.0, 4.0, 41)
    data_edges = np.linspace(low, high, 41)
    arrays = {
        "x": x,
        "z": z,
        "exact_z": exact_z,
        "slope": slope,
        "hanging": -slope / 3,
        "exact_slope": exact_slope,
        "model": model,
        "density": density,
        "bars_x": 0.5 * (data_edges[1:] + data_edges[:-1]),
        "bars": np.histogram(state.x, data_edges)[0] / (len(state.x) * (data_edges[1] - data_edges[0])),
        "view_extent": np.array([low, high, -0.7, 0.6]),
        "slope_extent": np.array([low, high, 0.0, 2.2]),
        "map_extent": np.array([low, high, -4.5, 4.5]),
        "z_bars_x": 0.5 * (edges[1:] + edges[:-1]),
        "z_bars": np.histogram(np.clip(z_held, -3.99, 3.99), edges)[0] / (HELD * (edges[1] - edges[0])),
        "normal": gaussian.phi(0.5 * (edges[1:] + edges[:-1])),
    }
    scalars = {
        "updates": float(state.updates),
        "train": train,
        "held": held,
        "floor": floor,
        "gaussian": targets_1d.best_gaussian(law),
        "kl": kl,
    }
    note = (
        f"{state.updates} steps of Adam: {held:.3f} nats a point, entropy {floor:.3f},"
        f" best Gaussian {targets_1d.best_gaussian(law):.3f}; KL(data‖model) {kl:.4f}"
    )
    if state.diverged:
        note = (
            f"diverged at step {state.diverged}: with lr = {params.lr:g} a step moves the logarithms of w and s by"
            " about as much, and they left what floats can hold"
        )
    elif not params.jacobian and state.updates:
        note = (
            f"without log f′ nothing resists squeezing: all z end near 0. That loss is {squeezed:.3f}, below the"
            f" entropy, but as a density this map costs {held:.2f} nats a point"
        )
    elif held - train > 0.05 and state.updates:
        note += f". Its own {len(state.x)} points cost {train:.3f}: it learns them by heart"
    return Frame(state.updates // PER_STEP, scalars, arrays, note)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Likelihood against the true one on the same points, KL by quadrature, total mass, and the span of the map."""
    import numpy as np

    from kernels import flow1d, targets_1d

    if not done(params, state) or state.diverged:
        return ()
    law: Any = params.law
    theta = state.adam.w
    # On the same points: what is left of the sampling noise is that of the log-ratio.
    ratio = targets_1d.log_density(law, state.held) - flow1d.log_density(theta, state.held)
    error = float(ratio.std()) / math.sqrt(HELD)
    rows = [
        Check("−mean log p: model − true, held-out", float(ratio.mean()), 0.0, 0.01, error=error),
        Check("KL(data‖model) by quadrature", _kl(params, state), 0.0, 0.01),
    ]
    ends = flow1d.inverse(theta, np.array([-8.0, 8.0]))
    grid = np.linspace(ends[0], ends[1], 20_001)
    mass = float(np.trapezoid(np.exp(flow1d.log_density(theta, grid)), grid))
    rows.append(Check("∫ p dx of the model", mass, 1.0, 1e-5))
    for sign in (-1, 1):
        x = _quantile(law, sign * SPAN)
        z = float(flow1d.forward(theta, np.array([x]))[0][0])
        rows.append(Check(f"z where the exact map is {sign * SPAN:+g}", z, sign * SPAN, 0.25))
    return tuple(rows)


def _quantile(law: Any, z: float) -> float:
    """x with F(x) = Φ(z)."""
    import numpy as np

    from kernels import gaussian, inverse_cdf, targets_1d

    known = inverse_cdf.Law(
        lambda x: targets_1d.distribution(law, x), lambda x: np.exp(targets_1d.log_density(law, x)), None
    )
    return float(inverse_cdf.solve(known, gaussian.Phi(np.array([z]))).x[0])


LAB = Lab(
    id="flow-1d",
    title="A flow on the line",
    chapter="probability",
    section="5.2",
    lesson="flows",
    summary="An increasing map f learns to turn data into N(0, 1); its slope is the Jacobian of the density.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "density",
            "Density = φ(f(x)) · Jacobian f′(x)",
            series=(
                Series("data", "bars", "bars_x", "bars"),
                Series("exact", "density", "x", "dashed"),
                Series("model", "model", "x"),
                Series("−⅓ Jacobian dz/dx", "hanging", "x"),
            ),
            x_label="x",
            backdrop="view",
        ),
        Chart(
            "map",
            "Map z = f(x) and exact Φ⁻¹(F(x))",
            series=(Series("exact", "exact_z", "x", "dashed"), Series("learned", "z", "x")),
            x_label="x",
            backdrop="map",
        ),
        Chart(
            "loss",
            "−mean log p (nats) and its floor",
            series=(
                Series("entropy", "floor", "updates", "dashed"),
                Series("best Gaussian", "gaussian", "updates", "dashed"),
                Series("training", "train", "updates"),
                Series("held out", "held", "updates"),
            ),
            x_label="steps of Adam",
        ),
        Chart(
            "jacobian",
            "Jacobian dz/dx, learned and exact",
            series=(Series("exact", "exact_slope", "x", "dashed"), Series("learned", "slope", "x")),
            x_label="x",
            backdrop="slope",
        ),
        Chart(
            "latent",
            "z = f(x) of held-out data, and N(0, 1)",
            series=(Series("z", "z_bars", "z_bars_x", "bars"), Series("N(0,1)", "normal", "z_bars_x")),
            x_label="z",
            x_range=(-4.0, 4.0),
        ),
        Chart(
            "kl",
            "KL(data‖model) by quadrature (nats)",
            series=(Series("", "kl", "updates"),),
            x_label="steps of Adam",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "The data have density ½ e^(−|x|). How low can the mean of −log p get for any model, in nats?"
            " (E|x| = 1; the best Gaussian gets to 1.77.)"
        ),
        scalar="floor",
        low=-5.0,
        high=10.0,
        chart="loss",
        unit="nats",
        why=(
            "No density beats the true one on average: the floor is its entropy, E[−log ½e^(−|x|)] = ln 2 + E|x| ="
            " 1.693. On a given sample the mean can be a little lower; the chart takes this shared noise out."
        ),
    ),
    explain="pr-lab-flow-1d",
    source=("kernels.flow1d", "kernels.targets_1d", "kernels.optimizers"),
)
