"""How large the gradient is at each block of a deep ReLU network before training: known in advance.

Weights are independent, N(0, σ²/n), in layers of width n. A ReLU silences each of n units with probability ½, whatever
the length of what comes in, so a layer multiplies a squared length by (σ²/n) χ²_K with K ~ Binomial(n, ½). That is
exact for the signal (Hanin 2018 has the moments) and holds to order 1/n² for the gradient on its way back. The
logarithms of the layers add up:

    E ln (factor of a length) = ½ [ln(σ²/n) + E ln χ²_K] ≈ ½ ln(σ²/2) − 5/(4n),      E ln χ²_K = ln 2 + E ψ(K/2)

Over L blocks of two layers without skip this decides all. With skip, h + F, squared lengths add: a block multiplies the
mean square by 1 + r with r = q², q = σ²/2, and at finite width the logarithm loses (2r + 5r²)/(n (1 + r)²) on average,
half its variance. The normalisation N divides the branch by its own scale, so that only the mean squares m_l of h_l
count: m_{l+1} = m_l + q and r = q/m_l with skip, m_{l+1} = q without.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from kernels.resnet import Net

Array = npt.NDArray[np.float64]


def layer(width: int, gain: float) -> float:
    """E ln of the factor by which one layer with ReLU changes a length, for the width n and σ = `gain`."""
    # ψ(½) = −γ − 2 ln 2, ψ(1) = −γ, ψ(x + 1) = ψ(x) + 1/x; K = 0, all units silent, is left out.
    psi = np.empty(width + 1)
    psi[1] = -np.euler_gamma - 2 * math.log(2)
    psi[2] = -np.euler_gamma
    for k in range(3, width + 1):
        psi[k] = psi[k - 2] + 2 / (k - 2)
    p = np.array([math.comb(width, k) / 2**width for k in range(1, width + 1)])
    return 0.5 * (math.log(gain**2 / width) + math.log(2) + float(p @ psi[1:] / p.sum()))


def expected(net: Net, gain: float, squares: npt.ArrayLike = 1.0) -> Array:
    """E ln ‖∂/∂h_l‖ − E ln ‖∂/∂h_L‖ for l = 0 … L, averaged over the rows; shape (L + 1,).

    `squares` are the mean squares of the rows of h_0, which N makes count. Needs width ≥ 2.
    """
    q, n = gain**2 / 2, net.width
    m0 = np.asarray(squares, dtype=np.float64).reshape(-1, 1)
    blocks = np.arange(net.depth)
    if net.skip:
        r = q / (m0 + q * blocks) if net.norm else np.full((1, net.depth), q * q)
        each = np.mean(0.5 * np.log1p(r) - (2 * r + 5 * r * r) / (2 * n * (1 + r) ** 2), axis=0)
    elif net.norm:
        # Two layers a block; N takes their scale away, leaves what the finite width costs, and makes h_0 count.
        each = 2 * layer(n, gain) - math.log(q) + np.where(blocks == 0, 0.5 * np.mean(np.log(q / m0)), 0.0)
    else:
        each = np.full(net.depth, 2 * layer(n, gain))
    return np.append(np.cumsum(each[::-1])[::-1], 0.0)


def measured(gradients: list[npt.NDArray[np.floating]]) -> Array:
    """ln ‖∂/∂h_l‖ − ln ‖∂/∂h_L‖ from the gradients that `resnet.backward` returns, averaged over the rows.

    A row whose gradient is 0 somewhere, because all units of a layer were silent, is left out; NaN if all are.
    """
    lengths = np.array([np.linalg.norm(G.astype(np.float64), axis=1) for G in gradients])
    alive = (lengths > 0).all(axis=0)
    if not alive.any():
        return np.full(len(gradients), np.nan)
    logs = np.log(lengths[:, alive])
    return np.asarray(np.mean(logs - logs[-1], axis=1))
