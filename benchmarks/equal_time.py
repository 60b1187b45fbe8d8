"""Processor time that each model of the lab vae-vs-diffusion trains for, where all are to train equally long.

The lab counts updates at the prices in `tutor.labs.contenders.COST`, so that a run replays exactly on any machine.
Here the prices are checked: all models in turn, as many updates as are to cost the same.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from support.report import machine
from threadpoolctl import threadpool_limits

from tutor.labs import contenders

PART = 200.0
"""Milliseconds of training in a turn, by the lab's prices."""


def measured(name: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of processor time that a second of training takes, in each round."""
    rng = np.random.default_rng(0)
    trainings = {kind: contenders.begin(kind, name, 1e3, rng) for kind in contenders.KINDS}  # type: ignore[arg-type]
    # Half of the time of the diffusion of codes goes to the VAE, which has its own row: here the other half.
    latent, vae = trainings["latent"], trainings["latent"].base
    assert vae is not None
    trainings["latent"] = latent._replace(base=vae._replace(updates=vae.goal))
    found: dict[str, list[float]] = {kind: [] for kind in trainings}
    for turn in range(rounds + 1):
        for kind, training in trainings.items():
            begun = time.process_time()
            trainings[kind] = contenders.advance(training, PART, rng)
            passed = 1000 * (time.process_time() - begun)
            if turn:  # the first one warms up
                found[kind].append(passed / (PART / 1000))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=15, help="rounds (default 15)")
    given = parser.parse_args()
    with threadpool_limits(1):
        print(f"processor time of a second of training by the lab's prices, medians; {machine()}")
        print(f"{'data':6} {'model':10} {'ms':>7}  over their mean")
        for name in ("ring", "grid"):
            found = {kind: statistics.median(times) for kind, times in measured(name, given.n).items()}
            mean = statistics.mean(found.values())
            for kind, value in found.items():
                print(f"{name:6} {kind:10} {value:7.0f}  {value / mean:5.2f}", flush=True)


if __name__ == "__main__":
    main()
