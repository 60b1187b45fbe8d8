"""Labs that misbehave, for the tests of the host."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

TROUBLES = ("none", "raise", "hang", "die", "nan", "print", "slow", "load")


@dataclass(frozen=True)
class Params:
    steps: int = param(50, "steps of the run", low=1, high=1000)
    trouble: str = param("none", "what goes wrong", choices=TROUBLES, live=True)


def init(params: Params, rng: np.random.Generator) -> int:
    if params.trouble == "load":
        time.sleep(1.0)
    return 0


def step(params: Params, state: int) -> int:
    match params.trouble:
        case "raise":
            raise ValueError("[/bold] a lab's own fault")
        case "hang":
            time.sleep(1000)
        case "slow":
            time.sleep(0.02)
        case "die":
            os.kill(os.getpid(), 9)
        case "print":
            os.write(1, b"noise on stdout")
            print("more noise")
    return state + 1


def frame(params: Params, state: int) -> Frame:
    value = np.nan if params.trouble == "nan" else float(state)
    return Frame(state, {"value": value}, {"cloud": np.arange(5.0) * value})


LAB = Lab(
    id="toy",
    title="A toy",
    chapter="linear-algebra",
    section="0",
    lesson="matrices",
    summary="Counts.",
    params=Params,
    init=init,
    step=step,
    done=lambda params, state: state >= params.steps,
    total=lambda params, state: params.steps,
    frame=frame,
    checks=lambda params, state: (Check("count", float(state), float(state), 0.0),),
    charts=(Chart("value", "Value", series=(Series("value", "value"),)),),
    prediction=Prediction("How far?", "value", 0.0, 1000.0, "value"),
    explain="",
    source=("kernels.svd",),
)
