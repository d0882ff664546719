"""Where members meet: this node's carriers to signaling servers, and the sealed boxes on them.

A payload for another member is JSON, sealed for its key; the carriers (and whoever runs the
servers) see only who talks to whom. Everything in an opened box is still untrusted: what
matters in it is signed.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import logging
import time
from typing import Any, Final, Protocol

from ..encoding import canonical_json, parse_json
from ..errors import MeshError, RefusedError, UnreachableError
from ..rate import TokenBucket
from ..signaling.base import MAX_BOX, Carrier, CarrierHandler
from ..trust.identity import Identity, PublicIdentity

_LOGGER: Final = logging.getLogger(__name__)

MAX_CARRIERS: Final = 4
"""Signaling servers a node registers with at once."""
PATIENCE: Final = 300.0
"""Seconds of silence after which a server gives its place to one that waits for it."""
MAX_CLOCK_OFFSET: Final = 120.0
"""Seconds; beyond it, fresh messages would look stale to others."""


BOX_RATE: Final = 20.0
BOX_BURST: Final = 100
"""Boxes of members that are opened a second for long, and at once, from one server."""
STRANGER_RATE: Final = 5.0
STRANGER_BURST: Final = 20
"""The same for boxes of strangers, apart, so that these cannot keep members out."""
SEND_TIMEOUT: Final = 3.0
"""Seconds that one server may take a box in; then the next one is tried."""

REPLACED_WITHIN: Final = 3.0
"""Seconds within which the own connection that took a place came up."""


class RendezvousHandler(Protocol):
    """What the node is told."""

    def signal_received(self, carrier: Carrier, sender: str, payload: Mapping[str, Any]) -> None:
        """Handle an opened box from a member (its id as the server says it)."""

    def stranger_received(self, carrier: Carrier, stranger: str, box: bytes) -> None:
        """Handle an opened box from somebody who holds an invitation of ours."""

    def peer_present(self, peer_id: str, *, up: bool) -> None:
        """Note that a server can (or can no longer) reach the peer."""

    def signaling_changed(self) -> None:
        """Note that a carrier connected or disconnected, or that the clock offset changed."""

    def signaling_refused(self, error: MeshError) -> None:
        """Note that a server refused this node."""

    def signaling_duplicate(self) -> None:
        """Set the servers again: two of them are one, and one place is enough."""


@dataclass(frozen=True, slots=True)
class Server:
    """One signaling server by its addresses, best first."""

    owner: str
    """Peer id of the host, or a name of the caller's; makes the server unique."""
    urls: tuple[str, ...]


