"""An open link in use: the membership exchange that comes first, then everything else."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
import time
from typing import Any, Final

from ..encoding import canonical_json, parse_json
from ..link.link import Link
from ..rate import TokenBucket
from ..trust.membership import Membership
from ..trust.signed import Signed
from .sync import RecordSync, read_batch

ADMISSION: Final = 10.0
"""Seconds the exchange may take; messages that arrive earlier wait for it."""
MAX_REFUSALS: Final = 16
"""Refusals of requests that may be on their way to one peer; more are dropped."""
EXCHANGE: Final = 30.0
"""Seconds without its end after which the link is closed."""
CONTROL_RATE: Final = 10.0
CONTROL_BURST: Final = 64
GOSSIP_RATE: Final = 20.0
GOSSIP_BURST: Final = 256
"""Payloads a second for long, and at once: a new neighbour tells of the whole mesh first."""


class Session:
    """One peer's link from its opening to its close.

    Args:
        link: The open link.
        membership: What this node knows.
        apply: Adds records that arrived, from whatever source.
        admitted: Called once the exchange is complete.
        run: Starts a coroutine whose task the node owns.
        replaces: Whether it takes the place of a session whose peer counted as connected.

    """

    def __init__(
        self,
        link: Link,
        membership: Membership,
        *,
        apply: Callable[[list[Signed], str], None],
        admitted: Callable[[Session], None],
        run: Callable[[Coroutine[Any, Any, None]], None],
        replaces: bool,
    ) -> None:
        """Prepare; ``start`` speaks first."""
        self.link = link
        self.peer_id = link.peer_id
        self.replaces = replaces
        self.refusing = 0
        """Refusals on their way to the peer."""
        self._sync = RecordSync(membership)
        self._apply = apply
        self._on_admitted = admitted
        self._run = run
        self._admitted = asyncio.Event()
        self.began = now = time.monotonic()
        self._control_rate = TokenBucket(CONTROL_RATE, CONTROL_BURST, now)
        self._gossip_rate = TokenBucket(GOSSIP_RATE, GOSSIP_BURST, now)

    @property
    def admitted(self) -> bool:
        """Whether both sides know the same members, so that other traffic may flow."""
        return self._admitted.is_set()

    @property
    def was_connected(self) -> bool:
        """Whether the peer counts as connected for listeners: with this link or one before it."""
        return self.replaces or self.admitted

    async def wait_admitted(self, seconds: float = ADMISSION) -> bool:
        """Wait for the exchange; False if it takes too long."""
        try:
            async with asyncio.timeout(seconds):
                await self._admitted.wait()
        except TimeoutError:
            return False
        return True

    def start(self) -> None:
        """Say what we know."""
        self._run(self._end_unless_admitted())
        self.send(self._sync.start())

    async def _end_unless_admitted(self) -> None:
        # A link that never carries traffic must not stand in the way of one that would.
        if not await self.wait_admitted(EXCHANGE):
            await self.link.close("no_members")

    def send(self, payload: Mapping[str, Any]) -> None:
        """Send a control payload in the background; a closed link loses it, and that is fine."""
        self._run(self._send(canonical_json(dict(payload))))

    async def _send(self, data: bytes) -> None:
        await self.link.send_control(data)

    def control(self, data: bytes) -> None:
        """Take a control payload.

        Raises:
            ValueError: Out of form, or too many.

        """
        if not self._control_rate.take_up_to(1, time.monotonic()):
            msg = "too many control payloads"
            raise ValueError(msg)
        payload = parse_json(data)
        if not isinstance(payload, dict):
            msg = "not a control payload"
            raise ValueError(msg)
        if payload.get("k") == "news":
            self._apply(read_batch(payload.get("signed")), self.peer_id)
            return
        step = self._sync.received(payload)
        for answer in step.send:
            self.send(answer)
        if step.records:
            self._apply(step.records, self.peer_id)
        if step.done and not self._admitted.is_set():
            self._admitted.set()
            self._on_admitted(self)

    def may_gossip(self) -> bool:
        """Count a gossip payload that arrived; False when there were too many."""
        return bool(self._gossip_rate.take_up_to(1, time.monotonic()))
