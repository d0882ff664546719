"""The whole node: real links on loopback, a real signaling server, real signatures."""

import asyncio
from collections.abc import AsyncIterator
import copy
from datetime import timedelta
import time
from typing import Any
from unittest.mock import Mock

import pytest

from infrafabric.mesh.api import MessageDraft
from infrafabric.mesh.engine import engine, goodbye
from infrafabric.mesh.errors import DeadlineError, InvalidError, RefusedError, UnreachableError
from infrafabric.mesh.messages.message import IFMessage, agent_address
from infrafabric.mesh.model import (
    InvitationsChanged,
    MembershipRevoked,
    MessageReceived,
    MessageRefused,
    PeerConnected,
    PeerDisconnected,
    PeerJoined,
    PeerRemoved,
    ReceiptStatus,
    Role,
    StatsChanged,
)
from infrafabric.mesh.node import MeshNode
from infrafabric.mesh.signaling import joiner

from .mesh_lab import Lab, Member, MemoryStore
from .virtual_time import Patience


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with Lab() as lab:
        yield lab


def draft(**content: Any) -> MessageDraft:
    return MessageDraft(content=content)


async def test_two_nodes_pair_with_one_code_and_exchange_a_signed_message(lab: Lab) -> None:
    studio = await lab.join("Studio")
    home = lab.founder
    result = await studio.node.send([home.node.peer_id], draft(hello="home"))
    assert dict(result.receipts) == {home.node.peer_id: ReceiptStatus.ACCEPTED}
    assert result.accepted == (home.node.peer_id,)
    received = await home.event(MessageReceived)
    assert received.message.content == {"hello": "home"}
    assert received.peer_id == studio.node.peer_id
    assert received.role is Role.OBSERVE
    joined = await home.event(PeerJoined)
    assert joined.peer.name == "Studio"
    assert joined.peer.check_groups == studio.node.check_groups


async def test_three_members_link_to_each_other_and_know_the_whole_map(lab: Lab) -> None:
    studio = await lab.join("Studio")
    garage = await lab.join("Garage")
    await garage.until(lambda: garage.linked_to(studio))
    await studio.until(lambda: studio.linked_to(garage))
    ids = {member.node.peer_id for member in lab.members}

    def knows_all_links() -> bool:
        beacons = lab.founder.node.describe()["beacons"]
        return beacons.keys() == ids and all(
            {link["peer"] for link in beacon["links"]} == ids - {peer_id}
            for peer_id, beacon in beacons.items()
        )

    await lab.founder.until(knows_all_links, 20)


async def test_a_broadcast_reaches_every_linked_peer(lab: Lab) -> None:
    studio = await lab.join("Studio")
    garage = await lab.join("Garage")
    result = await lab.founder.node.broadcast(draft(everybody=True))
    assert set(result.accepted) == {studio.node.peer_id, garage.node.peer_id}
    for member in (studio, garage):
        received = await member.event(MessageReceived)
        assert received.message.content == {"everybody": True}


async def test_a_link_has_proven_itself_by_a_receipt_or_a_reply_until_it_ends(lab: Lab) -> None:
    studio = await lab.join("Studio", Role.COMMAND)
    home = lab.founder
    begun = time.time()
    assert home.node.delivered == {}

    await home.node.send([studio.node.peer_id], draft())
    assert begun <= home.node.delivered[studio.node.peer_id] <= time.time()
    # A message that came proves nothing of what this node sends.
    assert studio.node.delivered == {}

    asked = asyncio.ensure_future(
        studio.node.request(home.node.peer_id, MessageDraft(content={}, performative="request"))
    )
    for _ in range(2):
        message = (await home.event(MessageReceived)).message
        if message.performative == "request":
            break
    # The receipt of a request is not waited for: only its reply counts.
    await home.node.reply(message, draft())
    await asked
    assert begun <= studio.node.delivered[home.node.peer_id] <= time.time()

    await home.node.reconnect(studio.node.peer_id)
    assert home.node.delivered == {}


async def test_a_refused_message_proves_nothing(lab: Lab) -> None:
    studio = await lab.join("Studio")
    request = MessageDraft(content={}, performative="request")
    result = await studio.node.send([lab.founder.node.peer_id], request)
    assert dict(result.receipts) == {lab.founder.node.peer_id: ReceiptStatus.NOT_ALLOWED}
    assert studio.node.delivered == {}


