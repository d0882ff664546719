"""How a newcomer and its inviter talk: one request, one answer.

Both are canonical JSON, sealed by the caller for the one who reads it. The request proves the
invitation's secret (HMAC-SHA256, RFC 2104, over all of it) and the newcomer's key (a signature
for the purpose ``join``); the answer is signed with the inviter's key, which the invitation
names, and holds the hash of the request, so neither fits another exchange.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
import hashlib
import hmac
from typing import Any, Final, Self

from ..encoding import (
    MAX_SAFE_INTEGER,
    b64decode,
    b64encode,
    canonical_json,
    hexdecode,
    parse_canonical_json,
)
from ..errors import MeshError, RefusedError
from .identity import KEY_SIZE, SIGNATURE_SIZE, Identity, PublicIdentity, Purpose, is_identifier
from .invitation import ID_SIZE, Invitation, is_signaling_url
from .membership import CLOCK_TOLERANCE, MAX_SIGNED, Membership, clean_name, is_name
from .signed import Signed

MAX_REQUEST: Final = 2048
"""Largest request, bytes."""
MAX_ANSWER: Final = 44 << 10
"""Largest answer, bytes: sealed and as base64 it still fits a signaling frame of 64 KiB."""
MAX_ANSWER_URLS: Final = 16
_MAX_VALUES: Final = 1024
_NONCE_SIZE: Final = 16
_MAC_SIZE: Final = 32
_REQUEST_FIELDS: Final = frozenset(
    ("v", "kind", "mesh", "invitation", "key", "name", "software", "at", "nonce", "mac", "sig")
)
_ACCEPT_FIELDS: Final = frozenset(("v", "kind", "request", "at", "signed", "urls", "sig"))
_REFUSE_FIELDS: Final = frozenset(("v", "kind", "request", "at", "code", "sig"))

REFUSALS: Final[Mapping[str, str]] = {
    "invitation_spent": "The invitation was used already; ask for a new one.",
    "invitation_revoked": "The invitation was cancelled; ask for a new one.",
    "invitation_expired": "The invitation has expired; ask for a new one.",
    "invitation_refused": "The inviter refused the invitation; ask for a new one.",
    "clock_skew": "The clocks of the two nodes differ by more than two minutes; set them right.",
}
"""Codes of a refusal and what they mean."""


def _mac(secret: bytes, transcript: bytes) -> bytes:
    return hmac.digest(secret, b"infrafabric/join-request/1\0" + transcript, "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """A newcomer's request; its signature is checked, its proof of the secret is not."""

    mesh_id: str
    invitation_id: str
    public_key: bytes
    name: str
    software: str
    at: int
    """Unix time by the newcomer's clock, seconds."""
    digest: str
    """Hexadecimal SHA-256 of the whole request; the answer repeats it."""
    data: bytes = field(repr=False)
    """The request as it travels, before it is sealed."""
    transcript: bytes = field(repr=False)
    mac: bytes = field(repr=False)

    @property
    def identity(self) -> PublicIdentity:
        """The newcomer, for whom the answer is sealed."""
        return PublicIdentity(self.public_key)

    @classmethod
    def make(
        cls,
        identity: Identity,
        invitation: Invitation,
        *,
        name: str,
        software: str,
        now: float,
        random: Callable[[int], bytes],
    ) -> Self:
        """Ask to join.

        Args:
            identity: The newcomer's key for this mesh.
            invitation: What it was given.
            name: How it wants to be called; made to fit.
            software: What it runs; made to fit.
            now: Unix time, seconds.
            random: Returns that many random bytes.

        """
        fields: dict[str, Any] = {
            "v": 1,
            "kind": "join",
            "mesh": invitation.mesh_id,
            "invitation": invitation.invitation_id,
            "key": b64encode(identity.public_key),
            "name": clean_name(name, "node"),
            "software": clean_name(software, "unknown"),
            "at": int(now),
            "nonce": random(_NONCE_SIZE).hex(),
        }
        fields["mac"] = b64encode(_mac(invitation.secret, canonical_json(fields)))
        fields["sig"] = b64encode(identity.sign(Purpose.JOIN, canonical_json(fields)))
        return cls.parse(canonical_json(fields))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a request and check the newcomer's signature.

        Raises:
            ValueError: Not a request, or not signed with the key in it.

        """
        fields = _read(data, MAX_REQUEST, "join", _REQUEST_FIELDS)
        key = b64decode(fields["key"], KEY_SIZE)
        _check_signature(PublicIdentity(key), fields)
        mac = b64decode(fields.pop("mac"), _MAC_SIZE)
        hexdecode(fields["invitation"], ID_SIZE)
        hexdecode(fields["nonce"], _NONCE_SIZE)
        if not is_identifier(fields["mesh"]):
            raise ValueError("not a mesh id")
        # ``software`` follows the rules of a name, too.
        if not is_name(fields["name"]) or not is_name(fields["software"]):
            raise ValueError("not a name")
        return cls(
            mesh_id=fields["mesh"],
            invitation_id=fields["invitation"],
            public_key=key,
            name=fields["name"],
            software=fields["software"],
            at=fields["at"],
            digest=hashlib.sha256(data).hexdigest(),
            data=data,
            transcript=canonical_json(fields),
            mac=mac,
        )

    def proves(self, secret: bytes) -> bool:
        """Tell, in constant time, whether the newcomer knows *secret*."""
        return hmac.compare_digest(self.mac, _mac(secret, self.transcript))


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinAccept:
    """What a newcomer got: the mesh as its inviter knows it."""

    membership: Membership
    """Holds the newcomer's own record, and the rest as far as it fitted."""
    urls: tuple[str, ...]
    """Addresses of signaling servers."""
    at: int
    """Unix time by the inviter's clock, seconds."""


