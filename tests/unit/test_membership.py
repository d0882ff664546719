"""Who belongs to a mesh follows from signed records and tombstones, whatever order they come in."""

from itertools import pairwise
import json

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
import pytest

from infrafabric.mesh import ledger
from infrafabric.mesh.encoding import MAX_SAFE_INTEGER, b64encode
from infrafabric.mesh.errors import InvalidError, RefusedError
from infrafabric.mesh.identity import Identity, Purpose, mesh_id_of
from infrafabric.mesh.membership import (
    CLOCK_TOLERANCE,
    MAX_CHAIN,
    RECORD_LIFE,
    Membership,
    Reason,
    Status,
    clean_name,
    is_name,
    verify_chain,
)
from infrafabric.mesh.model import Role
from infrafabric.mesh.records import make_record, make_tombstone, parse_signed
from infrafabric.mesh.signed import Signed

NOW = 1_800_000_000.0
DAY = 86_400
AUTHORITY, FOUNDER, ANNA, BEN, CARL, MALLORY = (Identity(bytes([n]) * 32) for n in range(1, 7))
MESH = mesh_id_of(AUTHORITY.public_key, FOUNDER.public_key)


def empty():
    return Membership("Home", AUTHORITY.public_key, FOUNDER.public_key)


def founded(now=NOW):
    membership = empty()
    membership.issue(AUTHORITY, FOUNDER.public_key, "Home", Role.ADMIN, now)
    return membership


def let_in(membership, who, role=Role.OBSERVE, by=FOUNDER, now=NOW):
    return membership.issue(by, who.public_key, f"node {who.peer_id[:4]}", role, now)


def copied(values, now=NOW):
    """Return a fresh membership that was given all values in that order."""
    membership = empty()
    for signed in values:
        membership.add(signed, now)
    return membership


def record(by, subject, *, serial=1, role=Role.OBSERVE, not_before=int(NOW), mesh=MESH):
    return make_record(
        by, mesh, subject.public_key, name="x", role=role, not_before=not_before, serial=serial
    )


def tombstone(by, subject, *, serial=1, reason=Reason.REVOKED, at=int(NOW), keep=()):
    return make_tombstone(
        by, MESH, subject.public_key, reason=reason, at=at, serial=serial, keep=keep
    )


def refused(membership, signed, reason, now=NOW):
    before = membership.digest()
    outcome = membership.add(signed, now)
    assert (outcome.status, outcome.reason, outcome.removed) == (Status.REFUSED, reason, False)
    assert membership.digest() == before


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


# Making


def test_making_is_for_admins_and_never_for_oneself():
    membership = founded()
    let_in(membership, ANNA, Role.COMMAND)
    for attempt in (
        lambda: let_in(membership, BEN, by=ANNA),
        lambda: let_in(membership, BEN, by=MALLORY),
        lambda: membership.tombstone(ANNA, FOUNDER.peer_id, Reason.REVOKED, NOW),
        lambda: membership.change(ANNA, FOUNDER.peer_id, NOW, name="Mine"),
        lambda: membership.issue(AUTHORITY, BEN.public_key, "Ben", Role.ADMIN, NOW),
    ):
        with pytest.raises(RefusedError) as caught:
            attempt()
        assert caught.value.code == "not_admin"
    for attempt in (
        lambda: let_in(membership, FOUNDER, Role.ADMIN),
        lambda: membership.tombstone(FOUNDER, FOUNDER.peer_id, Reason.REVOKED, NOW),
        lambda: membership.change(FOUNDER, FOUNDER.peer_id, NOW),
    ):
        with pytest.raises(RefusedError) as caught:
            attempt()
        assert caught.value.code == "own_record"
    for attempt in (
        lambda: membership.tombstone(FOUNDER, BEN.peer_id, Reason.REVOKED, NOW),
        lambda: membership.change(FOUNDER, BEN.peer_id, NOW),
    ):
        with pytest.raises(InvalidError) as caught:
            attempt()
        assert caught.value.code == "unknown_peer"
    assert len(membership.members(NOW)) == 2


