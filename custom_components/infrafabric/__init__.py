"""InfraFabric: this Home Assistant as a node of a peer-to-peer WebRTC mesh."""

import asyncio
import logging

# Imported here because Home Assistant imports an integration in its import executor; imported
# later, aiortc would read its modules from disk in the event loop.
import aiortc  # noqa: F401

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.ssl import client_context

from .const import CONF_MESH_ID, DOMAIN, LEAVE_TIMEOUT, PLATFORMS
from .errors import translation_of
from .hub import MeshConfigEntry, MeshHub, async_node_config
from .issues import async_setup_issues
from .mesh.errors import MeshError
from .mesh.node import MeshNode
from .services import async_setup_services
from .store import MeshStore

_LOGGER = logging.getLogger(__name__)

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register what exists once, whatever meshes there are."""
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: MeshConfigEntry) -> bool:
    """Bring this Home Assistant into the entry's mesh."""
    store = MeshStore(hass, entry.data[CONF_MESH_ID])
    try:
        node = await MeshNode.load(
            store,
            await async_node_config(hass, entry),
            http=async_get_clientsession(hass),
            turn_ssl=client_context(),
        )
    except MeshError as err:
        key, placeholders = translation_of(err)
        raise ConfigEntryError(
            translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
        ) from err
    if node.revoked:
        raise ConfigEntryAuthFailed(
            translation_domain=DOMAIN,
            translation_key="membership_revoked",
            translation_placeholders={"mesh": node.mesh_name},
        )
    hub = MeshHub(hass, entry, node)
    hub.async_setup_devices()
    entry.runtime_data = hub
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_setup_issues(hub)
    # Only now, so that no message arrives before its event entity can take it.
    await hub.async_start()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: MeshConfigEntry) -> bool:
    """Leave nothing of the entry running."""
    if unloaded := await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        await entry.runtime_data.async_stop()
    return unloaded
