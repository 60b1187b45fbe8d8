"""The kernels of chapter 5 against SciPy, numpy, zuko and scikit-learn, at equal accuracy.

Flows are trained until they fit equally well: the error is KL(data‖model), by quadrature on the line and on 20,000
fresh points in the plane, where H(data) + KL is the test NLL. The learning rate falls to 0 in all trainings.
`importance` and `targets_*` are formulas of a line or two, without a library to stand beside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import zuko
from scipy import special, stats
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from support.side_by_side import Case, main

from kernels import coupling, flow1d, gaussian, inverse_cdf, optimizers, targets_1d, targets_2d

ERF = "numpy has no erf: the standard library's is called point by point"
WEIGHTS, MEANS, SDS = (0.3, 0.5, 0.2), (-2.0, 0.0, 3.0), (0.5, 1.0, 0.3)


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    u, x = rng.random(10_000), rng.standard_normal(10_000)
    yield formula_case("gaussian.Phi", gaussian.Phi, "SciPy ndtr", special.ndtr, x, ERF)
    yield formula_case("gaussian.Phi_inverse", gaussian.Phi_inverse, "SciPy ndtri", special.ndtri, u, ERF)
    for name, law, theirs in (
        ("exponential", inverse_cdf.exponential(), stats.expon),
        ("cauchy", inverse_cdf.cauchy(), stats.cauchy),
    ):
        yield formula_case(f"inverse_cdf.{name}", law.inverse, f"SciPy {theirs.name}.ppf", theirs.ppf, u)
    yield mixture_case(u)
    yield discrete_case(u)
    yield log_density_case(rng)
    for library, peer, steps in (
        ("zuko GF, 1,500 steps", zuko_1d, 1500),
        ("GaussianMixture, 4 components", mixture_1d, 1500),
        ("KernelDensity, best bandwidth", kde_1d, 100),
    ):
        yield flow1d_case(library, peer, steps)
    yield coupling_case("eight", 4000, "zuko NSF, 3 transforms, 150 steps", zuko_2d(150))
    yield coupling_case("moons", 1000, "zuko NSF, 3 transforms, 250 steps", zuko_2d(250))
    yield coupling_case("moons", 4000, "GaussianMixture, 12 components", mixture_2d)


# -- samplers and densities ---


def formula_case(name: str, ours: Any, library: str, peer: Any, x: np.ndarray, slower: str = "") -> Case:
    """Each is the other's truth: the error, over max(1, |value|), is the same for both."""
    values = ours(x), peer(x)
    apart = float(np.max(np.abs(values[0] - values[1]) / np.maximum(1, np.abs(values[1]))))
    return Case(
        f"{name}, 10,000 points",
        library,
        lambda: ours(x),
        lambda: peer(x),
        "apart",
        lambda found: apart,
        slower,
    )


def mixture_case(u: np.ndarray) -> Case:
    law = inverse_cdf.mixture(WEIGHTS, MEANS, SDS)
    parts = [stats.Normal(mu=mu, sigma=sd) for mu, sd in zip(MEANS, SDS, strict=True)]
    theirs = stats.Mixture(parts, weights=list(WEIGHTS))
    return Case(
        "inverse_cdf.solve, Gaussian mixture, 10,000 points",
        "SciPy Mixture.icdf",
        lambda: inverse_cdf.solve(law, u).x,
        lambda: theirs.icdf(u),
        "|F(x) − u|",
        lambda x: float(np.abs(theirs.cdf(x) - u).max()),
        ERF + ", in every iteration",
    )


def discrete_case(u: np.ndarray) -> Case:
    p = np.arange(1.0, 101.0) / 5050
    expected = [int(np.flatnonzero(np.cumsum(p) > v)[0]) for v in np.random.default_rng(1).random(len(u))]
    return Case(
        "inverse_cdf.discrete, 100 outcomes, 10,000 draws",
        "numpy Generator.choice",
        lambda: inverse_cdf.discrete(np.random.default_rng(1).random(len(u)), p),
        lambda: np.random.default_rng(1).choice(100, len(u), p=p),
        "draws that differ",
        lambda draws: float(np.sum(draws != expected)),
    )


def log_density_case(rng: np.random.Generator) -> Case:
    A = rng.standard_normal((4, 4))
    mu, Sigma, x = rng.standard_normal(4), A @ A.T + np.eye(4), rng.standard_normal((10_000, 4))
    theirs = stats.multivariate_normal(mu, Sigma)
    white = np.linalg.solve(np.linalg.cholesky(Sigma), (x - mu).T).astype(np.longdouble)
    exact = -0.5 * (white**2).sum(axis=0) - 0.5 * (np.linalg.slogdet(Sigma)[1] + 4 * math.log(2 * math.pi))
    return Case(
        "gaussian.log_density, 10,000×4",
        "SciPy multivariate_normal.logpdf",
        lambda: gaussian.log_density(x, mu, Sigma),
        lambda: theirs.logpdf(x),
        "largest",
        lambda found: float(np.abs(found - exact).max()),
        "L is factorised anew for every row",
    )


# -- flows ---


