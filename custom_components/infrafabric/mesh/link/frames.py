"""Frames: everything that crosses an open link, one type byte and a payload each.

All numbers are unsigned and big-endian. No frame is larger than 16 KiB. A frame of another type,
on another channel, or one byte too long or too short is a protocol error that closes the link.

Channel 0, "control" (ordered, reliable):

| type | name    | payload |
|------|---------|---------|
| 0x01 | HELLO   | canonical JSON, see ``Hello`` |
| 0x02 | PROOF   | 64-byte Ed25519 signature |
| 0x03 | READY   | empty |
| 0x04 | CLOSE   | reason, 1…64 characters of a…z and _ |
| 0x05 | ASK     | empty: "are you there?"; answered with HERE |
| 0x06 | HERE    | empty |
| 0x10 | BATCH   | u8 number of receipts, the receipts, then nothing or a packed unit |
| 0x20 | CONTROL | u8: 1 when more of this payload follows, else 0; then bytes (a node's JSON) |

Channel 1, "gossip" (unordered, reliable): 0x21 GOSSIP, bytes for the node.
Channel 2, "telemetry" (unordered, never retransmitted): 0x30 PING and 0x31 PONG, u32 sequence.
Channel 3, "bulk" (ordered, reliable): 0x40 START, u32 unit, u32 size of the body, 64-byte
signature, and 0x41 CHUNK, packed bytes of that body. One body is under way at a time.

A receipt is u32 unit, u8 number of messages, and one ``ReceiptStatus`` byte per message. A unit is
a bundle of messages or one large message; its sender numbers units from 0 and counts its messages
(each body and 68 bytes) against the credit that the peer's HELLO grants until the receipt is in.
In a BATCH a unit is u32 unit, u8 number of messages, their 64-byte signatures (which do not
compress), then packed bytes: the bodies, each after its u32 size. Packed bytes start with u8 0 (as
they are) or 1 (zlib, RFC 1950).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
import re
import struct
from typing import Any, Final, NamedTuple, Self

from ..encoding import b64decode, b64encode, canonical_json, parse_canonical_json
from ..model import ReceiptStatus

MAX_FRAME: Final = 16 * 1024
"""Largest frame, bytes: what browsers accept everywhere."""
MAX_BODY: Final = 1024 * 1024 + 16 * 1024
"""Largest message body, bytes."""
MAX_UNIT: Final = 32 * 1024
"""Largest bundle or chunk before packing, bytes."""
MAX_MESSAGES: Final = 128
"""Messages in a bundle."""
MAX_RECEIPTS: Final = 32
"""Receipts in a BATCH."""
OVERHEAD: Final = 68
"""Bytes a message costs beside its body: size and signature."""
PACKET: Final = 1160
"""Bytes that fit one SCTP packet; below it compression saves nothing."""
VERSION: Final = 1
"""Version of this protocol."""
SIGNATURE: Final = 64

try:
    from isal import isal_zlib as _deflate
except ImportError:
    # The same format, five times as slow.
    import zlib as _deflate  # type: ignore[no-redef]

_DAMAGED: Final[type[Exception]] = _deflate.error  # type: ignore[assignment]

_U32: Final = struct.Struct("!I")
_START: Final = struct.Struct("!BII64s")
_RECEIPT: Final = struct.Struct("!IB")
_REASON: Final = re.compile(rb"[a-z_]{1,64}")
_STATUSES: Final = {int(status): status for status in ReceiptStatus}
_STATUS_BYTES: Final = bytes(_STATUSES)
_MAX_CREDIT: Final = 2**31
_MAX_HELLO: Final = 8 * 1024
_NONCE: Final = 32


class Channel(IntEnum):
    """The four negotiated data channels by stream id."""

    CONTROL = 0
    GOSSIP = 1
    TELEMETRY = 2
    BULK = 3


class FrameType(IntEnum):
    """First byte of a frame."""

    HELLO = 0x01
    PROOF = 0x02
    READY = 0x03
    CLOSE = 0x04
    ASK = 0x05
    HERE = 0x06
    BATCH = 0x10
    CONTROL = 0x20
    GOSSIP = 0x21
    PING = 0x30
    PONG = 0x31
    START = 0x40
    CHUNK = 0x41


_GROUPS: Final = {
    Channel.CONTROL: "HELLO PROOF READY CLOSE ASK HERE BATCH CONTROL",
    Channel.GOSSIP: "GOSSIP",
    Channel.TELEMETRY: "PING PONG",
    Channel.BULK: "START CHUNK",
}
CHANNEL_OF: Final[Mapping[int, Channel]] = {
    FrameType[name]: channel for channel, names in _GROUPS.items() for name in names.split()
}
"""The one channel on which each type is accepted."""


class FrameError(ValueError):
    """The peer sent what no honest peer sends."""


type Message = tuple[bytes, bytes]
"""Body and signature."""


def pack(data: bytes, *, beside: int = 0, compress: bool = True) -> bytes:
    """Return *data* packed: compressed when that saves packets, *beside* other bytes."""
    size = len(data) + beside
    if compress and size > PACKET:
        small = _deflate.compress(data, 1)
        if (len(small) + beside) // PACKET < size // PACKET:
            return b"\1" + small
    return b"\0" + data


def unpack(data: bytes, limit: int) -> bytes:
    """Return packed bytes unpacked, at most *limit* of them.

    Raises:
        FrameError: Malformed, or more than *limit* bytes.

    """
    flag = data[:1]
    if flag == b"\0":
        plain = data[1:]
    elif flag == b"\1":
        inflater = _deflate.decompressobj()
        try:
            plain = inflater.decompress(data[1:], limit + 1)
        except _DAMAGED as err:
            raise FrameError("compressed data is damaged") from err
        if not inflater.eof or inflater.unused_data:
            raise FrameError("compressed data is too large or does not end")
    else:
        raise FrameError("unknown packing")
    if len(plain) > limit:
        raise FrameError("packed data is too large")
    return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """First frame each way: ``{"v": [min, max], "nonce": b64, "credit": int, "hello": {…}}``."""

    nonce: bytes
    credit: int
    """Bytes of messages the peer may have under way towards the sender of this."""
    versions: tuple[int, int] = (VERSION, VERSION)
    hello: Mapping[str, Any]
    """What the node says of itself; unproven until the link is open."""

    def encode(self) -> bytes:
        """Return the HELLO frame."""
        value = {
            "v": list(self.versions),
            "nonce": b64encode(self.nonce),
            "credit": self.credit,
            "hello": dict(self.hello),
        }
        frame = bytes([FrameType.HELLO]) + canonical_json(value)
        if len(frame) > _MAX_HELLO:
            raise ValueError("the hello is too large")
        return frame

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Read the payload of a HELLO.

        Raises:
            FrameError: Malformed.

        """
        try:
            if len(payload) > _MAX_HELLO:
                raise ValueError("too large")
            value = parse_canonical_json(payload)
            if not isinstance(value, dict) or value.keys() != {"v", "nonce", "credit", "hello"}:
                raise ValueError("wrong keys")
            low, high = value["v"]
            credit, hello = value["credit"], value["hello"]
            if (
                not all(type(number) is int for number in (low, high, credit))
                or not 0 < low <= high
                or not MAX_BODY + OVERHEAD <= credit <= _MAX_CREDIT
                or not isinstance(hello, dict)
            ):
                raise ValueError("wrong values")
            nonce = b64decode(value["nonce"], _NONCE)
        except (ValueError, TypeError) as err:
            raise FrameError(f"HELLO: {err}") from err
        return cls(nonce=nonce, credit=credit, versions=(low, high), hello=hello)


