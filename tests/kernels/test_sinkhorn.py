"""Sinkhorn against POT, the Gaussian closed form and its own rate; bridges against their exact law.

Statistical tests are seeded and allow 4 standard errors: each number gives a false alarm in 1 of 16,000 seeds.
"""

from __future__ import annotations

import math

import numpy as np
import ot
import pytest

from kernels import schrodinger, sinkhorn

N = 200
X = np.linspace(-6, 6, N)
C = 0.5 * (X[:, None] - X) ** 2


def law(*parts: tuple[float, float]) -> np.ndarray:
    p = sum(np.exp(-0.5 * ((X - m) / s) ** 2) / s for m, s in parts)
    return np.asarray(p / np.sum(p))


MODES, END = law((-2, 0.35), (2, 0.35)), law((0, 0.45))


def solve(a: np.ndarray, b: np.ndarray, eps: float, sweeps: int = 2000) -> tuple[sinkhorn.State, list[float]]:
    state, offs = sinkhorn.init(len(a), len(b)), []
    while not state.off < 1e-13 and state.sweeps < sweeps:
        state = sinkhorn.step(state, C, eps, a, b)
        offs.append(state.off)
    return state, offs[1:]


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_plan_is_pots(sigma: float) -> None:
    eps = sigma**2
    pi = sinkhorn.plan(solve(MODES, END, eps)[0], C, eps, MODES, END)
    theirs = ot.sinkhorn(MODES, END, C, eps, method="sinkhorn_log", numItermax=200, stopThr=1e-12)
    assert np.abs(pi - theirs).max() < 1e-12
    # For the cost (x − y)² their regulariser is twice as large.
    double = ot.sinkhorn(MODES, END, 2 * C, 2 * eps, method="sinkhorn_log", numItermax=200, stopThr=1e-12)
    assert np.abs(pi - double).max() < 1e-12


def test_small_noise_gives_the_transport_of_a_linear_program() -> None:
    cost = float(ot.emd2_1d(X, X, MODES, END, metric="sqeuclidean"))
    assert cost == pytest.approx(2.706, abs=2e-3)
    pi = sinkhorn.plan(solve(MODES, END, 0.01, 600)[0], C, 0.01, MODES, END)
    assert cost < 2 * np.sum(pi * C) < cost + 0.02


@pytest.mark.parametrize("eps", [0.09, 0.36, 4.0])
@pytest.mark.parametrize("means", [(-1.0, 1.0), (0.0, 0.0)])
def test_gaussian_covariance_and_rate(eps: float, means: tuple[float, float]) -> None:
    s0, s1 = 0.8, 0.5
    a, b = law((means[0], s0)), law((means[1], s1))
    state, offs = solve(a, b, eps)
    pi = sinkhorn.plan(state, C, eps, a, b)
    c = float(X @ pi @ X) - means[0] * means[1]
    exact = sinkhorn.gaussian_covariance(s0, s1, eps)
    assert exact == pytest.approx(0.5 * (math.sqrt(4 * s0**2 * s1**2 + eps**2) - eps), rel=1e-12)
    assert c == pytest.approx(exact, abs=1e-6)
    rho = exact / (s0 * s1)
    assert sinkhorn.correlations(pi, a, b)[:4] == pytest.approx([1.0, rho, rho**2, rho**3], abs=2e-4)
    # A shift is seen by linear functions; with equal means only even ones are left.
    power = 2 if means[0] else 4
    late = [k for k, off in enumerate(offs) if 1e-11 < off < 1e-6]
    if len(late) > 2:
        assert (offs[late[-1]] / offs[late[0]]) ** (1 / (late[-1] - late[0])) == pytest.approx(rho**power, abs=1e-4)


def test_marginals_after_few_sweeps_and_no_overflow_at_small_noise() -> None:
    state, offs = solve(MODES, END, 0.36)
    assert state.sweeps < 40
    pi = sinkhorn.plan(state, C, 0.36, MODES, END)
    assert np.abs(pi.sum(axis=0) - END).sum() < 1e-12
    assert np.abs(pi.sum(axis=1) - MODES).sum() < 1e-12
    one = sinkhorn.step(sinkhorn.step(sinkhorn.init(N, N), C, 1e-3, MODES, END), C, 1e-3, MODES, END)
    assert np.isfinite(one.f).all()
    assert np.isfinite(one.g).all()
    assert offs[0] > offs[5] > offs[-1]


def test_off_is_the_error_of_the_rows() -> None:
    state = sinkhorn.init(N, N)
    for _ in range(3):
        state = sinkhorn.step(state, C, 0.36, MODES, END)
    pi = sinkhorn.plan(state, C, 0.36, MODES, END)
    assert sinkhorn.step(state, C, 0.36, MODES, END).off == pytest.approx(
        np.abs(pi.sum(axis=1) - MODES).sum(), rel=1e-9
    )


def test_known_figures() -> None:
    state, _ = solve(MODES, END, 0.36)
    pi = sinkhorn.plan(state, C, 0.36, MODES, END)
    assert 2 * np.sum(pi * C) == pytest.approx(2.924, abs=1e-3)
    assert pi[np.ix_(X < 0, X > 0)].sum() == pytest.approx(0.0554, abs=5e-4)
    sd = [math.sqrt(float(p @ X**2)) for p in (MODES, END)]
    assert float(X @ pi @ X) / (sd[0] * sd[1]) == pytest.approx(0.766, abs=1e-3)


