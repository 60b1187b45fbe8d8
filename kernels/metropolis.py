"""Metropolis–Hastings: a Markov chain whose stationary law is a density known only up to a constant.

From x propose y ~ q(y | x); accept it with probability

    A(x → y) = min(1, p(y) q(x | y) / (p(x) q(y | x))),  otherwise stay at x (and count x once more)

Only the ratio p(y)/p(x) enters: Z cancels. Detailed balance p(x) q(y|x) A(x→y) = p(y) q(x|y) A(y→x) holds because both
sides are min(p(x) q(y|x), p(y) q(x|y)); summed over x it says that p is stationary. For a symmetric proposal, q(y|x) =
q(x|y), A is min(1, p(y)/p(x)) (Metropolis et al. 1953; Hastings 1970).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
LogDensity = Callable[[Array], Array]


def accept(log_ratio: Array, rng: np.random.Generator) -> Mask:
    """True with probability min(1, exp(log_ratio)), for each entry; a NaN (a move to nowhere) is refused."""
    # log u < log_ratio in place of u < ratio: the ratio itself may overflow.
    return np.asarray(np.log1p(-rng.random(log_ratio.shape)) < log_ratio)


def random_walk(log_p: LogDensity, x: Array, s: float, rng: np.random.Generator) -> tuple[Array, Mask]:
    """One update of each chain x (n,) with the symmetric proposal y = x + s z, z ~ N(0, 1): (new x, accepted)."""
    y = x + s * rng.standard_normal(x.shape)
    taken = accept(log_p(y) - log_p(x), rng)
    return np.where(taken, y, x), taken


def random_walk_matrix(log_p: LogDensity, grid: Array, s: float) -> Array:
    """The transition matrix of `random_walk` between the points of an even grid: P[i, j] = P(x_i → cell of x_j)."""
    h = grid[1] - grid[0]
    q = np.exp(-0.5 * ((grid[None, :] - grid[:, None]) / s) ** 2) * (h / (s * np.sqrt(2 * np.pi)))
    logs = log_p(grid)
    return with_rejections(q * np.exp(np.minimum(0.0, logs[None, :] - logs[:, None])))


def with_rejections(moves: Array) -> Array:
    """Fill the diagonal of accepted moves (N, N), so that each row sums to 1: the probability of staying."""
    P = moves.copy()
    np.fill_diagonal(P, 0.0)
    np.fill_diagonal(P, 1.0 - P.sum(axis=1))
    return P
