"""Gibbs sampling of a small restricted Boltzmann machine, where all states can still be counted.

    p(v, h) = exp(−E(v, h)) / Z,   E(v, h) = −bᵀv − cᵀh − vᵀW h,   v ∈ {0,1}ⁿ, h ∈ {0,1}ᵐ

Gibbs draws one coordinate, or a block, from its conditional law given all the others: a Metropolis–Hastings move that
is always accepted. Here, with s(a) = 1 / (1 + e^{−a}),

    P(h_j = 1 | v) = s(c_j + (vᵀW)_j),   P(v_i = 1 | h) = s(b_i + (W h)_i)

Without couplings inside a layer a whole layer is drawn at once (block Gibbs). Metropolis flips one unit if it can:
A = min(1, e^{−ΔE}). Units are numbered v first, then h; x = (v, h).
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels import metropolis

Array = npt.NDArray[np.float64]


class RBM(NamedTuple):
    """Weights W (n, m), biases b (n,) and c (m,)."""

    W: Array
    b: Array
    c: Array

    @property
    def units(self) -> int:
        """n + m."""
        return len(self.b) + len(self.c)


def random_rbm(n: int, m: int, coupling: float, seed: int) -> RBM:
    """W ~ N(0, coupling²), biases ~ N(0, ½²) that on average balance the weights: no layer is all on or all off."""
    rng = np.random.default_rng(seed)
    W = coupling * rng.standard_normal((n, m))
    b, c = (0.5 * rng.standard_normal(k) for k in (n, m))
    return RBM(W, b - 0.5 * W.sum(axis=1), c - 0.5 * W.sum(axis=0))


def energy(r: RBM, x: Array) -> Array:
    """E of states x (…, n + m)."""
    v, h = x[..., : len(r.b)], x[..., len(r.b) :]
    return np.asarray(-(v @ r.b) - h @ r.c - np.sum((v @ r.W) * h, axis=-1))


def field(r: RBM, x: Array) -> Array:
    """(…, n + m) E(x with unit i off) − E(x with unit i on): what drives unit i on, given all others."""
    v, h = x[..., : len(r.b)], x[..., len(r.b) :]
    return np.concatenate([r.b + h @ r.W.T, r.c + v @ r.W], axis=-1)


def sigmoid(a: Array) -> Array:
    """1 / (1 + e^{−a}) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * a)))


def flip(r: RBM, x: Array, rng: np.random.Generator) -> Array:
    """Metropolis: one random unit of each chain x (chains, n + m) is flipped, or not."""
    rows, i = np.arange(len(x)), rng.integers(0, r.units, len(x))
    drive = field(r, x)[rows, i]
    # Off → on changes the energy by −drive, on → off by +drive.
    taken = metropolis.accept(np.where(x[rows, i] > 0.5, -drive, drive), rng)
    new = x.copy()
    new[rows, i] = np.where(taken, 1.0 - x[rows, i], x[rows, i])
    return new


def redraw(r: RBM, x: Array, rng: np.random.Generator) -> Array:
    """Gibbs: one random unit of each chain is drawn from its law given the others."""
    rows, i = np.arange(len(x)), rng.integers(0, r.units, len(x))
    new = x.copy()
    new[rows, i] = rng.random(len(x)) < sigmoid(field(r, x)[rows, i])
    return new


def sweep(r: RBM, x: Array, rng: np.random.Generator) -> Array:
    """Block Gibbs: the visible layer given the hidden one, then the hidden layer given the new visible one."""
    n = len(r.b)
    v = (rng.random((len(x), n)) < sigmoid(r.b + x[:, n:] @ r.W.T)).astype(float)
    h = (rng.random((len(x), len(r.c))) < sigmoid(r.c + v @ r.W)).astype(float)
    return np.concatenate([v, h], axis=1)


# -- exact, by counting all 2^(n+m) states ---


def states(r: RBM) -> Array:
    """(2^units, units) all states; in row k, unit i is bit i of k, the first unit the highest."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=r.units)))


def exact(r: RBM) -> tuple[Array, float]:
    """(probabilities of all states, log Z)."""
    logs = -energy(r, states(r))
    log_Z = float(np.logaddexp.reduce(logs))
    return np.exp(logs - log_Z), log_Z


def flip_matrix(r: RBM) -> Array:
    """Transition matrix of `flip` between all states."""
    x, logs = states(r), -energy(r, states(r))
    moves = np.zeros((len(x), len(x)))
    here = np.arange(len(x))
    for i in range(r.units):
        there = here ^ (1 << (r.units - 1 - i))
        moves[here, there] = np.exp(np.minimum(0.0, logs[there] - logs)) / r.units
    return metropolis.with_rejections(moves)


def redraw_matrix(r: RBM) -> Array:
    """Transition matrix of `redraw`."""
    x = states(r)
    on = sigmoid(field(r, x))
    moves = np.zeros((len(x), len(x)))
    here = np.arange(len(x))
    for i in range(r.units):
        there = here ^ (1 << (r.units - 1 - i))
        moves[here, there] = np.where(x[:, i] > 0.5, 1 - on[:, i], on[:, i]) / r.units
    return metropolis.with_rejections(moves)


def sweep_matrix(r: RBM) -> Array:
    """Transition matrix of `sweep`: P(v', h' | v, h) = P(v' | h) P(h' | v')."""
    x, n = states(r), len(r.b)
    on = sigmoid(field(r, x))
    # P(v' | h) for every pair (x, x'), and P(h' | v') of x'.
    v_given_h = np.prod(np.where(x[None, :, :n] > 0.5, on[:, None, :n], 1 - on[:, None, :n]), axis=2)
    h_given_v = np.prod(np.where(x[:, n:] > 0.5, on[:, n:], 1 - on[:, n:]), axis=1)
    return np.asarray(v_given_h * h_given_v[None, :])
