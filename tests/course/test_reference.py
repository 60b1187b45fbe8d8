"""The reference: what an author may write, what is shown of it, and what the linter says of each slip."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from tutor import cli_verbs
from tutor.course.check import check_content
from tutor.course.check_reference import unnamed
from tutor.course.folding import folded
from tutor.course.load import ContentError, load_chapter, load_course
from tutor.course.markup import plain
from tutor.course.reference import (
    KINDS,
    Equation,
    Named,
    Term,
    as_text,
    entries,
    find,
    matching,
    read_shelf,
    shelf_path,
)
from tutor.errors import TutorError
from tutor.labs import registry

CONTENT = Path(__file__).parents[2] / "content"
EQUATIONS = [item for item in read_shelf(CONTENT, "equations").items if isinstance(item, Equation)]

SOUND = {
    "equations.toml": r"""
[[equations]]
id = "line"
name = "A line through $0$"
latex = 'y = \sigma x'
symbols = [['x, y', 'two numbers'], ['\sigma', 'the slope']]
conditions = 'None.'
use = "lines"
chapter = "linear-algebra"
""",
    "glossary.toml": """
[[terms]]
id = "zero"
term = "zero"
meaning = 'Nothing.'

[[terms]]
id = "slope"
term = 'slope'
meaning = 'Of a line.'
""",
    "confusions.toml": """
[[confusions]]
id = "flat"
think = 'A line is flat.'
truth = 'If its slope is $0$.'
test = 'Put a ball on it.'
""",
    "further-reading.toml": """
[[papers]]
id = "euclid"
authors = "Euclid"
year = -300
title = "Elements"
why = 'It starts here.'
chapter = "linear-algebra"
""",
    "next-steps.md": "## Draw\n\nDraw a line.\n\n---\n\n## Rest\n\nSee [the map](map).\n",
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A course of chapters without content, and a sound reference."""
    shutil.copy(CONTENT / "course.toml", tmp_path)
    (tmp_path / "reference").mkdir()
    for name, text in SOUND.items():
        (tmp_path / "reference" / name).write_text(text, "utf-8")
    return tmp_path


def problems(content: Path) -> list[str]:
    """What is reported, as `file:line: message` with the file's name alone."""
    return [f"{Path(p.file).name}:{p.line}: {p.message}" for p in check_content(content, set(registry.LABS))]


def test_the_course_has_every_kind_and_its_central_equations() -> None:
    for kind in KINDS:
        assert entries(CONTENT, kind), kind
    ids = {equation.id for equation in EQUATIONS}
    guide = "svd attention cross-entropy kl elbo langevin sde reverse-sde score"
    assert ids >= set(guide.split())
    assert {equation.chapter for equation in EQUATIONS} == {stub.id for stub in load_course(CONTENT).chapters}


def test_what_is_taught_by_a_lesson_says_so() -> None:
    written = {stub.id for stub in load_course(CONTENT).chapters if load_chapter(CONTENT, stub.id).lessons}
    assert [e.id for e in EQUATIONS if e.chapter in written and not e.lesson] == []


def test_a_sound_reference_has_no_problems(small: Path) -> None:
    assert problems(small) == []


def test_without_a_reference_nothing_is_wrong_and_nothing_there(small: Path) -> None:
    shutil.rmtree(small / "reference")
    assert problems(small) == []
    assert [entries(small, kind) for kind in KINDS] == [()] * len(KINDS)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("equations.toml", "'y = ", "'y = a + ", "equations.toml:2: line: does not name the symbol a"),
        ("equations.toml", r"\sigma x", r"\foo x", r"2: line: the formula “y = \foo x”"),
        ("equations.toml", r"\sigma x", "x" + " + x" * 40, "columns wide, at most 76 are shown"),
        ("equations.toml", '"linear-algebra"', '"geometry"', "2: line: there is no chapter 'geometry'"),
        ("equations.toml", "conditions", "lab = 'sums'\nconditions", "2: line: there is no lab 'sums'"),
        ("equations.toml", "conditions", "lesson = 'sums#1'\nconditions", "2: line: there is no lesson 'sums'"),
        ("equations.toml", "'None.'", "' '", "2: line: the conditions is empty"),
        ("equations.toml", "use", "why", "unknown field `why`"),
        ("equations.toml", "[[equations]]", "[[equation]]", "equations.toml:1: unknown key 'equation'"),
        ("equations.toml", "latex", "= latex", "equations.toml:5: not TOML"),
        ("glossary.toml", '"slope"', '"zero"', "glossary.toml:7: 'zero' stands there twice"),
        ("glossary.toml", "'slope'", "'zero'", "glossary.toml:7: slope: the title “zero” stands there twice"),
        ("glossary.toml", "Of a line", "See [it](lesson:none)", "glossary.toml:7: slope: there is no lesson 'none'"),
        ("confusions.toml", "$0$", r"$\begin{foo}$", "confusions.toml:2: flat: the formula"),
        ("further-reading.toml", "-300", "'old'", "further-reading.toml:2: Expected `int`, got `str`"),
        ("next-steps.md", "## Rest", "Rest", "next-steps.md:7: a page must begin with a heading"),
        ("next-steps.md", "(map)", "(lab:none)", "next-steps.md:9: there is no lab 'none'"),
    ],
)
def test_each_slip_is_said_with_its_line(small: Path, file: str, old: str, new: str, said: str) -> None:
    path = small / "reference" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    found = problems(small)
    assert any(said in problem and problem.startswith(f"{file}:") for problem in found), found


