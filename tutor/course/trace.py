"""Runs the code of a `tracing` question and says what it prints, or what an expression is worth at a moment of it.

It is code of the course's authors, run when the course is checked; what a learner types never comes here.
"""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stdout
from types import FrameType
from typing import Any

from tutor.course.model import After

FENCE = re.compile(r"^```python\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)
_FILE = "<the block>"


def traced(code: str, watch: str = "", after: After | None = None) -> Any:
    """What a block prints, without the last end of line; with `watch` the value of that expression.

    It is taken at the end, or as soon as the line `after` has run often enough; raises LookupError when it never does.
    """
    printed = io.StringIO()
    names: dict[str, Any] = {"__name__": "__main__"}
    values: list[Any] = []
    times = 0
    due = False

    def step(frame: FrameType, event: str, _: object) -> Any:
        nonlocal times, due
        if frame.f_code.co_filename != _FILE or after is None or values:
            return None
        if event == "exception":
            due = False
        elif due:
            values.append(eval(watch, frame.f_globals, frame.f_locals))
            return None
        if event == "line" and frame.f_lineno == after.line:
            times += 1
            due = times == after.times
        return step

    program = compile(code, _FILE, "exec")
    before = sys.gettrace()
    with redirect_stdout(printed):
        if after is not None:
            sys.settrace(step)
        try:
            exec(program, names)
        finally:
            sys.settrace(before)
    if not watch:
        return printed.getvalue().rstrip("\n")
    if after is None:
        return eval(watch, names)
    if not values:
        raise LookupError(f"line {after.line} does not run {after.times} times")
    return values[0]
