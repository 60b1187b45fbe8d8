import random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tutor.course.grade import PASS, Response, grade, present, rights
from tutor.course.model import Choice, Distractor, Gap, Item, Pair, Question, Symbol, WrongAnswer
from tutor.course.numeric import close
from tutor.course.ordering import first_wrong


def question(kind: Any, **keys: Any) -> Question:
    given = {
        "id": "q",
        "type": kind,
        "prompt": "?",
        "objectives": ("o",),
        "difficulty": 1,
        "explanation": "because",
        "lesson": "l",
        "hints": (),
    }
    return Question(**(given | keys))


def choices(marks: str) -> tuple[Choice, ...]:
    """One option a letter: R is right."""
    return tuple(
        Choice(text=f"option {at}", correct=mark == "R", feedback="" if mark == "R" else f"not {at}.")
        for at, mark in enumerate(marks)
    )


def wrong(**answers: str) -> tuple[WrongAnswer, ...]:
    return tuple(WrongAnswer(answer=answer.removeprefix("n"), feedback=text) for answer, text in answers.items())


# -- choices ---


def test_single_choice_gives_the_feedback_of_the_option_that_was_marked() -> None:
    asked = question("single_choice", choices=choices("WRW"))
    assert [grade(asked, (at,)).outcome for at in range(3)] == ["wrong", "right", "wrong"]
    assert [grade(asked, (at,)).score for at in range(3)] == [0, 1, 0]
    assert [grade(asked, (at,)).feedback for at in range(3)] == ["not 0.", "", "not 2."]


@pytest.mark.parametrize("response", [(), (0, 1), (3,), (-1,), "1", ("a",), (0, 7)])
def test_what_marks_no_single_option_is_no_attempt(response: Response) -> None:
    verdict = grade(question("single_choice", choices=choices("WRW")), response)
    assert (verdict.outcome, verdict.message) == ("unreadable", "Mark one option.")


@pytest.mark.parametrize(
    ("marked", "outcome", "score", "message", "feedback"),
    [
        ((0, 2), "right", 1.0, "", ""),
        ((2, 0), "right", 1.0, "", ""),
        ((0,), "wrong", 1 / 2, "1 missing.", ""),
        ((0, 2, 1), "wrong", 2 / 3, "1 marked that does not belong.", "not 1."),
        ((0, 2, 1, 3), "wrong", 1 / 3, "2 marked that do not belong.", "not 1. not 3."),
        ((0, 4), "wrong", 1 / 6, "1 marked that does not belong, 1 missing.", "not 4."),
        ((1, 3), "wrong", 0.0, "2 marked that do not belong, 2 missing.", "not 1. not 3."),
        ((0, 1, 2, 3, 4), "wrong", 0.0, "3 marked that do not belong.", "not 1. not 3. not 4."),
    ],
)
def test_multiple_choice_scores_what_is_found_less_what_is_guessed(
    marked: tuple[int, ...], outcome: str, score: float, message: str, feedback: str
) -> None:
    verdict = grade(question("multiple_choice", choices=choices("RWRWW")), marked)
    assert (verdict.outcome, verdict.message, verdict.feedback) == (outcome, message, feedback)
    assert verdict.score == pytest.approx(score)


@given(st.text("RW", min_size=2, max_size=8), st.data())
def test_to_mark_everything_scores_nothing_and_no_score_but_the_right_one_is_full(
    marks: str, data: st.DataObject
) -> None:
    assume(set(marks) == {"R", "W"})
    asked = question("multiple_choice", choices=choices(marks))
    everything = tuple(range(len(marks)))
    assert grade(asked, everything).score == 0
    marked = data.draw(st.lists(st.sampled_from(everything), min_size=1, unique=True))
    verdict = grade(asked, tuple(marked))
    assert 0 <= verdict.score <= 1
    assert (
        (verdict.score == 1)
        == (verdict.outcome == "right")
        == ({*marked} == {at for at in everything if marks[at] == "R"})
    )


def test_multiple_choice_without_a_mark_is_no_attempt() -> None:
    assert grade(question("multiple_choice", choices=choices("RW")), ()).outcome == "unreadable"


def test_true_false_explains_the_other_answer() -> None:
    asked = question("true_false", answer="false", wrong=wrong(true="It is not."))
    assert grade(asked, "false").outcome == "right"
    verdict = grade(asked, "true")
    assert (verdict.outcome, verdict.score, verdict.feedback) == ("wrong", 0.0, "It is not.")
    assert {grade(asked, text).outcome for text in ("", "yes", "True", "0")} == {"unreadable"}


