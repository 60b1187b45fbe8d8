"""A loss that is steeper far from its minimum than near it, as those of networks often are at the start of training.

    f(c) = Σ λ (c²/2 + s c⁴/4),   ∇f = λ c (1 + s c²)        s = 0: a quadratic with curvatures λ

A step of gradient descent multiplies coordinate c by 1 − ηλ (1 + s c²). From c₀ it shrinks for good if
η < 2 / (λ (1 + s c₀²)) and grows without end if η is larger: what is stable near the minimum, up to 2/λ, is not here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def loss(lam: Array, s: float, c: Array) -> Array:
    """f(c) for c (…, d) and curvatures lam (d,); shape (…)."""
    square = c * c
    return np.asarray(np.sum(lam * square * (0.5 + 0.25 * s * square), axis=-1))


def gradient(lam: Array, s: float, c: Array) -> Array:
    """λ c (1 + s c²); shape of c."""
    return np.asarray(lam * c * (1 + s * c * c))


def edge(lam: Array, s: float, c: Array) -> float:
    """The learning rate beyond which a first step from c (d,) leads away: min 2 / (λ (1 + s c²))."""
    return float(np.min(2 / (lam * (1 + s * c * c))))
