"""Leads one run of learner code; started as a script by `child.py`, which documents the limits.

Arguments: CONTROL (descriptor whose end of file means: stop), SECONDS, MEMORY_MB, NAME (file name of the code), FOLDER
(removed at the end). The code is on stdin. The answer on stdout is `outcome NUL seconds NUL error NUL output`.
It imports little, since its start is part of every run.
"""

import os
import resource
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes

OUTPUT_LIMIT = 64 * 1024
"""Bytes of output that are kept; one more ends the run."""
PROCESS_LIMIT = 32
"""Processes of one run, the first one included."""
TOO_MANY_PROCESSES = b"\0processes\0"
"""What `_learner.py` reports when it has no leave to start another one."""

_FILE_LIMIT = 64 << 20
_MEMORY_HEADROOM = 64 << 20
"""Bytes between the soft and the hard memory limit, for the message that says the soft one was reached."""
_SHARED_ALLOWANCE = 256 << 20
"""Resident bytes beyond the limit: program text and library data, which RLIMIT_DATA does not count either."""
_TOO_MANY = f"stopped: more than {PROCESS_LIMIT} processes"
_TRACE_WAIT = 0.5
_KILL_WAIT = 2.0


class Processes:
    """The processes that descend from this one, with their resident memory in bytes."""

    def __init__(self) -> None:
        me = os.getpid()
        self.from_proc = os.path.exists(f"/proc/{me}/task/{me}/children")
        self.interval = 0.02 if self.from_proc else 0.25
        self._known: set[int] = set()

    def look(self) -> dict[int, int]:
        """Process id -> resident bytes, for the descendants that can be seen now: all, or too many of them."""
        return self._look_proc() if self.from_proc else self._look_ps()

    def _look_proc(self) -> dict[int, int]:
        found: dict[int, int] = {}
        todo = _children(os.getpid())
        while todo and len(found) <= PROCESS_LIMIT:
            pid = todo.pop()
            found[pid] = _resident(pid)
            todo += [child for child in _children(pid) if child not in found]
        return found

    def _look_ps(self) -> dict[int, int]:
        """`ps` is slow, but every system has it. Descendants seen before stay known when their parent is gone."""
        import subprocess

        try:
            command = ["ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "rss=", "-o", "stat="]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                text = process.communicate()[0]
        except OSError:
            return {}
        lines = [line.split() for line in text.splitlines()]
        # A dead process that nobody has collected yet (state Z) is no concern.
        rows = [tuple(map(int, line[:3])) for line in lines if not line[3].startswith(b"Z")]
        resident = {pid: kilobytes * 1024 for pid, _, kilobytes in rows if pid != process.pid}
        children: dict[int, list[int]] = {}
        for pid, parent, _ in rows:
            children.setdefault(parent, []).append(pid)
        todo = [os.getpid(), *self._known]
        found: dict[int, int] = {}
        while todo:
            pid = todo.pop()
            if pid in resident and pid not in found and pid != os.getpid():
                found[pid] = resident[pid]
            todo += [child for child in children.get(pid, ()) if child in resident and child not in found]
        self._known = set(found)
        return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += map(int, file.read().split())
    except OSError:
        pass  # it has just ended
    return found


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class Run:
    """One run: its process, its pipes and what is known about its end."""

    def __init__(self, control: int, seconds: float, memory_mb: int, name: str) -> None:
        self.control, self.seconds, self.memory_mb, self.name = control, seconds, memory_mb, name
        self.processor_seconds = int(seconds) + 2
        self.processes = Processes()
        self.output = bytearray()
        self.report = bytearray()
        self.status: int | None = None
        self.stopped: tuple[str, str] | None = None
        self.output_pipe, output_end = os.pipe()
        self.report_pipe, report_end = os.pipe()
        # A child's end must wake `select` at once.
        self.wake, wake_end = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(wake_end, False)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Each start of a process takes one byte from here; at the end of them there is no leave for more.
        leave, leave_end = os.pipe()
        os.write(leave_end, bytes(PROCESS_LIMIT - 1))
        os.close(leave_end)
        self.open_pipes = {self.output_pipe, self.report_pipe}
        self.started = time.monotonic()
        self.pid = self._start(output_end, report_end, leave)
        for end in (output_end, report_end, leave):
            os.close(end)

    def _start(self, output: int, report: int, leave: int) -> int:
        learner = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_learner.py")
        command = [sys.executable, "-u", "-P", learner, str(report), str(leave), self.name]
        libc = _libc()
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            if libc is not None:
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.set_inheritable(report, True)
            os.set_inheritable(leave, True)
            # The screen must stay quick beside the busiest code.
            os.nice(5)
            memory = self.memory_mb << 20
            _limit(resource.RLIMIT_DATA, memory, memory + _MEMORY_HEADROOM)
            _limit(resource.RLIMIT_CPU, self.processor_seconds, self.processor_seconds + 1)
            _limit(resource.RLIMIT_FSIZE, _FILE_LIMIT, _FILE_LIMIT)
            _limit(resource.RLIMIT_CORE, 0, 0)
            if libc is not None:
                tasks = _tasks() + 4 * PROCESS_LIMIT
                _limit(resource.RLIMIT_NPROC, tasks, tasks)
            os.execv(sys.executable, command)
        finally:
            os._exit(127)

    def watch(self) -> None:
        """Return when the code has ended or has to be stopped.

        Raises Cancelled when the control pipe closes.
        """
        deadline = self.started + self.seconds
        look = self.started + self.processes.interval
        while self.status is None and self.stopped is None:
            now = time.monotonic()
            if now >= deadline:
                self.stop("timeout", f"timed out after {self.seconds:g} s")
            elif now >= look:
                self._check_tree()
                look = time.monotonic() + self.processes.interval
            else:
                self._pump(min(deadline, look) - now)
                if len(self.output) > OUTPUT_LIMIT:
                    self.stop("limit", f"stopped: more than {OUTPUT_LIMIT // 1024} kB of output")
                elif TOO_MANY_PROCESSES in self.report:
                    self.stop("limit", _TOO_MANY)

    def _check_tree(self) -> None:
        found = self.processes.look()
        if len(found) > PROCESS_LIMIT:
            # Not started by Python, hence not held back: no time to ask for the line.
            self.stopped = "limit", _TOO_MANY
        elif sum(found.values()) > (self.memory_mb << 20) + _SHARED_ALLOWANCE:
            self.stop("limit", f"memory limit of {self.memory_mb} MB reached")

    def stop(self, outcome: str, message: str) -> None:
        """Note why the run ends, and ask the process for the line it is at."""
        self.stopped = outcome, message
        try:
            os.kill(self.pid, signal.SIGUSR1)
        except ProcessLookupError:
            return
        until = time.monotonic() + _TRACE_WAIT
        while self.status is None and not self.line() and (left := until - time.monotonic()) > 0:
            self._pump(left)

    def _pump(self, timeout: float) -> None:
        """Wait for news at most so long, and take in what the pipes hold."""
        ready, _, _ = select.select([self.control, self.wake, *self.open_pipes], [], [], max(0.0, timeout))
        if self.control in ready:
            raise Cancelled
        if self.wake in ready:
            os.read(self.wake, 4096)
        for pipe in self.open_pipes.intersection(ready):
            self._read(pipe)
        self._reap()

    def _read(self, pipe: int) -> bool:
        try:
            data = os.read(pipe, 65536)
        except BlockingIOError:
            return False
        if not data:
            self.open_pipes.discard(pipe)
            return False
        store = self.output if pipe == self.output_pipe else self.report
        # One byte beyond the limit tells that it was passed; what follows is thrown away.
        store += data[: max(0, OUTPUT_LIMIT + 1 - len(store))]
        return True

    def _reap(self) -> bool:
        """Collect the ended children; False when there is none left at all."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.status = status

    def kill(self) -> None:
        """Kill the code and everything it has started, and read what is left in the pipes."""
        ended = time.monotonic() - self.started
        # The group first: the kernel does that in one go, so that not even a fork bomb can outrun it.
        if self.status is None:
            _kill(-self.pid)
        until = time.monotonic() + _KILL_WAIT
        left = self._reap()
        while (found := self.processes.look()) or left:
            for pid in found:
                _kill(pid)
            if time.monotonic() > until:
                break
            time.sleep(0.001)
            left = self._reap()
        for pipe in tuple(self.open_pipes):
            os.set_blocking(pipe, False)
            while self._read(pipe):
                pass
        self.elapsed = ended

    def line(self) -> str:
        """`", line 7"` if the interpreter has said where in the learner's code it was, else nothing."""
        mark = f'File "{self.name}", line '.encode("ascii", "backslashreplace")
        _, found, rest = bytes(self.report).partition(mark)
        # The first frame of the code's own file is the innermost. Digits count once the word after them is there.
        number, complete, _ = rest.partition(b" ")
        return f", line {number.decode('ascii', 'replace')}" if found and complete else ""

    def answer(self) -> bytes:
        """The answer to `child.py`."""
        outcome, error = self._verdict()
        head = f"{outcome}\0{self.elapsed:.6f}\0{error}\0"
        return head.encode("utf-8", "replace") + bytes(self.output[:OUTPUT_LIMIT])

    def _verdict(self) -> tuple[str, str]:
        if self.stopped is not None:
            return self.stopped[0], self.stopped[1] + self.line()
        if len(self.output) > OUTPUT_LIMIT:
            return "limit", f"stopped: more than {OUTPUT_LIMIT // 1024} kB of output"
        status = 0 if self.status is None else self.status
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGXCPU:
                return "timeout", f"used more than {self.processor_seconds} s of processor time{self.line()}"
            known = number in set(signal.Signals)
            text = f"{signal.Signals(number).name} ({number})" if known else str(number)
            return "error", f"the process died of signal {text}{self.line()}"
        code = os.WEXITSTATUS(status)
        said = bytes(self.report).split(b"\0")
        if len(said) >= 4 and said[1] in (b"ok", b"error", b"limit") and (said[1] == b"ok") == (code == 0):
            return said[1].decode(), said[2].decode("utf-8", "replace")
        return "error", f"the process ended before its code did, with exit code {code}"


_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _libc() -> "ctypes.CDLL | None":
    """The C library on Linux, for prctl; nothing elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    return ctypes.CDLL(None)


def _tasks() -> int:
    """Tasks on this Linux system, hence at least as many as the user has: RLIMIT_NPROC counts those."""
    with open("/proc/loadavg", "rb") as file:
        return int(file.read().split()[3].split(b"/")[1])


def _limit(kind: int, soft: int, hard: int) -> None:
    """Lower a limit; where the system knows no such limit, do without."""
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    try:
        resource.setrlimit(kind, (soft, hard))
    except (ValueError, OSError):
        return


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _cancel(*_: object) -> None:
    raise Cancelled


def main() -> None:
    """Run the code on stdin under the limits in `sys.argv` and write the answer."""
    control, seconds, memory_mb, name, folder = sys.argv[1:]
    signal.signal(signal.SIGTERM, _cancel)
    libc = _libc()
    if libc is not None:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    run = Run(int(control), float(seconds), int(memory_mb), name)
    answer = b""
    try:
        run.watch()
        run.kill()
        answer = run.answer()
    except Cancelled:
        run.kill()
    os.chdir("/")
    _remove(folder)
    with open(1, "wb") as out:
        out.write(answer)


def _remove(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
