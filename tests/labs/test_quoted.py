"""Figures of a lab's own run that lessons and questions quote: the run gives them, with its defaults and seed 0."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tutor.labs import registry
from tutor.labs.run import Run
from tutor.labs.spec import Frame, make_params

CONTENT = Path(__file__).parents[2] / "content"
Scalars = Mapping[str, float]


def ran(lab: str) -> Frame:
    """The last frame of a run of the lab as it is started."""
    spec = registry.get(lab)
    run = Run(spec, make_params(spec, {}), 0)
    while not run.done:
        run.advance()
    return run.frame()


def rounds_to(figure: float, said: str) -> bool:
    """Whether a figure is what a text says, to its last digit."""
    digits = len(said.partition(".")[2])
    return abs(figure - float(said)) <= 0.6 * 10.0**-digits


QUOTES: list[tuple[str, str, str, Callable[[Scalars], tuple[float, ...]]]] = [
    # lab, file, what it says with the figures in groups, the same figures of the run
    (
        "rbm",
        "08-energy-models/questions.toml",
        r"With CD-1 the machines put (74) % of their mass .*?, with PCD-1 (84) %.*? worse by (1\.4) nats",
        lambda s: (100 * s["cd_mass"], 100 * s["pcd_mass"], s["pcd_likelihood"] - s["cd_likelihood"]),
    ),
    (
        "gan",
        "09-diffusion/lessons/unified-view.md",
        r"gets to\s\$V = (-1\.2)\$ and so proves a JS of some (0\.09) nats; the share of some (10) % off",
        lambda s: (s["judge"], s["jensen_shannon"], 100 * s["off_end"]),
    ),
    (
        "beta-vae",
        "06-information-theory/lessons/rate-distortion.md",
        r"error the neural VAE needs (6\.7) nats where a Gaussian needs (9\.1)",
        lambda s: (s["rate"], s["gaussian_rate"]),
    ),
    ("flow-2d", "05-probability/lessons/flows.md", r"in the lab (0\.7) % of the samples", lambda s: (s["stray"],)),
]


@pytest.mark.full
@pytest.mark.parametrize(("lab", "file", "said", "found"), QUOTES, ids=[quote[0] for quote in QUOTES])
def test_a_run_gives_what_is_quoted(
    lab: str, file: str, said: str, found: Callable[[Scalars], tuple[float, ...]]
) -> None:
    quoted = re.search(said, (CONTENT / file).read_text("utf-8"), re.DOTALL)
    assert quoted is not None
    for figure, text in zip(found(ran(lab).scalars), quoted.groups(), strict=True):
        assert rounds_to(figure, text), (figure, text)


@pytest.mark.full
def test_the_table_of_rivals_is_that_of_the_run() -> None:
    page = (CONTENT / "09-diffusion/lessons/unified-view.md").read_text("utf-8")
    names = "true samples|a Gaussian|VAE|VAE \\+ diffusion|diffusion|flow matching|GAN"
    rows = re.findall(rf"^\| (?:{names}) \| [\d.]+ \| .*$", page, re.MULTILINE)
    said = [[re.sub(r"[^\d.]", "", cell) for cell in row.strip("| ").split("|")[1:]] for row in rows]
    table = ran("vae-vs-diffusion").arrays["table"]
    assert len(said) == len(table)
    # The columns of the page: distance, share off, least share, −log p of fresh points.
    for cells, figures in zip(said, table[:, [0, 1, 2, 4]], strict=True):
        for cell, figure in zip(cells, figures, strict=False):
            assert not cell or rounds_to(figure, cell), (figure, cell)
