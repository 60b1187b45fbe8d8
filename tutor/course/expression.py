"""Reads the numbers and formulas that a learner types. Our own small parser: nothing is ever evaluated by Python.

Grammar, loosest first: sum, product (also by juxtaposition: `2x`, `3(x+1)`), unary sign, power (right-associative,
binding tighter than a sign on its left: −2^2 = −4), postfix `%` and `!`, atom. `log` is the natural logarithm. What can
be read in two ways, such as `1/2x`, is not read at all: the learner is asked which is meant, and no attempt is lost.
"""

from __future__ import annotations

import math
import random
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tutor.course.model import Symbol
from tutor.errors import TutorError

MAX_LENGTH = 1000
MAX_TOKENS = 300
MAX_DEPTH = 60
POINTS = 40
"""Sample points at which two formulas are compared."""


class Unreadable(TutorError):
    """What was typed is not a formula; the text says where and what was expected. It is not an attempt."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position
        """Index into the text of what cannot be read, if it is one place."""


class _Undefined(ArithmeticError):
    """The formula has no value here; the text says why."""


@dataclass(frozen=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True)
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True)
class Negative:
    """−operand."""

    operand: Node


@dataclass(frozen=True)
class Binary:
    """left op right, with op one of + - * / ^."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    """function(arguments)."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Name | Negative | Binary | Call


def _factorial(x: float) -> float:
    if x < 0 or x != int(x):
        raise ValueError("factorial of a number that is not a whole one")
    return math.gamma(x + 1)


FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "sqrt": (1, math.sqrt),
    "exp": (1, math.exp),
    "ln": (1, math.log),
    "log": (1, math.log),
    "log2": (1, math.log2),
    "log10": (1, math.log10),
    "sin": (1, math.sin),
    "cos": (1, math.cos),
    "tan": (1, math.tan),
    "sinh": (1, math.sinh),
    "cosh": (1, math.cosh),
    "tanh": (1, math.tanh),
    "abs": (1, abs),
    "min": (2, min),
    "max": (2, max),
    "factorial": (1, _factorial),
}
"""Name → (number of arguments, function). `log` is the natural logarithm, as everywhere in the course."""

CONSTANTS = {"pi": math.pi, "e": math.e}
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho",
    "σ": "sigma", "τ": "tau", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789aehijklmnoprstuvx")
SYNONYMS = {
    "−": "-", "–": "-", "·": "*", "×": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/", "**": "^",
}  # fmt: skip
CLOSING = {"(": ")", "[": "]", "{": "}"}
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+\-−]?\d+)?)"
    r"|(?P<raised>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<name>\\?[A-Za-zµ\u0370-\u03ff][A-Za-z0-9µ\u0370-\u03ff₀-₉ₐ-ₜᵢⱼᵣᵤᵥ]*(?:_\{?[A-Za-z0-9]+\}?)*)"
    r"|(?P<op>\*\*|[-+*/^()\[\]{},!%|√−–·×⋅∗÷∕]))"
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens = []
    at = 0
    while at < len(text):
        if not text[at:].strip():
            break
        match = TOKEN.match(text, at)
        if match is None:
            bad = text[at:].lstrip()[0]
            raise _strange(bad, text.index(bad, at))
        kind = str(match.lastgroup)
        raw = match[kind]
        tokens.append(_Token(kind, SYNONYMS.get(raw, raw), match.start(kind)))
        at = match.end()
    if len(tokens) > MAX_TOKENS:
        raise Unreadable(f"too long: more than {MAX_TOKENS} numbers, names and signs")
    tokens.append(_Token("end", "", len(text)))
    return tokens


def _strange(sign: str, at: int) -> Unreadable:
    if sign in "=<>≤≥≈~":
        return Unreadable(f"“{sign}” at place {at + 1}: type the value alone", at)
    # Many letters look like others: a name tells a Cyrillic х from an x. A control character is not to be printed.
    name = unicodedata.name(sign, f"character {ord(sign)}").lower()
    shown = f"“{sign}”" if sign.isascii() and sign.isprintable() else name
    if sign.isprintable() and not sign.isascii():
        shown = f"“{sign}” ({name})"
    return Unreadable(f"{shown} at place {at + 1} is not part of a formula", at)


