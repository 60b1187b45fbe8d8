"""A classifier of the 8×8 digits with shipped weights, and what generated digits are judged by in its features.

    image (8×8) → conv 3×3, 16, ReLU → conv 3×3, 32, ReLU → 2×2 maximum → 64 features, ReLU → 10 scores

    Fréchet distance   ‖m₁ − m₂‖² + tr(C₁ + C₂ − 2 (C₁ C₂)^½)      of means and covariances of the features (Heusel et
                       al. 2017): the squared 2-Wasserstein distance of two Gaussians. It falls with the number of
                       images: print real against real beside it.
    neighbour ratio    median distance of generated to nearest training image over that of held-out ones: 1 is as new as
                       real digits are, 0 is copies.

Accuracy alone says little: one Gaussian for each class reaches 99 %.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]
TRAIN = 1437
"""Images that the classifier was trained on: the first ones in the order of `split`."""


def split(n: int = 1797) -> tuple[Labels, Labels]:
    """(training, held-out) places of the shipped digits: the same everywhere."""
    order = np.random.default_rng(1797).permutation(n)
    return order[:TRAIN], order[TRAIN:]


@cache
def _weights() -> dict[str, Array]:
    with np.load(Path(__file__).parent / "data" / "digits_judge.npz") as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def _conv(x: Array, W: Array, b: Array) -> Array:
    """3×3 convolution with a border of zeros, ReLU; x (n, c, 8, 8), W (k, c, 3, 3)."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * 9)
    out = np.maximum(rows @ W.reshape(len(W), -1).T + b, 0)
    return out.reshape(n, h, w, len(W)).transpose(0, 3, 1, 2)


def features(x: npt.ArrayLike) -> tuple[Array, Array]:
    """(features (n, 64), class scores (n, 10)) of images (n, 64) with ink 0 … 1."""
    weights = _weights()
    images = np.asarray(x, dtype=np.float32).reshape(-1, 1, 8, 8)
    parts = []
    for at in range(0, len(images), 200):
        z = _conv(images[at : at + 200], weights["W1"], weights["b1"])
        z = _conv(z, weights["W2"], weights["b2"])
        z = z.reshape(len(z), -1, 4, 2, 4, 2).max(axis=(3, 5)).reshape(len(z), -1)
        parts.append(np.maximum(z @ weights["W3"].T + weights["b3"], 0))
    f = np.concatenate(parts)
    return f, f @ weights["W4"].T + weights["b4"]


def accuracy(x: npt.ArrayLike, labels: Labels) -> float:
    """Share of images that the classifier reads as their label."""
    return float(np.mean(features(x)[1].argmax(axis=1) == labels))


class Moments(NamedTuple):
    """Mean and covariance of features."""

    mean: Array
    cov: Array


def moments(f: Array) -> Moments:
    """Of features (n, 64), in double precision."""
    f = f.astype(np.float64)
    return Moments(f.mean(axis=0), np.cov(f.T))


def frechet(a: Moments, b: Moments) -> float:
    """Fréchet distance (a square, as usual)."""
    # tr (C₁C₂)^½ = tr (C₁^½ C₂ C₁^½)^½: the inner matrix is symmetric.
    values, vectors = np.linalg.eigh(a.cov)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b.cov @ root), 0)).sum()
    return float(np.sum((a.mean - b.mean) ** 2) + np.trace(a.cov) + np.trace(b.cov) - 2 * cross)


def nearest(x: Array, train: Array) -> Array:
    """Distance of each image to its nearest training image (n,)."""
    squares = np.sum(x**2, axis=1)[:, None] - 2 * x @ train.T + np.sum(train**2, axis=1)
    return np.asarray(np.sqrt(np.maximum(squares.min(axis=1), 0)))


def class_gaussians(train: Array, labels: Labels, wanted: Labels, rng: np.random.Generator) -> Array:
    """The baseline: for each wanted label a draw from the Gaussian of its class, ink clipped to 0 … 1."""
    out = np.empty((len(wanted), train.shape[1]))
    for k in np.unique(wanted):
        own = train[labels == k]
        z = rng.standard_normal((int(np.sum(wanted == k)), len(own)))
        # (X − m)ᵀ z/√(n−1) has the covariance of the class, whatever its rank.
        out[wanted == k] = own.mean(axis=0) + z @ (own - own.mean(axis=0)) / np.sqrt(len(own) - 1)
    return np.clip(out, 0, 1)
