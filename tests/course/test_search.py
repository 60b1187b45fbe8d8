"""The search: finds what it should, survives what is typed, and its index keeps up with the content."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tutor import cli_verbs, paths
from tutor.course import search as module
from tutor.course.folding import folded
from tutor.course.load import find_lesson, load_course, load_lesson, load_questions
from tutor.course.markup import GREEK, plain
from tutor.course.search import (
    IndexDamagedError,
    Result,
    build,
    index_path,
    is_ready,
    look_up,
    search,
    snippet,
    words_of,
)
from tutor.errors import TutorError

CONTENT = Path(__file__).parents[2] / "content"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("index") / "search.db"
    build(CONTENT, file)
    return file


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A course with one chapter, quick to index."""
    shutil.copy(CONTENT / "course.toml", tmp_path)
    shutil.copytree(CONTENT / "01-linear-algebra", tmp_path / "01-linear-algebra")
    return tmp_path


def first(index: Path, query: str) -> Result:
    return search(index, query)[0]


# -- what is found ---


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("svd", "reference:glossary#svd"),
        ("reverse sde", "reference:equations#reverse-sde"),
        ("Schrodinger", "reference:glossary#schrodinger-bridge"),
        ("scaled dot-product", "reference:equations#attention"),
        ("kl divergence", "reference:glossary#kl-divergence"),
        ("standardising is not whitening", "lesson:white-data#1"),
        ("eckart–young nothing is better", "lesson:low-rank#1"),
        ("svd_lowrank", "lesson:svd"),
        ("langevin temperature which", "lesson:langevin#4"),
    ],
)
def test_what_is_meant_comes_first(index: Path, query: str, target: str) -> None:
    assert first(index, query).target.startswith(target)


@pytest.mark.parametrize("query", ["sigma", "σ", "\\sigma", "SIGMA", "Σ"])
def test_greek_is_found_however_it_is_written(index: Path, query: str) -> None:
    assert {found.title for found in search(index, query)[:2]} == {"σ", "Σ"}


def test_every_greek_letter_has_one_name() -> None:
    for name, sign in GREEK.items():
        assert words_of(sign) == words_of(f"\\{name}") == [name.removeprefix("var").casefold()]


@pytest.mark.parametrize(("one", "other"), [("ito", "Itô"), ("sarkka", "Särkkä"), ("hyvarinen", "HYVÄRINEN")])
def test_accents_and_case_do_not_matter(index: Path, one: str, other: str) -> None:
    found = search(index, one)
    assert found
    assert found == search(index, other)


def test_a_word_finds_what_begins_with_it_and_all_words_count(index: Path) -> None:
    assert {found.target for found in search(index, "whitening")} <= {
        found.target for found in search(index, "white", limit=300)
    }
    assert len(search(index, "langevin barrier")) < len(search(index, "langevin"))


def test_if_no_text_holds_all_words_those_with_some_are_found(index: Path) -> None:
    assert search(index, "zzzz") == []
    assert first(index, "zzzz schrodinger") == first(index, "schrodinger")


def test_every_result_can_be_opened(index: Path) -> None:
    course = load_course(CONTENT)
    questions = {name for stub in course.chapters for name in load_questions(CONTENT, stub.id)}
    for query in ("the", "of", "model", "noise"):
        for found in search(index, query, limit=300):
            kind, _, rest = found.target.partition(":")
            if kind == "lesson":
                lesson, _, page = rest.partition("#")
                pages = load_lesson(CONTENT, find_lesson(CONTENT, course, lesson), lesson).pages
                assert 1 <= int(page or 1) <= len(pages)
            elif kind == "question":
                assert rest in questions
            else:
                assert kind == "reference"


def test_of_questions_only_the_prompts_are_kept(index: Path) -> None:
    with sqlite3.connect(index) as db:
        kept = db.execute("SELECT title || ' ' || text FROM pages WHERE kind = 'question'").fetchall()
    words = {" ".join(re.findall(r"\w+", text)) for (text,) in kept}
    prompts, others = set(), []
    for stub in load_course(CONTENT).chapters:
        for question in load_questions(CONTENT, stub.id).values():
            prompts |= set(re.findall(r"\w+", plain(question.prompt)))
            others += [question.explanation, *question.hints, *(c.text for c in question.choices), question.answer]
    assert len(kept) > 200
    assert {word for text in words for word in text.split()} <= prompts | {"text", "python"}
    told = " ".join(re.findall(r"\w+", plain(max(others, key=len))))
    assert not any(told[:60] in text for text in words)


# -- what is typed ---


def sound(index: Path, query: str) -> None:
    for found in search(index, query, limit=5):
        assert found.title
        assert "".join(piece for piece, _ in found.snippet).count("\n") == 0


@pytest.mark.parametrize(
    "query",
    [
        "", " ", '"', "'", '""" OR "', "foo* NEAR(a b, 2)", "a AND NOT b", "title:svd", "^svd", "{a b}: c", "-svd", "*",
        "(", "svd)", "; DROP TABLE pages; --", "%_\\", "🙂", "🙂svd🙂", "\0", "\ud800", "σ" * 5000, "x " * 5000,
        "a" * 10_000, "[/bold][red]", "\u202e", "ﬁ", "é" * 999, "NULL", "rowid", "\\", "½ ² ₂", "١٢٣",
    ],
)  # fmt: skip
def test_nothing_that_is_typed_is_an_operator_or_an_error(index: Path, query: str) -> None:
    sound(index, query)


