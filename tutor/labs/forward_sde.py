"""Data dissolve into noise by Euler–Maruyama, against the exact law at every t; and how the error of steps falls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import mixture_1d, vp

    Array = npt.NDArray[np.float64]

FRAMES = 60
SHOWN = 5
WEIGHTS, MEANS = (0.7, 0.3), (-2.0, 2.0)
FINE = 256
"""Steps of the finest Brownian paths of the study of orders; 16 is the fewest."""
BATCH = 400
MU, SIGMA = 1.5, 1.0
"""Geometric Brownian motion dx = μ x dt + σ x dW: the noise depends on x."""
THETA = 1.0
"""Ornstein–Uhlenbeck dx = −θ x dt + σ dW: it does not."""
SCHEMES = ("gbm", "milstein", "ou")


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    process: str = param("VP", "the noising process", choices=("VP", "VE", "sub-VP"))
    beta_max: float = param(20.0, "VP, sub-VP: noise rate β at t = 1; at 0 it is 0.1", low=1.0, high=40.0, scale="log")
    sigma_max: float = param(10.0, "VE: σ at t = 1", low=1.0, high=50.0, scale="log")
    sd: float = param(0.3, "width of the data's two modes, at −2 (70 %) and 2 (30 %)", low=0.1, high=1.5, step=0.1)
    steps: int = param(600, "steps of Euler–Maruyama from t = 0 to 1", low=15, high=3000, scale="log")
    particles: int = param(4000, "data points", low=200, high=10_000, scale="log")


class State(NamedTuple):
    """The particles, and sums over the paths of the study of orders."""

    x: Array
    done_steps: int
    paths: Array
    """(SHOWN, k) the first particles at the end of each frame."""
    moments: Array
    """(k, 2) mean and variance at the end of each frame."""
    strong: Array
    """(3, levels) Σ |x_n − x(T)| over all paths, for each scheme and number of steps."""
    weak: Array
    """(2, levels) Σ and Σ² of x_n − x(T) for Euler–Maruyama on geometric Brownian motion."""
    seen: int
    """Paths of that study."""
    steps: int
    rng: np.random.Generator


def _schedule(params: Params) -> vp.Schedule:
    from kernels import vp

    if params.process == "VE":
        return vp.ve(0.01, params.sigma_max)
    return (vp.vp if params.process == "VP" else vp.sub_vp)(0.1, params.beta_max)


def _data(params: Params) -> mixture_1d.Mixture:
    import numpy as np

    from kernels import mixture_1d

    return mixture_1d.Mixture(np.array(WEIGHTS), np.array(MEANS), np.full(2, params.sd))


def _law(params: Params, t: float) -> mixture_1d.Mixture:
    """The exact law at time t."""
    from kernels import mixture_1d

    s = _schedule(params)
    return mixture_1d.noised(_data(params), float(s.alpha(t)), float(s.sigma(t)))


def _levels() -> list[int]:
    """Numbers of steps in the study of orders."""
    return [16, 32, 64, 128, 256]


def init(params: Params, rng: np.random.Generator) -> State:
    """Draw the data."""
    import numpy as np

    from kernels import mixture_1d

    x = mixture_1d.draw(_data(params), params.particles, rng)
    n = len(_levels())
    moments = np.array([[x.mean(), x.var()]])
    return State(x, 0, x[:SHOWN, None], moments, np.zeros((3, n)), np.zeros((2, n)), 0, 0, rng)


def step(params: Params, state: State) -> State:
    """One sixtieth of the way, and one batch of paths at every step size."""
    import copy

    import numpy as np

    from kernels import sde

    rng = copy.deepcopy(state.rng)
    s, h = _schedule(params), 1 / params.steps
    x, target = state.x, round((state.steps + 1) * params.steps / FRAMES)
    for k in range(state.done_steps, target):
        dW = math.sqrt(h) * rng.standard_normal(len(x))
        x = sde.euler_maruyama(lambda at, t: s.a(t) * at, lambda at, t: np.sqrt(s.g2(t)), x, k * h, h, dW)
    strong, weak = _batch(rng)
    return State(
        x,
        target,
        np.concatenate([state.paths, x[:SHOWN, None]], axis=1),
        np.concatenate([state.moments, [[x.mean(), x.var()]]]),
        state.strong + strong,
        state.weak + weak,
        state.seen + BATCH,
        state.steps + 1,
        rng,
    )


def _batch(rng: np.random.Generator) -> tuple[Array, Array]:
    """Errors at T = 1 summed over a batch: each path with many steps and with few, and exactly."""
    import numpy as np

    from kernels import sde

    h = 1 / FINE
    dW = math.sqrt(h) * rng.standard_normal((FINE, BATCH))
    z = rng.standard_normal((FINE, BATCH))
    gbm = sde.gbm_exact(1.0, MU, SIGMA, 1.0, dW.sum(axis=0))
    ou = np.ones(BATCH)
    for row, other in zip(dW, z, strict=True):
        ou = sde.ou_exact(ou, THETA, SIGMA, h, row, other)
    strong, weak = np.zeros((3, len(_levels()))), np.zeros((2, len(_levels())))
    one = np.ones(BATCH)
    for at, n in enumerate(_levels()):
        coarse = sde.coarser(dW, FINE // n)
        plain = sde.solve(lambda x, t: MU * x, lambda x, t: SIGMA * x, one, 1.0, coarse)
        better = sde.solve(lambda x, t: MU * x, lambda x, t: SIGMA * x, one, 1.0, coarse, lambda x, t: SIGMA)
        additive = sde.solve(lambda x, t: -THETA * x, lambda x, t: SIGMA, one, 1.0, coarse)
        strong[:, at] = [np.abs(plain - gbm).sum(), np.abs(better - gbm).sum(), np.abs(additive - ou).sum()]
        weak[:, at] = (plain - gbm).sum(), np.sum((plain - gbm) ** 2)
    return strong, weak


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return FRAMES


def done(params: Params, state: State) -> bool:
    """Whether t = 1 is reached."""
    return state.steps >= FRAMES


def _weak_exact(n: int) -> float:
    """|E x_n − E x(T)| of Euler–Maruyama on geometric Brownian motion, without noise: E x_n = (1 + μ h)ⁿ."""
    return abs((1 + MU / n) ** n - math.exp(MU))


def _orders(state: State) -> dict[str, float]:
    from kernels import sde

    h = [1 / n for n in _levels()]
    found = {name: sde.order(h, state.strong[k] / state.seen) for k, name in enumerate(SCHEMES)}
    return found | {"weak": sde.order(h, [_weak_exact(n) for n in _levels()])}


def frame(params: Params, state: State) -> Frame:
    """Paths over the exact density, the histogram, moments, the schedule, and errors by step size."""
    import numpy as np

    from kernels import mixture_1d

    s = _schedule(params)
    t = state.done_steps / params.steps
    grid_t = np.linspace(0.0, 1.0, 61)
    at_frames = np.round(np.arange(state.steps + 1) * params.steps / FRAMES) / params.steps
    final = _law(params, 1.0)
    reach = max(3.4, 3.2 * math.sqrt(final.variance))
    rows = np.linspace(-reach, reach, 60)
    columns = np.linspace(0.0, 1.0, 72)
    # Each time's density over its own peak.
    river = np.array([np.exp(mixture_1d.log_density(_law(params, float(u)), rows)) for u in columns]).T
    edges = np.linspace(-reach, reach, 61)
    x = np.linspace(-reach, reach, 241)
    law = _law(params, t)
    data = _data(params)
    alpha, variance = s.alpha(grid_t), s.variance(grid_t)
    arrays: dict[str, Any] = {
        "river": river / river.max(axis=0),
        "river_extent": np.array([0.0, 1.0, -reach, reach]),
        "frames_t": at_frames,
        "bars_x": 0.5 * (edges[1:] + edges[:-1]),
        "bars": np.histogram(state.x, edges)[0] / (len(state.x) * (edges[1] - edges[0])),
        "x": x,
        "density": np.exp(mixture_1d.log_density(law, x)),
        "end": np.exp(-(x**2) / (2 * final.variance)) / math.sqrt(2 * math.pi * final.variance),
        "grid_t": grid_t,
        "alpha": alpha,
        "sigma": np.sqrt(variance),
        "mean_exact": alpha * data.mean,
        "variance_exact": alpha**2 * data.variance + variance,
        "mean": state.moments[:, 0],
        "variance": state.moments[:, 1],
        # From t = 0.01: at 0 there is no noise, and the ratio is infinite.
        "snr_t": grid_t[1:],
        "snr": alpha[1:] ** 2 * data.variance / variance[1:],
        "one": np.ones(60),
    }
    arrays |= {f"path{k}": state.paths[k] for k in range(SHOWN)}
    scalars = {"t": t, "kept": float(s.alpha(0.5)) * data.mean}
    if state.seen:
        h = np.array([1 / n for n in _levels()])
        arrays |= {name: state.strong[k] / state.seen for k, name in enumerate(SCHEMES)}
        arrays |= {"h": h, "weak": np.array([_weak_exact(n) for n in _levels()])}
        arrays |= {"half": arrays["gbm"][-1] * np.sqrt(h / h[-1]), "whole": arrays["ou"][-1] * h / h[-1]}
        scalars |= {f"order_{name}": value for name, value in _orders(state).items()}
    return Frame(state.steps, scalars, arrays, _note(params, s, t, law, scalars))


def _note(params: Params, s: vp.Schedule, t: float, law: mixture_1d.Mixture, scalars: dict[str, float]) -> str:
    if not t:
        return "data: 70 % near −2, 30 % near 2"
    alpha, sigma = float(s.alpha(t)), float(s.sigma(t))
    note = (
        f"t = {t:.2f}: x = {alpha:.3g} · data + {sigma:.3g} · noise; mean {law.mean:.3f}, variance {law.variance:.3f}."
    )
    if params.process != "VE" and params.beta_max / params.steps > 1:
        return note + f" βh reaches {params.beta_max / params.steps:.1f}: such steps leave too large a noise"
    return note + (
        f" Slopes: strong {scalars['order_gbm']:.2f} (Milstein {scalars['order_milstein']:.2f},"
        f" additive noise {scalars['order_ou']:.2f}), weak {scalars['order_weak']:.2f}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Mean, variance and law of the particles against the exact ones, and the orders of the schemes."""
    import numpy as np

    from kernels import goodness_of_fit, mixture_1d, vp

    if not state.steps:
        return ()
    t, n, data = state.done_steps / params.steps, params.particles, _data(params)
    law, s = _law(params, t), _schedule(params)
    # Euler–Maruyama's own law is known, too: where steps shift it by more than the sampling error it is the truth.
    times = np.arange(state.done_steps + 1) / params.steps
    own_mean, own_variance = (row[-1] for row in vp.euler_moments(s, data.mean, data.variance, times))
    moments = ((float(state.x.mean()), law.mean, own_mean), (float(state.x.var()), law.variance, own_variance))
    # Relative errors of the exact law, for the scheme's variance.
    errors = (
        math.sqrt(own_variance / n),
        math.sqrt(max(0.0, _fourth(law) / law.variance**2 - 1) / n) * own_variance,
    )
    rows = []
    for name, (measured, exact, own), error in zip(("mean", "variance"), moments, errors, strict=True):
        off = abs(own - exact)
        if off < error:
            rows.append(Check(f"{name} at t = {t:.2f}", measured, exact, 4.5 * error + off, error=error))
        else:
            rows.append(Check(f"{name}, steps this coarse (SDE: {exact:.3g})", measured, own, 4.5 * error, error=error))
    off = abs(own_variance - law.variance)
    if off < 0.02 * law.variance:
        gap = goodness_of_fit.kolmogorov_smirnov(mixture_1d.distribution(law, np.sort(state.x)))
        # P(√n D > 2.2) = 1.2e-4 for the right law; a variance 2 % off moves F by up to 0.005.
        rows.append(
            Check("√n·KS against p_t", math.sqrt(n) * gap.D, 2.2, 0.25 * off / law.variance * math.sqrt(n), "<=")
        )
    if state.seen >= 4000:
        found = _orders(state)
        for name, label, truth in (
            ("gbm", "strong order, Euler–Maruyama", 0.5),
            ("milstein", "strong order, Milstein", 1.0),
            ("ou", "strong order, additive noise", 1.0),
            ("weak", "weak order, Euler–Maruyama", 1.0),
        ):
            rows.append(Check(label, found[name], truth, 0.06))
        mean = state.weak[0] / state.seen
        error = math.sqrt(float(state.weak[1, 0] / state.seen - mean[0] ** 2) / state.seen)
        rows.append(Check("E x_n − E x(T), n = 16", float(mean[0]), -_weak_exact(16), 4.5 * error, error=error))
    return tuple(rows)


