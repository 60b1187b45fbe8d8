import itertools
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutor.course import markup
from tutor.course.load import load_chapter, load_course, load_lesson, load_questions
from tutor.course.markup import (
    ASCII,
    BLACKBOARD,
    CALLIGRAPHIC,
    GREEK,
    SYMBOLS,
    formulas,
    inline,
    inline_problem,
    plain,
    problem,
    prose,
    render_block,
    to_ascii,
)

CONTENT = Path(__file__).parents[2] / "content"

# -- on one row ---


@pytest.mark.parametrize(
    ("latex", "row", "ascii"),
    [
        # scripts
        (r"\beta_1^t", "β₁ᵗ", "beta_1^t"),
        (r"½ g\, dW", "½g dW", "1/2 g dW"),
        (r"x_i^{2}", "xᵢ²", "x_i^2"),
        (r"f^* w^{\ast}", "f*w*", "f^* w^*"),
        (r"{v_i}^T", "vᵢᵀ", "v_i^T"),
        (r"v_i^\top X", "vᵢᵀX", "v_i^T X"),
        (r"10^{-8}", "10⁻⁸", "10^(-8)"),
        (r"\sigma_{k+1}", "σₖ₊₁", "sigma_(k+1)"),
        (r"W_Q W_K^T", "W_Q W_Kᵀ", "W_Q W_K^T"),
        (r"d_{in} d_{out}", "dᵢₙdₒᵤₜ", "d_in d_out"),
        (r"e^{-x^2/2}", "e^(−x²/2)", "e^(-x^2/2)"),
        (r"\Lambda^{-1/2} V", "Λ^(−1/2)V", "Lambda^(-1/2)V"),
        (r"f'(x)", "f'(x)", "f'(x)"),
        # signs and spaces
        (r"a+b-c", "a + b − c", "a + b - c"),
        (r"-a", "−a", "-a"),
        (r"(-a, -b)", "(−a, −b)", "(-a, -b)"),
        (r"n \times d", "n × d", "n x d"),
        (r"\mathbb{R}^{n\times d}", "ℝ^(n×d)", "R^(n x d)"),
        (r"x \le y \ne z", "x ≤ y ≠ z", "x <= y != z"),
        (r"\|X - X_k\|_F", "‖X − Xₖ‖_F", "||X - X_k||_F"),
        (r"|\det W| = 1", "|det W| = 1", "|det W| = 1"),
        (r"a \quad b \qquad c", "a  b    c", "a  b    c"),
        (r"a~b\,c", "a b c", "a b c"),
        (r"\ln x + \ln {\sigma_i}^2 - \ln(2)", "ln x + ln σᵢ² − ln(2)", "ln x + ln sigma_i^2 - ln(2)"),
        (r"2\ln x", "2 ln x", "2 ln x"),
        (r"\max_x f(x)", "maxₓ f(x)", "max_x f(x)"),
        (r"\sum_{i=1}^{n} x_i", "∑ᵢ₌₁ⁿ xᵢ", "sum_(i=1)^n x_i"),
        (r"\int_0^1 x\,\mathrm{d}x", "∫₀¹ x dx", "int_0^1 x dx"),
        # words that would run together
        (r"U \Sigma V^T V", "UΣVᵀV", "U Sigma V^T V"),
        (r"2\sigma\varepsilon", "2σε", "2 sigma epsilon"),
        (r"\partial L/\partial A", "∂L/∂A", "dL/dA"),
        # roots and fractions
        (r"\sqrt{d}", "√d", "sqrt(d)"),
        (r"\sqrt{n-1}\,U", "√(n − 1) U", "sqrt(n - 1) U"),
        (r"\sqrt[3]{x} + \sqrt[n]{a+b}", "x^(1/3) + (a + b)^(1/n)", "x^(1/3) + (a + b)^(1/n)"),
        (r"\frac{1}{2}", "1/2", "1/2"),
        (r"\frac{a+b}{2}", "(a + b)/2", "(a + b)/2"),
        (rf"\frac{{{'1' * 60}+x}}{{2}}", f"({'1' * 60} + x)/2", f"({'1' * 60} + x)/2"),
        (r"\frac{2x}{3y}", "2x/(3y)", "2x/(3y)"),
        (r"\frac{\sigma_i^2}{n-1}", "σᵢ²/(n − 1)", "sigma_i^2/(n - 1)"),
        (r"\frac{QK^T}{\sqrt{d_k}}", "QKᵀ/√(dₖ)", "QK^T/sqrt(d_k)"),
        (r"\frac{\partial L}{\partial v_j}", "∂L/∂vⱼ", "dL/dv_j"),
        (r"\frac{1}{n-1}\, X^T X", "1/(n − 1) · XᵀX", "1/(n - 1) * X^T X"),
        (r"x \frac{1}{2} y", "x · 1/2 · y", "x * 1/2 * y"),
        (r"\ln \frac{p}{q} = \frac{a}{b} \qquad \frac{c}{d}", "ln p/q = a/b    c/d", "ln p/q = a/b    c/d"),
        (r"\sum_i \frac{1}{i}", "∑ᵢ 1/i", "sum_i 1/i"),
        (r"x^{\frac{1}{2}}", "x^(1/2)", "x^(1/2)"),
        # letters
        (r"\mathbb{E}[X] \in \mathcal{N}(0, I)", "𝔼[X] ∈ 𝒩(0, I)", "E[X] in N(0, I)"),
        (r"\hat{x} \bar{q} \hat{xy}", "x̂q̄hat(xy)", "hat(x)bar(q)hat(xy)"),
        (r"\mathrm{softmax}(z) \text{ if } z > 0", "softmax(z) if z > 0", "softmax(z) if z > 0"),
        (r"\{ 50\% \}", "{50%}", "{50%}"),
        (r"\mathrm x + \text y", "x + y", "x + y"),
        # more than one row
        (r"\begin{bmatrix} 1 & -2 \\ 0 & x_1 \end{bmatrix}", "[1, −2; 0, x₁]", "[1, -2; 0, x_1]"),
        (r"\begin{pmatrix} a \\ b \\ \end{pmatrix}^T", "(a; b)ᵀ", "(a; b)^T"),
        (r"\begin{array}{cc} a & b \end{array}", "[a, b]", "[a, b]"),
        (r"\begin{aligned} a &= b \\ &= c \end{aligned}", "a = b; = c", "a = b; = c"),
        (r"\left( \frac{a}{b} \right) \left. x \right|_0", "(a/b)x|₀", "(a/b)x|_0"),
    ],
)  # fmt: skip
def test_a_formula_on_one_row(latex: str, row: str, ascii: str) -> None:
    assert inline(latex) == row
    assert inline(latex, ascii=True) == ascii
    assert inline_problem(latex) == ""


