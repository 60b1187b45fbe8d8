"""A VAE learns a ring: what its bound says, what its samples do, and which latent dimensions it uses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import optimizers, vae

    Array = npt.NDArray[Any]

RADIUS, SD = 2.0, 0.1
OFF = 3 * SD
"""A sample farther from the ring than this is off it: 0.27 % of the data are."""
HIDDEN = 64
UPDATES = 5000
PER_STEP = 50
BATCH = 128
WARMUP = 100
FRESH = 4000
"""Samples, and fresh data, on which a frame is measured."""
SHOWN = 400
HELD = 192
"""Fresh points whose log p(x) is summed over a grid of z."""
REACH = 5.0
"""Of that grid, in standard deviations of the prior."""
SIDE = {1: 16_001, 2: 401}
"""Its points along each axis, by the number of latent dimensions."""
SCORING = 20
"""Steps in which the grid is walked."""
DRAWS = 64
"""Draws of z for each held-out point in each of these steps, for its ELBO: its tail is long, many are needed."""
LOST = 0.01
"""Share of some q that may lie outside the grid, or between its points, for the sums to be used."""
ACTIVE = 0.01
"""Mean KL in nats from which a latent dimension counts as used."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    latent: int = param(2, "dimensions of z; with 1 its chart shows the angle of x upwards", low=1, high=2)
    sigma: float = param(0.1, "the decoder's fixed standard deviation σ", low=0.05, high=2.0, scale="log", step=1.26)
    beta: float = param(1.0, "weight of the KL term", low=0.05, high=20.0, scale="log", step=1.26)
    lr: float = param(0.005, "learning rate of Adam at the start", low=1e-4, high=0.1, scale="log", live=True)
    noise: bool = param(True, "add the decoder's noise to samples; without it the mean g(z) is shown", live=True)


class Scores(NamedTuple):
    """Sums over the grid of z for the held-out points, as far as it has been walked."""

    x: Array
    """(HELD, 2)"""
    top: Array
    """(HELD,) largest log p(x, z) so far, and the sum of e^(log p(x, z) − top)."""
    total: Array
    q_gap: Array
    """(HELD,) sum of q (log q − log p(x, z))."""
    q_mass: Array
    """(HELD,) sum of q: over the whole grid it must come to 1, or the grid does not hold this q."""
    elbo: Array
    """(2, HELD) sum of the sampled ELBO and of its square."""
    rounds: int
    """Steps done of SCORING."""


class State(NamedTuple):
    """The VAE in training, then being scored."""

    adam: optimizers.State
    updates: int
    scores: Scores | None
    diverged: int
    rng: np.random.Generator


def _vae(params: Params) -> vae.VAE:
    from kernels import vae

    return vae.make(2, params.latent, HIDDEN, params.sigma)


def init(params: Params, rng: np.random.Generator) -> State:
    """Random networks."""
    import numpy as np

    from kernels import optimizers, vae

    return State(optimizers.init(vae.init(_vae(params), rng, np.float32)), 0, None, 0, rng)


def step(params: Params, state: State) -> State:
    """Fifty updates, each on fresh data; when they are over, a part of the grid."""
    import copy

    import numpy as np

    from kernels import optimizers, ring, vae

    rng = copy.deepcopy(state.rng)
    if state.updates >= UPDATES:
        return _score(params, state._replace(rng=rng))
    model = _vae(params)
    adam, updates = state.adam, state.updates
    for _ in range(PER_STEP):
        lr = params.lr * min(1.0, (updates + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * updates / UPDATES))
        x = ring.draw(RADIUS, SD, BATCH, rng).astype(np.float32)
        eps = rng.standard_normal((BATCH, params.latent), dtype=np.float32)
        with np.errstate(all="ignore"):
            loss, gradient = vae.loss(model, adam.w, x, eps, params.beta)
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            return state._replace(adam=adam, updates=updates, diverged=updates + 1, rng=rng)
        adam, updates = optimizers.adam(adam, gradient, lr), updates + 1
    return state._replace(adam=adam, updates=updates, rng=rng)


def _points(params: Params) -> int:
    return int(SIDE[params.latent] ** params.latent)


