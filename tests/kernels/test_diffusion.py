"""Kernels of chapter 9 against torch, quadrature, finite differences and each other.

Statistical tests are seeded and allow 4.5 standard errors: each number gives a false alarm in 1 of 150,000 seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, linalg, stats

from kernels import datasets, digits_judge, edm, gaussian_grid, guidance, mlp, reverse, sliced, speciation, vp

S = 0.5
SIGMAS = [0.05, 0.5, 1.4, 6.0, 80.0]


class TestGaussianGrid:
    def test_the_density_is_the_mixtures(self) -> None:
        x = np.random.default_rng(0).normal(size=(50, 2)) * 5
        each = [stats.multivariate_normal(m, S * S + 1.44).pdf(x) for m in gaussian_grid.CENTRES]
        np.testing.assert_allclose(gaussian_grid.log_density(x, S, 1.2), np.log(np.mean(each, axis=0)), rtol=1e-10)

    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_the_score_is_the_gradient_of_the_log_density(self, sigma: float) -> None:
        x = np.random.default_rng(1).normal(size=(40, 2)) * math.sqrt(24 + sigma**2)
        h = 1e-3 * math.sqrt(S * S + sigma**2)
        for axis in (0, 1):
            # Central differences of fourth order.
            ends = [gaussian_grid.log_density(x + k * h * np.eye(2)[axis], S, sigma) for k in (-2, -1, 1, 2)]
            slope = np.array([1, -8, 8, -1]) @ ends / (12 * h)
            exact = gaussian_grid.score(x, S, sigma)[:, axis]
            np.testing.assert_allclose(exact, slope, atol=1e-7 * max(1, np.abs(exact).max()))

    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_tweedie_joins_score_and_denoiser(self, sigma: float) -> None:
        x = np.random.default_rng(2).normal(size=(40, 2)) * 6
        tweedie = x + sigma**2 * gaussian_grid.score(x, S, sigma)
        np.testing.assert_allclose(gaussian_grid.denoise(x, S, sigma), tweedie, atol=1e-9)

    def test_entropy(self) -> None:
        assert gaussian_grid.entropy(0.5) == pytest.approx(3.648807, abs=1e-6)
        assert gaussian_grid.entropy(1.5) == pytest.approx(5.6849, abs=2e-4)

    def test_mmse_is_what_the_best_denoiser_misses(self) -> None:
        rng = np.random.default_rng(3)
        for sigma in (0.3, 1.4, 5.0):
            x0, _ = gaussian_grid.draw(200_000, S, rng)
            x = x0 + sigma * rng.standard_normal(x0.shape)
            miss = np.mean((gaussian_grid.denoise(x, S, sigma) - x0) ** 2, axis=1)
            error = miss.std() / math.sqrt(len(miss))
            assert abs(miss.mean() - float(gaussian_grid.mmse(S, sigma))) < 4.5 * error

    @pytest.mark.parametrize(("s", "floor"), [(0.5, 0.3692), (1.5, 0.5231)])
    def test_the_irreducible_loss_of_vp_training(self, s: float, floor: float) -> None:
        t = 1e-4 + (1 - 1e-4) * (np.arange(400) + 0.5) / 400
        process = vp.vp()
        sigma = process.sigma(t) / process.alpha(t)
        assert float(np.mean(gaussian_grid.mmse(s, sigma) / sigma**2)) == pytest.approx(floor, abs=2e-4)


class TestEdm:
    @pytest.mark.parametrize("kind", ["edm", "epsilon"])
    def test_the_gradient_is_that_of_torch(self, kind: edm.Kind) -> None:
        rng = np.random.default_rng(4)
        m = edm.model(2, (5, 4), 4.9, kind, products=True, extra=3)
        theta = mlp.init(m.net, rng)
        x0, sigma, extra = rng.normal(size=(7, 2)), rng.uniform(0.1, 5, (7, 1)), rng.normal(size=(7, 3))
        x = x0 + sigma * rng.normal(size=x0.shape)
        loss, slope = edm.gradient(m, theta, x, sigma, x0, extra)
        weights = torch.tensor(theta, requires_grad=True)
        z, at = torch.tensor(edm.inputs(m, x, sigma, extra)), 0
        for number, (n, k) in enumerate(zip(m.net.sizes, m.net.sizes[1:], strict=False)):
            z = z @ weights[at : at + n * k].reshape(n, k) + weights[at + n * k : at + (n + 1) * k]
            at += (n + 1) * k
            z = torch.nn.functional.silu(z) if number < 2 else z
        skip, scale, _ = (torch.tensor(each) for each in edm.scales(m, sigma))
        D = skip * torch.tensor(x) + scale * z
        theirs = torch.mean(((D - torch.tensor(x0)) / scale) ** 2)
        theirs.backward()
        assert loss == pytest.approx(theirs.item(), rel=1e-12)
        np.testing.assert_allclose(slope, weights.grad.numpy(), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(edm.denoise(m, theta, x, sigma, extra), D.detach().numpy(), atol=1e-10)

    def test_the_edm_target_has_unit_variance_at_every_noise_level(self) -> None:
        rng = np.random.default_rng(5)
        x0 = gaussian_grid.draw(40_000, S, rng)[0]
        m = edm.model(2, (4,), math.sqrt(gaussian_grid.variance(S)))
        for sigma in (0.1, 2.0, 50.0):
            skip, scale, into = (float(each) for each in edm.scales(m, np.array(sigma)))
            x = x0 + sigma * rng.standard_normal(x0.shape)
            assert np.var((x0 - skip * x) / scale) == pytest.approx(1, abs=0.03)
            assert np.var(into * x) == pytest.approx(1, abs=0.03)

    def test_pooled_is_the_posterior_mean_over_the_batch(self) -> None:
        rng = np.random.default_rng(6)
        x, sigma, batch = rng.normal(size=(6, 2)), rng.uniform(0.3, 2, (6, 1)), rng.normal(size=(9, 2))
        w = np.exp(-np.sum((x[:, None] - batch) ** 2, axis=2) / (2 * sigma**2))
        np.testing.assert_allclose(edm.pooled(x, sigma, batch), w @ batch / w.sum(axis=1, keepdims=True), rtol=1e-12)

    def test_the_pooled_target_is_unbiased_with_less_variance(self) -> None:
        rng = np.random.default_rng(7)
        sigma = 1.0
        own, pooled, weighted = [], [], []
        for _ in range(600):
            batch = gaussian_grid.draw(64, S, rng)[0]
            x = batch[:8] + sigma * rng.standard_normal((8, 2))
            best = gaussian_grid.denoise(x, S, sigma)
            own.append(batch[:8] - best)
            pooled.append(edm.pooled(x, np.full((8, 1), sigma), batch) - best)
            # Unbiased given x: so is its product with any function of x. Rows of a batch share it: one mean for each.
            weighted.append([np.mean(pooled[-1] * f, axis=0) for f in (1.0, x, x - best)])
        assert np.var(pooled) < 0.3 * np.var(own)
        means = np.array(weighted)
        # 4.5 standard errors for each of six numbers: a false alarm in 1 of 25,000 seeds.
        assert (np.abs(means.mean(axis=0)) < 4.5 * means.std(axis=0) / math.sqrt(len(means))).all()


class TestReverse:
    @staticmethod
    def exact(x: np.ndarray, sigma: float) -> np.ndarray:
        return gaussian_grid.denoise(x, S, sigma)

    @pytest.mark.parametrize("name", ["EDM", "VP", "VE"])
    def test_the_score_is_that_of_the_scaled_and_noised_mixture(self, name: str) -> None:
        s, t = reverse.process(name), 0.4
        alpha, sigma = float(s.alpha(t)), float(s.sigma(t))
        x = np.random.default_rng(8).normal(size=(30, 2)) * 3
        v = alpha**2 * S**2 + sigma**2
        logs = -((x[:, None] - alpha * gaussian_grid.CENTRES) ** 2).sum(axis=2) / (2 * v)
        r = np.exp(logs - logs.max(axis=1, keepdims=True))
        r /= r.sum(axis=1, keepdims=True)
        exact = (alpha * (r @ gaussian_grid.CENTRES) - x) / v
        np.testing.assert_allclose(reverse.score(s, self.exact, x, t), exact, atol=1e-9)
        wrong = reverse.guides_target(s, self.exact)(x, t) - exact
        extra = (1 - alpha) * gaussian_grid.denoise(x / alpha, S, sigma / alpha) / sigma**2
        np.testing.assert_allclose(wrong, extra, atol=1e-9)

    @pytest.mark.parametrize(("method", "order"), [("euler", 1.0), ("heun", 2.0)])
    def test_orders_on_a_gaussian(self, method: reverse.Method, order: float) -> None:
        # D of N(0, 1): x / (1 + σ²), and the flow keeps x / √(1 + σ²).
        s = reverse.edm()
        x = np.array([[1.0]])
        errors = []
        for n in (40, 80):
            ts = np.append(np.linspace(3.0, 0.5, n + 1), 0.0)
            state = reverse.State(x, 0)
            scores = lambda x, t: -x / (1 + t * t)  # noqa: E731
            for _ in range(n):
                state = reverse.step(s, scores, state, ts, method, np.random.default_rng(0))
            errors.append(abs(float(state.x[0, 0]) - math.sqrt(1.25 / 10)))
        assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.08)

    @pytest.mark.parametrize(
        ("name", "method", "steps"),
        [("EDM", "heun", 32), ("EDM", "euler", 256), ("VP", "euler-maruyama", 500), ("VE", "heun", 64)],
    )
    def test_exact_scores_give_the_mixture(self, name: str, method: reverse.Method, steps: int) -> None:
        rng = np.random.default_rng(9)
        s = reverse.process(name)
        x = reverse.start(s, gaussian_grid.variance(S), (3000, 2), rng)
        scores = lambda x, t: reverse.score(s, self.exact, x, t)  # noqa: E731
        x = reverse.sample(s, scores, x, reverse.times(s, steps), method, rng)
        nearest = ((x[:, None] - gaussian_grid.CENTRES) ** 2).sum(axis=2)
        shares = np.bincount(nearest.argmin(axis=1), minlength=9) / len(x)
        assert np.abs(shares - 1 / 9).max() < 4.5 * math.sqrt(8 / 81 / len(x))
        assert math.sqrt(nearest.min(axis=1).mean() / 2) == pytest.approx(S, rel=0.08)


class TestSliced:
    def test_quantiles_invert_the_projected_mixture(self) -> None:
        u = sliced.directions(7)[2]
        q = sliced.quantiles(u, gaussian_grid.CENTRES, S, 500)
        F = stats.norm.cdf((q[:, None] - gaussian_grid.CENTRES @ u) / S).mean(axis=1)
        np.testing.assert_allclose(F, (np.arange(500) + 0.5) / 500, atol=2e-4)

    def test_a_shift_is_its_own_distance(self) -> None:
        x = gaussian_grid.draw(20_000, S, np.random.default_rng(10))[0]
        u = np.array([1.0, 0.0])
        q = np.sort(x @ u)
        assert sliced.distance(x + np.array([0.3, 5.0]), u, q) == pytest.approx(0.3, abs=1e-12)


class TestSpeciation:
    @pytest.mark.parametrize(
        ("s", "t", "known"), [(0.5, 0.33, 0.90), (0.5, 0.43, 0.63), (0.5, 0.59, 0.25), (1.5, 0.33, 0.73)]
    )
    def test_known_figures(self, s: float, t: float, known: float) -> None:
        p = vp.vp()
        assert speciation.by_sde(float(p.sigma(t) / p.alpha(t)), s) == pytest.approx(known, abs=0.008)

    def test_by_sde_against_monte_carlo_in_the_plane(self) -> None:
        rng = np.random.default_rng(11)
        x, _ = gaussian_grid.draw(200_000, S, rng)
        r = gaussian_grid.responsibilities(x + 2.0 * rng.standard_normal(x.shape), S, 2.0)
        chance = np.sum(r * r, axis=1)
        assert abs(chance.mean() - speciation.by_sde(2.0, S)) < 4.5 * chance.std() / math.sqrt(len(chance))

    def test_by_ode_against_the_flow_itself_in_the_plane(self) -> None:
        rng, sigma, n = np.random.default_rng(14), 2.36, 10_000
        x0, modes = gaussian_grid.draw(n, S, rng)
        x = x0 + sigma * rng.standard_normal(x0.shape)
        ts = np.append(np.geomspace(sigma, 0.02, 40), 0.0)
        x = reverse.sample(reverse.edm(), lambda x, t: gaussian_grid.score(x, S, t), x, ts, "heun", rng)
        same = gaussian_grid.responsibilities(x, S)[np.arange(n), modes]
        assert abs(same.mean() - speciation.by_ode(sigma, S)) < 4.5 * same.std() / math.sqrt(n)

    def test_limits(self) -> None:
        for chance in (speciation.by_sde, speciation.by_ode):
            assert chance(0.01, S) == pytest.approx(1, abs=1e-6)
            assert chance(2000.0, S) == pytest.approx(1 / 9, abs=2e-3)


class TestGuidance:
    def test_the_classifiers_score_is_the_gradient_of_its_log(self) -> None:
        x, h = np.random.default_rng(12).normal(size=(30, 2)) * 4, 1e-5
        for axis in (0, 1):
            e = h * np.eye(2)[axis]
            up, down = (np.log(gaussian_grid.responsibilities(x + d, 1.0, 2.0)[:, 8]) for d in (e, -e))
            exact = guidance.classifier_score(x, 8, 1.0, 2.0)[:, axis]
            np.testing.assert_allclose(exact, (up - down) / (2 * h), atol=1e-7)

    def test_unguided_and_conditional_flows_are_exact(self) -> None:
        assert guidance.guided(2, 1.0, 0.0).sd == pytest.approx(5.0, rel=2e-3)
        one = guidance.guided(2, 1.0, 1.0)
        # It starts from the unconditional noise, whose mean is 0 and not 6.
        assert one.mean == pytest.approx(6 * (1 - 1 / math.sqrt(1 + 80**2)), abs=2e-3)
        assert one.sd == pytest.approx(1.0, abs=6e-3)

    def test_the_tilted_law_by_quadrature(self) -> None:
        s, w = 1.5, 3.0

        def q(x: float) -> float:
            each = np.exp(-((x - guidance.MODES) ** 2) / (2 * s * s))
            return float(each.sum() * (each[2] / each.sum()) ** w)

        total, mean = (integrate.quad(lambda x, p=p: x**p * q(x), -5, 25, limit=200)[0] for p in (0, 1))
        assert guidance.tilted(2, s, w).mean == pytest.approx(mean / total, abs=3e-3)

    def test_guided_samples_in_the_plane_have_the_law_of_the_line(self) -> None:
        rng, w, n = np.random.default_rng(15), 2.0, 3000
        s, law = reverse.edm(), guidance.guided(2, S, w)

        def scores(x: np.ndarray, t: float) -> np.ndarray:
            return gaussian_grid.score(x, S, t) + w * guidance.classifier_score(x, 8, S, t)

        x = reverse.start(s, gaussian_grid.variance(S), (n, 2), rng)
        x = reverse.sample(s, scores, x, reverse.times(s, 64), "heun", rng)
        # Sampling error, and a hundredth of the sd for the steps.
        error = law.sd / math.sqrt(n)
        assert np.abs(x.mean(axis=0) - law.mean).max() < 4.5 * error + 0.01 * law.sd
        assert np.abs(x.std(axis=0) - law.sd).max() < 4.5 * error / math.sqrt(2) + 0.01 * law.sd

    def test_guided_is_not_tilted(self) -> None:
        assert guidance.tilted(2, 0.5, 2.0).sd == pytest.approx(0.5, abs=2e-3)
        assert guidance.guided(2, 0.5, 2.0).sd == pytest.approx(0.328, abs=2e-3)


class TestDigitsJudge:
    def test_the_network_is_torchs(self) -> None:
        w = {name: torch.tensor(array) for name, array in digits_judge._weights().items()}
        x = torch.tensor(datasets.load_digits().flat[:300], dtype=torch.float32).reshape(-1, 1, 8, 8)
        z = torch.relu(torch.nn.functional.conv2d(x, w["W1"], w["b1"], padding=1))
        z = torch.relu(torch.nn.functional.conv2d(z, w["W2"], w["b2"], padding=1))
        z = torch.nn.functional.max_pool2d(z, 2).flatten(1)
        f = torch.relu(z @ w["W3"].T + w["b3"])
        ours = digits_judge.features(x.numpy().reshape(-1, 64))
        np.testing.assert_allclose(ours[0], f.numpy(), atol=2e-4)

    def test_it_reads_held_out_digits(self) -> None:
        digits = datasets.load_digits()
        held = digits_judge.split()[1]
        assert digits_judge.accuracy(digits.flat[held], digits.labels[held]) > 0.98

    def test_frechet_against_scipys_square_root(self) -> None:
        rng = np.random.default_rng(13)
        a, b = (
            digits_judge.Moments(rng.normal(size=5), (lambda R: R @ R.T)(rng.normal(size=(5, 6)))) for _ in range(2)
        )
        cross = np.trace(np.real(linalg.sqrtm(a.cov @ b.cov)))
        expected = np.sum((a.mean - b.mean) ** 2) + np.trace(a.cov) + np.trace(b.cov) - 2 * cross
        assert digits_judge.frechet(a, b) == pytest.approx(float(expected), rel=1e-7)
        assert digits_judge.frechet(a, a) == pytest.approx(0, abs=1e-6)

    def test_copies_have_no_distance(self) -> None:
        flat = datasets.load_digits().flat
        assert digits_judge.nearest(flat[:5], flat).max() < 1e-6
