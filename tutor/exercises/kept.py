"""Keeps what code printed, so that an author who changes one page does not wait for all others to run again."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

Runner = Callable[[str], tuple[bool, str]]


class Kept:
    """A runner that asks another one only for code that it has not seen run well with these kernels."""

    def __init__(self, run: Runner, file: Path, *, fresh: bool = False) -> None:
        self._run = run
        self._file = file
        self._world = _world()
        self._known: dict[str, str] = {}
        self._used: dict[str, str] = {}
        if not fresh:
            self._known = _read(file)

    def __call__(self, source: str) -> tuple[bool, str]:
        """Return whether the code ended well, and its output or the error."""
        key = hashlib.sha256(f"{self._world}\0{source}".encode()).hexdigest()
        if key in self._known:
            self._used[key] = self._known[key]
            return True, self._known[key]
        ok, output = self._run(source)
        if ok:
            self._used[key] = output
        return ok, output

    def save(self, *, whole: bool = True) -> None:
        """Keep what was used now and, if that was the whole course, drop the rest.

        Where it cannot be written, the code runs again next time.
        """
        kept = self._used if whole else _read(self._file) | self._used
        new = self._file.with_suffix(".new")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(kept), encoding="utf-8")
            os.replace(new, self._file)


def _read(file: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        known = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(known, dict) and all(isinstance(output, str) for output in known.values()):
            return known
    return {}


def _world() -> str:
    """What the output of code of the lessons depends on besides the code."""
    import kernels

    digest = hashlib.sha256(sys.version.encode())
    for package in ("numpy", "torch", "scipy"):
        with suppress(PackageNotFoundError):
            digest.update(f"{package} {version(package)}".encode())
    folder = Path(kernels.__file__ or "").parent
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
