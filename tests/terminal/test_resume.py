"""Killed at any moment, the tutor comes back to the same page, item and half-typed text."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest
from terminal import learner
from terminal.driver import START, Terminal, wait_until
from terminal.learner import CHAPTER, Row

from tutor import paths
from tutor.course.grade import present
from tutor.course.load import load_chapter, load_lesson, load_questions
from tutor.course.markup import plain
from tutor.course.model import Lesson, Question
from tutor.labs import registry
from tutor.progress import events

ROWS = 50
"""So many that every question is on the screen as a whole."""
LETTERS = "abcdefgh"
CHECKPOINT = "Checkpoint"


@cache
def questions() -> dict[str, Question]:
    return load_questions(paths.content_dir(), CHAPTER)


@cache
def lesson(lesson_id: str) -> Lesson:
    return load_lesson(paths.content_dir(), CHAPTER, lesson_id)


class Moment:
    """Something a learner is in the middle of.

    `states` holds what the screen shows after each key of `act`, from before the first to after the last. What comes
    back must be one of them, and none from before the one that was last seen.
    """

    states: Sequence[object]
    beyond: Sequence[object] = ()
    """What else the screen may show at the moment of the kill."""

    def __init__(self, rng: random.Random, place: str) -> None:
        self.rng = rng
        self.place = place

    @classmethod
    def fits(cls, place: str) -> bool:
        """Whether it can happen in this lesson, or in the checkpoint."""
        return place != CHECKPOINT

    def prepare(self, home: Path) -> None:
        """Write into the log what has to be there before."""

    def reach(self, terminal: Terminal) -> None:
        """Go from Today to where it happens."""
        learner.choose(terminal, lesson(self.place).head.title)

    def act(self, terminal: Terminal) -> None:
        """Press the keys, without a look at the screen."""
        raise NotImplementedError

    def shown(self, screen: str) -> object:
        """Which state the screen shows."""
        raise NotImplementedError

    def leave(self, terminal: Terminal) -> None:
        """Go back to Today."""
        terminal.press("Escape")
        terminal.wait_for("m Map")

    def resume(self, terminal: Terminal, seen: object) -> None:
        """After the restart: hold what came back against what was last seen."""
        back = self.shown(terminal.screen())
        assert back in self.states[self.states.index(seen) :], f"{back!r}, though {seen!r} had been seen: {self.states}"

    def look_at_log(self, rows: list[Row], seen: object) -> None:
        """Hold the log at the moment of the kill against what was last seen."""


class Reading(Moment):
    """Pages turned in a hurry."""

    def prepare(self, home: Path) -> None:
        total = len(lesson(self.place).pages)
        self.states = [total // 2]
        learner.prepare(home, events.Page(item=self.place, page=total // 2, pages=total))

    def reach(self, terminal: Terminal) -> None:
        super().reach(terminal)
        terminal.wait_for(lambda screen: self.shown(screen) in self.states and learner.is_drawn(screen))

    def act(self, terminal: Terminal) -> None:
        total = len(lesson(self.place).pages)
        walk, keys = [total // 2], []
        for _ in range(self.rng.randint(1, 8)):
            forward = walk[-1] == 1 or (walk[-1] < total and self.rng.random() < 0.6)
            keys.append("n" if forward else "p")
            walk.append(walk[-1] + (1 if forward else -1))
        self.states = walk
        terminal.press(*keys)

    def shown(self, screen: str) -> object:
        found = re.search(r"page (\d+) of", screen)
        return int(found[1]) if found else None

    def look_at_log(self, rows: list[Row], seen: object) -> None:
        turned = [json.loads(row[4])["page"] for row in learner.pages(rows, self.place)]
        # What was prepared, then opening the lesson, then every page of the walk that was reached.
        assert turned == [self.states[0], *self.states][: len(turned)]
        assert seen in turned


class Running(Reading):
    """Code of a lesson that runs; loading PyTorch takes its time."""

    @staticmethod
    def slow_pages(lesson_id: str) -> list[int]:
        return [at for at, text in enumerate(lesson(lesson_id).pages, 1) if "python run\nimport torch" in text]

    @classmethod
    def fits(cls, place: str) -> bool:
        return super().fits(place) and bool(cls.slow_pages(place))

    def prepare(self, home: Path) -> None:
        page, total = self.rng.choice(self.slow_pages(self.place)), len(lesson(self.place).pages)
        self.states = [page]
        learner.prepare(home, events.Page(item=self.place, page=page, pages=total))

    def act(self, terminal: Terminal) -> None:
        terminal.press("r")
        terminal.wait_for("running")

    def leave(self, terminal: Terminal) -> None:
        if "Stop" in learner.footer(terminal.screen()):
            terminal.press("Escape")
            # It stops the code; when that has ended by itself in the meantime, it leaves.
            if "m Map" in terminal.wait_for(lambda screen: "Stopped" in screen or "m Map" in screen):
                return
            terminal.wait_for(lambda screen: "Back" in learner.footer(screen))
        super().leave(terminal)


class Answering(Moment):
    """A question, half answered, in the practice of a lesson or in the checkpoint."""

    type: ClassVar[str]
    more = ("la-linear-collapse",)

    @classmethod
    def fits(cls, place: str) -> bool:
        return True

    def prepare(self, home: Path) -> None:
        fitting = [item for item in questions().values() if item.type == self.type and item.id not in self.more]
        # Where lines belong nowhere, a divider is among the rows.
        fitting = [item for item in fitting if not item.distractors]
        self.question = self.rng.choice(sorted(fitting, key=lambda item: item.id))
        self.seed = self.rng.randrange(2**31)
        asked = (self.question.id, *self.more)
        context = f"checkpoint:{CHAPTER}" if self.place == CHECKPOINT else f"lesson:{self.place}"
        (self.quiz,) = learner.prepare(home, events.QuizStart(item=context, questions=asked, seed=self.seed))

    def reach(self, terminal: Terminal) -> None:
        if self.place == CHECKPOINT:
            learner.choose(terminal, CHECKPOINT)
        else:
            super().reach(terminal)
            terminal.wait_for(lambda screen: "Quiz" in learner.footer(screen))
            terminal.press("a")
        self.wait_for_question(terminal)

    def wait_for_question(self, terminal: Terminal) -> None:
        terminal.wait_for(learner.answerable(1))

    def leave(self, terminal: Terminal) -> None:
        if self.place != CHECKPOINT:
            terminal.press("Escape")
            terminal.wait_for(lambda screen: "Quiz" in learner.footer(screen))
        super().leave(terminal)

    def look_at_log(self, rows: list[Row], seen: object) -> None:
        assert not self.answers(rows)

    def answers(self, rows: list[Row]) -> list[Row]:
        return [row for row in rows if row[2] == "answer" and json.loads(row[4])["quiz"] == self.quiz]


class Choosing(Answering):
    """Options marked by letters."""

    def act(self, terminal: Terminal) -> None:
        letters = "tf" if self.type == "true_false" else LETTERS[: len(self.question.choices)]
        marked: set[str] = set()
        self.states = [frozenset(marked)]
        keys = [self.rng.choice(letters) for _ in range(self.rng.randint(1, 6))]
        for key in keys:
            marked = marked ^ {key} if self.type == "multiple_choice" else {key}
            self.states.append(frozenset(marked))
        terminal.press(*keys)

    def shown(self, screen: str) -> object:
        return frozenset(letter for mark, letter in re.findall(r"^\s+([○◉☐☑]) ([a-ht]) ", screen, re.M) if mark in "◉☑")


class SingleChoice(Choosing):
    type = "single_choice"


class MultipleChoice(Choosing):
    type = "multiple_choice"


class TrueFalse(Choosing):
    type = "true_false"
    more = ("la-attn-mix",)


class Ordering(Answering):
    """Lines carried up and down."""

    type = "order"

    def prepare(self, home: Path) -> None:
        super().prepare(home)
        self.texts = {item.id: plain(item.text) for item in self.question.items}
        self.states = [tuple(str(item) for item in present(self.question, self.seed))]

    def act(self, terminal: Terminal) -> None:
        order, at, carried = list(self.states[0]), 0, False  # type: ignore[call-overload]
        states, keys = [tuple(order)], []
        for _ in range(self.rng.randint(2, 9)):
            key = self.rng.choice(["Space", "Down", "Up"]) if keys else "Space"
            to = at + {"Space": 0, "Down": 1, "Up": -1}[key]
            if not 0 <= to < len(order):
                continue  # without a load the mark would go round
            if key == "Space":
                carried = not carried
            elif carried:
                order[at], order[to] = order[to], order[at]
            at = to
            keys.append(key)
            states.append(tuple(order))
        self.states = states
        terminal.press(*keys)

    def shown(self, screen: str) -> object:
        rows = re.findall(r"^ {3}[ ↕✗] \d (\S.*)$", screen, re.M)
        return tuple(next((name for name, text in self.texts.items() if text.startswith(row)), "") for row in rows)


class Typing(Answering):
    """Text typed into a line."""

    alphabet: ClassVar[str]

    def act(self, terminal: Terminal) -> None:
        text = "".join(self.rng.choice(self.alphabet) for _ in range(self.rng.randint(1, 40)))
        self.states = [text[:end] for end in range(len(text) + 1)]
        terminal.type(text)

    def shown(self, screen: str) -> object:
        text = "\n".join(learner.box(screen)).rstrip()
        return "" if text.startswith(("a number: ", "a formula in ")) else text

    def resume(self, terminal: Terminal, seen: object) -> None:
        super().resume(terminal, seen)
        before = str(self.shown(terminal.screen()))
        terminal.type("7")
        # It is appended; an end of line that came back cannot be seen before.
        terminal.wait_for(lambda screen: str(self.shown(screen)) in {f"{before}7", f"{before}\n7"})


class Numeric(Typing):
    type = "numeric"
    alphabet = "0123456789.+-*/()[]√π%"


class Formula(Typing):
    type = "expression"
    alphabet = "abdnk0123456789.+-*/^()[]"


class Recalling(Typing):
    """An answer in one's own words, over several lines."""

    type = "self_graded"
    alphabet = "abcdefgh[/]{}$"

    def act(self, terminal: Terminal) -> None:
        text = ""
        for _ in range(self.rng.randint(1, 4)):
            line = "".join(self.rng.choice(self.alphabet) for _ in range(self.rng.randint(1, 30)))
            terminal.type(line)
            terminal.press("Enter")
            text += f"{line}\n"
        terminal.type("end")
        text += "end"
        self.states = [text[:end].rstrip() for end in range(len(text) + 1)]

    def shown(self, screen: str) -> object:
        return "\n".join(learner.box(screen)).rstrip()


