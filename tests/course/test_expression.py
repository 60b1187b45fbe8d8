import ast
import math
import operator
import unicodedata
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tutor.course import expression
from tutor.course.expression import (
    FRACTIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_TOKENS,
    POINTS,
    Binary,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Unreadable,
    equivalent,
    evaluate,
    number,
    parse,
    sample,
    undefined,
)
from tutor.course.grade import grade
from tutor.course.model import Question, Symbol, WrongAnswer

RIGHT, WRONG, UNREADABLE = "right", "wrong", "unreadable"


def question(answer: str, *symbols: Symbol, wrong: str = "", tolerance: float = 0.0) -> Question:
    return Question(
        id="q",
        type="expression" if symbols else "numeric",
        prompt="?",
        objectives=("o",),
        difficulty=1,
        explanation="because",
        lesson="l",
        hints=(),
        answer=answer,
        tolerance=tolerance,
        wrong=(WrongAnswer(answer=wrong, feedback="a known slip"),) if wrong else (),
        symbols=symbols,
    )


def symbols(**domains: tuple[float, float]) -> tuple[Symbol, ...]:
    return tuple(Symbol(name=name, low=low, high=high) for name, (low, high) in domains.items())


# Each question with what may be typed for it.
NUMBERS: list[tuple[Question, str, list[str]]] = [
    (question("0.25"), RIGHT, [
        "0.25", ".25", "1/4", "25%", "25 %", "0.5^2", "0.5**2", "2^-2", "2⁻²", "1÷4", "1∕4", "1⁄4", "  0.25  ", "(1/4)",
        "[1/4]", "{1}/{4}", "+0.25", "--0.25", "2.5e-1", "2.5E−1", "0.25\n",
    ]),
    (question("0.25"), WRONG, ["-0.25", "25", "4", "0.2501", "0", "1/4%"]),
    (question("-3"), RIGHT, [
        "-3", "−3", "–3", "‐3", "‑3", "- 3", "−(3)", "3-6", "+-3", "---3", "-|−3|", "-abs(-3)",
    ]),
    (question("-9"), RIGHT, ["-3^2", "−3²", "-3**2", "-(3)^2"]),
    (question("9"), RIGHT, [
        "(-3)^2", "(−3)²", "|-3|^2", "3·3", "3×3", "3⋅3", "3∙3", "3•3", "3∗3", "3(3)", "(3)(3)", "|3||3|", "|3*|−3||",
        "3|3|", "9.", "9.0", "９", "٩", "9!/8!", "factorial(3)+3", "3!+3", "max(9, 2)", "min(9,10)",
    ]),
    (question("sqrt(2)"), RIGHT, [
        "sqrt(2)", "√2", "√(2)", "2^0.5", "2^(1/2)", r"\sqrt{2}", "SQRT(2)", "2√2/2", "1.41421356237",
    ]),
    (question("sqrt(2)"), WRONG, ["2^1/2", "1.41", "-√2"]),
    (question("pi"), RIGHT, ["π", "pi", r"\pi", "2π/2", "2 pi/2", "3.14159265359", "(π)"]),
    (question("pi"), WRONG, ["3.14", "22/7", "e"]),
    (question("0.002"), RIGHT, ["2e-3", "2E-3", "2e−3", "2*10^-3", "2·10⁻³", "2×10**-3", "0.2%"]),
    (question("e"), RIGHT, ["e", "exp(1)", "e^1", "1/e⁻¹", "2.71828182846"]),
    (question("512"), RIGHT, ["2^3^2", "2**3**2", "2^9", "2⁹", "2^3²"]),
    (question("0.5"), RIGHT, [
        "ln(sqrt(e))", "log(e)/2", "log10(10)/2", "log_10(10)/2", "log2(2)/2", "log₂(2)/2", "tanh(0)+.5",
    ]),
    (question("1"), RIGHT, ["sin(π/2)", "cos(0)", "0!", "0^0", "2%*50", "cosh(0)+sinh(0)", "tan(π/4)", "1e0"]),
    (question("0"), RIGHT, ["0", "-0", "sin(π)", "0.1+0.2-0.3", "1-1", "1e-400"]),
    (question("0"), WRONG, ["1e-6", "cos(π)"]),
    (question("6.71", tolerance=0.01), RIGHT, ["6.70", "6.71", "6.72", "sqrt(45)", "3√5", "45^.5"]),
    (question("6.71", tolerance=0.01), WRONG, ["6.69", "6.73", "45", "5"]),
]  # fmt: skip

