"""What a node tells the floors above: views of peers, statistics, and typed events.

Everything here is an immutable snapshot. Unknown is ``None`` (or ``Band.UNKNOWN``), never a
number that looks like data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .messages.message import IFMessage


class Role(StrEnum):
    """What a member may do; each role includes the ones before it."""

    OBSERVE = "observe"
    COMMAND = "command"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Position in the order observe < command < admin."""
        return _RANKS[self]


_RANKS = {role: rank for rank, role in enumerate(Role)}


class Path(StrEnum):
    """How a link runs."""

    DIRECT_LAN = "direct_lan"
    DIRECT_WAN = "direct_wan"
    TURN_UDP = "turn_udp"
    TURN_TCP = "turn_tcp"
    TURN_TLS = "turn_tls"
    ROUTED = "routed"
    DOWN = "down"

    @property
    def relayed(self) -> bool:
        """Whether a TURN server carries the link."""
        return self in (Path.TURN_UDP, Path.TURN_TCP, Path.TURN_TLS)


class Band(StrEnum):
    """Quality of a link in words; 80/60/40/20 of 100 are the borders."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Measured quality of one link; ``None`` until there are enough samples."""

    rtt_ms: float | None = None
    """Smoothed round-trip time, milliseconds."""
    rtt_p95_ms: float | None = None
    jitter_ms: float | None = None
    """Interarrival jitter after RFC 3550 section 6.4.1, milliseconds."""
    loss_percent: float | None = None
    """Lost probes, 0…100."""
    score: float | None = None
    """0…100."""
    band: Band = Band.UNKNOWN


class ReceiptStatus(IntEnum):
    """What the receiver did with a message; travels as one byte."""

    ACCEPTED = 0
    MALFORMED = 1
    BAD_SIGNATURE = 2
    STALE = 3
    REPLAYED = 4
    NOT_ADDRESSED = 5
    TOO_LARGE = 6
    RATE_LIMITED = 7
    NOT_ALLOWED = 8
    UNKNOWN_SENDER = 9
    CLOCK_NOT_SET = 10
    BUSY = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerView:
    """One other member of the mesh, as this node sees it."""

    peer_id: str
    name: str
    check_groups: str
    role: Role
    not_after: datetime
    """When its membership lapses (UTC)."""
    connected: bool = False
    path: Path = Path.DOWN
    quality: Quality = field(default_factory=Quality)
    last_seen: datetime | None = None
    """When it was last heard (UTC), also from before a restart."""
    software: str | None = None
    """``infrafabric/0.1.0 (homeassistant 2026.10.4)`` as the peer says; untrusted text."""
    capabilities: tuple[str, ...] = ()
    failure: str | None = None
    """Code of the last failed attempt to link, while disconnected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStats:
    """This node's own figures."""

    peers_total: int
    peers_online: int
    links_direct: int
    links_relayed: int
    messages_in_per_minute: int
    messages_out_per_minute: int
    refused: Mapping[str, int]
    """Messages refused since start, by ``ReceiptStatus`` name in lower case."""
    signaling_connected: tuple[str, ...]
    """URLs of the signaling servers this node is registered with now."""
    signaling_configured: tuple[str, ...]
    loop_lag_p99_ms: float | None
    problems: tuple[str, ...]
    """Codes of what is wrong now: ``no_signaling``, ``clock_skew``, ``slow_crc``,
    ``membership_lapsing``, ``membership_revoked``, ``cloned_identity``."""

    @property
    def refused_total(self) -> int:
        """Messages refused since start."""
        return sum(self.refused.values())


class NodeEvent:
    """Base class of what ``MeshNode.subscribe`` delivers."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PeerAdded(NodeEvent):
    """A member became known."""

    peer: PeerView


@dataclass(frozen=True, slots=True)
class PeerChanged(NodeEvent):
    """Name, role, quality, path or anything else in the view changed."""

    peer: PeerView


@dataclass(frozen=True, slots=True)
class PeerRemoved(NodeEvent):
    """A member was revoked, left, or its membership lapsed."""

    peer_id: str
    reason: str
    """``revoked``, ``left`` or ``lapsed``."""


@dataclass(frozen=True, slots=True)
class PeerConnected(NodeEvent):
    """A link to the peer is open and both ends have proved who they are."""

    peer: PeerView


@dataclass(frozen=True, slots=True)
class PeerDisconnected(NodeEvent):
    """The link is gone; the node redials by itself."""

    peer: PeerView
    reason: str


@dataclass(frozen=True, slots=True)
class MessageReceived(NodeEvent):
    """A message passed every check; ``role`` is its sender's."""

    message: IFMessage
    peer_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class MessageRefused(NodeEvent):
    """A message from the peer was dropped."""

    peer_id: str
    status: ReceiptStatus


@dataclass(frozen=True, slots=True)
class InvitationsChanged(NodeEvent):
    """An invitation was made, cancelled, spent or expired."""


@dataclass(frozen=True, slots=True)
class PeerJoined(NodeEvent):
    """Somebody joined with an invitation of ours."""

    invitation_id: str
    peer: PeerView


@dataclass(frozen=True, slots=True)
class StatsChanged(NodeEvent):
    """Fresh statistics, every few seconds."""

    stats: NodeStats


@dataclass(frozen=True, slots=True)
class ProblemsChanged(NodeEvent):
    """The set of problem codes changed."""

    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MembershipRevoked(NodeEvent):
    """This node itself was revoked: it stopped its links and needs a new invitation."""
