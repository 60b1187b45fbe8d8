"""Solvers of differential equations: order, stability, energy, and steps that choose themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor.labs.spec import Chart, Check, Frame, Lab, Prediction, Series, param

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kernels import dormand_prince, ode

    Array = npt.NDArray[Any]

STEPS = 60
CHUNK = 50
"""Steps of the double well in one step of the lab."""
LEVELS = 9
"""Step counts 4, 8 … 1024 in the study of order."""
TOLERANCES = 11
"""10⁻², 10⁻³ … 10⁻¹² for Dormand–Prince."""
ATTEMPTS = 40
"""Steps that Dormand–Prince tries on the oscillator in one step of the lab."""
DECAY_STEPS = 24
KEPT = 150
"""Points of each path in the phase plane."""
SHOWN = 400
"""Steps of Dormand–Prince that are drawn."""
START = (-1.55, -1.45)
"""The ball in the double well is let go somewhere here: high enough to roll over the hill between the wells."""
ESCAPED = 1e3
"""A path this far out has diverged."""
NAMES = ("Euler", "Heun", "RK4")
LIMIT = 1.0 / (1.0 + 2.0**2)
"""y(2) of dy/dt = −2 t y², y(0) = 1, whose solution is 1/(1 + t²)."""


@dataclass(frozen=True)
class Params:
    """What the learner may turn."""

    h: float = param(0.2, "step of the test equation and of the double well", low=0.01, high=0.5, scale="log")
    decay: float = param(12.0, "λ = −decay + i·frequency", low=0.0, high=50.0, unit="1/s", live=True)
    frequency: float = param(0.0, "λ = −decay + i·frequency", low=0.0, high=50.0, unit="1/s", live=True)
    rtol: float = param(1e-5, "tolerance of Dormand–Prince", low=1e-9, high=1e-2, scale="log", step=10.0)
    mu: float = param(5.0, "how suddenly the Van der Pol oscillator jumps", low=0.0, high=10.0)


class Motion(NamedTuple):
    """A ball in the double well, as one method moves it."""

    path: Array
    """(n, 2) the last positions and momenta."""
    worst: tuple[float, ...]
    """Largest |H − H₀|/H₀ in each chunk, until it diverged."""
    diverged: int
    """Step at which it was lost; 0: it was not."""


class State(NamedTuple):
    """Errors so far, the balls, and the oscillator."""

    errors: tuple[tuple[float, ...], ...]
    """(steps, error of Euler, of Heun, of RK4) at each level."""
    adaptive: tuple[tuple[float, float, float], ...]
    """(tolerance, evaluations, error) of Dormand–Prince."""
    boundaries: tuple[Array, ...]
    """For each method the points with |R(z)| = 1."""
    motions: tuple[Motion, ...]
    """Of Euler, Heun, RK4 and leapfrog."""
    shadow: tuple[float, float]
    """Least and greatest shadow energy of leapfrog."""
    oscillator: dormand_prince.State
    accepted: tuple[tuple[float, float, float], ...]
    """(t, h, |dx/dt|) at the end of each step accepted."""
    start: float
    """Where the ball was let go."""
    steps: int


def _methods() -> tuple[ode.Method, ...]:
    from kernels import ode

    return ode.EULER, ode.HEUN, ode.RK4


def _U(q: Any) -> Any:
    """The double well (q² − 1)²/4: wells at ±1, a hill of height ¼ at 0."""
    return (q * q - 1.0) ** 2 / 4.0


def _dU(q: Any) -> Any:
    return q * q * q - q


def _ddU(q: Any) -> Any:
    return 3.0 * q * q - 1.0


def _newton(t: float, y: Any) -> Any:
    """dq/dt = p, dp/dt = −U′(q)."""
    import numpy as np

    return np.array([y[1], -_dU(y[0])])


def _van_der_pol(mu: float) -> ode.Slope:
    import numpy as np

    return lambda t, y: np.array([y[1], mu * (1.0 - y[0] * y[0]) * y[1] - y[0]])


def _end(params: Params) -> float:
    """Two periods of the oscillator, roughly."""
    return 3.0 * params.mu + 10.0


def init(params: Params, rng: np.random.Generator) -> State:
    """All at rest; the boundaries of stability are drawn once."""
    import numpy as np

    from kernels import dormand_prince

    q = float(rng.uniform(*START))
    ball = Motion(np.array([[q, 0.0]]), (), 0)
    oscillator = dormand_prince.init(
        _van_der_pol(params.mu), 0.0, [2.0, 0.0], _end(params), params.rtol, params.rtol * 1e-3
    )
    shadow = float(_U(q) - params.h**2 * _dU(q) ** 2 / 24)
    boundaries = tuple(_boundary(m) for m in _methods())
    return State((), (), boundaries, (ball,) * 4, (shadow, shadow), oscillator, (), q, 0)


def _boundary(m: ode.Method, angles: int = 90) -> Array:
    """Points z with |R(z)| = 1: the roots of R(z) = e^{iφ} for angles φ all around."""
    import numpy as np

    from kernels import ode

    # R's coefficients, from its values at the roots of unity.
    degree = len(m.b)
    nodes = np.exp(2j * np.pi * np.arange(degree + 1) / (degree + 1))
    coefficients = np.fft.fft(ode.stability(m, nodes)) / (degree + 1)
    rows = []
    for angle in np.linspace(0.0, 2.0 * np.pi, angles, endpoint=False):
        shifted = coefficients.copy()
        shifted[0] -= np.exp(1j * angle)
        rows.append(np.roots(shifted[::-1]))
    return np.concatenate(rows)


def step(params: Params, state: State) -> State:
    """One level of refinement, one tolerance, a chunk of the double well, some attempts on the oscillator."""
    from kernels import dormand_prince, ode

    at = state.steps
    state = state._replace(steps=at + 1)
    if at < LEVELS:
        import numpy as np

        times = np.linspace(0.0, 2.0, 4 * 2**at + 1)
        errors = [abs(float(ode.solve(_riccati, 1.0, times, m)[-1]) - LIMIT) for m in _methods()]
        state = state._replace(errors=(*state.errors, (4.0 * 2**at, *errors)))
    if at < TOLERANCES:
        tolerance = 10.0 ** -(at + 2)
        found = dormand_prince.solve(_riccati, 1.0, [0.0, 2.0], tolerance, tolerance)
        row = (tolerance, float(found.evaluations), abs(float(found.ys[-1]) - LIMIT))
        state = state._replace(adaptive=(*state.adaptive, row))
    return _oscillate(params, _roll(params, state))


def _riccati(t: float, y: Any) -> Any:
    return -2.0 * t * y * y


def _roll(params: Params, state: State) -> State:
    """A chunk of steps of length h in the double well, by all four methods."""
    import numpy as np

    from kernels import leapfrog, ode

    whole = float(_U(state.start))
    motions = []
    for motion, method in zip(state.motions, (*_methods(), None), strict=True):
        if motion.diverged:
            motions.append(motion)
            continue
        y = motion.path[-1]
        ball = leapfrog.init(y[0], y[1])
        path, diverged = [], 0
        low, high = state.shadow
        for count in range(1, CHUNK + 1):
            if method is None:
                ball = leapfrog.step(_dU, ball, params.h)
                y = np.array([ball.q, ball.p])
                shadow = float(leapfrog.shadow(_U, _dU, _ddU, ball, params.h))
                low, high = min(low, shadow), max(high, shadow)
            else:
                y = ode.step(_newton, ode.State(0.0, y, 0), params.h, method).y
            path.append(y)
            if not np.abs(y).max() < ESCAPED:
                diverged = (state.steps - 1) * CHUNK + count
                break
        if method is None:
            state = state._replace(shadow=(low, high))
        points = np.array(path)
        worst = float(np.max(np.abs(points[:, 1] ** 2 / 2 + _U(points[:, 0]) - whole))) / whole
        joined = np.concatenate([motion.path, points])[-KEPT:]
        motions.append(Motion(joined, (*motion.worst, worst), diverged))
    return state._replace(motions=tuple(motions))


def _oscillate(params: Params, state: State) -> State:
    """Some attempts of Dormand–Prince on the Van der Pol oscillator."""
    from kernels import dormand_prince

    f, end = _van_der_pol(params.mu), _end(params)
    oscillator, accepted = state.oscillator, list(state.accepted)
    for _ in range(ATTEMPTS):
        if oscillator.t >= end:
            break
        before = oscillator
        oscillator = dormand_prince.step(f, before, params.rtol, params.rtol * 1e-3)
        if oscillator.t > before.t:
            accepted.append((oscillator.t, oscillator.t - before.t, abs(float(oscillator.y[1]))))
    return state._replace(oscillator=oscillator, accepted=tuple(accepted))


def total(params: Params, state: State) -> int:
    """Steps of the run."""
    return STEPS


def done(params: Params, state: State) -> bool:
    """Whether the ball has rolled long enough; all else is finished before."""
    return state.steps >= STEPS


def _rate(params: Params) -> complex:
    return complex(-params.decay, params.frequency)


def _decays(params: Params) -> tuple[Array, ...]:
    """The test equation dy/dt = λ y solved with step h by each method: |y| at each step."""
    import numpy as np

    from kernels import ode

    rate = _rate(params)
    times = params.h * np.arange(DECAY_STEPS + 1)
    return tuple(np.abs(ode.solve(lambda t, y: rate * y, 1.0 + 0j, times, m)) for m in _methods())


def _growths(decays: tuple[Array, ...]) -> list[float]:
    """By what factor each method changes |y| in a step: |y_n| to the power 1/n."""
    return [float(y[-1] ** (1 / DECAY_STEPS)) for y in decays]


def frame(params: Params, state: State) -> Frame:
    """Errors, stability at hλ, energies and steps."""
    import numpy as np

    from kernels import ode

    z = params.h * _rate(params)
    size = abs(z)
    direction = z / size if size else -1.0
    decays = _decays(params)
    growths = _growths(decays)
    ray = np.linspace(0.0, max(4.0, 1.2 * size), 161)
    arrays: dict[str, Any] = {
        "n": params.h * np.arange(DECAY_STEPS + 1),
        "exact": np.exp(-params.decay * params.h * np.arange(DECAY_STEPS + 1)),
        "ray": ray,
        "ray_exact": np.abs(np.exp(ray * direction)),
        "here": np.full(3, size),
        "growths": np.array(growths),
        "z_re": np.array([z.real]),
        "z_im": np.array([z.imag]),
    }
    for name, m, y, edge in zip(NAMES, _methods(), decays, state.boundaries, strict=True):
        arrays[f"{name}_decay"] = y
        arrays[f"{name}_ray"] = np.abs(ode.stability(m, ray * direction))
        arrays[f"{name}_re"], arrays[f"{name}_im"] = edge.real, edge.imag
    if state.errors:
        table = np.array(state.errors).T
        for name, m, row in zip(NAMES, _methods(), table[1:], strict=True):
            arrays[f"{name}_evaluations"], arrays[f"{name}_error"] = table[0] * len(m.b), row
        arrays["adaptive_evaluations"], arrays["adaptive_error"] = np.array(state.adaptive).T[1:]
    whole = float(_U(state.start))
    q = np.linspace(-math.sqrt(1 + 2 * math.sqrt(whole)), math.sqrt(1 + 2 * math.sqrt(whole)), 121)
    p = np.sqrt(np.maximum(2 * (whole - _U(q)), 0.0))
    arrays |= {"q": np.concatenate([q, q[::-1]]), "p": np.concatenate([p, -p[::-1]])}
    for name, motion in zip((*NAMES, "leapfrog"), state.motions, strict=True):
        arrays[f"{name}_q"], arrays[f"{name}_p"] = motion.path[-KEPT:].T
        arrays[f"{name}_energy"] = np.array(motion.worst)
        arrays[f"{name}_time"] = params.h * CHUNK * np.arange(1, len(motion.worst) + 1)
    if state.accepted:
        stride = -(-len(state.accepted) // SHOWN)
        arrays["t"], arrays["h"], arrays["speed"] = np.array(state.accepted[::stride]).T
    scalars = {f"{name.lower()}_growth": growth for name, growth in zip(NAMES, growths, strict=True)}
    scalars |= {"accepted": float(state.oscillator.accepted), "rejected": float(state.oscillator.rejected)}
    return Frame(state.steps, scalars, arrays, _note(params, state, growths, direction))


def _note(params: Params, state: State, growths: list[float], direction: complex) -> str:
    """Who blows up, and why."""
    from kernels import ode

    z = params.h * _rate(params)
    at = f"{z.real + 0.0:.3g}" + (f" + {z.imag:.3g}i" if z.imag else "")
    loud = [
        f"×{growth:.3g} with {name} (stable to {ode.largest_stable(m, direction):.3g})"
        for name, m, growth in zip(NAMES, _methods(), growths, strict=True)
        if growth > 1.0 + 1e-9
    ]
    note = f"hλ = {at}: " + (f"|y| grows each step {', '.join(loud)}" if loud else "no method makes |y| grow")
    if len(loud) == len(NAMES):
        note = f"hλ = {at}: every method makes |y| grow, each step {loud[-1]}"
    lost = [
        f"{name} at step {motion.diverged}"
        for name, motion in zip((*NAMES, "leapfrog"), state.motions, strict=True)
        if motion.diverged
    ]
    return note + (f". Double well: diverged {', '.join(lost)}" if lost else "")


def checks(params: Params, state: State) -> tuple[Check, ...]:
    """Slopes, growth factors, leapfrog's two invariants, and the tolerance of Dormand–Prince."""
    import numpy as np

    from kernels import ode

    rows = []
    if len(state.errors) == LEVELS:
        table = np.array(state.errors).T
        for name, m, row in zip(NAMES, _methods(), table[1:], strict=True):
            # Far enough in for the leading term, far enough above rounding.
            fit = (table[0] >= 128) & (row > 1e-12)
            slope = -float(np.polyfit(np.log(table[0][fit]), np.log(row[fit]), 1)[0])
            rows.append(Check(f"order of {name}", slope, m.order, 0.06 if m.order == 1 else 0.02))
    if len(state.adaptive) == TOLERANCES:
        worst = max(error / tolerance for tolerance, _, error in state.adaptive)
        rows.append(Check("Dormand–Prince: error at the end / tolerance", worst, 10.0, 0.0, "<="))
    z = params.h * _rate(params)
    factors = [float(np.abs(ode.stability(m, z))) for m in _methods()]
    off = max(abs(g / r - 1) if r else g for g, r in zip(_growths(_decays(params)), factors, strict=True))
    rows.append(Check("growth per step off |R(hλ)|, relative", off, 0.0, 1e-10))
    motion = state.motions[3]
    if done(params, state) and not motion.diverged:
        rows += _kept(params, state, motion)
    return tuple(rows)