def test_a_file_that_nothing_reads_is_said(small: Path) -> None:
    (small / "reference" / "equation.toml").write_text("")
    assert problems(small) == ["equation.toml:1: is no file of the reference"]


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda equation: equation.id)
def test_an_equation_whose_symbols_are_not_named_is_found_out(equation: Equation) -> None:
    assert unnamed(equation) == []
    bare = replace(equation, symbols=())
    for sign in unnamed(bare):
        others = tuple(s for s in equation.symbols if sign not in unnamed(replace(bare, latex=s.latex)))
        assert sign in unnamed(replace(equation, symbols=others))


def test_no_other_letter_stands_in_for_a_symbol() -> None:
    line = EQUATIONS[0]
    latex = r"\sigma_{max} = \mathbb{E}\, x^T \mathrm{KL} \mathrm{for\ all}\, d\theta"
    named = replace(line, latex=latex, symbols=(Named("x", ""), Named(r"\theta", "")))
    assert unnamed(named) == ["σ", "max", r"\mathbb{E}", "KL"]


def test_the_glossary_is_in_alphabetic_order_whatever_the_file_says(small: Path) -> None:
    assert [entry.title for entry in entries(small, "glossary")] == ["slope", "zero"]
    terms = [item.term for item in read_shelf(CONTENT, "glossary").items if isinstance(item, Term)]
    symbols = [plain(term) for term in terms if term.startswith("$")]
    words = sorted((term for term in terms if not term.startswith("$")), key=folded)
    assert [entry.title for entry in entries(CONTENT, "glossary")] == symbols + words
    assert symbols
    assert words


def test_words_are_found_whatever_their_case_accents_and_greek() -> None:
    equations = entries(CONTENT, "equations")

    def ids(words: str) -> set[str]:
        return {entry.id for entry in matching(equations, words)}

    assert "schrodinger-bridge" in ids("schrodinger") & ids("SCHRÖDINGER") & ids("Schrödinger bridge")
    assert ids("σ") == ids("sigma") == ids("\\sigma") != set()
    assert ids("langevin temperature") == {"langevin"}
    assert len(ids("")) == len(equations)
    assert ids("zzzz") == set()


def test_an_entry_is_found_by_its_name_or_it_is_said() -> None:
    assert find(CONTENT, "equations", "svd").lesson.startswith("svd")
    with pytest.raises(TutorError, match="has no 'none' among its key equations"):
        find(CONTENT, "equations", "none")
    with pytest.raises(TutorError, match="has no part 'recipes'; it has equations,"):
        entries(CONTENT, "recipes")


def test_a_spoilt_file_is_an_error_in_one_line(small: Path) -> None:
    shelf_path(small, "glossary").write_bytes(b"\xff")
    with pytest.raises(ContentError, match="is not UTF-8"):
        entries(small, "glossary")


@pytest.mark.parametrize("kind", KINDS)
def test_as_text_every_entry_fits_into_eighty_columns(kind: str) -> None:
    for entry in entries(CONTENT, kind):
        text = as_text(entry).partition("\n")[2]
        assert max(map(len, text.splitlines())) <= 80, entry.id
        assert "$" not in text


def test_the_verb_writes_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner().invoke
    listed = run(cli_verbs.app, ["reference"]).output.splitlines()
    assert [line.split("\t")[0] for line in listed] == list(KINDS)
    found = run(cli_verbs.app, ["reference", "equations", "langevin", "temperature"]).output
    assert found.startswith("Langevin dynamics\n")
    assert "→ lesson langevin, page 3; lab langevin-double-well" in found
    rows = [json.loads(line) for line in run(cli_verbs.app, ["reference", "--json"]).output.splitlines()]
    assert {row["kind"] for row in rows} == set(KINDS)
    assert next(row for row in rows if row["id"] == "svd")["target"] in {
        "reference:equations#svd",
        "reference:glossary#svd",
    }
    assert isinstance(run(cli_verbs.app, ["reference", "recipes"]).exception, TutorError)
