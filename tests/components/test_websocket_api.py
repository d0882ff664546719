"""The feed of the dashboard card: a snapshot, then what changes, and nothing left behind."""

from dataclasses import replace
from datetime import UTC, datetime
import json
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import (
    MockHAClientWebSocket,
    WebSocketGenerator,
)

from custom_components.infrafabric import mesh_feed, websocket_api
from custom_components.infrafabric.mesh.model import Band, Path, Quality, Role
from custom_components.infrafabric.mesh.overlay.beacon import Beacon, BeaconLink
from custom_components.infrafabric.mesh.trust.identity import Identity
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from .conftest import GARAGE, OWN, SECRET, STUDIO, FakeMeshes, FakeMeshNode, a_peer

CABIN = Identity(bytes([4]) * 32)


def a_beacon(identity: Identity, *links: BeaconLink, number: int = 1) -> Beacon:
    return Beacon(
        peer_id=identity.peer_id,
        name="Whoever",
        named_at=0,
        software="made up",
        capabilities=("secret-capability",),
        urls=("wss://10.11.12.13/api/infrafabric/signal",),
        links=links,
        at=1_700_000_000 + number,
        number=number,
    )


def a_link(identity: Identity, rtt_ms: int | None = 20, path: Path = Path.DIRECT_WAN) -> BeaconLink:
    return BeaconLink(peer_id=identity.peer_id, rtt_ms=rtt_ms, path=path)


