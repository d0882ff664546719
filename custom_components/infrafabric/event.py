"""An event entity per peer: its last message.

That of a studio has a room of its own, ``studio_event``.
"""

from typing import Final, override

from homeassistant.components.event import (
    EventEntity,
    EventEntityDescription,
    EventExtraStoredData,
)
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import PeerEntity, async_add_peer_entities
from .hub import MeshConfigEntry
from .mesh.messages.schema import PERFORMATIVES
from .mesh.model import MessageReceived, NodeEvent
from .studio_coordinator import StudioConfigEntry, StudioCoordinator
from .studio_entity import StudioPlatform
from .studio_event import STUDIO_ACTIVITY, StudioActivity

# Everything is pushed; nothing is ever fetched.
PARALLEL_UPDATES = 0

MESSAGE: Final = EventEntityDescription(
    key="message",
    translation_key="message",
    event_types=sorted(PERFORMATIVES),
)

ABOUT_THE_DEVICE: Final = ("entry_id", "device_id")
"""In the bus event these say where the message came from; the entity's device says it here."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MeshConfigEntry | StudioConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entity of a studio, or each peer's as soon as the peer is known."""
    hub = entry.runtime_data
    if isinstance(hub, StudioCoordinator):
        StudioPlatform(
            hub,
            Platform.EVENT,
            async_add_entities,
            {},
            always=[StudioActivity(hub, STUDIO_ACTIVITY)],
        ).async_start()
        return
    async_add_peer_entities(
        hub, async_add_entities, lambda hub, peer: [MessageEvent(hub, peer, MESSAGE)]
    )


class MessageEvent(PeerEntity, EventEntity):
    """The last message of the peer that passed every check.

    It stays available while the peer is away: coming back from "unavailable" is a change of
    state, and an automation on this entity would take the last message for a new one.
    """

    # Up to 8 KiB a message, and many a minute: too much to keep in the database.
    _unrecorded_attributes = frozenset({"content"})

    @override
    async def async_get_last_event_data(self) -> EventExtraStoredData | None:
        """Return what is to be restored, unless another peer said it.

        Home Assistant restores by entity id, and a removed peer's name may be another's now.
        """
        data = await super().async_get_last_event_data()
        said = data.last_event_attributes if data is not None else None
        return data if said and said.get("peer_id") == self.peer.peer_id else None

    @callback
    @override
    def _async_handle_event(self, event: NodeEvent) -> None:
        if isinstance(event, MessageReceived) and event.peer_id == self.peer.peer_id:
            data = self.hub.message_data(event)
            for key in ABOUT_THE_DEVICE:
                del data[key]
            self._trigger_event(event.message.performative, data)
            self._async_write()
