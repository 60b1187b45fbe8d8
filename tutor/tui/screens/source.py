"""Show me the code: the kernels that a lab runs, as they are on disk."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from rich.style import Style
from rich.syntax import PygmentsSyntaxTheme, Syntax
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from tutor.tui.widgets.footer import KeyFooter


class OnOwnGround(PygmentsSyntaxTheme):
    """The colours of a theme without its background, which would lie in patches on that of the screen."""

    def get_style_for_token(self, token_type: tuple[str, ...]) -> Style:
        """The token's style, without background."""
        style = super().get_style_for_token(token_type)
        return Style(color=style.color, bold=style.bold, italic=style.italic, underline=style.underline)

    def get_background_style(self) -> Style:
        """None."""
        return Style.null()


class SourceScreen(Screen[None]):
    """One kernel file at a time, highlighted."""

    TITLE = "Code"
    HELP = "The code that this lab runs, exactly as it is installed. Tab goes to the lab's next file."
    CSS_PATH = "source.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,s,q", "dismiss", "Back to the lab"),
        Binding("tab,n", "file(1)", "Next file"),
        Binding("y", "copy", "Copy", tooltip="Copy the file"),
        Binding("g,home", "top", "Top", show=False),
        Binding("G,end", "bottom", "End", show=False),
    ]

    def __init__(self, modules: tuple[str, ...]) -> None:
        super().__init__()
        self.modules = modules
        self.at = 0
        self.text = ""

    def compose(self) -> ComposeResult:
        """A title line and the file below it."""
        yield Static(id="source-title", markup=False)
        with VerticalScroll(id="source-body"):
            yield Static(id="source-code", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show the first file."""
        self._show()

    def _show(self) -> None:
        module = self.modules[self.at]
        spec = find_spec(module)
        path = Path(spec.origin) if spec is not None and spec.origin is not None else None
        self.text = path.read_text(encoding="utf-8") if path is not None else f"{module} is not installed"
        name = module.replace(".", "/") + ".py"
        place = f"   {self.at + 1} of {len(self.modules)}" if len(self.modules) > 1 else ""
        self.query_one("#source-title", Static).update(Text(name + place, style="bold"))
        theme = OnOwnGround("github-dark" if self.app.current_theme.dark else "friendly")
        code = Syntax(self.text, "python", theme=theme, line_numbers=True, word_wrap=True)
        self.query_one("#source-code", Static).update(code)
        self.query_one("#source-body").scroll_home(animate=False)
        self.query_one("#source-body").focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the next file only where there is one."""
        return action != "file" or len(self.modules) > 1

    def action_file(self, by: int) -> None:
        """Go to the next file, round to the first."""
        self.at = (self.at + by) % len(self.modules)
        self._show()

    def action_copy(self) -> None:
        """Copy the whole file to the clipboard."""
        self.app.copy_to_clipboard(self.text)
        self.notify(f"Copied {self.modules[self.at]}", markup=False)

    def action_top(self) -> None:
        """Go to the first line."""
        self.query_one("#source-body").scroll_home(animate=False)

    def action_bottom(self) -> None:
        """Go to the last line."""
        self.query_one("#source-body").scroll_end(animate=False)
