"""Whether a transition is running in OBS. Time is passed in."""


class Transitions:
    """Counts beginnings and ends, which may arrive in the wrong order or not at all.

    Attributes:
        begun: Transitions that began.
        ended: Transitions that ended.

    """

    def __init__(self) -> None:
        """Begin with none."""
        self.begun = 0
        self.ended = 0
        self._last = float("-inf")

    def told(self, begins: bool, now: float) -> None:  # noqa: FBT001  # one of two events
        """Take in an event of OBS."""
        if begins:
            self.begun += 1
            self._last = now
        else:
            self.ended += 1

    def rest(self, now: float, limit: float) -> float:
        """Return for how many seconds one may still be running; 0 if none is.

        Args:
            now: Seconds of a clock that never goes back.
            limit: Seconds that one takes at most. After that its end was missed.

        """
        if self.begun <= self.ended:
            return 0.0
        rest = self._last + limit - now
        if rest <= 0:
            self.ended = self.begun
        return max(0.0, rest)
