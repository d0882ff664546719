"""Setting up, changing and unloading the entry of an OBS Studio or a vMix."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_SSL,
    CONF_VERIFY_SSL,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .const import (
    CONF_AUDIO_METERS,
    CONF_HTTP_PASSWORD,
    CONF_HTTP_PORT,
    CONF_HTTP_USERNAME,
    CONF_KIND,
    CONF_POLL_INTERVAL,
    CONF_SCENE_ITEMS,
    CONF_STUDIO_ID,
    CONF_USE_HTTP,
    ITEMS_NONE,
    KIND_OBS,
    KIND_VMIX,
    STUDIO_PLATFORMS,
)
from .happenings import async_tell_of_studio
from .issues import async_setup_studio_issues
from .studio.api import StudioClient
from .studio.obs import ObsClient
from .studio.vmix import VmixClient
from .studio_coordinator import OPTION_DEFAULTS, StudioConfigEntry, StudioCoordinator


def is_studio(entry: ConfigEntry[Any]) -> bool:
    """Tell whether an entry of this integration is a studio, not a mesh."""
    return entry.data[CONF_KIND] in (KIND_OBS, KIND_VMIX)


def make_client(hass: HomeAssistant, entry: StudioConfigEntry) -> StudioClient:
    """Return the client that the entry asks for, not started."""
    data = entry.data
    choices = {**OPTION_DEFAULTS, **entry.options}
    if data[CONF_KIND] == KIND_VMIX:
        return VmixClient(
            data[CONF_HOST],
            data[CONF_PORT],
            session=async_get_clientsession(hass),
            http_port=data.get(CONF_HTTP_PORT),
            use_http=data.get(CONF_USE_HTTP, False),
            http_username=data.get(CONF_HTTP_USERNAME),
            http_password=data.get(CONF_HTTP_PASSWORD),
            poll_interval=choices[CONF_POLL_INTERVAL],
            meters=choices[CONF_AUDIO_METERS],
        )
    return ObsClient(
        # The session knows whether a certificate is verified.
        async_get_clientsession(hass, verify_ssl=data.get(CONF_VERIFY_SSL, True)),
        data[CONF_HOST],
        data[CONF_PORT],
        data.get(CONF_PASSWORD),
        tls=data.get(CONF_SSL, False),
        poll_interval=choices[CONF_POLL_INTERVAL],
        scene_items=_wants_scene_items(entry),
        meters=choices[CONF_AUDIO_METERS],
        # So that nobody drives another OBS that took over the address.
        identity=data[CONF_STUDIO_ID].removeprefix("obs_"),
    )


async def async_setup_studio(hass: HomeAssistant, entry: StudioConfigEntry) -> bool:
    """Bring a studio into Home Assistant, whether it is on or not.

    There is nothing to wait for: a studio that is off is normal, its entities are unavailable
    until the client, which goes on trying, has reached it.
    """
    coordinator = StudioCoordinator(hass, entry, make_client(hass, entry))
    coordinator.async_setup_device()
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, STUDIO_PLATFORMS)
    async_setup_studio_issues(coordinator)
    # After the platforms, so that automations find states that are up to date.
    entry.async_on_unload(async_tell_of_studio(coordinator))
    # Only now, so that nothing happens before its event entity can take it.
    await coordinator.async_start()
    _follow_home_assistant(hass, entry)
    return True


async def async_unload_studio(hass: HomeAssistant, entry: StudioConfigEntry) -> bool:
    """Leave nothing of the entry running."""
    if unloaded := await hass.config_entries.async_unload_platforms(entry, STUDIO_PLATFORMS):
        await entry.runtime_data.async_stop()
    return unloaded


@callback
def _follow_home_assistant(hass: HomeAssistant, entry: StudioConfigEntry) -> None:
    """Apply changed settings, and stop with Home Assistant."""
    coordinator = entry.runtime_data
    in_use = _connection(entry)

    async def entry_updated(_hass: HomeAssistant, _entry: StudioConfigEntry) -> None:
        if _connection(entry) != in_use:
            hass.config_entries.async_schedule_reload(entry.entry_id)
        else:
            coordinator.async_apply_options()

    async def stop(_event: Event) -> None:
        await coordinator.async_stop()

    entry.async_on_unload(entry.add_update_listener(entry_updated))
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop))


def _connection(entry: StudioConfigEntry) -> tuple[dict[str, Any], bool, bool]:
    """Return what a client is made with and cannot change later."""
    meters = entry.options.get(CONF_AUDIO_METERS, OPTION_DEFAULTS[CONF_AUDIO_METERS])
    return dict(entry.data), _wants_scene_items(entry), meters


def _wants_scene_items(entry: StudioConfigEntry) -> bool:
    choices = {**OPTION_DEFAULTS, **entry.options}
    return bool(choices[CONF_SCENE_ITEMS] != ITEMS_NONE)
