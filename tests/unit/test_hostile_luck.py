"""What bad luck does not do to a node: full disks, wrong clocks, a network that comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock

import pytest

from infrafabric.mesh.errors import RefusedError
from infrafabric.mesh.ice import IceServer
from infrafabric.mesh.membership import RECORD_LIFE, Membership
from infrafabric.mesh.model import Role
from infrafabric.mesh.roster import Roster
from infrafabric.mesh.state import NodeState

from .membership_world import ANNA, BEN, FOUNDER, NOW, founded, let_in
from .mesh_lab import Lab


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
    monkeypatch.setattr("infrafabric.mesh.gossiper.PAUSE", 0.02)
    monkeypatch.setattr("infrafabric.mesh.gossiper.INTERVAL", 0.02)
    monkeypatch.setattr("infrafabric.mesh.engine.DIAL_LOOK", 0.02)
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
        silence.setattr("infrafabric.mesh.links.DEADLINE", 0.5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await low.node.reconnect(high.node.peer_id)
        await low.until(lambda: not low.node._engine.links.is_dialing(high.node.peer_id))
    await low.until(lambda: low.linked_to(high), 15)


async def test_a_reconnect_that_fails_of_itself_does_not_stop_the_dialling(lab: Lab) -> None:
    studio = await lab.join("Studio")
    low, high = sorted((studio, lab.founder), key=lambda member: member.node.peer_id)

    async def mistaken() -> list[IceServer]:
        raise OSError("no answer")

    await low.node.reconfigure(low.config(ice_servers=mistaken))
    with pytest.raises(OSError, match="no answer"):
        await low.node.reconnect(high.node.peer_id)
    await low.node.reconfigure(low.config())
    await low.until(lambda: low.linked_to(high), 15)


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
        await studio.until(lambda: studio.node._engine.unsaved)
    await studio.until(lambda: not studio.node._engine.unsaved)
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
    engine = lab.founder.node._engine
    await lab.founder.until(lambda: not engine.unsaved)
    slow, before = asyncio.Event(), lab.founder.store.saves
    save = lab.founder.store.save

    async def slowly(data: dict[str, Any]) -> None:
        await slow.wait()
        await save(data)

    monkeypatch.setattr(lab.founder.store, "save", slowly)
    for _ in range(50):
        engine.save_soon()
        await asyncio.sleep(0)
    slow.set()
    await lab.founder.until(lambda: not engine.unsaved)
    assert lab.founder.store.saves - before == 2


async def test_a_write_that_began_is_never_overtaken_by_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = lab.founder.node._engine
    writing = 0

    async def slowly(_: dict[str, Any]) -> None:
        nonlocal writing
        assert not writing
        writing += 1
        # As a thread does, it goes on whatever becomes of whoever waits for it.
        await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0.05))])
        writing -= 1

    monkeypatch.setattr(lab.founder.store, "save", slowly)
    first = asyncio.create_task(engine.save())
    await asyncio.sleep(0.01)
    first.cancel()
    await engine.save()
    assert first.cancelled()
