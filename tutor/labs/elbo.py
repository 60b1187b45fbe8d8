"""Variational inference where everything is known: the gap of the ELBO is a KL divergence, to the last digit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import optimizers

    Array = npt.NDArray[np.float64]

UPDATES = 1500
PER_STEP = 10
PROBE = 512
"""Estimates of the gradient whose spread is measured."""
DRAWS = 16_384
"""Draws of q for each K of the importance-weighted bound."""
KS = (1, 2, 4, 8, 16, 32, 64, 128)
MODEL_Z, MODEL_X = (-2.6, 2.6), (-2.0, 5.0)
ESTIMATORS = ("reparameterised", "score function")


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    x: float = param(2.0, "what was observed", low=-1.0, high=4.0, step=0.25, live=True)
    s: float = param(0.5, "standard deviation of x given z", low=0.2, high=1.5, step=0.1, live=True)
    q: str = param("gaussian", "family of q", choices=("gaussian", "mixture of two"))
    estimator: str = param("reparameterised", "how ∇ELBO is estimated", choices=ESTIMATORS, live=True)
    batch: int = param(8, "draws in an estimate", low=2, high=256, scale="log", live=True)
    lr: float = param(0.03, "learning rate of Adam at the start", low=1e-3, high=1.0, scale="log", live=True)


class State(NamedTuple):
    """q on its way."""

    adam: optimizers.State
    """Of θ (3, M)."""
    updates: int
    diverged: int
    """Update at which q left what floats can hold; 0: it did not."""
    rng: np.random.Generator


def init(params: Params, rng: np.random.Generator) -> State:
    """A narrow q near 0, where the prior is largest; two of them on either side of it for the mixture."""
    import numpy as np

    from kernels import optimizers

    mu = [0.3] if params.q == "gaussian" else [-0.3, 0.3]
    theta = np.array([[0.0] * len(mu), mu, [math.log(0.5)] * len(mu)])
    theta[1] += 0.05 * rng.standard_normal(len(mu))
    return State(optimizers.init(theta), 0, 0, rng)


def step(params: Params, state: State) -> State:
    """Ten steps of Adam up the estimated gradient of the ELBO."""
    import copy

    import numpy as np

    from kernels import elbo, optimizers

    rng = copy.deepcopy(state.rng)
    adam, updates = state.adam, state.updates
    for _ in range(PER_STEP):
        lr = params.lr * 0.5 * (1 + math.cos(math.pi * updates / UPDATES))
        eps = rng.standard_normal((params.batch, adam.w.shape[1]))
        with np.errstate(all="ignore"):
            each = elbo.gradients(adam.w, params.x, params.s, eps, params.estimator)  # type: ignore[arg-type]
        new = optimizers.adam(adam, -each.mean(axis=0), lr)
        if not (np.isfinite(new.w).all() and np.abs(new.w[1]).max() < 50 and np.abs(new.w[2]).max() < 6):
            return State(adam, updates, updates + 1, rng)
        adam, updates = new, updates + 1
    return State(adam, updates, 0, rng)


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return UPDATES // PER_STEP if not state.diverged else -(-state.diverged // PER_STEP)


def done(params: Params, state: State) -> bool:
    """Whether the updates are over, or have failed."""
    return state.updates >= UPDATES or state.diverged > 0


def _bounds(params: Params, state: State) -> tuple[Array, Array]:
    """The importance-weighted bounds L_K for K in KS, and their standard errors."""
    import copy

    import numpy as np

    from kernels import elbo

    z = elbo.sample(state.adam.w, DRAWS, copy.deepcopy(state.rng))
    log_w = elbo.log_weights(state.adam.w, params.x, params.s, z)
    pairs = [elbo.importance_bound(log_w.reshape(-1, K)) for K in KS]
    return np.array([value for value, _ in pairs]), np.array([error for _, error in pairs])


def _spreads(params: Params, state: State) -> dict[str, float]:
    """Standard deviation of one draw's estimate of ∂ELBO/∂μ₁, for both estimators."""
    import copy

    from kernels import elbo

    eps = copy.deepcopy(state.rng).standard_normal((PROBE, state.adam.w.shape[1]))
    return {
        name: float(elbo.gradients(state.adam.w, params.x, params.s, eps, name)[:, 1, 0].std())  # type: ignore[arg-type]
        for name in ESTIMATORS
    }


