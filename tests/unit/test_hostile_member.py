"""What a joined member that means harm, or was thrown out, cannot do to the others."""

import asyncio
from collections.abc import AsyncIterator
import time
from typing import Any

import pytest

from infrafabric.mesh.api import MessageDraft
from infrafabric.mesh.beacon import Beacon
from infrafabric.mesh.encoding import canonical_json
from infrafabric.mesh.errors import DeadlineError, UnreachableError
from infrafabric.mesh.message import agent_address
from infrafabric.mesh.model import PeerConnected, PeerDisconnected, ReceiptStatus, Role
from infrafabric.mesh.session import MAX_REFUSALS
from infrafabric.mesh.sync import RecordSync, SyncStep

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
    assert hostile.node.peer_id not in engine._sessions
    await home.until(lambda: link.closed_reason is not None)


async def test_attempts_to_somebody_revoked_meanwhile_end(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = await lab.join("Hostile")
    home = lab.founder
    monkeypatch.setattr("infrafabric.mesh.engine.GOODBYE", 0.01)
    engine = home.node._engine
    await hostile.node.stop()
    await home.until(lambda: not home.linked_to(hostile))

    async def silence(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(engine.links, "_signal", silence)
    dial = asyncio.create_task(engine.links.dial(hostile.node.peer_id, 0))
    await home.until(lambda: engine.links.is_dialing(hostile.node.peer_id))
    await home.node.revoke(hostile.node.peer_id)
    await home.until(lambda: not engine.links.is_dialing(hostile.node.peer_id), 2)
    with pytest.raises(UnreachableError):
        await dial


async def test_a_new_link_that_never_carries_traffic_still_ends_what_it_replaced(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = await lab.join("Hostile")
    home = lab.founder
    await home.event(PeerConnected)
    # From now on the hostile one is silent about members.
    monkeypatch.setattr("infrafabric.mesh.session.EXCHANGE", 1.0)
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
        message = hostile.node._engine.make_message([agent_address(home.node.peer_id)], draft)
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
    async with asyncio.timeout(5):
        with pytest.raises(DeadlineError) as caught:
            await home.node.request(hostile.node.peer_id, request, timeout=0.2)
    assert caught.value.code == "request_timeout"
    await home.until(lambda: len(home.node._engine.conversations) == 0)
