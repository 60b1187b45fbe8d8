"""The verbs `labs` and `lab`: a lab without the screen, held against its exact answers."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tutor import paths
from tutor.errors import TutorError
from tutor.output import emit, has_unicode

if TYPE_CHECKING:
    from tutor.labs.run import Run
    from tutor.labs.spec import Check, Lab, Param


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def labs(as_json: bool) -> None:
    """List the labs, one a line: id, then title."""
    from tutor.labs import registry

    for lab in registry.all_labs():
        if as_json:
            emit({"id": lab.id, "title": lab.title, "chapter": lab.chapter})
        else:
            click.echo(f"{lab.id}\t{lab.title}")


class _LabGroup(click.Group):
    """One subcommand a lab, its options made from the lab's own parameters."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from tutor.labs import registry

        return list(registry.LABS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from tutor.labs import registry

        return _lab_command(registry.get(cmd_name))


@click.group(
    cls=_LabGroup, name="lab", invoke_without_command=True, options_metavar="", subcommand_metavar="LAB [OPTIONS]"
)
@click.pass_context
def lab_group(context: click.Context) -> None:
    """Run a lab without the screen, held against its exact answers."""
    if context.invoked_subcommand is None:
        from tutor.labs import registry

        raise TutorError(f"which lab? {', '.join(registry.LABS)}")


def _lab_command(lab: Lab[Any, Any]) -> click.Command:
    from tutor.labs.spec import params_of

    knobs = params_of(lab.params)
    limits = lab.limits(lab.params())
    options: list[click.Parameter] = [_option(knob, limits.get(knob.name)) for knob in knobs]
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
        typed = {name: text for name, text in values.items() if text is not None}
        click.get_current_context().exit(_run_lab(lab, typed, seed, as_json, as_chart))

    title = lab.title if lab.title.endswith("?") else f"{lab.title}."
    return click.Command(lab.id, params=options, callback=callback, help=f"{title}\n\n{lab.summary}")


def _option(knob: Param, limits: tuple[float, float] | None) -> click.Option:
    """The option of a knob; `limits` is its range beside the defaults of the others, on which it depends."""
    unit = f" ({knob.unit})" if knob.unit else ""
    shown = ("on" if knob.default else "off") if knob.kind == "bool" else str(knob.default) or "none"
    takes = knob.takes()
    if limits is not None:
        takes += f"; the most depends on the other options, {limits[1]:g} by default"
    text = f"{knob.help}{unit}; {takes}.  [default: {shown}]"
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


def _parsed(lab: Lab[Any, Any], typed: Mapping[str, str], given: dict[str, Any]) -> Any:
    """The parameters as typed, and as `given`; what depends on others is held against its range beside them."""
    from tutor.labs.spec import make_params, params_of

    knobs = params_of(lab.params)
    narrow = lab.limits(lab.params()).keys()
    given |= {knob.name: knob.parse(typed[knob.name]) for knob in knobs if knob.name in typed.keys() - narrow}
    limits = lab.limits(make_params(lab, given)) if narrow else {}
    for knob in knobs:
        if knob.name in typed and knob.name in narrow:
            low, high = limits[knob.name]
            given[knob.name] = dataclasses.replace(knob, low=low, high=high).parse(typed[knob.name])
    return make_params(lab, given)


def _run_lab(lab: Lab[Any, Any], typed: Mapping[str, str], seed: int, as_json: bool, as_chart: bool) -> int:
    from tutor.labs.client import ONE_THREAD

    # Numeric libraries read this when they are loaded.
    os.environ.update(ONE_THREAD)
    from tutor.labs.run import Run
    from tutor.labs.spec import describe, params_of, with_minus
    from tutor.settings import load_settings

    knobs = params_of(lab.params)
    given: dict[str, Any] = {}
    remembered = None
    if "data" not in typed and any(knob.name == "data" for knob in knobs):
        given["data"] = load_settings(paths.settings_file()).data
        remembered = paths.settings_file()
    with _as_options(knobs, remembered):
        params = _parsed(lab, typed, given)
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
    note = with_minus(run.frame().note)
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
