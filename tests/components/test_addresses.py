"""Which signaling addresses others are told, and which servers help links through."""

from typing import Any
from unittest.mock import patch

import pytest
from webrtc_models import RTCIceServer

from custom_components.infrafabric.addresses import (
    Reach,
    is_private,
    reach_of,
    signaling_url,
    signaling_urls,
)
from custom_components.infrafabric.forms import plain
from custom_components.infrafabric.ice import IceSource
from custom_components.infrafabric.mesh.link.ice import IceServer
from homeassistant.components.web_rtc import async_register_ice_servers
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

PATH = "/api/infrafabric/signal"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://home.example", f"wss://home.example{PATH}"),
        (" http://192.168.1.2:8123/ ", f"ws://192.168.1.2:8123{PATH}"),
        ("wss://agent.example:9000/signal", "wss://agent.example:9000/signal"),
        ("ws://[fd00::1]:8123", f"ws://[fd00::1]:8123{PATH}"),
        ("https://bücher.example", f"wss://xn--bcher-kva.example{PATH}"),
    ],
)
def test_an_address_becomes_that_of_a_websocket(text: str, url: str) -> None:
    assert signaling_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "home.example",
        "ftp://home.example",
        "https://",
        "https://user@home.example",
        "https://:secret@home.example",
        "https://home.example/?token=1",
        "https://home.example/#x",
        "https://home.example:0",
        "https://home.example/" + "x" * 300,
        "",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        signaling_url(text)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("ws://192.168.1.2:8123/", True),
        ("ws://10.0.0.1/", True),
        ("ws://127.0.0.1/", True),
        ("ws://[fd00::1]/", True),
        ("ws://100.64.0.1/", True),
        ("ws://homeassistant.local/", True),
        ("ws://homeassistant/", True),
        ("wss://nas.fritz.box/", True),
        ("wss://home.example/", False),
        ("ws://8.8.8.8/", False),
        ("ws://[2001:4860:4860::8888]/", False),
    ],
)
def test_private_addresses_are_told_from_public_ones(url: str, private: bool) -> None:
    assert is_private(url) is private


def test_one_public_address_is_enough() -> None:
    assert reach_of([]) is Reach.NOWHERE
    assert reach_of(["ws://10.0.0.1/"]) is Reach.PRIVATE
    assert reach_of(["ws://10.0.0.1/", "wss://home.example/"]) is Reach.PUBLIC


async def test_own_addresses_come_first_then_external_cloud_and_internal(
    hass: HomeAssistant,
) -> None:
    hass.config.internal_url = "http://192.168.1.2:8123"
    hass.config.external_url = "https://home.example"
    hass.config.components.add("cloud")
    own = "wss://agent.example/signal"

    with patch(
        "homeassistant.components.cloud.async_remote_ui_url",
        return_value="https://me.ui.nabu.casa",
    ):
        urls = signaling_urls(hass, {"signaling_urls": [own]})

    assert urls == (
        own,
        f"wss://home.example{PATH}",
        f"wss://me.ui.nabu.casa{PATH}",
        f"ws://192.168.1.2:8123{PATH}",
    )


async def test_an_address_is_named_once(hass: HomeAssistant) -> None:
    hass.config.internal_url = "https://home.example"
    hass.config.external_url = "https://home.example"

    assert signaling_urls(hass, {"signaling_urls": [f"wss://home.example{PATH}"]}) == (
        f"wss://home.example{PATH}",
    )


@pytest.mark.parametrize(("use_ssl", "scheme"), [(False, "ws"), (True, "wss")])
async def test_without_an_internal_url_the_machine_s_own_address_serves(
    hass: HomeAssistant, use_ssl: bool, scheme: str
) -> None:
    assert await async_setup_component(hass, "http", {})
    assert hass.config.api is not None
    hass.config.api.use_ssl = use_ssl
    hass.config.api.local_ip = "192.168.1.2"

    assert signaling_urls(hass, {}) == (f"{scheme}://192.168.1.2:{hass.config.api.port}{PATH}",)


def test_names_of_others_are_shown_letter_by_letter() -> None:
    assert plain("Bob's Studio 2") == "Bob's Studio 2"
    assert plain("[a](b)<i>*_`") == ("&#91;a&#93;&#40;b&#41;&#60;i&#62;&#42;&#95;&#96;")
    assert plain("www.evil.example") == "www&#46;evil&#46;example"
    # Already escaped text stays what it was: text.
    assert plain("&lt;") == "&#38;lt;"


# -- ICE servers ------------------------------------------------------------------------------

TURN = {"url": "turn:turn.example:3478", "username": "me", "credential": "secret"}
OWN_SERVER = IceServer(url="turn:turn.example:3478", username="me", credential="secret")


@pytest.mark.parametrize(
    ("options", "servers"),
    [
        (
            {},
            [
                IceServer(url="stun:stun.home-assistant.io:3478"),
                IceServer(url="stun:stun.home-assistant.io:80"),
                IceServer(url="turns:cloud.example:443", username="u1", credential="c1"),
            ],
        ),
        (
            {"ice": "home_assistant", "ice_servers": [TURN]},
            [
                OWN_SERVER,
                IceServer(url="stun:stun.home-assistant.io:3478"),
                IceServer(url="stun:stun.home-assistant.io:80"),
                IceServer(url="turns:cloud.example:443", username="u1", credential="c1"),
            ],
        ),
        ({"ice": "own", "ice_servers": [TURN]}, [OWN_SERVER]),
        ({"ice": "none", "ice_servers": [TURN]}, []),
    ],
)
async def test_ice_servers_are_home_assistant_s_the_user_s_or_none(
    hass: HomeAssistant, options: dict[str, Any], servers: list[IceServer]
) -> None:
    assert await async_setup_component(hass, "web_rtc", {})
    async_register_ice_servers(hass, lambda: [RTCIceServer("turns:cloud.example:443", "u1", "c1")])

    assert list(await IceSource.from_options(hass, options)()) == servers


async def test_short_lived_credentials_are_fetched_for_each_dial(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "web_rtc", {})
    credentials = iter(["first", "second"])
    async_register_ice_servers(
        hass, lambda: [RTCIceServer("turn:cloud.example", "u", next(credentials))]
    )
    source = IceSource.from_options(hass, {})

    assert (await source())[-1].credential == "first"
    assert (await source())[-1].credential == "second"


async def test_unchanged_options_are_no_new_source(hass: HomeAssistant) -> None:
    # The node looks for better paths when it gets another source.
    options = {"ice": "own", "ice_servers": [TURN]}

    assert IceSource.from_options(hass, options) == IceSource.from_options(hass, dict(options))
    assert IceSource.from_options(hass, options) != IceSource.from_options(hass, {"ice": "own"})
    assert "secret" not in repr(IceSource.from_options(hass, options))
