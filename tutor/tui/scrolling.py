"""Reading on, screen by screen."""

from __future__ import annotations

from textual.widget import Widget

OVERLAP = 2
"""Lines that stay on the screen, so that the eye finds its place."""


def read_on(body: Widget) -> bool:
    """Scroll a screenful; at the end do nothing and say so."""
    if body.scroll_y >= body.max_scroll_y:
        return False
    body.scroll_relative(y=max(1, body.size.height - OVERLAP), animate=False)
    return True


def read_round(body: Widget) -> None:
    """Scroll a screenful; from the end back to the top."""
    if not read_on(body):
        body.scroll_home(animate=False)