def _kept(params: Params, state: State, motion: Motion) -> list[Check]:
    """What leapfrog keeps: areas, and the shadow energy to order h⁴ where the energy itself moves by h²."""
    from kernels import dual, leapfrog

    q, p = motion.path[-1].tolist()

    def moved(dq: float, dp: float) -> tuple[float, float]:
        # The derivative of one step along (dq, dp), by dual numbers.
        ball = leapfrog.step(_dU, leapfrog.State(dual.Dual(q, dq), dual.Dual(p, dp)), params.h)  # type: ignore[arg-type]
        return float(ball.q.tangent), float(ball.p.tangent)  # type: ignore[attr-defined]

    (a, c), (b, d) = moved(1.0, 0.0), moved(0.0, 1.0)
    whole = float(_U(state.start))
    half = len(motion.worst) // 2
    # The shadow energy moves by about 0.8 h² times as much as the energy in this well.
    drift = max(motion.worst[half:]) / max(motion.worst[:half])
    shadow = (state.shadow[1] - state.shadow[0]) / (max(motion.worst) * whole)
    return [
        Check("leapfrog: area of a step's image of the unit square", a * d - b * c, 1.0, 1e-12),
        Check("leapfrog: energy error, late / early", drift, 1.0, 0.1),
        Check("leapfrog: spread of shadow energy / error of H", shadow, 2.0 * params.h**2, 0.0, "<="),
    ]


