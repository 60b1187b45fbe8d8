"""Huffman's code: of all codes with whole bits for each symbol, one that is shortest on average (Huffman 1952).

Merge the two least probable nodes until one is left; each merge adds a bit to all symbols below it. No code word begins
another one, so that a stream of bits can be cut in one way only; for such codes Σ 2^{−l_i} ≤ 1 (Kraft 1949), and so

    H(p) ≤ Σ p_i l_i < H(p) + 1                in bits

Coding blocks of b symbols at once shares the rounding: less than 1/b bit a symbol is lost.
"""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def lengths(p: npt.ArrayLike) -> npt.NDArray[np.int_]:
    """Bits of each symbol's code word for probabilities p (n,), n ≥ 1; a single symbol needs 0."""
    p = np.asarray(p, dtype=np.float64)
    n = len(p)
    heap = [(float(weight), at) for at, weight in enumerate(p)]
    heapq.heapify(heap)
    parent = np.zeros(2 * n - 1, dtype=int)
    for node in range(n, 2 * n - 1):
        (a, left), (b, right) = heapq.heappop(heap), heapq.heappop(heap)
        parent[left] = parent[right] = node
        heapq.heappush(heap, (a + b, node))
    depth = np.zeros(2 * n - 1, dtype=int)
    # Parents have higher numbers than their children: from the root downwards.
    for node in range(2 * n - 3, -1, -1):
        depth[node] = depth[parent[node]] + 1
    return depth[:n]


def words(bits: npt.NDArray[np.int_]) -> list[str]:
    """Code words of these lengths, none of which begins another: the canonical code.

    In order of length each word is the last one plus 1, filled up with zeros. Raises ValueError if Σ 2^{−l_i} > 1.
    """
    result = [""] * len(bits)
    code, last = 0, 0
    for symbol in np.argsort(bits, kind="stable"):
        length = int(bits[symbol])
        code <<= length - last
        if code >= 1 << length:
            raise ValueError("no prefix code has words this short: the sum of 2^-l is above 1")
        result[symbol] = format(code, f"0{length}b") if length else ""
        code, last = code + 1, length
    return result


def decode(stream: str, code: list[str]) -> list[int]:
    """The symbols of a stream of bits, read from left to right: the first word that fits is the only one."""
    symbol_of = {word: symbol for symbol, word in enumerate(code)}
    symbols, word = [], ""
    for bit in stream:
        word += bit
        if word in symbol_of:
            symbols.append(symbol_of[word])
            word = ""
    if word:
        raise ValueError(f"the stream ends inside a code word: {word}")
    return symbols


def kraft(bits: npt.NDArray[np.int_]) -> float:
    """Σ 2^{−l_i}: 1 for a Huffman code of two symbols or more, which leaves no word unused."""
    return float(np.sum(np.exp2(-bits.astype(np.float64))))


def blocks(p: Array, b: int) -> Array:
    """Probabilities of all nᵇ blocks of b independent symbols, the last symbol counting fastest."""
    joint = np.ones(1)
    for _ in range(b):
        joint = np.multiply.outer(joint, p).ravel()
    return joint
