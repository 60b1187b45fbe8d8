"""Rate against distortion: a linear β-VAE on the exact Gaussian curve, and a neural one that may go below it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import linear_vae, optimizers, vae

    Array = npt.NDArray[Any]
    """float32 for the network and its data, float64 elsewhere."""

STAGES = 5
"""Values of β on the way: β/16, β/8 … β. The networks are trained on from one to the next."""
PER_STAGE = 40
LINEAR, NEURAL = 100, 20
"""Optimiser steps of the two models in a step of the lab."""
LINEAR_LR, NEURAL_LR = 0.02, 0.003
BATCH, HIDDEN = 128, 128
HELD = 360
"""Images that neither model sees."""
SHOWN = 6
ACTIVE = 0.01
"""KL in nats beyond which a latent counts as used."""
DRAWS = 50
"""Draws of z an image for the Monte Carlo KL."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    beta: float = param(4.0, "weight of the KL; trained at β/16, β/8 … β", low=0.25, high=32.0, scale="log")
    sd: float = param(0.15, "standard deviation σ of the decoder", low=0.05, high=0.5, step=0.05)
    latents: int = param(16, "latent dimensions k", low=1, high=32)
    source: str = param(
        "digits", "digits, or Gaussian noise with the mean and covariance of digits", choices=("digits", "gaussian")
    )


class Data(NamedTuple):
    """The data and what is known about them; centred by the mean of the training part."""

    X: Array
    """(n, 64) training part, float32."""
    held: Array
    """(HELD, 64)"""
    mean: Array
    C: Array
    """Covariance of the training part: all that the linear model can see."""
    lam: Array
    """Its eigenvalues, largest first."""
    eps: Array
    """(HELD, k) noise with which the held-out part is measured, always the same."""
    prior: Array
    """(SHOWN, k) draws of the prior."""


class State(NamedTuple):
    """Both models, and what they reached at each β."""

    data: Data
    linear: optimizers.State
    neural: optimizers.State
    linear_at: Array
    """(STAGES, 4) rate, distortion, ELBO, log-likelihood of the linear model at the end of each stage; NaN: to come."""
    neural_at: Array
    """(STAGES, 2) rate and distortion of the neural model, on the held-out part."""
    used: Array
    """(STAGES, 2) latents in use: linear, neural."""
    steps: int
    rng: np.random.Generator


def _net(params: Params) -> vae.VAE:
    """One hidden layer in each network."""
    from kernels import mlp, vae

    k = params.latents
    return vae.VAE(mlp.Net((64, HIDDEN, 2 * k), "silu"), mlp.Net((k, HIDDEN, 64), "silu"), params.sd)


def init(params: Params, rng: np.random.Generator) -> State:
    """Split the digits, or draw their Gaussian twins; random weights."""
    import numpy as np

    from kernels import datasets, linear_vae, mlp, optimizers

    X = rng.permutation(datasets.load_digits().flat)
    if params.source == "gaussian":
        lam, U = np.linalg.eigh(np.cov(X.T, bias=True))
        X = X.mean(axis=0) + rng.standard_normal(X.shape) @ (U * np.sqrt(np.maximum(lam, 0.0))).T
    mean = X[HELD:].mean(axis=0)
    X = X - mean
    C = X[HELD:].T @ X[HELD:] / len(X[HELD:])
    lam = np.maximum(np.linalg.eigvalsh(C)[::-1], 0.0)
    k = params.latents
    eps = rng.standard_normal((HELD, k)).astype(np.float32)
    data = Data(
        X[HELD:].astype(np.float32), X[:HELD].astype(np.float32), mean, C, lam, eps, rng.standard_normal((SHOWN, k))
    )
    net = _net(params)
    # The decoder's last layer starts small, so that what it makes starts near the mean.
    theta = [mlp.init(net.encoder, rng, np.float32), mlp.init(net.decoder, rng, np.float32, last=0.1)]
    neural = optimizers.init(np.concatenate(theta))
    return State(
        data,
        optimizers.init(linear_vae.init(64, k, rng)),
        neural,
        np.full((STAGES, 4), np.nan),
        np.full((STAGES, 2), np.nan),
        np.full((STAGES, 2), np.nan),
        0,
        rng,
    )


