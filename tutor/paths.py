"""Where things are."""

from __future__ import annotations

import os
from pathlib import Path

from tutor.errors import TutorError


def home() -> Path:
    """The learner's folder: `$GENAI_TUTOR_HOME`, or the platform's data directory; made when it is missing.

    Raises TutorError when it cannot be made.
    """
    chosen = os.environ.get("GENAI_TUTOR_HOME")
    if chosen:
        path = Path(chosen).expanduser()
    else:
        import platformdirs

        path = platformdirs.user_data_path("genai-tutor", appauthor=False)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TutorError(f"{path}: cannot be made ({error.strerror}); set GENAI_TUTOR_HOME to a folder") from None
    return path


def database() -> Path:
    """The file that holds progress."""
    return home() / "progress.db"


def settings_file() -> Path:
    """The file that holds the settings."""
    return home() / "settings.toml"


def content_dir() -> Path:
    """The course: inside the package when installed as a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "content"
    return inside if inside.is_dir() else package.parent / "content"
