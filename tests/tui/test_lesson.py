from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import OptionList
from tui_support import PATIENCE

from tutor import paths
from tutor.course.load import load_course
from tutor.errors import TutorError
from tutor.progress.store import Store
from tutor.settings import Settings
from tutor.tui.app import TutorApp
from tutor.tui.names import describe
from tutor.tui.screens.lesson import LessonScreen, PickScreen
from tutor.tui.themes import DARK, LIGHT
from tutor.tui.widgets.math_markdown import CodeBlock, FormulaBlock, MathMarkdown

CHAPTER = """
id = "linear-algebra"
number = 1
title = "Linear algebra"
why = "because"
objectives = []
lessons = ["first", "second", "broken"]
labs = []
checkpoint = ["q1"]
"""
LONG = "\n\n".join(f"paragraph {n}" for n in range(40))
FIRST = f"""+++
id = "first"
title = "The first"
section = "1.1"
minutes = 5
+++

## One

$$
\\frac{{a}}{{b}} = c
$$

Text with [a link](lesson:second#1) and [the web](https://example.org).

```python run
print("hello [/bold]")
```

```output
hello
```

---

## Two

{LONG}

---

## Three

The end.
"""
SECOND = """+++
id = "second"
title = "The second"
section = "1.2"
minutes = 5
labs = ["lab-one", "lab-two"]
questions = ["q1", "q2"]
+++

## Alpha

```python run
raise ValueError("shape [/bold]")
```

---

## Beta

See [the lab](lab:lab-two).

```python run
while True:
    pass
```
"""


@pytest.fixture
def content(tmp_path: Path) -> Path:
    lessons = tmp_path / "content" / "01-linear-algebra" / "lessons"
    lessons.mkdir(parents=True)
    (lessons.parent / "chapter.toml").write_text(CHAPTER, encoding="utf-8")
    (lessons / "first.md").write_text(FIRST, encoding="utf-8")
    (lessons / "second.md").write_text(SECOND, encoding="utf-8")
    (lessons / "broken.md").write_text('+++\nid = "broken"\ntitle = \n+++\n', encoding="utf-8")
    return tmp_path / "content"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "progress.db")
    yield store
    store.close()


class Reader(App[None]):
    """What a lesson needs of the application."""

    def __init__(self, content: Path, store: Store, lesson: str = "first", page: int | None = None) -> None:
        super().__init__()
        self.content_dir = content
        self.course = load_course(paths.content_dir())
        self.store = store
        self.settings = Settings()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = "dark"
        self.reading = LessonScreen("linear-algebra", lesson, page)
        self.opened: list[str] = []
        self.urls: list[str] = []

    def on_mount(self) -> None:
        self.push_screen(self.reading)

    def active_seconds(self) -> float:
        return 2.0

    def open_target(self, target: str) -> None:
        self.opened.append(target)

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        self.urls.append(url)


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await pilot.pause(0.01)


def text_of(screen: Screen[object]) -> str:
    return "\n".join(strip.text.rstrip() for strip in screen._compositor.render_strips())


async def sees(pilot: Pilot[None], text: str) -> None:
    await until(pilot, lambda: text in text_of(pilot.app.screen))


async def hears(pilot: Pilot[None], text: str) -> None:
    await until(pilot, lambda: any(text in f"{note.title} {note.message}" for note in pilot.app._notifications))


def footer(screen: LessonScreen) -> dict[str, str]:
    shown = [active.binding for active in screen.active_bindings.values() if active.binding.show and active.enabled]
    return {binding.key: binding.description for binding in shown}


async def test_pages_turn_and_say_where_they_are(content: Path, store: Store) -> None:
    app = Reader(content, store)
    async with app.run_test() as pilot:
        await sees(pilot, "page 1 of 3")
        await sees(pilot, "One")
        await pilot.press("n")
        await sees(pilot, "paragraph 0")
        await sees(pilot, "page 2 of 3")
        await pilot.press("right")
        await sees(pilot, "The end.")
        await pilot.press("left")
        await sees(pilot, "paragraph 0")
        await pilot.press("p")
        await sees(pilot, "One")


