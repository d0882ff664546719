"""What a signaling server that means harm cannot do to those who use it."""

import asyncio
from collections.abc import AsyncIterator
import os
import time
from typing import Any
from unittest.mock import AsyncMock, Mock

import aiohttp
from aiohttp import web
import pytest

from infrafabric.mesh.encoding import canonical_json
from infrafabric.mesh.errors import MeshError, UnreachableError
from infrafabric.mesh.model import PeerJoined
from infrafabric.mesh.node import MeshNode
from infrafabric.mesh.overlay.healing import FIRST_DELAY, DialPolicy
from infrafabric.mesh.overlay.rendezvous import (
    BOX_BURST,
    MAX_CARRIERS,
    STRANGER_BURST,
    Rendezvous,
    Server,
)
from infrafabric.mesh.signaling.base import Carrier, CarrierHandler
from infrafabric.mesh.signaling.dial import open_socket
from infrafabric.mesh.trust.identity import Identity
from infrafabric.mesh.trust.invitation import Invitation
from infrafabric.mesh.trust.joining import JoinRequest
from infrafabric.mesh.trust.signed import Signed

from .mesh_lab import Lab, Member, MemoryStore


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with Lab() as lab:
        yield lab


def say(to: Member, claimed: Member, kind: str, sdp: Signed) -> None:
    """Let a server bring a box that claims to be a member's."""
    payload = {"k": kind, "attempt": 0, "sdp": sdp.to_json(), "records": []}
    to.node._engine.meeting.signal_received(Mock(), claimed.node.peer_id, payload)


async def test_offers_that_a_server_forges_cost_the_peer_nothing(lab: Lab) -> None:
    studio = await lab.join("Studio")
    home = lab.founder
    for _ in range(20):
        say(home, studio, "offer", Signed(b"{}", bytes(64)))
    assert not home.node._engine.links.is_dialing(studio.node.peer_id)
    await studio.node.reconnect(home.node.peer_id)
    await home.until(lambda: home.linked_to(studio))


