"""Generative adversarial networks (Goodfellow et al. 2014): a map G from noise to data against a critic D.

    x = G(z), z ~ N(0, I), has a law q;  the data have p.   D(x) is a real number (a logit), σ(D) the chance of "real"

    value        V(D) = E_p log σ(D(x)) + E_q log(1 − σ(D(x)))
    best D       D* = log p − log q:  σ(D*) = p/(p + q)
    at best      V(D*) = −log 4 + 2 JS(p ‖ q),  −log 4 only if q = p

Each in turn goes down its own loss, with s(u) = log(1 + e^u):

    non-saturating     L_D = E s(−D(x)) + E s(D(G(z)))         L_G = E s(−D(G(z)))
    minimax            the same L_D                            L_G = −E s(D(G(z)))        flat where D is sure
    relativistic       L_D = E s(D(G(z)) − D(x))               L_G = E s(D(x) − D(G(z)))  in pairs: no mode to run to

The penalty γ/2 (E_p |∂D/∂x|² + E_q |∂D/∂x|²) (R₁ and R₂), with x in units of the data's sd, makes the game converge
near its equilibrium, where without it the two circle each other (Mescheder et al. 2018; with the relativistic loss:
Huang et al. 2024).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from kernels import mlp, tangent
from kernels.mlp import Array

Loss = Literal["relativistic", "non-saturating", "minimax"]


class GAN(NamedTuple):
    """The shape of the two networks; data are divided by their sd for the critic and multiplied by it after G."""

    generator: mlp.Net
    critic: mlp.Net
    data_sd: float


def make(latent: int, hidden: tuple[int, ...], data_sd: float) -> GAN:
    """SiLU on both sides."""
    return GAN(mlp.Net((latent, *hidden, 2), "silu"), mlp.Net((2, *hidden, 1), "silu"), data_sd)


def generate(gan: GAN, theta: Array, z: Array) -> Array:
    """G(z) (n, 2)."""
    return mlp.forward(gan.generator, theta, z)[0] * gan.data_sd


def logits(gan: GAN, theta: Array, x: Array) -> Array:
    """D(x) (n,)."""
    return mlp.forward(gan.critic, theta, x * (1 / gan.data_sd))[0][:, 0]


def softplus(u: Array) -> Array:
    """log(1 + e^u), without overflow."""
    return np.asarray(np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u))))


def value(real: Array, fake: Array) -> float:
    """V from the logits of real and of generated points."""
    return float(-np.mean(softplus(-real)) - np.mean(softplus(fake)))


def centred(real: Array, fake: Array) -> tuple[Array, Array]:
    """The logits plus the constant that makes V largest: the relativistic loss sees differences alone.

    V is concave in the constant c and its slope is mean σ(−real − c) − mean σ(fake + c): bisection.
    """
    low, high = -100.0, 100.0
    for _ in range(60):
        c = 0.5 * (low + high)
        rising = float(np.mean(mlp.sigmoid(-real - c)) - np.mean(mlp.sigmoid(fake + c))) > 0
        low, high = (c, high) if rising else (low, c)
    return real + c, fake + c


def critic_gradient(
    gan: GAN, theta: Array, real: Array, fake: Array, loss: Loss, gamma: float = 0.0
) -> tuple[float, Array]:
    """(L_D + penalty, its gradient) for as many real as generated points."""
    n = len(real)
    x = np.concatenate([real, fake]) * (1 / gan.data_sd)
    y, seen = mlp.forward(gan.critic, theta, x)
    a, b = y[:n, 0], y[n:, 0]
    if loss == "relativistic":
        total = float(np.mean(softplus(b - a)))
        push = mlp.sigmoid(b - a)
        G = np.concatenate([-push, push])
    else:
        total = float(np.mean(softplus(-a)) + np.mean(softplus(b)))
        G = np.concatenate([-mlp.sigmoid(-a), mlp.sigmoid(b)])
    G = G[:, None] * (1 / n)
    if gamma == 0.0:
        return total, mlp.backward(gan.critic, theta, seen, G)[0]
    slope = mlp.backward(gan.critic, theta, seen, np.ones_like(y))[1]
    _, _, both = tangent.forward(gan.critic, theta, x, slope)
    total += 0.5 * gamma / n * float(np.sum(slope * slope))
    return total, tangent.backward(gan.critic, theta, both, G, np.full_like(y, gamma / n))


def generator_gradient(gan: GAN, theta: tuple[Array, Array], z: Array, real: Array, loss: Loss) -> tuple[float, Array]:
    """(L_G, its gradient in the generator's parameters); theta holds the generator's and the critic's."""
    n = len(z)
    x, made = mlp.forward(gan.generator, theta[0], z)
    y, seen = mlp.forward(gan.critic, theta[1], x)
    b = y[:, 0]
    if loss == "relativistic":
        a = logits(gan, theta[1], real)
        total, G = float(np.mean(softplus(a - b))), -mlp.sigmoid(a - b)
    elif loss == "non-saturating":
        total, G = float(np.mean(softplus(-b))), -mlp.sigmoid(-b)
    else:
        total, G = -float(np.mean(softplus(b))), -mlp.sigmoid(b)
    dx = mlp.backward(gan.critic, theta[1], seen, G[:, None] * (1 / n))[1]
    return total, mlp.backward(gan.generator, theta[0], made, dx)[0]
