"""Learning rates that change during the run: linear warm-up, then half a cosine down.

    warm-up, t < w:   η_t = η_max (t + 1) / w
    cosine:           η_t = η_min + ½ (η_max − η_min) (1 + cos(π (t − w) / (T − w)))        (Loshchilov & Hutter 2017)

for the steps t = 0 … T − 1. Warm-up starts at η_max / w and not at 0, which would waste a step. The decay averages the
gradient noise away near the end; the warm-up passes the start, where the loss may be steeper than it is later.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def constant(steps: int, peak: float) -> Array:
    """The same rate at every step; shape (steps,)."""
    return np.full(steps, peak)


def cosine(steps: int, peak: float, low: float = 0.0, warmup: int = 0) -> Array:
    """The rate of every step: up to `peak` in `warmup` steps, then down towards `low`; shape (steps,).

    Raises ValueError if the warm-up leaves no step for the decay.
    """
    if not 0 <= warmup < steps:
        raise ValueError(f"warm-up of {warmup} steps does not fit into {steps}")
    t = np.arange(steps, dtype=np.float64)
    up = peak * (t + 1) / max(warmup, 1)
    down = low + 0.5 * (peak - low) * (1 + np.cos(np.pi * (t - warmup) / (steps - warmup)))
    return np.where(t < warmup, up, down)
