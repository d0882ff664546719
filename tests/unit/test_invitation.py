"""One text lets one newcomer in: what it says, the exchange, and what its maker remembers."""

import base64
from dataclasses import replace
import json

from hypothesis import given, settings, strategies as st
import pytest

from infrafabric.mesh import invitation_book, joining
from infrafabric.mesh.encoding import b64encode, canonical_json
from infrafabric.mesh.errors import InvalidError, RefusedError
from infrafabric.mesh.identity import Identity, Purpose
from infrafabric.mesh.invitation import Invitation, is_signaling_url, lookup_of
from infrafabric.mesh.invitation_book import MAX_OPEN, REMEMBERED, InvitationBook
from infrafabric.mesh.joining import (
    MAX_ANSWER,
    REFUSALS,
    JoinRequest,
    make_accept,
    make_refusal,
    read_answer,
)
from infrafabric.mesh.membership import Membership, Reason
from infrafabric.mesh.model import Role
from infrafabric.mesh.records import make_record
from infrafabric.mesh.signaling.base import MAX_BOX, MAX_INVITES

NOW = 1_800_000_000.0
DAY = 86_400
URLS = (
    "wss://home.example:8123/api/infrafabric/signal",
    "ws://192.168.1.2:8123/api/infrafabric/signal",
)
AUTHORITY, FOUNDER, ANNA, BEN, MALLORY = (Identity(bytes([n]) * 32) for n in range(1, 6))


class Randomness:
    """Different bytes each time, the same in each run."""

    def __init__(self):
        self.count = 0

    def __call__(self, size):
        self.count += 1
        return self.count.to_bytes(size)


class Inviter:
    """The founder, its mesh and its book."""

    def __init__(self):
        self.random = Randomness()
        self.membership = Membership("Home 🏠", AUTHORITY.public_key, FOUNDER.public_key)
        self.membership.issue(AUTHORITY, FOUNDER.public_key, "Home", Role.ADMIN, NOW)
        self.book = InvitationBook()

    def invite(self, *, role=Role.OBSERVE, life=DAY, now=NOW, urls=URLS, by=FOUNDER):
        return self.book.create(
            self.membership, by, urls, role=role, life=life, now=now, random=self.random
        )

    def admit(self, data, now=NOW):
        return self.book.admit(data, self.membership, FOUNDER, URLS, now)

    def restart(self):
        self.book = InvitationBook.from_json(json.loads(json.dumps(self.book.to_json())))
        self.membership = Membership.from_json(json.loads(json.dumps(self.membership.to_json())))


def ask(invitation, who=ANNA, *, now=NOW, name="Studio", software="infrafabric/0.1.0"):
    return JoinRequest.make(
        who, invitation, name=name, software=software, now=now, random=Randomness()
    )


def join(inviter, invitation, who=ANNA, *, now=NOW, joiner_now=None):
    """Run the whole exchange, sealed as it travels; returns what the newcomer gets."""
    joiner_now = now if joiner_now is None else joiner_now
    request = ask(invitation, who, now=joiner_now)
    box = invitation.inviter.seal(request.data)
    admission = inviter.admit(FOUNDER.unseal(box), now)
    answer = who.unseal(admission.newcomer.seal(admission.answer))
    return read_answer(answer, invitation, request, joiner_now)


def code_of(inviter, invitation, who=ANNA, **more):
    with pytest.raises(RefusedError) as caught:
        join(inviter, invitation, who, **more)
    return caught.value.code


def encoded(value):
    return "if1." + base64.urlsafe_b64encode(canonical_json(value)).decode().rstrip("=")


def decoded(text):
    data = text.partition("if1.")[2]
    return json.loads(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))


# The text


def test_the_text_comes_back_whole():
    invitation = Inviter().invite(role=Role.COMMAND)
    text = invitation.text()
    assert text.startswith("infrafabric:join#if1.")
    again = Invitation.parse(text, NOW)
    assert again == invitation
    assert again.mesh_name == "Home 🏠"
    assert again.mesh_id == Inviter().membership.mesh_id
    assert again.inviter == FOUNDER.public
    assert again.role is Role.COMMAND
    assert again.urls == URLS
    assert again.expires == NOW + DAY
    assert again.lookup == lookup_of(invitation.invitation_id)


