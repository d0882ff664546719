"""Which addresses others reach this Home Assistant's signaling server at."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from yarl import URL

from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import NoURLAvailableError, get_url

from .const import CONF_SIGNALING_URLS, SIGNAL_PATH
from .mesh.trust.invitation import MAX_URLS, is_signaling_url

_WEBSOCKET_SCHEME = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_PRIVATE_SUFFIXES = (
    ".fritz.box",
    ".home",
    ".home.arpa",
    ".internal",
    ".lan",
    ".local",
    ".localdomain",
)


class Reach(StrEnum):
    """From where the addresses of an invitation can be reached."""

    PUBLIC = "public"
    PRIVATE = "private"
    NOWHERE = "nowhere"


def signaling_url(text: str) -> str:
    """Return the WebSocket address of the signaling server that *text* names.

    A bare address of a Home Assistant (``https://home.example``) gets the path of its signaling
    view; an address with a path is taken as it is, since it may be an agent's or a proxy's.

    Raises:
        ValueError: Not an absolute http(s) or ws(s) address, or one with a user, password,
            query or fragment.

    """
    url = URL(text.strip())
    if (
        url.scheme not in _WEBSOCKET_SCHEME
        or not url.host
        or url.user
        or url.password
        or url.query_string
        or url.fragment
    ):
        msg = "not the address of a signaling server"
        raise ValueError(msg)
    url = url.with_scheme(_WEBSOCKET_SCHEME[url.scheme])
    address = str(url if url.path not in ("", "/") else url.with_path(SIGNAL_PATH))
    if not is_signaling_url(address):
        msg = "not an address that an invitation can carry"
        raise ValueError(msg)
    return address


def signaling_urls(hass: HomeAssistant, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every address of this Home Assistant's signaling server, best first.

    The user's own addresses come first, because they were typed for this purpose; then the
    external, the Home Assistant Cloud and the internal one.
    """
    urls: list[str] = list(options.get(CONF_SIGNALING_URLS, ()))
    for choice in (
        {"allow_internal": False, "allow_cloud": False, "allow_ip": True},
        {"require_cloud": True},
        {"allow_external": False, "allow_cloud": False, "allow_ip": True},
    ):
        try:
            urls.append(signaling_url(get_url(hass, **choice)))
        except NoURLAvailableError:
            continue
    if not hass.config.internal_url and (api := hass.config.api) is not None and api.use_ssl:
        # Home Assistant never names its own IP address with TLS, because no certificate fits
        # it. The mesh does not need the certificate: it proves and seals everything itself.
        urls.append(signaling_url(str(URL.build(scheme="https", host=api.local_ip, port=api.port))))
    return tuple(dict.fromkeys(urls))


def invitation_urls(hass: HomeAssistant, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the addresses that an invitation has room for."""
    return signaling_urls(hass, options)[:MAX_URLS]


def is_private(url: str) -> bool:
    """Tell whether only the same network reaches *url*."""
    host = (URL(url).host or "").lower()
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_SUFFIXES)


def reach_of(urls: Iterable[str]) -> Reach:
    """Tell from where *urls* can be reached."""
    private = [is_private(url) for url in urls]
    if not private:
        return Reach.NOWHERE
    return Reach.PRIVATE if all(private) else Reach.PUBLIC
