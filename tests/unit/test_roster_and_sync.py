"""Members as a node uses them, and what two neighbours tell each other about them."""

from typing import Any

import pytest

from infrafabric.mesh.encoding import canonical_json, parse_json
from infrafabric.mesh.model import Role
from infrafabric.mesh.overlay.roster import Roster
from infrafabric.mesh.overlay.sync import BATCH_BYTES, RecordSync, batches, read_batch
from infrafabric.mesh.trust.identity import Identity
from infrafabric.mesh.trust.membership import RECORD_LIFE, Membership
from infrafabric.mesh.trust.signed import Signed

NOW = 1_800_000_000.0
AUTHORITY, FOUNDER, STUDIO, GARAGE = (Identity(bytes([n]) * 32) for n in (1, 2, 3, 4))


def a_mesh() -> Membership:
    mesh = Membership("Family", AUTHORITY.public_key, FOUNDER.public_key)
    mesh.issue(AUTHORITY, FOUNDER.public_key, "Home", Role.ADMIN, NOW)
    return mesh


def a_copy(mesh: Membership) -> Membership:
    return Membership.from_json(mesh.to_json())


def exchange(one: Membership, other: Membership) -> int:
    """Run the exchange both ways; return how many payloads it took."""
    sides = {0: (RecordSync(one), one), 1: (RecordSync(other), other)}
    done: set[int] = set()
    queue: list[tuple[int, Any]] = [(1, sides[0][0].start()), (0, sides[1][0].start())]
    count = 0
    while queue:
        to, payload = queue.pop(0)
        count += 1
        sync, membership = sides[to]
        step = sync.received(parse_json(canonical_json(dict(payload))))
        for signed in step.records:
            membership.add(signed, NOW)
        if step.done:
            done.add(to)
        queue += [(1 - to, answer) for answer in step.send]
    assert done == {0, 1}
    return count


def test_equal_neighbours_need_one_payload_each() -> None:
    mesh = a_mesh()
    assert exchange(mesh, a_copy(mesh)) == 2


def test_neighbours_end_up_knowing_the_same() -> None:
    mesh = a_mesh()
    other = a_copy(mesh)
    mesh.issue(FOUNDER, STUDIO.public_key, "Studio", Role.ADMIN, NOW)
    exchange(mesh, other)
    assert other.members(NOW).keys() == mesh.members(NOW).keys()
    # Each learns something the other does not know yet.
    other.issue(STUDIO, GARAGE.public_key, "Garage", Role.OBSERVE, NOW)
    Roster(FOUNDER, mesh, None).revoke(STUDIO.peer_id, NOW)
    exchange(mesh, other)
    assert STUDIO.peer_id not in mesh.members(NOW)
    assert STUDIO.peer_id not in other.members(NOW)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"k": "digest"},
        {"k": "digest", "digest": 1},
        {"k": "digest", "digest": "", "more": 1},
        {"k": "summary", "have": [1]},
        {"k": "summary", "have": {"a": 1}},
        {"k": "records", "signed": [], "last": 1},
        {"k": "records", "signed": {}, "last": True},
        {"k": "records", "signed": [{"body": "{}"}], "last": True},
        {"k": "gossip"},
    ],
)
def test_a_payload_out_of_form_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        RecordSync(a_mesh()).received(payload)


def test_a_summary_is_answered_once() -> None:
    sync = RecordSync(a_mesh())
    assert sync.received({"k": "summary", "have": {}}).send
    with pytest.raises(ValueError, match="not a payload"):
        sync.received({"k": "summary", "have": {}})


def test_many_records_travel_in_batches_that_fit_a_payload() -> None:
    mesh = a_mesh()
    for n in range(200):
        key = Identity(n.to_bytes(32, "big")).public_key
        mesh.issue(FOUNDER, key, f"Node {n}", Role.OBSERVE, NOW)
    everything = mesh.all_signed()
    parts = list(batches(everything))
    assert len(parts) > 1
    assert all(len(canonical_json(part)) < BATCH_BYTES + 16_384 for part in parts)
    assert [signed for part in parts for signed in read_batch(part)] == everything
    newcomer = a_mesh()
    exchange(mesh, newcomer)
    assert len(newcomer.members(NOW)) == 201


def test_a_batch_has_a_bound() -> None:
    one = a_mesh().all_signed()[0].to_json()
    with pytest.raises(ValueError, match="not a list"):
        read_batch([one] * 513)


