"""Forward-mode differentiation: numbers that carry their derivative along.

    (a + ȧ ε)(b + ḃ ε) = ab + (ȧ b + a ḃ) ε          with ε² = 0

A dual number is a value with its tangent, the derivative along one direction v of the inputs. Every operation computes
both, so that one pass gives f(x) and the Jacobian–vector product J v, for about twice the work of f alone. A whole
Jacobian takes one pass for each input (Griewank & Walther 2008, ch. 3).

f is written with numpy functions; numpy hands each of them to `__array_ufunc__` when it meets a `Dual`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

Array = npt.NDArray[np.float64]
Rule = Callable[..., Any]

ELEMENTWISE: dict[np.ufunc, tuple[Rule, ...]] = {
    np.add: (lambda t, z, a, b: t, lambda t, z, a, b: t),
    np.subtract: (lambda t, z, a, b: t, lambda t, z, a, b: -t),
    np.multiply: (lambda t, z, a, b: t * b, lambda t, z, a, b: t * a),
    np.divide: (lambda t, z, a, b: t / b, lambda t, z, a, b: -t * z / b),
    np.power: (lambda t, z, a, b: t * b * a ** (b - 1), lambda t, z, a, b: t * z * np.log(a)),
    np.maximum: (lambda t, z, a, b: t * (a > b), lambda t, z, a, b: t * (a <= b)),
    np.negative: (lambda t, z, a: -t,),
    np.square: (lambda t, z, a: t * 2.0 * a,),
    np.sqrt: (lambda t, z, a: t / (2.0 * z),),
    np.exp: (lambda t, z, a: t * z,),
    np.log: (lambda t, z, a: t / a,),
    np.sin: (lambda t, z, a: t * np.cos(a),),
    np.cos: (lambda t, z, a: -t * np.sin(a),),
    np.tanh: (lambda t, z, a: t * (1.0 - z * z),),
}
"""For each argument of z = op(a, b): the tangent t of that argument times the local derivative ∂z/∂argument."""

RULES: dict[np.ufunc, tuple[Rule, ...]] = {
    **ELEMENTWISE,
    np.matmul: (lambda t, z, a, b: t @ b, lambda t, z, a, b: a @ t),
}


class Dual(NDArrayOperatorsMixin):
    """value + tangent · ε, two arrays of one shape."""

    def __init__(self, value: Any, tangent: Any) -> None:
        self.value = value
        self.tangent = np.broadcast_to(tangent, np.shape(value), subok=True)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Apply a numpy function to values and tangents: ż = Σ (∂z/∂argument) · (tangent of the argument)."""
        if method != "__call__" or kwargs or ufunc not in RULES:
            return NotImplemented
        values = [x.value if isinstance(x, Dual) else x for x in inputs]
        z = ufunc(*values)
        # Constants have no tangent, so nothing is computed for them.
        parts = [
            rule(x.tangent, z, *values) for rule, x in zip(RULES[ufunc], inputs, strict=True) if isinstance(x, Dual)
        ]
        return Dual(z, parts[0] if len(parts) == 1 else parts[0] + parts[1])

    def sum(self, axis: int | None = None, out: None = None) -> Dual:
        """The sum of the entries; a linear map, so the tangents are summed likewise. np.sum calls it with `out`."""
        return Dual(self.value.sum(axis=axis), self.tangent.sum(axis=axis))

    def __getitem__(self, at: Any) -> Dual:
        """Entries picked from value and tangent."""
        return Dual(self.value[at], self.tangent[at])


def jvp(f: Callable[[Any], Any], x: Any, v: Any) -> tuple[Any, Any]:
    """One pass: f(x) and J v, the derivative of f at x along the direction v (of the shape of x)."""
    y = f(Dual(x, v))
    return (y.value, y.tangent) if isinstance(y, Dual) else (y, np.zeros_like(y))


def jacobian(f: Callable[[Any], Any], x: Array) -> Array:
    """J_ij = ∂f_i/∂x_j for f: ℝⁿ → ℝᵐ, shape (m, n): one pass, thus one column, for each of the n inputs."""
    return np.stack([jvp(f, x, e)[1] for e in np.eye(len(x))], axis=-1)
