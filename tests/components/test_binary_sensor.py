"""Binary sensors: whether a peer is connected, and whether the node has a problem."""

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from homeassistant.const import EVENT_STATE_CHANGED, STATE_OFF, STATE_ON, Platform
from homeassistant.core import HomeAssistant

from .conftest import STUDIO, FakeMeshNode


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.BINARY_SENSOR]


async def test_connectivity_is_off_and_not_unavailable_while_the_peer_is_away(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    entity_id = "binary_sensor.studio_connectivity"
    state = hass.states.get(entity_id)
    assert state is not None
    assert state.state == STATE_OFF
    assert state.attributes["device_class"] == "connectivity"

    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert hass.states.is_state(entity_id, STATE_ON)

    node.disconnect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    assert hass.states.is_state(entity_id, STATE_OFF)


async def test_a_flap_of_the_link_is_two_changes_of_state(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    for _ in range(2):
        node.connect_peer(STUDIO.peer_id)
        node.disconnect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    assert [change.data["new_state"].state for change in changes] == [
        STATE_ON,
        STATE_OFF,
        STATE_ON,
        STATE_OFF,
    ]


async def test_the_problem_sensor_says_what_is_wrong(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    entity_id = "binary_sensor.home_problem"
    state = hass.states.get(entity_id)
    assert state is not None
    assert state.state == STATE_OFF
    assert state.attributes["problems"] == []

    node.set_stats(problems=("slow_crc", "clock_skew"))
    await hass.async_block_till_done()
    state = hass.states.get(entity_id)
    assert state is not None
    assert state.state == STATE_ON
    assert state.attributes["problems"] == ["clock_skew", "slow_crc"]

    node.set_stats(problems=())
    await hass.async_block_till_done()
    assert hass.states.is_state(entity_id, STATE_OFF)
