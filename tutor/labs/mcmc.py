"""Metropolis, Gibbs and MALA side by side on laws that can be counted out: what correlated draws are worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import gibbs, mixture_1d

    Array = npt.NDArray[np.float64]

CHAINS = 80
"""Independent chains of each sampler: the spread of their means is the error that one chain makes."""
RECORDS = 2000
PER_STEP = 20
UNITS = (5, 4)
"""Visible and hidden units of the Boltzmann machine: 512 states."""
RBM_SEED = 7
WEIGHTS, SD = (0.6, 0.4), 0.7
CELL = 1 / 20
"""Width of the cells between which the exact chains on the line move."""
LAGS = 40
LEAST = 0.01
"""Bottom of the chart of autocorrelations."""
EARLY = 60
LIKELIEST = 24
NAMES = {"rbm": ("Metropolis", "Gibbs, unit", "Gibbs, layer"), "mixture": ("Metropolis", "Gibbs", "MALA")}


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    target: str = param(
        "rbm", "rbm: Boltzmann machine, 5 + 4 units; mixture: two Gaussians on the line", choices=("rbm", "mixture")
    )
    coupling: float = param(3.0, "rbm: standard deviation of its weights", low=0.0, high=5.0, step=0.5)
    gap: float = param(3.0, "mixture: distance between the means", low=0.0, high=6.0, step=0.5)
    scale: float = param(
        1.0, "mixture: size s of proposals; MALA's step is s²/2", low=0.2, high=4.0, scale="log", step=1.25
    )
    start: str = param("far", "far: all in the worst place; exact: drawn from the law itself", choices=("far", "exact"))
    burn: float = param(0.1, "share of the records thrown away at the start", low=0.0, high=0.9, step=0.05, live=True)


class State(NamedTuple):
    """Where the chains are, and where they have been."""

    x: tuple[Array, Array, Array]
    """For each sampler: (CHAINS, 9) units, or (CHAINS,) positions."""
    path: Array
    """(3, CHAINS, records) number of the state, or the position."""
    steps: int
    rng: np.random.Generator


class Truth(NamedTuple):
    """What is known exactly."""

    law: Array
    """(N,) probabilities of states or cells."""
    f: Array
    """(N,) what is averaged: the energy, or x."""
    where: Array
    """(N,) centres of the cells; for the Boltzmann machine, 0 … 511."""
    mean: float
    variance: float
    taus: tuple[float, float, float]
    rho: Array
    """(3, LAGS)"""
    forget: Array
    """(3, RECORDS) expected value of f at each record."""
    far: int
    """State or cell of the far start."""
    log_Z: float


def _rbm(params: Params) -> gibbs.RBM:
    from kernels import gibbs

    return gibbs.random_rbm(*UNITS, params.coupling, RBM_SEED)


def _mixture(params: Params) -> mixture_1d.Mixture:
    import numpy as np

    from kernels import mixture_1d

    return mixture_1d.Mixture(np.array(WEIGHTS), np.array([-0.5, 0.5]) * params.gap, np.full(2, SD))


def _key(params: Params) -> tuple[str, float, float, float, str]:
    """What the exact answers depend on."""
    other = params.target == "rbm"
    gap, scale = (0.0, 0.0) if other else (params.gap, params.scale)
    return params.target, params.coupling if other else 0.0, gap, scale, params.start


def _truth(params: Params) -> Truth:
    return _solve(*_key(params))


@lru_cache(maxsize=4)
def _solve(target: str, coupling: float, gap: float, scale: float, start: str) -> Truth:
    import numpy as np

    from kernels import gibbs, markov

    if target == "rbm":
        r = gibbs.random_rbm(*UNITS, coupling, RBM_SEED)
        law, log_Z = gibbs.exact(r)
        f = gibbs.energy(r, gibbs.states(r))
        where = np.arange(len(law), dtype=float)
        # One record is 9 updates of single units; a sweep over both layers updates 9 units, too.
        single = [np.linalg.matrix_power(P, r.units) for P in (gibbs.flip_matrix(r), gibbs.redraw_matrix(r))]
        matrices = [*single, gibbs.sweep_matrix(r)]
        far = int(f.argmax())
    else:
        where, law, matrices = _line(gap, scale)
        f, log_Z = where, 0.0
        far = int(np.abs(where - 0.5 * gap).argmin())
    first = law if start == "exact" else np.eye(1, len(law), far)[0]
    mean = float(law @ f)
    variance = float(law @ (f - mean) ** 2)
    taus, rhos, means = [], [], []
    for P in matrices:
        try:
            tau = markov.autocorrelation_time(P, law, f)
        except np.linalg.LinAlgError:
            tau = math.nan
        # Chains that practically never leave a mode have no autocorrelation time that rounding could tell.
        taus.append(tau if 0 < tau < 1e9 else math.nan)
        rhos.append(markov.autocorrelations(P, law, f, LAGS))
        early = markov.forget(P, first, f, 300)
        rest = np.full(RECORDS - 300, mean)
        slow = abs(early[-1] - mean) > 1e-9 * math.sqrt(variance)
        means.append(markov.forget(P, first, f, RECORDS) if slow else np.concatenate([early, rest]))
    return Truth(
        law, f, where, mean, variance, (taus[0], taus[1], taus[2]), np.array(rhos), np.array(means), far, log_Z
    )


def _line(gap: float, scale: float) -> tuple[Array, Array, list[Array]]:
    """(cells, their probabilities, transition matrices) of the samplers on the line."""
    import numpy as np

    from kernels import langevin, metropolis, mixture_1d

    p = _mixture(Params(gap=gap))
    x = np.arange(-8 + CELL / 2, 8, CELL)

    def log_p(at: Array) -> Array:
        return mixture_1d.log_density(p, at)

    law = np.exp(log_p(x)) * CELL
    walk = metropolis.random_walk_matrix(log_p, x, scale)
    mala = langevin.mala_matrix(lambda at: -log_p(at), lambda at: -mixture_1d.score(p, at), x, 1.0, 0.5 * scale**2)
    # Gibbs forgets x but for the component that it draws: P(x → y) = Σ_k P(k | x) N(y; m_k, s_k²).
    normal = np.exp(-0.5 * ((x - p.m[:, None]) / p.s[:, None]) ** 2) * (CELL / (p.s[:, None] * math.sqrt(2 * math.pi)))
    return x, law / law.sum(), [walk, mixture_1d.responsibilities(p, x) @ normal, mala]


def init(params: Params, rng: np.random.Generator) -> State:
    """All chains of all samplers at the same place, or drawn from the law."""
    import numpy as np

    from kernels import gibbs, mixture_1d

    truth = _truth(params)
    if params.target == "rbm":
        at = rng.choice(len(truth.law), CHAINS, p=truth.law) if params.start == "exact" else np.full(CHAINS, truth.far)
        x = gibbs.states(_rbm(params))[at]
        seen = at.astype(float)
    else:
        far = np.full(CHAINS, truth.where[truth.far])
        x = mixture_1d.draw(_mixture(params), CHAINS, rng) if params.start == "exact" else far
        seen = x
    return State((x, x, x), np.tile(seen[None, :, None], (3, 1, 1)), 0, rng)


def step(params: Params, state: State) -> State:
    """Twenty more records of every chain."""
    import copy

    import numpy as np

    from kernels import gibbs, langevin, metropolis, mixture_1d

    rng = copy.deepcopy(state.rng)
    a, b, c = state.x
    seen = []
    if params.target == "rbm":
        r = _rbm(params)
        bits = 2.0 ** np.arange(r.units - 1, -1, -1)
        for _ in range(PER_STEP):
            for _ in range(r.units):
                a, b = gibbs.flip(r, a, rng), gibbs.redraw(r, b, rng)
            c = gibbs.sweep(r, c, rng)
            seen.append([a @ bits, b @ bits, c @ bits])
    else:
        p = _mixture(params)
        for _ in range(PER_STEP):
            a, _ = metropolis.random_walk(lambda at: mixture_1d.log_density(p, at), a, params.scale, rng)
            right = rng.random(CHAINS) < mixture_1d.responsibilities(p, b)[:, 1]
            b = p.m[right.astype(int)] + SD * rng.standard_normal(CHAINS)
            c, _ = langevin.mala(
                lambda at: -mixture_1d.log_density(p, at),
                lambda at: -mixture_1d.score(p, at),
                c,
                1.0,
                0.5 * params.scale**2,
                rng,
            )
            seen.append([a, b, c])
    path = np.concatenate([state.path, np.moveaxis(np.array(seen), 0, -1)], axis=2)
    return State((a, b, c), path[:, :, -RECORDS:], state.steps + 1, rng)


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return RECORDS // PER_STEP


def done(params: Params, state: State) -> bool:
    """Whether all records are made."""
    return state.steps >= total(params, state)


def _values(truth: Truth, params: Params, state: State) -> Array:
    """(3, CHAINS, records) f along the chains."""
    return truth.f[state.path.astype(int)] if params.target == "rbm" else state.path


def frame(params: Params, state: State) -> Frame:
    """Errors of the means, autocorrelations, the transient, and the law, measured and exact."""
    import numpy as np

    from kernels import ess

    truth = _truth(params)
    f = _values(truth, params, state)
    n = f.shape[2]
    unit = sum(UNITS) if params.target == "rbm" else 1
    cut = int(params.burn * n)
    sd = math.sqrt(truth.variance) or 1.0
    # Means over records cut … n of every chain, for some n: their distance from the truth is the error of one chain.
    at = np.unique(np.geomspace(min(10, n), n, 40).astype(int))
    sums = np.concatenate([np.zeros((3, CHAINS, 1)), np.cumsum(f, axis=2)], axis=2)
    used = at - (params.burn * at).astype(int)
    means = (sums[:, :, at] - sums[:, :, at - used]) / used
    errors = np.sqrt(np.mean((means - truth.mean) ** 2, axis=1)) / sd
    times = [ess.autocorrelation_time(chains[:, cut:]) for chains in f]
    early = slice(0, EARLY)
    arrays: dict[str, Any] = {
        "updates": at * float(unit),
        "plain": 1 / np.sqrt(used),
        "lag": np.arange(LAGS, dtype=float),
        "first": np.arange(min(EARLY, n), dtype=float),
        "recent": np.arange(max(0, n - 150), n, dtype=float),
        "at_rest": np.full(min(EARLY, n), truth.mean),
    }
    for k in range(3):
        measured = times[k].rho[:LAGS]
        # Before the law of large numbers has set in the theory promises too much: the chain has seen too little.
        theory = np.where(used > truth.taus[k], np.sqrt(truth.taus[k] / used), np.nan)
        arrays |= {
            f"error{k}": np.maximum(errors[k], 1e-6),
            f"theory{k}": theory[np.isfinite(theory)],
            f"theory_at{k}": at[np.isfinite(theory)] * float(unit),
            f"rho{k}": np.maximum(measured, LEAST) if n - cut >= 2 * LAGS else measured[:0],
            f"rho_exact{k}": np.maximum(truth.rho[k], LEAST),
            f"mean{k}": f[k, :, early].mean(axis=0),
            f"forget{k}": truth.forget[k, : min(EARLY, n)],
            f"trace{k}": f[k, 0, -150:],
        }
    # What the autocorrelation would be if the first step told all of it.
    arrays["geometric"] = np.maximum(truth.rho[0, 1] ** arrays["lag"], LEAST)
    arrays |= _laws(params, truth, state.path[:, :, cut:])
    scalars = {"made": float(n * unit)}
    for k in range(3):
        tau = times[k].tau
        scalars[f"tau{k}"] = tau
        scalars[f"ess{k}"] = (n - cut) / tau if tau > 0 else math.nan
        scalars[f"ess_exact{k}"] = (n - cut) / truth.taus[k]
        scalars[f"r_hat{k}"] = ess.r_hat(f[k, :, cut:]) if n - cut >= 8 else math.nan
    scalars["worth"] = RECORDS / truth.taus[0]
    return Frame(state.steps, scalars, arrays, _note(params, truth, scalars, n))


def _laws(params: Params, truth: Truth, path: Array) -> dict[str, Array]:
    """Visits of the three samplers, and the exact law: of the likeliest states, or of x."""
    import numpy as np

    if params.target == "rbm":
        top = np.argsort(-truth.law)[:LIKELIEST]
        visits = [
            np.bincount(path[k].astype(int).ravel(), minlength=len(truth.law))[top] / path[k].size for k in range(3)
        ]
        return {"place": np.arange(1, LIKELIEST + 1.0), "law": truth.law[top]} | {
            f"law{k}": visits[k] for k in range(3)
        }
    edges = np.linspace(-6.0, 6.0, 49)
    middle = 0.5 * (edges[1:] + edges[:-1])
    width = edges[1] - edges[0]
    counts = [np.histogram(path[k], edges)[0] / (path[k].size * width) for k in range(3)]
    law = np.interp(middle, truth.where, truth.law / CELL)
    return {"place": middle, "law": law} | {f"law{k}": counts[k] for k in range(3)}


def _note(params: Params, truth: Truth, scalars: dict[str, float], n: int) -> str:
    names = NAMES[params.target]
    if n < 2 * PER_STEP:
        what = "energy" if params.target == "rbm" else "x"
        return f"exact mean of {what}: {truth.mean:.4f}" + (f", log Z {truth.log_Z:.4f}" if truth.log_Z else "")
    records = f"{n - int(params.burn * n)} records of one chain"
    exact = ", ".join(f"{scalars[f'ess_exact{k}']:.0f}" for k in range(3))
    if not any(scalars[f"ess{k}"] > 0 for k in range(3)):
        return f"{records} are too few to tell how many independent draws they are worth (exact: {exact})"
    worth = ", ".join(
        f"{name} {scalars[f'ess{k}']:.0f}" if scalars[f"ess{k}"] > 0 else f"{name} too few to tell"
        for k, name in enumerate(names)
    )
    return f"{records} are worth so many independent draws: {worth} (exact: {exact})"


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Means and autocorrelation times against the exact ones; 4.5 standard errors, a false alarm in 150,000."""
    from kernels import ess

    truth = _truth(params)
    f = _values(truth, params, state)
    n = f.shape[2]
    cut = int(params.burn * n)
    rows: list[Check] = []
    for k, name in enumerate(NAMES[params.target]):
        tau, count = truth.taus[k], CHAINS * (n - cut)
        # Fewer independent draws than this tell nothing; and a chain must be many τ long for the formulas to hold.
        if not (n - cut > 40 * tau and truth.variance > 0):
            continue
        error = math.sqrt(max(tau, 0.1) * truth.variance / count)
        # What burn-in leaves of the start is known, too.
        left = abs(float(truth.forget[k, cut:n].mean()) - truth.mean)
        measured = float(f[k, :, cut:].mean())
        rows.append(Check(f"{name}: mean", measured, truth.mean, 4.5 * error + left, error=error))
        found = ess.autocorrelation_time(f[k, :, cut:])
        if found.tau > 0:
            tolerance = 4.5 * found.error + 0.03 * tau
            rows.append(Check(f"{name}: τ", found.tau, tau, tolerance, error=found.error))
    return tuple(rows)


