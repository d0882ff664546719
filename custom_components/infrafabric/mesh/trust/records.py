"""Membership records and tombstones: what they say, how they are read, how a chain is checked.

A record makes a key a member; a tombstone ends every record of a key up to a serial. Both are
canonical JSON signed for their own purpose. The authority key signs only the founder's record;
admins sign all others. Times are Unix seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
import unicodedata

from ..encoding import MAX_SAFE_INTEGER, b64decode, b64encode, hexdecode
from ..model import Role
from .identity import KEY_SIZE, Identity, PublicIdentity, Purpose, mesh_id_of, peer_id_of
from .signed import Signed

RECORD_LIFE: Final = 90 * 86_400
"""Longest life of a record, seconds."""
CLOCK_TOLERANCE: Final = 120
"""Seconds that a record, tombstone or message may lie in the future."""
MAX_NAME: Final = 64
"""Longest name, characters."""
MAX_CHAIN: Final = 32
"""Most records from the founder to a member.

Every admin renews others, so without the founder chains grow by one in each half life (45
days); 32 outlast four years of that.
"""
MAX_KEEP: Final = 1024
"""Most digests in a tombstone's keep list."""
MAX_SIGNED: Final = 96 << 10
"""Largest body of a record or tombstone, bytes: a full keep list and the rest."""
_MAX_RECORD: Final = 2048
_FORBIDDEN_CATEGORIES: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
_ROLES: Final = {
    role: sorted(lower.value for lower in Role if lower.rank <= role.rank) for role in Role
}
_RECORD_FIELDS: Final = frozenset(
    ("v", "mesh", "key", "name", "roles", "issuer", "nbf", "exp", "serial")
)
_TOMBSTONE_FIELDS: Final = frozenset(
    ("v", "mesh", "key", "serial", "at", "reason", "issuer", "keep")
)


class Reason(StrEnum):
    """Why a tombstone was made."""

    REVOKED = "revoked"
    LEFT = "left"
    DEMOTED = "demoted"


def is_name(text: object) -> bool:
    """Tell whether *text* may name a node or a mesh.

    1…64 characters without control, format or private characters, surrogates, line
    separators, or white space at the ends.
    """
    return (
        isinstance(text, str)
        and 1 <= len(text) <= MAX_NAME
        and text == text.strip()
        and not any(unicodedata.category(c) in _FORBIDDEN_CATEGORIES for c in text)
    )


def clean_name(text: str, default: str) -> str:
    """Return *text* made to pass ``is_name``, or *default* when nothing is left of it."""
    kept = "".join(
        " " if c.isspace() else c
        for c in text
        if c.isspace() or unicodedata.category(c) not in _FORBIDDEN_CATEGORIES
    )
    return " ".join(kept.split())[:MAX_NAME].rstrip() or default


