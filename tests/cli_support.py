"""Running `genai-tutor` as a user does: as a process, with or without a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[1]
SCRIPT = str(Path(sys.executable).with_name("genai-tutor"))
ESCAPES = re.compile(
    rb"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b[@-Z\\-_]"
)


def run(
    *arguments: str, cwd: Path, command: Sequence[str] = (SCRIPT,), env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run genai-tutor without a terminal; what it writes is read as UTF-8."""
    return subprocess.run(
        [*command, *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=600,
    )


def refused(done: subprocess.CompletedProcess[str], *fragments: str) -> str:
    """Assert that it could not be done, and that one line on stderr says why; return the line."""
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("genai-tutor: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.endswith("\n")
    for fragment in fragments:
        assert fragment in done.stderr
    return done.stderr


class Terminal:
    """Runs a command in a pseudo-terminal."""

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str] | None = None,
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self.output = b""
        self.fd, theirs = pty.openpty()
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.fd)

    @property
    def text(self) -> str:
        """All that was written so far, without escape sequences."""
        return ESCAPES.sub(b"", self.output).decode("utf-8", "replace")

    def send(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    @property
    def last_words(self) -> str:
        """What was written after the screen was given back."""
        return ESCAPES.sub(b"", self.output.rpartition(b"\x1b[?1049l")[2]).decode("utf-8", "replace")

    def wait_for(self, pattern: str, seconds: float = 60) -> None:
        """Read until something was written that the pattern finds."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, f"{pattern!r} is not in {self.text[-2000:]!r}"
            assert self._read(1.0), f"ended without {pattern!r}: {self.text[-2000:]!r}"

    def wait(self, seconds: float = 60) -> int:
        """Read until the command ends; return its exit code."""
        deadline = time.monotonic() + seconds
        while self._read(1.0):
            assert time.monotonic() < deadline, f"still runs: {self.text[-2000:]!r}"
        return self.process.wait()

    def _read(self, seconds: float) -> bool:
        """Read what arrives within the time; False when nobody writes any more."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        # Linux raises at the end, macOS returns nothing.
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(self.fd, 1 << 16)
        self.output += data
        return bool(data)
