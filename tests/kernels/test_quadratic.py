"""The optimisers themselves, matrix powers and simulation are the oracles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import optimizers, quadratic, steep_start

F = quadratic.rotated(100.0, 30.0, (1.0, -2.0))
W0 = F.w_star + F.Q @ np.ones(2)


def run(lr: float, k: int, beta: float = 0.0, nesterov: bool = False, f: quadratic.Quadratic = F) -> np.ndarray:
    state = optimizers.init(f.w_star + f.Q @ np.ones(2))
    losses = [float(quadratic.loss(f, state.w))]
    for _ in range(k):
        state = optimizers.momentum(state, quadratic.gradient(f, state.w), lr, beta, nesterov)
        losses.append(float(quadratic.loss(f, state.w)))
    return np.array(losses)


def test_loss_and_gradient_are_those_of_the_matrix() -> None:
    H = F.Q @ np.diag(F.lam) @ F.Q.T
    w = np.random.default_rng(0).standard_normal((5, 2))
    e = w - F.w_star
    assert quadratic.loss(F, w) == pytest.approx(0.5 * np.einsum("ni,ij,nj->n", e, H, e), rel=1e-12)
    assert quadratic.gradient(F, w) == pytest.approx(e @ H, rel=1e-12)
    assert np.linalg.cond(H) == pytest.approx(100.0, rel=1e-10)


def test_iterates_are_matrix_powers() -> None:
    H = F.Q @ np.diag(F.lam) @ F.Q.T
    for lr, k in ((0.5, 0), (0.5, 7), (1.9, 20), (2.1, 20)):
        power = np.linalg.matrix_power(np.eye(2) - lr * H, k)
        assert quadratic.iterate(F, W0, lr, k) == pytest.approx(F.w_star + power @ (W0 - F.w_star), rel=1e-10)
    many = quadratic.iterate(F, W0, np.array([0.5, 1.0]), 4)
    assert many.shape == (2, 2)
    assert many[1] == pytest.approx(quadratic.iterate(F, W0, 1.0, 4), rel=1e-14)


@pytest.mark.parametrize(("beta", "nesterov"), [(0.0, False), (0.9, False), (0.9, True), (0.5, True)])
@pytest.mark.parametrize("lr", [0.1, 1.0, 1.3])
def test_exact_losses_are_those_of_the_optimisers(beta: float, nesterov: bool, lr: float) -> None:
    exact = quadratic.expected_loss(F, W0, np.full(60, lr), beta, nesterov=nesterov)
    assert run(lr, 60, beta, nesterov) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("beta", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_expected_losses_with_noise_are_met_on_average(beta: float, nesterov: bool) -> None:
    rng = np.random.default_rng(1)
    rates = np.linspace(0.8, 0.1, 30)
    state = optimizers.init(np.tile(W0, (20_000, 1)))
    for lr in rates:
        g = quadratic.gradient(F, state.w) + 0.2 * rng.standard_normal(state.w.shape)
        state = optimizers.momentum(state, g, float(lr), beta, nesterov)
    losses = quadratic.loss(F, state.w)
    exact = quadratic.expected_loss(F, W0, rates, beta, 0.2, nesterov)[-1]
    # 4.5 standard errors: a false alarm in 7 of a million seeds.
    assert abs(losses.mean() - exact) < 4.5 * losses.std() / math.sqrt(len(losses))


def test_runs_side_by_side() -> None:
    together = quadratic.expected_loss(F, W0, np.tile([0.5, 1.5], (10, 1)), noise=0.1)
    assert together.shape == (11, 2)
    assert together[:, 1] == pytest.approx(quadratic.expected_loss(F, W0, np.full(10, 1.5), noise=0.1), rel=1e-14)
    assert quadratic.expected_loss(F, W0, np.empty(0)).tolist() == [float(quadratic.loss(F, W0))]


def test_gradient_descent_is_stable_below_the_edge_only() -> None:
    assert quadratic.edge(1.0) == 2.0
    below, above = run(1.999, 3000), run(2.001, 3000)
    assert below[-1] < 1e-2 * below[0]
    assert above[-1] > 10 * above[0]


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_momentum_is_stable_below_its_edge_only(beta: float, nesterov: bool) -> None:
    f = quadratic.rotated(1.0)
    edge = quadratic.edge(1.0, beta, nesterov)
    assert run(0.99 * edge, 2000, beta, nesterov, f)[-1] < 1e-6
    assert run(1.01 * edge, 2000, beta, nesterov, f)[-1] > 1e6


def test_a_start_without_error_in_the_steepest_direction_does_not_see_the_edge() -> None:
    flat = F.w_star + F.Q[:, 0]
    assert quadratic.loss(F, quadratic.iterate(F, flat, 2.5, 200)) < quadratic.loss(F, flat)


@given(condition=st.floats(1.5, 1000.0), angle=st.floats(0.0, 90.0))
@settings(max_examples=40, deadline=None)
def test_the_best_worst_case_rate(condition: float, angle: float) -> None:
    f = quadratic.rotated(condition, angle)
    lr, rate = quadratic.best_rate(f)
    assert lr == pytest.approx(2 / (1 + 1 / condition))
    assert rate == pytest.approx((condition - 1) / (condition + 1))
    assert quadratic.rate(f, lr) == pytest.approx(rate, abs=1e-12)
    assert (quadratic.rate(f, np.linspace(0.01, 2.2, 200)) >= rate - 1e-12).all()


@given(condition=st.floats(1.5, 1000.0))
@settings(max_examples=40, deadline=None)
def test_momentum_reaches_the_root_of_the_condition_number(condition: float) -> None:
    f = quadratic.rotated(condition)
    lr, beta = quadratic.best_momentum(f)
    root = math.sqrt(condition)
    assert quadratic.rate(f, lr, beta) == pytest.approx((root - 1) / (root + 1), rel=1e-6)
    assert quadratic.rate(f, lr, beta) < quadratic.best_rate(f)[1]


def test_heavy_ball_shrinks_by_root_beta_between_its_edges() -> None:
    beta = 0.9
    slow, fast = (1 - math.sqrt(beta)) ** 2 / F.lam[0], (1 + math.sqrt(beta)) ** 2 / F.lam[-1]
    for lr in np.geomspace(slow * 1.001, fast * 0.999, 7):
        assert quadratic.rate(F, lr, beta) == pytest.approx(math.sqrt(beta), rel=1e-12)
        # Measured: the loss over 200 steps falls as rate^400, up to oscillation.
        losses = run(float(lr), 400, beta)
        measured = (losses[300:400].max() / losses[100:200].max()) ** (1 / 400)
        assert measured == pytest.approx(math.sqrt(beta), abs=3e-3)
    assert quadratic.rate(F, slow * 0.9, beta) > math.sqrt(beta) + 1e-3
    assert quadratic.rate(F, fast * 1.01, beta) > math.sqrt(beta) + 1e-3


def test_rates_are_spectral_radii() -> None:
    for lr, beta in ((0.3, 0.0), (1.7, 0.5), (3.0, 0.9), (5.0, 0.9)):
        radius = max(
            np.abs(np.linalg.eigvals([[1 - lr * lam, -lr * beta], [lam, beta]])).max() for lam in F.lam.tolist()
        )
        assert quadratic.rate(F, lr, beta) == pytest.approx(radius, rel=1e-10)


def test_the_best_rate_for_a_finite_budget_is_lower() -> None:
    assert round(quadratic.best_for(F, W0, 50), 3) == 1.894
    assert round(quadratic.best_rate(F)[0], 3) == 1.980
    for steps in (1, 10, 50, 400):
        lr = quadratic.best_for(F, W0, steps)
        least = quadratic.loss(F, quadratic.iterate(F, W0, lr, steps))
        others = quadratic.loss(F, quadratic.iterate(F, W0, np.linspace(0.01, 2, 500), steps))
        assert least <= others.min() + 1e-15
    assert quadratic.best_for(F, W0, 20_000) == pytest.approx(quadratic.best_rate(F)[0], abs=1e-3)


def test_a_condition_below_1_is_refused() -> None:
    with pytest.raises(ValueError, match="condition"):
        quadratic.rotated(0.5)


@pytest.mark.parametrize("s", [0.0, 1.0, 7.0])
def test_the_steep_start_has_its_own_edge(s: float) -> None:
    lam, start = np.array([0.01, 1.0]), np.array([2.0, 2.0])
    edge = steep_start.edge(lam, s, start)
    assert edge == pytest.approx(2 / (1 + 4 * s))
    for factor, stable in ((0.999, True), (1.001, False)):
        c = start
        for _ in range(3000):
            if np.abs(c).max() < 1e3:
                c = c - factor * edge * steep_start.gradient(lam, s, c)
        assert (abs(c[1]) < 2.0) == stable


def test_the_steep_start_is_the_gradient_of_its_loss() -> None:
    lam, c, h = np.array([0.3, 2.0]), np.array([1.2, -0.7]), 1e-6
    central = [
        (steep_start.loss(lam, 0.8, c + h * e) - steep_start.loss(lam, 0.8, c - h * e)) / (2 * h) for e in np.eye(2)
    ]
    assert steep_start.gradient(lam, 0.8, c) == pytest.approx(np.array(central), rel=1e-8)
