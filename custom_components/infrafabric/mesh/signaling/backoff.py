"""How long to wait before dialling a signaling server again."""

from collections.abc import Callable
from typing import Final

FIRST: Final = 1.0
LONGEST: Final = 60.0
LONGEST_REFUSED: Final = 300.0
WORKED: Final = 30.0
"""Seconds a session must have lasted to count as working."""


class Backoff:
    """Doubling delays with jitter, for ever.

    Args:
        random: Returns a number in 0…1.
        first: Seconds before the second attempt, roughly.
        longest: Longest delay in seconds.
        longest_refused: The same while the server says no.

    """

    def __init__(
        self,
        random: Callable[[], float],
        *,
        first: float = FIRST,
        longest: float = LONGEST,
        longest_refused: float = LONGEST_REFUSED,
    ) -> None:
        """Start with the shortest delay."""
        self._random = random
        self._first = first
        self._longest = longest
        self._longest_refused = longest_refused
        self._next = first

    def reset(self) -> None:
        """Begin again with the shortest delay: it worked, or there is a new reason for hope."""
        self._next = self._first

    def session(self, lasted: float) -> None:
        """Take note of a session that lasted so many seconds: only a working one resets."""
        if lasted >= WORKED:
            self.reset()

    def delay(self, *, refused: bool) -> float:
        """Return the seconds to wait now: half to all of the current step."""
        limit = self._longest_refused if refused else self._longest
        step = min(self._next, limit)
        self._next = min(step * 2, self._longest_refused)
        return step * (0.5 + 0.5 * self._random())
