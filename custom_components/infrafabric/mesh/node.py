"""MeshNode: the one facade that Home Assistant and the agent command line use.

It says what a caller may do and checks that it makes sense; ``Engine`` has the running parts, and
the rest of ``engine/`` what goes on above them: ``Talk``, ``Registrar``, ``say_goodbye``.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
import math
from typing import TYPE_CHECKING, Any, Final, Self

from .api import InvitationView, MessageDraft, NodeConfig, SendResult
from .engine.engine import Engine
from .engine.figures import description_of, stats_of
from .engine.founding import JOIN_DEADLINE, PENDING, create_mesh, join_mesh
from .engine.goodbye import say_goodbye
from .engine.listeners import Listeners
from .engine.problems import Problems
from .engine.registrar import Registrar
from .engine.state import NodeState, NodeStore
from .engine.talk import Talk
from .errors import InvalidError, RefusedError, UnreachableError
from .link.ice import IceServer
from .messages.message import BROADCAST, IFMessage, agent_address
from .model import (
    NodeEvent,
    NodeStats,
    PeerView,
    Role,
    StatsChanged,
)
from .tasks import going_on
from .trust.identity import check_groups

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from .overlay.beacon import Beacon
    from .signaling.server import SignalingServer

__all__ = [
    "IceServer",
    "InvitationView",
    "MeshNode",
    "MessageDraft",
    "NodeConfig",
    "NodeStore",
    "SendResult",
]

STATS_INTERVAL: Final = 5.0
"""Seconds between ``StatsChanged`` events."""
UPKEEP_INTERVAL: Final = 60.0
"""Seconds between looks at memberships that lapse or need renewal."""
SEND_TIMEOUT: Final = 10.0
"""Seconds that a message waits for its receipts unless told otherwise."""


class MeshNode:
    """A member of one mesh: keeps its links, sends, receives, and tells what happens.

    All methods must be called in the event loop that ``start`` ran in.
    """

    def __init__(self, engine: Engine, problems: Problems, listeners: Listeners) -> None:
        """Use ``load``."""
        self._engine = engine
        self._problems = problems
        self._listeners = listeners
        self._talk = Talk(engine.delivery, engine.conversations)
        self._registrar = Registrar(engine)
        membership = engine.state.membership
        self.mesh_id = membership.mesh_id
        """32 base32 characters."""
        self.mesh_name = membership.name
        self.mesh_fingerprint = check_groups(self.mesh_id)
        """The mesh id for people to compare."""
        self.peer_id = engine.identity.peer_id
        """This node's own id, 32 base32 characters."""
        self.check_groups = check_groups(self.peer_id)

    # Coming into being

    @classmethod
    async def create_mesh(cls, store: NodeStore, *, mesh_name: str, node_name: str) -> None:
        """Make a new mesh with this node as founder and admin, and save it into *store*.

        Raises:
            InvalidError: ``name_invalid``.

        """
        await create_mesh(store, mesh_name=mesh_name, node_name=node_name)

    @classmethod
    async def join(
        cls,
        store: NodeStore,
        invitation: str,
        *,
        node_name: str,
        http: aiohttp.ClientSession,
        software: str = "infrafabric",
        timeout: float = JOIN_DEADLINE,
    ) -> None:
        """Join a mesh with an invitation's text and save the membership into *store*.

        If *store* already holds this mesh (a revoked node), its key is kept.

        Raises:
            InvalidError: ``invitation_malformed``, ``name_invalid``; ``other_mesh``: the store
                holds another mesh.
            RefusedError: ``invitation_expired``, ``invitation_spent``, ``invitation_revoked``,
                ``invitation_refused``, ``clock_skew`` (details ``seconds``).
            UnreachableError: ``signaling_unreachable``, ``inviter_unreachable``.
            DeadlineError: ``join_timeout``.

        """
        await join_mesh(
            store,
            invitation,
            node_name=node_name,
            http=http,
            software=software,
            deadline=timeout,
        )

    @classmethod
    async def load(
        cls,
        store: NodeStore,
        config: NodeConfig,
        *,
        http: aiohttp.ClientSession,
        server: SignalingServer | None = None,
        turn_ssl: ssl.SSLContext | None = None,
    ) -> Self:
        """Return the node saved in *store*, not yet started.

        Args:
            store: Where it is saved.
            config: The settings.
            http: For WebSockets to signaling servers.
            server: The signaling server this process hosts; the node signs in directly and lets
                it serve its mesh.
            turn_ssl: Context for TURN over TLS, prepared off the event loop.

        Raises:
            InvalidError: ``no_state``, ``state_unreadable``.

        """
        data = await store.load()
        if data is None or PENDING in data:
            raise InvalidError(
                "no_state", "There is no mesh here yet; create one or join with an invitation."
            )
        # Every signature is checked again; with hundreds of members that takes a while.
        state = await asyncio.get_running_loop().run_in_executor(None, NodeState.from_json, data)
        listeners = Listeners()
        problems = Problems(state, listeners.emit)
        engine = Engine(
            state,
            store,
            config,
            http=http,
            server=server,
            turn_ssl=turn_ssl,
            emit=listeners.emit,
            look_for_problems=problems.look,
        )
        problems.watch(engine)
        return cls(engine, problems, listeners)

    async def start(self) -> None:
        """Begin: sign in to signaling servers and dial every member, in the background."""
        await self._engine.start()
        # A founder that was off for months renews itself before anybody asks.
        await self._registrar.renew()
        self._engine.run(self._report(), "statistics")
        self._engine.run(self._upkeep(), "upkeep")

    async def stop(self) -> None:
        """Close every link, task and socket and save what a restart needs."""
        await self._engine.stop()

    async def leave(self) -> bool:
        """Say goodbye to the mesh, then stop; linked members forget this node at once.

        Returns:
            Whether a member is known to have heard it: within ``goodbye.LEAVING`` seconds it has
            ended its link for that reason.

        """
        heard = await say_goodbye(self._engine)
        await self.stop()
        return heard

    async def reconfigure(self, config: NodeConfig) -> None:
        """Apply new settings without dropping a link."""
        await self._engine.reconfigure(config)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(STATS_INTERVAL)
            with going_on("Measuring"):
                self._problems.look()
                self._listeners.emit(StatsChanged(self.stats))

    async def _upkeep(self) -> None:
        engine = self._engine
        while True:
            await asyncio.sleep(UPKEEP_INTERVAL)
            with going_on("Upkeep of the membership"):
                await self._registrar.renew()
            with going_on("Upkeep of the invitations"):
                engine.inviter.register()
            with going_on("Upkeep of signaling"):
                await engine.rendezvous.rotate()
            if engine.saver.unsaved:
                engine.saver.save_soon()

    # Looking

    def subscribe(self, callback: Callable[[NodeEvent], None]) -> Callable[[], None]:
        """Deliver events to *callback* in the event loop; call the result to stop."""
        return self._listeners.add(callback)

    @property
    def peers(self) -> Mapping[str, PeerView]:
        """Every other member by peer id."""
        return self._engine.peers.views

    @property
    def beacons(self) -> Mapping[str, Beacon]:
        """What each member says of itself and its links now, by peer id; this node's own too.

        Every signature is checked; who lies about its own links is still believed.
        """
        return self._engine.beacons.beacons

    @property
    def delivered(self) -> Mapping[str, float]:
        """When the link to each peer last proved that it carries messages, Unix seconds.

        The proof is a receipt, ``accepted``, or a reply; it counts from when the message was
        sent, or the reply was there. Who gave none since the present link opened is missing.
        """
        return {
            peer_id: at
            for peer_id, session in self._engine.connected.items()
            if (at := self._talk.delivered.get(peer_id)) is not None
            and at >= (session.link.opened_at or math.inf)
        }

    @property
    def stats(self) -> NodeStats:
        """Figures as of now."""
        return stats_of(self._engine, self._problems.current)

    @property
    def role(self) -> Role:
        """This node's own role; what it was, once revoked."""
        record = self._engine.state.membership.record(self.peer_id)
        return record.role if record else Role.OBSERVE

    @property
    def not_after(self) -> datetime:
        """When this node's own membership lapses, or lapsed (UTC)."""
        record = self._engine.state.membership.record(self.peer_id)
        return datetime.fromtimestamp(record.not_after if record else 0, UTC)

    @property
    def revoked(self) -> bool:
        """Whether this node is no longer a member and needs a new invitation."""
        return self._engine.state.revoked

    @property
    def lapsed(self) -> bool:
        """Whether this node's membership ran out: another admin may still renew it."""
        return self.revoked and self._engine.state.membership.record(self.peer_id) is not None

    # Membership

    @property
    def invitations(self) -> Sequence[InvitationView]:
        """Open invitations of this node, oldest first."""
        return self._engine.inviter.open()

    @property
    def invitation_urls(self) -> Sequence[str]:
        """Signaling addresses that an invitation made now carries, best first; at most four.

        This node's own come first, then those of other members.
        """
        return self._engine.inviter.urls

    async def create_invitation(
        self, *, role: Role = Role.OBSERVE, expires_in: timedelta = timedelta(hours=24)
    ) -> tuple[InvitationView, str]:
        """Return a new invitation and its text (the only place its secret appears).

        Raises:
            RefusedError: ``not_admin``: only admins invite; ``too_many_invitations``.
            InvalidError: ``no_signaling_address``: nobody could reach this node with it.

        """
        self._check_admin()
        return await self._engine.inviter.create(role, expires_in)

    async def cancel_invitation(self, invitation_id: str) -> None:
        """Make an open invitation useless.

        Raises:
            InvalidError: ``unknown_invitation``.

        """
        await self._engine.inviter.cancel(invitation_id)

    async def revoke(self, peer_id: str) -> None:
        """Remove a peer from the mesh for good; its links close at once.

        Raises:
            RefusedError: ``not_admin``; ``own_record`` for oneself.
            InvalidError: ``unknown_peer``.

        """
        self._check_admin()
        await self._registrar.revoke(peer_id)

    async def set_role(self, peer_id: str, role: Role) -> None:
        """Give a peer another role (same errors as ``revoke``)."""
        self._check_admin()
        await self._registrar.change(self._view(peer_id), role=role)

    async def rename_peer(self, peer_id: str, name: str) -> None:
        """Give a peer another name (errors as ``revoke``, and InvalidError ``name_invalid``)."""
        self._check_admin()
        await self._registrar.change(self._view(peer_id), name=name)

    def _check_admin(self) -> None:
        if self.role is not Role.ADMIN or self.revoked:
            raise RefusedError("not_admin", "Only an admin of the mesh may do this; ask one.")

    # Links and messages

    async def reconnect(self, peer_id: str) -> None:
        """Drop the link to a peer, if any, and dial it now; returns when linked.

        Raises:
            InvalidError: ``unknown_peer``.
            UnreachableError, DeadlineError, RefusedError: As the dial failed.

        """
        self._view(peer_id)
        await self._engine.dialer.reconnect(peer_id)

    def _view(self, peer_id: str) -> PeerView:
        try:
            return self.peers[peer_id]
        except KeyError:
            raise InvalidError(
                "unknown_peer",
                f"No member of the mesh has the peer id {peer_id}.",
                peer_id=peer_id,
            ) from None

    async def send(
        self,
        receivers: Sequence[str],
        draft: MessageDraft,
        *,
        timeout: float = SEND_TIMEOUT,
    ) -> SendResult:
        """Sign one message, send it to the given peer ids and wait for their receipts.

        Raises:
            InvalidError: ``message_invalid`` (details ``reason``), ``message_too_large``,
                ``unknown_peer``.
            UnreachableError: ``peer_not_connected``: none of the receivers is linked now.

        """
        self._check_linked(receivers)
        addresses = [agent_address(peer_id) for peer_id in receivers]
        message = self._engine.delivery.make_message(addresses, draft)
        return await self._talk.send(receivers, message, timeout)

    def _check_linked(self, receivers: Sequence[str]) -> None:
        views = [self._view(peer_id) for peer_id in receivers]
        if not any(view.connected for view in views):
            names = ", ".join(view.name for view in views) or "nobody"
            raise UnreachableError(
                "peer_not_connected", f"{names} is not connected now; try again later.", peer=names
            )

    async def broadcast(self, draft: MessageDraft, *, timeout: float = SEND_TIMEOUT) -> SendResult:
        """Send one message, addressed ``if://agent/*``, to every linked peer."""
        message = self._engine.delivery.make_message([BROADCAST], draft)
        return await self._talk.send(list(self._engine.connected), message, timeout)

    async def request(
        self, receiver: str, draft: MessageDraft, *, timeout: float = 30.0
    ) -> IFMessage:
        """Send a request and return the reply: the peer's message with the same trace id.

        A reply with performative ``refuse`` is returned like any other.

        Raises:
            As ``send``; RefusedError ``request_refused`` (details ``status``) when the peer's
            node refuses the message; DeadlineError ``request_timeout``.

        """
        self._view(receiver)
        return await self._talk.request(receiver, draft, timeout)

    async def reply(self, message: IFMessage, draft: MessageDraft) -> SendResult:
        """Answer *message* in its conversation, with its trace id."""
        receivers = [message.sender]
        self._check_linked(receivers)
        answer = self._engine.delivery.make_message(
            [agent_address(message.sender)],
            draft,
            trace_id=message.trace_id,
            conversation_id=message.conversation_id,
        )
        return await self._talk.send(receivers, answer, SEND_TIMEOUT)

    def export(self, message: IFMessage) -> dict[str, Any]:
        """Return a member's or an own message as JSON with its signature, for anyone to check.

        Raises:
            InvalidError: ``unknown_peer``: its sender is no member any more.

        """
        engine = self._engine
        if message.sender == self.peer_id:
            return message.export(engine.identity.public_key)
        key = engine.key_of(message.sender)
        if key is None:
            raise InvalidError(
                "unknown_peer",
                f"No member of the mesh has the peer id {message.sender}.",
                peer_id=message.sender,
            )
        return message.export(key.public_key)

    def describe(self) -> dict[str, Any]:
        """Return the map, links and counters for diagnostics; no secret and no address."""
        return description_of(self._engine)
