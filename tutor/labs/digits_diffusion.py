"""Handwritten digits out of noise: class-conditional diffusion with classifier-free guidance, trained and judged."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs import models
from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import digits_judge, edm, optimizers, unet

    Array = npt.NDArray[np.floating]

LAB_ID = "digits-diffusion"
UPDATES = 4000


class Pace(NamedTuple):
    """How a network is trained and asked, so that a step of the lab takes less than a tenth of a second."""

    batch: int
    updates: float
    """Share of the steps of Adam that the learner asks for."""
    per_step: int
    """Steps of Adam in a step of the lab."""
    rows: int
    """Images that move one step at a time."""
    gauge: int
    """Images on which the loss is watched, of those trained on and of those held out."""
    preview: int
    """Steps of Heun of the digits drawn on the way."""
    guided: tuple[float, float]
    """Noise between which the digit is exaggerated: the better the network, the closer around where it is decided."""


PACES = {
    "mlp": Pace(128, 1.0, 10, 500, 360, 12, (0.2, 2.0)),
    "unet": Pace(64, 0.45, 1, 60, 100, 5, (0.45, 1.2)),
}
LEARNING_RATE, WARM = 2e-3, 200
MIDDLE, SPREAD = -0.5, 1.2
"""Mean and standard deviation of ln σ in training; pixels have about unit variance."""
EMA = 0.03
UNLABELLED = 0.1
"""Share of training images whose label is hidden: the same network then also knows the unconditional score."""
SCALE = 2.0
"""Pixels are (ink − mean) · SCALE."""
CHECKPOINT = 100
"""Steps of the lab from one checkpoint to the next."""
PREVIEW_EVERY = 25
GOAL = 0.11
"""Fréchet distance of a trained U-Net over that of one Gaussian for each class; it moves by a third with the seed."""
PARTS = 3


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    network: str = param("unet", "convolutions, two minutes of training, or dense layers", choices=("unet", "mlp"))
    updates: int = param(UPDATES, "steps of Adam; the U-Net takes 45 % of them", low=200, high=60_000, scale="log")
    hidden: int = param(256, "units of each of the three dense layers", low=32, high=512, scale="log")
    guidance: float = param(
        1.9, "weight w: 0 unlabelled, 1 conditional, more exaggerates", low=0.0, high=4.0, step=0.1, live=True
    )
    steps: int = param(14, "steps of Heun from noise to digits", low=2, high=128, scale="log", live=True)
    samples: int = param(1800, "digits drawn to be judged, the same number of each", low=100, high=1800, scale="log")


class Recipe(NamedTuple):
    """What a model follows from."""

    network: str
    updates: int
    hidden: int
    seed: int

    @property
    def pace(self) -> Pace:
        """Of its network."""
        return PACES[self.network]


class Training(NamedTuple):
    """A model on its way."""

    recipe: Recipe
    model: edm.Model | unet.Model
    adam: optimizers.State
    mean: Array
    updates: int
    curve: Array
    """(n, 3) updates, loss on images trained on, loss on held-out ones."""
    problem: str
    kept: int
    """Steps of Adam that came from the learner's folder."""
    diverged: int
    rng: np.random.Generator


class Judged(NamedTuple):
    """What digits are worth."""

    accuracy: float
    frechet: float
    neighbour: float
    copies: float


class State(NamedTuple):
    """Training, then digits on their way, then their measures."""

    training: Training
    preview: Array
    """(20, 8, 8) ink of digits by the model as it is."""
    setting: tuple[float, int] | None
    """(guidance, steps) of the digits under way."""
    x: Array
    """(samples, 64) digits under way."""
    seen: Array
    """(20, 64) what the model takes the first of each class for."""
    at: int
    """Images moved so far, counted through all steps."""
    prepared: int
    """Of PARTS, what the digits are held against."""
    judged: Judged | None
    steps: int


class Data(NamedTuple):
    """The digits as the network sees them."""

    flat: Array
    labels: Any
    train: Any
    held: Any
    mean: Array
    pixels: Array
    sd: float


@cache
def _data() -> Data:
    import numpy as np

    from kernels import datasets, digits_judge

    digits = datasets.load_digits()
    flat, labels = digits.flat, digits.labels.astype(int)
    train, held = digits_judge.split()
    mean = flat[train].mean(axis=0)
    pixels = (SCALE * (flat - mean)).astype(np.float32)
    return Data(flat, labels, train, held, mean, pixels, float(pixels[train].std()))


