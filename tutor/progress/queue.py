"""Which questions to ask now: what is due, a review's queue, practice beside it, and a checkpoint's selection."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tutor.course.load import is_written, load_chapter, load_questions
from tutor.course.model import Course, Question
from tutor.progress.review import LEECH_LAPSES, Card, interleave, interleaved, study_day
from tutor.progress.store import Store

REVIEW_SECONDS = 60.0
"""What a review takes as long as there are none to measure."""
EXPECTED = 5
"""Reviews that this counts for, so that one quick answer does not halve the minutes left."""
EARLIER_FROM = 3
"""Number of the chapter from which a checkpoint also asks about earlier ones."""
EARLIER_SHARE = 0.3
PLACEMENT_EACH = 2
"""Questions of a placement quiz on each objective."""
PLACEMENT_DIFFICULTY = range(4, 9)
"""Neither warm-ups nor questions for paper, as long as there are others."""
PLACEMENT_PASS = 0.8


@dataclass(frozen=True)
class Due:
    """What is due today, for a line on Today."""

    total: int
    """All that is due, however old."""
    offered: int
    """What is left of the day's cap for it."""
    reviewed: int
    """Reviews done today."""
    minutes: float
    """About how long the offered ones take, by the learner's own pace."""
    leeches: int
    """Questions to learn anew from their lesson."""
    tomorrow: int
    """What falls due tomorrow."""
    shown: int = 0
    """Of all that is due, what comes today only because its answer was shown."""


def today(store: Store) -> date:
    """The study day it is for the learner."""
    return study_day(store.now())


def due(store: Store) -> Due:
    """Count what is due; as fast with a long log as with a short one."""
    day = today(store)
    total = store.query("SELECT count(*) FROM cards WHERE due <= ? OR fresh", day.isoformat())[0][0]
    tomorrow = store.query(
        "SELECT count(*) FROM cards WHERE due = ?", date.fromordinal(day.toordinal() + 1).isoformat()
    )
    leeches = store.query("SELECT count(*) FROM cards WHERE lapses >= ?", LEECH_LAPSES)
    reviewed = _reviewed(store, day)
    offered = min(total, max(0, store.review_settings().cap - reviewed))
    shown = store.query("SELECT count(*) FROM cards WHERE fresh AND due > ?", day.isoformat())
    spent = offered * review_seconds(store) / 60
    return Due(total, offered, reviewed, spent, leeches[0][0], tomorrow[0][0], shown[0][0])


def _reviewed(store: Store, day: date) -> int:
    query = "SELECT count(DISTINCT question) FROM attempts WHERE day = ? AND source = 'review'"
    return int(store.query(query, day.isoformat())[0][0])


def review_seconds(store: Store) -> float:
    """What one review takes: the mean of the last fifty, three minutes at most each, and of a few as expected."""
    query = (
        "SELECT count(*), total(min(seconds, 180)) FROM "
        "(SELECT seconds FROM attempts WHERE source = 'review' AND seconds > 0 ORDER BY day DESC LIMIT 50)"
    )
    count, seconds = store.query(query)[0]
    return float((seconds + EXPECTED * REVIEW_SECONDS) / (count + EXPECTED))


def review_queue(store: Store, known: Collection[str] | None = None, limit: int | None = None) -> tuple[Card, ...]:
    """The cards to ask now, at most what is left of the day's cap; no two neighbours share an objective if avoidable.

    First come questions whose answer was shown, then what is most likely still known: of a pile that is too high for
    one day most is kept that way. `known` leaves out questions that are no longer in the course.
    """
    day = today(store)
    room = max(0, store.review_settings().cap - _reviewed(store, day)) if limit is None else limit
    rows = store.cards(
        "due <= ? OR fresh ORDER BY fresh DESC, (julianday(?) - julianday(day)) / stability, question",
        day.isoformat(),
        day.isoformat(),
    )
    return interleave([card for card in rows if known is None or card.question in known][:room])


def ahead_queue(store: Store, known: Collection[str] | None = None, limit: int = 20) -> tuple[Card, ...]:
    """Cards that are not due yet, the next ones first; ask them in the context `ahead`, which reschedules nothing."""
    rows = store.cards("due > ? AND NOT fresh ORDER BY due, question", today(store).isoformat())
    return interleave([card for card in rows if known is None or card.question in known][:limit])


