"""What bad luck does not do to a node: full disks, wrong clocks, a network that comes and goes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
import os
import time
from typing import Any
from unittest.mock import AsyncMock

import pytest

from infrafabric.mesh.encoding import canonical_json, parse_json
from infrafabric.mesh.engine.state import NodeState, unclean_since
from infrafabric.mesh.errors import RefusedError, UnreachableError
from infrafabric.mesh.link.ice import IceServer
from infrafabric.mesh.link.traffic import MAX_CONTROL
from infrafabric.mesh.messages.message import IFMessage, agent_address
from infrafabric.mesh.messages.replay import ReplayGuard
from infrafabric.mesh.model import MembershipRevoked, ReceiptStatus, Role
from infrafabric.mesh.node import MeshNode
from infrafabric.mesh.overlay.roster import MAX_EARLY, Roster
from infrafabric.mesh.overlay.sync import RecordSync, batches
from infrafabric.mesh.trust.identity import Identity, PublicIdentity
from infrafabric.mesh.trust.membership import RECORD_LIFE, Membership, Reason
from infrafabric.mesh.trust.records import MAX_KEEP

from .membership_world import ANNA, BEN, FOUNDER, NOW, founded, let_in, tombstone
from .mesh_lab import Lab

time_of = time.time


def a_message(stamp: float, sequence: int) -> IFMessage:
    return IFMessage.create(
        ANNA, [agent_address(BEN.peer_id)], {}, sequence=sequence, now=stamp, random=os.urandom
    )


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with Lab() as lab:
        yield lab


@pytest.mark.parametrize("error", [RefusedError("mesh_full", "Full."), OSError(28, "No space")])
async def test_upkeep_goes_on_after_any_error(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("infrafabric.mesh.node.UPKEEP_INTERVAL", 0.02)
    looks = 0

    def renew(*_: Any) -> list[Any]:
        nonlocal looks
        looks += 1
        raise error

    studio = await lab.join("Studio")
    monkeypatch.setattr(studio.node._engine.roster, "renew", renew)
    await studio.node.stop()
    await studio.start()
    monkeypatch.setattr(studio.node._engine.roster, "renew", renew)
    await studio.until(lambda: looks > 2)


async def test_statistics_go_on_after_any_error(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrafabric.mesh.node.STATS_INTERVAL", 0.02)
    studio = await lab.join("Studio")
    await studio.node.stop()
    await studio.start()
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        raise ValueError("a mistake")

    monkeypatch.setattr(studio.node._problems, "look", look)
    await studio.until(lambda: looks > 2)


async def test_beacons_and_dials_go_on_after_any_error(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrafabric.mesh.engine.gossiper.PAUSE", 0.02)
    monkeypatch.setattr("infrafabric.mesh.engine.gossiper.INTERVAL", 0.02)
    monkeypatch.setattr("infrafabric.mesh.engine.dialer.DIAL_LOOK", 0.02)
    studio = await lab.join("Studio")
    await studio.node.stop()
    await studio.start()
    sent = due = 0

    def send() -> None:
        nonlocal sent
        sent += 1
        raise ValueError("a mistake")

    def next_due(*_: Any) -> list[str]:
        nonlocal due
        due += 1
        raise ValueError("a mistake")

    monkeypatch.setattr(studio.node._engine.gossiper, "_send", send)
    monkeypatch.setattr(studio.node._engine.policy, "due", next_due)
    await studio.until(lambda: sent > 2 and due > 2)


def test_a_record_that_cannot_be_renewed_does_not_let_the_others_lapse() -> None:
    mesh: Membership = founded()
    for who in (ANNA, BEN):
        let_in(mesh, who, Role.OBSERVE)
    later = NOW + RECORD_LIFE * 0.6
    roster = Roster(FOUNDER, mesh, None)
    assert roster.renew({ANNA.peer_id: "bad\n", BEN.peer_id: "Ben"}, later)
    renewed = mesh.record(BEN.peer_id)
    assert renewed is not None
    assert renewed.name == "Ben"


async def test_a_reconnect_that_is_given_up_does_not_stop_the_dialling(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    low, high = sorted((studio, lab.founder), key=lambda member: member.node.peer_id)
    with monkeypatch.context() as silence:
        silence.setattr(high.node._engine.links, "offered", lambda *_: None)
        silence.setattr("infrafabric.mesh.overlay.links.DEADLINE", 0.5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await low.node.reconnect(high.node.peer_id)
        await low.until(lambda: not low.node._engine.links.is_dialing(high.node.peer_id))
    await low.until(lambda: low.linked_to(high))


async def test_a_reconnect_that_fails_of_itself_does_not_stop_the_dialling(lab: Lab) -> None:
    studio = await lab.join("Studio")
    low, high = sorted((studio, lab.founder), key=lambda member: member.node.peer_id)

    async def mistaken() -> list[IceServer]:
        raise OSError("no answer")

    await low.node.reconfigure(low.config(ice_servers=mistaken))
    with pytest.raises(OSError, match="no answer"):
        await low.node.reconnect(high.node.peer_id)
    await low.node.reconfigure(low.config())
    await low.until(lambda: low.linked_to(high))


async def test_what_a_full_disk_did_not_take_is_written_once_there_is_room(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrafabric.mesh.node.UPKEEP_INTERVAL", 0.05)
    studio = await lab.join("Studio")
    await studio.node.stop()
    await studio.start()
    await studio.until(lambda: studio.linked_to(lab.founder))
    with monkeypatch.context() as disk:
        disk.setattr(studio.store, "save", AsyncMock(side_effect=OSError(28, "No space")))
        van = await lab.join("Van", linked=False)
        await studio.until(lambda: van.node.peer_id in studio.node.peers)
        await studio.until(lambda: studio.node._engine.saver.unsaved)
    await studio.until(lambda: not studio.node._engine.saver.unsaved)
    saved = NodeState.from_json(await studio.store.load() or {})
    assert saved.membership.record(van.node.peer_id) is not None


async def test_a_revocation_that_cannot_be_saved_counts_and_is_reported(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    van = await lab.join("Van")
    await studio.until(lambda: studio.linked_to(van))
    with monkeypatch.context() as disk:
        disk.setattr(lab.founder.store, "save", AsyncMock(side_effect=OSError(28, "No space")))
        with pytest.raises(OSError, match="No space"):
            await lab.founder.node.revoke(van.node.peer_id)
        assert van.node.peer_id not in lab.founder.node.peers
        await studio.until(lambda: van.node.peer_id not in studio.node.peers)


async def test_a_node_stops_even_if_nothing_can_be_saved(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    studio = await lab.join("Studio")
    with monkeypatch.context() as disk:
        disk.setattr(studio.store, "save", AsyncMock(side_effect=OSError(28, "No space")))
        await studio.node.stop()
    assert "could not be saved" in caplog.text
    assert (await studio.store.load() or {})["clean"] is False


async def test_many_changes_at_once_are_written_together(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver = lab.founder.node._engine.saver
    await lab.founder.until(lambda: not saver.unsaved)
    slow, before = asyncio.Event(), lab.founder.store.saves
    save = lab.founder.store.save

    async def slowly(data: dict[str, Any]) -> None:
        await slow.wait()
        await save(data)

    monkeypatch.setattr(lab.founder.store, "save", slowly)
    for _ in range(50):
        saver.save_soon()
        await asyncio.sleep(0)
    slow.set()
    await lab.founder.until(lambda: not saver.unsaved)
    assert lab.founder.store.saves - before == 2


async def test_a_write_that_began_is_never_overtaken_by_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver = lab.founder.node._engine.saver
    began, go = asyncio.Event(), asyncio.Event()
    writing = 0

    async def slowly(_: dict[str, Any]) -> None:
        nonlocal writing
        assert not writing
        writing += 1
        began.set()
        # As a thread does, it goes on whatever becomes of whoever waits for it.
        await asyncio.wait([asyncio.ensure_future(go.wait())])
        writing -= 1

    monkeypatch.setattr(lab.founder.store, "save", slowly)
    first = asyncio.create_task(saver.save())
    await began.wait()
    first.cancel()
    second = asyncio.create_task(saver.save())
    # Time for the second one to begin, were it let.
    await asyncio.sleep(0.05)
    go.set()
    await second
    assert first.cancelled()


async def test_a_clock_that_was_wrong_for_a_while_costs_no_membership(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    engine = studio.node._engine
    with monkeypatch.context() as clock:
        clock.setattr(
            "infrafabric.mesh.engine.engine.time.time", lambda: time_of() + 10 * RECORD_LIFE
        )
        engine.apply(())
        await studio.event(MembershipRevoked)
        await studio.until(lambda: not engine.links.links)
    assert studio.node.revoked
    engine.apply(())
    assert not studio.node.revoked
    await studio.until(lambda: studio.linked_to(lab.founder))


async def test_what_was_seen_before_a_new_invitation_is_not_taken_again(lab: Lab) -> None:
    studio = await lab.join("Studio")
    home = lab.founder
    message = home.message_to(studio, {"once": True})
    link = home.link_to(studio)
    assert await link.send(message.body, message.signature) is ReceiptStatus.ACCEPTED
    await home.node.revoke(studio.node.peer_id)
    await studio.event(MembershipRevoked)
    await studio.node.stop()
    _, text = await home.node.create_invitation()
    await MeshNode.join(studio.store, text, node_name="Studio", http=lab.http)
    await studio.start()
    await studio.until(lambda: studio.linked_to(home))
    await home.until(lambda: home.linked_to(studio))
    status = await home.link_to(studio).send(message.body, message.signature)
    assert status in (ReceiptStatus.STALE, ReceiptStatus.REPLAYED)


async def test_a_founder_that_joins_its_own_mesh_keeps_the_authority(lab: Lab) -> None:
    studio = await lab.join("Studio", Role.ADMIN, hosting=True)
    _, text = await studio.node.create_invitation()
    await lab.founder.node.stop()
    await MeshNode.join(lab.founder.store, text, node_name="Home", http=lab.http)
    assert NodeState.from_json(await lab.founder.store.load() or {}).authority is not None
    await lab.founder.start()


def test_a_clock_set_after_a_crash_lets_nothing_old_in_and_nothing_new_wait() -> None:
    for start in (0.0, NOW + 10 * 86_400):
        guard = ReplayGuard(unclean_since=unclean_since(start))
        old = a_message(NOW - 60, 1)
        assert guard.check(old, NOW) is ReceiptStatus.STALE
        assert guard.check(a_message(NOW + 10, 2), NOW + 10) is ReceiptStatus.ACCEPTED
        assert guard.check(old, NOW + 10) is ReceiptStatus.STALE


def test_a_floor_named_while_the_clock_is_not_set_can_be_saved() -> None:
    guard = ReplayGuard(unclean_since=unclean_since(0.0))
    guard.set_floor(ANNA.peer_id, 7)
    assert parse_json(canonical_json(guard.to_json()))["senders"] == {ANNA.peer_id: [7, 0]}


async def test_last_seen_follows_a_clock_that_was_set_back(lab: Lab) -> None:
    studio = await lab.join("Studio")
    peers = lab.founder.node._engine.peers
    peers.heard(studio.node.peer_id, NOW)
    peers.heard(studio.node.peer_id, NOW - 86_400)
    assert peers._seen[studio.node.peer_id] == NOW - 86_400


@pytest.mark.parametrize("ended", [0, 1000, 3000])
def test_however_many_were_ever_members_neighbours_can_tell_each_other(ended: int) -> None:
    mesh = founded()
    other = Membership.from_json(mesh.to_json())
    entry = mesh._records[FOUNDER.peer_id]
    # Made-up ids stand for those who came and went.
    mesh._tombstones = {f"{number:032}": entry for number in range(ended)}
    let_in(mesh, ANNA, Role.OBSERVE)
    sync, stranger = RecordSync(mesh), RecordSync(other)
    digest = stranger.start()
    (summary,) = sync.received(digest).send
    assert len(canonical_json(dict(summary))) <= MAX_CONTROL
    assert stranger.received(summary).send
    (own,) = stranger.received(sync.start()).send
    answers = sync.received(own).send
    assert all(len(canonical_json(dict(answer))) <= MAX_CONTROL for answer in answers)
    assert answers[-1]["last"]


def test_whatever_a_ledger_takes_in_fits_a_payload() -> None:
    mesh = founded()
    for who, serial in ((ANNA, 1), (BEN, 2**53 - 2)):
        let_in(mesh, who, Role.OBSERVE)
        for count in range(MAX_KEEP, 0, -1):
            keep = sorted(f"{number:064x}" for number in range(count))
            goodbye = tombstone(who, who, reason=Reason.LEFT, serial=serial, keep=keep)
            if mesh.add(goodbye, NOW).added:
                break
        assert mesh.tombstone_of(who.peer_id) is not None
        for kind in ({"k": "news"}, {"k": "records", "last": True}):
            for part in batches([goodbye]):
                assert len(canonical_json({**kind, "signed": part})) <= MAX_CONTROL


def test_whoever_let_in_very_many_can_be_revoked() -> None:
    mesh = founded()
    let_in(mesh, ANNA, Role.ADMIN)
    for number in range(1000):
        let_in(mesh, Identity(number.to_bytes(32)), by=ANNA)
    mesh.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    assert mesh.record(ANNA.peer_id) is None


def test_what_a_slow_clock_refuses_counts_as_soon_as_it_may() -> None:
    mesh = founded()
    let_in(mesh, ANNA, Role.OBSERVE)
    roster = Roster(BEN, Membership.from_json(mesh.to_json()), None)
    goodbye = mesh.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    assert not roster.apply([goodbye], NOW - 600).news
    assert ANNA.peer_id in roster.members
    change = roster.apply((), NOW)
    assert change.news == [goodbye]
    assert change.gone == {ANNA.peer_id: "revoked"}
    assert not roster.apply((), NOW).news


def test_what_a_slow_clock_keeps_for_later_is_bounded() -> None:
    roster = Roster(BEN, founded(), None)
    for serial in range(1, 500):
        roster.apply([tombstone(ANNA, BEN, serial=serial)], NOW - 600)
        roster.apply([tombstone(FOUNDER, BEN, serial=serial)], NOW - 600)
    assert 0 < len(roster._early) <= MAX_EARLY


async def test_an_answer_waits_for_a_server_that_is_away_for_a_moment(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = await lab.join("Studio")
    rendezvous = lab.founder.node._engine.rendezvous
    send = rendezvous.send
    away = [UnreachableError("signaling_unreachable", "Away.") for _ in range(2)]

    async def sometimes(peer: PublicIdentity, payload: Mapping[str, Any]) -> None:
        if payload["k"] == "answer" and away:
            raise away.pop()
        await send(peer, payload)

    monkeypatch.setattr(rendezvous, "send", sometimes)
    async with asyncio.timeout(20):
        await studio.node.reconnect(lab.founder.node.peer_id)
    assert not away
