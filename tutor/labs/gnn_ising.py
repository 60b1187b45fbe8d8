"""Marginals of many Ising grids: mean field, belief propagation and a trained GNN, each against the exact answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import optimizers

    Array = npt.NDArray[Any]

SIDE, LARGE = 4, 6
"""Rows and columns of the grids for training and tests, and of larger ones for a test only."""
UPDATES = 2000
PER_STEP = 10
BATCH = 32
WARMUP = 50
STRENGTHS = tuple(0.25 * i for i in range(1, 9))
"""Standard deviations of the couplings at which tests are made; training draws them from 0 … 2."""
TESTS = {SIDE: 60, LARGE: 30}
"""Test instances at each of them."""
CLAMP = 8.0
"""Field on an observed spin: the other value has probability e^(−16)."""
SETTLED = 1e-6
"""Largest change of a message at which belief propagation counts as converged."""
METHODS = ("field", "belief", "gnn")
RIVALS = 4
"""Steps in which mean field and belief propagation answer."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    graph: str = param("grid", "edges: the whole grid, or a comb, which has no loops", choices=("grid", "comb"))
    observed: float = param(0.0, "share of spins that are observed", low=0.0, high=0.5, step=0.1)
    fields: float = param(0.2, "standard deviation of the fields h", low=0.0, high=1.0, step=0.1)
    features: int = param(16, "features of a node in the GNN", low=2, high=24, step=2)
    rounds: int = param(6, "rounds of messages in the GNN", low=1, high=8)
    lr: float = param(0.005, "learning rate of Adam at the start", low=1e-4, high=0.1, scale="log", live=True)


class Cases(NamedTuple):
    """Instances with their answers."""

    J: Array
    """(k, n, 4)"""
    h: Array
    """(k, n)"""
    hidden: Array
    """(k, n) whether the spin is not observed."""
    m: Array
    """(k, n) exact means."""


class State(NamedTuple):
    """A GNN in training, and what the other methods said about the tests."""

    tests: Cases
    large: Cases
    adam: optimizers.State
    updates: int
    answers: dict[str, Array]
    """Means by mean field ("field"), belief propagation ("belief") and its last changes ("change"), on the tests and,
    with the prefix `large_`, on the larger grids; filled by the first steps."""
    diverged: int
    rng: np.random.Generator


def _cases(params: Params, side: int, strength: Array, rng: np.random.Generator) -> Cases:
    """One random instance for each coupling strength (k,), solved exactly."""
    import numpy as np

    from kernels import ising

    k = len(strength)
    scale = strength[:, None, None]
    right = scale * rng.standard_normal((k, side, side - 1))
    down = scale * rng.standard_normal((k, side - 1, side))
    if params.graph == "comb":
        right[:, 1:] = 0.0
    h = params.fields * rng.standard_normal((k, side * side))
    hidden = rng.random(h.shape) >= params.observed
    h = np.where(hidden, h, CLAMP * rng.choice([-1.0, 1.0], h.shape))
    J = ising.couplings(right, down)
    return Cases(J, h, hidden, ising.exact(J, h, side)[0])


def init(params: Params, rng: np.random.Generator) -> State:
    """Random tests, solved exactly, and an untrained network."""
    import numpy as np

    from kernels import gnn, optimizers

    tests, large = (_cases(params, side, np.repeat(STRENGTHS, TESTS[side]), rng) for side in (SIDE, LARGE))
    adam = optimizers.init(gnn.init(params.features, rng, np.float32))
    return State(tests, large, adam, 0, {}, 0, rng)


