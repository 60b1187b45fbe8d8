"""The help screen: what the screen below is for, and its keys."""

from __future__ import annotations

from typing import ClassVar, Self

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

MOVING = ("cursor_", "scroll_", "page_", "first", "last", "app.focus_", "screen.copy", "screen.minimize")
EDITING = ("delete_", "home", "end", "select_", "cut", "paste")
"""Beginnings of actions that every list and every text has; nobody looks up what the arrows do."""
FOOT = "Esc closes · F5 equations and terms · Ctrl+P any place or command"
"""Two keys that work everywhere and stand in few footers."""


class HelpScreen(ModalScreen[None]):
    """Lists the keys that work on a screen, with what each does."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close"),
    ]

    def __init__(self, title: str, about: str, keys: list[tuple[str, str]]) -> None:
        super().__init__()
        self._title = title
        self._about = about
        self._keys = keys

    @classmethod
    def of(cls, screen: Screen[object]) -> Self:
        """Build the help of a screen from its bindings and its `HELP` text."""
        keys: dict[str, tuple[list[str], str]] = {}
        # The screen's own keys first, then those of what has the focus, then those that work everywhere.
        places = {screen: 0, screen.app: 2}
        for active in sorted(screen.active_bindings.values(), key=lambda active: places.get(active.node, 1)):
            binding = active.binding
            text = binding.tooltip or binding.description
            if binding.system or not text or not active.enabled or binding.action.startswith(MOVING + EDITING):
                continue
            names, _ = keys.setdefault(binding.action, ([], text))
            name = screen.app.get_key_display(binding)
            if name not in names:
                names.append(name)
        rows = [(" ".join(names), text) for names, text in keys.values()]
        about = getattr(screen, "HELP", None) or ""
        return cls(str(screen.title or screen.app.title), about.strip(), rows)

    def compose(self) -> ComposeResult:
        """Lay out a scrolling box with the about text and a table of keys."""
        table = Table.grid(padding=(0, 3))
        table.add_column(no_wrap=True, style="bold")
        table.add_column()
        for names, text in self._keys:
            table.add_row(Text(names), Text(text))
        with VerticalScroll(id="help") as box:
            box.border_subtitle = FOOT
            yield Static(Text(self._title, style="bold"), id="help-title")
            if self._about:
                yield Static(Text(self._about), id="help-about")
            yield Static(table)
