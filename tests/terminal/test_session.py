"""From the shell into the tutor and back, by every way out there is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import learner
from terminal.driver import PROMPT, START, Terminal, wait_until
from tests_support import leave_plan_open

from tutor.progress import events


def assert_given_back(window: Terminal, before: dict[str, object], code: int = 0) -> None:
    """The shell has its terminal as it was, the screen holds nothing of the tutor, and no process is left."""
    screen = window.wait_for_prompt()
    assert [line.rstrip() for line in screen.split("\n") if line] == [
        f"{PROMPT} {START}",
        f"exit code {code}",
        PROMPT,
    ]
    window.wait_until_empty()
    wait_until(lambda: window.modes() == before, what=lambda: f"{before} has become {window.modes()}")


def test_from_the_shell_through_a_lesson_and_back(terminal: Callable[..., Terminal], home: Path) -> None:
    window = terminal()
    before = window.modes()
    today = window.start()
    assert "Week 1 of 12" in today
    assert "starts Matrices: what a model does" in today
    assert "Continue" in learner.footer(today)
    assert "Quit" in learner.footer(today)
    assert len(today.split("\n")) == 25
    assert window.modes() != before

    window.press("Enter")
    window.wait_for(learner.readable(1))
    window.press("r")
    # Lessons show their output only once the learner has run the code.
    window.wait_for(lambda screen: "─ output" in screen and "124,439,808 parameters, 99.90% in matrices" in screen)
    for page in (2, 3, 4, 1):  # after the last page comes the next lesson
        window.press("n")
        window.wait_for(learner.readable(page))
    rows = window.still("⎡1 1⎤").split("\n")
    above = next(at for at, row in enumerate(rows) if "⎡1 1⎤" in row)
    # A formula in two dimensions: both rows of the matrix, one below the other.
    assert rows[above + 1].find("⎣0 1⎦") == rows[above].find("⎡1 1⎤")

    window.press("Escape")
    window.wait_for(lambda screen: "m Map" in screen and "page 1 of 6" in screen)
    window.press("q")
    assert_given_back(window, before)
    assert [json.loads(row[4])["page"] for row in learner.log(home)] == [1, 2, 3, 4, 1]


@pytest.mark.parametrize("redirected", ["", "</dev/null", ">out", "2>out", "| cat"])
def test_where_nothing_can_be_drawn_one_line_says_so(terminal: Callable[..., Terminal], redirected: str) -> None:
    window = terminal(columns=200, env={"TERM": "xterm-256color" if redirected else "dumb"})
    window.type(f'"$PYTHON" -m tutor {redirected}; echo "exit code $?"')
    window.press("Enter")
    window.wait_for(re.compile(r"exit code \d").search)
    screen = window.wait_for_prompt()
    said = [line for line in (window.folder / "out").read_text().split("\n") if line] if "2>" in redirected else []
    said += [line for line in screen.split("\n")[1:] if line and not line.startswith(PROMPT)]
    line, code = said
    assert line.startswith("genai-tutor: ")
    # A pipe has the exit code of its last command.
    assert code == ("exit code 0" if redirected == "| cat" else "exit code 2")
    assert "\x1b" not in window.written().partition('exit code $?"\r\n')[2].partition("exit code")[0]


def test_quitting_while_a_lab_runs_at_full_speed(terminal: Callable[..., Terminal], home: Path) -> None:
    learner.prepare(home, events.Prediction(item="attention-scaling", value=1.0))
    # Such a run has seconds of work left when it is ended.
    learner.keep(home, "lab:attention-scaling", '{"values": {"keys": 256, "d_max": 4096}}')
    window = terminal()
    before = window.modes()
    window.start()
    window.press("Enter")
    window.wait_for("Play")
    window.press("+", "+", "+", "Space")
    window.wait_for(lambda screen: "▶ running" in screen and " max " in screen)
    assert len(window.processes()) == 2
    window.press("C-q")
    assert_given_back(window, before)
    learner.assert_sound(home)


def test_quitting_while_code_of_a_lesson_runs(terminal: Callable[..., Terminal], home: Path) -> None:
    learner.prepare(home, events.Page(item="matrices", page=3, pages=4))
    window = terminal()
    before = window.modes()
    window.start()
    window.press("Enter")
    window.wait_for(learner.readable(3))
    window.press("r")
    window.wait_for("running")
    window.press("C-q")
    assert_given_back(window, before)


def half_typed(terminal: Callable[..., Terminal], home: Path) -> tuple[Terminal, dict[str, object]]:
    """A terminal in which a number of the checkpoint is half typed, and its modes before the start."""
    asked = ("la-null-space", "la-linear-collapse")
    learner.prepare(home, events.QuizStart(item="checkpoint:linear-algebra", questions=asked, seed=1))
    window = terminal()
    before = window.modes()
    window.start()
    window.press("Enter")
    window.wait_for(learner.answerable(1))
    window.type("12.5")
    window.wait_for(lambda screen: learner.box(screen) == ["12.5"])
    return window, before


def assert_resumed(window: Terminal) -> None:
    """After another start the half-typed number is there."""
    window.start()
    window.press("Enter")
    screen = window.wait_for(learner.answerable(1))
    assert learner.box(screen) == ["12.5"]
    window.quit()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, pytest.param(signal.SIGINT, marks=pytest.mark.full)])
def test_a_signal_that_ends_it_gives_the_terminal_back(
    terminal: Callable[..., Terminal], home: Path, number: signal.Signals
) -> None:
    window, before = half_typed(terminal, home)
    os.kill(window.tutor(), number)
    screen = window.wait_for_prompt()
    assert "Traceback" not in screen
    assert next(line for line in screen.split("\n") if line).startswith(f"{PROMPT} {START}")
    assert "Chapter" not in screen
    window.wait_until_empty()
    wait_until(lambda: window.modes() == before, what=lambda: f"{before} has become {window.modes()}")
    learner.assert_sound(home)
    assert_resumed(window)


def test_closing_the_window_ends_everything_in_it(terminal: Callable[..., Terminal], home: Path) -> None:
    window, _ = half_typed(terminal, home)
    assert len(window.processes()) == 2
    rows = learner.log(home)
    window.hang_up()
    window.wait_until_empty()
    assert learner.log(home) == rows
    learner.assert_sound(home)
    assert_resumed(terminal())


def test_a_terminal_that_goes_without_a_signal_ends_it() -> None:
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
    # A session of its own without a controlling terminal: nobody sends it a SIGHUP.
    tutor = subprocess.Popen([sys.executable, "-m", "tutor"], stdin=its, stdout=its, stderr=its, start_new_session=True)
    try:
        os.close(its)
        seen = b""
        while b"Week 1 of 12" not in seen:
            seen += os.read(ours, 65536)
        os.close(ours)
        assert tutor.wait(30) == 0
    finally:
        tutor.kill()


STOPPED_IN_A_WRITE = """
import os, signal, sys
from textual.drivers._writer_thread import WriterThread
from tutor.cli import main

