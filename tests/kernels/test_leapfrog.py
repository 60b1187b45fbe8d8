"""What a symplectic method keeps, for a pendulum, a spring and a double well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels import dual, leapfrog, ode

POTENTIALS: dict[str, tuple[Any, Any, Any, float]] = {
    "spring": (lambda q: q * q / 2, lambda q: q, lambda q: 1.0 + 0 * q, 1.0),
    "double well": (lambda q: (q * q - 1) ** 2 / 4, lambda q: q**3 - q, lambda q: 3 * q * q - 1, -1.5),
    "pendulum": (lambda q: 1 - np.cos(q), np.sin, np.cos, 2.0),
}


def run(name: str, h: float, steps: int) -> tuple[leapfrog.State, np.ndarray, np.ndarray]:
    U, dU, ddU, q = POTENTIALS[name]
    state = leapfrog.init(q, 0.0)
    energies, shadows = [], []
    for _ in range(steps):
        state = leapfrog.step(dU, state, h)
        energies.append(float(leapfrog.energy(U, state)))
        shadows.append(float(leapfrog.shadow(U, dU, ddU, state, h)))
    return state, np.array(energies), np.array(shadows)


@pytest.mark.parametrize("name", POTENTIALS)
def test_the_energy_does_not_drift(name: str) -> None:
    _, energies, _ = run(name, 0.1, 20_000)
    off = np.abs(energies - POTENTIALS[name][0](POTENTIALS[name][3]))
    assert off.max() < 0.01
    assert off[10_000:].max() == pytest.approx(off[:10_000].max(), rel=0.05)


@pytest.mark.parametrize("name", POTENTIALS)
def test_the_shadow_energy_is_kept_to_order_4_and_the_energy_to_order_2(name: str) -> None:
    spreads = np.array([[np.ptp(e), np.ptp(s)] for _, e, s in (run(name, h, round(40 / h)) for h in (0.1, 0.05))])
    orders = np.log2(spreads[0] / spreads[1])
    assert orders == pytest.approx([2.0, 4.0], abs=0.1)


def test_for_a_spring_the_modified_energy_is_known_exactly() -> None:
    # p² + (1 − h²/4) q² is kept to rounding.
    state = leapfrog.init(1.0, 0.3)
    values = []
    for _ in range(1000):
        values.append(float(state.p**2 + (1 - 0.5**2 / 4) * state.q**2))
        state = leapfrog.step(lambda q: q, state, 0.5)
    assert np.ptp(values) < 1e-13


@pytest.mark.parametrize("name", POTENTIALS)
def test_backwards_undoes_forwards(name: str) -> None:
    state, _, _ = run(name, 0.1, 500)
    for _ in range(500):
        state = leapfrog.step(POTENTIALS[name][1], state, -0.1)
    assert state.q == pytest.approx(POTENTIALS[name][3], abs=1e-10)
    assert state.p == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize("name", POTENTIALS)
def test_areas_are_kept_and_euler_makes_them_grow(name: str) -> None:
    _, dU, ddU, _ = POTENTIALS[name]
    h, q, p = 0.3, 0.7, -0.4

    def moved(dq: float, dp: float) -> tuple[float, float]:
        ball = leapfrog.step(dU, leapfrog.State(dual.Dual(q, dq), dual.Dual(p, dp)), h)  # type: ignore[arg-type]
        return float(ball.q.tangent), float(ball.p.tangent)  # type: ignore[attr-defined]

    jacobian = np.array([moved(1.0, 0.0), moved(0.0, 1.0)])
    assert np.linalg.det(jacobian) == pytest.approx(1.0, abs=1e-14)
    euler = np.array([[1.0, -h * ddU(q)], [h, 1.0]])
    assert np.linalg.det(euler) == pytest.approx(1 + h**2 * ddU(q))


def test_agrees_with_rk4_for_a_short_time_and_has_order_2() -> None:
    _, dU, _, q = POTENTIALS["double well"]
    exact = ode.solve(lambda t, y: np.array([y[1], -dU(y[0])]), [q, 0.0], np.linspace(0, 2, 2001), ode.RK4)[-1]
    errors = []
    for steps in (100, 200):
        state, _, _ = run("double well", 2 / steps, steps)
        errors.append(np.hypot(state.q - exact[0], state.p - exact[1]))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.02)
