"""GAN losses, penalties and tangents against torch and finite differences; the best critic by quadrature.

Statistical tests are seeded and allow 4 standard errors: each number gives a false alarm in 1 of 16,000 seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kernels import gan, mlp, planar, tangent

Array = np.ndarray


def torch_net(net: mlp.Net, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The network of kernels/mlp.py in torch, on the same flat vector."""
    at = 0
    for k, (n, m) in enumerate(zip(net.sizes, net.sizes[1:], strict=False)):
        W, b = theta[at : at + n * m].reshape(n, m), theta[at + n * m : at + (n + 1) * m]
        at += (n + 1) * m
        x = x @ W + b
        if k < len(net.sizes) - 2:
            x = torch.tanh(x) if net.activation == "tanh" else torch.nn.functional.silu(x)
    return x


@pytest.mark.parametrize("activation", ["tanh", "silu"])
def test_tangents_and_their_gradient_are_torchs(activation: mlp.Activation) -> None:
    rng = np.random.default_rng(0)
    net = mlp.Net((3, 7, 5, 2), activation)
    theta = mlp.init(net, rng)
    x, v, G, dG = (rng.standard_normal((6, k)) for k in (3, 3, 2, 2))
    y, dy, cache = tangent.forward(net, theta, x, v)
    gradient = tangent.backward(net, theta, cache, G, dG)
    t = torch.tensor(theta, requires_grad=True)
    there, along = torch.autograd.functional.jvp(
        lambda a: torch_net(net, t, a), torch.tensor(x), torch.tensor(v), create_graph=True
    )
    (torch.tensor(G) * there + torch.tensor(dG) * along).sum().backward()
    assert np.abs(y - there.detach().numpy()).max() < 1e-13
    assert np.abs(dy - along.detach().numpy()).max() < 1e-13
    assert t.grad is not None
    assert np.abs(gradient - t.grad.numpy()).max() < 1e-12


def test_relu_has_no_tangent_of_its_slope() -> None:
    net = mlp.Net((2, 3, 1), "relu")
    with pytest.raises(ValueError, match="second derivative"):
        tangent.forward(net, mlp.init(net, np.random.default_rng(0)), np.ones((1, 2)), np.ones((1, 2)))


def torch_losses(
    m: gan.GAN, G: torch.Tensor, D: torch.Tensor, z: Array, real: Array, loss: str, gamma: float
) -> tuple[torch.Tensor, torch.Tensor]:
    s = torch.nn.functional.softplus
    x = torch.tensor(real / m.data_sd, requires_grad=True)
    made = torch_net(m.generator, G, torch.tensor(z))
    fake = made.detach().requires_grad_(True)
    a, b = torch_net(m.critic, D, x), torch_net(m.critic, D, fake)
    critic = s(b - a).mean() if loss == "relativistic" else s(-a).mean() + s(b).mean()
    slopes = torch.autograd.grad(a.sum() + b.sum(), (x, fake), create_graph=True)
    critic = critic + 0.5 * gamma / len(z) * sum((each**2).sum() for each in slopes)
    a, b = torch_net(m.critic, D, x), torch_net(m.critic, D, made)
    generator = {"relativistic": s(a - b), "non-saturating": s(-b), "minimax": -s(b)}[loss].mean()
    return critic, generator


@pytest.mark.parametrize("loss", ["relativistic", "non-saturating", "minimax"])
@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_losses_penalty_and_gradients_are_torchs(loss: gan.Loss, gamma: float) -> None:
    rng = np.random.default_rng(1)
    m = gan.make(2, (8, 8), 1.7)
    G, D = mlp.init(m.generator, rng), mlp.init(m.critic, rng)
    z, real = rng.standard_normal((10, 2)), 2 * rng.standard_normal((10, 2))
    tG, tD = torch.tensor(G, requires_grad=True), torch.tensor(D, requires_grad=True)
    critic, generator = torch_losses(m, tG, tD, z, real, loss, gamma)
    value, slope = gan.critic_gradient(m, D, real, gan.generate(m, G, z), loss, gamma)
    assert value == pytest.approx(critic.item(), abs=1e-12)
    assert np.abs(slope - torch.autograd.grad(critic, tD)[0].numpy()).max() < 1e-12
    value, slope = gan.generator_gradient(m, (G, D), z, real, loss)
    assert value == pytest.approx(generator.item(), abs=1e-12)
    assert np.abs(slope - torch.autograd.grad(generator, tG)[0].numpy()).max() < 1e-12


@pytest.mark.parametrize("name", ["grid", "ring"])
def test_best_value_is_that_of_the_best_critic(name: planar.Name) -> None:
    rng = np.random.default_rng(2)
    d, n = math.sqrt(planar.variance(name)), 40_000
    x, y = planar.draw(name, n, rng), d * rng.standard_normal((n, 2))

    def best(x: Array) -> Array:
        return planar.log_density(name, x) + 0.5 * np.sum((x / d) ** 2, axis=1) + math.log(2 * math.pi * d * d)

    each = [-gan.softplus(-best(x)), -gan.softplus(best(y))]
    error = math.sqrt(sum(part.var() / n for part in each))
    assert gan.value(best(x), best(y)) == pytest.approx(planar.best_value(name), abs=4 * error)
    # Any other critic is worse, by the second order of what it is off.
    assert gan.value(best(x) + 0.3, best(y) + 0.3) < gan.value(best(x), best(y))
    assert -math.log(4) < planar.best_value(name) < 0


def test_equal_laws_leave_minus_log_4_and_centring_finds_the_constant() -> None:
    assert gan.value(np.zeros(5), np.zeros(5)) == pytest.approx(-math.log(4), abs=1e-15)
    rng = np.random.default_rng(3)
    real, fake = rng.standard_normal(500) + 1, rng.standard_normal(500)
    best = gan.value(*gan.centred(real, fake))
    assert gan.value(*gan.centred(real + 7, fake + 7)) == pytest.approx(best, abs=1e-9)
    assert all(gan.value(real + c, fake + c) <= best + 1e-12 for c in np.linspace(-3, 3, 61))


def test_softplus_does_not_overflow() -> None:
    assert gan.softplus(np.array([-1e4, 0.0, 1e4])) == pytest.approx([0.0, math.log(2), 1e4])
