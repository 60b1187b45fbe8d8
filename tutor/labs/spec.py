"""What a lab is: parameters, pure functions, charts, checks and questions, all declared once.

The TUI, the CLI, the tests and the documentation read the same `Lab` object. `init` and `step` are pure, as in the
kernels: with the same parameters, seed and recorded changes a run gives the same frames.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar

from tutor.errors import TutorError

if TYPE_CHECKING:
    import numpy as np

Value = int | float | bool | str
ParamKind = Literal["int", "float", "bool", "choice", "path"]


@dataclass(frozen=True)
class Param:
    """One knob of a lab, as declared by `param`."""

    name: str
    kind: ParamKind
    default: Value
    low: float | None
    high: float | None
    step: float
    """What one key press adds; for `scale="log"` the factor it multiplies by."""
    scale: Literal["linear", "log"]
    choices: tuple[str, ...]
    unit: str
    help: str
    live: bool
    """May change while the lab runs; any other change starts the run again."""

    def parse(self, text: str) -> Value:
        """Read what a user typed; raises TutorError naming the parameter and what it takes."""
        text = text.strip()
        try:
            match self.kind:
                case "int":
                    value: Value = int(text)
                case "float":
                    value = float(text)
                case "bool":
                    value = {"on": True, "true": True, "yes": True, "1": True}.get(text.lower(), False)
                    if not value and text.lower() not in {"off", "false", "no", "0"}:
                        raise ValueError
                case _:
                    value = text
        except ValueError:
            raise TutorError(f"{self.name}: {text!r} is not {self.takes()}") from None
        return self.checked(value)

    def checked(self, value: Value) -> Value:
        """Return the value if it is allowed; raises TutorError otherwise."""
        if self.kind == "choice" and value not in self.choices:
            raise TutorError(f"{self.name}: {value!r} is not {self.takes()}")
        if self.kind in {"int", "float"}:
            number = float(value)
            low = -float("inf") if self.low is None else self.low
            high = float("inf") if self.high is None else self.high
            if not low <= number <= high:  # also refuses NaN
                raise TutorError(f"{self.name}: {value} is not {self.takes()}")
        return value

    def takes(self) -> str:
        """Say what values this parameter takes, for help and errors."""
        match self.kind:
            case "bool":
                return "on or off"
            case "choice":
                return "one of " + ", ".join(self.choices)
            case "path":
                return "a folder"
            case _:
                noun = "a whole number" if self.kind == "int" else "a number"
                return (
                    f"{noun} from {self.low:g} to {self.high:g}"
                    if self.low is not None and self.high is not None
                    else noun
                )

    def nudged(self, value: Value, direction: int) -> Value:
        """Return the value one key press up (+1) or down (-1), kept inside the range."""
        match self.kind:
            case "bool":
                return not value
            case "choice":
                at = self.choices.index(str(value))
                return self.choices[(at + direction) % len(self.choices)]
            case "path":
                return value
        number = float(value)
        number = number * self.step**direction if self.scale == "log" else number + self.step * direction
        number = min(
            max(number, self.low if self.low is not None else number), self.high if self.high is not None else number
        )
        return round(number) if self.kind == "int" else float(f"{number:.6g}")


def param(
    default: Value,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    scale: Literal["linear", "log"] = "linear",
    choices: tuple[str, ...] = (),
    unit: str = "",
    live: bool = False,
    path: bool = False,
) -> Any:
    """Declare a parameter of a lab as a dataclass field; its kind follows from the default."""
    kind: ParamKind
    if path:
        kind = "path"
    elif choices:
        kind = "choice"
    elif isinstance(default, bool):
        kind = "bool"
    else:
        kind = "int" if isinstance(default, int) else "float"
    if step is None:
        step = 2.0 if scale == "log" else 1.0
    meta = Param("", kind, default, low, high, step, scale, choices, unit, help, live)
    return dataclasses.field(default=default, metadata={"param": meta})


def params_of(cls: type[Any]) -> tuple[Param, ...]:
    """The parameters that a lab's `Params` dataclass declares, in order."""
    return tuple(dataclasses.replace(field.metadata["param"], name=field.name) for field in dataclasses.fields(cls))


class Frame(NamedTuple):
    """What can be seen of a state: numbers to plot against the step, and small arrays to draw as they are."""

    step: int
    scalars: Mapping[str, float]
    arrays: Mapping[str, np.ndarray[Any, Any]]
    note: str = ""
    """One sentence on what is happening now, e.g. `diverged at step 37: lr 2.1 > 2/λ_max = 2.0`."""


class Check(NamedTuple):
    """A measured figure held against its exact value."""

    name: str
    measured: float
    truth: float
    tolerance: float
    relation: Literal["=", "<=", ">="] = "="
    error: float = 0.0
    """Standard error of `measured`; 0 when it is not a statistical estimate."""

    @property
    def ok(self) -> bool:
        """Whether measured and truth agree within the tolerance (False for NaN)."""
        match self.relation:
            case "=":
                return abs(self.measured - self.truth) <= self.tolerance
            case "<=":
                return self.measured <= self.truth + self.tolerance
            case ">=":
                return self.measured >= self.truth - self.tolerance

    @property
    def room(self) -> float:
        """The tolerance where it has to be said: without a standard error, or far above what that allows; else 0."""
        return self.tolerance if self.tolerance > 6 * self.error else 0.0


