"""The verbs that are no part of progress: labs, the course and its check, the reference, search."""

from __future__ import annotations

from pathlib import Path

import click

from tutor import __version__, paths
from tutor.cli import need_terminal, open_terminal
from tutor.cli_lab import lab_group, labs
from tutor.cli_progress import VERBS
from tutor.errors import TutorError
from tutor.output import emit


def run() -> int:
    """Do what the arguments say and return the exit code; raises TutorError, or KeyboardInterrupt."""
    try:
        code = app.main(prog_name="genai-tutor", standalone_mode=False)
    except click.ClickException as error:
        raise TutorError(_usage(error)) from None
    except click.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


def _usage(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context is not None else "genai-tutor"
    message = error.format_message()
    return f"{message}{'' if message.endswith(('.', '?')) else '.'} See `{command} --help`."


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
        need_terminal()
    if data is not None:
        _remember_data(data)
    elif not opens and context.invoked_subcommand != "lab":
        _mention_settings()
    if opens:
        context.exit(open_terminal())


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


def _mention_settings() -> None:
    """Say of settings that cannot be read what is wrong; a verb that does without goes on. A lab says it itself."""
    path = paths.settings_file()
    if not path.exists():
        return
    from tutor.settings import load_settings

    try:
        load_settings(path)
    except TutorError as error:
        click.echo(f"genai-tutor: {error}; going on without", err=True)


@app.command()
@click.argument("kind", required=False, default="")
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def reference(kind: str, words: tuple[str, ...], as_json: bool) -> None:
    """Look up equations, glossary, confusions and more.

    KIND is equations, glossary, confusions, further-reading or next-steps; WORDS keep what holds them all.
    """
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
    if not found and not as_json:
        click.echo(f"Nothing in the {KINDS.get(kind, 'reference').lower()} has {' '.join(words)!r}.", err=True)
    for number, item in enumerate(found):
        if as_json:
            emit(row(item))
        else:
            click.echo(("\n" if number else "") + as_text(item))


@app.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def search(words: tuple[str, ...], as_json: bool) -> None:
    """Search lessons, equations, glossary and questions. The best come first, hits between [ and ]."""
    from tutor.course.search import KINDS, index_path, look_up

    rows = look_up(paths.content_dir(), index_path(), " ".join(words))
    if not rows and not as_json:
        click.echo(f"Nothing found for {' '.join(words)!r}.", err=True)
    for found in rows:
        text = "".join(f"[{piece}]" if hit else piece for piece, hit in found.snippet)
        if as_json:
            row = {"kind": found.kind, "title": found.title, "place": found.place, "target": found.target}
            emit({**row, "snippet": text})
        else:
            place = f", {found.place}" if found.place else ""
            click.echo(f"{found.title} ({KINDS[found.kind]}{place})\n  {text}\n  {found.target}")


@app.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--chapter", metavar="ID", help="Only this chapter, by its id or number; a quick look while writing it.")
@click.option("--fresh", is_flag=True, help="Run all code of the lessons, also what ran well before and is the same.")
def check(folder: Path | None, chapter: str | None, fresh: bool) -> None:
    """Check the course content. Recomputes every answer, renders every formula, follows every link."""
    from tutor.course.check import check_content
    from tutor.exercises.child import run_code
    from tutor.exercises.kept import Kept
    from tutor.labs import registry

    def runner(source: str) -> tuple[bool, str]:
        result = run_code(source, seconds=60)
        return result.outcome == "ok", result.output if result.outcome == "ok" else result.error

    content = folder or paths.content_dir()
    run = Kept(runner, paths.cache() / "blocks.json", fresh=fresh)
    problems = check_content(content, set(registry.LABS), run, chapter, lambda doing: click.echo(doing, err=True))
    run.save(whole=chapter is None)
    for problem in problems:
        click.echo(f"{problem.file}:{problem.line}: {problem.message}")
    looked_at = str(content) if chapter is None else f"chapter {chapter} of {content}"
    if problems:
        click.echo(f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in {looked_at}", err=True)
        click.get_current_context().exit(1)
    click.echo(f"{looked_at}: no problems", err=True)


@app.command()
def where() -> None:
    """Say where things are: progress, settings, content."""
    click.echo(f"home\t{paths.place()}")
    click.echo(f"progress\t{paths.progress_file()}")
    click.echo(f"settings\t{paths.settings_file()}")
    click.echo(f"content\t{paths.content_dir()}")


for verb in (labs, lab_group, *VERBS):
    app.add_command(verb)
