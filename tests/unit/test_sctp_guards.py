"""A hostile peer over a real connection loses its link, and costs next to nothing before that."""

import asyncio
import struct

from aiortc import rtcsctptransport
from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    WEBRTC_BINARY,
    WEBRTC_DCEP,
    WEBRTC_STRING,
    Chunk,
    DataChunk,
    ForwardTsnChunk,
    HeartbeatChunk,
    InitChunk,
    SackChunk,
    ShutdownChunk,
)
from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.errors import MeshError
from infrafabric.mesh.link import sctp_guards
from infrafabric.mesh.link.frames import FrameType, encode_probe
from infrafabric.mesh.link.ice_guard import MAX_DATAGRAMS, MAX_REMOTE_CANDIDATES
from infrafabric.mesh.link.sctp_form import Violation, well_formed
from infrafabric.mesh.link.sctp_guards import (
    MAX_FRAGMENTS,
    MAX_TSN_AHEAD,
    MAX_UNASSEMBLED,
    install_fast_crc,
)
from infrafabric.mesh.model import ReceiptStatus

from .link_world import SIGNATURE, HostilePeer, two_ends, under_attack

WHOLE = SCTP_DATA_FIRST_FRAG | SCTP_DATA_LAST_FRAG


class Raw(Chunk):
    """Bytes that pretend to be chunks."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def __bytes__(self) -> bytes:
        return self._data


def data_chunk(hostile: HostilePeer, **fields: object) -> DataChunk:
    """Return the next data chunk of the hostile peer, with some fields its own way."""
    chunk = DataChunk()
    chunk.flags = WHOLE
    chunk.tsn = hostile.sctp._local_tsn
    chunk.stream_id = 1
    chunk.protocol = WEBRTC_BINARY
    chunk.user_data = b"x"
    for name, value in fields.items():
        setattr(chunk, name, value)
    hostile.sctp._local_tsn = (hostile.sctp._local_tsn + 1) % 2**32
    return chunk


def sack(hostile: HostilePeer, gaps: list[tuple[int, int]], ahead: int = 0) -> SackChunk:
    """Return an acknowledgement of what came, and of more."""
    chunk = SackChunk()
    chunk.cumulative_tsn = (hostile.sctp._last_received_tsn + ahead) % 2**32
    chunk.advertised_rwnd = 131072
    chunk.gaps = gaps
    return chunk


def param_of_no_length() -> Raw:
    """A HEARTBEAT whose parameter has length zero: aiortc's decoder would never return."""
    return Raw(struct.pack("!BBHHHI", 4, 0, 12, 1, 0, 0))


ATTACKS = {
    "a SACK with billions of gap blocks": lambda h: sack(h, [(1, 65535)] * 250),
    "a SACK with a gap that ends before it begins": lambda h: sack(h, [(9, 3)]),
    "a SACK of what was never sent": lambda h: sack(h, [], ahead=5000),
    "data on a fifth stream": lambda h: data_chunk(h, stream_id=4),
    "a channel opened in-band": lambda h: data_chunk(
        h,
        stream_id=2,
        protocol=WEBRTC_DCEP,
        user_data=struct.pack("!BBHLHH", 3, 0, 0, 0, 1, 0) + b"x",
    ),
    "text": lambda h: data_chunk(h, protocol=WEBRTC_STRING),
    "empty data": lambda h: data_chunk(h, user_data=b""),
    "a truncated data chunk": lambda _h: Raw(struct.pack("!BBHI", 0, 3, 8, 1)),
    "a parameter without length": lambda _h: param_of_no_length(),
    "a chunk longer than the packet": lambda _h: Raw(struct.pack("!BBH", 0, 3, 400)),
    "an unknown chunk": lambda _h: Raw(struct.pack("!BBH", 77, 0, 4)),
    "hundreds of chunks in a packet": lambda _h: Raw(bytes(HeartbeatChunk()) * 100),
    "two heartbeats in a packet": lambda _h: Raw(bytes(HeartbeatChunk()) * 2),
    "a FORWARD-TSN into the far future": lambda h: forward(h, MAX_TSN_AHEAD + 5000, []),
    "a FORWARD-TSN of strange streams": lambda h: forward(h, 1, [(n, 0) for n in range(200)]),
}


