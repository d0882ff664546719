"""Who belongs to a mesh follows from signed records and tombstones, whatever order they come in."""

import pytest

from infrafabric.mesh.encoding import b64encode
from infrafabric.mesh.errors import RefusedError
from infrafabric.mesh.model import Role
from infrafabric.mesh.trust.identity import Purpose
from infrafabric.mesh.trust.membership import (
    CLOCK_TOLERANCE,
    MAX_CHAIN,
    RECORD_LIFE,
    Reason,
    Status,
    verify_chain,
)
from infrafabric.mesh.trust.signed import Signed

from .membership_world import (
    ANNA,
    AUTHORITY,
    BEN,
    CARL,
    DAY,
    FOUNDER,
    MALLORY,
    MESH,
    NOW,
    copied,
    founded,
    let_in,
    record,
    refused,
    tombstone,
)

# Members


def test_the_founder_is_an_admin_by_the_authority_key():
    membership = founded()
    assert membership.mesh_id == MESH
    assert list(membership.members(NOW)) == [FOUNDER.peer_id]
    assert membership.role(FOUNDER.peer_id, NOW) is Role.ADMIN
    assert membership.identity(FOUNDER.peer_id) == FOUNDER.public


def test_an_admin_lets_others_in_and_they_are_known_by_name_and_role():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, BEN, Role.COMMAND, by=ANNA)
    assert {r.name: r.role for r in membership.members(NOW).values()} == {
        "Home": Role.ADMIN,
        f"node {ANNA.peer_id[:4]}": Role.ADMIN,
        f"node {BEN.peer_id[:4]}": Role.COMMAND,
    }
    assert membership.record(BEN.peer_id).issuer == ANNA.public_key


def test_a_record_is_written_as_specified():
    value = record(FOUNDER, ANNA, role=Role.COMMAND).value()
    assert value == {
        "v": 1,
        "mesh": MESH,
        "key": b64encode(ANNA.public_key),
        "name": "x",
        "roles": ["command", "observe"],
        "issuer": b64encode(FOUNDER.public_key),
        "nbf": int(NOW),
        "exp": int(NOW) + 90 * DAY,
        "serial": 1,
    }


def test_a_stranger_is_no_member():
    membership = founded()
    assert membership.record(BEN.peer_id) is None
    assert membership.identity(BEN.peer_id) is None
    assert membership.role(BEN.peer_id, NOW) is None
    assert membership.chain(BEN.peer_id) == []
    assert membership.tombstone_of(BEN.peer_id) is None


def test_a_lapsed_record_makes_no_member_but_can_be_renewed():
    membership = founded()
    let_in(membership, ANNA)
    after = NOW + RECORD_LIFE + 1
    assert membership.role(ANNA.peer_id, NOW + RECORD_LIFE) is Role.OBSERVE
    assert membership.members(after) == {}
    assert membership.role(ANNA.peer_id, after) is None
    assert membership.record(ANNA.peer_id) is not None
    membership.issue(AUTHORITY, FOUNDER.public_key, "Home", Role.ADMIN, after)
    membership.change(FOUNDER, ANNA.peer_id, after)
    assert set(membership.members(after)) == {FOUNDER.peer_id, ANNA.peer_id}


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: record(MALLORY, MALLORY), "self_issued"),
        (lambda: record(FOUNDER, FOUNDER, serial=2, role=Role.ADMIN), "self_issued"),
        (lambda: record(MALLORY, ANNA), "unknown_issuer"),
        (lambda: record(BEN, MALLORY, role=Role.ADMIN), "not_admin"),
        (lambda: record(AUTHORITY, MALLORY, role=Role.ADMIN), "not_admin"),
        (lambda: record(FOUNDER, ANNA, mesh=ANNA.peer_id), "wrong_mesh"),
        (lambda: record(FOUNDER, ANNA, not_before=int(NOW) + CLOCK_TOLERANCE + 1), "not_yet_valid"),
        (lambda: record(FOUNDER, ANNA, not_before=int(NOW) + RECORD_LIFE + 1), "not_yet_valid"),
        (lambda: Signed(record(FOUNDER, ANNA).body, record(MALLORY, ANNA).signature),
         "bad_signature"),
        (lambda: tombstone(MALLORY, BEN), "unknown_issuer"),
        (lambda: tombstone(BEN, FOUNDER), "not_admin"),
        (lambda: tombstone(AUTHORITY, BEN), "unknown_issuer"),
        (lambda: tombstone(MALLORY, MALLORY, reason=Reason.LEFT), "unknown_issuer"),
        (lambda: tombstone(FOUNDER, BEN, at=int(NOW) + CLOCK_TOLERANCE + 1), "not_yet_valid"),
        (lambda: Signed(tombstone(FOUNDER, BEN).body, tombstone(BEN, BEN, reason=Reason.LEFT)
                        .signature), "bad_signature"),
    ],
)  # fmt: skip
def test_what_nobody_may_sign_is_refused(make, reason):
    membership = founded()
    let_in(membership, BEN, Role.COMMAND)
    refused(membership, make(), reason)