async def test_space_reads_every_line_and_then_turns_but_stops_at_the_end(content: Path, store: Store) -> None:
    app = Reader(content, store, page=2)
    async with app.run_test(size=(80, 24)) as pilot:
        await sees(pilot, "paragraph 0")
        seen = ""
        while app.reading.page == 2:
            seen += text_of(app.reading)
            await pilot.press("space")
            await pilot.pause()
        for n in range(40):
            assert f"paragraph {n}" in seen
        await sees(pilot, "The end.")
        await pilot.press("space", "space")
        assert (app.reading.lesson_id, app.reading.page) == ("first", 3)


async def test_pages_turned_in_a_hurry_leave_the_last_one(content: Path, store: Store) -> None:
    app = Reader(content, store)
    async with app.run_test() as pilot:
        await pilot.press("n", "n", "p", "n", "n", "n")
        await sees(pilot, "Beta")
        assert (app.reading.lesson_id, app.reading.page) == ("second", 2)
        await sees(pilot, "See the lab.")
        assert "Alpha" not in text_of(app.reading)


async def test_the_last_page_says_what_comes_next(content: Path, store: Store) -> None:
    app = Reader(content, store, page=3)
    async with app.run_test() as pilot:
        await sees(pilot, "End of 1.1 The first")
        await sees(pilot, "Next lesson: 1.2 The second")
        await pilot.press("n")
        await sees(pilot, "Alpha")
        assert "End of" not in text_of(app.reading)
        await pilot.press("p")
        await sees(pilot, "The end.")


async def test_the_end_offers_practice_and_lab(content: Path, store: Store) -> None:
    app = Reader(content, store, "second", 2)
    async with app.run_test(size=(80, 40)) as pilot:
        await sees(pilot, "Practise: 2 questions")
        await sees(pilot, "Lab: lab-two")
        await pilot.press("a", "l")
        assert app.opened == ["practice:second", "lab:lab-two"]


async def test_several_labs_are_offered_to_choose_from(content: Path, store: Store) -> None:
    app = Reader(content, store, "second", 1)
    async with app.run_test() as pilot:
        await sees(pilot, "Alpha")
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.opened == ["lab:lab-two"])


async def test_each_page_turned_to_is_recorded_with_its_time(content: Path, store: Store) -> None:
    app = Reader(content, store)
    async with app.run_test() as pilot:
        await sees(pilot, "One")
        await pilot.press("n")
        await sees(pilot, "page 2 of 3")
        state = store.lesson("first")
        assert state is not None
        assert (state.page, state.pages) == (2, 3)
        assert store.seconds("linear-algebra") == pytest.approx(4.0)


async def test_reopening_resumes_page_and_line(content: Path, store: Store) -> None:
    app = Reader(content, store, page=2)
    async with app.run_test(size=(80, 24)) as pilot:
        await sees(pilot, "paragraph 0")
        await pilot.press("pagedown", "down")
        line = app.reading.query_one("#lesson-body").scroll_y
        assert line > 0
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not app.reading)
    again = Reader(content, store)
    async with again.run_test(size=(80, 24)) as pilot:
        await sees(pilot, "page 2 of 3")
        await until(pilot, lambda: again.reading.query_one("#lesson-body").scroll_y == line)


async def test_asking_for_a_page_opens_it_at_its_top(content: Path, store: Store) -> None:
    store.save_draft("scroll:first", "2:9")
    app = Reader(content, store, page=2)
    async with app.run_test(size=(80, 24)) as pilot:
        await sees(pilot, "Two")
        assert app.reading.query_one("#lesson-body").scroll_y == 0


@pytest.mark.parametrize(("page", "opened"), [(99, 3), (-1, 3)])
async def test_a_page_that_does_not_exist_opens_the_last(content: Path, store: Store, page: int, opened: int) -> None:
    app = Reader(content, store, page=page)
    async with app.run_test() as pilot:
        await sees(pilot, f"page {opened} of 3")


async def test_running_code_shows_what_it_printed(content: Path, store: Store) -> None:
    app = Reader(content, store)
    async with app.run_test(size=(80, 30)) as pilot:
        await sees(pilot, "run (r)")
        assert text_of(app.reading).count("hello") == 1
        await pilot.press("r")
        await sees(pilot, "run again (r)")
        await until(pilot, lambda: text_of(app.reading).count("hello [/bold]") == 2)
        await pilot.press("n")
        await sees(pilot, "paragraph 0")
        await pilot.press("p")
        await sees(pilot, "run again (r)")
        await until(pilot, lambda: text_of(app.reading).count("hello [/bold]") == 2)


