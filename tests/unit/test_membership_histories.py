"""Whatever admins do and whenever others learn of it, they agree who belongs to the mesh."""

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from infrafabric.mesh.model import Role
from infrafabric.mesh.trust.membership import (
    Membership,
    Reason,
)
from infrafabric.mesh.trust.signed import Signed

from .membership_world import (
    ANNA,
    AUTHORITY,
    BEN,
    CARL,
    DAY,
    FOUNDER,
    NOW,
    check,
    copied,
    empty,
    founded,
    let_in,
    refused,
)


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
