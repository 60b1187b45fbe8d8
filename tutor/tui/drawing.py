"""Drawing that takes a while, on a screen that may be left meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from textual.css.query import NoMatches
from textual.screen import Screen

S = TypeVar("S", bound=Screen[Any])
P = ParamSpec("P")
Draw = Callable[Concatenate[S, P], Coroutine[Any, Any, None]]


def until_left(draw: Draw[S, P]) -> Draw[S, P]:
    """Let a worker that draws a screen end quietly when the screen is left, and its widgets go, while it waits."""

    @wraps(draw)
    async def drawing(screen: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            await draw(screen, *args, **kwargs)
        except NoMatches:
            # A screen that is being taken apart is not displayed any more.
            if screen.display:
                raise

    return drawing