# Whatever the question: no attempt, and a message.
NO_NUMBER = [
    # nothing, or not a number
    "", " ", "\t\n", "x", "five", "1 + x", "?", "1/", "/2", "*3", "3 -", "()", "(", "1)", "(1", "(1]", "sqrt()", "|3",
    "|", "!", "%", "²", "10^", "1..2", "1.2.3", "2!!", "5%%", "5%!", "2²^3", "√", "√-1", "sqrt 2", "sqrt", "ln 2",
    "sin π", "sqrt2",
    # two numbers, lists, decimal commas
    "0,5", "(0,5)", "1,5e3", "1, 2, 3", "1;2", "1 2", "1 000", "1'000", "1_000", "sqrt(0,5)", "exp(0,5)+1", "2 3/4",
    "3½",
    # relations, units, other notations
    "=3", "x=3", "≈3", "~3", "<3", "≤ 3", "3 cm", "30°", "0x10", "1j", "2i", "$3$", r"\frac{1}{2}", "½½", "1e+", "3‰",
    # readable in two ways
    "1/2π", "1/2(3)", "1/√2π", "e^2π", "2^3(4)", "e^-2 π", "2³√8",
    # no value
    "1/0", "0/0", "1/(1-1)", "0^-1", "ln(0)", "ln(-1)", "sqrt(-1)", "(-8)^(1/3)", "tan(π/2)", "1/sin(π)", "0.5!",
    "(-1)!", "nan", "NaN", "inf", "-inf", "Infinity", "∞", "1e400", "-1e400", "1e308*10", "exp(1000)", "1e16+1-1e16",
    "1\n/0",
    # hostile
    "9**9**9", "9^9^9^9^9", "9^9^9!", "factorial(1e9)", "1e9!", "171!", "2" + "⁹" * 400, "9" * 999, "9!" * 200,
    "__import__('os')", "__import__('os').system('ls')", "().__class__", "lambda: 1", "print(1)", "eval('1')",
    "1 if 1 else 2", "1 or 2", "[1 for _ in 1]", "a" * 10_000, "1+" * 5_000 + "1", "9" * 10_000, "(" * 10_000,
    "(" * 200 + "1" + ")" * 200, "|" * 200, "√" * 200 + "2", "2^" * 140 + "2", "sqrt(" * 90 + "2" + ")" * 90,
    "\x00", "1\x00", "\x1b[31m1", "1\x7f", "\u202e1", "1\u200f", "1\u200b2", "\ufeff1", "1\ud800", "х", "е", "ѕqrt(2)",
    "2е3", "Α", "ο", "１０ｘ", "👍", "é", "א",
]  # fmt: skip

