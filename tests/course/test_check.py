import functools
import itertools
import os
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tutor.course import check, check_question, load
from tutor.course.check import check_content
from tutor.course.check_question import problems_of
from tutor.course.load import Problem, read_bank
from tutor.course.model import Question
from tutor.errors import TutorError
from tutor.exercises.child import run_code
from tutor.labs import registry

CONTENT = Path(__file__).parents[2] / "content"


def run(source: str) -> tuple[bool, str]:
    result = run_code(source, seconds=120)
    return result.outcome == "ok", result.output if result.outcome == "ok" else result.error


# -- the course itself ---


@pytest.mark.skipif("CI" in os.environ, reason="`make check`, which CI runs as well, does the same")
def test_the_course_has_no_problems() -> None:
    assert check_content(CONTENT, set(registry.LABS)) == []


@pytest.mark.full
def test_all_code_of_the_course_runs_and_prints_what_the_pages_say() -> None:
    assert check_content(CONTENT, set(registry.LABS), run) == []


# -- no key of the course can be flipped ---

BANKS = {path.parent.name[3:]: path for path in sorted(CONTENT.glob("[0-9][0-9]-*/questions.toml"))}
QUESTIONS = [
    (chapter, item) for chapter, path in BANKS.items() for item in tomllib.loads(path.read_text())["questions"]
]


def blocks(text: str) -> list[str]:
    """The text of each question, as it stands in the file."""
    return re.split(r"(?m)^(?=\[\[questions\]\])", text)[1:]


def flips(item: dict[str, Any], block: str) -> Iterator[str]:
    """The question with its key turned round, in every way that a slip of an author could do it."""
    match item["type"]:
        case "single_choice" | "multiple_choice":
            head, *options = re.split(r"(?m)^(?=\[\[questions\.choices\]\])", block)
            right = [at for at, option in enumerate(options) if "\ncorrect = true\n" in option + "\n"]
            for at, option in enumerate(options):
                if at in right and item["type"] == "single_choice":
                    continue
                turned = dict.fromkeys(right) if item["type"] == "single_choice" else {}
                for other in {*turned, at}:
                    text = options[other]
                    turned[other] = (
                        text.replace("correct = true\n", "")
                        if other in right
                        else f"{text.rstrip()}\ncorrect = true\n\n"
                    )
                assert option != turned[at]
                yield head + "".join(turned.get(place) or text for place, text in enumerate(options))
        case "true_false":
            key, other = ('answer = "true"', 'answer = "false"')
            if item["answer"] == "false":
                key, other = other, key
            yield block.replace(f"\n{key}\n", f"\n{other}\n", 1)
        case "numeric" | "expression" | "short_answer" | "tracing":
            for wrong in item["wrong"]:
                yield block.replace(f'\nanswer = "{item["answer"]}"\n', f'\nanswer = "{wrong["answer"]}"\n', 1)
        case "match":
            # The right sides of any two pairs exchanged, each with what is said of it.
            head, *pairs = re.split(r"(?m)^(?=\[\[questions\.pairs\]\])", block)
            for one, other in itertools.combinations(range(len(pairs)), 2):
                if item["pairs"][one]["right"] != item["pairs"][other]["right"]:
                    yield head + "".join(exchanged(pairs, one, other))
        case "cloze":
            yield from flipped_gaps(block, "gaps")
        case "order":
            start = block.index("items = [")
            end = block.index("\n]\n", start)
            first, *lines = block[start:end].splitlines()
            # The last line first; and the whole order upside down.
            yield block[:start] + "\n".join([first, lines[-1], *lines[:-1]]) + block[end:]
            yield block[:start] + "\n".join([first, *reversed(lines)]) + block[end:]
            for line in item.get("distractors", []):
                # Taken for one of the lines that belong there.
                text = line["text"].replace("'", "’")
                stray = f"\n  {{ id = \"stray\", text = '{text} ' }},"
                yield block[:end] + stray + block[end:]
            yield from flipped_gaps(block, "fades")
        case "self_graded":
            # The learner is the grader; what can get lost is what there is to compare with.
            yield re.sub(r"(?ms)^answer = '''.*?'''$", "answer = ''", block, count=1)
            yield re.sub(r"(?ms)^rubric = \[.*?^\]$", "rubric = []", block, count=1)


def exchanged(pairs: list[str], one: int, other: int) -> list[str]:
    """Two pairs of a match with their right sides exchanged."""
    sides = re.compile(r"(?m)^(?:right|feedback) = .*\n")
    turned = list(pairs)
    for at, source in ((one, other), (other, one)):
        head, mark, rest = pairs[at].partition("[[questions.pairs.")
        taken = "".join(sides.findall(pairs[source].partition("[[questions.pairs.")[0]))
        turned[at] = sides.sub("", head).rstrip("\n") + "\n" + taken + mark + rest
    return turned


def flipped_gaps(block: str, name: str) -> Iterator[str]:
    """Every gap of a question with a wrong answer of its own for its right one."""
    head, *gaps = re.split(rf"(?m)^(?=\[\[questions\.{name}\]\])", block)
    for at, gap in enumerate(gaps):
        item = tomllib.loads(gap)["questions"][name][0]
        choices = re.split(rf"(?m)^(?=\[\[questions\.{name}\.choices\]\])", gap)
        turned = []
        if item["type"] == "single_choice":
            right = next(place for place, text in enumerate(choices) if "\ncorrect = true\n" in text + "\n")
            for other in range(1, len(choices)):
                if other != right:
                    moved = [text.replace("correct = true\n", "") for text in choices]
                    moved[other] = f"{choices[other].rstrip()}\ncorrect = true\n"
                    turned.append("".join(moved))
        turned += [
            gap.replace(f'\nanswer = "{item["answer"]}"\n', f'\nanswer = "{wrong["answer"]}"\n', 1)
            for wrong in item.get("wrong", [])
        ]
        assert turned, "a gap needs something to be taken for its answer"
        for other in turned:
            yield head + "".join([*gaps[:at], other, *gaps[at + 1 :]])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[Path, list[Problem]]]]:
    """Makes the course with one chapter written, and says what is reported of it before any key is flipped."""

    @functools.cache
    def course(chapter: str) -> tuple[Path, list[Problem]]:
        folder = tmp_path_factory.mktemp(chapter)
        shutil.copy(CONTENT / "course.toml", folder)
        shutil.copytree(BANKS[chapter].parent, folder / BANKS[chapter].parent.name)
        return folder, check_content(folder, set(registry.LABS))

    with pytest.MonkeyPatch.context() as patch:
        # What `verify` gives does not depend on the key: it is computed once for all flips.
        patch.setattr(check_question, "_eval", functools.lru_cache(maxsize=None)(check_question._eval))
        # Nor have the questions that are left as they were to be checked each time.
        patch.setattr(check, "problems_of", functools.lru_cache(maxsize=None)(check.problems_of))
        yield course