async def test_two_requests_in_one_conversation_get_their_own_replies(lab: Lab) -> None:
    home = lab.founder
    studio = await lab.join("Studio", Role.COMMAND)
    conversation = "if://conversation/both"
    replies = [
        asyncio.create_task(
            studio.node.request(
                home.node.peer_id,
                MessageDraft(
                    content={"n": n}, performative="request", conversation_id=conversation
                ),
            )
        )
        for n in (1, 2)
    ]
    requests = [(await home.event(MessageReceived)).message for _ in replies]
    # Answered the other way round, so that order alone would mix them up.
    for request in reversed(requests):
        await home.node.reply(request, draft(answer=request.content["n"] * 10))
    assert [(await reply).content["answer"] for reply in replies] == [10, 20]


async def test_a_request_without_a_reply_times_out_and_leaves_nothing_waiting(lab: Lab) -> None:
    studio = await lab.join("Studio", Role.COMMAND)
    with pytest.raises(DeadlineError, match="did not reply") as caught:
        await studio.node.request(
            lab.founder.node.peer_id,
            MessageDraft(content={}, performative="request"),
            timeout=0.2,
        )
    assert caught.value.code == "request_timeout"
    assert studio.node.describe()["waiting_requests"] == 0


async def test_the_request_of_an_observer_is_refused_and_fires_nothing(lab: Lab) -> None:
    studio = await lab.join("Studio", Role.OBSERVE)
    reply = await studio.node.request(
        lab.founder.node.peer_id, MessageDraft(content={"do": 1}, performative="request")
    )
    assert reply.performative == "refuse"
    assert reply.content == {"reason": "not_allowed", "needs": "command"}
    assert not [event for event in lab.founder.events if isinstance(event, MessageReceived)]
    assert lab.founder.node.stats.refused == {"not_allowed": 1}


async def test_an_admin_changes_a_role_and_it_counts_at_once(lab: Lab) -> None:
    studio = await lab.join("Studio", Role.OBSERVE)
    await lab.founder.node.set_role(studio.node.peer_id, Role.COMMAND)
    await studio.until(lambda: studio.node.role is Role.COMMAND)
    request = asyncio.create_task(
        studio.node.request(
            lab.founder.node.peer_id, MessageDraft(content={}, performative="request")
        )
    )
    received = await lab.founder.event(MessageReceived)
    await lab.founder.node.reply(received.message, MessageDraft(content={}, performative="agree"))
    assert (await request).performative == "agree"
    await lab.founder.node.set_role(studio.node.peer_id, Role.OBSERVE)
    await studio.until(lambda: studio.node.role is Role.OBSERVE)


async def test_a_demoted_admin_stays_a_member(lab: Lab) -> None:
    studio = await lab.join("Studio", Role.ADMIN)
    await lab.founder.node.set_role(studio.node.peer_id, Role.OBSERVE)
    await studio.until(lambda: studio.node.role is Role.OBSERVE)
    assert studio.linked_to(lab.founder)
    assert not studio.node.revoked
    with pytest.raises(RefusedError) as caught:
        await studio.node.create_invitation()
    assert caught.value.code == "not_admin"


async def test_a_second_admin_lets_somebody_in(lab: Lab) -> None:
    studio = await lab.join("Studio", Role.ADMIN)
    _, text = await studio.node.create_invitation(role=Role.COMMAND)
    store = MemoryStore()
    await MeshNode.join(store, text, node_name="Van", http=lab.http)
    await lab.founder.until(lambda: any(p.name == "Van" for p in lab.founder.node.peers.values()))


async def test_a_tampered_and_a_replayed_message_over_a_live_link_are_counted(lab: Lab) -> None:
    home = lab.founder
    hostile = await lab.join("Hostile")
    link = hostile.link_to(home)
    message = hostile.message_to(home, {"honest": True})
    assert await link.send(message.body, message.signature) is ReceiptStatus.ACCEPTED
    await home.event(MessageReceived)
    assert await link.send(message.body, message.signature) is ReceiptStatus.REPLAYED
    tampered = message.body.replace(b'{"honest":true}', b'{"honest":null}')
    assert tampered != message.body
    assert await link.send(tampered, message.signature) is ReceiptStatus.BAD_SIGNATURE
    readdressed = hostile.message_to(hostile, {})
    assert await link.send(readdressed.body, readdressed.signature) is ReceiptStatus.NOT_ADDRESSED
    foreign = lab.founder.message_to(home, {})
    assert await link.send(foreign.body, foreign.signature) is ReceiptStatus.BAD_SIGNATURE
    assert await link.send(b"{}", bytes(64)) is ReceiptStatus.MALFORMED
    assert home.node.stats.refused == {
        "replayed": 1,
        "bad_signature": 2,
        "not_addressed": 1,
        "malformed": 1,
    }
    assert home.node.stats.refused_total == 5
    assert not [event for event in home.events if isinstance(event, MessageReceived)]
    assert {event.status for event in home.events if isinstance(event, MessageRefused)} == {
        ReceiptStatus.REPLAYED,
        ReceiptStatus.BAD_SIGNATURE,
        ReceiptStatus.NOT_ADDRESSED,
        ReceiptStatus.MALFORMED,
    }