class Comparing(Answering):
    """One's own words, the model answer beside them, and points ticked."""

    type = "self_graded"
    text = "[/bold] in my own words"

    def act(self, terminal: Terminal) -> None:
        terminal.type(self.text)
        terminal.press("F2")
        terminal.wait_for("Hand in")
        ticked: set[str] = set()
        keys = [self.rng.choice(LETTERS[: len(self.question.rubric)]) for _ in range(self.rng.randint(1, 6))]
        self.states = [(self.text, frozenset())]
        for key in keys:
            ticked = ticked ^ {key}
            self.states.append((self.text, frozenset(ticked)))
        terminal.press(*keys)

    def shown(self, screen: str) -> object:
        ticked = re.findall(r"^\s+☑ ([a-h]) ", screen, re.M)
        return "".join(learner.box(screen)[:1]), frozenset(ticked)


class HandingIn(Typing):
    """An answer handed in at the moment of the kill: either it is in the log, or it is still there to be handed in."""

    type = "numeric"
    alphabet = "23456789"
    beyond = ("handed in",)

    def act(self, terminal: Terminal) -> None:
        super().act(terminal)
        terminal.press("Enter")
        self.text = self.states[-1]

    def shown(self, screen: str) -> object:
        return super().shown(screen) if "question 1 of" in screen else "handed in"

    def look_at_log(self, rows: list[Row], seen: object) -> None:
        self.answered = self.answers(rows)
        assert len(self.answered) <= 1
        for row in self.answered:
            assert json.loads(row[4])["response"] == self.text
            self.states = [*self.states, "handed in"]

    def wait_for_question(self, terminal: Terminal) -> None:
        terminal.wait_for(learner.answerable(2 if getattr(self, "answered", []) else 1))

    def resume(self, terminal: Terminal, seen: object) -> None:
        if not self.answered:
            super().resume(terminal, seen)


