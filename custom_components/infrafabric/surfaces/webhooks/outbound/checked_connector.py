"""Connections to addresses that were checked, for URLs that somebody typed.

A host name may lead anywhere, and elsewhere a moment later. So the addresses that a name leads to
are checked where it is resolved, and the very one that is connected to is checked again where its
socket is made: there is no moment in between for another answer.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
import socket
import ssl
from typing import Final, override

from aiohttp import AddrInfoType, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

MAX_CONNECTIONS: Final = 8
"""Connections of one webhook at once."""

_NEVER: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # reaches this machine on some systems
        "240.0.0.0/4",
        # Metadata of cloud machines: whoever reads it is the machine.
        "100.100.100.200/32",
        "168.63.129.16/32",
        "169.254.169.254/32",
        "192.0.0.192/32",
        "fd00:42::42/128",
        # Also of DNS and time, for machines of one cloud only.
        "fd00:ec2::/32",
        "fd20:ce::254/128",
    )
)
_SITE_LOCAL: Final = ip_network("fec0::/10")
"""Private addresses of old, which Python takes for those of the internet."""
_LAST_32_BITS: Final = tuple(
    ip_network(network)
    for network in (
        "::/96",  # IPv4-compatible
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
    )
)
"""Where IPv6 addresses end in the IPv4 address that they lead to."""
_NAT64_OF_OWN: Final = ip_network("64:ff9b:1::/48")
_PLACES: Final = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
"""Octets of the IPv4 address in one with a prefix of 48, 56, 64 or 96 bits (RFC 6052, 2.2)."""


class AddressRefusedError(OSError):
    """An address is one that webhooks must not reach."""


def permitted(text: str, *, private: bool) -> bool:
    """Tell whether a webhook may connect to an IP address.

    Link-local, multicast, unspecified and reserved ones, and those of metadata services, never;
    other addresses that are not of the internet only if *private* says so.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_permitted(each, private=private) for each in (address, *_embedded(address)))


def _permitted(address: IPv4Address | IPv6Address, *, private: bool) -> bool:
    if (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or any(address in network for network in _NEVER)
    ):
        return False
    return private or (address.is_global and address not in _SITE_LOCAL)


def _embedded(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address really leads to."""
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    number = int(address)
    # Those of this machine are what they are: ::1 is not 0.0.0.1.
    if any(address in network for network in _LAST_32_BITS) and number > 1:
        found.append(IPv4Address(number & 0xFFFF_FFFF))
    if address in _NAT64_OF_OWN:
        octets = address.packed
        each_way = (IPv4Address(bytes(octets[at] for at in places)) for places in _PLACES)
        # What is next to nothing is none: the prefix was another.
        found.extend(each for each in each_way if int(each) >> 24)
    return [each for each in found if each is not None]


class CheckedResolver(AbstractResolver):
    """Resolves names as another resolver does, and refuses those that lead where they must not.

    Args:
        inner: What resolves.
        private: Whether addresses that are not of the internet are permitted.

    """

    def __init__(self, inner: AbstractResolver, *, private: bool) -> None:
        self._inner = inner
        self._private = private

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name.

        Raises:
            AddressRefusedError: One of them is not permitted.
            OSError: It has none.

        """
        found = await self._inner.resolve(host, port, family)
        for result in found:
            if not permitted(result["host"], private=self._private):
                raise AddressRefusedError("The name leads to an address that is not allowed.")
        return found

    @override
    async def close(self) -> None:
        """Close the other resolver."""
        await self._inner.close()


def checked_connector(
    inner: AbstractResolver, tls: ssl.SSLContext, *, private: bool
) -> TCPConnector:
    """Return a connector that connects to permitted addresses only; close it after use.

    TLS is verified for the name in the URL, whatever address it leads to.
    """

    def make_socket(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _name, where = info
        # Also reached by a URL with an address in it, which nothing resolves.
        if not permitted(str(where[0]), private=private):
            raise AddressRefusedError("The address is not allowed.")
        return socket.socket(family, kind, protocol)

    return TCPConnector(
        resolver=CheckedResolver(inner, private=private),
        socket_factory=make_socket,
        ssl=tls,
        use_dns_cache=False,
        limit=MAX_CONNECTIONS,
    )
