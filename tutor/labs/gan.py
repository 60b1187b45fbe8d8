"""A GAN on nine modes or a ring: a critic held against p/(p+q), then the game, then the critic as judge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import gan, optimizers, planar

    Array = npt.NDArray[np.floating[Any]]

LATENT = 2
HIDDEN = (64, 64, 64)
BATCH = 128
PER_STEP = 12
LAZY = 4
"""The penalty, which costs more than the rest, is taken in every fourth update, four times as strong."""
ALONE = 600
"""Updates of a critic that has a fixed opponent: before the game, and as the judge after it."""
CRITIC_PER_STEP = 25
CRITIC_LR = 0.008
WARM = 200
EMA = 0.02
"""The average of the generator's weights forgets half within this share of the run."""
POINTS = 4000
WATCHED = 1000
SHOWN = 400
FLOORS = 6
FOUND = 0.1
"""A mode is found when it has this part of its due share."""
SIDE = 41


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    source: str = param("grid", "nine Gaussians, or a ring", choices=("grid", "ring"))
    loss: str = param(
        "relativistic", "what generator and critic go down", choices=("relativistic", "non-saturating", "minimax")
    )
    gamma: float = param(0.1, "weight γ of the penalty on the critic's slope", low=0.0, high=1.0, step=0.05, live=True)
    lr: float = param(0.003, "learning rate at its highest", low=1e-4, high=0.05, scale="log")
    updates: int = param(3000, "updates of both networks", low=100, high=20_000, scale="log")


class Critic(NamedTuple):
    """A critic in training against an opponent that stays as it is."""

    adam: optimizers.State
    updates: int
    value: float
    """V on fresh points when trained, its standard error, and the r.m.s. of σ(D) − σ(D*) where D* is known."""
    error: float
    off: float


class State(NamedTuple):
    """A critic alone, the game, a judge."""

    alone: Critic
    generator: optimizers.State
    mean: Array
    """Averaged weights of the generator: those that samples are made with."""
    critic: optimizers.State
    updates: int
    diverged: int
    judge: Critic | None
    measures: planar.Measures | None
    floors: tuple[planar.Measures, ...]
    watched: tuple[float, float, float]
    """On a few samples after the last step: V of the critic in the game, modes found, share off."""
    steps: int
    rng: np.random.Generator


def _name(params: Params) -> planar.Name:
    return "ring" if params.source == "ring" else "grid"


def _loss(params: Params) -> gan.Loss:
    match params.loss:
        case "minimax":
            return "minimax"
        case "non-saturating":
            return "non-saturating"
        case _:
            return "relativistic"


@cache
def _gan(name: planar.Name) -> gan.GAN:
    from kernels import gan, planar

    return gan.make(LATENT, HIDDEN, math.sqrt(planar.variance(name)))


def _critic(theta: Array) -> Critic:
    from kernels import optimizers

    return Critic(optimizers.init(theta), 0, math.nan, math.nan, math.nan)


def init(params: Params, rng: np.random.Generator) -> State:
    """Random networks."""
    import numpy as np

    from kernels import mlp, optimizers

    name = _name(params)
    m = _gan(name)
    alone, critic = (mlp.init(m.critic, rng, np.float32) for _ in range(2))
    generator = mlp.init(m.generator, rng, np.float32)
    return State(
        _critic(alone),
        optimizers.init(generator),
        generator,
        optimizers.init(critic),
        0,
        0,
        None,
        None,
        (),
        (math.nan, math.nan, math.nan),
        0,
        rng,
    )


