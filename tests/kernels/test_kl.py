"""torch.distributions for Gaussians; SciPy's quadrature and optimiser for the fits of the mixture."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize

from kernels import gaussian_kl, kl_fit

sds = st.floats(0.05, 20)
means = st.floats(-5, 5)


@given(mu1=means, sd1=sds, mu2=means, sd2=sds)
def test_normal_agrees_with_torch(mu1: float, sd1: float, mu2: float, sd2: float) -> None:
    one, two = (
        torch.distributions.Normal(torch.tensor(m, dtype=torch.float64), torch.tensor(s, dtype=torch.float64))
        for m, s in ((mu1, sd1), (mu2, sd2))
    )
    exact = float(torch.distributions.kl_divergence(one, two))
    assert float(gaussian_kl.normal(mu1, sd1, mu2, sd2)) == pytest.approx(exact, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("d", [1, 2, 5, 20])
def test_multivariate_agrees_with_torch(d: int) -> None:
    rng = np.random.default_rng(d)
    A, B = rng.standard_normal((2, d, d))
    S1, S2 = A @ A.T + 0.1 * np.eye(d), B @ B.T + 0.1 * np.eye(d)
    m1, m2 = rng.standard_normal((2, d))
    laws = [torch.distributions.MultivariateNormal(torch.tensor(m), torch.tensor(S)) for m, S in ((m1, S1), (m2, S2))]
    exact = float(torch.distributions.kl_divergence(*laws))
    assert gaussian_kl.multivariate(m1, S1, m2, S2) == pytest.approx(exact, rel=1e-10)
    assert gaussian_kl.multivariate(m1, S1, m1, S1) == pytest.approx(0, abs=1e-10)


def test_symmetric_for_equal_covariances() -> None:
    S = np.array([[2.0, 0.3], [0.3, 1.0]])
    a, b = np.zeros(2), np.array([1.0, -2.0])
    half = 0.5 * float(b @ np.linalg.solve(S, b))
    assert gaussian_kl.multivariate(a, S, b, S) == pytest.approx(half)
    assert gaussian_kl.multivariate(b, S, a, S) == pytest.approx(half)


def test_independent_coordinates_add_up() -> None:
    m1, s1, m2, s2 = np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([1.0, 0.0]), np.array([0.5, 3.0])
    assert gaussian_kl.multivariate(m1, np.diag(s1**2), m2, np.diag(s2**2)) == pytest.approx(
        float(gaussian_kl.normal(m1, s1, m2, s2).sum())
    )


def test_monte_carlo_agrees() -> None:
    rng = np.random.default_rng(0)
    x = 1.0 + 0.5 * rng.standard_normal(100_000)
    ratio = -0.5 * ((x - 1) / 0.5) ** 2 - math.log(0.5) + 0.5 * ((x + 1) / 2) ** 2 + math.log(2)
    z = (ratio.mean() - gaussian_kl.normal(1, 0.5, -1, 2)) / (ratio.std() / math.sqrt(len(x)))
    assert abs(float(z)) < 4.5


@given(sd=sds)
def test_differential_entropy(sd: float) -> None:
    exact = torch.distributions.Normal(0.0, torch.tensor(sd, dtype=torch.float64)).entropy()
    assert float(gaussian_kl.entropy(sd)) == pytest.approx(float(exact), abs=1e-7)
    assert gaussian_kl.entropy(0.24) < 0 < gaussian_kl.entropy(0.245)


# -- fitting a mixture ---

mixtures = st.builds(kl_fit.Mixture, st.floats(0.05, 0.95), st.floats(0, 4), st.floats(0.4, 2))
fits = st.builds(kl_fit.Fit, st.floats(-4, 4), st.floats(-1, 1.2))


def normal_log(x: float, q: kl_fit.Fit) -> float:
    return -0.5 * ((x - q.m) / math.exp(q.rho)) ** 2 - q.rho - 0.5 * math.log(2 * math.pi)


@given(p=mixtures, q=fits)
@settings(max_examples=30, deadline=None)
def test_both_divergences_agree_with_quadrature(p: kl_fit.Mixture, q: kl_fit.Fit) -> None:
    def log_p(x: float) -> float:
        return float(kl_fit.log_density(p, np.array([x]))[0])

    reach, s = p.a + 10 * p.s, math.exp(q.rho)
    forward = integrate.quad(
        lambda x: math.exp(log_p(x)) * (log_p(x) - normal_log(x, q)), -reach, reach, points=[-p.a, p.a], limit=300
    )[0]
    reverse = integrate.quad(
        lambda x: math.exp(normal_log(x, q)) * (normal_log(x, q) - log_p(x)), q.m - 10 * s, q.m + 10 * s, limit=300
    )[0]
    assert kl_fit.forward_kl(p, q) == pytest.approx(forward, abs=1e-7)
    # log p bends within s²/a between the modes: the fixed nodes see that a little less sharply.
    assert kl_fit.reverse_kl(p, q) == pytest.approx(reverse, abs=1e-4)


@given(p=mixtures, q=fits)
@settings(max_examples=30, deadline=None)
def test_gradients_agree_with_differences(p: kl_fit.Mixture, q: kl_fit.Fit) -> None:
    h = 1e-5
    for kl, gradient, tolerance in (
        (kl_fit.forward_kl, kl_fit.forward_gradient, 1e-6),
        (kl_fit.reverse_kl, kl_fit.reverse_gradient, 1e-3),
    ):
        numeric = (
            (kl(p, q._replace(m=q.m + h)) - kl(p, q._replace(m=q.m - h))) / (2 * h),
            (kl(p, q._replace(rho=q.rho + h)) - kl(p, q._replace(rho=q.rho - h))) / (2 * h),
        )
        assert gradient(p, q) == pytest.approx(numeric, rel=tolerance, abs=tolerance)


def test_sampled_gradients_are_unbiased() -> None:
    p, q = kl_fit.Mixture(0.3, 1.5, 0.8), kl_fit.Fit(0.5, 0.2)
    rng = np.random.default_rng(0)
    forward = np.array([kl_fit.forward_gradient(p, q, kl_fit.sample(p, 64, rng)) for _ in range(2000)])
    reverse = np.array([kl_fit.reverse_gradient(p, q, rng.standard_normal(64)) for _ in range(2000)])
    for drawn, exact in ((forward, kl_fit.forward_gradient(p, q)), (reverse, kl_fit.reverse_gradient(p, q))):
        z = (drawn.mean(axis=0) - exact) / (drawn.std(axis=0) / math.sqrt(len(drawn)))
        assert np.abs(z).max() < 4.5


@given(p=mixtures)
@settings(max_examples=30, deadline=None)
def test_matching_moments_is_the_forward_optimum(p: kl_fit.Mixture) -> None:
    mean, variance = kl_fit.moments(p)
    best = kl_fit.Fit(mean, 0.5 * math.log(variance))
    assert kl_fit.forward_gradient(p, best) == pytest.approx((0, 0), abs=1e-12)
    assert kl_fit.forward_kl(p, best) == pytest.approx(
        0.5 * math.log(2 * math.pi * math.e * variance) - kl_fit.entropy(p), abs=1e-12
    )


@pytest.mark.parametrize("w", [0.2, 0.5])
@pytest.mark.parametrize("a", [0.5, 1.5, 2.5, 4.0])
def test_the_reverse_minimum_is_scipys(a: float, w: float) -> None:
    p = kl_fit.Mixture(w, a, 0.7)
    ours = kl_fit.reverse_minimum(p, kl_fit.Fit(a, math.log(0.7)))
    found = optimize.minimize(
        lambda v: kl_fit.reverse_kl(p, kl_fit.Fit(v[0], v[1])), [ours.m + 0.05, ours.rho + 0.05], tol=1e-12
    )
    assert kl_fit.reverse_kl(p, ours) == pytest.approx(found.fun, abs=1e-9)
    assert (ours.m, ours.rho) == pytest.approx(tuple(found.x), abs=1e-4)


def test_far_modes_cost_the_logarithm_of_their_weight() -> None:
    for w in (0.2, 0.5):
        p = kl_fit.Mixture(w, 6.0, 0.7)
        one = kl_fit.reverse_minimum(p, kl_fit.Fit(6.0, math.log(0.7)))
        assert kl_fit.reverse_kl(p, one) == pytest.approx(-math.log(1 - w), abs=1e-9)


def test_one_mode_only_is_fitted_exactly() -> None:
    p, q = kl_fit.Mixture(0.5, 0.0, 1.3), kl_fit.Fit(2.0, -1.0)
    for _ in range(400):
        q = kl_fit.step(q, kl_fit.reverse_gradient(p, q), 0.2)
    assert (q.m, math.exp(q.rho)) == pytest.approx((0, 1.3), abs=1e-9)
    assert kl_fit.reverse_kl(p, q) == pytest.approx(0, abs=1e-9)