# -- numbers ---


@pytest.mark.parametrize(
    ("answer", "tolerance", "kind", "right", "wrong"),
    [
        ("3", 0.0, "absolute", ["3", "3.000000001", "6/2", "sqrt(9)"], ["3.0000001", "2.9999999", "-3"]),
        ("3", 0.005, "absolute", ["2.995", "3.005", "3.0049"], ["2.9949", "3.0051"]),
        ("0.3", 0.1, "absolute", ["0.4", "0.2", "0.1+0.1"], ["0.4001", "0.1999"]),
        ("200", 0.01, "relative", ["198", "202"], ["197.9", "202.1"]),
        ("-200", 0.01, "relative", ["-198", "-202"], ["-197.9", "-202.1", "200"]),
        ("1e-12", 0.01, "relative", ["1.01e-12", "0.99e-12"], ["0", "1.1e-12", "2e-12", "1e-9"]),
        ("1e-12", 0.0, "absolute", ["1e-12", "10⁻¹²"], ["0", "1.1e-12"]),
        ("1e12", 0.0, "absolute", ["1e12", "1e12+1"], ["1e12+1e4"]),
        ("0", 0.0, "absolute", ["0", "sin(π)", "1e-10"], ["1e-8", "1"]),
        ("0", 1e-12, "absolute", ["0", "1e-12", "-1e-12"], ["1.1e-12", "1e-10"]),
    ],
)
def test_the_tolerance_includes_its_edges_and_is_never_wider_than_it_says(
    answer: str, tolerance: float, kind: Any, right: list[str], wrong: list[str]
) -> None:
    asked = question("numeric", answer=answer, tolerance=tolerance, tolerance_type=kind)
    assert {text: grade(asked, text).outcome for text in right} == dict.fromkeys(right, "right")
    assert {text: grade(asked, text).outcome for text in wrong} == dict.fromkeys(wrong, "wrong")


@given(
    st.floats(-1e6, 1e6),
    st.floats(0, 10),
    st.sampled_from(["absolute", "relative"]),
    st.floats(-3, 3, allow_subnormal=False),
)
def test_an_answer_is_close_just_when_it_is_within_the_tolerance(
    answer: float, tolerance: float, kind: Any, off: float
) -> None:
    asked = question("numeric", answer="0", tolerance=tolerance, tolerance_type=kind)
    width = tolerance * (abs(answer) if kind == "relative" else 1)
    assume(width > 1e-6 * abs(answer))
    assume(abs(abs(off) - 1) > 1e-6)
    assert close(asked, answer + off * width, answer) == (abs(off) <= 1 or width == 0)


def test_alternatives_are_right_and_known_wrong_numbers_are_explained() -> None:
    asked = question("numeric", answer="2", alternatives=("-2",), tolerance=0.1, wrong=wrong(n4="4 is the square."))
    assert [grade(asked, text).outcome for text in ("2", "-2", "2.1", "-2.1")] == ["right"] * 4
    assert grade(asked, "4.05").feedback == "4 is the square."
    assert grade(asked, "7") == grade(asked, "7.0")
    assert (grade(asked, "7").outcome, grade(asked, "7").feedback) == ("wrong", "")


@pytest.mark.parametrize(
    ("answer", "given", "said"),
    [
        ("12", "-12", "sign"),
        ("0.5", "50", "factor of 100"),
        ("50", "0.5", "factor of 100"),
        ("8", "1/8", "one over"),
        ("0.2", "5", "one over"),
        ("12", "13", ""),
        ("12", "0", ""),
        ("0", "5", ""),
        # One over ten is also a hundredth of ten: nobody knows which slip it was.
        ("10", "0.1", ""),
        ("1e300", "5e-324", ""),
    ],
)
def test_a_common_slip_is_named_when_there_is_only_one_that_explains_it(answer: str, given: str, said: str) -> None:
    verdict = grade(question("numeric", answer=answer), given)
    assert verdict.outcome == "wrong"
    assert said in verdict.feedback
    assert bool(verdict.feedback) == bool(said)


def test_an_explanation_of_the_author_goes_before_a_slip() -> None:
    asked = question("numeric", answer="12", wrong=wrong(**{"n-12": "Mind the direction."}))
    assert grade(asked, "-12").feedback == "Mind the direction."


