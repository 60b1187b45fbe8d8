"""A small convolutional U-Net that denoises 8×8 pictures, told the noise level and a class; PyTorch differentiates it.

    c_in x ─ conv ─ block ──────────────────── joined ─ block ─ norm ─ SiLU ─ conv ─▶ F_θ     8×8, c channels
                      └─ mean of 2×2 ─ block ─ block ─┘ doubled                               4×4, 2c channels

    block:  h = conv(SiLU(norm(x)))      h = (1 + a) norm(h) + b      x + conv(dropout(SiLU(h)))

a and b come from the noise level and the class, so that both act in every block (feature-wise modulation). The way
across keeps the detail, the way below sees the whole digit (Ronneberger, Fischer & Brox 2015; Ho, Jain & Abbeel 2020).
norm is group normalisation (Wu & He 2018). D = c_skip x + c_out F_θ and the loss are those of `kernels.edm`.

Parameters are one flat vector, as in `kernels.mlp`, so that the same optimiser and the same files serve both. A
convolution uses each weight at 64 places: 150,000 parameters learn what digits are made of, where a dense network
learns the digits it was shown.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from kernels import edm

Array = npt.NDArray[np.floating]
SIDE = 8
GROUPS = 8
DROPOUT = 0.1
FREQUENCIES = tuple(math.exp(-1.5 + 3.0 * i / 7) for i in range(8))
CHUNK = 200


class Net(NamedTuple):
    """The shape of a network."""

    channels: int = 24
    """c, a multiple of 8."""
    classes: int = 10


class Model(NamedTuple):
    """What turns the network's output into a denoiser; `kind` as `kernels.edm` has it."""

    net: Net
    data_sd: float
    kind: edm.Kind = "edm"