def test_the_secret_is_in_the_text_only():
    invitation = Inviter().invite()
    secret = invitation.secret
    for shown in (
        repr(invitation),
        str(invitation),
        repr(InvitationBook.from_json({"v": 1, "issued": []}).open(NOW)),
    ):
        assert repr(secret) not in shown
        assert secret.hex() not in shown
        assert b64encode(secret) not in shown
    inviter = Inviter()
    secret = inviter.invite().secret
    assert repr(secret) not in repr(inviter.book.open(NOW))


def test_the_server_learns_neither_id_nor_secret_from_the_lookup():
    invitation = Inviter().invite()
    assert len(invitation.lookup) == 64
    assert invitation.invitation_id not in invitation.lookup


@pytest.mark.parametrize(
    "urls",
    [
        URLS,
        (
            "wss://abcdefghijklmnopqrstuvwxyz012345.ui.nabu.casa/api/infrafabric/signal",
            "wss://homeassistant.example.org/api/infrafabric/signal",
            "ws://homeassistant.local:8123/api/infrafabric/signal",
            "ws://192.168.178.123:8123/api/infrafabric/signal",
        ),
    ],
)
def test_the_text_is_short_enough_to_scan(urls):
    assert len(Inviter().invite(urls=urls).text()) < 1500


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text,
        lambda text: text.removeprefix("infrafabric:join#"),
        lambda text: f"\n  {text}\r\n",
        lambda text: f"<{text}>",
        lambda text: f'"{text}"',
        lambda text: f"`{text}`",
        lambda text: "https://example.org/infrafabric/join#" + text.partition("#")[2],
        lambda text: "\r\n".join(text[i : i + 76] for i in range(0, len(text), 76)),
        lambda text: "\n> ".join(text[i : i + 60] for i in range(0, len(text), 60)),
        lambda text: "\u200b".join(text[i : i + 50] for i in range(0, len(text), 50)),
    ],
)
def test_what_mail_and_chat_do_to_a_text_does_not_matter(spoil):
    invitation = Inviter().invite()
    assert Invitation.parse(spoil(invitation.text()), NOW) == invitation


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: "hello",
        lambda text: "if1.",
        lambda text: text[:-1],
        lambda text: text[:-10],
        lambda text: text + "A",
        lambda text: text + "=",
        lambda text: text + ".",
        lambda text: text.replace("if1.", "if2."),
        lambda text: text.replace("if1.", ""),
        lambda text: "x" + text.removeprefix("infrafabric:join#"),
        lambda text: text.upper(),
        lambda text: text + text,
        lambda text: text * 9,
        lambda text: text[:100] + "é" + text[100:],
    ],
)
def test_a_damaged_text_is_malformed(spoil):
    with pytest.raises(InvalidError) as caught:
        Invitation.parse(spoil(Inviter().invite().text()), NOW)
    assert caught.value.code == "invitation_malformed"


def _other_mesh_record():
    return make_record(
        FOUNDER, ANNA.peer_id, BEN.public_key, name="x", role=Role.ADMIN, not_before=1, serial=1
    ).to_json()


def _observer_record():
    mesh_id = Inviter().membership.mesh_id
    return make_record(
        FOUNDER, mesh_id, BEN.public_key, name="x", role=Role.COMMAND, not_before=1, serial=1
    ).to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"name": ""},
        {"name": "a\u202eb"},
        {"name": None},
        {"authority": "AA=="},
        {"authority": b64encode(ANNA.public_key)},
        {"founder": None},
        {"authority": b64encode(FOUNDER.public_key)},
        {"record": None},
        {"record": {}},
        {"record": {"body": "{}", "sig": b64encode(b"\0" * 64)}},
        {"record": _other_mesh_record()},
        {"record": _observer_record()},
        {"id": "x"},
        {"id": "0" * 30},
        {"id": None},
        {"role": "owner"},
        {"role": None},
        {"role": []},
        {"exp": -1},
        {"exp": 1.5},
        {"exp": True},
        {"exp": None},
        {"urls": []},
        {"urls": None},
        {"urls": ["http://a/"]},
        {"urls": [5]},
        {"urls": ["ws://a/"] * 5},
        {"secret": "AA=="},
        {"secret": None},
        {"more": 1},
    ],
)
def test_a_text_with_wrong_values_is_malformed(change):
    value = decoded(Inviter().invite().text()) | change
    with pytest.raises(InvalidError) as caught:
        Invitation.parse(encoded(value), NOW)
    assert caught.value.code == "invitation_malformed"


