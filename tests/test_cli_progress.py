"""The verbs about the learner, as a person or a script uses them."""

from __future__ import annotations

import json
import re
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_support import SCRIPT, Terminal
from progress_support import Clock, answer, tables

from tutor import cli, cli_progress
from tutor.course.load import load_course, load_questions
from tutor.paths import content_dir
from tutor.progress import events as log
from tutor.progress.review import LEECH_LAPSES, study_day
from tutor.progress.store import Store


class Run:
    """Runs a verb in this process; remembers nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch = monkeypatch
        self._captured = capsys

    def __call__(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """stdout and stderr, when it left with this code."""
        self._patch.setattr(sys, "argv", ["genai-tutor", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        written = self._captured.readouterr()
        assert left.value.code == code, written.err
        return written.out, written.err

    def json(self, *arguments: str) -> dict[str, Any]:
        """What a verb says as JSON."""
        out, err = self(*arguments, "--json")
        assert err == ""
        assert out.count("\n") == 1
        found: dict[str, Any] = json.loads(out)
        return found

    def refused(self, *arguments: str) -> str:
        """The one line of a refusal."""
        out, err = self(*arguments, code=2)
        assert out == ""
        assert err.startswith("genai-tutor: ")
        assert err.count("\n") == 1
        return err


@pytest.fixture
def tutor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(monkeypatch, capsys)


@pytest.fixture
def progress(home: Path) -> Path:
    """A learner's file: three questions answered a week ago, two of them due."""
    home.mkdir()
    clock = Clock()
    clock.now = clock.now.replace(year=date.today().year - 1)
    store = Store.open(home / "progress.db", clock)
    for item, outcome in (("la-codes", "right"), ("la-attn-mix", "wrong"), ("la-energy-k", "right")):
        given = answer(item, outcome, "checkpoint:linear-algebra", objectives=["la.svd"], confidence=0.95)
        store.record(given, chapter="linear-algebra", seconds=600)
    store.record(log.Page(item="svd", page=2, pages=9), chapter="linear-algebra", seconds=1800)
    store.close()
    return home / "progress.db"


def test_today_says_what_is_due_and_what_was_missed(tutor: Run, progress: Path) -> None:
    found = tutor.json("today")
    assert found == tutor.json("status")
    assert (found["due"]["total"], found["due"]["offered"], found["chapter"]) == (3, 3, "linear-algebra")
    assert found["missed"]["weeks"] > 1
    out, _ = tutor("today")
    assert "Reviews: 3 due, about 3 min" in out
    assert f"The plan is {found['missed']['weeks']} weeks ahead of you" in out
    assert found["end"] in out


def test_review_lists_what_is_due_with_its_next_intervals_and_takes_settings(tutor: Run, progress: Path) -> None:
    found = tutor.json("review")
    assert {row["question"] for row in found["queue"]} == {"la-codes", "la-attn-mix", "la-energy-k"}
    for row in found["queue"]:
        after = row["next_days"]
        assert after["again"] <= after["hard"] <= after["good"] <= after["easy"]
    assert found["settings"] == {"retention": 0.9, "cap": 20, "fuzz": True}
    found = tutor.json("review", "--cap", "2", "--retention", "0.8", "--no-fuzz")
    assert found["settings"] == {"retention": 0.8, "cap": 2, "fuzz": False}
    assert len(found["queue"]) == found["offered"] == 2
    out, _ = tutor("review")
    assert "2 of 3 due" in out
    for arguments, says in (
        (("--cap", "0"), "--cap takes"),
        (("--cap", "many"), "--cap takes"),
        (("--retention", "0.98"), "--retention takes"),
        (("--retention", "nan"), "--retention takes"),
    ):
        assert says in tutor.refused("review", *arguments)
    assert tutor.json("review")["settings"]["cap"] == 2


def test_review_lists_what_the_rounds_ask_that_reschedule_nothing(tutor: Run, progress: Path) -> None:
    every = {"la-codes", "la-attn-mix", "la-energy-k"}
    assert {row["question"] for row in tutor.json("review", "--cram")["queue"]} == every
    assert {row["question"] for row in tutor.json("review", "--cram", "linear-algebra")["queue"]} == every
    assert tutor.json("review", "--cram", "calculus")["queue"] == []
    assert "la-codes\tlinear-algebra\tdue 2" in tutor("review", "--cram")[0]
    out, err = tutor("review", "--ahead")  # all are due
    assert (out, err.count("\n")) == ("", 1)
    store = Store.open(progress)
    store.record(answer("la-codes", objectives=["la.svd"]), chapter="linear-algebra")
    store.close()
    assert [row["question"] for row in tutor.json("review", "--ahead")["queue"]] == ["la-codes"]
    assert "no chapter 'nowhere'" in tutor.refused("review", "--cram", "nowhere")
    assert "ask for one" in tutor.refused("review", "--cram", "--ahead")


