"""Settings: how it looks and how reviews are scheduled, each changed with the arrows and kept at once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList, Static

from tutor import paths
from tutor.errors import TutorError
from tutor.settings import Settings, save_settings
from tutor.tui.widgets.dials import Dial, Dials
from tutor.tui.widgets.footer import KeyFooter

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

LOOKS = {
    "theme": ("Theme", "Dark or light; t on Today switches it as well."),
    "ascii_math": (
        "Formulas in plain ASCII",
        "Writes formulas with the signs of a keyboard alone, for a terminal or a reader that has no others.",
    ),
}
"""(Label, help) of the settings that have few values; the others are typed on the command line."""
FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
REVIEWS = {
    "retention": (
        0.70,
        0.97,
        0.01,
        "A question comes back when you would still know it with this chance. Higher: you forget less and review more.",
    ),
    "cap": (1, 500, 1, "At most so many reviews a day; what is left over waits, the best known first."),
    "fuzz": (0, 1, 1, "Spreads intervals a little, so that what was learned together does not come back together."),
}
"""(Least, most, step, help) of what reviews are scheduled by."""


class SettingsScreen(Screen[None]):
    """A list of dials; below it what the marked one means."""

    app: TutorApp
    TITLE = "Settings"
    HELP = (
        "Up and down mark a setting, left and right change it; Page Up and Page Down change it by more. It is kept at "
        "once. What concerns reviews counts from the next answer on."
    )
    CSS_PATH = "settings.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "more", "Change", tooltip="Change what is marked"),
        Binding("d", "app.open('data')", "Your data", tooltip="Export, begin anew, flagged questions"),
        Binding("escape", "dismiss", "Back", tooltip="Back to where you were"),
    ]

    def compose(self) -> ComposeResult:
        """The dials and the help of the marked one."""
        yield Static(Text("Settings", style="bold"), id="settings-title")
        yield Dials(self._turn, id="dials")
        yield Static(id="settings-help", markup=False)
        yield Static(id="settings-files", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Show what is chosen."""
        data = self.app.settings.data or "the digits that come along"
        lines = f"Digits: {data}; `genai-tutor --data FOLDER` changes it.\nKept in {paths.settings_file()}"
        self.query_one("#settings-files", Static).update(Text(lines))
        self._draw()
        self.query_one(Dials).focus()

    def _draw(self) -> None:
        chosen = self.app.store.review_settings()
        dials = [Dial(name, label, _written(getattr(self.app.settings, name))) for name, (label, _) in LOOKS.items()]
        dials += [
            Dial("retention", "Chance of recall", f"{chosen.retention:.2f}"),
            Dial("cap", "Reviews a day", f"at most {chosen.cap}"),
            Dial("fuzz", "Spread reviews", _written(chosen.fuzz)),
        ]
        self.query_one(Dials).show(dials)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what the marked setting means."""
        name = event.option_id or ""
        text = LOOKS[name][1] if name in LOOKS else REVIEWS[name][3]
        self.query_one("#settings-help", Static).update(Text(text))

    def action_more(self) -> None:
        """Change what is marked by one."""
        self.query_one(Dials).action_turn(1)

    def _turn(self, name: str, by: int) -> None:
        if name in LOOKS:
            self._change_look(name, by)
        else:
            self._change_reviews(name, by)
        self._draw()

    def _change_look(self, name: str, by: int) -> None:
        values = FIELDS[name].metadata.get("choices", (False, True))
        at = values.index(getattr(self.app.settings, name))
        value = values[(at + (1 if by > 0 else -1)) % len(values)]
        try:
            self.app.settings = save_settings(paths.settings_file(), self.app.settings, **{name: value})
        except TutorError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if name == "theme":
            self.app.theme = value

    def _change_reviews(self, name: str, by: int) -> None:
        low, high, step, _ = REVIEWS[name]
        now = self.app.store.review_settings()
        value = getattr(now, name)
        turned = value + by * step if name != "fuzz" else not value
        changed = msgspec.structs.replace(now, **{name: type(value)(min(max(round(turned, 2), low), high))})
        if changed != now:
            self.app.store.record(changed)


def _written(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
