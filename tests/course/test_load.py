from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutor.course import load
from tutor.course.load import (
    ContentError,
    Problem,
    find_lesson,
    is_written,
    load_chapter,
    load_course,
    load_lesson,
    load_questions,
    read_bank,
    read_text,
    split_pages,
    table_lines,
)
from tutor.errors import TutorError

COURSE = """\
format_version = 1
title = "A course"

[[chapters]]
id = "one"
number = 1
title = "One"
part = "All"

[[chapters]]
id = "two"
number = 2
title = "Two"
part = "All"

[[weeks]]
first = 1
last = 1
chapter = "one"
focus = "first things"
hours = [6, 8]

[[weeks]]
first = 2
last = 3
chapter = "two"
focus = "second things"
hours = [1, 2]
"""
CHAPTER = """\
id = "one"
number = 1
title = "One"
why = '''
id = "this is text"
'''
lessons = ["a"]
labs = []
checkpoint = []

[[objectives]]
id = "o"
text = "Do it"
"""
LESSON = """\
+++
id = "a"
title = "Lesson a"
section = "1.1"
minutes = 5
+++

## First

---

## Second
"""
QUESTION = """\
[[questions]]
id = "{id}"
type = "true_false"
objectives = ["o"]
difficulty = 1
prompt = '''
[[questions]]
id = "inside a text"
'''
explanation = "e"
lesson = "a"
hints = []
answer = "true"
[[questions.wrong]]
answer = "false"
feedback = "f"
"""


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    (folder / "01-one" / "lessons").mkdir(parents=True)
    (folder / "course.toml").write_text(COURSE)
    (folder / "01-one" / "chapter.toml").write_text(CHAPTER)
    (folder / "01-one" / "lessons" / "a.md").write_text(LESSON)
    (folder / "01-one" / "questions.toml").write_text(QUESTION.format(id="q1") + "\n" + QUESTION.format(id="q2"))
    return folder


def everything(content: Path) -> list[Any]:
    return [
        load_course(content),
        load_chapter(content, "one"),
        load_lesson(content, "one", "a"),
        *load_questions(content, "one").values(),
    ]


def test_a_course_is_read(content: Path) -> None:
    course, chapter, lesson, first, second = everything(content)
    assert [(week.first, week.last, week.chapter, week.hours) for week in course.weeks] == [
        (1, 1, "one", (6, 8)),
        (2, 3, "two", (1, 2)),
    ]
    assert (chapter.title, chapter.lessons, chapter.prerequisites) == ("One", ("a",), ())
    assert (lesson.head.minutes, lesson.pages) == (5, ("## First\n", "## Second\n"))
    assert Path(lesson.path) == content / "01-one" / "lessons" / "a.md"
    assert (first.id, second.id, first.wrong[0].feedback) == ("q1", "q2", "f")
    assert 'id = "inside a text"' in first.prompt
    assert list(load_questions(content, "one")) == ["q1", "q2"]


def test_what_was_read_cannot_be_changed(content: Path) -> None:
    for thing in everything(content):
        assert type(thing).__struct_config__.frozen
        for field in thing.__struct_fields__:
            with pytest.raises(AttributeError, match="immutable type"):
                setattr(thing, field, getattr(thing, field))
            assert not isinstance(getattr(thing, field), list | dict | set)
    # What is handed out is a copy: changing it changes no other reader's questions.
    load_questions(content, "one").clear()
    assert list(load_questions(content, "one")) == ["q1", "q2"]


def test_every_class_of_content_refuses_unknown_keys_and_is_frozen() -> None:
    kinds = msgspec_kinds()
    assert len(kinds) >= 11
    assert all(kind.__struct_config__.forbid_unknown_fields and kind.__struct_config__.frozen for kind in kinds)


def msgspec_kinds() -> list[Any]:
    from tutor.course import model

    return [
        k
        for k in vars(model).values()
        if isinstance(k, type) and issubclass(k, msgspec.Struct) and k is not msgspec.Struct
    ]


def test_which_chapters_are_written(content: Path) -> None:
    assert is_written(content, "one")
    assert not is_written(content, "two")
    assert find_lesson(content, load_course(content), "a") == "one"
    with pytest.raises(TutorError, match="no lesson 'b'"):
        find_lesson(content, load_course(content), "b")
    with pytest.raises(TutorError, match="'two' has no content yet"):
        load_chapter(content, "two")


# -- errors ---

