"""The Fokker–Planck equation: how the density of many Langevin particles moves, and how fast it comes to rest.

    dx = −U′ dt + √(2D) dW      ⇒      ∂p/∂t = ∂/∂x (U′ p) + D ∂²p/∂x² = −∂J/∂x,   J = −U′ p − D ∂p/∂x

p ∝ e^{−U/D} makes the flux J vanish everywhere: it is stationary. On cells of width h the density hops to a neighbour

    rate(i → j) = D/h² · exp(−(U_j − U_i) / 2D)          detailed balance: e^{−U_i/D} rate(i→j) = e^{−U_j/D} rate(j→i)

so the discrete law e^{−U_i/D} is stationary *exactly*, and with errors O(h²) all the rest is right too. Scaled by
e^{±U/2D} the generator is a symmetric tridiagonal matrix with eigenvalues 0 = −λ₀ > −λ₁ > …:

    p(x, t) = Σ_k e^{−λ_k t} (…);   1/λ₁ is the relaxation time, of double wells the time of the hops between them
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Modes(NamedTuple):
    """Eigenvalues λ_k ≥ 0, ascending, and what belongs to them on the cells."""

    rates: Array
    """(m,) λ_k."""
    phi: Array
    """(m, N) functions with E[φ_k(x(t)) | x(0)] = e^{−λ_k t} φ_k(x(0)), orthonormal under the law; φ₀ = 1."""
    law: Array
    """(N,) stationary probabilities of the cells."""


def generator(U: Array, D: float, h: float) -> Array:
    """(N, N) matrix L with dp/dt = p L for the row p of cell probabilities; each row of L sums to 0."""
    up = D / h**2 * np.exp(-np.diff(U) / (2 * D))
    down = D / h**2 * np.exp(np.diff(U) / (2 * D))
    L = np.diag(up, 1) + np.diag(down, -1)
    return np.asarray(L - np.diag(L.sum(axis=1)))


def modes(U: Array, D: float, h: float, m: int | None = None) -> Modes:
    """The m slowest modes (all if None), from energies U (N,) on cells of width h."""
    weight = np.exp(-(U - U.min()) / D)
    law = weight / weight.sum()
    root = np.sqrt(law)
    L = generator(U, D, h)
    # √π L /√π: symmetric by detailed balance.
    values, vectors = np.linalg.eigh(root[:, None] * L / root[None, :])
    order = np.argsort(-values)[:m]
    phi = (vectors[:, order] / root[:, None]).T
    # Signs: φ₀ = 1, and the others end positive on the right.
    phi *= np.sign(phi[:, -1:])
    return Modes(np.maximum(-values[order], 0.0), phi, law)


def evolve(p: Array, t: float, found: Modes) -> Array:
    """Cell probabilities at time t from p (N,) at time 0: Σ_k e^{−λ_k t} (Σ_i p_i φ_k(i)) φ_k π."""
    return np.asarray((np.exp(-found.rates * t) * (found.phi @ p)) @ found.phi * found.law)
