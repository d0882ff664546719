"""Counts happenings and tells how many there were in the last minute."""

from collections import deque
from typing import Final

WINDOW: Final = 60.0
_STEP: Final = 1.0


class MinuteMeter:
    """A count per second over one minute; constant memory at any rate."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._buckets: deque[tuple[float, int]] = deque()

    def add(self, now: float, count: int = 1) -> None:
        """Count *count* happenings at monotonic *now*."""
        if self._buckets and now - self._buckets[-1][0] < _STEP:
            start, total = self._buckets[-1]
            self._buckets[-1] = (start, total + count)
        else:
            self._drop_old(now)
            self._buckets.append((now, count))

    def per_minute(self, now: float) -> int:
        """Return how many there were in the minute before *now*."""
        self._drop_old(now)
        return sum(count for _, count in self._buckets)

    def _drop_old(self, now: float) -> None:
        while self._buckets and now - self._buckets[0][0] > WINDOW:
            self._buckets.popleft()