def _canonical(name: str) -> str:
    """`σ`, `sigma` and `\\sigma` are one name; `d_k`, `d_{k}` and `dₖ` are one; `x_1`, `x₁` and `x1` are one."""
    base, _, index = name.removeprefix("\\").partition("_")
    plain = "".join(f"_{ch.translate(SUBSCRIPTS)}" if ch != ch.translate(SUBSCRIPTS) else ch for ch in base)
    plain = re.sub(r"(?<=_.)_", "", plain)
    head, _, tail = plain.partition("_")
    head = "".join(GREEK.get(ch, ch) for ch in head)
    index = (tail + index).strip("{}").replace("_", "").replace("{", "").replace("}", "")
    letters = head.rstrip("0123456789")
    index = head[len(letters) :] + index
    return f"{letters}_{index}" if index else letters


class _Parser:
    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.names = {_canonical(name): name for name in names}

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> bool:
        if self.token.kind == "op" and self.token.text in texts:
            self.at += 1
            return True
        return False

    def fail(self, expected: str) -> Unreadable:
        found = f"“{_cut(self.token.text)}” at place {self.token.at + 1}" if self.token.kind != "end" else "the end"
        return Unreadable(f"expected {expected}, found {found}", self.token.at)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels", self.token.at)

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.fail(f"“{text}”")

    def whole(self) -> Node:
        node = self.sum()
        if self.token.text == ",":
            raise Unreadable("one value is expected here; write a decimal number with a point: 0.5", self.token.at)
        if self.token.kind != "end":
            raise self.fail("an operator or the end")
        return node

    def sum(self) -> Node:
        self.deeper()
        node = self.product()
        while self.token.kind == "op" and self.token.text in "+-":
            op = self.token.text
            self.at += 1
            node = Binary(op, node, self.product())
        self.depth -= 1
        return node

    def product(self) -> Node:
        node = self.signed()
        divided = False
        while True:
            if self.token.kind == "op" and self.token.text in "*/":
                op = self.token.text
                divided = op == "/"
                self.at += 1
                node = Binary(op, node, self.signed())
            elif self._starts_factor():
                if divided:
                    found = f"“{_cut(self.token.text)}” at place {self.token.at + 1}"
                    raise Unreadable(
                        f"is {found} below the fraction line? Put parentheses, or * before it", self.token.at
                    )
                node = Binary("*", node, self.power())
            else:
                return node

    def _starts_factor(self) -> bool:
        token = self.token
        if token.kind == "name":
            return True
        if token.kind == "number":
            # `2 3` is more likely a slip than a product.
            return False
        return token.kind == "op" and (token.text in "([{√" or (token.text == "|" and not self.bars))

    def signed(self) -> Node:
        signs = 0
        while self.token.kind == "op" and self.token.text in "+-":
            signs += self.token.text == "-"
            self.at += 1
        node = self.power()
        return Negative(node) if signs % 2 else node

    def power(self) -> Node:
        base = self.postfix()
        if self.token.kind == "raised":
            digits = self.token.text.translate(SUPERSCRIPTS)
            self.at += 1
            base = Binary("^", base, Number(float(digits)))
        elif self.take("^"):
            self.deeper()
            base = Binary("^", base, self.signed())
            self.depth -= 1
        return base

    def postfix(self) -> Node:
        node = self.atom()
        if self.take("%"):
            return Binary("/", node, Number(100.0))
        if self.take("!"):
            return Call("factorial", (node,))
        return node

    def atom(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.at += 1
            value = float(token.text.replace("−", "-"))
            if math.isinf(value):
                raise Unreadable(f"“{_cut(token.text)}” is too large", token.at)
            return Number(value)
        if token.kind == "name":
            self.at += 1
            return self.named(token)
        if self.take(*CLOSING):
            node = self.sum()
            self.expect(CLOSING[token.text])
            return node
        if self.take("|"):
            self.bars += 1
            node = self.sum()
            self.expect("|")
            self.bars -= 1
            return Call("abs", (node,))
        if self.take("√"):
            self.deeper()
            node = Call("sqrt", (self.postfix(),))
            self.depth -= 1
            return node
        raise self.fail("a number, a name or “(”")

    def named(self, token: _Token) -> Node:
        name = _canonical(token.text)
        if name in self.names:
            return Name(self.names[name])
        function = name.replace("_", "").lower()
        if function in FUNCTIONS:
            return self.call(function)
        if name in CONSTANTS:
            return Number(CONSTANTS[name])
        if name in {"inf", "infinity", "nan"}:
            raise Unreadable(f"{name} is not a number here", token.at)
        allowed = ", ".join(self.names.values()) or "numbers, pi, e and functions such as sqrt, exp, ln"
        product = ""
        if len(token.text) > 1 and all(_canonical(letter) in self.names for letter in token.text):
            product = f" (for a product write {'*'.join(token.text)})"
        raise Unreadable(f"“{_cut(token.text)}” is not known here; use {allowed}{product}", token.at)

    def call(self, function: str) -> Node:
        opening = self.token.text
        if not self.take(*CLOSING):
            raise Unreadable(f"write {function} with parentheses: {function}(…)", self.token.at)
        arguments = [self.sum()]
        while self.take(","):
            arguments.append(self.sum())
        self.expect(CLOSING[opening])
        count = FUNCTIONS[function][0]
        if len(arguments) != count:
            raise Unreadable(f"{function} takes {count} argument{'s' if count > 1 else ''}, not {len(arguments)}")
        return Call(function, tuple(arguments))


def _cut(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"


def parse(text: str, names: Sequence[str] = ()) -> Node:
    """Read a formula over the given variable names; raises Unreadable."""
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"too long: {len(text)} characters, at most {MAX_LENGTH} are read")
    if not text.strip():
        raise Unreadable("nothing was typed")
    return _Parser(text, names).whole()


def evaluate(node: Node, values: Mapping[str, float]) -> float:
    """The value of a formula; NaN where it, or any part of it, is not defined or not finite."""
    try:
        return _value(node, values)
    except _Undefined:
        return math.nan


def _value(node: Node, values: Mapping[str, float]) -> float:
    match node:
        case Number(value):
            return value
        case Name(name):
            return values[name]
        case Negative(operand):
            return -_value(operand, values)
        case Call(function, arguments):
            return _call(function, [_value(argument, values) for argument in arguments])
        case Binary(op, left, right):
            return _binary(op, _value(left, values), _value(right, values))


def _call(function: str, arguments: list[float]) -> float:
    try:
        return _finite(float(FUNCTIONS[function][1](*arguments)))
    except ValueError:
        raise _Undefined(f"{function} of {', '.join(f'{x:g}' for x in arguments)} is not defined") from None
    except OverflowError:
        raise _Undefined("a number in it is too large") from None


def _binary(op: str, a: float, b: float) -> float:
    match op:
        case "+":
            return _finite(a + b)
        case "-":
            return _finite(a - b)
        case "*":
            return _finite(a * b)
        case "/":
            if b == 0:
                raise _Undefined("it divides by zero")
            return _finite(a / b)
        case _:
            # In floats 9**9**9 overflows at once; Python's integers would compute its digits for ever.
            try:
                return math.pow(a, b)
            except ValueError:
                raise _Undefined(f"{a:g}^{b:g} is not defined") from None
            except OverflowError:
                raise _Undefined("a number in it is too large") from None


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise _Undefined("a number in it is too large")
    return value


def number(text: str) -> float:
    """Read one number, e.g. `1/3`, `2e-3`, `sqrt(2)`, `50%`; raises Unreadable."""
    node = parse(text)
    try:
        return _value(node, {})
    except _Undefined as error:
        raise Unreadable(f"“{_cut(text.strip())}” has no value: {error}") from None


def sample(symbols: Sequence[Symbol], seed: int, points: int = POINTS) -> list[dict[str, float]]:
    """Seeded random points of the declared domains (integers stay off: a formula must hold in between)."""
    rng = random.Random(seed)
    return [{s.name: rng.uniform(s.low, s.high) for s in symbols} for _ in range(points)]


def equivalent(
    one: Node, other: Callable[[Mapping[str, float]], float] | Node, symbols: Sequence[Symbol], seed: int = 0
) -> bool:
    """Whether two formulas agree at seeded random points of their domains, to 1e-8 relative.

    They must be defined at the same points and at one of them at least. Near a zero, where rounding spoils relative
    errors, 1e-12 of the largest value at any of the points is allowed.
    """
    truth = other if callable(other) else partial(evaluate, other)
    pairs = [(evaluate(one, point), truth(point)) for point in sample(symbols, seed)]
    if any(math.isnan(a) != math.isnan(b) for a, b in pairs):
        return False
    defined = [(a, b) for a, b in pairs if not math.isnan(a)]
    rounding = 1e-12 * max((abs(b) for _, b in defined), default=0.0) + 1e-14
    return bool(defined) and all(math.isclose(a, b, rel_tol=1e-8, abs_tol=rounding) for a, b in defined)
