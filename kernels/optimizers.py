"""Gradient descent and its descendants, each as one pure step: state and gradient in, new state out.

With g the gradient of the loss at w, all operations element by element (conventions and defaults of torch.optim):

    SGD         w ← w − η g                                                  (Robbins & Monro 1951)
    momentum    m ← β m + g,  w ← w − η m                                    (Polyak 1964)
    Nesterov    m ← β m + g,  w ← w − η (g + β m)                            (Nesterov 1983)
    RMSProp     v ← α v + (1−α) g²,  w ← w − η g / (√v + ε)                  (Tieleman & Hinton 2012)
    Adam        m ← β₁ m + (1−β₁) g,  v ← β₂ v + (1−β₂) g²                   (Kingma & Ba 2015)
                w ← w − η m̂ / (√v̂ + ε)  with  m̂ = m / (1−β₁ᵗ),  v̂ = v / (1−β₂ᵗ)
    AdamW       w ← (1 − η λ) w,  then Adam's step                           (Loshchilov & Hutter 2019)

Why m̂ and v̂: both averages start at 0, so after t steps of a constant gradient they hold only the shares 1−β₁ᵗ and
1−β₂ᵗ of it. Uncorrected, √v is too small by more than m is, and the first step is (1−β₁)/√(1−β₂) = 3.2 η, not η.

The rate η may be an array that broadcasts against w: many runs at once, each with its own.

    state = init(w)
    for t in range(steps):
        state = adam(state, gradient(state.w), lr=1e-3)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""Floats of any precision and shape: the state keeps those of w. Networks hand over all their weights as one vector."""
Rate = float | Array


class State(NamedTuple):
    """The weights, and what a method remembers of past gradients. The same for all methods."""

    w: Array
    m: Array
    """Velocity (momentum, Nesterov) or running mean of g (Adam); 0 where a method has none."""
    v: Array
    """Running mean of g² (RMSProp, Adam); 0 where a method has none."""
    t: int
    """Steps taken."""


def init(w: npt.ArrayLike) -> State:
    """Start at w with nothing remembered; whole numbers become float64."""
    w = np.asarray(w)
    w = w.copy() if np.issubdtype(w.dtype, np.floating) else w.astype(np.float64)
    return State(w, np.zeros_like(w), np.zeros_like(w), 0)


def sgd(state: State, g: Array, lr: Rate, decay: float = 0.0) -> State:
    """w ← w − η (g + λ w). `decay` λ is L2 regularisation, which for this method is weight decay: (1 − η λ) w − η g."""
    w, m, v, t = state
    g = _with_l2(g, w, decay)
    return State(w - lr * g, m, v, t + 1)


def momentum(state: State, g: Array, lr: Rate, beta: float = 0.9, nesterov: bool = False, decay: float = 0.0) -> State:
    """m ← β m + g, then w ← w − η m, or w ← w − η (g + β m) with `nesterov`: a look ahead along the velocity.

    A constant gradient builds up m = g / (1 − β): with β = 0.9 steps ten times as long as SGD's at the same η.
    """
    w, m, v, t = state
    g = _with_l2(g, w, decay)
    m = beta * m + g
    return State(w - lr * (g + beta * m if nesterov else m), m, v, t + 1)


def rmsprop(
    state: State, g: Array, lr: Rate, alpha: float = 0.99, eps: float = 1e-8, correct: bool = False, decay: float = 0.0
) -> State:
    """v ← α v + (1−α) g², w ← w − η g / (√v + ε). As published, v is not corrected: the first step is η / √(1−α).

    `correct` divides v by 1 − αᵗ as Adam does; then the first step is η.
    """
    w, m, v, t = state
    t += 1
    g = _with_l2(g, w, decay)
    v = alpha * v + (1 - alpha) * (g * g)
    share = 1 - alpha**t if correct else 1.0
    return State(w - lr * (g / (np.sqrt(v) / math.sqrt(share) + eps)), m, v, t)


def adam(
    state: State,
    g: Array,
    lr: Rate,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    correct: bool = True,
    decay: float = 0.0,
) -> State:
    """w ← w − η m̂ / (√v̂ + ε): about η per coordinate and step, whatever the gradient's scale.

    `decay` adds λ w to the gradient (L2), where it is divided by √v̂ like the rest: see `adamw` for real decay.
    `correct=False` leaves the bias: m for m̂, v for v̂.
    """
    w, m, v, t = state
    t += 1
    g = _with_l2(g, w, decay)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g * g)
    share1, share2 = (1 - beta1**t, 1 - beta2**t) if correct else (1.0, 1.0)
    # The corrections are numbers, so they go where they are cheap: m̂ into the step size, v̂ behind the root.
    return State(w - lr / share1 * (m / (np.sqrt(v) / math.sqrt(share2) + eps)), m, v, t)


def adamw(
    state: State,
    g: Array,
    lr: Rate,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    correct: bool = True,
    decay: float = 0.01,
) -> State:
    """Adam with decoupled decay: w shrinks by the factor 1 − η λ a step, whatever its gradients were."""
    return adam(state._replace(w=state.w * (1 - lr * decay)), g, lr, beta1, beta2, eps, correct)


def _with_l2(g: Array, w: Array, decay: float) -> Array:
    """The gradient of loss + λ/2 ‖w‖²."""
    return g + decay * w if decay else g
