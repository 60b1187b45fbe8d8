"""Text as it is compared when something is looked for: no case, no accents, Greek letters by their names."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from tutor.course.markup import GREEK

_NAMES = {sign: f" {name.removeprefix('var').casefold()} " for name, sign in GREEK.items()}


@lru_cache(maxsize=4096)
def folded_sign(sign: str) -> str:
    """What a character becomes: `É` e, `σ` sigma between blanks, `₂` 2, a backslash nothing."""
    if sign in _NAMES:
        return _NAMES[sign]
    if sign == "\\":
        return ""
    plain = "".join(_NAMES.get(part, part) for part in unicodedata.normalize("NFKD", sign))
    return "".join(part for part in plain if not unicodedata.combining(part)).casefold()


def folded(text: str) -> str:
    """What a text becomes; `\\sigma`, `σ` and `Sigma` become the same, and so do `\\varepsilon` and `ε`."""
    return "".join(map(folded_sign, text.replace("\\var", "\\")))
