"""The restricted Boltzmann machine: an energy model of bits whose likelihood is exact while one layer is small.

    E(v, h) = −b·v − c·h − vᵀ W h,     p(v, h) = e^(−E)/Z,     v ∈ {0,1}^n,  h ∈ {0,1}^m

No two units of one layer are linked, so given one layer the other's units are independent, h_j = 1 with probability
σ(c_j + (vᵀW)_j), and a whole layer can be summed out: the free energy F(v) = −log Σ_h e^(−E(v,h)) is

    F(v) = −b·v − Σ_j log(1 + e^(c_j + (vᵀW)_j)),     log Z = log Σ_h exp(c·h + Σ_i log(1 + e^(b_i + (Wh)_i)))

The likelihood's gradient is a difference of two expectations,  ∂ log p/∂W = E_data[v hᵀ] − E_model[v hᵀ]. The second
is estimated by k sweeps of Gibbs sampling: from the data (contrastive divergence CD-k, Hinton 2002; biased), or from
where the chains were left after the last update (persistent CD, Tieleman 2008; biased only by how far they lag behind).

Several machines at once: every array may carry a leading axis, one entry for each machine.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class RBM(NamedTuple):
    """The parameters."""

    W: Array
    """(…, n, m)"""
    b: Array
    """(…, 1, n) biases of the visible units."""
    c: Array
    """(…, 1, m) biases of the hidden ones."""


def init(shape: tuple[int, ...], n: int, m: int, rng: np.random.Generator, dtype: npt.DTypeLike = np.float64) -> RBM:
    """Small random weights and biases 0; `shape` is that of the leading axes."""
    W = (0.1 * rng.standard_normal((*shape, n, m))).astype(dtype)
    return RBM(W, np.zeros((*shape, 1, n), dtype), np.zeros((*shape, 1, m), dtype))


def sigmoid(z: Array) -> Array:
    """1/(1 + e^(−z)), by tanh, which does not overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def softplus(z: Array) -> Array:
    """log(1 + e^z) = max(z, 0) + log(1 + e^(−|z|))."""
    return np.asarray(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))


def states(n: int) -> Array:
    """(2ⁿ, n) all bit vectors."""
    return np.asarray(((np.arange(2**n)[:, None] >> np.arange(n)) & 1), dtype=np.float64)


def free_energy(rbm: RBM, v: Array) -> Array:
    """F(v) for v (…, k, n); shape (…, k)."""
    return np.asarray(-(v * rbm.b).sum(axis=-1) - softplus(rbm.c + v @ rbm.W).sum(axis=-1))


def log_partition(rbm: RBM, h: Array) -> Array:
    """log Z by summing over the hidden states h = states(m), the visible layer being summed in closed form."""
    W = np.swapaxes(rbm.W, -1, -2)
    logs = (h * rbm.c).sum(axis=-1) + softplus(rbm.b + h @ W).sum(axis=-1)
    return np.asarray(np.logaddexp.reduce(logs, axis=-1))


def hidden(rbm: RBM, v: Array) -> Array:
    """P(h_j = 1 | v)."""
    return sigmoid(rbm.c + v @ rbm.W)


def visible(rbm: RBM, h: Array) -> Array:
    """P(v_i = 1 | h)."""
    return sigmoid(rbm.b + h @ np.swapaxes(rbm.W, -1, -2))


def draw(p: Array, rng: np.random.Generator) -> Array:
    """Bits that are 1 with probability p."""
    return (rng.random(p.shape, dtype=np.float32) < p).astype(p.dtype)


def gibbs(rbm: RBM, v: Array, k: int, rng: np.random.Generator) -> Array:
    """k sweeps v → h → v, each layer drawn from its exact conditional law."""
    for _ in range(k):
        v = draw(visible(rbm, draw(hidden(rbm, v), rng)), rng)
    return v


def statistics(rbm: RBM, v: Array) -> RBM:
    """E[v hᵀ], E[v], E[h] over the rows of v, with h replaced by its exact mean given v."""
    h = hidden(rbm, v)
    n = v.shape[-2]
    return RBM(np.swapaxes(v, -1, -2) @ h / n, v.mean(axis=-2, keepdims=True), h.mean(axis=-2, keepdims=True))


def exact_statistics(rbm: RBM, h: Array) -> RBM:
    """The same under the model, by summing over h = states(m)."""
    v = visible(rbm, h)
    logs = (h * rbm.c).sum(axis=-1) + softplus(rbm.b + h @ np.swapaxes(rbm.W, -1, -2)).sum(axis=-1)
    p = np.exp(logs - np.logaddexp.reduce(logs, axis=-1)[..., None])[..., None]
    return RBM(np.swapaxes(p * v, -1, -2) @ h, (p * v).sum(-2, keepdims=True), (p * h).sum(-2, keepdims=True))


def ascend(rbm: RBM, data: RBM, model: RBM, lr: float) -> RBM:
    """One step up the likelihood: parameters + η (E_data − E_model)."""
    return RBM(*(at + lr * (up - down) for at, up, down in zip(rbm, data, model, strict=True)))


def bars_and_stripes(side: int) -> Array:
    """(2^(side+1) − 2, side²) the images whose columns, or whose rows, are each all 0 or all 1."""
    rows = np.repeat(states(side)[:, :, None], side, axis=2)
    both = np.concatenate([rows, np.swapaxes(rows, 1, 2)]).reshape(-1, side * side)
    return np.unique(both, axis=0)
