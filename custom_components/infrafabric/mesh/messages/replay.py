"""Each message once: freshness, sequence numbers and nonces of received messages; own numbers.

Sans-IO. A sender numbers its messages upwards, so of each sender the guard keeps the highest
number and what it saw in a window below; anything under the window is refused. So memory is
bounded without ever letting a replay through: when room is needed, windows shrink.
"""

from bisect import bisect
from collections import deque
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, Self

from ..encoding import MAX_SAFE_INTEGER
from ..model import ReceiptStatus
from ..trust.identity import is_identifier
from ..trust.records import CLOCK_TOLERANCE
from .message import IFMessage
from .schema import MAX_TTL

WINDOW: Final = 4096
"""Sequence numbers below the highest that may still arrive, out of order."""
MAX_REMEMBERED: Final = 32_768
"""Most messages remembered of all senders, about 8 MB."""
MAX_SENDERS: Final = 4096
_SURELY_STALE: Final = MAX_TTL + 2 * CLOCK_TOLERANCE
"""Seconds after which no message accepted once can still be fresh."""
_EPOCH_BITS: Final = 32
_YEAR_2020: Final = 1_577_836_800
_LAST_EPOCH: Final = (MAX_SAFE_INTEGER >> _EPOCH_BITS) - 1
_PLAUSIBLE_EPOCH: Final = _LAST_EPOCH // 2
"""Hours since 2020 at which a clock is taken for wrong (the year 2139)."""


@dataclass(slots=True)
class _Sender:
    """What is known of one sender."""

    last: float
    """Unix time at which it was last heard."""
    floor: int = 1
    """Lower numbers are refused."""
    highest: int = 0
    seen: dict[int, str] = field(default_factory=dict)
    """Nonces by number, of accepted messages from ``floor`` up."""
    nonces: set[str] = field(default_factory=set)
    order: deque[int] = field(default_factory=deque)
    """The numbers in ``seen``, sorted."""

    def raise_floor(self, floor: int) -> int:
        """Refuse everything under *floor* from now on; returns how many were forgotten."""
        if floor <= self.floor:
            return 0
        self.floor = floor
        forgotten = 0
        while self.order and self.order[0] < floor:
            self.nonces.discard(self.seen.pop(self.order.popleft()))
            forgotten += 1
        return forgotten

    def halve(self) -> int:
        """Forget the older half."""
        half = len(self.order) // 2
        return self.raise_floor(self.order[half]) if half else 0


