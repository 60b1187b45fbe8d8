"""Grades lines in order: each below those that it needs, and without those that belong nowhere."""

from __future__ import annotations

from tutor.course.model import Item, Question
from tutor.course.verdict import Verdict


def grade_order(question: Question, order: tuple[str, ...]) -> Verdict:
    """Grade the ids of the lines, top to bottom; what is left out belongs nowhere in the learner's eyes."""
    items = {item.id: item for item in question.items}
    strange = {line.id: line for line in question.distractors}
    known = {*items, *strange}
    if len(set(order)) != len(order) or not set(order) <= known or (not strange and set(order) != known):
        return Verdict("unreadable", message="Some lines are missing or stand twice.")
    if not order:
        return Verdict("unreadable", message="Leave above the divider the lines that belong there.")
    at = first_wrong(question.items, order)
    left = [item for item in question.items if item.id not in order]
    if at is None and not left:
        return Verdict("right", 1.0)
    if at is None:
        feedback = f"What stands there is in order, but a line is missing: “{left[0].text}”"
        return Verdict("wrong", len(order) / len(items), feedback=feedback)
    score = at / max(len(order), len(items))
    if order[at] in strange:
        feedback = f"Line {at + 1} belongs nowhere: {strange[order[at]].feedback}"
    elif not any(item.needs for item in question.items):
        feedback = f"Line {at + 1} is the first out of place."
    else:
        need = next(need for need in items[order[at]].needs if need not in order[:at])
        place = "above it" if need in order else "above it, and that lies below the divider"
        feedback = f"Line {at + 1} stands too early: it needs “{items[need].text}” {place}."
    return Verdict("wrong", score, feedback=feedback, first_wrong=at)


def first_wrong(items: tuple[Item, ...], order: tuple[str, ...]) -> int | None:
    """Position of the first line that may not stand where it stands; None when the order is right as far as it goes.

    With `needs` any order that respects them is right; without any, only the order as written is.
    """
    needs = {item.id: frozenset(item.needs) for item in items}
    if not any(needs.values()):
        written = tuple(needs)
        return next((at for at, item in enumerate(order) if item != written[at]), None)
    above: set[str] = set()
    for at, item in enumerate(order):
        if item not in needs or not needs[item] <= above:
            return at
        above.add(item)
    return None
