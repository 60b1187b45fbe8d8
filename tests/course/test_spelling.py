"""Spelling, and what is looked for over all chapters."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tutor.course.check_whole import TITLE, whole_problems
from tutor.course.load import load_chapter, load_course, load_lesson, read_bank
from tutor.course.reference import read_shelf
from tutor.course.spelling import accept, is_known, known_words, misspelt, used_words, words_in, words_path

CONTENT = Path(__file__).parents[2] / "content"
COURSE = load_course(CONTENT)


def forget() -> None:
    """Read changed files anew."""
    for read in (load_course, load_chapter, load_lesson, read_bank, read_shelf):
        read.cache_clear()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The course with one chapter, its reference and its words."""
    shutil.copy(CONTENT / "course.toml", tmp_path)
    shutil.copy(words_path(CONTENT), tmp_path)
    for name in ("01-linear-algebra", "reference"):
        shutil.copytree(CONTENT / name, tmp_path / name)
    return tmp_path


def test_the_words_are_sorted_each_once_and_british() -> None:
    words = words_path(CONTENT).read_text("utf-8").split("\n")[:-1]
    assert words == sorted(set(words), key=lambda word: (word.casefold(), word))
    american = {"color", "center", "behavior", "neighbor", "optimize", "normalize", "modeling", "labeled", "gray"}
    assert american.isdisjoint(words)
    assert {"the", "Fokker", "colour"} <= known_words(CONTENT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A *recieved* word", ["recieved", "word"]),
        ("`code` and $\\foo{bar}$ and $$\nbaz\n$$", ["and", "and"]),
        ("```python run\nfoo = 1\n```\ntext", ["text"]),
        ("[the lab](lab:svd-digits) https://example.org/foo", ["the", "lab"]),
        ("SVD, ResNet, KLs, x_i, GPT-4, 8th", []),
        ("Adam's weights', Itô’s rule, don't", ["Adam", "weights", "Itô", "rule", "don't"]),
        ("two-dimensional, Fokker–Planck", ["two", "dimensional", "Fokker", "Planck"]),
        ("σ βeta of it", []),
    ],
)
def test_prose_is_looked_at_and_nothing_else(text: str, words: list[str]) -> None:
    assert list(words_in(text)) == words


def test_words_with_common_ends_need_no_line_of_their_own() -> None:
    known = frozenset({"kernel", "Langevin", "gradient", "usual"})
    for word in ("Kernel", "kernels", "Langevin", "usually", "unusual", "nonkernel"):
        assert is_known(word, known) == (word not in {"nonkernal"})
    for word in ("langevin", "kernal", "gradeint", "unlangevin"):
        assert not is_known(word, known)


@pytest.mark.parametrize(
    ("file", "old", "new", "line_has"),
    [
        ("01-linear-algebra/lessons/svd.md", "handwritten digits", "handwriten digits", "handwriten"),
        ("01-linear-algebra/chapter.toml", "attention", "attentoin", "attentoin"),
        ("01-linear-algebra/questions.toml", "prompt = '''\n", "prompt = '''\nWhcih one? ", "Whcih"),
        ("reference/equations.toml", "the rank that is kept", "the rnak that is kept", "rnak"),
        ("reference/next-steps.md", "mixture", "mixtrue", "mixtrue"),
        ("course.toml", "regularisation", "regularisaton", "regularisaton"),
    ],
)
def test_a_slip_is_said_with_its_line_and_what_was_meant(
    small: Path, file: str, old: str, new: str, line_has: str
) -> None:
    assert misspelt(small, load_course(small)) == []
    path = small / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    forget()
    [found] = misspelt(small, load_course(small))
    assert found.file == str(path)
    assert line_has in path.read_text("utf-8").splitlines()[found.line - 1]
    assert found.message.startswith(f"“{line_has}” is not among the known words; near are ")


def test_any_letter_left_out_of_a_common_word_is_found_nearly_always() -> None:
    known = known_words(CONTENT)
    common = [word for word, many in used_words(CONTENT).items() if many > 20 and len(word) > 7 and word.islower()]
    cut = [(word, word[:at] + word[at + 1 :]) for word in common for at in range(1, len(word) - 1)]
    missed = [pair for pair in cut if is_known(pair[1], known)]
    assert len(missed) < 0.01 * len(cut), missed


def test_words_that_were_looked_at_are_put_into_the_list(small: Path) -> None:
    path = small / "reference" / "next-steps.md"
    path.write_text("## Zyx\n\nA zyx of Qwertys.\n", "utf-8")
    forget()
    assert len(misspelt(small, load_course(small))) == 3
    assert accept(small) == ["Qwertys", "zyx"]
    known_words.cache_clear()
    assert misspelt(small, load_course(small)) == []
    assert accept(small) == []


def test_without_a_list_nothing_is_said(small: Path) -> None:
    words_path(small).unlink()
    assert misspelt(small, load_course(small)) == []


# -- over all chapters ---


def whole(content: Path) -> list[str]:
    forget()
    return [f"{Path(p.file).name}:{p.line}: {p.message}" for p in whole_problems(content, load_course(content))]


def test_the_course_is_whole() -> None:
    assert whole(CONTENT) == []


def test_a_lesson_id_used_twice_is_said(small: Path) -> None:
    other = small / "02-calculus"
    (other / "lessons").mkdir(parents=True)
    shutil.copy(small / "01-linear-algebra" / "lessons" / "svd.md", other / "lessons")
    text = (CONTENT / "02-calculus" / "chapter.toml").read_text("utf-8")
    start, end = text.index("lessons = ["), text.index("]\n", text.index("lessons = ["))
    (other / "chapter.toml").write_text(text[:start] + 'lessons = ["svd"' + text[end:], "utf-8")
    assert whole(small) == ["svd.md:2: the lesson id 'svd' is also used in the chapter 'linear-algebra'"]


def test_a_title_that_no_list_can_show_is_said(small: Path) -> None:
    path = small / "01-linear-algebra" / "lessons" / "svd.md"
    title = "SVD: the directions that matter"
    assert len(title) < TITLE
    path.write_text(path.read_text("utf-8").replace(title, title + "!" * TITLE, 1), "utf-8")
    assert whole(small) == [f"svd.md:3: the title has {len(title) + TITLE} columns, at most {TITLE} are shown"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Costs $ 5.", "a dollar begins or ends no formula: “"),
        ("Costs \\$5 and `$x`, $a\n+ b$.", ""),
        ("| a | $E(y|x)$ |", "a | in a formula ends the cell of a table: write \\mid"),
        ("| $a$ | $E(y \\mid x)$ |", ""),
    ],
)
def test_dollars_that_would_stay_dollars_are_said(small: Path, text: str, said: str) -> None:
    path = small / "reference" / "next-steps.md"
    path.write_text(f"## A step\n\n{text}\n", "utf-8")
    found = whole(small)
    assert (said in found[0].partition(": ")[2]) if said else found == []
