"""A link between two members over real WebRTC on loopback."""

import asyncio
import contextlib
import gc
import os
from pathlib import Path
import time

import pytest

from infrafabric.mesh.errors import (
    DeadlineError,
    InvalidError,
    MeshError,
    RefusedError,
    UnreachableError,
)
from infrafabric.mesh.link import frames, pulse, quality
from infrafabric.mesh.link.frames import FrameType, encode_batch, encode_bodies, encode_probe, pack
from infrafabric.mesh.link.ice import IceServer
from infrafabric.mesh.link.link import Link, LinkSettings
from infrafabric.mesh.link.sdp import CLOCK_TOLERANCE, LIFETIME
from infrafabric.mesh.link.traffic import MAX_CONTROL, MAX_GOSSIP
from infrafabric.mesh.link.transfer import CREDIT, QUEUE_MESSAGES
from infrafabric.mesh.model import Band, Path as LinkPath, Quality, ReceiptStatus
from infrafabric.mesh.trust.identity import Identity
from infrafabric.mesh.trust.signed import Signed

from .link_world import SIGNATURE, connect, new_end, two_ends, under_attack

ACCEPTED = ReceiptStatus.ACCEPTED


def open_sockets() -> int:
    # What others left behind must not go away just between two looks.
    gc.collect()
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += str(entry.readlink()).startswith("socket:")
    return count


async def settled_tasks() -> set[asyncio.Task[object]]:
    """Return the tasks left after those that are just ending have ended."""
    for _ in range(10):
        await asyncio.sleep(0)
    return asyncio.all_tasks() - {asyncio.current_task()}


def live_timers() -> list[asyncio.TimerHandle]:
    return [t for t in asyncio.get_running_loop()._scheduled if not t.cancelled()]


async def test_both_ends_open_and_know_each_other() -> None:
    async with two_ends() as (one, other):
        for end in (one, other):
            assert end.link.is_open
            assert end.link.peer_hello == {"name": "A peer"}
            assert end.link.path is LinkPath.DIRECT_LAN
            assert end.link.opened_at == pytest.approx(time.time(), abs=30)
            assert end.link.quality == Quality()
            assert end.link.quality.band is Band.UNKNOWN
            assert end.node.events[0] == ("opened", None)
            assert end.link.bytes_sent > 0
            assert end.link.bytes_received > 0
        assert one.link.peer_id == other.identity.peer_id
        assert "open" in repr(one.link)


async def test_a_message_arrives_as_it_was_sent_and_its_receipt_comes_back() -> None:
    async with two_ends() as (one, other):
        other.node.status = lambda body: (
            ReceiptStatus.STALE if body == b"old" else ReceiptStatus.ACCEPTED
        )
        assert await one.link.send(b"new", SIGNATURE) is ACCEPTED
        assert await one.link.send(b"old", b"t" * 64) is ReceiptStatus.STALE
        assert other.node.messages == [(b"new", SIGNATURE), (b"old", b"t" * 64)]


async def test_messages_sent_together_travel_together_and_in_order() -> None:
    async with two_ends() as (one, other):
        bodies = [b"%05d" % n + os.urandom(200) for n in range(2000)]
        statuses = await asyncio.gather(*(one.link.send(b, SIGNATURE) for b in bodies))
        assert statuses == [ACCEPTED] * 2000
        assert [body for body, _ in other.node.messages] == bodies
        assert len(other.node.bundles) < 100
        assert max(other.node.bundles) <= frames.MAX_MESSAGES


@pytest.mark.parametrize("size", [15 * 1024, 15 * 1024 + 1, 100_000, frames.MAX_BODY])
async def test_large_messages_arrive_whole(size) -> None:
    async with two_ends() as (one, other):
        body = os.urandom(size)
        small = one.link.send(b"small", SIGNATURE)
        large = one.link.send(body, SIGNATURE)
        assert (
            await asyncio.gather(large, small, other.link.send(body, SIGNATURE)) == [ACCEPTED] * 3
        )
        assert (body, SIGNATURE) in other.node.messages
        assert one.node.messages == [(body, SIGNATURE)]


async def test_impossible_messages_are_refused_at_once() -> None:
    async with two_ends() as (one, _other):
        for body in (b"", b"x" * (frames.MAX_BODY + 1)):
            with pytest.raises(InvalidError) as caught:
                await one.link.send(body, SIGNATURE)
            assert caught.value.code == "message_too_large"