@pytest.mark.parametrize(
    ("latex", "trouble"),
    [
        (r"\underbrace{x}_y", r"has \underbrace, which cannot be written on one row"),
        (r"a \foo b", r"has \foo, which cannot be written on one row"),
        (r"\@", r"has \@, which cannot be written on one row"),
        ("x\\", "has \\, which cannot be written on one row"),
        (r"{x", "has a { without its }"),
        (r"x_{1", "has a { without its }"),
        (r"\text{if", "has a { without its }"),
        (r"x}", "has a } without its {"),
        (r"\frac{a}", "lacks an argument"),
        (r"{x^}", "lacks an argument"),
        (r"x_", "lacks an argument"),
        (r"\begin{bmatrix} a & b", r"has \begin{bmatrix} without its \end"),
        (r"\begin{foo} a \end{foo}", r"has \begin{foo}, which cannot be written on one row"),
    ],
)
def test_what_cannot_be_written_on_one_row_is_said(latex: str, trouble: str) -> None:
    assert inline_problem(latex) == trouble


def test_an_unknown_command_stays_and_nothing_is_lost_with_it() -> None:
    assert inline(r"a + \foo{b} + c") == r"a + \foob + c"
    assert inline("x} y") == "xy"
    assert inline("") == inline("  ") == ""


COMMANDS = (
    r"\frac \sqrt \left( \right) \sum \ln \hat \text \sigma \qquad \begin{bmatrix} \end{bmatrix} \\ \foo \mathbb \|"
)
PARTS = st.sampled_from([*"abxyXT0129+-=(),|[]{}^_&~' ·²", "\\", *COMMANDS.split()])


@settings(max_examples=300, deadline=None)
@given(st.lists(PARTS, max_size=20).map("".join))
def test_any_text_is_written_and_drawn_without_an_exception(latex: str) -> None:
    assert "\n" not in inline(latex)
    assert "\u2003" not in inline(latex)
    assert inline(latex, ascii=True).isascii()
    assert isinstance(render_block(latex), str)
    # What cannot be drawn is shown as it was written.
    assert not problem(latex) or render_block(latex) == latex.strip()