def test_a_record_with_a_wrong_signature_is_malformed():
    value = decoded(Inviter().invite().text())
    value["record"]["sig"] = b64encode(b"\0" * 64)
    with pytest.raises(InvalidError):
        Invitation.parse(encoded(value), NOW)


@pytest.mark.parametrize("value", [None, [], 5, {}])
def test_a_text_that_holds_something_else_is_malformed(value):
    with pytest.raises(InvalidError):
        Invitation.parse(encoded(value), NOW)


def test_leaving_anything_out_is_malformed():
    value = decoded(Inviter().invite().text())
    for name in value:
        with pytest.raises(InvalidError):
            Invitation.parse(encoded({k: v for k, v in value.items() if k != name}), NOW)


def test_an_expired_invitation_says_so():
    text = Inviter().invite(life=3600).text()
    assert Invitation.parse(text, NOW + 3600)
    with pytest.raises(RefusedError) as caught:
        Invitation.parse(text, NOW + 3601)
    assert caught.value.code == "invitation_expired"


TEXT = Inviter().invite().text()


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_one_changed_character_is_never_taken_for_another_invitation(position, character):
    changed = TEXT[:position] + character + TEXT[position + 1 :]
    try:
        invitation = Invitation.parse(changed, NOW)
    except InvalidError, RefusedError:
        return
    # A changed secret, id, expiry or address still reads; whom to trust does not change.
    original = Invitation.parse(TEXT, NOW)
    assert (invitation.authority, invitation.founder) == (original.authority, original.founder)


@given(
    st.text(max_size=300)
    | st.binary(max_size=200).map(
        lambda data: "if1." + base64.urlsafe_b64encode(data).decode().rstrip("=")
    )
)
def test_no_text_makes_the_parser_fail_in_another_way(text):
    with pytest.raises(InvalidError):
        Invitation.parse(text, NOW)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://a", True),
        ("wss://a.example:443/x?y=1", True),
        ("wss://[fd00::1]:8123/api", True),
        ("http://a/", False),
        ("wss://", False),
        ("wss:///path", False),
        ("wss://a b", False),
        ("wss://user:pass@a/", False),
        ("wss://a/#b", False),
        ("wss://a:99999/", False),
        ("wss://a:0/", False),
        ("wss://[::1", False),
        ("wss://é/", False),
        ("wss://a/\n", False),
        ("wss://" + "a" * 251, False),
        (None, False),
    ],
)
def test_a_signaling_address_is_a_web_socket_s(url, expected):
    assert is_signaling_url(url) is expected


# The exchange


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


def altered(invitation, **more):

    return replace(invitation, **more)


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


# The book


def test_only_admins_invite():
    inviter = Inviter()
    inviter.membership.issue(FOUNDER, ANNA.public_key, "Anna", Role.COMMAND, NOW)
    for who in (ANNA, BEN):
        with pytest.raises(RefusedError) as caught:
            inviter.invite(by=who)
        assert caught.value.code == "not_admin"


@pytest.mark.parametrize("urls", [(), ("http://a/",)])
def test_an_invitation_needs_an_address(urls):
    with pytest.raises(InvalidError) as caught:
        Inviter().invite(urls=urls)
    assert caught.value.code == "no_signaling_address"


def test_an_invitation_carries_four_different_addresses_at_most():
    urls = ["ws://a/", "ws://a/", "bad", "ws://b/", "ws://c/", "ws://d/", "ws://e/"]
    assert Inviter().invite(urls=urls).urls == ("ws://a/", "ws://b/", "ws://c/", "ws://d/")