write, stopped = WriterThread.write, []

def write_stopped(thread, text):
    if "How well" in text and not stopped:
        stopped.append(text)
        with thread._queue.mutex:
            os.kill(os.getpid(), signal.SIGTSTP)
    write(thread, text)

WriterThread.write = write_stopped
sys.argv = ["genai-tutor"]
main()
"""
"""The tutor, with the signal at the worst moment of drawing the map: what is to be written has a lock on it."""


def test_it_can_be_stopped_in_the_middle_of_a_write(home: Path) -> None:
    leave_plan_open(home)  # a question would take the key
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
    tutor = subprocess.Popen(
        [sys.executable, "-c", STOPPED_IN_A_WRITE], stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    state = Path(f"/proc/{tutor.pid}/stat")
    seen = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):  # the tutor has closed it
            while True:
                seen.extend(os.read(ours, 65536))

    reading = threading.Thread(target=read)
    reading.start()
    try:
        wait_until(lambda: b"Map" in seen)
        os.write(ours, b"m")
        wait_until(
            lambda: state.read_text().rpartition(")")[2].split()[0] == "T", what=lambda: repr(bytes(seen)[-500:])
        )
        seen.clear()
        os.kill(tutor.pid, signal.SIGCONT)
        wait_until(lambda: b"How well" in seen)
        os.write(ours, b"\x11")
        assert tutor.wait(30) == 0
    finally:
        tutor.kill()
        reading.join()
        os.close(ours)


def test_closing_the_window_while_a_lab_runs_ends_everything_in_it(
    terminal: Callable[..., Terminal], home: Path
) -> None:
    learner.prepare(home, events.Prediction(item="svd-digits", value=0.5))
    window = terminal()
    window.start()
    window.press("Enter")
    window.wait_for("Play")
    window.press("Space")
    window.wait_for("▶ running")
    window.hang_up()
    window.wait_until_empty()
    learner.assert_sound(home)


def escaped(window: Terminal) -> None:
    """Wait until Escape was taken for one: a key right after it would make another key of the two."""
    time.sleep(0.2)
    window.wait_until_idle()


@pytest.mark.parametrize("place", ["lesson", "quiz"])
@pytest.mark.parametrize("tries", [3, pytest.param(30, marks=pytest.mark.full)])
def test_a_screen_may_be_left_while_it_is_still_being_drawn(
    terminal: Callable[..., Terminal], home: Path, place: str, tries: int
) -> None:
    begun = {
        "lesson": events.Page(item="svd", page=3, pages=8),
        "quiz": events.QuizStart(item="checkpoint:linear-algebra", questions=("la-linear-collapse",), seed=1),
    }
    learner.prepare(home, begun[place])
    window = terminal()
    window.start()
    for n in range(tries):
        window.press("Enter")
        time.sleep(0.02 + 0.2 * n / tries)  # a moment of the drawing
        window.press("Escape")
        escaped(window)
        # Help says where the learner is now: still there if Escape came before the screen did.
        window.press("?")
        screen = window.wait_for(re.compile("Today shows|Space reads on|Every answer is saved|exit code").search)
        assert "exit code" not in screen
        window.press("Escape")
        window.wait_for(lambda screen: "m Map" in screen or "Back" in screen or "Leave" in screen)
        if "Today shows" not in screen:
            escaped(window)
            window.press("Escape")
        window.wait_for(lambda screen: "m Map" in screen and "Today shows" not in screen)
    assert "exit code 0" in window.quit()


def test_ctrl_c_says_how_to_quit_and_changes_nothing(terminal: Callable[..., Terminal], home: Path) -> None:
    window, before = half_typed(terminal, home)
    rows = learner.log(home)
    window.press("C-c")
    window.press("6")
    screen = window.wait_for(lambda screen: learner.box(screen) == ["12.56"])
    assert learner.log(home) == rows
    window.press("Escape")
    window.wait_for("m Map")
    window.press("C-c")
    screen = window.wait_for("quit")
    assert "Press" in screen
    window.press("C-q")
    assert_given_back(window, before)


@pytest.mark.parametrize("how", ["key", "signal"])
def test_it_can_be_stopped_and_brought_back(terminal: Callable[..., Terminal], home: Path, how: str) -> None:
    window = terminal()
    before = window.modes()
    window.start()
    today = window.still(lambda screen: "Low rank" in screen and "m Map" in learner.footer(screen))
    for _ in range(2):
        pid = window.tutor()
        if how == "key":
            window.press("C-z")
        else:
            os.kill(pid, signal.SIGTSTP)
        window.wait_for(lambda screen: "Stopped" in screen and screen.rstrip().endswith(PROMPT))
        wait_until(lambda: window.modes() == before, what=lambda: f"{before} has become {window.modes()}")
        window.type("fg")
        window.press("Enter")
        # It is drawn anew without waiting for a key.
        window.wait_for(lambda screen: screen == today)
        assert window.tutor() == pid
    window.press("m")
    window.wait_for("How well")
    window.press("C-q")
    window.wait_for_prompt()
    window.wait_until_empty()
    wait_until(lambda: window.modes() == before, what=lambda: f"{before} has become {window.modes()}")
