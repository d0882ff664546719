"""Setting up the entry for notifications and webhooks, and each of its subentries by itself.

A subentry is a rule or a webhook. When somebody adds, changes or removes one, only that one is
set up again: no link, no studio and no other subentry notices.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
import logging
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry, ConfigSubentryFlow
from homeassistant.core import HomeAssistant

from ..const import CONF_KIND, KIND_SURFACES
from .leftovers import async_forget_leftovers, remember_cloudhooks
from .notifications.flow import RuleFlow
from .notifications.notifier import async_setup_rule
from .webhooks.inbound.flow import WebhookInFlow
from .webhooks.inbound.receiving import async_forget_inbound, async_setup_inbound
from .webhooks.outbound.flow import WebhookOutFlow
from .webhooks.outbound.sending import async_forget_outbound, async_setup_outbound

_LOGGER = logging.getLogger(__name__)

type SurfacesConfigEntry = ConfigEntry[Surfaces]

type Unload = Callable[[], Coroutine[Any, Any, None] | None]
"""Ends what a subentry does; leaves no timer, listener or task behind."""

type SetUp = Callable[[HomeAssistant, SurfacesConfigEntry, ConfigSubentry], Awaitable[Unload]]
"""Begins what a subentry does."""


@dataclass(frozen=True, slots=True)
class SubentryType:
    """How one type of subentry is edited and run."""

    flow: type[ConfigSubentryFlow]
    setup: SetUp


WEBHOOK_IN: Final = "webhook_in"
WEBHOOK_OUT: Final = "webhook_out"

SUBENTRIES: Final[Mapping[str, SubentryType]] = {
    "notification_rule": SubentryType(RuleFlow, async_setup_rule),
    WEBHOOK_IN: SubentryType(WebhookInFlow, async_setup_inbound),
    WEBHOOK_OUT: SubentryType(WebhookOutFlow, async_setup_outbound),
}
"""By the type that the subentry has in storage."""


def is_surfaces(entry: ConfigEntry[Any]) -> bool:
    """Tell whether an entry of this integration is the one for notifications and webhooks."""
    return bool(entry.data.get(CONF_KIND) == KIND_SURFACES)


@dataclass(frozen=True, slots=True)
class _Running:
    """What a subentry was set up with, and what ends it.

    Home Assistant changes subentries in place but replaces their data, so both are remembered.
    """

    title: str
    data: MappingProxyType[str, Any]
    unload: Unload

    def as_in(self, subentry: ConfigSubentry) -> bool:
        return (self.title, self.data) == (subentry.title, subentry.data)


class Surfaces:
    """The subentries that run."""

    def __init__(self, hass: HomeAssistant, entry: SurfacesConfigEntry) -> None:
        """Begin with none."""
        self._hass = hass
        self._entry = entry
        self._running: dict[str, _Running] = {}
        # Changes may come while one is still being followed.
        self._lock = asyncio.Lock()
        self._ended = False

    @property
    def running(self) -> frozenset[str]:
        """Ids of the subentries that are set up."""
        return frozenset(self._running)

    async def async_follow(self) -> None:
        """End what is gone or changed, and begin what is new or changed."""
        async with self._lock:
            wanted = {} if self._ended else dict(self._entry.subentries)
            ended = [
                subentry_id
                for subentry_id, running in self._running.items()
                if (subentry := wanted.get(subentry_id)) is None or not running.as_in(subentry)
            ]
            for subentry_id in ended:
                await self._end(subentry_id)
            if self._ended:
                return
            await async_forget_leftovers(self._hass, self._entry, {*wanted, *ended})
            for subentry in wanted.values():
                if subentry.subentry_id not in self._running:
                    await self._begin(subentry)
            remember_cloudhooks(self._hass, self._entry)

    async def async_end(self) -> None:
        """End them all, for good."""
        self._ended = True
        await self.async_follow()

    async def _begin(self, subentry: ConfigSubentry) -> None:
        if (kind := SUBENTRIES.get(subentry.subentry_type)) is None:
            # Of a later version; it waits for that.
            return
        title, data = subentry.title, subentry.data
        try:
            unload = await kind.setup(self._hass, self._entry, subentry)
        except Exception:
            # One that cannot be set up must not keep the others from running.
            _LOGGER.exception("%s could not be set up", title)
            return
        self._running[subentry.subentry_id] = _Running(title, data, unload)

    async def _end(self, subentry_id: str) -> None:
        running = self._running.pop(subentry_id)
        try:
            if (rest := running.unload()) is not None:
                await rest
        except Exception:
            _LOGGER.exception("%s did not end cleanly", running.title)


async def async_setup_surfaces(hass: HomeAssistant, entry: SurfacesConfigEntry) -> bool:
    """Run every subentry, and follow changes of each."""
    surfaces = Surfaces(hass, entry)
    entry.runtime_data = surfaces

    async def entry_updated(_hass: HomeAssistant, _entry: SurfacesConfigEntry) -> None:
        await surfaces.async_follow()

    # Before anything is set up, as what changes meanwhile would go on, or never begin.
    entry.async_on_unload(entry.add_update_listener(entry_updated))
    await surfaces.async_follow()
    return True


async def async_unload_surfaces(_hass: HomeAssistant, entry: SurfacesConfigEntry) -> bool:
    """Leave nothing of any subentry running."""
    await entry.runtime_data.async_end()
    return True


async def async_forget_surfaces(hass: HomeAssistant, entry: SurfacesConfigEntry) -> None:
    """Leave nothing behind of what the webhooks of a removed entry kept on disk."""
    for subentry in entry.subentries.values():
        if subentry.subentry_type == WEBHOOK_IN:
            await async_forget_inbound(hass, subentry)
        elif subentry.subentry_type == WEBHOOK_OUT:
            await async_forget_outbound(hass, subentry)
    await async_forget_leftovers(hass, entry, entry.subentries)
