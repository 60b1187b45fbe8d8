"""Reads numbers, vectors and matrices as a learner types them; each entry is a number as `expression` reads it.

`1, 2`, `[1, 2]`, `(1, 2)` and `[1 2]` are a vector; `[1, 2; 3, 4]`, `1, 2; 3, 4`, `[[1, 2], [3, 4]]`, what NumPy prints
and `np.array([[1, 2], [3, 4]])` are a matrix. Blanks separate entries only where nothing else can be meant: `[1 -2]`
may be a difference, and the learner is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tutor.course.expression import MAX_LENGTH, Unreadable, number

MAX_ENTRIES = 64

_OPENING = {"(": ")", "[": "]", "{": "}"}
_WRAPPER = re.compile(r"\s*(?:(?:np|numpy|torch)\.)?(?:array|tensor|matrix)\s*(?=\()", re.IGNORECASE)
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Array:
    """Rows of numbers. The shape is `()` of a number, `(n,)` of a vector, `(rows, columns)` of a matrix."""

    rows: tuple[tuple[float, ...], ...]
    shape: Shape

    @property
    def entries(self) -> tuple[float, ...]:
        """All numbers, row by row."""
        return tuple(entry for row in self.rows for entry in row)


@lru_cache(maxsize=1024)
def read(text: str) -> Array:
    """Read a number, a vector or a matrix; raises Unreadable."""
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"too long: {len(text)} characters, at most {MAX_LENGTH} are read")
    wrapper = _WRAPPER.match(text)
    body = _peeled(text[wrapper.end() :]) if wrapper else text.strip()
    rows = _rows(body)
    if rows is None:
        return Array(((_single(body),),), ())
    if any(not row for row in rows):
        raise Unreadable("a row without a number")
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        counts = " and ".join(str(len(row)) for row in rows)
        raise Unreadable(f"the rows have {counts} numbers; all need as many (a decimal number has a point: 0.5)")
    if sum(map(len, rows)) > MAX_ENTRIES:
        raise Unreadable(f"more than {MAX_ENTRIES} numbers")
    values = tuple(tuple(number(entry) for entry in row) for row in rows)
    vector = len(rows) == 1 and not _nested(body)
    return Array(values, (len(values[0]),) if vector else (len(values), len(values[0])))


def fit(value: Array, shape: Shape) -> Array | None:
    """The value in this shape, if it is one of its spellings: a list stands for a single row or column."""
    if value.shape == shape:
        return value
    long = [length for length in value.shape if length != 1]
    wanted = [length for length in shape if length != 1]
    if not value.shape or not shape or long != wanted or len(long) > 1:
        return None
    # A row is no column: only a list without a direction becomes one, or loses it.
    if len(value.shape) == len(shape) == 2:
        return None
    entries = value.entries
    rows = tuple((entry,) for entry in entries) if len(shape) == 2 and shape[1] == 1 else (entries,)
    return Array(rows, shape)


def described(shape: Shape) -> str:
    """A shape in words, with an example of how it is typed."""
    match shape:
        case ():
            return "a number such as 0.25, 1/3, 2e-3 or sqrt(2)"
        case (length,):
            example = ", ".join(str(at) for at in range(1, min(length, 4) + 1)) + (", …" if length > 4 else "")
            return f"a vector of {length} numbers such as [{example}]"
        case _:
            height, width = shape
            rows = (
                ", ".join(str(width * row + at) for at in range(1, min(width, 3) + 1)) for row in range(min(height, 3))
            )
            example = "; ".join(rows) + ("; …" if height > 3 else "")
            return f"a matrix of {height} × {width} numbers, rows split by semicolons: [{example}]"


def written(rows: Sequence[Sequence[str]], shape: Shape) -> str:
    """Rows of entries as a learner would type them."""
    body = "; ".join(", ".join(row) for row in rows)
    return body if not shape else f"[{body}]"


def _rows(body: str) -> list[list[str]] | None:
    """The texts of the entries, row by row; None when it is a single number."""
    inner = _peeled(body)
    rows = _split(inner, ";")
    if len(rows) > 1:
        # A last semicolon closes the last row.
        rows = rows[:-1] if not rows[-1].strip() else rows
        return [_entries(_peeled(row), inside=True) for row in rows]
    parts = _entries(inner, inside=inner != body)
    if len(parts) > 1 and all(_peeled(part) != part for part in parts) and not _is_number(inner):
        return [_entries(_peeled(part), inside=True) for part in parts]
    if len(parts) == 1:
        again = _peeled(inner)
        # `[[1, 2]]` is a matrix of one row; `[3]` and `(3)` are the number 3.
        return None if again == inner else _rows(inner)
    return [parts]


def _single(text: str) -> float:
    try:
        return number(text)
    except Unreadable:
        signs = [sum(map(text.count, side)) for side in (_OPENING, _OPENING.values())]
        if signs[0] != signs[1]:
            raise Unreadable("a bracket is missing") from None
        if re.search(r"[\[(][^()\[\]]*[,;]", text) and not re.search(r"[A-Za-z]\(", text):
            raise Unreadable("a vector cannot be calculated with here; type its entries") from None
        raise


def _nested(body: str) -> bool:
    """Whether a single row stands in brackets of its own, as `[[1, 2]]`."""
    inner = _peeled(body)
    return inner != body and _peeled(inner) != inner


def _is_number(text: str) -> bool:
    try:
        number(text)
    except Unreadable:
        return False
    return True


def _entries(text: str, inside: bool) -> list[str]:
    """The entries of a row: split at commas, or else at blanks if that cannot mean anything else."""
    parts = _split(text, ",")
    if len(parts) > 1:
        # A last comma closes the row, as Python writes a tuple of one.
        return parts[:-1] if not parts[-1].strip() else parts
    pieces = _split(text, " ")
    if len(pieces) < 2 or not all(_is_number(piece) or _peeled(piece) != piece for piece in pieces):
        return parts
    if _is_number(text):
        if inside and all(_is_number(piece) for piece in pieces):
            raise Unreadable(f"is “{text}” one number or {len(pieces)}? Separate numbers with commas")
        return parts
    return pieces


def _split(text: str, at: str) -> list[str]:
    """Split at a sign that stands outside all brackets."""
    if at not in text and at != " ":
        return [text.strip()]
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        if sign in _OPENING:
            depth += 1
        elif sign in _OPENING.values():
            depth -= 1
        elif depth == 0 and (sign == at or (at == " " and sign.isspace())):
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if at != " " or part.strip()]


def _peeled(text: str) -> str:
    """Without the brackets round the whole of it, if there are such."""
    text = text.strip()
    if not text or _OPENING.get(text[0]) != text[-1]:
        return text
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in _OPENING) - (sign in _OPENING.values())
        if depth == 0 and place < len(text) - 1:
            return text
    return text[1:-1].strip()
