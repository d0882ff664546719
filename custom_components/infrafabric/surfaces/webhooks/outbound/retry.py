"""When a webhook that could not be delivered is tried again: with growing pauses, for 24 hours.

Hours in which nothing ran, and those that a clock jumped over, are no attempts: so a message is
also tried a number of times, and for a while after each start, before it is given up.
"""

from collections.abc import Callable
from typing import Final

DELAYS: Final = (5, 30, 120, 300, 900, 1800, 3600, 7200, 14_400)
"""Seconds after the first failure, the second, and so on; the last one repeats."""
GIVE_UP_AFTER: Final = 86_400
"""Seconds that a message is tried at least before it is a dead letter."""
MIN_ATTEMPTS: Final = 8
"""Attempts before that: they take two hours, whatever the clock says."""
AFTER_START: Final = 7200
"""Seconds after a start for which nothing is given up: the network may come back later."""
JITTER: Final = 0.2
"""Part by which a pause varies, so that what failed together is not tried together."""
MAX_RETRY_AFTER: Final = 14_400
"""Seconds that a receiver may ask to be left alone: a slip must not cost the whole day."""

type Schedule = Callable[[int, float, float, float | None], float | None]
"""From the failures so far, when the message was new, now, and the receiver's wish: when next."""


def next_attempt(
    failures: int,
    since: float,
    now: float,
    retry_after: float | None,
    *,
    started: float,
    random: Callable[[], float],
) -> float | None:
    """Return when to try again, or None if it is enough.

    Args:
        failures: Attempts that failed, this one included.
        since: Unix seconds when the first attempt was due.
        now: Unix seconds.
        retry_after: Seconds that the receiver asks to wait, if it does.
        started: Unix seconds, by the clock as it is now, when this run began.
        random: Returns numbers from 0 to 1.

    """
    end = max(since + GIVE_UP_AFTER, started + AFTER_START)
    if now >= end and failures >= MIN_ATTEMPTS:
        return None
    pause = DELAYS[min(failures, len(DELAYS)) - 1] * (1 + JITTER * (2 * random() - 1))
    if retry_after is not None:
        pause = max(pause, min(retry_after, MAX_RETRY_AFTER))
    # The last attempt is at the very end, not hours before it.
    return min(now + pause, end) if now < end else now + pause
