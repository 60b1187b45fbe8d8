"""One Gaussian for two modes: KL(p‖q) covers both, KL(q‖p) may settle on one, if they are far apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import kl_fit

    Array = npt.NDArray[np.float64]

STEPS = 200
BATCH = 64
JITTER = 0.1
"""The seed moves the start by about this."""
FORK = 60
"""Distances of the modes at which the exact minima are found: from the left mode, the right one, and in between."""
WIDEST = 5.0
"""The largest of them, as a over s."""
COLUMNS, ROWS = 49, 25
"""Of the maps."""
HIGHEST = 4.0
"""Nats at which the maps are cut off."""
RARE = 0.01
"""A place where a density is below this share of its peak counts as empty."""
DRAWS = 4000
"""For KL(q‖p) by Monte Carlo."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    a: float = param(2.5, "the modes of p are at −a and a", low=0.0, high=5.0, step=0.25)
    s: float = param(0.7, "standard deviation of each mode", low=0.3, high=2.0, step=0.1)
    w: float = param(0.5, "weight of the left mode", low=0.05, high=0.95, step=0.05)
    start: float = param(1.0, "mean of q at the start (the seed adds a little)", low=-5.0, high=5.0, step=0.5)
    start_sd: float = param(1.0, "standard deviation of q at the start", low=0.2, high=5.0, scale="log")
    gradient: str = param(
        "exact", "exact, or estimated from 64 draws: of p (forward), of q (reverse)", choices=("exact", "sampled")
    )
    lr: float = param(0.1, "step size η of the natural gradient", low=0.02, high=1.5, scale="log", live=True)


class State(NamedTuple):
    """Both fits with their paths, the maps behind them, and the optima by distance."""

    p: kl_fit.Mixture
    forward: tuple[kl_fit.Fit, ...]
    """From the start to now."""
    reverse: tuple[kl_fit.Fit, ...]
    kls: Array
    """(STEPS + 1, 2) KL(p‖q) of the forward fit, KL(q‖p) of the reverse fit; NaN: to come."""
    minima: tuple[kl_fit.Fit, ...]
    """Minima of KL(q‖p), the lowest first."""
    maps: Array
    """(2, ROWS, COLUMNS) both divergences over (m, ρ)."""
    extent: Array
    fork: Array
    """(FORK, 3) mean over s of the minima of KL(q‖p): from the left mode, the right one, in between; NaN: to come."""
    steps: int
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """Both fits at the same start; the exact minima and the maps."""
    import numpy as np

    from kernels import kl_fit

    p = kl_fit.Mixture(params.w, params.a, params.s)
    q = kl_fit.Fit(params.start + JITTER * float(rng.standard_normal()), math.log(params.start_sd))
    variance = kl_fit.moments(p)[1]
    found: list[kl_fit.Fit] = []
    for start in _starts(p):
        minimum = kl_fit.reverse_minimum(p, start)
        if all(abs(minimum.m - other.m) > 1e-4 * p.s for other in found) and _is_minimum(p, minimum):
            found.append(minimum)
    found.sort(key=lambda minimum: kl_fit.reverse_kl(p, minimum))
    widest = max(p.a + 2 * p.s, abs(q.m) + 0.5)
    extent = np.array(
        [
            -widest,
            widest,
            math.log(min(p.s, params.start_sd)) - 0.5,
            math.log(max(variance**0.5, params.start_sd)) + 0.5,
        ]
    )
    state = State(
        p,
        (q,),
        (q,),
        np.full((STEPS + 1, 2), np.nan),
        tuple(found),
        _maps(p, extent),
        extent,
        np.full((FORK, 3), np.nan),
        0,
        rng,
    )
    return _noted(state)


def _starts(p: kl_fit.Mixture) -> tuple[kl_fit.Fit, ...]:
    """From where minima of KL(q‖p) are looked for: each mode, and all of p."""
    from kernels import kl_fit

    mean, variance = kl_fit.moments(p)
    return (
        kl_fit.Fit(-p.a, math.log(p.s)),
        kl_fit.Fit(p.a, math.log(p.s)),
        kl_fit.Fit(mean, 0.5 * math.log(variance)),
    )


def _is_minimum(p: kl_fit.Mixture, q: kl_fit.Fit) -> bool:
    """Whether a step aside goes up: a point where the gradient is 0 may be a saddle."""
    from kernels import kl_fit

    here = kl_fit.reverse_kl(p, q)
    return all(kl_fit.reverse_kl(p, q._replace(m=q.m + side * 0.01 * p.s)) > here for side in (-1, 1))


