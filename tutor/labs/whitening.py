"""Whitening data as they arrive: exact on the data it was fitted to, approximate on the law behind them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

STEPS = 60
LARGEST = 4000
"""Samples of the Gaussian in the end."""
CLOUD = 300
"""Points drawn."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    source: str = param("gaussian", "what is whitened", choices=("gaussian", "digits"))
    d: int = param(16, "dimension of the Gaussian", low=2, high=64)
    condition: float = param(30.0, "largest over smallest variance of the Gaussian", low=1.0, high=1000.0, scale="log")
    mode: str = param("pca", "PCA: along the axes; ZCA: closest to x", choices=("pca", "zca"), live=True)
    eps: float = param(0.0, "added to each variance before the root", low=0.0, high=5.0, step=0.05, live=True)
    formula: str = param(
        "exact", "exact: with √(n−1); often seen: V Σ⁻¹ without it", choices=("exact", "without n-1"), live=True
    )


class State(NamedTuple):
    """All samples of the run, of which the first n have arrived."""

    X: Array
    """(n_max, d)"""
    truth: Array
    """(d, d) covariance of the law (Gaussian) or of all images (digits)."""
    n: int
    steps: int


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw the samples: a Gaussian with log-spaced variances, tilted in the first two axes, or shuffled digits."""
    import numpy as np

    from kernels import datasets, whitening

    if params.source == "digits":
        X = rng.permutation(datasets.load_digits().flat)
        return State(X, whitening.covariance(X), _arrived(0, len(X), 64), 0)
    # The first two coordinates span the largest and the smallest variance, turned by 30°, so that the cloud shows it.
    spread = np.geomspace(params.condition, 1.0, params.d)
    spread = np.concatenate([spread[[0, -1]], spread[1:-1]])
    A = np.diag(np.sqrt(spread))
    cos, sin = math.cos(math.pi / 6), math.sin(math.pi / 6)
    A[:2] = np.array([[cos, -sin], [sin, cos]]) @ A[:2]
    X = rng.standard_normal((LARGEST, params.d)) @ A.T + 2.0
    return State(X, A @ A.T, _arrived(0, LARGEST, params.d), 0)


def _arrived(step: int, most: int, d: int) -> int:
    """Samples after so many steps: growing by the same factor each step, at first a few more than dimensions."""
    first = min(2 * d + 4, most)
    return min(most, round(first * math.exp(math.log(most / first) * step / STEPS)))


def step(params: Params, state: State) -> State:
    """More samples arrive."""
    d = state.X.shape[1]
    return state._replace(n=_arrived(state.steps + 1, len(state.X), d), steps=state.steps + 1)


def done(params: Params, state: State) -> bool:
    """Whether all samples are there."""
    return state.steps >= STEPS


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STEPS


def _whitened(params: Params, state: State) -> tuple[Any, Array, Array]:
    from kernels import whitening

    X = state.X[: state.n]
    fitted = whitening.fit(X, "zca" if params.mode == "zca" else "pca", params.eps, exact=params.formula == "exact")
    return fitted, X, whitening.transform(fitted, X)


def _expected(params: Params, fitted: Any) -> Array:
    """The covariance that z should have: λ/(λ + ε) along each principal direction that carries data."""
    import numpy as np

    kept = fitted.variances / (fitted.variances + params.eps)
    if params.mode == "pca":
        return np.diag(kept)
    directions = _axes(fitted)
    return np.asarray((directions.T * kept) @ directions)


def _axes(fitted: Any) -> Array:
    """Principal directions, largest variance first, read off the symmetric ZCA matrix by its own eigenvectors."""
    import numpy as np

    values, vectors = np.linalg.eigh(fitted.W)
    rank = len(fitted.variances)
    # W scales the largest variance least, and directions without data by zero.
    order = np.argsort(values)[len(values) - rank :]
    return np.asarray(vectors[:, order].T)


def frame(params: Params, state: State) -> Frame:
    """The first two coordinates before and after, and how far from white it is."""
    import numpy as np

    from kernels import whitening

    fitted, X, z = _whitened(params, state)
    own = whitening.covariance(z)
    law = fitted.W @ state.truth @ fitted.W.T
    rank = len(fitted.variances)
    eye = np.eye(len(own))
    # ZCA of data without full rank can only reach the projector on the directions that carry data.
    goal = eye if params.mode == "pca" or rank == len(own) else _axes(fitted).T @ _axes(fitted)
    picked = slice(0, CLOUD)
    cloud = z[picked]
    d = state.X.shape[1]
    scalars = {
        "n": float(state.n),
        "own": float(np.linalg.norm(own - goal)),
        "law": float(np.linalg.norm(law - goal)),
        "rate": math.sqrt(d * (d + 1) / state.n) if params.source == "gaussian" else math.nan,
        "length": float(np.sqrt(np.mean(np.sum(z**2, axis=1)))),
        "root_d": math.sqrt(rank),
        "first_variance": float(own[0, 0]),
        "last_variance": float(own[-1, -1]),
    }
    before = whitening.ellipse(X.mean(axis=0)[:2], whitening.covariance(X[:, :2]))
    after = whitening.ellipse(np.zeros(2), own[:2, :2])
    arrays = {
        "x1": X[picked, 0],
        "x2": X[picked, 1],
        "ex1": before[:, 0],
        "ex2": before[:, 1],
        "z1": cloud[:, 0],
        "z2": cloud[:, 1],
        "ez1": after[:, 0],
        "ez2": after[:, 1],
        "index": np.arange(1, len(own) + 1),
        "variances": np.diag(own),
        "raw": np.diag(whitening.covariance(X))[: len(own)],
    }
    note = (
        f"n = {state.n}: a whitened vector is {scalars['length']:.2f} long; √{rank} = {scalars['root_d']:.2f}."
        f" Distance from white: {scalars['own']:.1e} on these data, {scalars['law']:.2f} for the law behind them"
    )
    if params.formula != "exact":
        note = f"without the factor n−1 the covariance is I/(n−1) = {1 / (state.n - 1):.2e} I, not I"
    return Frame(state.steps, scalars, arrays, note)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Covariance of z against what it should be, and the length of z."""
    import numpy as np

    from kernels import whitening

    fitted, _, z = _whitened(params, state)
    own = whitening.covariance(z)
    expected = _expected(params, fitted)
    share = fitted.variances / (fitted.variances + params.eps)
    rows = [
        Check("cov(z) off its target, largest entry", float(np.abs(own - expected).max()), 0.0, 1e-10),
        Check("Σ variances of z = Σ λ/(λ+ε)", float(np.trace(own)), float(share.sum()), 1e-10),
        Check(
            "mean ‖z‖² = (1−1/n) Σ λ/(λ+ε)",
            float(np.mean(np.sum(z**2, axis=1))),
            float((1 - 1 / state.n) * share.sum()),
            1e-10,
        ),
    ]
    d = state.X.shape[1]
    if params.source == "gaussian" and params.eps == 0 and params.formula == "exact" and state.n >= 20 * d:
        law = fitted.W @ state.truth @ fitted.W.T
        goal = np.eye(len(own))
        # For large n the entries off I are independent and normal: d(d+1)/2 of them, so the norm over its scale is 1
        # with standard deviation 1/√(d(d+1)). Five of these, and twice the bias at finite n.
        rate = math.sqrt(d * (d + 1) / state.n)
        tolerance = 5 / math.sqrt(d * (d + 1)) + 4 * d / state.n
        rows.append(Check("law off I, over √(d(d+1)/n)", float(np.linalg.norm(law - goal)) / rate, 1.0, tolerance))
    return tuple(rows)


