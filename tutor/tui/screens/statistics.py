"""Statistics: time against the plan, reviews, recall, mastery and calibration, drawn in the lab host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static

from tutor import paths
from tutor.errors import TutorError
from tutor.labs.protocol import Picture
from tutor.progress.pictures import CHARTS, arrays, filled
from tutor.progress.statistics import Statistics, statistics
from tutor.tui.drawing import until_left
from tutor.tui.statistics_text import numbers
from tutor.tui.widgets.chart_view import ChartView
from tutor.tui.widgets.footer import KeyFooter

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

PARTS = {
    "time": "Time",
    "reviews": "Reviews",
    "recall": "Recall",
    "mastery": "Mastery",
    "calibration": "Calibration",
}


class Panel(Vertical):
    """A chart with its numbers below; the numbers alone where there is nothing to draw."""

    def __init__(self, part: str, *, drawn: bool) -> None:
        super().__init__(id=f"panel-{part}", classes="panel")
        self.part = part
        self.drawn = drawn

    def compose(self) -> ComposeResult:
        """The chart and the numbers."""
        if self.drawn:
            yield ChartView(self.part)
        yield Static(classes="numbers", markup=False)


class StatisticsScreen(Screen[None]):
    """One part at a time in a small terminal, all of them in a large one."""

    app: TutorApp
    TITLE = "Statistics"
    HELP = (
        "Tab goes to the next part; a large terminal shows all of them.\n"
        "Time: hours of each week beside what the plan has for it. Reviews: questions asked again on a later day, and "
        "what falls due in the next 30 days. Recall: how many of them you knew. Mastery: the objectives of each "
        "chapter. Calibration: how sure you said you were against how often you were right; on the diagonal the two "
        "agree, below it you were too sure. Predictions in labs for which you said how sure you are count in."
    )
    CSS_PATH = "statistics.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,right", "part(1)", "Next part", tooltip="Go to the next part"),
        Binding("shift+tab,left", "part(-1)", "Part before", show=False, tooltip="Go to the part before"),
        Binding("k", "leeches", "Leeches", tooltip="The questions that are forgotten again and again"),
        Binding("escape,q", "dismiss", "Back", tooltip="Back to where you were"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self.part = "time"
        self.found: Statistics | None = None
        """None until everything is counted."""
        self.pictures: dict[str, Picture] = {}
        """The charts as they were drawn last."""
        self._retention = 0.9
        self._asked = False

    def compose(self) -> ComposeResult:
        """The names of the parts, then two columns of them."""
        drawn = {chart.id for chart in CHARTS}
        yield Static(id="parts", markup=False)
        with Horizontal(id="panels"):
            for column in (("time", "reviews", "recall"), ("mastery", "calibration")):
                with Vertical(id=f"column-{column[0]}"):
                    for part in column:
                        yield Panel(part, drawn=part in drawn)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Count, and have the charts drawn."""
        self._choose()
        self.watch(self.app, "theme", self._ask, init=False)
        self._count()

    def on_screen_resume(self) -> None:
        """Take the host's drawings, which another screen may have had meanwhile."""
        self.app.host.on_drawing = self._drawn
        if self.found is not None:
            self._count()

    def on_unmount(self) -> None:
        """Leave the host to others."""
        if self.app.host.on_drawing == self._drawn:
            self.app.host.on_drawing = None

    @work(exclusive=True, group="count", exit_on_error=False)
    @until_left
    async def _count(self) -> None:
        """Count in a thread: a long log takes a moment."""
        try:
            found, self._retention = await asyncio.to_thread(self._counted)
        except TutorError as error:
            self.query_one("#parts", Static).update(Text(str(error)))
            return
        self.found = found
        self.refresh_bindings()
        full = {chart.id for chart in filled(found)}
        for panel in self.query(Panel):
            empty = panel.drawn and panel.part not in full
            panel.query_one(".numbers", Static).update(numbers(panel.part, found, empty=empty))
            for view in panel.query(ChartView):
                view.display = not empty
        self._ask()

    def _counted(self) -> tuple[Statistics, float]:
        """With a store of this thread's own."""
        from tutor.progress.store import Store

        store = Store.open(paths.database())
        try:
            return statistics(self.app.content_dir, self.app.course, store), store.review_settings().retention
        finally:
            store.close()

    # -- charts ---

    def _ask(self) -> None:
        """Have the charts drawn once they have their places."""
        if not self._asked:
            self._asked = True
            self.call_after_refresh(self._send)

    def _send(self) -> None:
        self._asked = False
        if self.found is None or self.app.host.on_drawing != self._drawn:
            return
        shown = [view for view in self.query(ChartView) if view.display and view.size.area]
        layout = [(view.chart_id, view.size.width, view.size.height) for view in shown]
        if layout:
            theme = "no-color" if self.app.no_color else "dark" if self.app.current_theme.dark else "light"
            self.app.host.draw(filled(self.found), arrays(self.found, self._retention), layout=layout, theme=theme)

    def _drawn(self, pictures: dict[str, Picture]) -> None:
        self.pictures = pictures
        for view in self.query(ChartView):
            if view.chart_id in pictures:
                view.show(pictures[view.chart_id])

    def on_chart_view_placed(self) -> None:
        """Have the charts drawn for the room that they have."""
        self._ask()

    # -- parts ---

    def _choose(self) -> None:
        for panel in self.query(Panel):
            panel.set_class(panel.part == self.part, "-current")
        for column in self.query("#panels > Vertical"):
            column.set_class(bool(column.query(".-current")), "-current")
        row = Text(no_wrap=True, overflow="ellipsis")
        for part, title in PARTS.items():
            here = part == self.part
            row.append("  " if row else "")
            row.append(f"[{title}]" if here else title, "bold reverse" if here else "dim")
        self.query_one("#parts", Static).update(row)

    def action_part(self, by: int) -> None:
        """Go to another part, round from the last to the first."""
        parts = list(PARTS)
        self.part = parts[(parts.index(self.part) + by) % len(parts)]
        self._choose()
        self.refresh_bindings()

    def action_leeches(self) -> None:
        """List what is forgotten again and again."""
        self.app.open_target("leeches")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where all parts are seen there is nothing to turn to; a list only where something is in it."""
        if action == "leeches":
            return self.found is not None and self.found.leeches > 0
        return action != "part" or not (self.has_class("-wide") and self.has_class("-tall"))
