"""Sensors of the node and of its peers."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.infrafabric.mesh.model import Band, Path, Quality, ReceiptStatus
from custom_components.infrafabric.sensor import LAST_SEEN_SECONDS
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import Event, EventStateReportedData, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import Entity

from .conftest import GARAGE, MESH_ID, OWN, STUDIO, FakeMeshNode

STUDIO_MEASUREMENTS = (
    "sensor.studio_round_trip_time",
    "sensor.studio_jitter",
    "sensor.studio_packet_loss",
    "sensor.studio_quality_score",
    "sensor.studio_link_quality",
)


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.SENSOR]


@pytest.fixture
def everything_enabled() -> Generator[None]:
    """Enable at once what is disabled at first."""
    with patch.object(Entity, "entity_registry_enabled_default", new=True):
        yield


def state_of(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state.state


async def test_the_node_shows_its_figures(
    hass: HomeAssistant, everything_enabled: None, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id, path=Path.TURN_UDP)
    node.set_stats(
        messages_in_per_minute=7,
        messages_out_per_minute=9,
        refused={"replayed": 2, "stale": 1},
        loop_lag_p99_ms=1.234,
    )
    await hass.async_block_till_done()

    assert state_of(hass, "sensor.home_peers_online") == "1"
    assert state_of(hass, "sensor.home_direct_links") == "0"
    assert state_of(hass, "sensor.home_relayed_links") == "1"
    assert state_of(hass, "sensor.home_messages_received") == "7"
    assert state_of(hass, "sensor.home_messages_sent") == "9"
    assert state_of(hass, "sensor.home_refused_messages") == "3"
    assert state_of(hass, "sensor.home_event_loop_lag_p99") == "1.2"


async def test_a_peer_that_comes_or_goes_is_counted_at_once(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.home_peers_online") == "1"

    node.disconnect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.home_peers_online") == "0"


async def test_refused_messages_only_count_up_and_their_reasons_do_not_churn_as_attributes(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    node.refuse(STUDIO, ReceiptStatus.REPLAYED)
    node.refuse(STUDIO, ReceiptStatus.BAD_SIGNATURE)
    await hass.async_block_till_done()

    state = hass.states.get("sensor.home_refused_messages")
    assert state is not None
    assert state.state == "2"
    assert state.attributes["state_class"] == "total_increasing"
    assert not {"replayed", "bad_signature", "refused"} & state.attributes.keys()


async def test_a_connected_peer_shows_its_link(
    hass: HomeAssistant, everything_enabled: None, node: FakeMeshNode
) -> None:
    view = node.connect_peer(STUDIO.peer_id, path=Path.DIRECT_LAN)
    await hass.async_block_till_done()

    assert state_of(hass, "sensor.studio_round_trip_time") == "12.5"
    assert state_of(hass, "sensor.studio_jitter") == "1.5"
    assert state_of(hass, "sensor.studio_packet_loss") == "0.0"
    assert float(state_of(hass, "sensor.studio_quality_score")) == 95
    assert state_of(hass, "sensor.studio_link_quality") == "excellent"
    assert state_of(hass, "sensor.studio_path") == "direct_lan"
    assert view.last_seen is not None
    assert state_of(hass, "sensor.studio_last_seen") == view.last_seen.isoformat(timespec="seconds")


async def test_measurements_are_unknown_until_there_are_enough_probes(
    hass: HomeAssistant, everything_enabled: None, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id, quality=Quality())
    await hass.async_block_till_done()

    for entity_id in STUDIO_MEASUREMENTS:
        assert state_of(hass, entity_id) == STATE_UNKNOWN
    band = hass.states.get("sensor.studio_link_quality")
    assert band is not None
    assert band.attributes["options"] == ["excellent", "good", "fair", "poor", "critical"]


async def test_measurements_are_unavailable_while_the_peer_is_down(
    hass: HomeAssistant, everything_enabled: None, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id)
    view = node.disconnect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    for entity_id in STUDIO_MEASUREMENTS:
        assert state_of(hass, entity_id) == STATE_UNAVAILABLE
    # These two say most just then.
    assert state_of(hass, "sensor.studio_path") == "down"
    assert view.last_seen is not None
    assert state_of(hass, "sensor.studio_last_seen") == view.last_seen.isoformat(timespec="seconds")

    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    for entity_id in STUDIO_MEASUREMENTS:
        assert state_of(hass, entity_id) not in (STATE_UNAVAILABLE, STATE_UNKNOWN)


async def test_a_peer_never_heard_of_has_no_time(hass: HomeAssistant, node: FakeMeshNode) -> None:
    assert state_of(hass, "sensor.studio_last_seen") == STATE_UNKNOWN


async def test_what_never_keeps_still_is_disabled_at_first(
    hass: HomeAssistant, entity_registry: er.EntityRegistry, node: FakeMeshNode
) -> None:
    disabled = {
        entry.original_name
        for entry in entity_registry.entities.values()
        if entry.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    }

    assert disabled == {"Event loop lag (P99)", "Jitter"}


async def test_a_measurement_changes_its_state_every_ten_seconds_at_most(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    for rtt in (20.0, 30.0, 40.04):
        node.change_peer(STUDIO.peer_id, quality=Quality(rtt_ms=rtt, band=Band.GOOD))
    await hass.async_block_till_done()

    assert state_of(hass, "sensor.studio_round_trip_time") == "12.5"
    # Nobody wants to hear late of these.
    assert state_of(hass, "sensor.studio_link_quality") == "good"

    freezer.tick(timedelta(seconds=11))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()

    assert state_of(hass, "sensor.studio_round_trip_time") == "40.0"


async def test_the_first_measurement_is_shown_at_once(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id, quality=Quality())
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.studio_round_trip_time") == STATE_UNKNOWN

    node.change_peer(STUDIO.peer_id, quality=Quality(rtt_ms=20.0))
    await hass.async_block_till_done()

    assert state_of(hass, "sensor.studio_round_trip_time") == "20.0"


async def test_last_seen_is_written_now_and_then_and_exactly_when_the_link_goes(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, node: FakeMeshNode
) -> None:
    connected = node.connect_peer(STUDIO.peer_id).last_seen
    await hass.async_block_till_done()
    assert connected is not None

    node.change_peer(STUDIO.peer_id, last_seen=connected + timedelta(seconds=30))
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.studio_last_seen") == connected.isoformat(timespec="seconds")

    freezer.tick(timedelta(seconds=LAST_SEEN_SECONDS + 1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    at_30 = (connected + timedelta(seconds=30)).isoformat(timespec="seconds")
    assert state_of(hass, "sensor.studio_last_seen") == at_30

    node.change_peer(STUDIO.peer_id, last_seen=connected + timedelta(seconds=970))
    node.disconnect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    at_970 = (connected + timedelta(seconds=970)).isoformat(timespec="seconds")
    assert state_of(hass, "sensor.studio_last_seen") == at_970


async def test_a_removed_peer_leaves_no_pending_write(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    node.change_peer(STUDIO.peer_id, quality=Quality(rtt_ms=50))
    node.remove_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    freezer.tick(timedelta(seconds=61))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()

    assert hass.states.get("sensor.studio_round_trip_time") is None


async def test_a_peer_appears_and_goes_without_a_reload(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    node: FakeMeshNode,
) -> None:
    assert hass.states.get("sensor.garage_path") is None

    node.add_peer(GARAGE, "Garage")
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.garage_path") == "down"

    node.remove_peer(GARAGE.peer_id)
    await hass.async_block_till_done()
    assert hass.states.get("sensor.garage_path") is None
    assert entity_registry.async_get("sensor.garage_path") is None

    node.add_peer(GARAGE, "Garage")
    await hass.async_block_till_done()
    assert state_of(hass, "sensor.garage_path") == "down"
    # The node was started once and never stopped.
    assert [call[0] for call in node.calls] == ["start"]


async def test_ids_come_from_the_keys_and_not_from_names(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    node: FakeMeshNode,
) -> None:
    for entity_id, peer_id, key in (
        ("sensor.home_peers_online", OWN.peer_id, "peers_online"),
        ("sensor.studio_path", STUDIO.peer_id, "path"),
    ):
        entry = entity_registry.async_get(entity_id)
        assert entry is not None
        assert entry.unique_id == f"{MESH_ID}_{peer_id}_{key}"
        assert entry.has_entity_name
        device = device_registry.async_get(entry.device_id or "")
        assert device is not None
        assert device.identifiers == {("infrafabric", f"{MESH_ID}_{peer_id}")}

    node.change_peer(STUDIO.peer_id, name="Studio 2")
    await hass.async_block_till_done()
    assert entity_registry.async_get("sensor.studio_path") is not None


async def test_a_changed_peer_does_not_write_the_state_of_another(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    node.add_peer(GARAGE, "Garage")
    await hass.async_block_till_done()
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    # A state that is written again without a change is only "reported".
    reports: list[Event[EventStateReportedData]] = []
    hass.bus.async_listen(
        EVENT_STATE_REPORTED,
        callback(lambda event: reports.append(event)),  # noqa: PLW0108 - a built-in takes no mark
        event_filter=callback(lambda _: True),
    )

    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    written = {event.data["entity_id"] for event in [*changes, *reports]}
    assert "sensor.studio_path" in written
    assert not any("garage" in entity_id for entity_id in written)


async def test_a_time_from_before_the_restart_is_shown(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    long_ago = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    node.add_peer(GARAGE, "Garage", last_seen=long_ago)
    await hass.async_block_till_done()

    assert state_of(hass, "sensor.garage_last_seen") == "2026-01-02T03:04:05+00:00"
