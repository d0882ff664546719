"""Which versions of what is at work here: for diagnostics and system health."""

from importlib.metadata import version
from typing import Final

from aiortc import rtcsctptransport
import google_crc32c

from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

from .const import DOMAIN

LIBRARIES: Final = ("aiortc", "aioice", "PyNaCl")


def crc_implementation() -> str:
    """Return what computes the CRC32C of every packet, ``python`` being far too slow."""
    # Looked up where it is used: the library replaces it there when another one is faster.
    if vars(rtcsctptransport)["crc32c"] is google_crc32c.value:
        return f"google-crc32c ({google_crc32c.implementation})"
    return "crc32c (c)"


async def async_versions(hass: HomeAssistant) -> dict[str, str]:
    """Return the versions of the integration and of the libraries that matter to a link."""
    integration = await async_get_integration(hass, DOMAIN)
    # Reads files.
    libraries = await hass.async_add_executor_job(
        lambda: {library.lower(): version(library) for library in LIBRARIES}
    )
    return {
        "infrafabric": str(integration.version),
        **libraries,
        "crc32c": crc_implementation(),
    }
