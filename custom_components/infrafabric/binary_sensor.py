"""Binary sensors: whether a peer is connected, and whether the node has a problem."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import NodeEntity, PeerEntity, async_add_peer_entities
from .hub import MeshConfigEntry

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
    entry: MeshConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the node's binary sensor, and each peer's as soon as it is known."""
    hub = entry.runtime_data
    async_add_entities([ProblemSensor(hub, PROBLEM)])

    async_add_peer_entities(
        entry, async_add_entities, lambda hub, peer: [ConnectivitySensor(hub, peer, CONNECTIVITY)]
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
