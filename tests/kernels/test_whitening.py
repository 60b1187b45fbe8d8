"""scikit-learn and the defining equations are the oracles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from kernels import whitening
from kernels.datasets import load_digits


def cloud(seed: int = 0, n: int = 200, d: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)


@pytest.mark.parametrize("mode", ["pca", "zca"])
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(12, 60), d=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_the_sample_covariance_becomes_the_identity(mode: whitening.Mode, seed: int, n: int, d: int) -> None:
    X = cloud(seed, n, d)
    fitted = whitening.fit(X, mode)
    # The condition number bounds what rounding can do.
    condition = fitted.variances[0] / fitted.variances[-1]
    assert np.abs(whitening.covariance(whitening.transform(fitted, X)) - np.eye(d)).max() < 1e-13 * condition + 1e-11


def test_pca_agrees_with_scikit_learn_up_to_signs() -> None:
    X = cloud()
    ours = whitening.transform(whitening.fit(X), X)
    theirs = PCA(whiten=True).fit_transform(X)
    assert np.abs(np.abs(ours) - np.abs(theirs)).max() < 1e-10


def test_the_often_seen_formula_leaves_one_over_n_minus_1() -> None:
    X = cloud(n=500)
    z = whitening.transform(whitening.fit(X, exact=False), X)
    assert np.abs(whitening.covariance(z) - np.eye(5) / 499).max() < 1e-14


def test_zca_is_the_white_version_closest_to_the_data() -> None:
    X = cloud()
    centred = X - X.mean(axis=0)
    zca = whitening.transform(whitening.fit(X, "zca"), X)
    pca = whitening.transform(whitening.fit(X, "pca"), X)
    rng = np.random.default_rng(1)
    rotations = [np.linalg.qr(rng.standard_normal((5, 5)))[0] for _ in range(50)]
    others = [pca, *(zca @ R for R in rotations)]
    assert all(np.linalg.norm(zca - centred) < np.linalg.norm(z - centred) for z in others)
    assert np.allclose(whitening.fit(X, "zca").W, whitening.fit(X, "zca").W.T)


@pytest.mark.parametrize("mode", ["pca", "zca"])
def test_eps_leaves_lambda_over_lambda_plus_eps(mode: whitening.Mode) -> None:
    X = cloud()
    fitted = whitening.fit(X, mode, eps=0.3)
    values = np.linalg.eigvalsh(whitening.covariance(whitening.transform(fitted, X)))[::-1]
    assert np.allclose(values, fitted.variances / (fitted.variances + 0.3), rtol=1e-10)


def test_digits_without_full_rank_give_a_projector() -> None:
    X = load_digits().flat
    pca = whitening.fit(X)
    assert pca.W.shape == (61, 64)
    C = whitening.covariance(whitening.transform(whitening.fit(X, "zca"), X))
    assert np.abs(C @ C - C).max() < 1e-10
    assert np.trace(C) == pytest.approx(61)


def test_the_ellipse_has_mahalanobis_radius_1() -> None:
    C = np.array([[3.0, 1.2], [1.2, 0.7]])
    points = whitening.ellipse(np.array([1.0, -2.0]), C) - np.array([1.0, -2.0])
    assert np.allclose(np.einsum("ij,jk,ik->i", points, np.linalg.inv(C), points), 1.0)


@pytest.mark.parametrize(
    ("X", "eps"),
    [
        (np.ones((1, 3)), 0.0),
        (np.ones((4, 3)), 0.0),
        (np.ones(4), 0.0),
        (np.eye(4), -1.0),
        (np.full((4, 4), np.nan), 0.0),
    ],
)
def test_what_cannot_be_whitened_is_refused(X: np.ndarray, eps: float) -> None:
    with pytest.raises(ValueError, match=r"shape|variance|negative|finite"):
        whitening.fit(X, eps=eps)
