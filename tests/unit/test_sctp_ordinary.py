"""What is taken the quick way leaves an association as aiortc would have left it."""

import asyncio
from collections.abc import Iterator
from typing import Any

from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    SCTP_DATA_UNORDERED,
    WEBRTC_BINARY,
    DataChunk,
    RTCSctpTransport,
    SackChunk,
)
from hypothesis import given, strategies as st

from infrafabric.mesh.link.sctp_ordinary import LazyTimer, Ordinary, whole
from infrafabric.mesh.link.shortcut import run_through

LAST_TSN = 2**32 - 1


STATE = (
    "_last_received_tsn",
    "_sack_misordered",
    "_advertised_rwnd",
    "_sack_needed",
    "_cwnd",
    "_ssthresh",
    "_flight_size",
    "_partial_bytes_acked",
    "_last_sacked_tsn",
    "_advanced_peer_ack_tsn",
    "_fast_recovery_exit",
    "_forward_tsn_streams",
    "got",
    "timer",
)


class Dtls:
    """A transport that carries nothing."""

    state = "connected"
    _role = "client"

    def __init__(self) -> None:
        self.sent = 0

    async def _send_data(self, _data: bytes) -> None:
        self.sent += 1


class Association(RTCSctpTransport):
    """aiortc's own, set up, with its timers and its clock replaced."""

    def __init__(self) -> None:
        super().__init__(Dtls())  # type: ignore[arg-type]
        self._association_state = self.State.ESTABLISHED
        self._remote_port = 5000
        self._ssthresh = 6000
        self._last_received_tsn = 2**32 - 4
        self._local_tsn = 2**32 - 4
        self._last_sacked_tsn = self._advanced_peer_ack_tsn = self._local_tsn - 1
        self.got: list[tuple[int, bytes]] = []
        self.timer = ""

    async def _receive(self, stream_id: int, _pp_id: int, data: bytes) -> None:
        self.got.append((stream_id, data))

    def _update_rto(self, R: float) -> None:  # noqa: N803
        pass

    def _t3_start(self) -> None:
        self.timer = "running"
        vars(self)["_t3_handle"] = self

    def _t3_restart(self) -> None:
        self._t3_start()

    def _t3_cancel(self) -> None:
        self.timer = "stopped"
        self._t3_handle = None

    def state_of(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in STATE},
            "sequence": {
                number: (stream.sequence_number, [chunk.tsn for chunk in stream.reassembly])
                for number, stream in self._inbound_streams.items()
            },
            "queue": [(chunk.tsn, chunk._retransmit) for chunk in self._sent_queue],
            "waiting": [chunk.tsn for chunk in self._outbound_queue],
        }


