"""Draws a lab's charts as styled text: a total function of chart, history, size and theme.

plotext draws the curves and clouds, on a canvas of its own for each series and with points scaled to the unit square:
it kills the process on NaN and on points far outside its limits, so it never sees data that were not cleaned. Axes,
legend and pictures are drawn here. plotext keeps one global figure: use this module from one thread of one process.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from plotext import figure, terminal

from tutor.labs.run import History
from tutor.labs.spec import Chart, Series
from tutor.labs.ticks import number as written
from tutor.labs.ticks import ticks

Picture = list[list[tuple[str, str]]]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Theme:
    """The colours of charts; without colour, series differ by their marks alone."""

    name: str
    series: tuple[str, ...]
    text: str
    muted: str
    heat: tuple[tuple[int, int, int], ...]
    color: bool = True
    ground: tuple[int, int, int] = (0, 0, 0)
    """The background, into which a backdrop is faded so that curves stand out."""


_VIRIDIS = ((68, 1, 84), (65, 68, 135), (42, 120, 142), (34, 168, 132), (122, 209, 81), (253, 231, 37))
DARK = Theme(
    "dark",
    ("#7fb0f5", "#e5b567", "#8fc983", "#e58fb1", "#b6a2ea", "#7fd0cf"),
    "",
    "#8a93a3",
    _VIRIDIS,
    ground=(20, 23, 28),
)
LIGHT = Theme(
    "light",
    ("#1f5aa6", "#a05a00", "#23702b", "#a3265c", "#6a3fa0", "#0c6e74"),
    "",
    "#6b7079",
    _VIRIDIS,
    ground=(251, 250, 247),
)
NO_COLOR = Theme("no-color", ("", "", "", "", "", ""), "", "", _VIRIDIS, color=False)
THEMES = {theme.name: theme for theme in (DARK, LIGHT, NO_COLOR)}

MARKS = "●■▲◆✚✖"
"""One a series, drawn on its curve and in the legend, so that series never differ by hue alone."""
LARGEST = 1e100
"""Values beyond are treated as not finite: their squares would be."""
SHADES = " ░▒▓█"
TINTS = 32
"""Steps of a colour scale: more the eye does not tell apart here, and few styles are parsed fast."""
BRAILLE = 0x2800
GAPS_FROM = 4
"""Columns for each bar from which on bars have gaps between them."""
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# A canvas may be larger than what plotext takes for the terminal: 80 × 22 cells where, as in the host, there is none.
terminal.limit(False, False)


def warm() -> None:
    """Load and run the drawing code once, so that the first real chart is fast."""
    _trace([(np.array([0.0, 1.0]), np.array([0.0, 1.0]))], 4, 2, lines=True)


def to_ansi(picture: Picture) -> str:
    """A picture as text with ANSI colours, for the command line."""
    from rich.style import Style

    return "\n".join(
        "".join(Style.parse(style).render(text) if style else text for text, style in line) for line in picture
    )


def draw(
    chart: Chart, history: History, width: int, height: int, theme: Theme, prediction: float | None = None
) -> Picture:
    """Draw a chart in exactly `height` lines of `width` cells; never raises, whatever the data."""
    if width < 1 or height < 1:
        return []
    if chart.kind == "table":
        lines = _table(chart, history, width, theme)
    elif chart.kind in {"image", "heat"}:
        lines = _images(chart, history, width, height, theme)
    else:
        lines = _curves(chart, history, width, height, theme, prediction)
    fitted = [_fit(line, width) for line in lines[:height]]
    return fitted + [[(" " * width, "")] for _ in range(height - len(fitted))]


def _fit(line: list[tuple[str, str]], width: int) -> list[tuple[str, str]]:
    """Cut or pad a line to the width, joining neighbours of one style."""
    runs: list[tuple[str, str]] = []
    used = 0
    for text, style in line:
        piece = text[: width - used]
        if not piece:
            continue
        used += len(piece)
        if runs and runs[-1][1] == style:
            runs[-1] = (runs[-1][0] + piece, style)
        else:
            runs.append((piece, style))
    if used < width:
        runs.append((" " * (width - used), ""))
    return runs


# -- curves ---


@dataclass
class _Data:
    series: Series
    x: Floats
    y: Floats
    dropped: int


def _column(history: History, name: str, length: int | None) -> Floats | None:
    """The values that a series names: an array of the frame, or a scalar's history; None when there are none."""
    if name in history.frame.arrays:
        return np.asarray(history.frame.arrays[name], dtype=np.float64).ravel()
    if name in history.scalars:
        return np.asarray(history.scalars[name], dtype=np.float64)
    if name == "step":
        if length is None or length == len(history.steps):
            return np.asarray(history.steps, dtype=np.float64)
        return np.arange(length, dtype=np.float64)
    return None


