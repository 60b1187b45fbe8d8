"""The Ising model on a grid, and three ways to its marginals: exact, mean field, belief propagation.

    p(s) ∝ exp(Σ_edges J_ij s_i s_j + Σ_i h_i s_i),     s_i = ±1,     wanted: m_i = E s_i

exact               a row of the grid is one variable with 2^width values; sums pass along the rows (transfer matrices)
mean field          m_i = tanh(h_i + Σ_j J_ij m_j): each neighbour is replaced by its mean
belief propagation  u_{j→i} = artanh(tanh J_ij · tanh(h_j + Σ_{k≠i} u_{k→j})),  m_i = tanh(h_i + Σ_j u_{j→i})
                    exact on trees (Pearl 1982); on graphs with loops an approximation (Bethe), if it converges at all

Nodes are numbered row by row. Every node has four slots for neighbours (up, down, left, right); J (…, n, 4) holds the
coupling in each slot, 0 where there is no edge. Leading axes are further instances.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int_]
OPPOSITE = np.array([1, 0, 3, 2])
"""The slot in which the neighbour holds the same edge."""


@lru_cache
def neighbours(rows: int, columns: int) -> tuple[Index, npt.NDArray[np.bool_]]:
    """(number of the neighbour in each slot (n, 4), whether there is one (n, 4)); a missing one is the node itself."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    moves = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    to_row, to_column = row[:, None] + moves[:, 0], column[:, None] + moves[:, 1]
    there = (to_row >= 0) & (to_row < rows) & (to_column >= 0) & (to_column < columns)
    here = np.arange(rows * columns)[:, None]
    return np.where(there, to_row * columns + to_column, here), there


def couplings(right: Array, down: Array) -> Array:
    """J (…, n, 4) from the edges to the right (…, rows, columns − 1) and down (…, rows − 1, columns)."""
    rows, columns = right.shape[-2], down.shape[-1]
    J = np.zeros((*right.shape[:-2], rows, columns, 4))
    J[..., 1:, :, 0] = J[..., :-1, :, 1] = down
    J[..., :, 1:, 2] = J[..., :, :-1, 3] = right
    return J.reshape(*right.shape[:-2], rows * columns, 4)


@lru_cache
def row_states(columns: int) -> Array:
    """(2^columns, columns) all rows of spins ±1."""
    return np.asarray(2.0 * ((np.arange(2**columns)[:, None] >> np.arange(columns)) & 1) - 1, dtype=np.float64)


def exact(J: Array, h: Array, columns: int) -> tuple[Array, Array]:
    """(m (…, n), log Z (…)) for fields h (…, n), in rows · 4^columns operations instead of 2^n."""
    rows = h.shape[-1] // columns
    s = row_states(columns)
    J = J.reshape(*h.shape[:-1], rows, columns, 4)
    fields = h.reshape(*h.shape[:-1], rows, columns)
    # log weight of each row by itself, and of each pair of rows.
    inside = fields @ s.T + J[..., :-1, 3] @ (s[:, :-1] * s[:, 1:]).T
    between = [(s * J[..., r, None, :, 1]) @ s.T for r in range(rows - 1)]
    down = [inside[..., 0, :]]
    for r in range(1, rows):
        down.append(inside[..., r, :] + _log_sum(down[-1][..., :, None] + between[r - 1], -2))
    up = [np.zeros_like(down[0])]
    for r in range(rows - 1, 0, -1):
        up.append(_log_sum(between[r - 1] + (inside[..., r, :] + up[-1])[..., None, :], -1))
    log_z = _log_sum(down[-1], -1)
    belief = np.exp(np.stack([a + b for a, b in zip(down, reversed(up), strict=True)], -2) - log_z[..., None, None])
    return (belief @ s).reshape(h.shape), log_z


def _log_sum(a: Array, axis: int) -> Array:
    # Much faster than np.logaddexp.reduce for arrays of this size.
    top = a.max(axis=axis, keepdims=True)
    return np.asarray(np.squeeze(top, axis) + np.log(np.exp(a - top).sum(axis=axis)))


def enumerated(J: Array, h: Array, columns: int) -> tuple[Array, float]:
    """(m (n,), log Z) of one instance by its 2^n states: the definition, for grids of up to some 16 nodes."""
    n = len(h)
    s = row_states(n)
    neighbour, _ = neighbours(n // columns, columns)
    logs = s @ h
    for slot in (1, 3):  # each edge once
        logs += (s * s[:, neighbour[:, slot]]) @ J[:, slot]
    top = logs.max()
    p = np.exp(logs - top)
    return np.asarray(p @ s / p.sum()), float(top + np.log(p.sum()))


def mean_field(J: Array, h: Array, columns: int, rounds: int = 100, damping: float = 0.5) -> Array:
    """m after so many damped rounds, m ← damping · m + (1 − damping) · tanh(h + Σ_j J_ij m_j), from m = tanh h."""
    neighbour, _ = neighbours(h.shape[-1] // columns, columns)
    m = np.tanh(h)
    for _ in range(rounds):
        m = damping * m + (1 - damping) * np.tanh(h + np.sum(J * m[..., neighbour], axis=-1))
    return np.asarray(m)


def belief_propagation(
    J: Array, h: Array, columns: int, rounds: int = 100, damping: float = 0.5
) -> tuple[Array, Array]:
    """(m (…, n), largest change of a message in the last round (…)) after so many damped rounds from u = 0."""
    neighbour, _ = neighbours(h.shape[-1] // columns, columns)
    t = np.tanh(J)
    u = np.zeros_like(J)  # u[…, i, slot]: message that i receives from its neighbour in that slot
    change = np.zeros_like(J)
    for _ in range(rounds):
        total = h + u.sum(axis=-1)
        # What the neighbour knows without what i has told it: that message lies in its opposite slot.
        cavity = total[..., neighbour] - u[..., neighbour, OPPOSITE]
        new = np.arctanh(np.clip(t * np.tanh(cavity), -1 + 1e-15, 1 - 1e-15))
        change = (1 - damping) * (new - u)
        u = u + change
    return np.tanh(h + u.sum(axis=-1)), np.abs(change).max(axis=(-2, -1))
