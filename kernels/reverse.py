"""Back from noise to data: the reverse SDE and the probability-flow ODE, for any linear noising process.

Forward  dx = a(t) x dt + g(t) dW  has  x(t) = α x₀ + σ ε  (kernels/vp.py). With its score s = ∇ log p_t:

    reverse SDE              dx = [a x − g² s] dt + g dW̄        read with dt < 0             (Anderson 1982)
    probability-flow ODE     dx = [a x − ½ g² s] dt             the same p_t at every t      (Song et al. 2021)

A denoiser gives the score: s(x, t) = (α D(x/α; σ/α) − x) / σ². It knows only the noise-to-signal ratio σ/α, so one
trained denoiser serves every process. With h = t_i − t_{i+1} > 0 and v = a x − c g² s:

    Euler            x ← x − h v                       c = ½        one D a step, error ∝ h
    Heun             x ← x − h (v + v′)/2              c = ½        two D a step, error ∝ h²; v′ at the Euler point
    Euler–Maruyama   x ← x − h v + g √h ξ              c = 1

The last step of each goes to t = 0 by x ← D, the mean of x₀: the score of the data itself is never asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels import vp

Array = npt.NDArray[np.floating]
Denoiser = Callable[[Array, float], Array]
Method = Literal["heun", "euler", "euler-maruyama"]
SIGMA_MIN, SIGMA_MAX, RHO = 0.02, 80.0, 7.0


def edm() -> vp.Schedule:
    """σ(t) = t, α = 1: time is the noise level (Karras et al. 2022). It runs from t = 80, not 1."""
    return vp.Schedule(
        "EDM",
        lambda t: np.zeros_like(np.asarray(t, dtype=np.float64)),
        lambda t: 2 * np.asarray(t, dtype=np.float64),
        lambda t: np.ones_like(np.asarray(t, dtype=np.float64)),
        lambda t: np.asarray(t, dtype=np.float64) ** 2,
    )


def process(name: str) -> vp.Schedule:
    """ "EDM", "VP" (β from 0.1 to 20) or "VE" (σ from 0.02 to 80)."""
    if name == "EDM":
        return edm()
    return vp.vp() if name == "VP" else vp.ve(SIGMA_MIN, SIGMA_MAX)


def times(s: vp.Schedule, steps: int) -> npt.NDArray[np.float64]:
    """The times of all steps, falling to 0, shape (steps + 1,): even in t; for EDM even in σ^(1/7), dense near 0."""
    if s.name != "EDM":
        return np.linspace(1.0, 0.0, steps + 1)
    high, low = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return np.append(np.linspace(high, low, steps) ** RHO, 0.0)


def start(s: vp.Schedule, variance: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Noise with the variance α² Var x₀ + σ² of x at the first time: close to its law, not equal to it."""
    t = times(s, 1)[0]
    return np.asarray(math.sqrt(s.alpha(t) ** 2 * variance + s.variance(t)) * rng.standard_normal(shape))


class State(NamedTuple):
    """Points under way."""

    x: Array
    """(n, d)"""
    i: int
    """Steps taken: x is at time times[i]."""


def score(s: vp.Schedule, D: Denoiser, x: Array, t: float) -> Array:
    """∇ log p_t(x) = (α D(x/α; σ/α) − x) / σ²."""
    alpha, sigma = float(s.alpha(t)), float(s.sigma(t))
    return np.asarray((alpha * D(x / alpha, sigma / alpha) - x) / sigma**2)


def guides_target(s: vp.Schedule, D: Denoiser) -> Callable[[Array, float], Array]:
    """What the target (x₀ − x_t)/σ² teaches: its mean given x_t is (D − x_t)/σ². It forgets α: right for VE only."""

    def wrong(x: Array, t: float) -> Array:
        """(D(x/α; σ/α) − x) / σ²: the score but for a factor α before D."""
        alpha, sigma = float(s.alpha(t)), float(s.sigma(t))
        return np.asarray((D(x / alpha, sigma / alpha) - x) / sigma**2)

    return wrong


def step(
    s: vp.Schedule,
    scores: Callable[[Array, float], Array],
    state: State,
    ts: npt.NDArray[np.float64],
    method: Method,
    rng: np.random.Generator,
) -> State:
    """From time ts[i] to ts[i + 1]; the one that arrives at 0 sets x to (x + σ² s)/α, which is D."""
    x, i = state
    t, h = float(ts[i]), float(ts[i] - ts[i + 1])
    if ts[i + 1] == 0.0:
        return State(np.asarray((x + s.variance(t) * scores(x, t)) / s.alpha(t)), i + 1)
    c = 1.0 if method == "euler-maruyama" else 0.5

    def v(x: Array, t: float) -> Array:
        """dx/dt without the noise: a x − c g² s."""
        return np.asarray(s.a(t) * x - c * s.g2(t) * scores(x, t))

    slope = v(x, t)
    if method == "heun":
        slope = 0.5 * (slope + v(x - h * slope, t - h))
    x = x - h * slope
    if method == "euler-maruyama":
        x = x + math.sqrt(h * float(s.g2(t))) * rng.standard_normal(x.shape)
    return State(np.asarray(x), i + 1)


def sample(
    s: vp.Schedule,
    scores: Callable[[Array, float], Array],
    x: Array,
    ts: npt.NDArray[np.float64],
    method: Method,
    rng: np.random.Generator,
) -> Array:
    """All steps, from x at ts[0] to samples at ts[-1] = 0."""
    state = State(x, 0)
    while state.i < len(ts) - 1:
        state = step(s, scores, state, ts, method, rng)
    return state.x
