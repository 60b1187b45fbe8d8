"""What the labs of chapter 3 show: known figures, truths beside the defaults, and divergence in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests_support import finish

from tutor.labs import registry
from tutor.labs.run import Run
from tutor.labs.spec import make_params


def ended(lab: Any, seed: int = 0, **values: Any) -> Run[Any, Any]:
    return finish(Run(lab, make_params(lab, values), seed))


def failed(run: Run[Any, Any]) -> list[str]:
    return [check.name for check in run.checks() if not check.ok]


class TestOptimizers:
    lab = registry.get("optimizers")

    def test_known_first_steps_without_correction(self) -> None:
        scalars = ended(self.lab).frame().scalars
        assert scalars["adam_first"] == pytest.approx(3.162, abs=1e-3)
        assert scalars["rmsprop_first"] == pytest.approx(31.62, abs=1e-2)
        assert scalars["adam_peak"] == pytest.approx(6.569, abs=1e-3)

    @pytest.mark.parametrize("correct", [True, False])
    @pytest.mark.parametrize("noise", [0.0, 0.3])
    @pytest.mark.parametrize("problem", ["quadratic", "logistic"])
    def test_truths_hold_beside_the_defaults(self, problem: str, noise: float, correct: bool) -> None:
        assert failed(ended(self.lab, problem=problem, noise=noise, correct=correct, condition=30.0)) == []

    def test_each_learning_rate_is_the_best_of_the_grid(self) -> None:
        run = ended(self.lab)
        problem = run.state.problem
        for method in range(4):
            grid, at = problem.tried[method], int(problem.left[method].argmin())
            assert grid[max(at - 1, 0)] <= problem.rates[method] <= grid[min(at + 1, len(grid) - 1)]
        # Tuned, gradient descent stands just below its edge, and momentum goes farther.
        assert 1.5 < problem.rates[0] < 2.0
        assert run.frame().scalars["momentum_excess"] < 0.1 * run.frame().scalars["SGD_excess"]

    def test_sgd_and_momentum_do_not_see_the_angle_and_adam_does(self) -> None:
        straight, turned = (ended(self.lab, angle=angle).state.problem for angle in (0.0, 30.0))
        for method, alike in enumerate((True, True, False, False)):
            ratio = turned.left[method].min() / straight.left[method].min()
            assert (abs(ratio - 1) < 1e-6) == alike

    def test_divergence_is_said_with_its_reason(self) -> None:
        run = ended(self.lab, scale=1.2)
        note = run.frame().note
        assert "SGD diverged at step" in note
        assert "> 2/λ_max = 2" in note
        assert "momentum diverged" not in note
        assert math.isnan(run.frame().scalars["SGD_excess"])
        assert failed(run) == []
        both = ended(self.lab, scale=10.0).frame().note
        assert "momentum diverged at step" in both
        assert "> 2(1+β)/λ_max = 3.8" in both

    def test_newtons_minimum_is_below_all(self) -> None:
        run = ended(self.lab, problem="logistic")
        assert min(v for name, v in run.frame().scalars.items() if name.endswith("_excess")) >= 0
        assert "‖∇f‖ at Newton's minimum" in [check.name for check in run.checks()]


class TestLearningRate:
    lab = registry.get("learning-rate")

    def test_known_best_rates(self) -> None:
        run = ended(self.lab)
        scalars = run.frame().scalars
        assert scalars["best"] == pytest.approx(1.894, abs=0.005)
        assert scalars["best_rate"] == pytest.approx(1.980, abs=5e-4)

    @pytest.mark.parametrize("steps", [10, 100])
    @pytest.mark.parametrize("condition", [1.0, 30.0, 1000.0])
    @pytest.mark.parametrize("sharp", [0.0, 3.0])
    def test_truths_hold_beside_the_defaults(self, condition: float, steps: int, sharp: float) -> None:
        assert failed(ended(self.lab, condition=condition, steps=steps, sharp=sharp)) == []

    @pytest.mark.full
    @pytest.mark.parametrize("seed", range(20))
    def test_expected_losses_are_met_for_many_seeds(self, seed: int) -> None:
        assert failed(ended(self.lab, seed, sharp=0.0, noise=0.5)) == []

    def test_warm_up_pays_at_a_steep_start_and_buys_nothing_on_a_quadratic(self) -> None:
        steep = ended(self.lab).frame().scalars
        assert steep["warmed_peak"] > 2 * steep["cosine_peak"]
        assert steep["warmed_loss"] < 0.7 * min(steep["cosine_loss"], steep["constant_loss"])
        flat = ended(self.lab, sharp=0.0).frame().scalars
        assert flat["warmed_loss"] == pytest.approx(flat["cosine_loss"], rel=0.1)

    def test_divergence_is_said_with_its_reason(self) -> None:
        run = ended(self.lab, lr=2.1)
        assert run.frame().note.startswith("lr 2.1 > 2/λ_max = 2: diverging")
        assert "grows by 1.1 a step" in run.frame().note
        steep = run.frame().arrays["steep"]
        assert abs(steep[-1]) == pytest.approx(1.1**50, rel=1e-9)

    def test_the_chosen_rate_may_change_while_it_runs(self) -> None:
        run = Run(self.lab, make_params(self.lab, {}), 0)
        for _ in range(20):
            run.advance()
        run.change("lr", 0.5)
        flat = finish(run).frame().arrays["flat"]
        assert flat == pytest.approx((1 - 0.5 * 0.01) ** np.arange(51), rel=1e-9)


class TestRegularization:
    lab = registry.get("regularization")

    def test_known_zeros(self) -> None:
        scalars = ended(self.lab).frame().scalars
        assert (scalars["subgradient_zeros"], scalars["proximal_zeros"], scalars["ridge_zeros"]) == (0, 17, 0)

    @pytest.mark.parametrize(("lam", "rho"), [(0.001, 0.0), (0.05, 0.5), (0.5, 0.9), (1.0, 0.95)])
    def test_truths_hold_beside_the_defaults(self, lam: float, rho: float) -> None:
        assert failed(ended(self.lab, lam=lam, rho=rho)) == []

    def test_above_the_largest_lambda_all_weights_are_0(self) -> None:
        assert ended(self.lab, lam=1.0).frame().scalars["proximal_zeros"] == 20

    def test_without_noise_or_penalty_the_true_weights_are_found(self) -> None:
        arrays = ended(self.lab, lam=0.001, noise=0.0).frame().arrays
        assert arrays["now"][[2, 9, 15]] == pytest.approx([2.0, -1.5, 1.0], abs=0.02)

    def test_adam_with_l2_does_not_care_how_strong_it_is_and_adamw_does(self) -> None:
        weak, strong = (ended(self.lab, decay=decay).frame().arrays for decay in (0.05, 5.0))
        assert np.abs(weak["Adam + L2"] - strong["Adam + L2"]).max() < 1e-3
        assert weak["AdamW"][-1] == pytest.approx((1 - 0.01 * 0.05) ** 200, rel=1e-12)
        assert strong["AdamW"][-1] == pytest.approx((1 - 0.01 * 5.0) ** 200, rel=1e-12)
        assert strong["SGD + L2"] == pytest.approx(strong["SGD, decay"], abs=1e-13)
