"""Charts are a total function: any data, any size, any theme give exactly the lines and cells asked for."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rich.style import Style

from tutor.labs import charts
from tutor.labs.run import History
from tutor.labs.spec import Chart, Frame, Series
from tutor.labs.ticks import number, ticks

FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)
COLUMNS = arrays(np.float64, st.integers(0, 60), elements=FLOATS)
STYLES = ("line", "points", "bars", "dashed")


def history(scalars: dict[str, float] | None = None, **values: Any) -> History:
    return History(Frame(0, scalars or {}, {name: np.asarray(value) for name, value in values.items()}))


def text(picture: charts.Picture) -> str:
    return "\n".join("".join(run for run, _ in line) for line in picture)


def assert_fits(picture: charts.Picture, width: int, height: int) -> None:
    assert len(picture) == height
    for line in picture:
        assert sum(len(run) for run, _ in line) == width
        assert not any(ch in run for run, _ in line for ch in "\n\x1b\t")
        for _, style in line:
            Style.parse(style)


@given(
    x=COLUMNS,
    y=COLUMNS,
    z=COLUMNS,
    style=st.sampled_from(STYLES),
    logs=st.tuples(st.booleans(), st.booleans()),
    limits=st.one_of(st.none(), st.tuples(FLOATS, FLOATS)),
    size=st.tuples(st.integers(1, 90), st.integers(1, 30)),
    theme=st.sampled_from(list(charts.THEMES.values())),
    prediction=st.one_of(st.none(), FLOATS),
)
@settings(max_examples=60, deadline=None)
def test_any_curve_at_any_size(
    x: Any, y: Any, z: Any, style: Any, logs: Any, limits: Any, size: Any, theme: Any, prediction: Any
) -> None:
    chart = Chart(
        "c",
        "A title",
        series=(Series("one", "y", "x", style), Series("two", "z"), Series("none", "absent")),
        x_label="x",
        x_log=logs[0],
        y_log=logs[1],
        x_range=limits,
        y_range=limits,
    )
    assert_fits(charts.draw(chart, history(x=x, y=y, z=z), *size, theme, prediction), *size)


@given(
    image=arrays(np.float64, st.tuples(st.integers(0, 12), st.integers(0, 12)), elements=FLOATS),
    stack=arrays(np.float64, st.tuples(st.integers(0, 5), st.integers(1, 9), st.integers(1, 9)), elements=FLOATS),
    kind=st.sampled_from(["image", "heat"]),
    size=st.tuples(st.integers(1, 90), st.integers(1, 30)),
    theme=st.sampled_from(list(charts.THEMES.values())),
)
@settings(max_examples=40, deadline=None)
def test_any_picture_at_any_size(image: Any, stack: Any, kind: Any, size: Any, theme: Any) -> None:
    chart = Chart("c", "A title", kind=kind, images=(("one", "image"), ("two", "stack"), ("none", "absent")))
    assert_fits(charts.draw(chart, history(image=image, stack=stack), *size, theme), *size)


@given(
    backdrop=arrays(np.float64, st.tuples(st.integers(0, 12), st.integers(0, 12)), elements=FLOATS),
    extent=arrays(np.float64, st.integers(0, 5), elements=FLOATS),
    x=COLUMNS,
    kind=st.sampled_from(["heat", "regions"]),
    size=st.tuples(st.integers(1, 90), st.integers(1, 30)),
    theme=st.sampled_from(list(charts.THEMES.values())),
)
@settings(max_examples=40, deadline=None)
def test_any_backdrop_at_any_size(backdrop: Any, extent: Any, x: Any, kind: Any, size: Any, theme: Any) -> None:
    chart = Chart("c", "A title", series=(Series("one", "x", "x"),), backdrop="b", backdrop_kind=kind)
    assert_fits(charts.draw(chart, history(b=backdrop, b_extent=extent, x=x), *size, theme), *size)


def test_the_backdrop_stands_the_right_way_up_and_sets_the_axes() -> None:
    # Class 1 above y = 0 and class 2 below, where x > 0; class 0 elsewhere.
    x, y = np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-2, 2, 40))
    array = np.where(x < 0, 0, np.where(y > 0, 1, 2))
    chart = Chart("c", "Regions", series=(Series("", "none"),), backdrop="b", backdrop_kind="regions")
    drawn = history(b=array, b_extent=np.array([-1.0, 1.0, -2.0, 2.0]))
    lines = text(charts.draw(chart, drawn, 40, 20, charts.NO_COLOR)).split("\n")
    assert lines[1].startswith(" 2┤") and lines[-3].startswith("−2┤")  # noqa: PT018 - one fact
    assert lines[2].rstrip().endswith("·····")
    assert lines[-4].rstrip().endswith(":::::")
    assert "·" not in lines[-4]
    assert lines[2][4:15].strip() == ""


@pytest.mark.parametrize(("width", "height"), [(40, 12), (120, 40), (200, 60)])
def test_curves_fill_the_canvas_however_large_it_is(width: int, height: int) -> None:
    ends = np.array([0.0, 1.0])
    canvas = charts._trace([(ends, ends)], width, height, lines=True)
    rows, columns = np.nonzero((canvas != " ") & (canvas != chr(charts.BRAILLE)))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, height - 1, 0, width - 1)


@pytest.mark.parametrize("height", [14, 20, 40])
@pytest.mark.parametrize("place", [-0.8, -0.3, 0.0, 0.5, 0.9])
def test_the_backdrop_lies_where_points_of_the_same_place_do(height: int, place: float) -> None:
    # A bright spot on a fine grid, and one point in the middle of it.
    side = np.linspace(-1.0, 1.0, 201)
    spot = np.exp(-(np.hypot(side[:, None] - place, side + place / 2) ** 2) / 0.02)
    chart = Chart("c", "Spot", series=(Series("", "y", "x", "points"),), backdrop="b", image_range=(0.0, 1.0))
    drawn = history(b=spot, b_extent=np.array([-1.0, 1.0, -1.0, 1.0]), x=np.array([-place / 2]), y=np.array([place]))
    picture = text(charts.draw(chart, drawn, 44, height, charts.DARK)).split("\n")
    body = picture[1:-2]
    axis = next(at for at, cell in enumerate(body[1]) if cell in "│┤")
    ((row, column),) = [(i, line.index("●") - axis - 1) for i, line in enumerate(body) if "●" in line]
    behind = charts._backdrop(chart, drawn, len(body), 44 - axis - 1, charts.DARK)
    assert behind is not None
    light = np.array([[sum(bytes.fromhex(colour.removeprefix("#"))) for colour in line] for line in behind], float)
    light = np.maximum(light - np.median(light), 0.0) ** 2
    down, across = ((np.arange(n) + 0.5) @ light.sum(axis=1 - k) / light.sum() for k, n in enumerate(light.shape))
    # The point is drawn in the middle of a cell, up to half a cell from where it is.
    assert abs(down / 2 - (row + 0.5)) < 0.6
    assert abs(across - (column + 0.5)) < 0.6


@pytest.mark.parametrize(("count", "width", "rows"), [(8, 50, 8), (8, 42, 6), (8, 120, 30), (3, 50, 8), (1, 20, 4)])
def test_pictures_are_drawn_large_enough_to_be_read(count: int, width: int, rows: int) -> None:
    stack = np.zeros((count, 8, 8))
    shown, across, zoom = charts._packed(count, 8, 8, width, rows)
    down = -(-shown // across)
    assert min(count, 4) <= shown <= count
    assert zoom >= 1.0
    assert across * (int(8 * zoom) + 1) - 1 <= width
    assert down * (-(-int(8 * zoom) // 2) + 1) - 1 <= rows
    lines = charts._row_of_images(stack, width, rows, 0.0, 1.0, "image", charts.DARK)
    assert len(lines) <= rows


HOSTILE = {
    "nan in a line": "np.array([0, np.nan, 1])",
    "far outside the limits": "np.array([0, 1e9, 1])",
    "infinite": "np.array([np.inf, -np.inf, 1.0])",
    "huge": "np.array([1e308, -1e308, 0.0])",
    "tiny": "np.array([5e-324, 0, 1e-320])",
    "very many points": "np.random.default_rng(0).standard_normal(20_000)",
    "constant": "np.full(100, 3.0)",
}


def test_what_kills_plotext_does_not_reach_it() -> None:
    # In a process of its own: a failure here would end the test run without a word.
    code = textwrap.dedent(
        f"""
        import numpy as np
        from tutor.labs import charts
        from tutor.labs.run import History
        from tutor.labs.spec import Chart, Frame, Series
        for data in ({", ".join(HOSTILE.values())},):
            for style in {STYLES}:
                for log in (False, True):
                    for limits in (None, (0.0, 2.0)):
                        chart = Chart("c", "t", series=(Series("s", "y", style=style),), y_log=log, y_range=limits)
                        history = History(Frame(0, {{}}, {{"y": data}}))
                        for size in ((78, 18), (3, 3), (1, 1)):
                            assert len(charts.draw(chart, history, *size, charts.DARK)) == size[1]
        print("lived")
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "lived", done.stderr[-2000:]


