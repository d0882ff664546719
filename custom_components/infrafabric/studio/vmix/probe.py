"""A first look at a vMix, before it is kept."""

import aiohttp

from ..api import Identity
from ..errors import InvalidError
from .http import HTTP_PORT, HttpLink
from .link import TCP_PORT, Link, TcpLink
from .xml import parse


async def probe_vmix(
    host: str,
    port: int = TCP_PORT,
    *,
    session: aiohttp.ClientSession | None = None,
    http_port: int | None = None,
    use_http: bool = False,
    http_username: str | None = None,
    http_password: str | None = None,
) -> Identity:
    """Connect, read everything once, and say what answered.

    vMix has no id and no place to keep one: ``Identity.id`` is None.

    Raises:
        StudioError: With a precise code: nothing is there, it does not answer, it is another
            program or the other port, it wants a password, or what it says makes no sense.

    """
    link: Link
    if not use_http:
        link = await TcpLink.open(host, port, lambda _event: None, events=False)
    elif session is None:
        raise InvalidError("invalid_value", "HTTP needs a session.", name="session")
    else:
        http_port = http_port or HTTP_PORT
        link = HttpLink(session, host, http_port, http_username, http_password)
    try:
        version = parse(await link.xml()).state.version
        software = version.software or await link.version()
    finally:
        await link.close()
    return Identity(id=None, name=f"vMix {version.edition or ''}".strip(), software=software)
