"""torch's schedulers are the oracle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kernels import schedules


def torch_rates(steps: int, peak: float, make: object) -> np.ndarray:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    scheduler = make(optimizer)  # type: ignore[operator]
    rates = []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return np.array(rates)


@pytest.mark.parametrize(("steps", "low"), [(1, 0.0), (50, 0.0), (200, 1e-3)])
def test_cosine_agrees_with_torch(steps: int, low: float) -> None:
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR
    theirs = torch_rates(steps, 0.3, lambda optimizer: cosine(optimizer, steps, eta_min=low))
    assert schedules.cosine(steps, 0.3, low) == pytest.approx(theirs, rel=1e-9)


def test_warm_up_agrees_with_torch() -> None:
    linear, cosine = torch.optim.lr_scheduler.LinearLR, torch.optim.lr_scheduler.CosineAnnealingLR

    def make(optimizer: torch.optim.Optimizer) -> object:
        # LinearLR reaches the whole rate after total_iters steps, ours with the last step of the warm-up.
        up = linear(optimizer, start_factor=0.1, total_iters=9)
        return torch.optim.lr_scheduler.SequentialLR(optimizer, [up, cosine(optimizer, 40)], milestones=[10])

    theirs = torch_rates(50, 0.5, make)
    assert schedules.cosine(50, 0.5, warmup=10) == pytest.approx(theirs, rel=1e-9)


def test_the_peak_is_reached_once_and_the_end_is_near_the_lowest() -> None:
    rates = schedules.cosine(100, 2.0, 0.1, warmup=10)
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == rates[10] == rates.max() == 2.0
    assert 0.1 < rates[-1] < 0.102
    assert (np.diff(rates[10:]) < 0).all()
    assert schedules.constant(3, 0.5).tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("warmup", [-1, 10, 11])
def test_a_warm_up_that_leaves_nothing_is_refused(warmup: int) -> None:
    with pytest.raises(ValueError, match="warm-up"):
        schedules.cosine(10, 1.0, warmup=warmup)