async def test_an_error_is_said_in_words(content: Path, store: Store) -> None:
    app = Reader(content, store, "second", 1)
    async with app.run_test(size=(80, 30)) as pilot:
        await sees(pilot, "run (r)")
        await pilot.press("r")
        await sees(pilot, "failed")
        await sees(pilot, "ValueError: shape [/bold]")


async def test_escape_stops_the_code_and_only_then_leaves(content: Path, store: Store) -> None:
    app = Reader(content, store, "second", 2)
    async with app.run_test(size=(80, 40)) as pilot:
        await sees(pilot, "run (r)")
        await pilot.press("r")
        await sees(pilot, "running…")
        assert footer(app.reading)["escape"] == "Stop"
        await pilot.press("escape")
        await sees(pilot, "Stopped.")
        assert app.screen is app.reading
        assert footer(app.reading)["escape"] == "Back"
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not app.reading)


async def test_turning_the_page_stops_its_code(content: Path, store: Store) -> None:
    app = Reader(content, store, "second", 2)
    async with app.run_test(size=(80, 40)) as pilot:
        await sees(pilot, "run (r)")
        await pilot.press("r")
        await sees(pilot, "running…")
        await pilot.press("p")
        await sees(pilot, "Alpha")
        await until(pilot, lambda: not [worker for worker in app.workers if worker.group == "run"])
        assert app.reading.running is None


async def test_tab_goes_through_formulas_code_and_links(content: Path, store: Store) -> None:
    app = Reader(content, store)
    async with app.run_test() as pilot:
        await sees(pilot, "run (r)")
        formula, code = app.reading.text.actionable
        assert isinstance(formula, FormulaBlock)
        assert isinstance(code, CodeBlock)
        plain = text_of(app.reading)
        await pilot.press("tab")
        assert app.reading.marked is formula
        assert text_of(app.reading) != plain, "the mark shows without colour"
        await pilot.press("tab")
        assert app.reading.marked is code
        assert "enter" not in footer(app.reading)
        await pilot.press("tab", "enter", "tab", "enter")
        assert app.opened == ["lesson:second#1"]
        assert app.urls == ["https://example.org"]
        await pilot.press("tab")
        assert app.reading.marked is formula
        await pilot.press("shift+tab", "shift+tab", "shift+tab")
        assert app.reading.marked is code


async def test_marking_scrolls_to_what_is_marked(content: Path, store: Store) -> None:
    app = Reader(content, store)
    async with app.run_test(size=(80, 12)) as pilot:
        await sees(pilot, "One")
        assert "https://example.org" not in text_of(app.reading)
        await pilot.press("tab", "shift+tab")
        await sees(pilot, "https://example.org")


@pytest.mark.parametrize(
    ("keys", "copied", "said"),
    [
        (["y"], "\\frac{a}{b} = c", "LaTeX"),
        (["tab", "y"], "\\frac{a}{b} = c", "LaTeX"),
        (["tab", "tab", "y"], 'print("hello [/bold]")', "code"),
    ],
)
async def test_y_copies_and_says_what(content: Path, store: Store, keys: list[str], copied: str, said: str) -> None:
    app = Reader(content, store)
    async with app.run_test() as pilot:
        await sees(pilot, "run (r)")
        await pilot.press(*keys)
        assert app.clipboard == copied
        await hears(pilot, f"Copied the {said}")


async def test_only_keys_that_do_something_are_offered(content: Path, store: Store) -> None:
    app = Reader(content, store)
    async with app.run_test() as pilot:
        await sees(pilot, "run (r)")
        assert set(footer(app.reading)) == {"n", "tab", "r", "y", "o", "escape"}
        await pilot.press("n")
        await sees(pilot, "paragraph 0")
        assert set(footer(app.reading)) == {"n", "o", "escape"}
        await pilot.press("n", "n")
        await sees(pilot, "Alpha")
        assert set(footer(app.reading)) == {"n", "tab", "r", "y", "l", "a", "o", "escape"}


async def test_the_fullest_footer_fits_eighty_columns(content: Path, store: Store) -> None:
    app = Reader(content, store, "second", 2)
    async with app.run_test(size=(80, 24)) as pilot:
        await sees(pilot, "run (r)")
        await pilot.press("shift+tab")
        assert {"enter", "l", "a", "r"} <= set(footer(app.reading))
        await sees(pilot, "esc Back")


