"""PyTorch is the oracle, for values and for gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import mlp

ACTIVATIONS = {"tanh": torch.tanh, "silu": torch.nn.functional.silu, "relu": torch.relu}


def theirs(net: mlp.Net, theta: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
    at = 0
    for layer, (n, m) in enumerate(zip(net.sizes, net.sizes[1:], strict=False)):
        X = X @ theta[at : at + n * m].reshape(n, m) + theta[at + n * m : at + (n + 1) * m]
        at += (n + 1) * m
        if layer < len(net.sizes) - 2:
            X = ACTIVATIONS[net.activation](X)
    return X


@pytest.mark.parametrize("activation", ACTIVATIONS)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=5), rows=st.integers(1, 6), seed=st.integers(0, 2**32 - 1)
)
@settings(max_examples=30, deadline=None)
def test_values_and_gradients_agree_with_torch(
    activation: mlp.Activation, sizes: list[int], rows: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    net = mlp.Net(tuple(sizes), activation)
    theta = mlp.init(net, rng) + 0.1 * rng.standard_normal(mlp.count(net))
    X, G = rng.standard_normal((rows, sizes[0])), rng.standard_normal((rows, sizes[-1]))
    Y, cache = mlp.forward(net, theta, X)
    gradient, to_X = mlp.backward(net, theta, cache, G)
    t, x = torch.from_numpy(theta).requires_grad_(), torch.from_numpy(X).requires_grad_()
    out = theirs(net, t, x)
    out.backward(torch.from_numpy(G))
    assert t.grad is not None
    assert x.grad is not None
    assert np.allclose(Y, out.detach().numpy(), rtol=1e-12, atol=1e-13)
    assert np.allclose(gradient, t.grad.numpy(), rtol=1e-12, atol=1e-12)
    assert np.allclose(to_X, x.grad.numpy(), rtol=1e-12, atol=1e-12)


def test_float32_stays_float32_and_nothing_is_changed() -> None:
    net = mlp.Net((3, 8, 2), "silu")
    theta = mlp.init(net, np.random.default_rng(0), np.float32)
    X = np.ones((4, 3), np.float32)
    before = theta.copy()
    Y, cache = mlp.forward(net, theta, X)
    gradient, to_X = mlp.backward(net, theta, cache, np.ones((4, 2), np.float32))
    assert {a.dtype for a in (theta, Y, gradient, to_X)} == {np.dtype(np.float32)}
    assert np.array_equal(theta, before)


def test_layers_are_views_of_the_flat_vector() -> None:
    net = mlp.Net((2, 3, 1))
    theta = np.zeros(mlp.count(net))
    assert mlp.count(net) == 9 + 4
    for W, b in mlp.layers(net, theta):
        W[:], b[:] = 1.0, 2.0
    assert sorted(theta.tolist()) == [1.0] * 9 + [2.0] * 4
    with pytest.raises(ValueError, match="13 parameters"):
        mlp.layers(net, np.zeros(12))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_survive_large_values(activation: mlp.Activation) -> None:
    net = mlp.Net((1, 1, 1), activation)
    z = np.array([[-1e4], [1e4]])
    with np.errstate(all="raise"):
        x = mlp.phi(net, z)
        slope = mlp.dphi(net, z, x)
    assert x.ravel().tolist() == ([-1.0, 1.0] if activation == "tanh" else [0.0, 1e4])
    assert slope.ravel().tolist() == ([0.0, 0.0] if activation == "tanh" else [0.0, 1.0])


def test_what_is_kept_is_counted() -> None:
    X = np.ones((10, 3))
    for activation, count in (("tanh", 10 * (3 + 8)), ("silu", 10 * (3 + 8 + 8))):
        net = mlp.Net((3, 8, 2), activation)  # type: ignore[arg-type]
        assert mlp.numbers(mlp.forward(net, mlp.init(net, np.random.default_rng(0)), X)[1]) == count


def test_signals_keep_their_size_at_the_start() -> None:
    # A layer of weights with variance 1/inputs keeps the variance of its input; 4.5 standard errors of 256 units' mean.
    net = mlp.Net((256, 256))
    theta = mlp.init(net, np.random.default_rng(0))
    Y, _ = mlp.forward(net, theta, np.random.default_rng(1).standard_normal((64, 256)))
    assert abs(np.mean(Y**2) - 1.0) < 0.05
    assert np.abs(mlp.forward(net, mlp.init(net, np.random.default_rng(0), last=0.0), np.ones((1, 256)))[0]).max() == 0
