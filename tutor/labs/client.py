"""The UI's end of the lab host: starts it, talks to it, and replaces it when it does not obey. No numpy, no Textual."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

import msgspec

from tutor.labs import protocol
from tutor.labs.spec import Chart, Value

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""One thread is fastest at a lab's sizes and leaves the other core to the screen."""
ANSWER_SECONDS = 2.0
"""A host that has not acknowledged a command in this time is killed and replaced."""
START_SECONDS = 30.0
"""The first acknowledgement may take as long as loading numpy from a cold disk, and a lab's first frame, PyTorch."""
MOST_FAILURES = 3
"""Hosts in a row that may die before the lab is given up."""


class LabHost:
    """A host process and the lab that is open in it. All methods return at once; what comes back is called."""

    def __init__(self, command: Sequence[str] = (sys.executable, "-P", "-m", "tutor.labs.host")) -> None:
        self._command = command
        self.on_frame: Callable[[protocol.Frame], None] | None = None
        self.on_trouble: Callable[[str], None] | None = None
        self.on_drawing: Callable[[dict[str, protocol.Picture]], None] | None = None
        self.ready = asyncio.Event()
        """Set once the host has loaded what labs need."""
        self._process: asyncio.subprocess.Process | None = None
        self._starting = False
        self._tasks: set[asyncio.Task[None]] = set()
        """What goes on with the host that runs: listening to it and watching over it."""
        self._endings: set[asyncio.Task[None]] = set()
        """Hosts that were killed and are not gone yet."""
        self._pending: dict[int, float] = {}
        self._last_id = 0
        self._began = 0
        """Command with which the run began; a frame before its acknowledgement is of the run before."""
        self._loading = False
        """Whether that run has not shown its first frame yet: until then the host may be busy loading."""
        self._failures = 0
        self._closed = False
        self._opened: protocol.Open | None = None
        self._unsent: list[bytes] = []
        self._drawing: protocol.Draw | None = None
        """The charts that were asked for last, until they come."""
        self._drawing_id = 0

    @property
    def pid(self) -> int | None:
        """The process id of the host; None while there is none."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process, unless it runs or is being started."""
        if self._process is not None or self._starting or self._closed:
            return
        self._starting = True
        package_parent = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([package_parent, *filter(None, [os.environ.get("PYTHONPATH")])])
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": path},
                start_new_session=True,
            )
        except OSError as error:
            self._unsent = []
            self._pending.clear()
            self._say(f"The lab's process cannot be started ({error.strerror}); leave the lab and open it again.")
            return
        finally:
            self._starting = False
        if self._closed:
            await _end(process)
            return
        self._process = process
        self._pending = dict.fromkeys(self._pending, time.monotonic())
        for data in self._unsent:
            self._write(data)
        self._unsent = []
        self._tasks = {asyncio.create_task(self._listen(process)), asyncio.create_task(self._watch(process))}

    async def aclose(self) -> None:
        """Kill the host at once."""
        self._closed = True
        self._let_go()
        if self._endings:
            await asyncio.wait(self._endings, timeout=0.2)

    def _let_go(self) -> None:
        """Stop listening to the host and see it off."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        self._tasks = set()
        process, self._process = self._process, None
        if process is not None:
            self._keep(self._endings, _end(process, *tasks))

    # -- commands ---

    def open(
        self,
        lab: str,
        params: dict[str, Value],
        seed: int,
        *,
        layout: protocol.Layout,
        theme: str,
        speed: float,
        prediction: float | None = None,
    ) -> None:
        """Open a lab, paused at its first frame."""
        self._failures = 0
        self._opened = protocol.Open(
            lab=lab, params=params, seed=seed, layout=layout, theme=theme, speed=speed, prediction=prediction
        )
        self._send(self._opened)

    def close(self) -> None:
        """Forget the lab."""
        self._opened, self._loading = None, False
        self._send(protocol.Close())

    def play(self) -> None:
        """Run."""
        self._send(protocol.Play())

    def pause(self) -> None:
        """Hold."""
        self._send(protocol.Pause())

    def step(self) -> None:
        """One step."""
        self._send(protocol.Step())

    def restart(self, params: dict[str, Value], seed: int) -> None:
        """Begin the run again."""
        self._remember(params=dict(params), seed=seed)
        self._send(protocol.Restart(params=params, seed=seed))

    def change(self, name: str, value: Value) -> None:
        """Change a live parameter."""
        if self._opened is not None:
            self._remember(params={**self._opened.params, name: value})
        self._send(protocol.Change(name=name, value=value))

    def predict(self, value: float) -> None:
        """Draw the learner's prediction."""
        self._remember(prediction=value)
        self._send(protocol.Predict(value=value))

    def set_speed(self, factor: float) -> None:
        """Multiple of the lab's usual pace; 0 is as fast as it goes."""
        self._remember(speed=factor)
        self._send(protocol.Speed(factor=factor))

    def resize(self, layout: protocol.Layout) -> None:
        """Draw these charts at these sizes."""
        self._remember(layout=layout)
        self._send(protocol.Resize(layout=layout))

    def set_theme(self, name: str) -> None:
        """Draw in these colours."""
        self._remember(theme=name)
        self._send(protocol.Theme(name=name))

    def draw(
        self, charts: Sequence[Chart], arrays: dict[str, list[float]], *, layout: protocol.Layout, theme: str
    ) -> None:
        """Draw charts that belong to no lab; what was asked for before and has not come is forgotten."""
        self._failures = 0
        self._drawing = protocol.Draw(charts=list(charts), arrays=arrays, layout=layout, theme=theme)
        self._send(self._drawing)
        self._drawing_id = self._last_id

    def _remember(self, **changes: object) -> None:
        if self._opened is not None:
            self._opened = msgspec.structs.replace(self._opened, **changes)

    def _send(self, command: protocol.Command) -> None:
        if self._closed:
            return
        self._last_id += 1
        if isinstance(command, protocol.Open | protocol.Restart):
            self._began, self._loading = self._last_id, True
        self._pending[self._last_id] = time.monotonic()
        data = protocol.pack(msgspec.structs.replace(command, id=self._last_id))  # type: ignore[arg-type]
        if self._process is None:
            self._unsent.append(data)
            self._keep(self._tasks, self.start())
        else:
            self._write(data)

    def _keep(self, tasks: set[asyncio.Task[None]], work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _write(self, data: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                self._process.stdin.write(data)

    # -- replies ---

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while True:
                head = await process.stdout.readexactly(4)
                reply = protocol.replies.decode(await process.stdout.readexactly(int.from_bytes(head, "big")))
                self._take(reply)
        except (asyncio.IncompleteReadError, msgspec.DecodeError):
            await self._replace(process, "The lab's process ended")

    def _take(self, reply: protocol.AnyReply) -> None:
        match reply:
            case protocol.Ready():
                self.ready.set()
            case protocol.Ack():
                self._pending.pop(reply.id, None)
            case protocol.Frame():
                self._write(protocol.pack(protocol.Shown()))
                self._failures = 0 if reply.step else self._failures
                stale = self._began in self._pending or self._opened is None or reply.lab != self._opened.lab
                self._loading = self._loading and stale
                if self.on_frame is not None and not stale:
                    self.on_frame(reply)
            case protocol.Drawing():
                if reply.id == self._drawing_id:
                    self._drawing = None
                    if self.on_drawing is not None:
                        self.on_drawing(reply.pictures)
            case protocol.Failed():
                self._loading = False
                if self.on_trouble is not None:
                    self.on_trouble(reply.message)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        started = time.monotonic()
        while True:
            await asyncio.sleep(0.2)
            allowed = ANSWER_SECONDS if self.ready.is_set() and not self._loading else START_SECONDS
            oldest = min(self._pending.values(), default=None)
            now = time.monotonic()
            if oldest is not None and now - max(oldest, started) > allowed:
                await self._replace(process, "The lab did not answer")
                return

    async def _replace(self, process: asyncio.subprocess.Process, why: str) -> None:
        """Kill this host; if a lab was open, or charts were asked for, do that again in a new one."""
        if self._closed or self._process is not process:
            return
        self._let_go()
        self._pending.clear()
        self.ready.clear()
        self._failures += 1
        given_up = self._failures >= MOST_FAILURES
        if self._drawing is not None and not given_up:
            self._send(self._drawing)
            self._drawing_id = self._last_id
        if self._opened is None:
            return
        if given_up:
            self._opened = None
            self._say(f"{why} {self._failures} times in a row; leave the lab and open it again.")
            return
        self._say(f"{why} and was started again; the run begins anew.")
        self._send(self._opened)

    def _say(self, message: str) -> None:
        if self.on_trouble is not None:
            self.on_trouble(message)


async def _end(process: asyncio.subprocess.Process, *readers: asyncio.Task[None]) -> None:
    """Kill a host with all that it started, and read what it left in the pipe, or the pipe would stay open.

    `readers` were cancelled; only when they are done may another read.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.gather(*readers, return_exceptions=True)
    with contextlib.suppress(ConnectionError):
        await process.communicate()