class Playing(Moment):
    """A lab that runs, a knob turned in it."""

    lab = "svd-digits"

    def prepare(self, home: Path) -> None:
        learner.prepare(home, events.Prediction(item=self.lab, value=0.5))

    def reach(self, terminal: Terminal) -> None:
        learner.choose(terminal, registry.get(self.lab).title)
        terminal.wait_for(lambda screen: "step 0/" in screen and "Play" in learner.footer(screen))

    def act(self, terminal: Terminal) -> None:
        turns = self.rng.randint(0, 12)
        self.states = list(range(20, 21 + turns))
        terminal.press("Space")
        terminal.wait_for("▶ running")
        terminal.press(*["Right"] * turns)

    def shown(self, screen: str) -> object:
        found = re.search(r"│ k +(\d+)", screen)
        return int(found[1]) if found else None

    def look_at_log(self, rows: list[Row], seen: object) -> None:
        kinds = [row[2] for row in rows if row[3] == self.lab]
        # A run is recorded when it ends or is left.
        assert kinds in (["prediction"], ["prediction", "lab_run"])


class Predicting(Typing):
    """A prediction, half typed."""

    lab = "whitening"
    alphabet = "0123456789.[/]"

    def prepare(self, home: Path) -> None:
        pass

    def reach(self, terminal: Terminal) -> None:
        learner.choose(terminal, registry.get(self.lab).title)
        terminal.wait_for(lambda screen: "step 0/" in screen and "Play" in learner.footer(screen))
        terminal.press("Space")
        terminal.wait_for("Predict first")

    def leave(self, terminal: Terminal) -> None:
        terminal.press("Escape")
        terminal.wait_for(lambda screen: "Predict first" not in screen)
        Moment.leave(self, terminal)

    def shown(self, screen: str) -> object:
        text = "".join(row for row in learner.box(screen))
        return "" if text.startswith("a number from") else text

    def look_at_log(self, rows: list[Row], seen: object) -> None:
        assert not [row for row in rows if row[2] == "prediction"]


