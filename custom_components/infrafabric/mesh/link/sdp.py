"""Session descriptions: what a node accepts of a peer's SDP, and the signed envelope around it.

Only what a data-channel-only session needs is read (RFC 8866, RFC 8839, RFC 8841, RFC 8842) and
everything handed on is written anew from the checked values, so nothing that a peer wrote reaches
the WebRTC stack as text.
"""

from dataclasses import dataclass
import ipaddress
import re
from typing import Any, Final, Literal, Self

from ..encoding import hexdecode
from ..errors import RefusedError
from ..trust.identity import Identity, PublicIdentity, Purpose
from ..trust.signed import Signed

MAX_SDP: Final = 16 * 1024
"""Largest accepted SDP text, bytes."""
MAX_CANDIDATES: Final = 20
MAX_MESSAGE: Final = 65536
"""``max-message-size`` (RFC 8841 section 6) that this node announces; frames are smaller."""
MIN_MESSAGE: Final = 16384
"""Smallest ``max-message-size`` of a peer that a link can live with."""
LIFETIME: Final = 30
"""Seconds an envelope is valid."""
CLOCK_TOLERANCE: Final = 120
"""Seconds by which two members' clocks may differ; the same as for messages."""

type Kind = Literal["offer", "answer"]

_ENVELOPE: Final = 2 * MAX_SDP
_FINGERPRINT: Final = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")
_ICE_CHARS: Final = re.compile(r"[A-Za-z0-9+/]+")
_MID: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
_FOUNDATION: Final = re.compile(r"[A-Za-z0-9+/]{1,32}")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,9}")
_TYPES: Final = frozenset({"host", "srflx", "prflx", "relay"})
_SETUPS: Final = {"offer": frozenset({"actpass"}), "answer": frozenset({"active", "passive"})}
_UFRAG: Final = range(4, 257)
_PWD: Final = range(22, 257)
_CANDIDATE_WORDS: Final = 8
_ATTRIBUTES: Final = frozenset(
    {"mid", "ice-ufrag", "ice-pwd", "setup", "sctp-port", "max-message-size"}
)
_IGNORED: Final = frozenset(
    {"group", "msid-semantic", "ice-options", "extmap-allow-mixed", "end-of-candidates", "sendrecv"}
)


def _bad(what: str) -> ValueError:
    return ValueError(f"session description: {what}")


def _number(text: str, low: int, high: int) -> int:
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise _bad("number out of range")
    return int(text)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One UDP ICE candidate (RFC 8839 section 5.1) with a literal address."""

    foundation: str
    priority: int
    address: str
    port: int
    type: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the value of an ``a=candidate`` line; None for TCP, which is not used.

        Raises:
            ValueError: Malformed, a host name, or an address nobody can listen on.

        """
        words = text.split(" ")
        if len(words) < _CANDIDATE_WORDS or words[6] != "typ" or words[7] not in _TYPES:
            raise _bad("malformed candidate")
        if not _FOUNDATION.fullmatch(words[0]):
            raise _bad("malformed foundation")
        if words[2].lower() != "udp":
            return None
        _number(words[1], 1, 1)
        address = ipaddress.ip_address(words[4])
        if address.is_multicast or address.is_unspecified or "%" in words[4]:
            raise _bad("unusable candidate address")
        return cls(
            foundation=words[0],
            priority=_number(words[3], 1, 2**32 - 1),
            address=str(address),
            port=_number(words[5], 1, 65535),
            type=words[7],
        )

    def text(self) -> str:
        """Return the value of the ``a=candidate`` line; related addresses stay private."""
        return f"{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ {self.type}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A checked description of one data-channel session."""

    kind: Kind
    mid: str
    ufrag: str
    pwd: str
    fingerprint: str
    """SHA-256 of the DTLS certificate: 32 upper-case hexadecimal pairs with colons."""
    setup: str
    port: int
    """SCTP port (RFC 8841 section 5)."""
    candidates: tuple[Candidate, ...]

    @classmethod
    def parse(cls, kind: Kind, text: str) -> Self:
        """Read and check an SDP text.

        Raises:
            ValueError: Too large, more than one media section, media other than a data channel
                session, fingerprints other than SHA-256, too many candidates, host names, or
                anything this version does not know.

        """
        values, candidates = _read_lines(text)
        try:
            session = cls(
                kind=kind,
                mid=values.get("mid", "0"),
                ufrag=values["ice-ufrag"],
                pwd=values["ice-pwd"],
                fingerprint=values["fingerprint"],
                setup=values["setup"],
                port=_number(values["sctp-port"], 1, 65535),
                candidates=candidates,
            )
        except KeyError as err:
            raise _bad(f"no {err.args[0]}") from err
        if session.setup not in _SETUPS[kind]:
            raise _bad("impossible DTLS role")
        if not _MID.fullmatch(session.mid):
            raise _bad("malformed mid")
        for value, sizes in ((session.ufrag, _UFRAG), (session.pwd, _PWD)):
            if len(value) not in sizes or not _ICE_CHARS.fullmatch(value):
                raise _bad("malformed ICE credentials")
        size = _number(values.get("max-message-size", "65536"), 0, 2**31)
        if 0 < size < MIN_MESSAGE:
            raise _bad("the peer's messages are too small")
        return session

    def text(self) -> str:
        """Return the description as SDP with every candidate and their end."""
        lines = [
            "v=0",
            "o=- 1 1 IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            f"a=group:BUNDLE {self.mid}",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{self.mid}",
            f"a=sctp-port:{self.port}",
            f"a=max-message-size:{MAX_MESSAGE}",
            f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.pwd}",
            f"a=fingerprint:sha-256 {self.fingerprint}",
            f"a=setup:{self.setup}",
            *(f"a=candidate:{candidate.text()}" for candidate in self.candidates),
            "a=end-of-candidates",
        ]
        return "\r\n".join(lines) + "\r\n"