async def test_a_message_cannot_be_replayed_after_a_clean_restart(lab: Lab) -> None:
    home = lab.founder
    hostile = await lab.join("Hostile")
    message = hostile.message_to(home, {"once": True})
    assert await hostile.link_to(home).send(*message_parts(message)) is ReceiptStatus.ACCEPTED
    await home.node.stop()
    await home.start()
    await hostile.until(lambda: hostile.linked_to(home))
    # Only the highest number of each sender is kept: whatever is below counts as stale.
    assert await hostile.link_to(home).send(*message_parts(message)) is ReceiptStatus.STALE


async def test_a_message_cannot_be_replayed_after_a_kill(lab: Lab) -> None:
    home = lab.founder
    hostile = await lab.join("Hostile")
    message = hostile.message_to(home, {"once": True})
    assert await hostile.link_to(home).send(*message_parts(message)) is ReceiptStatus.ACCEPTED
    # What a killed process leaves: the state as it was saved while running.
    as_killed = copy.deepcopy(home.store.data)
    assert as_killed is not None
    assert as_killed["clean"] is False
    await home.node.stop()
    home.store.data = as_killed
    await home.start()
    await hostile.until(lambda: hostile.linked_to(home))
    assert await hostile.link_to(home).send(*message_parts(message)) is ReceiptStatus.STALE
    fresh = hostile.message_to(home, {"after": True})
    assert await hostile.link_to(home).send(*message_parts(fresh)) is ReceiptStatus.ACCEPTED


async def test_sequence_numbers_rise_over_a_kill(lab: Lab) -> None:
    studio = await lab.join("Studio")
    first = studio.message_to(lab.founder, {}).sequence_num
    as_killed = copy.deepcopy(studio.store.data)
    await studio.node.stop()
    studio.store.data = as_killed
    await studio.start()
    assert studio.message_to(lab.founder, {}).sequence_num > first


async def test_a_flood_of_messages_is_cut_at_the_limit(lab: Lab) -> None:
    home = lab.founder
    await home.node.reconfigure(home.config(message_rate=0.001, message_burst=10))
    noisy = await lab.join("Noisy")
    results = await asyncio.gather(
        *(noisy.node.send([home.node.peer_id], draft(n=n)) for n in range(30))
    )
    statuses = [result.receipts[home.node.peer_id] for result in results]
    assert statuses.count(ReceiptStatus.ACCEPTED) == 10
    assert statuses.count(ReceiptStatus.RATE_LIMITED) == 20
    assert home.node.stats.refused == {"rate_limited": 20}


async def test_a_lost_link_comes_back_by_itself(lab: Lab) -> None:
    studio = await lab.join("Studio")
    await studio.event(PeerConnected)
    await studio.link_to(lab.founder).close("test")
    await studio.event(PeerDisconnected)
    await studio.event(PeerConnected)
    assert studio.linked_to(lab.founder)


async def test_a_restarted_node_is_back_by_itself(lab: Lab) -> None:
    studio = await lab.join("Studio")
    await studio.node.stop()
    await lab.founder.until(lambda: not lab.founder.linked_to(studio))
    await studio.start()
    await studio.until(lambda: studio.linked_to(lab.founder))
    await lab.founder.until(lambda: lab.founder.linked_to(studio))