class ReplayGuard:
    """Decides whether a message is fresh and new.

    Args:
        unclean_since: Unix time of this start if what was seen before it is lost (the last run
            was killed); messages stamped earlier are refused then. Infinity: not known yet, it
            is the time of the first one that is checked.

    """

    def __init__(self, *, unclean_since: float | None = None) -> None:
        """Know no sender."""
        self._unclean_since = unclean_since
        self._senders: dict[str, _Sender] = {}
        self._remembered = 0
        self._clones: set[str] = set()

    @property
    def unclean(self) -> bool:
        """Whether what was seen before this start is lost, so that floors should be asked for."""
        return self._unclean_since is not None

    @property
    def clones(self) -> frozenset[str]:
        """Peer ids that gave one number to two messages: perhaps two nodes with one key."""
        return frozenset(self._clones)

    def check(self, message: IFMessage, now: float) -> ReceiptStatus:
        """Judge a parsed message and remember it when it is accepted.

        Args:
            message: Its signature is checked already.
            now: Unix time, seconds.

        Returns:
            ``ACCEPTED``; ``STALE``: too old, dated ahead, or its number is below what may still
            come; ``REPLAYED``: its number or nonce was seen; ``BUSY``: no room for a new sender.

        """
        stamp = message.timestamp.timestamp()
        if stamp > now + CLOCK_TOLERANCE or now > stamp + message.ttl + CLOCK_TOLERANCE:
            return ReceiptStatus.STALE
        if self._unclean_since is not None:
            # A clock that was ahead at the start must not keep everybody waiting.
            self._unclean_since = min(self._unclean_since, now)
            if stamp < self._unclean_since:
                return ReceiptStatus.STALE
        sender = self._sender(message.sender, now)
        if sender is None:
            return ReceiptStatus.BUSY
        number, nonce = message.sequence_num, message.nonce
        if number < sender.floor:
            return ReceiptStatus.STALE
        before = sender.seen.get(number)
        if before is not None or nonce in sender.nonces:
            if before is not None and before != nonce:
                self._clones.add(message.sender)
            return ReceiptStatus.REPLAYED
        self._remember(sender, number, nonce, now)
        return ReceiptStatus.ACCEPTED

    def _sender(self, peer_id: str, now: float) -> _Sender | None:
        sender = self._senders.get(peer_id)
        if sender is None:
            if len(self._senders) >= MAX_SENDERS:
                self._drop_silent(now)
            if len(self._senders) >= MAX_SENDERS:
                return None
            sender = self._senders[peer_id] = _Sender(now)
        return sender

    def _drop_silent(self, now: float) -> None:
        for peer_id, sender in list(self._senders.items()):
            if now - sender.last > _SURELY_STALE:
                self._remembered -= len(sender.seen)
                del self._senders[peer_id]

    def _remember(self, sender: _Sender, number: int, nonce: str, now: float) -> None:
        sender.last = max(sender.last, now)
        sender.seen[number] = nonce
        sender.nonces.add(nonce)
        self._remembered += 1
        if number > sender.highest:
            sender.highest = number
            sender.order.append(number)
            self._remembered -= sender.raise_floor(number - WINDOW + 1)
        else:
            sender.order.insert(bisect(sender.order, number), number)
        if self._remembered > MAX_REMEMBERED:
            for other in self._senders.values():
                self._remembered -= other.halve()

    def set_floor(self, peer_id: str, sequence: int) -> None:
        """Take the peer's word, over its proved link, that its next number is *sequence*.

        Only heeded after an unclean start: else what is on its way would be refused.
        """
        since = self._unclean_since
        if since is None or not 1 <= sequence <= MAX_SAFE_INTEGER:
            return
        sender = self._sender(peer_id, since if isfinite(since) else 0.0)
        # Only what this run has not seen itself is in doubt.
        if sender is not None and not sender.seen:
            sender.raise_floor(sequence)

    def to_json(self) -> dict[str, Any]:
        """Return what the next run needs: per sender, the number above all seen, and when."""
        return {
            "v": 1,
            "senders": {
                peer_id: [max(sender.highest + 1, sender.floor), sender.last]
                for peer_id, sender in self._senders.items()
            },
        }

    @classmethod
    def from_json(cls, value: object, *, unclean_since: float | None = None) -> Self:
        """Return the guard of the next run.

        Raises:
            ValueError: Not what ``to_json`` gave.

        """
        guard = cls(unclean_since=unclean_since)
        senders = value.get("senders") if isinstance(value, dict) else None
        if not isinstance(value, dict) or value.get("v") != 1 or not isinstance(senders, dict):
            msg = "not a replay state"
            raise ValueError(msg)
        for peer_id, entry in senders.items():
            match entry:
                case [int(floor), int() | float() as last] if is_identifier(peer_id):
                    guard._senders[peer_id] = _Sender(last, floor)
                case _:
                    msg = "not a replay state"
                    raise ValueError(msg)
        return guard


class SequenceSource:
    """This node's own message numbers: epoch · 2**32 + n.

    Save ``epoch`` before the first number goes out; then a restored backup still moves forward,
    because the epoch is at least the hours since 2020.
    """

    def __init__(self, stored_epoch: int, now: float) -> None:
        """Begin a new epoch.

        Args:
            stored_epoch: The epoch of the last run, 0 if none.
            now: Unix time, seconds.

        """
        hours = int(now - _YEAR_2020) // 3600
        if hours > _PLAUSIBLE_EPOCH:
            hours = 0
        self.epoch = max(stored_epoch + 1, hours)
        self._next = (self.epoch << _EPOCH_BITS) + 1

    @property
    def upcoming(self) -> int:
        """The number the next message will have."""
        return self._next

    def take(self) -> int:
        """Return the next number and use it up."""
        number = self._next
        self._next += 1
        return number
