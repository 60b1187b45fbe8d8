"""Trained models, kept in the learner's folder so that a lab need not train again what it has trained before.

A file is a cache: what is in it follows from lab, parameters and version, so a run ends the same with it or without.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tutor import paths
from tutor.errors import TutorError
from tutor.files import replacing

if TYPE_CHECKING:
    import numpy.typing as npt

    Arrays = dict[str, npt.NDArray[Any]]

VERSION = 1
"""Part of every key: raise it when training changes, so that older files are not used."""
KEPT = 12
"""Files kept of a lab; the ones used longest ago go."""


class Loaded(NamedTuple):
    """What was found."""

    arrays: Arrays | None
    problem: str
    """Why a file that is there is of no use, in one line; empty otherwise."""


def _key(lab: str, parameters: Mapping[str, Any]) -> str:
    return json.dumps({"lab": lab, "version": VERSION, **parameters}, sort_keys=True)


def file(lab: str, parameters: Mapping[str, Any]) -> Path:
    """Where the model of this lab and these parameters is kept."""
    digest = hashlib.sha256(_key(lab, parameters).encode()).hexdigest()[:12]
    return paths.home() / "models" / f"{lab}-{digest}.npz"


def load(lab: str, parameters: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...] | None]) -> Loaded:
    """The arrays named in `shapes`, each of its shape (None: any) and finite; nothing if there is no sound file."""
    import numpy as np

    try:
        path = file(lab, parameters)
        if not path.is_file():
            return Loaded(None, "")
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["key"]) != _key(lab, parameters):
                raise ValueError("is of another run")
            arrays = {name: kept[name] for name in shapes}
        for name, shape in shapes.items():
            array = arrays[name]
            if shape is not None and array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}")
            if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                raise ValueError(f"{name} is not finite")
        os.utime(path)
    except TutorError:
        return Loaded(None, "")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError):
        return Loaded(None, f"the kept model {path.name} is damaged: training again")
    return Loaded(arrays, "")


def save(lab: str, parameters: Mapping[str, Any], arrays: Mapping[str, npt.ArrayLike]) -> str:
    """Keep the arrays; all of the file appears or nothing. Returns why that failed, in one line, or nothing."""
    import numpy as np

    try:
        path = file(lab, parameters)
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as stream:
            np.savez(stream, allow_pickle=False, key=np.array(_key(lab, parameters)), **arrays)
        ours = sorted(path.parent.glob(f"{lab}-*.npz"), key=lambda each: each.stat().st_mtime, reverse=True)
        for old in ours[KEPT:]:
            old.unlink(missing_ok=True)
    except (OSError, TutorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return f"the model could not be kept: {reason}"
    return ""
