from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tui_support import wait_for_idle

from tutor import paths
from tutor.labs import client
from tutor.tui.screens.today import TodayScreen


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine busy with other tests is slow: the host has longer to answer, and idle is who has nothing to do."""
    monkeypatch.setattr(client, "ANSWER_SECONDS", 15.0)
    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", wait_for_idle)


@pytest.fixture
def course_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the course that the app reads and a test may spoil."""
    copy = tmp_path / "course"
    shutil.copytree(paths.content_dir(), copy)
    monkeypatch.setattr(paths, "content_dir", lambda: copy)
    return copy


@pytest.fixture
def first_chapter_only(course_copy: Path) -> Path:
    """The course as it is while only its first chapter is written."""
    for chapter in course_copy.glob("[0-9][0-9]-*"):
        if not chapter.name.startswith("01-"):
            shutil.rmtree(chapter)
    return course_copy


@pytest.fixture(autouse=True)
def unasked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks about the plan, but in tests of just that, which are marked so."""
    if "asked" not in request.keywords:
        monkeypatch.setattr(TodayScreen, "_ask", lambda screen: None)
