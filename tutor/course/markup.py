"""Mathematics as text: display formulas in two dimensions, inline formulas on one row, both also in plain ASCII."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections import Counter
from functools import lru_cache

PAUSE = ". . ."
"""A line of a lesson at which the page waits: what is below is shown step by step."""
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ",
    "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
SYMBOLS = {
    "cdot": "·", "times": "×", "pm": "±", "mp": "∓", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠",
    "neq": "≠", "approx": "≈", "equiv": "≡", "sim": "∼", "propto": "∝", "in": "∈", "notin": "∉", "subset": "⊂",
    "cup": "∪", "cap": "∩", "to": "→", "rightarrow": "→", "Rightarrow": "⇒", "leftarrow": "←", "mapsto": "↦",
    "leftrightarrow": "↔", "Leftrightarrow": "⇔", "iff": "⇔", "implies": "⇒", "infty": "∞", "partial": "∂",
    "nabla": "∇", "sum": "∑", "prod": "∏", "int": "∫", "forall": "∀", "exists": "∃", "top": "ᵀ", "dagger": "†",
    "circ": "∘", "odot": "⊙", "otimes": "⊗", "oplus": "⊕", "perp": "⊥", "ell": "ℓ", "dots": "…", "ldots": "…",
    "cdots": "⋯", "ll": "≪", "gg": "≫", "mid": "|", "vert": "|", "Vert": "‖", "|": "‖", "langle": "⟨", "rangle": "⟩",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "star": "⋆", "ast": "∗", "prime": "′", "emptyset": "∅",
    "lvert": "|", "rvert": "|", "subseteq": "⊆", "{": "{", "}": "}", "%": "%", "$": "$", "#": "#", "&": "&", "_": "_",
    "quad": "\u2003", "qquad": "\u2003\u2003", ",": " ", ";": " ", ":": " ", " ": " ", "!": "", "\\": "; ",
}  # fmt: skip
FUNCTIONS = frozenset([
    "log", "ln", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "min", "max", "arg", "argmin", "argmax", "sup",
    "inf", "lim", "det", "dim", "ker", "rank", "Pr", "gcd",
])  # fmt: skip
BLACKBOARD = dict(zip("CEHNPQRZ1", "ℂ𝔼ℍℕℙℚℝℤ𝟙", strict=True))
CALLIGRAPHIC = dict(zip("DEFHLMNOPQRSUX", "𝒟ℰℱℋℒℳ𝒩𝒪𝒫𝒬ℛ𝒮𝒰𝒳", strict=True))
ACCENTS = {
    "hat": "\u0302",
    "widehat": "\u0302",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "bar": "\u0304",
    "overline": "\u0304",
    "vec": "\u20d7",
    "dot": "\u0307",
    "ddot": "\u0308",
}
RAISED = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδεθφχ∗ᵀ′",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᵋᶿᵠᵡ*ᵀ′",
        strict=True,
    )
)
LOWERED = dict(zip("0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))
_WORDS = {sign: name.removeprefix("var") for name, sign in GREEK.items()}
ASCII = {
    **{sign: f"_{_WORDS.get(letter, letter)}" for letter, sign in LOWERED.items() if letter != "−"},
    **{sign: f"^{_WORDS.get(letter, letter)}" for letter, sign in RAISED.items() if letter not in "−∗ᵀ′"},
    **{sign: letter for letter, sign in (*BLACKBOARD.items(), *CALLIGRAPHIC.items())},
    **_WORDS,
    "·": "*", "×": " x ", "±": "+-", "∓": "-+", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~=", "≡": "==", "∼": "~",
    "∝": " prop. to ", "∈": " in ", "∉": " not in ", "⊂": " subset of ", "⊆": " subset of ", "∪": " union ",
    "∩": " intersect ", "→": "->", "⇒": "=>", "←": "<-", "↔": "<->", "⇔": "<=>", "↦": "|->", "∞": "inf", "∂": "d",
    "∇": "grad ", "∑": "sum", "∏": "prod", "∫": "int", "√": "sqrt", "‖": "||", "⟨": "<", "⟩": ">", "…": "...",
    "⋯": "...", "−": "-", "ᵀ": "^T", "†": "^+", "′": "'", "⊙": "(*)", "⊗": "(x)", "⊕": "(+)", "⊥": " perp. to ",
    "ℓ": "l", "∘": " o ", "⋆": "*", "∗": "*", "≪": "<<", "≫": ">>", "∀": "for all ", "∃": "exists ", "∅": "{}",
    "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "½": "1/2 ", "°": " deg",
}  # fmt: skip
MATRICES = {
    "matrix": "[]", "bmatrix": "[]", "pmatrix": "()", "vmatrix": "||", "Vmatrix": "‖‖", "array": "[]", "cases": "{}",
    "aligned": "", "align": "", "align*": "", "split": "", "gathered": "",
}  # fmt: skip
"""Environments, with the brackets round one when it is written on one row."""

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.?|[{}^_]|\s+|[^\\{}^_\s]", re.DOTALL)
_RELATIONS = frozenset("=<>≤≥≠≈≡∼∝∈∉→⇒←↔⇔↦≪≫")
# Possessive: what one piece has taken, another cannot take in a second way.
_SCRIPT = rf"(?:[{re.escape(''.join({*RAISED.values(), *LOWERED.values()}))}]|[_^](?:\w++|\([^()]*\)))*+"
_FACTOR = rf"(?:∂?[^\W\d_]|\d++(?:\.\d++)?+|√\w|√?\([^()]*\)|‖[^‖]*‖){_SCRIPT}"
_UPRIGHT = frozenset(["text", "textbf", "textit", "mathrm", "mathbf", "mathit", "boldsymbol", "operatorname"])
_SIZES = frozenset([
    "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "Biggl",
    "Biggr", "displaystyle", "textstyle", "limits",
])  # fmt: skip
_THIN = frozenset([r"\,", r"\;", r"\:", r"\!", r"\ "])
_LETTERS = frozenset(rf"\{name}" for name in (*GREEK, *ACCENTS, *_UPRIGHT, "mathbb", "mathcal", "ell", "partial"))
_FACTORS = (_LETTERS - {r"\text"}) | frozenset(
    rf"\{name}" for name in (*FUNCTIONS, "sqrt", "frac", "sum", "prod", "int")
)
_OPENING = frozenset(["(", "[", r"\left", r"\big", r"\bigl", r"\Big", r"\Bigl"])


class _Inline:
    """Writes the tokens of a formula on one row; `faults` tells what it could not write."""

    def __init__(self, latex: str, ascii: bool) -> None:
        self.tokens: list[str] = _TOKEN.findall(latex)
        self.at = 0
        self.ascii = ascii
        self.in_script = False
        self.faults: list[str] = []

    def whole(self) -> str:
        out = self.row("}")
        while self.at < len(self.tokens):
            self.faults.append("has a } without its {")
            self.at += 1
            out += self.row("}")
        return out

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def skip_space(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def row(self, *until: str) -> str:
        """What stands before the next of the tokens `until`, which is not taken."""
        out = ""
        while self.at < len(self.tokens) and self.peek() not in until:
            out += self.piece(out)
        return out

    def closed(self) -> str:
        """What stands before the brace that closes, which is taken."""
        out = self.row("}")
        if not self.take():
            self.faults.append("has a { without its }")
        return out

    def group(self) -> str:
        """The argument of a command: a braced row or a single piece."""
        self.skip_space()
        if self.peek() in {"", "}"}:
            self.faults.append("lacks an argument")
            return ""
        return self.piece("")

    def piece(self, before: str) -> str:
        token = self.take()
        if token.isspace():
            return ""
        if token == "{":
            return self.closed()
        if token in "^_":
            return self.script(token)
        if token.startswith("\\"):
            return self.command(token[1:], before)
        if token == "~":
            return " "
        if token == "-":
            token = "−"
        if token in _RELATIONS:
            return f" {token} "
        if token in "+−" and before.strip() and before.rstrip()[-1] not in "([{⟨,=<>≤≥≈+−·/|" and not self.in_script:
            return f" {token} "
        if token == ",":
            return ", "
        return token

    def script(self, kind: str) -> str:
        outer, self.in_script = self.in_script, True
        text = self.group().strip()
        self.in_script = outer
        if kind == "^" and text == "ᵀ":
            return "ᵀ"
        table = RAISED if kind == "^" else LOWERED
        packed = text.replace(" ", "")
        if kind == "^" and packed == "*":
            packed = "∗"
        if not self.ascii and packed and all(ch in table for ch in packed):
            return "".join(table[ch] for ch in packed)
        if len(packed) == 1 or packed.isalnum():
            # The next letter is no part of it.
            return f"{kind}{packed} " if self.letter_follows() else f"{kind}{packed}"
        return f"{kind}({packed})"

    def command(self, name: str, before: str) -> str:
        match name:
            case "frac" | "tfrac" | "dfrac":
                return self.fraction(before)
            case "sqrt":
                return self.root()
            case "mathbb":
                return "".join(BLACKBOARD.get(ch, ch) for ch in self.group())
            case "mathcal":
                return "".join(CALLIGRAPHIC.get(ch, ch) for ch in self.group())
            case "begin":
                return self.environment()
        if name in _UPRIGHT:
            return self.verbatim() if name.startswith("text") else self.group()
        if name in _SIZES:
            if self.peek() == ".":
                self.at += 1
            return ""
        if name in ACCENTS:
            inside = self.group()
            return inside + ACCENTS[name] if len(inside) == 1 and not self.ascii else f"{name}({inside})"
        if name in FUNCTIONS:
            space = " " if before and (before[-1].isalnum() or before[-1] in ")]") else ""
            return f"{space}{name}{self.scripts()}{'' if self.bracket_follows() else ' '}"
        sign = GREEK.get(name) or SYMBOLS.get(name)
        if sign is None:
            self.faults.append(f"has \\{name}, which cannot be written on one row")
            return f"\\{name}"
        if name in {"sum", "prod", "int"}:
            return f"{sign}{self.scripts()} "
        if sign in _RELATIONS:
            return f" {sign} "
        if sign in {"·", "×", "±", "∘", "⊙", "⊗", "⊕"} and not self.in_script:
            return f" {sign} "
        return sign

    def scripts(self) -> str:
        out = ""
        self.skip_space()
        while self.peek() in {"_", "^"}:
            out += self.script(self.take()).rstrip()
            self.skip_space()
        return out

    def fraction(self, before: str) -> str:
        top, bottom = self.group().strip(), self.group().strip()
        over = top if re.fullmatch(rf"(?:{_FACTOR})+", top) else f"({top})"
        under = bottom if re.fullmatch(_FACTOR, bottom) else f"({bottom})"
        # On one row a factor beside a fraction reads as a part of it.
        dot = "·" if self.in_script else " · "
        word = re.search(r"([A-Za-z]+)\s*$", before)
        stands_alone = (word and word[1] in FUNCTIONS) or re.search(rf"[∑∏∫]{_SCRIPT}\s*$", before)
        first = dot if re.search(r"[\w)] *$", before) and not stands_alone else ""
        return f"{first}{over}/{under}{dot if self.factor_follows() else ''}"

    def root(self) -> str:
        self.skip_space()
        degree = ""
        if self.peek() == "[":
            self.at += 1
            degree = self.row("]").strip()
            self.at += 1
        inside = self.group().strip()
        if degree:
            return f"{inside if len(inside) == 1 else f'({inside})'}^(1/{degree})"
        return f"√{inside}" if len(inside) == 1 and not self.ascii else f"√({inside})"

    def environment(self) -> str:
        name = self.verbatim()
        if name not in MATRICES:
            self.faults.append(f"has \\begin{{{name}}}, which cannot be written on one row")
        if name == "array":
            self.verbatim()
        rows: list[list[str]] = [[]]
        token = ""
        while token != r"\end":
            rows[-1].append(self.row("&", r"\\", r"\end").strip())
            token = self.take()
            if token == r"\\":
                rows.append([])
            if not token:
                self.faults.append(f"has \\begin{{{name}}} without its \\end")
                return ""
        self.verbatim()
        brackets = MATRICES.get(name, "")
        cells = ", " if brackets else " "
        inside = "; ".join(cells.join(row).strip() for row in rows if any(row))
        return f"{brackets[:1]}{inside}{brackets[1:]}"

    def letter_follows(self) -> bool:
        """Whether the next piece begins with a letter or a digit."""
        token = next((token for token in self.tokens[self.at :] if token != "{" and not token.isspace()), "")
        return token.isalnum() or token in _LETTERS

    def bracket_follows(self) -> bool:
        self.skip_space()
        return self.peek() in _OPENING

    def factor_follows(self) -> bool:
        """Whether what comes next is multiplied by what stands before; passes over thin spaces if it is."""
        at = self.at
        while self.peek().isspace() or self.peek() in _THIN:
            self.at += 1
        token = self.peek()
        if token.isalnum() or token in _FACTORS | _OPENING | {"{"}:
            return True
        self.at = at
        return False

    def verbatim(self) -> str:
        """The braced argument as it stands, with its spaces."""
        self.skip_space()
        if self.peek() != "{":
            return self.group()
        self.at += 1
        out = ""
        while self.at < len(self.tokens) and self.peek() != "}":
            out += self.take()
        if not self.take():
            self.faults.append("has a { without its }")
        return out


@lru_cache(maxsize=2048)
def _written(latex: str, ascii: bool) -> tuple[str, str]:
    """(the formula on one row, what is wrong with it)."""
    writer = _Inline(latex, ascii)
    out = writer.whole()
    if ascii:
        out = to_ascii(out)
    out = re.sub(r" {2,}", " ", out).strip().replace("\u2003", "  ")
    return out, writer.faults[0] if writer.faults else ""


def inline(latex: str, ascii: bool = False) -> str:
    """Write a formula on one row, e.g. `\\beta_1^t` as `β₁ᵗ`; what is unknown stays LaTeX."""
    return _written(latex, ascii)[0]


def inline_problem(latex: str) -> str:
    """What is wrong with a formula that is to be written on one row; empty when nothing is."""
    return _written(latex, False)[1]


def to_ascii(text: str) -> str:
    """Replace mathematical signs by ASCII words and signs; other text stays."""
    out = ""
    word = False
    for ch in text:
        sign = ASCII.get(ch, ch)
        long = len(sign) > 1
        # σx is a product: sigma x.
        if (long or word) and sign[0].isalnum() and out[-1:].isalnum():
            out += " "
        out += sign
        word = long and sign[-1].isalnum()
    return out


_SPACED = frozenset([
    "=", "<", ">",
    "\\le", "\\leq", "\\ge", "\\geq", "\\approx", "\\equiv", "\\sim", "\\propto", "\\in", "\\to", "\\rightarrow",
    "\\Rightarrow", "\\ne", "\\neq", "\\iff", "\\mapsto", "\\ll", "\\gg",
])  # fmt: skip


def _airy(latex: str) -> str:
    """Add the spaces that TeX puts round relations and signs and after function names, and TeXicode does not."""
    out = ""
    depth = 0
    tokens = _TOKEN.findall(latex)
    for at, token in enumerate(tokens, 1):
        depth += (token == "{") - (token == "}")
        outside = depth == 0 and "&" not in latex
        if outside and (token in _SPACED or (token in "+-" and re.search(r"[^\W_]\s*$|[)}\]|]\s*$", out))):
            out += rf"\;{token}\;"
        elif token[1:] in FUNCTIONS and re.match(r"\s*(?!\\left|\\[Bb]ig)[A-Za-z\\{]", "".join(tokens[at : at + 2])):
            # What stands in brackets needs no space before it.
            out += rf"{token}\,"
        else:
            out += token
    return out


_REFUSED = {
    r"\\not(?![A-Za-z])": "has \\not, which is drawn beside its sign: use a command such as \\ne",
    rf"\\(?:{'|'.join(ACCENTS)})\s*\{{(?!\s*(?:\\[A-Za-z]+|.)\s*\}})": "has an accent over more than one sign",
    r"\\math(?:bb|cal|scr|frak)\s*(?:\{(?!\s*[A-Za-z]+\s*\})|[^{\sA-Za-z])": "has a sign that its alphabet lacks",
}
_LOOK = str.maketrans("ɛɑɸɩʏ", "εαφιy")


def _signs(text: str) -> Counter[str]:
    """The letters and digits of a text, whatever their size, place and style."""
    plain = unicodedata.normalize("NFKD", text).translate(_LOOK).casefold()
    return Counter(ch for ch in plain if ch.isalnum())


def _meant(latex: str) -> str:
    """The letters and digits that a drawn formula must show, among others."""
    text = re.sub(r"\\(?:begin|end)\s*\{[^}]*\}(?:\s*\{[clr|]*\})?", "", latex)
    return re.sub(r"\\([A-Za-z]+)", lambda m: GREEK.get(m[1], m[1] if m[1] in FUNCTIONS else ""), text)


def _drawn(latex: str) -> str:
    """TeXicode's drawing, without the space round it."""
    from texicode.pipeline import render_tex

    text = str(render_tex(latex, False, False, "raw", {"fonts": "normal"}))
    return textwrap.dedent("\n".join(line.rstrip() for line in text.splitlines())).strip("\n")


