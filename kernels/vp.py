"""Linear SDEs that turn data into noise, with their exact laws: variance preserving, variance exploding, sub-VP.

    dx = a(t) x dt + g(t) dW        ⇒        x(t) | x(0) ~ N(α(t) x(0), σ(t)² I)

    α' = a α,  α(0) = 1             the share of the signal that is left
    (σ²)' = 2 a σ² + g²,  σ(0) = 0  the noise that has come in

    VP       a = −β/2, g² = β                      α = e^{−B/2}, σ² = 1 − e^{−B}          α² + σ² = 1
    sub-VP   a = −β/2, g² = β (1 − e^{−2B})        α = e^{−B/2}, σ² = (1 − e^{−B})²
    VE       a = 0,    g² = d σ²/dt                α = 1, σ² = σ_min² ((σ_max/σ_min)^{2t} − 1)

with β(t) = β_min + t (β_max − β_min) and B(t) = ∫₀ᵗ β ds (Song et al. 2021). β is a *rate of noise* in 1/time, not an
inverse temperature. Data with variance v has variance α² v + σ² at time t: VP keeps v = 1, whatever t.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Times = npt.ArrayLike


class Schedule(NamedTuple):
    """A noising process for t from 0 to 1, vectorised over t."""

    name: str
    a: Callable[[Times], Array]
    """The drift is a(t) x."""
    g2: Callable[[Times], Array]
    """g(t)², the diffusion squared."""
    alpha: Callable[[Times], Array]
    variance: Callable[[Times], Array]
    """σ(t)²."""

    def sigma(self, t: Times) -> Array:
        """σ(t), the standard deviation of the noise."""
        return np.sqrt(self.variance(t))


def vp(beta_min: float = 0.1, beta_max: float = 20.0) -> Schedule:
    """Variance preserving: forgets the data exponentially and ends near N(0, I)."""
    rate, B = _linear(beta_min, beta_max)
    return Schedule("VP", lambda t: -0.5 * rate(t), rate, lambda t: np.exp(-0.5 * B(t)), lambda t: -np.expm1(-B(t)))


def sub_vp(beta_min: float = 0.1, beta_max: float = 20.0) -> Schedule:
    """The same drift with less noise: σ² is the square of VP's."""
    rate, B = _linear(beta_min, beta_max)
    return Schedule(
        "sub-VP",
        lambda t: -0.5 * rate(t),
        lambda t: np.asarray(-rate(t) * np.expm1(-2 * B(t))),
        lambda t: np.exp(-0.5 * B(t)),
        lambda t: np.expm1(-B(t)) ** 2,
    )


def ve(sigma_min: float = 0.01, sigma_max: float = 10.0) -> Schedule:
    """Variance exploding: the data stays where it is and drowns; ends near N(0, σ_max² I + Cov x(0))."""
    ratio = math.log(sigma_max / sigma_min)
    return Schedule(
        "VE",
        lambda t: np.zeros_like(np.asarray(t, dtype=np.float64)),
        lambda t: np.asarray(2 * ratio * sigma_min**2 * np.exp(2 * ratio * np.asarray(t, dtype=np.float64))),
        lambda t: np.ones_like(np.asarray(t, dtype=np.float64)),
        lambda t: np.asarray(sigma_min**2 * np.expm1(2 * ratio * np.asarray(t, dtype=np.float64))),
    )


def _linear(low: float, high: float) -> tuple[Callable[[Times], Array], Callable[[Times], Array]]:
    """β(t) and its integral B(t)."""
    return (
        lambda t: np.asarray(low + (high - low) * np.asarray(t, dtype=np.float64)),
        lambda t: np.asarray(low * np.asarray(t) + 0.5 * (high - low) * np.asarray(t, dtype=np.float64) ** 2),
    )


def transition(s: Schedule, t: float, u: float) -> tuple[float, float]:
    """(ratio, variance) of x(u) | x(t) ~ N(ratio · x(t), variance) for t ≤ u: an exact step of any length."""
    ratio = float(s.alpha(u) / s.alpha(t))
    return ratio, float(s.variance(u) - ratio**2 * s.variance(t))


def euler_moments(s: Schedule, m: float, v: float, times: Array) -> tuple[Array, Array]:
    """Mean and variance of Euler–Maruyama's own iterates at the times (n + 1,), from mean m and variance v.

    x ← (1 + a h) x + g √h ξ is linear, so its law is known without noise:  m ← (1 + a h) m,  v ← (1 + a h)² v + g² h.
    """
    a, g2, h = s.a(times[:-1]), s.g2(times[:-1]), np.diff(times)
    means, variances = [m], [v]
    for factor, noise in zip((1 + a * h).tolist(), (g2 * h).tolist(), strict=True):
        means.append(factor * means[-1])
        variances.append(factor**2 * variances[-1] + noise)
    return np.array(means), np.array(variances)
