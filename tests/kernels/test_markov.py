"""Chains with two states, cycles and autoregressions, whose answers are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import markov


def random_chain(n: int, seed: int = 0) -> np.ndarray:
    P = np.random.default_rng(seed).random((n, n)) ** 3
    return P / P.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.3), (0.01, 0.02), (0.9, 0.8)])
def test_two_states_by_hand(a: float, b: float) -> None:
    P = np.array([[1 - a, a], [b, 1 - b]])
    pi, f = markov.stationary(P), np.array([0.0, 1.0])
    assert np.allclose(pi, [b / (a + b), a / (a + b)], atol=1e-14)
    # ρ(k) = (1 − a − b)ᵏ, so τ = (2 − a − b) / (a + b).
    assert markov.autocorrelation_time(P, pi, f) == pytest.approx((2 - a - b) / (a + b), rel=1e-10)
    assert np.allclose(markov.autocorrelations(P, pi, f, 6), (1 - a - b) ** np.arange(6))
    expected = pi[1] * (1 - (1 - a - b) ** np.arange(8))
    assert np.allclose(markov.forget(P, np.array([1.0, 0.0]), f, 8), expected)


def test_independent_draws_have_time_one_and_alternating_ones_less() -> None:
    pi = np.array([0.2, 0.5, 0.3])
    f = np.array([1.0, -2.0, 0.5])
    assert markov.autocorrelation_time(np.tile(pi, (3, 1)), pi, f) == pytest.approx(1.0)
    swap = np.array([[0.1, 0.9], [0.9, 0.1]])
    assert markov.autocorrelation_time(swap, np.array([0.5, 0.5]), np.array([1.0, -1.0])) == pytest.approx(1 / 9)


def test_time_is_the_sum_of_correlations_of_a_general_chain() -> None:
    P = random_chain(6)
    pi, f = markov.stationary(P), np.arange(6.0) ** 2
    assert np.abs(pi @ P - pi).max() < 1e-15
    rho = markov.autocorrelations(P, pi, f, 400)
    assert markov.autocorrelation_time(P, pi, f) == pytest.approx(2 * rho.sum() - 1, rel=1e-10)


def test_time_gives_the_variance_of_a_mean() -> None:
    P = random_chain(4, 5) * 0.3 + 0.7 * np.eye(4)
    pi, f, n = markov.stationary(P), np.array([3.0, -1.0, 0.0, 2.0]), 4000
    rho = markov.autocorrelations(P, pi, f, n)
    # The exact variance of a mean of n: (Var f / n) (1 + 2 Σ (1 − k/n) ρ(k)).
    exact = 1 + 2 * np.sum((1 - np.arange(1, n) / n) * rho[1:])
    assert markov.autocorrelation_time(P, pi, f) == pytest.approx(exact, rel=5 / n)


def test_total_variation_is_the_largest_difference_of_an_event() -> None:
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    assert markov.total_variation(p, q) == pytest.approx(0.3)
    assert markov.total_variation(p, p) == 0.0