def _three(
    name: str, x: str, names: tuple[str, str, str] = ("Metropolis", "Gibbs", "block | MALA")
) -> tuple[Series, ...]:
    return tuple(Series(label, f"{name}{k}", x.format(k)) for k, label in enumerate(names))


LAB = Lab(
    id="mcmc",
    title="Markov chain Monte Carlo",
    chapter="stochastic-processes",
    section="7.4",
    lesson="mcmc-diagnostics",
    summary="80 chains of each sampler on a law that can be counted out: errors, autocorrelation, burn-in, all exact.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "error",
            "Error of one chain's mean, in sd",
            series=(
                Series("independent draws", "plain", "updates", "dashed"),
                *_three("error", "updates"),
                *(Series("√(τ/n) exact" if k == 0 else "", f"theory{k}", f"theory_at{k}", "dashed") for k in range(2)),
            ),
            x_label="updates",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "autocorrelation",
            "Autocorrelation ρ(k); dashed: exact",
            series=(
                *_three("rho", "lag"),
                Series("ρ(1)^k", "geometric", "lag", "dashed"),
                *(Series("", f"rho_exact{k}", "lag", "dashed") for k in range(3)),
            ),
            x_label="lag k (records)",
            y_range=(LEAST, 1.0),
            y_log=True,
        ),
        Chart(
            "burn",
            "Forgetting the start; dashed: exact",
            series=(
                *_three("mean", "first"),
                *(Series("", f"forget{k}", "first", "dashed") for k in range(3)),
            ),
            x_label="record",
        ),
        Chart(
            "trace",
            "Energy, or x, along one chain of each",
            series=_three("trace", "recent"),
            x_label="record",
        ),
        Chart(
            "law",
            "Law: visits and exact",
            series=(
                Series("exact", "law", "place", "dashed"),
                *(Series(s.label, s.y, s.x, "points") for s in _three("law", "place")),
            ),
            x_label="state (likeliest first), or x",
        ),
        Chart(
            "ess",
            "Effective sample size of one chain",
            series=(
                *_three("ess", "made"),
                *(Series("", f"ess_exact{k}", "made", "dashed") for k in range(3)),
            ),
            x_label="updates",
        ),
    ),
    prediction=Prediction(
        prompt=(
            "A Metropolis chain on this Boltzmann machine makes 2,000 records. Neighbouring energies have"
            " autocorrelation ρ(1) = 0.50. How many independent draws are they worth, for the mean energy?"
        ),
        scalar="worth",
        low=1.0,
        high=4000.0,
        chart="ess",
        why=(
            "n/τ with τ = 1 + 2 Σ ρ(k) = 7.0. Were ρ(k) = 0.5^k, τ would be 3 and the answer 667; but ρ falls fast only"
            " at first. The chain jitters in one valley, and finds the others rarely: the slow tail counts."
        ),
    ),
    explain="sp-lab-mcmc",
    source=("kernels.metropolis", "kernels.gibbs", "kernels.langevin", "kernels.ess", "kernels.markov"),
)
