"""The matrix exponential, SciPy and the methods' own definitions are the oracles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchdiffeq
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from kernels import dormand_prince, ode

METHODS = [ode.EULER, ode.HEUN, ode.RK4, dormand_prince.METHOD]
SPIRAL = np.array([[-0.3, -2.0], [2.0, -0.3]])


def van_der_pol(t: float, y: Any) -> Any:
    return np.array([y[1], (1 - y[0] ** 2) * y[1] - y[0]])


def slope(f: Any, y0: Any, end: float, exact: Any, m: ode.Method, counts: tuple[int, ...]) -> float:
    errors = [np.abs(ode.solve(f, y0, np.linspace(0, end, n + 1), m)[-1] - exact).max() for n in counts]
    return -float(np.polyfit(np.log(counts), np.log(errors), 1)[0])


@pytest.mark.parametrize("m", METHODS, ids=lambda m: m.name)
class TestOrder:
    # Counts for which the leading term of the error is alone: beyond the bend, above rounding.
    COUNTS = {"Euler": (1000, 2000, 4000), "Heun": (400, 800, 1600), "RK4": (160, 320, 640)}

    def test_of_a_linear_system(self, m: ode.Method) -> None:
        counts = self.COUNTS.get(m.name, (40, 80, 160))
        found = slope(lambda t, y: SPIRAL @ y, [1.0, 0.0], 2.0, expm(2.0 * SPIRAL) @ [1.0, 0.0], m, counts)
        assert abs(found - m.order) < (0.06 if m.order == 1 else 0.02)

    def test_of_a_nonlinear_one_against_scipy(self, m: ode.Method) -> None:
        exact = solve_ivp(van_der_pol, (0, 2), [2.0, 0.0], method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
        counts = self.COUNTS.get(m.name, (40, 80, 160))
        found = slope(van_der_pol, [2.0, 0.0], 2.0, exact, m, counts)
        # Dormand–Prince's leading term is so small that the next one rules down to rounding: here it falls faster.
        assert abs(found - m.order) < 0.06 or found > m.order == 5

    def test_in_an_equation_that_knows_the_time(self, m: ode.Method) -> None:
        counts = self.COUNTS.get(m.name, (40, 80, 160))
        found = slope(lambda t, y: -2.0 * t * y * y, 1.0, 2.0, 0.2, m, counts)
        assert abs(found - m.order) < (0.06 if m.order < 5 else 0.3)

    def test_conditions_on_the_coefficients(self, m: ode.Method) -> None:
        # Σ b = 1, Σ b c = 1/2, Σ b c² = 1/3, Σ b A c = 1/6: as many as the order asks for.
        assert np.isclose(m.b.sum(), 1.0, atol=1e-15)
        assert np.allclose(np.triu(m.a), 0.0)
        if m.order >= 2:
            assert np.isclose(m.b @ m.c, 1 / 2, atol=1e-15)
        if m.order >= 4:
            assert np.isclose(m.b @ m.c**2, 1 / 3, atol=1e-15)
            assert np.isclose(m.b @ m.a @ m.c, 1 / 6, atol=1e-15)
            assert np.isclose(m.b @ m.c**3, 1 / 4, atol=1e-15)


@given(re=st.floats(-4, 2), im=st.floats(-4, 4), at=st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_a_step_of_the_test_equation_multiplies_by_R(re: float, im: float, at: int) -> None:
    z, m = complex(re, im), METHODS[at]
    y = ode.step(lambda t, y: z / 0.5 * y, ode.init(0.0, 1.0 + 0j), 0.5, m).y
    assert np.abs(y - ode.stability(m, z)) < 1e-12


def test_stability_functions_are_the_known_polynomials() -> None:
    z = np.random.default_rng(0).standard_normal(20) + 1j * np.random.default_rng(1).standard_normal(20)
    assert np.allclose(ode.stability(ode.EULER, z), 1 + z, rtol=1e-14)
    assert np.allclose(ode.stability(ode.HEUN, z), 1 + z + z**2 / 2, rtol=1e-14)
    assert np.allclose(ode.stability(ode.RK4, z), 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24, rtol=1e-14)


def test_limits_of_stability() -> None:
    assert ode.largest_stable(ode.EULER) == pytest.approx(2.0, abs=1e-12)
    assert ode.largest_stable(ode.HEUN) == pytest.approx(2.0, abs=1e-12)
    assert ode.largest_stable(ode.RK4) == pytest.approx(2.785293563405282, abs=1e-12)
    assert ode.largest_stable(ode.RK4, 1j) == pytest.approx(np.sqrt(8), abs=1e-12)
    assert ode.largest_stable(ode.EULER, 1j) == ode.largest_stable(ode.HEUN, 1j) == 0.0
    assert ode.largest_stable(ode.RK4, 1.0) == 0.0


@pytest.mark.parametrize("m", [ode.EULER, ode.HEUN, ode.RK4], ids=lambda m: m.name)
@pytest.mark.parametrize("share", [0.99, 1.01])
def test_what_should_decay_does_so_within_the_limit_only(m: ode.Method, share: float) -> None:
    h = 0.1
    rate = share * ode.largest_stable(m) / h
    y = ode.solve(lambda t, y: -rate * y, 1.0, h * np.arange(2001), m)
    assert (abs(y[-1]) < 1e-3) if share < 1 else (abs(y[-1]) > 1e3)


def test_states_of_any_shape_and_precision_and_evaluations_counted() -> None:
    state = ode.init(0, np.ones((2, 3), np.float32))
    state = ode.step(lambda t, y: -y, state, 0.1, ode.RK4)
    assert (state.y.dtype, state.y.shape, state.evaluations, state.t) == (np.float32, (2, 3), 4, 0.1)
    assert ode.init(0, [1, 2]).y.dtype == np.float64


def test_backwards_returns_to_the_order_of_the_method() -> None:
    times = np.linspace(0, 1, 101)
    there = ode.solve(van_der_pol, [2.0, 0.0], times, ode.RK4)[-1]
    back = ode.solve(van_der_pol, there, times[::-1], ode.RK4)[-1]
    assert np.abs(back - [2.0, 0.0]).max() < 1e-7


def test_euler_and_rk4_agree_with_torchdiffeq() -> None:
    times = np.linspace(0, 3, 31)
    theirs = {
        name: torchdiffeq.odeint(
            lambda t, y: torch.stack([y[1], (1 - y[0] ** 2) * y[1] - y[0]]),
            torch.tensor([2.0, 0.0], dtype=torch.float64),
            torch.from_numpy(times),
            method=name,
        ).numpy()
        for name in ("euler", "rk4")
    }
    assert np.abs(ode.solve(van_der_pol, [2.0, 0.0], times, ode.EULER) - theirs["euler"]).max() < 1e-13
    # Theirs is the 3/8 rule.
    rule = ode.method("3/8", 4, [1 / 8, 3 / 8, 3 / 8, 1 / 8], [1 / 3], [-1 / 3, 1.0], [1.0, -1.0, 1.0])
    assert np.abs(ode.solve(van_der_pol, [2.0, 0.0], times, rule) - theirs["rk4"]).max() < 1e-13
