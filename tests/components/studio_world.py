"""Several studios in one Home Assistant, for the tests of actions and secrets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.infrafabric.const import (
    CONF_DESTINATIONS,
    CONF_HTTP_PASSWORD,
    CONF_KIND,
    CONF_STUDIO_ID,
    DOMAIN,
    KIND_OBS,
    KIND_VMIX,
)
from custom_components.infrafabric.studio.model import StudioKind
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, Platform
from homeassistant.core import HomeAssistant

from .studio_fake import FakeStudioClient

PASSWORD = "canary-obs-password-7f3a"
STREAM_KEY = "live_canary+stream/key=91c2"
PASSPHRASE = "canary passphrase & more"
STREAM_ID = "canary-stream-id-5521"
CANARIES = (PASSWORD, STREAM_KEY, PASSPHRASE, STREAM_ID)

SUNDAY = {"name": "Sunday service", "service": "youtube", "key": STREAM_KEY}
BACKUP = {
    "name": "Backup",
    "service": "srt",
    "host": "srt.example",
    "port": 9000,
    "passphrase": PASSPHRASE,
    "stream_id": STREAM_ID,
}


def studio_entry(
    kind: StudioKind, title: str, *, destinations: list[dict[str, Any]] | None = None
) -> MockConfigEntry:
    """Return the entry of a studio that is called *title*."""
    data: dict[str, Any] = {
        CONF_KIND: KIND_OBS if kind is StudioKind.OBS else KIND_VMIX,
        CONF_HOST: f"{title.lower()}.example",
        CONF_PORT: 4455 if kind is StudioKind.OBS else 8099,
        CONF_STUDIO_ID: f"{kind}_{title.lower()}",
    }
    data[CONF_PASSWORD if kind is StudioKind.OBS else CONF_HTTP_PASSWORD] = PASSWORD
    return MockConfigEntry(
        domain=DOMAIN,
        title=title,
        unique_id=data[CONF_STUDIO_ID],
        version=1,
        minor_version=1,
        data=data,
        options={CONF_DESTINATIONS: destinations or []},
    )


@contextmanager
def studio_clients(
    clients: Mapping[str, FakeStudioClient], platforms: list[Platform]
) -> Iterator[None]:
    """Let entries get the client of their title."""
    setup = "custom_components.infrafabric.studio_setup"
    with (
        patch(f"{setup}.STUDIO_PLATFORMS", platforms),
        patch(f"{setup}.make_client", lambda hass, entry: clients[entry.title]),
    ):
        yield


async def add_studios(hass: HomeAssistant, *entries: MockConfigEntry) -> list[str]:
    """Set the entries up and return their devices' ids."""
    for entry in entries:
        entry.add_to_hass(hass)
    for entry in entries:
        # The first one sets the integration up, and that all its entries.
        if entry.state is ConfigEntryState.NOT_LOADED:
            assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return [entry.runtime_data.device_id for entry in entries]
