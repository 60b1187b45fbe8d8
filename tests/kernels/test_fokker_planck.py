"""The Ornstein–Uhlenbeck process, all of which is known, and the matrix exponential are the oracles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import norm

from kernels import double_well, fokker_planck

H = 0.05
X = np.arange(-7 + H / 2, 7, H)


@pytest.fixture(scope="module")
def oscillator() -> fokker_planck.Modes:
    return fokker_planck.modes(0.5 * X**2, 1.0, H)


def test_rates_of_the_oscillator_are_whole_numbers(oscillator: fokker_planck.Modes) -> None:
    assert oscillator.rates[:6] == pytest.approx(np.arange(6), abs=6e-3)
    # Errors O(h²): halving h divides them by four.
    x = np.arange(-7 + H / 4, 7, H / 2)
    finer = fokker_planck.modes(0.5 * x**2, 1.0, H / 2, 4)
    assert (oscillator.rates[3] - 3) / (finer.rates[3] - 3) == pytest.approx(4, abs=0.05)


def test_its_modes_are_hermite_polynomials(oscillator: fokker_planck.Modes) -> None:
    near = np.abs(X) < 3
    assert np.abs(oscillator.phi[0] - 1).max() < 1e-6
    assert np.abs(oscillator.phi[1] - X)[near].max() < 5e-3
    assert np.abs(oscillator.phi[2] - (X**2 - 1) / np.sqrt(2))[near].max() < 2e-2


def test_its_density_moves_as_known(oscillator: fokker_planck.Modes) -> None:
    p = norm.pdf(X, 2.0, 0.5) * H
    for t in (0.1, 1.0):
        mean, variance = 2 * np.exp(-t), 1 + (0.25 - 1) * np.exp(-2 * t)
        moved = fokker_planck.evolve(p, t, oscillator)
        assert np.abs(moved / H - norm.pdf(X, mean, np.sqrt(variance))).max() < 2e-3


def test_the_generator_keeps_mass_and_the_boltzmann_law() -> None:
    U = double_well.U(X, 0.2)
    L = fokker_planck.generator(U, 0.3, H)
    weight = np.exp(-(U - U.min()) / 0.3)
    assert np.abs(L.sum(axis=1)).max() < 1e-9 * np.abs(L).max()
    flow = weight[:, None] * L
    assert np.abs(flow - flow.T).max() < 1e-12 * np.abs(flow).max()


def test_evolve_is_the_matrix_exponential() -> None:
    x = np.arange(-2.4, 2.4, 0.1) + 0.05
    U = double_well.U(x)
    found = fokker_planck.modes(U, 0.3, 0.1)
    p = np.eye(len(x))[10]
    assert (
        np.abs(fokker_planck.evolve(p, 0.7, found) - p @ expm(0.7 * fokker_planck.generator(U, 0.3, 0.1))).max() < 1e-10
    )
    gram = (found.phi[:5] * found.law) @ found.phi[:5].T
    assert np.allclose(gram, np.eye(5), atol=1e-10)


def test_known_relaxation_of_the_double_well() -> None:
    x = double_well.grid(0.3, 0.0, 0.0125)
    rate = fokker_planck.modes(double_well.U(x), 0.3, 0.0125, 2).rates[1]
    assert 1 / rate == pytest.approx(4.2013, abs=5e-4)


def test_relaxation_tends_to_the_sum_of_kramers_rates() -> None:
    ratios = []
    for D in (0.04, 0.02):
        x = double_well.grid(D, 0.1, 0.005)
        rate = fokker_planck.modes(double_well.U(x, 0.1), D, x[1] - x[0], 2).rates[1]
        ratios.append(rate / sum(double_well.kramers(D, 0.1)))
    assert abs(ratios[1] - 1) < 0.6 * abs(ratios[0] - 1)
    assert ratios[1] == pytest.approx(1, abs=0.12)
