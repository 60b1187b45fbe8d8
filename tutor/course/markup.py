"""Mathematics as text: display formulas in two dimensions, inline formulas on one row, both also in plain ASCII."""

from __future__ import annotations

import re
from functools import lru_cache

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
    "{": "{", "}": "}", "%": "%", "$": "$", "#": "#", "&": "&", "_": "_", "quad": "  ", "qquad": "    ", ",": " ",
    ";": " ", ":": " ", " ": " ", "!": "", "\\": " ",
}  # fmt: skip
FUNCTIONS = frozenset(
    [
        "log",
        "ln",
        "exp",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "min",
        "max",
        "arg",
        "argmin",
        "argmax",
        "sup",
        "inf",
        "lim",
        "det",
        "dim",
        "ker",
        "rank",
        "Pr",
        "gcd",
    ]
)
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
ASCII = {
    **{sign: name for name, sign in GREEK.items() if not name.startswith("var")},
    "·": "*", "×": "x", "±": "+-", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~=", "∼": "~", "∝": " prop. to ",
    "∈": " in ", "→": "->", "⇒": "=>", "←": "<-", "↔": "<->", "⇔": "<=>", "∞": "inf", "∂": "d", "∇": "grad ",
    "∑": "sum", "∏": "prod", "∫": "int", "√": "sqrt", "‖": "||", "⟨": "<", "⟩": ">", "…": "...", "⋯": "...",
    "−": "-", "ᵀ": "^T", "𝔼": "E", "ℝ": "R", "𝒩": "N", "ℒ": "L", "′": "'", "⊙": "(*)", "ℓ": "l", "∘": " o ",
}  # fmt: skip

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_]|\s+|[^\\{}^_\s]")
_RELATIONS = frozenset("=<>≤≥≠≈≡∼∝∈∉→⇒←↔⇔↦≪≫")


