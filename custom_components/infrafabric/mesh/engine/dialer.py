"""Dials whom the policy names, and whom somebody asks for; notes how each attempt ended."""

import asyncio
from collections.abc import Callable
import logging
import time
from typing import TYPE_CHECKING, Final

from ..errors import MeshError
from ..messages.inbox import CLOCK_SET
from ..tasks import TaskOwner, going_on

if TYPE_CHECKING:
    from ..lag import LoopLag
    from ..overlay.healing import DialPolicy
    from ..overlay.links import LinkManager
    from ..overlay.peer_book import PeerBook

_LOGGER: Final = logging.getLogger(__name__)

DIAL_LOOK: Final = 5.0
"""Longest pause between two looks at who should be dialled, seconds."""


class Dialer:
    """Brings ``DialPolicy`` the time, and its decisions to ``LinkManager``.

    Args:
        policy: Decides who is dialled when.
        links: Makes the links.
        lag: While the loop lags, fewer are dialled at once.
        peers: Told why an attempt failed.
        refresh: Shows that in the view of a peer, by its id.
        tasks: Owns the attempts.

    """

    def __init__(
        self,
        *,
        policy: DialPolicy,
        links: LinkManager,
        lag: LoopLag,
        peers: PeerBook,
        refresh: Callable[[str], None],
        tasks: TaskOwner,
    ) -> None:
        """Prepare; ``run`` dials."""
        self._policy = policy
        self._links = links
        self._lag = lag
        self._peers = peers
        self._refresh = refresh
        self._tasks = tasks
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something in the policy changed: look now at who is due."""
        self._wake.set()

    async def run(self) -> None:
        """Dial until cancelled."""
        while True:
            # A clock that is not set yet says nothing when it is; so look now and then.
            pause = DIAL_LOOK
            with going_on("Dialling"):
                pause = min(pause, self._dial_due(time.monotonic()))
            self._wake.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _dial_due(self, now: float) -> float:
        """Dial whose turn it is; return the seconds until the next look."""
        if time.time() >= CLOCK_SET:
            for peer_id in self._policy.due(now, self._lag.p99_ms):
                self._policy.started(peer_id)
                self._tasks.run(self._dial(peer_id), f"dial {peer_id}")
        next_at = self._policy.next_at()
        return DIAL_LOOK if next_at is None else max(0.05, next_at - now)

    async def _dial(self, peer_id: str) -> None:
        try:
            await self._links.dial(peer_id, self._policy.attempts(peer_id))
        except MeshError as err:
            self._peers.failed(peer_id, err.code)
            delay = self._policy.failed(peer_id, time.monotonic())
            _LOGGER.debug("No link to %s: %s; again in %s s", peer_id, err, delay)
            self._refresh(peer_id)
        except BaseException:
            self._policy.failed(peer_id, time.monotonic())
            raise
        finally:
            self._wake.set()

    async def reconnect(self, peer_id: str) -> None:
        """Drop the link, if any, and dial now, whoever's turn it is.

        Raises:
            MeshError: The dial failed.

        """
        await self._links.close(peer_id, "reconnect")
        self._policy.started(peer_id)
        try:
            await self._links.dial(peer_id, 0)
        except MeshError as err:
            self._peers.failed(peer_id, err.code)
            self._policy.failed(peer_id, time.monotonic())
            self._refresh(peer_id)
            raise
        except BaseException:
            # Whoever asked gave up, or a mistake: the policy must not wait for an end.
            self._policy.failed(peer_id, time.monotonic())
            raise
        finally:
            self._wake.set()
