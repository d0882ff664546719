"""The inviter remembers which invitations are open, spent, cancelled or expired."""

import json

import pytest

from infrafabric.mesh.errors import InvalidError, RefusedError
from infrafabric.mesh.model import Role
from infrafabric.mesh.signaling.base import MAX_INVITES
from infrafabric.mesh.trust import invitation_book
from infrafabric.mesh.trust.invitation_book import MAX_OPEN, REMEMBERED, InvitationBook

from .invitation_world import ANNA, BEN, DAY, FOUNDER, NOW, Inviter, code_of, join


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
