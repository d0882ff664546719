"""Waiting for members to be linked: a node that was started for one command has no link yet."""

import asyncio
from collections.abc import Callable
import time
from typing import Final

from ..errors import InvalidError, MeshError, RefusedError, UnreachableError
from ..model import NodeEvent, PeerAdded, PeerConnected, PeerView, Role
from ..node import MeshNode
from .selection import find_peer

LEARNING: Final = 5.0
"""Seconds after its start in which a node may still hear of members it does not know."""
QUIET: Final = 1.5
"""Seconds without a new link after which the members that are missing count as offline."""
LOOK: Final = 0.1
"""Seconds between looks at what no event tells of."""


def revoked_error() -> RefusedError:
    """Return what to say once this node is no longer a member."""
    return RefusedError(
        "membership_revoked",
        "This node is no longer a member of the mesh; ask an admin for an invitation and join "
        "again.",
    )


class Waiter:
    """Looks at one node until something is true of it.

    Args:
        node: The node.
        started: Whether it was started.

    """

    def __init__(self, node: MeshNode, *, started: bool) -> None:
        """Begin now."""
        self._node = node
        self._started = started
        self._since = time.monotonic()
        self._news = self._since
        node.subscribe(self._note_news)

    def _note_news(self, event: NodeEvent) -> None:
        if isinstance(event, PeerAdded | PeerConnected):
            self._news = time.monotonic()

    def check_member(self) -> None:
        """Raise RefusedError ``membership_revoked`` unless this node is a member."""
        if self._node.revoked:
            raise revoked_error()

    def check_admin(self) -> None:
        """Raise RefusedError ``membership_revoked`` or ``not_admin`` unless it is an admin."""
        self.check_member()
        if self._node.role is not Role.ADMIN:
            raise RefusedError("not_admin", "Only an admin of the mesh may do this; ask one.")

    def anybody(self) -> bool:
        """Tell whether some member is linked."""
        return any(view.connected for view in self._node.peers.values())

    def complete(self) -> bool:
        """Tell whether all is up: every member linked, or nobody there but a server."""
        views = self._node.peers.values()
        if self._node.revoked or not self._started:
            return True
        if views:
            return all(view.connected for view in views)
        return bool(self._node.stats.signaling_connected)

    def quiet(self) -> bool:
        """Tell whether all is up, or what is up has been all for a while."""
        return self.complete() or (
            self.anybody() and time.monotonic() - max(self._news, self._since) > QUIET
        )

    def _learning(self) -> bool:
        return self._started and time.monotonic() - self._since < LEARNING

    async def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is true, looking at each event and now and then."""
        if true():
            return True
        happened = asyncio.Event()
        stop = self._node.subscribe(lambda _: happened.set())
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    happened.clear()
                    try:
                        await asyncio.wait_for(happened.wait(), LOOK)
                    except TimeoutError:
                        continue
        except TimeoutError:
            return true()
        finally:
            stop()
        return True

    async def settle(self, seconds: float) -> None:
        """Wait for the members that are there, and if that is none for the first to come."""
        until = time.monotonic() + seconds
        await self.until(lambda: self.quiet() or not self._learning(), seconds)
        if self._node.peers:
            await self.until(lambda: self.anybody() or self._node.revoked, until - time.monotonic())

    async def known(self, text: str, seconds: float) -> PeerView:
        """Return the peer meant, waiting for news of it while the node is new."""
        found: list[PeerView] = []

        def look() -> bool:
            self.check_member()
            try:
                found[:] = [find_peer(self._node.peers, text)]
            except InvalidError:
                if not self._learning():
                    raise
            return bool(found)

        await self.until(look, seconds)
        return found[0] if found else find_peer(self._node.peers, text)

    async def linked(self, text: str, seconds: float) -> PeerView:
        """Return the peer meant once it is linked.

        Raises:
            InvalidError: ``unknown_peer``, ``ambiguous_peer``.
            RefusedError: ``membership_revoked``.
            UnreachableError: ``peer_not_connected``.

        """
        until = time.monotonic() + seconds
        view = await self.known(text, seconds)

        def linked() -> bool:
            self.check_member()
            now = self._node.peers.get(view.peer_id)
            if now is None:
                raise RefusedError(
                    "peer_removed", f"{view.name} is no longer a member of the mesh."
                )
            return now.connected

        if await self.until(linked, until - time.monotonic()):
            return self._node.peers[view.peer_id]
        raise self._unlinked(self._node.peers[view.peer_id], seconds)

    def _unlinked(self, view: PeerView, seconds: float) -> MeshError:
        reason = ""
        if not self._node.stats.signaling_connected:
            reason = " No signaling server can be reached; check the network and the addresses."
        elif view.failure:
            reason = f" The last attempt failed: {view.failure.replace('_', ' ')}."
        return UnreachableError(
            "peer_not_connected",
            f"{view.name} was not connected within {seconds:g} s; see that it runs, or wait "
            f"longer with --timeout.{reason}",
            peer=view.name,
        )

    def nobody(self, seconds: float) -> MeshError:
        """Return what to say when no member was linked in time."""
        return UnreachableError(
            "nobody_connected",
            f"No other member was connected within {seconds:g} s; see that one runs.",
        )
