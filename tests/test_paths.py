import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tutor import paths
from tutor.errors import TutorError


def test_the_chosen_home_is_made_and_holds_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = tmp_path / "a" / "b"
    monkeypatch.setenv("GENAI_TUTOR_HOME", str(chosen))
    assert paths.progress_file() == chosen / "progress.db"
    assert paths.settings_file() == chosen / "settings.toml"
    assert not chosen.exists()
    assert paths.database() == paths.progress_file()
    assert chosen.is_dir()
    assert list(chosen.iterdir()) == []


def test_without_a_choice_it_is_the_data_directory_of_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import platformdirs

    monkeypatch.setenv("GENAI_TUTOR_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert paths.home() == platformdirs.user_data_path("genai-tutor", appauthor=False)
    assert paths.home().is_relative_to(tmp_path)


@pytest.mark.parametrize(("chosen", "expected"), [("~/learning", "learning"), ("here", "work/here")])
def test_a_home_may_start_at_the_users_or_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, expected: str
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GENAI_TUTOR_HOME", chosen)
    assert paths.home() == tmp_path / expected


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_home_that_cannot_be_made_gets_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (tmp_path / "file").write_text("kept")
    monkeypatch.setenv("GENAI_TUTOR_HOME", str(tmp_path / place))
    with pytest.raises(TutorError, match=r"cannot be made .*GENAI_TUTOR_HOME") as caught:
        paths.home()
    assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "kept"


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder, while the process has not the rights of root, to whom everything is writable."""
    place = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(place, 65534, -1)
        os.seteuid(65534)
    try:
        yield place
    finally:
        place.chmod(0o755)
        if root:
            os.seteuid(0)
        shutil.rmtree(place)


@pytest.mark.parametrize("below", [False, True])
def test_a_home_that_cannot_be_written_gets_one_line(
    unprivileged: Path, monkeypatch: pytest.MonkeyPatch, below: bool
) -> None:
    unprivileged.chmod(0o555)
    monkeypatch.setenv("GENAI_TUTOR_HOME", str(unprivileged / "new" if below else unprivileged))
    with pytest.raises(TutorError, match=r"cannot be (made|written).*GENAI_TUTOR_HOME"):
        paths.home()


def test_the_content_of_a_checkout_lies_beside_the_package() -> None:
    assert (paths.content_dir() / "course.toml").is_file()


def test_the_content_of_a_wheel_lies_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "tutor"
    (package / "content").mkdir(parents=True)
    monkeypatch.setattr(paths, "__file__", str(package / "paths.py"))
    assert paths.content_dir() == package / "content"