def forward(hostile: HostilePeer, ahead: int, streams: list[tuple[int, int]]) -> ForwardTsnChunk:
    """Return a FORWARD-TSN that skips *ahead* chunks."""
    chunk = ForwardTsnChunk()
    chunk.cumulative_tsn = (hostile.sctp._local_tsn - 1 + ahead) % 2**32
    chunk.streams = streams
    return chunk


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_one_hostile_packet_ends_the_link(attack) -> None:
    async with under_attack() as (victim, hostile):
        await hostile.sctp._send_chunk(attack(hostile))
        assert await victim.node.until_closed() == "protocol_error"
        sctp = victim.link._rtc._pc.sctp
        assert len(sctp._inbound_streams) <= 4
        assert set(sctp._data_channels) <= {0, 1, 2, 3}


async def test_a_hostile_packet_before_the_handshake_fails_the_attempt() -> None:
    async with under_attack(opened=False) as (victim, hostile):
        await hostile.sctp._send_chunk(param_of_no_length())
        with pytest.raises(MeshError) as caught:
            await victim.link.wait_open()
        assert caught.value.code == "protocol_error"


@pytest.mark.parametrize("size", [1, 1000])
async def test_a_message_that_never_ends_is_not_collected(size) -> None:
    async with under_attack() as (victim, hostile):
        sctp = victim.link._rtc._pc.sctp
        largest = fragments = 0
        flags = SCTP_DATA_FIRST_FRAG
        for number in range(MAX_UNASSEMBLED // size + 100):
            if victim.link.closed_reason:
                break
            await hostile.sctp._send_chunk(
                data_chunk(hostile, flags=flags, stream_id=3, user_data=b"x" * size)
            )
            flags = 0
            if number % 8 == 7:
                await asyncio.sleep(0.001)
            held = sctp._inbound_streams.get(3)
            if held is not None:
                fragments = max(fragments, len(held.reassembly))
                largest = max(largest, sum(len(c.user_data) for c in held.reassembly))
        assert await victim.node.until_closed() == "protocol_error"
        assert 0 < largest <= MAX_UNASSEMBLED + size
        assert fragments <= MAX_FRAGMENTS + 1


async def test_a_frame_above_the_limit_ends_the_link() -> None:
    async with under_attack() as (victim, hostile):
        hostile.send(b"\x20\x00" + b"x" * 17_000)
        assert await victim.node.until_closed() == "protocol_error"


@pytest.mark.parametrize(
    "chunk", [ShutdownChunk(), Raw(struct.pack("!BBHI", 130, 0, 8, 0))], ids=["shutdown", "reset"]
)
async def test_taking_the_association_down_closes_the_link(chunk) -> None:
    async with under_attack() as (victim, hostile):
        await hostile.sctp._send_chunk(chunk)
        assert await victim.node.until_closed() == "peer_closed"


async def test_chunks_from_far_ahead_are_dropped_and_remembered_by_nobody() -> None:
    async with under_attack() as (victim, hostile):
        sctp = victim.link._rtc._pc.sctp
        for step in range(64):
            tsn = (hostile.sctp._local_tsn + MAX_TSN_AHEAD + 2 + 2 * step) % 2**32
            chunk = data_chunk(hostile, tsn=tsn)
            hostile.sctp._local_tsn = (hostile.sctp._local_tsn - 1) % 2**32
            await hostile.sctp._send_chunk(chunk)
        hostile.send(encode_probe(FrameType.PING, 7), channel=2)
        assert await hostile.frame(FrameType.PONG) == struct.pack("!I", 7)
        assert victim.link.is_open
        assert not sctp._sack_misordered


async def test_a_late_setup_packet_does_not_disturb_an_open_link() -> None:
    async with under_attack() as (victim, hostile):
        before = victim.link._rtc._pc.sctp._last_received_tsn
        init = InitChunk()
        init.initiate_tag, init.advertised_rwnd = 1, 1
        init.outbound_streams = init.inbound_streams = 1
        init.initial_tsn = 1
        tag, hostile.sctp._remote_verification_tag = hostile.sctp._remote_verification_tag, 0
        await hostile.sctp._send_chunk(init)
        hostile.sctp._remote_verification_tag = tag
        hostile.send(encode_probe(FrameType.PING, 9), channel=2)
        assert await hostile.frame(FrameType.PONG) == struct.pack("!I", 9)
        assert victim.link._rtc._pc.sctp._last_received_tsn != 0
        assert (victim.link._rtc._pc.sctp._last_received_tsn - before) % 2**32 < 100


async def test_lost_and_reordered_packets_are_repaired() -> None:
    async with two_ends() as (one, other):
        sctp = one.link._rtc._pc.sctp
        send, kept, count = sctp._send_chunk, [], 0

        async def unreliable(chunk: Chunk) -> None:
            nonlocal count
            count += isinstance(chunk, DataChunk)
            if isinstance(chunk, DataChunk) and count % 7 == 3:
                return
            if isinstance(chunk, DataChunk) and count % 7 == 5:
                kept.append(chunk)
                return
            await send(chunk)
            while kept:
                await send(kept.pop())

        sctp._send_chunk = unreliable
        bodies = [b"%d" % n * 400 for n in range(100)]
        statuses = await asyncio.gather(*(one.link.send(b, SIGNATURE) for b in bodies))
        assert set(statuses) == {ReceiptStatus.ACCEPTED}
        assert [body for body, _ in other.node.messages] == bodies
        assert not other.link._rtc._pc.sctp._sack_misordered


async def test_timeouts_are_shortened_on_the_instance_only() -> None:
    async with two_ends() as (one, _other):
        sctp = one.link._rtc._pc.sctp
        sctp._update_rto(0.001)
        assert 0.2 <= sctp._rto < 1
        rto = sctp._rto
        sctp._update_rto(-3600.0)
        sctp._update_rto(7200.0)
        assert sctp._rto == rto
    assert rtcsctptransport.SCTP_RTO_MIN == 1
    assert rtcsctptransport.SCTP_RTO_INITIAL == 3
    assert rtcsctptransport.SCTP_MAX_BURST == 4
    plain = rtcsctptransport.RTCSctpTransport
    assert plain._send_sack.__module__ == plain._handle_data.__module__ == plain.__module__


async def test_waiting_datagrams_are_bounded() -> None:
    async with two_ends() as (one, _other):
        ice = one.link._rtc._ice
        for _ in range(MAX_DATAGRAMS + 100):
            ice.data_received(b"\xff", 1)
        assert ice._queue.qsize() == MAX_DATAGRAMS


async def test_learned_candidates_are_bounded() -> None:
    async with two_ends() as (one, _other):
        ice = one.link._rtc._ice
        protocol = ice._protocols[0]
        message = type("Message", (), {"attributes": {"PRIORITY": 1}})()
        for port in range(1000, 1200):
            ice.check_incoming(message, ("127.0.0.1", port), protocol)
        assert len(ice.remote_candidates) == MAX_REMOTE_CANDIDATES


def test_a_slow_crc_is_replaced(monkeypatch) -> None:
    assert install_fast_crc()
    monkeypatch.setattr(sctp_guards.google_crc32c, "implementation", "python")
    monkeypatch.setattr(rtcsctptransport, "crc32c", lambda _data: 0)
    assert install_fast_crc()
    assert rtcsctptransport.crc32c(b"123456789") == 0xE3069283
    monkeypatch.setattr(sctp_guards, "_c_crc", None)
    assert not install_fast_crc()


@given(st.binary(max_size=80))
def test_a_packet_that_passes_has_chunks_that_add_up(body: bytes) -> None:
    packet = b"\0" * 12 + body
    try:
        types = well_formed(packet)
    except Violation:
        return
    position = 12
    for kind in types:
        assert packet[position] == kind
        (length,) = struct.unpack_from("!H", packet, position + 2)
        assert length >= 4
        assert position + length <= len(packet)
        position += length + -length % 4


@given(st.lists(st.binary(max_size=12), max_size=5), st.integers(0, 3))
def test_well_formed_parameters_pass_and_lengths_below_four_do_not(values, short) -> None:
    body = b"".join(struct.pack("!HH", 1, len(v) + 4) + v + b"\0" * (-len(v) % 4) for v in values)
    packet = b"\0" * 12 + struct.pack("!BBH", 4, 0, 4 + len(body)) + body
    assert well_formed(packet) == [4]
    bad = struct.pack("!HH", 1, short) + body
    packet = b"\0" * 12 + struct.pack("!BBH", 4, 0, 4 + len(bad)) + bad
    with pytest.raises(Violation):
        well_formed(packet)
