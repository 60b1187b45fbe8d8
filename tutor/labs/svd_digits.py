"""The best rank-k matrix: SVD of handwritten digits, held against Eckart–Young, held-out images and a random rival."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.errors import TutorError
from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import svd

    Array = npt.NDArray[np.float64]

SHOWN = 4
"""Digits drawn as pictures, of those seen and of those held out."""
MNIST_IMAGES = 2000
"""Of MNIST's 60,000 images, so that a step stays short."""
ASKED = 20
"""The rank that the prediction asks about."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    k: int = param(20, "rank that is kept", low=1, high=784, live=True)
    held_out: float = param(0.2, "share of images the SVD never sees", low=0.0, high=0.5, step=0.1)
    rival: bool = param(True, "k random directions, for comparison", live=True)
    data: str = param("", "folder with MNIST IDX files (empty: the shipped 8×8 digits)", path=True)


class Data(NamedTuple):
    """The images, centred by the mean of the training images."""

    X: Array
    """(n, d) training images."""
    held: Array
    """(m, d) images that the SVD does not see."""
    mean: Array
    side: int
    P: Array
    """(d, d) random orthonormal directions, one a row: the rival."""


class State(NamedTuple):
    """First the Jacobi sweeps, then the rank r moving to k one by one."""

    data: Data
    jacobi: svd.State | None
    f: svd.SVD | None
    r: int
    residual: Array
    """X − X_r."""
    held_residual: Array
    rival_residual: Array
    measured: Array
    """(d + 1, 3) share of the squared length left at each rank so far: training, held out, rival; NaN: not visited."""
    offs: tuple[float, ...]
    """Largest cosine after each sweep."""
    steps: int


def init(params: Params, rng: np.random.Generator) -> State:
    """Split and centre the images; raises TutorError for unusable MNIST files."""
    import numpy as np

    from kernels import datasets, svd

    try:
        digits = datasets.load_mnist(Path(params.data)) if params.data else datasets.load_digits()
    except ValueError as error:
        raise TutorError(f"data: {error}") from None
    order = rng.permutation(len(digits.images))[: MNIST_IMAGES if params.data else None]
    cut = round(len(order) * params.held_out)
    flat = digits.flat
    held, X = flat[order[:cut]], flat[order[cut:]]
    mean = X.mean(axis=0)
    d = X.shape[1]
    P = np.linalg.qr(rng.standard_normal((d, d)))[0].T
    data = Data(X - mean, held - mean, mean, digits.images.shape[1], P)
    # A sweep over MNIST's 784 columns takes seconds: there LAPACK does the work in one step.
    jacobi = svd.init(data.X) if d <= 100 else None
    measured = np.full((d + 1, 3), np.nan)
    measured[0] = 1.0
    return State(data, jacobi, None, 0, data.X, data.held, data.X, measured, (), 0)


def step(params: Params, state: State) -> State:
    """One Jacobi sweep; when they have converged, one rank more or less."""
    import numpy as np

    from kernels import svd

    state = state._replace(steps=state.steps + 1)
    if state.f is None:
        if state.jacobi is None:
            return state._replace(f=svd.SVD(*np.linalg.svd(state.data.X, full_matrices=False)))
        jacobi = svd.step(state.jacobi)
        f = svd.result(jacobi) if svd.converged(jacobi) else None
        return state._replace(jacobi=jacobi, f=f, offs=(*state.offs, jacobi.off))
    up = target(params, state) > state.r
    at = state.r if up else state.r - 1
    sign = -1.0 if up else 1.0
    v, p = state.f.Vt[at], state.data.P[at]
    left = state.f.U[:, at] * state.f.s[at]
    residual = state.residual + sign * np.outer(left, v)
    held = state.held_residual + sign * np.outer(state.data.held @ v, v)
    rival = state.rival_residual + sign * np.outer(state.data.X @ p, p)
    r = state.r + (1 if up else -1)
    measured = state.measured.copy()
    measured[r] = (
        _share(residual, state.data.X),
        _share(held, state.data.held),
        _share(rival, state.data.X),
    )
    return state._replace(r=r, residual=residual, held_residual=held, rival_residual=rival, measured=measured)


def _share(residual: Array, whole: Array) -> float:
    import numpy as np

    total = float(np.sum(whole**2))
    return float(np.sum(residual**2)) / total if total else float("nan")


def target(params: Params, state: State) -> int:
    """The rank to go to: k, or the number of columns if that is less."""
    return min(params.k, *map(int, state.data.X.shape))


def done(params: Params, state: State) -> bool:
    """Whether the SVD stands and the rank has arrived at k."""
    return state.f is not None and state.r == target(params, state)


def total(params: Params, state: State) -> int:
    """Steps taken and to come; the number of sweeps is a guess until they have converged."""
    sweeps = 0 if state.f is not None else 1 if state.jacobi is None else max(1, 10 - len(state.offs))
    return state.steps + sweeps + abs(target(params, state) - state.r)


def frame(params: Params, state: State) -> Frame:
    """Errors by rank, spectrum, and digits before and after."""
    import numpy as np

    from kernels import svd

    data, f, r = state.data, state.f, state.r
    side = data.side
    shown = _in_turn(data.X, data.held)
    lost = _in_turn(state.residual, state.held_residual)
    arrays: dict[str, Any] = {
        "original" if len(data.held) < SHOWN else "mixed": (shown + data.mean).reshape(-1, side, side),
        "reconstruction": (shown - lost + data.mean).reshape(-1, side, side),
        "sweep": np.arange(1, len(state.offs) + 1),
        "off": np.array(state.offs),
    }
    n, d = data.X.shape
    scalars = {"rank": float(r), "stored": svd.storage(n, d, r) / (n * d)}
    if f is None:
        note = f"Jacobi sweep {len(state.offs)}: rotating pairs of columns until all are orthogonal"
        return Frame(state.steps, scalars, arrays, note)
    shares = svd.energy(f.s)
    ranks = np.arange(len(f.s) + 1)
    visited = ranks[: len(state.measured)][~np.isnan(state.measured[: len(ranks), 0])]
    arrays |= {
        "index": np.arange(1, len(f.s) + 1),
        "s": f.s,
        "ranks": ranks,
        "theory": np.concatenate([[1.0], 1.0 - shares]),
        "energy": np.concatenate([[0.0], shares]),
        "visited": visited,
        "train": state.measured[visited, 0],
        "train_energy": 1.0 - state.measured[visited, 0],
    }
    if len(data.held):
        arrays["held"] = state.measured[visited, 1]
    if params.rival:
        arrays["random"] = state.measured[visited, 2]
    scalars |= {
        "error": float(state.measured[r, 0]),
        "held_error": float(state.measured[r, 1]),
        "rival_error": float(state.measured[r, 2]),
        "energy": 1.0 - float(state.measured[r, 0]),
        "k90": float(np.searchsorted(shares, 0.9) + 1),
    }
    asked = float(state.measured[min(ASKED, len(shares)), 2])
    if not math.isnan(asked):
        scalars["rival20"] = asked
    note = (
        f"{r} of {len(f.s)} directions keep {scalars['energy']:.1%} of the energy"
        f" in {scalars['stored']:.0%} of the numbers; 90% needs k = {scalars['k90']:.0f}"
    )
    if len(data.held):
        note += f". Of the held-out images they keep {1 - scalars['held_error']:.1%}"
    return Frame(state.steps, scalars, arrays, note)


def _in_turn(kept: Array, held: Array) -> Array:
    """One kept row, one held out, and so on; only kept ones where none were held out."""
    import numpy as np

    if len(held) < SHOWN:
        return kept[: 2 * SHOWN]
    return np.stack([kept[:SHOWN], held[:SHOWN]], axis=1).reshape(2 * SHOWN, -1)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Eckart–Young in both norms, orthonormal factors, and LAPACK's singular values."""
    import numpy as np

    from kernels import svd

    f, X = state.f, state.data.X
    if f is None or not done(params, state):
        return ()
    squares, spectral = svd.eckart_young(f.s, state.r)
    whole = float(np.sum(X**2))
    gram = np.linalg.eigvalsh(state.residual.T @ state.residual)
    eye = np.eye(len(f.s))
    off = max(float(np.abs(f.U.T @ f.U - eye).max()), float(np.abs(f.Vt @ f.Vt.T - eye).max()))
    rows = [
        Check("‖X−X_k‖²/‖X‖² (Eckart–Young)", float(state.measured[state.r, 0]), squares / whole, 1e-12),
        Check("‖X−X_k‖₂ = s_(k+1)", float(np.sqrt(max(gram[-1], 0.0))), spectral, 1e-12 * float(f.s[0])),
        Check("UᵀU, VᵀV off I", off, 0.0, 1e-12),
    ]
    if state.jacobi is not None:
        lapack = np.linalg.svd(X, compute_uv=False)
        rows.append(Check("s off LAPACK's", float(np.abs(f.s - lapack).max() / lapack[0]), 0.0, 1e-12))
    return tuple(rows)


