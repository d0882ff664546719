"""What a node tells of itself in figures: statistics for entities, counters for diagnostics."""

import time
from typing import TYPE_CHECKING, Any

from ..model import NodeStats

if TYPE_CHECKING:
    from .engine import Engine


def stats_of(engine: Engine, problems: tuple[str, ...]) -> NodeStats:
    """Return the figures as of now, with the codes of what is wrong."""
    now = time.monotonic()
    paths = [session.link.path for session in engine.connected.values()]
    relayed = sum(path.relayed for path in paths)
    return NodeStats(
        peers_total=len(engine.peers.views),
        peers_online=len(paths),
        links_direct=len(paths) - relayed,
        links_relayed=relayed,
        messages_in_per_minute=engine.intake.received.per_minute(now),
        messages_out_per_minute=engine.delivery.sent.per_minute(now),
        refused=engine.inbox.refused,
        signaling_connected=engine.rendezvous.connected_urls,
        signaling_configured=engine.rendezvous.configured_urls,
        loop_lag_p99_ms=engine.lag.p99_ms,
        problems=problems,
    )


def description_of(engine: Engine) -> dict[str, Any]:
    """Return the map, links and counters for diagnostics; no secret and no address."""
    return {
        "beacons": {
            peer_id: {
                "age_s": int(time.time()) - beacon.at,
                "links": [
                    {"peer": link.peer_id, "rtt_ms": link.rtt_ms, "path": link.path.value}
                    for link in beacon.links
                ],
                "capabilities": list(beacon.capabilities),
                "hosts_signaling": bool(beacon.urls),
            }
            for peer_id, beacon in engine.beacons.beacons.items()
        },
        "links": {
            peer_id: {
                "path": session.link.path.value,
                "bytes_sent": session.link.bytes_sent,
                "bytes_received": session.link.bytes_received,
            }
            for peer_id, session in engine.connected.items()
        },
        "signaling": {
            "connected": len(engine.rendezvous.connected_urls),
            "configured": len(engine.rendezvous.configured_urls),
        },
        "waiting_requests": len(engine.conversations),
    }
