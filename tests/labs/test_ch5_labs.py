"""What the labs of chapter 5 show, beyond what all labs keep to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests_support import finish, finished

from tutor.labs import charts, registry
from tutor.labs.run import Run
from tutor.labs.spec import Check, make_params

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2, 3, 4))]


def run(lab_id: str, seed: int = 0, **values: Any) -> Run[Any, Any]:
    lab = registry.get(lab_id)
    return finish(Run(lab, make_params(lab, values), seed))


def failed(done: Run[Any, Any]) -> list[Check]:
    return [check for check in done.checks() if not check.ok]


class TestInverseCdf:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("law", ["exponential", "cauchy", "mixture", "discrete"])
    def test_every_law_passes(self, law: str, seed: int) -> None:
        done = run("inverse-cdf", seed, law=law, samples=5000)
        assert len(done.checks()) >= 3
        assert failed(done) == []

    @pytest.mark.parametrize("solver", ["newton", "bisection"])
    def test_root_finding_draws_what_the_formula_draws(self, solver: str) -> None:
        exact = run("inverse-cdf", samples=1000).frame().scalars
        found = run("inverse-cdf", samples=1000, solver=solver).frame().scalars
        assert found["mean"] == pytest.approx(exact["mean"], abs=1e-9)

    @pytest.mark.parametrize("law", ["exponential", "discrete"])
    def test_enough_samples_find_the_bug(self, law: str) -> None:
        done = run("inverse-cdf", law=law, fault=0.05)
        assert not done.checks()[0].ok
        assert "enough to see a bug" in done.frame().note

    def test_few_samples_do_not(self) -> None:
        done = run("inverse-cdf", fault=0.02, samples=500)
        assert done.checks()[0].ok
        assert "still hidden" in done.frame().note

    def test_the_cauchy_mean_never_settles_but_its_median_does(self) -> None:
        history = run("inverse-cdf", law="cauchy").history.scalars
        late = np.array([history[name][-30:] for name in ("mean", "median")])
        assert np.ptp(late[0]) > 5 * np.ptp(late[1])
        assert abs(late[1, -1]) < 0.1

    def test_the_test_sees_only_the_uniform_numbers(self) -> None:
        values = [
            run("inverse-cdf", law=law).frame().scalars["statistic"] for law in ("exponential", "cauchy", "mixture")
        ]
        assert np.ptp(values) < 1e-8


class TestGaussianTransforms:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(
        "values",
        [
            {"map": "tanh", "sd": 0.5},
            {"map": "tanh", "sd": 4.0, "correlation": -0.95},
            {"map": "linear", "stretch": 0.2, "correlation": 0.95},
            {"map": "sum of exponentials", "terms": 1},
            {"map": "sum of exponentials", "terms": 64},
            {"map": "sum of uniforms", "terms": 1},
            {"map": "sum of uniforms", "terms": 12},
        ],
        ids=str,
    )
    def test_samples_have_the_exact_law(self, values: dict[str, Any], seed: int) -> None:
        done = run("gaussian-transforms", seed, **values)
        assert len(done.checks()) >= 3
        assert failed(done) == []

    def test_two_modes_exactly_beyond_one_over_root_two(self) -> None:
        lab = registry.get("gaussian-transforms")
        for sd, two in ((0.70, False), (0.71, True)):
            frame = Run(lab, make_params(lab, {"sd": sd}), 0).frame()
            assert bool(frame.scalars["mode"] > 0) is two
            density, y = frame.arrays["density"], frame.arrays["law_y"]
            assert bool(abs(y[density.argmax()]) > 0.05) is two

    def test_a_knob_turned_live_moves_the_same_draws(self) -> None:
        done = run("gaussian-transforms", map="linear", stretch=2.0, correlation=0.0)
        before = np.stack([done.frame().arrays["y1"], done.frame().arrays["y2"]])
        done.change("stretch", 1.0)
        after = np.stack([done.frame().arrays["y1"], done.frame().arrays["y2"]])
        turn = np.array([[math.cos(math.pi / 6), -0.5], [0.5, math.cos(math.pi / 6)]])
        assert np.allclose(np.diag([0.5, 1.0]) @ turn.T @ before, turn.T @ after)

    def test_the_slope_of_the_map_is_its_jacobian(self) -> None:
        for values in ({}, {"map": "linear"}, {"map": "sum of exponentials", "terms": 3}):
            arrays = run("gaussian-transforms", **values).frame().arrays
            z, y, slope = arrays["z"], arrays["image"], arrays["slope"]
            middle = slice(10, -10)
            assert np.allclose(np.gradient(y, z)[middle], slope[middle], rtol=0.02, atol=0.01)


class TestImportanceSampling:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"c": 2.0, "mean": 0.0},
            {"c": 6.0, "mean": 6.0, "sd": 2.0},
            {"task": "posterior"},
            {"task": "posterior", "dimensions": 4, "mean": 3.2, "sd": 0.6},
        ],
        ids=str,
    )
    def test_estimates_agree_with_exact_values(self, values: dict[str, Any], seed: int) -> None:
        done = run("importance-sampling", seed, **values)
        assert len(done.checks()) >= 2
        assert failed(done) == []

    def test_known_figures_of_the_default(self) -> None:
        done = run("importance-sampling")
        scalars = done.frame().scalars
        assert 10 ** scalars["log_gain"] == pytest.approx(6999, rel=1e-3)
        assert scalars["exact_ess"] == pytest.approx(0.1815, abs=5e-4)
        assert scalars["ess"] == pytest.approx(scalars["exact_ess"], rel=0.1)
        arrays = done.frame().arrays
        assert float(arrays["best_x"][0]) == pytest.approx(4.1197, abs=1e-3)
        assert arrays["gains"].max() <= float(arrays["best"][0]) + 1e-9

    def test_an_infinite_variance_is_said_and_nothing_is_claimed(self) -> None:
        done = run("importance-sampling", sd=0.5)
        assert "infinite variance" in done.frame().note
        assert done.checks() == ()

    def test_dimensions_starve_the_effective_sample_size(self) -> None:
        shares = [
            run("importance-sampling", task="posterior", dimensions=d).frame().scalars["exact_ess"] for d in (1, 2, 4)
        ]
        assert shares[1] == pytest.approx(shares[0] ** 2)
        assert shares[2] == pytest.approx(shares[0] ** 4)


class TestFlow1D:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("law", ["bimodal", "gumbel"])
    def test_every_law_is_learned(self, law: str, seed: int) -> None:
        done = run("flow-1d", seed, law=law)
        assert len(done.checks()) == 5
        assert failed(done) == []

    def test_known_floors_and_an_honest_gap(self) -> None:
        scalars = run("flow-1d").frame().scalars
        assert scalars["floor"] == pytest.approx(1.6931, abs=5e-5)
        assert scalars["gaussian"] == pytest.approx(1.7655, abs=5e-5)
        assert 0 < scalars["kl"] < 0.005
        assert abs(scalars["held"] - scalars["floor"]) < 0.01

    def test_without_the_jacobian_the_map_collapses(self) -> None:
        done = run("flow-1d", jacobian=False)
        assert np.ptp(done.frame().arrays["z"][50:-50]) < 0.3
        assert done.frame().scalars["held"] > 2.5
        assert "nothing resists squeezing" in done.frame().note
        assert len(failed(done)) >= 3

    def test_few_points_are_learned_by_heart(self) -> None:
        done = run("flow-1d", samples=50)
        scalars = done.frame().scalars
        assert scalars["held"] - scalars["train"] > 0.3
        assert "by heart" in done.frame().note

    def test_the_density_is_phi_times_the_jacobian(self) -> None:
        arrays = run("flow-1d", law="gumbel").frame().arrays
        phi = np.exp(-0.5 * arrays["z"] ** 2) / math.sqrt(2 * math.pi)
        assert np.allclose(arrays["model"], phi * arrays["slope"])

    def test_divergence_is_said_in_words(self) -> None:
        lab = registry.get("flow-1d")
        start = Run(lab, lab.params(), 0)
        start.state = start.state._replace(adam=start.state.adam._replace(w=np.full_like(start.state.adam.w, 800.0)))
        finish(start)
        assert start.step == start.total == 1
        assert "diverged at step 1" in start.frame().note
        assert start.checks() == ()


@pytest.mark.xdist_group("flow-2d")
class TestFlow2D:
    lab = registry.get("flow-2d")

    def test_a_small_flow_keeps_the_exact_laws_but_fits_badly(self) -> None:
        done = run("flow-2d", layers=2, units=4)
        exact = [check for check in done.checks() if "off" in check.name]
        assert len(exact) == 2
        assert all(check.ok for check in exact)
        assert "KL(data‖model), held-out" in {check.name for check in failed(done)}

    def test_the_default_fits_and_leaves_filaments(self) -> None:
        done = finished("flow-2d")
        scalars = done.frame().scalars
        assert scalars["kl"] < 0.09
        assert 0.15 < scalars["stray"] < 2.0
        assert scalars["floor"] == pytest.approx(2.1384, abs=1e-4)
        # In the middle of the hole the data's density is 10^−13.7: the flow cannot follow.
        arrays = done.frame().arrays
        middle = len(arrays["path"]) // 2
        assert arrays["path_true"][middle] < -12 < arrays["path_model"][middle]

    @pytest.mark.full
    @pytest.mark.parametrize("seed", range(5))
    def test_moons_are_learned(self, seed: int) -> None:
        done = run("flow-2d", seed, law="moons")
        assert failed(done) == []
        assert done.frame().scalars["kl"] < 0.03

    def test_the_knob_carries_noise_through_the_layers_one_by_one(self) -> None:
        begun = Run(self.lab, self.lab.params(), 0)
        for _ in range(3):
            begun.advance()
        begun.change("through", 0)
        none = begun.frame().arrays
        assert np.allclose(none["sample_x"], begun.state.noise[0, : len(none["sample_x"])])
        begun.change("through", 1)
        one = begun.frame().arrays
        # Layer 12 keeps the second coordinate.
        assert np.array_equal(one["sample_y"], none["sample_y"])
        assert not np.allclose(one["sample_x"], none["sample_x"])
        begun.change("through", 16)
        assert not np.allclose(begun.frame().arrays["sample_y"], none["sample_y"])

    def test_circles_hold_their_share_of_the_noise(self) -> None:
        begun = Run(self.lab, self.lab.params(), 0)
        begun.change("through", 0)
        arrays = begun.frame().arrays
        noise = np.linalg.norm(begun.state.noise, axis=0)
        for at, share in enumerate((0.25, 0.5, 0.75, 0.95)):
            radius = np.hypot(arrays[f"ring{at}_x"], arrays[f"ring{at}_y"])
            assert np.ptp(radius) < 1e-5
            # 4.5 standard errors of a share of 4,000.
            assert abs(np.mean(noise < radius[0]) - share) < 4.5 * math.sqrt(share * (1 - share) / 4000)

    def test_divergence_is_said_in_words(self) -> None:
        begun = Run(self.lab, self.lab.params(), 0)
        begun.state = begun.state._replace(adam=begun.state.adam._replace(w=np.full_like(begun.state.adam.w, np.nan)))
        finish(begun)
        assert begun.step == begun.total == 1
        assert "diverged at step 1" in begun.frame().note
        assert begun.checks() == ()

    def test_too_large_a_rate_is_said(self) -> None:
        begun = Run(self.lab, self.lab.params(), 0)
        begun.state = begun.state._replace(adam=begun.state.adam._replace(w=begun.state.adam.w * 3 + 1))
        begun.advance()
        assert "too large" in begun.frame().note


@pytest.mark.parametrize("lab_id", ["inverse-cdf", "gaussian-transforms", "importance-sampling", "flow-1d", "flow-2d"])
def test_titles_fit_a_column_and_frames_are_small(lab_id: str) -> None:
    lab = registry.get(lab_id)
    begun = Run(lab, lab.params(), 0)
    for _ in range(3):
        begun.advance()
    assert sum(np.size(array) for array in begun.frame().arrays.values()) < 10_000
    for chart in lab.charts:
        assert len(chart.title) <= 38
        for theme in charts.THEMES.values():
            assert len(charts.draw(chart, begun.history, 44, 18, theme)) == 18