def _clean(series: Series, history: History, chart: Chart) -> _Data:
    """The series' finite points in the chart's scale (log axes: logarithms)."""
    empty = np.empty(0)
    y = _column(history, series.y, None)
    x = None if y is None else _column(history, series.x, len(y))
    if x is None or y is None:
        return _Data(series, empty, empty, 0)
    count = min(len(x), len(y))
    x, y = x[:count], y[:count]
    with np.errstate(all="ignore"):
        if chart.x_log:
            x = np.log10(x)
        if chart.y_log:
            y = np.log10(y)
    # A scalar that is not defined yet is a gap, not a fault; what a log axis cannot show is dropped like NaN.
    good = np.isfinite(x) & np.isfinite(y) & (np.abs(x) < LARGEST) & (np.abs(y) < LARGEST)
    late = np.isnan(y) if series.y in history.scalars else np.zeros(count, dtype=bool)
    return _Data(series, x[good], y[good], int(count - good.sum() - (late & ~good).sum()))


def _range(
    values: list[Floats], given: tuple[float, float] | None, log: bool, zero: bool = False
) -> tuple[float, float]:
    """The limits of an axis: as declared, or those of the data with a little room."""
    if given is not None:
        low, high = (math.log10(v) if log and 0 < v < math.inf else math.nan if log else v for v in given)
        if abs(low) < LARGEST and abs(high) < LARGEST and high - low > 1e-9 * max(abs(low), abs(high)):
            return float(low), float(high)
    filled = [v for v in values if v.size]
    if not filled:
        return 0.0, 1.0
    low, high = float(min(v.min() for v in filled)), float(max(v.max() for v in filled))
    # An axis that could begin at 0 without wasting half of itself does.
    if not log and (zero or 0 < low < high / 2):
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high == 0.0:
        return 0.0, 1.0
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        pad = abs(high) * 0.5 or 1.0
        return low - pad, high + pad
    return low, high


def _unit(values: Floats, low: float, high: float) -> Floats:
    # Halved first: the difference of two limits near 1e100 still is far from overflow, but the sum may not be.
    return np.asarray((values / 2 - low / 2) / (high / 2 - low / 2), dtype=np.float64)


def _thin(x: Floats, y: Floats, columns: int) -> tuple[Floats, Floats]:
    """Of a long curve, the least and greatest value in each of the columns, in order."""
    if len(x) <= 4 * columns:
        return x, y
    cell = np.clip((x * columns).astype(int), 0, columns - 1)
    keep: set[int] = set()
    order = np.argsort(cell, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(cell[order])) + 1):
        keep.update((int(part[0]), int(part[-1]), int(part[y[part].argmin()]), int(part[y[part].argmax()])))
    at = np.array(sorted(keep))
    return x[at], y[at]


def _inside(x: Floats, y: Floats) -> list[tuple[Floats, Floats]]:
    """The pieces of a curve in the unit square: it ends where it leaves it, and does not run along the edge."""
    if not len(x) or (min(x.min(), y.min()) >= 0.0 and max(x.max(), y.max()) <= 1.0):
        return [(x, y)]
    for level in (0.0, 1.0):
        for _ in range(2):
            # First where it crosses the level upwards, then, with the axes exchanged, sideways.
            cross = np.flatnonzero((y[1:] < level) != (y[:-1] < level))
            share = (level - y[cross]) / (y[cross + 1] - y[cross])
            across = x[cross] + share * (x[cross + 1] - x[cross])
            y, x = np.insert(x, cross + 1, across), np.insert(y, cross + 1, level)
    kept = (x >= 0.0) & (x <= 1.0) & (y >= 0.0) & (y <= 1.0)
    ends = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(int)))
    return [(x[a:b], y[a:b]) for a, b in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True)]