def make_accept(
    identity: Identity,
    request: JoinRequest,
    membership: Membership,
    urls: Sequence[str],
    now: float,
) -> bytes:
    """Return the answer that lets the newcomer in.

    Args:
        identity: The inviter.
        request: What is answered.
        membership: Holds the newcomer's record already. All of it goes along if it fits,
            otherwise what the two records stand on; the rest comes with the first link.
        urls: Addresses of signaling servers; the first 16 go along.
        now: Unix time, seconds.

    """
    subject = request.identity.peer_id
    everything = membership.all_signed()
    for signed in (everything, membership.needed_for([subject, identity.peer_id])):
        if len(signed) > _MAX_VALUES:
            continue
        answer = _answer(
            identity,
            request,
            "accept",
            now,
            {
                "signed": [value.to_json() for value in signed],
                "urls": [url for url in urls if is_signaling_url(url)][:MAX_ANSWER_URLS],
            },
        )
        if len(answer) <= MAX_ANSWER:
            break
    return answer


def make_refusal(identity: Identity, request: JoinRequest, code: str, now: float) -> bytes:
    """Return the answer that turns the newcomer away; *code* is one of ``REFUSALS``."""
    if code not in REFUSALS:
        raise ValueError("not the code of a refusal")
    return _answer(identity, request, "refuse", now, {"code": code})


def read_answer(
    data: bytes, invitation: Invitation, request: JoinRequest, now: float
) -> JoinAccept:
    """Read the inviter's answer to *request*.

    Args:
        data: The answer, opened.
        invitation: What the newcomer was given.
        request: What it asked.
        now: Unix time, seconds.

    Raises:
        RefusedError: One of ``REFUSALS``; ``clock_skew`` has details ``seconds``: how far the
            own clock is ahead.
        ValueError: Not the inviter's answer to this request; keep waiting for that.

    """
    value = _read(data, MAX_ANSWER, None, None)
    accepted = value["kind"] == "accept"
    if value.keys() != (_ACCEPT_FIELDS if accepted else _REFUSE_FIELDS):
        raise ValueError("not the members of an answer")
    _check_signature(invitation.inviter, value)
    if value["request"] != request.digest:
        raise ValueError("the answer to another request")
    if not accepted:
        raise _refusal(value, now)
    urls = value["urls"]
    values = value["signed"]
    if (
        not isinstance(urls, list)
        or len(urls) > MAX_ANSWER_URLS
        or not all(is_signaling_url(url) for url in urls)
        or not isinstance(values, list)
        or len(values) > _MAX_VALUES
    ):
        raise ValueError("not an acceptance")
    membership = Membership(invitation.mesh_name, invitation.authority, invitation.founder)
    for item in values:
        membership.add(Signed.from_json(item, MAX_SIGNED), now)
    if membership.role(request.identity.peer_id, now) is None:
        raise ValueError("an acceptance without a membership")
    return JoinAccept(membership=membership, urls=tuple(urls), at=value["at"])


def _answer(
    identity: Identity, request: JoinRequest, kind: str, now: float, more: Mapping[str, Any]
) -> bytes:
    fields = {"v": 1, "kind": kind, "request": request.digest, "at": int(now), **more}
    fields["sig"] = b64encode(identity.sign(Purpose.JOIN, canonical_json(fields)))
    return canonical_json(fields)


def _read(data: bytes, limit: int, kind: str | None, keys: frozenset[str] | None) -> dict[str, Any]:
    """Return the members that every part of the exchange has, checked (*kind* None: answers)."""
    if len(data) > limit:
        raise ValueError("too long")
    value = parse_canonical_json(data)
    if not isinstance(value, dict) or not {"v", "kind", "at", "sig"} <= value.keys():
        raise ValueError("not a part of the exchange")
    if keys is not None and value.keys() != keys:
        raise ValueError("not the members it should have")
    if type(value["v"]) is not int or value["v"] != 1:
        raise ValueError("an unknown version")
    if value["kind"] not in ([kind] if kind else ["accept", "refuse"]):
        raise ValueError("another part of the exchange")
    if type(value["at"]) is not int or not 0 <= value["at"] <= MAX_SAFE_INTEGER:
        raise ValueError("not a time")
    return value


def _check_signature(signer: PublicIdentity, fields: dict[str, Any]) -> None:
    """Remove the signature from *fields* and check it over the rest."""
    signature = b64decode(fields.pop("sig"), SIGNATURE_SIZE)
    if not signer.verify(Purpose.JOIN, canonical_json(fields), signature):
        raise ValueError("a wrong signature")


def _refusal(value: Mapping[str, Any], now: float) -> MeshError:
    code = value["code"]
    if not isinstance(code, str) or code not in REFUSALS:
        code = "invitation_refused"
    if code != "clock_skew":
        return RefusedError(code, REFUSALS[code])
    return RefusedError(code, REFUSALS[code], seconds=str(round(now) - value["at"]))


def skewed(request: JoinRequest, now: float) -> bool:
    """Tell whether the newcomer's clock is too far off."""
    return abs(request.at - now) > CLOCK_TOLERANCE