EVERY: list[type[Moment]] = [
    *(SingleChoice, MultipleChoice, TrueFalse, Numeric, Formula, Ordering, Recalling, Comparing, HandingIn),
    *(Reading, Running, Playing, Predicting),
]
HANDS: list[list[type[Moment]]] = [
    [SingleChoice, Running],
    [MultipleChoice, Playing],
    [TrueFalse, Ordering],
    [Formula, Recalling],
    [Numeric, Reading],
]
"""What the learner is in the middle of at each of the first kills; at the last one of a hand the tutor is killed."""
KILLS = 60


def dealt(kill: int, rng: random.Random) -> list[Moment]:
    hand = HANDS[kill] if kill < len(HANDS) else rng.sample(EVERY, rng.randint(1, 3))
    free = [*load_chapter(paths.content_dir(), CHAPTER).lessons, CHECKPOINT]
    rng.shuffle(free)
    free.sort(key=CHECKPOINT.__ne__)  # it is nearer to Today than the questions of a lesson
    places: dict[type[Moment], str] = {}
    for make in sorted(hand, key=lambda make: sum(map(make.fits, free))):
        places[make] = next(place for place in free if make.fits(place))
        free.remove(places[make])
    return [make(rng, places[make]) for make in hand]


@pytest.mark.parametrize(
    "kill", [pytest.param(kill, marks=pytest.mark.full if kill >= len(HANDS) else ()) for kill in range(KILLS)]
)
def test_after_kill_9_everything_is_as_it_was_on_the_screen(
    terminal: Callable[..., Terminal], home: Path, kill: int
) -> None:
    rng = random.Random(kill)
    moments = dealt(kill, rng)
    for moment in moments:
        moment.prepare(home)
    window = terminal(rows=ROWS)
    window.start()
    seen: list[object] = []
    for moment in moments[:-1]:
        moment.reach(window)
        moment.act(window)
        window.wait_for(lambda screen, moment=moment: moment.shown(screen) == moment.states[-1])
        seen.append(moment.states[-1])
        moment.leave(window)
    last = moments[-1]
    last.reach(window)
    last.act(window)
    time.sleep(rng.uniform(0, 0.2))  # a random moment of the work on these keys
    # Of a screen that is drawn in part another look is taken.
    looks = {*last.states, *last.beyond}
    seen.append(last.shown(window.wait_for(lambda screen: last.shown(screen) in looks)))
    window.kill()

    rows = learner.log(home)
    for moment, what in zip(moments, seen, strict=True):
        moment.look_at_log(rows, what)
    learner.assert_sound(home)

    window.start()
    for moment, what in zip(moments, seen, strict=True):
        moment.reach(window)
        moment.resume(window, what)
        moment.leave(window)
    assert "exit code 0" in window.quit()

    after = learner.log(home)
    assert after[: len(rows)] == rows
    # Coming back writes only that the lessons on the way were opened again, where they had been left.
    for row in after[len(rows) :]:
        assert row[2] == "page"
        assert row[4] == learner.pages(rows, row[3])[-1][4]
    learner.assert_sound(home)


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.full)])
def test_killed_while_it_opens_it_opens_again(terminal: Callable[..., Terminal], home: Path, kills: int) -> None:
    rng = random.Random(kills)
    window = terminal()
    for _ in range(kills):
        window.type(START)
        window.press("Enter")
        window.tutor()
        time.sleep(rng.uniform(0, 1))  # a random moment of opening
        window.kill()
    today = window.start()
    assert "starts Matrices" in today
    assert "exit code 0" in window.quit()
    assert learner.log(home) == []
    learner.assert_sound(home)


