"""Bessel functions, SciPy's quadrature and NumPy's polynomial roots are the oracles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.special import ive

from kernels import double_well


@pytest.mark.parametrize("D", [0.05, 0.1, 0.3, 1.0])
def test_Z_in_closed_form(D: float) -> None:
    # ∫ exp(−b (x² − 1)²) dx = ½π e^(−b/2) (I_¼ + I_−¼)(b/2), here with b = 1/(4D); ive(v, z) = iv(v, z) e^(−z).
    z = 1 / (8 * D)
    assert pytest.approx(0.5 * np.pi * (ive(0.25, z) + ive(-0.25, z)), rel=1e-10) == double_well.boltzmann(D).Z


def test_known_figures_of_the_symmetric_well() -> None:
    law = double_well.boltzmann(0.3)
    at = np.interp([-1, 0, 1], law.x, law.p)
    assert pytest.approx(2.12300, abs=5e-6) == law.Z
    assert at == pytest.approx([0.47103, 0.20471, 0.47103], abs=5e-6)
    assert law.mean(law.x**2) == pytest.approx(0.84055, abs=5e-6)
    assert law.mean(np.ones_like(law.x)) == pytest.approx(1.0, abs=1e-12)
    assert 1 / sum(double_well.kramers(0.3)) == pytest.approx(5.11, abs=5e-3)
    assert double_well.passage_time(0.3, 0.0, -1, 1) == pytest.approx(11.503, abs=1e-3)


@pytest.mark.parametrize("tilt", [0.0, 0.2, -0.3])
def test_the_force_is_the_derivative(tilt: float) -> None:
    x, h = np.linspace(-2.5, 2.5, 41), 1e-6
    slope = (double_well.U(x + h, tilt) - double_well.U(x - h, tilt)) / (2 * h)
    assert np.abs(slope - double_well.dU(x, tilt)).max() < 1e-8


@pytest.mark.parametrize(("D", "tilt", "a", "b"), [(0.3, 0.0, -1, 1), (0.2, 0.15, -1, 1), (0.5, 0.1, 1, -1)])
def test_passage_times_by_double_quadrature(D: float, tilt: float, a: float, b: float) -> None:
    sign = np.sign(b - a)

    def inner(z: float, y: float) -> float:
        return float(np.exp((double_well.U(y, tilt) - double_well.U(z, tilt)) / D))

    expected = dblquad(inner, min(a, b), max(a, b), lambda y: -4.0 if sign > 0 else y, lambda y: y if sign > 0 else 4.0)
    assert double_well.passage_time(D, tilt, a, b) == pytest.approx(expected[0] / D, rel=1e-5)


def test_passages_add_up() -> None:
    parts = double_well.passage_time(0.25, 0.1, -1, 0.2) + double_well.passage_time(0.25, 0.1, 0.2, 1)
    assert double_well.passage_time(0.25, 0.1, -1, 1) == pytest.approx(parts, rel=1e-6)


@pytest.mark.parametrize("tilt", [-0.38, -0.2, 0.0, 0.15, 0.3])
def test_extrema_are_the_roots_of_the_force(tilt: float) -> None:
    assert double_well.extrema(tilt) == pytest.approx(np.sort(np.roots([1, 0, -1, -tilt]).real), abs=1e-10)
    left, top, right = double_well.extrema(tilt) or (0, 0, 0)
    assert double_well.dU(np.array([left, top, right]), tilt) == pytest.approx([0, 0, 0], abs=1e-12)
    assert (double_well.U(np.array(right), tilt) < double_well.U(np.array(left), tilt)) == (tilt > 0)


def test_beyond_the_fold_there_is_one_well() -> None:
    assert double_well.extrema(0.39) is None
    assert np.isnan(double_well.kramers(0.3, 0.39)).all()
    assert double_well.extrema(double_well.FOLD - 1e-9) is not None


def test_kramers_is_the_limit_of_the_mean_first_passage() -> None:
    # To a well from the other one: 1/T → Kramers' rate; the share that is missing shrinks with D.
    off = [
        1 - 1 / double_well.passage_time(D, 0.1, -1.05, 0.95) / double_well.kramers(D, 0.1)[0]
        for D in (0.04, 0.02, 0.01)
    ]
    assert abs(off[2]) < abs(off[1]) < abs(off[0]) < 0.4
    assert abs(off[2]) < 0.12


def test_mass_beyond_the_wells_by_quad() -> None:
    law = double_well.boltzmann(0.3, 0.15)
    weights = [quad(lambda x: float(np.exp(-double_well.U(x, 0.15) / 0.3)), lo, hi)[0] for lo, hi in ((-5, 0), (0, 5))]
    assert law.mean((law.x > 0).astype(float)) == pytest.approx(weights[1] / sum(weights), rel=1e-6)
