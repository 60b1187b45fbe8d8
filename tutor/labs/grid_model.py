"""The denoiser of the nine Gaussians, trained in parts and kept: what score-9grid, u-turn and guidance share."""

from __future__ import annotations

import copy
import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tutor.labs import models

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import edm, optimizers

    Array = npt.NDArray[np.floating]

LAB = "score-9grid"
"""The lab under whose name models are kept."""
UPDATES = 12_000
"""Steps of Adam of the usual model."""
HIDDEN = (64, 64, 64)
BATCH = 128
POOL = 256
"""Fresh points a step: the batch, and as many more for the pooled target."""
PER_STEP = 40
"""Steps of Adam in a step of a lab."""
LEARNING_RATE = 0.012
WARM = 200
MIDDLE, SPREAD = 0.0, 1.0
"""Mean and standard deviation of ln σ in training: most of it where modes are told apart."""
EVEN, RANGE = 16, (0.01, 160.0)
"""So many of a batch spread ln σ evenly over all noise levels, or the rarest would be guessed."""
EMA = 0.02
"""The average of the weights forgets half within this share of the run."""
WATCHED = 2
"""Steps of a lab from one look at the errors to the next."""
PROBE = 150
"""Points at each of the noise levels that are watched."""
LEVELS = 16
EARLIEST = 1e-4
"""Least time of the losses' average over t, as in the usual VP training."""


class Recipe(NamedTuple):
    """What a model follows from."""

    std: float
    predict: str
    updates: int
    seed: int


class Probe(NamedTuple):
    """Noisy points at fixed noise levels, with the exact denoiser's answers: what the learned one is held against."""

    x: Array
    """(LEVELS · points, 2), level by level."""
    x0: Array
    exact: Array
    sigma: Array
    """(LEVELS · points, 1)"""


class Training(NamedTuple):
    """A model on its way."""

    recipe: Recipe
    model: edm.Model
    adam: optimizers.State
    mean: Array
    """The averaged weights: what samples are made with."""
    updates: int
    errors: Array
    """(LEVELS, 2) excess error and loss at each noise level, as `by_level` gives them."""
    curve: Array
    """(n, 3) updates, excess error, held-out loss: means over the levels."""
    problem: str
    """What went wrong with keeping or loading, in one line."""
    kept: bool
    """Whether it came from the learner's folder."""
    diverged: int
    rng: np.random.Generator
    probe: Probe


def sigma_of(t: npt.ArrayLike) -> Array:
    """σ/α at VP time t, β from 0.1 to 20: √(e^B − 1)."""
    import numpy as np

    from kernels import vp

    s = vp.vp()
    return np.asarray(s.sigma(t) / s.alpha(t))


def begin(recipe: Recipe) -> Training:
    """The kept model of this recipe, or a new one before its first step."""
    import numpy as np

    from kernels import edm, gaussian_grid, mlp, optimizers

    d = math.sqrt(gaussian_grid.variance(recipe.std))
    model = edm.model(2, HIDDEN, d, "epsilon" if recipe.predict == "epsilon" else "edm", products=True)
    rng = np.random.default_rng([recipe.seed, 9])
    probe = draw_probe(recipe.std, PROBE, np.random.default_rng([recipe.seed, 99]))
    size = mlp.count(model.net)
    shapes = {"mean": (size,), "curve": None, "errors": (LEVELS, 2)}
    found = models.load(LAB, recipe._asdict(), shapes)
    empty = np.empty((0, 3))
    training = Training(recipe, model, optimizers.init(empty), empty, 0, empty, empty, "", False, 0, rng, probe)
    if found.arrays is not None:
        mean, curve, errors = (found.arrays[name] for name in shapes)
        return training._replace(mean=mean, curve=curve, errors=errors, updates=recipe.updates, kept=True)
    theta = mlp.init(model.net, rng, np.float32, last=0.1)
    training = training._replace(adam=optimizers.init(theta), mean=theta, problem=found.problem)
    return _watched(training)


@cache
def levels() -> Array:
    """(LEVELS,) σ/α at evenly spread VP times: the average over levels is the average over t."""
    import numpy as np

    return sigma_of(EARLIEST + (1 - EARLIEST) * (np.arange(LEVELS) + 0.5) / LEVELS)