def test_what_was_left_out_is_said() -> None:
    chart = Chart("c", "Loss", series=(Series("loss", "y"),))
    picture = charts.draw(chart, history(y=[1.0, np.nan, np.inf, 2.0]), 60, 12, charts.DARK)
    assert "Loss  2 not finite, left out" in text(picture)


def test_a_rising_line_rises() -> None:
    chart = Chart("c", "t", series=(Series("", "y"),))
    rows = text(charts.draw(chart, history(y=np.arange(50.0)), 60, 14, charts.NO_COLOR)).splitlines()[1:-2]
    first_drawn = [min(row.find(ch) for ch in row[3:] if ch != " ") for row in rows if row[3:].strip()]
    assert first_drawn == sorted(first_drawn, reverse=True)
    assert len(first_drawn) == len(rows)


def test_ticks_are_round_and_inside() -> None:
    chart = Chart("c", "t", series=(Series("", "y"),), y_range=(0.0, 1.0), x_label="steps")
    drawn = text(charts.draw(chart, history(y=np.linspace(0.2, 0.8, 30)), 60, 16, charts.NO_COLOR))
    labels = [line.split("┤")[0].strip() for line in drawn.splitlines() if "┤" in line]
    assert labels[0] == "1"
    assert labels[-1] == "0"
    assert "steps" in drawn.splitlines()[-1]