def frame(params: Params, state: State) -> Frame:
    """q beside the posterior, the bound under log p(x), tighter bounds, and the spread of the gradients."""
    import numpy as np

    from kernels import elbo

    theta, x, s = state.adam.w, params.x, params.s
    z = np.linspace(-3.0, 3.0, 241)
    evidence = elbo.log_evidence(x, s)
    gap = elbo.gap(theta, x, s)
    best, best_mu, _ = elbo.best_gaussian(x, s)
    bounds, _ = _bounds(params, state)
    spreads = _spreads(params, state)
    q = elbo.parts(theta)
    mz = np.linspace(*MODEL_Z, 60)
    mx = np.linspace(*MODEL_X, 50)
    arrays = {
        "z": z,
        "posterior": elbo.posterior(z, x, s),
        "q": np.exp(elbo.log_q(theta, z)[0]),
        "prior": np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi),
        "K": np.array(KS),
        "bounds": bounds,
        "evidence_line": np.full(len(KS), evidence),
        "joint": np.stack([np.exp(elbo.log_joint(mz, float(each), s)) for each in mx]) ** 0.5,
        "joint_extent": np.array([*MODEL_Z, *MODEL_X]),
        "mean_z": mz,
        "mean_x": mz**2,
        "observed": np.full(len(mz), x),
    }
    scalars = {
        "updates": float(state.updates),
        "elbo": evidence - gap,
        "evidence": evidence,
        "best": best,
        "gap": gap,
        "mu": float(q.mu[0]),
        "sd": float(np.exp(q.log_sd[0])),
        "spread_path": spreads[ESTIMATORS[0]],
        "spread_score": spreads[ESTIMATORS[1]],
    }
    peaks = "one peak" if elbo.peaks(x, s) == 0 else f"peaks at ±{elbo.peaks(x, s):.2f}"
    note = (
        f"update {state.updates}: log p(x) {evidence:.3f} = ELBO {evidence - gap:.3f} + KL(q‖posterior) {gap:.3f};"
        f" the posterior has {peaks}"
    )
    if state.diverged:
        note = (
            f"diverged at update {state.diverged}: with {params.batch} draws and lr = {params.lr:g} the steps are"
            " larger than q is wide"
        )
    elif done(params, state) and len(q.mu) == 1 and elbo.peaks(x, s) > 0:
        note += f"; the best Gaussian {'spans both' if best_mu < 0.05 else 'sits on one only'}"
    return Frame(state.updates // PER_STEP, scalars, arrays, note)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The identity by two quadratures, the best Gaussian, the gradient's mean, and the order of the bounds."""
    import copy

    import numpy as np

    from kernels import elbo

    if not done(params, state) or state.diverged:
        return ()
    theta, x, s = state.adam.w, params.x, params.s
    M = theta.shape[1]
    evidence = elbo.log_evidence(x, s)
    lower = float(elbo.elbo_gaussian(theta[1, 0], np.exp(theta[2, 0]), x, s)) if M == 1 else elbo.elbo(theta, x, s)
    # The closed form is exact; Gauss–Hermite sees the logarithm of a mixture, no polynomial.
    rows = [
        Check("log p(x) − ELBO = KL(q‖posterior)", evidence - lower, elbo.gap(theta, x, s), 1e-6 if M == 1 else 1e-4)
    ]
    if M == 1:
        rows.append(Check("ELBO = best of all Gaussians", lower, elbo.best_gaussian(x, s)[0], 0.02))
    eps = copy.deepcopy(state.rng).standard_normal((4096, M))
    each = elbo.gradients(theta, x, s, eps, params.estimator)[:, 1, 0]  # type: ignore[arg-type]
    h = np.zeros_like(theta)
    h[1, 0] = 1e-4
    slope = (elbo.elbo(theta + h, x, s) - elbo.elbo(theta - h, x, s)) / 2e-4
    error = float(each.std(ddof=1)) / math.sqrt(len(each))
    rows.append(Check("mean of sampled ∂ELBO/∂μ", float(each.mean()), slope, 4 * error + 1e-4, error=error))
    bounds, errors = _bounds(params, state)
    rows.append(Check("L_1 = ELBO", float(bounds[0]), lower, 4 * float(errors[0]), error=float(errors[0])))
    top, top_error = float(bounds[-1]), float(errors[-1])
    rows.append(Check(f"L_{KS[-1]} ≤ log p(x)", top, evidence, 4 * top_error, "<=", top_error))
    return tuple(rows)


LAB = Lab(
    id="elbo",
    title="The ELBO and its gap",
    chapter="energy-models",
    section="8.3",
    lesson="elbo",
    summary="x is z² plus noise, so the posterior of z has two peaks. q climbs the ELBO; the gap is KL(q‖posterior).",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "fit",
            "q(z) and the exact posterior p(z|x)",
            series=(
                Series("posterior", "posterior", "z"),
                Series("q", "q", "z"),
                Series("prior", "prior", "z", "dashed"),
            ),
            x_label="z",
        ),
        Chart(
            "bound",
            "ELBO below log p(x), in nats",
            series=(
                Series("log p(x)", "evidence", "updates", "dashed"),
                Series("best Gaussian", "best", "updates", "dashed"),
                Series("ELBO", "elbo", "updates"),
            ),
            x_label="updates",
        ),
        Chart(
            "gap",
            "Gap: KL(q‖posterior), in nats",
            series=(Series("", "gap", "updates"),),
            x_label="updates",
        ),
        Chart(
            "tighter",
            "Tighter bounds: L_K from K draws of q",
            series=(Series("log p(x)", "evidence_line", "K", "dashed"), Series("L_K", "bounds", "K")),
            x_label="K",
            x_log=True,
        ),
        Chart(
            "spread",
            "Spread of one draw's ∂ELBO/∂μ",
            series=(
                Series("reparameterised", "spread_path", "updates"),
                Series("score function", "spread_score", "updates"),
            ),
            x_label="updates",
            y_log=True,
        ),
        Chart(
            "model",
            "The model p(z, x), and x as observed",
            series=(Series("E[x|z] = z²", "mean_x", "mean_z", "dashed"), Series("observed x", "observed", "mean_z")),
            x_label="z",
            backdrop="joint",
        ),
    ),
    prediction=Prediction(
        prompt=(
            "The posterior has two equal, narrow peaks, at ±1.37. The best Gaussian q sits on one of them. How far"
            " below log p(x) does its ELBO stay, in nats?"
        ),
        scalar="gap",
        low=0.0,
        high=10.0,
        chart="gap",
        unit="nats",
        why=(
            "Where q is, the posterior is about ½ q: half of its mass is on the other peak. So KL(q‖posterior) ≈"
            " E_q[log(q/½q)] = ln 2 = 0.693; the rest is that the peak is not quite a Gaussian."
        ),
    ),
    explain="em-lab-elbo",
    source=("kernels.elbo",),
)
