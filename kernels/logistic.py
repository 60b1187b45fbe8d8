"""Logistic regression: a convex loss without closed-form minimum, whose exact one Newton's method finds in a few steps.

    f(w) = mean ln(1 + exp(−s x·w)),   s = 2y − 1 = ±1        ∇f = Xᵀ (σ(Xw) − y) / n        H = Xᵀ diag(σ(1−σ)) X / n

for rows x of X (n, d), labels y in {0, 1} and σ(z) = 1 / (1 + exp −z). A bias is a column of ones. The minimum is
finite unless a hyperplane separates the classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def two_gaussians(n: int, rng: np.random.Generator, scales: npt.ArrayLike = (1.0, 1.0)) -> tuple[Array, Array]:
    """X (2n, 2) and y (2n,): n points around (−1, −1) and n around (1, 1), variances 0.5, covariances ±0.2.

    `scales` multiply the two features, as if each were measured in another unit.
    """
    y = np.repeat([0.0, 1.0], n)
    tilt = np.array([[0.5, 0.2], [0.2, 0.5]])
    draws = [rng.multivariate_normal([sign, sign], tilt * [[1, -sign], [-sign, 1]], n) for sign in (-1, 1)]
    return np.concatenate(draws) * np.asarray(scales, dtype=np.float64), y


def loss(X: Array, y: Array, w: Array) -> Array:
    """f(w) in nats for w (…, d); shape (…)."""
    z = (w @ X.T) * (2 * y - 1)
    # ln(1 + exp −z) without overflow; np.logaddexp says the same, eight times slower.
    return np.asarray((np.maximum(-z, 0.0) + np.log1p(np.exp(-np.abs(z)))).mean(axis=-1))


def sigmoid(z: Array) -> Array:
    """σ(z) = 1 / (1 + exp −z), by tanh, which does not overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


def gradient(X: Array, y: Array, w: Array) -> Array:
    """∇f(w) = Xᵀ (σ(Xw) − y) / n for w (…, d)."""
    return np.asarray((sigmoid(w @ X.T) - y) @ X / len(X))


def hessian(X: Array, w: Array) -> Array:
    """H(w) = Xᵀ diag(σ(1−σ)) X / n for w (d,); shape (d, d). At most XᵀX / (4n)."""
    p = sigmoid(X @ w)
    return np.asarray((X * (p * (1 - p))[:, None]).T @ X / len(X))


def newton(X: Array, y: Array, steps: int = 100) -> Array:
    """The minimum w* (d,): w ← w − H⁻¹ ∇f from w = 0, the step halved as long as the loss would rise.

    Raises ValueError if it runs away, which means that the classes can be separated.
    """
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        g = gradient(X, y, w)
        try:
            step = np.linalg.solve(hessian(X, w), g)
        except np.linalg.LinAlgError:
            break
        while loss(X, y, w - step) > loss(X, y, w) + 1e-15:
            step = step / 2
        w = w - step
        # The decrement g·H⁻¹g is twice the loss still to be gained, whatever the units of the features.
        if g @ step < 1e-28:
            if loss(X, y, w) < 1e-9:
                break
            return w
    raise ValueError("no finite minimum: a hyperplane separates the classes")
