"""Two windows, one learner."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from terminal import learner
from terminal.driver import Terminal, wait_until

from tutor.progress import events


def test_two_tutors_on_one_home_both_answer_and_both_write(terminal: Callable[..., Terminal], home: Path) -> None:
    asked = ("la-linear-collapse", "la-attn-convex", "la-white-rotation")
    (quiz,) = learner.prepare(home, events.QuizStart(item="checkpoint:linear-algebra", questions=asked, seed=1))
    left, right = terminal(), terminal()
    for window in (left, right):
        window.start()
    # Both take the same quiz: each answers the first question, which is thus answered twice, and counts once.
    for window in (left, right):
        window.press("Enter")
        window.wait_for(learner.answerable(1))
    left.press("a")
    right.press("b")
    left.press("Enter")
    right.press("Enter")
    left.wait_for("✗ Wrong")
    right.wait_for("✓ Right")
    # One goes on with the quiz while the other turns pages, key by key.
    left.press("Enter")
    left.wait_for(learner.answerable(2))
    right.press("Escape")
    right.wait_for("m Map")
    right.press("Home")
    learner.choose(right, "SVD")
    right.wait_for(learner.readable(1))
    for page in range(2, 8):
        right.press("n")
        left.press("a" if page % 2 else "b")
        right.wait_for(learner.readable(page))
    left.press("Enter")
    left.wait_for("Next")
    screens = [left.quit(), right.quit()]
    assert all("exit code 0" in screen for screen in screens)

    rows = learner.log(home)
    answers = [
        (row[3], json.loads(row[4])["response"], json.loads(row[4])["quiz"]) for row in rows if row[2] == "answer"
    ]
    assert sorted(answers[:2]) == [("la-linear-collapse", "false", quiz), ("la-linear-collapse", "true", quiz)]
    assert [answer[0] for answer in answers[2:]] == ["la-attn-convex"]
    assert [json.loads(row[4])["page"] for row in learner.pages(rows, "svd")] == [1, 2, 3, 4, 5, 6, 7]
    learner.assert_sound(home)

    # Whoever opens it next goes on at the third question, and on page 7.
    left.start()
    learner.choose(left, "Checkpoint")
    left.wait_for(learner.answerable(3))
    left.press("Escape")
    left.wait_for("m Map")
    left.press("Home")
    left.wait_for("page 7 of 8")
    left.quit()


def test_both_see_what_the_other_has_done(terminal: Callable[..., Terminal], home: Path) -> None:
    left, right = terminal(), terminal()
    for window in (left, right):
        window.start()
    left.press("Enter")
    left.wait_for(learner.readable(1))
    left.press("n")
    left.wait_for(learner.readable(2))
    right.press("m")
    right.wait_for("How well")
    right.press("Escape")
    right.wait_for("page 2 of 4")
    wait_until(lambda: len(learner.log(home)) == 2)
    for window in (left, right):
        window.quit()
