import random
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutor.course.fading import LOOSE, faded, instance
from tutor.course.grade import grade, present
from tutor.course.load import load_questions
from tutor.course.model import Distractor, Fade, Item, Parameter, Question, WrongAnswer
from tutor.course.ordering import first_wrong
from tutor.paths import content_dir


def derivation(needs: dict[str, tuple[str, ...]], fades: tuple[str, ...] = (), strange: int = 0) -> Question:
    return Question(
        id="q",
        type="order",
        prompt="?",
        objectives=("o",),
        difficulty=1,
        explanation="because",
        lesson="l",
        hints=(),
        items=tuple(Item(id=name, text=f"line {name}", needs=above) for name, above in needs.items()),
        distractors=tuple(Distractor(id=f"x{at}", text=f"stray {at}", feedback=f"no {at}") for at in range(strange)),
        fades=tuple(
            Fade(
                name=name,
                text=f"line {mark}",
                type="short_answer",
                answer=name,
                wrong=(WrongAnswer(answer="zz", feedback="f"),),
            )
            for name, mark in zip(fades, "①②③", strict=False)
        ),
    )


CHAIN = {"a": (), "b": ("a",), "c": ("b",), "d": ("c",), "e": ("d",), "f": ("e",), "g": ("f",), "h": ("g",)}


def test_each_level_gives_more_and_asks_to_write_more() -> None:
    asked = derivation(CHAIN, ("c", "h"), strange=2)
    assert faded(asked, 0) is asked
    one, two = faded(asked, 1), faded(asked, 2)
    assert [item.id for item in one.items if item.given] == list("abcd")
    assert [item.id for item in two.items if item.given] == list("abcde")
    assert [gap.name for gap in one.gaps] == ["①"]
    assert [gap.name for gap in two.gaps] == ["①", "②"]
    assert (one.items[2].text, one.items[7].text, two.items[7].text) == ("line ①", "line h", "line ②")
    assert one.distractors == one.fades == ()
    assert faded(asked, 9) == two
    assert len(two.items) - 5 == LOOSE


def test_gaps_are_numbered_in_reading_order() -> None:
    asked = derivation(CHAIN, ("h", "c", "e"))
    two, three = faded(asked, 2), faded(asked, 3)
    assert (two.items[2].text, two.items[7].text) == ("line ①", "line ②")
    assert [gap.answer for gap in two.gaps] == ["c", "h"]
    assert [three.items[at].text for at in (2, 4, 7)] == ["line ①", "line ②", "line ③"]
    assert [(gap.name, gap.answer) for gap in three.gaps] == [("①", "c"), ("②", "e"), ("③", "h")]
    assert faded(asked, 1).items[7].text == "line ①"


def test_a_gap_takes_the_symbol_as_its_line_shows_it() -> None:
    one = faded(load_questions(content_dir(), "optimization")["opt-bias-order"], 2)
    order = [item.id for item in one.items]
    for beta in ("β₁", "beta_1", "beta1"):
        assert grade(one, (*order, f"1-{beta}", f"1-{beta}^t")).outcome == "right"


def test_a_question_without_fades_is_itself() -> None:
    asked = derivation(CHAIN)
    assert faded(asked, 3) is asked


def test_an_instance_is_a_variant_or_a_fade() -> None:
    assert instance(derivation(CHAIN, ("c",)), 1) == faded(derivation(CHAIN, ("c",)), 1)
    varied = Question(
        id="q", type="numeric", prompt="{{n}}", objectives=("o",), difficulty=1, explanation="e", lesson="l", hints=(),
        answer="{{n}}", variants=(Parameter(name="n", values=(1, 2)),),
    )  # fmt: skip
    assert instance(varied, 0).answer == "1"


@st.composite
def derivations(draw: st.DrawFn) -> Question:
    n = draw(st.integers(3, 8))
    needs = {
        f"l{at}": tuple(f"l{above}" for above in range(at) if draw(st.booleans())) if at else () for at in range(n)
    }
    fades = draw(st.lists(st.sampled_from(list(needs)), min_size=1, max_size=3, unique=True))
    if not any(needs.values()):
        needs["l1"] = ("l0",)
    return derivation(needs, tuple(fades), draw(st.integers(0, 2)))


