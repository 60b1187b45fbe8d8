"""A diffusion model's likelihood: its divergence by differences, a density of mass 1, a law whose score is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kernels import edm, mlp, ode_likelihood

MODEL = edm.model(2, (16, 16), 1.4, products=True)


def test_divergence_is_the_difference_quotient() -> None:
    rng = np.random.default_rng(0)
    theta, x, h = mlp.init(MODEL.net, rng), rng.standard_normal((6, 2)), 1e-5
    D, div = ode_likelihood.denoise_and_divergence(MODEL, theta, x, 0.7)
    assert np.abs(D - edm.denoise(MODEL, theta, x, 0.7)).max() < 1e-12
    quotient = sum(
        (edm.denoise(MODEL, theta, x + e, 0.7) - edm.denoise(MODEL, theta, x - e, 0.7))[:, k]
        for k, e in enumerate(h * np.eye(2))
    ) / (2 * h)
    assert div == pytest.approx(quotient, abs=1e-7)


def test_a_network_of_zeros_is_a_gaussian() -> None:
    # D = c_skip x is the best denoiser of N(0, d² I): the model's law at σ = 0.01 is N(0, (d² + 0.01²) I).
    theta = np.zeros(mlp.count(MODEL.net))
    x = np.array([[0.0, 0.0], [1.0, -2.0], [3.0, 3.0]])
    v = MODEL.data_sd**2 + ode_likelihood.LEAST**2
    expected = -0.5 * np.sum(x**2, axis=1) / v - math.log(2 * math.pi * v)
    assert ode_likelihood.log_likelihood(MODEL, theta, x, 160) == pytest.approx(expected, abs=2e-5)


def test_likelihood_is_a_density() -> None:
    theta = mlp.init(MODEL.net, np.random.default_rng(1), last=0.3)
    side = np.linspace(-7, 7, 41)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    mass = np.exp(ode_likelihood.log_likelihood(MODEL, theta, grid, 20)).sum() * (side[1] - side[0]) ** 2
    assert mass == pytest.approx(1.0, abs=5e-3)
