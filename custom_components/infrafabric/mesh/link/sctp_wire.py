"""The bytes of ordinary SCTP packets: data and acknowledgements (RFC 9260 section 3).

aiortc reads and writes a packet chunk by chunk, for any kind of chunk; here it is one go for the
two that nearly every packet consists of. Whatever is not quite so is left to the longer way.
"""

import struct
from typing import Final

from aiortc import rtcsctptransport
from aiortc.rtcsctptransport import DataChunk, SackChunk

from .sctp_form import COMMON_HEADER, MAX_CHUNKS

HEADER: Final = 16
"""Bytes of the header of data, and of an acknowledgement without gaps."""

_TAG: Final = struct.Struct("!4xL")
_CRC: Final = struct.Struct("<L")
_CRC_AT: Final = 8
_NO_CRC: Final = bytes(_CRC.size)
_CHUNK: Final = struct.Struct("!BBHLLL")
_DATA: Final = struct.Struct("!HHLL BBHLHHL")
_SACK_AND_DATA: Final = struct.Struct("!HHLL BBHLLL BBHLHHL")
_PADDING: Final = (b"", bytes(3), bytes(2), bytes(1))


def read_ordinary(packet: bytes, tag: int) -> list[DataChunk | SackChunk] | None:
    """Return the chunks of a packet, or None: then it is for the longer way to say what it is.

    Args:
        packet: Decrypted bytes from the peer.
        tag: The verification tag that it must carry.

    """
    end = len(packet)
    chunks: list[DataChunk | SackChunk] = []
    position = COMMON_HEADER
    while position + HEADER <= end:
        kind, flags, length, first, second, third = _CHUNK.unpack_from(packet, position)
        if kind == DataChunk.type and HEADER < length <= end - position:
            data = DataChunk.__new__(DataChunk)
            data.flags = flags
            data.tsn = first
            data.stream_id = second >> 16
            data.stream_seq = second & 0xFFFF
            data.protocol = third
            data.user_data = packet[position + HEADER : position + length]
            chunks.append(data)
            position += length + -length % 4
        elif kind == SackChunk.type and length == HEADER and third == 0:
            sack = SackChunk.__new__(SackChunk)
            sack.flags = flags
            sack.cumulative_tsn = first
            sack.advertised_rwnd = second
            sack.gaps = []
            sack.duplicates = []
            chunks.append(sack)
            position += HEADER
        else:
            return None
    if (
        position != end
        or not 0 < len(chunks) <= MAX_CHUNKS
        or _TAG.unpack_from(packet)[0] != tag
        or _CRC.unpack_from(packet, _CRC_AT)[0]
        != _crc(packet[:_CRC_AT] + _NO_CRC + packet[COMMON_HEADER:])
    ):
        return None
    return chunks


def write_data(
    source: int, destination: int, tag: int, data: DataChunk, sack: tuple[int, int] | None
) -> bytes:
    """Return the packet that carries data, behind an acknowledgement without gaps if there is one.

    Args:
        source: Own port.
        destination: The peer's port.
        tag: The peer's verification tag.
        data: The data.
        sack: The last TSN that arrived, and how many bytes may come.

    """
    length = HEADER + len(data.user_data)
    chunk = (
        DataChunk.type,
        data.flags,
        length,
        data.tsn,
        data.stream_id,
        data.stream_seq,
        data.protocol,
    )
    if sack is None:
        head = _DATA.pack(source, destination, tag, 0, *chunk)
    else:
        head = _SACK_AND_DATA.pack(
            source, destination, tag, 0, SackChunk.type, 0, HEADER, *sack, 0, *chunk
        )
    packet = head + data.user_data + _PADDING[length % 4]
    return packet[:_CRC_AT] + _CRC.pack(_crc(packet)) + packet[COMMON_HEADER:]


def _crc(packet: bytes) -> int:
    # Looked up each time: aiortc's may be replaced by a faster one.
    return rtcsctptransport.crc32c(packet)  # type: ignore[attr-defined,no-any-return]