async def test_a_node_that_vanished_is_noticed_and_linked_again(lab: Lab, monkeypatch) -> None:
    # The heartbeat would notice after ten seconds; the signaling server knows at once.
    monkeypatch.setattr("infrafabric.mesh.link.quality.DEAD_AFTER", 1_000_000)
    studio = await lab.join("Studio")
    # A killed process says no goodbye: its sockets die and its signaling session ends.
    state = copy.deepcopy(studio.store.data)
    await studio.vanish()
    assert lab.founder.linked_to(studio)
    studio.store.data = state
    await studio.start()
    await lab.founder.until(
        lambda: lab.founder.linked_to(studio) and studio.linked_to(lab.founder), 20
    )


async def test_reconnect_makes_a_new_link_whoever_asks(lab: Lab) -> None:
    studio = await lab.join("Studio")
    for one, other in ((studio, lab.founder), (lab.founder, studio)):
        former = one.link_to(other)
        await one.node.reconnect(other.node.peer_id)
        await one.until(lambda one=one, other=other: one.linked_to(other))
        assert one.link_to(other) is not former
        await other.until(lambda one=one, other=other: other.linked_to(one))


async def test_an_offer_that_nobody_heard_is_made_again_when_its_peer_shows_up(lab: Lab) -> None:
    studio = await lab.join("Studio")
    engine, links = lab.founder.node._engine, lab.founder.node._engine.links
    signal, offers = links._signal, []

    async def unheard_at_first(peer, kind: str, body, attempt: int) -> None:
        # As a server does whose session with a peer that is restarting has not ended yet.
        if kind == "offer":
            offers.append(body)
        if kind != "offer" or len(offers) > 1:
            await signal(peer, kind, body, attempt)

    links._signal = unheard_at_first
    dial = asyncio.create_task(lab.founder.node.reconnect(studio.node.peer_id))
    await lab.founder.until(lambda: bool(offers))
    engine.peer_present(studio.node.peer_id, up=False)
    engine.peer_present(studio.node.peer_id, up=True)
    await dial
    assert len(offers) == 2
    assert offers[0] is offers[1]


async def test_links_outlive_the_signaling_server(lab: Lab) -> None:
    studio = await lab.join("Studio")
    await lab.host.close()
    await studio.until(lambda: not studio.node.stats.signaling_connected)
    result = await studio.node.send([lab.founder.node.peer_id], draft(still="here"))
    assert result.accepted


async def test_a_new_name_reaches_the_others_and_no_link_drops(lab: Lab) -> None:
    studio = await lab.join("Studio")
    link = studio.link_to(lab.founder)
    studio.name = "Studio B"
    await studio.node.reconfigure(studio.config())
    peer_id = studio.node.peer_id
    await lab.founder.until(lambda: lab.founder.node.peers[peer_id].name == "Studio B")
    assert studio.link_to(lab.founder) is link
    await lab.founder.node.rename_peer(peer_id, "Attic")
    await lab.founder.until(lambda: lab.founder.node.peers[peer_id].name == "Attic")
    assert link.is_open


async def test_quality_is_unknown_at_first_and_measured_soon(lab: Lab) -> None:
    studio = await lab.join("Studio")
    peer_id = lab.founder.node.peer_id
    assert studio.node.peers[peer_id].quality.score is None
    await studio.until(lambda: studio.node.peers[peer_id].quality.rtt_ms is not None)
    assert 0 < (studio.node.peers[peer_id].quality.rtt_ms or 0) < 1000


async def test_statistics_are_told_now_and_then(lab: Lab) -> None:
    studio = await lab.join("Studio")
    await studio.node.send([lab.founder.node.peer_id], draft())
    # What was told before is no matter: the interval may end at any moment.
    studio.events.clear()
    event = await studio.event(StatsChanged)
    assert event.stats.peers_online == event.stats.links_direct == event.stats.peers_total == 1
    assert event.stats.links_relayed == 0
    assert event.stats.messages_out_per_minute == 1
    assert lab.founder.node.stats.messages_in_per_minute == 1
    assert lab.founder.node.stats.signaling_connected == (lab.url,)


async def test_a_revoked_peer_loses_its_link_at_once_and_knows_why(lab: Lab) -> None:
    studio = await lab.join("Studio")
    garage = await lab.join("Garage")
    await garage.until(lambda: garage.linked_to(studio))
    peer_id = studio.node.peer_id
    await lab.founder.node.revoke(peer_id)
    disconnected = await lab.founder.event(PeerDisconnected)
    assert (disconnected.peer.peer_id, disconnected.reason) == (peer_id, "revoked")
    assert not disconnected.peer.connected
    assert (await lab.founder.event(PeerRemoved)).reason == "revoked"
    assert (await garage.event(PeerRemoved)).peer_id == peer_id
    await studio.event(MembershipRevoked)
    assert studio.node.revoked
    assert "membership_revoked" in studio.node.stats.problems
    assert peer_id not in lab.founder.node.peers
    assert peer_id not in garage.node.peers


