"""What derivatives cost: forward and reverse mode counted in operations, and finite differences held against both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]

BATCH = 32
"""Samples in the loss whose gradient is taken."""
POINTS = 64
"""Points at which the derivative of exp(sin x) is taken; errors are root mean squares over them."""
PER_DECADE = 4
"""Step lengths h tried a decade, from 1 down to 10⁻¹⁶."""
DEPTHS = (1, 2, 4, 8, 16, 32)
WIDTHS = (4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    inputs: int = param(64, "inputs of the network", low=1, high=128, scale="log")
    outputs: int = param(8, "outputs of the network", low=1, high=64, scale="log")
    width: int = param(32, "units in each of its two hidden layers", low=4, high=128, scale="log")
    precision: str = param("float64", "numbers that finite differences compute with", choices=("float64", "float32"))


class Cost(NamedTuple):
    """Operations counted, and what they should be."""

    size: int
    """Inputs, outputs, parameters or layers: what is varied."""
    evaluation: int
    forward: int
    reverse: int
    truth: tuple[int, int, int]
    """The three by the closed form."""
    apart: float = 0.0
    """Largest difference of the two modes' derivatives."""


class State(NamedTuple):
    """What has been counted and measured so far."""

    by_inputs: tuple[Cost, ...]
    by_outputs: tuple[Cost, ...]
    by_parameters: tuple[Cost, ...]
    tape: tuple[tuple[int, int, int], ...]
    """(layers, numbers kept on the tape, what they should be)"""
    x: Array
    """(POINTS,) where derivatives are taken."""
    errors: tuple[tuple[float, float, float, float], ...]
    """(h, error of the forward, the central difference, the complex step) for each h so far."""
    steps: int
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """Nothing counted yet; points for the derivative of exp(sin x)."""
    x = rng.uniform(0.0, 2.0 * math.pi, POINTS).astype(params.precision)
    return State((), (), (), (), x, (), 0, rng)


def _sizes(most: int) -> list[int]:
    """1, 2, 4 … and the most."""
    return sorted({2**i for i in range(most.bit_length()) if 2**i <= most} | {most})


def _widths(params: Params) -> list[int]:
    return sorted({*WIDTHS, params.width})


def _lengths() -> list[float]:
    return [10.0 ** (-k / PER_DECADE) for k in range(16 * PER_DECADE + 1)]


def _plan(params: Params) -> list[tuple[str, int]]:
    """One entry a step: what is measured, and at which size."""
    return [
        *(("inputs", n) for n in _sizes(params.inputs)),
        *(("outputs", m) for m in _sizes(params.outputs)),
        *(("parameters", w) for w in _widths(params)),
        *(("tape", depth) for depth in DEPTHS),
        *(("differences", at) for at in range(0, len(_lengths()), PER_DECADE)),
    ]


def step(params: Params, state: State) -> State:
    """Count at one size, or try the step lengths of one decade."""
    import copy

    rng = copy.deepcopy(state.rng)
    kind, size = _plan(params)[state.steps]
    state = state._replace(steps=state.steps + 1, rng=rng)
    match kind:
        case "inputs":
            cost = _jacobian(size, (size, params.width, params.width, params.outputs), rng)
            return state._replace(by_inputs=(*state.by_inputs, cost))
        case "outputs":
            cost = _jacobian(size, (params.inputs, params.width, params.width, size), rng)
            return state._replace(by_outputs=(*state.by_outputs, cost))
        case "parameters":
            cost = _gradient((params.inputs, size, size, params.outputs), rng)
            return state._replace(by_parameters=(*state.by_parameters, cost))
        case "tape":
            return state._replace(tape=(*state.tape, _tape(params.width, size, rng)))
    lengths = _lengths()[size : size + PER_DECADE]
    return state._replace(errors=(*state.errors, *(_errors(state.x, h) for h in lengths)))


def total(params: Params, state: State) -> int:
    """Sizes to count at, and decades of h."""
    return len(_plan(params))


def done(params: Params, state: State) -> bool:
    """Whether the plan is through."""
    return state.steps >= total(params, state)


# -- what is counted ---


def _network(sizes: tuple[int, ...], rng: np.random.Generator) -> list[tuple[Array, Array]]:
    return [(rng.standard_normal((o, i)) / math.sqrt(i), rng.standard_normal(o)) for i, o in pairwise(sizes)]


