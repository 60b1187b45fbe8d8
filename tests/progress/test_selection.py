"""Which questions a checkpoint and a placement quiz ask."""

import itertools
import math

import pytest

from tutor import paths
from tutor.course.load import is_written, load_chapter, load_course, load_questions
from tutor.progress.queue import (
    EARLIER_FROM,
    EARLIER_SHARE,
    PLACEMENT_DIFFICULTY,
    PLACEMENT_EACH,
    Selection,
    passes_placement,
    select_checkpoint,
    select_placement,
)

CONTENT = paths.content_dir()
COURSE = load_course(CONTENT)
CHAPTERS = [stub for stub in COURSE.chapters if is_written(CONTENT, stub.id) and load_questions(CONTENT, stub.id)]


def meetings(chosen: Selection) -> int:
    pairs = itertools.pairwise(chosen.questions)
    return sum(bool(set(a.objectives) & set(b.objectives)) for a, b in pairs)


@pytest.mark.parametrize("stub", CHAPTERS, ids=lambda stub: stub.id)
@pytest.mark.parametrize("seed", range(3))
def test_a_checkpoint_covers_the_chapter_and_looks_back(stub, seed: int) -> None:  # type: ignore[no-untyped-def]
    chapter = load_chapter(CONTENT, stub.id)
    bank = load_questions(CONTENT, stub.id)
    chosen = select_checkpoint(CONTENT, COURSE, stub.id, seed)
    assert len(set(chosen.ids)) == len(chosen.ids)
    own = [q for q, of in zip(chosen.questions, chosen.chapters, strict=True) if of == stub.id]
    assert {name for name, q in bank.items() if q.checkpoint} <= {q.id for q in own}
    asked = {name for q in own for name in q.objectives}
    written = {name for q in bank.values() for name in q.objectives}
    assert {objective.id for objective in chapter.objectives} & written <= asked
    numbers = {other.id: other.number for other in COURSE.chapters}
    earlier = [of for of in chosen.chapters if numbers[of] < stub.number]
    assert len(own) + len(earlier) == len(chosen.ids)
    if stub.number >= EARLIER_FROM:
        assert len(earlier) >= EARLIER_SHARE * len(chosen.ids)
    else:
        assert not earlier
    assert len(chosen.ids) >= len(chapter.checkpoint)
    assert len(chosen.ids) <= len(chapter.checkpoint) + math.ceil(len(chapter.objectives) / (1 - EARLIER_SHARE))
    # What the lessons have not asked comes first; only an objective without such a question asks another one.
    kept = set(chapter.checkpoint)
    covered = {name for q in bank.values() if q.id in kept for name in q.objectives}
    assert all(q.id in kept or not covered >= set(q.objectives) for q in own)
    assert chosen.objectives == tuple(sorted({name for q in chosen.questions for name in q.objectives}))
    assert meetings(chosen) == 0
    assert chosen == select_checkpoint(CONTENT, COURSE, stub.id, seed)


def test_another_seed_asks_other_questions() -> None:
    found = {frozenset(select_checkpoint(CONTENT, COURSE, "optimization", seed).ids) for seed in range(6)}
    assert len(found) > 1


@pytest.mark.parametrize("stub", CHAPTERS, ids=lambda stub: stub.id)
def test_a_placement_quiz_asks_about_every_objective(stub) -> None:  # type: ignore[no-untyped-def]
    chosen = select_placement(CONTENT, stub.id, 1)
    bank = load_questions(CONTENT, stub.id)
    assert set(chosen.chapters) == {stub.id}
    assert len(set(chosen.ids)) == len(chosen.ids)
    for objective in load_chapter(CONTENT, stub.id).objectives:
        there = [q for q in bank.values() if objective.id in q.objectives and q.type != "self_graded"]
        assert sum(objective.id in q.objectives for q in chosen.questions) >= min(PLACEMENT_EACH, len(there))
    assert all(q.type != "self_graded" for q in chosen.questions)


@pytest.mark.parametrize("stub", CHAPTERS, ids=lambda stub: stub.id)
@pytest.mark.parametrize("seed", range(3))
def test_a_placement_quiz_asks_the_easiest_and_the_hardest_only_for_want_of_others(stub, seed: int) -> None:  # type: ignore[no-untyped-def]
    bank = load_questions(CONTENT, stub.id)
    middling = [q for q in bank.values() if q.difficulty in PLACEMENT_DIFFICULTY and q.type != "self_graded"]
    chosen = select_placement(CONTENT, stub.id, seed).questions
    for question in chosen:
        left = [{name for name in question.objectives if name in q.objectives} for q in middling if q not in chosen]
        assert question in middling or set().union(*left) != set(question.objectives)


def test_placement_is_passed_with_four_in_five() -> None:
    assert [passes_placement(right, 10) for right in (0, 7, 8, 10)] == [False, False, True, True]
    assert not passes_placement(0, 0)
