"""Five kinds of generative models in the plane, trained in parts on the same data by the same optimiser."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import edm, flow_matching, gan, optimizers, planar, vae

    Array = npt.NDArray[np.floating[Any]]

KINDS = ("vae", "latent", "diffusion", "flow", "gan")
HIDDEN = (64, 64, 64)
BATCH = 128
COST = {"vae": 0.49, "latent": 0.65, "diffusion": 0.56, "flow": 0.56, "gan": 2.17}
"""Milliseconds of processor time an update, measured in turn by `benchmarks/equal_time.py`: equal within a tenth.

Updates at these prices are counted, not the clock: a run is the same on any machine.
"""
LR = {"vae": 0.005, "diffusion": 0.008, "flow": 0.008, "gan": 0.003}
WARM = 100
EMA = 0.02
GAMMA, LAZY = 0.1, 4
"""The GAN's penalty, in every fourth update four times as strong."""
CALLS = {"vae": 1, "latent": 36, "diffusion": 35, "flow": 32, "gan": 1}
"""Evaluations of networks for a sample."""


class Training(NamedTuple):
    """A model on its way."""

    kind: str
    name: planar.Name
    adam: optimizers.State
    mean: Array
    """Averaged weights: those that samples are made with."""
    critic: optimizers.State | None
    """Of a GAN."""
    base: Training | None
    """The VAE in whose latent space a diffusion works; it takes half of the time."""
    updates: int
    goal: int


@cache
def vae_of(name: planar.Name) -> vae.VAE:
    """Two latent dimensions, the decoder's σ that of the data around their ridge."""
    from kernels import planar, vae

    return vae.make(2, 2, 64, planar.WIDTH if name == "ring" else planar.SD)


@cache
def edm_of(data_sd: float) -> edm.Model:
    """A denoiser of points in the plane."""
    from kernels import edm

    return edm.model(2, HIDDEN, data_sd, products=True)


@cache
def flow_of(data_sd: float) -> flow_matching.Model:
    """A velocity in the plane."""
    from kernels import flow_matching

    return flow_matching.model(HIDDEN, data_sd)


@cache
def gan_of(data_sd: float) -> gan.GAN:
    """Two latent dimensions."""
    from kernels import gan

    return gan.make(2, HIDDEN, data_sd)


def _sd(name: planar.Name) -> float:
    from kernels import planar

    return math.sqrt(planar.variance(name))


def begin(kind: str, name: planar.Name, seconds: float, rng: np.random.Generator) -> Training:
    """Random networks, and as many updates ahead as cost so many seconds."""
    import numpy as np

    from kernels import mlp, optimizers, vae

    base = begin("vae", name, 0.5 * seconds, rng) if kind == "latent" else None
    if base is not None:
        seconds *= 0.5
    critic = None
    match kind:
        case "vae":
            theta = vae.init(vae_of(name), rng, np.float32)
        case "flow":
            theta = mlp.init(flow_of(_sd(name)).net, rng, np.float32, last=0.1)
        case "gan":
            theta = mlp.init(gan_of(_sd(name)).generator, rng, np.float32)
            critic = optimizers.init(mlp.init(gan_of(_sd(name)).critic, rng, np.float32))
        case _:
            theta = mlp.init(edm_of(1.0 if base else _sd(name)).net, rng, np.float32, last=0.1)
    goal = max(1, round(1000 * seconds / COST[kind]))
    return Training(kind, name, optimizers.init(theta), theta, critic, base, 0, goal)


def left(training: Training) -> float:
    """Milliseconds of training still to come."""
    mine = (training.goal - training.updates) * COST[training.kind]
    return mine + (left(training.base) if training.base else 0.0)


def advance(training: Training, milliseconds: float, rng: np.random.Generator) -> Training:
    """As many updates as cost about that much; the VAE under a latent diffusion comes first."""
    import numpy as np

    from kernels import optimizers

    if training.base is not None and left(training.base) > 0:
        return training._replace(base=advance(training.base, milliseconds, rng))
    kind = training.kind
    highest = LR["diffusion" if kind == "latent" else kind]
    adam, critic, mean = training.adam, training.critic, training.mean.copy()
    last = min(training.goal, training.updates + max(1, round(milliseconds / COST[kind])))
    for k in range(training.updates, last):
        rate = highest * min(1.0, (k + 1) / WARM) * 0.5 * (1 + math.cos(math.pi * k / training.goal))
        gradient, critic = _gradient(training._replace(adam=adam, critic=critic, updates=k), rate, rng)
        adam = optimizers.adam(adam, gradient, rate, beta1=0.0 if kind == "gan" else 0.9, beta2=0.99)
        share = min(0.5 ** (1 / (EMA * training.goal)), k / (9 + k))
        mean += np.float32(1 - share) * (adam.w - mean)
    return training._replace(adam=adam, critic=critic, mean=mean, updates=last)


