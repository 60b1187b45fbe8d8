"""What Python's garbage collector goes through while the tutor is open: a full pass holds up a key."""

from __future__ import annotations

import gc
from functools import lru_cache

from textual._styles_cache import StylesCache
from textual.color import Color
from textual.style import Style

_inner_outer = StylesCache.get_inner_outer.__wrapped__


@lru_cache(1024)
def _of_colours(base_background: Color, background: Color) -> tuple[Style, Style]:
    """The two backgrounds of a widget, which are a matter of colours alone."""
    return _inner_outer(None, base_background, background)


# Textual's cache has the widget's painted lines in its key: it keeps those of a thousand widgets that are long gone,
# some 300,000 objects after a hundred pages.
StylesCache.get_inner_outer = staticmethod(_of_colours)  # type: ignore[method-assign,assignment]


def spare() -> None:
    """Leave alone from now on what is there, until `settle`."""
    gc.freeze()
    gc.enable()


def settle() -> None:
    """Go through everything once, so that what has gone is given back, then leave alone what is there."""
    gc.unfreeze()
    gc.collect()
    spare()
