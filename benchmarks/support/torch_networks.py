"""The networks of the kernels once more in torch, with the same weights, and their gradients as one vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from kernels import optimizers


def linear(W: np.ndarray, b: np.ndarray) -> torch.nn.Linear:
    """A layer with the weights (n, m) of a kernel; torch keeps them as (m, n)."""
    layer = torch.nn.Linear(*W.shape, dtype=torch.from_numpy(W).dtype)
    with torch.no_grad():
        layer.weight[:], layer.bias[:] = torch.from_numpy(W.T), torch.from_numpy(b)
    return layer


def gradients(model: torch.nn.Module) -> list[torch.Tensor]:
    """Those of all linear layers, in the shapes of the kernels."""
    layers = (part for part in model.modules() if isinstance(part, torch.nn.Linear))
    return [grad for part in layers for grad in (part.weight.grad.T, part.bias.grad)]


def flat(parts: Sequence[Any]) -> np.ndarray:
    """Arrays or tensors in one vector."""
    return np.concatenate([np.asarray(part).ravel() for part in parts])


def relative(found: np.ndarray, exact: np.ndarray) -> float:
    """‖found − exact‖ / ‖exact‖."""
    return float(np.linalg.norm((found - exact).ravel()) / np.linalg.norm(exact.ravel()))


def adam_steps(theta: np.ndarray, gradient: Callable[[np.ndarray], np.ndarray]) -> Callable[[], Any]:
    """Each call takes one step further, and returns the gradient it took."""
    state = optimizers.init(theta)

    def step() -> Any:
        nonlocal state
        g = gradient(state.w)
        state = optimizers.adam(state, g, lr=1e-3)
        return [g]

    return step


def torch_steps(model: torch.nn.Module, loss: Callable[[], torch.Tensor]) -> Callable[[], Any]:
    """The same in torch."""
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> Any:
        adam.zero_grad()
        loss().backward()
        adam.step()
        return gradients(model)

    return step
