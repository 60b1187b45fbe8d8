"""PyTorch, SciPy and quadrature are the oracles, also for sums of independent variables."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from kernels import central_limit, gaussian


def spd(d: int, seed: int) -> np.ndarray:
    A = np.random.default_rng(seed).standard_normal((d, d + 2))
    return A @ A.T + 0.1 * np.eye(d)


def test_phi_and_its_integral_agree_with_scipy() -> None:
    x = np.linspace(-37.0, 8.0, 1001)
    assert np.allclose(gaussian.Phi(x), special.ndtr(x), rtol=1e-12, atol=0)
    assert np.allclose(gaussian.phi(x), stats.norm.pdf(x), rtol=1e-12, atol=0)


def test_the_quantile_inverts() -> None:
    u = np.concatenate([[0.0, 1e-300, 1e-12, 0.5, 1 - 1e-12, 1.0], np.linspace(0.01, 0.99, 99)])
    assert np.allclose(gaussian.Phi_inverse(u), special.ndtri(u), rtol=1e-12)
    assert np.allclose(gaussian.Phi(gaussian.Phi_inverse(u)), u, rtol=1e-12, atol=0)
    with pytest.raises(ValueError, match="0 … 1"):
        gaussian.Phi_inverse([0.5, 1.1])


@given(d=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_the_density_agrees_with_torch(d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mu, Sigma, x = rng.standard_normal(d), spd(d, seed), 3 * rng.standard_normal((7, d))
    law = torch.distributions.MultivariateNormal(torch.from_numpy(mu), torch.from_numpy(Sigma))
    theirs = law.log_prob(torch.from_numpy(x)).numpy()
    assert np.allclose(gaussian.log_density(x, mu, Sigma), theirs, rtol=1e-10, atol=1e-10)


def test_a_covariance_that_is_none_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        gaussian.log_density(np.zeros(2), 0.0, np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_a_linear_map_moves_the_covariance_and_the_density() -> None:
    rng = np.random.default_rng(0)
    A, b, mu, Sigma = rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal(3), spd(3, 1)
    mean, covariance = gaussian.linear(A, b, mu, Sigma)
    x = gaussian.sample(mu, Sigma, 40_000, rng)
    y = x @ A.T + b
    # 4.5 standard errors, nine entries: a false alarm in 1 of 16,000 seeds.
    assert (np.abs(np.cov(y.T) - covariance) < 4.5 * gaussian.covariance_error(covariance, len(y))).all()
    assert (np.abs(y.mean(axis=0) - mean) < 4.5 * np.sqrt(np.diag(covariance) / len(y))).all()
    drop = gaussian.log_density(x[:100], mu, Sigma) - gaussian.log_density(y[:100], mean, covariance)
    assert np.abs(drop - np.log(abs(np.linalg.det(A)))).max() < 1e-10


def test_standard_errors_of_a_covariance_are_right() -> None:
    # 3,000 sample covariances of 50 draws: the spread of each entry, known to 1/√6000 = 1.3 %.
    Sigma, rng = spd(2, 3), np.random.default_rng(4)
    x = rng.standard_normal((3000, 50, 2)) @ np.linalg.cholesky(Sigma).T
    x -= x.mean(axis=1, keepdims=True)
    spread = (np.einsum("sni,snj->sij", x, x) / 49).std(axis=0)
    # The entries are not quite normal, which widens the spread of their spread.
    assert np.abs(spread / gaussian.covariance_error(Sigma, 50) - 1).max() < 0.08


@pytest.mark.parametrize("sd", [0.2, 0.7, 1.0, 2.5])
def test_tanh_agrees_with_torch_and_has_mass_1(sd: float) -> None:
    base = torch.distributions.Normal(torch.zeros(1, dtype=torch.float64), sd)
    law = torch.distributions.TransformedDistribution(base, [torch.distributions.TanhTransform()])
    y = np.linspace(-0.99, 0.99, 199)
    theirs = law.log_prob(torch.from_numpy(y)).numpy()
    Sigma = np.array([[sd**2]])
    assert np.abs(gaussian.tanh_log_density(y[:, None], Sigma) - theirs).max() < 1e-10
    # In steps of x, where the integrand is smooth: dy = (1 − y²) dx.
    x = np.linspace(-9 * sd, 9 * sd, 20_001)
    x = x[np.abs(x) < 18]
    y = np.tanh(x)
    keep = 1 - y**2 > 1e-15
    mass = np.trapezoid(np.exp(gaussian.tanh_log_density(y[keep, None], Sigma)) * (1 - y[keep] ** 2), x[keep])
    assert abs(mass - 1) < 1e-6


def test_tanh_in_the_plane_has_mass_1() -> None:
    Sigma = np.array([[1.0, 0.6], [0.6, 0.8]])
    side = np.linspace(-1, 1, 801)[1:-1]
    y = np.stack(np.meshgrid(side, side), axis=-1)
    assert np.exp(gaussian.tanh_log_density(y, Sigma)).sum() * (side[1] - side[0]) ** 2 == pytest.approx(1, abs=5e-4)


@pytest.mark.parametrize("sd", [0.3, 0.70, 0.7072, 0.75, 1.0, 1.5, 3.0])
def test_modes_and_dip_of_tanh(sd: float) -> None:
    y = np.linspace(0, 1, 200_001)[:-1]
    logs = gaussian.tanh_log_density(y[:, None], np.array([[sd**2]]))
    assert abs(y[logs.argmax()] - gaussian.tanh_mode(sd)) < (1e-3 if sd < 0.72 else 1e-5)
    assert (gaussian.tanh_mode(sd) > 0) == (sd > math.sqrt(0.5))


@pytest.mark.parametrize("sd", [0.5, 1.0, 1.5])
def test_the_density_of_tanh_falls_to_0_at_the_ends(sd: float) -> None:
    y = 1 - np.array([1e-3, 1e-6, 1e-9, 1e-12, 1e-15])
    density = np.exp(gaussian.tanh_log_density(y[:, None], np.array([[sd**2]])))
    assert density[-1] < 1e-3
    assert (np.diff(density)[1:] < 0).all()


def test_the_known_mode_at_sd_1() -> None:
    assert gaussian.tanh_mode(1.0) == pytest.approx(0.9575, abs=5e-5)


# -- sums ---

Y = np.linspace(-5.0, 5.0, 201)


@pytest.mark.parametrize("k", [1, 2, 3, 10, 64])
def test_sums_of_exponentials_are_gamma(k: int) -> None:
    s = k + math.sqrt(k) * Y
    theirs = math.sqrt(k) * stats.gamma(k).pdf(s)
    inside = s != 0
    assert np.abs(central_limit.density("exponential", k, Y) - theirs)[inside].max() < 1e-12
    assert np.abs(central_limit.distribution("exponential", k, Y) - stats.gamma(k).cdf(s)).max() < 1e-12


def irwin_hall(k: int, s: float) -> tuple[float, float]:
    """Density and distribution function by the textbook's alternating sums, which need exact fractions to be right."""
    if not 0 < s < k:
        return 0.0, float(s >= k)
    t = Fraction(s)
    terms = [(-1) ** j * math.comb(k, j) * (t - j) ** (k - 1) for j in range(int(s) + 1)]
    wholes = [(-1) ** j * math.comb(k, j) * (t - j) ** k for j in range(int(s) + 1)]
    return float(sum(terms) / math.factorial(k - 1)), float(sum(wholes) / math.factorial(k))