def shapes(net: Net) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all parameters, in the order of the flat vector."""
    c, e = net.channels, 4 * net.channels
    found: dict[str, tuple[int, ...]] = {
        "noise1.w": (e, 2 * len(FREQUENCIES)), "noise1.b": (e,), "noise2.w": (e, e), "noise2.b": (e,),
        "class.w": (e, net.classes),
        "in.w": (c, 1, 3, 3), "in.b": (c,), "place": (c, SIDE, SIDE),
    }  # fmt: skip
    for name, n, m in (("down", c, c), ("below1", c, 2 * c), ("below2", 2 * c, 2 * c), ("up", 3 * c, c)):
        found |= {
            f"{name}.norm1.w": (n,), f"{name}.norm1.b": (n,), f"{name}.conv1.w": (m, n, 3, 3), f"{name}.conv1.b": (m,),
            f"{name}.told.w": (2 * m, e), f"{name}.told.b": (2 * m,),
            f"{name}.norm2.w": (m,), f"{name}.norm2.b": (m,), f"{name}.conv2.w": (m, m, 3, 3), f"{name}.conv2.b": (m,),
        }  # fmt: skip
        if n != m:
            found[f"{name}.across.w"] = (m, n, 1, 1)
    return found | {"norm.w": (c,), "norm.b": (c,), "out.w": (1, c, 3, 3), "out.b": (1,)}


def count(net: Net) -> int:
    """Number of parameters."""
    return sum(math.prod(shape) for shape in shapes(net).values())


def init(net: Net, rng: np.random.Generator) -> Array:
    """Weights with standard deviation 1/√(3 · inputs), those of the classes 1, as one input alone is not 0.

    The last convolution of each block is 0, so that it begins as x, and so is the last of all.
    """
    parts = []
    for name, shape in shapes(net).items():
        kind = name.rsplit(".", 1)[-1]
        part = np.zeros(shape, np.float32)
        if "norm" in name and kind == "w":
            part += 1
        elif name == "class.w":
            part += rng.standard_normal(shape, dtype=np.float32)
        elif kind == "w" and not name.endswith("conv2.w") and name != "out.w":
            part += rng.standard_normal(shape, dtype=np.float32) / math.sqrt(3 * math.prod(shape[1:]))
        parts.append(part.ravel())
    return np.concatenate(parts)


def _named(net: Net, theta: Tensor) -> dict[str, Tensor]:
    """The parameters as views into theta."""
    wanted = shapes(net)
    pieces = torch.split(theta, [math.prod(shape) for shape in wanted.values()])
    return {name: piece.view(shape) for piece, (name, shape) in zip(pieces, wanted.items(), strict=True)}


def _norm(p: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.group_norm(x, GROUPS, p[f"{name}.w"], p[f"{name}.b"])


def _block(p: dict[str, Tensor], name: str, x: Tensor, told: Tensor, rng: torch.Generator | None) -> Tensor:
    h = F.conv2d(F.silu(_norm(p, f"{name}.norm1", x)), p[f"{name}.conv1.w"], p[f"{name}.conv1.b"], padding=1)
    a, b = F.linear(told, p[f"{name}.told.w"], p[f"{name}.told.b"])[:, :, None, None].chunk(2, dim=1)
    h = F.silu(_norm(p, f"{name}.norm2", h) * (1 + a) + b)
    if rng is not None:
        h = h * (torch.rand(h.shape, generator=rng) >= DROPOUT) / (1 - DROPOUT)
    across = F.conv2d(x, p[f"{name}.across.w"]) if f"{name}.across.w" in p else x
    return across + F.conv2d(h, p[f"{name}.conv2.w"], p[f"{name}.conv2.b"], padding=1)


def forward(
    net: Net, theta: Tensor, x: Tensor, noise: Tensor, classes: Tensor, rng: torch.Generator | None = None
) -> Tensor:
    """F_θ, (n, 1, 8, 8), for pictures of that shape, noise ½ ln σ (n,) and classes (n, k), a row of 0 for none.

    With a generator it drops a tenth of the features at random, as in training.
    """
    p = _named(net, theta)
    waves = noise[:, None] * torch.tensor(FREQUENCIES)
    told = F.silu(F.linear(torch.cat([waves.sin(), waves.cos()], dim=1), p["noise1.w"], p["noise1.b"]))
    told = F.silu(F.linear(told, p["noise2.w"], p["noise2.b"]) + F.linear(classes, p["class.w"]))
    h = _block(p, "down", F.conv2d(x, p["in.w"], p["in.b"], padding=1) + p["place"], told, rng)
    below = _block(p, "below1", F.avg_pool2d(h, 2), told, rng)
    below = _block(p, "below2", below, told, rng)
    joined = torch.cat([h, F.interpolate(below, scale_factor=2.0)], dim=1)
    h = F.silu(_norm(p, "norm", _block(p, "up", joined, told, rng)))
    return F.conv2d(h, p["out.w"], p["out.b"], padding=1)


def _tensors(m: Model, x: Array, sigma: Array, classes: Array) -> tuple[Tensor, Tensor, Tensor]:
    seen = (x * edm.scales(m, sigma)[2]).astype(np.float32).reshape(-1, 1, SIDE, SIDE)
    noise = (0.5 * np.log(sigma[:, 0])).astype(np.float32)
    return torch.from_numpy(seen), torch.from_numpy(noise), torch.from_numpy(classes.astype(np.float32))


def denoise(m: Model, theta: Array, x: Array, sigma: npt.ArrayLike, classes: Array) -> Array:
    """D(x; σ) for x (n, 64); sigma a number or (n, 1); classes (n, k). In single precision inside, x's outside."""
    out = np.empty_like(x)
    sigmas = np.broadcast_to(np.asarray(sigma, dtype=np.float32), (len(x), 1))
    weights = torch.from_numpy(np.ascontiguousarray(theta, dtype=np.float32))
    for at in range(0, len(x), CHUNK):
        rows = slice(at, at + CHUNK)
        skip, scale, _ = edm.scales(m, sigmas[rows])
        with torch.inference_mode():
            found = forward(m.net, weights, *_tensors(m, x[rows], sigmas[rows], classes[rows]))
        out[rows] = skip * x[rows] + scale * found.numpy().reshape(-1, SIDE * SIDE)
    return out


def gradient(
    m: Model, theta: Array, x: Array, sigma: Array, target: Array, classes: Array, seed: int
) -> tuple[float, Array]:
    """The mean over rows and pixels of |F_θ − F*|² with x₀ = target, and its gradient in theta.

    `seed` is that of the features dropped.
    """
    skip, scale, _ = edm.scales(m, sigma)
    wanted = torch.from_numpy(((target - skip * x) / scale).astype(np.float32).reshape(-1, 1, SIDE, SIDE))
    weights = torch.from_numpy(theta).requires_grad_()
    found = forward(m.net, weights, *_tensors(m, x, sigma, classes), rng=torch.Generator().manual_seed(seed))
    loss = F.mse_loss(found, wanted)
    (slope,) = torch.autograd.grad(loss, weights)
    return loss.item(), slope.numpy()