def _each(suffix: str, x: str, names: tuple[str, ...] = NAMES) -> tuple[Series, ...]:
    """One curve a method; in `x` a * stands for its name."""
    return tuple(Series(name, f"{name}_{suffix}", x.replace("*", name)) for name in names)


LAB = Lab(
    id="ode-solvers",
    title="Solvers: order, stability, energy",
    chapter="calculus",
    section="2.2",
    lesson="stability",
    summary=(
        "Euler, Heun, RK4 and Dormand–Prince on one equation with a known answer, then beyond their limits: fast"
        " decay, a ball in a double well, an oscillator that jumps."
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
            "order",
            "Error at t = 2, by evaluations of f",
            series=(
                *_each("error", "*_evaluations"),
                Series("Dormand–Prince", "adaptive_error", "adaptive_evaluations"),
            ),
            x_label="evaluations",
            x_log=True,
            y_log=True,
        ),
        Chart(
            "growth",
            "|R(hλ)|: |y| grows by it each step",
            series=(
                *_each("ray", "ray"),
                Series("exact", "ray_exact", "ray", "dashed"),
                Series("measured", "growths", "here", "points"),
            ),
            x_label="|hλ|",
            y_range=(0.0, 3.0),
        ),
        Chart(
            "decay",
            "dy/dt = λy with step h: |y|",
            series=(*_each("decay", "n"), Series("exact", "exact", "n", "dashed")),
            x_label="t",
            y_log=True,
            y_range=(1e-6, 1e6),
        ),
        Chart(
            "stability",
            "Stable inside: the lines |R(z)| = 1",
            series=(
                Series("Euler", "Euler_im", "Euler_re", "points"),
                Series("Heun", "Heun_im", "Heun_re", "points"),
                Series("RK4", "RK4_im", "RK4_re", "points"),
                Series("hλ", "z_im", "z_re", "points"),
            ),
            x_label="Re z",
            y_label="Im z",
            equal=True,
        ),
        Chart(
            "energy",
            "Double well: error of the energy, |ΔH|/H",
            series=_each("energy", "*_time", (*NAMES, "leapfrog")),
            x_label="t",
            y_log=True,
            y_range=(1e-6, 1e3),
        ),
        Chart(
            "phase",
            "Double well: the last 150 steps",
            series=(
                *(Series(name, f"{name}_p", f"{name}_q", "points") for name in (*NAMES, "leapfrog")),
                Series("exact", "p", "q", "dashed"),
            ),
            x_label="q",
            y_label="p",
            x_range=(-2.5, 2.5),
            y_range=(-1.5, 1.5),
        ),
        Chart(
            "steps",
            "Van der Pol: Dormand–Prince's steps",
            series=(
                Series("step h", "h", "t"),
                Series("speed |dx/dt|", "speed", "t", "dashed"),
            ),
            x_label="t",
            y_log=True,
        ),
    ),
    prediction=Prediction(
        prompt=(
            "dy/dt = −12 y decays fast. Heun takes steps of h = 0.2. By what factor does |y| change in each step?"
            " (The exact factor is e^−2.4 = 0.09.)"
        ),
        scalar="heun_growth",
        low=0.0,
        high=100.0,
        chart="growth",
        why=(
            "Heun multiplies by 1 + z + z²/2 with z = hλ = −2.4: that is 1.48, so what should vanish explodes. It is"
            " stable on the negative axis down to z = −2 only: here h must be at most 0.167."
        ),
    ),
    explain="calc-lab-ode-solvers",
    source=("kernels.ode", "kernels.dormand_prince", "kernels.leapfrog"),
)