LAB = Lab(
    id="svd-digits",
    title="SVD: the best rank-k digits",
    chapter="linear-algebra",
    section="1.1",
    lesson="low-rank",
    summary="Each image is a row of X. The SVD finds the directions that keep most of X; k of them give the best X_k.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "pictures",
            "Digits at rank k",
            kind="image",
            images=(
                ("originals; every second one was held out", "mixed"),
                ("originals", "original"),
                ("what is left of them at this rank", "reconstruction"),
            ),
            image_range=(0.0, 1.0),
        ),
        Chart(
            "error",
            "Share of ‖X‖² that is lost at rank k",
            series=(
                Series("theory: Σ s_i², i > k", "theory", "ranks", "dashed"),
                Series("random directions", "random", "visited"),
                # Close to one another: what the theory is about lies on top.
                Series("held out", "held", "visited"),
                Series("measured", "train", "visited"),
            ),
            x_label="rank k",
            y_range=(0.0, 1.0),
        ),
        Chart(
            "energy",
            "Energy kept: share of ‖X‖² at rank k",
            series=(
                Series("theory", "energy", "ranks", "dashed"),
                Series("measured", "train_energy", "visited"),
            ),
            x_label="rank k",
            y_range=(0.0, 1.0),
        ),
        Chart(
            "spectrum",
            "Singular values s_i",
            series=(Series("", "s", "index"),),
            x_label="i",
            y_log=True,
        ),
        Chart(
            "jacobi",
            "Jacobi: largest cosine between two columns",
            series=(Series("", "off", "sweep"),),
            x_label="sweep",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            f"Keep {ASKED} random orthonormal directions of the 64, instead of the {ASKED} strongest."
            " What share of ‖X‖² is lost? (0 to 1)"
        ),
        scalar="rival20",
        low=0.0,
        high=1.0,
        chart="error",
        why="A random direction carries 1/64 of ‖X‖² on average, so 20 of them lose 44/64 = 0.69. The SVD's lose 0.11.",
    ),
    explain="la-lab-svd-digits",
    source=("kernels.svd",),
    limits=lambda params: {"k": (1, 784 if params.data else 64)},
)
