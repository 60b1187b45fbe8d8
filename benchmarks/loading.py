"""Time to load what Today needs of the course, and to open a lesson page, in a fresh process.

Peer of loading: reading the same files and parsing their TOML with the standard library alone. Peer of a page:
Textual's own Markdown widget showing the same page without mathematics.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

from support.report import Row, machine, print_table

LOAD = """
import json, sys, time, tomllib
from pathlib import Path
from tutor import paths
import tutor.course.load, tutor.progress.plan, tutor.progress.store
content = paths.content_dir()
store = tutor.progress.store.Store.open(paths.database())
began = time.perf_counter()
course = tutor.course.load.load_course(content)
ours = time.perf_counter() - began
began = time.perf_counter()
tutor.progress.plan.agenda(content, course, store)
agenda = time.perf_counter() - began
began = time.perf_counter()
read = [path.read_text("utf-8") for path in content.glob("*/lessons/*.md")]
for path in [content / "course.toml", *content.glob("*/chapter.toml")]:
    tomllib.loads(path.read_text("utf-8"))
peer = time.perf_counter() - began
print(json.dumps({"course": ours, "agenda": agenda, "peer": peer}))
"""


def loading() -> dict[str, float]:
    """Seconds, in a process that has read nothing yet."""
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
    return {name: 1000 * value for name, value in json.loads(done.stdout).items()}


async def pages(targets: list[str]) -> dict[str, list[float]]:
    """Milliseconds from asking for a page to its being painted: opened, turned at once, turned when it was read."""
    from textual.widgets import Markdown

    from tutor.course.load import load_lesson
    from tutor.tui.app import TutorApp
    from tutor.tui.screens.lesson import LessonScreen

    found: dict[str, list[float]] = {"page": [], "hurry": [], "next": [], "peer": []}
    app = TutorApp(start_host=False)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause(0.3)
        for target in targets:
            lesson = target.partition(":")[2].partition("#")[0]
            began = time.perf_counter()
            app.open_target(target)
            await pilot.pause(0)
            screen = app.screen
            assert isinstance(screen, LessonScreen)
            while screen._drawn is None:
                await asyncio.sleep(0)
            await pilot.pause(0)
            found["page"].append(1000 * (time.perf_counter() - began))
            for pace in ("hurry", "next"):
                if pace == "next":
                    while screen._ahead is None:  # a moment after the page is drawn
                        await asyncio.sleep(0.01)
                    await pilot.pause(0)
                began, before = time.perf_counter(), screen._drawn
                app.simulate_key("n")  # the pilot's own way to press a key waits until the processor is idle
                while screen._drawn == before:
                    await asyncio.sleep(0)
                await pilot.pause(0)
                found[pace].append(1000 * (time.perf_counter() - began))
            text = load_lesson(app.content_dir, screen.chapter_id, lesson).pages[2]
            plain = Markdown("")
            await screen.query_one("#lesson-page").mount(plain)
            began = time.perf_counter()
            await plain.update(text)
            await pilot.pause(0)
            found["peer"].append(1000 * (time.perf_counter() - began))
            app.pop_screen()
            await pilot.pause(0)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="processes of each (default 5)")
    runs = parser.parse_args().n
    with TemporaryDirectory() as home:
        os.environ["GENAI_TUTOR_HOME"] = home
        loading()
        loads = [loading() for _ in range(runs)]
        middle = {name: statistics.median(load[name] for load in loads) for name in loads[0]}
        lessons = ["whitening", "svd", "solvers", "flows", "langevin", "elbo"]
        found = asyncio.run(pages([f"lesson:{lesson}#1" for lesson in lessons]))
    page, hurried, turned, bare = (statistics.median(found[name]) for name in found)
    print(f"loading, median of {runs}; pages, median of {len(lessons)}; {machine()}")
    print_table(
        [
            Row("the course", middle["course"], middle["peer"]),
            Row("what Today needs of all chapters", middle["agenda"], middle["peer"], target="≤ 50 ms"),
            Row("a lesson opened", page, bare, target="≤ 100 ms"),
            Row("the next page", turned, bare, target="≤ 100 ms"),
            Row("… at once, before it was made ahead", hurried, bare),
        ],
        ours="genai-tutor",
        peer="bare",
    )


if __name__ == "__main__":
    main()
