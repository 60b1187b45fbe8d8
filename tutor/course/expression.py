"""Reads the numbers and formulas that a learner types. Our own small parser: nothing is ever evaluated by Python.

Grammar, loosest first: sum, product (also by juxtaposition: `2x`, `3(x+1)`), unary sign, power (right-associative,
binding tighter than a sign on its left: −2^2 = −4), postfix `%` and `!`, atom. `log` is the natural logarithm. What can
be read in two ways, such as `1/2x` and `e^2x`, is not read at all: the learner is asked which is meant, and no attempt
is lost.

Every value carries a bound on its rounding error. So two formulas are compared as exactly as each of them can be
computed: a right answer in a form that cancels is not refused, and noise is not taken for a value (tan(π/2) has none).
"""

from __future__ import annotations

import math
import random
import re
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from tutor.course.model import Symbol
from tutor.errors import TutorError

MAX_LENGTH = 1000
MAX_TOKENS = 300
MAX_DEPTH = 60
POINTS = 40
"""Sample points at which two formulas are compared."""
EPSILON = sys.float_info.epsilon


class Unreadable(TutorError):
    """What was typed is not a formula; the text says where and what was expected. It is not an attempt."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position
        """Index into the text of what cannot be read, if it is one place."""

    def expecting(self, what: str) -> str:
        """The message as a sentence, followed by what was expected."""
        stop = "" if str(self).endswith((".", "?")) else "."
        return f"{self}{stop} Expected {what}."


class _Undefined(ArithmeticError):
    """The formula has no value here; the text says why."""


class _Lost(_Undefined):
    """The formula may have a value here, but floating point cannot hold it, or rounding leaves nothing of it."""


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
    "θ": "theta", "ϑ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu", "ν": "nu", "ξ": "xi",
    "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma",
    "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789aehijklmnoprstuvx")
SYNONYMS = {
    "**": "^", "−": "-", "–": "-", "‐": "-", "‑": "-", "·": "*", "×": "*", "⋅": "*", "∗": "*", "∙": "*", "•": "*",
    "÷": "/", "∕": "/", "⁄": "/",
}  # fmt: skip
FRACTIONS = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
CLOSING = {"(": ")", "[": "]", "{": "}"}
TOKEN = re.compile(
    rf"\s*(?:(?P<number>[{FRACTIONS}]|(?:\d+\.?\d*|\.\d+)(?:[eE][+\-−]?\d+)?)"
    r"|(?P<raised>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<name>\\?[A-Za-zµ\u0370-\u03ff][A-Za-z0-9µ\u0370-\u03ff₀-₉ₐ-ₜᵢⱼᵣᵤᵥ]*(?:_\{?[A-Za-z0-9]+\}?)*)"
    rf"|(?P<op>{'|'.join(map(re.escape, SYNONYMS))}|[-+*/^()\[\]{{}},!%|√]))"
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens = []
    at = 0
    text = text.rstrip()
    while at < len(text):
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
        return Unreadable(f"“{sign}” at place {at + 1}: type the answer alone", at)
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
        self.open_exponent = False
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
        token = self.token
        if token.text == ",":
            return Unreadable("one value is expected here; write a decimal number with a point: 0.5", token.at)
        if token.kind == "number" and self.tokens[self.at - 1].kind == "number":
            return Unreadable(
                f"two numbers stand side by side at place {token.at + 1}: is an operator missing?", token.at
            )
        found = f"“{_cut(token.text)}” at place {token.at + 1}" if token.kind != "end" else "the end"
        return Unreadable(f"expected {expected}, found {found}", token.at)

    def ask(self, question: str) -> Unreadable:
        found = f"“{_cut(self.token.text)}” at place {self.token.at + 1}"
        return Unreadable(f"is {found} {question}? Put parentheses, or * before it", self.token.at)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels", self.token.at)

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.fail(f"“{text}”")

    def whole(self) -> Node:
        node = self.sum()
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
                    raise self.ask("below the fraction line")
                if self.open_exponent:
                    raise self.ask("part of the exponent")
                node = Binary("*", node, self.power())
            else:
                return node

    def _starts_factor(self) -> bool:
        # No number does: `2 3` is more likely a slip than a product.
        token = self.token
        if token.kind == "op":
            return token.text in "([{√" or (token.text == "|" and not self.bars)
        return token.kind == "name"

    def signed(self) -> Node:
        signs = 0
        while self.token.kind == "op" and self.token.text in "+-":
            signs += self.token.text == "-"
            self.at += 1
        node = self.power()
        return Negative(node) if signs % 2 else node

    def power(self) -> Node:
        base = self.postfix()
        node = base
        bare = False
        if self.token.kind == "raised":
            exponent = self.literal(self.token.text.translate(SUPERSCRIPTS))
            node = Binary("^", base, exponent)
            if self.token.text == "√":
                raise self.ask("a root with a degree before it")
        elif self.take("^"):
            bare = self.token.text not in CLOSING
            self.deeper()
            node = Binary("^", base, self.signed())
            self.depth -= 1
        # x^2y is x²y to everybody, but who types e^2x or 2^3x may well mean all that follows.
        self.open_exponent = bare and isinstance(base, Number)
        return node

    def literal(self, digits: str) -> Number:
        """The token as a number."""
        value = unicodedata.numeric(digits) if digits in FRACTIONS else float(digits)
        if math.isinf(value):
            raise Unreadable(f"“{_cut(self.token.text)}” is too large", self.token.at)
        self.at += 1
        return Number(value)

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
            return self.literal(token.text.replace("−", "-"))
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
        if name.lower() in {"inf", "infinity", "nan"}:
            raise Unreadable(f"{name} is not a number here", token.at)
        for at, sign in enumerate(token.text, token.at):
            # A Greek Α looks like an A.
            if not sign.isascii() and sign.translate(SUBSCRIPTS) == sign and sign not in GREEK:
                raise _strange(sign, at)
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
            takes = f"{function} takes {count} argument{'s' if count > 1 else ''}, not {len(arguments)}"
            raise Unreadable(f"{takes} (a decimal number is written with a point: 0.5)")
        return Call(function, tuple(arguments))


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 30 else text[:29] + "…"


def parse(text: str, names: Sequence[str] = ()) -> Node:
    """Read a formula over the given variable names; raises Unreadable."""
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"too long: {len(text)} characters, at most {MAX_LENGTH} are read")
    if not text.strip():
        raise Unreadable("nothing was typed")
    return _parsed(text, tuple(names))


# The answers of a question are read again for every response, the formulas of its variants for every seed.
@lru_cache(maxsize=1024)
def _parsed(text: str, names: tuple[str, ...]) -> Node:
    return _Parser(text, names).whole()


def evaluate(node: Node, values: Mapping[str, float]) -> float:
    """The value of a formula; NaN where it, or any part of it, is not defined, not finite, or lost in rounding."""
    try:
        return _computed(node, values)[0]
    except _Undefined:
        return math.nan


def _computed(node: Node, values: Mapping[str, float]) -> tuple[float, float]:
    """(value, bound on its rounding error); raises _Undefined, or _Lost when the error leaves nothing of the value."""
    value, error = _value(node, values)
    if error > 1e-6 * abs(value) and error > 1e-9:
        raise _Lost("its digits are lost in rounding")
    return value, error


def _value(node: Node, values: Mapping[str, float]) -> tuple[float, float]:
    match node:
        case Number(value):
            return value, 0.0 if value.is_integer() else EPSILON * abs(value)
        case Name(name):
            return values[name], 0.0
        case Negative(operand):
            value, error = _value(operand, values)
            return -value, error
        case Call(function, arguments):
            return _rounded(partial(_call, function), [_value(argument, values) for argument in arguments])
        case Binary(op, left, right):
            return _rounded(partial(_binary, op), [_value(left, values), _value(right, values)])


def _rounded(function: Callable[..., float], parts: list[tuple[float, float]]) -> tuple[float, float]:
    """Apply a function to values with errors: each is moved by its error, and the result's changes add up."""
    arguments = [value for value, _ in parts]
    result = function(*arguments)
    total = EPSILON * abs(result)
    for at, (value, error) in enumerate(parts):
        changes = [0.0]
        for moved in (value - error, value + error) if error else ():
            try:
                changes.append(abs(function(*arguments[:at], moved, *arguments[at + 1 :]) - result))
            except _Undefined:
                continue  # the edge of the domain: the other side tells
        total += max(changes)
    return result, total


