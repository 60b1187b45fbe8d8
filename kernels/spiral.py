"""Spiral arms in the plane, whose best possible classifier is known.

    x = r (sin t, cos t),   t = 2π (turns · r + y / arms) + ε,   r uniform on (0, 1),   ε ~ N(0, noise²)

Noise is in the angle alone, so at every radius the best guess is the arm whose angle is nearest, and it is right as
long as the noise, wound around the circle, stays within ±π/arms.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int_]


def draw(n: int, rng: np.random.Generator, noise: float, turns: float = 1.0, arms: int = 3) -> tuple[Array, Labels]:
    """n points of each arm: X (n · arms, 2) and labels y (n · arms,)."""
    y = np.repeat(np.arange(arms), n)
    r = rng.uniform(size=n * arms)
    t = 2 * np.pi * (turns * r + y / arms) + noise * rng.standard_normal(n * arms)
    return np.stack([r * np.sin(t), r * np.cos(t)], axis=1), y


def best(X: Array, turns: float = 1.0, arms: int = 3) -> Labels:
    """The arm whose angle is nearest, for points X (…, 2)."""
    r, t = np.linalg.norm(X, axis=-1), np.arctan2(X[..., 0], X[..., 1])
    return np.asarray(np.round((t / (2 * np.pi) - turns * r) * arms).astype(np.int_) % arms)


def best_accuracy(noise: float, arms: int = 3) -> float:
    """P(|ε| wound around the circle < π/arms), the share that the best classifier gets right."""
    if noise == 0:
        return 1.0

    def below(angle: float) -> float:
        """Share of the whole that lies below a value."""
        return 0.5 * (1 + math.erf(angle / (noise * math.sqrt(2))))

    # Nine standard deviations, in turns.
    most = 1 + math.ceil(9 * noise / (2 * math.pi))
    middles = (2 * math.pi * k for k in range(-most, most + 1))
    return sum(below(middle + math.pi / arms) - below(middle - math.pi / arms) for middle in middles)
