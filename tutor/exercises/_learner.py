"""Executes the learner's code; started as a script by `_supervisor.py`, with the limits already set.

Arguments: REPORT and LEAVE (descriptors), NAME (file name of the code). The code is on stdin. To REPORT go the stack
dumps of faulthandler and, at the end, `NUL outcome NUL message NUL`; each process that the code starts takes a byte
from LEAVE. It imports little, since its start is part of every run.
"""

import builtins
import faulthandler
import os
import resource
import signal
import sys
from types import TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"}
_MESSAGE_LIMIT = 2000
_MESSAGE_LINES = 8


class Source:
    """Lets linecache and inspect find the text of code that is in no file."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, name: str) -> str:
        """The code, whatever the module is called."""
        return self.text


def where(trace: TracebackType | None, name: str) -> str:
    """The learner's part of a traceback: `line 2 in f, called from line 9`; empty if it has none."""
    frames: list[tuple[int, str]] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == name:
            frames.append((trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    if not frames:
        return ""
    first, (line, function) = frames[0][0], frames[-1]
    text = f"line {line}"
    if not function.startswith("<"):
        text += f" in {function}"
    return text if first == line else f"{text}, called from line {first}"


def explain(error: BaseException, name: str) -> tuple[str, str]:
    """Outcome and message for an exception that the code did not handle."""
    place = where(error.__traceback__, name)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error)):
        return "limit", place
    if isinstance(error, SystemExit):
        text = f"sys.exit({error.code!r})"
    elif isinstance(error, SyntaxError) and error.filename == name:
        text, place = f"{type(error).__name__}: {error.msg}", f"line {error.lineno}" if error.lineno else ""
    elif isinstance(error, EOFError) and error.args == ("EOF when reading a line",):
        text = "EOFError: input() has nobody to ask here; give the value in the code"
    else:
        import traceback

        text = "".join(traceback.format_exception_only(type(error), error)).strip()
    first, *more = text.replace("\0", "\\0")[:_MESSAGE_LIMIT].split("\n")[:_MESSAGE_LINES]
    return "error", "\n".join([f"{first} ({place})" if place else first, *more])


def raise_memory_limit() -> None:
    """Use the hard limit: to say that the soft one was reached needs a little memory."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    except (ValueError, OSError):
        return


def flush(stream: "TextIO | None") -> None:
    """Flush a stream that the code may have closed or replaced by anything."""
    try:
        stream.flush()  # type: ignore[union-attr]
    except Exception:
        return


def main() -> None:
    """Execute the code and report how it ended."""
    report, leave, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    os.set_inheritable(report, False)
    os.set_inheritable(leave, False)
    faulthandler.enable(report, all_threads=False)
    faulthandler.register(signal.SIGUSR1, report, all_threads=False)
    faulthandler.register(signal.SIGXCPU, report, all_threads=False, chain=True)
    with open(0, "rb", closefd=False) as file:
        source = file.read().decode("utf-8", "surrogatepass")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    memory = resource.getrlimit(resource.RLIMIT_DATA)[0]

    # `kernels` lies beside `tutor`. Before the installed packages, for another package may have that name.
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    packages = [index for index, path in enumerate(sys.path) if path.endswith("-packages")]
    sys.path.insert(min(packages, default=len(sys.path)), root)
    sys.argv = [name]
    module = type(sys)("__main__")
    module.__dict__.update(__builtins__=builtins, __loader__=Source(source))
    sys.modules["__main__"] = module

    me = os.getpid()

    def say(outcome: str, message: str) -> None:
        os.write(report, f"\0{outcome}\0{message}\0".encode("utf-8", "replace"))

    def ask(event: str, args: tuple[object, ...]) -> None:
        """Hold a fork bomb back here, before the fork: faster than anyone could notice it."""
        if event in _STARTS and not os.read(leave, 1):
            say("processes", "")
            raise RuntimeError("no more processes")

    sys.addaudithook(ask)
    try:
        try:
            program = compile(source, name, "exec", dont_inherit=True)
        except MemoryError:
            raise SyntaxError("the code is nested too deeply to compile") from None
        exec(program, module.__dict__)
    except BaseException as error:
        if not (isinstance(error, SystemExit) and error.code in (None, 0)):
            raise_memory_limit()
            outcome, message = explain(error, name)
            if outcome == "limit":
                message = f"memory limit of {memory >> 20} MB reached" + (f", {message}" if message else "")
            flush(sys.stdout)
            if os.getpid() == me:
                say(outcome, message)
            else:
                os.write(2, f"process {os.getpid()}: {message}\n".encode())
            # Threads that the code has left running could keep a failed process alive.
            os._exit(1)
    if os.getpid() == me:
        say("ok", "")


if __name__ == "__main__":
    main()
