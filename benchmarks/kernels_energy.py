"""The kernels of chapter 8 against torch and scikit-learn, at equal accuracy.

Gradients are compared with the same ones in extended precision. `ising` (transfer matrices, mean field, belief
propagation) and `ais` have no counterpart in the libraries of this environment.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.neural_network import BernoulliRBM
from support.side_by_side import Case, main
from support.torch_networks import adam_steps, flat, linear, relative, torch_steps

from kernels import elbo, gaussian_grid, gaussian_mixture, gnn, ising, mlp, rbm, ring, score_matching, vae

EXTENDED = np.longdouble
X, S = 2.0, 0.5


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    yield elbo_case(rng, 8)
    yield elbo_case(rng, 256)
    yield vae_case(rng)
    yield score_case(rng, "denoising")
    yield score_case(rng, "implicit")
    yield mixture_case(rng)
    yield rbm_case()
    yield gnn_case(rng)


# -- variational inference ---


def elbo_case(rng: np.random.Generator, batch: int) -> Case:
    """The reparameterised gradient of a mixture of two, in its form with less variance: q's own score left out."""
    theta = np.array([[0.1, -0.1], [1.2, -1.1], [-1.4, -1.3]])
    eps = rng.standard_normal((batch, 2))
    noise, start = torch.from_numpy(eps), torch.from_numpy(theta)

    def peer() -> np.ndarray:
        logits, mu, log_sd = (part.clone().requires_grad_() for part in start)
        z = mu + log_sd.exp() * noise
        q = torch.distributions.MixtureSameFamily(
            torch.distributions.Categorical(logits=logits.detach(), validate_args=False),
            torch.distributions.Normal(mu.detach(), log_sd.detach().exp(), validate_args=False),
            validate_args=False,
        )
        f = -0.5 * z**2 - 0.5 * ((X - z**2) / S) ** 2 - math.log(2 * math.pi * S) - q.log_prob(z)
        value = (torch.softmax(logits, 0) * f).sum(dim=1).mean()
        return np.stack([each.numpy() for each in torch.autograd.grad(value, [logits, mu, log_sd])])

    exact = elbo.gradients(theta.astype(EXTENDED), X, S, eps.astype(EXTENDED), "reparameterised").mean(axis=0)
    return Case(
        f"elbo.gradients, mixture of two, {batch} draws",
        "torch distributions, autograd",
        lambda: elbo.gradients(theta, X, S, eps, "reparameterised").mean(axis=0),
        peer,
        "relative",
        lambda found: relative(found, exact),
    )


def vae_case(rng: np.random.Generator) -> Case:
    """A step of training at the size of the lab ring-vae: 2-64-64-2+2-64-64-2, 128 points."""
    model = vae.make(2, 2, 64, 0.1)
    theta = vae.init(model, rng, np.float32)
    x = ring.draw(2.0, 0.1, 128, rng).astype(np.float32)
    eps = rng.standard_normal((128, 2), dtype=np.float32)
    halves = [
        torch.nn.Sequential(*parts)
        for parts in (
            _tanh_layers(model.encoder, model.split(theta)[0]),
            _tanh_layers(model.decoder, model.split(theta)[1]),
        )
    ]
    points, noise = torch.from_numpy(x), torch.from_numpy(eps)

    def loss() -> torch.Tensor:
        mu, log_var = halves[0](points).chunk(2, dim=1)
        mean = halves[1](mu + torch.exp(0.5 * log_var) * noise)
        kl = 0.5 * (mu**2 + torch.expm1(log_var) - log_var).sum(dim=1)
        return (kl + 0.5 * ((points - mean) ** 2).sum(dim=1) / 0.1**2).mean()

    exact = vae.loss(model, theta.astype(EXTENDED), x.astype(EXTENDED), eps.astype(EXTENDED))[1]
    return Case(
        "vae, 64 + 64 units, 128 rows, step of Adam",
        "torch",
        adam_steps(theta, lambda w: vae.loss(model, w, x, eps)[1]),
        torch_steps(torch.nn.ModuleList(halves), loss),
        "gradient, relative",
        lambda found: relative(flat(found), exact),
    )


