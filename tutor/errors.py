"""The one exception that means: say this line to the user and stop."""


class TutorError(Exception):
    """Something the user can act on. Its text is one line: what, where, what to do."""
