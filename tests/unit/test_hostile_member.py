"""What a joined member that means harm, or was thrown out, cannot do to the others."""

from collections.abc import AsyncIterator
import time
from typing import Any

import pytest

from infrafabric.mesh.beacon import Beacon
from infrafabric.mesh.encoding import canonical_json
from infrafabric.mesh.model import Role

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