class Viewer:
    """Somebody who looks at a mesh through the real WebSocket API."""

    def __init__(self, hass: HomeAssistant, client: MockHAClientWebSocket) -> None:
        self.hass = hass
        self.client = client
        self.number = 0

    async def subscribe(self, **fields: Any) -> dict[str, Any]:
        await self.client.send_json_auto_id({"type": "infrafabric/mesh/subscribe", **fields})
        answer = await self.client.receive_json()
        self.number = answer["id"]
        return answer

    async def event(self) -> dict[str, Any]:
        message = await self.client.receive_json()
        assert message["type"] == "event"
        assert message["id"] == self.number
        return message["event"]

    async def changes(self) -> dict[str, Any]:
        """Let the time pass that changes are collected for, and return them."""
        async_fire_time_changed(self.hass, dt_util.utcnow())
        await self.hass.async_block_till_done()
        event = await self.event()
        assert event.pop("type") == "changes"
        return event

    async def nothing(self) -> None:
        """Check that nothing is on its way: the next thing heard is an answer."""
        async_fire_time_changed(self.hass, dt_util.utcnow())
        await self.hass.async_block_till_done()
        await self.client.send_json_auto_id({"type": "ping"})
        assert (await self.client.receive_json())["type"] == "pong"

    async def end(self) -> None:
        await self.client.send_json_auto_id(
            {"type": "unsubscribe_events", "subscription": self.number}
        )
        while (message := await self.client.receive_json())["type"] == "event":
            pass
        assert message["success"]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not make the tests wait for changes to be collected."""
    monkeypatch.setattr(mesh_feed, "FEED_INTERVAL", 0)


@pytest.fixture
async def viewer(
    hass: HomeAssistant, node: FakeMeshNode, hass_ws_client: WebSocketGenerator
) -> Viewer:
    return Viewer(hass, await hass_ws_client(hass))


def listeners(hass: HomeAssistant, config_entry: MockConfigEntry) -> int:
    return len(config_entry.runtime_data._listeners)


async def test_a_snapshot_says_who_is_there_and_how_they_are_linked(
    viewer: Viewer, node: FakeMeshNode, config_entry: MockConfigEntry
) -> None:
    node.connect_peer(STUDIO.peer_id)
    node.add_peer(GARAGE, "Garage", last_seen=datetime(2026, 1, 2, tzinfo=UTC), role=Role.COMMAND)

    answer = await viewer.subscribe()
    assert answer["result"] == {"entry_id": config_entry.entry_id}
    snapshot = await viewer.event()

    assert snapshot["type"] == "snapshot"
    assert snapshot["node"] == {
        "n": 0,
        "id": OWN.peer_id,
        "name": "Home",
        "device_id": config_entry.runtime_data.node_device_id,
        "entry_id": config_entry.entry_id,
        "mesh": "Family",
        "fingerprint": node.mesh_fingerprint,
        "can_invite": True,
    }
    studio, garage = snapshot["peers"]
    assert studio == {
        "n": 1,
        "id": STUDIO.peer_id,
        "name": "Studio",
        "device_id": config_entry.runtime_data.device_id_of_peer(STUDIO.peer_id),
        "role": "observe",
        "state": "connected",
        "path": "direct_lan",
        "band": "excellent",
        "score": 95,
        "rtt_ms": 12,
        "loss_percent": 0.0,
        "last_seen": None,
    }
    assert garage["state"] == "down"
    assert garage["band"] == "unknown"
    assert garage["rtt_ms"] is None
    assert garage["last_seen"] == "2026-01-02T00:00:00+00:00"
    assert snapshot["links"] == [[0, 1, 12, "direct_lan", "excellent", "own", None]]


async def test_links_between_others_come_from_their_beacons(
    viewer: Viewer, node: FakeMeshNode
) -> None:
    node.add_peer(GARAGE, "Garage")
    node.add_peer(CABIN, "Cabin", path=Path.ROUTED)
    node.beacons = {
        OWN.peer_id: a_beacon(OWN, a_link(STUDIO)),
        STUDIO.peer_id: a_beacon(
            STUDIO,
            a_link(OWN, 1),
            a_link(GARAGE, 120),
            a_link(CABIN, None, Path.TURN_UDP),
            a_link(STUDIO, 1),
            a_link(Identity(bytes([8]) * 32), 3),
        ),
        GARAGE.peer_id: a_beacon(GARAGE, a_link(STUDIO, 300), number=2),
        CABIN.peer_id: a_beacon(CABIN, a_link(GARAGE, 5, Path.DOWN)),
        "nobody": a_beacon(Identity(bytes([7]) * 32), a_link(STUDIO)),
    }

    await viewer.subscribe()
    snapshot = await viewer.event()

    assert sorted(snapshot["links"]) == [
        # The newer of two reports counts, and that there are two; of its quality nothing but
        # the round trip is known.
        [1, 2, 300, "direct_wan", "good", "both", None],
        [1, 3, None, "turn_udp", "unknown", "first", None],
    ]
    assert [peer["state"] for peer in snapshot["peers"]] == ["down", "down", "routed"]


async def test_only_what_changed_is_told_and_several_changes_are_told_together(
    viewer: Viewer, node: FakeMeshNode
) -> None:
    node.add_peer(GARAGE, "Garage")
    await viewer.subscribe()
    await viewer.event()

    node.connect_peer(STUDIO.peer_id)
    node.add_peer(CABIN, "Cabin")
    changes = await viewer.changes()

    assert [(peer["n"], peer["name"], peer["state"]) for peer in changes["peers"]] in (
        [(1, "Studio", "connected"), (3, "Cabin", "down")],
        [(3, "Cabin", "down"), (1, "Studio", "connected")],
    )
    assert changes.keys() == {"peers", "links"}
    assert changes["links"] == [[0, 1, 12, "direct_lan", "excellent", "own", None]]

    node.disconnect_peer(STUDIO.peer_id)
    node.remove_peer(GARAGE.peer_id)
    changes = await viewer.changes()
    assert [(peer["n"], peer["state"]) for peer in changes["peers"]] == [(1, "down")]
    assert changes["peers_removed"] == [2]
    assert changes["links_removed"] == [[0, 1]]


async def test_a_measurement_that_looks_the_same_is_not_told(
    viewer: Viewer, node: FakeMeshNode
) -> None:
    view = node.connect_peer(STUDIO.peer_id)
    await viewer.subscribe()
    await viewer.event()

    node.change_peer(
        STUDIO.peer_id,
        quality=replace(view.quality, rtt_ms=12.4, jitter_ms=1.7),
        last_seen=datetime.now(UTC),
    )
    await viewer.nothing()

    node.change_peer(STUDIO.peer_id, quality=Quality(rtt_ms=4.44, band=Band.GOOD, score=70))
    changes = await viewer.changes()
    assert changes["peers"][0]["rtt_ms"] == 4.4
    assert changes["links"] == [[0, 1, 4.4, "direct_lan", "good", "own", None]]


async def test_new_beacons_are_told_with_the_next_statistics(
    viewer: Viewer, node: FakeMeshNode
) -> None:
    node.add_peer(GARAGE, "Garage")
    await viewer.subscribe()
    await viewer.event()

    node.beacons = {STUDIO.peer_id: a_beacon(STUDIO, a_link(GARAGE))}
    node.set_stats()
    assert await viewer.changes() == {
        "links": [[1, 2, 20, "direct_wan", "excellent", "first", None]]
    }

    # The same beacon again is no news, a newer one is.
    node.set_stats()
    await viewer.nothing()
    node.beacons = {STUDIO.peer_id: a_beacon(STUDIO, number=2)}
    node.set_stats()
    assert await viewer.changes() == {"links_removed": [[1, 2]]}


async def test_a_link_of_others_that_one_end_alone_reports_says_which(
    viewer: Viewer, node: FakeMeshNode
) -> None:
    node.add_peer(GARAGE, "Garage")
    node.beacons = {GARAGE.peer_id: a_beacon(GARAGE, a_link(STUDIO))}
    await viewer.subscribe()
    assert [link[5] for link in (await viewer.event())["links"]] == ["second"]

    node.beacons[STUDIO.peer_id] = a_beacon(STUDIO, a_link(GARAGE))
    node.set_stats()
    assert [link[5] for link in (await viewer.changes())["links"]] == ["both"]

    # Newer beacons in another order say the same.
    node.beacons = {
        STUDIO.peer_id: a_beacon(STUDIO, a_link(GARAGE), number=3),
        GARAGE.peer_id: a_beacon(GARAGE, a_link(STUDIO), number=2),
    }
    node.set_stats()
    await viewer.nothing()


async def test_a_proof_of_delivery_is_told_once_a_minute_however_much_is_sent(
    viewer: Viewer, node: FakeMeshNode
) -> None:
    node.add_peer(GARAGE, "Garage")
    node.connect_peer(STUDIO.peer_id)
    await viewer.subscribe()
    await viewer.event()

    node.delivered = {STUDIO.peer_id: 1_700_000_000.5}
    # A message alone is no news; the statistics that come every few seconds bring it.
    await viewer.nothing()
    node.set_stats()
    proven = [0, 1, 12, "direct_lan", "excellent", "own", 1_700_000_000]
    assert await viewer.changes() == {"links": [proven]}

    node.delivered = {STUDIO.peer_id: 1_700_000_059.9}
    node.set_stats()
    await viewer.nothing()
    node.delivered = {STUDIO.peer_id: 1_700_000_060.1}
    node.set_stats()
    assert await viewer.changes() == {"links": [[*proven[:6], 1_700_000_060]]}

    # What the last link proved is no proof of the next.
    node.delivered = {}
    node.set_stats()
    assert (await viewer.changes())["links"][0][6] is None


async def test_names_that_the_user_gave_are_shown_and_followed(
    hass: HomeAssistant,
    viewer: Viewer,
    config_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    hub = config_entry.runtime_data
    studio = hub.device_id_of_peer(STUDIO.peer_id)
    device_registry.async_update_device(studio, name_by_user="Attic")
    await hass.async_block_till_done()
    await viewer.subscribe()
    assert (await viewer.event())["peers"][0]["name"] == "Attic"

    device_registry.async_update_device(studio, name_by_user=None)
    device_registry.async_update_device(hub.node_device_id, name_by_user="Base")
    changes = await viewer.changes()
    assert changes["peers"][0]["name"] == "Studio"
    assert changes["node"]["name"] == "Base"

    other = device_registry.async_get_or_create(
        config_entry_id=config_entry.entry_id, identifiers={("infrafabric", "other")}
    )
    device_registry.async_update_device(other.id, name_by_user="Whatever")
    await viewer.nothing()


async def test_somebody_who_comes_back_gets_another_number(
    viewer: Viewer, node: FakeMeshNode
) -> None:
    await viewer.subscribe()
    await viewer.event()

    node.remove_peer(STUDIO.peer_id)
    assert await viewer.changes() == {"peers_removed": [1]}
    node.add_peer(STUDIO, "Studio")
    assert [peer["n"] for peer in (await viewer.changes())["peers"]] == [2]


async def test_somebody_who_looks_later_sees_what_everybody_sees(
    hass: HomeAssistant,
    viewer: Viewer,
    node: FakeMeshNode,
    hass_ws_client: WebSocketGenerator,
) -> None:
    await viewer.subscribe()
    await viewer.event()
    node.connect_peer(STUDIO.peer_id)

    second = Viewer(hass, await hass_ws_client(hass))
    await second.subscribe()
    assert (await second.event())["peers"][0]["state"] == "connected"
    # The first one is told before, so that both have the same picture.
    assert (await viewer.event())["peers"][0]["state"] == "connected"
    node.disconnect_peer(STUDIO.peer_id)
    assert (await viewer.changes())["peers"] == (await second.event())["peers"]


async def test_a_reload_of_the_mesh_is_told_and_followed(
    hass: HomeAssistant,
    viewer: Viewer,
    meshes: FakeMeshes,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
) -> None:
    await viewer.subscribe()
    await viewer.event()

    await hass.config_entries.async_unload(config_entry.entry_id)
    assert await viewer.event() == {"type": "unavailable"}
    assert node.subscribers == 0
    assert hass.data[websocket_api._FEEDS] == {}

    with patch("custom_components.infrafabric.PLATFORMS", []):
        await hass.config_entries.async_setup(config_entry.entry_id)
        await hass.async_block_till_done()
    assert (await viewer.event())["type"] == "snapshot"
    meshes.node.connect_peer(STUDIO.peer_id)
    assert (await viewer.changes())["peers"][0]["state"] == "connected"


async def test_a_mesh_that_is_not_loaded_is_unavailable_until_it_is(
    hass: HomeAssistant, viewer: Viewer, config_entry: MockConfigEntry
) -> None:
    await hass.config_entries.async_unload(config_entry.entry_id)

    assert (await viewer.subscribe(entry_id=config_entry.entry_id))["success"]
    assert await viewer.event() == {"type": "unavailable"}
    await hass.config_entries.async_remove(config_entry.entry_id)
    await viewer.nothing()


@pytest.mark.parametrize("fields", [{"entry_id": "unknown"}, {"entry_id": "obs"}])
async def test_what_is_no_mesh_has_no_feed(
    hass: HomeAssistant, viewer: Viewer, fields: dict[str, Any]
) -> None:
    MockConfigEntry(domain="infrafabric", entry_id="obs", data={"kind": "obs"}).add_to_hass(hass)

    answer = await viewer.subscribe(**fields)
    assert not answer["success"]
    assert answer["error"]["code"] == "not_found"


async def test_the_mesh_that_runs_is_meant_when_none_is_named(
    hass: HomeAssistant, viewer: Viewer, config_entry: MockConfigEntry
) -> None:
    MockConfigEntry(
        domain="infrafabric", entry_id="aaa", title="A", data={"kind": "mesh"}
    ).add_to_hass(hass)

    assert (await viewer.subscribe())["result"] == {"entry_id": config_entry.entry_id}


async def test_unsubscribing_and_closing_leave_no_listener(
    hass: HomeAssistant,
    viewer: Viewer,
    config_entry: MockConfigEntry,
    node: FakeMeshNode,
    hass_ws_client: WebSocketGenerator,
) -> None:
    before = listeners(hass, config_entry)
    await viewer.subscribe()
    await viewer.event()
    second = Viewer(hass, await hass_ws_client(hass))
    await second.subscribe()
    await second.event()
    # However many look, the mesh is watched once.
    assert listeners(hass, config_entry) == before + 1

    node.connect_peer(STUDIO.peer_id)
    await viewer.end()
    assert listeners(hass, config_entry) == before + 1
    await second.client.close()
    await hass.async_block_till_done()

    assert listeners(hass, config_entry) == before
    assert hass.data[websocket_api._FEEDS] == {}
    # What was waiting to be told is told to nobody.
    await viewer.nothing()


async def test_somebody_without_admin_rights_may_look_and_sees_nothing_secret(
    hass: HomeAssistant,
    node: FakeMeshNode,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
) -> None:
    await node.create_invitation()
    node.connect_peer(STUDIO.peer_id)
    node.beacons = {STUDIO.peer_id: a_beacon(STUDIO, a_link(OWN))}
    viewer = Viewer(hass, await hass_ws_client(hass, hass_read_only_access_token))

    assert (await viewer.subscribe())["success"]
    text = json.dumps(await viewer.event())

    assert "10.11.12.13" not in text
    assert "signal" not in text
    assert "secret-capability" not in text
    assert SECRET.hex() not in text
    assert OWN.public_key.hex() not in text
    assert "Studio" in text


async def test_a_node_that_is_no_admin_of_its_mesh_offers_no_invitation(
    hass: HomeAssistant,
    meshes: FakeMeshes,
    config_entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    meshes.role = Role.OBSERVE
    config_entry.add_to_hass(hass)
    with patch("custom_components.infrafabric.PLATFORMS", []):
        await hass.config_entries.async_setup(config_entry.entry_id)
    viewer = Viewer(hass, await hass_ws_client(hass))

    await viewer.subscribe()
    assert (await viewer.event())["node"]["can_invite"] is False


async def test_no_more_links_are_told_than_a_picture_can_bear(
    viewer: Viewer, node: FakeMeshNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mesh_feed, "MAX_FEED_LINKS", 2)
    node.connect_peer(STUDIO.peer_id)
    others = [Identity(bytes([number]) * 32) for number in range(20, 24)]
    for number, identity in enumerate(others):
        node.peers[identity.peer_id] = a_peer(identity, f"Peer {number}")
    node.beacons = {STUDIO.peer_id: a_beacon(STUDIO, *map(a_link, others))}

    await viewer.subscribe()
    links = (await viewer.event())["links"]

    assert len(links) == 2
    assert links[0][5] == "own"
