"""Detailed balance between all pairs, the law of large samples, and torch's densities are the oracles.

Statistical tests are seeded and allow 4.5 standard errors: each number gives a false alarm in 1 of 150,000 seeds.
The bound 1.95 of √n·KS is exceeded in 1 of 1,000.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from kernels import metropolis, mixture_1d

P = mixture_1d.Mixture(np.array([0.6, 0.4]), np.array([-1.0, 1.5]), np.array([0.7, 0.5]))


def log_p(x: np.ndarray) -> np.ndarray:
    # The constant cancels.
    return mixture_1d.log_density(P, x) + 17.0


def test_acceptance_has_the_probability_it_should() -> None:
    rng = np.random.default_rng(0)
    for ratio in (0.0, -0.5, -3.0):
        share = metropolis.accept(np.full(100_000, ratio), rng).mean()
        assert abs(share - np.exp(ratio)) < 4.5 * np.sqrt(0.25 / 100_000)
    assert metropolis.accept(np.array([5.0, 1e308, np.inf]), rng).all()
    assert not metropolis.accept(np.array([-1e308, -np.inf, np.nan]), rng).any()


def test_the_matrix_is_in_detailed_balance() -> None:
    x = np.linspace(-5, 5, 201)
    T = metropolis.random_walk_matrix(log_p, x, 0.8)
    flow = np.exp(log_p(x) - 17.0)[:, None] * T
    assert np.abs(flow - flow.T).max() < 1e-16
    assert np.allclose(T.sum(axis=1), 1.0, atol=1e-14)
    assert (T >= 0).all()


def test_the_chain_has_the_law() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    x = mixture_1d.draw(P, n, rng)
    for _ in range(20):
        x, taken = metropolis.random_walk(log_p, x, 1.0, rng)
    assert np.sqrt(n) * stats.kstest(x, lambda at: mixture_1d.distribution(P, at)).statistic < 1.95
    assert 0.4 < taken.mean() < 0.9


def test_refused_moves_stay_and_taken_ones_go() -> None:
    x = np.zeros(1000)
    y, taken = metropolis.random_walk(log_p, x, 5.0, np.random.default_rng(1))
    assert np.array_equal(y == 0, ~taken)
    assert 0 < taken.mean() < 1
    assert not x.any()


def test_the_matrix_predicts_the_acceptance() -> None:
    rng = np.random.default_rng(2)
    x = np.arange(-6.0, 6.0, 0.02)
    law = np.exp(mixture_1d.log_density(P, x)) * 0.02
    T = metropolis.random_walk_matrix(log_p, x, 1.0)
    # Moves of less than half a cell count as staying: their share is known.
    expected = law @ (1 - np.diag(T)) + 0.02 / np.sqrt(2 * np.pi)
    _, taken = metropolis.random_walk(log_p, mixture_1d.draw(P, 100_000, rng), 1.0, rng)
    assert abs(taken.mean() - expected) < 4.5 * np.sqrt(0.25 / 100_000) + 1e-3
