"""The kernels of chapter 7 against torchsde, torch, SciPy and scikit-learn, at equal accuracy.

Samplers are held against laws that are known: the error is that of a mean over all walkers, so both have the same
chance in it. `brownian`, `heat`, `vp` and `hops` are formulas of a line or two, without a library to stand beside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import torchsde
from scipy import integrate, linalg, signal, sparse
from sklearn.neural_network import BernoulliRBM
from support.side_by_side import Case, main

from kernels import double_well, ess, fokker_planck, gibbs, langevin, markov, metropolis, mixture_1d, sde

MU, SIGMA = 1.5, 1.0
PATHS, STEPS = 2000, 128
D, H, TILT = 0.3, 0.02, 0.15
WALKERS = 5000


def cases() -> Iterator[Case]:
    yield sde_case("euler", "Euler–Maruyama", None)
    yield sde_case("milstein", "Milstein", lambda x, t: SIGMA)
    yield walkers_case("ULA", 100)
    yield walkers_case("MALA", 100)
    yield metropolis_case()
    yield gibbs_case()
    yield modes_case()
    yield passage_case()
    yield stationary_case()
    yield autocorrelation_case()


# -- stochastic differential equations ---


class Geometric(torch.nn.Module):
    """dx = μ x dt + σ x dW for torchsde."""

    noise_type, sde_type = "diagonal", "ito"

    def f(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return MU * y

    def g(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return SIGMA * y


def sde_case(method: str, name: str, g_x: sde.Field | None) -> Case:
    """Paths of geometric Brownian motion; the error is the strong one, E|x_n − x(T)| on each one's own noise."""
    one, times = np.ones(PATHS), torch.linspace(0, 1, 2, dtype=torch.float64)

    def ours() -> tuple[np.ndarray, np.ndarray]:
        dW = np.random.default_rng(0).standard_normal((STEPS, PATHS)) / math.sqrt(STEPS)
        x = sde.solve(lambda x, t: MU * x, lambda x, t: SIGMA * x, one, 1.0, dW, g_x)
        return x, dW.sum(axis=0)

    def peer() -> tuple[np.ndarray, np.ndarray]:
        noise = torchsde.BrownianInterval(0.0, 1.0, size=(PATHS, 1), dtype=torch.float64, entropy=0)
        start = torch.ones(PATHS, 1, dtype=torch.float64)
        with torch.no_grad():
            x = torchsde.sdeint(Geometric(), start, times, bm=noise, method=method, dt=1 / STEPS)[-1]
        return x.numpy()[:, 0], noise(0.0, 1.0).numpy()[:, 0]

    return Case(
        f"sde.solve, {name}, {PATHS:,} paths, {STEPS} steps",
        f"torchsde {method}",
        ours,
        peer,
        "strong error",
        lambda found: float(np.abs(found[0] - sde.gbm_exact(1.0, MU, SIGMA, 1.0, found[1])).mean()),
    )


# -- samplers ---


