"""Settings: each declared once, kept in a TOML file in the learner's folder."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tutor.errors import TutorError


@dataclass(frozen=True)
class Settings:
    """What the learner may choose. Field metadata: `help`, and `choices` where only some values are allowed."""

    theme: str = field(default="dark", metadata={"help": "dark or light", "choices": ("dark", "light")})
    data: str = field(default="", metadata={"help": "folder with the four MNIST IDX files; empty: the shipped digits"})
    ascii_math: bool = field(default=False, metadata={"help": "formulas in plain ASCII"})


def load_settings(path: Path) -> Settings:
    """Read the settings; a missing file gives the defaults, unknown keys are left alone.

    Raises TutorError with file and line for a file that is not TOML or a value that is not allowed.
    """
    values = _read(path)
    chosen: dict[str, Any] = {}
    for setting in dataclasses.fields(Settings):
        if setting.name not in values:
            continue
        value = values[setting.name]
        choices = setting.metadata.get("choices")
        if type(value) is not type(setting.default) or (choices and value not in choices):
            raise TutorError(f"{path}: {setting.name} = {value!r} is not allowed; it is {setting.metadata['help']}")
        chosen[setting.name] = value
    return Settings(**chosen)


def save_settings(path: Path, settings: Settings, **changes: Any) -> Settings:
    """Change settings and write the file whole or not at all; returns the new settings.

    Raises TutorError when it cannot be written.
    """
    changed = dataclasses.replace(settings, **changes)
    values = {**_read(path), **dataclasses.asdict(changed)}
    # A JSON string, number or boolean is also a TOML one.
    text = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
    except OSError as error:
        raise TutorError(f"{path}: cannot be written ({error.strerror})") from None
    return changed


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TutorError(f"{path}: {error}; mend the line or remove the file") from None
    except OSError as error:
        raise TutorError(f"{path}: cannot be read ({error.strerror})") from None