# -- formulas ---


def symbol(name: str, low: float, high: float) -> Symbol:
    return Symbol(name=name, low=low, high=high)


def test_a_formula_is_right_in_any_form_and_a_known_wrong_one_is_explained_in_any_form() -> None:
    asked = question(
        "expression",
        answer="d*(1+m^2)",
        alternatives=("d",),
        symbols=(symbol("d", 2, 500), symbol("m", -3, 3)),
        wrong=(WrongAnswer(answer="d+m^2", feedback="Each of the d products has it."),),
    )
    for text in ("d(1+m²)", "d + d·m^2", "m^2*d+d", "d", "2d/2"):
        assert grade(asked, text).outcome == "right"
    for text in ("m^2+d", "d+m*m"):
        verdict = grade(asked, text)
        assert (verdict.outcome, verdict.feedback) == ("wrong", "Each of the d products has it.")


def test_any_other_formula_is_shown_a_point_at_which_it_is_wrong() -> None:
    asked = question("expression", answer="x^2", symbols=(symbol("x", 1, 10),))
    feedback = grade(asked, "x^3").feedback
    x = float(feedback.removeprefix("For x = ").partition(" ")[0])
    assert 1 <= x <= 10
    assert feedback == f"For x = {x:g} your formula gives {x**3:.4g}; it should give {x**2:.4g}."
    undefined = grade(question("expression", answer="x", symbols=(symbol("x", -1, 1),)), "exp(ln(x))").feedback
    assert "your formula has no value; it should give -" in undefined


@pytest.mark.parametrize(
    ("low", "high"), [(0.001, 0.009), (0.9951, 0.9959), (-0.04, 0.04), (1e-9, 2e-9), (999.91, 999.99)]
)
def test_the_point_that_is_shown_lies_in_the_domain(low: float, high: float) -> None:
    asked = question("expression", answer="sqrt(p*(1000-p)+1)", symbols=(symbol("p", low, high),))
    feedback = grade(asked, "5+p").feedback
    at = float(feedback.removeprefix("For p = ").partition(" ")[0])
    assert low <= at <= high


def test_no_point_is_shown_when_the_difference_would_be_lost_in_its_digits() -> None:
    asked = question("expression", answer="x", symbols=(symbol("x", 1, 2),))
    verdict = grade(asked, "1.0000001*x")
    assert (verdict.outcome, verdict.feedback) == ("wrong", "")


# -- order ---


def items(needs: dict[str, list[str]]) -> tuple[Item, ...]:
    return tuple(Item(id=name, text=f"line {name}", needs=tuple(above)) for name, above in needs.items())


@st.composite
def derivations(draw: st.DrawFn) -> tuple[Item, ...]:
    """Lines of which each may need any of those written above it."""
    n = draw(st.integers(3, 7))
    needs = {f"l{at}": [f"l{above}" for above in range(at) if draw(st.booleans())] for at in range(n)}
    assume(any(needs.values()))
    return items(needs)


def topological(lines: tuple[Item, ...], rng: random.Random) -> tuple[str, ...]:
    order: list[str] = []
    while len(order) < len(lines):
        ready = [line.id for line in lines if line.id not in order and set(line.needs) <= set(order)]
        order.append(rng.choice(ready))
    return tuple(order)


@given(derivations(), st.randoms(use_true_random=False))
def test_any_topological_order_is_right(lines: tuple[Item, ...], rng: random.Random) -> None:
    verdict = grade(question("order", items=lines), topological(lines, rng))
    assert (verdict.outcome, verdict.score, verdict.first_wrong) == ("right", 1.0, None)


@given(derivations(), st.randoms(use_true_random=False))
def test_the_first_line_that_stands_too_early_is_pointed_at(lines: tuple[Item, ...], rng: random.Random) -> None:
    order = [line.id for line in lines]
    rng.shuffle(order)
    needs = {line.id: set(line.needs) for line in lines}
    early = [at for at, name in enumerate(order) if not needs[name] <= {*order[:at]}]
    verdict = grade(question("order", items=lines), tuple(order))
    assert verdict.outcome == ("wrong" if early else "right")
    assert verdict.first_wrong == first_wrong(lines, tuple(order)) == (early[0] if early else None)
    if early:
        assert verdict.score == early[0] / len(lines)
        assert verdict.feedback.startswith(f"Line {early[0] + 1} stands too early: it needs “line l")
        missing = verdict.feedback.partition("“line ")[2].partition("”")[0]
        assert missing in needs[order[early[0]]] - {*order[: early[0]]}