@pytest.mark.parametrize("k", [1, 2, 3, 10, 64])
def test_sums_of_uniforms_agree_with_exact_fractions(k: int) -> None:
    s = 0.5 * k + math.sqrt(k / 12) * Y
    density, whole = np.transpose([irwin_hall(k, t) for t in s])
    jump = (np.abs(s) < 1e-12) | (np.abs(s - k) < 1e-12)
    assert np.abs(central_limit.density("uniform", k, Y) - math.sqrt(k / 12) * density)[~jump].max() < 1e-12
    assert np.abs(central_limit.distribution("uniform", k, Y) - whole).max() < 1e-12


@pytest.mark.parametrize("term", ["exponential", "uniform"])
@pytest.mark.parametrize("k", [2, 5, 20])
def test_moments_of_the_exact_density(term: central_limit.Term, k: int) -> None:
    y = np.linspace(-9.0, 16.0, 40_001)
    p = central_limit.density(term, k, y)
    moments = [np.trapezoid(p * y**j, y) for j in range(5)]
    exact = [1, 0, 1, central_limit.skewness(term, k), 3 + central_limit.excess_kurtosis(term, k)]
    assert np.allclose(moments, exact, atol=1e-3)


@pytest.mark.parametrize(("term", "power", "constant"), [("exponential", 0.5, 0.1330), ("uniform", 1.0, 0.0275)])
def test_the_gap_to_the_gaussian_falls_as_edgeworth_says(
    term: central_limit.Term, power: float, constant: float
) -> None:
    # 2/(6 √(2π)) for skewness 2/√k, and (1.2/24) max |(y³ − 3y) φ(y)| for excess kurtosis −1.2/k.
    for k in (16, 64):
        gap = np.abs(central_limit.distribution(term, k, Y) - gaussian.Phi(Y)).max()
        assert gap * k**power == pytest.approx(constant, rel=0.02)


@pytest.mark.parametrize("term", ["exponential", "uniform"])
def test_draws_have_the_exact_law(term: central_limit.Term) -> None:
    y = np.sort(central_limit.draw(term, 3, (5000,), np.random.default_rng(0)))
    # 1.95: a false alarm in 1 of 1,000 seeds.
    assert np.sqrt(5000) * stats.kstest(central_limit.distribution(term, 3, y), "uniform").statistic < 1.95
    low, high = central_limit.support(term, 3)
    assert low <= y[0]
    assert y[-1] <= high
