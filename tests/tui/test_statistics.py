"""Statistics: what is drawn, the numbers below, and what is said while there are none."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from tui_support import CHAPTER, COURSE, Learner, charts, learning, progress

from tutor import paths
from tutor.course.load import load_chapter
from tutor.progress import events as log
from tutor.progress.pictures import CHARTS, arrays, filled
from tutor.progress.statistics import statistics
from tutor.progress.store import Store, local_now
from tutor.tui.screens.statistics import PARTS, StatisticsScreen
from tutor.tui.screens.today import TodayScreen
from tutor.tui.statistics_text import EMPTY

TOTAL = sum(len(load_chapter(paths.content_dir(), stub.id).objectives) for stub in COURSE.chapters)
OBJECTIVE = load_chapter(paths.content_dir(), CHAPTER).objectives[0].id


def some_weeks() -> None:
    """Answers, reviews, time and a prediction over three weeks."""
    moment = [local_now() - timedelta(days=20)]
    store = Store.open(paths.database(), clock=lambda: moment[0])
    try:
        store.record(log.PlanStart(start=moment[0].date().isoformat(), weeks=12))
        for day in range(20):
            if day in {0, 3, 11, 18}:
                for at, outcome in enumerate(("right", "right", "wrong")):
                    given: Any = {"response": "", "outcome": outcome, "score": 0.0, "context": "review", "quiz": ""}
                    given["confidence"] = (0.25, 0.95, 0.95)[at]
                    store.record(
                        log.Answer(item=f"q{at}", objectives=(OBJECTIVE,), **given), chapter=CHAPTER, seconds=1800.0
                    )
            moment[0] += timedelta(days=1)
        store.record(log.Prediction(item="svd-digits", value=0.5))
        run: Any = {"params": {}, "seed": 0, "changes": (), "steps": 1, "checks": {}, "done": True}
        store.record(log.LabRun(item="svd-digits", scalars={"compression": 0.5, "share": 0.5}, **run))
    finally:
        store.close()


async def opened(learner: Learner) -> StatisticsScreen:
    await learner.press("s")
    screen = await learner.on(StatisticsScreen)
    await learner.until(lambda: screen.found is not None, "for the count")
    await learner.settle()
    return screen


async def drawn(learner: Learner, screen: StatisticsScreen) -> list[str]:
    """Wait until each chart on the screen fits its place; their ids."""

    def fits() -> bool:
        views = charts(learner)
        return bool(views) and all(
            len(screen.pictures.get(view.chart_id, ())) == view.size.height
            and sum(len(text) for text, _ in screen.pictures[view.chart_id][0]) == view.size.width
            for view in views
        )

    await learner.until(fits, "for the charts")
    return [view.chart_id for view in charts(learner)]


async def test_a_small_terminal_shows_one_chart_at_a_time_with_its_numbers() -> None:
    some_weeks()
    async with learning((80, 24)) as learner:
        screen = await opened(learner)
        for part, says in [
            ("time", "6 h in 3 weeks"),
            ("reviews", "9 answered again and 3 new questions in 30 days"),
            ("recall", "67 % of 9 reviews recalled"),
            ("mastery", f"of {TOTAL} mastered"),
            ("calibration", "certain (95 %): 4 of 8 right, 50 %"),
        ]:
            assert screen.part == part
            await learner.sees(f"[{PARTS[part]}]", says)
            if part != "mastery":
                assert await drawn(learner, screen) == [part]
                assert charts(learner)[0].size.height >= 10
            await learner.press("tab")
        assert screen.part == "time"
        await learner.press("shift+tab")
        await learner.sees("[Calibration]", "guess (25 %): 4 of 4 right, 100 %", "points too sure")
        await learner.press("escape")
        await learner.on(TodayScreen)


async def test_a_large_terminal_shows_all_of_it_and_a_resize_draws_it_anew() -> None:
    some_weeks()
    async with learning((120, 40)) as learner:
        screen = await opened(learner)
        assert {*await drawn(learner, screen)} == {chart.id for chart in CHARTS}
        await learner.sees("█ mastered ▓ proficient ▒ familiar ░ attempted · none")
        await learner.misses("Tab Next part")
        await learner.pilot.resize_terminal(80, 24)
        assert await drawn(learner, screen) == ["time"]
        await learner.pilot.resize_terminal(140, 50)
        assert len(await drawn(learner, screen)) == 4


async def test_while_there_is_nothing_each_part_says_what_will_stand_there() -> None:
    async with learning((80, 24)) as learner:
        screen = await opened(learner)
        for part in PARTS:
            await learner.sees(" ".join(EMPTY.get(part, f"0 of {TOTAL} mastered").split()))
            await learner.sees(next((chart.title for chart in CHARTS if chart.id == part), "Objectives"))
            assert charts(learner) == []
            await learner.press("tab")
        assert screen.pictures == {}


async def test_without_colours_nothing_is_told_by_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    some_weeks()
    async with learning((120, 40)) as learner:
        screen = await opened(learner)
        await drawn(learner, screen)
        styles = {style for picture in screen.pictures.values() for line in picture for _, style in line}
        assert styles <= {"", "bold"}
        for name in ("█ answered again", "■ falling due"):
            await learner.sees(name)
        for name in ("■ planned at most", "▲ at least", "● on a day", "─■─ in 7 days", "▲ you"):
            await learner.sees(name)


async def test_the_theme_changes_the_charts() -> None:
    some_weeks()
    async with learning((80, 24)) as learner:
        screen = await opened(learner)
        await drawn(learner, screen)
        dark = screen.pictures
        learner.app.action_theme()
        await learner.until(lambda: screen.pictures is not dark, "for the other theme")
        assert [[text for text, _ in line] for line in screen.pictures["time"]] == [
            [text for text, _ in line] for line in dark["time"]
        ]
        assert screen.pictures != dark


async def test_what_was_done_meanwhile_is_counted_when_it_is_seen_again() -> None:
    async with learning((80, 24)) as learner:
        await opened(learner)
        await learner.sees("Here will stand the hours")
        with progress() as store:
            store.record(log.Page(item="svd", page=1, pages=8), chapter=CHAPTER, seconds=3600.0)
        await learner.press("question_mark", "escape")
        await learner.on(StatisticsScreen)
        await learner.sees("1 h in 1 week", "This week 1 h of 6–8 h")


def test_the_series_fit_their_charts() -> None:
    some_weeks()
    with progress() as store:
        found = statistics(paths.content_dir(), COURSE, store)
    assert filled(found)[1:] == CHARTS[1:]
    series = arrays(found, 0.85)
    for chart in CHARTS:
        for one in chart.series:
            assert len(series[one.x]) == len(series[one.y]) > 0
    assert series["day"] == [float(day) for day in range(-29, 30)]
    assert series["due"] == [count for _, count in found.forecast if count]
    assert sum(series["due"]) == sum(count for _, count in found.forecast) > 0
    assert sum(series["reviewed"]) == sum(day.reviews for day in found.days) == 9
    assert series["wanted"] == [0.85, 0.85]
    # The smoothed share of the last day is that of its week.
    week = [day for day in found.days[-9:] if day.reviews]
    assert series["smooth"][-1] == week[-1].recalled / week[-1].reviews


def test_many_that_wait_are_a_number_and_do_not_flatten_the_days() -> None:
    some_weeks()
    with progress() as store:
        found = statistics(paths.content_dir(), COURSE, store)
    later = [(day, 3) for day, _ in found.forecast[1:]]
    full = dataclasses.replace(found, forecast=((found.forecast[0][0], 103), *later))
    reviews = next(chart for chart in filled(full) if chart.id == "reviews")
    assert reviews.title.endswith("; 103 due now")
    assert max(arrays(full, 0.9)["due"]) == 3
    assert arrays(full, 0.9)["ahead"][0] == 1
    few = dataclasses.replace(found, forecast=((found.forecast[0][0], 5), *later))
    assert CHARTS[1] in filled(few)
    assert arrays(few, 0.9)["due"][0] == 5


@pytest.mark.parametrize("columns", [30, 55, 74, 120])
def test_the_axis_of_weeks_names_whole_weeks_and_what_they_are(columns: int) -> None:
    import numpy as np

    from tutor.labs.charts import NO_COLOR, draw
    from tutor.labs.run import History
    from tutor.labs.spec import Frame

    weeks = [float(week) for week in range(1, 13)]
    arrays = {name: np.array(weeks) for name in ("week", "hours", "least", "most")}
    frame = Frame(0, {}, arrays)
    time = dataclasses.replace(CHARTS[0], x_range=(0.5, 12.5))
    foot = "".join(text for text, _ in draw(time, History(frame), columns, 14, NO_COLOR)[-1])
    assert "week of the plan" in foot or columns == 30
    labels = [word for word in foot.split() if word[0].isdigit()]
    assert labels
    assert all(label.isdigit() and 1 <= int(label) <= 12 for label in labels)