@pytest.mark.parametrize(
    ("chapter", "item"),
    # A chapter is read whole once a process: all its questions in one.
    [
        pytest.param(chapter, item, id=item["id"], marks=pytest.mark.xdist_group(f"bank of {chapter}"))
        for chapter, item in QUESTIONS
    ],
)
def test_a_flipped_key_is_reported_with_file_line_and_id(
    alone: Callable[[str], tuple[Path, list[Problem]]], chapter: str, item: dict[str, Any]
) -> None:
    copy, sound = alone(chapter)
    path = copy / BANKS[chapter].relative_to(CONTENT)
    text = BANKS[chapter].read_text()
    block = next(block for block in blocks(text) if f'\nid = "{item["id"]}"\n' in block)
    line = text[: text.index(block)].count("\n") + 1
    flipped = list(flips(item, block))
    for other in flipped:
        (turned,) = tomllib.loads(other)["questions"]
        assert turned != item
        assert problems_of(load.convert(turned, Question, path, line))
    # What is found in a question by itself is found in the file, at its place, and nothing else is.
    try:
        path.write_text(text.replace(block, flipped[0]))
        read_bank.cache_clear()
        found = check_content(copy, set(registry.LABS))
    finally:
        path.write_text(text)
        read_bank.cache_clear()
    old = {problem.message for problem in sound}
    assert {(p.file, p.line, p.message.partition(":")[0]) for p in found if p.message not in old} == {
        (str(path), line, item["id"])
    }


def test_questions_of_every_kind_are_flipped() -> None:
    assert {item["type"] for _, item in QUESTIONS} >= {
        "single_choice", "multiple_choice", "true_false", "numeric", "expression", "order", "self_graded",
        "short_answer", "tracing", "match", "cloze",
    }  # fmt: skip
    assert len(QUESTIONS) == sum(len(blocks(path.read_text())) for path in BANKS.values()) >= 20


# -- every rule fires, on a small course that is otherwise sound ---

