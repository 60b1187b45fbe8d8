"""The verbs about the learner: where you are, what is due, how it stands, and what is yours to take along."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tutor import paths
from tutor.errors import TutorError
from tutor.output import emit

if TYPE_CHECKING:
    from tutor.course.model import Course
    from tutor.progress.events import Logged
    from tutor.progress.plan import Agenda
    from tutor.progress.queue import Due
    from tutor.progress.review import Card
    from tutor.progress.store import Store

AS_JSON = click.option("--json", "as_json", is_flag=True, help="As one JSON object.")


@dataclass(frozen=True)
class _Learner:
    """The course and the progress in it."""

    content: Path
    course: Course
    store: Store


@contextlib.contextmanager
def _learner() -> Iterator[_Learner]:
    from tutor.course.load import load_course
    from tutor.progress.store import Store

    content = paths.content_dir()
    course = load_course(content)
    path = paths.progress_file()
    # What was learned can be looked at also where nothing can be added to it, as in a copy on a disk that is read-only.
    kept = paths.may_write(path.parent) and paths.may_write(path)
    store = Store.read(path) if path.is_file() and not kept else Store.open(paths.database())
    try:
        yield _Learner(content, course, store)
    finally:
        store.close()


LONG_LOG = 10_000
"""Rows from which deriving everything anew is announced."""
ROW_SECONDS = 0.0003
"""What it takes a row, about."""


def _announce(store: Store, more: int = 0) -> None:
    """Say to who waits that everything is derived anew from a long log."""
    rows = int(store.query("SELECT count(*) FROM events")[0][0]) + more
    if rows > LONG_LOG and sys.stderr is not None and sys.stderr.isatty():
        seconds = rows * ROW_SECONDS
        click.echo(f"Deriving everything anew from {rows:,} rows; this takes about {seconds:.0f} s …", err=True)


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _hours(least: float, most: float) -> str:
    return f"{least:.0f}–{most:.0f} h"


@click.command()
@AS_JSON
def picture(as_json: bool) -> None:
    """Draw how the chapters lead to diffusion, and where you stand."""
    from tutor.course.load import is_written, load_chapter
    from tutor.course.picture import drawn, load_picture
    from tutor.progress.standing import standing

    with _learner() as learner:
        shown = load_picture(learner.content)
        found = standing(learner.content, learner.course, learner.store)
    if not as_json:
        states = {stub.number: found[stub.id].text for stub in learner.course.chapters}
        click.echo("\n".join(drawn(shown.drawing, states)))
        return
    rows = []
    for node in shown.nodes:
        at = found[node.chapter]
        written = is_written(learner.content, node.chapter)
        needs = list(load_chapter(learner.content, node.chapter).prerequisites) if written else []
        told = {"chapter": node.chapter, "ideas": node.ideas, "gives": node.gives, "needs": needs}
        rows.append({**told, "state": at.state, "done": at.done, "steps": at.total})
    emit({"chapters": rows})


@click.command()
@AS_JSON
def today(as_json: bool) -> None:
    """Say where you are: week, hours, reviews due, what comes next."""
    from tutor.progress.plan import agenda

    with _learner() as learner:
        plan = agenda(learner.content, learner.course, learner.store)
    if as_json:
        emit(_today_row(plan))
        return
    click.echo(f"Week {plan.week} of {plan.weeks}: chapter {plan.chapter.number}, {plan.chapter.title}")
    spent = f"{plan.seconds / 3600:.1f} spent of {plan.planned_hours[0]:g}–{plan.planned_hours[1]:g} planned"
    click.echo(f"Hours: {spent}; {_hours(*plan.hours_left)} left until {plan.end}")
    done = sum(step.state == "done" for step in plan.steps)
    click.echo(f"Steps: {done} of {len(plan.steps)} done")
    click.echo(f"Reviews: {_due_line(plan.due)}")
    click.echo(f"Next: {plan.first.label}" if plan.first is not None else plan.finished)
    if plan.missed is not None:
        click.echo(
            f"The plan is {_count(plan.missed.weeks, 'week')} ahead of you: `genai-tutor plan` with --shift "
            f"(ends {plan.missed.shifted_end}), --catch-up or --skip"
        )


def _today_row(plan: Agenda) -> dict[str, Any]:
    missed = plan.missed
    return {
        "date": plan.today.isoformat(),
        "week": plan.week,
        "weeks": plan.weeks,
        "end": plan.end.isoformat(),
        "chapter": plan.chapter.id,
        "hours_planned": list(plan.planned_hours),
        "hours_spent": round(plan.seconds / 3600, 3),
        "hours_left": [round(hours, 2) for hours in plan.hours_left],
        "due": _due_row(plan.due),
        "missed": None
        if missed is None
        else {
            "weeks": missed.weeks,
            "shifted_end": missed.shifted_end.isoformat(),
            "hours_a_week": [round(hours, 2) for hours in missed.hours_a_week],
            "skips": list(missed.chapters),
        },
        "first": None if plan.first is None else plan.first.target,
        "next": None if plan.next is None else plan.next.target,
        "steps": [
            {"target": step.target, "label": step.label, "state": step.state, "minutes": step.minutes}
            for step in plan.steps
        ],
    }


def _due_row(due: Due) -> dict[str, Any]:
    return {
        "total": due.total,
        "offered": due.offered,
        "reviewed": due.reviewed,
        "minutes": round(due.minutes, 1),
        "leeches": due.leeches,
        "tomorrow": due.tomorrow,
    }


def _due_line(due: Due) -> str:
    if not due.total:
        return f"none due; {due.tomorrow} tomorrow"
    if not due.offered:
        return f"enough for today ({due.reviewed} done); {due.total} wait"
    more = f" of {due.total}" if due.total > due.offered else ""
    return f"{due.offered}{more} due, about {max(1, round(due.minutes))} min"


@click.command()
@click.option("--retention", metavar="R", help="From now on ask again when the chance of recall is R, 0.70 to 0.97.")
@click.option("--cap", metavar="N", help="From now on at most N reviews a day.")
@click.option("--fuzz/--no-fuzz", default=None, help="From now on spread intervals a little, or do not.")
@click.option("--ahead", is_flag=True, help="What a review ahead would ask: what is not due yet.")
@click.option("--cram", is_flag=False, flag_value="", metavar="[CHAPTER]", help="What cramming a chapter or all asks.")
@click.option("--leeches", "hardest", is_flag=True, help="What was forgotten again and again, and what to read.")
@AS_JSON
def review(
    retention: str | None,
    cap: str | None,
    fuzz: bool | None,
    ahead: bool,
    cram: str | None,
    hardest: bool,
    as_json: bool,
) -> None:
    """Say which questions are due, in the order they would be asked."""
    from tutor.progress.queue import due, leeches, review_queue

    if ahead + (cram is not None) + hardest > 1:
        raise click.UsageError("--ahead, --cram and --leeches are lists of their own; ask for one.")
    with _learner() as learner:
        store = learner.store
        _set_review(store, retention, cap, fuzz)
        if hardest:
            _leeches(learner, as_json)
            return
        if ahead or cram is not None:
            _practice(learner, "ahead" if ahead else "cram", cram or "", as_json)
            return
        count, queue, hard, settings = due(store), review_queue(store), leeches(store), store.review_settings()
        rows = [_card_row(store, card) for card in queue]
    if as_json:
        chosen = {"retention": settings.retention, "cap": settings.cap, "fuzz": settings.fuzz}
        emit({**_due_row(count), "settings": chosen, "queue": rows, "leeches": [card.question for card in hard]})
        return
    click.echo(f"{_due_line(count)} (at most {settings.cap} a day, retention {settings.retention:.2f})")
    for row in rows:
        after = ", ".join(f"{grade} {days} d" for grade, days in row["next_days"].items())
        click.echo(f"{row['question']}\t{row['chapter']}\tdue {row['due']}\t{after}")
    for card in hard:
        click.echo(f"{card.question}\tforgotten {card.lapses} times: read its lesson again")


def _leeches(learner: _Learner, as_json: bool) -> None:
    """What was forgotten so often that its lesson will help more than asking again."""
    from tutor.progress.queue import leeches
    from tutor.progress.round import locate

    rows = []
    for card in leeches(learner.store):
        found = locate(learner.content, learner.course, card.question, card.chapter)
        lesson = found[0].lesson if found is not None else ""
        rows.append({"question": card.question, "chapter": card.chapter, "lapses": card.lapses, "lesson": lesson})
    if as_json:
        emit({"mode": "leeches", "queue": rows})
        return
    if not rows:
        click.echo("No question was forgotten again and again.", err=True)
    for row in rows:
        read = f"\tread lesson:{row['lesson']}" if row["lesson"] else ""
        click.echo(f"{row['question']}\t{row['chapter']}\tforgotten {row['lapses']} times{read}")


def _practice(learner: _Learner, mode: str, chapter: str, as_json: bool) -> None:
    """What a round asks that reschedules nothing."""
    from tutor.progress.rounds import review

    asked = review(learner.content, learner.course, learner.store, mode, chapter).choose(0)
    rows = [
        {"question": question, "chapter": name, "due": card.due}
        for question, name in zip(asked.ids, asked.chapters, strict=True)
        if (card := learner.store.card(question)) is not None
    ]
    if as_json:
        emit({"mode": mode, "queue": rows})
        return
    if not rows:
        click.echo("There is nothing to ask.", err=True)
    for row in rows:
        click.echo(f"{row['question']}\t{row['chapter']}\tdue {row['due']}")


def _set_review(store: Store, retention: str | None, cap: str | None, fuzz: bool | None) -> None:
    import msgspec

    given = {"retention": retention, "cap": cap, "fuzz": fuzz}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        return
    from tutor.progress.events import ReviewSettings

    now = msgspec.structs.asdict(store.review_settings())
    try:
        chosen = msgspec.convert({"kind": "review_settings", **now, **changes}, ReviewSettings, strict=False)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`")
        takes = {"retention": "a number from 0.70 to 0.97", "cap": "a whole number from 1 to 500"}
        raise TutorError(f"--{name} takes {takes[name]}") from None
    store.record(chosen)


def _card_row(store: Store, card: Card) -> dict[str, Any]:
    from tutor.progress.queue import today as study_day
    from tutor.progress.review import next_days

    after = next_days(card.question, card, study_day(store), store.review_settings())
    return {
        "question": card.question,
        "chapter": card.chapter,
        "objectives": list(card.objectives),
        "due": card.due,
        "variant": card.variant,
        "lapses": card.lapses,
        "next_days": {grade.name.lower(): days for grade, days in after.items()},
    }


@click.command()
@AS_JSON
def stats(as_json: bool) -> None:
    """Say how it went: time, reviews, mastery, calibration."""
    from tutor.progress.queue import today
    from tutor.progress.statistics import statistics

    with _learner() as learner:
        found = statistics(learner.content, learner.course, learner.store)
        day = today(learner.store)
    if as_json:
        emit(_plain(found))
        return
    for week in found.weeks:
        if week.hours or week.start <= day:
            planned = f"{week.planned[0]:.0f}–{week.planned[1]:.0f}"
            click.echo(f"week of {week.start}\t{week.hours:.1f} h of {planned} planned\t{week.chapter}")
    reviews = sum(day.reviews for day in found.days)
    kept = "" if found.retention is None else f", {100 * found.retention:.0f} % recalled"
    click.echo(f"reviews\t{reviews} in {len(found.days)} days{kept}")
    if found.leeches:
        click.echo(f"forgotten again and again\t{found.leeches}; `genai-tutor review --leeches` lists them")
    click.echo(f"falling due\t{sum(count for _, count in found.forecast)} in the next {len(found.forecast)} days")
    for chapter in found.mastery:
        attempted, familiar, proficient, mastered = chapter.levels
        levels = f"{mastered} mastered, {proficient} proficient, {familiar} familiar, {attempted} attempted"
        click.echo(f"chapter {chapter.number}\t{levels} of {chapter.objectives}")
    for level in found.calibration:
        if level.answers:
            click.echo(f"{level.name}\t{level.right} of {level.answers} right, stated {100 * level.stated:.0f} %")
    if found.overconfidence is not None and found.brier is not None:
        points = round(100 * found.overconfidence)
        says = f"{_count(abs(points), 'point')} too {'sure' if points > 0 else 'unsure'}" if points else "just right"
        click.echo(f"on the whole\t{says}, Brier {found.brier:.2f}")
    run = [row for row in found.predictions if row.measured is not None]
    if run:
        click.echo(f"in labs\t{sum(row.right for row in run)} of {_count(len(run), 'prediction')} close")


def _plain(value: Any) -> Any:
    """Dataclasses with their properties as dictionaries, dates as text."""
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        names += [name for name, member in vars(type(value)).items() if isinstance(member, property)]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


@click.command()
@AS_JSON
def mastery(as_json: bool) -> None:
    """List the objectives with how well each is known, and why."""
    from tutor.course.load import is_written
    from tutor.progress.objectives import standings

    with _learner() as learner:
        written = [stub.id for stub in learner.course.chapters if is_written(learner.content, stub.id)]
        rows = [
            (chapter, found.objective, found.state, found)
            for chapter in written
            for found in standings(learner.content, chapter, learner.store)
        ]
    if as_json:
        emit(
            {
                "objectives": [
                    {
                        "objective": objective.id,
                        "chapter": chapter,
                        "text": objective.text,
                        "level": None if state is None else state.level,
                        "share": None if state is None else round(state.share, 3),
                        "reason": None if state is None else state.reason,
                        "question": None if state is None else state.question,
                        "since": None if state is None else state.at,
                        "raises": found.raises,
                        "changes": [
                            {
                                "at": change.at,
                                "before": change.before or None,
                                "after": change.after,
                                "reason": change.reason,
                                "question": change.question,
                            }
                            for change in found.changes
                        ],
                    }
                    for chapter, objective, state, found in rows
                ]
            }
        )
        return
    for _, objective, state, _ in rows:
        level = "not tried" if state is None else f"{state.level} ({state.reason})"
        click.echo(f"{objective.id}\t{level}\t{objective.text}")


@click.command()
@AS_JSON
def placement(as_json: bool) -> None:
    """Say how the placement quizzes ended.

    With one passed, `plan --leave-out CHAPTER` leaves its chapter out of the plan.
    """
    from tutor.progress.placement import placements

    with _learner() as learner:
        found = placements(learner.content, learner.course, learner.store)
    if as_json:
        emit({"chapters": [_plain(row) for row in found]})
        return
    for row in found:
        says = {
            "new": "not taken",
            "open": f"question {row.answered + 1} of {row.questions}",
            "done": f"{row.right} of {row.questions} right, {'passed' if row.passed else 'not passed'}",
        }[row.state]
        out = "\tleft out of the plan" if row.left_out else ""
        click.echo(f"{row.chapter}\t{says}{out}")


@click.command()
@click.option("--start", metavar="DATE", help="Begin on this day, e.g. 2026-02-02.")
@click.option("--pace", metavar="WEEKS", help="Take so many weeks: 10, 11 or 12.")
@click.option("--shift", "answer", flag_value="shift", help="After missed weeks: move the rest of the plan.")
@click.option("--catch-up", "answer", flag_value="catch_up", help="After missed weeks: keep the end.")
@click.option("--skip", "answer", flag_value="skip", help="After missed weeks: go on with this week's chapter.")
@click.option("--leave-out", metavar="CHAPTER", help="Leave a chapter out of the plan; it stays open to you.")
@click.option("--take-in", metavar="CHAPTER", help="Take a chapter that was left out into the plan again.")
@AS_JSON
def plan(
    start: str | None,
    pace: str | None,
    answer: str | None,
    leave_out: str | None,
    take_in: str | None,
    as_json: bool,
) -> None:
    """Show the weeks of your plan, or change it."""
    from tutor.progress.plan import agenda

    with _learner() as learner:
        ways = (start is not None or pace is not None, answer is not None, leave_out is not None, take_in is not None)
        if sum(ways) > 1:
            raise click.UsageError(
                "--start and --pace make a new plan, --shift, --catch-up and --skip mend the old one, --leave-out and "
                "--take-in change a chapter of it; take one of these."
            )
        if start is not None or pace is not None:
            _start_plan(learner, start, pace)
        if answer is not None:
            _mend_plan(learner, answer)
        if leave_out is not None:
            _change_chapter(learner, leave_out, out=True)
        if take_in is not None:
            _change_chapter(learner, take_in, out=False)
        now = agenda(learner.content, learner.course, learner.store)
    dates = now.calendar
    moved = dates.end - (dates.start + timedelta(days=7 * dates.weeks - 1))
    why = dict(dates.skipped)
    rows: list[dict[str, Any]] = [
        {
            "first": stretch.first,
            "last": stretch.last,
            "begins": begins.isoformat(),
            "ends": ends.isoformat(),
            "chapter": stretch.chapter,
            "hours": list(stretch.hours),
            "skipped": dates.is_skipped(stretch.chapter),
            "why": why.get(stretch.chapter),
        }
        for stretch, (begins, ends) in zip(dates.stretches, dates.spans(), strict=True)
    ]
    if as_json:
        emit(
            {
                "start": dates.start.isoformat(),
                "end": dates.end.isoformat(),
                "weeks": dates.weeks,
                "week": now.week,
                "chosen": dates.chosen,
                "shifted_days": moved.days,
                "catching_up_weeks": dates.accepted,
                "hours_left": [round(hours, 2) for hours in now.hours_left],
                "stretches": rows,
            }
        )
        return
    shifted = f", shifted by {_count(moved.days, 'day')}" if moved else ""
    shifted += f", catching up {_count(dates.accepted, 'week')}" if dates.accepted else ""
    click.echo(f"{dates.start} to {dates.end}, {dates.weeks} weeks{shifted}; this is week {now.week}")
    for row in rows:
        weeks = f"week {row['first']}" if row["first"] == row["last"] else f"weeks {row['first']}–{row['last']}"
        hours = f"left out ({row['why']})" if row["skipped"] else f"{row['hours'][0]:g}–{row['hours'][1]:g} h"
        click.echo(f"{weeks}\t{row['begins']} to {row['ends']}\t{row['chapter']}\t{hours}")


def _start_plan(learner: _Learner, start: str | None, pace: str | None) -> None:
    from tutor.progress.events import PlanStart
    from tutor.progress.plan import choose
    from tutor.progress.schedule import calendar, paces

    before = calendar(learner.course, learner.store)
    allowed = [str(weeks) for weeks in paces(learner.course)]
    if pace is not None and pace not in allowed:
        raise TutorError(f"--pace takes {', '.join(allowed)} weeks, not {pace}")
    try:
        day = before.start if start is None else date.fromisoformat(start)
        event = PlanStart(start=day.isoformat(), weeks=before.weeks if pace is None else int(pace))
    except ValueError:
        raise TutorError(f"--start takes a day such as {date.today()}, not {start}") from None
    choose(learner.content, learner.course, learner.store, event)


def _mend_plan(learner: _Learner, answer: str) -> None:
    from tutor.progress.plan import agenda, mend

    missed = agenda(learner.content, learner.course, learner.store).missed
    if missed is None:
        raise TutorError("you are not behind the plan; there is nothing to mend")
    events = getattr(missed, answer)
    if not events:
        raise TutorError("there is no missed chapter to leave out; take --shift or --catch-up")
    mend(learner.store, events)


def _change_chapter(learner: _Learner, chapter: str, *, out: bool) -> None:
    from tutor.progress.plan import leave_out, take_in
    from tutor.progress.schedule import calendar

    known = [stub.id for stub in learner.course.chapters]
    if chapter not in known:
        raise TutorError(f"the course has no chapter {chapter!r}; it has {', '.join(known)}")
    if calendar(learner.course, learner.store).is_skipped(chapter) == out:
        raise TutorError(f"{chapter} is {'left out already' if out else 'not left out'}")
    (leave_out if out else take_in)(learner.store, chapter)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def export(file: Path) -> None:
    """Write all your progress to one JSON FILE."""
    from tutor.progress.transfer import export as write

    with _learner() as learner:
        rows = write(learner.store, file)
    click.echo(f"{file}: {_count(rows, 'row')}", err=True)


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Add the progress in an exported FILE to yours. What both have counts once."""
    from tutor.progress.transfer import import_file

    with _learner() as learner:
        done = import_file(learner.store, file, lambda rows: _announce(learner.store, rows))
    click.echo(f"{file}: {_count(done.new, 'row')} new, {done.known:,} known already", err=True)