class Reference(NamedTuple):
    """What generated digits are held against."""

    everything: digits_judge.Moments
    """Of all real digits."""
    halves: float
    """The distance of two halves of them: what even real digits have."""
    held: float
    """Median distance of held-out digits to the nearest one trained on."""
    read: float
    """Share of held-out digits that the classifier reads right."""
    baseline: Judged
    """One Gaussian for each class."""


@cache
def _real_features() -> Array:
    from kernels import digits_judge

    return digits_judge.features(_data().flat)[0]


@cache
def _baseline_digits() -> tuple[Array, Array, Array]:
    """(images, features, class scores) drawn from the Gaussian of each class."""
    import numpy as np

    from kernels import digits_judge

    data = _data()
    rng = np.random.default_rng(7)
    drawn = digits_judge.class_gaussians(data.flat[data.train], data.labels[data.train], _wanted(1800), rng)
    return (drawn, *digits_judge.features(drawn))


@cache
def _reference() -> Reference:
    import numpy as np

    from kernels import digits_judge

    data, f = _data(), _real_features()
    everything = digits_judge.moments(f)
    halves = []
    for seed in range(4):
        one, other = np.array_split(np.random.default_rng(seed).permutation(len(f)), 2)
        halves.append(digits_judge.frechet(digits_judge.moments(f[one]), digits_judge.moments(f[other])))
    held = float(np.median(digits_judge.nearest(data.flat[data.held], data.flat[data.train])))
    read = digits_judge.accuracy(data.flat[data.held], data.labels[data.held])
    baseline = _judge(*_baseline_digits(), everything, held)
    return Reference(everything, float(np.median(halves)), held, read, baseline)


def _judge(ink: Array, features: Array, scores: Array, everything: digits_judge.Moments, held: float) -> Judged:
    """The measures of images (n, 64) whose labels are 0 … 9 in turn."""
    import numpy as np

    from kernels import digits_judge

    data = _data()
    distance = digits_judge.nearest(ink, data.flat[data.train])
    return Judged(
        float(np.mean(scores.argmax(axis=1) == _wanted(len(ink)))),
        digits_judge.frechet(digits_judge.moments(features), everything),
        float(np.median(distance)) / held,
        float(np.mean(distance < 0.3 * held)),
    )


def _wanted(n: int) -> Any:
    """Labels of n digits: 0 … 9 in turn."""
    import numpy as np

    return np.arange(n) % 10


def init(params: Params, rng: np.random.Generator) -> State:
    """The kept model for this seed and recipe, a half-trained one to go on with, or a new network."""
    import numpy as np

    pace = PACES[params.network]
    # What a recipe does not depend on is no part of it: a kept model is found again.
    hidden = params.hidden if params.network == "mlp" else 0
    recipe = Recipe(params.network, int(pace.updates * params.updates), hidden, int(rng.integers(2**31)))
    training = _begin(recipe)
    empty = np.empty((0, 64), np.float32)
    return State(training, _preview(training), None, empty, empty, 0, 0, None, 0)


def _begin(recipe: Recipe) -> Training:
    import numpy as np

    from kernels import optimizers

    model, parameters = _model(recipe)
    rng = np.random.default_rng([recipe.seed, 11])
    size = (parameters,)
    shapes = {"w": size, "m": size, "v": size, "mean": size, "updates": (), "curve": None, "rng": ()}
    found = models.load(LAB_ID, recipe._asdict(), shapes)
    problem = found.problem
    if found.arrays is not None:
        kept = found.arrays
        try:
            rng.bit_generator.state = json.loads(str(kept["rng"]))
            updates = int(kept["updates"])
            adam = optimizers.State(kept["w"], kept["m"], kept["v"], updates)
            return Training(recipe, model, adam, kept["mean"], updates, kept["curve"], "", updates, 0, rng)
        except (ValueError, TypeError, KeyError):
            problem = "the kept model is damaged: training again"
    theta = _start(model, rng)
    training = Training(
        recipe, model, optimizers.init(theta), theta, 0, np.empty((0, 3)), problem, 0, 0, rng
    )  # fmt: skip
    return _watched(training)


