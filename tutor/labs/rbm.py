"""Contrastive divergence against persistent chains, judged by the exact likelihood: 2^m states are summed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import ais, rbm

    Array = npt.NDArray[Any]

SIDE = 4
UPDATES = 20_000
PER_STEP = ((2, 100), (5, 50), (10, 25))
"""Updates in a step of the lab, for up to so many sweeps k: a step stays short."""
MACHINES = 4
"""Of each method, from different starts: their spread is the error bar."""
SHOWN = 7
"""Samples drawn as pictures."""
CHAINS = 500
TEMPERATURES = 1000
AIS_STEPS = 10
"""Steps of the lab over which the temperatures are spread."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    k: int = param(1, "Gibbs sweeps in an update, for both methods", low=1, high=10, live=True)
    hidden: int = param(12, "hidden units", low=2, high=12)
    lr: float = param(0.05, "learning rate at the start; it falls to 0", low=1e-3, high=0.5, scale="log", live=True)


class State(NamedTuple):
    """Eight machines side by side: the first four trained by CD-k, the others by PCD-k."""

    machines: rbm.RBM
    chains: Array
    """(8, 30, 16) where Gibbs sampling stopped last."""
    updates: int
    steps: int
    annealed: ais.State | None
    """Annealing of the first PCD machine, once training is over."""
    temperatures: int
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """Small random weights; the persistent chains start as noise."""
    import numpy as np

    from kernels import rbm

    n = SIDE * SIDE
    # Single precision: training is twice as fast, and what is judged is the machine as it then is, in double.
    machines = rbm.init((2 * MACHINES,), n, params.hidden, rng, np.float32)
    data = rbm.bars_and_stripes(SIDE)
    chains = rng.integers(0, 2, (2 * MACHINES, len(data), n)).astype(np.float32)
    return State(machines, chains, 0, 0, None, 0, rng)


def _data() -> Array:
    import numpy as np

    from kernels import rbm

    return rbm.bars_and_stripes(SIDE).astype(np.float32)


def step(params: Params, state: State) -> State:
    """Some updates of all machines on all 30 images; after the last one, a part of the annealing."""
    import copy

    import numpy as np

    from kernels import rbm

    rng = copy.deepcopy(state.rng)
    state = state._replace(rng=rng, steps=state.steps + 1)
    if state.updates >= UPDATES:
        return _anneal(state)
    data = np.broadcast_to(_data(), state.chains.shape)
    machines, chains = state.machines, state.chains
    count = min(_per_step(params), UPDATES - state.updates)
    for at in range(count):
        lr = params.lr * (1 - (state.updates + at) / UPDATES)
        # The only difference between the methods: where the sweeps start.
        start = np.concatenate([data[:MACHINES], chains[MACHINES:]])
        chains = rbm.gibbs(machines, start, params.k, rng)
        machines = rbm.ascend(machines, rbm.statistics(machines, data), rbm.statistics(machines, chains), lr)
    return state._replace(machines=machines, chains=chains, updates=state.updates + count)


def _per_step(params: Params) -> int:
    return next(updates for k, updates in PER_STEP if params.k <= k)


def _anneal(state: State) -> State:
    from kernels import ais

    one = _doubles(state, MACHINES)
    annealed = state.annealed or ais.init(one, CHAINS, state.rng)
    upto = state.temperatures + TEMPERATURES // AIS_STEPS
    for t in range(state.temperatures, upto):
        annealed = ais.step(annealed, one, (t + 1) / TEMPERATURES, state.rng)
    return state._replace(annealed=annealed, temperatures=upto)


def _doubles(state: State, which: int | slice) -> rbm.RBM:
    """Some of the machines, in double precision."""
    import numpy as np

    from kernels import rbm

    return rbm.RBM(*(part[which].astype(np.float64) for part in state.machines))


