"""Conditions: what they say of peers and studios, alone, together, and when nothing is known."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.condition import CONDITIONS
from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.mesh.model import Band, Quality
from custom_components.infrafabric.studio.model import OutputState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition, device_registry as dr
from homeassistant.setup import async_setup_component

from .conftest import GARAGE, OWN, STUDIO, FakeMeshNode
from .studio_fake import FakeStudioClient


async def passes(hass: HomeAssistant, key: str, target: Any, **options: Any) -> bool:
    config = {"condition": f"{DOMAIN}.{key}", "target": target, "options": options}
    await async_setup_component(hass, "homeassistant", {})
    checked = await condition.async_validate_condition_config(hass, config)
    checker = await condition.async_from_config(hass, checked)
    return bool(checker.async_check())


def device_ids(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, str]:
    """Return the registry ids of an entry's devices by name."""
    registry = dr.async_get(hass)
    return {
        device.name or "": device.id
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
    }


@pytest.fixture
def devices(
    hass: HomeAssistant, node: FakeMeshNode, config_entry: MockConfigEntry
) -> dict[str, str]:
    node.add_peer(GARAGE, "Garage")
    return device_ids(hass, config_entry)


async def test_a_peer_is_connected_while_it_has_a_link(
    hass: HomeAssistant, node: FakeMeshNode, devices: dict[str, str]
) -> None:
    target = {"device_id": devices["Studio"]}
    assert not await passes(hass, "peer_is_connected", target)
    node.connect_peer(STUDIO.peer_id)
    assert await passes(hass, "peer_is_connected", target)
    node.disconnect_peer(STUDIO.peer_id)
    assert not await passes(hass, "peer_is_connected", target)


async def test_one_peer_is_enough_unless_all_are_wanted(
    hass: HomeAssistant, node: FakeMeshNode, devices: dict[str, str]
) -> None:
    both = {"device_id": [devices["Studio"], devices["Garage"]]}
    node.connect_peer(STUDIO.peer_id)
    assert await passes(hass, "peer_is_connected", both)
    assert not await passes(hass, "peer_is_connected", both, behavior="all")
    node.connect_peer(GARAGE.peer_id)
    assert await passes(hass, "peer_is_connected", both, behavior="all")


async def test_the_own_node_is_no_peer_and_no_target_at_all_never_passes(
    hass: HomeAssistant, node: FakeMeshNode, devices: dict[str, str]
) -> None:
    node.connect_peer(STUDIO.peer_id)
    own = {"device_id": devices["Home"]}
    assert OWN.peer_id not in node.peers
    assert not await passes(hass, "peer_is_connected", own)
    assert not await passes(hass, "peer_is_connected", own, behavior="all")
    # Beside a peer it counts for nothing.
    beside = {"device_id": [devices["Home"], devices["Studio"]]}
    assert await passes(hass, "peer_is_connected", beside, behavior="all")
    assert not await passes(hass, "is_streaming", beside)


async def test_a_mesh_that_is_not_loaded_has_no_connected_peers(
    hass: HomeAssistant,
    node: FakeMeshNode,
    devices: dict[str, str],
    config_entry: MockConfigEntry,
) -> None:
    node.connect_peer(STUDIO.peer_id)
    assert await hass.config_entries.async_unload(config_entry.entry_id)
    assert not await passes(hass, "peer_is_connected", {"device_id": devices["Studio"]})


async def test_quality_is_what_was_measured_and_nothing_without_a_link(
    hass: HomeAssistant, node: FakeMeshNode, devices: dict[str, str]
) -> None:
    target = {"device_id": devices["Studio"]}
    every = [band.value for band in Band if band is not Band.UNKNOWN]
    node.connect_peer(STUDIO.peer_id, quality=Quality())
    assert not await passes(hass, "link_quality_is", target, quality=every)
    node.change_peer(STUDIO.peer_id, quality=Quality(band=Band.POOR))
    assert await passes(hass, "link_quality_is", target, quality=["poor", "critical"])
    assert not await passes(hass, "link_quality_is", target, quality="good")


@pytest.mark.parametrize(
    ("key", "output", "state", "expected"),
    [
        ("is_streaming", "stream", OutputState.ACTIVE, True),
        ("is_streaming", "stream", OutputState.RECONNECTING, True),
        ("is_streaming", "stream", OutputState.STARTING, False),
        ("is_streaming", "stream", OutputState.STOPPING, False),
        ("is_streaming", "stream", OutputState.UNKNOWN, False),
        ("is_streaming", "record", OutputState.ACTIVE, False),
        ("is_recording", "record", OutputState.ACTIVE, True),
        ("is_recording", "record", OutputState.PAUSED, False),
        ("is_recording", "stream", OutputState.ACTIVE, False),
    ],
)
async def test_a_studio_is_on_air_only_when_it_says_so(
    hass: HomeAssistant,
    init_studio: FakeStudioClient,
    studio_entry: MockConfigEntry,
    key: str,
    output: str,
    state: OutputState,
    expected: bool,
) -> None:
    for other in ("stream", "record"):
        init_studio.output(other, OutputState.STOPPED)
    init_studio.output(output, state)
    target = {"device_id": device_ids(hass, studio_entry)["Stage"]}

    assert await passes(hass, key, target) is expected
    assert not await passes(hass, "peer_is_connected", target)

    init_studio.disconnect()
    assert not await passes(hass, key, target)


async def test_every_condition_is_described(hass: HomeAssistant, node: FakeMeshNode) -> None:
    descriptions = await condition.async_get_all_descriptions(hass)

    for key, kind in CONDITIONS.items():
        described = descriptions[f"{DOMAIN}.{key}"]
        assert described is not None, key
        assert described["target"], key
        taken = {"behavior", *(str(field) for field in kind._fields)}  # type: ignore[attr-defined]
        assert described["fields"].keys() == taken, key
