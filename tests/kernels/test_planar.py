"""The laws in the plane and the measures of samples."""

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
