"""An inviter and a newcomer, for the tests of invitations."""

from dataclasses import replace
import json

import pytest

from infrafabric.mesh.errors import RefusedError
from infrafabric.mesh.model import Role
from infrafabric.mesh.trust.identity import Identity
from infrafabric.mesh.trust.invitation_book import InvitationBook
from infrafabric.mesh.trust.joining import (
    JoinRequest,
    read_answer,
)
from infrafabric.mesh.trust.membership import Membership

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


def altered(invitation, **more):

    return replace(invitation, **more)
