"""How members meet and stay linked: glare, silent peers, several signaling servers, upkeep."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
import logging
import time
from typing import Any
from unittest.mock import Mock

import pytest

from infrafabric.mesh.api import MessageDraft
from infrafabric.mesh.encoding import canonical_json
from infrafabric.mesh.engine.problems import SIGNALING_GRACE
from infrafabric.mesh.errors import MeshError, RefusedError, UnreachableError
from infrafabric.mesh.model import PeerRemoved, ReceiptStatus, Role
from infrafabric.mesh.node import MeshNode
from infrafabric.mesh.overlay.rendezvous import MAX_CARRIERS, Rendezvous, Server
from infrafabric.mesh.signaling.base import Carrier, CarrierHandler
from infrafabric.mesh.signaling.host import run_server
from infrafabric.mesh.signaling.server import SignalingServer
from infrafabric.mesh.trust.identity import Identity, Purpose
from infrafabric.mesh.trust.invitation import Invitation
from infrafabric.mesh.trust.signed import Signed

from .mesh_lab import Lab, Member, MemoryStore

pytestmark = pytest.mark.usefixtures("quick_upkeep")


@pytest.fixture
def quick_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrafabric.mesh.node.UPKEEP_INTERVAL", 0.2)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with Lab() as lab:
        yield lab


async def talk(one: Member, other: Member) -> None:
    """Assert that a message gets through both ways."""
    for sender, receiver in ((one, other), (other, one)):
        result = await sender.node.send(
            [receiver.node.peer_id], MessageDraft(content={"from": sender.name})
        )
        assert result.accepted == (receiver.node.peer_id,)


async def test_crossing_offers_end_in_one_link(lab: Lab) -> None:
    studio = await lab.join("Studio")
    home = lab.founder
    for _ in range(3):
        former = studio.link_to(home)
        await asyncio.gather(
            studio.node._engine.links.dial(home.node.peer_id, 0),
            home.node._engine.links.dial(studio.node.peer_id, 0),
        )
        await studio.until(lambda: studio.linked_to(home))
        await home.until(lambda: home.linked_to(studio))
        assert studio.link_to(home) is not former
        await talk(studio, home)
    assert not studio.node._engine.links.is_dialing(home.node.peer_id)


async def test_two_calls_share_one_dial(lab: Lab) -> None:
    studio = await lab.join("Studio")
    links = studio.node._engine.links
    one, other = await asyncio.gather(*(links.dial(lab.founder.node.peer_id, 0) for _ in "ab"))
    assert one is other


async def test_a_dozen_members_link_all_to_all_and_a_broadcast_reaches_everybody(
    lab: Lab,
) -> None:
    for n in range(11):
        await lab.join(f"Node {n}", linked=False)
    others = len(lab.members) - 1
    for member in lab.members:
        await member.until(lambda member=member: member.node.stats.peers_online == others, 40)
    result = await lab.members[-1].node.broadcast(MessageDraft(content={"all": True}))
    assert len(result.accepted) == others


async def test_a_peer_that_never_answers_is_given_up_and_dialled_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    monkeypatch.setattr("infrafabric.mesh.overlay.links.DEADLINE", 0.3)
    # Whichever of the two dials by itself; the other one falls silent.
    low, high = sorted((studio, lab.founder), key=lambda member: member.node.peer_id)
    with monkeypatch.context() as silence:
        silence.setattr(high.node._engine.links, "offered", lambda *_: None)
        await low.link_to(high).close("test")
        await low.until(lambda: low.node.peers[high.node.peer_id].failure == "link_timeout")
        with pytest.raises(MeshError) as caught:
            await low.node.reconnect(high.node.peer_id)
        assert caught.value.code == "link_timeout"
    monkeypatch.setattr("infrafabric.mesh.overlay.links.DEADLINE", 10)
    await low.until(lambda: low.linked_to(high))
    assert low.node.peers[high.node.peer_id].failure is None


async def test_a_peer_that_nobody_reaches_fails_at_once(lab: Lab) -> None:
    studio = await lab.join("Studio")
    await studio.node.stop()
    await lab.founder.until(lambda: not lab.founder.linked_to(studio))
    with pytest.raises(UnreachableError) as caught:
        await lab.founder.node.reconnect(studio.node.peer_id)
    assert caught.value.code == "peer_absent"
    assert lab.founder.node.peers[studio.node.peer_id].failure == "peer_absent"


async def test_offers_that_come_too_fast_or_from_nowhere_are_dropped(lab: Lab) -> None:
    studio = await lab.join("Studio")
    links = lab.founder.node._engine.links
    offer = Signed.make(Identity.generate(), Purpose.SDP, {"kind": "offer"})
    link = lab.founder.link_to(studio)
    for _ in range(20):
        links.offered(studio.node.peer_id, offer, 0)
    await asyncio.sleep(0.1)
    links.answered("a" * 32, offer)
    assert link.is_open
    await talk(studio, lab.founder)


async def test_a_forged_answer_does_not_end_an_attempt(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    links = studio.node._engine.links
    answered = links.answered

    def with_forgeries(peer_id: str, answer: Signed) -> None:
        answered(peer_id, Signed(b"[]", bytes(64)))
        answered(peer_id, Signed.make(Identity.generate(), Purpose.SDP, {"offer": "other"}))
        answered(peer_id, Signed(answer.body, bytes(64)))
        asyncio.get_running_loop().call_later(0.05, answered, peer_id, answer)

    monkeypatch.setattr(links, "answered", with_forgeries)
    await studio.node.reconnect(lab.founder.node.peer_id)
    await studio.until(lambda: studio.linked_to(lab.founder))


async def test_the_mesh_outlives_its_first_signaling_server(lab: Lab) -> None:
    studio = await lab.join("Studio", hosting=True)
    garage = await lab.join("Garage")
    await garage.until(lambda: garage.linked_to(studio))
    # Everybody learns from Studio's beacon that it hosts a server too.
    await garage.until(lambda: studio.url in garage.node.stats.signaling_connected)
    await lab.host.close()
    await garage.link_to(studio).close("test")
    await studio.until(lambda: not studio.linked_to(garage))
    await garage.until(lambda: garage.linked_to(studio))
    await studio.until(lambda: studio.linked_to(garage))
    await talk(studio, garage)


async def test_a_host_signs_in_at_a_server_of_somebody_else_and_lets_members_in_there(
    lab: Lab,
) -> None:
    elsewhere = await run_server("127.0.0.1", 0, SignalingServer(open=True))
    lab.hosts.append(elsewhere)
    home = lab.founder
    named = (elsewhere.url, home.url)
    await home.node.reconfigure(
        home.config(signaling_urls=(elsewhere.url,), signaling_servers=named)
    )
    await home.until(lambda: elsewhere.url in home.node.stats.signaling_connected)
    # Its own address was dialled too, found to be its own, and left alone.
    await home.until(lambda: home.node.stats.signaling_configured == (elsewhere.url,))
    assert home.node.stats.problems == ()
    await lab.host.close()
    studio = await lab.join("Studio")
    await talk(home, studio)


async def test_two_names_of_one_server_are_no_clone(lab: Lab) -> None:
    studio = await lab.join("Studio")
    engine = studio.node._engine
    rendezvous = engine.rendezvous
    # Two members tell of the same server.
    other_name = lab.url.replace("127.0.0.1", "localhost")
    engine.state.servers = {"a": (lab.url,), "b": (other_name,)}
    await rendezvous.set_servers(engine.meeting.servers())
    await studio.until(lambda: len(rendezvous._carriers) == 1 and rendezvous.connected_urls != ())
    assert not studio.node._engine.meeting.cloned
    assert "cloned_identity" not in studio.node.stats.problems


async def test_addresses_that_a_member_no_longer_hosts_are_forgotten(lab: Lab) -> None:
    studio = await lab.join("Studio", hosting=True)
    home = lab.founder
    await home.until(lambda: studio.url in home.node.stats.signaling_connected)
    studio.url = ""
    await studio.node.reconfigure(studio.config())
    await home.until(lambda: len(home.node.stats.signaling_configured) == 1)


async def test_newcomers_of_another_admin_are_admitted_by_our_server(lab: Lab) -> None:
    studio = await lab.join("Studio", Role.ADMIN, hosting=True)
    van = Member(lab, "Van")
    # Home does not learn of the newcomer from Studio: its own records have to convince.
    await lab.founder.node._engine.links.close(studio.node.peer_id, "test")
    lab.founder.node._engine.policy.set_members([], 0)
    studio.node._engine.policy.set_members([], 0)
    _, text = await studio.node.create_invitation()
    carried = Invitation.parse(text, int(time.time())).urls
    assert carried == studio.node.invitation_urls
    assert set(lab.founder.node.invitation_urls) & set(carried)
    await MeshNode.join(van.store, text, node_name="Van", http=lab.http)
    await van.start()
    lab.members.append(van)
    await van.until(lambda: van.linked_to(lab.founder))


async def test_a_lapsed_member_is_removed_and_a_lapsing_one_is_warned(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    record = studio.node.not_after.timestamp()
    monkeypatch.setattr("infrafabric.mesh.engine.problems.time.time", lambda: record - 86_400)
    studio.node._problems.look()
    assert "membership_lapsing" in studio.node.stats.problems
    change = lab.founder.node._engine.roster.look(record + 1)
    lab.founder.node._engine._follow(change)
    assert (await lab.founder.event(PeerRemoved)).reason == "lapsed"


async def test_upkeep_renews_what_is_due(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = await lab.join("Studio")
    before = studio.node.not_after
    membership = lab.founder.node._engine.state.membership
    due = [studio.node.peer_id]

    def renewals_due(*_: Any) -> list[str]:
        return [due.pop()] if due else []

    monkeypatch.setattr(membership, "renewals_due", renewals_due)
    monkeypatch.setattr(
        "infrafabric.mesh.engine.registrar.time.time", lambda: before.timestamp() - 86_400
    )
    monkeypatch.setattr("infrafabric.mesh.trust.records.CLOCK_TOLERANCE", 10**9)
    monkeypatch.setattr("infrafabric.mesh.trust.ledger.CLOCK_TOLERANCE", 10**9)
    await studio.until(lambda: studio.node.not_after > before)


async def test_silence_of_every_server_is_a_problem_after_a_while(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    await lab.host.close()
    await studio.until(lambda: not studio.node.stats.signaling_connected)
    studio.node._problems.look()
    assert studio.node.stats.problems == ()
    since = studio.node._problems._silent_since
    assert since is not None
    monkeypatch.setattr(
        "infrafabric.mesh.engine.problems.time.monotonic", lambda: since + SIGNALING_GRACE
    )
    studio.node._problems.look()
    assert studio.node.stats.problems == ("no_signaling",)


async def test_a_slow_checksum_is_a_problem(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrafabric.mesh.engine.problems.install_fast_crc", lambda: False)
    lab.founder.node._problems.look()
    assert "slow_crc" in lab.founder.node.stats.problems


async def test_a_clock_that_every_server_contradicts_is_a_problem(lab: Lab) -> None:
    studio = await lab.join("Studio")
    rendezvous = studio.node._engine.rendezvous
    carrier = Mock()
    rendezvous.carrier_time(carrier, 500)
    assert "clock_skew" not in studio.node.stats.problems
    for key in list(rendezvous._offsets):
        rendezvous._offsets[key] = 500
    studio.node._problems.look()
    assert "clock_skew" in studio.node.stats.problems


async def test_joining_with_a_wrong_clock_says_how_far_it_is_off(lab: Lab) -> None:
    _, text = await lab.founder.node.create_invitation()
    assert lab.founder.server is not None
    lab.founder.server._wall_clock = lambda: time.time() - 600
    with pytest.raises(RefusedError) as caught:
        await MeshNode.join(MemoryStore(), text, node_name="Late", http=lab.http)
    assert caught.value.code == "clock_skew"
    assert 590 < int(caught.value.details["seconds"]) < 610


async def test_a_name_that_nobody_can_read_is_refused(lab: Lab) -> None:
    with pytest.raises(MeshError) as caught:
        await MeshNode.create_mesh(MemoryStore(), mesh_name="\n\t", node_name="Home")
    assert caught.value.code == "name_invalid"


async def test_garbage_from_a_peer_is_dropped_and_the_link_stays(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    studio = await lab.join("Studio")
    link = studio.link_to(lab.founder)
    for payload in (b"x", b"[]", b"{}", canonical_json({"k": "news", "signed": 1})):
        await link.send_control(payload)
    for payload in (b"x", b"{}", canonical_json({"body": "{}", "sig": "AA=="})):
        assert link.send_gossip(payload)
    await talk(studio, lab.founder)
    assert "Dropped a control payload" in caplog.text
    assert "Dropped gossip" in caplog.text
    assert link.is_open


async def test_a_flood_of_control_payloads_is_dropped(lab: Lab) -> None:
    studio = await lab.join("Studio")
    link = studio.link_to(lab.founder)
    for _ in range(300):
        await link.send_control(canonical_json({"k": "news", "signed": []}))
        link.send_gossip(b"x")
    await talk(studio, lab.founder)


async def test_messages_wait_until_the_members_are_exchanged(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrafabric.mesh.overlay.session.ADMISSION", 0.05)
    studio = await lab.join("Studio")
    session = lab.founder.node._engine.sessions[studio.node.peer_id]
    session._admitted.clear()
    message = studio.message_to(lab.founder, {})
    link = studio.link_to(lab.founder)
    assert await link.send(message.body, message.signature) is ReceiptStatus.BUSY
    session._admitted.set()
    assert await link.send(message.body, message.signature) is ReceiptStatus.ACCEPTED


async def test_a_request_that_the_peer_cannot_take_is_an_error(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio", Role.COMMAND)
    monkeypatch.setattr("infrafabric.mesh.messages.inbox.CLOCK_SET", 10**12)
    with pytest.raises(RefusedError) as caught:
        await studio.node.request(
            lab.founder.node.peer_id, MessageDraft(content={}, performative="request")
        )
    assert caught.value.code == "request_refused"
    assert caught.value.details == {"status": "clock_not_set"}


class FakeCarrier:
    """A carrier that remembers what it was told."""

    def __init__(self, server: Server, handler: CarrierHandler) -> None:
        self.server, self.handler = server, handler
        self.url = server.urls[0]
        self.connected = True
        self.present: frozenset[str] = frozenset()
        self.sent: list[tuple[str, bytes]] = []
        self.invites: Sequence[str] = ()
        self.running = False
        self.broken = False

    async def send(self, to: str, box: bytes) -> None:
        if self.broken:
            raise UnreachableError("peer_absent", "gone")
        self.sent.append((to, box))

    def set_invites(self, lookups: Sequence[str]) -> None:
        self.invites = tuple(lookups)

    def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False


PEER = Identity(bytes([7]) * 32)


class World:
    def __init__(self) -> None:
        self.carriers: list[FakeCarrier] = []
        self.handler = Mock()
        self.identity = Identity(bytes([9]) * 32)

        def make(server: Server, handler: CarrierHandler) -> Carrier:
            self.carriers.append(FakeCarrier(server, handler))
            return self.carriers[-1]

        self.rendezvous = Rendezvous(self.identity, self.handler, make)

    async def open(self, count: int) -> None:
        await self.rendezvous.set_servers([Server(f"s{n}", (f"ws://{n}",)) for n in range(count)])


async def test_only_so_many_servers_are_used_and_former_ones_are_left() -> None:
    world = World()
    world.rendezvous.set_invites(["a" * 64])
    await world.open(6)
    assert len(world.carriers) == MAX_CARRIERS
    assert all(carrier.running and carrier.invites for carrier in world.carriers)
    await world.open(1)
    assert [carrier.running for carrier in world.carriers] == [True, False, False, False]
    assert world.rendezvous.connected_urls == world.rendezvous.configured_urls == ("ws://0",)
    await world.rendezvous.stop()
    assert not any(carrier.running for carrier in world.carriers)


async def test_a_server_that_is_set_while_stopping_is_not_left_running() -> None:
    world = World()
    await world.open(1)
    leaving = asyncio.Event()

    async def slow_stop() -> None:
        await leaving.wait()
        world.carriers[0].running = False

    world.carriers[0].stop = slow_stop  # type: ignore[method-assign]
    changing = asyncio.create_task(world.rendezvous.set_servers([Server("x", ("ws://x",))]))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(world.rendezvous.stop())
    await asyncio.sleep(0)
    leaving.set()
    await asyncio.gather(changing, stopping)
    await world.open(1)
    assert not any(carrier.running for carrier in world.carriers)


async def test_a_peer_counts_as_present_while_any_server_reaches_it() -> None:
    world = World()
    await world.open(2)
    one, two = world.carriers
    for carrier in (one, two):
        world.rendezvous.carrier_present(carrier, PEER.peer_id, up=True)
    world.handler.peer_present.assert_called_once_with(PEER.peer_id, up=True)
    assert world.rendezvous.is_present(PEER.peer_id)
    world.rendezvous.carrier_present(one, PEER.peer_id, up=False)
    assert world.rendezvous.is_present(PEER.peer_id)
    world.rendezvous.carrier_state(two, connected=False, error=None)
    assert not world.rendezvous.is_present(PEER.peer_id)
    world.handler.peer_present.assert_called_with(PEER.peer_id, up=False)


async def test_a_box_takes_any_server_that_reaches_the_peer() -> None:
    world = World()
    with pytest.raises(UnreachableError) as caught:
        await world.rendezvous.send(PEER.public, {})
    assert caught.value.code == "signaling_unreachable"
    await world.open(3)
    with pytest.raises(UnreachableError) as caught:
        await world.rendezvous.send(PEER.public, {})
    assert caught.value.code == "peer_absent"
    one, two, three = world.carriers
    one.broken = True
    one.present = two.present = frozenset({PEER.peer_id})
    await world.rendezvous.send(PEER.public, {"k": "offer"})
    assert not three.sent
    ((to, box),) = two.sent
    assert to == PEER.peer_id
    assert PEER.unseal(box) == b'{"k":"offer"}'
    assert b"offer" not in box


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b"{"])
async def test_a_box_that_cannot_be_read_is_dropped(data: bytes) -> None:
    world = World()
    carrier = Mock()
    world.rendezvous.carrier_box(carrier, PEER.peer_id, world.identity.public.seal(data))
    world.rendezvous.carrier_box(carrier, PEER.peer_id, data)
    world.rendezvous.carrier_box(carrier, PEER.peer_id, bytes(50_000))
    world.handler.signal_received.assert_not_called()


async def test_boxes_of_members_and_of_strangers_go_different_ways() -> None:
    world = World()
    carrier = Mock()
    box = world.identity.public.seal(b'{"k":"offer"}')
    world.rendezvous.carrier_box(carrier, PEER.peer_id, box)
    world.handler.signal_received.assert_called_once_with(carrier, PEER.peer_id, {"k": "offer"})
    world.rendezvous.carrier_box(carrier, "j-1", box)
    world.handler.stranger_received.assert_called_once_with(carrier, "j-1", b'{"k":"offer"}')


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"k": "offer"},
        {"k": "offer", "records": [], "sdp": {}, "attempt": 0},
        {"k": "offer", "records": [], "sdp": {"body": "{}", "sig": "x"}, "attempt": 0},
        {"k": "offer", "records": {}, "attempt": 0},
        {"k": "declined", "records": [{"body": "{}", "sig": "x"}]},
        {"k": "other", "records": []},
    ],
)
async def test_a_malformed_signal_changes_nothing(lab: Lab, payload: Mapping[str, Any]) -> None:
    studio = await lab.join("Studio")
    meeting = lab.founder.node._engine.meeting
    for sender in (studio.node.peer_id, "a" * 32):
        meeting.signal_received(Mock(), sender, payload)
    assert lab.founder.linked_to(studio)
