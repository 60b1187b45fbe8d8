"""SciPy's distributions and the convolution power of one step are the oracles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kernels import heat


def test_the_kernel_is_the_normal_density_and_solves_the_equation() -> None:
    x, D, t = np.linspace(-4, 4, 81), 0.7, 0.9
    assert np.allclose(heat.kernel(x, D, t), stats.norm.pdf(x, scale=np.sqrt(2 * D * t)), rtol=1e-13)
    h = 1e-4
    u_t = (heat.kernel(x, D, t + h) - heat.kernel(x, D, t - h)) / (2 * h)
    u_xx = (heat.kernel(x + h, D, t) - 2 * heat.kernel(x, D, t) + heat.kernel(x - h, D, t)) / h**2
    assert np.abs(u_t - D * u_xx).max() < 1e-6


@pytest.mark.parametrize("r", [0.1, 0.4, 0.5])
def test_the_scheme_is_the_law_of_a_random_walk(r: float) -> None:
    u, dx, steps = heat.delta(30, 0.1), 0.1, 25
    walk = np.array([1.0])
    for _ in range(steps):
        u = heat.step(u, r)
        walk = np.convolve(walk, [r, 1 - 2 * r, r])
    assert np.allclose(u[5:-5] * dx, walk, atol=1e-15)


@pytest.mark.parametrize("r", [0.1, 0.3, 0.6])
def test_mass_and_second_moment_are_exact_for_any_r(r: float) -> None:
    u, dx, steps = heat.delta(60, 0.1), 0.1, 20
    x = np.arange(-60, 61) * dx
    for _ in range(steps):
        u = heat.step(u, r)
    assert np.sum(u) * dx == pytest.approx(1.0, abs=1e-12)
    # 2 D t = 2 r dx² · steps
    assert np.sum(u * x**2) * dx == pytest.approx(2 * r * dx**2 * steps, rel=1e-9)


def test_mass_is_kept_when_it_reaches_the_ends() -> None:
    u = heat.delta(5, 1.0)
    for _ in range(200):
        u = heat.step(u, 0.4)
    assert np.allclose(u, 1 / 11, atol=1e-4)
    assert u.sum() == pytest.approx(1.0)


def test_the_error_is_second_order_and_fourth_at_one_sixth() -> None:
    def error(r: float, cells: int) -> float:
        dx = 6 / cells
        u = heat.delta(cells, dx)
        steps = round(0.5 / (r * dx**2))
        for _ in range(steps):
            u = heat.step(u, r)
        x = np.arange(-cells, cells + 1) * dx
        return float(np.abs(u - heat.kernel(x, 1.0, steps * r * dx**2)).max())

    for r, order in ((0.25, 2), (1 / 6, 4)):
        slope = np.log2(error(r, 30) / error(r, 60))
        assert slope == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize(("r", "grows"), [(0.49, False), (0.51, True)])
def test_the_limit_is_one_half(r: float, grows: bool) -> None:
    assert (heat.growth(r) > 1) is grows
    u = heat.delta(40, 1.0)
    for _ in range(1500):
        u = heat.step(u, r)
    assert bool(np.abs(u).max() > 1) is grows
