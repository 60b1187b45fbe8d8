"""What schrodinger-bridge, flow-matching, gan and vae-vs-diffusion show, beyond what all labs keep to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests_support import finish, rest_in_full
from tests_support import finished as run

from tutor.labs import charts, contenders, registry
from tutor.labs.run import Run
from tutor.labs.spec import Check, make_params

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2, 3, 4))]


def failed(done: Run[Any, Any]) -> list[str]:
    return [check.name for check in done.checks() if not check.ok]


def check(done: Run[Any, Any], start: str) -> Check:
    return next(each for each in done.checks() if each.name.startswith(start))


@pytest.mark.xdist_group("schrodinger-bridge")
class TestSchrodingerBridge:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(
        "values",
        rest_in_full(
            [
                {"sigma": 0.2},
                {"start": "gaussian"},
                {"paths": "euler"},
                {"sigma": 10.0},
                {"paths": "drift", "sigma": 1.0},
            ],
            3,
        ),
        ids=str,
    )
    def test_all_settings_keep_the_checks(self, values: dict[str, Any], seed: int) -> None:
        done = run("schrodinger-bridge", seed, **values)
        assert len(done.checks()) >= 5
        assert failed(done) == []

    def test_known_figures(self) -> None:
        scalars = run("schrodinger-bridge").frame().scalars
        assert scalars["best"] == pytest.approx(2.706, abs=1e-3)
        assert scalars["apart"] == pytest.approx(4.325, abs=1e-3)
        assert scalars["cost"] == pytest.approx(2.924, abs=1e-3)
        assert scalars["correlation"] == pytest.approx(0.766, abs=1e-3)
        assert scalars["crossing"] == pytest.approx(0.0554, abs=2e-4)

    def test_costs_rise_from_transport_to_independence(self) -> None:
        arrays = run("schrodinger-bridge").frame().arrays
        costs, best, apart = arrays["costs"], arrays["best_line"][0], arrays["apart_line"][0]
        assert np.all(np.diff(costs) < 0)
        assert best < costs[-1] < best + 0.02
        assert apart - 0.02 < costs[0] < apart

    def test_independent_ends_are_found_out(self) -> None:
        done = run("schrodinger-bridge", ends="independent")
        assert len(failed(done)) == 3
        assert done.frame().scalars["crossed"] == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 4000))

    def test_euler_misses_by_one_increment(self) -> None:
        scalars = run("schrodinger-bridge", paths="euler").frame().scalars
        assert scalars["missed"] == pytest.approx(0.6 / math.sqrt(40), rel=0.05)

    def test_another_sigma_goes_on_from_the_potentials_that_are_there(self) -> None:
        lab = registry.get("schrodinger-bridge")
        live = finish(Run(lab, lab.params(), 0))
        live.change("sigma", 0.7)
        finish(live)
        assert failed(live) == []
        fresh = run("schrodinger-bridge", sigma=0.7).frame().scalars
        assert live.frame().scalars["cost"] == pytest.approx(fresh["cost"], abs=1e-8)


@pytest.mark.xdist_group("flow-matching")
class TestFlowMatching:
    def test_one_step_finds_one_mode_many_find_all(self) -> None:
        done = run("flow-matching")
        assert failed(done) == []
        assert done.frame().scalars["modes_of_one"] == 1
        arrays = done.frame().arrays
        curve = {
            name: dict(zip(arrays[f"{name}_cost"].astype(int).tolist(), arrays[name].tolist(), strict=True))
            for name in ("flow_euler", "flow_heun", "vp_euler")
        }
        # At few evaluations the flow's coordinates are the better ones; at many all are at the floor.
        for cost in (4, 8, 16):
            assert curve["flow_euler"][cost] < 0.8 * curve["vp_euler"][cost]
            assert curve["flow_heun"][cost] < curve["flow_euler"][cost]
        assert curve["flow_heun"][64] < 2 * arrays["floor_line"][0]
        # Few steps from σ = 80 find the middle alone; from 32 evaluations all of them find all.
        assert arrays["edm_heun_modes"][arrays["edm_heun_cost"] == 8] == 1
        for name in ("flow_euler", "flow_heun", "vp_euler", "edm_heun"):
            assert arrays[f"{name}_modes"][-2:].tolist() == [9, 9]

    def test_paths_that_are_drawn_bend(self) -> None:
        paths = run("flow-matching").state.flight.paths
        length = np.linalg.norm(np.diff(paths, axis=0), axis=2).sum(axis=0)
        assert np.median(length / np.linalg.norm(paths[-1] - paths[0], axis=1)) > 1.1

    def test_sampling_settings_change_live(self) -> None:
        lab = registry.get("flow-matching")
        live = finish(Run(lab, make_params(lab, {"updates": 200}), 0))
        live.change("field", "exact")
        finish(live)
        exact = live.frame().scalars["sw1"]
        live.change("steps", 1)
        live.change("method", "euler")
        finish(live)
        assert live.frame().scalars["sw1"] > 5 * exact

    @pytest.mark.full
    @pytest.mark.parametrize("seed", range(5))
    def test_figures_of_the_default_run(self, seed: int) -> None:
        scalars = run("flow-matching", seed, updates=5000).frame().scalars
        assert scalars["kl"] < 0.06
        assert scalars["off"] < 0.02


@pytest.mark.xdist_group("gan")
class TestGan:
    def test_the_critic_alone_comes_near_the_best(self) -> None:
        lab = registry.get("gan")
        for source in ("grid", "ring"):
            early = Run(lab, make_params(lab, {"source": source}), 0)
            while math.isnan(early.state.alone.value):
                early.advance()
            assert [each for each in early.checks() if not each.ok] == []
            assert len(early.checks()) == 2

    @pytest.mark.full
    def test_without_penalty_the_minimax_game_covers_worse(self) -> None:
        plain = run("gan", loss="minimax", gamma=0.0, updates=1500).frame().scalars
        held = run("gan", updates=1500).frame().scalars
        assert held["least"] > plain["least"]
        assert held["sw1"] < plain["sw1"]

    def test_weights_that_are_lost_end_the_game_and_it_is_said(self) -> None:
        lab = registry.get("gan")
        broken = Run(lab, lab.params(), 0)
        lost = broken.state.generator._replace(w=np.full_like(broken.state.generator.w, np.nan))
        broken.state = broken.state._replace(alone=broken.state.alone._replace(updates=600), generator=lost)
        broken.advance()
        assert broken.done
        assert "diverged at update 1:" in broken.frame().note
        assert broken.checks() == ()

    @pytest.mark.full
    def test_the_judge_finds_more_than_the_critic_of_the_game(self) -> None:
        done = run("gan", updates=600)
        scalars = done.frame().scalars
        assert scalars["judge"] > scalars["value"] + 0.02
        assert check(done, "judge: V, at least").ok
        assert scalars["jensen_shannon"] > 0.02


@pytest.mark.xdist_group("vae-vs-diffusion")
class TestVaeVsDiffusion:
    def test_every_row_is_filled_and_drawn(self) -> None:
        done = run("vae-vs-diffusion")
        table = done.frame().arrays["table"]
        assert np.isfinite(table[:, :4]).all()
        # A likelihood is had of the data, the Gaussian, VAE (a bound), diffusion and flow.
        assert np.isfinite(table[:, 4]).tolist() == [True, True, True, False, True, True, False]
        lab = registry.get("vae-vs-diffusion")
        for width in (30, 48, 78):
            picture = charts.draw(lab.charts[0], done.history, width, 16, charts.DARK)
            text = ["".join(part for part, _ in line) for line in picture]
            assert len(picture) == 16
            assert all(len(line) == width for line in text)
            assert any(line.startswith("flow matching") for line in text)

    def test_the_latent_diffusion_has_half_the_time_for_each_part(self) -> None:
        rng = np.random.default_rng(0)
        times = {kind: contenders.left(contenders.begin(kind, "ring", 1.0, rng)) for kind in contenders.KINDS}
        assert all(time == pytest.approx(1000, abs=2) for time in times.values())

    @pytest.mark.full
    @pytest.mark.parametrize("source", ["ring", "grid"])
    @pytest.mark.parametrize("seed", range(5))
    def test_diffusion_mends_the_vae(self, source: str, seed: int) -> None:
        done = run("vae-vs-diffusion", seed, source=source, seconds=1.5)
        assert failed(done) == []
        scalars = done.frame().scalars
        assert scalars["off_vae"] > 2 * scalars["off_latent"]
        assert scalars["off_gaussian"] > 0.6
