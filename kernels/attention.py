"""Scaled dot-product attention (Vaswani et al. 2017), and what the scale is for.

    Attention(Q, K, V) = softmax(Q Kᵀ / √d_k) V          row by row, for each head

For entries of q and k that are independent with mean 0 and variance 1, q · k has mean 0 and variance d_k. Divided by
√d_k the scores keep variance 1 whatever the width; undivided they grow, the softmax saturates, and its Jacobian
diag(p) − p pᵀ goes to 0: no gradient reaches Q and K. The gradient of V, which is linear in p, does not vanish.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def softmax(z: Array) -> Array:
    """p_i = exp z_i / Σ_j exp z_j along the last axis."""
    # The largest entry is subtracted first: it cancels in the fraction and keeps exp from overflowing.
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def scores(Q: Array, K: Array, scaled: bool = True) -> Array:
    """Q Kᵀ / √d_k for Q (…, n, d_k) and K (…, m, d_k); shape (…, n, m)."""
    z = Q @ np.swapaxes(K, -1, -2)
    return np.asarray(z / np.sqrt(Q.shape[-1]) if scaled else z)


def weights(Q: Array, K: Array, scaled: bool = True, causal: bool = False) -> Array:
    """softmax(Q Kᵀ / √d_k) row by row; `causal` lets query i see keys 0 … i only. Shape (…, n, m)."""
    z = scores(Q, K, scaled)
    if causal:
        later = np.triu(np.ones(z.shape[-2:], dtype=bool), k=1)
        z = np.where(later, -np.inf, z)
    return softmax(z)


def attention(Q: Array, K: Array, V: Array, scaled: bool = True, causal: bool = False) -> Array:
    """Each output row is an average of the rows of V (…, m, d_v), weighted by how well its key matches the query."""
    return np.asarray(weights(Q, K, scaled, causal) @ V)


def entropy(p: Array) -> Array:
    """H(p) = −Σ p_i ln p_i in nats along the last axis: ln m for uniform weights, 0 for one-hot ones."""
    logs = np.log(np.where(p > 0, p, 1.0))
    return np.asarray(-np.sum(p * logs, axis=-1))


def softmax_jacobian(p: Array) -> Array:
    """∂p/∂z = diag(p) − p pᵀ for weights p (…, m); shape (…, m, m). It is 0 when p is one-hot."""
    return np.asarray(p[..., :, None] * (np.eye(p.shape[-1]) - p[..., None, :]))


def gradients(Q: Array, K: Array, V: Array, G: Array, scaled: bool = True) -> tuple[Array, Array, Array]:
    """Gradients of L = Σ G ⊙ Attention(Q, K, V) with respect to Q, K and V, for an upstream gradient G (…, n, d_v).

    With P = softmax(Z):  dV = Pᵀ G,  dP = G Vᵀ,  dZ = P ⊙ (dP − rowsum(P ⊙ dP)),  dQ = dZ K c,  dK = dZᵀ Q c,
    where c = 1/√d_k if scaled, else 1.
    """
    P = weights(Q, K, scaled)
    dV = np.swapaxes(P, -1, -2) @ G
    dP = G @ np.swapaxes(V, -1, -2)
    dZ = P * (dP - np.sum(P * dP, axis=-1, keepdims=True))
    c = 1.0 / np.sqrt(Q.shape[-1]) if scaled else 1.0
    return np.asarray(dZ @ K * c), np.asarray(np.swapaxes(dZ, -1, -2) @ Q * c), np.asarray(dV)
