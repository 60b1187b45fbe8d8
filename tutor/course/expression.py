"""Reads the numbers and formulas that a learner types. Our own small parser: nothing is ever evaluated by Python.

Grammar, loosest first: sum, product (also by juxtaposition: `2x`, `3(x+1)`), unary sign, power (right-associative,
binding tighter than a sign on its left: −2^2 = −4), postfix `%` and `!`, atom.
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
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₐₑᵢⱼₖₗₘₙₒₚᵣₛₜₓ", "0123456789aeijklmnoprstx")
SYNONYMS = {
    "−": "-", "–": "-", "·": "*", "×": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/", "**": "^",
    "[": "(", "]": ")", "{": "(", "}": ")",
}  # fmt: skip
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+\-−]?\d+)?)"
    r"|(?P<raised>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<name>[A-Za-zµ\u0370-\u03ff][A-Za-z0-9µ\u0370-\u03ff₀-₉ₐ-ₜᵢⱼ]*(?:_\{?[A-Za-z0-9]+\}?)*)"
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
            at = text.index(bad, at)
            shown = bad if bad.isprintable() else unicodedata.name(bad, f"character {ord(bad)}").lower()
            raise Unreadable(f"“{shown}” at place {at + 1} is not part of a formula")
        kind = str(match.lastgroup)
        raw = match[kind]
        tokens.append(_Token(kind, SYNONYMS.get(raw, raw), match.start(kind)))
        at = match.end()
    if len(tokens) > MAX_TOKENS:
        raise Unreadable(f"too long: more than {MAX_TOKENS} numbers, names and signs")
    tokens.append(_Token("end", "", len(text)))
    return tokens


def _canonical(name: str) -> str:
    """`σ`, `sigma` and `\\sigma` are one name; `d_k`, `d_{k}` and `dₖ` are one name."""
    base, _, index = name.partition("_")
    plain = "".join(f"_{ch.translate(SUBSCRIPTS)}" if ch != ch.translate(SUBSCRIPTS) else ch for ch in base)
    plain = re.sub(r"(?<=_.)_", "", plain)
    head, _, tail = plain.partition("_")
    head = "".join(GREEK.get(ch, ch) for ch in head)
    index = (tail + index).strip("{}").replace("_", "").replace("{", "").replace("}", "")
    return f"{head}_{index}" if index else head


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
        found = f"“{self.token.text}” at place {self.token.at + 1}" if self.token.kind != "end" else "the end"
        return Unreadable(f"expected {expected}, found {found}")

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.fail(f"“{text}”")

    def whole(self) -> Node:
        node = self.sum()
        if self.token.text == ",":
            raise Unreadable("one value is expected here; write a decimal number with a point: 0.5")
        if self.token.kind != "end":
            raise self.fail("an operator or the end")
        return node

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels")
        node = self.product()
        while self.token.kind == "op" and self.token.text in "+-":
            op = self.token.text
            self.at += 1
            node = Binary(op, node, self.product())
        self.depth -= 1
        return node

    def product(self) -> Node:
        node = self.signed()
        while True:
            if self.token.kind == "op" and self.token.text in "*/":
                op = self.token.text
                self.at += 1
                node = Binary(op, node, self.signed())
            elif self._starts_factor():
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
        return token.kind == "op" and (token.text in "(√" or (token.text == "|" and not self.bars))

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
        if self.take("^"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise Unreadable(f"nested deeper than {MAX_DEPTH} levels")
            base = Binary("^", base, self.signed())
            self.depth -= 1
        return base

    def postfix(self) -> Node:
        node = self.atom()
        while True:
            if self.take("%"):
                node = Binary("/", node, Number(100.0))
            elif self.take("!"):
                node = Call("factorial", (node,))
            else:
                return node

    def atom(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.at += 1
            return Number(float(token.text.replace("−", "-")))
        if token.kind == "name":
            self.at += 1
            return self.named(token)
        if self.take("("):
            node = self.sum()
            self.expect(")")
            return node
        if self.take("|"):
            self.bars += 1
            node = self.sum()
            self.expect("|")
            self.bars -= 1
            return Call("abs", (node,))
        if self.take("√"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise Unreadable(f"nested deeper than {MAX_DEPTH} levels")
            node = Call("sqrt", (self.postfix(),))
            self.depth -= 1
            return node
        raise self.fail("a number, a name or “(”")

    def named(self, token: _Token) -> Node:
        name = _canonical(token.text)
        if name in self.names:
            return Name(self.names[name])
        if name in FUNCTIONS:
            if not self.take("("):
                raise Unreadable(f"write {name} with parentheses: {name}(…)")
            arguments = [self.sum()]
            while self.take(","):
                arguments.append(self.sum())
            self.expect(")")
            count = FUNCTIONS[name][0]
            if len(arguments) != count:
                raise Unreadable(f"{name} takes {count} argument{'s' if count > 1 else ''}, not {len(arguments)}")
            return Call(name, tuple(arguments))
        if name in CONSTANTS:
            return Number(CONSTANTS[name])
        if name in {"inf", "infinity", "nan"}:
            raise Unreadable(f"{name} is not a number here")
        allowed = ", ".join(self.names.values()) or "numbers, pi, e and functions such as sqrt, exp, ln"
        shown = token.text if len(token.text) <= 30 else token.text[:29] + "…"
        raise Unreadable(f"“{shown}” is not known here; use {allowed}")


def parse(text: str, names: Sequence[str] = ()) -> Node:
    """Read a formula over the given variable names; raises Unreadable."""
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"too long: {len(text)} characters, at most {MAX_LENGTH} are read")
    if not text.strip():
        raise Unreadable("nothing was typed")
    return _Parser(text, names).whole()


def evaluate(node: Node, values: Mapping[str, float]) -> float:
    """The value of a formula; NaN where it is not defined or not finite."""
    try:
        value = _value(node, values)
    except (ValueError, ZeroDivisionError, OverflowError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def _value(node: Node, values: Mapping[str, float]) -> float:
    match node:
        case Number(value):
            return value
        case Name(name):
            return values[name]
        case Negative(operand):
            return -_value(operand, values)
        case Call(function, arguments):
            return float(FUNCTIONS[function][1](*(_value(argument, values) for argument in arguments)))
        case Binary(op, left, right):
            a, b = _value(left, values), _value(right, values)
            match op:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case "/":
                    return a / b
                case _:
                    # In floats 9**9**9 overflows at once; Python's integers would compute its digits for ever.
                    return math.pow(a, b)


def number(text: str) -> float:
    """Read one number, e.g. `1/3`, `2e-3`, `sqrt(2)`, `50%`; raises Unreadable."""
    value = evaluate(parse(text), {})
    if math.isnan(value):
        raise Unreadable(f"“{text.strip()[:40]}” has no finite value")
    return value


def sample(symbols: Sequence[Symbol], seed: int, points: int = POINTS) -> list[dict[str, float]]:
    """Seeded random points of the declared domains (integers stay off: a formula must hold in between)."""
    rng = random.Random(seed)
    return [{s.name: rng.uniform(s.low, s.high) for s in symbols} for _ in range(points)]


def equivalent(
    one: Node, other: Callable[[Mapping[str, float]], float] | Node, symbols: Sequence[Symbol], seed: int = 0
) -> bool:
    """Whether two formulas agree at seeded random points of their domains, to 1e-8 relative.

    They must be defined at the same points and at one of them at least.
    """
    truth = other if callable(other) else partial(evaluate, other)
    defined = 0
    for point in sample(symbols, seed):
        a, b = evaluate(one, point), truth(point)
        if math.isnan(a) != math.isnan(b):
            return False
        if math.isnan(a):
            continue
        defined += 1
        if not math.isclose(a, b, rel_tol=1e-8, abs_tol=1e-10):
            return False
    return defined > 0
