"""Convolution as a matrix product: the same few weights, again and again along the diagonals.

    y_i = Σ_a k_a x_{si + a − p}          i = 0 … m − 1,   m = ⌊(n + 2p − w) / s⌋ + 1

for a signal x (n,), kernel k (w,), zero padding p and stride s. What deep learning calls convolution is this cross-
correlation: the kernel is not flipped. It is linear in x, so y = T x with T_{i,u} = k_{u − si + p}. At stride 1 that is
the same value along each diagonal, a Toeplitz matrix; a larger stride keeps every s-th of its rows.

In two dimensions, with rows of pixels written one after another, T is built of blocks: block (i, u) is the Toeplitz
matrix of row u − si + p of the kernel, so the blocks themselves repeat along diagonals (doubly block-Toeplitz):
T = Σ_a S_a ⊗ T_a, with S_a the Toeplitz matrix of a kernel that is 1 at place a.

With periodic borders T is circulant: waves are its eigenvectors, and the Fourier transform of the kernel, conjugated,
holds its eigenvalues (Gray 2006; for padding and stride, Dumoulin & Visin 2016).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Pair = tuple[int, int]
"""One number for rows, one for columns."""


def size(n: int, w: int, padding: int = 0, stride: int = 1) -> int:
    """m = ⌊(n + 2p − w) / s⌋ + 1 outputs. Raises ValueError if the kernel does not fit even once."""
    if n + 2 * padding < w or w < 1 or stride < 1 or padding < 0:
        raise ValueError(f"a kernel of {w} with padding {padding} and stride {stride} does not fit on {n}")
    return (n + 2 * padding - w) // stride + 1


def toeplitz(k: Array, n: int, padding: int = 0, stride: int = 1) -> Array:
    """T (m, n) with T_{i,u} = k_{u − si + p} for a kernel k (w,): y = T x."""
    m = size(n, len(k), padding, stride)
    a = np.arange(n) - stride * np.arange(m)[:, None] + padding
    inside = (a >= 0) & (a < len(k))
    return np.where(inside, k[np.where(inside, a, 0)], 0.0)


def block_toeplitz(K: Array, shape: Pair, padding: Pair = (0, 0), stride: Pair = (1, 1)) -> Array:
    """T (m₁ m₂, n₁ n₂) = Σ_a S_a ⊗ T_a for a kernel K (w₁, w₂) and images of shape (n₁, n₂)."""
    blocks = zip(np.eye(len(K)), K, strict=True)
    return np.asarray(
        sum(
            np.kron(toeplitz(unit, shape[0], padding[0], stride[0]), toeplitz(row, shape[1], padding[1], stride[1]))
            for unit, row in blocks
        )
    )


def conv2d(x: Array, K: Array, padding: Pair = (0, 0), stride: Pair = (1, 1)) -> Array:
    """y_{ij} = Σ_{ab} K_{ab} x_{s₁i + a − p₁, s₂j + b − p₂}, as it is written: the kernel slides over x (n₁, n₂)."""
    m = [size(n, w, p, s) for n, w, p, s in zip(x.shape, K.shape, padding, stride, strict=True)]
    padded = np.pad(x, [(p, p) for p in padding])
    windows = np.lib.stride_tricks.sliding_window_view(padded, K.shape)[:: stride[0], :: stride[1]]
    return np.asarray(np.einsum("ijab,ab->ij", windows[: m[0], : m[1]], K))


def conv_transpose2d(g: Array, K: Array, shape: Pair, padding: Pair = (0, 0), stride: Pair = (1, 1)) -> Array:
    """Tᵀ g back on an image of shape (n₁, n₂): every g_{ij} adds its multiple of K where its window was.

    This is how gradients flow back through a convolution, and the layer that upsamples in a generator.
    """
    out = np.zeros((shape[0] + 2 * padding[0], shape[1] + 2 * padding[1]))
    for i, j in np.ndindex(*g.shape):
        top, left = stride[0] * i, stride[1] * j
        out[top : top + K.shape[0], left : left + K.shape[1]] += g[i, j] * K
    return out[padding[0] : padding[0] + shape[0], padding[1] : padding[1] + shape[1]]


def circulant(K: Array, shape: Pair) -> Array:
    """C (n₁ n₂, n₁ n₂): the convolution on a torus, where the last pixel is a neighbour of the first. Needs w ≤ n."""
    n1, n2 = shape
    rolled = np.zeros(shape)
    rolled[: K.shape[0], : K.shape[1]] = K
    return np.array([np.roll(rolled, (i, j), axis=(0, 1)).ravel() for i in range(n1) for j in range(n2)])


def response(K: Array, shape: Pair) -> Array:
    """The eigenvalues of `circulant`, by frequency (n₁, n₂): the conjugate Fourier transform of K. Complex."""
    return np.asarray(np.conj(np.fft.fft2(K, shape)))


def max_pool(y: Array, window: Pair) -> Array:
    """The largest value in each of the windows that fit side by side, for y (m₁, m₂)."""
    rows, columns = y.shape[0] // window[0], y.shape[1] // window[1]
    kept = y[: rows * window[0], : columns * window[1]]
    return np.asarray(kept.reshape(rows, window[0], columns, window[1]).max(axis=(1, 3)))
