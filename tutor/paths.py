"""Where things are."""

from __future__ import annotations

import os
from pathlib import Path

from tutor.errors import TutorError


def place() -> Path:
    """The learner's folder, whether it is there or not: `$GENAI_TUTOR_HOME`, or the platform's data directory."""
    chosen = os.environ.get("GENAI_TUTOR_HOME")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    import platformdirs

    return platformdirs.user_data_path("genai-tutor", appauthor=False)


def home() -> Path:
    """The learner's folder, made when it is missing; raises TutorError when it cannot be made or written to."""
    advice = "set GENAI_TUTOR_HOME to a folder that can be written"
    path = place()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TutorError(f"{path}: cannot be made ({error.strerror}); {advice}") from None
    if not may_write(path):
        raise TutorError(f"{path}: cannot be written; {advice}")
    return path


def may_write(path: Path) -> bool:
    """Whether this process may write to a file, or make files in a folder."""
    mode = os.W_OK | os.X_OK if path.is_dir() else os.W_OK
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def progress_file() -> Path:
    """The file that holds progress; neither it nor its folder need be there."""
    return place() / "progress.db"


def database() -> Path:
    """The file that holds progress, in a folder that can be written; raises TutorError as `home` does."""
    home()
    return progress_file()


def settings_file() -> Path:
    """The file that holds the settings; neither it nor its folder need be there."""
    return place() / "settings.toml"


def cache() -> Path:
    """The folder of what can be made again; it need not be there."""
    chosen = os.environ.get("GENAI_TUTOR_HOME")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen))) / "cache"
    import platformdirs

    return platformdirs.user_cache_path("genai-tutor", appauthor=False)


def content_dir() -> Path:
    """The course: inside the package when installed as a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "content"
    return inside if inside.is_dir() else package.parent / "content"
