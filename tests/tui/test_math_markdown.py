from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection
from textual.widgets import Label
from tui_support import PATIENCE

from tutor.course.markup import render_block
from tutor.settings import Settings
from tutor.tui.widgets.math_markdown import (
    MOST_LINES,
    CodeBlock,
    FormulaBlock,
    MathMarkdown,
    Output,
    Paragraph,
    Result,
    links,
)

WIDE = r"a = b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r + s + t + \frac{u}{v}"


class PageApp(App[None]):
    def __init__(self, page: str, *, ascii_math: bool = False, runnable: bool = True) -> None:
        super().__init__()
        self.settings = Settings(ascii_math=ascii_math)
        self.page = page
        self.runnable = runnable
        self.opened: list[str] = []
        self.urls: list[str] = []

    def compose(self) -> ComposeResult:
        yield MathMarkdown(self.page, runnable=self.runnable)

    def open_target(self, target: str) -> None:
        self.opened.append(target)

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        self.urls.append(url)


def screen_text(app: App[None]) -> str:
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await pilot.pause(0.01)


async def show(page: str, *, width: int = 80, ascii_math: bool = False) -> str:
    app = PageApp(page, ascii_math=ascii_math)
    async with app.run_test(size=(width, 40)) as pilot:
        await pilot.pause()
        return screen_text(app)


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        (r"with $\beta_1^t$ in a line", "with β₁ᵗ in a line"),
        (r"# a head with $\sigma^2$", "a head with σ²"),
        (r"**bold $\Sigma$ too**", "bold Σ too"),
        (r"- an item $x_1$", "• an item x₁"),
        ("- $Z$: makes the sum 1", "• Z: makes the sum 1"),
        (r"[over $V^\top$](lab:svd-digits)", "over Vᵀ"),
        (r"> said $\alpha$", "said α"),
        ("| $\\alpha$ | b |\n|---|---|\n| 1 | $\\beta^2$ |", "β²"),
        (r"costs \$5 and \$6", "costs $5 and $6"),
        ("`$x$` is code", "$x$ is code"),
        ("```text\n$x$ stays\n```", "$x$ stays"),
        ("    indented $x$ [/b]", "indented $x$ [/b]"),
        ("from 5$ to 6$", "from 5$ to 6$"),
        ("[bold]text[/bold] and `a[/b]`", "[bold]text[/bold] and a[/b]"),
        ("an <b>element</b>", "an <b>element</b>"),
    ],
)
async def test_what_a_line_looks_like(page: str, seen: str) -> None:
    assert seen in await show(page)


async def test_display_formula_is_drawn_in_two_dimensions() -> None:
    latex = r"\frac{a}{b} = \sum_{i=1}^{n} x_i"
    shown = await show(f"before\n\n$$\n{latex}\n$$\n\nafter")
    drawn = render_block(latex).splitlines()
    assert len(drawn) > 1
    for line in drawn:
        assert line.rstrip() in shown


async def test_ascii_mode_uses_ascii_only() -> None:
    shown = await show("$\\sigma_1 \\ge 0$\n\n$$ \\alpha \\le \\beta^2 $$", ascii_math=True)
    assert "sigma_1 >= 0" in shown
    assert "alpha <= beta^2" in shown
    assert "σ" not in shown
    assert "α" not in shown


async def test_wide_formula_scrolls_and_is_not_wrapped() -> None:
    app = PageApp(f"$$ {WIDE} $$")
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.pause()
        block = app.query_one(FormulaBlock)
        assert block.overflows
        assert block.query_one(Label).size.height == len(render_block(WIDE).splitlines())
        before = screen_text(app)
        block.scroll_sideways(8)
        await pilot.pause()
        assert block.scroll_x == 8
        assert screen_text(app) != before
        await pilot.resize_terminal(160, 20)
        await pilot.pause()
        assert not block.overflows


async def test_prose_flows_again_when_the_terminal_changes() -> None:
    app = PageApp("word " * 40)
    async with app.run_test(size=(120, 20)) as pilot:
        await pilot.pause()
        wide = app.query_one("MarkdownParagraph").size.height
        await pilot.resize_terminal(40, 20)
        await pilot.pause()
        assert app.query_one("MarkdownParagraph").size.height > 2 * wide


async def test_lists_hang_by_their_bullets_and_cost_a_widget_an_item() -> None:
    words = " ".join(["word"] * 20)
    page = f"- {words}\n- two\n  - three\n\n9. {words}\n10. ten"
    app = PageApp(page)
    async with app.run_test(size=(40, 30)) as pilot:
        await pilot.pause()
        rows = [row.rstrip() for row in screen_text(app).splitlines()]
        assert rows[0].startswith("• word word")
        assert rows[1].startswith("  word word")
        nested = rows.index("• two")
        assert rows[nested + 1] == "  ▪ three"
        ninth = next(at for at, row in enumerate(rows) if row.startswith("  9. word"))
        assert rows[ninth + 1].startswith("     word")
        assert " 10. ten" in rows
        (last,) = (item for item in app.query(Paragraph) if item.bullet == " 10. ")
        assert last.get_selection(Selection(None, None)) == (" 10. ten", "\n")
        assert last.get_selection(Selection(Offset(1, 0), None)) == ("en", "\n")
        # What holds more than words has widgets of its own.
        assert len(app.query("BulletList > Horizontal")) == 1