def _maps(p: kl_fit.Mixture, extent: Array) -> Array:
    import numpy as np

    from kernels import kl_fit

    m = np.linspace(extent[0], extent[1], COLUMNS)[None, :]
    rho = np.linspace(extent[2], extent[3], ROWS)[:, None]
    mean, variance = kl_fit.moments(p)
    forward = (
        0.5 * math.log(2 * math.pi) - kl_fit.entropy(p) + rho + 0.5 * (variance + (mean - m) ** 2) * np.exp(-2 * rho)
    )
    # Every 17th node: enough for a picture.
    nodes, weights = kl_fit.EPS[::17], kl_fit.WEIGHTS[::17] / kl_fit.WEIGHTS[::17].sum()
    logs = kl_fit.log_density(p, m[..., None] + np.exp(rho)[..., None] * nodes) @ weights
    reverse = -0.5 * math.log(2 * math.pi * math.e) - rho - logs
    return np.asarray(np.minimum(np.stack([forward, reverse]), HIGHEST))


def _noted(state: State) -> State:
    from kernels import kl_fit

    kls = state.kls.copy()
    kls[state.steps] = kl_fit.forward_kl(state.p, state.forward[-1]), kl_fit.reverse_kl(state.p, state.reverse[-1])
    return state._replace(kls=kls)


def step(params: Params, state: State) -> State:
    """One step of each descent, and one more minimum for the fork."""
    import copy

    from kernels import kl_fit

    p, forward, reverse = state.p, state.forward[-1], state.reverse[-1]
    rng = copy.deepcopy(state.rng)
    x, eps = None, None
    if params.gradient == "sampled":
        x, eps = kl_fit.sample(p, BATCH, rng), rng.standard_normal(BATCH)
    forward = kl_fit.step(forward, kl_fit.forward_gradient(p, forward, x), params.lr)
    reverse = kl_fit.step(reverse, kl_fit.reverse_gradient(p, reverse, eps), params.lr)
    fork = state.fork.copy()
    if state.steps < fork.size:
        at, which = divmod(state.steps, 3)
        # In units of s only the weight is left to choose.
        there = kl_fit.Mixture(p.w, WIDEST * (at + 1) / FORK, 1.0)
        fork[at, which] = kl_fit.reverse_minimum(there, _starts(there)[which], 1e-5).m
    state = state._replace(forward=(*state.forward, forward), reverse=(*state.reverse, reverse), fork=fork)
    return _noted(state._replace(steps=state.steps + 1, rng=rng))


def done(params: Params, state: State) -> bool:
    """Whether all steps are taken."""
    return state.steps >= STEPS


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STEPS


def _nearest(state: State) -> kl_fit.Fit:
    """The exact minimum of KL(q‖p) that the reverse fit is next to."""
    return min(state.minima, key=lambda q: abs(q.m - state.reverse[-1].m))


def _normal(x: Array, q: kl_fit.Fit) -> Array:
    import numpy as np

    return np.asarray(-0.5 * ((x - q.m) * math.exp(-q.rho)) ** 2 - q.rho - 0.5 * math.log(2 * math.pi))