@settings(max_examples=150)
@given(derivations(), st.integers(0, 3), st.integers(0, 2**31))
def test_every_level_can_be_answered_and_is_never_shown_answered(asked: Question, level: int, seed: int) -> None:
    one = faded(asked, level)
    filled = tuple(gap.answer for gap in one.gaps)
    order = tuple(item.id for item in one.items)
    assert grade(one, (*order, *filled)).outcome == "right"
    given = [item.id for item in one.items if item.given]
    shown = tuple(map(str, present(one, seed)))
    assert list(shown[: len(given)]) == given
    lines = tuple(name for name in shown if name in order)
    assert sorted(shown) == sorted([*order, *(line.id for line in one.distractors)])
    assert first_wrong(one.items, lines) is not None
    if one.gaps:
        assert grade(one, (*order, *("zz" for _ in filled))).outcome == "wrong"
        assert grade(one, (*lines, *filled)).outcome == "wrong"
        assert grade(one, (*order, *("" for _ in filled))).outcome == "unreadable"
        assert grade(one, order).outcome == "unreadable"


def test_a_faded_verdict_speaks_of_the_order_first_and_of_each_gap() -> None:
    one = faded(derivation(CHAIN, ("c", "h")), 2)
    right = tuple("abcdefgh")
    both = grade(one, (*right, "c", "zz"))
    assert (both.outcome, both.score) == ("wrong", 3 / 4)
    assert both.message == "The order is right. 1 of 2 gaps right."
    assert [part.outcome for part in both.parts] == ["right", "wrong"]
    assert both.parts[1].feedback == "f"
    order = grade(one, (*"abcdefhg", "c", "h"))
    assert (order.outcome, order.first_wrong) == ("wrong", 6)
    assert order.feedback == "Line 7 stands too early: it needs “line g” above it."


# -- lines that belong nowhere ---

STRANGE = derivation({"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}, strange=2)


@pytest.mark.parametrize("order", [tuple("abcd"), tuple("acbd")])
def test_any_order_without_the_strange_lines_is_right(order: tuple[str, ...]) -> None:
    assert grade(STRANGE, order).outcome == "right"


def test_no_other_selection_is_right() -> None:
    names = ["a", "b", "c", "d", "x0", "x1"]
    right = {order for n in range(1, 7) for order in permutations(names, n) if grade(STRANGE, order).outcome == "right"}
    assert right == {tuple("abcd"), tuple("acbd")}


@pytest.mark.parametrize(
    ("order", "first_wrong", "said"),
    [
        ("a x0 b c d", 1, "Line 2 belongs nowhere: no 0"),
        ("a b d c", 2, "Line 3 stands too early: it needs “line c” above it."),
        ("a b d", 2, "it needs “line c” above it, and that lies below the divider."),
        ("a b c", None, "What stands there is in order, but a line is missing: “line d”"),
        ("x1", 0, "Line 1 belongs nowhere: no 1"),
    ],
)
def test_the_first_wrong_line_is_pointed_at(order: str, first_wrong: int | None, said: str) -> None:
    verdict = grade(STRANGE, tuple(order.split()))
    assert (verdict.outcome, verdict.first_wrong) == ("wrong", first_wrong)
    assert said in verdict.feedback
    assert 0 <= verdict.score < 1


@pytest.mark.parametrize("order", [(), ("a", "a"), ("a", "q")])
def test_no_selection_of_the_lines_is_no_attempt(order: tuple[str, ...]) -> None:
    assert grade(STRANGE, order).outcome == "unreadable"


@given(st.randoms(use_true_random=False))
def test_the_first_wrong_line_is_the_first_after_which_nothing_can_be_mended(rng: random.Random) -> None:
    names = ["a", "b", "c", "d", "x0", "x1"]
    rng.shuffle(names)
    order = tuple(names[: rng.randint(1, 6)])
    verdict = grade(STRANGE, order)
    ends = [tuple("abcd"), tuple("acbd")]
    good = next(n for n in range(len(order), -1, -1) if any(end[:n] == order[:n] for end in ends))
    assert verdict.first_wrong == (good if good < len(order) else None)
