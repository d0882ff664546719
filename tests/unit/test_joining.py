"""A newcomer and its inviter come together, and nobody comes between them."""

import json

from hypothesis import given, settings, strategies as st
import pytest

from infrafabric.mesh.encoding import b64encode, canonical_json
from infrafabric.mesh.errors import RefusedError
from infrafabric.mesh.model import Role
from infrafabric.mesh.signaling.base import MAX_BOX
from infrafabric.mesh.trust import joining
from infrafabric.mesh.trust.identity import Identity, Purpose
from infrafabric.mesh.trust.invitation import Invitation
from infrafabric.mesh.trust.joining import (
    MAX_ANSWER,
    REFUSALS,
    JoinRequest,
    make_accept,
    make_refusal,
    read_answer,
)
from infrafabric.mesh.trust.membership import Reason

from .invitation_world import (
    ANNA,
    BEN,
    DAY,
    FOUNDER,
    MALLORY,
    NOW,
    URLS,
    Inviter,
    altered,
    ask,
    code_of,
    join,
)


def test_a_newcomer_gets_in():
    inviter = Inviter()
    inviter.membership.issue(FOUNDER, BEN.public_key, "Ben", Role.ADMIN, NOW)
    invitation = Invitation.parse(inviter.invite(role=Role.COMMAND).text(), NOW)
    accept = join(inviter, invitation)
    assert accept.membership.digest() == inviter.membership.digest()
    assert accept.membership.role(ANNA.peer_id, NOW) is Role.COMMAND
    assert accept.membership.record(ANNA.peer_id).name == "Studio"
    assert accept.membership.name == "Home 🏠"
    assert accept.urls == URLS
    assert accept.at == NOW


def test_the_inviter_is_told_what_to_save_before_it_answers():
    inviter = Inviter()
    invitation = inviter.invite()
    request = ask(invitation)
    admission = inviter.admit(request.data)
    assert admission.changed
    assert admission.joined
    assert admission.newcomer == ANNA.public
    assert admission.invitation_id == invitation.invitation_id
    assert inviter.book.open(NOW) == []
    assert "answer" not in repr(admission)
    assert "secret" not in repr(ask(invitation))


def test_an_invitation_lets_one_in_and_no_second():
    inviter = Inviter()
    invitation = inviter.invite()
    join(inviter, invitation)
    assert code_of(inviter, invitation, BEN) == "invitation_spent"
    inviter.restart()
    assert code_of(inviter, invitation, BEN) == "invitation_spent"
    assert BEN.peer_id not in inviter.membership.members(NOW)


def test_a_newcomer_whose_answer_was_lost_gets_it_again():
    inviter = Inviter()
    invitation = inviter.invite()
    join(inviter, invitation)
    before = inviter.membership.digest()
    inviter.restart()
    admission = inviter.admit(ask(invitation, now=NOW + 60).data, NOW + 60)
    assert admission.joined
    assert not admission.changed
    accept = join(inviter, invitation, now=NOW + 2 * DAY)
    assert accept.membership.role(ANNA.peer_id, NOW) is Role.OBSERVE
    assert inviter.membership.digest() == before


def test_a_newcomer_that_was_removed_again_does_not_come_back_with_the_same_invitation():
    inviter = Inviter()
    invitation = inviter.invite()
    join(inviter, invitation)
    inviter.membership.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    assert code_of(inviter, invitation) == "invitation_revoked"


def test_a_removed_member_comes_back_with_a_new_invitation():
    inviter = Inviter()
    join(inviter, inviter.invite())
    inviter.membership.tombstone(FOUNDER, ANNA.peer_id, Reason.REVOKED, NOW)
    accept = join(inviter, inviter.invite())
    assert accept.membership.role(ANNA.peer_id, NOW) is Role.OBSERVE


def test_a_member_that_joins_once_more_keeps_the_better_role():
    inviter = Inviter()
    join(inviter, inviter.invite(role=Role.ADMIN))
    accept = join(inviter, inviter.invite(role=Role.OBSERVE))
    assert accept.membership.role(ANNA.peer_id, NOW) is Role.ADMIN


def test_a_cancelled_invitation_lets_nobody_in():
    inviter = Inviter()
    invitation = inviter.invite()
    inviter.book.cancel(invitation.invitation_id, NOW)
    assert inviter.book.open(NOW) == []
    assert code_of(inviter, invitation) == "invitation_revoked"
    inviter.restart()
    assert code_of(inviter, invitation) == "invitation_revoked"


