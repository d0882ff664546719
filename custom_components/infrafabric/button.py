"""A button per peer that drops the link and dials it anew.

The buttons of studios have a room of their own, ``studio_button``.
"""

from typing import Final, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import PeerEntity, async_add_peer_entities
from .errors import mesh_errors
from .hub import MeshConfigEntry
from .studio_button import STUDIO_BUTTONS, StudioButton
from .studio_coordinator import StudioConfigEntry, StudioCoordinator
from .studio_entity import StudioPlatform

# The node itself limits how many dials run at once; a peer that is out of reach for ten seconds
# must not hold up the next button.
PARALLEL_UPDATES = 0

RECONNECT: Final = ButtonEntityDescription(
    key="reconnect",
    translation_key="reconnect",
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MeshConfigEntry | StudioConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons of a studio, or each peer's as soon as the peer is known."""
    hub = entry.runtime_data
    if isinstance(hub, StudioCoordinator):
        StudioPlatform(
            hub, Platform.BUTTON, async_add_entities, {StudioButton: STUDIO_BUTTONS}
        ).async_start()
        return
    async_add_peer_entities(
        hub, async_add_entities, lambda hub, peer: [ReconnectButton(hub, peer, RECONNECT)]
    )


class ReconnectButton(PeerEntity, ButtonEntity):
    """Drops the link to the peer, if there is one, and dials it now.

    Always available: a peer that is down is the reason to press it.
    """

    @override
    async def async_press(self) -> None:
        """Dial the peer and wait until it is linked."""
        with mesh_errors():
            await self.hub.node.reconnect(self.peer.peer_id)
