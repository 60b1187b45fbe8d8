"""PyTorch is the oracle for the network, simulation for the theory of its gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch.nn import functional as nn

from kernels import gradient_flow, resnet, spiral

NETS = [resnet.Net(3, 8, skip, norm) for skip in (True, False) for norm in (True, False)]


def torch_logits(net: resnet.Net, theta: torch.Tensor, X: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The same network in PyTorch, from the same vector of parameters."""
    parts, at = [], 0
    for n, m in resnet.shapes(net):
        parts.append((theta[at : at + n * m].view(n, m), theta[at + n * m : at + (n + 1) * m]))
        at += (n + 1) * m

    def activated(h: torch.Tensor) -> torch.Tensor:
        return torch.relu(nn.layer_norm(h, h.shape[1:], eps=resnet.EPS) if net.norm else h)

    (W, b), *inner, (V, c) = parts
    hs = [X @ W + b]
    for (A, a), (B, b) in zip(inner[::2], inner[1::2], strict=True):
        F = activated(activated(hs[-1]) @ A + a) @ B + b
        hs.append(hs[-1] + F if net.skip else F)
    return activated(hs[-1]) @ V + c, hs


@pytest.mark.parametrize("net", NETS, ids=str)
def test_values_and_all_gradients_agree_with_torch(net: resnet.Net) -> None:
    rng = np.random.default_rng(0)
    theta = resnet.init(net, rng, 1.2) + 0.1 * rng.standard_normal(resnet.count(net))
    X, labels = rng.standard_normal((9, 2)), rng.integers(0, 3, 9)
    logits, halves, _ = resnet.forward(net, theta, X)
    loss, G = resnet.cross_entropy(logits, labels)
    gradient, Gs = resnet.backward(net, theta, X, halves, G)
    t = torch.from_numpy(theta).requires_grad_()
    theirs, hs = torch_logits(net, t, torch.from_numpy(X))
    for h in hs:
        h.retain_grad()
    their_loss = nn.cross_entropy(theirs, torch.from_numpy(labels))
    their_loss.backward()
    assert loss == pytest.approx(their_loss.item(), rel=1e-12)
    assert np.abs(logits - theirs.detach().numpy()).max() < 1e-12
    assert np.abs(gradient - t.grad.numpy()).max() < 1e-12
    for ours, h in zip(Gs, hs, strict=True):
        assert np.abs(ours - h.grad.numpy()).max() < 1e-12


def test_layers_are_views_and_float32_stays_float32() -> None:
    net = resnet.Net(2, 4)
    theta = resnet.init(net, np.random.default_rng(0), 1.0, np.float32)
    resnet.layers(net, theta)[1][0][0, 0] = 7.0
    assert 7.0 in theta
    X = np.ones((3, 2), np.float32)
    logits, halves, _ = resnet.forward(net, theta, X)
    assert logits.dtype == np.float32
    loss, G = resnet.cross_entropy(logits, np.array([0, 1, 2]))
    assert resnet.backward(net, theta, X, halves, G)[0].dtype == np.float32
    assert math.isfinite(loss)


def flows(net: resnet.Net, gain: float, draws: int, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the measured gradients over initialisations, and its standard error."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(draws):
        theta = resnet.init(net, rng, gain)
        _, halves, _ = resnet.forward(net, theta, X)
        G = rng.standard_normal((len(X), 3))
        rows.append(gradient_flow.measured(resnet.backward(net, theta, X, halves, G)[1]))
    return np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / math.sqrt(draws)


@pytest.mark.parametrize("gain", [3**-0.5, 1.0, math.sqrt(2)])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("skip", [False, True])
def test_gradients_at_initialisation_are_as_predicted(skip: bool, norm: bool, gain: float) -> None:
    net = resnet.Net(12, 32, skip, norm)
    X, _ = spiral.draw(10, np.random.default_rng(1), 0.2)
    squares = np.sum(X**2, axis=1) / 2
    mean, error = flows(net, gain, 100, X)
    off = np.abs(mean - gradient_flow.expected(net, gain, squares))
    # 4.5 standard errors at a fixed seed, and terms of order 1/n² over twelve blocks.
    assert (off <= 4.5 * error + 0.06).all()


def test_depth_20_at_torchs_default_gain() -> None:
    X, _ = spiral.draw(10, np.random.default_rng(1), 0.2)
    gain = 3**-0.5
    skip, _ = flows(resnet.Net(20, 32, True), gain, 30, X)
    plain, _ = flows(resnet.Net(20, 32, False), gain, 30, X)
    # First block over last: about 1 with skip, about (1/6)^19 = 1.6e-15 without, less what the finite width costs.
    assert np.exp(skip[0] - skip[19]) == pytest.approx(1.3, abs=0.1)
    assert 1e-16 < np.exp(plain[1] - plain[20]) < 2e-15


def test_a_layer_multiplies_the_signal_by_the_law_it_is_said_to() -> None:
    n, gain = 32, 1.3
    rng = np.random.default_rng(0)
    x = rng.standard_normal(n)
    W = gain / math.sqrt(n) * rng.standard_normal((20_000, n, n))
    lengths = np.linalg.norm(np.maximum(np.einsum("i,kij->kj", x, W), 0), axis=1)
    logs = np.log(lengths / np.linalg.norm(x))
    # 4.5 standard errors: a false alarm in 7 of a million seeds.
    assert abs(logs.mean() - gradient_flow.layer(n, gain)) < 4.5 * logs.std() / math.sqrt(len(logs))


@pytest.mark.parametrize("n", [2, 3, 16, 64])
def test_the_mean_logarithm_is_that_of_scipy(n: int) -> None:
    k = np.arange(1, n + 1)
    p = stats.binom.pmf(k, n, 0.5)
    exact = 0.5 * (math.log(4 / n) + math.log(2) + p @ special.digamma(k / 2) / p.sum())
    assert gradient_flow.layer(n, 2.0) == pytest.approx(exact, rel=1e-12)
    if n == 64:
        assert gradient_flow.layer(n, 2.0) == pytest.approx(0.5 * math.log(2) - 5 / (4 * n), abs=2e-3)


def test_rows_that_nothing_comes_back_to_are_left_out() -> None:
    ones = np.ones((2, 3))
    dead = np.array([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]])
    assert gradient_flow.measured([dead, ones]) == pytest.approx([math.log(2), 0.0])
    assert np.isnan(gradient_flow.measured([np.zeros((2, 3)), ones])).all()


def test_the_best_classifier_of_the_spiral_is_as_good_as_said() -> None:
    rng = np.random.default_rng(0)
    for noise in (0.2, 0.5, 1.0, 3.0):
        X, y = spiral.draw(20_000, rng, noise, 0.8)
        right = spiral.best(X, 0.8) == y
        p = spiral.best_accuracy(noise)
        # 4.5 standard errors of 60,000 points.
        assert abs(right.mean() - p) <= 4.5 * math.sqrt(p * (1 - p) / len(y)) + 1e-12
    assert spiral.best_accuracy(0.0) == 1.0
    assert spiral.best_accuracy(1e3) == pytest.approx(1 / 3, abs=1e-3)
    X, y = spiral.draw(50, rng, 0.0, 1.3)
    assert np.array_equal(spiral.best(X, 1.3), y)
