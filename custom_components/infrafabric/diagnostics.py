"""Diagnostics that can be posted in public: what happens, never who, where or with which key.

Two nets, one under the other. What is known to be private is left out by its name. Then every
remaining text is searched for what looks like an address, a key, an SDP or an invitation, because
a later version of the library may put one where nobody expects it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from ipaddress import ip_address
import re
from typing import Any, Final

from yarl import URL

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST, CONF_NAME, CONF_URL, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.util.hass_dict import HassKey

from .const import (
    CONF_CREDENTIAL,
    CONF_HTTP_PASSWORD,
    CONF_HTTP_USERNAME,
    CONF_LOCAL_ADDRESSES,
    CONF_NODE_NAME,
    CONF_SIGNALING_URLS,
)
from .hub import MeshConfigEntry, MeshHub
from .mesh.model import PeerView
from .studio_diagnostics import described_studio
from .studio_setup import is_studio
from .surfaces.setup import is_surfaces
from .surfaces.webhooks.inbound.receiving import INBOUND
from .surfaces.webhooks.outbound.sending import OUTBOUND
from .versions import async_versions

# Names of people and places, credentials, and everything that says where somebody is.
TO_REDACT: Final = {
    CONF_CREDENTIAL,
    CONF_HOST,
    CONF_HTTP_PASSWORD,
    CONF_HTTP_USERNAME,
    CONF_LOCAL_ADDRESSES,
    CONF_NAME,
    CONF_NODE_NAME,
    CONF_SIGNALING_URLS,
    CONF_URL,
    CONF_USERNAME,
    "address",
    "addresses",
    "candidate",
    "candidates",
    "content",
    "invitation",
    "key",
    "nonce",
    "password",
    "sdp",
    "secret",
    "seed",
    "signature",
    "title",
    "token",
    "urls",
}

_SDP: Final = re.compile(
    r"(?:^v=0\b|a=(?:candidate|fingerprint|ice-pwd|ice-ufrag)\b)", re.MULTILINE
)
_PATTERNS: Final = (
    # An invitation holds a secret; so does its bare payload.
    re.compile(r"(?:infrafabric:join#)?\bif1\.[\w-]+"),
    re.compile(r"\b(?:wss?|https?|stuns?|turns?):[^\s\"'<>]+"),
    re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
    # Keys, seeds and signatures (32 bytes and more), then secrets of 16 bytes.
    re.compile(r"\b(?:[0-9a-fA-F]{2}){32,}\b"),
    re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_]{43,}={0,2}"),
    re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{22}=="),
)
# Times look like this too, so what is found is checked.
_PERHAPS_IPV6: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: ConfigEntry[Any]
) -> dict[str, Any]:
    """Return the diagnostics of a mesh, a studio, or the rules and webhooks."""
    if is_surfaces(entry):
        return _scrubbed({"versions": await async_versions(hass), **await _surfaces(hass, entry)})
    if is_studio(entry):
        return _scrubbed({"versions": await async_versions(hass), **described_studio(entry)})
    return await _async_mesh(hass, entry)


async def _surfaces(hass: HomeAssistant, entry: ConfigEntry[Any]) -> dict[str, Any]:
    """Return how many subentries of each type there are and run, and nothing of what is in them."""
    running: frozenset[str] = entry.runtime_data.running
    types: dict[str, dict[str, int]] = {}
    for subentry in entry.subentries.values():
        counts = types.setdefault(subentry.subentry_type, {"configured": 0, "running": 0})
        counts["configured"] += 1
        counts["running"] += subentry.subentry_id in running
    webhooks = {
        "inbound": [hook.async_describe() for hook in _of(hass, INBOUND, entry)],
        "outbound": [await hook.async_describe() for hook in _of(hass, OUTBOUND, entry)],
    }
    return {
        "entry": {"version": f"{entry.version}.{entry.minor_version}"},
        "subentries": types,
        "webhooks": webhooks,
    }


def _of[T](hass: HomeAssistant, key: HassKey[dict[str, T]], entry: ConfigEntry[Any]) -> list[T]:
    """Return the running webhooks of an entry."""
    return [hook for hook_id, hook in hass.data.get(key, {}).items() if hook_id in entry.subentries]


async def _async_mesh(hass: HomeAssistant, entry: MeshConfigEntry) -> dict[str, Any]:
    """Return the diagnostics of a mesh."""
    hub = entry.runtime_data
    node = hub.node
    stats = hub.stats
    return _scrubbed(
        {
            "versions": await async_versions(hass),
            "entry": {
                "version": f"{entry.version}.{entry.minor_version}",
                "data": dict(entry.data),
                "options": dict(entry.options),
            },
            "node": {
                "peer_id": node.peer_id,
                "role": node.role,
                "not_after": node.not_after,
                "revoked": node.revoked,
            },
            "stats": {
                **asdict(stats),
                # A mapping may be of a kind that asdict copies as it is.
                "refused": dict(stats.refused),
                "signaling_connected": _shapes(stats.signaling_connected),
                "signaling_configured": _shapes(stats.signaling_configured),
            },
            "invitations": [
                {
                    "role": invitation.role,
                    "created": invitation.created,
                    "expires": invitation.expires,
                }
                for invitation in node.invitations
            ],
            "peers": [_peer(peer) for peer in hub.peers.values()],
            "mesh": node.describe(),
        }
    )


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: ConfigEntry[Any], device: DeviceEntry
) -> dict[str, Any]:
    """Return the diagnostics of a peer; of the whole entry for the device of node or studio."""
    if is_studio(entry) or is_surfaces(entry):
        return await async_get_config_entry_diagnostics(hass, entry)
    hub: MeshHub = entry.runtime_data
    peer_id = hub.peer_id_of_device(device.id)
    if peer_id is None or (peer := hub.peers.get(peer_id)) is None:
        return await async_get_config_entry_diagnostics(hass, entry)
    return _scrubbed({"versions": await async_versions(hass), "peer": _peer(peer)})


def _peer(peer: PeerView) -> dict[str, Any]:
    """Return what is told of a peer; its id stays, or two reports could not be compared."""
    view = asdict(peer)
    # The same as the id, with a dash here and there.
    del view["check_groups"]
    return view


def _shapes(urls: Iterable[str]) -> list[str]:
    """Return how addresses are made, without where they lead."""
    return [f"{URL(url).scheme} {REDACTED} {URL(url).path}" for url in urls]


def _scrubbed(data: dict[str, Any]) -> dict[str, Any]:
    """Return *data* as JSON values, with both nets applied."""
    scrubbed: dict[str, Any] = _searched(async_redact_data(data, TO_REDACT))
    return scrubbed


def _searched(value: Any) -> Any:
    """Return *value* with everything that looks private replaced, in keys as well."""
    match value:
        case Mapping():
            return {_text(str(key)): _searched(item) for key, item in value.items()}
        case str():
            return _text(value)
        case datetime():
            return value.isoformat()
        case bool() | int() | float() | None:
            return value
        case list() | tuple() | set() | frozenset():
            return [_searched(item) for item in value]
        case _:
            # Bytes above all: whatever has no place in JSON had none in the report.
            return REDACTED


def _text(text: str) -> str:
    if _SDP.search(text):
        return REDACTED
    for pattern in _PATTERNS:
        text = pattern.sub(REDACTED, text)
    return _PERHAPS_IPV6.sub(_address, text)


def _address(match: re.Match[str]) -> str:
    try:
        ip_address(match[0].rstrip(".:") or match[0])
    except ValueError:
        return match[0]
    return REDACTED
