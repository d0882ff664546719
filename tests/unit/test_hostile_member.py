"""What a joined member that means harm, or was thrown out, cannot do to the others."""

import asyncio
from collections.abc import AsyncIterator
import time
from typing import Any

import pytest

from infrafabric.mesh.api import MessageDraft
from infrafabric.mesh.encoding import canonical_json
from infrafabric.mesh.engine.gossiper import MAX_MADE
from infrafabric.mesh.errors import DeadlineError, UnreachableError
from infrafabric.mesh.messages.message import agent_address
from infrafabric.mesh.model import PeerConnected, PeerDisconnected, ReceiptStatus, Role
from infrafabric.mesh.overlay.beacon import Beacon
from infrafabric.mesh.overlay.links import DEADLINE
from infrafabric.mesh.overlay.session import MAX_REFUSALS
from infrafabric.mesh.overlay.sync import RecordSync, SyncStep

from .mesh_lab import Lab, Member


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with Lab() as lab:
        yield lab


def a_beacon(member: Member, **changes: Any) -> Beacon:
    """Return a beacon that the member did not make by itself, newer than all it made."""
    engine = member.node._engine
    return Beacon(
        **{
            "peer_id": member.node.peer_id,
            "name": member.name,
            "named_at": 0,
            "software": "hostile",
            "capabilities": (),
            "urls": (),
            "links": (),
            "at": int(time.time()),
            "number": engine.sequence.take(),
            **changes,
        }
    )


def tell(member: Member, to: Member, beacon: Beacon) -> None:
    """Let the beacon arrive over the link of the two."""
    engine = member.node._engine
    signed = beacon.sign(engine.identity, engine.mesh_id)
    receiver = to.node._engine
    payload = canonical_json(signed.to_json())
    receiver.link_gossip(receiver.links.links[member.node.peer_id], payload)


@pytest.mark.parametrize("name", [" ", " Studio", "Studio ", "a\u2028b", "\ue000"])
async def test_a_name_that_no_record_may_carry_does_not_stand_in_an_admins_way(
    lab: Lab, name: str
) -> None:
    hostile = await lab.join("Hostile", Role.COMMAND)
    home = lab.founder
    tell(hostile, home, a_beacon(hostile, name=name, named_at=int(time.time()) + 50))
    assert home.node.peers[hostile.node.peer_id].name == "Hostile"
    await home.node.set_role(hostile.node.peer_id, Role.OBSERVE)
    assert home.node.peers[hostile.node.peer_id].role is Role.OBSERVE


async def test_a_link_that_opens_to_somebody_revoked_meanwhile_carries_nothing(lab: Lab) -> None:
    hostile = await lab.join("Hostile")
    home = lab.founder
    link = home.link_to(hostile)
    engine = home.node._engine
    engine.apply(engine.roster.revoke(hostile.node.peer_id, time.time()))
    engine.apply(())
    # An attempt that began before ends after.
    link.is_open = True
    engine.link_opened(link)
    assert hostile.node.peer_id not in engine.sessions
    await home.until(lambda: link.closed_reason is not None)