def _grid(params: Params, start: int, stop: int) -> Array:
    """Points start … stop of the grid of z, row by row."""
    import numpy as np

    side = SIDE[params.latent]
    at = np.arange(start, stop)
    axis = np.linspace(-REACH, REACH, side)
    return axis[at[:, None]] if params.latent == 1 else np.stack([axis[at // side], axis[at % side]], axis=1)


def _score(params: Params, state: State) -> State:
    """Walk over a part of the grid: log p(x) = log ∫ p(z) p(x|z) dz, and KL(q ‖ p(z|x)), for the held-out points."""
    import numpy as np

    from kernels import ring, vae

    model, theta = _vae(params), state.adam.w
    scores = state.scores
    if scores is None:
        x = ring.draw(RADIUS, SD, HELD, state.rng).astype(np.float32)
        empty = np.zeros(HELD)
        scores = Scores(x, np.full(HELD, -np.inf), empty, empty, empty, np.zeros((2, HELD)), 0)
    ends = [_points(params) * done // SCORING for done in (scores.rounds, scores.rounds + 1)]
    z = _grid(params, *ends).astype(np.float32)
    mean = np.concatenate([vae.decode(model, theta, part) for part in np.array_split(z, max(1, len(z) // 1000))])
    mu, log_var = vae.encode(model, theta, scores.x)
    with np.errstate(under="ignore"):
        # Written out axis by axis: the arrays (HELD, grid) stay in single precision and few.
        squares = (scores.x[:, :1] - mean[:, 0]) ** 2 + (scores.x[:, 1:] - mean[:, 1]) ** 2
        constant = -math.log(2 * math.pi * params.sigma**2) - 0.5 * params.latent * math.log(2 * math.pi)
        joint = squares * np.float32(-0.5 / params.sigma**2) + (-0.5 * (z**2).sum(axis=1) + np.float32(constant))
        log_q = np.zeros_like(joint)
        for j in range(params.latent):
            u = (z[:, j] - mu[:, j : j + 1]) * np.exp(-0.5 * log_var[:, j : j + 1])
            log_q -= 0.5 * u**2 + (0.5 * log_var[:, j : j + 1] + np.float32(0.5 * math.log(2 * math.pi)))
        top = np.maximum(scores.top, joint.max(axis=1))
        total = scores.total * np.exp(scores.top - top) + np.exp(joint - top[:, None].astype(np.float32)).sum(axis=1)
        q = np.exp(log_q)
        q_gap = scores.q_gap + (q * (log_q - joint)).sum(axis=1, dtype=np.float64)
        q_mass = scores.q_mass + q.sum(axis=1, dtype=np.float64)
    eps = state.rng.standard_normal((HELD * DRAWS, params.latent), dtype=np.float32)
    likelihood, kl = vae.elbo(model, theta, np.repeat(scores.x, DRAWS, axis=0), eps)
    each = (likelihood - kl.sum(axis=1)).astype(np.float64).reshape(HELD, DRAWS)
    elbo = scores.elbo + np.stack([each.sum(axis=1), (each**2).sum(axis=1)])
    return state._replace(scores=Scores(scores.x, top, total, q_gap, q_mass, elbo, scores.rounds + 1))


def total(params: Params, state: State) -> int:
    """Training, then the grid."""
    if state.diverged:
        return -(-state.diverged // PER_STEP)
    return UPDATES // PER_STEP + SCORING


def done(params: Params, state: State) -> bool:
    """Whether both are over, or training has failed."""
    return state.diverged > 0 or (state.scores is not None and state.scores.rounds >= SCORING)


def _evidence(params: Params, scores: Scores) -> tuple[Array, Array, float]:
    """(log p(x), KL(q ‖ p(z|x))) of the held-out points, from the finished sums, and how far from 1 ∫ q is at worst."""
    import numpy as np

    cell = (2 * REACH / (SIDE[params.latent] - 1)) ** params.latent
    log_p = scores.top + np.log(scores.total * cell)
    return log_p, scores.q_gap * cell + log_p, float(np.abs(scores.q_mass * cell - 1).max())


def _off(x: Array) -> float:
    """The share of points (n, 2) that are off the ring."""
    import numpy as np

    return float(np.mean(np.abs(np.hypot(x[:, 0], x[:, 1]) - RADIUS) > OFF))


def frame(params: Params, state: State) -> Frame:
    """Samples beside the ring, the latent plane, the bound under its ceiling, radius and angle."""
    import copy

    import numpy as np

    from kernels import gaussian, planar, ring, vae

    rng = copy.deepcopy(state.rng)
    model, theta = _vae(params), state.adam.w
    L = params.latent
    with np.errstate(all="ignore"):
        x = ring.draw(RADIUS, SD, FRESH, rng).astype(np.float32)
        likelihood, kl = vae.elbo(model, theta, x, rng.standard_normal((FRESH, L), dtype=np.float32))
        z = rng.standard_normal((FRESH, L), dtype=np.float32)
        samples = vae.decode(model, theta, z)
        if params.noise:
            samples = samples + np.float32(params.sigma) * rng.standard_normal(samples.shape, dtype=np.float32)
        r = np.hypot(samples[:, 0], samples[:, 1])
        # Of true samples, too: what chance leaves of each measure.
        measures = np.array([[*planar.ring_measures(each), _off(each)] for each in (x, samples)])
        mu, _ = vae.encode(model, theta, x[:SHOWN])
        plane = np.linspace(-3.0, 3.0, 41, dtype=np.float32)
        if L == 2:
            nodes = np.stack(np.meshgrid(plane, plane), axis=-1).reshape(-1, 2)
        else:
            nodes = np.linspace(-3.0, 3.0, 241, dtype=np.float32)[:, None]
        decoded = vae.decode(model, theta, nodes)
        away = np.abs(np.hypot(decoded[:, 0], decoded[:, 1]) - RADIUS)
        each = kl.mean(axis=0)
        bound = float(likelihood.mean() - each.sum())
    turn = np.linspace(0.0, 2 * math.pi, 121)
    angles = np.arctan2(samples[:, 1], samples[:, 0])
    edges = np.linspace(0.0, 3.0, 61)
    angle_edges = np.linspace(-math.pi, math.pi, 37)
    centre = 0.5 * (edges[1:] + edges[:-1])
    arrays = {
        "x1": samples[:SHOWN, 0],
        "x2": samples[:SHOWN, 1],
        "plane_extent": np.array([-3.2, 3.2, -3.2, 3.2]),
        "inner1": (RADIUS - OFF) * np.cos(turn),
        "inner2": (RADIUS - OFF) * np.sin(turn),
        "outer1": (RADIUS + OFF) * np.cos(turn),
        "outer2": (RADIUS + OFF) * np.sin(turn),
        "path1": decoded[:, 0] if L == 1 else np.empty(0),
        "path2": decoded[:, 1] if L == 1 else np.empty(0),
        "mu1": mu[:, 0],
        "mu2": mu[:, 1] if L == 2 else np.arctan2(x[:SHOWN, 1], x[:SHOWN, 0]),
        "away": np.clip(away.reshape(41, 41) if L == 2 else np.tile(away, (2, 1)), 0.0, 1.0),
        "away_extent": np.array([-3.0, 3.0, -3.0, 3.0] if L == 2 else [-3.0, 3.0, -3.2, 3.2]),
        "r": centre,
        "r_bars": np.histogram(r, edges)[0] / (FRESH * (edges[1] - edges[0])),
        "r_exact": gaussian.phi((centre - RADIUS) / SD) / SD,
        "angle": 0.5 * (angle_edges[1:] + angle_edges[:-1]),
        "angle_bars": np.histogram(angles, angle_edges)[0] / (FRESH * (angle_edges[1] - angle_edges[0])),
        "angle_exact": np.full(len(angle_edges) - 1, 1 / (2 * math.pi)),
        "measures": measures * [1, 1, 100],
    }
    ceiling = -ring.entropy(RADIUS, SD)
    scalars = {
        "updates": float(state.updates),
        "elbo": bound,
        "ceiling": ceiling,
        "kl1": float(each[0]),
        "kl2": float(each[1]) if L == 2 else math.nan,
        "active": float((each > ACTIVE).sum()),
        "off": float(measures[1, 2]),
        "off_exact": 0.0027,
        "radius": float(r.mean()),
        "w1": float(measures[1, 0]),
        "ks": float(measures[1, 1]),
    }
    note = (
        f"update {state.updates}: ELBO {bound:.2f}, at most {ceiling:.2f}; {scalars['off']:.1%} of the samples are off"
        f" the ring; {scalars['active']:.0f} of {L} latent dimensions in use"
    )
    if state.diverged:
        note = f"diverged at update {state.diverged}: lr = {params.lr:g} threw the networks out of what floats can hold"
    elif done(params, state) and state.scores is not None:
        log_p, gap, lost = _evidence(params, state.scores)
        loss = float((ring.log_density(RADIUS, SD, state.scores.x.astype(np.float64)) - log_p).mean())
        scalars |= {"model_kl": loss, "gap": float(gap.mean())}
        if lost < LOST:
            note = (
                f"ELBO {bound:.2f}, at most {ceiling:.2f}: short by KL(q‖posterior) {gap.mean():.2f} + KL(data‖model)"
                f" {loss:.2f} on {HELD} points; {scalars['off']:.1%} of the samples are off the ring"
            )
        price, variance = params.beta * params.sigma**2, ring.variance(RADIUS, SD)
        if scalars["active"] == 0 and price > variance:
            note = (
                f"collapsed: no dimension is worth its KL, for βσ² = {price:.2f} is above the data's variance"
                f" λ = {variance:.3f}"
            )
    return Frame(state.updates // PER_STEP, scalars, arrays, note)


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The bound under the entropy, its gap by two routes, KL(data‖model) ≥ 0, and which dimensions may be used."""
    import numpy as np

    from kernels import ring

    if not done(params, state) or state.diverged or state.scores is None:
        return ()
    scores = state.scores
    log_p, gap, lost = _evidence(params, scores)
    n = DRAWS * SCORING
    each = scores.elbo[0] / n
    spread = np.maximum(0.0, scores.elbo[1] / n - each**2)
    # For each point the ELBO is a mean over draws; the points themselves are the same on both sides.
    error = math.sqrt(float(np.sum(spread / n))) / HELD
    bound = float(each.mean())
    rows = []
    if lost < LOST:
        name = "log p(x) − ELBO = KL(q‖posterior)"
        rows.append(Check(name, float(log_p.mean()) - bound, float(gap.mean()), 4 * error + 0.002, error=error))
    truth = ring.log_density(RADIUS, SD, scores.x.astype(np.float64))
    for name, values in (("KL(data‖model)", truth - log_p), ("−H − ELBO", truth - each)):
        error = float(values.std(ddof=1)) / math.sqrt(HELD)
        rows.append(Check(name, float(values.mean()), 0.0, 4 * error, ">=", error))
    ratio = ring.variance(RADIUS, SD) / (params.beta * params.sigma**2)
    active = frame(params, state).scalars["active"]
    if ratio > 1.5:
        rows.append(Check("latent dimensions in use: λ > βσ²", active, 1.0, 0.0, ">="))
    elif ratio < 0.9:
        rows.append(Check("latent dimensions in use: λ < βσ²", active, 0.0, 0.0))
    return tuple(rows)


LAB = Lab(
    id="ring-vae",
    title="A VAE on a ring",
    chapter="energy-models",
    section="8.2",
    lesson="vae",
    summary="A ring of radius 2 and width 0.1, a VAE with one or two latent dimensions, and a ceiling for its ELBO.",
    params=Params,
    init=init,
    step=step,
    done=done,
    total=total,
    frame=frame,
    checks=checks,
    charts=(
        Chart(
            "samples",
            "Samples of the VAE and the ring (3 sd)",
            series=(
                Series("samples", "x2", "x1", "points"),
                Series("ring, inner edge", "inner2", "inner1", "dashed"),
                Series("outer edge", "outer2", "outer1", "dashed"),
                Series("g(z) of one z in ±3", "path2", "path1"),
            ),
            backdrop="plane",
        ),
        Chart(
            "latent",
            "Latent space: bright = decoded off ring",
            series=(Series("encoder means μ(x)", "mu2", "mu1", "points"),),
            x_label="z₁",
            backdrop="away",
            image_range=(0.0, 1.0),
        ),
        Chart(
            "elbo",
            "ELBO and its ceiling −H, in nats",
            series=(Series("−H of the ring", "ceiling", "updates", "dashed"), Series("ELBO", "elbo", "updates")),
            x_label="updates",
            y_range=(-8.0, 0.0),
        ),
        Chart(
            "off",
            "Share of samples off the ring",
            series=(Series("data", "off_exact", "updates", "dashed"), Series("VAE", "off", "updates")),
            x_label="updates",
            y_range=(0.0, 1.0),
        ),
        Chart(
            "radius",
            "Radius of samples, and the ring's law",
            series=(Series("samples", "r_bars", "r", "bars"), Series("exact", "r_exact", "r")),
            x_label="r",
        ),
        Chart(
            "angle",
            "Angle of samples, and the uniform law",
            series=(Series("samples", "angle_bars", "angle", "bars"), Series("uniform", "angle_exact", "angle")),
            x_label="angle",
        ),
        Chart(
            "kl",
            "KL of each latent dimension, in nats",
            series=(Series("z₁", "kl1", "updates"), Series("z₂", "kl2", "updates")),
            x_label="updates",
        ),
        Chart(
            "measures",
            f"{FRESH:,} samples, and as many true ones",
            kind="table",
            images=(("radius: W₁ from its law; angle: √n·KS from uniform, 0.1 % above 1.95", "measures"),),
            rows=("true data", "VAE"),
            columns=("radius", "angle", "off %"),
        ),
    ),
    prediction=Prediction(
        prompt=(
            "0.27 % of the data are more than 0.3 away from the ring. After training, what share of the VAE's samples"
            " is? (0 to 1)"
        ),
        scalar="off",
        low=0.0,
        high=1.0,
        chart="off",
        why=(
            "Neighbours get neighbouring codes: the codes form a loop that is decoded once around the ring. The decoder"
            " is continuous too: inside the loop it must leave the ring, and the prior draws z there as well."
        ),
    ),
    explain="em-lab-ring-vae",
    source=("kernels.vae", "kernels.ring", "kernels.mlp"),
)
