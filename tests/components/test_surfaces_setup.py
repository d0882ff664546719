"""The entry for notifications and webhooks: one, and each of its subentries lives by itself."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric import async_remove_config_entry_device
from custom_components.infrafabric.const import CONF_KIND, DOMAIN, KIND_SURFACES
from custom_components.infrafabric.surfaces import setup
from custom_components.infrafabric.surfaces.setup import SubentryType, SurfacesConfigEntry, Unload
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
    ConfigSubentryFlow,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from .conftest import FakeMeshNode
from .studio_fake import FakeStudioClient
from .webhook_world import until


class Log(list[str]):
    """What subentries of the type "noted" do, in order."""

    async def set_up(
        self, _hass: HomeAssistant, _entry: SurfacesConfigEntry, subentry: ConfigSubentry
    ) -> Unload:
        title = subentry.title
        if subentry.data.get("breaks"):
            raise ValueError(title)
        self.append(f"{title} begins")

        def unload() -> Coroutine[Any, Any, None] | None:
            self.append(f"{title} ends")
            if subentry.data.get("sticks"):
                raise ValueError(title)
            return self.last_words(title) if subentry.data.get("slow") else None

        return unload

    async def last_words(self, title: str) -> None:
        self.append(f"{title} is done")

    def taken(self) -> list[str]:
        """Return what was done since the last time."""
        taken = list(self)
        self.clear()
        return taken


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Let there be a type of subentry that notes what becomes of it."""
    log = Log()
    monkeypatch.setattr(
        setup, "SUBENTRIES", {"noted": SubentryType(ConfigSubentryFlow, log.set_up)}
    )
    return log


def noted(title: str, subentry_type: str = "noted", **data: Any) -> ConfigSubentryData:
    return ConfigSubentryData(data=data, subentry_type=subentry_type, title=title, unique_id=None)


@pytest.fixture
def surfaces_entry() -> MockConfigEntry:
    return MockConfigEntry(
        domain=DOMAIN,
        title="Notifications and webhooks",
        unique_id=KIND_SURFACES,
        data={CONF_KIND: KIND_SURFACES},
        subentries_data=[noted("A"), noted("B")],
    )


def subentry_of(entry: MockConfigEntry, title: str) -> ConfigSubentry:
    return next(each for each in entry.subentries.values() if each.title == title)


# -- adding the entry -------------------------------------------------------------------------


async def add(hass: HomeAssistant) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    return await hass.config_entries.flow.async_configure(
        result["flow_id"], {"next_step_id": "surfaces"}
    )


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Notifications and webhooks"),
        ("de", "Benachrichtigungen und Webhooks"),
        ("fr", "Notifications et webhooks"),
    ],
)
async def test_the_entry_is_added_with_a_title_that_people_understand(
    hass: HomeAssistant, language: str, title: str
) -> None:
    hass.config.language = language
    result = await add(hass)
    await hass.async_block_till_done()

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == title
    assert result["data"] == {CONF_KIND: KIND_SURFACES}
    assert result["result"].state is ConfigEntryState.LOADED
    assert result["result"].supports_options is False


async def test_there_is_one_entry_only(hass: HomeAssistant, surfaces: MockConfigEntry) -> None:
    result = await add(hass)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "surfaces_exist"


async def test_the_entry_itself_has_nothing_to_change(
    hass: HomeAssistant, surfaces: MockConfigEntry
) -> None:
    result = await surfaces.start_reconfigure_flow(hass)

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "surfaces_reconfigure"


async def test_only_this_entry_has_subentries(
    hass: HomeAssistant,
    surfaces: MockConfigEntry,
    config_entry: MockConfigEntry,
    studio_entry: MockConfigEntry,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
) -> None:
    assert set(surfaces.supported_subentry_types) == set(setup.SUBENTRIES)
    assert config_entry.supported_subentry_types == studio_entry.supported_subentry_types == {}
    assert config_entry.supports_options
    assert studio_entry.supports_options


# -- subentries -------------------------------------------------------------------------------


async def test_every_subentry_runs_until_the_entry_is_unloaded(
    hass: HomeAssistant, log: Log, surfaces: MockConfigEntry
) -> None:
    assert log.taken() == ["A begins", "B begins"]

    assert await hass.config_entries.async_unload(surfaces.entry_id)
    assert log.taken() == ["A ends", "B ends"]
    assert surfaces.state is ConfigEntryState.NOT_LOADED


async def test_a_changed_subentry_is_set_up_again_and_no_other(
    hass: HomeAssistant, log: Log, surfaces: MockConfigEntry
) -> None:
    log.taken()
    hass.config_entries.async_update_subentry(
        surfaces, subentry_of(surfaces, "B"), data={"what": "else"}
    )
    await hass.async_block_till_done()
    assert log.taken() == ["B ends", "B begins"]

    hass.config_entries.async_update_subentry(surfaces, subentry_of(surfaces, "B"), title="C")
    await hass.async_block_till_done()
    assert log.taken() == ["B ends", "C begins"]


