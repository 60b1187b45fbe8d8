"""A lab: charts that the host draws, knobs, checks against the exact answer, and the learner's prediction."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, Static

from tutor.errors import TutorError
from tutor.labs.spec import Check, Lab, Param, Value, figure, make_params, params_of, with_minus
from tutor.progress import events as log
from tutor.tui import collector
from tutor.tui.format import bar, time_left
from tutor.tui.pace import Pace
from tutor.tui.screens.predict import PredictScreen
from tutor.tui.widgets.chart_view import ChartView
from tutor.tui.widgets.footer import KeyFooter
from tutor.tui.widgets.knobs import Knobs
from tutor.tui.widgets.row import Row, cell

if TYPE_CHECKING:
    from tutor.labs.protocol import Frame
    from tutor.tui.app import TutorApp

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 0.0)
"""Multiples of the lab's usual pace; 0 is as fast as it goes."""

LONG_SECONDS = 10.0
"""Of a run that takes longer it is said how long."""


class LabScreen(Screen[None]):
    """Runs one lab in the host process and shows what comes back."""

    app: TutorApp
    HELP = (
        "Up and down choose a knob, left and right turn it, Enter types its value; a knob marked ⟲ starts the run "
        "again. Under the knobs stand the checks: the exact value, what was measured, and whether they agree; "
        "PgDn shows those that have no room.\n"
        "Before the first run you write down a prediction; afterwards you explain what you saw."
    )
    CSS_PATH = "lab.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play", tooltip="Run, or hold"),
        Binding("full_stop", "step", "Step", key_display=".", tooltip="One step"),
        Binding("r", "restart", "Restart", tooltip="Start the run again with the same seed"),
        Binding("g", "seed", "New seed", show=False, tooltip="Start again with the next seed"),
        Binding("tab", "chart(1)", "Chart", tooltip="Show the next chart"),
        Binding("shift+tab", "chart(-1)", "Previous chart", show=False, tooltip="Show the previous chart"),
        Binding("z", "zoom", "Zoom", show=False, tooltip="One chart large, or several at once"),
        Binding("plus,equals_sign", "speed(1)", "Faster", key_display="+", show=False, tooltip="More steps a second"),
        Binding("minus", "speed(-1)", "Slower", key_display="-", show=False, tooltip="Fewer steps a second"),
        Binding("d", "defaults", "Defaults", show=False, tooltip="Put the knobs back to where the lab opens"),
        Binding(
            "pagedown",
            "findings(1)",
            "Checks",
            show=False,
            priority=True,
            tooltip="Scroll the checks beside the charts down",
        ),
        Binding("pageup", "findings(-1)", "Checks up", show=False, priority=True, tooltip="Scroll the checks up"),
        Binding("s", "source", "Code", tooltip="Read the kernels that this lab runs"),
        Binding("e", "explain", "Explain", tooltip="Answer the question about what you saw"),
        Binding("escape", "leave", "Back", tooltip="Back; the run is kept in your log"),
        Binding("q", "leave", "Leave", show=False),
    ]

    def __init__(self, lab: Lab[Any, Any]) -> None:
        super().__init__()
        self.lab = lab
        self.knobs = params_of(lab.params)
        self.values: dict[str, Value] = {knob.name: knob.default for knob in self.knobs}
        self.seed = 0
        self.chart = 0
        self.zoomed = False
        self.speed = SPEEDS.index(1.0)
        self.predicted: float | None = None
        self.frame: Frame | None = None
        self.started: dict[str, Value] = {}
        """The parameters with which the run began; with the seed and the changes they replay it."""
        self.changes: list[tuple[int, str, Value]] = []
        self.logged = 0
        """Steps of this run that are in the log."""
        self.typing: Param | None = None
        self.pace = Pace()
        self.said = ""
        self.outcome = Text()
        self.introducing = False
        """Whether the introduction stands where the outcome will."""
        self.checked: list[Check] = []

    def compose(self) -> ComposeResult:
        """Charts on the left, knobs and checks on the right, one sentence below."""
        yield Static(id="lab-head", markup=False)
        with Horizontal(id="lab-main"):
            with Container(id="charts"):
                for at, chart in enumerate(self.lab.charts, start=1):
                    yield ChartView(chart.id, f"{at}/{len(self.lab.charts)}")
            with Vertical(id="side"):
                yield Knobs(self.knobs, self._turn, id="knobs")
                yield Static(id="knob-help", markup=False)
                yield Input(id="value")
                with VerticalScroll(id="findings", can_focus=False):
                    yield Static(id="checks", markup=False)
        yield Static(id="outcome", markup=False)
        yield Static(id="lab-note", markup=False)
        yield KeyFooter()

    # -- opening and leaving ---

    def on_mount(self) -> None:
        """Open the lab in the host with the learner's data folder and earlier prediction."""
        self.set_reactive(Screen.title, self.lab.title)
        self._restore()
        state = self.app.store.lab(self.lab.id)
        self.predicted = None if state is None else state.prediction
        self._show_knobs()
        self._draw_head()
        # What the lab is about stands there until its first step; the note below says what is happening.
        about = self.query_one("#outcome", Static)
        about.update(Text(self.lab.summary))
        about.display = self.introducing = True
        if self.lab.torch:
            self._say("PyTorch is being loaded: the first picture takes some seconds")
        self.query_one(Knobs).focus()
        self._arrange()
        # At once, so that a key pressed now finds the lab open; its charts follow when they have their place.
        self._open()
        self.watch(self.app, "theme", lambda: self.app.host.set_theme(self._theme()), init=False)
        if not self.app.is_headless:
            # While a lab runs the collector leaves alone what has been loaded for it too.
            self.call_after_refresh(collector.spare)

    def on_unmount(self) -> None:
        """Let what the lab held be given back."""
        if not self.app.is_headless:
            self.app.call_after_refresh(collector.settle)

    def _defaults(self) -> dict[str, Value]:
        """How the lab opens at first, with the learner's own data where there are some."""
        values = {knob.name: knob.default for knob in self.knobs}
        if "data" not in values or not self.app.settings.data:
            return values
        try:
            make_params(self.lab, {**values, "data": self.app.settings.data})
        except TutorError as error:
            self.notify(f"{error}; the shipped data are used instead", severity="warning", markup=False)
            return values
        return {**values, "data": self.app.settings.data}

    def _restore(self) -> None:
        """Turn the knobs to where the learner left them."""
        self.values = self._defaults()
        try:
            kept = json.loads(self.app.store.draft(self.draft_key) or "{}")
            values = {**self.values, **{name: kept["values"][name] for name in kept.get("values", ())}}
            make_params(self.lab, values)
            self.values, self.seed = values, int(kept.get("seed", 0))
        except (ValueError, KeyError, TypeError, AttributeError, TutorError):
            # The lab has changed since: its defaults are right.
            return

    def _keep_knobs(self) -> None:
        data = json.dumps({"values": self.values, "seed": self.seed}, ensure_ascii=False)
        self.app.store.save_draft(self.draft_key, data)

    @property
    def draft_key(self) -> str:
        """Where the knobs are kept."""
        return f"lab:{self.lab.id}"

    def _open(self) -> None:
        self._begin()
        self.app.host.on_frame = self._arrived
        self.app.host.on_trouble = self._trouble
        self.app.host.open(
            self.lab.id,
            self.values,
            self.seed,
            layout=self._layout(),
            theme=self._theme(),
            prediction=self.predicted,
            speed=SPEEDS[self.speed],
        )

    def action_leave(self) -> None:
        """Close the line in which a value is typed, if it is open; else keep the run in the log and go back."""
        if self.query_one("#value", Input).display:
            self._close_line()
            return
        self.put_away()
        self.dismiss()

    def put_away(self) -> None:
        """Keep the run in the log and stop the host's work, unless another lab has the host by now."""
        self._log_run()
        if self.app.host.on_frame == self._arrived:
            self.app.host.on_frame = None
            self.app.host.on_trouble = None
            self.app.host.close()

    def on_screen_resume(self) -> None:
        """Open the lab anew when another one had the host meanwhile."""
        if self.frame is not None and self.app.host.on_frame != self._arrived:
            self._log_run()
            self._open()

    def _begin(self) -> None:
        """A run begins with the knobs as they are."""
        self.started, self.changes, self.logged = dict(self.values), [], 0

    def _log_run(self) -> None:
        """Record the run if it went on since it was recorded."""
        frame = self.frame
        if frame is None or frame.step <= self.logged:
            return
        self.logged = frame.step
        self.app.store.record(
            log.LabRun(
                item=self.lab.id,
                params=self.started,
                seed=self.seed,
                changes=tuple(self.changes),
                steps=frame.step,
                scalars=dict(frame.scalars),
                checks={check.name: check.ok for check in frame.checks},
                done=frame.done,
            ),
            chapter=self.lab.chapter,
            seconds=self.app.active_seconds(),
        )

    # -- what the host sends ---

    def _arrived(self, frame: Frame) -> None:
        before, self.frame = self.frame, frame
        if before is not None and frame.step < before.step:
            # The host was replaced.
            self._begin()
        first_end = frame.done and not (before is not None and before.done)
        for chart_id, picture in frame.pictures.items():
            self.query_one(f"#chart-{chart_id}", ChartView).show(picture)
        self.pace.note(time.monotonic(), frame.step, frame.running)
        self._draw_head()
        self._draw_checks(frame.checks)
        # A live knob that is turned after the end changes what is drawn of the run, or only the next one.
        ended = frame.done and bool(self.changes) and self.changes[-1][0] == frame.step
        self._say((ended * "The run has ended: space runs it again with these knobs. ") + with_minus(frame.note))
        if frame.step and self.introducing:
            self.introducing = False
            self.query_one("#outcome", Static).display = False
        if first_end:
            self._log_run()
            self._draw_outcome()
        # Only when other keys work than before: the footer is built anew each time.
        if before is None or before.done != frame.done:
            self.refresh_bindings()

    def _trouble(self, message: str) -> None:
        self.notify(message, severity="warning", markup=False, timeout=8)

    def _draw_head(self) -> None:
        frame = self.frame
        state = Text()
        if frame is not None:
            state.append("▶ running" if frame.running else "✓ done" if frame.done else "■ paused", style="bold")
            speed = SPEEDS[self.speed]
            state.append(f"  step {frame.step}/{frame.total}  ")
            state.append(bar(frame.step / frame.total if frame.total else 1.0, 10), style="dim")
            left = self.pace.seconds_left(frame.total) if frame.running else None
            if left is not None and left >= LONG_SECONDS:
                state.append(f"  {time_left(left)} left")
            state.append(f"  {f'×{speed:g}' if speed else 'max'}  seed {self.seed}", style="dim")
        row = Row(cell(self.lab.title, "bold", 0), cell(state, right=True))
        self.query_one("#lab-head", Static).update(row, layout=False)

    def _say(self, note: str) -> None:
        """Put a sentence below the charts. Thirty times a second: only what changed, and without a new layout."""
        if note != self.said:
            self.said = note
            self.query_one("#lab-note", Static).update(Text(note), layout=False)

    def _draw_checks(self, checks: list[Check]) -> None:
        if checks == self.checked:
            return
        self.checked = checks
        text = Text()
        for check in checks:
            relation = {"=": "", "<=": "≤ ", ">=": "≥ "}[check.relation]
            error = f" ± {figure(check.error, 2)}" if check.error else ""
            room = f" (to {figure(check.room, 2)})" if check.room else ""
            text.append("✓ " if check.ok else "✗ ", style="bold")
            text.append(f"{check.name}\n", style="" if check.ok else "bold")
            text.append(f"  theory {relation}{figure(check.truth)}{room}\n", style="dim")
            text.append(f"  measured {figure(check.measured)}{error}\n", style="dim")
        text.rstrip()
        shown = self.query_one("#checks", Static)
        # What was larger before leaves its room behind: a new layout with every frame would hold up the keys.
        shown.update(text, layout=len(text.wrap(self.app.console, max(shown.size.width, 1))) > shown.size.height)

    def _draw_outcome(self) -> None:
        frame = self.frame
        if frame is None or self.predicted is None or self.lab.prediction.scalar not in frame.scalars:
            return
        unit = f" {self.lab.prediction.unit}" if self.lab.prediction.unit else ""
        text = Text()
        text.append("You predicted ", style="bold")
        text.append(f"{figure(self.predicted)}{unit}")
        shown = self.lab.prediction.chart
        if shown not in self._visible():
            title = next(chart.title for chart in self.lab.charts if chart.id == shown)
            text.append(f" (in “{title}”)", style="dim")
        if self.values != self._defaults():
            text.append(" for the knobs as the lab opens; this run had others: ")
            text.append("d", style="bold reverse")
            text.append(" puts them back")
            self._show_outcome(text)
            return
        text.append("; it is ", style="bold")
        text.append(f"{figure(frame.scalars[self.lab.prediction.scalar])}{unit}. {self.lab.prediction.why} ")
        text.append("e", style="bold reverse")
        text.append(" explain what you saw")
        self._show_outcome(text)

    def _show_outcome(self, text: Text) -> None:
        # As for the checks: no new layout for what stands there already.
        if text != self.outcome:
            self.outcome = text
            outcome = self.query_one("#outcome", Static)
            outcome.display = True
            outcome.update(text)

    # -- layout ---

    def _visible(self) -> list[str]:
        """Ids of the charts on the screen: as many as have room to be read, or one when zoomed."""
        ids = [chart.id for chart in self.lab.charts]
        rest = ids[self.chart :] + ids[: self.chart]
        columns, rows = self._grid()
        return rest[: columns * rows]

    def _grid(self) -> tuple[int, int]:
        if self.zoomed:
            return 1, 1
        size = self.app.size
        columns = max(1, min((size.width - 31) // 40, 3))
        rows = max(1, min((size.height - 4) // 15, 3))
        count = len(self.lab.charts)
        columns = min(columns, count)
        return columns, min(rows, -(-count // columns))

    def _arrange(self) -> None:
        visible = self._visible()
        columns, rows = self._grid()
        charts = self.query_one("#charts", Container)
        charts.styles.grid_size_columns = columns
        charts.styles.grid_size_rows = rows
        for view in self.query(ChartView):
            view.display = view.chart_id in visible
        order = {chart_id: place for place, chart_id in enumerate(visible)}
        charts.sort_children(key=lambda view: order.get(getattr(view, "chart_id", ""), len(order)))
        # A chart that had this room before says nothing when it gets it again.
        self.call_after_refresh(self.on_chart_view_placed)

    def _layout(self) -> list[tuple[str, int, int]]:
        views = {view.chart_id: view for view in self.query(ChartView)}
        return [
            (chart_id, views[chart_id].size.width, views[chart_id].size.height)
            for chart_id in self._visible()
            if views[chart_id].size.area > 0
        ]

    def _theme(self) -> str:
        if self.app.no_color:
            return "no-color"
        return "dark" if self.app.current_theme.dark else "light"

    def on_resize(self) -> None:
        """Show as many charts as have room now."""
        self._arrange()

    def on_chart_view_placed(self) -> None:
        """Have the charts drawn for the room that they have, unless another lab has the host."""
        if self.app.host.on_frame == self._arrived:
            self.app.host.resize(self._layout())

    # -- knobs ---

    def _show_knobs(self) -> None:
        limits = self.lab.limits(make_params(self.lab, self.values))
        self.query_one(Knobs).show(self.values, limits)

    def _turn(self, name: str, value: Value) -> bool:
        """Take over a value, live or by starting the run again; one that is not allowed is said."""
        values = {**self.values, name: value}
        try:
            make_params(self.lab, values)
        except TutorError as error:
            self.notify(str(error), severity="warning", markup=False)
            return False
        self.values = values
        self._keep_knobs()
        knob = next(knob for knob in self.knobs if knob.name == name)
        self._show_knobs()
        if knob.live:
            self.changes.append((0 if self.frame is None else self.frame.step, name, value))
            self.app.host.change(name, value)
        else:
            self._again(self.frame is not None and self.frame.running)
        return True

    def _limited(self, knob: Param) -> Param:
        """A knob with the range that it has beside the others."""
        low, high = self.lab.limits(make_params(self.lab, self.values)).get(knob.name, (knob.low, knob.high))
        return dataclasses.replace(knob, low=low, high=high)

    def on_option_list_option_highlighted(self, event: Knobs.OptionHighlighted) -> None:
        """Say what the marked knob does."""
        knob = next(knob for knob in self.knobs if knob.name == event.option_id)
        self.query_one("#knob-help", Static).update(Text(f"{knob.help}; {self._limited(knob).takes()}"))

    def on_knobs_type_value(self, event: Knobs.TypeValue) -> None:
        """Open the line in which the value is typed."""
        line = self.query_one("#value", Input)
        self.typing = self._limited(event.param)
        line.border_title = self.typing.name
        line.value = str(self.values[event.param.name])
        line.display = True
        line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Read the typed value; what is not allowed is said and stays for correction."""
        event.stop()
        knob = self.typing
        if knob is None:
            return
        try:
            value = knob.parse(event.value)
        except TutorError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if self._turn(knob.name, value):
            self._close_line()

    def _close_line(self) -> None:
        self.query_one("#value", Input).display = False
        self.query_one(Knobs).focus()

    # -- keys ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the keys that do something now."""
        if action == "explain":
            return bool(self.outcome) or (self.frame is not None and self.frame.done)
        if action == "chart":
            return len(self._visible()) < len(self.lab.charts) if self.is_mounted else True
        return True

    def action_play(self) -> None:
        """Run or hold; before the very first run ask for the prediction."""
        frame = self.frame
        if frame is not None and frame.running:
            self.app.host.pause()
        elif self.predicted is None:
            self._ask()
        else:
            if frame is not None and frame.done:
                self._again(False)
            self.app.host.play()

    def _ask(self) -> None:
        def answered(value: float | None) -> None:
            if value is None:
                return
            self.predicted = value
            self.app.store.record(
                log.Prediction(item=self.lab.id, value=value),
                chapter=self.lab.chapter,
                seconds=self.app.active_seconds(),
                draft=draft,
            )
            self.app.host.predict(value)
            if self.values != self._defaults():
                self.values = self._defaults()
                self._keep_knobs()
                self._show_knobs()
                self._again(False)
                self.notify("The first run is with the knobs as the question has them.", markup=False)
            self.app.host.play()

        draft = f"predict:{self.lab.id}"
        self.app.push_screen(PredictScreen(self.lab.prediction, draft), answered)

    def action_step(self) -> None:
        """One step."""
        if self.predicted is None:
            self._ask()
        else:
            self.app.host.step()

    def action_restart(self) -> None:
        """Start again with the same seed and the values as they stand."""
        self._again(self.frame is not None and self.frame.running)

    def action_seed(self) -> None:
        """Start again with the next seed."""
        self.seed += 1
        self._keep_knobs()
        self._again(self.frame is not None and self.frame.running)

    def _again(self, running: bool) -> None:
        if self.frame is None:
            # The host has nothing to restart: it has not opened the lab yet, or could not with the values before.
            self._open()
        else:
            self._log_run()
            self._begin()
            # Until the host answers: what is done from now on is done to a run that has taken no step.
            self.frame = replace(self.frame, step=0, running=running, done=False)
            self.refresh_bindings()
            self.app.host.restart(self.values, self.seed)
        if running:
            self.app.host.play()

    def action_defaults(self) -> None:
        """Start again with the knobs as the lab opens."""
        self.values = self._defaults()
        self._keep_knobs()
        self._show_knobs()
        self._again(self.frame is not None and self.frame.running)

    def action_findings(self, by: int) -> None:
        """Scroll the checks."""
        findings = self.query_one("#findings")
        findings.scroll_relative(y=by * max(1, findings.size.height - 2), animate=False)

    def action_speed(self, by: int) -> None:
        """More or fewer steps a second."""
        self.speed = min(max(self.speed + by, 0), len(SPEEDS) - 1)
        self.app.host.set_speed(SPEEDS[self.speed])
        self.pace.forget()
        self._draw_head()

    def action_chart(self, by: int) -> None:
        """Show the next chart first."""
        self.chart = (self.chart + by) % len(self.lab.charts)
        self._arrange()

    def action_zoom(self) -> None:
        """One chart large, or as many as fit."""
        self.zoomed = not self.zoomed
        self._arrange()

    def action_source(self) -> None:
        """Open the kernels of this lab."""
        from tutor.tui.screens.source import SourceScreen

        self.app.push_screen(SourceScreen(self.lab.source))

    def action_explain(self) -> None:
        """Ask the question about what was seen."""
        from tutor.progress.rounds import explain
        from tutor.tui.screens.quiz import QuizScreen

        app, lab = self.app, self.lab
        try:
            asked = explain(app.content_dir, app.course, app.store, lab.chapter, lab.id, lab.explain)
        except TutorError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        app.push_screen(QuizScreen(asked))
