"""torch.optim is the oracle, over 1,000 steps; closed forms say what the first steps are."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kernels import optimizers

Step = Callable[[optimizers.State, Any], optimizers.State]

# Ours and torch's; the learning rates are those of stable runs: RMSProp at 0.01 is chaotic here, and rounding grows.
CASES: dict[str, tuple[Step, Callable[[Any], torch.optim.Optimizer]]] = {
    "sgd": (
        lambda s, g: optimizers.sgd(s, g, 0.01),
        lambda p: torch.optim.SGD(p, lr=0.01, foreach=False),
    ),
    "sgd, decay": (
        lambda s, g: optimizers.sgd(s, g, 0.01, decay=0.1),
        lambda p: torch.optim.SGD(p, lr=0.01, weight_decay=0.1, foreach=False),
    ),
    "momentum": (
        lambda s, g: optimizers.momentum(s, g, 0.01, 0.9),
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, foreach=False),
    ),
    "nesterov": (
        lambda s, g: optimizers.momentum(s, g, 0.01, 0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True, foreach=False),
    ),
    "nesterov, decay": (
        lambda s, g: optimizers.momentum(s, g, 0.01, 0.8, nesterov=True, decay=0.1),
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.8, nesterov=True, weight_decay=0.1, foreach=False),
    ),
    "rmsprop": (
        lambda s, g: optimizers.rmsprop(s, g, 0.001),
        lambda p: torch.optim.RMSprop(p, lr=0.001, foreach=False),
    ),
    "rmsprop, decay": (
        lambda s, g: optimizers.rmsprop(s, g, 0.001, alpha=0.9, decay=0.1),
        lambda p: torch.optim.RMSprop(p, lr=0.001, alpha=0.9, weight_decay=0.1, foreach=False),
    ),
    "adam": (
        lambda s, g: optimizers.adam(s, g, 0.01),
        lambda p: torch.optim.Adam(p, lr=0.01, foreach=False),
    ),
    "adam, L2": (
        lambda s, g: optimizers.adam(s, g, 0.01, 0.8, 0.99, decay=0.1),
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.99), weight_decay=0.1, foreach=False),
    ),
    "adamw": (
        lambda s, g: optimizers.adamw(s, g, 0.01, decay=0.1),
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1, foreach=False),
    ),
}


def problem(d: int = 17, seed: int = 0) -> tuple[np.ndarray, Callable[[np.ndarray, int], np.ndarray]]:
    """A quadratic of condition 100 whose gradient is shaken by waves, so that nothing settles."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
    H = (Q * np.geomspace(1, 100, d)) @ Q.T
    w0, phase = rng.standard_normal((2, d))
    return w0, lambda w, t: H @ w + 0.1 * np.sin(0.37 * t + phase)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_a_thousand_steps_agree_with_torch(name: str, dtype: Any, rtol: float) -> None:
    ours, theirs = CASES[name]
    w0, gradient = problem()
    state = optimizers.init(w0.astype(dtype))
    tensor = torch.from_numpy(w0.astype(dtype)).requires_grad_()
    optimizer = theirs([tensor])
    # Each follows its own iterate, so errors would add up.
    for t in range(1000):
        state = ours(state, gradient(state.w, t).astype(dtype))
        tensor.grad = torch.from_numpy(gradient(tensor.detach().numpy(), t).astype(dtype))
        optimizer.step()
        theirs_now = tensor.detach().numpy()
        assert np.abs(state.w - theirs_now).max() <= rtol * np.abs(theirs_now).max()
    assert state.w.dtype == state.m.dtype == state.v.dtype == dtype
    assert state.t == 1000


def test_the_sgd_family_is_equal_to_torch_bit_by_bit() -> None:
    # torch adds with fused multiply-add where the processor can; without, it rounds as numpy does.
    code = textwrap.dedent(
        """
        import numpy as np, torch
        from kernels import optimizers
        from test_optimizers import CASES, problem

        for name in ("sgd", "sgd, decay", "momentum", "nesterov", "nesterov, decay"):
            ours, theirs = CASES[name]
            w0, gradient = problem()
            state, tensor = optimizers.init(w0), torch.from_numpy(w0.copy()).requires_grad_()
            optimizer = theirs([tensor])
            for t in range(1000):
                state = ours(state, gradient(state.w, t))
                tensor.grad = torch.from_numpy(gradient(tensor.detach().numpy(), t))
                optimizer.step()
                assert np.array_equal(state.w, tensor.detach().numpy()), (name, t)
        print("equal")
        """
    )
    here = Path(__file__).parent
    env = {
        **os.environ,
        "ATEN_CPU_CAPABILITY": "default",
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])]),
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "equal", done.stderr[-2000:]


