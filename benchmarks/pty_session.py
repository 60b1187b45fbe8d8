"""A program in a pseudo-terminal: write keys, wait for text, take times. Shared by the benchmarks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from types import TracebackType
from typing import Self

ESCAPES = re.compile(
    rb"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b[@-Z\\-_]"
)


class PtySession:
    """Runs a command in a terminal of the given size."""

    def __init__(self, command: list[str], columns: int = 120, rows: int = 40, env: dict[str, str] | None = None):
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})})
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.output = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def send(self, keys: str) -> float:
        """Write keys and return when they were written."""
        os.write(self.fd, keys.encode())
        return time.perf_counter()

    def read(self, seconds: float) -> bytes:
        """Return what arrives within the time, b"" when nothing does."""
        ready, _, _ = select.select([self.fd], [], [], max(0.0, seconds))
        if not ready:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            return b""
        self.output += data
        return data

    def wait_for(self, text: str, seconds: float = 20.0) -> float:
        """Wait until the text stands in what was written since the last call; return when it was seen."""
        deadline = time.perf_counter() + seconds
        wanted = text.encode()
        while wanted not in ESCAPES.sub(b"", self.output):
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{text!r} was not drawn in {seconds} s")
            self.read(0.5)
        self.output = b""
        return time.perf_counter()
