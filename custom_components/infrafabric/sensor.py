"""Sensors of the node (how the mesh is doing) and of each peer (how its link is doing).

Those of studios have a room of their own, ``studio_sensor``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, Platform, UnitOfRatio, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import NodeEntity, PeerEntity, async_add_peer_entities
from .hub import MeshConfigEntry, MeshHub
from .mesh.model import Band, NodeStats, Path, PeerView
from .studio_coordinator import StudioConfigEntry, StudioCoordinator
from .studio_entity import StudioPlatform
from .studio_sensor import STUDIO_SENSORS, StudioSensor

# Everything is pushed; nothing is ever fetched.
PARALLEL_UPDATES = 0

CALM_SECONDS: Final = 10.0
"""Between two states of a measurement that changes with every heartbeat."""
LAST_SEEN_SECONDS: Final = 900.0
"""Between two states of "last seen" while the peer is connected and heard all the time."""


@dataclass(frozen=True, kw_only=True)
class NodeSensorDescription(SensorEntityDescription):
    """A figure of the node."""

    value_fn: Callable[[NodeStats], float | None]
    calm_seconds: float = CALM_SECONDS


@dataclass(frozen=True, kw_only=True)
class PeerSensorDescription(SensorEntityDescription):
    """A figure of the link to a peer, or of the peer itself."""

    value_fn: Callable[[PeerView], float | str | datetime | None]
    needs_link: bool = True
    """Whether the value says anything only while the peer is connected."""
    calm_seconds: float = CALM_SECONDS


NODE_SENSORS: Final = (
    NodeSensorDescription(
        key="peers_online",
        translation_key="peers_online",
        state_class=SensorStateClass.MEASUREMENT,
        # Changes when a peer comes or goes: no reason to be late.
        calm_seconds=0,
        value_fn=lambda stats: stats.peers_online,
    ),
    NodeSensorDescription(
        key="links_direct",
        translation_key="links_direct",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        calm_seconds=0,
        value_fn=lambda stats: stats.links_direct,
    ),
    NodeSensorDescription(
        key="links_relayed",
        translation_key="links_relayed",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        calm_seconds=0,
        value_fn=lambda stats: stats.links_relayed,
    ),
    NodeSensorDescription(
        key="messages_in",
        translation_key="messages_in",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda stats: stats.messages_in_per_minute,
    ),
    NodeSensorDescription(
        key="messages_out",
        translation_key="messages_out",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda stats: stats.messages_out_per_minute,
    ),
    NodeSensorDescription(
        key="messages_refused",
        translation_key="messages_refused",
        # Starts at 0 again with the node, which is what "total increasing" allows.
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        calm_seconds=0,
        value_fn=lambda stats: stats.refused_total,
    ),
    NodeSensorDescription(
        key="loop_lag",
        translation_key="loop_lag",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda stats: _rounded(stats.loop_lag_p99_ms),
    ),
)

PEER_SENSORS: Final = (
    PeerSensorDescription(
        key="rtt",
        translation_key="rtt",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda peer: _rounded(peer.quality.rtt_ms),
    ),
    PeerSensorDescription(
        key="jitter",
        translation_key="jitter",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        # Never still, and the quality score already counts it.
        entity_registry_enabled_default=False,
        value_fn=lambda peer: _rounded(peer.quality.jitter_ms),
    ),
    PeerSensorDescription(
        key="loss",
        translation_key="loss",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda peer: _rounded(peer.quality.loss_percent),
    ),
    PeerSensorDescription(
        key="quality_score",
        translation_key="quality_score",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda peer: _rounded(peer.quality.score, 0),
    ),
    PeerSensorDescription(
        key="quality_band",
        translation_key="quality_band",
        device_class=SensorDeviceClass.ENUM,
        # Too few probes is no band: the state is unknown then.
        options=[band.value for band in Band if band is not Band.UNKNOWN],
        # A band changes after two windows at the earliest; its change is what automations wait for.
        calm_seconds=0,
        value_fn=lambda peer: (
            None if peer.quality.band is Band.UNKNOWN else peer.quality.band.value
        ),
    ),
    PeerSensorDescription(
        key="path",
        translation_key="path",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=[path.value for path in Path],
        calm_seconds=0,
        # "Down" is one of its values: always worth showing.
        needs_link=False,
        value_fn=lambda peer: peer.path.value,
    ),
    PeerSensorDescription(
        key="last_seen",
        translation_key="last_seen",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        needs_link=False,
        calm_seconds=LAST_SEEN_SECONDS,
        value_fn=lambda peer: peer.last_seen,
    ),
)


def _rounded(value: float | None, digits: int = 1) -> float | None:
    """Return *value* without the digits that are noise and would make a new state each time."""
    return None if value is None else round(value, digits)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MeshConfigEntry | StudioConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of a studio, or of a node and its peers, as soon as each is known."""
    hub = entry.runtime_data
    if isinstance(hub, StudioCoordinator):
        StudioPlatform(
            hub, Platform.SENSOR, async_add_entities, {StudioSensor: STUDIO_SENSORS}
        ).async_start()
        return
    async_add_entities(NodeSensor(hub, description) for description in NODE_SENSORS)

    async_add_peer_entities(
        hub,
        async_add_entities,
        lambda hub, peer: [PeerSensor(hub, peer, description) for description in PEER_SENSORS],
    )


class NodeSensor(NodeEntity, SensorEntity):
    """One figure of the node."""

    entity_description: NodeSensorDescription

    def __init__(self, hub: MeshHub, description: NodeSensorDescription) -> None:
        """Take the pace from the description."""
        super().__init__(hub, description)
        self._calm_seconds = description.calm_seconds

    @property
    @override
    def native_value(self) -> float | None:
        """The figure now."""
        return self.entity_description.value_fn(self.hub.stats)


class PeerSensor(PeerEntity, SensorEntity):
    """One figure of a peer."""

    entity_description: PeerSensorDescription

    def __init__(self, hub: MeshHub, peer: PeerView, description: PeerSensorDescription) -> None:
        """Take the pace from the description."""
        super().__init__(hub, peer, description)
        self._calm_seconds = description.calm_seconds

    @property
    @override
    def available(self) -> bool:
        """Whether there is a link to measure, where the value needs one."""
        return self.peer.connected or not self.entity_description.needs_link

    @property
    @override
    def native_value(self) -> float | str | datetime | None:
        """The figure now; None (unknown) until there is enough data."""
        return self.entity_description.value_fn(self.peer)
