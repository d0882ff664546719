"""MeshHub: binds one mesh node to Home Assistant's devices and events."""

from collections.abc import Callable, Mapping
import logging
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_DEVICE_ID, __version__ as HA_VERSION
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.json import json_bytes
from homeassistant.loader import async_get_integration, async_get_loaded_integration

from .addresses import signaling_urls
from .const import (
    CONF_LOCAL_ADDRESSES,
    CONF_NODE_NAME,
    CONF_SIGNALING_URLS,
    DOMAIN,
    MANUFACTURER,
    MAX_EVENT_CONTENT,
    MODEL_NODE,
    MODEL_PEER,
)
from .ice import IceSource
from .mesh.api import NodeConfig
from .mesh.model import (
    MembershipRevoked,
    MessageReceived,
    NodeEvent,
    NodeStats,
    PeerAdded,
    PeerChanged,
    PeerConnected,
    PeerDisconnected,
    PeerJoined,
    PeerRemoved,
    PeerView,
)

if TYPE_CHECKING:
    from .mesh.node import MeshNode

_LOGGER = logging.getLogger(__name__)

type MeshConfigEntry = ConfigEntry[MeshHub]


async def async_software(hass: HomeAssistant) -> str:
    """Return what this node tells its peers to be."""
    integration = await async_get_integration(hass, DOMAIN)
    return f"infrafabric/{integration.version} (homeassistant {HA_VERSION})"


async def async_node_config(hass: HomeAssistant, entry: ConfigEntry[Any]) -> NodeConfig:
    """Return the node's settings as the entry and Home Assistant have them now."""
    return NodeConfig(
        name=entry.data[CONF_NODE_NAME],
        software=await async_software(hass),
        signaling_urls=signaling_urls(hass, entry.options),
        signaling_servers=tuple(entry.options.get(CONF_SIGNALING_URLS, ())),
        local_addresses=tuple(entry.options.get(CONF_LOCAL_ADDRESSES, ())),
        ice_servers=IceSource.from_options(hass, entry.options),
    )


