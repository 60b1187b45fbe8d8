import os
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tutor.errors import TutorError
from tutor.settings import Settings, load_settings, save_settings

BY_HAND = """\
# mine: do not touch
theme   =   "light"   # easier on the eyes
editor = 'vim'

[plugin]
theme = 3
when = 2026-01-31
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_without_a_file_everything_is_as_declared(path: Path) -> None:
    assert load_settings(path) == Settings(theme="dark", data="", ascii_math=False)
    assert not path.exists()


def test_what_is_saved_is_read_back_and_explained_in_the_file(path: Path) -> None:
    saved = save_settings(path, Settings(), theme="light", ascii_math=True)
    assert saved == Settings(theme="light", ascii_math=True)
    assert load_settings(path) == saved
    text = path.read_text(encoding="utf-8")
    assert "# colours: dark or light\ntheme = " in text
    assert "# formulas in the signs of a keyboard alone: true or false\nascii_math = true" in text
    assert save_settings(path, saved, theme="dark") == load_settings(path) == Settings(ascii_math=True)
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.toml"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
@hypothesis_settings(deadline=None, max_examples=60)
def test_any_text_survives(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        for _ in range(2):
            save_settings(path, Settings(), data=text)
            assert load_settings(path).data == text


def test_what_was_written_by_hand_stays(path: Path) -> None:
    path.write_text(BY_HAND, encoding="utf-8")
    loaded = load_settings(path)
    assert loaded == Settings(theme="light")
    save_settings(path, loaded, theme="dark", data="/digits")
    after = path.read_text(encoding="utf-8")
    assert tomllib.loads(after) == {**tomllib.loads(BY_HAND), "theme": "dark", "data": "/digits"}
    kept = [line for line in BY_HAND.splitlines() if not line.startswith("theme   ")]
    assert [line for line in after.splitlines() if line in kept] == kept
    assert load_settings(path) == Settings(theme="dark", data="/digits")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (b"\ntheme = \n", 2, "Invalid value"),
        (b"theme = 'dark'\ntheme = 'light'\n", 2, "Cannot overwrite"),
        (b"# one\n# two\ntheme = 'sepia'\n", 3, "dark or light"),
        (b"data = 'x'\nascii_math = 1\n", 2, "it takes true or false"),
        (b"data = ['x']\n", 1, "folder"),
        (b"# \xc3\xa9\ndata = '\xff'\n", 2, "not UTF-8"),
        (b"data = '''never closed", 1, "Expected"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line_and_left_alone(
    path: Path, text: bytes, line: int, says: str
) -> None:
    path.write_bytes(text)
    with pytest.raises(TutorError, match=says) as caught:
        load_settings(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == text


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("theme = \n", {"theme": "dark"}),
        ("data = '''two\nlines'''\n", {"data": "x"}),
        ("", {"theme": "sepia"}),
        ("", {"ascii_math": "yes"}),
        ("", {"data": "\udcff"}),
    ],
)
def test_a_change_that_cannot_be_made_leaves_the_file_alone(path: Path, text: str, change: dict[str, str]) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TutorError) as caught:
        save_settings(path, Settings(), **change)
    assert "\n" not in str(caught.value)
    assert path.read_text(encoding="utf-8") == text
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.toml"]


def test_a_crash_while_writing_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(BY_HAND, encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(TutorError, match=r"cannot be written .*No space left"):
        save_settings(path, Settings(), theme="dark")
    assert path.read_text(encoding="utf-8") == BY_HAND
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.toml"]


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    target.write_text("theme = 'light'\n")
    path.symlink_to(target)
    save_settings(path, load_settings(path), theme="dark")
    assert path.is_symlink()
    assert tomllib.loads(target.read_text())["theme"] == "dark"


def test_a_folder_in_its_place_gets_one_line(path: Path) -> None:
    path.mkdir()
    with pytest.raises(TutorError, match="cannot be read"):
        load_settings(path)