def _tanh_layers(net: mlp.Net, theta: np.ndarray) -> list[torch.nn.Module]:
    parts = [part for W, b in mlp.layers(net, theta) for part in (linear(W, b), torch.nn.Tanh())]
    return parts[:-1]


# -- scores ---


def score_case(rng: np.random.Generator, which: str) -> Case:
    """The gradient of a score matching loss of the lab's energy, 32 units, 256 points of a mixture on the line."""
    law = gaussian_mixture.Mixture(np.array([0.3, 0.7]), np.array([[-2.0], [2.0]]), np.full(2, 0.5))
    x, eps = gaussian_mixture.draw(law, 256, rng), rng.standard_normal((256, 1))
    theta = score_matching.init(x, 32, rng)
    points, noise = torch.from_numpy(x), torch.from_numpy(eps)

    def ours(theta: np.ndarray, x: np.ndarray, eps: np.ndarray) -> np.ndarray:
        if which == "implicit":
            return score_matching.implicit(theta, x)[1]
        return score_matching.denoising(theta, x, S, eps)[1]

    def score(w: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        W, a, b, gamma = w[:32, None], w[32:64], w[64:96], w[96]
        u = at @ W.T + b
        energy = torch.logaddexp(u, -u) @ a + 0.5 * gamma.exp() * (at**2).sum(dim=1)
        return -torch.autograd.grad(energy.sum(), at, create_graph=True)[0]

    def peer() -> np.ndarray:
        w = torch.from_numpy(theta).requires_grad_()
        at = (points if which == "implicit" else points + S * noise).clone().requires_grad_()
        s = score(w, at)
        if which == "implicit":
            trace = torch.autograd.grad(s.sum(), at, create_graph=True)[0]
            loss = (0.5 * s**2 + trace).mean()
        else:
            loss = 0.5 * ((s + noise / S) ** 2).mean()
        return torch.autograd.grad(loss, w)[0].numpy()

    exact = ours(theta.astype(EXTENDED), x.astype(EXTENDED), eps.astype(EXTENDED))
    return Case(
        f"score_matching.{which}, 32 units, 256 points",
        "torch autograd",
        lambda: ours(theta, x, eps),
        peer,
        "gradient, relative",
        lambda found: relative(found, exact),
    )


def mixture_case(rng: np.random.Generator) -> Case:
    """Density and score of nine Gaussians in the plane at 10,000 points."""
    p = gaussian_mixture.Mixture(np.full(9, 1 / 9), gaussian_grid.CENTRES, np.full(9, 0.5))
    x = 6 * rng.standard_normal((10_000, 2))
    theirs = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.from_numpy(p.w)),
        torch.distributions.Independent(
            torch.distributions.Normal(torch.from_numpy(p.mu), torch.from_numpy(p.sd)[:, None].expand(9, 2)), 1
        ),
        validate_args=False,
    )

    def peer() -> np.ndarray:
        at = torch.from_numpy(x).requires_grad_()
        log_p = theirs.log_prob(at)
        return np.column_stack([log_p.detach(), torch.autograd.grad(log_p.sum(), at)[0]])

    exact = np.column_stack(gaussian_mixture.log_density_and_score(p, x.astype(EXTENDED)))
    return Case(
        "gaussian_mixture.log_density_and_score, 10,000×2",
        "torch MixtureSameFamily, autograd",
        lambda: np.column_stack(gaussian_mixture.log_density_and_score(p, x)),
        peer,
        "relative",
        lambda found: relative(found, exact),
    )


# -- machines and graphs ---