def cram_queue(
    store: Store, chapter: str = "", known: Collection[str] | None = None, limit: int = 20
) -> tuple[Card, ...]:
    """Cards of a chapter or of all, the least likely known first; ask them in the context `cram`."""
    day = today(store).isoformat()
    rows = store.cards(
        "? IN ('', chapter) ORDER BY (julianday(?) - julianday(day)) / stability DESC, question", chapter, day
    )
    return interleave([card for card in rows if known is None or card.question in known][:limit])


def leeches(store: Store) -> tuple[Card, ...]:
    """Questions that were forgotten again and again; each is better learned anew from its lesson."""
    return tuple(store.cards("lapses >= ? ORDER BY lapses DESC, question", LEECH_LAPSES))


@dataclass(frozen=True)
class Selection:
    """Questions for a quiz, in the order they are asked."""

    questions: tuple[Question, ...]
    chapters: tuple[str, ...]
    """The chapter of each."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The questions' ids, as `start_quiz` takes them."""
        return tuple(question.id for question in self.questions)

    @property
    def objectives(self) -> tuple[str, ...]:
        """All that they test, as `start_quiz` takes it."""
        return tuple(sorted({name for question in self.questions for name in question.objectives}))


def select_checkpoint(content: Path, course: Course, chapter_id: str, seed: int) -> Selection:
    """A checkpoint from the chapter's bank: the guide's questions, every objective, the rest drawn by the seed.

    Drawn first are those of the list in `chapter.toml`, which no lesson has asked, and of them what was asked about
    least. It is about as long as that list.
    From chapter 3 on at least 30 % are about earlier chapters. Neighbours share no objective if that can be avoided.
    """
    chapter = load_chapter(content, chapter_id)
    bank = load_questions(content, chapter_id)
    rng = random.Random(f"{chapter_id}:{seed}")
    earlier = [stub.id for stub in course.chapters if stub.number < chapter.number and is_written(content, stub.id)] * (
        chapter.number >= EARLIER_FROM
    )
    size = len(chapter.checkpoint)
    back = math.ceil(EARLIER_SHARE * size) if earlier else 0
    chosen = [question for question in bank.values() if question.checkpoint]
    rest = [question for question in bank.values() if not question.checkpoint]
    rng.shuffle(rest)
    rest.sort(key=lambda question: question.id not in chapter.checkpoint)
    for objective in chapter.objectives:
        if not any(objective.id in question.objectives for question in chosen):
            chosen += [question for question in rest if objective.id in question.objectives][:1]
    while len(chosen) < size - back:
        asked = Counter(name for question in chosen for name in question.objectives)
        left = [question for question in rest if question not in chosen]
        if not left:
            break
        left = [question for question in left if question.id in chapter.checkpoint] or left
        chosen.append(min(left, key=lambda question: max((asked[name] for name in question.objectives), default=0)))
    picked = [(question, chapter_id) for question in chosen]
    # The share holds also when the guide's questions and the objectives have filled the size.
    back = math.ceil(EARLIER_SHARE / (1 - EARLIER_SHARE) * len(picked) - 1e-9) if earlier else 0
    rng.shuffle(earlier)
    pools = {  # no more banks are read than are drawn from
        name: [q for q in load_questions(content, name).values() if q.type != "self_graded"] for name in earlier[:back]
    }
    turns = itertools.islice(itertools.cycle(pools), back if pools else 0)
    picked += [(pools[name].pop(rng.randrange(len(pools[name]))), name) for name in turns if pools[name]]
    rng.shuffle(picked)
    return _ordered(picked)


def select_placement(content: Path, chapter_id: str, seed: int) -> Selection:
    """Two questions on each objective of a chapter, middling ones if it can be; none that the learner grades."""
    chapter = load_chapter(content, chapter_id)
    rng = random.Random(f"placement:{chapter_id}:{seed}")
    rest = [question for question in load_questions(content, chapter_id).values() if question.type != "self_graded"]
    rng.shuffle(rest)
    rest.sort(key=lambda question: question.difficulty not in PLACEMENT_DIFFICULTY)
    chosen: list[Question] = []
    for objective in chapter.objectives:
        about = [q for q in rest if objective.id in q.objectives and q not in chosen]
        chosen += about[:PLACEMENT_EACH]
    return _ordered([(question, chapter_id) for question in chosen])


def passes_placement(right: int, total: int) -> bool:
    """Whether a placement quiz says that the chapter can be skipped."""
    return total > 0 and right >= PLACEMENT_PASS * total


def _ordered(picked: Sequence[tuple[Question, str]]) -> Selection:
    order = interleaved([frozenset(question.objectives) for question, _ in picked])
    return Selection(tuple(picked[at][0] for at in order), tuple(picked[at][1] for at in order))
