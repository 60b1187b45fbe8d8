"""scikit-learn and the conditions of optimality are the oracles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, Ridge, lars_path

from kernels import lasso


def data(seed: int = 0, n: int = 60, d: int = 20, rho: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """A regression with three true weights and features whose neighbours are correlated."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    for j in range(1, d):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    truth = np.zeros(d)
    truth[[2, 9, 15]] = [2.0, -1.5, 1.0]
    return X, X @ truth + rng.standard_normal(n)


def run(step: object, X: np.ndarray, y: np.ndarray, lam: float, steps: int) -> lasso.State:
    state = lasso.init(np.random.default_rng(1).standard_normal(X.shape[1]))
    L = lasso.lipschitz(X)
    for _ in range(steps):
        state = step(state, X, y, lam, L)  # type: ignore[operator]
    return state


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
@pytest.mark.parametrize("seed", [0, 1])
def test_fista_agrees_with_scikit_learn_zeros_included(share: float, seed: int) -> None:
    X, y = data(seed)
    lam = share * lasso.largest(X, y)
    w = run(lasso.fista, X, y, lam, 3000).w
    theirs = Lasso(alpha=lam, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(X, y).coef_
    assert w == pytest.approx(theirs, abs=1e-10)
    assert np.array_equal(w == 0, theirs == 0)
    assert lasso.kkt_residual(X, y, w, lam) < 1e-12


def test_known_zeros_subgradient_none_proximal_17() -> None:
    X, y = data()
    lam = 0.2 * lasso.largest(X, y)
    zeros = {
        step.__name__: int(np.sum(run(step, X, y, lam, 2000).w == 0))
        for step in (lasso.subgradient, lasso.ista, lasso.fista)
    }
    assert zeros == {"subgradient": 0, "ista": 17, "fista": 17}
    assert np.all(lasso.ridge(X, y, lam) != 0)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(25, 80),
    d=st.integers(1, 22),
    rho=st.floats(0.0, 0.95),
    share=st.floats(0.001, 1.2),
)
@example(seed=0, n=25, d=20, rho=0.0, share=0.004).via("a weight that leaves 0 again with the other sign, at once")
@settings(max_examples=60, deadline=None)
def test_the_path_is_optimal_everywhere(seed: int, n: int, d: int, rho: float, share: float) -> None:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    for j in range(1, d):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    y = X[:, 0] + rng.standard_normal(n)
    knots, weights = lasso.path(X, y)
    lam = share * knots[0]
    w = lasso.at(knots, weights, lam)
    # A weight that has just left may keep a trace of rounding.
    assert lasso.kkt_residual(X, y, np.where(np.abs(w) < 1e-13, 0.0, w), lam) < 1e-10
    assert (np.diff(knots) < 0).all()
    assert knots[-1] == 0.0


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_the_path_has_the_knots_of_least_angle_regression(rho: float) -> None:
    X, y = data(3, rho=rho)
    knots, weights = lasso.path(X, y)
    alphas, _, coefs = lars_path(X, y, method="lasso", alpha_min=0)
    assert knots == pytest.approx(alphas, abs=1e-10)
    assert weights == pytest.approx(coefs.T, abs=1e-9)


def test_the_ends_of_the_path_are_0_and_least_squares() -> None:
    X, y = data()
    knots, weights = lasso.path(X, y)
    assert knots[0] == lasso.largest(X, y)
    assert not weights[0].any()
    assert weights[-1] == pytest.approx(np.linalg.lstsq(X, y, rcond=None)[0], abs=1e-10)
    assert not lasso.at(knots, weights, 2 * knots[0]).any()


def test_an_orthonormal_design_is_soft_thresholding() -> None:
    n = 30
    X = np.sqrt(n) * np.linalg.qr(np.random.default_rng(0).standard_normal((n, 6)))[0]
    y = np.random.default_rng(1).standard_normal(n)
    exact = lasso.soft_threshold(X.T @ y / n, 0.1)
    assert lasso.at(*lasso.path(X, y), 0.1) == pytest.approx(exact, abs=1e-13)
    # One proximal step is enough, from anywhere.
    assert run(lasso.ista, X, y, 0.1, 1).w == pytest.approx(exact, abs=1e-12)


def test_soft_threshold_is_the_proximal_map() -> None:
    u = np.linspace(-3, 3, 6001)
    for w in (-2.0, -0.3, 0.0, 0.5, 1.7):
        best = u[np.argmin(0.5 * (u - w) ** 2 + 0.6 * np.abs(u))]
        assert lasso.soft_threshold(np.array([w]), 0.6)[0] == pytest.approx(best, abs=1e-3)
    assert lasso.soft_threshold(np.array([0.6, -0.6]), 0.6).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("rho", [0.3, 0.95])
def test_the_bounds_hold_and_fista_is_faster(rho: float) -> None:
    X, y = data(2, rho=rho)
    lam = 0.01 * lasso.largest(X, y)
    exact = lasso.at(*lasso.path(X, y), lam)
    least, L = lasso.objective(X, y, exact, lam), lasso.lipschitz(X)
    far = np.sum((lasso.init(np.random.default_rng(1).standard_normal(20)).w - exact) ** 2)
    for k in (1, 10, 100):
        ista = lasso.objective(X, y, run(lasso.ista, X, y, lam, k).w, lam) - least
        fista = lasso.objective(X, y, run(lasso.fista, X, y, lam, k).w, lam) - least
        assert -1e-12 <= ista <= L * far / (2 * k)
        assert -1e-12 <= fista <= 2 * L * far / (k + 1) ** 2
    assert fista < ista


def test_ridge_agrees_with_scikit_learn() -> None:
    X, y = data()
    theirs = Ridge(alpha=0.3 * len(X), fit_intercept=False, tol=1e-14).fit(X, y).coef_
    assert lasso.ridge(X, y, 0.3) == pytest.approx(theirs, rel=1e-10)


def test_steps_do_not_change_their_argument() -> None:
    X, y = data()
    for step in (lasso.subgradient, lasso.ista, lasso.fista):
        state = run(step, X, y, 0.1, 3)
        w = state.w.copy()
        step(state, X, y, 0.1, lasso.lipschitz(X))
        assert np.array_equal(state.w, w)
