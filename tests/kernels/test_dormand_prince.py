"""SciPy's RK45, which is the same method, the matrix exponential and torchdiffeq are the oracles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchdiffeq
from scipy.integrate import RK45, solve_ivp
from scipy.linalg import expm

from kernels import dormand_prince as dp

SPIRAL = np.array([[-0.3, -2.0], [2.0, -0.3]])


def spiral(t: float, y: Any) -> Any:
    return SPIRAL @ y


def van_der_pol(t: float, y: Any) -> Any:
    return np.array([y[1], 5.0 * (1 - y[0] ** 2) * y[1] - y[0]])


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize(("f", "start"), [(spiral, [1.0, 0.0]), (van_der_pol, [2.0, 0.0])])
def test_steps_are_those_of_scipy(f: Any, start: list[float], tolerance: float) -> None:
    times = np.linspace(0, 10, 41)
    ours = dp.solve(f, start, times, tolerance, tolerance)
    theirs = solve_ivp(f, (0, 10), start, method="RK45", rtol=tolerance, atol=tolerance, t_eval=times)
    assert ours.evaluations == theirs.nfev
    # SciPy interpolates by another formula of order 4: between the ends of steps the two differ by their errors.
    assert np.abs(ours.ys - theirs.y.T).max() < 100 * tolerance
    grid = solve_ivp(f, (0, 10), start, method="RK45", rtol=tolerance, atol=tolerance).t
    assert np.allclose(ours.grid, grid, rtol=1e-6)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7, 1e-9, 1e-11])
def test_the_error_follows_the_tolerance(tolerance: float) -> None:
    times = np.linspace(0, 6, 25)
    exact = np.stack([expm(t * SPIRAL) @ [1.0, 0.0] for t in times])
    found = dp.solve(spiral, [1.0, 0.0], times, tolerance, tolerance)
    assert np.abs(found.ys - exact).max() < 10 * tolerance
    back = dp.solve(spiral, found.ys[-1], times[::-1], tolerance, tolerance)
    # Going back the spiral grows by e^1.8 = 6.
    assert np.abs(back.ys - exact[::-1]).max() < 100 * tolerance


def test_agrees_with_torchdiffeq() -> None:
    times = np.linspace(0, 10, 21)
    for tolerance in (1e-4, 1e-7, 1e-10):
        theirs = torchdiffeq.odeint(
            lambda t, y: torch.from_numpy(SPIRAL) @ y,
            torch.tensor([1.0, 0.0], dtype=torch.float64),
            torch.from_numpy(times),
            rtol=tolerance,
            atol=tolerance,
            method="dopri5",
        ).numpy()
        assert np.abs(dp.solve(spiral, [1.0, 0.0], times, tolerance, tolerance).ys - theirs).max() < 20 * tolerance


def test_the_interpolant_has_order_4_and_meets_both_ends() -> None:
    def error(h: float) -> float:
        state = dp.init(spiral, 0.0, [1.0, 0.0], 1.0, 1.0, 1.0)
        state = dp.step(spiral, state._replace(h=h), 1.0, 1.0)
        assert np.abs(dp.between(state, 0.0) - [1.0, 0.0]).max() < 1e-15
        assert np.abs(dp.between(state, h) - state.y).max() < 1e-15
        inside = [dp.between(state, s * h) - expm(s * h * SPIRAL) @ [1.0, 0.0] for s in (0.2, 0.5, 0.8)]
        return float(np.abs(inside).max())

    # The error inside one step falls as h⁵.
    assert np.log2(error(0.04) / error(0.02)) == pytest.approx(5.0, abs=0.1)


def test_the_embedded_estimate_has_order_5() -> None:
    def estimate(h: float) -> float:
        state = dp.init(van_der_pol, 0.0, [2.0, 0.5], 1.0, 1.0, 1.0)
        return dp.step(van_der_pol, state._replace(h=h), 0.0, 1.0).ratio

    assert np.log2(estimate(0.01) / estimate(0.005)) == pytest.approx(5.0, abs=0.2)


def test_the_first_step_is_chosen_as_scipy_does() -> None:
    for tolerance in (1e-3, 1e-8):
        theirs = RK45(van_der_pol, 0.0, np.array([2.0, 0.0]), 10.0, rtol=tolerance, atol=tolerance).h_abs
        assert dp.init(van_der_pol, 0.0, [2.0, 0.0], 10.0, tolerance, tolerance).h == pytest.approx(theirs)


def test_steps_are_small_where_the_solution_is_fast() -> None:
    found = dp.solve(van_der_pol, [2.0, 0.0], [0.0, 20.0], 1e-6, 1e-9)
    assert found.rejected > 0
    assert np.diff(found.grid).max() > 10 * np.diff(found.grid).min()


def test_any_shape_and_complex_numbers() -> None:
    y = dp.solve(lambda t, y: 1j * y, np.array([[1.0 + 0j], [2.0]]), [0.0, np.pi], 1e-9, 1e-9).ys
    assert np.allclose(y[-1], [[-1.0], [-2.0]], atol=1e-8)
    assert dp.solve(lambda t, y: 0 * y, 1.0, [0.0, 5.0]).ys.tolist() == [1.0, 1.0]


def test_a_solution_that_ends_is_said_so() -> None:
    # dy/dt = y² from 1 reaches infinity at t = 1.
    with np.errstate(all="ignore"), pytest.raises(RuntimeError, match=r"t = (1|0\.99)"):
        dp.solve(lambda t, y: y * y, 1.0, [0.0, 2.0])
    with pytest.raises(RuntimeError, match="after 10 attempts"):
        dp.solve(van_der_pol, [2.0, 0.0], [0.0, 20.0], most=10)


@pytest.mark.parametrize("times", [[0.0], [0.0, 0.0], [0.0, 2.0, 1.0]])
def test_times_out_of_order_are_refused(times: list[float]) -> None:
    with pytest.raises(ValueError, match="rising or falling"):
        dp.solve(spiral, [1.0, 0.0], times)
