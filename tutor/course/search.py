"""Full-text search over lessons, equations, glossary and questions.

The index is a file of its own beside the progress, SQLite with FTS5, made by a child process (`python -m
tutor.course.search CONTENT FILE`) when it is missing, damaged or of another content. It holds nothing that cannot be
made again. Of questions only the prompts are in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from tutor import paths
from tutor.course.folding import folded, folded_sign
from tutor.errors import TutorError

FORMAT = 2
"""Changes when the index is made in another way."""
LEFT_SECONDS = 600
"""Age from which an unfinished index is no longer being made: that takes seconds."""
MOST_WORDS = 12
MOST_LETTERS = 40
"""Of a query; what is longer is cut, as no text holds it anyway."""
CANDIDATES = 300
SNIPPET = 140
KINDS = {
    "lesson": "lesson",
    "equations": "equation",
    "glossary": "glossary",
    "confusions": "confusion",
    "further-reading": "reading",
    "next-steps": "next steps",
    "question": "question",
}
"""What each kind of result is called."""


WORTH = {"confusions": 0.8, "next-steps": 0.8, "further-reading": 0.5, "question": 0.5}
"""What a hit counts beside one in a lesson, an equation or the glossary."""


class IndexDamagedError(TutorError):
    """The index cannot be read; it is made anew."""


@dataclass(frozen=True)
class Result:
    """Something found."""

    kind: str
    title: str
    place: str
    """Where it stands, e.g. `1.1, page 2`; empty when the title says it."""
    target: str
    """What `open_target` takes."""
    snippet: tuple[tuple[str, bool], ...]
    """A stretch of the text in pieces; true for those that were looked for."""


def words_of(query: str) -> list[str]:
    """The words that are looked for: letters and digits only, so that nothing in a query is an operator."""
    found = re.findall(r"[^\W_]+", folded(query[:2000]))
    return [word[:MOST_LETTERS] for word in found[:MOST_WORDS]]


# -- the index ---


def index_path() -> Path:
    """The file that holds the index; raises TutorError when the learner's folder cannot be used."""
    return paths.home() / "search.db"


