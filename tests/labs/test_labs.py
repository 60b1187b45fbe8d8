"""What every lab keeps to: its own truth, its seed, its ranges."""

from __future__ import annotations

import dataclasses
import itertools
import math
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest
from tests_support import finish, finished, mnist

from tutor.course.load import load_chapter, load_lesson, load_questions
from tutor.errors import TutorError
from tutor.labs import charts, registry
from tutor.labs.run import Run, replay
from tutor.labs.spec import Check, Lab, describe, make_params, params_of, with_minus
from tutor.paths import content_dir

LABS = registry.all_labs()
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in (1, 2, 3, 4))]
EARLY = 25
"""Steps within which what depends on the seed is seen."""


def each_lab() -> pytest.MarkDecorator:
    """All tests of a lab in one process, so that its default run is made once."""
    return pytest.mark.parametrize(
        "lab", [pytest.param(lab, id=lab.id, marks=pytest.mark.xdist_group(lab.id)) for lab in LABS]
    )


def same(a: Any, b: Any) -> bool:
    return set(a.arrays) == set(b.arrays) and all(
        np.array_equal(a.arrays[name], b.arrays[name], equal_nan=True) for name in a.arrays
    )


def advance(run: Run[Any, Any], steps: int) -> None:
    for _ in range(steps):
        if not run.done:
            run.advance()


@each_lab()
@pytest.mark.parametrize("seed", SEEDS)
def test_all_checks_pass_at_the_defaults(lab: Lab[Any, Any], seed: int) -> None:
    run = finished(lab.id, seed)
    assert run.checks()
    assert [check for check in run.checks() if not check.ok] == []
    assert run.step == run.total


@pytest.mark.full
@pytest.mark.parametrize("lab", [pytest.param(lab, id=lab.id) for lab in LABS if lab.quick])
@pytest.mark.parametrize("seed", range(5))
def test_all_checks_pass_at_the_defaults_of_long_labs(lab: Lab[Any, Any], seed: int) -> None:
    run = finish(Run(lab, lab.params(), seed))
    assert run.checks()
    assert [check for check in run.checks() if not check.ok] == []


@each_lab()
def test_the_prediction_has_an_answer_inside_its_range(lab: Lab[Any, Any]) -> None:
    truth = finished(lab.id, 0).frame().scalars[lab.prediction.scalar]
    assert lab.prediction.low <= truth <= lab.prediction.high
    assert lab.prediction.chart in {chart.id for chart in lab.charts}


def ends(lab: Lab[Any, Any], short: bool = False) -> dict[str, list[Any]]:
    """Both ends of every knob's range; all the choices of one that has choices. `short`: no longer than `quick`."""
    values: dict[str, list[Any]] = {}
    for knob in params_of(lab.params):
        if short and knob.name in lab.quick and knob.kind in {"int", "float"}:
            values[knob.name] = [type(knob.default)(knob.low or 0), lab.quick[knob.name]]
            continue
        match knob.kind:
            case "bool":
                values[knob.name] = [False, True]
            case "choice":
                values[knob.name] = list(knob.choices)
            case "int":
                values[knob.name] = [int(knob.low or 0), int(knob.high or 0)]
            case "float":
                values[knob.name] = [knob.low, knob.high]
    return values


