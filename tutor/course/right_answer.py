"""The right answer to a question, as it is shown with the explanation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tutor.course import arrays
from tutor.course.expression import Unreadable
from tutor.course.model import Gap, Question

_FIGURE = re.compile(r"-?[\d.]+(?:e-?\d+)?")


def right_answer(question: Question, wrong: bool) -> Iterator[str]:
    """Paragraphs of Markdown; of an order and of gaps only where something was `wrong`."""
    match question.type:
        case "numeric" | "expression" | "tracing" | "short_answer":
            yield f"**Answer:** {_typed(question.answer)}"
        case "true_false":
            yield f"**Answer:** {question.answer.capitalize()}"
        case "self_graded" if wrong:
            yield f"**Model answer:** {question.answer}"
        case "order" | "cloze" if wrong:
            if question.items:
                lines = [f"{place}. {item.text}" for place, item in enumerate(question.items, 1)]
                yield "**A right order:**\n\n" + "\n".join(lines)
            if question.gaps:
                yield "**Gaps:** " + " · ".join(f"{gap.name} {_filled(gap)}" for gap in question.gaps)
        case _:
            return


def _filled(gap: Gap) -> str:
    if gap.type == "single_choice":
        return next(choice.text for choice in gap.choices if choice.correct)
    return _typed(gap.answer)


def _typed(answer: str) -> str:
    """An answer as it would be typed; a number that is written as a formula with its value."""
    shown = f"`{' '.join(answer.split())}`"
    try:
        value = arrays.read(answer)
    except Unreadable:
        return shown
    plain = value.shape or _FIGURE.fullmatch(answer)
    return shown if plain else f"{shown} ≈ {value.entries[0]:.4g}"