def _unknown(latex: str) -> str:
    """The first command that TeXicode draws as a question mark."""
    for command in re.findall(r"\\(?:[A-Za-z]+|.)", latex):
        try:
            if _drawn(command) == "?":
                return str(command)
        except Exception:  # it lacks its argument, so it is known
            continue
    return "a sign"


@lru_cache(maxsize=512)
def _rendered(latex: str) -> tuple[str, str]:
    """(the formula in two dimensions, what is wrong with it)."""
    flat = " ".join(latex.split())
    unknown = set(re.findall(r"\\begin\s*\{([^}]*)\}", flat)) - set(MATRICES)
    if unknown:
        return latex, f"has \\begin{{{min(unknown)}}}, which cannot be drawn"
    for pattern, trouble in _REFUSED.items():
        if re.search(pattern, flat):
            return latex, trouble
    try:
        drawn = _drawn(_airy(flat))
    except Exception as error:  # it raises whatever its tables lack
        return latex, f"cannot be drawn: {type(error).__name__} {error}"
    if "TeXicode: " in drawn:
        return latex, f"cannot be read: {drawn.rpartition('TeXicode: ')[2]}"
    if not drawn:
        return latex, "is empty"
    if drawn.count("?") > latex.count("?"):
        return latex, f"has {_unknown(flat)}, which cannot be drawn"
    meant = _meant(flat)
    lost = _signs(meant) - _signs(drawn)
    if lost:
        # x_i^T becomes an x with an i and no T; {x_i}^T is drawn in full.
        sign = next((sign for sign in meant if _signs(sign) & lost), min(lost))
        return latex, f"loses “{sign}” when it is drawn; put braces round what a second script belongs to"
    return drawn, ""


