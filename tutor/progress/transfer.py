"""The log as one JSON file, to keep, to read, and to bring two machines together: the union of their rows by id."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from tutor.errors import TutorError
from tutor.files import replacing
from tutor.progress.events import Logged
from tutor.progress.store import VERSION, Store

FORMAT = "genai-tutor progress"
_START = b'{"format":"%s"' % FORMAT.encode()
LARGEST = 256 * 2**20
"""Bytes; a hundred thousand answers take about forty million."""
SKEW = timedelta(days=1)
"""By how much the clock of another machine may be ahead; later rows would push all that is written after them."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\Z")


class _Head(msgspec.Struct):
    format: str
    version: int


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["genai-tutor progress"]
    version: int
    events: list[Logged]


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    new: int
    known: int


def export(store: Store, path: Path) -> int:
    """Write the whole log to a file, whole or not at all; returns the number of rows.

    Settings of the screen and half-typed text stay where they are. Raises TutorError when it cannot be written, or
    when another file than an export would be lost.
    """
    keep_others(path, _START, "an export of genai-tutor")
    rows = store.events()
    lines = b",\n".join(msgspec.json.encode(row) for row in rows)
    data = _START + b',"version":%d,"events":[\n%s\n]}\n' % (VERSION, lines)
    write_whole(path, data)
    return len(rows)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; a link stays one, and a pipe or a device takes the bytes.

    Raises TutorError.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise TutorError(f"{path}: cannot be written ({error.strerror})") from None


def keep_others(path: Path, start: bytes, kind: str) -> None:
    """Raise TutorError when a file is there already that does not begin as one of this kind does."""
    if path.is_dir():
        raise TutorError(f"{path}: cannot be written (it is a folder)")
    if not path.is_file():
        return  # nothing is lost
    try:
        with path.open("rb") as file:
            found = file.read(len(start))
    except OSError:
        return  # what is wrong with it is said when it is written
    if found and found != start:
        raise TutorError(f"{path}: is there already and is not {kind}; choose another name")


def import_file(store: Store, path: Path, before: Callable[[int], None] = lambda rows: None) -> Imported:
    """Add the rows of an exported file that are not in the log yet, and derive everything again.

    `before` is told how many rows the file has before they are merged, which takes a while.

    Raises TutorError, and changes nothing, when the file is not what `export` wrote, is newer than this program, or
    holds another row under an id that the log has.
    """
    rows = _read(path, store.now())
    before(len(rows))
    try:
        new = store.merge(rows)
    except (ValueError, OverflowError) as error:
        raise TutorError(f"{path}: {error}; nothing was changed") from None
    return Imported(new, len(rows) - new)


def _read(path: Path, now: datetime) -> list[Logged]:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise TutorError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > LARGEST:
        raise TutorError(f"{path}: is larger than {LARGEST >> 20} MB; nothing was changed")
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format != FORMAT:
            raise ValueError("its format is another")
        if head.version > VERSION:
            raise TutorError(
                f"{path}: was written by a newer genai-tutor (format {head.version}, this one reads {VERSION}); "
                "update this one"
            )
        rows = msgspec.json.decode(data, type=_File).events
        for at, row in enumerate(rows):
            _check(row, at, now)
        if len({row.id for row in rows}) < len(rows):
            raise ValueError("an id stands in it twice")
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise TutorError(f"{path}: is not an export of genai-tutor ({reason}); nothing was changed") from None
    return rows


def _check(row: Logged, at: int, now: datetime) -> None:
    """Raise ValueError for what no program of ours writes."""
    problem = ""
    if not _ID.match(row.id) or not _AT.match(row.at):
        problem = "has no id or time of ours"
    else:
        moment = datetime.fromisoformat(row.at)
        if int(row.id.replace("-", "")[:12], 16) != round(moment.timestamp() * 1000):
            problem = "has an id of another time"
        elif moment > now + SKEW:
            problem = "is of the future; check the clocks"
        elif abs(row.offset) > 24 * 60:
            problem = "has an offset of more than a day"
        elif not 0 <= row.seconds <= 366 * 86400:
            problem = "took no possible time"
    if problem:
        raise ValueError(f"row {at + 1} {problem}")