def test_a_bad_name_changes_nothing():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    before = membership.digest()
    with pytest.raises(InvalidError) as caught:
        membership.change(FOUNDER, ANNA.peer_id, NOW, name="a\nb", role=Role.OBSERVE)
    assert caught.value.code == "name_invalid"
    assert membership.digest() == before


def test_renaming_and_promoting_take_one_record():
    membership = founded()
    let_in(membership, ANNA)
    made = membership.change(FOUNDER, ANNA.peer_id, NOW, name="Anna", role=Role.ADMIN)
    assert len(made) == 1
    assert membership.record(ANNA.peer_id).name == "Anna"
    assert membership.role(ANNA.peer_id, NOW) is Role.ADMIN


def test_renewal_is_due_after_half_a_life_and_only_for_others():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, BEN)
    half = NOW + RECORD_LIFE / 2
    assert membership.renewals_due(FOUNDER.peer_id, half - 1) == []
    assert set(membership.renewals_due(FOUNDER.peer_id, half)) == {
        FOUNDER.peer_id,
        ANNA.peer_id,
        BEN.peer_id,
    }
    # Anna is as far from the founder as Ben: she waits, so that chains stay short.
    assert membership.renewals_due(ANNA.peer_id, half) == []
    assert membership.renewals_due(ANNA.peer_id, NOW + RECORD_LIFE * 0.63) == [BEN.peer_id]
    assert membership.renewals_due(BEN.peer_id, NOW + RECORD_LIFE * 0.9) == []
    assert membership.renewals_due(CARL.peer_id, half) == []
    # A lapsed admin renews nobody; the founder's own record needs only the authority.
    late = NOW + RECORD_LIFE + 1
    assert membership.renewals_due(ANNA.peer_id, late) == []
    assert membership.renewals_due(FOUNDER.peer_id, late) == [FOUNDER.peer_id]


def test_others_renew_a_founder_that_was_let_in_again():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    membership.tombstone(ANNA, FOUNDER.peer_id, Reason.REVOKED, NOW)
    let_in(membership, FOUNDER, by=ANNA)
    assert membership.renewals_due(ANNA.peer_id, NOW + RECORD_LIFE / 2) == [FOUNDER.peer_id]


# Exchange


def test_two_nodes_find_out_what_the_other_lacks():
    one = founded()
    let_in(one, ANNA, Role.ADMIN)
    let_in(one, BEN, by=ANNA)
    two = copied(one.all_signed())
    assert one.digest() == two.digest()
    assert one.missing(two.summary()) == []
    let_in(one, CARL)
    two.tombstone(ANNA, BEN.peer_id, Reason.REVOKED, NOW)
    assert one.digest() != two.digest()
    to_two, to_one = one.missing(two.summary()), two.missing(one.summary())
    for signed in to_two:
        two.add(signed, NOW)
    for signed in to_one:
        one.add(signed, NOW)
    assert one.digest() == two.digest()
    assert set(one.members(NOW)) == {FOUNDER.peer_id, ANNA.peer_id, CARL.peer_id}


def test_a_newcomer_gets_everything_for_an_empty_summary():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, BEN, by=ANNA)
    assert copied(membership.missing({})).digest() == membership.digest()


def test_what_one_member_needs_is_its_own_line():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, BEN, by=ANNA)
    let_in(membership, CARL)
    line = copied(membership.needed_for([BEN.peer_id, MALLORY.peer_id]))
    assert set(line.members(NOW)) == {FOUNDER.peer_id, ANNA.peer_id, BEN.peer_id}


@pytest.mark.parametrize(
    "summary", [None, [], "x", {"a": 1}, {"a": None}, {str(n): "" for n in range(6000)}]
)
def test_a_hostile_summary_is_refused(summary):
    with pytest.raises(ValueError):
        founded().missing(summary)


# Bounds


