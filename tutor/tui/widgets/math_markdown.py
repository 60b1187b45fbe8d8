"""Markdown with mathematics: display formulas in two dimensions, inline ones on one row; and code that can be run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.dollarmath.index import math_inline_dollar
from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, HorizontalScroll, Vertical
from textual.content import Content
from textual.geometry import Region, Size
from textual.highlight import HighlightTheme, highlight
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Label, Markdown
from textual.widgets._markdown import (
    MarkdownBullet,
    MarkdownBulletList,
    MarkdownH2,
    MarkdownListItem,
    MarkdownOrderedList,
    MarkdownParagraph,
    MarkdownTable,
    MarkdownTableCellContents,
    MarkdownTableContent,
)
from textual.widgets.markdown import MarkdownBlock, MarkdownFence

from tutor.course import markup

if TYPE_CHECKING:
    from tutor.tui.app import TutorApp

    _Widget = Widget
else:
    # What stands beside the bases that Textual takes its styles from.
    _Widget = object

MOST_LINES = 200
"""Lines of output that are drawn; more would make the page slow to scroll."""
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Parser(MarkdownIt):
    """Keeps what it parsed last: a page is parsed for its links and again to be drawn."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False})
        self._parsed = lru_cache(maxsize=8)(super().parse)

    def parse(self, src: str, env: EnvType | None = None) -> list[Token]:
        """The tokens of a text, which nobody may change."""
        return self._parsed(src)


@lru_cache(maxsize=2)
def parser(ascii: bool) -> MarkdownIt:
    """CommonMark with tables and `$` mathematics; every formula comes out drawn."""
    markdown = Parser().enable("table")
    markdown.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, allow_blank_lines=False)
    markdown.inline.ruler.at("math_inline", _math_inline)
    markdown.core.ruler.push("lesson", partial(_prepare, ascii=ascii))
    return markdown


_INSIDE = math_inline_dollar(allow_space=False, allow_digits=False)
_AT_START = math_inline_dollar(allow_space=False, allow_digits=True)


def _math_inline(state: StateInline, silent: bool) -> bool:
    """Read a formula; at the start of a text the plug-in would take its last character for the one before it."""
    return (_INSIDE if state.pos else _AT_START)(state, silent)


def _prepare(state: StateCore, ascii: bool) -> None:
    """Draw the formulas, and join a `run` fence with the `output` fence that follows it."""
    kept: list[Token] = []
    for token in state.tokens:
        if token.type == "fence":
            language, *words = token.info.split() or ["text"]
            before = kept[-1] if kept else None
            if language == "output" and before is not None and before.meta.get("run"):
                continue
            token.info = "text" if language == "output" else language
            token.meta["run"] = "run" in words
        elif token.type == "code_block":
            token.info = "text"
        elif token.type == "math_block":
            token.meta["drawn"] = markup.render_block(token.content, ascii)
        elif token.type == "inline" and token.children is not None:
            token.children = [piece for child in token.children for piece in _drawn_inline(child, ascii)]
        elif token.type == "paragraph_close" and token.level == 0 and kept[-1].content == markup.PAUSE:
            del kept[-2:]
            token = Token("pause", "", 0)
        kept.append(token)
    state.tokens = kept


def _drawn_inline(token: Token, ascii: bool) -> list[Token]:
    if token.type != "math_inline":
        return [token]
    # Textual's widget drops tokens that it does not know. It knows strike-through, which no lesson uses: here its
    # style is the style of mathematics inside a line.
    text = Token("text", "", 0, content=markup.inline(token.content, ascii))
    return [Token("s_open", "s", 1), text, Token("s_close", "s", -1)]


def links(markdown: str, ascii: bool) -> list[tuple[str, str]]:
    """(target, text) of the links of a page, each target once."""
    found: dict[str, str] = {}
    for token in parser(ascii).parse(markdown):
        target = text = ""
        for piece in token.children or []:
            if piece.type == "link_open":
                target, text = str(piece.attrs["href"]), ""
            elif piece.type == "link_close":
                found.setdefault(unquote(target), text)
                target = ""
            elif target:
                text += piece.content
    return list(found.items())


def follow(app: TutorApp, target: str) -> None:
    """Open a link: the web in the browser, everything else in the tutor."""
    if target.startswith(("https:", "http:", "mailto:")):
        app.open_url(target)
    else:
        app.open_target(target)


class CodeTheme(HighlightTheme):
    """Few colours, and weight or slant beside colour, so that code reads under NO_COLOR too."""

    STYLES = {
        ("Comment",): "$foreground 60% italic",
        ("Keyword",): "$secondary bold",
        ("Operator", "Word"): "$secondary bold",
        ("Literal", "String"): "$success",
        ("Literal", "Number"): "$accent",
        ("Name", "Decorator"): "$primary",
        ("Name", "Function"): "$primary",
        ("Name", "Class"): "$primary bold",
        ("Name", "Builtin"): "$primary",
    }


