"""The real host process behind the real client: frames, obedience, and what happens when a lab goes wrong."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tutor.labs import client, protocol
from tutor.labs.client import LabHost
from tutor.labs.registry import get
from tutor.labs.run import Run, replay
from tutor.labs.spec import Chart, Series

LAYOUT: protocol.Layout = [("value", 40, 12)]


class Listener:
    """Collects what the host says, and waits for what is wanted."""

    def __init__(self, host: LabHost) -> None:
        self.host = host
        self.frames: list[protocol.Frame] = []
        self.troubles: list[str] = []
        self._news = asyncio.Event()
        host.on_frame = self._frame
        host.on_trouble = self._trouble

    def _frame(self, frame: protocol.Frame) -> None:
        self.frames.append(frame)
        self._news.set()

    def _trouble(self, message: str) -> None:
        self.troubles.append(message)
        self._news.set()

    async def until(self, wanted: Callable[[], Any]) -> None:
        async with asyncio.timeout(40):
            while not wanted():
                self._news.clear()
                await self._news.wait()

    async def frame(self, wanted: Callable[[protocol.Frame], bool]) -> protocol.Frame:
        await self.until(lambda: self.frames and wanted(self.frames[-1]))
        return self.frames[-1]

    def open(self, lab: str = "toy", **params: Any) -> None:
        layout = LAYOUT if lab == "toy" else [(chart.id, 40, 12) for chart in get(lab).charts]
        self.host.open(lab, params, 0, layout=layout, theme="dark", speed=0.0)


@pytest.fixture
async def listener(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listener]:
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", str(here))
    monkeypatch.setattr(client, "ANSWER_SECONDS", 15.0)  # a machine busy with other tests is slow
    host = LabHost([sys.executable, "-P", str(here / "toy_host.py")])
    listener = Listener(host)
    yield listener
    await host.aclose()


async def test_a_lab_opens_paused_runs_and_ends(listener: Listener) -> None:
    listener.open(steps=30)
    first = await listener.frame(lambda frame: True)
    assert (first.step, first.running, first.done, first.total) == (0, False, False, 30)
    assert len(first.pictures["value"]) == 12
    listener.host.play()
    last = await listener.frame(lambda frame: frame.done)
    assert (last.step, last.running) == (30, False)
    assert last.scalars == {"value": 30.0}
    assert last.checks[0].ok


async def test_step_pause_and_restart(listener: Listener) -> None:
    listener.open(steps=1000, trouble="slow")
    listener.host.step()
    await listener.frame(lambda frame: frame.step == 1)
    listener.host.play()
    await listener.frame(lambda frame: frame.running and frame.step > 5)
    listener.host.pause()
    held = await listener.frame(lambda frame: not frame.running)
    listener.host.step()
    await listener.frame(lambda frame: frame.step == held.step + 1)
    listener.host.restart({"steps": 7}, 1)
    again = await listener.frame(lambda frame: frame.step == 0)
    assert again.total == 7


async def test_frames_are_coalesced_and_the_newest_wins(listener: Listener) -> None:
    listener.open(steps=1000)
    await listener.frame(lambda frame: True)
    listener.host.play()
    await listener.frame(lambda frame: frame.done)
    # 1,000 steps at full speed take far less than 1,000 frames; the last shows the end.
    assert len(listener.frames) < 500
    assert listener.frames[-1].step == 1000
    steps = [frame.step for frame in listener.frames]
    assert steps == sorted(steps)


async def test_a_live_change_and_a_resize_are_shown_while_paused(listener: Listener) -> None:
    listener.open(steps=10)
    await listener.frame(lambda frame: True)
    listener.host.resize([("value", 60, 20)])
    await listener.frame(lambda frame: len(frame.pictures["value"]) == 20)
    listener.host.predict(5.0)
    wanted = "your prediction"
    await listener.frame(lambda frame: wanted in str(frame.pictures))


async def test_changes_in_the_host_give_what_a_replay_gives(listener: Listener) -> None:
    listener.open("svd-digits", k=10)
    listener.host.play()
    await listener.frame(lambda frame: frame.done)
    listener.host.change("k", 4)
    listener.host.play()
    last = await listener.frame(lambda frame: frame.done and frame.scalars.get("rank") == 4)
    lab = get("svd-digits")
    run = Run(lab, lab.params(k=10), 0)
    while not run.done:
        run.advance()
    again = replay(lab, lab.params(k=10), 0, [(run.step, "k", 4)], last.step)
    assert again.frame().scalars == last.scalars


async def test_noise_on_stdout_does_not_disturb(listener: Listener) -> None:
    listener.open(steps=20, trouble="print")
    listener.host.play()
    assert (await listener.frame(lambda frame: frame.done)).step == 20
    assert listener.troubles == []


async def test_a_lab_that_raises_is_held_and_said(listener: Listener) -> None:
    listener.open(steps=20, trouble="raise")
    listener.host.play()
    await listener.until(lambda: listener.troubles)
    assert "ValueError: [/bold] a lab's own fault" in listener.troubles[0]
    pid = listener.host.pid
    listener.host.restart({"steps": 3}, 0)
    listener.host.play()
    await listener.frame(lambda frame: frame.done and frame.total == 3)
    assert listener.host.pid == pid


async def test_a_value_that_is_not_allowed_is_said(listener: Listener) -> None:
    listener.open(steps=0)
    await listener.until(lambda: listener.troubles)
    assert "steps: 0 is not a whole number from 1 to 1000" in listener.troubles[0]


async def test_a_host_that_hangs_is_killed_and_replaced(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.3)
    listener.open(steps=20)
    await listener.frame(lambda frame: True)
    await listener.host.ready.wait()
    first = listener.host.pid
    listener.host.change("trouble", "hang")
    listener.host.step()
    # The step above never ends, so this one is never acknowledged.
    listener.host.step()
    await listener.until(lambda: listener.troubles)
    assert "was started again" in listener.troubles[0]
    await listener.frame(lambda frame: frame.step == 0 and len(listener.frames) > 1)
    assert first is not None
    assert listener.host.pid != first
    await gone(first)
    # The next host obeys, on a busy machine in its own time.
    monkeypatch.setattr(client, "ANSWER_SECONDS", 15.0)
    listener.host.change("trouble", "none")
    listener.host.play()
    await listener.frame(lambda frame: frame.done)


async def test_a_lab_that_is_long_in_loading_is_waited_for(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.3)
    await listener.host.start()
    await listener.host.ready.wait()
    first = listener.host.pid
    listener.open(steps=20, trouble="load")
    listener.host.predict(3.0)
    listener.host.play()
    await listener.frame(lambda frame: frame.done)
    assert listener.troubles == []
    assert listener.host.pid == first


async def test_a_host_that_dies_is_replaced_and_given_up_when_it_dies_again_and_again(listener: Listener) -> None:
    listener.open(steps=20)
    await listener.frame(lambda frame: True)
    listener.host.change("trouble", "die")
    listener.host.play()
    await listener.until(lambda: listener.troubles)
    assert "was started again" in listener.troubles[0]
    for deaths in (2, 3):
        listener.host.play()
        await listener.until(lambda n=deaths: len(listener.troubles) == n)
    assert "3 times in a row" in listener.troubles[-1]


async def test_closing_leaves_no_process(listener: Listener) -> None:
    listener.open(steps=1000, trouble="slow")
    listener.host.play()
    await listener.frame(lambda frame: frame.running)
    pid = listener.host.pid
    assert pid is not None
    await listener.host.aclose()
    await gone(pid)


def test_a_host_whose_ui_is_gone_ends() -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tutor.labs.host"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(client.__file__).parents[2])},
    )
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=30) == 0


def test_the_client_loads_no_numpy() -> None:
    code = "import sys, tutor.labs.client; print({'numpy', 'plotext', 'textual'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def gone(pid: int) -> None:
    """Wait until a host is gone: it has been killed, the system has yet to take it away."""
    async with asyncio.timeout(40):
        while alive(pid):
            await asyncio.sleep(0.01)


CHART = Chart("any", "Any chart", series=(Series("", "y", "x", "bars"),))


async def drawing(listener: Listener, y: list[float]) -> dict[str, protocol.Picture]:
    """Ask for a chart and wait for it."""
    pictures: dict[str, protocol.Picture] = {}
    listener.host.on_drawing = pictures.update
    arrays = {"x": [float(at) for at in range(len(y))], "y": y}
    listener.host.draw([CHART], arrays, layout=[("any", 30, 8)], theme="dark")
    async with asyncio.timeout(40):
        while not pictures:
            await asyncio.sleep(0.01)
    return pictures


def cells(picture: protocol.Picture) -> list[str]:
    return ["".join(text for text, _ in line) for line in picture]


async def test_charts_without_a_lab_are_drawn_for_the_room_there_is(listener: Listener) -> None:
    pictures = await drawing(listener, [1.0, 3.0, 2.0])
    assert list(pictures) == ["any"]
    lines = cells(pictures["any"])
    assert [len(line) for line in lines] == [30] * 8
    assert lines[0].startswith("Any chart")
    assert any("█" in line for line in lines)


async def test_an_open_lab_goes_on_while_a_chart_is_drawn(listener: Listener) -> None:
    listener.open(steps=1000, trouble="slow")
    listener.host.play()
    running = await listener.frame(lambda frame: frame.running and frame.step > 2)
    assert cells((await drawing(listener, [math.nan, 1e300, -math.inf]))["any"])
    await listener.frame(lambda frame: frame.running and frame.step > running.step)
    assert listener.troubles == []


async def test_only_what_was_asked_for_last_is_shown(listener: Listener) -> None:
    shown: list[dict[str, protocol.Picture]] = []
    listener.host.on_drawing = shown.append
    for rows in (5, 6, 7):
        listener.host.draw([CHART], {"x": [0.0], "y": [1.0]}, layout=[("any", 30, rows)], theme="dark")
    async with asyncio.timeout(40):
        while not shown:
            await asyncio.sleep(0.01)
    listener.open(steps=3)
    await listener.frame(lambda frame: True)  # nothing came late
    assert [len(pictures["any"]) for pictures in shown] == [7]


async def test_a_chart_asked_for_of_a_host_that_dies_is_drawn_by_the_next(listener: Listener) -> None:
    await drawing(listener, [1.0])
    first = listener.host.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    pictures: dict[str, protocol.Picture] = {}
    listener.host.on_drawing = pictures.update
    listener.host.draw([CHART], {"x": [0.0], "y": [1.0]}, layout=[("any", 30, 8)], theme="no-color")
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(40):
        while not pictures:
            await asyncio.sleep(0.01)
    assert listener.host.pid != first
    assert {style for line in pictures["any"] for _, style in line} <= {"", "bold"}