def test_log_axes_have_decades() -> None:
    chart = Chart("c", "t", series=(Series("", "y"),), y_log=True)
    drawn = text(charts.draw(chart, history(y=10.0 ** np.arange(-6, 3)), 60, 20, charts.NO_COLOR))
    assert "10⁻⁶┤" in drawn
    assert " 1┤" in drawn


@pytest.mark.parametrize("theme", charts.THEMES.values(), ids=charts.THEMES)
def test_series_differ_without_colour(theme: charts.Theme) -> None:
    chart = Chart("c", "t", series=(Series("one", "y"), Series("two", "z"), Series("three", "y", style="dashed")))
    drawn = text(charts.draw(chart, history(y=np.arange(9.0), z=np.arange(9.0)[::-1]), 70, 16, theme))
    assert "─●─ one" in drawn
    assert "─■─ two" in drawn
    assert "╍╍ three" in drawn
    body = drawn.split("\n", 2)[2]
    assert "●" in body
    assert "■" in body
    if not theme.color:
        picture = charts.draw(chart, history(y=np.arange(9.0)), 70, 16, theme)
        assert not any("#" in style for line in picture for _, style in line)


def test_a_curve_ends_where_it_leaves_the_chart() -> None:
    # A parabola from −1 to 8 in the range 0 … 4: nothing of it runs along the edges.
    x = np.linspace(-3.0, 3.0, 61)
    chart = Chart("c", "t", series=(Series("", "y", "x", "dashed"),), y_range=(0.0, 4.0))
    rows = text(charts.draw(chart, history(x=x, y=x**2 - 1), 61, 20, charts.NO_COLOR)).splitlines()[1:-2]
    edges = [len(rows[at][2:].replace(" ", "").replace(chr(0x2800), "")) for at in (0, -1)]
    assert max(edges) <= 4
    assert sum(len(row[2:].strip()) > 0 for row in rows) > 10


