"""The signaling server at /api/infrafabric/signal."""

from http import HTTPStatus
from unittest.mock import patch

from aiohttp import WSMsgType
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.const import DOMAIN, SIGNAL_PATH
from custom_components.infrafabric.signaling_view import async_get_room
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .conftest import MESH_ID, FakeMeshes, FakeMeshNode

HELLO = {"t": "hello", "v": 1, "mesh": MESH_ID, "nonce": "AAAAAAAAAAAAAAAAAAAAAA=="}


async def test_it_says_unavailable_while_no_mesh_is_loaded(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    client = await hass_client_no_auth()

    response = await client.get(SIGNAL_PATH)

    assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert await response.json() == {"message": "No mesh is loaded"}


async def test_a_member_needs_no_user_of_home_assistant_but_meets_the_mesh_s_challenge(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator, node: FakeMeshNode
) -> None:
    client = await hass_client_no_auth()

    async with client.ws_connect(SIGNAL_PATH) as socket:
        await socket.send_json(HELLO)
        answer = await socket.receive_json()

    assert answer["t"] == "challenge"


async def test_what_is_no_websocket_is_told_so(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator, node: FakeMeshNode
) -> None:
    client = await hass_client_no_auth()

    response = await client.get(SIGNAL_PATH)

    assert response.status == HTTPStatus.UPGRADE_REQUIRED


async def test_all_meshes_share_one_server_that_ends_with_the_last(
    hass: HomeAssistant,
    hass_client_no_auth: ClientSessionGenerator,
    config_entry: MockConfigEntry,
    meshes: FakeMeshes,
    node: FakeMeshNode,
) -> None:
    server = meshes.load_arguments["server"]
    other = MockConfigEntry(
        domain=DOMAIN,
        data={**config_entry.data, "mesh_id": "b" * 32},
        options={"signaling_urls": ["wss://other.example/signal"]},
    )
    other.add_to_hass(hass)
    with patch("custom_components.infrafabric.PLATFORMS", []):
        assert await hass.config_entries.async_setup(other.entry_id)
    assert meshes.load_arguments["server"] is server
    room = async_get_room(hass)
    # Whoever dialled an address of any of the meshes came to the right place.
    assert {
        "wss://home.example/api/infrafabric/signal",
        "wss://other.example/signal",
    } <= room._urls()

    client = await hass_client_no_auth()
    async with client.ws_connect(SIGNAL_PATH) as socket:
        await hass.config_entries.async_unload(config_entry.entry_id)
        await socket.send_json(HELLO)
        assert (await socket.receive_json())["t"] == "challenge"

        await hass.config_entries.async_unload(other.entry_id)
        message = await socket.receive(timeout=20)
        assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING)

    response = await client.get(SIGNAL_PATH)
    assert response.status == HTTPStatus.SERVICE_UNAVAILABLE

    with patch("custom_components.infrafabric.PLATFORMS", []):
        assert await hass.config_entries.async_setup(other.entry_id)
    assert meshes.load_arguments["server"] is not server
    async with client.ws_connect(SIGNAL_PATH) as socket:
        await socket.send_json(HELLO)
        assert (await socket.receive_json())["t"] == "challenge"
