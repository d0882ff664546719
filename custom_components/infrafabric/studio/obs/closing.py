"""Why a connection to OBS ended, by the close code of its WebSocket."""

from collections.abc import Mapping
from typing import Final

from ..errors import AuthenticationError, ProtocolError, StudioError, UnreachableError


def too_old(found: str) -> ProtocolError:
    """Return the error for a server without protocol 5."""
    return ProtocolError(
        "studio_too_old",
        f"OBS speaks obs-websocket {found[:40]}, and 5.0 or newer is needed. Update OBS Studio to "
        "version 28 or newer.",
        found=found[:40],
        needed="5.0",
    )


_BROKEN: Final[Mapping[int, str]] = {
    4002: "OBS could not decode a frame",
    4003: "OBS missed a field in a frame",
    4004: "OBS found a field of a wrong type in a frame",
    4005: "OBS found a field with a wrong value in a frame",
    4006: "OBS did not know the kind of a frame",
    4007: "OBS got a request before the log-in",
    4008: "OBS got a second log-in",
    4012: "OBS lacks a feature that was asked for",
}
_LOST: Final[Mapping[int, str]] = {
    1000: "OBS closed the connection",
    1001: "OBS is going away",
    1006: "the connection broke without a goodbye",
    1009: "a frame was too large",
    4000: "OBS closed the connection without a reason",
}


def closed(code: int | None, found: str = "4.x") -> StudioError:
    """Return what a close code of the WebSocket means (the protocol's WebSocketCloseCode).

    Args:
        code: None if the connection broke without one.
        found: The version of obs-websocket, as far as it is known.

    """
    if code == 4009:  # noqa: PLR2004  # the table of codes is the protocol's
        return AuthenticationError(
            "studio_auth_failed", "OBS refused the password. Enter the one it shows now."
        )
    if code == 4010:  # noqa: PLR2004
        return too_old(found)
    if code == 4011:  # noqa: PLR2004
        return UnreachableError(
            "studio_kicked",
            "Somebody ended this session in OBS. The next attempt comes in a minute.",
        )
    if code is not None and code in _BROKEN:
        return ProtocolError(
            "studio_protocol",
            f"{_BROKEN[code]} (close code {code}). OBS and this client misunderstand each other.",
            reason=f"{_BROKEN[code]} ({code})",
        )
    reason = _LOST.get(code or 1006, f"OBS closed the connection with code {code}")
    return UnreachableError("studio_closed", f"The connection ended: {reason}.", reason=reason)