type Receipt = tuple[int, bytes]
"""Unit, and one status byte per message."""


class Batch(NamedTuple):
    """Receipts for the peer's messages, and perhaps messages."""

    receipts: Sequence[Receipt]
    unit: int | None
    messages: Sequence[Message]


def encode_bodies(bodies: Iterable[bytes]) -> bytes:
    """Return bodies one after another, not yet packed."""
    parts: list[bytes] = []
    for body in bodies:
        parts.append(_U32.pack(len(body)))
        parts.append(body)
    return b"".join(parts)


def decode_bodies(data: bytes, count: int) -> list[bytes]:
    """Read *count* bodies one after another.

    Raises:
        FrameError: Malformed, or another number of them.

    """
    bodies: list[bytes] = []
    position, end = 0, len(data)
    for _ in range(count):
        if end - position < _U32.size:
            raise FrameError("malformed bundle")
        (size,) = _U32.unpack_from(data, position)
        position += _U32.size
        if not 0 < size <= end - position:
            raise FrameError("malformed bundle")
        bodies.append(data[position : position + size])
        position += size
    if position != end:
        raise FrameError("malformed bundle")
    return bodies


def encode_batch(
    receipts: Sequence[Receipt],
    unit: int | None = None,
    signatures: Sequence[bytes] = (),
    packed: bytes = b"",
) -> bytes:
    """Return a BATCH of at most ``MAX_RECEIPTS`` receipts and, if *unit* is given, a bundle.

    Args:
        receipts: For units of the peer.
        unit: Number of this bundle.
        signatures: One per message.
        packed: The packed bodies.

    """
    parts = [bytes((FrameType.BATCH, len(receipts)))]
    for number, statuses in receipts:
        parts.append(_RECEIPT.pack(number, len(statuses)))
        parts.append(statuses)
    if unit is not None:
        parts.append(_RECEIPT.pack(unit, len(signatures)))
        parts += signatures
        parts.append(packed)
    return b"".join(parts)