def test_without_needs_only_the_order_as_written_is_right() -> None:
    asked = question("order", items=items({"a": [], "b": [], "c": [], "d": []}))
    assert grade(asked, ("a", "b", "c", "d")).outcome == "right"
    verdict = grade(asked, ("a", "c", "b", "d"))
    assert (verdict.outcome, verdict.score, verdict.first_wrong) == ("wrong", 1 / 4, 1)
    assert verdict.feedback == "Line 2 is the first out of place."


@pytest.mark.parametrize("order", [(), ("a", "b"), ("a", "b", "b"), ("a", "b", "x"), "abc ", ("a", "b", "c", "c")])
def test_lines_that_are_missing_or_strange_are_no_attempt(order: Response) -> None:
    verdict = grade(question("order", items=items({"a": [], "b": ["a"], "c": []})), order)
    assert (verdict.outcome, verdict.message) == ("unreadable", "Some lines are missing or stand twice.")


# -- self-graded ---


def test_an_own_answer_is_right_from_two_thirds_of_its_points() -> None:
    for points in range(1, 7):
        asked = question("self_graded", rubric=tuple(f"point {at}" for at in range(points)))
        for ticked in range(points + 1):
            ticks = tuple(at < ticked for at in range(points))
            verdict = grade(asked, ticks)
            assert verdict.score == pytest.approx(ticked / points)
            assert verdict.outcome == ("right" if 3 * ticked >= 2 * points else "wrong")
            assert verdict.message == f"{ticked} of {points} points."
    assert pytest.approx(2 / 3) == PASS


def test_the_points_that_are_missing_are_named() -> None:
    asked = question("self_graded", rubric=("first", "second", "third"))
    assert grade(asked, (False, True, False)).feedback == "Missing: first · third"
    assert grade(asked, (True, True, False)).feedback == ""
    assert grade(asked, (True, True)).outcome == "unreadable"
    assert grade(asked, ()).outcome == "unreadable"


# -- how it is shown ---


@given(st.text("RW", min_size=2, max_size=8), st.data(), st.integers(0, 2**31))
def test_fixed_options_stay_and_the_others_change_places(marks: str, data: st.DataObject, seed: int) -> None:
    fixed = data.draw(st.sets(st.integers(0, len(marks) - 1)))
    options = tuple(Choice(text=str(at), fixed=at in fixed) for at in range(len(marks)))
    shown = present(question("single_choice", choices=options), seed)
    assert sorted(shown) == list(range(len(marks)))
    assert all(shown[at] == at for at in fixed)
    assert shown == present(question("single_choice", choices=options), seed)


def test_every_place_is_as_likely_for_an_option() -> None:
    """The seeds are fixed; with others a count would leave 1000 ± 130 (4.7 standard deviations) once in 30,000 runs."""
    asked = question("single_choice", choices=choices("RWWW"))
    for option in range(4):
        for place in range(4):
            count = sum(present(asked, seed)[place] == option for seed in range(4000))
            assert abs(count - 1000) < 130


def test_options_that_must_not_be_shuffled_are_not() -> None:
    asked = question("multiple_choice", choices=choices("RWRW"), shuffle=False)
    assert {present(asked, seed) for seed in range(20)} == {(0, 1, 2, 3)}


def test_another_question_is_shuffled_in_another_way() -> None:
    one, other = (question("single_choice", id=name, choices=choices("RWWWWWWW")) for name in ("one", "other"))
    assert present(one, 3) != present(other, 3)


@settings(max_examples=200)
@given(derivations(), st.integers(0, 2**31))
def test_lines_are_never_shown_in_a_right_order(lines: tuple[Item, ...], seed: int) -> None:
    shown = tuple(str(name) for name in present(question("order", items=lines), seed))
    assert sorted(shown) == sorted(line.id for line in lines)
    assert first_wrong(lines, shown) is not None


def test_a_single_line_is_shown_as_it_is() -> None:
    assert present(question("order", items=items({"a": []})), 0) == ("a",)


# -- pairs, gaps, code ---


def pairs() -> Question:
    return question(
        "match",
        pairs=(
            Pair(id="a", left="A", right="one", feedback="one is A's", wrong=wrong(two="not two for A")),
            Pair(id="b", left="B", right="two", feedback="two is B's"),
            Pair(id="c", left="C", right="one", feedback="one is C's"),
        ),
        distractors=(Distractor(id="x", text="three", feedback="three fits nothing"),),
    )


