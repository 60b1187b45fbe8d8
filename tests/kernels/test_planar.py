"""The laws in the plane and the measures of samples.

Statistical tests are seeded and allow 4.5 standard errors: each number gives a false alarm in 1 of 150,000 seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from kernels import planar

NAMES: tuple[planar.Name, ...] = ("ring", "grid")


@pytest.mark.parametrize("name", NAMES)
def test_density_integrates_to_1_and_has_the_entropy(name: planar.Name) -> None:
    side = np.linspace(-9, 9, 901)
    total, entropy = 0.0, 0.0
    for y in side:
        log_p = planar.log_density(name, np.stack([side, np.full_like(side, y)], axis=1))
        total += float(np.exp(log_p).sum())
        entropy -= float((np.exp(log_p) * log_p).sum())
    cell = (side[1] - side[0]) ** 2
    assert total * cell == pytest.approx(1.0, abs=1e-6)
    assert entropy * cell == pytest.approx(planar.entropy(name), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_true_samples_have_the_exact_measures(name: planar.Name) -> None:
    n = 40_000
    m = planar.measure(name, planar.draw(name, n, np.random.default_rng(0)))
    off = planar.off_exact(name)
    assert m.off == pytest.approx(off, abs=4.5 * math.sqrt(off / n))
    assert np.abs(m.shares - (1 - off) / 9).max() < 4.5 * math.sqrt(8 / 81 / n)
    assert m.nll == pytest.approx(planar.entropy(name), abs=4.5 / math.sqrt(n))
    # The floor falls like 1/√n.
    small = np.mean([each.sw1 for each in planar.floor(name, n // 64, 6, np.random.default_rng(1))])
    assert 3 < small / m.sw1 < 20


@pytest.mark.parametrize("name", NAMES)
def test_projected_quantiles_are_those_of_many_samples(name: planar.Name) -> None:
    n = 200_000
    x = planar.draw(name, n, np.random.default_rng(2))
    quantiles = planar._quantiles(name, n)
    sd = math.sqrt(planar.variance(name))
    for k, u in enumerate(planar.sliced.directions(planar.DIRECTIONS)):
        assert planar.sliced.distance(x, u, quantiles[k]) < 6 * sd / math.sqrt(n)


@pytest.mark.parametrize("name", NAMES)
def test_a_shift_is_seen_by_its_mean_projection(name: planar.Name) -> None:
    x = planar.draw(name, 20_000, np.random.default_rng(3)) + np.array([10.0, 0.0])
    # Everything moves by 10 cos of the angle: the mean of |cos| over the directions.
    u = planar.sliced.directions(planar.DIRECTIONS)
    assert planar.measure(name, x).sw1 == pytest.approx(10 * np.abs(u[:, 0]).mean(), rel=0.02)


def test_missing_modes_and_bad_samples_are_seen() -> None:
    x = planar.draw("grid", 2000, np.random.default_rng(4))
    assert planar.measure("grid", x[x[:, 0] > -3]).least == 0
    bad = planar.measure("grid", np.full((3, 2), np.nan))
    assert bad.off == 1
    assert math.isnan(bad.sw1)


@pytest.mark.parametrize("name", NAMES)
def test_the_gaussian_of_the_same_moments(name: planar.Name) -> None:
    n = 40_000
    x = math.sqrt(planar.variance(name)) * np.random.default_rng(5).standard_normal((n, 2))
    exact = planar.gaussian_off(name)
    assert planar.measure(name, x).off == pytest.approx(exact, abs=4.5 * math.sqrt(exact * (1 - exact) / n))
    # The Fréchet distance of a set to its own law is chance: about v (2/n + 1/(2n) + …).
    assert planar.frechet(name, x) < 20 * planar.variance(name) / n


def test_frechet_distance_of_shift_and_scale() -> None:
    rng = np.random.default_rng(6)
    x = rng.standard_normal((500, 2))
    x = (x - x.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    v = planar.variance("ring")
    assert planar.frechet("ring", math.sqrt(v) * x) == pytest.approx(0, abs=1e-12)
    # Means 3 apart, one sd twice as large: 9 + v.
    moved = math.sqrt(v) * x * np.array([2.0, 1.0]) + np.array([0.0, 3.0])
    assert planar.frechet("ring", moved) == pytest.approx(9 + v, rel=1e-9)


def test_radius_and_angle_of_the_ring() -> None:
    x = planar.draw("ring", 20_000, np.random.default_rng(7))
    radius, angle = planar.ring_measures(x)
    assert radius < 0.004
    assert angle < 2.3
    assert planar.ring_measures(1.1 * x)[0] == pytest.approx(0.2, abs=0.005)
    half = x.copy()
    half[:, 1] = np.abs(half[:, 1])
    assert planar.ring_measures(half)[1] == pytest.approx(0.5 * math.sqrt(20_000), rel=0.02)
