"""The variational autoencoder (Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014), every derivative written out.

    prior    p(z) = N(0, I)        decoder  p(x|z) = N(g(z), σ² I)        encoder  q(z|x) = N(μ(x), diag e^(ℓ(x)))

    ELBO(x) = E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)),       KL = ½ Σ_j (μ_j² + e^(ℓ_j) − 1 − ℓ_j)

The loss is −E_q[log p(x|z)] + β KL, minus the ELBO for β = 1 (other β: Higgins et al. 2017). Through z = μ + e^(ℓ/2) ε
with ε ~ N(0, I) its gradient reaches the encoder (the reparameterisation trick). σ is fixed: it says how much an error
counts, 1/(2σ²) times its square, and the squared error without that factor, summed over the dimensions, is σ² = ½.

A direction of the data with variance λ is used by a linear VAE only if λ > β σ²; otherwise its KL is cheaper at 0. For
any VAE that uses nothing yet, the same condition says whether beginning to use that direction lowers the loss.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels import mlp

Array = npt.NDArray[Any]


class VAE(NamedTuple):
    """The shape of a VAE."""

    encoder: mlp.Net
    """d inputs, 2L outputs: μ, then ℓ."""
    decoder: mlp.Net
    """L inputs, d outputs."""
    sigma: float

    @property
    def latent(self) -> int:
        """L, the dimensions of z."""
        return self.decoder.sizes[0]

    def split(self, theta: Array) -> tuple[Array, Array]:
        """The encoder's and the decoder's part of the parameters, as views."""
        cut = mlp.count(self.encoder)
        return theta[:cut], theta[cut:]


def make(d: int, latent: int, hidden: int, sigma: float) -> VAE:
    """Two hidden layers of tanh on both sides."""
    return VAE(mlp.Net((d, hidden, hidden, 2 * latent)), mlp.Net((latent, hidden, hidden, d)), sigma)


def init(vae: VAE, rng: np.random.Generator, dtype: npt.DTypeLike = np.float64) -> Array:
    """Random weights; the encoder starts near the prior."""
    return np.concatenate([mlp.init(vae.encoder, rng, dtype, last=0.1), mlp.init(vae.decoder, rng, dtype)])


def encode(vae: VAE, theta: Array, x: Array) -> tuple[Array, Array]:
    """(μ, ℓ), each (n, L), for x (n, d)."""
    out, _ = mlp.forward(vae.encoder, vae.split(theta)[0], x)
    return out[:, : vae.latent], out[:, vae.latent :]


def decode(vae: VAE, theta: Array, z: Array) -> Array:
    """g(z) (n, d) for z (n, L)."""
    return mlp.forward(vae.decoder, vae.split(theta)[1], z)[0]


def kl(mu: Array, log_var: Array) -> Array:
    """KL(N(μ, diag e^ℓ) ‖ N(0, I)) in nats, dimension by dimension (n, L)."""
    # expm1 keeps the digits that e^ℓ − 1 would lose for a latent that is nearly switched off.
    return np.asarray(0.5 * (mu**2 + np.expm1(log_var) - log_var))


def log_likelihood(vae: VAE, x: Array, mean: Array) -> Array:
    """log p(x|z) = −|x − g(z)|²/(2σ²) − (d/2) log 2πσ² along the last axis, from g(z)."""
    d = x.shape[-1]
    squares = np.sum((x - mean) ** 2, axis=-1)
    return np.asarray(-0.5 * squares / vae.sigma**2 - 0.5 * d * math.log(2 * math.pi * vae.sigma**2))


def elbo(vae: VAE, theta: Array, x: Array, eps: Array) -> tuple[Array, Array]:
    """(log p(x|z) (n,), KL (n, L)) with z = μ + e^(ℓ/2) ε: their difference is an unbiased estimate of the ELBO."""
    mu, log_var = encode(vae, theta, x)
    mean = decode(vae, theta, mu + np.exp(0.5 * log_var) * eps)
    return log_likelihood(vae, x, mean), kl(mu, log_var)


def loss(vae: VAE, theta: Array, x: Array, eps: Array, beta: float = 1.0) -> tuple[float, Array]:
    """(loss, ∂loss/∂θ), the mean over x (n, d) of −log p(x|z) + β KL, with one ε (n, L) for each x."""
    to_z, to_x = vae.split(theta)
    n, L = len(x), vae.latent
    out, seen = mlp.forward(vae.encoder, to_z, x)
    mu, log_var = out[:, :L], out[:, L:]
    sd = np.exp(0.5 * log_var)
    mean, made = mlp.forward(vae.decoder, to_x, mu + sd * eps)
    value = float(np.mean(beta * kl(mu, log_var).sum(axis=1) - log_likelihood(vae, x, mean)))
    # Plain numbers keep the precision of the arrays.
    decoder, dz = mlp.backward(vae.decoder, to_x, made, (mean - x) * (1 / (n * vae.sigma**2)))
    dmu = dz + mu * (beta / n)
    dlog_var = 0.5 * dz * sd * eps + (sd**2 - 1) * (0.5 * beta / n)
    encoder, _ = mlp.backward(vae.encoder, to_z, seen, np.concatenate([dmu, dlog_var], axis=1))
    return value, np.concatenate([encoder, decoder])
