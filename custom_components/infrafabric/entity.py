"""What all entities share: which device they belong to and when they write their state."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import override

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN
from .hub import MeshHub
from .mesh.model import (
    NodeEvent,
    PeerChanged,
    PeerConnected,
    PeerDisconnected,
    PeerRemoved,
    PeerView,
    ProblemsChanged,
    StatsChanged,
)


@callback
def async_add_peer_entities(
    hub: MeshHub,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[MeshHub, PeerView], Iterable[Entity]],
) -> None:
    """Add what *make* returns for each peer, as soon as the peer is known."""
    hub.entry.async_on_unload(
        hub.async_add_peer_listener(lambda peer: async_add_entities(make(hub, peer)))
    )


class PushedEntity(Entity):
    """An entity that is named by translation and told when to write its state."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    _calm_seconds = 0.0
    """The least time between two state changes that nothing but a measurement asks for."""
    _written_at: float | None = None
    _cancel_write: CALLBACK_TYPE | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Leave no timer behind."""
        await super().async_added_to_hass()
        self.async_on_remove(self._async_cancel_write)

    @callback
    def _async_write(self, *, at_once: bool = False) -> None:
        """Write the state, but measurements no more often than ``_calm_seconds``.

        The recorder keeps every change for days and heartbeats bring one every 2 s. What comes
        too early is not lost: the newest value is written when the time is over. The first value
        at all is never too early.
        """
        now = self.hass.loop.time()
        wait = 0.0
        if self._written_at is not None and not at_once and self._shows_a_value:
            wait = self._written_at + self._calm_seconds - now
        if wait <= 0:
            self._async_cancel_write()
            self._written_at = now
            self.async_write_ha_state()
        elif self._cancel_write is None:
            self._cancel_write = async_call_later(self.hass, wait, self._async_write_late)

    @property
    def _shows_a_value(self) -> bool:
        state = self.hass.states.get(self.entity_id)
        return state is not None and state.state not in (STATE_UNKNOWN, STATE_UNAVAILABLE)

    @callback
    def _async_write_late(self, _now: datetime) -> None:
        self._cancel_write = None
        self._async_write(at_once=True)

    @callback
    def _async_cancel_write(self) -> None:
        if self._cancel_write is not None:
            self._cancel_write()
            self._cancel_write = None


class MeshEntity(PushedEntity):
    """An entity of one mesh, fed by the hub's events."""

    def __init__(self, hub: MeshHub, peer_id: str, description: EntityDescription) -> None:
        """Take the ids from the mesh and the key of the device, which outlive names and hosts."""
        self.hub = hub
        self.entity_description = description
        identifier = f"{hub.node.mesh_id}_{peer_id}"
        self._attr_unique_id = f"{identifier}_{description.key}"
        # The hub makes the devices and keeps their names; entities only point at them.
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, identifier)})

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the hub for as long as the entity exists."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.async_subscribe(self._async_handle_event))

    @callback
    def _async_handle_event(self, event: NodeEvent) -> None:
        """Write the state if *event* is about this entity."""
        raise NotImplementedError


class NodeEntity(MeshEntity):
    """An entity of this Home Assistant's own node; available as long as the node runs."""

    def __init__(self, hub: MeshHub, description: EntityDescription) -> None:
        """Belong to the node's device."""
        super().__init__(hub, hub.node.peer_id, description)

    @callback
    @override
    def _async_handle_event(self, event: NodeEvent) -> None:
        match event:
            case StatsChanged() | ProblemsChanged():
                self._async_write()
            case PeerConnected() | PeerDisconnected() | PeerRemoved() if not self._calm_seconds:
                # Statistics come seconds later, and what counts peers need not wait for them.
                self._async_write()


class PeerEntity(MeshEntity):
    """An entity of another member of the mesh."""

    def __init__(self, hub: MeshHub, peer: PeerView, description: EntityDescription) -> None:
        """Belong to the peer's device."""
        super().__init__(hub, peer.peer_id, description)
        self._last_view = peer

    @property
    def peer(self) -> PeerView:
        """The peer as the node sees it now, or saw it last if it was just removed."""
        self._last_view = self.hub.peers.get(self._last_view.peer_id, self._last_view)
        return self._last_view

    @callback
    @override
    def _async_handle_event(self, event: NodeEvent) -> None:
        if (
            isinstance(event, PeerChanged | PeerConnected | PeerDisconnected)
            and event.peer.peer_id == self._last_view.peer_id
        ):
            self._async_write(at_once=not isinstance(event, PeerChanged))
