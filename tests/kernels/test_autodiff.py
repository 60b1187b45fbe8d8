"""torch.autograd is the oracle for values; counting by hand is the one for costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import autodiff, dual
from kernels.counting import Operations

UNARY = ("negative", "square", "exp", "sin", "cos", "tanh")
BINARY = ("add", "subtract", "multiply", "maximum")


def random_function(seed: int) -> Any:
    """A random composition of operations on three arguments, in which values are used several times.

    It is written once for numpy's functions and torch's, which share their names.
    """

    def f(library: Any, a: Any, b: Any, c: Any) -> Any:
        rng = np.random.default_rng(seed)
        values = [a, b, c]
        for _ in range(12):
            kind = rng.integers(4)
            if kind == 0:
                new = getattr(library, UNARY[rng.integers(len(UNARY))])(values[rng.integers(len(values))])
            elif kind == 3:
                # Kept away from zero, where neither division nor logarithm is tame.
                x, y = (values[rng.integers(len(values))] for _ in range(2))
                new = x / (1.5 + library.square(y)) + library.sqrt(library.log(2.0 + library.square(x)))
            else:
                name = BINARY[rng.integers(len(BINARY))]
                new = getattr(library, name)(*(values[rng.integers(len(values))] for _ in range(2)))
            values.append(library.tanh(new))
        # A few of the last, and all of the first, so that no argument is without effect.
        return (values[-1] * values[-2] + values[-3] + a * b + c).sum()

    return f


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_random_graphs_agree_with_torch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    f = random_function(seed)
    # The shapes make numpy repeat arguments, whose adjoints must be summed up again.
    xs = [rng.standard_normal(shape) for shape in ((4, 3), (3,), (4, 1))]
    value, gradient = autodiff.gradient(lambda *xs: f(np, *xs), *xs)
    tensors = [torch.from_numpy(x).requires_grad_() for x in xs]
    theirs = f(torch, *tensors)
    theirs.backward()
    assert np.isclose(value, theirs.item(), rtol=1e-12, atol=1e-12)
    for ours, tensor in zip(gradient, tensors, strict=True):
        assert tensor.grad is not None
        assert ours.shape == tuple(tensor.shape)
        scale = float(tensor.grad.abs().max())
        assert np.abs(ours - tensor.grad.numpy()).max() <= 1e-12 * max(scale, 1.0)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_forward_and_reverse_mode_are_transposes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    W, V, x = rng.standard_normal((6, 4)), rng.standard_normal((3, 6)), rng.standard_normal(4)

    def f(x: Any) -> Any:
        return V @ np.tanh(W @ x) * np.exp(x[1]) + x[:3]

    v, w = rng.standard_normal(4), rng.standard_normal(3)
    _, pushed = dual.jvp(f, x, v)
    _, pullback = autodiff.vjp(f, x)
    assert np.isclose(w @ pushed, pullback(w)[0] @ v, rtol=1e-11, atol=1e-12)
    assert np.allclose(autodiff.jacobian(f, x), dual.jacobian(f, x), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    "shapes", [((4, 3), (3, 2)), ((4, 3), (3,)), ((3,), (3, 2)), ((3,), (3,)), ((2, 4, 3), (3, 2))]
)
def test_products_of_matrices_and_vectors(shapes: tuple[Any, Any]) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape) for shape in shapes)
    g = rng.standard_normal((a @ b).shape)
    ours = autodiff.vjp(lambda a, b: a @ b, a, b)[1](g)
    tensors = [torch.from_numpy(x).requires_grad_() for x in (a, b)]
    (tensors[0] @ tensors[1]).backward(torch.tensor(g))
    for x, tensor in zip(ours, tensors, strict=True):
        assert tensor.grad is not None
        assert x.shape == tuple(tensor.shape)
        assert np.abs(x - tensor.grad.numpy()).max() < 1e-14


def test_stacks_of_right_factors_are_refused() -> None:
    with pytest.raises(ValueError, match="vector or a matrix"):
        autodiff.vjp(lambda a, b: a @ b, np.ones((4, 3)), np.ones((2, 3, 4)))


def test_sums_entries_powers_and_constants() -> None:
    x = np.arange(1.0, 7.0).reshape(2, 3)
    assert autodiff.gradient(lambda x: (x.sum(axis=0) * np.array([1.0, 2.0, 3.0])).sum(), x)[1][0].tolist() == [
        [1.0, 2.0, 3.0],
        [1.0, 2.0, 3.0],
    ]
    assert autodiff.gradient(lambda x: x[1, 2] * x[0, 0] + x[0, 0], x)[1][0].tolist() == [[7.0, 0, 0], [0, 0, 1.0]]
    (gradient,) = autodiff.gradient(lambda x: (x**3.0 / 2.0 + 2.0**x).sum(), x)[1]
    assert np.allclose(gradient, 1.5 * x**2 + np.log(2.0) * 2.0**x, rtol=1e-14)
    assert autodiff.gradient(lambda x, y: x.sum(), x, x)[1][1].tolist() == np.zeros((2, 3)).tolist()
    assert autodiff.vjp(lambda x: 7.0, x)[1](1.0)[0].tolist() == np.zeros((2, 3)).tolist()
    with pytest.raises(TypeError):
        autodiff.gradient(lambda x: np.arctan(x).sum(), x)


def test_one_pass_forward_serves_many_backward() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return np.sin(x)

    x = np.arange(3.0)
    _, pullback = autodiff.vjp(f, x)
    assert np.allclose([pullback(e)[0] for e in np.eye(3)], np.diag(np.cos(x)))
    assert len(calls) == 1


def test_reverse_mode_is_as_good_as_the_function_and_differences_are_worse() -> None:
    x = np.linspace(0.0, 6.0, 50)
    (gradient,) = autodiff.gradient(lambda x: np.exp(np.sin(x)).sum(), x)[1]
    truth = np.cos(x) * np.exp(np.sin(x))
    assert np.abs(gradient - truth).max() < 1e-15
    central = (np.exp(np.sin(x + 6e-6)) - np.exp(np.sin(x - 6e-6))) / 12e-6
    assert 1e-12 < np.abs(central - truth).max() < 1e-7


class TestCounting:
    def test_every_kind_of_operation(self) -> None:
        operations = Operations()
        A, x = operations.watch(np.ones((4, 3))), operations.watch(np.ones(3))
        for work, count in (
            (lambda: A @ x, 4 * 5),
            (lambda: np.ones((2, 4)) @ A, 2 * 3 * 7),
            (lambda: x + 1.0, 3),
            (lambda: np.tanh(A) * x, 24),
            (lambda: A.sum(), 11),
            (lambda: A.sum(axis=0), 9),
            (lambda: A.T.reshape(2, 6)[:, ::2].copy(), 0),
        ):
            operations.count = 0
            work()
            assert operations.count == count

    def test_results_are_those_of_plain_arrays(self) -> None:
        operations = Operations()
        x = np.random.default_rng(0).standard_normal((3, 3))
        watched = operations.watch(x)
        assert np.array_equal(np.asarray(np.tanh(watched @ watched) + watched.sum()), np.tanh(x @ x) + x.sum())

    @pytest.mark.parametrize(("inputs", "outputs"), [(1, 40), (40, 1), (12, 12)])
    def test_forward_costs_a_pass_an_input_and_reverse_a_pass_an_output(self, inputs: int, outputs: int) -> None:
        rng = np.random.default_rng(0)

        def cost(jacobian: Any, n: int, m: int) -> int:
            operations = Operations()
            W, V = operations.watch(rng.standard_normal((16, n))), operations.watch(rng.standard_normal((m, 16)))
            jacobian(lambda x: V @ np.tanh(W @ x), operations.watch(rng.standard_normal(n)))
            return operations.count

        layers = 16 * (2 * inputs - 1) + 16 + outputs * 31
        assert cost(dual.jacobian, inputs, outputs) == inputs * (2 * layers + 2 * 16)
        back = 16 * (2 * outputs - 1) + 3 * 16 + inputs * 31
        assert cost(autodiff.jacobian, inputs, outputs) == layers + outputs * back

    def test_a_gradient_costs_less_than_three_evaluations_whatever_the_number_of_parameters(self) -> None:
        for width in (8, 64, 256):
            rng = np.random.default_rng(0)
            operations = Operations()
            X = rng.standard_normal((32, 16))
            theta = [operations.watch(rng.standard_normal(s)) for s in ((16, width), (width, width), (width, 1))]

            def loss(*theta: Any, X: Any = X) -> Any:
                x: Any = X
                for W in theta:
                    x = np.tanh(x @ W)
                return np.square(x).sum()

            loss(*theta)
            once, operations.count = operations.count, 0
            autodiff.gradient(loss, *theta)
            assert 2.0 < operations.count / once < 3.0