async def test_control_and_gossip_reach_the_node() -> None:
    async with two_ends() as (one, other):
        payloads = [b"", b"{}", os.urandom(MAX_CONTROL), os.urandom(40_000)]
        await asyncio.gather(*(one.link.send_control(p) for p in payloads))
        assert one.link.send_gossip(b"g" * MAX_GOSSIP)
        await other.node.until(
            lambda: len(other.node.values("control")) == 4 and bool(other.node.values("gossip"))
        )
        assert other.node.values("control") == payloads
        assert other.node.values("gossip") == [b"g" * MAX_GOSSIP]
        with pytest.raises(ValueError, match="64 KiB"):
            await one.link.send_control(b"x" * (MAX_CONTROL + 1))
        with pytest.raises(ValueError, match="16 KiB"):
            one.link.send_gossip(b"x" * (MAX_GOSSIP + 1))


async def test_gossip_is_refused_when_too_much_waits() -> None:
    async with two_ends() as (one, other):
        sent = 0
        while one.link.send_gossip(b"g" * 8000):
            sent += 1
            assert sent < 100
        await other.node.until(lambda: len(other.node.values("gossip")) == sent)
        assert one.link.send_gossip(b"again")


async def test_a_slow_receiver_slows_the_sender_and_nothing_grows() -> None:
    async with two_ends() as (one, other):
        other.node.gate = asyncio.Event()
        bodies = [os.urandom(4000) for _ in range(1500)]
        sends = [asyncio.create_task(one.link.send(b, SIGNATURE)) for b in bodies]
        await other.node.until(lambda: True)
        while one.link._traffic._outbox._credit > 5000 or one.link._rtc.guard.backlog:
            await asyncio.sleep(0.01)
        outbox = one.link._traffic._outbox
        assert outbox.queued_bytes <= 2 * 1024 * 1024 + 5000
        assert len(outbox._small) <= QUEUE_MESSAGES
        assert sum(outbox_unit[0] for outbox_unit in outbox._units.values()) <= CREDIT
        assert not one.link.submit(b"no room", SIGNATURE, asyncio.Future())
        assert not any(task.done() for task in sends)
        other.node.gate.set()
        assert await asyncio.gather(*sends) == [ACCEPTED] * 1500
        assert [body for body, _ in other.node.messages] == bodies


async def test_a_message_nobody_waits_for_any_more_is_not_sent() -> None:
    async with two_ends() as (one, other):
        impatient = asyncio.create_task(one.link.send(b"forget me", SIGNATURE))
        await asyncio.sleep(0)
        impatient.cancel()
        one.link._traffic._flush_due = True
        one.link._traffic._flush()
        assert await one.link.send(b"stay", SIGNATURE) is ACCEPTED
        assert [body for body, _ in other.node.messages] == [b"stay"]


async def test_submit_queues_without_waiting() -> None:
    async with two_ends() as (one, other):
        receipts: list[asyncio.Future[ReceiptStatus]] = [asyncio.Future() for _ in range(50)]
        for number, receipt in enumerate(receipts):
            assert one.link.submit(b"%d" % number, SIGNATURE, receipt)
        assert await asyncio.gather(*receipts) == [ACCEPTED] * 50
        assert other.node.bundles == [50]


async def test_closing_tells_both_nodes_once_and_leaves_nothing() -> None:
    before = open_sockets()
    tasks_before, timers_before = await settled_tasks(), len(live_timers())
    async with two_ends() as (one, other):
        await one.link.send(b"hello", SIGNATURE)
        other.node.gate = asyncio.Event()
        waiting = [asyncio.create_task(one.link.send(b"x" * 5000, SIGNATURE)) for _ in range(900)]
        await asyncio.sleep(0)
        await one.link.close("revoked")
        assert one.node.values("closed") == ["revoked"]
        assert await other.node.until_closed() == "peer_revoked"
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(result, UnreachableError)
            assert result.code == "link_closed"
        for call in (
            one.link.send(b"late", SIGNATURE),
            one.link.send_control(b"late"),
            one.link.create_offer(),
            one.link.wait_open(),
        ):
            with pytest.raises(UnreachableError):
                await call
        with pytest.raises(UnreachableError):
            one.link.submit(b"late", SIGNATURE, asyncio.Future())
        assert not one.link.send_gossip(b"late")
        one.link.probe()
        assert one.link.path is LinkPath.DOWN
        assert "revoked" in repr(one.link)
    await asyncio.gather(one.link.close(), one.link.close())
    assert one.node.values("closed") == ["revoked"]
    assert await settled_tasks() <= tasks_before
    assert len(live_timers()) <= timers_before
    assert open_sockets() == before