def test_the_number_of_members_is_bounded(monkeypatch):
    monkeypatch.setattr(ledger, "MAX_MEMBERS", 3)
    membership = founded()
    let_in(membership, ANNA)
    let_in(membership, BEN)
    with pytest.raises(RefusedError) as caught:
        let_in(membership, CARL)
    assert caught.value.code == "mesh_full"
    membership.change(FOUNDER, ANNA.peer_id, NOW, role=Role.COMMAND)
    assert membership.role(ANNA.peer_id, NOW) is Role.COMMAND


def test_the_number_of_tombstones_is_bounded(monkeypatch):
    monkeypatch.setattr(ledger, "MAX_TOMBSTONES", 1)
    membership = founded()
    assert membership.add(tombstone(FOUNDER, ANNA), NOW).added
    refused(membership, tombstone(FOUNDER, BEN), "full")
    assert membership.add(tombstone(FOUNDER, ANNA, serial=2), NOW).added
    refused(membership, tombstone(FOUNDER, ANNA), "superseded")


def test_the_number_of_values_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(ledger, "_MAX_KEPT", 2)
    membership = founded()
    let_in(membership, ANNA)
    refused(membership, record(FOUNDER, BEN), "full")


def test_what_justifies_nothing_any_more_is_forgotten():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, BEN, by=ANNA)
    for step in range(20):
        membership.change(FOUNDER, ANNA.peer_id, NOW + step)
    # The founder's, Anna's first (it let Ben in), Anna's last, Ben's.
    assert len(membership.all_signed()) == 4
    membership.change(FOUNDER, BEN.peer_id, NOW + 30)
    assert len(membership.all_signed()) == 3


def test_a_chain_is_bounded():
    membership = founded()
    line = [FOUNDER, *(Identity(bytes([100 + n]) * 32) for n in range(MAX_CHAIN))]
    for above, below in pairwise(line[:-1]):
        let_in(membership, below, Role.ADMIN, by=above)
    assert len(membership.chain(line[-2].peer_id)) == MAX_CHAIN
    refused(membership, record(line[-2], line[-1]), "chain_too_long")
    with pytest.raises(RefusedError) as caught:
        let_in(membership, line[-1], by=line[-2])
    assert caught.value.code == "mesh_full"


# What is written


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"v": None},
        {"mesh": 5},
        {"key": "AA=="},
        {"key": None},
        {"issuer": "AA"},
        {"name": ""},
        {"name": "x" * 65},
        {"name": "a\u202eb"},
        {"name": 5},
        {"roles": []},
        {"roles": ["admin"]},
        {"roles": ["observe", "command"]},
        {"roles": ["observe", "observe"]},
        {"roles": "observe"},
        {"roles": [["observe"]]},
        {"nbf": 1.5},
        {"nbf": True},
        {"nbf": -1},
        {"exp": int(NOW)},
        {"exp": int(NOW) + RECORD_LIFE + 1},
        {"exp": "soon"},
        {"serial": 0},
        {"serial": MAX_SAFE_INTEGER + 2.0},
        {"serial": True},
        {"extra": 1},
        {"mesh": "x" * 3000},
    ],
)
def test_a_malformed_record_is_refused_even_when_an_admin_signed_it(change):
    value = record(FOUNDER, ANNA).value() | change
    try:
        signed = Signed.make(FOUNDER, Purpose.RECORD, value)
    except ValueError:
        return
    refused(founded(), signed, "malformed")


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "bored"},
        {"reason": None},
        {"reason": []},
        {"reason": "left"},
        {"keep": None},
        {"keep": ["x"]},
        {"keep": [5]},
        {"keep": ["b" * 64, "a" * 64]},
        {"keep": ["a" * 64, "a" * 64]},
        {"keep": [f"{n:064x}" for n in range(1025)]},
        {"at": None},
        {"at": 1.5},
        {"serial": 0},
        {"extra": 1},
    ],
)
def test_a_malformed_tombstone_is_refused_even_when_an_admin_signed_it(change):
    value = tombstone(FOUNDER, ANNA).value() | change
    refused(founded(), Signed.make(FOUNDER, Purpose.TOMBSTONE, value), "malformed")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"a":1}', b"x" * 100_000, b'{"v":1}'])