BROKEN = {
    # file: (old, new, text of the line that is named, message)
    "course.toml": [
        ('title = "A course"', 'title = "A course', 'title = "A course', "not TOML"),
        ("hours = [1, 2]\n", "hours = [1, 2", "hours = [1, 2", "not TOML"),
        ('title = "A course"', 'title = "A course"\nfoo = 1', "foo = 1", "unknown field `foo`"),
        ('title = "A course"\n', "", "format_version = 1", "missing required field `title`"),
        ("hours = [1, 2]", 'hours = [1, "x"]', 'hours = [1, "x"]', "Expected `float`, got `str`"),
        ("last = 3", 'last = "3"', 'last = "3"', "Expected `int`, got `str` - at `$.weeks[1].last`"),
        ("last = 3", "last = 3\nlust = 1", "lust = 1", "unknown field `lust` - at `$.weeks[1]`"),
        ('id = "two"', 'id = "../two"', 'id = "../two"', "matching regex"),
    ],
    "01-one/chapter.toml": [
        ("number = 1", "number = 1\nnumbr = 2", "numbr = 2", "unknown field `numbr`"),
        ('lessons = ["a"]', 'lessons = ["../a"]', 'lessons = ["../a"]', "matching regex"),
        ('text = "Do it"\n', "", "[[objectives]]", "missing required field `text`"),
        ('id = "o"', "id = 3", "id = 3", "at `$.objectives[0].id`"),
    ],
    "01-one/lessons/a.md": [
        ("minutes = 5", "minutes = '5'", "minutes = '5'", "Expected `int`, got `str`"),
        ("minutes = 5", "minutes = 5\nmood = 1", "mood = 1", "unknown field `mood`"),
        ("minutes = 5", "minutes 5", "minutes 5", "not TOML"),
        ('+++\nid = "a"', 'id = "a"', 'id = "a"', "must start with front matter"),
        ('id = "a"', 'id = "b"', 'id = "b"', "id 'b' differs from the file's name 'a'"),
    ],
    "01-one/questions.toml": [
        ("difficulty = 1", "difficulty = 1\nx = 2", "[[questions]]", "q1: Object contains unknown field `x`"),
        ('answer = "false"', 'answer = "false"\nx = 1', "[[questions]]", "q1: Object contains unknown field `x`"),
        ('type = "true_false"', 'type = "essay"', "[[questions]]", "q1: Invalid enum value 'essay'"),
        ('answer = "true"', "answer = true", "[[questions]]", "q1: Expected `str`, got `bool`"),
        ('explanation = "e"\n', "", "[[questions]]", "q1: Object missing required field `explanation`"),
        ('id = "q1"', 'id = "q 1"', "[[questions]]", "q 1: Expected `str` matching regex"),
        ('id = "q1"\n', "", "[[questions]]", "question: Object missing required field `id`"),
        ('[[questions]]\nid = "q1"', 'mood = 1\n[[questions]]\nid = "q1"', "mood = 1", "unknown key 'mood'"),
    ],
}


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "message"), [(file, *case) for file, cases in BROKEN.items() for case in cases]
)
def test_an_error_names_file_line_and_what_is_wrong(
    content: Path, file: str, old: str, new: str, line: str, message: str
) -> None:
    path = content / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ContentError) as caught:
        everything(content)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert message in problem.message
    assert path.read_text().splitlines()[problem.line - 1] == line
    assert str(caught.value) == f"{path}:{problem.line}: {problem.message}"


def test_a_bank_names_all_that_is_wrong_with_it(content: Path) -> None:
    path = content / "01-one" / "questions.toml"
    broken = QUESTION.replace("difficulty = 1", 'difficulty = "1"').format(id="q2")
    path.write_text("\n".join([QUESTION.format(id="q1"), broken, QUESTION.format(id="q1"), QUESTION.format(id="q 4")]))
    with pytest.raises(ContentError) as caught:
        load_questions(content, "one")
    starts = [at for at, line in enumerate(path.read_text().splitlines(), 1) if line == "[[questions]]"][::2]
    assert [(p.line, p.message.partition(":")[0]) for p in caught.value.problems] == [
        (starts[1], "q2"),
        (starts[2], "the id 'q1' is used twice"),
        (starts[3], "q 4"),
    ]
    assert str(caught.value).endswith("(and 2 more)")
    bank = read_bank(content, "one")
    assert list(bank.questions) == ["q1"]
    assert dict(bank.lines) == {"q1": starts[0], "q2": starts[1], "q 4": starts[3]}