COURSE = """\
format_version = 1
title = "A course"

[[chapters]]
id = "small"
number = 1
title = "Small"
part = "All"

[[chapters]]
id = "later"
number = 2
title = "Later"
part = "All"

[[weeks]]
first = 1
last = 1
chapter = "small"
focus = "first things"
hours = [1, 2]

[[weeks]]
first = 2
last = 3
chapter = "later"
focus = "second things"
hours = [1, 2]
"""
CHAPTER = """\
id = "small"
number = 1
title = "Small"
why = "because"
lessons = ["one", "two"]
labs = ["a-lab"]
checkpoint = ["choice", "number"]

[[objectives]]
id = "o"
text = "Do it"
"""
ONE = r"""+++
id = "one"
title = "Lesson one"
section = "1.1"
minutes = 5
objectives = ["o"]
labs = ["a-lab"]
questions = ["formula"]
+++

## First page

An inline $\sigma_1$ and a display formula:

$$
y = \frac{a}{b}
$$

See [the lab](lab:a-lab), [the end](lesson:two#2), [page](lesson:two), [drill](practice:one), [quiz](checkpoint:small),
[home](today) and [web](https://example.org/a#b). Code: `x[0](lab:none)`.

---

## Second page

```python run
print(1 + 1)
print("two")
```

```output
2
two
```
"""
TWO = """+++
id = "two"
title = "Lesson two"
section = "1.2"
minutes = 5
+++

## First page

---

## Second page
"""
BANK = r"""
[[questions]]
id = "choice"
type = "single_choice"
objectives = ["o"]
difficulty = 2
prompt = 'Which is **not** odd? `if not x` and $\sigma$.'
verify = '4 % 2 == 0 and 3 % 2'
hints = ['one', 'two', 'three']
explanation = 'Since $4 = 2 \cdot 2$.'
lesson = "one#2"
[[questions.choices]]
text = "Four"
correct = true
[[questions.choices]]
text = "Three"
feedback = "3 is odd."
[[questions.choices]]
text = "None of the above"
fixed = true
feedback = "4 is even."

[[questions]]
id = "several"
type = "multiple_choice"
objectives = ["o"]
difficulty = 2
prompt = 'Which are even?'
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "one"
[[questions.choices]]
text = "4"
correct = true
[[questions.choices]]
text = "6"
correct = true
[[questions.choices]]
text = "7"
feedback = "odd"

[[questions]]
id = "claim"
type = "true_false"
objectives = ["o"]
difficulty = 2
prompt = 'True or false: 4 is even.'
answer = "true"
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
[[questions.wrong]]
answer = "false"
feedback = "It is."

[[questions]]
id = "number"
type = "numeric"
objectives = ["o"]
difficulty = 2
prompt = 'What is the root of 2 (±0.01)?'
answer = "1.414"
alternatives = ["sqrt(2)"]
tolerance = 0.01
verify = 'np.sqrt(2)'
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two#2"
[[questions.wrong]]
answer = "1/sqrt(2)"
feedback = "upside down"
[[questions.wrong]]
answer = "2"
feedback = "not the root"

[[questions]]
id = "formula"
type = "expression"
objectives = ["o"]
difficulty = 2
prompt = 'The area?'
answer = "a*b"
alternatives = ["b a"]
symbols = [{ name = "a", low = 1.0, high = 2.0 }, { name = "b", low = 1.0, high = 2.0 }]
verify = 'np.outer([a], [b])[0, 0]'
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
[[questions.wrong]]
answer = "a+b"
feedback = "a sum"

[[questions]]
id = "lines"
type = "order"
objectives = ["o"]
difficulty = 2
prompt = 'Put them in order.'
items = [
  { id = "x", text = 'x' },
  { id = "y", text = 'y', needs = ["x"] },
  { id = "z", text = 'z', needs = ["x"] },
]
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"

[[questions]]
id = "sizes"
type = "order"
objectives = ["o"]
difficulty = 2
prompt = 'The smallest on top.'
items = [{ id = "s", text = 's' }, { id = "m", text = 'm' }, { id = "l", text = 'l' }]
verify = '{"s": 1, "m": 2, "l": 3}'
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"

[[questions]]
id = "word"
type = "short_answer"
objectives = ["o"]
difficulty = 2
prompt = 'What do curves that bend upwards have?'
answer = "convexity"
alternatives = ["convex"]
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
[[questions.wrong]]
answer = "concavity"
feedback = "bends downwards"

[[questions]]
id = "trace"
type = "tracing"
objectives = ["o"]
difficulty = 2
prompt = '''
What is w after the second round (±0.01)?

```python
w = 8.0
for _ in range(3):
    w = w / 2
```
'''
answer = "2"
after = { line = 3, times = 2 }
verify = 'w'
tolerance = 0.01
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
[[questions.wrong]]
answer = "1"
feedback = "three rounds"

[[questions]]
id = "prints"
type = "tracing"
objectives = ["o"]
difficulty = 2
prompt = '''
What is printed?

```python
print([1, 2], 3 > 2)
```
'''
answer = "[1, 2] True"
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
[[questions.wrong]]
answer = "[1, 2] False"
feedback = "3 is more"

[[questions]]
id = "pairs"
type = "match"
objectives = ["o"]
difficulty = 2
prompt = 'What goes with what?'
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
distractors = [{ id = "none", text = 'rain', feedback = 'It falls everywhere.' }]
[[questions.pairs]]
id = "day"
left = 'day'
right = 'sun'
feedback = 'The sun is up by day.'
wrong = [{ answer = 'moon', feedback = 'Rarely.' }, { answer = 'dawn', feedback = 'Before.' }]
[[questions.pairs]]
id = "night"
left = 'night'
right = 'moon'
feedback = 'The moon is seen at night.'
wrong = [{ answer = 'dawn', feedback = 'After.' }]
[[questions.pairs]]
id = "morning"
left = 'morning'
right = 'dawn'
feedback = 'Dawn is early.'

[[questions]]
id = "figures"
type = "match"
objectives = ["o"]
difficulty = 2
prompt = 'How much is it?'
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
verify = '{"two": 2, "four": 2 * 2, "half": 1 / 2}'
[[questions.pairs]]
id = "two"
left = 'two'
right = '2'
feedback = 'even'
[[questions.pairs]]
id = "four"
left = 'four'
right = '$4$'
feedback = 'even'
[[questions.pairs]]
id = "half"
left = 'half'
right = '1/2'
feedback = 'small'

[[questions]]
id = "gaps"
type = "cloze"
objectives = ["o"]
difficulty = 2
prompt = 'Two and two are ①, which is ②, and $(a+b)^2 = a^2 + ③ + b^2$, a ④.'
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
[[questions.gaps]]
name = "①"
type = "numeric"
answer = "4"
verify = '2 + 2'
wrong = [{ answer = "22", feedback = "added, not written" }]
[[questions.gaps]]
name = "②"
type = "short_answer"
answer = "even"
wrong = [{ answer = "odd", feedback = "divisible by 2" }]
[[questions.gaps]]
name = "③"
type = "expression"
answer = "2*a*b"
symbols = [{ name = "a", low = 1.0, high = 2.0 }, { name = "b", low = 1.0, high = 2.0 }]
verify = '(a + b) ** 2 - a**2 - b**2'
wrong = [{ answer = "a*b", feedback = "twice" }]
[[questions.gaps]]
name = "④"
type = "single_choice"
[[questions.gaps.choices]]
text = "square"
correct = true
[[questions.gaps.choices]]
text = "cube"
feedback = "power 2"

[[questions]]
id = "derive"
type = "order"
objectives = ["o"]
difficulty = 2
prompt = 'Put them in order.'
items = [
  { id = "p", text = 'p' },
  { id = "q", text = 'q', needs = ["p"] },
  { id = "r", text = 'r', needs = ["q"] },
  { id = "t", text = 't', needs = ["r"] },
]
distractors = [{ id = "d", text = 'd', feedback = 'Does not follow.' }]
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
[[questions.fades]]
name = "q"
text = 'q is ①'
type = "short_answer"
answer = "cue"
wrong = [{ answer = "queue", feedback = "shorter" }]
[[questions.fades]]
name = "t"
text = 't is ②'
type = "numeric"
answer = "3"
verify = '1 + 2'
wrong = [{ answer = "2", feedback = "and one" }]

[[questions]]
id = "varied"
type = "numeric"
objectives = ["o"]
difficulty = 2
prompt = 'How much is {{n}} less {{k}} (±0.01)?'
variants = [{ name = "n", values = [10, 20] }, { name = "k", low = 0.5, high = 4.5, step = 0.5 }]
answer = "{{n}} - {{k}}"
tolerance = 0.01
verify = 'np.subtract({{n}}, {{k}})'
hints = ['one', '{{n}}', 'three']
explanation = 'It is {{n-k:.1f}}.'
lesson = "two"
[[questions.wrong]]
answer = "{{n}} + {{k}}"
feedback = "that is more than {{n}}"

[[questions]]
id = "matrix"
type = "numeric"
objectives = ["o"]
difficulty = 2
prompt = 'Twice the unit matrix?'
answer = "[2, 0; 0, 2]"
verify = '2 * np.eye(2)'
hints = ['one', 'two', 'three']
explanation = 'e'
lesson = "two"
[[questions.wrong]]
answer = "[1, 0; 0, 1]"
feedback = "once"

[[questions]]
id = "recall"
type = "self_graded"
objectives = ["o"]
difficulty = 2
prompt = 'Why?'
answer = 'Because of $\sigma$.'
rubric = ['first', 'second', 'third']
hints = []
explanation = 'e'
lesson = "two"
"""
FILES = {
    "course.toml": COURSE,
    "01-small/chapter.toml": CHAPTER,
    "01-small/lessons/one.md": ONE,
    "01-small/lessons/two.md": TWO,
    "01-small/questions.toml": BANK,
}
FAILURE = "ValueError: no\n  (line 3)"
FORBIDDEN = {"bad": (False, FAILURE)}


def small_run(source: str) -> tuple[bool, str]:
    return FORBIDDEN.get(source.strip(), (True, "2\ntwo\n"))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def problems(folder: Path) -> list[Problem]:
    return check_content(folder, {"a-lab"}, small_run)


