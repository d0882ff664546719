"""A small mesh of made-up people, for the tests of membership."""

from infrafabric.mesh.model import Role
from infrafabric.mesh.trust.identity import Identity, mesh_id_of
from infrafabric.mesh.trust.membership import (
    Membership,
    Reason,
    Status,
    verify_chain,
)
from infrafabric.mesh.trust.records import make_record, make_tombstone

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


def check(chain, now=NOW, mesh=MESH, authority=AUTHORITY.public_key, founder=FOUNDER.public_key):
    return verify_chain(mesh, authority, founder, chain, now)