@pytest.mark.parametrize("stage", ["new", "offered", "answered", "connecting"])
async def test_an_attempt_can_be_given_up_at_any_time(stage) -> None:
    before = open_sockets()
    first, second = Identity.generate(), Identity.generate()
    one, other = new_end(first, second), new_end(second, first)
    if stage != "new":
        offer = await one.link.create_offer()
        if stage != "offered":
            answer = await other.link.create_answer(offer)
            if stage == "connecting":
                await one.link.accept_answer(answer)
                await asyncio.sleep(0)
    await asyncio.gather(one.link.close(), other.link.close())
    with pytest.raises(UnreachableError):
        await one.link.wait_open()
    assert len(one.node.values("closed")) == 1
    # aiortc's own connecting task notices within one of aioice's 20 ms polls.
    async with asyncio.timeout(5):
        while await settled_tasks():
            await asyncio.sleep(0.02)
    assert not live_timers()
    assert open_sockets() == before


async def test_closing_while_candidates_are_gathered_leaves_nothing() -> None:
    before = open_sockets()
    settings = LinkSettings(
        local_addresses=("127.0.0.1",), ice_servers=(IceServer(url="stun:127.0.0.1:9"),)
    )
    end = new_end(Identity.generate(), Identity.generate(), settings)
    offering = asyncio.create_task(end.link.create_offer())
    while not end.link._rtc._ice._protocols:
        await asyncio.sleep(0)
    end.link._rtc._ice.stun_server = None
    await end.link.close()
    with pytest.raises(UnreachableError):
        await offering
    assert not await settled_tasks()
    assert open_sockets() == before


async def test_an_answer_that_never_comes_ends_at_the_deadline() -> None:
    settings = LinkSettings(local_addresses=("127.0.0.1",), deadline=0.05)
    end = new_end(Identity.generate(), Identity.generate(), settings)

    async def attempt() -> None:
        # On a machine that halts, the time may be up before the offer is made.
        await end.link.create_offer()
        await end.link.wait_open()

    with pytest.raises(DeadlineError) as caught:
        await attempt()
    assert caught.value.code == "link_timeout"
    assert end.node.values("closed") == ["link_timeout"]
    with pytest.raises(MeshError):
        await end.link.accept_answer(Signed(b"{}", SIGNATURE))
    await end.link.close()


async def test_no_network_is_said_so() -> None:
    settings = LinkSettings(local_addresses=("203.0.113.77",))
    end = new_end(Identity.generate(), Identity.generate(), settings)
    with pytest.raises(UnreachableError) as caught:
        await end.link.create_offer()
    assert caught.value.code == "no_candidates"
    assert await end.node.until_closed() == "no_candidates"
    await end.link.close()


async def test_relay_only_without_a_relay_has_no_candidates() -> None:
    settings = LinkSettings(
        local_addresses=("127.0.0.1",),
        relay_only=True,
        ice_servers=(IceServer(url="turn:no port:x"),),
    )
    end = new_end(Identity.generate(), Identity.generate(), settings)
    with pytest.raises(UnreachableError) as caught:
        await end.link.create_offer()
    assert caught.value.code == "no_candidates"
    await end.link.close()


async def test_an_unreachable_peer_is_an_ice_failure() -> None:
    first, second = Identity.generate(), Identity.generate()
    one, other = new_end(first, second), new_end(second, first)
    answer = await other.link.create_answer(await one.link.create_offer())
    await other.link.close()
    ice = one.link._rtc._ice
    check = ice.check_start

    async def refused(pair) -> None:
        pair.state = type(pair).State.FAILED
        ice.check_complete(pair)

    ice.check_start = refused
    assert check is not refused
    await one.link.accept_answer(answer)
    with pytest.raises(UnreachableError) as caught:
        await one.link.wait_open()
    assert caught.value.code == "ice_failed"
    await one.link.close()


async def test_an_old_or_foreign_description_is_refused() -> None:
    first, second, third = (Identity.generate() for _ in range(3))
    now = 1_800_000_000.0
    one = new_end(first, second, wall_clock=lambda: now)
    offer = await one.link.create_offer()
    late = new_end(second, first, wall_clock=lambda: now + LIFETIME + CLOCK_TOLERANCE + 1)
    early = new_end(second, first, wall_clock=lambda: now - CLOCK_TOLERANCE - 2)
    wrong_sender = new_end(second, third, wall_clock=lambda: now)
    wrong_receiver = new_end(third, first, wall_clock=lambda: now)
    for end, code in (
        (late, "sdp_expired"),
        (early, "sdp_expired"),
        (wrong_sender, "sdp_refused"),
        (wrong_receiver, "sdp_refused"),
    ):
        with pytest.raises(RefusedError) as caught:
            await end.link.create_answer(offer)
        assert caught.value.code == code
        assert end.link.closed_reason is None
        await end.link.close()
    await one.link.close()


