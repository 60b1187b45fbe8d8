"""What the first labs of chapter 9 show, and how trained models are kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests_support import finish

from kernels import digits_judge
from tutor.labs import models, registry
from tutor.labs.run import Run
from tutor.labs.spec import make_params

SHORT = {"updates": 400, "samples": 500, "steps": 8}


def run(lab_id: str, seed: int = 0, **values: Any) -> Run[Any, Any]:
    lab = registry.get(lab_id)
    return finish(Run(lab, make_params(lab, {**lab.quick, **values}), seed))


def same(a: Any, b: Any) -> bool:
    return a.scalars == b.scalars and all(np.array_equal(a.arrays[k], b.arrays[k], equal_nan=True) for k in a.arrays)


class TestKeptModels:
    def test_what_was_saved_is_found_and_nothing_else(self, home: Path) -> None:
        w = np.arange(5.0)
        assert models.save("lab", {"a": 1}, {"w": w}) == ""
        found = models.load("lab", {"a": 1}, {"w": (5,)})
        assert found.arrays is not None
        np.testing.assert_array_equal(found.arrays["w"], w)
        assert models.load("lab", {"a": 2}, {"w": (5,)}) == (None, "")
        assert [path.name for path in (home / "models").iterdir() if path.name.startswith(".")] == []

    @pytest.mark.parametrize("damage", ["cut", "text", "nan", "shape", "empty"])
    def test_a_damaged_file_is_of_no_use_and_said_in_one_line(self, damage: str, home: Path) -> None:
        w = np.full(3, np.nan) if damage == "nan" else np.zeros(4 if damage == "shape" else 3)
        models.save("lab", {}, {"w": w})
        path = models.file("lab", {})
        data = path.read_bytes()
        path.write_bytes({"cut": data[: len(data) // 2], "text": b"hello", "empty": b""}.get(damage, data))
        found = models.load("lab", {}, {"w": (3,)})
        assert found.arrays is None
        assert "damaged" in found.problem
        assert "\n" not in found.problem

    def test_only_the_latest_stay(self) -> None:
        for number in range(models.KEPT + 3):
            models.save("lab", {"n": number}, {"w": np.zeros(1)})
        assert len(list(models.file("lab", {}).parent.glob("lab-*.npz"))) == models.KEPT

    def test_a_folder_that_cannot_be_written_is_said(self, home: Path) -> None:
        home.mkdir(exist_ok=True)
        (home / "models").write_text("in the way")
        assert "could not be kept" in models.save("lab", {}, {"w": np.zeros(1)})


class TestScore9Grid:
    def test_a_kept_model_ends_like_a_trained_one_and_at_once(self) -> None:
        first = run("score-9grid", **SHORT)
        again = run("score-9grid", **SHORT)
        assert again.state.training.kept
        assert not first.state.training.kept
        assert again.step < first.step
        assert same(first.frame(), again.frame())

    def test_a_damaged_model_is_trained_again(self) -> None:
        first = run("score-9grid", **SHORT)
        (path,) = models.file("x", {}).parent.glob("score-9grid-*.npz")
        path.write_bytes(b"no model")
        again = Run(first.lab, first.params, 0)
        assert "damaged" in again.frame().note
        assert again.total == first.step

    def test_the_guides_target_fails_in_vp_and_not_in_ve(self) -> None:
        done = run("score-9grid", process="VP", steps=64)
        right = done.frame().scalars["off_modes"]
        done.change("score", "guide")
        assert finish(done).frame().scalars["off_modes"] > 0.3 > 10 * right
        assert any(not check.ok for check in done.checks())
        assert "forgets α" in done.frame().note
        # The view follows the samples to where they went.
        arrays = done.frame().arrays
        assert np.mean(np.abs(arrays["x"]) < arrays["density_extent"][1]) > 0.9
        ve = run("score-9grid", process="VE", score="guide", steps=64, sampler="heun")
        assert ve.frame().scalars["off_modes"] < 0.05

    def test_the_guides_target_moves_the_modes_as_far_as_it_must(self) -> None:
        done = run("score-9grid", process="VP", score="guide", sampler="euler-maruyama", steps=400, samples=1000)
        # Near the end x is pushed by 3/2 x and pulled by (m − x)/s²: at rest m/(1 − 3/2 s²), from every side outwards.
        x = np.abs(done.state.way.x)
        assert np.median(x) == pytest.approx(6 / (1 - 1.5 * 0.5**2), rel=0.02)
        assert np.mean(x < 7) < 0.01

    def test_the_exact_score_has_the_samplers_error_only(self) -> None:
        exact = run("score-9grid", score="exact", steps=64).frame().scalars
        assert exact["off_modes"] < 0.003
        assert abs(exact["nll"] - 3.6488) < 0.03 + 4 / np.sqrt(4000)

    @pytest.mark.full
    def test_the_figures_of_five_seeds(self) -> None:
        rows = []
        for seed in range(5):
            lab = registry.get("score-9grid")
            done = finish(Run(lab, lab.params(), seed))
            s = done.frame().scalars
            rows.append((s["excess"], s["sliced_w1"] / s["sliced_w1_floor"], abs(s["mode_sd"] / 0.5 - 1)))
            rows[-1] += (s["off_modes"], abs(s["nll"] - 3.6488))
        assert np.all(np.median(rows, axis=0) <= [6e-4, 1.2, 0.02, 0.0022, 0.03])


class TestUTurn:
    def test_it_takes_the_model_of_score_9grid(self) -> None:
        run("score-9grid", **SHORT)
        assert (
            registry.get("u-turn")
            .init(make_params(registry.get("u-turn"), {"updates": 400}), np.random.default_rng(0))[0]
            .kept
        )

    @pytest.mark.parametrize("way", ["sde", "ode"])
    def test_both_ways_back_meet_their_chance(self, way: str) -> None:
        done = run("u-turn", way=way)
        assert len(done.checks()) == 3
        assert [check for check in done.checks() if not check.ok] == []


class TestGuidance:
    @pytest.mark.parametrize(("target", "std"), [("middle", 0.5), pytest.param("corner", 1.5, marks=pytest.mark.full)])
    def test_samples_follow_the_guided_flow(self, target: str, std: float) -> None:
        done = run("guidance", target=target, std=std)
        assert [check for check in done.checks() if not check.ok] == []


class TestDigitsDiffusion:
    VALUES = {"network": "mlp", "updates": 2 * 1000, "hidden": 32, "samples": 100, "steps": 4}

    def test_a_run_that_was_killed_goes_on_and_ends_the_same(self) -> None:
        whole = run("digits-diffusion", **self.VALUES)
        for path in models.file("x", {}).parent.iterdir():
            path.unlink()
        broken = Run(whole.lab, whole.params, 0)
        for _ in range(130):
            broken.advance()
        resumed = Run(whole.lab, whole.params, 0)
        assert resumed.frame().scalars["updates"] == 1000
        assert "resumed at 1000" in resumed.frame().note
        assert same(finish(resumed).frame(), whole.frame())

    @pytest.mark.parametrize("samples", [100, 500])
    def test_few_digits_are_not_held_against_the_distance_of_many(self, samples: int) -> None:
        from tutor.labs import digits_diffusion as lab

        done = run("digits-diffusion", **self.VALUES)
        params = dataclasses.replace(done.params, network="unet", updates=lab.UPDATES, samples=samples)
        setting = done.state._replace(at=samples * params.steps)
        data, known = lab._data(), lab._reference()
        # The best model there is: real digits, as many of each. And the baseline, which must not pass.
        mixed = np.random.default_rng(0).permutation(len(data.labels))
        real = np.stack([mixed[data.labels[mixed] == k][: samples // 10] for k in range(10)], axis=1).ravel()
        for ink, good in ((data.flat[real], True), (lab._baseline_digits()[0][:samples], False)):
            judged = lab._judge(ink, *digits_judge.features(ink), known.everything, known.held)
            check = lab.checks(params, setting._replace(judged=judged))[1]
            assert check.name.startswith("Fréchet")
            assert check.ok is good, check

    def test_the_baseline_shows_what_accuracy_hides(self) -> None:
        scalars = run("digits-diffusion", **self.VALUES).frame().scalars
        assert scalars["baseline_accuracy"] > 0.97
        assert scalars["baseline_frechet"] > 3 * scalars["real_frechet"]

    @pytest.mark.full
    def test_a_u_net_that_was_killed_goes_on_and_ends_the_same(self) -> None:
        values = {"network": "unet", "updates": 600, "samples": 100, "steps": 2}
        whole = run("digits-diffusion", **values)
        for path in models.file("x", {}).parent.iterdir():
            path.unlink()
        broken = Run(whole.lab, whole.params, 0)
        for _ in range(130):
            broken.advance()
        resumed = Run(whole.lab, whole.params, 0)
        assert "resumed at 100" in resumed.frame().note
        assert same(finish(resumed).frame(), whole.frame())