async def test_messages_of_a_revoked_peer_are_refused_even_while_its_link_closes(lab: Lab) -> None:
    studio = await lab.join("Studio")
    link = studio.link_to(lab.founder)
    message = studio.message_to(lab.founder, {})
    await lab.founder.node.revoke(studio.node.peer_id)
    try:
        status = await link.send(*message_parts(message))
    except UnreachableError:
        return
    assert status is not ReceiptStatus.ACCEPTED


async def test_a_peer_revoked_while_away_learns_it_when_it_comes_back(lab: Lab) -> None:
    studio = await lab.join("Studio")
    await studio.node.stop()
    await lab.founder.node.revoke(studio.node.peer_id)
    await studio.start()
    await studio.event(MembershipRevoked)


async def test_a_revoked_node_comes_back_with_a_new_invitation_and_its_old_key(lab: Lab) -> None:
    studio = await lab.join("Studio")
    peer_id = studio.node.peer_id
    await lab.founder.node.revoke(peer_id)
    await studio.event(MembershipRevoked)
    await studio.node.stop()
    _, text = await lab.founder.node.create_invitation()
    await MeshNode.join(studio.store, text, node_name="Studio", http=lab.http)
    await studio.start()
    assert studio.node.peer_id == peer_id
    await studio.until(lambda: studio.linked_to(lab.founder))
    assert not studio.node.revoked


async def test_the_end_of_a_revoked_link_leaves_the_next_one_alone(lab: Lab, monkeypatch) -> None:
    monkeypatch.setattr(engine, "GOODBYE", 2.0)
    studio = await lab.join("Studio")
    await lab.founder.node.revoke(studio.node.peer_id)
    ends = asyncio.get_running_loop().time() + 2.0
    await studio.event(MembershipRevoked)
    await studio.node.stop()
    _, text = await lab.founder.node.create_invitation()
    await MeshNode.join(studio.store, text, node_name="Studio", http=lab.http)
    await studio.start()
    await studio.until(lambda: studio.linked_to(lab.founder))
    link = studio.link_to(lab.founder)
    await asyncio.sleep(max(0, ends - asyncio.get_running_loop().time()) + 0.2)
    assert link.is_open
    assert studio.link_to(lab.founder) is link


async def test_an_invitation_to_another_mesh_does_not_replace_this_one(lab: Lab) -> None:
    studio = await lab.join("Studio")
    before = studio.store.data
    async with Lab() as other:
        _, text = await other.founder.node.create_invitation()
        with pytest.raises(InvalidError) as caught:
            await MeshNode.join(studio.store, text, node_name="Studio", http=lab.http)
    assert caught.value.code == "other_mesh"
    assert studio.store.data == before


async def test_whoever_leaves_is_forgotten_by_the_others_at_once(lab: Lab) -> None:
    studio = await lab.join("Studio")
    assert await studio.node.leave()
    removed = await lab.founder.event(PeerRemoved)
    assert (removed.peer_id, removed.reason) == (studio.node.peer_id, "left")


async def test_a_goodbye_waits_for_the_member_that_hears_it_late(lab: Lab, monkeypatch) -> None:
    studio = await lab.join("Studio")
    link = studio.link_to(lab.founder)
    send = link.send_control

    async def late(payload: bytes) -> None:
        await asyncio.sleep(2 * engine.GOODBYE)
        await send(payload)

    monkeypatch.setattr(link, "send_control", late)
    assert await studio.node.leave()
    assert (await lab.founder.event(PeerRemoved)).reason == "left"


async def test_a_goodbye_counts_on_a_link_whose_exchange_still_runs(lab: Lab) -> None:
    studio = await lab.join("Studio")
    # As it is a moment before: the founder counts the new member as connected already.
    studio.node._engine.sessions[lab.founder.node.peer_id]._admitted.clear()
    assert not studio.node._engine.connected
    assert await studio.node.leave()
    assert (await lab.founder.event(PeerRemoved)).reason == "left"