def rbm_case() -> Case:
    """Persistent contrastive divergence on bars and stripes, all 30 images in each update, at one rate.

    The error is what the mean log-likelihood, exact by enumeration, is short of −ln 30. Ours starts from larger weights
    and gets as far in fewer updates.
    """
    data = rbm.bars_and_stripes(4)
    lr = 0.05

    def ours() -> rbm.RBM:
        rng = np.random.default_rng(1)
        one, images = rbm.init((), 16, 12, rng, np.float32), data.astype(np.float32)
        chains = rng.integers(0, 2, images.shape).astype(np.float32)
        up = images.dtype.type(lr)
        for _ in range(2200):
            chains = rbm.gibbs(one, chains, 1, rng)
            one = rbm.ascend(one, rbm.statistics(one, images), rbm.statistics(one, chains), up)
        return one

    def peer() -> rbm.RBM:
        theirs = BernoulliRBM(12, learning_rate=lr, batch_size=30, n_iter=3000, random_state=1)
        theirs.fit(data.astype(np.float32))
        return rbm.RBM(theirs.components_.T, theirs.intercept_visible_[None], theirs.intercept_hidden_[None])

    def short(one: rbm.RBM) -> float:
        one = rbm.RBM(*(part.astype(np.float64) for part in one))
        mean = float(-rbm.free_energy(one, data).mean() - rbm.log_partition(one, rbm.states(12)))
        return -math.log(len(data)) - mean

    return Case(
        "rbm, PCD-1, 16 + 12 units, 2,200 updates",
        "scikit-learn BernoulliRBM, 3,000",
        ours,
        peer,
        "nats short",
        short,
    )


def gnn_case(rng: np.random.Generator) -> Case:
    """The gradient of the lab's network: 32 grids of 4×4, 16 features, 6 rounds of messages."""
    F, rounds, k = 16, 6, 32
    theta = gnn.init(F, rng, np.float32)
    J = ising.couplings(rng.standard_normal((k, 4, 3)), rng.standard_normal((k, 3, 4)))
    h = 0.2 * rng.standard_normal((k, 16))
    target = ising.exact(J, h, 4)[0]
    neighbour, _ = ising.neighbours(4, 4)

    def gradient(theta: np.ndarray, J: np.ndarray, h: np.ndarray, target: np.ndarray) -> np.ndarray:
        m, cache = gnn.forward(theta, F, rounds, J, h, neighbour)
        return gnn.backward(theta, F, cache, h, neighbour, gnn.loss(m, target)[1].astype(theta.dtype))

    single = [part.astype(np.float32) for part in (J, h, target)]
    couplings, fields, means = (torch.from_numpy(part) for part in single)
    at = torch.from_numpy(neighbour)

    def peer() -> np.ndarray:
        parameters = torch.from_numpy(theta).requires_grad_()
        w, r = parameters[:F], parameters[-F:]
        U, V, B = parameters[F:-F].view(3, F, F)
        hw, tau = fields[..., None] * w, 2 * torch.tanh(couplings)[..., None]
        a = torch.tanh(hw)
        for _ in range(rounds):
            b = torch.tanh(tau * (a @ B)[:, at])
            a = torch.tanh(hw + a @ U + b.sum(dim=2) @ V)
        m = torch.tanh(a @ r).clamp(-1 + 1e-6, 1 - 1e-6)
        up, down = 0.5 * (1 + means), 0.5 * (1 - means)
        loss = -(up * torch.log(0.5 * (1 + m)) + down * torch.log(0.5 * (1 - m))).mean()
        return torch.autograd.grad(loss, parameters)[0].numpy()

    exact = gradient(*(part.astype(EXTENDED) for part in (theta, J, h, target)))
    return Case(
        "gnn, 32 grids of 4×4, 16 features, 6 rounds, gradient",
        "torch autograd",
        lambda: gradient(theta, *single),
        peer,
        "relative",
        lambda found: relative(found, exact),
    )


if __name__ == "__main__":
    main(__doc__, cases)
