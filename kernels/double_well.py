"""A particle in a double well: its energy, its Boltzmann law, and how long it takes from one well to the other.

    U(x) = (x² − 1)²/4 − tilt · x,   U′(x) = x³ − x − tilt     wells near ±1, a barrier of ¼ between them at tilt 0

    dx = −U′(x) dt + √(2D) dW   has the stationary law   p(x) = e^{−U(x)/D} / Z,   Z = ∫ e^{−U/D} dx

D is the temperature; a positive tilt pushes to the right and deepens the right well. The mean first-passage time from
a to b > a is (Gardiner, Stochastic Methods, 5.2)

    T(a → b) = (1/D) ∫_a^b e^{U(y)/D} ∫_{−∞}^y e^{−U(z)/D} dz dy

Kramers (1940): for D ≪ barrier the rate out of a well is √(U″(min) |U″(top)|) / 2π · e^{−barrier/D}, an asymptote.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
FOLD = 2 / (3 * math.sqrt(3))
"""At |tilt| ≥ 0.385 one of the two wells is gone."""


def U(x: Array, tilt: float = 0.0) -> Array:
    """Energy."""
    return np.asarray(0.25 * (x**2 - 1) ** 2 - tilt * x)


def dU(x: Array, tilt: float = 0.0) -> Array:
    """U′; the force is −U′."""
    return np.asarray(x * (x * x - 1) - tilt)


class Law(NamedTuple):
    """The Boltzmann law on a grid of cell centres."""

    x: Array
    p: Array
    """Density."""
    Z: float

    def mean(self, f: Array) -> float:
        """E f(x) for f given at the centres: midpoint rule, exact to rounding for smooth f that die out."""
        return float(np.sum(self.p * f) * (self.x[1] - self.x[0]))


def grid(D: float, tilt: float, h: float) -> Array:
    """Centres of cells of width about h, with cell edges at −1, 0 and 1, out to where e^{−(U − min U)/D} is 1e-15."""
    h = 1 / math.ceil(1 / h)
    x = np.arange(-6 + h / 2, 6, h)
    energy = U(x, tilt)
    return np.asarray(x[energy - energy.min() < 35 * D])


def boltzmann(D: float, tilt: float = 0.0, h: float = 0.002) -> Law:
    """The stationary law; Z with U measured from 0 as above."""
    x = grid(D, tilt, h)
    weight = np.exp(-U(x, tilt) / D)
    Z = float(weight.sum() * (x[1] - x[0]))
    return Law(x, weight / Z, Z)


def passage_time(D: float, tilt: float, a: float, b: float, h: float = 0.002) -> float:
    """T(a → b) by quadrature, for a < b or a > b."""
    if a > b:
        return passage_time(D, -tilt, -a, -b, h)
    law = boltzmann(D, tilt, h)
    edges = np.append(law.x - 0.5 * (law.x[1] - law.x[0]), law.x[-1] + 0.5 * (law.x[1] - law.x[0]))
    below = np.concatenate([[0.0], np.cumsum(law.p) * (law.x[1] - law.x[0])])
    y = np.linspace(a, b, 2 * round((b - a) / h) + 1)
    inner = np.interp(y, edges, below)
    # e^{U/D} e^{−U/D} with a common factor Z taken out, which may be far from 1.
    return float(np.trapezoid(np.exp(U(y, tilt) / D) * inner, y) * law.Z / D)


def extrema(tilt: float) -> tuple[float, float, float] | None:
    """(left minimum, top, right minimum): the zeros of U′ in order; None if there is one well only."""
    if abs(tilt) >= FOLD:
        return None
    # x³ − x − tilt = 0 with three real zeros: Viète's cosines.
    angle = math.acos(tilt / FOLD) / 3
    roots = sorted(2 / math.sqrt(3) * math.cos(angle - 2 * math.pi * k / 3) for k in range(3))
    return roots[0], roots[1], roots[2]


def kramers(D: float, tilt: float = 0.0) -> tuple[float, float]:
    """Kramers' rates (left → right, right → left); NaN without two wells."""
    where = extrema(tilt)
    if where is None:
        return math.nan, math.nan
    left, top, right = (np.array(x) for x in where)
    rates = [
        math.sqrt((3 * float(well) ** 2 - 1) * (1 - 3 * float(top) ** 2))
        / (2 * math.pi)
        * math.exp(-float(U(top, tilt) - U(well, tilt)) / D)
        for well in (left, right)
    ]
    return rates[0], rates[1]
