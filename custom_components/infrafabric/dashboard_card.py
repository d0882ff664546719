"""The dashboard card: its bundle served, and registered as a resource of the dashboards.

Not ``add_extra_js_url``: dashboards wait for their resources, and for nothing else.
"""

import asyncio
import hashlib
import logging
from pathlib import Path
from typing import Any, Final

from homeassistant.components.http.server import StaticPathConfig
from homeassistant.components.lovelace.const import LOVELACE_DATA
from homeassistant.components.lovelace.resources import ResourceStorageCollection
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.loader import async_get_integration
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

CARD_FILE: Final = Path(__file__).parent / "frontend" / "infrafabric-card.js"
CARD_URL: Final = "/infrafabric_static/infrafabric-card.js"
CARD_DOCUMENTATION: Final = (
    "https://github.com/infrafabric/infrafabric-homeassistant/blob/main"
    "/docs/how-to/dashboard-card.md"
)
ISSUE_RESOURCE: Final = "card_resource"


class _Card:
    """What is known of the card while Home Assistant runs."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Entries are set up at the same time, and each makes sure of the resource.
        self.lock = asyncio.Lock()


_CARD: Final[HassKey[_Card]] = HassKey(f"{DOMAIN}_card")


async def async_setup_card(hass: HomeAssistant) -> None:
    """Serve the bundle; once, because a path cannot be taken back."""
    digest = await hass.async_add_executor_job(_digest)
    version = (await async_get_integration(hass, DOMAIN)).version
    # Browsers keep it for a month; another version or another build has another address.
    hass.data[_CARD] = _Card(f"{CARD_URL}?v={version}-{digest}")
    await hass.http.async_register_static_paths(
        [StaticPathConfig(CARD_URL, str(CARD_FILE), cache_headers=True)]
    )


def _digest() -> str:
    return hashlib.sha256(CARD_FILE.read_bytes()).hexdigest()[:8]


async def async_add_card(hass: HomeAssistant) -> None:
    """Make sure that dashboards load the card as it is now.

    A Home Assistant without dashboards is left alone. Where the resources are kept in YAML, a
    repair issue says what to write there.
    """
    if (lovelace := hass.data.get(LOVELACE_DATA)) is None:
        return
    card = hass.data[_CARD]
    async with card.lock:
        await lovelace.resources.async_get_info()
        ours = _ours(lovelace.resources.async_items())
        if not isinstance(lovelace.resources, ResourceStorageCollection):
            _ask_for_resource(hass, card.url, there=any(item["url"] == card.url for item in ours))
            return
        ir.async_delete_issue(hass, DOMAIN, ISSUE_RESOURCE)
        if not ours:
            await lovelace.resources.async_create_item({"res_type": "module", "url": card.url})
            _LOGGER.debug("Registered the dashboard card")
            return
        keep, *more = ours
        if keep["url"] != card.url:
            await lovelace.resources.async_update_item(
                keep["id"], {"res_type": "module", "url": card.url}
            )
            _LOGGER.debug("Updated the dashboard card")
        for item in more:
            await lovelace.resources.async_delete_item(item["id"])


async def async_remove_card(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Take the card out of the dashboards with the last entry of the integration."""
    left = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    if any(other.entry_id != entry.entry_id for other in left):
        return
    ir.async_delete_issue(hass, DOMAIN, ISSUE_RESOURCE)
    lovelace = hass.data.get(LOVELACE_DATA)
    if lovelace is None or not isinstance(lovelace.resources, ResourceStorageCollection):
        return
    await lovelace.resources.async_get_info()
    for item in _ours(lovelace.resources.async_items()):
        await lovelace.resources.async_delete_item(item["id"])


def _ours(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in items if item["url"].partition("?")[0] == CARD_URL]


def _ask_for_resource(hass: HomeAssistant, url: str, *, there: bool) -> None:
    """Show or take back the issue about resources that only a person can change."""
    if there:
        ir.async_delete_issue(hass, DOMAIN, ISSUE_RESOURCE)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        ISSUE_RESOURCE,
        is_fixable=False,
        learn_more_url=CARD_DOCUMENTATION,
        severity=ir.IssueSeverity.WARNING,
        translation_key=ISSUE_RESOURCE,
        translation_placeholders={"url": url},
    )
