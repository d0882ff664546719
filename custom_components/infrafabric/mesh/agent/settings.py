"""What an agent is told once and keeps: its name, addresses and ICE servers.

Saved beside the state, without secrets: TURN passwords stay in the file that ``--ice-file`` names.
"""

import asyncio
from dataclasses import asdict, dataclass, fields
import ipaddress
import json
import logging
from pathlib import Path
import socket
import stat
from typing import Final, Self

from ..errors import InvalidError
from ..link.ice import IceServer
from .store import SETTINGS_FILE, read_private, write_private

_LOGGER: Final = logging.getLogger(__name__)

DEFAULT_PORT: Final = 8765
"""Where ``infrafabric signal`` and ``--host-signal`` listen unless told otherwise."""
SIGNAL_PATH: Final = "/api/infrafabric/signal"
"""The same path as in Home Assistant."""
MAX_ICE_SERVERS: Final = 16
_LISTS: Final = ("signal", "local_addresses", "ice_urls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The saved settings of one node."""

    name: str
    signal: tuple[str, ...] = ()
    """Addresses of the signaling server this node uses or hosts."""
    host_signal: str | None = None
    """``HOST:PORT`` to host a signaling server at while running."""
    local_addresses: tuple[str, ...] = ()
    ice_urls: tuple[str, ...] = ()
    """STUN servers, which need no password."""
    ice_file: str | None = None
    """A JSON file of ICE servers, read before each dial."""
    relay_only: bool = False

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Read the settings, or None when there are none.

        Raises:
            InvalidError: ``state_exposed``, ``state_unreadable``.

        """
        data = read_private(directory / SETTINGS_FILE)
        if data is None:
            return None
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in data.items() if key in known}
        for key in _LISTS:
            values[key] = tuple(values.get(key, ()))
        try:
            return cls(**values)
        except TypeError as err:
            path = directory / SETTINGS_FILE
            raise InvalidError(
                "state_unreadable",
                f"{path} is damaged; restore a backup, or move the directory away and join again.",
                path=str(path),
            ) from err

    def save(self, directory: Path) -> None:
        """Write the settings (errors as ``write_private``)."""
        write_private(directory / SETTINGS_FILE, asdict(self))

    def announced(self) -> tuple[str, ...]:
        """Return the signaling addresses that others are told."""
        if self.signal or self.host_signal is None:
            return self.signal
        host, port = split_address(self.host_signal)
        return (signal_url("ws", own_address() if is_wildcard(host) else host, port),)


def is_wildcard(host: str) -> bool:
    """Tell whether listening at *host* means at every address of this machine."""
    return host in ("", "0.0.0.0", "::")  # noqa: S104 - recognised, not bound


def signal_url(scheme: str, host: str, port: int) -> str:
    """Return the address of a signaling server."""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}{SIGNAL_PATH}"


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``, ``HOST`` or ``:PORT``; IPv6 hosts stand in brackets.

    Raises:
        InvalidError: ``address_invalid``.

    """
    host, _, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not host and not text.startswith(":"):
        host, port = text, ""
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        port = "?"
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise InvalidError(
            "address_invalid",
            f"{text} is not an address to listen at; write HOST:PORT, such as 0.0.0.0:8765.",
        )
    return host or "0.0.0.0", int(port or DEFAULT_PORT)  # noqa: S104 - the user left it open


def own_address() -> str:
    """Return the IP address this machine uses towards others, or 127.0.0.1 when it has none."""
    for family, target in (
        # Documentation addresses (RFC 5737, RFC 3849): connecting UDP only asks the routing table.
        (socket.AF_INET, "192.0.2.1"),
        (socket.AF_INET6, "2001:db8::1"),
    ):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return "127.0.0.1"


def check_local_address(text: str) -> str:
    """Return an IP address (ValueError if it is none)."""
    return str(ipaddress.ip_address(text))


def _refuse_ice(path: Path, why: str) -> InvalidError:
    return InvalidError(
        "ice_file_invalid",
        f"{path} is not a list of ICE servers: {why}. "
        'Write [{"url": "turn:host:3478", "username": "…", "credential": "…"}].',
        path=str(path),
    )


def read_ice_file(path: Path) -> tuple[IceServer, ...]:
    """Read ICE servers: a JSON list of objects as WebRTC's ``RTCIceServer`` (``url`` or ``urls``).

    Raises:
        InvalidError: ``ice_file_invalid``.

    """
    try:
        with path.open(encoding="utf-8") as file:
            shared = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            entries = json.load(file)
    except OSError as err:
        raise _refuse_ice(path, err.strerror or "it cannot be read") from err
    except ValueError as err:
        raise _refuse_ice(path, "it is not JSON") from err
    if not isinstance(entries, list):
        raise _refuse_ice(path, "it is not a list")
    servers = [server for entry in entries for server in _servers(path, entry)]
    if len(servers) > MAX_ICE_SERVERS:
        raise _refuse_ice(path, f"there are more than {MAX_ICE_SERVERS}")
    if shared and any(server.credential for server in servers):
        raise _refuse_ice(path, f"it holds a password and others can open it; chmod 600 {path}")
    return tuple(servers)


def _servers(path: Path, entry: object) -> list[IceServer]:
    if not isinstance(entry, dict):
        raise _refuse_ice(path, "an entry is not an object")
    if unknown := entry.keys() - {"url", "urls", "username", "credential"}:
        raise _refuse_ice(path, f"{min(map(str, unknown))} is unknown")
    urls = entry.get("urls", entry.get("url"))
    if isinstance(urls, str):
        urls = [urls]
    if not isinstance(urls, list) or not urls or not all(isinstance(url, str) for url in urls):
        raise _refuse_ice(path, "an entry has no url")
    for url in urls:
        if not is_ice_url(url):
            raise _refuse_ice(path, f"{url} is no stun:, turn: or turns: address")
    secrets = [entry.get(key) for key in ("username", "credential")]
    if not all(value is None or isinstance(value, str) for value in secrets):
        raise _refuse_ice(path, "username and credential are texts")
    return [IceServer(url=url, username=secrets[0], credential=secrets[1]) for url in urls]


def is_ice_url(url: str) -> bool:
    """Tell whether *url* looks like RFC 7064 or RFC 7065."""
    scheme, _, rest = url.partition(":")
    return scheme in ("stun", "stuns", "turn", "turns") and bool(rest) and not rest.startswith("/")


class IceSource:
    """Reads the ICE servers before each dial, so that short-lived TURN passwords may change."""

    def __init__(self, settings: Settings) -> None:
        """Read nothing yet."""
        self._fixed = tuple(IceServer(url=url) for url in settings.ice_urls)
        self._path = Path(settings.ice_file) if settings.ice_file else None
        self._last: tuple[IceServer, ...] = ()

    async def first(self) -> tuple[IceServer, ...]:
        """Return the servers (errors as ``read_ice_file``)."""
        if self._path is not None:
            self._last = await asyncio.to_thread(read_ice_file, self._path)
        return self._fixed + self._last

    async def __call__(self) -> tuple[IceServer, ...]:
        """Return the servers; what was read last when the file cannot be read now."""
        try:
            return await self.first()
        except InvalidError as err:
            _LOGGER.warning("Using the ICE servers from before: %s", err)
            return self._fixed + self._last
