"""The dashboard card is served, registered once, kept current, and taken out at the end."""

from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric import dashboard_card
from custom_components.infrafabric.const import DOMAIN
from homeassistant.components.lovelace.const import LOVELACE_DATA
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from .conftest import FakeMeshes

PATH = "/infrafabric_static/infrafabric-card.js"


async def dashboards(hass: HomeAssistant, **config: Any) -> None:
    """Set up Home Assistant's dashboards."""
    assert await async_setup_component(hass, "lovelace", {"lovelace": config} if config else {})


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    if entry not in hass.config_entries.async_entries():
        entry.add_to_hass(hass)
    with patch("custom_components.infrafabric.PLATFORMS", []):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()


def resources(hass: HomeAssistant) -> list[tuple[str, str]]:
    return [
        (item["type"], item["url"]) for item in hass.data[LOVELACE_DATA].resources.async_items()
    ]


async def test_the_card_is_served_and_browsers_may_keep_it(
    hass: HomeAssistant,
    meshes: FakeMeshes,
    config_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    await dashboards(hass)
    await set_up(hass, config_entry)
    [(_, url)] = resources(hass)

    response = await (await hass_client_no_auth()).get(url)

    assert response.status == 200
    assert "javascript" in response.headers["Content-Type"]
    assert "max-age=" in response.headers["Cache-Control"]
    assert "infrafabric-card" in await response.text()


async def test_the_card_is_registered_once_however_many_entries_there_are(
    hass: HomeAssistant, meshes: FakeMeshes, config_entry: MockConfigEntry
) -> None:
    await dashboards(hass)
    await set_up(hass, config_entry)
    second = MockConfigEntry(domain=DOMAIN, data=config_entry.data, options=config_entry.options)
    await set_up(hass, second)
    await hass.config_entries.async_reload(second.entry_id)

    [(kind, url)] = resources(hass)
    assert kind == "module"
    assert url.startswith(f"{PATH}?v=0.")


async def test_a_new_version_takes_the_place_of_the_old_one(
    hass: HomeAssistant, meshes: FakeMeshes, config_entry: MockConfigEntry
) -> None:
    await dashboards(hass)
    collection = hass.data[LOVELACE_DATA].resources
    await collection.async_get_info()
    other = {"res_type": "module", "url": "/local/other.js"}
    await collection.async_create_item(other)
    # Two, as a race of an earlier version may have left behind.
    for version in ("0.0.1", "0.0.2"):
        await collection.async_create_item({"res_type": "js", "url": f"{PATH}?v={version}"})

    await set_up(hass, config_entry)

    assert resources(hass) == [
        ("module", "/local/other.js"),
        ("module", hass.data[dashboard_card._CARD].url),
    ]


async def test_the_card_leaves_with_the_last_entry_and_comes_back_with_a_new_one(
    hass: HomeAssistant, meshes: FakeMeshes, config_entry: MockConfigEntry
) -> None:
    meshes.alone = True
    await dashboards(hass)
    await set_up(hass, config_entry)
    second = MockConfigEntry(domain=DOMAIN, data=config_entry.data, options=config_entry.options)
    await set_up(hass, second)

    await hass.config_entries.async_remove(config_entry.entry_id)
    assert len(resources(hass)) == 1
    await hass.config_entries.async_remove(second.entry_id)
    assert resources(hass) == []

    await set_up(
        hass,
        MockConfigEntry(domain=DOMAIN, data=config_entry.data, options=config_entry.options),
    )
    assert len(resources(hass)) == 1


async def test_resources_in_yaml_are_asked_for_until_they_are_there(
    hass: HomeAssistant,
    meshes: FakeMeshes,
    config_entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    meshes.alone = True
    old = {"type": "module", "url": f"{PATH}?v=0.0.1"}
    await dashboards(hass, resource_mode="yaml", resources=[old])

    await set_up(hass, config_entry)
    issue = issue_registry.async_get_issue(DOMAIN, dashboard_card.ISSUE_RESOURCE)
    assert issue is not None
    url = hass.data[dashboard_card._CARD].url
    assert issue.translation_placeholders == {"url": url}

    hass.data[LOVELACE_DATA].resources.data = [{"type": "module", "url": url}]
    await hass.config_entries.async_reload(config_entry.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, dashboard_card.ISSUE_RESOURCE) is None


async def test_the_wish_for_a_resource_ends_with_the_last_entry(
    hass: HomeAssistant,
    meshes: FakeMeshes,
    config_entry: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    meshes.alone = True
    await dashboards(hass, resource_mode="yaml", resources=[])
    await set_up(hass, config_entry)

    await hass.config_entries.async_remove(config_entry.entry_id)

    assert issue_registry.async_get_issue(DOMAIN, dashboard_card.ISSUE_RESOURCE) is None
    assert resources(hass) == []


@pytest.mark.parametrize("removed", [False, True])
async def test_a_home_assistant_without_dashboards_is_left_alone(
    hass: HomeAssistant, meshes: FakeMeshes, config_entry: MockConfigEntry, removed: bool
) -> None:
    meshes.alone = True
    await set_up(hass, config_entry)
    if removed:
        await hass.config_entries.async_remove(config_entry.entry_id)

    assert LOVELACE_DATA not in hass.data
