"""The reference: key equations, glossary, common confusions, further reading and next steps, from `content/reference/`.

Each kind has a file of its own. Whatever its kind, a screen and a search see an entry the same way, as `Entry`: a
title, a text in Markdown, and where it is taught and run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from textwrap import fill, indent
from types import MappingProxyType
from typing import Any

from tutor.course.folding import folded
from tutor.course.load import ContentError, Problem, convert, parse_toml, read_text, split_pages, table_lines
from tutor.course.markup import plain, render_block
from tutor.course.model import Frozen, Id
from tutor.errors import TutorError

FOLDER = "reference"
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "equations": "Key equations",
        "glossary": "Glossary",
        "confusions": "Common confusions",
        "further-reading": "Further reading",
        "next-steps": "Next steps",
    }
)
"""The kinds of entries, by the names of their files, in the order in which they are offered."""


class Named(Frozen, frozen=True, array_like=True):
    """A symbol of an equation: its LaTeX and its name; in the file a pair."""

    latex: str
    name: str


class Equation(Frozen, frozen=True):
    """A table of `equations.toml`."""

    id: Id
    name: str
    latex: str
    symbols: tuple[Named, ...]
    conditions: str
    """When it holds, and what is often got wrong about it."""
    use: str
    chapter: Id
    lesson: str = ""
    """`LESSON-ID` or `LESSON-ID#PAGE`; empty while the lesson is not written."""
    lab: str = ""


class Term(Frozen, frozen=True):
    """A table of `glossary.toml`: a term, or a symbol in dollars."""

    id: Id
    term: str
    meaning: str
    lesson: str = ""


class Confusion(Frozen, frozen=True):
    """A table of `confusions.toml`."""

    id: Id
    think: str
    """What people think."""
    truth: str
    test: str
    """One line that tells the one from the other."""
    lesson: str = ""
    lab: str = ""


class Paper(Frozen, frozen=True):
    """A table of `further-reading.toml`: a paper or a book."""

    id: Id
    authors: str
    year: int
    title: str
    why: str
    """What for, and when to read it."""
    chapter: Id
    venue: str = ""
    arxiv: str = ""
    lesson: str = ""


class NextStep(Frozen, frozen=True):
    """A page of `next-steps.md`, whose heading is its title."""

    id: Id
    """Its number, from 1."""
    title: str
    text: str
    """What follows the heading, as it stands in the file."""


Item = Equation | Term | Confusion | Paper | NextStep

_TABLES: Mapping[str, tuple[str, type[Item]]] = MappingProxyType(
    {
        "equations": ("equations", Equation),
        "glossary": ("terms", Term),
        "confusions": ("confusions", Confusion),
        "further-reading": ("papers", Paper),
    }
)
"""The name of a file's tables, and what each is."""


@dataclass(frozen=True)
class Entry:
    """What is shown and found of an item, whatever its kind."""

    kind: str
    id: str
    title: str
    """Plain text on one row."""
    text: str
    """The whole of it in Markdown, without the title."""
    lesson: str = ""
    lab: str = ""
    chapter: str = ""
    latex: str = ""
    link: str = ""
    """Where it is found in the web."""

    @property
    def target(self) -> str:
        """What opens it."""
        return f"reference:{self.kind}#{self.id}"


@dataclass(frozen=True)
class Shelf:
    """A file of the reference as far as it can be read, and what is wrong with the rest."""

    path: Path
    items: tuple[Item, ...]
    lines: tuple[int, ...]
    """The line on which each item begins."""
    problems: tuple[Problem, ...]


def shelf_path(content: Path, kind: str) -> Path:
    """The file of a kind."""
    return content / FOLDER / f"{kind}{'.toml' if kind in _TABLES else '.md'}"


@lru_cache(maxsize=16)
def read_shelf(content: Path, kind: str) -> Shelf:
    """Read what can be read of a kind; a missing file is an empty one. Raises ContentError when it is no list of it."""
    path = shelf_path(content, kind)
    if not path.exists():
        return Shelf(path, (), (), ())
    text = read_text(path)
    if kind not in _TABLES:
        return _read_pages(path, text)
    table, shape = _TABLES[kind]
    data = parse_toml(text, path)
    problems = [Problem(str(path), 1, f"unknown key {key!r}") for key in data if key != table]
    rows, starts = data.get(table, []), table_lines(text, table)
    if not isinstance(rows, list) or len(starts) != len(rows):
        raise ContentError([*problems, Problem(str(path), 1, f"each entry must begin with a line [[{table}]]")])
    items: list[Item] = []
    lines: list[int] = []
    seen: set[str] = set()
    for row, line in zip(rows, starts, strict=True):
        try:
            item = convert(row, shape, path, line)
        except ContentError as error:
            problems += error.problems
            continue
        if item.id in seen:
            problems.append(Problem(str(path), line, f"{item.id!r} stands there twice"))
            continue
        seen.add(item.id)
        items.append(item)
        lines.append(line)
    return Shelf(path, tuple(items), tuple(lines), tuple(problems))