X_POSITIVE = symbols(x=(0.1, 5))
X_REAL = symbols(x=(-5, 5))
GAUSS = symbols(sigma=(0.1, 3), mu=(-2, 2))
TABLE = symbols(n=(50, 2000), d=(10, 500))
XY = symbols(x=(1, 2), y=(1, 2))
FORMULAS: list[tuple[Question, str, list[str]]] = [
    # sqrt(x²) is x only where x > 0
    (question("x", *X_POSITIVE), RIGHT, [
        "x", "sqrt(x^2)", "√(x²)", "|x|", "exp(ln(x))", "x^2/x", "(x)", "x*1", "2x-x",
    ]),
    (question("x", *X_REAL), WRONG, [
        "sqrt(x^2)", "|x|", "exp(ln(x))", "sqrt(x)^2", "x+1e-6", "-x", "0", "x^3", "ln(x)", "1/x",
    ]),
    (question("x", *X_REAL), RIGHT, ["x^2/x", "x³/x²", "ln(exp(x))", "--x", "0.5(x+x)", "x^3^1/x^2"]),
    (question("abs(x)", *X_REAL), RIGHT, ["|x|", "sqrt(x^2)", "max(x,-x)", "x^2/|x|", "abs(-x)"]),
    (question("2*ln(x)", *X_POSITIVE), RIGHT, [
        "ln(x^2)", "log(x²)", "2ln(x)", "ln(x)+ln(x)", "2*log10(x)*ln(10)",
    ]),
    (question("2*ln(x)", *X_REAL), WRONG, ["ln(x^2)", "2*ln(|x|)"]),
    (question("1-x^2", *symbols(x=(0, 1))), RIGHT, [
        "(1-x)(1+x)", "1−x²", "1 - x·x", "sqrt(1-x^2)^2", "(1+x)*(1-x)",
    ]),
    (question("1-x^2", *X_REAL), WRONG, ["sqrt(1-x^2)^2", "|1-x^2|", "(1-x)^2"]),
    # how the mathematics of the course is typed
    (question("0.5*(sigma^2+mu^2-1)-ln(sigma)", *GAUSS), RIGHT, [
        "0.5*(sigma^2+mu^2-1)-ln(sigma)", "(σ²+μ²−1)/2 − ln(σ)", "1/2*(σ^2+µ^2-1) - log(σ)",
        r"0.5*(\sigma^2+\mu^2-1)-ln(\sigma)", "σ²/2+μ²/2-1/2-ln(σ^2)/2", "-ln(σ)-0.5+0.5(μ²+σ²)",
    ]),
    (question("0.5*(sigma^2+mu^2-1)-ln(sigma)", *GAUSS), WRONG, [
        "0.5*(sigma^2+mu^2-1)-ln(sigma^2)", "0.5*(sigma+mu^2-1)-ln(sigma)", "σ", "0.5", "ln(μ)",
    ]),
    (question("d*(n-1)/(n+d)", *TABLE), RIGHT, [
        "d(n-1)/(n+d)", "(d n-d)/(n+d)", "(n−1)·d/(d+n)", "d/(n+d)*(n-1)", "1/(1/d+1/n)*(1-1/n)",
    ]),
    (question("d*(n-1)/(n+d)", *TABLE), WRONG, ["n*d/(n+d)", "d*(n-1)/(n+d+1)", "d", "(n-1)"]),
    (question("r*(d_in+d_out)/(d_in*d_out)", *symbols(r=(1, 64), d_in=(100, 5000), d_out=(100, 5000))), RIGHT, [
        "r/d_in+r/d_out", "r*(1/d_{in}+1/d_{out})", "r/dᵢₙ + r/dₒᵤₜ", "(r d_in + r d_out)/(d_in d_out)",
    ]),
    (question("x_1", *symbols(x_1=(1, 2))), RIGHT, ["x1", "x_1", "x₁", "x_{1}"]),
    (question("theta_k", *symbols(theta_k=(1, 2))), RIGHT, ["θₖ", "θ_k", "theta_k", r"\theta_{k}", "ϑ_k"]),
    (question("e^(-x^2/2)", *X_REAL), RIGHT, [
        "exp(-x²/2)", "e^(-x^2/2)", "1/exp(x^2/2)", "e^-(x²/2)", "exp(-0.5x^2)",
    ]),
    (question("e^(-x^2/2)", *X_REAL), WRONG, ["e^-x^2/2", "exp(x^2/2)", "-e^(x^2/2)"]),
    (question("x^2*y", *XY), RIGHT, ["x^2y", "x²y", "y x^2", "x x y", "x(x)(y)", "x*y*x", "|x|²y"]),
    (question("x*y", *XY), RIGHT, ["x y", "x·y", "(x)(y)", "x(y)", "|x|y", "y/x*x^2"]),
    (question("1/(2*x)", *XY), RIGHT, ["1/(2x)", "1/2/x", "0.5/x", "(2x)^-1", "2⁻¹/x", "x⁻¹/2"]),
    # cancellation and sizes: what can be computed to few digits only is still equal, and small is not 0
    (question("1/(sqrt(x+1)+sqrt(x))", *symbols(x=(1e6, 1e9))), RIGHT, ["sqrt(x+1)-sqrt(x)"]),
    (question("2*sin(x/2)^2", *symbols(x=(1e-6, 1e-3))), RIGHT, ["1-cos(x)"]),
    (question("1/(1+exp(-x))", *symbols(x=(-2000, 2000))), RIGHT, ["exp(x)/(1+exp(x))", "(1+tanh(x/2))/2"]),
    (question("1/(1+exp(-x))", *symbols(x=(-2000, 2000))), WRONG, ["exp(x)/(1+exp(-x))", "1/(1+exp(x))", "exp(x)"]),
    (question("2*sin(x/2)^2", *symbols(x=(1e-6, 1e-3))), WRONG, ["0", "1-cos(x/2)"]),
    (question("0", *X_REAL), RIGHT, ["0", "sin(x)^2+cos(x)^2-1", "x-x", "0x"]),
    (question("0", *X_REAL), WRONG, ["1e-9", "x", "1e-12*x"]),
    (question("1e-20*x", *XY), RIGHT, ["x/1e20", "x·10⁻²⁰"]),
    (question("1e-20*x", *XY), WRONG, ["0", "2e-20*x", "1e-20", "x-x"]),
    (question("1e20*x", *XY), WRONG, ["1e20*x*(1+1e-7)", "1e20*x+1e14"]),
    (question("x", *XY), WRONG, ["1e30-1e30", "0", "1"]),
    # noise that could be anything, and no value anywhere
    (question("x", *XY), UNREADABLE, [
        "x+1e30-1e30", "1/0", "x/0", "ln(-x)", "9**9**9", "1e999x", "0/(x-x)", "x!", "factorial(1e9*x)",
    ]),
    # not a formula, or two
    (question("x*y", *XY), UNREADABLE, [
        "", "xy", "z", "X*y", "x=y", "x,y", "1/2x", "1/x(y)", "e^2x", "2^3x", "2³√x", "f(x)", "sin x", "x y'", "x y 2",
        "х*y", "y\u202ex", "__import__('os')", "x" * 10_000, "x*" * 400 + "x",
    ]),
]  # fmt: skip

