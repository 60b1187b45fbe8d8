"""Where an axis has its marks, and how their numbers are written."""

from __future__ import annotations

import math

POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ticks(low: float, high: float, count: int, log: bool, *, whole: bool = False) -> list[tuple[float, str]]:
    """Round values inside the limits with their labels, about `count` of them and two at least where that can be.

    On a log axis limits and values are logarithms: whole decades, or on a short axis 1, 2, 5 times powers of ten.
    """
    if not log:
        return _even(low, high, count, whole)
    decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    if len(decades) > 1:
        stride = max(1, math.ceil(len(decades) / max(count, 1)))
        return [(float(d), _decade(d)) for d in decades if (d - decades[0]) % stride == 0]
    places = [math.floor(low) + k + math.log10(m) for k in range(3) for m in (1, 2, 5)]
    marks = [(place, number(10**place)) for place in places if low - 1e-9 <= place <= high + 1e-9]
    if len(marks) > 1:
        return marks[:: math.ceil(len(marks) / max(count, 2))]
    return [(math.log10(value), label) for value, label in _even(10**low, 10**high, count, False) if value > 0]


def _even(low: float, high: float, count: int, whole: bool) -> list[tuple[float, str]]:
    """Multiples of a round step."""
    span = high - low
    raw = max(span / max(count, 1), 1.0 if whole else 0.0)
    if raw < 1e-300:
        return [(low, number(low))]
    rounds = (1, 2, 5, 10) if whole else (1, 2, 2.5, 5, 10)
    values: list[float] = []
    step = raw
    for _ in range(3):
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(m * power for m in rounds if m * power >= raw * 0.999)
        first = math.ceil(low / step - 1e-9)
        values = [(first + k) * step for k in range(min(int(span / step + 1e-9), 2 * count + 2) + 1)]
        values = [value for value in values if value <= high + step * 1e-6]
        if len(values) > 1 or (whole and step <= 1):
            break
        # Limits such as ±4 hold only the 0 of a step of 5: the next finer step is tried.
        raw = 0.399 * step
    return [(v, number(0.0 if abs(v) < step * 1e-6 else v)) for v in values]


def number(value: float) -> str:
    """A number in few characters, e.g. 0.25, −3, 2·10⁶."""
    sign, size = ("−" if value < 0 else ""), abs(value)
    text = f"{size:.4g}"
    if size and (size < 1e-4 or size >= 1e5 or "e" in text):
        mantissa, power = f"{size:.2e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        text = ("" if mantissa == "1" else f"{mantissa}·") + "10" + str(int(power)).translate(POWERS)
    return sign + text


def _decade(power: int) -> str:
    return f"{10.0**power:g}" if -2 <= power <= 3 else "10" + str(power).translate(POWERS)