async def test_contents_lists_every_page_and_jumps(content: Path, store: Store) -> None:
    app = Reader(content, store)
    async with app.run_test() as pilot:
        await sees(pilot, "One")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        options = app.screen.query_one(OptionList)
        assert options.highlighted_option is not None
        assert options.highlighted_option.id == "first#1"
        for title in ("1.1 The first", "One", "Two", "Three", "1.2 The second", "Alpha", "Beta"):
            await sees(pilot, title)
        await pilot.press(*["down"] * 5, "enter")
        await until(pilot, lambda: app.screen is app.reading)
        await sees(pilot, "page 2 of 2")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.reading)
        assert app.reading.lesson_id == "second"


async def test_a_lesson_that_cannot_be_read_is_said_with_its_line(content: Path, store: Store) -> None:
    app = Reader(content, store, "broken")
    async with app.run_test(size=(200, 24)) as pilot:
        # A long path is broken where the line ends.
        await until(pilot, lambda: "broken.md:3:" in "".join(text_of(app.screen).split()))
        await pilot.press("n", "r", "y", "tab", "space", "o")
        assert set(footer(app.reading)) == {"escape"}
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not app.reading)
        assert store.lesson("broken") is None


async def test_a_broken_neighbour_leaves_the_open_page(content: Path, store: Store) -> None:
    app = Reader(content, store, "second", 2)
    async with app.run_test(size=(200, 40)) as pilot:
        await sees(pilot, "Beta")
        await pilot.press("n")
        await hears(pilot, "broken.md:3:")
        await sees(pilot, "See the lab.")
        assert (app.reading.lesson_id, app.reading.page) == ("second", 2)


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_resizing_keeps_the_page_and_its_measure(content: Path, store: Store, theme: str) -> None:
    app = Reader(content, store)
    async with app.run_test(size=(160, 50)) as pilot:
        app.theme = theme
        await sees(pilot, "run (r)")
        assert app.reading.text.size.width == 88
        left = app.reading.text.region.x
        assert abs((160 - 88) // 2 - left) <= 1
        await pilot.resize_terminal(40, 20)
        await pilot.pause()
        await sees(pilot, "One")
        assert app.reading.text.region.right <= 40


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("lab:svd-digits", "lab svd-digits"),
        ("lesson:svd#2", "1.1 SVD: the directions that matter, page 2"),
        ("lesson:nowhere#2", "nowhere"),
        ("map", "map"),
        ("https://example.org/a:b", "https://example.org/a:b"),
    ],
)
def test_links_say_where_they_lead(target: str, words: str) -> None:
    assert describe(TutorApp(start_host=False), target) == words


async def test_the_next_page_is_made_ahead_and_is_the_same(content: Path, store: Store) -> None:
    app = Reader(content, store, "second")
    async with app.run_test(size=(80, 30)) as pilot:
        await until(pilot, lambda: app.reading._ahead == ("second", 2))
        made = app.reading.ahead
        assert "Beta" not in text_of(app.screen)
        # What waits out of sight is no part of the page: it is neither marked nor run.
        await pilot.press("tab", "tab")
        assert app.reading._actionable() == [app.reading.marked]
        await pilot.press("n")
        await sees(pilot, "See the lab.")
        assert app.reading.text is made
        assert "Alpha" not in text_of(app.screen)
        await pilot.pause()
        ahead = text_of(app.screen)
        await pilot.press("p")
        await sees(pilot, "Alpha")
        assert app.reading.text is made
        await pilot.press("n")
        await sees(pilot, "Beta")
        await until(pilot, lambda: text_of(app.screen) == ahead)


@pytest.mark.parametrize("ahead", [False, True])
async def test_leaving_while_a_page_is_drawn(
    content: Path, store: Store, monkeypatch: pytest.MonkeyPatch, ahead: bool
) -> None:
    app = Reader(content, store)
    update = MathMarkdown.update
    turned = drawing = False

    async def updating(widget: MathMarkdown, markdown: str) -> None:
        nonlocal drawing
        await update(widget, markdown)
        # When it is mounted a widget is drawn too, with no text yet.
        if (markdown and widget is app.reading.ahead) if ahead else turned:
            drawing = True
            while app.reading.query("#lesson-links"):  # until the screen is being taken apart
                await asyncio.sleep(0.01)

    monkeypatch.setattr(MathMarkdown, "update", updating)
    async with app.run_test() as pilot:
        if not ahead:
            await pilot.press("n")
            await until(pilot, lambda: app.reading._ahead == ("first", 3))
            turned = True
            await pilot.press("p")
        await until(pilot, lambda: drawing)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not app.reading)
        await pilot.pause()


