"""The real application, driven by its keys as a learner drives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

from textual.app import App
from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import OptionList

from tutor import paths
from tutor.course.grade import rights
from tutor.course.load import load_course, load_questions
from tutor.course.model import Question
from tutor.progress.store import Store
from tutor.tui.app import TutorApp
from tutor.tui.screens.lab import LabScreen
from tutor.tui.screens.quiz import QuizScreen
from tutor.tui.screens.today import TodayScreen
from tutor.tui.widgets.answers import LETTERS, ChoiceAnswer, OrderAnswer, SelfGradedAnswer
from tutor.tui.widgets.chart_view import ChartView
from tutor.tui.widgets.match import MatchAnswer

S = TypeVar("S", bound=Screen[Any])

PATIENCE = 60.0
"""Seconds after which what is waited for will not come, however busy the machine is."""
REFRESH_SECONDS = 1 / 50
"""A little longer than Textual waits before it draws what has changed."""
CHAPTER = "linear-algebra"
COURSE = load_course(paths.content_dir())
BANK: dict[str, Question] = load_questions(paths.content_dir(), CHAPTER)


def screen_text(app: App[Any]) -> str:
    """What stands on the terminal, line by line."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


async def wait_for_idle(min_sleep: float = 0, max_sleep: float = 0) -> None:
    """Wait until the event loop has nothing to do, also after a refresh; in the place of Textual's own.

    That one waits until the process uses no processor, which one that has to wait for a processor does not either.
    """
    await _wait_until_none_is_ready()
    await asyncio.sleep(REFRESH_SECONDS)
    await _wait_until_none_is_ready()


async def _wait_until_none_is_ready() -> None:
    loop: Any = asyncio.get_running_loop()
    for _ in range(10_000):  # what is ready again and again is waited for with `until`
        await asyncio.sleep(0)
        if not loop._ready:
            return


