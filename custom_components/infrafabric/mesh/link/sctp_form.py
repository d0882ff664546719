"""Whether the lengths in an SCTP packet add up (RFC 9260 section 3), before aiortc decodes it."""

import struct
from typing import Final

MAX_CHUNKS: Final = 16
"""Chunks in one packet."""

_DATA, _INIT, _INIT_ACK, _SACK, HEARTBEAT, _HEARTBEAT_ACK, _ABORT = range(7)
_ERROR, _COOKIE_ECHO, _COOKIE_ACK, _FORWARD = 9, 10, 11, 192
CLOSING: Final = frozenset({7, 8, 14, 130})
"""SHUTDOWN, SHUTDOWN-ACK, SHUTDOWN-COMPLETE and RE-CONFIG: the peer takes the link down."""
_KNOWN: Final = frozenset({*range(7), _ERROR, _COOKIE_ECHO, _COOKIE_ACK, _FORWARD, *CLOSING})
_WITH_PARAMS: Final = {
    _INIT: 16,
    _INIT_ACK: 16,
    HEARTBEAT: 0,
    _HEARTBEAT_ACK: 0,
    _ABORT: 0,
    _ERROR: 0,
}
"""Chunks with parameters, and where these begin after the chunk's header."""
ORDINARY: Final = frozenset({_DATA, _SACK})
"""What nearly every packet consists of."""
SETUP: Final = frozenset({_INIT, _INIT_ACK, _COOKIE_ECHO, _COOKIE_ACK})
"""What sets an association up."""
COMMON_HEADER: Final = 12
"""Bytes before the first chunk."""
_TLV: Final = struct.Struct("!HH")
_CHUNK: Final = struct.Struct("!BBH")


class Violation(Exception):  # noqa: N818 - never leaves the guards
    """The peer broke a bound."""


def well_formed(data: bytes) -> list[int]:
    """Return the chunk types of an SCTP packet whose lengths are all sane.

    Raises:
        Violation: Too many chunks, unknown ones, or lengths that do not add up.

    """
    types: list[int] = []
    position, end = COMMON_HEADER, len(data)
    while position + 4 <= end:
        kind, _flags, length = _CHUNK.unpack_from(data, position)
        if length < _CHUNK.size or position + length > end or len(types) >= MAX_CHUNKS:
            raise Violation("malformed packet")
        if kind not in _KNOWN:
            raise Violation("unknown chunk")
        if (offset := _WITH_PARAMS.get(kind)) is not None:
            _check_params(data, position + _CHUNK.size + offset, position + length)
        types.append(kind)
        position += length + (-length % 4)
    if not types:
        raise Violation("empty packet")
    return types


def _check_params(data: bytes, position: int, end: int) -> None:
    # aiortc's decoder never ends on a length of zero.
    while position + _TLV.size <= end:
        _kind, length = _TLV.unpack_from(data, position)
        if length < _TLV.size or position + length > end:
            raise Violation("malformed parameter")
        position += length + (-length % 4)
