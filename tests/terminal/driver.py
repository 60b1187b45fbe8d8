"""A learner at a terminal: a shell inside a tmux server of its own, keys go in, the screen is read back."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests_support import leave_plan_open

TMUX = shutil.which("tmux")
PROMPT = "shell>"
START = '"$PYTHON" -m tutor; echo "exit code $?"'
"""What is typed to open the tutor; its exit code is on the screen afterwards."""
SECONDS = 60.0
"""How long anything may take before a test gives up."""
LOOK_SECONDS = 0.04
"""Time between two looks at the screen."""
SGR = re.compile(r"\x1b\[([0-9;:]*)m")
MODES = ("alternate_on", "cursor_flag", "keypad_flag", "keypad_cursor_flag", "mouse_any_flag", "mouse_sgr_flag")
PROC = Path("/proc")


class Terminal:
    """A terminal with a shell in it. `home` is where the tutor keeps its data; two terminals may share one.

    `env` adds to an environment that has nothing of this machine but PATH.
    """

    def __init__(self, home: Path, columns: int = 80, rows: int = 24, env: Mapping[str, str] | None = None) -> None:
        assert TMUX is not None
        # A socket's path has room for about 100 characters, which pytest's own folders can be longer than.
        self.folder = Path(tempfile.mkdtemp(prefix="tutor-"))
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "PS1": f"{PROMPT} ",
            "PYTHON": sys.executable,
            "GENAI_TUTOR_HOME": str(home),
            **(env or {}),
        }
        self.raw = self.folder / "raw"
        self.raw.touch()  # the pipe makes it only when the first text comes
        config = self.folder / "tmux.conf"
        config.write_text(
            "set -g status off\n"
            "set -g escape-time 0\n"
            "set -g remain-on-exit on\n"
            "set -g default-terminal xterm-256color\n"
            'set -ga terminal-overrides ",*:Tc"\n'
        )
        self._server = [TMUX, "-S", str(self.folder / "socket"), "-f", str(config)]
        # Ends the server, which is nobody's child, also when the tests are killed: then the pipe closes by itself.
        ending = f"read line; '{TMUX}' -S '{self.folder}/socket' kill-server 2>/dev/null; rm -rf '{self.folder}'"
        self._end = subprocess.Popen(["sh", "-c", ending], stdin=subprocess.PIPE, start_new_session=True)
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(self.folder), *self._shell())
        self._tmux("pipe-pane", f"cat >> '{self.raw}'")
        self._look_at_pane()
        self.wait_for_prompt()

    def _look_at_pane(self) -> None:
        shell, self.tty = self._tmux("display-message", "-p", "#{pane_pid} #{pane_tty}").split()
        self.shell = int(shell)

    def _shell(self) -> list[str]:
        return ["env", "-i", *(f"{name}={value}" for name, value in self.env.items()), "sh", "-i"]

    def _tmux(self, *command: str, text: str | None = None) -> str:
        done = subprocess.run(
            [*self._server, *command],
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        )
        assert done.returncode == 0, f"tmux {' '.join(command)}: {done.stderr}"
        return done.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        left = self.processes()
        self._end.communicate()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # -- keys ---

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names for them: `Enter`, `C-q`, `a` …, all in one write."""
        self._tmux("send-keys", "--", *keys)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._tmux("send-keys", "-l", "--", text)

    def paste(self, text: str) -> None:
        """Paste text; a program that has asked for it sees where it begins and ends."""
        self._tmux("load-buffer", "-", text=text)
        self._tmux("paste-buffer", "-p", "-r", "-d")

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal. tmux tells the program in it a quarter of a second later at times."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))
        line = os.open(self.tty, os.O_RDONLY | os.O_NOCTTY)
        try:
            wait_until(lambda: termios.tcgetwinsize(line) == (rows, columns))
        finally:
            os.close(line)

    # -- screen ---

    def screen(self) -> str:
        """What stands on the screen, a line for each row, without blanks at their ends."""
        return self._tmux("capture-pane", "-p")

    def rows(self) -> list[str]:
        """The rows of the screen."""
        return self.screen().split("\n")[:-1]

    def styled(self) -> str:
        """The screen with the sequences for colour and weight."""
        return self._tmux("capture-pane", "-p", "-e")

    def written(self) -> str:
        """All that was written to this terminal so far, with every escape sequence."""
        return self.raw.read_bytes().decode("utf-8", "replace")

    def modes(self) -> dict[str, object]:
        """What a program may leave changed: another screen, a hidden cursor, mouse reports, keys that do not echo."""
        shown = self._tmux("display-message", "-p", " ".join(f"#{{{mode}}}" for mode in MODES))
        line = os.open(self.tty, os.O_RDONLY | os.O_NOCTTY)
        try:
            settings = termios.tcgetattr(line)
        finally:
            os.close(line)
        pasting = re.findall(r"\x1b\[\?2004([hl])", self.written())
        return dict(zip(MODES, shown.split(), strict=True)) | {
            "settings": settings,
            "bracketed_paste": pasting[-1:] == ["h"],
        }

    def wait_for(self, wanted: str | Callable[[str], object], seconds: float = SECONDS) -> str:
        """Wait until a text is on the screen, or until the screen is as wanted; return the screen."""
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if wanted in screen if isinstance(wanted, str) else wanted(screen):
                return screen
            assert time.monotonic() < deadline, f"waited {seconds:g} s for {wanted!r}; the screen:\n{screen}"
            time.sleep(LOOK_SECONDS)

    def still(self, wanted: str | Callable[[str], object]) -> str:
        """Wait until the screen is as wanted and two looks at it agree: it may be seen half drawn; return it."""
        looks = [self.wait_for(wanted)]

        def agree() -> bool:
            looks.append(self.wait_for(wanted))
            return looks[-1] == looks[-2]

        wait_until(agree, what=lambda: f"the screen never stands still:\n{looks[-1]}")
        return looks[-1]

    def wait_for_prompt(self) -> str:
        """Wait until the shell asks for the next command; return the screen."""
        return self.wait_for(lambda screen: screen.rstrip().endswith(PROMPT))

    # -- processes ---

    def processes(self) -> dict[int, list[str]]:
        """Process id -> command line of all that was started in this terminal and lives, but for the shell.

        Whatever it is and wherever it went, it has inherited the terminal's HOME.
        """
        mark = f"HOME={self.folder}".encode()
        found = {}
        for entry in PROC.iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.shell:
                continue
            # It may end while it is looked at; a dead one that nobody has collected has no environment.
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    command = (entry / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
                    found[int(entry.name)] = command
        return found

    def tutor(self) -> int:
        """The process id of the tutor that runs in this terminal; what the shell starts is a shell for a moment."""

        def running() -> list[int]:
            tutors = [pid for pid, command in self.processes().items() if command[1:] == ["-m", "tutor"]]
            return [pid for pid in tutors if _stat(PROC / str(pid))[1] == self.shell]

        wait_until(running, what=lambda: f"no tutor among {self.processes()}")
        (pid,) = running()
        return pid

    def wait_until_idle(self) -> None:
        """Wait until every thread of the tutor waits: it has taken up what was pressed, however slow the machine."""
        tasks = PROC / str(self.tutor()) / "task"
        wait_until(lambda: all(_stat(task)[0] == "S" for task in tasks.iterdir()), what=lambda: "the tutor is busy")

    def wait_until_empty(self, seconds: float = SECONDS) -> None:
        """Wait until nothing runs in this terminal but the shell."""
        wait_until(lambda: not self.processes(), seconds, lambda: f"left behind: {self.processes()}")

    # -- the tutor ---

    def start(self, wanted: str | Callable[[str], object] = "Enter") -> str:
        """Open the tutor from the shell and wait for Today with what the learner did; return the screen.

        It asks nothing about the plan: that question counts as left open before.
        """
        leave_plan_open(Path(self.env["GENAI_TUTOR_HOME"]))
        self.type(START)
        self.press("Enter")
        return self.wait_for(wanted)

    def quit(self, key: str = "C-q") -> str:
        """Press the key that quits, wait for the shell and the end of every process; return the screen."""
        self.press(key)
        screen = self.wait_for_prompt()
        self.wait_until_empty()
        return screen

    def hang_up(self) -> None:
        """Close the window with all that runs in it, as a click on its corner does."""
        self._tmux("set-option", "-g", "remain-on-exit", "off", ";", "kill-pane")

    def kill(self) -> None:
        """Kill the tutor and its process group at once, wait until nothing of it is left, and open a new shell."""
        os.killpg(os.getpgid(self.tutor()), signal.SIGKILL)
        self.wait_until_empty()
        self._tmux("respawn-pane", "-k", "-c", str(self.folder), *self._shell())
        self._look_at_pane()
        self.wait_for_prompt()


def _stat(process: Path) -> tuple[str, int]:
    """(state, parent) of a process or a thread in /proc; of one that is gone nothing."""
    with contextlib.suppress(OSError):
        # They come after the command's name, which may hold anything.
        state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
        return state, int(parent)
    return "", 0


def wait_until(condition: Callable[[], object], seconds: float = SECONDS, what: Callable[[], str] = str) -> None:
    """Wait until a condition holds; fail with what `what` says when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s; {what()}"
        time.sleep(LOOK_SECONDS)


def colours(text: str) -> list[str]:
    """The parameters of all sequences that choose a colour; weight, slant and inversion are none."""
    found = []
    for match in SGR.finditer(text):
        codes = [int(code or 0) for code in re.split("[;:]", match[1])]
        if any(30 <= code <= 38 or 40 <= code <= 48 or 90 <= code <= 107 for code in codes):
            found.append(match[1])
    return found