def _jacobian(size: int, sizes: tuple[int, ...], rng: np.random.Generator) -> Cost:
    """The whole Jacobian of a network with respect to its inputs, by one pass an input and by one pass an output."""
    import numpy as np

    from kernels import autodiff, dual
    from kernels.counting import Operations

    operations = Operations()
    layers = [(operations.watch(W), operations.watch(b)) for W, b in _network(sizes, rng)]
    x = operations.watch(rng.standard_normal(sizes[0]))

    def f(x: Any) -> Any:
        for W, b in layers:
            x = np.tanh(W @ x + b)
        return x

    counts = []
    results: list[Any] = []
    for work in (lambda: f(x), lambda: dual.jacobian(f, x), lambda: autodiff.jacobian(f, x)):
        operations.count = 0
        results.append(np.asarray(work()))
        counts.append(operations.count)
    # An entry of a product of k terms takes 2k − 1 operations, a tanh 1 and its derivative, t (1 − z z), 3.
    pairs = list(pairwise(sizes))
    evaluation = sum(o * (2 * i - 1) + 2 * o for i, o in pairs)
    tangent = sum(o * (2 * i - 1) + 3 * o for i, o in pairs)
    back = sum(i * (2 * o - 1) + 3 * o for i, o in pairs)
    truth = (evaluation, sizes[0] * (evaluation + tangent), evaluation + sizes[-1] * back)
    apart = float(np.abs(results[1] - results[2]).max())
    return Cost(size, counts[0], counts[1], counts[2], truth, apart)


def _gradient(sizes: tuple[int, ...], rng: np.random.Generator) -> Cost:
    """The gradient of a loss with respect to all parameters; forward mode is counted for one of them."""
    import numpy as np

    from kernels import autodiff, dual
    from kernels.counting import Operations

    operations = Operations()
    X, Y = rng.standard_normal((BATCH, sizes[0])), rng.standard_normal((BATCH, sizes[-1]))
    theta = [operations.watch(p) for W, b in _network(sizes, rng) for p in (W.T, b)]

    def loss(*theta: Any) -> Any:
        x: Any = X
        for W, b in zip(theta[::2], theta[1::2], strict=True):
            x = np.tanh(x @ W + b)
        return np.square(x - Y).sum() * (1.0 / BATCH)

    counts = []
    first = operations.watch(np.ones(theta[0].shape))
    works = (
        lambda: loss(*theta),
        lambda: dual.jvp(lambda W: loss(W, *theta[1:]), theta[0], first),
        lambda: autodiff.gradient(loss, *theta),
    )
    results: list[Any] = []
    for work in works:
        operations.count = 0
        results.append(work())
        counts.append(operations.count)
    apart = abs(float(results[1][1]) - float(results[2][1][0].sum()))
    pairs, b, m = list(pairwise(sizes)), BATCH, sizes[-1]
    evaluation = sum(b * o * (2 * i + 1) for i, o in pairs) + 3 * b * m
    # Back: 3 for each tanh, the bias' sum over the batch, the weights', and (but for the first layer) the inputs'.
    back = sum(3 * b * o + (b - 1) * o + i * o * (2 * b - 1) for i, o in pairs)
    back += sum(b * i * (2 * o - 1) for i, o in pairs[1:]) + 2 * b * m + 1
    tangent = sum(b * o * (2 * i - 1) + 3 * b * o for i, o in pairs) + 2 * b * m + b * m
    parameters = sum((i + 1) * o for i, o in pairs)
    return Cost(
        parameters, counts[0], parameters * counts[1], counts[2],
        (evaluation, parameters * (evaluation + tangent), evaluation + back), apart,
    )  # fmt: skip


def _tape(width: int, depth: int, rng: np.random.Generator) -> tuple[int, int, int]:
    """Numbers that the tape keeps for a network of so many layers."""
    import numpy as np

    from kernels.autodiff import Tape

    tape = Tape()
    x: Any = tape.variable(rng.standard_normal(width))
    for W, b in _network((width,) * (depth + 1), rng):
        x = np.tanh(W @ x + b)
    return depth, tape.numbers, width + 3 * width * depth


# -- finite differences ---


def _function(x: Any) -> Any:
    import numpy as np

    return np.exp(np.sin(x))


