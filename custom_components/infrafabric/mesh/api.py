"""What callers of ``MeshNode`` pass in and get back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .link.ice import IceServer
from .messages.message import IFMessage
from .model import ReceiptStatus, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Settings that may change while the node runs; none drops a link."""

    name: str
    software: str = "infrafabric"
    """Shown to other members; at most 128 characters."""
    capabilities: tuple[str, ...] = ()
    signaling_urls: tuple[str, ...] = ()
    """``ws://`` or ``wss://`` addresses, best first, at which others reach the signaling server
    this node hosts or uses; announced to the mesh and put into invitations."""
    signaling_servers: tuple[str, ...] = ()
    """Those of them that may lead to a server of somebody else, where this node signs in too;
    one that turns out to lead to its own is left alone."""
    local_addresses: tuple[str, ...] = ()
    """IP addresses that links may use; empty means all. ``127.0.0.1`` is allowed here."""
    ice_servers: Callable[[], Awaitable[Sequence[IceServer]]] | None = None
    """Asked before each dial."""
    relay_only: bool = False
    message_rate: float = 50.0
    """Messages a second that one peer may send for long."""
    message_burst: int = 200
    """Messages one peer may send at once."""


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
    """Seconds, 1…3600."""
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
    """By peer id; None: not connected, or no receipt in time."""

    @property
    def accepted(self) -> tuple[str, ...]:
        """Peers that accepted the message."""
        accepted = ReceiptStatus.ACCEPTED
        return tuple([peer_id for peer_id, status in self.receipts.items() if status is accepted])
