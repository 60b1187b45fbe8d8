"""How long a run will take, by the pace of its last seconds."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 10.0
ENOUGH_SECONDS = 2.0
"""Without so much to go by, nothing is foretold."""


class Pace:
    """Takes the steps of a run as they come."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, step: int, running: bool) -> None:
        """Take the step that a run has reached at a time in seconds; a pause or a new run begins afresh."""
        if not running or (self._seen and step < self._seen[-1][1]):
            self._seen.clear()
        if running:
            self._seen.append((now, step))
            while now - self._seen[0][0] > WINDOW_SECONDS:
                self._seen.popleft()

    def forget(self) -> None:
        """The pace is another from now on."""
        self._seen.clear()

    def seconds_left(self, total: int) -> float | None:
        """Seconds until the step `total`; None as long as nothing can be said."""
        if not self._seen:
            return None
        (began, first), (now, step) = self._seen[0], self._seen[-1]
        if now - began < ENOUGH_SECONDS or step == first:
            return None
        return (total - step) * (now - began) / (step - first)
