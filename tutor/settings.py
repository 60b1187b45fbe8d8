"""Settings: each declared once, kept in a TOML file in the learner's folder that may also be edited by hand."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tutor.errors import TutorError
from tutor.files import replacing


@dataclass(frozen=True)
class Settings:
    """What the learner may choose.

    Field metadata: `about`, what it is; `takes`, the values in words; `choices` where only some are allowed.
    """

    theme: str = field(
        default="dark", metadata={"about": "colours", "takes": "dark or light", "choices": ("dark", "light")}
    )
    data: str = field(
        default="",
        metadata={
            "about": "digits for the labs",
            "takes": "a folder with the four MNIST IDX files; empty for the digits that come along",
        },
    )
    ascii_math: bool = field(
        default=False, metadata={"about": "formulas in the signs of a keyboard alone", "takes": "true or false"}
    )


def load_settings(path: Path) -> Settings:
    """Read the settings; a missing file or key gives the default, unknown keys are ignored.

    Raises TutorError with file and line for a file that is not TOML or a value that is not allowed.
    """
    text = _read(path)
    values = _parse(path, text)
    known = {setting.name: setting for setting in dataclasses.fields(Settings)}
    chosen = {name: value for name, value in values.items() if name in known}
    for name, value in chosen.items():
        if not _allowed(known[name], value):
            at = _find(text, name)
            line = 1 if at is None else text.count("\n", 0, at.start()) + 1
            raise TutorError(f"{path}:{line}: {name} cannot be {value!r}; it takes {known[name].metadata['takes']}")
    return Settings(**chosen)


def save_settings(path: Path, settings: Settings, **changes: str | bool) -> Settings:
    """Change settings in the file, whole or not at all, and return them; all else in the file stays as it is.

    Raises TutorError for a value that is not allowed or a file that cannot be read or written, and leaves the file.
    """
    text = _read(path)
    expected = {**_parse(path, text), **changes}
    for setting in dataclasses.fields(Settings):
        if setting.name in changes:
            value = changes[setting.name]
            if not _allowed(setting, value):
                raise TutorError(f"{setting.name} cannot be {value!r}; it takes {setting.metadata['takes']}")
            text = _with(text, setting, value)
    try:
        good = tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        good = False
    if not good:
        raise TutorError(f"{path}: {', '.join(changes)} cannot be changed where it stands; edit the file by hand")
    _write(path, text)
    return dataclasses.replace(settings, **changes)  # type: ignore[arg-type]  # each value was checked above


def _allowed(setting: dataclasses.Field[Any], value: object) -> bool:
    choices = setting.metadata.get("choices")
    return type(value) is type(setting.default) and (choices is None or value in choices)


def _find(text: str, name: str) -> re.Match[str] | None:
    """The line of a key; keys in tables further down belong to someone else."""
    table = re.search(r"^[ \t]*\[", text, re.MULTILINE)
    return re.compile(rf"^[ \t]*{name}[ \t]*=.*$", re.MULTILINE).search(text, 0, table.start() if table else len(text))


def _with(text: str, setting: dataclasses.Field[Any], value: str | bool) -> str:
    # A JSON string or boolean is also a TOML one, but for the one control character that JSON lets through.
    line = f"{setting.name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
    at = _find(text, setting.name)
    if at is not None:
        return text[: at.start()] + line + text[at.end() :]
    return f"# {setting.metadata['about']}: {setting.metadata['takes']}\n{line}\n{text}"


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise TutorError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TutorError(f"{path}:{line}: not UTF-8; mend the line or remove the file") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).partition(" (at ")
        number = re.match(r"line (\d+)", place)
        line = int(number[1]) if number else text.count("\n") + 1
        raise TutorError(f"{path}:{line}: {message}; mend the line or remove the file") from None


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(text.encode())
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a value is not text"
        raise TutorError(f"{path}: cannot be written ({reason})") from None