def _derivatives(x: Array) -> tuple[Array, Array, Array, Array]:
    """exp(sin x) and its first three derivatives, worked out by hand and computed with more digits where there are."""
    import numpy as np

    x = x.astype(np.longdouble)
    s, c = np.sin(x), np.cos(x)
    f = np.exp(s)
    return f, c * f, (c**2 - s) * f, (c**3 - 3 * s * c - c) * f


def _errors(x: Array, h: float) -> tuple[float, float, float, float]:

    exact = _derivatives(x)[1]
    step = x.dtype.type(h)
    forward = (_function(x + step) - _function(x)) / step
    central = (_function(x + step) - _function(x - step)) / (2 * step)
    complex_step = _function(x + 1j * step).imag / step
    return h, _rms(forward - exact), _rms(central - exact), _rms(complex_step - exact)


def _rms(x: Array) -> float:
    import numpy as np

    return float(np.sqrt(np.mean(x**2)))


def _theory(x: Array) -> tuple[float, float]:
    """The best h: where truncation, h|f″|/2 or h²|f‴|/6, balances rounding, ε|f|/h, in root mean square over x."""
    import numpy as np

    f, _, second, third = (_rms(d) for d in _derivatives(x))
    eps = float(np.finfo(x.dtype).eps)
    return math.sqrt(2 * eps * f / second), (3 * eps * f / third) ** (1 / 3)


def _automatic(x: Array) -> float:
    """Error of reverse mode at the same points."""

    from kernels import autodiff

    (gradient,) = autodiff.gradient(lambda x: _function(x).sum(), x)[1]
    return _rms(gradient - _derivatives(x)[1])


# -- what is shown ---


def _columns(name: str, costs: tuple[Cost, ...]) -> dict[str, Any]:
    """Costs as multiples of one evaluation."""
    import numpy as np

    return {
        f"{name}_size": np.array([c.size for c in costs], dtype=float),
        f"{name}_forward": np.array([c.forward / c.evaluation for c in costs]),
        f"{name}_reverse": np.array([c.reverse / c.evaluation for c in costs]),
        f"{name}_forward_theory": np.array([c.truth[1] / c.truth[0] for c in costs]),
        f"{name}_reverse_theory": np.array([c.truth[2] / c.truth[0] for c in costs]),
    }


def frame(params: Params, state: State) -> Frame:
    """Costs by size, numbers on the tape, and errors by h."""
    import numpy as np

    arrays: dict[str, Any] = {
        **_columns("inputs", state.by_inputs),
        **_columns("outputs", state.by_outputs),
        **_columns("parameters", state.by_parameters),
        "depth": np.array([row[0] for row in state.tape], dtype=float),
        "kept": np.array([row[1] for row in state.tape], dtype=float),
        "kept_theory": np.array([row[2] for row in state.tape], dtype=float),
    }
    scalars: dict[str, float] = {}
    note = "counting operations, size after size"
    if state.by_inputs:
        last = state.by_inputs[-1]
        scalars |= {"forward": last.forward / last.evaluation, "reverse": last.reverse / last.evaluation}
        note = (
            f"whole Jacobian of {last.size} → {params.outputs}: forward mode {scalars['forward']:.0f} evaluations,"
            f" reverse mode {scalars['reverse']:.1f}"
        )
    if state.by_parameters:
        at = next((c for c in state.by_parameters if c.size == _parameters(params)), state.by_parameters[-1])
        scalars["gradient"] = at.reverse / at.evaluation
        note = f"loss and its gradient in {at.size:,} parameters: {scalars['gradient']:.2f} evaluations by reverse mode"
    if state.errors:
        table = np.array(state.errors).T
        arrays |= dict(zip(("h", "forward_error", "central_error", "complex_error"), table, strict=True))
        exact = _automatic(state.x)
        arrays["automatic"] = np.full(len(table[0]), exact)
        best = [float(table[0][np.argmin(row)]) for row in table[1:3]]
        scalars |= {
            "best_forward": best[0], "best_central": best[1], "forward_error": float(table[1].min()),
            "central_error": float(table[2].min()), "automatic_error": exact,
        }  # fmt: skip
        note = (
            f"differences at best: forward {scalars['forward_error']:.0e} at h = {best[0]:.0e}, central"
            f" {scalars['central_error']:.0e} at {best[1]:.0e}; reverse mode {exact:.0e}, with no h to choose"
        )
    return Frame(state.steps, scalars, arrays, note)


