"""scipy's quadrature and PyTorch's autograd are the oracles.

Statistical tests are seeded and allow 4 standard errors: each number gives a false alarm in 1 of 16,000 seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize

from kernels import elbo

CASES = [(1.5, 0.5), (0.1, 0.5), (-0.5, 0.7), (3.0, 0.25)]


def joint(z: float, x: float, s: float) -> float:
    return math.exp(-(z**2) / 2 - (x - z * z) ** 2 / (2 * s * s)) / (2 * math.pi * s)


@pytest.mark.parametrize(("x", "s"), CASES)
def test_the_evidence_agrees_with_adaptive_quadrature(x: float, s: float) -> None:
    whole = integrate.quad(joint, -9, 9, args=(x, s), points=[-1.5, 0, 1.5], epsabs=1e-13, limit=400)[0]
    assert elbo.log_evidence(x, s) == pytest.approx(math.log(whole), abs=1e-9)


@given(mu=st.floats(-2, 2), log_sd=st.floats(-2.5, 0.5), x=st.floats(-1, 3), s=st.floats(0.3, 1.5))
@settings(max_examples=60, deadline=None)
def test_elbo_plus_kl_is_the_evidence_for_every_gaussian(mu: float, log_sd: float, x: float, s: float) -> None:
    theta = np.array([[0.0], [mu], [log_sd]])
    closed = float(elbo.elbo_gaussian(np.array(mu), np.array(math.exp(log_sd)), x, s))
    # A wide q far out reaches beyond the grid with a mass that counts.
    if abs(mu) + 9 * math.exp(log_sd) < 16:
        assert closed + elbo.gap(theta, x, s) == pytest.approx(elbo.log_evidence(x, s), abs=1e-6)
    assert elbo.elbo(theta, x, s) == pytest.approx(closed, rel=1e-10, abs=1e-10)


def test_elbo_plus_kl_is_the_evidence_for_a_mixture() -> None:
    theta = np.array([[0.4, -0.1], [1.2, -1.0], [-1.4, -1.0]])
    assert elbo.elbo(theta, 1.5, 0.5, 150) + elbo.gap(theta, 1.5, 0.5) == pytest.approx(
        elbo.log_evidence(1.5, 0.5), abs=1e-6
    )


@pytest.mark.parametrize(("x", "s"), CASES)
def test_two_peaks_exactly_beyond_half_the_variance(x: float, s: float) -> None:
    z = np.linspace(-3, 3, 20001)
    p = elbo.posterior(z, x, s)
    inner = (p[1:-1] > p[:-2]) & (p[1:-1] > p[2:])
    assert inner.sum() == (2 if x > s * s / 2 else 1)
    assert abs(z[p.argmax()]) == pytest.approx(elbo.peaks(x, s), abs=3e-4)
    assert np.trapezoid(p, z) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("x", "s"), [(2.0, 0.5), (1.0, 0.5), (-0.5, 0.5)])
def test_the_best_gaussian_agrees_with_an_optimiser(x: float, s: float) -> None:
    def loss(v: np.ndarray) -> float:
        return -float(elbo.elbo_gaussian(v[0], np.exp(v[1]), x, s))

    found = min(optimize.minimize(loss, start, tol=1e-12).fun for start in ([1.2, -1.5], [0.1, -0.5], [0.0, -1.0]))
    assert elbo.best_gaussian(x, s)[0] == pytest.approx(-found, abs=1e-8)


@pytest.mark.parametrize("estimator", ["reparameterised", "score function"])
def test_both_gradients_are_unbiased(estimator: elbo.Estimator) -> None:
    theta, x, s = np.array([[0.2, -0.3], [1.1, -0.9], [-1.0, -1.2]]), 1.5, 0.5
    exact = np.zeros_like(theta)
    for at in np.ndindex(theta.shape):
        h = np.zeros_like(theta)
        h[at] = 1e-5
        exact[at] = (elbo.gap(theta - h, x, s) - elbo.gap(theta + h, x, s)) / 2e-5
    each = elbo.gradients(theta, x, s, np.random.default_rng(0).standard_normal((40_000, 2)), estimator)
    error = each.std(axis=0) / math.sqrt(len(each))
    # Four standard errors for each of six numbers: a false alarm in 1 of 2,600 seeds.
    assert (np.abs(each.mean(axis=0) - exact) < 4 * error + 1e-6).all()


def test_the_reparameterised_gradient_is_autograds_without_the_score_of_q() -> None:
    theta = np.array([[0.3], [0.8], [-0.7]])
    eps = np.random.default_rng(1).standard_normal((5, 1))
    mine = elbo.gradients(theta, 1.5, 0.5, eps, "reparameterised")
    mu = torch.tensor(theta[1, 0], requires_grad=True)
    log_sd = torch.tensor(theta[2, 0], requires_grad=True)
    for at in range(5):
        z = mu + log_sd.exp() * eps[at, 0]
        # q's own parameters are held fixed: only the path through z counts.
        log_q = torch.distributions.Normal(mu.detach(), log_sd.detach().exp()).log_prob(z)
        prior = torch.distributions.Normal(0.0, 1.0).log_prob(z)
        f = prior + torch.distributions.Normal(z**2, 0.5).log_prob(torch.tensor(1.5)) - log_q
        grads = torch.autograd.grad(f, [mu, log_sd])
        assert mine[at, 1:, 0] == pytest.approx([g.item() for g in grads], rel=1e-5, abs=1e-7)


def test_more_samples_tighten_the_bound() -> None:
    theta = np.array([[0.0], [0.0], [0.0]])
    z = elbo.sample(theta, 61_440, np.random.default_rng(2))
    log_w = elbo.log_weights(theta, 1.5, 0.5, z)
    bounds = [elbo.importance_bound(log_w.reshape(-1, K)) for K in (1, 4, 16, 64)]
    values = [value for value, _ in bounds]
    assert values == sorted(values)
    assert values[-1] < elbo.log_evidence(1.5, 0.5) + 4 * bounds[-1][1]
    assert abs(values[0] - elbo.elbo(theta, 1.5, 0.5)) < 4 * bounds[0][1]


def test_draws_have_the_weights_and_means_of_q() -> None:
    theta = np.array([[math.log(0.2), math.log(0.8)], [-2.0, 1.0], [-2.0, -3.0]])
    z = elbo.sample(theta, 20_000, np.random.default_rng(3))
    assert abs(np.mean(z < -0.5) - 0.2) < 4 * math.sqrt(0.16 / 20_000)
    assert z[z > -0.5].mean() == pytest.approx(1.0, abs=0.002)
