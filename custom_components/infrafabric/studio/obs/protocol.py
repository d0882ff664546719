"""obs-websocket 5.x as pure functions: texts in, values out, and the other way round.

Follows https://github.com/obsproject/obs-websocket/blob/master/docs/generated/protocol.md. What
arrives is hostile until it is parsed: sizes are bounded by the connection, types are checked here.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
import hashlib
from typing import Any, Final

import orjson

from ..errors import AuthenticationError
from .closing import too_old

SUBPROTOCOL: Final = "obswebsocket.json"
RPC_VERSION: Final = 1
MAX_FRAME_BYTES: Final = 16 * 1024 * 1024
"""The largest answer is a screenshot of 8 MiB in base64."""
MAX_BATCH: Final = 512
"""Requests in one frame."""
_MAX_TEXT: Final = 1024


class OpCode(IntEnum):
    """What a frame is."""

    HELLO = 0
    IDENTIFY = 1
    IDENTIFIED = 2
    REIDENTIFY = 3
    EVENT = 5
    REQUEST = 6
    RESPONSE = 7
    BATCH = 8
    BATCH_RESPONSE = 9


class Intent(IntFlag):
    """Which events the server sends."""

    GENERAL = 1 << 0
    CONFIG = 1 << 1
    SCENES = 1 << 2
    INPUTS = 1 << 3
    TRANSITIONS = 1 << 4
    OUTPUTS = 1 << 6
    SCENE_ITEMS = 1 << 7
    UI = 1 << 10
    INPUT_VOLUME_METERS = 1 << 16


class Status(IntEnum):
    """Answers that mean something to this client; every other one is only a reason to show."""

    SUCCESS = 100
    UNKNOWN_REQUEST = 204
    NOT_READY = 207
    OUTPUT_RUNNING = 500
    OUTPUT_NOT_RUNNING = 501
    OUTPUT_PAUSED = 502
    OUTPUT_NOT_PAUSED = 503
    NOT_FOUND = 600
    INVALID_STATE = 604


STATUS_TEXTS: Final[Mapping[int, str]] = {
    Status.UNKNOWN_REQUEST: "this version does not know the request",
    205: "OBS could not do it",
    Status.NOT_READY: "OBS is still loading",
    Status.OUTPUT_RUNNING: "the output runs already, or is just stopping",
    Status.OUTPUT_NOT_RUNNING: "the output does not run",
    Status.OUTPUT_PAUSED: "the output is paused",
    Status.OUTPUT_NOT_PAUSED: "the output is not paused",
    504: "the output is switched off in OBS's settings",
    505: "studio mode is on",
    506: "studio mode is off",
    Status.NOT_FOUND: "there is nothing of that name",
    601: "there is one of that name already",
    602: "it is of another kind",
    603: "OBS has not enough of what that needs",
    Status.INVALID_STATE: "it is not in a state for that",
    605: "there is no such kind of input",
    606: "it has no settings",
    607: "there is no such kind of filter",
    700: "OBS could not create it",
    701: "OBS could not do it",
    702: "OBS could not process it",
    703: "it cannot do that",
}
"""What OBS means where it gives a number without a comment."""


def intents(*, scene_items: bool, meters: bool) -> Intent:
    """Return the events that a client needs, and no more."""
    wanted = (
        Intent.GENERAL
        | Intent.CONFIG
        | Intent.SCENES
        | Intent.INPUTS
        | Intent.TRANSITIONS
        | Intent.OUTPUTS
        | Intent.UI
    )
    if scene_items:
        wanted |= Intent.SCENE_ITEMS
    if meters:
        wanted |= Intent.INPUT_VOLUME_METERS
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The server's first frame; *challenge* and *salt* are None if it asks for no password."""

    version: str
    rpc_version: int
    challenge: str | None = None
    salt: str | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """The server accepted the client."""

    rpc_version: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in OBS."""

    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one request.

    Attributes:
        ok: Whether it was done.
        code: A number of ``Status`` or of the protocol's other ones.
        comment: OBS's own words, if it has any; may repeat what was sent.
        data: What was asked for.

    """

    ok: bool
    code: int
    comment: str | None
    data: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """Why not, in words."""
        return self.comment or STATUS_TEXTS.get(self.code, f"OBS gave the reason {self.code}")


