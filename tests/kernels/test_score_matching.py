"""PyTorch's autograd is the oracle for derivatives, quadrature for the identities."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kernels import gaussian_mixture, score_matching

LAW = gaussian_mixture.Mixture(np.array([0.3, 0.7]), np.array([[-1.0, 0.5], [1.5, -0.5]]), np.array([0.5, 0.8]))
LINE = gaussian_mixture.Mixture(np.array([0.3, 0.7]), np.array([[-2.0], [2.0]]), np.array([0.5, 0.5]))


def torch_energy(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    d = len(x)
    K = (len(theta) - 1) // (d + 2)
    W, a, b = theta[: K * d].reshape(K, d), theta[K * d : K * d + K], theta[K * d + K : K * d + 2 * K]
    return a @ torch.log(torch.cosh(W @ x + b)) + 0.5 * theta[-1].exp() * (x @ x)


def network(d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((6, d))
    theta = score_matching.init(x, 5, rng) + 0.3 * rng.standard_normal(5 * (d + 2) + 1)
    return theta, x, rng


@pytest.mark.parametrize("d", [1, 2, 3])
def test_energy_score_and_trace_are_autograds(d: int) -> None:
    theta, x, _ = network(d)
    t = torch.from_numpy(theta)
    s, trace = score_matching.score(theta, x)
    E = score_matching.energy(theta, x)
    for at in range(len(x)):
        point = torch.from_numpy(x[at].copy()).requires_grad_()
        value = torch_energy(t, point)
        assert E[at] == pytest.approx(value.item(), rel=1e-12)
        assert np.allclose(s[at], -torch.autograd.grad(value, point)[0].numpy(), atol=1e-12)
        hessian = torch.autograd.functional.hessian(lambda p: torch_energy(t, p), point)
        assert trace[at] == pytest.approx(-torch.trace(hessian).item(), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("trace", [0.0, 1.0])
def test_the_gradient_of_the_implicit_loss_is_autograds(d: int, trace: float) -> None:
    theta, x, _ = network(d)
    t = torch.from_numpy(theta.copy()).requires_grad_()
    loss = torch.zeros((), dtype=torch.float64)
    for row in x:
        point = torch.from_numpy(row.copy()).requires_grad_()
        (slope,) = torch.autograd.grad(torch_energy(t, point), point, create_graph=True)
        second = sum(torch.autograd.grad(slope[j], point, create_graph=True)[0][j] for j in range(d))
        loss = loss + 0.5 * slope @ slope - trace * second
    loss = loss / len(x)
    value, gradient = score_matching.implicit(theta, x, trace)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    assert np.allclose(gradient, torch.autograd.grad(loss, t)[0].numpy(), atol=1e-12)


def test_the_gradient_of_the_denoising_loss_is_autograds() -> None:
    theta, x, rng = network(2)
    eps, sigma = rng.standard_normal(x.shape), 0.4
    t = torch.from_numpy(theta.copy()).requires_grad_()
    loss = torch.zeros((), dtype=torch.float64)
    for row, noise in zip(x, eps, strict=True):
        point = torch.from_numpy(row + sigma * noise).requires_grad_()
        (slope,) = torch.autograd.grad(torch_energy(t, point), point, create_graph=True)
        error = -slope + torch.from_numpy(noise / sigma)
        loss = loss + 0.5 * error @ error
    loss = loss / len(x)
    value, gradient = score_matching.denoising(theta, x, sigma, eps)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    assert np.allclose(gradient, torch.autograd.grad(loss, t)[0].numpy(), atol=1e-12)


def test_the_mixtures_score_is_the_slope_of_its_log_density() -> None:
    x = 2 * np.random.default_rng(0).standard_normal((50, 2))
    log_p, s = gaussian_mixture.log_density_and_score(LAW, x)
    parts = [
        LAW.w[k] * np.exp(-np.sum((x - LAW.mu[k]) ** 2, axis=1) / (2 * LAW.sd[k] ** 2)) / (2 * np.pi * LAW.sd[k] ** 2)
        for k in (0, 1)
    ]
    assert np.allclose(log_p, np.log(sum(parts)), atol=1e-12)
    for j in range(2):
        h = np.zeros(2)
        h[j] = 1e-5
        up, down = (gaussian_mixture.log_density_and_score(LAW, x + v)[0] for v in (h, -h))
        assert np.allclose((up - down) / 2e-5, s[:, j], atol=1e-7)


def test_noise_adds_its_variance() -> None:
    rng = np.random.default_rng(1)
    x = gaussian_mixture.draw(LINE, 40_000, rng) + 0.7 * rng.standard_normal((40_000, 1))
    edges = np.linspace(-5, 5, 11)
    grid = np.linspace(-5, 5, 2001)[:, None]
    p = np.exp(gaussian_mixture.log_density_and_score(gaussian_mixture.blurred(LINE, 0.7), grid)[0])
    expected = [np.trapezoid(p[i * 200 : (i + 1) * 200 + 1], dx=0.005) for i in range(10)]
    share = np.histogram(x[:, 0], edges)[0] / len(x)
    # 4.5 standard errors for each of ten shares: a false alarm in 1 of 15,000 seeds.
    assert (np.abs(share - expected) < 4.5 * np.sqrt(np.maximum(expected, 1e-5) / len(x))).all()


def test_implicit_equals_explicit_up_to_a_constant_by_quadrature() -> None:
    grid = np.linspace(-9, 9, 6001)[:, None]
    log_p, exact = gaussian_mixture.log_density_and_score(LINE, grid)
    p = np.exp(log_p)
    constants = []
    for seed in range(3):
        theta, _, _ = network(1, seed)
        s, trace = score_matching.score(theta, grid)
        implicit = np.trapezoid(p * (0.5 * s[:, 0] ** 2 + trace), grid[:, 0])
        explicit = np.trapezoid(p * 0.5 * (s - exact)[:, 0] ** 2, grid[:, 0])
        constants.append(implicit - explicit)
    fisher = np.trapezoid(p * exact[:, 0] ** 2, grid[:, 0])
    assert np.allclose(constants, -0.5 * fisher, atol=1e-8)


def test_denoising_equals_explicit_plus_its_floor_by_quadrature() -> None:
    sigma = 0.6
    noisy = np.linspace(-9, 9, 4001)[:, None]
    log_p, exact = gaussian_mixture.log_density_and_score(gaussian_mixture.blurred(LINE, sigma), noisy)
    theta, _, _ = network(1)
    # E over x and ε of ½(s(x+σε) + ε/σ)², by Gauss–Hermite in ε and in x around each mode.
    node, weight = np.polynomial.hermite_e.hermegauss(60)
    weight = weight / weight.sum()
    loss = 0.0
    for k in (0, 1):
        x = LINE.mu[k, 0] + LINE.sd[k] * node[:, None]
        s, _ = score_matching.score(theta, (x + sigma * node).reshape(-1, 1))
        error = s.reshape(60, 60) + node / sigma
        loss += LINE.w[k] * float(weight @ (0.5 * error**2) @ weight)
    s, _ = score_matching.score(theta, noisy)
    p = np.exp(log_p)
    explicit = np.trapezoid(p * 0.5 * (s - exact)[:, 0] ** 2, noisy[:, 0])
    floor = 0.5 * (1 / sigma**2 - np.trapezoid(p * exact[:, 0] ** 2, noisy[:, 0]))
    assert loss == pytest.approx(explicit + floor, abs=1e-6)


def test_the_best_score_for_denoising_is_the_marginal_one() -> None:
    """Tweedie: E[−ε/σ given x + σε = y] = ∇ log p_σ(y), by quadrature over the posterior of ε."""
    sigma = 0.8
    eps = np.linspace(-9, 9, 6001)
    for y in (-2.5, 0.1, 1.7):
        log_p, _ = gaussian_mixture.log_density_and_score(LINE, (y - sigma * eps)[:, None])
        weight = np.exp(log_p - 0.5 * eps**2)
        mean = -np.sum(weight * eps) / np.sum(weight) / sigma
        _, s = gaussian_mixture.log_density_and_score(gaussian_mixture.blurred(LINE, sigma), np.array([[y]]))
        assert mean == pytest.approx(float(s[0, 0]), abs=1e-9)