class Rendezvous(CarrierHandler):
    """Keeps the carriers and seals and opens boxes."""

    def __init__(
        self,
        identity: Identity,
        handler: RendezvousHandler,
        make_carrier: Callable[[Server, CarrierHandler], Carrier],
    ) -> None:
        """Start with no carrier; *make_carrier* builds one that is not started yet."""
        self._identity = identity
        self._handler = handler
        self._make_carrier = make_carrier
        self._carriers: dict[Server, Carrier] = {}
        self._present: dict[str, set[int]] = {}
        self._lookups: tuple[str, ...] = ()
        self._offsets: dict[int, float] = {}
        self._budgets: dict[tuple[int, bool], TokenBucket] = {}
        self._changing = asyncio.Lock()
        self._stopped = False
        self._connected_at: dict[int, float] = {}
        self._duplicates: set[Server] = set()
        self._servers: tuple[Server, ...] = ()
        self._silent_since: dict[int, float] = {}
        self._tired: dict[Server, float] = {}

    async def set_servers(self, servers: Sequence[Server]) -> None:
        """Register with these servers (at most 4) and leave all others; nothing once stopped."""
        async with self._changing:
            if self._stopped:
                return
            self._servers = tuple(servers)
            self._duplicates &= set(servers)
            self._tired = {s: at for s, at in self._tired.items() if s in self._servers}
            usable = [server for server in servers if server not in self._duplicates]
            usable.sort(key=lambda server: self._tired.get(server, 0.0))
            wanted = list(dict.fromkeys(usable))[:MAX_CARRIERS]
            for server in [known for known in self._carriers if known not in wanted]:
                await self._leave(server)
            for server in wanted:
                if server not in self._carriers:
                    carrier = self._make_carrier(server, self)
                    self._carriers[server] = carrier
                    self._silent_since[id(carrier)] = time.monotonic()
                    carrier.set_invites(self._lookups)
                    carrier.start()
        self._handler.signaling_changed()

    async def rotate(self) -> None:
        """Give the place of servers that have been silent for long to others that wait for one."""
        now = time.monotonic()
        tired = [
            server
            for server, carrier in self._carriers.items()
            if not carrier.connected and now - self._silent_since.get(id(carrier), now) >= PATIENCE
        ]
        if tired and len(self._servers) > MAX_CARRIERS:
            self._tired.update(dict.fromkeys(tired, now))
            await self.set_servers(self._servers)

    async def stop(self) -> None:
        """Leave every server for good."""
        self._stopped = True
        # One change at a time: a carrier that another one starts meanwhile would never end.
        async with self._changing:
            for server in list(self._carriers):
                await self._leave(server)

    async def _leave(self, server: Server) -> None:
        carrier = self._carriers.pop(server)
        await carrier.stop()
        self._offsets.pop(id(carrier), None)
        self._connected_at.pop(id(carrier), None)
        self._silent_since.pop(id(carrier), None)
        for stranger in (False, True):
            self._budgets.pop((id(carrier), stranger), None)
        self._forget_presence(carrier)

    def set_invites(self, lookups: Sequence[str]) -> None:
        """Let the servers admit holders of these invitations, and no others."""
        self._lookups = tuple(lookups)
        for carrier in self._carriers.values():
            carrier.set_invites(self._lookups)

    @property
    def connected_urls(self) -> tuple[str, ...]:
        """Addresses of the servers this node is registered with now."""
        return tuple(carrier.url for carrier in self._carriers.values() if carrier.connected)

    @property
    def configured_urls(self) -> tuple[str, ...]:
        """First address of each server in use."""
        return tuple(server.urls[0] for server in self._carriers if server.urls)

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which every connected server's clock is ahead of ours, the smallest.

        One honest server is enough: a wrong clock of a single server raises no alarm.
        """
        if not self._offsets:
            return None
        return min(self._offsets.values(), key=abs)

    def is_present(self, peer_id: str) -> bool:
        """Tell whether some server can reach the peer now."""
        return bool(self._present.get(peer_id))

    async def send(self, peer: PublicIdentity, payload: Mapping[str, Any]) -> None:
        """Send a sealed payload to a member through any server that reaches it.

        Raises:
            UnreachableError: ``peer_absent``, ``signaling_unreachable``.

        """
        await self._send_box(peer.peer_id, peer.seal(canonical_json(dict(payload))))

    async def _send_box(self, peer_id: str, box: bytes) -> None:
        connected = [carrier for carrier in self._carriers.values() if carrier.connected]
        if not connected:
            raise UnreachableError(
                "signaling_unreachable",
                "No signaling server can be reached; check the network and the addresses.",
            )
        for carrier in connected:
            if peer_id not in carrier.present:
                continue
            try:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await carrier.send(peer_id, box)
            except UnreachableError, TimeoutError:
                continue
            return
        raise UnreachableError(
            "peer_absent", "The peer is at none of the signaling servers this node can reach."
        )

    def carrier_box(self, carrier: Carrier, sender: str, box: bytes) -> None:
        """Open a box and pass it on; what cannot be opened is dropped."""
        stranger = sender.startswith("j-")
        if len(box) > MAX_BOX or not self._may_open(carrier, stranger=stranger):
            return
        try:
            data = self._identity.unseal(box)
            if stranger:
                self._handler.stranger_received(carrier, sender, data)
                return
            payload = parse_json(data)
        except ValueError:
            _LOGGER.debug("Dropped a box from %s that cannot be read", sender)
            return
        if isinstance(payload, dict):
            self._handler.signal_received(carrier, sender, payload)

    def _may_open(self, carrier: Carrier, *, stranger: bool) -> bool:
        """Count a box; anybody can seal one for us, and opening and judging it costs time."""
        now = time.monotonic()
        rate, burst = (STRANGER_RATE, STRANGER_BURST) if stranger else (BOX_RATE, BOX_BURST)
        key = (id(carrier), stranger)
        return self._budgets.setdefault(key, TokenBucket(rate, burst, now)).take(now)

    def carrier_present(self, carrier: Carrier, peer_id: str, up: bool) -> None:  # noqa: FBT001
        """Keep who can be reached through any carrier."""
        carriers = self._present.setdefault(peer_id, set())
        before = bool(carriers)
        if up:
            carriers.add(id(carrier))
        else:
            carriers.discard(id(carrier))
        if not carriers:
            del self._present[peer_id]
        if before != bool(carriers):
            self._handler.peer_present(peer_id, up=up)

    def carrier_state(
        self,
        carrier: Carrier,
        connected: bool,  # noqa: FBT001
        error: MeshError | None,
    ) -> None:
        """Tell the node about a connection made, lost or refused."""
        now = time.monotonic()
        if connected:
            self._connected_at[id(carrier)] = now
            self._silent_since.pop(id(carrier), None)
        else:
            self._silent_since.setdefault(id(carrier), now)
            # What its clock said stays: a clock that is off may be why it refused.
            self._forget_presence(carrier)
        if isinstance(error, RefusedError):
            if self._is_duplicate(carrier, error, now):
                self._duplicates |= {s for s, known in self._carriers.items() if known is carrier}
                self._handler.signaling_duplicate()
            else:
                self._handler.signaling_refused(error)
        self._handler.signaling_changed()

    def _is_duplicate(self, carrier: Carrier, error: RefusedError, now: float) -> bool:
        """Tell whether the carrier leads where this node is already, by another name."""
        if error.code == "signaling_already_here":
            return True
        # A server has one place for each key, and the newest connection gets it.
        return error.code == "signaling_replaced" and any(
            now - since < REPLACED_WITHIN
            for other, since in self._connected_at.items()
            if other != id(carrier)
        )

    def carrier_time(self, carrier: Carrier, offset: float) -> None:
        """Remember how far the server's clock is ahead of ours."""
        self._offsets[id(carrier)] = offset
        self._handler.signaling_changed()

    def _forget_presence(self, carrier: Carrier) -> None:
        for peer_id in [peer for peer, at in self._present.items() if id(carrier) in at]:
            self.carrier_present(carrier, peer_id, up=False)
