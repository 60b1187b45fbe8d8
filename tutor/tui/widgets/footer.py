"""The footer: the keys that work now, in one row."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget

ALWAYS = {"help", "app.quit"}
"""Actions whose keys stand there however short the row is."""


class KeyFooter(Widget):
    """Paints the keys of its screen. Textual's own footer mounts a widget a key, and holds painting back meanwhile."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"footer--key", "footer--description"}
    DEFAULT_CSS = """
    KeyFooter {
        dock: bottom;
        height: 1;
        padding: 0 1;
        background: $footer-background;
        text-wrap: nowrap;
        text-overflow: ellipsis;

        & > .footer--key {
            color: $footer-key-foreground;
            text-style: bold;
        }

        & > .footer--description {
            color: $footer-description-foreground;
        }
    }
    """

    _places: list[tuple[int, int, str]] = []
    """(first column, column after the last, key) of each key as painted."""

    def on_mount(self) -> None:
        """Listen for keys that come and go."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Text:
        """Each key with what it does; where the row is too short, the last ones go, never the way out and help."""
        keys = self._keys()
        while sum(cell_len(name) + cell_len(binding.description) + 3 for binding, name in keys) - 2 > self.size.width:
            spare = [key for key in keys if key[0].key != "escape" and key[0].action not in ALWAYS]
            if not spare:
                break
            keys.remove(spare[-1])
        self._places = []
        key_style = self.get_component_rich_style("footer--key", partial=True)
        text_style = self.get_component_rich_style("footer--description", partial=True)
        row = Text()
        for binding, name in keys:
            start = row.cell_len
            row.append(name, key_style)
            row.append(f" {binding.description}", text_style)
            self._places.append((start, row.cell_len, binding.key))
            row.append("  ")
        row.rstrip()
        return row

    def _keys(self) -> list[tuple[Binding, str]]:
        """The bindings that work now and their keys as written, one for each action."""
        found: dict[str, tuple[Binding, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled:
                found.setdefault(binding.action, (binding, self.app.get_key_display(binding)))
        return list(found.values())

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        offset = event.get_content_offset(self)
        for start, end, key in self._places:
            if offset is not None and start <= offset.x < end:
                self.app.simulate_key(key)