@given(
    x=arrays(np.float64, st.integers(1, 20), elements=st.floats(-3, 3)),
    y=arrays(np.float64, st.integers(1, 20), elements=st.floats(-3, 3)),
)
@settings(max_examples=80, deadline=None)
def test_the_pieces_of_a_curve_are_what_of_it_lies_in_the_square(x: Any, y: Any) -> None:
    n = min(len(x), len(y))
    x, y = x[:n], y[:n]
    pieces = charts._inside(x, y)
    fine = np.linspace(0, n - 1, 40 * n)
    fx, fy = np.interp(fine, np.arange(n), x), np.interp(fine, np.arange(n), y)
    inside = (fx >= 0) & (fx <= 1) & (fy >= 0) & (fy <= 1)
    # Lengths: by the pieces, and by fine steps of the whole curve of which both ends lie inside.
    step = np.hypot(np.diff(fx), np.diff(fy))
    length = sum(float(np.hypot(np.diff(a), np.diff(b)).sum()) for a, b in pieces)
    assert length >= step[inside[1:] & inside[:-1]].sum() - 1e-9
    assert length <= step[inside[1:] | inside[:-1]].sum() + 4 * n * step.max(initial=0.0) / 2 + 1e-9
    for a, b in pieces:
        assert min(a.min(initial=0), b.min(initial=0)) >= 0
        assert max(a.max(initial=0), b.max(initial=0)) <= 1


def test_circles_are_round_where_units_are_equal() -> None:
    t = np.linspace(0, 2 * np.pi, 200)
    chart = Chart("c", "t", series=(Series("", "y", "x"),), equal=True)
    rows = text(charts.draw(chart, history(x=np.cos(t), y=np.sin(t)), 90, 20, charts.NO_COLOR)).splitlines()[1:-2]
    body = [row.split("│")[-1].split("┤")[-1].replace(chr(0x2800), " ").rstrip() for row in rows]
    wide = max(map(len, body)) - min(len(row) - len(row.lstrip()) for row in body if row.strip())
    tall = sum(bool(row.strip()) for row in body)
    assert abs(wide - 2 * tall) <= 3


@pytest.mark.parametrize("width", range(20, 70, 3))
def test_the_axis_keeps_its_name_at_every_width(width: int) -> None:
    chart = Chart("c", "t", series=(Series("", "y"),), x_label="steps of Adam", x_log=True)
    last = text(charts.draw(chart, history(y=np.arange(5000.0)), width, 12, charts.NO_COLOR)).splitlines()[-1]
    left, right = (last.partition("steps of Adam")[at] for at in (0, 2))
    assert "steps of Adam" in last
    # Beside a label stands a blank.
    assert left == "" or left.endswith(" ")
    assert right == "" or right.startswith(" ")


def test_both_axes_and_the_colours_are_named() -> None:
    chart = Chart(
        "c", "Loss", series=(Series("path", "y", "x"),), x_names=((0.0, "left"), (1.0, "right")), y_label="w₂",
        backdrop="b", scale="nats",
    )  # fmt: skip
    shown = history(x=[0.0, 1.0], y=[0.0, 1.0], b=np.array([[0.0, 1.0], [2.0, 4.0]]), b_extent=np.array([0, 1, 0, 1]))
    rows = text(charts.draw(chart, shown, 50, 14, charts.DARK)).splitlines()
    assert rows[0].startswith("Loss  ↑ w₂")
    assert "nats 0" in rows[1]
    assert rows[1].rstrip().endswith(" 4")
    assert rows[-1].split() == ["left", "right"]


def test_a_curve_over_bars_leaves_no_holes_in_them() -> None:
    chart = Chart("c", "t", series=(Series("n", "bars", style="bars"), Series("p", "y")), y_range=(0.0, 1.0))
    picture = charts.draw(chart, history(bars=np.full(60, 0.9), y=np.linspace(0.1, 0.8, 60)), 44, 16, charts.DARK)
    over = [style for line in picture for run, style in line if any(ord(ch) > charts.BRAILLE for ch in run)]
    assert sum(" on #" in style for style in over) >= len(over) - 2 > 0


