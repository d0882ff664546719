"""Which ICE servers an attempt uses, and how the pair that won runs."""

from collections.abc import Iterable, Sequence
import ipaddress
import re
from typing import Final

from ..model import Path
from .ice import IceServer

_STUN: Final = re.compile(r"stuns?:[^\s?]{1,255}")
_TURN: Final = re.compile(r"(turns?):[^\s?]{1,255}?(?:\?transport=(udp|tcp))?")
_RANK: Final = (Path.TURN_UDP, Path.TURN_TCP, Path.TURN_TLS)


def turn_path(url: str) -> Path | None:
    """Return the path a TURN *url* (RFC 7065) gives, or None when it is none that is usable."""
    match = _TURN.fullmatch(url)
    if match is None:
        return None
    scheme, transport = match.groups()
    if scheme == "turns":
        # TURN over DTLS is not implemented by the WebRTC stack.
        return Path.TURN_TLS if transport in (None, "tcp") else None
    return Path.TURN_TCP if transport == "tcp" else Path.TURN_UDP


def attempts(
    ice_servers: Iterable[IceServer], *, relay_only: bool = False
) -> list[tuple[IceServer, ...]]:
    """Return the servers of each attempt in order: direct first, then one TURN URL at a time.

    The WebRTC stack uses one STUN and one TURN server per connection, so each relay needs its own
    attempt: UDP, then TCP, then TLS. Without *relay_only* the first attempt is direct, with the
    first STUN server if there is one.
    """
    servers = list(ice_servers)
    stun = tuple(server for server in servers if _STUN.fullmatch(server.url))[:1]
    relays = [(path, s) for s in servers if (path := turn_path(s.url)) is not None]
    relays.sort(key=lambda entry: _RANK.index(entry[0]))
    direct = [] if relay_only else [stun]
    return direct + [(server,) for _, server in relays]


def path_of(local: tuple[str, str], remote: tuple[str, str], servers: Sequence[IceServer]) -> Path:
    """Return how a candidate pair runs; each side is (type, address).

    A relay on the peer's side counts as ``turn_udp``: how the peer reaches it is not visible here.
    """
    if local[0] == "relay":
        paths = (turn_path(server.url) for server in servers)
        return next((path for path in paths if path is not None), Path.TURN_UDP)
    if remote[0] == "relay":
        return Path.TURN_UDP
    if local[0] == "host" and remote[0] in ("host", "prflx") and _same_net(local[1], remote[1]):
        return Path.DIRECT_LAN
    return Path.DIRECT_WAN


def _same_net(one: str, other: str) -> bool:
    a, b = ipaddress.ip_address(one), ipaddress.ip_address(other)
    if a.version != b.version:
        return False
    if a.is_private and b.is_private:
        return True
    # Global IPv6 addresses of one LAN share their /64; public IPv4 ones rarely share a LAN.
    return a.version == 6 and a.packed[:8] == b.packed[:8]  # noqa: PLR2004
