"""What dialogs share: help, which the app's own key does not reach under a modal screen."""

from __future__ import annotations

from typing import TypeVar

from textual.binding import Binding
from textual.screen import ModalScreen

Answer = TypeVar("Answer")
HELP_KEY = Binding("question_mark", "help", "Help", key_display="?", tooltip="Keys of this dialog")
"""The last of the keys of a dialog."""
TYPING_HELP_KEY = Binding("f1", "help", "Help", key_display="F1", tooltip="Keys of this dialog")
"""The same where text is typed, in which a question mark is text."""


class Dialog(ModalScreen[Answer]):
    """A modal screen with help; it yields a `KeyFooter` of its own, which hides that of the screen below."""

    async def action_help(self) -> None:
        """Show the keys of this dialog."""
        await self.app.run_action("help", self.app)
