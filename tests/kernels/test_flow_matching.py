"""Flow matching: its exact field against Monte Carlo and diffusion, its likelihood against a flow that is known.

Statistical tests are seeded and allow 4.5 standard errors: each number gives a false alarm in 1 of 150,000 seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from kernels import edm, flow_matching, gaussian_grid, mlp, planar

S = planar.SD
D_SD = math.sqrt(planar.variance("grid"))
MODEL = flow_matching.model((16, 16), D_SD)


def denoise(x: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian_grid.denoise(x, S, sigma)


def exact(x: np.ndarray, t: float) -> np.ndarray:
    return flow_matching.exact(denoise, D_SD, x, t)


@pytest.mark.parametrize("t", [0.2, 0.6, 0.9])
def test_exact_field_is_the_conditional_mean_of_the_slope(t: float) -> None:
    # Self-normalised importance sampling of E[x₁ − x₀ | x_t = x]: draw x₁, then x₀ is fixed and has a known density.
    rng = np.random.default_rng(0)
    x1, _ = gaussian_grid.draw(200_000, S, rng)
    for x in np.array([[1.5, -2.0], [4.0, 3.5]]):
        x0 = (x - t * x1) / (1 - t)
        w = np.exp(-0.5 * np.sum((x0 / D_SD) ** 2, axis=1))
        w /= w.sum()
        mean = w @ (x1 - x0)
        error = np.sqrt(w**2 @ (x1 - x0 - mean) ** 2)
        assert np.all(np.abs(exact(x[None], t)[0] - mean) < 4.5 * error + 1e-9)


def test_exact_field_solves_the_continuity_equation() -> None:
    h, k = 1e-4, 1e-5

    def p(x: np.ndarray, t: float) -> np.ndarray:
        return np.exp(gaussian_grid.log_density(x / t, S, D_SD * (1 - t) / t)) / t**2

    x, t = np.array([[1.0, 0.5], [-3.0, 2.0], [5.5, -5.0]]), 0.7
    flux = sum(
        (p(x + e, t) * exact(x + e, t)[:, k] - p(x - e, t) * exact(x - e, t)[:, k]) / (2 * h)
        for k, e in enumerate(h * np.eye(2))
    )
    change = (p(x, t + k) - p(x, t - k)) / (2 * k)
    assert change == pytest.approx(-flux, rel=1e-4, abs=1e-8)


def test_one_euler_step_of_the_exact_field_ends_at_the_mean() -> None:
    x = D_SD * np.random.default_rng(1).standard_normal((50, 2))
    assert np.abs(flow_matching.sample(exact, x, 1, "euler")).max() < 1e-3


def test_many_steps_give_the_data() -> None:
    x = D_SD * np.random.default_rng(2).standard_normal((4000, 2))
    m = planar.measure("grid", flow_matching.sample(exact, x, 64, "heun"))
    assert m.sw1 < 0.2
    assert m.off < 0.005
    assert m.least > 0.8


def test_orders_of_euler_and_heun() -> None:
    x = D_SD * np.random.default_rng(3).standard_normal((200, 2))
    # Up to t = 0.6 the field is smooth.
    ends = {(method, n): _until(x, n, method) for method in ("euler", "heun") for n in (64, 128)}
    truth = _until(x, 1024, "heun")
    for method, order in (("euler", 1), ("heun", 2)):
        errors = [float(np.abs(ends[method, n] - truth).mean()) for n in (64, 128)]
        assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def _until(x: np.ndarray, n: int, method: str) -> np.ndarray:
    for k in range(n):
        x = flow_matching.step(exact, x, 0.6 * k / n, 0.6 * (k + 1) / n, "heun" if method == "heun" else "euler")
    return x


def test_pairs_lie_on_lines_and_their_gradient_is_the_difference_quotient() -> None:
    rng = np.random.default_rng(4)
    x1 = planar.draw("grid", 32, rng)
    x, t, u = flow_matching.pair(MODEL, x1, rng)
    assert x + (1 - t) * u == pytest.approx(x1, abs=1e-12)
    assert np.array_equal(np.sort((t[:, 0] * 32).astype(int)), np.arange(32))
    theta = mlp.init(MODEL.net, rng)
    _, gradient = flow_matching.gradient(MODEL, theta, x, t, u)
    direction = rng.standard_normal(len(theta))
    h = 1e-6
    ends = [flow_matching.gradient(MODEL, theta + s * h * direction, x, t, u)[0] for s in (1, -1)]
    assert gradient @ direction == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6)


def test_divergence_is_the_difference_quotient() -> None:
    rng = np.random.default_rng(5)
    theta, x, h = mlp.init(MODEL.net, rng), 3 * rng.standard_normal((5, 2)), 1e-5
    v, div = flow_matching.divergence(MODEL, theta, x, 0.3)
    assert v == pytest.approx(flow_matching.velocity(MODEL, theta, x, 0.3), abs=1e-12)
    quotient = sum(
        (flow_matching.velocity(MODEL, theta, x + e, 0.3) - flow_matching.velocity(MODEL, theta, x - e, 0.3))[:, k]
        for k, e in enumerate(h * np.eye(2))
    ) / (2 * h)
    assert div == pytest.approx(quotient, abs=1e-7)


def test_likelihood_is_a_density() -> None:
    # A random network is a flow like any other: its density must integrate to 1.
    theta = mlp.init(MODEL.net, np.random.default_rng(6), last=0.3)
    side = np.linspace(-25, 25, 41)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    mass = np.exp(flow_matching.log_likelihood(MODEL, theta, grid, 20)).sum() * (side[1] - side[0]) ** 2
    assert mass == pytest.approx(1.0, abs=4e-3)


def test_a_still_field_leaves_the_noise_as_it_is() -> None:
    theta = np.zeros(mlp.count(MODEL.net))
    x = np.array([[0.0, 0.0], [3.0, -4.0]])
    expected = -0.5 * np.sum(x**2, axis=1) / D_SD**2 - math.log(2 * math.pi * D_SD**2)
    assert flow_matching.log_likelihood(MODEL, theta, x, 5) == pytest.approx(expected, abs=1e-12)


def test_a_denoiser_gives_the_velocity() -> None:
    # Any denoiser, here an untrained network's: v (1 − t) + x_t is what it makes of x_t/t.
    m = edm.model(2, (8,), D_SD)
    theta = mlp.init(m.net, np.random.default_rng(7))
    x, t = np.ones((3, 2)), 0.4

    def D(x: np.ndarray, sigma: float) -> np.ndarray:
        return edm.denoise(m, theta, x, sigma)

    assert flow_matching.exact(D, D_SD, x, t) * (1 - t) + x == pytest.approx(D(x / t, D_SD * 1.5), abs=1e-12)
