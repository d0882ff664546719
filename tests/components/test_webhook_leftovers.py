"""Webhooks that are removed while nothing watches over them leave nothing behind."""

from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.const import CONF_KIND, DOMAIN, KIND_SURFACES
from custom_components.infrafabric.surfaces import leftovers
from custom_components.infrafabric.surfaces.webhooks.inbound.receiving import answers_path
from custom_components.infrafabric.surfaces.webhooks.keys import first_key, new_secret
from custom_components.infrafabric.surfaces.webhooks.outbound.sending import outbox_path
from homeassistant.config_entries import ConfigEntryDisabler, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

CLOUD = "custom_components.infrafabric.surfaces.webhooks.inbound.receiving.cloud"
WEBHOOK_ID = "ab" * 32


def subentry(kind: str, title: str, **data: Any) -> ConfigSubentry:
    keys = first_key(new_secret())
    return ConfigSubentry(
        data=MappingProxyType({"keys": keys, **data}),
        subentry_type=kind,
        title=title,
        unique_id=None,
    )


def inbound(title: str, reach: str, webhook_id: str) -> ConfigSubentry:
    return subentry(
        "webhook_in",
        title,
        webhook_id=webhook_id,
        use="custom",
        actions=["lights"],
        studios=[],
        reach=reach,
    )


def outbound(title: str) -> ConfigSubentry:
    return subentry(
        "webhook_out",
        title,
        url="https://receiver.example/",
        events=["stream_started"],
        devices=[],
        private=False,
    )


@pytest.fixture
async def entry(hass: HomeAssistant, tmp_path: Path) -> MockConfigEntry:
    """Return the entry, which runs."""
    hass.config.config_dir = str(tmp_path)
    assert await async_setup_component(hass, "webhook", {})
    entry = MockConfigEntry(domain=DOMAIN, data={CONF_KIND: KIND_SURFACES})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def add(hass: HomeAssistant, entry: MockConfigEntry, *added: ConfigSubentry) -> None:
    for each in added:
        hass.config_entries.async_add_subentry(entry, each)
    await hass.async_block_till_done()


def files(tmp_path: Path) -> set[str]:
    return {path.name.split(".")[2] for path in (tmp_path / ".storage").glob("*.webhook_*")}


@pytest.mark.parametrize("then", ["enabled", "removed"])
async def test_what_is_removed_while_the_entry_is_disabled_leaves_nothing(
    hass: HomeAssistant, entry: MockConfigEntry, tmp_path: Path, then: str
) -> None:
    gone = inbound("Gone", "cloud", WEBHOOK_ID), outbound("Gone, too")
    stay = inbound("Stays", "cloud", "cd" * 32), outbound("Stays, too")
    await add(hass, entry, *gone, *stay)
    gone_ids, stay_ids = ({each.subentry_id for each in those} for those in (gone, stay))
    assert files(tmp_path) == gone_ids | stay_ids

    deleted: list[str] = []

    async def delete(_hass: HomeAssistant, webhook_id: str) -> None:
        deleted.append(webhook_id)

    hass.config.components.add("cloud")
    with patch(f"{CLOUD}.async_delete_cloudhook", delete):
        await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
        for each in gone:
            hass.config_entries.async_remove_subentry(entry, each.subentry_id)
        await hass.async_block_till_done()
        assert files(tmp_path) == gone_ids | stay_ids, "nothing runs that could forget it"
        if then == "enabled":
            await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
            await hass.async_block_till_done()
            assert files(tmp_path) == stay_ids
            assert deleted == [WEBHOOK_ID]
            assert await hass.config_entries.async_reload(entry.entry_id)
            assert deleted == [WEBHOOK_ID], "once"
        else:
            await hass.config_entries.async_remove(entry.entry_id)
            assert files(tmp_path) == set()
            assert sorted(deleted) == [WEBHOOK_ID, "cd" * 32]


async def test_what_could_not_be_set_up_leaves_nothing_when_it_is_removed(
    hass: HomeAssistant, entry: MockConfigEntry, tmp_path: Path
) -> None:
    stays = outbound("Stays")
    gone = subentry("webhook_out", "Of a later version")
    await add(hass, entry, stays, gone)
    path = outbox_path(hass, gone.subentry_id)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).touch()
    assert files(tmp_path) == {stays.subentry_id, gone.subentry_id}

    hass.config_entries.async_remove_subentry(entry, gone.subentry_id)
    await hass.async_block_till_done()
    assert files(tmp_path) == {stays.subentry_id}


async def test_a_file_that_cannot_be_deleted_keeps_nothing_from_running(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers_path(hass, "gone").parent.mkdir(exist_ok=True)
    answers_path(hass, "gone").touch()
    with patch.object(leftovers, "remove", side_effect=PermissionError("read-only")):
        stays = outbound("Stays")
        await add(hass, entry, stays)

    assert entry.runtime_data.running == {stays.subentry_id}
    assert "of a removed webhook cannot be deleted: read-only" in caplog.text