DERIVED = """+++
id = "second"
title = "The second"
section = "1.2"
minutes = 5
+++

## Derived

It is claimed.

. . .

First reason.

$$
a = b
$$

. . .

Second reason.

. . .

Hence it holds.

---

## Beta

The end.
"""


@pytest.fixture
def derived(content: Path) -> Path:
    (content / "01-linear-algebra" / "lessons" / "second.md").write_text(DERIVED, encoding="utf-8")
    return content


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "nothing can be kept"])
async def test_space_shows_a_derivation_step_by_step_and_then_turns_the_page(
    derived: Path, store: Store, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    def refuse(*_: object) -> None:
        raise TutorError("the file is read-only")

    if not kept:
        monkeypatch.setattr(store, "save_draft", refuse)
    app = Reader(derived, store, "second")
    steps = ["It is claimed.", "First reason.", "Second reason.", "Hence it holds."]
    async with app.run_test(size=(80, 24)) as pilot:
        for at, step in enumerate(steps):
            await sees(pilot, step)
            shown = text_of(app.reading)
            assert not any(later in shown for later in steps[at + 1 :])
            left = len(steps) - 1 - at
            assert (f"next of {left} steps" in shown) is (left > 1)
            assert ("Space shows the last" in shown) is (left == 1)
            assert footer(app.reading)["u"] == ("Unfold" if left else "Fold")
            # A formula of a step to come cannot be marked or copied.
            assert ("y" in footer(app.reading)) is (at > 0)
            await pilot.press("space")
        await sees(pilot, "page 2 of 2")


async def test_steps_that_were_seen_are_seen_again_and_u_shows_or_hides_all(derived: Path, store: Store) -> None:
    app = Reader(derived, store, "second")
    async with app.run_test(size=(80, 24)) as pilot:
        await sees(pilot, "It is claimed.")
        await pilot.press("space")
        await sees(pilot, "First reason.")
        await pilot.press("n")
        await sees(pilot, "The end.")
        assert "u" not in footer(app.reading)
        await pilot.press("p")
        await sees(pilot, "First reason.")
        assert "Second reason." not in text_of(app.reading)
    again = Reader(derived, store, "second", 1)
    async with again.run_test(size=(80, 24)) as pilot:
        await sees(pilot, "First reason.")
        assert "Second reason." not in text_of(again.reading)
        await pilot.press("u")
        await sees(pilot, "Hence it holds.")
        # The formula of a step that is hidden again is marked no more.
        await pilot.press("tab")
        assert again.reading.marked is not None
        await pilot.press("u")
        await sees(pilot, "next of 3 steps")
        assert again.reading.marked is None
        assert "First reason." not in text_of(again.reading)
    last = Reader(derived, store, "second", 1)
    async with last.run_test(size=(80, 24)) as pilot:
        await sees(pilot, "next of 3 steps")


async def test_a_step_that_was_shown_is_on_the_screen(derived: Path, store: Store) -> None:
    path = derived / "01-linear-algebra" / "lessons" / "second.md"
    path.write_text(DERIVED.replace("Second reason.", LONG), encoding="utf-8")
    app = Reader(derived, store, "second")
    async with app.run_test(size=(60, 12)) as pilot:
        await sees(pilot, "next of 3 steps")
        await pilot.press("space")
        # To the end of a step, where the page waits again; of a longer one to its beginning, and then on.
        await sees(pilot, "next of 2 steps")
        await pilot.press("space")
        await sees(pilot, "paragraph 0")
        seen = ""
        while "Hence it holds." not in seen:
            seen += text_of(app.reading)
            await pilot.press("space")
            await pilot.pause()
        assert all(f"paragraph {n}" in seen for n in range(40))
        # With the last step the end of the page was there, so the next Space has turned it.
        await sees(pilot, "page 2 of 2")
