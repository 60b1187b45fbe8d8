"""A graph neural network: rounds of messages between neighbours, with the same weights at every node and edge.

    a_i⁰ = tanh(h_i w),      a_i^{t+1} = tanh(h_i w + a_i^t U + Σ_{j∼i} b_ij V),     b_ij = tanh(τ_ij a_j^t B)
    output  m_i = tanh(a_i^T · r)                    with τ_ij = 2 tanh J_ij; T rounds, F features a node

The sum over neighbours makes it blind to their order: renumber the nodes, and the outputs are renumbered alike. It
runs on any graph, also a larger one than it was trained on; after T rounds a node has heard of others up to T edges
away (message passing: Gilmer et al. 2017; Scarselli et al. 2009).

There are no biases, so every layer is odd: flipping all of h flips all of m. More: flip any one spin, s_i → −s_i, with
h_i and its couplings, and a_i and m_i change sign, nothing else. The law of an Ising model has exactly these
symmetries; what is built in need not be learnt.

The slots of neighbours and J (…, n, 4) are those of `kernels.ising`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.ising import OPPOSITE

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int_]


class Parts(NamedTuple):
    """The parameters by name: views into θ."""

    w: Array
    """(F,)"""
    U: Array
    """(F, F)"""
    V: Array
    B: Array
    r: Array
    """(F,)"""


def parts(theta: Array, F: int) -> Parts:
    """Split θ (2F + 3F²,)."""
    square = F * F
    U, V, B = (theta[F + k * square : F + (k + 1) * square].reshape(F, F) for k in range(3))
    return Parts(theta[:F], U, V, B, theta[F + 3 * square :])


def init(F: int, rng: np.random.Generator, dtype: npt.DTypeLike = np.float64) -> Array:
    """Random weights of standard deviation 1/√F; w of order 1."""
    theta = np.asarray(rng.standard_normal(2 * F + 3 * F * F) / np.sqrt(F), dtype)
    p = parts(theta, F)
    p.w[:] *= np.sqrt(F)
    p.U[:] *= 0.5
    p.V[:] *= 0.5
    return theta


class Cache(NamedTuple):
    """What `forward` keeps for `backward`; nodes come first, so that a gather copies whole blocks."""

    a: list[Array]
    """(n, k, F) states, before each round and after the last."""
    b: list[Array]
    """(n, 4, k, F) messages of each round."""
    tau: Array
    """(n, 4, k, 1)"""
    m: Array
    """(n, k)"""


def forward(theta: Array, F: int, rounds: int, J: Array, h: Array, neighbour: Index) -> tuple[Array, Cache]:
    """m (k, n) for k instances: fields h (k, n), couplings J (k, n, 4)."""
    p = parts(theta, F)
    hw = h.T[:, :, None] * p.w
    tau = 2 * np.tanh(np.moveaxis(J, 0, 2))[..., None]
    states, messages = [np.tanh(hw)], []
    for _ in range(rounds):
        a = states[-1]
        # B acts on the nodes before the gather: four times less work than on the edges.
        b = np.tanh(tau * (a @ p.B)[neighbour])
        states.append(np.tanh(hw + a @ p.U + b.sum(axis=1) @ p.V))
        messages.append(b)
    m = np.tanh(states[-1] @ p.r)
    return m.T, Cache(states, messages, tau, m)


def backward(theta: Array, F: int, cache: Cache, h: Array, neighbour: Index, G: Array) -> Array:
    """∂L/∂θ from G = ∂L/∂m (k, n). The weights are shared by all rounds, so their gradients add up."""
    p = parts(theta, F)
    grad = np.zeros_like(theta)
    g = parts(grad, F)

    def outer(x: Array, y: Array) -> Array:
        """Σ over nodes and instances of xᵀ y."""
        return np.asarray(x.reshape(-1, x.shape[-1]).T @ y.reshape(-1, F))

    dz = (G.T * (1 - cache.m**2))[..., None]
    g.r[:] = outer(dz, cache.a[-1])[0]
    da = dz * p.r
    dhw = np.zeros_like(cache.a[0])
    for t in range(len(cache.b) - 1, -1, -1):
        a, b = cache.a[t], cache.b[t]
        dz = da * (1 - cache.a[t + 1] ** 2)
        dhw += dz
        g.U[:] += outer(a, dz)
        g.V[:] += outer(b.sum(axis=1), dz)
        db = (dz @ p.V.T)[:, None] * (1 - b**2)
        # The gather, backwards: node j collects what came of the messages it sent. There the edge is in the opposite
        # slot; over a missing edge τ = 0 and nothing was sent.
        back = (cache.tau * db[neighbour, OPPOSITE]).sum(axis=1)
        g.B[:] += outer(a, back)
        da = dz @ p.U.T + back @ p.B.T
    dhw += da * (1 - cache.a[0] ** 2)
    g.w[:] = outer(h.T[..., None], dhw)[0]
    return grad


def loss(m: Array, target: Array) -> tuple[float, Array]:
    """(mean cross-entropy in nats between spins with means `target` and with means m, its gradient in m).

    −½(1+μ) log ½(1+m) − ½(1−μ) log ½(1−m); least at m = μ, where it is the entropy of the spin.
    """
    m = np.clip(m, -1 + 1e-6, 1 - 1e-6)
    up, down = 0.5 * (1 + target), 0.5 * (1 - target)
    value = -(up * np.log(0.5 * (1 + m)) + down * np.log(0.5 * (1 - m)))
    return float(value.mean()), (down / (1 - m) - up / (1 + m)) / m.size
