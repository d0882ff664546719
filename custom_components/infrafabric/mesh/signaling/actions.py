"""What the signaling server's rules ask their caller to do, and the limits they keep to."""

from dataclasses import dataclass
from typing import Final, Self

MIN_CONNECTIONS: Final = 16
MAX_CONNECTIONS: Final = 4096
"""What a server may be told to bear; more would want more than one process."""

CLOSE_NORMAL: Final = 1000
CLOSE_AWAY: Final = 1001
CLOSE_POLICY: Final = 1008
CLOSE_LATER: Final = 1013
"""Close codes of RFC 6455 section 7.4 and the IANA registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one server bears; counts of connections, seconds and frames."""

    connections: int = 64
    unauthenticated: int = 32
    """Of these, how many may be not yet signed in, or invitees."""
    joiners: int = 16
    """Of those, how many may be invitees."""
    reserved: int = 4
    """Places that members leave free, so that one of them can always come back."""
    handshake_seconds: float = 10.0
    grace_seconds: float = 2.0
    """So long a newcomer is safe from making room for the next when the places are taken."""
    joiner_seconds: float = 60.0
    joiner_boxes: int = 8
    session_seconds: float = 24 * 3600.0
    """After which a member must sign in again: its record may have lapsed."""
    frames_per_second: float = 20.0
    frames_burst: float = 100.0

    @classmethod
    def of(cls, connections: int) -> Self:
        """Return the limits of a server of that size: the shares of strangers grow with it."""
        usual = cls()
        return cls(
            connections=connections,
            unauthenticated=connections * usual.unauthenticated // usual.connections,
            joiners=connections * usual.joiners // usual.connections,
        )


@dataclass(frozen=True, slots=True)
class Send:
    """Send *text* as one frame."""

    conn: int
    text: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close with a WebSocket close code, after what was sent before."""

    conn: int
    code: int
    reason: str


type Action = Send | Close