class Settled(_Widget):
    """A widget that is laid out once when it is shown, and again when something about it changes.

    Textual lays out a whole screen again when a widget has been given its first size, with the same result.
    """

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        # Scroll bars that have to come or go still ask for a layout themselves.
        return super()._size_updated(size, virtual_size, container_size, layout=False)


class Line(Settled, Label):
    """Lines that are never wrapped."""


class Heading(Settled, MarkdownH2):
    """A heading of a page."""

    def build_from_token(self, token: Token) -> None:
        """Take the words; they are laid out when the heading is shown."""
        super().build_from_token(token)
        self._layout_required = False


@lru_cache(maxsize=64)
def _coloured(code: str, language: str) -> Content:
    """The code in the colours' names, whatever the theme: Textual asks for it twice when a block is shown."""
    return highlight(code, language=language, theme=CodeTheme)


class FormulaBlock(Settled, MarkdownBlock):
    """A display formula on rows of its own. It never takes the focus; the screen marks the current one."""

    DEFAULT_CSS = """
    FormulaBlock {
        height: auto;
        margin: 0 0 1 0;
        padding: 0 0 0 3;
        border-left: blank;
        color: $foreground;

        &.-current {
            border-left: outer $accent;
        }
    }
    """
    copy_name = "LaTeX of the formula"

    def __init__(self, markdown: Markdown, token: Token) -> None:
        super().__init__(markdown, token)
        self.copy_text = token.content.strip()
        self.drawn = str(token.meta["drawn"])

    def compose(self) -> ComposeResult:
        """Lay out the drawing."""
        yield Line(Content(self.drawn), markup=False)

    @property
    def overflows(self) -> bool:
        """Whether the formula is wider than the page."""
        return self.max_scroll_x > 0

    def scroll_sideways(self, by: int) -> None:
        """Move the formula by so many columns."""
        self.scroll_relative(x=by, animate=False)


class Pause(Settled, MarkdownBlock):
    """Where a page waits: what is below it comes step by step, so that the next step can be thought of first."""

    DEFAULT_CSS = """
    Pause {
        height: auto;
        margin: 0 0 1 0;
        color: $foreground 70%;
    }
    """

    def ask(self, left: int) -> None:
        """Say how to go on, and how many steps there are still."""
        more = (
            (f" shows the next of {left} steps, ", ("u", "bold"), " all of them")
            if left > 1
            else (" shows the last step",)
        )
        self.set_content(Content.assemble("…  ", ("Space", "bold"), *more))


class Paragraph(Settled, MarkdownParagraph):
    """A paragraph; one that is all of a list's item paints its bullet itself, where Textual has three widgets more."""

    bullet = ""

    def build_from_token(self, token: Token) -> None:
        """Take the words; they are laid out when the paragraph is shown."""
        super().build_from_token(token)
        self._layout_required = False

    def mark(self, bullet: str) -> Paragraph:
        """Take a bullet, and make room for it."""
        self.bullet = bullet
        self.styles.padding = (0, 0, 0, cell_len(bullet))
        return self

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint the bullet into the room that the first line leaves for it."""
        strips = super().render_lines(crop)
        if self.bullet and strips and crop.x == crop.y == 0 and isinstance(self.parent, Widget):
            style = self.visual_style.rich_style + self.parent.get_component_rich_style("bullet", partial=True)
            bullet = Strip([Segment(self.bullet, style)])
            for line_filter in self.get_line_filters():  # no colours where none are wanted
                bullet = bullet.apply_filter(line_filter, self.background_colors[1])
            strips[0] = Strip.join([bullet, strips[0].crop(bullet.cell_length)]).crop(0, crop.width)
        return strips

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected; from its start on with the bullet."""
        found = super().get_selection(selection)
        if found is None or selection.start is not None:
            return found
        return self.bullet + found[0], found[1]


def _items(blocks: list[MarkdownBlock], bullets: Iterable[str]) -> ComposeResult:
    """The items of a list, each with its bullet."""
    for item, symbol in zip(blocks, bullets, strict=False):
        parts = item._blocks
        if len(parts) == 1 and isinstance(parts[0], Paragraph):
            yield parts[0].mark(symbol)
        else:
            bullet = MarkdownBullet()
            bullet.symbol = symbol
            yield Horizontal(bullet, Vertical(*parts))
    blocks.clear()


class BulletList(Settled, MarkdownBulletList):
    """A list with bullets."""

    COMPONENT_CLASSES = {"bullet"}

    def compose(self) -> ComposeResult:
        """Lay out the items."""
        items = [block for block in self._blocks if isinstance(block, MarkdownListItem)]
        yield from _items(self._blocks, [item.bullet for item in items])


