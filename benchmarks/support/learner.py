"""A learner's folder for a benchmark, and the way to a lab by keys."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from support.terminal import PtySession

TUTOR = [sys.executable, "-m", "tutor"]
DOWN = "\x1b[B"
QUIT = "\x11"
"""Ctrl+Q."""


@contextmanager
def learner(lab: str) -> Iterator[dict[str, str]]:
    """The environment of a learner who has predicted what a lab shows, so that Enter on Today opens it."""
    from tutor.progress.events import Prediction
    from tutor.progress.store import Store

    with TemporaryDirectory() as home:
        store = Store.open(Path(home) / "progress.db")
        store.record(Prediction(item=lab, value=0.5), chapter="linear-algebra")
        store.close()
        yield {"GENAI_TUTOR_HOME": home}


def open_lab(session: PtySession) -> None:
    """From the start to the lab with its first frame painted, which only a warm host sends."""
    session.wait_for("continues with")
    session.send("\r")
    session.wait_for("step 0/")


def full_speed(session: PtySession) -> None:
    """Turn the pace up as far as it goes."""
    session.send("+++")
    session.wait_for(" max ")
