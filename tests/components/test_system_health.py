"""System health."""

from typing import Any

import aiohttp
import google_crc32c
import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.infrafabric.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .conftest import GARAGE, STUDIO, FakeMeshNode
from .studio_fake import FakeStudioClient

HOME = "https://home.example/api/infrafabric/signal"
LAN = "http://192.168.1.10:8123/api/infrafabric/signal"
BOTH = (
    "wss://home.example/api/infrafabric/signal",
    "ws://192.168.1.10:8123/api/infrafabric/signal",
)


async def health(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the page shows when everything is known."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, DOMAIN)
    info["can_reach_signaling"] = await info["can_reach_signaling"]
    return info


async def test_it_tells_how_the_meshes_do(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, node: FakeMeshNode
) -> None:
    # What the signaling view says to somebody who does not speak WebSocket.
    aioclient_mock.get(HOME, status=400)
    node.set_stats(signaling_configured=BOTH[:1], signaling_connected=BOTH[:1])
    node.add_peer(GARAGE, "Garage")
    node.connect_peer(STUDIO.peer_id)

    info = await health(hass)

    assert info.pop("version") == "0.1.0"
    assert info.pop("aiortc_version") == "1.16.0"
    assert info == {
        "crc_implementation": f"google-crc32c ({google_crc32c.implementation})",
        "meshes": 1,
        "studios_connected": "0/0",
        "peers_online": "1/2",
        "signaling_connected": "1/1",
        "can_reach_signaling": "ok",
    }


async def test_a_replaced_crc_is_named(
    hass: HomeAssistant,
    aioclient_mock: AiohttpClientMocker,
    node: FakeMeshNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aioclient_mock.get(HOME)
    node.set_stats(signaling_configured=BOTH[:1])
    monkeypatch.setattr("aiortc.rtcsctptransport.crc32c", lambda _data: 0)

    assert (await health(hass))["crc_implementation"] == "crc32c (c)"


@pytest.mark.parametrize(
    ("home", "lan", "expected"),
    [
        ({"status": 503}, {"status": 400}, "ok"),
        ({"exc": aiohttp.ClientConnectionError()}, {"status": 400}, "1/2"),
        (
            {"exc": aiohttp.ClientConnectionError()},
            {"exc": aiohttp.ClientConnectionError()},
            {"type": "failed", "error": "unreachable"},
        ),
        (
            {"exc": TimeoutError()},
            {"exc": TimeoutError()},
            {"type": "failed", "error": "timeout"},
        ),
    ],
)
async def test_every_signaling_address_is_tried(
    hass: HomeAssistant,
    aioclient_mock: AiohttpClientMocker,
    node: FakeMeshNode,
    home: dict[str, Any],
    lan: dict[str, Any],
    expected: str | dict[str, str],
) -> None:
    node.set_stats(signaling_configured=BOTH, signaling_connected=BOTH[:1])
    aioclient_mock.get(HOME, **home)
    aioclient_mock.get(LAN, **lan)

    info = await health(hass)

    assert info["can_reach_signaling"] == expected
    assert info["signaling_connected"] == "1/2"
    # People post this page.
    assert "192.168" not in str(info)
    assert "home.example" not in str(info)


async def test_without_an_address_there_is_nothing_to_reach(
    hass: HomeAssistant, node: FakeMeshNode
) -> None:
    # The node is registered with the server that it hosts itself, which nobody can reach.
    node.set_stats(signaling_configured=(), signaling_connected=("local",))

    info = await health(hass)

    assert info["can_reach_signaling"] == {"type": "failed", "error": "no address"}
    assert info["signaling_connected"] == "0/0"


async def test_studios_are_counted_and_need_no_signaling(
    hass: HomeAssistant, init_studio: FakeStudioClient
) -> None:
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()

    info = await get_system_health_info(hass, DOMAIN)
    assert info["studios_connected"] == "1/1"
    assert info["meshes"] == 0
    assert "can_reach_signaling" not in info

    init_studio.disconnect()
    info = await get_system_health_info(hass, DOMAIN)
    assert info["studios_connected"] == "0/1"
    assert "obs.example" not in str(info)