async def test_a_goodbye_that_nobody_takes_in_was_not_heard(lab: Lab, monkeypatch) -> None:
    monkeypatch.setattr(goodbye, "LEAVING", 0.2)
    studio = await lab.join("Studio")

    async def lost(_payload: bytes) -> None:
        return

    monkeypatch.setattr(studio.link_to(lab.founder), "send_control", lost)
    assert not await studio.node.leave()
    await lab.founder.until(lambda: not lab.founder.linked_to(studio))
    assert studio.node.peer_id in lab.founder.node.peers


async def test_only_a_known_peer_can_be_revoked_and_nobody_revokes_itself(lab: Lab) -> None:
    stranger = "a" * 32
    with pytest.raises(InvalidError) as unknown:
        await lab.founder.node.revoke(stranger)
    assert unknown.value.code == "unknown_peer"
    with pytest.raises(RefusedError) as own:
        await lab.founder.node.revoke(lab.founder.node.peer_id)
    assert own.value.code == "own_record"
    for call in (
        lab.founder.node.set_role(stranger, Role.ADMIN),
        lab.founder.node.reconnect(stranger),
        lab.founder.node.send([stranger], draft()),
    ):
        with pytest.raises(InvalidError):
            await call


async def test_a_member_without_the_role_cannot_change_the_mesh(lab: Lab) -> None:
    studio = await lab.join("Studio", Role.COMMAND)
    peer_id = lab.founder.node.peer_id
    for call in (
        studio.node.revoke(peer_id),
        studio.node.set_role(peer_id, Role.OBSERVE),
        studio.node.create_invitation(),
    ):
        with pytest.raises(RefusedError) as caught:
            await call
        assert caught.value.code == "not_admin"


async def test_sending_to_a_peer_that_is_away_says_so(lab: Lab) -> None:
    studio = await lab.join("Studio")
    await studio.node.stop()
    await lab.founder.until(lambda: not lab.founder.linked_to(studio))
    with pytest.raises(UnreachableError, match="Studio is not connected") as caught:
        await lab.founder.node.send([studio.node.peer_id], draft())
    assert caught.value.code == "peer_not_connected"
    with pytest.raises(UnreachableError):
        await lab.founder.node.request(studio.node.peer_id, draft(), timeout=1)


async def test_a_malformed_draft_is_refused_before_anything_is_sent(lab: Lab) -> None:
    studio = await lab.join("Studio")
    with pytest.raises(InvalidError) as caught:
        await studio.node.send(
            [lab.founder.node.peer_id], MessageDraft(content={}, performative="shout")
        )
    assert caught.value.code == "message_invalid"


async def test_invitations_are_listed_cancelled_and_then_refused(lab: Lab) -> None:
    view, text = await lab.founder.node.create_invitation(
        role=Role.COMMAND, expires_in=timedelta(hours=1)
    )
    await lab.founder.event(InvitationsChanged)
    assert lab.founder.node.invitations == [view]
    assert view.role is Role.COMMAND
    assert timedelta(minutes=59) < view.expires - view.created <= timedelta(hours=1)
    await lab.founder.node.cancel_invitation(view.invitation_id)
    assert lab.founder.node.invitations == []
    with pytest.raises(RefusedError) as caught:
        await MeshNode.join(MemoryStore(), text, node_name="Late", http=lab.http)
    assert caught.value.code == "invitation_revoked"
    with pytest.raises(InvalidError) as unknown:
        await lab.founder.node.cancel_invitation(view.invitation_id)
    assert unknown.value.code == "unknown_invitation"


async def test_an_invitation_lets_one_in_and_no_second(lab: Lab) -> None:
    _, text = await lab.founder.node.create_invitation()
    await MeshNode.join(MemoryStore(), text, node_name="First", http=lab.http)
    with pytest.raises(RefusedError) as caught:
        await MeshNode.join(MemoryStore(), text, node_name="Second", http=lab.http)
    assert caught.value.code == "invitation_spent"


