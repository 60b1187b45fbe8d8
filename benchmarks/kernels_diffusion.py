"""The kernels of chapter 9 against torch, torchdiffeq, zuko, POT and the book's own training, at equal quality.

Training: steps at the labs' sizes; then whole trainings until score or likelihood are equally good. Sampling: both
solvers start from the same noise with the exact score. `unet` is torch itself; `guidance` and `speciation` are
quadratures of the labs' laws.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import ot
import torch
import torchdiffeq
import zuko
from scipy import linalg
from support.side_by_side import Case, main
from support.torch_networks import adam_steps, flat, linear, relative, torch_steps

from kernels import (
    datasets,
    digits_judge,
    edm,
    gan,
    gaussian_grid,
    mlp,
    ode_likelihood,
    optimizers,
    reverse,
    sinkhorn,
    sliced,
    vp,
)

F = torch.nn.functional
EXTENDED = np.longdouble
S = 0.5
SD = math.sqrt(gaussian_grid.variance(S))
HIDDEN = (64, 64, 64)


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    yield step_case(rng)
    yield gan_case(rng)
    yield score_case()
    yield likelihood_case()
    yield sampler_case()
    yield density_case()
    yield sinkhorn_case()
    yield sliced_case()
    yield frechet_case()


# -- steps of training ---


def step_case(rng: np.random.Generator) -> Case:
    """A step of Adam on a batch of 128 noisy points, at the size of score-9grid."""
    m = edm.model(2, HIDDEN, SD, products=True)
    theta = mlp.init(m.net, rng, np.float32)
    x0 = gaussian_grid.draw(128, S, rng)[0].astype(np.float32)
    sigma = np.exp(rng.standard_normal((128, 1))).astype(np.float32)
    x = x0 + sigma * rng.standard_normal((128, 2), dtype=np.float32)
    layers = [linear(W, b) for W, b in mlp.layers(m.net, theta)]
    net = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.SiLU())][:-1])
    clean, noisy, level = (torch.from_numpy(each) for each in (x0, x, sigma))

    def loss() -> torch.Tensor:
        total = torch.sqrt(level**2 + SD**2)
        skip, scale, seen = (SD / total) ** 2, level * SD / total, noisy / total
        c = torch.log(level / SD) / 4
        angles = [k * math.pi / 1.5 * c for k in edm.FREQUENCIES]
        noise = torch.cat([c, *(wave(a) for a in angles for wave in (torch.sin, torch.cos))], dim=1)
        products = (seen[:, :, None] * noise[:, None, :]).reshape(len(seen), -1)
        out = net(torch.cat([seen, noise, products], dim=1))
        return ((out - (clean - skip * noisy) / scale) ** 2).mean()

    exact = edm.gradient(m, *(each.astype(EXTENDED) for each in (theta, x, sigma, x0)))[1]
    return Case(
        "edm, 23-64-64-64-2, 128 rows, step of Adam",
        "torch",
        adam_steps(theta, lambda w: edm.gradient(m, w, x, sigma, x0)[1]),
        torch_steps(net, loss),
        "gradient, relative",
        lambda found: relative(flat(found), exact),
    )


def gan_case(rng: np.random.Generator) -> Case:
    """The critic's gradient with both penalties, which takes second derivatives; relativistic loss, 128 pairs."""
    m = gan.make(2, HIDDEN, SD)
    theta = mlp.init(m.critic, rng, np.float32)
    real = gaussian_grid.draw(128, S, rng)[0].astype(np.float32)
    fake = (SD * rng.standard_normal((128, 2))).astype(np.float32)
    layers = [linear(W, b) for W, b in mlp.layers(m.critic, theta)]
    critic = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.SiLU())][:-1])
    points = [torch.from_numpy(each / np.float32(SD)).requires_grad_() for each in (real, fake)]

    def loss() -> torch.Tensor:
        a, b = (critic(each)[:, 0] for each in points)
        slopes = torch.autograd.grad(a.sum() + b.sum(), points, create_graph=True)
        return F.softplus(b - a).mean() + 0.5 * 0.4 / 128 * sum((each**2).sum() for each in slopes)

    exact = gan.critic_gradient(m, *(each.astype(EXTENDED) for each in (theta, real, fake)), "relativistic", 0.4)[1]
    return Case(
        "gan.critic_gradient, R₁ and R₂, 128 pairs, Adam",
        "torch, double backward",
        adam_steps(theta, lambda w: gan.critic_gradient(m, w, real, fake, "relativistic", 0.4)[1]),
        torch_steps(critic, loss),
        "gradient, relative",
        lambda found: relative(flat(found), exact),
    )