def cosine(t: int, steps: int) -> float:
    return 0.5 * (1 + math.cos(math.pi * t / steps))


def zuko_training(flow: Any, batch: Callable[[], np.ndarray], steps: int, lr: float) -> Any:
    """Adam with the cosine of the labs, and gradients cut at length 3 as in the lab flow-2d."""
    adam = torch.optim.Adam(flow.parameters(), lr=lr)
    for t in range(steps):
        adam.param_groups[0]["lr"] = lr * cosine(t, steps)
        loss = -flow().log_prob(torch.from_numpy(batch())).mean()
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 3.0)
        adam.step()
    return flow


LAW = "laplace"


def flow1d_case(library: str, peer: Any, steps: int) -> Case:
    """Density of 10,000 points from a Laplace law, the lab's default, read off at the grid of the quadrature."""
    x, grid = targets_1d.draw(LAW, 10_000, np.random.default_rng(0)), targets_1d.grid(LAW, 2001)

    def ours() -> np.ndarray:
        draws = np.random.default_rng(1)
        adam = optimizers.init(flow1d.init(x, 12))
        for t in range(steps):
            _, gradient = flow1d.gradient(adam.w, x[draws.integers(0, len(x), 512)])
            adam = optimizers.adam(adam, gradient, lr=0.05 * cosine(t, steps))
        return flow1d.log_density(adam.w, grid)

    return Case(
        f"flow1d, {steps:,} steps, batch 512",
        library,
        ours,
        lambda: peer(x, grid),
        "KL",
        lambda log_q: targets_1d.kl(LAW, log_q, grid),
    )


def zuko_1d(x: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Gaussianisation: mixtures of distribution functions, then Φ⁻¹; of zuko's flows the best on the line."""
    torch.manual_seed(0)
    draws = np.random.default_rng(1)
    mean, sd = x.mean(), x.std()
    data = ((x - mean) / sd)[:, None]
    flow = zuko.flows.GF(1, transforms=1, components=8).to(torch.float64)
    zuko_training(flow, lambda: data[draws.integers(0, len(x), 512)], 1500, 0.02)
    with torch.no_grad():
        return flow().log_prob(torch.from_numpy((grid - mean)[:, None] / sd)).numpy() - math.log(sd)


def mixture_1d(x: np.ndarray, grid: np.ndarray) -> np.ndarray:
    model = GaussianMixture(4, tol=1e-6, max_iter=2000, random_state=0)
    return model.fit(x[:, None]).score_samples(grid[:, None])


def kde_1d(x: np.ndarray, grid: np.ndarray) -> np.ndarray:
    return KernelDensity(bandwidth=0.25).fit(x[:, None]).score_samples(grid[:, None])


def coupling_case(name: targets_2d.Name, steps: int, library: str, peer: Any) -> Case:
    """The network of the lab flow-2d, with its learning rate and its fresh data in every step."""
    held = targets_2d.draw(name, 20_000, np.random.default_rng(9))
    true = targets_2d.log_density(name, held)

    def ours() -> np.ndarray:
        rng = np.random.default_rng(1)
        adam = optimizers.init(coupling.init(12, 32, rng))
        for t in range(steps):
            _, gradient = coupling.gradient(adam.w, targets_2d.draw(name, 256, rng).astype(np.float32))
            gradient *= min(1.0, 3.0 / float(np.linalg.norm(gradient)))
            adam = optimizers.adam(adam, gradient, 0.01 * min(1.0, (t + 1) / 100) * cosine(t, steps), beta2=0.99)
        return coupling.log_density(adam.w, held.astype(np.float32))

    return Case(
        f"coupling, {name}, {steps:,} steps, batch 256",
        library,
        ours,
        lambda: peer(name, held),
        "KL",
        lambda log_q: float(np.mean(true - log_q)),
        "the plane is small enough for a mixture of Gaussians, whose EM steps are closed forms"
        if peer is mixture_2d
        else "a spline bends a line in 16 places where an affine layer only scales and shifts it, so that zuko's flow"
        " needs far fewer, if dearer, steps",
    )


def zuko_2d(steps: int) -> Callable[[targets_2d.Name, np.ndarray], np.ndarray]:
    """Rational-quadratic splines: of zuko's flows the one that gets there first."""

    def trained(name: targets_2d.Name, held: np.ndarray) -> np.ndarray:
        torch.manual_seed(0)
        rng = np.random.default_rng(1)
        flow = zuko.flows.NSF(2, transforms=3, bins=16, hidden_features=(32, 32))
        zuko_training(flow, lambda: targets_2d.draw(name, 256, rng).T.astype(np.float32), steps, 0.02)
        with torch.no_grad():
            return flow().log_prob(torch.from_numpy(held.T.astype(np.float32))).numpy()

    return trained


def mixture_2d(name: targets_2d.Name, held: np.ndarray) -> np.ndarray:
    data = targets_2d.draw(name, 20_000, np.random.default_rng(1))
    return GaussianMixture(12, random_state=0).fit(data.T).score_samples(held.T)


if __name__ == "__main__":
    main(__doc__, cases)
