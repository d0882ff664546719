"""MeshNode: the one facade that Home Assistant and the agent command line use."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, Self

from .ice import IceServer
from .message import IFMessage
from .model import NodeEvent, NodeStats, PeerView, ReceiptStatus, Role

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from .signaling.server import SignalingServer


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Settings that may change while the node runs; none drops a link."""

    name: str
    software: str = "infrafabric"
    capabilities: tuple[str, ...] = ()
    signaling_urls: tuple[str, ...] = ()
    """``ws://`` or ``wss://`` addresses at which others reach the server this node hosts
    (announced to the mesh and put into invitations)."""
    local_addresses: tuple[str, ...] = ()
    """IP addresses that links may use; empty means all. ``127.0.0.1`` is allowed here."""
    ice_servers: Callable[[], Awaitable[Sequence[IceServer]]] | None = None
    """Asked before each dial."""
    relay_only: bool = False


class NodeStore(Protocol):
    """Where a node keeps its state; ``save`` is durable when it returns."""

    async def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None."""

    async def save(self, data: dict[str, Any]) -> None:
        """Replace it atomically."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """An open invitation, without its secret."""

    invitation_id: str
    role: Role
    created: datetime
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDraft:
    """What a caller says; the node fills in every other required IFMessage field."""

    content: Mapping[str, Any]
    performative: str = "inform"
    conversation_id: str | None = None
    topic: str | None = None
    protocol: str | None = None
    trace_id: str | None = None
    ttl: int = 300
    mission_id: str = "default"
    workflow: str = "default"
    domain: str = "technical"
    priority: str = "medium"
    citation_ids: tuple[str, ...] = ()
    hazard: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """A message that was sent and what each receiver did with it."""

    message: IFMessage
    receipts: Mapping[str, ReceiptStatus | None]
    """By peer id; None: not connected or no receipt in time."""


class MeshNode:
    """A member of one mesh: keeps its links, sends, receives, and tells what happens.

    All methods must be called in the event loop that ``start`` ran in.
    """

    mesh_id: str
    mesh_name: str
    peer_id: str
    check_groups: str
    mesh_fingerprint: str
    """``check_groups`` of the mesh id."""

    @classmethod
    async def create_mesh(
        cls, store: NodeStore, *, mesh_name: str, node_name: str
    ) -> None:
        """Make a new mesh with this node as founder and admin, and save it into *store*."""
        raise NotImplementedError

    @classmethod
    async def join(
        cls,
        store: NodeStore,
        invitation: str,
        *,
        node_name: str,
        http: aiohttp.ClientSession,
        software: str = "infrafabric",
        timeout: float = 20.0,
    ) -> None:
        """Join a mesh with an invitation's text and save the membership into *store*.

        If *store* already holds this mesh (revoked node), its key is kept.

        Raises:
            InvalidError: ``invitation_malformed``.
            RefusedError: ``invitation_expired``, ``invitation_spent``, ``invitation_revoked``,
                ``invitation_refused``.
            UnreachableError: ``signaling_unreachable``, ``inviter_unreachable``.
            DeadlineError: ``join_timeout``.
            RefusedError: ``clock_skew`` with details ``seconds``.

        """
        raise NotImplementedError

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

        *server* is the signaling server this process hosts; the node registers with it
        directly and lets it admit its mesh.

        Raises:
            InvalidError: ``no_state``, ``state_unreadable``.

        """
        raise NotImplementedError

    async def start(self) -> None:
        """Begin: register with signaling servers and dial every member."""

    async def stop(self) -> None:
        """Close every link, task and socket and save what a restart needs."""

    async def leave(self) -> None:
        """Say goodbye to the mesh (connected members forget this node at once), then stop."""

    async def reconfigure(self, config: NodeConfig) -> None:
        """Apply new settings without dropping a link."""

    def subscribe(self, callback: Callable[[NodeEvent], None]) -> Callable[[], None]:
        """Deliver events to *callback* in the event loop; call the result to stop."""
        raise NotImplementedError

    @property
    def peers(self) -> Mapping[str, PeerView]:
        """Every other member by peer id."""
        raise NotImplementedError

    @property
    def stats(self) -> NodeStats:
        """Figures as of now."""
        raise NotImplementedError

    @property
    def role(self) -> Role:
        """This node's own role."""
        raise NotImplementedError

    @property
    def not_after(self) -> datetime:
        """When this node's own membership lapses (UTC)."""
        raise NotImplementedError

    @property
    def revoked(self) -> bool:
        """Whether this node was revoked and needs a new invitation."""
        raise NotImplementedError

    @property
    def invitations(self) -> Sequence[InvitationView]:
        """Open invitations of this node, oldest first."""
        raise NotImplementedError

    async def create_invitation(
        self, *, role: Role = Role.OBSERVE, expires_in: timedelta = timedelta(hours=24)
    ) -> tuple[InvitationView, str]:
        """Return a new invitation and its text (the only place its secret appears).

        Raises:
            RefusedError: ``not_admin``: only admins invite. ``too_many_invitations``.
            InvalidError: ``no_signaling_address``: nobody could reach this node with it.

        """
        raise NotImplementedError

    async def cancel_invitation(self, invitation_id: str) -> None:
        """Make an open invitation useless.

        Raises:
            InvalidError: ``unknown_invitation``.

        """

    async def revoke(self, peer_id: str) -> None:
        """Remove a peer from the mesh for good; its links close at once.

        Raises:
            RefusedError: ``not_admin``; ``own_record`` for oneself.
            InvalidError: ``unknown_peer``.

        """

    async def set_role(self, peer_id: str, role: Role) -> None:
        """Give a peer another role (same errors as ``revoke``)."""

    async def rename_peer(self, peer_id: str, name: str) -> None:
        """Give a peer another name in its membership record (same errors as ``revoke``)."""

    async def reconnect(self, peer_id: str) -> None:
        """Drop the link to a peer, if any, and dial it now; returns when linked.

        Raises:
            InvalidError: ``unknown_peer``.
            UnreachableError, DeadlineError: as the dial failed.

        """

    async def send(
        self, receivers: Sequence[str], draft: MessageDraft, *, timeout: float = 10.0
    ) -> SendResult:
        """Sign one message, send it to the given peer ids and wait for their receipts.

        Raises:
            InvalidError: ``message_invalid`` (details ``reason``), ``message_too_large``,
                ``unknown_peer``.
            UnreachableError: ``peer_not_connected``: none of the receivers is linked now.

        """
        raise NotImplementedError

    async def broadcast(self, draft: MessageDraft, *, timeout: float = 10.0) -> SendResult:
        """Send one message, addressed ``if://agent/*``, to every linked peer."""
        raise NotImplementedError

    async def request(
        self, receiver: str, draft: MessageDraft, *, timeout: float = 30.0
    ) -> IFMessage:
        """Send a request and return the reply: the peer's message with the same trace id.

        Raises:
            As ``send``; RefusedError ``request_refused`` (details ``status``) when the peer's
            node refuses the message; DeadlineError ``request_timeout``.

        A reply with performative ``refuse`` is returned like any other.
        """
        raise NotImplementedError

    async def reply(self, message: IFMessage, draft: MessageDraft) -> SendResult:
        """Answer *message* in its conversation, with its trace id."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Return beacons, links and counters for diagnostics; no secret, no address."""
        raise NotImplementedError
