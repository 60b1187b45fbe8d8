"""Annealed importance sampling: an unbiased estimate of a partition function that cannot be summed (Neal 2001).

    Z = Z_0 · E[w],   w = Π_t f_{t+1}(v_t) / f_t(v_t)

v_0 is an exact draw of p_0 = f_0/Z_0; v_t comes from v_{t−1} by a move that leaves p_t ∝ f_t unchanged. Nothing has to
have converged: E[w] = Z/Z_0 for any number of temperatures. How much w varies does depend on it. And log of the mean
of w is, on average, too low (Jensen): a model's likelihood then looks better than it is.

Here f_β is the RBM with all parameters multiplied by β, from β = 0 (fair coins: Z_0 = 2^(n+m)) to β = 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.rbm import RBM, free_energy, gibbs

Array = npt.NDArray[np.float64]


class State(NamedTuple):
    """Chains on their way from β = 0 to 1."""

    v: Array
    """(chains, n)"""
    log_w: Array
    """(chains,)"""
    beta: float


def init(rbm: RBM, chains: int, rng: np.random.Generator) -> State:
    """Fair coins, and no weight yet; for one machine: W (n, m)."""
    return State(rng.integers(0, 2, (chains, len(rbm.W))).astype(np.float64), np.zeros(chains), 0.0)


def at(rbm: RBM, beta: float) -> RBM:
    """The machine with all parameters multiplied by β."""
    return RBM(beta * rbm.W, beta * rbm.b, beta * rbm.c)


def step(state: State, rbm: RBM, beta: float, rng: np.random.Generator) -> State:
    """Raise β: first the weight f_new(v)/f_old(v), then one Gibbs sweep at the new β."""
    new = at(rbm, beta)
    gain = free_energy(at(rbm, state.beta), state.v) - free_energy(new, state.v)
    return State(gibbs(new, state.v, 1, rng), state.log_w + gain, beta)


def log_partition(state: State, rbm: RBM) -> tuple[float, float]:
    """(estimate of log Z, its standard error) once β = 1."""
    top = float(state.log_w.max())
    w = np.exp(state.log_w - top)
    mean = float(w.mean())
    error = float(w.std(ddof=1)) / math.sqrt(len(w)) / mean
    return sum(rbm.W.shape) * math.log(2) + top + math.log(mean), error