async def test_attempts_to_somebody_revoked_meanwhile_end(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = await lab.join("Hostile")
    home = lab.founder
    monkeypatch.setattr("infrafabric.mesh.engine.engine.GOODBYE", 0.01)
    engine = home.node._engine
    await hostile.node.stop()
    await home.until(lambda: not home.linked_to(hostile))

    async def silence(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(engine.links, "_signal", silence)
    dial = asyncio.create_task(engine.links.dial(hostile.node.peer_id, 0))
    await home.until(lambda: engine.links.is_dialing(hostile.node.peer_id))
    await home.node.revoke(hostile.node.peer_id)
    # Well before the attempt would end by itself.
    await home.until(lambda: not engine.links.is_dialing(hostile.node.peer_id), DEADLINE - 1)
    with pytest.raises(UnreachableError):
        await dial


async def test_a_new_link_that_never_carries_traffic_still_ends_what_it_replaced(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = await lab.join("Hostile")
    home = lab.founder
    await home.event(PeerConnected)
    # From now on the hostile one is silent about members.
    monkeypatch.setattr("infrafabric.mesh.overlay.session.EXCHANGE", 4.0)
    monkeypatch.setattr(RecordSync, "start", lambda _: {"k": "digest", "digest": ""})
    monkeypatch.setattr(RecordSync, "received", lambda *_: SyncStep())
    for _ in range(2):
        former = home.link_to(hostile)
        await hostile.node._engine.links.dial(home.node.peer_id, 0)
        await home.until(lambda former=former: home.link_to(hostile) is not former)
    assert not [event for event in home.events if isinstance(event, PeerDisconnected)]
    assert (await home.event(PeerDisconnected)).peer.peer_id == hostile.node.peer_id
    assert not [event for event in home.events if isinstance(event, PeerConnected)]


async def test_whoever_takes_no_refusals_cannot_make_them_pile_up(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = await lab.join("Hostile")
    home = lab.founder

    async def never(*_: Any) -> ReceiptStatus:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(home.link_to(hostile), "send", never)
    link = hostile.link_to(home)
    draft = MessageDraft(content={}, performative="request")
    for _ in range(100):
        message = hostile.node._engine.delivery.make_message(
            [agent_address(home.node.peer_id)], draft
        )
        assert await link.send(message.body, message.signature) is ReceiptStatus.NOT_ALLOWED
    waiting = [t for t in asyncio.all_tasks() if t.get_name() == "infrafabric refuse"]
    assert 0 < len(waiting) <= MAX_REFUSALS


async def test_a_request_ends_in_time_even_if_the_peer_never_confirms_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = await lab.join("Hostile")
    home = lab.founder

    async def never(*_: Any) -> list[ReceiptStatus]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(hostile.node._engine, "link_messages", never)
    request = MessageDraft(content={}, performative="request")
    async with asyncio.timeout(20):
        with pytest.raises(DeadlineError) as caught:
            await home.node.request(hostile.node.peer_id, request, timeout=0.2)
    assert caught.value.code == "request_timeout"
    await home.until(lambda: len(home.node._engine.conversations) == 0)


async def test_the_server_of_a_member_is_dialled_once_whoever_else_claims_it(lab: Lab) -> None:
    garage = await lab.join("Garage")
    hostile = await lab.join("Hostile")
    await garage.until(lambda: garage.linked_to(hostile))
    for number, url in enumerate((lab.url, lab.url.replace("ws://", "WS://"), f"{lab.url}/")):
        tell(hostile, garage, a_beacon(hostile, urls=(url,), software=str(number)))
        servers = garage.node._engine.meeting.servers()
        assert [server.urls for server in servers] == [(lab.url,)]
    await asyncio.sleep(0)
    assert garage.node.stats.signaling_configured == (lab.url,)


@pytest.mark.parametrize(
    "url",
    [
        "ws://192.168.1.1/reboot",
        "ws://192.168.1.1/api/infrafabric/signal?do=it",
        "ws://user@192.168.1.1/api/infrafabric/signal",
        "ws://192.168.1.1/api/infrafabric/signal#a",
        "ws://",
    ],
)
async def test_a_members_beacon_sends_nobody_to_an_address_that_is_no_signaling_server(
    lab: Lab, url: str
) -> None:
    hostile = await lab.join("Hostile")
    tell(hostile, lab.founder, a_beacon(hostile, urls=(url,)))
    assert not lab.founder.node._engine.state.servers


async def test_the_server_of_a_former_member_is_left(lab: Lab) -> None:
    hostile = await lab.join("Hostile", hosting=True)
    home = lab.founder
    await home.until(lambda: hostile.url in home.node.stats.signaling_configured)
    await home.node.revoke(hostile.node.peer_id)
    await home.until(lambda: hostile.url not in home.node.stats.signaling_configured)
    assert lab.url in home.node.stats.signaling_configured


async def test_a_member_that_changes_its_address_for_ever_is_heeded_now_and_then(
    lab: Lab,
) -> None:
    hostile = await lab.join("Hostile")
    home = lab.founder
    await home.until(lambda: not home.node._engine.saver._saving.locked())
    saves = home.store.saves
    for port in range(1, 60):
        url = f"ws://127.0.0.1:{port}/api/infrafabric/signal"
        tell(hostile, home, a_beacon(hostile, urls=(url,)))
        await asyncio.sleep(0)
    assert home.store.saves <= saves + 5


async def test_a_flood_of_beacons_is_not_passed_on(lab: Lab) -> None:
    garage = await lab.join("Garage")
    hostile = await lab.join("Hostile")
    home = lab.founder
    passed: list[bytes] = []
    session = home.node._engine.connected[garage.node.peer_id]
    session.link.send_gossip = lambda payload: passed.append(payload) or True  # type: ignore[method-assign,func-returns-value]
    for _ in range(100):
        tell(hostile, home, a_beacon(hostile))
    assert 0 < len([payload for payload in passed if b"hostile" in payload]) <= 15


async def test_what_a_node_remembers_of_its_own_beacons_is_bounded(lab: Lab) -> None:
    gossiper = lab.founder.node._engine.gossiper
    for _ in range(MAX_MADE + 10):
        gossiper._send()
    assert len(gossiper._made) == MAX_MADE
    hostile = await lab.join("Hostile")
    session = lab.founder.node._engine.connected[hostile.node.peer_id]
    engine = lab.founder.node._engine
    first = engine.sequence.epoch << 32
    for number in (first + 1, gossiper._made[0], gossiper._made[-1]):
        own = a_beacon(lab.founder, number=number).sign(engine.identity, engine.mesh_id)
        gossiper.received(session, canonical_json(own.to_json()))
    assert not gossiper.cloned
