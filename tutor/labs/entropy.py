"""Symbols and what they cost: entropy as the floor, the wrong model's KL on top, Huffman's whole bits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

STEPS = 80
FIRST, LAST = 12, 40_000
"""Symbols sent after the first and the last step."""
CODED = 4096
"""Blocks are as long as this many different ones allow."""
SIDE = 81
"""Columns of the triangle's picture."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    symbols: int = param(8, "size n of the alphabet", low=2, high=64, scale="log")
    temperature: float = param(1.0, "T of the source: p_i ∝ (1/i)^(1/T)", low=0.1, high=10.0, scale="log")
    model: float = param(
        0.5, "T that the model believes: q_i ∝ (1/i)^(1/T)", low=0.1, high=10.0, scale="log", live=True
    )
    block: int = param(1, "symbols that one Huffman code word stands for", low=1, high=12, live=True)


class State(NamedTuple):
    """All symbols of the run, of which the first `n` have been sent."""

    x: npt.NDArray[np.int_]
    """(LAST,)"""
    p: Array
    huffman: Array
    """(b_max,) bits per symbol of Huffman's code for blocks of 1, 2 … b_max symbols, exact."""
    n: int
    counts: Array
    """Of the symbols sent."""
    adaptive: float
    """Σ −log₂ of Laplace's rule before each symbol sent, in bits."""
    steps: int


def _longest(symbols: int) -> int:
    """The longest block with at most CODED different ones."""
    return max(1, int(math.log(CODED) / math.log(symbols) + 1e-9))


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw the symbols; build a Huffman code for each length of block."""
    import numpy as np

    from kernels import entropy, huffman

    p = entropy.zipf(params.symbols, params.temperature)
    x = rng.choice(params.symbols, LAST, p=p)
    rates = []
    for b in range(1, _longest(params.symbols) + 1):
        joint = huffman.blocks(p, b)
        rates.append(float(joint @ huffman.lengths(joint)) / b)
    return State(x, p, np.array(rates), 0, np.zeros(params.symbols), 0.0, 0)


def step(params: Params, state: State) -> State:
    """Send more symbols, their number growing by the same factor each step."""
    import numpy as np

    steps = state.steps + 1
    n = round(FIRST * (LAST / FIRST) ** ((steps - 1) / (STEPS - 1)))
    counts, adaptive, sent = state.counts.tolist(), state.adaptive, state.n
    # As sender and receiver do it: each symbol is coded by what came before it, then counted.
    for symbol in state.x[state.n : n].tolist():
        adaptive -= math.log2((counts[symbol] + 1) / (sent + len(counts)))
        counts[symbol] += 1
        sent += 1
    return state._replace(n=n, counts=np.array(counts), adaptive=adaptive, steps=steps)


def done(params: Params, state: State) -> bool:
    """Whether all symbols are sent."""
    return state.steps >= STEPS


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STEPS


class Blocks(NamedTuple):
    """Huffman's code for blocks, and what it cost so far."""

    p: Array
    bits: npt.NDArray[np.int_]
    sent: int
    """Whole blocks."""
    cost: int
    """Bits for them."""


def _blocks(params: Params, state: State) -> Blocks:
    import numpy as np

    from kernels import huffman

    b, n = params.block, params.symbols
    p = huffman.blocks(state.p, b)
    bits = huffman.lengths(p)
    sent = state.n // b
    number = state.x[: sent * b].reshape(sent, b) @ n ** np.arange(b - 1, -1, -1)
    return Blocks(p, bits, sent, int(bits[number].sum()))


