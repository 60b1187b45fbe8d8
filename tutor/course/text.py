"""Compares short answers in words: case, accents, blanks, hyphens and the way a letter is written do not matter."""

from __future__ import annotations

import unicodedata

from tutor.course.expression import GREEK
from tutor.course.model import Question
from tutor.course.verdict import Verdict

MAX_LENGTH = 200
_ARTICLES = ("the ", "an ", "a ")
_SPELLED = 6
"""From so many letters on one of them may be a slip of the finger."""


def key(text: str) -> str:
    """What is left of a text when only its letters and digits count."""
    words = unicodedata.normalize("NFKD", text).casefold().strip(" \t\n.,;:!?\"'“”„‘’`$*")
    article = next((article for article in _ARTICLES if words.startswith(article)), "")
    letters = "".join(GREEK.get(sign, sign) for sign in words[len(article) :])
    return "".join(sign for sign in letters if sign.isalnum())


def same(one: str, other: str) -> bool:
    """Whether two keys say the same; one may be the plural of the other."""
    return one == other or (min(len(one), len(other)) >= 4 and one in {other + "s", other[:-1] * other.endswith("s")})


def grade_text(question: Question, response: str) -> Verdict:
    """Grade a word or a few; what is one letter off a right answer is no attempt."""
    given = key(response[: MAX_LENGTH + 1])
    if not given or len(response) > MAX_LENGTH:
        return Verdict("unreadable", message="Expected a word, or a few.")
    right = [key(answer) for answer in (question.answer, *question.alternatives)]
    wrong = [(key(slip.answer), slip) for slip in question.wrong]
    # To the letter first: what is right may be the plural of what is wrong.
    for alike in (str.__eq__, same):
        if any(alike(given, answer) for answer in right):
            return Verdict("right", 1.0)
        for answer, slip in wrong:
            if alike(given, answer):
                return Verdict("wrong", feedback=slip.feedback)
    if any(len(answer) >= _SPELLED and _one_slip(given, answer) for answer in right):
        return Verdict("unreadable", message="Almost: check the spelling.")
    return Verdict("wrong")


def _one_slip(one: str, other: str) -> bool:
    """Whether one letter more, less, changed or exchanged with its neighbour makes one text of the other."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    swapped = one[start : start + 2] == other[start : start + 2][::-1] and one[start + 2 :] == other[start + 2 :]
    return swapped or one[start + 1 :] == other[start + 1 :]