class TestBridges:
    sigma = 0.6

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        state, _ = solve(MODES, END, self.sigma**2)
        with np.errstate(divide="ignore"):
            return np.log(MODES) + state.f / self.sigma**2, np.log(END) + state.g / self.sigma**2

    @pytest.mark.parametrize("t", [0.1, 0.5, 0.8])
    def test_density_is_the_mixture_of_bridges(self, t: float) -> None:
        state, _ = solve(MODES, END, self.sigma**2)
        pi = sinkhorn.plan(state, C, self.sigma**2, MODES, END)
        x = np.array([-1.0, 0.0, 0.7])
        mean = (1 - t) * X[:, None] + t * X
        v = self.sigma**2 * t * (1 - t)
        direct = [np.sum(pi * np.exp(-0.5 * (at - mean) ** 2 / v)) / math.sqrt(2 * math.pi * v) for at in x]
        assert schrodinger.density(x, t, self.sigma, (X, X), self.weights()) == pytest.approx(direct, rel=1e-10)

    def test_drift_is_the_slope_of_log_phi_and_the_mean_pull(self) -> None:
        _, w = self.weights()
        t, x = 0.4, np.array([-0.9, 0.3])
        v = self.sigma**2 * (1 - t)
        up, down = (schrodinger.log_phi(x + h, X, w, v)[0] for h in (1e-5, -1e-5))
        drift = schrodinger.drift(x, t, self.sigma, X, w)
        assert drift == pytest.approx(self.sigma**2 * (up - down) / 2e-5, abs=1e-7)
        p = np.exp(w - 0.5 * (X - x[:, None]) ** 2 / v)
        assert drift == pytest.approx((p @ X / p.sum(axis=1) - x) / (1 - t), abs=1e-10)

    def test_drift_and_density_solve_the_fokker_planck_equation(self) -> None:
        w = self.weights()
        x, t, h, k = np.linspace(-2, 2, 9), 0.5, 1e-3, 1e-4

        def p(x: np.ndarray, t: float) -> np.ndarray:
            return schrodinger.density(x, t, self.sigma, (X, X), w)

        def flux(x: np.ndarray) -> np.ndarray:
            slope = (p(x + h, t) - p(x - h, t)) / (2 * h)
            return schrodinger.drift(x, t, self.sigma, X, w[1]) * p(x, t) - 0.5 * self.sigma**2 * slope

        change = (p(x, t + k) - p(x, t - k)) / (2 * k)
        assert change == pytest.approx(-(flux(x + h) - flux(x - h)) / (2 * h), abs=1e-4)

    def test_exact_steps_compose_and_end_on_the_end(self) -> None:
        rng = np.random.default_rng(0)
        n, sigma = 200_000, 1.3
        x, y = np.zeros(n), np.full(n, 2.0)
        for t, u in ((0.0, 0.3), (0.3, 0.7)):
            x = schrodinger.advance(x, y, t, u, sigma, rng.standard_normal(n))
        v = sigma**2 * 0.7 * 0.3
        assert x.mean() == pytest.approx(1.4, abs=4 * math.sqrt(v / n))
        assert x.var() == pytest.approx(v, abs=4 * v * math.sqrt(2 / n))
        end = schrodinger.advance(x, y, 0.7, 1.0, sigma, rng.standard_normal(n))
        assert np.abs(end - y).max() < 1e-14

    def test_euler_misses_the_end_by_one_increment(self) -> None:
        rng = np.random.default_rng(1)
        x, y, z = (rng.standard_normal(1000) for _ in range(3))
        end = schrodinger.advance_euler(x, y, 0.95, 1.0, 0.7, z)
        assert end == pytest.approx(y + 0.7 * math.sqrt(0.05) * z, abs=1e-12)

    def test_sampled_pairs_have_the_plans_moments(self) -> None:
        state, _ = solve(MODES, END, self.sigma**2)
        pi = sinkhorn.plan(state, C, self.sigma**2, MODES, END)
        n = 100_000
        x, y = schrodinger.sample_plan(pi, X, X, n, np.random.default_rng(2))
        exact = float(X @ pi @ X)
        assert np.mean(x * y) == pytest.approx(exact, abs=4 * float(np.std(x * y)) / math.sqrt(n))
        assert np.mean((x < 0) & (y > 0)) == pytest.approx(0.0554, abs=4 * math.sqrt(0.0554 / n))


def test_mixed_variance_of_a_brownian_bridge_and_of_brownian_motion() -> None:
    assert schrodinger.mixed_variance(0, 0, 0, 2.0, 0.25) == pytest.approx(4 * 0.25 * 0.75)
    # Ends that Brownian motion itself would reach: Var x_t = v0 + σ² t.
    assert schrodinger.mixed_variance(1.0, 1.0 + 4.0, 1.0, 2.0, 0.25) == pytest.approx(1.0 + 4.0 * 0.25)
