"""Which STUN and TURN servers a dial uses."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from homeassistant.components.web_rtc import async_get_ice_servers
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_URL, CONF_USERNAME
from homeassistant.core import HomeAssistant

from .const import (
    CONF_CREDENTIAL,
    CONF_ICE,
    CONF_ICE_SERVERS,
    ICE_HOME_ASSISTANT,
    ICE_NONE,
)
from .mesh.ice import IceServer


def ice_servers(
    hass: HomeAssistant, entry: ConfigEntry[Any]
) -> Callable[[], Awaitable[Sequence[IceServer]]]:
    """Return what the node asks before each dial.

    It reads the entry and Home Assistant anew each time, because credentials of TURN servers
    (Home Assistant Cloud's above all) last only some hours.
    """

    async def current() -> Sequence[IceServer]:
        mode = entry.options.get(CONF_ICE, ICE_HOME_ASSISTANT)
        if mode == ICE_NONE:
            return ()
        servers = [
            IceServer(
                url=server[CONF_URL],
                username=server.get(CONF_USERNAME),
                credential=server.get(CONF_CREDENTIAL),
            )
            for server in entry.options.get(CONF_ICE_SERVERS, ())
        ]
        if mode == ICE_HOME_ASSISTANT:
            for offered in async_get_ice_servers(hass):
                urls = [offered.urls] if isinstance(offered.urls, str) else offered.urls
                servers.extend(
                    IceServer(url=url, username=offered.username, credential=offered.credential)
                    for url in urls
                )
        return servers

    return current