def fingerprint(content: Path) -> str:
    """Differs when any file of the content does: by name, size or time of the last change."""
    seen = hashlib.sha256(f"{FORMAT} {content.resolve()}".encode())
    for folder, folders, files in os.walk(content):
        folders.sort()
        for name in sorted(files):
            if name.endswith((".md", ".toml")):
                state = os.stat(os.path.join(folder, name))
                seen.update(f"{folder}/{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return seen.hexdigest()


def is_ready(content: Path, index: Path) -> bool:
    """Whether the index is there, sound, and of this content."""
    try:
        with _opened(index) as db:
            return bool(db.execute("SELECT fingerprint FROM made").fetchone() == (fingerprint(content),))
    except (sqlite3.Error, OSError):
        return False


@contextlib.contextmanager
def _opened(index: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(f"{index.absolute().as_uri()}?mode=ro", uri=True)
    try:
        yield db
    finally:
        db.close()


def command(content: Path, index: Path) -> list[str]:
    """What makes the index, as a process of its own."""
    return [sys.executable, "-P", "-m", "tutor.course.search", str(content), str(index)]


def look_up(content: Path, index: Path, query: str) -> list[Result]:
    """Search, and make the index first, and wait, when it is not ready; raises TutorError when it cannot be made."""
    if is_ready(content, index):
        with contextlib.suppress(IndexDamagedError):
            return search(index, query)
    done = subprocess.run(command(content, index), capture_output=True, text=True, check=False)
    if done.returncode:
        raise TutorError(failure(index, done.stderr))
    return search(index, query)


def failure(index: Path, said: str) -> str:
    """Why the index could not be made, in one line."""
    lines = said.strip().splitlines()
    return f"{index}: the search index cannot be made ({lines[-1] if lines else 'its process was ended'})"


def build(content: Path, index: Path) -> None:
    """Make the index anew; the old one stays until the new one is whole."""
    import sqlite_utils

    _clear(index.parent)
    handle, name = tempfile.mkstemp(prefix=".search-", suffix=".db", dir=index.parent)
    os.close(handle)
    try:
        mark = fingerprint(content)
        connection = sqlite3.connect(name)
        connection.execute("PRAGMA journal_mode = OFF")
        db = sqlite_utils.Database(connection)
        pages: Any = db["pages"]
        pages.insert_all(_rows(content), columns={"folded_title": str, "folded_text": str})
        pages.enable_fts(["folded_title", "folded_text"], tokenize="unicode61")
        made: Any = db["made"]
        made.insert({"fingerprint": mark})
        connection.commit()
        connection.close()
        os.replace(name, index)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _clear(folder: Path) -> None:
    """Remove what a making left behind that was killed; one that may still be at work keeps its file."""
    for left in folder.glob(".search-*.db"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_SECONDS:
                left.unlink()


def _rows(content: Path) -> Iterator[dict[str, str]]:
    for row in (*_lessons(content), *_reference(content), *_questions(content)):
        yield {**row, "folded_title": folded(row["heading"]), "folded_text": folded(f"{row['title']} {row['text']}")}


def _row(kind: str, title: str, place: str, target: str, text: str, heading: str) -> dict[str, str]:
    """A row of the index; `heading` is what counts as its title."""
    return {"kind": kind, "title": title, "place": place, "target": target, "text": text, "heading": heading}


def _lessons(content: Path) -> Iterator[dict[str, str]]:
    from tutor.course.load import load_chapter, load_course, load_lesson
    from tutor.course.markup import plain

    for stub in load_course(content).chapters:
        for lesson_id in _or(lambda stub=stub: load_chapter(content, stub.id).lessons, ()):
            lesson = _or(lambda stub=stub, name=lesson_id: load_lesson(content, stub.id, name), None)
            for number, page in enumerate(lesson.pages if lesson is not None else (), 1):
                heading, _, body = page.partition("\n")
                name, about = lesson.head.title, plain(heading.lstrip("# "))
                place = f"{lesson.head.section}, page {number}"
                # The lesson's title leads to its first page only.
                title, counts = (f"{name} · {about}",) * 2 if number == 1 else (f"{about} · {name}", about)
                yield _row("lesson", title, place, f"lesson:{lesson_id}#{number}", _readable(body), counts)


def _reference(content: Path) -> Iterator[dict[str, str]]:
    from tutor.course.reference import KINDS as PARTS
    from tutor.course.reference import entries

    for kind in PARTS:
        for entry in _or(lambda kind=kind: entries(content, kind), ()):
            yield _row(kind, entry.title, "", entry.target, _readable(entry.text), entry.title)


def _questions(content: Path) -> Iterator[dict[str, str]]:
    from tutor.course.load import load_course, load_questions

    for stub in load_course(content).chapters:
        bank = _or(lambda stub=stub: load_questions(content, stub.id), {})
        for question in bank.values():
            text = _readable(question.prompt)
            title, _, rest = text.partition("\n")
            yield _row("question", title, f"chapter {stub.number}", f"question:{question.id}", rest or title, "")


def _or(read: Any, otherwise: Any) -> Any:
    """What is read; of what cannot be read nothing is found, and other screens say why."""
    try:
        return read()
    except TutorError:
        return otherwise


def _readable(markdown: str) -> str:
    """A text as it is read: formulas on one row, no marks; code stays, paragraphs are lines."""
    from tutor.course.markup import PAUSE, plain

    fences = re.split(r"(?ms)^(?:```+|~~~+)[^\n]*\n(.*?)^(?:```+|~~~+)[ \t]*$", markdown)
    parts = [part if number % 2 else _cells(plain(part)) for number, part in enumerate(fences)]
    paragraphs = re.split(r"\n{2,}", "\n\n".join(parts).strip())
    return "\n".join(" ".join(text.split()) for text in paragraphs if text != PAUSE)


def _cells(text: str) -> str:
    """Tables without their lines."""
    rows = [row for row in text.split("\n") if not re.fullmatch(r"\|[-:| ]+\|", row)]
    return "\n".join(row.strip("| ").replace(" | ", " · ") if row.startswith("|") else row for row in rows)


# -- looking ---


def search(index: Path, query: str, limit: int = 50) -> list[Result]:
    """What holds all words of a query, or else any of them; the best first. Never raises for what is typed.

    Words of a title count most, then that they stand together as typed, then their rarity and number (BM25). A word
    finds all that begin with it, but for a single letter. Raises IndexDamagedError when the index cannot be read.
    """
    words = words_of(query)
    if not words:
        return []
    try:
        with _opened(index) as db:
            rows = _matches(db, words, " AND ") or (_matches(db, words, " OR ") if len(words) > 1 else [])
            together = _together(db, words)
    except sqlite3.Error as error:
        raise IndexDamagedError(f"{index}: the search index cannot be read ({error})") from None
    rows.sort(key=lambda row: _rank(words, row, row[7] in together))
    return [Result(row[0], row[1], row[2], row[3], tuple(snippet(row[4], words))) for row in rows[:limit]]


def _matches(db: sqlite3.Connection, words: list[str], between: str) -> list[tuple[Any, ...]]:
    # Letters and digits in quotes: there is nothing in a word that FTS5 could read as an operator.
    wanted = between.join(f'"{word}"{"*" if len(word) > 1 else ""}' for word in words)
    return db.execute(
        """
        SELECT kind, title, place, target, text, pages.folded_title, bm25(pages_fts, 8.0, 1.0) AS score,
            pages.rowid
        FROM pages_fts JOIN pages ON pages.rowid = pages_fts.rowid
        WHERE pages_fts MATCH ? ORDER BY score LIMIT ?
        """,
        (wanted, CANDIDATES),
    ).fetchall()


def _together(db: sqlite3.Connection, words: list[str]) -> set[int]:
    """The rows in which the words follow each other."""
    phrase = f'"{" ".join(words)}"*'
    return {row for (row,) in db.execute("SELECT rowid FROM pages_fts WHERE pages_fts MATCH ?", (phrase,))}


def _rank(words: list[str], row: tuple[Any, ...], together: bool) -> tuple[bool, bool, bool, bool, float]:
    """First what is called exactly this, then titles that hold all words, whole before begun, then the rest."""
    title = re.findall(r"[^\W_]+", row[5])
    whole = all(word in title for word in words)
    begun = all(any(part.startswith(word) for part in title) for word in words)
    # BM25 is negative: the further below 0, the better.
    return title != words, not whole, not begun, not together, float(row[6]) * WORTH.get(row[0], 1.0)


def snippet(text: str, words: list[str], width: int = SNIPPET) -> Iterator[tuple[str, bool]]:
    """The stretch of a text with the most of the words, in pieces; true for those that begin with one of them."""
    hits = _hits(text, words)
    best = max(range(len(hits)), key=lambda at: _different(hits, at, width * 2 // 3), default=0)
    begins, ends, _ = hits[best] if hits else (0, 0, 0)
    start = max(0, begins - width // 3)
    if start:
        start = text.find(" ", start, begins) + 1 or start
    end = min(len(text), start + width)
    if end < len(text):
        end = max(text.rfind(" ", start, end), ends) if " " in text[start:end] else end
    at = start
    yield ("…" if start else ""), False
    for first, last, _ in hits:
        if first < start:
            continue
        if last > end:
            break
        yield text[at:first].replace("\n", " "), False
        yield text[first:last], True
        at = last
    yield text[at:end].replace("\n", " ") + ("…" if end < len(text) else ""), False


def _different(hits: list[tuple[int, int, int]], at: int, reach: int) -> int:
    """How many different words are hit from a hit on, within so many characters."""
    near = takewhile(lambda hit: hit[1] <= hits[at][0] + reach, islice(hits, at, None))
    return len({word for _, _, word in near})


def _hits(text: str, words: list[str]) -> list[tuple[int, int, int]]:
    """Where words of a text begin with one that is looked for: first, after the last character, and which it is."""
    letters: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        becomes = folded_sign(sign)
        letters.append(becomes)
        places += [place] * len(becomes)
    # The longer first: a word that begins with both is the longer one.
    longest = sorted(set(words), key=len, reverse=True)
    pattern = "|".join("(" + word + r"[^\W_]*" * (len(word) > 1) + ")" for word in longest)
    found: list[tuple[int, int, int]] = []
    for match in re.finditer(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", "".join(letters)):
        first, last = places[match.start()], places[match.end() - 1] + 1
        if not found or first >= found[-1][1]:
            found.append((first, last, match.lastindex or 0))
    return found


if __name__ == "__main__":
    try:
        build(Path(sys.argv[1]), Path(sys.argv[2]))
    except (TutorError, OSError, sqlite3.Error) as error:
        sys.exit(f"{error}")