def test_pairs_are_graded_one_by_one_and_each_wrong_one_is_explained() -> None:
    asked = pairs()
    assert rights(asked) == ("one", "two", "three")
    assert grade(asked, (0, 1, 0)).outcome == "right"
    verdict = grade(asked, (1, 0, 2))
    assert (verdict.outcome, verdict.score, verdict.message) == ("wrong", 0, "0 of 3 pairs right.")
    assert [part.feedback for part in verdict.parts] == ["not two for A", "one is A's", "three fits nothing"]
    half = grade(asked, (0, 1, 1))
    assert (half.score, [part.outcome for part in half.parts]) == (2 / 3, ["right", "right", "wrong"])


@pytest.mark.parametrize("chosen", [(), (0, 1), (0, 1, 0, 1), (0, 1, 3), (0, 1, -1), ("a", "b", "c"), (0, 1, None)])
def test_pairs_that_are_not_all_made_are_no_attempt(chosen: Any) -> None:
    verdict = grade(pairs(), chosen)
    assert (verdict.outcome, verdict.message) == ("unreadable", "Give every line its partner first.")


@given(st.integers(0, 2**31))
def test_right_sides_are_shuffled(seed: int) -> None:
    assert sorted(present(pairs(), seed)) == [0, 1, 2]


GAPS = (
    Gap(name="①", type="numeric", answer="4", wrong=wrong(n22="twice")),
    Gap(name="②", type="short_answer", answer="even"),
    Gap(
        name="③",
        type="expression",
        answer="a*b",
        symbols=(Symbol(name="a", low=1, high=2), Symbol(name="b", low=1, high=2)),
    ),
    Gap(name="④", type="single_choice", choices=choices("WR")),
)


def test_every_gap_is_graded_by_its_own_kind() -> None:
    asked = question("cloze", gaps=GAPS)
    assert grade(asked, ("8/2", "Even", "b a", "1")).outcome == "right"
    verdict = grade(asked, ("22", "odd", "a+b", "0"))
    assert (verdict.outcome, verdict.score, verdict.message) == ("wrong", 0, "0 of 4 gaps right.")
    assert [part.feedback[:5] for part in verdict.parts] == ["twice", "", "For a", "not 0"]
    assert grade(asked, ("4", "even", "a*b", "0")).score == 3 / 4


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("4", "even", "a*b"), "Fill in every gap first."),
        (("4", " ", "a*b", "1"), "The gap ② is empty."),
        (("four", "even", "a*b", "1"), "①: “four” is not known here"),
        (("4", "even", "a*c", "1"), "③: “c” is not known here"),
        (("4", "even", "a*b", "x"), "④: Mark one option."),
        (("4", "even", "a*b", "7"), "④: Mark one option."),
        # Nothing is told of the other gaps before all can be read.
        (("22", "odd", "", "0"), "The gap ③ is empty."),
    ],
)
def test_a_gap_that_cannot_be_read_spends_no_try(texts: tuple[str, ...], said: str) -> None:
    verdict = grade(question("cloze", gaps=GAPS), texts)
    assert verdict.outcome == "unreadable"
    assert verdict.message.startswith(said)


def test_code_gives_numbers_or_text() -> None:
    number = question("tracing", answer="0.5", tolerance=0.01, wrong=wrong(n1="too early"))
    assert [grade(number, text).outcome for text in ("1/2", "0.509", "1", "x")] == [
        "right",
        "right",
        "wrong",
        "unreadable",
    ]
    assert grade(number, "1.005").feedback == "too early"
    text = question("tracing", answer="[1, 2] True\ndone", wrong=wrong(**{"[1, 2] False\ndone": "it is"}))
    for same in ("[1, 2] True\ndone", "[1,2] true done", "  [1, 2]   True 'done' "):
        assert grade(text, same).outcome == "right"
    assert grade(text, "[1, 2] False done").feedback == "it is"
    assert grade(text, "[1, 3] True done").outcome == "wrong"
    assert grade(text, " ").outcome == "unreadable"
    array = question("tracing", answer="[1, 2]")
    assert [grade(array, given).outcome for given in ("[1 2]", "[1. 2.]", "1 2", "2 1")] == ["right"] * 3 + ["wrong"]
