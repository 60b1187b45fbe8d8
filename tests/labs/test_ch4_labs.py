"""What the labs of chapter 4 show: known figures, and truths beside the defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests_support import finish

from kernels import spiral
from tutor.labs import charts, registry
from tutor.labs.run import Run
from tutor.labs.spec import make_params


def ended(lab: Any, seed: int = 0, **values: Any) -> Run[Any, Any]:
    return finish(Run(lab, make_params(lab, values), seed))


def failed(run: Run[Any, Any]) -> list[str]:
    return [check.name for check in run.checks() if not check.ok]


class TestConvolution:
    lab = registry.get("convolution")

    @pytest.mark.parametrize("dims", ["2-D", "1-D"])
    @pytest.mark.parametrize("kernel", ["edge", "blur", "second difference", "random"])
    @pytest.mark.parametrize("stride", [1, 2, 3])
    @pytest.mark.parametrize("padding", [0, 1, 2])
    def test_truths_hold_for_every_kernel_padding_and_stride(
        self, dims: str, kernel: str, stride: int, padding: int
    ) -> None:
        assert failed(ended(self.lab, dims=dims, kernel=kernel, stride=stride, padding=padding)) == []

    def test_known_counts(self) -> None:
        run = ended(self.lab)
        assert run.step == 36
        assert (run.frame().scalars["used"], run.frame().scalars["dense"]) == (324, 2304)
        assert "36×64" in run.frame().note

    def test_a_shift_beside_the_stride_is_said_and_seen(self) -> None:
        run = ended(self.lab, stride=2, shift=1)
        assert "no multiple of the stride 2" in run.frame().note
        kept = run.frame().arrays["kept"]
        assert kept[::2] == pytest.approx(np.zeros(3), abs=1e-12)
        assert (kept[1::2] > 0.05).all()

    def test_pooling_goes_from_equivariance_to_invariance(self) -> None:
        arrays = ended(self.lab, kernel="blur").frame().arrays
        assert 0 < arrays["pool2"][1] < arrays["raw"][1]
        assert not arrays["pool_all"].any()

    def test_what_is_not_there_yet_is_left_blank(self) -> None:
        run = Run(self.lab, make_params(self.lab, {}), 0)
        chart = next(chart for chart in self.lab.charts if chart.id == "product")

        def drawn() -> int:
            rows = charts.draw(chart, run.history, 80, 40, charts.DARK)
            return sum(text != " " for line in rows[3:] for run_, _ in line for text in run_)

        # At first only the input; then the output as well, and the entries of T in use.
        before = drawn()
        finish(run)
        assert 32 <= before < 64
        assert drawn() > before + 324 / 2


class TestResnetSpiral:
    lab = registry.get("resnet-spiral")

    def test_known_gradients_and_accuracies_at_depth_20(self) -> None:
        run = ended(self.lab)
        scalars = run.frame().scalars
        assert scalars["skip_accuracy"] >= 0.98
        assert scalars["plain_accuracy"] == pytest.approx(1 / 3, abs=0.01)
        assert scalars["skip_flow"] == pytest.approx(0.1, abs=0.1)
        # (1/6)^20 = 10^-15.6, and 0.7 less at width 32.
        assert scalars["plain_flow"] == pytest.approx(-16.3, abs=0.4)
        assert scalars["best_accuracy"] == pytest.approx(1.0, abs=1e-6)

    def test_a_shallow_network_does_without_skip(self) -> None:
        scalars = ended(self.lab, depth=4).frame().scalars
        assert scalars["plain_accuracy"] > 0.9
        assert scalars["skip_accuracy"] > 0.95

    @pytest.mark.parametrize(
        "values",
        [
            {"depth": 10, "norm": True},
            {"depth": 10, "gain": 1.4},
            {"depth": 2, "width": 16, "gain": 1.6, "norm": True},
            {"depth": 14, "width": 48, "gain": 0.3},
            {"depth": 6, "noise": 0.6},
        ],
        ids=str,
    )
    def test_truths_hold_beside_the_defaults(self, values: dict[str, Any]) -> None:
        assert failed(ended(self.lab, **values)) == []

    @pytest.mark.full
    @pytest.mark.parametrize("norm", [False, True])
    @pytest.mark.parametrize("gain", [0.3, 0.577, 1.0, 1.414])
    @pytest.mark.parametrize("depth", [2, 20, 40])
    def test_gradients_are_as_predicted_everywhere(self, depth: int, gain: float, norm: bool) -> None:
        assert failed(ended(self.lab, depth=depth, gain=gain, norm=norm, width=16)) == []

    def test_both_networks_start_from_the_same_weights(self) -> None:
        state = Run(self.lab, make_params(self.lab, {}), 0).state
        assert np.array_equal(state.fits[0].w, state.fits[1].w)

    def test_the_exact_regions_are_those_of_the_best_classifier(self) -> None:
        run = ended(self.lab, depth=2)
        arrays = run.frame().arrays
        low, high, _, _ = arrays["exact_extent"]
        n = arrays["exact"].shape[0]
        state = run.state
        at = np.clip(((state.test_X - low) / (high - low) * (n - 1)).round().astype(int), 0, n - 1)
        agreed = arrays["exact"][at[:, 1], at[:, 0]] == spiral.best(state.test_X.astype(float), 0.8)
        assert agreed.mean() > 0.9
