"""torch.autograd through the same steps, differences of the computed loss, and torchdiffeq."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchdiffeq

from kernels import dormand_prince, mlp, neural_ode, ode

NET = mlp.Net((2, 12, 2))
METHODS = [ode.EULER, ode.HEUN, ode.RK4, dormand_prince.METHOD]


def start(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return mlp.init(NET, rng), rng.standard_normal((6, 2)), rng.standard_normal((6, 2))


def network(theta: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.tanh(y @ theta[:24].reshape(2, 12) + theta[24:36]) @ theta[36:60].reshape(12, 2) + theta[60:]


def unrolled(theta: torch.Tensor, y: torch.Tensor, times: np.ndarray, m: ode.Method) -> list[torch.Tensor]:
    """The same steps by torch: the graph that its autograd walks back."""
    ys = [y]
    for i, h in enumerate(np.diff(times).tolist()):
        weights = theta if theta.ndim == 1 else theta[i]
        k: list[torch.Tensor] = []
        for row in m.a.tolist():
            point = ys[-1]
            for a, slope in zip(row, k, strict=False):
                point = point + h * a * slope
            k.append(network(weights, point))
        y = ys[-1]
        for b, slope in zip(m.b.tolist(), k, strict=True):
            y = y + h * b * slope
        ys.append(y)
    return ys


@pytest.mark.parametrize("m", METHODS, ids=lambda m: m.name)
def test_backprop_is_autograd_through_the_solver(m: ode.Method) -> None:
    theta, y0, target = start()
    times = np.array([0.0, 0.3, 0.4, 1.0, 1.7])
    path = neural_ode.forward(NET, theta, y0, times, m)
    # The loss looks at the start, at a time in the middle and at the end.
    found = neural_ode.backward(NET, theta, path, m, {at: path.ys[at] - target for at in (0, 2, 4)})
    t, y = torch.from_numpy(theta).requires_grad_(), torch.from_numpy(y0).requires_grad_()
    ys = unrolled(t, y, times, m)
    sum(((ys[at] - torch.from_numpy(target)) ** 2).sum() / 2 for at in (0, 2, 4)).backward()  # type: ignore[union-attr]
    assert t.grad is not None
    assert y.grad is not None
    assert np.abs(path.ys[-1] - ys[-1].detach().numpy()).max() < 1e-13
    assert np.abs(found.theta - t.grad.numpy()).max() < 1e-11
    assert np.abs(found.y0 - y.grad.numpy()).max() < 1e-12


def test_a_resnet_has_weights_of_its_own_in_each_step() -> None:
    theta, y0, target = start()
    rows = np.stack([theta, 0.5 * theta, -theta])
    times = np.arange(4.0)
    path = neural_ode.forward(NET, rows, y0, times, ode.EULER)
    block = y0 + mlp.forward(NET, theta, y0)[0]
    assert np.array_equal(path.ys[1], block)
    found = neural_ode.backward(NET, rows, path, ode.EULER, {3: path.ys[-1] - target})
    t, y = torch.from_numpy(rows).requires_grad_(), torch.from_numpy(y0)
    (((unrolled(t, y, times, ode.EULER)[-1]) - torch.from_numpy(target)) ** 2).sum().div(2).backward()
    assert t.grad is not None
    assert found.theta.shape == rows.shape
    assert np.abs(found.theta - t.grad.numpy()).max() < 1e-11


def both(rtol: float, seed: int = 0) -> tuple[neural_ode.Gradient, neural_ode.Gradient]:
    """Backprop through Dormand–Prince's steps, and the adjoint solved by it, for a loss at two times."""
    theta, y0, target = start(seed)
    net = NET
    stops = np.array([0.0, 0.8, 2.0])

    def f(t: float, y: np.ndarray) -> Any:
        return mlp.forward(net, theta, y)[0]

    def solve(f: Any, s: np.ndarray, t0: float, t1: float) -> Any:
        return dormand_prince.solve(f, s, [t0, t1], rtol, rtol).ys[-1]

    middle = dormand_prince.solve(f, y0, stops[:2], rtol, rtol)
    last = dormand_prince.solve(f, middle.ys[-1], stops[1:], rtol, rtol)
    grid = np.concatenate([middle.grid, last.grid[1:]])
    path = neural_ode.forward(net, theta, y0, grid, dormand_prince.METHOD)
    at = len(middle.grid) - 1
    losses = [path.ys[at] - target, path.ys[-1] - target]
    back = neural_ode.backward(
        net, theta, path, dormand_prince.METHOD, dict(zip((at, len(grid) - 1), losses, strict=True))
    )
    return back, neural_ode.adjoint(net, theta, path.ys[-1], stops, dict(zip((1, 2), losses, strict=True)), solve)


