"""The kernels of chapter 1 against the libraries that an engineer uses at work, at equal accuracy, one thread each.

SVD: one-sided Jacobi rotations in numpy against LAPACK. Attention: numpy against torch's fused kernel. Whitening:
numpy against scikit-learn's PCA(whiten=True) with its exact solver. Errors stand beside the times: they must agree.
"""

from __future__ import annotations

import os

# Numeric libraries read this when they are loaded.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from sklearn.decomposition import PCA
from support.report import Row, machine, median_ratio, print_table

from kernels import attention, datasets, whitening
from kernels.svd import svd

SECONDS = 0.05
"""A call that is shorter is repeated until this much has passed, and its mean is taken."""


def in_turn(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of processor time a call of each, measured in turn."""
    for call in (ours, peer):
        call()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, found in zip((ours, peer), times, strict=True):
            calls, begun = 0, time.process_time()
            while (passed := time.process_time() - begun) < SECONDS or not calls:
                call()
                calls += 1
            found.append(1000 * passed / calls)
    return times


def svd_cases(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The matrix of the lab, and a small one."""
    digits = datasets.load_digits().flat
    return {
        f"svd, digits {digits.shape[0]}×{digits.shape[1]}": digits - digits.mean(axis=0),
        "svd, 60×24": rng.standard_normal((60, 24)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=7, help="rounds of each pair (default 7)")
    rounds = parser.parse_args().n
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    notes: list[str] = []

    def compare(
        name: str, ours: Callable[[], object], peer: Callable[[], object], error: tuple[str, float, float]
    ) -> None:
        mine, other = in_turn(ours, peer, rounds)
        rows.append(Row(name, statistics.median(mine), statistics.median(other)))
        what, e_ours, e_peer = error
        notes.append(f"{name}: ratio {median_ratio(mine, other)}; {what}: ours {e_ours:.1e}, peer {e_peer:.1e}")

    for name, A in svd_cases(rng).items():

        def off(U: np.ndarray, s: np.ndarray, Vt: np.ndarray, A: np.ndarray = A) -> float:
            return float(np.linalg.norm(A - (U * s) @ Vt) / np.linalg.norm(A))

        compare(
            name,
            lambda A=A: svd(A),
            lambda A=A: np.linalg.svd(A, full_matrices=False),
            ("‖A − UΣVᵀ‖ / ‖A‖", off(*svd(A)), off(*np.linalg.svd(A, full_matrices=False))),
        )

    for heads, n, d in ((8, 64, 64), (8, 512, 64)):
        Q, K, V = (rng.standard_normal((heads, n, d)) for _ in range(3))
        q, k, v = (torch.from_numpy(M)[None] for M in (Q, K, V))
        exact = exact_attention(Q, K, V)

        def sdpa(q: torch.Tensor = q, k: torch.Tensor = k, v: torch.Tensor = v) -> torch.Tensor:
            with torch.inference_mode():
                return torch.nn.functional.scaled_dot_product_attention(q, k, v)

        compare(
            f"attention, {heads} heads, n = {n}, d = {d}",
            lambda Q=Q, K=K, V=V: attention.attention(Q, K, V),
            sdpa,
            (
                "largest error",
                float(np.abs(attention.attention(Q, K, V) - exact).max()),
                float(np.abs(sdpa()[0].numpy() - exact).max()),
            ),
        )

    digits = datasets.load_digits().flat
    pixels = digits[:, digits.std(axis=0) > 0]
    for name, X in ((f"whitening, digits {len(pixels)}×{pixels.shape[1]}", pixels), gaussian(rng)):

        def off_white(Z: np.ndarray) -> float:
            return float(np.abs(whitening.covariance(Z) - np.eye(Z.shape[1])).max())

        compare(
            name,
            lambda X=X: whitening.transform(whitening.fit(X), X),
            lambda X=X: PCA(whiten=True, svd_solver="full").fit(X).transform(X),
            (
                "largest |cov − I|",
                off_white(whitening.transform(whitening.fit(X), X)),
                off_white(PCA(whiten=True, svd_solver="full").fit(X).transform(X)),
            ),
        )

    print(f"kernels, float64, processor time, median of {rounds}; {machine()}")
    print_table(rows, ours="kernels", peer="library")
    print("\n".join(notes))


def gaussian(rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Correlated samples like those of the whitening lab."""
    A = rng.standard_normal((16, 16))
    return "whitening, Gaussian 4000×16", rng.standard_normal((4000, 16)) @ A.T


def exact_attention(Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> np.ndarray:
    """softmax(Q Kᵀ / √d) V in extended precision."""
    Q, K, V = (M.astype(np.longdouble) for M in (Q, K, V))
    z = np.einsum("hid,hjd->hij", Q, K) / np.sqrt(np.longdouble(Q.shape[-1]))
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.einsum("hij,hjd->hid", e / e.sum(axis=-1, keepdims=True), V)


if __name__ == "__main__":
    main()