def test_what_was_forgotten_again_and_again_has_a_list(tutor: Run, home: Path) -> None:
    out, err = tutor("review", "--leeches")
    assert (out, err.count("\n")) == ("", 1)
    clock = Clock()
    store = Store.open(home / "progress.db", clock)
    for _ in range(1 + LEECH_LAPSES):
        store.record(answer("la-codes", "wrong", objectives=["la.svd"]), chapter="linear-algebra")
        clock.forward(days=9)
    store.close()
    lesson = load_questions(content_dir(), "linear-algebra")["la-codes"].lesson
    [row] = tutor.json("review", "--leeches")["queue"]
    assert row == {"question": "la-codes", "chapter": "linear-algebra", "lapses": LEECH_LAPSES, "lesson": lesson}
    assert f"forgotten {LEECH_LAPSES} times\tread lesson:{lesson}\n" in tutor("review", "--leeches")[0]


def test_placement_says_how_each_quiz_ended(tutor: Run, home: Path) -> None:
    assert {row["state"] for row in tutor.json("placement")["chapters"]} == {"new"}
    store = Store.open(home / "progress.db")
    asked = ("la-codes", "la-attn-mix", "la-energy-k")
    quiz = store.start_quiz("placement:linear-algebra", asked, 1, chapter="linear-algebra")
    for item in asked:
        store.record(answer(item, context="placement:linear-algebra", quiz=quiz), chapter="linear-algebra")
        if item == asked[0]:
            assert "linear-algebra\tquestion 2 of 3\n" in tutor("placement")[0]
    store.record(log.Skip(item="linear-algebra", why="placement"))
    store.close()
    row = tutor.json("placement")["chapters"][0]
    assert (row["state"], row["right"], row["passed"], row["left_out"]) == ("done", 3, True, True)
    assert "linear-algebra\t3 of 3 right, passed\tleft out of the plan\n" in tutor("placement")[0]


def test_stats_and_mastery_say_what_the_log_holds(tutor: Run, progress: Path) -> None:
    found = tutor.json("stats")
    assert sum(week["hours"] for week in found["weeks"]) == pytest.approx(1.0)
    assert sum(count for _, count in found["forecast"]) == 3
    certain = found["calibration"][-1]
    assert (certain["name"], certain["answers"], certain["right"], certain["share"]) == ("certain", 3, 2, 2 / 3)
    assert found["mastery"][0]["levels"] == [1, 0, 0, 0]
    out, _ = tutor("stats")
    assert "certain\t2 of 3 right, stated 95 %" in out
    assert "on the whole\t28 points too sure, Brier 0.30" in out
    objectives = {row["objective"]: row for row in tutor.json("mastery")["objectives"]}
    assert objectives["la.svd"]["level"] == "attempted"
    assert objectives["la.svd"]["reason"]
    assert [change["after"] for change in objectives["la.svd"]["changes"]][-1] == "familiar"
    assert "make it proficient" in objectives["la.svd"]["raises"]
    assert objectives["la.whitening"]["level"] is None
    assert "la.svd\tattempted (" in tutor("mastery")[0]


def test_the_plan_is_chosen_shifted_and_undone(tutor: Run, progress: Path) -> None:
    assert tutor.json("plan")["chosen"] is False
    today = study_day(datetime.now())
    start = today - timedelta(days=21)
    chosen = tutor.json("plan", "--start", start.isoformat(), "--pace", "10")
    assert (chosen["start"], chosen["weeks"], chosen["week"], chosen["chosen"]) == (start.isoformat(), 10, 4, True)
    assert chosen["end"] == (start + timedelta(days=69)).isoformat()
    shifted = tutor.json("plan", "--shift")
    assert (shifted["shifted_days"], shifted["week"]) == (21, 1)
    assert "nothing to mend" in tutor.refused("plan", "--shift")
    first = shifted["stretches"][0]
    assert (first["begins"], first["ends"]) == (today.isoformat(), (today + timedelta(6)).isoformat())
    assert "undone: plan shift" in tutor("undo")[0]
    skipped = tutor.json("plan", "--skip")
    assert [row["chapter"] for row in skipped["stretches"] if row["skipped"]] == [
        *("linear-algebra", "calculus", "optimization")
    ]
    out, _ = tutor("plan")
    begins, ends = start, start + timedelta(days=6)
    assert f"week 1\t{begins} to {ends}\tlinear-algebra\tleft out (missed)" in out
    for arguments, says in (
        (("--pace", "9"), "10, 11, 12"),
        (("--start", "tomorrow"), "--start takes a day"),
        (("--start", "1999-01-01"), "--start takes a day"),
        (("--shift", "--pace", "10"), "new plan"),
    ):
        assert says in tutor.refused("plan", *arguments)


