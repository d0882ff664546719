"""The program of a studio as a picture.

A picture is fetched when somebody looks and never otherwise: the studio has better to do.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final, override

from homeassistant.components.image import ImageEntity, ImageEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .errors import studio_errors
from .studio.model import Feature, StudioState
from .studio_coordinator import StudioConfigEntry, StudioCoordinator
from .studio_entity import StudioDescription, StudioEntity, StudioPlatform
from .studio_things import WHOLE, having

# One picture at a time is what the entity itself sees to.
PARALLEL_UPDATES = 0

FRESH_SECONDS: Final = 5.0
"""How long one picture serves everybody who looks, unless the program changes."""
PICTURE_WIDTH: Final = 1280
"""Pixels; enough for a dashboard."""


@dataclass(frozen=True, kw_only=True)
class StudioImageDescription(StudioDescription[StudioState], ImageEntityDescription):
    """A picture of a studio."""


STUDIO_IMAGES: Final = (
    StudioImageDescription(
        key="program", translation_key="program", things=having(Feature.SCREENSHOT)
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: StudioConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the picture of a studio that can make one."""
    StudioPlatform(
        entry.runtime_data, Platform.IMAGE, async_add_entities, {StudioImage: STUDIO_IMAGES}
    ).async_start()


class StudioImage(StudioEntity[StudioState], ImageEntity):
    """What is on air, as of the last time that somebody looked or the program changed."""

    entity_description: StudioImageDescription

    def __init__(
        self,
        coordinator: StudioCoordinator,
        description: StudioImageDescription,
        part: str = WHOLE,
    ) -> None:
        """Begin without a picture."""
        StudioEntity.__init__(self, coordinator, description, part)
        ImageEntity.__init__(self, coordinator.hass)
        self._picture: bytes | None = None
        self._fetched_at = 0.0
        self._on_air: str | None = None
        self._lock = asyncio.Lock()

    @override
    def _values(self) -> datetime | None:
        return self.image_last_updated

    @callback
    @override
    def _async_look(self) -> None:
        """See to it that dashboards ask for a new picture when the program changes."""
        state = self.thing
        if not self.coordinator.available or state is None:
            # What was on air then is not what is on air now.
            self._picture = self._attr_image_last_updated = None
        elif self._attr_image_last_updated is None or state.main.program != self._on_air:
            self._on_air = state.main.program
            self._picture = None
            self._attr_image_last_updated = dt_util.utcnow()
        super()._async_look()

    @override
    async def async_image(self) -> bytes | None:
        """Return what is on air now, or was at most ``FRESH_SECONDS`` ago."""
        async with self._lock:
            age = self.hass.loop.time() - self._fetched_at
            if self._picture is not None and age <= FRESH_SECONDS:
                return self._picture
            on_air = self._on_air
            with studio_errors(self.coordinator.secrets):
                picture = await self.coordinator.client.screenshot(width=PICTURE_WIDTH)
            self._attr_content_type = picture.content_type
            if self.available and self._on_air == on_air:
                self._picture = picture.data
                self._fetched_at = self.hass.loop.time()
                self._attr_image_last_updated = dt_util.utcnow()
                self._async_update()
            return picture.data