async def test_a_forged_answer_does_not_end_the_attempt() -> None:
    first, second = Identity.generate(), Identity.generate()
    one, other = new_end(first, second), new_end(second, first)
    answer = await other.link.create_answer(await one.link.create_offer())
    with pytest.raises(RefusedError):
        await one.link.accept_answer(Signed(answer.body, SIGNATURE))
    await one.link.accept_answer(answer)
    await asyncio.gather(one.link.wait_open(), other.link.wait_open())
    with pytest.raises(UnreachableError):
        await one.link.accept_answer(answer)
    assert one.link.is_open
    await asyncio.gather(one.link.close(), other.link.close())


async def test_a_peer_that_cannot_prove_itself_is_refused() -> None:
    async with under_attack(opened=False) as (victim, hostile):
        liar = asyncio.create_task(hostile.open(Identity.generate()))
        with pytest.raises(RefusedError) as caught:
            await victim.link.wait_open()
        assert caught.value.code == "proof_failed"
        assert await victim.node.until_closed() == "proof_failed"
        assert victim.node.values("opened") == []
        liar.cancel()


async def test_nothing_is_processed_before_both_proofs() -> None:
    for frame, channel in ((b"\x20\x00{}", 0), (b"\x10\x01", 0)):
        async with under_attack(opened=False) as (victim, hostile):
            hostile.send(frame, channel)
            with pytest.raises(RefusedError) as caught:
                await victim.link.wait_open()
            assert caught.value.code == "protocol_error"
            assert victim.node.values("control") == []


async def test_gossip_that_overtakes_the_last_proof_waits_for_it() -> None:
    async with under_attack(opened=False) as (victim, hostile):
        hostile.send(b"\x21early", 1)
        hostile.send(encode_probe(FrameType.PING, 1), 2)
        opening = asyncio.create_task(hostile.open())
        await victim.link.wait_open()
        await opening
        await victim.node.until(lambda: bool(victim.node.values("gossip")))
        assert victim.node.events[:2] == [("opened", None), ("gossip", b"early")]


async def test_a_peer_may_close_before_the_link_is_open() -> None:
    async with under_attack(opened=False) as (victim, hostile):
        hostile.send(b"\x04busy")
        with pytest.raises(UnreachableError) as caught:
            await victim.link.wait_open()
        assert caught.value.code == "peer_busy"


def bundle(unit: int, *bodies: bytes) -> bytes:
    return encode_batch([], unit, [SIGNATURE] * len(bodies), pack(encode_bodies(bodies)))


BROKEN = {
    "an unknown frame": (0, b"\x7f"),
    "a frame on the wrong channel": (1, b"\x30\0\0\0\1"),
    "a second handshake": (0, b"\x03"),
    "a probe of the wrong length": (2, b"\x30\0"),
    "an ASK with a tail": (0, b"\x05\0"),
    "a receipt for nothing": (0, encode_batch([(7, b"\0")])),
    "a bundle that is garbage": (0, b"\x10\0\0\0\0\0\0garbage"),
    "a chunk of nothing": (3, b"\x41\0x"),
    "an endless control payload": (0, b"\x20\x01"),
    "a CLOSE without a reason": (0, b"\x04"),
    "text instead of bytes": (0, "text"),
}


