"""Why attention divides by √dₖ: the softmax's entropy and gradients against the width of a head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

ROUNDS = 12
"""Batches of random heads drawn at each width."""
NUMBERS = 300_000
"""Random numbers drawn in a step at most, so that it stays short at every width."""
SHOWN = 12
"""Rows of weights that are drawn as a heat map."""
QUANTITIES = ("entropy", "jacobian", "starved", "grad_v")
STARVED = 0.01
"""Size of the gradient of a query, for an upstream gradient of length 1, below which it hardly learns."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    keys: int = param(16, "keys that a query chooses from", low=2, high=256, scale="log")
    d_max: int = param(1024, "largest width dₖ of a head", low=8, high=4096, scale="log")
    show: int = param(1024, "width whose weights are drawn", low=4, high=4096, scale="log", live=True)


class State(NamedTuple):
    """Sums over all heads drawn so far, for each width."""

    widths: tuple[int, ...]
    heads: Array
    """(w,) heads drawn."""
    squares: Array
    """(w, 2) Σ and Σ² over heads of the mean of (q·k)² over the keys."""
    scaled: Array
    """(w, 4) sums of the quantities over heads, with 1/√dₖ."""
    unscaled: Array
    """(w, 4) the same without."""
    rows_off: float
    """Largest |Σ p − 1| met."""
    weights: Array
    """(2, w, SHOWN, keys) weights of a few queries: scaled, unscaled."""
    steps: int
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """Widths 4, 8, 16 … up to d_max."""
    import numpy as np

    widths = tuple(4 * 2**i for i in range(int(math.log2(params.d_max / 4)) + 1))
    w = len(widths)
    return State(
        widths,
        np.zeros(w),
        np.zeros((w, 2)),
        np.zeros((w, len(QUANTITIES))),
        np.zeros((w, len(QUANTITIES))),
        0.0,
        np.full((2, w, SHOWN, params.keys), np.nan),
        0,
        rng,
    )