LAB = Lab(
    id="whitening",
    title="Whitening, and what it leaves",
    chapter="linear-algebra",
    section="1.2",
    lesson="whitening",
    summary="Samples arrive; after each batch all are whitened by their own mean and covariance.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "after",
            "After: first two coordinates of z",
            series=(
                Series("z", "z2", "z1", "points"),
                Series("one standard deviation", "ez2", "ez1"),
            ),
            x_label="z₁",
            y_label="z₂",
            equal=True,
        ),
        Chart(
            "before",
            "Before: first two coordinates of x",
            series=(
                Series("x", "x2", "x1", "points"),
                Series("one standard deviation", "ex2", "ex1"),
            ),
            x_label="x₁",
            y_label="x₂",
            equal=True,
        ),
        Chart(
            "distance",
            "Covariance of new data off I: ‖W Σ Wᵀ − I‖",
            series=(
                Series("√(d(d+1)/n)", "rate", "n", "dashed"),
                Series("law behind the data", "law", "n"),
            ),
            x_label="samples n",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "length",
            "Length of a white vector (r.m.s.)",
            series=(Series("√rank", "root_d", "n", "dashed"), Series("measured", "length", "n")),
            x_label="samples n",
            x_log=True,
        ),
    ),
    prediction=Prediction(
        prompt="The data have 16 dimensions. How long is a typical whitened vector (root mean square length)?",
        scalar="length",
        low=0.0,
        high=100.0,
        chart="length",
        why=(
            "Each of the d coordinates has variance 1, so E‖z‖² = d; for a Gaussian in many dimensions nearly all"
            " lengths are close to √d."
        ),
    ),
    explain="la-lab-whitening",
    source=("kernels.whitening",),
)
