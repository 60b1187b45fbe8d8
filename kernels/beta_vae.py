"""The β-VAE: two networks trained on a distortion and a rate, with every derivative written out.

    encoder  q(z|x) = N(μ(x), diag e^{ℓ(x)})      decoder  p(x|z) = N(g(z), σ² I)      prior  p(z) = N(0, I)

    L = E_x [ E_q ‖x − g(z)‖² / (2σ²)  +  β KL(q(z|x) ‖ p(z)) ]                    (Higgins et al. 2017)

For β = 1, −L − (d/2) log 2πσ² is the ELBO, a lower bound of the mean log p(x) (Kingma & Welling 2014). The first term
is the squared error with a weight that σ sets, so that only β σ² decides where the two terms balance.

The KL needs no samples:  KL(N(μ, e^ℓ) ‖ N(0, 1)) = ½ (μ² + e^ℓ − 1 − ℓ), summed over the latents.
The other term does, and z = μ + e^{ℓ/2} ε with ε ~ N(0, I) makes its gradient pass to μ and ℓ (reparameterisation).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels import mlp

Array = npt.NDArray[Any]


class Net(NamedTuple):
    """The two networks; their parameters lie in one vector, the encoder's first."""

    encoder: mlp.Net
    """d inputs, 2 k outputs: the means μ, then the log-variances ℓ."""
    decoder: mlp.Net
    """k inputs, d outputs."""


class Terms(NamedTuple):
    """What the loss is made of, as means over the rows."""

    distortion: float
    """‖x − g(z)‖², summed over the d entries: a sum, not a mean, or β would mean something else."""
    kl: Array
    """(k,) KL in nats of each latent; their sum is the rate."""


def net(d: int, hidden: int, k: int) -> Net:
    """One hidden layer in each network, d → hidden → 2k and k → hidden → d."""
    return Net(mlp.Net((d, hidden, 2 * k), "silu"), mlp.Net((k, hidden, d), "silu"))


def init(net: Net, rng: np.random.Generator, dtype: npt.DTypeLike = np.float64) -> Array:
    """Random weights; the decoder's last layer starts small, so that x̂ starts near 0."""
    return np.concatenate([mlp.init(net.encoder, rng, dtype), mlp.init(net.decoder, rng, dtype, last=0.1)])


def split(net: Net, theta: Array) -> tuple[Array, Array]:
    """The parameters of the encoder and of the decoder, as views."""
    cut = mlp.count(net.encoder)
    return theta[:cut], theta[cut:]


def encode(net: Net, theta: Array, x: Array) -> tuple[Array, Array]:
    """Means μ and log-variances ℓ of q(z|x), both (rows, k), for rows x (rows, d)."""
    out, _ = mlp.forward(net.encoder, split(net, theta)[0], x)
    return out[:, : out.shape[1] // 2], out[:, out.shape[1] // 2 :]


def decode(net: Net, theta: Array, z: Array) -> Array:
    """The mean g(z) of p(x|z)."""
    return mlp.forward(net.decoder, split(net, theta)[1], z)[0]


def kl(mu: Array, log_var: Array) -> Array:
    """KL(N(μ, e^ℓ) ‖ N(0, 1)) = ½ (μ² + e^ℓ − 1 − ℓ) in nats, entry by entry; 0 only for μ = ℓ = 0."""
    # expm1 keeps the digits that e^ℓ − 1 would lose for a latent that is nearly switched off.
    return np.asarray(0.5 * (mu * mu + np.expm1(log_var) - log_var))


def terms(net: Net, theta: Array, x: Array, eps: Array) -> Terms:
    """Distortion and KL on rows x with noise eps (rows, k), without gradients."""
    mu, log_var = encode(net, theta, x)
    off = decode(net, theta, mu + np.exp(0.5 * log_var) * eps) - x
    return Terms(float(np.sum(off * off)) / len(x), kl(mu, log_var).mean(axis=0))


def gradient(net: Net, theta: Array, x: Array, eps: Array, beta: float, sigma: float) -> tuple[Terms, Array]:
    """(terms, ∂L/∂theta) for a batch x (rows, d) and noise eps (rows, k)."""
    n = len(x)
    phi, psi = split(net, theta)
    out, above = mlp.forward(net.encoder, phi, x)
    k = out.shape[1] // 2
    mu, log_var = out[:, :k], out[:, k:]
    sd = np.exp(0.5 * log_var)
    guess, below = mlp.forward(net.decoder, psi, mu + sd * eps)
    off = guess - x
    from_decoder, dz = mlp.backward(net.decoder, psi, below, off / (n * sigma**2))
    # dz/dμ = 1 and dz/dℓ = ½ e^{ℓ/2} ε; the KL adds β μ and β (e^ℓ − 1)/2.
    dmu = dz + beta / n * mu
    dlog_var = 0.5 * (dz * sd * eps + beta / n * np.expm1(log_var))
    from_encoder, _ = mlp.backward(net.encoder, phi, above, np.concatenate([dmu, dlog_var], axis=1))
    measured = Terms(float(np.sum(off * off)) / n, kl(mu, log_var).mean(axis=0))
    return measured, np.concatenate([from_encoder, from_decoder])