@dataclass(frozen=True, slots=True)
class Record:
    """A membership record: *public_key* is a member until *not_after*."""

    signed: Signed
    mesh_id: str
    public_key: bytes
    name: str
    role: Role
    issuer: bytes
    not_before: int
    not_after: int
    serial: int
    peer_id: str
    digest: str

    @property
    def admin(self) -> bool:
        """Whether it lets the key sign other records."""
        return self.role is Role.ADMIN

    def covers(self, moment: int) -> bool:
        """Tell whether it lets the key sign something dated *moment*."""
        return self.admin and moment <= self.not_after


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The end of every record of *public_key* with a serial up to *serial*."""

    signed: Signed
    mesh_id: str
    public_key: bytes
    serial: int
    at: int
    reason: Reason
    issuer: bytes
    keep: frozenset[str]
    peer_id: str
    digest: str


def make_record(
    identity: Identity,
    mesh_id: str,
    subject: bytes,
    *,
    name: str,
    role: Role,
    not_before: int,
    serial: int,
) -> Signed:
    """Sign a record of full life; whether *identity* may is for the reader to judge."""
    return Signed.make(
        identity,
        Purpose.RECORD,
        {
            "v": 1,
            "mesh": mesh_id,
            "key": b64encode(subject),
            "name": name,
            "roles": _ROLES[role],
            "issuer": b64encode(identity.public_key),
            "nbf": not_before,
            "exp": not_before + RECORD_LIFE,
            "serial": serial,
        },
    )


def make_tombstone(
    identity: Identity,
    mesh_id: str,
    subject: bytes,
    *,
    reason: Reason,
    at: int,
    serial: int,
    keep: Sequence[str],
) -> Signed:
    """Sign a tombstone; whether *identity* may is for the reader to judge."""
    return Signed.make(
        identity,
        Purpose.TOMBSTONE,
        {
            "v": 1,
            "mesh": mesh_id,
            "key": b64encode(subject),
            "serial": serial,
            "at": at,
            "reason": reason.value,
            "issuer": b64encode(identity.public_key),
            "keep": sorted(keep),
        },
    )


def parse_signed(signed: Signed) -> Record | Tombstone:
    """Read a record or tombstone; the signature is left to ``is_genuine``.

    Raises:
        ValueError: Neither of them.

    """
    if len(signed.body) > MAX_SIGNED:
        msg = "too long"
        raise ValueError(msg)
    value = signed.value()
    if value.keys() == _RECORD_FIELDS:
        return _parse_record(signed, value)
    if value.keys() == _TOMBSTONE_FIELDS:
        return _parse_tombstone(signed, value)
    msg = "neither a record nor a tombstone"
    raise ValueError(msg)


def is_genuine(item: Record | Tombstone) -> bool:
    """Tell whether the issuer it names signed it."""
    purpose = Purpose.RECORD if isinstance(item, Record) else Purpose.TOMBSTONE
    return item.signed.verified(PublicIdentity(item.issuer), purpose)


def verify_chain(
    mesh_id: str, authority: bytes, founder: bytes, chain: Sequence[Signed], now: float
) -> Record:
    """Check a member's chain of records with nothing else known, and return its own record.

    A stranger to the mesh (a signaling server) learns this way that a key belongs to it, though
    not whether it was revoked since.

    Args:
        mesh_id: The mesh in question.
        authority: Its authority key.
        founder: Its founder's key.
        chain: The founder's record first, each next one signed by the member before it.
        now: Unix time, seconds.

    Raises:
        ValueError: The keys do not make up the mesh id, or the chain is broken, too long,
            dated ahead, or lapsed.

    """
    if len(authority) != KEY_SIZE or len(founder) != KEY_SIZE:
        msg = "an Ed25519 public key has 32 bytes"
        raise ValueError(msg)
    if mesh_id_of(authority, founder) != mesh_id:
        msg = "the keys do not belong to the mesh"
        raise ValueError(msg)
    if not 1 <= len(chain) <= MAX_CHAIN:
        msg = f"not a chain of 1 to {MAX_CHAIN} records"
        raise ValueError(msg)
    above: Record | None = None
    for signed in chain:
        record = parse_signed(signed)
        if not isinstance(record, Record):
            msg = "a chain has records only"
            raise ValueError(msg)
        if above is None:
            follows = record.public_key == founder and record.issuer == authority
        else:
            follows = (
                record.issuer == above.public_key
                and record.public_key != above.public_key
                and above.covers(record.not_before)
            )
        if not follows or record.mesh_id != mesh_id:
            msg = "a record does not follow from the one before it"
            raise ValueError(msg)
        if record.not_before > now + CLOCK_TOLERANCE:
            msg = "a record is dated ahead"
            raise ValueError(msg)
        if not is_genuine(record):
            msg = "a record has a wrong signature"
            raise ValueError(msg)
        above = record
    if above is None or above.not_after < now:
        msg = "the membership has lapsed"
        raise ValueError(msg)
    return above


def _integer(value: object, low: int = 0) -> int:
    if type(value) is not int or not low <= value <= MAX_SAFE_INTEGER:
        msg = "not an integer in its range"
        raise ValueError(msg)
    return value


def _common(value: Mapping[str, Any]) -> tuple[str, bytes, bytes, int]:
    """Return mesh id, key, issuer and serial."""
    if type(value["v"]) is not int or value["v"] != 1:
        msg = "an unknown version"
        raise ValueError(msg)
    mesh_id = value["mesh"]
    if not isinstance(mesh_id, str):
        msg = "the mesh is not a string"
        raise ValueError(msg)
    return (
        mesh_id,
        b64decode(value["key"], KEY_SIZE),
        b64decode(value["issuer"], KEY_SIZE),
        _integer(value["serial"], 1),
    )


def _parse_record(signed: Signed, value: Mapping[str, Any]) -> Record:
    mesh_id, key, issuer, serial = _common(value)
    if len(signed.body) > _MAX_RECORD:
        msg = "the record is too long"
        raise ValueError(msg)
    if not is_name(value["name"]):
        msg = "not a name"
        raise ValueError(msg)
    role = next((role for role, roles in _ROLES.items() if roles == value["roles"]), None)
    if role is None:
        msg = "not a list of roles"
        raise ValueError(msg)
    not_before = _integer(value["nbf"])
    not_after = _integer(value["exp"])
    if not 0 < not_after - not_before <= RECORD_LIFE:
        msg = "lives for too long or not at all"
        raise ValueError(msg)
    return Record(
        signed=signed,
        mesh_id=mesh_id,
        public_key=key,
        name=value["name"],
        role=role,
        issuer=issuer,
        not_before=not_before,
        not_after=not_after,
        serial=serial,
        peer_id=peer_id_of(key),
        digest=signed.digest,
    )


def _parse_tombstone(signed: Signed, value: Mapping[str, Any]) -> Tombstone:
    mesh_id, key, issuer, serial = _common(value)
    keep = value["keep"]
    if not isinstance(keep, list) or len(keep) > MAX_KEEP:
        msg = "not a keep list"
        raise ValueError(msg)
    for digest in keep:
        hexdecode(digest, 32)
    if keep != sorted(set(keep)):
        msg = "the keep list is not sorted, or names a record twice"
        raise ValueError(msg)
    if value["reason"] not in [reason.value for reason in Reason]:
        msg = "an unknown reason"
        raise ValueError(msg)
    reason = Reason(value["reason"])
    if (reason is Reason.LEFT) != (key == issuer):
        msg = "who leaves signs it, and nobody else"
        raise ValueError(msg)
    return Tombstone(
        signed=signed,
        mesh_id=mesh_id,
        public_key=key,
        serial=serial,
        at=_integer(value["at"]),
        reason=reason,
        issuer=issuer,
        keep=frozenset(keep),
        peer_id=peer_id_of(key),
        digest=signed.digest,
    )