def step(params: Params, state: State) -> State:
    """First the rivals' answers; then ten updates of the GNN, each on fresh instances."""
    import copy

    import numpy as np

    from kernels import gnn, ising, optimizers

    if len(state.answers) < 6:
        return state._replace(answers=state.answers | _rivals(state))
    rng = copy.deepcopy(state.rng)
    neighbour, _ = ising.neighbours(SIDE, SIDE)
    adam, updates = state.adam, state.updates
    F = params.features
    for _ in range(PER_STEP):
        lr = params.lr * min(1.0, (updates + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * updates / UPDATES))
        cases = _cases(params, SIDE, rng.uniform(0.0, STRENGTHS[-1], BATCH), rng)
        J, h, target = (part.astype(np.float32) for part in (cases.J, cases.h, cases.m))
        m, cache = gnn.forward(adam.w, F, params.rounds, J, h, neighbour)
        _, G = gnn.loss(m, target)
        gradient = gnn.backward(adam.w, F, cache, h, neighbour, (G * cases.hidden).astype(np.float32))
        size = float(np.linalg.norm(gradient))
        if not math.isfinite(size):
            return state._replace(adam=adam, updates=updates, diverged=updates + 1, rng=rng)
        # Gradients through many rounds are now and then huge: their length is cut to 1.
        adam, updates = optimizers.adam(adam, gradient * np.float32(min(1.0, 1.0 / max(size, 1e-12))), lr), updates + 1
    return state._replace(adam=adam, updates=updates, rng=rng)


def _rivals(state: State) -> dict[str, Array]:
    """The next answer of the rivals: mean field, belief propagation, and both on the larger grids."""
    from kernels import ising

    cases, side, prefix = (state.tests, SIDE, "") if len(state.answers) < 3 else (state.large, LARGE, "large_")
    if f"{prefix}field" not in state.answers:
        return {f"{prefix}field": ising.mean_field(cases.J, cases.h, side)}
    belief, change = ising.belief_propagation(cases.J, cases.h, side)
    return {f"{prefix}belief": belief, f"{prefix}change": change}


