"""The command line: everything a screen shows, as a verb. stdout is data, stderr is messages, exit codes are 0, 1, 2.

0: all is well. 1: a check failed. 2: it could not be done (bad usage, bad file, no terminal), said in one line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tutor import __version__, paths
from tutor.errors import TutorError

if TYPE_CHECKING:
    from tutor.labs.run import Run
    from tutor.labs.spec import Check, Lab, Param


def main() -> None:
    """Run the command line; a TutorError is one line on stderr and exit code 2."""
    try:
        code = app.main(prog_name="genai-tutor", standalone_mode=False)
    except TutorError as error:
        click.echo(f"genai-tutor: {error}", err=True)
        code = 2
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        # The reader of our output has left, as `| head` does: nothing is wrong, and nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="genai-tutor")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with the four MNIST IDX files; labs then use 28×28 digits. Remembered.",
)
@click.pass_context
def app(context: click.Context, data: Path | None) -> None:
    """A tutor for the mathematics of generative AI. Without a command it opens in the terminal."""
    if data is not None:
        from tutor.settings import load_settings, save_settings

        if not data.is_dir():
            raise TutorError(f"--data: {data} is not a folder")
        save_settings(paths.settings_file(), load_settings(paths.settings_file()), data=str(data.resolve()))
    if context.invoked_subcommand is None:
        context.exit(_open_terminal())


def _open_terminal() -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TutorError("this is not a terminal; `genai-tutor --help` lists what works without one")
    from tutor.tui.app import TutorApp

    tui = TutorApp()
    tui.run()
    if tui.failure:
        raise TutorError(tui.failure)
    return 0


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

        return sorted(registry.LABS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from tutor.labs import registry

        return _lab_command(registry.get(cmd_name))


@app.command(cls=_LabGroup, name="lab", subcommand_metavar="LAB [OPTIONS]")
def lab_group() -> None:
    """Run a lab without the screen and hold it against its exact answers."""


def _lab_command(lab: Lab[Any, Any]) -> click.Command:
    from tutor.labs.spec import params_of

    knobs = params_of(lab.params)
    options: list[click.Parameter] = [_option(knob) for knob in knobs]
    options += [
        click.Option(["--seed"], type=click.IntRange(0), default=0, show_default=True, help="Seed of the run."),
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON object a line; the last holds the checks."),
        click.Option(["--chart", "as_chart"], is_flag=True, help="Draw the charts of the last frame."),
    ]

    def run(seed: int, as_json: bool, as_chart: bool, **values: str | None) -> int:
        given = {knob.name: knob.parse(text) for knob in knobs if (text := values[knob.name]) is not None}
        return _run_lab(lab, given, seed, as_json, as_chart)

    def callback(**values: Any) -> None:
        click.get_current_context().exit(run(**values))

    return click.Command(lab.id, params=options, callback=callback, help=f"{lab.title}.\n\n{lab.summary}")


def _option(knob: Param) -> click.Option:
    unit = f" ({knob.unit})" if knob.unit else ""
    shown = str(knob.default).lower() if knob.kind == "bool" else str(knob.default) or "none"
    text = f"{knob.help}{unit}; {knob.takes()}.  [default: {shown}]"
    return click.Option([f"--{knob.name.replace('_', '-')}", knob.name], default=None, metavar="VALUE", help=text)


def _run_lab(lab: Lab[Any, Any], given: dict[str, Any], seed: int, as_json: bool, as_chart: bool) -> int:
    from tutor.labs.client import ONE_THREAD

    # Numeric libraries read this when they are loaded.
    os.environ.update(ONE_THREAD)
    from tutor.labs.run import Run
    from tutor.labs.spec import describe, make_params, params_of
    from tutor.settings import load_settings

    if any(knob.name == "data" for knob in params_of(lab.params)) and "data" not in given:
        given["data"] = load_settings(paths.settings_file()).data
    params = make_params(lab, given)
    run = Run(lab, params, seed)
    emit: Callable[[dict[str, Any]], None] = _emit if as_json else lambda row: None
    emit(_frame_row(run))
    while not run.done:
        run.advance()
        emit(_frame_row(run))
    checks = run.checks()
    ok = bool(checks) and all(check.ok for check in checks)
    if as_json:
        _emit(
            {
                "lab": lab.id,
                "seed": seed,
                "params": {knob.name: getattr(params, knob.name) for knob in params_of(lab.params)},
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

    from tutor.labs.charts import DARK, NO_COLOR, draw, to_ansi

    columns = min(shutil.get_terminal_size((80, 24)).columns, 120)
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for chart in lab.charts:
        picture = draw(chart, run.history, columns, 18, DARK if color else NO_COLOR)
        click.echo(to_ansi(picture), color=color)
        click.echo()


def _emit(row: dict[str, Any]) -> None:
    click.echo(json.dumps(_finite(row), ensure_ascii=False))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not (-float("inf") < value < float("inf")):
        return None
    return value


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
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def status(as_json: bool) -> None:
    """Say where you are in the course: week, chapter, hours, what comes next."""
    from tutor.course.load import load_course
    from tutor.progress.plan import agenda
    from tutor.progress.store import Store

    content = paths.content_dir()
    store = Store.open(paths.database())
    try:
        plan = agenda(content, load_course(content), store)
    finally:
        store.close()
    if as_json:
        _emit(
            {
                "week": plan.week,
                "weeks": plan.weeks,
                "chapter": plan.chapter.id,
                "hours_planned": list(plan.planned_hours),
                "hours_spent": round(plan.seconds / 3600, 3),
                "next": None if plan.next is None else plan.next.target,
                "steps": [
                    {"target": step.target, "label": step.label, "state": step.state, "minutes": step.minutes}
                    for step in plan.steps
                ],
            }
        )
        return
    click.echo(f"Week {plan.week} of {plan.weeks}: chapter {plan.chapter.number}, {plan.chapter.title}")
    click.echo(f"Hours: {plan.seconds / 3600:.1f} spent of {plan.planned_hours[0]:g}–{plan.planned_hours[1]:g} planned")
    done = sum(step.state == "done" for step in plan.steps)
    click.echo(f"Steps: {done} of {len(plan.steps)} done")
    click.echo(f"Next: {plan.next.label}" if plan.next is not None else plan.finished)


@app.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
def check(folder: Path | None) -> None:
    """Check the course content: recompute every answer, render every formula, follow every link."""
    from tutor.course.check import check_content
    from tutor.exercises.child import run_code
    from tutor.labs import registry

    def runner(source: str) -> tuple[bool, str]:
        result = run_code(source, seconds=60)
        return result.outcome == "ok", result.output if result.outcome == "ok" else result.error

    content = folder or paths.content_dir()
    problems = check_content(content, set(registry.LABS), runner)
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