def test_what_is_neither_is_malformed(body):
    refused(founded(), Signed(body, b"\0" * 64), "malformed")


def test_a_full_record_and_a_full_keep_list_fit_their_limits():
    name = "\U0001f600" * 64
    signed = make_record(
        FOUNDER, MESH, ANNA.public_key, name=name, role=Role.ADMIN, not_before=2**40, serial=2**52
    )
    assert parse_signed(signed).name == name
    keep = [f"{n:064x}" for n in range(1024)]
    assert len(parse_signed(tombstone(FOUNDER, ANNA, keep=keep)).keep) == 1024


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Home", True),
        ("Größe 家 😀", True),
        ("", False),
        (" Home", False),
        ("Home ", False),
        ("a\tb", False),
        ("a\u200bb", False),
        ("a\u202eb", False),
        ("a\u2028b", False),
        ("\ud800", False),
        ("x" * 64, True),
        ("x" * 65, False),
        (None, False),
    ],
)
def test_a_name_is_short_and_printable(text, expected):
    assert is_name(text) is expected


@given(st.text())
def test_any_text_can_be_made_a_name(text):
    name = clean_name(text, "node")
    assert is_name(name)
    if is_name(text) and "  " not in text and text == " ".join(text.split()):
        assert name == text


@pytest.mark.parametrize(
    ("name", "authority", "founder"),
    [
        ("", AUTHORITY.public_key, FOUNDER.public_key),
        ("Home", b"", FOUNDER.public_key),
        ("Home", AUTHORITY.public_key, b""),
        ("Home", FOUNDER.public_key, FOUNDER.public_key),
    ],
)
def test_a_mesh_has_a_name_and_two_keys(name, authority, founder):
    with pytest.raises(ValueError):
        Membership(name, authority, founder)


# The chain, for strangers


def chain_of(*links):
    """Return a chain from (issuer, subject) pairs, all admins."""
    return [record(by, who, role=Role.ADMIN) for by, who in links]


def check(chain, now=NOW, mesh=MESH, authority=AUTHORITY.public_key, founder=FOUNDER.public_key):
    return verify_chain(mesh, authority, founder, chain, now)


def test_a_stranger_can_check_a_chain():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, BEN, by=ANNA)
    own = check(membership.chain(BEN.peer_id))
    assert own.public_key == BEN.public_key
    assert own.role is Role.OBSERVE
    assert check(membership.chain(FOUNDER.peer_id)).public_key == FOUNDER.public_key


def test_a_chain_goes_through_an_admin_that_was_revoked_since():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, BEN, by=ANNA)
    membership.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    assert check(membership.chain(BEN.peer_id)).public_key == BEN.public_key


def test_a_kept_record_that_came_late_has_its_chain_where_the_issuer_was_known():
    full = founded()
    let_in(full, ANNA, Role.ADMIN)
    ben = let_in(full, BEN, by=ANNA)
    carl = let_in(full, CARL, by=ANNA)
    end = full.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    behind = founded()
    for signed in (full.chain(BEN.peer_id)[1], ben, end, carl):
        assert behind.add(signed, NOW).added
    assert check(behind.chain(CARL.peer_id)).public_key == CARL.public_key


def test_the_chain_of_a_kept_record_goes_through_the_issuer_s_record_of_that_time():
    full = founded()
    let_in(full, ANNA, Role.ADMIN)
    let_in(full, BEN, by=ANNA)
    later = NOW + RECORD_LIFE + DAY
    full.issue(AUTHORITY, FOUNDER.public_key, "Home", Role.ADMIN, later)
    full.change(FOUNDER, ANNA.peer_id, later)
    let_in(full, MALLORY, by=ANNA, now=later)
    before = full.all_signed()
    carl = let_in(full, CARL, by=ANNA, now=later)
    end = full.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, later)
    behind = copied([*before, end, carl], later)
    assert behind.digest() == full.digest()
    assert check(behind.chain(CARL.peer_id), later).public_key == CARL.public_key