def _model(recipe: Recipe) -> tuple[edm.Model | unet.Model, int]:
    """The network as a denoiser, and its number of parameters."""
    if recipe.network == "unet":
        from kernels import unet

        net = unet.Net()
        return unet.Model(net, _data().sd), unet.count(net)
    from kernels import edm, mlp

    model = edm.model(64, (recipe.hidden,) * 3, _data().sd, extra=10)
    return model, mlp.count(model.net)


def _start(model: edm.Model | unet.Model, rng: np.random.Generator) -> Array:
    import numpy as np

    from kernels import edm, mlp

    if isinstance(model, edm.Model):
        return mlp.init(model.net, rng, np.float32, last=0.1)
    from kernels import unet

    return unet.init(model.net, rng)


def _denoise(training: Training, x: Array, sigma: Any, classes: Array) -> Array:
    """D(x; σ, class) by the averaged weights."""
    from kernels import edm

    if isinstance(training.model, edm.Model):
        return edm.denoise(training.model, training.mean, x, sigma, classes)
    from kernels import unet

    return unet.denoise(training.model, training.mean, x, sigma, classes)


def _gradient(
    model: edm.Model | unet.Model, theta: Array, x: Array, sigma: Array, x0: Array, classes: Array, seed: int
) -> tuple[float, Array]:
    from kernels import edm

    if isinstance(model, edm.Model):
        return edm.gradient(model, theta, x, sigma, x0, classes)
    from kernels import unet

    return unet.gradient(model, theta, x, sigma, x0, classes, seed)


def _keep(training: Training) -> Training:
    import numpy as np

    adam = training.adam
    arrays = {
        "w": adam.w,
        "m": adam.m,
        "v": adam.v,
        "mean": training.mean,
        "updates": np.array(training.updates),
        "curve": training.curve,
        "rng": np.array(json.dumps(training.rng.bit_generator.state)),
    }
    return training._replace(problem=models.save(LAB_ID, training.recipe._asdict(), arrays))


def _onehot(labels: Any) -> Array:
    import numpy as np

    return np.asarray(np.eye(10, dtype=np.float32)[labels])


def _watched(training: Training) -> Training:
    """With the denoising loss on some images of either kind, at the same noise, added to the curve."""
    import numpy as np

    from kernels import edm

    data = _data()
    losses = []
    gauge = training.recipe.pace.gauge
    for part in (data.train[:gauge], data.held[:gauge]):
        rng = np.random.default_rng(13)
        sigma = np.exp(MIDDLE + SPREAD * rng.standard_normal((len(part), 1))).astype(np.float32)
        x = data.pixels[part] + sigma * rng.standard_normal((len(part), 64), dtype=np.float32)
        D = _denoise(training, x, sigma, _onehot(data.labels[part]))
        scale = edm.scales(training.model, sigma)[1]
        losses.append(float(np.mean(((D - data.pixels[part]) / scale) ** 2)))
    return training._replace(curve=np.vstack([training.curve, [training.updates, *losses]]))


def _advance(training: Training) -> Training:
    """Some steps of Adam."""
    import numpy as np

    from kernels import optimizers

    data, recipe = _data(), training.recipe
    rng = copy.deepcopy(training.rng)
    adam, mean, updates = training.adam, training.mean.copy(), training.updates
    half_life = EMA * recipe.updates
    batch = recipe.pace.batch
    for _ in range(min(recipe.pace.per_step, recipe.updates - updates)):
        rows = data.train[rng.integers(0, len(data.train), batch)]
        x0 = data.pixels[rows]
        sigma = np.exp(MIDDLE + SPREAD * rng.standard_normal((batch, 1))).astype(np.float32)
        x = x0 + sigma * rng.standard_normal(x0.shape, dtype=np.float32)
        labels = _onehot(data.labels[rows]) * (rng.random((batch, 1)) > UNLABELLED).astype(np.float32)
        with np.errstate(all="ignore"):
            loss, gradient = _gradient(training.model, adam.w, x, sigma, x0, labels, updates)
        if not math.isfinite(loss):
            return training._replace(diverged=updates + 1)
        adam = optimizers.adam(adam, gradient, _rate(updates, recipe.updates), beta2=0.99)
        updates += 1
        share = min(0.5 ** (1 / half_life), updates / (9 + updates))
        mean += np.float32(1 - share) * (adam.w - mean)
    return training._replace(adam=adam, mean=mean, updates=updates, rng=rng)