async def test_a_lost_answer_does_not_cost_the_invitation(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = await lab.founder.node.create_invitation()
    store = MemoryStore()
    with monkeypatch.context() as loss:
        loss.setattr(
            "infrafabric.mesh.engine.founding.read_answer", Mock(side_effect=ValueError("lost"))
        )
        with pytest.raises(DeadlineError):
            await MeshNode.join(store, text, node_name="Unlucky", http=lab.http)
    with pytest.raises(InvalidError) as caught:
        await MeshNode.load(store, lab.founder.config(), http=lab.http)
    assert caught.value.code == "no_state"
    await MeshNode.join(store, text, node_name="Unlucky", http=lab.http)
    assert [peer.name for peer in lab.founder.node.peers.values()] == ["Unlucky"]


async def test_joining_while_the_inviter_is_away_says_whom_to_ask(lab: Lab, monkeypatch) -> None:
    Patience(monkeypatch, joiner)
    _, text = await lab.founder.node.create_invitation()
    await lab.founder.node.stop()
    with pytest.raises(UnreachableError) as caught:
        await MeshNode.join(MemoryStore(), text, node_name="Early", http=lab.http)
    assert caught.value.code == "inviter_unreachable"
    await lab.host.close()
    with pytest.raises(UnreachableError) as caught:
        await MeshNode.join(MemoryStore(), text, node_name="Early", http=lab.http)
    assert caught.value.code == "signaling_unreachable"


async def test_loading_nothing_or_damage_says_what_to_do(lab: Lab) -> None:
    store = MemoryStore()
    with pytest.raises(InvalidError) as nothing:
        await MeshNode.load(store, lab.founder.config(), http=lab.http)
    assert nothing.value.code == "no_state"
    for damage in ({}, {"version": 2}, {**(lab.founder.store.data or {}), "seed": "x"}):
        store.data = damage
        with pytest.raises(InvalidError) as caught:
            await MeshNode.load(store, lab.founder.config(), http=lab.http)
        assert caught.value.code == "state_unreadable"


async def test_stopping_leaves_no_task(lab: Lab) -> None:
    studio = await lab.join("Studio")
    await studio.node.stop()
    await studio.node.stop()
    names = {task.get_name() for task in asyncio.all_tasks() if task.done() is False}
    assert not [name for name in names if studio.node.peer_id in name]


async def test_a_failing_listener_hurts_nobody(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a mistake")

    unsubscribe = lab.founder.node.subscribe(fail)
    studio = await lab.join("Studio")
    assert studio.linked_to(lab.founder)
    assert "A listener failed" in caplog.text
    unsubscribe()
    unsubscribe()


async def test_a_founder_that_was_off_for_months_renews_itself(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = lab.founder
    await home.node.stop()
    months = home.node.not_after.timestamp() + 86_400
    for module in ("engine.registrar", "engine.engine", "engine.problems"):
        monkeypatch.setattr(f"infrafabric.mesh.{module}.time.time", lambda: months)
    await home.start()
    assert home.node.not_after.timestamp() > months
    assert not home.node.revoked
    assert not home.node.lapsed
    assert home.node.role is Role.ADMIN


async def test_a_member_that_lapsed_while_it_was_off_goes_on_trying(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    await studio.node.stop()
    months = studio.node.not_after.timestamp() + 86_400
    monkeypatch.setattr("infrafabric.mesh.engine.engine.time.time", lambda: months)
    await studio.start()
    assert studio.node.lapsed
    assert lab.founder.node.peer_id in studio.node.peers or studio.node.peers == {}


async def test_one_number_for_two_messages_is_told_as_a_clone(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    studio = await lab.join("Studio")
    link = studio.link_to(lab.founder)
    engine = studio.node._engine
    first = studio.message_to(lab.founder, {"n": 1})
    engine.sequence._next = first.sequence_num
    second = studio.message_to(lab.founder, {"n": 2})
    assert second.sequence_num == first.sequence_num
    assert await link.send(*message_parts(first)) is ReceiptStatus.ACCEPTED
    assert await link.send(*message_parts(second)) is ReceiptStatus.REPLAYED
    assert "two with its key?" in caplog.text


async def test_a_second_node_with_the_same_key_is_noticed(lab: Lab) -> None:
    studio = await lab.join("Studio")
    twin = Member(lab, "Twin")
    twin.store.data = copy.deepcopy(studio.store.data)
    await twin.start()
    lab.members.append(twin)
    await studio.until(
        lambda: (
            "cloned_identity" in studio.node.stats.problems
            or "cloned_identity" in twin.node.stats.problems
        ),
        30,
    )


def message_parts(message: IFMessage) -> tuple[bytes, bytes]:
    return message.body, message.signature


async def test_the_address_in_a_message_is_the_peer_id(lab: Lab) -> None:
    studio = await lab.join("Studio")
    message = studio.message_to(lab.founder, {})
    assert message.receivers == (agent_address(lab.founder.node.peer_id),)
    assert message.sender == studio.node.peer_id