def _call(function: str, *arguments: float) -> float:
    try:
        return _finite(float(FUNCTIONS[function][1](*arguments)))
    except ValueError:
        raise _Undefined(f"{function} of {', '.join(f'{x:g}' for x in arguments)} is not defined") from None
    except OverflowError:
        raise _Lost("a number in it is too large") from None


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
                return _finite(math.pow(a, b))
            except ValueError:
                base = f"({a:g})" if a < 0 else f"{a:g}"
                raise _Undefined(f"{base}^{b:g} is not defined") from None
            except OverflowError:
                raise _Lost("a number in it is too large") from None


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise _Lost("a number in it is too large")
    return value


@lru_cache(maxsize=1024)
def number(text: str) -> float:
    """Read one number, e.g. `1/3`, `2e-3`, `sqrt(2)`, `50%`; raises Unreadable."""
    node = parse(text)
    try:
        return _computed(node, {})[0]
    except _Undefined as error:
        raise Unreadable(f"“{_cut(text)}” has no value: {error}") from None


def sample(symbols: Sequence[Symbol], seed: int = 0, points: int = POINTS) -> list[dict[str, float]]:
    """Seeded random points of the declared domains (integers stay off: a formula must hold in between)."""
    rng = random.Random(seed)
    return [{s.name: rng.uniform(s.low, s.high) for s in symbols} for _ in range(points)]


def undefined(node: Node, symbols: Sequence[Symbol], seed: int = 0) -> str:
    """Why a formula has no value at any sampled point of its domain; empty when it has one somewhere."""
    reason = ""
    for point in sample(symbols, seed):
        try:
            _computed(node, point)
        except _Undefined as error:
            reason = reason or str(error)
        else:
            return ""
    return reason


def equivalent(one: Node, other: Node, symbols: Sequence[Symbol], seed: int = 0) -> bool:
    """Whether two formulas agree at seeded random points of their domains, to 1e-8 relative.

    They must be defined at the same points and at one of them at least. Where a sum cancels, they may differ by what
    rounding makes of them; points at which it leaves nothing, or at which a number is too large, are passed over.
    """
    compared = 0
    for point in sample(symbols, seed):
        try:
            found = [_at(one, point), _at(other, point)]
        except _Lost:
            continue
        defined = [pair for pair in found if pair is not None]
        if len(defined) == 1:
            return False
        if defined:
            (a, rounding_a), (b, rounding_b) = defined
            if abs(a - b) > 1e-8 * max(abs(a), abs(b)) + rounding_a + rounding_b:
                return False
            compared += 1
    return compared > 0


def _at(node: Node, point: Mapping[str, float]) -> tuple[float, float] | None:
    try:
        return _computed(node, point)
    except _Lost:
        raise
    except _Undefined:
        return None
