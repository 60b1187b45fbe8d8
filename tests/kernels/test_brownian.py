"""The laws of Brownian motion.

Statistical tests are seeded and allow 4.5 standard errors: each number gives a false alarm in 1 of 150,000 seeds.
"""

from __future__ import annotations

import numpy as np
import pytest

from kernels import brownian


def walk(n: int, steps: int, D: float, dt: float, noise: brownian.Noise, levels: int = 1) -> list[brownian.State]:
    rng = np.random.default_rng(0)
    states = [brownian.init(n, levels)]
    for _ in range(steps):
        states.append(brownian.step(states[-1], brownian.increments(n, D, dt, noise, rng)))
    return states


@pytest.mark.parametrize("noise", ["gaussian", "coin"])
def test_variance_and_covariance(noise: brownian.Noise) -> None:
    n, D = 20_000, 0.7
    states = walk(n, 100, D, 0.01, noise)
    for s, t in ((30, 100), (50, 80), (100, 100)):
        expected = brownian.covariance(D, s * 0.01, t * 0.01)
        error = np.sqrt((expected**2 + 4 * D**2 * s * t * 1e-4) / n)
        assert abs(np.mean(states[s].x * states[t].x) - expected) < 4.5 * error
        assert expected == pytest.approx(2 * D * min(s, t) * 0.01)


def test_increments_over_disjoint_times_are_uncorrelated() -> None:
    states = walk(20_000, 60, 0.5, 0.01, "gaussian")
    a, b = states[30].x - states[0].x, states[60].x - states[30].x
    assert abs(np.corrcoef(a, b)[0, 1]) < 4.5 / np.sqrt(20_000)


def test_quadratic_variation_settles_with_scatter_root_two_over_n() -> None:
    n, steps, D, T = 4000, 1000, 0.5, 1.0
    last = walk(n, steps, D, T / steps, "gaussian")[-1]
    assert abs(last.quadratic[0].mean() - 2 * D * T) < 4.5 * np.sqrt(2 / steps / n)
    # Its standard deviation, known to 1/√(2n) of itself.
    assert last.quadratic[0].std() == pytest.approx(np.sqrt(2 / steps), rel=4.5 / np.sqrt(2 * n))


def test_a_coin_has_no_scatter_at_all() -> None:
    last = walk(50, 256, 2.0, 1 / 256, "coin", 3)[-1]
    assert np.allclose(last.quadratic[0], 4.0, rtol=1e-12)
    assert last.quadratic[1].std() > 0.01


def test_coarser_meshes_are_those_of_the_same_path() -> None:
    states = walk(5, 64, 0.5, 1 / 64, "gaussian", 5)
    path = np.array([state.x for state in states])
    for level in range(5):
        moves = np.diff(path[:: 2**level], axis=0)
        assert np.allclose(states[-1].quadratic[level], np.sum(moves**2, axis=0))
        assert np.allclose(states[-1].total[level], np.sum(np.abs(moves), axis=0))


def test_total_variation_doubles_when_the_mesh_is_quartered() -> None:
    last = walk(2000, 1024, 0.5, 1 / 1024, "gaussian", 5)[-1]
    for level in (0, 2, 4):
        expected = brownian.total_variation(0.5, 1.0, 2**level / 1024)
        error = np.sqrt((1 - 2 / np.pi) / 2000)
        assert abs(last.total[level].mean() - expected) < 4.5 * error
    assert brownian.total_variation(0.5, 1.0, 1 / 1024) == pytest.approx(
        2 * brownian.total_variation(0.5, 1.0, 4 / 1024)
    )
    assert brownian.total_variation(0.5, 1.0, 1 / 1024) == pytest.approx(32 * np.sqrt(2 / np.pi))


def test_a_step_leaves_the_state_it_was_given() -> None:
    state = brownian.init(3, 2)
    brownian.step(state, np.ones(3))
    assert not state.x.any()
    assert not state.quadratic.any()
