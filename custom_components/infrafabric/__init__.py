"""InfraFabric: this Home Assistant as a node of a peer-to-peer WebRTC mesh, and its studios."""

import asyncio
from collections.abc import Mapping
import logging
from typing import Any

# Imported here because Home Assistant imports an integration in its import executor; imported
# later, aiortc would read its modules from disk in the event loop.
import aiortc  # noqa: F401

from homeassistant.components import cloud
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.ssl import client_context

from .const import CONF_MESH_ID, DOMAIN, LEAVE_TIMEOUT, PLATFORMS
from .dashboard_card import async_add_card, async_remove_card, async_setup_card
from .errors import translation_of
from .happenings import async_tell_of_mesh
from .hub import MeshConfigEntry, MeshHub, async_node_config
from .issues import async_setup_issues
from .mesh.errors import MeshError
from .mesh.model import PeerConnected
from .mesh.node import MeshNode
from .services import async_setup_services
from .signaling_view import async_get_room, async_setup_signaling
from .store import MeshStore
from .studio_coordinator import StudioCoordinator
from .studio_setup import async_setup_studio, async_unload_studio, is_studio
from .surfaces.setup import (
    async_forget_surfaces,
    async_setup_surfaces,
    async_unload_surfaces,
    is_surfaces,
)
from .websocket_api import async_setup_websocket_api

_LOGGER = logging.getLogger(__name__)

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Register what exists once, whatever meshes and studios there are."""
    async_setup_services(hass)
    async_setup_signaling(hass)
    async_setup_websocket_api(hass)
    await async_setup_card(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Set up what the entry is."""
    await async_add_card(hass)
    if is_surfaces(entry):
        return await async_setup_surfaces(hass, entry)
    setup = async_setup_studio if is_studio(entry) else _async_setup_mesh
    return await setup(hass, entry)


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Leave nothing of the entry running."""
    if is_surfaces(entry):
        return await async_unload_surfaces(hass, entry)
    unload = async_unload_studio if is_studio(entry) else _async_unload_mesh
    return await unload(hass, entry)


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Leave nothing of the entry behind; what a studio or a rule has is in the entry itself."""
    await async_remove_card(hass, entry)
    if is_surfaces(entry):
        await async_forget_surfaces(hass, entry)
    elif not is_studio(entry):
        await _async_leave_mesh(hass, entry)


async def async_migrate_entry(_hass: HomeAssistant, _entry: ConfigEntry[Any]) -> bool:
    """Accept an entry of another minor version.

    1.1 is the first version, so there is nothing older to bring up to date. Home Assistant
    itself refuses a later major version; later minor ones stay readable for this one.
    """
    return True


async def async_remove_config_entry_device(
    _hass: HomeAssistant, entry: ConfigEntry[Any], device: dr.DeviceEntry
) -> bool:
    """Allow to delete a device unless it stands for a studio, the node, or a member of the mesh.

    A member would be back at once; *Configure → Peers* removes it from the mesh.
    """
    if is_surfaces(entry):
        return True
    if is_studio(entry):
        studio: StudioCoordinator = entry.runtime_data
        return device.id != studio.device_id
    hub: MeshHub = entry.runtime_data
    return device.id != hub.node_device_id and hub.peer_id_of_device(device.id) is None


async def _async_setup_mesh(hass: HomeAssistant, entry: MeshConfigEntry) -> bool:
    """Bring this Home Assistant into the entry's mesh."""
    room = async_get_room(hass)
    try:
        node = await _async_load_node(hass, entry)
        hub = MeshHub(hass, entry, node)
        hub.async_setup_devices()
        entry.runtime_data = hub
        await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
        async_setup_issues(hub)
        # After the platforms, so that automations find states that are up to date.
        entry.async_on_unload(async_tell_of_mesh(hub))
        try:
            # Only now, so that no message arrives before its event entity can take it.
            await hub.async_start()
        except BaseException as err:
            await hub.async_stop()
            await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
            if isinstance(err, MeshError):
                key, placeholders = translation_of(err)
                raise ConfigEntryNotReady(
                    translation_domain=DOMAIN,
                    translation_key=key,
                    translation_placeholders=placeholders,
                ) from err
            raise
    except BaseException:
        await room.async_leave(entry)
        raise
    _follow_home_assistant(hass, entry)
    if node.lapsed:
        # It goes on trying, since another admin may have renewed it; an invitation is quicker.
        entry.async_start_reauth(hass)
    return True