def _trace(pieces: list[tuple[Floats, Floats]], width: int, height: int, *, lines: bool) -> npt.NDArray[np.str_]:
    """Draw points or curves in the unit square on a canvas of braille cells; returns its characters."""
    blank = np.full((height, width), " ", dtype="<U1")
    pieces = [piece for piece in pieces if len(piece[0])]
    if not pieces or width < 2 or height < 2:
        return blank
    figure.clear()
    figure.plot_size(width, height)
    figure.axes(False)
    for axis in (0, 1):
        figure.ruler(axis, 0).lim(0.0, 1.0).ticks([], [])
    for x, y in pieces:
        if not lines and len(x) > 2 * width * 4 * height:
            # More points than dots: one point a dot draws the same picture.
            dots = np.unique(np.stack([np.round(x * (2 * width - 1)), np.round(y * (4 * height - 1))]), axis=1)
            x, y = dots[0] / (2 * width - 1), dots[1] / (4 * height - 1)
        figure.draw(figure.signal(x.tolist(), y.tolist(), marker="braille").lines(lines))
    rows = _ANSI.sub("", figure.build().string()).split("\n")
    for at, row in enumerate(rows[:height]):
        chars = list(row[:width])
        blank[at, : len(chars)] = chars
    return blank


def _bars(x: Floats, y: Floats, zero: float, width: int, height: int) -> npt.NDArray[np.str_]:
    """Draw upright bars from the level `zero` in the unit square."""
    canvas = np.full((height, width), " ", dtype="<U1")
    if not len(x):
        return canvas
    room = width / max(len(x), 1)
    size = max(1, int(room * 0.7))
    places = np.clip((x * (width - 1)).round().astype(int), 0, width - 1)
    lefts = np.clip(places - size // 2, 0, width - size)
    rights = lefts + size
    if 1 < room < GAPS_FROM and len(places) > 1:
        # Too narrow for gaps of equal width between them: each bar reaches to the next.
        middles = (places[:-1] + places[1:] + 1) // 2
        lefts = np.r_[max(0, 2 * places[0] - middles[0]), middles]
        rights = np.r_[middles, min(width, 2 * places[-1] - middles[-1] + 1)]
        rights = np.maximum(rights, lefts + 1)
    for left, right, value in zip(lefts.tolist(), rights.tolist(), y, strict=True):
        low, high = sorted((zero, float(value)))
        for row in range(height):
            bottom, top = (height - 1 - row) / height, (height - row) / height
            share = (min(top, high) - max(bottom, low)) * height
            if share > 0.06:
                canvas[row, left:right] = "▁▂▃▄▅▆▇█"[min(7, max(0, round(share * 8) - 1))]
    return canvas


def _curves(chart: Chart, history: History, width: int, height: int, theme: Theme, prediction: float | None) -> Picture:
    data = [_clean(series, history, chart) for series in chart.series]
    dropped = sum(item.dropped for item in data)
    guess = None
    if prediction is not None and math.isfinite(prediction) and not (chart.y_log and prediction <= 0):
        guess = math.log10(prediction) if chart.y_log else prediction
    has_bars = any(item.series.style == "bars" for item in data)
    ys = [item.y for item in data] + ([np.array([guess])] if guess is not None else [])
    x_given, y_given = _extent(chart, history)
    x_low, x_high = _range([item.x for item in data], x_given, chart.x_log)
    y_low, y_high = _range(ys, y_given, chart.y_log, zero=has_bars)
    if has_bars and x_given is None and not chart.x_log:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    head = _head(chart, data, width, theme, dropped, guess is not None, _backdrop_range(chart, history))
    rows = height - len(head) - 2
    y_ticks = ticks(y_low, y_high, max(2, rows // 4), chart.y_log)
    if chart.equal and rows >= 2:
        # The width of the labels changes little when the range does.
        columns = max(1, width - 1 - max((len(label) for _, label in y_ticks), default=0))
        (x_low, x_high), (y_low, y_high) = _alike(x_low, x_high, y_low, y_high, columns, 2 * rows)
        y_ticks = ticks(y_low, y_high, max(2, rows // 4), chart.y_log)
    margin = max((len(label) for _, label in y_ticks), default=0)
    columns = width - margin - 1
    if columns < 4 or rows < 2:
        return head
    text = np.full((rows, columns), " ", dtype="<U1")
    owner = np.full((rows, columns), -1, dtype=int)
    # Bars with curves over them stand back in a fainter colour, also behind the curves' cells.
    faint = has_bars and _has_curves(data)
    bars = np.full((rows, columns), -1, dtype=int)
    for at, item in enumerate(data):
        _paint(item, at, text, owner, (x_low, x_high), (y_low, y_high))
        if faint and item.series.style == "bars":
            bars[text == "█"] = at
    if guess is not None:
        row = _row_of(guess, y_low, y_high, rows)
        free = np.flatnonzero(text[row] == " ")
        free = free[free % 2 == 0]
        text[row, free], owner[row, free] = "╌", -2
    behind = _backdrop(chart, history, rows, columns, theme)
    body = []
    ticks_at = {_row_of(value, y_low, y_high, rows): label for value, label in y_ticks}
    for row in range(rows):
        label = ticks_at.get(row, "")
        line = [(f"{label:>{margin}}", theme.muted), ("┤" if label else "│", theme.muted)]
        for column in range(columns):
            cell, at = str(text[row, column]), int(owner[row, column])
            style = _style_of(at, theme)
            if faint and at >= 0 and data[at].series.style == "bars":
                style = _faint(at, theme)
                cell = cell if theme.color else cell.replace("█", SHADES[1])
            elif bars[row, column] >= 0 and theme.color:
                style = f"{style} on {_faint(int(bars[row, column]), theme)}"
            if behind is not None:
                cell, style = _before(cell, style, behind[2 * row][column], behind[2 * row + 1][column], theme)
            line.append((cell, style))
        body.append(line)
    return head + body + _foot(chart, x_low, x_high, margin, columns, theme)


def _alike(
    x_low: float, x_high: float, y_low: float, y_high: float, wide: int, tall: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Both ranges, the one widened around its middle that has the larger scale on wide × tall squares."""
    unit = max((x_high / 2 - x_low / 2) / wide, (y_high / 2 - y_low / 2) / tall)
    x, y = x_low / 2 + x_high / 2, y_low / 2 + y_high / 2
    return (x - unit * wide, x + unit * wide), (y - unit * tall, y + unit * tall)


def _extent(chart: Chart, history: History) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """The axes that the backdrop asks for, or those that the chart declares."""
    extent = history.frame.arrays.get(f"{chart.backdrop}_extent")
    if extent is None or np.size(extent) != 4:
        return chart.x_range, chart.y_range
    x_low, x_high, y_low, y_high = (float(value) for value in np.ravel(extent))
    return (x_low, x_high), (y_low, y_high)


def _backdrop(chart: Chart, history: History, rows: int, columns: int, theme: Theme) -> list[list[str]] | None:
    """What is behind each half of each cell: a colour, or without colours a character; None without a backdrop."""
    limits = _backdrop_range(chart, history)
    if limits is None:
        return None
    low, high = limits
    array = np.asarray(history.frame.arrays[chart.backdrop], dtype=np.float64)
    with np.errstate(all="ignore"):
        # As for curves, both ends of an axis are the middles of its outermost cells.
        down = np.clip(((np.arange(2 * rows) + 0.5) / 2 - 0.5) / (rows - 1), 0.0, 1.0)
        across = np.linspace(0.0, 1.0, columns)
        places = np.ix_(
            *((at * (n - 1)).round().astype(int) for at, n in zip((down, across), array.shape, strict=True))
        )
        values = np.nan_to_num(array, nan=low, posinf=high, neginf=low)[places][::-1]
        if chart.backdrop_kind == "heat":
            values = np.clip(np.nan_to_num((values - low) / ((high - low) or 1.0)), 0.0, 1.0) * (TINTS - 1)
    numbers = np.clip(values.round(), 0, TINTS - 1).astype(int)
    tints = [_ground(number, chart.backdrop_kind, theme) for number in range(int(numbers.max()) + 1)]
    return [[tints[number] for number in row] for row in numbers.tolist()]


def _backdrop_range(chart: Chart, history: History) -> tuple[float, float] | None:
    """The values at the ends of the colour scale, as declared or those of the data; None without a backdrop."""
    array = np.asarray(history.frame.arrays.get(chart.backdrop, ()), dtype=np.float64)
    if array.ndim != 2 or not array.size:
        return None
    finite = array[np.isfinite(array) & (np.abs(array) < LARGEST)]
    return chart.image_range or ((float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0))


def _ground(number: int, kind: str, theme: Theme) -> str:
    value = number / (TINTS - 1)
    if kind == "regions":
        if not theme.color:
            return " ·:+"[number % 4]
        return _mixed(theme.series[number % len(theme.series)], 0.35, theme)
    if not theme.color:
        return SHADES[min(len(SHADES) - 2, int(value * (len(SHADES) - 1)))]
    return _mixed(_color(value, "heat", theme), 0.6, theme)


def _before(cell: str, style: str, upper: str, lower: str, theme: Theme) -> tuple[str, str]:
    """A cell with what is behind its two halves."""
    empty = cell in {" ", chr(BRAILLE)}
    if not theme.color:
        return (lower if empty else cell), style
    if empty:
        return ("▀", f"{upper} on {lower}") if upper != lower else (" ", f"on {lower}")
    return cell, f"{style} on {lower}".strip()


def _faint(at: int, theme: Theme) -> str:
    """The colour of a series half way to the ground."""
    return _mixed(theme.series[at % len(theme.series)], 0.5, theme) if theme.color else ""


def _mixed(color: str, share: float, theme: Theme) -> str:
    parts = zip(bytes.fromhex(color.removeprefix("#")), theme.ground, strict=True)
    return "#{:02x}{:02x}{:02x}".format(*(round(share * c + (1 - share) * g) for c, g in parts))


def _style_of(owner: int, theme: Theme) -> str:
    if owner == -2:
        return theme.text
    return theme.series[owner % len(theme.series)] if owner >= 0 else ""


def _row_of(value: float, low: float, high: float, rows: int) -> int:
    share = float(np.clip(_unit(np.array([value]), low, high)[0], 0.0, 1.0))
    return min(rows - 1, max(0, round((1 - share) * (rows - 1))))


def _paint(
    item: _Data,
    at: int,
    text: npt.NDArray[np.str_],
    owner: npt.NDArray[np.int_],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> None:
    """Draw one series over what is there; braille cells of two series are joined."""
    rows, columns = text.shape
    x, y = _unit(item.x, *x_range), _unit(item.y, *y_range)
    style = item.series.style
    if style in {"points", "bars"}:
        inside = (x >= 0) & (x <= 1)
        x, y = x[inside], y[inside]
        if style == "points":
            visible = (y >= 0) & (y <= 1)
            x, y = x[visible], y[visible]
    if style == "bars":
        y = np.clip(y, 0.0, 1.0)
        zero = float(np.clip(_unit(np.zeros(1), *y_range)[0], 0.0, 1.0))
        canvas = _bars(x, y, zero, columns, rows)
    elif style == "points":
        if len(x) <= 80:
            _marks(x, y, at, text, owner)
            return
        canvas = _trace([(x, y)], columns, rows, lines=False)
    else:
        pieces = [_thin(*piece, 2 * columns) for piece in _inside(x, y)]
        canvas = _trace(pieces, columns, rows, lines=True)
        if style == "dashed":
            canvas[:, (np.arange(columns) // 2) % 2 == 1] = " "
        x, y = (np.concatenate([np.empty(0), *(piece[axis] for piece in pieces)]) for axis in (0, 1))
    drawn = (canvas != " ") & (canvas != chr(BRAILLE))
    both = drawn & (text != " ")
    for row, column in zip(*np.nonzero(both), strict=True):
        below, above = ord(str(text[row, column])), ord(str(canvas[row, column]))
        if BRAILLE <= below < BRAILLE + 256 and BRAILLE <= above < BRAILLE + 256:
            canvas[row, column] = chr(below | above)
    text[drawn], owner[drawn] = canvas[drawn], at
    if style == "line" and len(x) > 1:
        # A few marks on the curve tell series apart without colour.
        picks = [(k + 0.5 + 0.15 * at) / 3 for k in range(3)]
        places = [int(np.abs(x - (x[0] + (x[-1] - x[0]) * min(p, 1.0))).argmin()) for p in picks]
        _marks(x[places], y[places], at, text, owner)
    elif len(x) == 1 and style != "bars":
        _marks(x, y, at, text, owner)


def _marks(x: Floats, y: Floats, at: int, text: npt.NDArray[np.str_], owner: npt.NDArray[np.int_]) -> None:
    rows, columns = text.shape
    column = np.clip((x * (columns - 1)).round().astype(int), 0, columns - 1)
    row = np.clip(((1 - y) * (rows - 1)).round().astype(int), 0, rows - 1)
    text[row, column], owner[row, column] = MARKS[at % len(MARKS)], at


def _head(
    chart: Chart,
    data: list[_Data],
    width: int,
    theme: Theme,
    dropped: int,
    guessed: bool,
    shades: tuple[float, float] | None,
) -> Picture:
    """Title with the name of the y axis and what was dropped, then the legend with the scale of the backdrop."""
    lines: Picture = [[(chart.title, "bold")]]
    if chart.y_label and len(chart.title) + len(chart.y_label) + 4 <= width:
        lines[0].append((f"  ↑ {chart.y_label}", theme.muted))
    if dropped:
        note = f"  {dropped} {'not positive' if chart.y_log else 'not finite'}, left out"
        if sum(len(text) for text, _ in lines[0]) + len(note) <= width:
            lines[0].append((note, theme.muted))
        else:
            lines.append([(note.strip(), theme.muted)])
    pieces: list[list[tuple[str, str]]] = []
    named = [(at, item) for at, item in enumerate(data) if item.series.label]
    scaled = shades if chart.scale else None
    if len(named) > 1 or guessed or scaled:
        faint = _has_curves(data)
        for at, item in named:
            block = SHADES[1] if faint and not theme.color else "█"
            mark = {"line": f"─{MARKS[at % len(MARKS)]}─", "dashed": "╍╍", "bars": block}.get(
                item.series.style, MARKS[at % len(MARKS)] if len(item.x) <= 80 else "⠶"
            )
            color = _faint(at, theme) if faint and item.series.style == "bars" else _style_of(at, theme)
            pieces.append([(mark, color), (f" {item.series.label}", theme.muted)])
    if guessed:
        pieces.append([("╌╌", theme.text), (" your prediction", theme.muted)])
    if scaled:
        low, high = (0.0 if abs(end) < 1e-3 * (scaled[1] - scaled[0]) else float(f"{end:.2g}") for end in scaled)
        tints = [(" ", f"on {_ground(round(k * (TINTS - 1) / 5), 'heat', theme)}") for k in range(6)]
        if not theme.color:
            tints = [(_ground(round(k * (TINTS - 1) / 5), "heat", theme), "") for k in range(6)]
        pieces.append([(f"{chart.scale} {written(low)} ", theme.muted), *tints, (f" {written(high)}", theme.muted)])
    return lines + _in_rows(pieces, width) if width >= 12 else lines


def _has_curves(data: list[_Data]) -> bool:
    return any(item.series.style in {"line", "dashed"} and len(item.x) for item in data)


def _in_rows(pieces: list[list[tuple[str, str]]], width: int) -> Picture:
    """Pieces one after another, three cells apart, in as many rows as they need."""
    rows: Picture = []
    used = width
    for piece in pieces:
        size = sum(len(text) for text, _ in piece)
        if rows and used + 3 + size <= width:
            rows[-1] += [("   ", ""), *piece]
            used += 3 + size
        else:
            rows.append(list(piece))
            used = size
    return rows


def _foot(chart: Chart, low: float, high: float, margin: int, columns: int, theme: Theme) -> Picture:
    """The x axis, and below it the tick labels with the axis' name."""
    marks: Sequence[tuple[float, str]] = chart.x_names or ticks(
        low, high, max(2, columns // 14), chart.x_log, whole=chart.x_whole
    )
    axis = ["─"] * columns
    labels: list[tuple[int, str]] = []
    for value, label in marks:
        share = float(np.clip(_unit(np.array([value]), low, high)[0], 0.0, 1.0))
        at = round(share * (columns - 1))
        start = max(0, min(at - len(label) // 2, columns - len(label)))
        if not labels or start > labels[-1][0] + len(labels[-1][1]):
            axis[at] = "┬"
            labels.append((start, label))
    return [
        [(" " * margin + "└", theme.muted), ("".join(axis), theme.muted)],
        [(" " * (margin + 1), ""), (_named(labels, chart.x_label, columns), theme.muted)],
    ]


def _named(labels: list[tuple[int, str]], name: str, columns: int) -> str:
    """The labels in their places and the axis' name in a gap between them; labels give way to a long name."""
    for fewer, room in [(0, 2), *((count, 1) for count in range(len(labels) + 1))]:
        for left_out in combinations(reversed(range(len(labels))), fewer):
            line = [" "] * columns
            for start, label in (each for at, each in enumerate(labels) if at not in left_out):
                line[start : start + len(label)] = label
            text = "".join(line[:columns])
            # Blanks beside a label, none at an end of the axis.
            beside = " " * room
            gap = rf"(?:^|(?<=\S){beside}) {{{len(name)},}}(?:{beside}(?=\S)|$)"
            gaps = list(re.finditer(gap, text)) if name else []
            if gaps:
                # The last gap that is wide enough takes the name, in its middle.
                left, right = gaps[-1].span()
                left, right = left + room * (left > 0), right - room * (right < columns)
                start = left + (right - left - len(name)) // 2
                return text[:start] + name + text[start + len(name) :]
            if not name:
                return text
    return name[:columns]


# -- pictures ---


def _images(chart: Chart, history: History, width: int, height: int, theme: Theme) -> Picture:
    """Pictures and heat maps in half-blocks: two pixels a cell, kept square."""
    lines: Picture = [[(chart.title, "bold")]]
    groups = [
        (caption, np.asarray(history.frame.arrays[name], dtype=np.float64))
        for caption, name in chart.images
        if name in history.frame.arrays
    ]
    groups = [(caption, a[None] if a.ndim == 2 else a) for caption, a in groups if a.ndim in {2, 3} and a.size]
    if not groups:
        return lines
    finite = np.concatenate([a[np.isfinite(a)].ravel() for _, a in groups])
    low, high = chart.image_range or ((float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0))
    if chart.kind == "heat" and height > 6:
        lines.append(_scale(low, high, width, theme))
    room = (height - len(lines)) // len(groups)
    for caption, stack in groups:
        if room < 2:
            break
        lines.append([(caption, theme.muted)])
        lines += _row_of_images(stack, width, room - 1, low, high, chart.kind, theme)
    return lines


def _table(chart: Chart, history: History, width: int, theme: Theme) -> Picture:
    """Numbers with names on both sides; what is not known is a dash, columns without room are left out."""
    lines: Picture = [[(chart.title, "bold")]]
    for caption, name in chart.images:
        array = np.asarray(history.frame.arrays.get(name, ()), dtype=np.float64)
        if array.ndim != 2:
            continue
        rows, columns = chart.rows[: len(array)], chart.columns[: array.shape[1]]
        stub = max((len(row) for row in rows), default=0)
        size = max([6, *(len(column) for column in columns)]) + 1
        shown = max(0, min(len(columns), (width - stub) // size))
        lines.append([(" " * stub + "".join(f"{column:>{size}}" for column in columns[:shown]), theme.muted)])
        for row, values in zip(rows, array, strict=False):
            cells = "".join(f"{_figure(float(value), size - 1):>{size}}" for value in values[:shown])
            lines.append([(f"{row:<{stub}}", theme.series[0]), (cells, theme.text)])
        lines += [[(line, theme.muted)] for line in textwrap.wrap(caption, width)]
    return lines


def _figure(value: float, width: int) -> str:
    """A number in so many characters, to three digits; a dash for what is none."""
    if not math.isfinite(value):
        return "—" if math.isnan(value) else "∞"
    text = f"{value:.3g}"
    if len(text) > width and abs(value) < 1 and "e" not in text:
        text = f"{value:.{width - 2 - (value < 0)}f}"
    if len(text) > width or "e" in text:
        text = f"{value:.0e}"
    return text


def _row_of_images(stack: Floats, width: int, rows: int, low: float, high: float, kind: str, theme: Theme) -> Picture:
    """Pictures beside and below each other, as many of them as can be drawn large enough to be read."""
    count, tall, wide = stack.shape
    shown, across, zoom = _packed(count, tall, wide, width, rows)
    if kind == "heat" and zoom > 1:
        zoom = float(math.floor(zoom))
    w, h = max(1, int(wide * zoom)), max(1, int(tall * zoom))
    lines: Picture = []
    for start in range(0, shown, across):
        if lines:
            lines.append([])
        lines += _beside(stack[start : min(start + across, shown)], w, h, low, high, kind, theme)
    return lines[:rows]


def _packed(count: int, tall: int, wide: int, width: int, rows: int) -> tuple[int, int, float]:
    """(how many pictures, how many in a row, cells a pixel) for pictures of tall × wide in width × rows cells.

    A few large pictures say more than many small ones, but four are wanted at least where there are four.
    """

    def zoom(shown: int, across: int) -> float:
        down = -(-shown // across)
        return min(((width + 1) / across - 1) / wide, 2 * ((rows + 1) // down - 1) / tall)

    def best(shown: int) -> tuple[float, int]:
        return max((zoom(shown, across), across) for across in range(1, shown + 1))

    least = min(count, 4)
    for readable in (2.0, 1.4, 1.0):
        for shown in range(count, least - 1, -1):
            size, across = best(shown)
            if size >= readable:
                return shown, across, size
    size, across = best(least)
    return (least, across, size) if size >= 0.4 else (1, 1, max(best(1)[0], 1 / max(tall, wide)))


def _beside(stack: Floats, w: int, h: int, low: float, high: float, kind: str, theme: Theme) -> Picture:
    levels = []
    for image in stack:
        with np.errstate(all="ignore"):
            level = (_scaled(image, h, w, smooth=kind == "image") - low) / ((high - low) or 1.0)
        # Of a heat map, what is not a number is left blank.
        blank = math.nan if kind == "heat" else 0.0
        levels.append(np.clip(np.nan_to_num(level, nan=blank, posinf=1.0, neginf=0.0), 0.0, 1.0))
    lines: Picture = []
    for row in range(0, h, 2):
        line: list[tuple[str, str]] = []
        for level in levels:
            lower = level[row + 1] if row + 1 < h else np.full(w, np.nan)
            line += [_cell(float(a), float(b), kind, theme) for a, b in zip(level[row], lower, strict=True)]
            line.append((" ", ""))
        lines.append(line)
    return lines


def _scaled(image: Floats, h: int, w: int, *, smooth: bool) -> Floats:
    """An image at another size: smooth ones between neighbouring pixels, others by repeating them."""
    tall, wide = image.shape
    if not smooth:
        return np.asarray(image[np.ix_(np.arange(h) * tall // h, np.arange(w) * wide // w)])
    y = np.clip((np.arange(h) + 0.5) * tall / h - 0.5, 0, tall - 1)
    x = np.clip((np.arange(w) + 0.5) * wide / w - 0.5, 0, wide - 1)
    rows = np.array([np.interp(x, np.arange(wide), row) for row in image])
    return np.array([np.interp(y, np.arange(tall), column) for column in rows.T]).T


def _cell(upper: float, lower: float, kind: str, theme: Theme) -> tuple[str, str]:
    if math.isnan(upper) and math.isnan(lower):
        return " ", ""
    if math.isnan(upper):
        return ("▄", _color(lower, kind, theme)) if theme.color else (SHADES[min(4, int(lower * len(SHADES)))], "")
    if not theme.color:
        both = upper if math.isnan(lower) else (upper + lower) / 2
        return SHADES[min(len(SHADES) - 1, int(both * len(SHADES)))], ""
    if math.isnan(lower):
        return "▀", _color(upper, kind, theme)
    return "▀", f"{_color(upper, kind, theme)} on {_color(lower, kind, theme)}"


def _color(level: float, kind: str, theme: Theme) -> str:
    if kind == "image":
        # Ink on paper in both themes: 0 is the dark ground of the dark theme, or the paper of the light one.
        grey = round(24 + level * 222) if theme.name == "dark" else round(246 - level * 222)
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    place = round(level * (TINTS - 1)) / (TINTS - 1) * (len(theme.heat) - 1)
    at = min(int(place), len(theme.heat) - 2)
    mix = place - at
    r, g, b = (round(p + (q - p) * mix) for p, q in zip(theme.heat[at], theme.heat[at + 1], strict=True))
    return f"#{r:02x}{g:02x}{b:02x}"


def _scale(low: float, high: float, width: int, theme: Theme) -> list[tuple[str, str]]:
    cells = min(16, max(4, width // 4))
    levels = [at / (cells - 1) for at in range(cells)]
    bar: list[Any] = [
        ("█", _color(level, "heat", theme)) if theme.color else (SHADES[min(4, int(level * 5))], "") for level in levels
    ]
    return [(f"{written(low)} ", theme.muted), *bar, (f" {written(high)}", theme.muted)]
