"""How this node meets the others through signaling: sign-in, offers and answers, refusals."""

from collections.abc import Mapping, Sequence
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from ..encoding import canonical_json
from ..errors import MeshError
from ..model import Role
from ..overlay.rendezvous import RendezvousHandler, Server
from ..overlay.sync import read_batch
from ..rate import TokenBucket
from ..signaling.base import PATH, Carrier, CarrierHandler, Credentials
from ..signaling.client import WebSocketCarrier
from ..signaling.local import LocalCarrier
from ..signaling.wire import address_of
from ..trust.identity import PublicIdentity
from ..trust.signed import Signed

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from ..signaling.server import SignalingServer
    from .engine import Engine

_LOGGER: Final = logging.getLogger(__name__)

MAX_SERVERS: Final = 16
"""Signaling servers of other members that are remembered."""
MAX_ANSWERS: Final = 16
"""Newcomers that are answered at once; more are left to ask again."""
DECLINE_RATE: Final = 1.0
DECLINE_BURST: Final = 10
"""Former members that are told a second for long, and at once."""
CHANGE_RATE: Final = 1 / 60
CHANGE_BURST: Final = 3
"""Changes of a member's addresses that are heeded a second for long, and at once: each is saved."""
MAX_ENVELOPE: Final = 24 * 1024
"""Bytes of an SDP envelope: the SDP itself has its own, smaller bound."""


def _is_usual(url: str) -> bool:
    """Tell whether a node goes to this address because a member says so.

    Only to where signaling servers answer: no member shall choose what others ask of the
    machines in their networks.
    """
    address = address_of(url)
    if address is None:
        return False
    path = address.partition("/")[2]
    return not path or f"/{path}".endswith(PATH)