async def _async_unload_mesh(hass: HomeAssistant, entry: MeshConfigEntry) -> bool:
    """Leave nothing of the mesh running."""
    if unloaded := await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        await entry.runtime_data.async_stop()
        await async_get_room(hass).async_leave(entry)
    return unloaded


async def _async_leave_mesh(hass: HomeAssistant, entry: MeshConfigEntry) -> None:
    """Say goodbye to the mesh, so that nobody waits for this node, and forget its key.

    The entry is unloaded by now, so the node comes up once more. Nobody may be in reach; then
    the other members keep it in their lists until an admin removes it or its membership lapses.
    """
    room = async_get_room(hass)
    try:
        if not await _async_say_goodbye(await _async_load_node(hass, entry)):
            _LOGGER.info("Left %s without a goodbye: nobody was in reach", entry.title)
    except (MeshError, ConfigEntryError, ConfigEntryAuthFailed) as err:
        _LOGGER.info("Left %s without a goodbye: %s", entry.title, err)
    finally:
        await room.async_leave(entry)
        await MeshStore(hass, entry.data[CONF_MESH_ID]).remove()


async def _async_load_node(hass: HomeAssistant, entry: MeshConfigEntry) -> MeshNode:
    """Return the entry's node, not started.

    Raises:
        ConfigEntryAuthFailed: A new invitation would help.
        ConfigEntryError: Its state cannot be read.

    """
    try:
        node = await MeshNode.load(
            MeshStore(hass, entry.data[CONF_MESH_ID]),
            await async_node_config(hass, entry),
            http=async_get_clientsession(hass),
            server=async_get_room(hass).async_enter(entry),
            # Made ahead, because loading certificates blocks.
            turn_ssl=client_context(),
        )
    except MeshError as err:
        # A node without its key can come back as a new one, with a new invitation.
        kind = ConfigEntryAuthFailed if err.code == "no_state" else ConfigEntryError
        key, placeholders = translation_of(err)
        raise kind(
            translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders
        ) from err
    if node.revoked and not node.lapsed:
        raise ConfigEntryAuthFailed(
            translation_domain=DOMAIN,
            translation_key="membership_revoked",
            translation_placeholders={"mesh": node.mesh_name},
        )
    return node


async def _async_say_goodbye(node: MeshNode) -> bool:
    """Start *node*, wait until it is linked, let it leave, and tell whether that was heard."""
    linked = asyncio.Event()
    unsubscribe = node.subscribe(
        lambda event: linked.set() if isinstance(event, PeerConnected) else None
    )
    try:
        if node.peers:
            async with asyncio.timeout(LEAVE_TIMEOUT):
                await node.start()
                await linked.wait()
        return await node.leave()
    except TimeoutError:
        return False
    finally:
        unsubscribe()
        await node.stop()


@callback
def _follow_home_assistant(hass: HomeAssistant, entry: MeshConfigEntry) -> None:
    """Apply changed settings and addresses while links stay up, and stop with Home Assistant."""
    hub = entry.runtime_data

    async def entry_updated(_hass: HomeAssistant, _entry: MeshConfigEntry) -> None:
        await hub.async_reconfigure()

    async def config_updated(event: Event[Mapping[str, Any]]) -> None:
        if event.data.keys() & {"external_url", "internal_url"}:
            await hub.async_reconfigure()

    async def cloud_changed(_state: cloud.CloudConnectionState) -> None:
        await hub.async_reconfigure()

    async def stop(_event: Event) -> None:
        await hub.async_stop()
        await async_get_room(hass).async_leave(entry)

    entry.async_on_unload(entry.add_update_listener(entry_updated))
    entry.async_on_unload(hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, config_updated))
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop))
    if "cloud" in hass.config.components:
        entry.async_on_unload(cloud.async_listen_connection_change(hass, cloud_changed))
