"""The language of who looks at a dialog, for words that are put into its texts here."""

from collections.abc import Iterator
from typing import Any

from aiohttp.web import Request

from homeassistant.components.frontend.storage import async_user_store
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.core import HomeAssistant
from homeassistant.generated.languages import LANGUAGES
from homeassistant.helpers.http import current_request


async def async_language(hass: HomeAssistant) -> str:
    """Return the language of the user whose request is being answered.

    It is the one of the user's profile, else the browser's, as in Home Assistant's own pages; and
    Home Assistant's where nobody asks, or for nothing that it knows.
    """
    if (request := current_request.get()) is None:
        return hass.config.language
    for wished in (await _async_chosen(hass, request), *_accepted(request)):
        for language in (wished, wished.partition("-")[0]):
            if language in LANGUAGES:
                return language
    return hass.config.language


async def _async_chosen(hass: HomeAssistant, request: Request) -> str:
    """Return what the user's profile says, or nothing."""
    if (user := request.get(KEY_HASS_USER)) is None:
        return ""
    # The frontend wrote it, and may write anything there.
    chosen: Any = (await async_user_store(hass, user.id)).data.get("language")
    language = chosen.get("language") if isinstance(chosen, dict) else None
    return language if isinstance(language, str) else ""


def _accepted(request: Request) -> Iterator[str]:
    """Yield what the browser asks for; browsers send it best first (RFC 9110, 12.5.4)."""
    for part in request.headers.get("Accept-Language", "").split(","):
        yield part.partition(";")[0].strip()
