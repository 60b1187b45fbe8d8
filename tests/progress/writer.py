"""A learner in a process of its own: writes until it is killed, or so many times, and says what was committed.

Usage: writer.py FILE NAME COUNT. Prints `ready`, waits for a line, opens the file; then a line for each commit.
"""

import itertools
import sys
from pathlib import Path

import tutor.progress.migrations  # noqa: F401  (loaded before `ready`, so that the file is made right after the signal)
from tutor.progress import events as log
from tutor.progress.store import Store


def say(*words: object) -> None:
    print(*words, flush=True)


def main(path: Path, name: str, count: int) -> None:
    say("ready")
    sys.stdin.readline()
    store = Store.open(path)
    quiz = store.open_quiz(name) or store.quiz(store.start_quiz(name, [f"q{n}" for n in range(500)], 7))
    assert quiz is not None
    for n in itertools.count() if count == 0 else range(count):
        text = f"{name} half-typed {n}"
        store.save_draft(name, text)
        say("draft", text)
        answer = log.Answer(item=f"q{n % 600}", response=text, outcome="right", score=1.0, context=name, quiz=quiz.id)
        say("event", store.record(answer, chapter="c", seconds=0.25, draft=name))
        say("event", store.record(log.Page(item="lesson", page=n % 7 + 1, pages=7), chapter="c"))
    store.close()


main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
