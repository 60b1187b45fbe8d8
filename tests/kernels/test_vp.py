"""The two differential equations of the moments, by finite differences, and simulation are the oracles.

Statistical tests are seeded and allow 4.5 standard errors: each number gives a false alarm in 1 of 150,000 seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kernels import vp

SCHEDULES = [vp.vp(), vp.vp(0.5, 2.0), vp.sub_vp(), vp.ve(), vp.ve(0.02, 50.0)]


@pytest.mark.parametrize("s", SCHEDULES, ids=lambda s: s.name)
class TestSchedule:
    def test_starts_with_the_data(self, s: vp.Schedule) -> None:
        assert float(s.alpha(0.0)) == 1.0
        assert float(s.variance(0.0)) == 0.0

    def test_solves_the_equations_of_mean_and_variance(self, s: vp.Schedule) -> None:
        def moments(t: float, y: np.ndarray) -> list[float]:
            return [float(s.a(t)) * y[0], 2 * float(s.a(t)) * y[1] + float(s.g2(t))]

        times = np.linspace(0.05, 1.0, 9)
        found = solve_ivp(moments, (0, 1), [1.0, 0.0], t_eval=times, rtol=1e-10, atol=1e-13).y
        assert np.allclose(found[0], s.alpha(times), rtol=1e-7)
        assert np.allclose(found[1], s.variance(times), rtol=1e-7)
        assert np.allclose(s.sigma(times) ** 2, s.variance(times))

    def test_two_exact_steps_make_one(self, s: vp.Schedule) -> None:
        a, v = vp.transition(s, 0.2, 0.5)
        b, w = vp.transition(s, 0.5, 0.9)
        c, u = vp.transition(s, 0.2, 0.9)
        assert b * a == pytest.approx(c, rel=1e-12)
        assert b**2 * v + w == pytest.approx(u, rel=1e-10)

    def test_eulers_moments_tend_to_the_exact_ones_with_order_one(self, s: vp.Schedule) -> None:
        off = []
        for n in (2000, 4000):
            m, v = vp.euler_moments(s, -0.8, 3.0, np.linspace(0, 0.6, n + 1))
            alpha, variance = float(s.alpha(0.6)), float(s.variance(0.6))
            off.append([abs(m[-1] + 0.8 * alpha), abs(v[-1] - (3 * alpha**2 + variance))])
        (mean, var), (mean2, var2) = off
        assert var / var2 == pytest.approx(2.0, abs=0.05)
        assert mean == mean2 == 0.0 or mean / mean2 == pytest.approx(2.0, abs=0.05)


def test_identities() -> None:
    t = np.linspace(0, 1, 21)
    assert np.allclose(vp.vp().alpha(t) ** 2 + vp.vp().variance(t), 1.0, atol=1e-15)
    assert np.allclose(vp.sub_vp().variance(t), vp.vp().variance(t) ** 2)
    assert np.array_equal(vp.ve().alpha(t), np.ones(21))
    # The end of the usual VP schedule: errata of the guide, α² = 4.3e-5 and α = 6.6e-3.
    assert float(vp.vp().alpha(1.0)) == pytest.approx(6.57e-3, rel=1e-2)
    assert float(vp.vp().alpha(1.0)) ** 2 == pytest.approx(np.exp(-10.05))


def test_eulers_moments_are_those_of_its_iterates() -> None:
    s, n, steps = vp.vp(), 100_000, 40
    rng = np.random.default_rng(0)
    x = rng.choice([-2.0, 1.0], n)
    times = np.linspace(0, 1, steps + 1)
    m, v = vp.euler_moments(s, -0.5, 2.25, times)
    h = 1 / steps
    for k in range(steps):
        x = x + s.a(times[k]) * x * h + np.sqrt(s.g2(times[k]) * h) * rng.standard_normal(n)
        if k in {0, 9, 39}:
            assert abs(x.mean() - m[k + 1]) < 4.5 * np.sqrt(v[k + 1] / n)
            assert abs(x.var() - v[k + 1]) < 4.5 * v[k + 1] * np.sqrt(2 / n)
