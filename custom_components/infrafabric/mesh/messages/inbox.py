"""What happens to a message that arrives over a link: limits, checks, roles, receipts, counters.

The order keeps a hostile peer cheap: its rate first, then form and signature, then address,
freshness and replay, and last what its role allows. Sans-IO: the caller passes the time and runs
``parse_all`` where it likes (it is pure and may run in an executor).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
import logging
from typing import Final

from ..model import ReceiptStatus, Role
from ..rate import TokenBucket
from .message import IFMessage, MessageRefusedError
from .replay import ReplayGuard

_LOGGER: Final = logging.getLogger(__name__)

DEFAULT_RATE: Final = 50.0
"""Messages a second that one peer may send for long."""
DEFAULT_BURST: Final = 200
"""Messages one peer may send at once."""
CLOCK_SET: Final = 1_767_225_600.0
"""1 January 2026: a clock before this was not set yet (a board without a battery at boot)."""

REQUESTS: Final = frozenset({"request", "query-if", "query-ref"})
"""Performatives that ask the receiver to act; they need the role ``command``."""


def parse_all(
    messages: Sequence[tuple[bytes, bytes]], public_key: bytes
) -> list[IFMessage | MessageRefusedError]:
    """Check form and signature of each (body, signature); pure, for any thread."""
    results: list[IFMessage | MessageRefusedError] = []
    for body, signature in messages:
        try:
            results.append(IFMessage.parse(body, signature, public_key))
        except MessageRefusedError as err:
            results.append(err)
    return results


class Inbox:
    """Decides about arriving messages and counts what it refuses.

    Args:
        own_id: This node's peer id.
        replay: What was seen already.
        rate: Messages a second per peer.
        burst: Messages at once per peer.

    """

    def __init__(
        self,
        own_id: str,
        replay: ReplayGuard,
        *,
        rate: float = DEFAULT_RATE,
        burst: int = DEFAULT_BURST,
    ) -> None:
        """Start with empty counters."""
        self._own_id = own_id
        self._replay = replay
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, TokenBucket] = {}
        self._refused: Counter[str] = Counter()
        self._logged: set[tuple[str, ReceiptStatus]] = set()

    @property
    def refused(self) -> Mapping[str, int]:
        """Messages refused since start, by status name in lower case."""
        return dict(self._refused)

    def set_limits(self, rate: float, burst: int) -> None:
        """Change how much each peer may send, from now on."""
        if (rate, burst) != (self._rate, self._burst):
            self._rate, self._burst = rate, burst
            self._buckets.clear()

    def within_rate(self, peer_id: str, count: int, now: float) -> int:
        """Return how many of *count* messages the peer may send now (monotonic *now*)."""
        bucket = self._buckets.get(peer_id)
        if bucket is None:
            bucket = self._buckets[peer_id] = TokenBucket(self._rate, self._burst, now)
        return bucket.take_up_to(count, now)

    def judge(self, role: Role | None, message: IFMessage, now: float) -> ReceiptStatus:
        """Return what becomes of a message whose signature is right (unix *now*)."""
        if role is None:
            return ReceiptStatus.UNKNOWN_SENDER
        if now < CLOCK_SET:
            return ReceiptStatus.CLOCK_NOT_SET
        if not message.addressed_to(self._own_id):
            return ReceiptStatus.NOT_ADDRESSED
        status = self._replay.check(message, now)
        if (
            status is ReceiptStatus.ACCEPTED
            and role is Role.OBSERVE
            and message.performative in REQUESTS
        ):
            return ReceiptStatus.NOT_ALLOWED
        return status

    def refuse(self, peer_id: str, status: ReceiptStatus, count: int = 1) -> None:
        """Count refused messages and log the first of each kind per peer."""
        self._refused[status.name.lower()] += count
        if (peer_id, status) not in self._logged:
            self._logged.add((peer_id, status))
            _LOGGER.warning(
                "Refused a message from peer %s: %s (further ones are only counted)",
                peer_id,
                status.name.lower().replace("_", " "),
            )

    def forget(self, peer_id: str) -> None:
        """Drop what is kept about a former member."""
        self._buckets.pop(peer_id, None)
        self._logged = {entry for entry in self._logged if entry[0] != peer_id}
