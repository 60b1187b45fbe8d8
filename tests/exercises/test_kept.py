"""What code printed is kept as long as nothing that it depends on has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tutor.exercises import kept
from tutor.exercises.kept import Kept


class Runs:
    """Counts what really runs; code `bad` fails."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def __call__(self, source: str) -> tuple[bool, str]:
        self.ran.append(source)
        return source != "bad", f"printed by {source}"


def session(file: Path, *sources: str) -> tuple[list[str], list[tuple[bool, str]]]:
    runs = Runs()
    run = Kept(runs, file)
    results = [run(source) for source in sources]
    run.save()
    return runs.ran, results


def test_what_ran_well_does_not_run_again_and_what_failed_does(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "blocks.json"
    first, results = session(file, "a", "b", "bad")
    assert first == ["a", "b", "bad"]
    again, same = session(file, "a", "b", "bad", "new")
    assert again == ["bad", "new"]
    assert same[:3] == results


def test_what_is_no_longer_in_the_course_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "blocks.json"
    session(file, "a", "b")
    session(file, "a")
    assert session(file, "b")[0] == ["b"]


def test_a_look_at_a_part_of_the_course_drops_nothing(tmp_path: Path) -> None:
    file = tmp_path / "blocks.json"
    session(file, "a", "b")
    part = Kept(Runs(), file)
    part("c")
    part.save(whole=False)
    assert session(file, "a", "b", "c")[0] == []


def test_other_kernels_mean_running_all_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "blocks.json"
    session(file, "a")
    monkeypatch.setattr(kept, "_world", lambda: "another")
    assert session(file, "a")[0] == ["a"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"x": 1}', "\x00\xff"])
def test_a_broken_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "blocks.json"
    file.write_text(text, encoding="utf-8")
    assert session(file, "a")[0] == ["a"]
    assert session(file, "a")[0] == []


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert session(tmp_path / "file" / "blocks.json", "a")[0] == ["a"]
