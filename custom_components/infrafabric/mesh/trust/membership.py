"""Who belongs to the mesh: the ledger of records, and what this node may add to it.

Sans-IO; ``ledger`` has the rules. Makes records and tombstones, says which are due for renewal,
and keeps the whole as JSON.
"""

from typing import Any, Final, Self

from ..encoding import b64decode, b64encode
from ..errors import InvalidError, RefusedError
from ..model import Role
from .identity import KEY_SIZE, Identity, peer_id_of
from .ledger import MAX_MEMBERS, MAX_TOMBSTONES, Ledger, Outcome, Status, record_of
from .records import (
    CLOCK_TOLERANCE,
    MAX_CHAIN,
    MAX_NAME,
    MAX_SIGNED,
    RECORD_LIFE,
    Reason,
    Record,
    Tombstone,
    clean_name,
    is_name,
    make_record,
    make_tombstone,
    verify_chain,
)
from .signed import Signed

__all__ = [
    "CLOCK_TOLERANCE",
    "MAX_CHAIN",
    "MAX_MEMBERS",
    "MAX_NAME",
    "MAX_SIGNED",
    "MAX_TOMBSTONES",
    "RECORD_LIFE",
    "Membership",
    "Outcome",
    "Reason",
    "Record",
    "Status",
    "Tombstone",
    "clean_name",
    "is_name",
    "verify_chain",
]

_KEPT: Final = 896
"""Records that a tombstone made here keeps valid: as many as fit ``MAX_TOLD``."""
_RENEW_FROM: Final = 1 / 2
"""Part of a record's life after which an admin nearer to the founder renews it…"""
_RENEW_BY_ANYONE_FROM: Final = 5 / 8
"""…and after which any admin does, although the chain to the founder may grow."""


