"""Exact solutions on the same Brownian paths, and torchsde where it is installed, are the oracles.

Statistical tests are seeded and allow 4.5 standard errors: each number gives a false alarm in 1 of 150,000 seeds.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torchsde

from kernels import sde

COUNTS = [16, 32, 64, 128, 256]


def errors(mu: float, sigma: float, paths: int, milstein: bool, seed: int = 0) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    found = np.zeros(len(COUNTS))
    for _ in range(paths // 1000):
        dW = rng.standard_normal((256, 1000)) / 16
        exact = sde.gbm_exact(1.0, mu, sigma, 1.0, dW.sum(axis=0))
        for at, n in enumerate(COUNTS):
            x = sde.solve(
                lambda x, t: mu * x,
                lambda x, t: sigma * x,
                np.ones(1000),
                1.0,
                sde.coarser(dW, 256 // n),
                (lambda x, t: sigma) if milstein else None,
            )
            found[at] += np.abs(x - exact).mean()
    return found


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2, 3, 4))])
def test_strong_orders_one_half_and_one(seed: int) -> None:
    h = [1 / n for n in COUNTS]
    assert sde.order(h, errors(1.5, 1.0, 10_000, False, seed)) == pytest.approx(0.5, abs=0.05)
    assert sde.order(h, errors(1.5, 1.0, 10_000, True, seed)) == pytest.approx(1.0, abs=0.05)


def test_weak_order_one_without_noise() -> None:
    # A coin ±√h has the first two moments of ΔW: its 2ⁿ paths together give E x_n and E x_n² exactly.
    mu, sigma, counts = 0.2, 0.3, [4, 8, 16]
    errors = []
    for n in counts:
        coins = np.array(list(itertools.product((-1.0, 1.0), repeat=n))).T / np.sqrt(n)
        x = sde.solve(lambda x, t: mu * x, lambda x, t: sigma * x, np.ones(2**n), 1.0, coins)
        first, second = float(x.mean()), float(np.mean(x**2))
        assert first == pytest.approx((1 + mu / n) ** n, rel=1e-12)
        assert second == pytest.approx(((1 + mu / n) ** 2 + sigma**2 / n) ** n, rel=1e-12)
        errors.append([abs(first - np.exp(mu)), abs(second - np.exp(2 * mu + sigma**2))])
    for each in np.array(errors).T:
        assert sde.order([1 / n for n in counts], each) == pytest.approx(1.0, abs=0.05)


def test_gaussian_increments_have_the_same_mean() -> None:
    rng = np.random.default_rng(0)
    x = sde.solve(
        lambda x, t: 1.5 * x, lambda x, t: 0.3 * x, np.ones(100_000), 1.0, rng.standard_normal((16, 100_000)) / 4
    )
    # 4.5 standard errors: a false alarm in 7 of a million seeds.
    assert abs(x.mean() - (1 + 1.5 / 16) ** 16) < 4.5 * x.std() / np.sqrt(100_000)


def test_strong_order_one_for_additive_noise() -> None:
    rng = np.random.default_rng(0)
    dW, z = rng.standard_normal((2, 256, 4000)) / 16
    exact = np.ones(4000)
    for row, other in zip(dW, z * 16, strict=True):
        exact = sde.ou_exact(exact, 1.0, 1.0, 1 / 256, row, other)
    found = []
    for n in COUNTS:
        x = sde.solve(lambda x, t: -x, lambda x, t: 1.0, np.ones(4000), 1.0, sde.coarser(dW, 256 // n))
        found.append(np.abs(x - exact).mean())
    assert sde.order([1 / n for n in COUNTS], found) == pytest.approx(1.0, abs=0.05)


def test_without_noise_it_is_eulers_method_and_with_constant_noise_milstein_adds_nothing() -> None:
    x = sde.solve(lambda x, t: -x + t, lambda x, t: 0.0, np.ones(1), 1.0, np.zeros((50, 1)))
    y = 1.0
    for k in range(50):
        y += 0.02 * (-y + 0.02 * k)
    assert x[0] == pytest.approx(y, abs=1e-14)
    dW = np.random.default_rng(0).standard_normal((50, 7))
    runs = [sde.solve(lambda x, t: -x, lambda x, t: 2.0, np.ones(7), 1.0, dW, g_x) for g_x in (None, lambda x, t: 0.0)]
    assert np.array_equal(*runs)


def test_the_exact_step_has_the_law_of_the_process_at_any_step_size() -> None:
    n, theta, sigma = 200_000, 1.7, 0.8
    for h in (0.05, 2.0):
        rng = np.random.default_rng(1)
        dW, z = np.sqrt(h) * rng.standard_normal(n), rng.standard_normal(n)
        x = sde.ou_exact(np.full(n, 2.0), theta, sigma, h, dW, z)
        variance = sigma**2 * (1 - np.exp(-2 * theta * h)) / (2 * theta)
        shared = sigma * (1 - np.exp(-theta * h)) / theta
        assert abs(x.mean() - 2 * np.exp(-theta * h)) < 4.5 * np.sqrt(variance / n)
        assert x.var() == pytest.approx(variance, rel=4.5 * np.sqrt(2 / n))
        assert abs(np.cov(x, dW)[0, 1] - shared) < 4.5 * np.sqrt((shared**2 + variance * h) / n)


def test_coarser_increments_add_up_to_the_same_path() -> None:
    dW = np.random.default_rng(0).standard_normal((12, 3))
    assert np.allclose(np.cumsum(sde.coarser(dW, 4), axis=0), np.cumsum(dW, axis=0)[3::4])


def test_euler_and_milstein_agree_with_torchsde() -> None:

    class Gbm:
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t: Any, y: Any) -> Any:
            return 1.5 * y

        def g(self, t: Any, y: Any) -> Any:
            return y

    ts = torch.linspace(0, 1, 17, dtype=torch.float64)
    path = torchsde.BrownianInterval(0.0, 1.0, size=(5, 1), dtype=torch.float64, entropy=0)
    dW = np.array([path(a, b).numpy()[:, 0] for a, b in itertools.pairwise(ts)])
    for method, g_x in (("euler", None), ("milstein", lambda x, t: 1.0)):
        start = torch.ones(5, 1, dtype=torch.float64)
        theirs = torchsde.sdeint(Gbm(), start, ts, bm=path, method=method, dt=1 / 16)[-1].detach().numpy()[:, 0]
        ours = sde.solve(lambda x, t: 1.5 * x, lambda x, t: x, np.ones(5), 1.0, dW, g_x)
        assert np.allclose(ours, theirs, rtol=1e-10)