class _Inline:
    """Writes the tokens of a formula on one row."""

    def __init__(self, latex: str, ascii: bool) -> None:
        self.tokens: list[str] = _TOKEN.findall(latex)
        self.at = 0
        self.ascii = ascii

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def skip_space(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def row(self, until: str = "") -> str:
        out = ""
        while self.at < len(self.tokens) and self.peek() != until:
            out += self.piece(out)
        self.at += bool(until)
        return re.sub(r"  +(?=\S)", " ", out) if "\\q" not in "".join(self.tokens) else out

    def group(self) -> str:
        """The argument of a command: a braced row or a single piece."""
        self.skip_space()
        if self.peek() == "{":
            self.at += 1
            return self.row("}")
        return self.piece("") if self.peek() else ""

    def piece(self, before: str) -> str:
        token = self.take()
        if token.isspace():
            return ""
        if token == "{":
            return self.row("}")
        if token in "^_":
            return self.script(token)
        if token.startswith("\\"):
            return self.command(token[1:], before)
        if token == "-":
            token = "−"
        if token in _RELATIONS:
            return f" {token} "
        if token in "+−" and before.strip() and before.rstrip()[-1] not in "([{⟨,=<>≤≥≈+−·/|" and not self._in_script:
            return f" {token} "
        if token == ",":
            return ", "
        return token

    _in_script = False

    def script(self, kind: str) -> str:
        outer, self._in_script = self._in_script, True
        text = self.group().strip()
        self._in_script = outer
        if kind == "^" and text == "ᵀ":
            return "ᵀ"
        table = RAISED if kind == "^" else LOWERED
        packed = text.replace(" ", "")
        if not self.ascii and packed and all(ch in table for ch in packed):
            return "".join(table[ch] for ch in packed)
        return f"{kind}{packed}" if len(packed) == 1 or packed.isalnum() else f"{kind}({packed})"

    def command(self, name: str, before: str) -> str:
        match name:
            case "frac" | "tfrac" | "dfrac":
                return f"{_factor(self.group())}/{_factor(self.group())}"
            case "sqrt":
                inside = self.group().strip()
                return f"√{inside}" if len(inside) == 1 else f"√({inside})"
            case "mathbb":
                return "".join(BLACKBOARD.get(ch, ch) for ch in self.group())
            case "mathcal":
                return "".join(CALLIGRAPHIC.get(ch, ch) for ch in self.group())
            case "text" | "mathrm" | "textbf" | "mathbf" | "boldsymbol" | "operatorname" | "textit" | "mathit":
                return self.verbatim(name)
            case "left" | "right" | "big" | "Big" | "bigl" | "bigr" | "Bigl" | "Bigr" | "displaystyle" | "limits":
                if name.startswith(("left", "right")) and self.peek() == ".":
                    self.at += 1
                return ""
        if name in ACCENTS:
            inside = self.group()
            return inside + ACCENTS[name] if len(inside) == 1 and not self.ascii else f"{name}({inside})"
        if name in FUNCTIONS:
            space = " " if before and (before[-1].isalnum() or before[-1] in ")]") else ""
            follows = "" if self.next_is("([^_{") else " "
            return f"{space}{name}{follows}"
        sign = GREEK.get(name) or SYMBOLS.get(name)
        if name in {"sum", "prod", "int"}:
            while self.peek() in {"_", "^"}:
                sign = f"{sign}{self.script(self.take())}"
            return f"{sign} "
        if sign is None:
            return f"\\{name}"
        if sign in _RELATIONS:
            return f" {sign} "
        if sign in {"·", "×", "±", "∘", "⊙", "⊗", "⊕"} and not self._in_script:
            return f" {sign} "
        return sign

    def next_is(self, signs: str) -> bool:
        self.skip_space()
        token = self.peek()
        return (bool(token) and token in signs) or token in {"\\left", "\\bigl", "\\big"}

    def verbatim(self, name: str) -> str:
        """The argument of `\\text` and its like, with its spaces."""
        if self.peek() != "{":
            return self.group()
        if name not in {"text", "textbf", "textit"}:
            return self.group()
        self.at += 1
        out = ""
        while self.at < len(self.tokens) and self.peek() != "}":
            out += self.take()
        self.at += 1
        return out


def _factor(text: str) -> str:
    text = text.strip()
    simple = len(text) == 1 or re.fullmatch(r"[\w.⁰¹²³⁴-⁹₀-ₜᵀ√‖|ᵢⱼ]+|‖[^‖]*‖[^\s]?|√?\([^()]*\)", text)
    return text if simple else f"({text})"


@lru_cache(maxsize=2048)
def inline(latex: str, ascii: bool = False) -> str:
    """Write a formula on one row, e.g. `\\beta_1^t` as `β₁ᵗ`; what is unknown stays LaTeX."""
    out = re.sub(r" {2,}", " ", _Inline(latex, ascii).row()).strip()
    return to_ascii(out) if ascii else out


def to_ascii(text: str) -> str:
    """Replace mathematical signs by ASCII words and signs; other text stays."""
    return "".join(ASCII.get(ch, ch) for ch in text)


_SPACED = re.compile(
    r"\\(?:le|leq|ge|geq|approx|equiv|sim|propto|in|to|rightarrow|Rightarrow|ne|neq|iff|mapsto|ll|gg)(?![A-Za-z])|[=<>]"
)


def _airy(latex: str) -> str:
    """Add the spaces that TeX puts round relations and signs and after function names, and TeXicode does not."""
    out = ""
    depth = at = 0
    while at < len(latex):
        spaced = _SPACED.match(latex, at)
        ch = latex[at]
        if spaced and depth == 0 and "&" not in latex:
            out += rf"\;{spaced[0]}\;"
            at = spaced.end()
            continue
        if latex.startswith("\\", at):
            command = re.compile(r"\\(?:[A-Za-z]+|.)", re.DOTALL).match(latex, at)
            word = command[0] if command else ch
            out += word
            at += len(word)
            # What stands in brackets needs no space before it.
            if word[1:] in FUNCTIONS and re.match(r"\s*(?!\\left|\\big)[A-Za-z\\]", latex[at:]):
                out += r"\,"
            continue
        depth += (ch == "{") - (ch == "}")
        binary = ch in "+-" and depth == 0 and re.search(r"[\w)}\]|]\s*$", out) and "&" not in latex
        out += rf"\;{ch}\;" if binary and not re.search(r"[\^_]\s*$", out) else ch
        at += 1
    return out


@lru_cache(maxsize=512)
def _rendered(latex: str) -> tuple[str, str]:
    """(the formula in two dimensions, what is wrong with it)."""
    from texicode.pipeline import render_tex

    flat = " ".join(latex.split())
    try:
        text = str(render_tex(_airy(flat), False, False, "raw", {"fonts": "normal"}))
    except Exception as error:  # it raises whatever its tables lack
        return latex, f"cannot be drawn: {type(error).__name__} {error}"
    lines = [line.rstrip() for line in text.splitlines()]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    drawn = "\n".join(line[indent:] for line in lines)
    if "TeXicode" in drawn or not drawn:
        return latex, f"cannot be read: {drawn.strip()}"
    if drawn.count("?") > latex.count("?"):
        return latex, "has a command that cannot be drawn"
    return drawn, ""


def render_block(latex: str, ascii: bool = False) -> str:
    """Draw a display formula in two dimensions; its source when it cannot be drawn."""
    if ascii:
        return inline(latex, ascii=True)
    return _rendered(latex.strip())[0]


def problem(latex: str) -> str:
    """What is wrong with a formula for the renderer; empty when nothing is."""
    return _rendered(latex.strip())[1]


_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"(?<![\\$\w])\$(?!\s)([^$\n]+?)(?<!\s)\$(?!\d)")


def formulas(markdown: str) -> tuple[list[str], list[str]]:
    """(display formulas, inline formulas) of a Markdown text, code left out."""
    text = re.sub(r"^(```+|~~~+).*?^\1\s*$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    text = _CODE.sub("", text)
    shown = [latex.strip() for latex in _DISPLAY.findall(text)]
    return shown, _INLINE.findall(_DISPLAY.sub("", text))


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
