"""The log is all there is: whatever happens, no row is lost and the tables are what a rebuild makes of it."""

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from progress_support import OBJECTIVES, Act, Clock, acts, answer, live, tables

from tutor.progress import events as log
from tutor.progress.store import Store, steps_draft
from tutor.progress.transfer import export, import_file


@given(st.lists(acts(), max_size=40))
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_and_the_tables_are_a_rebuild_of_the_log(history: list[Act]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "progress.db"
        clock = Clock()
        store = Store.open(path, clock)
        written = live(store, clock, history)
        assert [row.id for row in store.events()] == written
        now = tables(path)
        store.rebuild()
        store.close()
        assert tables(path) == now


@given(st.lists(acts(undos=False), max_size=25), st.data())
@settings(max_examples=40, deadline=None)
def test_undo_leaves_what_there_would_be_without_the_row(history: list[Act], data: st.DataObject) -> None:
    """Any answer or reset, however long ago; but for the time it took."""
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        store = Store.open(Path(folder) / "done.db", clock)
        live(store, clock, history)
        rows = store.events()
        chosen = [row for row in rows if isinstance(row.event, log.Answer | log.Reset | log.Skip)]
        if chosen:
            gone = data.draw(st.sampled_from(chosen))
            assert store.undo(gone.id) == gone
            assert store.undo(gone.id) is None
            never = Store.open(Path(folder) / "never.db", clock)
            never.merge([row for row in rows if row.id != gone.id])
            never.close()
            undone, without = tables(Path(folder) / "done.db"), tables(Path(folder) / "never.db")
            times = undone.pop("time_spent"), without.pop("time_spent")
            assert undone == without
            assert len(times[0]) >= len(times[1])
        store.close()


def test_undo_restores_the_previous_row_to_the_last_digit(tmp_path: Path) -> None:
    clock = Clock()
    store = Store.open(tmp_path / "progress.db", clock)
    quiz = store.start_quiz("review", ["q1", "q4"], 3, objectives=["o1", "o2"])
    for outcome in ("right", "right", "wrong", "right"):
        store.record(answer("q1", outcome, quiz=quiz))
        clock.forward(days=3)
    before = tables(tmp_path / "progress.db")
    for outcome, fields in (("wrong", {"confidence": 0.95}), ("right", {}), ("wrong", {"revealed": True})):
        identity = store.record(answer("q1", outcome, quiz=quiz, **fields))
        assert tables(tmp_path / "progress.db") != before
        undone = store.undo()
        assert undone is not None
        assert undone.id == identity
        assert tables(tmp_path / "progress.db") == before
    assert len(store.events("answer")) == 7
    store.close()


def test_undo_takes_back_the_latest_that_can_be_and_says_when_there_is_none(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "progress.db", Clock())
    assert store.undo() is None
    store.record(answer("q1"))
    store.record(log.Skip(item="c", why="chosen"))
    store.record(log.Page(item="l", page=1, pages=2))
    kinds = []
    while (row := store.undo()) is not None:
        kinds.append(type(row.event))
    assert kinds == [log.Skip, log.Answer]
    with pytest.raises(ValueError, match="cannot be undone"):
        store.record(log.Undo(item=store.events("page")[0].id))
    assert len(store.events("undo")) == 2
    store.close()


def test_an_amended_answer_leaves_what_it_alone_would_have(tmp_path: Path) -> None:
    found = []
    for name, amends in (("amended", True), ("alone", False)):
        clock = Clock()
        store = Store.open(tmp_path / f"{name}.db", clock)
        quiz = store.start_quiz("review", ["q1", "q4"], 3, objectives=["o1", "o2"])
        store.record(answer("q1"))
        clock.forward(days=2)
        row = store.record(answer("q1", quiz=""), seconds=0)
        if amends:
            assert store.events("answer")[-1].id == row
            store.amend(row, answer("q1", grade=2))
            with pytest.raises(ValueError, match="cannot be undone"):
                store.amend(row, answer("q1", grade=4))
        else:
            store.undo(row)
            store.record(answer("q1", grade=2))
        assert [quiz == known.id for known in store.events("quiz_start")] == [True]
        card = store.card("q1")
        assert card is not None
        found.append(msgspec.structs.replace(card))
        store.close()
    assert found[0] == found[1]
    assert (found[0].reps, found[0].grade) == (2, 2)


@given(st.lists(acts(), max_size=20), st.lists(acts(), max_size=20), st.lists(acts(), max_size=8))
@settings(max_examples=25, deadline=None)
def test_two_machines_meet_in_either_order(left: list[Act], right: list[Act], common: list[Act]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exports = []
        clock = Clock()
        store = Store.open(folder / "common.db", clock)
        live(store, clock, common)
        export(store, folder / "common.json")
        store.close()
        for side, history in (("left", left), ("right", right)):
            own = Clock(clock.now)
            store = Store.open(folder / f"{side}.db", own)
            import_file(store, folder / "common.json")
            live(store, own, history)
            export(store, folder / f"{side}.json")
            exports.append(folder / f"{side}.json")
            store.close()
        results = []
        for at, order in enumerate((exports, exports[::-1], [*exports, exports[0]])):
            later = Clock()
            later.forward(days=20_000)
            merged = Store.open(folder / f"merged-{at}.db", later)
            for file in order:
                import_file(merged, file)
            export(merged, folder / f"merged-{at}.json")
            merged.close()
            results.append((tables(folder / f"merged-{at}.db"), (folder / f"merged-{at}.json").read_bytes()))
        assert results[0] == results[1] == results[2]
        rows = msgspec.json.decode(results[0][1])["events"]
        ids = {row["id"] for file in exports for row in msgspec.json.decode(file.read_bytes())["events"]}
        assert {row["id"] for row in rows} == ids
        assert len(rows) == len(ids)


# -- reset ---


def test_a_reset_forgets_its_questions_and_nothing_else_and_undo_brings_them_back(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "progress.db"
    store = Store.open(path, clock)
    for item in OBJECTIVES:
        store.record(answer(item, quiz=""), chapter="c", seconds=10)
    store.record(log.Page(item="l", page=3, pages=5), chapter="c", seconds=10)
    before = tables(path)
    store.record(log.Reset(item="lesson:l", lessons=("l",), questions=("q1", "q2", "q3")))
    assert store.lesson("l") is None
    assert [store.card(item) is None for item in sorted(OBJECTIVES)] == [True, True, True, False, False, False]
    assert store.mastery("o1") is None
    kept = store.mastery("o2")
    assert kept is not None
    assert {question for question, _ in kept.window} == {"q4", "q5"}
    assert store.seconds("c") == 70
    undone = store.undo()
    assert undone is not None
    assert isinstance(undone.event, log.Reset)
    assert tables(path) == before
    store.record(log.Reset(item="all", everything=True))
    assert {table: rows for table, rows in tables(path).items() if rows} == {}
    store.undo()
    assert tables(path) == before
    store.close()


def test_after_a_reset_derivations_wait_again_where_they_began(store: Store) -> None:
    def shown() -> list[str]:
        return [store.draft(key) for key in keys]

    keys = [steps_draft("l", 1), steps_draft("l", 2), steps_draft("longer", 1), "scroll:longer"]
    for key in keys:
        store.save_draft(key, "3")
    store.record(log.Reset(item="lab:l", labs=("l",)))
    assert shown() == ["3", "3", "3", "3"]
    store.record(log.Reset(item="lesson:l", lessons=("l",)))
    assert shown() == ["", "", "3", "3"]
    store.record(log.Reset(item="all", everything=True))
    assert shown() == ["", "", "", "3"]
