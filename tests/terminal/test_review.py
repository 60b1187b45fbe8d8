"""Kill −9 in the middle of a review: it goes on at the keystroke, and no answer is lost or counted twice."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from terminal import learner
from terminal.driver import Terminal

from tutor import paths
from tutor.course.load import load_questions
from tutor.progress import events
from tutor.progress.store import Store, local_now

CHAPTER = "linear-algebra"
ASKED = [
    question
    for question in load_questions(paths.content_dir(), CHAPTER).values()
    if question.type == "numeric" and "[" not in question.answer
][:3]


def due(home: Path) -> None:
    """Three numbers that were asked for five days ago."""
    store = Store.open(home / "progress.db", lambda: local_now() - timedelta(days=5))
    try:
        for question in ASKED:
            answer = events.Answer(
                item=question.id,
                response=question.answer,
                outcome="right",
                score=1.0,
                context="lesson:x",
                quiz="",
                objectives=question.objectives,
            )
            store.record(answer, chapter=CHAPTER, seconds=20)
    finally:
        store.close()


def half(screen: str) -> str:
    text = "\n".join(learner.box(screen)).strip()
    return "" if text.startswith("a number: ") else text


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(2, 10))])
def test_a_review_goes_on_at_the_keystroke(terminal: Callable[..., Terminal], home: Path, seed: int) -> None:
    rng = random.Random(seed)
    due(home)
    window = terminal()
    typed = "".join(rng.choice("0123456789") for _ in range(rng.randint(3, 12)))
    window.start("reviews")
    window.press("Enter")
    window.wait_for(learner.answerable(1))
    window.type(typed)
    time.sleep(rng.uniform(0, 0.1))  # a random moment of the work on these keys
    seen = half(window.screen())
    window.kill()

    window.start("reviews")
    window.press("Enter")
    window.wait_for(learner.answerable(1))
    back = half(window.screen())
    assert typed.startswith(back)
    assert len(back) >= len(seen)
    # Killed at a random moment after an answer was handed in: it is in the log once or, unseen, not at all.
    window.press("Enter")
    time.sleep(rng.uniform(0, 0.1))
    judged = "Again" in window.screen() or "Good" in window.screen()
    window.kill()
    given = [row for row in learner.log(home) if row[2] == "answer"][len(ASKED) :]
    assert len(given) <= 1
    assert given or not judged
    learner.assert_sound(home)

    window.start("reviews")
    window.press("Enter")
    window.wait_for(learner.answerable(1 + len(given)))
    window.quit()
    after = [row for row in learner.log(home) if row[2] == "answer"][len(ASKED) :]
    assert after == given
    starts = [json.loads(row[4]) for row in learner.log(home) if row[2] == "quiz_start"]
    assert len(starts) == 1, "it is one review"
    learner.assert_sound(home)
