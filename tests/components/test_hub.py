"""What a node's events become: devices and events in Home Assistant."""

import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.infrafabric.const import (
    DOMAIN,
    EVENT_MESSAGE,
    MAX_EVENT_CONTENT,
)
from custom_components.infrafabric.hub import MeshHub
from custom_components.infrafabric.mesh.model import (
    NodeEvent,
    PeerAdded,
    PeerRemoved,
    PeerView,
    ProblemsChanged,
    Role,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .conftest import GARAGE, MESH_ID, OWN, STUDIO, FakeMeshes, FakeMeshNode


@pytest.fixture
def hub(config_entry: MockConfigEntry, node: FakeMeshNode) -> MeshHub:
    hub: MeshHub = config_entry.runtime_data
    return hub


def _device(hass: HomeAssistant, entry: MockConfigEntry, peer_id: str) -> dr.DeviceEntry | None:
    return dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, f"{MESH_ID}_{peer_id}"), entry.entry_id
    )


# -- devices ----------------------------------------------------------------------------------


async def test_node_and_peers_are_devices(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode, hub: MeshHub
) -> None:
    own = _device(hass, config_entry, OWN.peer_id)
    assert own is not None
    assert own.id == hub.node_device_id
    assert (own.manufacturer, own.model, own.name) == ("InfraFabric", "Mesh node", "Home")
    assert own.serial_number == node.check_groups
    assert own.sw_version == "0.1.0"

    studio = _device(hass, config_entry, STUDIO.peer_id)
    assert studio is not None
    assert (studio.manufacturer, studio.model, studio.name) == (
        "InfraFabric",
        "Mesh peer",
        "Studio",
    )
    assert studio.serial_number == node.peers[STUDIO.peer_id].check_groups
    assert studio.sw_version == "infrafabric/0.1.0 (agent)"
    assert studio.via_device_id == own.id
    assert hub.peer_id_of_device(studio.id) == STUDIO.peer_id
    assert hub.device_id_of_peer(STUDIO.peer_id) == studio.id
    assert hub.peer_id_of_device(own.id) is None


async def test_peers_come_and_go_without_a_reload(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode, hub: MeshHub
) -> None:
    seen: list[PeerView] = []
    unsubscribe = hub.async_add_peer_listener(seen.append)
    assert [peer.name for peer in seen] == ["Studio"]

    await node.create_invitation()
    node.accept_peer(GARAGE, "Garage")

    # Told of twice, as known and as joined, it is one peer.
    assert [peer.name for peer in seen] == ["Studio", "Garage"]
    assert _device(hass, config_entry, GARAGE.peer_id) is not None

    node.remove_peer(GARAGE.peer_id)
    assert _device(hass, config_entry, GARAGE.peer_id) is None
    assert hub.device_id_of_peer(GARAGE.peer_id) is None

    node.add_peer(GARAGE, "Garage")
    assert len(seen) == 3
    unsubscribe()
    node.remove_peer(GARAGE.peer_id)
    node.add_peer(GARAGE, "Garage")
    assert len(seen) == 3
    # Somebody who is not known cannot go; nothing breaks.
    node.emit(PeerRemoved("a" * 32, "left"))