def step(params: Params, state: State) -> State:
    """Draw heads of the next width: queries, keys and values with independent standard normal entries."""
    import copy

    import numpy as np

    from kernels import attention

    at = state.steps % len(state.widths)
    d, m = state.widths[at], params.keys
    count = max(2, min(64, NUMBERS // (m * d)))
    # The generator is part of the state: a step must not change the one it was given.
    rng = copy.deepcopy(state.rng)
    Q = rng.standard_normal((count, 1, d))
    K = rng.standard_normal((count, m, d))
    V = rng.standard_normal((count, m, 8))
    G = rng.standard_normal((count, 1, 8))
    G /= np.linalg.norm(G, axis=-1, keepdims=True)
    dots = np.squeeze(attention.scores(Q, K, scaled=False), axis=1)
    per_head = np.mean(dots**2, axis=1)
    squares = state.squares.copy()
    squares[at] += per_head.sum(), np.sum(per_head**2)
    heads = state.heads.copy()
    heads[at] += count
    sums = [state.scaled.copy(), state.unscaled.copy()]
    weights = state.weights.copy()
    off = state.rows_off
    for which, scaled in enumerate((True, False)):
        p = np.squeeze(attention.weights(Q, K, scaled), axis=1)
        dQ, _, dV = attention.gradients(Q, K, V, G, scaled)
        sums[which][at] += (
            attention.entropy(p).sum(),
            np.linalg.norm(attention.softmax_jacobian(p), axis=(1, 2)).sum(),
            np.sum(np.linalg.norm(dQ, axis=(1, 2)) < STARVED),
            np.linalg.norm(dV, axis=(1, 2)).sum(),
        )
        weights[which, at, : min(SHOWN, count)] = p[:SHOWN]
        off = max(off, float(np.abs(p.sum(axis=1) - 1).max()))
    return State(state.widths, heads, squares, sums[0], sums[1], off, weights, state.steps + 1, rng)


def total(params: Params, state: State) -> int:
    """Every width is drawn ROUNDS times."""
    return ROUNDS * len(state.widths)


def done(params: Params, state: State) -> bool:
    """Whether all rounds are drawn."""
    return state.steps >= total(params, state)


def _variance(state: State, at: int) -> tuple[float, float]:
    """(estimate of Var(q·k), its standard error) at a width; heads are independent, keys of one head are not."""
    n = state.heads[at]
    mean = state.squares[at, 0] / n
    spread = max(0.0, state.squares[at, 1] / n - mean**2) * n / max(n - 1, 1)
    return float(mean), math.sqrt(float(spread / n))


def frame(params: Params, state: State) -> Frame:
    """Means by width, and one width's weights."""
    import numpy as np

    seen = np.flatnonzero(state.heads > 0)
    widths = np.array(state.widths, dtype=float)[seen]
    n = state.heads[seen, None]
    scaled, unscaled = state.scaled[seen] / n, state.unscaled[seen] / n
    variances = np.array([_variance(state, int(at))[0] for at in seen])
    shown = int(np.abs(np.log2(np.array(state.widths) / params.show)).argmin())
    arrays: dict[str, Any] = {
        "d": widths,
        "variance": variances,
        "line": widths,
        "most": np.full(len(seen), math.log(params.keys)),
        "weights_scaled": np.nan_to_num(state.weights[0, shown]),
        "weights_unscaled": np.nan_to_num(state.weights[1, shown]),
    }
    for column, name in enumerate(QUANTITIES):
        arrays[f"{name}_scaled"] = scaled[:, column]
        arrays[f"{name}_unscaled"] = unscaled[:, column]
    scalars = {}
    note = "drawing random heads, width after width"
    if len(seen):
        scalars = {
            "entropy_scaled": float(scaled[-1, 0]),
            "entropy_unscaled": float(unscaled[-1, 0]),
            "heads": float(state.heads.sum()),
        }
        note = (
            f"dₖ = {widths[-1]:.0f}: mean entropy {scalars['entropy_scaled']:.2f} nats scaled,"
            f" {scalars['entropy_unscaled']:.2f} unscaled; uniform weights have ln {params.keys} ="
            f" {math.log(params.keys):.2f}. Weights drawn for dₖ = {state.widths[shown]}"
        )
    return Frame(state.steps, scalars, arrays, note)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Var(q·k) = dₖ at the smallest and the largest width, entropy at most ln m, weights that sum to 1."""
    import numpy as np

    if not (state.heads > 0).all():
        return ()
    rows = []
    for at in dict.fromkeys((0, len(state.widths) - 1)):
        mean, error = _variance(state, at)
        # Four standard errors: a false alarm in about 1 of 16,000 checks.
        rows.append(Check(f"Var(q·k) at dₖ = {state.widths[at]}", mean, state.widths[at], 4 * error, error=error))
    entropies = np.concatenate([state.scaled[:, 0] / state.heads, state.unscaled[:, 0] / state.heads])
    rows += [
        Check("largest mean entropy", float(entropies.max()), math.log(params.keys), 1e-9, "<="),
        Check("Σ p off 1", state.rows_off, 0.0, 1e-12),
    ]
    return tuple(rows)


LAB = Lab(
    id="attention-scaling",
    title="Attention: what √dₖ is for",
    chapter="linear-algebra",
    section="1.3",
    lesson="root-of-d",
    summary="Random heads of growing width dₖ, with and without the division of the scores by √dₖ.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "entropy",
            "Mean entropy of the weights (nats)",
            series=(
                Series("ln(keys)", "most", "d", "dashed"),
                Series("scaled", "entropy_scaled", "d"),
                Series("unscaled", "entropy_unscaled", "d"),
            ),
            x_label="width dₖ",
            x_log=True,
        ),
        Chart(
            "starved",
            "Share of queries whose gradient is < 0.01",
            series=(
                Series("scaled", "starved_scaled", "d"),
                Series("unscaled", "starved_unscaled", "d"),
            ),
            x_label="width dₖ",
            x_log=True,
            y_range=(0.0, 1.0),
        ),
        Chart(
            "variance",
            "Variance of q·k",
            series=(Series("dₖ", "line", "d", "dashed"), Series("measured", "variance", "d", "points")),
            x_label="width dₖ",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "weights",
            "Weights: row = query, column = key",
            kind="heat",
            images=(("scaled", "weights_scaled"), ("unscaled", "weights_unscaled")),
            image_range=(0.0, 1.0),
        ),
        Chart(
            "jacobian",
            "Softmax Jacobian ‖diag(p) − ppᵀ‖, mean",
            series=(
                Series("scaled", "jacobian_scaled", "d"),
                Series("unscaled", "jacobian_unscaled", "d"),
            ),
            x_label="width dₖ",
            x_log=True,
        ),
        Chart(
            "value_gradient",
            "Length of the gradient that reaches V",
            series=(
                Series("scaled", "grad_v_scaled", "d"),
                Series("unscaled", "grad_v_unscaled", "d"),
            ),
            x_label="width dₖ",
            x_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "16 random keys, dₖ = 1024, scores left undivided: what is the mean entropy of the weights, in nats?"
            " (0: one key takes all; ln 16 = 2.77: all alike)"
        ),
        scalar="entropy_unscaled",
        low=0.0,
        high=6.0,
        chart="entropy",
        unit="nats",
        why="The scores have standard deviation √dₖ = 32, so the largest of 16 usually wins by many units.",
    ),
    explain="la-lab-attention-scaling",
    source=("kernels.attention",),
)
