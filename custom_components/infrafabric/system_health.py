"""System health: whether meshes and studios work here, at a glance."""

import asyncio
from typing import Any, Final

import aiohttp
from yarl import URL

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .const import DOMAIN
from .hub import MeshHub
from .studio_coordinator import StudioCoordinator
from .studio_setup import is_studio
from .surfaces.setup import is_surfaces
from .versions import async_versions

TIMEOUT: Final = 4.0
"""Seconds; Home Assistant gives up on a value after 5."""


@callback
def async_register(
    hass: HomeAssistant,
    register: system_health.SystemHealthRegistration,
) -> None:
    """Tell Home Assistant where the information comes from."""
    register.async_register_info(_async_info, f"/config/integrations/integration/{DOMAIN}")


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return what is shown; the loaded meshes together, and so the studios."""
    loaded = hass.config_entries.async_loaded_entries(DOMAIN)
    entries = [entry for entry in loaded if not is_surfaces(entry)]
    hubs: list[MeshHub] = [entry.runtime_data for entry in entries if not is_studio(entry)]
    studios: list[StudioCoordinator] = [entry.runtime_data for entry in entries if is_studio(entry)]
    stats = [hub.stats for hub in hubs]
    versions = await async_versions(hass)
    urls = {url for figures in stats for url in figures.signaling_configured}
    info = {
        "version": versions["infrafabric"],
        "aiortc_version": versions["aiortc"],
        "crc_implementation": versions["crc32c"],
        "meshes": len(hubs),
        "studios_connected": _of(sum(studio.available for studio in studios), len(studios)),
    }
    if not hubs:
        # Who has studios only needs no signaling.
        return info
    return {
        **info,
        "peers_online": _of(
            sum(figures.peers_online for figures in stats),
            sum(figures.peers_total for figures in stats),
        ),
        "signaling_connected": _of(
            # A server of our own that has no address for others is connected all the same.
            len({u for figures in stats for u in figures.signaling_connected if "://" in u}),
            len(urls),
        ),
        # A coroutine: the page shows it when it is known.
        "can_reach_signaling": _async_reach(hass, sorted(urls)),
    }


def _of(part: int, whole: int) -> str:
    return f"{part}/{whole}"


async def _async_reach(hass: HomeAssistant, urls: list[str]) -> str | dict[str, str]:
    """Return "ok" if every signaling address answers, or how many of them do.

    One of several may well not answer from inside: not every router leads an external address
    back in. No address is named, because people post this.
    """
    if not urls:
        return {"type": "failed", "error": "no address"}
    results = await asyncio.gather(*(_try(hass, url) for url in urls))
    failures = [error for error in results if error is not None]
    if not failures:
        return "ok"
    if len(failures) < len(urls):
        return _of(len(urls) - len(failures), len(urls))
    return {"type": "failed", "error": failures[0]}


async def _try(hass: HomeAssistant, url: str) -> str | None:
    """Return why the server at *url* does not answer; any answer at all will do."""
    address = URL(url)
    address = address.with_scheme("https" if address.scheme == "wss" else "http")
    # A certificate that nobody vouches for is no obstacle to the mesh, which proves and seals
    # everything itself.
    session = async_get_clientsession(hass, verify_ssl=False)
    try:
        async with session.get(address, timeout=aiohttp.ClientTimeout(total=TIMEOUT)):
            return None
    except TimeoutError:
        return "timeout"
    except aiohttp.ClientError:
        return "unreachable"
