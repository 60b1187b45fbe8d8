"""The kernels of chapter 2 against torch, torchdiffeq and SciPy, at equal accuracy.

Derivatives: dual numbers and the tape against torch's. Solvers: fixed steps and Dormand–Prince against torchdiffeq and
SciPy at the same steps or tolerance. Neural ODE: gradients through the solver and by the adjoint, forwards included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torchdiffeq
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from support.side_by_side import Case, main
from support.torch_networks import flat, relative

from kernels import autodiff, dormand_prince, dual, mlp, neural_ode, ode

CALLS = "each operation passes through Python on both ways, and each rule makes new arrays; torch stays in C++"
TOLERANCE = 1e-6


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    yield gradient_case(rng, (64, 32, 32, 8), 32)
    yield gradient_case(rng, (64, 256, 256, 8), 256)
    yield gradient_case(rng, (8,) * 33, 32)
    yield jacobian_case(rng, "forward")
    yield jacobian_case(rng, "reverse")
    yield fixed_case()
    for problem in (spiral(), van_der_pol(), network_field(rng)):
        yield adaptive_case(problem, "torchdiffeq odeint, dopri5")
        yield adaptive_case(problem, "SciPy solve_ivp, RK45")
    yield through_the_solver_case(rng)
    yield adjoint_case(rng)


# -- derivatives ---


def gradient_case(rng: np.random.Generator, sizes: tuple[int, ...], rows: int) -> Case:
    net = mlp.Net(sizes)
    theta = mlp.init(net, rng)
    X, Y = rng.standard_normal((rows, sizes[0])), rng.standard_normal((rows, sizes[-1]))
    arrays = [part for layer in mlp.layers(net, theta) for part in layer]
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    tensors = [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]

    def loss(tanh: Any, X: Any, Y: Any, *parts: Any) -> Any:
        h = X
        for at in range(0, len(parts), 2):
            h = (tanh(h) if at else h) @ parts[at] + parts[at + 1]
        off = h - Y
        return (off * off).sum() / rows

    # Written out by hand, in extended precision.
    exact_theta = theta.astype(np.longdouble)
    out, cache = mlp.forward(net, exact_theta, X)
    exact, _ = mlp.backward(net, exact_theta, cache, 2 * (out - Y) / rows)
    return Case(
        f"autodiff.gradient, {len(sizes) - 1} layers of up to {max(sizes[1:])}, {rows} rows",
        "torch.autograd",
        lambda: autodiff.gradient(lambda *parts: loss(np.tanh, X, Y, *parts), *arrays)[1],
        lambda: torch.autograd.grad(loss(torch.tanh, x, y, *tensors), tensors),
        "relative",
        lambda found: relative(flat(found), exact),
        CALLS,
    )


def jacobian_case(rng: np.random.Generator, mode: str) -> Case:
    """Forward mode where inputs are few, reverse where outputs are."""
    n, m = (8, 64) if mode == "forward" else (64, 8)
    A, B, x = rng.standard_normal((64, n)) / n, rng.standard_normal((m, 64)) / 8, rng.standard_normal(n)
    a, b, point = (torch.from_numpy(v) for v in (A, B, x))
    jacobian, theirs = (
        (dual.jacobian, torch.func.jacfwd) if mode == "forward" else (autodiff.jacobian, torch.func.jacrev)
    )
    exact = (B.astype(np.longdouble) * (1 - np.tanh(A.astype(np.longdouble) @ x) ** 2)) @ A
    return Case(
        f"{'dual' if mode == 'forward' else 'autodiff'}.jacobian of tanh layers, ℝ{n} → ℝ{m}",
        f"torch.func.{theirs.__name__}",
        lambda: jacobian(lambda x: B @ np.tanh(A @ x), x),
        lambda: theirs(lambda x: b @ torch.tanh(a @ x))(point),
        "relative",
        lambda J: relative(np.asarray(J), exact),
        CALLS,
    )


# -- solvers ---


class Problem:
    """A differential equation for all three libraries, with its solution at some times."""

    def __init__(self, name: str, f: Any, f_torch: Any, start: np.ndarray, times: np.ndarray, exact: np.ndarray | None):
        self.name, self.f, self.f_torch, self.start, self.times = name, f, f_torch, start, times
        self.exact = dormand_prince.solve(f, start, times, 1e-13, 1e-13).ys if exact is None else exact

    def off(self, found: Any) -> float:
        return float(np.abs(np.asarray(found).reshape(self.exact.shape) - self.exact).max())


def spiral() -> Problem:
    A = np.array([[-0.3, -2.0], [2.0, -0.3]])
    a, start, times = torch.from_numpy(A), np.array([1.0, 0.0]), np.linspace(0, 10, 41)
    exact = np.stack([expm(t * A) @ start for t in times])
    return Problem("spiral", lambda t, y: A @ y, lambda t, y: a @ y, start, times, exact)


def van_der_pol() -> Problem:
    def f(t: float, y: Any) -> Any:
        return np.array([y[1], 5.0 * (1 - y[0] * y[0]) * y[1] - y[0]])

    def f_torch(t: Any, y: Any) -> Any:
        return torch.stack([y[1], 5.0 * (1 - y[0] * y[0]) * y[1] - y[0]])

    return Problem("Van der Pol, μ = 5", f, f_torch, np.array([2.0, 0.0]), np.linspace(0, 20, 41), None)


def network_field(rng: np.random.Generator) -> Problem:
    """All pieces of paths of the lab neural-ode-spiral at once."""
    net, theta, start, _ = pieces(rng)
    field = Field(theta)

    def f(t: float, y: np.ndarray) -> np.ndarray:
        return mlp.forward(net, theta, y.reshape(start.shape))[0].reshape(y.shape)

    def f_torch(t: Any, y: Any) -> Any:
        with torch.inference_mode():
            return field(t, y)

    return Problem("network, 64 paths", f, f_torch, start, np.linspace(0, 4, 21), None)


def fixed_case() -> Case:
    problem = spiral()
    times = np.linspace(0, 10, 401)
    t, start = torch.from_numpy(times), torch.from_numpy(problem.start)
    return Case(
        "ode.solve, RK4, spiral, 400 steps",
        "torchdiffeq odeint, rk4",
        lambda: ode.solve(problem.f, problem.start, times, ode.RK4),
        lambda: torchdiffeq.odeint(problem.f_torch, start, t, method="rk4"),
        "largest",
        lambda ys: problem.off(np.asarray(ys)[::10]),
    )


def adaptive_case(problem: Problem, library: str) -> Case:
    t, start = torch.from_numpy(problem.times), torch.from_numpy(problem.start)
    tolerance = {"rtol": TOLERANCE, "atol": TOLERANCE}

    def scipy() -> Any:
        ends = (problem.times[0], problem.times[-1])
        return solve_ivp(problem.f, ends, problem.start.ravel(), t_eval=problem.times, **tolerance).y.T

    return Case(
        f"dormand_prince.solve, {problem.name}, 1e-6",
        library,
        lambda: dormand_prince.solve(problem.f, problem.start, problem.times, TOLERANCE, TOLERANCE).ys,
        scipy if "SciPy" in library else lambda: torchdiffeq.odeint(problem.f_torch, start, t, **tolerance),
        "largest",
        problem.off,
        "the same steps; SciPy keeps the slopes of a step in one matrix, so that a stage takes one product, where ours"
        " adds slope by slope, as the formula is written",
    )


# -- gradients through a solver ---


def pieces(rng: np.random.Generator) -> tuple[mlp.Net, np.ndarray, np.ndarray, np.ndarray]:
    """The network of the lab neural-ode-spiral, 64 starts in the unit square, and 1 s of observations of each."""
    net = mlp.Net((2, 32, 2), "silu")
    return net, mlp.init(net, rng), rng.uniform(-1, 1, (64, 2)), rng.uniform(-1, 1, (6, 64, 2))


class Field(torch.nn.Module):
    """The same network in torch."""

    def __init__(self, theta: np.ndarray) -> None:
        super().__init__()
        net = mlp.Net((2, 32, 2), "silu")
        parts = [torch.nn.Parameter(torch.from_numpy(a.copy())) for layer in mlp.layers(net, theta) for a in layer]
        self.W1, self.b1, self.W2, self.b2 = parts

    def forward(self, t: Any, y: Any) -> Any:
        return torch.nn.functional.silu(y @ self.W1 + self.b1) @ self.W2 + self.b2


def misfits(ys: Any, seen: np.ndarray) -> dict[int, np.ndarray]:
    """∂L/∂y at each time for L = ½ Σ ‖y − seen‖²."""
    return {at: ys[at] - seen[at] for at in range(1, len(seen))}


def adjoint_gradient(rng_pieces: Any, tolerance: float) -> np.ndarray:
    net, theta, start, seen = rng_pieces
    times = np.linspace(0, 1, len(seen))

    def f(t: float, y: np.ndarray) -> np.ndarray:
        return mlp.forward(net, theta, y)[0]

    def solve(f: Any, s: np.ndarray, t0: float, t1: float) -> Any:
        return dormand_prince.solve(f, s, [t0, t1], tolerance, tolerance).ys[-1]

    ys = dormand_prince.solve(f, start, times, tolerance, tolerance).ys
    return neural_ode.adjoint(net, theta, ys[-1], times, misfits(ys, seen), solve).theta


def torch_gradient(rng_pieces: Any, solve: Callable[..., Any]) -> Callable[[], Any]:
    """Forwards through torchdiffeq, and back."""
    _, theta, start, seen = rng_pieces
    field, y0, target = Field(theta), torch.from_numpy(start), torch.from_numpy(seen)
    times = torch.linspace(0, 1, len(seen), dtype=torch.float64)

    def gradient() -> Any:
        ys = solve(field, y0, times)
        loss = ((ys[1:] - target[1:]) ** 2).sum() / 2
        field.zero_grad()
        loss.backward()
        return [part.grad for part in field.parameters()]

    return gradient


def through_the_solver_case(rng: np.random.Generator) -> Case:
    setting = net, theta, start, seen = pieces(rng)
    exact = adjoint_gradient(setting, 1e-12)
    times = np.linspace(0, 1, len(seen))

    def ours() -> Any:
        path = neural_ode.forward(net, theta, start, times, ode.RK4)
        return [neural_ode.backward(net, theta, path, ode.RK4, misfits(path.ys, seen)).theta]

    return Case(
        "neural_ode.backward, RK4, 64 paths, 5 steps",
        "torchdiffeq odeint, rk4, and autograd",
        ours,
        torch_gradient(setting, lambda f, y, t: torchdiffeq.odeint(f, y, t, method="rk4")),
        "relative",
        lambda found: relative(flat(found), exact),
    )


def adjoint_case(rng: np.random.Generator) -> Case:
    setting = pieces(rng)
    exact = adjoint_gradient(setting, 1e-12)
    tolerance = {"rtol": TOLERANCE, "atol": TOLERANCE}
    return Case(
        "neural_ode.adjoint, 64 paths, 1e-6",
        "torchdiffeq odeint_adjoint, dopri5",
        lambda: [adjoint_gradient(setting, TOLERANCE)],
        torch_gradient(setting, lambda f, y, t: torchdiffeq.odeint_adjoint(f, y, t, **tolerance)),
        "relative",
        lambda found: relative(flat(found), exact),
    )


if __name__ == "__main__":
    main(__doc__, cases)