PAIRS = [
    *((asked, text, verdict) for asked, verdict, texts in NUMBERS for text in texts),
    *((question("9"), text, UNREADABLE) for text in NO_NUMBER),
    *((asked, text, verdict) for asked, verdict, texts in FORMULAS for text in texts),
]


def shown(value: object) -> str | None:
    return ascii(value[:40]) if isinstance(value, str) else ""


@pytest.mark.parametrize(("asked", "text", "verdict"), PAIRS, ids=shown)
def test_verdict(asked: Question, text: str, verdict: str) -> None:
    given = grade(asked, text)
    assert given.outcome == verdict
    assert given.score == (1.0 if verdict == RIGHT else 0.0)
    if verdict == UNREADABLE:
        assert given.message
        assert given.message.isprintable()


def test_there_are_two_hundred_different_pairs() -> None:
    assert len({(asked.answer, asked.symbols, text) for asked, text, _ in PAIRS}) >= 200


# -- messages ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing was typed"),
        ("0,5", "write a decimal number with a point: 0.5"),
        ("(0,5)", "write a decimal number with a point: 0.5"),
        ("1, 2, 3", "one value is expected"),
        ("sqrt(0,5)", "sqrt takes 1 argument, not 2 (a decimal number is written with a point: 0.5)"),
        ("max(1)", "max takes 2 arguments, not 1"),
        ("1 000", "two numbers stand side by side at place 3"),
        ("(2)3", "expected an operator or the end, found “3” at place 4"),
        ("3 *", "expected a number, a name or “(”, found the end"),
        ("(1", "expected “)”, found the end"),
        ("x=3", "“=” at place 2: type the answer alone"),
        ("2 x", "“x” is not known here; use numbers, pi, e and functions such as sqrt, exp, ln"),
        ("sqrt 2", "write sqrt with parentheses: sqrt(…)"),
        ("1/2π", "is “π” at place 4 below the fraction line? Put parentheses, or * before it"),
        ("e^2π", "is “π” at place 4 part of the exponent?"),
        ("2³√8", "is “√” at place 3 a root with a degree before it?"),
        ("1/0", "“1/0” has no value: it divides by zero"),
        ("ln(0)", "ln of 0 is not defined"),
        ("(-8)^(1/3)", "(-8)^0.333333 is not defined"),
        ("9**9**9", "a number in it is too large"),
        ("tan(π/2)", "its digits are lost in rounding"),
        ("1e999", "“1e999” is too large"),
        ("NaN", "NaN is not a number here"),
        ("a" * 10_000, "too long: 10000 characters, at most 1000 are read"),
        ("1+" * 400 + "1", "too long: more than 300 numbers, names and signs"),
        ("(" * 100 + "1" + ")" * 100, "nested deeper than 60 levels"),
        ("2+х", "“х” (cyrillic small letter ha) at place 3"),
        ("2Α", "“Α” (greek capital letter alpha) at place 2"),
        ("\u202e1", "right-to-left override at place 1"),
        ("1\x00", "character 0 at place 2"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_was_expected(text: str, said: str) -> None:
    message = grade(question("9"), text).message
    assert said in message
    if "no value" not in said:
        assert message.endswith("Expected a number such as 0.25, 1/3, 2e-3 or sqrt(2).")


def test_a_formula_is_told_which_names_it_may_use() -> None:
    asked = question("m*d^2", *symbols(m=(1, 2), d=(1, 2)))
    assert grade(asked, "m*x").message == "“x” is not known here; use m, d. Expected a formula in m, d."
    assert grade(asked, "mx").message == "“mx” is not known here; use m, d. Expected a formula in m, d."
    assert "“md” is not known here; use m, d (for a product write m*d)." in grade(asked, "md").message
    assert grade(asked, "m/0").message == "This formula has no value: it divides by zero."


@pytest.mark.parametrize(
    ("text", "place"), [("2+х", 2), ("1)", 1), ("0,5", 1), ("3 4", 2), ("  @", 2), ("1/2π", 3), ("sin x", 4), ("2Α", 1)]
)
def test_the_place_of_what_cannot_be_read_is_known(text: str, place: int) -> None:
    with pytest.raises(Unreadable) as caught:
        number(text)
    assert caught.value.position == place


# -- hostile input costs no more than its size allows ---


def nodes(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Negative(operand):
            yield from nodes(operand)
        case Binary(_, left, right):
            yield from nodes(left)
            yield from nodes(right)
        case Call(_, arguments):
            for argument in arguments:
                yield from nodes(argument)


@pytest.mark.parametrize(
    "text",
    [
        "1" + "+1" * 149,
        "9" + "^9" * 50,
        "x" + "*x" * 149,
        "-" * 299 + "x",
        "(" * 59 + "x" + ")" * 59,
        "|" * 58 + "x" + "|" * 58,
        "x" + "(x)" * 99,
        "√" * 59 + "x",
    ],
)
def test_a_tree_is_no_larger_than_the_text_and_grading_evaluates_it_a_bounded_number_of_times(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = question("2*x", *symbols(x=(1, 2)), wrong="3*x")
    tree = list(nodes(parse(text, ["x"])))
    assert len(tree) <= MAX_TOKENS
    assert all(isinstance(node.value, float) for node in tree if isinstance(node, Number))
    steps = 0
    real = expression._rounded

    def counted(*arguments: object) -> tuple[float, float]:
        nonlocal steps
        steps += 1
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(expression, "_rounded", counted)
    grade(asked, text)
    # Once to see that it has a value, then against each answer.
    assert steps <= 4 * POINTS * (len(tree) + 3)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("1" * (MAX_LENGTH + 1), "too long"),
        ("1+" * MAX_TOKENS + "1", "too long"),
        ("(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1), "nested deeper"),
        ("√" * (MAX_DEPTH + 1) + "1", "nested deeper"),
        ("2^" * (MAX_DEPTH + 1) + "1", "nested deeper"),
        ("|" * (MAX_DEPTH + 1) + "1" + "|" * (MAX_DEPTH + 1), "nested deeper"),
    ],
)
def test_more_than_the_limits_is_refused_before_it_is_evaluated(text: str, limit: str) -> None:
    with pytest.raises(Unreadable, match=limit):
        parse(text)


def test_at_the_limits_it_is_read() -> None:
    assert number("1" + "+1" * (MAX_TOKENS // 2 - 1)) == MAX_TOKENS // 2
    deep = MAX_DEPTH - 1
    assert number("(" * deep + "1" + ")" * deep) == 1
    assert number("0." + "1" * (MAX_LENGTH - 2)) == pytest.approx(1 / 9)


# -- properties ---

PIECES = st.sampled_from(
    [
        *"0123456789.,+-*/^()[]{}|!%√²⁻³πeExyμσ_ \\=<'\"",
        "sqrt",
        "ln(",
        "max(",
        "**",
        "1e9",
        "⁹⁹",
        "−",
        "·",
        "x_1",
        "х",
        "\x00",
    ]
)
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=25).map("".join))


def value_or_error(text: str) -> float | Unreadable:
    try:
        return number(text)
    except Unreadable as error:
        return error


@settings(max_examples=600, deadline=None)
@given(TEXTS)
def test_no_text_does_anything_but_have_a_value_or_be_unreadable(text: str) -> None:
    read = value_or_error(text)
    if isinstance(read, Unreadable):
        assert str(read)
        assert str(read).isprintable()
        assert read.position is None or 0 <= read.position <= len(text)
    else:
        assert math.isfinite(read)
    asked = question("x*y", *symbols(x=(-1, 2), y=(1, 2)), wrong="x+y")
    assert grade(asked, text).outcome in {RIGHT, WRONG, UNREADABLE}


OPERATORS = [ast.Add(), ast.Sub(), ast.Mult(), ast.Div()]
LEAVES = st.one_of(st.integers(0, 999).map(float), st.floats(1e-6, 1e6)).map(lambda x: ast.Constant(x))


def grow(smaller: st.SearchStrategy[ast.expr]) -> st.SearchStrategy[ast.expr]:
    exponents = st.integers(-3, 3).map(
        lambda n: ast.Constant(float(n)) if n >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(float(-n)))
    )
    return st.one_of(
        st.builds(ast.UnaryOp, st.just(ast.USub()), smaller),
        st.builds(ast.BinOp, smaller, st.sampled_from(OPERATORS), smaller),
        st.builds(ast.BinOp, smaller, st.just(ast.Pow()), exponents),
    )


TREES = st.recursive(LEAVES, grow, max_leaves=12)
SPELLINGS = [
    lambda text: text,
    lambda text: text.replace("**", "^").replace(" ", ""),
    lambda text: text.replace("**", "^").replace("*", "·").replace("-", "−").replace("/", "÷"),
    lambda text: text.replace("(", "[").replace(")", "]").replace(" * ", "×"),
]


def python(tree: ast.expr) -> float | None:
    """Python's own value in floating point; None when it has none."""
    try:
        value = eval(compile(ast.fix_missing_locations(ast.Expression(tree)), "tree", "eval"))
    except ArithmeticError:
        return None
    return value if math.isfinite(value) else None


def exact(tree: ast.expr) -> Fraction:
    """The value without rounding; the trees have only whole exponents."""
    match tree:
        case ast.Constant(value):
            return Fraction(value)
        case ast.UnaryOp():
            return -exact(tree.operand)
        case ast.BinOp(left, ast.Pow(), right):
            return exact(left) ** int(exact(right))
        case ast.BinOp(left, op, right):
            act = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
            return act[type(op)](exact(left), exact(right))
    raise AssertionError(tree)


@settings(max_examples=500, deadline=None)
@given(TREES, st.sampled_from(SPELLINGS))
def test_a_printed_tree_has_the_value_that_python_gives_it(tree: ast.expr, spelling) -> None:
    text = spelling(ast.unparse(tree))
    assume(len(text) <= MAX_LENGTH)
    read = value_or_error(text)
    if not isinstance(read, Unreadable):
        assert read == python(tree)
    elif all(python(part) is not None for part in ast.walk(tree) if isinstance(part, ast.expr)):
        # Python gives a number, but it is one of rounding errors.
        assert "lost in rounding" in str(read)
        assert any(isinstance(part, ast.Sub | ast.USub) for part in ast.walk(tree))


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_a_value_that_is_given_is_right_to_six_digits_or_nine_places(tree: ast.expr) -> None:
    text = ast.unparse(tree)
    assume(len(text) <= MAX_LENGTH)
    value = value_or_error(text)
    assume(isinstance(value, float))
    assert abs(Fraction(value) - exact(tree)) <= max(abs(exact(tree)) / 10**6, Fraction(1, 10**9))


ATOMS = st.sampled_from(["x", "y", "2", "0.3", "π", "7.5", "1e-3"])


def formula(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, smaller, st.sampled_from("+-*/"), smaller),
        st.builds("{}({})".format, st.sampled_from(["sqrt", "ln", "exp", "abs", "sin", "tanh", "-"]), smaller),
        st.builds("({})^{}".format, smaller, st.sampled_from(["2", "3", "(-1)", "0.5"])),
    )


