"""Ordinary packets are the same bytes, and mean the same, as aiortc writes and reads them."""

from typing import Any

from aiortc.rtcsctptransport import (
    Chunk,
    CookieAckChunk,
    DataChunk,
    SackChunk,
    parse_packet,
    serialize_packet,
)
from hypothesis import given, strategies as st

from infrafabric.mesh.link.sctp_form import MAX_CHUNKS
from infrafabric.mesh.link.sctp_wire import read_ordinary, write_data

PORTS = (5000, 5001)
TAG = 0x89ABCDEF

u8, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))


class Chunks(Chunk):
    """Several chunks, which aiortc writes as one."""

    def __init__(self, chunks: list[Chunk]) -> None:
        super().__init__()
        self._bytes = b"".join(map(bytes, chunks))

    def __bytes__(self) -> bytes:
        return self._bytes


@st.composite
def data_chunks(draw: st.DrawFn) -> DataChunk:
    chunk = DataChunk(flags=draw(u8))
    chunk.tsn, chunk.stream_id, chunk.stream_seq = draw(u32), draw(u16), draw(u16)
    chunk.protocol, chunk.user_data = draw(u32), draw(st.binary(min_size=1, max_size=40))
    return chunk


@st.composite
def sack_chunks(draw: st.DrawFn) -> SackChunk:
    chunk = SackChunk()
    chunk.cumulative_tsn, chunk.advertised_rwnd = draw(u32), draw(u32)
    return chunk


def packet_of(chunks: list[Chunk]) -> bytes:
    return serialize_packet(*PORTS, TAG, Chunks(chunks))


def seen(chunks: Any) -> list[tuple[type, dict[str, Any]]]:
    return [(type(chunk), vars(chunk)) for chunk in chunks]


@given(st.lists(data_chunks() | sack_chunks(), min_size=1, max_size=MAX_CHUNKS))
def test_a_packet_of_data_and_acknowledgements_reads_as_aiortc_reads_it(chunks) -> None:
    packet = packet_of(chunks)
    read = read_ordinary(packet, TAG)
    assert read is not None
    assert seen(read) == seen(parse_packet(packet)[3])


@given(
    st.lists(data_chunks() | sack_chunks(), min_size=1, max_size=3).map(packet_of),
    st.integers(0),
    st.integers(0, 7),
)
def test_no_bit_of_a_packet_can_change(packet: bytes, where: int, bit: int) -> None:
    changed = bytearray(packet)
    changed[where % len(packet)] ^= 1 << bit
    assert read_ordinary(bytes(changed), TAG) is None


@given(st.binary(max_size=80) | data_chunks().map(lambda chunk: packet_of([chunk])))
def test_what_is_cut_or_made_up_is_left_to_the_longer_way(data: bytes) -> None:
    for end in range(len(data)):
        assert read_ordinary(data[:end], TAG) is None


def test_other_chunks_and_acknowledgements_with_gaps_are_left_to_the_longer_way() -> None:
    gaps = SackChunk()
    gaps.gaps = [(2, 3)]
    twice = SackChunk()
    twice.duplicates = [7]
    for chunk in (gaps, twice, CookieAckChunk()):
        assert read_ordinary(packet_of([chunk]), TAG) is None


def test_more_chunks_than_a_packet_may_have_are_left_to_the_longer_way() -> None:
    assert read_ordinary(packet_of([SackChunk()] * MAX_CHUNKS), TAG) is not None
    assert read_ordinary(packet_of([SackChunk()] * (MAX_CHUNKS + 1)), TAG) is None


@given(data_chunks().map(lambda chunk: packet_of([chunk])), u32)
def test_a_packet_of_another_association_is_left_to_the_longer_way(packet: bytes, tag: int) -> None:
    assert (read_ordinary(packet, tag) is None) == (tag != TAG)


@given(data_chunks(), st.none() | st.tuples(u32, u32))
def test_data_is_written_as_aiortc_writes_it(
    data: DataChunk, acknowledged: tuple[int, int] | None
) -> None:
    chunks: list[Chunk] = [data]
    if acknowledged is not None:
        sack = SackChunk()
        sack.cumulative_tsn, sack.advertised_rwnd = acknowledged
        chunks.insert(0, sack)
    assert write_data(*PORTS, TAG, data, acknowledged) == packet_of(chunks)
