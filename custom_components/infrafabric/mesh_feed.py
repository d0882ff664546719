"""The mesh as dashboards show it: one snapshot, then only what changed.

A feed belongs to one running mesh and serves everybody who looks at it. It says what the entities
say too, and who is linked to whom by the members' beacons: names, states, paths, round trips and
bands. No key, no address and no secret is in it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, Event, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import async_call_later

from .const import CONF_NODE_NAME
from .hub import MeshHub
from .mesh.link.quality import band_of, score_of
from .mesh.model import (
    Band,
    NodeEvent,
    Path,
    PeerAdded,
    PeerChanged,
    PeerConnected,
    PeerDisconnected,
    PeerJoined,
    PeerRemoved,
    PeerView,
    Role,
    StatsChanged,
)

FEED_INTERVAL: Final = 0.25
"""Seconds between two sets of changes: a picture need not be quicker."""
MAX_FEED_LINKS: Final = 8192
"""Links in a picture; this node's own come first."""
EXACT_BELOW: Final = 10
"""Milliseconds below which a round trip is told with a decimal."""
PROOF_STEP: Final = 60
"""Seconds by which a proof must be newer to be told again: busy links are no busy pictures."""

type Payload = dict[str, Any]
type Pair = tuple[int, int]
type Link = tuple[int, int, float | None, str, str, str, int | None]
"""Two peers' numbers (the smaller first), round trip in ms, path, band, who says so, and proof.

Who says so is ``own`` for a link of this node, else ``both`` or which of the two: ``first`` or
``second``. The proof is when a message last demonstrably got through, Unix seconds, told anew once
a minute at most; it is only known of this node's own links.
"""


