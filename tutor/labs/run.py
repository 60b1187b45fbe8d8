"""A run of a lab, without any screen: what the host, the command line and the tests drive."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Generic, TypeVar

import numpy as np

from tutor.labs.spec import Check, Frame, Lab, Value, make_params, params_of

P = TypeVar("P")
S = TypeVar("S")
KEPT = 2000
"""Points kept of each scalar's history; beyond, every second one is dropped."""


class History:
    """The frames of a run so far: every scalar as a series over the steps, arrays only as they are now."""

    def __init__(self, frame: Frame) -> None:
        self.steps: list[int] = []
        self.scalars: dict[str, list[float]] = {}
        self.frame = frame
        self._stride = 1
        self.add(frame)

    def add(self, frame: Frame) -> None:
        """Append a frame."""
        self.frame = frame
        if self.steps and frame.step % self._stride:
            return
        self.steps.append(frame.step)
        for name, value in frame.scalars.items():
            # A scalar that appears late is not defined before.
            series = self.scalars.setdefault(name, [float("nan")] * (len(self.steps) - 1))
            series.append(float(value))
        for series in self.scalars.values():
            if len(series) < len(self.steps):
                series.append(float("nan"))
        if len(self.steps) > KEPT:
            self._stride *= 2
            keep = [at for at, step in enumerate(self.steps) if step % self._stride == 0]
            self.steps = [self.steps[at] for at in keep]
            self.scalars = {name: [series[at] for at in keep] for name, series in self.scalars.items()}


class Run(Generic[P, S]):
    """One run: parameters, seed, state, and the changes made on the way. The same three give the same frames."""

    def __init__(self, lab: Lab[P, S], params: P, seed: int) -> None:
        self.lab = lab
        self.params = params
        self.seed = seed
        self.step = 0
        self.changes: list[tuple[int, str, Value]] = []
        self.state: S = lab.init(params, np.random.default_rng(seed))
        self.history = History(lab.frame(params, self.state))

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do at these parameters."""
        return self.lab.done(self.params, self.state)

    @property
    def total(self) -> int:
        """Steps of the whole run at these parameters."""
        return self.lab.total(self.params, self.state)

    def frame(self) -> Frame:
        """What can be seen now."""
        return self.history.frame

    def checks(self) -> tuple[Check, ...]:
        """Measured against exact, now."""
        return self.lab.checks(self.params, self.state)

    def advance(self) -> None:
        """Take one step."""
        self.state = self.lab.step(self.params, self.state)
        self.step += 1
        self.history.add(self.lab.frame(self.params, self.state)._replace(step=self.step))

    def change(self, name: str, value: Value) -> None:
        """Change a live parameter from the next step on; raises TutorError for a value that is not allowed."""
        values = {field.name: getattr(self.params, field.name) for field in dataclasses.fields(self.params)}  # type: ignore[arg-type]
        params = make_params(self.lab, {**values, name: value})
        if not next(knob.live for knob in params_of(self.lab.params) if knob.name == name):
            raise ValueError(f"{name} cannot change while the lab runs")
        self.params = params
        self.changes.append((self.step, name, value))
        self.history.frame = self.lab.frame(params, self.state)._replace(step=self.step)


def replay(lab: Lab[P, S], params: P, seed: int, changes: Iterable[tuple[int, str, Value]], steps: int) -> Run[P, S]:
    """Run again for so many steps, making the recorded changes at the steps at which they were made."""
    run = Run(lab, params, seed)
    waiting = list(changes)
    while True:
        while waiting and waiting[0][0] <= run.step:
            _, name, value = waiting.pop(0)
            run.change(name, value)
        if run.step >= steps:
            return run
        run.advance()