def test_a_signature_for_another_purpose_does_not_pass():
    membership = founded()
    body = record(FOUNDER, ANNA).body
    for purpose in Purpose:
        if purpose is not Purpose.RECORD:
            refused(membership, Signed(body, FOUNDER.sign(purpose, body)), "bad_signature")


def test_a_record_may_begin_two_minutes_ahead():
    membership = founded()
    signed = record(FOUNDER, ANNA, not_before=int(NOW) + CLOCK_TOLERANCE)
    assert membership.add(signed, NOW).added


def test_a_lapsed_admin_signs_nothing_new():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    later = NOW + RECORD_LIFE + 10
    refused(membership, record(ANNA, BEN, not_before=int(later)), "issuer_lapsed", later)
    refused(membership, tombstone(ANNA, FOUNDER, at=int(later)), "issuer_lapsed", later)
    with pytest.raises(RefusedError, match="Only an admin"):
        membership.issue(ANNA, BEN.public_key, "Ben", Role.OBSERVE, later)


def test_the_same_value_twice_is_known():
    membership = founded()
    signed = let_in(membership, ANNA)
    outcome = membership.add(signed, NOW)
    assert outcome.status is Status.KNOWN
    assert outcome.peer_id == ANNA.peer_id
    assert not outcome.added


def test_the_higher_serial_wins_in_either_order():
    low, high = record(FOUNDER, ANNA), record(FOUNDER, ANNA, serial=2, role=Role.COMMAND)
    first = founded()
    assert first.add(low, NOW).added
    assert first.add(high, NOW).added
    second = founded()
    assert second.add(high, NOW).added
    refused(second, low, "superseded")
    assert first.digest() == second.digest()
    assert first.role(ANNA.peer_id, NOW) is Role.COMMAND


def test_of_equal_serials_the_smaller_digest_wins_in_either_order():
    one = record(FOUNDER, ANNA)
    two = record(FOUNDER, ANNA, not_before=int(NOW) - 1)
    results = []
    for order in ((one, two), (two, one)):
        membership = founded()
        for signed in order:
            membership.add(signed, NOW)
        results.append(membership)
    assert results[0].digest() == results[1].digest()
    assert results[0].record(ANNA.peer_id).digest == min(one.digest, two.digest)


def test_a_member_is_one_until_the_last_second():
    membership = founded()
    assert list(membership.members(NOW + RECORD_LIFE)) == [FOUNDER.peer_id]
    assert membership.members(NOW + RECORD_LIFE + 0.5) == {}


# Ends


def test_of_two_tombstones_of_one_serial_the_smaller_digest_wins_in_either_order():
    one, two = tombstone(FOUNDER, ANNA), tombstone(FOUNDER, ANNA, at=int(NOW) - 1)
    results = []
    for order in ((one, two), (two, one)):
        membership = founded()
        for signed in order:
            membership.add(signed, NOW)
        results.append(membership)
    assert results[0].digest() == results[1].digest()
    assert results[0].tombstone_of(ANNA.peer_id).digest == min(one.digest, two.digest)


def test_a_revoked_member_is_gone_and_its_old_record_stays_dead():
    membership = founded()
    signed = let_in(membership, ANNA)
    end = membership.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    assert ANNA.peer_id not in membership.members(NOW)
    refused(membership, signed, "revoked")
    assert membership.tombstone_of(ANNA.peer_id).reason is Reason.REVOKED
    elsewhere = founded()
    elsewhere.add(signed, NOW)
    outcome = elsewhere.add(end, NOW)
    assert outcome.removed
    assert outcome.peer_id == ANNA.peer_id


def test_a_tombstone_before_the_record_keeps_it_out():
    membership = founded()
    assert membership.add(tombstone(FOUNDER, ANNA), NOW).added
    refused(membership, record(FOUNDER, ANNA), "revoked")
    assert membership.add(record(FOUNDER, ANNA, serial=2), NOW).added


def test_a_revoked_member_can_be_let_in_again_with_a_higher_serial():
    membership = founded()
    let_in(membership, ANNA)
    membership.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    let_in(membership, ANNA)
    assert membership.record(ANNA.peer_id).serial == 2
    assert ANNA.peer_id in membership.members(NOW)
    assert copied(membership.all_signed()).digest() == membership.digest()