def test_a_second_try_comes_back_too(terminal: Callable[..., Terminal], home: Path) -> None:
    asked = ("la-null-space", "la-linear-collapse")
    learner.prepare(home, events.QuizStart(item=f"checkpoint:{CHAPTER}", questions=asked, seed=1))
    window = terminal()
    window.start()
    window.press("Enter")
    window.wait_for(learner.answerable(1))
    window.type("64")
    window.press("Enter")
    window.wait_for(lambda screen: "✗ Wrong" in screen and "Next" in learner.footer(screen))
    window.press("r")
    window.wait_for(lambda screen: "✗ Wrong" not in screen and learner.answerable(1)(screen))
    window.type("+1")
    window.wait_for(lambda screen: learner.box(screen) == ["64+1"])
    rows = learner.log(home)
    window.kill()

    window.start()
    window.press("Enter")
    screen = window.wait_for(re.compile("question [12] of 2(.|\n)*Hand in").search)
    assert "question 1 of 2" in screen
    assert learner.box(screen) == ["64+1"]
    window.quit()
    assert learner.log(home) == rows


def test_the_place_within_a_page_comes_back(terminal: Callable[..., Terminal], home: Path) -> None:
    learner.prepare(home, events.Page(item="svd", page=2, pages=8))
    window = terminal()
    window.start()
    window.press("Enter")
    top = window.wait_for(learner.readable(2))
    window.press("End")
    wait_until(lambda: learner.draft(home, "scroll:svd") not in {"", "2:0"})
    end = window.still(lambda screen: screen != top)
    window.kill()

    window.start()
    window.press("Enter")
    window.wait_for(lambda screen: screen == end)
    window.quit()