async def test_a_forged_offer_does_not_end_a_dial(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    # Whose offer gives way when two cross.
    low, high = sorted((studio, lab.founder), key=lambda member: member.node.peer_id)
    links = low.node._engine.links
    offered = links.offered
    ended: list[bool] = []

    def after_a_forgery(peer_id: str, offer: Signed, attempt: int) -> None:
        say(high, low, "offer", Signed(offer.body, bytes(64)))
        ended.append(high.node._engine.links._offers[low.node.peer_id].answered.done())
        offered(peer_id, offer, attempt)

    monkeypatch.setattr(links, "offered", after_a_forgery)
    await high.node.reconnect(low.node.peer_id)
    assert ended == [False]


async def test_a_genuine_offer_counts_once_however_often_a_server_brings_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    home = lab.founder
    links = home.node._engine.links
    offered = links.offered
    seen: list[Signed] = []

    def listen(peer_id: str, offer: Signed, attempt: int) -> None:
        seen.append(offer)
        offered(peer_id, offer, attempt)

    monkeypatch.setattr(links, "offered", listen)
    await studio.node.reconnect(home.node.peer_id)
    await home.until(lambda: not links.is_dialing(studio.node.peer_id))
    for _ in range(20):
        say(home, studio, "offer", seen[0])
    assert not links.is_dialing(studio.node.peer_id)
    await studio.node.reconnect(home.node.peer_id)
    await home.until(lambda: home.linked_to(studio))


async def a_request(lab: Lab) -> bytes:
    _, text = await lab.founder.node.create_invitation()
    return JoinRequest.make(
        Identity.generate(),
        Invitation.parse(text, time.time()),
        name="Van",
        software="x",
        now=time.time(),
        random=os.urandom,
    ).data


async def test_a_newcomer_is_announced_even_if_a_server_loses_the_answer(lab: Lab) -> None:
    inviter = lab.founder.node._engine.inviter
    request = await a_request(lab)

    class Losing(Mock):
        async def send(self, to: str, box: bytes) -> None:
            raise UnreachableError("peer_absent", "Gone.")

    with pytest.raises(UnreachableError):
        await inviter.answer(Losing(), "j-1", request)
    joined = await lab.founder.event(PeerJoined)
    assert joined.peer.peer_id in lab.founder.node.peers
    with pytest.raises(UnreachableError):
        await inviter.answer(Losing(), "j-1", request)
    assert not [event for event in lab.founder.events if isinstance(event, PeerJoined)]


async def test_a_newcomer_is_announced_even_if_the_first_save_fails(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = await lab.founder.node.create_invitation()
    save = lab.founder.store.save
    failures = [OSError(28, "No space")]

    async def failing_once(data: dict[str, Any]) -> None:
        if failures:
            raise failures.pop()
        await save(data)

    monkeypatch.setattr(lab.founder.store, "save", failing_once)
    store = MemoryStore()
    # The first request that arrives fails; on a machine that halts it may not be the first sent.
    for _ in range(10):
        try:
            await MeshNode.join(store, text, node_name="Van", http=lab.http, timeout=1)
        except MeshError:
            continue
        break
    assert (await lab.founder.event(PeerJoined)).peer.name == "Van"


async def test_answers_to_strangers_do_not_pile_up(lab: Lab) -> None:
    _, _ = await lab.founder.node.create_invitation()
    engine = lab.founder.node._engine

    class Slow(Mock):
        async def send(self, to: str, box: bytes) -> None:
            await asyncio.Event().wait()

    request = await a_request(lab)
    for number in range(200):
        engine.meeting.stranger_received(Slow(), f"j-{number}", request)
    await asyncio.sleep(0.05)
    waiting = [t for t in asyncio.all_tasks() if t.get_name() == "infrafabric join"]
    assert 0 < len(waiting) <= 16


async def test_a_server_that_pours_out_boxes_is_heeded_only_so_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    identity = Identity.generate()
    handler = Mock()
    rendezvous = Rendezvous(identity, handler, Mock())
    flood, calm = Mock(spec=Carrier), Mock(spec=Carrier)
    box = identity.public.seal(canonical_json({"k": "declined", "records": []}))
    with monkeypatch.context() as halted:
        now = time.monotonic()
        halted.setattr("infrafabric.mesh.overlay.rendezvous.time.monotonic", lambda: now)
        for _ in range(2 * BOX_BURST):
            rendezvous.carrier_box(flood, "a" * 32, box)
            rendezvous.carrier_box(flood, "j-1", box)
    assert handler.signal_received.call_count == BOX_BURST
    assert handler.stranger_received.call_count == STRANGER_BURST
    before = handler.signal_received.call_count
    rendezvous.carrier_box(calm, "a" * 32, box)
    assert handler.signal_received.call_count == before + 1


def test_a_peer_that_a_server_lets_come_and_go_is_not_dialled_each_time() -> None:
    own, peer = "a" * 32, "b" * 32
    policy = DialPolicy(own, lambda: 0.5)
    policy.set_members([peer], 0)
    dials, now = 0, 0.0
    while now < 60:
        now += 0.25
        policy.present(peer, now, up=False)
        policy.present(peer, now, up=True)
        if policy.due(now + 0.4):
            policy.started(peer)
            policy.failed(peer, now + 0.4)
            dials += 1
    assert dials <= 20


def test_a_peer_whose_links_never_last_is_dialled_ever_less_often() -> None:
    own, peer = "a" * 32, "b" * 32
    policy = DialPolicy(own, lambda: 0.5)
    policy.set_members([peer], 0)
    policy.present(peer, 0, up=True)
    dials, now = 0, 0.0
    while now < 600:
        now += 0.25
        if policy.due(now):
            policy.started(peer)
            policy.linked(peer)
            policy.lost(peer, now, lasted=1.0)
            dials += 1
    assert dials <= 26
    policy.started(peer)
    policy.linked(peer)
    policy.lost(peer, now, lasted=3600.0)
    assert policy.due(now + FIRST_DELAY) == [peer]


async def test_a_server_cannot_send_a_node_on_to_another_address() -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        if request.path == "/go":
            return web.Response(status=302, headers={"Location": "/admin/reboot?now=1"})
        return web.Response()

    app = web.Application()
    app.router.add_get("/{path:.*}", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as http:
        with pytest.raises(UnreachableError, match="another address"):
            await open_socket(http, f"ws://127.0.0.1:{port}/go")
    await runner.cleanup()
    assert asked == ["/go"]


async def test_servers_that_never_answer_do_not_keep_out_those_that_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carriers: list[Mock] = []

    def make(server: Server, _: CarrierHandler) -> Mock:
        carrier = Mock(
            spec=Carrier,
            stop=AsyncMock(),
            connected=server.owner in ("own", "s5"),
            url=server.urls[0],
            owner=server.owner,
        )
        carriers.append(carrier)
        return carrier

    rendezvous = Rendezvous(Identity.generate(), Mock(), make)
    owners = ["own", *(f"s{number}" for number in range(1, 6))]
    await rendezvous.set_servers([Server(owner, (f"ws://{owner}",)) for owner in owners])
    await rendezvous.rotate()
    assert len(carriers) == MAX_CARRIERS
    monkeypatch.setattr("infrafabric.mesh.overlay.rendezvous.PATIENCE", 0.0)
    await rendezvous.rotate()
    assert rendezvous.connected_urls == ("ws://own", "ws://s5")
    assert len(rendezvous.configured_urls) == MAX_CARRIERS
    for _ in range(3):
        await rendezvous.rotate()
    assert {carrier.owner for carrier in carriers} == set(owners)
    assert [carrier.owner for carrier in carriers].count("s5") == 1
    assert [carrier.owner for carrier in carriers].count("own") == 1
    assert [carrier.owner for carrier in carriers].count("s1") > 1