# -- whole trainings ---


def trained(updates: int, seed: int) -> tuple[edm.Model, np.ndarray]:
    """A denoiser of the nine Gaussians, as in the lab score-9grid."""
    m, rng = edm.model(2, HIDDEN, SD, products=True), np.random.default_rng(seed)
    adam = optimizers.init(mlp.init(m.net, rng, np.float32, last=0.1))
    mean = adam.w.copy()
    for k in range(updates):
        points = gaussian_grid.draw(256, S, rng)[0].astype(np.float32)
        sigma = np.exp(rng.standard_normal((128, 1))).astype(np.float32)
        sigma[:16] = np.exp(rng.uniform(math.log(0.01), math.log(160.0), (16, 1)))
        x = points[:128] + sigma * rng.standard_normal((128, 2), dtype=np.float32)
        slope = edm.gradient(m, adam.w, x, sigma, edm.pooled(x, sigma, points))[1]
        rate = 0.012 * min(1.0, (k + 1) / min(200, updates // 4)) * 0.5 * (1 + math.cos(math.pi * k / updates))
        adam = optimizers.adam(adam, slope, rate, beta2=0.99)
        mean += np.float32(1 - min(0.5 ** (1 / (0.02 * updates)), k / (9 + k))) * (adam.w - mean)
    return m, mean


LEVELS = (np.arange(16) + 0.5) / 16
"""VP times at which scores are compared."""


def noisy(t: float) -> tuple[np.ndarray, float, float]:
    """(x, α, σ) of 500 points at VP time t."""
    s, rng = vp.vp(), np.random.default_rng(round(1000 * t))
    alpha, sigma = float(s.alpha(t)), float(s.sigma(t))
    return alpha * gaussian_grid.draw(500, S, rng)[0] + sigma * rng.standard_normal((500, 2)), alpha, sigma


def score_case() -> Case:
    """E var_t|s − s*|² on nine modes. The book trains a raw score of (x, t) on 1,000 fixed points, VP, Adam 3e-4."""
    s = vp.vp()

    def ours() -> list[np.ndarray]:
        m, theta = trained(150, 0)
        return [
            (alpha * edm.denoise(m, theta, x / alpha, sigma / alpha) - x) / sigma**2
            for x, alpha, sigma in map(noisy, LEVELS)
        ]

    def peer() -> list[np.ndarray]:
        torch.manual_seed(0)
        sizes = (3, *HIDDEN, 2)
        layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
        net = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.LogSigmoid())][:-1])
        adam = torch.optim.Adam(net.parameters(), lr=3e-4)
        data = torch.from_numpy(gaussian_grid.draw(1000, S, np.random.default_rng(0))[0].astype(np.float32))
        for _ in range(8000):
            x0 = data[torch.randint(1000, (250,))]
            t = 1e-4 + (1 - 1e-4) * torch.rand(250, 1)
            B = 0.1 * t + 0.5 * 19.9 * t**2
            sigma, noise = torch.sqrt(-torch.expm1(-B)), torch.randn(250, 2)
            x = torch.exp(-0.5 * B) * x0 + sigma * noise
            loss = ((sigma * net(torch.cat([x, t], dim=1)) + noise) ** 2).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
        with torch.no_grad():
            inputs = (np.column_stack([noisy(t)[0], np.full(500, t)]).astype(np.float32) for t in LEVELS)
            return [net(torch.from_numpy(each)).numpy() for each in inputs]

    def excess(scores: list[np.ndarray]) -> float:
        each = []
        for t, found in zip(LEVELS, scores, strict=True):
            x, _, sigma = noisy(t)
            best = reverse.score(s, lambda at, level: gaussian_grid.denoise(at, S, level), x, t)
            each.append(sigma**2 * np.mean((found - best) ** 2))
        return float(np.mean(each))

    return Case(
        "edm, nine modes, 150 steps",
        "the book's training, 8,000 steps",
        ours,
        peer,
        "E var|s − s*|²",
        excess,
    )