def pairwise(values: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Few rows in which every two values of different knobs meet: greedily, the best of all corners first."""
    corners = [tuple(enumerate(row)) for row in itertools.product(*(range(len(each)) for each in values.values()))]
    wanted = {pair for corner in corners for pair in itertools.combinations(corner, 2)}
    rows = []
    while wanted:
        best = max(corners, key=lambda corner: len(wanted & set(itertools.combinations(corner, 2))))
        wanted -= set(itertools.combinations(best, 2))
        rows.append({name: values[name][at] for name, (_, at) in zip(values, best, strict=True)})
    return rows


def test_pairwise_rows_hold_every_pair_and_are_few() -> None:
    values = {"a": [0, 1], "b": [0, 1, 2], "c": [0, 1], "d": [0, 1]}
    rows = pairwise(values)
    for one, other in itertools.combinations(values, 2):
        assert {(row[one], row[other]) for row in rows} == set(itertools.product(values[one], values[other]))
    assert len(rows) < 12


def extremes(lab: Lab[Any, Any], short: bool = False) -> list[dict[str, Any]]:
    """Every two ends together; for runs to the end also every end with the other knobs at their defaults."""
    values = ends(lab, short)
    alone = [{**lab.quick, name: value} for name, each in values.items() for value in each] if short else []
    return alone + pairwise(values)


def within(lab: Lab[Any, Any], values: dict[str, Any]) -> dict[str, Any]:
    limits = lab.limits(lab.params(**values))
    return {
        name: type(value)(min(max(value, limits[name][0]), limits[name][1])) if name in limits else value
        for name, value in values.items()
    }


def has_room(note: str) -> bool:
    """Whether a note fits below the charts of the smallest terminal, 80 columns wide: two lines."""
    return len(textwrap.wrap(with_minus(note), 78, break_on_hyphens=False)) <= 2


@each_lab()
def test_the_last_note_has_room(lab: Lab[Any, Any]) -> None:
    note = finished(lab.id, 0).frame().note
    assert has_room(note), note


@each_lab()
@pytest.mark.filterwarnings("error")
def test_both_ends_of_every_range_run_and_draw(lab: Lab[Any, Any]) -> None:
    for values in extremes(lab):
        run = Run(lab, make_params(lab, within(lab, values)), 0)
        advance(run, 3)
        run.checks()
        assert has_room(run.frame().note), run.frame().note
        for chart in lab.charts:
            picture = charts.draw(chart, run.history, 50, 14, charts.DARK, 0.5)
            assert len(picture) == 14


@pytest.mark.full
@each_lab()
def test_both_ends_of_every_range_run_to_the_end(lab: Lab[Any, Any]) -> None:
    for values in extremes(lab, short=True):
        run = finish(Run(lab, make_params(lab, within(lab, values)), 0))
        assert all(math.isfinite(check.measured) for check in run.checks())


@each_lab()
def test_another_seed_gives_other_frames(lab: Lab[Any, Any]) -> None:
    one, other = (Run(lab, lab.params(), seed) for seed in (3, 4))
    for _ in range(EARLY):
        if not same(one.frame(), other.frame()):
            return
        advance(one, 1)
        advance(other, 1)
    pytest.fail("the seed changes nothing")


@pytest.mark.full
@each_lab()
def test_the_same_seed_gives_the_same_end(lab: Lab[Any, Any]) -> None:
    assert same(finished(lab.id, 0).frame(), finish(Run(lab, make_params(lab, lab.quick), 0)).frame())


@each_lab()
def test_a_step_does_not_change_the_state_it_was_given(lab: Lab[Any, Any]) -> None:
    params = lab.params()
    state = lab.init(params, np.random.default_rng(0))
    for _ in range(3):
        state = lab.step(params, state)
    first = lab.frame(params, lab.step(params, state))
    second = lab.frame(params, lab.step(params, state))
    assert same(first, second)


@each_lab()
def test_a_run_with_changes_replays_exactly(lab: Lab[Any, Any]) -> None:
    run = Run(lab, lab.params(), 5)
    live = [knob for knob in params_of(lab.params) if knob.live]
    for at, knob in enumerate(live):
        advance(run, 2)
        run.change(knob.name, knob.nudged(getattr(run.params, knob.name), -1 if at % 2 else 1))
    advance(run, 3)
    again = replay(lab, lab.params(), 5, run.changes, run.step)
    assert same(run.frame(), again.frame())


@each_lab()
def test_frames_hold_what_the_charts_name(lab: Lab[Any, Any]) -> None:
    frame = finished(lab.id, 0).frame()
    known = {*frame.arrays, *frame.scalars, "step"}
    for chart in lab.charts:
        for series in chart.series:
            assert {series.x, series.y} <= known
        # A group of pictures may be named in several ways, of which one applies.
        assert chart.kind == "xy" or {name for _, name in chart.images} & known


@each_lab()
def test_parameters_are_frozen_and_described(lab: Lab[Any, Any]) -> None:
    params = lab.params()
    knobs = params_of(lab.params)
    assert all(knob.help for knob in knobs)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(params, knobs[0].name, 1)


@each_lab()
def test_only_the_learners_folder_is_called_data(lab: Lab[Any, Any]) -> None:
    assert all(knob.kind == "path" for knob in params_of(lab.params) if knob.name == "data")


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (Check("E[x²]", 0.83812, 0.8405, 0.03, error=0.0061), "✓ E[x²]: theory 0.8405 · measured 0.8381 ± 0.0061"),
        (Check("bits", 104_960.2, 104_960.0, 0.25), "✓ bits: theory 104,960 · measured 104,960 (within 0.25)"),
        (Check("rate", -0.2, -0.3, 1e-10), "✗ rate: theory −0.3 · measured −0.2 (within 1e-10)"),
        (Check("ratio", 2.0, 5.0, 0.0, "<="), "✓ ratio: theory at most 5 · measured 2"),
        # A tolerance that the standard error does not explain is said beside it.
        (Check("off", 2.5, 0.3, 3.0, "<=", 0.3), "✓ off: theory at most 0.3 · measured 2.5 ± 0.3 (within 3)"),
        (Check("gap", math.nan, 0.0, 1.0), "✗ gap: theory 0 · measured nan (within 1)"),
    ],
)
def test_a_check_is_a_sentence(check: Check, line: str) -> None:
    assert describe(check) == line


def test_numbers_in_notes_have_their_minus_and_words_their_hyphen() -> None:
    assert with_minus("hλ = -2.4, 10^-16, [-1, 2e-05], low-1") == "hλ = −2.4, 10^−16, [−1, 2e-05], low-1"


def test_lists_name_labs_without_loading_them() -> None:
    code = "import sys; from tutor.labs import registry; print(*map(registry.title, registry.LABS), sep=chr(10));"
    code += "print(sorted({'numpy', *registry.LABS.values()} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert said == [*(lab.title for lab in LABS), "[]"]


def test_the_question_that_follows_a_lab_is_no_practice_of_a_lesson() -> None:
    content = content_dir()
    follows = {(lab.chapter, lab.explain) for lab in LABS}
    for chapter in {lab.chapter for lab in LABS}:
        assert {(chapter, name) for name in load_questions(content, chapter)} & follows
        for lesson in load_chapter(content, chapter).lessons:
            practised = load_lesson(content, chapter, lesson).head.questions
            assert not {(chapter, name) for name in practised} & follows, lesson


def test_labs_can_be_listed_without_loading_numpy() -> None:
    code = "import sys; from tutor.labs import registry; registry.all_labs(); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_lab_names_the_nearest() -> None:
    with pytest.raises(TutorError, match="svd-digits"):
        registry.get("svd-digit")


class TestSvdDigits:
    lab = registry.get("svd-digits")

    def test_the_rank_follows_k_down_and_up(self) -> None:
        run = finish(Run(self.lab, make_params(self.lab, {"k": 12}), 0))
        assert run.frame().scalars["rank"] == 12
        error = run.frame().scalars["error"]
        run.change("k", 5)
        finish(run)
        assert run.frame().scalars["rank"] == 5
        assert all(check.ok for check in run.checks())
        run.change("k", 12)
        finish(run)
        assert run.frame().scalars["error"] == pytest.approx(error, rel=1e-10)

    def test_held_out_images_lose_more_than_those_seen_and_random_directions_most(self) -> None:
        scalars = finish(Run(self.lab, self.lab.params(), 0)).frame().scalars
        assert scalars["error"] < scalars["held_error"] < scalars["rival_error"]

    def test_known_energies_of_all_images(self) -> None:
        run = finish(Run(self.lab, make_params(self.lab, {"k": 30, "held_out": 0.0}), 0))
        energy = run.frame().arrays["energy"]
        assert [round(float(energy[k]), 3) for k in (1, 5, 10, 20, 30)] == [0.149, 0.545, 0.738, 0.894, 0.959]
        assert run.frame().scalars["k90"] == 21

    def test_mnist_is_used_when_it_is_there(self, tmp_path: Any) -> None:
        mnist(tmp_path, 300)
        run = finish(Run(self.lab, make_params(self.lab, {"k": 200, "data": str(tmp_path)}), 0))
        assert run.frame().scalars["rank"] == 200
        assert run.frame().arrays["mixed"].shape[1:] == (28, 28)
        assert all(check.ok for check in run.checks())

    def test_unusable_mnist_is_said_in_one_line(self, tmp_path: Any) -> None:
        with pytest.raises(TutorError, match=r"data: .*train-images"):
            Run(self.lab, make_params(self.lab, {"data": str(tmp_path)}), 0)

    def test_k_beyond_the_data_is_refused(self) -> None:
        with pytest.raises(TutorError, match="not a whole number from 1 to 64"):
            make_params(self.lab, {"k": 65})


class TestWhitening:
    lab = registry.get("whitening")

    def test_the_often_seen_formula_fails_its_check(self) -> None:
        run = finish(Run(self.lab, make_params(self.lab, {"formula": "without n-1"}), 0))
        assert not run.checks()[0].ok
        assert run.frame().scalars["first_variance"] == pytest.approx(1 / 3999)

    def test_new_data_are_off_by_the_rate_of_the_law_of_large_numbers(self) -> None:
        frame = finish(Run(self.lab, self.lab.params(), 0)).frame()
        assert frame.scalars["own"] < 1e-12
        # d(d+1)/n for d = 16, n = 4000; the distance has relative spread 1/16 and the bound is 4 of them.
        assert frame.scalars["law"] == pytest.approx(math.sqrt(16 * 17 / 4000), rel=0.25)

    @pytest.mark.parametrize("mode", ["pca", "zca"])
    def test_digits_have_61_directions(self, mode: str) -> None:
        run = finish(Run(self.lab, make_params(self.lab, {"source": "digits", "mode": mode}), 0))
        assert all(check.ok for check in run.checks())
        assert run.frame().scalars["root_d"] == pytest.approx(math.sqrt(61))


class TestAttentionScaling:
    lab = registry.get("attention-scaling")

    def test_known_entropies(self) -> None:
        frame = finish(Run(self.lab, self.lab.params(), 0)).frame()
        at = {d: i for i, d in enumerate(frame.arrays["d"])}
        # Means over at least 200 heads: standard errors up to 0.03; the bounds are 4 of them and more.
        for d, unscaled, scaled in ((4, 1.78, 2.385), (64, 0.41, 2.356), (1024, 0.09, 2.356)):
            assert frame.arrays["entropy_unscaled"][at[d]] == pytest.approx(unscaled, abs=0.12)
            assert frame.arrays["entropy_scaled"][at[d]] == pytest.approx(scaled, abs=0.06)

    def test_the_heat_map_follows_the_width_asked_for(self) -> None:
        run = finish(Run(self.lab, self.lab.params(), 0))
        wide = run.frame().arrays["weights_unscaled"].copy()
        run.change("show", 4)
        assert run.frame().arrays["weights_unscaled"].max(axis=1).mean() < wide.max(axis=1).mean()