@settings(max_examples=50, deadline=None)
@given(query=st.text(max_size=60) | st.text('"*()^:-+{}ANDORTsvd NEAR,', max_size=40))
def test_any_text_can_be_looked_for(index: Path, query: str) -> None:
    sound(index, query)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300) | st.text("σ ab_ıİß\n", max_size=300), word=st.text("abσß", min_size=1, max_size=3))
def test_a_snippet_is_a_stretch_of_the_text_with_its_hits(text: str, word: str) -> None:
    words = words_of(word)
    pieces = list(snippet(text, words, width=40))
    flat = text.replace("\n", " ")
    shown = "".join(piece for piece, _ in pieces)
    assert shown.strip("…") in flat or shown in flat or shown[1:-1] in flat
    for piece, hit in pieces:
        assert not hit or any(folded(piece).strip().startswith(w) for w in words)


def test_the_hit_is_in_the_snippet_however_far_down_it_stands() -> None:
    text = "word " * 400 + "needle " + "word " * 400
    pieces = list(snippet(text, ["needle"]))
    assert ("needle", True) in pieces
    assert sum(len(piece) for piece, _ in pieces) < 200


def test_the_snippet_shows_where_the_words_stand_together() -> None:
    words = ["complete", "the", "square"]
    pieces = list(snippet("the score, the noise, " * 40 + "Complete the square in y. " + "the law " * 40, words))
    assert {"Complete", "square"} < {piece for piece, hit in pieces if hit}


def test_words_that_stand_together_come_before_the_same_words_apart(index: Path) -> None:
    found = search(index, "complete the square")
    assert len(found) > 1
    together = ["complete the square" in "".join(piece for piece, _ in one.snippet).casefold() for one in found]
    assert together[0]
    assert together == sorted(together, reverse=True)


# -- the index ---


def test_it_is_made_once_and_again_when_the_content_changes(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = small / "search.db"
    assert not is_ready(small, index)
    assert look_up(small, index, "svd")
    assert is_ready(small, index)
    monkeypatch.setattr(module, "command", lambda *_: pytest.fail("made again"))
    assert look_up(small, index, "zebra") == []
    monkeypatch.undo()
    page = small / "01-linear-algebra" / "lessons" / "svd.md"
    page.write_text(page.read_text("utf-8") + "\nA zebra.\n", "utf-8")
    assert not is_ready(small, index)
    [found] = look_up(small, index, "zebra")
    assert found.target.startswith("lesson:svd#")
    page.unlink()
    assert look_up(small, index, "zebra") == []
    assert look_up(small, index, "whitening")


@pytest.mark.parametrize("damage", [b"", b"no database", "middle"])
def test_a_damaged_index_is_thrown_away(small: Path, damage: bytes | str) -> None:
    index = small / "search.db"
    build(small, index)
    whole = index.read_bytes()
    if isinstance(damage, str):
        half = len(whole) // 8
        damage = whole[:half] + b"\xff" * (len(whole) - half)
    index.write_bytes(damage)
    assert look_up(small, index, "svd")
    assert is_ready(small, index)


def test_an_index_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(IndexDamagedError, match=r"search\.db: the search index cannot be read"):
        search(tmp_path / "search.db", "svd")


def test_where_it_cannot_be_made_one_line_says_so(small: Path) -> None:
    with pytest.raises(TutorError, match=r"none/search\.db: the search index cannot be made \(.*No such file"):
        look_up(small, small / "none" / "search.db", "svd")
    assert list(small.glob(".search-*")) == []


def test_what_a_killed_making_left_is_removed_by_the_next(small: Path) -> None:
    old, young = (small / f".search-{name}.db" for name in ("old", "young"))
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    index = small / "search.db"
    build(small, index)
    # The young one may be that of another terminal, still at work.
    assert [path.name for path in small.glob(".search-*")] == [young.name]
    assert is_ready(small, index)


def test_a_killed_making_leaves_the_old_index(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = small / "search.db"
    build(small, index)
    before = index.read_bytes()
    monkeypatch.setattr(module.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build(small, index)
    assert index.read_bytes() == before
    assert list(small.glob(".search-*")) == []


def test_the_verb_writes_what_is_found_beside_the_progress() -> None:
    run = CliRunner().invoke
    text = run(cli_verbs.app, ["search", "reverse", "sde"]).output
    assert text.startswith("Reverse SDE (equation)\n  ")
    assert "[SDE]" in text
    assert index_path().parent == paths.home()
    assert index_path() != paths.database()
    rows = [json.loads(line) for line in run(cli_verbs.app, ["search", "schrodinger", "--json"]).output.splitlines()]
    assert rows[0]["target"] == "reference:glossary#schrodinger-bridge"
    assert set(rows[0]) == {"kind", "title", "place", "target", "snippet"}
    assert run(cli_verbs.app, ["search", "*"]).stdout == ""
