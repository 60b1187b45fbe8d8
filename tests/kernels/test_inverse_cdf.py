"""SciPy is the oracle, for the laws and for the tests of goodness of fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from kernels import goodness_of_fit, inverse_cdf

LAWS = {
    "exponential": (inverse_cdf.exponential(0.7), stats.expon(scale=1 / 0.7)),
    "cauchy": (inverse_cdf.cauchy(1.3), stats.cauchy(scale=1.3)),
}
MIXTURE = inverse_cdf.mixture([0.3, 0.7], [-2.0, 1.5], [0.6, 1.0])
U = np.concatenate([[1e-12, 1e-6, 0.5, 1 - 1e-6, 1 - 1e-12], np.linspace(0.001, 0.999, 301)])


@pytest.mark.parametrize("name", LAWS)
def test_formulas_agree_with_scipy(name: str) -> None:
    ours, theirs = LAWS[name]
    x = np.linspace(-9.0, 9.0, 500)
    assert np.abs(ours.cdf(x) - theirs.cdf(x)).max() < 1e-14
    assert np.abs(ours.pdf(x) - theirs.pdf(x)).max() < 1e-14
    assert ours.inverse is not None
    # A rounding of u, or of u − ½, moves the quantile by a share 1e-16 / min(u, 1 − u).
    error = np.abs(ours.inverse(U) - theirs.ppf(U)) / (1e-3 + np.abs(theirs.ppf(U)))
    assert (error < 1e-13 + 4e-16 / np.minimum(U, 1 - U)).all()


@pytest.mark.parametrize("newton", [False, True])
@pytest.mark.parametrize("name", LAWS)
def test_root_finding_agrees_with_the_formula(name: str, newton: bool) -> None:
    law, _ = LAWS[name]
    assert law.inverse is not None
    u = np.linspace(0.001, 0.999, 201)
    assert np.allclose(inverse_cdf.solve(law, u, newton).x, law.inverse(u), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("newton", [False, True])
@given(
    w=st.floats(0.01, 0.99),
    means=st.tuples(st.floats(-30, 30), st.floats(-30, 30)),
    sds=st.tuples(st.floats(0.05, 5), st.floats(0.05, 5)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=30, deadline=None)
def test_any_mixture_is_inverted(
    newton: bool, w: float, means: tuple[float, float], sds: tuple[float, float], seed: int
) -> None:
    law = inverse_cdf.mixture([w, 1 - w], means, sds)
    u = np.random.default_rng(seed).random(40)
    roots = inverse_cdf.solve(law, u, newton)
    assert np.abs(law.cdf(roots.x) - u).max() <= 1e-13
    assert roots.errors[-1] <= 1e-13


def test_the_mixture_agrees_with_scipy() -> None:
    x = np.linspace(-8.0, 8.0, 300)
    parts = [0.3 * stats.norm(-2.0, 0.6).cdf(x), 0.7 * stats.norm(1.5, 1.0).cdf(x)]
    assert np.abs(MIXTURE.cdf(x) - sum(parts)).max() < 1e-14
    slope = (MIXTURE.cdf(x + 1e-6) - MIXTURE.cdf(x - 1e-6)) / 2e-6
    assert np.abs(MIXTURE.pdf(x) - slope).max() < 1e-8


def test_bisection_halves_and_newton_squares() -> None:
    u = np.linspace(0.01, 0.99, 99)
    bisection, newton = (inverse_cdf.solve(MIXTURE, u, method).errors for method in (False, True))
    # In 30 halvings the error falls by about 2³⁰.
    assert 2**24 < bisection[5] / bisection[35] < 2**36
    assert len(newton) < len(bisection) / 3
    assert newton[-1] < 100 * newton[-2] ** 2 + 1e-15


@pytest.mark.parametrize("law", [*LAWS.values(), (MIXTURE, None)], ids=[*LAWS, "mixture"])
def test_samples_pass_kolmogorov_smirnov(law: tuple[inverse_cdf.Law, object]) -> None:
    # 1.95: a false alarm in 1 of 1,000 seeds.
    u = np.random.default_rng(1).random(20_000)
    x = np.sort(inverse_cdf.solve(law[0], u).x)
    gap = goodness_of_fit.kolmogorov_smirnov(law[0].cdf(x))
    assert np.sqrt(len(x)) * gap.D < 1.95


@given(
    weights=st.lists(st.floats(0.0, 10.0), min_size=1, max_size=20).filter(lambda w: sum(w) > 1e-3),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_the_search_returns_the_first_outcome_whose_sum_exceeds_u(weights: list[float], seed: int) -> None:
    p = np.array(weights) / sum(weights)
    u = np.concatenate([[0.0, np.nextafter(1.0, 0.0)], np.random.default_rng(seed).random(50)])
    k = inverse_cdf.discrete(u, p)
    assert (k < len(p)).all()
    sums = np.concatenate([[0.0], np.cumsum(p)])
    assert (sums[k] <= u + 1e-15).all()
    assert (u <= sums[k + 1] + 1e-15).all()
    # The last sum is pushed up to 1 against rounding, so that only an outcome after all others may be of p = 0.
    assert (p[k[u < sums[-1] - 1e-12]] > 0).all()


def test_discrete_samples_pass_chi_square() -> None:
    p = 1 / np.arange(1.0, 14)
    p /= p.sum()
    counts = np.bincount(inverse_cdf.discrete(np.random.default_rng(0).random(50_000), p), minlength=13)
    assert goodness_of_fit.chi_square(counts, p) < goodness_of_fit.chi_square_limit(12)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 300), shift=st.floats(-0.3, 0.3))
@settings(max_examples=60, deadline=None)
def test_the_gap_agrees_with_scipy(seed: int, n: int, shift: float) -> None:
    F = np.sort(np.clip(np.random.default_rng(seed).random(n) + shift, 0.0, 1.0))
    gap = goodness_of_fit.kolmogorov_smirnov(F)
    assert abs(gap.D - stats.kstest(F, "uniform").statistic) < 1e-14
    at = (gap.at + 1) / n if gap.above else gap.at / n
    assert abs(abs(at - F[gap.at]) - gap.D) < 1e-14


def test_tails_agree_with_scipy() -> None:
    for t in (-1.0, 0.0, 0.05, 0.3, 0.7, 0.999, 1.0, 1.5, 1.95, 3.0, 6.0):
        assert abs(goodness_of_fit.kolmogorov_tail(t) - special.kolmogorov(max(t, 0.0))) < 1e-14
    for freedom in (1, 2, 3, 12, 13, 60):
        for x in (0.0, 0.01, 1.0, 12.0, 33.0, 150.0):
            theirs = stats.chi2.sf(x, freedom)
            assert abs(goodness_of_fit.chi_square_tail(x, freedom) - theirs) < 1e-12 * max(theirs, 1e-3)
        limit = goodness_of_fit.chi_square_limit(freedom)
        assert abs(limit - stats.chi2.isf(0.001, freedom)) < 1e-8


def test_known_quantiles() -> None:
    assert goodness_of_fit.kolmogorov_tail(1.63) == pytest.approx(0.01, rel=0.02)
    assert goodness_of_fit.kolmogorov_tail(1.95) == pytest.approx(0.001, rel=0.02)


def test_chi_square_agrees_with_scipy() -> None:
    p = np.array([0.5, 0.3, 0.2])
    counts = [48, 35, 17]
    assert goodness_of_fit.chi_square(counts, p) == pytest.approx(stats.chisquare(counts, 100 * p).statistic)


def test_the_law_of_the_gap_does_not_know_the_law_of_the_samples() -> None:
    u = np.random.default_rng(2).random(500)
    gaps = [goodness_of_fit.kolmogorov_smirnov(law.cdf(np.sort(inverse_cdf.solve(law, u).x))).D
            for law in (LAWS["exponential"][0], LAWS["cauchy"][0], MIXTURE)]  # fmt: skip
    assert max(gaps) - min(gaps) < 1e-12


def test_alarms_of_a_right_sampler_are_as_rare_as_promised() -> None:
    # 4,000 samplers: 40 expected beyond 1.63 (1 %), standard deviation 6.3; 4.5 of them, and a little for finite n.
    F = np.sort(np.random.default_rng(3).random((4000, 400)), axis=1)
    i = np.arange(1, 401)
    D = np.maximum((i / 400 - F).max(axis=1), (F - (i - 1) / 400).max(axis=1))
    assert 40 - 28 - 8 < np.sum(20 * D > 1.63) < 40 + 28