def first_steps(step: Step, n: int = 60) -> np.ndarray:
    """|w_t − w_(t−1)| for a constant gradient."""
    state, sizes = optimizers.init(np.zeros(1)), []
    for _ in range(n):
        after = step(state, np.full(1, 3.0))
        sizes.append(abs(float(after.w[0] - state.w[0])))
        state = after
    return np.array(sizes)


def test_bias_correction_makes_every_step_of_a_constant_gradient_one_learning_rate() -> None:
    assert first_steps(lambda s, g: optimizers.adam(s, g, 1.0)) == pytest.approx(np.ones(60), rel=1e-7)
    corrected = first_steps(lambda s, g: optimizers.rmsprop(s, g, 1.0, 0.999, correct=True))
    assert corrected == pytest.approx(np.ones(60), rel=1e-7)


def test_without_it_the_first_steps_are_too_long() -> None:
    t = np.arange(1, 61)
    adam = first_steps(lambda s, g: optimizers.adam(s, g, 1.0, correct=False))
    assert adam == pytest.approx((1 - 0.9**t) / np.sqrt(1 - 0.999**t), rel=1e-6)
    assert adam[0] == pytest.approx(3.16, abs=0.005)
    assert (int(adam.argmax()) + 1, round(float(adam.max()), 1)) == (12, 6.6)
    assert first_steps(lambda s, g: optimizers.rmsprop(s, g, 1.0, 0.999))[0] == pytest.approx(31.6, abs=0.05)
    assert first_steps(lambda s, g: optimizers.rmsprop(s, g, 1.0))[0] == pytest.approx(10, rel=1e-6)


def test_adam_does_not_see_the_scale_of_the_loss() -> None:
    w0, gradient = problem()
    states = [optimizers.init(w0), optimizers.init(w0)]
    for t in range(50):
        states = [
            optimizers.adam(s, scale * gradient(s.w, t), 0.01, eps=0.0)
            for s, scale in zip(states, (1.0, 2.0**20), strict=True)
        ]
    assert states[0].w == pytest.approx(states[1].w, rel=1e-12)


def test_l2_is_decay_for_sgd_and_is_not_for_adam() -> None:
    w0, gradient = problem()
    l2 = decay = optimizers.init(w0)
    adam = adamw = optimizers.init(w0)
    for t in range(100):
        l2 = optimizers.sgd(l2, gradient(l2.w, t), 0.01, decay=0.3)
        decay = optimizers.sgd(decay._replace(w=decay.w * (1 - 0.01 * 0.3)), gradient(decay.w, t), 0.01)
        adam = optimizers.adam(adam, gradient(adam.w, t), 0.01, decay=0.3)
        adamw = optimizers.adamw(adamw, gradient(adamw.w, t), 0.01, decay=0.3)
    assert l2.w == pytest.approx(decay.w, rel=1e-12)
    assert np.abs(adam.w - adamw.w).max() > 1e-3


def test_a_step_is_pure_and_any_shape_will_do() -> None:
    w0 = np.arange(6.0).reshape(2, 3)
    for step, _ in CASES.values():
        state = step(optimizers.init(w0), np.ones((2, 3)))
        copies = [np.copy(part) for part in state[:3]]
        after = step(state, np.ones((2, 3)))
        assert all(np.array_equal(part, copy) for part, copy in zip(state[:3], copies, strict=True))
        assert after.w.shape == (2, 3)
    assert optimizers.init([1, 2]).w.dtype == np.float64
    state = optimizers.init(w0)
    assert state.w is not w0


def test_many_learning_rates_run_side_by_side() -> None:
    w0, gradient = problem(d=3)
    rates = np.array([1e-3, 1e-2, 0.1])
    together = optimizers.init(np.tile(w0, (3, 1)))
    alone = [optimizers.init(w0) for _ in rates]
    for t in range(20):
        g = np.stack([gradient(w, t) for w in together.w])
        together = optimizers.adam(together, g, rates[:, None])
        alone = [optimizers.adam(s, gradient(s.w, t), lr) for s, lr in zip(alone, rates, strict=True)]
    assert together.w == pytest.approx(np.stack([s.w for s in alone]), rel=1e-12)
