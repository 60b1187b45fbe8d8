import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutor.course import arrays
from tutor.course.expression import MAX_LENGTH, Unreadable
from tutor.course.grade import grade
from tutor.course.model import Question, WrongAnswer

RIGHT, WRONG, UNREADABLE = "right", "wrong", "unreadable"


def question(answer: str, tolerance: float = 0.0, **wrong: str) -> Question:
    return Question(
        id="q",
        type="numeric",
        prompt="?",
        objectives=("o",),
        difficulty=1,
        explanation="because",
        lesson="l",
        hints=(),
        answer=answer,
        tolerance=tolerance,
        wrong=tuple(WrongAnswer(answer=text, feedback=said) for said, text in wrong.items()),
    )


VECTOR = question("[1, 2, 3]")
FLOATS = question("1/3, sqrt(2), 1/2", tolerance=0.001)
SQUARE = question("[1, 2; 3, 4]")
WIDE = question("[1, 2, 3; 4, 5, 6]")
ROW = question("[[1, 2, 3]]")
COLUMN = question("[1; 2; 3]")
PAIRS: list[tuple[Question, str, list[str]]] = [
    (VECTOR, RIGHT, [
        "1, 2, 3", "[1, 2, 3]", "[1,2,3]", "(1, 2, 3)", "{1, 2, 3}", "1,2,3", " [ 1 , 2 , 3 ] ", "[1 2 3]", "1 2 3",
        "[1  2\t3]", "[1. 2. 3.]", "[1, 2, 3,]", "(1, 2, 3,)", "np.array([1, 2, 3])", "array([1., 2., 3.])",
        "torch.tensor([1, 2, 3])", "[[1, 2, 3]]", "[1; 2; 3]", "1; 2; 3", "[[1], [2], [3]]", "[2/2, 4^(1/2), 1+2]",
        "(1), (2), (3)", "|−1|, 2, 3", "max(1,0), max(2,1), 3", "1e0, 200%, √9", "[−−1, 2·1, 3]", "１, ２, ３",
    ]),
    (VECTOR, WRONG, ["3, 2, 1", "1, 2, 4", "-1, -2, -3", "[0 0 0]", "1, 2, 30", "[1; 2; 4]", "1, 2, 3%", "[1 -2 3]"]),
    (VECTOR, UNREADABLE, [
        "", "6", "1, 2", "1, 2, 3, 4", "[1, 2; 3, 4]", "[[1, 2, 3], [4, 5, 6]]", "1, 2, x", "1, 2,, 3", "1, 2, 3]",
        "[1, 2, 3", "1, 2, 1/0", "1, 2, nan", "1, 2, inf", "[1, 2, 3]*2", "2*[1, 2, 3]", "-[1, 2, 3]", "[1, 2, 3]^T",
        "[1 -2]", "[1 2 + 3]", "0,5, 1,5, 2,5", "1, 2, 3 cm", "x = 1, 2, 3", "[1, 2, 3] or 1", "[]", "[,]", ";", "[;]",
        "[[]]", "1 2", "range(1, 4)", "[i for i in 1]", "__import__('os'), 2, 3", "9**9**9, 2, 3", "[1, 2, lambda: 3]",
        "[" * 500 + "1" + "]" * 500, "[" * 200, "1," * 499, "1;" * 499, ",".join("1" * 100), "1 " * 499, "(" * 1000,
        "[1, 2, 3]" * 100, "1, 2, " + "9!" * 200, "np.array(np.array([1, 2, 3]))", "\x00, 1, 2", "1, 2, 3\u202e",
        "1‚ 2‚ 3", "1、2、3", "a" * 10_000, "1, " * 5_000,
    ]),
    (FLOATS, RIGHT, ["1/3, sqrt(2), 50%", "0.333, 1.414, .5", "[0.3333 1.4142 0.5]", "2e-3+0.331, √2, 2⁻¹"]),
    (FLOATS, WRONG, ["0.33, 1.414, 0.5", "1/3, 2, 1/2", "sqrt(2), 1/3, 1/2"]),
    (FLOATS, UNREADABLE, ["0,333; 1,414; 0,5", "sqrt 2, 1/3, 1", "1/3; sqrt(2)"]),
    (SQUARE, RIGHT, [
        "[1, 2; 3, 4]", "1, 2; 3, 4", "[[1,2],[3,4]]", "[1,2],[3,4]", "[[1, 2], [3, 4]]", "((1, 2), (3, 4))",
        "[1 2; 3 4]", "1 2; 3 4", "[[1 2]\n [3 4]]", "[[1. 2.] [3. 4.]]", "np.array([[1, 2], [3, 4]])", "[1, 2; 3, 4;]",
        "{{1, 2}, {3, 4}}", "(1, 2); (3, 4)", "[[1, 2]; [3, 4]]", "[1, 4/2; √9, 2²]", "[[[1, 2], [3, 4]]]",
    ]),
    (SQUARE, WRONG, ["[1, 3; 2, 4]", "[1, 2; 3, 5]", "[-1, -2; -3, -4]", "[[0 0] [0 0]]", "1, 2; 3, 4%"]),
    (SQUARE, UNREADABLE, [
        "1, 2, 3, 4", "[1; 2; 3; 4]", "[1, 2; 3]", "[1, 2, 3; 4, 5, 6]", "10", "[[1, 2], [3]]", "[[1, 2], 3, 4]",
        "1, 2;; 3, 4", "[1, 2][3, 4]", "[1, 2; 3, 4", "[1, 2; 3, 4))", "[[1, 2], [3, x]]", "[1,5 2; 3 4]",
    ]),
    (WIDE, RIGHT, ["[1, 2, 3; 4, 5, 6]", "[[1,2,3],[4,5,6]]"]),
    (WIDE, UNREADABLE, ["[1, 4; 2, 5; 3, 6]", "1, 2, 3, 4, 5, 6"]),
    (ROW, RIGHT, ["[[1, 2, 3]]", "1, 2, 3", "[1 2 3]"]),
    (ROW, UNREADABLE, ["[1; 2; 3]", "[[1], [2], [3]]", "6"]),
    (COLUMN, RIGHT, ["[1; 2; 3]", "[[1], [2], [3]]", "1, 2, 3"]),
    (COLUMN, UNREADABLE, ["[[1, 2, 3]]", "1"]),
    # Where one number is asked for, brackets are only brackets.
    (question("3"), RIGHT, ["[3]", "(3)", "[[3]]"]),
    (question("3"), UNREADABLE, ["1, 2", "[1; 2]", "[3, 3]"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "text", "verdict"),
    [(asked, text, verdict) for asked, verdict, texts in PAIRS for text in texts],
    ids=lambda value: ascii(value[:40]) if isinstance(value, str) else "",
)
def test_verdict(asked: Question, text: str, verdict: str) -> None:
    found = grade(asked, text)
    assert found.outcome == verdict
    if verdict == UNREADABLE:
        assert "Expected" in found.message
        assert found.message.isprintable()
    if verdict == WRONG:
        assert 0 <= found.score < 1


@pytest.mark.parametrize(
    ("asked", "text", "said"),
    [
        (VECTOR, "1, 2", "This is a list of 2 numbers. Expected a vector of 3 numbers such as [1, 2, 3]."),
        (VECTOR, "7", "This is one number. Expected a vector of 3 numbers"),
        (
            SQUARE,
            "1, 2, 3",
            "This is a list of 3 numbers. Expected a matrix of 2 × 2 numbers, rows split by semicolons: ",
        ),
        (SQUARE, "[1,2,3;4,5,6]", "This is a matrix of 2 × 3 numbers. Expected a matrix of 2 × 2 numbers"),
        (SQUARE, "[1, 2; 3]", "the rows have 2 and 1 numbers; all need as many (a decimal number has a point: 0.5)."),
        (VECTOR, "[1 -2]", "is “1 -2” one number or 2? Separate numbers with commas."),
        (VECTOR, "[1, 2, 3", "a bracket is missing."),
        (VECTOR, "2*[1, 2, 3]", "a vector cannot be calculated with here; type its entries."),
        (VECTOR, "1, 2, x", "“x” is not known here"),
        (VECTOR, ",".join("1" * 65), "more than 64 numbers."),
    ],
)
def test_what_is_no_attempt_says_what_was_read_and_what_was_expected(asked: Question, text: str, said: str) -> None:
    verdict = grade(asked, text)
    assert verdict.outcome == UNREADABLE
    assert said in verdict.message


@pytest.mark.parametrize(
    ("asked", "text", "score", "said"),
    [
        (SQUARE, "[1, 3; 2, 4]", 1 / 2, "Rows and columns are exchanged: that is the transpose."),
        (SQUARE, "[-1, -2; -3, -4]", 0, "The sizes are right; check the sign."),
        (SQUARE, "[1, 2; 3, 5]", 3 / 4, "3 of 4 numbers are right; the first to look at again is row 2, column 2."),
        (VECTOR, "0, 2, 3", 2 / 3, "2 of 3 numbers are right; the first to look at again is number 1."),
        (VECTOR, "7, 8, 9", 0, ""),
        (question("[1, 2]", sorted="2, 1"), "(2, 1)", 0, "sorted"),
    ],
)
def test_a_wrong_array_is_told_what_is_wrong_with_it(asked: Question, text: str, score: float, said: str) -> None:
    verdict = grade(asked, text)
    assert (verdict.outcome, verdict.feedback) == (WRONG, said)
    assert verdict.score == pytest.approx(score)


ENTRIES = st.integers(-99, 99)


@given(st.integers(1, 4), st.integers(2, 4), st.data())
def test_a_matrix_is_read_alike_however_it_is_written(height: int, width: int, data: st.DataObject) -> None:
    rows = [[data.draw(ENTRIES) for _ in range(width)] for _ in range(height)]
    python = str(rows)
    semicolons = "[" + "; ".join(", ".join(map(str, row)) for row in rows) + "]"
    read = arrays.read(python)
    assert read.shape == (height, width)
    assert read.entries == tuple(entry for row in rows for entry in row)
    for text in (semicolons, python.replace("[", "(").replace("]", ")"), f"np.array({python})"):
        if height > 1 or text != semicolons:
            assert arrays.read(text) == read
    texts = [[str(entry) for entry in row] for row in rows]
    assert arrays.fit(arrays.read(arrays.written(texts, read.shape)), read.shape) == read


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789.,;-+*/()[]{} \t\nπ√|x%e'"), max_size=40) | st.text(max_size=MAX_LENGTH))
def test_any_text_has_numbers_or_is_unreadable(text: str) -> None:
    with suppress(Unreadable):
        value = arrays.read(text)
        assert all(map(math.isfinite, value.entries))
        assert len(value.entries) <= arrays.MAX_ENTRIES
    for asked in (VECTOR, SQUARE):
        assert grade(asked, text).outcome in {RIGHT, WRONG, UNREADABLE}
