"""The U-Net: its parts against PyTorch's own layers, its derivative against differences, what it is at the start."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kernels import edm, unet

NET = unet.Net(channels=8)
MODEL = unet.Model(NET, 0.5)


def batch(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sigma = np.exp(rng.standard_normal((n, 1))).astype(np.float32)
    return rng.standard_normal((n, 64)).astype(np.float32), sigma, np.eye(10, dtype=np.float32)[np.arange(n) % 10]


def trained(seed: int = 1) -> np.ndarray:
    """Parameters none of which is 0, as after training."""
    rng = np.random.default_rng(seed)
    theta = unet.init(NET, rng)
    return theta + 0.1 * rng.standard_normal(len(theta)).astype(np.float32)


def test_the_vector_holds_what_the_shapes_say() -> None:
    assert unet.init(NET, np.random.default_rng(0)).shape == (unet.count(NET),)
    assert unet.count(unet.Net()) == sum(int(np.prod(shape)) for shape in unet.shapes(unet.Net()).values())


def test_it_begins_as_the_best_linear_denoiser_of_white_data() -> None:
    x, sigma, classes = batch(5)
    skip = edm.scales(MODEL, sigma)[0]
    assert np.allclose(unet.denoise(MODEL, unet.init(NET, np.random.default_rng(0)), x, sigma, classes), skip * x)


def test_a_block_is_what_pytorchs_layers_make_of_it() -> None:
    torch.manual_seed(0)
    n, m, e = 8, 16, 32
    norm1, conv1 = torch.nn.GroupNorm(8, n), torch.nn.Conv2d(n, m, 3, padding=1)
    told, norm2 = torch.nn.Linear(e, 2 * m), torch.nn.GroupNorm(8, m)
    conv2, across = torch.nn.Conv2d(m, m, 3, padding=1), torch.nn.Conv2d(n, m, 1, bias=False)
    layers = {"norm1": norm1, "conv1": conv1, "told": told, "norm2": norm2, "conv2": conv2}
    for norm in (norm1, norm2):
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    p = {f"b.{name}.{kind}": getattr(layer, long) for name, layer in layers.items() for kind, long in
         (("w", "weight"), ("b", "bias"))} | {"b.across.w": across.weight}  # fmt: skip
    x, e_ = torch.randn(3, n, 8, 8), torch.randn(3, e)
    a, b = told(e_)[:, :, None, None].chunk(2, dim=1)
    silu = torch.nn.SiLU()
    expected = across(x) + conv2(silu(norm2(conv1(silu(norm1(x)))) * (1 + a) + b))
    torch.testing.assert_close(unet._block(p, "b", x, e_, None), expected)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    x, sigma, classes = batch(6)
    theta, target = trained(), batch(6, 2)[0]
    loss, slope = unet.gradient(MODEL, theta, x, sigma, target, classes, seed=3)
    assert loss > 0
    direction = slope / np.linalg.norm(slope)
    h = np.float32(1e-2)
    ends = [unet.gradient(MODEL, theta + s * h * direction, x, sigma, target, classes, seed=3)[0] for s in (1, -1)]
    assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(np.linalg.norm(slope), rel=0.02)


def test_rows_do_not_meet_and_chunks_do_not_show() -> None:
    x, sigma, classes = batch(unet.CHUNK + 3)
    theta = trained()
    whole = unet.denoise(MODEL, theta, x, sigma, classes)
    alone = np.vstack([unet.denoise(MODEL, theta, x[i : i + 1], sigma[i], classes[i : i + 1]) for i in (0, 7, 201)])
    assert np.allclose(whole[[0, 7, 201]], alone, atol=1e-4)


def test_noise_level_and_class_are_heard() -> None:
    x, _, classes = batch(4)
    theta = trained()
    D = unet.denoise(MODEL, theta, x, 1.0, classes)
    assert not np.allclose(D, unet.denoise(MODEL, theta, x, 1.0, 0 * classes), atol=1e-3)
    assert not np.allclose(D, unet.denoise(MODEL, theta, x, 1.3, classes), atol=1e-3)


def test_dropout_keeps_the_mean_and_its_seed() -> None:
    x, sigma, classes = batch(4)
    theta, target = trained(), 0 * x
    first = unet.gradient(MODEL, theta, x, sigma, target, classes, seed=5)
    again = unet.gradient(MODEL, theta, x, sigma, target, classes, seed=5)
    other = unet.gradient(MODEL, theta, x, sigma, target, classes, seed=6)
    assert first[0] == again[0]
    assert np.array_equal(first[1], again[1])
    assert first[0] != other[0]