def total(params: Params, state: State) -> int:
    """Training, then annealing."""
    left = -(-(UPDATES - state.updates) // _per_step(params))
    return state.steps + left + AIS_STEPS - state.temperatures * AIS_STEPS // TEMPERATURES


def done(params: Params, state: State) -> bool:
    """Whether both are over."""
    return state.temperatures >= TEMPERATURES


class _Exact(NamedTuple):
    """What enumeration tells about the eight machines."""

    log_p: Array
    """(8, 30) log-probability of each image."""
    log_z: Array
    """(8,)"""

    @property
    def likelihood(self) -> Array:
        """(8,) mean log-likelihood of the data."""
        mean: Array = self.log_p.mean(axis=1)
        return mean


def _exact(params: Params, state: State) -> _Exact:
    import numpy as np

    from kernels import rbm

    machines = _doubles(state, slice(None))
    data = np.broadcast_to(_data().astype(np.float64), state.chains.shape)
    log_z = rbm.log_partition(machines, rbm.states(params.hidden))
    return _Exact(-rbm.free_energy(machines, data) - log_z[:, None], log_z)


def _samples(params: Params, state: State, which: int) -> Array:
    """Exact, independent samples of one machine: h from all its 2^m states, then v given h."""
    import copy

    import numpy as np

    from kernels import rbm

    one, h = _doubles(state, which), rbm.states(params.hidden)
    logs = (h * one.c).sum(axis=1) + rbm.softplus(one.b + h @ one.W.T).sum(axis=1)
    p = np.exp(logs - logs.max())
    rng = copy.deepcopy(state.rng)
    v = rbm.draw(rbm.visible(one, h[rng.choice(len(h), SHOWN, p=p / p.sum())]), rng)
    return np.asarray(v.reshape(SHOWN, SIDE, SIDE))


def frame(params: Params, state: State) -> Frame:
    """Exact likelihood, mass on the images, samples, and the weights."""
    import numpy as np

    from kernels import rbm

    exact = _exact(params, state)
    data = _data()
    bound = -math.log(len(data))
    mass = np.exp(exact.log_p).sum(axis=1)
    machines = state.machines
    back = rbm.visible(machines, rbm.hidden(machines, np.broadcast_to(data, state.chains.shape)))
    wrong = np.abs(back - data).mean(axis=(1, 2))
    first, second = slice(None, MACHINES), slice(MACHINES, None)
    arrays = {
        "data": data[2 : 2 + 2 * SHOWN : 2].reshape(-1, SIDE, SIDE),
        "cd_samples": _samples(params, state, 0),
        "pcd_samples": _samples(params, state, MACHINES),
        "filters": np.moveaxis(machines.W[MACHINES], 1, 0).reshape(-1, SIDE, SIDE)[:8],
        "image": np.arange(1, len(data) + 1),
        "cd_p": np.sort(np.exp(exact.log_p[first]), axis=1).mean(axis=0)[::-1],
        "pcd_p": np.sort(np.exp(exact.log_p[second]), axis=1).mean(axis=0)[::-1],
        "even": np.full(len(data), 1 / len(data)),
        "machine": np.arange(1, MACHINES + 1),
        "cd_each": exact.likelihood[first],
        "pcd_each": exact.likelihood[second],
        "bound_each": np.full(MACHINES, bound),
    }
    scalars = {"updates": float(state.updates), "bound": bound}
    for name, part in (("cd", first), ("pcd", second)):
        scalars[f"{name}_likelihood"] = float(exact.likelihood[part].mean())
        scalars[f"{name}_error"] = float(exact.likelihood[part].std(ddof=1)) / math.sqrt(MACHINES)
        scalars[f"{name}_mass"] = float(mass[part].mean())
        scalars[f"{name}_wrong"] = float(wrong[part].mean())
    if state.annealed is not None and state.temperatures >= TEMPERATURES:
        from kernels import ais

        scalars["log_z_annealed"] = ais.log_partition(state.annealed, _doubles(state, MACHINES))[0]
        scalars["log_z"] = float(exact.log_z[MACHINES])
    k = params.k
    note = (
        f"update {state.updates}: mean log p of the images, CD-{k} {scalars['cd_likelihood']:.2f} ±"
        f" {scalars['cd_error']:.2f}, PCD-{k} {scalars['pcd_likelihood']:.2f} ± {scalars['pcd_error']:.2f},"
        f" at best {bound:.2f}; mass on images {scalars['cd_mass']:.0%} and {scalars['pcd_mass']:.0%}"
    )
    if state.temperatures and not done(params, state):
        note = "annealing: 500 chains carry weights from fair coins to the trained machine, to estimate its log Z"
    return Frame(state.steps, scalars, arrays, note)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """log Z by both layers and by annealing, the ceiling of the likelihood, and what the mass says about it."""
    import numpy as np

    from kernels import ais, rbm

    if not done(params, state) or state.annealed is None:
        return ()
    exact = _exact(params, state)
    one = _doubles(state, MACHINES)
    over_v = float(np.logaddexp.reduce(-rbm.free_energy(one, rbm.states(SIDE * SIDE))))
    estimate, error = ais.log_partition(state.annealed, one)
    best = -math.log(len(_data()))
    mass = np.exp(exact.log_p).sum(axis=1)
    # KL(data‖model) ≥ KL of the coarser question "an image or not?" = −log mass.
    slack = best - exact.likelihood + np.log(mass)
    return (
        Check("log Z, over h = over v", float(exact.log_z[MACHINES]), over_v, 1e-9),
        Check("log Z by annealing", estimate, float(exact.log_z[MACHINES]), 4 * error + 0.01, error=error),
        Check("best mean log p of a machine", float(exact.likelihood.max()), best, 1e-9, "<="),
        Check("least KL(data‖model) + log mass", float(slack.min()), 0.0, 1e-9, ">="),
    )


LAB = Lab(
    id="rbm",
    title="RBM: what CD-k really learns",
    chapter="energy-models",
    section="8.1",
    lesson="boltzmann",
    summary="Bars and stripes, 30 images of 65,536: CD-k and PCD-k at equal budget, judged by the exact likelihood.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "likelihood",
            "Mean log p of the 30 images (exact)",
            series=(
                Series("−ln 30", "bound", "updates", "dashed"),
                Series("CD-k", "cd_likelihood", "updates"),
                Series("PCD-k", "pcd_likelihood", "updates"),
            ),
            x_label="updates",
        ),
        Chart(
            "samples",
            "Data, and exact samples of two machines",
            kind="heat",
            images=(("data", "data"), ("CD-k", "cd_samples"), ("PCD-k", "pcd_samples")),
            image_range=(0.0, 1.0),
        ),
        Chart(
            "mass",
            "Mass on the 30 images (exact)",
            series=(Series("CD-k", "cd_mass", "updates"), Series("PCD-k", "pcd_mass", "updates")),
            x_label="updates",
            y_range=(0.0, 1.0),
        ),
        Chart(
            "shares",
            "p of each image, likeliest first",
            series=(
                Series("1/30", "even", "image", "dashed"),
                Series("CD-k", "cd_p", "image", "points"),
                Series("PCD-k", "pcd_p", "image", "points"),
            ),
            x_label="images, in order of p",
            y_log=True,
        ),
        Chart(
            "reconstruction",
            "Wrong bits after v → h → v, per bit",
            series=(Series("CD-k", "cd_wrong", "updates"), Series("PCD-k", "pcd_wrong", "updates")),
            x_label="updates",
        ),
        Chart(
            "each",
            "Each of the four machines: mean log p",
            series=(
                Series("−ln 30", "bound_each", "machine", "dashed"),
                Series("CD-k", "cd_each", "machine", "points"),
                Series("PCD-k", "pcd_each", "machine", "points"),
            ),
            x_label="machine",
        ),
        Chart("filters", "Weights of 8 hidden units (PCD-k)", kind="heat", images=(("", "filters"),)),
    ),
    prediction=Prediction(
        prompt=(
            "30 of the 65,536 images are valid. After 20,000 updates of CD-1, what share of the model's probability is"
            " on the 30? (0 to 1; exactly, by enumeration)"
        ),
        scalar="cd_mass",
        low=0.0,
        high=1.0,
        chart="mass",
        why=(
            "CD-1 only ever looks one sweep away from the data: it learns to push mass from their neighbours"
            " onto the images. How the mass is shared out among the images it hardly sees: look at mean log p."
        ),
    ),
    explain="em-lab-rbm",
    source=("kernels.rbm", "kernels.ais"),
    quick={"hidden": 8},
)
