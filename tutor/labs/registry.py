"""Where each lab is defined. A lab's module is loaded when the lab is asked for."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tutor.errors import no_such
from tutor.labs.spec import Lab

LABS = {
    "svd-digits": "tutor.labs.svd_digits",
    "whitening": "tutor.labs.whitening",
    "attention-scaling": "tutor.labs.attention_scaling",
    "autodiff": "tutor.labs.autodiff",
    "ode-solvers": "tutor.labs.ode_solvers",
    "neural-ode-spiral": "tutor.labs.neural_ode_spiral",
    "resnet-vs-neural-ode": "tutor.labs.resnet_vs_neural_ode",
    "optimizers": "tutor.labs.optimizers",
    "learning-rate": "tutor.labs.learning_rate",
    "regularization": "tutor.labs.regularization",
    "convolution": "tutor.labs.convolution",
    "resnet-spiral": "tutor.labs.resnet_spiral",
    "inverse-cdf": "tutor.labs.inverse_cdf",
    "gaussian-transforms": "tutor.labs.gaussian_transforms",
    "importance-sampling": "tutor.labs.importance_sampling",
    "flow-1d": "tutor.labs.flow_1d",
    "flow-2d": "tutor.labs.flow_2d",
    "entropy": "tutor.labs.entropy",
    "kl-directions": "tutor.labs.kl_directions",
    "beta-vae": "tutor.labs.beta_vae",
    "brownian": "tutor.labs.brownian",
    "forward-sde": "tutor.labs.forward_sde",
    "langevin-double-well": "tutor.labs.langevin_double_well",
    "mcmc": "tutor.labs.mcmc",
    "elbo": "tutor.labs.elbo",
    "ring-vae": "tutor.labs.ring_vae",
    "score-matching": "tutor.labs.score_matching",
    "rbm": "tutor.labs.rbm",
    "gnn-ising": "tutor.labs.gnn_ising",
    "score-9grid": "tutor.labs.score_9grid",
    "u-turn": "tutor.labs.u_turn",
    "guidance": "tutor.labs.guidance",
    "vae-vs-diffusion": "tutor.labs.vae_vs_diffusion",
    "schrodinger-bridge": "tutor.labs.schrodinger_bridge",
    "gan": "tutor.labs.gan",
    "flow-matching": "tutor.labs.flow_matching",
    "digits-diffusion": "tutor.labs.digits_diffusion",
}
"""Lab id → module with the constant `LAB`, in the order of the course."""


def get(lab_id: str) -> Lab[Any, Any]:
    """The lab of this id; raises TutorError that names the nearest ids."""
    lab: Lab[Any, Any] = import_module(_module(lab_id)).LAB
    return lab


@cache
def title(lab_id: str) -> str:
    """A lab's title as its module declares it, read from the text: lists name labs, and a module loads numpy."""
    text = Path(__file__).with_name(_module(lab_id).rpartition(".")[2] + ".py").read_text(encoding="utf-8")
    found = re.search(r'^LAB = Lab\(.*?^    title="([^"\n\\]+)",$', text, re.DOTALL | re.MULTILINE)
    return found[1] if found is not None else get(lab_id).title


def _module(lab_id: str) -> str:
    module = LABS.get(lab_id)
    if module is None:
        raise no_such("there is no lab", lab_id, LABS, "see `genai-tutor labs`")
    return module


def all_labs() -> list[Lab[Any, Any]]:
    """All labs, in the order of the course."""
    return [get(lab_id) for lab_id in LABS]
