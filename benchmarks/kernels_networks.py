"""The kernels of chapter 4 against torch, at equal accuracy: single precision for networks, double for convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from scipy.linalg import convolution_matrix
from support.side_by_side import Case, main
from support.torch_networks import adam_steps, flat, linear, relative, torch_steps

from kernels import convolution, mlp, resnet

F = torch.nn.functional
EXTENDED = np.longdouble


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    yield mlp_case(rng, mlp.Net((2, 32, 2), "silu"), 64)
    yield mlp_case(rng, mlp.Net((2, 64, 64, 64, 2), "silu"), 256)
    yield mlp_case(rng, mlp.Net((2, 256, 256, 256, 2), "silu"), 1024)
    yield resnet_case(rng, resnet.Net(20, 32))
    yield resnet_case(rng, resnet.Net(20, 32, norm=True))
    yield conv_case(rng, 28, 3)
    yield conv_case(rng, 256, 5)
    yield transpose_case(rng)
    yield pool_case(rng)
    yield toeplitz_case(rng)


# -- networks ---


class Residual(torch.nn.Module):
    """`kernels.resnet` as an engineer would write it."""

    def __init__(self, net: resnet.Net, theta: np.ndarray) -> None:
        super().__init__()
        first, *inner, last = (linear(W, b) for W, b in resnet.layers(net, theta))
        self.first, self.inner, self.last = first, torch.nn.ModuleList(inner), last
        self.net = net

    def into(self, h: torch.Tensor) -> torch.Tensor:
        return F.relu(F.layer_norm(h, h.shape[1:], eps=resnet.EPS) if self.net.norm else h)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x)
        for at in range(0, len(self.inner), 2):
            branch = self.inner[at + 1](self.into(self.inner[at](self.into(h))))
            h = h + branch if self.net.skip else branch
        return self.last(self.into(h))


def mlp_case(rng: np.random.Generator, net: mlp.Net, rows: int) -> Case:
    """A step of training: loss ‖output − Y‖² / rows, its gradient, and Adam."""
    theta = mlp.init(net, rng, np.float32)
    X, Y = (rng.standard_normal((rows, n), dtype=np.float32) for n in (net.sizes[0], net.sizes[-1]))

    def gradient(theta: np.ndarray) -> np.ndarray:
        out, cache = mlp.forward(net, theta, X)
        return mlp.backward(net, theta, cache, (2 / rows) * (out - Y))[0]

    layers = [linear(W, b) for W, b in mlp.layers(net, theta)]
    parts = [part for layer in layers for part in (layer, torch.nn.SiLU())][:-1]
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    model = torch.nn.Sequential(*parts)
    return Case(
        f"mlp {'-'.join(map(str, net.sizes))}, {rows} rows, step of Adam",
        "torch",
        adam_steps(theta, gradient),
        torch_steps(model, lambda: ((model(x) - y) ** 2).sum() / rows),
        "gradient, relative",
        gradient_error(gradient(theta.astype(EXTENDED))),
        "numpy's SiLU takes five times as long as torch's, and the way back evaluates its tanh again",
    )


def resnet_case(rng: np.random.Generator, net: resnet.Net) -> Case:
    """A step of training on 128 points of a spiral, as in the lab."""
    theta = resnet.init(net, rng, 1.0, np.float32)
    X, labels = rng.standard_normal((128, 2), dtype=np.float32), rng.integers(0, 3, 128)

    def gradient(theta: np.ndarray) -> np.ndarray:
        logits, halves, _ = resnet.forward(net, theta, X)
        return resnet.backward(net, theta, X, halves, resnet.cross_entropy(logits, labels)[1])[0]

    model, x, y = Residual(net, theta), torch.from_numpy(X), torch.from_numpy(labels)
    return Case(
        f"resnet, {net.depth} blocks of {net.width}{', norm' if net.norm else ''}, 128 rows, step of Adam",
        "torch",
        adam_steps(theta, gradient),
        torch_steps(model, lambda: F.cross_entropy(model(x), y)),
        "gradient, relative",
        gradient_error(gradient(theta.astype(EXTENDED))),
    )


def gradient_error(exact: np.ndarray) -> Callable[[Any], float]:
    """That of the first step, against the same in extended precision."""
    return lambda found: relative(flat(found), exact)


# -- convolution ---


def conv_case(rng: np.random.Generator, n: int, w: int) -> Case:
    x, K = rng.standard_normal((n, n)), rng.standard_normal((w, w))
    image, kernel = torch.from_numpy(x)[None, None], torch.from_numpy(K)[None, None]
    exact = convolution.conv2d(x.astype(EXTENDED), K.astype(EXTENDED), (1, 1))
    return Case(
        f"convolution.conv2d, {n}×{n}, kernel {w}×{w}",
        "torch conv2d",
        lambda: convolution.conv2d(x, K, (1, 1)),
        lambda: F.conv2d(image, kernel, padding=1)[0, 0],
        "relative",
        lambda y: relative(np.asarray(y), exact),
        "numpy pads and makes windows in Python, which on a small image costs more than the sums; on a large one einsum"
        " takes as long as torch",
    )


def transpose_case(rng: np.random.Generator) -> Case:
    g, K = rng.standard_normal((14, 14)), rng.standard_normal((4, 4))
    inner, kernel = torch.from_numpy(g)[None, None], torch.from_numpy(K)[None, None]
    options = {"padding": (1, 1), "stride": (2, 2)}
    exact = convolution.conv_transpose2d(g.astype(EXTENDED), K, (28, 28), **options)
    return Case(
        "convolution.conv_transpose2d, 14×14 → 28×28, 4×4",
        "torch conv_transpose2d",
        lambda: convolution.conv_transpose2d(g, K, (28, 28), **options),
        lambda: F.conv_transpose2d(inner, kernel, **options)[0, 0],
        "relative",
        lambda y: relative(np.asarray(y), exact),
        "a loop in Python over the pixels, one sum at a time, so that one sees where each window goes",
    )


def pool_case(rng: np.random.Generator) -> Case:
    x = rng.standard_normal((28, 28))
    image = torch.from_numpy(x)[None, None]
    exact = np.array([[x[i : i + 2, j : j + 2].max() for j in range(0, 28, 2)] for i in range(0, 28, 2)])
    return Case(
        "convolution.max_pool, 28×28, 2×2",
        "torch max_pool2d",
        lambda: convolution.max_pool(x, (2, 2)),
        lambda: F.max_pool2d(image, 2)[0, 0],
        "largest",
        lambda y: float(np.abs(np.asarray(y) - exact).max()),
        "numpy's maximum over two short axes is its general loop",
    )


def toeplitz_case(rng: np.random.Generator) -> Case:
    k, x = rng.standard_normal(9), rng.standard_normal(500)
    exact = np.convolve(x, k[::-1], "valid")
    return Case(
        "convolution.toeplitz, kernel 9 on 500",
        "SciPy convolution_matrix",
        lambda: convolution.toeplitz(k, 500),
        lambda: convolution_matrix(k[::-1], 500, "valid"),
        "of T x, relative",
        lambda T: relative(T @ x, exact),
        "every index is computed and looked up, as T is defined; SciPy copies one padded kernel, shifted by strides",
    )


if __name__ == "__main__":
    main(__doc__, cases)