def likelihood_case() -> Case:
    """KL(data‖model) in nats: training, and the likelihood of 1,000 fresh points."""
    held = gaussian_grid.draw(1000, S, np.random.default_rng(9))[0]
    true = gaussian_grid.log_density(held, S)

    def ours() -> np.ndarray:
        m, theta = trained(1500, 1)
        return ode_likelihood.log_likelihood(m, theta, held, 40)

    def peer() -> np.ndarray:
        torch.manual_seed(0)
        rng = np.random.default_rng(1)
        flow = zuko.flows.NSF(2, transforms=3, bins=16, hidden_features=(64, 64))
        adam = torch.optim.Adam(flow.parameters(), lr=0.01)
        steps = 220
        for k in range(steps):
            adam.param_groups[0]["lr"] = 0.01 * 0.5 * (1 + math.cos(math.pi * k / steps))
            # Splines bend within ±5 only: all data must lie there.
            batch = torch.from_numpy((gaussian_grid.draw(256, S, rng)[0] / 2).astype(np.float32))
            loss = -flow().log_prob(batch).mean()
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(flow.parameters(), 3.0)
            adam.step()
        with torch.no_grad():
            found = flow().log_prob(torch.from_numpy((held / 2).astype(np.float32))).numpy()
        return found.astype(np.float64) - 2 * math.log(2)

    return Case(
        "edm and ode_likelihood, nine modes, 1,500 steps",
        "zuko NSF, 3 transforms, 220 steps",
        ours,
        peer,
        "KL",
        lambda log_q: float(np.mean(true - log_q)),
        "a third of the time is the likelihood: an ODE through the network, where a flow of splines is asked once",
    )


# -- solvers ---


def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """`gaussian_grid.denoise` in torch."""
    centres = torch.from_numpy(gaussian_grid.CENTRES)
    v = S * S + sigma**2
    squares = (x * x).sum(dim=1, keepdim=True) - 2 * x @ centres.T + (centres * centres).sum(dim=1)
    keep = S * S / v
    return keep * x + (1 - keep) * (torch.softmax(-squares / (2 * v), dim=1) @ centres)


def sampler_case() -> Case:
    """The probability-flow ODE from the same noise at σ = 80 down to 0.02, exact score, 2,000 points.

    The error is the median distance from the end that 400 steps of Heun reach: a point on the border between two modes
    may go either way.
    """
    s = reverse.edm()
    start = reverse.start(s, SD**2, (2000, 2), np.random.default_rng(2))
    rng = np.random.default_rng(0)

    def heun(steps: int) -> np.ndarray:
        ts = reverse.times(s, steps)
        state = reverse.State(start, 0)
        while state.i < steps - 1:
            state = reverse.step(s, score, state, ts, "heun", rng)
        return state.x

    def score(x: np.ndarray, t: float) -> np.ndarray:
        return reverse.score(s, lambda at, sigma: gaussian_grid.denoise(at, S, sigma), x, t)

    noise, ends = torch.from_numpy(start), torch.tensor([80.0, reverse.SIGMA_MIN], dtype=torch.float64)

    def peer() -> np.ndarray:
        with torch.no_grad():
            found = torchdiffeq.odeint(
                lambda t, x: (x - denoise(x, t)) / t, noise, ends, method="dopri5", rtol=1e-3, atol=1e-3
            )
        return found[-1].numpy()

    best = heun(400)
    return Case(
        "reverse.step, Heun, 48 steps, 2,000 points",
        "torchdiffeq dopri5, 1e-3",
        lambda: heun(48),
        peer,
        "median distance",
        lambda x: float(np.median(np.linalg.norm(x - best, axis=1))),
    )