def total(params: Params, state: State) -> int:
    """The rivals, then training."""
    return RIVALS + (UPDATES // PER_STEP if not state.diverged else -(-state.diverged // PER_STEP))


def done(params: Params, state: State) -> bool:
    """Whether training is over, or has failed."""
    return state.updates >= UPDATES or state.diverged > 0


def _gnn(params: Params, state: State, side: int) -> Array:
    """The network's means on the tests of one size."""
    import numpy as np

    from kernels import gnn, ising

    cases = state.tests if side == SIDE else state.large
    neighbour, _ = ising.neighbours(side, side)
    J, h = cases.J.astype(np.float32), cases.h.astype(np.float32)
    # In parts that stay in the cache.
    parts = [
        gnn.forward(state.adam.w, params.features, params.rounds, J[at : at + 60], h[at : at + 60], neighbour)[0]
        for at in range(0, len(h), 60)
    ]
    return np.concatenate(parts).astype(np.float64)


def _errors(cases: Cases, m: Array) -> Array:
    """(strengths, instances) mean |m − exact| over the hidden spins of each instance."""
    import numpy as np

    away = np.abs(m - cases.m) * cases.hidden
    each = away.sum(axis=1) / np.maximum(1, cases.hidden.sum(axis=1))
    return np.asarray(each.reshape(len(STRENGTHS), -1))


def _kl(cases: Cases, m: Array) -> float:
    """Mean KL between hidden spins with the exact means and with means m, in nats."""
    from kernels import gnn

    where = cases.hidden
    if not where.any():
        return 0.0
    return gnn.loss(m[where], cases.m[where])[0] - gnn.loss(cases.m[where], cases.m[where])[0]


def frame(params: Params, state: State) -> Frame:
    """Errors against the strength of the couplings, training, one instance, and the larger grids at the end."""
    import numpy as np

    cases = state.tests
    answers: dict[str, Array] = {name: state.answers[name] for name in METHODS if name in state.answers}
    answers["gnn"] = _gnn(params, state, SIDE)
    strengths = np.array(STRENGTHS)
    arrays: dict[str, Any] = {"strength": strengths}
    scalars: dict[str, float] = {"updates": float(state.updates)}
    per = TESTS[SIDE]
    strong = slice(len(cases.h) - per, None)
    pick = len(cases.h) - per
    pictures = [cases.m[pick].reshape(SIDE, SIDE)]
    # m = 0 everywhere says nothing, and is off by this much.
    arrays["error_nothing"] = _errors(cases, np.zeros_like(cases.m)).mean(axis=1)
    for name in METHODS:
        m = answers.get(name)
        if m is None:
            arrays[f"error_{name}"], arrays[f"strong_{name}"] = np.empty(0), np.empty(0)
            continue
        errors = _errors(cases, m)
        arrays[f"error_{name}"] = errors.mean(axis=1)
        pictures.append(m[pick].reshape(SIDE, SIDE))
        arrays[f"strong_{name}"] = m[strong][cases.hidden[strong]]
        scalars |= {
            f"kl_{name}": _kl(cases, m),
            f"weak_{name}": float(errors[0].mean()),
            f"strong_{name}_error": float(errors[-1].mean()),
            f"strong_{name}_se": float(errors[-1].std(ddof=1)) / math.sqrt(per),
        }
    arrays["pictures"] = np.stack(pictures)
    arrays["strong_exact"] = cases.m[strong][cases.hidden[strong]]
    arrays["diagonal"] = np.array([-1.0, 1.0])
    # Before the rivals have answered there is nothing to say of them.
    change = state.answers.get("change", np.empty(0))
    arrays["settled"] = (change <= SETTLED).reshape(-1, per).mean(axis=1)
    for name in METHODS:
        m = state.answers.get(f"large_{name}")
        if name == "gnn" and done(params, state):
            m = _gnn(params, state, LARGE)
        arrays[f"large_{name}"] = np.empty(0) if m is None else _errors(state.large, m).mean(axis=1)
    note = f"{len(cases.h)} instances are solved exactly; mean field and belief propagation come next"
    if "belief" in state.answers:
        note = (
            f"update {state.updates}: mean |m − exact| at strength 2: mean field {scalars['strong_field_error']:.2f},"
            f" BP {scalars['strong_belief_error']:.2f}, GNN {scalars['strong_gnn_error']:.2f} ±"
            f" {scalars['strong_gnn_se']:.2f}; at 0.25: {scalars['weak_field']:.3f}, {scalars['weak_belief']:.4f},"
            f" {scalars['weak_gnn']:.3f}"
        )
        if params.graph == "comb" and done(params, state):
            note += "; without loops BP is exact"
    if state.diverged:
        note = f"diverged at update {state.diverged}: lr = {params.lr:g} is too large"
    asked = (0, 1, 1, 2, 3, 3, RIVALS)[len(state.answers)]
    return Frame(asked + state.updates // PER_STEP, scalars, arrays, note)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The exact solver against enumeration, BP on a graph without loops, and the GNN's symmetries."""
    import numpy as np

    from kernels import gnn, ising

    if not done(params, state) or state.diverged:
        return ()
    cases, F = state.tests, params.features
    at = len(cases.h) // 2
    by_hand, _ = ising.enumerated(cases.J[at], cases.h[at], SIDE)
    neighbour, _ = ising.neighbours(SIDE, SIDE)
    few = slice(None, None, len(cases.h) // 40)
    # The comb made of the same couplings: horizontal edges only in the first row.
    J = cases.J[few].copy()
    J[:, SIDE:, 2:] = 0.0
    comb, _ = ising.belief_propagation(J, cases.h[few], SIDE)
    off = float(np.abs(comb - ising.exact(J, cases.h[few], SIDE)[0]).max())
    J, h = cases.J[few].astype(np.float32), cases.h[few].astype(np.float32)
    m, _ = gnn.forward(state.adam.w, F, params.rounds, J, h, neighbour)
    # Numbered from the other end, every slot becomes its opposite.
    turned, _ = gnn.forward(state.adam.w, F, params.rounds, J[:, ::-1, ising.OPPOSITE], h[:, ::-1], neighbour)
    sign = np.where(np.arange(SIDE * SIDE) % 3 == 0, -1.0, 1.0).astype(np.float32)
    signs = sign[:, None] * sign[neighbour]
    flipped, _ = gnn.forward(state.adam.w, F, params.rounds, J * signs, h * sign, neighbour)
    answer = _gnn(params, state, SIDE)
    return (
        Check("exact solver off 2^16 states", float(np.abs(by_hand - cases.m[at]).max()), 0.0, 1e-10),
        Check("BP off exact, without loops", off, 0.0, 1e-8),
        Check("GNN: nodes renumbered", float(np.abs(turned[:, ::-1] - m).max()), 0.0, 1e-3),
        Check("GNN: spins flipped", float(np.abs(flipped * sign - m).max()), 0.0, 1e-3),
        Check("mean KL(exact‖GNN)", _kl(cases, answer), 0.0, 1e-9, ">="),
    )


LAB = Lab(
    id="gnn-ising",
    title="A GNN learns to infer",
    chapter="energy-models",
    section="8.4",
    lesson="graphs",
    summary="Spins on a grid with random couplings: what is the mean of each? Three ways to answer, and the truth.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "error",
            "Mean |m − exact|, 4×4, by coupling",
            series=(
                Series("m = 0", "error_nothing", "strength", "dashed"),
                Series("mean field", "error_field", "strength"),
                Series("belief propagation", "error_belief", "strength"),
                Series("GNN", "error_gnn", "strength"),
            ),
            x_label="standard deviation of the couplings",
        ),
        Chart(
            "training",
            "KL(exact‖method) per spin, in nats",
            series=(
                Series("mean field", "kl_field", "updates", "dashed"),
                Series("belief propagation", "kl_belief", "updates", "dashed"),
                Series("GNN", "kl_gnn", "updates"),
            ),
            x_label="updates",
            y_log=True,
            y_range=(1e-4, 3.0),
        ),
        Chart(
            "scatter",
            "Exact means and answers, strength 2",
            series=(
                Series("exact", "diagonal", "diagonal", "dashed"),
                Series("BP", "strong_belief", "strong_exact", "points"),
                Series("GNN", "strong_gnn", "strong_exact", "points"),
            ),
            x_label="exact mean m",
            x_range=(-1.0, 1.0),
            y_range=(-1.0, 1.0),
        ),
        Chart(
            "instance",
            "One instance: means of its 16 spins",
            kind="heat",
            images=(("exact, mean field, belief propagation, GNN", "pictures"),),
            image_range=(-1.0, 1.0),
        ),
        Chart(
            "large",
            "Mean |m − exact| on 6×6, never trained",
            series=(
                Series("mean field", "large_field", "strength"),
                Series("belief propagation", "large_belief", "strength"),
                Series("GNN", "large_gnn", "strength"),
            ),
            x_label="standard deviation of the couplings",
        ),
        Chart(
            "settled",
            "Share of instances where BP converges",
            series=(Series("", "settled", "strength"),),
            x_label="standard deviation of the couplings",
            y_range=(0.0, 1.0),
        ),
    ),
    prediction=Prediction(
        prompt=(
            "On a graph without loops belief propagation is exact. The 4×4 grid has loops. By how much are its means m"
            " (−1 to 1) off on average, when the couplings have standard deviation 2?"
        ),
        scalar="strong_belief_error",
        low=0.0,
        high=2.0,
        chart="error",
        why=(
            "Messages go round the loops and come back as if they were news. Strong couplings keep them alive: BP is"
            " then as far off as m = 0, which says nothing. Weak ones let them die out: at 0.25 the error is 0.001."
        ),
    ),
    explain="em-lab-gnn-ising",
    source=("kernels.ising", "kernels.gnn"),
    quick={"features": 4, "rounds": 2},
)
