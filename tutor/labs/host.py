"""The lab host: a child process that runs kernels and draws charts. Start it with `python -P -m tutor.labs.host`.

One thread reads commands; the main thread takes them up between steps, so that a command waits for one step at most.
Frames are coalesced: the next is drawn only after the UI took the last one, and it shows what is newest then.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from typing import Any, BinaryIO

import numpy as np

from tutor.errors import TutorError
from tutor.labs import charts, protocol, registry
from tutor.labs.run import History, Run
from tutor.labs.spec import Chart, Frame, make_params

FRAME_SECONDS = 1 / 30
"""Least time between two frames."""
USUAL_SECONDS = 10.0
"""How long a whole run takes at the usual pace."""


class Host:
    """Holds the one lab that is open."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self.source = source
        self.sink = sink
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.run: Run[Any, Any] | None = None
        self.running = False
        self.dirty = False
        self.waiting = False
        """Whether a frame was sent that the UI has not taken yet."""
        self.seq = 0
        self.layout: protocol.Layout = []
        self.theme = charts.THEMES["dark"]
        self.prediction: float | None = None
        self.speed = 1.0
        self.next_step = 0.0
        self.next_frame = 0.0

    def serve(self) -> None:
        """Work until the UI closes the pipe."""
        threading.Thread(target=self._read, daemon=True).start()
        charts.warm()
        self._send(protocol.Ready())
        while True:
            command = self._next_command()
            if command is _END:
                return
            if command is not None:
                self._obey(command)
                continue
            self._work()

    def _read(self) -> None:
        while len(head := self.source.read(4)) == 4:
            self.inbox.put(protocol.commands.decode(self.source.read(int.from_bytes(head, "big"))))
        self.inbox.put(_END)

    def _send(self, reply: protocol.AnyReply) -> None:
        try:
            self.sink.write(protocol.pack(reply))
            self.sink.flush()
        except BrokenPipeError:
            os._exit(0)

    def _next_command(self) -> Any:
        """The next command; None when there is work to do first."""
        wait = self._idle_seconds()
        try:
            return self.inbox.get(timeout=wait) if wait else self.inbox.get_nowait()
        except queue.Empty:
            return None

    def _idle_seconds(self) -> float:
        """How long nothing has to be done; 0 when something has."""
        now = time.monotonic()
        due = []
        if self.running:
            due.append(self.next_step if self.speed else now)
        if self.dirty and not self.waiting:
            due.append(self.next_frame)
        return max(0.0, min(due) - now) if due else 3600.0

    def _obey(self, command: protocol.AnyCommand) -> None:
        self._send(protocol.Ack(command.id))
        try:
            self._carry_out(command)
        except TutorError as error:
            self._hold(str(error))
        except Exception as error:  # whatever a lab raises is said, and the host lives on
            self._hold(f"The lab failed: {type(error).__name__}: {error}")

    def _hold(self, message: str) -> None:
        self.running = False
        self.dirty = self.run is not None
        self._send(protocol.Failed(message))

    def _carry_out(self, command: protocol.AnyCommand) -> None:
        match command:
            case protocol.Shown():
                self.waiting = False
                return
            case protocol.Draw():
                self._send(protocol.Drawing(command.id, _drawn(command)))
                return
            case protocol.Open():
                self.run, self.running = None, False
                self.layout, self.prediction, self.speed = command.layout, command.prediction, command.speed
                self.theme = charts.THEMES[command.theme]
                self.waiting = False
                self._begin(command.lab, command.params, command.seed)
            case protocol.Close():
                self.run, self.running, self.dirty = None, False, False
            case protocol.Theme():
                self.theme = charts.THEMES[command.name]
            case protocol.Speed():
                self.speed = command.factor
            case protocol.Resize():
                self.layout = command.layout
            case protocol.Predict():
                self.prediction = command.value
        if self.run is None:
            return
        match command:
            case protocol.Play():
                self.running = not self.run.done
                self.next_step = time.monotonic()
            case protocol.Pause():
                self.running = False
            case protocol.Step():
                self.running = False
                if not self.run.done:
                    self.run.advance()
            case protocol.Restart():
                self.running = False
                self._begin(self.run.lab.id, command.params, command.seed)
            case protocol.Change():
                self.run.change(command.name, command.value)
        # What the learner asked for is shown at once, whatever frame is still under way.
        self.dirty = True
        self.next_frame = 0.0

    def _begin(self, lab_id: str, values: dict[str, Any], seed: int) -> None:
        lab = registry.get(lab_id)
        self.run = Run(lab, make_params(lab, values), seed)

    def _work(self) -> None:
        run = self.run
        if run is None:
            return
        now = time.monotonic()
        if self.running and (not self.speed or now >= self.next_step):
            try:
                run.advance()
            except Exception as error:  # as above
                self._hold(f"The lab failed at step {run.step}: {type(error).__name__}: {error}")
                return
            self.dirty = True
            if run.done:
                self.running = False
            if self.speed:
                pace = max(1, run.total) / USUAL_SECONDS * self.speed
                # Late steps are not caught up: the pace is a pace for the eye.
                self.next_step = max(self.next_step + 1 / pace, now)
        if self.dirty and not self.waiting and time.monotonic() >= self.next_frame:
            self._show(run)

    def _show(self, run: Run[Any, Any]) -> None:
        frame = run.frame()
        known = {chart.id: chart for chart in run.lab.charts}
        self.seq += 1
        self.dirty, self.waiting = False, True
        self.next_frame = time.monotonic() + FRAME_SECONDS
        self._send(
            protocol.Frame(
                seq=self.seq,
                lab=run.lab.id,
                step=run.step,
                total=run.total,
                running=self.running,
                done=run.done,
                note=frame.note,
                scalars={name: float(value) for name, value in frame.scalars.items()},
                checks=[_plain(check) for check in run.checks()],
                pictures={
                    chart_id: self._draw(run, known[chart_id], width, height)
                    for chart_id, width, height in self.layout
                    if chart_id in known
                },
            )
        )

    def _draw(self, run: Run[Any, Any], chart: Chart, width: int, height: int) -> protocol.Picture:
        prediction = self.prediction if chart.id == run.lab.prediction.chart else None
        return charts.draw(chart, run.history, width, height, self.theme, prediction)


def _drawn(command: protocol.Draw) -> dict[str, protocol.Picture]:
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in command.arrays.items()}
    history = History(Frame(0, {}, arrays))
    known = {chart.id: chart for chart in command.charts}
    return {
        chart_id: charts.draw(known[chart_id], history, width, height, charts.THEMES[command.theme])
        for chart_id, width, height in command.layout
    }


def _plain(check: Any) -> Any:
    """A check with Python's own floats: numpy's do not go through the pipe."""
    return check._replace(
        measured=float(check.measured),
        truth=float(check.truth),
        tolerance=float(check.tolerance),
        error=float(check.error),
    )


_END = object()


def main() -> None:
    """Serve the UI on the pipes this process was started with; nothing else may write to them."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    sys.stdin = open(os.devnull)  # noqa: SIM115 - it stays open as long as the process lives
    with contextlib.suppress(OSError):
        os.nice(5)
    Host(source, sink).serve()


if __name__ == "__main__":
    main()