def render_block(latex: str, ascii: bool = False) -> str:
    """Draw a display formula in two dimensions; its source when it cannot be drawn."""
    if ascii:
        return inline(latex, ascii=True)
    return _rendered(latex.strip())[0]


def problem(latex: str) -> str:
    """What is wrong with a formula for the renderer; empty when nothing is."""
    return _rendered(latex.strip())[1]


_FENCE = re.compile(r"^(```+|~~~+).*?^\1\s*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"(?<![\\$\w])\$(?!\s)((?:[^$\n]|\n(?!\s*\n))+?)(?<!\s)\$(?!\d)")


def _without_code(markdown: str) -> str:
    return _CODE.sub("", _FENCE.sub("", markdown))


def formulas(markdown: str) -> tuple[list[str], list[str]]:
    """(display formulas, inline formulas) of a Markdown text, code left out."""
    text = _without_code(markdown)
    shown = [latex.strip() for latex in _DISPLAY.findall(text)]
    return shown, _INLINE.findall(_DISPLAY.sub("", text))


def prose(markdown: str) -> str:
    """A Markdown text without its code and its formulas."""
    return _INLINE.sub("", _DISPLAY.sub("", _without_code(markdown)))


@lru_cache(maxsize=1024)
def plain(markdown: str, ascii: bool = False) -> str:
    """Markdown as one-row text: formulas written inline, emphasis and code marks taken off."""
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return f"\0{len(kept) - 1}\0"

    text = _CODE.sub(lambda match: keep(match[2]), markdown)
    text = _DISPLAY.sub(lambda match: keep(inline(match[1].strip(), ascii)), text)
    text = _INLINE.sub(lambda match: keep(inline(match[1], ascii)), text)
    text = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text, flags=re.DOTALL)
    text = re.sub(r"(?<!\w)([*_])(?=\S)(.+?)(?<=\S)\1(?!\w)", r"\2", text, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).replace("\\$", "$")
    return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], text)
