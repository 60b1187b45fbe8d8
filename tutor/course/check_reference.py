"""What the linter looks for in `content/reference/`: links resolve, formulas render, symbols are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tutor.course.check_whole import whole_problems
from tutor.course.load import ContentError, Problem
from tutor.course.markup import FUNCTIONS, GREEK
from tutor.course.model import Course
from tutor.course.picture import picture_path, picture_problems
from tutor.course.reference import (
    FOLDER,
    KINDS,
    Confusion,
    Entry,
    Equation,
    Item,
    NextStep,
    Shelf,
    entry,
    read_shelf,
    shelf_path,
)
from tutor.course.spelling import misspelt


class Checker(Protocol):
    """What is used of `tutor.course.check`."""

    content: Path
    problems: list[Problem]

    def say(self, path: Path, line: int, message: str) -> None:
        """Report a problem."""

    def text(self, path: Path, line: int, text: str) -> None:
        """Report formulas of a text that do not render and links that lead nowhere."""

    def missing(self, target: str) -> str:
        """What is wrong with the target of a link; empty when nothing is."""


def check_reference(checker: Checker, course: Course) -> None:
    """Report all that is wrong with the reference."""
    for kind in KINDS:
        try:
            shelf = read_shelf(checker.content, kind)
        except ContentError as error:
            checker.problems += error.problems
            continue
        checker.problems += shelf.problems
        _shelf(checker, kind, shelf, {stub.id for stub in course.chapters})
    checker.problems += picture_problems(checker.content, course)
    checker.problems += misspelt(checker.content, course)
    checker.problems += whole_problems(checker.content, course)
    known = {picture_path(checker.content), *(shelf_path(checker.content, kind) for kind in KINDS)}
    for path in sorted((checker.content / FOLDER).glob("*")):
        if path not in known and not path.name.startswith("."):
            checker.say(path, 1, "is no file of the reference")


def missing_entry(content: Path, target: str) -> str:
    """What is wrong with `[KIND[#ENTRY]]`, the target of a link; empty when nothing is."""
    kind, _, name = target.partition("#")
    if kind and kind not in KINDS:
        return f"the reference has no part {kind!r}"
    try:
        known = {item.id for item in read_shelf(content, kind).items} if name else {name}
    except ContentError:
        return ""  # what is wrong is said of the file
    return "" if name in known else f"the reference has no {name!r} among its {KINDS[kind].lower()}"


def _shelf(checker: Checker, kind: str, shelf: Shelf, chapters: set[str]) -> None:
    titles: set[str] = set()
    for item, line in zip(shelf.items, shelf.lines, strict=True):
        shown = entry(kind, item)
        before = len(checker.problems)
        for message in _form(item, shown, chapters, checker):
            checker.say(shelf.path, line, message)
        if shown.title in titles:
            checker.say(shelf.path, line, f"the title “{shown.title}” stands there twice")
        titles.add(shown.title)
        for text in _texts(item, shown):
            checker.text(shelf.path, line, text)
        # A page has lines of its own; inside a table the line is the entry's.
        if kind != "next-steps":
            checker.problems[before:] = [
                Problem(found.file, line, f"{item.id}: {found.message}") for found in checker.problems[before:]
            ]


def _texts(item: Item, shown: Entry) -> Iterator[str]:
    match item:
        case Confusion():
            yield item.think
            yield shown.text
        case NextStep():
            yield f"\n{item.text}"  # the heading's line
        case _:
            yield shown.text


def _form(item: Item, shown: Entry, chapters: set[str], checker: Checker) -> list[str]:
    found = [f"the {key} is empty" for key in item.__struct_fields__ if _is_empty(getattr(item, key), key)]
    if shown.lesson:
        found.append(checker.missing(f"lesson:{shown.lesson}"))
    if shown.lab:
        found.append(checker.missing(f"lab:{shown.lab}"))
    if shown.chapter and shown.chapter not in chapters:
        found.append(f"there is no chapter {shown.chapter!r}")
    if isinstance(item, Equation):
        found += [f"does not name the symbol {sign}" for sign in unnamed(item)]
    return [message for message in found if message]


def _is_empty(value: object, key: str) -> bool:
    optional = {"lesson", "lab", "venue", "arxiv"}
    return key not in optional and isinstance(value, str | tuple) and not (value and str(value).strip())


UNIVERSAL = frozenset(["d", "e", "π"])
"""Signs that mean the same everywhere: the differential and the two numbers."""


def unnamed(equation: Equation) -> list[str]:
    """The signs of an equation that its symbols do not name, in the order in which they stand."""
    named = {sign for symbol in equation.symbols for sign in _signs(symbol.latex)}
    return [sign for sign in dict.fromkeys(_signs(equation.latex)) if sign not in named | UNIVERSAL]


_SIGN = re.compile(
    r"\\(?:mathrm|text|operatorname)\s*\{(?P<word>[^}]*)\}"
    r"|\^\s*(?:T|\{T\})"  # a transpose
    r"|\\mathbb\s*\{?(?P<blackboard>[A-Z])\}?"
    r"|\\(?P<command>[A-Za-z]+)"
    r"|(?<=[_^]\{)(?P<index>[A-Za-z]{2,})(?=\})"
    r"|(?P<letter>[A-Za-z])"
)


def _signs(latex: str) -> list[str]:
    """The letters, Greek letters and upright words of a formula; words with anything else in them are prose."""
    found: list[str] = []
    for match in _SIGN.finditer(latex):
        command = match["command"]
        if match["word"] is not None:
            found += [match["word"]] if match["word"].isalpha() else []
        elif match["blackboard"]:
            found.append(rf"\mathbb{{{match['blackboard']}}}")
        elif command:
            found += [GREEK[command]] if command in GREEK and command not in FUNCTIONS else []
        elif match["index"] or match["letter"]:
            found.append(match["index"] or match["letter"])
    return found
