"""Enumeration of every state, and finite differences, are the oracles.

Statistical tests are seeded and allow 4 standard errors: each number gives a false alarm in 1 of 16,000 seeds.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from kernels import ais, rbm


def machine(n: int = 5, m: int = 4, seed: int = 0, scale: float = 1.0) -> rbm.RBM:
    rng = np.random.default_rng(seed)
    return rbm.RBM(
        scale * rng.standard_normal((n, m)), scale * rng.standard_normal((1, n)), scale * rng.standard_normal((1, m))
    )


def table(one: rbm.RBM) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All (v, h) with their weights e^(−E), from the definition."""
    n, m = one.W.shape
    pairs = [
        (np.array(v, float), np.array(h, float))
        for v in itertools.product((0, 1), repeat=n)
        for h in itertools.product((0, 1), repeat=m)
    ]
    weights = np.array([math.exp(v @ one.b[0] + h @ one.c[0] + v @ one.W @ h) for v, h in pairs])
    return np.array([v for v, _ in pairs]), np.array([h for _, h in pairs]), weights


def test_log_z_is_the_sum_over_all_states_and_the_same_over_either_layer() -> None:
    one = machine()
    _, _, weights = table(one)
    by_h = float(rbm.log_partition(one, rbm.states(4)))
    by_v = float(np.logaddexp.reduce(-rbm.free_energy(one, rbm.states(5))))
    assert by_h == pytest.approx(math.log(weights.sum()), abs=1e-12)
    assert by_v == pytest.approx(by_h, abs=1e-10)


def test_conditionals_are_those_of_the_joint_law() -> None:
    one = machine(3, 2)
    v, h, weights = table(one)
    for state in rbm.states(3):
        here = (v == state).all(axis=1)
        expected = weights[here] @ h[here] / weights[here].sum()
        assert np.allclose(rbm.hidden(one, state[None])[0], expected, atol=1e-13)
    for state in rbm.states(2):
        here = (h == state).all(axis=1)
        expected = weights[here] @ v[here] / weights[here].sum()
        assert np.allclose(rbm.visible(one, state[None])[0], expected, atol=1e-13)


def test_exact_statistics_are_expectations_under_the_joint_law() -> None:
    one = machine()
    v, h, weights = table(one)
    p = weights / weights.sum()
    exact = rbm.exact_statistics(one, rbm.states(4))
    assert np.allclose(exact.W, (v * p[:, None]).T @ h, atol=1e-13)
    assert np.allclose(exact.b[0], p @ v, atol=1e-13)
    assert np.allclose(exact.c[0], p @ h, atol=1e-13)


def test_data_minus_model_is_the_gradient_of_the_likelihood() -> None:
    one = machine()
    data = rbm.states(5)[[1, 7, 30]]

    def likelihood(at: rbm.RBM) -> float:
        return float(np.mean(-rbm.free_energy(at, data)) - rbm.log_partition(at, rbm.states(4)))

    up, down = rbm.statistics(one, data), rbm.exact_statistics(one, rbm.states(4))
    for name in ("W", "b", "c"):
        part = getattr(one, name)
        for at in np.ndindex(part.shape):
            h = np.zeros_like(part)
            h[at] = 1e-6
            slope = (likelihood(one._replace(**{name: part + h})) - likelihood(one._replace(**{name: part - h}))) / 2e-6
            assert slope == pytest.approx(getattr(up, name)[at] - getattr(down, name)[at], abs=1e-8)


def test_gibbs_leaves_the_model_as_it_is() -> None:
    one = machine(4, 3)
    p = np.exp(-rbm.free_energy(one, rbm.states(4)) - float(rbm.log_partition(one, rbm.states(3))))
    rng = np.random.default_rng(1)
    n = 40_000
    v = rbm.states(4)[rng.choice(16, n, p=p)]
    after = rbm.gibbs(one, v, 3, rng) @ (2 ** np.arange(4))
    counts = np.bincount(after.astype(int), minlength=16)
    # χ² with 15 degrees of freedom: 46.1 is exceeded in 1 of 20,000 seeds.
    assert np.sum((counts - n * p) ** 2 / (n * p)) < 46.1


def test_machines_side_by_side_are_machines_alone() -> None:
    ones = [machine(seed=s) for s in (0, 1)]
    both = rbm.RBM(*(np.stack(parts) for parts in zip(*ones, strict=True)))
    v = np.stack([rbm.states(5)[:6], rbm.states(5)[6:12]])
    assert np.allclose(rbm.free_energy(both, v), [rbm.free_energy(ones[i], v[i]) for i in (0, 1)])
    assert np.allclose(rbm.log_partition(both, rbm.states(4)), [rbm.log_partition(o, rbm.states(4)) for o in ones])
    stats = rbm.statistics(both, v)
    assert np.allclose(stats.W[1], rbm.statistics(ones[1], v[1]).W)


def test_thirty_bars_and_stripes() -> None:
    images = rbm.bars_and_stripes(4)
    assert images.shape == (30, 16)
    for image in images.reshape(-1, 4, 4):
        assert (image == image[:, :1]).all() or (image == image[:1]).all()


def test_training_on_the_exact_gradient_reaches_a_small_law() -> None:
    data = np.array([[0, 0, 1], [1, 1, 0], [1, 0, 1]], float)
    one = rbm.init((), 3, 6, np.random.default_rng(0))
    for _ in range(4000):
        one = rbm.ascend(one, rbm.statistics(one, data), rbm.exact_statistics(one, rbm.states(6)), 0.5)
    likelihood = float(np.mean(-rbm.free_energy(one, data)) - rbm.log_partition(one, rbm.states(6)))
    assert -math.log(3) - 0.05 < likelihood < -math.log(3)


@pytest.mark.parametrize("temperatures", [5, 200])
def test_annealed_weights_are_unbiased_at_any_number_of_temperatures(temperatures: int) -> None:
    one, rng = machine(), np.random.default_rng(4)
    state = ais.init(one, 20_000, rng)
    for t in range(temperatures):
        state = ais.step(state, one, (t + 1) / temperatures, rng)
    estimate, error = ais.log_partition(state, one)
    assert abs(estimate - float(rbm.log_partition(one, rbm.states(4)))) < 4 * error
