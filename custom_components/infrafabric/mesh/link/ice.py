"""STUN and TURN servers as a caller names them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """One STUN or TURN server (RFC 7064, RFC 7065).

    ``stun:host:port``, ``turn:host:port?transport=udp``, ``…transport=tcp`` or ``turns:host:port``.
    """

    url: str
    username: str | None = None
    credential: str | None = field(default=None, repr=False)