@click.command()
@click.argument("target")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(target: str, yes: bool) -> None:
    """Forget what was done. TARGET is question:ID, lesson:ID, lab:ID, chapter:ID or all. `undo` brings it back."""
    from tutor.progress.reset import forgotten, scope

    with _learner() as learner:
        event = scope(learner.content, learner.course, target)
        gone = forgotten(learner.store, event)
        parts = [
            _count(number, name)
            for number, name in (
                (gone.answers, "answer"),
                (gone.cards, "review card"),
                (gone.lessons, "lesson"),
                (gone.labs, "lab"),
            )
            if number
        ]
        if gone.seconds:
            parts.append(f"{gone.seconds / 3600:.1f} h")
        if gone.nothing:
            click.echo(f"{target}: there is nothing to forget")
            return
        click.echo(f"{target}: {', '.join(parts)}")
        if not yes:
            if sys.stdin is None or not sys.stdin.isatty():
                raise TutorError("to forget this without being asked, add --yes")
            click.confirm("Forget this?", abort=True)
        learner.store.record(event)
    click.echo("forgotten; `genai-tutor undo` brings it back")


@click.command()
def undo() -> None:
    """Take back the latest answer, reset, flag or change of the plan."""
    from tutor.progress.events import Reset

    with _learner() as learner:
        row = learner.store.undoable()
        if row is not None and isinstance(row.event, Reset):
            _announce(learner.store)
        row = learner.store.undo()
    if row is None:
        raise TutorError("there is nothing to undo")
    click.echo(f"undone: {_named(row)}")