def test_chapters_are_left_out_and_taken_in_again(tutor: Run, progress: Path) -> None:
    out = {row["chapter"] for row in tutor.json("plan", "--leave-out", "calculus")["stretches"] if row["skipped"]}
    assert out == {"calculus"}
    assert "left out already" in tutor.refused("plan", "--leave-out", "calculus")
    assert "no chapter ''" in tutor.refused("plan", "--leave-out", "")
    assert "take one of these" in tutor.refused("plan", "--leave-out", "calculus", "--shift")
    assert not any(row["skipped"] for row in tutor.json("plan", "--take-in", "calculus")["stretches"])
    assert "not left out" in tutor.refused("plan", "--take-in", "calculus")


def test_an_answer_from_the_command_line_leaves_no_question_behind(tutor: Run, progress: Path) -> None:
    def asked() -> str:
        store = Store.open(progress)
        try:
            return store.draft("plan:asked")
        finally:
            store.close()

    start = (study_day(datetime.now()) - timedelta(days=21)).isoformat()
    tutor("plan", "--start", start)
    assert asked() == "missed:3"  # who begins in the past knows it
    tutor("plan", "--shift")
    assert asked() == ""


def test_where_only_the_last_chapter_is_left_there_is_nothing_to_skip(tutor: Run, progress: Path) -> None:
    store = Store.open(progress)
    for stub in load_course(content_dir()).chapters[:-1]:
        store.record(log.Skip(item=stub.id, why="chosen"))
    store.close()
    before = tables(progress)
    assert "no missed chapter to leave out" in tutor.refused("plan", "--skip")
    assert tables(progress) == before