def test_the_roster_tells_who_came_and_who_went_and_why() -> None:
    mesh = a_mesh()
    roster = Roster(FOUNDER, mesh, AUTHORITY)
    assert roster.look(NOW).gone == {}
    roster.issue(STUDIO.public_key, "Studio", Role.OBSERVE, NOW)
    roster.issue(GARAGE.public_key, "Garage", Role.OBSERVE, NOW + RECORD_LIFE / 2)
    assert roster.look(NOW + RECORD_LIFE / 2).gone == {}
    assert roster.members.keys() == {STUDIO.peer_id, GARAGE.peer_id}
    assert roster.look(NOW + RECORD_LIFE + 1).gone == {STUDIO.peer_id: "lapsed"}
    roster.revoke(GARAGE.peer_id, NOW + RECORD_LIFE / 2)
    assert roster.look(NOW + RECORD_LIFE + 1).gone == {GARAGE.peer_id: "revoked"}


def test_a_node_learns_of_its_own_end_once() -> None:
    mesh = a_mesh()
    mesh.issue(FOUNDER, STUDIO.public_key, "Studio", Role.OBSERVE, NOW)
    theirs = a_copy(mesh)
    studio = Roster(STUDIO, theirs, None)
    assert studio.look(NOW).self_gone is None
    end = Roster(FOUNDER, mesh, AUTHORITY).revoke(STUDIO.peer_id, NOW)
    assert studio.apply(end, NOW).self_gone == "revoked"
    assert studio.look(NOW).self_gone is None
    back = [mesh.issue(FOUNDER, STUDIO.public_key, "Studio", Role.OBSERVE, NOW)]
    studio.apply(back, NOW)
    end = Roster(FOUNDER, mesh, AUTHORITY).revoke(STUDIO.peer_id, NOW)
    assert studio.apply(end, NOW).self_gone == "revoked"


def test_the_founder_alone_renews_itself_with_the_authority_key() -> None:
    mesh = a_mesh()
    roster = Roster(FOUNDER, mesh, AUTHORITY)
    assert roster.renew({}, NOW + RECORD_LIFE * 0.4) == []
    later = NOW + RECORD_LIFE * 0.6
    (renewed,) = roster.renew({}, later)
    assert isinstance(renewed, Signed)
    record = mesh.record(FOUNDER.peer_id)
    assert record is not None
    assert record.not_after > NOW + RECORD_LIFE
    assert record.role is Role.ADMIN


def test_an_admin_renews_others_with_the_name_they_show_and_never_itself() -> None:
    mesh = a_mesh()
    mesh.issue(FOUNDER, STUDIO.public_key, "Studio", Role.ADMIN, NOW)
    mesh.issue(FOUNDER, GARAGE.public_key, "Garage", Role.COMMAND, NOW)
    later = NOW + RECORD_LIFE * 0.7
    studio = Roster(STUDIO, a_copy(mesh), None)
    made = studio.renew({GARAGE.peer_id: "Workshop"}, later)
    assert made
    studio.look(later)
    record = studio.members[GARAGE.peer_id]
    assert (record.name, record.role) == ("Workshop", Role.COMMAND)
    assert record.not_after > NOW + RECORD_LIFE
    own = Roster(STUDIO, a_copy(mesh), None)._membership.record(STUDIO.peer_id)
    assert own is not None
    assert own.not_after == int(NOW) + RECORD_LIFE


def test_a_goodbye_convinces_even_somebody_who_never_met_the_leaver() -> None:
    mesh = a_mesh()
    stranger = a_copy(mesh)
    mesh.issue(FOUNDER, STUDIO.public_key, "Studio", Role.OBSERVE, NOW)
    goodbye = Roster(STUDIO, a_copy(mesh), None).leave(NOW)
    change = Roster(FOUNDER, stranger, None).apply(goodbye, NOW)
    assert change.news
    assert stranger.record(STUDIO.peer_id) is None
    assert Roster(GARAGE, stranger, None).leave(NOW) == []


def test_the_proof_of_an_end_is_there_only_for_who_was_ended() -> None:
    mesh = a_mesh()
    roster = Roster(FOUNDER, mesh, AUTHORITY)
    roster.issue(STUDIO.public_key, "Studio", Role.OBSERVE, NOW)
    theirs = a_copy(mesh)
    assert roster.proof_of_end(STUDIO.peer_id) == []
    roster.revoke(STUDIO.peer_id, NOW)
    proof = roster.proof_of_end(STUDIO.peer_id)
    assert Roster(STUDIO, theirs, None).apply(proof, NOW).self_gone == "revoked"
    roster.issue(STUDIO.public_key, "Studio", Role.OBSERVE, NOW)
    assert roster.proof_of_end(STUDIO.peer_id) == []