FORMULA = st.recursive(ATOMS, formula, max_leaves=6)
DOMAIN = symbols(x=(0.5, 3.0), y=(-2.0, 2.0))


def tree(text: str) -> Node:
    return parse(text, ["x", "y"])


def values(text: str) -> list[float]:
    return [evaluate(tree(text), point) for point in sample(DOMAIN)]


@settings(max_examples=200, deadline=None)
@given(FORMULA)
def test_equivalence_is_reflexive_where_there_is_a_value(text: str) -> None:
    assert equivalent(tree(text), tree(text), DOMAIN) == (not undefined(tree(text), DOMAIN))


@settings(max_examples=200, deadline=None)
@given(FORMULA, FORMULA, st.booleans())
def test_equivalence_is_symmetric(one: str, other: str, same: bool) -> None:
    other = f"({other})*0 + {one}" if same else other
    assert equivalent(tree(one), tree(other), DOMAIN) == equivalent(tree(other), tree(one), DOMAIN)


REWRITINGS = [
    ("{a} + {b}", "{b} + {a}"),
    ("{a} * {b}", "{b} * {a}"),
    ("{a} * ({b} + {c})", "{a} * {b} + {a} * {c}"),
    ("({a} + {b}) + {c}", "{a} + ({b} + {c})"),
    ("{a} - {b}", "-({b} - {a})"),
    ("({a} - {b}) * ({a} + {b})", "{a}^2 - {b}^2"),
    ("({a} + {b})^2", "{a}^2 + 2{a}{b} + {b}^2"),
    ("sin({a})^2 + cos({a})^2", "1 + 0{a}"),
    ("exp({a}) * exp({b})", "exp({a} + {b})"),
    ("{a} / (1 + {b}^2)", "{a} * (1 + {b}^2)^-1"),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(REWRITINGS), FORMULA, FORMULA, FORMULA)
