"""PyTorch's autograd is the oracle for Jacobian and gradient; sums over a grid for densities."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from kernels import coupling, optimizers, targets_2d


def flow(seed: int, layers: int = 5, H: int = 7, strength: float = 0.6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    theta = coupling.init(layers, H, rng, np.float64)
    for row in theta:
        part = coupling.layer(row)
        part.V[:] = strength * rng.standard_normal(part.V.shape) / math.sqrt(H)
        part.c[:] = strength * rng.standard_normal(part.c.shape)
    return theta


def torch_flow(theta: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """f and log|det| for one point, written out again."""
    H = (theta.shape[1] - 2) // 4
    z = [x[0], x[1]]
    log_det = torch.zeros((), dtype=torch.float64)
    for at, row in enumerate(theta):
        W, V, c = row[: 2 * H].reshape(H, 2), row[2 * H : 4 * H].reshape(2, H), row[4 * H :]
        a = z[at % 2]
        r, t = V @ torch.tanh(W[:, 0] * a + W[:, 1]) + c
        s = coupling.S * torch.tanh(r / coupling.S)
        z[1 - at % 2] = z[1 - at % 2] * s.exp() + t
        log_det = log_det + s
    return torch.stack(z), log_det


@given(seed=st.integers(0, 2**32 - 1), layers=st.integers(1, 8))
@settings(max_examples=20, deadline=None)
def test_log_det_is_that_of_the_jacobian(seed: int, layers: int) -> None:
    theta = flow(seed, layers)
    x = 1.5 * np.random.default_rng(seed).standard_normal((2, 4))
    z, log_det, _ = coupling.forward(theta, x)
    t = torch.from_numpy(theta)
    for at in range(4):
        point = torch.from_numpy(x[:, at].copy())
        J = torch.autograd.functional.jacobian(lambda p: torch_flow(t, p)[0], point)
        assert np.abs(z[:, at] - torch_flow(t, point)[0].numpy()).max() < 1e-10
        assert abs(torch.linalg.slogdet(J)[1].item() - log_det[at]) < 1e-10


@given(seed=st.integers(0, 2**32 - 1), layers=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_the_inverse_inverts_both_ways(seed: int, layers: int) -> None:
    theta = flow(seed, layers, strength=0.4)
    x = np.random.default_rng(seed).standard_normal((2, 50))
    z, log_det, _ = coupling.forward(theta, x)
    # A rounding of z counts e^(−s) times on the way back.
    room = 1e-10 * max(1.0, float(np.exp(-log_det).max()))
    assert np.abs(coupling.inverse(theta, z) - x).max() < room
    assert np.abs(coupling.forward(theta, coupling.inverse(theta, x))[0] - x).max() < 1e-8


def test_an_inverse_that_stops_early_is_the_rest_of_the_flow_undone() -> None:
    theta = flow(1, 6)
    x = np.random.default_rng(1).standard_normal((2, 20))
    z = coupling.forward(theta, x)[0]
    for first in (0, 2, 4, 6):
        assert np.allclose(coupling.inverse(theta, z, first), coupling.forward(theta[:first], x)[0], atol=1e-10)


@given(seed=st.integers(0, 2**32 - 1), layers=st.integers(1, 6), H=st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_the_gradient_agrees_with_autograd(seed: int, layers: int, H: int) -> None:
    theta = flow(seed, layers, H)
    x = np.random.default_rng(seed).standard_normal((2, 6))
    loss, gradient = coupling.gradient(theta, x)
    t = torch.from_numpy(theta).requires_grad_()
    terms = []
    for at in range(6):
        z, log_det = torch_flow(t, torch.from_numpy(x[:, at].copy()))
        terms.append(0.5 * (z**2).sum() - log_det + math.log(2 * math.pi))
    theirs = torch.stack(terms).mean()
    theirs.backward()
    assert t.grad is not None
    scale = max(1.0, float(t.grad.abs().max()))
    assert loss == pytest.approx(theirs.item(), rel=1e-11)
    assert np.abs(gradient - t.grad.numpy()).max() < 1e-10 * scale
    assert loss == pytest.approx(-coupling.log_density(theta, x).mean(), rel=1e-12)


def test_precision_follows_the_parameters() -> None:
    theta = coupling.init(3, 4, np.random.default_rng(0))
    x = np.zeros((2, 5), np.float32)
    assert theta.dtype == coupling.forward(theta, x)[0].dtype == coupling.gradient(theta, x)[1].dtype == np.float32


@cache
def trained(name: targets_2d.Name) -> np.ndarray:
    rng = np.random.default_rng(0)
    adam = optimizers.init(coupling.init(8, 16, rng))
    for t in range(700):
        x = targets_2d.draw(name, 256, rng).astype(np.float32)
        gradient = coupling.gradient(adam.w, x)[1]
        gradient *= min(1.0, 3.0 / float(np.linalg.norm(gradient)))
        adam = optimizers.adam(adam, gradient, 0.01 * 0.5 * (1 + math.cos(math.pi * t / 700)), beta2=0.99)
    return adam.w.astype(np.float64)


@pytest.mark.parametrize("name", ["eight", "moons"])
def test_a_trained_flow_has_mass_1_and_fits(name: targets_2d.Name) -> None:
    theta = trained(name)
    # Fine enough for the thinnest fold, wide enough for the tails: other grids change it by less than 1e-6.
    side = np.linspace(-6.0, 6.0, 801)
    mass = sum(float(np.exp(coupling.log_density(theta, np.stack([side, np.full_like(side, y)]))).sum()) for y in side)
    assert mass * (side[1] - side[0]) ** 2 == pytest.approx(1, abs=1e-5)
    x = targets_2d.draw(name, 4000, np.random.default_rng(1))
    kl = np.mean(targets_2d.log_density(name, x) - coupling.log_density(theta, x))
    assert kl < {"eight": 0.4, "moons": 0.15}[name]
    z = coupling.forward(theta, x)[0]
    assert np.abs(coupling.inverse(theta, z) - x).max() < 1e-10


def test_eight_gaussians_agree_with_torch() -> None:
    angle = torch.arange(8, dtype=torch.float64) * math.pi / 4
    means = targets_2d.RADIUS * torch.stack([angle.cos(), angle.sin()], dim=1)
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(8, dtype=torch.float64)),
        torch.distributions.Independent(torch.distributions.Normal(means, targets_2d.SD), 1),
    )
    x = 2 * np.random.default_rng(0).standard_normal((2, 100))
    theirs = mixture.log_prob(torch.from_numpy(x.T.copy())).numpy()
    assert np.abs(targets_2d.log_density("eight", x) - theirs).max() < 1e-10


def test_the_density_of_the_moons_agrees_with_quadrature() -> None:
    def density(x: np.ndarray) -> float:
        def at(t: float, which: int) -> float:
            off = x - targets_2d.arc(which, np.array(t))
            return math.exp(-0.5 * float(off @ off) / targets_2d.NOISE**2) / (2 * math.pi * targets_2d.NOISE**2)

        near = [np.linspace(0, math.pi, 9).tolist()] * 2
        parts = [integrate.quad(at, 0, math.pi, (k,), points=near[k], epsabs=1e-13, limit=200)[0] for k in (0, 1)]
        return sum(parts) / (2 * math.pi)

    for x in ([0.0, 0.0], [-0.7, 1.05], [0.72, -0.4], [2.1, 0.3], [-2.0, -0.4]):
        ours = float(np.exp(targets_2d.log_density("moons", np.array(x)[:, None]))[0])
        assert ours == pytest.approx(density(np.array(x)), rel=1e-8, abs=1e-13)


@pytest.mark.parametrize("name", ["eight", "moons"])
def test_laws_in_the_plane_have_mass_1_and_their_draws_their_entropy(name: targets_2d.Name) -> None:
    side = np.linspace(-4.0, 4.0, 161)
    plane = np.stack(np.meshgrid(side, side)).reshape(2, -1)
    logs = targets_2d.log_density(name, plane)
    cell = (side[1] - side[0]) ** 2
    assert np.exp(logs).sum() * cell == pytest.approx(1, abs=1e-9)
    assert targets_2d.entropy(name) == pytest.approx(-np.sum(np.exp(logs) * logs) * cell, abs=1e-7)
    x = targets_2d.draw(name, 20_000, np.random.default_rng(2))
    costs = -targets_2d.log_density(name, x)
    # 4.5 standard errors: a false alarm in 1 of 150,000 seeds.
    assert abs(costs.mean() - targets_2d.entropy(name)) < 4.5 * costs.std() / math.sqrt(len(costs))
    first = np.sort(x[0])
    density = np.exp(logs).reshape(161, 161).sum(axis=0) * (side[1] - side[0])
    F = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1])) * (side[1] - side[0])])
    # 1.95 / √20,000 is 0.0138; the table adds up to 0.001.
    assert stats.kstest(np.interp(first, side, F), "uniform").statistic < 0.015
