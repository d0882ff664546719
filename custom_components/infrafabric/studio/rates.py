"""Rates of the counters that studios report: bits per second, frames left out.

Time is passed in. A counter that is smaller than before began again: nothing is known of the time
in between, so there is no rate until the next reading.
"""

from typing import Final

MIN_INTERVAL: Final = 0.5
"""Seconds between two readings of a rate; over less, the timing of the answers would count more
than what they say."""


class Bitrate:
    """kbit/s from a counter of bytes."""

    def __init__(self) -> None:
        """Begin without a reading."""
        self._last: tuple[float, int] | None = None
        self._kbps: float | None = None

    def update(self, now: float, sent_bytes: int | None) -> float | None:
        """Take in a reading and return kbit/s since the one before; None if that is not known.

        Args:
            now: Seconds of any clock. A reading sooner than ``MIN_INTERVAL`` after the last one
                changes nothing and returns the last rate.
            sent_bytes: Bytes since the output started; None if the studio does not say, which
                forgets everything.

        """
        if sent_bytes is None:
            self._last = self._kbps = None
            return None
        if self._last is None:
            self._last = (now, sent_bytes)
            return None
        then, before = self._last
        if sent_bytes < before or now < then:
            self._last, self._kbps = (now, sent_bytes), None
        elif now - then >= MIN_INTERVAL:
            self._kbps = (sent_bytes - before) * 8 / 1000 / (now - then)
            self._last = (now, sent_bytes)
        return self._kbps


class SkippedShare:
    """Per cent of frames that were left out, from two counters."""

    def __init__(self) -> None:
        """Begin without a reading."""
        self._last: tuple[int, int] | None = None

    def update(self, skipped: int | None, total: int | None) -> float | None:
        """Take in a reading and return 0 to 100 since the one before; None if that is not known.

        Args:
            skipped: Frames left out since the output started.
            total: All frames since then. Without new ones there is no share.

        """
        if skipped is None or total is None:
            self._last = None
            return None
        last, self._last = self._last, (skipped, total)
        if last is None or skipped < last[0] or total <= last[1]:
            return None
        return min(100.0, 100 * (skipped - last[0]) / (total - last[1]))
