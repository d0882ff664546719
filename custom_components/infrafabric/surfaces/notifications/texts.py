"""The texts of notifications, in the language of this Home Assistant."""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations, async_get_translations

from ...const import DOMAIN

TEXTS: Final = frozenset(
    {
        "link_bad",
        "link_good",
        "mesh_all_connected",
        "mesh_some_connected",
        "muted",
        "path_direct",
        "peer_back",
        "peer_lost",
        "peer_message",
        "peer_message_cut",
        "peer_messages_held",
        "peer_restarted",
        "press_failed",
        "press_not_allowed",
        "press_too_late",
        "recording_finished",
        "relay_in_use",
        "stream_failed",
        "stream_healthy",
        "stream_started",
        "stream_stopped",
        "stream_stopped_after",
        "stream_stop_confirmed",
        "stream_unhealthy",
    }
)
"""Keys of what notifications say."""


@callback
def text(hass: HomeAssistant, key: str, **values: str) -> str:
    """Return what a notification says."""
    return _lookup(hass, "selector", f"selector.notification_text.options.{key}").format(**values)


@callback
def button_text(hass: HomeAssistant, key: str) -> str:
    """Return what stands on a button."""
    return _lookup(hass, "selector", f"selector.notification_button_label.options.{key}")


@callback
def health_text(hass: HomeAssistant, band: str) -> str:
    """Return how well a stream is going."""
    return _lookup(hass, "entity", f"entity.sensor.stream_health.state.{band}")


@callback
def reason_text(hass: HomeAssistant, reason: str) -> str:
    """Return what keeps a stream from going well."""
    path = f"entity.sensor.stream_health.state_attributes.reasons.state.{reason}"
    return _lookup(hass, "entity", path)


def _lookup(hass: HomeAssistant, category: str, path: str) -> str:
    # Somebody who is told in English, or with the bare key, is told at least.
    for language in (hass.config.language, "en"):
        texts = async_get_cached_translations(hass, language, category, DOMAIN)
        if (found := texts.get(f"component.{DOMAIN}.{path}")) is not None:
            return found
    return path.rpartition(".")[2]


async def async_load_texts(hass: HomeAssistant) -> None:
    """Have the texts at hand before anything happens."""
    for language in {hass.config.language, "en"}:
        await async_get_translations(hass, language, "selector", [DOMAIN])
