"""Entropy, cross-entropy and KL divergence of laws on finitely many symbols.

    H(p) = −Σ p_i log p_i        H(p, q) = −Σ p_i log q_i        KL(p‖q) = Σ p_i log(p_i / q_i) = H(p, q) − H(p) ≥ 0

log₂ gives bits, ln nats (1 nat = 1.443 bits). 0 log 0 = 0. KL is +∞ if some p_i > 0 has q_i = 0.

What they measure: a symbol with probability q_i gets a code word of −log₂ q_i bits (Shannon 1948; nearly, if that is
not whole). Symbols that come with probabilities p then cost H(p, q) bits on average: H(p), which no code can beat, plus
KL(p‖q) for believing q. A language model's training loss is this cross-entropy, its perplexity is e^{loss in nats}.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
BIT = math.log(2)
"""One bit in nats."""


def entropy(p: Array) -> float:
    """H(p) in nats for probabilities p (n,): 0 for a certain symbol, ln n for uniform p, never more."""
    return cross_entropy(p, p)


def cross_entropy(p: Array, q: Array) -> float:
    """H(p, q) in nats; +∞ if q forbids what p allows."""
    used = p > 0
    with np.errstate(divide="ignore"):
        return float(-np.sum(p[used] * np.log(q[used])))


def kl(p: Array, q: Array) -> float:
    """KL(p‖q) in nats, 0 only for p = q. Summed as ratios: H(p, q) − H(p) loses its digits when q is close to p."""
    used = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[used] * np.log(p[used] / q[used])))


def zipf(n: int, temperature: float = 1.0) -> Array:
    """p_i ∝ (1/i)^{1/T}, i = 1 … n: the softmax of the logits −ln i at temperature T. Uniform for T → ∞, sure for 0."""
    logits = -np.log(np.arange(1, n + 1)) / temperature
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum())


def surprise_variance(p: Array, q: Array) -> float:
    """Var_p(−ln q): over n, the squared standard error of a code length measured on n symbols."""
    cost = -np.log(q)
    return float(np.sum(p * (cost - np.sum(p * cost)) ** 2))


# -- learning the law from the symbols themselves ---


def laplace(counts: Array) -> Array:
    """q_i = (c_i + 1) / (N + n), Laplace's rule: what to expect of the next symbol after counts c (n,), N in all."""
    return np.asarray((counts + 1) / (counts.sum() + len(counts)))


def adaptive_length(counts: npt.ArrayLike) -> float:
    """Σ_t −ln q_t(x_t) in nats, each symbol coded by Laplace's rule from those before it: both ends learn together.

    Whatever their order it is ln [ (N+n−1)! / ((n−1)! Π c_i!) ]: the product of the q_t has n(n+1)…(n+N−1) below and
    Π c_i! above. It exceeds N H(p) by about ½ (n−1) ln N: the price of not knowing p.
    """
    c = np.asarray(counts, dtype=np.float64)
    n, N = len(c), float(c.sum())
    return math.lgamma(N + n) - math.lgamma(n) - sum(math.lgamma(each + 1) for each in c.tolist())