def test_an_expired_invitation_lets_nobody_in():
    inviter = Inviter()
    invitation = inviter.invite(life=600)
    assert code_of(inviter, invitation, now=NOW + 601) == "invitation_expired"
    assert inviter.book.open(NOW + 601) == []


@pytest.mark.parametrize("off", [-121, 121])
def test_clocks_that_differ_too_much_are_told_by_how_much(off):
    inviter = Inviter()
    invitation = inviter.invite()
    with pytest.raises(RefusedError) as caught:
        join(inviter, invitation, joiner_now=NOW + off)
    assert caught.value.code == "clock_skew"
    assert caught.value.details == {"seconds": str(off)}
    assert len(inviter.book.open(NOW)) == 1


@pytest.mark.parametrize("off", [-120, 120])
def test_clocks_may_differ_by_two_minutes(off):
    inviter = Inviter()
    assert join(inviter, inviter.invite(), joiner_now=NOW + off).at == NOW


def test_whoever_does_not_know_the_secret_learns_nothing():
    inviter = Inviter()
    open_one, spent, cancelled = inviter.invite(), inviter.invite(), inviter.invite()
    join(inviter, spent)
    inviter.book.cancel(cancelled.invitation_id, NOW)
    for invitation in (
        altered(open_one, secret=b"\0" * 16),
        altered(spent, secret=b"\0" * 16),
        altered(cancelled, secret=b"\0" * 16),
        altered(open_one, invitation_id="f" * 32),
        altered(open_one, invitation_id="f" * 32, secret=b"\0" * 16),
    ):
        assert code_of(inviter, invitation, BEN) == "invitation_refused"
        assert code_of(inviter, invitation, BEN, joiner_now=NOW + 999) == "invitation_refused"
    assert BEN.peer_id not in inviter.membership.members(NOW)
    assert len(inviter.book.open(NOW)) == 1


def test_an_invitation_to_another_mesh_is_refused():
    inviter = Inviter()
    invitation = altered(inviter.invite(), authority=MALLORY.public_key)
    assert code_of(inviter, invitation) == "invitation_refused"


def test_an_inviter_that_is_no_admin_any_more_lets_nobody_in():
    inviter = Inviter()
    inviter.membership.issue(FOUNDER, BEN.public_key, "Ben", Role.ADMIN, NOW)
    invitation = inviter.invite()
    inviter.membership.change(BEN, FOUNDER.peer_id, NOW, role=Role.COMMAND)
    assert code_of(inviter, invitation) == "invitation_refused"
    assert len(inviter.book.open(NOW)) == 1
    # Nor does it hand out its own invitations to itself.
    assert code_of(inviter, invitation, FOUNDER) == "invitation_refused"


INVITER = Inviter()
INVITATION = INVITER.invite()
REQUEST = ask(INVITATION)
ADMISSION = INVITER.admit(REQUEST.data)


@settings(deadline=None)
@given(st.integers(0, len(REQUEST.data) * 8 - 1))
def test_a_request_with_any_bit_flipped_is_ignored(bit):
    data = bytearray(REQUEST.data)
    data[bit // 8] ^= 1 << (bit % 8)
    admission = INVITER.admit(bytes(data))
    assert (admission.answer, admission.changed, admission.joined) == (None, False, False)


@settings(deadline=None)
@given(st.integers(0, len(ADMISSION.answer) * 8 - 1))
def test_an_answer_with_any_bit_flipped_is_not_taken_for_one(bit):
    data = bytearray(ADMISSION.answer)
    data[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(ValueError):
        read_answer(bytes(data), INVITATION, REQUEST, NOW)


@given(st.binary(max_size=300))
def test_no_bytes_make_either_side_fail(data):
    assert INVITER.admit(data).answer is None
    with pytest.raises(ValueError):
        read_answer(data, INVITATION, REQUEST, NOW)


def signed_anew(identity, fields):
    fields = {name: value for name, value in fields.items() if name != "sig"}
    fields["sig"] = b64encode(identity.sign(Purpose.JOIN, canonical_json(fields)))
    return canonical_json(fields)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"kind": "accept"},
        {"kind": []},
        {"mesh": "x"},
        {"mesh": None},
        {"invitation": "x"},
        {"invitation": None},
        {"key": b64encode(BEN.public_key)},
        {"key": None},
        {"name": ""},
        {"name": "a\nb"},
        {"software": None},
        {"at": 1.5},
        {"at": True},
        {"at": -1},
        {"nonce": "x"},
        {"nonce": None},
        {"mac": "AA=="},
        {"mac": None},
        {"more": 1},
        {"name": "x" * 3000},
    ],
)
def test_a_malformed_request_is_ignored_even_when_well_signed(change):
    fields = json.loads(REQUEST.data) | change
    with pytest.raises(ValueError):
        JoinRequest.parse(signed_anew(ANNA, fields))


