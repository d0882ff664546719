"""What people, automations and other systems want to hear of, told in one place.

Each occasion is sent twice. Triggers, rules and webhooks listen to a signal of the integration's
own, which only code of this Home Assistant can send. The event bus, where every administrator and
every user of a companion app may fire events, is for the logbook and for whoever looks on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util.signal_type import SignalType

from .const import DOMAIN, EVENT_MESSAGE, EVENT_WEBHOOK
from .hub import MeshHub
from .mesh.model import (
    Band,
    MessageReceived,
    NodeEvent,
    Path,
    PeerChanged,
    PeerConnected,
    PeerDisconnected,
    PeerRemoved,
    PeerView,
)
from .studio.events import (
    Connected,
    Happening,
    OutputHappened,
    RecordingFinished,
    StateChanged,
    StudioEvent,
)
from .studio.model import Output, OutputKind, OutputState, StudioState
from .studio_coordinator import StudioCoordinator


class Happened(StrEnum):
    """The kinds, by the keys of their triggers."""

    MESSAGE_RECEIVED = "message_received"
    PEER_CONNECTED = "peer_connected"
    PEER_DISCONNECTED = "peer_disconnected"
    LINK_QUALITY_CHANGED = "link_quality_changed"
    PATH_CHANGED = "path_changed"
    STREAM_STARTED = "stream_started"
    STREAM_STOPPED = "stream_stopped"
    STREAM_FAILED = "stream_failed"
    RECORDING_FINISHED = "recording_finished"
    WEBHOOK_RECEIVED = "webhook_received"


OUTGOING: Final = [what for what in Happened if what is not Happened.WEBHOOK_RECEIVED]
"""What other systems may hear of. Of what they asked for themselves they may not: two webhooks that
lead to each other would never end."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that happened, mostly to a device.

    Attributes:
        what: Its kind.
        device_id: Of the peer or studio; None for a peer that is no member any more, or a webhook.
        text: One English sentence for traces.
        data: What an automation gets in ``trigger``; JSON, never a secret.
        context: What it is part of, if that is known.

    """

    what: Happened
    device_id: str | None
    text: str
    data: Mapping[str, Any]
    context: Context | None = None


SIGNAL: Final[SignalType[Occasion]] = SignalType(f"{DOMAIN}_occasion")


BUS_EVENTS: Final[Mapping[Happened, str]] = {
    **{what: f"{DOMAIN}_{what}" for what in Happened},
    Happened.MESSAGE_RECEIVED: EVENT_MESSAGE,
    Happened.WEBHOOK_RECEIVED: EVENT_WEBHOOK,
}


def bus_event(what: Happened) -> str:
    """Return the name of the bus event for what happened."""
    return BUS_EVENTS[what]


@callback
def async_tell(hass: HomeAssistant, occasion: Occasion) -> None:
    """Tell everybody."""
    hass.bus.async_fire(bus_event(occasion.what), dict(occasion.data), context=occasion.context)
    async_dispatcher_send(hass, SIGNAL, occasion)


SIGNAL_MESH: Final[SignalType[MeshHub, NodeEvent]] = SignalType(f"{DOMAIN}_mesh_event")
SIGNAL_STUDIO: Final[SignalType[StudioCoordinator, StudioEvent]] = SignalType(
    f"{DOMAIN}_studio_event"
)
"""Every event as it is, of whichever meshes and studios are loaded, after the entities have it."""

STREAM_HAPPENINGS: Final = {
    Happening.STARTED: Happened.STREAM_STARTED,
    Happening.STOPPED: Happened.STREAM_STOPPED,
    Happening.FAILED: Happened.STREAM_FAILED,
}


@callback
def async_tell_of_mesh(hub: MeshHub) -> CALLBACK_TYPE:
    """Send what happens in a mesh; return what ends that."""
    teller = _MeshTeller(hub)

    @callback
    def tell(event: NodeEvent) -> None:
        teller.tell(event)
        async_dispatcher_send(hub.hass, SIGNAL_MESH, hub, event)

    return hub.async_subscribe(tell)


@callback
def async_tell_of_studio(studio: StudioCoordinator) -> CALLBACK_TYPE:
    """Send what happens in a studio; return what ends that."""
    teller = _StudioTeller(studio)

    @callback
    def tell(event: StudioEvent) -> None:
        teller.tell(event)
        async_dispatcher_send(studio.hass, SIGNAL_STUDIO, studio, event)

    return studio.async_subscribe(tell)


class _StudioTeller:
    """Remembers since when each stream runs: of one that has ended, no studio says how long."""

    def __init__(self, studio: StudioCoordinator) -> None:
        self._studio = studio
        self._since: dict[str, float] = {}
        """Seconds of the event loop's clock at which a stream began, by the output's key."""

    @callback
    def tell(self, event: StudioEvent) -> None:
        """Send what an event of the client means to automations."""
        match event:
            case Connected(state) | StateChanged(state):
                self._follow(state)
            case OutputHappened(output, _previous, what) if (
                output.kind is OutputKind.STREAM and what in STREAM_HAPPENINGS
            ):
                self._send(
                    STREAM_HAPPENINGS[what],
                    f"The stream of {self._studio.name} {what}",
                    {
                        "output": output.key,
                        "channel": output.number or 1,
                        "duration": self._duration(output),
                    },
                )
            case RecordingFinished(path, duration):
                self._send(
                    Happened.RECORDING_FINISHED,
                    f"{self._studio.name} finished a recording",
                    {"path": path, "duration": duration},
                )

    def _follow(self, state: StudioState) -> None:
        """Learn since when the running streams run; what the studio says is the better clock."""
        now = self._studio.hass.loop.time()
        for output in state.streams():
            if output.state is not OutputState.ACTIVE:
                continue
            if output.duration_s is not None:
                self._since[output.key] = now - output.duration_s

    def _duration(self, output: Output) -> float | None:
        """Return how long a stream ran, in seconds; None if its beginning was not seen."""
        now = self._studio.hass.loop.time()
        if output.state is OutputState.ACTIVE:
            self._since.setdefault(output.key, now)
            return output.duration_s
        since = self._since.pop(output.key, None)
        if output.duration_s is not None or since is None:
            return output.duration_s
        return round(now - since, 1)

    def _send(self, what: Happened, text: str, data: Mapping[str, Any]) -> None:
        studio = self._studio
        about = {
            "entry_id": studio.entry.entry_id,
            ATTR_DEVICE_ID: studio.device_id,
            "studio_name": studio.name,
        }
        async_tell(studio.hass, Occasion(what, studio.device_id, text, {**about, **data}))


class _MeshTeller:
    """Remembers how each link was, to tell when it is otherwise."""

    def __init__(self, hub: MeshHub) -> None:
        self._hub = hub
        self._bands: dict[str, Band] = {}
        self._paths: dict[str, Path] = {}
        for peer in hub.peers.values():
            self._remember(peer)

    @callback
    def tell(self, event: NodeEvent) -> None:
        """Send what an event of the node means to automations."""
        match event:
            case MessageReceived():
                data = self._hub.message_data(event)
                self._send(Happened.MESSAGE_RECEIVED, f"Message from {data['peer_name']}", data)
            case PeerConnected(peer):
                self._send(
                    Happened.PEER_CONNECTED,
                    f"{peer.name} is connected",
                    self._hub.peer_data(peer),
                )
                self._follow(peer)
            case PeerDisconnected(peer, reason):
                self._send(
                    Happened.PEER_DISCONNECTED,
                    f"{peer.name} is disconnected",
                    {**self._hub.peer_data(peer), "reason": reason},
                )
            case PeerChanged(peer):
                self._follow(peer)
            case PeerRemoved(peer_id):
                self._bands.pop(peer_id, None)
                self._paths.pop(peer_id, None)

    def _follow(self, peer: PeerView) -> None:
        """Tell of another band or path; a link that is down has neither, and keeps its last."""
        band, path = self._bands.get(peer.peer_id), self._paths.get(peer.peer_id)
        self._remember(peer)
        if band is not None and (now := self._bands[peer.peer_id]) is not band:
            self._send(
                Happened.LINK_QUALITY_CHANGED,
                f"The link to {peer.name} became {now.value}",
                {
                    **self._hub.peer_data(peer),
                    "from": band.value,
                    "to": now.value,
                    "rtt_ms": peer.quality.rtt_ms,
                    "jitter_ms": peer.quality.jitter_ms,
                    "loss_percent": peer.quality.loss_percent,
                },
            )
        if path is not None and (way := self._paths[peer.peer_id]) is not path:
            self._send(
                Happened.PATH_CHANGED,
                f"The link to {peer.name} runs {way.value}",
                {**self._hub.peer_data(peer), "from": path.value, "to": way.value},
            )

    def _remember(self, peer: PeerView) -> None:
        if peer.connected and peer.quality.band is not Band.UNKNOWN:
            self._bands[peer.peer_id] = peer.quality.band
        if peer.connected and peer.path is not Path.DOWN:
            self._paths[peer.peer_id] = peer.path

    def _send(self, what: Happened, text: str, data: Mapping[str, Any]) -> None:
        async_tell(self._hub.hass, Occasion(what, data[ATTR_DEVICE_ID], text, data))
