"""The Anki deck: every question once, ids that stay, formulas that Anki's MathJax reads."""

import re
import sqlite3
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tutor import paths
from tutor.course.grade import rights
from tutor.course.load import load_course, load_questions
from tutor.errors import TutorError
from tutor.progress.anki import back, front, to_html, write_deck

CONTENT = paths.content_dir()
COURSE = load_course(CONTENT)


def notes(file: Path, folder: Path) -> list[tuple[str, str]]:
    with zipfile.ZipFile(file) as packed:
        packed.extract("collection.anki2", folder)
    db = sqlite3.connect(folder / "collection.anki2")
    try:
        return db.execute("SELECT guid, flds FROM notes ORDER BY guid").fetchall()
    finally:
        db.close()


def test_a_deck_holds_every_question_of_the_chapter_under_ids_that_stay(tmp_path: Path) -> None:
    bank = load_questions(CONTENT, "linear-algebra")
    found = []
    for n in range(2):
        (tmp_path / str(n)).mkdir()
        file = tmp_path / f"{n}.apkg"
        assert write_deck(CONTENT, COURSE, file, "linear-algebra") == len(bank)
        found.append(notes(file, tmp_path / str(n)))
    assert found[0] == found[1]
    assert {fields.split("\x1f")[2] for _, fields in found[0]} == set(bank)
    assert len({guid for guid, _ in found[0]}) == len(bank)
    assert {file.suffix for file in tmp_path.iterdir() if file.is_file()} == {".apkg"}


def test_formulas_stand_between_ankis_marks_and_text_is_escaped() -> None:
    shown = to_html("Let $a_1 < b$ and `x < y`:\n\n$$\\sum_i a_i \\ge 0$$\n\n**so** <script>")
    assert r"\(a_1 &lt; b\)" in shown
    assert r"\[\sum_i a_i \ge 0\]" in shown
    assert "<strong>so</strong>" in shown
    assert "$" not in shown
    assert "<script>" not in shown


def test_no_question_leaves_a_formula_or_its_answer_out() -> None:
    for chapter in ("linear-algebra", "calculus", "optimization"):
        for question in load_questions(CONTENT, chapter).values():
            assert "$" not in front(question).replace("\\$", ""), question.id
            assert back(question).strip(), question.id
            # All that is chosen from is asked, and all that is right is told.
            offered = [choice.text for gap in question.gaps for choice in gap.choices] + list(rights(question))
            offered += [line.text for line in (*question.choices, *question.items, *question.distractors)]
            for text in (*offered, *(pair.left for pair in question.pairs)):
                assert to_html(text) in front(question), question.id
            for text in (*(line.text for line in question.items), *(pair.right for pair in question.pairs)):
                assert to_html(text).strip().removeprefix("<p>").removesuffix("</p>") in back(question), question.id
            for gap in question.gaps:
                assert gap.name in back(question), question.id


def test_the_place_of_a_choice_does_not_tell_that_it_is_right() -> None:
    letters: Counter[str] = Counter()
    for question in load_questions(CONTENT, "linear-algebra").values():
        if question.type == "single_choice":
            letter = re.match(r"<p><b>([A-Z])</b>", back(question))
            assert letter is not None
            letters[letter[1]] += 1
            right = next(choice.text for choice in question.choices if choice.correct)
            assert front(question).split("<li>")[ord(letter[1]) - 64].startswith(to_html(right).rstrip()[:-4])
    assert len(letters) > 2
    assert max(letters.values()) < 0.6 * letters.total()


def test_what_cannot_be_done_gets_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TutorError, match="no chapter 'alchemy'"):
        write_deck(CONTENT, COURSE, tmp_path / "a.apkg", "alchemy")
    with pytest.raises(TutorError, match="cannot be written"):
        write_deck(CONTENT, COURSE, tmp_path / "nowhere" / "a.apkg", "optimization")
    monkeypatch.setitem(sys.modules, "genanki", None)
    with pytest.raises(TutorError, match="genai-tutor\\[anki\\]"):
        write_deck(CONTENT, COURSE, tmp_path / "a.apkg")
    assert list(tmp_path.iterdir()) == []
