"""The command line: everything a screen shows, as a verb. stdout is data, stderr is messages, exit codes are 0, 1, 2.

0: all is well. 1: a check failed. 2: it could not be done (bad usage, bad file, no terminal), said in one line.
130: interrupted.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tutor import __version__, paths
from tutor.cli_progress import VERBS
from tutor.errors import TutorError
from tutor.output import emit, has_unicode

if TYPE_CHECKING:
    from tutor.labs.run import Run
    from tutor.labs.spec import Check, Lab, Param


def main() -> NoReturn:
    """Run the command line and leave with its exit code; what went wrong is one line on stderr."""
    codecs.register_error("tutor.replace", _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # ASCII means that no locale is set, not that the terminal knows nothing else.
            ascii_only = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding="utf-8" if ascii_only else None, errors="tutor.replace")
    try:
        code = app.main(prog_name="genai-tutor", standalone_mode=False)
    except TutorError as error:
        code = _fail(str(error))
    except click.ClickException as error:
        code = _fail(_usage(error))
    except (click.Abort, KeyboardInterrupt):
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
    sys.exit(code if isinstance(code, int) else 0)


def _fail(line: str) -> int:
    with contextlib.suppress(OSError):  # nobody may be reading any more
        click.echo(f"genai-tutor: {line}", err=True)
    return 2


def _usage(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context is not None else "genai-tutor"
    message = error.format_message()
    return f"{message}{'' if message.endswith(('.', '?')) else '.'} See `{command} --help`."


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


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="genai-tutor", message="%(prog)s %(version)s")
@click.option(
    "--data",
    metavar="DIR",
    help="Folder with the four MNIST IDX files, for labs on 28×28 digits. Remembered; '' forgets it.",
)
@click.pass_context
def app(context: click.Context, data: str | None) -> None:
    """A tutor for the mathematics of generative AI. Without a command it opens in the terminal."""
    opens = context.invoked_subcommand is None
    if opens:
        _need_terminal()
    if data is not None:
        _remember_data(data)
    if opens:
        context.exit(_open_terminal())


def _remember_data(folder: str) -> None:
    from tutor.settings import load_settings, save_settings

    if folder:
        from kernels.datasets import load_mnist

        try:
            load_mnist(Path(folder))
        except ValueError as error:
            raise TutorError(f"--data: {error}") from None
        folder = str(Path(folder).resolve())
    save_settings(paths.settings_file(), load_settings(paths.settings_file()), data=folder)


def _need_terminal() -> None:
    if os.environ.get("TERM") == "dumb":
        raise TutorError("this terminal cannot place text (TERM=dumb); `genai-tutor --help` lists what works without")
    # Textual reads from stdin and draws on stderr.
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise TutorError("this is not a terminal; `genai-tutor --help` lists what works without one")


def _open_terminal() -> int:
    from tutor.tui.app import TutorApp

    tui = TutorApp()
    tui.run()
    if tui.failure:
        raise TutorError(tui.failure)
    # Textual has shown the error that ended the app.
    return 2 if tui.return_code else 0


@app.command()
def labs() -> None:
    """List the labs, one a line: id, then title."""
    from tutor.labs import registry

    for lab in registry.all_labs():
        click.echo(f"{lab.id}\t{lab.title}")


class _LabGroup(click.Group):
    """One subcommand a lab, its options made from the lab's own parameters."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from tutor.labs import registry

        return list(registry.LABS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from tutor.labs import registry

        return _lab_command(registry.get(cmd_name))


@app.command(
    cls=_LabGroup, name="lab", invoke_without_command=True, options_metavar="", subcommand_metavar="LAB [OPTIONS]"
)
@click.pass_context
def lab_group(context: click.Context) -> None:
    """Run a lab without the screen and hold it against its exact answers."""
    if context.invoked_subcommand is None:
        from tutor.labs import registry

        raise TutorError(f"which lab? {', '.join(registry.LABS)}")


def _lab_command(lab: Lab[Any, Any]) -> click.Command:
    from tutor.labs.spec import params_of

    knobs = params_of(lab.params)
    options: list[click.Parameter] = [_option(knob) for knob in knobs]
    options += [
        click.Option(
            ["--seed"], type=click.IntRange(0), metavar="N", default=0, show_default=True, help="Seed of the run."
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON object a line; the last holds the checks."),
        click.Option(["--chart", "as_chart"], is_flag=True, help="Draw the charts of the last frame."),
    ]

    def callback(seed: int, as_json: bool, as_chart: bool, **values: str | None) -> None:
        if as_json and as_chart:
            raise click.UsageError("--json and --chart exclude each other.")
        if as_chart and not has_unicode():
            raise TutorError(f"--chart needs an output in UTF-8, this one is {sys.stdout.encoding}; set LC_ALL=C.UTF-8")
        with _as_options(knobs):
            given = {knob.name: knob.parse(text) for knob in knobs if (text := values[knob.name]) is not None}
        click.get_current_context().exit(_run_lab(lab, given, seed, as_json, as_chart))

    return click.Command(lab.id, params=options, callback=callback, help=f"{lab.title}.\n\n{lab.summary}")


def _option(knob: Param) -> click.Option:
    unit = f" ({knob.unit})" if knob.unit else ""
    shown = ("on" if knob.default else "off") if knob.kind == "bool" else str(knob.default) or "none"
    text = f"{knob.help}{unit}; {knob.takes()}.  [default: {shown}]"
    return click.Option([_flag(knob), knob.name], default=None, metavar="VALUE", help=text)


def _flag(knob: Param) -> str:
    return f"--{knob.name.replace('_', '-')}"


@contextlib.contextmanager
def _as_options(knobs: Sequence[Param], remembered: Path | None = None) -> Iterator[None]:
    """Name parameters in errors as they are typed here; `remembered` is the file that gave the folder of `data`."""
    try:
        yield
    except TutorError as error:
        name, _, rest = str(error).partition(": ")
        for knob in knobs:
            if name == knob.name == "data" and remembered is not None:
                advice = "`genai-tutor --data DIR` remembers another, `genai-tutor --data ''` none"
                raise TutorError(f"{rest}; {remembered} names it: {advice}") from None
            if name == knob.name:
                raise TutorError(f"{_flag(knob)}: {rest}") from None
        raise


def _run_lab(lab: Lab[Any, Any], given: dict[str, Any], seed: int, as_json: bool, as_chart: bool) -> int:
    from tutor.labs.client import ONE_THREAD

    # Numeric libraries read this when they are loaded.
    os.environ.update(ONE_THREAD)
    from tutor.labs.run import Run
    from tutor.labs.spec import describe, make_params, params_of
    from tutor.settings import load_settings

    knobs = params_of(lab.params)
    remembered = None
    if "data" not in given and any(knob.name == "data" for knob in knobs):
        given["data"] = load_settings(paths.settings_file()).data
        remembered = paths.settings_file()
    with _as_options(knobs, remembered):
        params = make_params(lab, given)
        run = Run(lab, params, seed)
    if as_json:
        emit(_frame_row(run))
    while not run.done:
        run.advance()
        if as_json:
            emit(_frame_row(run))
    checks = run.checks()
    ok = bool(checks) and all(check.ok for check in checks)
    if as_json:
        emit(
            {
                "lab": lab.id,
                "seed": seed,
                "params": {knob.name: getattr(params, knob.name) for knob in knobs},
                "steps": run.step,
                "checks": [_check_row(check) for check in checks],
                "ok": ok,
            }
        )
        return 0 if ok else 1
    if as_chart:
        _print_charts(lab, run)
    for check in checks:
        click.echo(describe(check))
    note = run.frame().note
    if note:
        click.echo(note)
    return 0 if ok else 1


def _print_charts(lab: Lab[Any, Any], run: Run[Any, Any]) -> None:
    import shutil

    from tutor.labs.charts import NO_COLOR, THEMES, draw, to_ansi
    from tutor.settings import load_settings

    columns = min(shutil.get_terminal_size((80, 24)).columns, 120)
    color = sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    theme = THEMES[load_settings(paths.settings_file()).theme] if color else NO_COLOR
    for chart in lab.charts:
        click.echo(to_ansi(draw(chart, run.history, columns, 18, theme)), color=color)
        click.echo()


def _frame_row(run: Run[Any, Any]) -> dict[str, Any]:
    frame = run.frame()
    return {
        "lab": run.lab.id,
        "step": frame.step,
        "scalars": {name: float(value) for name, value in frame.scalars.items()},
        "note": frame.note,
    }


def _check_row(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "measured": float(check.measured),
        "truth": float(check.truth),
        "tolerance": float(check.tolerance),
        "relation": check.relation,
        "error": float(check.error),
        "ok": bool(check.ok),
    }


@app.command()
@click.argument("kind", required=False, default="")
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def reference(kind: str, words: tuple[str, ...], as_json: bool) -> None:
    """Look up equations, glossary, confusions, further-reading or next-steps; WORDS keep what holds them all."""
    from tutor.course.reference import KINDS, as_text, entries, matching
    from tutor.course.reference import as_json as row

    content = paths.content_dir()
    if not kind and not as_json:
        for name, title in KINDS.items():
            click.echo(f"{name}\t{title}\t{len(entries(content, name))}")
        return
    found = [
        found for name in ([kind] if kind else KINDS) for found in matching(entries(content, name), " ".join(words))
    ]
    for number, item in enumerate(found):
        if as_json:
            emit(row(item))
        else:
            click.echo(("\n" if number else "") + as_text(item))


@app.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def search(words: tuple[str, ...], as_json: bool) -> None:
    """Search lessons, equations, glossary and questions; the best first, hits between [ and ]."""
    from tutor.course.search import KINDS, index_path, look_up

    for found in look_up(paths.content_dir(), index_path(), " ".join(words)):
        text = "".join(f"[{piece}]" if hit else piece for piece, hit in found.snippet)
        if as_json:
            row = {"kind": found.kind, "title": found.title, "place": found.place, "target": found.target}
            emit({**row, "snippet": text})
        else:
            place = f", {found.place}" if found.place else ""
            click.echo(f"{found.title} ({KINDS[found.kind]}{place})\n  {text}\n  {found.target}")


@app.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--fresh", is_flag=True, help="Run all code of the lessons, also what ran well before and is the same.")
def check(folder: Path | None, fresh: bool) -> None:
    """Check the course content: recompute every answer, render every formula, follow every link."""
    from tutor.course.check import check_content
    from tutor.exercises.child import run_code
    from tutor.exercises.kept import Kept
    from tutor.labs import registry

    def runner(source: str) -> tuple[bool, str]:
        result = run_code(source, seconds=60)
        return result.outcome == "ok", result.output if result.outcome == "ok" else result.error

    content = folder or paths.content_dir()
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo("Recomputing every answer and running the code of the lessons; this takes a minute …", err=True)
    run = Kept(runner, paths.cache() / "blocks.json", fresh=fresh)
    problems = check_content(content, set(registry.LABS), run)
    run.save()
    for problem in problems:
        click.echo(f"{problem.file}:{problem.line}: {problem.message}")
    if problems:
        click.echo(f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in {content}", err=True)
        click.get_current_context().exit(1)
    click.echo(f"{content}: no problems", err=True)


@app.command()
def where() -> None:
    """Say where things are: progress, settings, content."""
    click.echo(f"home\t{paths.home()}")
    click.echo(f"progress\t{paths.database()}")
    click.echo(f"settings\t{paths.settings_file()}")
    click.echo(f"content\t{paths.content_dir()}")


for verb in VERBS:
    app.add_command(verb)