def frame(params: Params, state: State) -> Frame:
    """Bits per symbol so far, and what theory says of every model, word, block and temperature."""
    import numpy as np

    from kernels import entropy

    n, N, p = params.symbols, state.n, state.p
    q = entropy.zipf(n, params.model)
    H, KL = entropy.entropy(p) / entropy.BIT, entropy.kl(p, q) / entropy.BIT
    huffman = _blocks(params, state)
    temperatures = np.geomspace(0.1, 10.0, 81)
    b = np.arange(1, len(state.huffman) + 1)
    index = np.arange(1, n + 1)
    arrays: dict[str, Any] = {
        "T": temperatures,
        "excess": np.array([entropy.kl(p, entropy.zipf(n, float(T))) for T in temperatures]) / entropy.BIT,
        "T_model": np.array([params.model]),
        "excess_model": np.array([KL]),
        "T_source": np.array([params.temperature]),
        "H_source": np.array([H]),
        "H_by_T": np.array([entropy.entropy(entropy.zipf(n, float(T))) for T in temperatures]) / entropy.BIT,
        "most": np.full(len(temperatures), math.log2(n)),
        "symbol": index,
        "ideal": -np.log2(p),
        "believed": -np.log2(q),
        "b": b,
        "huffman_b": state.huffman,
        "floor_b": np.full(len(b), H),
        "bound_b": H + 1 / b,
        "b_now": np.array([params.block]),
        "huffman_now": np.array([float(huffman.p @ huffman.bits) / params.block]),
    }
    found = state.counts > 0
    arrays |= {"found_symbol": index[found], "found": -np.log2(state.counts[found] / max(N, 1))}
    if params.block == 1:
        arrays["word"] = huffman.bits.astype(np.float64)
    arrays |= _triangle(params)
    scalars = {"kl": KL}
    if N:
        counted = state.counts / N
        scalars |= {
            "entropy": H,
            "cross": H + KL,
            "sent": float(N),
            "model": entropy.cross_entropy(counted, q) / entropy.BIT,
            "huffman": huffman.cost / (huffman.sent * params.block),
            "adaptive": state.adaptive / N,
            "counted": entropy.entropy(counted) / entropy.BIT,
            # Miller (1955): the entropy of counts is too small by this on average, if N is large.
            "counted_mean": H - (n - 1) / (2 * N) / entropy.BIT,
        }
    return Frame(state.steps, scalars, arrays, _note(params, state, H, KL, scalars))