class MeshHub:
    """One mesh in Home Assistant: a device for the node and one for each peer.

    It is the only subscriber of the node. Devices are made and removed before anybody else hears
    of a peer, so that entities always find their device.
    """

    def __init__(self, hass: HomeAssistant, entry: MeshConfigEntry, node: MeshNode) -> None:
        """Take a node that was loaded and not started."""
        self.hass = hass
        self.entry = entry
        self.node = node
        self.node_device_id = ""
        self._listeners: list[Callable[[NodeEvent], None]] = []
        self._peer_adders: list[Callable[[PeerView], None]] = []
        self._described: dict[str, tuple[str, str | None]] = {}
        self._device_ids: dict[str, str] = {}
        self._unsubscribe: CALLBACK_TYPE | None = None
        self._handlers: Mapping[type[NodeEvent], Callable[[Any], None]] = {
            MembershipRevoked: self._membership_revoked,
            PeerAdded: self._peer_added,
            PeerChanged: self._peer_changed,
            PeerConnected: self._peer_connected,
            PeerDisconnected: self._peer_disconnected,
            PeerJoined: self._peer_added,
            PeerRemoved: self._peer_removed,
        }

    @property
    def peers(self) -> Mapping[str, PeerView]:
        """Every other member of the mesh, by peer id."""
        return self.node.peers

    @property
    def stats(self) -> NodeStats:
        """The node's figures as of now."""
        return self.node.stats

    def device_identifier(self, peer_id: str) -> tuple[str, str]:
        """Return the device registry's identifier of a peer or of the node itself."""
        return (DOMAIN, f"{self.node.mesh_id}_{peer_id}")

    @callback
    def async_setup_devices(self) -> None:
        """Register the node and every known peer, and forget devices of former peers."""
        registry = dr.async_get(self.hass)
        self._describe_node()
        for peer in self.peers.values():
            self._describe_peer(peer)
        known = {self.node_device_id, *self._device_ids.values()}
        for device in dr.async_entries_for_config_entry(registry, self.entry.entry_id):
            if device.id not in known:
                registry.async_remove_device(device.id)

    async def async_start(self) -> None:
        """Listen to the node and start it."""
        self._unsubscribe = self.node.subscribe(self._handle)
        await self.node.start()

    async def async_stop(self) -> None:
        """Stop listening, and then the node: that its links close now is no news of its peers.

        Home Assistant's stop may come before the unload of the entry; the second does nothing.
        """
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
            await self.node.stop()

    async def async_reconfigure(self) -> None:
        """Apply the entry's and Home Assistant's settings to the running node."""
        await self.node.reconfigure(await async_node_config(self.hass, self.entry))
        self._describe_node()

    @callback
    def async_subscribe(self, listener: Callable[[NodeEvent], None]) -> CALLBACK_TYPE:
        """Deliver the node's events to *listener*, after the devices follow them."""
        self._listeners.append(listener)

        @callback
        def unsubscribe() -> None:
            self._listeners.remove(listener)

        return unsubscribe

    @callback
    def async_add_peer_listener(self, add: Callable[[PeerView], None]) -> CALLBACK_TYPE:
        """Call *add* for every known peer now and for every new one later."""
        self._peer_adders.append(add)
        for peer in list(self.peers.values()):
            add(peer)

        @callback
        def unsubscribe() -> None:
            self._peer_adders.remove(add)

        return unsubscribe

    def device_id_of_peer(self, peer_id: str) -> str | None:
        """Return the registry id of a peer's device."""
        return self._device_ids.get(peer_id)

    def peer_id_of_device(self, device_id: str) -> str | None:
        """Return the id of the peer that a device stands for; None for any other device."""
        return next(
            (peer for peer, device in self._device_ids.items() if device == device_id), None
        )

    @callback
    def _handle(self, event: NodeEvent) -> None:
        """Follow one event of the node, then pass it on."""
        if handler := self._handlers.get(type(event)):
            handler(event)
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                # One entity's fault must not keep the event from the others.
                _LOGGER.exception("A listener failed on %s", type(event).__name__)

    def _peer_added(self, event: PeerAdded | PeerJoined) -> None:
        if event.peer.peer_id in self._device_ids:
            return
        self._describe_peer(event.peer)
        for add in list(self._peer_adders):
            add(event.peer)

    def _peer_changed(self, event: PeerChanged) -> None:
        self._describe_peer(event.peer)

    def _peer_removed(self, event: PeerRemoved) -> None:
        self._described.pop(event.peer_id, None)
        if device_id := self._device_ids.pop(event.peer_id, None):
            dr.async_get(self.hass).async_remove_device(device_id)

    def _peer_connected(self, event: PeerConnected) -> None:
        self._describe_peer(event.peer)
        _LOGGER.info("%s is connected", event.peer.name)

    def _peer_disconnected(self, event: PeerDisconnected) -> None:
        _LOGGER.info("%s is disconnected: %s", event.peer.name, event.reason)

    def _membership_revoked(self, _event: MembershipRevoked) -> None:
        self.entry.async_start_reauth(self.hass)

    def peer_data(self, peer: PeerView) -> dict[str, Any]:
        """Return what every event about a peer says of it."""
        return {
            "entry_id": self.entry.entry_id,
            ATTR_DEVICE_ID: self._device_ids.get(peer.peer_id),
            "peer_id": peer.peer_id,
            "peer_name": peer.name,
            "role": peer.role.value,
        }

    def message_data(self, event: MessageReceived) -> dict[str, Any]:
        """Return an event's data for a message; content above 8 KiB is left out."""
        message = event.message
        peer = self.peers.get(event.peer_id)
        content = dict(message.content)
        truncated = len(json_bytes(content)) > MAX_EVENT_CONTENT
        return {
            "entry_id": self.entry.entry_id,
            ATTR_DEVICE_ID: self._device_ids.get(event.peer_id),
            "peer_id": event.peer_id,
            "peer_name": peer.name if peer else event.peer_id,
            "role": event.role.value,
            "performative": message.performative,
            "conversation_id": message.conversation_id,
            "trace_id": message.trace_id,
            "topic": message.topic,
            "sequence_num": message.sequence_num,
            "timestamp": message.timestamp.isoformat(),
            "ttl": message.ttl,
            "scope": dict(message.scope),
            **({"truncated": True} if truncated else {"content": content, "truncated": False}),
        }

    def _describe_node(self) -> None:
        """Create or update the node's device."""
        config_entry = self.entry
        device = dr.async_get(self.hass).async_get_or_create(
            config_entry_id=config_entry.entry_id,
            identifiers={self.device_identifier(self.node.peer_id)},
            manufacturer=MANUFACTURER,
            model=MODEL_NODE,
            name=config_entry.data[CONF_NODE_NAME],
            serial_number=self.node.check_groups,
            sw_version=_own_version(self.hass),
            entry_type=dr.DeviceEntryType.SERVICE,
        )
        self.node_device_id = device.id

    def _describe_peer(self, peer: PeerView) -> None:
        """Create or update a peer's device; a name that the user gave stays."""
        described = (peer.name, peer.software)
        if self._described.get(peer.peer_id) == described:
            # Views change with every probe; the registry need not hear of it.
            return
        self._described[peer.peer_id] = described
        device = dr.async_get(self.hass).async_get_or_create(
            config_entry_id=self.entry.entry_id,
            identifiers={self.device_identifier(peer.peer_id)},
            manufacturer=MANUFACTURER,
            model=MODEL_PEER,
            name=peer.name,
            serial_number=peer.check_groups,
            sw_version=peer.software,
            via_device_id=self.node_device_id,
        )
        self._device_ids[peer.peer_id] = device.id


def _own_version(hass: HomeAssistant) -> str | None:
    version = async_get_loaded_integration(hass, DOMAIN).version
    return None if version is None else str(version)