def _rate(update: int, updates: int) -> float:
    warm = min(WARM, updates // 4)
    if update < warm:
        return LEARNING_RATE * (update + 1) / warm
    return LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (update - warm) / (updates - warm)))


def _denoiser(training: Training, labels: Any, w: float) -> Any:
    """w D(x; σ, y) + (1 − w) D(x; σ): classifier-free guidance (Ho & Salimans 2022), w = 1 without.

    To exaggerate, w > 1, does good at middle noise only: above, it narrows what is drawn, below, there is nothing left
    to decide (Kynkäänniemi et al. 2024).
    """
    import numpy as np

    known = _onehot(labels)
    none = np.zeros_like(known)
    low, high = training.recipe.pace.guided

    def D(x: Array, sigma: float) -> Array:
        if w == 0:
            return _denoise(training, x, sigma, none)
        told = _denoise(training, x, sigma, known)
        if w == 1 or (w > 1 and not low < sigma < high):
            return told
        return w * told + (1 - w) * _denoise(training, x, sigma, none)

    return D


def _noise(training: Training, n: int) -> Array:
    import numpy as np

    from kernels import reverse

    rng = np.random.default_rng([training.recipe.seed, 12])
    return reverse.start(reverse.process("EDM"), _data().sd ** 2, (n, 64), rng).astype(np.float32)


def _preview(training: Training) -> Array:
    """Two of each digit by the model as it is, in a few steps of Heun."""
    import numpy as np

    from kernels import reverse

    s = reverse.process("EDM")
    D = _denoiser(training, _wanted(20), 1.0)
    ts = reverse.times(s, training.recipe.pace.preview)
    with np.errstate(all="ignore"):
        x = reverse.sample(
            s, lambda x, t: reverse.score(s, D, x, t), _noise(training, 20), ts, "heun", np.random.default_rng(0)
        )
    return _ink(x)


def _ink(x: Array) -> Array:
    """Pixels as pictures with ink 0 … 1."""
    import numpy as np

    return np.asarray(np.clip(np.nan_to_num(x / SCALE + _data().mean), 0, 1).reshape(-1, 8, 8))


