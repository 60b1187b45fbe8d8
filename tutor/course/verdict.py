"""What comes of a response to a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Response = str | tuple[int, ...] | tuple[str, ...] | tuple[bool, ...]
"""Typed text or `true`/`false`; indices of marked choices, or of the right side of each pair; ids of lines in order,
followed by what fills their gaps; the text of each gap, of a gap with choices the index of one; a tick for each rubric
point."""


@dataclass(frozen=True)
class Verdict:
    """What came of a response. `unreadable` is never an attempt."""

    outcome: Literal["right", "wrong", "unreadable"]
    score: float = 0.0
    message: str = ""
    feedback: str = ""
    first_wrong: int | None = None
    """Position of the first line that cannot stand where it stands (`order`)."""
    parts: tuple[Verdict, ...] = ()
    """What came of each pair or gap; of gaps of which one is `unreadable`, up to that one."""