@pytest.mark.parametrize("width", [50, 70, 100, 140])
def test_bars_stand_apart_when_few_and_side_by_side_when_many(width: int) -> None:
    for count, apart in ((6, True), (40, False)):
        chart = Chart("c", "t", series=(Series("n", "bars", style="bars"),), y_range=(0.0, 1.0))
        row = text(charts.draw(chart, history(bars=np.ones(count)), width, 12, charts.DARK)).splitlines()[6]
        bars = row[row.index("█") : row.rindex("█") + 1]
        assert (" " in bars) is apart


@given(
    low=st.floats(-1e6, 1e6), span=st.floats(1e-6, 1e7), count=st.integers(2, 9), log=st.booleans(), whole=st.booleans()
)
@settings(max_examples=200, deadline=None)
def test_an_axis_has_two_marks_at_least_and_few(low: float, span: float, count: int, log: bool, whole: bool) -> None:
    if log:
        low, span = low / 1e5, max(span / 1e6, 0.02)
    high = low + span
    marks = ticks(low, high, count, log, whole=whole)
    places = [place for place, _ in marks]
    room = 1e-6 * span + 1e-9 * abs(high)
    assert places == sorted(places)
    assert len(marks) <= 2 * count + 3
    assert len(marks) >= 2 or (whole and not log)
    assert all(low - room <= place <= high + room for place in places)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (-2.5, "−2.5"),
        (1e6, "10⁶"),
        (-1.5e6, "−1.5·10⁶"),
        (2e-5, "2·10⁻⁵"),
        (99_999.0, "10⁵"),
        (0.25, "0.25"),
    ],
)
def test_numbers_of_an_axis(value: float, said: str) -> None:
    assert number(value) == said


def test_the_prediction_is_drawn_at_its_height() -> None:
    chart = Chart("c", "t", series=(Series("s", "y"),), y_range=(0.0, 10.0))
    rows = text(charts.draw(chart, history(y=[0.0, 0.1]), 60, 16, charts.NO_COLOR, prediction=5.0)).splitlines()
    assert "your prediction" in rows[1]
    body = [row for row in rows[2:] if "┤" in row or "│" in row]
    (at,) = [n for n, row in enumerate(body) if row.count("╌") > 10]
    assert abs(at - (len(body) - 1) / 2) <= 1


def test_an_image_keeps_its_bright_corner() -> None:
    image = np.zeros((8, 8))
    image[:2, :2] = 1.0
    chart = Chart("c", "t", kind="image", images=(("digit", "image"),))
    rows = text(charts.draw(chart, history(image=image), 40, 12, charts.NO_COLOR)).splitlines()
    assert rows[2].startswith("█")
    assert "█" not in rows[-1]


def test_the_history_keeps_its_ends_and_stays_small() -> None:
    kept = History(Frame(0, {"loss": 0.0}, {}))
    for step in range(1, 9001):
        kept.add(Frame(step, {"loss": float(step)}, {}))
    assert kept.steps[0] == 0
    assert len(kept.steps) <= 2001
    assert kept.scalars["loss"] == [float(step) for step in kept.steps]
    assert kept.steps[-1] >= 9000 - 8


@pytest.mark.parametrize("width", [1, 5, 20, 40, 80])
@pytest.mark.parametrize("value", [0.0, -0.00058, 1e-9, 12345.678, -123456789.0, 1e300, math.nan, math.inf, -math.inf])
def test_a_table_is_drawn_for_any_number_at_any_width(value: float, width: int) -> None:
    chart = Chart("t", "Table", kind="table", images=(("a caption", "a"),), rows=("one", "two"), columns=("x", "y"))
    history = History(Frame(0, {}, {"a": np.full((2, 2), value)}))
    picture = charts.draw(chart, history, width, 8, charts.DARK)
    assert len(picture) == 8
    assert all(sum(len(text) for text, _ in line) == width for line in picture)


def test_figures_of_a_table() -> None:
    shown = [charts._figure(value, 6) for value in (0.5, 0.000587, 12.34, -0.000587, 1e-9, 78.6543, math.nan)]
    assert shown == ["0.5", "0.0006", "12.3", "-0.001", "1e-09", "78.7", "—"]
