"""A rule, added through its dialog, a phone with the companion app, and what it is pushed."""

from collections.abc import Callable, Coroutine
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker

from custom_components.infrafabric.const import DOMAIN
from custom_components.infrafabric.studio.model import OutputState
from homeassistant.config_entries import SOURCE_USER, ConfigSubentry, SubentryFlowResult
from homeassistant.const import Platform
from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from .conftest import STUDIO, FakeMeshNode
from .studio_fake import FakeStudioClient

PUSH_URL = "https://push.example/push"

type Add = Callable[..., Coroutine[Any, Any, ConfigSubentry]]


@pytest.fixture
async def peer(hass: HomeAssistant, config_entry: MockConfigEntry, node: FakeMeshNode) -> str:
    """Return the notify entity of a peer, which is connected."""
    await hass.config_entries.async_forward_entry_setups(config_entry, [Platform.NOTIFY])
    node.connect_peer(STUDIO.peer_id)
    await hass.async_block_till_done()
    return "notify.studio_notification"


@pytest.fixture
async def phone(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, hass_admin_user: MockUser
) -> str:
    """Return the device of a phone with the companion app, the administrator's."""
    return await add_phone(hass, aioclient_mock, hass_admin_user)


async def add_phone(
    hass: HomeAssistant, aioclient_mock: AiohttpClientMocker, user: MockUser
) -> str:
    """Register a phone as its companion app does; return its device."""
    limits = {"successful": 1, "errors": 0, "maximum": 150, "resetsAt": "2036-01-01T00:00:00.000Z"}
    aioclient_mock.post(PUSH_URL, status=201, json={"rateLimits": limits})
    entry = MockConfigEntry(
        domain="mobile_app",
        data={
            "app_data": {"push_token": "PUSH_TOKEN", "push_url": PUSH_URL},
            "app_id": "io.homeassistant.mobile_app",
            "app_name": "Companion",
            "app_version": "1.0",
            "device_id": "4d5e6f",
            "device_name": "Phone",
            "manufacturer": "Home Assistant",
            "model": "mobile_app",
            "os_name": "Linux",
            "os_version": "5.0.6",
            "secret": "123abc",
            "supports_encryption": False,
            "user_id": user.id,
            "webhook_id": "webhook_id",
        },
    )
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, "mobile_app", {})
    await hass.async_block_till_done()
    [device] = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device.id


@pytest.fixture
def pushes(aioclient_mock: AiohttpClientMocker) -> Callable[[], list[dict[str, Any]]]:
    """Return what takes the pushes since the last time."""
    seen = 0

    def take() -> list[dict[str, Any]]:
        nonlocal seen
        calls = [call[2] for call in aioclient_mock.mock_calls if str(call[1]) == PUSH_URL]
        seen, new = len(calls), calls[seen:]
        return new

    return take


def the_form(phone: str, *occasions: str, **changes: Any) -> dict[str, Any]:
    """Return what somebody fills in."""
    buttons = {"offered": [], "users": [], "dashboard": "/"} | changes.pop("buttons", {})
    look = {"priority": "normal"} | changes.pop("look", {})
    limits = {"quiet_time": 15, "rtt": 200, "loss": 5} | changes.pop("limits", {})
    return {
        "name": "Crew",
        "occasions": list(occasions),
        "phones": [phone],
        "buttons": buttons,
        "look": look,
        "limits": limits,
        **changes,
    }


async def begin(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "notification_rule"), context={"source": SOURCE_USER}
    )


async def submit(
    hass: HomeAssistant, result: SubentryFlowResult, form: dict[str, Any]
) -> SubentryFlowResult:
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], form)
    await hass.async_block_till_done()
    return result


@pytest.fixture
async def add(
    hass: HomeAssistant,
    phone: str,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
    surfaces: MockConfigEntry,
) -> Add:
    """Return what adds a rule through the dialog, told to the phone unless changed."""
    for key in ("stream", "record"):
        init_studio.output(key, OutputState.STOPPED)

    async def add_rule(*occasions: str, **changes: Any) -> ConfigSubentry:
        before = set(surfaces.subentries)
        result = await submit(
            hass, await begin(hass, surfaces), the_form(phone, *occasions, **changes)
        )
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        [new] = set(surfaces.subentries) - before
        return surfaces.subentries[new]

    return add_rule


def device_id(hass: HomeAssistant, identifier: str) -> str:
    for entry in hass.config_entries.async_entries(DOMAIN):
        device = dr.async_get(hass).async_get_device_by_identifier(
            (DOMAIN, identifier), entry.entry_id
        )
        if device is not None:
            return device.id
    raise AssertionError(identifier)


async def press(hass: HomeAssistant, action: str, user_id: str | None) -> None:
    hass.bus.async_fire(
        "mobile_app_notification_action", {"action": action}, context=Context(user_id=user_id)
    )
    await hass.async_block_till_done()


async def later(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float) -> None:
    freezer.tick(seconds)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
