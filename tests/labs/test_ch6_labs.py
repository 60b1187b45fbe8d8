"""What the labs of chapter 6 show, beyond what all labs keep to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests_support import finished as run

from tutor.errors import TutorError
from tutor.labs import charts, registry
from tutor.labs.run import Run
from tutor.labs.spec import Check, make_params

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2, 3, 4))]


def failed(done: Run[Any, Any]) -> list[Check]:
    return [check for check in done.checks() if not check.ok]


class TestEntropy:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(
        "values",
        [
            {"symbols": 2, "temperature": 0.4, "block": 8},
            {"symbols": 64, "model": 3.0},
            {"temperature": 10.0, "block": 2},
        ],
        ids=str,
    )
    def test_costs_agree_with_theory(self, values: dict[str, Any], seed: int) -> None:
        done = run("entropy", seed, **values)
        assert len(done.checks()) == 8
        assert failed(done) == []

    def test_known_figures_of_the_default(self) -> None:
        scalars = run("entropy").frame().scalars
        assert scalars["entropy"] == pytest.approx(2.6197, abs=1e-4)
        assert scalars["kl"] == pytest.approx(0.3459, abs=1e-4)
        assert scalars["adaptive"] - scalars["counted"] < 0.002
        assert run("entropy").frame().arrays["huffman_b"][:2] == pytest.approx([2.6816, 2.6344], abs=1e-4)

    def test_longer_blocks_come_closer(self) -> None:
        rates = run("entropy", symbols=2, temperature=0.4, block=8).frame().arrays
        assert rates["huffman_b"][0] == 1
        assert rates["huffman_b"][-1] - rates["floor_b"][0] < 0.02

    def test_the_best_model_is_the_source(self) -> None:
        arrays = run("entropy").frame().arrays
        assert arrays["T"][arrays["excess"].argmin()] == pytest.approx(1.0)
        assert arrays["excess"].min() == pytest.approx(0, abs=1e-12)

    def test_few_symbols_look_less_random_than_they_are(self) -> None:
        early = [
            Run(registry.get("entropy"), make_params(registry.get("entropy"), {"symbols": 64}), s) for s in range(20)
        ]
        gaps = []
        for begun in early:
            for _ in range(20):
                begun.advance()
            scalars = begun.frame().scalars
            gaps.append(scalars["counted"] - scalars["entropy"])
        assert np.mean(gaps) < -0.3

    def test_a_block_too_long_for_the_alphabet_is_refused(self) -> None:
        with pytest.raises(TutorError, match="block"):
            make_params(registry.get("entropy"), {"symbols": 64, "block": 3})


class TestKlDirections:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(
        "values",
        [{"start": 0.0}, {"w": 0.8, "start": 2.0}, {"a": 1.0}, {"gradient": "sampled"}, {"s": 1.5, "start_sd": 4.0}],
        ids=str,
    )
    def test_fits_reach_the_exact_optima(self, values: dict[str, Any], seed: int) -> None:
        done = run("kl-directions", seed, **values)
        assert len(done.checks()) >= 5
        assert failed(done) == []

    def test_known_figures_of_the_default(self) -> None:
        scalars = run("kl-directions").frame().scalars
        known = {
            "forward_kl": 0.61808,
            "reverse_kl": 0.69261,
            "forward_of_reverse": 11.9618,
            "reverse_of_forward": 1.5443,
            "reverse_missed": 0.5012,
            "forward_astray": 0.1711,
        }
        for name, value in known.items():
            assert scalars[name] == pytest.approx(value, abs=2e-3)

    @pytest.mark.parametrize("seed", range(3))
    def test_from_the_middle_the_wide_minimum_keeps_the_fit(self, seed: int) -> None:
        scalars = run("kl-directions", seed, start=0.0).frame().scalars
        assert scalars["reverse_kl"] == pytest.approx(1.37922, abs=1e-4)
        assert scalars["reverse_missed"] < 0.01
        assert len(run("kl-directions", seed, start=0.0).frame().arrays["minima_m"]) == 3

    def test_the_fork_opens_where_the_modes_are_far(self) -> None:
        arrays = run("kl-directions").frame().arrays
        close, wide = arrays["far"] < 2.3, arrays["far"] > 2.6
        assert np.abs(arrays["fork_right"][close]).max() < 0.01
        assert (arrays["fork_right"][wide] > 2.4).all()
        assert np.allclose(arrays["fork_left"], -arrays["fork_right"], atol=1e-3)


@pytest.mark.xdist_group("beta-vae")
class TestBetaVae:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.full
    def test_gaussian_data_bind_the_neural_model_too(self, seed: int) -> None:
        done = run("beta-vae", seed, source="gaussian")
        assert failed(done) == []
        assert len(done.checks()) == 7
        assert done.frame().scalars["neural_excess"] > -1

    @pytest.mark.full
    def test_digits_are_easier_than_their_gaussian(self) -> None:
        done = run("beta-vae")
        scalars = done.frame().scalars
        assert scalars["linear_used"] == 12
        assert scalars["gaussian_rate"] - scalars["rate"] > 2
        assert scalars["neural_excess"] < -5
        arrays = done.frame().arrays
        assert len(arrays["linear"]) == 6
        # The ELBO touches log p(x) at β = 1 alone.
        gaps = arrays["log_p"] - arrays["elbo"]
        assert gaps[2] == pytest.approx(0, abs=1e-3)
        assert (np.delete(gaps, 2) > 1).all()

    @pytest.mark.full
    @pytest.mark.parametrize("values", [{"latents": 4}, {"sd": 0.3}, {"beta": 1.0, "latents": 32}], ids=str)
    def test_other_knobs_reach_their_exact_optimum(self, values: dict[str, Any]) -> None:
        assert failed(run("beta-vae", **values)) == []

    def test_a_dear_kl_switches_everything_off(self) -> None:
        lab = registry.get("beta-vae")
        begun = Run(lab, make_params(lab, {"beta": 32.0, "sd": 0.5, "latents": 3}), 0)
        for _ in range(3):
            begun.advance()
        # β/16 = 2 and σ² = 0.25: the level 0.5 is above all but three variances.
        assert begun.frame().arrays["kl_exact"].shape == (3,)
        assert math.isfinite(begun.frame().scalars["linear_excess"])


@pytest.mark.parametrize("lab_id", ["entropy", "kl-directions", "beta-vae"])
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