async def test_a_new_subentry_begins_and_a_removed_one_ends_and_no_other(
    hass: HomeAssistant, log: Log, surfaces: MockConfigEntry
) -> None:
    log.taken()
    hass.config_entries.async_add_subentry(surfaces, ConfigSubentry(**noted("C", slow=True)))
    await hass.async_block_till_done()
    assert log.taken() == ["C begins"]

    hass.config_entries.async_remove_subentry(surfaces, subentry_of(surfaces, "C").subentry_id)
    await hass.async_block_till_done()
    assert log.taken() == ["C ends", "C is done"]


async def test_what_changes_while_the_entry_is_set_up_is_followed(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, surfaces_entry: MockConfigEntry
) -> None:
    log, opened = Log(), asyncio.Event()

    async def slow(
        hass: HomeAssistant, entry: SurfacesConfigEntry, subentry: ConfigSubentry
    ) -> Unload:
        unload = await log.set_up(hass, entry, subentry)
        # Say, its file is being opened.
        await opened.wait()
        return unload

    monkeypatch.setattr(setup, "SUBENTRIES", {"noted": SubentryType(ConfigSubentryFlow, slow)})
    surfaces_entry.add_to_hass(hass)
    setting_up = hass.async_create_task(hass.config_entries.async_setup(surfaces_entry.entry_id))
    await until(lambda: log == ["A begins"])
    removed = subentry_of(surfaces_entry, "A").subentry_id
    hass.config_entries.async_remove_subentry(surfaces_entry, removed)
    hass.config_entries.async_add_subentry(surfaces_entry, ConfigSubentry(**noted("C")))
    opened.set()
    assert await setting_up
    await hass.async_block_till_done()

    assert log == ["A begins", "B begins", "A ends", "C begins"]
    assert surfaces_entry.runtime_data.running == set(surfaces_entry.subentries)


async def test_a_changed_title_of_the_entry_changes_no_subentry(
    hass: HomeAssistant, log: Log, surfaces: MockConfigEntry
) -> None:
    log.taken()
    hass.config_entries.async_update_entry(surfaces, title="Alerts")
    await hass.async_block_till_done()

    assert log.taken() == []


async def test_a_subentry_that_fails_keeps_no_other_from_running(
    hass: HomeAssistant, log: Log, surfaces: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    log.taken()
    hass.config_entries.async_add_subentry(surfaces, ConfigSubentry(**noted("X", breaks=True)))
    hass.config_entries.async_add_subentry(surfaces, ConfigSubentry(**noted("Y", sticks=True)))
    hass.config_entries.async_add_subentry(surfaces, ConfigSubentry(**noted("Z", "of_the_future")))
    await hass.async_block_till_done()
    assert log.taken() == ["Y begins"]
    assert "X could not be set up" in caplog.text

    assert await hass.config_entries.async_unload(surfaces.entry_id)
    assert log.taken() == ["A ends", "B ends", "Y ends"]
    assert "Y did not end cleanly" in caplog.text


async def test_a_subentry_touches_no_link_and_no_studio(
    hass: HomeAssistant,
    log: Log,
    node: FakeMeshNode,
    init_studio: FakeStudioClient,
    surfaces: MockConfigEntry,
) -> None:
    before = list(node.calls)
    hass.config_entries.async_update_subentry(
        surfaces, subentry_of(surfaces, "A"), data={"what": "else"}
    )
    await hass.async_block_till_done()

    assert node.calls == before
    assert node.running
    assert init_studio.connected


# -- the rest of the integration knows it -----------------------------------------------------


async def test_diagnostics_count_the_subentries_and_show_nothing_of_them(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    log: Log,
    surfaces: MockConfigEntry,
) -> None:
    hass.config_entries.async_add_subentry(
        surfaces, ConfigSubentry(**noted("Secret", breaks="hunter2"))
    )
    await hass.async_block_till_done()
    assert await async_setup_component(hass, "diagnostics", {})

    told = await get_diagnostics_for_config_entry(hass, hass_client, surfaces)

    assert told["subentries"] == {"noted": {"configured": 3, "running": 2}}
    assert "hunter2" not in str(told)
    assert "Secret" not in str(told)


async def test_system_health_counts_meshes_and_studios_only(
    hass: HomeAssistant, surfaces: MockConfigEntry
) -> None:
    assert await async_setup_component(hass, "system_health", {})
    info = await get_system_health_info(hass, DOMAIN)

    assert info["meshes"] == 0
    assert info["studios_connected"] == "0/0"


async def test_the_entry_is_removed_without_a_trace(
    hass: HomeAssistant, log: Log, surfaces: MockConfigEntry, device_registry: dr.DeviceRegistry
) -> None:
    device = device_registry.async_get_or_create(
        config_entry_id=surfaces.entry_id, identifiers={(DOMAIN, "left over")}
    )
    assert await async_remove_config_entry_device(hass, surfaces, device)
    assert await hass.config_entries.async_remove(surfaces.entry_id)

    assert log.taken()[-2:] == ["A ends", "B ends"]
    assert device_registry.async_get(device.id) is None
