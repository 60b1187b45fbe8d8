"""What a real terminal shows: sizes, colours, and text of every kind."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import learner
from terminal.driver import PROMPT, Terminal, colours, wait_until

from tutor.progress import events

CHARTS = ("Digits at rank k", "Share of ‖X‖²", "Energy kept", "Singular values", "Jacobi: largest cosine")


def running_lab(terminal: Callable[..., Terminal], home: Path, **options: object) -> Terminal:
    """A terminal in which the lab of the digits runs, slowly."""
    learner.prepare(home, events.Prediction(item="svd-digits", value=0.5))
    window = terminal(**options)
    window.start()
    window.press("Enter")
    window.wait_for("Play")
    window.press("-", "-", "Space")
    window.wait_for("▶ running")
    return window


def fills(columns: int, rows: int, charts: int) -> Callable[[str], bool]:
    """Whether the lab is drawn over the whole of a screen of this size, with so many charts."""

    def filled(screen: str) -> bool:
        lines = screen.split("\n")[:-1]
        return (
            len(lines) == rows
            and lines[0].endswith("seed 0")
            and len(lines[0]) >= columns - 2
            and "Chart" in lines[-1] + "Chart" * (charts == len(CHARTS))
            and "Play" in lines[-1]
            and sum(chart in screen for chart in CHARTS) == charts
            # The knobs stand at the right edge, beside charts that are drawn up to them.
            and all(line[columns - 30 : columns - 29] == "│" for line in lines[1:5])
            and max(len(line[: columns - 31].rstrip()) for line in lines[1 : rows - 3]) >= 0.75 * (columns - 31)
        )

    return filled


def test_a_lab_that_runs_is_drawn_to_every_new_size(terminal: Callable[..., Terminal], home: Path) -> None:
    window = running_lab(terminal, home)
    tutor, processes = window.tutor(), set(window.processes())
    for columns, rows, charts in [(80, 24, 1), (60, 20, 1), (200, 60, 5), (20, 6, 0), (80, 24, 1)]:
        window.press("r")  # from its beginning, so that it runs however long this takes
        window.resize(columns, rows)
        if charts:
            window.wait_for(fills(columns, rows, charts))
        else:
            window.wait_for(lambda screen: "▶ running" in screen and len(max(screen.split("\n"), key=len)) <= 20)
    # It runs on: nothing was started anew, and keys are answered.
    assert (window.tutor(), set(window.processes())) == (tutor, processes)
    window.press("Space")
    window.wait_for("■ paused")
    assert "exit code 0" in window.quit()


def on_today(screen: str) -> bool:
    """Whether nothing lies over Today on a screen of 20 × 6."""
    return "q Quit" in screen and "─" not in screen


TOUR: list[tuple[str, str | Callable[[str], object]]] = [
    ("?", "Today"),
    ("Escape", on_today),
    ("m", "Foundations"),
    ("Escape", on_today),
    ("C-p", "Search"),
    ("Escape", on_today),
    ("Enter", "F1 Help"),  # a number
    ("7", "F1 Help"),
    ("F3", "Hint 1"),
    ("Enter", "✗ Wrong"),
    ("Enter", "question 2"),  # lines to be put in order
    ("Space", "question 2"),
    ("Down", "question 2"),
    ("Enter", "✗ Wrong"),
    ("Enter", "F1 Help"),  # free recall
    ("x", "F1 Help"),
    ("F2", "? Help"),
    ("Enter", "✗ Not yet"),
    ("l", "page 7"),
    ("n", "page 8"),
    ("o", "╭───"),
    ("Escape", "page 8"),
    ("Escape", "Esc Leave"),
]
"""Keys, and what is then to be seen on a screen of 20 × 6."""


def resized(window: Terminal, columns: int, rows: int) -> None:
    """Change the size, and wait until the tutor has drawn itself anew: a key before that belongs to the old size."""
    before = len(window.written())
    window.resize(columns, rows)
    wait_until(lambda: len(window.written()) > before)
    if rows > 1:
        # What it had been scrolled to may be elsewhere now; the keys are named at the foot of every screen.
        window.still(lambda screen: len(screen.split("\n")[rows - 1]) > 1)
    window.wait_until_idle()


def test_no_screen_minds_a_terminal_that_is_much_too_small(terminal: Callable[..., Terminal], home: Path) -> None:
    asked = ("la-null-space", "la-norms-order", "la-checkpoint-svd", "la-linear-collapse")
    learner.prepare(home, events.QuizStart(item="checkpoint:linear-algebra", questions=asked, seed=1))
    window = terminal(20, 6)
    window.start("q Quit")
    tutor = window.tutor()
    for key, wanted in TOUR:
        window.press(key)
        window.wait_for(wanted)
        if wanted == "question 2":
            # That it takes keys is seen only where there is room to name them.
            resized(window, 80, 24)
            window.wait_for(learner.answerable(2))
        resized(window, 1, 1)
        resized(window, 20, 6)
    window.resize(80, 24)
    window.wait_for(lambda screen: all(text in screen for text in ("question 3 of 4", "Try again")))
    assert window.tutor() == tutor
    assert "exit code 0" in window.quit()


def test_no_color_means_none_and_nothing_is_lost_by_it(terminal: Callable[..., Terminal], home: Path) -> None:
    asked = ("la-linear-collapse", "la-attn-convex")
    learner.prepare(home, events.QuizStart(item="lesson:svd", questions=asked, seed=1))
    learner.prepare(home, events.Page(item="svd", page=1, pages=8))
    learner.prepare(home, events.Prediction(item="svd-digits", value=0.5))
    window = terminal(120, 40, env={"NO_COLOR": "1"})
    window.start()
    # The lab: every series of a chart has a mark of its own in the legend.
    window.press("Enter")
    window.wait_for("Play")
    window.press("+", "+", "+", "Space")
    # The checks of a run stand there a moment after it has ended.
    checked = re.compile(r"✓ .*\n?.*theory")
    done = window.wait_for(lambda screen: "✓ done" in screen and checked.search(screen))
    legend = done.partition("Share of ‖X‖²")[2].partition("┤")[0]
    marks = re.findall(r"([^\w\s│]{2,3}) (?:theory|random directions|measured|held out|your prediction)", legend)
    assert len(marks) == len(set(marks)) == 5
    # The shades of the digits are characters.
    assert set("░▒▓█") & set(done.partition("Digits at rank k")[2].partition("what is left")[0])
    window.press("Escape")
    window.wait_for("m Map")
    # The question: verdict by sign and word.
    learner.choose(window, "SVD: the directions that matter")
    window.wait_for(learner.readable(1))
    window.press("a")
    window.wait_for(learner.answerable(1))
    window.press("a", "Enter")
    assert "◉ t True" in window.wait_for("✗ Wrong")
    window.press("Enter")
    window.wait_for(learner.answerable(2))
    window.press("a", "Enter")
    window.wait_for(re.compile("✓ Right|✗ Wrong").search)
    window.quit()
    assert colours(window.written()) == []


def test_with_colours_there_are_some_dark_or_light(terminal: Callable[..., Terminal], home: Path) -> None:
    # The test without colours could otherwise not fail.
    window = terminal()
    window.start()
    assert ground(window) < 60
    window.press("t")
    wait_until(lambda: ground(window) > 200)
    window.quit()
    window.start()
    assert ground(window) > 200
    window.quit()


def ground(window: Terminal) -> int:
    """How light the ground is on which most is written, 0 to 255."""
    reds = [int(red) for red in re.findall(r"48;2;(\d+);", window.styled())]
    return max(set(reds), key=reds.count)


PARAGRAPH = "[/bold] [red]σ² ≥ 0[/] 👩‍🔬 דוגמה مثال 日本語 é ̈x {x} $y$ `z` \\[b] "
"""Markup, an emoji of several code points, text from right to left, wide characters, a combining mark."""


def test_pasted_text_of_every_kind_is_kept_as_it_is(terminal: Callable[..., Terminal], home: Path) -> None:
    asked = ("la-checkpoint-svd", "la-null-space")
    (quiz,) = learner.prepare(home, events.QuizStart(item="checkpoint:linear-algebra", questions=asked, seed=1))
    key = f"quiz:{quiz}:la-checkpoint-svd"
    text = "\n".join(f"{n}: {PARAGRAPH}" for n in range(60))
    assert len(text.encode()) > 5000
    window = terminal()
    window.start()
    window.press("Enter")
    window.wait_for(learner.answerable(1))
    window.type("before ")
    window.paste(text)
    window.type("after")
    window.wait_for("after")
    wait_until(lambda: learner.draft(home, key).endswith('after", "compared": false, "ticked": []}'))
    kept = learner.typed(home, key)
    assert kept == f"before {text}after"

    window.kill()
    window.start()
    window.press("Enter")
    window.wait_for(learner.answerable(1))
    window.wait_for("after")
    window.type("!")
    wait_until(lambda: learner.typed(home, key) == f"{kept}!")
    window.press("F2")
    window.wait_for("Model answer")
    window.press("a", "Enter")
    window.wait_for("Not yet")
    # A line that is no number is said to be none, and quoted as it is.
    window.press("Enter")
    window.wait_for(learner.answerable(2))
    window.paste("[/bold] 12\nsecond line")
    window.wait_for("[/bold] 12")
    window.press("Enter")
    window.wait_for("It does not")
    assert [row[2] for row in learner.log(home)] == ["quiz_start", "answer"]
    assert "exit code 0" in window.quit()
    assert "MarkupError" not in window.written()


def test_keys_that_arrive_at_once_are_done_in_order(terminal: Callable[..., Terminal], home: Path) -> None:
    window = running_lab(terminal, home)
    window.press(*["Right"] * 12)
    window.wait_for(re.compile(r"│ k +32$", re.M).search)
    window.press("Escape")
    window.wait_for("m Map")
    window.press("Home", "Down", "Down", "Down", "Enter")
    window.wait_for("1.1 Low rank")
    window.quit()


@pytest.mark.full
def test_a_running_lab_can_be_stopped_at_any_moment(terminal: Callable[..., Terminal], home: Path) -> None:
    window = running_lab(terminal, home)
    pid = window.tutor()
    rng = random.Random(0)
    for _ in range(40):
        time.sleep(rng.uniform(0, 0.1))  # a random moment of a frame
        os.kill(pid, signal.SIGTSTP)
        window.wait_for(lambda screen: "Stopped" in screen and screen.rstrip().endswith(PROMPT))
        window.type("fg")
        window.press("Enter")
        window.wait_for("Space Play")
        window.press("r", "Space")
    window.quit()


@pytest.mark.parametrize("keys", [3, pytest.param(40, marks=pytest.mark.full)])
def test_hints_asked_for_at_once_are_all_shown(terminal: Callable[..., Terminal], home: Path, keys: int) -> None:
    rng = random.Random(keys)
    asked = ("la-null-space",)
    learner.prepare(home, events.QuizStart(item="checkpoint:linear-algebra", questions=asked, seed=rng.randrange(99)))
    window = terminal()
    window.start()
    window.press("Enter")
    window.wait_for(learner.answerable(1))
    window.press(*["F3"] * keys)
    window.wait_for("Hint 3")
    wait_until(lambda: [row[2] for row in learner.log(home)].count("hint") == 3)
    window.quit()
    assert [row[4] for row in learner.log(home) if row[2] == "hint"] == [f'{{"number":{n}}}' for n in (1, 2, 3)]