class NumberedList(Settled, MarkdownOrderedList):
    """A list with numbers."""

    COMPONENT_CLASSES = {"bullet"}

    def compose(self) -> ComposeResult:
        """Lay out the items, numbers flush right."""
        items = [block for block in self._blocks if isinstance(block, MarkdownListItem)]
        first = int(items[0].bullet) if items and items[0].bullet.isdecimal() else 1
        numbers = [f"{number}. " for number in range(first, first + len(items))]
        width = max(map(len, numbers), default=0) + 1
        yield from _items(self._blocks, [number.rjust(width) for number in numbers])


class TableBlock(MarkdownTable):
    """A table that is as wide as its text and has no lines between its rows."""

    def compose(self) -> ComposeResult:
        """Lay out the cells; a table wider than the page wraps them."""
        headers, rows = self._get_headers_and_rows()
        columns = zip(headers, *rows, strict=True)
        # A cell has a blank on either side, and there is one more between columns.
        self.styles.max_width = sum(max(cell.cell_length for cell in column) + 3 for column in columns) - 1
        yield MarkdownTableContent(headers, rows)

    def on_mount(self) -> None:
        """Take away the tooltips, which only repeat the cells and read them as markup."""
        for cell in self.query(MarkdownTableCellContents):
            cell.tooltip = None


@dataclass(frozen=True)
class Result:
    """What came of running code: its output, what went wrong (empty if nothing), and how long it took."""

    printed: str
    problem: str
    seconds: float


class Output(HorizontalScroll, can_focus=False):
    """What code printed, in lines that are never wrapped; what is wider than the page scrolls."""

    def __init__(self) -> None:
        self.label = Label(markup=False)
        super().__init__(self.label)


class CodeBlock(Settled, MarkdownFence):
    """Code, or a picture drawn in characters. Code marked `run` shows under itself what it printed."""

    DEFAULT_CSS = """
    CodeBlock {
        height: auto;
        margin: 0 0 1 0;
        background: transparent;
        color: $foreground;
        border: round $border-blurred;
        border-title-color: $foreground 70%;
        border-subtitle-color: $accent;

        &:light {
            background: transparent;
        }

        &.-current {
            border: heavy $accent;
        }

        &.-picture {
            border: none;
            padding: 0 0 0 3;
        }

        & Label {
            padding: 0 1;
        }

        & > Output {
            border-top: solid $border-blurred;
            border-title-color: $foreground 70%;

            &.-failed {
                border-top: solid $error;
                border-title-color: $error;
                border-title-style: bold;
            }
        }
    }
    """
    copy_name = "code"

    def __init__(self, markdown: Markdown, token: Token, code: str) -> None:
        super().__init__(markdown, token, code)
        self.copy_text = code
        self.can_run = cast("MathMarkdown", markdown).runnable and bool(token.meta.get("run"))
        self._spinning: Timer | None = None
        self._output: Output | None = None
        self.is_picture = token.info == "text"
        self.set_class(self.is_picture, "-picture")
        if self.can_run:
            self.border_subtitle = "▶ run (r)"

    @classmethod
    def highlight(cls, code: str, language: str, ansi: bool = False, dark: bool = False) -> Content:
        """Colour the code; plain text stays as it is."""
        return Content(code) if language == "text" else _coloured(code, language)

    def compose(self) -> ComposeResult:
        """Lay out the code."""
        yield Line(self._highlighted_code, id="code-content", markup=False)

    def _show(self, title: str, printed: str, *, failed: bool = False) -> Label:
        """Show a text under the code, and return what holds it."""
        if self._spinning is not None:
            self._spinning.stop()
            self._spinning = None
        if self._output is None:
            self._output = Output()
            self.mount(self._output)
        self._output.border_title = f" {title} "
        self._output.set_class(failed, "-failed")
        self._output.label.update(Text(printed))
        return self._output.label

    def show_running(self) -> None:
        """Say that the code is running, until `show_result`."""
        turn = 0

        def spin() -> None:
            nonlocal turn
            turn += 1
            label.update(Text(f"{SPINNER[turn % len(SPINNER)]} running…  Esc stops it"))

        label = self._show("running", "")
        spin()
        self._spinning = self.set_interval(0.1, spin)
        self.border_subtitle = "running… (Esc stops)"

    def show_result(self, result: Result) -> None:
        """Show what the code printed and, if it failed, the problem in words below that."""
        parts = [_shortened(result.printed.rstrip("\n")), result.problem.rstrip("\n")]
        shown = "\n".join(part for part in parts if part)
        took = f", {result.seconds:.1f} s" if result.seconds >= 0.1 else ""
        word = "failed" if result.problem else "output"
        self._show(word + took, shown or "(it printed nothing)", failed=bool(result.problem))
        self.border_subtitle = "▶ run again (r)"

    @property
    def overflows(self) -> bool:
        """Whether the code or its output is wider than the page."""
        return self.max_scroll_x > 0 or (self._output is not None and self._output.max_scroll_x > 0)

    def scroll_sideways(self, by: int) -> None:
        """Move code and output by so many columns."""
        for block in (self, self._output):
            if block is not None:
                block.scroll_relative(x=by, animate=False)


