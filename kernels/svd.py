"""Singular value decomposition by one-sided Jacobi rotations, and what it is used for: the best rank-k matrix.

A = U Σ Vᵀ for any real A (n × d), with r = min(n, d): U (n × r) and V (d × r) have orthonormal columns, Σ is diagonal
with s₁ ≥ s₂ ≥ … ≥ 0.

Method (Hestenes 1958; de Rijk 1989): rotate pairs of columns of W = A V until all are orthogonal. Each rotation is
orthogonal and goes into V; at the end the lengths of W's columns are the singular values and their directions are U.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
TOLERANCE = 1e-14


class State(NamedTuple):
    """What the next sweep needs."""

    Q: Array
    """(n, m) orthonormal: A = Q R, so that rotations act on the small R instead of A."""
    W: Array
    """(d, m) the rows are the columns of R V as rotated so far."""
    V: Array
    """(d, d) the rows are the right singular vectors as rotated so far."""
    off: float
    """Largest |cos| of the angle between two columns that the last sweep met; 0 when all are orthogonal."""
    sweeps: int
    scale: float
    """A was divided by it, so that squares of its entries neither overflow nor vanish."""


class SVD(NamedTuple):
    """A = U @ diag(s) @ Vt, numpy's convention: the right factor comes transposed."""

    U: Array
    s: Array
    Vt: Array


def init(A: npt.ArrayLike) -> State:
    """Start with W = R and V = I for a matrix A (n, d) with n ≥ d; transpose a wide one first.

    Raises ValueError if A is not a finite matrix with n ≥ d ≥ 1.
    """
    A = np.asarray(A, dtype=np.float64)
    if A.ndim != 2 or A.shape[0] < A.shape[1] or A.shape[1] < 1:
        raise ValueError(f"A has shape {A.shape}; a matrix (n, d) with n >= d >= 1 is needed")
    if not np.isfinite(A).all():
        raise ValueError("A has entries that are not finite")
    # QR first: each rotation then costs O(d) instead of O(n), with the same singular values and V.
    scale = 2.0 ** np.floor(np.log2(np.abs(A).max())) if A.any() else 1.0
    Q, R = np.linalg.qr(A / scale)
    return State(Q, R.T.copy(), np.eye(A.shape[1]), np.inf, 0, float(scale))


@lru_cache
def pairings(d: int) -> list[tuple[npt.NDArray[np.int_], npt.NDArray[np.int_]]]:
    """Rounds of disjoint index pairs that together meet every pair once: the circle method of a tournament."""
    players = list(range(d + d % 2))
    rounds = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = [(p, q) for p, q in zip(players[:half], players[: half - 1 : -1], strict=True) if max(p, q) < d]
        rounds.append((np.array([p for p, _ in pairs], int), np.array([q for _, q in pairs], int)))
        players = [players[0], players[-1], *players[1:-1]]
    return rounds


def step(state: State) -> State:
    """One sweep: make every pair of columns orthogonal once. Converges quadratically at the end."""
    W, V = state.W.copy(), state.V.copy()
    off = 0.0
    # Columns that are zero to rounding have no direction; their angles are noise.
    negligible = (np.finfo(float).eps * np.linalg.norm(W)) ** 2
    for p, q in pairings(len(W)):
        # The pairs of a round are disjoint, so all its rotations are done at once.
        a = np.einsum("ij,ij->i", W[p], W[p])  # ‖w_p‖²
        b = np.einsum("ij,ij->i", W[q], W[q])  # ‖w_q‖²
        c = np.einsum("ij,ij->i", W[p], W[q])  # w_p · w_q
        live = (a > negligible) & (b > negligible)
        cosine = np.abs(c) / np.sqrt(np.where(live, a * b, 1.0))
        off = max(off, float(np.max(np.where(live, cosine, 0.0), initial=0.0)))
        turn = live & (cosine > TOLERANCE)
        zeta = (b - a) / np.where(turn, 2.0 * c, 1.0)
        # The smaller root t = tan θ of t² + 2ζt − 1 = 0 makes the rotated pair orthogonal.
        t = np.where(turn, np.copysign(1.0, zeta) / (np.abs(zeta) + np.hypot(1.0, zeta)), 0.0)
        cos = 1.0 / np.hypot(1.0, t)
        sin = cos * t
        for M in (W, V):
            M[p], M[q] = cos[:, None] * M[p] - sin[:, None] * M[q], sin[:, None] * M[p] + cos[:, None] * M[q]
    return state._replace(W=W, V=V, off=off, sweeps=state.sweeps + 1)