def _named(row: Logged) -> str:
    from tutor.progress.events import Skip

    kind = str(type(row.event).__struct_config__.tag).replace("_", " ")
    item = "" if row.event.item == "plan" else f" {row.event.item}"
    if isinstance(row.event, Skip) and row.event.decision:
        item = " of missed chapters"
    return f"{kind}{item}, {_minute(row)}"


def _minute(row: Logged) -> str:
    """When it was, as the learner's clock showed it."""
    from tutor.progress.review import local_time

    return f"{local_time(row):%Y-%m-%d %H:%M}"


@click.command()
@click.argument("question", required=False)
@click.argument("note", required=False, default="")
@AS_JSON
def flag(question: str | None, note: str, as_json: bool) -> None:
    """Note that something is wrong with a QUESTION. Without one, list what you flagged."""
    from tutor.progress.events import Flag
    from tutor.progress.round import find_question

    with _learner() as learner:
        if question is not None:
            find_question(learner.content, learner.course, question)
            if len(note) > 2000:
                raise TutorError("a note has at most 2000 characters")
            learner.store.record(Flag(item=question, note=note))
        rows = [(row, row.event) for row in learner.store.effective("flag")]
    flags = [(row, event) for row, event in rows if isinstance(event, Flag)]
    if as_json:
        emit({"flags": [{"question": event.item, "note": event.note, "at": row.at} for row, event in flags]})
        return
    if not flags:
        click.echo("You have flagged no question.", err=True)
    for row, event in flags:
        note = "".join(sign if sign.isprintable() else " " for sign in event.note)  # a flag is one line
        click.echo(f"{event.item}\t{_minute(row)}\t{note}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--chapter", metavar="ID", help="Only this chapter.")
def anki(file: Path, chapter: str | None) -> None:
    """Write the question bank as an Anki deck, FILE.apkg. Needs the extra `anki`."""
    from tutor.course.load import load_course
    from tutor.progress.anki import write_deck

    content = paths.content_dir()
    notes = write_deck(content, load_course(content), file, chapter)
    click.echo(f"{file}: {_count(notes, 'note')}", err=True)


status = click.Command("status", callback=today.callback, params=today.params, help="The same as today.", hidden=True)

VERBS = (today, status, picture, review, placement, stats, mastery, plan, export, import_, reset, undo, flag, anki)
