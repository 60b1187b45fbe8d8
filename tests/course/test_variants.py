from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutor.course.expression import Unreadable
from tutor.course.grade import grade
from tutor.course.model import Choice, Gap, Parameter, Question, Symbol, WrongAnswer
from tutor.course.variants import drawn, shortest, variant


def question(kind: Any = "numeric", **keys: Any) -> Question:
    given = {
        "id": "q",
        "type": kind,
        "prompt": "{{n}} less {{k}}, $x_{{{n}}}$",
        "objectives": ("o",),
        "difficulty": 1,
        "explanation": "{{n-k:.1f}} and {{k/3}}",
        "lesson": "l",
        "hints": ("one", "half is {{half}}", "three"),
        "answer": "{{n}} - {{k}}",
        "wrong": (WrongAnswer(answer="{{n}} + {{k}}", feedback="more than {{n}}"),),
        "verify": "np.subtract({{n}}, {{k}})",
        "variants": (
            Parameter(name="n", values=(10, 20, 40)),
            Parameter(name="k", low=-1, high=1, step=0.25),
            Parameter(name="half", formula="n/2"),
        ),
    }
    return Question(**(given | keys))


def test_variant_0_has_the_first_value_of_every_parameter_and_is_an_ordinary_question() -> None:
    one = variant(question(), 0)
    assert (one.prompt, one.explanation, one.hints[1]) == ("10 less -1, $x_{10}$", "11.0 and -0.3333", "half is 5")
    assert (one.answer, one.verify) == ("11", "np.subtract(10, (-1))")
    assert one.wrong == (WrongAnswer(answer="9", feedback="more than 10"),)
    assert one.variants == ()
    assert one.template == question()


@given(st.integers(0, 2**31))
def test_a_seed_gives_the_same_numbers_for_good_also_from_another_variant(seed: int) -> None:
    asked = question()
    values = drawn(asked, seed)
    assert values["n"] in (10, 20, 40)
    assert values["k"] in [at / 4 for at in range(-4, 5)]
    assert values["half"] == values["n"] / 2
    one = variant(asked, seed)
    assert one == variant(variant(asked, 7), seed) == variant(one, seed)
    assert grade(one, repr(values["n"] - values["k"])).outcome == "right"
    assert grade(one, repr(values["n"] + values["k"])).outcome == ("right" if values["k"] == 0 else "wrong")


def test_seeds_give_all_values() -> None:
    seen = [drawn(question(), seed) for seed in range(200)]
    assert {values["n"] for values in seen} == {10, 20, 40}
    assert len({values["k"] for values in seen}) == 9
    other = question(id="other")
    assert [drawn(other, seed) for seed in range(9)] != [drawn(question(), seed) for seed in range(9)]


def test_a_question_without_variants_is_itself() -> None:
    plain = question(variants=(), prompt="{{n}}")
    assert variant(plain, 5) is plain


def test_numbers_go_into_every_text_of_a_question_and_nowhere_else() -> None:
    asked = question(
        "cloze",
        id="q",
        gaps=(
            Gap(name="①", type="expression", answer="{{k}}^2*x", symbols=(Symbol(name="x", low=0, high=1),)),
            Gap(name="②", type="single_choice", choices=(Choice(text="{{k}}", correct=True),)),
            Gap(name="③", type="numeric", answer="1/{{n}}"),
            Gap(name="④", type="short_answer", answer="{{k}}"),
        ),
        variants=(Parameter(name="k", values=(-0.125,)), Parameter(name="n", values=(3,))),
        explanation="",
        hints=(),
    )
    gaps = variant(asked, 0).gaps
    # In a formula a negative number is one thing; in a sentence it is a number.
    assert gaps[0].answer == "(-0.125)^2*x"
    assert gaps[1].choices[0].text == "-0.125"
    # A third has no last digit: the formula stays.
    assert gaps[2].answer == "1/3"
    assert gaps[3].answer == "-0.125"


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("{{n}} / 4", "2.5"),
        ("[{{n}}, {{k}}; 1/2, 2]", "[10, -1; 0.5, 2]"),
        ("sqrt({{n}})", "sqrt(10)"),
        ("[sqrt({{n}}), 1]", "[sqrt(10), 1]"),
        ("[1/2; 1/2]", "[1/2; 1/2]"),
    ],
)
def test_the_answer_is_a_number_where_it_can_be_written_as_one(answer: str, shown: str) -> None:
    assert variant(question(answer=answer), 0).answer == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (65536.0, "65536"),
        (1e6, "1000000"),
        (0.125, "0.125"),
        (1 / 3, "0.3333"),
        (2e-5, "2e-05"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_in_sentences_are_short(value: float, text: str) -> None:
    assert shortest(value) == text


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"prompt": "{{m}}"}, "“m” is not known here; use n, k, half"),
        ({"prompt": "{{1/(n-10)}}"}, "has no value"),
        ({"prompt": "{{n:d}}"}, "“d” is no format"),
        ({"prompt": "{{__import__('os')}}"}, "“_” at place 1 is not part of a formula"),
        ({"variants": (Parameter(name="n"),)}, "the parameter n needs values, or low, high and step, or a formula"),
        ({"variants": (Parameter(name="n", low=2, high=1, step=1),)}, "the parameter n needs values"),
        ({"variants": (Parameter(name="n", formula="m + 1"),)}, "“m” is not known here"),
    ],
)
def test_what_cannot_be_filled_in_says_why(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(Unreadable, match=said.replace("(", r"\(")):
        variant(question(**keys), 0)


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_text_without_placeholders_is_left_alone(text: str) -> None:
    if "{{" not in text:
        assert variant(question(prompt=text), 3).prompt == text
