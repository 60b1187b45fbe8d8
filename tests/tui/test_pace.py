"""How long a run will take is told by its last seconds."""

from __future__ import annotations

import pytest

from tutor.tui.format import time_left
from tutor.tui.pace import WINDOW_SECONDS, Pace


def run(pace: Pace, seconds: float, steps_a_second: float, start: float = 0.0, first: int = 0) -> tuple[float, int]:
    now, step = start, first
    for tick in range(int(seconds * 10) + 1):
        now, step = start + tick / 10, first + round(steps_a_second * tick / 10)
        pace.note(now, step, True)
    return now, step


def test_nothing_is_foretold_before_there_is_something_to_go_by() -> None:
    pace = Pace()
    assert pace.seconds_left(100) is None
    run(pace, 1.0, 10)
    assert pace.seconds_left(100) is None


def test_a_steady_run_ends_when_it_says() -> None:
    pace = Pace()
    _, step = run(pace, 5.0, 20)
    assert pace.seconds_left(2000) == pytest.approx((2000 - step) / 20)


def test_what_was_faster_long_ago_is_forgotten() -> None:
    pace = Pace()
    now, step = run(pace, 5.0, 100)
    _, step = run(pace, WINDOW_SECONDS + 1, 10, now, step)
    assert pace.seconds_left(step + 100) == pytest.approx(10, rel=0.02)


def test_a_pause_a_new_run_and_another_speed_begin_afresh() -> None:
    pace = Pace()
    run(pace, 5.0, 20)
    pace.note(6.0, 100, False)
    assert pace.seconds_left(1000) is None
    run(pace, 5.0, 20, 7.0)
    pace.note(13.0, 0, True)
    assert pace.seconds_left(1000) is None
    run(pace, 5.0, 20, 13.1)
    pace.forget()
    assert pace.seconds_left(1000) is None


def test_a_run_that_stands_still_is_not_given_a_time() -> None:
    pace = Pace()
    run(pace, 5.0, 0)
    assert pace.seconds_left(1000) is None


def test_times_are_written_as_roughly_as_they_are_known() -> None:
    assert [time_left(seconds) for seconds in (3, 42, 94, 96, 180, 4000)] == [
        "10 s", "40 s", "90 s", "2 min", "3 min", "1 h 07",
    ]  # fmt: skip
