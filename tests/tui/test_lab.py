"""Labs on the screen: predict, run, turn, explain; and a host that comes and goes unnoticed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests_support import mnist, rest_in_full
from textual.widgets import Input
from tui_support import BANK, CHAPTER, PATIENCE, Learner, answer_keys, asks, charts, drawn, learning, progress

from tutor import paths
from tutor.course.load import load_chapter
from tutor.labs import client
from tutor.labs.protocol import Frame
from tutor.labs.registry import get
from tutor.labs.run import replay
from tutor.labs.spec import params_of
from tutor.progress import events as log
from tutor.settings import Settings, save_settings
from tutor.tui import pace
from tutor.tui.screens import lab as lab_screen
from tutor.tui.screens.lab import LabScreen
from tutor.tui.screens.lesson import LessonScreen
from tutor.tui.screens.predict import PredictScreen
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.today import TodayScreen

LABS = load_chapter(paths.content_dir(), CHAPTER).labs
SVD = get("svd-digits")
FULL_SPEED = ["plus"] * 3
QUARTER_SPEED = ["minus"] * 2


async def open_lab(learner: Learner, lab: str = "svd-digits") -> LabScreen:
    """Open a lab from Today and wait until its charts stand there."""
    await learner.chooses(f"lab:{lab}")
    screen = await learner.on(LabScreen)
    await drawn(learner, screen)
    return screen


async def frame(learner: Learner, screen: LabScreen, wanted: Callable[[Frame], bool]) -> Frame:
    """Wait for a frame of this lab as it is wanted."""
    await learner.until(
        lambda: screen.frame is not None and screen.frame.lab == screen.lab.id and wanted(screen.frame), "for a frame"
    )
    assert screen.frame is not None
    return screen.frame


async def run_to_the_end(learner: Learner, screen: LabScreen) -> Frame:
    await learner.press(*FULL_SPEED, "space")
    return await frame(learner, screen, lambda frame: frame.done)


def predicted(lab: str = "svd-digits", value: float = 0.7) -> None:
    """The learner has predicted before."""
    with progress() as store:
        store.record(log.Prediction(item=lab, value=value))


def runs() -> list[log.LabRun]:
    """The runs that another program finds in the log."""
    with progress() as store:
        return [row.event for row in store.events("lab_run") if isinstance(row.event, log.LabRun)]


def alive(pid: int | None) -> bool:
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


# -- opening ---


@pytest.mark.parametrize("lab", LABS)
async def test_a_lab_opens_paused_with_its_charts_and_knobs(lab: str) -> None:
    async with learning() as learner:
        screen = await open_lab(learner, lab)
        await learner.sees("■ paused step 0/", "seed 0", screen.lab.title)
        shown = await drawn(learner, screen)
        assert shown == [chart.id for chart in screen.lab.charts][: len(shown)]
        for chart in screen.lab.charts[: len(shown)]:
            assert learner.part(f"#chart-{chart.id}").startswith(chart.title)
        for knob in screen.knobs:
            assert knob.name.replace("_", " ") in learner.part("#knobs")
        assert screen.knobs[0].help in learner.part("#knob-help")
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert runs() == []


@pytest.mark.parametrize("lab", LABS)
async def test_a_lab_runs_to_its_end_and_agrees_with_theory(lab: str) -> None:
    predicted(lab, 1.0)
    async with learning((120, 60)) as learner:
        screen = await open_lab(learner, lab)
        last = await run_to_the_end(learner, screen)
        await learner.sees("✓ done", f"step {last.step}/{last.step}")
        assert last.checks
        for said in ("✓", "theory", "measured"):
            await learner.until(
                lambda said=said: learner.part("#checks").count(said) == len(last.checks), f"for {said} of every check"
            )
        assert "✗" not in learner.part("#checks")
        [run] = runs()
        assert (run.item, run.steps, run.done, run.changes) == (lab, last.step, True, ())
        assert run.checks == {check.name: True for check in last.checks}
        again = replay(screen.lab, screen.lab.params(**run.params), run.seed, run.changes, run.steps)
        assert again.frame().scalars == pytest.approx(last.scalars, nan_ok=True)


# -- predict first ---


async def test_a_lab_that_loads_pytorch_says_so_until_it_is_there() -> None:
    for lab, said in ((get("digits-diffusion"), True), (SVD, False)):
        async with learning() as learner:
            # No frame ever comes.
            learner.app.host.open = lambda *args, **kwargs: None  # type: ignore[method-assign]
            learner.app.push_screen(LabScreen(lab))
            screen = await learner.on(LabScreen)
            assert ("PyTorch is being loaded" in screen.said) is said


async def test_what_the_lab_is_about_stands_there_until_the_first_step() -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await frame(learner, screen, lambda frame: frame.step == 0)
        assert learner.part("#outcome") == SVD.summary
        assert screen.query_one("#outcome").display
        # There is nothing to explain yet.
        assert not screen.check_action("explain", ())
        await learner.press("full_stop")
        await frame(learner, screen, lambda frame: frame.step == 1)
        assert not screen.query_one("#outcome").display


@pytest.mark.parametrize("key", ["space", "full_stop"])
async def test_nothing_runs_before_a_prediction(key: str) -> None:
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press(key)
        asked = await learner.on(PredictScreen)
        assert SVD.prediction.prompt.split(".")[0] in learner.part("#predict")
        await learner.press("escape")
        await learner.on(LabScreen)
        assert screen.frame is not None
        assert (screen.frame.step, screen.frame.running, screen.predicted) == (0, False, None)
        await learner.press(key)
        asked = await learner.on(PredictScreen)
        for text, says in [
            ("two", "two"),
            ("7", "It lies between 0 and 1. A percentage is typed as 25%."),
            ("-0.1", "It lies between 0 and 1."),
            ("?", "is not part of a formula. F1 helps."),
        ]:
            await learner.press(*text, "enter")
            await learner.until(lambda says=says: says in learner.part("#predict-unread"), f"for {says!r}")
            assert learner.app.screen is asked
            await learner.press(*["backspace"] * len(text))
        with progress() as store:
            assert store.events() == []
        await learner.press(*"70%", "enter")
        await learner.on(LabScreen)
        await frame(learner, screen, lambda frame: frame.step > 0)
        with progress() as store:
            assert [row.event for row in store.events("prediction")] == [log.Prediction(item="svd-digits", value=0.7)]
            assert store.draft("predict:svd-digits") == ""


async def test_a_half_typed_prediction_waits() -> None:
    async with learning() as learner:
        await open_lab(learner)
        await learner.press("space", *"0.6")
        assert learner.app.screen.query_one(Input).value == "0.6"
        await learner.press("escape", "space")
        await learner.on(PredictScreen)
        assert learner.app.screen.query_one(Input).value == "0.6"
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("space", "5", "enter")
        await learner.on(LabScreen)
        assert screen.predicted == 0.65


async def test_the_prediction_is_drawn_and_compared_in_the_end() -> None:
    async with learning() as learner:
        screen = await open_lab(learner)
        assert "your prediction" not in learner.words
        await learner.press("space", *"0.7", "enter")
        await learner.until(lambda: "your prediction" in learner.part("#chart-error"), "for the line")
        assert "You predicted" not in learner.words
        await learner.press(*FULL_SPEED)
        last = await frame(learner, screen, lambda frame: frame.done)
        outcome = f"You predicted 0.7; it is {last.scalars['rival20']:.4g}. {SVD.prediction.why} e explain what you saw"
        await learner.until(lambda: learner.part("#outcome") == outcome, f"for {outcome!r}")
        # It is asked once, and the line is there when the lab is opened again.
        await learner.press("escape")
        await learner.on(TodayScreen)
        screen = await open_lab(learner)
        assert "your prediction" in learner.part("#chart-error")
        await learner.press("full_stop")
        await frame(learner, screen, lambda frame: frame.step == 1)


async def test_the_first_run_is_the_one_that_was_asked_about() -> None:
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("shift+left", "right")
        assert screen.values["k"] == 11
        await learner.press("space", *"0.7", "enter")
        await learner.hears("as the question has them")
        assert screen.values["k"] == 20
        await learner.press(*FULL_SPEED)
        last = await frame(learner, screen, lambda frame: frame.done)
        assert last.scalars["rank"] == 20
        await learner.sees("You predicted 0.7")


# -- knobs ---


async def test_a_live_knob_changes_the_run_and_the_log_replays_it() -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await run_to_the_end(learner, screen)
        first = screen.frame
        assert first is not None
        await learner.press("shift+left")
        await frame(learner, screen, lambda frame: not frame.done)
        await learner.sees("■ paused", f"step {first.step}/{first.step + 10}")
        await learner.press("space")
        last = await frame(learner, screen, lambda frame: frame.done)
        assert last.scalars["rank"] == 10
        # The question was about the lab as it opens: another run does not answer it.
        told = "this run had others: d puts them back"
        await learner.until(lambda: learner.part("#outcome").endswith(told), f"for {told!r}")
        with_rival = learner.part("#chart-error")
        await learner.press("down", "down", "enter")
        assert screen.values["rival"] is False
        await learner.until(lambda: learner.part("#chart-error") != with_rival, "for the chart without the rival")
        await learner.press("escape")
        await learner.on(TodayScreen)
    once, twice = runs()
    assert (once.steps, once.changes) == (first.step, ())
    assert (twice.steps, twice.changes) == (last.step, ((first.step, "k", 10),))
    for run in (once, twice):
        assert run.params["k"] == 20, "the run began with 20"
    again = replay(SVD, SVD.params(**twice.params), twice.seed, twice.changes, twice.steps)
    assert again.frame().scalars == pytest.approx(last.scalars, nan_ok=True)


async def test_a_knob_that_is_not_live_starts_again() -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("full_stop", "full_stop")
        await frame(learner, screen, lambda frame: frame.step == 2)
        await learner.press("down", "right")
        await frame(learner, screen, lambda frame: frame.step == 0)
        assert screen.values["held_out"] == 0.3
        await learner.sees("■ paused step 0/")
        [run] = runs()
        assert (run.steps, run.done, run.params["held_out"]) == (2, False, 0.2)
        # What runs goes on running.
        await learner.press(*QUARTER_SPEED, "space")
        await frame(learner, screen, lambda frame: frame.running and frame.step > 0)
        await learner.press("left")
        await frame(learner, screen, lambda frame: frame.running and frame.total > frame.step)
        assert [run.params["held_out"] for run in runs()] == [0.2, 0.3]


async def test_a_knob_turned_right_after_a_restart_belongs_to_the_new_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 60.0)
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await run_to_the_end(learner, screen)
        os.kill(pid_of(learner), signal.SIGSTOP)
        try:
            await learner.press("r", "left")
        finally:
            os.kill(pid_of(learner), signal.SIGCONT)
        await frame(learner, screen, lambda frame: frame.step == 0)
        assert screen.changes == [(0, "k", 19)]
        assert screen.started["k"] == 20


def pid_of(learner: Learner) -> int:
    pid = learner.app.host.pid
    assert pid is not None
    return pid


async def test_a_typed_value_that_is_not_allowed_stays_for_correction() -> None:
    async with learning() as learner:
        screen = await open_lab(learner)
        line = screen.query_one("#value", Input)
        await learner.press("enter")
        assert line.display
        assert line.has_focus
        assert line.value == "20"
        assert "a whole number from 1 to 64" in learner.part("#knob-help")
        for typed, says in [
            ("many", "k: 'many' is not a whole number from 1 to 64"),
            ("7.5", "k: '7.5' is not a whole number from 1 to 64"),
            ("0", "k: 0 is not a whole number from 1 to 64"),
            ("100", "k: 100 is not a whole number from 1 to 64"),
            ("", "k: '' is not a whole number from 1 to 64"),
        ]:
            await learner.press("end", *["backspace"] * len(line.value), *typed, "enter")
            await learner.hears(says)
            assert line.display
            assert line.value == typed
            assert screen.values["k"] == 20
        await learner.press("7", "enter")
        assert not line.display
        assert screen.values["k"] == 7
        assert "k 7" in learner.part("#knobs")


async def test_escape_closes_the_line_and_then_the_lab() -> None:
    async with learning() as learner:
        screen = await open_lab(learner)
        line = screen.query_one("#value", Input)
        # In the line, keys of the lab are letters.
        await learner.press("enter", "q", "s", "g")
        assert learner.app.screen is screen
        await learner.press("escape")
        assert not line.display
        assert screen.values["k"] == 20
        assert learner.app.screen is screen
        await learner.press("escape")
        await learner.on(TodayScreen)


async def test_limits_hold_for_the_arrows_too() -> None:
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press(*["shift+right"] * 6)
        assert screen.values["k"] == 64
        await learner.press(*["shift+left"] * 8)
        assert screen.values["k"] == 1
        await learner.press("down", "left", "left", "left")
        assert screen.values["held_out"] == 0.0


async def test_choices_and_switches_turn_by_enter_and_arrows() -> None:
    async with learning() as learner:
        screen = await open_lab(learner, "whitening")
        assert screen.values["source"] == "gaussian"
        await learner.press("enter")
        assert screen.values["source"] == "digits"
        await learner.press("left")
        assert screen.values["source"] == "gaussian"
        assert "gaussian" in learner.part("#knobs")


async def test_knobs_and_seed_are_as_they_were_left() -> None:
    async with learning() as learner:
        await open_lab(learner)
        await learner.press("left", "left", "down", "right", "escape")
        await learner.on(TodayScreen)
        screen = await open_lab(learner)
        assert screen.values == {"k": 18, "held_out": 0.3, "rival": True, "data": ""}
        await learner.press("g", "escape")
        await learner.on(TodayScreen)
    async with learning() as learner:
        screen = await open_lab(learner)
        assert screen.values == {"k": 18, "held_out": 0.3, "rival": True, "data": ""}
        await learner.sees("seed 1")
        assert "k 18" in learner.part("#knobs")


async def test_knobs_that_no_longer_fit_are_as_the_lab_has_them() -> None:
    async with learning() as learner:
        for kept in ("nonsense", "[]", '{"values": {"gone": 1}}', '{"values": {"k": 999}}', '{"seed": "x"}'):
            with progress() as store:
                store.save_draft("lab:svd-digits", kept)
            screen = await open_lab(learner)
            assert screen.values == {"k": 20, "held_out": 0.2, "rival": True, "data": ""}
            assert screen.seed == 0
            await learner.press("escape")
            await learner.on(TodayScreen)


# -- the learner's own data ---


async def test_own_digits_are_used_from_the_settings_or_the_knob(tmp_path: Path) -> None:
    own = tmp_path / "mnist"
    own.mkdir()
    mnist(own, 120)
    paths.home()
    save_settings(paths.settings_file(), Settings(), data=str(own))
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        assert screen.values["data"] == str(own)
        assert "data ⟲ mnist" in learner.part("#knobs")
        await learner.press("enter", "end", "backspace", "backspace", *"70", "enter")
        await run_to_the_end(learner, screen)
        assert screen.frame is not None
        assert screen.frame.scalars["rank"] == 70


async def test_a_folder_without_digits_is_said_and_can_be_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("end", "enter")
        line = screen.query_one("#value", Input)
        assert line.display
        await learner.press(*"/nowhere", "enter")
        await learner.hears("data: /nowhere is not a folder")
        assert line.display
        await learner.press(*["backspace"] * 8, ".", "enter")
        await learner.hears("data: ")
        assert not line.display
        await learner.press("escape")
        await learner.on(TodayScreen)
        # The lab opens with what was chosen, says again what is wrong, and the knob mends it.
        learner.messages.clear()
        await learner.chooses("lab:svd-digits")
        screen = await learner.on(LabScreen)
        await learner.hears("data: ")
        assert screen.frame is None
        await learner.press("end", "enter", "end", "backspace", "enter")
        await frame(learner, screen, lambda frame: frame.step == 0)
        assert screen.values["data"] == ""


async def test_a_folder_in_the_settings_that_is_gone_is_said(tmp_path: Path) -> None:
    paths.home()
    save_settings(paths.settings_file(), Settings(), data=str(tmp_path / "gone"))
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.hears("gone is not a folder; the shipped data are used instead")
        assert screen.values["data"] == ""


# -- keys ---


async def test_step_play_pause_restart_and_seed() -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("full_stop")
        await frame(learner, screen, lambda frame: (frame.step, frame.running) == (1, False))
        await learner.press(*QUARTER_SPEED, "space")
        await frame(learner, screen, lambda frame: frame.running and frame.step > 1)
        await learner.sees("▶ running", "×0.25")
        await learner.press("space")
        held = await frame(learner, screen, lambda frame: not frame.running)
        assert held.step < held.total
        await learner.sees("■ paused")
        await learner.press("full_stop")
        await frame(learner, screen, lambda frame: frame.step == held.step + 1)
        await learner.press("r")
        await frame(learner, screen, lambda frame: (frame.step, frame.running) == (0, False))
        await learner.press("g")
        await learner.sees("seed 1")
        last = await run_to_the_end_from(learner, screen, "×0.25")
        # The same seed gives the same, another one something else.
        await learner.press("r")
        await frame(learner, screen, lambda frame: frame.step == 0)
        await learner.press("space")
        again = await frame(learner, screen, lambda frame: frame.done)
        assert again.scalars == pytest.approx(last.scalars, nan_ok=True)
        await learner.press("g", "space")
        other = await frame(learner, screen, lambda frame: frame.done and screen.seed == 2)
        assert other.scalars["rival20"] != last.scalars["rival20"]
    assert [(run.seed, run.done) for run in runs()] == [(0, False), (1, True), (1, True), (2, True)]


async def run_to_the_end_from(learner: Learner, screen: LabScreen, speed: str) -> Frame:
    await learner.sees(speed)
    await learner.press(*["plus"] * 5, "space")
    await learner.sees(" max ")
    return await frame(learner, screen, lambda frame: frame.done)


async def test_a_long_run_says_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "ENOUGH_SECONDS", 0.1)
    monkeypatch.setattr(lab_screen, "LONG_SECONDS", 0.0)
    predicted()
    async with learning() as learner:
        await open_lab(learner)
        await learner.press(*QUARTER_SPEED, "space")
        await learner.sees(" s left ")


async def test_play_after_the_end_begins_again() -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        last = await run_to_the_end(learner, screen)
        await learner.press(*["minus"] * 5, "space")
        await frame(learner, screen, lambda frame: frame.running and 0 < frame.step < last.step)
        # What came of the last run stays, so that the screen does not jump.
        assert screen.query_one("#outcome").display


async def test_a_live_knob_turned_after_the_end_says_how_it_runs_again() -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await run_to_the_end(learner, screen)
        ended = "The run has ended: space runs it again with these knobs."
        assert not learner.part("#lab-note").startswith(ended)
        await learner.press("down", "down", "enter")
        assert screen.values["rival"] is False
        await learner.until(lambda: learner.part("#lab-note").startswith(ended), f"for {ended!r}")
        await learner.press("space")
        await learner.until(lambda: ended not in learner.part("#lab-note"), "for the note of the new run")


async def test_a_prediction_in_a_chart_out_of_sight_is_named_by_its_title() -> None:
    async with learning(size=(80, 24)) as learner:
        await open_lab(learner)
        shown = next(chart.title for chart in SVD.charts if chart.id == SVD.prediction.chart)
        assert shown not in learner.words
        await learner.press("space", *"0.7", "enter", *FULL_SPEED)
        await learner.sees(f"You predicted 0.7 (in “{shown}”); it is")


async def test_d_puts_the_knobs_back_and_starts_again() -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("shift+left", "full_stop")
        await frame(learner, screen, lambda frame: frame.step == 1)
        await learner.press("d")
        await frame(learner, screen, lambda frame: frame.step == 0 and not frame.running)
        assert screen.values == {knob.name: knob.default for knob in params_of(SVD.params)}
        assert screen.changes == []


async def test_checks_without_room_are_scrolled_to() -> None:
    predicted("whitening")
    async with learning(size=(80, 24)) as learner:
        screen = await open_lab(learner, "whitening")
        last = await run_to_the_end(learner, screen)
        await learner.sees("You predicted")
        findings = screen.query_one("#findings")
        await learner.until(lambda: findings.max_scroll_y > 0, "for checks below")
        assert last.checks[0].name.split(",")[0] in learner.part("#findings")
        for _ in last.checks:
            await learner.press("pagedown")
        assert findings.scroll_y == findings.max_scroll_y
        assert f"measured {last.checks[-1].measured:.4g}" in learner.part("#findings")
        for _ in last.checks:
            await learner.press("pageup")
        assert findings.scroll_y == 0


@pytest.mark.parametrize("lab", rest_in_full(LABS))
async def test_every_chart_is_drawn_again_when_tab_comes_back_to_it(lab: str) -> None:
    predicted(lab)
    async with learning(size=(80, 24)) as learner:
        screen = await open_lab(learner, lab)
        await run_to_the_end(learner, screen)
        for _ in range(2):
            for _ in screen.lab.charts:
                await learner.press("tab")
                await drawn(learner, screen)


async def test_speed_has_ends() -> None:
    async with learning() as learner:
        await open_lab(learner)
        for keys, speed in [
            (["plus"], "×2"),
            (["equals_sign"], "×4"),
            (["plus", "plus"], "max"),
            (["minus"], "×4"),
            (["minus"] * 9, "×0.25"),
        ]:
            await learner.press(*keys)
            await learner.sees(f" {speed} seed")


async def test_tab_goes_round_the_charts() -> None:
    ids = [chart.id for chart in SVD.charts]
    async with learning((80, 24)) as learner:
        screen = await open_lab(learner)
        assert await drawn(learner, screen) == ids[:1]
        for chart in [*SVD.charts[1:], SVD.charts[0]]:
            await learner.press("tab")
            assert await drawn(learner, screen) == [chart.id]
            await learner.until(
                lambda chart=chart: learner.part(f"#chart-{chart.id}").startswith(chart.title), f"for {chart.title}"
            )
        await learner.press("shift+tab")
        assert await drawn(learner, screen) == ids[-1:]


async def test_zoom_and_resize_draw_the_charts_anew() -> None:
    ids = [chart.id for chart in SVD.charts]
    async with learning((140, 50)) as learner:
        screen = await open_lab(learner)
        many = await drawn(learner, screen)
        assert many == ids
        await learner.press("z")
        assert await drawn(learner, screen) == ids[:1]
        await learner.press("tab")
        assert await drawn(learner, screen) == ids[1:2]
        await learner.press("z")
        assert await drawn(learner, screen) == [*ids[1:], ids[0]]
        for size, wanted in [((80, 24), ids[1:2]), ((100, 34), ids[1:3])]:
            await learner.pilot.resize_terminal(*size)
            await learner.until(
                lambda wanted=wanted: [view.chart_id for view in charts(learner)] == wanted, f"for {wanted}"
            )
            await drawn(learner, screen)


async def test_another_theme_is_drawn_at_once() -> None:
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("tab")
        await drawn(learner, screen)
        assert screen.frame is not None
        dark = screen.frame.pictures
        await learner.commands("dark", "Dark or light")
        await frame(learner, screen, lambda frame: frame.pictures != dark and set(frame.pictures) == set(dark))


async def test_the_question_about_what_was_seen_comes_after_the_run() -> None:
    predicted()
    question = BANK[SVD.explain]
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("e")
        assert learner.app.screen is screen
        assert "Explain" not in learner.words
        await run_to_the_end(learner, screen)
        await learner.sees("e Explain")
        await learner.press("e")
        quiz = await learner.on(QuizScreen)
        assert await asks(learner, quiz) == question
        await learner.press(*answer_keys(quiz, True))
        await learner.sees("✓ Right")
        with progress() as store:
            [row] = store.events("answer")
            assert isinstance(row.event, log.Answer)
            assert (row.event.item, row.event.context) == (question.id, "lab:svd-digits")
        await learner.press("escape")
        await learner.on(LabScreen)
        # What was seen can be explained also when the next run has begun.
        await learner.press("r")
        await frame(learner, screen, lambda frame: frame.step == 0)
        await learner.sees("e Explain", "You predicted")


# -- what is logged on leaving ---


async def test_leaving_a_run_that_is_under_way_logs_it_once() -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("full_stop", "full_stop", "full_stop")
        await frame(learner, screen, lambda frame: frame.step == 3)
        assert runs() == []
        await learner.press("escape")
        await learner.on(TodayScreen)
        [run] = runs()
        assert (run.steps, run.done, run.seed) == (3, False, 0)


async def test_leaving_a_finished_run_does_not_log_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 60.0)
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await run_to_the_end(learner, screen)
        assert len(runs()) == 1
        # A restart that the host has not answered yet is not a run.
        pid = pid_of(learner)
        os.kill(pid, signal.SIGSTOP)
        try:
            await learner.press("r", "escape")
            await learner.on(TodayScreen)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert [run.done for run in runs()] == [True]


@pytest.mark.parametrize("way", ["quit", "today"])
async def test_a_run_is_kept_whichever_way_the_lab_is_left(way: str) -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("full_stop", "full_stop")
        await frame(learner, screen, lambda frame: frame.step == 2)
        if way == "quit":
            await learner.leaves("ctrl+q")
        else:
            await learner.commands("today", "Today")
            await learner.on(TodayScreen)
            assert learner.app.host.on_frame is None
        assert [run.steps for run in runs()] == [2]


# -- the host ---


@pytest.mark.parametrize("blow", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.full)])
async def test_a_host_that_is_lost_is_replaced_and_that_is_said(blow: signal.Signals) -> None:
    predicted()
    async with learning() as learner:
        screen = await open_lab(learner)
        await learner.press("left", *QUARTER_SPEED, "space")
        await frame(learner, screen, lambda frame: frame.running and frame.step > 1)
        lost = pid_of(learner)
        os.kill(lost, blow)
        if blow == signal.SIGSTOP:
            await learner.press("full_stop")  # which is never acknowledged
        await learner.hears("was started again; the run begins anew")
        await frame(learner, screen, lambda frame: (frame.step, frame.running) == (0, False))
        assert pid_of(learner) != lost
        await learner.until(lambda: not alive(lost), "for the old host to go")
        await learner.press(*["plus"] * 5, "space")
        last = await frame(learner, screen, lambda frame: frame.done)
        assert last.scalars["rank"] == 19
        run = runs()[-1]
        assert (run.params["k"], run.changes, run.steps) == (19, (), last.step)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """Another child of this process, which is nobody's business."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(timeout=30)