async def test_a_device_follows_its_peer_s_name_unless_the_user_chose_one(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    node.change_peer(STUDIO.peer_id, name="Atelier", software="infrafabric/0.2.0 (agent)")
    device = _device(hass, config_entry, STUDIO.peer_id)
    assert device is not None
    assert device.name == "Atelier"
    assert device.sw_version == "infrafabric/0.2.0 (agent)"

    dr.async_get(hass).async_update_device(device.id, name_by_user="My studio")
    node.change_peer(STUDIO.peer_id, name="Workshop")

    device = _device(hass, config_entry, STUDIO.peer_id)
    assert device is not None
    assert device.name_by_user == "My studio"


async def test_devices_of_members_who_left_meanwhile_are_gone_after_a_start(
    hass: HomeAssistant, config_entry: MockConfigEntry, meshes: FakeMeshes
) -> None:
    config_entry.add_to_hass(hass)
    dr.async_get(hass).async_get_or_create(
        config_entry_id=config_entry.entry_id, identifiers={(DOMAIN, f"{MESH_ID}_former")}
    )

    await hass.config_entries.async_setup(config_entry.entry_id)

    assert _device(hass, config_entry, "former") is None
    assert _device(hass, config_entry, STUDIO.peer_id) is not None


# -- events -----------------------------------------------------------------------------------


async def test_links_are_events_and_are_logged_once_each(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    hub: MeshHub,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connected = async_capture_events(hass, "infrafabric_peer_connected")
    disconnected = async_capture_events(hass, "infrafabric_peer_disconnected")
    peer = {
        "entry_id": config_entry.entry_id,
        "device_id": hub.device_id_of_peer(STUDIO.peer_id),
        "peer_id": STUDIO.peer_id,
        "peer_name": "Studio",
        "role": "observe",
    }

    with caplog.at_level(logging.INFO):
        node.connect_peer(STUDIO.peer_id)
        node.disconnect_peer(STUDIO.peer_id, "peer_silent")
        await hass.async_block_till_done()

    assert [event.data for event in connected] == [peer]
    assert [event.data for event in disconnected] == [{**peer, "reason": "peer_silent"}]
    assert caplog.text.count("Studio is connected") == 1
    assert caplog.text.count("Studio is disconnected: peer_silent") == 1


async def test_the_end_of_this_node_is_no_news_of_its_peers(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    # Or every restart would tell the user that the studio is gone.
    disconnected = async_capture_events(hass, "infrafabric_peer_disconnected")
    node.connect_peer(STUDIO.peer_id)

    await hass.config_entries.async_unload(config_entry.entry_id)
    await hass.async_block_till_done()

    assert not node.peers[STUDIO.peer_id].connected
    assert disconnected == []


async def test_a_message_is_an_event_with_the_role_of_its_sender(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode, hub: MeshHub
) -> None:
    events = async_capture_events(hass, EVENT_MESSAGE)
    node.change_peer(STUDIO.peer_id, role=Role.COMMAND)

    message = node.receive(
        STUDIO,
        {"door": "open"},
        performative="request",
        conversation_id="if://conversation/1",
        topic="if://topic/doors",
        trace_id="0123456789ab",
    )
    await hass.async_block_till_done()

    assert [event.data for event in events] == [
        {
            "entry_id": config_entry.entry_id,
            "device_id": hub.device_id_of_peer(STUDIO.peer_id),
            "peer_id": STUDIO.peer_id,
            "peer_name": "Studio",
            "role": "command",
            "performative": "request",
            "conversation_id": "if://conversation/1",
            "trace_id": "0123456789ab",
            "topic": "if://topic/doors",
            "sequence_num": message.sequence_num,
            "timestamp": message.timestamp.isoformat(),
            "ttl": 300,
            "scope": {
                "domain": "technical",
                "mission_id": "default",
                "priority": "medium",
                "workflow": "default",
            },
            "content": {"door": "open"},
            "truncated": False,
        }
    ]


@pytest.mark.parametrize(
    ("content", "truncated"),
    [
        ({"x": "a" * (MAX_EVENT_CONTENT - 8)}, False),
        ({"x": "a" * (MAX_EVENT_CONTENT - 7)}, True),
        # What counts is bytes, not characters.
        ({"x": "ä" * (MAX_EVENT_CONTENT // 2)}, True),
    ],
)
async def test_an_event_carries_at_most_8_kib_of_content(
    hass: HomeAssistant, node: FakeMeshNode, content: dict[str, Any], truncated: bool
) -> None:
    events = async_capture_events(hass, EVENT_MESSAGE)

    node.receive(STUDIO, content)
    await hass.async_block_till_done()

    (event,) = events
    assert event.data["truncated"] is truncated
    assert ("content" in event.data) is not truncated


async def test_listeners_hear_of_a_peer_after_its_device_exists_and_fail_alone(
    hass: HomeAssistant,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    hub: MeshHub,
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[NodeEvent] = []

    def broken(event: NodeEvent) -> None:
        raise RuntimeError("a fault of one listener")

    def careful(event: NodeEvent) -> None:
        if isinstance(event, PeerAdded):
            assert _device(hass, config_entry, event.peer.peer_id) is not None
        heard.append(event)

    remove_broken = hub.async_subscribe(broken)
    remove_careful = hub.async_subscribe(careful)
    view = node.add_peer(GARAGE, "Garage")

    assert heard == [PeerAdded(view)]
    assert "A listener failed on PeerAdded" in caplog.text
    caplog.clear()
    remove_broken()
    node.emit(ProblemsChanged(("clock_skew",)))
    assert heard[1:] == [ProblemsChanged(("clock_skew",))]
    assert not caplog.records
    remove_careful()
    node.emit(ProblemsChanged(()))
    assert len(heard) == 2


async def test_a_revoked_node_asks_for_a_new_invitation_once(
    hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode
) -> None:
    node.revoke_self()
    node.revoke_self()
    await hass.async_block_till_done()

    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == "reauth"
    assert flow["context"]["entry_id"] == config_entry.entry_id


async def test_figures_come_from_the_node(node: FakeMeshNode, hub: MeshHub) -> None:
    node.connect_peer(STUDIO.peer_id)

    assert hub.stats.peers_online == 1
    assert hub.peers[STUDIO.peer_id].connected
