"""PyTorch's forward mode and the complex step are the oracles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import dual

UNARY: dict[str, Callable[[Any], Any]] = {
    "negative": np.negative, "square": np.square, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin,
    "cos": np.cos, "tanh": np.tanh,
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "power": np.power,
}  # fmt: skip


def complex_step(f: Callable[[Any], Any], x: Any, v: Any) -> Any:
    """Im f(x + i h v) / h: exact to rounding, for h so small that h² vanishes."""
    return f(x + 1e-150j * v).imag / 1e-150


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_argument(name: str) -> None:
    rng = np.random.default_rng(0)
    x, v = rng.uniform(0.1, 2.0, 20), rng.standard_normal(20)
    y, tangent = dual.jvp(UNARY[name], x, v)
    assert np.array_equal(y, UNARY[name](x))
    assert np.allclose(tangent, complex_step(UNARY[name], x, v), rtol=1e-14)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("shapes", [((4, 3), (4, 3)), ((4, 3), (3,)), ((), (3,)), ((4, 1), (1, 3))])
def test_functions_of_two_arguments_with_shapes_that_numpy_extends(name: str, shapes: tuple[Any, Any]) -> None:
    rng = np.random.default_rng(0)
    op = BINARY[name]
    a, b = (rng.uniform(0.5, 2.0, shape) for shape in shapes)
    da, db = (rng.standard_normal(shape) for shape in shapes)
    both = op(dual.Dual(a, da), dual.Dual(b, db))
    assert np.allclose(both.tangent, op(a + 1e-150j * da, b + 1e-150j * db).imag / 1e-150, rtol=1e-13)
    for one, other in ((op(dual.Dual(a, da), b), (da, 0 * db)), (op(a, dual.Dual(b, db)), (0 * da, db))):
        truth = op(a + 1e-150j * other[0], b + 1e-150j * other[1]).imag / 1e-150
        assert one.tangent.shape == truth.shape
        assert np.allclose(one.tangent, truth, rtol=1e-13)


def test_operators_numbers_and_constants() -> None:
    x = dual.Dual(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    y = 2 * x**3 - 1 / x + np.array([5.0, 6.0])
    assert y.value.tolist() == [6.0, 21.5]
    assert y.tangent.tolist() == [7.0, 0.0]
    assert dual.jvp(lambda x: np.array([4.0]), np.ones(3), np.ones(3))[1].tolist() == [0.0]


def test_maximum_follows_the_larger_one() -> None:
    y = np.maximum(dual.Dual(np.array([1.0, -1.0]), 1.0), 0.0)
    assert y.tangent.tolist() == [1.0, 0.0]


def test_what_has_no_rule_is_refused() -> None:
    with pytest.raises(TypeError):
        np.arctan(dual.Dual(1.0, 1.0))
    with pytest.raises(TypeError):
        np.add(dual.Dual(np.ones(2), 1.0), 1.0, where=np.array([True, False]))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_networks_agree_with_torch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    W, V, b = rng.standard_normal((5, 4)), rng.standard_normal((3, 5)), rng.standard_normal(5)
    x, v = rng.standard_normal(4), rng.standard_normal(4)

    def f(x: Any, W: Any = W, V: Any = V, b: Any = b, tanh: Any = np.tanh) -> Any:
        return V @ tanh(W @ x + b)

    y, tangent = dual.jvp(f, x, v)
    theirs = torch.autograd.functional.jvp(
        lambda x: f(x, torch.from_numpy(W), torch.from_numpy(V), torch.from_numpy(b), torch.tanh),
        torch.from_numpy(x),
        torch.from_numpy(v),
    )
    assert np.allclose(y, theirs[0].numpy(), rtol=1e-12, atol=1e-13)
    assert np.allclose(tangent, theirs[1].numpy(), rtol=1e-12, atol=1e-13)
    assert np.allclose(dual.jacobian(f, x) @ v, tangent, rtol=1e-12, atol=1e-13)


def test_sums_and_entries() -> None:
    x, v = np.arange(6.0).reshape(2, 3), np.arange(6.0, 12.0).reshape(2, 3)
    assert dual.jvp(lambda x: x.sum(), x, v)[1] == v.sum()
    assert dual.jvp(lambda x: x.sum(axis=0), x, v)[1].tolist() == v.sum(axis=0).tolist()
    assert dual.jvp(lambda x: x[1, ::2], x, v)[1].tolist() == [9.0, 11.0]
    assert dual.jvp(lambda x: np.sum(x * x), x, v)[1] == 2 * np.sum(x * v)