def apart(a: neural_ode.Gradient, b: neural_ode.Gradient) -> float:
    one, two = (np.concatenate([g.theta, g.y0.ravel()]) for g in (a, b))
    return float(np.linalg.norm(one - two) / np.linalg.norm(one))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_adjoint_agrees_to_the_solvers_tolerance(seed: int) -> None:
    assert apart(*both(1e-4, seed)) < 1e-2
    assert apart(*both(1e-8, seed)) < 1e-6
    assert apart(*both(1e-10, seed)) < 1e-8


def test_memory_grows_with_the_steps_for_backprop_and_stays_for_the_adjoint() -> None:
    theta, y0, _ = start()

    def euler(steps: int) -> neural_ode.Solver:
        return lambda f, s, t0, t1: ode.solve(f, s, np.linspace(t0, t1, steps + 1), ode.EULER)[-1]

    for steps in (5, 50):
        path = neural_ode.forward(NET, theta, y0, np.linspace(0, 1, steps + 1), ode.EULER)
        back = neural_ode.backward(NET, theta, path, ode.EULER, {steps: path.ys[-1]})
        adjoint = neural_ode.adjoint(NET, theta, path.ys[-1], [0.0, 1.0], {1: path.ys[-1]}, euler(steps))
        # A network's cache holds its 2 inputs and 12 hidden values a row; both keep ∂L/∂y and ∂L/∂θ, the adjoint y too.
        assert back.kept == steps * 6 * 14 + y0.size + theta.size
        assert adjoint.kept == 6 * 14 + 2 * y0.size + theta.size


def test_with_coarse_steps_the_adjoint_is_not_the_gradient_of_what_was_computed() -> None:
    theta, y0, _ = start()
    times = np.linspace(0, 2, 5)
    v = np.random.default_rng(3).standard_normal(theta.shape)

    def loss(theta: np.ndarray) -> float:
        return float(np.sum(neural_ode.forward(NET, theta, y0, times, ode.EULER).ys[-1] ** 2) / 2)

    slope = (loss(theta + 1e-5 * v) - loss(theta - 1e-5 * v)) / 2e-5
    path = neural_ode.forward(NET, theta, y0, times, ode.EULER)
    back = neural_ode.backward(NET, theta, path, ode.EULER, {4: path.ys[-1]})
    adjoint = neural_ode.adjoint(
        NET, theta, path.ys[-1], times, {4: path.ys[-1]},
        lambda f, s, t0, t1: ode.solve(f, s, np.linspace(t0, t1, 5), ode.EULER)[-1],
    )  # fmt: skip
    assert back.theta @ v == pytest.approx(slope, rel=1e-7)
    assert abs(adjoint.theta @ v - slope) > 0.01 * abs(slope)


def test_agrees_with_torchdiffeqs_adjoint() -> None:
    theta, y0, _ = start()

    class Field(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.theta = torch.nn.Parameter(torch.from_numpy(theta.copy()))

        def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return network(self.theta, y)

    field = Field()
    y = torch.from_numpy(y0).requires_grad_()
    times = torch.tensor([0.0, 2.0], dtype=torch.float64)
    end = torchdiffeq.odeint_adjoint(field, y, times, rtol=1e-10, atol=1e-10, method="dopri5")[-1]
    ((end**2).sum() / 2).backward()

    def solve(f: Any, s: np.ndarray, t0: float, t1: float) -> Any:
        return dormand_prince.solve(f, s, [t0, t1], 1e-10, 1e-10).ys[-1]

    last = end.detach().numpy()
    ours = neural_ode.adjoint(NET, theta, last, [0.0, 2.0], {1: last}, solve)
    assert field.theta.grad is not None
    assert y.grad is not None
    assert np.abs(ours.theta - field.theta.grad.numpy()).max() < 1e-7
    assert np.abs(ours.y0 - y.grad.numpy()).max() < 1e-7