def _triangle(params: Params) -> dict[str, Array]:
    """Entropy of every law of three symbols, drawn as a triangle, with the three commonest symbols of p and of q."""
    import numpy as np

    from kernels import entropy

    # The corners are (0, 0), (1, 0) and (½, 1): the symbols 1, 2 and 3. Outside the triangle it is 0, as at a corner.
    u, v = np.meshgrid(np.linspace(0.0, 1.0, SIDE), np.linspace(0.0, 1.0, SIDE // 2))
    law = np.stack([1 - u - v / 2, u - v / 2, v])
    inside = (law >= 0).all(axis=0)
    safe = np.where(law > 0, law, 1.0)
    laws = np.array([entropy.zipf(3, float(T)) for T in np.geomspace(0.1, 10.0, 81)])
    here = np.array([entropy.zipf(3, params.temperature), entropy.zipf(3, params.model)])
    return {
        "triangle": np.where(inside, -np.sum(safe * np.log2(safe), axis=0), 0.0),
        "triangle_extent": np.array([0.0, 1.0, 0.0, 1.0]),
        "edge_u": np.array([0.0, 1.0, 0.5, 0.0]),
        "edge_v": np.array([0.0, 0.0, 1.0, 0.0]),
        "all_u": laws[:, 1] + laws[:, 2] / 2,
        "all_v": laws[:, 2],
        "p_u": here[:1, 1] + here[:1, 2] / 2,
        "p_v": here[:1, 2],
        "q_u": here[1:, 1] + here[1:, 2] / 2,
        "q_v": here[1:, 2],
    }


def _note(params: Params, state: State, H: float, KL: float, scalars: dict[str, float]) -> str:
    if not state.n:
        most = math.log2(params.symbols)
        return f"H(p) = {H:.3f} bits of at most {most:.3f}; the model's belief should cost {KL:.3f} more"
    return (
        f"{state.n} symbols, bits each: floor H(p) {H:.3f}; model {scalars['model']:.3f} (exact {H:.3f} + KL {KL:.3f}),"
        f" Huffman {scalars['huffman']:.3f}, learning by counting {scalars['adaptive']:.3f}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Measured costs against exact means with exact standard errors, Huffman between its bounds, counting exactly."""

    from kernels import entropy, huffman

    n, N, p = params.symbols, state.n, state.p
    if not done(params, state):
        return ()
    q = entropy.zipf(n, params.model)
    H = entropy.entropy(p) / entropy.BIT
    rows = [Check("H(p) at most log₂ n, bits", H, math.log2(n), 1e-12, "<=")]
    # A mean of costs is near normal if no rare, dear symbol decides it.
    usual = N * p.min() > 20
    if usual:
        error = math.sqrt(entropy.surprise_variance(p, q) / N) / entropy.BIT
        measured = entropy.cross_entropy(state.counts / N, q) / entropy.BIT
        truth = H + entropy.kl(p, q) / entropy.BIT
        rows.append(Check("model: bits = H(p) + KL(p‖q)", measured, truth, 4.5 * error + 1e-12, error=error))
    code = _blocks(params, state)
    mean = float(code.p @ code.bits)
    rows += [
        Check("Huffman: mean at least H(p)", mean / params.block, H, 1e-9, ">="),
        Check("Huffman: mean at most H(p) + 1/b", mean / params.block, H + 1 / params.block, 1e-9, "<="),
        Check("Huffman: Σ 2^−length", huffman.kraft(code.bits), 1.0, 1e-12),
    ]
    if usual:
        error = math.sqrt(float(code.p @ (code.bits - mean) ** 2) / code.sent) / params.block
        measured = code.cost / (code.sent * params.block)
        rows.append(Check("Huffman: bits sent", measured, mean / params.block, 4.5 * error + 1e-12, error=error))
    exact = entropy.adaptive_length(state.counts) / entropy.BIT
    rows.append(Check("learning: bits in all, one by one", state.adaptive, exact, 1e-9 * exact))
    if usual:
        # 2N KL(counts‖p) is nearly χ² with n−1 degrees; above its mean by 2√((n−1)t) + 2t in at most e^−t of all runs.
        t, free = 12.0, n - 1
        excess = 2 * N * entropy.kl(state.counts / N, p)
        limit = free + 2 * math.sqrt(free * t) + 2 * t
        rows.append(Check(f"2N·KL(counts‖p), mean {free}", excess, limit, 0.0, "<="))
    return tuple(rows)


LAB = Lab(
    id="entropy",
    title="Entropy: what a symbol costs",
    chapter="information-theory",
    section="6.1",
    lesson="entropy",
    summary="A source sends symbols. Bits are counted for a model that is wrong, Huffman's code, and one that learns.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "rate",
            "Bits per symbol so far",
            series=(
                Series("H(p)", "entropy", "sent", "dashed"),
                Series("H(p) + KL", "cross", "sent", "dashed"),
                Series("model q", "model", "sent"),
                Series("Huffman", "huffman", "sent"),
                Series("learning", "adaptive", "sent"),
            ),
            x_label="symbols sent",
            x_log=True,
        ),
        Chart(
            "model",
            "Bits lost by the model: KL(p‖q)",
            series=(
                Series("exact", "excess", "T"),
                Series("this model", "excess_model", "T_model", "points"),
            ),
            x_label="T of the model",
            x_log=True,
            y_range=(0.0, 3.0),
        ),
        Chart(
            "words",
            "Bits for each symbol",
            series=(
                Series("−log₂ p", "ideal", "symbol", "dashed"),
                Series("−log₂ q", "believed", "symbol", "points"),
                Series("Huffman", "word", "symbol", "points"),
                Series("−log₂ of its share so far", "found", "found_symbol"),
            ),
            x_label="symbol i",
        ),
        Chart(
            "blocks",
            "Huffman: bits a symbol, by block size",
            series=(
                Series("H(p)", "floor_b", "b", "dashed"),
                Series("H(p) + 1/b", "bound_b", "b", "dashed"),
                Series("Huffman, exact", "huffman_b", "b", "points"),
                Series("this b", "huffman_now", "b_now", "points"),
            ),
            x_label="block length b",
        ),
        Chart(
            "temperature",
            "Entropy by temperature (bits)",
            series=(
                Series("log₂ n", "most", "T", "dashed"),
                Series("H", "H_by_T", "T"),
                Series("this source", "H_source", "T_source", "points"),
            ),
            x_label="T of the source",
            x_log=True,
        ),
        Chart(
            "triangle",
            "Entropy of three symbols",
            series=(
                Series("", "edge_v", "edge_u"),
                Series("every T", "all_v", "all_u"),
                Series("p", "p_v", "p_u", "points"),
                Series("q", "q_v", "q_u", "points"),
            ),
            x_names=((0.0, "1 alone"), (1.0, "2 alone")),
            y_label="p of symbol 3",
            backdrop="triangle",
            scale="bits",
        ),
        Chart(
            "counted",
            "Entropy of the counts (bits)",
            series=(
                Series("H(p)", "entropy", "sent", "dashed"),
                Series("expected: H − (n−1)/2N", "counted_mean", "sent", "dashed"),
                Series("counted", "counted", "sent"),
            ),
            x_label="symbols sent N",
            x_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "8 symbols come with p ∝ 1, 1/2, 1/3 … 1/8: H(p) = 2.62 bits. The model is too sure and believes q ∝ 1,"
            " 1/4, 1/9 … 1/64. How many bits per symbol more than H(p) does it spend? (Believing all alike: 0.38 more.)"
        ),
        scalar="kl",
        low=0.0,
        high=5.0,
        chart="model",
        unit="bits",
        why=(
            "KL(p‖q) = 0.35 bits, nearly as dear as knowing nothing. Symbol i takes 2 log₂ i + 0.61 bits and ideally"
            " log₂ i + 1.44: the rare ones are much too dear, and 45 % of all symbols are none of the first two."
        ),
    ),
    explain="it-lab-entropy",
    source=("kernels.entropy", "kernels.huffman"),
    limits=lambda params: {"block": (1, _longest(params.symbols))},
)
