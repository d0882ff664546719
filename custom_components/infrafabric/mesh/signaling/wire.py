r"""The frames between a signaling client and a server, and their strict parsers.

Every frame is one WebSocket text message (RFC 6455 section 5.6) of at most ``MAX_FRAME`` bytes
holding one JSON object. ``t`` names its kind; other keys than those listed are refused. Ids are
peer ids (32 base32 characters); an invitee has ``j-`` and 16 hexadecimal characters instead.

From the client::

    {"t":"hello","v":1,"mesh":ID,"nonce":B64 of 16 bytes}            a member
    {"t":"hello","v":1,"mesh":ID,"nonce":B64,"invite":64 hex}        somebody with an invitation
    {"t":"auth","url":URL it dialled,"chain":[SIGNED, 1…32],"authority":B64,"founder":B64,"sig":B64}
    {"t":"send","to":ID,"box":B64}
    {"t":"invites","lookups":[64 hex, 0…256]}

From the server::

    {"t":"challenge","nonce":B64 of 16 bytes,"time":unix seconds}
    {"t":"ready","id":own ID,"peers":[ID …],"time":unix seconds}     to a member
    {"t":"ready","id":"j-…","inviter":ID}                            to an invitee
    {"t":"box","from":ID,"box":B64}    {"t":"absent","to":ID}
    {"t":"up","id":ID}                 {"t":"down","id":ID}
    {"t":"error","code":CODE}          the server closes after it

Before it refuses a former member that proved its key, the server may send it one ``box``: the
hosting node's explanation.

``chain`` holds membership records, the founder's first and the client's own last. ``sig`` is
made for purpose ``signaling`` over the RFC 8785 form of ``{"client","key","mesh","server",
"url"}``: both nonces, the client's key, the mesh id and the URL, so that no server can pass the
signature on to another one. ``invite`` and ``lookups`` are hashes of invitation ids.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import re
from typing import Any, Final

import orjson
from yarl import URL

from ..encoding import b64decode, b64encode, canonical_json, hexdecode, parse_json
from ..trust.identity import KEY_SIZE, SIGNATURE_SIZE, is_identifier
from ..trust.records import MAX_CHAIN
from ..trust.signed import Signed
from .base import MAX_BOX, MAX_INVITES

VERSION: Final = 1
MAX_FRAME: Final = 65_536
"""Bytes in one frame."""
MAX_RECORD: Final = 2_048
"""Bytes in the body of one membership record."""
MAX_URL: Final = 512
MAX_PEERS: Final = 1_024
"""Most members a client believes to be present: the largest mesh."""
NONCE_SIZE: Final = 16
LOOKUP_SIZE: Final = 32

_JOINER: Final = re.compile(r"j-[0-9a-f]{16}")
_CODE: Final = re.compile(r"[a-z][a-z_]{0,31}")
_MAX_BOX_TEXT: Final = 4 * ((MAX_BOX + 2) // 3)
_MAX_TIME: Final = 1e11


@dataclass(frozen=True, slots=True)
class Hello:
    """The client's first frame."""

    mesh: str
    nonce: bytes
    invite: str | None = None


@dataclass(frozen=True, slots=True)
class Auth:
    """A member's answer to the challenge."""

    url: str
    chain: tuple[Signed, ...]
    authority: bytes
    founder: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SendBox:
    """A box to pass on; ``box`` stays base64, checked."""

    to: str
    box: str


@dataclass(frozen=True, slots=True)
class Invites:
    """The invitations the client answers for."""

    lookups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server's first frame; ``time`` in unix seconds."""

    nonce: bytes
    time: float


@dataclass(frozen=True, slots=True)
class Ready:
    """A member is signed in."""

    id: str
    peers: tuple[str, ...]
    time: float


@dataclass(frozen=True, slots=True)
class Welcome:
    """An invitee may now write to its inviter."""

    id: str
    inviter: str


@dataclass(frozen=True, slots=True)
class Box:
    """A box that arrived."""

    sender: str
    box: bytes