@pytest.mark.parametrize(
    ("chain", "more"),
    [
        ([], {}),
        (chain_of((AUTHORITY, FOUNDER)) * (MAX_CHAIN + 1), {}),
        (chain_of((AUTHORITY, ANNA)), {}),
        (chain_of((FOUNDER, ANNA)), {}),
        (chain_of((AUTHORITY, FOUNDER), (ANNA, BEN)), {}),
        (chain_of((AUTHORITY, FOUNDER), (FOUNDER, FOUNDER)), {}),
        (chain_of((AUTHORITY, FOUNDER), (AUTHORITY, ANNA)), {}),
        ([*chain_of((AUTHORITY, FOUNDER)), record(FOUNDER, ANNA), record(ANNA, BEN)], {}),
        ([*chain_of((AUTHORITY, FOUNDER)), tombstone(FOUNDER, ANNA)], {}),
        ([*chain_of((AUTHORITY, FOUNDER)), record(FOUNDER, ANNA, mesh=ANNA.peer_id)], {}),
        (
            [
                *chain_of((AUTHORITY, FOUNDER)),
                Signed(record(FOUNDER, ANNA).body, record(MALLORY, ANNA).signature),
            ],
            {},
        ),
        ([record(AUTHORITY, FOUNDER, role=Role.ADMIN, not_before=int(NOW) + 121)], {}),
        (chain_of((AUTHORITY, FOUNDER)), {"now": NOW + RECORD_LIFE + 1}),
        (
            [
                *chain_of((AUTHORITY, FOUNDER)),
                record(FOUNDER, ANNA, not_before=int(NOW) + RECORD_LIFE + 1),
            ],
            {"now": NOW + RECORD_LIFE + 1},
        ),
        (chain_of((AUTHORITY, FOUNDER)), {"mesh": ANNA.peer_id}),
        (chain_of((AUTHORITY, FOUNDER)), {"authority": ANNA.public_key}),
        (chain_of((AUTHORITY, FOUNDER)), {"founder": ANNA.public_key}),
        (chain_of((AUTHORITY, FOUNDER)), {"authority": b""}),
        ([Signed(b"{}", b"\0" * 64)], {}),
    ],
)
def test_a_broken_chain_is_refused(chain, more):
    with pytest.raises(ValueError):
        check(chain, **more)


def test_a_link_of_a_chain_may_have_lapsed_since():
    chain = [
        *chain_of((AUTHORITY, FOUNDER)),
        record(FOUNDER, ANNA, not_before=int(NOW) + RECORD_LIFE),
    ]
    assert check(chain, NOW + RECORD_LIFE + DAY).public_key == ANNA.public_key


# Saved state


def test_the_saved_state_comes_back():
    membership = founded()
    let_in(membership, ANNA, Role.ADMIN)
    let_in(membership, BEN, by=ANNA)
    membership.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    again = Membership.from_json(json.loads(json.dumps(membership.to_json())))
    assert again.digest() == membership.digest()
    assert again.members(NOW) == membership.members(NOW)
    assert again.chain(BEN.peer_id) == membership.chain(BEN.peer_id)
    assert again.to_json() == membership.to_json()


def test_a_changed_state_is_not_loaded():
    good = founded().to_json()
    bad = [
        None,
        [],
        {},
        good | {"v": 2},
        good | {"name": 5},
        good | {"name": ""},
        good | {"authority": None},
        good | {"founder": b64encode(ANNA.public_key)},
        good | {"signed": None},
        good | {"signed": [None]},
        good | {"signed": [good["signed"][0] | {"sig": b64encode(b"\0" * 64)}]},
    ]
    for value in bad:
        with pytest.raises(ValueError):
            Membership.from_json(value)


# Any history