def _parameters(params: Params) -> int:
    return sum((i + 1) * o for i, o in pairwise((params.inputs, params.width, params.width, params.outputs)))


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Counts against the closed form, both modes against each other, and the best h against theory."""
    import numpy as np

    rows = []
    counted = (*state.by_inputs, *state.by_outputs, *state.by_parameters)
    if counted:
        off = max(
            abs(a - b) for c in counted for a, b in zip((c.evaluation, c.forward, c.reverse), c.truth, strict=True)
        )
        apart = max(c.apart for c in counted)
        rows += [
            Check("operations off the closed form, largest", off, 0, 0),
            Check("forward off reverse mode, largest", apart, 0.0, 1e-12),
        ]
    if state.by_parameters:
        most = max(c.reverse / c.evaluation for c in state.by_parameters)
        rows.append(Check("loss and gradient, in evaluations", most, 5.0, 0.0, "<="))
    if done(params, state):
        table = np.array(state.errors).T
        eps = float(np.finfo(state.x.dtype).eps)
        # A decade either way: near its minimum the curve is flat, and rounding errors are accidents.
        for row, best, name in zip(table[1:3], _theory(state.x), ("forward", "central"), strict=True):
            measured = math.log10(float(table[0][np.argmin(row)]))
            rows.append(Check(f"log₁₀ of the best h, {name}", measured, math.log10(best), 1.0))
            # Well above that truncation alone is left, until h is no longer small: in float32 that leaves no room.
            order = 1 if name == "forward" else 2
            steep = (table[0] >= 30 * best) & (table[0] <= 0.1)
            if steep.sum() >= 3:
                slope = float(np.polyfit(np.log(table[0][steep]), np.log(row[steep]), 1)[0])
                rows.append(Check(f"slope above it, {name}", slope, order, 0.1))
        rows.append(Check("error of reverse mode", _automatic(state.x), 4 * eps, 0.0, "<="))
    return tuple(rows)


def _counted(name: str) -> tuple[Series, ...]:
    """Counts as points on the lines of the closed form."""
    return (
        Series("closed form", f"{name}_forward_theory", f"{name}_size", "dashed"),
        Series("", f"{name}_reverse_theory", f"{name}_size", "dashed"),
        Series("forward mode", f"{name}_forward", f"{name}_size", "points"),
        Series("reverse mode", f"{name}_reverse", f"{name}_size", "points"),
    )


LAB = Lab(
    id="autodiff",
    title="Derivatives and their price",
    chapter="calculus",
    section="2.1",
    lesson="reverse-mode",
    summary=(
        "Forward and reverse mode differentiate the same networks while every operation is counted; then finite"
        " differences try to do as well."
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
            "inputs",
            "Jacobian by inputs, in evaluations",
            series=_counted("inputs"),
            x_label="inputs",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "differences",
            "Error of the derivative, by step h",
            series=(
                Series("forward difference", "forward_error", "h"),
                Series("central difference", "central_error", "h"),
                Series("complex step", "complex_error", "h"),
                Series("reverse mode", "automatic", "h", "dashed"),
            ),
            x_label="h",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "parameters",
            "Loss and gradient, in evaluations",
            series=_counted("parameters"),
            x_label="parameters",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "outputs",
            "Jacobian by outputs, in evaluations",
            series=_counted("outputs"),
            x_label="outputs",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "tape",
            "Numbers kept on the tape",
            series=(
                Series("closed form", "kept_theory", "depth", "dashed"),
                Series("measured", "kept", "depth", "points"),
            ),
            x_label="layers",
        ),
    ),
    prediction=Prediction(
        prompt=(
            "A loss of 3,400 parameters, batch of 32. Computing it once costs 1. What do loss and whole gradient"
            " together cost by reverse mode?"
        ),
        scalar="gradient",
        low=1.0,
        high=10_000.0,
        chart="parameters",
        unit="evaluations",
        why=(
            "On the way back every product of matrices becomes two: one for the weights and, but for the first layer,"
            " one for the inputs. The gradient costs at most about twice the loss, however many parameters there are."
        ),
    ),
    explain="calc-lab-autodiff",
    source=("kernels.autodiff", "kernels.dual", "kernels.counting"),
)
