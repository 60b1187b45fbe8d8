"""Everything is counted out: 2⁹ states, their energies one by one, and the transition matrices of the samplers.

The samplers' χ² tests are seeded; each gives a false alarm in 1 of 10,000 seeds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

from kernels import gibbs, goodness_of_fit

R = gibbs.random_rbm(5, 4, 1.5, 3)
SMALL = gibbs.random_rbm(3, 2, 2.0, 1)
MATRICES = [gibbs.flip_matrix, gibbs.redraw_matrix, gibbs.sweep_matrix]


def test_energies_one_by_one() -> None:
    for x, found in zip(gibbs.states(SMALL), gibbs.energy(SMALL, gibbs.states(SMALL)), strict=True):
        v, h = x[:3], x[3:]
        expected = -sum(SMALL.b[i] * v[i] for i in range(3)) - sum(SMALL.c[j] * h[j] for j in range(2))
        expected -= sum(v[i] * SMALL.W[i, j] * h[j] for i in range(3) for j in range(2))
        assert found == pytest.approx(expected, abs=1e-13)


def test_log_Z_by_states_and_by_summing_out_a_layer() -> None:
    _, log_Z = gibbs.exact(R)
    v = np.array(list(itertools.product((0, 1), repeat=5)))
    h = np.array(list(itertools.product((0, 1), repeat=4)))
    by_v = np.logaddexp.reduce(v @ R.b + np.logaddexp(0, R.c + v @ R.W).sum(axis=1))
    by_h = np.logaddexp.reduce(h @ R.c + np.logaddexp(0, R.b + h @ R.W.T).sum(axis=1))
    assert log_Z == pytest.approx(by_v, abs=1e-12)
    assert log_Z == pytest.approx(by_h, abs=1e-12)


def test_the_field_is_the_difference_of_energies_and_gives_the_conditionals() -> None:
    x, (p, _) = gibbs.states(R), gibbs.exact(R)
    for i in range(R.units):
        on, off = x.copy(), x.copy()
        on[:, i], off[:, i] = 1, 0
        assert np.allclose(gibbs.field(R, x)[:, i], gibbs.energy(R, off) - gibbs.energy(R, on))
        flipped = np.arange(512) ^ (1 << (8 - i))
        both = p + p[flipped]
        assert np.allclose(np.where(x[:, i] > 0, p, p[flipped]) / both, expit(gibbs.field(R, x)[:, i]))


@pytest.mark.parametrize("matrix", MATRICES)
def test_the_law_is_stationary(matrix: Callable[[gibbs.RBM], np.ndarray]) -> None:
    p, _ = gibbs.exact(R)
    P = matrix(R)
    assert np.abs(p @ P - p).max() < 1e-14
    assert np.allclose(P.sum(axis=1), 1.0, atol=1e-13)
    assert (P >= -1e-15).all()


@pytest.mark.parametrize("matrix", MATRICES[:2])
def test_single_units_are_in_detailed_balance(matrix: Callable[[gibbs.RBM], np.ndarray]) -> None:
    flow = gibbs.exact(R)[0][:, None] * matrix(R)
    assert np.abs(flow - flow.T).max() < 1e-16


def test_metropolis_moves_more_than_gibbs_everywhere() -> None:
    # Peskun's order: off the diagonal Metropolis is at least as large.
    apart = ~np.eye(512, dtype=bool)
    assert (gibbs.flip_matrix(R)[apart] >= gibbs.redraw_matrix(R)[apart] - 1e-16).all()


@pytest.mark.parametrize(
    ("move", "matrix"),
    [(gibbs.flip, gibbs.flip_matrix), (gibbs.redraw, gibbs.redraw_matrix), (gibbs.sweep, gibbs.sweep_matrix)],
)
def test_the_samplers_follow_their_matrices(move: Callable, matrix: Callable) -> None:
    rng = np.random.default_rng(0)
    start, n = 11, 50_000
    x = np.tile(gibbs.states(SMALL)[start], (n, 1))
    after = move(SMALL, x, rng)
    counts = np.bincount((after @ 2.0 ** np.arange(4, -1, -1)).astype(int), minlength=32)
    expected = matrix(SMALL)[start]
    seen = expected > 1e-4
    assert counts[~seen].sum() < 40
    statistic = goodness_of_fit.chi_square(counts[seen], expected[seen] / expected[seen].sum())
    assert statistic < goodness_of_fit.chi_square_limit(int(seen.sum()) - 1, 1e-4)
    assert np.array_equal(x[0], gibbs.states(SMALL)[start])


def test_extreme_fields_do_not_overflow() -> None:
    with np.errstate(all="raise"):
        assert np.allclose(gibbs.sigmoid(np.array([-800.0, 0.0, 800.0])), [0, 0.5, 1])
