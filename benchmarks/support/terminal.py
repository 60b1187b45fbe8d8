"""A program in a pseudo-terminal: write keys, take the time of every byte it paints, and read the screen from them."""

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
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import TracebackType
from typing import Self

from rich.cells import cell_len

TOKEN = re.compile(
    rb"\x1b\[(?P<arguments>[0-9;?<>=]*)[ -/]*(?P<final>[@-~])"
    rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b[@-Z\\-_]"
    rb"|(?P<text>[^\x1b]+)"
)
SYNC_QUERY, SYNC_ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
"""Can the terminal hold back a paint until it is complete? Ours can, as most do."""
PAINT_BEGINS, PAINT_ENDS = b"\x1b[?2026h", b"\x1b[?2026l"

Cell = tuple[str, bytes]
"""Character and style (the arguments of the last SGR sequence)."""


class PtySession:
    """Runs a command in a terminal of the given size."""

    def __init__(self, command: list[str], columns: int = 120, rows: int = 40, env: dict[str, str] | None = None):
        self.columns, self.rows = columns, rows
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # As on a learner's machine: compiled files are kept.
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})})
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.chunks: list[tuple[float, bytes]] = []
        """All that was written, with the times at which it arrived."""
        self.ended = False
        self.processor_seconds = 0.0
        """What the process, without its children, has used; known once it has ended."""
        self._looked_at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            self._reap()
        os.close(self.fd)

    def _reap(self) -> None:
        _, _, usage = os.wait4(self.pid, 0)
        self.processor_seconds = usage.ru_utime + usage.ru_stime

    def send(self, keys: str) -> float:
        """Write keys and return when."""
        now = time.perf_counter()
        os.write(self.fd, keys.encode())
        return now

    def read(self, seconds: float) -> None:
        """Take in what arrives next, if anything does within the time."""
        ready, _, _ = select.select([self.fd], [], [], max(0.0, seconds))
        if not ready:
            return
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:  # how Linux says that the program has closed its end
            data = b""
        if not data:
            self.ended = True
            return
        self.chunks.append((time.perf_counter(), data))
        if SYNC_QUERY in data:
            os.write(self.fd, SYNC_ANSWER)

    def read_for(self, seconds: float) -> None:
        """Take in all that arrives within the time."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0 and not self.ended:
            self.read(left)

    def wait_for(self, text: str, seconds: float = 30.0) -> float:
        """Wait until a paint since the last call has brought the text; return when that paint was complete."""
        deadline = time.perf_counter() + seconds
        wanted = text.encode()
        raw = painted = b""
        while True:
            for at, data in self.chunks[self._looked_at :]:
                self._looked_at += 1
                raw += data
                end = _shown(raw)
                painted += TOKEN.sub(lambda token: token["text"] or b"", raw[:end])
                raw = raw[end:]
                if wanted in painted:
                    return at
            if time.perf_counter() > deadline or self.ended:
                when = "before the program ended" if self.ended else f"in {seconds:g} s"
                raise TimeoutError(f"{text!r} was not painted {when}; the screen:\n{self.screen().text()}")
            self.read(deadline - time.perf_counter())

    def wait_until(self, true: Callable[[Screen], bool], seconds: float = 30.0) -> None:
        """Wait until something holds of the screen."""
        deadline = time.perf_counter() + seconds
        while not true(screen := self.screen()):
            if time.perf_counter() > deadline or self.ended:
                raise TimeoutError(f"the screen is not as it should be:\n{screen.text()}")
            self.read(deadline - time.perf_counter())

    def forget(self) -> None:
        """Let the next `wait_for` look only at what arrives from now on."""
        self._looked_at = len(self.chunks)

    def wait_for_exit(self) -> float:
        """Read to the end and wait for the process; return when it was gone."""
        while not self.ended:
            self.read(30.0)
        self._reap()
        return time.perf_counter()

    def paints(self, since: float = 0.0) -> Iterator[tuple[float, Screen]]:
        """The screen after every complete paint since a time (always the same object, changed in place)."""
        screen = Screen(self.columns, self.rows)
        rest = b""
        for at, data in self.chunks:
            data = rest + data
            end = _shown(data)
            rest = data[end:]
            if end:
                screen.feed(data[:end])
                if at >= since:
                    yield at, screen

    def screen(self) -> Screen:
        """The screen as it is now."""
        screen = Screen(self.columns, self.rows)
        screen.feed(b"".join(data for _, data in self.chunks))
        return screen


class Screen:
    """The cells of a terminal that does what Textual asks of one: moves, styles and text."""

    def __init__(self, columns: int, rows: int) -> None:
        self.cells: list[list[Cell]] = [[(" ", b"")] * columns for _ in range(rows)]
        self._x = self._y = 0
        self._style = b""

    def feed(self, data: bytes) -> None:
        """Carry out what was written; it must not end within a sequence."""
        for token in TOKEN.finditer(data):
            if token["text"] is not None:
                self._write(token["text"].decode(errors="replace"))
                continue
            arguments = token["arguments"] or b""
            match token["final"]:
                case b"H":
                    row, _, column = arguments.partition(b";")
                    self._y, self._x = int(row or 1) - 1, int(column or 1) - 1
                case b"m":
                    self._style = b"" if arguments in {b"", b"0"} else arguments

    def _write(self, text: str) -> None:
        for character in text:
            width = _width(character)
            if character == "\n":
                self._y += 1
            elif character == "\r":
                self._x = 0
            elif width and self._y < len(self.cells) and self._x + width <= len(self.cells[self._y]):
                self.cells[self._y][self._x] = (character, self._style)
                if width == 2:
                    self.cells[self._y][self._x + 1] = ("", self._style)
                self._x += width

    def line(self, row: int) -> str:
        """The text of a row."""
        return "".join(character for character, _ in self.cells[row])

    def text(self) -> str:
        """All rows, without blanks at their ends."""
        return "\n".join(self.line(row).rstrip() for row in range(len(self.cells))).rstrip()

    def rows_with(self, text: str) -> list[int]:
        """The rows in which a text stands."""
        return [row for row in range(len(self.cells)) if text in self.line(row)]


def _shown(data: bytes) -> int:
    """How much of it a terminal shows: neither the beginning of a paint, nor of a sequence, nor of a character."""
    begun = data.rfind(PAINT_BEGINS)
    end = begun if begun > data.rfind(PAINT_ENDS) else len(data)
    last = data.rfind(b"\x1b", 0, end)
    if last >= 0 and not TOKEN.match(data, last, end):
        return last
    for size in range(1, min(4, end + 1)):
        byte = data[end - size]
        if byte >= 0xC0:
            return end - size if size < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else end
    return end


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    return 0 if character < " " else cell_len(character)
