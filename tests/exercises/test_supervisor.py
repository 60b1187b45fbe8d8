"""The two ways to see one's descendants: /proc where it has lists of children, `ps` elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tutor.exercises._supervisor import Processes

FAMILY = """
import os, time
middle = os.fork()
if middle == 0:
    last = os.fork()
    if last == 0:
        os.setsid()
        time.sleep(600)
    print(os.getpid(), last, flush=True)
time.sleep(600)
"""


class Family(NamedTuple):
    top: int
    middle: int
    last: int


@pytest.fixture
def family() -> Iterator[Family]:
    """A child of this process, its child and that one's child, which has a session of its own."""
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True) as top:
        assert top.stdout is not None
        members = Family(top.pid, *map(int, top.stdout.readline().split()))
        yield members
        kill(*members)


def kill(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("from_proc", [True, False])
def test_all_generations_are_seen(from_proc: bool, family: Family) -> None:
    processes = Processes()
    if from_proc and not processes.from_proc:
        pytest.skip("this system has no lists of children in /proc")
    processes.from_proc = from_proc
    found = processes.look()
    assert set(family) <= set(found)
    assert os.getpid() not in found
    assert os.getppid() not in found
    assert all(1 << 20 < found[pid] < 1 << 30 for pid in family)


def test_ps_still_finds_an_orphan_that_was_seen_before(family: Family) -> None:
    processes = Processes()
    processes.from_proc = False
    processes.look()
    kill(family.top, family.middle)
    os.waitpid(family.top, 0)
    assert family.last in processes.look()
    kill(family.last)
    while family.last in processes.look():
        time.sleep(0.005)
