"""What webhooks left behind that were removed while nothing could forget it.

A subentry can be deleted while its entry is disabled, or after it could not be set up. Its files,
with what other systems were to be told, and its address in the cloud go when the entry is set up
again, or removed.
"""

from collections.abc import Collection
import logging
from pathlib import Path
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant

from .webhooks.database import remove
from .webhooks.inbound.hook import CONF_REACH, REACH_CLOUD
from .webhooks.inbound.receiving import answers_path, async_forget_cloudhook
from .webhooks.outbound.sending import outbox_path

_LOGGER = logging.getLogger(__name__)

CONF_CLOUDHOOKS: Final = "cloudhooks"
"""In the entry's data: the webhook id of each subentry that has an address in the cloud."""


async def async_forget_leftovers(
    hass: HomeAssistant, entry: ConfigEntry[Any], kept: Collection[str]
) -> None:
    """Forget files and cloud addresses of all subentries but those with the ids *kept*.

    None of the others may run. What cannot be deleted is logged, and tried again the next time.
    """
    files = [answers_path(hass, "*"), outbox_path(hass, "*")]
    await hass.async_add_executor_job(_forget_files, files, frozenset(kept))
    for subentry_id, webhook_id in entry.data.get(CONF_CLOUDHOOKS, {}).items():
        if subentry_id not in kept:
            await async_forget_cloudhook(hass, webhook_id, REACH_CLOUD)


def remember_cloudhooks(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Note which subentries have an address in the cloud: nothing else tells it without them."""
    found = {
        subentry.subentry_id: subentry.data[CONF_WEBHOOK_ID]
        for subentry in entry.subentries.values()
        if subentry.data.get(CONF_REACH) == REACH_CLOUD
    }
    if found != entry.data.get(CONF_CLOUDHOOKS, {}):
        hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_CLOUDHOOKS: found})


def _forget_files(patterns: Collection[Path], kept: Collection[str]) -> None:
    for pattern in patterns:
        before, after = pattern.name.split("*")
        for path in pattern.parent.glob(pattern.name):
            if path.name.removeprefix(before).removesuffix(after) not in kept:
                try:
                    remove(path)
                except OSError as err:
                    _LOGGER.warning("%s of a removed webhook cannot be deleted: %s", path, err)