async def test_leaving_keeps_the_host_and_quitting_leaves_no_process(bystander: subprocess.Popen[bytes]) -> None:
    predicted()
    predicted("whitening")
    async with learning(host=True) as learner:
        await learner.until(lambda: learner.app.host.ready.is_set(), "for the host to be warm")
        pid = pid_of(learner)
        screen = await open_lab(learner)
        await learner.press(*QUARTER_SPEED, "space")
        await frame(learner, screen, lambda frame: frame.running)
        await learner.press("escape")
        await learner.on(TodayScreen)
        assert alive(pid)
        screen = await open_lab(learner, "whitening")
        await learner.press(*QUARTER_SPEED, "space")
        await frame(learner, screen, lambda frame: frame.running)
        assert pid_of(learner) == pid
        await learner.leaves("ctrl+q")
        async with asyncio.timeout(PATIENCE):
            while alive(pid):  # it has been killed; the system has yet to take it away
                await asyncio.sleep(0.01)
        assert bystander.poll() is None


async def test_a_lab_opened_over_another_gives_the_host_back() -> None:
    predicted()
    predicted("whitening")
    async with learning() as learner:
        first = await open_lab(learner)
        await learner.press("full_stop", "full_stop")
        await frame(learner, first, lambda frame: frame.step == 2)
        await learner.commands("lab whit", "Lab whitening")
        await learner.until(lambda: isinstance(learner.app.screen, LabScreen) and learner.app.screen is not first)
        second = learner.app.screen
        assert isinstance(second, LabScreen)
        await frame(learner, second, lambda frame: frame.step == 0)
        await learner.press("full_stop")
        await frame(learner, second, lambda frame: frame.step == 1)
        await learner.press("escape")
        await learner.until(lambda: learner.app.screen is first, "for the first lab")
        await frame(learner, first, lambda frame: frame.step == 0)
        await learner.press("full_stop")
        await frame(learner, first, lambda frame: frame.step == 1)
        await learner.press("escape")
        await learner.on(TodayScreen)
    assert [(run.item, run.steps) for run in runs()] == [("whitening", 1), ("svd-digits", 2), ("svd-digits", 1)]


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_the_lesson_leads_to_its_lab_and_back(key: str) -> None:
    async with learning() as learner:
        await learner.chooses(f"lesson:{SVD.lesson}")
        await learner.on(LessonScreen)
        await learner.press("l")
        screen = await learner.on(LabScreen)
        assert screen.lab is SVD
        await frame(learner, screen, lambda frame: True)
        await learner.press(key)
        await learner.on(LessonScreen)


async def test_knobs_are_kept_as_what_can_be_read_again() -> None:
    async with learning() as learner:
        await open_lab(learner)
        await learner.press("left")
    with progress() as store:
        kept = json.loads(store.draft("lab:svd-digits"))
    assert kept == {"values": {"k": 19, "held_out": 0.2, "rival": True, "data": ""}, "seed": 0}
