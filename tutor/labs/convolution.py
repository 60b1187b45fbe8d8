"""Convolution as one sparse matrix that repeats itself, and what happens to its output when the input moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

KERNELS = {
    "edge": ((-1.0, 0.0, 1.0), (1.0, 2.0, 1.0)),
    "blur": ((0.25, 0.5, 0.25), (0.25, 0.5, 0.25)),
    "second difference": ((1.0, -2.0, 1.0), (1.0, -2.0, 1.0)),
}
"""Name → (along columns, along rows); the 3 × 3 kernel is their outer product."""
LENGTH = 24
"""Of the signal in one dimension."""
ROOM = 6
"""Empty pixels on each side for the shifts, so that nothing leaves the picture."""
SHIFTS = ROOM - 1


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    dims: str = param("2-D", "an 8×8 digit, or a signal of 24 numbers", choices=("2-D", "1-D"))
    kernel: str = param("edge", "3×3 kernel (1-D: 3 numbers)", choices=(*KERNELS, "random"))
    padding: int = param(0, "zeros added on every side", low=0, high=2)
    stride: int = param(1, "how far the kernel moves", low=1, high=3)
    shift: int = param(1, "how far the input is moved to the right", low=0, high=SHIFTS, live=True)


class State(NamedTuple):
    """The kernel slides: one output a step."""

    x: Array
    """(8, 8), or (1, 24)."""
    K: Array
    """(3, 3), or (1, 3)."""
    T: Array
    """(outputs, inputs)"""
    y: Array
    """(m₁, m₂) outputs so far, each one row of T times x; NaN: not yet."""
    steps: int


def _geometry(params: Params) -> dict[str, tuple[int, int]]:
    """Padding and stride for rows and columns; a signal has no rows to move over."""
    p, s = params.padding, params.stride
    return {"padding": (0, p), "stride": (1, s)} if params.dims == "1-D" else {"padding": (p, p), "stride": (s, s)}


def init(params: Params, rng: np.random.Generator) -> State:
    """Choose a digit or draw a signal, and build T."""
    import numpy as np

    from kernels import convolution, datasets

    flat = params.dims == "1-D"
    if flat:
        # A random walk, so that neighbours are alike; from 0 to 1 like a picture.
        walk = np.cumsum(rng.standard_normal(LENGTH))
        x = ((walk - walk.min()) / np.ptp(walk))[None]
    else:
        digits = datasets.load_digits()
        x = digits.flat[rng.integers(len(digits.images))].reshape(8, 8)
    if params.kernel == "random":
        K = rng.standard_normal((1 if flat else 3, 3))
    else:
        across, down = KERNELS[params.kernel]
        K = np.array([across]) if flat else np.outer(down, across)
    T = convolution.block_toeplitz(K, (x.shape[0], x.shape[1]), **_geometry(params))
    shape = convolution.conv2d(x, K, **_geometry(params)).shape
    return State(x, K, T, np.full(shape, np.nan), 0)


def step(params: Params, state: State) -> State:
    """The next output: one row of T times x."""
    y = state.y.copy()
    y.flat[state.steps] = state.T[state.steps] @ state.x.ravel()
    return state._replace(y=y, steps=state.steps + 1)


def done(params: Params, state: State) -> bool:
    """Whether all outputs are there."""
    return state.steps >= state.y.size


def total(params: Params, state: State) -> int:
    """One step an output."""
    return int(state.y.size)


def _scaled(part: Array) -> Array:
    """The picture over its largest number."""
    import numpy as np

    return np.asarray(part / (np.nanmax(np.abs(part), initial=0.0, where=np.isfinite(part)) or 1.0))


def _beside(*parts: Array) -> Array:
    """Pictures side by side on blank ground."""
    import numpy as np

    tall = max(len(part) for part in parts)
    columns = []
    for part in parts:
        room = ((tall - len(part)) // 2, -(-(tall - len(part)) // 2))
        columns.append(np.pad(part, (room, (0, 1)), constant_values=np.nan))
    return np.concatenate(columns, axis=1)[:, :-1]


def _below(*parts: Array) -> Array:
    """Signals below each other on blank ground."""
    import numpy as np

    gap = np.full((1, parts[0].shape[1]), np.nan)
    return np.concatenate([row for part in parts for row in (part, gap)][:-1])


def _slide(params: Params, state: State) -> Array:
    """The input with the kernel on it, the kernel, its product with the numbers under it, and the output so far."""
    import numpy as np

    padding, stride = _geometry(params).values()
    padded = _scaled(np.pad(state.x, [(p, p) for p in padding]))
    i, j = divmod(min(state.steps, state.y.size - 1), state.y.shape[1])
    top, left = stride[0] * i, stride[1] * j
    window = (slice(top, top + state.K.shape[0]), slice(left, left + state.K.shape[1]))
    kernel, product = _scaled(state.K), _scaled(state.K * padded[window])
    faded = 0.4 * padded
    faded[window] = padded[window]
    shown = padded if done(params, state) else faded
    if params.dims == "2-D":
        gap = np.full((1, state.K.shape[1]), np.nan)
        return _beside(shown, np.concatenate([kernel, gap, product]), _scaled(state.y))
    # A signal: kernel, product and outputs stand below the places they belong to.
    rows = np.full((7, padded.shape[1]), np.nan)
    rows[0] = shown[0]
    rows[2, window[1]], rows[4, window[1]] = kernel[0], product[0]
    rows[6, 1 : 1 + stride[1] * state.y.shape[1] : stride[1]] = _scaled(state.y)[0]
    return rows


def _moved(x: Array, by: int) -> Array:
    """The picture moved to the right, zeros from the left; what passes the border is lost."""
    import numpy as np

    return np.pad(x, ((0, 0), (by, 0)))[:, : x.shape[1]]


def _by_shift(params: Params, state: State) -> dict[str, Array]:
    """How much outputs change when the input moves by 0, 1, 2 … pixels in a picture with room around it."""
    import numpy as np

    from kernels import convolution

    x = np.pad(state.x, ((0, 0), (ROOM, ROOM)))
    geometry = _geometry(params)
    still = convolution.conv2d(x, state.K, **geometry)
    window = (1 if params.dims == "1-D" else 2, 2)
    changes: dict[str, list[float]] = {"kept": [], "raw": [], "pool2": [], "pool_all": []}

    def share(a: Array, b: Array) -> float:
        return float(np.linalg.norm(a - b) / (np.linalg.norm(b) or 1.0))

    for by in range(SHIFTS + 1):
        out = convolution.conv2d(_moved(x, by), state.K, **geometry)
        # With a stride only every s-th shift of the input is a shift of the output.
        changes["kept"].append(share(out, _moved(still, by // params.stride)))
        changes["raw"].append(share(out, still))
        changes["pool2"].append(share(convolution.max_pool(out, window), convolution.max_pool(still, window)))
        changes["pool_all"].append(share(out.max(keepdims=True), still.max(keepdims=True)))
    return {name: np.array(values) for name, values in changes.items()}


def _used(params: Params, state: State) -> Array:
    """1 for the entries of T that the kernel fills, whatever its numbers; shape of T."""
    import numpy as np

    from kernels import convolution

    shape = (state.x.shape[0], state.x.shape[1])
    return convolution.block_toeplitz(np.ones_like(state.K), shape, **_geometry(params))


def frame(params: Params, state: State) -> Frame:
    """The sliding kernel, the matrix, outputs of moved inputs, counts of weights, and what the kernel passes."""
    import numpy as np

    from kernels import convolution

    k, x, K = state.steps, state.x, state.K
    used = _used(params, state)
    seen = np.where((np.arange(len(used))[:, None] < k) & (used > 0), state.T, np.nan)
    changes = _by_shift(params, state)
    geometry = _geometry(params)
    there, here = (
        convolution.conv2d(_moved(x, params.shift), K, **geometry),
        _moved(convolution.conv2d(x, K, **geometry), params.shift // params.stride),
    )
    counts = used.sum(axis=1)
    rows = np.arange(1, k + 1)
    passed = np.abs(np.fft.fftshift(convolution.response(K, (8 if len(K) > 1 else 1, 16))))
    difference = there - here
    both = max(float(np.abs(there).max()), float(np.abs(here).max())) or 1.0
    arrays: dict[str, Any] = {
        "slide": _slide(params, state),
        "product": _beside(*(_scaled(part) for part in (state.y.reshape(-1, 1), seen, x.reshape(-1, 1)))),
        "moved": (_beside if params.dims == "2-D" else _below)(there / both, here / both, difference / both),
        "shifts": np.arange(SHIFTS + 1),
        "outputs": rows,
        "dense": rows * float(x.size),
        "used": np.cumsum(counts)[:k],
        "different": np.full(k, float(K.size)),
        "response": passed,
        **changes,
    }
    scalars = {
        "used": float(counts[:k].sum()),
        "dense": float(k * x.size),
        "share": float(counts.sum() / state.T.size),
        "broken": float(np.abs(difference).max()),
    }
    return Frame(k, scalars, arrays, _note(params, state, scalars))


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    rows, columns = state.T.shape
    note = (
        f"T is {rows}×{columns}: of a dense layer's {rows * columns} weights {scalars['share']:.1%} may be other"
        f" than 0, only {state.K.size} are different"
    )
    if params.shift % params.stride:
        return f"{note}. A shift of {params.shift} is no multiple of the stride {params.stride}: not equivariant"
    return note


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """T against the Fourier transform, its transpose against scattering, eigenvalues, counts, and equivariance."""
    import numpy as np

    from kernels import convolution

    if not done(params, state):
        return ()
    x, K, T = state.x, state.K, state.T
    geometry = _geometry(params)
    padding, stride = geometry["padding"], geometry["stride"]
    shape = (x.shape[0], x.shape[1])
    # The convolution theorem knows nothing of T: pad, transform, multiply by the conjugate, keep every s-th.
    padded = np.pad(x, [(p, p) for p in padding])
    waves = np.fft.fft2(padded) * np.conj(np.fft.fft2(K, padded.shape))
    spectral = np.fft.ifft2(waves).real[: len(padded) - len(K) + 1, : padded.shape[1] - K.shape[1] + 1]
    spectral = spectral[:: stride[0], :: stride[1]]
    back = convolution.conv_transpose2d(state.y, K, shape, **geometry)
    singular = np.linalg.svd(convolution.circulant(K, shape), compute_uv=False)
    eigenvalues = np.sort(np.abs(convolution.response(K, shape)).ravel())[::-1]
    pairs = [
        sum(0 <= s * i + a - p < n for i in range(m) for a in range(w))
        for n, w, m, p, s in zip(shape, K.shape, state.y.shape, padding, stride, strict=True)
    ]
    kept = _by_shift(params, state)["kept"][:: params.stride]
    return (
        Check("T x off the convolution theorem", float(np.abs(state.y - spectral).max()), 0.0, 1e-12),
        Check(
            "Tᵀ y off the transposed convolution",
            float(np.abs(T.T @ state.y.ravel() - back.ravel()).max()),
            0.0,
            1e-12,
        ),
        Check("entries of T in use", float(_used(params, state).sum()), float(pairs[0] * pairs[1]), 0.0),
        Check("periodic: singular values off |FFT|", float(np.abs(singular - eigenvalues).max()), 0.0, 1e-12),
        Check("conv(shift x) off shift conv(x), inside", float(kept.max()), 0.0, 1e-12),
    )


LAB = Lab(
    id="convolution",
    title="Convolution is a matrix",
    chapter="neural-networks",
    section="4.1",
    lesson="equivariance",
    summary="A kernel slides over a digit; each place it stops at is one row of a matrix T, and the whole is y = T x.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "slide",
            "Input, kernel over product, output",
            kind="heat",
            images=(("each over its own largest number", "slide"),),
            image_range=(-1.0, 1.0),
        ),
        Chart(
            "product",
            "y = T x: output, matrix, input",
            kind="heat",
            images=(("a row of T for each output; blank: unused", "product"),),
            image_range=(-1.0, 1.0),
        ),
        Chart(
            "moved",
            "Moved before, moved after, difference",
            kind="heat",
            images=(("conv(shift x), shift conv(x), difference", "moved"),),
            image_range=(-1.0, 1.0),
        ),
        Chart(
            "invariance",
            "Change of the output when x moves",
            series=(
                Series("off shift conv(x)", "kept", "shifts"),
                Series("output", "raw", "shifts"),
                Series("after 2×2 max-pool", "pool2", "shifts"),
                Series("after global max-pool", "pool_all", "shifts"),
            ),
            x_label="shift (pixels)",
        ),
        Chart(
            "weights",
            "Weights of T so far",
            series=(
                Series("dense layer", "dense", "outputs", "dashed"),
                Series("in use", "used", "outputs"),
                Series("different", "different", "outputs"),
            ),
            x_label="outputs",
            y_log=True,
        ),
        Chart(
            "response",
            "Waves that pass: |FFT| of the kernel",
            kind="heat",
            images=(("slow waves in the middle, fast ones outside", "response"),),
        ),
    ),
    prediction=Prediction(
        prompt=(
            "An 8×8 image, a 3×3 kernel, no padding, stride 1. As a dense layer the matrix from 64 inputs to all"
            " outputs would have 2,304 weights. How many of its entries does the convolution use?"
        ),
        scalar="used",
        low=0.0,
        high=2304.0,
        chart="weights",
        why=(
            "6 × 6 = 36 outputs, each from 9 pixels: 324 entries, 14 % of 36 × 64. And they are the same 9 numbers 36"
            " times over: that is what weight sharing saves."
        ),
    ),
    explain="nn-lab-convolution",
    source=("kernels.convolution",),
)
