"""Gaussian targets in closed form, detailed balance to rounding, and quadrature are the oracles.

Statistical tests are seeded and allow 4.5 standard errors: each number gives a false alarm in 1 of 150,000 seeds.
The bound 1.95 of √n·KS is exceeded in 1 of 1,000.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from kernels import double_well, langevin, markov

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2, 3, 4))]


def gaussian(x: Any) -> Any:
    return 0.5 * x**2


def slope(x: Any) -> Any:
    return x


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("h", [0.1, 0.3])
def test_ula_has_the_variance_that_is_known(h: float, seed: int) -> None:
    rng, n = np.random.default_rng(seed), 40_000
    # Var = D / (1 − h/2) for U = x²/2.
    x = rng.standard_normal(n) * np.sqrt(2.0 / (1 - h / 2))
    for _ in range(60):
        x = langevin.ula(slope, x, 2.0, h, rng)
    assert x.var() == pytest.approx(2.0 / (1 - h / 2), rel=4.5 * np.sqrt(2 / n))


@pytest.mark.parametrize("h", [0.01, 0.2, 1.5])
@pytest.mark.parametrize("tilt", [0.0, 0.2])
def test_mala_is_in_detailed_balance(h: float, tilt: float) -> None:
    rng, D = np.random.default_rng(0), 0.3
    x = rng.uniform(-2, 2, 5000)
    y = x - h * double_well.dU(x, tilt) + np.sqrt(2 * D * h) * rng.standard_normal(5000)

    def U(at: Any) -> Any:
        return double_well.U(at, tilt)

    def dU(at: Any) -> Any:
        return double_well.dU(at, tilt)

    def log_flow(a: Any, b: Any) -> Any:
        taken = np.minimum(0.0, langevin.log_acceptance(U, dU, a, b, D, h))
        return -U(a) / D - (b - a + h * dU(a)) ** 2 / (4 * D * h) + taken

    there, back = log_flow(x, y), log_flow(y, x)
    # Relative to the size of the terms that cancel.
    assert np.max(np.abs(there - back) / (1 + np.abs(there))) < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_mala_has_the_law_and_ula_has_not(seed: int) -> None:
    rng, n, D, h = np.random.default_rng(seed), 20_000, 0.3, 0.2
    law = double_well.boltzmann(D)
    cdf = np.cumsum(law.p) * (law.x[1] - law.x[0])
    start = np.interp(rng.random(n), cdf, law.x)
    x, y = start, start
    for _ in range(100):
        x, _ = langevin.mala(double_well.U, double_well.dU, x, D, h, rng)
        y = langevin.ula(double_well.dU, y, D, h, rng)
    gaps = [np.sqrt(n) * stats.kstest(z, lambda at: np.interp(at, law.x, cdf)).statistic for z in (x, y)]
    assert gaps[0] < 1.95
    assert gaps[1] > 3.0


def test_the_matrices_are_the_samplers() -> None:
    rng, D, h, n = np.random.default_rng(0), 0.3, 0.2, 200_000
    grid = np.arange(-3.2 + 0.02, 3.2, 0.04)
    at = 60
    start = np.full(n, grid[at])
    edges = np.append(grid - 0.02, grid[-1] + 0.02)
    ula = langevin.ula(double_well.dU, start, D, h, rng)
    mala, taken = langevin.mala(double_well.U, double_well.dU, start, D, h, rng)
    P = langevin.ula_matrix(double_well.dU, grid, D, h)
    M = langevin.mala_matrix(double_well.U, double_well.dU, grid, D, h)
    for z, row in ((ula, P[at]), (mala, M[at])):
        counts = np.histogram(z, edges)[0] / n
        away = np.arange(len(grid)) != at
        assert np.abs(counts - row)[away].max() < 5 * np.sqrt(row.max() / n) + 2e-4
    assert abs(1 - taken.mean() - (M[at, at] - P[at, at])) < 4.5 * np.sqrt(0.25 / n) + 1e-3


def test_the_stationary_law_of_mala_is_boltzmanns_on_any_grid() -> None:
    grid = np.linspace(-2.5, 2.5, 90)
    law = np.exp(-double_well.U(grid) / 0.3)
    M = langevin.mala_matrix(double_well.U, double_well.dU, grid, 0.3, 0.4)
    assert np.abs((law / law.sum()) @ M - law / law.sum()).max() < 1e-15
    assert np.allclose(M.sum(axis=1), 1.0, atol=1e-14)


def test_the_bias_of_ula_known_and_of_first_order() -> None:
    grid = np.arange(-3.2 + 1 / 160, 3.2, 1 / 80)
    law = np.exp(-double_well.U(grid) / 0.3)
    law /= law.sum()
    bias = {
        h: markov.total_variation(
            langevin.quasi_stationary(langevin.ula_matrix(double_well.dU, grid, 0.3, h), law), law
        )
        for h in (0.01, 0.02, 0.2)
    }
    assert bias[0.01] == pytest.approx(0.0034, abs=5e-5)
    assert bias[0.2] == pytest.approx(0.086, abs=5e-4)
    assert bias[0.02] / bias[0.01] == pytest.approx(2.0, abs=0.1)


def test_quasi_stationary_is_the_leading_eigenvector_with_and_without_leak() -> None:
    grid = np.arange(-3.2 + 0.02, 3.2, 0.04)
    guess = np.exp(-double_well.U(grid) / 0.5)
    for h in (0.05, 0.4):
        P = langevin.ula_matrix(double_well.dU, grid, 0.5, h)
        values, vectors = np.linalg.eig(P.T)
        lead = np.abs(vectors[:, np.argmax(np.abs(values))].real)
        assert np.abs(langevin.quasi_stationary(P, guess) - lead / lead.sum()).max() < 1e-7


def test_ula_on_the_gaussian_by_the_matrix() -> None:
    grid = np.arange(-8, 8, 0.05) + 0.025
    P = langevin.ula_matrix(slope, grid, 1.0, 0.3)
    own = langevin.quasi_stationary(P, np.exp(-gaussian(grid)))
    assert own @ grid**2 == pytest.approx(1 / (1 - 0.15), rel=1e-9)