def _fourth(p: mixture_1d.Mixture) -> float:
    """E (x − E x)⁴ of a mixture."""
    import numpy as np

    d = p.m - p.mean
    return float(np.sum(p.w * (d**4 + 6 * d**2 * p.s**2 + 3 * p.s**4)))


LAB = Lab(
    id="forward-sde",
    title="From data to noise: forward SDEs",
    chapter="stochastic-processes",
    section="7.2",
    lesson="noising",
    summary="Two modes of data dissolve into noise; every moment is known, and so is the order of the error of steps.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "river",
            "Paths over the exact density p_t",
            series=tuple(Series("", f"path{k}", "frames_t") for k in range(SHOWN)),
            x_label="time t",
            backdrop="river",
            image_range=(0.0, 1.3),
        ),
        Chart(
            "law",
            "Particles now, and the exact p_t",
            series=(
                Series("particles", "bars", "bars_x", "bars"),
                Series("N(0, var at t=1)", "end", "x", "dashed"),
                Series("exact p_t", "density", "x"),
            ),
            x_label="x",
        ),
        Chart(
            "moments",
            "Mean and variance; dashed: exact",
            series=(
                Series("", "mean_exact", "grid_t", "dashed"),
                Series("", "variance_exact", "grid_t", "dashed"),
                Series("mean", "mean", "frames_t"),
                Series("variance", "variance", "frames_t"),
            ),
            x_label="time t",
        ),
        Chart(
            "orders",
            "Error at T = 1 against step size h",
            series=(
                Series("Euler–Maruyama", "gbm", "h"),
                Series("Milstein", "milstein", "h"),
                Series("additive noise", "ou", "h"),
                Series("weak, E–M", "weak", "h"),
                Series("slopes ½, 1", "half", "h", "dashed"),
                Series("", "whole", "h", "dashed"),
            ),
            x_label="h",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "schedule",
            "Signal α(t) and noise σ(t)",
            series=(Series("α", "alpha", "grid_t"), Series("σ", "sigma", "grid_t")),
            x_label="time t",
        ),
        Chart(
            "snr",
            "Variance of the signal ÷ of the noise",
            series=(Series("", "one", "snr_t", "dashed"), Series("α² Var x₀ / σ²", "snr", "snr_t")),
            x_label="time t",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "The data have mean −0.8. In the VP process β rises from 0.1 to 20 and α(t) = exp(−½∫β). What is the mean"
            " half way, at t = 0.5?"
        ),
        scalar="kept",
        low=-3.0,
        high=3.0,
        chart="moments",
        why=(
            "∫β from 0 to ½ is 0.05 + ½ · 19.9 · ¼ = 2.54, so α = e^(−1.27) = 0.28 and the mean −0.22. A schedule that"
            " is linear in β is far from linear in what is left of the data."
        ),
    ),
    explain="sp-lab-forward-sde",
    source=("kernels.vp", "kernels.sde", "kernels.mixture_1d"),
)