def step(params: Params, state: State) -> State:
    """Some steps of Adam; then one of the sampler for some images; at the end the judgement."""
    import numpy as np

    from kernels import digits_judge, reverse

    state = state._replace(steps=state.steps + 1)
    training = state.training
    if training.updates < training.recipe.updates:
        training = _advance(training)
        last = training.updates == training.recipe.updates
        # Counted from the start of training, so that a resumed run draws and keeps at the same places.
        at = -(-training.updates // training.recipe.pace.per_step)
        if last or at % PREVIEW_EVERY == 0:
            training = _watched(training)
        if last or at % PREVIEW_EVERY == PREVIEW_EVERY // 2:
            state = state._replace(preview=_preview(training))
        if last or at % CHECKPOINT == 0:
            training = _keep(training)
        return state._replace(training=training)
    if state.setting != (params.guidance, params.steps):
        x = _noise(training, params.samples)
        return state._replace(
            setting=(params.guidance, params.steps), x=x, seen=0 * x[:20], at=0, judged=None
        )  # fmt: skip
    s = reverse.process("EDM")
    if state.at < params.samples * params.steps:
        i, first = divmod(state.at, params.samples)
        rows = slice(first, min(first + training.recipe.pace.rows, params.samples))
        D = _denoiser(training, _wanted(params.samples)[rows], params.guidance)
        ts = reverse.times(s, params.steps)
        with np.errstate(all="ignore"):
            way = reverse.step(
                s, lambda x, t: reverse.score(s, D, x, t), reverse.State(state.x[rows], i), ts, "heun",
                np.random.default_rng(0),
            )  # fmt: skip
        x = state.x.copy()
        x[rows] = way.x
        seen = state.seen
        if first == 0:
            few = min(20, len(state.x[rows]))
            D = _denoiser(training, _wanted(few), params.guidance)
            seen = D(state.x[:few], float(ts[i]))
        return state._replace(x=x, seen=seen, at=state.at + rows.stop - first)
    # What does not depend on the model is made once, one part a step.
    for part, make in enumerate((_real_features, _baseline_digits, _reference)):
        if state.prepared == part:
            make()
            return state._replace(prepared=part + 1)
    ink = _ink(state.x).reshape(-1, 64)
    known = _reference()
    judged = _judge(ink, *digits_judge.features(ink), known.everything, known.held)
    return state._replace(judged=judged)


def _left(params: Params, state: State) -> int:
    training = state.training
    if training.diverged:
        return 0
    pace = training.recipe.pace
    to_train = -(-(training.recipe.updates - training.updates) // pace.per_step)
    a_step = -(-params.samples // pace.rows)
    if state.setting != (params.guidance, params.steps):
        return to_train + 1 + params.steps * a_step + PARTS - state.prepared + 1
    i, first = divmod(state.at, params.samples)
    return (
        to_train
        + params.steps * a_step
        - i * a_step
        - -(-first // pace.rows)
        + PARTS
        - state.prepared
        + (state.judged is None)
    )


def done(params: Params, state: State) -> bool:
    """Whether the digits of the present settings are judged."""
    return _left(params, state) == 0


def total(params: Params, state: State) -> int:
    """Steps taken and to come."""
    return state.steps + _left(params, state)


def frame(params: Params, state: State) -> Frame:
    """Digits as they appear, losses, and the judgement beside real digits and the baseline."""
    import numpy as np

    data, training = _data(), state.training
    curve = training.curve
    arrays: dict[str, Any] = {
        "updates": curve[:, 0],
        "train": curve[:, 1],
        "held": curve[:, 2],
        "real": data.flat[data.held[:10]].reshape(-1, 8, 8),
        "bar": np.arange(3),
        **dict.fromkeys(("accuracy", "frechet", "neighbour"), np.empty(0)),
    }
    if state.setting is None:
        arrays["digits"] = state.preview[:10]
    elif state.at < params.samples * params.steps:
        i = state.at // params.samples
        sigma = float(_levels(params.steps)[i])
        arrays["noisy"] = np.clip(_shown(state.x[:10], sigma), 0, 1)
        arrays["guess"] = _ink(state.seen[:10])
    else:
        arrays["digits"] = _ink(state.x[:20])
    scalars = {
        "updates": float(training.updates),
        "loss_train": float(curve[-1, 1]),
        "loss_held": float(curve[-1, 2]),
    }
    if state.judged is not None:
        _, floor, _, read, baseline = _reference()
        scalars |= {
            "baseline_accuracy": baseline.accuracy,
            "baseline_frechet": baseline.frechet,
            "real_frechet": floor,
            "accuracy": state.judged.accuracy,
            "frechet": state.judged.frechet,
            "frechet_ratio": state.judged.frechet / floor,
            "neighbour": state.judged.neighbour,
            "copies": state.judged.copies,
        }
        arrays["accuracy"] = np.array([read, baseline.accuracy, state.judged.accuracy])
        arrays["frechet"] = np.array([1.0, baseline.frechet / floor, state.judged.frechet / floor])
        arrays["neighbour"] = np.array([1.0, baseline.neighbour, state.judged.neighbour])
    return Frame(state.steps, scalars, arrays, _note(params, state))


def _levels(steps: int) -> Array:
    from kernels import reverse

    return reverse.times(reverse.process("EDM"), steps)


def _shown(x: Array, sigma: float) -> Array:
    """Noisy digits at constant contrast, as pictures."""
    import numpy as np

    sd = _data().sd
    return np.asarray((x * sd / math.sqrt(sigma**2 + sd**2) / SCALE + _data().mean).reshape(-1, 8, 8))


def _note(params: Params, state: State) -> str:
    training = state.training
    problem = f"; {training.problem}" if training.problem else ""
    if training.diverged:
        return f"diverged at step {training.diverged} of Adam"
    if training.updates < training.recipe.updates:
        resumed = f", resumed at {training.kept}" if training.kept else ""
        return (
            f"{training.updates} of {training.recipe.updates} steps{resumed}; loss {training.curve[-1, 1]:.3f}, held"
            f" out {training.curve[-1, 2]:.3f}: the gap is what it learns by heart{problem}"
        )
    if state.judged is None:
        kept = "model kept from before; " if training.kept == training.updates else ""
        i = state.at // params.samples
        return f"{kept}{params.samples} digits from noise: step {i} of {params.steps}{problem}"
    judged = state.judged
    _, floor, _, _, baseline = _reference()
    return (
        f"read right {judged.accuracy:.1%} (per-class Gaussian {baseline.accuracy:.1%}); Fréchet"
        f" {judged.frechet / floor:.2f} × two real halves (Gaussian {baseline.frechet / floor:.1f} ×); neighbours"
        f" {judged.neighbour:.2f}{problem}"
    )


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Against the floor of real digits and the baseline of one Gaussian for each class."""
    judged = state.judged
    if judged is None or not done(params, state):
        return ()
    _, floor, _, _, baseline = _reference()
    slack = max(1.0, UPDATES / params.updates)
    error = math.sqrt(0.01 * 0.99 / params.samples)
    # Noise in the moments of n images adds about 1/n to their distance; the floor has that of two sets of 900.
    noise = floor * 900 / params.samples
    few = 0.5 * noise * (1 - params.samples / 1800)
    goal = GOAL if params.network == "unet" and slack == 1 else 1.0
    slack_of_goal = (0.4 * GOAL if goal < 1 else noise * (slack - 1) / baseline.frechet) + few / baseline.frechet
    return (
        Check("digits read right", judged.accuracy, 0.99, 4 * error + 0.005 * (slack - 1), ">=", error),
        Check("Fréchet distance / the Gaussian's", judged.frechet / baseline.frechet, goal, slack_of_goal, "<="),
        Check("nearest neighbour ratio (1: new)", judged.neighbour, 0.95, 0.05, ">="),
        Check("near-copies of training images", judged.copies, 0.0, 0.02, "<="),
    )


LAB = Lab(
    id=LAB_ID,
    title="Digits out of noise",
    chapter="diffusion",
    section="9.5",
    lesson="guidance",
    summary=(
        "A network learns to denoise 8×8 digits, told which digit it is, or not. Out of noise it then draws digits that"
        " nobody wrote. Are they good? Accuracy alone would not say."
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
            "digits",
            "Digits 0 … 9 from noise",
            kind="image",
            images=(
                ("drawn by the model", "digits"),
                ("under way", "noisy"),
                ("what the model takes them for", "guess"),
                ("real, held out", "real"),
            ),
            image_range=(0.0, 1.0),
        ),
        Chart(
            "loss",
            "Denoising loss: the overfit gauge",
            series=(Series("trained on", "train", "updates"), Series("held out", "held", "updates")),
            x_label="steps of Adam",
        ),
        Chart(
            "frechet",
            "Fréchet distance / that of real halves",
            series=(Series("", "frechet", "bar", "bars"),),
            x_names=((0.0, "real halves"), (1.0, "Gaussian"), (2.0, "model")),
        ),
        Chart(
            "accuracy",
            "Share that a classifier reads right",
            series=(Series("", "accuracy", "bar", "bars"),),
            x_names=((0.0, "held out"), (1.0, "Gaussian"), (2.0, "model")),
            y_range=(0.0, 1.05),
        ),
        Chart(
            "neighbour",
            "Distance to training images / held-out's",
            series=(Series("", "neighbour", "bar", "bars"),),
            x_names=((0.0, "held out"), (1.0, "Gaussian"), (2.0, "model")),
        ),
    ),
    prediction=Prediction(
        prompt=(
            "Instead of a diffusion model, fit one Gaussian to the images of each digit and draw from it. What share of"
            " its digits does a good classifier read as meant? (0 to 1)"
        ),
        scalar="baseline_accuracy",
        low=0.0,
        high=1.0,
        chart="accuracy",
        why=(
            "0.99, as good as a trained model, though its digits are blurred and speckled. A classifier tells which"
            " digit an image resembles most, not whether it is one. Hence Fréchet distance, neighbours and the gauge."
        ),
    ),
    explain="df-lab-digits-diffusion",
    source=(
        "kernels.unet",
        "kernels.edm",
        "kernels.reverse",
        "kernels.digits_judge",
        "kernels.mlp",
        "kernels.optimizers",
    ),
    quick={"network": "mlp", "updates": 600, "samples": 500, "guidance": 2.0},
    torch=True,
)