def _gradient(
    training: Training, rate: float, rng: np.random.Generator
) -> tuple[Array, optimizers.State | None]:  # fmt: skip
    """The gradient of one update, and the critic after its own."""
    import numpy as np

    from kernels import edm, flow_matching, gan, optimizers, planar, vae

    name, theta = training.name, training.adam.w
    x = planar.draw(name, BATCH, rng).astype(np.float32)
    z = rng.standard_normal((BATCH, 2), dtype=np.float32)
    match training.kind:
        case "vae":
            return vae.loss(vae_of(name), theta, x, z)[1], None
        case "flow":
            m = flow_of(_sd(name))
            return flow_matching.gradient(m, theta, *flow_matching.pair(m, x, rng))[1], None
        case "gan":
            assert training.critic is not None
            game, critic = gan_of(_sd(name)), training.critic
            gamma = 0.0 if training.updates % LAZY else LAZY * GAMMA
            fake = gan.generate(game, theta, z)
            slope = gan.critic_gradient(game, critic.w, x, fake, "relativistic", gamma)[1]
            critic = optimizers.adam(critic, slope, rate, beta1=0.0, beta2=0.99)
            z = rng.standard_normal((BATCH, 2), dtype=np.float32)
            return gan.generator_gradient(game, (theta, critic.w), z, x, "relativistic")[1], critic
    d = _sd(name)
    if training.base is not None:
        mu, log_var = vae.encode(vae_of(name), training.base.mean, x)
        x, d = mu + np.exp(0.5 * log_var) * z, 1.0
    # From the finest detail to where nothing of the data is left.
    sigma = (d * np.exp(-1.5 + 1.5 * rng.standard_normal((BATCH, 1)))).astype(np.float32)
    noisy = x + sigma * rng.standard_normal(x.shape, dtype=np.float32)
    return edm.gradient(edm_of(d), theta, noisy, sigma, x)[1], None


def sample(training: Training, n: int, rng: np.random.Generator) -> Array:
    """n samples (n, 2)."""
    import numpy as np

    from kernels import edm, flow_matching, gan, planar, reverse, vae

    name, theta = training.name, training.mean
    z: Array = rng.standard_normal((n, 2))
    with np.errstate(all="ignore"):
        match training.kind:
            case "flow":
                m = flow_of(_sd(name))
                return flow_matching.sample(
                    lambda x, t: flow_matching.velocity(m, theta, x, t), m.data_sd * z, 16, "heun"
                )
            case "gan":
                parts = np.array_split(z.astype(np.float32), max(1, n // 1000))
                return np.concatenate([gan.generate(gan_of(_sd(name)), theta, part) for part in parts]).astype(float)
            case "vae":
                decoder = theta
            case _:
                d = _sd(name) if training.base is None else 1.0
                s = reverse.edm()
                times = reverse.times(s, 18)

                def score(x: Array, t: float) -> Array:
                    return reverse.score(s, lambda y, sigma: edm.denoise(edm_of(d), theta, y, sigma), x, t)

                z = reverse.sample(s, score, reverse.start(s, d * d, (n, 2), rng), times, "heun", rng)
                if training.base is None:
                    return z
                decoder = training.base.mean
        parts = np.array_split(z.astype(np.float32), max(1, n // 1000))
        mean = np.concatenate([vae.decode(vae_of(name), decoder, part) for part in parts])
        sd = planar.WIDTH if name == "ring" else planar.SD
        return np.asarray(mean + sd * rng.standard_normal((n, 2)))


def log_likelihood(training: Training, x: Array, rng: np.random.Generator) -> Array | None:
    """log p_θ(x) in nats, for a VAE a lower bound of it; None where there is none to be had."""
    import numpy as np

    from kernels import flow_matching, ode_likelihood, vae

    with np.errstate(all="ignore"):
        match training.kind:
            case "vae":
                eps = rng.standard_normal((len(x), 2), dtype=np.float32)
                fit, kl = vae.elbo(vae_of(training.name), training.mean, x.astype(np.float32), eps)
                return np.asarray(fit - kl.sum(axis=1), dtype=np.float64)
            case "flow":
                return flow_matching.log_likelihood(flow_of(_sd(training.name)), training.mean, x, 40)
            case "diffusion":
                return ode_likelihood.log_likelihood(edm_of(_sd(training.name)), training.mean, x, 40)
    return None