def step(params: Params, state: State) -> State:
    """Updates of the critic alone, of both, or of the judge; then what is measured once."""
    import copy

    from kernels import planar

    state = state._replace(steps=state.steps + 1, rng=copy.deepcopy(state.rng))
    name = _name(params)
    if state.alone.updates < ALONE:
        return state._replace(alone=_oppose(name, state.alone, None, state.rng))
    if state.updates < params.updates:
        return _play(params, state)
    # It begins as the critic of the game: a new one would have to find out first where the data are.
    judge = state.judge or _critic(state.critic.w)
    if judge.updates < ALONE:
        return state._replace(judge=_oppose(name, judge, state.mean, state.rng))
    if state.measures is None:
        return state._replace(measures=planar.measure(name, _made(name, state.mean, POINTS, state.rng)))
    return state._replace(floors=(*state.floors, *planar.floor(name, POINTS, 1, state.rng)))


def _made(name: planar.Name, theta: Array, n: int, rng: np.random.Generator) -> Array:
    """n samples of a generator."""
    import numpy as np

    from kernels import gan

    z = rng.standard_normal((n, LATENT), dtype=np.float32)
    with np.errstate(all="ignore"):
        parts = [gan.generate(_gan(name), theta, part) for part in np.array_split(z, max(1, n // 1000))]
    return np.concatenate(parts).astype(np.float64)


def _opponent(name: planar.Name, theta: Array | None, n: int, rng: np.random.Generator) -> Array:
    """Points of a generator, or of a Gaussian with the data's variance, whose law is known."""
    return _made(name, theta, n, rng) if theta is not None else _gan(name).data_sd * rng.standard_normal((n, 2))


def _oppose(name: planar.Name, critic: Critic, theta: Array | None, rng: np.random.Generator) -> Critic:
    """Updates against data and a fixed opponent; after the last one, V on fresh points."""
    import numpy as np

    from kernels import gan, mlp, optimizers, planar

    m, adam, k = _gan(name), critic.adam, critic.updates
    while k < min(critic.updates + CRITIC_PER_STEP, ALONE):
        real = planar.draw(name, 2 * BATCH, rng).astype(np.float32)
        fake = _opponent(name, theta, 2 * BATCH, rng).astype(np.float32)
        _, gradient = gan.critic_gradient(m, adam.w, real, fake, "non-saturating")
        rate = CRITIC_LR * min(1.0, (k + 1) / 50) * 0.5 * (1 + math.cos(math.pi * k / ALONE))
        adam, k = optimizers.adam(adam, gradient, rate, beta2=0.99), k + 1
    if k < ALONE:
        return critic._replace(adam=adam, updates=k)
    x = [planar.draw(name, 2 * POINTS, rng), _opponent(name, theta, 2 * POINTS, rng)]
    real, fake = (_logits(name, adam.w, each) for each in x)
    each = [-gan.softplus(-real), -gan.softplus(fake)]
    error = math.sqrt(sum(float(part.var()) / len(part) for part in each))
    off = math.nan
    if theta is None:
        gaps = [mlp.sigmoid(_logits(name, adam.w, part)) - mlp.sigmoid(_best(name, part)) for part in x]
        off = float(np.sqrt(np.mean(np.concatenate(gaps) ** 2)))
    return Critic(adam, k, gan.value(real, fake), error, off)


def _logits(name: planar.Name, theta: Array, x: Array) -> Array:
    import numpy as np

    from kernels import gan

    parts = np.array_split(x.astype(np.float32), max(1, len(x) // 1000))
    with np.errstate(all="ignore"):
        return np.concatenate([gan.logits(_gan(name), theta, part) for part in parts]).astype(np.float64)


def _best(name: planar.Name, x: Array) -> Array:
    """D* = log p − log q for the Gaussian opponent."""
    import numpy as np

    from kernels import planar

    d = _gan(name).data_sd
    log_q = -0.5 * np.sum((x / d) ** 2, axis=1) - math.log(2 * math.pi * d * d)
    return np.asarray(planar.log_density(name, x) - log_q)


def _play(params: Params, state: State) -> State:
    import numpy as np

    from kernels import gan, optimizers, planar

    name, loss, rng = _name(params), _loss(params), state.rng
    m, G, D, mean = _gan(name), state.generator, state.critic, state.mean.copy()
    last = min(state.updates + PER_STEP, params.updates)
    warm = min(WARM, params.updates // 4)
    for k in range(state.updates, last):
        rate = params.lr * min(1.0, (k + 1) / warm) * 0.5 * (1 + math.cos(math.pi * k / params.updates))
        with np.errstate(all="ignore"):
            real = planar.draw(name, BATCH, rng).astype(np.float32)
            z = rng.standard_normal((BATCH, LATENT), dtype=np.float32)
            fake = gan.generate(m, G.w, z)
            gamma = 0.0 if k % LAZY else LAZY * params.gamma
            cost, gradient = gan.critic_gradient(m, D.w, real, fake, loss, gamma)
            # Without momentum: in a game it makes the two overshoot each other.
            D = optimizers.adam(D, gradient, rate, beta1=0.0, beta2=0.99)
            real = planar.draw(name, BATCH, rng).astype(np.float32)
            z = rng.standard_normal((BATCH, LATENT), dtype=np.float32)
            cost_g, gradient = gan.generator_gradient(m, (G.w, D.w), z, real, loss)
            G = optimizers.adam(G, gradient, rate, beta1=0.0, beta2=0.99)
        if not (math.isfinite(cost) and math.isfinite(cost_g) and np.isfinite(G.w).all()):
            return state._replace(diverged=k + 1)
        share = min(0.5 ** (1 / (EMA * params.updates)), k / (9 + k))
        mean += np.float32(1 - share) * (G.w - mean)
    state = state._replace(generator=G, critic=D, mean=mean, updates=last)
    x = _made(name, mean, WATCHED, rng)
    measures = planar.measure(name, x)
    real, fake = gan.centred(_logits(name, D.w, planar.draw(name, WATCHED, rng)), _logits(name, D.w, x))
    return state._replace(watched=(gan.value(real, fake), _found(measures), measures.off))


def _found(measures: planar.Measures) -> float:
    return float((measures.shares > FOUND / 9).sum())


def _left(params: Params, state: State) -> int:
    if state.diverged:
        return 0
    left = -(-(ALONE - state.alone.updates) // CRITIC_PER_STEP) + -(-(params.updates - state.updates) // PER_STEP)
    left += -(-(ALONE - (state.judge.updates if state.judge else 0)) // CRITIC_PER_STEP)
    return left + (state.measures is None) + FLOORS - len(state.floors)


def done(params: Params, state: State) -> bool:
    """Whether game and judge are over, or the game has failed."""
    return _left(params, state) == 0


def total(params: Params, state: State) -> int:
    """Steps taken and to come."""
    return state.steps + _left(params, state)


@cache
def _places(reach: float) -> Array:
    import numpy as np

    x, y = np.meshgrid(np.linspace(-reach, reach, SIDE), np.linspace(-reach, reach, SIDE))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def frame(params: Params, state: State) -> Frame:
    """Samples over the exact density, what the critic thinks, and how the game stands."""
    import copy

    import numpy as np

    from kernels import mlp, planar

    name = _name(params)
    reach = 8.5 if name == "grid" else 3.2
    places = _places(reach)
    x = _made(name, state.mean, SHOWN, copy.deepcopy(state.rng))
    logs = planar.log_density(name, places).reshape(SIDE, SIDE) / math.log(10)
    critic = state.alone.adam.w if state.updates == 0 else state.critic.w
    if state.judge is not None:
        critic = state.judge.adam.w
    opinion = _logits(name, critic, places)
    if params.loss == "relativistic" and state.updates and state.judge is None:
        opinion = opinion - np.median(_logits(name, critic, x))
    best = mlp.sigmoid(_best(name, places)).reshape(SIDE, SIDE)
    error = math.sqrt(8 / 81 / POINTS)
    arrays: dict[str, Any] = {
        "x": x[:, 0],
        "y": x[:, 1],
        "density": logs - logs.max(),
        "density_extent": np.array([-reach, reach, -reach, reach]),
        "opinion": mlp.sigmoid(opinion).reshape(SIDE, SIDE),
        "opinion_extent": np.array([-reach, reach, -reach, reach]),
        "alone": np.stack(
            [mlp.sigmoid(_logits(name, state.alone.adam.w, places)).reshape(SIDE, SIDE)[::-1], best[::-1]]
        ),
        "part": np.arange(1, 10),
        "shares": state.measures.shares if state.measures else np.empty(0),
        "share_low": np.full(9, 1 / 9 - 4 * error),
        "share_high": np.full(9, 1 / 9 + 4 * error),
    }
    value, found, off = state.watched
    scalars = {
        "updates": float(state.updates),
        "value": value,
        "equilibrium": -math.log(4),
        "found": found,
        "off": off,
        "off_exact": planar.off_exact(name),
    }
    if state.measures is not None:
        scalars |= {"sw1": state.measures.sw1, "off_end": state.measures.off, "least": state.measures.least}
        scalars["found_end"] = _found(state.measures)
    if state.floors:
        scalars["sw1_floor"] = float(np.mean([each.sw1 for each in state.floors]))
    if state.judge is not None and math.isfinite(state.judge.value):
        scalars["judge"] = state.judge.value
        scalars["jensen_shannon"] = 0.5 * (state.judge.value + math.log(4))
    return Frame(state.steps, scalars, arrays, _note(params, state, scalars))


def _note(params: Params, state: State, scalars: dict[str, float]) -> str:
    if state.diverged:
        return f"diverged at update {state.diverged}: lr = {params.lr:g} threw the networks out of what floats can hold"
    if state.alone.updates < ALONE:
        return f"the critic alone, update {state.alone.updates} of {ALONE}: data against a Gaussian, D* = log p − log q"
    if state.updates == 0:
        return (
            f"alone the critic reaches V = {state.alone.value:.3f}; the best D has −log 4 + 2 JS ="
            f" {_best_value(params):.3f}. Now the game"
        )
    parts = "modes" if params.source == "grid" else "ninths of the ring"
    game = f"{scalars['found']:.0f} of 9 {parts} found, {scalars['off']:.1%} of the samples off"
    if state.updates < params.updates:
        return f"update {state.updates} of {params.updates}: V = {scalars['value']:.3f} (q = p: −1.386); {game}"
    if not done(params, state) or state.measures is None or state.judge is None:
        return f"the critic judges the generator, which stays as it is from now on; {game}"
    return (
        f"sliced W₁ {scalars['sw1']:.3f} (true samples {scalars['sw1_floor']:.3f}), {scalars['found_end']:.0f} of 9"
        f" {parts}, {state.measures.off:.1%} off. The judge's V = {state.judge.value:.3f} proves JS(p‖q) ≥"
        f" {scalars['jensen_shannon']:.3f}, the share off alone {_proved(params, state.measures):.3f}"
    )


def _shannon(a: float, b: float) -> float:
    """JS of two yes-or-no laws with the chances a and b of yes: no more than that of the laws they are read off."""
    total = 0.0
    for p, q in ((a, b), (1 - a, 1 - b)):
        middle = 0.5 * (p + q)
        total += sum(0.5 * each * math.log(each / middle) for each in (p, q) if each > 0)
    return total


def _proved(params: Params, measures: planar.Measures) -> float:
    """JS(p‖q) is at least this, as the shares off differ."""
    from kernels import planar

    return _shannon(planar.off_exact(_name(params)), measures.off)


def _best_value(params: Params) -> float:
    from kernels import planar

    return planar.best_value(_name(params))


GATES = {"grid": (0.4, 0.2), "ring": (0.15, 0.1)}
"""What the default training stays below, with room for its luck: sliced W₁ above the floor, and share off."""
JUDGED = 0.3
"""And how far above −log 4 the judge gets."""


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """The lone critic against the best one, and the generator against the data."""
    import numpy as np

    from kernels import planar

    rows = []
    if math.isfinite(state.alone.value):
        best, alone = _best_value(params), state.alone
        tolerance = 0.03 + 4 * alone.error
        name = "critic alone: V = −log 4 + 2 JS"
        rows.append(Check(name, alone.value, best, tolerance, error=alone.error))
        rows.append(Check("σ(D) off p/(p+q), r.m.s.", alone.off, 0.0, 0.08))
    if not done(params, state) or state.diverged or state.measures is None or state.judge is None:
        return tuple(rows)
    m, judge = state.measures, state.judge
    above, most = GATES[params.source]
    true = float(np.mean([each.sw1 for each in state.floors]))
    rows += [
        Check("parts of the data that are found", _found(m), 9.0, 0.0),
        Check("sliced W₁, above the true sets'", m.sw1, true, above, "<="),
        Check("share off the data", m.off, planar.off_exact(_name(params)), most, "<="),
        Check("judge: V near −log 4, as for q = p", judge.value, -math.log(4), JUDGED, "<=", judge.error),
        # The best critic has no less; this one has had so many updates only.
        Check(
            "judge: V, at least what the share off proves",
            judge.value,
            -math.log(4) + 2 * _proved(params, m),
            0.02 + 4 * judge.error,
            ">=",
            judge.error,
        ),
    ]
    return tuple(rows)


LAB = Lab(
    id="gan",
    title="GAN: a game of two networks",
    chapter="diffusion",
    section="9.4",
    lesson="unified-view",
    summary=(
        "A critic learns to tell data from samples, a generator to fool it. First the critic alone, whose best answer"
        " is known; then the game; then the critic as judge of a generator that stays as it is."
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
            "samples",
            "Samples; exact log₁₀ density behind",
            series=(Series("samples", "y", "x", "points"),),
            backdrop="density",
            image_range=(-4.0, 0.0),
        ),
        Chart(
            "game",
            "V of the critic in the game",
            series=(Series("−log 4: q = p", "equilibrium", "updates", "dashed"), Series("V", "value", "updates")),
            x_label="updates",
        ),
        Chart(
            "opinion",
            "The critic now: bright = real",
            series=(Series("samples", "y", "x", "points"),),
            backdrop="opinion",
            image_range=(0.0, 1.0),
        ),
        Chart(
            "alone",
            "Before the game: σ(D), and p/(p+q)",
            kind="heat",
            images=(("learned; exact", "alone"),),
            image_range=(0.0, 1.0),
        ),
        Chart(
            "found",
            "Modes (ninths of the ring) found",
            series=(Series("", "found", "updates"),),
            x_label="updates",
            y_range=(0.0, 9.5),
        ),
        Chart(
            "off",
            "Share of samples off the data",
            series=(Series("data", "off_exact", "updates", "dashed"), Series("samples", "off", "updates")),
            x_label="updates",
            y_range=(0.0, 1.0),
        ),
        Chart(
            "shares",
            "Share of each part; dashed: 1/9 ± 4 errors",
            series=(
                Series("samples", "shares", "part", "bars"),
                Series("", "share_low", "part", "dashed"),
                Series("", "share_high", "part", "dashed"),
            ),
            x_label="mode or sector",
        ),
    ),
    prediction=Prediction(
        prompt=(
            "V = E_p log σ(D) + E_q log(1 − σ(D)) is what the critic makes large: near 0 when it is never wrong. Where"
            " does V end when the generator has (nearly) learned the data?"
        ),
        scalar="value",
        low=-5.0,
        high=0.0,
        chart="game",
        unit="nats",
        why=(
            "If q = p nobody can tell them apart: the best σ(D) is p/(p+q) = ½ everywhere, and V = 2 log ½ = −log 4 ="
            " −1.386. A critic at V = 0 would mean that the generator has lost."
        ),
    ),
    explain="df-lab-gan",
    source=("kernels.gan", "kernels.tangent", "kernels.planar", "kernels.mlp"),
)
