"""The command line: everything a screen shows, as a verb. stdout is data, stderr is messages, exit codes are 0, 1, 2.

0: all is well. 1: a check failed. 2: it could not be done (bad usage, bad file, no terminal), said in one line.
130: interrupted.
"""

from __future__ import annotations

import codecs
import contextlib
import gc
import io
import os
import sys
import traceback
from typing import NoReturn

from tutor.errors import TutorError

COMPLETION = "_GENAI_TUTOR_COMPLETE"
"""Set by a shell that asks for completions."""


def main() -> NoReturn:
    """Run the command line and leave with its exit code; what went wrong is one line on stderr."""
    codecs.register_error("tutor.replace", _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # ASCII means that no locale is set, not that the terminal knows nothing else.
            ascii_only = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding="utf-8" if ascii_only else None, errors="tutor.replace")
    try:
        if len(sys.argv) == 1 and COMPLETION not in os.environ:
            # What reads options is not loaded before the first key is answered.
            need_terminal()
            code = open_terminal()
        else:
            from tutor.cli_verbs import run

            code = run()
    except TutorError as error:
        code = _fail(str(error))
    except KeyboardInterrupt:
        code = 130
    except SystemExit as leave:
        if not isinstance(leave.code, int):
            raise
        # click leaves by itself only when the reader of our output has left, as `| head` does, or when it has
        # answered the shell's request for completions: nothing is wrong.
        code = 0
        _drop_output()
    except OSError as error:
        code = _fail(f"{error.filename or 'stopped'}: {error.strerror or error}")
        _drop_output()
    except Exception:
        # Not 1, which says that a check failed.
        traceback.print_exc()
        code = _fail("this is a mistake in genai-tutor itself; please report it with the lines above")
    sys.exit(code)


def _fail(line: str) -> int:
    with contextlib.suppress(OSError):  # nobody may be reading any more
        if sys.stderr is not None:
            print(f"genai-tutor: {line}", file=sys.stderr)
    return 2


def _drop_output() -> None:
    """What could not be written is not tried again when Python ends."""
    if sys.stdout is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _replace(error: UnicodeError) -> tuple[bytes, int]:
    """Write `?` for what the output's encoding lacks; a file name's bytes that are not text stay as they are."""
    assert isinstance(error, UnicodeEncodeError)
    characters = error.object[error.start : error.end]
    return b"".join(
        char.encode("ascii", "surrogateescape") if "\udc80" <= char <= "\udcff" else b"?" for char in characters
    ), error.end


def need_terminal() -> None:
    """Raise TutorError where nothing can be drawn."""
    if os.environ.get("TERM") == "dumb":
        raise TutorError("this terminal cannot place text (TERM=dumb); `genai-tutor --help` lists what works without")
    # Textual reads from stdin and draws on stderr.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise TutorError("this is not a terminal; `genai-tutor --help` lists what works without one")


def open_terminal() -> int:
    """Open the tutor and return its exit code; raises TutorError when it had to leave."""
    from tutor import paths

    # What is loaded until the first screen stays; the app switches the collector on again then.
    gc.disable()
    from tutor.tui.app import TutorApp

    paths.home()  # one that cannot be used is said before a screen opens
    tui = TutorApp()
    tui.run()
    if tui.failure:
        raise TutorError(tui.failure)
    # Textual has shown the error that ended the app.
    return 2 if tui.return_code else 0