def test_an_algebraic_rewriting_is_equivalent(rule: tuple[str, str], a: str, b: str, c: str) -> None:
    one, other = (side.format(a=f"({a})", b=f"({b})", c=f"({c})") for side in rule)
    assume(max(len(one), len(other)) <= MAX_LENGTH)
    assume(not any(map(math.isnan, values(one) + values(other))))
    assert equivalent(tree(one), tree(other), DOMAIN)


@settings(max_examples=200, deadline=None)
@given(
    FORMULA,
    st.sampled_from(["1.001*({})", "({})*(1 + (x-0.5)/1000)", "-({})", "({}) + |{}|/1000", "({})^2/1e9 + 2*({})"]),
)
def test_a_formula_that_is_a_little_off_is_not_equivalent(text: str, off: str) -> None:
    found = values(text)
    assume(any(abs(value) > 1e-4 for value in found))
    assert not equivalent(tree(text), tree(off.replace("{}", text)), DOMAIN)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from("abkmxθσ"), st.sampled_from("aehijklmnoprstuvx0123456789"))
def test_all_spellings_of_an_index_are_one_name(letter: str, index: str) -> None:
    lowered = {value: key for key, value in expression.SUBSCRIPTS.items()}[ord(index)]
    written = {f"{letter}_{index}", f"{letter}_{{{index}}}", f"{letter}{chr(lowered)}"}
    written |= {f"{letter}{index}"} if index.isdigit() else set()
    assert {parse(text, [f"{letter}_{index}"]) for text in written} == {Name(f"{letter}_{index}")}


def test_every_greek_letter_is_read_by_its_sign_its_name_and_its_command() -> None:
    for sign, name in expression.GREEK.items():
        if name not in expression.CONSTANTS:
            assert parse(sign, [name]) == parse(name, [name]) == parse(f"\\{name}", [name]) == Name(name)
            assert parse(name, [sign]) == Name(sign)


def test_the_points_of_a_domain_lie_in_it_and_are_the_same_every_time() -> None:
    points = sample(DOMAIN, seed=5)
    assert points == sample(DOMAIN, seed=5) != sample(DOMAIN, seed=6)
    assert len(points) == POINTS
    for symbol in DOMAIN:
        assert all(symbol.low <= point[symbol.name] <= symbol.high for point in points)


@pytest.mark.parametrize("sign", FRACTIONS)
def test_a_fraction_in_one_sign_is_the_number_that_it_shows(sign: str) -> None:
    above, _, below = unicodedata.normalize("NFKD", sign).partition("⁄")
    value = int(above) / int(below)
    assert number(sign) == value
    assert number(f"-2*{sign}^2") == -2 * value**2


def test_a_question_as_message_has_one_stop() -> None:
    message = grade(question("9"), "1 2").message
    assert "is an operator missing? Expected a number" in message