ABSENT: Final = Answer(ok=False, code=0, comment="OBS did not answer this", data={})
"""Stands for an answer that a batch should have had."""


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to the request of that id."""

    request_id: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class BatchResponse:
    """The answers to the batch of that id, by the id of each request in it."""

    request_id: str
    answers: Mapping[str, Answer]


type Frame = Hello | Identified | Event | Response | BatchResponse


# -- sending --------------------------------------------------------------------------------------


def authentication(password: str, *, salt: str, challenge: str) -> str:
    """Return the proof of the password (the protocol's "Creating an authentication string")."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return digest(digest(password + salt) + challenge)


def identify(hello: Hello, password: str | None, wanted: Intent) -> str:
    """Return the client's first frame.

    Raises:
        AuthenticationError: The server wants a password and there is none.
        ProtocolError: The server speaks an older protocol.

    """
    if hello.rpc_version < RPC_VERSION:
        raise too_old(hello.version)
    data: dict[str, Any] = {"rpcVersion": RPC_VERSION, "eventSubscriptions": int(wanted)}
    if hello.challenge is not None and hello.salt is not None:
        if not password:
            raise AuthenticationError(
                "studio_auth_missing",
                "OBS asks for a password and none was given. It is in OBS under Tools → WebSocket "
                "Server Settings → Show Connect Info.",
            )
        data["authentication"] = authentication(
            password, salt=hello.salt, challenge=hello.challenge
        )
    return _frame(OpCode.IDENTIFY, data)


def request(request_id: str, name: str, data: Mapping[str, Any] | None = None) -> str:
    """Return a frame that asks for one thing."""
    return _frame(OpCode.REQUEST, {"requestId": request_id, **_asked(name, data)})


def batch(request_id: str, requests: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Return a frame with several requests, done one after another whatever becomes of each."""
    asked = [
        {"requestId": str(number), **_asked(name, data)}
        for number, (name, data) in enumerate(requests)
    ]
    return _frame(
        OpCode.BATCH, {"requestId": request_id, "haltOnFailure": False, "requests": asked}
    )


def _asked(name: str, data: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"requestType": name, "requestData": dict(data)} if data else {"requestType": name}


def _frame(code: OpCode, data: Mapping[str, Any]) -> str:
    return orjson.dumps({"op": int(code), "d": data}).decode()


# -- receiving ------------------------------------------------------------------------------------


def parse(text: str) -> Frame | None:
    """Return what a frame says; None for one of a kind this client does not know.

    Raises:
        ValueError: It is malformed. The text of the error holds nothing of the frame.

    """
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError("not JSON") from None
    if not isinstance(frame, dict) or not isinstance(data := frame.get("d"), dict):
        raise ValueError("not a frame")
    match frame.get("op"):
        case OpCode.EVENT:
            return Event(_text(data, "eventType"), _mapping(data.get("eventData")))
        case OpCode.RESPONSE:
            return Response(_text(data, "requestId"), _answer(data))
        case OpCode.BATCH_RESPONSE:
            return _batch_response(data)
        case OpCode.IDENTIFIED:
            return Identified(_number(data, "negotiatedRpcVersion"))
        case OpCode.HELLO:
            return _hello(data)
    return None


def _hello(data: Mapping[str, Any]) -> Hello:
    version = _text(data, "obsWebSocketVersion")
    rpc_version = _number(data, "rpcVersion")
    auth = data.get("authentication")
    if auth is None:
        return Hello(version=version, rpc_version=rpc_version)
    auth = _mapping(auth)
    return Hello(
        version=version,
        rpc_version=rpc_version,
        challenge=_text(auth, "challenge"),
        salt=_text(auth, "salt"),
    )


def _batch_response(data: Mapping[str, Any]) -> BatchResponse:
    results = data.get("results")
    if not isinstance(results, list) or len(results) > MAX_BATCH:
        raise ValueError("not the answers to a batch")
    answers: dict[str, Answer] = {}
    for number, result in enumerate(results):
        if not isinstance(result, dict):
            raise ValueError("not the answers to a batch")
        given = result.get("requestId")
        answers[given if isinstance(given, str) else str(number)] = _answer(result)
    return BatchResponse(_text(data, "requestId"), answers)


def _answer(data: Mapping[str, Any]) -> Answer:
    status = _mapping(data.get("requestStatus"))
    ok, comment = status.get("result"), status.get("comment")
    if not isinstance(ok, bool):
        raise ValueError("an answer without a result")
    return Answer(
        ok=ok,
        code=_number(status, "code"),
        comment=comment[:_MAX_TEXT] if isinstance(comment, str) and comment else None,
        data=_mapping(data.get("responseData")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise ValueError(f"no {key}")
    return value


def _number(data: Mapping[str, Any], key: str) -> int:
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"no {key}")
    return value