def test_a_request_must_be_proved_as_a_whole():
    inviter = Inviter()
    invitation = inviter.invite()
    fields = json.loads(ask(invitation).data)
    for change in ({"name": "Other"}, {"at": int(NOW) + 1}, {"nonce": "0" * 32}):
        admission = inviter.admit(signed_anew(ANNA, fields | change))
        assert admission.refusal == "invitation_refused"
    # Nor can somebody else's proof be used with another key.
    stolen = fields | {"key": b64encode(BEN.public_key)}
    assert inviter.admit(signed_anew(BEN, stolen)).refusal == "invitation_refused"
    assert len(inviter.book.open(NOW)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"kind": "join"},
        {"kind": "refuse"},
        {"request": "0" * 64},
        {"request": None},
        {"at": None},
        {"signed": None},
        {"signed": []},
        {"signed": [None]},
        {"signed": [{"body": "{}", "sig": b64encode(b"\0" * 64)}]},
        {"signed": [{}] * 1025},
        {"urls": None},
        {"urls": ["http://a"]},
        {"urls": ["ws://a"] * 17},
        {"more": 1},
    ],
)
def test_a_malformed_answer_is_not_taken_for_one_even_from_the_inviter(change):
    fields = json.loads(ADMISSION.answer) | change
    with pytest.raises(ValueError):
        read_answer(signed_anew(FOUNDER, fields), INVITATION, REQUEST, NOW)


def test_only_the_inviter_can_answer():
    fields = json.loads(ADMISSION.answer)
    with pytest.raises(ValueError, match="signature"):
        read_answer(signed_anew(MALLORY, fields), INVITATION, REQUEST, NOW)
    refusal = make_refusal(MALLORY, REQUEST, "invitation_spent", NOW)
    with pytest.raises(ValueError, match="signature"):
        read_answer(refusal, INVITATION, REQUEST, NOW)


def test_an_answer_fits_one_request_only():
    with pytest.raises(ValueError, match="another request"):
        read_answer(ADMISSION.answer, INVITATION, ask(INVITATION, now=NOW + 1), NOW)


def test_a_refusal_with_an_unknown_code_is_a_plain_one():
    fields = json.loads(make_refusal(FOUNDER, REQUEST, "invitation_spent", NOW))
    for code in ("something_new", 5, None, []):
        with pytest.raises(RefusedError) as caught:
            read_answer(signed_anew(FOUNDER, fields | {"code": code}), INVITATION, REQUEST, NOW)
        assert caught.value.code == "invitation_refused"


def test_every_refusal_arrives_with_its_code_and_a_sentence():
    for code, text in REFUSALS.items():
        answer = make_refusal(FOUNDER, REQUEST, code, NOW)
        with pytest.raises(RefusedError, match=text) as caught:
            read_answer(answer, INVITATION, REQUEST, NOW)
        assert caught.value.code == code
    with pytest.raises(ValueError):
        make_refusal(FOUNDER, REQUEST, "something_else", NOW)


def test_the_names_a_newcomer_chooses_are_made_to_fit():
    request = ask(INVITATION, name="  My\nstudio\u202e " + "x" * 99, software="\x00")
    assert request.name == "My studio " + "x" * 54
    assert request.software == "unknown"


def test_the_answer_fits_a_signaling_frame_however_large_the_mesh():
    inviter = Inviter()
    for number in range(200):
        other = Identity(number.to_bytes(32))
        inviter.membership.issue(FOUNDER, other.public_key, "n" * 64, Role.OBSERVE, NOW)
    accept = join(inviter, inviter.invite())
    # Too large to come as a whole: what the newcomer and the inviter stand on is there.
    assert set(accept.membership.members(NOW)) == {FOUNDER.peer_id, ANNA.peer_id}
    request = ask(INVITATION)
    answer = make_accept(FOUNDER, request, inviter.membership, URLS * 20, NOW)
    assert len(answer) <= MAX_ANSWER
    assert len(ANNA.public.seal(bytes(MAX_ANSWER))) <= MAX_BOX


def test_a_mesh_of_more_values_than_an_answer_may_hold_is_cut(monkeypatch):
    monkeypatch.setattr(joining, "_MAX_VALUES", 2)
    inviter = Inviter()
    inviter.membership.issue(FOUNDER, BEN.public_key, "Ben", Role.OBSERVE, NOW)
    accept = join(inviter, inviter.invite())
    assert set(accept.membership.members(NOW)) == {FOUNDER.peer_id, ANNA.peer_id}
