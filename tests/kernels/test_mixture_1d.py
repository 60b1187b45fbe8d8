"""SciPy's normal distribution, torch's mixture and numerical differences are the oracles.

The draws are seeded; their √n·KS is above 1.95 in 1 of 1,000 seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from kernels import mixture_1d
from kernels.mixture_1d import Mixture

P = Mixture(np.array([0.2, 0.5, 0.3]), np.array([-2.0, 0.5, 3.0]), np.array([0.4, 1.0, 0.7]))
X = np.linspace(-6, 7, 53)


def test_density_and_distribution() -> None:
    density = sum(w * stats.norm.pdf(X, m, s) for w, m, s in zip(*P, strict=True))
    below = sum(w * stats.norm.cdf(X, m, s) for w, m, s in zip(*P, strict=True))
    assert np.allclose(mixture_1d.log_density(P, X), np.log(density), rtol=1e-12)
    assert np.allclose(mixture_1d.distribution(P, X), below, rtol=1e-12)


def test_far_out_nothing_overflows() -> None:
    far = np.array([-1e3, 1e3])
    assert np.isfinite(mixture_1d.log_density(P, far)).all()
    assert np.allclose(mixture_1d.score(P, far), (P.m[1] - far) / P.s[1] ** 2)


def test_score_is_the_derivative_and_torch_agrees() -> None:
    x = torch.tensor(X, requires_grad=True)
    law = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.tensor(P.w)), torch.distributions.Normal(*map(torch.tensor, P[1:]))
    )
    law.log_prob(x).sum().backward()
    assert np.abs(mixture_1d.score(P, X) - x.grad.numpy()).max() < 1e-11


def test_responsibilities_sum_to_one_and_follow_bayes() -> None:
    r = mixture_1d.responsibilities(P, X)
    joint = np.array([w * stats.norm.pdf(X, m, s) for w, m, s in zip(*P, strict=True)]).T
    assert np.allclose(r, joint / joint.sum(axis=1, keepdims=True), atol=1e-14)


def test_moments_and_draws() -> None:
    x = np.linspace(-15, 15, 30_001)
    p = np.exp(mixture_1d.log_density(P, x))
    assert np.trapezoid(p * x, x) == pytest.approx(P.mean, abs=1e-10)
    assert np.trapezoid(p * (x - P.mean) ** 2, x) == pytest.approx(P.variance, abs=1e-10)
    n = 40_000
    draws = np.sort(mixture_1d.draw(P, n, np.random.default_rng(0)))
    assert np.sqrt(n) * stats.kstest(draws, lambda at: mixture_1d.distribution(P, at)).statistic < 1.95


def test_noised_is_the_convolution() -> None:
    noisy = mixture_1d.noised(P, 0.6, 0.8)
    y = np.linspace(-12, 12, 4801)
    p = np.exp(mixture_1d.log_density(P, y / 0.6)) / 0.6
    for x in (-2.0, 0.3, 2.5):
        convolved = np.trapezoid(p * stats.norm.pdf(x - y, scale=0.8), y)
        assert np.exp(mixture_1d.log_density(noisy, np.array([x])))[0] == pytest.approx(convolved, rel=1e-9)