async def test_wide_code_and_its_output_scroll() -> None:
    app = PageApp("```python run\nx = " + "1 + " * 30 + "1\n```")
    async with app.run_test(size=(40, 20)) as pilot:
        await pilot.pause()
        block = app.query_one(CodeBlock)
        assert block.overflows
        block.show_result(Result("wide " * 30, "", 0.0))
        await pilot.pause()
        block.scroll_sideways(8)
        await pilot.pause()
        assert block.scroll_x == app.query_one(Output).scroll_x == 8


async def test_expected_output_is_hidden_only_after_code_that_runs() -> None:
    run = await show("```python run\nprint(1)\n```\n\n```output\nSECRET\n```\n")
    assert "SECRET" not in run
    assert "run (r)" in run
    assert "SHOWN" in await show("```python\nprint(1)\n```\n\n```output\nSHOWN\n```\n")


async def test_where_nothing_runs_nothing_is_offered() -> None:
    app = PageApp("```python run\nprint(1)\n```", runnable=False)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert not app.query_one(CodeBlock).can_run
        assert "run (r)" not in screen_text(app)


@pytest.mark.parametrize(
    "code",
    [
        "x = 1",
        "def f(x):\n    return x\n\n\nprint(f(2))  # [/bold]",
        "s = '[red]'\nt = f\"{s:>4}\"",
        "if x:\n    y = '''a\n\n  b'''",
    ],
)
def test_highlighting_changes_no_character(code: str) -> None:
    assert CodeBlock.highlight(code, "python").plain == code
    assert CodeBlock.highlight(code, "text").plain == code


async def shown_result(result: Result) -> str:
    app = PageApp("```python run\nprint(1)\n```")
    async with app.run_test(size=(80, MOST_LINES + 20)) as pilot:
        await pilot.pause()
        app.query_one(CodeBlock).show_result(result)
        await pilot.pause()
        return screen_text(app)


async def test_output_stands_under_the_code_as_it_was_printed() -> None:
    shown = await shown_result(Result("a [/bold] [red]b\n  [0.1 0.2]\n", "", 0.0))
    assert shown.index("print(1)") < shown.index("output") < shown.index("a [/bold] [red]b")
    assert "  [0.1 0.2]" in shown
    assert "failed" not in shown


async def test_failure_says_so_in_words_and_keeps_the_output() -> None:
    shown = await shown_result(Result("so far\n", "ValueError: shape [/bold] (line 2)", 1.25))
    assert "failed, 1.2 s" in shown
    assert shown.index("so far") < shown.index("ValueError: shape [/bold] (line 2)")


async def test_silent_code_is_said_to_be_silent() -> None:
    assert "printed nothing" in await shown_result(Result("", "", 0.0))


async def test_long_output_is_cut_and_counted() -> None:
    shown = await shown_result(Result("".join(f"line {n}\n" for n in range(1, 1301)), "", 0.0))
    assert f"line {MOST_LINES} " in shown
    assert f"line {MOST_LINES + 1}" not in shown
    assert "1,100 more lines" in shown


def test_links_are_listed_once_with_their_text() -> None:
    page = (
        "[a $V$ **b**](lab:x) and [again](lab:x), [c](lesson:svd#2)\n\n| [d](map) | e |\n|---|---|\n| `[f](g)` | h |\n"
    )
    assert links(page, ascii=False) == [("lab:x", "a V b"), ("lesson:svd#2", "c"), ("map", "d")]


@pytest.mark.parametrize(
    ("target", "opened", "urls"),
    [("lab:svd-digits", ["lab:svd-digits"], []), ("https://example.org/a", [], ["https://example.org/a"])],
)
async def test_a_click_opens_a_link(target: str, opened: list[str], urls: list[str]) -> None:
    app = PageApp(f"[here]({target})")
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.click("MarkdownParagraph", offset=(1, 0))
        await until(pilot, lambda: bool(app.opened or app.urls))
        assert (app.opened, app.urls) == (opened, urls)


async def test_a_table_is_as_wide_as_its_text_and_wraps_on_a_narrow_screen() -> None:
    page = "| name | meaning of the thing |\n|---|---|\n| $U$ | the left singular vectors |\n"
    app = PageApp(page)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        table = app.query_one("TableBlock")
        assert table.size.width < 45
        assert "the left singular vectors" in screen_text(app)
        await pilot.resize_terminal(24, 20)
        await pilot.pause()
        assert table.size.width <= 24
        assert "vectors" in screen_text(app)


async def test_a_picture_in_characters_is_nothing_to_act_on() -> None:
    app = PageApp("```text\n a ──▶ b\n```\n\n```python\nx = 1\n```")
    async with app.run_test() as pilot:
        await pilot.pause()
        assert [block.copy_text for block in app.query_one(MathMarkdown).actionable] == ["x = 1"]
        assert " a ──▶ b" in screen_text(app)


async def test_update_replaces_the_page() -> None:
    app = PageApp("```python run\nprint(1)\n```\n\n$$ x $$")
    async with app.run_test() as pilot:
        await pilot.pause()
        page = app.query_one(MathMarkdown)
        assert [type(block) for block in page.actionable] == [CodeBlock, FormulaBlock]
        await page.update("only $y$")
        assert page.actionable == []
        await pilot.pause()
        assert "only y" in screen_text(app)
        assert "print" not in screen_text(app)