def _read_pages(path: Path, text: str) -> Shelf:
    items: list[Item] = []
    lines: list[int] = []
    problems: list[Problem] = []
    at = 0
    for page in split_pages(text):
        at = text.index(page.rstrip("\n"), at)
        line = text.count("\n", 0, at) + 1
        heading, _, rest = page.partition("\n")
        if not heading.startswith("## "):
            problems.append(Problem(str(path), line, "a page must begin with a heading `## …`"))
            continue
        items.append(NextStep(id=str(len(items) + 1), title=heading[3:].strip(), text=rest))
        lines.append(line)
    return Shelf(path, tuple(items), tuple(lines), tuple(problems))


def entries(content: Path, kind: str) -> tuple[Entry, ...]:
    """The entries of a kind, in the order in which they are shown; raises ContentError, and TutorError for no kind."""
    if kind not in KINDS:
        raise TutorError(f"The reference has no part {kind!r}; it has {', '.join(KINDS)}")
    shelf = read_shelf(content, kind)
    if shelf.problems:
        raise ContentError(list(shelf.problems))
    return tuple(entry(kind, item) for item in sorted(shelf.items, key=_place))


def _place(item: Item) -> tuple[bool, str]:
    """As in the file; but of the glossary symbols come first, then words as a dictionary has them."""
    if not isinstance(item, Term) or item.term.startswith("$"):
        return False, ""
    return True, folded(item.term)


def entry(kind: str, item: Item) -> Entry:
    """What is shown of an item."""
    match item:
        case Equation():
            rows = "\n".join(f"- ${symbol.latex}$: {symbol.name}" for symbol in item.symbols)
            text = f"$$\n{item.latex}\n$$\n\n{rows}\n\n**Conditions.** {item.conditions}\n\n**Used in** {item.use}."
            return Entry(kind, item.id, plain(item.name), text, item.lesson, item.lab, item.chapter, item.latex)
        case Term():
            return Entry(kind, item.id, plain(item.term), item.meaning, item.lesson)
        case Confusion():
            text = f"**True is.** {item.truth}\n\n**A test.** {item.test}"
            return Entry(kind, item.id, f"“{plain(item.think)}”", text, item.lesson, item.lab)
        case Paper():
            where = f"{item.venue}, {item.year}" if item.venue else str(item.year)
            link = f"https://arxiv.org/abs/{item.arxiv}" if item.arxiv else ""
            text = f"{item.authors}: *{item.title}*. {where}.\n\n{item.why}"
            if link:
                text += f"\n\n[arXiv:{item.arxiv}]({link})"
            title = f"{item.authors} {item.year}: {item.title}"
            return Entry(kind, item.id, title, text, item.lesson, chapter=item.chapter, link=link)
        case NextStep():
            lab = re.search(r"\]\(lab:([^)]+)\)", item.text)
            return Entry(kind, item.id, plain(item.title), item.text.strip(), lab=lab[1] if lab else "")


def find(content: Path, kind: str, name: str) -> Entry:
    """The entry of this name; raises TutorError when there is none."""
    for found in entries(content, kind):
        if found.id == name:
            return found
    raise TutorError(f"The reference has no {name!r} among its {KINDS[kind].lower()}")


def matching(rows: Sequence[Entry], words: str) -> list[Entry]:
    """The entries that hold every word, whatever its case, accents and way to write Greek; all for no words."""
    wanted = folded(words).split()
    return [row for row in rows if all(word in _haystack(row) for word in wanted)]


@lru_cache(maxsize=2048)
def _haystack(row: Entry) -> str:
    return folded(f"{row.title} {row.id} {row.text} {plain(row.text)}")


def as_text(item: Entry, columns: int = 78) -> str:
    """An entry for a terminal that only writes: formulas drawn, paragraphs filled, then where it is taught and run."""
    blocks = [item.title]
    for number, part in enumerate(re.split(r"\$\$\n(.*?)\n\$\$", item.text, flags=re.DOTALL)):
        if number % 2:
            blocks.append(indent(render_block(part), "    "))
        else:
            rows = re.split(r"\n(?=- |\d+\. )|\n\n", part.strip())
            blocks += [fill(plain(row), columns, initial_indent="  ", subsequent_indent="    ") for row in rows if row]
    places = [
        f"lesson {item.lesson.replace('#', ', page ')}" if item.lesson else "",
        f"lab {item.lab}" if item.lab else "",
    ]
    if any(places):
        blocks.append(f"  → {'; '.join(filter(None, places))}")
    return "\n".join(blocks)


def as_json(item: Entry) -> dict[str, Any]:
    """An entry as plain data."""
    return {
        "kind": item.kind,
        "id": item.id,
        "title": item.title,
        "text": item.text,
        "latex": item.latex,
        "link": item.link,
        "chapter": item.chapter,
        "lesson": item.lesson,
        "lab": item.lab,
        "target": item.target,
    }
