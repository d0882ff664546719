"""Binary sensors: whether a peer is connected, and whether the node has a problem.

Those of studios have a room of their own, ``studio_binary_sensor``.
"""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import NodeEntity, PeerEntity, async_add_peer_entities
from .hub import MeshConfigEntry
from .studio_binary_sensor import (
    STUDIO_BINARY_SENSORS,
    STUDIO_CONNECTIVITY,
    StudioBinarySensor,
    StudioConnectivity,
)
from .studio_coordinator import StudioConfigEntry, StudioCoordinator
from .studio_entity import StudioPlatform

# Everything is pushed; nothing is ever fetched.
PARALLEL_UPDATES = 0

CONNECTIVITY: Final = BinarySensorEntityDescription(
    key="connectivity",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
)

PROBLEM: Final = BinarySensorEntityDescription(
    key="problem",
    device_class=BinarySensorDeviceClass.PROBLEM,
    entity_category=EntityCategory.DIAGNOSTIC,
    translation_key="problem",
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MeshConfigEntry | StudioConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of a studio, or of a node and its peers, as each is known."""
    hub = entry.runtime_data
    if isinstance(hub, StudioCoordinator):
        StudioPlatform(
            hub,
            Platform.BINARY_SENSOR,
            async_add_entities,
            {StudioBinarySensor: STUDIO_BINARY_SENSORS},
            always=[StudioConnectivity(hub, STUDIO_CONNECTIVITY)],
        ).async_start()
        return
    async_add_entities([ProblemSensor(hub, PROBLEM)])

    async_add_peer_entities(
        hub, async_add_entities, lambda hub, peer: [ConnectivitySensor(hub, peer, CONNECTIVITY)]
    )


class ProblemSensor(NodeEntity, BinarySensorEntity):
    """On while anything is wrong with the node; the attribute says what."""

    @property
    @override
    def is_on(self) -> bool:
        """Whether there is any problem."""
        return bool(self.hub.stats.problems)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """The codes of the problems, always in one order, so that only a change is a change."""
        return {"problems": sorted(self.hub.stats.problems)}


class ConnectivitySensor(PeerEntity, BinarySensorEntity):
    """Whether the peer is connected; always available, since "off" is its message."""

    @property
    @override
    def is_on(self) -> bool:
        """Whether a link to the peer is open."""
        return self.peer.connected
