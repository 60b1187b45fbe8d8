"""PyTorch is the oracle for the gradient and the KL; the linear VAE's optimum is probabilistic PCA's."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import integrate

from kernels import mlp, optimizers, ring, vae


def torch_net(sizes: tuple[int, ...], theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    at = 0
    for depth, (n, m) in enumerate(itertools.pairwise(sizes)):
        x = x @ theta[at : at + n * m].reshape(n, m) + theta[at + n * m : at + (n + 1) * m]
        at += (n + 1) * m
        if depth < len(sizes) - 2:
            x = torch.tanh(x)
    return x


@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_loss_and_gradient_are_torchs(beta: float) -> None:
    rng = np.random.default_rng(0)
    model = vae.make(3, 2, 6, sigma=0.4)
    theta = vae.init(model, rng) + 0.1 * rng.standard_normal(mlp.count(model.encoder) + mlp.count(model.decoder))
    x, eps = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    t = torch.from_numpy(theta.copy()).requires_grad_()
    cut = mlp.count(model.encoder)
    out = torch_net(model.encoder.sizes, t[:cut], torch.from_numpy(x))
    q = torch.distributions.Normal(out[:, :2], (0.5 * out[:, 2:]).exp())
    mean = torch_net(model.decoder.sizes, t[cut:], q.loc + q.scale * torch.from_numpy(eps))
    likelihood = torch.distributions.Normal(mean, 0.4).log_prob(torch.from_numpy(x)).sum(1)
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1)
    loss = (beta * kl - likelihood).mean()
    value, gradient = vae.loss(model, theta, x, eps, beta)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    assert np.allclose(gradient, torch.autograd.grad(loss, t)[0].numpy(), atol=1e-11)
    a, b = vae.elbo(model, theta, x, eps)
    assert np.allclose(a, likelihood.detach().numpy())
    assert np.allclose(b.sum(axis=1), kl.detach().numpy())


def test_single_precision_stays_single() -> None:
    rng = np.random.default_rng(0)
    model = vae.make(2, 1, 8, sigma=0.1)
    theta = vae.init(model, rng, np.float32)
    x, eps = (rng.standard_normal((4, d)).astype(np.float32) for d in (2, 1))
    assert vae.loss(model, theta, x, eps, 1.3)[1].dtype == np.float32


def test_a_linear_vae_reaches_the_likelihood_of_probabilistic_pca() -> None:
    rng = np.random.default_rng(0)
    lam = np.array([4.0, 1.5, 0.3])
    X = rng.standard_normal((400, 3)) @ np.diag(np.sqrt(lam)) @ np.linalg.qr(rng.standard_normal((3, 3)))[0]
    X -= X.mean(axis=0)
    sigma = 0.7
    model = vae.VAE(mlp.Net((3, 4)), mlp.Net((2, 3)), sigma)
    state = optimizers.init(vae.init(model, rng))
    # The expectation over ε of a quadratic is exact over ±√2 in each dimension in turn.
    nodes = math.sqrt(2) * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    for step in range(6000):
        lr = 0.02 * 0.5 * (1 + math.cos(math.pi * step / 6000))
        grads = [vae.loss(model, state.w, X, np.broadcast_to(e, (400, 2)))[1] for e in nodes]
        state = optimizers.adam(state, np.mean(grads, axis=0), lr)
    bound = np.mean(
        [
            np.subtract(
                *(
                    np.sum(np.atleast_2d(v.T).T, axis=1)
                    for v in vae.elbo(model, state.w, X, np.broadcast_to(e, (400, 2)))
                )
            ).mean()
            for e in nodes
        ]
    )
    values, axes = np.linalg.eigh(X.T @ X / 400)
    kept = np.maximum(values[1:], sigma**2)
    C = sigma**2 * np.eye(3) + (axes[:, 1:] * (kept - sigma**2)) @ axes[:, 1:].T
    best = -0.5 * (3 * math.log(2 * math.pi) + np.linalg.slogdet(C)[1] + np.trace(np.linalg.solve(C, X.T @ X / 400)))
    assert bound == pytest.approx(best, abs=1e-3)


def test_the_rings_density_integrates_to_one_and_has_its_entropy() -> None:
    def along(r: float, what: int) -> float:
        log_p = float(ring.log_density(2.0, 0.1, np.array([[r, 0.0]]))[0])
        return 2 * math.pi * r * math.exp(log_p) * (1.0 if what == 0 else -log_p)

    assert integrate.quad(along, 1, 3, args=(0,), points=[2])[0] == pytest.approx(1, abs=1e-9)
    assert integrate.quad(along, 1, 3, args=(1,), points=[2])[0] == pytest.approx(ring.entropy(2.0, 0.1), abs=1e-9)
    assert ring.entropy(1.0, 0.05) == pytest.approx(0.2598, abs=5e-5)


def test_draws_of_the_ring() -> None:
    x = ring.draw(2.0, 0.1, 20_000, np.random.default_rng(0))
    r = np.hypot(x[:, 0], x[:, 1])
    assert abs(r.mean() - 2) < 4 * 0.1 / math.sqrt(20_000)
    assert abs(r.std() - 0.1) < 4 * 0.1 / math.sqrt(40_000)
    assert x.var(axis=0) == pytest.approx([ring.variance(2.0, 0.1)] * 2, rel=0.05)