def figure(value: float, digits: int = 4) -> str:
    """A figure of a check to so many digits, whole from 10,000 on: 0.8405, −7.6e-12, 104,960."""
    text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.{digits}g}"
    return with_minus(text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e"))


def with_minus(text: str) -> str:
    """The text with the sign − before its numbers, where Python writes a hyphen."""
    return re.sub(r"(?<![\w)])-(?=\d)", "−", text)


def describe(check: Check) -> str:
    """Write a check as one line, e.g. `✓ E[x²]: theory 0.8405 · measured 0.8381 ± 0.0061`."""
    mark = "✓" if check.ok else "✗"
    relation = {"=": "", "<=": "at most ", ">=": "at least "}[check.relation]
    error = f" ± {figure(check.error, 2)}" if check.error else ""
    within = f" (within {figure(check.room, 2)})" if check.room else ""
    truth, measured = figure(check.truth), figure(check.measured)
    return f"{mark} {check.name}: theory {relation}{truth} · measured {measured}{error}{within}"


@dataclass(frozen=True)
class Series:
    """One curve or cloud of a chart. `x` and `y` name arrays or scalars of the frame; of a scalar, its history."""

    label: str
    y: str
    x: str = "step"
    style: Literal["line", "points", "bars", "dashed"] = "line"


@dataclass(frozen=True)
class Chart:
    """A chart as declared by a lab; `tutor.labs.charts` draws it for any data at any size."""

    id: str
    title: str
    kind: Literal["xy", "image", "heat", "table"] = "xy"
    series: tuple[Series, ...] = ()
    x_label: str = ""
    y_label: str = ""
    """Written behind the title, for axes that the title does not name."""
    x_names: tuple[tuple[float, str], ...] = ()
    """Names in place of numbers on the x axis."""
    x_log: bool = False
    x_whole: bool = False
    """Whether between whole numbers there is nothing, so that the axis names none but these."""
    y_log: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    equal: bool = False
    """Whether both axes have the same unit on the screen, so that circles are round; the shorter range is widened."""
    images: tuple[tuple[str, str], ...] = ()
    """For `image` and `heat`: (caption, name of a 2-D array, or of a 3-D one whose slices are drawn side by side)."""
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    """For `table`: the names of rows and columns of the 2-D array that `images` names, with a caption below it."""
    image_range: tuple[float, float] | None = None
    """Values drawn as black and white (image) or as the ends of the colour scale (heat, backdrop); None: the data's."""
    backdrop: str = ""
    """A 2-D array drawn as colour behind the series of an `xy` chart: row i, column j is its value at (x_j, y_i), both
    ascending and evenly spread. The array `BACKDROP_extent`, (x_low, x_high, y_low, y_high), sets the axes."""
    backdrop_kind: Literal["heat", "regions"] = "heat"
    """`heat`: a continuous scale. `regions`: whole numbers, each in the colour of the series of that number."""
    scale: str = ""
    """What the colours of the backdrop are; with it the scale stands in the legend."""


@dataclass(frozen=True)
class Prediction:
    """What the learner commits to before the first run."""

    prompt: str
    scalar: str
    """The frame scalar that answers it when the run is done."""
    low: float
    high: float
    chart: str
    """Chart on which the prediction is drawn as a horizontal line."""
    unit: str = ""
    why: str = ""
    """Shown beside prediction and result."""


P = TypeVar("P")
S = TypeVar("S")


@dataclass(frozen=True)
class Lab(Generic[P, S]):
    """A lab: the kernels it runs, what is drawn, and the exact answers it is held against."""

    id: str
    title: str
    chapter: str
    section: str
    lesson: str
    """The lesson that teaches what this lab shows."""
    summary: str
    params: type[P]
    init: Callable[[P, np.random.Generator], S]
    step: Callable[[P, S], S]
    """One step of at most 100 ms."""
    done: Callable[[P, S], bool]
    total: Callable[[P, S], int]
    """How many steps the run takes in all, for the progress bar."""
    frame: Callable[[P, S], Frame]
    charts: tuple[Chart, ...]
    checks: Callable[[P, S], tuple[Check, ...]]
    """Measured against exact; empty while there is nothing to compare yet."""
    prediction: Prediction
    explain: str
    """Id of the question in the bank that is asked after the run."""
    source: tuple[str, ...]
    """Kernel modules that the learner reads from the lab, e.g. `kernels.svd`."""
    limits: Callable[[P], Mapping[str, tuple[float, float]]] = lambda params: {}
    """Ranges that depend on other parameters, e.g. k up to the rank of the chosen data."""
    torch: bool = False
    """Whether its kernels import torch, which takes seconds: the lab's screen says so until its first frame."""
    quick: Mapping[str, Value] = dataclasses.field(default_factory=dict)
    """Parameters of a shorter run in which all checks pass as well, for a lab whose default run is long."""


def make_params(lab: Lab[P, Any], values: Mapping[str, Value]) -> P:
    """Build a lab's parameters from named values, the rest at their defaults; raises TutorError for a bad one."""
    known = {p.name: p for p in params_of(lab.params)}
    for name in values:
        if name not in known:
            raise TutorError(f"{lab.id} has no parameter {name!r}; it has {', '.join(known)}")
    checked = {name: known[name].checked(value) for name, value in values.items()}
    for name, p in known.items():
        if p.kind == "path" and checked.get(name) and not Path(str(checked[name])).is_dir():
            raise TutorError(f"{name}: {checked[name]} is not a folder")
    params = lab.params(**checked)
    for name, (low, high) in lab.limits(params).items():
        value = getattr(params, name)
        if value > high or value < low:
            if name in values:
                dataclasses.replace(known[name], low=low, high=high).checked(value)
            params = dataclasses.replace(params, **{name: type(value)(min(max(value, low), high))})  # type: ignore[type-var]
    return params
