"""Limits on how often something may happen."""


class TokenBucket:
    """Allows *rate* a second for long and *burst* at once. Sans-IO: the time is passed in.

    Args:
        rate: Tokens that come back each second, above 0.
        burst: Most tokens at once, at least 1; it starts full.
        now: Any clock in seconds that the later calls use, too.

    """

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """Start full.

        Raises:
            ValueError: A rate or burst that could never allow anything.

        """
        if not rate > 0 or not burst >= 1:
            msg = "the rate must be above 0 and the burst at least 1"
            raise ValueError(msg)
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._updated = now

    def _refill(self, now: float) -> None:
        # A clock that was set back gives nothing and costs nothing.
        if now > self._updated:
            self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now

    def take(self, now: float, count: float = 1) -> bool:
        """Take *count* tokens if all are there, else none."""
        self._refill(now)
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def take_up_to(self, count: int, now: float) -> int:
        """Take as many of *count* whole tokens as there are and return how many."""
        self._refill(now)
        taken = max(0, min(count, int(self._tokens)))
        self._tokens -= taken
        return taken

    def wait(self, now: float, count: float = 1) -> float:
        """Return the seconds until *count* tokens (at most the burst) are there; 0 if now."""
        self._refill(now)
        return max(0.0, (min(count, self._burst) - self._tokens) / self._rate)
