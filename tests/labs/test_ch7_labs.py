"""What the labs of chapter 7 show, beyond what all labs keep to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests_support import finish

from tutor.labs import charts, registry
from tutor.labs.run import Run
from tutor.labs.spec import Check, make_params

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2, 3, 4))]


def start(lab_id: str, seed: int = 0, **values: Any) -> Run[Any, Any]:
    lab = registry.get(lab_id)
    return Run(lab, make_params(lab, values), seed)


def run(lab_id: str, seed: int = 0, **values: Any) -> Run[Any, Any]:
    return finish(start(lab_id, seed, **values))


def failed(done: Run[Any, Any]) -> list[Check]:
    return [check for check in done.checks() if not check.ok]


class TestBrownian:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("noise", ["gaussian", "coin"])
    def test_every_noise_passes(self, noise: str, seed: int) -> None:
        done = run("brownian", seed, noise=noise, steps=256)
        assert len(done.checks()) >= 6
        assert failed(done) == []

    def test_the_length_doubles_with_four_times_as_many_steps(self) -> None:
        lengths = [run("brownian", steps=n).frame().scalars["length_path"] for n in (256, 1024)]
        assert lengths[1] / lengths[0] == pytest.approx(2.0, rel=0.01)
        assert lengths[1] == pytest.approx(32 * math.sqrt(2 / math.pi), rel=0.005)

    def test_the_scheme_diverges_beyond_one_half_and_says_so(self) -> None:
        done = run("brownian", r=0.55)
        assert "diverged at its step" in done.frame().note
        assert "0.55 > 1/2" in done.frame().note
        assert failed(done) == []
        assert "diverged" not in run("brownian", r=0.5).frame().note

    def test_r_turned_live_wakes_the_instability(self) -> None:
        going = start("brownian")
        for _ in range(20):
            going.advance()
        going.change("r", 0.7)
        finish(going)
        assert "diverged" in going.frame().note


class TestForwardSde:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("process", ["VP", "VE", "sub-VP"])
    def test_every_process_passes(self, process: str, seed: int) -> None:
        done = run("forward-sde", seed, process=process, particles=2000)
        assert len(done.checks()) == 8
        assert failed(done) == []

    def test_known_orders(self) -> None:
        scalars = run("forward-sde").frame().scalars
        for name, order in (("gbm", 0.498), ("milstein", 0.972), ("weak", 0.970), ("ou", 1.0)):
            assert scalars[f"order_{name}"] == pytest.approx(order, abs=0.05)

    def test_checks_hold_on_the_way(self) -> None:
        going = start("forward-sde", particles=2000)
        for _ in range(12):
            for _ in range(5):
                going.advance()
            assert failed(going) == []

    def test_coarse_steps_leave_too_much_noise_and_say_so(self) -> None:
        done = run("forward-sde", steps=15)
        assert failed(done) == []
        assert "too large" in done.frame().note
        check = next(check for check in done.checks() if check.name.startswith("variance, steps"))
        # v ← (1 − βh/2)² v + βh rests at 1 / (1 − βh/4), here with βh up to 4/3.
        assert 1.3 < check.truth < 1.5

    def test_what_is_left_of_the_mean_half_way(self) -> None:
        assert run("forward-sde").frame().scalars["kept"] == pytest.approx(-0.8 * math.exp(-1.26875))


class TestMcmc:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(
        "values",
        [
            {"target": "mixture", "scale": 2.0},
            pytest.param({"coupling": 0.0}, marks=pytest.mark.full),
            pytest.param({"target": "mixture", "gap": 0.0, "start": "exact"}, marks=pytest.mark.full),
        ],
        ids=str,
    )
    def test_samplers_agree_with_what_is_counted_out(self, values: dict[str, Any], seed: int) -> None:
        done = run("mcmc", seed, **values)
        assert len(done.checks()) >= 5
        assert failed(done) == []

    def test_known_times_of_the_default(self) -> None:
        from tutor.labs import mcmc

        truth = mcmc._truth(mcmc.Params())
        assert truth.taus == pytest.approx((7.000, 8.611, 4.497), abs=1e-3)
        assert truth.rho[0, 1] == pytest.approx(0.497, abs=1e-3)
        assert truth.mean == pytest.approx(-9.41718, abs=1e-5)

    def test_gibbs_does_not_leave_a_far_mode_and_nothing_is_claimed(self) -> None:
        done = start("mcmc", target="mixture", gap=6.0, scale=0.2)
        for _ in range(30):
            done.advance()
        assert done.checks() == ()
        assert "too few to tell" in done.frame().note

    def test_burn_in_turned_live_takes_the_start_out(self) -> None:
        done = start("mcmc", target="mixture", gap=4.0, scale=2.0)
        for _ in range(20):
            done.advance()
        errors = []
        for burn in (0.0, 0.5):
            done.change("burn", burn)
            errors.append(float(done.frame().arrays["error0"][-1]))
        assert errors[1] != errors[0]

    def test_the_exact_start_has_nothing_to_forget(self) -> None:
        from tutor.labs import mcmc

        truth = mcmc._truth(mcmc.Params(start="exact"))
        assert np.allclose(truth.forget, truth.mean)


class TestLangevin:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(
        "values",
        [
            {"dt": 0.2, "time": 60.0},
            {"dt": 0.2, "method": "MALA"},
            {"D": 0.1, "start": "top", "dt": 0.02},
            {"D": 1.0, "tilt": -0.3, "start": "right well"},
        ],
        ids=str,
    )
    def test_walkers_follow_the_exact_law(self, values: dict[str, Any], seed: int) -> None:
        done = run("langevin-double-well", seed, **values)
        assert len(done.checks()) >= 4
        assert failed(done) == []

    def test_checks_hold_on_the_way_and_after_turning_the_knobs(self) -> None:
        going = start("langevin-double-well", walkers=2000, dt=0.05)
        for name, value in (("D", 0.5), ("tilt", -0.2), ("method", "MALA"), ("D", 0.15), ("dt", 0.02)):
            for _ in range(25):
                going.advance()
                assert failed(going) == []
            going.change(name, value)

    def test_known_figures(self) -> None:
        from tutor.labs import langevin_double_well as lab

        scalars = run("langevin-double-well", tilt=0.0, walkers=20_000, time=20.0).frame().scalars
        assert 1 / scalars["lambda"] == pytest.approx(4.20, abs=5e-3)
        assert scalars["bias"] == pytest.approx(0.0034, abs=1e-4)
        # Bins of 0.1: what 20,000 walkers cost by counting is far more than the bias of ULA.
        assert scalars["floor"] == pytest.approx(0.016, abs=0.002)
        assert scalars["distance"] < 1.5 * scalars["floor"]
        assert start("langevin-double-well", dt=0.2, tilt=0.0).frame().scalars["bias"] == pytest.approx(0.086, abs=5e-4)
        assert lab._core_rate(0.3, 0.0) == pytest.approx(2 / 11.503, rel=1e-3)

    def test_large_steps_diverge_and_say_why(self) -> None:
        done = run("langevin-double-well", dt=0.4, D=0.5)
        assert "diverged" in done.frame().note
        assert "√(1 + 2/h) = 2.45" in done.frame().note
        assert failed(done) == []

    def test_the_wells_fill_as_boltzmann_says(self) -> None:
        scalars = run("langevin-double-well").frame().scalars
        assert scalars["right_rest"] == pytest.approx(0.69512, abs=1e-5)
        assert scalars["right"] == pytest.approx(scalars["right_now"], abs=4.5 * 0.5 / math.sqrt(5000))

    def test_every_chart_shows_something_from_the_first_frame(self) -> None:
        going = start("langevin-double-well")
        for chart in going.lab.charts:
            assert len(charts.draw(chart, going.history, 60, 20, charts.NO_COLOR)) == 20
