"""Which records and tombstones of a mesh this node accepted, and why.

Sans-IO: values and the time go in, outcomes come out. The rules (design, section 3):

* The authority key signs only the founder's record, and only while no tombstone for the founder
  is known. Any other record needs an issuer who is an admin now and whose own record had not
  lapsed when the new one begins, or a place in the keep list of the issuer's tombstone.
* The higher serial of a key wins; of equal serials a tombstone wins over a record, and otherwise
  the smaller digest.
* A tombstone is signed by such an admin, or by the key itself when it leaves. Whoever is dead
  here already can end nobody any more.
* What was accepted stays accepted when its issuer ends. So each value keeps what justified it,
  and everything kept, in the order it was accepted, is accepted again by a node that knows
  nothing yet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
import hashlib
from typing import Final

from ..model import Role
from .identity import KEY_SIZE, PublicIdentity, mesh_id_of, peer_id_of
from .records import (
    CLOCK_TOLERANCE,
    MAX_CHAIN,
    Reason,
    Record,
    Tombstone,
    is_genuine,
    is_name,
    parse_signed,
)
from .signed import Signed

MAX_MEMBERS: Final = 1024
MAX_TOMBSTONES: Final = 4096
_MAX_KEPT: Final = 3 * MAX_MEMBERS + MAX_TOMBSTONES
"""Most values kept in all: with those that only justify others."""
MAX_TOLD: Final = 60 << 10
"""Largest body of a tombstone that is taken in, bytes: it must fit a payload between neighbours,
or those who hold it could never again tell others what they know."""
_FINGERPRINT: Final = 16


class Status(StrEnum):
    """What became of a value."""

    ADDED = "added"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What ``Ledger.add`` did with one value."""

    status: Status
    peer_id: str | None = None
    """Whom the value is about; None when it could not be read."""
    removed: bool = False
    """The peer had a living record before and has none now."""
    reason: str | None = None
    """Why it was refused: ``malformed``, ``wrong_mesh``, ``not_yet_valid``, ``superseded``,
    ``revoked``, ``unknown_issuer``, ``issuer_dead``, ``not_admin``, ``issuer_lapsed``,
    ``self_issued``, ``founder_revoked``, ``chain_too_long``, ``full``, ``bad_signature``."""

    @property
    def added(self) -> bool:
        """Whether it was new and accepted."""
        return self.status is Status.ADDED


@dataclass(slots=True)
class _Entry:
    """An accepted value and the entry that justified it (None: the authority key)."""

    item: Record | Tombstone
    parent: _Entry | None
    order: int
    depth: int
    """Records from the founder's to this one."""


class _RefusedError(Exception):
    """Carries the reason out of the checks."""


