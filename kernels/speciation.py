"""When is it decided which mode a sample belongs to? Noise it up to σ, turn round, and see where it comes out.

Nine modes at a 3×3 grid: both coordinates are independent and alike, so P(same mode) is the square of a chance on the
line, with three modes m ∈ {−6, 0, 6}, p(x) = ⅓ Σ_m N(x; m, v), v = s² + σ², and r_m(x) = N(x; m, v) / 3 p(x):

    reverse SDE    the way back draws x₀ afresh from its law given x:          P = ∫ p Σ_m r_m² dx
    flow ODE       keeps the order of points on the line, hence their share F:   P = Σ_m ∫ ⅓ N(x; m, v) r_m(T(x)) dx
                   x goes to T(x) = F₀⁻¹(F_σ(x)), and                            with r_m of the clean law

P falls from 1 to ⅓ (chance) on the line, to 1/9 in the plane. In between the sample is not decided yet ("speciation",
Biroli, Bonnaire, de Bortoli & Mézard 2024).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from kernels import gaussian

Array = npt.NDArray[np.floating]
MODES = np.array([-6.0, 0.0, 6.0])


def _line(sigma: float, s: float) -> tuple[Array, Array, float]:
    """(x, N(x; m, v) for each mode, step) on a grid that holds all mass."""
    v = s * s + sigma**2
    x = np.linspace(MODES[0] - 9 * math.sqrt(v), MODES[-1] + 9 * math.sqrt(v), 6001)
    each = np.exp(-((x[:, None] - MODES) ** 2) / (2 * v)) / math.sqrt(2 * math.pi * v)
    return x, each, float(x[1] - x[0])


def by_sde(sigma: float, s: float) -> float:
    """P(same of nine modes) when the reverse SDE brings a point back from noise level σ (in units where α = 1)."""
    _, each, h = _line(sigma, s)
    p = each.mean(axis=1)
    # Σ r² p = Σ (N_m/3)² / p
    squares = np.divide(np.sum((each / 3) ** 2, axis=1), p, out=np.zeros_like(p), where=p > 0)
    return float(np.sum(squares) * h) ** 2


def by_ode(sigma: float, s: float) -> float:
    """P(same of nine modes) when the probability-flow ODE brings it back; the mode of x₀ by its posterior chance."""
    x, each, h = _line(sigma, s)
    y, clean, _ = _line(0.0, s)
    F = gaussian.Phi((x[:, None] - MODES) / math.sqrt(s * s + sigma**2)).mean(axis=1)
    F_clean = gaussian.Phi((y[:, None] - MODES) / s).mean(axis=1)
    total = clean.sum(axis=1, keepdims=True)
    r = np.divide(clean, total, out=np.full_like(clean, 1 / 3), where=total > 0)
    at_end = np.stack([np.interp(F, F_clean, r[:, m]) for m in range(len(MODES))], axis=1)
    return float(np.sum(each / 3 * at_end) * h) ** 2
