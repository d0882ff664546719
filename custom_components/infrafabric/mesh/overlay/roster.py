"""Who belongs to the mesh, as this node uses it: applies what arrives and tells who came or went.

Sans-IO: ``Membership`` has the rules; this adds the comparison with what was shown before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import logging
from typing import Final

from ..errors import MeshError
from ..model import Role
from ..trust.identity import Identity, peer_id_of
from ..trust.membership import Membership, Reason, Record
from ..trust.records import is_genuine, parse_signed
from ..trust.signed import Signed

MAX_EARLY: Final = 64
MAX_EARLY_SIZE: Final = 4096
"""Records and tombstones, and bytes of each, that are kept until the clock has caught up."""
_LOGGER: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class RosterChange:
    """What is different after something was applied."""

    news: list[Signed] = field(default_factory=list)
    """Accepted records and tombstones that were new here: to be saved and passed on."""
    gone: dict[str, str] = field(default_factory=dict)
    """Peers that are no longer members: ``revoked``, ``left`` or ``lapsed``."""
    self_gone: str | None = None
    """The same for this node itself."""


class Roster:
    """The members as of the last look.

    Args:
        identity: This node.
        membership: The records and tombstones.
        authority: The authority's key, if this node holds it.

    """

    def __init__(
        self, identity: Identity, membership: Membership, authority: Identity | None
    ) -> None:
        """Look for the first time with ``apply`` or ``look``."""
        self._identity = identity
        self._membership = membership
        self._authority = authority
        self._members: Mapping[str, Record] = {}
        self._self_gone: str | None = None
        self._early: dict[str, Signed] = {}

    @property
    def members(self) -> Mapping[str, Record]:
        """Records of all other members as of the last look, by peer id."""
        return self._members

    def look(self, now: float) -> RosterChange:
        """Compare the members at *now* with those of the last look."""
        own_id = self._identity.peer_id
        members = dict(self._membership.members(now))
        own = members.pop(own_id, None)
        change = RosterChange(
            gone={peer: self._why_gone(peer) for peer in self._members.keys() - members.keys()}
        )
        if own is None and self._self_gone is None:
            change.self_gone = self._self_gone = self._why_gone(own_id)
        elif own is not None:
            self._self_gone = None
        self._members = members
        return change

    def _why_gone(self, peer_id: str) -> str:
        if self._membership.record(peer_id) is not None:
            return "lapsed"
        tombstone = self._membership.tombstone_of(peer_id)
        return "left" if tombstone and tombstone.reason is Reason.LEFT else "revoked"

    def apply(self, signed: Iterable[Signed], now: float) -> RosterChange:
        """Add what arrived, from anybody, and compare."""
        early, self._early = self._early, {}
        news = []
        for item in [*early.values(), *signed]:
            outcome = self._membership.add(item, now)
            if outcome.added:
                news.append(item)
            elif outcome.reason == "not_yet_valid" and self._is_an_admins(item):
                # A clock that is slow must not lose a revocation: nobody says it twice.
                self._early[item.digest] = item
        for digest in list(self._early)[:-MAX_EARLY]:
            del self._early[digest]
        change = self.look(now)
        change.news = news
        return change

    def _is_an_admins(self, signed: Signed) -> bool:
        if len(signed.body) > MAX_EARLY_SIZE:
            return False
        item = parse_signed(signed)
        issuer = self._membership.record(peer_id_of(item.issuer))
        return issuer is not None and issuer.admin and is_genuine(item)

    def issue(self, subject: bytes, name: str, role: Role, now: float) -> Signed:
        """Make a new member's record (errors as ``Membership.issue``)."""
        return self._membership.issue(self._identity, subject, name, role, now)

    def revoke(self, peer_id: str, now: float) -> list[Signed]:
        """End a peer's membership (errors as ``Membership.tombstone``)."""
        return [self._membership.tombstone(self._identity, peer_id, Reason.REVOKED, now)]

    def change(
        self, peer_id: str, now: float, *, name: str, role: Role | None = None
    ) -> list[Signed]:
        """Give a peer another name or role (errors as ``Membership.change``)."""
        return self._membership.change(self._identity, peer_id, now, name=name, role=role)

    def leave(self, now: float) -> list[Signed]:
        """Make this node's goodbye, with what a stranger to its record needs to accept it."""
        own_id = self._identity.peer_id
        if self._membership.record(own_id) is None:
            return []
        needed = self._membership.needed_for([own_id])
        return [
            *needed,
            self._membership.tombstone(self._identity, own_id, Reason.LEFT, now),
        ]

    def renew(self, names: Mapping[str, str], now: float) -> list[Signed]:
        """Renew every record that is due, with the names shown now; return what was made."""
        own_id = self._identity.peer_id
        made: list[Signed] = []
        for peer_id in self._membership.renewals_due(own_id, now):
            try:
                made += self._renewed(peer_id, names.get(peer_id), now)
            except MeshError as err:
                # One record that cannot be renewed must not let all others lapse.
                _LOGGER.warning("The membership of %s is not renewed: %s", peer_id, err)
        return made

    def _renewed(self, peer_id: str, name: str | None, now: float) -> list[Signed]:
        membership = self._membership
        if peer_id != self._identity.peer_id:
            return membership.change(self._identity, peer_id, now, name=name)
        record = membership.record(peer_id)
        if self._authority is None or record is None:
            return []
        key = self._identity.public_key
        return [membership.issue(self._authority, key, record.name, record.role, now)]

    def own_proof(self) -> list[Signed]:
        """Return the records with which a stranger accepts this node as a member."""
        return self._membership.needed_for([self._identity.peer_id])

    def proof_of_end(self, peer_id: str) -> list[Signed]:
        """Return what convinces an ended peer of its end; empty when it was not ended."""
        tombstone = self._membership.tombstone_of(peer_id)
        if tombstone is None or self._membership.record(peer_id) is not None:
            return []
        issuer = peer_id_of(tombstone.issuer)
        return [*self._membership.needed_for([issuer]), tombstone.signed]
