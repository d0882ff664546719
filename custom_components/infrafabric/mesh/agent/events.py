"""What happens in a node, as JSON for programs and as sentences for people."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..model import (
    MembershipRevoked,
    MessageReceived,
    MessageRefused,
    NodeEvent,
    PeerAdded,
    PeerConnected,
    PeerDisconnected,
    PeerJoined,
    PeerRemoved,
    PeerView,
    ProblemsChanged,
)

if TYPE_CHECKING:
    from ..api import InvitationView
    from ..node import MeshNode


def peer_json(view: PeerView) -> dict[str, Any]:
    """Return a peer as JSON; unknown values are null."""
    quality = view.quality
    return {
        "peer_id": view.peer_id,
        "name": view.name,
        "check_groups": view.check_groups,
        "role": view.role.value,
        "connected": view.connected,
        "path": view.path.value,
        "rtt_ms": quality.rtt_ms,
        "rtt_p95_ms": quality.rtt_p95_ms,
        "jitter_ms": quality.jitter_ms,
        "loss_percent": quality.loss_percent,
        "score": quality.score,
        "band": quality.band.value,
        "last_seen": view.last_seen.isoformat() if view.last_seen else None,
        "not_after": view.not_after.isoformat(),
        "software": view.software,
        "capabilities": list(view.capabilities),
        "failure": view.failure,
    }


def invitation_json(view: InvitationView) -> dict[str, Any]:
    """Return an invitation as JSON, without its secret."""
    return {
        "invitation_id": view.invitation_id,
        "role": view.role.value,
        "created": view.created.isoformat(),
        "expires": view.expires.isoformat(),
    }


def node_json(node: MeshNode) -> dict[str, Any]:
    """Return mesh and node as JSON."""
    return {
        "mesh": {
            "id": node.mesh_id,
            "name": node.mesh_name,
            "fingerprint": node.mesh_fingerprint,
        },
        "node": {
            "peer_id": node.peer_id,
            "check_groups": node.check_groups,
            "role": node.role.value,
            "not_after": node.not_after.isoformat(),
            "revoked": node.revoked,
        },
    }


def message_json(node: MeshNode, event: MessageReceived) -> dict[str, Any]:
    """Return a received message with its signature, in the form that anyone can check."""
    view = node.peers.get(event.peer_id)
    return {
        "event": "message",
        "peer_id": event.peer_id,
        "name": view.name if view else None,
        "role": event.role.value,
        "message": node.export(event.message),
    }


def _disconnected(event: PeerDisconnected) -> dict[str, Any]:
    return {"reason": event.reason, "peer": peer_json(event.peer)}


def _joined(event: PeerJoined) -> dict[str, Any]:
    return {"invitation_id": event.invitation_id, "peer": peer_json(event.peer)}


_JSON: Final[Mapping[type[NodeEvent], tuple[str, Callable[[Any], dict[str, Any]]]]] = {
    PeerAdded: ("peer_added", lambda event: {"peer": peer_json(event.peer)}),
    PeerConnected: ("peer_connected", lambda event: {"peer": peer_json(event.peer)}),
    PeerDisconnected: ("peer_disconnected", _disconnected),
    PeerRemoved: (
        "peer_removed",
        lambda event: {"peer_id": event.peer_id, "reason": event.reason},
    ),
    PeerJoined: ("joined", _joined),
    MessageRefused: (
        "message_refused",
        lambda event: {"peer_id": event.peer_id, "status": event.status.name.lower()},
    ),
    ProblemsChanged: ("problems", lambda event: {"problems": list(event.problems)}),
    MembershipRevoked: ("revoked", lambda _: {}),
}


def event_json(node: MeshNode, event: NodeEvent) -> dict[str, Any] | None:
    """Return an event as JSON, or None for those that only bring fresh figures."""
    if isinstance(event, MessageReceived):
        return message_json(node, event)
    if (entry := _JSON.get(type(event))) is None:
        return None
    name, values = entry
    return {"event": name, **values(event)}


PROBLEMS: Final[Mapping[str, str]] = {
    "no_signaling": "no signaling server can be reached",
    "clock_skew": "the clock of this machine is wrong",
    "slow_crc": "the fast checksum library is missing, so transfers are slow",
    "membership_lapsing": "the membership lapses soon and no admin is online to renew it",
    "membership_revoked": "this node was removed from the mesh",
    "cloned_identity": "another running node uses a copy of this node's key",
}
"""Problem codes in words."""


def _problems(event: ProblemsChanged) -> str:
    if not event.problems:
        return "All problems are solved."
    texts = (PROBLEMS.get(code, code.replace("_", " ")) for code in event.problems)
    return f"Problem: {'; '.join(texts)}."


_SENTENCES: Final[Mapping[type[NodeEvent], Callable[[Any], str]]] = {
    PeerConnected: lambda event: f"{event.peer.name} is connected.",
    PeerDisconnected: lambda event: f"{event.peer.name} is disconnected ({event.reason}).",
    PeerRemoved: lambda event: f"Peer {event.peer_id} is no longer a member ({event.reason}).",
    PeerJoined: lambda event: (
        f"{event.peer.name} joined as {event.peer.role.value}: {event.peer.check_groups}"
    ),
    ProblemsChanged: _problems,
}


def sentence(event: NodeEvent) -> str | None:
    """Return an event in words, or None for those that people need not read about."""
    tell = _SENTENCES.get(type(event))
    return tell(event) if tell else None
