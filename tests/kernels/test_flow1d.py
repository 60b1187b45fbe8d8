"""PyTorch's autograd is the oracle for gradients, SciPy for the laws, quadrature for the densities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from kernels import flow1d, gaussian, targets_1d

NAMES: tuple[targets_1d.Name, ...] = ("laplace", "bimodal", "gumbel")


def random_theta(seed: int, K: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    theta = 0.7 * rng.standard_normal(2 + 3 * K)
    theta[1] -= 1.0
    return theta


def torch_map(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    K = (len(theta) - 2) // 3
    w, c, s = theta[2 : 2 + K].exp(), theta[2 + K : 2 + 2 * K], theta[2 + 2 * K :].exp()
    return theta[0] + theta[1].exp() * x + (w * torch.tanh(s * (x[:, None] - c))).sum(dim=1)


@pytest.mark.parametrize("jacobian", [True, False])
@given(seed=st.integers(0, 2**32 - 1), K=st.integers(1, 8))
@settings(max_examples=25, deadline=None)
def test_loss_slope_and_gradient_agree_with_autograd(jacobian: bool, seed: int, K: int) -> None:
    theta = random_theta(seed, K)
    x = 2 * np.random.default_rng(seed).standard_normal(30)
    t = torch.from_numpy(theta).requires_grad_()
    points = torch.from_numpy(x).requires_grad_()
    z = torch_map(t, points)
    (slope,) = torch.autograd.grad(z.sum(), points, create_graph=True)
    loss = 0.5 * (z**2).mean() + 0.5 * math.log(2 * math.pi) - (slope.log().mean() if jacobian else 0.0)
    loss.backward()
    ours, gradient = flow1d.gradient(theta, x, jacobian)
    assert t.grad is not None
    scale = max(1.0, float(t.grad.abs().max()))
    assert ours == pytest.approx(loss.item(), rel=1e-12)
    assert np.abs(gradient - t.grad.numpy()).max() < 1e-11 * scale
    values, slopes = flow1d.forward(theta, x)
    assert np.allclose(values, z.detach().numpy(), rtol=1e-12, atol=1e-12)
    assert np.allclose(slopes, slope.detach().numpy(), rtol=1e-10)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_the_inverse_inverts(seed: int) -> None:
    theta = random_theta(seed)
    x = np.linspace(-5.0, 5.0, 41)
    z, slope = flow1d.forward(theta, x)
    back = flow1d.inverse(theta, z)
    # Where the map is flat, a rounding of z is a larger step in x.
    assert (np.abs(back - x) < 1e-10 / np.minimum(slope, 1.0)).all()


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_every_map_makes_a_density_of_mass_1(seed: int) -> None:
    theta = random_theta(seed)
    low, high = flow1d.inverse(theta, np.array([-8.0, 8.0]))
    x = np.linspace(low, high, 200_001)
    assert np.trapezoid(np.exp(flow1d.log_density(theta, x)), x) == pytest.approx(1, abs=1e-5)


def test_training_starts_from_a_map_that_standardises() -> None:
    x = 3.0 + 2.0 * np.random.default_rng(0).standard_normal(5000)
    z, slope = flow1d.forward(flow1d.init(x, 8), x)
    assert abs(z.mean()) < 0.5
    assert 0.8 < z.std() < 2.5
    assert (slope > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_exact_map_pulls_the_gaussian_back_to_the_law(name: targets_1d.Name) -> None:
    x = np.linspace(-2.0, 3.0, 501)
    h = 1e-5
    ends = [flow1d.exact_map(targets_1d.distribution(name, x + step)) for step in (-h, h)]
    z = flow1d.exact_map(targets_1d.distribution(name, x))
    density = gaussian.phi(z) * (ends[1] - ends[0]) / (2 * h)
    exact = np.exp(targets_1d.log_density(name, x))
    smooth = np.abs(x) > 2 * h
    assert np.abs(density - exact)[smooth].max() < 1e-6


@pytest.mark.parametrize(("name", "law"), [("laplace", stats.laplace()), ("gumbel", stats.gumbel_r())])
def test_laws_agree_with_scipy(name: targets_1d.Name, law: object) -> None:
    x = np.linspace(-4.0, 12.0, 400)
    assert np.abs(targets_1d.log_density(name, x) - law.logpdf(x)).max() < 1e-12  # type: ignore[attr-defined]
    assert np.abs(targets_1d.distribution(name, x) - law.cdf(x)).max() < 1e-14  # type: ignore[attr-defined]
    assert targets_1d.entropy(name) == pytest.approx(float(law.entropy()), abs=1e-10)  # type: ignore[attr-defined]
    assert targets_1d.VARIANCES[name] == pytest.approx(float(law.var()))  # type: ignore[attr-defined]


def test_the_bimodal_law_agrees_with_quadrature() -> None:
    def density(x: float) -> float:
        return 0.5 * float(stats.norm.pdf(x, -2, 0.5) + stats.norm.pdf(x, 2, 0.5))

    whole = integrate.quad(lambda x: -density(x) * math.log(density(x)), -7, 7, points=[-2, 0, 2], epsabs=1e-12)[0]
    assert targets_1d.entropy("bimodal") == pytest.approx(whole, abs=1e-9)
    x = np.linspace(-5.0, 5.0, 101)
    assert np.allclose(np.exp(targets_1d.log_density("bimodal", x)), [density(v) for v in x], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_draws_have_the_law_and_the_variance(name: targets_1d.Name) -> None:
    x = targets_1d.draw(name, 20_000, np.random.default_rng(5))
    # 1.95: a false alarm in 1 of 1,000 seeds.
    F = targets_1d.distribution(name, x)
    assert math.sqrt(len(x)) * stats.kstest(F, "uniform").statistic < 1.95


def test_known_floors() -> None:
    assert targets_1d.entropy("laplace") == pytest.approx(1.6931, abs=5e-5)
    assert targets_1d.best_gaussian("laplace") == pytest.approx(1.7655, abs=5e-5)


@pytest.mark.parametrize("name", NAMES)
def test_kl_to_the_best_gaussian_is_the_gap_between_the_floors(name: targets_1d.Name) -> None:
    x = targets_1d.grid(name)
    mean = float(np.euler_gamma) if name == "gumbel" else 0.0
    log_q = stats.norm.logpdf(x, mean, math.sqrt(targets_1d.VARIANCES[name]))
    gap = targets_1d.best_gaussian(name) - targets_1d.entropy(name)
    # Laplace's kink costs the trapezoidal rule h²/12.
    assert targets_1d.kl(name, log_q, x) == pytest.approx(gap, abs=3e-5)