def walkers_case(method: str, steps: int) -> Case:
    """Walkers that start in the Boltzmann law and stay in it, but for ULA's bias; torch finds the force itself."""
    law = double_well.boltzmann(D, TILT)
    start = np.random.default_rng(1).choice(law.x, WALKERS, p=law.p * (law.x[1] - law.x[0]))
    exact = law.mean(law.x**2)

    def U(x: np.ndarray) -> np.ndarray:
        return double_well.U(x, TILT)

    def dU(x: np.ndarray) -> np.ndarray:
        return double_well.dU(x, TILT)

    def ours() -> np.ndarray:
        rng, x = np.random.default_rng(2), start
        for _ in range(steps):
            x = langevin.ula(dU, x, D, H, rng) if method == "ULA" else langevin.mala(U, dU, x, D, H, rng)[0]
        return x

    def energy(x: torch.Tensor) -> torch.Tensor:
        return 0.25 * (x**2 - 1) ** 2 - TILT * x

    def pulled(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(U, where a step without noise leads)."""
        x = x.detach().requires_grad_()
        value = energy(x)
        (slope,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), (x - H * slope).detach()

    def peer() -> np.ndarray:
        draws, x = torch.Generator().manual_seed(2), torch.from_numpy(start)
        for _ in range(steps):
            value, to = pulled(x)
            y = to + math.sqrt(2 * D * H) * torch.randn(x.shape, generator=draws, dtype=x.dtype)
            if method == "MALA":
                there, back = pulled(y)
                ratio = (value - there) / D + ((y - to) ** 2 - (x - back) ** 2) / (4 * D * H)
                taken = torch.rand(x.shape, generator=draws, dtype=x.dtype).log() < ratio
                y = torch.where(taken, y, x)
            x = y
        return x.numpy()

    return Case(
        f"langevin.{method.lower()}, {WALKERS:,} walkers, {steps} steps",
        "torch, force by autograd",
        ours,
        peer,
        "E[x²] off",
        lambda x: abs(float(np.mean(x**2)) - exact),
    )


def metropolis_case() -> Case:
    """A random walk of 5,000 chains in a mixture of two Gaussians, 100 updates."""
    p = mixture_1d.Mixture(np.array([0.6, 0.4]), np.array([-1.5, 1.5]), np.full(2, 0.7))
    start = mixture_1d.draw(p, WALKERS, np.random.default_rng(3))

    def ours() -> np.ndarray:
        rng, x = np.random.default_rng(4), start
        for _ in range(100):
            x, _ = metropolis.random_walk(lambda at: mixture_1d.log_density(p, at), x, 1.0, rng)
        return x

    mix = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(torch.from_numpy(p.w)),
        torch.distributions.Normal(torch.from_numpy(p.m), torch.from_numpy(p.s)),
        validate_args=False,
    )

    def peer() -> np.ndarray:
        draws, x = torch.Generator().manual_seed(4), torch.from_numpy(start)
        log_p = mix.log_prob(x)
        for _ in range(100):
            y = x + torch.randn(x.shape, generator=draws, dtype=x.dtype)
            there = mix.log_prob(y)
            taken = torch.rand(x.shape, generator=draws, dtype=x.dtype).log() < there - log_p
            x, log_p = torch.where(taken, y, x), torch.where(taken, there, log_p)
        return x.numpy()

    return Case(
        f"metropolis.random_walk, {WALKERS:,} chains, 100 updates",
        "torch MixtureSameFamily",
        ours,
        peer,
        "E[x] off",
        lambda x: abs(float(np.mean(x)) - p.mean),
        "a step is a function of x alone and finds the density where it is once more; a loop of one's own keeps it",
    )


def gibbs_case() -> Case:
    """Sweeps over both layers of the lab's machine, 5,000 chains; the error is that of the mean energy."""
    r = gibbs.random_rbm(5, 4, 3.0, 7)
    law, _ = gibbs.exact(r)
    states = gibbs.states(r)
    start = states[np.random.default_rng(5).choice(len(law), WALKERS, p=law)]
    exact = float(law @ gibbs.energy(r, states))

    def ours() -> np.ndarray:
        rng, x = np.random.default_rng(6), start
        for _ in range(50):
            x = gibbs.sweep(r, x, rng)
        return x[:, :5]

    theirs = BernoulliRBM(n_components=4, random_state=6)
    theirs.fit(start[:10, :5])
    theirs.components_, theirs.intercept_visible_, theirs.intercept_hidden_ = r.W.T, r.b, r.c
    theirs.random_state_ = np.random.RandomState(6)

    def peer() -> np.ndarray:
        v = start[:, :5]
        for _ in range(50):
            v = theirs.gibbs(v)
        return np.asarray(v, dtype=float)

    def off(v: np.ndarray) -> float:
        """With the hidden layer's mean given v in place of a draw."""
        h = gibbs.sigmoid(r.c + v @ r.W)
        return abs(float(np.mean(-(v @ r.b) - h @ r.c - np.sum((v @ r.W) * h, axis=1))) - exact)

    return Case(
        f"gibbs.sweep, 5 + 4 units, {WALKERS:,} chains, 50 sweeps",
        "scikit-learn BernoulliRBM.gibbs",
        ours,
        peer,
        "mean energy off",
        off,
    )


# -- exact answers ---


def modes_case() -> Case:
    """The relaxation time of the double well from 512 cells; the same operator in both."""
    x = np.arange(-3.2 + 1 / 160, 3.2, 1 / 80)
    U = double_well.U(x, TILT)
    fine = np.arange(-3.2 + 1 / 640, 3.2, 1 / 320)
    exact = float(fokker_planck.modes(double_well.U(fine, TILT), D, 1 / 320, 2).rates[1])

    def peer() -> float:
        up, down = (D * 80**2 * np.exp(sign * np.diff(U) / (2 * D)) for sign in (-1, 1))
        leave = np.append(up, 0.0) + np.append(0.0, down)
        return float(linalg.eigh_tridiagonal(leave, -np.sqrt(up * down), select="i", select_range=(0, 1))[0][1])

    return Case(
        "fokker_planck.modes, 512 cells, the two slowest",
        "SciPy eigh_tridiagonal",
        lambda: float(fokker_planck.modes(U, D, 1 / 80, 2).rates[1]),
        peer,
        "λ₁ off",
        lambda rate: abs(rate - exact),
        "numpy has no eigensolver for tridiagonal matrices: the whole matrix is built, and all of its eigenvectors",
    )


def passage_case() -> Case:
    """The mean first-passage time from well to well."""

    def inner(z: float, y: float) -> float:
        return math.exp((0.25 * (y * y - 1) ** 2 - TILT * y - 0.25 * (z * z - 1) ** 2 + TILT * z) / D) / D

    def peer() -> float:
        return float(integrate.dblquad(inner, -1, 1, -4, lambda y: y)[0])

    exact = double_well.passage_time(D, TILT, -1.0, 1.0, 2e-4)
    return Case(
        "double_well.passage_time, −1 → 1",
        "SciPy dblquad",
        lambda: double_well.passage_time(D, TILT, -1.0, 1.0),
        peer,
        "relative",
        lambda time: abs(time / exact - 1),
    )


def stationary_case() -> Case:
    """The law of Metropolis' chain on all 512 states of the machine."""
    P = gibbs.flip_matrix(gibbs.random_rbm(5, 4, 1.5, 7))
    sparsely = sparse.csr_matrix(P.T)

    def peer() -> np.ndarray:
        _, vectors = sparse.linalg.eigs(sparsely, k=1, which="LM", v0=np.full(len(P), 1.0))
        law = np.abs(vectors[:, 0].real)
        return np.asarray(law / law.sum())

    return Case(
        "markov.stationary, 512 states",
        "SciPy eigs, sparse",
        lambda: markov.stationary(P),
        peer,
        "|πP − π|",
        lambda law: float(np.abs(law @ P - law).max()),
        "a chain has few moves from each state, and a sparse solver skips all others; ours takes any matrix",
    )


def autocorrelation_case() -> Case:
    """Of 80 chains of 2,000 records, 500 lags; both by the fast Fourier transform."""
    f = signal.lfilter([1.0], [1.0, -0.8], np.random.default_rng(7).standard_normal((80, 2500)), axis=1)[:, 500:]
    n = f.shape[1]

    def peer() -> np.ndarray:
        centred = f - f.mean()
        sums = sum(signal.correlate(row, row, method="fft")[n - 1 : n + 499] for row in centred)
        covariance = sums / (len(f) * (n - np.arange(500)))
        return np.asarray(covariance / covariance[0])

    return Case(
        "ess.autocorrelations, 80 chains of 2,000",
        "SciPy correlate, fft",
        lambda: ess.autocorrelations(f, 500),
        peer,
        "ρ(1) off",
        # 0.8 but for the sampling error, the same for both.
        lambda rho: abs(float(rho[1]) - 0.8),
    )


if __name__ == "__main__":
    main(__doc__, cases)