class MeshFeed:
    """What those who look at one mesh have been told, and what they have yet to be told.

    Peers go by a number that holds as long as the feed: an id has 32 characters, and thousands of
    links name two each. This node is 0.
    """

    def __init__(self, hub: MeshHub) -> None:
        """Know nothing; the first listener starts it."""
        self.hub = hub
        self._listeners: list[Callable[[Payload], None]] = []
        self._numbers: dict[str, int] = {hub.node.peer_id: 0}
        self._node: Payload = {}
        self._peers: dict[str, Payload] = {}
        self._links: dict[Pair, Link] = {}
        self._others: dict[Pair, Link] = {}
        self._heard: dict[str, int] = {}
        self._dirty: set[str] = set()
        self._look_at_beacons = True
        self._cancel: CALLBACK_TYPE | None = None
        self._unsubscribe: list[CALLBACK_TYPE] = []

    @property
    def idle(self) -> bool:
        """Whether nobody listens."""
        return not self._listeners

    @callback
    def async_listen(self, listener: Callable[[Payload], None]) -> CALLBACK_TYPE:
        """Send *listener* a snapshot now and changes later, until the result is called."""
        if not self._unsubscribe:
            self._unsubscribe = [
                self.hub.async_subscribe(self._handle),
                self.hub.hass.bus.async_listen(
                    dr.EVENT_DEVICE_REGISTRY_UPDATED, self._device_updated
                ),
            ]
            self._take_in(self.hub.peers)
        else:
            # Whoever listens already gets what the snapshot is ahead of.
            self._flush()
        self._listeners.append(listener)
        listener(
            {
                "type": "snapshot",
                "node": self._node,
                "peers": list(self._peers.values()),
                "links": list(self._links.values()),
            }
        )

        @callback
        def stop() -> None:
            self._listeners.remove(listener)
            if self.idle:
                self._stop()

        return stop

    def _stop(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        while self._unsubscribe:
            self._unsubscribe.pop()()

    @callback
    def _handle(self, event: NodeEvent) -> None:
        """Remember what an event is about, and tell it soon together with what else comes."""
        match event:
            case (
                PeerAdded(peer=peer)
                | PeerChanged(peer=peer)
                | PeerConnected(peer=peer)
                | PeerDisconnected(peer=peer)
                | PeerJoined(peer=peer)
            ):
                self._dirty.add(peer.peer_id)
            case PeerRemoved(peer_id=peer_id):
                self._dirty.add(peer_id)
            case StatsChanged():
                # Every few seconds is often enough for thousands of links of others.
                self._look_at_beacons = True
            case _:
                return
        self._tell_soon()

    @callback
    def _device_updated(self, event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        """Follow the names that people give to devices."""
        device_id = event.data["device_id"]
        peer_id = self.hub.peer_id_of_device(device_id)
        if peer_id is not None:
            self._dirty.add(peer_id)
        if peer_id is not None or device_id == self.hub.node_device_id:
            self._tell_soon()

    def _tell_soon(self) -> None:
        if self._cancel is None:
            self._cancel = async_call_later(self.hub.hass, FEED_INTERVAL, self._flush_late)

    @callback
    def _flush_late(self, _now: object) -> None:
        self._cancel = None
        self._flush()

    def _flush(self) -> None:
        """Tell the listeners what is different from what they were told."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        dirty, self._dirty = self._dirty, set()
        if changes := self._take_in(dirty):
            for listener in list(self._listeners):
                listener({"type": "changes", **changes})

    def _take_in(self, peer_ids: Mapping[str, Any] | set[str]) -> Payload:
        """Bring what is told up to date with the node, and return the difference."""
        changes: Payload = {}
        if (node := self._describe_node()) != self._node:
            changes["node"] = self._node = node
        members_changed = False
        for peer_id in peer_ids:
            view = self.hub.peers.get(peer_id)
            if view is None:
                if (gone := self._peers.pop(peer_id, None)) is not None:
                    changes.setdefault("peers_removed", []).append(gone["n"])
                    # Somebody who comes back is somebody new: a removal must not reach them.
                    del self._numbers[peer_id]
                    members_changed = True
                continue
            known = self._peers.get(peer_id)
            described = self._describe(view)
            if described != known:
                members_changed |= known is None
                self._peers[peer_id] = described
                changes.setdefault("peers", []).append(described)
        links = self._current_links(members_changed=members_changed)
        if new := [link for pair, link in links.items() if self._links.get(pair) != link]:
            changes["links"] = new
        if gone_links := [pair for pair in self._links if pair not in links]:
            changes["links_removed"] = gone_links
        self._links = links
        return changes

    # -- what is told -------------------------------------------------------------------------

    def _number(self, peer_id: str) -> int:
        if peer_id not in self._numbers:
            self._last_number += 1
            self._numbers[peer_id] = self._last_number
        return self._numbers[peer_id]

    _last_number = 0

    def _name(self, device_id: str | None, name: str) -> str:
        """Return what the user calls a device, or *name*."""
        device = dr.async_get(self.hub.hass).async_get(device_id) if device_id else None
        return (device and device.name_by_user) or name

    def _describe_node(self) -> Payload:
        node = self.hub.node
        return {
            "n": 0,
            "id": node.peer_id,
            "name": self._name(self.hub.node_device_id, self.hub.entry.data[CONF_NODE_NAME]),
            "device_id": self.hub.node_device_id,
            "entry_id": self.hub.entry.entry_id,
            "mesh": node.mesh_name,
            "fingerprint": node.mesh_fingerprint,
            "can_invite": node.role is Role.ADMIN and not node.revoked,
        }

    def _describe(self, view: PeerView) -> Payload:
        quality = view.quality
        device_id = self.hub.device_id_of_peer(view.peer_id)
        return {
            "n": self._number(view.peer_id),
            "id": view.peer_id,
            "name": self._name(device_id, view.name),
            "device_id": device_id,
            "role": view.role.value,
            "state": _state(view),
            "path": view.path.value,
            "band": quality.band.value,
            "score": None if quality.score is None else round(quality.score),
            "rtt_ms": _rounded(quality.rtt_ms),
            "loss_percent": None
            if quality.loss_percent is None
            else round(quality.loss_percent, 1),
            # Of a connected peer it changes with every heartbeat, and is now.
            "last_seen": None
            if view.connected or view.last_seen is None
            else view.last_seen.isoformat(),
        }

    def _current_links(self, *, members_changed: bool) -> dict[Pair, Link]:
        """Return every link to show: ours as measured, the others' as their beacons say."""
        if members_changed or self._look_at_beacons:
            self._look_at_beacons = False
            beacons = self.hub.node.beacons
            heard = {peer_id: beacon.number for peer_id, beacon in beacons.items()}
            if members_changed or heard != self._heard:
                self._heard = heard
                self._others = dict(self._links_of_others())
        links: dict[Pair, Link] = {}
        delivered = self.hub.node.delivered
        for peer_id in self._peers:
            view = self.hub.peers.get(peer_id)
            if view is not None and view.connected:
                number = self._numbers[peer_id]
                told = self._links.get((0, number))
                links[0, number] = (
                    0,
                    number,
                    _rounded(view.quality.rtt_ms),
                    view.path.value,
                    view.quality.band.value,
                    "own",
                    _proof(delivered.get(peer_id), told[6] if told else None),
                )
        for pair, link in self._others.items():
            if len(links) >= MAX_FEED_LINKS:
                break
            links[pair] = link
        return links

    def _links_of_others(self) -> Iterator[tuple[Pair, Link]]:
        """Yield the links between other members; of two reports the newer one comes last."""
        reported: dict[Pair, str] = {}
        own = self.hub.node.peer_id
        beacons = self.hub.node.beacons.values()
        for beacon in sorted(beacons, key=lambda beacon: (beacon.at, beacon.peer_id)):
            if beacon.peer_id == own or beacon.peer_id not in self._peers:
                continue
            for link in beacon.links:
                # About links to this node it knows better itself.
                if link.peer_id == own or link.peer_id not in self._peers:
                    continue
                if link.path is Path.DOWN or link.peer_id == beacon.peer_id:
                    continue
                one, other = self._numbers[beacon.peer_id], self._numbers[link.peer_id]
                pair, says = ((one, other), "first") if one < other else ((other, one), "second")
                if reported.setdefault(pair, says) != says:
                    says = "both"
                yield (
                    pair,
                    (*pair, link.rtt_ms, link.path.value, _guess(link.rtt_ms), says, None),
                )


def _state(view: PeerView) -> str:
    if view.connected:
        return "connected"
    return "routed" if view.path is Path.ROUTED else "down"


def _rounded(rtt_ms: float | None) -> float | None:
    """Return a round trip as exact as it is shown, so that noise is no news."""
    if rtt_ms is None:
        return None
    return round(rtt_ms, 1) if rtt_ms < EXACT_BELOW else round(rtt_ms)


def _proof(at: float | None, told: int | None) -> int | None:
    """Return when a proof was, or the one that was told as long as that is not much older."""
    if at is None:
        return None
    if told is not None and told <= at < told + PROOF_STEP:
        return told
    return int(at)


def _guess(rtt_ms: int | None) -> str:
    """Return the band that a round trip alone allows: a beacon tells no loss and no jitter."""
    if rtt_ms is None:
        return Band.UNKNOWN.value
    return band_of(score_of(rtt_ms, 0, 0)).value
