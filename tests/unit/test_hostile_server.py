"""What a signaling server that means harm cannot do to those who use it."""

from collections.abc import AsyncIterator
from unittest.mock import Mock

import pytest

from infrafabric.mesh.signed import Signed

from .mesh_lab import Lab, Member


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
