"""An invitation: everything a newcomer needs to reach and trust one mesh, as one text.

The text is ``infrafabric:join#if1.`` and the base64url (RFC 4648 section 5, unpadded) of
canonical JSON. It holds the secret, so whoever has it can join once; the signaling server sees
only ``lookup``.
"""

import base64
import binascii
from dataclasses import dataclass, field
import hashlib
import re
from typing import Any, Final, Self
from urllib.parse import urlsplit

from ..encoding import (
    MAX_SAFE_INTEGER,
    b64decode,
    b64encode,
    canonical_json,
    hexdecode,
    parse_canonical_json,
)
from ..errors import InvalidError, RefusedError
from ..model import Role
from .identity import KEY_SIZE, PublicIdentity, mesh_id_of
from .records import Record, is_genuine, is_name, parse_signed
from .signed import Signed

ID_SIZE: Final = 16
SECRET_SIZE: Final = 16
MAX_URLS: Final = 4
MAX_URL: Final = 256
"""Longest signaling address, characters."""
_SCHEME: Final = "infrafabric:join#"
_MARK: Final = "if1."
_MAX_TEXT: Final = 8192
_MAX_RECORD: Final = 2048
_FIELDS: Final = frozenset(
    ("v", "name", "authority", "founder", "record", "id", "role", "exp", "urls", "secret")
)
# What mail programs and chats put around and into a long text.
_NOISE: Final = re.compile(r"[\s<>\"'`\u00ad\u200b-\u200f\u2060\ufeff]+")
_URL: Final = re.compile(r"wss?://[!-~]+")


def is_signaling_url(url: object) -> bool:
    """Tell whether *url* may be the address of a signaling server.

    ``ws://`` or ``wss://``, a host, ASCII, at most ``MAX_URL`` characters, and neither a user
    nor a fragment.
    """
    if not isinstance(url, str) or len(url) > MAX_URL or not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        return (
            bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
            and ("#" not in url)
        )
    except ValueError:
        return False


def lookup_of(invitation_id: str) -> str:
    """Return the hash (64 hexadecimal characters) by which servers know an invitation."""
    return hashlib.sha256(b"infrafabric/invitation/1\0" + invitation_id.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One invitation with its secret, which ``repr`` leaves out."""

    mesh_name: str
    authority: bytes
    """The mesh's authority key, 32 bytes."""
    founder: bytes
    """The founder's key, 32 bytes."""
    record: Record
    """The inviter's own record, an admin's."""
    invitation_id: str
    """32 hexadecimal characters."""
    role: Role
    """What the newcomer will be."""
    expires: int
    """Unix time, seconds."""
    urls: tuple[str, ...]
    """1…4 addresses of signaling servers, best first."""
    secret: bytes = field(repr=False)
    """16 bytes."""

    @property
    def mesh_id(self) -> str:
        """The mesh id."""
        return mesh_id_of(self.authority, self.founder)

    @property
    def inviter(self) -> PublicIdentity:
        """The admin who answers."""
        return PublicIdentity(self.record.public_key)

    @property
    def lookup(self) -> str:
        """What the signaling server knows the invitation by."""
        return lookup_of(self.invitation_id)

    def text(self) -> str:
        """Return the text to paste or to show as a QR code; it contains the secret."""
        data = canonical_json(
            {
                "v": 1,
                "name": self.mesh_name,
                "authority": b64encode(self.authority),
                "founder": b64encode(self.founder),
                "record": self.record.signed.to_json(),
                "id": self.invitation_id,
                "role": self.role.value,
                "exp": self.expires,
                "urls": list(self.urls),
                "secret": b64encode(self.secret),
            }
        )
        return _SCHEME + _MARK + base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")

    @classmethod
    def parse(cls, text: str, now: float) -> Self:
        """Read an invitation as a person pasted it.

        White space and line breaks anywhere, quotes around it and a missing or other address
        before ``if1.`` do not matter.

        Args:
            text: What was pasted.
            now: Unix time, seconds.

        Raises:
            InvalidError: ``invitation_malformed``.
            RefusedError: ``invitation_expired``.

        """
        try:
            invitation = cls._read(_decode(text))
        except ValueError as err:
            msg = (
                "This is not a whole invitation; copy all of its text again, or ask for a new one."
            )
            raise InvalidError("invitation_malformed", msg) from err
        if invitation.expires < now:
            msg = "The invitation has expired; ask for a new one."
            raise RefusedError("invitation_expired", msg)
        return invitation

    @classmethod
    def _read(cls, value: Any) -> Self:
        if not isinstance(value, dict) or value.keys() != _FIELDS:
            raise ValueError("not the members of an invitation")
        if type(value["v"]) is not int or value["v"] != 1:
            raise ValueError("an unknown version")
        urls = value["urls"]
        if (
            not isinstance(urls, list)
            or not 1 <= len(urls) <= MAX_URLS
            or not all(is_signaling_url(url) for url in urls)
        ):
            raise ValueError("not a list of signaling addresses")
        if not is_name(value["name"]):
            raise ValueError("not a name")
        if type(value["exp"]) is not int or not 0 <= value["exp"] <= MAX_SAFE_INTEGER:
            raise ValueError("not a time")
        if not isinstance(value["role"], str):
            raise ValueError("not a role")
        invitation_id = value["id"]
        hexdecode(invitation_id, ID_SIZE)
        record = parse_signed(Signed.from_json(value["record"], _MAX_RECORD))
        invitation = cls(
            mesh_name=value["name"],
            authority=b64decode(value["authority"], KEY_SIZE),
            founder=b64decode(value["founder"], KEY_SIZE),
            record=_admin_record(record),
            invitation_id=invitation_id,
            role=Role(value["role"]),
            expires=value["exp"],
            urls=tuple(urls),
            secret=b64decode(value["secret"], SECRET_SIZE),
        )
        if invitation.authority == invitation.founder:
            raise ValueError("authority and founder are one key")
        if invitation.record.mesh_id != invitation.mesh_id:
            raise ValueError("the inviter belongs to another mesh")
        return invitation


def _decode(text: str) -> Any:
    if len(text) > _MAX_TEXT:
        raise ValueError("too long")
    compact = _NOISE.sub("", text)
    _, mark, encoded = compact.partition("#" + _MARK)
    if not mark:
        if not compact.startswith(_MARK):
            raise ValueError("no invitation in it")
        encoded = compact.removeprefix(_MARK)
    try:
        data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as err:
        raise ValueError("not base64url") from err
    if base64.urlsafe_b64encode(data).decode("ascii").rstrip("=") != encoded:
        raise ValueError("base64url is not canonical")
    return parse_canonical_json(data)


def _admin_record(record: object) -> Record:
    if not isinstance(record, Record) or not record.admin or not is_genuine(record):
        raise ValueError("not the record of an admin")
    return record