def test_the_small_course_has_no_problems(tmp_path: Path) -> None:
    assert problems(write(tmp_path, FILES)) == []


WIDE = "a_{1} + " * 40 + "b"
FILE_RULES = {
    # file: (old, new, text of the line that is named, message)
    "course.toml": [
        ('id = "later"', 'id = "small"', None, "the chapter id 'small' is used twice"),
        ('chapter = "later"', 'chapter = "no"', "[[weeks]]", "week 2 is for the chapter 'no', which is not listed"),
        ("first = 2", "first = 3", "[[weeks]]", "week 3 does not follow the one before it"),
        ("first = 2\nlast = 3", "first = 2\nlast = 1", "[[weeks]]", "week 2 does not follow the one before it"),
        ("hours = [1, 2]", "hours = [2, 1]", "[[weeks]]", "week 1: hours go from least to most"),
        ('title = "A course"', 'title = "A course"\nmood = 1', "mood = 1", "unknown field `mood`"),
    ],
    "01-small/chapter.toml": [
        ('id = "small"', 'id = "smal"', 'id = "smal"', "id, number or title differ from those in course.toml"),
        ("number = 1", "number = 2", 'id = "small"', "id, number or title differ from those in course.toml"),
        ('title = "Small"', 'title = "Big"', 'id = "small"', "id, number or title differ from those in course.toml"),
        ('labs = ["a-lab"]', 'labs = ["b-lab"]', 'id = "small"', "there is no lab 'b-lab'"),
        ('labs = ["a-lab"]', 'labs = ["a-lab", "a-lab"]', 'id = "small"', "the lab 'a-lab' is listed twice"),
        ('"one", "two"', '"one", "two", "one"', 'id = "small"', "the lesson 'one' is listed twice"),
        (
            '"choice", "number"',
            '"choice", "choice"',
            'id = "small"',
            "question of the checkpoint 'choice' is listed twice",
        ),
        ('"choice", "number"', '"choice", "no"', 'id = "small"', "the checkpoint asks 'no', which is not in the bank"),
        (
            "[[objectives]]\n",
            '[[objectives]]\nid = "p"\ntext = "p"\n[[objectives]]\n',
            'id = "small"',
            "no question tests the objective 'p'",
        ),
        (
            "[[objectives]]\n",
            '[[objectives]]\nid = "o"\ntext = "p"\n[[objectives]]\n',
            'id = "small"',
            "the objective 'o' is listed twice",
        ),
        ('["one", "two"]', '["one", "two", "../x"]', 'lessons = ["one", "two", "../x"]', "matching regex"),
        ('["one", "two"]', '["one", "two", "three"]', None, "three.md:1: cannot be read: No such file"),
    ],
    "01-small/lessons/one.md": [
        ('questions = ["formula"]', 'questions = ["no"]', 'id = "one"', "asks 'no', which is not in the bank"),
        ('["formula"]', '["formula", "choice"]', 'id = "one"', "practises 'choice', which is kept for the checkpoint"),
        ('labs = ["a-lab"]', 'labs = ["b-lab"]', 'id = "one"', "there is no lab 'b-lab'"),
        ('objectives = ["o"]', 'objectives = ["p"]', 'id = "one"', "there is no objective 'p'"),
        ("minutes = 5", "minute = 5", "minute = 5", "unknown field `minute`"),
        ("## Second", "## Second" + "\nline" * 70, "## Second", "page 2 has 81 lines, at most 62 are comfortable"),
        ("## Second", "Second", "Second page", "page 2 must begin with a heading `## …`"),
        ("## First page", "## 1" + "\n\n---\n\n## 2" * 7, 'id = "one"', "has 9 pages: more than 8 are two lessons"),
        # steps
        ("Code: `x[0](lab:none)`.", "\n\n. . .", ". . .", "nothing stands below this mark . . ."),
        ("An inline", ". . .\n\nAn inline", ". . .", "nothing stands between this mark . . . and what is above it"),
        ("See [the", "\n. . .\nSee [the", ". . .", "a mark . . . stands alone between two blank lines, in no list"),
        ("See [the", "- . . .\n\nSee [the", "- . . .", "a mark . . . stands alone between two blank lines"),
        # formulas
        (
            r"\frac{a}{b}",
            r"\underbrace{a}",
            r"y = \underbrace{a}",
            r"has \underbrace, which cannot be written on one row",
        ),
        (r"\frac{a}{b}", r"\boldsymbol{a}", r"y = \boldsymbol{a}", r"has \boldsymbol, which cannot be drawn"),
        (r"\frac{a}{b}", "v_i^T", "y = v_i^T", "loses “T” when it is drawn"),
        (r"\frac{a}{b}", r"\frac{a}", r"y = \frac{a}", "lacks an argument"),
        (r"\frac{a}{b}", r"\oint b", r"y = \oint b", r"has \oint, which cannot be written on one row"),
        (r"y = \frac{a}{b}", WIDE, WIDE, "is 201 columns wide, at most 76 are shown"),
        (
            r"inline $\sigma_1$",
            "$a$ $\\beta$\nand $b$ $\\foo b$",
            "and $b$ $\\foo b$ and a display formula:",
            r"the formula “\foo b” has \foo",
        ),
        (r"inline $\sigma_1$", "\n$x_{1$", "$x_{1$ and a display formula:", "the formula “x_{1” has a { without its }"),
        # links
        ("lab:a-lab)", "lab:b-lab)", "See [the lab]", "there is no lab 'b-lab'"),
        ("lesson:two#2", "lesson:two#3", "See [the lab]", "the lesson 'two' has no page '3'"),
        ("lesson:two#2", "lesson:two#end", "See [the lab]", "the lesson 'two' has no page 'end'"),
        ("lesson:two)", "lesson:no)", "See [the lab]", "there is no lesson 'no'"),
        ("practice:one", "practice:no", "See [the lab]", "there is no lesson 'no'"),
        ("checkpoint:small", "checkpoint:later", "See [the lab]", "there is no chapter 'later'"),
        ("(today)", "(yesterday)", "[home]", "there is nothing to open at 'yesterday'"),
        ("(today)", "(labs:a-lab)", "[home]", "there is nothing to open at 'labs:a-lab'"),
        # code
        ('print(1 + 1)\nprint("two")', "bad", "```python run", "the code fails: ValueError: no (line 3)"),
        ("\n2\ntwo\n", "\n2\ntow\n", "tow", "the code prints 'two', the page says 'tow'"),
        ("\n2\ntwo\n", "\n2\n", "```", "the code prints 'two', the page says nothing"),
        ("\n2\ntwo\n", "\n2\ntwo\n3\n", "3", "the code prints nothing, the page says '3'"),
        ("```output", "```text", "```python run", "a block `python run` must be followed by its output block"),
        (
            "```output",
            "words\n\n```output",
            "```python run",
            "a block `python run` must be followed by its output block",
        ),
        ("```python run", "```python", "```output", "an output block must follow a block `python run`"),
        ("print(1 + 1)", "# " + "x" * 71, "# " + "x" * 71, "code is 73 columns wide, at most 72 are shown"),
    ],
    "01-small/questions.toml": [
        ('id = "several"', 'id = "choice"', "[[questions]]", "the id 'choice' is used twice"),
        ("[[questions]]", "mood = 1\n[[questions]]", "mood = 1", "unknown key 'mood'"),
        ("= ['one', 'two', 'three']", "= ['one'", None, "not TOML"),
    ],
}
QUESTION_RULES = {
    # id: (old, new, message)
    "choice": [
        ("difficulty = 2", "difficulty = 11", "difficulty must be 1 to 10"),
        ("difficulty = 2", "difficulty = 2\nmood = 1", "Object contains unknown field `mood`"),
        ('type = "single_choice"', 'type = "essay"', "Invalid enum value 'essay'"),
        ("['one', 'two', 'three']", "['one', 'two']", "has 2 hints, 3 are needed"),
        ("['one', 'two', 'three']", "['one', ' ', 'three']", "has an empty hint"),
        (r"'Since $4 = 2 \cdot 2$.'", "' '", "has no explanation"),
        ("**not** odd", "not odd", "has a lower-case “not” in its prompt"),
        ('objectives = ["o"]', 'objectives = ["p"]', "there is no objective 'p'"),
        ('objectives = ["o"]', "objectives = []", "names no objective"),
        ('lesson = "one#2"', 'lesson = "one#3"', "the lesson 'one' has no page '3'"),
        ('lesson = "one#2"', 'lesson = "no"', "there is no lesson 'no'"),
        (r"$4 = 2 \cdot 2$", r"$4 = \foo$", r"the formula “4 = \foo” has \foo"),
        ("Since $4", "See [it](lab:no), since $4", "there is no lab 'no'"),
        ("3 is odd.", r"3 is $\\foo$.", r"the formula “\foo” has \foo"),
        ('text = "Three"', 'text = "Three"\ncorrect = true', "has 2 right choices, one is needed"),
        ("correct = true\n", "", "has 0 right choices, one is needed"),
        ('text = "Four"', 'text = "Four"\nfeedback = "Yes"', "the right choice “Four” has feedback"),
        ('feedback = "3 is odd."\n', "", "the wrong choice “Three” has no feedback"),
        ("fixed = true\n", "", "the choice “None of the above” names others by place, and choices are shuffled"),
        ("4 % 2 == 0", "4 % 2 == 1", "verify is false: 4 % 2 == 1 and 3 % 2"),
        ("4 % 2 == 0", "4 % 0 == 0", "cannot be checked: ZeroDivisionError"),
        ("4 % 2 == 0", "4 %% 2", "cannot be checked: SyntaxError"),
        ("4 % 2 == 0", "kernels.no.f()", "cannot be checked: ModuleNotFoundError: No module named 'kernels.no'"),
    ],
    "several": [
        ('feedback = "odd"', "correct = true", "needs right and wrong choices"),
        ('text = "7"', 'text = "4"', "the choice “4” stands twice"),
        ('text = "7"', 'text = "Neither of the above"', "names others by place"),
    ],
    "claim": [
        ('answer = "true"', 'answer = "yes"', "the answer 'yes' must be true or false"),
        ('answer = "true"', 'answer = "false"', "needs one wrong answer, 'true', with feedback"),
        ('feedback = "It is."', 'feedback = ""', "has a wrong answer without feedback"),
        ("hints =", "verify = '4 % 2'\nhints =", "verify says that the statement is false: 4 % 2"),
    ],
    "number": [
        ('answer = "1.414"', 'answer = "1,414"', "of another shape than the answer 1,414"),
        ('["sqrt(2)"]', '["sqrt 2"]', "the answer 'sqrt 2' cannot be read"),
        ('answer = "1/sqrt(2)"', 'answer = "1/"', "the answer '1/' cannot be read"),
        ('answer = "1/sqrt(2)"', 'answer = "1.41"', "the wrong answer '1.41' is graded right"),
        ('answer = "2"', 'answer = "0.7"', "the wrong answer '0.7' gets the feedback of another one"),
        ("tolerance = 0.01", "", "the answer is no whole number and has no tolerance"),
        ("tolerance = 0.01", "tolerance = -0.01", "the tolerance is negative"),
        ("(±0.01)", "", "the prompt does not state the tolerance, ±0.01"),
        ("= 0.01", '= 0.01\ntolerance_type = "relative"', "the prompt does not state the tolerance, ±1 %"),
        ("np.sqrt(2)", "np.sqrt(3)", "verify gives 1.73205"),
        ("np.sqrt(2)", "np.sqrt(-1)", "verify gives nan"),
        ('answer = "1.414"', 'answer = "1.42"', "verify gives 1.4142135623730951: 1.42 is too coarse"),
        ("verify = 'np.sqrt(2)'\n", "", "has no verify that recomputes the answer"),
        ("lesson =", "rubric = ['a']\nlesson =", "is numeric: 'rubric' has no meaning there"),
    ],
    "formula": [
        ('answer = "a*b"', 'answer = "a*c"', "the answer 'a*c' cannot be read: “c” is not known here"),
        ('["b a"]', '["a+b"]', "the wrong answer 'a+b' is graded right"),
        ('answer = "a+b"', 'answer = "b*a"', "the wrong answer 'b*a' is graded right"),
        ("np.outer([a], [b])[0, 0]", "a * b * b", "at a = "),
        ("np.outer([a], [b])[0, 0]", "a * b + 1e-6", "at a = "),
        ("np.outer([a], [b])[0, 0]", "a / (b - b)", "cannot be checked: ZeroDivisionError"),
        ("verify = 'np.outer([a], [b])[0, 0]'\n", "", "has no verify that recomputes the answer"),
        ('"a", low = 1.0', '"a", low = 2.0', "a symbol's domain is empty"),
        ("2.0 }]", '2.0 }, { name = "e", low = 1, high = 2 }]', "the symbol 'e' hides what e means everywhere else"),
        ("2.0 }]", '2.0 }, { name = "a b", low = 1, high = 2 }]', "the symbol 'a b' cannot be typed"),
        ("2.0 }]", '2.0 }, { name = "b_", low = 1, high = 2 }]', "the symbol 'b_' cannot be typed"),
    ],
    "lines": [
        ("""  { id = "z", text = 'z', needs = ["x"] },\n""", "", "has fewer than three lines to order"),
        ('{ id = "z"', '{ id = "y"', "uses the item id 'y' twice"),
        ("text = 'z'", "text = 'y'", "has two lines “y”"),
        ('needs = ["x"]', 'needs = ["w"]', "the line 'y' needs 'w', which is no line"),
        ('needs = ["x"]', 'needs = ["z"]', "the order as written is not a right one"),
        ("lesson =", 'answer = "x"\nlesson =', "is order: 'answer' has no meaning there"),
    ],
    "sizes": [
        ("""verify = '{"s": 1, "m": 2, "l": 3}'\n""", "", "has neither needs nor a verify with a value for each line"),
        ('"m": 2', '"m": 3.5', "verify gives {'s': 1.0, 'm': 3.5, 'l': 3.0}, which does not ascend"),
        ('"m": 2', '"m": 1', "verify gives {'s': 1.0, 'm': 1.0, 'l': 3.0}, which does not ascend"),
        ('"m": 2', '"n": 2', "verify must give a dict with a value for the id of each line"),
        ('{"s": 1, "m": 2, "l": 3}', "[1, 2, 3]", "verify must give a dict with a value for the id of each line"),
    ],
    "word": [
        ('answer = "convexity"', 'answer = "…"', "the answer '…' has no letters"),
        ('answer = "convexity"', 'answer = "4"', "the answer '4' is a number: this is a numeric question"),
        ('answer = "concavity"', 'answer = "Con-vex"', "the wrong answer 'Con-vex' is graded right"),
        ('[[questions.wrong]]\nanswer = "concavity"\nfeedback = "bends downwards"\n', "", "declares no wrong answer"),
        ("lesson =", """verify = '"flat"'\nlesson =""", "verify gives 'flat', which is graded wrong"),
    ],
    "trace": [
        ("w = w / 2", "w = w / 4", "the code gives 0.5, the answer is 2"),
        ("times = 2", "times = 3", "the code gives 1.0, the answer is 2"),
        ("times = 2", "times = 4", "cannot be checked: LookupError: line 3 does not run 4 times"),
        ("verify = 'w'\n", "", "names a moment, but no verify that says what is asked there"),
        ("w = w / 2", "w = v / 2", "cannot be checked: NameError"),
        ("```python", "```text", "has 0 blocks ```python in its prompt, one is needed"),
        ('answer = "1"', 'answer = "1.999"', "the wrong answer '1.999' is graded right"),
        ("(±0.01)", "", "the prompt does not state the tolerance, ±0.01"),
    ],
    "prints": [
        ("3 > 2", "3 < 2", "the code gives '[1, 2] False', the answer is '[1, 2] True'"),
        ('answer = "[1, 2] True"', 'answer = "[1, 2]"', "the code prints '[1, 2] True', the answer is '[1, 2]'"),
        ('answer = "[1, 2] False"', 'answer = "[1,2] true"', "the wrong answer '[1,2] true' is graded right"),
    ],
    "pairs": [
        ("right = 'sun'", "right = 'moon'", "day: its own right side “moon” is declared wrong"),
        ("'Rarely.' }, {", "'Rarely.' }, { answer = 'stars', feedback = 'far' }, {", "day: “stars” is no right side"),
        (", { answer = 'dawn', feedback = 'Before.' }", "", "nobody would notice 'day' and 'morning' exchanged"),
        ("feedback = 'The sun is up by day.'\n", "", "night: nothing explains why “sun” is wrong there"),
        ("feedback = 'It falls everywhere.'", "feedback = ''", "day: nothing explains why “rain” is wrong there"),
        ("text = 'rain'", "text = 'dawn'", "has two right sides “dawn”"),
        (
            "distractors = [",
            "distractors = [" + "".join(f'{{ id = "n{at}", text = "{at}", feedback = "no" }}, ' for at in range(6)),
            "has 10 right sides, and a single digit chooses one: at most 9",
        ),
        ("left = 'night'", "left = 'day'", "has two lines “day”"),
        ('id = "none"', 'id = "day"', "uses the id 'day' twice"),
    ],
    "figures": [
        ('"two": 2', '"two": 4', "two: verify gives 4; “2” does not"),
        ('"two": 2, ', "", "verify must give a dict with a value for the id of each pair"),
        ("right = '1/2'", "right = '1/3'", "half: verify gives 0.5; “1/3” does not"),
        ("right = '1/2'", "right = '4'", "four: verify gives 4; “4” fits it"),
        ("right = '1/2'", "right = 'a half'", "cannot be checked: Unreadable"),
    ],
    "gaps": [
        ("are ①", "are two", "the prompt has ① 0 times, there is one such gap"),
        ("a ④.", "a ④ or ⑤.", "the prompt has ⑤ 1 times, there is no such gap"),
        ('name = "②"', 'name = "③"', "its gaps must be named ①, ②, ③, ④, in this order"),
        ("verify = '2 + 2'", "verify = '2 + 3'", "①: verify gives 5.0, the answer is 4"),
        ('wrong = [{ answer = "odd", feedback = "divisible by 2" }]\n', "", "②: declares no wrong answer"),
        ('feedback = "added, not written"', 'feedback = " "', "①: has a wrong answer without feedback"),
        ('answer = "2*a*b"', 'answer = "3*a*b"', "③: at a = "),
        ("correct = true\n", "", "④: has 0 right choices, one is needed"),
        ('name = "①"\n', 'name = "①"\nsymbols = [{ name = "a", low = 1, high = 2 }]\n', "①: is numeric: 'symbols'"),
        ('feedback = "power 2"', "feedback = 'power $\\foo$'", "the formula “\\foo” has \\foo"),
    ],
    "derive": [
        ("feedback = 'Does not follow.'", "feedback = ' '", "the distractor 'd' has no feedback"),
        ('id = "d"', 'id = "p"', "uses the item id 'p' twice"),
        ("text = 'd'", "text = 'r'", "has two lines “r”"),
        ("""text = 'p' },""", """text = 'p' },\n  { id = "x", text = 'x' },""", "the line 'x' neither needs another"),
        ("text = 'r', needs", "text = 'r', given = true, needs", "the given lines are not the first ones"),
        ('name = "q"', 'name = "z"', "a fade is for the line 'z', which is none"),
        ('name = "q"', 'name = "t"', "has two fades of the line 't'"),
        ("t is ②", "t is ①", "the fade of 't' must have the gap ② in its text, once"),
        ("verify = '1 + 2'", "verify = '1 + 1'", "t: verify gives 2.0, the answer is 3"),
    ],
    "varied": [
        ("np.subtract", "np.add", "variant 0 (n = 10, k = 0.5): verify gives 10.5, the answer is 9.5"),
        ("{{n}} + {{k}}", "{{n}} - 5/2", "(n = 20, k = 2.5): the wrong answer '17.5' is graded right"),
        ("high = 4.5", "high = 0.5", "has only 2 different variants in 100, at least 4 are needed"),
        ("'{{n}}'", "'{{m}}'", "varied: variants: “m” is not known here; use n, k"),
        ("'{{n}}'", "'{{ln(k-4)}}'", "“ln(k-4)” has no value"),
        ("'{{n}}'", "'{{n:d}}'", "“d” is no format such as .2f or .3g"),
        ("'{{n}}'", "'{{1/n^9}}'", "writes 1e-09; give the number a format"),
        ("'{{n}}'", "'+ {{-n}}'", "writes + -1; give the number a format"),
        ("values = [10, 20]", "values = []", "the parameter n needs values, or low, high and step, or a formula"),
        ("step = 0.5", "step = 0", "the parameter k needs values, or low, high and step, or a formula"),
    ],
    "matrix": [
        ("2 * np.eye(2)", "np.eye(2)", "verify gives [[1.0, 0.0], [0.0, 1.0]], the answer is [2, 0; 0, 2]"),
        ("2 * np.eye(2)", "2 * np.ones(4)", "of another shape than the answer [2, 0; 0, 2]"),
        ('answer = "[1, 0; 0, 1]"', 'answer = "[1, 0]"', "the wrong answer '[1, 0]' is graded unreadable"),
        ('answer = "[1, 0; 0, 1]"', 'answer = "2, 0; 0, 2"', "the wrong answer '2, 0; 0, 2' is graded right"),
        ('answer = "[2, 0; 0, 2]"', 'answer = "[2, 0; 0, 1.5]"', "the answer is no whole number and has no tolerance"),
    ],
    "recall": [
        ("'first', ", "", "has 2 rubric points, 3 to 5 are needed"),
        ("'first', ", "'a', 'b', 'c', 'd', ", "has 6 rubric points, 3 to 5 are needed"),
        (r"'Because of $\sigma$.'", "' '", "has no model answer"),
        (r"$\sigma$", r"$\foo$", r"the formula “\foo” has \foo"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "message"),
    [pytest.param(file, *rule, id=f"{file}: {rule[-1]}") for file, rules in FILE_RULES.items() for rule in rules],
)
def test_a_rule_of_the_files_fires(
    tmp_path: Path, file: str, old: str, new: str, line: str | None, message: str
) -> None:
    assert old in FILES[file]
    changed = FILES[file].replace(old, new, 1)
    found = problems(write(tmp_path, FILES | {file: changed}))
    assert any(message in str(problem) for problem in found), found
    if line is not None:
        ((at, _),) = {(problem.line, problem.file) for problem in found if message in problem.message}
        assert {problem.file for problem in found} == {str(tmp_path / file)}
        assert changed.splitlines()[at - 1].startswith(line)


@pytest.mark.parametrize(
    ("item", "old", "new", "message"),
    [pytest.param(item, *rule, id=f"{item}: {rule[-1]}") for item, rules in QUESTION_RULES.items() for rule in rules],
)
def test_a_rule_of_the_questions_fires(tmp_path: Path, item: str, old: str, new: str, message: str) -> None:
    block = next(block for block in blocks(BANK) if f'\nid = "{item}"\n' in block)
    assert old in block
    bank = BANK.replace(block, block.replace(old, new, 1))
    path = write(tmp_path, FILES | {"01-small/questions.toml": bank}) / "01-small" / "questions.toml"
    found = problems(tmp_path)
    at = BANK[: BANK.index(block)].count("\n") + 1
    # One slip, and nothing else is blamed for it.
    assert {(problem.file, problem.line) for problem in found} == {(str(path), at)}
    assert any(problem.message.startswith(f"{item}: ") and message in problem.message for problem in found), found


def test_a_file_that_belongs_nowhere_is_reported(tmp_path: Path) -> None:
    write(tmp_path, FILES | {"01-small/lessons/stray.md": TWO, "07-other/chapter.toml": CHAPTER})
    assert [str(problem) for problem in problems(tmp_path)] == [
        f"{tmp_path}/01-small/lessons/stray.md:1: is not among the chapter's lessons",
        f"{tmp_path}/07-other:1: belongs to no chapter of course.toml",
    ]


def test_a_folder_with_the_wrong_number_is_reported(tmp_path: Path) -> None:
    write(tmp_path, {name.replace("01-small", "02-small"): text for name, text in FILES.items()})
    assert [str(problem) for problem in problems(tmp_path)] == [f"{tmp_path}/02-small:1: is the folder of chapter 1"]


def test_an_id_is_used_once_in_all_chapters(tmp_path: Path) -> None:
    second = {
        name.replace("01-small", "02-later"): text.replace('id = "small"', 'id = "later"')
        .replace("number = 1", "number = 2")
        .replace('title = "Small"', 'title = "Later"')
        for name, text in FILES.items()
        if name != "course.toml"
    }
    bank = "".join(blocks(BANK)[:1]).replace('lesson = "one#2"', 'lesson = "one"')
    chapter = second["02-later/chapter.toml"].replace('["choice", "number"]', '["choice"]')
    write(tmp_path, FILES | second | {"02-later/questions.toml": bank, "02-later/chapter.toml": chapter})
    assert [str(problem) for problem in problems(tmp_path)] == [
        f"{tmp_path}/02-later/lessons/one.md:2: the lesson id 'one' is also used in the chapter 'small'",
        f"{tmp_path}/02-later/lessons/two.md:2: the lesson id 'two' is also used in the chapter 'small'",
        f"{tmp_path}/02-later/questions.toml:1: choice: the id is also used in {tmp_path}/01-small/questions.toml",
    ]


def test_all_problems_come_at_once_sorted_by_file_and_line(tmp_path: Path) -> None:
    """Also from a bank of which one question cannot be read, and nothing is blamed for what is only unread."""
    bank = (
        BANK.replace('answer = "1.414"', 'answer = "2"').replace("['first', ", "[").replace("4 % 2 == 0", "4 % 2 == 1")
    )
    bank = bank.replace('id = "claim"', 'id = "claim"\nmood = 1')
    files = {
        "course.toml": COURSE.replace("hours = [1, 2]", "hours = [2, 1]"),
        "01-small/questions.toml": bank,
        "01-small/chapter.toml": CHAPTER.replace('"number"', '"number", "claim"'),
        "01-small/lessons/one.md": ONE.replace("two#2", "two#3").replace(r"$\sigma_1$", r"$\foo$"),
        "01-small/lessons/two.md": TWO.replace("minutes = 5", "minutes = 'five'"),
    }
    found = problems(write(tmp_path, FILES | files))
    assert found == sorted(found)
    said = [re.sub(r":\d+:", ":", str(problem).removeprefix(f"{tmp_path}/")) for problem in found]
    expected = [
        r"01-small/lessons/one.md: the formula “\foo” has \foo, which cannot be written on one row",
        "01-small/lessons/two.md: Expected `int`, got `str` - at `$.minutes`",
        "01-small/questions.toml: choice: verify is false: 4 % 2 == 1 and 3 % 2",
        "01-small/questions.toml: claim: Object contains unknown field `mood`",
        "01-small/questions.toml: number: the wrong answer '2' is graded right",
        "01-small/questions.toml: number: verify gives 1.4142135623730951, the answer is 2",
        "01-small/questions.toml: recall: has 2 rubric points, 3 to 5 are needed",
        "course.toml: week 1: hours go from least to most",
        "course.toml: week 2: hours go from least to most",
    ]
    assert said == expected


def test_a_course_that_cannot_be_read_is_the_only_problem(tmp_path: Path) -> None:
    (found,) = problems(tmp_path)
    assert str(found) == f"{tmp_path}/course.toml:1: cannot be read: No such file or directory"


def test_an_unread_chapter_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    write(tmp_path, FILES | {"01-small/chapter.toml": CHAPTER + "mood = 1\n"})
    (found,) = problems(tmp_path)
    assert "unknown field `mood`" in found.message


LATER = {
    "02-later/chapter.toml": CHAPTER.replace('"small"', '"later"')
    .replace("number = 1", "number = 2")
    .replace('"Small"', '"Later"')
    .replace('"one", "two"', '"three"')
    .replace('"choice", "number"', ""),
    "02-later/lessons/three.md": '+++\nid = "three"\ntitle = "Three"\nsection = "2.1"\nminutes = 5\n+++\n\n'
    "## Three\n\n[To the first](lesson:one#9) and $x$ of the foobar.\n",
    "02-later/questions.toml": blocks(BANK)[0],
}


@pytest.mark.parametrize("name", ["later", "2"])
def test_one_chapter_is_checked_by_its_id_or_number_and_with_what_it_needs_of_the_others(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path, FILES | LATER | {"01-small/lessons/two.md": "no front matter", "words.txt": "first\n"})
    found = check_content(tmp_path, {"a-lab"}, small_run, name)
    whole = check_content(tmp_path, {"a-lab"}, small_run)
    assert found
    assert found == [problem for problem in whole if f"{tmp_path}/02-later/" in problem.file]
    assert {"01-small", "02-later"} <= {Path(problem.file).relative_to(tmp_path).parts[0] for problem in whole}
    said = " ".join(problem.message for problem in found)
    assert "the lesson 'one' has no page '9'" in said
    assert "the id is also used in" in said
    assert "“foobar” is not among the known words" in said


def test_what_takes_long_is_told_chapter_by_chapter(tmp_path: Path) -> None:
    told: list[str] = []
    check_content(write(tmp_path, FILES | LATER), {"a-lab"}, small_run, tell=told.append)
    assert told == [
        *("chapter 1: answers and formulas", "chapter 2: answers and formulas", "chapter 1: code of the lessons")
    ]


def test_there_must_be_such_a_chapter(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    with pytest.raises(TutorError, match="there is no chapter 'large'; there are small, later"):
        check_content(tmp_path, {"a-lab"}, None, "large")
    with pytest.raises(TutorError, match="chapter 'later' has no content yet"):
        check_content(tmp_path, {"a-lab"}, None, "later")


def test_the_weeks_may_be_written_in_one_array(tmp_path: Path) -> None:
    head = COURSE[: COURSE.index("[[chapters]]")]
    weeks = 'weeks = [{ first = 2, last = 2, chapter = "small", focus = "f", hours = [1, 2] }]\n'
    write(tmp_path, FILES | {"course.toml": head + weeks + COURSE[len(head) : COURSE.index("[[weeks]]")]})
    (found,) = problems(tmp_path)
    assert (found.line, found.message) == (1, "week 2 does not follow the one before it")


def test_code_is_run_only_when_there_is_something_to_run_it(tmp_path: Path) -> None:
    write(tmp_path, FILES | {"01-small/lessons/one.md": ONE.replace("\n2\n", "\n3\n")})
    assert check_content(tmp_path, {"a-lab"}) == []
    (found,) = problems(tmp_path)
    assert found.message == "the code prints '2', the page says '3'"
    real = check_content(tmp_path, {"a-lab"}, run)
    assert real == [found]


def test_what_is_found_before_verify_fails_is_not_lost() -> None:
    bank = BANK.replace('feedback = "3 is odd."\n', "").replace("4 % 2 == 0", "1 / 0")
    item = tomllib.loads(bank)["questions"][0]
    question = load.convert(item, Question, Path("q"), 1)
    assert problems_of(question) == [
        "the wrong choice “Three” has no feedback",
        "cannot be checked: ZeroDivisionError: division by zero",
    ]
