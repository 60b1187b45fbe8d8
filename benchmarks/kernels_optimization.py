"""The kernels of chapter 3 against torch.optim and scikit-learn, at equal accuracy.

Optimisers: a hundred steps on given gradients, all parameters in one tensor, which suits torch best. Lasso: FISTA
against coordinate descent to the same KKT residual, the homotopy against LARS. Logistic regression: Newton against
Newton. `quadratic`, `schedules` and `steep_start` are closed forms of their own, without a library to stand beside.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, lars_path
from support.side_by_side import Case, main
from support.torch_networks import relative

from kernels import lasso, logistic, optimizers

STEPS = 100
SIZES = (100, 10_000, 100_000)
LR = 1e-3
METHODS: dict[str, tuple[Callable[..., optimizers.State], dict[str, Any], type[torch.optim.Optimizer]]] = {
    "sgd": (optimizers.sgd, {}, torch.optim.SGD),
    "momentum": (optimizers.momentum, {}, torch.optim.SGD),
    "nesterov": (optimizers.momentum, {"nesterov": True}, torch.optim.SGD),
    "rmsprop": (optimizers.rmsprop, {}, torch.optim.RMSprop),
    "adam": (optimizers.adam, {}, torch.optim.Adam),
    "adamw": (optimizers.adamw, {}, torch.optim.AdamW),
}
THEIRS = {"momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True}}


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    for name in METHODS:
        for size in SIZES:
            yield optimizer_case(rng, name, size)
    yield lasso_case(rng, 60, 20)
    yield lasso_case(rng, 400, 200)
    yield path_case(rng, 60, 20)
    yield path_case(rng, 400, 200)
    yield ridge_case(rng, 400, 200)
    yield logistic_case(rng, 100)
    yield logistic_case(rng, 5000)


def optimizer_case(rng: np.random.Generator, name: str, size: int) -> Case:
    w0, gs = rng.standard_normal(size), rng.standard_normal((8, size))
    step, options, theirs = METHODS[name]
    start, given = torch.from_numpy(w0), torch.from_numpy(gs)

    def run(w0: np.ndarray, gs: np.ndarray) -> np.ndarray:
        state = optimizers.init(w0)
        for t in range(STEPS):
            state = step(state, gs[t % 8], lr=LR, **options)
        return state.w

    def peer() -> np.ndarray:
        w = start.clone().requires_grad_()
        method = theirs([w], lr=LR, **THEIRS.get(name, {}))  # type: ignore[call-arg]
        for t in range(STEPS):
            w.grad = given[t % 8]
            method.step()
        return w.detach().numpy()

    exact = run(w0.astype(np.longdouble), gs.astype(np.longdouble))
    return Case(
        f"optimizers.{name}, {size:,} parameters, {STEPS} steps",
        f"torch.optim.{theirs.__name__}",
        lambda: run(w0, gs),
        peer,
        "relative",
        lambda w: relative(w, exact),
        "a pure step makes a new array for each operation of its formula; torch works in place and fuses, which pays"
        " once the arrays outgrow the cache",
    )


def regression(rng: np.random.Generator, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring features correlated by 0.3 as in the lab, three weights that are not 0, noise of variance 1."""
    X = rng.standard_normal((n, d))
    for j in range(1, d):
        X[:, j] = 0.3 * X[:, j - 1] + np.sqrt(1 - 0.3**2) * X[:, j]
    return X, X[:, [2, 9, 15]] @ [2.0, -1.5, 1.0] + rng.standard_normal(n)


def lasso_case(rng: np.random.Generator, n: int, d: int) -> Case:
    """scikit-learn first, to a small duality gap; then FISTA until its KKT residual is as small."""
    X, y = regression(rng, n, d)
    lam = 0.05 * lasso.largest(X, y)
    # Column by column in memory, as coordinate descent likes it.
    columns = np.asfortranarray(X)

    def peer() -> np.ndarray:
        return Lasso(alpha=lam, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(columns, y).coef_

    def residual(w: np.ndarray) -> float:
        return lasso.kkt_residual(X, y, w, lam)

    wanted = max(residual(peer()), 1e-13)

    def ours() -> np.ndarray:
        L = lasso.lipschitz(X)
        state = lasso.init(np.zeros(d))
        while state.k % 10 or residual(state.w) > wanted:
            state = lasso.fista(state, X, y, lam, L)
        return state.w

    return Case(
        f"lasso.fista, {n}×{d}, λ = 0.05 λ_max",
        "scikit-learn Lasso",
        ours,
        peer,
        "KKT residual",
        residual,
        "coordinate descent in C touches one weight at a time and skips those at 0; it needs fewer sweeps than FISTA"
        " needs steps",
    )


def path_case(rng: np.random.Generator, n: int, d: int) -> Case:
    """Both follow the path exactly; the errors are the worst KKT residual at its knots."""
    X, y = regression(rng, n, d)

    def peer() -> Any:
        knots, _, weights = lars_path(X, y, method="lasso", Gram="auto")
        return knots, weights.T

    def worst(path: Any) -> float:
        return max(lasso.kkt_residual(X, y, w, lam) for lam, w in zip(*path, strict=True))

    return Case(
        f"lasso.path, {n}×{d}",
        "scikit-learn lars_path",
        lambda: lasso.path(X, y),
        peer,
        "KKT residual",
        worst,
        "each knot solves its linear system anew, as the formula says; LARS updates a Cholesky factor",
    )


def ridge_case(rng: np.random.Generator, n: int, d: int) -> Case:
    X, y = regression(rng, n, d)

    def off(w: np.ndarray) -> float:
        return float(np.abs(lasso.gradient(X, y, w) + 0.1 * w).max())

    return Case(
        f"lasso.ridge, {n}×{d}",
        "scikit-learn Ridge",
        lambda: lasso.ridge(X, y, 0.1),
        lambda: Ridge(alpha=0.1 * n, fit_intercept=False).fit(X, y).coef_,
        "‖gradient‖∞",
        off,
        "a general solver where Cholesky's would do",
    )


def logistic_case(rng: np.random.Generator, n: int) -> Case:
    points, y = logistic.two_gaussians(n, rng)
    X = np.column_stack([points, np.ones(2 * n)])

    def peer() -> np.ndarray:
        model = LogisticRegression(C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-12, max_iter=100)
        with warnings.catch_warnings():
            # That its line search ends in rounding.
            warnings.simplefilter("ignore")
            return model.fit(X, y).coef_[0]

    return Case(
        f"logistic.newton, {2 * n:,}×3",
        "LogisticRegression, newton-cholesky",
        lambda: logistic.newton(X, y),
        peer,
        "‖gradient‖∞",
        lambda w: float(np.abs(logistic.gradient(X, y, w)).max()),
    )


if __name__ == "__main__":
    main(__doc__, cases)