@pytest.mark.parametrize(("channel", "frame"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_frame_ends_the_link(channel, frame) -> None:
    async with under_attack() as (victim, hostile):
        hostile.send(frame, channel)
        assert await victim.node.until_closed() == "protocol_error"


async def test_more_than_the_credit_ends_the_link() -> None:
    async with under_attack() as (victim, hostile):
        victim.node.gate = asyncio.Event()
        for unit in range(CREDIT // 14_000 + 2):
            hostile.send(bundle(unit, os.urandom(14_000)))
        assert await victim.node.until_closed() == "protocol_error"


async def test_a_flood_of_control_ends_the_link() -> None:
    # No time passes, in which more would be allowed.
    async with under_attack(clock=lambda: 1000.0) as (victim, hostile):
        for _ in range(5 * 1024 * 1024 // 16_000):
            if victim.link.closed_reason:
                break
            hostile.send(b"\x20\x00" + b"x" * 16_000)
            while hostile.channels[0].bufferedAmount > 65536 and victim.link.closed_reason is None:
                await asyncio.sleep(0.001)
        assert await victim.node.until_closed() == "protocol_error"


async def test_a_flood_of_probes_is_answered_sparingly() -> None:
    # No time passes, in which more would be answered.
    async with under_attack(clock=lambda: 1000.0) as (victim, hostile):
        for number in range(1000):
            hostile.send(encode_probe(FrameType.PING, number), 2)
        hostile.send(bundle(0, b"after the flood"))
        await hostile.frame(FrameType.BATCH)
        pongs = sum(data[0] == FrameType.PONG for _, data in hostile.frames)
        assert pongs <= pulse.PROBE_RATE[1]
        assert victim.link.is_open


class SteadyClock:
    """Goes on by no more than a heartbeat between two looks, however long the machine halts."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._now = self._seen = time.monotonic()

    def __call__(self) -> float:
        seen = time.monotonic()
        self._now += min(seen - self._seen, self._step)
        self._seen = seen
        return self._now


async def test_a_silent_peer_is_given_up_after_five_heartbeats() -> None:
    settings = LinkSettings(local_addresses=("127.0.0.1",), heartbeat=0.05)
    clock = SteadyClock(settings.heartbeat)
    async with under_attack(settings=settings, clock=clock) as (victim, hostile):
        assert await victim.node.until_closed() == "peer_silent"
        await hostile.frame(FrameType.ASK)
        assert not any(data[0] == FrameType.PONG for _, data in hostile.frames)


async def test_an_answered_question_keeps_a_link_alive() -> None:
    async with under_attack() as (victim, hostile):
        hostile.send(b"\x05")
        assert await hostile.frame(FrameType.HERE) == b""
        hostile.send(b"\x06")
        hostile.send(b"\x05")
        assert victim.link.is_open
        assert not victim.link.suspect


async def test_a_probed_peer_that_answers_stays_and_one_that_does_not_goes(monkeypatch) -> None:
    monkeypatch.setattr(pulse, "PATIENCE", 600)
    async with two_ends() as (one, _other):
        asked = time.monotonic()
        one.link.probe()
        one.link.probe()
        async with asyncio.timeout(20):
            while not one.link._pulse.heartbeat.heard_since(asked):
                await asyncio.sleep(0.01)
        # The time is up now, however late this machine runs.
        waiting = one.link._pulse._probing
        assert waiting is not None
        waiting._run()
        waiting.cancel()
        assert one.link._pulse._probing is None
        assert one.link.is_open
    monkeypatch.setattr(pulse, "PATIENCE", 0.1)
    async with under_attack() as (victim, _hostile):
        victim.link.probe()
        assert await victim.node.until_closed() == "peer_silent"


async def test_quality_is_reported_after_a_window(monkeypatch) -> None:
    monkeypatch.setattr(quality, "RAMP", ((60.0, 0.01),))
    monkeypatch.setattr(pulse, "PROBE_RATE", (1000, 1000))
    async with two_ends() as (one, _other):
        await one.node.until(lambda: len(one.node.values("quality")) >= 13)
        measured = one.link.quality
        assert measured.rtt_ms is not None
        assert 0 < measured.rtt_ms < 1000
        assert measured.loss_percent is not None
        assert measured.band is not Band.UNKNOWN


async def test_mistakes_of_the_node_are_contained_and_logged_once(caplog) -> None:
    async with two_ends() as (one, other):
        other.node.raises = True
        assert await one.link.send(b"x", SIGNATURE) is ReceiptStatus.BUSY
        assert await one.link.send(b"y", SIGNATURE) is ReceiptStatus.BUSY
        other.node.raises = False
        assert await one.link.send(b"z", SIGNATURE) is ACCEPTED
        other.node.status = lambda _body: []
        other.node.link_messages = _too_few
        other.link._handler = other.node
        assert await one.link.send(b"w", SIGNATURE) is ReceiptStatus.BUSY
        assert other.link.is_open
        assert caplog.text.count("Error in link_messages") == 1


async def _too_few(_link: Link, _messages: object) -> list[ReceiptStatus]:
    return []


async def test_many_links_in_one_loop_stay_apart() -> None:
    hub = Identity.generate()
    spokes = [Identity.generate() for _ in range(4)]
    ends = [(new_end(hub, spoke), new_end(spoke, hub)) for spoke in spokes]
    await asyncio.gather(*(connect(one, other) for one, other in ends))
    await asyncio.gather(
        *(one.link.send(other.identity.peer_id.encode(), SIGNATURE) for one, other in ends)
    )
    for _, other in ends:
        assert other.node.messages == [(other.identity.peer_id.encode(), SIGNATURE)]
    await asyncio.gather(*(end.link.close() for pair in ends for end in pair))