@pytest.mark.parametrize(("life", "expected"), [(1, 60), (3600, 3600), (10**9, 30 * DAY)])
def test_the_life_of_an_invitation_is_bounded(life, expected):
    assert Inviter().invite(life=life).expires == NOW + expected


def test_the_number_of_open_invitations_is_bounded():
    inviter = Inviter()
    made = [inviter.invite(now=NOW + n) for n in range(MAX_OPEN)]
    with pytest.raises(RefusedError) as caught:
        inviter.invite()
    assert caught.value.code == "too_many_invitations"
    assert [one.invitation_id for one in inviter.book.open(NOW)] == [
        one.invitation_id for one in made
    ]
    inviter.book.cancel(made[0].invitation_id, NOW)
    inviter.invite()


def test_cancelling_what_is_not_open_is_an_error():
    inviter = Inviter()
    invitation = inviter.invite(life=60)
    for invitation_id, now in (("f" * 32, NOW), (invitation.invitation_id, NOW + 61)):
        with pytest.raises(InvalidError) as caught:
            inviter.book.cancel(invitation_id, now)
        assert caught.value.code == "unknown_invitation"


def test_what_is_over_is_remembered_for_thirty_days_so_that_the_answer_is_clear():
    inviter = Inviter()
    spent = inviter.invite(life=30 * DAY)
    expired = inviter.invite(life=60)
    join(inviter, spent)
    assert set(inviter.book.lookups(NOW)) == {spent.lookup, expired.lookup}
    late = NOW + REMEMBERED
    assert code_of(inviter, spent, BEN, now=late) == "invitation_spent"
    assert code_of(inviter, expired, BEN, now=late) == "invitation_expired"
    assert inviter.book.lookups(NOW + REMEMBERED + 61) == []
    assert code_of(inviter, spent, BEN, now=late + 62) == "invitation_refused"


def test_no_more_is_remembered_than_a_server_registers(monkeypatch):
    assert invitation_book.MAX_CLOSED + MAX_OPEN <= MAX_INVITES
    monkeypatch.setattr(invitation_book, "MAX_CLOSED", 3)
    inviter = Inviter()
    made = [inviter.invite() for _ in range(6)]
    for number, one in enumerate(made[:5]):
        inviter.book.cancel(one.invitation_id, NOW + number)
    assert set(inviter.book.lookups(NOW + 9)) == {one.lookup for one in made[2:]}


def test_an_invitation_is_spent_once():
    inviter = Inviter()
    invitation = inviter.invite()
    inviter.book.spend(invitation.invitation_id, ANNA.public_key, NOW)
    for invitation_id in (invitation.invitation_id, "f" * 32):
        with pytest.raises(ValueError):
            inviter.book.spend(invitation_id, BEN.public_key, NOW)


def test_the_book_comes_back():
    inviter = Inviter()
    inviter.invite(role=Role.ADMIN)
    spent = inviter.invite()
    join(inviter, spent)
    again = InvitationBook.from_json(json.loads(json.dumps(inviter.book.to_json())))
    assert again.to_json() == inviter.book.to_json()
    assert again.open(NOW) == inviter.book.open(NOW)


def test_a_damaged_book_is_not_loaded():
    inviter = Inviter()
    inviter.invite()
    good = inviter.book.to_json()
    one = good["issued"][0]
    for value in (
        None,
        [],
        {},
        {"v": 2, "issued": []},
        {"v": 1},
        {"v": 1, "issued": 5},
        {"v": 1, "issued": [5]},
        {"v": 1, "issued": [{}]},
        {"v": 1, "issued": [one | {"id": "x"}]},
        {"v": 1, "issued": [one | {"secret": "AA=="}]},
        {"v": 1, "issued": [one | {"role": "owner"}]},
        {"v": 1, "issued": [one | {"state": "lost"}]},
    ):
        with pytest.raises(ValueError):
            InvitationBook.from_json(value)