@dataclass(frozen=True, slots=True)
class Absent:
    """The receiver of a box is not here."""

    to: str


@dataclass(frozen=True, slots=True)
class Presence:
    """A member came or went."""

    id: str
    up: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the server closes."""

    code: str


type ClientFrame = Hello | Auth | SendBox | Invites
type ServerFrame = Challenge | Ready | Welcome | Box | Absent | Presence | Failure


def _list(value: object, most: int, least: int = 0) -> list[Any]:
    if type(value) is not list or not least <= len(value) <= most:
        raise ValueError(f"expected a list of {least} to {most}")
    return value


def _text(value: object, most: int) -> str:
    if type(value) is not str or not 0 < len(value) <= most:
        raise ValueError(f"expected text of 1 to {most} characters")
    return value


def _member(value: object) -> str:
    if not is_identifier(value):
        raise ValueError("not an id")
    return str(value)


def _anyone(value: object) -> str:
    return str(value) if is_joiner(value) else _member(value)


def _lookup(value: object) -> str:
    hexdecode(value, LOOKUP_SIZE)
    return str(value)


def _time(value: object) -> float:
    if type(value) not in (int, float) or not 0 <= value <= _MAX_TIME:  # type: ignore[operator]
        raise ValueError("not a time")
    return float(value)  # type: ignore[arg-type]


def _box(value: object) -> bytes:
    box = b64decode(_text(value, _MAX_BOX_TEXT))
    if len(box) > MAX_BOX:
        raise ValueError("the box is too large")
    return box


def is_joiner(value: object) -> bool:
    """Tell whether *value* has the form of an invitee's id."""
    return isinstance(value, str) and _JOINER.fullmatch(value) is not None


def _hello(frame: Mapping[str, Any]) -> Hello:
    if type(frame["v"]) is not int or frame["v"] != VERSION:
        raise ValueError("unknown protocol version")
    invite = _lookup(frame["invite"]) if "invite" in frame else None
    return Hello(_member(frame["mesh"]), b64decode(frame["nonce"], NONCE_SIZE), invite)


def _auth(frame: Mapping[str, Any]) -> Auth:
    return Auth(
        _text(frame["url"], MAX_URL),
        tuple(Signed.from_json(item, MAX_RECORD) for item in _list(frame["chain"], MAX_CHAIN, 1)),
        b64decode(frame["authority"], KEY_SIZE),
        b64decode(frame["founder"], KEY_SIZE),
        b64decode(frame["sig"], SIGNATURE_SIZE),
    )


def _send(frame: Mapping[str, Any]) -> SendBox:
    _box(frame["box"])
    return SendBox(_anyone(frame["to"]), frame["box"])


def _invites(frame: Mapping[str, Any]) -> Invites:
    return Invites(frozenset(_lookup(item) for item in _list(frame["lookups"], MAX_INVITES)))


def _ready(frame: Mapping[str, Any]) -> Ready | Welcome:
    if "inviter" in frame:
        if frame.keys() != {"t", "id", "inviter"} or not is_joiner(frame["id"]):
            raise ValueError("not an invitee's welcome")
        return Welcome(frame["id"], _member(frame["inviter"]))
    peers = tuple(_member(item) for item in _list(frame["peers"], MAX_PEERS))
    return Ready(_member(frame["id"]), peers, _time(frame["time"]))


def _failure(frame: Mapping[str, Any]) -> Failure:
    if type(frame["code"]) is not str or not _CODE.fullmatch(frame["code"]):
        raise ValueError("not an error code")
    return Failure(frame["code"])


# kind: (keys that must be there, keys that may be there, reader)
type _Table[T] = Mapping[
    str, tuple[frozenset[str], frozenset[str], Callable[[Mapping[str, Any]], T]]
]


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split()) | {"t"}


