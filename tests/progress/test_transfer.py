"""Export and import: nothing added, nothing lost, and nothing that is not ours let in."""

import copy
import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from progress_support import Act, Clock, acts, answer, live, tables

from tutor.errors import TutorError
from tutor.progress import events as log
from tutor.progress.store import VERSION, Store
from tutor.progress.transfer import export, import_file


@given(st.lists(acts(), max_size=30))
@settings(max_examples=25, deadline=None)
def test_export_import_export_is_byte_identical(history: list[Act]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clock = Clock()
        store = Store.open(folder / "one.db", clock)
        written = live(store, clock, history)
        assert export(store, folder / "one.json") == len(written)
        other = Store.open(folder / "two.db", clock)
        done = import_file(other, folder / "one.json")
        assert (done.new, done.known) == (len(written), 0)
        again = import_file(other, folder / "one.json")
        assert (again.new, again.known) == (0, len(written))
        export(other, folder / "two.json")
        store.close()
        other.close()
        assert (folder / "two.json").read_bytes() == (folder / "one.json").read_bytes()
        assert tables(folder / "two.db") == tables(folder / "one.db")


@pytest.fixture
def exported(tmp_path: Path) -> dict[str, Any]:
    """What an export holds."""
    store = Store.open(tmp_path / "source.db", Clock())
    quiz = store.start_quiz("review", ["q1"], 5, objectives=["o1"], chapter="c")
    store.record(answer("q1", quiz=quiz), chapter="c", seconds=12.5)
    store.record(log.PlanStart(start="2026-03-02", weeks=12))
    export(store, tmp_path / "good.json")
    store.close()
    found: dict[str, Any] = json.loads((tmp_path / "good.json").read_bytes())
    assert len(found["events"]) == 3
    return found


def event(place: int, /, **fields: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["events"][place]["event"].update(fields)


def of_row(place: int, /, **fields: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["events"][place].update(fields)


HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "another format": lambda data: data.update(format="anki"),
    "a newer version": lambda data: data.update(version=VERSION + 1, events=[{"kind": "new"}]),
    "no events": lambda data: data.pop("events"),
    "a key too many": lambda data: data.update(extra=1),
    "an unknown kind": event(1, kind="drop table"),
    "a field too many": event(1, extra=1),
    "a wrong type": event(1, response={"a": 1}),
    "a share above one": event(1, score=1.5),
    "a number that no column takes": event(0, seed=2**70),
    "no such day": event(2, start="2026-02-30"),
    "a day of another age": event(2, start="9999-12-31"),
    "no weeks": event(2, weeks=0),
    "an id that is none": of_row(1, id="../../etc/passwd"),
    "an id of another time": of_row(1, at="2026-03-02T10:00:07.000Z"),
    "a time that is none": of_row(1, at="2026-03-02T10:00"),
    "an hour that no day has": of_row(1, at="2026-03-02T25:00:00.000Z"),
    "no place on earth": of_row(1, offset=10**6),
    "time that runs back": of_row(1, seconds=-1),
    "more time than there is": of_row(1, seconds=1e300),
    "a row twice": lambda data: data["events"].append(data["events"][0]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_we_do_not_write_is_refused_in_one_line_and_nothing_changes(
    tmp_path: Path, exported: dict[str, Any], name: str
) -> None:
    data = copy.deepcopy(exported)
    HOSTILE[name](data)
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(data))
    refused(tmp_path, file)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"null",
        b"[]",
        b'{"format": "genai-tutor progress", "version": "two", "events": []}',
        b'{"format":"genai-tutor progress","version":2,"events":[{"id":',
        b'{"format":"genai-tutor progress","version":2,"events":' + b"[" * 100_000,
        b"\xff\xfe\x00",
        b"SQLite format 3\x00",
    ],
)
def test_what_is_no_export_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    refused(tmp_path, file)


def refused(tmp_path: Path, file: Path) -> None:
    store = Store.open(tmp_path / "mine.db", Clock())
    store.record(answer("q2"))
    before = store.events(), tables(tmp_path / "mine.db")
    with pytest.raises(TutorError) as caught:
        import_file(store, file)
    assert (store.events(), tables(tmp_path / "mine.db")) == before
    store.close()
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    assert len(message) < 400


def test_a_row_that_was_changed_under_its_id_is_refused(tmp_path: Path, exported: dict[str, Any]) -> None:
    store = Store.open(tmp_path / "source.db", Clock())
    changed = copy.deepcopy(exported)
    event(1, outcome="wrong")(changed)
    (tmp_path / "bad.json").write_text(json.dumps(changed))
    before = tables(tmp_path / "source.db")
    with pytest.raises(TutorError, match="differs"):
        import_file(store, tmp_path / "bad.json")
    assert tables(tmp_path / "source.db") == before
    store.close()


def test_a_row_of_the_future_is_refused_but_a_clock_may_be_a_little_ahead(
    tmp_path: Path, exported: dict[str, Any]
) -> None:
    late = Clock(Clock.now - timedelta(hours=20))
    store = Store.open(tmp_path / "slow.db", late)
    assert import_file(store, tmp_path / "good.json").new == 3
    store.close()
    late.forward(days=-2)
    store = Store.open(tmp_path / "slower.db", late)
    with pytest.raises(TutorError, match="future"):
        import_file(store, tmp_path / "good.json")
    assert store.events() == []
    store.close()


@pytest.mark.parametrize("name", ["missing", "folder"])
def test_a_file_that_cannot_be_read_or_written_gets_one_line(tmp_path: Path, name: str) -> None:
    store = Store.open(tmp_path / "mine.db", Clock())
    (tmp_path / "folder").mkdir()
    with pytest.raises(TutorError, match="cannot be read"):
        import_file(store, tmp_path / name)
    target = tmp_path / "folder" if name == "folder" else tmp_path / "nowhere" / "file.json"
    with pytest.raises(TutorError, match="cannot be written"):
        export(store, target)
    store.close()
    assert list((tmp_path / "folder").iterdir()) == []
    assert {file.name for file in tmp_path.iterdir()} == {"mine.db", "folder"}


def test_a_pipe_takes_the_bytes_and_a_link_stays_one(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "p.db")
    pipe, link, file = (tmp_path / name for name in ("pipe", "link", "file.json"))
    os.mkfifo(pipe)
    read = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    export(store, pipe)
    said, _ = read.communicate(timeout=30)
    file.touch()
    link.symlink_to(file)
    export(store, link)
    assert said == file.read_bytes() != b""
    assert pipe.is_fifo()
    assert link.is_symlink()
    store.close()


def test_an_export_takes_the_place_of_an_older_one_and_text_is_only_text(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "mine.db", Clock())
    file = tmp_path / "what? 100% é.json"
    export(store, file)
    store.record(log.Flag(item="q1", note="[/bold] \u2028 \x00 'quoted' \"twice\" 🎲"))
    export(store, file)
    other = Store.open(tmp_path / "other.db", Clock())
    assert import_file(other, file).new == 1
    assert other.events() == store.events()
    store.close()
    other.close()