def test_every_sign_has_its_ascii_form() -> None:
    for sign in itertools.chain.from_iterable(d.values() for d in (GREEK, SYMBOLS, BLACKBOARD, CALLIGRAPHIC)):
        assert to_ascii(sign).isascii() or sign.isspace(), sign
    assert all(text.isascii() for text in ASCII.values())
    assert to_ascii("σ² ≤ naïve") == "sigma^2 <= naïve"


# -- in two dimensions ---


@pytest.mark.parametrize(
    ("latex", "drawn"),
    [
        (r"a = b + c", "a = b + c"),
        (r"\frac{a}{b}", " a\n╶─╴\n b"),
        (r"X = U\, \Sigma\, V^T", "X = U Σ Vᵀ"),
        (r"{\sigma_i}^2 \ge 0", "σᵢ² ≥ 0"),
        (r"W = \begin{bmatrix} 1 & 0 \\ 0 & 2 \end{bmatrix}", "  ⎡1 0⎤\nW=⎣0 2⎦"),
        (r"f(x) = ?", "f(x) = ?"),
        (r"\ln x - \ln {\sigma}^2 \le \ln\alpha", "ln x - ln σ² ≤ ln α"),
        (r"\ln(x) + \exp\left( x \right) < -1", "ln(x) + exp(x) < -1"),
        (r"{a+b}^{-c} - (-d) \in e", "a+b⁻ᶜ - (-d) ∈ e"),
        ("a\n  = b", "a = b"),
    ],
)
def test_a_display_formula(latex: str, drawn: str) -> None:
    assert problem(latex) == ""
    assert render_block(latex) == drawn
    assert render_block(f"\n {latex} \n") == drawn


def test_a_display_formula_in_ascii_stands_on_one_row() -> None:
    latex = r"\sigma_i = \frac{1}{2} \begin{bmatrix} 1 & \alpha \end{bmatrix}"
    assert render_block(latex, ascii=True) == inline(latex, ascii=True) == "sigma_i = 1/2[1, alpha]"


@pytest.mark.parametrize(
    ("latex", "trouble"),
    [
        # what TeXicode draws as a question mark
        (r"\lVert x \rVert", r"has \lVert, which cannot be drawn"),
        (r"\underbrace{x}_{y}", r"has \underbrace, which cannot be drawn"),
        (r"\overline{x} = ?", r"has \overline, which cannot be drawn"),
        (r"\text{what?} + \foo", r"has \foo, which cannot be drawn"),
        (r"\argmin_x f", r"has \argmin, which cannot be drawn"),
        # what it cannot parse, or raises
        (r"\frac{a}", "cannot be read: parsing error"),
        (r"{x", "cannot be read: parsing error"),
        (r"x}", "cannot be read: parsing error"),
        (r"x^{a}^{b}", "cannot be read: rendering error: Double superscripts"),
        (r"\left( x", "cannot be read"),
        ("a · b", "cannot be read: parsing error: Unknown token"),
        ("a…", "cannot be read"),
        ("\\", "cannot be read: lexerizing error"),
        (r"\operatorname{softmax}(x)", "cannot be drawn: KeyError"),
        (r"\sum\limits_{i} x", "cannot be drawn: IndexError"),
        # what it draws, and not as it was meant
        (r"\begin{foo} a \end{foo}", r"has \begin{foo}, which cannot be drawn"),
        (r"a \not= b", r"has \not"),
        (r"\hat{xy}", "has an accent over more than one sign"),
        (r"\mathbb{1}_{x > 0}", "has a sign that its alphabet lacks"),
        (r"v_i^T", "loses “T” when it is drawn"),
        (r"\|X\|_F^2 + A_i^D", "loses “D” when it is drawn"),
        ("", "is empty"),
        (r"\quad", "is empty"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_its_source_shown(latex: str, trouble: str) -> None:
    assert trouble in problem(latex)
    assert render_block(latex) == latex.strip()


LETTERS = st.sampled_from([*"abdikntxDFTVX0123", r"\sigma", r"\mu", r"\varepsilon", r"\Lambda", r"\rho", r"\phi"])
GROWN = st.recursive(
    LETTERS,
    lambda smaller: st.one_of(
        st.builds("{} {}".format, smaller, smaller),
        st.builds("{} + {}".format, smaller, smaller),
        st.builds(r"\frac{{{}}}{{{}}}".format, smaller, smaller),
        st.builds(r"\sqrt{{{}}}".format, smaller),
        st.builds(r"{{{}}}_{{{}}}^{{{}}}".format, LETTERS, LETTERS, smaller),
        st.builds(r"{{{}}}_{{{}}}".format, LETTERS, smaller),
        st.builds(r"{{{}}}^{{{}}}".format, LETTERS, smaller),
        st.builds(r"\left( {} \right)".format, smaller),
    ),
    max_leaves=6,
)


def letters(text: str) -> list[str]:
    """Letters and digits in any size, place and style, in one spelling."""
    flat = unicodedata.normalize("NFKD", text).casefold().translate(str.maketrans("ɛɑɸɩʏ", "εαφιy"))
    return sorted(ch for ch in flat if ch.isalnum() and ch != "ᐟ")


@settings(max_examples=300, deadline=None)
@given(GROWN)
def test_a_formula_that_is_drawn_shows_every_letter_of_its_source(latex: str) -> None:
    source = re.sub(r"\\([A-Za-z]+)", lambda match: GREEK.get(match[1], ""), latex)
    if not problem(latex):
        assert letters(render_block(latex)) == letters(source)
    assert letters(inline(latex)) == letters(source)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*"abx12+-=<>(){}^_ ", r"\le", r"\ln", r"\alpha", r"\left(", r"\in", r"\frac", r"\;"])))
