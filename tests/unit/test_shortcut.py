"""Once a link is open its packets go between SCTP and the socket without tasks."""

import asyncio
import socket

import pytest

from infrafabric.mesh.link.shortcut import is_dtls, run_through
from infrafabric.mesh.model import ReceiptStatus

from .link_world import SIGNATURE, two_ends, under_attack


def test_dtls_is_told_from_stun_and_media() -> None:
    assert [byte for byte in range(256) if is_dtls(bytes([byte]))] == list(range(20, 64))


async def test_a_packet_that_would_wait_is_a_mistake() -> None:
    async def waits() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits"):
        run_through(waits())


async def test_a_frame_is_sent_before_send_returns() -> None:
    async with two_ends() as (one, _other):
        before, tasks = one.link.bytes_sent, asyncio.all_tasks()
        one.link._rtc.send(1, b"\x21{}")
        assert one.link.bytes_sent > before
        assert asyncio.all_tasks() == tasks


async def test_both_ends_count_the_same_bytes() -> None:
    async with two_ends() as (one, other):
        before = other.link.bytes_received
        assert await one.link.send(b"x" * 1000, SIGNATURE) is ReceiptStatus.ACCEPTED
        assert other.link.bytes_received - before > 1000
        assert other.link.bytes_received <= one.link.bytes_sent


async def test_an_end_that_is_bare_aiortc_is_understood_and_understands() -> None:
    async with under_attack() as (end, plain):
        sent = [b"\x21" + b"%d" % number * 5000 for number in range(3)]
        for frame in sent:
            end.link._rtc.send(1, frame)
            plain.send(frame, channel=1)
        await end.node.until(lambda: len(end.node.values("gossip")) == len(sent))
        async with asyncio.timeout(10):
            while len([frame for channel, frame in plain.frames if channel == 1]) < len(sent):
                await asyncio.sleep(0.01)
        assert sorted(frame for channel, frame in plain.frames if channel == 1) == sorted(sent)
        assert sorted(end.node.values("gossip")) == sorted(frame[1:] for frame in sent)


@pytest.mark.parametrize("datagram", [b"", b"\x00", b"\x16", b"\x17" + b"x" * 50, b"\xff" * 2000])
async def test_what_anybody_sends_to_the_port_changes_nothing(datagram) -> None:
    async with two_ends() as (one, other):
        protocol = one.link._rtc._ice._nominated[1].protocol
        address = protocol.transport.get_extra_info("sockname")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(20):
                stranger.sendto(datagram, address)
        await asyncio.sleep(0.05)
        assert await one.link.send(b"still here", SIGNATURE) is ReceiptStatus.ACCEPTED
        assert await other.link.send(b"and there", SIGNATURE) is ReceiptStatus.ACCEPTED


async def test_a_connection_that_ends_below_ends_the_link() -> None:
    async with two_ends() as (one, other):
        await other.link._rtc._dtls.stop()
        assert await one.node.until_closed() in ("peer_closed", "dtls_failed")


async def test_a_packet_after_the_goodbye_is_lost_like_one_on_the_way() -> None:
    async with two_ends() as (one, _other):
        # What a read of the other end's goodbye does, before aiortc's task hears of it.
        one.link._rtc._dtls._ssl.shutdown()
        with pytest.raises(ConnectionError):
            one.link._rtc.guard.shortcut.send(b"packet")
        one.link._rtc.send(1, b"\x21{}")
