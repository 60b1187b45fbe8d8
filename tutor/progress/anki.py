"""The question bank as an Anki deck, for those who review on a telephone; ids are the same in every export.

Formulas are LaTeX between Anki's own marks, so that its MathJax sets them. The schedule is Anki's: nothing of the
learner's progress goes along.
"""

from __future__ import annotations

import hashlib
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tutor.course.grade import present, rights
from tutor.course.load import is_written, load_chapter, load_questions
from tutor.course.model import Choice, Course, Question
from tutor.course.right_answer import right_answer
from tutor.errors import TutorError
from tutor.progress.transfer import keep_others, write_whole

MODEL = 1_607_392_319
"""Id of the kind of note; Anki recognises it by this."""
SEED = 0
"""Of the order in which choices are shown: the same in every export."""
CSS = ".card { font-family: sans-serif; font-size: 18px; text-align: left; max-width: 42em; margin: 0 auto; }"


def write_deck(content: Path, course: Course, path: Path, chapter: str | None = None) -> int:
    """Write the deck, whole or not at all, with a subdeck for each chapter; returns the number of notes.

    Raises TutorError without genanki, for a chapter that the course has not, when the file cannot be written, or when
    another file than a deck would be lost.
    """
    try:
        import genanki
    except ImportError:
        raise TutorError("this needs genanki: install the extra with pip install 'genai-tutor[anki]'") from None
    keep_others(path, b"PK", "an Anki deck")
    written = [stub for stub in course.chapters if is_written(content, stub.id)]
    chosen = [stub for stub in written if chapter in (None, stub.id)]
    if not chosen:
        raise TutorError(f"the course has no chapter {chapter!r}; it has {', '.join(stub.id for stub in written)}")
    model = genanki.Model(
        MODEL,
        "genai-tutor",
        fields=[{"name": "Question"}, {"name": "Answer"}, {"name": "Id"}],
        templates=[{"name": "Card", "qfmt": "{{Question}}", "afmt": "{{FrontSide}}<hr id=answer>{{Answer}}"}],
        css=CSS,
    )
    decks, count = [], 0
    for stub in chosen:
        deck = genanki.Deck(_number(stub.id), f"genai-tutor::{stub.number} {stub.title}")
        objectives = {objective.id for objective in load_chapter(content, stub.id).objectives}
        for question in load_questions(content, stub.id).values():
            fields = [front(question), back(question), html.escape(question.id)]
            tags = sorted(objectives & set(question.objectives))
            deck.add_note(genanki.Note(model, fields, guid=genanki.guid_for("genai-tutor", question.id), tags=tags))
            count += 1
        decks.append(deck)
    file = io.BytesIO()
    genanki.Package(decks).write_to_file(file, timestamp=0)
    write_whole(path, file.getvalue())
    return count


def _number(name: str) -> int:
    """An id that Anki takes, the same for the same name on every machine."""
    return int.from_bytes(hashlib.sha256(f"genai-tutor:{name}".encode()).digest()[:4], "big") | 1 << 30


def front(question: Question) -> str:
    """The question as HTML, with all that is to be chosen from, mixed as the tutor mixes it."""
    text = to_html(question.prompt)
    if question.choices:
        text += _listed([choice.text for choice in _shown(question)], "ol type=A")
    if question.items:
        texts = {line.id: line.text for line in question.items} | {line.id: line.text for line in question.distractors}
        text += _listed([texts[str(name)] for name in present(question, SEED)])
    if question.pairs:
        sides = rights(question)
        text += _listed([pair.left for pair in question.pairs]) + "<p>with:</p>"
        text += _listed([sides[int(at)] for at in present(question, SEED)])
    for gap in question.gaps:
        if gap.choices:
            # In the files the right one stands first.
            texts_of_gap = sorted((choice.text for choice in gap.choices), key=str.lower)
            text += f"<p>{html.escape(gap.name)}</p>" + _listed(texts_of_gap)
    return text


def back(question: Question) -> str:
    """The answer as HTML, and why."""
    parts = []
    right = [chr(65 + at) for at, choice in enumerate(_shown(question)) if choice.correct]
    if right:
        parts.append(f"<p><b>{', '.join(right)}</b></p>")
    parts += [to_html(paragraph) for paragraph in right_answer(question, wrong=True)]
    if question.pairs:
        parts.append(_listed([f"{pair.left} → {pair.right}" for pair in question.pairs]))
    if question.items and question.distractors:
        parts.append("<p>Nowhere:</p>" + _listed([line.text for line in question.distractors]))
    if question.type == "self_graded":
        parts.append(to_html(question.answer) + _listed(question.rubric))
    return "".join(parts) + "<hr>" + to_html(question.explanation)


def _shown(question: Question) -> list[Choice]:
    """The choices as they are shown."""
    return [question.choices[int(at)] for at in present(question, SEED)] if question.choices else []


def _listed(texts: Sequence[str], kind: str = "ul") -> str:
    lines = "".join(f"<li>{to_html(text)}</li>" for text in texts)
    return f"<{kind}>{lines}</{kind.partition(' ')[0]}>"


def to_html(markdown: str) -> str:
    """Markdown as HTML; `$…$` and `$$…$$` become what Anki's MathJax reads."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").use(dollarmath_plugin, double_inline=True)
    rules: dict[str, Any] = parser.renderer.rules  # type: ignore[attr-defined]
    for name, (left, right) in {
        "math_inline": (r"\(", r"\)"),
        "math_inline_double": (r"\[", r"\]"),
        "math_block": (r"\[", r"\]"),
    }.items():
        rules[name] = lambda tokens, at, options, env, left=left, right=right: (
            f"{left}{html.escape(tokens[at].content.strip(), quote=False)}{right}"
        )
    return str(parser.render(markdown))
