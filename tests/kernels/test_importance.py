"""Quadrature by SciPy is the oracle for the exact answers; these are the oracle for the estimates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from kernels import importance


def log_normal(x: float, m: float, s: float) -> float:
    return -0.5 * ((x - m) / s) ** 2 - math.log(s) - 0.5 * math.log(2 * math.pi)


def quad(f: object, low: float, high: float, points: list[float]) -> float:
    inside = [p for p in points if low < p < high]
    value: float = integrate.quad(f, low, high, epsabs=0, epsrel=1e-11, limit=400, points=inside or None)[0]  # type: ignore[call-overload]
    return value


@given(k=st.integers(1, 4), c=st.floats(-1, 6), m=st.floats(-2, 8), s=st.floats(0.9, 4))
@settings(max_examples=60, deadline=None)
def test_moments_of_the_tail_agree_with_quadrature(k: int, c: float, m: float, s: float) -> None:
    ours = importance.log_tail_moment(k, c, m, s)
    a, b = k - (k - 1) / s**2, (k - 1) * m / s**2
    if a < 0.05:
        return
    scale = max(c, -b / a)

    def integrand(x: float) -> float:
        return math.exp(k * log_normal(x, 0, 1) + (1 - k) * log_normal(x, m, s) - ours)

    assert quad(integrand, c, scale + 14 / math.sqrt(a), [scale]) == pytest.approx(1, rel=1e-8)


@given(k=st.integers(1, 4), mean=st.floats(-3, 3), variance=st.floats(0.1, 2), m=st.floats(-3, 3), s=st.floats(0.5, 3))
@settings(max_examples=60, deadline=None)
def test_moments_of_the_weights_agree_with_quadrature(k: int, mean: float, variance: float, m: float, s: float) -> None:
    ours = importance.log_gaussian_moment(k, mean, variance, m, s)
    a = k / variance - (k - 1) / s**2
    if a < 0.05:
        assert a > 0 or ours == math.inf
        return
    centre, width = (k * mean / variance - (k - 1) * m / s**2) / a, 1 / math.sqrt(a)

    def integrand(x: float) -> float:
        return math.exp(k * log_normal(x, mean, math.sqrt(variance)) + (1 - k) * log_normal(x, m, s) - ours)

    assert quad(integrand, centre - 12 * width, centre + 12 * width, [centre]) == pytest.approx(1, rel=1e-8)


def test_the_tail_agrees_with_scipy() -> None:
    for x in (-30.0, -1.0, 0.0, 4.0, 24.9, 25.1, 37.0, 40.0, 1000.0):
        assert importance.log_tail(x) == pytest.approx(stats.norm.logsf(x), rel=1e-11, abs=1e-150)


def test_a_proposal_with_light_tails_has_no_variance() -> None:
    assert importance.log_tail_moment(2, 4.0, 4.0, 0.7) == math.inf
    assert importance.log_gaussian_moment(2, 0.0, 1.0, 0.0, 0.7) == math.inf
    # On the edge, s² = ½, only a proposal to the right of 0 has weights that fall.
    edge = math.sqrt(0.5)
    assert 2 - 1 / edge**2 == pytest.approx(0, abs=1e-15)
    assert math.isnan(importance.best_mean(4.0, 0.7))


@pytest.mark.parametrize("s", [0.72, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("c", [0.0, 2.0, 4.0, 6.0])
def test_the_best_mean_is_the_best(c: float, s: float) -> None:
    found = optimize.minimize_scalar(lambda m: importance.log_tail_moment(2, c, m, s), bounds=(0, 20), method="bounded")
    assert importance.best_mean(c, s) == pytest.approx(found.x, abs=1e-3)
    if s == 1.0:
        # Where d/dm e^(m²) P(X > c + m) = 0: 2 m = φ(c + m) / P(X > c + m).
        m = importance.best_mean(c, s)
        assert 2 * m == pytest.approx(stats.norm.pdf(c + m) / stats.norm.sf(c + m), rel=1e-6)


def test_the_gain_of_the_labs_default() -> None:
    p = math.exp(importance.log_tail(4.0))
    variance = math.exp(importance.log_tail_moment(2, 4.0, 4.0, 1.0)) - p**2
    assert p == pytest.approx(3.1671e-5, rel=1e-4)
    assert p * (1 - p) / variance == pytest.approx(6999.0, rel=1e-3)


def test_estimates_are_unbiased_and_their_errors_honest() -> None:
    # 400 estimates of 500 draws: z-scores with mean 0 and standard deviation 1, to 4.5 standard errors.
    rng = np.random.default_rng(0)
    z = []
    for _ in range(400):
        x = 3.0 + rng.standard_normal(500)
        a = np.where(x > 3.0, np.exp(4.5 - 3.0 * x), 0.0)
        estimate = importance.mean(a)
        z.append((estimate.value - stats.norm.sf(3.0)) / estimate.error)
    assert abs(np.mean(z)) < 4.5 / 20
    assert np.std(z) == pytest.approx(1.0, abs=4.5 / math.sqrt(800))


def test_the_self_normalised_estimate_finds_the_posterior() -> None:
    law = importance.posterior(2.0, 1.0, 0.5)
    rng = np.random.default_rng(1)
    z = []
    for _ in range(300):
        x = 1.2 + 0.8 * rng.standard_normal(1000)
        log_w = stats.norm.logpdf(x) + stats.norm.logpdf(2.0, x, 0.5) - stats.norm.logpdf(x, 1.2, 0.8)
        estimate = importance.self_normalised(x, log_w)
        z.append((estimate.value - law.mean) / estimate.error)
    assert abs(np.mean(z)) < 4.5 / math.sqrt(300)
    assert np.std(z) == pytest.approx(1.0, abs=4.5 / math.sqrt(600))
    assert importance.log_evidence(log_w) == pytest.approx(law.log_evidence, abs=0.1)


def test_the_posterior_agrees_with_quadrature() -> None:
    law = importance.posterior(1.7, 1.3, 0.4)
    theta = np.linspace(-8.0, 8.0, 40_001)
    joint = stats.norm.pdf(theta, 0, 1.3) * stats.norm.pdf(1.7, theta, 0.4)
    evidence = np.trapezoid(joint, theta)
    mean = np.trapezoid(joint * theta, theta) / evidence
    variance = np.trapezoid(joint * (theta - mean) ** 2, theta) / evidence
    assert law == pytest.approx((mean, variance, math.log(evidence)), rel=1e-9)


def test_effective_sample_size_from_one_to_n() -> None:
    assert importance.ess(np.full(50, -800.0)) == pytest.approx(50)
    assert importance.ess(np.array([0.0, -math.inf, -math.inf])) == pytest.approx(1)
    assert importance.ess(np.full(3, -math.inf)) == 0.0
    assert importance.ess(np.array([])) == 0.0


def test_effective_sample_size_falls_exponentially_with_the_dimension() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((200_000, 3))
    log_w = stats.norm.logpdf(x, 0.5, 1.0) - stats.norm.logpdf(x)
    for d in (1, 2, 3):
        share = importance.ess(log_w[:, :d].sum(axis=1)) / len(x)
        exact = math.exp(-d * importance.log_gaussian_moment(2, 0.5, 1.0, 0.0, 1.0))
        assert exact == pytest.approx(math.exp(-0.25 * d))
        assert share == pytest.approx(exact, rel=0.03)


@given(logs=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=30))
def test_weights_are_normalised_whatever_their_scale(logs: list[float]) -> None:
    w = importance.normalise(np.array(logs))
    assert w.sum() == pytest.approx(1)
    assert (w >= 0).all()
