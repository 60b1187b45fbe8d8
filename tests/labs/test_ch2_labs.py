"""What the labs of chapter 2 show: figures that are known, and what they say when something diverges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm
from tests_support import finish, finished

from tutor.labs import registry
from tutor.labs.run import Run
from tutor.labs.spec import make_params


def run(lab_id: str, seed: int = 0, **values: Any) -> Run[Any, Any]:
    lab = registry.get(lab_id)
    return finish(Run(lab, make_params(lab, values), seed))


def failed(done: Run[Any, Any]) -> list[str]:
    return [check.name for check in done.checks() if not check.ok]


class TestAutodiff:
    def test_costs_of_the_default_network(self) -> None:
        done = run("autodiff")
        scalars, arrays = done.frame().scalars, done.frame().arrays
        # 64 inputs at 2 evaluations each; 8 outputs at one each, and the evaluation itself.
        assert scalars["forward"] == pytest.approx(64 * 2.0, rel=0.02)
        assert scalars["reverse"] == pytest.approx(9.0, rel=0.01)
        assert 2.0 < scalars["gradient"] < 3.0
        slope = np.polyfit(np.log(arrays["inputs_size"]), np.log(arrays["inputs_forward"]), 1)[0]
        assert slope == pytest.approx(1.0, abs=0.02)
        assert np.ptp(arrays["inputs_reverse"]) < 0.15 * arrays["inputs_reverse"].max()
        slope = np.polyfit(np.log(1 + arrays["outputs_size"]), np.log(arrays["outputs_reverse"]), 1)[0]
        assert slope == pytest.approx(1.0, abs=0.1)

    @pytest.mark.parametrize(("precision", "eps"), [("float64", 2.2e-16), ("float32", 1.2e-7)])
    def test_the_best_steps_of_differences(self, precision: str, eps: float) -> None:
        scalars = run("autodiff", precision=precision).frame().scalars
        assert abs(math.log10(scalars["best_forward"] / math.sqrt(eps))) < 1
        assert abs(math.log10(scalars["best_central"] / eps ** (1 / 3))) < 1
        assert scalars["automatic_error"] < 4 * eps < scalars["central_error"] < scalars["forward_error"]

    def test_extremes_keep_their_counts(self) -> None:
        assert failed(run("autodiff", inputs=1, outputs=64, width=4)) == []


class TestSolvers:
    def test_the_boundaries_drawn_have_R_on_the_unit_circle(self) -> None:
        from kernels import ode

        state = run("ode-solvers").state
        for m, edge in zip((ode.EULER, ode.HEUN, ode.RK4), state.boundaries, strict=True):
            assert np.abs(np.abs(ode.stability(m, edge)) - 1).max() < 1e-10

    def test_growth_at_the_default(self) -> None:
        done = run("ode-solvers")
        scalars = done.frame().scalars
        assert scalars["euler_growth"] == pytest.approx(1.4)
        assert scalars["heun_growth"] == pytest.approx(1.48)
        assert scalars["rk4_growth"] == pytest.approx(0.5584)
        assert "×1.48 with Heun (stable to 2)" in done.frame().note

    def test_divergence_is_said_in_words(self) -> None:
        note = run("ode-solvers", h=0.5).frame().note
        assert "Euler at step" in note
        assert "RK4 (stable to 2.79)" in note
        quiet = run("ode-solvers", h=0.02, decay=5.0).frame().note
        assert "no method makes |y| grow" in quiet

    def test_an_oscillation_is_stable_for_rk4_alone(self) -> None:
        scalars = run("ode-solvers", decay=0.0, frequency=10.0).frame().scalars
        assert scalars["rk4_growth"] < 1 < scalars["euler_growth"]
        assert scalars["heun_growth"] > 1

    def test_changing_the_rate_moves_the_point_but_not_the_rest(self) -> None:
        done = run("ode-solvers")
        before = done.frame().arrays["leapfrog_q"].copy()
        done.change("decay", 5.0)
        assert done.frame().arrays["z_re"].tolist() == [-1.0]
        assert np.array_equal(done.frame().arrays["leapfrog_q"], before)

    def test_leapfrog_keeps_the_energy_and_euler_does_not(self) -> None:
        motions = run("ode-solvers", h=0.1).state.motions
        assert motions[0].diverged
        assert not motions[3].diverged
        assert max(motions[3].worst) < 0.02


@pytest.mark.xdist_group("neural-ode-spiral")
class TestNeuralOdeSpiral:
    def test_the_field_is_learned_closer_than_the_notebooks(self) -> None:
        done = finished("neural-ode-spiral")
        scalars = done.frame().scalars
        assert failed(done) == []
        assert scalars["field_error"] < 5.6
        assert abs(scalars["turn"] - 2) < 0.06
        assert scalars["radius"] == pytest.approx(math.exp(-2.4), abs=0.05)

    def test_the_standard_error_is_that_of_a_linear_fit(self) -> None:
        from tutor.labs import neural_ode_spiral as lab

        rng = np.random.default_rng(0)
        times, start = 0.2 * np.arange(6), rng.standard_normal((5, 2))

        def predicted(p: np.ndarray) -> np.ndarray:
            A = np.array([[p[0], -p[1]], [p[1], p[0]]])
            return np.stack([p[2:].reshape(5, 2) @ expm(A * t).T for t in times]).ravel()

        p = np.concatenate([[-0.3, 2.0], start.ravel()])
        J = np.stack([(predicted(p + e) - predicted(p - e)) / 2e-6 for e in 1e-6 * np.eye(len(p))], axis=1)
        covariance = 0.03**2 * np.linalg.inv(J.T @ J)
        assert lab._standard_error(times, start, 0.03) == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-5)
        assert lab._standard_error(times, start, 0.03) == pytest.approx(math.sqrt(covariance[1, 1]), rel=1e-5)

    def test_paths_are_the_exponential_of_the_matrix(self) -> None:
        from tutor.labs import neural_ode_spiral as lab

        exact = lab._exact(np.array([0.0, 0.7]), np.array([1.0, 0.5]))
        assert np.allclose(exact[1], expm(0.7 * lab._matrix()) @ [1.0, 0.5], atol=1e-14)

    def test_a_step_too_large_diverges_in_words_and_ends(self) -> None:
        done = run("neural-ode-spiral", lr=1.0)
        assert "diverged at iteration" in done.frame().note
        assert "lr 1 is too large" in done.frame().note
        assert done.checks() == ()

    @pytest.mark.full
    def test_training_by_the_adjoint_does_as_well(self) -> None:
        assert failed(run("neural-ode-spiral", gradient="adjoint")) == []

    @pytest.mark.full
    def test_without_noise_the_field_is_nearly_exact(self) -> None:
        done = run("neural-ode-spiral", noise=0.0, seconds=0.4)
        assert failed(done) == []
        assert done.frame().scalars["field_error"] < 1.0


@pytest.mark.xdist_group("resnet-vs-neural-ode")
class TestResnetVsNeuralOde:
    @pytest.fixture(scope="class")
    def done(self) -> Run[Any, Any]:
        return finished("resnet-vs-neural-ode")

    def test_all_three_learn_the_arms(self, done: Run[Any, Any]) -> None:
        scalars = done.frame().scalars
        assert failed(done) == []
        assert min(scalars[f"{name}_test"] for name in ("resnet", "euler", "rk4")) > 0.97

    def test_only_the_one_trained_by_rk4_is_a_flow(self, done: Run[Any, Any]) -> None:
        rows = {row[0]: row for row in done.state.runs}
        assert rows[20][1] > 0.97
        assert rows[160][1] < 0.95
        assert rows[160][2] > 0.95
        assert rows[5][2] < rows[20][2] < rows[160][2]

    def test_memory(self, done: Run[Any, Any]) -> None:
        kept = {m.steps: m.kept for m in done.state.memory}
        assert kept[160][0] > 15 * kept[10][0]
        assert kept[160][1] == kept[10][1]
        apart = [m.apart for m in done.state.memory]
        assert apart[-1] < 0.2 * apart[0]

    @pytest.mark.full
    def test_other_steps_change_what_is_drawn_and_nothing_else(self, done: Run[Any, Any]) -> None:
        again = run("resnet-vs-neural-ode", depth=4)
        before = {name: again.frame().arrays[f"{name}_regions"].copy() for name in ("resnet", "euler")}
        checks = again.checks()
        again.change("steps", 160)
        assert np.array_equal(again.frame().arrays["resnet_regions"], before["resnet"])
        assert not np.array_equal(again.frame().arrays["euler_regions"], before["euler"])
        assert "drawn with 160 Euler steps" in again.frame().note
        assert again.checks() == checks

    @pytest.mark.parametrize("noise", [0.0, 0.3, 0.6])
    def test_the_best_possible_accuracy(self, noise: float) -> None:
        from tutor.labs import resnet_vs_neural_ode as lab

        # The nearest arm in angle, tried on 200,000 angles: four standard errors.
        angles = noise * np.random.default_rng(0).standard_normal(200_000)
        right = np.abs((angles + math.pi) % (2 * math.pi) - math.pi) < math.pi / 3
        assert lab._bayes(noise) == pytest.approx(right.mean(), abs=4 * right.std() / math.sqrt(len(right)) + 1e-12)