def test_a_member_may_leave_by_itself_and_nobody_can_say_so_for_it():
    membership = founded()
    let_in(membership, ANNA)
    membership.tombstone(ANNA, ANNA.peer_id, Reason.LEFT, NOW)
    assert ANNA.peer_id not in membership.members(NOW)
    assert membership.tombstone_of(ANNA.peer_id).reason is Reason.LEFT
    forged = tombstone(FOUNDER, BEN, reason=Reason.LEFT)
    refused_as_malformed = founded().add(forged, NOW)
    assert refused_as_malformed.reason == "malformed"
    assert founded().add(tombstone(BEN, BEN), NOW).reason == "malformed"
    assert copied(membership.all_signed()).digest() == membership.digest()


def test_whoever_left_cannot_leave_again():
    membership = founded()
    let_in(membership, ANNA)
    membership.tombstone(ANNA, ANNA.peer_id, Reason.LEFT, NOW)
    refused(membership, tombstone(ANNA, ANNA, serial=2, reason=Reason.LEFT), "issuer_dead")


def test_what_a_revoked_admin_signed_and_was_known_stays_valid():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    known = let_in(membership, BEN, by=ANNA)
    end = membership.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    assert BEN.peer_id in membership.members(NOW)
    late = record(ANNA, CARL)
    refused(membership, late, "issuer_dead")
    # A node that learns of the end first still accepts what the keep list names.
    behind = founded()
    assert behind.add(end, NOW).added
    assert behind.add(known, NOW).added
    refused(behind, late, "issuer_dead")
    assert behind.digest() == membership.digest()
    assert behind.chain(BEN.peer_id) == []


def test_what_was_accepted_before_its_issuer_ended_stays():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, CARL, by=ANNA)
    assert membership.add(tombstone(FOUNDER, ANNA), NOW).added
    assert CARL.peer_id in membership.members(NOW)
    assert copied(membership.all_signed()).digest() == membership.digest()


def test_a_dead_admin_ends_nobody():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    revenge = tombstone(ANNA, FOUNDER)
    membership.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    refused(membership, revenge, "issuer_dead")


def test_a_demoted_admin_keeps_its_place_but_signs_nothing_more():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    old = membership.record(ANNA.peer_id).signed
    let_in(membership, BEN, by=ANNA)
    made = membership.change(FOUNDER, ANNA.peer_id, NOW, role=Role.COMMAND)
    assert len(made) == 2
    assert membership.role(ANNA.peer_id, NOW) is Role.COMMAND
    assert BEN.peer_id in membership.members(NOW)
    # It is still kept, because Ben's record stands on it, but it counts no more.
    assert membership.add(old, NOW).status is Status.KNOWN
    assert membership.role(ANNA.peer_id, NOW) is Role.COMMAND
    refused(membership, record(ANNA, CARL), "not_admin")
    # The record may overtake the tombstone.
    behind = founded()
    behind.add(old, NOW)
    for signed in reversed(made):
        assert behind.add(signed, NOW).added
    assert behind.role(ANNA.peer_id, NOW) is Role.COMMAND


def test_the_authority_cannot_bring_back_a_founder_that_was_ended():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    membership.tombstone(ANNA, FOUNDER.peer_id, Reason.REVOKED, NOW)
    signed = record(AUTHORITY, FOUNDER, serial=9, role=Role.ADMIN)
    refused(membership, signed, "founder_revoked")
    with pytest.raises(RefusedError):
        membership.issue(AUTHORITY, FOUNDER.public_key, "Home", Role.ADMIN, NOW)
    # An admin can.
    let_in(membership, FOUNDER, Role.ADMIN, by=ANNA)
    assert membership.role(FOUNDER.peer_id, NOW) is Role.ADMIN
    assert copied(membership.all_signed()).digest() == membership.digest()


def test_the_mesh_outlives_its_founder():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, BEN, Role.ADMIN)
    now = NOW
    for _ in range(12):
        now += RECORD_LIFE * 0.7
        for me, identity in ((ANNA.peer_id, ANNA), (BEN.peer_id, BEN)):
            for peer_id in membership.renewals_due(me, now):
                membership.change(identity, peer_id, now)
    assert set(membership.members(now)) == {ANNA.peer_id, BEN.peer_id}
    chain = membership.chain(BEN.peer_id)
    assert len(chain) <= MAX_CHAIN
    assert (
        verify_chain(MESH, AUTHORITY.public_key, FOUNDER.public_key, chain, now).public_key
        == BEN.public_key
    )
    assert copied(membership.all_signed(), now).digest() == membership.digest()
