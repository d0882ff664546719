"""When to dial whom: a sans-IO policy that brings links back for ever, by one side.

Of two members the one with the lower peer id dials, so two offers cross only when somebody
asked for a reconnect; ``wins_glare`` settles that. Failed dials back off exponentially with
jitter; a peer that shows up at a signaling server is tried at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ..rate import TokenBucket

FIRST_DELAY: Final = 1.0
"""Seconds before the second attempt."""
LAST_DELAY: Final = 300.0
"""Longest pause between attempts, seconds."""
JITTER: Final = 0.3
"""Share of a delay by which it varies either way, so a mesh does not dial in step."""
PRESENT_DELAY: Final = 0.2
"""Seconds to wait after a peer shows up: its own start settles and bursts spread out."""
HOPE_RATE: Final = 1 / 30
HOPE_BURST: Final = 3
"""Times a second for long, and at once, that showing up ends the back-off: a server could let a
peer come and go for ever."""
STABLE: Final = 30.0
"""Seconds after which a link counts as one that works."""
LAST_UNSTABLE: Final = 30.0
"""Longest pause after a link that opened but did not last, seconds."""
_MAX_ATTEMPTS: Final = 9
"""2**9 s is past the longest delay; counting on would overflow one day."""
MAX_DIALS: Final = 4
"""Dials at once: more only make the event loop lag (measured, see docs)."""
LAGGING_DIALS: Final = 1
LAG_LIMIT_MS: Final = 50.0
"""Loop lag P99 above which only ``LAGGING_DIALS`` run."""


def dials(own_id: str, peer_id: str) -> bool:
    """Tell whether this node is the one that dials the peer."""
    return own_id < peer_id


def wins_glare(own_id: str, peer_id: str) -> bool:
    """Tell whether our offer stands when both sides made one."""
    return own_id < peer_id


@dataclass(slots=True, kw_only=True)
class _Target:
    attempts: int = 0
    next_at: float | None = 0.0
    """Monotonic time of the next dial; None while dialing or linked."""
    dialing: bool = False
    linked: bool = False
    present: bool = False
    hopes: TokenBucket
    """How often showing up may end the back-off."""


class DialPolicy:
    """Decides which peers to dial now; owns no task, clock or random source.

    Args:
        own_id: This node's peer id.
        random: Returns floats in 0…1.

    """

    def __init__(self, own_id: str, random: Callable[[], float]) -> None:
        """Start with nobody to dial."""
        self._own_id = own_id
        self._random = random
        self._targets: dict[str, _Target] = {}

    def set_members(self, peer_ids: Iterable[str], now: float) -> None:
        """Dial these and forget all others; new ones are due at once."""
        wanted = set(peer_ids)
        for gone in self._targets.keys() - wanted:
            del self._targets[gone]
        for peer_id in wanted - self._targets.keys():
            self._targets[peer_id] = _Target(
                next_at=now, hopes=TokenBucket(HOPE_RATE, HOPE_BURST, now)
            )

    def present(self, peer_id: str, now: float, *, up: bool) -> None:
        """Note that a signaling server can (or can no longer) reach the peer."""
        target = self._targets.get(peer_id)
        if target is None:
            return
        if up and not target.present and target.hopes.take(now):
            # Whatever kept it away is over: the old back-off no longer says anything.
            target.attempts = 0
            if target.next_at is not None:
                target.next_at = now + PRESENT_DELAY * (1 + self._random())
        target.present = up

    def started(self, peer_id: str) -> None:
        """Note that a dial runs."""
        if target := self._targets.get(peer_id):
            target.dialing = True
            target.next_at = None

    def linked(self, peer_id: str) -> None:
        """Note that a link is open."""
        if target := self._targets.get(peer_id):
            target.dialing = False
            target.linked = True
            target.next_at = None

    def failed(self, peer_id: str, now: float) -> float | None:
        """Note that a dial failed; return the seconds until the next one."""
        target = self._targets.get(peer_id)
        if target is None:
            return None
        target.dialing = False
        if target.linked:
            return None
        delay = min(LAST_DELAY, FIRST_DELAY * 2.0**target.attempts)
        delay *= 1 + JITTER * (2 * self._random() - 1)
        target.attempts = min(target.attempts + 1, _MAX_ATTEMPTS)
        target.next_at = now + delay
        return delay

    def lost(self, peer_id: str, now: float, *, lasted: float = STABLE) -> None:
        """Note that an open link is gone after *lasted* seconds: dial again soon."""
        target = self._targets.get(peer_id)
        if target is None:
            return
        target.linked = False
        delay = PRESENT_DELAY * self._random()
        if lasted >= STABLE:
            target.attempts = 0
        else:
            # Links that open and fall at once cost much and bring nothing.
            delay += min(LAST_UNSTABLE, FIRST_DELAY * 2.0**target.attempts)
            target.attempts = min(target.attempts + 1, _MAX_ATTEMPTS)
        if not target.dialing:
            target.next_at = now + delay

    def network_changed(self, now: float) -> None:
        """Forget every back-off: what failed before may work on this network."""
        for target in self._targets.values():
            target.attempts = 0
            if target.next_at is not None:
                target.next_at = now

    def attempts(self, peer_id: str) -> int:
        """Return how many dials in a row failed; chooses the ICE servers of the next one."""
        target = self._targets.get(peer_id)
        return target.attempts if target else 0

    def due(self, now: float, lag_ms: float | None = None) -> list[str]:
        """Return the peers to dial now, longest waiting first, within the limit of dials."""
        limit = LAGGING_DIALS if lag_ms is not None and lag_ms > LAG_LIMIT_MS else MAX_DIALS
        room = limit - sum(target.dialing for target in self._targets.values())
        if room <= 0:
            return []
        waiting = sorted(
            (target.next_at, peer_id)
            for peer_id, target in self._targets.items()
            if self._ready(peer_id, target) and target.next_at is not None and target.next_at <= now
        )
        return [peer_id for _, peer_id in waiting[:room]]

    def _ready(self, peer_id: str, target: _Target) -> bool:
        return (
            not target.linked
            and not target.dialing
            and target.present
            and dials(self._own_id, peer_id)
        )

    def next_at(self) -> float | None:
        """Return the monotonic time at which ``due`` has something next, if known."""
        times = [
            target.next_at
            for peer_id, target in self._targets.items()
            if self._ready(peer_id, target) and target.next_at is not None
        ]
        return min(times, default=None)