@pytest.mark.parametrize("text", ["questions = 3", "questions = ['a']", "questions = [{ id = 'q' }]"])
def test_questions_must_stand_in_tables_of_their_own(content: Path, text: str) -> None:
    (content / "01-one" / "questions.toml").write_text(text)
    with pytest.raises(
        ContentError, match=r"questions\.toml:1: each question must begin with a line \[\[questions\]\]"
    ):
        load_questions(content, "one")


def test_no_question_is_lost_to_an_unusual_header(content: Path) -> None:
    """What TOML takes for a header is one, and what it takes for text is none."""
    path = content / "01-one" / "questions.toml"
    first = QUESTION.format(id="q1").replace("[[questions]]\nid", "  [[ questions ]]  # a note\nid", 1)
    second = QUESTION.format(id="q2").replace("'''", '"""').replace('"e"', "'\\' # [[questions]]")
    path.write_text(f'# "[[questions]]\n{first}\n{second}')
    bank = read_bank(content, "one")
    assert bank.problems == ()
    lines = path.read_text().splitlines()
    assert {name: lines[line] for name, line in bank.lines.items()} == {"q1": 'id = "q1"', "q2": 'id = "q2"'}


def test_a_file_that_is_missing_or_not_utf_8_is_named(content: Path) -> None:
    lesson = content / "01-one" / "lessons" / "a.md"
    lesson.write_bytes("+++\nid = é".encode("latin-1"))
    with pytest.raises(ContentError, match=r"a\.md:1: is not UTF-8 \(byte 9\)"):
        load_lesson(content, "one", "a")
    lesson.unlink()
    with pytest.raises(ContentError, match=r"a\.md:1: cannot be read: No such file"):
        load_lesson(content, "one", "a")
    with pytest.raises(ContentError, match="cannot be read: Is a directory"):
        read_text(content)


def test_problems_are_written_and_sorted_by_file_and_line() -> None:
    problems = [Problem("b", 1, "x"), Problem("a", 10, "x"), Problem("a", 9, "y"), Problem("a", 9, "x")]
    assert [str(problem) for problem in sorted(problems)] == ["a:9: x", "a:9: y", "a:10: x", "b:1: x"]
    assert [str(ContentError(problems[:n])) for n in (1, 2, 4)] == [
        "b:1: x",
        "b:1: x (and 1 more)",
        "b:1: x (and 3 more)",
    ]


# -- pages ---


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("a\n---\nb", ["a", "b"]),
        ("\n\na\n\n---  \n\nb\n\n", ["a", "b"]),
        ("a\n----\nb\n - --\n", ["a\n----\nb\n - --"]),
        ("```\n---\n```\n---\nb", ["```\n---\n```", "b"]),
        ("````text\n```\n---\n````\n---\nb", ["````text\n```\n---\n````", "b"]),
        ("~~~\n```\n---\n~~~\n---\nb", ["~~~\n```\n---\n~~~", "b"]),
        ("```\n--- not closed\n---\nb", ["```\n--- not closed\n---\nb"]),
        ("a\n---\n---\nb", ["a", "", "b"]),
        ("a\u2028b\x0cc\n---\nd", ["a\u2028b\x0cc", "d"]),
    ],
)
def test_pages_are_split_at_rules_outside_code(text: str, pages: list[str]) -> None:
    assert split_pages(text) == tuple(f"{page}\n" for page in pages)


@given(st.lists(st.text("ab# \n", min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_pages_put_together_are_split_into_the_same(pages: list[str]) -> None:
    stripped = tuple(page.strip() + "\n" for page in pages)
    assert split_pages("\n---\n".join(stripped)) == stripped


@given(st.lists(st.sampled_from(["[[t]]", "[[t.u]]", "k = 1", "s = '''\n[[t]]\n'''", "# [[t]]", "x = '[[t]]'", ""])))
def test_tables_are_found_where_toml_finds_them(rows: list[str]) -> None:
    keyless = [
        row.replace("k =", f"k{at} =").replace("s =", f"s{at} =").replace("x =", f"x{at} =")
        for at, row in enumerate(rows)
    ]
    text = "\n".join(["[[t]]", *keyless])
    found = table_lines(text, "t")
    assert len(found) == len(load.parse_toml(text, Path("t.toml"))["t"])
    assert all(text.splitlines()[line - 1] == "[[t]]" for line in found)
