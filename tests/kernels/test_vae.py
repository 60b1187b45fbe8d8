"""torch.autograd for the networks; closed forms, scikit-learn's PPCA and SciPy for what the linear VAE must reach."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from sklearn import decomposition

from kernels import linear_vae, optimizers, rate_distortion, vae

# -- rate and distortion ---

spectra = st.lists(st.floats(0.01, 10), min_size=1, max_size=12).map(np.array)


@given(lam=spectra, theta=st.floats(0.001, 12))
def test_the_level_is_found_again(lam: np.ndarray, theta: float) -> None:
    point = rate_distortion.water_fill(lam, theta)
    assert rate_distortion.rate(lam, point.distortion) == pytest.approx(point.rate, abs=1e-9)
    if theta < lam.max() * (1 - 1e-9):
        assert rate_distortion.level(lam, point.distortion) == pytest.approx(theta, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_water_filling_is_the_best_allocation(seed: int) -> None:
    """Against SciPy: minimise Σ ½ ln(λ/d) over 0 < d ≤ λ with Σ d = D."""
    rng = np.random.default_rng(seed)
    lam = rng.exponential(size=5) + 0.05
    D = float(lam.sum()) * rng.uniform(0.1, 0.9)
    found = optimize.minimize(
        lambda d: 0.5 * np.sum(np.log(lam / d)),
        lam * D / lam.sum(),
        jac=lambda d: -0.5 / d,
        bounds=[(1e-9, value) for value in lam],
        constraints={"type": "eq", "fun": lambda d: d.sum() - D, "jac": lambda d: np.ones(5)},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert rate_distortion.rate(lam, D) == pytest.approx(found.fun, abs=1e-6)


@given(lam=spectra, share=st.floats(0.05, 0.9))
def test_the_slope_is_minus_one_over_two_theta(lam: np.ndarray, share: float) -> None:
    D = float(lam.sum()) * share
    h = 1e-6 * D
    slope = (rate_distortion.rate(lam, D + h) - rate_distortion.rate(lam, D - h)) / (2 * h)
    assert slope == pytest.approx(-0.5 / rate_distortion.level(lam, D), rel=1e-3)


def test_one_gaussian_and_the_ends_of_the_curve() -> None:
    lam = np.array([4.0])
    assert rate_distortion.rate(lam, 1.0) == pytest.approx(math.log(2))
    assert rate_distortion.rate(lam, 4.0) == 0
    assert rate_distortion.rate(lam, 9.0) == 0
    with pytest.raises(ValueError, match="outside 0"):
        rate_distortion.level(lam, 0.0)


def test_fewer_latents_than_worthwhile_directions_cost_distortion() -> None:
    lam = np.array([3.0, 2.0, 1.0])
    assert rate_distortion.water_fill(lam, 0.5, 2) == pytest.approx((0.5 * math.log(24), 2.0))
    assert rate_distortion.water_fill(lam, 0.5, 3) == rate_distortion.water_fill(lam, 0.5)


# -- the linear VAE ---


def covariance(d: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return np.asarray((U * np.geomspace(3.0, 0.02, d)) @ U.T)


def test_the_linear_gradient_is_autograds() -> None:
    d, k, beta, sigma = 6, 3, 1.7, 0.4
    C = covariance(d, 0)
    theta = np.random.default_rng(1).standard_normal(k * (2 * d + 1))
    t = torch.tensor(theta, requires_grad=True)
    W, V, log_delta = t[: d * k].reshape(d, k), t[d * k : 2 * d * k].reshape(k, d), t[2 * d * k :]
    Ct = torch.tensor(C)
    R = torch.eye(d, dtype=torch.float64) - W @ V
    distortion = torch.trace(R @ Ct @ R.T) + torch.sum(W**2 * torch.exp(log_delta))
    kl = 0.5 * (torch.diagonal(V @ Ct @ V.T) + torch.exp(log_delta) - 1 - log_delta)
    loss = distortion / (2 * sigma**2) + beta * kl.sum()
    loss.backward()
    terms, gradient = linear_vae.gradient(theta, C, beta, sigma)
    assert linear_vae.loss(terms, beta, sigma) == pytest.approx(float(loss.detach()), rel=1e-12)
    assert t.grad is not None
    assert np.allclose(gradient, t.grad.numpy(), rtol=1e-10, atol=1e-10)


@given(seed=st.integers(0, 20), beta=st.floats(0.2, 8), sigma=st.floats(0.1, 1))
@settings(max_examples=25, deadline=None)
def test_the_optimum_has_no_gradient_and_lies_on_the_curve(seed: int, beta: float, sigma: float) -> None:
    C = covariance(8, seed)
    lam = np.linalg.eigvalsh(C)[::-1]
    theta = linear_vae.optimum(C, 8, beta, sigma)
    terms, gradient = linear_vae.gradient(theta, C, beta, sigma)
    assert np.abs(gradient).max() < 1e-9 / sigma**2
    exact = rate_distortion.water_fill(lam, beta * sigma**2)
    assert (terms.kl.sum(), terms.distortion) == pytest.approx(exact, abs=1e-9)
    assert np.sum(terms.kl > 1e-9) == np.sum(lam > beta * sigma**2 * (1 + 1e-7))


@given(seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_no_weights_get_below_the_curve(seed: int) -> None:
    C = covariance(5, seed)
    theta = linear_vae.init(5, 4, np.random.default_rng(seed)) * (1 + seed % 7)
    terms, _ = linear_vae.gradient(theta, C, 1.0, 0.5)
    assert terms.kl.sum() >= rate_distortion.rate(np.linalg.eigvalsh(C), terms.distortion) - 1e-12


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_training_finds_the_optimum_and_the_number_of_latents(beta: float) -> None:
    C, sigma, k = covariance(16, 3), 0.3, 12
    lam = np.linalg.eigvalsh(C)[::-1]
    state = optimizers.init(linear_vae.init(16, k, np.random.default_rng(0)))
    for i in range(4000):
        _, g = linear_vae.gradient(state.w, C, beta, sigma)
        state = optimizers.adam(state, g, 0.02 * 0.5 * (1 + math.cos(math.pi * i / 4000)))
    terms, _ = linear_vae.gradient(state.w, C, beta, sigma)
    best, _ = linear_vae.gradient(linear_vae.optimum(C, k, beta, sigma), C, beta, sigma)
    assert linear_vae.loss(terms, beta, sigma) == pytest.approx(linear_vae.loss(best, beta, sigma), abs=1e-3)
    assert np.sum(terms.kl > 0.01) == np.sum(rate_distortion.rates(lam, beta * sigma**2, k) > 0.01)


def test_at_beta_one_the_elbo_is_probabilistic_pca() -> None:
    rng = np.random.default_rng(0)
    X = rng.multivariate_normal(np.zeros(8), covariance(8, 1), 4000)
    X -= X.mean(axis=0)
    pca = decomposition.PCA(3).fit(X)
    # Scikit-learn's model has the noise variance that is best for it, and n − 1 in the covariance.
    C = X.T @ X / (len(X) - 1)
    sigma = math.sqrt(pca.noise_variance_)
    theta = linear_vae.optimum(C, 3, 1.0, sigma)
    terms, _ = linear_vae.gradient(theta, C, 1.0, sigma)
    evidence = linear_vae.log_likelihood(theta, C, sigma)
    assert linear_vae.elbo(terms, 8, sigma) == pytest.approx(evidence, abs=1e-10)
    assert evidence == pytest.approx(pca.score(X), abs=2e-3)


@given(seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_elsewhere_the_elbo_is_below_by_the_kl_to_the_posterior(seed: int) -> None:
    d, k, sigma = 5, 2, 0.6
    C = covariance(d, seed)
    theta = linear_vae.init(d, k, np.random.default_rng(seed)) * 4
    terms, _ = linear_vae.gradient(theta, C, 1.0, sigma)
    W, V, log_delta = linear_vae.parts(theta, d)
    # Posterior N(A x, S) of z: precisions add.
    S = np.linalg.inv(np.eye(k) + W.T @ W / sigma**2)
    off = V - S @ W.T / sigma**2
    P = np.linalg.inv(S)
    gap = 0.5 * (
        np.trace(P @ np.diag(np.exp(log_delta)))
        + np.trace(P @ off @ C @ off.T)
        - k
        + np.linalg.slogdet(S)[1]
        - log_delta.sum()
    )
    assert linear_vae.log_likelihood(theta, C, sigma) - linear_vae.elbo(terms, d, sigma) == pytest.approx(gap, rel=1e-9)
    assert gap > 0


# -- the neural VAE ---


def torch_loss(net: vae.VAE, theta: torch.Tensor, x: torch.Tensor, eps: torch.Tensor, beta: float) -> torch.Tensor:
    def run(sizes: tuple[int, ...], at: int, h: torch.Tensor) -> tuple[torch.Tensor, int]:
        for layer, (n, m) in enumerate(itertools.pairwise(sizes)):
            h = h @ theta[at : at + n * m].reshape(n, m) + theta[at + n * m : at + (n + 1) * m]
            at += (n + 1) * m
            if layer < len(sizes) - 2:
                h = torch.tanh(h)
        return h, at

    out, at = run(net.encoder.sizes, 0, x)
    k = out.shape[1] // 2
    q = torch.distributions.Normal(out[:, :k], torch.exp(0.5 * out[:, k:]))
    guess, _ = run(net.decoder.sizes, at, q.mean + q.stddev * eps)
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(dim=1)
    log_likelihood = torch.distributions.Normal(guess, net.sigma).log_prob(x).sum(dim=1)
    return torch.mean(beta * kl - log_likelihood)


@pytest.mark.parametrize("beta", [0.25, 4.0])
def test_the_gradient_is_autograds(beta: float) -> None:
    rng = np.random.default_rng(0)
    net = vae.make(7, 3, 9, 0.3)
    theta = vae.init(net, rng)
    theta = theta + 0.1 * rng.standard_normal(theta.shape)
    x, eps = rng.standard_normal((5, 7)), rng.standard_normal((5, 3))
    t = torch.tensor(theta, requires_grad=True)
    loss = torch_loss(net, t, torch.tensor(x), torch.tensor(eps), beta)
    loss.backward()
    value, gradient = vae.loss(net, theta, x, eps, beta)
    assert value == pytest.approx(float(loss.detach()), rel=1e-12)
    assert t.grad is not None
    assert np.allclose(gradient, t.grad.numpy(), rtol=1e-9, atol=1e-10)
    log_p, kl = vae.elbo(net, theta, x, eps)
    assert np.mean(beta * kl.sum(axis=1) - log_p) == pytest.approx(value, rel=1e-12)


def test_single_precision_stays_single() -> None:
    rng = np.random.default_rng(0)
    net = vae.make(7, 3, 9, 0.3)
    _, gradient = vae.loss(
        net,
        vae.init(net, rng, np.float32),
        rng.standard_normal((5, 7), dtype=np.float32),
        rng.standard_normal((5, 3), dtype=np.float32),
    )
    assert gradient.dtype == np.float32


@given(mu=st.floats(-4, 4), log_var=st.floats(-6, 3))
def test_the_kl_is_the_one_of_gaussians(mu: float, log_var: float) -> None:
    from kernels import gaussian_kl

    ours = float(vae.kl(np.array(mu), np.array(log_var)))
    assert ours == pytest.approx(float(gaussian_kl.normal(mu, math.exp(0.5 * log_var), 0.0, 1.0)), abs=1e-12)
    assert ours >= 0


def test_the_reparameterised_gradient_is_unbiased() -> None:
    """E over ε of the gradient is the gradient of the expected loss, by differences on common noise."""
    rng = np.random.default_rng(2)
    net = vae.make(3, 1, 4, 0.7)
    theta = vae.init(net, rng)
    theta = theta + 0.3 * rng.standard_normal(theta.shape)
    x = np.repeat(rng.standard_normal((1, 3)), 20_000, axis=0)
    eps = rng.standard_normal((20_000, 1))
    _, g = vae.loss(net, theta, x, eps)
    # Another expectation over ε: quadrature.
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()

    def loss(w: np.ndarray) -> float:
        mu, log_var = vae.encode(net, w, x[:1])
        off = vae.decode(net, w, mu + np.exp(0.5 * log_var) * nodes[:, None]) - x[0]
        return float(weights @ np.sum(off**2, axis=1)) / (2 * 0.7**2) + float(vae.kl(mu, log_var).sum())

    exact = np.array([(loss(theta + h) - loss(theta - h)) / 2e-5 for h in 1e-5 * np.eye(len(theta))])
    assert np.abs(g - exact).max() < 0.05 * np.abs(exact).max()
