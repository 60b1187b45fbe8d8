"""Quadrature is the oracle for the density and the entropy of the ring.

Statistical tests are seeded and allow 4 standard errors: each number gives a false alarm in 1 of 16,000 seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from kernels import ring


def test_the_rings_density_integrates_to_one_and_has_its_entropy() -> None:
    def along(r: float, what: int) -> float:
        log_p = float(ring.log_density(2.0, 0.1, np.array([[r, 0.0]]))[0])
        return 2 * math.pi * r * math.exp(log_p) * (1.0 if what == 0 else -log_p)

    assert integrate.quad(along, 1, 3, args=(0,), points=[2])[0] == pytest.approx(1, abs=1e-9)
    assert integrate.quad(along, 1, 3, args=(1,), points=[2])[0] == pytest.approx(ring.entropy(2.0, 0.1), abs=1e-9)
    assert ring.entropy(1.0, 0.05) == pytest.approx(0.2598, abs=5e-5)


def test_draws_of_the_ring() -> None:
    x = ring.draw(2.0, 0.1, 20_000, np.random.default_rng(0))
    r = np.hypot(x[:, 0], x[:, 1])
    assert abs(r.mean() - 2) < 4 * 0.1 / math.sqrt(20_000)
    assert abs(r.std() - 0.1) < 4 * 0.1 / math.sqrt(40_000)
    assert x.var(axis=0) == pytest.approx([ring.variance(2.0, 0.1)] * 2, rel=0.05)