def frame(params: Params, state: State) -> Frame:
    """The three laws, the paths on their maps, both divergences by step, where they are paid, and the fork."""
    import numpy as np

    from kernels import kl_fit

    p, forward, reverse = state.p, state.forward[-1], state.reverse[-1]
    reach = max(p.a + 4 * p.s, 6.0)
    x = np.linspace(-reach, reach, 301)
    log_p, log_f, log_r = kl_fit.log_density(p, x), _normal(x, forward), _normal(x, reverse)
    k = state.steps
    far = WIDEST * np.arange(1, FORK + 1) / FORK
    seen = min(k // 3, FORK)
    arrays: dict[str, Any] = {
        "x": x,
        "p": np.exp(log_p),
        "q_forward": np.exp(log_f),
        "q_reverse": np.exp(log_r),
        "map_forward": state.maps[0],
        "map_forward_extent": state.extent,
        "map_reverse": state.maps[1],
        "map_reverse_extent": state.extent,
        "best_m": np.array([kl_fit.moments(p)[0]]),
        "best_rho": np.array([0.5 * math.log(kl_fit.moments(p)[1])]),
        "minima_m": np.array([q.m for q in state.minima]),
        "minima_rho": np.array([q.rho for q in state.minima]),
        "iteration": np.arange(k + 1),
        "kl_forward": state.kls[: k + 1, 0],
        "kl_reverse": state.kls[: k + 1, 1],
        "least_forward": np.full(k + 1, _least_forward(p)),
        "least_reverse": np.full(k + 1, kl_fit.reverse_kl(p, _nearest(state))),
        "paid_forward": np.exp(log_p) * (log_p - log_r),
        "paid_reverse": np.exp(log_r) * (log_r - log_p),
        "far": far[:seen],
        "fork_left": state.fork[:seen, 0],
        "fork_right": state.fork[:seen, 1],
        "fork_middle": state.fork[:seen, 2],
        "fork_mean": (1 - 2 * p.w) * far[:seen],
        "here_far": np.array([p.a / p.s]),
        "here_m": np.array([reverse.m / p.s]),
    }
    for name, path in (("forward", state.forward), ("reverse", state.reverse)):
        arrays[f"{name}_m"] = np.array([q.m for q in path])
        arrays[f"{name}_rho"] = np.array([q.rho for q in path])
    dx = float(x[1] - x[0])
    empty = log_p < log_p.max() + math.log(RARE)
    scalars = {
        "forward_kl": float(state.kls[k, 0]),
        "reverse_kl": float(state.kls[k, 1]),
        "forward_of_reverse": kl_fit.forward_kl(p, reverse),
        "reverse_of_forward": kl_fit.reverse_kl(p, forward),
        "forward_astray": float(np.exp(log_f[empty]).sum()) * dx,
        "reverse_astray": float(np.exp(log_r[empty]).sum()) * dx,
        "forward_missed": float(np.exp(log_p[log_f < log_f.max() + math.log(RARE)]).sum()) * dx,
        "reverse_missed": float(np.exp(log_p[log_r < log_r.max() + math.log(RARE)]).sum()) * dx,
    }
    return Frame(k, scalars, arrays, _note(state, scalars))


def _least_forward(p: kl_fit.Mixture) -> float:
    """½ ln(2πe · variance of p) − H(p): the best that a Gaussian can do."""
    from kernels import kl_fit

    return 0.5 * math.log(2 * math.pi * math.e * kl_fit.moments(p)[1]) - kl_fit.entropy(p)


def _note(state: State, scalars: dict[str, float]) -> str:
    if not state.steps:
        return "both fits start from the same q; the one descends KL(p‖q), the other KL(q‖p)"
    forward, reverse = state.forward[-1], state.reverse[-1]
    return (
        f"Forward: N({forward.m:.2f}, {math.exp(forward.rho):.2f}²), {scalars['forward_astray']:.0%} where p is empty."
        f" Reverse: N({reverse.m:.2f}, {math.exp(reverse.rho):.2f}²), misses {scalars['reverse_missed']:.0%} of p:"
        f" KL(q‖p) {scalars['reverse_kl']:.3f}, but KL(p‖q) {scalars['forward_of_reverse']:.2f} nats"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Forward against the moments of p, reverse against the exact minimum, both values by another way."""
    import copy

    import numpy as np

    from kernels import kl_fit

    if not done(params, state):
        return ()
    p, forward, reverse = state.p, state.forward[-1], state.reverse[-1]
    mean, variance = kl_fit.moments(p)
    rows = []
    if params.gradient == "exact":
        # Near the optimum the error shrinks by |1 − η| a step.
        rest = 1e-6 + 20 * abs(1 - params.lr) ** (0.75 * STEPS)
        exact = _nearest(state)
        rows += [
            Check("forward: mean of q = mean of p", forward.m, mean, rest),
            Check("forward: sd of q = sd of p", math.exp(forward.rho), math.sqrt(variance), rest),
            Check("reverse: mean of q", reverse.m, exact.m, rest),
            Check("reverse: KL(q‖p), nats", float(state.kls[-1, 1]), kl_fit.reverse_kl(p, exact), rest),
        ]
    else:
        # The forward mean is a running average of batch means with a known variance.
        error = math.sqrt(params.lr / (2 - params.lr) * variance / BATCH)
        rows.append(Check("forward: mean of q = mean of p", forward.m, mean, 4.5 * error, error=error))
        least = kl_fit.reverse_kl(p, state.minima[0])
        rows.append(Check("reverse: KL(q‖p), nats", float(state.kls[-1, 1]), least, 1e-9, ">="))
    best = state.minima[0]
    rows.append(
        Check(
            "best KL(q‖p) ≤ −ln(weight of a mode)", kl_fit.reverse_kl(p, best), -math.log(max(p.w, 1 - p.w)), 1e-9, "<="
        )
    )
    # By the definition ∫ p ln(p/q), on a grid over p.
    x = np.linspace(-p.a - 9 * p.s, p.a + 9 * p.s, 4001)
    log_p = kl_fit.log_density(p, x)
    paid = float(np.trapezoid(np.exp(log_p) * (log_p - _normal(x, forward)), x))
    rows.append(Check("forward: ∫ p ln(p/q)", paid, kl_fit.forward_kl(p, forward), 1e-7))
    # Of the forward fit: on one mode ln(q/p) is nearly constant, with rare jumps that a few thousand draws may miss.
    drawn = forward.m + math.exp(forward.rho) * copy.deepcopy(state.rng).standard_normal(DRAWS)
    ratio = _normal(drawn, forward) - kl_fit.log_density(p, drawn)
    error = float(ratio.std(ddof=1)) / math.sqrt(DRAWS)
    exact_kl = kl_fit.reverse_kl(p, forward)
    rows.append(
        Check("forward fit: KL(q‖p) by Monte Carlo", float(ratio.mean()), exact_kl, 4.5 * error + 1e-9, error=error)
    )
    return tuple(rows)


LAB = Lab(
    id="kl-directions",
    title="KL: cover or seek",
    chapter="information-theory",
    section="6.2",
    lesson="two-directions",
    summary="p has two modes, q is one Gaussian. Two fits start alike: one descends KL(p‖q), the other KL(q‖p).",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "laws",
            "p and the two fits",
            series=(
                Series("p", "p", "x"),
                Series("by KL(p‖q)", "q_forward", "x"),
                Series("by KL(q‖p)", "q_reverse", "x"),
            ),
            x_label="x",
        ),
        Chart(
            "paths",
            "KL by step (nats)",
            series=(
                Series("least KL(p‖q)", "least_forward", "iteration", "dashed"),
                Series("KL(p‖q)", "kl_forward", "iteration"),
                Series("KL(q‖p)", "kl_reverse", "iteration"),
                Series("least KL(q‖p)", "least_reverse", "iteration", "dashed"),
            ),
            x_label="step",
            y_range=(0.0, 4.0),
        ),
        Chart(
            "reverse",
            "KL(q‖p) for every q",
            series=(Series("path", "reverse_rho", "reverse_m"), Series("minima", "minima_rho", "minima_m", "points")),
            x_label="mean m",
            y_label="ln sd",
            backdrop="map_reverse",
            scale="nats",
            image_range=(0.0, HIGHEST),
        ),
        Chart(
            "forward",
            "KL(p‖q) for every q",
            series=(Series("path", "forward_rho", "forward_m"), Series("minimum", "best_rho", "best_m", "points")),
            x_label="mean m",
            y_label="ln sd",
            backdrop="map_forward",
            scale="nats",
            image_range=(0.0, HIGHEST),
        ),
        Chart(
            "paid",
            "Where the reverse fit pays (nats/x)",
            series=(Series("p ln(p/q)", "paid_forward", "x"), Series("q ln(q/p)", "paid_reverse", "x")),
            x_label="x",
        ),
        Chart(
            "fork",
            "Mean of the best q, by distance",
            series=(
                Series("KL(p‖q)", "fork_mean", "far", "dashed"),
                Series("KL(q‖p) from left", "fork_left", "far"),
                Series("from right", "fork_right", "far"),
                Series("from all of p", "fork_middle", "far"),
                Series("this run", "here_m", "here_far", "points"),
            ),
            x_label="a / s",
            y_label="m / s",
            x_range=(0.0, WIDEST),
            y_range=(-WIDEST, WIDEST),
        ),
    ),
    prediction=Prediction(
        prompt=(
            "Two equal modes at ∓2.5, each with sd 0.7: they hardly overlap. Minimising KL(q‖p), the Gaussian q ends"
            " on one of them and misses half of p. What is KL(q‖p) there, in nats?"
        ),
        scalar="reverse_kl",
        low=0.0,
        high=20.0,
        chart="paths",
        unit="nats",
        why=(
            "On its mode p is half of q, so that ln(q/p) = ln 2 = 0.693 wherever q draws. What q misses costs nothing:"
            " the other direction charges 12 nats for it."
        ),
    ),
    explain="it-lab-kl-directions",
    source=("kernels.kl_fit", "kernels.gaussian_kl"),
)