def density_case() -> Case:
    """log p_θ of 500 points by the probability-flow ODE of a network; torch finds div D by two backward passes."""
    m, theta = trained(1500, 2)
    x = gaussian_grid.draw(500, S, np.random.default_rng(10))[0]
    exact = ode_likelihood.log_likelihood(m, theta.astype(np.float64), x, 400)
    layers = [linear(W, b) for W, b in mlp.layers(m.net, theta)]
    net = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.SiLU())][:-1])
    ends = torch.tensor([math.log(ode_likelihood.LEAST), math.log(ode_likelihood.MOST)], dtype=torch.float64)

    def slope(u: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """(x − D, 2 − div D) at σ = e^u."""
        with torch.enable_grad():
            at = state[0].detach().float().requires_grad_()
            sigma = torch.exp(u).float().expand(len(at), 1)
            total = torch.sqrt(sigma**2 + SD**2)
            seen, c = at / total, torch.log(sigma / SD) / 4
            angles = [k * math.pi / 1.5 * c for k in edm.FREQUENCIES]
            noise = torch.cat([c, *(wave(a) for a in angles for wave in (torch.sin, torch.cos))], dim=1)
            products = (seen[:, :, None] * noise[:, None, :]).reshape(len(seen), -1)
            D = (SD / total) ** 2 * at + sigma * SD / total * net(torch.cat([seen, noise, products], dim=1))
            div = sum(torch.autograd.grad(D[:, k].sum(), at, retain_graph=True)[0][:, k] for k in range(2))
        return (at - D).detach().double(), (2 - div).double()

    def peer() -> np.ndarray:
        first = (torch.from_numpy(x), torch.zeros(len(x), dtype=torch.float64))
        with torch.no_grad():
            ways = torchdiffeq.odeint(slope, first, ends, method="dopri5", rtol=1e-5, atol=1e-5)
        end, gained = ways[0][-1].numpy(), ways[1][-1].numpy()
        v = ode_likelihood.MOST**2 + SD**2
        return -0.5 * np.sum(end * end, axis=1) / v - math.log(2 * math.pi * v) + gained

    return Case(
        "ode_likelihood, 40 steps of RK4, 500 points",
        "torchdiffeq dopri5, 1e-5, autograd",
        lambda: ode_likelihood.log_likelihood(m, theta, x, 40),
        peer,
        "largest, nats",
        lambda log_p: float(np.abs(log_p - exact).max()),
        "steps of equal length in ln σ, where dopri5 goes fast wherever the field is smooth",
    )


# -- transport and measures ---


def sinkhorn_case() -> Case:
    """The plan of the lab schrodinger-bridge on 400 nodes, until the sums are right to 1e-11; in the log domain."""
    x = np.linspace(-6, 6, 400)
    a = np.exp(-0.5 * ((x - 2) / 0.35) ** 2) + np.exp(-0.5 * ((x + 2) / 0.35) ** 2)
    b = np.exp(-0.5 * (x / 0.45) ** 2)
    a, b, C, eps = a / a.sum(), b / b.sum(), 0.5 * (x[:, None] - x) ** 2, 0.36

    def ours() -> np.ndarray:
        state = sinkhorn.init(400, 400)
        while state.off > 1e-11:
            state = sinkhorn.step(state, C, eps, a, b)
        return sinkhorn.plan(state, C, eps, a, b)

    return Case(
        "sinkhorn, 400×400, σ = 0.6",
        "POT sinkhorn_log",
        ours,
        lambda: ot.sinkhorn(a, b, C, eps, method="sinkhorn_log", numItermax=1000, stopThr=1e-11),
        "sums off",
        lambda plan: float(np.abs(plan.sum(axis=1) - a).sum() + np.abs(plan.sum(axis=0) - b).sum()),
    )


def sliced_case() -> Case:
    """Sliced W₁ of 20,000 true samples, 64 directions: 0 is right. Ours knows the law, POT takes a second sample."""
    x, y = (gaussian_grid.draw(20_000, S, np.random.default_rng(seed))[0] for seed in (3, 4))
    u = sliced.directions(64)

    def ours() -> float:
        q = (sliced.quantiles(each, gaussian_grid.CENTRES, S, len(x)) for each in u)
        return float(np.mean([sliced.distance(x, each, law) for each, law in zip(u, q, strict=True)]))

    return Case(
        "sliced, 20,000 points, 64 directions",
        "POT sliced_wasserstein_distance",
        ours,
        lambda: float(ot.sliced_wasserstein_distance(x, y, projections=u.T, p=1)),
        "distance",
        lambda distance: distance,
    )


def frechet_case() -> Case:
    """Between two halves of the real digits, in 64 features."""
    f = digits_judge.features(datasets.load_digits().flat)[0]
    one, other = (digits_judge.moments(f[part]) for part in (slice(0, 900), slice(900, None)))

    def peer() -> float:
        # Features that are always 0 make the product singular; SciPy's users add a little to the diagonal.
        root = linalg.sqrtm(one.cov @ other.cov + 1e-12 * np.eye(64)).real
        return float(np.sum((one.mean - other.mean) ** 2) + np.trace(one.cov + other.cov - 2 * root))

    apart = abs(digits_judge.frechet(one, other) - peer())
    return Case(
        "digits_judge.frechet, 64 features",
        "SciPy sqrtm",
        lambda: digits_judge.frechet(one, other),
        peer,
        "apart",
        lambda distance: apart,
        "two eigendecompositions of symmetric matrices, where SciPy takes one Schur form",
    )


if __name__ == "__main__":
    main(__doc__, cases)