for _block in (FormulaBlock, Pause, BulletList, NumberedList, CodeBlock):
    # They style no words. What a block might style costs as much as the block, each time one is mounted.
    _block._inherit_component_classes = False


def _shortened(text: str) -> str:
    lines = text.split("\n")
    if len(lines) <= MOST_LINES:
        return text
    return "\n".join([*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES:,} more lines"])


class MathMarkdown(Settled, Markdown):
    """A page of a lesson or the text of a question."""

    app: TutorApp
    DEFAULT_CSS = """
    MathMarkdown {
        padding: 0;

        MarkdownBlock {
            link-color: $primary;
            link-style: underline;
            link-background: transparent;

            & > .s {
                text-style: none;
                color: $secondary;
            }

            &:dark > .code_inline, &:light > .code_inline {
                color: $accent;
                background: transparent;
            }
        }

        MarkdownH1, MarkdownH2, MarkdownH3, MarkdownH4 {
            content-align: left top;
            background: transparent;
            margin: 0 0 1 0;
            width: 1fr;
            color: $primary;
            text-style: bold;
        }

        MarkdownH3, MarkdownH4 {
            color: $foreground;
        }

        MarkdownBlockQuote {
            margin: 0 0 1 0;
            background: transparent;
            border-left: outer $border;

            &:light {
                border-left: outer $border;
            }
        }

        FormulaBlock, CodeBlock, Output {
            overflow: auto hidden;
            height: auto;
            scrollbar-size-horizontal: 1;
            scrollbar-color: $border-blurred;
            scrollbar-color-hover: $border;
            scrollbar-color-active: $border;
            scrollbar-background: $background;
            scrollbar-background-hover: $background;
            scrollbar-background-active: $background;

            & > Label {
                width: auto;
                text-wrap: nowrap;
            }
        }

        MarkdownBullet, MarkdownBullet:light, MarkdownList > .bullet {
            color: $primary;
        }

        MarkdownTable, MarkdownTable:light {
            background: transparent;
        }

        MarkdownTableContent {
            keyline: none;
            grid-gutter: 0 1;

            & > .header {
                color: $foreground;
                text-style: bold;
                border-bottom: solid $border;
            }
        }
    }
    """
    BLOCKS = {
        **Markdown.BLOCKS,
        "fence": CodeBlock,
        "code_block": CodeBlock,
        "h2": Heading,
        "paragraph_open": Paragraph,
        "bullet_list_open": BulletList,
        "ordered_list_open": NumberedList,
        "table_open": TableBlock,
    }

    def __init__(self, markdown: str | None = None, *, runnable: bool = False, id: str | None = None) -> None:
        super().__init__(markdown, id=id, parser_factory=self._parser, open_links=False)
        self.runnable = runnable

    def _parser(self) -> MarkdownIt:
        return parser(self.app.settings.ascii_math)

    def unhandled_token(self, token: Token) -> MarkdownBlock | None:
        """Turn a display formula or a mark at which the page waits into its block."""
        kind = {"math_block": FormulaBlock, "pause": Pause}.get(token.type)
        return None if kind is None else kind(self, token)

    @property
    def pauses(self) -> list[Pause]:
        """The marks at which the page waits."""
        return [block for block in self.children if isinstance(block, Pause)]

    def unfold(self, steps: int) -> Pause | None:
        """Show the page with so many steps below the first mark; returns the mark at which it waits then, if any."""
        waiting, seen, marks = None, 0, len(self.pauses)
        for block in self.children:
            block.display = seen <= steps
            if isinstance(block, Pause):
                block.display = seen == steps
                if block.display:
                    block.ask(marks - steps)
                    waiting = block
                seen += 1
        return waiting

    @property
    def actionable(self) -> list[FormulaBlock | CodeBlock]:
        """Formulas and code of the page, from top to bottom; a `text` fence is a picture and neither."""
        return [
            block
            for block in self.query(MarkdownBlock)
            if isinstance(block, FormulaBlock) or (isinstance(block, CodeBlock) and not block.is_picture)
        ]

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Open the link that was clicked."""
        event.prevent_default()
        event.stop()
        follow(self.app, event.href)
