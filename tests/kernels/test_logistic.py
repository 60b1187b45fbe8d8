"""scikit-learn, PyTorch and differences are the oracles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from kernels import logistic


def with_bias(X: np.ndarray) -> np.ndarray:
    return np.c_[X, np.ones(len(X))]


def test_the_minimum_of_two_gaussians() -> None:
    rng = np.random.RandomState(42)
    X = np.vstack(
        [
            rng.multivariate_normal([-1, -1], [[0.5, 0.2], [0.2, 0.5]], 200),
            rng.multivariate_normal([1, 1], [[0.5, -0.2], [-0.2, 0.5]], 200),
        ]
    )
    y = np.repeat([0.0, 1.0], 200)
    w = logistic.newton(with_bias(X), y)
    assert float(logistic.loss(with_bias(X), y, w)) == pytest.approx(0.0495694, abs=5e-8)
    assert np.abs(logistic.gradient(with_bias(X), y, w)).max() < 1e-14


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_newton_agrees_with_scikit_learn(scale: float) -> None:
    X, y = logistic.two_gaussians(150, np.random.default_rng(0), (1.0, scale))
    w = logistic.newton(with_bias(X), y)
    theirs = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky", max_iter=500).fit(X / [1.0, scale], y)
    assert w == pytest.approx(np.append(theirs.coef_[0] / [1.0, scale], theirs.intercept_), rel=1e-6)


def test_loss_gradient_and_hessian_agree_with_autograd() -> None:
    X, y = logistic.two_gaussians(40, np.random.default_rng(1))
    w = np.array([0.7, -0.4])
    tX, ty = torch.from_numpy(X), torch.from_numpy(y)

    def loss(t: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(tX @ t, ty)

    tw = torch.from_numpy(w).requires_grad_()
    loss(tw).backward()
    assert float(logistic.loss(X, y, w)) == pytest.approx(loss(tw).item(), rel=1e-13)
    assert logistic.gradient(X, y, w) == pytest.approx(tw.grad.numpy(), rel=1e-12)
    theirs = torch.autograd.functional.hessian(loss, torch.from_numpy(w)).numpy()
    assert logistic.hessian(X, w) == pytest.approx(theirs, rel=1e-12)


def test_many_weights_at_once_and_far_out() -> None:
    X, y = logistic.two_gaussians(10, np.random.default_rng(2))
    w = np.array([[0.0, 0.0], [1.0, 2.0], [1e6, -1e6]])
    assert logistic.loss(X, y, w).shape == (3,)
    assert logistic.loss(X, y, w)[0] == pytest.approx(np.log(2))
    assert np.isfinite(logistic.loss(X, y, w)).all()
    assert logistic.gradient(X, y, w)[1] == pytest.approx(logistic.gradient(X, y, w[1]))


def test_the_samples_have_their_means_and_covariances() -> None:
    X, y = logistic.two_gaussians(40_000, np.random.default_rng(3), (1.0, 0.1))
    # Standard errors of means 0.0035 and of covariances 0.004; the bounds are 5 of them.
    for label, sign in ((0, -1), (1, 1)):
        part = X[y == label] / [1.0, 0.1]
        assert np.abs(part.mean(axis=0) - sign).max() < 0.018
        assert np.abs(np.cov(part.T) - [[0.5, -0.2 * sign], [-0.2 * sign, 0.5]]).max() < 0.02


@pytest.mark.parametrize("X", [[[1.0], [2.0], [-1.0], [-3.0]], [[0.0], [0.0], [0.0], [0.0]]])
def test_separable_classes_have_no_minimum(X: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="separates"):
        logistic.newton(np.array(X), np.array([1.0, 1.0, 0.0, 0.0]))