class Meeting(RendezvousHandler):
    """Handles what comes from signaling servers, for one engine.

    Args:
        engine: The node's parts.
        http: Session for WebSockets to signaling servers.
        server: The signaling server in this process, if any.

    """

    def __init__(
        self, engine: Engine, *, http: aiohttp.ClientSession, server: SignalingServer | None
    ) -> None:
        """Prepare; ``open`` lets our own server serve the mesh."""
        self._engine = engine
        self._http = http
        self._server = server
        self._release: Callable[[], None] | None = None
        self._answering = 0
        self._declines = TokenBucket(DECLINE_RATE, DECLINE_BURST, time.monotonic())
        self._changes: dict[str, TokenBucket] = {}
        self.cloned = False
        """Whether somebody else signed in with this node's key while it was signed in."""

    def open(self) -> None:
        """Let the server in this process, if any, serve our mesh."""
        if self._server is not None:
            self._release = self._server.admit(self._engine.mesh_id, self._admits, self._farewell)

    def close(self) -> None:
        """Stop serving."""
        if self._release is not None:
            self._release()
            self._release = None

    def turn_out(self, peer_id: str, reason: str) -> None:
        """End a former member's connection to our server, and ours to its unless it lapsed.

        Who lapsed may be renewed, or our clock may be wrong: then we need its server.
        """
        engine = self._engine
        self._changes.pop(peer_id, None)
        former = None if reason == "lapsed" else engine.state.servers.pop(peer_id, None)
        if former and engine.running:
            engine.run(engine.rendezvous.set_servers(self.servers()), "servers")
        if self._server is not None and self._release is not None:
            self._server.drop(self._engine.mesh_id, peer_id)

    def servers(self) -> list[Server]:
        """Return where this node signs in: its own server first, then those of other members."""
        engine = self._engine
        config = engine.config
        own_urls = config.signaling_urls
        own = []
        if self._server is None:
            own += [Server(engine.identity.peer_id, own_urls)] if own_urls else []
        else:
            # The addresses are for others; the node itself needs none to its own server.
            here = tuple(url for url in own_urls if url not in config.signaling_servers)
            own.append(Server(engine.identity.peer_id, here))
            own += [Server(url, (url,)) for url in config.signaling_servers]
        # A server that several members use, or claim, needs one connection only: of two with the
        # same key it would end the older one, for ever.
        taken = {address_of(url) for url in own_urls}
        others = []
        for owner, urls in engine.state.servers.items():
            fresh = tuple(url for url in urls if address_of(url) not in taken)
            if fresh and owner != engine.identity.peer_id:
                taken.update(address_of(url) for url in fresh)
                others.append(Server(owner, fresh))
        return own + others

    def learn_server(self, owner: str, urls: tuple[str, ...]) -> bool:
        """Remember the addresses a member hosts; tell whether they are new."""
        known = self._engine.state.servers
        if known.get(owner, ()) == urls:
            return False
        role = self._engine.state.membership.role(owner, time.time())
        heeded = tuple(url for url in urls if role is Role.ADMIN or _is_usual(url))
        if (urls and not heeded) or known.get(owner, ()) == heeded:
            return False
        urls, now = heeded, time.monotonic()
        changes = self._changes.setdefault(owner, TokenBucket(CHANGE_RATE, CHANGE_BURST, now))
        if not changes.take(now):
            return False
        if not urls:
            del known[owner]
        elif owner in known or len(known) < MAX_SERVERS:
            known[owner] = urls
        else:
            return False
        return True

    def make_carrier(self, server: Server, handler: CarrierHandler) -> Carrier:
        """Return the carrier to a server, not started."""
        engine = self._engine
        membership = engine.state.membership
        credentials = Credentials(
            mesh_id=engine.mesh_id,
            identity=engine.identity,
            chain=lambda: membership.chain(engine.identity.peer_id),
            authority=membership.authority,
            founder=membership.founder,
        )
        if self._server is not None and server.owner == engine.identity.peer_id:
            url = server.urls[0] if server.urls else "local"
            return LocalCarrier(self._server, credentials, handler, url=url)
        return WebSocketCarrier(server.urls, credentials, handler, http=self._http)

    def _admits(self, key: bytes, chain: Sequence[Signed]) -> bool:
        """Judge a sign-in at our own server by what this node knows."""
        peer_id = PublicIdentity(key).peer_id
        if peer_id == self._engine.identity.peer_id:
            # By one of our own addresses; the server says that this node is here already.
            return True
        if peer_id not in self._engine.roster.members:
            # A member that joined through somebody else brings the records that prove it.
            self._engine.apply(chain)
        return peer_id in self._engine.roster.members

    async def signal(self, peer: PublicIdentity, kind: str, body: Signed, attempt: int) -> None:
        """Send an SDP envelope and the records that prove our membership."""
        await self._engine.rendezvous.send(
            peer,
            {
                "k": kind,
                "attempt": attempt,
                "sdp": body.to_json(),
                "records": [item.to_json() for item in self._engine.roster.own_proof()],
            },
        )

    def signal_received(self, carrier: Carrier, sender: str, payload: Mapping[str, Any]) -> None:
        """Act on what a member sent through a signaling server."""
        try:
            self._act(sender, payload)
        except (ValueError, TypeError, KeyError) as err:
            _LOGGER.debug("Dropped a signal of %s: %s", sender, err)

    def _act(self, sender: str, payload: Mapping[str, Any]) -> None:
        engine = self._engine
        kind = payload["k"]
        records = read_batch(payload["records"])
        if kind == "declined":
            # Only what it proves counts: records are signed, the rest is said by anybody.
            engine.apply(records)
            return
        if sender not in engine.roster.members:
            engine.apply(records)
        if sender not in engine.roster.members:
            self._decline(sender)
            return
        body = Signed.from_json(payload["sdp"], MAX_ENVELOPE)
        attempt = payload["attempt"]
        if type(attempt) is not int or attempt < 0:
            return
        if kind == "offer":
            engine.links.offered(sender, body, attempt)
        elif kind == "answer":
            engine.links.answered(sender, body)

    def _decline(self, sender: str) -> None:
        """Tell a former member that it is one, with the proof."""
        engine = self._engine
        tombstone = engine.state.membership.tombstone_of(sender)
        payload = self._proof_of_end(sender)
        if tombstone is not None and payload is not None and self._declines.take(time.monotonic()):
            peer = PublicIdentity(tombstone.public_key)
            engine.run(engine.rendezvous.send(peer, payload), "decline")

    def _farewell(self, key: bytes) -> tuple[str, bytes] | None:
        """Return the same for somebody our own server refuses."""
        peer = PublicIdentity(key)
        payload = self._proof_of_end(peer.peer_id)
        if payload is None:
            return None
        return self._engine.identity.peer_id, peer.seal(canonical_json(payload))

    def _proof_of_end(self, peer_id: str) -> dict[str, Any] | None:
        proof = self._engine.roster.proof_of_end(peer_id)
        return {"k": "declined", "records": [item.to_json() for item in proof]} if proof else None

    def stranger_received(self, carrier: Carrier, stranger: str, box: bytes) -> None:
        """Answer somebody who holds an invitation of ours, unless too many are waiting."""
        if self._answering < MAX_ANSWERS:
            self._answering += 1
            self._engine.run(self._answer(carrier, stranger, box), "join")

    async def _answer(self, carrier: Carrier, stranger: str, box: bytes) -> None:
        try:
            await self._engine.inviter.answer(carrier, stranger, box)
        finally:
            self._answering -= 1

    def peer_present(self, peer_id: str, *, up: bool) -> None:
        """Pass on who came or went."""
        self._engine.peer_present(peer_id, up=up)

    def signaling_changed(self) -> None:
        """Let the node look for problems."""
        self._engine.look_for_problems()

    def signaling_duplicate(self) -> None:
        """Leave one of two names of the same server."""
        self._engine.run(self._engine.rendezvous.set_servers(self.servers()), "servers")

    def signaling_refused(self, error: MeshError) -> None:
        """Notice a clone: a server has one place for each key."""
        if error.code == "signaling_replaced":
            self.cloned = True