def _read_lines(text: str) -> tuple[dict[str, str], tuple[Candidate, ...]]:
    """Return single-valued attributes and the candidates of an SDP text."""
    if len(text) > MAX_SDP or not text.isascii():
        raise _bad("too large or not ASCII")
    values: dict[str, str] = {}
    candidates: list[Candidate] = []
    count = 0
    media = 0
    for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n"):
        if not line.isprintable() or line[1:2] != "=":
            raise _bad("malformed line")
        kind, value = line[0], line[2:]
        if kind == "m":
            media += 1
            words = value.split(" ")
            if (
                media > 1
                or words[0] != "application"
                or words[2:] != ["UDP/DTLS/SCTP", "webrtc-datachannel"]
            ):
                raise _bad("not one data-channel session")
        elif kind == "a":
            name, _, value = value.partition(":")
            if name == "candidate":
                count += 1
                if count > MAX_CANDIDATES:
                    raise _bad("too many candidates")
                if (candidate := Candidate.parse(value)) is not None:
                    candidates.append(candidate)
            elif name not in _IGNORED:
                _set(values, name, value)
        elif kind not in "vostcb":
            raise _bad("unknown line")
    if media != 1:
        raise _bad("no media section")
    return values, tuple(candidates)


def _set(values: dict[str, str], name: str, value: str) -> None:
    if name == "fingerprint":
        algorithm, _, value = value.partition(" ")
        value = value.upper()
        if algorithm.lower() != "sha-256" or not _FINGERPRINT.fullmatch(value):
            raise _bad("the fingerprint is not SHA-256")
    elif name not in _ATTRIBUTES:
        raise _bad("unknown attribute")
    if values.setdefault(name, value) != value:
        raise _bad("contradicting attributes")


def own_text(text: str) -> str:
    """Return the WebRTC stack's own SDP *text* without other fingerprints than SHA-256."""
    lines = [
        line
        for line in text.splitlines()
        if not line.startswith("a=fingerprint:") or line.startswith("a=fingerprint:sha-256 ")
    ]
    return "\r\n".join(lines) + "\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A session description from one member to another, checked and bound to both."""

    attempt: str
    """16 random bytes in hexadecimal: the dial this belongs to."""
    session: Session
    digest: str
    """Hexadecimal SHA-256 of the signed body."""

    @staticmethod
    def make(
        identity: Identity,
        *,
        mesh_id: str,
        peer: PublicIdentity,
        attempt: str,
        session: Session,
        now: float,
        offer: str | None = None,
    ) -> Signed:
        """Sign *session* for *peer*; an answer carries the digest of its *offer*.

        Args:
            identity: Who signs.
            mesh_id: The mesh both are members of.
            peer: Whom it is for.
            attempt: Hexadecimal attempt id.
            session: The description.
            now: Unix time, seconds.
            offer: Digest of the offer's body, in an answer.

        """
        body: dict[str, Any] = {
            "v": 1,
            "kind": session.kind,
            "mesh": mesh_id,
            "from": identity.peer_id,
            "to": peer.peer_id,
            "id": attempt,
            "exp": int(now) + LIFETIME,
            "sdp": session.text(),
        }
        if offer is not None:
            body["offer"] = offer
        return Signed.make(identity, Purpose.SDP, body)

    @classmethod
    def open(
        cls,
        signed: Signed,
        *,
        kind: Kind,
        mesh_id: str,
        own_id: str,
        peer: PublicIdentity,
        now: float,
        attempt: str | None = None,
        offer: str | None = None,
    ) -> Self:
        """Check *signed* in every respect and return its content.

        Args:
            signed: What arrived.
            kind: ``offer`` or ``answer``.
            mesh_id: The mesh it must name.
            own_id: The receiver it must name: this node.
            peer: The sender it must name and be signed by.
            now: Unix time, seconds.
            attempt: In an answer, the attempt id of the offer.
            offer: In an answer, the digest of the offer.

        Raises:
            RefusedError: ``sdp_refused``: wrong signature, receiver, mesh, offer or content;
                ``sdp_expired``: older than 30 s, allowing for two minutes of clock difference.

        """
        if len(signed.body) > _ENVELOPE or not signed.verified(peer, Purpose.SDP):
            raise _refused("its signature is wrong")
        try:
            body = signed.value()
            expires = body.get("exp")
            wanted: dict[str, Any] = {
                "v": 1,
                "kind": kind,
                "mesh": mesh_id,
                "from": peer.peer_id,
                "to": own_id,
                "id": body.get("id") if attempt is None else attempt,
                "exp": expires,
                "sdp": body.get("sdp"),
            }
            if offer is not None:
                wanted["offer"] = offer
            if body != wanted or type(body["v"]) is not int:
                raise _refused("it is not for this dial")
            hexdecode(body["id"], 16)
            if type(expires) is not int or not isinstance(body["sdp"], str):
                raise _refused("it is malformed")
            if not expires - LIFETIME - CLOCK_TOLERANCE <= now <= expires + CLOCK_TOLERANCE:
                code, text = "sdp_expired", "The peer's session description is too old."
                raise RefusedError(code, text)
            session = Session.parse(kind, body["sdp"])
        except ValueError as err:
            raise _refused(str(err)) from err
        return cls(attempt=body["id"], session=session, digest=signed.digest)


def _refused(reason: str) -> RefusedError:
    code = "sdp_refused"
    return RefusedError(code, f"The peer's session description was refused: {reason}.")
