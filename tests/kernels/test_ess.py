"""Autoregressive series, whose autocorrelation time is (1 + φ) / (1 − φ).

Statistical tests are seeded and allow 4.5 standard errors: each number gives a false alarm in 1 of 150,000 seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from kernels import ess


def ar(phi: float, chains: int, n: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((chains, n + 500)) * np.sqrt(1 - phi**2)
    return lfilter([1.0], [1.0, -phi], noise, axis=1)[:, 500:]


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2, 3, 4))])
def test_the_time_of_an_autoregression(phi: float, seed: int) -> None:
    found = ess.autocorrelation_time(ar(phi, 40, 4000, seed))
    expected = (1 + phi) / (1 - phi)
    assert abs(found.tau - expected) < 4.5 * found.error + 0.01 * expected
    # √(2 (2 · 10 τ + 1) / N) of τ is 0.069 for φ = 0.9.
    assert found.error < 0.09 * expected
    # Each ρ(k) has an error of about √(τ/N).
    assert np.abs(found.rho[:8] - phi ** np.arange(8)).max() < 5 * np.sqrt(expected / 160_000)


def test_the_error_is_honest() -> None:
    found = [ess.autocorrelation_time(ar(0.8, 4, 4000, seed)) for seed in range(60)]
    spread = np.std([time.tau for time in found], ddof=1)
    # The spread of 60 is known to 9 %.
    assert spread == pytest.approx(np.mean([time.error for time in found]), rel=0.45)


def test_correlations_are_those_of_the_definition() -> None:
    f = ar(0.7, 2, 50)
    d = f - f.mean()
    by_hand = [np.sum(d[:, : 50 - k] * d[:, k:]) / (2 * (50 - k)) for k in range(5)]
    assert np.allclose(ess.autocorrelations(f, 5), np.array(by_hand) / by_hand[0], atol=1e-14)


def test_alternating_series_are_worth_more_than_independent_ones() -> None:
    assert ess.autocorrelation_time(ar(-0.5, 40, 4000)).tau == pytest.approx(1 / 3, rel=0.05)


def test_what_is_too_short_is_not_judged() -> None:
    assert np.isnan(ess.autocorrelation_time(ar(0.99, 2, 200)).tau)
    assert np.isnan(ess.autocorrelation_time(np.zeros((3, 1))).tau)
    assert np.isnan(ess.autocorrelation_time(np.ones((3, 100))).tau)


def test_r_hat_is_one_for_one_law_and_more_for_several_or_a_drift() -> None:
    chains = ar(0.5, 20, 2000)
    assert ess.r_hat(chains) == pytest.approx(1.0, abs=0.005)
    assert ess.r_hat(chains + np.arange(20)[:, None] * 0.2) > 1.3
    assert ess.r_hat(chains + np.linspace(0, 2, 2000)) > 1.05
    assert np.isnan(ess.r_hat(np.ones((3, 10))))