def _betas(params: Params) -> list[float]:
    return [params.beta * 2.0 ** (at + 1 - STAGES) for at in range(STAGES)]


def _beta(params: Params, steps: int) -> float:
    """The weight with which a step trains."""
    return _betas(params)[min(steps // PER_STAGE, STAGES - 1)]


def step(params: Params, state: State) -> State:
    """Some steps of Adam for both models, at this stage's β; at its end, note what they reached."""
    import copy

    import numpy as np

    from kernels import linear_vae, optimizers, vae

    data, k = state.data, params.latents
    beta, within = _beta(params, state.steps), state.steps % PER_STAGE
    linear, neural = state.linear, state.neural
    if within == 0:
        # A new objective: Adam starts afresh, from the weights as they are.
        linear, neural = optimizers.init(linear.w), optimizers.init(neural.w)
    for i in range(LINEAR):
        _, g = linear_vae.gradient(linear.w, data.C, beta, params.sd)
        linear = optimizers.adam(linear, g, LINEAR_LR * _cosine(within + i / LINEAR))
    rng = copy.deepcopy(state.rng)
    net = _net(params)
    for i in range(NEURAL):
        x = data.X[rng.integers(0, len(data.X), BATCH)]
        eps = rng.standard_normal((BATCH, k), dtype=np.float32)
        _, g = vae.loss(net, neural.w, x, eps, beta)
        neural = optimizers.adam(neural, g, NEURAL_LR * _cosine(within + i / NEURAL))
    state = state._replace(linear=linear, neural=neural, steps=state.steps + 1, rng=rng)
    return _noted(params, state) if within == PER_STAGE - 1 else state


def _cosine(within: float) -> float:
    """Share of the learning rate at this point of a stage: 1 down to 0."""
    return 0.5 * (1 + math.cos(math.pi * within / PER_STAGE))


def _noted(params: Params, state: State) -> State:
    from kernels import linear_vae

    at = state.steps // PER_STAGE - 1
    linear, neural = _measured(params, state)
    linear_at, neural_at, used = state.linear_at.copy(), state.neural_at.copy(), state.used.copy()
    linear_at[at] = (
        linear.kl.sum(),
        linear.distortion,
        linear_vae.elbo(linear, 64, params.sd),
        linear_vae.log_likelihood(state.linear.w, state.data.C, params.sd),
    )
    neural_at[at] = neural.kl.sum(), neural.distortion
    used[at] = (linear.kl > ACTIVE).sum(), (neural.kl > ACTIVE).sum()
    return state._replace(linear_at=linear_at, neural_at=neural_at, used=used)


def _measured(params: Params, state: State) -> tuple[linear_vae.Terms, linear_vae.Terms]:
    """The linear model on its covariance, exactly; the neural one on the held-out part, with fixed noise."""
    from kernels import linear_vae

    linear, _ = linear_vae.gradient(state.linear.w, state.data.C, 1.0, params.sd)
    squares, kl = _held_out(params, state)
    return linear, linear_vae.Terms(float(squares.mean()), kl.mean(axis=0))


def _held_out(params: Params, state: State) -> tuple[Array, Array]:
    """‖x − g(z)‖² (n,) and the KL of each latent (n, k) of the neural model on the images that it has not seen."""
    import numpy as np

    from kernels import vae

    data, net = state.data, _net(params)
    mu, log_var = vae.encode(net, state.neural.w, data.held)
    off = vae.decode(net, state.neural.w, mu + np.exp(0.5 * log_var) * data.eps) - data.held
    return np.sum(off * off, axis=1), vae.kl(mu, log_var)


def done(params: Params, state: State) -> bool:
    """Whether all stages are trained."""
    return state.steps >= STAGES * PER_STAGE


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STAGES * PER_STAGE


def frame(params: Params, state: State) -> Frame:
    """The curve with both models' points, the latents, the water level, and digits before and after."""
    import numpy as np

    from kernels import linear_vae, rate_distortion

    data, k = state.data, params.latents
    # At the end of a stage the models still are what its β made them.
    beta = _beta(params, max(state.steps - 1, 0))
    theta = beta * params.sd**2
    linear, neural = _measured(params, state)
    best = rate_distortion.water_fill(data.lam, theta, k)
    floor = best.distortion / (2 * params.sd**2) + beta * best.rate
    predicted = rate_distortion.rates(data.lam, theta, k)[:k]
    on = data.lam > theta
    on[k:] = False
    betas = np.array(_betas(params))
    levels = np.geomspace(betas[0] * params.sd**2, max(data.lam[0], 2 * betas[0] * params.sd**2), 120)
    free = np.array([rate_distortion.water_fill(data.lam, level) for level in levels])
    bound = np.array([rate_distortion.water_fill(data.lam, level, k) for level in levels])
    # As far as k latents can follow.
    free = free[free[:, 0] <= 1.1 * bound[0, 0]]
    weights = np.geomspace(betas[0], betas[-1], 80)
    index = np.arange(1, 65)
    reached = np.isfinite(state.used[:, 0])
    arrays: dict[str, Any] = {
        "curve_rate": free[:, 0],
        "curve": free[:, 1],
        "bound_rate": bound[:, 0],
        "bound": bound[:, 1],
        "linear_rate": np.append(state.linear_at[reached, 0], linear.kl.sum()),
        "linear": np.append(state.linear_at[reached, 1], linear.distortion),
        "neural_rate": np.append(state.neural_at[reached, 0], neural.kl.sum()),
        "neural": np.append(state.neural_at[reached, 1], neural.distortion),
        "latent": np.arange(1, k + 1),
        "kl_exact": predicted,
        "kl_linear": np.sort(linear.kl)[::-1],
        "kl_neural": np.sort(neural.kl)[::-1],
        "on_index": index[on],
        "on": data.lam[on],
        "off_index": index[~on & (data.lam > 1e-6)],
        "off": data.lam[~on & (data.lam > 1e-6)],
        "level_index": np.array([0.0, 64.0]),
        "level": np.array([theta, theta]),
        "weights": weights,
        "used_exact": np.array(
            [np.sum(rate_distortion.rates(data.lam, float(w) * params.sd**2, k) > ACTIVE) for w in weights]
        ),
        "betas": betas[reached],
        "used_linear": state.used[reached, 0],
        "used_neural": state.used[reached, 1],
        "elbo": state.linear_at[reached, 2],
        "log_p": state.linear_at[reached, 3],
    }
    arrays |= _pictures(params, state)
    scalars = {
        "linear_excess": linear_vae.loss(linear, beta, params.sd) - floor,
        "neural_excess": neural.distortion / (2 * params.sd**2) + beta * float(neural.kl.sum()) - floor,
        "zero": 0.0,
        "linear_used": float(np.sum(linear.kl > ACTIVE)),
        "neural_used": float(np.sum(neural.kl > ACTIVE)),
        "rate": float(neural.kl.sum()),
        "gaussian_rate": rate_distortion.rate(data.lam, neural.distortion),
    }
    return Frame(state.steps, scalars, arrays, _note(params, state, beta, scalars, predicted))


def _pictures(params: Params, state: State) -> dict[str, Array]:
    """Held-out digits, what both models make of their mean code, and the neural decoder's of draws of the prior."""
    import numpy as np

    from kernels import linear_vae, vae

    data, net = state.data, _net(params)
    x = data.held[:SHOWN]
    W, V, _ = linear_vae.parts(state.linear.w, 64)
    mu, _ = vae.encode(net, state.neural.w, x)
    rows = {
        "original": x,
        "from_linear": x @ V.T @ W.T,
        "from_neural": vae.decode(net, state.neural.w, mu),
        "sample_neural": vae.decode(net, state.neural.w, data.prior.astype(np.float32)),
    }
    return {name: np.asarray(data.mean + row, dtype=np.float64).reshape(-1, 8, 8) for name, row in rows.items()}


def _note(params: Params, state: State, beta: float, scalars: dict[str, float], predicted: Array) -> str:
    import numpy as np

    count, k = int(np.sum(predicted > ACTIVE)), params.latents
    if not state.steps:
        return f"first β = {beta:.3g}, then twice as much, and so on: latents that do not pay for their KL collapse"
    return (
        f"β = {beta:.3g}: {count} of {k} latents pay, the linear VAE uses {scalars['linear_used']:.0f}, the neural one"
        f" {scalars['neural_used']:.0f}. Neural: {scalars['rate']:.2f} nats; a Gaussian needs"
        f" {scalars['gaussian_rate']:.2f} at its distortion"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The linear model against its exact optimum and the curve; the closed-form KL against Monte Carlo."""
    import copy

    import numpy as np

    from kernels import linear_vae, rate_distortion, vae

    if not done(params, state):
        return ()
    data, k, theta = state.data, params.latents, params.beta * params.sd**2
    linear, _ = _measured(params, state)
    best = rate_distortion.water_fill(data.lam, theta, k)
    floor = best.distortion / (2 * params.sd**2) + params.beta * best.rate
    used = np.sum(rate_distortion.rates(data.lam, theta, k) > ACTIVE)
    above = min(
        row[0] - rate_distortion.rate(data.lam, float(row[1]))
        for row in (*state.linear_at[:, :2], (linear.kl.sum(), linear.distortion))
    )
    rows = [
        Check("linear: loss, nats", linear_vae.loss(linear, params.beta, params.sd), floor, 1e-3),
        Check("linear: rate, nats", float(linear.kl.sum()), best.rate, 1e-2),
        Check("linear: latents in use", float(np.sum(linear.kl > ACTIVE)), float(used), 0.0),
        # Exact for every encoder and decoder of Gaussian data, trained or not.
        Check("linear: rate above R(D), least", float(above), 0.0, 1e-9, ">="),
    ]
    one = [at for at, beta in enumerate(_betas(params)) if abs(beta - 1) < 1e-9]
    if one:
        gap = state.linear_at[one[0], 3] - state.linear_at[one[0], 2]
        rows.append(Check("linear, β = 1: log p − ELBO", float(gap), 0.0, 1e-3))
    # The closed-form KL of the neural encoder against the mean of log q(z|x) − log p(z), images being fixed.
    mu, log_var = (a.astype(np.float64) for a in vae.encode(_net(params), state.neural.w, data.held))
    eps = copy.deepcopy(state.rng).standard_normal((DRAWS, *mu.shape))
    z = mu + np.exp(0.5 * log_var) * eps
    ratio = 0.5 * np.sum(z**2 - eps**2 - log_var, axis=2)
    exact = float(vae.kl(mu, log_var).sum(axis=1).mean())
    error = math.sqrt(float(ratio.var(axis=0, ddof=1).sum()) / DRAWS) / HELD
    rows.append(Check("neural: KL by Monte Carlo", float(ratio.mean()), exact, 4.5 * error, error=error))
    if params.source == "gaussian":
        # Here the curve binds the neural model too: its loss on new data is above the minimum for the true covariance.
        rows.append(_bound(params, state, floor))
    return tuple(rows)


def _bound(params: Params, state: State, floor: float) -> Check:
    squares, kl = _held_out(params, state)
    each = squares / (2 * params.sd**2) + params.beta * kl.sum(axis=1)
    # The minimum is taken at the covariance of 1,437 draws, so that it scatters too: by half as much as 360 draws.
    error = float(each.std(ddof=1)) * math.sqrt(1 / HELD + 1 / len(state.data.X))
    return Check("neural: loss on new data", float(each.mean()), floor, 4.5 * error, ">=", error)


LAB = Lab(
    id="beta-vae",
    title="β-VAE: rate against distortion",
    chapter="information-theory",
    section="6.3",
    lesson="rate-distortion",
    summary=(
        "A linear and a neural VAE learn 8×8 digits while β doubles four times. Each β buys a rate (KL) and a"
        " distortion (squared error); what a Gaussian needs at least is known exactly."
    ),
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "curve",
            "Distortion by rate, and the exact R(D)",
            series=(
                Series("R(D) of a Gaussian", "curve", "curve_rate", "dashed"),
                Series("exact, k latents", "bound", "bound_rate"),
                Series("linear VAE", "linear", "linear_rate", "points"),
                Series("neural VAE, new data", "neural", "neural_rate", "points"),
            ),
            x_label="rate: KL in nats",
            y_range=(0.0, 5.0),
        ),
        Chart(
            "pictures",
            "Held-out digits, rebuilt",
            kind="image",
            images=(
                ("held out", "original"),
                ("linear VAE", "from_linear"),
                ("neural VAE", "from_neural"),
                ("samples of the neural VAE", "sample_neural"),
            ),
            image_range=(0.0, 1.0),
        ),
        Chart(
            "latents",
            "KL of each latent, sorted (nats)",
            series=(
                Series("½ ln(λ/βσ²)", "kl_exact", "latent", "dashed"),
                Series("linear", "kl_linear", "latent", "points"),
                Series("neural", "kl_neural", "latent", "points"),
            ),
            x_label="latent",
        ),
        Chart(
            "water",
            "Variances λᵢ and the level β σ²",
            series=(
                Series("coded", "on", "on_index", "points"),
                Series("dropped", "off", "off_index", "points"),
                Series("level β σ²", "level", "level_index", "dashed"),
            ),
            x_label="direction i",
            y_range=(1e-4, 1.0),
            y_log=True,
        ),
        Chart(
            "used",
            "Latents in use (KL > 0.01 nats)",
            series=(
                Series("exact", "used_exact", "weights", "dashed"),
                Series("linear", "used_linear", "betas", "points"),
                Series("neural", "used_neural", "betas", "points"),
            ),
            x_label="β",
            x_log=True,
        ),
        Chart(
            "loss",
            "Loss less the linear minimum (nats)",
            series=(
                Series("exact", "zero", style="dashed"),
                Series("linear", "linear_excess"),
                Series("neural, new data", "neural_excess"),
            ),
            x_label="step",
            y_range=(-15.0, 15.0),
        ),
        Chart(
            "bound",
            "Linear VAE: ELBO and log p(x), by β",
            series=(Series("log p(x)", "log_p", "betas", "points"), Series("ELBO", "elbo", "betas", "points")),
            x_label="β",
            x_log=True,
            y_label="nats",
        ),
    ),
    prediction=Prediction(
        prompt=(
            "The covariance of the digits has the eigenvalues .70 .64 .55 .39 .27 .23 .20 .17 .16 .14 .11 .107 .087"
            " .084 .07 … The decoder has σ = 0.15, β is 4. How many of its 16 latents will the linear VAE use?"
        ),
        scalar="linear_used",
        low=0.0,
        high=16.0,
        chart="used",
        why=(
            "A latent costs β nats of KL and saves squared error over 2σ². It is worth it for λ > β σ² = 0.09: twelve"
            " directions. The thirteenth has λ = 0.087 and collapses, by design and not by bad training."
        ),
    ),
    explain="it-lab-beta-vae",
    source=("kernels.vae", "kernels.linear_vae", "kernels.rate_distortion"),
)
