"""The networks of the kernels once more in torch, with the same weights, and their gradients as one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


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
