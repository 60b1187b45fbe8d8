"""PyTorch and the convolution theorem are the oracles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as nn

from kernels import convolution

PAIRS = st.tuples(st.integers(0, 3), st.integers(0, 3))


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, tuple[int, int], tuple[int, int]]:
    """An image, a kernel that fits on it with some padding, and a stride."""
    shape = draw(st.tuples(st.integers(1, 10), st.integers(1, 10)))
    padding = draw(PAIRS)
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    w = tuple(draw(st.integers(1, min(5, n + 2 * p))) for n, p in zip(shape, padding, strict=True))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.standard_normal(shape), rng.standard_normal(w), padding, stride


@given(case=cases())
@settings(max_examples=120, deadline=None)
def test_matrix_sliding_and_torch_agree_for_any_shape_padding_and_stride(case: tuple) -> None:
    x, K, padding, stride = case
    tx, tK = torch.from_numpy(x)[None, None].requires_grad_(), torch.from_numpy(K)[None, None]
    out = nn.conv2d(tx, tK, padding=padding, stride=stride)[0, 0]
    y = convolution.conv2d(x, K, padding, stride)
    T = convolution.block_toeplitz(K, x.shape, padding, stride)
    assert y.shape == tuple(out.shape)
    assert np.abs(y - out.detach().numpy()).max() < 1e-12
    assert np.abs(T @ x.ravel() - y.ravel()).max() < 1e-12
    # The transpose carries gradients back.
    g = np.random.default_rng(0).standard_normal(y.shape)
    (out * torch.from_numpy(g)).sum().backward()
    back = convolution.conv_transpose2d(g, K, x.shape, padding, stride)
    assert np.abs(back - tx.grad[0, 0].numpy()).max() < 1e-12
    assert np.abs(T.T @ g.ravel() - back.ravel()).max() < 1e-12


def test_the_transpose_is_torchs_transposed_convolution() -> None:
    rng = np.random.default_rng(0)
    g, K = rng.standard_normal((4, 5)), rng.standard_normal((3, 3))
    theirs = nn.conv_transpose2d(torch.from_numpy(g)[None, None], torch.from_numpy(K)[None, None], stride=2, padding=1)
    ours = convolution.conv_transpose2d(g, K, (7, 9), (1, 1), (2, 2))
    assert np.abs(ours - theirs[0, 0].numpy()).max() < 1e-12


@given(n=st.integers(1, 20), w=st.integers(1, 5), padding=st.integers(0, 3), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_in_one_dimension_it_is_toeplitz(n: int, w: int, padding: int, seed: int) -> None:
    if w > n + 2 * padding:
        return
    rng = np.random.default_rng(seed)
    x, k = rng.standard_normal(n), rng.standard_normal(w)
    T = convolution.toeplitz(k, n, padding)
    theirs = nn.conv1d(torch.from_numpy(x)[None, None], torch.from_numpy(k)[None, None], padding=padding)[0, 0].numpy()
    assert np.abs(T @ x - theirs).max() < 1e-12
    # The same value along each diagonal.
    assert np.array_equal(T[1:, 1:], T[:-1, :-1])
    # A stride keeps every third row.
    assert np.array_equal(convolution.toeplitz(k, n, padding, 3), T[::3])


def test_in_two_dimensions_blocks_repeat_along_diagonals() -> None:
    T = convolution.block_toeplitz(np.arange(1.0, 10).reshape(3, 3), (6, 7)).reshape(4, 5, 6, 7)
    blocks = T.transpose(0, 2, 1, 3)
    assert np.array_equal(blocks[1:, 1:], blocks[:-1, :-1])
    assert np.array_equal(blocks[..., 1:, 1:], blocks[..., :-1, :-1])
    assert sorted(set(T.ravel())) == list(range(10))
    assert np.count_nonzero(T) == 4 * 5 * 9


@pytest.mark.parametrize("shape", [(8, 8), (5, 7), (1, 12)])
def test_periodic_convolution_is_diagonal_in_waves(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    K = rng.standard_normal((min(3, shape[0]), 3))
    x = rng.standard_normal(shape)
    C = convolution.circulant(K, shape)
    wrapped = np.pad(x, [(0, K.shape[0] - 1), (0, K.shape[1] - 1)], mode="wrap")
    direct = convolution.conv2d(wrapped, K)
    lam = convolution.response(K, shape)
    assert np.abs(C @ x.ravel() - direct.ravel()).max() < 1e-12
    assert np.abs(np.fft.ifft2(np.fft.fft2(x) * lam).real - direct).max() < 1e-12
    for f in np.ndindex(*shape):
        wave = np.exp(2j * np.pi * np.add.outer(*(k * np.arange(n) / n for k, n in zip(f, shape, strict=True))))
        assert np.abs(C @ wave.ravel() - lam[f] * wave.ravel()).max() < 1e-12


def test_equivariance_inside_and_its_end_at_borders_and_strides() -> None:
    rng = np.random.default_rng(0)
    K = rng.standard_normal((3, 3))
    x = np.zeros((8, 20))
    x[:, 6:14] = rng.standard_normal((8, 8))

    def shifted(a: np.ndarray, by: int) -> np.ndarray:
        return np.pad(a, ((0, 0), (by, 0)))[:, : a.shape[1]]

    y = convolution.conv2d(x, K)
    assert np.array_equal(convolution.conv2d(shifted(x, 4), K), shifted(y, 4))
    strided = convolution.conv2d(x, K, stride=(2, 2))
    assert np.array_equal(convolution.conv2d(shifted(x, 4), K, stride=(2, 2)), shifted(strided, 2))
    assert np.abs(convolution.conv2d(shifted(x, 3), K, stride=(2, 2)) - shifted(strided, 1)).max() > 0.1
    full = rng.standard_normal((8, 8))
    off = np.abs(convolution.conv2d(shifted(full, 1), K, (1, 1)) - shifted(convolution.conv2d(full, K, (1, 1)), 1)).max(
        axis=0
    )
    assert off[-1] > 0.1
    assert not off[1:-1].any()


def test_pooling_makes_invariance_approximate_and_global_pooling_exact() -> None:
    rng = np.random.default_rng(0)
    smooth = np.outer(np.hanning(10), np.hanning(10))
    x = np.pad(smooth, ((0, 0), (6, 6)))
    K = rng.uniform(0.1, 1.0, (3, 3))
    moved = np.roll(x, 1, axis=1)
    y, z = convolution.conv2d(x, K), convolution.conv2d(moved, K)

    def change(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.linalg.norm(a - b) / np.linalg.norm(a))

    pooled = change(convolution.max_pool(y, (2, 4)), convolution.max_pool(z, (2, 4)))
    assert 0 < pooled < change(y, z)
    assert z.max() == y.max()


def test_max_pool_agrees_with_torch() -> None:
    y = np.random.default_rng(0).standard_normal((7, 10))
    theirs = nn.max_pool2d(torch.from_numpy(y)[None, None], (2, 3))[0, 0].numpy()
    assert np.array_equal(convolution.max_pool(y, (2, 3)), theirs)


@pytest.mark.parametrize(("n", "w", "padding", "stride"), [(3, 4, 0, 1), (3, 0, 0, 1), (3, 2, 0, 0), (3, 2, -1, 1)])
def test_a_kernel_that_does_not_fit_is_refused(n: int, w: int, padding: int, stride: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        convolution.size(n, w, padding, stride)
