"""These tests need tmux for a terminal and /proc to see what is left behind; elsewhere they are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from terminal.driver import PROC, TMUX, Terminal


@pytest.fixture(autouse=True)
def needs() -> None:
    if TMUX is None:
        pytest.skip("tmux is not installed: the tutor cannot be tried in a terminal here")
    if not (PROC / "self" / "environ").exists():
        pytest.skip("there is no /proc here to see which processes are left behind")


@pytest.fixture
def terminal(home: Path, needs: None) -> Iterator[Callable[..., Terminal]]:
    """Opens terminals of one learner; arguments as those of `Terminal`, without the home."""
    home.mkdir()
    with ExitStack() as opened:
        yield lambda *arguments, **options: opened.enter_context(Terminal(home, *arguments, **options))
