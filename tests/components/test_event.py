"""The event entity of a peer: its last message."""

import json

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    mock_restore_cache_with_extra_data,
)

from custom_components.infrafabric.mesh.messages.schema import PERFORMATIVES
from custom_components.infrafabric.mesh.model import ReceiptStatus
from custom_components.infrafabric.mesh.trust.identity import Identity
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant, State

from .conftest import GARAGE, STUDIO, FakeMeshNode

ENTITY_ID = "event.studio_message"


@pytest.fixture
def platforms() -> list[Platform]:
    return [Platform.EVENT]


def the_state(hass: HomeAssistant, entity_id: str = ENTITY_ID) -> State:
    state = hass.states.get(entity_id)
    assert state is not None
    return state


async def test_a_message_is_an_event_with_everything_an_automation_asks_for(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    assert the_state(hass).state == STATE_UNKNOWN
    assert set(the_state(hass).attributes["event_types"]) == PERFORMATIVES
    node.connect_peer(STUDIO.peer_id)

    message = node.receive(
        STUDIO,
        {"light": "on", "level": 3},
        performative="request",
        topic="if://topic/lights",
        trace_id="0123456789ab",
    )
    await hass.async_block_till_done()

    state = the_state(hass)
    assert state.state != STATE_UNKNOWN
    attributes = state.attributes
    assert attributes["event_type"] == "request"
    assert attributes["content"] == {"light": "on", "level": 3}
    assert attributes["truncated"] is False
    assert attributes["topic"] == "if://topic/lights"
    assert attributes["trace_id"] == "0123456789ab"
    assert attributes["conversation_id"] == message.conversation_id
    assert attributes["sequence_num"] == message.sequence_num
    assert attributes["timestamp"] == message.timestamp.isoformat()
    assert attributes["role"] == "observe"
    assert attributes["peer_id"] == STUDIO.peer_id
    assert attributes["peer_name"] == "Studio"
    # The device of the entity says these.
    assert not {"entry_id", "device_id"} & attributes.keys()


@pytest.mark.parametrize("performative", sorted(PERFORMATIVES))
async def test_every_performative_is_an_event_type(
    hass: HomeAssistant, node: FakeMeshNode, performative: str
) -> None:
    node.receive(STUDIO, {}, performative=performative)
    await hass.async_block_till_done()

    assert the_state(hass).attributes["event_type"] == performative


async def test_messages_of_others_and_refused_messages_fire_nothing(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    node.add_peer(GARAGE, "Garage")
    await hass.async_block_till_done()

    node.receive(GARAGE, {"from": "garage"})
    node.refuse(STUDIO, ReceiptStatus.REPLAYED)
    await hass.async_block_till_done()

    assert the_state(hass).state == STATE_UNKNOWN
    assert the_state(hass, "event.garage_message").attributes["content"] == {"from": "garage"}


async def test_content_of_more_than_8_kib_is_left_out(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    # {"text":"…"} in 8192 bytes, then one more.
    just_fits = {"text": "x" * (8192 - len('{"text":""}'))}
    assert len(json.dumps(just_fits, separators=(",", ":"))) == 8192
    node.receive(STUDIO, just_fits)
    await hass.async_block_till_done()
    assert the_state(hass).attributes["content"] == just_fits

    node.receive(STUDIO, {"text": just_fits["text"] + "x"})
    await hass.async_block_till_done()

    attributes = the_state(hass).attributes
    assert attributes["truncated"] is True
    assert "content" not in attributes


async def test_each_of_two_messages_at_once_is_a_change_of_state(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    node.receive(STUDIO, {"n": 1})
    node.receive(STUDIO, {"n": 2})
    await hass.async_block_till_done()

    contents = [change.data["new_state"].attributes["content"] for change in changes]
    assert contents == [{"n": 1}, {"n": 2}]


async def test_a_link_that_comes_back_does_not_look_like_a_message(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    node.connect_peer(STUDIO.peer_id)
    node.receive(STUDIO, {"command": "stop"})
    await hass.async_block_till_done()
    before = the_state(hass)

    node.disconnect_peer(STUDIO.peer_id)
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()

    assert the_state(hass) is before


async def test_the_entity_is_unavailable_while_the_mesh_is_unloaded(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    await hass.config_entries.async_unload(config_entry.entry_id)
    await hass.async_block_till_done()
    assert the_state(hass).state == STATE_UNAVAILABLE

    node.receive(STUDIO, {"too": "late"})
    await hass.async_block_till_done()
    assert the_state(hass).state == STATE_UNAVAILABLE


@pytest.mark.parametrize("said_by", [STUDIO, GARAGE])
async def test_only_what_this_very_peer_said_is_restored(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    said_by: Identity,
) -> None:
    node.connect_peer(STUDIO.peer_id)
    node.receive(STUDIO, {"n": 1})
    await hass.async_block_till_done()
    said = the_state(hass)
    await hass.config_entries.async_unload(config_entry.entry_id)
    # As after a restart; a removed peer may have had the name, and so the entity id.
    attributes = {**said.attributes, "peer_id": said_by.peer_id}
    data = {
        "last_event_type": "inform",
        "last_event_attributes": {"peer_id": said_by.peer_id},
    }
    mock_restore_cache_with_extra_data(hass, [(State(ENTITY_ID, said.state, attributes), data)])

    await hass.config_entries.async_setup(config_entry.entry_id)
    await hass.async_block_till_done()

    assert (the_state(hass).state == said.state) is (said_by is STUDIO)
    assert (the_state(hass).state == STATE_UNKNOWN) is (said_by is GARAGE)