def decode_batch(payload: bytes) -> Batch:
    """Read the payload of a BATCH.

    Raises:
        FrameError: Malformed or beyond a limit.

    """
    if not payload or payload[0] > MAX_RECEIPTS:
        raise FrameError("malformed batch")
    receipts: list[Receipt] = []
    position = 1
    for _ in range(payload[0]):
        if len(payload) - position < _RECEIPT.size:
            raise FrameError("malformed receipt")
        unit, count = _RECEIPT.unpack_from(payload, position)
        position += _RECEIPT.size
        statuses = payload[position : position + count]
        if len(statuses) != count or not count or statuses.translate(None, _STATUS_BYTES):
            raise FrameError("malformed receipt")
        receipts.append((unit, statuses))
        position += count
    if position == len(payload):
        if not receipts:
            raise FrameError("empty batch")
        return Batch(receipts, None, ())
    if len(payload) - position < _RECEIPT.size:
        raise FrameError("malformed batch")
    unit, count = _RECEIPT.unpack_from(payload, position)
    position += _RECEIPT.size
    start = position + SIGNATURE * count
    if not 0 < count <= MAX_MESSAGES or start >= len(payload):
        raise FrameError("malformed bundle")
    bodies = decode_bodies(unpack(payload[start:], MAX_UNIT), count)
    signatures = [payload[i : i + SIGNATURE] for i in range(position, start, SIGNATURE)]
    return Batch(receipts, unit, list(zip(bodies, signatures, strict=True)))


def statuses_of(statuses: bytes) -> list[ReceiptStatus]:
    """Return the statuses of a receipt's checked bytes."""
    return [_STATUSES[status] for status in statuses]


def encode_start(unit: int, size: int, signature: bytes) -> bytes:
    """Return the START of a large message of *size* bytes."""
    return _START.pack(FrameType.START, unit, size, signature)


def decode_start(payload: bytes) -> tuple[int, int, bytes]:
    """Return unit, size and signature of a START.

    Raises:
        FrameError: Malformed or too large.

    """
    if len(payload) != _START.size - 1:
        raise FrameError("malformed START")
    unit, size = struct.unpack_from("!II", payload)
    if not 0 < size <= MAX_BODY:
        raise FrameError("large message of an impossible size")
    return unit, size, payload[8:]


def encode_probe(kind: FrameType, sequence: int) -> bytes:
    """Return a PING or PONG."""
    return bytes([kind]) + _U32.pack(sequence)


def decode_probe(payload: bytes) -> int:
    """Return the sequence number of a PING or PONG.

    Raises:
        FrameError: Malformed.

    """
    if len(payload) != _U32.size:
        raise FrameError("malformed probe")
    (sequence,) = _U32.unpack(payload)
    return int(sequence)


def encode_close(reason: str) -> bytes:
    """Return a CLOSE; *reason* is a code of a…z and _."""
    return bytes([FrameType.CLOSE]) + reason.encode("ascii")


def decode_close(payload: bytes) -> str:
    """Return the reason of a CLOSE.

    Raises:
        FrameError: Malformed.

    """
    if not _REASON.fullmatch(payload):
        raise FrameError("malformed CLOSE")
    return payload.decode("ascii")


def encode_control(payload: bytes) -> list[bytes]:
    """Return the CONTROL frames that carry *payload*."""
    step = MAX_FRAME - 2
    pieces = [payload[i : i + step] for i in range(0, len(payload), step)] or [b""]
    last = len(pieces) - 1
    return [bytes((FrameType.CONTROL, i < last)) + piece for i, piece in enumerate(pieces)]


def decode_control(payload: bytes) -> tuple[bool, bytes]:
    """Return whether more follows, and the bytes of a CONTROL.

    Raises:
        FrameError: Malformed.

    """
    if not payload or payload[0] > 1:
        raise FrameError("malformed CONTROL")
    return payload[0] == 1, payload[1:]
