"""LAPACK and the theorems are the oracles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import svd
from kernels.datasets import load_digits


def digits() -> np.ndarray:
    X = load_digits().flat
    return X - X.mean(axis=0)


def assert_is_svd(A: np.ndarray, f: svd.SVD) -> None:
    r = min(A.shape)
    scale = max(np.linalg.norm(A), 1e-300)
    assert f.U.shape == (A.shape[0], r)
    assert f.Vt.shape == (r, A.shape[1])
    assert np.abs(f.U.T @ f.U - np.eye(r)).max() < 1e-12
    assert np.abs(f.Vt @ f.Vt.T - np.eye(r)).max() < 1e-12
    assert np.linalg.norm(f.U * f.s @ f.Vt - A) < 1e-12 * scale
    assert (np.diff(f.s) <= 0).all()
    assert (f.s >= 0).all()


@given(n=st.integers(1, 12), d=st.integers(1, 12), rank=st.integers(0, 12), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_any_shape_and_rank_agrees_with_lapack(n: int, d: int, rank: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, d))
    f = svd.svd(A)
    assert_is_svd(A, f)
    lapack = np.linalg.svd(A, compute_uv=False)
    assert np.abs(f.s - lapack).max() <= 1e-12 * max(lapack[0], 1e-300)


@pytest.mark.parametrize(
    "A",
    [
        np.zeros((4, 3)),
        np.ones((5, 1)),
        np.ones((1, 5)),
        np.eye(6),
        np.diag([1.0, 1e-9, 1e-18]),
        np.vander(np.linspace(0, 1, 12), 8),
        1e150 * np.arange(1.0, 7).reshape(3, 2),
    ],
    ids=["zero", "column", "row", "identity", "graded", "ill-conditioned", "huge"],
)
def test_hard_matrices(A: np.ndarray) -> None:
    assert_is_svd(A, svd.svd(A))


def test_digits_agree_with_lapack_and_have_rank_61() -> None:
    X = digits()
    f = svd.svd(X)
    assert np.abs(f.s - np.linalg.svd(X, compute_uv=False)).max() < 1e-12 * f.s[0]
    assert np.sum(f.s > 0) == 61


def test_sweeps_converge_quadratically_at_the_end() -> None:
    state = svd.init(digits())
    offs = []
    while not svd.converged(state):
        state = svd.step(state)
        offs.append(state.off)
    # Quadratic: each of the last sweeps squares the cosine, up to a factor.
    late = [(a, b) for a, b in pairwise(offs) if 1e-7 < a < 1e-2]
    assert late
    assert all(b < 20 * a**2 for a, b in late)


def test_step_does_not_change_its_argument() -> None:
    state = svd.init(digits()[:, :9])
    W, V = state.W.copy(), state.V.copy()
    svd.step(state)
    assert np.array_equal(state.W, W)
    assert np.array_equal(state.V, V)


@pytest.mark.parametrize("d", [1, 2, 3, 8, 9])
def test_every_pair_meets_once_in_disjoint_rounds(d: int) -> None:
    met = [frozenset((int(p), int(q))) for P, Q in svd.pairings(d) for p, q in zip(P, Q, strict=True)]
    assert len(met) == len(set(met)) == d * (d - 1) // 2
    for P, Q in svd.pairings(d):
        used = [*P.tolist(), *Q.tolist()]
        assert len(used) == len(set(used))


@given(k=st.integers(0, 8), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_eckart_young_is_met_and_no_other_matrix_of_rank_k_is_closer(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((10, 8))
    f = svd.svd(A)
    squares, spectral = svd.eckart_young(f.s, k)
    best = svd.low_rank(f, k)
    assert np.isclose(np.linalg.norm(A - best) ** 2, squares, rtol=1e-10, atol=1e-12)
    assert np.isclose(np.linalg.norm(A - best, 2), spectral, rtol=1e-10, atol=1e-12)
    other = best + 0.1 * rng.standard_normal((10, k)) @ rng.standard_normal((k, 8)) if k else best
    B = svd.low_rank(svd.svd(other), k)
    assert np.linalg.norm(A - B) ** 2 >= squares - 1e-9
    assert np.linalg.norm(A - svd.random_projection(A, k, rng)) ** 2 >= squares - 1e-9


def test_random_projection_keeps_k_of_d_on_average() -> None:
    # 400 draws at a fixed seed; the mean kept share has standard error 0.004, the bound is 5 of them.
    rng = np.random.default_rng(0)
    A = rng.standard_normal((30, 10))
    kept = [np.linalg.norm(svd.random_projection(A, 3, rng)) ** 2 for _ in range(400)]
    assert abs(np.mean(kept) / np.linalg.norm(A) ** 2 - 0.3) < 0.02


def test_energy_and_storage() -> None:
    shares = svd.energy(svd.svd(digits()).s)
    assert np.argmax(shares >= 0.9) + 1 == 21
    assert shares[-1] == pytest.approx(1.0)
    assert svd.energy(np.zeros(3)).tolist() == [1.0, 1.0, 1.0]
    assert svd.storage(1797, 64, 20) == 20 * 1797 + 20 * 64 + 20


@pytest.mark.parametrize("A", [np.ones(3), np.ones((2, 2, 2)), np.array([[np.nan, 1.0]]), np.zeros((3, 0))])
def test_what_is_no_finite_matrix_is_refused(A: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"shape|finite"):
        svd.svd(A)