def test_added_spaces_are_all_that_is_added(pieces: list[str]) -> None:
    latex = " ".join(pieces)
    airy = markup._airy(latex)
    assert re.sub(r"\\[;,]|\s", "", airy) == re.sub(r"\\[;,]|\s", "", latex)


# -- in Markdown ---

PAGE = r"""
## A head with $\alpha$

Costs \$5 and 6$, code `$x$` and ``a ` $y$``, a formula $\beta_1$.

$$
\gamma = 1
$$

```text
$$ \no $$ and $\no$ and [no](link:no)
```

````python
```
$\no$
````

Then $$ \delta $$ and $a_{1}$, from $5 to $6.
"""


def test_formulas_are_found_and_code_is_passed_over() -> None:
    assert formulas(PAGE) == ([r"\gamma = 1", r"\delta"], [r"\alpha", r"\beta_1", "a_{1}"])


def test_prose_is_what_is_neither_code_nor_formula() -> None:
    text = prose(PAGE)
    assert "Costs" in text
    assert "Then" in text
    assert not re.search(r"no|alpha|gamma|delta|\$x|\by\b", text.replace("A head", ""))


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (r"the $\sigma_1$ of `W`", "the σ₁ of W"),
        (r"**bold** and *leaning* and __both__ and _these_", "bold and leaning and both and these"),
        (r"**a $x_1$ b**", "a x₁ b"),
        (r"d_k and d_v, 2*3*4 and a * b * c", "d_k and d_v, 2*3*4 and a * b * c"),
        (r"`a_b_c` and `*x*` and `$x$`", "a_b_c and *x* and $x$"),
        (r"see [the lab](lab:svd-digits), costs \$5", "see the lab, costs $5"),
        (r"$$ x^2 $$", "x²"),
        (r"[bold]kept[/bold] and <b>", "[bold]kept[/bold] and <b>"),
        (r"$a*b*c$ and *y*", "a*b*c and y"),
        ("`X @ Vh[:10].T`", "X @ Vh[:10].T"),
    ],
)
def test_markdown_as_plain_text(markdown: str, text: str) -> None:
    assert plain(markdown) == text


def test_plain_text_in_ascii_changes_the_formulas_alone() -> None:
    assert plain(r"für $\sigma \ge 0$: `σ`", ascii=True) == "für sigma >= 0: σ"


# -- the course ---


def course_texts() -> list[str]:
    texts: list[str] = []
    for stub in load_course(CONTENT).chapters:
        if (CONTENT / f"{stub.number:02d}-{stub.id}").is_dir():
            for lesson in load_chapter(CONTENT, stub.id).lessons:
                texts += load_lesson(CONTENT, stub.id, lesson).pages
            for question in load_questions(CONTENT, stub.id).values():
                texts += [question.prompt, question.explanation, *question.hints]
    return texts


def test_every_formula_of_the_course_is_drawn_in_both_modes() -> None:
    found = [formulas(text) for text in course_texts()]
    display, rows = ({*itertools.chain.from_iterable(kind)} for kind in zip(*found, strict=True))
    assert len(display) > 20
    assert len(rows) > 100
    assert {latex: problem(latex) for latex in display if problem(latex)} == {}
    assert {latex: inline_problem(latex) for latex in display | rows if inline_problem(latex)} == {}
    assert [latex for latex in display | rows if not inline(latex, ascii=True).isascii()] == []
    assert [latex for latex in display | rows if "\\" in inline(latex)] == []
