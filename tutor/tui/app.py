"""The application: opens the store and the lab host after the first paint, and carries targets to screens."""

from __future__ import annotations

import asyncio
import select
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, Key, MouseDown, MouseScrollDown, MouseScrollUp, Resize
from textual.filter import Monochrome, NoColor
from textual.geometry import Size
from textual.reactive import var
from textual.screen import Screen

from tutor import paths
from tutor.course.load import load_course
from tutor.course.model import ChapterStub, Course, Week
from tutor.errors import TutorError
from tutor.settings import Settings, load_settings, save_settings
from tutor.tui import collector
from tutor.tui.screens.today import TodayScreen
from tutor.tui.themes import DARK, LIGHT

if TYPE_CHECKING:
    from tutor.labs.client import LabHost
    from tutor.progress.store import Store

LEAST = Size(20, 6)
"""Smallest size that is laid out; of a smaller terminal the upper left is seen."""
KEY_NAMES = {"escape": "Esc", "space": "Space", "tab": "Tab"}
FIRST_SIGHT_SECONDS = 0.1
IDLE_SECONDS = 120.0
"""Time after the last key that still counts as learning; more than this without a key is a break."""


class TutorApp(App[None]):
    """genai-tutor in the terminal."""

    TITLE = "genai-tutor"
    # The default screen is mounted before stylesheets of screens are loaded; the map is the first that is opened.
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "screens/today.tcss", "screens/map.tcss"]
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?", id="app.help", tooltip="Keys of this screen"),
        # Where text is typed a question mark is text; the footer then shows this one.
        Binding(
            "f1", "help", "Help", key_display="F1", id="app.help.typing", priority=True, tooltip="Keys of this screen"
        ),
        Binding("f5", "reference", "Reference", key_display="F5", show=False, tooltip="Look up equations and terms"),
        Binding("slash", "search", "Search", key_display="/", show=False, tooltip="Search the whole course"),
        # Where text is typed a slash is text; F6 to F9 hand in an answer.
        Binding("f12", "search", "Search", key_display="F12", show=False, tooltip="Search the whole course"),
        Binding("ctrl+z", "suspend_process", show=False, tooltip="Stop; `fg` in the shell brings it back"),
        Binding(
            "ctrl+q", "quit", "Quit", id="app.quit", show=False, priority=True, tooltip="Leave; everything is saved"
        ),
    ]

    store_ready: var[bool] = var(False)
    """Turns true once progress can be read and written."""

    def __init__(self, settings: Settings | None = None, start_host: bool = True) -> None:
        super().__init__()
        # Textual turns colours into greys under NO_COLOR, which are colours still.
        self._filters = [NoColor() if isinstance(line, Monochrome) else line for line in self._filters]
        self.settings = settings if settings is not None else load_settings(paths.settings_file())
        self.content_dir: Path = paths.content_dir()
        self.course: Course = load_course(self.content_dir)
        self._store: Store | None = None
        self._host: LabHost | None = None
        self._start_host = start_host
        self.failure = ""
        """Why the app had to leave, in one line; empty when all is well."""
        self._last_key = time.monotonic()
        self._active_since = self._last_key
        self._active = 0.0
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = self.settings.theme

    # -- what screens use ---

    @property
    def store(self) -> Store:
        """The learner's progress; opened at the latest when first asked for."""
        if self._store is None:
            from tutor.progress.store import Store

            self._store = Store.open(paths.database())
            self.store_ready = True
        return self._store

    @property
    def host(self) -> LabHost:
        """The child process that runs labs; started at the latest when first asked for."""
        if self._host is None:
            from tutor.labs.client import LabHost

            self._host = LabHost()
        return self._host

    def chapter_stub(self, chapter_id: str) -> ChapterStub:
        """What `course.toml` says of a chapter; raises TutorError for one that the course does not have."""
        for stub in self.course.chapters:
            if stub.id == chapter_id:
                return stub
        raise TutorError(f"The course has no chapter {chapter_id!r}")

    @property
    def weeks(self) -> tuple[Week, ...]:
        """The weeks at the learner's own pace; at that of the course as long as no progress can be read."""
        if not self.store_ready:
            return self.course.weeks
        from tutor.progress.schedule import calendar

        return calendar(self.course, self.store).stretches

    def week_of(self, chapter_id: str) -> Week:
        """When a chapter of the course has its turn."""
        return next(week for week in self.weeks if week.chapter == chapter_id)

    def active_seconds(self) -> float:
        """Time spent since the last call, without breaks."""
        self._note_activity(key=False)
        seconds, self._active = self._active, 0.0
        return seconds

    def open_target(self, target: str) -> None:
        """Open a place of the course.

        It is `today`, `map`, `picture`, `plan`, `statistics`, `settings`, `data`, `leeches`, `chapter:ID`,
        `mastery:CHAPTER`, `lesson:ID[#PAGE]`, `lab:ID`, `practice:LESSON`, `question:ID`, `checkpoint:CHAPTER`,
        `placement:CHAPTER`, `review[:more|:ahead|:cram[:CHAPTER]]`, `search` or `reference[:KIND[#ENTRY]]`.
        """
        try:
            screen = self._screen_for(target)
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
            return
        if screen is None:
            while len(self.screen_stack) > 1:
                self._put_away(self.screen)
                self.pop_screen()
            return
        self.push_screen(screen)

    def _screen_for(self, target: str) -> Screen[None] | None:
        from tutor.course.load import find_lesson

        kind, _, rest = target.partition(":")
        match kind:
            case "today":
                return None
            case "map":
                from tutor.tui.screens.map import MapScreen

                return MapScreen()
            case "plan":
                from tutor.tui.screens.plan import PlanScreen

                return PlanScreen()
            case "statistics":
                from tutor.tui.screens.statistics import StatisticsScreen

                return StatisticsScreen()
            case "settings":
                from tutor.tui.screens.settings import SettingsScreen

                return SettingsScreen()
            case "data":
                from tutor.tui.screens.data import DataScreen

                return DataScreen()
            case "chapter":
                from tutor.progress.plan import steps
                from tutor.tui.screens.chapter import ChapterScreen

                self.chapter_stub(rest)
                return ChapterScreen(rest, steps(self.content_dir, rest, self.store))
            case "mastery":
                from tutor.tui.screens.mastery import MasteryScreen

                self.chapter_stub(rest)
                return MasteryScreen(rest)
            case "lesson":
                from tutor.tui.screens.lesson import LessonScreen

                lesson, _, page = rest.partition("#")
                chapter = find_lesson(self.content_dir, self.course, lesson)
                return LessonScreen(chapter, lesson, int(page) if page.isdigit() else None)
            case "lab":
                from tutor.labs import registry
                from tutor.tui.screens.lab import LabScreen

                return LabScreen(registry.get(rest))
            case "leeches":
                from tutor.tui.screens.leeches import LeechesScreen

                return LeechesScreen()
            case "practice" | "question" | "checkpoint" | "placement" | "review":
                from tutor.progress.rounds import round_for
                from tutor.tui.screens.quiz import QuizScreen

                return QuizScreen(round_for(target, self.content_dir, self.course, self.store))
            case "picture":
                from tutor.tui.screens.picture import PictureScreen

                return PictureScreen()
            case "search":
                from tutor.tui.screens.search import SearchScreen

                return SearchScreen()
            case "reference":
                from tutor.course.reference import find
                from tutor.tui.screens.reference import ReferenceScreen

                part, _, name = rest.partition("#")
                if name:
                    find(self.content_dir, part, name)
                return ReferenceScreen(part or "equations", name)
            case _:
                raise TutorError(f"There is nothing to open at {target!r}")

    # -- life ---

    def get_default_screen(self) -> Screen[None]:
        """Today is where everything starts and where escape ends."""
        return TodayScreen()

    def on_mount(self) -> None:
        """Open progress and warm the lab host once the first screen is on the terminal."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.call_later, self.action_quit)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        if not self.is_headless:
            threading.Thread(target=self._leave_with_terminal, daemon=True).start()
            self._heed_job_control()
        # A moment later, so that a key pressed at first sight is answered first.
        self.call_after_refresh(self.set_timer, FIRST_SIGHT_SECONDS, self._after_first_paint)

    def _after_first_paint(self) -> None:
        if not self.is_headless:
            collector.spare()
        if self.open_store() and self._start_host:
            self.run_worker(self.host.start(), group="host", exit_on_error=False)

    def open_store(self) -> bool:
        """Open progress now; when it cannot be used, leave and say why."""
        try:
            _ = self.store
        except TutorError as error:
            self.failure = str(error)
            self.exit()
            return False
        return True

    def _put_away(self, screen: Screen[object]) -> None:
        """Let a screen that goes without its own key keep what it holds."""
        if put_away := getattr(screen, "put_away", None):
            put_away()

    async def action_quit(self) -> None:
        """Leave: keep what is open, kill the lab host."""
        try:
            for screen in reversed(self.screen_stack):
                self._put_away(screen)
        except TutorError as error:
            self.failure = str(error)
        if self._host is not None:
            await self._host.aclose()
        self.exit()

    def _heed_job_control(self) -> None:
        """Stop and come back between two steps of the loop.

        Textual's own handlers write to the terminal wherever the signal finds the app; in the middle of a write they
        wait for themselves for ever.
        """
        from textual.drivers.linux_driver import LinuxDriver

        driver = self._driver
        if not isinstance(driver, LinuxDriver):
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTSTP, driver._sigtstp_application)
        # One that has not been stopped has nothing to come back from.
        loop.add_signal_handler(
            signal.SIGCONT, lambda: driver._sigcont_application() if driver._must_signal_resume else None
        )

    def _leave_with_terminal(self) -> None:
        """Wait until the terminal hangs up, then leave: without a controlling terminal no signal says so."""
        assert sys.__stdin__ is not None
        hang_up = select.poll()
        hang_up.register(sys.__stdin__.fileno(), 0)
        # Where a terminal cannot be polled (older macOS) the answer comes at once and says so.
        if any(state & select.POLLHUP for _, state in hang_up.poll()):
            self.call_later(self.action_quit)

    def on_unmount(self) -> None:
        """Close the store when no screen can use it any more."""
        if self._store is not None:
            self._store.close()

    def action_help(self) -> None:
        """Show the keys of the screen that is open; close them when they are shown."""
        from tutor.tui.screens.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss()
        else:
            self.push_screen(HelpScreen.of(self.screen))

    def action_reference(self) -> None:
        """Look something up in the reference."""
        from tutor.tui.screens.reference import ReferenceScreen

        if not isinstance(self.screen, ReferenceScreen):
            self.open_target("reference")

    def action_search(self) -> None:
        """Search the course."""
        from tutor.tui.screens.search import SearchScreen

        if not isinstance(self.screen, SearchScreen):
            self.open_target("search")

    def action_open(self, target: str) -> None:
        """Open a place of the course."""
        self.open_target(target)

    def action_theme(self) -> None:
        """Switch between dark and light and remember it."""
        self.theme = "light" if self.theme == "dark" else "dark"
        try:
            self.settings = save_settings(paths.settings_file(), self.settings, theme=self.theme)
        except TutorError as error:
            self.notify(f"The theme is not remembered: {error}", severity="warning", markup=False)

    def get_key_display(self, binding: Binding) -> str:
        """A key as the texts write it."""
        return binding.key_display or KEY_NAMES.get(binding.key) or super().get_key_display(binding)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: places first, then the app."""
        yield SystemCommand("Today", "What comes next", lambda: self.open_target("today"))
        yield SystemCommand("Course map", "The twelve weeks and nine chapters", lambda: self.open_target("map"))
        yield self._place("Big picture", "The way to diffusion, and where you stand", "picture")
        yield self._place("Plan", "Your weeks with their dates; start, pace, missed weeks", "plan")
        yield SystemCommand("Search", "Lessons, equations, glossary and questions", self.action_search)
        yield self._place("Statistics", "Time, reviews, recall, mastery and calibration as charts", "statistics")
        yield self._place("Review", "The questions that are due", "review")
        yield self._place("Review ahead", "Questions that are not due yet; reschedules nothing", "review:ahead")
        yield self._place("Cram", "What is known least, of all chapters; reschedules nothing", "review:cram")
        yield self._place("Forgotten again and again", "Questions whose lesson helps more than asking", "leeches")
        from tutor.course.reference import KINDS

        for kind, title in KINDS.items():
            yield self._place(title, "The reference", f"reference:{kind}")
        try:
            yield from self._places()
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
        yield self._place("Settings", "Theme, formulas, how reviews are scheduled", "settings")
        yield self._place("Your data", "Export, begin anew, flagged questions", "data")
        yield SystemCommand("Dark or light", "Switch the theme", self.action_theme)
        yield SystemCommand("Help", "Keys of this screen", self.action_help)
        yield SystemCommand("Quit", "Leave; everything is saved", self.action_quit)

    def _places(self) -> Iterable[SystemCommand]:
        from tutor.course.load import is_written, load_chapter, load_lesson
        from tutor.labs import registry

        for stub in self.course.chapters:
            if not is_written(self.content_dir, stub.id):
                continue
            try:
                chapter = load_chapter(self.content_dir, stub.id)
            except TutorError:
                continue  # Today and the map say what is wrong with it
            about = f"{len(chapter.lessons)} lessons, {len(chapter.labs)} labs"
            yield self._place(f"Chapter {stub.number} {stub.title}", about, f"chapter:{stub.id}")
            for lesson_id in chapter.lessons:
                try:
                    head = load_lesson(self.content_dir, stub.id, lesson_id).head
                except TutorError:
                    yield self._place(f"Lesson {lesson_id}", "cannot be read", f"lesson:{lesson_id}")
                    continue
                about = f"{len(head.questions)} practice questions, about {head.minutes} minutes"
                yield self._place(f"Lesson {head.section} {head.title}", about, f"lesson:{lesson_id}")
            for lab_id in chapter.labs:
                yield self._place(f"Lab {lab_id}", registry.title(lab_id), f"lab:{lab_id}")
            if chapter.checkpoint:
                about = f"{len(chapter.checkpoint)} questions on chapter {stub.number}"
                yield self._place(f"Checkpoint {stub.title}", about, f"checkpoint:{stub.id}")

    def _place(self, title: str, about: str, target: str) -> SystemCommand:
        return SystemCommand(title, about, lambda: self.open_target(target))

    # -- active time ---

    async def on_event(self, event: Event) -> None:
        """Count the time between keys as learning time, up to `IDLE_SECONDS`."""
        if isinstance(event, Resize):
            event.size = Size(max(event.size.width, LEAST.width), max(event.size.height, LEAST.height))
            if event.size == self.size:
                # The terminal may have lost what it had no room for.
                self.refresh(layout=True)
        if isinstance(event, Key | MouseDown | MouseScrollDown | MouseScrollUp):
            self._note_activity(key=True)
        await super().on_event(event)

    def _note_activity(self, *, key: bool) -> None:
        now = time.monotonic()
        until = min(now, self._last_key + IDLE_SECONDS)
        self._active += max(0.0, until - self._active_since)
        self._active_since = now
        if key:
            self._last_key = now
