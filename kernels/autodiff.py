"""Reverse-mode differentiation: record every operation on a tape, then walk the tape backwards.

    y = f(x):   x̄ = Jᵀ ȳ          by  ā += (∂z/∂a)ᵀ z̄  for each recorded  z = op(a, …), last one first

The adjoint z̄ is the derivative of the output with respect to z. One pass forward and one backward give f(x) and the
vector–Jacobian product Jᵀ ȳ, whatever the number of inputs: for a scalar loss that is the whole gradient, at the cost
of a few evaluations (Linnainmaa 1970; Baur & Strassen 1983). The price is memory: every operation's arguments are kept
until the way back. A whole Jacobian takes one backward pass for each output.

f is written with numpy functions; numpy hands each of them to `__array_ufunc__` when it meets a `Var`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from kernels.dual import ELEMENTWISE, Rule

Array = npt.NDArray[np.float64]
Pull = Callable[[Any], Any]
"""Takes z̄ to what it adds to the adjoint of one argument of z."""


def _left(g: Any, z: Any, a: Any, b: Any) -> Any:
    """Adjoint of A in Z = A B: Z̄ Bᵀ. A vector counts as a row of A, or a column of B."""
    columns = b.reshape(len(b), -1)
    return (g.reshape(-1, columns.shape[1]) @ columns.T).reshape(a.shape)


def _right(g: Any, z: Any, a: Any, b: Any) -> Any:
    """Adjoint of B in Z = A B: Aᵀ Z̄."""
    rows = a.reshape(-1, a.shape[-1])
    return (rows.T @ g.reshape(len(rows), -1)).reshape(b.shape)


# An elementwise operation has a diagonal local derivative, its own transpose: forward and reverse share these rules.
RULES: dict[np.ufunc, tuple[Rule, ...]] = {**ELEMENTWISE, np.matmul: (_left, _right)}


class Tape:
    """The operations of one evaluation in order: for each, its arguments' places on the tape and their rules."""

    def __init__(self) -> None:
        self.records: list[tuple[tuple[int, Pull], ...]] = []
        self.numbers = 0
        """Values kept for the way back."""

    def variable(self, value: Any, *arguments: tuple[int, Pull]) -> Var:
        """Append a value: an input when it has no arguments, else the result of an operation."""
        self.records.append(arguments)
        self.numbers += np.size(value)
        return Var(self, len(self.records) - 1, value)

    def backward(self, y: Var, seed: Any) -> dict[int, Any]:
        """The adjoints of all values that y depends on, by their place, for ȳ = seed.

        What uses a value stands after it: when its turn comes, all its uses have added their share.
        """
        adjoints = {y.at: seed}
        for at in range(y.at, -1, -1):
            if at in adjoints:
                for argument, pull in self.records[at]:
                    share = pull(adjoints[at])
                    adjoints[argument] = adjoints[argument] + share if argument in adjoints else share
        return adjoints


class Var(NDArrayOperatorsMixin):
    """A value with its place on a tape."""

    def __init__(self, tape: Tape, at: int, value: Any) -> None:
        self.tape, self.at, self.value = tape, at, value

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Apply a numpy function to the values and record how to come back."""
        if method != "__call__" or kwargs or ufunc not in RULES:
            return NotImplemented
        values = [x.value if isinstance(x, Var) else x for x in inputs]
        if ufunc is np.matmul and np.ndim(values[1]) > 2:
            raise ValueError("the right factor of a product must be a vector or a matrix")
        z = ufunc(*values)

        def pull(rule: Rule, shape: tuple[int, ...]) -> Pull:
            """How z̄ comes back to an argument of this shape."""
            return lambda g: _folded(rule(g, z, *values), shape)

        arguments = [
            (x.at, pull(rule, np.shape(x.value)))
            for rule, x in zip(RULES[ufunc], inputs, strict=True)
            if isinstance(x, Var)
        ]
        return self.tape.variable(z, *arguments)

    def sum(self, axis: int | None = None, out: None = None) -> Var:
        """The sum of the entries; on the way back every entry gets the adjoint of its sum. np.sum calls it."""
        shape = np.shape(self.value)

        def pull(g: Any) -> Any:
            """Copies of the sum's adjoint."""
            return np.broadcast_to(g if axis is None else np.expand_dims(g, axis), shape, subok=True)

        return self.tape.variable(self.value.sum(axis=axis), (self.at, pull))

    def __getitem__(self, at: Any) -> Var:
        """Entries picked; on the way back the others get zero."""

        def pull(g: Any) -> Any:
            """Zeros, with g where the entries were; g is added up where one was picked twice."""
            whole = np.zeros(np.shape(self.value))
            np.add.at(whole, at, np.asarray(g))
            return whole

        return self.tape.variable(self.value[at], (self.at, pull))


def _folded(g: Any, shape: tuple[int, ...]) -> Any:
    """Where numpy repeated an argument to fit the other one, its adjoint is the sum over the copies."""
    if np.shape(g) == shape:
        return g
    g = np.sum(g, axis=tuple(range(np.ndim(g) - len(shape))))
    return np.sum(g, axis=tuple(i for i, n in enumerate(shape) if n == 1 != g.shape[i]), keepdims=True)


def vjp(f: Callable[..., Any], *xs: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Evaluate f(*xs) once; returns its value and the map ȳ ↦ (x̄₁, x̄₂, …), which may be called many times."""
    tape = Tape()
    inputs = [tape.variable(x) for x in xs]
    y = f(*inputs)

    def pullback(seed: Any) -> tuple[Any, ...]:
        """From ȳ to the adjoints of all arguments; zero for one that y does not depend on."""
        adjoints = tape.backward(y, seed) if isinstance(y, Var) else {}
        return tuple(adjoints.get(x.at, np.zeros(np.shape(x.value))) for x in inputs)

    return (y.value if isinstance(y, Var) else y), pullback


def gradient(f: Callable[..., Any], *xs: Any) -> tuple[Any, tuple[Any, ...]]:
    """f(*xs) for a scalar f, and its gradient with respect to each argument: one pass forward, one backward."""
    y, pullback = vjp(f, *xs)
    return y, pullback(np.ones_like(y))


def jacobian(f: Callable[[Any], Any], x: Array) -> Array:
    """J_ij = ∂f_i/∂x_j for f: ℝⁿ → ℝᵐ, shape (m, n): one pass back, thus one row, for each of the m outputs."""
    y, pullback = vjp(f, x)
    return np.stack([pullback(e)[0] for e in np.eye(len(y))])
