"""What happens in meshes and studios, as far as a notification rule is about it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
import time
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.target import TargetSelection

from ...const import CONF_NODE_NAME
from ...happenings import SIGNAL, SIGNAL_MESH, SIGNAL_STUDIO, Happened, Occasion
from ...hub import MeshHub
from ...mesh.messages.message import IFMessage
from ...mesh.model import (
    MessageReceived,
    NodeEvent,
    PeerAdded,
    PeerChanged,
    PeerConnected,
    PeerDisconnected,
    PeerJoined,
    PeerRemoved,
    PeerView,
)
from ...studio.events import StudioEvent
from ...studio.health import HealthBand
from ...studio_coordinator import StudioCoordinator
from ...targets import devices_of
from .news import News, clock, file_name
from .peer_messages import Allowance, said_to_people, told_apart
from .rules import Rule, Told, What
from .texts import health_text, reason_text

SETTLE: Final = 10.0
"""Seconds between a change in a mesh and the news of its status: links seldom come alone."""
NAMES: Final = 10
"""Names that one text lists."""


STREAMS: Final[Mapping[Happened, What]] = {
    Happened.STREAM_STARTED: What.STREAM_STARTED,
    Happened.STREAM_STOPPED: What.STREAM_STOPPED,
    Happened.STREAM_FAILED: What.STREAM_FAILED,
}

type Key = tuple[What, str, str]
"""What is followed: the occasion, the entry, and the peer or nothing."""


class Watch:
    """Tells what one rule is about, until it is stopped."""

    def __init__(self, hass: HomeAssistant, rule: Rule, tell: Callable[[News], None]) -> None:
        """Take the rule and whom to tell; nothing is told yet."""
        self.muted_until = float("-inf")
        """Until when nothing is told, in seconds of ``time.monotonic``."""
        self._hass = hass
        self._rule = rule
        self._tell = tell
        self._selection = TargetSelection(dict(rule.targets))
        self._told: dict[Key, Told[Any]] = {}
        self._bad_links: set[Key] = set()
        self._allowances: dict[Key, Allowance] = {}
        self._timers: dict[Key, CALLBACK_TYPE] = {}
        self._stops: list[CALLBACK_TYPE] = []

    @callback
    def start(self) -> None:
        """Listen to every mesh and studio there is or will be."""
        self._stops = [
            async_dispatcher_connect(self._hass, SIGNAL, self._happened),
            async_dispatcher_connect(self._hass, SIGNAL_MESH, self._mesh_event),
            async_dispatcher_connect(self._hass, SIGNAL_STUDIO, self._studio_event),
        ]

    @callback
    def stop(self) -> None:
        """Tell nothing more."""
        for stop in (*self._stops, *self._timers.values()):
            stop()
        self._stops.clear()
        self._timers.clear()

    # -- what happens once --------------------------------------------------------------------

    @callback
    def _happened(self, occasion: Occasion) -> None:
        data = occasion.data
        if occasion.device_id is None:
            return
        if occasion.what in STREAMS:
            channel = data["channel"]
            name = data["studio_name"] if channel == 1 else f"{data['studio_name']} ({channel})"
            what = STREAMS[occasion.what]
            text, values = what.value, {"name": name}
            if what is What.STREAM_STOPPED and (duration := data["duration"]) is not None:
                text, values = "stream_stopped_after", values | {"duration": clock(duration)}
            self._once(what, text, occasion.device_id, values, {"channel": channel})
        elif occasion.what is Happened.RECORDING_FINISHED:
            values = {"name": data["studio_name"], "file": file_name(data["path"])}
            what = What.RECORDING_FINISHED
            self._once(what, what.value, occasion.device_id, values, {})

    def _once(
        self,
        what: What,
        text: str,
        device_id: str,
        values: Mapping[str, str],
        details: Mapping[str, Any],
    ) -> None:
        if what not in self._rule.what or time.monotonic() < self.muted_until:
            return
        if self._aims_at(device_id):
            self._tell(
                News(
                    what=what,
                    text=text,
                    device_id=device_id,
                    name=values["name"],
                    values=values,
                    details=details,
                )
            )

    # -- what lasts: studios ------------------------------------------------------------------

    @callback
    def _studio_event(self, studio: StudioCoordinator, _event: StudioEvent) -> None:
        self._check_health(studio)

    @callback
    def _check_health(self, studio: StudioCoordinator) -> None:
        what = What.STREAM_UNHEALTHY
        if what not in self._rule.what:
            return
        health = studio.health
        # Without a stream there is nothing to be well.
        known = studio.available and health.band is not HealthBand.UNKNOWN
        bad = health.band in (HealthBand.POOR, HealthBand.CRITICAL) if known else None
        key = (what, studio.entry.entry_id, "")
        look = partial(self._check_health, studio)
        if not self._follow(key, bad, studio.device_id, studio, look):
            return
        values = {"name": studio.name}
        if bad:
            values |= {
                "health": health_text(self._hass, health.band),
                "reasons": ", ".join(reason_text(self._hass, each) for each in health.reasons),
            }
        text = "stream_unhealthy" if bad else "stream_healthy"
        self._tell(
            News(what=what, text=text, device_id=studio.device_id, name=studio.name, values=values)
        )

    # -- what lasts: meshes -------------------------------------------------------------------

    @callback
    def _mesh_event(self, hub: MeshHub, event: NodeEvent) -> None:
        match event:
            case PeerConnected(peer) | PeerDisconnected(peer):
                self._check_peer(hub, peer.peer_id)
                self._check_link(hub, peer.peer_id)
                self._status_changed(hub)
            case PeerChanged(peer):
                self._check_link(hub, peer.peer_id)
            case MessageReceived(message, peer_id):
                self._message(hub, peer_id, message)
            case PeerAdded() | PeerJoined():
                self._status_changed(hub)
            case PeerRemoved(peer_id):
                self._forget_peer(hub, peer_id)
                self._status_changed(hub)

    @callback
    def _check_peer(self, hub: MeshHub, peer_id: str) -> None:
        """Tell that a link that was there is gone, or there again."""
        if (found := self._peer(hub, peer_id, What.PEER_LOST, What.PEER_BACK)) is None:
            return
        peer, device_id = found
        lost = not peer.connected
        key = (What.PEER_LOST, hub.entry.entry_id, peer_id)
        if not self._follow(key, lost, device_id, hub, partial(self._check_peer, hub, peer_id)):
            return
        what = What.PEER_LOST if lost else What.PEER_BACK
        if what in self._rule.what:
            self._tell_of_peer(what, what.value, peer, device_id)

    @callback
    def _check_link(self, hub: MeshHub, peer_id: str) -> None:
        self._check_quality(hub, peer_id)
        self._check_path(hub, peer_id)

    @callback
    def _check_quality(self, hub: MeshHub, peer_id: str) -> None:
        what = What.LINK_QUALITY
        if (found := self._peer(hub, peer_id, what)) is None:
            return
        peer, device_id = found
        key = (what, hub.entry.entry_id, peer_id)
        rtt, loss = peer.quality.rtt_ms, peer.quality.loss_percent
        bad = peer.connected and self._rule.bad_link(rtt, loss, was_bad=key in self._bad_links)
        (self._bad_links.add if bad else self._bad_links.discard)(key)
        # A link that is gone is neither; that is another occasion.
        state = bad if peer.connected else None
        if self._follow(key, state, device_id, hub, partial(self._check_quality, hub, peer_id)):
            self._tell_of_peer(
                what,
                "link_bad" if bad else "link_good",
                peer,
                device_id,
                rtt="?" if rtt is None else f"{rtt:.0f}",
                loss="?" if loss is None else f"{loss:.0f}",
            )

    @callback
    def _check_path(self, hub: MeshHub, peer_id: str) -> None:
        what = What.RELAY_IN_USE
        if (found := self._peer(hub, peer_id, what)) is None:
            return
        peer, device_id = found
        state = peer.path.relayed if peer.connected else None
        key = (what, hub.entry.entry_id, peer_id)
        if self._follow(key, state, device_id, hub, partial(self._check_path, hub, peer_id)):
            text = what.value if state else "path_direct"
            self._tell_of_peer(what, text, peer, device_id)

    @callback
    def _status_changed(self, hub: MeshHub) -> None:
        key = (What.MESH_STATUS, hub.entry.entry_id, "")
        if What.MESH_STATUS in self._rule.what and key not in self._timers:
            self._wake(key, SETTLE, self._as_long_as(hub, partial(self._check_status, hub)))

    @callback
    def _check_status(self, hub: MeshHub) -> None:
        """Tell who is there, when that is not what was told last."""
        what = What.MESH_STATUS
        device_id = hub.node_device_id
        away = sorted(peer.name for peer in hub.peers.values() if not peer.connected)
        total = len(hub.peers)
        key = (what, hub.entry.entry_id, "")
        state = (total, tuple(away))
        look = partial(self._check_status, hub)
        if not self._follow(key, state, device_id, hub, look, at_first=()):
            return
        values = {"mesh": hub.node.mesh_name, "online": str(total - len(away)), "total": str(total)}
        text = "mesh_all_connected"
        if away:
            text = "mesh_some_connected"
            values["away"] = ", ".join(away[:NAMES]) + (", …" if len(away) > NAMES else "")
        self._tell(
            News(
                what=what,
                text=text,
                device_id=device_id,
                name=hub.node.mesh_name,
                values=values,
            )
        )

    # -- what people wrote --------------------------------------------------------------------

    @callback
    def _message(self, hub: MeshHub, peer_id: str, message: IFMessage) -> None:
        """Tell what a message says, or count it if its peer sends too many."""
        what = What.PEER_MESSAGE
        if (found := self._peer(hub, peer_id, what)) is None:
            return
        now = time.monotonic()
        if now < self.muted_until or (said := said_to_people(message)) is None:
            return
        peer, device_id = found
        if not self._aims_at(device_id):
            return
        key = (what, hub.entry.entry_id, peer_id)
        allowance = self._allowances.setdefault(key, Allowance(now))
        show = allowance.take(now)
        if not show and key in self._timers:
            return
        others = [each.name for each in hub.peers.values() if each.peer_id != peer_id]
        others.append(hub.entry.data[CONF_NODE_NAME])
        peer = replace(peer, name=told_apart(peer.name, peer.check_groups, others))
        if show:
            text = "peer_message_cut" if said.cut else what.value
            mark = str(message.sequence_num)
            self._tell_of_peer(what, text, peer, device_id, mark=mark, said=said.text)
        else:
            tell = partial(self._tell_held, key, peer, device_id)
            self._wake(key, allowance.wait(now), tell)

    @callback
    def _tell_held(self, key: Key, peer: PeerView, device_id: str) -> None:
        """Tell once how many messages were not shown."""
        now = time.monotonic()
        if now < self.muted_until:
            tell = partial(self._tell_held, key, peer, device_id)
            self._wake(key, self.muted_until - now, tell)
            return
        count = self._allowances[key].settle(now)
        self._tell_of_peer(
            What.PEER_MESSAGE,
            "peer_messages_held",
            peer,
            device_id,
            mark="held",
            count=str(count),
        )

    # -- about peers --------------------------------------------------------------------------

    def _peer(self, hub: MeshHub, peer_id: str, *whats: What) -> tuple[PeerView, str] | None:
        """Return a peer and its device, if the rule is about any of this."""
        device_id = hub.device_id_of_peer(peer_id)
        peer = hub.peers.get(peer_id)
        if peer is None or device_id is None or self._rule.what.isdisjoint(whats):
            return None
        return peer, device_id

    def _tell_of_peer(
        self,
        what: What,
        text: str,
        peer: PeerView,
        device_id: str,
        *,
        mark: str = "",
        **values: str,
    ) -> None:
        self._tell(
            News(
                what=what,
                text=text,
                device_id=device_id,
                name=peer.name,
                values={"name": peer.name, **values},
                mark=mark,
            )
        )

    def _forget_peer(self, hub: MeshHub, peer_id: str) -> None:
        for key in [key for key in self._told if key[1:] == (hub.entry.entry_id, peer_id)]:
            del self._told[key]
            self._bad_links.discard(key)
            self._sleep(key)
        key = (What.PEER_MESSAGE, hub.entry.entry_id, peer_id)
        self._allowances.pop(key, None)
        self._sleep(key)

    # -- when to tell -------------------------------------------------------------------------

    def _aims_at(self, device_id: str) -> bool:
        """Tell whether the rule is about a device; what its target means is looked up each time."""
        if not self._selection.has_any_target:
            return True
        named, meant = devices_of(self._hass, self._selection)
        return device_id in named | meant

    def _follow(
        self,
        key: Key,
        state: Any,
        device_id: str,
        source: MeshHub | StudioCoordinator,
        again: Callable[[], None],
        *,
        at_first: Any = False,
    ) -> bool:
        """Tell whether to tell of a state now; if not yet, look again when it may be told.

        That something is over is never late: nobody should go on worrying.
        """
        told = self._told.setdefault(key, Told(at_first))
        self._sleep(key)
        if state is None:
            told.forget(at_first)
        # Most events change nothing, so the target, which costs more, is looked up after that.
        if state in (None, told.value) or not self._aims_at(device_id):
            return False
        now = time.monotonic()
        tell = told.follow(
            state, now, self._rule.quiet, urgent=state is False, muted=self.muted_until
        )
        if told.due is not None:
            self._wake(key, told.due - now, self._as_long_as(source, again))
        return tell

    def _as_long_as(
        self, source: MeshHub | StudioCoordinator, then: Callable[[], None]
    ) -> Callable[[], None]:
        """Return *then* unless the mesh or studio is unloaded by the time."""

        def look() -> None:
            entry = source.entry
            if entry.state is ConfigEntryState.LOADED and entry.runtime_data is source:
                then()

        return look

    def _wake(self, key: Key, delay: float, then: Callable[[], None]) -> None:
        @callback
        def wake(_now: Any) -> None:
            del self._timers[key]
            then()

        self._timers[key] = async_call_later(self._hass, delay, wake)

    def _sleep(self, key: Key) -> None:
        if (cancel := self._timers.pop(key, None)) is not None:
            cancel()