_FROM_CLIENT: Final[_Table[ClientFrame]] = {
    "hello": (_keys("v mesh nonce"), _keys("invite"), _hello),
    "auth": (_keys("url chain authority founder sig"), _keys(""), _auth),
    "send": (_keys("to box"), _keys(""), _send),
    "invites": (_keys("lookups"), _keys(""), _invites),
}
_FROM_SERVER: Final[_Table[ServerFrame]] = {
    "challenge": (
        _keys("nonce time"),
        _keys(""),
        lambda f: Challenge(b64decode(f["nonce"], NONCE_SIZE), _time(f["time"])),
    ),
    "ready": (_keys("id"), _keys("peers time inviter"), _ready),
    "box": (_keys("from box"), _keys(""), lambda f: Box(_anyone(f["from"]), _box(f["box"]))),
    "absent": (_keys("to"), _keys(""), lambda f: Absent(_anyone(f["to"]))),
    "up": (_keys("id"), _keys(""), lambda f: Presence(_member(f["id"]), up=True)),
    "down": (_keys("id"), _keys(""), lambda f: Presence(_member(f["id"]), up=False)),
    "error": (_keys("code"), _keys(""), _failure),
}


def _parse[T](table: _Table[T], text: str) -> T:
    if len(text) > MAX_FRAME:
        raise ValueError("the frame is too long")
    frame = parse_json(text)
    if not isinstance(frame, dict) or type(frame.get("t")) is not str:
        raise ValueError("not a frame")
    entry = table.get(frame["t"])
    if entry is None:
        raise ValueError("unknown kind of frame")
    needed, allowed, read = entry
    keys = frame.keys()
    if not needed <= keys <= needed | allowed:
        raise ValueError("keys are missing or unknown")
    try:
        return read(frame)
    except KeyError as err:
        raise ValueError("keys are missing") from err


def parse_client_frame(text: str) -> ClientFrame:
    """Return what a client says.

    Raises:
        ValueError: Anything but a well-formed frame.

    """
    return _parse(_FROM_CLIENT, text)


def parse_server_frame(text: str) -> ServerFrame:
    """Return what a server says.

    Raises:
        ValueError: Anything but a well-formed frame.

    """
    return _parse(_FROM_SERVER, text)


def encode_frame(kind: str, **fields: Any) -> str:
    """Return the text of a frame; ``from_`` stands for the key ``from``."""
    named = {key.rstrip("_"): value for key, value in fields.items()}
    return orjson.dumps({"t": kind, **named}).decode()


def hello_frame(mesh: str, nonce: bytes, invite: str | None = None) -> str:
    """Return the client's first frame."""
    extra = {} if invite is None else {"invite": invite}
    return encode_frame("hello", v=VERSION, mesh=mesh, nonce=b64encode(nonce), **extra)


def auth_frame(
    url: str, chain: Sequence[Signed], authority: bytes, founder: bytes, signature: bytes
) -> str:
    """Return a member's answer to the challenge."""
    return encode_frame(
        "auth",
        url=url,
        chain=[item.to_json() for item in chain],
        authority=b64encode(authority),
        founder=b64encode(founder),
        sig=b64encode(signature),
    )


def transcript(url: str, mesh: str, key: bytes, client_nonce: bytes, server_nonce: bytes) -> bytes:
    """Return the bytes that a member signs to sign in.

    Raises:
        ValueError: *url* is not Unicode (a lone surrogate).

    """
    return canonical_json(
        {
            "client": b64encode(client_nonce),
            "key": b64encode(key),
            "mesh": mesh,
            "server": b64encode(server_nonce),
            "url": url,
        }
    )


def address_of(url: str) -> str | None:
    """Return ``host:port/path`` of a signaling URL to compare addresses by, or None.

    The scheme only decides the default port: a proxy may end TLS before the server.
    """
    try:
        parsed = URL(url)
        if parsed.scheme not in ("ws", "wss", "http", "https") or not parsed.raw_host:
            return None
        if parsed.user or parsed.password or parsed.raw_query_string or parsed.raw_fragment:
            return None
        port = parsed.port
        host = parsed.raw_host.lower().rstrip(".")
        path = parsed.raw_path.rstrip("/")
    except ValueError, TypeError:
        return None
    return f"{host}:{port}{path}"
