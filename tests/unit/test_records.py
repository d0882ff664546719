"""Records and tombstones are strict, and a chain of records convinces a stranger."""

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.encoding import MAX_SAFE_INTEGER
from infrafabric.mesh.model import Role
from infrafabric.mesh.trust.identity import Purpose
from infrafabric.mesh.trust.membership import (
    MAX_CHAIN,
    RECORD_LIFE,
    Membership,
    Reason,
    clean_name,
    is_name,
)
from infrafabric.mesh.trust.records import make_record, parse_signed
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
    check,
    copied,
    founded,
    let_in,
    record,
    refused,
    tombstone,
)

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
