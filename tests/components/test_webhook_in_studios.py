"""What an inbound webhook does in studios that are there, whatever became of the others."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.const import CONF_KIND, DOMAIN, KIND_SURFACES
from custom_components.infrafabric.studio.model import OutputState, StudioKind
from custom_components.infrafabric.surfaces.webhooks.inbound.doing import ISSUE_MISSING
from custom_components.infrafabric.surfaces.webhooks.inbound.receiving import async_setup_inbound
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component

from .studio_fake import FakeStudioClient, obs_state
from .studio_world import add_studios, studio_clients, studio_entry
from .test_webhooks_in import a_body, a_hook, call

NAMES = ("Chapel", "Stage", "Truck [x]")
GONE = "0" * 32


class World:
    """Three OBS, all of which stream, and what asks for something in them."""

    clients: dict[str, FakeStudioClient]
    entries: dict[str, MockConfigEntry]
    devices: dict[str, str]
    client: Any

    def on_air(self) -> set[str]:
        return {
            name
            for name, client in self.clients.items()
            if client.studio.outputs["stream"].state is not OutputState.STOPPED
        }


@pytest.fixture
async def world(
    hass: HomeAssistant, tmp_path: Path, hass_client_no_auth: ClientSessionGenerator
) -> AsyncIterator[World]:
    hass.config.config_dir = str(tmp_path)
    assert await async_setup_component(hass, "webhook", {})
    world = World()
    world.clients = {name: FakeStudioClient(obs_state()) for name in NAMES}
    world.entries = {name: studio_entry(StudioKind.OBS, name) for name in NAMES}
    with (
        patch(f"custom_components.{DOMAIN}.async_add_card"),
        studio_clients(world.clients, []),
    ):
        devices = await add_studios(hass, *world.entries.values())
        world.devices = dict(zip(NAMES, devices, strict=True))
        for client in world.clients.values():
            client.output("stream", OutputState.ACTIVE)
        world.client = await hass_client_no_auth()
        yield world


@pytest.fixture
async def hook(hass: HomeAssistant, world: World) -> AsyncIterator[None]:
    """Let a webhook reach the three studios, and one that was deleted."""
    entry = MockConfigEntry(domain=DOMAIN, data={CONF_KIND: KIND_SURFACES})
    entry.add_to_hass(hass)
    hook = a_hook(studios=[GONE, *world.devices.values()])
    end = await async_setup_inbound(hass, entry, hook)
    yield
    await end()
    assert missing(hass) is None


def missing(hass: HomeAssistant) -> list[str] | None:
    """Return what the issue lists."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"{ISSUE_MISSING}_hook1")
    if issue is None:
        return None
    assert issue.translation_placeholders is not None
    return issue.translation_placeholders["missing"].split("\n")


@pytest.mark.parametrize("action", ["stop_stream", "emergency_stop"])
async def test_studios_that_are_gone_keep_no_other_from_acting(
    hass: HomeAssistant,
    world: World,
    hook: None,
    caplog: pytest.LogCaptureFixture,
    action: str,
) -> None:
    await hass.config_entries.async_set_disabled_by(
        world.entries["Chapel"].entry_id, ConfigEntryDisabler.USER
    )
    await hass.async_block_till_done()

    assert (await call(world.client, a_body(action)))[0] == 202
    await hass.async_block_till_done()

    assert world.on_air() == {"Chapel"}
    for name in (GONE, "Chapel"):
        assert f"{action} in {name}, asked for by the webhook Director: " in caplog.text


async def test_a_studio_that_fails_unexpectedly_keeps_no_other_from_acting(
    hass: HomeAssistant, world: World, hook: None, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(world.clients["Stage"], "stop_output", side_effect=ValueError("a bug")):
        assert (await call(world.client, a_body()))[0] == 202
        await hass.async_block_till_done()

    assert world.on_air() == {"Stage"}
    assert "stop_stream in Stage, asked for by the webhook Director, failed" in caplog.text


async def test_a_studio_that_is_gone_is_an_issue_until_it_is_back(
    hass: HomeAssistant, world: World, hook: None
) -> None:
    assert missing(hass) == [f"* {GONE}"]

    truck = world.entries["Truck [x]"]
    await hass.config_entries.async_set_disabled_by(truck.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    assert missing(hass) == [f"* {GONE}", "* Truck &#91;x&#93;"]

    await hass.config_entries.async_set_disabled_by(truck.entry_id, None)
    dr.async_get(hass).async_update_device(world.devices["Stage"], name_by_user="Main stage")
    await hass.config_entries.async_remove(world.entries["Chapel"].entry_id)
    await hass.async_block_till_done()
    assert missing(hass) == [f"* {GONE}", f"* {world.devices['Chapel']}"]
