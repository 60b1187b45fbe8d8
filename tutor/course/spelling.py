"""Spelling of the course's prose, against the words in `content/words.txt`.

The list holds every word that the course may use, in British spelling: one a line, in small letters unless it is
always written with a capital. Code, formulas, links, ids and names in capitals (SVD, ResNet) are left out.

`python -m tutor.course.spelling CONTENT` puts every unknown word into the list: for words that were looked at.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from tutor.course import markup
from tutor.course.load import ContentError, Problem, chapter_dir, load_chapter, load_course, read_bank, read_text
from tutor.course.model import Course, Question
from tutor.course.picture import load_picture, picture_path
from tutor.course.reference import KINDS, Confusion, Equation, Item, Paper, Term, read_shelf

SHORTEST = 3
"""Shorter words are mostly symbols, and are not looked at."""

_WEB = re.compile(r"https?://\S+|\]\([^)]*\)|<[^>\s]+>|\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ'’]+")
Place = tuple[Path, int, str]
"""A file, the line on which a text begins or its table does, and the text."""


def words_path(content: Path) -> Path:
    """The file with the known words."""
    return content / "words.txt"


@lru_cache(maxsize=4)
def known_words(content: Path) -> frozenset[str]:
    """The words of the list, those with a capital also as they are."""
    return frozenset(line.strip() for line in read_text(words_path(content)).splitlines() if line.strip())


def words_in(markdown: str) -> Iterator[str]:
    """The words of a text that are looked at, as they are written, without a possessive `'s`."""
    for match in _WORD.finditer(_WEB.sub(" ", markup.prose(markdown))):
        word = re.sub(r"['’]s?$", "", match[0].replace("’", "'"))
        inner = word[1:]
        if len(word) >= SHORTEST and _LATIN.fullmatch(word) and inner == inner.lower():
            yield word


_BEFORE = ("un", "non", "re", "pre", "sub")
_AFTER = ("s", "ly")


def is_known(word: str, known: frozenset[str]) -> bool:
    """Whether a word is in the list, or is one of it with a common beginning or end.

    A small letter may become a capital, never the other way round.
    """
    if word in known or (small := word.lower()) in known:
        return True
    before = (small.removeprefix(part) for part in _BEFORE if small.startswith(part))
    after = (end.removesuffix(part) for end in (word, small) for part in _AFTER if end.endswith(part))
    return any(len(stem) > SHORTEST and stem in known for stem in (*before, *after))


def misspelt(content: Path, course: Course) -> list[Problem]:
    """Every word of the prose that is not in the list, with the nearest ones; nothing when there is no list."""
    if not words_path(content).exists():
        return []
    known = known_words(content)
    found: list[Problem] = []
    for path, line, text in texts(content, course):
        unknown = {word for word in words_in(text) if not is_known(word, known)}
        found += [_problem(path, line, word, known) for word in sorted(unknown)]
    return found


def _problem(path: Path, line: int, word: str, known: frozenset[str]) -> Problem:
    near = get_close_matches(word.lower(), known, 3, 0.75)
    advice = f"; near are {', '.join(near)}" if near else ""
    at = _line_with(read_text(path), line, word)
    return Problem(str(path), at, f"“{word}” is not among the known words{advice}; mend it, or add it to words.txt")


def _line_with(text: str, line: int, word: str) -> int:
    """The first line from `line` on that holds a word."""
    pattern = re.compile(rf"(?<![^\W\d_]){re.escape(word).replace(chr(39), '[' + chr(39) + '’]')}(?![^\W\d_])")
    for number, row in enumerate(text.splitlines()[line - 1 :], line):
        if pattern.search(row):
            return number
    return line


def texts(content: Path, course: Course) -> Iterator[Place]:
    """All prose of the course; what cannot be read is left out, as others say what is wrong with it."""
    yield content / "course.toml", 1, "\n".join([course.title, *(week.focus for week in course.weeks)])
    for stub in course.chapters:
        folder = chapter_dir(content, stub.id)
        if folder is not None:
            yield from _chapter(content, stub.id, folder)
    for kind in KINDS:
        yield from _shelf(content, kind)
    try:
        for node in load_picture(content).nodes:
            yield picture_path(content), 1, f"{node.ideas}\n{node.gives}"
    except ContentError:
        return


def _chapter(content: Path, chapter_id: str, folder: Path) -> Iterator[Place]:
    try:
        chapter = load_chapter(content, chapter_id)
        told = "\n".join([chapter.title, chapter.why, *(objective.text for objective in chapter.objectives)])
        yield folder / "chapter.toml", 1, told
    except ContentError:
        return
    for lesson in chapter.lessons:
        path = folder / "lessons" / f"{lesson}.md"
        try:
            text = read_text(path)
        except ContentError:
            continue
        head, _, body = text.removeprefix("+++\n").partition("\n+++\n")
        title = re.search(r'^title = "(.*)"', head, re.MULTILINE)
        yield path, 1, title[1] if title else ""
        yield path, head.count("\n") + 3, body
    try:
        bank = read_bank(content, chapter_id)
    except ContentError:
        return
    for question in bank.questions.values():
        yield folder / "questions.toml", bank.lines[question.id], "\n\n".join(_question(question))


def _question(question: Question) -> Iterator[str]:
    from tutor.course.check_question import texts as told

    yield from told(question)


def _shelf(content: Path, kind: str) -> Iterator[Place]:
    try:
        shelf = read_shelf(content, kind)
    except ContentError:
        return
    for item, line in zip(shelf.items, shelf.lines, strict=True):
        yield shelf.path, line, "\n\n".join(_item(item))


def _item(item: Item) -> Iterator[str]:
    match item:
        case Equation():
            yield from (item.name, item.conditions, item.use, *(symbol.name for symbol in item.symbols))
        case Term():
            yield from (item.term, item.meaning)
        case Confusion():
            yield from (item.think, item.truth, item.test)
        case Paper():
            yield item.why  # names and titles are others' spelling
        case _:
            yield from (item.title, item.text)


def used_words(content: Path) -> Mapping[str, int]:
    """How often each word is used, for making the list and for looking at its rare ones."""
    found: dict[str, int] = {}
    for _, _, text in texts(content, load_course(content)):
        for word in words_in(text):
            found[word] = found.get(word, 0) + 1
    return found


def accept(content: Path) -> list[str]:
    """Put the words of the course that are not in the list into it, and return them."""
    known = known_words(content)
    used = used_words(content)
    unknown = [word for word in used if not is_known(word, known)]
    # A capital may be that of a sentence: where both are used, the small one stands for both.
    new = sorted({word.lower() if word.lower() in used else word for word in unknown})
    lines = sorted({*known, *new}, key=lambda word: (word.casefold(), word))
    words_path(content).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return new


if __name__ == "__main__":
    print("\n".join(accept(Path(sys.argv[1]))))