class Ledger:
    """The records and tombstones of one mesh that were accepted; makes none itself."""

    def __init__(self, name: str, authority: bytes, founder: bytes) -> None:
        """Begin with an empty set.

        Args:
            name: The mesh's name.
            authority: Authority key, 32 bytes.
            founder: The first node's key, 32 bytes.

        Raises:
            ValueError: A key of the wrong size, equal keys, or not a name.

        """
        if len(authority) != KEY_SIZE or len(founder) != KEY_SIZE or authority == founder:
            msg = "authority and founder must be two keys of 32 bytes"
            raise ValueError(msg)
        if not is_name(name):
            msg = "not a name"
            raise ValueError(msg)
        self.name = name
        self.authority = authority
        self.founder = founder
        self.mesh_id = mesh_id_of(authority, founder)
        self._records: dict[str, _Entry] = {}
        self._tombstones: dict[str, _Entry] = {}
        self._kept: dict[str, _Entry] = {}
        self._order = 0

    # Taking in

    def add(self, signed: Signed, now: float) -> Outcome:
        """Take in one record or tombstone, from anybody.

        When several values arrive together, add them all before acting on ``removed``: a
        demotion is a tombstone followed by a record.

        Args:
            signed: The value.
            now: Unix time, seconds.

        """
        digest = signed.digest
        if (known := self._kept.get(digest)) is not None:
            return Outcome(Status.KNOWN, known.item.peer_id)
        try:
            item = parse_signed(signed)
        except ValueError:
            return Outcome(Status.REFUSED, reason="malformed")
        try:
            parent = self._justify(item, now)
        except _RefusedError as err:
            return Outcome(Status.REFUSED, item.peer_id, reason=str(err))
        return self._accept(item, parent)

    def _justify(self, item: Record | Tombstone, now: float) -> _Entry | None:
        """Return what lets the value in (None: the authority key); raises if nothing does."""
        if isinstance(item, Record):
            parent = self._justify_record(item, now)
        else:
            parent = self._justify_tombstone(item, now)
        if len(self._kept) >= _MAX_KEPT:
            raise _RefusedError("full")
        # The signature last: it is the dearest check.
        if not is_genuine(item):
            raise _RefusedError("bad_signature")
        return parent

    def _justify_record(self, record: Record, now: float) -> _Entry | None:
        peer_id = record.peer_id
        self._check_common(record, record.not_before, now)
        dead = self._tombstones.get(peer_id)
        if dead is not None and record.serial <= dead.item.serial:
            raise _RefusedError("revoked")
        current = self._records.get(peer_id)
        if current is None:
            if len(self._records) >= MAX_MEMBERS:
                raise _RefusedError("full")
        elif _rank(record) <= _rank(current.item):
            raise _RefusedError("superseded")
        if record.issuer == self.authority:
            if record.public_key != self.founder:
                raise _RefusedError("not_admin")
            if dead is not None:
                raise _RefusedError("founder_revoked")
            return None
        if record.issuer == record.public_key:
            raise _RefusedError("self_issued")
        issuer_id = peer_id_of(record.issuer)
        ended = self._tombstones.get(issuer_id)
        if ended is not None and record.digest in _keep_of(ended.item):
            return self._checked_depth(ended)
        return self._checked_depth(self._issuing(issuer_id, record.not_before))

    def _justify_tombstone(self, tombstone: Tombstone, now: float) -> _Entry:
        peer_id = tombstone.peer_id
        self._check_common(tombstone, tombstone.at, now)
        if len(tombstone.signed.body) > MAX_TOLD:
            raise _RefusedError("malformed")
        current = self._tombstones.get(peer_id)
        if current is None:
            if len(self._tombstones) >= MAX_TOMBSTONES:
                raise _RefusedError("full")
        elif _rank(tombstone) <= _rank(current.item):
            raise _RefusedError("superseded")
        if tombstone.reason is not Reason.LEFT:
            return self._issuing(peer_id_of(tombstone.issuer), tombstone.at)
        # Only a known member can leave: else anybody could fill the table with made-up keys.
        own = self._records.get(peer_id)
        if own is None:
            raise _RefusedError("unknown_issuer" if current is None else "issuer_dead")
        return own

    def _check_common(self, item: Record | Tombstone, moment: int, now: float) -> None:
        if item.mesh_id != self.mesh_id:
            raise _RefusedError("wrong_mesh")
        if moment > now + CLOCK_TOLERANCE:
            raise _RefusedError("not_yet_valid")

    def _issuing(self, issuer_id: str, moment: int) -> _Entry:
        """Return the admin record with which the issuer may sign something dated *moment*."""
        entry = self._records.get(issuer_id)
        if entry is None:
            raise _RefusedError(
                "issuer_dead" if issuer_id in self._tombstones else "unknown_issuer"
            )
        record = record_of(entry)
        if not record.admin:
            raise _RefusedError("not_admin")
        if not record.covers(moment):
            raise _RefusedError("issuer_lapsed")
        return entry

    def _checked_depth(self, parent: _Entry) -> _Entry:
        if parent.depth >= MAX_CHAIN:
            raise _RefusedError("chain_too_long")
        return parent

    def _accept(self, item: Record | Tombstone, parent: _Entry | None) -> Outcome:
        peer_id = item.peer_id
        depth = 1 if parent is None else parent.depth + isinstance(item, Record)
        entry = _Entry(item, parent, self._order, depth)
        self._order += 1
        self._kept[item.digest] = entry
        removed = False
        if isinstance(item, Record):
            replaced = peer_id in self._records
            self._records[peer_id] = entry
        else:
            replaced = peer_id in self._tombstones
            self._tombstones[peer_id] = entry
            living = self._records.get(peer_id)
            if living is not None and living.item.serial <= item.serial:
                del self._records[peer_id]
                replaced = removed = True
        if replaced:
            self._forget()
        return Outcome(Status.ADDED, peer_id, removed=removed)

    def _forget(self) -> None:
        """Drop what is neither current nor justifies anything current."""
        needed = self._closure([*self._records.values(), *self._tombstones.values()])
        self._kept = {entry.item.digest: entry for entry in needed}

    @staticmethod
    def _closure(entries: Iterable[_Entry]) -> list[_Entry]:
        """Return the entries and all that justifies them, in the order they were accepted."""
        found: dict[int, _Entry] = {}
        for start in entries:
            entry: _Entry | None = start
            while entry is not None and entry.order not in found:
                found[entry.order] = entry
                entry = entry.parent
        return [found[order] for order in sorted(found)]

    # Looking

    def members(self, now: float) -> Mapping[str, Record]:
        """Return the records of all who are members at *now*, by peer id."""
        return {
            peer_id: record
            for peer_id, entry in self._records.items()
            if (record := record_of(entry)).not_after >= now
        }

    def record(self, peer_id: str) -> Record | None:
        """Return the peer's latest record, lapsed or not; None when unknown or ended."""
        entry = self._records.get(peer_id)
        return None if entry is None else record_of(entry)

    def tombstone_of(self, peer_id: str) -> Tombstone | None:
        """Return the latest tombstone of the peer, also of one that was let in again since."""
        entry = self._tombstones.get(peer_id)
        if entry is None or not isinstance(entry.item, Tombstone):
            return None
        return entry.item

    def identity(self, peer_id: str) -> PublicIdentity | None:
        """Return the public key of a peer that has a record, lapsed or not."""
        record = self.record(peer_id)
        return None if record is None else PublicIdentity(record.public_key)

    def role(self, peer_id: str, now: float) -> Role | None:
        """Return the peer's role; None when it is no member at *now*."""
        record = self.record(peer_id)
        return None if record is None or record.not_after < now else record.role

    def chain(self, peer_id: str) -> list[Signed]:
        """Return the records from the founder's to the peer's, for ``verify_chain``.

        Empty when the peer has no record, or when its issuer's record is not known here (a kept
        record of an issuer whose end was learned first).
        """
        entry = self._records.get(peer_id)
        chain: list[Record] = []
        while entry is not None:
            item = entry.item
            if isinstance(item, Record):
                chain.append(item)
                entry = entry.parent
            else:
                entry = self._archived(item, chain[-1])
                if entry is None:
                    return []
        return [record.signed for record in reversed(chain)]

    def _archived(self, ended: Tombstone, kept: Record) -> _Entry | None:
        """Return the dead issuer's record that covered a kept one, if still here."""
        return next(
            (
                entry
                for entry in self._kept.values()
                if isinstance(entry.item, Record)
                and entry.item.public_key == ended.public_key
                and entry.item.covers(kept.not_before)
            ),
            None,
        )

    def digest(self) -> bytes:
        """Return 32 bytes that are equal wherever the same records and tombstones are current."""
        current = hashlib.sha256()
        for digest in sorted(
            entry.item.digest
            for table in (self._records, self._tombstones)
            for entry in table.values()
        ):
            current.update(bytes.fromhex(digest))
        return current.digest()

    def all_signed(self) -> list[Signed]:
        """Return everything, in an order in which an empty ledger accepts it."""
        return [entry.item.signed for entry in self._closure(self._kept.values())]

    def needed_for(self, peer_ids: Iterable[str]) -> list[Signed]:
        """Return the records of the peers and all that justifies them, in such an order."""
        wanted = [self._records[peer_id] for peer_id in peer_ids if peer_id in self._records]
        return [entry.item.signed for entry in self._closure(wanted)]

    def summary(self) -> dict[str, str]:
        """Return a fingerprint (16 hexadecimal characters) per peer id, for ``missing``."""
        return {
            peer_id: self._fingerprint(peer_id)
            for peer_id in sorted(self._records.keys() | self._tombstones.keys())
        }

    def _fingerprint(self, peer_id: str) -> str:
        parts = (table.get(peer_id) for table in (self._records, self._tombstones))
        text = "/".join("" if entry is None else entry.item.digest for entry in parts)
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:_FINGERPRINT]

    def missing(self, summary: object) -> list[Signed]:
        """Return what the sender of *summary* may lack, in an order in which it can accept it.

        Raises:
            ValueError: Not a summary.

        """
        if (
            not isinstance(summary, dict)
            or len(summary) > MAX_MEMBERS + MAX_TOMBSTONES
            or not all(isinstance(mark, str) for mark in summary.values())
        ):
            msg = "not a summary"
            raise ValueError(msg)
        wanted = [
            entry
            for table in (self._records, self._tombstones)
            for peer_id, entry in table.items()
            if summary.get(peer_id) != self._fingerprint(peer_id)
        ]
        return [entry.item.signed for entry in self._closure(wanted)]


def _rank(item: Record | Tombstone) -> tuple[int, int]:
    """Order values of one kind and key: higher serial, then smaller digest."""
    return item.serial, -int(item.digest, 16)


def record_of(entry: _Entry) -> Record:
    """Return the record in an entry of the table of records."""
    if not isinstance(entry.item, Record):
        msg = "a tombstone stands where a record belongs"
        raise TypeError(msg)
    return entry.item


def _keep_of(item: Record | Tombstone) -> frozenset[str]:
    return item.keep if isinstance(item, Tombstone) else frozenset()