class Membership(Ledger):
    """The ledger of one mesh, with the making of records and tombstones."""

    # Making

    def issue(
        self, identity: Identity, subject: bytes, name: str, role: Role, now: float
    ) -> Signed:
        """Make a record for *subject*, add it here and return it.

        The authority's identity may do this for the founder, an admin's for anybody else. It
        also renews, renames and promotes; demoting an admin takes ``change``.

        Raises:
            RefusedError: ``not_admin``, ``own_record``, ``mesh_full``.
            InvalidError: ``name_invalid``.

        """
        if not is_name(name):
            msg = f"A name has 1 to {MAX_NAME} printable characters."
            raise InvalidError("name_invalid", msg)
        self._check_maker(identity, subject, now)
        moment = int(now)
        return self._added(
            make_record(
                identity,
                self.mesh_id,
                subject,
                name=name,
                role=role,
                not_before=moment,
                serial=self._serial(peer_id_of(subject)) + 1,
            ),
            now,
        )

    def tombstone(self, identity: Identity, peer_id: str, reason: Reason, now: float) -> Signed:
        """End every record of a peer so far, add that here and return it.

        What the peer signed as an admin and is known here stays valid.

        Raises:
            InvalidError: ``unknown_peer``.
            RefusedError: ``not_admin``, ``own_record`` (ending oneself is ``leave`` only),
                ``mesh_full``.

        """
        record = self.record(peer_id)
        if record is None:
            raise _unknown(peer_id)
        if reason is not Reason.LEFT:
            self._check_maker(identity, record.public_key, now)
        issued = [
            entry.item.digest
            for entry in [*self._records.values(), *self._kept.values()]
            if isinstance(entry.item, Record) and entry.item.issuer == record.public_key
        ]
        return self._added(
            make_tombstone(
                identity,
                self.mesh_id,
                record.public_key,
                reason=reason,
                at=int(now),
                serial=self._serial(peer_id),
                keep=list(dict.fromkeys(issued))[:_KEPT],
            ),
            now,
        )

    def change(
        self,
        identity: Identity,
        peer_id: str,
        now: float,
        *,
        name: str | None = None,
        role: Role | None = None,
    ) -> list[Signed]:
        """Renew a peer's record, with another name or role if given; returns what was made.

        An admin that loses the role also gets a tombstone first, so that the old record cannot
        come back.

        Raises:
            InvalidError: ``unknown_peer``, ``name_invalid``.
            RefusedError: ``not_admin``, ``own_record``, ``mesh_full``.

        """
        record = self.record(peer_id)
        if record is None:
            raise _unknown(peer_id)
        name = record.name if name is None else name
        role = record.role if role is None else role
        made = []
        if record.admin and role is not Role.ADMIN and is_name(name):
            made.append(self.tombstone(identity, peer_id, Reason.DEMOTED, now))
        made.append(self.issue(identity, record.public_key, name, role, now))
        return made

    def renewals_due(self, me: str, now: float) -> list[str]:
        """Return the peers whose records *me*, an admin, should renew now (with ``change``).

        Half of a record's life must be over; admins that are not nearer to the founder wait a
        little longer, so that chains stay short. The founder names itself here, to be renewed by
        the authority key with ``issue``; others renew the founder only once it was ended.
        """
        mine = self._records.get(me)
        due = []
        founder_id = peer_id_of(self.founder)
        by_authority = founder_id not in self._tombstones
        for peer_id, entry in self._records.items():
            record = record_of(entry)
            age = (now - record.not_before) / (record.not_after - record.not_before)
            if age < _RENEW_FROM:
                continue
            if peer_id == founder_id and by_authority:
                if peer_id == me:
                    due.append(peer_id)
                continue
            if peer_id == me or mine is None or not record_of(mine).covers(int(now)):
                continue
            if mine.depth < entry.depth or (
                age >= _RENEW_BY_ANYONE_FROM and mine.depth < MAX_CHAIN
            ):
                due.append(peer_id)
        return due

    def _check_maker(self, identity: Identity, subject: bytes, now: float) -> None:
        if identity.public_key == subject:
            msg = "A node cannot sign its own membership; another admin can."
            raise RefusedError("own_record", msg)
        if identity.public_key == self.authority:
            return
        if self.role(identity.peer_id, now) is not Role.ADMIN:
            msg = "Only an admin of the mesh may do this; ask one."
            raise RefusedError("not_admin", msg)

    def _serial(self, peer_id: str) -> int:
        """Return the highest serial seen of a key, 0 if none."""
        return max(
            (
                table[peer_id].item.serial
                for table in (self._records, self._tombstones)
                if peer_id in table
            ),
            default=0,
        )

    def _added(self, signed: Signed, now: float) -> Signed:
        outcome = self.add(signed, now)
        if outcome.added:
            return signed
        if outcome.reason in ("full", "chain_too_long"):
            msg = "The mesh is full: revoke members that are gone, or let the founder renew some."
            raise RefusedError("mesh_full", msg)
        msg = f"Only an admin of the mesh may do this; ask one ({outcome.reason})."
        raise RefusedError("not_admin", msg)

    # Keeping

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON."""
        return {
            "v": 1,
            "name": self.name,
            "authority": b64encode(self.authority),
            "founder": b64encode(self.founder),
            "signed": [signed.to_json() for signed in self.all_signed()],
        }

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return the state that ``to_json`` gave; every signature is checked again.

        Raises:
            ValueError: Not such a state, or changed since.

        """
        if not isinstance(value, dict) or value.get("v") != 1:
            msg = "not a membership state"
            raise ValueError(msg)
        signed = value.get("signed")
        if not isinstance(value.get("name"), str) or not isinstance(signed, list):
            msg = "not a membership state"
            raise ValueError(msg)
        membership = cls(
            value["name"],
            b64decode(value.get("authority"), KEY_SIZE),
            b64decode(value.get("founder"), KEY_SIZE),
        )
        for item in signed:
            # Dates ahead of the clock were judged when the value came; the clock may be unset.
            outcome = membership.add(Signed.from_json(item, MAX_SIGNED), float("inf"))
            if outcome.status is Status.REFUSED:
                msg = f"a value of the membership state is refused: {outcome.reason}"
                raise ValueError(msg)
        return membership


def _unknown(peer_id: str) -> InvalidError:
    return InvalidError(
        "unknown_peer", f"No member of the mesh has the peer id {peer_id}.", peer_id=peer_id
    )