class Histories(RuleBasedStateMachine):
    """Admins act on one node; others learn of it at once, late, or as a whole."""

    people = (FOUNDER, ANNA, BEN, CARL)

    def __init__(self):
        super().__init__()
        self.now = NOW
        self.node = founded()
        self.made = self.node.all_signed()

    def admins(self):
        return [who for who in self.people if self.node.role(who.peer_id, self.now) is Role.ADMIN]

    def draw(self, data, *, known):
        """Return an admin and somebody else, with or without a record."""
        by = data.draw(st.sampled_from(self.admins()))
        others = [
            who
            for who in self.people
            if who is not by and (self.node.record(who.peer_id) is not None) is known
        ]
        return (by, data.draw(st.sampled_from(others))) if others else (by, None)

    @precondition(lambda self: self.admins())
    @rule(data=st.data(), role=st.sampled_from(Role))
    def let_somebody_in(self, data, role):
        by, who = self.draw(data, known=False)
        if who:
            self.made.append(let_in(self.node, who, role, by=by, now=self.now))

    @precondition(lambda self: self.admins())
    @rule(data=st.data(), role=st.sampled_from(Role))
    def change(self, data, role):
        by, who = self.draw(data, known=True)
        if who:
            self.made += self.node.change(by, who.peer_id, self.now, role=role)

    @precondition(lambda self: self.admins())
    @rule(data=st.data())
    def revoke(self, data):
        by, who = self.draw(data, known=True)
        if who:
            self.made.append(self.node.tombstone(by, who.peer_id, Reason.REVOKED, self.now))

    @rule(who=st.sampled_from(people[1:]))
    def leave(self, who):
        if self.node.record(who.peer_id):
            self.made.append(self.node.tombstone(who, who.peer_id, Reason.LEFT, self.now))

    @rule(days=st.integers(1, 60))
    def wait(self, days):
        self.now += days * DAY

    @precondition(lambda self: self.node.tombstone_of(FOUNDER.peer_id) is None)
    @rule()
    def renew_founder(self):
        self.made.append(
            self.node.issue(AUTHORITY, FOUNDER.public_key, "Home", Role.ADMIN, self.now)
        )

    @invariant()
    def everything_known_is_accepted_by_a_newcomer_in_the_order_given(self):
        fresh = empty()
        assert all(fresh.add(signed, self.now).added for signed in self.node.all_signed())
        assert fresh.digest() == self.node.digest()
        assert fresh.summary() == self.node.summary()
        assert fresh.members(self.now) == self.node.members(self.now)

    @invariant()
    def whoever_saw_it_happen_agrees(self):
        assert copied(self.made, self.now).digest() == self.node.digest()

    @invariant()
    def members_have_a_chain_that_strangers_accept(self):
        for peer_id, own in self.node.members(self.now).items():
            assert check(self.node.chain(peer_id), self.now) == own

    @invariant()
    def the_saved_state_is_the_same_state(self):
        assert Membership.from_json(self.node.to_json()).digest() == self.node.digest()

    @invariant()
    def nobody_is_both_living_and_dead(self):
        for peer_id, own in self.node.members(self.now).items():
            end = self.node.tombstone_of(peer_id)
            assert end is None or end.serial < own.serial


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_order_of_arrival_does_not_matter_while_all_admins_live(data):
    membership = founded()
    made = membership.all_signed()
    people = [ANNA, BEN, CARL]
    made.append(let_in(membership, ANNA, Role.ADMIN))
    for step in range(data.draw(st.integers(1, 8))):
        who = data.draw(st.sampled_from(people[1:]))
        by = data.draw(st.sampled_from([FOUNDER, ANNA]))
        now = NOW + step
        if membership.record(who.peer_id) and data.draw(st.booleans()):
            made.append(membership.tombstone(by, who.peer_id, Reason.REVOKED, now))
        else:
            made.append(let_in(membership, who, data.draw(st.sampled_from(Role)), by, now))
    shuffled = data.draw(st.permutations(made))
    other = empty()
    # Anti-entropy offers the same again until nothing changes.
    for _ in range(3):
        for signed in shuffled:
            other.add(signed, NOW + 100)
    assert other.digest() == membership.digest()
    assert other.members(NOW) == membership.members(NOW)


@given(st.binary(max_size=300), st.binary(max_size=70))
def test_no_bytes_make_it_fail(body, signature):
    refused(founded(), Signed(body, signature), "malformed")
