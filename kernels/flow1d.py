"""A normalizing flow on the line: an increasing map from data to N(0, 1), fitted by exact maximum likelihood.

    z = f(x) = b + a x + Σ_k w_k tanh(s_k (x − c_k)),   a, w_k, s_k > 0    ⇒   f′ > 0: f is one-to-one
    log p(x) = log φ(f(x)) + log f′(x)                                      (change of variables)

(Rezende & Mohamed 2015; sums of monotone steps as maps: Huang et al. 2018.)

The Jacobian f′ is what keeps f from mapping all data to z = 0, where φ is largest: squeezing costs log f′. The loss
is −mean log p(x) = ½ mean f² − mean log f′ + ½ log 2π, and its least value over all increasing f is the entropy of the
data's law, reached by f*(x) = Φ⁻¹(F(x)) with F the data's distribution function.

Positive numbers are stored as logarithms: θ = (b, log a, log w_1…K, c_1…K, log s_1…K), and any θ is allowed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.gaussian import Phi_inverse
from kernels.inverse_cdf import Law, solve

Array = npt.NDArray[np.float64]


class Parts(NamedTuple):
    """The parameters by name: views into θ."""

    b: Array
    log_a: Array
    log_w: Array
    c: Array
    log_s: Array


def parts(theta: Array) -> Parts:
    """Split θ (2 + 3K,)."""
    K = (len(theta) - 2) // 3
    return Parts(theta[0:1], theta[1:2], *(theta[2 + j * K : 2 + (j + 1) * K] for j in range(3)))


def init(x: Array, K: int) -> Array:
    """A nearly straight map that standardises data x (n,), with its K steps where the data are."""
    theta = np.zeros(2 + 3 * K)
    p = parts(theta)
    sd = float(x.std())
    p.b[:], p.log_a[:] = -x.mean() / sd, -math.log(sd)
    p.c[:] = np.quantile(x, (np.arange(K) + 0.5) / K)
    # Each step rises over a stretch of the size of the spread, by little.
    p.log_w[:], p.log_s[:] = math.log(0.1), -math.log(sd)
    return theta


def forward(theta: Array, x: Array) -> tuple[Array, Array]:
    """(f(x), f′(x)) for x (n,)."""
    p = parts(theta)
    w, s, a = np.exp(p.log_w), np.exp(p.log_s), np.exp(p.log_a)
    t = np.tanh(s * (x[:, None] - p.c))
    return p.b + a * x + t @ w, np.asarray(a + (1 - t**2) @ (w * s))


def log_density(theta: Array, x: Array) -> Array:
    """log p(x) = −½ f² − ½ log 2π + log f′, in nats."""
    z, slope = forward(theta, x)
    return np.asarray(-0.5 * z**2 - 0.5 * math.log(2 * math.pi) + np.log(slope))


def gradient(theta: Array, x: Array, jacobian: bool = True) -> tuple[float, Array]:
    """(loss, ∂loss/∂θ) for the loss −mean log p(x). Without `jacobian` log f′ is left out: no likelihood any more.

    With dL/df = f/n and dL/df′ = −1/(n f′) the chain rule gives, for t = tanh u, g = 1 − t², u = s (x − c):

        parameter   b    log a   log w     c            log s
        ∂f          1    a x     w t       −w s g       w g u
        ∂f′         0    a       w s g     2 w s² t g   w s g (1 − 2 t u)
    """
    p = parts(theta)
    n = len(x)
    w, s, a = np.exp(p.log_w), np.exp(p.log_s), np.exp(p.log_a)
    u = s * (x[:, None] - p.c)
    t = np.tanh(u)
    g = 1 - t**2
    z, slope = p.b + a * x + t @ w, a + g @ (w * s)
    dz = z / n
    dslope = -1 / (n * slope) if jacobian else np.zeros(n)
    gt = g * t
    gradient = np.concatenate(
        [
            [dz.sum()],
            a * (dz @ x + dslope.sum()),
            w * (dz @ t) + w * s * (dslope @ g),
            -w * s * (dz @ g) + 2 * w * s**2 * (dslope @ gt),
            w * (dz @ (g * u)) + w * s * (dslope @ (g - 2 * gt * u)),
        ]
    )
    loss = 0.5 * float(np.mean(z**2)) + 0.5 * math.log(2 * math.pi)
    return loss - (float(np.mean(np.log(slope))) if jacobian else 0.0), gradient


def inverse(theta: Array, z: Array) -> Array:
    """x with f(x) = z for z (n,): no formula, but f increases, so root finding does it."""
    # To rounding of f itself, which may be large.
    tolerance = 1e-14 * (1.0 + float(np.abs(z).max(initial=0.0)))
    return solve(Law(lambda x: forward(theta, x)[0], lambda x: forward(theta, x)[1], None), z, tolerance=tolerance).x


def exact_map(u: Array) -> Array:
    """f*(x) = Φ⁻¹(F(x)) from u = F(x): the one increasing map that makes the data exactly N(0, 1)."""
    return Phi_inverse(u)
