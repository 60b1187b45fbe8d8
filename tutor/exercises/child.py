"""Runs code that a learner reads or writes in a separate, limited, short-lived process.

Two processes work for one run. `_supervisor.py` leads, so that nothing here has to poll: it sets the limits, reads
the output, watches time, memory and the number of processes, and kills everything that the code started. `_learner.py`
executes the code. Both are plain scripts on the standard library; the current directory is not on their path, and
`kernels` is the one beside the `tutor` package that this file belongs to.

What ends a run: the end of the code, a limit, or the end of this process, however it dies (the supervisor holds a pipe
that then closes). Limits on each process: private memory (RLIMIT_DATA; the address space is not limited, for torch maps
far more than it uses), processor time, size of a file, no core file. Limits on all processes of a run together:
wall-clock time, resident memory, `PROCESS_LIMIT` processes, `OUTPUT_LIMIT` bytes of output.

On Linux no process survives a run, not even one that called setsid: orphans fall to the supervisor. Elsewhere (macOS)
there is no such rule and RLIMIT_DATA is not enforced: memory and processes are looked at four times a second, and a
process that leaves its parent and its group between two looks can escape. All this stops accidents. It is no wall
against malice: the code runs with the learner's own rights.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from tutor.exercises._supervisor import OUTPUT_LIMIT, PROCESS_LIMIT

__all__ = ["OUTPUT_LIMIT", "PROCESS_LIMIT", "Outcome", "RunResult", "arun_code", "clean_text", "run_code"]

Outcome = Literal["ok", "error", "timeout", "limit"]

_GRACE = 5.0
"""Seconds a supervisor may need beyond the time limit before it is itself taken for dead."""

_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")


@dataclass(frozen=True)
class RunResult:
    """What a run of learner code came to."""

    output: str
    """Standard output and standard error as printed, at most `OUTPUT_LIMIT` bytes, without control characters."""
    error: str
    """Empty if all went well, else a short message with the learner's line number where it is known."""
    outcome: Outcome
    """`ok`: ran to its end or left with `sys.exit(0)`; `error`: an exception, an exit code or a signal; `timeout`: wall
    or processor time; `limit`: memory, output or number of processes."""
    seconds: float
    """Wall-clock time from the start of the interpreter to the end of the code."""


def run_code(source: str, *, seconds: float = 10, memory_mb: int = 2048, name: str = "code") -> RunResult:
    """Run Python source as `__main__` in a child process with limits and wait for it.

    `seconds` is wall-clock time and includes imports; `memory_mb` bounds the private memory of each process and the
    resident memory of all; `name` is the file name shown in warnings. The code may import `kernels` and whatever is
    installed beside it; it reads nothing from stdin, has no terminal, and its working directory is empty and removed
    afterwards. Whatever the code does, the answer is a RunResult.

    Raises ValueError for a limit that is not positive and for an empty name.
    """
    with _prepared(source, seconds, memory_mb, name) as job, subprocess.Popen(job.command, **job.options) as process:
        try:
            answer, _ = process.communicate(timeout=seconds + _GRACE)
        except subprocess.TimeoutExpired:
            answer = b""
        finally:
            job.end()
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
    return _read_answer(answer)


async def arun_code(source: str, *, seconds: float = 10, memory_mb: int = 2048, name: str = "code") -> RunResult:
    """`run_code` for an event loop. Cancelling kills the run, and the cancellation ends when nothing of it is left."""
    with _prepared(source, seconds, memory_mb, name) as job:
        process = await asyncio.create_subprocess_exec(*job.command, **job.options)
        try:
            answer, _ = await asyncio.wait_for(process.communicate(), seconds + _GRACE)
        except TimeoutError:
            answer = b""
        finally:
            job.end()
            try:
                await asyncio.wait_for(process.wait(), _GRACE)
            except TimeoutError:
                process.kill()
    return _read_answer(answer)


_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor movements
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, pictures
    r"|\x1b[ -/]*[0-~]"
)
_CONTROLS = {
    **{code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n"},
    0x7F: "\u2421",
    **dict.fromkeys([*range(0x80, 0xA0), *range(0xD800, 0xE000)], "\ufffd"),
    # Marks that reorder the text around them would let a line read differently from what it is.
    **dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd"),
    0x2028: "\n",
    0x2029: "\n",
}


def clean_text(text: str) -> str:
    """Text that is safe on a terminal: escape sequences removed, other control characters made visible.

    Newlines and tabs stay, a carriage return becomes a newline. Markup such as `[b]` stays too: draw with markup off.
    """
    return _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


@dataclass
class _Job:
    """How to start a supervisor, and the write end of the pipe whose closing ends the run."""

    command: list[str]
    options: dict[str, Any]
    lifeline: int | None

    def end(self) -> None:
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None


@contextlib.contextmanager
def _prepared(source: str, seconds: float, memory_mb: int, name: str) -> Iterator[_Job]:
    if seconds <= 0 or memory_mb <= 0 or not name or "\0" in name:
        raise ValueError("run_code: seconds and memory_mb must be positive, name not empty")
    supervisor = Path(__file__).resolve().with_name("_supervisor.py")
    folder = tempfile.mkdtemp(prefix="genai-tutor-")
    read, write = os.pipe()
    job = _Job([], {}, write)
    try:
        with tempfile.TemporaryFile() as text:
            # A regular file rather than a pipe: long code cannot block, and the learner's process can read it again.
            text.write(source.encode("utf-8", "surrogatepass"))
            text.seek(0)
            limits = [str(read), repr(float(seconds)), str(memory_mb)]
            # -I drops the environment and the current directory before our own arguments are read.
            job.command = [sys.executable, "-I", "-S", str(supervisor), *limits, name, folder]
            job.options = {
                "stdin": text,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.DEVNULL,
                "pass_fds": (read,),
                "start_new_session": True,
                "cwd": folder,
                "env": _environment(folder),
            }
            yield job
    finally:
        job.end()
        os.close(read)
        # The supervisor has removed it, unless it was killed.
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: str) -> dict[str, str]:
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    return kept | {
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        # Sets print in the same order in every run: lessons show exact output.
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "MPLBACKEND": "Agg",
    }


def _read_answer(answer: bytes) -> RunResult:
    fields = answer.split(b"\0", 3)
    if len(fields) < 4:
        return RunResult("", "the process that watches over the code was killed", "error", 0.0)
    outcome, seconds, error = (field.decode("utf-8", "replace") for field in fields[:3])
    output = clean_text(fields[3].decode("utf-8", "replace"))
    return RunResult(output, clean_text(error), cast(Outcome, outcome), float(seconds))
