"""What admins make, what nodes tell each other of it, its bounds, and its saved state."""

from itertools import pairwise
import json

import pytest

from infrafabric.mesh.encoding import b64encode
from infrafabric.mesh.errors import InvalidError, RefusedError
from infrafabric.mesh.model import Role
from infrafabric.mesh.trust import ledger
from infrafabric.mesh.trust.identity import Identity
from infrafabric.mesh.trust.membership import (
    MAX_CHAIN,
    RECORD_LIFE,
    Membership,
    Reason,
)

from .membership_world import (
    ANNA,
    AUTHORITY,
    BEN,
    CARL,
    FOUNDER,
    MALLORY,
    NOW,
    copied,
    founded,
    let_in,
    record,
    refused,
    tombstone,
)

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
