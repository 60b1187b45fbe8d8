"""What the command line writes: JSON that every reader takes, in the characters that the output has."""

from __future__ import annotations

import json
import sys
from typing import Any

import click


def has_unicode() -> bool:
    """Whether the output's encoding has every character."""
    try:
        "⣿".encode((sys.stdout and sys.stdout.encoding) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def emit(row: dict[str, Any]) -> None:
    """Write a line of JSON; what is not finite becomes null."""
    click.echo(json.dumps(_finite(row), ensure_ascii=not has_unicode()))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not (-float("inf") < value < float("inf")):
        return None
    return value