def draw_probe(std: float, points: int, rng: np.random.Generator) -> Probe:
    """So many points at each level."""
    import numpy as np

    from kernels import gaussian_grid

    sigma = np.repeat(levels(), points)[:, None]
    x0, _ = gaussian_grid.draw(len(sigma), std, rng)
    x = x0 + sigma * rng.standard_normal(x0.shape)
    return Probe(x, x0, gaussian_grid.denoise(x, std, sigma), sigma)


def _watched(training: Training) -> Training:
    """With the errors as they are now, and the curve grown by them."""
    import numpy as np

    errors = by_level(training)
    return training._replace(
        errors=errors, curve=np.vstack([training.curve, [training.updates, *errors.mean(axis=0)]])
    )  # fmt: skip


def by_level(training: Training) -> Array:
    """(LEVELS, 2): E var_t|s − s*|² and the loss E var_t|s − target|² at each level, means over points and coordinates.

    In every process σ²|s − s*|² is |D − D*|² (α/σ)²: free of its scale. From the loss, the exact score's on the same
    points is taken away and its true value put back: what they have in common by chance cancels.
    """
    import numpy as np

    probe, std = training.probe, training.recipe.std
    with np.errstate(all="ignore"):
        D = denoise(training, probe.x, probe.sigma)
        miss, loss, least = (
            ((a - b) / probe.sigma) ** 2 for a, b in ((D, probe.exact), (D, probe.x0), (probe.exact, probe.x0))
        )
    known = floors(std)
    return np.stack(
        [miss.reshape(LEVELS, -1).mean(axis=1), (loss - least).reshape(LEVELS, -1).mean(axis=1) + known], axis=1
    )  # fmt: skip


@cache
def floors(std: float) -> Array:
    """(LEVELS,) mmse/σ²: the loss of the exact score at each level."""
    from kernels import gaussian_grid

    return gaussian_grid.mmse(std, levels()) / levels() ** 2


def denoise(training: Training, x: Array, sigma: npt.ArrayLike) -> Array:
    """D(x; σ) of the averaged weights."""
    from kernels import edm

    return edm.denoise(training.model, training.mean, x, sigma)


def steps_left(training: Training) -> int:
    """Calls of `advance` until the model is trained."""
    return 0 if training.diverged else -(-(training.recipe.updates - training.updates) // PER_STEP)


def advance(training: Training) -> Training:
    """PER_STEP steps of Adam on fresh points; the last one keeps the model."""
    import numpy as np

    from kernels import edm, gaussian_grid, optimizers

    recipe = training.recipe
    rng = copy.deepcopy(training.rng)
    adam, mean, updates = training.adam, training.mean.copy(), training.updates
    last = min(updates + PER_STEP, recipe.updates)
    half_life = EMA * recipe.updates
    while updates < last:
        points = gaussian_grid.draw(POOL, recipe.std, rng)[0].astype(np.float32)
        level = MIDDLE + SPREAD * rng.standard_normal((BATCH, 1))
        level[:EVEN] = rng.uniform(math.log(RANGE[0]), math.log(RANGE[1]), (EVEN, 1))
        sigma = np.exp(level).astype(np.float32)
        x = points[:BATCH] + sigma * rng.standard_normal((BATCH, 2), dtype=np.float32)
        target = edm.pooled(x, sigma, points)
        with np.errstate(all="ignore"):
            loss, gradient = edm.gradient(training.model, adam.w, x, sigma, target)
        if not math.isfinite(loss):
            return training._replace(diverged=updates + 1)
        adam = optimizers.adam(adam, gradient, rate(updates, recipe.updates), beta2=0.99)
        updates += 1
        share = min(0.5 ** (1 / half_life), updates / (9 + updates))
        mean += np.float32(1 - share) * (adam.w - mean)
    training = training._replace(adam=adam, mean=mean, updates=updates, rng=rng)
    if updates < recipe.updates:
        return training if updates // PER_STEP % WATCHED else _watched(training)
    training = _watched(training)
    parts = {"mean": mean, "curve": training.curve, "errors": training.errors}
    return training._replace(problem=models.save(LAB, recipe._asdict(), parts) or training.problem)


def rate(update: int, updates: int) -> float:
    """Learning rate: warm-up, then half a cosine down to 0."""
    warm = min(WARM, updates // 4)
    if update < warm:
        return LEARNING_RATE * (update + 1) / warm
    return LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (update - warm) / (updates - warm)))
