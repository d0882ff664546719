"""An invitation is one text that survives mail and chat, and nothing else is taken for one."""

import base64
import json

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.encoding import b64encode, canonical_json
from infrafabric.mesh.errors import InvalidError, RefusedError
from infrafabric.mesh.model import Role
from infrafabric.mesh.trust.invitation import Invitation, is_signaling_url, lookup_of
from infrafabric.mesh.trust.invitation_book import InvitationBook
from infrafabric.mesh.trust.records import make_record

from .invitation_world import (
    ANNA,
    BEN,
    DAY,
    FOUNDER,
    NOW,
    URLS,
    Inviter,
)


def encoded(value):
    return "if1." + base64.urlsafe_b64encode(canonical_json(value)).decode().rstrip("=")


def decoded(text):
    data = text.partition("if1.")[2]
    return json.loads(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))


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
