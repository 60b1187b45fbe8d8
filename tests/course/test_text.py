import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutor.course.grade import grade
from tutor.course.model import Question, WrongAnswer
from tutor.course.text import key


def question(answer: str, *alternatives: str, **wrong: str) -> Question:
    return Question(
        id="q",
        type="short_answer",
        prompt="?",
        objectives=("o",),
        difficulty=1,
        explanation="because",
        lesson="l",
        hints=(),
        answer=answer,
        alternatives=alternatives,
        wrong=tuple(WrongAnswer(answer=text, feedback=said) for said, text in wrong.items()),
    )


OVERFITTING = question("overfitting", known="underfitting")
POSTERIOR = question("posterior collapse", "KL vanishing", other="mode collapse")
ITO = question("Itô's lemma", chain="chain rule")
SIGMA = question("σ", mean="μ")
CONVEX = question("convex", other="concave")


@pytest.mark.parametrize(
    ("asked", "text", "outcome"),
    [
        *((OVERFITTING, text, "right") for text in (
            "overfitting", "Overfitting", "OVER-FITTING", "over fitting", "over‑fitting", "  overfitting. ",
            "the overfitting", "“overfitting”", "over_fitting", "ｏｖｅｒｆｉｔｔｉｎｇ",
        )),
        *((OVERFITTING, text, "unreadable") for text in (
            "", "  ", "?", "…", "overfiting", "overfittting", "ovrefitting", "overfittinh", "o" * 201,
            "overfitting" * 900, "\x00",
        )),
        *((OVERFITTING, text, "wrong") for text in (
            "underfitting", "Under-fitting", "fitting", "over", "__import__('os')", "[bold]overfitting",
            "overfitting or not", "regularisation",
        )),
        *((POSTERIOR, text, "right") for text in (
            "Posterior-collapse", "kl vanishing", "KL-Vanishing", "a posterior collapse",
        )),
        *((POSTERIOR, text, "wrong") for text in ("collapse", "posterior", "mode collapse", "mode collapses")),
        *((ITO, text, "right") for text in ("Ito's lemma", "Itos lemma", "itô’s Lemma")),
        *((SIGMA, text, "right") for text in ("sigma", "σ", "Sigma", "$σ$")),
        *((SIGMA, text, "wrong") for text in ("mu", "µ", "s")),
        *((CONVEX, text, "unreadable") for text in ("convx", "conevx")),
        (CONVEX, "concave", "wrong"),
        (question("eigenvector"), "eigenvectors", "right"),
        (question("eigenvectors"), "eigenvector", "right"),
        (question("loss"), "los", "wrong"),
        (question("bias"), "bia", "wrong"),
    ],
    ids=lambda value: ascii(value[:30]) if isinstance(value, str) else "",
)  # fmt: skip
def test_verdict(asked: Question, text: str, outcome: str) -> None:
    verdict = grade(asked, text)
    assert verdict.outcome == outcome
    assert bool(verdict.message) == (outcome == "unreadable")


def test_a_common_wrong_answer_gets_its_reason_however_it_is_written() -> None:
    assert grade(OVERFITTING, "Under fitting").feedback == "known"
    assert grade(POSTERIOR, "MODE-COLLAPSE").feedback == "other"


def test_a_wrong_answer_close_to_the_right_one_is_no_slip_of_the_finger() -> None:
    asked = question("unsupervised", slip="unsupervise")
    assert grade(asked, "unsupervise").outcome == "wrong"
    assert grade(asked, "unsupervisd").outcome == "unreadable"


WORDS = st.text(st.sampled_from("bcdefghijklmnopqrsuvwxyz"), min_size=6, max_size=12)


@given(WORDS, st.lists(st.sampled_from([" ", "-", "_", "‑", "’"]), min_size=12, max_size=12), st.booleans())
def test_blanks_hyphens_and_case_do_not_matter(word: str, between: list[str], upper: bool) -> None:
    text = "".join(letter + sign for letter, sign in zip(word, between, strict=False))
    assert key(text.upper() if upper else text) == key(word) == word


@given(WORDS, st.data())
def test_one_slip_spends_no_try_and_two_are_wrong(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 1))
    assert grade(question(word), word[:at] + "0" + word[at + 1 :]).outcome == "unreadable"
    assert grade(question(word), word[:at] + "0" + word[at:]).outcome == "unreadable"
    assert grade(question(word), "00" + word[2:]).outcome == "wrong"