class Learner:
    """Presses keys and looks at the screen."""

    def __init__(self, app: TutorApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.messages: list[str] = []
        """What was said in passing."""
        notify = app.notify

        def listening(message: str, **options: Any) -> None:
            self.messages.append(message)
            notify(message, **options)

        app.notify = listening  # type: ignore[method-assign]

    async def press(self, *keys: str) -> None:
        """Press keys one by one, each taken up before the next, and wait until the app is idle after the last one."""
        with patch("textual.app.wait_for_idle", self._taken_up):
            await self.pilot.press(*keys)
        await self.settle()

    async def _taken_up(self, min_sleep: float = 0) -> None:
        # A key goes from the app to the widget, what follows from it back to the app: a round for each.
        for _ in range(4):
            await self.pilot._wait_for_screen(PATIENCE)

    async def settle(self) -> None:
        """Wait until nothing is left to do: all messages are handled, and the screen is laid out."""
        if self.app.is_running:
            await self.pilot.pause()
        if self.app.is_running:
            await self.pilot.pause(0)

    async def until(self, condition: Callable[[], object], what: str = "in vain") -> None:
        """Wait for a condition; when it does not come, say what is on the screen instead."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    await self.pilot.pause(0.01)
        except TimeoutError:
            raise AssertionError(f"waited {what}; on the screen was\n{self.text}") from None

    @property
    def text(self) -> str:
        """The screen, line by line."""
        return screen_text(self.app)

    @property
    def words(self) -> str:
        """The screen with any white space as one blank, so that it does not matter where a line is broken."""
        return " ".join(self.text.split())

    def part(self, selector: str) -> str:
        """What a widget shows, white space as one blank; unlike `words` without what stands beside it."""
        region = self.app.screen.query_one(selector).content_region
        lines = self.text.splitlines()[region.y : region.bottom]
        return " ".join(" ".join(line[region.x : region.right] for line in lines).split())

    async def sees(self, *texts: str) -> None:
        """Wait until each of these has stood on the screen."""
        for text in texts:
            await self.until(lambda wanted=text: wanted in self.words, f"for {text!r}")  # type: ignore[misc]

    async def misses(self, text: str) -> None:
        """Wait until this no longer stands on the screen."""
        await self.until(lambda: text not in self.words, f"for {text!r} to go")

    async def hears(self, text: str) -> None:
        """Wait until a message says this."""
        await self.until(lambda: any(text in message for message in self.messages), f"to hear {text!r}")

    async def on(self, kind: type[S]) -> S:
        """Wait until a screen of this kind is on top, and return it."""
        await self.until(lambda: type(self.app.screen) is kind, f"for {kind.__name__}")
        await self.settle()
        screen = self.app.screen
        assert isinstance(screen, kind)
        return screen

    async def chooses(self, target: str) -> None:
        """Go to a step of Today with the arrows and open it."""
        await self.on(TodayScreen)
        steps = self.app.screen.query_one("#steps", OptionList)
        assert steps.highlighted is not None
        by = [option.id for option in steps.options].index(target) - steps.highlighted
        await self.press(*["down" if by > 0 else "up"] * abs(by), "enter")
        await self.until(lambda: not isinstance(self.app.screen, TodayScreen), f"for {target} to open")

    async def commands(self, query: str, first: str) -> None:
        """Open the command palette and type; wait until the best offer is this one, and take it."""
        await self.press("ctrl+p")
        palette = await self.on(CommandPalette)
        await self.press(*query)
        offers = palette.query_one(CommandList)
        await self.until(
            lambda: offers.option_count and first in str(offers.get_option_at_index(0).prompt), f"for {first!r}"
        )
        while self.app.screen is palette:
            await self.press("enter")

    async def leaves(self, *keys: str) -> None:
        """Press keys the last of which ends the app, and wait until it has ended."""
        await self.press(*keys)
        async with asyncio.timeout(PATIENCE):
            while self.app.is_running:
                await asyncio.sleep(0.01)


def charts(learner: Learner) -> list[ChartView]:
    """The charts on the screen, from the top left."""
    shown = [view for view in learner.app.screen.query(ChartView) if view.display and view.size.area]
    return sorted(shown, key=lambda view: (view.region.y, view.region.x))


async def drawn(learner: Learner, screen: LabScreen) -> list[str]:
    """Wait until every chart on the screen was drawn for the room it has; their ids."""

    def fits() -> bool:
        pictures = {} if screen.frame is None else screen.frame.pictures
        views = charts(learner)
        return {view.chart_id for view in views} == set(pictures) and all(
            len(pictures[view.chart_id]) == view.size.height
            and all(sum(len(text) for text, _ in line) <= view.size.width for line in pictures[view.chart_id])
            for view in views
        )

    await learner.until(fits, "for the charts")
    return [view.chart_id for view in charts(learner)]


def seed_quiz(*questions: str, context: str = f"checkpoint:{CHAPTER}", seed: int = 1) -> str:
    """Begin a quiz of these questions, as if it had been left before the first answer; its id."""
    with progress() as store:
        return store.start_quiz(context, questions, seed, chapter=CHAPTER)


async def open_quiz(learner: Learner) -> QuizScreen:
    """Open the checkpoint from Today and wait for its question."""
    await learner.chooses(f"checkpoint:{CHAPTER}")
    screen = await learner.on(QuizScreen)
    await asks(learner, screen)
    return screen


async def asks(learner: Learner, screen: QuizScreen) -> Question:
    """Wait until a question stands there to be answered, and return it."""

    def ready() -> bool:
        answer = screen.answer
        if answer is None or answer.question is not screen.question or screen.verdict is not None:
            return False
        return answer.has_focus_within

    await learner.until(ready, "for a question")
    await learner.settle()
    assert screen.question is not None
    return screen.question


def answer_keys(screen: QuizScreen, right: bool) -> list[str]:
    """The keys that answer the question that stands there, and hand it in."""
    question, answer = screen.question, screen.answer
    assert question is not None
    match answer:
        case ChoiceAnswer() if question.type == "true_false":
            return ["a" if (question.answer == "true") == right else "b", "enter"]
        case ChoiceAnswer():
            wanted = [at for at, choice in enumerate(question.choices) if choice.correct == right]
            letters = [LETTERS[answer.order.index(at)] for at in wanted]
            return [*(letters if right else letters[:1]), "enter"]
        case OrderAnswer():
            # As they are shown the lines are never in order.
            return [*(_sorting(answer.order, [item.id for item in question.items]) if right else []), "enter"]
        case SelfGradedAnswer():
            return [*"mine", "f2", *(LETTERS[: len(question.rubric)] if right else []), "enter"]
        case MatchAnswer():
            sides = [rights(question).index(pair.right) if right else 0 for pair in question.pairs]
            return [*(str(answer.order.index(side) + 1) for side in sides), "enter"]
        case _:
            return [*(question.answer if right else question.wrong[0].answer), "enter"]


def _sorting(shown: list[str], wanted: list[str]) -> list[str]:
    """Keys that carry each line to its place, from the top; the cursor stands on the first line."""
    keys: list[str] = []
    lines, cursor = list(shown), 0
    for place, line in enumerate(wanted):
        at = lines.index(line)
        if at == place:
            continue
        keys += ["down" if at > cursor else "up"] * abs(at - cursor)
        keys += ["space", *["up"] * (at - place), "space"]
        lines.insert(place, lines.pop(at))
        cursor = place
    return keys


@asynccontextmanager
async def learning(size: tuple[int, int] = (100, 34), *, host: bool = False) -> AsyncIterator[Learner]:
    """Open the app in a terminal of so many columns and rows; `host`: warm the lab host as usual, not when needed."""
    app = TutorApp(start_host=host)
    async with app.run_test(size=size) as pilot:
        learner = Learner(app, pilot)
        await learner.until(lambda: app.store_ready or app.failure, "for the store")
        try:
            yield learner
        finally:
            await app.host.aclose()


@contextmanager
def progress() -> Iterator[Store]:
    """The learner's progress, as another program would open it."""
    store = Store.open(paths.database())
    try:
        yield store
    finally:
        store.close()