def test_export_and_import_between_two_homes(
    tutor: Run, progress: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = tutor("export", str(tmp_path / "mine.json"))
    assert (out, err) == ("", f"{tmp_path / 'mine.json'}: 4 rows\n")
    monkeypatch.setenv("GENAI_TUTOR_HOME", str(tmp_path / "other"))
    assert "4 rows new, 0 known already" in tutor("import", str(tmp_path / "mine.json"))[1]
    assert "0 rows new, 4 known already" in tutor("import", str(tmp_path / "mine.json"))[1]
    tutor("export", str(tmp_path / "other.json"))
    assert (tmp_path / "other.json").read_bytes() == (tmp_path / "mine.json").read_bytes()
    assert tables(tmp_path / "other" / "progress.db") == tables(progress)
    assert "nothing was changed" in tutor.refused("import", str(progress))
    assert "cannot be read" in tutor.refused("import", str(tmp_path / "nowhere.json"))
    assert "cannot be written" in tutor.refused("export", str(tmp_path / "no" / "where.json"))
    tutor("export", str(tmp_path / "other.json"))  # one export takes the place of another, and of nothing else
    before = progress.read_bytes()
    assert "is not an export" in tutor.refused("export", str(progress))
    assert "is not an Anki deck" in tutor.refused("anki", str(progress))
    assert "is a folder" in tutor.refused("export", str(tmp_path))
    assert progress.read_bytes() == before


def test_a_reset_counts_first_asks_and_can_be_undone(tutor: Run, progress: Path, tmp_path: Path) -> None:
    before = tables(progress)
    out, err = tutor("reset", "all", code=2)
    assert out == "all: 3 answers, 3 review cards, 1 lesson, 1.0 h\n"
    assert "--yes" in err
    assert tables(progress) == before
    with Terminal([SCRIPT, "reset", "chapter:linear-algebra"], cwd=tmp_path) as terminal:
        terminal.wait_for("Forget this?")
        terminal.send("n\n")
        assert terminal.wait() == 130
    assert tables(progress) == before
    out, _ = tutor("reset", "question:la-codes", "--yes")
    assert out.splitlines()[0] == "question:la-codes: 1 answer, 1 review card"
    assert tutor("reset", "question:la-codes")[0] == "question:la-codes: there is nothing to forget\n"
    assert tables(progress) != before
    assert "undone: reset question:la-codes" in tutor("undo")[0]
    assert tables(progress) == before
    for target in ("question:nobody", "lesson:nobody", "lab:nobody", "chapter:nobody", "everything", "all:1"):
        assert "nobody" in tutor.refused("reset", target) or "reset takes" in tutor.refused("reset", target)
    assert "did you mean la-codes" in tutor.refused("reset", "question:la-codez")


@pytest.mark.parametrize("target", ["lesson:svd", "lab:whitening", "chapter:linear-algebra"])
def test_what_a_reset_counts_is_what_it_forgets(tutor: Run, progress: Path, target: str) -> None:
    from tutor.progress.reset import forgotten, scope

    store = Store.open(progress)
    store.record(log.Prediction(item="whitening", value=0.5), chapter="linear-algebra")
    event = scope(content_dir(), load_course(content_dir()), target)
    gone = forgotten(store, event)

    def counts() -> tuple[int, ...]:
        names = ("attempts", "cards", "lesson_state", "lab_state")
        return tuple(store.query(f"SELECT count(*) FROM {table}")[0][0] for table in names)

    before = counts()
    store.record(event)
    after = counts()
    left = tuple(b - a for b, a in zip(before, after, strict=True))
    assert left == (gone.answers, gone.cards, gone.lessons, gone.labs) != (0, 0, 0, 0)
    assert forgotten(store, event).nothing
    store.close()


def test_a_question_is_flagged_with_a_note(tutor: Run, progress: Path) -> None:
    question = next(iter(load_questions(content_dir(), "calculus")))
    assert tutor.json("flag") == {"flags": []}
    note = "the [/bold] sign is wrong"
    found = tutor.json("flag", question, note)
    assert [(row["question"], row["note"]) for row in found["flags"]] == [(question, note)]
    assert re.search(rf"\t\d{{4}}-\d\d-\d\d \d\d:\d\d\t{re.escape(note)}\n", tutor("flag")[0])
    assert tutor("flag", question, "two\nlines\x1b[31m")[0].endswith("\ttwo lines [31m\n")
    tutor("undo")
    assert "no question 'nobody'" in tutor.refused("flag", "nobody", "x")
    assert "2000" in tutor.refused("flag", question, "x" * 2001)
    assert re.fullmatch(rf"undone: flag {question}, \d{{4}}-\d\d-\d\d \d\d:\d\d\n", tutor("undo")[0])
    assert tutor.json("flag") == {"flags": []}


@pytest.mark.parametrize("arguments", [("search", "zzzzqqq"), ("reference", "equations", "zzzzqqq"), ("flag",)])
def test_what_finds_nothing_says_so_beside_the_output(tutor: Run, home: Path, arguments: tuple[str, ...]) -> None:
    out, err = tutor(*arguments)
    assert (out, err.count("\n")) == ("", 1)
    assert tutor(*arguments, "--json")[1] == ""


def test_a_wait_for_a_long_log_is_announced(
    tutor: Run, progress: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_progress, "LONG_LOG", 3)
    tutor("export", str(tmp_path / "mine.json"))
    tutor("reset", "all", "--yes")
    with monkeypatch.context() as seen:
        seen.setattr("sys.stderr.isatty", lambda: True, raising=False)
        assert "anew from 5 rows" in tutor("undo")[1]
        assert "anew from 10 rows" in tutor("import", str(tmp_path / "mine.json"))[1]
    assert "anew" not in tutor("import", str(tmp_path / "mine.json"))[1]


def test_undo_ends_with_a_line(tutor: Run, progress: Path) -> None:
    for item in ("la-energy-k", "la-attn-mix", "la-codes"):
        assert f"undone: answer {item}" in tutor("undo")[0]
    assert "nothing to undo" in tutor.refused("undo")


def test_anki_writes_a_deck(tutor: Run, tmp_path: Path) -> None:
    count = len(load_questions(content_dir(), "optimization"))
    _, err = tutor("anki", str(tmp_path / "bank.apkg"), "--chapter", "optimization")
    assert err == f"{tmp_path / 'bank.apkg'}: {count} notes\n"
    assert "no chapter" in tutor.refused("anki", str(tmp_path / "bank.apkg"), "--chapter", "alchemy")
