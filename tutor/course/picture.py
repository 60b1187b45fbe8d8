"""The big picture: a drawing of the chapters and what leads to what, from `content/reference/big-picture.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tutor.course.load import ContentError, Problem, convert, parse_toml, read_text, table_lines
from tutor.course.model import Course, Frozen, Id

COLUMNS, ROWS = 78, 20
"""What is seen of the drawing at once in a terminal of 80 columns and 24 rows."""
_HEAVY = str.maketrans("─│┌┐└┘├┤┬┴", "━┃┏┓┗┛┣┫┳┻")


class PictureNode(Frozen, frozen=True):
    """What a chapter is in the picture."""

    chapter: Id
    ideas: str
    gives: str
    """What it hands on, as the rest of “Gives …”."""


class Picture(Frozen, frozen=True):
    """`big-picture.toml`."""

    drawing: str
    nodes: tuple[PictureNode, ...]


@dataclass(frozen=True)
class Box:
    """A chapter's place in the drawing: its border included, from the first column and row to the last."""

    left: int
    top: int
    right: int
    bottom: int

    def holds(self, column: int, row: int) -> bool:
        """Whether a place is in the box."""
        return self.left <= column <= self.right and self.top <= row <= self.bottom


def picture_path(content: Path) -> Path:
    """The file of the picture."""
    return content / "reference" / "big-picture.toml"


@lru_cache(maxsize=4)
def load_picture(content: Path) -> Picture:
    """Read the picture; raises ContentError."""
    path = picture_path(content)
    text = read_text(path)
    return convert(parse_toml(text, path), Picture, path, 1, text)


def boxes(drawing: str) -> dict[int, Box]:
    """The box of each chapter by its number: a row `│ N title │` with its border and one free row."""
    found: dict[int, Box] = {}
    for row, line in enumerate(drawing.splitlines()):
        for match in re.finditer(r"[│├┤] (\d+) [^│├┤]*[│├┤]", line):
            found[int(match[1])] = Box(match.start(), row - 1, match.end() - 1, row + 2)
    return found


def drawn(drawing: str, states: Mapping[int, str], marked: int = 0) -> list[str]:
    """The rows of the drawing with a state in each box, and the marked box in heavy lines."""
    rows = [list(line) for line in drawing.splitlines()]
    for number, box in boxes(drawing).items():
        room = box.right - box.left - 2
        text = f"{states.get(number, '')[:room]:{room}}"
        rows[box.top + 2][box.left + 2 : box.right] = text
        if number == marked:
            for row in range(box.top, box.bottom + 1):
                inner = range(box.left, box.right + 1) if row in {box.top, box.bottom} else (box.left, box.right)
                for column in inner:
                    rows[row][column] = rows[row][column].translate(_HEAVY)
    return ["".join(row) for row in rows]


def beside(drawing: str, number: int, columns: int, rows: int) -> int:
    """The number of the nearest box in a direction (one of the two is 0), or the same when there is none."""
    found = boxes(drawing)
    here = found[number]

    def distance(box: Box) -> tuple[int, int]:
        along = columns * (box.left - here.left) + rows * (box.top - here.top)
        across = abs(rows) * abs(box.left - here.left) + abs(columns) * abs(box.top - here.top)
        return (along + across if along > 0 else 10**6), across

    best = min((other for other in found if other != number), key=lambda other: distance(found[other]))
    return best if distance(found[best])[0] < 10**6 else number


def picture_problems(content: Path, course: Course) -> list[Problem]:
    """What an author has to mend; nothing when there is no picture."""
    path = picture_path(content)
    if not path.exists():
        return []
    try:
        picture = load_picture(content)
    except ContentError as error:
        return error.problems
    found: list[Problem] = []
    lines = picture.drawing.splitlines()
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            found.append(Problem(str(path), 1, f"row {number} of the drawing has {len(line)} columns of {COLUMNS}"))
    if len(lines) > ROWS:
        found.append(Problem(str(path), 1, f"the drawing has {len(lines)} rows, at most {ROWS} are seen"))
    chapters = {stub.id: stub.number for stub in course.chapters}
    places = boxes(picture.drawing)
    odd = sorted(set(chapters.values()) ^ set(places))
    found += [Problem(str(path), 1, f"chapter {number} has no box, or a box is of no chapter") for number in odd]
    for number, box in places.items():
        below = [line[box.left + 1 : box.right] for line in lines[box.top + 2 : box.top + 3]]
        if not below or below[0].strip() or box.top < 0 or box.bottom >= len(lines):
            found.append(Problem(str(path), 1, f"the box of chapter {number} has no free row below its title"))
    named = [node.chapter for node in picture.nodes]
    for node, at in zip(picture.nodes, table_lines(read_text(path), "nodes"), strict=True):
        if node.chapter not in chapters or named.count(node.chapter) > 1:
            found.append(Problem(str(path), at, f"{node.chapter!r} is no chapter, or is told of twice"))
    untold = sorted(chapters.keys() - set(named))
    return found + [Problem(str(path), 1, f"nothing is told of the chapter {chapter!r}") for chapter in untold]