def messages(sizes: list[tuple[int, int, bool]]) -> Iterator[DataChunk]:
    """Cut messages of (stream, fragments, ordered) as their sender would."""
    tsn, sequence = 2**32 - 3, {0: 0, 1: 0}
    for stream, fragments, ordered in sizes:
        for number in range(fragments):
            chunk = DataChunk(flags=0 if ordered else SCTP_DATA_UNORDERED)
            chunk.flags |= SCTP_DATA_FIRST_FRAG if number == 0 else 0
            chunk.flags |= SCTP_DATA_LAST_FRAG if number == fragments - 1 else 0
            chunk.tsn, chunk.stream_id, chunk.protocol = tsn, stream, WEBRTC_BINARY
            chunk.stream_seq = sequence[stream] if ordered else 0
            chunk.user_data = b"%d.%d" % (tsn, number)
            tsn = (tsn + 1) & LAST_TSN
            yield chunk
        sequence[stream] += ordered


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4), st.booleans()), max_size=12),
    st.randoms(use_true_random=False),
    st.integers(0, 8),
)
def test_data_arrives_the_same_whatever_the_network_does_to_it(sizes, draw, disorder) -> None:
    arriving = list(messages(sizes))
    for _ in range(disorder):
        if arriving:
            arriving.insert(draw.randrange(len(arriving)), draw.choice(arriving))
            arriving.insert(
                draw.randrange(len(arriving)), arriving.pop(draw.randrange(len(arriving)))
            )

    async def compare() -> None:
        plain, quick = Association(), Association()
        ordinary = Ordinary(quick)
        taken = 0
        for chunk in arriving:
            run_through(plain._receive_data_chunk(chunk))
            if ordinary.data(chunk):
                taken += 1
                quick._sack_needed = True
                if whole(chunk):
                    quick.got.append((chunk.stream_id, chunk.user_data))
            else:
                run_through(quick._receive_data_chunk(chunk))
            assert quick.state_of() == plain.state_of()
        if not disorder:
            ends = sum(fragments > 1 for _, fragments, _ in sizes)
            assert taken == len(arriving) - ends

    asyncio.run(compare())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["send", "acknowledge", "acknowledge", "gap", "timeout"]),
            st.integers(1, 12),
        ),
        max_size=25,
    )
)
def test_acknowledgements_count_the_same_whatever_is_lost(steps) -> None:
    async def compare() -> None:
        plain, quick = Association(), Association()
        ordinary = Ordinary(quick)
        for step, number in steps:
            under_way = len(plain._sent_queue)
            sack = SackChunk()
            sack.cumulative_tsn = plain._last_sacked_tsn
            if step == "send":
                message = b"x" * (900 * number)
                run_through(plain._send(0, WEBRTC_BINARY, message))
                chunk = None
                if not quick._outbound_queue:
                    chunk = ordinary.sent(0, message, ordered=True, max_retransmits=None)
                if chunk is not None:
                    run_through(quick._send_chunk(chunk))
                    if quick._t3_handle is None:
                        quick._t3_start()
                else:
                    run_through(quick._send(0, WEBRTC_BINARY, message))
                assert [bytes(one) for one in quick._sent_queue] == [
                    bytes(one) for one in plain._sent_queue
                ]
            elif step == "timeout":
                ordinary.lost()
                for one in (plain, quick):
                    if one._sent_queue:
                        one._t3_expired()
                await asyncio.sleep(0)
            elif under_way:
                if step == "gap" and under_way > 1:
                    first = 2 + number % (under_way - 1)
                    sack.gaps = [(first, under_way)]
                else:
                    sack.cumulative_tsn += min(number, under_way)
                    sack.cumulative_tsn &= LAST_TSN
                run_through(plain._receive_sack_chunk(sack))
                if ordinary.acknowledged(sack):
                    assert step == "acknowledge" or under_way == 1
                    run_through(quick._data_channel_flush())
                    run_through(quick._transmit())
                else:
                    run_through(quick._receive_sack_chunk(sack))
            assert quick.state_of() == plain.state_of()
            assert quick.transport.sent == plain.transport.sent

    asyncio.run(compare())


async def test_acknowledgements_take_the_quick_way_again_after_a_loss() -> None:
    association = Association()
    ordinary = Ordinary(association)
    await association._send(0, WEBRTC_BINARY, b"x" * 3000)
    sack = SackChunk()
    sack.cumulative_tsn = association._last_sacked_tsn + 1
    ordinary.lost()
    assert not ordinary.acknowledged(sack)
    await association._receive_sack_chunk(sack)
    sack.cumulative_tsn = (association._local_tsn - 1) & LAST_TSN
    assert ordinary.acknowledged(sack)
    assert not association._sent_queue


async def test_a_lazy_timer_runs_out_when_it_was_last_set_to_and_only_then() -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    timer = LazyTimer(loop, ended.set)
    timer.start(0.01)
    last = loop.time() + 0.05
    timer.start(0.05)
    async with asyncio.timeout(20):
        await ended.wait()
    assert loop.time() >= last - 0.001
    ended.clear()
    timer.start(3600)
    timer.start(0.01)
    async with asyncio.timeout(20):
        await ended.wait()
    ended.clear()
    timer.start(0.01)
    timer.cancel()
    await asyncio.sleep(0.03)
    assert not ended.is_set()
    timer.start(3600)
    timer.stop()
    assert not [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]


async def test_a_stopped_timer_is_not_set_again() -> None:
    loop = asyncio.get_running_loop()
    timer = LazyTimer(loop, lambda: None)
    timer.stop()
    timer.start(0.01)
    assert not timer.running
    assert not [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