def converged(state: State) -> bool:
    """Whether the last sweep found all columns orthogonal to rounding."""
    return state.off <= 1e-13


def result(state: State) -> SVD:
    """Read U, s and Vᵀ off the rotated columns, largest singular value first.

    Columns of U that belong to s = 0 are completed to an orthonormal set.
    """
    s = np.linalg.norm(state.W, axis=1)
    order = np.argsort(-s, kind="stable")
    s, W, Vt = s[order], state.W[order], state.V[order]
    rank = int(np.sum(s > np.finfo(float).eps * max(W.shape) * s[0])) if s[0] > 0 else 0
    U = np.zeros_like(W.T)
    U[:, :rank] = (W[:rank] / s[:rank, None]).T
    if rank < len(s):
        # QR of [U₁ I] continues U₁ with directions orthogonal to it; QR may flip U₁, which is kept as it is.
        U[:, rank:] = np.linalg.qr(np.hstack([U[:, :rank], np.eye(len(U))]))[0][:, rank : len(s)]
        s = np.where(np.arange(len(s)) < rank, s, 0.0)
    return SVD(state.Q @ U, state.scale * s, Vt)


def svd(A: npt.ArrayLike, max_sweeps: int = 40) -> SVD:
    """The thin SVD of any finite matrix A (n, d).

    Raises ValueError for what is not a finite matrix, RuntimeError if the sweeps do not converge.
    """
    A = np.asarray(A, dtype=np.float64)
    if A.ndim == 2 and A.shape[0] < A.shape[1]:
        U, s, Vt = svd(A.T, max_sweeps)
        return SVD(Vt.T, s, U.T)
    state = init(A)
    while not converged(state):
        if state.sweeps == max_sweeps:
            raise RuntimeError(f"not converged after {max_sweeps} sweeps: largest cosine {state.off:.1e}")
        state = step(state)
    return result(state)


def low_rank(f: SVD, k: int) -> Array:
    """A_k = Σ_{i≤k} s_i u_i v_iᵀ, the best approximation of A of rank k in both norms (Eckart & Young 1936)."""
    return np.asarray((f.U[:, :k] * f.s[:k]) @ f.Vt[:k])


def eckart_young(s: Array, k: int) -> tuple[float, float]:
    """The exact errors of the best rank-k matrix: (‖A − A_k‖_F², ‖A − A_k‖₂) = (Σ_{i>k} s_i², s_{k+1})."""
    rest = s[k:]
    return float(np.sum(rest**2)), float(rest[0]) if len(rest) else 0.0


def energy(s: Array) -> Array:
    """E_k = Σ_{i≤k} s_i² / Σ_i s_i² for k = 1 … r: the share of ‖A‖_F² that rank k keeps (1 for A = 0)."""
    total = np.sum(s**2)
    return np.asarray(np.cumsum(s**2) / total) if total > 0 else np.ones_like(s)


def storage(n: int, d: int, k: int) -> int:
    """Numbers to store for rank k: k left vectors, k right vectors, k values = k (n + d + 1)."""
    return k * (n + d + 1)


def random_projection(A: Array, k: int, rng: np.random.Generator) -> Array:
    """The rival: A P with P the projector on k random orthonormal directions; keeps k/d of the energy on average."""
    directions = np.linalg.qr(rng.standard_normal((A.shape[1], k)))[0]
    return np.asarray(A @ directions @ directions.T)
