"""The kernels of chapter 1 against the libraries that an engineer uses at work, at equal accuracy.

SVD: one-sided Jacobi rotations in numpy against LAPACK. Attention: numpy against torch's fused kernel. Whitening:
numpy against scikit-learn's PCA(whiten=True) with its exact solver.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from support.side_by_side import Case, main

from kernels import attention, datasets, whitening
from kernels.svd import svd


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    digits = datasets.load_digits().flat
    yield svd_case("svd, digits 1797×64", digits - digits.mean(axis=0))
    yield svd_case("svd, 60×24", rng.standard_normal((60, 24)))
    yield attention_case(rng, 8, 64, 64)
    yield attention_case(rng, 8, 512, 64)
    yield whitening_case("whitening, digits 1797×61", digits[:, digits.std(axis=0) > 0])
    # Correlated samples like those of the lab.
    yield whitening_case("whitening, Gaussian 4000×16", rng.standard_normal((4000, 16)) @ rng.standard_normal((16, 16)))


def svd_case(name: str, A: np.ndarray) -> Case:
    def off(found: Any) -> float:
        U, s, Vt = found
        return float(np.linalg.norm(A - (U * s) @ Vt) / np.linalg.norm(A))

    return Case(
        name,
        "numpy.linalg.svd (LAPACK)",
        lambda: svd(A),
        lambda: np.linalg.svd(A, full_matrices=False),
        "‖A − UΣVᵀ‖ / ‖A‖",
        off,
        "one-sided Jacobi, written to be read and watched sweep by sweep; numpy's calls cost more than the arithmetic"
        " of a small matrix",
    )


def attention_case(rng: np.random.Generator, heads: int, n: int, d: int) -> Case:
    Q, K, V = (rng.standard_normal((heads, n, d)) for _ in range(3))
    q, k, v = (torch.from_numpy(M)[None] for M in (Q, K, V))

    def fused() -> Any:
        with torch.inference_mode():
            return torch.nn.functional.scaled_dot_product_attention(q, k, v)[0]

    # softmax(Q Kᵀ / √d) V in extended precision.
    eQ, eK, eV = (M.astype(np.longdouble) for M in (Q, K, V))
    z = np.einsum("hid,hjd->hij", eQ, eK) / np.sqrt(np.longdouble(d))
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    exact = np.einsum("hij,hjd->hid", e / e.sum(axis=-1, keepdims=True), eV)
    return Case(
        f"attention, {heads} heads, n = {n}, d = {d}",
        "torch scaled_dot_product_attention",
        lambda: attention.attention(Q, K, V),
        fused,
        "largest",
        lambda found: float(np.abs(np.asarray(found) - exact).max()),
        "torch fuses the softmax with both products and never stores the n×n weights, which pays as n grows",
    )


def whitening_case(name: str, X: np.ndarray) -> Case:
    return Case(
        name,
        "scikit-learn PCA(whiten=True)",
        lambda: whitening.transform(whitening.fit(X), X),
        lambda: PCA(whiten=True, svd_solver="full").fit(X).transform(X),
        "largest |cov − I|",
        lambda Z: float(np.abs(whitening.covariance(Z) - np.eye(Z.shape[1])).max()),
    )


if __name__ == "__main__":
    main(__doc__, cases)
