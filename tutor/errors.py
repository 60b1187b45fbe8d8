"""The one exception that means: say this line to the user and stop."""

from collections.abc import Collection


class TutorError(Exception):
    """Something the user can act on. Its text is one line: what, where, what to do."""


def no_such(what: str, name: str, known: Collection[str], otherwise: str = "") -> TutorError:
    """The error that there is no thing of this name: it names those that are alike, or else where to look."""
    import difflib

    alike = [other for other in known if name and name in other][:3]
    alike = alike or difflib.get_close_matches(name, known, n=2)
    advice = f"did you mean {' or '.join(alike)}?" if alike else otherwise
    return TutorError(f"{what} {name!r}" + (f"; {advice}" if advice else ""))
